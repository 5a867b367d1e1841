#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Broken or planted files: refused without blocking, never half used; the last good configuration stands in whole."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import struct

from lib import daemon, pam, report, stage, world

GOOD = """[settings]
argon2-time = 1

[default]
factors = card,password
"""
# Would let taro in with less, if anything of it were used.
LOOSE = """[settings]
argon2-time = 1

[class loose]
person = taro
factors = card

[default]
factors = card,password
"""
CONF = world.CONF
LAST_GOOD = pathlib.Path("/var/lib/cardmfad/cardmfa.conf.last-good")
STORE_DIR = pathlib.Path("/var/lib/cardmfa")
KEY_FILE = pathlib.Path("/etc/cardmfa/keys/store.key")
ROOT_SOCKET = pathlib.Path("/run/cardmfa/cardmfad.sock")
people = {}

# What is written, the line that is named, and what is said of it.
MISTAKES = {
    "misspelt key": (LOOSE + "atempts = 5\n", 10, "did you mean 'attempts'?"),
    "key without effect": (LOOSE + "service = login\n", 10, "'service' has no effect in [default]"),
    "key of another section": (LOOSE + "issuer = Yamada City\n", 10, "write 'issuer' in [settings]"),
    "duplicate key": (LOOSE + "attempts = 5\nattempts = 5\n", 11, "stands in line 10 already"),
    "value out of range": (LOOSE + "attempts = 99\n", 10, "write a value within 1..20"),
    "trailing garbage": (LOOSE + "attempts = 5x\n", 10, "write a value within 1..20"),
    "misspelt section": (LOOSE.replace("[class loose]", "[clas loose]"), 4, "write [settings], [machine], [class NAME] or [default]"),
    "class below the last": (LOOSE + "\n[class other]\nfactors = card\n", 11, "write it above [default]"),
    "one kind only": (LOOSE.replace("factors = card\n", "factors = card totp\n"), 6, ""),
    "possession twice over ssh": (LOOSE.replace("factors = card\n", "factors = card,totp\nservice = sshd\nssh-card = possession\n"), 6,
                                 "proves possession twice"),
    "session alone": (LOOSE.replace("factors = card\n", "factors = session\nservice = sudo\n"), 6, "asks nothing by itself"),
    "indented line": (LOOSE + " attempts = 5\n", 10, "write each 'key = value' at the start of its own line"),
    "carriage return": (LOOSE.replace("\n", "\r\n"), 1, "save it with Unix line ends"),
    "byte order mark": ("\ufeff" + LOOSE, 1, "save the file as UTF-8 without it"),
    "NUL byte": (LOOSE + "; \0\n", 10, "save the file as plain UTF-8 text"),
    "long line": (LOOSE + "; " + "x" * 200000 + "\n", 10, ""),
    "no section": ("attempts = 5\n", 1, ""),
    "empty": ("", 1, "write at least [default] with its factors"),
    "include": (LOOSE + "include = /etc/cardmfa/cardmfa.conf\n", 10, "there is no setting 'include'"),
}


def prepare():
    stage.set_up(GOOD)
    world.login_stack(service="wrong", arguments="confrm")
    people["taro"] = stage.person("taro", with_app=False)
    world.add_user("jiro")


def attempt():
    return pam.attempt("taro", *pam.by_password(people["taro"]))


def good_in_use():
    """The strict class decides, and so does nothing of a broken file."""
    outcome = attempt()
    report.equal(outcome.opened, True, f"login with the last good configuration: {outcome}")
    report.contains(outcome.text, "Password: ")


def service_error(why):
    """Every login is refused by this code; why: what is wrong, for the one who reads that it was not."""
    with report.soon(why):
        outcome = pam.attempt("taro", *pam.by_password(people["taro"]), calls=("auth", "account", "open"), stay=True)
    report.equal(outcome.codes, {"auth": pam.SERVICE_ERR, "account": pam.SERVICE_ERR, "open": pam.PERM_DENIED}, f"codes: {why}")
    report.lacks(outcome.text, "PIN")


def logged(mark, *parts, level=None):
    """All parts are in one entry, of this level."""
    def found():
        return [e for e in world.journal(since=mark) if all(part in str(e.get("MESSAGE")) for part in parts) and
                (level is None or int(e.get("PRIORITY", 7)) <= level)]
    return world.wait_for(found, what=f"{parts} in the journal at level {level}")


def hang_up():
    mark = world.journal_mark()
    daemon.kill(daemon.listener(), signal.SIGHUP)
    logged(mark, "cardmfa.conf")
    return mark


def mend():
    shutil.rmtree(CONF.parent / "away", ignore_errors=True)
    if CONF.is_dir() and not CONF.is_symlink():
        CONF.rmdir()
    else:
        CONF.unlink(missing_ok=True)
    CONF.parent.chmod(0o755)
    world.write(CONF, GOOD)


@contextlib.contextmanager
def mended():
    """Afterwards the good file is there and in use."""
    try:
        yield
    finally:
        with daemon.stopped():
            mend()
        good_in_use()


# --- the configuration -----------------------------------------------------------------------------

@report.test(seconds=30)
def config_check_names_file_line_and_what_to_write():
    path = pathlib.Path("/root/try.conf")
    for name, (text, line, advice) in MISTAKES.items():
        world.write(path, text)
        done = world.run("cardtool", "config", "check", path, status=None)
        report.equal(done.returncode, 1, f"{name}: {done.stdout}{done.stderr}")
        report.contains(done.stderr, f"{path}:{line}:" if line else f"{path}:")
        report.contains(done.stderr, advice)
    done = world.run("cardtool", "config", "check", "/root/none.conf", status=None)
    report.equal(done.returncode, 1, "no such file")
    report.contains(done.stderr, "No such file or directory")


@report.test(seconds=60)
def A10_mistakes_without_a_last_good_configuration():
    with mended():
        for name, (text, line, _) in MISTAKES.items():
            with daemon.stopped():
                LAST_GOOD.unlink(missing_ok=True)
                world.write(CONF, text)
            mark = world.journal_mark()
            service_error(name)
            logged(mark, f"{CONF}:{line}:" if line else f"{CONF}:", level=3)
            logged(mark, "every login is refused", level=1)
            report.equal(LAST_GOOD.exists(), False, f"{name}: kept as good")


@report.test(seconds=60)
def A10_mistakes_with_a_last_good_configuration():
    with mended():
        good_in_use()
        for name, (text, _, _) in MISTAKES.items():
            world.write(CONF, text)
            mark = hang_up()
            logged(mark, "the last good one stays in use", level=1)
            report.equal(LAST_GOOD.read_text(), GOOD, f"{name}: the last good one on the disk")
            if report.LONG or name in ("misspelt key", "NUL byte", "empty"):
                good_in_use()
        with daemon.stopped():
            pass
        mark = world.journal_mark()
        good_in_use()
        logged(mark, "the last good one stays in use", level=1)
        report.contains(stage.tool("log", "--last", "30", text=""), "did you mean 'attempts'?")
        world.write(CONF, LOOSE)
        mark = hang_up()
        logged(mark, "cardmfa.conf loaded")
        report.lacks(attempt().text, "Password")


@report.test(seconds=30)
def reload_tells_the_administrator_and_keeps_the_daemon():
    with mended():
        good_in_use()
        before = daemon.listener()
        world.write(CONF, MISTAKES["misspelt key"][0])
        report.equal(world.run("systemctl", "reload", "cardmfad.service", status=None).returncode, 1, "reload")
        good_in_use()
        report.equal(daemon.listener(), before, "the daemon")


# --- files that are not what they should be ----------------------------------------------------------

def replace_by(make):
    """make(path) puts something where a file was; the file itself is moved next to it."""
    def act(path):
        aside = path.with_suffix(".aside")
        path.rename(aside)
        make(path, aside)
        return aside
    return act


def change(act):
    def do(path):
        act(path)
        return None
    return do


PLANTED = {
    "missing": replace_by(lambda path, aside: None),
    "link": replace_by(lambda path, aside: path.symlink_to(aside)),
    "second name": replace_by(lambda path, aside: os.link(aside, path)),
    "FIFO": replace_by(lambda path, aside: os.mkfifo(path)),
    "directory": replace_by(lambda path, aside: path.mkdir()),
    "device": replace_by(lambda path, aside: os.mknod(path, 0o020644, os.makedev(1, 5))),
    "socket": replace_by(lambda path, aside: socket.socket(socket.AF_UNIX).bind(str(path))),
    "group may write": change(lambda path: path.chmod(path.stat().st_mode & 0o777 | 0o020)),
    "others may write": change(lambda path: path.chmod(path.stat().st_mode & 0o777 | 0o002)),
    "of another": change(lambda path: os.chown(path, 65534, 0)),
    "directory of another": change(lambda path: os.chown(path.parent, 65534, 0)),
    "directory others may write": change(lambda path: path.parent.chmod(0o777)),
}


class Kept:
    """A file and its directory as they were, to be put back."""

    def __init__(self, path):
        self.path, self.file, self.directory = path, path.stat(), path.parent.stat()
        self.bytes = path.read_bytes()

    def back(self):
        aside = self.path.with_suffix(".aside")
        if aside.exists():
            if self.path.is_dir() and not self.path.is_symlink():
                self.path.rmdir()
            else:
                self.path.unlink(missing_ok=True)
            aside.rename(self.path)
        for path, was in ((self.path, self.file), (self.path.parent, self.directory)):
            os.chown(path, was.st_uid, was.st_gid)
            path.chmod(was.st_mode & 0o7777)
        report.equal(self.path.read_bytes(), self.bytes, f"what was in {self.path}")


@report.test(seconds=60)
def A86_configuration_file_planted():
    kept = Kept(CONF)
    with mended():
        for name, plant in PLANTED.items():
            with daemon.stopped():
                LAST_GOOD.unlink(missing_ok=True)
                plant(CONF)
            mark = world.journal_mark()
            try:
                service_error(name)
            finally:
                kept.back()
            logged(mark, "every login is refused", level=1)


@report.test(seconds=60)
def A88_configuration_planted_with_a_last_good_one():
    kept = Kept(CONF)
    extremes = {"a line of a million bytes": "; " + "x" * 1000000 + "\n" + LOOSE, "a million lines": ";\n" * 1000000 + LOOSE}
    with mended():
        good_in_use()
        for name, plant in PLANTED.items():
            plant(CONF)
            mark = hang_up()
            kept.back()
            logged(mark, "the last good one stays in use", level=1)
        for text in extremes.values():
            world.write(CONF, text)
            logged(hang_up(), "the last good one stays in use", level=1)
        good_in_use()


@report.test(seconds=30)
def A86_last_good_configuration_planted():
    with mended():
        good_in_use()
        kept = Kept(LAST_GOOD)
        world.write(CONF, MISTAKES["misspelt key"][0])
        for name in ("link", "FIFO", "others may write", "of another", "second name"):
            with daemon.stopped():
                PLANTED[name](LAST_GOOD)
            try:
                service_error(name)
            finally:
                kept.back()


@report.test(seconds=30)
def config_check_refuses_the_file_that_the_daemon_refuses():
    kept = Kept(CONF)
    for name in ("link", "group may write", "of another", "directory others may write"):
        PLANTED[name](CONF)
        try:
            done = world.run("cardtool", "config", "check", status=None)
        finally:
            kept.back()
        report.equal(done.returncode, 1, f"{name}: {done.stdout}")


def unavailable(name):
    outcome = attempt()
    report.equal(outcome.codes, {"auth": pam.AUTHINFO_UNAVAIL}, f"{name}: {outcome}")
    if outcome.seconds > 25:
        raise AssertionError(f"{name}: {outcome.seconds:.1f} s")


@report.test(seconds=60)
def A86_key_file_planted():
    kept = Kept(KEY_FILE)
    for name, plant in PLANTED.items():
        plant(KEY_FILE)
        try:
            unavailable(name)
        finally:
            kept.back()
    KEY_FILE.chmod(0o640)
    try:
        unavailable("group may read")
    finally:
        kept.back()
    good_in_use()
    report.equal(daemon.counted("taro"), 0, "counted")


@report.test(seconds=60)
def A86_store_planted():
    kept = [Kept(STORE_DIR / name) for name in ("store.db",)]
    for name, plant in PLANTED.items():
        with daemon.stopped():
            plant(STORE_DIR / "store.db")
        try:
            unavailable(name)
        finally:
            with daemon.stopped():
                for each in kept:
                    each.back()
    away = STORE_DIR.with_suffix(".away")
    for name, act in {"link": lambda: STORE_DIR.symlink_to(away), "file": lambda: STORE_DIR.write_text(""),
                      "FIFO": lambda: os.mkfifo(STORE_DIR)}.items():
        with daemon.stopped():
            STORE_DIR.rename(away)
            act()
        try:
            unavailable(f"directory is a {name}")
        finally:
            with daemon.stopped():
                STORE_DIR.unlink()
                away.rename(STORE_DIR)
    good_in_use()
    report.equal((daemon.intact(), daemon.counted("taro")), (True, 0), "store, counted")


@report.test(seconds=30)
def A87_planted_journal():
    """SQLite would play it back."""
    for name, content in (("store.db-journal", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(4088)), ):
        planted = STORE_DIR / name
        with daemon.stopped():
            planted.write_bytes(content)
            shutil.chown(planted, "cardmfa", "cardmfa")
            planted.chmod(0o600)
        try:
            unavailable(name)
            report.equal(planted.read_bytes(), content, f"{name} afterwards")
        finally:
            planted.unlink(missing_ok=True)
    good_in_use()


# --- the socket ------------------------------------------------------------------------------------

ALLOW = b"CMFA" + struct.pack(">HHIII", 1, 5, 0x5A3C96E1, 0, 0)


@report.test(seconds=30)
def A86_socket_of_somebody_else():
    """An ordinary user's program sits at the daemon's path and says yes."""
    def serve():
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.bind(str(ROOT_SOCKET))
        line.listen(8)
        os.write(write, b"x")
        while True:
            peer, _ = line.accept()
            with contextlib.suppress(OSError):
                peer.send(ALLOW)
    with daemon.stopped():
        ROOT_SOCKET.unlink(missing_ok=True)
        ROOT_SOCKET.parent.mkdir(exist_ok=True)
        ROOT_SOCKET.parent.chmod(0o777)
        read, write = os.pipe()
        fraud = os.fork()
        if fraud == 0:
            daemon.become("jiro")
            serve()
        try:
            os.read(read, 1)
            unavailable("a user's socket")
        finally:
            daemon.kill(fraud)
            os.waitpid(fraud, 0)
            ROOT_SOCKET.unlink()
            ROOT_SOCKET.parent.chmod(0o755)
    good_in_use()


@report.test(seconds=30)
def A86_what_lies_at_the_socket_path_is_left_alone():
    """Started by hand the daemon makes its own sockets."""
    with daemon.stopped():
        ROOT_SOCKET.parent.mkdir(exist_ok=True)
        target = pathlib.Path("/root/precious")
        target.write_text("precious")
        for make in (lambda: ROOT_SOCKET.write_text("precious"), lambda: ROOT_SOCKET.symlink_to(target),
                     lambda: os.mkfifo(ROOT_SOCKET)):
            ROOT_SOCKET.unlink(missing_ok=True)
            make()
            was = ROOT_SOCKET.lstat()
            done = world.run("cardmfad", "--foreground", status=None)
            report.equal(done.returncode, 1, "status")
            report.contains(done.stderr, "is no socket")
            left = ROOT_SOCKET.lstat()
            report.equal((left.st_ino, left.st_mode), (was.st_ino, was.st_mode), "what was there")
            report.equal(target.read_text(), "precious", "what a link points to")
        ROOT_SOCKET.unlink()
    good_in_use()


# --- pam.d ------------------------------------------------------------------------------------------

@report.test(seconds=30)
def A10_misspelt_argument_in_pam_d():
    mark = world.journal_mark()
    outcome = pam.attempt("taro", *pam.by_password(people["taro"]), service="wrong", calls=("auth", "account", "open"),
                          stay=True)
    report.equal(outcome.codes, {"auth": pam.SERVICE_ERR, "account": pam.SERVICE_ERR, "open": pam.PERM_DENIED}, "codes")
    report.equal(outcome.shown, [], "what was shown")
    logged(mark, "argument not known here: confrm", level=3)


if __name__ == "__main__":
    report.main(prepare)
