#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fuzz.py [--time SECONDS] [NAME...] - scripts/fuzz, inside its private world.

Leaves in build/fuzz: new/NAME, inputs that reach code which those of tests/fuzz/corpus do not, and
crashes/NAME with the log of each target that broke.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import build

NOBODY = 65534
INPUT_MAX = 4096        # FUZZ_INPUT_MAX of tests/fuzz/fuzz.h
GRACE = 300             # seconds to start, to end and to merge
OPTIONS = [f"-max_len={INPUT_MAX}", "-timeout=25", "-rss_limit_mb=2048", "-print_final_stats=1"]
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
BROKEN = ("crash-", "leak-", "timeout-", "oom-")


class Target:
    def __init__(self, name, source, program, scratch):
        self.name = name
        self.seeds = source / "tests/fuzz/corpus" / name
        self.home = scratch / name
        self.found, self.all, self.broken = (self.home / part for part in ("found", "all", "broken"))
        for folder in (self.home, self.found, self.broken):
            folder.mkdir()
        shutil.copytree(self.seeds, self.all)
        shutil.copy(program, self.home / "program")
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        self.log = ""

    def program(self, seconds, *words):
        """Status of a run as nobody, who may write below home only."""
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(self.home / "program"), *OPTIONS, *words]
        done = subprocess.run(command, cwd=self.home, env={**os.environ, **ENVIRONMENT, "TMPDIR": str(self.home)}, timeout=seconds + GRACE,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.log += done.stdout.decode(errors="replace")
        return done.returncode

    def figure(self, pattern):
        found = re.findall(pattern, self.log)
        return int(found[-1]) if found else 0

    def run(self, seconds, out):
        """The line that says how it went, and whether it went well."""
        status = self.program(seconds, f"-max_total_time={seconds}", f"-artifact_prefix={self.broken}/", str(self.found), str(self.all))
        tried, reached = self.figure(r"number_of_executed_units: (\d+)"), self.figure(r"cov: (\d+)")
        crashes = [path for path in self.broken.iterdir() if path.name.startswith(BROKEN)]
        if status == 0:
            self.program(0, "-merge=1", "-use_counters=0", str(self.all), str(self.found))
        new = [path for path in self.all.iterdir() if not (self.seeds / path.name).exists()]
        save(new, out / "new" / self.name)
        bad = bool(status or crashes)
        if bad:
            save(crashes, out / "crashes" / self.name)
            (out / "crashes" / self.name / "log").write_text(self.log)
        line = f"{'not ok' if bad else 'ok'} fuzz/{self.name}: {tried} inputs, coverage {reached}, {len(new)} new, {len(crashes)} broke it"
        tail = self.log.splitlines()[-40:] if bad else []
        return "\n".join([line, *(f"# {text}" for text in tail)]), not bad


def save(paths, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copyfile(path, folder / path.name)


def programs(source, logs):
    """The folder of the built targets."""
    made = build.Build(source, logs)
    print("== building with libFuzzer", flush=True)
    made.generate()
    made.configure("fuzz")
    made.make("fuzz", "fuzz-programs")
    return made.path("fuzz") / "tests/fuzz"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", type=int, default=60)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    source = pathlib.Path.cwd()
    names = asked.names or sorted(path.stem.removeprefix("fuzz_") for path in (source / "tests/fuzz").glob("fuzz_*.c"))
    out = source / "build/fuzz"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    good = True
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.chmod(folder, 0o755)
        scratch = pathlib.Path(folder)
        try:
            built = programs(source, scratch / "logs")
        except build.BuildError as error:
            print(error)
            return 1
        targets = [Target(name, source, built / f"fuzz_{name}", scratch) for name in names]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = [pool.submit(target.run, asked.time, out) for target in targets]
            for run in concurrent.futures.as_completed(runs):
                line, well = run.result()
                good = good and well
                print(line, flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
