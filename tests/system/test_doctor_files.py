#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool doctor: who could change a program, a module, a unit or the store; units after the next boot; cards that end.
Each fault is made, found, mended with the command that stands beside it, and is gone."""
# check: timeout=300
import contextlib
import json
import os
import pathlib
import re
import shutil
import time

from lib import report, stage, vcard, world
from lib.report import contains, equal, lacks

JA = {"LANG": "ja_JP.UTF-8"}
STORE = pathlib.Path("/var/lib/cardmfa")
KEY = pathlib.Path("/etc/cardmfa/keys/store.key")
MODULES = next(path for path in pathlib.Path("/usr/lib").glob("*/security") if (path / "pam_unix.so").exists())
LOGIN = pathlib.Path("/etc/pam.d/login")
DAY = 86400
people = {}


def doctor(*words, status=None, env=None):
    return world.run("cardtool", "doctor", *words, status=status, env=env, seconds=60)


def findings(check=None, **wanted):
    return [f for f in json.loads(doctor("--json").stdout)["findings"]
            if (check is None or f["check"] == check) and all(f[key] == value for key, value in wanted.items())]


def errors():
    return {(f["check"], f["file"]) for f in findings(level="error")}


def sql(statement, *values):
    """As the store's owner, behind everybody's back."""
    world.run("runuser", "-u", "cardmfa", "--", "python3", "-c",
              f"import sqlite3; db = sqlite3.connect('{STORE}/store.db'); db.execute({statement!r}, {values!r}); db.commit()")


@contextlib.contextmanager
def as_it_was(path):
    """Owner and mode come back."""
    before = os.lstat(path)
    try:
        yield
    finally:
        os.lchown(path, before.st_uid, before.st_gid)
        if not os.path.islink(path):
            os.chmod(path, before.st_mode & 0o7777)


def prepare():
    stage.set_up()
    people["taro"] = stage.person("taro", with_app=False)
    world.run("usermod", "-p", "$6$x$y", "root")
    pathlib.Path("/etc/reader.conf.d/vpcd").rename("/root/vpcd")        # pcscd has read it
    world.run("cardtool", "status", status=None)
    equal(errors(), set(), "before anything is wrong")


# --- who could change it -----------------------------------------------------------------------------

def commands_in(advice):
    """What stands between backticks, or the whole advice."""
    return re.findall(r"`([^`]+)`", advice) or [advice]


def loose(path, check, mode=None, owner=None, also=()):
    """Found in this check (and `also` in these), named, and mended by the command that is shown."""
    path = os.path.realpath(path)
    before = os.stat(path)
    with as_it_was(path):
        if owner:
            shutil.chown(path, owner)
        if mode is not None:
            os.chmod(path, mode)
        found = [f for f in findings(level="error") if f["check"] not in also]
        equal({(f["check"], f["file"]) for f in found}, {(check, path)}, f"{path} {mode and oct(mode)} {owner}")
        equal(len(found), 1, "said once")
        equal([f for f in findings(check) if f["level"] == "ok" and f["finding"] == check], [], "ok beside an error")
        world.run("sh", "-c", commands_in(found[0]["advice"])[0])
        after = os.stat(path)
        equal((oct(after.st_mode), after.st_uid), (oct(before.st_mode), before.st_uid), f"{path}: {found[0]['advice']}")
        equal(errors(), set(), "after it was mended")


@report.test(120)
def programs_that_others_can_write_or_that_are_set_uid():
    loose("/usr/sbin/cardmfad", "paths", 0o777)
    loose("/usr/sbin/cardmfad", "paths", owner="taro")
    for mode in (0o777, 0o4755, 0o2755):
        loose("/usr/bin/cardtool", "paths", mode)
    for name in ("cardmfa-worker", "cardmfa-card"):
        loose(f"/usr/libexec/cardmfa/{name}", "paths", 0o775)
    loose("/usr/libexec/cardmfa", "paths", 0o777)
    loose("/usr/libexec", "paths", owner="taro")
    loose("/usr/share/locale/ja/LC_MESSAGES/cardmfa.mo", "paths", 0o666)


@report.test(120)
def units_that_others_can_write():
    units = next(path for path in map(pathlib.Path, ("/lib/systemd/system", "/usr/lib/systemd/system"))
                 if (path / "cardmfad.service").exists())
    loose(units / "cardmfad.service", "units", owner="taro")
    loose(units / "cardmfad-user.socket", "units", 0o666)
    loose(units / "pcscd.service", "units", 0o646)
    world.drop_in("cardmfad.socket", "[Socket]\nBacklog=32\n")
    folder = pathlib.Path("/run/systemd/system/cardmfad.socket.d")
    try:
        loose(next(folder.iterdir()), "units", 0o666)
        loose(folder, "units", 0o777)
    finally:
        shutil.rmtree(folder)
        world.systemctl("daemon-reload")
    # A folder of drop-ins that holds none yet.
    empty = pathlib.Path("/etc/systemd/system/cardmfad.service.d")
    empty.mkdir()
    try:
        loose(empty, "units", 0o775)
    finally:
        empty.rmdir()


@report.test(120)
def what_a_stack_reads_and_others_can_write():
    loose(MODULES / "pam_unix.so", "pam", 0o666)
    loose(MODULES / "pam_cardmfa.so", "pam", owner="taro")
    loose("/etc/pam.d/common-password", "pam", 0o666)
    loose("/etc/pam.d/other", "pam", 0o646)
    before = LOGIN.read_text()
    elsewhere = pathlib.Path("/opt/pam/pam_permit.so")
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(MODULES / "pam_permit.so", elsewhere)
    world.write("/etc/pam.d/part-without-a-line", "# nothing\n")
    LOGIN.write_text(before + f"session optional {elsewhere}\n@include part-without-a-line\n")
    try:
        equal(errors(), set())
        loose(elsewhere, "pam", 0o666)
        loose(elsewhere.parent, "pam", owner="taro")
        loose("/etc/pam.d/part-without-a-line", "pam", 0o666)
    finally:
        LOGIN.write_text(before)
        shutil.rmtree("/opt/pam")
        pathlib.Path("/etc/pam.d/part-without-a-line").unlink()


@report.test(90)
def a_link_is_followed_to_what_it_leads_to():
    """As authselect makes them: the file is elsewhere, and so are the folders that count."""
    folder = pathlib.Path("/srv/stacks")
    folder.mkdir()
    kept = LOGIN.read_text()
    LOGIN.rename(folder / "login")
    LOGIN.symlink_to("../../srv/stacks/login")
    try:
        equal(errors(), set())
        loose(folder / "login", "pam", 0o666)
        loose(folder, "pam", 0o777)
    finally:
        LOGIN.unlink()
        LOGIN.write_text(kept)
        shutil.rmtree(folder)


@report.test(120)
def files_of_the_store_and_of_the_daemon():
    loose(STORE / "reserve", "paths", owner="taro", also=("store",))
    loose(STORE / "lock", "paths", 0o660, also=("store",))
    loose("/var/lib/cardmfad/cardmfa.conf.last-good", "paths", 0o666)
    other = STORE / "copy.db"
    other.write_text("")
    try:
        found, = findings("paths", level="error")
        equal(found["file"], str(other))
    finally:
        other.unlink()
    # No name that somebody else chose becomes a command of root's.
    hostile = STORE / "x; touch hostile"
    hostile.write_text("")
    try:
        found, = findings("paths", level="error")
        lacks(found["advice"], "touch")
        contains(found["advice"], "move it away")
    finally:
        hostile.unlink()
    (STORE / "folder").mkdir(0o700)
    try:
        contains(findings("paths", level="error")[0]["text"], "/var/lib/cardmfa/folder")
    finally:
        (STORE / "folder").rmdir()
    # A file system of its own has this.
    (STORE / "lost+found").mkdir(0o700)
    try:
        equal(errors(), set())
    finally:
        (STORE / "lost+found").rmdir()


# --- advice that leads somewhere ----------------------------------------------------------------------

def mended_by_advice(path, checks):
    """Each check that complains says the commands that mend it."""
    found = [f for f in findings(level="error") if f["check"] in checks]
    equal({f["check"] for f in found}, set(checks))
    for f in found:
        contains(f["advice"], str(path))
        contains(f["advice"], "chmod ")
        lacks(f["advice"], "cardtool init")
        lacks(f["advice"], "backup")
    with as_it_was(path):
        world.run("sh", "-c", commands_in(found[0]["advice"])[0])
        equal(errors(), set(), "after it was mended")


@report.test(90)
def open_files_are_mended_with_what_is_shown():
    for path, mode, checks in ((KEY, 0o644, ("paths", "key-file")), (STORE / "store.db", 0o666, ("paths", "store")),
                               (world.CONF, 0o666, ("paths", "configuration"))):
        before = path.stat()
        try:
            path.chmod(mode)
            mended_by_advice(path, checks)
        finally:
            path.chmod(before.st_mode & 0o7777)
    (STORE / "store.db").chmod(0o666)
    said = world.run("cardtool", "init", status=4).stderr
    (STORE / "store.db").chmod(0o600)
    contains(said, "chmod 0600 /var/lib/cardmfa/store.db")


@report.test(90)
def a_lost_key_file_and_a_lost_store_are_another_matter():
    KEY.rename("/root/store.key")
    try:
        contains(findings("key-file", level="error")[0]["advice"], "backup")
    finally:
        pathlib.Path("/root/store.key").rename(KEY)
    # Its certificate or its key are no longer those of the file that made the rows: nobody can mend that by chmod.
    kept = KEY.read_text()
    KEY.write_text("nonsense\n")
    try:
        contains(findings("key-file", level="error")[0]["advice"], "backup")
    finally:
        KEY.write_text(kept)


# --- units -------------------------------------------------------------------------------------------

@report.test(90)
def units_that_do_not_come_back_after_the_next_boot():
    for unit in ("pcscd.socket", "cardmfad.socket", "cardmfad-user.socket"):
        world.systemctl("disable", unit)
        try:
            found, = findings("units", level="error")
            equal(found["text"], f"{unit} is not enabled but disabled")
            world.run("sh", "-c", found["advice"])
            equal(errors(), set())
        finally:
            world.systemctl("enable", unit)
    contains(doctor(env=JA).stdout, "正常      units")


# --- cards that can't be used, or not for long ----------------------------------------------------------

def login_of(person):
    return next(f for f in findings("logins", level="error") if person in f["text"])


@report.test(90)
def a_suspended_card_is_resumed_not_enrolled():
    card = people["taro"].card_id
    world.run("cardtool", "suspend", card)
    try:
        found = login_of("taro")
        contains(found["advice"], f"cardtool resume {card}")
        contains(found["text"], "card (their card is suspended)")
        lacks(found["advice"], "enroll")
        refused = world.run("cardtool", "enroll", "taro", status=1).stderr
        contains(refused, "(suspended)")
        contains(refused, f"cardtool resume {card}")
        world.run("sh", "-c", found["advice"])
        equal(errors(), set())
    finally:
        world.run("cardtool", "resume", card)


def ends_in(seconds):
    sql("update card set not_after = ? where card_id = ?", int(time.time()) + seconds, people["taro"].card_id)


@report.test(90)
def a_card_that_has_ended_is_called_so():
    card = people["taro"].card_id
    kept = json.loads(world.run("cardtool", "show", card, "--json").stdout)["not_after"]
    ends_in(-DAY)
    try:
        found = login_of("taro")
        contains(found["text"], "(the certificate on their card has ended)")
        contains(found["advice"], f"cardtool revoke {card} --reason replaced")
        contains(found["advice"], "new key and certificate")
        found, = findings("cards", finding="expired")
        equal((found["level"], found["person"]), ("warning", "taro"))
        contains(found["text"], "1 person")
        assert re.search(rf"^{card} +taro .* expired ", world.run("cardtool", "list").stdout, re.MULTILINE)
        assert re.search(rf"^{card} +taro .* 有効期限切れ ", world.run("cardtool", "list", env=JA).stdout, re.MULTILINE)
        contains(world.run("cardtool", "user", "show", "taro").stdout, f"{card}: expired")
        contains(world.run("cardtool", "show", card).stdout, "expired")
        contains(world.run("runuser", "-u", "taro", "--", "cardtool", "status").stdout, f"{card}: expired")
        told, = json.loads(world.run("cardtool", "list", "--expired", "--json").stdout)
        equal((told["state"], told["usable"], told["expired"]), ("active", False, True))
        # Its key is pinned for good.
        refused = world.run("cardtool", "enroll", "taro", status=1).stderr
        contains(refused, "(expired)")
        contains(refused, "new key")
    finally:
        sql("update card set not_after = unixepoch(?) where card_id = ?", kept, card)
    equal(findings("cards")[0]["level"], "ok")
    lacks(world.run("cardtool", "list").stdout, "expired")


@report.test(90)
def the_end_of_a_card_is_told_a_month_before():
    card = people["taro"].card_id
    kept = json.loads(world.run("cardtool", "show", card, "--json").stdout)["not_after"]
    try:
        ends_in(31 * DAY)
        equal([f["level"] for f in findings("cards")], ["ok"])
        ends_in(29 * DAY)
        found, = findings("cards")
        equal((found["level"], found["finding"], found["person"]), ("warning", "ends-soon", "taro"))
        contains(found["text"], f"taro ({time.strftime('%Y-%m-%d', time.localtime(time.time() + 29 * DAY))})")
        contains(found["advice"], "cardtool enroll USER")
        contains(doctor(env=JA).stdout, "30日以内")
        equal(errors(), set(), "no error yet")
        # Who has the next card already needs nothing.
        people["taro"].card.remove()
        with vcard.Card("--pin", stage.PIN, "--slot", "9A=p256,pin=once", reader=1) as new:
            second = stage.enroll("taro", new)
        equal([f["level"] for f in findings("cards")], ["ok"])
        world.run("cardtool", "revoke", second, "--reason", "lost")
        equal([f["finding"] for f in findings("cards")], ["ends-soon"])
        people["taro"].card.insert()
    finally:
        sql("update card set not_after = unixepoch(?) where card_id = ?", kept, card)


# --- the last one: pcscd begins anew, without the readers -----------------------------------------------

@report.test(90)
def masked_units_are_unmasked():
    for unit in ("pcscd.service", "cardmfad.service"):
        world.systemctl("mask", "--runtime", unit)
        try:
            found, = (f for f in findings("units", level="error"))
            contains(found["text"], unit)
            contains(found["advice"], f"systemctl unmask --runtime {unit}")
            world.run("sh", "-c", found["advice"])
            equal(findings("units", level="error"), [])
        finally:
            world.systemctl("unmask", "--runtime", unit)


if __name__ == "__main__":
    report.main(prepare)
