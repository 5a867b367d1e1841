#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where a verdict becomes allow: in these functions, once each, and nowhere at its birth."""
import itertools
import re

import lint

ALLOWS = {
    ("lib/auth/login.c", "login_run"),
    ("lib/auth/account.c", "account_run"),
    ("lib/auth/session.c", "session_open"),
    ("lib/auth/session.c", "session_confirm"),
    ("lib/auth/session.c", "session_close"),
    ("lib/auth/status.c", "status_run"),        # these tell, and let nobody in
    ("lib/auth/explain.c", "explain_run"),
    ("lib/auth/ssh_keys.c", "ssh_keys_run"),
    ("lib/auth/ssh_keys.c", "ssh_keys_run_stopped"),
}
# Compared, never given: the daemon's last look, the wire's and the module's.
COMPARES = {("lib/auth/auth.c", "auth_run"), ("lib/wire/wire_host.c", "wire_get_result"), ("pam_module/relay.c", "relay_run")}
# In lib/auth and the module no result starts as ERR_OK, save in steps that judge nobody: they write down a failure.
DECIDING = ("lib/auth/", "pam_module/")
KEEPING_BOOKS = {("lib/auth/lockout.c", "charge_try"), ("lib/auth/login_end.c", "write_refusal")}
BITS_APART = 8


def sources():
    return lint.files(*lint.CODE, suffixes=(".c", ".h"))


def uses(word):
    for path in sources():
        text = lint.bare_code(path)
        for match in re.finditer(rf"\b{word}\b", text):
            line = lint.line_of(text, match.start())
            yield path, line, text.splitlines()[line - 1].strip()


@lint.check
def allow_is_given_where_listed():
    given = []
    for path, line, text in uses("VERDICT_ALLOW"):
        where = (lint.short(path), lint.function_at(path, line))
        if text.startswith("#define VERDICT_ALLOW") and where[0] == "include/wire.h":
            continue
        if re.fullmatch(r"(?:ret|result)(?:->|\.)verdict = VERDICT_ALLOW;", text):
            given.append(where)
            if where not in ALLOWS:
                yield f"{where[0]}:{line}: {where[1]} allows"
        elif where not in COMPARES or not re.search(r"[!=]= VERDICT_ALLOW", text):
            yield f"{where[0]}:{line}: {text}"
    for where in sorted(ALLOWS):
        if given.count(where) != 1:
            yield f"{where[0]}: {where[1]} allows in {given.count(where)} places"


@lint.check
def allow_stands_behind_a_test_of_success():
    """The line before names the one condition: no error."""
    for path, line, text in uses("VERDICT_ALLOW"):
        before = lint.bare_code(path).splitlines()[line - 2].strip()
        if "verdict = VERDICT_ALLOW;" in text and not re.fullmatch(r"if \((?:ret->result|e|why) == ERR_OK\) ?\{?|if \(!(?:e|ret->result)\) ?\{?", before):
            yield f"{lint.short(path)}:{line}: behind \"{before}\""


@lint.check
def results_are_born_as_denials():
    for path in sources():
        text = lint.bare_code(path)
        for match in re.finditer(r"^\s+(?:static |const )*struct wire_result (\w+)([^;]*);", text, re.MULTILINE):
            if not re.match(r"\s*=\s*\{\s*\.verdict = VERDICT_DENY, \.result = (?!ERR_OK\b)\w+", match[2]):
                yield f"{lint.place(path, text, match.start(1))}: {match[1]} is no denial from the start"


@lint.check
def nothing_that_decides_is_born_as_success():
    for path in sources():
        text, name = lint.bare_code(path), lint.short(path)
        for match in re.finditer(r"\b(?:int\s[^;(]*?=\s*PAM_SUCCESS|(?:verdict|allowed|granted|permitted)\s*=\s*(?:true|1))\s*[,;]", text):
            yield f"{lint.place(path, text, match.start())}: {match[0]}"
        if not name.startswith(DECIDING):
            continue
        for match in re.finditer(r"\benum err (?:\w+(?: = [^,;]*)?, )*\w+ = ERR_OK\s*[,;]", text):
            function = lint.function_at(path, lint.line_of(text, match.start()))
            if (name, function) not in KEEPING_BOOKS:
                yield f"{lint.place(path, text, match.start())}: {function}: {match[0]}"


@lint.check
def patterns_are_far_apart():
    """Flipping a few bits of a denial, of zero or of all ones never allows (A4)."""
    text = lint.code(lint.SOURCE / "include/wire.h")
    values = {name: int(value, 16) for name, value in re.findall(r"^#define (VERDICT_\w+)\s+(0x[0-9A-Fa-f]+)u$", text, re.MULTILINE)}
    if set(values) != {"VERDICT_ALLOW", "VERDICT_DENY"}:
        yield f"patterns: {values}"
    for (one, a), (other, b) in itertools.combinations([*values.items(), ("zero", 0), ("all ones", 0xFFFFFFFF)], 2):
        if {one, other} != {"zero", "all ones"} and bin(a ^ b).count("1") < BITS_APART:
            yield f"{one} and {other} differ in {bin(a ^ b).count('1')} bits"


@lint.check
def hosts_are_never_told_to_ignore():
    """PAM_IGNORE lets the next module decide; PAM_SESSION_ERR lets sudo run the command."""
    for word in ("PAM_IGNORE", "PAM_SESSION_ERR"):
        for path, line, text in uses(word):
            yield f"{lint.short(path)}:{line}: {text}"


@lint.check
def success_leaves_the_module_where_listed():
    """PAM_SUCCESS is returned by what needs no verdict (setcred, a confirmed close, arguments) and by relay_run."""
    listed = {"relay_run", "relay_arguments", "limit_session", "pam_sm_setcred", "pam_sm_close_session"}
    for path in lint.files("pam_module", suffixes=(".c",)):
        for function in lint.functions(path):
            if re.search(r"return[^;]*(?<![!=]= )\bPAM_SUCCESS\b", function.body) and function.name not in listed:
                yield f"{lint.short(path)}: {function.name} returns PAM_SUCCESS"


lint.main()
