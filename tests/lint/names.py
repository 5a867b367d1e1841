#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Names, first lines, sizes and blanks of the files of the tree."""
import collections
import re

import lint

UNIQUE = ("lib", "pam_module", "cardmfad", "cardtool")
FUNCTION_LINES = 60
FILE_LINES = 500
MARKS = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
# Of the machine that it was made on, and of papers that stay there.
FOREIGN_NAMES = re.compile(r"(?<![\w.}])/wor[k]\b|\bfar[m]-|(?<![\w/])share[d]/|\b(?:CASE[S]|NEED[S]|SYSTE[M]|STYL[E]|REFERENC[E]|DESIG[N])\.md"
                           r"|\bDESIG[N]\b|/tm[p]/brief")
NO_LICENCE_LINE = {"README.md", "README.ja.md", "README", "REQUIREMENTS", "dconf-locks", ".editorconfig", ".gitignore", "LICENSE"}
BINARY = {".mo", ".gz", ".der", ".bin", ".png"}
CORPUS = lint.SOURCE / "tests/fuzz/corpus"      # bytes for parsers
SPDX = "SPDX-License-Identifier: Apache-2.0"


def tree():
    """Every text of ours."""
    for path in (*lint.files(*lint.TREE), *(lint.SOURCE / name for name in lint.TOP)):
        if path.exists() and path.suffix not in BINARY and CORPUS not in path.parents:
            yield path


def c_files(*folders):
    return lint.files(*folders, suffixes=(".c", ".h"))


def lines_that(pattern, paths):
    for path in paths:
        for number, line in enumerate(lint.read(path).split("\n"), 1):
            if pattern.search(line):
                yield f"{lint.short(path)}:{number}: {line.strip()[:100]}"


@lint.check
def base_names_are_unique():
    places = collections.defaultdict(list)
    for path in c_files(*UNIQUE, "include"):
        places[path.name].append(lint.short(path))
    for paths in places.values():
        if len(paths) > 1:
            yield " and ".join(paths)


@lint.check
def first_line_is_the_licence():
    for path in tree():
        head = lint.read(path).split("\n", 3)
        first = head[1] if head[0].startswith(("#!", "#compdef ")) and len(head) > 1 else head[0]
        if path.name not in NO_LICENCE_LINE and SPDX not in first:
            yield f"{lint.short(path)}: {first[:60]!r}"


@lint.check
def no_marks_of_unfinished_work():
    return lines_that(MARKS, tree())


@lint.check
def no_names_of_other_places():
    return lines_that(FOREIGN_NAMES, tree())


@lint.check
def lines_end_cleanly():
    for path in tree():
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            yield f"{lint.short(path)}: no newline at the end"
        if data.endswith(b"\n\n"):
            yield f"{lint.short(path)}: blank lines at the end"
    yield from lines_that(re.compile(r"[ \t\r]$"), tree())


@lint.check
def c_is_indented_by_tabs():
    """Blanks at the start of a line only before the * of a comment, or behind tabs to align."""
    return lines_that(re.compile(r"^ (?!\*)|^\t* +\t"), c_files(*lint.CODE, "tests"))


@lint.check
def functions_are_short():
    for path in c_files(*lint.CODE):
        for function in lint.functions(path):
            size = function.last - function.first + 1
            if size > FUNCTION_LINES:
                yield f"{lint.short(path)}:{function.first}: {function.name} has {size} lines"


@lint.check
def files_are_short():
    for path in (*c_files(*lint.CODE), *lint.files("scripts")):
        size = lint.read(path).count("\n")
        if size > FILE_LINES:
            yield f"{lint.short(path)}: {size} lines"


@lint.check
def entry_points_are_thin():
    """The least that stands in the address space of login and sshd."""
    for path in c_files("pam_module"):
        for function in lint.functions(path):
            if function.name.startswith("pam_sm_") and function.last - function.first + 1 > 25:
                yield f"{lint.short(path)}: {function.name}"


lint.main()
