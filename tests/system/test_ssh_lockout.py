#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Guessing over ssh: how many tries are verified, whom they lock, and what becomes of those that sshd breaks off."""
import json
import signal
import time

from lib import daemon, report, sshd, stage, world
from lib.report import contains, equal, lacks

ATTEMPTS = 5
CLASS = """
[class field]
; a counter that has no card reader
person = goro
factors = totp,password
"""
GUESSES = report.long(1000, 60)
GRACE = 12              # seconds, in which a busy machine too comes to the prompt
SLOW = 32               # passes of a hash that takes more than a second
WRONG = "not-the-password"
people = sshd.people
goro = None


def prepare():
    global goro
    stage.set_up(stage.quick(ATTEMPTS, "address-attempts = 1000", CLASS))
    sshd.start()
    sshd.person("taro")
    sshd.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    world.add_user("goro")
    stage.tool("user", "add", "goro")
    goro = stage.Person("goro", app=stage.enroll_app("goro"))
    stage.tool("password", "set", "goro", "--stdin", text=stage.PASSWORD + "\n")
    for name in people:
        sshd.allow(name, *(each.line for each in people.values()))


def prompts(n):
    return ("-o", f"NumberOfPasswordPrompts={n}")


def verified_since(seq):
    """What verifiers found wrong since: only such a try is recorded here."""
    rows = json.loads(stage.tool("log", "--json", "--type", "login", text=""))
    return [row["detail"]["wrong"] for row in rows if row["seq"] > seq and row["result"] != "OK"]


def newest():
    return daemon.number("SELECT max(seq) FROM event")


def logs_in_at_the_console(name):
    sshd.insert(name)
    opened, screen = people[name].login()
    equal(opened, True, screen)


# ---- how many ----

@report.test(120)
def A33_ten_connections_of_six_tries_get_five_verifications():
    before = newest()
    with sshd.configured(sshd.methods(sshd.METHODS, "MaxStartups 100", "MaxAuthTries 6")), sshd.agent("taro") as path:
        clients = [sshd.client("taro", WRONG, "id", agent_path=path, options=prompts(6)) for _ in range(10)]
        screens = [client.communicate(timeout=120)[0] for client in clients]
        equal({client.returncode for client in clients}, {255}, screens)
    equal(verified_since(before), ["password"] * ATTEMPTS, "verifications")
    equal((daemon.counted("taro", "remote"), daemon.counted("taro")), (ATTEMPTS, 0), "tries counted over the network, at the console")
    equal(sshd.walk("taro", stage.PASSWORD, card="taro"), (False, ["PIN", "Enter"]), "whoever has the card and knows the password, while it is locked")
    equal(daemon.counted("hanako", "remote"), 0, "another person's tries")
    sshd.unlock()
    equal(sshd.attempt("taro", people["taro"].password, card="taro")[0], True, "after the lock was ended")


@report.test(60)
def what_sshd_allows_on_one_connection_is_what_is_counted():
    before = newest()
    with sshd.configured(sshd.methods(sshd.METHODS, "MaxAuthTries 3")), sshd.agent("taro") as path:
        client = sshd.client("taro", WRONG, "id", agent_path=path, options=prompts(20))
        contains(client.communicate(timeout=120)[0], "Too many authentication failures")
    equal(verified_since(before), ["password"] * 3, "verifications")
    equal(daemon.counted("taro", "remote"), 3, "tries counted")
    sshd.unlock()


# ---- whom ----

@report.test(60)
def A12_a_locked_name_is_checked_no_further():
    sshd.attempt("taro", *[WRONG] * ATTEMPTS, card="taro", options=prompts(ATTEMPTS))
    before, mark = newest(), world.journal_mark()
    with sshd.agent("taro") as path:
        client = sshd.client("taro", stage.PASSWORD, "id", agent_path=path, options=prompts(3))
        lacks(client.communicate(timeout=120)[0], "uid=")
    equal(verified_since(before), [], "verifications, with the card and the password")
    contains(world.journal_text(since=mark), "login refused: DENIED service=sshd")
    # sshd's own method asks one PAM handle again and again.
    with sshd.configured(sshd.methods("password", "PasswordAuthentication yes")):
        for _ in range(ATTEMPTS):
            sshd.walk("goro", WRONG)
        equal(daemon.counted("goro", "remote"), ATTEMPTS)
        before = newest()
        opened, asked = sshd.walk("goro", stage.PASSWORD, options=prompts(3))
        equal((opened, asked), (False, ["sshd"] * 3))
        equal(verified_since(before), [], "verifications, with a right password")
    equal((daemon.counted("taro", "remote"), daemon.counted("goro", "remote")), (ATTEMPTS, ATTEMPTS), "tries counted afterwards")
    sshd.unlock("taro", "goro")


@report.test(60)
def the_holder_of_the_card_is_told_of_a_lock():
    """In a prompt to be confirmed: what a module says in front of a refusal, sshd keeps to itself."""
    sshd.attempt("taro", *[WRONG] * ATTEMPTS, card="taro", options=prompts(ATTEMPTS))
    for told, before, after in ((r"Locked after too many failures until \d{4}-\d\d-\d\d \d\d:\d\d\. The systems section can unlock you\.", None, None),
                                (r"Your account is locked\. Ask the systems section\.", "locked", "active")):
        if before:
            daemon.change("UPDATE person SET state = ? WHERE login = 'taro'", before)
        with sshd.ssh("taro", "id", card="taro") as terminal:
            sshd.unlock_card(terminal)
            terminal.expect(rf"{told} Press Enter: $")
            terminal.send("")
            equal(terminal.end() != 0, True, terminal.text)
            lacks(terminal.text, "erification code")
        if after:
            daemon.change("UPDATE person SET state = ? WHERE login = 'taro'", after)
    equal(daemon.counted("taro", "remote"), ATTEMPTS, "tries counted afterwards")
    # Nobody else is.
    equal(sshd.walk("taro", WRONG, card="hanako"), (False, ["PIN", "code or password"]))
    sshd.unlock()


@report.test(90)
def A43_who_is_locked_over_the_network_logs_in_at_the_console():
    """By somebody who has the card's key at hand, or its owner: nobody else can fill this bucket."""
    sshd.attempt("taro", *[WRONG] * ATTEMPTS, card="taro", options=prompts(ATTEMPTS))
    for _ in range(2):
        equal(sshd.walk("taro", stage.PASSWORD, card="taro")[0], False, "over ssh")
        logs_in_at_the_console("taro")
    equal(daemon.counted("taro", "remote"), ATTEMPTS, "the login at the console clears nothing of it")
    equal(sshd.walk("hanako", stage.PASSWORD, card="hanako")[0], True, "another person over ssh")
    with daemon.stopped():
        stage.tool("unlock", "taro", text="")
    equal(sshd.walk("taro", stage.PASSWORD, card="taro")[0], True, "after `cardtool unlock` while the daemon was away")


@report.test(report.long(240, 60))
def many_wrong_tries_against_a_name_leave_the_consoles_alone():
    """By somebody without the card, through an sshd that hinders nobody, until the address is refused and beyond."""
    daemon.change("DELETE FROM bucket WHERE person = 0")
    daemon.configure(stage.quick(ATTEMPTS))
    with sshd.configured(sshd.methods("keyboard-interactive:pam", f"MaxAuthTries {GUESSES + 1}", "LoginGraceTime 0")):
        begun = time.monotonic()
        with sshd.ssh("taro", "id", options=prompts(GUESSES)) as terminal:
            for _ in range(GUESSES):
                terminal.expect(sshd.CODE_PROMPT)
                terminal.send(WRONG)
            equal(terminal.end() != 0, True, terminal.text)
        print(f"# {GUESSES} tries in {time.monotonic() - begun:.1f} s")
    equal(daemon.number("SELECT failed FROM bucket WHERE origin = 'addr:127.0.0.1'"), 30, "tries counted for the address")
    for name in people:
        equal((daemon.counted(name, "remote"), daemon.counted(name)), (0, 0), f"tries of {name}")
        logs_in_at_the_console(name)
    # As the manual says: for a while nobody comes in from that address.
    equal(sshd.walk("hanako", stage.PASSWORD, card="hanako")[0], False, "over ssh, from the same address")
    daemon.change("DELETE FROM bucket WHERE person = 0")
    daemon.configure(stage.quick(ATTEMPTS, "address-attempts = 1000", CLASS))


# ---- broken off ----

def sshd_works_on_it():
    return bool(world.run("pgrep", "-f", r"^sshd: taro \[p", status=None).stdout)


def wait_for_sshd_to_give_up():
    """The client does not notice, it waits for an answer."""
    equal(sshd_works_on_it(), True, "within the grace time")
    world.wait_for(lambda: not sshd_works_on_it(), GRACE + 30, "end of the grace time")


@report.test(60)
def A22_the_grace_time_ends_in_the_middle():
    daemon.configure(stage.CONF.replace("[default]", f"[settings]\nargon2-time = {SLOW}\n[default]"))
    stage.tool("password", "set", "taro", "--stdin", text=stage.PASSWORD + "\n")
    grants = daemon.successes()
    with sshd.configured(sshd.methods(sshd.METHODS, f"LoginGraceTime {GRACE}")), sshd.agent("taro") as path:
        to_agent = ("-o", f"IdentityAgent={path}")
        # At the prompt: nothing was guessed.
        with sshd.ssh("taro", "id", options=to_agent) as terminal:
            terminal.expect(sshd.CODE_PROMPT)
            daemon.wait_process(daemon.WORKER)
            wait_for_sshd_to_give_up()
            daemon.wait_quiet()
        equal(daemon.counted("taro", "remote"), 0, "tries counted at the prompt")
        # While the answer is checked, however long that takes.
        with sshd.ssh("taro", "id", options=to_agent) as terminal:
            terminal.expect(sshd.CODE_PROMPT)
            terminal.send(stage.PASSWORD)
            worker = world.wait_for(lambda: next(filter(daemon.hashes, daemon.processes(daemon.WORKER)), None), what="hashing worker")
            daemon.kill(worker, signal.SIGSTOP)
            wait_for_sshd_to_give_up()
            daemon.wait_quiet()
        equal(daemon.counted("taro", "remote"), 1, "tries counted while it was checked")
        # The client is gone in the middle of the prompt.
        with sshd.ssh("taro", "id", options=to_agent) as terminal:
            terminal.expect(sshd.CODE_PROMPT)
            daemon.wait_process(daemon.WORKER)
            daemon.kill(terminal.child.pid)
            daemon.wait_quiet()
        equal(daemon.counted("taro", "remote"), 1, "tries counted afterwards")
    equal(daemon.successes(), grants, "grants")
    equal(sshd.walk("taro", stage.PASSWORD, card="taro")[0], True, "a later login")
    equal(daemon.counted("taro", "remote"), 0, "tries counted after it")


if __name__ == "__main__":
    report.main(prepare)
