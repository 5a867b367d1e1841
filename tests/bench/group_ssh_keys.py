# SPDX-License-Identifier: Apache-2.0
"""ssh: what sshd waits for at each key that it is offered, with as many cards in the store as a prefecture has."""
import contextlib
import os
import sqlite3
import statistics
import time

from lib import daemon, world

import figures
import people

CARDS, REVOKED = 100_000, 5_000
ASKER = "cardmfa-keys"
ROUNDS, SECONDS = 200, 60
SYMBOLS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def card_id(number):
    """Seven symbols of base 31, low ones first, and the one that makes the weighted sum zero."""
    values = [number // 31 ** place % 31 for place in range(7)]
    values.append(-sum((10 + place) * value for place, value in enumerate(values)) * 11 % 31)
    text = "".join(SYMBOLS[value] for value in values)
    return f"{text[:4]}-{text[4:]}"


def fill():
    """People of whom each has one card, with keys that are well-formed and nobody's."""
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04"
    now = int(time.time())
    with contextlib.closing(sqlite3.connect(daemon.STORE, timeout=10)) as base, base:
        base.executemany("INSERT INTO person (id, login, uid, state, created_at, changed_at) VALUES (?, ?, ?, 'active', ?, ?)",
                         ((1000 + n, f"staff{n}", 200_000 + n, now, now) for n in range(CARDS)))
        base.executemany("INSERT INTO card (card_id, person, app, key_ref, algorithm, spki, spki_sha256, pin_proved, state, reason, not_after, enrolled_at, "
                         "changed_at, revoked_at) VALUES (?, ?, 'piv', 154, 'p256', ?, ?, 1, ?, ?, ?, ?, ?, ?)",
                         ((card_id(n), 1000 + n, head + os.urandom(64), os.urandom(32), *(("revoked", "lost") if n < REVOKED else ("active", None)),
                           now + 10 ** 8, now, now, now if n < REVOKED else None) for n in range(CARDS)))


def key_of(who):
    """As sshd has it: type and base64."""
    line = world.run("cardtool", "ssh-keys", who.name).stdout.split()
    return line[-3], line[-2]


def times(program, wanted):
    """In a process of sshd's account: as sshd starts it."""
    taken, deadline = [], time.monotonic() + SECONDS
    for number in range(ROUNDS + 1):
        figures.quiet()
        one = program()
        if program.printed != wanted:
            raise figures.Trouble(f"printed {program.printed!r}")
        if number:
            taken.append(one)
        if time.monotonic() > deadline and number > 5:
            break
    return taken


def run():
    who = people.alone(people.P256)
    key = key_of(who)
    program = figures.Program("/usr/bin/cardtool", "ssh-keys", who.name, *key)
    wanted = world.run("cardtool", "ssh-keys", who.name, *key).stdout
    with people.undisturbed():
        before = daemon.as_user(ASKER, lambda: times(program, wanted))
    figures.say(f"== {CARDS} cards into the store")
    daemon.as_user("cardmfa", fill)
    with people.undisturbed():
        taken = daemon.as_user(ASKER, lambda: times(program, wanted))
    figures.say(f"   ssh_keys: one person's cards alone: median {statistics.median(before):.2f}")
    figures.say(f"   ssh_keys: n={len(taken)} min {min(taken):.2f} max {max(taken):.2f}")
    begun = time.monotonic()
    listed = world.run("cardtool", "ssh-keys", "--revoked").stdout.count("\n")
    figures.say(f"   ssh_keys: {listed} revoked keys listed in {time.monotonic() - begun:.2f} s")
    if listed != REVOKED:
        raise figures.Trouble(f"{listed} revoked keys instead of {REVOKED}")
    figures.line("ssh_keys_100k", statistics.median(taken), None)
