# SPDX-License-Identifier: Apache-2.0
"""account: pam_acct_mgmt alone, behind a login of the same host; beside it Debian's pam_unix."""
import statistics

import figures
import people

CALLS, ROUNDS = 50, 4


def times(program):
    figures.quiet()
    program()
    return [int(words[1]) / 1000 for words in program.words("account")[1:]]


def run():
    who = people.alone(people.P256)
    people.service("bench-unix", "auth required pam_permit.so", "account required pam_unix.so")
    own = people.login(who, "auth", *["account"] * CALLS)
    other = figures.host("bench-unix", who.name, "auth", *["account"] * CALLS)
    own_times, other_times = [], []
    with people.undisturbed():
        for _ in range(ROUNDS):
            own_times += times(own)
            other_times += times(other)
    figures.say(f"   account: n={len(own_times)} min {min(own_times):.2f} max {max(own_times):.2f}")
    figures.line("account", statistics.median(own_times), statistics.median(other_times), people.apdus(who.card, own) -
                 people.apdus(who.card, people.login(who)))
