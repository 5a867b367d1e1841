#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each header stands alone, says what it promises, is used, and has its .c and its test."""
import concurrent.futures
import os
import re
import subprocess

import lint

HEADER_FOLDERS = ("include", "lib", "pam_module", "cardmfad", "cardtool")
WARNINGS = ("-Wall", "-Wextra", "-Wundef", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wredundant-decls", "-Wshadow", "-Werror")

# A header owned by no .c of its name: which it serves.
SHARED = {
    "lib/base/clock_hook.h": "clock.c and moment.c, between them",
    "lib/card/app.h": "the interface of app_*.c, one row each; its table is in card.c",
    "lib/card/transport.h": "the interface of pcsc.c and of the tests' scripts",
    "lib/store/db.h": "the interface of db_*.c",
    "lib/store/store_internal.h": "store.c and store_*.c, between them",
    "cardtool/doctor.h": "cmd_doctor.c and doctor_*.c, between them",
}

# A .c of lib/ without a test of its name: where it is tested.
TESTED_ELSEWHERE = {
    "lib/auth/lockout_bucket.c": "lockout",
    "lib/auth/lockout_clear.c": "lockout",
    "lib/auth/lockout_owner.c": "lockout",
    "lib/base/error.c": "log",
    "lib/base/harden.c": "secret",
    "lib/base/moment.c": "clock",
    "lib/card/seat.c": "card",
    "lib/crypto/der.c": "key",
    "lib/crypto/ossl.c": "key",
    "lib/crypto/rsa_weak.c": "key_weak",
    "lib/policy/policy_check.c": "policy",
    "lib/policy/policy_select.c": "policy",
    "lib/policy/setting_text.c": "settings",
    "lib/policy/setting_value.c": "settings",
    "lib/store/db_sqlite.c": "store",
    "lib/store/row.c": "store_rows",
    "lib/store/sqlite_room.c": "store",
    "lib/store/sqlite_schema.c": "store",
    "lib/store/store_bucket.c": "store_rows",
    "lib/store/store_card.c": "store_rows",
    "lib/store/store_check.c": "store",
    "lib/store/store_event.c": "store_rows",
    "lib/store/store_factor.c": "store_rows",
    "lib/store/store_grant.c": "store_rows",
    "lib/store/store_group.c": "store_rows",
    "lib/store/store_person.c": "store_rows",
    "lib/wire/wire_daemon.c": "wire",
    "lib/wire/wire_host.c": "wire",
    "lib/wire/wire_record.c": "wire",
}


def headers():
    return lint.files(*HEADER_FOLDERS, suffixes=(".h",))


def foreign_flags():
    """Of the libraries that keep their headers in a folder of their own."""
    found = re.findall(r"^\w+_CFLAGS = (-I.*)$", lint.read(lint.BUILD / "Makefile"), re.MULTILINE)
    return [flag for line in found for flag in line.split() if flag.startswith("-I")]


@lint.check
def each_compiles_alone():
    """Also twice, which its guard allows."""
    paths = [f"-DCARDMFA_{name}=\"/\"" for name in ("SYSCONFDIR", "LOCALSTATEDIR", "RUNDIR", "LIBEXECDIR", "DATADIR", "LOCALEDIR")]
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", *WARNINGS, *paths, f"-I{lint.SOURCE}/include", *foreign_flags()]

    def compile_one(path):
        return subprocess.run(["gcc", *flags, "-x", "c", "-"], input=f'#include "{path}"\n' * 2, capture_output=True,
                              text=True, timeout=60, check=False)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, done in zip(headers(), pool.map(compile_one, headers())):
            if done.returncode != 0:
                yield f"{lint.short(path)}:"
                yield from done.stderr.splitlines()[:8]


@lint.check
def each_promise_has_words():
    """A comment stands over each declaration of include/, or over the group without blank lines that it is in."""
    for path in lint.files("include"):
        lines, plain = lint.read(path).splitlines(), lint.bare_code(path).splitlines()
        said = False
        for number, (line, bare) in enumerate(zip(lines, plain), 1):
            if not line.strip():
                said = False
            elif re.match(r"\s*/?\*", line) or "/*" in line:
                said = True
            if re.match(r"(?!#|\}|\{|struct \w+ \{|typedef|static)[a-zA-Z][\w\s*]*\b\w+\(", bare) and not said:
                yield f"include/{path.name}:{number}: {line.strip()}"


@lint.check
def each_contract_is_used_elsewhere():
    """A header is in include/ only if another layer or a program needs it."""
    for path in lint.files("include"):
        mine = lint.header_layers()[path.name]
        users = [user for user in lint.files(*lint.CODE, suffixes=(".c", ".h"))
                 if re.search(rf'^#\s*include "{re.escape(path.name)}"', lint.read(user), re.MULTILINE)]
        layers = {lint.header_layers()[user.name] if user.parent.name == "include" else lint.layer_of(user) for user in users}
        if not layers - {mine}:
            yield f"include/{path.name}: known to {', '.join(sorted(layers)) or 'nobody'} only"


@lint.check
def each_has_its_c():
    for path in headers():
        name = lint.short(path)
        if path.parent.name != "include" and path.with_suffix(".c").exists() == (name in SHARED):
            yield f"{name}: no {path.stem}.c" if name not in SHARED else f"{name}: has its .c: take it off the list"
    for name in SHARED:
        if not (lint.SOURCE / name).exists():
            yield f"{name}: does not exist: take it off the list"


@lint.check
def each_part_of_lib_has_its_test():
    def tests_of(stem):
        return [path for path in lint.files("tests", suffixes=(".c",)) if path.stem == f"test_{stem}"]
    for path in lint.files("lib", suffixes=(".c",)):
        name = lint.short(path)
        elsewhere = TESTED_ELSEWHERE.get(name)
        if tests_of(path.stem):
            if elsewhere:
                yield f"{name}: has a test of its own: take it off the list"
        elif not elsewhere:
            yield f"{name}: no test_{path.stem}"
        elif not tests_of(elsewhere):
            yield f"{name}: no test_{elsewhere} either"
    for name in TESTED_ELSEWHERE:
        if not (lint.SOURCE / name).exists():
            yield f"{name}: does not exist: take it off the list"


lint.main()
