#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logins over ssh: real sshd, real ssh whose key lives in the card, and everybody else."""
import contextlib
import json
import pathlib
import re

from lib import console, report, stage, world
from lib.report import contains, equal

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[default]
factors = card,totp card,password
attempts = 5
lock = 15min
"""
PKCS11 = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
PORT = "2222"
CONFIG = "/etc/ssh/box_sshd_config"
SSHD_CONF = f"""
Port {PORT}
ListenAddress 127.0.0.1
HostKey /etc/ssh/box_host_key
UsePAM yes
PubkeyAuthentication yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive:pam
AuthorizedKeysFile /etc/ssh/box_keys/%u
PidFile none
"""
PIN_PROMPT = r"Enter PIN for '.*': $"
CODE_PROMPT = r"Verification code or password: $"
people = {}


def prepare():
    stage.set_up(CONF)
    world.login_stack(service="sshd")
    world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/box_host_key")
    world.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "/root/soft_key")
    pathlib.Path("/etc/ssh/box_keys").mkdir()
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    soft = pathlib.Path("/root/soft_key.pub").read_text()
    for name, person in people.items():
        insert(name)
        person.line = world.run("ssh-keygen", "-D", PKCS11).stdout.splitlines()[0]
    # sshd lets in whoever has any of these keys: what is refused here is refused by PAM.
    for name in (*people, "jiro"):
        world.write(f"/etc/ssh/box_keys/{name}", "\n".join([*(p.line for p in people.values()), soft, ""]))
    world.add_user("jiro")
    world.write(CONFIG, SSHD_CONF)
    world.run("systemd-run", "--unit", "box-sshd", "--slice", "system.slice", "--property", "RuntimeDirectory=sshd", "--property", "KillMode=process",
              "/usr/sbin/sshd", "-D", "-e", "-f", CONFIG)
    world.wait_for(lambda: times_listening() == 1, what="sshd listens")


def times_listening():
    return world.run("journalctl", "-u", "box-sshd", "--no-pager", status=None).stdout.count("Server listening")


@contextlib.contextmanager
def configured(text):
    """sshd goes by this configuration until the block ends."""
    for conf in (text, SSHD_CONF):
        before = times_listening()
        world.write(CONFIG, conf)
        world.run("systemctl", "kill", "--kill-who=main", "-s", "HUP", "box-sshd")
        # It closes its socket before it opens it anew.
        world.wait_for(lambda: times_listening() > before, what="sshd listens again")
        if conf == text:
            yield


def insert(name):
    for other, person in people.items():
        if other != name and "inserted=yes" in person.card.ctl("status"):
            person.card.remove()
    if "inserted=no" in people[name].card.ctl("status"):
        people[name].card.insert()


def ssh(user, *words, card=None, key=None, options=()):
    """ssh with a card in the reader, or a key of a file."""
    if card:
        insert(card)
    how = ("-o", f"PKCS11Provider={PKCS11}", "-o", "IdentityFile=none") if card else ("-o", f"IdentityFile={key}") if key else ()
    return console.Terminal("/usr/bin/ssh", "-F", "none", "-p", PORT, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                            "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", *how, *options, f"{user}@127.0.0.1", *words, seconds=40)


def attempt(user, *answers, card=None, key=None, options=()):
    """(does it run a command, what was on the screen). answers: what is typed at the server's prompts."""
    with ssh(user, "echo in=$(id -un); env | sort", card=card, key=key, options=options) as terminal:
        if card:
            terminal.expect(PIN_PROMPT)
            terminal.send(stage.PIN)
        for answer in answers:
            terminal.expect(CODE_PROMPT)
            terminal.send(answer)
        status = terminal.end()
        return status == 0 and f"in={user}" in terminal.text, terminal.text


def unlock():
    for name in people:
        stage.tool("unlock", name, text="", status=None)


def newest():
    return json.loads(stage.tool("log", "--json", "--type", "login", "--last", "1", text=""))[0]


@report.test(90)
def the_cards_key_and_a_code_or_password_open():
    for name, algorithm in (("taro", "ecdsa-sha2-nistp256"), ("hanako", "ssh-rsa")):
        person = people[name]
        contains(person.line, algorithm)
        opened, screen = attempt(name, person.code(), card=name)
        equal(opened, True, screen)
        equal(newest()["detail"], {"class": "default", "factors": "ssh-card,totp"})
        equal(newest()["card"], person.card_id)
        assert not re.search(r"^(CARDMFA|SSH_AUTH_INFO)", screen, re.MULTILINE), screen
    opened, screen = attempt("taro", people["taro"].password, card="taro")
    equal(opened, True, screen)


@report.test(120)
def everybody_else_meets_the_prompt_and_a_refusal():
    taro = people["taro"]
    screens = []
    for user, key, card in (("taro", "/root/soft_key", None), ("jiro", "/root/soft_key", None), ("taro", None, "hanako"), ("jiro", None, "taro")):
        opened, screen = attempt(user, taro.code() if user == "taro" else "123456", key=key, card=card)
        equal(opened, False, screen)
        screens.append(re.sub(r"(?s).*(?=\(\w+@)", "", screen).replace(user, "USER"))
    equal(len(set(screens)), 1, screens)
    # The code that was typed for others was none of taro's tries, and is still good.
    unlock()


@report.test(60)
def a_revoked_key_stops_at_the_next_connection():
    contains(stage.tool("show", people["hanako"].card_id, text=""), "active")
    world.run("cardtool", "revoke", people["hanako"].card_id, "--reason", "lost", status=None)
    opened, screen = attempt("hanako", people["hanako"].password, card="hanako")
    equal(opened, False, screen)
    equal(newest()["result"], "REVOKED")


@report.test(60)
def without_the_second_half_there_is_no_way():
    # Public key alone: PAM's auth is never asked, account refuses.
    with configured(SSHD_CONF.replace("publickey,keyboard-interactive:pam", "publickey")), ssh("taro", "id", card="taro") as terminal:
        terminal.expect(PIN_PROMPT)
        terminal.send(stage.PIN)
        equal(terminal.end() != 0, True, terminal.text)
        assert "uid=" not in terminal.text, terminal.text


if __name__ == "__main__":
    report.main(prepare)
