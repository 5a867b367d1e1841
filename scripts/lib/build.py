# SPDX-License-Identifier: Apache-2.0
"""The build trees of a clone: autoreconf, configure and make, each step once and in its own log."""
import hashlib
import os
import pathlib
import shutil
import subprocess

STEP_SECONDS = 900

# name: directory, what configure gets besides COMMON
TREES = {
    "plain": ("build", []),
    "asan": ("build-asan", ["--enable-sanitizers", "CFLAGS=-O1 -g"]),
    "hooks": ("build-hooks", ["--enable-test-hooks"]),
    "coverage": ("build-coverage", ["--enable-test-hooks", "CFLAGS=-O0 -g --coverage"]),
    "fuzz": ("build-fuzz", ["--enable-fuzzing", "CC=clang", "CFLAGS=-O1 -g"]),
}
# The same tests built otherwise. Valgrind 3.19 can't read clang 14's DWARF 5.
VARIANTS = {
    "gcc-O0": ["CC=gcc", "CFLAGS=-O0 -g"],
    "gcc-O3": ["CC=gcc", "CFLAGS=-O3 -g"],
    "gcc-ndebug": ["CC=gcc", "CFLAGS=-O2 -g -DNDEBUG"],
    "clang-O0": ["CC=clang", "CFLAGS=-O0 -gdwarf-4"],
    "clang-O3": ["CC=clang", "CFLAGS=-O3 -gdwarf-4"],
}
TREES |= {name: (f"build-{name}", arguments) for name, arguments in VARIANTS.items()}
COMMON = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--libexecdir=/usr/libexec", "--enable-werror"]


class BuildError(Exception):
    """A step failed; the text ends with the last lines of its output."""


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def run(command, directory, log):
    with open(log, "ab") as sink:
        try:
            status = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=sink,
                                    stderr=subprocess.STDOUT, timeout=STEP_SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = "none in time"
    if status != 0:
        tail = pathlib.Path(log).read_text(errors="replace").splitlines()[-60:]
        raise BuildError("\n".join([f"{' '.join(map(str, command))}: status {status}", *tail]))


class Build:
    def __init__(self, source, logs):
        self.source = pathlib.Path(source)
        self.logs = pathlib.Path(logs)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.common = [*COMMON, f"--libdir=/usr/lib/{output('gcc', '-print-multiarch')}"]

    def path(self, tree):
        return self.source / TREES[tree][0]

    def generate(self):
        run(["autoreconf", "-fi"], self.source, self.logs / "autoreconf.log")

    def fingerprint(self, arguments):
        """What makes a tree of an earlier run unusable when it has changed."""
        known = hashlib.sha256("\n".join([*arguments, output("gcc", "--version"), str(self.source)]).encode())
        for name in ("configure.ac", "Makefile.am", "tests/local.mk"):
            path = self.source / name
            known.update(path.read_bytes() if path.exists() else b"")
        return known.hexdigest()

    def configure(self, tree):
        path = self.path(tree)
        arguments = [*self.common, *TREES[tree][1]]
        mark = path / ".configured"
        fingerprint = self.fingerprint(arguments)
        path.mkdir(exist_ok=True)
        if not (mark.exists() and mark.read_text() == fingerprint):
            for entry in path.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        run([os.path.relpath(self.source / "configure", path), "-q", *arguments], path, self.logs / f"{tree}.log")
        mark.write_text(fingerprint)

    def make(self, tree, *targets):
        run(["make", f"-j{os.cpu_count()}", *targets], self.path(tree), self.logs / f"{tree}.log")
