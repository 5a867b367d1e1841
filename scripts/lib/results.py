# SPDX-License-Identifier: Apache-2.0
"""Results of test programs: what their output lines mean, and the totals."""
import re
import threading
import time

# TAP of a cmocka program ("ok 3 - name", "not ok 3 # SKIP name"), or a whole name of ours and what may follow it.
NUMBERED = re.compile(r"^(not )?ok (\d+) (?:- )?(?:(# SKIP) ?)?(.*)$")
NAMED = re.compile(r"^(not )?ok ([a-z]+/[^\s/]+/[^\s:]+):?(?:\s+(# SKIP)?.*)?$")
PLAN = re.compile(r"^1\.\.(\d+)$")
SHOWN_LINES = 300
SHOWN_TIMES = 10


class Results:
    """Totals of a run. Thread-safe; prints each result as it comes."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []
        self.start = time.monotonic()
        self.times = []

    def say(self, *lines):
        with self.lock:
            print("\n".join(lines), flush=True)

    def add(self, name, verdict, note=""):
        with self.lock:
            self.count[verdict] += 1
            if verdict == "failed":
                self.failures.append(name)
            word = "not ok" if verdict == "failed" else "ok"
            print(f"{word} {name}{' # SKIP ' + note if verdict == 'skipped' else ''}", flush=True)
            if note and verdict == "failed":
                print("\n".join(f"# {line}" for line in note.splitlines()), flush=True)

    def took(self, name, seconds):
        with self.lock:
            self.times.append((round(seconds), name))

    def finish(self):
        with self.lock:
            longest = ", ".join(f"{name} {seconds}" for seconds, name in sorted(self.times, reverse=True)[:SHOWN_TIMES])
            print(f"# {time.monotonic() - self.start:.0f} s, of which longest: {longest}")
            if self.failures:
                print("# failed:", *self.failures, sep="\n#   ")
            print("{passed} passed, {failed} failed, {skipped} skipped".format(**self.count), flush=True)
            return 1 if self.failures or not self.count["passed"] else 0


class Program:
    """One test program's output. label is SUITE or SUITE-asan, stem the FILE of its results."""

    def __init__(self, results, label, stem):
        self.results = results
        self.label = label
        self.stem = stem
        self.lines = []
        self.plan = None
        self.seen = 0
        self.failed = 0
        self.passed = set()
        self.start = time.monotonic()

    def line(self, text):
        self.lines.append(text)
        if match := PLAN.match(text):
            self.plan = int(match[1])
        elif match := NUMBERED.match(text):
            self.result(match[1], f"{self.stem}/{match[4]}", match[3])
        elif match := NAMED.match(text):
            suite, rest = match[2].split("/", 1)
            if suite == self.label.split("-")[0]:
                self.result(match[1], rest, match[3])

    def result(self, bad, rest, skip):
        self.seen += 1
        verdict = "skipped" if skip else "failed" if bad else "passed"
        self.failed += verdict == "failed"
        if verdict == "passed":
            self.passed.add(rest)
        self.results.add(f"{self.label}/{rest}", verdict)

    def end(self, status, overdue):
        """status: as subprocess gives it. A program that says too little has failed."""
        name = f"{self.label}/{self.stem}"
        self.results.took(name, time.monotonic() - self.start)
        if overdue:
            self.fail(f"{name}/time", f"no end after {overdue} s")
        elif status == 77 and not self.seen:
            self.results.add(f"{name}/all", "skipped", self.lines[-1] if self.lines else "")
        elif self.plan is not None and self.seen < self.plan:
            self.fail(f"{name}/plan", f"{self.seen} results of {self.plan}, status {status}")
        elif status != 0 and not self.failed:
            self.fail(f"{name}/status", f"status {status}" if status > 0 else f"signal {-status}")
        elif not self.seen:
            self.fail(f"{name}/results", "no result printed")
        if self.failed:
            self.results.say(f"# output of {name}:", *(f"# {line}" for line in self.lines[-SHOWN_LINES:]))

    def fail(self, name, note):
        self.failed += 1
        self.results.add(name, "failed", note)
