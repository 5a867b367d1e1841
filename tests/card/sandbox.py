#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What a running cardmfa-card may do: asked of the kernel, and tried inside the very process."""
import errno
import platform

from rig import *

REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
             "fs_base gs_base ds es fs gs").split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
SINGLESTEP, GETREGS, SETREGS, DETACH, SEIZE, INTERRUPT = 9, 12, 13, 17, 0x4206, 0x4207
# x86-64 numbers
CALLS = {"open": 2, "openat": 257, "openat2": 437, "execve": 59, "execveat": 322, "socket": 41,
         "fork": 57, "ptrace": 101, "getpid": 39}
AF_UNIX, AF_INET, AF_INET6, STREAM = 1, 2, 10, 1


def trace(request, pid, address=None, data=None):
    check(libc.ptrace(request, pid, address, data) == 0,
          "ptrace %d: %s" % (request, os.strerror(ctypes.get_errno())))


def inject(pid, call, *arguments):
    """Makes a process that waits in a system call do another one; its result as the kernel gives it."""
    trace(SEIZE, pid)
    trace(INTERRUPT, pid)
    os.waitpid(pid, 0)
    saved, registers = Registers(), Registers()
    trace(GETREGS, pid, None, ctypes.byref(saved))
    ctypes.memmove(ctypes.byref(registers), ctypes.byref(saved), ctypes.sizeof(saved))
    registers.rip = saved.rip - 2               # the two bytes of `syscall`
    registers.rax, registers.orig_rax = CALLS[call], 2 ** 64 - 1
    for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8"), (*arguments, 0, 0, 0, 0, 0)):
        setattr(registers, name, value)
    trace(SETREGS, pid, None, ctypes.byref(registers))
    while registers.rip != saved.rip:           # a stop for a signal comes before the call is made
        trace(SINGLESTEP, pid)
        os.waitpid(pid, 0)
        trace(GETREGS, pid, None, ctypes.byref(registers))
    trace(SETREGS, pid, None, ctypes.byref(saved))
    trace(DETACH, pid)
    return ctypes.c_longlong(registers.rax).value


def in_call(pid):
    """Whether the program was started and sleeps in a call."""
    return status(pid)["Name"] != "python3" and status(pid)["State"][0] == "S"


def tried_inside():
    check(platform.machine() == "x86_64", "only written for x86-64")
    cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    until(lambda: in_call(cat.pid), SOON, "cat does not read")
    check(inject(cat.pid, "socket", AF_INET, STREAM) >= 0, "the method itself: a socket in cat")
    cat.kill()
    cat.wait()
    with Vcard(), Card() as process:
        equal(process.next().result, "OK", "in use")
        until(lambda: in_call(process.pid), SOON, "no call is waited in")
        for call, *arguments in (("open", 0, 0), ("openat", 2 ** 64 - 100, 0, 0), ("openat2", 0, 0, 0, 24),
                                 ("execve", 0, 0, 0), ("execveat", 0, 0, 0, 0), ("fork",), ("ptrace", 0),
                                 ("socket", AF_INET, STREAM), ("socket", AF_INET6, STREAM),
                                 ("socket", 2 ** 32 + AF_INET, STREAM)):
            equal(inject(process.pid, call, *arguments), -errno.EPERM, "%s %s" % (call, arguments))
        equal(inject(process.pid, "getpid"), process.pid, "getpid")
        check(inject(process.pid, "socket", AF_UNIX, STREAM) > 4, "a unix socket")


def status(pid):
    with open("/proc/%s/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def filters(pid):
    return int(status(pid)["Seccomp_filters"])


def asked_of_the_kernel():
    with Vcard(), Card() as process:
        seen = process.next()
        equal(process.signed(seen).result, "OK", "in use")
        told = status(process.pid)
        equal((told["Seccomp"], told["NoNewPrivs"], told["Threads"]), ("2", "1", "1"), "status")
        check(filters(process.pid) > filters("self"), "no filter of its own")
        with open("/proc/%d/limits" % process.pid) as f:
            core = [line.split() for line in f if line.startswith("Max core")][0]
        equal(core[4:6], ["0", "0"], "core")
        fds = sorted(int(fd) for fd in os.listdir("/proc/%d/fd" % process.pid))
        equal(fds[:5], [0, 1, 2, 3, 4], "descriptors")
        # One more for pcscd.
        equal(len(fds), 6, "descriptors")


def A76_environment():
    """Variables that libpcsclite obeys do not lead it astray."""
    trap = socket.socket(socket.AF_UNIX)
    path = os.path.join(TMP, "trap")
    trap.bind(path)
    trap.listen()
    with Vcard(), Card(environment={"PCSCLITE_CSOCK_NAME": path, "PCSCLITE_DEBUG": "0",
                                    "MALLOC_TRACE": os.path.join(TMP, "trace")}) as process:
        equal(process.next().result, "OK", "NEXT")
    check(not select.select([trap], [], [], 0)[0], "the trap was contacted")
    check(not os.path.exists(os.path.join(TMP, "trace")), "MALLOC_TRACE was obeyed")


def inherited_descriptors():
    """Nothing but 0 to 4 survives the start."""
    leaks = [os.open("/etc/passwd", os.O_RDONLY) for _ in range(3)]
    for fd in leaks:
        os.set_inheritable(fd, True)
    with Card() as process:
        # The world around may have a filter, which children inherit.
        until(lambda: filters(process.pid) > filters("self"), 2, "no sandbox")
        equal(sorted(map(int, os.listdir("/proc/%d/fd" % process.pid))), [0, 1, 2, 3, 4], "descriptors")
    for fd in leaks:
        os.close(fd)


def without_privileges():
    """Any uid without capabilities is enough, as cardmfad runs it."""
    with Vcard():
        child = os.fork()
        if child == 0:
            rc = 1
            try:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
                with Card(lock=False) as process:
                    rc = 0 if process.signed(process.next()).result == "OK" else 1
            finally:
                os._exit(rc)
        equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, "login as uid 65534")


def wrong_starts():
    def start(arguments, **descriptors):
        done = subprocess.run([program("cardmfa-card"), *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, env={},
                              **descriptors)
        return done.returncode

    for arguments in ([], ["0"], ["601"], ["-1"], ["5x"], [""], ["5", "5"], ["5"]):
        equal(start(arguments), 2, repr(arguments))


def ends_by_itself():
    with Card(seconds=1) as process:
        process.wait()
        took = time.monotonic() - process.started
        check(0.4 < took < SOON, "%.2f s" % took)
    with Vcard() as card, Card(seconds=3) as process:
        card.ctl("fault", "stall", "SELECT", 0)
        start = time.monotonic()
        equal(process.next(wait_ms=100).result, "TIMEOUT", "stalled")
        process.wait()
        check(time.monotonic() - start < SOON, "%.2f s" % (time.monotonic() - start))
        card.ctl("fault", "clear")


def malformed_requests():
    for packet in (b"Q", b"Q\1\1", b"x" * 500, b"Q\2" + b"\0" * 14, b"\0" * 16, b"Q" * 40000,
                   b"Q\1\3" + b"\0" * 9 + b"\xff\xff\0\0", b"Q\1\x09" + b"\0" * 13,
                   b"Q\1\4" + b"\0" * 13 + b"more"):
        with Card() as process:
            process.link.send(packet)
            check(process.receive(SOON) is None, "answered %r" % packet[:8])
            equal(process.wait(), 1, "exit")


if __name__ == "__main__":
    main([tried_inside, asked_of_the_kernel, A76_environment, inherited_descriptors,
          without_privileges, wrong_starts, ends_by_itself, malformed_requests])
