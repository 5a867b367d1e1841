# SPDX-License-Identifier: Apache-2.0
"""How scripts/bench measures and prints: whole processes timed from outside, both sides in turn."""
import contextlib
import itertools
import os
import statistics
import sys
import time

from lib import daemon, world

LONG = os.environ.get("CARDMFA_LONG") == "1"
FLOOR = world.BUILD / "tests/bench/floor"
HOST = world.BUILD / "tests/bench/host"
PRIORITY = os.sched_param(10)


class Trouble(Exception):
    """What was to be measured did not do its work: there is no figure."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def line(name, median, floor, extra="-", ratio=None):
    """One figure. ratio: median to floor unless it is something else."""
    if ratio is None:
        ratio = median / floor if floor else None
    words = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in (median, floor, ratio)]
    print("bench", name, *("-" if word == "None" else word for word in words), extra, flush=True)


# ---- processes ----

def quiet():
    """Nothing of the login before is still at work when the next one is timed."""
    with contextlib.suppress(FileNotFoundError):
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            if len(daemon.CGROUP_PROCESSES.read_text().split()) <= 1:
                break
            time.sleep(0.002)
    time.sleep(0.01)


def threads(pid):
    return [int(entry) for entry in os.listdir(f"/proc/{pid}/task")]


@contextlib.contextmanager
def undisturbed(*pids):
    """In the block these processes and all that is started from here go before the machine's other work, both sides
    alike: where a machine is busy with something else, that is not what is measured."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, PRIORITY)
    except OSError as problem:
        say(f"   no real-time priority here ({problem.strerror}): the machine's other work is in the figures")
        yield
        return
    for pid in pids:
        for thread in threads(pid):
            os.sched_setscheduler(thread, os.SCHED_RR, PRIORITY)
    yield
    for pid in (0, *pids):
        for thread in threads(pid) if pid else [0]:
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


class Program:
    """A program started anew each time. Answers go to its standard input, what it printed is in .printed."""

    def __init__(self, *command, answers=(), status=0, environment=None):
        self.command = [str(word) for word in command]
        self.answers = "".join(f"{answer}\n" for answer in answers).encode()
        self.status, self.printed = status, ""
        self.environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(environment or {})}

    def __call__(self):
        """Milliseconds from its start to its end."""
        into, out = os.pipe(), os.pipe()
        os.write(into[1], self.answers)
        os.close(into[1])
        places = [(os.POSIX_SPAWN_DUP2, into[0], 0), (os.POSIX_SPAWN_DUP2, out[1], 1)]
        begun = time.perf_counter_ns()
        pid = os.posix_spawn(self.command[0], self.command, self.environment, file_actions=places)
        _, status = os.waitpid(pid, 0)
        taken = time.perf_counter_ns() - begun
        os.close(into[0])
        os.close(out[1])
        with os.fdopen(out[0], encoding="utf-8", errors="replace") as pipe:
            self.printed = pipe.read()
        if self.status is not None and os.waitstatus_to_exitcode(status) != self.status:
            raise Trouble(f"{' '.join(self.command)}: status {os.waitstatus_to_exitcode(status)}: {self.printed}")
        return taken / 1e6

    def words(self, first):
        """The rest of each printed line that begins with that word."""
        return [found[1:] for text in self.printed.splitlines() if (found := text.split(" "))[0] == first]


def host(service, user, *words, answers=(), **more):
    return Program(HOST, service, user, *words, answers=answers, **more)


# ---- both sides in turn ----

class Sides:
    """Times of several sides, taken in turn in one run: what the machine does meanwhile meets all of them alike."""

    def __init__(self, **sides):
        self.sides = sides
        self.times = {name: [] for name in sides}

    def run(self, rounds, seconds):
        """So many of each, or as many as there is time for; at least five. The first of each is for warming up."""
        deadline = time.monotonic() + seconds
        for number in itertools.count():
            enough = number > rounds or (number > 5 and time.monotonic() > deadline)
            if enough:
                return self
            for name, side in self.sides.items():
                quiet()
                taken = side()
                if number:
                    self.times[name].append(taken)
        return self

    def median(self, name):
        return statistics.median(self.times[name])

    def report(self, title, name, floor):
        """To stderr, what the medians hide: the spread, and the differences pair by pair."""
        for each in (name, floor):
            times = sorted(self.times[each])
            say(f"   {title} {each}: n={len(times)} min {times[0]:.2f} quartile {times[len(times) // 4]:.2f} "
                f"median {statistics.median(times):.2f} quartile {times[len(times) * 3 // 4]:.2f} max {times[-1]:.2f}")
        pairs = sorted(a - b for a, b in zip(self.times[name], self.times[floor]))
        say(f"   {title} {name} - {floor}, pair by pair: quartile {pairs[len(pairs) // 4]:.2f} "
            f"median {statistics.median(pairs):.2f} quartile {pairs[len(pairs) * 3 // 4]:.2f}; "
            f"minimum to minimum {min(self.times[name]) - min(self.times[floor]):.2f}")


def welch(a, b):
    """|t| of two samples with variances of their own."""
    spread = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    return abs(statistics.fmean(a) - statistics.fmean(b)) / spread ** 0.5 if spread else 0.0
