# SPDX-License-Identifier: Apache-2.0
"""The product in the box as its manual says, and people with cards: made once, by the group that needs them first."""
import functools

from lib import daemon, stage, world

import figures

COST = (64 * 1024, 3)           # argon2-memory in KiB and argon2-time, as the configuration has them by itself
SMALLEST = (19 * 1024, 1)
RSA, P256 = "taro", "hanako"
KEYS = {RSA: "07", P256: "11"}
READERS = {RSA: 0, P256: 1}
SLOTS = {RSA: "9A=rsa2048,pin=once", P256: "9A=p256,pin=once"}


@functools.lru_cache(maxsize=None)
def product():
    figures.say("== setting up the product")
    stage.set_up()
    # Nothing beside the module: a neighbour's time is not ours.
    service("login", "auth required pam_cardmfa.so", "account required pam_cardmfa.so")


def nobodys():
    """All readers are empty."""
    for card in _cards.values():
        if card.values("status")["inserted"] == "yes":
            card.remove()


@functools.lru_cache(maxsize=None)
def person(name):
    """Card and password; the card has the person's name as common name. Others' cards are out afterwards."""
    product()
    figures.say(f"== enrolling {name}")
    nobodys()
    made = stage.person(name, "--cn", name, "--slot", SLOTS[name], reader=READERS[name], with_app=False)
    _cards[name] = made.card
    return made


_cards = {}


def present(*names):
    """Exactly these persons' cards are in their readers. Returns the persons."""
    wanted = [person(name) for name in names]
    for name, card in _cards.items():
        if (card.values("status")["inserted"] == "yes") != (name in names):
            card.insert() if name in names else card.remove()
    return wanted


def alone(name):
    return present(name)[0]


def undisturbed(*pids):
    """figures.undisturbed() for all that takes part in a login, and these processes."""
    world.systemctl("start", "cardmfad.service")
    pcscd = int(world.systemctl("show", "-P", "MainPID", "pcscd.service"))
    return figures.undisturbed(daemon.listener(), pcscd, *(card.process.pid for card in _cards.values()), *pids)


def floor(who, cost=COST):
    """The least for this person's login, without a hash if cost is None."""
    return figures.Program(figures.FLOOR, who.card.reader, KEYS[who.name], *(cost or (0, 0)), answers=(who.pin,))


def login(who, *words):
    return figures.host("login", who.name, *(words or ("auth",)), answers=(who.pin, who.password))


def hashes_only(cost=COST):
    return figures.Program(figures.FLOOR, "-", "0", *cost)


def service(name, *lines):
    world.write(f"/etc/pam.d/{name}", "".join(f"{line}\n" for line in lines))


def apdus(card, side):
    """What the card itself counts in one run of that side."""
    figures.quiet()
    card.count_reset()
    side()
    return card.count()
