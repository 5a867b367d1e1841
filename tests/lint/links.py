#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What each installed program links is its map of privileges: exactly this, no more, no less."""
# check: varied
import re

import lint

RULES = {"libargon2", "libcrypto", "libinih", "libjansson", "liboath", "libsqlite3", "libsystemd", "libc"}
NEEDED = {
    lint.MODULE: {"libpam", "libc"},
    "cardmfad/cardmfad": {"libc"},
    "cardmfad/cardmfa-worker": RULES,
    "cardmfad/cardmfa-card": {"libpcsclite", "libseccomp", "libc"},
    "cardtool/cardtool": RULES | {"libqrencode"},
}
INSTALLED = re.compile(r"^(?:pam|sbin|bin|program|libexec)_PROGRAMS\s*\+?=\s*(.*)$", re.MULTILINE)


def dynamic(program):
    return lint.output("readelf", "-dW", lint.BUILD / program)


@lint.check
def every_installed_program_is_listed():
    text = lint.read(lint.SOURCE / "Makefile.am").replace("\\\n", " ")
    installed = {name for line in INSTALLED.findall(text) for name in line.split()}
    if installed != set(NEEDED):
        yield f"installed but not listed, or listed but not installed: {', '.join(sorted(installed ^ set(NEEDED)))}"
    if set(NEEDED) != {lint.MODULE, *lint.PROGRAMS}:
        yield "lint.py lists others"


@lint.check
def programs_link_what_they_may():
    for program, allowed in NEEDED.items():
        needed = set(re.findall(r"\(NEEDED\).*\[([\w-]+?)(?:[.-][\d.]*)?\.so", dynamic(program)))
        for name in sorted(needed - allowed):
            yield f"{program} links {name}"
        for name in sorted(allowed - needed):
            yield f"{program} does not link {name} any more: take it off the list"


@lint.check
def A110_nothing_is_loaded_from_elsewhere():
    """No search path of our own, no dlopen."""
    for program in NEEDED:
        for line in re.findall(r"\((?:RPATH|RUNPATH|AUXILIARY|FILTER)\).*", dynamic(program)):
            yield f"{program}: {line}"
        for symbol in re.findall(r" U (dlm?open|dlsym)\b", lint.output("nm", "-D", lint.BUILD / program)):
            yield f"{program} calls {symbol}"


lint.main()
