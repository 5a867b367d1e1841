# SPDX-License-Identifier: Apache-2.0
"""The tests of a file: a registry, their results, and what is shown of a failure.

    @report.test(seconds=60)
    def A45_something(): ...

    if __name__ == "__main__":
        report.main()

Each test prints "ok system/FILE/NAME" or "not ok system/FILE/NAME"; after a failure come "# " lines
with the traceback and the journal of that test.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

LONG = os.environ.get("CARDMFA_LONG") == "1"
# Seconds within which comes what is due at once, on a machine that is busy otherwise too: far below the 30 s that a card is waited
# for, and the 110 s of a login.
SOON = 10.0
LEAST = 300             # seconds that every test has: the limit ends what hangs, and other suites run beside it
JOURNAL_LINES = 60

_tests = []


class Skip(Exception):
    """Raised by a test that can't run here; the text says why."""


class Overdue(Exception):
    """A test took longer than it may."""


def test(seconds=60):
    def register(function):
        _tests.append((function, max(seconds, LEAST)))
        return function
    return register


def long(counts, daily):
    """The full count of a case under --long, a reduced one in the daily run."""
    return counts if LONG else daily


def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in:\n{text}")


def lacks(text, part):
    if part in text:
        raise AssertionError(f"{part!r} must not be in:\n{text}")


@contextlib.contextmanager
def soon(what, seconds=SOON):
    """What is due at once is done within the block."""
    begun = time.monotonic()
    yield
    if time.monotonic() - begun > seconds:
        raise AssertionError(f"{what}: {time.monotonic() - begun:.1f} s")


def _overdue(_number, _frame):
    raise Overdue("the test's time is up")


def _cursor():
    shown = subprocess.run(["journalctl", "-q", "-n0", "--show-cursor"], capture_output=True, text=True, check=False)
    return shown.stdout.strip().removeprefix("-- cursor: ")


def _journal(cursor):
    since = [f"--after-cursor={cursor}"] if cursor else []
    shown = subprocess.run(["journalctl", "-q", "--no-pager", "-o", "short-precise", f"-n{JOURNAL_LINES}", *since],
                           capture_output=True, text=True, check=False)
    return shown.stdout


def _run(function, seconds):
    """None, or what is to be said about the failure."""
    cursor = _cursor()
    signal.signal(signal.SIGALRM, _overdue)
    signal.alarm(seconds)
    try:
        function()
        return None
    except Skip:
        raise
    except Exception:
        signal.alarm(0)
        return traceback.format_exc() + "journal:\n" + _journal(cursor)
    finally:
        signal.alarm(0)


def main(prepare=None):
    """prepare: runs once before the tests; its failure is a result of its own, and the only one."""
    file = pathlib.Path(sys.argv[0]).stem.removeprefix("test_")
    wanted = sys.argv[1:]
    failed = False
    steps = [(prepare, LEAST)] if prepare else []
    for function, seconds in steps + [t for t in _tests if not wanted or t[0].__name__ in wanted]:
        name = f"system/{file}/{function.__name__}"
        begun = time.monotonic()
        try:
            trouble = _run(function, seconds * (10 if LONG else 1))
        except Skip as reason:
            print(f"ok {name} # SKIP {reason}", flush=True)
            continue
        if trouble or function is not prepare:
            print(f"{'not ok' if trouble else 'ok'} {name}", flush=True)
        print(f"# {function.__name__}: {time.monotonic() - begun:.1f} s of {seconds}", flush=True)
        if trouble:
            failed = True
            print("\n".join(f"# {line}" for line in trouble.splitlines()), flush=True)
            if function is prepare:
                break
    sys.exit(1 if failed else 0)
