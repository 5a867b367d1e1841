#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool where it asks the daemon or the machine: one's own status, a login tried, settings, the cost of a hash."""
import json
import os
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from lib import daemon, report, shells, stage, vcard, world
from lib.console import Terminal
from lib.report import contains, equal, lacks

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1
[class far]
where = remote
factors = password,totp
[default]
factors = card,totp card,password
attempts = 3
lock = 15min
"""
people = {}
PIN = "PIN of your IC card: $"
JA = {"LANG": "ja_JP.UTF-8"}


def prepare():
    stage.set_up(CONF)
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", reader=1, with_app=False, with_password=False)
    people["hanako"].card.remove()
    world.add_user("jiro")


def as_user(name, *words, status=0, env=None):
    return world.run("runuser", "-u", name, "--", "cardtool", *words, status=status, env=env, seconds=120)


# --- status --------------------------------------------------------------------------------------

def packet(kind, body):
    return b"CMFA" + struct.pack(">HH", 1, kind) + body


def text(value):
    return struct.pack(">I", len(value)) + value


def request(op, user=b"", service=b""):
    return packet(1, bytes([op]) + bytes(4) + text(service) + text(user) + text(b"") + text(b"") + text(b""))


def ask(message, path="/run/cardmfa/user.sock"):
    """Types of the packets that came back, and the number of the result."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        s.connect(path)
        s.send(message)
        kinds, result = [], None
        while data := s.recv(65536):
            kinds.append(struct.unpack(">H", data[6:8])[0])
            if kinds[-1] == 18:
                result = struct.unpack(">I", data[12:16])[0]
        return [kinds, result]


def everything():
    return world.run("runuser", "-u", "cardmfa", "--", "sqlite3", "-readonly", daemon.STORE, ".dump").stdout


@report.test(90)
def everybody_sees_his_own_status():
    taro = people["taro"]
    equal(taro.login()[0], True, "login")
    equal(taro.login((PIN, taro.pin), ("password: $", "wrong-password"))[0], False, "wrong password")
    before = everything()
    shown = as_user("taro", "status").stdout
    contains(shown, taro.card_id)
    for line in (r"^User +taro$", r"^State +active$", r"^Last login +2\d{3}-\d\d-\d\d \d\d:\d\d \(pts/\d+\)$",
                 r"^Since then +1 failed try, ", r"^App for codes +enrolled 2", r"^Password +set 2", r"^Failed tries +at this machine: 1 try"):
        assert re.search(line, shown, re.MULTILINE), (line, shown)
    told = json.loads(as_user("taro", "status", "--json").stdout)
    equal([told["user"], told["state"], told["failures_since"], len(told["cards"])], ["taro", "active", 1, 1])
    equal(told["cards"][0]["card"], taro.card_id)
    equal(told["cards"][0]["usable"], True)
    equal(told["counted"], [{"origin": "local", "failed": 1, "last_at": told["counted"][0]["last_at"], "locked_until": None}])
    for key in ("totp_at", "password_at", "last_login_at", "failure_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told[key]), told
    contains(as_user("taro", "status", env=JA).stdout, "前回のログイン")
    equal(everything(), before, "the store")
    # Where a login has no terminal, one word for that.
    for place, english, japanese in (("local", "(at this machine)", "この端末"), ("remote", "(over the network)", "ネットワーク経由")):
        daemon.change("UPDATE login_stat SET last_from = ?", place)
        for show in (lambda env: as_user("taro", "status", env=env), lambda env: world.run("cardtool", "user", "show", "taro", env=env)):
            assert re.search(rf"^Last login .*{re.escape(english)}$", show(None).stdout, re.MULTILINE), show(None).stdout
            assert re.search(rf"^前回のログイン .*{japanese}）$", show(JA).stdout, re.MULTILINE), show(JA).stdout


@report.test()
def a_lock_and_a_revoked_card_are_shown_to_the_holder():
    hanako = people["hanako"]
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    daemon.change("INSERT INTO bucket SELECT id, 'local', 3, ?, ?, CAST(strftime('%s', 'now') AS INTEGER) "
                  "FROM person WHERE login = 'hanako'", boot, int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000))
    shown = as_user("hanako", "status").stdout
    assert re.search(r"^LOCKED +until 2\d{3}-\d\d-\d\d \d\d:\d\d; the systems section can end it$", shown, re.MULTILINE), shown
    contains(shown, "App for codes  none")
    contains(shown, f"{hanako.card_id}: active")
    lacks(shown, people["taro"].card_id)


@report.test()
def who_is_not_registered_is_told_so():
    contains(as_user("jiro", "status", status=1).stderr, "you are not registered")
    contains(as_user("jiro", "status", status=1, env=JA).stderr, "登録されていません")
    equal(as_user("jiro", "status", "--json", status=1).stdout, "")
    contains(world.run("cardtool", "status", status=1).stderr, "cardtool user show USER")


@report.test()
def nobody_learns_of_others():
    for user in ("taro", "jiro"):
        for message in (request(6, b"hanako"), request(6, b"taro"), request(6, b"", b"login")):
            equal(daemon.as_user(user, lambda m=message: ask(m)), [[16, 18], 74], "named")
        # An explanation is root's.
        equal(daemon.as_user(user, lambda: ask(request(7, b"hanako", b"login"))), [[16, 18], 74], "explained")
    equal(daemon.as_user("jiro", lambda: ask(request(6))), [[16, 18], 25], "unknown")
    equal(daemon.as_user("taro", lambda: ask(request(6))[0][0]), 16, "ready")
    as_user("taro", "status", "hanako", status=2)


@report.test()
def malformed_requests_are_refused():
    good = request(6)
    for message in (*(good[:n] for n in range(1, len(good))), good + b"\0", request(10), request(255), packet(1, b"\6")):
        kinds, result = daemon.as_user("taro", lambda m=message: ask(m))
        if 16 in kinds or 19 in kinds or result == 0:
            raise AssertionError(f"{message!r}: {kinds} {result}")
    as_user("taro", "status")


@report.test()
def a_status_takes_a_place_like_any_call():
    """Eight idle connections of one uid are all it gets; root's hosts and others go on."""
    def crowd():
        def connect():
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect("/run/cardmfa/user.sock")
            return s

        def keep():
            """Whoever is let go without a word, because he was silent for two seconds, comes again."""
            while held:
                for s in select.select(held, [], [])[0]:
                    held.remove(s)
                    if not s.recv(100):
                        held.append(connect())
                    s.close()
        held = [connect() for _ in range(40)]
        threading.Thread(target=keep, daemon=True).start()
        done = subprocess.run(["cardtool", "status"], capture_output=True, text=True, timeout=60, check=False)
        return [done.returncode, done.stderr]
    status, said = daemon.as_user("taro", crowd)
    equal(status, 3)
    contains(said, "too many requests at once")
    daemon.wait_quiet()
    as_user("taro", "status")


@report.test()
def an_older_daemon_is_named_as_such():
    path = pathlib.Path("/run/cardmfa/user.sock")

    def serve(listener):
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.send(packet(18, struct.pack(">III", 0xA5C3691E, 53, 0)))
        connection.close()
    with daemon.stopped():
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(path))
            path.chmod(0o666)
            listener.listen()
            for env, words in ((None, "is older than this cardtool"), (JA, "この cardtool より古い")):
                thread = threading.Thread(target=serve, args=(listener,))
                thread.start()
                contains(as_user("taro", "status", status=3, env=env).stderr, words)
                thread.join()
        path.unlink()
        contains(as_user("taro", "status", status=3).stderr, "does not answer")


@report.test()
def whoever_listens_in_the_daemons_place_is_not_believed():
    path = pathlib.Path("/run/cardmfa/user.sock")
    with daemon.stopped():
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(path))
            path.chmod(0o666)

            def listen():
                listener.listen()
                return None
            daemon.as_user("jiro", listen)
            contains(as_user("taro", "status", status=3).stderr, "does not answer")
        path.unlink()


# --- try -----------------------------------------------------------------------------------------

def attempt(user, *answers, status=0, words=("--service", "login"), env=None):
    """`cardtool try` at a terminal below a system service, as a getty is; what was on the screen."""
    with Terminal("cardtool", "try", user, *words, env=env) as screen:
        screen.answer(*answers)
        equal(screen.end(), status, "status")
        return screen.text


def only(name):
    for other, person in people.items():
        inserted = "inserted=yes" in person.card.ctl("status")
        if (other == name) != inserted:
            (person.card.insert if other == name else person.card.remove)()
    world.run("cardtool", "unlock", name, status=None)
    return people[name]


def newest():
    return json.loads(world.run("cardtool", "log", "--json", "--last", "1").stdout)[-1]


@report.test(90)
def a_whole_login_is_tried_and_explained():
    taro = only("taro")
    shown = attempt("taro", *taro.by_password())
    for line in (r"^User +taro, active$", rf"^Card +{taro.card_id}: active$", r"^Place +at this machine$",
                 r"^Class +\[far\], line 5: does not apply; not met: where$", r"^Class +\[default\], line 8: applies; it has no conditions$",
                 r"^Way +card,totp: possible$", r"^Limit +3 wrong answers lock taro out here for 15 min 0 s$",
                 rf'^Reader "[^"]+": card {taro.card_id} of taro, active$', r'^Reader "[^"]+": no card$',
                 r"^Answer 1 \(PIN of your IC card\): right$", r"^Answer 2 \(.*\): right$", r"^Authentication: allowed$",
                 r"^Account check: allowed$", r"^Session: allowed$", r"^The grant is of this process alone \(\d+\)", r"^ALLOWED$"):
        assert re.search(line, shown, re.MULTILINE), (line, shown)
    contains(shown, "Wrong answers count")
    lacks(shown, taro.password)
    lacks(shown, taro.pin)
    logins = [e for e in json.loads(world.run("cardtool", "log", "--json", "--user", "taro").stdout) if e["type"] == "login"]
    equal([logins[-1]["service"], logins[-1]["result"], logins[-1]["detail"]["tried_with"]], ["login", "OK", "cardtool"])
    equal(daemon.number("SELECT count(*) FROM session WHERE state != 'closed'"), 0, "sessions left")
    contains(attempt("taro", *taro.by_password(), env={**JA, "LANGUAGE": "ja"}), "結果: 許可")
    contains(attempt("taro", *taro.by_password(), env={**JA, "LANGUAGE": "ja"}), "taro、有効\n")


@report.test(90)
def a_refused_try_names_the_reason_and_counts():
    taro = only("taro")
    shown = attempt("taro", (PIN, taro.pin), ("password: $", "wrong-password"), status=1)
    assert re.search(r"^Answer 1 \(PIN.*\): right\nAnswer 2 \(.*\): wrong\nAuthentication: wrong code or password\n"
                     r"Account check: not asked.*\nSession: not asked.*\nIn the log: event \d+, login, secret wrong\n"
                     r"REFUSED: secret wrong \(SECRET_WRONG\)$", shown, re.MULTILINE), shown
    equal(daemon.counted("taro"), 1, "counted")
    event = newest()
    equal(event["detail"], {"class": "default", "judged": "password", "tried_with": "cardtool", "wrong": "password"})
    contains(attempt("taro", (PIN, taro.pin), ("password: $", "wrong-password"), status=1), "Counted here so far  1")
    attempt("taro", (PIN, taro.pin), ("password: $", "wrong-password"), status=1)
    shown = attempt("taro", status=1)
    contains(shown, "LOCKED")
    contains(shown, "REFUSED: locked (LOCKED)")
    world.run("cardtool", "unlock", "taro")
    shown = attempt("taro", (PIN, "111111"), status=1)
    assert re.search(r"^Answer 1 \(PIN.*\): wrong\n(?s:.*)^REFUSED: PIN wrong \(PIN_WRONG\)$", shown, re.MULTILINE), shown
    equal(taro.card.tries(), 2, "tries")
    attempt("taro", *taro.by_password())


@report.test(90)
def what_a_person_is_not_told_root_is():
    taro = only("taro")
    # Another's card, a name that is nobody's: on the screen of a console all are one.
    people["hanako"].card.insert()
    taro.card.remove()
    shown = attempt("taro", (PIN, taro.pin), ("code or password: $", "x" * 8), status=1)
    contains(shown, ": a card that is none of taro's")
    contains(shown, "Authentication: refused; all that the host is told: wrong code or password\n")
    contains(shown, "REFUSED: unknown card (CARD_UNKNOWN)")
    contains(shown, "not judged")
    shown = attempt("jiro", (PIN, "123456"), ("code or password: $", "x" * 8), status=1)
    contains(shown, "not a registered person: asked like everybody")
    contains(shown, "REFUSED: nobody known (NOT_A_PERSON)")
    people["hanako"].card.remove()
    taro.card.insert()
    # Over the network: no card, and the ways say it.
    code = taro.code()
    shown = attempt("taro", ("Password: $", "wrong-password"), ("code: $", code), status=1, words=("--service", "sshd", "--rhost", "192.0.2.9"))
    contains(shown, "over the network, from 192.0.2.9")
    contains(shown, "Without sshd no card is proved here")
    contains(shown, "[far], line 5: applies; met: where")
    assert re.search(r"^Answer 1 .*: wrong\nAnswer 2 .*: right$", shown, re.MULTILINE), shown
    lacks(shown, "Reader ")
    event = newest()
    equal([event["service"], event["address"], event["detail"]["wrong"]], ["sshd", "192.0.2.9", "password"])


@report.test()
def over_ssh_a_card_is_up_to_sshd():
    """What only sshd can say is not tried: nobody is asked, nothing counts, and it is no refusal."""
    only("taro")
    logins = "SELECT count(*) FROM event WHERE type = 'login'"
    before = daemon.number(logins)
    world.conf(CONF.replace("factors = password,totp", "factors = card,totp card,password"))
    world.systemctl("reload-or-restart", "cardmfad.service")
    try:
        shown = attempt("taro", status=4, words=("--service", "sshd"))
        assert re.search(r"^Way +card,totp: possible$", shown, re.MULTILINE), shown
        contains(shown, "\nNOT TRIED: over ssh a card is proved to sshd, which is not here.\nTo try it, from the person's own machine: ssh taro@HOST\n")
        lacks(shown, "REFUSED")
        contains(attempt("taro", status=4, words=("--service", "sshd", "--rhost", "192.0.2.9"), env={**JA, "LANGUAGE": "ja"}), "結果: 未実施")
        told = json.loads(world.run("cardtool", "try", "taro", "--service", "sshd", "--json", status=4).stdout)
        equal([told[key] for key in ("allowed", "reason", "authentication", "account", "session", "event", "place")], [None] * 6 + ["remote"])
        equal((daemon.number(logins), daemon.counted("taro", "remote")), (before, 0))
        # Who has no card gets no further by ssh either.
        shown = attempt("jiro", ("code or password: $", "x" * 8), status=1, words=("--service", "sshd"))
        contains(shown, "REFUSED: nobody known (NOT_A_PERSON)")
    finally:
        world.conf(CONF)
        world.systemctl("reload-or-restart", "cardmfad.service")


@report.test()
def the_grant_serves_no_other_process():
    taro = only("taro")
    attempt("taro", *taro.by_password())
    # ACCOUNT and OPEN of another host of root's, for the same person and service: no valid login stands behind it.
    for op in (2, 3):
        kinds, result = ask(request(op, b"taro", b"login"), "/run/cardmfa/cardmfad.sock")
        equal([kinds[-1], result], [18, 24], f"op {op}")


@report.test()
def a_try_for_programs():
    taro = only("taro")
    with Terminal("sh", "-c", "cardtool try taro --service login --json >/root/try.json; exit $?") as screen:
        screen.answer(*taro.by_password())
        equal(screen.end(), 0)
        contains(screen.text, "Wrong answers count")
    told = json.loads(pathlib.Path("/root/try.json").read_text())
    equal([told["allowed"], told["authentication"], told["account"], told["session"], told["class"], told["place"], told["user"]],
          [True, "OK", "OK", "OK", "default", "local", "taro"])
    equal(told["reason"], None)
    equal(told["ways"][0], {"factors": "card,totp", "possible": True, "obstacle": "open"})
    equal(told["classes"][0]["not_met"], ["where"])
    equal(told["detail"]["tried_with"], "cardtool")


@report.test(90)
def what_is_in_the_readers_has_a_name_for_programs():
    taro, hanako = only("taro"), people["hanako"].card

    def readers(status, *answers):
        with Terminal("sh", "-c", "cardtool try taro --service login --json >/root/try.json; exit $?", env={**JA, "LANGUAGE": "ja"}) as screen:
            screen.answer(*answers)
            equal(screen.end(), status)
        told = json.loads(pathlib.Path("/root/try.json").read_text())["readers"]
        return {entry["reader"]: [entry["found"], entry["card"]] for entry in told}
    prompts = taro.by_password()
    own = {taro.card.reader: ["own", taro.card_id]}
    equal(readers(0, *prompts), own | {hanako.reader: ["none", None]})
    hanako.insert()
    equal(readers(0, *prompts), own | {hanako.reader: ["other", None]})
    hanako.fault("no-chuid")
    equal(readers(0, *prompts), own | {hanako.reader: ["no-chuid", None]})
    hanako.fault("clear")
    hanako.fault("sw", "SELECT", "6A82")
    equal(readers(0, *prompts), own | {hanako.reader: ["unreadable", None]})
    hanako.fault("clear")
    hanako.remove()


@report.test()
def a_try_needs_root_a_service_and_a_daemon():
    contains(as_user("taro", "try", "taro", "--service", "login", status=1).stderr, "must be started as root")
    contains(world.run("cardtool", "try", "taro", status=2).stderr, "--service is missing")
    world.run("cardtool", "try", "taro", "--service", "s" * 65, status=2)
    world.run("cardtool", "try", "", "--service", "login", status=2)
    with daemon.stopped():
        contains(world.run("cardtool", "try", "taro", "--service", "login", status=3).stderr, "every login is refused")


@report.test()
def an_interrupted_try_leaves_the_terminal_and_counts_nothing():
    only("taro")
    with Terminal("sh", "-c", "trap : INT; cardtool try taro --service login; echo; stty -a | grep -o ' -\\?echo '") as screen:
        screen.expect("PIN of your IC card")
        screen.interrupt()
        screen.expect(" echo ")
    daemon.wait_quiet()
    equal(daemon.counted("taro"), 0)


# --- config show -----------------------------------------------------------------------------------

@report.test()
def every_setting_is_shown_with_its_source():
    shown = world.run("cardtool", "config", "show").stdout
    for line in (r"^\[settings\]\n(.*\n)*argon2-memory +/etc/cardmfa/cardmfa.conf:3 +19MiB$", r"^address-lock +preset +15min$",
                 r"^\[class far\]$", r"^\[class far\]\n(.*\n)*?attempts +/etc/cardmfa/cardmfa.conf:10 +3$",
                 r"^\[default\]\n(.*\n)*?factors +/etc/cardmfa/cardmfa.conf:9 +card,totp card,password$"):
        assert re.search(line, shown, re.MULTILINE), (line, shown)
    told = json.loads(world.run("cardtool", "config", "show", "--json").stdout)
    table = {row["setting"]: row for row in told["settings"]}
    equal(table["argon2-time"], {"setting": "argon2-time", "value": "1", "source": "/etc/cardmfa/cardmfa.conf:4", "line": 4})
    equal(table["address-attempts"], {"setting": "address-attempts", "value": "30", "source": "default", "line": None})
    equal([c["class"] for c in told["classes"]], ["far", "default"])
    far = json.loads(world.run("cardtool", "config", "show", "--class", "far", "--json").stdout)["classes"]
    equal([len(far), far[0]["line"]], [1, 5])
    contains(world.run("cardtool", "config", "show", "--class", "near", status=1).stderr, 'no class "near"')
    contains(world.run("cardtool", "config", "show", env=JA).stdout, "初期値")


@report.test()
def the_class_of_a_person_is_explained():
    for words, place, name in (((), "local", "default"), (("--local", "--service", "sudo"), "local", "default"),
                               (("--from", "192.0.2.7"), "remote", "far"), (("--service", "sshd"), "remote", "far")):
        told = json.loads(world.run("cardtool", "config", "show", "--user", "taro", *words, "--json").stdout)
        equal([told["login"]["place"], told["login"]["class"], [c["class"] for c in told["classes"]]], [place, name, [name]], words)
    shown = world.run("cardtool", "config", "show", "--user", "taro").stdout
    contains(shown, "[far], line 5: does not apply; not met: where")
    contains(shown, "[default], line 8: applies")
    contains(shown, "Way    card,totp: possible")
    assert re.search(r"^\[default\]\nperson", shown, re.MULTILINE), shown
    contains(world.run("cardtool", "config", "show", "--user", "jiro").stdout, "not a registered person")
    for words in (("--from", "192.0.2.7"), ("--user", "taro", "--class", "far"), ("--user", "taro", "--from", "host.example"),
                  ("--user", "taro", "--from", "192.0.2.7", "--local")):
        world.run("cardtool", "config", "show", *words, status=2)
    contains(as_user("taro", "config", "show", status=1).stderr, "must be started as root")


@report.test()
def settings_are_shown_without_a_store():
    store, away = pathlib.Path("/var/lib/cardmfa"), pathlib.Path("/var/lib/cardmfa.away")
    with daemon.stopped():
        store.rename(away)
        try:
            contains(world.run("cardtool", "config", "show").stdout, "[class far]")
            contains(world.run("cardtool", "config", "show", "--user", "taro", status=3).stderr, "the store can't be used")
        finally:
            away.rename(store)


# --- tune ------------------------------------------------------------------------------------------

@report.test(120)
def a_proposal_keeps_the_budget_and_is_taken_by_config_check():
    conf = world.CONF.read_bytes()
    told = json.loads(as_user("taro", "tune", "--memory", "32MiB", "--time", "300ms", "--json").stdout)
    equal([told["memory_budget_kib"], told["time_budget_ms"]], [32768, 300])
    # How much of it fits is the machine's, and what else it does.
    assert told["argon2_memory"] in ("32MiB", "19MiB") and 2 <= told["argon2_time"] <= 32 and (told["ms"] <= 300) == told["fits"], told
    shown = as_user("taro", "tune", "--memory", "19MiB", "--time", "100ms").stdout
    lines = re.search(r"^argon2-memory = 19MiB\nargon2-time = \d+\n", shown, re.MULTILINE)[0]
    pathlib.Path("/root/tuned.conf").write_text("[settings]\n" + lines + "[default]\nfactors = card,totp\n")
    world.run("cardtool", "config", "check", "/root/tuned.conf")
    contains(shown, "Nothing was changed")
    equal(world.CONF.read_bytes(), conf)
    for words in (("--memory", "18MiB"), ("--memory", "257MiB"), ("--memory", "64"), ("--time", "1h")):
        world.run("cardtool", "tune", *words, status=2)
    # Progress is for terminals, and none is left on one.
    equal(as_user("taro", "tune", "--memory", "19MiB", "--time", "50ms").stderr, "")


# --- completion --------------------------------------------------------------------------------------

@report.test()
def commands_options_and_values_are_completed():
    first = shells.bash("")
    for word in ("init", "config", "user", "enroll", "status", "try", "tune", "--help"):
        assert word in first, first
    equal(first.count("user"), 1, "once each")
    equal(shells.bash("us"), ["user"])
    equal(shells.bash("user", ""), ["add", "list", "show", "change", "remove"])
    equal(shells.bash("user", "s"), ["show"])
    equal(shells.bash("no-such", ""), [""])
    equal(shells.bash("config", "show", "--s"), ["--service"])
    equal(shells.bash("config", "show", "--class", ""), ["far", "default"])
    equal(shells.bash("list", "--state", "s"), ["suspended"])
    equal(shells.bash("list", "--state", "active", "--"), ["--user", "--match", "--expires-by", "--expired", "--json", "--help"])
    equal(shells.bash("revoke", "XXXX-XXXX", "--reason", "st"), ["stolen"])
    equal(shells.bash("enroll", "taro", "--slot", ""), ["9a", "9e"])
    equal(shells.bash("try", "taro", "--service", "logi"), ["login"])
    assert "FILES" in shells.bash("config", "check", ""), "files"
    equal(shells.bash("user", "add", "--name", ""), [""])
    contains(world.run("cardtool", "complete", "revo", env=JA).stdout, "revoke\tICカード")


@report.test()
def people_cards_and_readers_are_completed_for_root_alone():
    only("taro")
    equal(sorted(shells.bash("user", "show", "")), ["hanako", "taro"])
    equal(shells.bash("user", "show", "ta"), ["taro"])
    equal(shells.bash("log", "--user", "h"), ["hanako"])
    equal(shells.bash("suspend", "--user", "ta"), ["taro"])
    for command in ("show", "suspend", "resume", "revoke"):
        equal(sorted(shells.bash(command, "")), sorted(p.card_id for p in people.values()))
    equal(shells.bash("enroll", "taro", "--reader", ""), [r"Virtual\ PCD\ 00\ 00", r"Virtual\ PCD\ 00\ 01"])
    equal(shells.bash("enroll", "taro", "--reader", '"Virtual PCD 00 01'), ["Virtual PCD 00 01"])
    for words in (("user", "show", ""), ("show", ""), ("enroll", "taro", "--reader", "")):
        equal(shells.bash(*words, user="taro"), [""])
    with daemon.stopped():
        equal(shells.bash("user", "show", "ta"), ["taro"])
    # No shell has been told of anything: neither stdout nor stderr, whatever comes.
    for words in ((), ("complete",), ("user",), ("user", "show", "x", "y", "z"), ("--",), ("\n",), ("user", "show", "--user", "\x1b[1m")):
        equal(world.run("cardtool", "complete", *words).stderr, "")


@report.test(120)
def zsh_completes_every_command_and_option():
    with shells.Zsh() as zsh:
        names = list(commands())
        first = sorted({name[0] for name in names})
        equal(zsh.tab("cardtool "), (sorted([*first, "--help", "--version"]), "cardtool "))
        for word in first:
            second = sorted(name[1] for name in names if name[0] == word and len(name) == 2)
            if second:
                equal(zsh.tab(f"cardtool {word} ")[0], second)
        for name in names:
            line = f"cardtool {' '.join(name)} -"
            options = re.findall(r"^  (--[\w-]+)", world.run("cardtool", *name, "--help").stdout, re.MULTILINE)
            equal(zsh.tab(line)[0], sorted(options), line)
            for option in options:
                equal(zsh.tab(line + option[1:]), ([o for o in sorted(options) if o.startswith(option)], line + option[1:] +
                      ("" if sum(o.startswith(option) for o in options) > 1 else " ")), option)


@report.test(90)
def zsh_completes_what_bash_does():
    """The same candidates for the same words; what is typed becomes one word, whatever is in it."""
    only("taro")
    taro, hanako = people["taro"].card_id, people["hanako"].card_id
    with shells.Zsh() as zsh:
        for words in (("us",), ("user", "s"), ("user", "show", ""), ("user", "show", "ta"), ("log", "--user", "h"), ("show", ""), ("show", taro[:6]),
                      ("list", "--state", "s"), ("revoke", taro, "--reason", ""), ("revoke", taro, "--reason", "st"), ("enroll", "taro", "--slot", ""),
                      ("config", "show", "--class", ""), ("try", "taro", "--service", "logi"), ("log", "--type", "card-"), ("user", "list", "--without", ""),
                      ("list", "--state", "active", "--"), ("user", "add", "--name", ""), ("no-such", ""), ("user", "show", "x", "y", "z")):
            offered, line = zsh.tab(" ".join(("cardtool", *words)))
            wanted = sorted(word for word in shells.bash(*words) if word)
            equal(offered, wanted, words)
            if len(wanted) == 1:
                equal(line, " ".join(("cardtool", *words[:-1], wanted[0])) + " ", words)
        equal(zsh.tab("cardtool show ")[0], sorted((taro, hanako)))
        equal(zsh.tab("sudo cardtool user show ta"), (["taro"], "sudo cardtool user show taro "))
        readers = [r"Virtual\ PCD\ 00\ 00", r"Virtual\ PCD\ 00\ 01"]
        equal(zsh.tab("cardtool enroll taro --reader "), (readers, r"cardtool enroll taro --reader Virtual\ PCD\ 00\ 0"))
        equal(zsh.tab(r"cardtool enroll taro --reader Virtual\ PCD\ 00\ 01"), (readers[1:], r"cardtool enroll taro --reader Virtual\ PCD\ 00\ 01 "))
        equal(zsh.tab('cardtool enroll taro --reader "Virtual PCD 00 01'), (["Virtual PCD 00 01"], 'cardtool enroll taro --reader "Virtual PCD 00 01" '))
        equal(zsh.tab("cardtool enroll taro --reader 'Virt")[1], "cardtool enroll taro --reader 'Virtual PCD 00 0")
        # Names of files are its own.
        equal(zsh.tab("cardtool config check /etc/cardmfa/cardm")[1], "cardtool config check /etc/cardmfa/cardmfa.conf ")


@report.test(60)
def zsh_tells_what_a_candidate_is():
    only("taro")
    daemon.change("UPDATE person SET name = '山田: 太郎' WHERE login = 'taro'")
    with shells.Zsh(env=JA) as zsh:
        zsh.tab("cardtool user show ")
        contains(zsh.text, "山田: 太郎")
        zsh.tab("cardtool revo")
        zsh.tab("cardtool re")
        contains(zsh.text, "ICカード")
    daemon.change("UPDATE person SET name = NULL WHERE login = 'taro'")
    # Who is not root learns of commands, and of nobody.
    with shells.Zsh(user="taro") as zsh:
        equal(zsh.tab("cardtool stat"), (["status"], "cardtool status "))
        for words in ("user show ", "show ", "enroll taro --reader "):
            equal(zsh.tab(f"cardtool {words}")[0], [])


# --- lists -----------------------------------------------------------------------------------------

def listed(*words, field="user", env=None):
    """In order, as --json has it; the table has the same rows."""
    told = json.loads(world.run("cardtool", *words, "--json", env=env).stdout)
    shown = world.run("cardtool", *words, env=env).stdout
    rows = shown.splitlines()[1:] if told else []
    equal(len(rows), len(told), shown)
    for row, entry in zip(rows, told):
        contains(row, entry[field])
    return [entry[field] for entry in told]


@report.test(60)
def people_are_picked_by_what_they_are_and_lack():
    for name, words in (("saburo", ("--name", "山田 三郎", "--section", "税務課", "--class", "far", "--staff-number", "10301")),
                        ("goro", ("--name", "Goto Goro", "--section", "税務課")), ("rokuro", ()), ("shichiro", ())):
        world.add_user(name)
        world.run("cardtool", "user", "add", name, *words)
    stage.tool("password", "set", "goro", "--stdin", text="a long password\n")
    world.run("cardtool", "user", "remove", "shichiro")
    daemon.change("UPDATE person SET state = 'locked' WHERE login = 'rokuro'")
    equal(listed("user", "list"), ["goro", "hanako", "rokuro", "saburo", "taro"])
    equal(listed("user", "list", "--all"), ["goro", "hanako", "rokuro", "saburo", "taro", "shichiro"])
    for words, found in ((("--match", "ro"), ["goro", "rokuro", "saburo", "taro"]), (("--match", "GOTO"), ["goro"]), (("--match", "三郎"), ["saburo"]),
                         (("--match", "103"), ["saburo"]), (("--match", "税務"), []), (("--section", "税務課"), ["goro", "saburo"]),
                         (("--section", "税務"), []), (("--class", "far"), ["saburo"]), (("--state", "locked"), ["rokuro"]),
                         (("--state", "active"), ["goro", "hanako", "saburo", "taro"]), (("--state", "removed"), ["shichiro"]),
                         (("--without", "card"), ["goro", "rokuro", "saburo"]), (("--without", "app"), ["goro", "hanako", "rokuro", "saburo"]),
                         (("--without", "password"), ["hanako", "rokuro", "saburo"]),
                         (("--without", "second-factor"), ["hanako", "rokuro", "saburo"]),
                         (("--without", "card", "--section", "税務課", "--match", "goro"), ["goro"]),
                         (("--without", "card", "--all", "--match", "shichi"), ["shichiro"])):
        equal(listed("user", "list", *words), found, words)
    equal(listed("user", "list", "--state", "ロック中", env=JA), ["rokuro"])
    # A card that no login takes is none.
    daemon.change("UPDATE card SET not_after = 1 WHERE person = (SELECT id FROM person WHERE login = 'hanako')")
    equal(listed("user", "list", "--without", "card"), ["goro", "hanako", "rokuro", "saburo"])
    daemon.change("UPDATE card SET not_after = 1893423600 WHERE person = (SELECT id FROM person WHERE login = 'hanako')")
    for words, said in ((("--match", "nobody"), "There are no such people."), (("--class", "fra"), "`cardtool config check` lists the classes")):
        contains(world.run("cardtool", "user", "list", *words).stdout, said)
        equal(world.run("cardtool", "user", "list", *words, "--json").stdout, "[]\n")
    for words, said in ((("--without", "pin"), "card, app, password or second-factor"), (("--state", "lost"), "active, locked or removed"),
                        (("--match", "x" * 200), "at most")):
        contains(world.run("cardtool", "user", "list", *words, status=2).stderr, said)
    equal(shells.bash("user", "list", "--state", ""), ["active", "locked", "removed"])
    equal(shells.bash("user", "list", "--without", "s"), ["second-factor"])
    equal(shells.bash("user", "list", "--class", ""), ["far", "default"])


def day(offset):
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + 86400 * offset))


@report.test(60)
def cards_are_picked_by_their_end_and_their_words():
    taro, hanako = (people[name].card_id for name in ("taro", "hanako"))
    before = daemon.rows("SELECT card_id, not_after, label FROM card")
    now = int(time.time())
    for user, end, label in (("taro", now + 20 * 86400, "職員証 0123"), ("hanako", now - 60, "Card 0456")):
        daemon.change("UPDATE card SET not_after = ?, label = ? WHERE person = (SELECT id FROM person WHERE login = ?)", end, label, user)
    for words, found in ((("--expired",), [hanako]), (("--expires-by", "30d"), [taro, hanako]), (("--expires-by", "10d"), [hanako]),
                         (("--expires-by", day(20)), [taro, hanako]), (("--expires-by", day(19)), [hanako]), (("--expires-by", day(-3)), []),
                         (("--expired", "--user", "taro"), []), (("--expired", "--state", "active"), [hanako]), (("--expired", "--state", "revoked"), []),
                         (("--match", "0123"), [taro]), (("--match", "card"), [hanako]), (("--match", "職員証"), [taro]), (("--match", "HANA"), [hanako]),
                         (("--match", taro[:4].lower()), [taro]), (("--match", "0789"), [])):
        equal(listed("list", *words, field="card"), found, words)
    # One without an end has none.
    daemon.change("UPDATE card SET not_after = NULL")
    equal(listed("list", "--expires-by", "36500d", field="card"), [])
    equal(listed("list", "--expired", field="card"), [])
    for card, end, label in before:
        daemon.change("UPDATE card SET not_after = ?, label = ? WHERE card_id = ?", end, label, card)
    for words in (("--expires-by", "soon"), ("--expires-by", "-1d"), ("--expires-by", "2026-02-30"), ("--match", "\x1b")):
        contains(world.run("cardtool", "list", *words, status=2).stderr, "--" + words[0][2:])
    equal(world.run("cardtool", "list", "--match", "0789").stdout, "There are no such cards.\n")


@report.test(60)
def the_log_is_picked_by_its_end_and_by_what_failed():
    old = 1600000000        # 2020-09-13 12:26:40 UTC
    for at, result in ((old, "OK"), (old + 60, "SECRET_WRONG"), (old + 7 * 86400, "OK")):
        daemon.change("INSERT INTO event (at, type, result, person, detail) VALUES (?, 'login', ?, 'hanako', '{}')", at, result)

    def found(*words):
        told = json.loads(world.run("cardtool", "log", "--user", "hanako", *words, "--json", env={"TZ": "UTC0"}).stdout)
        shown = world.run("cardtool", "log", "--user", "hanako", *words, env={"TZ": "UTC0"}).stdout
        equal(sum(line.startswith("20") for line in shown.splitlines()), len(told), shown)
        return [[e["at"], e["result"]] for e in told if e["at"] < "2021"]
    first, second, third = ["2020-09-13T12:26:40Z", "OK"], ["2020-09-13T12:27:40Z", "SECRET_WRONG"], ["2020-09-20T12:26:40Z", "OK"]
    for words, events in ((("--until", "2020-09-13"), [first, second]), (("--until", "2020-09-12"), []),
                          (("--until", "2020-09-13T12:27"), [first]), (("--since", "2020-09-14", "--until", "2020-09-20"), [third]),
                          (("--until", "2020-09-30", "--failed"), [second]), (("--until", "365d"), [first, second, third]),
                          (("--until", "2020-09-30", "--last", "1"), [third]), (("--until", "2020-09-30", "--failed", "--last", "1"), [second])):
        equal(found(*words), events, words)
    lacks(world.run("cardtool", "log", "--failed", "--last", "500").stdout, " success ")
    for words in (("--until", "yesterday"), ("--until", "2020-02-30"), ("--until", "7"), ("--since", "7")):
        contains(world.run("cardtool", "log", *words, status=2).stderr, f"{words[0]} is a time like")
    equal(world.run("cardtool", "log", "--user", "hanako", "--until", "2020-09-12").stdout, "There are no such events.\n")


# --- what holds for every command ---------------------------------------------------------------------

def commands():
    """Every command of the table, as a list of words."""
    for line in world.run("cardtool", "complete", "").stdout.splitlines():
        word = line.split("\t")[0]
        if word.startswith("--"):
            continue
        second = [line.split("\t")[0] for line in world.run("cardtool", "complete", word, "").stdout.splitlines()]
        if second and not second[0].startswith("-") and "\t" not in line:
            yield from ([word, name] for name in second)
        else:
            yield [word]


# Command lines that only tell, for the box as it is; the rest of the tests runs the others.
TELLING = (["doctor"], ["config", "check"], ["config", "show"], ["user", "list"], ["user", "show", "taro"], ["list"], ["log"], ["unlock", "taro"],
           ["tune", "--memory", "19MiB", "--time", "50ms"])


@report.test(90)
def every_command_has_help_with_an_example():
    names = list(commands())
    assert len(names) >= 22 and ["config", "show"] in names and ["try"] in names, names
    for name in names:
        for env, usage, example in ((None, "Usage: cardtool ", "\nExample:\n"), (JA, "cardtool ", "\n例:\n")):
            shown = world.run("cardtool", *name, "--help", env=env).stdout
            contains(shown, usage + " ".join(name))
            contains(shown, example)
            assert re.search(rf"^  (sudo )?cardtool {' '.join(name)}", shown, re.MULTILINE), shown
            # A secret is asked for, never given: no option of that name.
            assert not re.search(r"^  --(pin|password|code|secret|seed)", shown, re.MULTILINE), shown


@report.test(120)
def json_is_json_and_never_translated():
    for words in (*TELLING, ["show", people["taro"].card_id]):
        plain = world.run("cardtool", *words, "--json", status=None).stdout
        told = json.loads(plain)
        assert told or words == ["log"], words
        if words[0] not in ("tune", "doctor", "unlock"):
            equal(world.run("cardtool", *words, "--json", status=None, env=JA).stdout, plain, words)
    broken = pathlib.Path("/root/broken.conf")
    broken.write_text("[default]\nfactor = card\n")
    told = json.loads(world.run("cardtool", "config", "check", str(broken), "--json", status=1).stdout)
    equal([told["good"], told["classes"], told["fault"].startswith("/root/broken.conf:2: ")], [False, [], True])
    told = json.loads(world.run("cardtool", "config", "check", "--json").stdout)
    equal([told["good"], told["fault"], [c["class"] for c in told["classes"]]], [True, None, ["far", "default"]])
    equal(json.loads(world.run("cardtool", "unlock", "taro", "--json").stdout),
          {"user": "taro", "was_locked": False, "counters_cleared": 0})


@report.test(60)
def signals_ignored_by_the_caller_change_no_finding():
    def findings(before=None):
        done = subprocess.run(["cardtool", "doctor", "--json"], capture_output=True, text=True, timeout=30, check=False, preexec_fn=before)
        return [[f["check"], f["level"], f["text"]] for f in json.loads(done.stdout)["findings"] if f["check"] != "disk"]

    def ignore():
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    equal(findings(ignore), findings())


@report.test()
def the_log_has_words_for_every_field():
    shown = world.run("cardtool", "log", "--last", "500", env=JA).stdout
    assert len(shown.splitlines()) > 10, shown
    raw = re.findall(r"(?:^|\s)([a-z_-]+)=", shown)
    equal(raw, [], "names of fields")
    for word in ("アルゴリズム=P-256", "セッション=", "誤り=", "試行=cardtool", "この端末"):
        contains(shown, word)
    contains(json.dumps(json.loads(world.run("cardtool", "log", "--json", env=JA).stdout)), '"logind_session"')


@report.test()
def tables_line_up_under_kanji():
    world.add_user("shiro")
    world.run("cardtool", "user", "add", "shiro", "--name", "山田 四郎", "--section", "市民課")
    wide = lambda line: sum(2 if ord(c) > 0x2E80 else 1 for c in line)
    lines = world.run("cardtool", "user", "list", env=JA).stdout.splitlines()
    starts = {wide(line[:line.index(state)]) for line in lines for state in ("有効",) if state in line}
    equal(len(starts), 1, lines)
    for words in (["config", "show"], ["user", "show", "shiro"]):
        shown = world.run("cardtool", *words, env=JA).stdout
        for block in shown.split("\n\n"):
            rows = [re.match(r"(\S.*?\S?)  +(?=\S)", line) for line in block.splitlines() if not line.startswith("[")]
            equal(len({wide(row[0]) for row in rows if row}) <= 1, True, block)


def lost(words, *answers, user=None, text=None):
    """The command's output goes to a full disk; root answers at a terminal. Its status, and what it complained of."""
    command = [*(["runuser", "-u", user, "--"] if user else []), "cardtool", *words]
    said = pathlib.Path("/var/tmp/said")
    said.unlink(missing_ok=True)
    source = pathlib.Path("/var/tmp/typed")
    source.write_text(text or "")
    line = '"$@" >/dev/full 2>/var/tmp/said' + (" </var/tmp/typed" if text is not None else "")
    with Terminal("sh", "-c", line, "sh", *command) as screen:
        for prompt, typed in answers:
            screen.expect(prompt)
            screen.send(typed(screen) if callable(typed) else typed)
        status = screen.end()
    return status, said.read_text()


@report.test(180)
def output_that_is_lost_is_said_by_every_command():
    taro, pin = only("taro"), "PIN of the card.*: $"
    for name in ("nanami", "hachiro"):
        world.add_user(name)
    names = [" ".join(name) for name in commands()]
    fresh = vcard.new("--pin", stage.PIN, "--slot", "9A=p256,pin=once")
    first_code = lambda screen: world.Authenticator(re.search(r"[?&]secret=([A-Z2-7]+)", screen.text)[1]).code()
    told, in_part = set(), 4

    def check(words, *answers, status=None, **how):
        done, said = lost(words, *answers, **how)
        told.update(name for name in names if words[:len(name.split())] == name.split())
        if done == 0 or status not in (None, done) or "could be written: No space left on device" not in said:
            raise AssertionError(f"{words}: {done} {said}")

    for words in (*TELLING, ["show", taro.card_id]):
        check(words)
        check([*words, "--json"])
    check(["status"], user="taro")
    check(["ssh-keys", "taro"], status=in_part)
    check(["init"], status=in_part)
    check(["try", "taro", "--service", "login"], *taro.by_password(), status=in_part)
    check(["pin", "try"], (pin, taro.pin), status=in_part)
    check(["user", "add", "hachiro"], status=in_part)
    check(["user", "add", "nanami"], status=in_part)
    check(["user", "change", "nanami", "--section", "税務課"], status=in_part)
    people["hanako"].card.stop()
    taro.card.remove()
    with vcard.Card(state=fresh, reader=1):
        check(["enroll", "hachiro"], (pin, stage.PIN), status=in_part)
    people["hanako"].card = vcard.Card(state=people["hanako"].card.state, reader=1, inserted=False)
    taro.card.insert()
    card = json.loads(world.run("cardtool", "user", "show", "hachiro", "--json").stdout)["cards"][0]["card"]
    check(["suspend", card], status=in_part)
    check(["resume", card], status=in_part)
    check(["totp", "enroll", "hachiro"], (r"your app shows now: $", first_code), status=in_part)
    check(["totp", "remove", "hachiro"], status=in_part)
    check(["password", "set", "hachiro", "--stdin"], text=stage.PASSWORD + "\n", status=in_part)
    check(["revoke", card, "--reason", "lost"], status=in_part)
    check(["user", "remove", "hachiro", "--revoke-cards", "retired"], status=in_part)
    check(["user", "remove", "nanami"], status=in_part)
    equal(told, set(names), "commands")
    # What was said to be done in part was done.
    equal(json.loads(world.run("cardtool", "show", card, "--json").stdout)["state"], "revoked")
    contains(world.run("cardtool", "user", "show", "nanami", status=1).stderr, "nobody is registered")


@report.test(120)
def output_into_a_closed_pipe_is_said_to_be_lost():
    for words in (*TELLING, ["show", people["taro"].card_id], ["status"]):
        for json_too in ([], ["--json"]):
            become = ["runuser", "-u", "taro", "--"] if words == ["status"] else []
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([*become, "cardtool", *words, *json_too], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
            os.close(writing)
            if done.returncode <= 0 or "could be written: Broken pipe" not in done.stderr:
                raise AssertionError(f"{words} {json_too} into a closed pipe: {done.returncode} {done.stderr}")


def neutral(value):
    """Without what the moment decides: numbers, times, whether something changed."""
    if isinstance(value, dict):
        return {key: neutral(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [neutral(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ)?", "TIME", value)
    return 0 if isinstance(value, (int, float)) else value


def for_programs(words, answers, language):
    """What the command has on its standard output."""
    line = " ".join(["runuser -u taro --"] * (words[0] == "status") + ["cardtool", *words, "--json"])
    with Terminal("sh", "-c", line + " >/root/said.json", env={**JA, "LANGUAGE": language}) as screen:
        screen.answer(*answers)
        screen.end()
    return neutral(json.loads(pathlib.Path("/root/said.json").read_text()))


@report.test(180)
def what_is_for_programs_is_the_same_in_every_language():
    taro = only("taro")
    world.write("/root/broken.conf", "[default]\nfactors = card\nno-such = 1\n")
    lines = [*(words for words in TELLING if words != ["log"]), ["log", "--type", "card-enrol"], ["config", "check", "/root/broken.conf"],
             ["config", "show", "--user", "taro"], ["show", taro.card_id], ["status"], ["suspend", taro.card_id], ["suspend", "--user", "taro"],
             ["resume", taro.card_id], ["revoke", people["hanako"].card_id, "--reason", "lost"], ["try", "taro", "--service", "login"]]
    answers = {"try": taro.by_password}
    # What the first login and the revocation change.
    attempt("taro", *taro.by_password())
    world.run("cardtool", "revoke", people["hanako"].card_id, "--reason", "lost", status=None)
    for words in lines:
        english, japanese = (for_programs(words, answers.get(words[0], tuple)(), language) for language in ("en", "ja"))
        equal(japanese, english, words)
    without = {" ".join(name) for name in commands() if "  --json" in world.run("cardtool", *name, "--help").stdout
               and not any(words[:len(name)] == name for words in lines)}
    equal(without, set(), "commands with --json that were not looked at")


if __name__ == "__main__":
    report.main(prepare)
