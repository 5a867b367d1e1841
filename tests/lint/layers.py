#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, who may call whom, and one home for each foreign library."""
import collections
import re

import lint

INCLUDE = re.compile(r'^#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
MADE = {"lib/store": ("schema.sql.h",)}         # by the Makefile, beside the objects

# Header (or the folder of one): the files that may include it, each pattern the home of that library.
HOMES = {
    "winscard.h": r"lib/card/pcsc\.c",
    "sqlite3.h": r"lib/store/db_sqlite\.c",
    "liboath/": r"lib/auth/totp\.c",
    "argon2.h": r"lib/crypto/pwhash\.c",
    "openssl/": r"lib/crypto/\w+\.[ch]",
    "ini.h": r"lib/policy/conf_reader\.c",
    "systemd/sd-login.h": r"lib/auth/locality\.c",
    "systemd/sd-journal.h": r"lib/audit/event\.c",
    "jansson.h": r"lib/audit/event\.c|cardtool/\w+\.[ch]",
    "qrencode.h": r"cardtool/qr\.c",
    "seccomp.h": r"cardmfad/card_sandbox\.c",
    "security/": r"pam_module/\w+\.[ch]",
}
ONE_FILE = ("systemd/sd-login.h", "systemd/sd-journal.h", "ini.h")

LIBC = set("""
    ctype.h dirent.h errno.h fcntl.h getopt.h glob.h grp.h inttypes.h langinfo.h libintl.h limits.h locale.h netdb.h poll.h pwd.h
    sched.h shadow.h signal.h spawn.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h syslog.h
    termios.h time.h unistd.h wchar.h wctype.h
""".split())
LIBC_FOLDERS = ("sys/", "arpa/", "netinet/", "net/", "linux/")


def sources():
    for path in lint.files(*lint.CODE, suffixes=(".c", ".h")):
        text = lint.code(path)
        for match in INCLUDE.finditer(text):
            yield path, lint.place(path, text, match.start()), match[1], match[2]


def owner(path):
    return lint.header_layers()[path.name] if path.parent.name == "include" else lint.layer_of(path)


@lint.check
def contracts_have_a_layer():
    """Each header of include/ is the contract of one .c in lib/."""
    for name, layer in lint.header_layers().items():
        if not layer:
            yield f"include/{name}: no lib/*/{name[:-2]}.c implements it"


@lint.check
def contracts_without_code_declare_none():
    for path in lint.files("include"):
        if path.stem in lint.BARE_HEADERS:
            for match in re.finditer(r"^(?!#)[a-zA-Z][\w\s*]*\b(\w+)\(", lint.bare_code(path), re.MULTILINE):
                yield f"{lint.place(path, lint.read(path), match.start(1))}: {match[1]}"


@lint.check
def layers_are_kept():
    for path, where, kind, name in sources():
        if kind == "<" or not (lint.SOURCE / "include" / name).exists():
            continue
        mine, theirs = owner(path), lint.header_layers()[name]
        if mine != theirs and mine in lint.LAYERS and theirs not in lint.LAYERS[mine]:
            yield f"{where}: {mine} must not know {theirs} ({name})"


@lint.check
def private_headers_stay_at_home():
    for path, where, kind, name in sources():
        folder = lint.short(path.parent)
        if kind == "<" or (lint.SOURCE / "include" / name).exists() or name in MADE.get(folder, ()):
            continue
        if "/" in name or not (path.parent / name).exists():
            yield f"{where}: {name} is neither in include/ nor in {folder}/"


@lint.check
def foreign_libraries_have_one_home():
    users = collections.defaultdict(set)
    for path, where, kind, name in sources():
        if kind == '"' or name in LIBC or name.startswith(LIBC_FOLDERS):
            continue
        home = next((key for key in HOMES if name == key or (key.endswith("/") and name.startswith(key))), None)
        if not home:
            yield f"{where}: <{name}> is neither the C library's nor has it a home"
            continue
        users[home].add(lint.short(path))
        if not re.fullmatch(HOMES[home], lint.short(path)):
            yield f"{where}: <{name}> is at home in {HOMES[home]}"
    for home in HOMES:
        if not users[home]:
            yield f"{home}: nobody includes it"
    for home in ONE_FILE:
        if len(users[home]) > 1:
            yield f"{home}: in {', '.join(sorted(users[home]))}"


def archives():
    """Layer: (symbols it defines, symbols it wants), from the built libraries."""
    for layer in lint.LAYERS:
        for path in sorted((lint.BUILD / "lib").glob(f"lib{layer}.a")) or sorted((lint.BUILD / "lib").glob(f"lib{layer}_*.a")):
            defined, wanted = set(), set()
            for line in lint.output("nm", "-g", path).splitlines():
                if match := re.match(r"^[0-9a-f ]{16} (\w) (\S+)$", line):
                    (wanted if match[1] in "Uw" else defined).add(match[2])
            yield layer, defined, wanted


@lint.check
def calls_keep_the_layers():
    """A declaration by hand would pass the rule of the includes; the objects tell."""
    built = list(archives())
    missing = {layer for layer in lint.LAYERS if (lint.SOURCE / "lib" / layer).is_dir()} - {layer for layer, _, _ in built}
    for layer in sorted(missing):
        yield f"no library of lib/{layer} in {lint.BUILD}/lib"
    homes = {symbol: layer for layer, defined, _ in built for symbol in defined}
    for layer, _, wanted in built:
        for symbol in sorted(wanted):
            if homes.get(symbol, layer) not in (layer, *lint.LAYERS[layer]):
                yield f"lib/{layer} calls {symbol} of lib/{homes[symbol]}"


lint.main()
