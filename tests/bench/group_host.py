# SPDX-License-Identifier: Apache-2.0
"""host: what a login leaves in the host process, beside the same host with pam_permit in the module's place."""
import statistics

import figures
import people

ROUNDS = 9
MODULE = "pam_cardmfa.so"


def run():
    who = people.alone(people.P256)
    people.service("bench-permit", "auth required pam_permit.so")
    own = people.login(who, "auth", "memory", "objects")
    other = figures.host("bench-permit", who.name, "auth", "memory", "objects")
    found = {own: [], other: []}
    for _ in range(ROUNDS):
        for side, values in found.items():
            figures.quiet()
            side()
            values.append([int(word) for word in side.words("memory")[0]])
    own_objects, other_objects = ({words[0] for words in side.words("object")} for side in (own, other))
    more = sorted(name for name in own_objects - other_objects if not name.endswith(f"/{MODULE}"))
    if not any(name.endswith(f"/{MODULE}") for name in own_objects):
        raise figures.Trouble(f"the host did not map {MODULE}")
    figures.say(f"   host: objects besides the module: {' '.join(more) or 'none'}")
    for number, name in enumerate(("host_pss", "host_uss")):
        figures.line(name, *(int(statistics.median(values[number] for values in found[side])) for side in (own, other)), len(more))
