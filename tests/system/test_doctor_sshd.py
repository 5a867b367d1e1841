#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool doctor reads sshd's own configuration, for the people it tries out: whatever keeps the card's key and the second factor
from being asked for is named with the line to write, and with that line it is gone."""
# check: timeout=200
import contextlib
import json
import pathlib
import re
import subprocess

from lib import report, stage, world
from lib.report import contains, equal, lacks

JA = {"LANG": "ja_JP.UTF-8"}
CONFIG = pathlib.Path("/etc/ssh/sshd_config")
DROP_IN = pathlib.Path("/etc/ssh/sshd_config.d/10-cardmfa.conf")
CONF = """
[class office]
group = office
service = sshd
from = 192.0.2.128/25
factors = password,totp
login-time = 160s

[default]
factors = card,totp card,password
"""
GOOD = """UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive:pam
AuthorizedKeysCommand /usr/bin/cardtool ssh-keys %u %t %k
AuthorizedKeysCommandUser cardmfa-keys
AuthorizedKeysFile none
PermitRootLogin no
LoginGraceTime 170
"""
people = {}


def doctor(*words, status=None, env=None):
    return world.run("cardtool", "doctor", *words, status=status, env=env, seconds=60)


def findings(*levels, **wanted):
    return [f for f in json.loads(doctor("--json").stdout)["findings"] if f["check"] == "sshd" and (not levels or f["level"] in levels)
            and all(f[key] == value for key, value in wanted.items())]


def names(*levels):
    return {f["finding"] for f in findings(*levels)}


@contextlib.contextmanager
def configured(text):
    before = CONFIG.read_text()
    CONFIG.write_text(text)
    try:
        yield
    finally:
        CONFIG.write_text(before)


def instead(*lines):
    """GOOD with these lines in the place of those of the same keyword."""
    text = GOOD
    for line in lines:
        text, n = re.subn(rf"^{line.split()[0]} .*$", lambda _, line=line: line, text, flags=re.MULTILINE)
        equal(n, 1, line)
    return text


def prepare():
    people["config"] = CONFIG.read_text()
    people["stack"] = pathlib.Path("/etc/pam.d/sshd").read_text()
    stage.set_up(CONF)
    world.run("groupadd", "office")
    people["taro"] = stage.person("taro", with_app=False)
    people["hanako"] = stage.person("hanako", "--slot", "9A=rsa2048,pin=once", with_app=False, reader=1)
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    world.login_stack(service="sshd")
    CONFIG.write_text(GOOD)


@report.test()
def in_order_it_says_so():
    equal(names(), {"in-order"})
    contains(doctor().stdout, "ok        sshd           sshd has the key of a card proved, then asks PAM")


FAULTS = (
    ("UsePAM no", "use-pam", "error", "UsePAM yes"),
    ("AuthenticationMethods any", "methods", "error", "AuthenticationMethods publickey,keyboard-interactive:pam"),
    ("AuthenticationMethods publickey", "methods", "error", "AuthenticationMethods publickey,keyboard-interactive:pam"),
    ("AuthenticationMethods keyboard-interactive:pam", "methods", "error", "AuthenticationMethods publickey,keyboard-interactive:pam"),
    ("AuthenticationMethods keyboard-interactive:pam,publickey", "methods", "error", "AuthenticationMethods publickey,keyboard-interactive:pam"),
    ("AuthenticationMethods publickey,keyboard-interactive:pam publickey", "more-methods", "warning",
     "AuthenticationMethods publickey,keyboard-interactive:pam"),
    ("AuthorizedKeysCommandUser nobody", "keys-user", "warning", "AuthorizedKeysCommandUser cardmfa-keys"),
    ("LoginGraceTime 60", "grace", "warning", "LoginGraceTime 120"),
    ("LoginGraceTime 0", "no-grace", "note", "LoginGraceTime 120"),
    ("PermitRootLogin prohibit-password", "root", "note", "PermitRootLogin no"),
)


@report.test(120)
def each_line_that_is_in_the_way_is_named_and_mended():
    for line, finding, level, mend in FAULTS:
        with configured(instead(line)):
            found = next(iter(findings(finding=finding)), None)
            assert found, f"{line}: {findings()}"
            equal((found["level"], found["service"], found["file"]), (level, "sshd", str(CONFIG)), line)
            written = re.search("`(.*?)`", found["advice"])[1]
            equal(written, mend)
            contains(found["advice"], f"into {DROP_IN}, then")
            CONFIG.write_text(instead(line, written))
            equal(names("error", "warning"), set(), mend)
    for text, finding in ((instead("AuthenticationMethods any") + "PubkeyAuthentication no\n", "pubkey"), (GOOD + "MaxAuthTries 2\n", "tries"),
                          (GOOD + "PermitUserEnvironment yes\n", "user-environment"), (GOOD.replace("AuthorizedKeysCommand", "#"), "keys-command")):
        with configured(text):
            contains(names(), finding)
    with configured(instead("KbdInteractiveAuthentication no", "AuthenticationMethods any")):
        found, = findings("error")
        equal((found["finding"], re.search("`(.*?)`", found["advice"])[1]), ("keyboard-interactive", "KbdInteractiveAuthentication yes"))
    # sshd itself does not take it.
    with configured(instead("KbdInteractiveAuthentication no")):
        found, = findings()
        equal((found["finding"], found["level"]), ("unknown", "warning"))
        contains(found["detail"], 'Disabled method "keyboard-interactive"')
    with configured(instead("AuthenticationMethods publickey,keyboard-interactive:pam publickey,password", "PasswordAuthentication yes")):
        contains(names(), "password")


@report.test()
def the_person_is_named_whom_a_match_block_lets_by():
    world.run("usermod", "-aG", "office", "hanako")
    with configured(GOOD + "Match User taro\nAuthenticationMethods publickey\nMatch LocalPort 22\nMaxAuthTries 6\n"):
        found, = findings(finding="methods")
        contains(found["text"], "nobody gets in: taro")
        equal(found["class"], "default")
    with configured(GOOD + "Match Address 192.0.2.128/25\nAuthenticationMethods keyboard-interactive:pam\n"):
        # From there hanako needs no card; taro does.
        found, = findings(finding="methods")
        contains(found["text"], "nobody gets in: taro")
        equal(names("warning"), set())
    with configured(instead("LoginGraceTime 120") + "Match User taro\nX11Forwarding no\n"):
        found, = findings(finding="grace")
        equal((found["class"], re.search("`(.*?)`", found["advice"])[1]), ("office", "LoginGraceTime 170"))
    world.run("gpasswd", "-d", "hanako", "office")


@report.test()
def thousands_are_sampled():
    n = 300
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        passwd.writelines(f"staff{i}:x:{20000 + i}:{20000 + i}::/nonexistent:/bin/sh\n" for i in range(n))
    rows = ", ".join(f"({1000 + i}, {20000 + i}, 'staff{i}', 'active', 0, 0)" for i in range(n))
    world.run("runuser", "-u", "cardmfa", "--", "sqlite3", "/var/lib/cardmfa/store.db",
              f"insert into person (id, uid, login, state, created_at, changed_at) values {rows}")
    try:
        with configured(GOOD + "Match User staff77\nAuthenticationMethods publickey\n"):
            note, = findings(finding="sampled")
            contains(note["text"], f"of {n + 2} people")
            contains(findings(finding="methods")[0]["text"], "staff77")
        equal(names(), {"in-order"})
    finally:
        world.run("runuser", "-u", "cardmfa", "--", "sqlite3", "/var/lib/cardmfa/store.db", "delete from person where id >= 1000")
        world.run("sed", "-i", "/^staff[0-9]/d", "/etc/passwd")


@report.test()
def keys_in_files_that_are_no_card_are_named():
    world.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "/root/soft_key")
    soft = pathlib.Path("/root/soft_key.pub").read_text()
    card = world.run("ssh-keygen", "-D", next(pathlib.Path("/usr/lib").glob("*/opensc-pkcs11.so"))).stdout.splitlines()
    of_taro = next(line for line in card if line.startswith("ecdsa"))
    with configured(instead("AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u")):
        world.write("/home/taro/.ssh/authorized_keys", of_taro + "\n")
        equal(names(), {"in-order"})
        world.write("/home/hanako/.ssh/authorized_keys", "# of the old desk\nfrom=\"10.0.0.0/8\" " + soft)
        contains(findings(finding="other-keys")[0]["text"], ": hanako")
        world.write("/etc/ssh/keys/taro", soft)
        contains(findings(finding="other-keys")[0]["text"], ": hanako, taro")
        pathlib.Path("/etc/ssh/keys/taro").unlink()
        # What is no file, and what leads to a device, is not waited for.
        keys = pathlib.Path("/home/hanako/.ssh/authorized_keys")
        keys.unlink()
        world.run("mkfifo", str(keys))
        # Nor is it opened: for some devices that alone does something. Who writes to this one would see it.
        with subprocess.Popen(["/bin/sh", "-c", 'exec 3> "$1"', "sh", str(keys)]) as writer:
            equal(names(), {"in-order"})
            equal(writer.poll(), None, "how the other end of the pipe ended")
            writer.kill()
        keys.unlink()
        keys.symlink_to("/dev/zero")
        equal(names(), {"in-order"})
        keys.unlink()
    pathlib.Path("/home/taro/.ssh/authorized_keys").unlink()


@report.test()
def root_past_cardmfa_is_a_warning():
    world.conf(CONF.replace("[class", "[machine]\nroot = sshd\n[class", 1))
    with configured(instead("PermitRootLogin prohibit-password", "AuthenticationMethods any")):
        found, = findings(finding="root")
        equal((found["level"], found["person"]), ("warning", "root"))
    world.conf(CONF)


@report.test()
def debians_own_file_and_stack():
    stack = pathlib.Path("/etc/pam.d/sshd")
    ours = stack.read_text()
    with configured(people["config"]):
        equal(names("error"), {"keyboard-interactive"})
        stack.write_text(people["stack"])
        # It does not ask yet: what is to be written first.
        note, = findings()
        equal((note["finding"], note["level"]), ("before", "note"))
        # All of it at once: with a part nobody would get in.
        for line in ("KbdInteractiveAuthentication yes", "AuthenticationMethods publickey,keyboard-interactive:pam", "/usr/share/cardmfa/sshd.conf"):
            equal(note["advice"].count(line), 1, note["advice"])
        stack.write_text(ours)
        world.run("install", "-m", "644", "/usr/share/cardmfa/sshd.conf", DROP_IN)
        equal(names("ok", "note", "warning", "error"), {"in-order"})
        DROP_IN.unlink()
        stack.write_text(people["stack"])
    # Debian reads the file of people's variables behind all that could take them for true.
    asking = people["stack"].replace("@include common-auth", "auth required pam_cardmfa.so")
    contains(asking, "user_readenv=1")
    stack.write_text(asking)
    equal(findings(finding="user-readenv"), [])
    stack.write_text(asking.replace("@include common-session", "session required pam_env.so user_readenv=1\n@include common-session"))
    note, = findings(finding="user-readenv")
    contains(note["text"], f"/etc/pam.d/sshd:{note['line']}: ")
    stack.write_text(ours)
    pathlib.Path("/run/sshd").rmdir()
    unknown, = findings()
    equal((unknown["finding"], unknown["level"]), ("unknown", "warning"))
    contains(unknown["detail"], "/run/sshd")
    contains(unknown["advice"], "/run/sshd")
    pathlib.Path("/run/sshd").mkdir()


@report.test()
def in_japanese_too():
    with configured(instead("AuthenticationMethods any", "LoginGraceTime 0")):
        text = doctor(env=JA).stdout
    contains(text, "AuthenticationMethods publickey,keyboard-interactive:pam")
    lacks(text, "sshd does not have")
    lacks(text, "sshd waits")


if __name__ == "__main__":
    report.main(prepare)
