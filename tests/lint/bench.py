#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/bench says what it does: its help, its groups and the README agree. What it measures is no test."""
import re
import subprocess

import lint

BENCH = lint.SOURCE / "scripts/bench"


def bench(*words):
    return subprocess.run([BENCH, *words], capture_output=True, text=True, timeout=20, check=False)


def groups_in_help():
    """Those that stand at the left of the list, in its order."""
    return re.findall(r"^  (\w+)  +\S", bench("--help").stdout, re.MULTILINE)


def table(name):
    """Keys of the dictionary or words of the tuple GROUPS."""
    body = re.search(r"^GROUPS = [({](.*?)[)}]", lint.read(lint.SOURCE / name), re.DOTALL | re.MULTILINE)[1]
    return re.findall(r'"(\w+)"', body)


@lint.check
def help_needs_no_root():
    done = bench("--help")
    if done.returncode != 0 or done.stderr or "bench NAME MEDIAN FLOOR RATIO EXTRA" not in done.stdout:
        yield f"status {done.returncode}: {done.stdout}{done.stderr}"


@lint.check
def an_unknown_group_is_refused():
    done = bench("no-such-group")
    if done.returncode != 64 or done.stdout or not done.stderr.startswith("bench: there is no group no-such-group\n"):
        yield f"status {done.returncode}: {done.stdout}"


@lint.check
def all_know_the_same_groups():
    wanted = groups_in_help()
    if len(wanted) < 6:
        yield f"the help names only {wanted}"
    for name in ("scripts/lib/bench.py", "tests/bench/bench.py"):
        if table(name) != wanted:
            yield f"{name}: {table(name)}, the help has {wanted}"


@lint.check
def readmes_name_the_groups():
    for name in ("README.md", "README.ja.md"):
        found = re.search(r"scripts/bench \[--long\] \[GROUP\.\.\.\] +# \S+ ([a-z ]+)$", lint.read(lint.SOURCE / name), re.MULTILINE)
        if not found or found[1].split() != groups_in_help():
            yield f"{name}: {found and found[1]!r}, the help has {' '.join(groups_in_help())}"


lint.main()
