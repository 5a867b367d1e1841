#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The module in a process that lives long, forks, has threads, loads and unloads; and what stays in its memory."""
# check: timeout=300
import os
import re
import subprocess

import rig
from rig import ALLOW, Daemon, DENY, Host, LONG, PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED, allowed, always, equal, judge, masked, refused, test

EXPORTED = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session"}
# What would break other threads, the host's own log, signals, environment or locale.
NEVER_USED = {"strtok", "getpwnam", "getpwuid", "getgrnam", "localtime", "gmtime", "setlocale", "setenv", "putenv", "getenv", "unsetenv",
              "signal", "sigaction", "sigprocmask", "pthread_sigmask", "alarm", "setitimer", "openlog", "syslog", "closelog", "fork",
              "system", "popen", "execve", "setuid", "seteuid", "setreuid", "setresuid", "setgid", "setgroups", "umask", "chdir", "exit",
              "atexit", "open", "open64", "fopen", "pthread_create", "printf", "puts", "pam_set_item", "pam_putenv", "pam_syslog"}


@test
def A17_host_memory():
    """Canaries answered to a login in each of its endings stand nowhere in the host afterwards; PAM_AUTHTOK is never set."""
    # Long ones, of one piece over and over: what is freed or used again loses its beginning.
    pieces = "canary-PIN-73159", "canary-code-6295", "canary-text-3361"
    pin, code, other = (piece * 30 for piece in pieces)
    right = judge([pin, code], infos=["information"])

    def die(line):
        line.request()
        line.ask(1, "Question: ")

    def leave(line):
        line.request()
        line.send(rig.message(rig.HIDDEN, 1, "Question: "))
    cases = ((right, (pin, code), True), (right, (code, pin), False), (right, (pin, None), False), (die, (pin,), False),
             (leave, (pin,), False), (always(DENY, 10), (), False), (right, ("all", other, pin, code), True), (None, (pin,), False))
    with Host() as host:
        host.start()
        for behave, answers, opens in cases:
            daemon = Daemon(behave) if behave else None
            words = ["fail0" if a is None else a if a == "all" else "m:" + masked(a) for a in answers]
            for piece in pieces:
                host.do("watch " + masked(piece))
                if piece != pieces[0] and daemon:
                    daemon.stop()
                    daemon = Daemon(behave)
                got = host.auth(*words)
                equal((got.rc == 0, got.leftover), (opens, [0]), got)
            if "probe authtok=unset" not in got.told:
                raise AssertionError(f"PAM_AUTHTOK: {got!r}")
            for canary in pieces:
                equal(host.scan(canary), 0, f"places with a canary after {answers}")
            if daemon:
                daemon.stop()
        host.do("plant " + masked(pin))
        equal(host.scan(pieces[0]), 30, "what the search finds")


@test
def A32_many_transactions():
    """Alternating users and endings in one process: no descriptor, no memory, nobody's answers for another."""
    count = 10000 if LONG else 300
    secrets = {"alice": ["alice-1", "alice-2"], "bob": ["bob-1"]}
    with Daemon(judge(secrets)) as daemon, Host() as host:
        def round_():
            allowed(host.login("t:alice-1", "t:alice-2", user="alice"))
            allowed(host.login("t:bob-1", user="bob"))
            refused(host.login("t:bob-1", "t:alice-2", user="alice"))
            refused(host.login("t:alice-1", user="bob"))
            refused(host.login("t:alice-1", "fail", user="alice"))
        for _ in range(20):
            round_()
        before = host.stat()
        for _ in range(count // 5):
            round_()
        after = host.stat()
        equal(after[0], before[0], "descriptors")
        if after[1] > before[1] + 512 and not rig.ASAN:
            raise AssertionError(f"resident memory grew from {before[1]} to {after[1]} KiB in {count} transactions")
        equal(daemon.served, 5 * (20 + count // 5), "connections")


@test
def A84_fork_before_and_after():
    with Daemon(judge(["x"])) as daemon, Host() as host:
        host.start()
        host.say("t:x")
        got = rig.Result(host.do("fork auth 0 0"))
        allowed(got, "in a child, before")
        allowed(host.auth("t:x"), "in the parent")
        with Daemon(always(ALLOW, 0)):
            allowed(rig.Result(host.do("fork acct 0 0")), "in a child, after")
            allowed(host.call("acct"), "in the parent, after")
        equal(daemon.served, 2, "connections: each process its own")


@test
def A84_fork_during():
    """Both processes come back from the conversation: the parent's call goes on, the child's is refused."""
    got = []

    def behave(line):
        line.request()
        got.append(line.ask(1, "Question 1: "))
        got.append(line.ask(2, "Question 2: "))
        line.send(rig.result(ALLOW, 0) if got[-2:] == ["x", "y"] else rig.result(DENY, 10))
    with Daemon(behave), Host() as host:
        for answers in (("fork:x", "t:y"), ("t:x", "fork:y")):
            host.start()
            result = host.auth(*answers)
            allowed(result, answers)
            equal(result.child, PAM_AUTHINFO_UNAVAIL, f"the child's verdict: {result!r}")
            host.do("end 0")
    equal(got, ["x", "y", "x", "y"], "answers, each once")


@test
def A107_threads():
    """16 threads on handles of their own, under the thread sanitizer in the plain tree."""
    sanitized = rig.BUILD / "tests/pam/pam_host_tsan"
    times = 1000 if LONG else 25
    stack = {"login": rig.full_stack(rig.BUILD / "tests/pam/pam_tsan.so")[:1] if sanitized.exists() else rig.full_stack()[:1]}
    secrets = {"alice": ["alice-1"], "bob": ["bob-1"]}
    # Its shadow can't be mapped under every layout of addresses.
    program = ["setarch", "-R", sanitized] if sanitized.exists() else [rig.HOST]
    with Daemon(judge(secrets), backlog=128), Host(stack, program, environment={"TSAN_OPTIONS": "halt_on_error=1"}) as host:
        equal(host.do(f"threads 16 {times} login alice t:alice-1 bob t:bob-1"), [f"threads good={8 * times},{8 * times} bad=0,0"])
        equal(host.do(f"threads 16 {times} login alice t:alice-1 bob t:alice-1"), [f"threads good={8 * times},0 bad=0,{8 * times}"])
    equal(sanitized.exists() or rig.ASAN, True, "the thread sanitizer's build is there")


@test
def A108_symbols():
    """Only entry points that exist are exported; nothing of the host stands in for ours; all resolves at load."""
    table = subprocess.run(["nm", "-D", str(rig.MODULE)], capture_output=True, text=True, check=True).stdout.split("\n")
    rows = [row.split() for row in table if row]
    equal({row[-1] for row in rows if row[-2] not in "Uw"}, EXPORTED, "exported symbols")
    used = {row[-1].split("@")[0] for row in rows if row[-2] in "Uw"}
    equal({name for name in used if name.startswith("pam_sm_")}, set(), "entry points called")
    if not rig.ASAN:
        equal(used & (NEVER_USED | {f"__{name}_chk" for name in NEVER_USED}), set(), "functions that must not be used")
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(rig.MODULE)], capture_output=True, text=True, check=True).stdout
    calls = set(re.findall(r"\bcall\s+[0-9a-f]+ <([^>@+]+)", code))
    equal({name for name in calls if name.startswith("pam_sm_")}, set(), "entry points called by our own functions")
    names = subprocess.run(["nm", "-D", "--defined-only", str(rig.HOST)], capture_output=True, text=True, check=True).stdout
    for trap in ("verify_card", "log_init", "sqlite3_open", "relay_run", "wire_send", "secret_wipe"):
        if f" T {trap}\n" not in names:
            raise AssertionError(f"the host does not export {trap}")
    with Daemon(judge(["x"])), Host(environment={"LD_BIND_NOW": "1"}) as host:
        allowed(host.login("t:x"))


@test
def A109_load_and_unload():
    """200 times in threads that end at once, then exit(3)."""
    with Daemon(judge(["x"])), Host({"login": rig.full_stack()[:1]}) as host:
        host.do(f"loads {rig.MODULE} 20 login taro t:x")
        before = host.stat()
        equal(host.do(f"loads {rig.MODULE} 200 login taro t:x"), ["loads good=200 bad=0 calls good=200 bad=0"])
        after = host.stat()
        equal(after[0], before[0], "descriptors")
        if after[1] > before[1] + 512 and not rig.ASAN:
            raise AssertionError(f"resident memory grew from {before[1]} to {after[1]} KiB")


@test
def a_host_that_leaves_in_the_middle():
    """The host is gone between question and answer, or behind its allowance: nothing is left open at the daemon."""
    asked, ended = [], []

    def behave(line):
        line.request()
        line.send(rig.message(rig.HIDDEN, 1, "Question: "))
        asked.append(True)
        try:
            line.answer()
        except EOFError:
            ended.append(True)
    with Daemon(behave):
        host = Host()
        host.start()
        host.say("wait:30000:x")
        host.send("auth 0 0")
        rig.wait_for(lambda: asked, what="the question")
        rig.time.sleep(0.2)
        os.kill(host.pid, 9)
        rig.wait_for(lambda: ended, what="the daemon's notice")
        host.end(-9)
    with Daemon(judge(["x"])):
        host = Host()
        host.start()
        allowed(host.auth("t:x"))
        host.do("abandon")
        host.end(0)


@test
def refusals_of_the_session_never_say_PAM_SESSION_ERR():
    with Host() as host:
        host.start()
        for behave in (None, always(DENY, 10), always(DENY, 52), always(DENY, 40), lambda line: None, lambda line: line.send(b"?")):
            daemon = Daemon(behave) if behave else None
            for verb in ("open", "close"):
                refused(host.call(verb), PAM_PERM_DENIED)
            if daemon:
                daemon.stop()


if __name__ == "__main__":
    rig.main(seconds=120)
