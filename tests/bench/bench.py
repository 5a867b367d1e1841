#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py GROUP... - the groups of scripts/bench, measured inside its box."""
import sys
import time
import traceback

from lib import world

import figures
import group_account
import group_crowd
import group_host
import group_login
import group_peer
import group_ssh
import group_ssh_keys
import group_timing


def ssh():
    group_ssh.run()
    group_ssh_keys.run()


GROUPS = {
    "login": group_login.run,
    "account": group_account.run,
    "host": group_host.run,
    "crowd": group_crowd.run,
    "timing": group_timing.run,
    "peer": group_peer.run,
    "ssh": ssh,
}


def main():
    failed = False
    for name in sys.argv[1:]:
        begun = time.monotonic()
        figures.say(f"== {name}")
        try:
            GROUPS[name]()
        except Exception:
            failed = True
            traceback.print_exc()
            figures.say(world.journal_text("-n30"))
            figures.say(f"== {name}: no figures")
        figures.say(f"== {name}: {time.monotonic() - begun:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
