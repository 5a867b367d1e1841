# SPDX-License-Identifier: Apache-2.0
"""timing: can somebody outside tell from the time of a refusal why it came? The means of each two reasons and Welch's t.

local: in front of a reader with somebody else's card. remote: where a class asks for code and password, without card."""
import itertools
import random
import statistics

from lib import daemon, stage, world

import figures
import people

SAMPLES = 2000 if figures.LONG else 200
COST = people.COST if figures.LONG else people.SMALLEST
CONF = f"""
[settings]
argon2-memory = {COST[0]}KiB
argon2-time = {COST[1]}
address-attempts = 1000

[class far]
where = remote
factors = totp,password

[default]
factors = card,totp card,password
attempts = 5
lock = 1d
"""
PIN, WRONG, LONG = "592761", "not-the-password", "l" * 128
UNKNOWN, NOT_ENROLLED, LOCKED, ENROLLED = "nobody-of-ours", "shiro", "saburo", "jiro"
CLEAR = "DELETE FROM bucket WHERE origin = ? AND person = (SELECT id FROM person WHERE login = ?)"
addresses = (f"198.18.{n >> 8}.{n & 255}" for n in itertools.count(1))


def local(user, pin=PIN, password=WRONG):
    return lambda: figures.host("login", user, "auth", answers=(pin, password), status=None)


def remote(user, password=WRONG):
    return lambda: figures.host("bench-remote", user, f"rhost={next(addresses)}", "auth", answers=("000000", password), status=None)


def refused(side):
    """Milliseconds in pam_authenticate until it said no."""
    program = side()
    program()
    code, microseconds = program.words("auth")[0]
    if code != "7":
        raise figures.Trouble(f"{' '.join(program.command)}: PAM code {code}, not PAM_AUTH_ERR")
    return int(microseconds) / 1000


def prepare():
    """One person's buckets are full; nobody's own card is in a reader but hanako's."""
    people.alone(people.RSA)
    people.service("bench-remote", "auth required pam_cardmfa.so")
    daemon.configure(CONF)
    world.add_user(NOT_ENROLLED)
    stage.tool("user", "add", NOT_ENROLLED)
    for name in (ENROLLED, LOCKED):
        people.nobodys()
        person = stage.person(name)
        if name == LOCKED:
            for _ in range(5):
                refused(local(name, person.pin))
                refused(remote(name))
        person.card.remove()
        person.card.stop()
    return people.alone(people.RSA), people.alone(people.P256)


def sample(lane, kinds):
    """Each kind in each round once, in an order of its own. The same row is cleared before each."""
    figures.say(f"   {lane}: {SAMPLES} of each of {len(kinds)}")
    times = {name: [] for name in kinds}
    for _ in range(SAMPLES):
        for name in random.sample(sorted(kinds), len(kinds)):
            daemon.change(CLEAR, lane, ENROLLED)
            figures.quiet()
            times[name].append(refused(kinds[name]))
    for one, other in itertools.combinations(kinds, 2):
        a, b = times[one], times[other]
        figures.line(f"timing_{lane}_{one}_{other}", statistics.fmean(a), statistics.fmean(b), len(a), figures.welch(a, b))


def A52_timing(away):
    """Measured, not asserted: whoever reads the figures judges them."""
    sample("local", {
        "unknown": local(UNKNOWN), "unenrolled": local(NOT_ENROLLED), "locked": local(LOCKED),
        "card": local(away.name, away.pin, away.password), "secret": local(away.name),
        "long": local(away.name, password=LONG),
    })
    sample("remote", {
        "unknown": remote(UNKNOWN), "unenrolled": remote(NOT_ENROLLED), "locked": remote(LOCKED),
        "secret": remote(ENROLLED), "long": remote(ENROLLED, LONG),
    })


def run():
    away, _ = prepare()
    with people.undisturbed():
        A52_timing(away)
    daemon.configure(stage.CONF)
