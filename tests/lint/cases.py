#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/cases.txt and the tests: every case that is due has a test of its number, and every number is a case's."""
import collections
import re

import lint

WORK = ("here", "sweeps", "bench", "ssh", "sessions", "passwords", "life", "chain", "fleet")
LINE = re.compile(r"(A\d+) +(\w+) +(\S.*\S)")
LISTED = lint.SOURCE / "tests/cases.txt"
BENCH = lint.SOURCE / "tests/bench"
# How a test of that number is defined, by the kind of file; shell tests name it as they go.
DEFINED = {
    ".c": re.compile(r"^static void (A\d+_\w+)\(", re.MULTILINE),
    ".py": re.compile(r"^def (A\d+_\w+)\(", re.MULTILINE),
    ".sh": re.compile(r"^[^#\n]*\b(A\d+_\w+)", re.MULTILINE),
}


def cases():
    """(number, work, title) of each line."""
    for line in lint.read(LISTED).splitlines():
        if line and not line.startswith("#"):
            match = LINE.fullmatch(line)
            yield (int(match[1][1:]), match[2], match[3]) if match else (None, line, "")


def tests():
    """(number, name, path, whether something runs it)."""
    for path in lint.files("tests", suffixes=tuple(DEFINED)):
        text = lint.read(path)
        for name in dict.fromkeys(DEFINED[path.suffix].findall(text)):
            runs = len(re.findall(rf"\b{name}\b", lint.bare_code(path) if path.suffix == ".c" else text)) > 1
            decorated = re.search(rf"^@(?:\w+\.)?(?:test|check)\b.*\ndef {name}\(", text, re.MULTILINE)
            yield int(name[1:].split("_")[0]), name, path, bool(runs or decorated or path.suffix == ".sh")


@lint.check
def the_list_is_in_order():
    last = 0
    for number, work, title in cases():
        if number is None:
            yield f"not NUMBER WORK TITLE: {work}"
            continue
        if number <= last:
            yield f"A{number} stands behind A{last}"
        if work not in WORK:
            yield f"A{number}: {work} is none of {', '.join(WORK)}"
        last = number


@lint.check
def every_number_is_a_case():
    known = {number for number, _, _ in cases()}
    for number, name, path, _ in tests():
        if number not in known:
            yield f"{lint.short(path)}: {name}: A{number} is not in tests/cases.txt"


@lint.check
def every_numbered_test_runs():
    for _, name, path, runs in tests():
        if not runs:
            yield f"{lint.short(path)}: {name} is called by nothing"


@lint.check
def what_is_measured_is_not_asserted():
    """A case of the bench is a function of its number under tests/bench, and nothing elsewhere is named after it."""
    measured = {number: title for number, work, title in cases() if work == "bench"}
    for number, name, path, _ in tests():
        if (number in measured) != (BENCH in path.parents):
            yield f"{lint.short(path)}: {name}: {'a case of the bench' if number in measured else 'no case of the bench'}"
    for number in sorted(set(measured) - {number for number, _, path, runs in tests() if runs and BENCH in path.parents}):
        yield f"A{number} {measured[number]}: not measured"


@lint.check
def every_due_case_has_a_test():
    tested = {number for number, _, _, runs in tests() if runs}
    later = collections.defaultdict(list)
    for number, work, title in cases():
        if work not in ("here", "bench") and number not in tested:
            later[work].append(f"A{number}")
        elif work == "here" and number not in tested:
            yield f"A{number} {title}: no test"
    for work, numbers in later.items():
        lint.note(f"later, with {work}: {' '.join(numbers)}")


lint.main()
