#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool as its users meet it: words, tables, refusals, secrets, privilege, and what is left when it fails."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import termios
import threading
import time

from lib import report, vcard, world
from lib.console import Terminal
from lib.report import contains, equal, lacks

PIN = "31415926"
CARD_ID = r"[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}"
CANARY = "Kanaria-9317"
JA = {"LANG": "ja_JP.UTF-8"}


def tool(*words, status=0, text=None, env=None):
    return world.run("cardtool", *words, status=status, text=text, env=env)


def enroll(user, *words, pin=PIN, status=0):
    """Returns what was on the screen."""
    with Terminal("cardtool", "enroll", user, *words) as screen:
        if pin:
            screen.answer((r"PIN of the card.*: ", pin))
        equal(screen.end(), status, "exit code")
        return screen.text


@contextlib.contextmanager
def inserted(*options, **where):
    """A card in a reader; afterwards pcscd, that polls, knows that it is gone."""
    with vcard.Card("--pin", PIN, *options, **where) as card:
        yield card
    card.wait_seen(False)


def card_of(text):
    return re.search(CARD_ID, text).group()


def events(*words):
    return json.loads(tool("log", "--json", *words).stdout)


def sql(statement):
    """Changes the store behind everybody's back, as its owner."""
    world.run("runuser", "-u", "cardmfa", "--", "python3", "-c",
              f"import sqlite3; db = sqlite3.connect('/var/lib/cardmfa/store.db'); db.execute({statement!r}); db.commit()")


def person(name, *words):
    world.add_user(name)
    return tool("user", "add", name, *words)


def prepare():
    tool("init")
    world.start_pcscd()


def columns(text):
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)


# --- init and doctor -----------------------------------------------------------------------------

@report.test()
def init_again_changes_nothing():
    def state():
        return world.run("sh", "-c", "sha256sum /etc/cardmfa/cardmfa.conf /etc/cardmfa/keys/store.key; "
                         "stat -c '%n %U %a' /etc/cardmfa /etc/cardmfa/* /etc/cardmfa/keys/* /var/lib/cardmfa "
                         "/var/lib/cardmfa/store.db").stdout
    before = state()
    lacks(tool("init").stdout, "created ")
    equal(state(), before)
    contains(before, "/etc/cardmfa/keys root 700")
    contains(before, "/etc/cardmfa/keys/store.key root 600")
    contains(before, "/var/lib/cardmfa/store.db cardmfa 600")


@report.test()
def init_makes_no_new_key_beside_a_store():
    key = pathlib.Path("/etc/cardmfa/keys/store.key")
    key.rename("/root/store.key")
    try:
        contains(tool("init", status=4).stderr, "bring the key file back")
        assert not key.exists()
    finally:
        pathlib.Path("/root/store.key").rename(key)


@report.test(90)
def doctor_finds_what_is_wrong():
    def levels():
        found = json.loads(tool("doctor", "--json", status=None).stdout)
        return {entry["check"]: entry["level"] for entry in found["findings"] if entry["level"] == "error"}
    world.start_daemon()
    wrong = levels()
    equal(wrong.pop("vpcd"), "error")       # the box has one
    for check in ("paths", "key-file", "configuration", "store", "users", "units", "daemon", "readers"):
        assert check not in wrong, check
    key = pathlib.Path("/etc/cardmfa/keys/store.key")
    key.chmod(0o644)
    equal({"paths", "key-file"} <= levels().keys(), True, "an open key file is found")
    key.chmod(0o600)
    conf = world.CONF.read_text()
    world.CONF.write_text(conf + "\nfactor = card\n")
    assert "configuration" in levels()
    # Which line is wrong and what to write there, in the reader's language; for programs never.
    said = tool("config", "check", status=1).stderr
    assert re.fullmatch(r"cardtool: the configuration is broken\n  Detail: /etc/cardmfa/cardmfa\.conf:\d+: .*\n", said), said
    said = tool("config", "check", status=1, env=JA).stderr
    assert re.fullmatch(r"cardtool: 設定ファイルに誤りがあります\n  詳細: /etc/cardmfa/cardmfa\.conf:\d+: "
                        r"このセクションに「factor」という設定はありません。「factors」ではありませんか\n", said), said
    fault = json.loads(tool("config", "check", "--json", status=1, env=JA).stdout)["fault"]
    assert fault.endswith("there is no setting 'factor' in this section: did you mean 'factors'?"), fault
    world.CONF.write_text(conf)
    assert re.search(r"\n[1-9] errors?, \d warnings?, \d notes?\. Nothing was changed", tool("doctor", status=1).stdout)
    world.run("usermod", "-p", "$6$x$y", "root")
    assert "rescue" not in levels()
    world.run("usermod", "-L", "root")
    assert "rescue" in levels()


# --- people ----------------------------------------------------------------------------------------

@report.test()
def people_and_tables_line_up():
    person("taro", "--staff-number", "10234", "--name", "山田 太郎", "--section", "税務課")
    person("hanako", "--staff-number", "10235", "--name", "Suzuki Hanako")
    lines = tool("user", "list").stdout.splitlines()
    row = next(line for line in lines if line.startswith("taro "))

    equal(columns(row[:row.index("税務課")]), lines[0].index("SECTION"), "column of SECTION")
    equal([p["name"] for p in json.loads(tool("user", "list", "--json").stdout)], ["Suzuki Hanako", "山田 太郎"])
    lacks(tool("user", "show", "taro").stdout, "revoke")
    contains(tool("user", "add", "taro", status=1).stderr, "registered already")
    world.add_user("jiro")
    contains(tool("user", "add", "jiro", "--staff-number", "10234", status=1).stderr, "belongs to taro")
    refused = tool("user", "add", "hanakko", status=1).stderr
    contains(refused, "no user hanakko")
    contains(refused, "  hanako")
    contains(tool("user", "show", "tarp", status=1).stderr, "Did you mean")
    # Another name of the same uid is the same person.
    world.run("useradd", "-o", "-u", str(world.run("id", "-u", "taro").stdout.strip()), "taro2")
    contains(tool("user", "add", "taro2", status=1).stderr, "registered already, as taro")


@report.test()
def hostile_strings_are_not_shown_raw():
    contains(person("saburo").stdout, "Without a staff number")
    for label in ("\x1b[2J", "a\nb", "a\r", "‮abc", "x" * 65, " a"):
        tool("user", "add", "saburo", "--name", label, status=2)
    contains(tool("revoke", "\x1b]52;c;AAAA\x07", "--reason", "lost", status=1).stderr, "\\x1B]52")
    contains(tool("user", "show", "\x1b[2J%n%s", status=1).stderr, "\\x1B[2J%n%s")
    # What a label may not be today may stand in an older store.
    with inserted("--cn", "\\x1b[2J\\xff%n"):
        lacks(enroll("saburo", "--label", "%n%s $(id) '\""), "\x1b[2J")
    shown = tool("list", "--user", "saburo").stdout
    contains(shown, "%n%s $(id) '\"")
    sql("insert into event (at, type, result, person, detail) values (1, 'person-change', 'OK', 'saburo', "
        "'{\"label\":\"a\\u001b[2J reason=lost\",\"reason\":\"\\u001b[2J\"}')")
    for env in ({}, JA):
        shown = tool("log", "--user", "saburo", env=env).stdout
        lacks(shown, "\x1b")
        contains(shown, '="a\\x1B[2J reason=lost"')
        contains(shown, "=\\x1B[2J")
    tool("user", "remove", "saburo", "--revoke-cards", "retired")


# --- secrets ---------------------------------------------------------------------------------------

@report.test()
def A113_secrets_and_arguments():
    person("shiro")
    for words in (("password", "set", "shiro", CANARY), ("password", "set", "shiro", "--password", CANARY),
                  ("password", "set", "shiro", f"--password={CANARY}"), ("enroll", "shiro", "--pin", "12345678"),
                  ("pin", "try", "--pin=12345678")):
        refused = tool(*words, status=2)
        contains(refused.stderr, "never taken from the command line")
        lacks(refused.stdout + refused.stderr, CANARY)
    contains(tool("password", "set", "shiro", "--stdin", env={"CARDTOOL_PASSWORD": CANARY}, status=2).stderr,
             "nothing is taken from the environment")
    contains(tool("password", "set", "shiro", status=1).stderr, "no answer came from the terminal")
    tool("password", "set", "shiro", "--stdin", text=CANARY + "\nrest\n")
    with Terminal("cardtool", "password", "set", "shiro") as screen:
        screen.expect("New password: ")
        pid = screen.child.pid
        screen.send(CANARY)
        screen.answer(("once more: ", CANARY))
        for name in ("cmdline", "environ"):
            lacks(pathlib.Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace"), CANARY)
        equal(screen.end(), 0)
        lacks(screen.text, CANARY)
    said = tool("password", "set", "shiro", "--stdin", text="short\n", status=1).stderr
    contains(said, "can't be accepted: the password is too short\nA password has 8 to 128 printable ASCII characters. Nothing was changed.\n")
    contains(tool("password", "set", "shiro", "--stdin", text="123456\n", status=1).stderr, "can't be accepted")
    lacks(world.journal_text(), CANARY)


def echoes(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


@report.test(90)
def A113_echo_is_restored_on_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1):
        # The shell outlives the tool and keeps the terminal.
        with Terminal("/bin/sh", "-c", "cardtool password set shiro; echo status $?; sleep 60") as screen:
            screen.expect("New password: ")
            equal(echoes(screen.child.child_fd), False, "echo while asking")
            tool_pid = world.run("pgrep", "-nx", "cardtool").stdout.split()[0]
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.kill(int(tool_pid), number)
            screen.expect(r"status (\d+)\r\n")
            equal(int(screen.child.match.group(1)), 128 + number, "how it ended")
            equal(echoes(screen.child.child_fd), True, f"echo after {number.name}")


@report.test()
def stopping_restores_echo_and_asks_again():
    with Terminal("/bin/bash", "--norc", "-i") as shell:
        shell.expect(r"[#$] ")
        shell.send("cardtool password set shiro")
        shell.expect("New password: ")
        shell.child.sendcontrol("z")
        shell.expect("Stopped")
        shell.send("stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e -echo; fg")
        shell.expect(r"\r\necho\r\n")
        shell.expect("New password: ")
        equal(echoes(shell.child.child_fd), False, "echo while asking again")
        shell.send(CANARY)
        shell.answer(("once more: ", CANARY))
        shell.expect("set\\.")


# --- enrolment -----------------------------------------------------------------------------------------

@report.test(120)
def enrol_refuses_what_it_should():
    def refused(words, *options, pin=PIN):
        with inserted(*options) as card:
            before = card.tries()
            contains(enroll("taro", pin=pin, status=1), words)
            return before - card.tries()
    refused("too weak", "--slot", "9A=rsa1024", pin=None)
    refused("expired", "--not-after", "20200101", pin=None)
    equal(refused("delivered with", pin="123456"), 0, "tries used by the factory PIN")
    with inserted() as card:
        contains(enroll("taro", pin="99999999", status=1), "wrong PIN, 2 tries are left on the card")
        card.ctl("set-tries", 1)
        contains(enroll("taro", pin=None, status=1), "cardtool pin try")
        card.ctl("set-tries", 0)
        contains(enroll("taro", pin=None, status=1), "blocked")
    equal(json.loads(tool("list", "--json").stdout)[-1]["user"], "saburo", "nothing was enrolled")
    contains(enroll("nobodyelse", pin=None, status=1), "nobody is registered")


@report.test(90)
def A115_only_who_holds_the_key_is_enrolled():
    with inserted() as original:
        enroll_text = enroll("taro", "--label", "職員証 0123")
        contains(enroll_text, "P-256, PIN proved, certificate until 2029-12-31")
        contains(enroll("hanako", pin=None, status=1), f"enrolled already, as card {card_of(enroll_text)} of taro")
        contains(enroll("taro", pin=None, status=1), "enrolled already")
        state = original.state
    # The same certificate and identifiers, another private key: the copy signs, and it is not the key.
    fresh = vcard.new("--pin", PIN)
    with inserted(state=vcard.new("--pin", PIN, like=fresh)):
        screen = enroll("hanako", status=1)
        contains(screen, "does not hold the key of its certificate")
        contains(screen, "Make a key on the card and write its certificate to it")
    # A card as it is sold has a key for its maker at most, and no certificate.
    with inserted(state=vcard.new("--pin", PIN, "--slot", "9A=p256,cert=none")):
        screen = enroll("hanako", pin=None, status=1)
        contains(screen, "has no certificate of this key")
        contains(screen, "Make a key on the card and write its certificate to it")
    with inserted(state=vcard.new("--pin", PIN, like=state)):
        contains(enroll("hanako", pin=None, status=1), "enrolled already")
    # Another card in its place while the PIN is typed.
    with inserted() as card, Terminal("cardtool", "enroll", "hanako") as screen:
        screen.expect("PIN of the card.*: ")
        card.ctl("swap", vcard.new("--pin", PIN))
        screen.send(PIN)
        equal(screen.end(), 1, "after a swap")
    # Two at once: both have proved the key, one is first.
    with inserted(), Terminal("cardtool", "enroll", "hanako") as one, Terminal("cardtool", "enroll", "taro") as two:
        for screen in (one, two):
            screen.expect("PIN of the card.*: ")
        for screen in (one, two):
            screen.send(PIN)
        equal(sorted((one.end(), two.end())), [0, 1], "exit codes of a race")
        card = card_of(one.text + two.text)
        tool("revoke", card, "--reason", "replaced")
    sql("update person set state = 'locked' where login = 'hanako'")
    contains(enroll("hanako", pin=None, status=1), "locked by an administrator")
    tool("unlock", "hanako")
    world.run("runuser", "-u", "taro", "--", "cardtool", "enroll", "taro", status=1)
    equal([c["state"] for c in json.loads(tool("list", "--json").stdout) if c["user"] in ("taro", "hanako")],
          ["active", "revoked"])
    equal(len(events("--type", "card-enrol")), 3)


@report.test(90)
def a_key_that_signs_without_pin_is_never_pin_proved():
    with inserted("--slot", "9A=p256,pin=never"):
        with Terminal("cardtool", "enroll", "hanako") as screen:
            screen.expect("Type yes: ")
            screen.send("no")
            equal(screen.end(), 1)
            contains(screen.text, "signs without a PIN")
        card = card_of(enroll("hanako", "--allow-no-pin", pin=None))
    shown = json.loads(tool("show", card, "--json").stdout)
    equal((shown["pin_proved"], shown["state"]), (False, "active"))


@report.test(90)
def several_cards_are_not_chosen_between():
    with inserted(), inserted(reader=1) as second:
        text = enroll("hanako", pin=None, status=1)
        contains(text, "several cards")
        contains(text, f'--reader "{second.reader}"')
        contains(enroll("hanako", "--reader", "Virtual PCD", pin=None, status=1), "there is no reader")
        contains(enroll("hanako", "--reader", second.reader), f'PIV card in "{second.reader}"')


@report.test(90)
def pin_try_spends_the_last_try_knowingly():
    with inserted() as card:
        card.ctl("set-tries", 1)
        with Terminal("cardtool", "pin", "try") as screen:
            screen.answer((r"\(1 try left\): ", PIN))
            equal(screen.end(), 0)
            contains(screen.text, "Only one try is left")
        equal(card.tries(), 3)
    last = events("--type", "pin-try")[-1]
    equal(last["result"], "OK")


# --- codes ------------------------------------------------------------------------------------------------

@report.test(90)
def totp_enrolment_asks_for_a_code_first():
    with Terminal("cardtool", "totp", "enroll", "taro", env={"LANG": "C.UTF-8", "TERM": "xterm"}) as screen:
        screen.expect(r"otpauth://totp/(\S+)\?secret=([A-Z2-7]+)&")
        seed = screen.child.match.group(2)
        contains(screen.text, "▀")
        app = world.Authenticator(seed)
        screen.answer(("shows now: ", "12345"), ("6 digits\r\n.*shows now: ", app.wrong()))
        screen.expect("shows now: ")
        screen.send(app.old(2))
        equal(screen.end(), 0)
        contains(screen.text, "behind")
    contains(tool("totp", "enroll", "taro", status=1).stderr, "--replace")
    # Its output never lands in a file: there is no terminal here.
    contains(tool("totp", "enroll", "hanako", status=1).stderr, "no terminal")
    assert json.loads(tool("user", "show", "taro", "--json").stdout)["totp_at"]
    contains(tool("totp", "remove", "hanako", status=1).stderr, "has no app")


# --- revocation -------------------------------------------------------------------------------------------

def cards_of(user, state="active"):
    return [c["card"] for c in json.loads(tool("list", "--user", user, "--state", state, "--json").stdout)]


@report.test(90)
def A116_revocation():
    card = cards_of("taro")[0]
    swapped = card[:2] + card[3] + card[2] + card[4:] if card[2] != card[3] else card[1] + card[0] + card[2:]
    mistyped = tool("revoke", swapped, "--reason", "lost", status=1)
    contains(mistyped.stderr, "Did you mean")
    contains(mistyped.stderr, card)
    equal(cards_of("taro"), [card], "a mistyped identifier revokes nothing")
    contains(tool("user", "show", "taro").stdout, "`cardtool revoke --user taro --reason lost`")
    for words, status in ((["--reason", "lost"], 2), ([card], 2), ([], 2), ([card, "--reason", "mislaid"], 2),
                          ([card, card, "--reason", "lost"], 2), ([card, "--reasons", "lost"], 2),
                          ([card, "--user", "taro", "--reason", "lost"], 2), ([swapped, "--reason", "lost"], 1),
                          (["--user", "tarp", "--reason", "lost"], 1), (["--user", "root", "--reason", "lost"], 1),
                          (["--staff-number", "99999", "--reason", "lost"], 1)):
        refused = tool("revoke", *words, status=status).stderr
        equal(refused.splitlines()[-1], "Nothing was revoked.", f"last words on {words}")
        if len(words) < 2:
            contains(refused, "Usage: cardtool revoke {CARD | --user USER | --staff-number NUMBER} --reason REASON [")
            contains(refused, "Example:\n  sudo cardtool revoke 7K2M-9QXD")
    contains(tool("revoke", "--user", "tarp", "--reason", "lost", status=1).stderr, "  taro")
    equal(cards_of("taro"), [card], "nothing of this revokes anything")
    at = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() - 120))
    done = tool("revoke", card.lower().replace("-", ""), "--reason", "lost", "--reported-by", "税務課 田中", "--reported-at", at)
    assert re.search(rf"Revoked card {card} of taro at \d\d:\d\d:\d\d \([23] min \d+ s after the report\)", done.stdout), done.stdout
    contains(tool("log", "--card", card).stdout, f"reason=lost reported-at={at.replace('T', ' ')} reported-by=\"税務課 田中\"")
    again = tool("revoke", card, "--reason", "stolen")
    contains(again.stdout, "was revoked already")
    shown = json.loads(tool("show", card, "--json").stdout)
    equal((shown["state"], shown["reason"], shown["reported_by"]), ("revoked", "lost", "税務課 田中"))
    equal(len(events("--type", "card-revoke", "--card", card)), 1)
    contains(tool("resume", card, status=1).stderr, "can't be done")
    contains(tool("revoke", "--staff-number", "1023", "--reason", "lost", status=1).stderr, "10234")
    # All cards of a person.
    both = cards_of("hanako")
    equal(len(both), 2)
    done = json.loads(tool("revoke", "--user", "hanako", "--reason", "異動", "--json").stdout)
    equal((done["action"], done["sessions"]), ("revoke", []))
    equal([(c["card"], c["state"], c["reason"], c["changed"], c["revoked_at"]) for c in done["cards"] if c["changed"]],
          [(c, "revoked", "transferred", True, done["at"]) for c in both])
    assert abs(time.mktime(time.strptime(done["at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()) < 60
    equal(cards_of("hanako"), [])
    equal([e["detail"]["reason"] for e in events("--type", "card-revoke", "--user", "hanako")][-2:], ["transferred"] * 2)


@report.test(90)
def a_person_is_enough_to_suspend_and_resume():
    """Under stress the name is known, not the identifier. All cards stop; one of several never comes back by a guess."""
    person("sora", "--staff-number", "20771")
    cards = []
    for label in ("old", "new", "spare"):
        with inserted():
            cards.append(card_of(enroll("sora", "--label", label)))
    tool("revoke", cards[0], "--reason", "replaced")
    for words, status in (([], 2), ([cards[1], "--user", "sora"], 2), (["--user", "sora", "--staff-number", "20771"], 2),
                          (["--user", "sorra"], 1), (["--staff-number", "2077"], 1)):
        for verb, last in (("suspend", "Nothing was suspended."), ("resume", "Nothing was resumed.")):
            equal(tool(verb, *words, status=status).stderr.splitlines()[-1], last, f"{verb} {words}")
    contains(tool("suspend", "--user", "sorra", status=1).stderr, "  sora")
    contains(tool("resume", "--user", "sora", status=1).stderr, "sora has no suspended card")
    equal(cards_of("sora"), cards[1:], "active")

    tool("suspend", cards[1])
    done = tool("suspend", "--staff-number", "20771").stdout
    contains(done, f"Card {cards[1]} of sora is suspended already")
    contains(done, f"Suspended card {cards[2]} of sora.")
    lacks(done, cards[0])
    equal((cards_of("sora"), cards_of("sora", "suspended"), cards_of("sora", "revoked")), ([], cards[1:], cards[:1]))
    several = tool("resume", "--user", "sora", status=1).stderr
    contains(several, f"sora has 2 suspended cards. Say which one is back:\n  cardtool resume {cards[1]}  # new\n  cardtool resume {cards[2]}  # spare\n")
    equal(cards_of("sora"), [], "active")
    tool("resume", cards[2])
    done = json.loads(tool("resume", "--user", "sora", "--json").stdout)
    equal((done["action"], done["sessions"], [(c["card"], c["state"], c["changed"]) for c in done["cards"]]),
          ("resume", None, [(cards[1], "active", True)]))
    done = json.loads(tool("suspend", "--user", "sora", "--json").stdout)
    equal((done["action"], done["sessions"], [(c["card"], c["state"], c["changed"]) for c in done["cards"]]),
          ("suspend", [], [(card, "suspended", True) for card in cards[1:]]))
    equal([(e["type"], e["card"]) for e in events("--user", "sora")][-5:],
          [("card-suspend", cards[2]), ("card-resume", cards[2]), ("card-resume", cards[1]), ("card-suspend", cards[1]), ("card-suspend", cards[2])])
    tool("revoke", "--user", "sora", "--reason", "lost")
    contains(tool("suspend", "--user", "sora", status=1).stderr, "sora has no card that can be suspended (`cardtool list --user sora` shows all)")
    contains(tool("suspend", "--user", "sora", status=1, env={**JA, "LANGUAGE": "ja"}).stderr, "一時停止できるICカードがありません")
    contains(tool("suspend", cards[1], status=1).stderr, "this can't be done with it")


@report.test(60)
def a_report_from_the_future_holds_no_revocation_up():
    """The clock is slow, or a finger slipped: the card is stopped all the same."""
    person("mirai")
    with inserted():
        card = card_of(enroll("mirai"))
    later = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 3600))
    done = tool("revoke", card, "--reason", "lost", "--reported-by", "Tanaka", "--reported-at", later, status=4)
    assert re.search(rf"Revoked card {card} of mirai at \d\d:\d\d:\d\d\. Logins with it are refused", done.stdout), done.stdout
    contains(done.stderr, f"--reported-at {later} lies in the future: the clock here says ")
    contains(done.stderr, "The revocation was done all the same; the time of the report was left out.")
    lacks(done.stderr, "Nothing was revoked.")
    shown = json.loads(tool("show", card, "--json").stdout)
    equal((shown["state"], shown["reported_at"], shown["reported_by"]), ("revoked", None, "Tanaka"))
    # Once more: there is nothing left to be recorded.
    again = tool("revoke", card, "--reason", "lost", "--reported-at", later)
    contains(again.stdout, "was revoked already")
    equal(again.stderr, "")
    with inserted():
        other = card_of(enroll("mirai"))
    done = tool("revoke", "--user", "mirai", "--reason", "紛失", "--reported-at", later, "--json", status=4, env=JA)
    contains(done.stderr, "ICカードは失効させました")
    equal([c["changed"] for c in json.loads(done.stdout)["cards"] if c["card"] == other], [True])
    # What is no time at all is still said beforehand.
    contains(tool("revoke", card, "--reason", "lost", "--reported-at", "soon", status=2).stderr, "is a time like 14:05")


@report.test(60)
def A116_a_busy_store_is_waited_for_or_said():
    with inserted():
        card = card_of(enroll("hanako"))
    holder = subprocess.Popen(
        ["runuser", "-u", "cardmfa", "--", "python3", "-c", "import sqlite3, sys; "
         "db = sqlite3.connect('/var/lib/cardmfa/store.db', isolation_level=None); db.execute('begin immediate'); "
         "print('held', flush=True); sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    busy = tool("revoke", card, "--reason", "stolen", status=3)
    contains(busy.stderr, "Nothing was revoked.")
    lacks(busy.stdout, "Revoked")
    equal(cards_of("hanako"), [card])
    threading.Timer(1, holder.stdin.close).start()
    tool("suspend", card)
    holder.wait(10)
    threads = [threading.Thread(target=tool, args=(verb, card), kwargs={"status": None}) for verb in ("suspend", "resume") * 10]
    for thread in threads:
        thread.start()
    tool("revoke", card, "--reason", "stolen")
    for thread in threads:
        thread.join()
    equal(json.loads(tool("show", card, "--json").stdout)["state"], "revoked")
    store = pathlib.Path("/var/lib/cardmfa")
    store.rename("/var/lib/cardmfa.away")
    try:
        gone = tool("revoke", card, "--reason", "lost", status=3)
        lacks(gone.stdout, "Revoked")
        equal(gone.stderr.splitlines()[-1], "Nothing was revoked.")
    finally:
        pathlib.Path("/var/lib/cardmfa.away").rename(store)


@report.test(60)
def A116_killed_at_any_point():
    with inserted():
        card = card_of(enroll("hanako"))
    rounds, n, state = report.long(400, 60), 0, None
    while n < rounds or state != "revoked":
        child = subprocess.Popen(["cardtool", "revoke", card, "--reason", "lost"], stdout=subprocess.PIPE, text=True)
        # A busy machine gets longer, until one of them comes to its end.
        time.sleep(0.001 * (n % 30) * (1 + n // rounds))
        child.kill()
        n += 1
        said = "Revoked card" in child.communicate()[0]
        state = json.loads(tool("show", card, "--json").stdout)["state"]
        assert state == "revoked" or not said, "said before it was durable"
        equal(len(events("--type", "card-revoke", "--card", card)), int(state == "revoked"), "events")


def add_session(card, service, tty, logind, alive=True):
    """Of this very process; not alive: of one that had its number before."""
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    start = int(pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) + (not alive)
    sql("insert into session (person, card, service, tty, boot_id, boot_ms, real_s, host_pid, host_start, logind_session, "
        f"state) select person, id, '{service}', '{tty}', '{boot}', 1, {int(time.time())}, {os.getpid()}, {start}, {logind!r}, "
        f"'open' from card where card_id = '{card}'".replace("None", "null"))


@report.test(60)
def revoke_names_the_sessions_it_does_not_end():
    with inserted():
        card = card_of(enroll("hanako"))
    add_session(card, "login", "tty1", "7")
    add_session(card, "login", "tty1", "8", alive=False)
    partly = tool("suspend", card, "--json", status=4)
    equal(partly.stderr, "")
    done = json.loads(partly.stdout)
    equal([(c["state"], c["changed"]) for c in done["cards"]], [("suspended", True)])
    equal([(s["service"], s["tty"], s["logind_session"]) for s in done["sessions"]], [("login", "tty1", "7")])
    lacks(tool("suspend", card, status=4, env={**JA, "LANGUAGE": "ja"}).stderr, "失効")
    done = json.loads(tool("resume", card, "--json").stdout)
    equal((done["sessions"], done["cards"][0]["state"], done["cards"][0]["changed"]), (None, "active", True))
    equal(json.loads(tool("resume", card, "--json").stdout)["cards"][0]["changed"], False)
    partly = tool("revoke", card, "--reason", "紛失", status=4)
    contains(partly.stdout, "Revoked card")
    contains(partly.stderr, "loginctl terminate-session 7")
    lacks(partly.stderr, "terminate-session 8")


@report.test(60)
def what_runs_within_a_session_stands_below_it_with_one_command():
    def blocks(text):
        """[(services, command)] of what is said."""
        said = []
        for line in text.splitlines()[1:]:
            if not said or said[-1][1]:
                said.append(([], ""))
            if line.startswith("    "):
                said[-1] = (said[-1][0], line.strip())
            else:
                said[-1][0].append(re.split(r" since |（", line)[0].strip())
        return said
    person("tsubaki")
    with inserted():
        card = card_of(enroll("tsubaki"))
    for service, tty, logind in (("sshd", "ssh", "7"), ("login", "tty1", "9"), ("sudo", "pts/0", "7"), ("sshd", "ssh", None),
                                 ("sudo", "pts/1", "7"), ("sudo", "pts/2", None)):
        add_session(card, service, tty, logind)
    equal(blocks(tool("suspend", card, status=4).stderr), [
        (["sshd", "sudo", "sudo"], "to end these together: loginctl terminate-session 7"),
        (["login"], "to end it: loginctl terminate-session 9"),
        (["sshd"], f"to end it: kill -HUP {os.getpid()}"),
        (["sudo"], f"to end it: kill -HUP {os.getpid()}"),
    ])
    # For programs as they are.
    equal([s["logind_session"] for s in json.loads(tool("suspend", card, "--json", status=4).stdout)["sessions"]],
          ["7", "9", "7", None, "7", None])
    done = tool("revoke", card, "--reason", "lost", status=4, env=JA).stderr
    equal(blocks(done)[0], (["sshd", "sudo", "sudo"], "まとめて終わらせるには: loginctl terminate-session 7"))


# --- removal, log, output --------------------------------------------------------------------------------------

@report.test(60)
def a_persons_record_is_changed_and_the_change_recorded():
    def changes():
        return [event["detail"] for event in events("--type", "person-change") if event["user"] == "kaede"]
    person("kaede", "--section", "税務課", "--staff-number", "77001")
    person("momiji", "--staff-number", "77002")
    shown = tool("user", "change", "kaede", "--section", "市民課", "--class", "default", env=JA).stdout
    equal(shown, "kaede さんの登録内容を変更しました:\n  所属: 税務課 → 市民課\n  クラス: なし → default\n")
    record = json.loads(tool("user", "show", "kaede", "--json").stdout)
    equal((record["section"], record["class"], record["staff_number"]), ("市民課", "default", "77001"))
    equal(changes(), [{"changed": "section,class", "class": "default"}])
    # The same again, and nothing at all, are no change.
    assert "nothing was changed" in tool("user", "change", "kaede", "--section", "市民課").stdout
    tool("user", "change", "kaede", status=2)
    tool("user", "change", "kaede", "--class", "nosuch", status=1)
    tool("user", "change", "kaede", "--class", "", status=2)
    tool("user", "change", "kaede", "--class", "default", "--clear", "class", status=2)
    tool("user", "change", "kaede", "--clear", "uid", status=2)
    tool("user", "change", "nobody-here", "--section", "x", status=1)
    assert "77001" in tool("user", "change", "momiji", "--staff-number", "77001", status=1).stderr
    equal(len(changes()), 1)
    tool("user", "change", "kaede", "--clear", "class", "--staff-number", "77003")
    assert {"changed": "staff-number,class", "class_before": "default", "staff_number_before": "77001",
            "staff_number": "77003"} in changes(), changes()
    contains(tool("log", "--user", "kaede", "--type", "person-change", env=JA).stdout, "変更項目=職員番号,クラス ")
    contains(tool("log", "--user", "kaede", "--type", "person-change").stdout, 'changed="staff number,class" ')
    tool("user", "remove", "kaede")
    tool("user", "change", "kaede", "--section", "x", status=1)


@report.test(60)
def removing_a_person_takes_cards_into_account():
    person("goro")
    with inserted():
        card = card_of(enroll("goro"))
    tool("password", "set", "goro", "--stdin", text=CANARY + "\n")
    contains(tool("user", "remove", "goro", status=1).stderr, card)
    done = tool("user", "remove", "goro", "--revoke-cards", "transferred").stdout
    contains(done, f"Revoked card {card}")
    contains(done, "password was removed")
    contains(tool("user", "show", "goro", status=1).stderr, "nobody is registered")
    contains(tool("log", "--user", "goro").stdout, "person removed")


@report.test()
def who_is_no_more_is_a_number_in_the_log():
    sql("insert into event (at, type, result, person, actor, service, origin, detail) "
        "values (unixepoch(), 'login', 'SECRET_WRONG', 'sora', 64321, 'sudo', 'uid:64321', '{}')")
    shown = tool("log", "--user", "sora", "--last", "1").stdout
    contains(shown, "  uid 64321  sudo  ")
    contains(shown, "  session of uid 64321  ")
    event, = events("--user", "sora", "--last", "1")
    equal((event["origin"], event["actor_uid"]), ("uid:64321", 64321))


@report.test(60)
def the_log_says_when_there_is_more():
    for _ in range(30):
        tool("unlock", "taro")
    contains(tool("log").stdout, "The newest 50 events")
    lacks(tool("log", "--since", "1d").stdout, "The newest")
    equal(len(tool("log", "--last", "3").stdout.splitlines()), 5)
    contains(tool("log", "--last", "1").stdout, "The newest 1 event (")
    for env in ({}, JA):
        listed = re.findall(r"^  (\S+) +(.+)$", tool("log", "--type", "unlok", status=2, env=env).stderr, re.M)
        equal(len(listed), 22, "kinds of events")
        for name, shown in listed:
            for typed in (name, shown):
                tool("log", "--type", typed, env=env)
    contains(tool("log", "--type", "unlock", env=JA).stdout, "ロック解除")
    equal(events("--last", "1")[0]["type"], "unlock")


def add_events(count):
    sql(f"with recursive n(i) as (values(1) union all select i + 1 from n where i < {count}) insert into event (at, type, result, person, "
        f"detail) select {int(time.time())}, 'unlock', 'OK', 'taro', '{{\"was\":\"active\"}}' from n")


def moved():
    """Whether all of the store's log could be moved into its file: nobody reads what was before."""
    done = world.run("runuser", "-u", "cardmfa", "--", "python3", "-c", "import sqlite3; "
                     "print(sqlite3.connect('/var/lib/cardmfa/store.db', timeout=0).execute('pragma wal_checkpoint(truncate)').fetchone()[0])")
    return done.stdout == "0\n"


@report.test(60)
def who_reads_the_log_slowly_keeps_nothing_open():
    add_events(700)
    before = events()
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen(["cardtool", "log", "--json"], stdout=writing) as slow, open(reading, encoding="utf-8") as pipe:
        os.close(writing)
        filled = bytearray(4)
        world.wait_for(lambda: fcntl.ioctl(reading, termios.FIONREAD, filled) == 0 and int.from_bytes(filled, "little") == 4096,
                       what="output that waits for its reader")
        add_events(300)
        world.wait_for(moved, what="the store's log moved")
        equal(json.load(pipe), before, "the log as it was when it was asked for")
        equal(slow.wait(30), 0)
    equal(events()[:len(before)], before)


@report.test(60)
def the_log_is_the_same_in_pieces():
    add_events(700)
    all_events = events()
    everything = [event["seq"] for event in all_events]
    recent = [event["seq"] for event in all_events if event["at"] > "2001"]     # another test puts in one that is old
    equal([event["seq"] for event in events("--since", "30d")], recent, "what is not old")
    equal(tool("log", "--since", "30d").stdout.count("\n"), len(recent) + 1, "lines with the head of the table")
    for last in (1, 255, 256, 257, 512, 513, len(everything) - 1, len(everything), len(everything) + 1):
        equal([event["seq"] for event in events("--last", str(last))], everything[-last:], f"the last {last}")
        equal(tool("log", "--last", str(last)).stdout.count("\n"), min(last, len(everything)) + 1 + (last < len(everything)))
    unlocks = [event["seq"] for event in all_events if event["type"] == "unlock"]
    equal([event["seq"] for event in events("--type", "unlock", "--since", "30d")], unlocks)
    equal(events("--user", "taro", "--until", "2001-01-01"), [])


@report.test()
def a_narrow_terminal_breaks_between_words():
    for words in (["log"], ["list"], ["doctor"], ["user", "show", "taro"], ["revoke", "--help"], ["revoke"]):
        for env in ({"LANG": "C.UTF-8"}, JA):
            # The size that Terminal asks for comes after the start.
            with Terminal("sh", "-c", 'read -r line; stty cols 80; exec cardtool "$@"', "sh", *words, env=env) as screen:
                screen.send("go")
                screen.end()
            wide = [line for line in screen.text.splitlines() if columns(line) > 80 and "sudo cardtool" not in line]
            equal(wide, [], f"{words} {env}")


@report.test()
def output_that_is_lost_is_said():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(["cardtool", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    equal(done.returncode, 4)
    contains(done.stderr, "could be written")
    for words in (["list"], ["log", "--json"], ["--help"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(["cardtool", *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writing)
        equal(done.returncode, 4, "exit code into a closed pipe")
        contains(done.stderr, "could be written")


# --- privilege -----------------------------------------------------------------------------------------------

@report.test()
def A118_root_alone_and_no_variable_counts():
    contains(world.run("runuser", "-u", "taro", "--", "cardtool", "list", status=1).stderr, "must be started as root")
    world.run("runuser", "-u", "taro", "--", "cardtool", "--help")
    copy = pathlib.Path("/usr/local/bin/cardtool-suid")
    shutil.copy("/usr/bin/cardtool", copy)
    for mode, owner in ((0o4755, 0), (0o2755, 0)):
        os.chown(copy, owner, world_gid())
        copy.chmod(mode)
        contains(world.run("runuser", "-u", "taro", "--", str(copy), "list", status=1).stderr, "must not be set-uid")
    copy.unlink()
    # What an env_keep would let through moves nothing, and who is recorded is not SUDO_USER.
    evil = {"LC_ALL": "../../tmp/x", "LANGUAGE": "/tmp", "OPENSSL_CONF": "/tmp/evil", "SQLITE_TMPDIR": "/tmp", "TZ": ":/etc/shadow",
            "PCSCLITE_CSOCK_NAME": "/tmp/none", "SUDO_USER": "hanako", "SUDO_UID": "4242"}
    tool("unlock", "taro", env=evil)
    # No login uid here: the uid it was done with.
    equal(events("--type", "unlock")[-1]["actor_uid"], 0)
    world.run("sh", "-c", "echo 4242 >/proc/self/loginuid && SUDO_UID=1 SUDO_USER=hanako cardtool unlock taro")
    equal(events("--type", "unlock")[-1]["actor_uid"], 4242)


def world_gid():
    return int(world.run("getent", "group", "cardmfa").stdout.split(":")[2])


@report.test(60)
def root_is_given_up_before_the_store():
    with Terminal("cardtool", "password", "set", "taro") as screen:
        screen.expect("New password: ")
        status = pathlib.Path(f"/proc/{screen.child.pid}/status").read_text()
        uid = world.run("id", "-u", "cardmfa").stdout.strip()
        equal(re.search(r"^Uid:\s+(.*)$", status, re.M).group(1).split(), [uid] * 4)
        equal(re.search(r"^Groups:[ \t]*(.*)$", status, re.M).group(1), "")
        for line in ("CapPrm", "CapEff", "CapAmb"):
            equal(int(re.search(rf"^{line}:\s+(\w+)$", status, re.M).group(1), 16), 0, line)
        equal(re.search(r"^NoNewPrivs:\s+(\d)$", status, re.M).group(1), "1")


if __name__ == "__main__":
    report.main(prepare)
