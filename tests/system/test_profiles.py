#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The profiles of Debian's pam-auth-update: what its own program writes with them, every way in and every job with it, and that
nothing is left when they are taken out again."""
# check: timeout=300
import contextlib
import hashlib
import json
import pathlib
import re

from lib import console, report, stage, world
from lib.report import contains, equal, lacks

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[machine]
backup-user = sshd

[class switch]
service = sudo sudo-i su su-l
factors = session,totp session,password card,totp card,password
su = caller

[class workers]
person = hanako
factors = card,password
batch = yes

[default]
factors = card,totp card,password
"""
PAM = pathlib.Path("/etc/pam.d")
PROFILES = ("cardmfa", "cardmfa-confirm")
LINUX_PASSWORD = "linux-Password-1"
PORT = "2222"
PKCS11 = next(pathlib.Path("/usr/lib").glob("*/opensc-pkcs11.so"))
SSHD_CONF = f"""
Port {PORT}
ListenAddress 127.0.0.1
HostKey /etc/ssh/box_host_key
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive:pam
AuthorizedKeysFile /etc/ssh/box_keys/%u
PermitRootLogin no
PidFile none
"""
people = {}


def pam_auth_update(*words):
    return world.run("pam-auth-update", *words, env={"DEBIAN_FRONTEND": "noninteractive"}, seconds=60)


def lines(name):
    """(control, module and arguments) of each line of a shared file."""
    rows = (line.partition("#")[0].strip() for line in (PAM / f"common-{name}").read_text().splitlines())
    found = [re.fullmatch(r"\S+\s+(\[[^]]*\]|\S+)\s+(.*)", row) for row in rows if row]
    return [(row[1], row[2].strip()) for row in found]


def digests():
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted([*PAM.iterdir(), *pathlib.Path("/var/lib/pam").iterdir()])
            if path.is_file() and path.name != "seen"}


@contextlib.contextmanager
def enabled():
    pam_auth_update("--enable", *PROFILES)
    try:
        yield
    finally:
        pam_auth_update("--disable", *PROFILES)


def prepare():
    login = (PAM / "login").read_text()
    stage.set_up(CONF)
    (PAM / "login").write_text(login)
    people["taro"] = stage.person("taro", groups=("sudo",), with_app=False)
    people["hanako"] = stage.person("hanako", with_app=False, reader=1)
    for name in (*people, "root"):
        world.run("chpasswd", text=f"{name}:{LINUX_PASSWORD}\n")
    for name in ("backup-user", "stranger"):
        world.add_user(name)
    people["hanako"].card.remove()
    people["pristine"] = digests()


def alone(name):
    """Only this person's card is there."""
    for other in ("taro", "hanako"):
        card = people[other].card
        if other != name and "inserted=yes" in card.ctl("status"):
            card.remove()
        if other == name and "inserted=no" in card.ctl("status"):
            card.insert()
    return people[name]


# --- what is written ---------------------------------------------------------------------------------

@report.test()
def installing_them_changes_nothing():
    pam_auth_update("--package")
    equal(digests(), people["pristine"])
    for name in ("auth", "account", "session"):
        lacks((PAM / f"common-{name}").read_text(), "cardmfa")


@report.test()
def the_dialog_can_show_their_names():
    for profile in PROFILES:
        name = re.search(r"^Name: (.*)$", pathlib.Path(f"/usr/share/pam-configs/{profile}").read_text(), re.MULTILINE)[1]
        # debconf divides choices at commas.
        lacks(name, ",")
        assert len(name) < 70, name


@report.test()
def cardmfa_decides_and_stands_around_pam_systemd():
    with enabled():
        equal([row[1].split()[0] for row in lines("auth")[:3]], ["pam_cardmfa.so", "pam_permit.so", "pam_unix.so"])
        equal(lines("auth")[0][0], "[success=ok default=bad]")
        jump = int(re.search(r"success=(\d+)", lines("auth")[1][0])[1])
        equal(lines("auth")[1 + jump][1], "pam_deny.so", "the line before the one it jumps to")
        equal(lines("account")[0], ("[success=ok new_authtok_reqd=ok default=bad]", "pam_cardmfa.so"))
        equal([row[1] for row in lines("session")[3:]], ["pam_cardmfa.so", "pam_unix.so", "pam_systemd.so", "pam_cardmfa.so confirm"])
        equal([row for row in lines("session-noninteractive") if "cardmfa" in row[1]], [])
        written = digests()
        pam_auth_update("--package")
        equal(digests(), written, "when another package calls it")
        pam_auth_update("--enable", "mkhomedir")
        equal([row[1] for row in lines("session")[3:]],
              ["pam_cardmfa.so", "pam_unix.so", "pam_systemd.so", "pam_mkhomedir.so", "pam_cardmfa.so confirm"])
        pam_auth_update("--disable", "mkhomedir")
        equal(digests(), written)


@report.test()
def no_trace_is_left_of_them():
    with enabled():
        pass
    equal(digests(), people["pristine"], "disabled")
    pam_auth_update("--enable", *PROFILES)
    pam_auth_update("--package", "--remove", *PROFILES)
    equal(digests(), people["pristine"], "removed with the package")
    equal([path.name for path in PAM.iterdir() if path.name.endswith(".pam-old")], [])


@report.test()
def doctor_finds_nothing_wrong_with_them():
    def doctor():
        return json.loads(world.run("cardtool", "doctor", "--json", status=None, seconds=60).stdout)
    wrong = {(f["check"], f["finding"]) for f in doctor()["findings"] if f["level"] == "error"}
    with enabled():
        found = doctor()
        equal({(f["check"], f["finding"]) for f in found["findings"] if f["level"] == "error"} - wrong - {("sshd", "keyboard-interactive")}, set())
        note, = (f for f in found["findings"] if f["finding"] == "shared")
        # Other packages of the machine may have put files beside these.
        equal({"atd", "chfn", "chsh", "cron", "login", "polkit-1", "sshd", "su", "su-l", "sudo", "sudo-i", "systemd-user"} -
              set(note["text"].rpartition(": ")[2].split(", ")), set(), note["text"])
        asked = {s["service"]: s["asked"] for s in found["services"]}
        equal(asked["cron"], {"auth": False, "account": True, "session": False})
        equal(asked["sudo"], {"auth": True, "account": True, "session": False})
        equal(asked["sshd"], {"auth": True, "account": True, "session": True})
    pam_auth_update("--enable", PROFILES[0])
    equal({f["finding"] for f in doctor()["findings"] if f["check"] == "pam" and f["level"] == "error"}, {"no-confirm"})
    pam_auth_update("--disable", PROFILES[0])


# --- ways in -----------------------------------------------------------------------------------------

@report.test(120)
def at_the_console_card_and_password_open_and_the_linux_password_never_does():
    with enabled():
        taro = alone("taro")
        opened, screen = taro.login()
        equal(opened, True, screen)
        opened, screen = taro.login(("PIN of your IC card: $", taro.pin), ("password: $", LINUX_PASSWORD))
        equal(opened, False, screen)
        equal(len(re.findall(r"(?i)password: ", screen)), 1, "prompts for a password")
        people["taro"].card.remove()
        # It waits for a card; whatever is typed there opens nothing.
        opened, screen = console.try_login("root", ("password: $|: $", LINUX_PASSWORD))
        equal(opened, False, screen)

@contextlib.contextmanager
def running(unit, *command):
    """A daemon of the machine that the box does not start by itself."""
    world.run("systemd-run", "--unit", unit, "--slice", "system.slice", "--property", "RuntimeDirectory=sshd", "--property", "KillMode=process", *command)
    try:
        yield
    finally:
        world.systemctl("stop", unit)


@report.test(120)
def over_ssh_the_cards_key_and_the_password_open():
    taro = alone("taro")
    world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/box_host_key")
    world.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "/root/soft_key")
    keys = world.run("ssh-keygen", "-D", PKCS11).stdout + pathlib.Path("/root/soft_key.pub").read_text()
    for name in ("taro", "backup-user"):
        world.write(f"/etc/ssh/box_keys/{name}", keys)
    world.write("/etc/ssh/box_sshd_config", SSHD_CONF)

    def ssh(user, command, *how):
        return console.Terminal("/usr/bin/ssh", "-F", "none", "-p", PORT, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                                "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", *how, f"{user}@127.0.0.1", *([command] if command else []),
                                seconds=40)
    with enabled(), running("box-sshd", "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/box_sshd_config"):
        world.wait_for(lambda: world.listening(int(PORT)), what="sshd listens")
        with ssh("taro", "id -un; cat /proc/self/cgroup", "-o", f"PKCS11Provider={PKCS11}", "-o", "IdentityFile=none") as terminal:
            terminal.answer((r"Enter PIN for '.*': $", taro.pin), (r"password: $", taro.password))
            equal(terminal.end(), 0, terminal.text)
            contains(terminal.text, "taro")
            assert re.search(r"session-\w+\.scope", terminal.text), terminal.text
        for user, typed in (("taro", LINUX_PASSWORD), ("taro", taro.password), ("backup-user", LINUX_PASSWORD)):
            with ssh(user, "id -un; cat /proc/self/cgroup", "-o", "IdentityFile=/root/soft_key") as terminal:
                terminal.answer((r"password: $", typed))
                assert terminal.end() != 0 and "scope" not in terminal.text, terminal.text
        # Within the session that login began the password is enough for sudo.
        with ssh("taro", "", "-tt", "-o", f"PKCS11Provider={PKCS11}", "-o", "IdentityFile=none") as terminal:
            terminal.answer((r"Enter PIN for '.*': $", taro.pin), (r"password: $", taro.password), (console.SHELL_PROMPT, "sudo id -u"),
                            (r"password: $", taro.password))
            terminal.expect(r"\n0\r?\n")
            terminal.answer((console.SHELL_PROMPT, "exit"))
            equal(terminal.end(), 0, terminal.text)
    # A key alone is enough for an account of the machine.
    world.write("/etc/ssh/box_sshd_config", SSHD_CONF + "Match User backup-user\nAuthenticationMethods publickey\n")
    with enabled(), running("box-sshd-too", "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/box_sshd_config"):
        world.wait_for(lambda: world.listening(int(PORT)), what="sshd listens")
        with ssh("backup-user", "id -un", "-o", "IdentityFile=/root/soft_key") as terminal:
            equal(terminal.end(), 0, terminal.text)
            contains(terminal.text, "backup-user")


# --- who works for whom ------------------------------------------------------------------------------

@report.test(120)
def root_becomes_anybody_who_may_work():
    with enabled():
        equal(world.run("su", "taro", "-c", "id -un").stdout.strip(), "taro")
        equal(world.run("su", "-", "taro", "-c", "id -un").stdout.strip(), "taro")
        equal(world.run("su", "-s", "/bin/sh", "www-data", "-c", "id -un").stdout.strip(), "www-data")
        equal(world.run("runuser", "-u", "backup-user", "--", "id", "-un").stdout.strip(), "backup-user")
        equal(world.run("sudo", "-u", "taro", "id", "-un").stdout.strip(), "taro")
        stranger = world.run("su", "backup-user", "-c", "id -un", status=None)
        assert stranger.returncode != 0 and "backup-user" not in stranger.stdout, stranger


@report.test(120)
def sudo_and_su_ask_the_person_who_calls():
    with enabled():
        taro = alone("taro")
        with console.Console() as screen:
            equal(screen.login("taro", *taro.by_password()), True, "login")
            for command in ("sudo id -u", "sudo -i id -u", "su -c 'id -u'", "su - -c 'id -u'"):
                screen.send(f"sudo -k; {command}")
                screen.answer(("password: $", taro.password))
                screen.expect(r"\n0\r?\n")
                screen.expect(console.SHELL_PROMPT)
            screen.send("sudo -k; sudo id -u")
            for _ in range(3):
                screen.answer(("password: $", LINUX_PASSWORD))
            screen.expect(r"3 incorrect password attempts")
            screen.expect(console.SHELL_PROMPT)
            screen.logout()
    stage.tool("unlock", "taro", text="")


# --- jobs --------------------------------------------------------------------------------------------

def made_by(path):
    """Who wrote a line into it."""
    path = pathlib.Path(path)
    return set(path.read_text().split()) if path.exists() else set()


def refused(program, n):
    return lambda: len(re.findall(program, world.journal_text())) >= n


@report.test(120)
def cron_runs_jobs_of_root_the_system_and_classes_with_batch():
    out = pathlib.Path("/var/tmp/cron-ran")
    out.touch()
    out.chmod(0o666)
    names = ("root", "www-data", "taro", "hanako", "backup-user")
    for name in names:
        world.run("crontab", "-u", name, "-", text=f"@reboot id -un >> {out}\n")
    pathlib.Path("/run/crond.reboot").unlink(missing_ok=True)
    with enabled(), running("box-cron", "/usr/sbin/cron", "-f"):
        world.wait_for(lambda: len(made_by(out)) >= 3, seconds=60, what="three jobs")
        world.wait_for(lambda: len(re.findall(r"(?i)permission denied", world.journal_text("-t", "CRON", "-t", "cron"))) >= 2, what="two refusals")
    equal(made_by(out), {"root", "www-data", "hanako"})
    for name in names:
        world.run("crontab", "-u", name, "-r")


@report.test(120)
def at_runs_jobs_of_classes_with_batch():
    out = pathlib.Path("/var/tmp/at-ran")
    out.touch()
    out.chmod(0o666)
    # All before atd starts: it may miss the signals of many at once.
    for name in ("taro", "hanako", "root"):
        world.run("runuser", "-u", name, "--", "sh", "-c", f"cd /; echo 'id -un >> {out}' | at now")
    with enabled(), running("box-atd", "/usr/sbin/atd", "-f"):
        world.wait_for(lambda: len(made_by(out)) >= 2, seconds=60, what="two jobs")
        world.wait_for(lambda: "enied" in world.journal_text("-t", "atd") + world.journal_text("-u", "box-atd"), what="the refusal")
    equal(made_by(out), {"root", "hanako"})


@report.test(60)
def a_persons_own_manager_starts():
    uid = world.run("id", "-u", "taro").stdout.strip()
    with enabled():
        world.systemctl("start", f"user@{uid}.service")
        equal(world.systemctl("is-active", f"user@{uid}.service"), "active")
        world.systemctl("stop", f"user@{uid}.service")
        other = world.run("id", "-u", "backup-user").stdout.strip()
        world.systemctl("start", f"user@{other}.service")
        world.systemctl("stop", f"user@{other}.service")
        other = world.run("id", "-u", "stranger").stdout.strip()
        world.systemctl("start", f"user@{other}.service", status=None)
        equal(world.systemctl("is-active", f"user@{other}.service", status=None), "failed", "nobody's whom cardmfa knows")
        world.systemctl("reset-failed")


if __name__ == "__main__":
    report.main(prepare)
