#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logins over ssh: real sshd, real ssh whose key lives in the card, and everybody else."""
import contextlib
import json
import re

from lib import console, daemon, report, sshd, stage, world
from lib.report import contains, equal

SOFT_KEY = "/root/soft_key"
people = sshd.people


def prepare():
    stage.set_up(stage.quick(attempts=5))
    sshd.start()
    soft = sshd.make_key(SOFT_KEY)
    sshd.person("taro")
    sshd.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    world.add_user("jiro")
    for name in (*people, "jiro"):
        sshd.allow(name, *(person.line for person in people.values()), soft)


def newest():
    return json.loads(stage.tool("log", "--json", "--type", "login", "--last", "1", text=""))[0]


@report.test(90)
def the_cards_key_and_a_code_or_password_open():
    for name, algorithm in (("taro", "ecdsa-sha2-nistp256"), ("hanako", "ssh-rsa")):
        person = people[name]
        contains(person.line, algorithm)
        opened, screen = sshd.attempt(name, person.code(), card=name)
        equal(opened, True, screen)
        equal(newest()["detail"], {"class": "default", "factors": "ssh-card,totp"})
        equal(newest()["card"], person.card_id)
        assert not re.search(r"^(CARDMFA|SSH_AUTH_INFO)", screen, re.MULTILINE), screen
    opened, screen = sshd.attempt("taro", people["taro"].password, card="taro")
    equal(opened, True, screen)


@contextlib.contextmanager
def ended(card):
    """Its certificate is no longer valid within the block."""
    until = daemon.number("SELECT not_after FROM card WHERE card_id = ?", card)
    daemon.change("UPDATE card SET not_after = unixepoch() - 60 WHERE card_id = ?", card)
    try:
        yield
    finally:
        daemon.change("UPDATE card SET not_after = ? WHERE card_id = ?", until, card)


@contextlib.contextmanager
def suspended(card):
    stage.tool("suspend", card, text="")
    try:
        yield
    finally:
        stage.tool("resume", card, text="")


@report.test(120)
def everybody_else_meets_the_prompt_and_a_refusal():
    taro = people["taro"]
    screens = []
    for user, key, card in (("taro", SOFT_KEY, None), ("jiro", SOFT_KEY, None), ("taro", None, "hanako"), ("jiro", None, "taro")):
        opened, screen = sshd.attempt(user, taro.code() if user == "taro" else "123456", key=key, card=card)
        equal(opened, False, screen)
        screens.append(sshd.face(screen, user))
    for unusable, result in ((suspended, "SUSPENDED"), (ended, "EXPIRED")):
        with unusable(taro.card_id):
            opened, screen = sshd.attempt("taro", taro.password, card="taro")
        equal(opened, False, screen)
        equal((newest()["result"], newest()["card"]), (result, taro.card_id))
        screens.append(sshd.face(screen, "taro"))
    equal(len(set(screens)), 1, screens)
    # The code that was typed for others was none of taro's tries, and is still good.
    sshd.unlock()


# ssh logs what is said in front of a refusal, which makes numbers of kanji: \343\203.
@report.test(90)
def a_reason_in_japanese_can_be_read():
    question, enter = "ワンタイムパスワード（アプリの数字）またはパスワード: $", " Enter キーを押してください: $"
    world.conf(stage.quick(5, settings="language = ja"))
    for card, key, reason, result in (("taro", None, "ワンタイムパスワードまたはパスワードが違います。", "SECRET_WRONG"),
                                      (None, SOFT_KEY, "このICカードは、このログイン名では使えません。情報システム課に連絡してください。", None)):
        with console.Terminal(*sshd.command("ssh", "taro@127.0.0.1", card=card, key=key, options=("-o", "LogLevel=INFO")), env={"LANG": "C.UTF-8"}) as terminal:
            if card:
                sshd.unlock_card(terminal)
            terminal.expect(question)
            terminal.send("wrong wrong")
            terminal.expect(reason + enter)
            # It is on record before somebody presses the key.
            if result:
                equal(newest()["result"], result)
            terminal.send("")
            equal((terminal.end(), "\\343" in terminal.text), (255, False), terminal.text)
    world.conf(stage.quick(5))
    sshd.unlock()


@report.test(60)
def a_revoked_key_stops_at_the_next_connection():
    contains(stage.tool("show", people["hanako"].card_id, text=""), "active")
    world.run("cardtool", "revoke", people["hanako"].card_id, "--reason", "lost", status=None)
    opened, screen = sshd.attempt("hanako", people["hanako"].password, card="hanako")
    equal(opened, False, screen)
    equal(newest()["result"], "REVOKED")


if __name__ == "__main__":
    report.main(prepare)
