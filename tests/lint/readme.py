#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""README: the same to be typed in both languages, all that the build asks for, and a clean clone afterwards."""
import itertools
import pathlib
import re
import shutil
import subprocess
import tempfile

import lint

PAGES = (lint.SOURCE / "README.md", lint.SOURCE / "README.ja.md")
# What a language says in its own words, or is about.
OWN_WORDS = re.compile(r"--(?:reason|lang) \S+|\"[^\"]*\"|\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")
COMMANDS = r"sudo|ykman|autoreconf|mkdir|make|systemctl|rm|install|journalctl|cardtool(?!:)|\.\./configure"
# What configure finds by pkg-config for the tests alone.
FOR_TESTS = {"cmocka"}


def typed(path):
    """Lines to type, those that go on joined, without remarks."""
    text = lint.read(path).replace("\\\n", " ")
    lines = re.findall(rf"^    (?:\$ )?((?:{COMMANDS})\b.*)$", text, re.MULTILINE)
    return [" ".join(re.sub(r"\s+# .*", "", line).split()) for line in lines]


def argument_lists(program):
    return [line.split()[3:] for line in typed(PAGES[0]) if line.startswith(f"sudo {program} install ")]


@lint.check
def both_languages_have_the_same_commands():
    ours, theirs = ([OWN_WORDS.sub("", line).strip() for line in typed(path)] for path in PAGES)
    for english, japanese in itertools.zip_longest(ours, theirs):
        if english != japanese:
            yield f"{english!r} is {japanese!r} in README.ja.md"
            return


@lint.check
def both_languages_have_the_same_tables_of_lines():
    ours, theirs = (re.findall(r"^\| `.*", lint.read(path), re.MULTILINE) for path in PAGES)
    ours, theirs = ([row for row in rows if "pam_cardmfa.so" in row] for rows in (ours, theirs))
    if ours != theirs or not ours:
        yield "the lines of /etc/pam.d are not the same"


@lint.check
def packages_are_those_the_build_asks_for():
    asked = re.findall(r"^PKG_CHECK_MODULES\(\[\w+\], \[([\w-]+)", lint.read(lint.SOURCE / "configure.ac"), re.MULTILINE)
    named = {name for names in argument_lists("dnf") for name in re.findall(r"pkgconfig\(([^)]+)\)", " ".join(names))}
    for name in sorted((set(asked) - FOR_TESTS) ^ named):
        yield f"pkgconfig({name}): {'named, not asked for' if name in named else 'not named'}"
    known = lint.read(lint.SOURCE / "scripts/lib/packages").split()
    build = next(names for names in argument_lists("apt") if "autoconf" in names)
    yield from (f"apt: scripts/lib/packages has no {name}" for name in build if name not in known)


@lint.check
def the_build_leaves_a_clean_clone():
    """autoreconf in a clone of what it reads; configure and make work in build/."""
    if not shutil.which("git"):
        raise lint.Trouble("git is not installed")
    with tempfile.TemporaryDirectory(prefix="clone-") as folder:
        clone = pathlib.Path(folder)
        (clone / "tests").mkdir()
        for name in ("Makefile.am", "configure.ac", ".gitignore", "tests/local.mk"):
            shutil.copy(lint.SOURCE / name, clone / name)
        lint.output("git", "init", "-q", cwd=clone)
        lint.output("git", "add", "--all", cwd=clone)
        done = subprocess.run(["autoreconf", "-fi"], cwd=clone, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0 or not (clone / "configure").exists():
            raise lint.Trouble(done.stderr.strip())
        (clone / "build").mkdir()
        (clone / "build" / "Makefile").touch()
        left = lint.output("git", "status", "--porcelain", "--untracked-files=all", cwd=clone)
        yield from re.findall(r"^\?\? (.*)", left, re.MULTILINE)


lint.main()
