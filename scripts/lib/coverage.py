#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py [SUITE...] - make coverage, inside the private world of overlay.sh.

Runs the suites unit, pam, card and system on a build that counts, and writes to build/coverage.txt
what of each source file was run. build/coverage lists the functions and lines that were not.
Counts come from gcov, which belongs to the compiler and knows its format: no package, no other reader of it.
A test that fails here (the sandbox is off, the sanitizers too) does not matter; a killed process leaves no counts.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

import build
import check

SUITES = ("unit", "pam", "card", "system")
FOLDERS = ("cardmfad", "cardtool", "lib", "pam_module")
# Counts are added up by processes of many users, in files that are there before.
RELAXED = """[Service]
BindPaths={0}
ReadWritePaths={0}
"""


class Coverage(check.Check):
    def __init__(self, source):
        super().__init__(source, False)
        self.tree = self.build.path("coverage")

    def make(self):
        self.build.generate()
        self.build.configure("coverage")
        wrapper = self.tree / "coverage.o"
        build.run(["gcc", "-fPIC", "-O1", "-c", "-o", str(wrapper), str(self.source / "tests/coverage.c")], self.source,
                  self.logs / "coverage.log")
        flags = f"LDFLAGS=--coverage -Wl,--wrap=_exit -Wl,--wrap=seccomp_load {wrapper}"
        self.build.make("coverage", flags)
        self.build.make("coverage", "check-programs", flags)
        for note in self.tree.rglob("*.gcno"):
            counts = note.with_suffix(".gcda")
            counts.write_bytes(b"")
            counts.chmod(0o666)

    def variables(self, test):
        return {**super().variables(test), "CARDMFA_BUILD_HOOKS": str(self.tree)}

    def box_options(self, test):
        drop_in = "/etc/systemd/system/cardmfad.service.d"
        relax = f"mkdir -p {drop_in} && printf '{RELAXED.format(self.tree)}' >{drop_in}/coverage.conf"
        return [*super().box_options(test), "-w", str(self.tree), "-x", relax]

    def run_suites(self, suites):
        tests = {}
        for test in check.select(self.source, set(suites)):
            test.tree = "coverage"
            tests[test.source] = test
        waiting = [test for test in tests.values() if "alone" not in test.words and "plain" not in test.words]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() + 1) as pool:
            list(pool.map(self.guarded, sorted(waiting, key=self.seconds, reverse=True)))


class Counts:
    """Of all objects that were made of a source file: a line was run if it was in one of them."""

    def __init__(self):
        self.lines = collections.defaultdict(collections.Counter)
        self.functions = collections.defaultdict(collections.Counter)
        self.branches = collections.defaultdict(collections.Counter)

    def add(self, tree, source, note):
        done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", str(note.with_suffix(".gcda"))], cwd=tree, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for text in done.stdout.splitlines():
            for file in json.loads(text)["files"]:
                path = pathlib.Path(os.path.normpath(tree / file["file"]))
                if not path.is_relative_to(source) or path.relative_to(source).parts[0] not in FOLDERS:
                    continue
                name = str(path.relative_to(source))
                for line in file["lines"]:
                    self.lines[name][line["line_number"]] += line["count"]
                    for i, branch in enumerate(line["branches"]):
                        self.branches[name][line["line_number"], line.get("function_name"), i] += branch["count"]
                for function in file["functions"]:
                    self.functions[name][function["name"], function["start_line"]] += function["execution_count"]

    def rows(self):
        """(name, lines run, lines, the same of functions, of branches); the sum last."""
        rows = [(name, *(n for counts in (self.lines, self.functions, self.branches)
                         for n in (sum(map(bool, counts[name].values())), len(counts[name])))) for name in sorted(self.lines)]
        return [*rows, ("all", *(sum(row[i] for row in rows) for i in range(1, 7)))]

    def report(self):
        width = max(map(len, self.lines), default=0)
        yield "# SPDX-License-Identifier: Apache-2.0"
        yield "# make coverage: what the suites unit, pam, card and system run of each source file"
        yield f"{'file':{width}} {'lines':>13}   {'functions':>13}   {'branches':>13}"
        for name, *counts in self.rows():
            yield f"{name:{width}} {share(*counts[:2])}   {share(*counts[2:4])}   {share(*counts[4:])}"

    def missing(self):
        for name in sorted(self.lines):
            never = sorted((line, called) for (called, line), count in self.functions[name].items() if not count)
            yield from (f"{name}:{line}: {called}() is never called" for line, called in never)
            lines = sorted(line for line, count in self.lines[name].items() if not count)
            if lines:
                yield f"{name}: {' '.join(map(str, lines))}"
            # Of lines that were run: which way they never went.
            ways = sorted({line for (line, _, _), count in self.branches[name].items() if not count and self.lines[name][line]})
            if ways:
                yield f"{name}: not every branch of {' '.join(map(str, ways))}"


def share(run, whole):
    """Rounded down; gcov puts the functions of some files under a header of others."""
    return f"{100 * run // whole:3} % of {whole:5}" if whole else f"{'-':>14}"


def main():
    suites = sys.argv[1:] or SUITES
    coverage = Coverage(pathlib.Path.cwd())
    try:
        print("== building with counts", flush=True)
        coverage.make()
    except build.BuildError as error:
        print(error)
        return 1
    coverage.run_suites(suites)
    counts = Counts()
    # gcov names what it reads by the object, not by the folder it stands in.
    for note in sorted(coverage.tree.rglob("*.gcno")):
        counts.add(coverage.tree, coverage.source, note)
    out = coverage.source / "build"
    (out / "coverage.txt").write_text("\n".join(counts.report()) + "\n")
    (out / "coverage").write_text("\n".join(counts.missing()) + "\n")
    shutil.rmtree(coverage.logs, ignore_errors=True)
    print("\n".join(counts.report()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
