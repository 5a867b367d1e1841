#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Account and session calls: what they refuse and record without any authentication of their own."""
import time

from lib import console, pam, report, stage, world

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class batch]
person = jobs
factors = card,password
batch = yes

[default]
factors = card,password card,totp
attempts = 3
"""
people = {}
WHOLE = ("auth", "account", "cred", "open", "close")


def prepare():
    stage.set_up(CONF)
    for service in ("cron", "atd", "systemd-user-test", "su", "sshd"):
        world.login_stack(service=service)
    world.add_user("jobs")
    stage.tool("user", "add", "jobs", text="")
    people["taro"] = stage.person("taro", with_app=False)


def sql(query):
    return world.run("setpriv", "--reuid", "cardmfa", "--clear-groups", "sqlite3", "-readonly", "/var/lib/cardmfa/store.db",
                     query).stdout.strip()


@report.test()
def a_login_leaves_grant_session_and_events_in_order():
    taro = people["taro"]
    with console.Console() as screen:
        report.equal(screen.login("taro", *taro.by_password()), True, "login")
        state, logind = sql("SELECT state, logind_session FROM session ORDER BY id DESC LIMIT 1").split("|")
        report.equal(state, "open", "the session while it lasts")
        report.contains(screen.shell("cat /proc/self/cgroup"), f"session-{logind}.scope")
        screen.logout()
    world.wait_for(lambda: sql("SELECT state FROM session ORDER BY id DESC LIMIT 1") == "closed", what="the session's end")
    report.equal(sql("SELECT type FROM event WHERE person = 'taro' AND type NOT IN ('person-add', 'card-enrol', 'password-set') ORDER BY seq"),
                 "login\nsession-open\nsession-close", "events")
    report.equal(sql("SELECT count(*) FROM login_grant WHERE used_at IS NOT NULL"), "1", "grants used")


@report.test()
def who_is_let_in_without_being_asked_is_not():
    """A getty that logs somebody in by itself, and root's login for somebody."""
    before = sql("SELECT count(*) FROM session")
    for command in (("/sbin/agetty", "--autologin", "taro", "--noclear", "--noissue", "-", "linux"), ("/bin/login", "-f", "taro"),
                    ("/bin/login", "-f", "-h", "host.example", "taro"), ("/bin/login", "-f", "root")):
        with console.Terminal(*command) as screen:
            screen.end()
            report.contains(screen.text, "Permission denied")
    report.equal(sql("SELECT count(*) FROM session"), before, "sessions")


@report.test()
def a_session_without_a_login_is_refused():
    report.equal(pam.attempt("taro", calls=("open",)).codes, {"open": pam.PERM_DENIED}, "no grant at all")
    world.add_user("outsider")
    report.equal(pam.attempt("outsider", calls=("open",)).codes, {"open": pam.PERM_DENIED}, "no person of ours")


@report.test()
def a_grant_is_for_its_host_person_and_service_only():
    taro = people["taro"]
    keeper = pam.Host("taro", *pam.by_password(taro), calls=("auth",))
    report.equal(keeper.outcome().opened, True, "the login")
    report.equal(pam.attempt("taro", calls=("account",)).codes, {"account": pam.PERM_DENIED}, "another process")
    for other in ("jobs", "root"):
        report.equal(pam.attempt(other, calls=("account",)).codes, {"account": pam.PERM_DENIED}, other)


@report.test()
def a_login_without_a_logind_session_is_refused():
    """pam_systemd is optional in every stack: without its scope nothing could end the session."""
    taro = people["taro"]
    stack = open("/etc/pam.d/login", encoding="utf-8").read()
    world.write("/etc/pam.d/login", stack.replace("session  required  pam_systemd.so\n", ""))
    try:
        outcome = pam.attempt("taro", *pam.by_password(taro), calls=WHOLE)
    finally:
        world.write("/etc/pam.d/login", stack)
    report.equal(outcome.codes["account"], pam.SUCCESS, "account")
    report.equal(outcome.codes["open"], pam.PERM_DENIED, "open_session")


@report.test()
def jobs_run_only_where_the_class_says_so():
    for service in ("cron", "atd"):
        report.equal(pam.attempt("jobs", service=service, calls=("account",)).codes, {"account": pam.SUCCESS}, service)
        report.equal(pam.attempt("taro", service=service, calls=("account",)).codes, {"account": pam.PERM_DENIED}, service)
        report.equal(pam.attempt("root", service=service, calls=("account",)).codes, {"account": pam.SUCCESS}, "root's")
    world.add_user("stranger")
    report.equal(pam.attempt("stranger", service="cron", calls=("account",)).codes, {"account": pam.PERM_DENIED}, "no person")


@report.test()
def a_locked_person_has_no_jobs_and_no_way_by_su_from_root():
    report.equal(pam.attempt("jobs", service="su", calls=("account",)).codes, {"account": pam.SUCCESS}, "before")
    world.run("setpriv", "--reuid", "cardmfa", "--clear-groups", "sqlite3", "/var/lib/cardmfa/store.db",
              "UPDATE person SET state = 'locked' WHERE login = 'jobs'")
    for service in ("cron", "su"):
        report.equal(pam.attempt("jobs", service=service, calls=("account",)).codes, {"account": pam.PERM_DENIED}, service)
    stage.tool("unlock", "jobs", text="")


@report.test()
def A7_account_and_session_calls_clear_no_counter():
    taro = people["taro"]
    for _ in range(2):
        pam.attempt("taro", ("PIN", taro.pin), ("assword", "wrong-password"))
    before = sql("SELECT failed FROM bucket")
    report.equal(before, "2", "failures")
    for service in ("login", "cron", "su", "sshd"):
        pam.attempt("taro", service=service, calls=("account", "cred", "open", "close"), stay=True)
    report.equal(sql("SELECT failed FROM bucket"), before, "failures afterwards")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "a whole login")
    report.equal(sql("SELECT count(*) FROM bucket"), "0", "buckets")


@report.test()
def A6_setcred_does_nothing_even_without_a_daemon():
    world.systemctl("stop", "cardmfad.socket", "cardmfad-user.socket", "cardmfad.service")
    try:
        for flags in (2, 8, 16, 4):
            report.equal(pam.attempt("taro", calls=("cred", "cred2"), flags=flags).codes, {"cred": 0, "cred2": 0}, f"flags {flags}")
        report.equal(pam.attempt("taro").codes, {"auth": pam.AUTHINFO_UNAVAIL}, "authenticate")
    finally:
        world.systemctl("start", "cardmfad.socket", "cardmfad-user.socket")
    report.equal(pam.attempt("taro", *pam.by_password(people["taro"])).opened, True, "back")


@report.test()
def close_session_ends_its_own_session_only():
    taro = people["taro"]
    with console.Console() as screen:
        report.equal(screen.login("taro", *taro.by_password()), True, "login")
        for _ in range(2):
            pam.attempt("taro", calls=("close",))
        report.equal(sql("SELECT state FROM session ORDER BY id DESC LIMIT 1"), "open", "the session of the console")
        screen.logout()


@report.test()
def A27_the_person_judged_is_pam_user_whatever_else_is_claimed():
    taro = people["taro"]
    report.equal(pam.attempt("jobs", *pam.by_password(taro), ruser="taro").opened, False, "jobs with taro's card and password")
    report.equal(pam.attempt("taro", *pam.by_password(taro), ruser="root").opened, True, "taro")


@report.test(seconds=90)
def A30_an_ordinary_user_can_only_ask_for_himself():
    uid = int(world.run("id", "-u", "taro").stdout)
    world.write("/etc/pam.d/swaylock", "auth required pam_cardmfa.so\naccount required pam_cardmfa.so\n")
    begun = time.monotonic()
    other = pam.attempt("jobs", ("PIN", "123456"), ("password", "x"), service="swaylock", uid=uid)
    report.equal(other.codes, {"auth": pam.AUTHINFO_UNAVAIL}, "for another")
    report.equal([text for style, text in other.shown if style in (1, 2)], [], "prompts")
    own = pam.attempt("taro", ("PIN", "123456"), ("password", "wrong-password"), service="swaylock", uid=uid)
    report.equal(own.codes["auth"], pam.AUTH_ERR, "for himself, wrong")
    if time.monotonic() - begun > 2 * report.SOON:
        raise AssertionError("too slow")
    report.equal(sql("SELECT count(*) FROM bucket WHERE origin = 'local'"), "0", "failures of the console's bucket")


@report.test(seconds=90)
def a_killed_host_leaves_no_open_session_behind_for_others():
    taro = people["taro"]
    host = pam.Host("taro", *pam.by_password(taro), calls=("auth", "account", "open"))
    report.equal(host.outcome().opened, True, "opened")
    report.equal(pam.attempt("taro", calls=("account",)).codes, {"account": pam.PERM_DENIED}, "the next process")


if __name__ == "__main__":
    report.main(prepare)
