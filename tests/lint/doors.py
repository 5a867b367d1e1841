#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No test door in what is shipped: nothing in environment, options or files moves clock, socket, peer check or verifier."""
# check: varied
import pathlib
import re
import tempfile

import lint

BUILT = (lint.MODULE, *lint.PROGRAMS)
ENVIRONMENT = ("getenv", "secure_getenv", "environ", "__environ")

# Who reads the environment: (file, function): what, and why it opens nothing.
READERS = {
    ("lib/base/log.c", "to_stderr"): "JOURNAL_STREAM: the form of a log line only",
    ("cardmfad/listener.c", "main"): "LANG: ja or en",
    ("cardmfad/sockets.c", "from_systemd"): "LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES of systemd; the sockets are checked",
    ("cardmfad/sockets.c", "sockets_notify"): "NOTIFY_SOCKET of systemd",
    ("cardmfad/spawn.c", "spawn_program"): "JOURNAL_STREAM, handed on as a constant",
    ("cardtool/privilege.c", "clean_environment"): "terminal, language and time zone, checked, before all else is dropped",
    ("cardtool/privilege.c", "refuse_own_variables"): "names only, to refuse a PIN or password there",
    ("cardtool/cardtool.c", "set_language"): "the locale's names",
}
NO_READERS = (lint.MODULE,)

# The options of the programs that people or units start, and which their --help has to show; the others take none.
# cardtool's are in its tables, and secrets.py reads those.
OPTIONS = {"cardmfad/listener.c": {"foreground", "help", "version"}}
GETOPT = re.compile(r"\bgetopt(_long|_long_only)?\s*\(")


def hooks_in(program):
    """Symbols and strings that speak of hooks."""
    for line in lint.output("nm", program).splitlines():
        if re.search("hook", line.split()[-1], re.IGNORECASE):
            yield f"{program.name}: symbol {line.split()[-1]}"
    for line in lint.output("strings", "-d", program).splitlines():
        if re.search(r"hook|CARDMFA_TEST", line, re.IGNORECASE):
            yield f"{program.name}: text {line!r}"


def environment_of(program):
    return {name for name in re.findall(r" [UBV] (\w+)", lint.output("nm", "-D", program)) if name in ENVIRONMENT}


@lint.check
def the_build_is_a_plain_one():
    if "-DCARDMFA_TEST_HOOKS" not in lint.read(lint.SOURCE / "Makefile.am"):
        yield "Makefile.am does not speak of -DCARDMFA_TEST_HOOKS: what would this test look for?"
    for line in lint.read(lint.BUILD / "Makefile").splitlines():
        if "-DCARDMFA_TEST_HOOKS" in line and not line.startswith("#"):
            yield f"{lint.BUILD} was configured with --enable-test-hooks"


@lint.check
def no_hook_is_built_in():
    for program in BUILT:
        yield from hooks_in(lint.BUILD / program)
    for library in sorted((lint.BUILD / "lib").glob("*.a")):
        for name in sorted(set(re.findall(r"\b\w*hook\w*", lint.output("nm", "-A", library), re.IGNORECASE))):
            yield f"{library.name}: symbol {name}"


@lint.check
def hooks_stand_behind_their_condition():
    """Every word of a hook in the sources lies between #ifdef CARDMFA_TEST_HOOKS and its #else or #endif."""
    for path in lint.files(*lint.CODE, suffixes=(".c", ".h")):
        if path.stem.endswith("_hook"):
            continue
        depth = inside = 0
        for number, line in enumerate(lint.bare_code(path).splitlines(), 1):
            if re.match(r"\s*#\s*if", line):
                depth += 1
                inside = inside or (depth if re.match(r"\s*#\s*ifdef CARDMFA_TEST_HOOKS\b", line) else 0)
            elif match := re.match(r"\s*#\s*(el|endif)", line):
                inside = 0 if inside == depth else inside
                depth -= match[1] == "endif"
            elif not inside and re.search("hook", line, re.IGNORECASE):
                yield f"{lint.short(path)}:{number}: {line.strip()}"


@lint.check
def environment_is_read_where_listed():
    seen = set()
    for path in lint.files(*lint.CODE, suffixes=(".c", ".h")):
        text = lint.bare_code(path)
        for match in re.finditer(r"\b(?:secure_)?getenv\s*\(|\b(?:__)?environ\b", text):
            line = lint.line_of(text, match.start())
            where = (lint.short(path), lint.function_at(path, line))
            seen.add(where)
            if where not in READERS and not re.match(r"extern char \*\*environ;", text.splitlines()[line - 1]):
                yield f"{where[0]}:{line}: {where[1]} reads the environment"
    for where in sorted(set(READERS) - seen):
        yield f"{where[0]}: {where[1]} does not read the environment any more: take it off the list"


@lint.check
def module_reads_no_environment():
    for program in NO_READERS:
        for name in sorted(environment_of(lint.BUILD / program)):
            yield f"{program}: {name}"


@lint.check
def options_are_the_documented_ones():
    for path in lint.files("cardmfad", "cardtool", "lib", "pam_module", suffixes=(".c",)):
        text, name = lint.code(path), lint.short(path)
        takes = set()
        for table in re.findall(r"struct option \w+\[\]\s*=\s*\{(.*?)\n?\s*\};", text, re.DOTALL):
            takes |= set(re.findall(r"\{\s*\"([\w-]+)\"", table))
        if (takes or GETOPT.search(text)) and takes != OPTIONS.get(name):
            yield f"{name}: takes {', '.join(sorted(takes))}"
        for match in re.finditer(r"\bgetopt(?:_long)?\s*\(\s*\w+\s*,\s*\w+\s*,\s*\"([^\"]+)\"", text):
            yield f"{name}: short options {match[1]}"
        for option in sorted(takes):
            if f"--{option}" not in text:
                yield f"{name}: --{option} is not in its --help"


@lint.check
def a_planted_door_is_seen():
    """The eyes of this test: a program with a hook and a look at the environment."""
    with tempfile.TemporaryDirectory() as folder:
        door = pathlib.Path(folder) / "door"
        lint.output("gcc", "-x", "c", "-", "-o", door, input="""
            #include <stdlib.h>
            int clock_hook(void) { return getenv("CARDMFA_TEST_CLOCK") != NULL; }
            int main(void) { return clock_hook(); }""")
        if len(list(hooks_in(door))) != 2 or environment_of(door) != {"getenv"}:
            yield f"not seen: {list(hooks_in(door))} {environment_of(door)}"


lint.main()
