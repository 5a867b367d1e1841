#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each call of the module into libc and libpam made to fail in turn, with right answers."""
import rig
from rig import ALLOW, Daemon, Host, PAM_IGNORE, PAM_SUCCESS, equal, judge, test

FAULTS = rig.BUILD / "tests/pam/pam_faults.so"


def sweep(host, run, only="-"):
    """Fails the N-th call (of that name) for N = 1, 2 ... until a run has no N-th call. Returns the names of what failed."""
    failed = []
    for n in range(1, 1000):
        host.do(f"fault {FAULTS} {n} {only}")
        got = run()
        words = dict(word.split("=") for word in host.do(f"fault {FAULTS} 0 -")[0].split()[1:])
        if words["failed"] == "-":
            equal(got.rc, PAM_SUCCESS, f"without a failure, {words['calls']} calls")
            return failed
        failed.append(words["failed"])
        if got.rc in (PAM_SUCCESS, PAM_IGNORE, None):
            raise AssertionError(f"call {n} ({words['failed']}) failed: {got!r}")
        equal(got.changed, "-", f"call {n} ({words['failed']}) changed")
    raise AssertionError("no end")


def sweep_all(host, run, names):
    """All calls in their order, which a wait more or less shifts; then those of each name, that none is missed."""
    sweep(host, run)
    for name in names:
        if name not in sweep(host, run, name):
            raise AssertionError(f"{name} was never called")


ALWAYS = ("socket", "connect", "getsockopt", "sendmsg", "recvmsg", "pam_get_item")


@test
def A1_fault_sweep_of_the_module():
    with Host({"login": rig.full_stack(FAULTS)}) as host:
        host.start()
        with Daemon(judge(["one", "two"], infos=["information"])):
            sweep_all(host, lambda: host.auth("t:one", "t:two"), (*ALWAYS, "pam_get_user"))
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
        sweep_all(host, lambda: host.auth("t:x"), ("poll",))


if __name__ == "__main__":
    rig.main()
