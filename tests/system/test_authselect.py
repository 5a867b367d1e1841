#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The profile for RHEL's authselect, as far as Debian goes: its templates written out here as authselect would, with RHEL's files of
services around them. doctor judges them, and people log in with them. authselect itself and RHEL are not here."""
# check: timeout=200
import json
import pathlib
import re

from lib import console, polkit, report, stage, world
from lib.report import contains, equal

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class switch]
service = sudo sudo-i su su-l
factors = session,password card,password
su = caller

[default]
factors = card,totp card,password
batch = yes
"""
PROFILE = pathlib.Path("/usr/share/authselect/vendor/cardmfa")
PAM = pathlib.Path("/etc/pam.d")
SHARED = ("system-auth", "password-auth", "smartcard-auth", "fingerprint-auth", "postlogin")
FEATURES = ({"with-sssd", "with-mkhomedir"}, {"with-sssd"}, {"with-mkhomedir"}, set())
LINUX_PASSWORD = "linux-Password-1"
# RHEL 10's own, without what Debian has no module for (pam_sepermit). Debian's cron calls itself cron.
HOSTS = {
    "login": """\
auth       substack     system-auth
auth       include      postlogin
account    required     pam_nologin.so
account    include      system-auth
password   include      system-auth
session    required     pam_selinux.so close
session    required     pam_loginuid.so
session    required     pam_selinux.so open
session    required     pam_namespace.so
session    optional     pam_keyinit.so force revoke
session    include      system-auth
session    include      postlogin
""",
    "sshd": """\
auth       substack     password-auth
auth       include      postlogin
account    required     pam_nologin.so
account    include      password-auth
password   include      password-auth
session    required     pam_selinux.so close
session    required     pam_loginuid.so
session    required     pam_selinux.so open env_params
session    required     pam_namespace.so
session    optional     pam_keyinit.so force revoke
session    optional     pam_motd.so
session    include      password-auth
session    include      postlogin
""",
    "sudo": "auth include system-auth\naccount include system-auth\npassword include system-auth\nsession include system-auth\n",
    "sudo-i": "auth include sudo\naccount include sudo\npassword include sudo\nsession optional pam_keyinit.so force revoke\nsession include sudo\n",
    "su": """\
auth            sufficient      pam_rootok.so
auth            substack        system-auth
auth            include         postlogin
account         sufficient      pam_succeed_if.so uid = 0 use_uid quiet
account         include         system-auth
password        include         system-auth
session         include         system-auth
session         include         postlogin
session         optional        pam_xauth.so
""",
    "su-l": "auth include su\naccount include su\npassword include su\nsession optional pam_keyinit.so force revoke\nsession include su\n",
    "cron": """\
account    required   pam_access.so
account    include    password-auth
session    required   pam_loginuid.so
session    include    password-auth
auth       include    password-auth
""",
    "systemd-user": """\
account  include system-auth
session  required pam_selinux.so close
session  required pam_selinux.so nottys open
session  required pam_loginuid.so
session  required pam_namespace.so
session  include system-auth
""",
    "polkit-1": "auth include system-auth\naccount include system-auth\npassword include system-auth\nsession include system-auth\n",
}
people = {}


def expanded(text, features):
    """A template as authselect writes it: lines that are for a feature, and words that are."""
    out = []
    for line in text.splitlines():
        only = re.search(r"\s*\{(include|exclude) if \"([a-z0-9-]+)\"\}$", line)
        if only and (only[2] in features) != (only[1] == "include"):
            continue
        line = line[:only.start()] if only else line
        line = re.sub(r'\{if "([a-z0-9-]+)":([^|}]*)\|?([^}]*)\}', lambda m: m[2] if m[1] in features else m[3], line)
        assert "{" not in line and "}" not in line, line
        out.append(line)
    return "\n".join(out) + "\n"


def select(features):
    for name in SHARED:
        (PAM / name).write_text(expanded((PROFILE / name).read_text(), features))


def doctor():
    return json.loads(world.run("cardtool", "doctor", "--json", status=None, seconds=60).stdout)


def prepare():
    stage.set_up(CONF)
    people["taro"] = stage.person("taro", groups=("sudo",), with_app=False)
    world.run("chpasswd", text=f"taro:{LINUX_PASSWORD}\n")
    for name, text in HOSTS.items():
        (PAM / name).write_text(text)
    select(set())


@report.test()
def the_profile_is_whole():
    equal({path.name for path in PROFILE.iterdir()}, {*SHARED, "README", "REQUIREMENTS", "dconf-db", "dconf-locks", "nsswitch.conf"})
    readme = (PROFILE / "README").read_text()
    equal(readme.splitlines()[1], "=" * len(readme.splitlines()[0]))
    asked = set()
    for path in PROFILE.iterdir():
        asked |= set(re.findall(r'if "([a-z0-9-]+)"', path.read_text()))
        for features in FEATURES:
            expanded(path.read_text(), features)
    equal(asked, FEATURES[0])
    equal(set(re.findall(r"^(with-[a-z]+)::", readme, re.MULTILINE)), asked)
    nsswitch = expanded((PROFILE / "nsswitch.conf").read_text(), {"with-sssd"})
    contains(nsswitch, "passwd:     files sss systemd\n")
    contains(expanded((PROFILE / "nsswitch.conf").read_text(), set()), "passwd:     files systemd\n")
    for line in nsswitch.splitlines():
        assert line == "" or line.startswith("#") or re.fullmatch(r"[a-z]+:( +\S+)+", line), line


@report.test(90)
def doctor_finds_nothing_wrong_in_any_form():
    for features in FEATURES:
        select(features)
        found = doctor()
        wrong = [(f["service"], f["finding"], f["detail"]) for f in found["findings"] if f["check"] == "pam" and f["level"] == "error" and f["service"] in HOSTS]
        equal(wrong, [], str(features))
        asked = {s["service"]: s["asked"] for s in found["services"] if s["service"] in HOSTS}
        equal({name for name, of in asked.items() if of["account"]}, set(HOSTS))
        weak = [r for r in found["logins"] if r["service"] in HOSTS and r["outcome"] in ("one-kind", "nothing-asked")]
        equal(weak, [], str(features))
    select(set())


@report.test(120)
def people_log_in_and_become_root():
    taro = people["taro"]
    with console.Console() as screen:
        equal(screen.login("taro", *taro.by_password()), True, "login")
        for command in ("sudo id -u", "sudo -i id -u", "su -c 'id -u'", "su - -c 'id -u'"):
            screen.send(f"sudo -k; {command}")
            screen.answer((r"(?i)password.*: $", taro.password))
            screen.expect(r"\n0\r?\n")
            screen.expect(console.SHELL_PROMPT)
        screen.logout()
    opened, screen = taro.login(("PIN of your IC card: $", taro.pin), ("password: $", LINUX_PASSWORD))
    equal(opened, False, screen)
    equal(len(re.findall(r"(?i)password: ", screen)), 1, "prompts for a password")


@report.test(60)
def pkexec_runs_what_was_proved_for():
    """It opens its session in the name of whom the person becomes: nobody's, for cardmfa."""
    taro = people["taro"]
    polkit.set_up()
    polkit.administrators("taro")
    with console.Console() as screen:
        equal(screen.login("taro", *taro.by_password()), True, "login")
        pin = (r"PIN of your IC card: $", taro.pin)
        polkit.refuses(polkit.pkexec(screen, "id -un", pin, (r"(?i)password.*: $", "wrong-password")))
        polkit.runs(polkit.pkexec(screen, "id -un", pin, (r"(?i)password.*: $", taro.password)))
        screen.logout()


@report.test(60)
def managers_and_jobs_go_on():
    uid = world.run("id", "-u", "taro").stdout.strip()
    world.systemctl("start", f"user@{uid}.service")
    equal(world.systemctl("is-active", f"user@{uid}.service"), "active")
    world.systemctl("stop", f"user@{uid}.service")
    out = pathlib.Path("/var/tmp/cron-ran")
    out.touch()
    out.chmod(0o666)
    for name in ("root", "taro"):
        world.run("crontab", "-u", name, "-", text=f"@reboot id -un >> {out}\n")
    pathlib.Path("/run/crond.reboot").unlink(missing_ok=True)
    world.run("systemd-run", "--unit", "box-cron", "--slice", "system.slice", "/usr/sbin/cron", "-f")
    world.wait_for(lambda: set(out.read_text().split()) == {"root", "taro"}, seconds=60, what="both jobs")
    world.systemctl("stop", "box-cron")


if __name__ == "__main__":
    report.main(prepare)
