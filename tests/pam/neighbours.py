#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stack of ours and one other module: with ours refusing, nothing the other says opens."""
import pathlib

import rig
from rig import ALLOW, Daemon, DENY, Host, PAM_SUCCESS, always, equal, judge, test

PAM_MODULES = next(d for d in map(pathlib.Path, ("/usr/lib/x86_64-linux-gnu/security", "/usr/lib/aarch64-linux-gnu/security",
                                                 "/usr/lib64/security", "/lib/security")) if d.is_dir())
NEIGHBOURS = ("pam_cap.so", "pam_faillock.so preauth dir=/run/faillock", "pam_faillock.so authsucc dir=/run/faillock",
              "pam_localuser.so", "pam_securetty.so", "pam_succeed_if.so uid >= 0", "pam_succeed_if.so user = root", "pam_access.so",
              "pam_exec.so /bin/true", "pam_exec.so /bin/false", "pam_echo.so hello", "pam_env.so conffile=/dev/null readenv=0",
              "pam_nologin.so", "pam_faildelay.so delay=0", "pam_group.so", "pam_keyinit.so", "pam_permit.so", "pam_rootok.so",
              "pam_unix.so nullok", "pam_warn.so", "pam_deny.so")
CONTROLS = ("required", "requisite", "sufficient", "optional", "[success=ok default=ignore]", "[default=done]")


def refuse(err):
    def behave(line):
        line.request()
        line.send(rig.result(DENY, err))
    return behave


# Each reason for which the daemon refuses, and what happens without one that answers.
REASONS = {"refused": refuse(10), "no card": refuse(20), "not enrolled": refuse(25), "revoked": refuse(18), "store": refuse(43),
           "store damaged": refuse(45), "configuration": refuse(52), "no memory": refuse(50), "no conversation": refuse(54),
           "not understood": lambda line: line.send(b"?"), "left": lambda line: None, "no daemon": None}


def neighbour(line):
    name, _, arguments = line.partition(" ")
    return f"{PAM_MODULES / name} {arguments}".rstrip()


@test
def A2_neighbours():
    available = [n for n in NEIGHBOURS if (PAM_MODULES / n.split()[0]).exists()]
    equal(len(available) >= len(NEIGHBOURS) - 1, True, f"modules of {PAM_MODULES}")
    stacks, tried = {}, 0
    for i, name in enumerate(available):
        for k, control in enumerate(CONTROLS):
            ours = f"auth required {rig.MODULE}"
            stacks[f"a{i}-{k}"] = [ours, f"auth {control} {neighbour(name)}"]
            if control != "sufficient" and control != "[default=done]":     # those, before ours, are the administrator's way past it
                stacks[f"b{i}-{k}"] = [f"auth {control} {neighbour(name)}", ours]
    with Host(stacks) as host:
        for reason, behave in REASONS.items():
            daemon = Daemon(behave) if behave else None
            for service in stacks:
                for user in ("root", "nobody"):
                    host.start(user, service)
                    got = host.auth(*["t:x"] * 4)
                    if got.rc in (PAM_SUCCESS, rig.PAM_IGNORE, None):
                        raise AssertionError(f"{reason}, {user}: {stacks[service]}: {got!r}")
                    host.do("end 0")
                    tried += 1
            if daemon:
                daemon.stop()
    equal(tried, len(REASONS) * len(stacks) * 2)


@test
def an_allowing_daemon_opens_the_same_stacks():
    """The same matrix is not refused for another reason: with right answers pam_permit beside ours opens."""
    stacks = {"a": [f"auth required {rig.MODULE}", f"auth required {neighbour('pam_permit.so')}"],
              "b": [f"auth required {neighbour('pam_permit.so')}", f"auth required {rig.MODULE}"]}
    with Daemon(judge(["x"])), Host(stacks) as host:
        for service in stacks:
            equal(host.login("t:x", user="nobody", service=service).rc, PAM_SUCCESS)
    with Daemon(always(ALLOW, 0)), Host({"x": [f"auth required {rig.MODULE} surprise"]}) as host:
        equal(host.login(user="nobody", service="x").rc, rig.PAM_SERVICE_ERR)


if __name__ == "__main__":
    rig.main(seconds=150)
