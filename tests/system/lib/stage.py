# SPDX-License-Identifier: Apache-2.0
"""The product set up in the box as its manual says, and people with card, app and password."""
import dataclasses
import re

from . import console, vcard, world

PIN = "483920"
PASSWORD = "quiet-Lantern-52"
CONF = """
[default]
factors = card,totp card,password
attempts = 5
lock = 15min
"""


# Screen lockers that take one line as the answer to all that is asked.
LOCKER = """
[class locker]
service = i3lock screen
where = local
factors = card
card-wait = 10s
"""


def quick(attempts, settings="", classes=""):
    """The same rules, with hashes as cheap as they may be."""
    return f"""
[settings]
argon2-memory = 19MiB
argon2-time = 1
{settings}
{classes}
[default]
factors = card,totp card,password
attempts = {attempts}
"""


def tool(*words, answers=(), status=0, language=None, text=None, seconds=30):
    """cardtool as root types it: on a terminal with answers, or with `text` on its standard input.
    Returns what was shown; the exit status must be `status` (None: any)."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "linux", "LANG": "C.UTF-8",
           **({"LANGUAGE": language} if language else {})}
    if text is not None:
        return world.run("env", "-i", *(f"{k}={v}" for k, v in env.items()), "cardtool", *words, text=text,
                         status=status, seconds=seconds).stdout
    with console.Terminal("/usr/bin/env", "-i", *(f"{k}={v}" for k, v in env.items()), "cardtool", *words,
                          seconds=seconds) as terminal:
        for prompt, typed in answers:
            terminal.expect(prompt)
            terminal.send(typed(terminal) if callable(typed) else typed)
        ended = terminal.end()
        if status is not None and ended != status:
            raise AssertionError(f"cardtool {' '.join(words)}: status {ended}, wanted {status}\n{terminal.text}")
        return terminal.text


def set_up(conf=CONF):
    """pcscd with two empty readers, cardtool init, the daemon's sockets, cardmfa alone in login's stack."""
    world.start_pcscd()
    tool("init")
    world.write(world.CONF, conf)
    world.systemctl("enable", "--now", "cardmfad.socket", "cardmfad-user.socket")
    world.login_stack()


@dataclasses.dataclass
class Person:
    name: str
    card: vcard.Card = None
    card_id: str = ""
    app: world.Authenticator = None
    pin: str = PIN
    password: str = PASSWORD

    def code(self):
        return self.app.code()

    def by_code(self):
        """Answers of a console login with the code."""
        return (("PIN of your IC card: $", self.pin), ("code or password: $", self.code()))

    def by_password(self):
        return (("PIN of your IC card: $", self.pin), ("code or password: $", self.password))

    def login(self, *answers, seconds=60):
        return console.try_login(self.name, *(answers or self.by_password()), seconds=seconds)


def enroll(name, card, pin=PIN, *words, status=0):
    """Returns the card's identifier."""
    text = tool("enroll", name, "--reader", card.reader, *words, answers=((r"PIN of the card.*: $", pin),), status=status)
    return re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", text)[0]


def enroll_app(name):
    app = None

    def first(terminal):
        nonlocal app
        app = world.Authenticator(re.search(r"[?&]secret=([A-Z2-7]+)", terminal.text)[1])
        return app.code()
    tool("totp", "enroll", name, answers=((r"your app shows now: $", first),))
    return app


def person(name, *card_options, groups=(), reader=0, with_app=True, with_password=True):
    """A person with everything; the card stays in its reader."""
    world.add_user(name, groups)
    tool("user", "add", name)
    p = Person(name)
    p.card = vcard.Card("--pin", PIN, *(card_options or ("--slot", "9A=p256,pin=once")), reader=reader)
    p.card_id = enroll(name, p.card)
    if with_app:
        p.app = enroll_app(name)
    if with_password:
        tool("password", "set", name, "--stdin", text=PASSWORD + "\n")
    return p


def only(people, *names):
    """Just the cards of these of the people are in their readers, as good as new; nothing is counted of anybody."""
    for name, who in people.items():
        there = "inserted=yes" in who.card.ctl("status")
        if there and name not in names:
            who.card.remove()
        elif not there and name in names:
            who.card.insert()
        who.card.ctl("set-tries", 3)
        who.card.count_reset()
        tool("unlock", name, text="", status=None)
