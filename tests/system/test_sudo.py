#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sudo in each of its forms, within login sessions at the console and over ssh, with the shipped configuration."""
import json
import pathlib
import re

from lib import console, daemon, report, sshd, stage, world
from lib.report import contains, equal

SAMPLE = pathlib.Path("/usr/share/cardmfa/cardmfa.conf")
SUDOERS = """
Defaults use_pty, !lecture
taro,hanako,saburo ALL=(ALL:ALL) ALL
jiro,shiro ALL=(ALL:ALL) NOPASSWD: ALL
nagios ALL=(root) NOPASSWD: /usr/bin/id
"""
CODE = r"erification code or password: $"
SHELL = console.SHELL_PROMPT
people = {}


def prepare():
    stage.set_up(SAMPLE.read_text(encoding="utf-8"))
    for service in ("sudo", "sudo-i"):
        world.login_stack(service=service)
    world.write("/etc/sudoers.d/box", SUDOERS, 0o440)
    sshd.start()
    people["taro"] = sshd.person("taro")
    people["hanako"] = sshd.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    people["jiro"] = sshd.person("jiro")
    for name, person in people.items():
        sshd.allow(name, person.line)
    world.run("useradd", "-r", "-m", "-s", "/bin/sh", "nagios")


def sudo(terminal, command, *answers, prompt=CODE):
    """What is on the screen from the command to the next shell prompt. answers: to sudo's prompts, each awaited."""
    begin = len(terminal.text)
    terminal.send(command)
    for answer in answers:
        terminal.expect(prompt)
        terminal.send(answer)
    terminal.expect(SHELL)
    return terminal.text[begin:]


def events(**wanted):
    rows = json.loads(stage.tool("log", "--json", "--last", "40", text=""))
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def failed(name):
    counts = json.loads(stage.tool("user", "show", name, "--json", text=""))["counted"]
    return sum(row["failed"] for row in counts)


def restore(name):
    """Tickets and tries of this person are gone."""
    world.run("runuser", "-u", name, "--", "sudo", "-K", status=None)
    stage.tool("unlock", name, text="", status=None)


@report.test(90)
def within_a_login_the_code_or_the_password_is_asked_alone():
    taro = people["taro"]
    for opened in (sshd.at_console, sshd.over_ssh):
        with opened("taro") as terminal:
            contains(sudo(terminal, "sudo -k id -u", taro.code()), "\n0\n")
            contains(sudo(terminal, "sudo -k id -u", taro.password), "\n0\n")
        login = events(type="login", service="sudo", result="OK")[-2:]
        equal([row["detail"]["factors"] for row in login], ["session,totp", "session,password"])
        equal([row["card"] for row in login], [taro.card_id] * 2)
        equal({row["origin"] for row in login}, {f"uid:{world.run('id', '-u', 'taro').stdout.strip()}"})
        restore("taro")
    # By name for who reads it, by number for programs.
    contains(stage.tool("log", "--user", "taro", "--last", "3", text=""), "  session of taro  ")
    contains(stage.tool("log", "--user", "taro", "--last", "3", text="", language="ja"), "  taro のセッション  ")


@report.test(90)
def each_form_of_sudo_works_and_names_whom_it_becomes():
    taro = people["taro"]
    forms = (("sudo -k id -un", "root"), ("sudo -k -u hanako id -un", "hanako"), ("sudo -k -s id -un", "root"),
             ("sudo -k -i id -un", "root"), ("sudo -k sh -c 'id -un'", "root"), ("sudo -k -i -u hanako id -un", "hanako"))
    with sshd.over_ssh("taro") as terminal:
        for command, become in forms:
            contains(sudo(terminal, command, taro.password), f"\n{become}\n")
            opened = events(type="session-open", user="taro")[-1]
            equal(opened["detail"].get("target"), become, command)
            equal((opened["service"], opened["card"]), ("sudo-i" if "-i" in command else "sudo", taro.card_id))
        contains(stage.tool("log", "--user", "taro", text=""), " becomes=hanako\n")
        for command in ("sudo -k bash", "sudo -k -s", "sudo -k -i", "sudo -k su"):
            terminal.send(command)
            terminal.answer((CODE, taro.password))
            terminal.expect("# $")
            terminal.send("id -un; exit")
            terminal.expect(r"[\r\n]root\r\n")
            terminal.expect(SHELL)
            equal(daemon.number("SELECT count(*) FROM session WHERE service LIKE 'sudo%' AND state <> 'closed'"), 0, f"sessions open after {command}")
        contains(sudo(terminal, f"echo {taro.password} | sudo -k -S id -un"), "root")
        contains(sudo(terminal, "sudo -v", taro.password), "$")
        equal(terminal.shell("sudo -n id -un"), "root")
        equal(daemon.number("SELECT count(*) FROM session WHERE service LIKE 'sudo%' AND state <> 'closed'"), 0, "sessions of sudo that stay open")
    restore("taro")


@report.test(60)
def a_ticket_spares_the_question_and_no_judgement():
    taro = people["taro"]
    with sshd.over_ssh("taro") as terminal:
        contains(sudo(terminal, "sudo id -u", taro.password), "\n0\n")
        equal(terminal.shell("sudo id -u; sudo -n id -u; sudo -n -i id -u"), "0\n0\n0")
        # What asks nothing is on record, also where it opens no session (sudo -e).
        equal({row["service"] for row in events(type="account", user="taro", result="OK")}, {"sudo", "sudo-i"})
        daemon.change("UPDATE person SET state = 'locked' WHERE login = 'taro'")
        contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
        daemon.change("UPDATE person SET state = 'active' WHERE login = 'taro'")
        equal(terminal.shell("sudo -n id -u"), "0")
    restore("taro")


@report.test(90)
def A100_a_revoked_card_ends_tickets_and_what_asks_nothing():
    taro, jiro = people["taro"], people["jiro"]
    with sshd.over_ssh("taro") as with_ticket, sshd.over_ssh("jiro") as without_password:
        contains(sudo(with_ticket, "sudo id -u", taro.password), "\n0\n")
        equal(without_password.shell("sudo -n id -u"), "0")
        equal(with_ticket.shell("sudo -n id -u"), "0")
        for name, terminal in (("taro", with_ticket), ("jiro", without_password)):
            # What ends the sessions themselves is not asked for here: they are to meet the refusal.
            stage.tool("suspend", people[name].card_id, text="", status=None)
            with report.soon("the refusal"):
                contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
            equal(events(type="account", user=name)[-1]["result"], "SUSPENDED")
            stage.tool("resume", people[name].card_id, text="", status=None)
            equal(terminal.shell("sudo -n id -u"), "0")
    restore("taro")
    # And for good.
    for name in ("saburo", "shiro"):
        sshd.insert("hanako")
        people[name] = sshd.person(name)
        sshd.allow(name, people[name].line)
    with sshd.over_ssh("saburo") as with_ticket, sshd.over_ssh("shiro") as without_password:
        contains(sudo(with_ticket, "sudo id -u", people["saburo"].password), "\n0\n")
        equal(without_password.shell("sudo -n id -u"), "0")
        for name, terminal in (("saburo", with_ticket), ("shiro", without_password)):
            stage.tool("revoke", people[name].card_id, "--reason", "lost", text="", status=4)
            with report.soon("the refusal"):
                contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
            equal(events(type="account", user=name)[-1]["result"], "REVOKED")
            contains(sudo(terminal, "sudo -k id -u", *[people[name].password] * (3 if name == "saburo" else 0)), "sudo: ")


@report.test(90)
def A8_three_tries_on_one_handle_are_three():
    taro = people["taro"]
    with sshd.over_ssh("taro") as terminal:
        equal(failed("taro"), 0)
        contains(sudo(terminal, "sudo -k id -u", "000000", "wrong-wrong", "000001"), "3 incorrect password attempts")
        equal(failed("taro"), 3)
        # The whole of one try must be right: a wrong one before and the right one then are two tries.
        contains(sudo(terminal, "sudo -k id -u", "wrong-wrong", taro.password), "\n0\n")
        equal(failed("taro"), 0)
        contains(sudo(terminal, "sudo -k id -u", *["wrong-wrong"] * 3), "3 incorrect")
        # The fifth fills the bucket: the question is then whether he has read so, and the right one is not even asked for.
        terminal.send("sudo -k id -u")
        terminal.answer((CODE, "wrong-wrong"), (CODE, "wrong-wrong"), ("Locked after too many failures until .*Press Enter: $", taro.password))
        terminal.expect("3 incorrect")
        terminal.expect(SHELL)
        contains(terminal.shell("sudo -n id -u"), "password is required")
    equal(events(type="lockout", user="taro")[-1]["service"], "sudo")
    # Locked out of sudo alone.
    with sshd.over_ssh("taro"):
        pass
    restore("taro")


@report.test(60)
def outside_of_a_login_session_of_ones_own_nothing_counts():
    taro, uid = people["taro"], world.run("id", "-u", "taro").stdout.strip()
    sshd.insert("taro")
    before = taro.card.tries()
    # A service of the system as taro: remote, so no reader either.
    with console.Terminal("systemd-run", "--pty", "--quiet", "--uid", uid, "sudo", "-k", "id", "-u") as terminal:
        for _ in range(3):
            terminal.expect(CODE)
            terminal.send(taro.password)
        terminal.end()
        assert not re.search(r"^0$", terminal.text, re.MULTILINE), terminal.text
    equal(taro.card.tries(), before)
    # Somebody else's session: hanako, become taro by root, stands in hanako's.
    with sshd.over_ssh("hanako") as terminal:
        contains(sudo(terminal, "sudo -k -u taro sh -c 'sudo -k id -u; :'", people["hanako"].password, taro.password, taro.password, taro.password), "3 incorrect")
    restore("taro")
    restore("hanako")


@report.test(60)
def what_a_login_proved_counts_for_reuse():
    taro = people["taro"]
    with sshd.over_ssh("taro") as terminal:
        equal(daemon.number("SELECT count(*) FROM login_grant WHERE service = 'sshd' AND factors = 'ssh-card,password'") > 0, True)
        contains(sudo(terminal, "sudo id -u", taro.password), "\n0\n")
        daemon.change("UPDATE login_grant SET boot_ms = boot_ms - 36000000, real_s = real_s - 36000 WHERE service = 'sshd'")
        contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
        contains(sudo(terminal, "sudo -k id -u", *[taro.password] * 3), "3 incorrect")
    restore("taro")


@report.test(60)
def what_was_asked_anew_outlives_the_login():
    taro = people["taro"]
    with sshd.at_console("taro") as terminal:
        daemon.change("UPDATE login_grant SET boot_ms = boot_ms - 36000000, real_s = real_s - 36000 WHERE service = 'login'")
        terminal.send("sudo id -u")
        terminal.answer(*taro.by_password())
        terminal.expect(SHELL)
        # A ticket, as within the day of the login.
        equal(terminal.shell("sudo -n id -u"), "0")
        stage.tool("suspend", taro.card_id, text="", status=None)
        contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
        stage.tool("resume", taro.card_id, text="")
        daemon.change("UPDATE login_grant SET boot_ms = boot_ms - 36000000, real_s = real_s - 36000 WHERE service = 'sudo'")
        contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
    restore("taro")


@report.test(60)
def where_logins_are_not_asked_for_here_sudos_tickets_count():
    """cardmfa in the stacks of sudo alone."""
    taro, path = people["taro"], pathlib.Path("/etc/pam.d/login")
    stack = path.read_text()
    sshd.insert("taro")
    try:
        world.write(path, re.sub(r"pam_cardmfa\.so.*$", "pam_permit.so", stack, flags=re.MULTILINE))
        with console.Console() as terminal:
            terminal.name("taro")
            terminal.expect(SHELL)
            contains(terminal.shell("sudo -n id -u"), "sudo: a password is required")
            terminal.send("sudo id -u")
            terminal.answer(*taro.by_password())
            terminal.expect(SHELL)
            if pathlib.Path("/proc/self/sessionid").exists():
                equal(terminal.shell("sudo -n id -u; sudo -n -i id -u"), "0\n0")
            else:
                # Numbers of sessions that are logind's own come again: what they name is not believed.
                contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
            terminal.logout()
        # Nothing was asked, by a login or since.
        with console.Console() as terminal:
            terminal.name("jiro")
            terminal.expect(SHELL)
            contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
            terminal.logout()
    finally:
        world.write(path, stack)
    restore("taro")


@report.test(60)
def a_refused_session_runs_nothing():
    """The last that stands in the way, with account out of it: sudo goes on behind some other refusals."""
    jiro, path, ran = people["jiro"], pathlib.Path("/etc/pam.d/sudo"), pathlib.Path("/var/tmp/ran")
    stack = path.read_text()
    with sshd.over_ssh("jiro") as terminal:
        world.write(path, re.sub(r"^account .*$", "account required pam_permit.so", stack, flags=re.MULTILINE))
        try:
            terminal.shell(f"sudo -n touch {ran}")
            equal(ran.exists(), True, "as it should be")
            ran.unlink()
            stage.tool("suspend", jiro.card_id, text="", status=None)
            contains(terminal.shell(f"sudo -n touch {ran}"), "sudo: ")
            equal(ran.exists(), False, "with a suspended card")
            stage.tool("resume", jiro.card_id, text="", status=None)
            world.stop_daemon()
            contains(terminal.shell(f"sudo -n touch {ran}"), "sudo: ")
            equal(ran.exists(), False, "without the daemon")
            world.start_daemon()
        finally:
            world.write(path, stack)
    restore("jiro")


@report.test(60)
def root_and_accounts_of_the_machine():
    equal(world.run("sudo", "id", "-u").stdout, "0\n")
    equal(world.run("sudo", "-u", "taro", "id", "-un").stdout, "taro\n")
    equal(world.run("sudo", "-i", "-u", "nagios", "id", "-un").stdout, "nagios\n")
    become = ("setpriv", "--reuid", "nagios", "--regid", "nagios", "--init-groups")
    refused = world.run(*become, "sudo", "-n", "/usr/bin/id", "-u", status=1)
    contains(refused.stderr, "PAM account management error")
    world.conf("[machine]\nnagios = sudo\n" + SAMPLE.read_text(encoding="utf-8"))
    equal(world.run(*become, "sudo", "-n", "/usr/bin/id", "-u").stdout, "0\n")
    world.conf(SAMPLE.read_text(encoding="utf-8"))
    world.run(*become, "sudo", "-n", "/usr/bin/id", "-u", status=1)


@report.test(60)
def with_the_daemon_gone_nothing_runs():
    with sshd.over_ssh("jiro") as terminal:
        equal(terminal.shell("sudo -n id -u"), "0")
        world.stop_daemon()
        with report.soon("the refusal"):
            contains(terminal.shell("sudo -n id -u"), "sudo: PAM account management error")
        world.start_daemon()
        equal(terminal.shell("sudo -n id -u"), "0")


if __name__ == "__main__":
    report.main(prepare)
