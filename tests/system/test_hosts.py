#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every host that asks cardmfa, while cardmfa can't judge: nobody is let in and nothing is run, whatever code the host is given."""
# check: timeout=400
import contextlib
import itertools
import pathlib
import re

from lib import console, daemon, jobs, report, sshd, stage, world
from lib.report import contains, equal

CLASSES = """
[machine]
git = sshd

[class switch]
service = sudo sudo-i su su-l polkit-1
factors = session,totp session,password card,password
su      = caller

[class batch]
person = jobs
factors = card,password
batch = yes
"""
LAST_GOOD = pathlib.Path("/var/lib/cardmfad/cardmfa.conf.last-good")
STORE_DIR = pathlib.Path("/var/lib/cardmfa")
STACKS = pathlib.Path("/etc/pam.d")
GIT_KEY = "/root/git_key"
ACCOUNT = "account required pam_cardmfa.so\n@include common-account"
SESSION = "session required pam_cardmfa.so\n@include common-session\nsession required pam_cardmfa.so confirm"
SERVICES = ("login", "sshd", "sudo", "sudo-i", "su", "su-l", "runuser", "cron", "atd", "systemd-user", "polkit-1")
SHELL = console.SHELL_PROMPT
REFUSAL = re.compile("Permission denied|Error in service module|Account failure|PAM failure")
runs = (f"/var/tmp/ran-{n}" for n in itertools.count(1))
people = sshd.people


def debians(service):
    """Debian's own file with the account line of the manual."""
    own, vendor = STACKS / service, pathlib.Path("/usr/lib/pam.d") / service
    world.write(STACKS / service, re.sub("^@include common-account$", ACCOUNT, (own if own.exists() else vendor).read_text(), flags=re.MULTILINE))
    contains((STACKS / service).read_text(), "pam_cardmfa")


def prepare():
    stage.set_up(stage.quick(5, "address-attempts = 1000", CLASSES))
    for service in ("sudo", "sudo-i", "su", "su-l", "runuser", "polkit-1"):
        world.login_stack(service=service)
        world.write(STACKS / service, "auth sufficient pam_rootok.so\n" + (STACKS / service).read_text())
    for service in ("cron", "atd", "systemd-user"):
        debians(service)
    world.write("/etc/sudoers.d/box", "Defaults !lecture\ntaro ALL=(ALL:ALL) ALL, NOPASSWD: /usr/bin/env\n", 0o440)
    world.write("/etc/at.deny", "")
    world.write("/etc/systemd/system/box-thing.service", "[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n")
    world.write("/etc/polkit-1/rules.d/10-box.rules", 'polkit.addAdminRule(function(action, subject) { return ["unix-user:taro"]; });\n')
    world.systemctl("daemon-reload")
    sshd.start()
    sshd.person("taro")
    sshd.person("hanako", reader=1)
    for name, person in people.items():
        sshd.allow(name, person.line)
    for name in ("jobs", "git"):
        world.add_user(name)
    stage.tool("user", "add", "jobs", text="")
    sshd.allow("git", sshd.make_key(GIT_KEY))


# ---- hosts: each says whether somebody got in ----

def walk(terminal, *ends):
    """Answers whatever cardmfa asks as taro would; the index of the end that came."""
    taro = people["taro"]
    questions = (r"PIN of your IC card: $", r"(?:code or password|Password): $")
    while (seen := terminal.expect(*questions, *ends)) < len(questions):
        terminal.child.waitnoecho()
        terminal.send((taro.pin, taro.password)[seen])
    return seen - len(questions)


def at_the_console(_):
    sshd.insert("taro")
    with console.Console() as terminal:
        terminal.name("taro")
        opened = walk(terminal, SHELL, "Login incorrect", "Permission denied", r"[Ee]rror", console.NAME_PROMPT, console.pexpect.EOF) == 0
        if opened:
            terminal.logout()
    return opened


def over_ssh(_):
    return sshd.walk("taro", people["taro"].password, card="taro")[0]


def with_a_key_only(_):
    with sshd.configured(sshd.CONF + "\nMatch User git\nAuthenticationMethods publickey\n"):
        return world.run(*sshd.command("ssh", "-o", "BatchMode=yes", "git@127.0.0.1", "id -un", key=GIT_KEY), status=None).stdout == "git\n"


def typed(command, sign="in=42"):
    """Within a login that began before."""
    def host(terminal):
        begin = len(terminal.text)
        terminal.send(f"{command}; echo ended=$?.")
        walk(terminal, r"ended=\d+")
        terminal.expect(SHELL)
        return re.search(f"^{sign}$", terminal.text[begin:], re.MULTILINE) is not None
    return host


def polkit(terminal):
    world.systemctl("stop", "box-thing.service")
    typed("systemctl start box-thing.service")(terminal)
    return world.systemctl("is-active", "box-thing.service", status=None) == "active"


def by_root(*command):
    return lambda _: world.run(*command, status=None).stdout == "in=42\n"


def manager(name):
    return lambda _: jobs.manager_starts(name)


def job(program, queue):
    """Until it has run, or the program says that PAM let it go no further."""
    def host(_):
        mark, path = world.journal_mark(), pathlib.Path(next(runs))
        queue(f"id -un >{path}.new && mv {path}.new {path}")
        world.wait_for(lambda: path.exists() or REFUSAL.search(world.journal_text(f"SYSLOG_IDENTIFIER={program}", since=mark)), 90, f"what {program} does")
        return path.exists()
    return host


def daemon_of_jobs(unit, *command):
    world.systemctl("stop", unit, status=None)
    world.run("systemd-run", "--unit", unit, *command)


def by_cron(name):
    def queue(command):
        world.run("crontab", "-u", name, "-", text=f"@reboot {command}\n")
        pathlib.Path("/run/crond.reboot").unlink(missing_ok=True)
        daemon_of_jobs("box-cron", "/usr/sbin/cron", "-f")

    def host(terminal):
        try:
            return job("CRON", queue)(terminal)
        finally:
            world.run("crontab", "-u", name, "-r")
    return host


def by_at(name):
    def queue(command):
        world.systemctl("stop", "box-atd", status=None)
        jobs.submit_at(name, command)
        daemon_of_jobs("box-atd", "/usr/sbin/atd", "-f")
    return job("atd", queue)


ECHO = "echo in=42"
HOSTS = {
    "login": at_the_console,
    "sshd": over_ssh,
    "sshd, by a key only": with_a_key_only,
    "sudo": typed(f"sudo -k sh -c '{ECHO}'"),
    "sudo -i": typed(f"sudo -k -i {ECHO}"),
    "sudo without a question": typed("sudo -n env echo in=42"),
    "su": typed(f"su hanako -c '{ECHO}'"),
    "polkit": polkit,
    "sudo of root": by_root("sudo", "-u", "taro", "sh", "-c", ECHO),
    "su of root": by_root("su", "taro", "-c", ECHO),
    "su of root, an account of the machine": by_root("su", "backup", "-s", "/bin/sh", "-c", ECHO),
    "runuser": by_root("runuser", "-u", "taro", "--", "sh", "-c", ECHO),
    "cron, of root": by_cron("root"),
    "cron, of a person": by_cron("jobs"),
    "at, of root": by_at("root"),
    "at, of a person": by_at("jobs"),
    "a manager": manager("jobs"),
    "a manager of the machine": manager("backup"),
}


def who_lets_in(terminal):
    return [name for name, host in HOSTS.items() if host(terminal)]


# ---- why nobody can judge ----

@contextlib.contextmanager
def away():
    world.stop_daemon()
    yield
    world.start_daemon()


@contextlib.contextmanager
def found_at_start(breaks, mends):
    with daemon.stopped():
        breaks()
    yield
    with daemon.stopped():
        mends()


def configuration_broken():
    good = world.CONF.read_text()

    def breaks():
        LAST_GOOD.unlink(missing_ok=True)
        world.write(world.CONF, "[default]\nfactors = nothing\n")
    return found_at_start(breaks, lambda: world.write(world.CONF, good))


def store_unsafe():
    """Others can read it."""
    return found_at_start(lambda: STORE_DIR.chmod(0o755), lambda: STORE_DIR.chmod(0o700))


@contextlib.contextmanager
def line_misspelt():
    usual = {service: (STACKS / service).read_text() for service in SERVICES}
    for service, text in usual.items():
        world.write(STACKS / service, re.sub(r"pam_cardmfa\.so( confirm)?", "pam_cardmfa.so confrm", text))
    yield
    for service, text in usual.items():
        world.write(STACKS / service, text)


def nobody_gets_in(trouble):
    with sshd.over_ssh("taro") as terminal:
        equal(set(HOSTS) - set(who_lets_in(terminal)), set(), "who lets nobody in as it should be")
        with trouble():
            equal(who_lets_in(terminal), [], "who lets somebody in")
        equal(HOSTS["sudo"](terminal), True, "sudo afterwards")


@report.test(120)
def without_the_daemon_no_host_lets_anybody_in():
    nobody_gets_in(away)


@report.test(120)
def without_a_configuration_no_host_lets_anybody_in():
    nobody_gets_in(configuration_broken)


@report.test(120)
def without_a_safe_store_no_host_lets_anybody_in():
    nobody_gets_in(store_unsafe)


@report.test(120)
def with_a_misspelt_line_no_host_lets_anybody_in():
    nobody_gets_in(line_misspelt)


if __name__ == "__main__":
    report.main(prepare)
