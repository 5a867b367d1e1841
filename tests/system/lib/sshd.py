# SPDX-License-Identifier: Apache-2.0
"""A real sshd with a configuration of the test's own, and real ssh with a key that lives in a card, or anywhere."""
import contextlib
import os
import pathlib
import subprocess
import tempfile

import pexpect

from . import console, stage, world

PKCS11 = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
PORT = "2222"
UNIT = "box-sshd"
CONFIG = "/etc/ssh/box_sshd_config"
HOST_KEY = pathlib.Path("/etc/ssh/box_host_key")
KEYS = pathlib.Path("/etc/ssh/box_keys")
METHODS = "publickey,keyboard-interactive:pam"
CONF = f"""
Port {PORT}
ListenAddress 127.0.0.1
HostKey {HOST_KEY}
UsePAM yes
PubkeyAuthentication yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods {METHODS}
AuthorizedKeysFile {KEYS}/%u
Subsystem sftp internal-sftp
PidFile none
"""
PIN_PROMPT = r"Enter PIN for '.*': $"
CODE_PROMPT = r"erification code or password: $"
QUESTIONS = {
    "PIN": PIN_PROMPT, "code": "Verification code: $", "code or password": CODE_PROMPT, "password": "Password: $",
    "sshd": "'s password: $",           # of sshd's own method `password`
    "Enter": "Press Enter: $",
}
people = {}             # who has a card, by name: only one of them is in its reader at a time


def start(conf=CONF):
    world.login_stack(service="sshd")
    make_key(HOST_KEY)
    KEYS.mkdir()
    world.write(CONFIG, conf)
    # As Debian's ssh.service; that is masked in a box.
    world.write(f"/run/systemd/system/{UNIT}.service",
                f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/usr/sbin/sshd -D -e -f {CONFIG}\nKillMode=process\nRuntimeDirectory=sshd\n")
    world.systemctl("daemon-reload")
    world.systemctl("start", UNIT)
    world.wait_for(lambda: times_listening() == 1, what="sshd listens")


def times_listening():
    return world.run("journalctl", "-u", UNIT, "--no-pager", status=None).stdout.count("Server listening")


def methods(text, *lines):
    """The configuration with other AuthenticationMethods; lines go before all others of theirs."""
    return "\n".join([*lines, CONF.replace(METHODS, text)])


@contextlib.contextmanager
def configured(text):
    """sshd goes by this configuration until the block ends."""
    before = pathlib.Path(CONFIG).read_text()
    _reload(text)
    try:
        yield
    finally:
        _reload(before)


def _reload(text):
    world.write(CONFIG, text)
    start_anew()


def start_anew():
    before = times_listening()
    world.run("systemctl", "kill", "--kill-who=main", "-s", "HUP", UNIT)
    # It closes its socket before it opens it anew.
    world.wait_for(lambda: times_listening() > before, what="sshd listens again")


def make_key(path):
    """A key of no card, of a kind that cards have. Returns its line for authorized keys."""
    world.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", path)
    return pathlib.Path(f"{path}.pub").read_text().strip()


def person(name, *card_options, reader=0):
    """A person with everything, and the line of the card's key in .line."""
    made = stage.person(name, *card_options, reader=reader)
    people[name] = made
    insert(name)
    made.line = world.run("ssh-keygen", "-D", PKCS11).stdout.splitlines()[0]
    return made


def allow(user, *lines):
    """sshd lets in whoever has one of these keys: what is refused then is refused by PAM."""
    world.write(KEYS / user, "".join(f"{line}\n" for line in lines))


def insert(name):
    """This person's card is in its reader, nobody else's."""
    for other, who in people.items():
        if other != name and "inserted=yes" in who.card.ctl("status"):
            who.card.remove()
    if "inserted=no" in people[name].card.ctl("status"):
        people[name].card.insert()


def command(program, *words, card=None, key=None, options=()):
    """How ssh or one of its kin is called, with the card in the reader or a key of a file. options go before all others."""
    if card:
        insert(card)
    how = ("-o", f"PKCS11Provider={PKCS11}", "-o", "IdentityFile=none") if card else ("-o", f"IdentityFile={key}") if key else ()
    return (f"/usr/bin/{program}", "-F", "none", *options, "-o", f"Port={PORT}", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", *how, *words)


def ssh(user, *words, card=None, key=None, options=()):
    """ssh on a terminal."""
    return console.Terminal(*command("ssh", f"{user}@127.0.0.1", *words, card=card, key=key, options=options), seconds=40)


def unlock_card(terminal):
    terminal.expect(PIN_PROMPT)
    terminal.send(stage.PIN)


def attempt(user, *answers, card=None, key=None, options=()):
    """(does it run a command, what was on the screen). answers: what is typed at the server's prompts."""
    with ssh(user, "echo in=$(id -un); env | sort", card=card, key=key, options=options) as terminal:
        if card:
            unlock_card(terminal)
        for answer in answers:
            terminal.expect(CODE_PROMPT)
            terminal.send(answer)
        return terminal.end() == 0 and f"in={user}" in terminal.text, terminal.text


# ---- clients without a terminal, many at once ----

ASKPASS = "/usr/local/bin/box-askpass"


def _answering(answer):
    """Variables for a client that gets the PIN where it asks for one, else this answer."""
    if not os.path.exists(ASKPASS):
        world.write(ASKPASS, f"#!/bin/sh\ncase $1 in *PIN*) echo {stage.PIN} ;; *) echo \"$ANSWER\" ;; esac\n", 0o755)
    return {"PATH": "/usr/bin:/bin", "HOME": "/root", "SSH_ASKPASS": ASKPASS, "SSH_ASKPASS_REQUIRE": "force", "ANSWER": answer}


@contextlib.contextmanager
def agent(card):
    """Path of the socket of an agent that has taken the card's keys in, PIN included."""
    insert(card)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/agent"
        with subprocess.Popen(["/usr/bin/ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
            try:
                world.wait_for(lambda: os.path.exists(path), what="the agent's socket")
                world.run("ssh-add", "-q", "-s", PKCS11, env={**_answering(stage.PIN), "SSH_AUTH_SOCK": path})
                yield path
            finally:
                process.terminate()


def client(user, answer, *words, agent_path=None, key=None, options=()):
    """A process of ssh whose answers are all the same."""
    how = ("-o", f"IdentityAgent={agent_path}") if agent_path else ()
    return subprocess.Popen(command("ssh", f"{user}@127.0.0.1", *words, key=key, options=(*how, *options)), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_answering(answer))


def walk(user, answer, card=None, key=None, options=()):
    """The same answer to whatever the server asks. Returns (does it run a command, what was asked)."""
    asked = []
    with ssh(user, "echo in=$(id -un)", card=card, key=key, options=options) as terminal:
        while (kind := terminal.expect(*QUESTIONS.values(), pexpect.EOF)) < len(QUESTIONS):
            asked.append(list(QUESTIONS)[kind])
            terminal.send(stage.PIN if asked[-1] == "PIN" else answer)
        return terminal.end() == 0 and f"in={user}" in terminal.text, asked


def face(screen, user):
    """What the server showed, whoever was named: from its first prompt on."""
    return screen[screen.index(f"({user}@"):].replace(user, "USER")


def unlock(*names):
    """The tries of these, or of all who have a card, do not count against what comes next."""
    for name in names or people:
        stage.tool("unlock", name, text="", status=None)


@contextlib.contextmanager
def at_console(name):
    """This person's shell at a console, with the card in its reader."""
    insert(name)
    with console.Console() as terminal:
        if not terminal.login(name, *people[name].by_password()):
            raise AssertionError(f"no login\n{terminal.text}")
        yield terminal
        terminal.logout()


@contextlib.contextmanager
def over_ssh(name):
    """This person's shell over ssh, by the card's key and the password."""
    with ssh(name, card=name) as terminal:
        unlock_card(terminal)
        terminal.expect(CODE_PROMPT)
        terminal.send(people[name].password)
        terminal.expect(console.SHELL_PROMPT)
        terminal.shell = lambda command: console.Console.shell(terminal, command)
        yield terminal
        terminal.send("exit")
        terminal.end()
