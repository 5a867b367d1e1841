#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The module and daemons that are dead, slow, false or hostile."""
# check: timeout=300
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import rig
from rig import (ALLOW, Daemon, DENY, Host, LONG, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED, allowed, always, equal, judge,
                 refused, test, within)


def refused_everywhere(host, low_ms=0, high_ms=rig.SOON_MS, what=""):
    within(refused(host.auth("t:x"), PAM_AUTHINFO_UNAVAIL, what=what), low_ms, high_ms, what)
    for verb in ("acct", "open", "close"):
        within(refused(host.call(verb), PAM_PERM_DENIED, what=(what, verb)), low_ms, high_ms, what)


def well(host):
    """The next login works."""
    with Daemon(judge(["x"])):
        allowed(host.auth("t:x"), "the next login")


# What a process in the daemon's place does with one connection before it dies.
DYING = """
import os, resource, signal, socket, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1]); s.listen(8); print("ready", flush=True)
c, _ = s.accept(); c.recv(65536)
if len(sys.argv) > 3: c.send(bytes.fromhex(sys.argv[3]))
os._exit(0) if sys.argv[2] == "0" else os.kill(os.getpid(), int(sys.argv[2]))
"""


@test
def A31_daemon_dies():
    """SEGV, abort, kill as of want of memory, exit 0 without answer; at once and behind its first messages."""
    question = rig.message(rig.HIDDEN, 1, "Question: ").hex()
    with Host() as host:
        host.start()
        for end in (0, signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL):
            for said in ((), (rig.ready(60000).hex(),), (question,)):
                pathlib.Path("/run/cardmfa").mkdir(exist_ok=True)
                pathlib.Path(rig.ROOT_SOCKET).unlink(missing_ok=True)
                with subprocess.Popen([sys.executable, "-c", DYING, rig.ROOT_SOCKET, str(int(end)), *said],
                                      stdout=subprocess.PIPE) as daemon:
                    daemon.stdout.readline()
                    # The answer comes when nobody is there any more: no SIGPIPE either.
                    within(refused(host.auth("wait:200:x"), PAM_AUTHINFO_UNAVAIL, what=(end, said)), 0, rig.SOON_MS)
                    equal(daemon.wait(10), -int(end), "end of the daemon")
                well(host)


@test
def A31_daemon_answers_twice():
    """Two results: the first one counts; two questions at once are answered one by one, each with its number."""
    def twice(first, second):
        def behave(line):
            line.request()
            line.sock.setblocking(True)
            line.send(first)
            line.send(second)
        return behave
    yes, no = rig.result(ALLOW, 0), rig.result(DENY, 10)
    with Host() as host:
        host.start()
        with Daemon(twice(no, yes)):
            refused(host.auth("t:x"), PAM_AUTH_ERR)
            refused(host.call("acct"), PAM_PERM_DENIED)
        with Daemon(twice(yes, no)):
            allowed(host.auth("t:x"))
        well(host)
        got = []

        def two_questions(line):
            line.request()
            line.send(rig.message(rig.HIDDEN, 1, "A"))
            line.send(rig.message(rig.HIDDEN, 2, "B"))
            got.extend([line.answer(), line.answer()])
            line.send(rig.result(ALLOW, 0))
        with Daemon(two_questions):
            allowed(host.auth("t:a", "t:b"))
        equal(got, [(1, "a"), (2, "b")])


@test
def A31_daemon_answers_late():
    """Behind the time it gave itself: the host has gone by then, and the allowance reaches nobody."""
    late, gone = [], threading.Event()

    def behave(line):
        line.request()
        line.send(rig.ready(300))
        gone.wait(60)
        try:
            line.send(rig.result(ALLOW, 0))
        except OSError as problem:
            late.append(problem)
    with Host() as host, Daemon(behave):
        host.start()
        within(refused(host.auth("t:x"), PAM_AUTHINFO_UNAVAIL), 250, rig.SOON_MS)
        gone.set()
        rig.wait_for(lambda: late, what="the daemon's late answer")
        well(host)


@test
def a_person_slower_than_the_daemon_hears_why():
    def behave(line):
        line.request()
        line.send(rig.message(rig.HIDDEN, 1, "Question: "))
        line.send(rig.message(rig.ERROR, 0, "The time for logging in is over."))
        line.send(rig.result(DENY, 41))
    with Daemon(behave), Host() as host:
        host.start()
        got = refused(host.auth("wait:300:x"), PAM_AUTHINFO_UNAVAIL)
        equal(got.told, ["The time for logging in is over.", "probe authtok=unset"])


@test
def A38_socket_is_missing_or_no_socket():
    with Host() as host:
        host.start()
        for make in (lambda: None, pathlib.Path(rig.ROOT_SOCKET).touch, lambda: os.mkfifo(rig.ROOT_SOCKET),
                     lambda: pathlib.Path(rig.ROOT_SOCKET).mkdir(), lambda: os.symlink("/run/nowhere", rig.ROOT_SOCKET)):
            shutil.rmtree("/run/cardmfa", ignore_errors=True)
            pathlib.Path("/run/cardmfa").mkdir()
            make()
            refused_everywhere(host)
        shutil.rmtree("/run/cardmfa")
        refused_everywhere(host)
        # A socket of another type, and one nobody listens at any more.
        pathlib.Path("/run/cardmfa").mkdir()
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            with socket.socket(socket.AF_UNIX, kind) as other:
                other.bind(rig.ROOT_SOCKET)
                if kind == socket.SOCK_STREAM:
                    other.listen(1)
                refused_everywhere(host, what=kind)
            pathlib.Path(rig.ROOT_SOCKET).unlink()


@test
def A38_listener_is_not_root():
    """Whoever else listens there is not asked anything and told no secret."""
    for path, uid in ((rig.ROOT_SOCKET, 0), (rig.USER_SOCKET, 1000)):
        with Daemon(always(ALLOW, 0), path, owner=1000) as fraud, Host(uid=uid) as host:
            host.start()
            refused_everywhere(host, what=path)
            equal(fraud.problems, [])


@test
def A38_backlog_is_full():
    with Daemon(always(ALLOW, 0), accepting=False, backlog=0), Host() as host:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as first:
            first.connect(rig.ROOT_SOCKET)
            host.start()
            within(refused(host.auth("t:x"), PAM_AUTHINFO_UNAVAIL), 4500, 8500)


@test
def A38_accepts_and_never_reads():
    with Daemon(lambda line: time.sleep(60)), Host() as host:
        host.start()
        within(refused(host.auth("t:x"), PAM_AUTHINFO_UNAVAIL), 9000, 25000)


@test
def silence_is_bounded_whatever_the_daemon_promises():
    """A READY of 2^32-1 ms is cut to the module's own limit: watched in the time its poll(2) gets."""
    def behave(line):
        line.request()
        line.send(rig.ready(0xFFFFFFFF))
        held.append(line)
        time.sleep(6)
    held = []
    with Daemon(behave), Host() as host:
        host.start()
        host.say("t:x")
        trace = subprocess.Popen(["strace", "-qq", "-e", "trace=poll", "-p", str(host.pid)], stderr=subprocess.PIPE, text=True)
        rig.wait_for(lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{host.pid}/status").read_text(), what="strace")
        got = host.call("auth")
        trace.terminate()
        timeouts = [int(line.split("}], 1, ")[1].split(")")[0]) for line in trace.stderr.read().splitlines() if "}], 1, " in line]
        trace.wait(10)
        refused(got, PAM_AUTHINFO_UNAVAIL)
        if not timeouts or max(timeouts) > 180000:
            raise AssertionError(f"time-outs of poll: {timeouts}")


@test
def endless_messages_end():
    for packet in (rig.ready(1000), rig.message(rig.INFO, 0, "x" * 480), rig.message(rig.HIDDEN, 1, "Question: ")):
        def behave(line, packet=packet):
            line.request()
            while True:
                line.send(packet)
        with Daemon(behave), Host() as host:
            host.start()
            within(refused(host.auth(*["t:x"] * 30)), 0, 2 * rig.SOON_MS, "endless messages")


def hostile_packets():
    """Each field of each message wrong in turn."""
    text = b"Question: "
    good = rig.message(rig.HIDDEN, 1, text)
    yield from (good[:n] for n in range(len(good)))
    yield from (rig.ready(5)[:n] for n in range(1, 12))
    yield from (rig.result(ALLOW, 0)[:n] for n in range(1, 20))
    yield from (good + b"x", rig.ready(5) + b"x", rig.result(ALLOW, 0) + b"\0")
    yield from (rig.packet(kind, struct.pack(">III", ALLOW, 0, 0)) for kind in (0, 1, 2, 15, 19, 32, 34, 48, 0xFFFF))
    yield from (rig.packet(rig.RESULT, struct.pack(">III", ALLOW, 0, 0), version=v) for v in (0, 2, 0xFFFF))
    yield from (rig.packet(rig.RESULT, struct.pack(">III", ALLOW, 0, 0), magic=m) for m in (b"CMFB", b"\0\0\0\0", b"cmfa"))
    for style in (0, 5, 255):
        yield rig.message(style, 1, text)
    for length in (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 481, 482, 24576, len(text) + 1, len(text) - 1):
        yield rig.packet(rig.MESSAGE, struct.pack(">BII", rig.HIDDEN, 1, length) + text)
    yield rig.message(rig.HIDDEN, 1, b"with\0nul")
    yield rig.message(rig.HIDDEN, 1, b"x" * 481)
    yield rig.packet(rig.MESSAGE, bytes(24576 - 8))
    yield rig.packet(rig.MESSAGE, bytes(24577 - 8))
    yield rig.packet(rig.MESSAGE, bytes(100000))


@test
def A85_hostile_daemon():
    """Malformed packets of every kind: refused, and nothing of the person is sent on."""
    packets = list(hostile_packets())
    with Host() as host:
        host.start()
        for packet in packets:
            leaked = []

            def behave(line, packet=packet, leaked=leaked):
                line.request()
                line.send(packet)
                line.sock.settimeout(5)
                leaked.append(line.sock.recv(65536))
            with Daemon(behave):
                refused(host.auth("t:x"), PAM_AUTHINFO_UNAVAIL, what=packet[:40])
            equal([x for x in leaked if x], [], f"sent after {packet[:40]!r}")
        well(host)


@test
def A85_hostile_daemon_random():
    """Random changes of good conversations: no crash, never longer than its time, an allowance only from an intact one."""
    rng = random.Random(int(os.environ.get("SEED", "1")))
    good = [rig.ready(400), rig.message(rig.INFO, 0, "text"), rig.message(rig.HIDDEN, 1, "Question: "), rig.result(DENY, 10)]
    with Host() as host:
        host.start()
        for round_ in range(20000 if LONG else 400):
            packets = [bytearray(p) for p in good]
            for _ in range(rng.randint(1, 4)):
                p = rng.choice(packets)
                action = rng.randrange(4)
                if action == 0 and p:
                    p[rng.randrange(len(p))] = rng.randrange(256)
                elif action == 1 and p:
                    del p[rng.randrange(len(p)):]
                elif action == 2:
                    p.extend(rng.randbytes(rng.randint(1, 200)))
                else:
                    rng.shuffle(packets)

            def behave(line, packets=packets):
                line.request()
                for p in packets:
                    if p:
                        line.send(bytes(p))
                line.sock.settimeout(1)
                line.sock.recv(65536)
            with Daemon(behave) as daemon:
                refused(host.auth("t:x", "t:y"), what=round_)
                daemon.problems.clear()         # the time-out above


@test
def A85_descriptors_from_the_daemon():
    """Nothing that comes along with a message stays open in the host."""
    def behave(line):
        line.request()
        with open("/dev/null", "rb") as null:
            fds = struct.pack(f"{count}i", *[null.fileno()] * count)
            line.sock.sendmsg([rig.result(ALLOW, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    with Host() as host:
        host.start()
        for count in (1, 2, 4, 5, 100, 253):
            with Daemon(behave):
                refused(host.auth("t:x"), PAM_AUTHINFO_UNAVAIL, what=count)


@test
def hostile_texts_are_handed_on_as_text():
    def behave(line):
        line.request()
        line.send(rig.message(rig.INFO, 0, "%n%s%s%s%n %1000000d"))
        line.send(rig.message(rig.HIDDEN, 1, "%s%n: "))
        line.send(rig.result(ALLOW if line.answer()[1] == "%n%s" else DENY, 0))
    with Daemon(behave), Host() as host:
        host.start()
        equal(allowed(host.auth("t:%n%s")).prompted, ["%s%n: "])


if __name__ == "__main__":
    rig.main(seconds=120)
