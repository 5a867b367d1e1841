#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py [--long] [GROUP...] - scripts/bench, inside its private world: build, boot, measure."""
import os
import pathlib
import sys
import tempfile

import boxed
import build

GROUPS = ("login", "account", "host", "crowd", "timing", "peer", "ssh")
PROGRAMS = ("tests/vcard/vcard", "tests/bench/floor", "tests/bench/host")
SECONDS, SECONDS_LONG = 1000, 6 * 3600


def built(source):
    if "CARDMFA_BUILD" in os.environ:
        return pathlib.Path(os.environ["CARDMFA_BUILD"])
    print("== building cardmfa in memory", file=sys.stderr, flush=True)
    work = build.Build(source, tempfile.mkdtemp(prefix="bench-"))
    work.generate()
    work.configure("plain")
    work.make("plain")
    work.make("plain", *PROGRAMS)
    return work.path("plain")


def main():
    source = pathlib.Path.cwd()
    long = "--long" in sys.argv[1:]
    groups = [word for word in sys.argv[1:] if word != "--long"]
    try:
        tree = built(source)
    except build.BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return boxed.run(source, tree, source / "tests/bench/bench.py", *(groups or GROUPS),
                     seconds=SECONDS_LONG if long else SECONDS, variables={"CARDMFA_LONG": str(int(long))})


if __name__ == "__main__":
    sys.exit(main())
