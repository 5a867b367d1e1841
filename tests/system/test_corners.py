#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool where it is seldom used: a host without our users, one card at a time, words that are none, a card that comes later."""
import json
import pathlib
import pwd
import re

from lib import report, stage, vcard, world
from lib.console import Terminal
from lib.report import contains, equal, lacks
from lib.stage import tool

SYSUSERS = pathlib.Path("/usr/lib/sysusers.d/cardmfa.conf")
USERS = ("cardmfa", "cardmfa-card")
OPTIONS = ("--slot", "9A=p256,pin=once")


def prepare():
    """cardtool init where neither our users nor systemd's list of them exist."""
    for name in USERS:
        world.run("userdel", name, status=None)
    aside = SYSUSERS.rename("/root/cardmfa.conf")
    tool("init")
    aside.rename(SYSUSERS)
    world.start_pcscd()
    world.add_user("taro")
    tool("user", "add", "taro", "--name", "山田 太郎", "--staff-number", "10234")


def refused(*words, status=1):
    """What is said of an act that is not done."""
    return world.run("cardtool", *words, status=status).stderr


@report.test()
def init_makes_the_users():
    for name in USERS:
        user = pwd.getpwnam(name)
        equal(user.pw_shell, "/usr/sbin/nologin")
        assert 0 < user.pw_uid < 1000, user.pw_uid


@report.test(90)
def one_card_is_shown_as_it_is():
    contains(tool("list"), "No card is enrolled yet (`cardtool enroll USER`).")
    with vcard.Card("--pin", stage.PIN, *OPTIONS) as card:
        card_id = stage.enroll("taro", card, stage.PIN, "--label", "茶色のカード")
        shown = tool("show", card_id)
        for part in (card_id, "taro  10234  山田 太郎", "茶色のカード", "active", "possible", "needed (seen at enrolment)"):
            contains(shown, part)
        lacks(shown, "Revoked")
        contains(refused("enroll", "taro", "--reader", card.reader), f"enrolled already, as card {card_id} of taro")
        said = tool("pin", "try", answers=((r"PIN.*: $", stage.PIN),))
        contains(said, f"It is card {card_id} of taro (active).")
        contains(said, "The PIN is right")
    event = json.loads(world.run("cardtool", "log", "--json", "--type", "pin-try").stdout)[-1]
    equal((event["card"], event["user"], event["result"]), (card_id, "taro", "OK"))
    contains(tool("list"), card_id)
    contains(tool("list", "--state", "active", "--user", "taro"), card_id)
    contains(tool("list", "--state", "destroyed"), "There are no such cards.")
    contains(refused("list", "--state", "gone", status=2), "--state is issued, active")
    tool("revoke", card_id, "--reason", "lost", "--reported-by", "税務課 田中")
    shown = tool("show", card_id)
    for part in ("revoked", "lost", "税務課 田中"):
        contains(shown, part)
    assert re.search(r"(?m)^Revoked +\d{4}-\d\d-\d\d", shown), shown
    lacks(shown, "possible")


@report.test(90)
def a_card_may_come_later():
    with vcard.Card("--pin", stage.PIN, *OPTIONS, inserted=False) as card:
        with Terminal("cardtool", "enroll", "taro", "--reader", card.reader, "--label", "later") as screen:
            screen.expect(f'Insert the card into "{card.reader}"')
            card.insert()
            screen.answer((r"PIN of the card.*: $", stage.PIN))
            equal(screen.end(), 0)
    card.wait_seen(False)


@report.test()
def words_that_are_no_command():
    equal(refused("lst", status=2).splitlines()[1:], ["Nothing was done. Did you mean:", "  cardtool list", "  cardtool log"])
    contains(refused("xyzzy", status=2), "there is no such command")
    said = world.run("cardtool", "user", "lsit", status=2)
    contains(said.stderr, "there is no such command; after user comes one of these")
    contains(said.stdout, "user list")
    said = world.run("cardtool", "user", status=2)
    contains(said.stderr, "user wants one more word")
    contains(said.stdout + said.stderr, "user add")
    contains(world.run("cardtool", "user", "--help").stdout, "user add")


@report.test()
def values_that_can_not_be_taken():
    world.add_user("jiro")
    for words in (("user", "add", "jiro", "--language", "fr"), ("user", "add", "jiro", "--staff-number", "a b"),
                  ("user", "add", "jiro", "--class", ""), ("enroll", "taro", "--slot", "9c"), ("enroll", "taro", "--label", "a\x1bb")):
        refused(*words, status=2)
    contains(refused("user", "add", "jiro", "--class", "nobody"), 'no class "nobody"')
    contains(refused("user", "add", "jirou"), "no user jirou")
    contains(refused("user", "add", "ji ro", status=2), "is no login name")
    lacks(world.run("cardtool", "user", "list", "--json").stdout, "jiro")
    tool("user", "add", "jiro", "--language", "ja")


@report.test()
def a_refusal_says_what_to_do_next():
    codes, people, cards = "letters, digits, dots, dashes and underscores", "`cardtool user list` shows all", "`cardtool list` shows all"
    for words, status, said in ((("user", "add", "jiro", "--language", "fr"), 2, "--language is ja or en"),
                                (("user", "add", "jiro", "--staff-number", "a b"), 2, f"at most 32 {codes}"),
                                (("user", "add", "jiro", "--name", "x" * 65), 2, "plain text, at most 64 characters"),
                                (("user", "add", "ji ro"), 2, f"at most 32 {codes}"),
                                (("user", "add", "shiro", "--class", "none"), 1, "`cardtool config check` lists them"),
                                (("config", "show", "--class", "none"), 1, "`cardtool config check` lists them"),
                                (("user", "show", "zzzzz"), 1, people), (("revoke", "--staff-number", "99999", "--reason", "lost"), 1, people),
                                (("show", "zz"), 1, cards), (("show", "7K2M-9QXD"), 1, cards),
                                (("revoke", "--reason", "lost"), 2, "one of these: a card, --user, --staff-number")):
        contains(refused(*words, status=status).replace("\n          ", " "), said)
    world.add_user("shiro")
    world.CONF.chmod(0o666)
    try:
        # Both told root that it may not do this; the one sent on to itself.
        for words in (("config", "show"), ("config", "check")):
            said = refused(*words, status=3 if words[1] == "show" else 1)
            contains(said, "mode 0666 is too open (chmod 0644)")
            lacks(said, "not allowed to do this")
            lacks(said, "`cardtool config check` tells the line")
        told = json.loads(world.run("cardtool", "config", "check", "--json", status=1).stdout)
        equal([told["good"], told["fault"]], [False, "/etc/cardmfa/cardmfa.conf: mode 0666 is too open (chmod 0644)"])
    finally:
        world.CONF.chmod(0o644)


@report.test()
def a_missing_socket_has_the_advice_that_makes_it():
    found = json.loads(world.run("cardtool", "doctor", "--json", status=1).stdout)["findings"]
    for name in ("cardmfad.sock", "user.sock"):
        advice = [f["advice"] for f in found if f["check"] == "paths" and f"/run/cardmfa/{name}:" in f["text"]]
        equal(advice, ["systemctl enable --now cardmfad.socket cardmfad-user.socket"], name)


@report.test()
def an_empty_list_says_how_it_is_filled():
    world.add_user("saburo")
    tool("user", "add", "saburo")
    contains(tool("list", "--user", "saburo"), "There are no such cards.")
    assert re.search(r"(?m)^Card +none$", tool("user", "show", "saburo"))
    lacks(world.run("cardtool", "init", "--help").stdout, "init \n")


@report.test(60)
def a_code_for_an_app_without_utf8():
    with Terminal("cardtool", "totp", "enroll", "taro", env={"LANG": "C", "LC_ALL": "C", "TERM": "vt100"}) as screen:
        screen.expect(r"otpauth://totp/(\S+)\?secret=([A-Z2-7]+)&")
        app = world.Authenticator(screen.child.match.group(2))
        contains(screen.text, "##")
        screen.expect("shows now: ")
        screen.send(app.code())
        equal(screen.end(), 0)
    contains(tool("totp", "remove", "taro"), "Its codes are refused from now on")
    contains(refused("totp", "remove", "taro"), "has no app")


if __name__ == "__main__":
    report.main(prepare)
