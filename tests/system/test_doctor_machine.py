#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool doctor finds beforehand what accounts do that are no person's: jobs, units, lingering managers, sudo without questions, keys
of ssh. What it says is to be written into [machine] makes it quiet. And sudo's own options that lead past cardmfa."""
# check: timeout=200
import contextlib
import json
import pathlib
import re

from lib import report, stage, world
from lib.report import contains, equal, lacks

JA = {"LANG": "ja_JP.UTF-8"}
CONF = """
[class workers]
person = hanako
factors = card,password
batch = yes

[default]
factors = card,totp card,password
"""
ACCOUNT = "account required pam_cardmfa.so\n"
SUDOERS = pathlib.Path("/etc/sudoers.d/box")


def doctor(*words, status=None, env=None):
    return world.run("cardtool", "doctor", *words, status=status, env=env, seconds=60)


def findings(*levels, **wanted):
    return [f for f in json.loads(doctor("--json").stdout)["findings"] if f["check"] == "machine" and (not levels or f["level"] in levels)
            and all(f[key] == value for key, value in wanted.items())]


def names():
    return {f["finding"] for f in findings()}


def machine(*lines):
    world.conf("\n".join(["[machine]", *lines, ""]) + CONF if lines else CONF)


def written(finding):
    """The line that is to be written."""
    return re.search("`([^`]* = [^`]*)`", finding["advice"])[1]


@contextlib.contextmanager
def holding(path, text, mode=0o644):
    """A file for a while."""
    path = pathlib.Path(path)
    before = path.read_text() if path.exists() else None
    world.write(path, text, mode)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def asking(service, text=ACCOUNT + "session required pam_permit.so\n"):
    return holding(f"/etc/pam.d/{service}", text)


def prepare():
    stage.set_up(CONF)
    for name in ("taro", "hanako"):
        world.add_user(name)
        stage.tool("user", "add", name)
    world.add_user("backup-user")
    world.add_user("git")
    world.run("useradd", "--system", "-s", "/bin/sh", "monitor")
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)


@report.test()
def a_machine_without_any_is_in_order():
    equal(names(), {"machine"})
    contains(doctor().stdout, "ok        machine        nothing that accounts of this machine do by themselves is stopped")


@report.test()
def jobs_of_accounts_that_are_nobodys_are_found_before():
    with holding("/etc/cron.d/box", "MAILTO=root\n17 * * * * backup-user true\n18 * * * * root true\n19 * * * * monitor true\n@daily nosuchuser true\n"):
        found, = findings("note")
        equal((found["finding"], found["person"], found["service"], found["file"], found["line"]),
              ("would-stop", "backup-user", "cron", "/etc/cron.d/box", 2))
        contains(found["text"], "would be refused once pam_cardmfa is asked by cron: backup-user")
        equal(written(found), "backup-user = cron")
        with asking("cron"):
            found, = findings("warning")
            equal((found["finding"], found["person"]), ("stopped", "backup-user"))
            machine(written(found))
            equal(names(), {"machine"})
            machine()
    world.run("crontab", "-u", "git", "-", text="# nothing\n0 4 * * * true\n")
    found, = findings("note")
    crontab = pathlib.Path("/var/spool/cron/crontabs/git")
    equal((found["person"], found["file"]), ("git", str(crontab)))
    contains(crontab.read_text().splitlines()[found["line"] - 1], "0 4 * * * true")
    world.run("crontab", "-u", "git", "-r")
    world.run("runuser", "-u", "backup-user", "--", "sh", "-c", "cd /; echo true | at now + 1 hour")
    found, = findings("note")
    equal((found["person"], written(found)), ("backup-user", "backup-user = atd"))
    world.run("sh", "-c", "rm -f /var/spool/cron/atjobs/a*")


@report.test()
def who_may_be_a_person_is_to_be_registered_first():
    jobs = "".join(f"@daily {name} true\n" for name in ("backup-user", "git", "noshell", "nohome"))
    world.run("useradd", "-m", "-s", "/usr/sbin/nologin", "noshell")
    world.run("useradd", "-M", "-s", "/bin/sh", "nohome")
    with holding("/etc/cron.d/box", jobs):
        people, programs = sorted(findings("note"), key=lambda f: f["text"])
        contains(people["text"], "by cron: backup-user, git")
        equal(people["advice"], "a person: `cardtool user add NAME`; an account of programs: write `NAME = cron` into [machine] of "
              "/etc/cardmfa/cardmfa.conf")
        contains(programs["text"], "by cron: nohome, noshell")
        equal(programs["advice"], "write `NAME = cron` into [machine] of /etc/cardmfa/cardmfa.conf")
    with holding("/etc/cron.d/box", "@daily git true\n@daily root true\n"):
        contains(findings("note", person="git")[0]["advice"], "a person: `cardtool user add git`; ")
    # A system's account that logs in is none.
    with holding(SUDOERS, "monitor ALL = NOPASSWD: /bin/true\n", 0o440):
        equal(findings("note", person="monitor")[0]["advice"], "write `monitor = sudo` into [machine] of /etc/cardmfa/cardmfa.conf")
    for name in ("noshell", "nohome"):
        world.run("userdel", name)


@report.test()
def units_with_pam_and_lingering_managers_are_found():
    with holding("/etc/systemd/system/box.service", "[Service]\nUser=git\nPAMName=login\nExecStart=/bin/sleep 100\n"):
        world.systemctl("daemon-reload")
        world.systemctl("start", "--no-block", "box.service")
        found, = findings("warning")
        equal((found["person"], found["file"], written(found)), ("git", "box.service", "git = login"))
        world.systemctl("stop", "box.service")
        world.systemctl("reset-failed", "box.service", status=None)
    world.systemctl("daemon-reload")
    with holding("/var/lib/systemd/linger/git", ""), holding("/etc/cron.d/box", "@daily git true\n"):
        found, = findings("note")
        contains(found["text"], "by cron systemd-user: git")
        equal(written(found), "git = cron")
        machine("git = cron")
        equal(names(), {"machine"})
        machine()


@report.test()
def keys_of_accounts_that_are_nobodys_are_found():
    world.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "/root/soft_key")
    soft = pathlib.Path("/root/soft_key.pub").read_text()
    with holding("/home/git/.ssh/authorized_keys", f'command="git-shell",restrict {soft}'), \
            holding("/home/taro/.ssh/authorized_keys", soft), holding("/etc/ssh/sshd_config", "UsePAM yes\n"):
        found, = findings("note")
        equal((found["person"], found["service"], written(found)), ("git", "sshd", "git = sshd"))
        with holding("/root/.ssh/authorized_keys", soft):
            root, = findings("note", person="root")
            contains(root["advice"], "better let an account of its own do it")
        machine("git = sshd")
        equal(names(), {"machine"})
        with holding("/etc/ssh/sshd_config", "UsePAM yes\nAuthenticationMethods publickey,keyboard-interactive:pam\nKbdInteractiveAuthentication yes\n"):
            found, = findings("warning")
            equal((found["finding"], found["person"]), ("key-not-enough", "git"))
        with holding("/etc/ssh/sshd_config", "UsePAM yes\nAuthenticationMethods publickey,keyboard-interactive:pam\nKbdInteractiveAuthentication yes\n"
                     "Match User git\nAuthenticationMethods publickey\n"):
            equal(names(), {"machine"})
        # The lines that are shipped for sshd: keys of cards alone.
        shipped = pathlib.Path("/usr/share/cardmfa/sshd.conf").read_text()
        with holding("/etc/ssh/sshd_config", shipped + "Match User git\nAuthenticationMethods publickey\n"):
            found, = findings("warning")
            equal((found["finding"], found["person"]), ("key-not-enough", "git"))
            contains(found["advice"], "`AuthorizedKeysFile .ssh/authorized_keys`")
        with holding("/etc/ssh/sshd_config", shipped.replace("#Match", "Match").replace("#\t", "\t")):
            equal(names(), {"machine"})
            machine()
            equal(written(findings("note")[0]), "git = sshd")
        machine()


@report.test()
def sudo_without_questions_is_found():
    with holding(SUDOERS, "User_Alias OPS = backup-user, monitor\nOPS ALL = NOPASSWD: /bin/true\ntaro ALL = NOPASSWD: /bin/true, PASSWD: /bin/false\n", 0o440):
        equal({(f["person"], written(f)) for f in findings("note", finding="would-stop")},
              {("backup-user", "backup-user = sudo"), ("monitor", "monitor = sudo")})
        contains(findings(finding="nopasswd")[0]["text"], ": taro")
        with asking("sudo"):
            machine("backup-user = sudo", "monitor = sudo")
            equal(names(), {"machine", "nopasswd"})
            machine()


OPTIONS = (("targetpw", "sudo-target", "error"), ("rootpw", "sudo-target", "error"), ("!pam_acct_mgmt", "sudo-account", "error"),
           ("pam_service=login", "sudo-service", "warning"), ("pam_rhost", "sudo-rhost", "warning"), ("!pam_session", "sudo-session", "note"))


@report.test(90)
def options_of_sudo_that_lead_past_or_into_a_refusal():
    for option, finding, level in OPTIONS:
        with holding(SUDOERS, f"Defaults {option}\n", 0o440):
            equal([(f["finding"], f["level"]) for f in findings(service="sudo")], [(finding, "note")], option)
            with asking("sudo"):
                equal([(f["finding"], f["level"]) for f in findings(service="sudo")], [(finding, level)], option)
    with holding(SUDOERS, "this is no rule\n", 0o440):
        unknown, = findings(finding="sudo-unknown")
        contains(unknown["detail"], "syntax error")


@report.test()
def jobs_of_people_need_a_class_that_runs_them():
    with holding("/etc/cron.d/box", "@daily taro true\n@daily hanako true\n"):
        found, = findings("note")
        equal((found["finding"], found["class"]), ("would-stop-jobs", "default"))
        contains(found["text"], "would run none once cron and at ask pam_cardmfa: taro")
        contains(found["advice"], "write `batch = yes` in [default]")
        with asking("cron"):
            found, = findings("warning")
            equal((found["finding"], found["class"]), ("no-batch", "default"))


@report.test()
def lines_of_machine_that_have_no_effect():
    machine("taro = cron", "nosuchuser = cron", "git = cron crno")
    equal({(f["finding"], f["person"], f["line"]) for f in findings("warning")},
          {("machine-person", "taro", 2), ("machine-unknown", "nosuchuser", 3), ("machine-service", "git", 4)})
    machine()


@report.test()
def in_japanese_too():
    with holding("/etc/cron.d/box", "@daily git true\n@daily taro true\n"), holding(SUDOERS, "Defaults targetpw\n", 0o440), asking("sudo"):
        text = doctor(env=JA).stdout
    contains(text, "`git = cron`")
    contains(text, "職員なら `cardtool user add git`")
    lacks(text, "is no registered person's")
    lacks(text, "sudo has PAM asked")


if __name__ == "__main__":
    report.main(prepare)
