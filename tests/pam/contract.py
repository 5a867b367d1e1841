#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the module owes its host, whatever the daemon says: codes, flags, names, state of the process."""
import os

import rig
from rig import (AUTH, ALLOW, Daemon, DENY, Host, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL, PAM_CONV_ERR, PAM_PERM_DENIED, PAM_SERVICE_ERR,
                 PAM_SILENT, allowed, always, equal, judge, refused, test, within)

CALLS = ("auth", "acct", "cred", "open", "close")


@test
def right_answers_open():
    with Daemon(judge(["483920", "secret"])), Host() as host:
        host.start()
        got = allowed(host.auth("t:483920", "t:secret"))
        equal(got.prompted, ["Question 1: ", "Question 2: "])
        for verb in ("acct", "cred"):
            with Daemon(always(ALLOW, rig.OK)):
                allowed(host.call(verb))


@test
def wrong_answers_are_refused():
    with Daemon(judge(["483920", "secret"])), Host() as host:
        for answers in (("t:483920", "t:wrong"), ("t:wrong", "t:secret"), ("t:secret", "t:483920"), ("empty", "empty")):
            refused(host.login(*answers), PAM_AUTH_ERR)


@test
def each_result_has_its_code():
    rows = {10: (PAM_AUTH_ERR, PAM_PERM_DENIED), 27: (PAM_AUTH_ERR, PAM_PERM_DENIED), 40: (PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED),
            43: (PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED), 52: (PAM_SERVICE_ERR, PAM_SERVICE_ERR), 54: (PAM_CONV_ERR, PAM_PERM_DENIED),
            55: (PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED), 74: (PAM_AUTH_ERR, PAM_PERM_DENIED), 999: (PAM_AUTH_ERR, PAM_PERM_DENIED),
            0xFFFFFFFF: (PAM_AUTH_ERR, PAM_PERM_DENIED)}
    with Host() as host:
        host.start()
        for err, (auth, account) in rows.items():
            with Daemon(always(DENY, err)):
                refused(host.call("auth"), auth, what=err)
                refused(host.call("acct"), account, what=err)
                # PAM_SESSION_ERR would let sudo run the command.
                refused(host.call("open"), PAM_PERM_DENIED, what=err)
                refused(host.call("close"), PAM_PERM_DENIED, what=err)


@test
def only_the_exact_allowance_opens():
    """Flipped bits of either word, and allowances that carry a failure, are no success."""
    words = [(ALLOW ^ (1 << bit), 0) for bit in range(32)] + [(DENY, 0), (0, 0), (1, 0), (0xFFFFFFFF, 0), (ALLOW, 10), (ALLOW, 0x80000000)]
    with Host() as host:
        host.start()
        for verdict, err in words:
            with Daemon(always(verdict, err)):
                for verb in ("auth", "acct", "open", "close"):
                    refused(host.call(verb), what=(verb, hex(verdict), err))


@test
def A6_setcred_is_inert():
    """Also when the daemon has gone in between, in a child and in a process that never authenticated."""
    def each_twice(host):
        for flag in (rig.PAM_ESTABLISH_CRED, rig.PAM_REINITIALIZE_CRED, rig.PAM_REFRESH_CRED, rig.PAM_DELETE_CRED):
            for _ in range(2):
                allowed(host.call("cred", flag), flag)
                allowed(rig.Result(host.do(f"fork cred 0 {flag}")), f"{flag} after fork")
    for alive in (True, False):
        for before in ((), ("t:x",)):
            daemon = Daemon(judge(["x"]))
            with Host() as host, Host() as another:
                host.start()
                if before:
                    allowed(host.auth(*before))
                served = daemon.served
                if not alive:
                    daemon.stop()
                each_twice(host)
                another.start()
                each_twice(another)
                equal(daemon.served, served, "connections made by setcred")
            daemon.stop()


@test
def A9_user_stays():
    """The module's part: it never changes the name and asks the daemon about the present one."""
    asked = []

    def behave(line):
        request = line.request()
        asked.append((request["op"], request["user"]))
        line.send(rig.result(ALLOW, 0) if request["user"] == "alice" else rig.result(DENY, 10))
    with Daemon(behave), Host() as host:
        host.start("alice")
        allowed(host.call("auth"))
        host.do("set 0 user bob")
        refused(host.call("acct"), PAM_PERM_DENIED)
        host.do("set 0 user -")
        host.say("t:alice")
        got = host.call("auth")
        # libpam keeps the name that was asked for; that is the one change.
        equal((got.rc, got.changed, len(got.prompted)), (0, "user", 1))
        host.do("set 0 user -")
        refused(host.call("acct"), PAM_PERM_DENIED)
    equal(asked, [(1, "alice"), (2, "bob"), (1, "alice")])


@test
def empty_or_hostile_items_are_refused():
    with Daemon(always(ALLOW, 0)) as daemon, Host() as host:
        for item, value in (("user", ""), ("user", "x" * 300), ("rhost", "r" * 1100), ("tty", "t" * 300)):
            host.start("alice")
            host.do(f"set 0 {item} {value}")
            refused(host.call("auth"), PAM_AUTH_ERR, what=(item, len(value)))
            host.do("end 0")
        host.start("alice")
        host.do("putenv 0 SSH_AUTH_INFO_0=" + "k" * 5000)
        refused(host.call("auth"), PAM_AUTH_ERR)
        equal(daemon.problems, [])


@test
def nobody_is_asked_about_an_empty_name():
    """Neither one that the host gives nor one that a person does; one letter is a name."""
    with Daemon(always(ALLOW, 0)) as daemon, Host() as host:
        for user, *answers in (("taro",), ("-", "empty")):
            host.start(user)
            if not answers:
                host.do("set 0 user ")
            got = host.auth(*answers)
            equal(got.rc, PAM_AUTH_ERR, answers)
            equal([t for t in got.told if not t.startswith("probe")], [], "told")
            host.do("end 0")
        equal(daemon.served, 0, "connections")
        allowed(host.login(user="t"))


@test
def requests_carry_what_the_host_says():
    seen = []

    def behave(line):
        seen.append(line.request())
        line.send(rig.result(ALLOW, 0))
    with Daemon(behave), Host() as host:
        host.start("alice")
        for item, value in (("rhost", "192.0.2.7"), ("tty", "/dev/pts/3"), ("ruser", "mallory")):
            host.do(f"set 0 {item} {value}")
        host.do("putenv 0 SSH_AUTH_INFO_0=publickey")
        for verb in ("auth", "acct", "open", "close"):
            host.call(verb, 0)
    equal([r["op"] for r in seen], [1, 2, 3, 4, 5])
    equal([r["auth_info"] for r in seen], ["publickey", "publickey", "", "", ""], "SSH_AUTH_INFO_0, never in the session phase")
    for r in seen:
        equal((r["user"], r["service"], r["rhost"], r["tty"]), ("alice", "login", "192.0.2.7", "/dev/pts/3"))


@test
def A10_unknown_arguments():
    stacks = {"a": ["auth required {m} try_first_pass"], "b": ["account required {m} confirm"], "c": ["session required {m} confrim"],
              "d": ["session required {m} confirm confirm"], "e": ["auth required {m} ="], "f": ["auth required {m} debug"]}
    log = rig.LogSocket()
    with Daemon(always(ALLOW, 0)) as daemon:
        with Host({name: [line.format(m=rig.MODULE) for line in lines] for name, lines in stacks.items()}) as host:
            for service, verb, code in (("a", "auth", PAM_SERVICE_ERR), ("b", "acct", PAM_SERVICE_ERR), ("c", "open", PAM_PERM_DENIED),
                                        ("c", "close", PAM_PERM_DENIED), ("d", "open", PAM_PERM_DENIED),
                                        ("e", "auth", PAM_SERVICE_ERR), ("f", "auth", PAM_SERVICE_ERR)):
                host.start("alice", service)
                refused(host.call(verb), code, what=(service, verb))
                said = log.lines()
                if not any("argument" in line and line.startswith("<83>") for line in said):
                    raise AssertionError(f"{service}: not logged: {said}")
                host.do("end 0")
        equal(daemon.served, 0, "connections")


@test
def A13_conversation_errors():
    """Each way to fail, at each of two prompts; also a host without a conversation."""
    with Daemon(judge(["one", "two"], infos=["information"])), Host() as host:
        for wrong in ("fail", "buf", "again", "fail0", "failarr", "null", "nullresp"):
            for answers in ((wrong,), ("t:one", wrong)):
                got = within(refused(host.login(*answers), PAM_CONV_ERR, what=answers), 0, rig.SOON_MS)
                equal(len(got.prompted), len(answers))
        host.start("taro")
        host.do("set 0 noconv x")
        refused(host.call("auth"), PAM_CONV_ERR)
        host.do("end 0")
        # libpam itself asks for the name, and frees what a failing conversation left behind.
        for wrong in ("fail0", "null", "nullresp"):
            host.start("-")
            refused(host.auth(wrong), PAM_CONV_ERR, what=f"name: {wrong}")
            host.do("end 0")
        allowed(host.login("t:one", "t:two"))


@test
def too_long_an_answer_is_none():
    with Daemon(judge(["x" * 512])), Host() as host:
        allowed(host.login("long:512"))
        for n in (513, 5000, 1 << 20):
            refused(host.login(f"long:{n}"), PAM_CONV_ERR)


@test
def cancelled_prompts_end_at_once():
    with Daemon(judge(["one", "two"])), Host() as host:
        for answers in (("fail0",), ("t:one", "fail0"), ("empty", "empty"), ()):
            within(refused(host.login(*answers)), 0, rig.SOON_MS)


@test
def A29_flags():
    def behave(line):
        request = line.request()
        line.send(rig.ready(5000))
        line.send(rig.message(rig.INFO, 0, "information"))
        line.send(rig.message(rig.ERROR, 0, "error"))
        right = line.ask(1, "Question: ") == "x"
        line.send(rig.message(rig.ERROR, 0, "the end"))
        flags.append(request["flags"])
        line.send(rig.result(ALLOW, 0) if right else rig.result(DENY, 10))
    flags = []
    with Daemon(behave), Host() as host:
        equal([t for t in allowed(host.login("t:x")).told if not t.startswith("probe")], ["information", "error", "the end"])
        for flag in (PAM_SILENT, PAM_SILENT | rig.PAM_DISALLOW_NULL_AUTHTOK, PAM_SILENT | 0x20, PAM_SILENT | 0x40000000):
            for answer in ("t:x", "empty"):
                got = host.login(answer, flags=flag)
                (allowed if answer == "t:x" else refused)(got)
                equal([t for t in got.told if not t.startswith("probe")], [], f"texts under {flag:#x}")
                equal(got.prompted, ["Question: "])
        for flag in (rig.PAM_DISALLOW_NULL_AUTHTOK, 0x20, 0x40000000):
            refused(host.login("empty", flags=flag))
            allowed(host.login("t:x", flags=flag))
    equal(flags[1] & 0xFFFF, PAM_SILENT, "flags as the daemon sees them")
    with Host() as host:
        equal([t for t in refused(host.login("t:x", flags=PAM_SILENT)).told if not t.startswith("probe")], [], "texts without a daemon")


@test
def session_limit_reaches_pam_systemd():
    with Host() as host:
        host.start()
        for runtime, wanted in ((28800, "28800"), (0, "28800"), (60, "60")):
            with Daemon(always(ALLOW, 0, runtime)):
                equal([t for t in allowed(host.call("open")).told if "runtime" in t], [f"probe runtime={wanted}"])
        with Daemon(always(DENY, 10, 5)):
            refused(host.call("open"), PAM_PERM_DENIED)


@test
def A79_descriptors():
    """On all paths the same descriptors before and after; during a call those of ours are >= 3 and close on exec."""
    log = rig.LogSocket()
    for close in (False, True):
        with Host() as host:
            if close:
                host.do("close012")
            host.start()
            with Daemon(judge(["one"])):
                for answers in (("t:one",), ("t:wrong",), ("fail",)):
                    got = host.auth(*answers)
                    equal((got.rc == 0, got.changed), (answers == ("t:one",), "-"), answers)
                    inside = [word.split(":") for words in got.inside for word in words]
                    if not inside:
                        raise AssertionError(f"no descriptor during the call: {got!r}")
                    for fd, cloexec in inside:
                        if int(fd) < 3 or cloexec != "1":
                            raise AssertionError(f"descriptor {fd} during a call, close-on-exec {cloexec}")
            for behave in (lambda line: line.send(b"x"), lambda line: None, lambda line: line.send(rig.packet(77)), always(DENY, 52),
                           lambda line: line.sock.sendmsg([rig.ready(5)], [(1, 1, b"\0\0\0\0")])):
                with Daemon(behave):
                    for verb in CALLS:
                        equal(host.call(verb).changed, "-", verb)
            for verb in CALLS:
                equal(host.call(verb).changed, "-", f"{verb} without a daemon")
            host.do("set 0 user -")
            for verb in CALLS:
                equal(host.call(verb).changed, "-", f"{verb} without a name")
        ours = [line for line in log.lines() if "pam_cardmfa" in line]
        if not ours:
            raise AssertionError("nothing was logged: the paths with logging were not tried")


@test
def a_full_log_holds_nobody():
    log = rig.LogSocket()
    with Host() as host:
        host.start()
        host.do("set 0 tty " + "t" * 300)
        for _ in range(1000):
            within(refused(host.call("acct"), PAM_PERM_DENIED), 0, rig.SOON_MS)
    equal(0 < len(log.lines()) < 1000, True, "the log was full")


@test
def A81_signals():
    def slow(line):
        line.request()
        line.send(rig.ready(5000))
        for number in range(1, 4):
            rig.time.sleep(0.15)
            equal(line.ask(number, "Question: "), "x", "answer")
        rig.time.sleep(0.15)
        line.send(rig.result(ALLOW, 0))

    def leave(line):
        line.request()
        line.send(rig.message(rig.HIDDEN, 1, "Question: "))
    with Host() as host:
        host.do("signals")
        host.start()
        with Daemon(slow):
            allowed(host.auth("wait:100:x", "t:x", "wait:100:x"))
        for verb in ("acct", "open", "close"):
            with Daemon(always(ALLOW, 0)):
                allowed(host.call(verb))
        for _ in range(20):
            # The peer is gone when the answer is sent.
            with Daemon(leave):
                refused(host.auth("wait:20:x"), PAM_AUTHINFO_UNAVAIL)
        with Daemon(slow, accepting=False, backlog=0):
            filler = rig.socket.socket(rig.socket.AF_UNIX, rig.socket.SOCK_SEQPACKET)
            filler.connect(rig.ROOT_SOCKET)
            within(refused(host.call("auth"), PAM_AUTHINFO_UNAVAIL), 4500, 8500)
        if int(host.do("signals")[0].split()[1]) < 500:
            raise AssertionError("too few signals arrived")


@test
def A83_privileges():
    """uids, gids, groups, capabilities, securebits, keyring and limits are as before, for root, for a user and in between."""
    for uid, effective in ((0, None), (1000, None), (0, 1000)):
        for behave in (always(ALLOW, 0), always(DENY, 10), lambda line: None):
            with Host(uid=uid, leaks=not effective) as host, Daemon(behave, rig.USER_SOCKET if uid or effective else rig.ROOT_SOCKET):
                if effective is not None:
                    host.do(f"seteuid {effective}")
                host.start()
                for verb in CALLS:
                    equal(host.call(verb).changed, "-", (uid, effective, verb))


@test
def which_socket_follows_the_effective_uid():
    with Daemon(always(ALLOW, 0)) as root, Daemon(always(DENY, 40), rig.USER_SOCKET) as user:
        with Host(leaks=False) as host:
            host.start()
            allowed(host.call("auth"))
            host.do("seteuid 1000")
            refused(host.call("auth"), PAM_AUTHINFO_UNAVAIL)
        with Host(uid=1000) as host:
            host.start()
            refused(host.call("auth"), PAM_AUTHINFO_UNAVAIL)
        equal((root.served, user.served), (1, 2))


@test
def nothing_comes_from_the_environment():
    paths = {name: "/run/elsewhere" for name in ("CARDMFA_RUNDIR", "CARDMFA_SOCKET", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET", "TMPDIR", "HOME")}
    with Daemon(always(ALLOW, 0), "/run/elsewhere"), Host(environment={**paths, "LANG": "ja_JP.UTF-8"}) as host:
        refused(host.login("t:x"), PAM_AUTHINFO_UNAVAIL)
    equal(AUTH, 1)
    equal(os.path.exists(rig.ROOT_SOCKET), False)


if __name__ == "__main__":
    rig.main()
