#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What stands in the store, and what becomes of logins when somebody changed it."""
import pathlib
import shutil

from lib import pam, report, stage, vcard, world

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1
address-attempts = 40

[class counter]
service = sshd
factors = totp,password
attempts = 3

[class patient]
person = jiro
factors = card,password
attempts = 20

[default]
factors = card,password
attempts = 3
"""
STORE = pathlib.Path("/var/lib/cardmfa/store.db")
people = {}


def prepare():
    stage.set_up(CONF)
    world.login_stack(service="sshd")
    people["taro"] = stage.person("taro")
    world.systemctl("start", "cardmfad.service")
    world.add_user("jiro")
    stage.tool("user", "add", "jiro", text="")
    stage.tool("password", "set", "jiro", "--stdin", text=stage.PASSWORD + "\n")


def sql(query, status=0):
    return world.run("setpriv", "--reuid", "cardmfa", "--regid", "cardmfa", "--clear-groups", "sqlite3", str(STORE), query,
                     status=status).stdout.strip()


class Changed:
    """The store with something done to it, put back afterwards byte by byte."""

    def __init__(self, query):
        self.query = query

    def __enter__(self):
        world.systemctl("stop", "cardmfad.service")
        sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree("/var/lib/cardmfa", "/root/store")
        sql(f"PRAGMA writable_schema = ON; PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; {self.query}")
        return self

    def __exit__(self, *_):
        world.systemctl("stop", "cardmfad.service")
        for path in pathlib.Path("/var/lib/cardmfa").iterdir():
            path.unlink()
        world.run("sh", "-c", "cp -a /root/store/. /var/lib/cardmfa/ && chown -R cardmfa:cardmfa /var/lib/cardmfa && "
                              "chmod 0700 /var/lib/cardmfa && rm -rf /root/store")


def login():
    return pam.attempt("taro", *pam.by_password(people["taro"]))


def refused(what, *codes):
    outcome = login()
    if outcome.opened or outcome.codes["auth"] not in (codes or (pam.AUTH_ERR, pam.AUTHINFO_UNAVAIL, pam.SERVICE_ERR)):
        raise AssertionError(f"{what}: {outcome}")
    return outcome


@report.test(seconds=120)
def A91_hostile_rows_are_refused():
    report.equal(login().opened, True, "before")
    for query in (
            "UPDATE card SET spki = x'3000'",
            "UPDATE card SET spki = zeroblob(91)",
            "UPDATE card SET spki_sha256 = zeroblob(32)",
            "UPDATE card SET state = 'ACTIVE'",
            "UPDATE card SET state = ''",
            "UPDATE card SET algorithm = 'rsa1024'",
            "UPDATE card SET algorithm = 'rsa2048'",
            "UPDATE card SET person = 999",
            "UPDATE card SET pin_proved = 2",
            "UPDATE card SET card_id = 'AAAA-AAAA'",
            "UPDATE card SET guid = x'00'",
            "UPDATE person SET state = 'anything' WHERE login = 'taro'",
            "UPDATE person SET login = '' WHERE login = 'taro'",
            "UPDATE person SET uid = 0 WHERE login = 'taro'",
            "UPDATE person SET class = 'no-such-class' WHERE login = 'taro'",
            "UPDATE password SET hash = '' ",
            "UPDATE password SET hash = '*' ",
            "UPDATE password SET hash = replace(hash, 'm=19456', 'm=4194304')",
            "UPDATE password SET hash = replace(hash, 't=1', 't=4294967295')",
            "UPDATE password SET key_id = 'zz'",
            "DELETE FROM password",
            "DELETE FROM card",
            "INSERT INTO try VALUES (77, 1, '', NULL, 1, 1, 'x', 0, 0)"):
        with Changed(query):
            refused(query)
    report.equal(login().opened, True, "put back")


@report.test(seconds=60)
def A91_strange_triggers_views_and_tables_are_refused():
    for query in ("CREATE TRIGGER t AFTER INSERT ON event BEGIN UPDATE card SET state = 'active'; END",
                  "CREATE VIEW v AS SELECT * FROM card",
                  "DROP TRIGGER event_no_delete",
                  "CREATE TABLE extra (x)"):
        with Changed(query):
            refused(query, pam.AUTHINFO_UNAVAIL)
            stage.tool("list", text="", status=3)
    report.equal(login().opened, True, "put back")


@report.test(seconds=60)
def A93_stores_of_other_versions_are_refused():
    now = int(sql("PRAGMA user_version"))
    for version in (0, now - 1, now + 1, 999):
        with Changed(f"PRAGMA user_version = {version}"):
            refused(f"version {version}", pam.AUTHINFO_UNAVAIL)
    with Changed("PRAGMA application_id = 7"):
        refused("another application", pam.AUTHINFO_UNAVAIL)
    with Changed("ALTER TABLE card DROP COLUMN last_used_at"):
        refused("half a migration", pam.AUTHINFO_UNAVAIL)
    report.equal(login().opened, True, "put back")


@report.test(seconds=60)
def A40_rows_and_files_taken_away_open_nothing():
    with Changed("DELETE FROM person"):
        report.equal(refused("no person row", pam.AUTH_ERR, pam.AUTHINFO_UNAVAIL).opened, False, "no person row")
    with Changed("SELECT 1"):
        STORE.unlink()
        refused("no store file", pam.AUTHINFO_UNAVAIL)
        if STORE.exists():
            raise AssertionError("a new store was made")
    for _ in range(3):
        pam.attempt("taro", ("PIN", stage.PIN), ("assword", "wrong-password"))
    report.contains(login().text, "Locked after")
    with Changed("DELETE FROM bucket"):
        report.equal(login().opened, True, "a missing bucket is zero")
    stage.tool("unlock", "taro", text="")
    uid = int(world.run("id", "-u", "taro").stdout)
    for command in (f"cat {STORE}", f": > {STORE}", f"rm -f {STORE}", f"chmod 666 {STORE}", "ls /var/lib/cardmfa",
                    "cat /etc/cardmfa/keys/store.key"):
        done = world.run("setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "sh", "-c", command, status=None)
        if done.returncode == 0:
            raise AssertionError(f"taro may: {command}")


@report.test(seconds=90)
def A42_counts_survive_restarts_and_first_failures_are_all_counted():
    jiro = stage.Person("jiro", people["taro"].card)
    people["taro"].card.remove()
    jiro.card = vcard.Card("--pin", stage.PIN)
    stage.enroll("jiro", jiro.card)
    report.equal(sql("SELECT count(*) FROM bucket"), "0", "buckets before")
    hosts = [pam.Host("jiro", ("PIN", stage.PIN), ("assword", "wrong-password")) for _ in range(20)]
    report.equal({host.outcome().codes["auth"] for host in hosts}, {pam.AUTH_ERR}, "verdicts")
    report.equal(sql("SELECT failed FROM bucket"), "20", "failures counted")
    world.systemctl("stop", "cardmfad.socket", "cardmfad-user.socket", "cardmfad.service")
    shutil.rmtree("/run/cardmfa", ignore_errors=True)
    world.systemctl("start", "cardmfad.socket", "cardmfad-user.socket")
    outcome = pam.attempt("jiro", *pam.by_password(jiro))
    report.contains(outcome.text, "Locked after too many failures")
    jiro.card.remove()
    jiro.card.stop()
    people["taro"].card.insert()


@report.test(seconds=120)
def A43_whoever_guesses_from_afar_locks_nobody_at_the_console():
    for i in range(report.long(200, 30)):
        outcome = pam.attempt("taro", ("code", "000000"), ("assword", "guess"), service="sshd", rhost=f"203.0.113.{i % 5}")
        report.equal(outcome.opened, False, "a guess")
    report.equal(sql("SELECT failed FROM bucket WHERE origin = 'remote'"), "3", "the remote bucket")
    report.equal(sql("SELECT count(*) FROM bucket WHERE origin = 'local' AND person = 1"), "0", "the local bucket")
    report.equal(login().opened, True, "the console")
    world.systemctl("stop", "cardmfad.socket", "cardmfad-user.socket", "cardmfad.service")
    stage.tool("unlock", "taro", text="")
    world.systemctl("start", "cardmfad.socket", "cardmfad-user.socket")
    report.equal(sql("SELECT count(*) FROM bucket WHERE origin = 'remote'"), "0", "after unlocking without the daemon")


if __name__ == "__main__":
    report.main(prepare)
