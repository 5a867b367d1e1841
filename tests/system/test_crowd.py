#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many at once: everyone gets the right verdict, nobody gets more guesses than the limit."""
import time

from lib import daemon, pam, report, stage, world

# As much memory as ever for each hash, and as little of the processor's time as may be: two hundred wait for it in turn, and other
# suites beside them.
CONF = """
[settings]
argon2-time = 1

[class field]
; a counter that has no card reader
where = remote
factors = totp,password
attempts = 3

[default]
factors = card,totp card,password
attempts = 3
login-time = 170s
"""
people = {}


def prepare():
    stage.set_up(CONF)
    world.login_stack(service="sshd")
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)




@report.test(seconds=120)
def A39_twenty_right_passwords_at_once_all_succeed():
    taro = people["taro"]
    hosts = [pam.Host("taro", *pam.by_password(taro)) for _ in range(20)]
    outcomes = [host.outcome() for host in hosts]
    report.equal([o.opened for o in outcomes], [True] * 20, "verdicts")
    report.lacks(stage.tool("log", "--last", "100", text=""), "lockout")
    stage.tool("unlock", "taro", text="", status=None)


@report.test(seconds=120)
def A33_fifty_wrong_passwords_at_once_get_three_verifications():
    taro = people["taro"]
    mark = world.journal_mark()
    answers = (("PIN", taro.pin), ("password", "not-the-password"))
    outcomes = [host.outcome() for host in [pam.Host("taro", *answers) for _ in range(50)]]
    report.equal({o.codes["auth"] for o in outcomes}, {pam.AUTH_ERR}, "verdicts")
    wrong = [e for e in world.journal(since=mark) if e.get("CARDMFA_RESULT") == "SECRET_WRONG"]
    report.equal(len(wrong), 3, "failures on record")
    told = sum("Locked after too many failures" in o.text or "locked" in o.text for o in outcomes)
    report.equal(told, 47, "who were told of the lock")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, False, "the right password while locked")
    stage.tool("unlock", "taro", text="")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the right password after unlock")


@report.test(seconds=120)
def A48_one_code_sixteen_times_at_once_opens_once():
    hanako = people["hanako"]
    code = hanako.code()
    answers = (("PIN", hanako.pin), ("code", code))
    outcomes = [host.outcome() for host in [pam.Host("hanako", *answers) for _ in range(16)]]
    report.equal(sum(o.opened for o in outcomes), 1, "successes")
    stage.tool("unlock", "hanako", text="", status=None)


@report.test(seconds=300)
def two_hundred_logins_local_and_remote_all_get_their_verdict():
    taro, hanako = people["taro"], people["hanako"]
    hosts, wanted = [], []
    begun = time.monotonic()
    watch = daemon.MemoryWatch()
    watch.start()
    for i in range(200):
        kind = i % 4
        if kind == 0:
            hosts.append(pam.Host("taro", *pam.by_password(taro), seconds=240))
        elif kind == 1:
            hosts.append(pam.Host("hanako", *pam.by_password(hanako), seconds=240))
        elif kind == 2:
            # From afar, without a card: refused after the work of a hash.
            hosts.append(pam.Host("taro", ("code", "000000"), ("assword", "x" * 9), service="sshd", rhost=f"192.0.2.{i}", seconds=240))
        else:
            hosts.append(pam.Host("nobody-of-ours", ("PIN", "123456"), ("password", "x" * 9), service="login", seconds=240))
        wanted.append(kind < 2)
    outcomes = [host.outcome() for host in hosts]
    for outcome, want in zip(outcomes, wanted):
        if outcome.opened != want:
            raise AssertionError(f"wanted {want}: {outcome}")
    watch.over.set()
    print(f"# 200 logins in {time.monotonic() - begun:.1f} s, slowest {max(o.seconds for o in outcomes):.1f} s, "
          f"memory of the daemon at most {watch.largest} MiB")
    if not 0 < watch.largest < 1024:
        raise AssertionError(f"the daemon took {watch.largest} MiB")


if __name__ == "__main__":
    report.main(prepare)
