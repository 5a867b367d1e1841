#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check.py [--long] [SUITE[/FILE]...] - scripts/check, inside its private world.

A test is a program of a build tree (tests/SUITE/test_NAME.c, tests/fuzz/fuzz_NAME.c) or a script (tests/SUITE/NAME.sh
or .py, executable or named test_NAME). A line "check: WORD..." among the first of its source says how it wants to be run:

    alone       nothing else runs meanwhile
    box         inside a box with the product installed (scripts of the suite system: always, if .py)
    bare        not inside tests/vcard/pcscd-box (the suite card is, otherwise)
    hooks       the --enable-test-hooks build is the one in CARDMFA_BUILD, and in the box
    plain       not under the sanitizers
    varied      with --long in the trees of build.VARIANTS too, as unit, pam and card are
    timeout=N   seconds

build.VARIANTS are other compilers and their options. The counts are the daily ones there, and each test that passed
in the plain tree has to pass.

Environment of a test: CARDMFA_SOURCE (or srcdir), CARDMFA_BUILD (or BUILD), CARDMFA_BUILD_HOOKS, with --long
CARDMFA_LONG=1 (or LONG), VCARD (the virtual card), VPCD_DIR (its driver), TMPDIR. tests/vcard belongs to
the suite card, tests/fuzz to unit.
"""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import build
import results

SUITES = ("lint", "unit", "pam", "card", "system")
FOLDERS = {"card": ("vcard", "card"), "unit": ("unit", "fuzz")}
VARIED = ("unit", "pam", "card")
SECONDS = {"lint": 120, "unit": 120, "pam": 180, "card": 180, "system": 300}
SLOWER_TREE, SLOWER_LONG = 3, 10
BUSY = 3                # the limits end what hangs: a machine that does other things too is slower
WORDS = re.compile(r"^\W*check: (.+?)\W*$", re.MULTILINE)

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
# A /run and a network of its own; the world's layers stay in sight for a box.
PRIVATE = ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-euc", """
    mount --rbind /run/world /mnt
    mount -t tmpfs -o mode=755 run /run
    mkdir /run/world
    mount --move /mnt /run/world
    ip link set lo up
    exec "$@" """, "sh"]


@dataclasses.dataclass
class Test:
    suite: str
    stem: str                   # FILE in the results
    source: pathlib.Path
    tree: str                   # where its program is and what CARDMFA_BUILD says; "none": not to be run
    program: bool
    words: dict

    @property
    def label(self):
        return self.suite if self.tree in ("plain", "hooks") else f"{self.suite}-{self.tree}"


def words_of(source):
    head = "\n".join(source.read_text(errors="replace").splitlines()[:40])
    found = {}
    for line in WORDS.findall(head):
        for word in line.split():
            key, _, value = word.partition("=")
            found[key] = value
    return found


def find_tests(source, suite, variants):
    """Tests of a suite, each in the trees it runs in."""
    folders = [source / "tests" / name for name in FOLDERS.get(suite, (suite,))]
    files = [path for folder in folders for path in sorted(folder.glob("*.*"))]
    programs = [path for path in files if path.suffix == ".c" and path.stem.startswith(("test_", "fuzz_"))]
    scripts = [path for path in files if path.suffix in (".sh", ".py") and
               (os.access(path, os.X_OK) or path.stem.startswith("test_"))]
    for path in [*programs, *scripts]:
        words = words_of(path)
        trees = ["hooks"] if "hooks" in words else ["plain"]
        if suite in VARIED and not words.keys() & {"plain", "box", "hooks"}:
            trees.append("asan")
        if (suite in VARIED or "varied" in words) and not words.keys() & {"box", "hooks"}:
            trees += variants
        for tree in trees:
            yield Test(suite, path.stem.removeprefix("test_"), path, tree, path.suffix == ".c", words)


class Check:
    def __init__(self, source, long):
        self.source = source
        self.long = long
        self.results = results.Results()
        self.logs = pathlib.Path(tempfile.mkdtemp(prefix="check-"))
        self.build = build.Build(source, self.logs)
        self.passed = {}        # by source and tree: names in the results

    def build_trees(self, trees):
        """Names of the trees that could be built."""
        built = []
        try:
            self.results.say("== autoreconf")
            self.build.generate()
        except build.BuildError as error:
            self.results.add("build/source/autoreconf", "failed", str(error))
            return built
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            configured = {tree: pool.submit(self.build.configure, tree) for tree in trees}
        for tree in trees:
            start = time.monotonic()
            try:
                self.results.say(f"== building {self.build.path(tree).name}")
                configured[tree].result()
                self.build.make(tree)
                self.build.make(tree, "check-programs")
                self.results.took(self.build.path(tree).name, time.monotonic() - start)
                built.append(tree)
            except build.BuildError as error:
                self.results.add(f"build/{tree}/make", "failed", str(error))
        return built

    def in_pcscd_box(self, test):
        return test.suite == "card" and "bare" not in test.words and not self.boxed(test)

    def boxed(self, test):
        return "box" in test.words or (test.suite == "system" and test.source.suffix == ".py")

    def box_options(self, test):
        return ["-i", str(self.build.path(test.tree)), "-r", str(self.source)]

    def command(self, test):
        own = [str(self.build.path(test.tree) / "tests" / test.source.parent.name / test.source.stem)]
        if not test.program:
            own = ["/usr/bin/python3" if test.source.suffix == ".py" else "/bin/bash", str(test.source)]
        if self.boxed(test):
            variables = [f"-e{key}={value}" for key, value in self.variables(test).items()]
            return [str(self.source / "tests/system/box"), "once", *self.box_options(test), *variables, "--", *own]
        if self.in_pcscd_box(test):
            own.insert(0, str(self.source / "tests/vcard/pcscd-box"))
        return own if test.suite == "system" else [*PRIVATE, *own]

    def variables(self, test):
        tree = str(self.build.path(test.tree))
        long = {"CARDMFA_LONG": "1", "LONG": "1"} if self.long and test.tree not in build.VARIANTS else {}
        return {
            "CARDMFA_SOURCE": str(self.source), "srcdir": str(self.source), "CARDMFA_BUILD": tree, "BUILD": tree,
            "CARDMFA_BUILD_HOOKS": str(self.build.path("hooks")), **long,
            "VCARD": f"{tree}/tests/vcard/vcard", "IN_PCSCD_BOX": str(int(self.in_pcscd_box(test))),
            "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.source / "tests/system"),
        }

    def settled(self, test):
        """A program that only the hooks' build makes is run from there, once."""
        there = self.build.path("hooks") / "tests" / test.source.parent.name / test.source.stem
        here = self.build.path("plain") / "tests" / test.source.parent.name / test.source.stem
        if test.program and there.exists() and not here.exists():
            test.tree = "hooks" if test.tree == "plain" else "none"
        return test

    def seconds(self, test):
        seconds = int(test.words.get("timeout") or SECONDS[test.suite])
        return seconds * BUSY * (1 if test.tree in ("plain", "hooks") else SLOWER_TREE) * (SLOWER_LONG if self.long else 1)

    def run(self, test):
        seconds = self.seconds(test)
        program = results.Program(self.results, test.label, test.stem)
        with tempfile.TemporaryDirectory(prefix="test-") as scratch:
            environment = {**os.environ, **SANITIZER_ENV, **self.variables(test), "TMPDIR": scratch,
                           "CMOCKA_MESSAGE_OUTPUT": "TAP"}
            os.chmod(scratch, 0o755)
            child = subprocess.Popen(self.command(test), cwd=self.source, env=environment, start_new_session=True,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            overdue = threading.Event()
            timer = threading.Timer(seconds, self.end, [child, overdue, test])
            timer.start()
            for line in child.stdout:
                program.line(line.decode(errors="replace").rstrip("\r\n"))
            status = child.wait()
            timer.cancel()
        program.end(status, seconds if overdue.is_set() else 0)
        self.passed[test.source, test.tree] = program.passed

    def end(self, child, overdue, test):
        """What runs in the world itself clears up on SIGTERM; a namespace dies with its unshare."""
        overdue.set()
        for number in (signal.SIGTERM, signal.SIGKILL) if self.boxed(test) or test.suite == "system" else (signal.SIGKILL,):
            try:
                os.killpg(child.pid, number)
                child.wait(15)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def guarded(self, test):
        try:
            self.run(test)
        except Exception as error:  # one test's trouble must not hide the others' results
            self.results.add(f"{test.label}/{test.stem}/run", "failed", repr(error))

    def compare(self, tree, tests):
        """What passed in the plain tree has passed in this one."""
        wanted = [(test, name) for test in tests if test.tree == tree for name in self.passed.get((test.source, "plain"), ())]
        lacking = sorted(f"{test.label}/{name}" for test, name in wanted if name not in self.passed.get((test.source, tree), ()))
        self.results.add(f"variants/{tree}/A110_identical_verdicts", "passed" if wanted and not lacking else "failed",
                         "\n".join(lacking or ["nothing to compare"]))


def select(source, wanted, variants=()):
    tests = []
    for suite in SUITES:
        for test in find_tests(source, suite, variants):
            if not wanted or suite in wanted or f"{suite}/{test.stem}" in wanted:
                tests.append(test)
    return tests


def main():
    long = "--long" in sys.argv[1:]
    wanted = {word for word in sys.argv[1:] if word != "--long"}
    check = Check(pathlib.Path.cwd(), long)
    tests = select(check.source, wanted, tuple(build.VARIANTS) if long else ())
    trees = ["plain"]
    if any(test.tree == "asan" for test in tests):
        trees.append("asan")
    if any(test.suite != "lint" for test in tests):
        trees.append("hooks")
    varied = [tree for tree in build.VARIANTS if any(test.tree == tree for test in tests)]
    built = check.build_trees(trees + varied)
    tests = [test for test in map(check.settled, tests) if test.tree in built]
    # Most of them wait for something most of the time. What may take longest starts first.
    tests.sort(key=check.seconds, reverse=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() + 1) as pool:
        list(pool.map(check.guarded, [test for test in tests if "alone" not in test.words]))
    for test in tests:
        if "alone" in test.words:
            check.guarded(test)
    for tree in varied:
        if tree in built:
            check.compare(tree, tests)
    return check.results.finish()


if __name__ == "__main__":
    sys.exit(main())
