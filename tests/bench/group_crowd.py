# SPDX-License-Identifier: Apache-2.0
"""crowd: two hundred logins at once, a quarter each of two people with card and password, of an address that has no card,
and of a name that nobody has; beside it as many hashes and nothing else, one a processor."""
import concurrent.futures
import os
import time

from lib import daemon, pam, stage

import figures
import people

LOGINS = 200
CONF = """
[class field]
where = remote
factors = totp,password
""" + stage.CONF


def start(number, taro, hanako):
    """The host and whether it must be let in."""
    kind = number % 4
    if kind < 2:
        who = (taro, hanako)[kind]
        return pam.Host(who.name, *pam.by_password(who), calls=("auth",), seconds=280), True
    if kind == 2:
        return pam.Host(taro.name, ("code", "000000"), ("assword", "x" * 9), service="bench-remote", calls=("auth",),
                        seconds=280, rhost=f"192.0.2.{number}"), False
    return pam.Host("nobody-of-ours", ("PIN", "123456"), ("assword", "x" * 9), calls=("auth",), seconds=280), False


def hashes():
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda _: people.hashes_only()(), range(LOGINS)))
    return time.monotonic() - begun


def run():
    taro, hanako = people.present(people.RSA, people.P256)
    people.service("bench-remote", "auth required pam_cardmfa.so")
    daemon.configure(CONF)
    floor = hashes()
    watch = daemon.MemoryWatch()
    watch.start()
    begun = time.monotonic()
    hosts = [start(number, taro, hanako) for number in range(LOGINS)]
    outcomes = [host.outcome() for host, _ in hosts]
    wall = time.monotonic() - begun
    watch.over.set()
    right = sum(outcome is not None and outcome.opened == wanted for outcome, (_, wanted) in zip(outcomes, hosts))
    slowest = max(outcome.seconds for outcome in outcomes if outcome)
    daemon.configure(stage.CONF)
    stage.tool("unlock", taro.name, text="", status=None)
    figures.say(f"   crowd: slowest {slowest:.1f} s, {right} of {LOGINS} verdicts right")
    figures.line("crowd", wall, floor, watch.largest)
    figures.line("crowd_right", right, LOGINS)
    if right != LOGINS:
        raise figures.Trouble("wrong verdicts: the time says nothing")
