#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each call of the module into libc and libpam made to fail in turn, with right answers."""
import rig
from rig import ALLOW, Daemon, Host, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE, PAM_PERM_DENIED, PAM_SUCCESS, equal, judge, test

FAULTS = rig.BUILD / "tests/pam/pam_faults.so"


# What the module may do without. It can't know that a variable is not absent. A clock that can't be read once: the deadline counts
# as passed, but what has come by then has come.
HARMLESS = ("pam_getenv", "clock_gettime")


def once(host, run, n, only):
    """A run in which the N-th call (of that name) fails, or every one for -1: what came of it, and the name of what failed."""
    host.do(f"fault {FAULTS} {n} {only}")
    before = host.stat()[0]
    got = run()
    if got.rc is None:
        raise AssertionError(f"call {n} of {only} ended the host")
    open_now = host.stat()[0]
    words = dict(word.split("=") for word in host.do(f"fault {FAULTS} 0 -")[0].split()[1:])
    failed = words["failed"] if words["failed"] != "-" else None
    equal((got.changed, open_now), ("-", before), f"call {n} of {only} ({failed}): what changed, descriptors")
    return got, failed


def sweep(host, run, only="-", wanted=PAM_SUCCESS):
    """Fails the N-th call (of that name) for N = 1, 2 ... until a run has no N-th call and ends as wanted. Returns the names of what
    failed."""
    names = []
    for n in range(1, 1000):
        got, failed = once(host, run, n, only)
        if not failed:
            equal(got.rc, wanted, f"without a failure, behind {n - 1} calls")
            return names
        names.append(failed)
        if got.rc == PAM_IGNORE or (got.rc == PAM_SUCCESS and failed not in HARMLESS):
            raise AssertionError(f"call {n} ({failed}) failed: {got!r}")
    raise AssertionError("no end")


def sweep_all(host, run, names, wanted=PAM_SUCCESS):
    """All calls in their order, which a wait more or less shifts; then those of each name, that none is missed, and all of it at once."""
    sweep(host, run, wanted=wanted)
    for name in names:
        if name not in sweep(host, run, name, wanted):
            raise AssertionError(f"{name} was never called")
        got, _ = once(host, run, -1, name)
        if got.rc == PAM_IGNORE or (got.rc == PAM_SUCCESS and name not in HARMLESS):
            raise AssertionError(f"each call of {name} failed: {got!r}")
        if got.ms > 6000:
            raise AssertionError(f"each call of {name} failed: answered after {got.ms} ms")
    # libpam keeps what came of opening a session for its end.
    equal(once(host, run, 0, "-")[0].rc, wanted, "afterwards")


ALWAYS = ("socket", "connect", "getsockopt", "sendmsg", "recvmsg", "pam_get_item", "clock_gettime")


@test
def A1_fault_sweep_of_the_module():
    with Host({"login": rig.full_stack(FAULTS)}) as host:
        host.start()
        with Daemon(judge(["one", "two"], infos=["information"])):
            sweep_all(host, lambda: host.auth("t:one", "t:two"), (*ALWAYS, "pam_get_user", "pam_getenv"))
        for verb in ("acct", "open", "close"):
            with Daemon(rig.always(ALLOW, 0, 600)):
                sweep_all(host, lambda verb=verb: host.call(verb), (*ALWAYS, *(("vasprintf", "pam_set_data") if verb == "open" else ())))


@test
def A1_fault_sweep_of_a_slow_daemon():
    """With waits, so that poll(2) is among the calls."""
    def slow(line):
        line.request()
        rig.time.sleep(0.05)
        right = line.ask(1, "Question: ") == "x"
        rig.time.sleep(0.05)
        line.send(rig.result(ALLOW, 0) if right else rig.result(rig.DENY, 10))
    with Host({"login": rig.full_stack(FAULTS)}) as host, Daemon(slow):
        host.start()
        sweep_all(host, lambda: host.auth("t:x"), ("poll", "clock_gettime"))
        equal(once(host, lambda: host.auth("t:x"), -1, "clock_gettime")[0].rc, PAM_AUTHINFO_UNAVAIL, "without a clock")


@test
def A1_fault_sweep_of_a_refusal():
    """Nobody listens: the calls that tell of it fail as well."""
    with Host({"login": rig.full_stack(FAULTS)}) as host:
        host.start()
        sweep_all(host, lambda: host.auth("t:x"), ("socket", "connect", "sendto", "pam_get_item"), PAM_AUTHINFO_UNAVAIL)
        for verb in ("acct", "open", "close"):
            sweep_all(host, lambda verb=verb: host.call(verb), ("socket", "connect", "sendto", "pam_get_item"), PAM_PERM_DENIED)


@test
def A1_fault_sweep_in_a_host_without_descriptors():
    """Its socket is moved above the standard ones."""
    with Host({"login": rig.full_stack(FAULTS)}) as host:
        host.start()
        host.do("close012")
        with Daemon(judge(["one"])):
            sweep_all(host, lambda: host.auth("t:one"), (*ALWAYS, "fcntl"))


@test
def A1_fault_sweep_of_a_full_backlog():
    """With pauses between the tries to connect."""
    with Host({"login": rig.full_stack(FAULTS)}) as host:
        host.start()
        with Daemon(judge(["one"]), backlog=0, accepting=False) as away:
            waiting = rig.socket.socket(rig.socket.AF_UNIX, rig.socket.SOCK_SEQPACKET)
            waiting.connect(away.path)

            got, failed = once(host, lambda: host.auth("t:one"), 1, "nanosleep")
            equal((got.rc, failed), (PAM_AUTHINFO_UNAVAIL, "nanosleep"), "a pause that fails")
            got, failed = once(host, lambda: host.auth("t:one"), -1, "clock_gettime")
            equal((got.rc, failed), (PAM_AUTHINFO_UNAVAIL, "clock_gettime"), "without a clock")
            waiting.close()


if __name__ == "__main__":
    rig.main()
