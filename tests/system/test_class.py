#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which class applies, seen from what it lets in."""
import re

from lib import pam, report, stage, world

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class strict]
; their password is never enough
group   = vips
factors = card,totp
attempts = 2

[class branch]
service = sshd
from    = 192.0.2.0/24 2001:db8::/32
factors = totp,password

[default]
factors = card,totp card,password
attempts = 5
"""
people = {}


def prepare():
    world.run("groupadd", "vips")
    stage.set_up(CONF)
    world.login_stack(service="sshd")
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", groups=("vips",), reader=1)


def class_of_last_login():
    return re.findall(r"class=(\S+)", stage.tool("log", "--type", "login", "--last", "1", text=""))[-1]


def only(name):
    for person in people.values():
        wanted = person.name == name
        if ("inserted=yes" in person.card.ctl("status")) != wanted:
            (person.card.insert if wanted else person.card.remove)()
    return people[name]


@report.test()
def a_group_makes_the_class_and_its_factors_hold():
    hanako = only("hanako")
    report.equal(pam.attempt("hanako", *pam.by_password(hanako)).opened, False, "card and password")
    report.equal(pam.attempt("hanako", *pam.by_code(hanako)).opened, True, "card and code")
    report.equal(class_of_last_login(), "strict", "class")
    stage.tool("unlock", "hanako", text="", status=None)
    taro = only("taro")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "everybody else")
    report.equal(class_of_last_login(), "default", "class")


@report.test(seconds=90)
def a_group_source_that_fails_loosens_nothing():
    hanako = only("hanako")
    report.equal(pam.attempt("hanako", *pam.by_code(hanako)).opened, True, "before")
    groups = open("/etc/group", encoding="utf-8").read()
    world.write("/etc/group", "".join(line for line in groups.splitlines(True) if not line.startswith("vips:")))
    try:
        mark = world.journal_mark()
        report.equal(pam.attempt("hanako", *pam.by_password(hanako)).opened, False, "card and password, group gone")
        report.contains(world.journal_text(since=mark), "group source failed")
        report.equal(pam.attempt("hanako", *pam.by_code(hanako)).opened, True, "card and code, group gone")
        report.equal(class_of_last_login(), "strict", "class")
        taro = only("taro")
        report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "who never was in it")
    finally:
        world.write("/etc/group", groups)
    stage.tool("unlock", "hanako", text="", status=None)


@report.test(seconds=90)
def an_address_makes_the_class_where_it_is_numeric_and_inside():
    taro = people["taro"]
    answers = lambda: (("[Vv]erification code", taro.code()), ("[Pp]assword", taro.password))
    for rhost, opened in (("192.0.2.5", True), ("2001:db8::7", True), ("::ffff:192.0.2.9", True), ("192.0.3.5", False),
                          ("host.example", False), ("192.0.2.5 ", False)):
        outcome = pam.attempt("taro", *answers(), service="sshd", rhost=rhost)
        report.equal(outcome.opened, opened, f"from {rhost!r}: {outcome.shown}")


@report.test()
def two_kinds_are_asked_one_after_the_other_where_both_are_wanted():
    taro = people["taro"]
    outcome = pam.attempt("taro", ("[Vv]erification code", taro.code()), ("[Pp]assword", "wrong-password"), service="sshd",
                          rhost="192.0.2.5")
    report.equal([text for style, text in outcome.shown if style == 1], ["Verification code: ", "Password: "], "prompts")
    report.equal(outcome.opened, False, "a wrong password behind a right code")
    report.equal(pam.attempt("taro", ("[Vv]erification code", taro.app.last()), ("[Pp]assword", taro.password), service="sshd",
                             rhost="192.0.2.5").opened, False, "its code again")


@report.test()
def a_remote_login_that_no_alternative_can_satisfy_is_asked_and_refused():
    taro = people["taro"]
    outcome = pam.attempt("taro", ("code|assword", taro.password), service="sshd", rhost="198.51.100.1")
    stranger = pam.attempt("nobody-at-all", ("code|assword", taro.password), service="sshd", rhost="198.51.100.1")
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "codes")
    report.equal(outcome.shown, stranger.shown, "what is seen")


if __name__ == "__main__":
    report.main(prepare)
