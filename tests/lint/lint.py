# SPDX-License-Identifier: Apache-2.0
"""What the lint tests share: the tree, its C sources as text, and how a result is said.

    @lint.check
    def name():
        yield "cardtool/x.c:12: what is wrong there"

    lint.main()

A check that yields nothing is "ok lint/FILE/NAME"; what it yields comes behind "not ok" as "# " lines.
"""
import functools
import os
import pathlib
import re
import subprocess
import sys
import traceback

HERE = pathlib.Path(__file__).resolve()
SOURCE = pathlib.Path(os.environ.get("CARDMFA_SOURCE") or HERE.parents[2])
BUILD = pathlib.Path(os.environ.get("CARDMFA_BUILD") or SOURCE / "build")

CODE = ("include", "lib", "pam_module", "cardmfad", "cardtool")
TREE = (*CODE, "tests", "scripts", "systemd", "conf", "completion", "po", "man", "docs", ".ci")
TOP = ("Makefile.am", "configure.ac", "README.md", "README.ja.md", ".editorconfig", ".gitignore")

# What each layer may know besides itself. Programs know everything but each other.
RULES = ("crypto", "card", "store", "policy", "wire")
LAYERS = {
    "base": (),
    **{layer: ("base",) for layer in RULES},
    "audit": ("base", *RULES),
    "auth": ("base", *RULES, "audit"),
    "pam_module": ("base", "wire"),
    "cardmfad": ("base", *RULES, "audit", "auth"),
    "cardtool": ("base", *RULES, "audit", "auth"),
}

# What make installs, by the name in Makefile.am.
MODULE = "pam_module/pam_cardmfa.so"
PROGRAMS = ("cardmfad/cardmfad", "cardmfad/cardmfa-worker", "cardmfad/cardmfa-card", "cardtool/cardtool")

_checks = []


class Skip(Exception):
    """Raised by a check that can't run here; the text says why."""


class Trouble(Exception):
    """What a check needs isn't there; the text says all."""


def check(function):
    _checks.append(function)
    return function


def main():
    stem = pathlib.Path(sys.argv[0]).stem
    wanted, failed = sys.argv[1:], False
    for function in _checks:
        name = f"lint/{stem}/{function.__name__}"
        if wanted and function.__name__ not in wanted:
            continue
        try:
            complaints = list(function() or ())
        except Skip as reason:
            print(f"ok {name} # SKIP {reason}", flush=True)
            continue
        except Trouble as trouble:
            complaints = [str(trouble)]
        except Exception:
            complaints = traceback.format_exc().splitlines()
        failed = failed or bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {name}", flush=True)
        for complaint in complaints:
            print(f"# {complaint}", flush=True)
    sys.exit(1 if failed else 0)


def note(text):
    print(f"# {text}", flush=True)


def output(*command, **more):
    """Of a program that must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False, **more)
    if done.returncode != 0:
        raise Trouble(f"{command[0]}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


# ---- files ----

def short(path):
    return str(pathlib.Path(path).relative_to(SOURCE))


@functools.lru_cache(maxsize=None)
def read(path):
    return path.read_text(errors="replace")


@functools.lru_cache(maxsize=None)
def files(*folders, suffixes=None):
    """Of these folders of the source tree, sorted; what Python and configure leave there is not ours."""
    found = []
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and (not suffixes or path.suffix in suffixes):
                found.append(path)
    return tuple(found)


def layer_of(path):
    """The layer of a file outside of include/: lib/NAME/ or the program's folder."""
    parts = path.relative_to(SOURCE).parts
    return parts[1] if parts[0] == "lib" else parts[0]


# Contracts of types and numbers only, without code: everybody may know them.
BARE_HEADERS = {"card_request": "base", "key_algorithm": "base", "l10n": "base", "paths": "base"}


@functools.lru_cache(maxsize=None)
def header_layers():
    """Name of each header of include/: the layer that implements it."""
    owners = dict(BARE_HEADERS)
    for path in files("lib", suffixes=(".c",)):
        owners[path.stem] = layer_of(path)
    return {path.name: owners.get(path.stem) for path in files("include")}


# ---- C as text ----

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def _blank(match):
    return re.sub(r"[^\n]", " ", match[0])


@functools.lru_cache(maxsize=None)
def code(path):
    """Without comments; lines keep their numbers."""
    return _TOKEN.sub(lambda m: _blank(m) if m[0].startswith("/") else m[0], read(path))


@functools.lru_cache(maxsize=None)
def bare_code(path):
    """Without comments and without what stands between quotes."""
    def blank(match):
        return match[0][0] + _blank(match)[1:-1] + match[0][-1] if match[0][0] in "\"'" else match[0]
    return _TOKEN.sub(blank, code(path))


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def place(path, text, at):
    return f"{short(path)}:{line_of(text, at)}"


class Function:
    """One definition in the kernel's style: braces in column 0."""

    def __init__(self, name, static, first, last, body):
        self.name, self.static, self.first, self.last, self.body = name, static, first, last, body


_HEAD = re.compile(r"^(?![ \t#}])(?P<head>[^;{}]*?\b(?P<name>\w+)\s*\([^;{}]*\)[^;{}()]*)\n\{\n(?P<body>.*?)^\}", re.DOTALL | re.MULTILINE)


@functools.lru_cache(maxsize=None)
def functions(path):
    text = bare_code(path)
    found = []
    for match in _HEAD.finditer(text):
        head = re.sub(r"\A(?:#[^\n]*\n|\s+)+", "", match["head"])
        name = re.search(r"(\w+)\s*\((?!\()", re.sub(r"__attribute__\s*\(\(.*?\)\)|PRINTF_LIKE\(.*?\)", "", head))
        first = line_of(text, match.end("head") - len(head))
        last = line_of(text, match.end() - 1)
        found.append(Function(name[1] if name else match["name"], "static" in head.split(), first, last, match["body"]))
    return tuple(found)


def function_at(path, line):
    """Name of the function around a line; None outside of all."""
    return next((f.name for f in functions(path) if f.first <= line <= f.last), None)


def calls(text, names):
    """(position, name, [arguments]) of each call of one of the names, arguments as text."""
    for match in re.finditer(r"(?<![\w.>])(%s)\s*\(" % "|".join(map(re.escape, names)), text):
        depth, start, arguments = 1, match.end(), []
        for at in range(match.end(), len(text)):
            depth += text[at] in "([{"
            depth -= text[at] in ")]}"
            if (depth == 1 and text[at] == ",") or depth == 0:
                arguments.append(text[start:at].strip())
                start = at + 1
            if depth == 0:
                break
        yield match.start(), match[1], arguments
