#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool doctor: may it be switched on? The mistakes that lock people out or let them pass by, each found with its line;
people at services tried out; nothing changed by looking."""
# check: timeout=300
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import time

from lib import report, stage, world
from lib.report import contains, equal, lacks

JA = {"LANG": "ja_JP.UTF-8"}
LOGIN = pathlib.Path("/etc/pam.d/login")
STORE = "/var/lib/cardmfa/store.db"
CROWD = 5000
CONF = """
[class admin]
group = adm
service = login su
factors = card,password,totp
[default]
factors = card,totp card,password
"""
people = {}


def doctor(*words, status=None, env=None):
    return world.run("cardtool", "doctor", *words, status=status, env=env, seconds=60)


def found():
    return json.loads(doctor("--json").stdout)


def findings(check=None, level=None, **wanted):
    return [f for f in found()["findings"] if (check is None or f["check"] == check) and (level is None or f["level"] == level)
            and all(f[key] == value for key, value in wanted.items())]


def faults(service="login"):
    """(finding, phase, line) of what is wrong with a stack."""
    return {(f["finding"], f["phase"], f["line"]) for f in findings("pam", service=service) if f["level"] in ("error", "warning")}


def sql(*statements):
    """As the store's owner, behind everybody's back."""
    script = "; ".join(f"db.execute({s!r})" if isinstance(s, str) else f"db.execute({s[0]!r}, {s[1]!r})" for s in statements)
    world.run("runuser", "-u", "cardmfa", "--", "python3", "-c", f"import sqlite3; db = sqlite3.connect('{STORE}'); {script}; db.commit()")


def dump():
    return world.run("runuser", "-u", "cardmfa", "--", "sqlite3", STORE, ".dump").stdout


@contextlib.contextmanager
def changed(path, text):
    """A file that holds this for a while."""
    path = pathlib.Path(path)
    before = path.read_bytes() if path.exists() else None
    world.write(path, text)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


def prepare():
    for name in ("i3lock", "swaylock", "screen"):
        pathlib.Path(f"/etc/pam.d/{name}").unlink(missing_ok=True)      # they want a class of their own
    people["login"] = LOGIN.read_text()
    stage.set_up(CONF)
    people["taro"] = stage.person("taro", with_app=False)
    world.add_user("hanako")
    stage.tool("user", "add", "hanako")
    stage.tool("password", "set", "hanako", "--stdin", text=stage.PASSWORD + "\n")
    world.run("usermod", "-p", "$6$x$y", "root")
    pathlib.Path("/etc/reader.conf.d/vpcd").rename("/root/vpcd")        # pcscd has read it


# --- the answer --------------------------------------------------------------------------------------

@report.test()
def status_0_says_yes():
    stage.tool("user", "remove", "hanako", answers=(), status=None)
    text = doctor(status=0).stdout
    contains(text, "login: nobody gets past pam_cardmfa")
    contains(text, "login, in front of this machine: 1 of 1 people can log in, with two kinds of proof")
    assert re.search(r"\n0 errors, \d+ warnings?, \d+ notes?\. Nothing was changed\.\n$", text), text
    stage.tool("user", "add", "hanako")
    stage.tool("password", "set", "hanako", "--stdin", text=stage.PASSWORD + "\n")
    contains(doctor("--help", status=0).stdout, "exit code 1: errors")


@report.test()
def each_finding_says_what_to_do():
    with changed(LOGIN, "auth sufficient pam_unix.so\nauth required pam_cardmfa.so\n"):
        for f in findings():
            if f["level"] in ("error", "warning"):
                assert f["advice"], f
        text = doctor(status=1).stdout
        japanese = doctor(status=1, env=JA).stdout
    contains(text, "Detail: /etc/pam.d/login:1: auth sufficient pam_unix.so")
    contains(text, "-> put the line `auth required pam_cardmfa.so` above it, in /etc/pam.d/login")
    contains(japanese, "pam_cardmfa を通らずに")
    lacks(japanese, "people get past")
    lacks(doctor("--json", env=JA).stdout, "pam_cardmfa を通らずに")


# --- stacks ------------------------------------------------------------------------------------------

ACCOUNT = "account required pam_cardmfa.so\n"
SESSION = "session required pam_cardmfa.so\nsession required pam_systemd.so\nsession required pam_cardmfa.so confirm\n"
AUTH = "auth required pam_cardmfa.so\n"
MISTAKES = (
    (AUTH + ACCOUNT + SESSION, set()),
    ("auth sufficient pam_unix.so\n" + AUTH + ACCOUNT + SESSION, {("ends-before", "auth", 1)}),
    ("auth [success=1 default=ignore] pam_unix.so\n" + AUTH + "auth required pam_permit.so\n" + ACCOUNT + SESSION, {("jumps-over", "auth", 1)}),
    ("auth sufficient pam_cardmfa.so\nauth sufficient pam_unix.so\n" + ACCOUNT + SESSION, {("not-obeyed", "auth", 1)}),
    ("auth sufficient pam_cardmfa.so\n" + ACCOUNT + SESSION, {("sufficient", "auth", 1)}),
    (AUTH + SESSION, {("absent", "account", 17)}),
    (AUTH + ACCOUNT, {("absent", "session", 16)}),
    (AUTH + ACCOUNT + "session required pam_systemd.so\nsession required pam_cardmfa.so confirm\n", {("no-open", "session", 4)}),
    (AUTH + ACCOUNT + "session required pam_cardmfa.so\n@include common-session\n", {("no-confirm", "session", None)}),
    (AUTH + ACCOUNT + "session required pam_cardmfa.so\nsession required pam_cardmfa.so confirm\nsession required pam_systemd.so\n",
     {("confirm-early", "session", 4)}),
    ("auth required pam_cardmfa.so debug\n" + ACCOUNT + SESSION, {("argument", "auth", 1)}),
    (AUTH + "auth required pam_misspelt.so\n" + ACCOUNT + SESSION, {("never-passes", "auth", 2)}),
    (AUTH + "@include no-such-file\n" + ACCOUNT + SESSION, {("broken", "auth", None)}),
    ("@include common-auth\n" + AUTH + ACCOUNT + SESSION, {("also-needs", "auth", None)}),
)


@report.test(120)
def mistakes_in_a_stack_are_found_with_their_line():
    for text, wanted in MISTAKES:
        with changed(LOGIN, text):
            got = faults()
        names = {(name, phase) for name, phase, _ in got}
        equal(names, {(name, phase) for name, phase, _ in wanted}, text)
        for name, phase, line in wanted:
            if line and "pam_unix" not in name and name not in ("absent",):
                assert (name, phase, line) in got, (text, got)


@report.test()
def a_service_in_usr_lib_is_read_and_hidden_by_etc():
    with changed("/usr/lib/pam.d/somewhere", AUTH + "account required pam_permit.so\n"):
        equal({f["file"] for f in findings("pam", service="somewhere", finding="absent") if f["phase"] == "account"},
              {"/usr/lib/pam.d/somewhere"})
        contains(findings("pam", service="somewhere", finding="absent")[0]["advice"],
                 "/etc/pam.d/somewhere (a copy of /usr/lib/pam.d/somewhere)")
        with changed("/etc/pam.d/somewhere", AUTH + ACCOUNT + SESSION):
            equal(faults("somewhere"), set())


@report.test()
def a_shared_file_is_named_with_all_it_reaches():
    common = pathlib.Path("/etc/pam.d/common-auth")
    with changed(common, AUTH + common.read_text()):
        shared = findings("pam", finding="shared")
        equal([(f["file"], f["line"]) for f in shared], [(str(common), 1)])
        for service in ("sshd", "su", "su-l", "polkit-1", "chsh"):
            contains(shared[0]["text"], service)


@report.test()
def files_that_others_can_write_are_found():
    LOGIN.chmod(0o664)
    try:
        equal([f["file"] for f in findings("pam", finding="mode")], [str(LOGIN)])
    finally:
        LOGIN.chmod(0o644)


# --- people at services -----------------------------------------------------------------------------

def logins(registered=True, planned=False, **wanted):
    """planned None: as it is and as it would be."""
    return [row for row in found()["logins"] if row["registered"] == registered and planned in (None, row["planned"])
            and all(row[key] == value for key, value in wanted.items())]


@report.test()
def who_lacks_what_is_named_with_the_command():
    equal([(r["outcome"], r["why"], r["class"]) for r in logins(person="taro", service="login")], [("two-kinds", None, "default")])
    row, = logins(person="hanako", service="login")
    equal((row["outcome"], row["why"], row["missing"], row["where"]), ("locked-out", "lacks", ["card"], "local"))
    text = doctor(status=None).stdout
    contains(text, "login, in front of this machine: 1 person is locked out, [default] asks for what they lack: card: hanako")
    contains(text, "-> cardtool enroll hanako\n")
    world.run("gpasswd", "-a", "taro", "adm")
    row, = logins(person="taro", service="login")
    equal((row["class"], row["missing"]), ("admin", ["totp"]))
    equal({f["class"] for f in findings("classes", finding="unsatisfiable")}, {"admin", "default"})
    world.run("gpasswd", "-d", "taro", "adm")
    stage.tool("suspend", people["taro"].card_id)
    equal(logins(person="taro", service="login")[0]["missing"], ["card"])
    stage.tool("resume", people["taro"].card_id)
    sql("update person set class = 'gone' where login = 'taro'")
    equal(logins(person="taro", service="login")[0]["why"], "no-class")
    sql("update person set class = null where login = 'taro'")
    sql("update person set state = 'active' where login = 'taro'")


@report.test()
def who_is_locked_by_an_administrator_is_locked_out():
    sql("update person set state = 'locked' where login = 'taro'")
    equal([(r["outcome"], r["why"], r["class"], r["missing"]) for r in logins(person="taro", service="login")], [("locked-out", "locked", "default", [])])
    text = doctor(status=1).stdout
    contains(text, "ERROR     logins         login, in front of this machine: 1 person is locked out, an administrator has locked them: taro\n"
             "          -> cardtool unlock taro\n")
    lacks(text, "`card` is asked for, but nobody has one")
    lacks(text, "nobody can log in with what")
    contains(doctor(env=JA).stdout, "管理者が停止しています")
    sql("delete from password where person = (select id from person where login = 'taro')")
    equal(logins(person="taro", service="login")[0]["alternatives"], [["totp"], ["password"]])
    contains(doctor().stdout, "-> cardtool unlock taro; cardtool totp enroll taro or cardtool password set taro\n")
    stage.tool("password", "set", "taro", "--stdin", text=stage.PASSWORD + "\n")
    stage.tool("unlock", "taro")
    equal([r["outcome"] for r in logins(person="taro", service="login")], ["two-kinds"])
    sql("update person set state = 'locked' where login = 'hanako' and state = 'active'")
    equal([f["level"] for f in findings("logins", service="login") if "hanako" in f["text"]], ["note"])
    stage.tool("unlock", "hanako")


@report.test()
def accounts_that_nobody_registered_get_no_further():
    world.add_user("shiro")
    world.add_user("goro")
    world.run("useradd", "-s", "/usr/sbin/nologin", "machine")
    for name in ("shiro", "machine"):
        world.run("usermod", "-p", "$6$x$y", name)
    try:
        equal({(r["person"], r["outcome"], r["why"], r["class"]) for r in logins(False, service="login")},
              {(name, "locked-out", "not-registered", None) for name in ("root", "shiro")})
        note, = findings("logins", finding="not-registered", service="login")
        equal(note["level"], "note")
        text = doctor().stdout
        contains(text, "login, in front of this machine: 1 account with a usable password is not registered and gets no further: shiro\n")
        contains(text, "of 2 people can log in")
        contains(doctor(env=JA).stdout, "1個のアカウントは登録されていないため、ここから先へ進めません: shiro")
    finally:
        for name in ("shiro", "goro", "machine"):
            world.run("userdel", name)


@report.test()
def every_way_in_is_proposed_with_the_line_to_change():
    sql("delete from password where person = (select id from person where login = 'taro')")
    row, = logins(person="taro", service="login")
    equal((row["class"], row["line"], row["missing"], row["alternatives"]), ("default", 7, ["totp"], [["totp"], ["password"]]))
    text = doctor(status=None).stdout
    contains(text, "[default] asks for what they lack: totp or password: taro")
    contains(text, "-> cardtool totp enroll taro or cardtool password set taro\n")
    sql("update card set person = (select id from person where login = 'hanako' and state = 'active')")
    equal(logins(person="taro", service="login")[0]["alternatives"], [["card", "totp"], ["card", "password"]])
    text = doctor(status=None).stdout
    contains(text, "[default] asks for what they lack: card,totp or card,password: taro")
    contains(text, "-> cardtool enroll taro; cardtool totp enroll taro or cardtool password set taro\n")
    contains(doctor(env=JA).stdout, "card,totp または card,password")
    sql("update card set person = (select id from person where login = 'taro')")
    stage.tool("password", "set", "taro", "--stdin", text=stage.PASSWORD + "\n")
    world.conf(CONF.replace("group = adm", "group = nowhere"))
    equal({(f["finding"], f["line"]) for f in findings("classes", finding="no-group")}, {("no-group", 3)})
    world.conf("[settings]\nlocal-services = login lgoin\n" + CONF)
    equal({(f["class"], f["line"]) for f in findings("services", finding="misspelt")}, {("settings", 2)})
    world.conf(CONF)


@report.test()
def one_kind_alone_is_an_error():
    world.run("usermod", "-p", "$6$x$y", "hanako")
    with changed(LOGIN, "auth sufficient pam_unix.so\n" + AUTH + "account sufficient pam_unix.so\n" + ACCOUNT + SESSION):
        equal({r["person"]: r["outcome"] for r in logins(service="login")}, {"hanako": "one-kind", "taro": "two-kinds"})
        weak, = findings("logins", finding="one-kind", service="login")
        equal((weak["level"], weak["file"], weak["line"]), ("error", str(LOGIN), 1))
    with changed(LOGIN, "auth sufficient pam_localuser.so\n" + AUTH + "account sufficient pam_localuser.so\n" + ACCOUNT + SESSION):
        equal({r["outcome"] for r in logins(service="login")}, {"nothing-asked"})
    # Named by a class, but its stack does not ask.
    equal({r["person"] for r in logins(service="su", outcome="one-kind")}, {"hanako"})
    world.run("usermod", "-p", "!", "hanako")
    equal(logins(service="su"), [])


@report.test()
def nobody_far_away_has_a_reader():
    with changed("/etc/pam.d/vsftpd", AUTH + ACCOUNT + SESSION):
        equal({(r["outcome"], r["why"], r["where"]) for r in logins(service="vsftpd")}, {("locked-out", "nothing-offered", "remote")})
        said, = findings("logins", service="vsftpd", level="error")
        contains(said["advice"], "cardmfa.conf:7: add to `factors` of [default] a way without a card")
        world.conf("[class office]\nservice = vsftpd\nfrom = 192.0.2.0/24\nfactors = password,totp\n" + CONF)
        row, = (r for r in logins(service="vsftpd", person="hanako") if r["from"])
        equal((row["from"], row["class"], row["missing"]), ("192.0.2.0/24", "office", ["totp"]))
        world.conf(CONF)


@report.test()
def over_ssh_a_card_is_a_way_in():
    with changed("/etc/pam.d/sshd", AUTH + ACCOUNT + SESSION):
        equal({r["person"]: (r["outcome"], r["missing"]) for r in logins(service="sshd")},
              {"taro": ("two-kinds", []), "hanako": ("locked-out", ["card"])})
        contains(doctor().stdout, "sshd, over the network: 1 of 2 people can log in, with two kinds of proof")
        stage.tool("suspend", people["taro"].card_id)
        equal([r["missing"] for r in logins(service="sshd", person="taro")], [["card"]])
        stage.tool("resume", people["taro"].card_id)


@report.test()
def sudo_and_su_build_on_the_login_that_came_before():
    switch = "[class switch]\nservice = sudo su\nfactors = session,password\n"
    with changed("/etc/pam.d/sudo", AUTH + ACCOUNT + "@include common-session-noninteractive\n"), changed("/etc/pam.d/su", AUTH + ACCOUNT + SESSION):
        world.conf(switch + CONF)
        # sshd does not ask: no session over the network proves anything.
        equal({(r["where"], r["person"], r["why"]) for r in logins(service="sudo")},
              {("local", "taro", None), ("remote", "taro", "nothing-offered"), ("remote", "hanako", "nothing-offered")})
        equal([f for f in findings("pam", service="sudo") if f["level"] in ("error", "warning")], [])
        with changed("/etc/pam.d/sshd", AUTH + ACCOUNT + SESSION):
            # hanako, without a card, never comes there.
            equal({(r["where"], r["person"], r["outcome"]) for r in logins(service="sudo")},
                  {("local", "taro", "two-kinds"), ("remote", "taro", "two-kinds")})
            # su asks for the factors of whom it names: no session is theirs.
            equal({(r["person"], r["why"]) for r in logins(service="su", where="remote")},
                  {("taro", "nothing-offered"), ("hanako", "nothing-offered")})
            said, = findings("logins", "ok", service="su", finding="locked-out")
            equal((said["class"], said["advice"]), ("switch", None))
            contains(said["text"], "su, over the network: nobody becomes another person: [switch] asks for that person's card")
            world.conf(switch + "su = caller\n" + CONF)
            equal({(r["where"], r["person"], r["outcome"]) for r in logins(service="su")},
                  {("local", "taro", "two-kinds"), ("remote", "taro", "two-kinds")})
        world.conf(CONF)


@report.test()
def another_password_that_is_asked_for_locks_out():
    with changed(LOGIN, AUTH + "auth required pam_unix.so\n" + ACCOUNT + SESSION):
        row, = logins(service="login", person="taro")
        equal((row["outcome"], row["why"]), ("locked-out", "linux-password"))


@report.test()
def jobs_need_a_class_that_runs_them():
    with changed("/etc/pam.d/cron", ACCOUNT + "session required pam_permit.so\n"):
        equal({r["why"] for r in logins(service="cron")}, {"no-batch"})
        world.conf(CONF + "batch = yes\n")
        equal({r["outcome"] for r in logins(service="cron")}, {"two-kinds"})
        world.conf("[class jobs]\nservice = cron\nfactors = password,totp\n" + CONF)
        equal([f["class"] for f in findings("classes", finding="batch")], ["jobs"])
        world.conf(CONF)


# --- before and after it is switched on ---------------------------------------------------------------

SWITCHED = (("@include common-auth\n", AUTH), ("@include common-account\n", ACCOUNT + "@include common-account\n"),
            ("@include common-session\n", "session required pam_cardmfa.so\n@include common-session\nsession required pam_cardmfa.so confirm\n"))


@contextlib.contextmanager
def not_switched_on():
    """Debian's own /etc/pam.d/login, and the shipped configuration."""
    before = LOGIN.read_text()
    LOGIN.write_text(people["login"])
    try:
        with open("/usr/share/cardmfa/cardmfa.conf", encoding="utf-8") as shipped, changed(world.CONF, shipped.read()):
            yield
    finally:
        LOGIN.write_text(before)


def by_why(**wanted):
    return {r["person"]: r["why"] or r["outcome"] for registered in (True, False) for r in logins(registered, **wanted)}


@report.test(90)
def may_it_be_switched_on_is_answered_before():
    world.add_user("shiro")
    for name in ("hanako", "shiro"):
        world.run("usermod", "-p", "$6$x$y", name)
    try:
        with not_switched_on():
            equal(by_why(service="login", planned=False), dict.fromkeys(("hanako", "root", "shiro"), "one-kind"))
            equal(by_why(service="login", planned=True), {"taro": "two-kinds", "hanako": "lacks", "root": "not-registered", "shiro": "not-registered"})
            equal({r["service"] for r in logins(planned=True)}, {"login", "sshd", "su", "su-l", "sudo", "sudo-i"})
            row, = logins(service="login", planned=True, person="hanako")
            equal((row["alternatives"], row["where"]), ([["card"]], "local"))
            text = doctor(status=0).stdout
            contains(text, "note      logins         login, polkit-1, sshd, su, su-l, sudo, sudo-i: one kind of proof is enough today for 3 accounts: "
                     "root, shiro, hanako\n          -> the lines of pam_cardmfa(8) in their files ask for two\n"
                     "note      logins         login, sshd, with the lines of README: 1 of 2 people would get in, with two kinds of proof\n")
            contains(text, "WARNING   logins         login, sshd, with the lines of README: 1 person would be locked out, "
                     "[default] asks for what they lack: card: hanako\n          -> first: cardtool enroll hanako\n")
            contains(text, "logins         sudo, sudo-i, over the network, with the lines of README: 1 of 1 people would get in, with two kinds of proof\n")
            contains(text, "note      logins         login, sshd, with the lines of README: 2 accounts with a usable password are not registered and "
                     "would get no further: root, shiro\n")
            japanese = doctor(env=JA).stdout
            contains(japanese, "login, polkit-1, sshd, su, su-l, sudo, sudo-i: 今は3個のアカウントが1種類の認証だけで入れます: root, shiro, hanako")
            contains(japanese, "-> 先に行うこと: cardtool enroll hanako")
            sql("update person set state = 'locked' where login = 'taro'")
            said, = (f for f in findings("logins", "error", finding="planned-locked-out") if "taro" in f["text"])
            contains(said["advice"], "first: cardtool unlock taro")
            doctor(status=1)
            stage.tool("unlock", "taro")
    finally:
        world.run("userdel", "shiro")
        world.run("usermod", "-p", "!", "hanako")


@report.test(90)
def the_answer_comes_true():
    with not_switched_on():
        before = by_why(service="login", planned=True)
        text = LOGIN.read_text()
        for old, new in SWITCHED:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        LOGIN.write_text(text)
        equal(logins(planned=True, service="login"), [])
        equal(by_why(service="login"), before)
        text = doctor(status=0).stdout
        contains(text, "login: nobody gets past pam_cardmfa")
        contains(text, "polkit-1, sshd, su, su-l, sudo, sudo-i: one kind of proof is enough today for 1 account: root")
        lacks(text, " login, with the lines of README")
        # A code would do as well, but nobody needs one.
        equal(findings("classes", "warning"), [])


@report.test(90)
def what_would_stay_in_the_stack_is_named_before():
    with not_switched_on():
        LOGIN.write_text("auth required pam_unix.so\n" + people["login"])
        equal(by_why(service="login", planned=True), {"taro": "linux-password", "hanako": "lacks", "root": "not-registered"})
        said, = (f for f in findings("logins", finding="planned-locked-out", service="login") if "taro" in f["text"])
        contains(said["advice"], f"first: look at {LOGIN}:1, which would stay in this service")
        LOGIN.write_text("@include nowhere\n")
        equal(logins(planned=True, service="login"), [])
        LOGIN.unlink()
        assert doctor(status=None).stdout.endswith("Nothing was changed.\n")


@report.test()
def with_nobody_registered_it_says_so():
    sql("update person set uid = uid + 5000, state = 'removed' where state = 'active'")
    try:
        equal([f["finding"] for f in findings("logins", "error")], ["nobody"])
        with not_switched_on():
            equal([f["level"] for f in findings("logins", finding="nobody")], ["note"])
            equal(by_why(service="login", planned=True), {"root": "not-registered"})
    finally:
        sql("update person set uid = uid - 5000, state = 'active' where uid > 5000")


# --- the configuration ---------------------------------------------------------------------------------

@report.test()
def names_that_are_nowhere_and_classes_in_the_way():
    world.write(world.CONF, "[class one]\nservice = logn su\nfactors = password,totp\n[class two]\ngroup = nogroup-here\n"
                "service = su\nfactors = password,totp\n[class three]\nservice = su\nperson = taro\nfactors = password,totp\n" + CONF)
    wrong, = findings("services", "error")
    equal((wrong["finding"], wrong["class"], wrong["line"]), ("misspelt", "one", 2))
    contains(wrong["advice"], "did you mean login?")
    equal({f["class"] for f in findings("classes", finding="shadowed")}, {"two", "three"})
    equal({f["class"] for f in findings("classes", finding="no-group")}, {"two"})
    contains(" ".join(f["text"] for f in findings("classes", finding="factor-of-nobody")), "`totp`")
    world.conf(CONF)


@report.test()
def a_locker_of_one_line_wants_a_class_that_asks_one_thing():
    def said(conf=CONF):
        with changed("/etc/pam.d/i3lock", "auth include login\n"), changed("/etc/pam.d/vlock", "auth include login\n"), changed(world.CONF, conf):
            return [(f["level"], f["service"], f["class"], f["line"]) for f in findings("classes", finding="one-line")]
    line = CONF.splitlines().index("factors = card,totp card,password") + 1
    equal(said(), [("warning", "i3lock", "default", line)])
    equal(said("[class locker]\nservice = i3lock\nwhere = local\nfactors = card\n" + CONF), [])
    equal(said("[class locker]\nservice = i3lock\nfactors = card,totp session,password\n" + CONF), [])


@report.test()
def services_of_classes_that_do_not_ask_are_named_once():
    with open("/usr/share/cardmfa/cardmfa.conf", encoding="utf-8") as shipped, changed(world.CONF, shipped.read()):
        note, = findings("services", "note")
        equal((note["finding"], note["class"], note["service"]), ("unasked", "switch", None))
        contains(note["text"], "[switch] names services that do not ask pam_cardmfa: sudo, sudo-i, su, su-l, polkit-1")
        # A package's own file is left alone.
        contains(note["advice"], "cp /usr/lib/pam.d/polkit-1 /etc/pam.d/; put pam_cardmfa.so into their files")
        equal(note["advice"].count("cp "), 1, note["advice"])
    with changed(world.CONF, "[class admin]\ngroup = adm\nservice = gdm-password sudo\nfactors = card,password,totp\n"
                 "[class jobs]\nperson = taro\nservice = crond\nfactors = password,totp\nbatch = yes\n" + CONF.replace("admin", "both")):
        waiting = [f for f in findings("services", finding="not-ready") if f["class"] == "admin"]
        equal([(f["level"], f["line"], f["advice"]) for f in waiting], [("note", 3, None)])
        contains(waiting[0]["text"], "which this version of cardmfa is not made for yet: gdm-password")
        equal([f["service"] for f in findings("services", finding="unasked") if f["class"] == "admin"], ["sudo"])
        equal([f["service"] for f in findings("services", finding="not-installed")], ["crond"])
        with changed("/etc/pam.d/crond", "@include common-account\n"):
            equal([f["service"] for f in findings("services", finding="unasked") if f["class"] == "jobs"], ["crond"])
        contains(doctor(env=JA).stdout, "gdm-password")
        with changed("/etc/pam.d/gdm-password", AUTH + ACCOUNT + SESSION):
            equal([f for f in findings("services", finding="not-ready") if f["class"] == "admin"], [])


# --- the machine -----------------------------------------------------------------------------------------

@report.test()
def accounts_that_are_open_or_out_of_step():
    world.run("useradd", "-o", "-u", "0", "toor")
    world.run("useradd", "-m", "guest")
    world.run("usermod", "-p", "$6$x$y", "guest")
    world.run("useradd", "-m", "open")
    shadow = pathlib.Path("/etc/shadow")
    shadow.write_text(re.sub(r"^open:[^:]*:", "open::", shadow.read_text(), flags=re.MULTILINE))
    world.run("useradd", "-o", "-u", str(os.stat("/home/taro").st_uid), "tarou")
    sql("update person set uid = 4711 where login = 'hanako'")
    try:
        got = {(f["finding"], f["person"]) for f in findings("accounts")}
        equal(got, {("other-root", "toor"), ("default-account", "guest"), ("empty-password", "open"), ("shared-uid", "tarou"),
                    ("uid-differs", "hanako")})
        equal(logins(person="hanako", service="login")[0]["why"], "no-account")
        sql("update person set login = 'jiro' where login = 'hanako'")
        contains(findings("accounts", finding="no-account")[0]["advice"], "cardtool user remove jiro")
    finally:
        for name in ("toor", "guest", "open", "tarou"):
            world.run("sed", "-i", f"/^{name}:/d", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")
        sql(f"update person set login = 'hanako', uid = {os.stat('/home/hanako').st_uid} where login in ('jiro', 'hanako')")
    equal(findings("accounts", "error"), [])


@report.test()
def sources_that_may_stall():
    with changed("/etc/nsswitch.conf", "passwd: files ldap [NOTFOUND=return]\ngroup: ldap # files\nshadow: files\nhosts: dns\n"):
        equal({(f["level"], f["line"]) for f in findings("nsswitch") if f["finding"] == "source"},
              {("warning", 1), ("warning", 2), ("error", 2)})


@report.test(90)
def a_source_that_does_not_answer_holds_nothing_up():
    """One that nss-systemd asks for names it does not know: it takes the question and is silent."""
    silent = socket.socket(socket.AF_UNIX)
    path = pathlib.Path("/run/systemd/userdb/io.systemd.silent")
    path.parent.mkdir(exist_ok=True)
    silent.bind(str(path))
    path.chmod(0o666)
    silent.listen(8)
    try:
        with changed("/etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\nshadow: files\n"):
            begin = time.monotonic()
            equal({f["finding"] for f in findings("nsswitch", "error")}, {"stalled"})
            assert time.monotonic() - begin < 25, "it waited"
            equal(logins(), [])
    finally:
        silent.close()
        path.unlink()
    equal([f["level"] for f in findings("nsswitch")], ["ok"])


@report.test(90)
def drop_ins_that_weaken():
    world.drop_in("cardmfad.service", "[Service]\nPrivateUsers=yes\nCapabilityBoundingSet=~CAP_SYS_PTRACE\nEnvironment=A=b\n")
    world.drop_in("cardmfad-user.socket", "[Socket]\nBacklog=32\n")
    try:
        got = {re.search(r": (\w+) is", f["text"])[1] for f in findings("units", finding="override")}
        equal(got, {"PrivateUsers", "CapabilityBoundingSet", "Environment"})
        equal({f["service"] for f in findings("units", finding="drop-in")}, {"cardmfad-user.socket"})
    finally:
        for unit in ("cardmfad.service", "cardmfad-user.socket"):
            shutil.rmtree(f"/run/systemd/system/{unit}.d")
        world.systemctl("daemon-reload")
    equal(findings("units", "error"), [])


# --- it changes nothing ------------------------------------------------------------------------------

# When SQLite looked last: it touches its -wal and -shm for whoever reads.
COMES_AND_GOES = {"/var/lib/cardmfa", "/var/lib/cardmfa/store.db-wal", "/var/lib/cardmfa/store.db-shm"}


def tree():
    state = {}
    for top in ("/etc", "/usr/lib/pam.d", "/usr/share/cardmfa", "/var/lib/cardmfa", "/var/lib/cardmfad", "/run/cardmfa", "/home"):
        for folder, folders, names in os.walk(top):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                st = os.lstat(path)
                data = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() if os.path.isfile(path) else ""
                state[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_nlink, data,
                               0 if path in COMES_AND_GOES else (st.st_size, st.st_mtime_ns, st.st_ctime_ns))
    return state


def nothing_changes(status=None):
    doctor()                                    # what is started by being asked runs now
    before, rows = tree(), dump()
    for words in ((), ("--json",), ("--all",)):
        doctor(*words, status=status)
    after = tree()
    equal({path: (before.get(path), after.get(path)) for path in before.keys() | after.keys()
           if before.get(path) != after.get(path)}, {}, "what changed")
    equal(dump(), rows, "the store")


@report.test()
def looking_changes_nothing():
    nothing_changes()


@report.test()
def looking_at_what_is_broken_changes_nothing():
    with changed(LOGIN, "auth sufficient pam_unix.so\n@include nowhere\n"):
        conf = world.CONF.read_text()
        world.CONF.write_text(conf + "\nfactor = x\n")
        nothing_changes(status=1)
        world.CONF.write_text(conf)


@report.test(90)
def looking_at_a_full_disk_leaves_the_reserve():
    small = pathlib.Path("/mnt/small")
    small.mkdir(exist_ok=True)
    world.run("mount", "-t", "tmpfs", "-o", "size=24m,mode=0755,nr_inodes=40", "small", small)
    world.run("cp", "-a", "/var/lib/cardmfa", small / "store")
    world.run("mount", "--bind", small / "store", "/var/lib/cardmfa")
    try:
        equal({f["finding"] for f in findings("disk", "error")}, {"inodes"})
        (small / "large").write_bytes(bytes(10 << 20))
        equal({f["finding"] for f in findings("disk", "error")}, {"inodes", "space"})
        equal(findings("store", "error"), [])
        with open(small / "rest", "wb", buffering=0) as rest:
            try:
                while True:
                    rest.write(bytes(4096))
            except OSError:
                pass
        before = tree()
        contains(findings("store", "error")[0]["text"], "was not opened")
        equal(tree(), before)
        assert pathlib.Path("/var/lib/cardmfa/reserve").stat().st_size >= 1 << 20
    finally:
        world.run("umount", "/var/lib/cardmfa")
        world.run("umount", small)


# --- many ------------------------------------------------------------------------------------------------

# Nine of ten have a card: a key that nobody has, an identifier with its check character.
FILL = """
import hashlib, sqlite3, sys
symbols = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
db, crowd, uid = sqlite3.connect(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for i in range(crowd):
    person = 1000 + i
    db.execute("insert into person (id, login, uid, state, created_at, changed_at) values (?, ?, ?, 'active', 1, 1)", (person, f'staff{i}', uid + i))
    db.execute("insert into password (person, key_id, hash, set_at) values (?, '01', ?, 1)", (person, '$argon2id$' + 'x' * 90))
    values = [0, 0, 0, 0, i // 961, i // 31 % 31, i % 31]
    check = next(c for c in range(31) if (sum(v * (10 + k) for k, v in enumerate(values)) + 17 * c) % 31 == 0)
    number = ''.join(symbols[v] for v in [*values, check])
    spki = b'\\x30\\x57' + i.to_bytes(4, 'big') + bytes(83)
    if i % 10:
        db.execute("insert into card (id, card_id, person, app, key_ref, algorithm, spki, spki_sha256, pin_proved, state, enrolled_at, changed_at) "
                   "values (?, ?, ?, 'piv', 154, 'p256', ?, ?, 1, 'active', 1, 1)",
                   (person, number[:4] + '-' + number[4:], person, spki, hashlib.sha256(spki).digest()))
db.commit()
"""


@report.test(120)
def thousands_are_tried_out_in_seconds():
    uid = 20000
    with open("/etc/passwd", "a") as passwd, open("/etc/shadow", "a") as shadow:
        for i in range(CROWD):
            passwd.write(f"staff{i}:x:{uid + i}:100::/nonexistent:/bin/sh\n")
            shadow.write(f"staff{i}:!:19000:0:99999:7:::\n")
    world.run("runuser", "-u", "cardmfa", "--", "python3", "-", STORE, CROWD, uid, text=FILL)
    try:
        with changed("/etc/pam.d/su", AUTH + ACCOUNT + "session required pam_cardmfa.so\n"):
            begin = time.monotonic()
            text = doctor().stdout
            seconds = time.monotonic() - begin
            rows = logins(service="login")
            print(f"# {CROWD + 2} people in {seconds:.2f} s", flush=True)
            equal([f["text"] for f in findings("store", "error")], [])
            equal(len(rows), CROWD + 2)
            equal(sum(r["outcome"] == "locked-out" for r in rows), CROWD // 10 + 1)
            contains(text, f"login, in front of this machine: {CROWD // 10 + 1} people are locked out")
            contains(text, "and 491 more (--all names them)")
            lacks(text, "staff4990")
            contains(doctor("--all").stdout, "staff4990")
            assert seconds < 40, seconds
        world.run("sed", "-i", r"s/^\(staff[0-9]*\):!:/\1:$6$x$y:/", "/etc/shadow")
        with not_switched_on():
            begin = time.monotonic()
            text = doctor().stdout
            seconds = time.monotonic() - begin
            print(f"# before it is switched on: {seconds:.2f} s, {len(text.splitlines())} lines", flush=True)
            contains(text, f"login, polkit-1, sshd, su, su-l, sudo, sudo-i: one kind of proof is enough today for {CROWD + 1} accounts: root, staff0, ")
            contains(text, f"login, sshd, with the lines of README: {CROWD // 10 * 9 + 1} of {CROWD + 2} people would get in")
            contains(text, "-> first: cardtool enroll USER\n")
            assert seconds < 40 and len(text.splitlines()) < 60 and max(map(len, text.splitlines())) < 400, text
            equal(len(logins(service="sshd")), CROWD)
        sql("delete from card where id >= 1000", "delete from password where person >= 1000", "delete from person where id >= 1000")
        text = doctor().stdout
        contains(text, f"login, in front of this machine: {CROWD} accounts with a usable password are not registered and get no further: staff0, ")
        assert len(text.splitlines()) < 60, text
    finally:
        world.run("sed", "-i", "/^staff[0-9]/d", "/etc/passwd", "/etc/shadow")
        sql("delete from card where id >= 1000", "delete from password where person >= 1000", "delete from person where id >= 1000")


if __name__ == "__main__":
    report.main(prepare)
