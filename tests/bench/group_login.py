# SPDX-License-Identifier: Apache-2.0
"""login: card and password through libpam, beside the floor (floor.c)."""
import figures
import people

ROUNDS, SECONDS = (200, 120) if figures.LONG else (60, 45)
NAMES = {people.RSA: "login_rsa2048", people.P256: "login_p256"}


def measure(name, who, seconds):
    login, floor = people.login(who), people.floor(who)
    apdus = people.apdus(who.card, login)
    sides = figures.Sides(login=login, floor=floor).run(ROUNDS, seconds)
    sides.report(name, "login", "floor")
    figures.line(name, sides.median("login"), sides.median("floor"), apdus)


def run():
    for person, name in NAMES.items():
        who = people.alone(person)
        with people.undisturbed():
            measure(name, who, SECONDS)
            who.card.ctl("timing", "on")
            measure(f"{name}_contact", who, SECONDS)
            who.card.ctl("timing", "off")
