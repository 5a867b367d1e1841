#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What runs without anybody being asked: real cron, atd, user managers, su and runuser of root, an account with an ssh key only."""
import contextlib
import itertools
import pathlib
import re

from lib import daemon, report, sshd, stage, world
from lib.jobs import manager_starts, submit_at
from lib.report import contains, equal

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class batch]
person = jobs saburo goro hanako
factors = card,password
batch = yes

[default]
factors = card,totp card,password
"""
MACHINE = "[machine]\ngit = sshd su\nkeeper = cron atd\n"
# Debian's own files with the account line of the manual; where pam_systemd stands, the two session lines around it too.
WITHOUT_SESSION = ("cron", "atd", "systemd-user")
WITH_SESSION = ("su",)
ACCOUNT = "account required pam_cardmfa.so\n@include common-account"
SESSION = "session required pam_cardmfa.so\n@include common-session\nsession required pam_cardmfa.so confirm"
# root and the system's accounts, persons of a class with batch = yes whose cards are good, revoked or never were.
RUN = ("root", "backup", "jobs", "hanako")
# batch = no; an administrator's lock; removed; accounts as people have them, that are no persons.
PERSONS = ("taro", "saburo", "goro")
REFUSED = PERSONS + ("keeper", "git")
SPOOL = pathlib.Path("/var/tmp/ran")
batches = (f"batch-{n}" for n in itertools.count(1))
GIT_KEY = "/root/git_key"
MATCH_GIT = "\nMatch User git\nAuthenticationMethods publickey\n"
minute = None


def prepare():
    stage.set_up(CONF)
    for service in WITHOUT_SESSION + WITH_SESSION:
        lines(service, service in WITH_SESSION)
    world.run("usermod", "-s", "/bin/sh", "backup")
    for name in ("keeper", "git"):
        world.add_user(name)
    for name in ("jobs", "saburo", "goro"):
        world.add_user(name)
        stage.tool("user", "add", name, text="")
    hanako = stage.person("hanako", with_app=False)
    stage.tool("revoke", hanako.card_id, "--reason", "lost", text="", status=None)
    stage.person("taro", reader=1, with_app=False)
    set_state("saburo", "locked")
    stage.tool("user", "remove", "goro", text="")
    SPOOL.mkdir()
    SPOOL.chmod(0o1777)
    sshd.start()
    sshd.allow("git", sshd.make_key(GIT_KEY))
    start_minute()


def set_state(login, state):
    world.run("setpriv", "--reuid", "cardmfa", "--clear-groups", "sqlite3", "/var/lib/cardmfa/store.db",
              f"UPDATE person SET state = '{state}' WHERE login = '{login}'")


def lines(service, with_session):
    own, vendor = pathlib.Path("/etc/pam.d") / service, pathlib.Path("/usr/lib/pam.d") / service
    text = re.sub("^@include common-account$", ACCOUNT, (own if own.exists() else vendor).read_text(), flags=re.MULTILINE)
    if with_session:
        text = re.sub("^@include common-session$", SESSION, text, flags=re.MULTILINE)
    equal(text.count("pam_cardmfa.so"), 3 if with_session else 1, f"lines of cardmfa in {service}")
    world.write(own, text)


@contextlib.contextmanager
def with_machine():
    daemon.configure(MACHINE + CONF)
    try:
        yield
    finally:
        daemon.configure(CONF)


class Jobs:
    """One job of each account; each leaves a file of its name."""

    def __init__(self):
        self.batch = next(batches)
        self.mark = world.journal_mark()

    def command(self, name):
        return f"id -un >{SPOOL}/{self.batch}.{name}"

    def ran(self):
        return {path.suffix[1:] for path in SPOOL.glob(f"{self.batch}.*") if path.read_text() == f"{path.suffix[1:]}\n"}

    def refusals(self, program):
        """Those of this program's children that PAM's account let go no further."""
        said = world.journal_text(f"SYSLOG_IDENTIFIER={program}", since=self.mark)
        return said.count("Permission denied") + said.count("Account failure") + said.count("PAM failure")

    def outcome(self, program, run, refused):
        world.wait_for(lambda: self.ran() >= set(run), 90, f"jobs of {run} by {program}")
        world.wait_for(lambda: self.refusals(program) >= len(refused), 90, f"{len(refused)} refusals by {program}")
        equal(self.ran(), set(run), f"who had a job run by {program}")


def start_cron(jobs, when, names):
    for name in names:
        world.run("crontab", "-u", name, "-", text=f"{when} {jobs.command(name)}\n")
    pathlib.Path("/run/crond.reboot").unlink(missing_ok=True)
    world.systemctl("stop", "box-cron", status=None)
    world.run("systemd-run", "--unit", "box-cron", "/usr/sbin/cron", "-f")


def start_minute():
    """Its minute comes while other tests run."""
    global minute
    minute = Jobs()
    start_cron(minute, "* * * * *", RUN + PERSONS)


# --- at -----------------------------------------------------------------------------------------------

@report.test(90)
def at_jobs_of_whom_the_class_or_the_machine_lets():
    world.write("/etc/at.deny", "")

    def queue(names):
        """All before atd starts: it may miss the signals of many at once."""
        batch = Jobs()
        world.systemctl("stop", "box-atd", status=None)
        for name in names:
            submit_at(name, batch.command(name))
        world.run("systemd-run", "--unit", "box-atd", "/usr/sbin/atd", "-f")
        return batch
    queue(RUN + REFUSED).outcome("atd", RUN, REFUSED)
    with with_machine():
        queue(("keeper", "git", "taro")).outcome("atd", ("keeper",), ("git", "taro"))


# --- user managers --------------------------------------------------------------------------------------

@report.test(90)
def user_managers_of_active_persons_and_of_the_machine():
    equal([name for name in ("taro", "jobs", "hanako", "backup") if not manager_starts(name)], [], "whose does not start")
    equal([name for name in ("saburo", "goro", "git", "keeper") if manager_starts(name)], [], "whose starts")
    with with_machine():
        equal([name for name in ("git", "keeper") if not manager_starts(name)], [], "with a line in [machine]")
        equal([name for name in ("saburo", "goro") if manager_starts(name)], [], "persons")
    # One that nobody logs in with is there as long as the account may have it.
    world.run("loginctl", "enable-linger", "backup")
    world.wait_for(lambda: world.systemctl("is-active", "user@34.service", status=None) == "active", what="a lingering manager")
    world.run("loginctl", "disable-linger", "backup")


# --- su and runuser of root, in a service -------------------------------------------------------------------

@report.test(90)
def root_services_become_others():
    for way in (("su", "-s", "/bin/sh", "{}", "-c", "id -un"), ("su", "-", "{}", "-c", "id -un"), ("runuser", "-u", "{}", "--", "id", "-un"),
                ("runuser", "-l", "{}", "-s", "/bin/sh", "-c", "id -un")):
        for name in ("backup", "daemon", "jobs", "taro") if "-s" in way else ("backup", "jobs", "taro"):
            contains(world.run(*(word.format(name) for word in way)).stdout, f"{name}\n")
    # runuser asks for no account: only what it opens could be refused.
    for name in ("saburo", "goro", "git"):
        world.run("su", "-s", "/bin/sh", name, "-c", "id", status=1)
    with with_machine():
        equal(world.run("su", "-s", "/bin/sh", "git", "-c", "id -un").stdout, "git\n", "su = of the machine")
        world.run("su", "-s", "/bin/sh", "keeper", "-c", "id", status=1)
    # Not root's: the account's own real uid has no su without somebody's factors.
    world.run("setpriv", "--reuid", "backup", "--regid", "backup", "--clear-groups", "su", "daemon", "-s", "/bin/sh", "-c", "id", status=1)


# --- an account with a key of ssh only ------------------------------------------------------------------------

def as_git(*words, options=()):
    return world.run(*sshd.command("ssh", *options, "-o", "BatchMode=yes", "git@127.0.0.1", *words, key=GIT_KEY), status=None)


@report.test(90)
def an_account_with_a_key_only():
    world.run("runuser", "-u", "git", "--", "git", "init", "-q", "--bare", "/home/git/desk.git")
    remote = "git@127.0.0.1:/home/git/desk.git"
    call = " ".join(sshd.command("ssh", "-o", "BatchMode=yes", key=GIT_KEY))
    with sshd.configured(sshd.CONF + MATCH_GIT):
        refused = as_git("id -un")
        equal((refused.returncode != 0, refused.stdout), (True, ""), "without a line in [machine]")
        with with_machine():
            equal(as_git("id -un").stdout, "git\n", "with git = sshd")
            equal(world.run("git", "ls-remote", remote, env={"GIT_SSH_COMMAND": call}).returncode, 0, "git")
            # Its key is all there is: nothing else is asked, and nothing else opens.
            other = world.run(*sshd.command("ssh", "-o", "BatchMode=yes", "-o", "PubkeyAuthentication=no", "git@127.0.0.1", "id"), status=None)
            equal((other.returncode != 0, other.stdout), (True, ""), "without the key")
        # It is gone with its line.
        equal(as_git("id -un").returncode != 0, True, "the line is gone")
    with with_machine():
        # Where sshd wants PAM's word too, there is none for it.
        equal(as_git("id -un").stdout, "", "keyboard-interactive")


# --- cron ---------------------------------------------------------------------------------------------------

@report.test(120)
def cron_jobs_of_whom_the_class_or_the_machine_lets():
    minute.outcome("CRON", RUN, PERSONS)
    jobs = Jobs()
    start_cron(jobs, "@reboot", RUN + REFUSED)
    jobs.outcome("CRON", RUN, REFUSED)
    with with_machine():
        jobs = Jobs()
        start_cron(jobs, "@reboot", RUN + REFUSED)
        jobs.outcome("CRON", RUN + ("keeper",), [name for name in REFUSED if name != "keeper"])
    # Who was locked has no job from then on.
    set_state("jobs", "locked")
    jobs = Jobs()
    start_cron(jobs, "@reboot", RUN)
    jobs.outcome("CRON", [name for name in RUN if name != "jobs"], ("jobs",))
    set_state("jobs", "active")


@report.test(90)
def a_job_of_root_becomes_others():
    jobs = Jobs()
    names = {"backup": "su -s /bin/sh backup -c", "jobs": "su jobs -c", "taro": "su - taro -c", "daemon": "/usr/sbin/runuser -u daemon -- sh -c", "saburo": "su saburo -c"}
    for name in RUN + REFUSED:
        world.run("crontab", "-u", name, "-r", status=None)
    # The marks of who ended are no results.
    table = "".join(f"@reboot {way} '{jobs.command(name)}'; touch {SPOOL}/ended-{jobs.batch}-{name}\n" for name, way in names.items())
    world.run("crontab", "-u", "root", "-", text=table)
    start_cron(jobs, "@reboot", ())
    world.wait_for(lambda: len(list(SPOOL.glob(f"ended-{jobs.batch}-*"))) == len(names), what="root's jobs")
    equal(jobs.ran(), set(names) - {"saburo"}, "whom root's jobs became")


if __name__ == "__main__":
    report.main(prepare)
