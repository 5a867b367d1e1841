# SPDX-License-Identifier: Apache-2.0
"""What a test may see of the daemon from outside: its processes, the store's rows, its configuration."""
import contextlib
import json
import os
import pathlib
import platform
import pwd
import signal
import sqlite3
import threading

from . import report, world

STORE = pathlib.Path("/var/lib/cardmfa/store.db")
LIBEXEC = pathlib.Path("/usr/libexec/cardmfa")
CGROUP_PROCESSES = pathlib.Path("/sys/fs/cgroup/system.slice/cardmfad.service/cgroup.procs")
WORKER, CARD = "cardmfa-worker", "cardmfa-card"
HASH_KIB = 60 * 1024    # a worker that has grown to this has begun to hash 64 MiB


# --- processes -----------------------------------------------------------------------------------

def status(pid):
    """/proc/PID/status as a dictionary; empty when the process is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def processes(*names):
    """Pids of the daemon's programs of these names that live (a zombie does not)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            facts = status(entry.name)
            if facts.get("Name") in (names or (WORKER, CARD)) and facts["State"][0] not in "ZX":
                found.append(int(entry.name))
    return sorted(found)


def wait_process(name, seconds=30):
    """The newest process of this name, as soon as there is one."""
    return world.wait_for(lambda: processes(name), seconds, f"a {name}")[-1]


# What the kernel calls them in /proc/PID/syscall.
CALLS = {"x86_64": {"read": "0", "pselect6": "270"}, "aarch64": {"read": "63", "pselect6": "72"}}[platform.machine()]


def wait_call(name, call):
    """A process of this name sleeps in that system call: it has shown its question and is ready for what is typed."""
    def sleeps(pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0] == CALLS[call]
        return False
    world.wait_for(lambda: any(map(sleeps, processes(name))), what=f"{name} in {call}(2)")


def wait_quiet(seconds=report.SOON):
    """Nobody's worker or card process is left."""
    world.wait_for(lambda: not processes(), seconds, "end of workers and card processes")


def hashes(pid):
    return int(status(pid).get("VmHWM", "0 kB").split()[0]) > HASH_KIB


def listener():
    return int(world.systemctl("show", "-P", "MainPID", "cardmfad.service"))


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class MemoryWatch(threading.Thread):
    """The largest sum of what the daemon's processes had in memory, shared pages divided among them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.largest, self.over = 0, threading.Event()

    def run(self):
        while not self.over.wait(0.5):
            self.largest = max(self.largest, self.now())

    @staticmethod
    def now():
        total = 0
        for pid in CGROUP_PROCESSES.read_text().split():
            try:
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
        return total >> 10


# --- another uid -----------------------------------------------------------------------------------

def become(name):
    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def as_user(name, function):
    """What function() returns in a process of that user; it must be JSON. Its exception is ours."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            become(name)
            try:
                answer = [True, function()]
            except Exception as problem:  # pylint: disable=broad-except
                answer = [False, f"{type(problem).__name__}: {problem}"]
            os.write(write, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    good, value = json.loads(text)
    if not good:
        raise AssertionError(f"as {name}: {value}")
    return value


# --- the store -----------------------------------------------------------------------------------

def rows(sql, *arguments):
    """A query, asked as the store's own user: a file of root's beside it would lock the daemon out."""
    def ask():
        with contextlib.closing(sqlite3.connect(f"file:{STORE}", uri=True, timeout=10)) as base:
            base.execute("PRAGMA query_only=ON")
            return base.execute(sql, arguments).fetchall()
    return as_user("cardmfa", ask)


def change(sql, *arguments):
    def write():
        with contextlib.closing(sqlite3.connect(f"file:{STORE}", uri=True, timeout=10)) as base, base:
            base.execute(sql, arguments)
    as_user("cardmfa", write)


def number(sql, *arguments):
    return rows(sql, *arguments)[0][0]


def counted(person, origin="local"):
    """Failures in a person's bucket and tries reserved in it."""
    where = "person = (SELECT id FROM person WHERE login = ?) AND origin = ?"
    return (number(f"SELECT coalesce(sum(failed), 0) FROM bucket WHERE {where}", person, origin) +
            number(f"SELECT count(*) FROM try WHERE {where}", person, origin))


def successes():
    """How many grants there are; each has the record of its login."""
    grants = number("SELECT count(*) FROM login_grant")
    report.equal(number("SELECT count(*) FROM event WHERE type = 'login' AND result = 'OK'"), grants, "records of grants")
    return grants


def intact():
    return rows("PRAGMA integrity_check") == [["ok"]]


# --- configuration ---------------------------------------------------------------------------------

def configure(text):
    """A good configuration, in use by a running daemon when this returns."""
    mark = world.journal_mark()
    world.conf(text)
    if world.systemctl("is-active", "cardmfad.service", status=None) == "active":
        world.wait_for(lambda: "cardmfa.conf loaded" in world.journal_text(since=mark), what="the new configuration")


@contextlib.contextmanager
def stopped():
    """Within the block nothing of the daemon runs or listens; it starts anew at the next connection."""
    world.stop_daemon()
    try:
        yield
    finally:
        # So many starts in so short a time are the tests' doing.
        world.systemctl("reset-failed", "cardmfad.socket", "cardmfad-user.socket", "cardmfad.service", status=None)
        world.systemctl("start", "cardmfad.socket", "cardmfad-user.socket")
