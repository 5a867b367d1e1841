#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a connection after its login: files, further channels, forwarding; and what happens to it from outside."""
import contextlib
import pathlib
import re
import shutil
import socket
import threading

from lib import console, daemon, report, sshd, stage, vcard, world
from lib.report import contains, equal, lacks

SOFT_KEY = "/root/soft_key"
STACK = pathlib.Path("/etc/pam.d/sshd")
OPEN, CONFIRM = "session  required  pam_cardmfa.so\n", "session  required  pam_cardmfa.so confirm\n"
TWICE = OPEN + "session requisite pam_cardmfa.so\n"
ACCOUNT = "account  required  pam_cardmfa.so\n"
SSHD = "/usr/sbin/sshd"
PRODUCT = ("/usr/sbin/cardmfad", "/usr/libexec/cardmfa/cardmfa-worker", "/usr/libexec/cardmfa/cardmfa-card",
           "/usr/lib/x86_64-linux-gnu/security/pam_cardmfa.so")
people = sshd.people


def prepare():
    stage.set_up(stage.quick(5, "address-attempts = 1000"))
    sshd.start()
    sshd.make_key(SOFT_KEY)
    sshd.person("taro")
    sshd.person("hanako", reader=1)
    for name, person in people.items():
        sshd.allow(name, person.line)
    world.write(GATE, GATE_SCRIPT, 0o755)


def to_code_prompt(terminal):
    sshd.unlock_card(terminal)
    terminal.expect(sshd.CODE_PROMPT)


def log_in(terminal):
    to_code_prompt(terminal)
    terminal.send(stage.PASSWORD)


def sessions(state=None):
    return daemon.number("SELECT count(*) FROM session" + (f" WHERE state = '{state}'" if state else ""))


@contextlib.contextmanager
def one_more_session():
    """What happens in the block is one login and one session, closed again."""
    grants, before = daemon.successes(), sessions()
    yield
    world.wait_for(lambda: not sessions("open"), what="end of the session")
    equal((daemon.successes() - grants, sessions() - before), (1, 1), "grants, sessions")
    equal(daemon.rows("SELECT s.state, g.used_at IS NOT NULL FROM session s JOIN login_grant g ON g.id = s.login_grant ORDER BY s.id DESC "
                      "LIMIT 1"), [["closed", 1]], "session, its grant used")


@contextlib.contextmanager
def stack(old, new):
    """sshd's PAM stack with another line in place of one of ours."""
    usual = STACK.read_text()
    contains(usual, old)
    world.write(STACK, usual.replace(old, new, 1))
    try:
        yield
    finally:
        world.write(STACK, usual)


# ---- what a connection is for ----

@report.test(60)
def files_are_copied_by_scp_and_sftp():
    pathlib.Path("/root/letter").write_text("kept\n")
    for program, words in (("scp", ("/root/letter", "taro@127.0.0.1:copy")), ("scp", ("taro@127.0.0.1:copy", "/root/back"))):
        with one_more_session(), console.Terminal(*sshd.command(program, *words, card="taro")) as terminal:
            log_in(terminal)
            equal(terminal.end(), 0, terminal.text)
    equal(pathlib.Path("/root/back").read_text(), "kept\n")
    with one_more_session(), console.Terminal(*sshd.command("sftp", "taro@127.0.0.1", card="taro")) as terminal:
        log_in(terminal)
        for typed in ("put /root/letter third", "get third /root/third", "bye"):
            terminal.expect("sftp> ")
            terminal.send(typed)
        equal(terminal.end(), 0, terminal.text)
    equal(pathlib.Path("/root/third").read_text(), "kept\n")


@contextlib.contextmanager
def master(*words, options=()):
    """A connection that others may use, with its first command at work."""
    how = ("-o", "ControlMaster=yes", "-o", "ControlPath=/root/control", *options)
    with sshd.ssh("taro", *words, card="taro", options=how) as terminal:
        log_in(terminal)
        world.wait_for(lambda: sessions("open") == 1 and world.run("ssh", "-S", "/root/control", "-O", "check", "taro@127.0.0.1",
                                                                   status=None).returncode == 0, what="an open connection")
        yield terminal
        world.run("ssh", "-S", "/root/control", "-O", "exit", "taro@127.0.0.1", status=None)
        terminal.end()


def further_channel(*words, status=0):
    """Nothing is asked: sshd has one PAM session for the whole connection."""
    return world.run("ssh", "-F", "none", "-S", "/root/control", "-o", "BatchMode=yes", "taro@127.0.0.1", *words, status=status).stdout


@report.test(60)
def further_channels_are_of_the_same_session():
    with one_more_session(), master("sleep 60"):
        first = further_channel("cat /proc/self/cgroup; env")
        contains(further_channel("cat /proc/self/cgroup"), "session-")
        logind = daemon.rows("SELECT logind_session FROM session WHERE state = 'open'")[0][0]
        contains(first, f"/session-{logind}.scope")
        lacks(first, "CARDMFA")


@report.test(60)
def of_one_login_one_session_comes():
    """In a stack that asks for two."""
    with stack(OPEN, TWICE):
        equal(sshd.attempt("taro", stage.PASSWORD, card="taro")[0], False)
        contains(world.journal_text(), "this login has its session already")
    with one_more_session():
        equal(sshd.attempt("taro", stage.PASSWORD, card="taro")[0], True)


class Echo(threading.Thread):
    """A service of the host: says one word to whoever connects."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.start()

    def run(self):
        while True:
            line, _ = self.listening.accept()
            with line:
                line.sendall(b"here")


def through_forwarding(port):
    """What the service says, b"" where nothing comes through."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        return line.recv(10)
    return b""


def forwarded(terminal, port):
    world.wait_for(lambda: world.listening(port), what="ssh's end of the forwarding")
    equal(terminal.child.isalive(), True, terminal.text)
    return through_forwarding(port)


@report.test(60)
def forwarding_without_a_shell_needs_the_session_too():
    service = Echo()
    words = ("-N", "-L", f"7001:127.0.0.1:{service.port}")
    with one_more_session(), sshd.ssh("taro", card="taro", options=words) as terminal:
        log_in(terminal)
        equal(forwarded(terminal, 7001), b"here")
        equal(sessions("open"), 1, "sessions open")
    # sshd keeps the connection, and lets nothing through.
    with stack(OPEN, TWICE), sshd.ssh("taro", card="taro", options=words) as terminal:
        log_in(terminal)
        equal(forwarded(terminal, 7001), b"")
        equal(sessions("open"), 0, "sessions open")


# ---- a card revoked in the middle ----

GATE = "/usr/local/bin/box-gate"
GATE_SCRIPT = """#!/bin/sh
case $PAM_TYPE in close_session) exit 0 ;; esac
touch /run/gate-reached
for _ in $(seq 1200); do [ -e /run/gate-open ] && exit 0; sleep 0.05; done
"""
GATE_LINE = f"optional pam_exec.so {GATE}\n"


@contextlib.contextmanager
def gate(line):
    """A login stops before this line of the stack. Gives the function that lets it go on."""
    for name in ("/run/gate-reached", "/run/gate-open"):
        pathlib.Path(name).unlink(missing_ok=True)
    with stack(line, f"{line.split()[0]} {GATE_LINE}{line}"):
        yield pathlib.Path("/run/gate-open").touch


def at_the_gate():
    world.wait_for(pathlib.Path("/run/gate-reached").exists, what="a login before that line")


def new_card(name):
    person = people[name]
    person.card.stop()
    person.card.wait_seen(False)
    person.card = vcard.Card("--pin", stage.PIN, "--slot", "9A=p256,pin=once", reader=1)
    sshd.insert(name)
    person.card_id = stage.enroll(name, person.card)
    person.line = world.run("ssh-keygen", "-D", sshd.PKCS11).stdout.splitlines()[0]
    sshd.allow(name, person.line)


def refused_by_account():
    return daemon.number("SELECT count(*) FROM event WHERE type = 'account' AND result = 'REVOKED'")


def revoke(name):
    stage.tool("revoke", people[name].card_id, "--reason", "lost", text="", status=None)


@report.test(90)
def a_card_revoked_at_any_moment_of_its_login_opens_nothing():
    grants = daemon.successes()
    with sshd.ssh("hanako", "id", card="hanako") as terminal:
        to_code_prompt(terminal)
        revoke("hanako")
        terminal.send(stage.PASSWORD)
        equal(terminal.end() != 0, True, terminal.text)
        lacks(terminal.text, "uid=")
    equal(daemon.successes(), grants, "grants")
    before = sessions()
    # The first line that is asked refuses: only before the last there is a session already.
    for line, begun in ((ACCOUNT, 0), (OPEN, 0), (CONFIRM, 1)):
        new_card("hanako")
        with gate(line) as let_go, sshd.ssh("hanako", "id", card="hanako") as terminal:
            log_in(terminal)
            at_the_gate()
            equal(daemon.successes(), grants + 1, f"grants before {line}")
            grants += 1
            refusals = refused_by_account()
            revoke("hanako")
            let_go()
            equal(terminal.end() != 0, True, f"{line}{terminal.text}")
            lacks(terminal.text, "uid=")
        equal((sessions() - before, sessions("open")), (begun, 0), f"sessions begun, and open, after {line}")
        equal(refused_by_account() - refusals, int(line == ACCOUNT), f"refusals by account after {line}")
    new_card("hanako")
    with gate(CONFIRM) as let_go, sshd.ssh("hanako", "id", card="hanako") as terminal:
        log_in(terminal)
        at_the_gate()
        let_go()
        equal(terminal.end(), 0, terminal.text)


def renumbered(name, uid):
    """The account has another's number, or is not there (None), until .undo()."""
    accounts = pathlib.Path("/etc/passwd")
    usual = accounts.read_text()
    lines = [re.sub(rf"^{name}:x:\d+:", f"{name}:x:{uid}:", line) for line in usual.splitlines(True) if uid or not line.startswith(f"{name}:")]

    def change():
        world.write(accounts, "".join(lines))
    return change, lambda: world.write(accounts, usual)


def in_state(name, state):
    def change(now=state):
        daemon.change("UPDATE person SET state = ? WHERE login = ?", now, name)
    return change, lambda: change("active")


@report.test(120)
def who_is_somebody_else_in_the_middle_of_a_login_gets_no_further():
    taro = world.run("id", "-u", "taro").stdout.strip()
    for what, (change, undo) in (("locked", in_state("hanako", "locked")), ("removed", in_state("hanako", "removed")),
                                 ("of taro's number", renumbered("hanako", taro)), ("without an account", renumbered("hanako", None))):
        for line in (ACCOUNT, OPEN, CONFIRM):
            grants = daemon.successes()
            with gate(line) as let_go, sshd.ssh("hanako", "id", card="hanako") as terminal:
                log_in(terminal)
                at_the_gate()
                equal(daemon.successes(), grants + 1, f"grants before {line}")
                change()
                let_go()
                try:
                    equal(terminal.end() != 0, True, f"{what}, {line}{terminal.text}")
                finally:
                    undo()
                lacks(terminal.text, "uid=")
            equal(sessions("open"), 0, f"sessions open, {what}, after {line}")
    with one_more_session():
        equal(sshd.attempt("hanako", stage.PASSWORD, card="hanako")[0], True, "as before")


@report.test(60)
def a_card_revoked_while_a_connection_is_open_opens_no_other():
    with master("sleep 60"):
        # 4: done, but not the end of what is open.
        world.run("cardtool", "suspend", people["taro"].card_id, status=4)
        opened, screen = sshd.attempt("taro", stage.PASSWORD, card="taro")
        equal(opened, False, screen)
        stage.tool("resume", people["taro"].card_id, text="")
    world.wait_for(lambda: not sessions("open"), what="end of the session")


# ---- restarts ----

def replace(*names):
    """Other files in their place, as a package does it."""
    for name in names:
        shutil.copy2(name, f"{name}.new")
        pathlib.Path(f"{name}.new").rename(name)


def upgrade():
    replace(*PRODUCT)
    world.systemctl("restart", "cardmfad.service")


def upgrade_sshd():
    replace(SSHD)
    restart_sshd()


def restart_sshd():
    before = sshd.times_listening()
    world.systemctl("restart", sshd.UNIT)
    world.wait_for(lambda: sshd.times_listening() > before, what="sshd listens again")


MENDINGS = {
    "sshd": restart_sshd,
    "cardmfad": lambda: world.systemctl("restart", "cardmfad.service"),
    "all of cardmfa": upgrade,
}


@report.test(90)
def a_live_connection_outlives_every_restart():
    with one_more_session(), master("sleep 60"):
        for what, mend in (*MENDINGS.items(), ("all of sshd", upgrade_sshd)):
            mend()
            contains(further_channel("id"), "uid=")
            equal(sessions("open"), 1, f"sessions open after {what}")
    equal(sshd.attempt("taro", stage.PASSWORD, card="taro")[0], True, "a new login")


@report.test(90)
def a_restart_in_the_middle_of_a_login_costs_a_prompt_at_most():
    for what, mend in MENDINGS.items():
        with one_more_session(), sshd.ssh("taro", "id", card="taro", options=("-o", "NumberOfPasswordPrompts=2")) as terminal:
            to_code_prompt(terminal)
            mend()
            terminal.send(stage.PASSWORD)
            if terminal.expect(r"uid=\d+\(taro\)", sshd.CODE_PROMPT):
                equal(what != "sshd", True, what)
                terminal.send(stage.PASSWORD)
            equal(terminal.end(), 0, f"{what}: {terminal.text}")
        equal(daemon.counted("taro", "remote"), 0, f"tries counted, {what}")
        for line in (ACCOUNT, OPEN, CONFIRM):
            with one_more_session(), gate(line) as let_go, sshd.ssh("taro", "id", card="taro") as terminal:
                log_in(terminal)
                at_the_gate()
                mend()
                let_go()
                equal(terminal.end(), 0, f"{what} before {line}: {terminal.text}")


@report.test(60)
def an_sshd_that_is_started_for_each_connection_is_sshd_too():
    world.write("/run/systemd/system/box-each.socket", "[Socket]\nListenStream=127.0.0.1:2223\nAccept=yes\n")
    world.write("/run/systemd/system/box-each@.service", f"[Service]\nExecStart={SSHD} -i -f {sshd.CONFIG}\nStandardInput=socket\n"
                "KillMode=process\nRuntimeDirectory=sshd\nRuntimeDirectoryPreserve=yes\n")
    world.systemctl("daemon-reload")
    world.systemctl("start", "box-each.socket")
    with one_more_session():
        opened, screen = sshd.attempt("taro", stage.PASSWORD, card="taro", options=("-o", "Port=2223"))
        equal(opened, True, screen)
    world.systemctl("stop", "box-each.socket")


@report.test(60)
def an_sshd_whose_socket_systemd_holds_is_sshd_too():
    """Debian's own units, on another port."""
    drop_in = "/run/systemd/system/{}.d/box.conf"
    world.write(drop_in.format("ssh.socket"), "[Socket]\nListenStream=\nListenStream=127.0.0.1:2224\n")
    world.write(drop_in.format("ssh.service"), f"[Service]\nExecStartPre=\nExecStart=\nExecStart={SSHD} -D -f {sshd.CONFIG}\n"
                "RuntimeDirectoryPreserve=yes\n")
    world.systemctl("daemon-reload")
    world.systemctl("start", "ssh.socket")
    equal(world.systemctl("is-active", "ssh.service", status=None), "inactive")
    for _ in range(2):
        with one_more_session():
            opened, screen = sshd.attempt("taro", stage.PASSWORD, card="taro", options=("-o", "Port=2224"))
            equal(opened, True, screen)
        equal(world.systemctl("is-active", "ssh.service"), "active")
    world.systemctl("stop", "ssh.socket", "ssh.service")


@report.test(60)
def an_sshd_of_an_ordinary_user_proves_no_card():
    """He configures it, and what it says of a key is his own word."""
    place = pathlib.Path("/home/taro/own")
    place.mkdir()
    sshd.make_key(place / "host_key")
    world.write(place / "config", sshd.CONF.replace(sshd.PORT, "2226").replace(str(sshd.HOST_KEY), f"{place}/host_key")
                .replace("PidFile none", f"PidFile {place}/pid"))
    world.run("chown", "-R", "taro:", place)
    grants = daemon.number("SELECT count(*) FROM login_grant")
    world.run("runuser", "-u", "taro", "--", SSHD, "-f", place / "config")
    world.wait_for(lambda: world.listening(2226), what="his sshd")
    equal(sshd.attempt("taro", stage.PASSWORD, card="taro", options=("-o", "Port=2226"))[0], False)
    equal(daemon.number("SELECT count(*) FROM login_grant"), grants, "grants")
    world.run("kill", (place / "pid").read_text().strip())
    sshd.unlock("taro")


@report.test(60)
def an_sshd_started_by_hand_puts_nobody_into_anothers_session():
    """Its logins would stand in the session of whoever started it, and end with it; they would be where he is."""
    world.login_stack("pam_permit.so", "sudo")
    world.write("/etc/sudoers.d/box", "taro ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    with sshd.at_console("taro") as terminal:
        terminal.shell(f"sudo {SSHD} -f {sshd.CONFIG} -p 2225 -o PidFile=/run/by-hand.pid")
        for name in people:
            opened, screen = sshd.attempt(name, stage.PASSWORD, card=name, options=("-o", "Port=2225"))
            equal(opened, False, screen)
        contains(world.journal_text(), "is another login's")
        terminal.shell("sudo kill $(cat /run/by-hand.pid)")
    equal(sshd.attempt("hanako", stage.PASSWORD, card="hanako")[0], True)


# ---- what a person can put into the session ----

@report.test(60)
def what_a_person_puts_into_the_session_changes_nothing():
    taro, hanako = people["taro"], people["hanako"]
    reading = ("session required pam_env.so user_readenv=1 envfile=/dev/null\n"
               "session optional pam_exec.so log=/run/pam-environment /usr/bin/env\n")
    planted = {"SSH_AUTH_INFO_0": f"publickey {' '.join(hanako.line.split()[:2])}", "CARDMFA_GRANT": "1", "CARDMFA_PERSON": "hanako",
               "XDG_SESSION_ID": "1"}
    home = pathlib.Path("/home/taro/.pam_environment")
    usual = sshd.attempt("taro", stage.PASSWORD, card="taro")[1]
    lacks(usual, "CARDMFA")
    lacks(usual, "SSH_AUTH_INFO")
    world.write(home, "".join(f'{name} DEFAULT="{value}"\n' for name, value in planted.items()))
    shutil.chown(home, "taro", "taro")
    with stack(OPEN, reading + OPEN), one_more_session():
        opened, screen = sshd.attempt("taro", stage.PASSWORD, card="taro")
        equal(opened, True, screen)
    # It was there before our line was asked; in the shell is what the person put there, but for what sshd keeps back.
    for name, value in planted.items():
        contains(pathlib.Path("/run/pam-environment").read_text(), f"{name}={value}\n")
    equal(sorted(set(re.findall(r"^(?:CARDMFA|SSH_AUTH_INFO)\w*=.*$", screen, re.MULTILINE))), ["CARDMFA_GRANT=1", "CARDMFA_PERSON=hanako"],
          "in the shell")
    equal(daemon.rows("SELECT p.login, c.card_id FROM session s JOIN person p ON p.id = s.person JOIN card c ON c.id = s.card "
                      "ORDER BY s.id DESC LIMIT 1"), [["taro", taro.card_id]], "whose session, by which card")
    # With account out of the way only the session stands between a software key and a shell.
    sshd.allow("taro", taro.line, pathlib.Path(f"{SOFT_KEY}.pub").read_text().strip())
    world.write(home, f'SSH_AUTH_INFO_0 DEFAULT="publickey {" ".join(taro.line.split()[:2])}"\n')
    with stack(OPEN, reading + OPEN), stack(ACCOUNT, "account required pam_permit.so\n"), sshd.configured(sshd.methods("publickey")):
        for how in ({"key": SOFT_KEY}, {"card": "taro"}):
            equal(sshd.walk("taro", "", **how)[0], False, how)
    home.unlink()


if __name__ == "__main__":
    report.main(prepare)
