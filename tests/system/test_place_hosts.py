#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What hosts say of a login - remote host, service, names - and what of it counts."""
import json
import pathlib
import socket
import time

from lib import console, pam, place, report, sshd, stage, world
from lib.place import LOCAL, REMOTE
from lib.report import contains, equal

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class shells]
service = sudo-i su-l gdm-smartcard
factors = card,password
attempts = 20

[class named]
person = hanako
service = su
factors = card,password
attempts = 20

[class kiosk]
service = kiosk
factors = password,totp
attempts = 20

[default]
factors = card,totp card,password
attempts = 20
"""
RHOSTS = (None, "", "UNKNOWN", "localhost", "127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "desk.example", ":0", "h" * 1000)
SERVICES = ("sshd", "login", "gdm-password", "xdm", "sudo", "su", "polkit-1")
# Hosts of root in a system service that may be a login in front of the machine.
LOGINS = ("login", "gdm-password", "xdm")
people = {}


def prepare():
    stage.set_up(CONF)
    place.set_up()
    for service in ("sshd", "gdm-password", "gdm-smartcard", "xdm", "kiosk", "unheard-of"):
        world.login_stack(service=service)
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", reader=1, with_app=False)


def cards_seen():
    return sum(person.card.count() for person in people.values())


def first_asked(**how):
    """Where a host of root in a system service takes its caller to be; it gives up at the first prompt."""
    return place.verdict(pam.attempt("taro", **how).text)


class Nameserver:
    """Whoever looks a name up asks here."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.kept = pathlib.Path("/etc/nsswitch.conf").read_text()
        world.write("/etc/nsswitch.conf", self.kept.replace("hosts: files", "hosts: files dns"))
        world.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        return self

    def questions(self):
        self.socket.setblocking(False)
        count = 0
        while True:
            try:
                self.socket.recv(4096)
                count += 1
            except BlockingIOError:
                return count

    def __exit__(self, *_):
        self.socket.close()
        world.write("/etc/nsswitch.conf", self.kept)
        world.write("/etc/resolv.conf", "")


@report.test(120)
def A23_any_remote_host_and_any_service():
    world.write("/etc/hosts", pathlib.Path("/etc/hosts").read_text() + "127.0.0.1 desk.example\n")
    with_root = pathlib.Path("/etc/pam.d/su").read_text()
    world.write("/etc/pam.d/su", place.SWITCH)
    with Nameserver() as names:
        world.run("getent", "ahosts", "elsewhere.example", status=None)
        equal(names.questions() > 0, True, "the name server of this test is asked")
        world.systemctl("restart", "cardmfad.service")
        for service in SERVICES:
            for rhost in RHOSTS:
                wanted = LOCAL if not rhost and service in LOGINS else REMOTE
                before = cards_seen()
                equal(first_asked(service=service, **({} if rhost is None else {"rhost": rhost})), wanted, f"{service} from {rhost and rhost[:20]!r}")
                equal(cards_seen() > before, wanted == LOCAL, f"the cards in {service} from {rhost and rhost[:20]!r}")
        equal(names.questions(), 0, "look-ups")
    world.write("/etc/pam.d/su", with_root)


@report.test(90)
def A23_real_hosts_of_remote_people():
    taro = people["taro"]
    before = cards_seen()
    for conf in (place.SSHD_CONF, place.SSHD_CONF + "UseDNS yes\n"):
        with sshd.configured(conf), sshd.ssh("taro", "id", options=("-o", "PreferredAuthentications=keyboard-interactive")) as terminal:
            terminal.expect(place.OTHER_PROMPT)
            terminal.send(taro.password)
            equal(terminal.end() != 0, True, terminal.text)
            report.lacks(terminal.text, "uid=")
    # As a telnet server starts it.
    for host in ("192.0.2.9", "localhost", "desk.example"):
        with console.Terminal("/bin/login", "-h", host, "taro") as terminal:
            terminal.expect(place.OTHER_PROMPT)
            terminal.send(taro.password)
            equal(terminal.expect("Login incorrect", console.SHELL_PROMPT), 0, host)
    equal(cards_seen() - before, 0, "APDUs")
    # sudo names this very host as the remote one, if it is told to.
    with console.Console() as terminal:
        equal(terminal.login("taro", *taro.by_password()), True, "the console")
        equal(place.verdicts(terminal.shell("asked"))[0], LOCAL, "sudo")
        world.write("/etc/sudoers.d/rhost", "Defaults pam_rhost\n", 0o440)
        equal(place.verdicts(terminal.shell("asked"))[0], REMOTE, "sudo with a remote host")
    pathlib.Path("/etc/sudoers.d/rhost").unlink()


# --- classes by service -----------------------------------------------------------------------------

def newest(kind="login"):
    return json.loads(stage.tool("log", "--json", "--type", kind, "--last", "1", text=""))[0]


@report.test(90)
def A26_services_go_by_their_own_names():
    taro, hanako = people["taro"], people["hanako"]
    with console.Console() as terminal:
        equal(terminal.login("taro", *taro.by_password()), True, "the console")
        equal(newest()["detail"]["class"], "default", "login")
        for command, service, person, class_name in (
                ("sudo id", "sudo", taro, "default"), ("sudo -i id", "sudo-i", taro, "shells"), ("sudo -s id", "sudo", taro, "default"),
                ("su hanako -c id", "su", hanako, "named"), ("su - hanako -c id", "su-l", hanako, "shells"), ("su -l hanako -c id", "su-l", hanako, "shells")):
            terminal.send(f"{command}; echo ended=$?.")
            terminal.answer(("PIN of your IC card: $", person.pin), ("assword.*: $", person.password))
            terminal.expect(r"ended=0")
            terminal.expect(console.SHELL_PROMPT)
            equal((newest()["service"], newest()["user"], newest()["detail"]["class"]), (service, person.name, class_name), command)
        terminal.logout()
    for service, class_name in (("gdm-password", "default"), ("gdm-smartcard", "shells"), ("xdm", "default")):
        equal(pam.attempt("taro", *pam.by_password(taro), service=service).codes["auth"], pam.SUCCESS, service)
        equal((newest()["service"], newest()["detail"]["class"]), (service, class_name), service)
    # A class that asks for less is for the services it names; one that nobody names is everybody's, and remote.
    for service, codes in (("kiosk", {"auth": pam.SUCCESS, "account": pam.SUCCESS}), ("unheard-of", {"auth": pam.AUTH_ERR})):
        outcome = pam.attempt("taro", ("code or password", taro.password), ("[Pp]assword: $", taro.password), ("code: $", taro.code), service=service)
        equal(outcome.codes, codes, service)


# --- whose login it is ----------------------------------------------------------------------------------

def at(terminal, command, *answers):
    """What a command shows to who answers so; the prompts must come."""
    terminal.send(f"{command}; echo ended=$?.")
    terminal.answer(*answers)
    terminal.expect(r"ended=\d+")
    terminal.expect(console.SHELL_PROMPT)
    return terminal.text.rpartition("echo ended")[2]


@report.test(90)
def A27_the_target_of_su_and_the_caller_of_sudo():
    taro, hanako = people["taro"], people["hanako"]
    taros = (("PIN of your IC card: $", taro.pin), ("assword.*: $", taro.password))
    hanakos = (("PIN of your IC card: $", hanako.pin), ("assword.*: $", hanako.password))
    lies = "env LOGNAME=hanako USER=hanako SUDO_USER=hanako SUDO_UID=1002 PAM_USER=hanako PAM_RUSER=hanako"
    with console.Console() as terminal:
        equal(terminal.login("taro", *taro.by_password()), True, "the console")
        # sudo: whose real uid calls it, whoever the target is and whatever is claimed.
        for command, told in (("sudo id -un", "root"), ("sudo -u hanako id -un", "hanako"), (f"{lies} sudo id -un", "root")):
            contains(at(terminal, command, *taros), told)
            equal((newest()["user"], newest()["service"]), ("taro", "sudo"), command)
        # su: whom it turns into, as `su = target` is the default.
        contains(at(terminal, "su hanako -c 'id -un'", *hanakos), "hanako")
        equal((newest()["user"], newest()["actor_uid"]), ("hanako", 1001), "su")
        contains(at(terminal, f"{lies.replace('hanako', 'taro')} su hanako -c 'id -un'", *hanakos), "hanako")
        hanako.card.remove()
        before = taro.card.count("VERIFY")
        # Her card is not there: his opens nothing.
        shown = at(terminal, "su hanako -c 'id -un'", *taros)
        report.lacks(shown.replace("su hanako", ""), "hanako")
        equal(taro.card.count("VERIFY"), before, "VERIFYs of his card for her name")
        hanako.card.insert()
        # root is no person: the same prompts, and a refusal.
        for _ in range(2):
            shown = at(terminal, "su root -c 'id -un'", *taros)
            report.lacks(shown, "root\n")
        terminal.logout()
    equal(taro.card.tries() >= 2, True, "tries of his card")


@report.test(90)
def A27_a_set_uid_host_names_its_own_user_only():
    taro = people["taro"]

    def host(terminal, *lines):
        script = "\n".join(("conf /etc/pam.d", *lines, "auth 0", "acct 0", ""))
        world.write("/tmp/lines", script)
        return terminal.shell(f"env PAM_USER=hanako {place.SET_UID} </tmp/lines")
    with console.Console() as terminal:
        equal(terminal.login("taro", *taro.by_password()), True, "the console")
        for ruser in ("-", "hanako", "root"):
            shown = host(terminal, "start 0 polkit-1 taro", f"set 0 ruser {ruser}", f"say 0 x:{taro.pin} x:{taro.password}")
            equal(shown.count("rc 0 ms"), 2, shown)
            equal((newest()["user"], newest()["service"], newest()["actor_uid"]), ("taro", "polkit-1", 1001), f"ruser {ruser}")
        # Her card is not there, and his is none of hers.
        people["hanako"].card.remove()
        for name in ("hanako", "root"):
            tries, begun = taro.card.tries(), time.monotonic()
            shown = host(terminal, f"start 0 polkit-1 {name}", "set 0 ruser taro", f"say 0 x:{taro.pin} x:{taro.password}")
            report.lacks(shown, "rc 0 ms")
            equal(taro.card.tries(), tries, f"tries of his card for {name}")
            if time.monotonic() - begun > 60:
                raise AssertionError(f"{name}: too long")
        people["hanako"].card.insert()
        terminal.logout()


if __name__ == "__main__":
    report.main(prepare)
