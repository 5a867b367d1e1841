#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Console logins: what opens, what does not, and what each person is told."""
import contextlib
import json
import pathlib
import re
import socket
import struct
import time

import pexpect

from lib import console, daemon, pam, report, stage, vcard, world

CONF = stage.quick(attempts=3)
people = {}
PIN = stage.PIN
DENY = 0xA5C3691E       # include/wire.h
QUESTIONS = (b"\0\x11\x01", b"\0\x11\x02")


def prepare():
    stage.set_up(CONF)
    world.login_stack(service="sshd")
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", "--slot", "9A=rsa2048,pin=once", "--kind", "another", reader=1)
    people["hanako"].card.remove()


def only(name):
    """The cards of all others are out of their readers."""
    for other, person in people.items():
        if other != name and "inserted=yes" in person.card.ctl("status"):
            person.card.remove()
    if "inserted=no" in people[name].card.ctl("status"):
        people[name].card.insert()
    people[name].card.clear()
    unlock(name)
    return people[name]


def unlock(name):
    stage.tool("unlock", name, text="", status=None)


@report.test()
def card_and_code_open_a_session_of_the_person():
    taro = only("taro")
    with console.Console() as screen:
        report.equal(screen.login("taro", *taro.by_code()), True, "login")
        report.equal(screen.shell("id -un").strip(), "taro", "who")
        report.contains(screen.shell("cat /proc/self/cgroup"), "session-")
        screen.logout()
        report.contains(screen.text, "This is your first login.")


@report.test()
def card_and_password_open_and_the_last_login_is_told():
    taro = only("taro")
    report.equal(taro.login(("PIN", PIN), ("password: $", "wrong-password"), )[0], False, "wrong password")
    opened, screen = taro.login()
    report.equal(opened, True, "login")
    if not re.search(r"Last login \d{4}-\d\d-\d\d \d\d:\d\d on pts/\d+\. 1 failed try since, the last from pts/\d+\. "
                     r"If it was not yours, tell the systems section\.", screen):
        raise AssertionError(screen)


@report.test()
def a_login_takes_six_apdus_with_p256_and_eight_with_rsa2048():
    for name, most in (("taro", 6), ("hanako", 8)):
        person = only(name)
        person.card.count_reset()
        report.equal(pam.attempt(name, *pam.by_password(person)).opened, True, name)
        print(f"# {name}: {person.card.ctl('count')}")
        if person.card.count() > most:
            raise AssertionError(f"{name}: {person.card.ctl('count')}")
        report.equal(person.card.ctl("verified"), "no", "PIN verified in the card afterwards")


@report.test()
def a_card_without_chuid_is_known_by_its_certificate():
    taro = only("taro")
    taro.card.fault("no-chuid")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "login")
    taro.card.clear()


@report.test()
def a_card_inserted_during_the_wait_is_used():
    taro = only("taro")
    taro.card.remove()
    with console.Console() as screen:
        screen.name("taro")
        screen.expect(r"Insert your IC card \(30 s\)\.")
        taro.card.insert()
        screen.answer(*taro.by_password())
        report.equal(screen.verdict(), True, "login")
        screen.logout()


@report.test()
def full_width_digits_are_digits():
    taro = only("taro")
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    answers = (("PIN", PIN.translate(wide)), ("code", taro.code().translate(wide)))
    report.equal(pam.attempt("taro", *answers).opened, True, "login")


@report.test()
def a_wrong_pin_is_told_with_the_tries_left_and_spends_one():
    taro = only("taro")
    outcome = pam.attempt("taro", ("PIN", "111111"), ("code", "000000"))
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "codes")
    report.contains(outcome.text, "Wrong PIN. You can try 1 more time here (2 left on the card).")
    report.lacks(outcome.text, "code or password")
    report.equal(taro.card.tries(), 2, "tries")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the right one restores the counter")
    report.equal(taro.card.tries(), 3, "tries")


@report.test()
def A64_a_pin_of_the_wrong_form_never_reaches_the_card():
    taro = only("taro")
    taro.card.count_reset()
    for pin in ("", "1", "12345", "123456789", PIN + "999", "abcdef", "12345a", PIN[:6] + "\xff\xff", PIN + " "):
        outcome = pam.attempt("taro", ("PIN", pin), ("code", "000000"))
        report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, f"PIN {pin!r}")
    report.equal(taro.card.count("VERIFY"), 0, "VERIFY sent")
    report.equal(taro.card.tries(), 3, "tries")


@report.test()
def the_last_pin_try_is_kept():
    taro = only("taro")
    taro.card.ctl("set-tries", "1")
    outcome = pam.attempt("taro", *pam.by_password(taro))
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "codes")
    report.contains(outcome.text, "last PIN try")
    report.lacks(outcome.text, "PIN of your IC card")
    taro.card.ctl("set-tries", "0")
    report.contains(pam.attempt("taro", *pam.by_password(taro)).text, "blocked")
    taro.card.ctl("set-tries", "3")


@report.test()
def A50_a_code_is_good_once_and_no_older_one_after_it():
    taro = only("taro")
    code = taro.code()
    report.equal(pam.attempt("taro", ("PIN", PIN), ("code", code)).opened, True, "first use")
    again = pam.attempt("taro", ("PIN", PIN), ("code", code))
    report.equal(again.codes, {"auth": pam.AUTH_ERR}, "second use")
    report.contains(again.text, "used already")
    older = world.code_at(taro.app.seed, taro.app.used - 1)
    report.equal(pam.attempt("taro", ("PIN", PIN), ("code", older)).opened, False, "an older step")
    unlock("taro")


def face(outcome):
    return outcome.shown, outcome.codes


@report.test(seconds=120)
def A11_strangers_all_see_the_same():
    taro, hanako = people["taro"], people["hanako"]
    world.add_user("jiro")                          # an account, not a person of ours
    world.add_user("saburo")
    stage.tool("user", "add", "saburo", text="")    # a person without a card
    world.add_user("shiro")
    stage.tool("user", "add", "shiro", text="")
    only("hanako")
    answers = (("PIN", PIN), ("password", "some-password"))
    faces = {name: face(pam.attempt(name, *answers)) for name in ("nobody-at-all", "jiro", "saburo", "taro", "root", "shiro")}
    only("taro")
    stage.tool("suspend", taro.card_id, text="")
    faces["suspended"] = face(pam.attempt("taro", *answers))
    stage.tool("resume", taro.card_id, text="")
    for who, seen in faces.items():
        report.equal(seen, faces["nobody-at-all"], who)
    report.equal(faces["taro"][0], [[1, "PIN of your IC card: "], [1, "Verification code or password: "],
                                    [3, "This card can't be used for this name. Ask the systems section."]], "what is seen")
    report.equal(hanako.card.tries(), 5, "tries of the card that is another's")


@report.test()
def a_strangers_pin_is_not_sent_to_the_card():
    hanako = only("hanako")
    hanako.card.count_reset()
    pam.attempt("taro", ("PIN", PIN), ("password", people["taro"].password))
    report.equal(hanako.card.count("VERIFY"), 0, "VERIFY")


@report.test(seconds=120)
def A12_a_locked_person_is_told_before_the_pin_and_nothing_is_tried():
    taro = only("taro")
    for _ in range(3):
        pam.attempt("taro", ("PIN", PIN), ("password", "wrong-password"))
    taro.card.count_reset()
    outcome = pam.attempt("taro", *pam.by_password(taro), calls=("auth", "auth2", "auth3"), stay=True)
    report.equal(set(outcome.codes.values()), {pam.AUTH_ERR}, "codes")
    report.contains(outcome.text, "Locked after too many failures until")
    report.lacks(outcome.text, "PIN of your")
    report.equal(taro.card.count("VERIFY"), 0, "VERIFY")
    shown = stage.tool("user", "show", "taro", text="")
    report.equal(re.findall(r"^Failed tries +(.*): 3 tries", shown, re.M), ["at this machine"], "what user show counts")
    report.contains(shown, "`cardtool unlock taro` ends it")
    unlock("taro")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "after unlock")


@report.test(seconds=120)
def A44_one_right_factor_clears_nothing():
    taro = only("taro")
    for _ in range(2):
        report.equal(pam.attempt("taro", ("PIN", PIN), ("password", "wrong-password")).opened, False, "wrong password")
        report.equal(pam.attempt("taro", ("PIN", "111111"), ("password", taro.password)).opened, False, "wrong PIN")
        report.equal(taro.card.tries(), 2, "the card's own counter")
        report.equal(pam.attempt("taro", ("PIN", PIN), ("code", "")).opened, False, "PIN alone")
        report.equal(taro.card.tries(), 3, "a right PIN restores the card's counter, nothing else")
    pam.attempt("taro", ("PIN", PIN), ("password", "wrong-password"))
    report.contains(pam.attempt("taro", *pam.by_password(taro)).text, "Locked after")
    unlock("taro")


@report.test()
def A57_the_certificate_without_its_key_is_refused():
    taro = only("taro")
    taro.card.remove()
    clone = vcard.Card("--pin", PIN, state=vcard.new(like=taro.card.state))
    try:
        outcome = pam.attempt("taro", *pam.by_password(taro))
        report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "codes")
        report.lacks(outcome.text, "code or password")
        clone.fault("any-pin")
        report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, False, "with any PIN")
        clone.fault("no-chuid")
        report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, False, "known by its certificate")
    finally:
        clone.remove()
        clone.stop()


@report.test()
def A56_a_recorded_card_is_refused():
    taro = only("taro")
    taro.card.ctl("record", "/tmp/recording")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "recorded")
    taro.card.ctl("record", "off")
    taro.card.fault("replay", "/tmp/recording")
    outcome = pam.attempt("taro", *pam.by_password(taro))
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "codes")
    taro.card.clear()


@report.test()
def A60_bad_signatures_are_refused():
    taro = only("taro")
    for variant in ("r0", "s0", "rn", "sn", "rn1", "sn1", "neg", "nonmin", "trailing", "empty", "other", "flipped",
                    "257", "512", "65000", "zero", "one"):
        taro.card.fault("sig", variant)
        outcome = pam.attempt("taro", *pam.by_password(taro))
        taro.card.clear()
        if outcome.opened or outcome.codes["auth"] not in (pam.AUTH_ERR, pam.AUTHINFO_UNAVAIL):
            raise AssertionError(f"{variant}: {outcome}")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "a good one")


@report.test()
def A77_a_key_that_signs_without_pin_needs_the_pin_all_the_same():
    taro = only("taro")
    taro.card.fault("no-pin")
    outcome = pam.attempt("taro", ("PIN", "111111"), ("password", taro.password))
    report.equal(outcome.opened, False, "wrong PIN")
    taro.card.clear()
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "right PIN")


@report.test()
def A62_a_card_left_verified_by_another_is_reset_first():
    hanako = only("hanako")        # SELECT keeps the verified state on this kind
    verify = ["00:A4:04:00:09:A0:00:00:03:08:00:00:10:00:00", "00:20:00:80:08:" + ":".join(f"{ord(c):02X}" for c in PIN) + ":FF:FF"]
    world.run("opensc-tool", "-r", hanako.card.reader, "-c", "default", "-s", verify[0], "-s", verify[1], status=None)
    report.equal(hanako.card.ctl("verified"), "yes", "left verified")
    hanako.card.ctl("log", "reset")
    report.equal(pam.attempt("hanako", ("PIN", "111111"), ("password", hanako.password)).opened, False, "wrong PIN")
    log = hanako.card.ctl("log")
    if "RESET" not in log.split("VERIFY,")[0] and "POWER" not in log.split("VERIFY,")[0]:
        raise AssertionError(f"no reset before VERIFY: {log}")
    report.equal(pam.attempt("hanako", *pam.by_password(hanako)).opened, True, "right PIN")


@report.test(seconds=90)
def A23_a_remote_login_never_uses_the_hosts_reader():
    taro = only("taro")
    taro.card.count_reset()
    for rhost in ("UNKNOWN", "localhost", "127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", ":0", "h" * 1000):
        for service in ("login", "sshd"):
            outcome = pam.attempt("taro", ("PIN", PIN), ("password", taro.password), service=service, rhost=rhost)
            report.equal(outcome.opened, False, f"{service} from {rhost[:20]}")
    report.equal(taro.card.count(), 0, "APDUs")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the console is untouched by it")


@report.test()
def A78_revoked_between_pin_and_verdict():
    world.add_user("goro")
    stage.tool("user", "add", "goro", text="")
    only("taro").card.remove()
    goro = stage.Person("goro", vcard.Card("--pin", PIN))
    goro.card_id = stage.enroll("goro", goro.card)
    stage.tool("password", "set", "goro", "--stdin", text=goro.password + "\n")

    def revoke_then_answer():
        stage.tool("revoke", goro.card_id, "--reason", "lost", text="")
        return goro.password
    outcome = pam.attempt("goro", ("PIN", PIN), ("password", revoke_then_answer))
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "codes")
    report.contains(outcome.text, "revoked")
    report.equal(pam.attempt("goro", *pam.by_password(goro)).opened, False, "the next one")
    goro.card.stop()


@report.test(seconds=90)
def revoking_one_of_two_cards_leaves_the_other():
    world.add_user("rokuro")
    stage.tool("user", "add", "rokuro", text="")
    only("taro").card.remove()
    first, second = vcard.Card("--pin", PIN), vcard.Card("--pin", PIN, reader=1)
    lost, kept = stage.enroll("rokuro", first), stage.enroll("rokuro", second)
    stage.tool("password", "set", "rokuro", "--stdin", text=stage.PASSWORD + "\n")
    begun = time.time()
    shown = stage.tool("revoke", lost, "--reason", "lost", "--reported-by", "税務課 田中", text="")
    report.contains(shown, f"Revoked card {lost} of rokuro")
    second.remove()
    rokuro = stage.Person("rokuro", first)
    report.equal(pam.attempt("rokuro", *pam.by_password(rokuro)).opened, False, "the lost card")
    print(f"# from revocation to refusal {time.time() - begun:.1f} s")
    first.stop()
    second.insert()
    report.equal(pam.attempt("rokuro", *pam.by_password(rokuro)).opened, True, "the other card")
    report.contains(stage.tool("list", "--user", "rokuro", text=""), kept)
    second.stop()


@report.test(seconds=90)
def a_lost_card_that_somebody_tries_is_on_record_once_in_ten_minutes():
    world.add_user("shichiro")
    stage.tool("user", "add", "shichiro", text="")
    only("taro").card.remove()
    lost = vcard.Card("--pin", PIN)
    card_id = stage.enroll("shichiro", lost)
    stage.tool("revoke", card_id, "--reason", "lost", text="")
    for _ in range(3):
        outcome = pam.attempt("shichiro", ("PIN", PIN), ("password", stage.PASSWORD))
        report.contains(outcome.text, "can't be used for this name")
    seen = json.loads(stage.tool("log", "--json", "--card", card_id, text=""))
    report.equal([e["result"] for e in seen if e["type"] == "login"], ["REVOKED"], "events of the lost card")
    lost.remove()
    lost.stop()


@report.test()
def A5_an_account_call_alone_is_refused_for_a_locked_person():
    taro = only("taro")
    report.equal(pam.attempt("taro", calls=("account",)).codes, {"account": pam.PERM_DENIED}, "login without auth")
    report.equal(pam.attempt("taro", service="systemd-user", calls=("account",)).codes, {"account": 0}, "systemd-user")
    report.equal(pam.attempt("taro", *pam.by_password(taro), calls=("auth", "account")).opened, True, "both")


@report.test()
def the_console_of_the_kernel_gets_english_and_a_terminal_japanese():
    taro = only("taro")
    daemon.configure(CONF.replace("[settings]", "[settings]\nlanguage = ja"))
    japanese = pam.attempt("taro", ("暗証番号", PIN), ("パスワード", taro.password), tty="/dev/pts/3")
    english = pam.attempt("taro", ("PIN", PIN), ("password", taro.password), tty="tty1")
    daemon.configure(CONF)
    report.equal(japanese.opened, True, f"Japanese: {japanese.shown}")
    report.equal(english.opened, True, f"English: {english.shown}")
    report.contains(english.text, "Last login")


FORGED = "login OK person=taro card=AAAA-BBBB seq=1"
HOSTILE = ("root addr=xyz.com", f"a\n{FORGED}", f"a\r\n<86>cardmfa: {FORGED}", f'a" {FORGED} x="', "a\\", "taro\x1b[2J", "x" * 200, "x" * 10000,
           f"{'x' * 60} {FORGED}", "'; DROP TABLE person; --", "%n%s%n", "../../etc/passwd", "$(id)", "-rf", "taro@DOMAIN", "山田",
           "\u202e" + FORGED[::-1], "\x85" + FORGED, "taro\0root", " taro", "taro ")
WORDS = re.compile(r'([a-z-]+) ([A-Z_]+)((?: [a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^ "\\]+))*)')
WORD = re.compile(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "\\]+)')


def records(since):
    """The events in the journal as (type, result, {name: value}); every line of ours must be what it seems to be."""
    found = []
    for entry in world.journal(since=since):
        if entry.get("_SYSTEMD_UNIT") != "cardmfad.service" and entry.get("SYSLOG_IDENTIFIER") != "pam_cardmfa":
            continue
        # journalctl gives what is no printable text as numbers.
        message = entry["MESSAGE"]
        report.equal((type(message), raw_controls(message), "\n" in message), (str, [], False), f"characters of {message!r}")
        if "CARDMFA_EVENT" not in entry:
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", message)
            for part in ("person=", "xyz.com", "seq=", "login OK", "login ok"):
                report.lacks(bare, part)
            report.equal([name for name in ("service", "origin", "address") if bare.count(f"{name}=") > 1], [], f"names in {bare}")
            continue
        match = WORDS.fullmatch(message)
        if not match:
            raise AssertionError(f"not an event's words: {message!r}")
        words = WORD.findall(match[3])
        report.equal(len(words), len({name for name, _ in words}), f"names of {message}")
        report.equal((match[1], match[2]), (entry["CARDMFA_EVENT"], entry["CARDMFA_RESULT"]), "words and fields")
        for name, value in words:
            value = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value
            report.equal(value, entry[f"CARDMFA_{name.upper()}"], f"{name} of {message!r}")
        found.append((match[1], match[2], dict(words)))
    return found


def store_counts():
    """Events, successful logins, failures that were only added up."""
    return daemon.rows("SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event WHERE type = 'login' AND result = 'OK'), "
                       "(SELECT coalesce(sum(failed), 0) FROM unproved)")[0]


def raw_request(path, user, service=b"login", rhost=b"", tty=b""):
    """Verdict and result of a request that no library made; None: neither came before a question."""
    body = bytes([1, 0, 0, 0, 0]) + b"".join(struct.pack(">I", len(text)) + text for text in (service, user, rhost, tty, b""))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.settimeout(10)
        line.connect(path)
        line.send(b"CMFA" + struct.pack(">HH", 1, 1) + body)
        with contextlib.suppress(ConnectionResetError):
            while (data := line.recv(65536)) and data[6:9] not in QUESTIONS:
                if data[6:8] == b"\0\x12":
                    return struct.unpack_from(">II", data, 8)
    return None


@report.test(seconds=120)
def A95_names_from_outside_forge_nothing():
    """In store, journal and the tool's listing. Nothing of the product writes to the kernel's audit log."""
    taro = only("taro")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the daemon, awake")
    for name in HOSTILE[:-3]:
        mark, had = world.journal_mark(), store_counts()
        outcome = pam.attempt(name, ("PIN", PIN), ("password", "my-secret-password"), tty=name, rhost=name, ruser=name)
        report.equal(outcome.opened, False, name)
        made = [now - then for now, then in zip(store_counts(), had)]
        # Who is nobody is added up, if the request is one at all.
        report.equal((made[:2], made[2] in (0, 1), records(mark)), ([0, 0], True, []), f"of somebody called {name[:60]!r}")
    for tty in HOSTILE:
        mark, had = world.journal_mark(), store_counts()
        outcome = pam.attempt("taro", ("PIN", PIN), ("password", "my-secret-password"), tty=tty, ruser=tty)
        asked = len(tty) <= 256
        report.equal((outcome.opened, "PIN" in outcome.text), (False, asked), f"a terminal {tty[:60]!r}")
        made = records(mark)
        report.equal([now - then for now, then in zip(store_counts(), had)][:2], [len(made), 0], "rows and lines")
        report.equal([(kind, result, words["person"]) for kind, result, words in made if kind == "login"],
                     [("login", "SECRET_WRONG", "taro")] if asked else [], f"on record of a terminal {tty[:60]!r}")
        unlock("taro")
    for path, user in ((path, user) for path in ("/run/cardmfa/cardmfad.sock", "/run/cardmfa/user.sock") for user in
                       (b"taro\0root", b"\0", b"taro\0", b"taro\n" + b"y" * 10000, b"\xff\xfe" * 20, FORGED.encode() + b"\0")):
        for field in ("user", "service", "rhost", "tty"):
            mark, had = world.journal_mark(), store_counts()
            got = raw_request(path, **{"user": b"taro", field: user})
            daemon.wait_quiet()
            if got and got[0] != DENY:
                raise AssertionError(f"{field} {user[:40]!r}: {got}")
            report.equal(([now - then for now, then in zip(store_counts(), had)][:2], records(mark)), ([0, 0], []), f"{field} {user[:40]!r}")
    listed = stage.tool("log", "--last", "1000", text="")
    events = json.loads(stage.tool("log", "--json", "--last", "1000", text=""))
    report.equal((raw_controls(listed), len(events)), ([], store_counts()[0]), "the tool's listing")
    for part in ("DROP TABLE", "my-secret-password"):
        report.lacks(listed + json.dumps(events), part)
    # Below the line of titles.
    rows = [line for line in listed.splitlines() if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  ", line)]
    report.equal((len(rows), len(listed.splitlines())), (len(events), len(events) + 1), "lines of the listing")
    report.equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the person himself")


@report.test(seconds=60)
def A95_a_service_with_a_hostile_name_forges_nothing():
    """The module's own line as well, when nobody answers it."""
    taro = only("taro")
    service = f"x\n{FORGED}".lower()
    world.login_stack(service=service)
    mark = world.journal_mark()
    report.equal(pam.attempt("taro", ("PIN", PIN), ("password", "my-secret-password"), service=service).opened, False, "a wrong password")
    report.equal([words["person"] for _, _, words in records(mark)], ["taro"] * len(records(mark)), "people on record")
    with daemon.stopped():
        mark = world.journal_mark()
        report.equal(pam.attempt("taro", *pam.by_password(taro), service=service).opened, False, "without a daemon")
        lines = world.wait_for(lambda: [entry["MESSAGE"] for entry in world.journal(since=mark)
                                        if entry.get("SYSLOG_IDENTIFIER") == "pam_cardmfa"], what="the module's line")
        report.equal(len(lines), 1, f"lines of the module: {lines}")
        report.contains(lines[0], f"({service.replace(chr(10), '?')}) no answer from cardmfad")
    unlock("taro")
    pathlib.Path(f"/etc/pam.d/{service}").unlink()


@report.test()
def A99_no_secret_and_no_unknown_name_is_on_record():
    taro = only("taro")
    pam.attempt("Correct-Horse-77", ("PIN", "555555"), ("password", "Correct-Horse-78"))
    pam.attempt("taro", ("PIN", PIN), ("password", "Correct-Horse-79"))
    seed = taro.app.seed
    everything = world.journal_text() + stage.tool("log", "--json", "--last", "1000", text="") + \
        world.run("sh", "-c", "cat /var/lib/cardmfa/* | strings -n 5").stdout
    for canary in ("Correct-Horse", PIN, "555555", stage.PASSWORD, seed):
        report.lacks(everything, canary)
    unlock("taro")


def raw_controls(text):
    """What a terminal would obey: control characters but line ends, C1, bidirectional overrides."""
    return re.findall("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)


@report.test(seconds=120)
def A18_hostile_display_strings_are_escaped_wherever_they_are_shown():
    only("taro").card.remove()
    world.add_user("kuro")
    stage.tool("user", "add", "kuro", text="")
    for variant in ("escape", "osc52", "newline", "format", "long", "badutf8", "bidi", "nul"):
        card = vcard.Card("--pin", PIN)
        card.fault("hostile", variant)
        mark = world.journal_mark()
        with console.Terminal("/usr/bin/cardtool", "enroll", "kuro", "--label", "%n%s $(id)") as screen:
            if screen.expect(r"PIN of the card.*: $", pexpect.EOF) == 0:
                screen.send(PIN)
            screen.end()
            seen = "".join(screen.shown)
        seen += pam.attempt("kuro", ("PIN", PIN), ("password", "some-password"), rhost="", tty="\x1b[2Jtty").text
        seen += "".join(stage.tool(*words, text="", status=None) for words in
                        (("list",), ("user", "show", "kuro"), ("log", "--last", "5"), ("log", "--json", "--last", "5")))
        seen += world.journal_text("-u", "cardmfad", since=mark)
        report.equal(raw_controls(seen.replace("\r\n", "\n")), [], f"controls shown for {variant}")
        if max(map(len, seen.splitlines())) > 2500:
            raise AssertionError(f"{variant}: a line of {max(map(len, seen.splitlines()))} characters")
        card.remove()
        card.stop()
    for name in ("\x1b[2J", "a\nb", "\u202eabc", "x" * 10000, "%n%s" * 100):
        for words in (("user", "add", "kuro2", "--name", name), ("show", name), ("revoke", name, "--reason", "lost")):
            done = world.run("cardtool", *words, status=None)
            report.equal(raw_controls(done.stdout + done.stderr), [], f"controls shown for {words[:2]}")
    stage.tool("user", "remove", "kuro", "--revoke-cards", "retired", text="", status=None)


@report.test(seconds=200)
def A45_a_flood_of_names_fills_nothing():
    only("taro").card.remove()
    rounds = report.long(2000, 60)
    rows = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM try), (SELECT count(*) FROM bucket), (SELECT count(*) FROM unproved)"

    def counts():
        return [int(n) for n in world.run("setpriv", "--reuid", "cardmfa", "--clear-groups", "sqlite3", "-readonly",
                                          "/var/lib/cardmfa/store.db", rows).stdout.strip().split("|")]
    before = counts()
    for start in range(0, rounds, 20):
        hosts = [pam.Host(f"nobody{start + i}", ("PIN", PIN), ("code|password", "000000"), service="sshd", rhost="198.51.100.7")
                 for i in range(20)]
        for host in hosts:
            report.equal(host.outcome().opened, False, "verdict")
    after = counts()
    print(f"# {rounds} tries: events, tries, buckets, minutes from {before} to {after}")
    report.equal(after[0], before[0], "events")
    report.equal(after[1], 0, "tries")
    if after[2] - before[2] > 1 or after[3] - before[3] > 5:
        raise AssertionError(f"{before} -> {after}")


if __name__ == "__main__":
    report.main(prepare)
