#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The listener by itself: with and without systemd, silent callers, crowds of one user."""
import contextlib
import os
import pathlib
import socket
import subprocess
import time

from lib import pam, report, stage, world

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[default]
factors = card,password
"""
SU_UID = 32             # places of one real uid behind su (cardmfad/bounds.h)
ROOT, USER = "/run/cardmfa/cardmfad.sock", "/run/cardmfa/user.sock"
UNITS = ("cardmfad.socket", "cardmfad-user.socket", "cardmfad.service")
people = {}


def prepare():
    stage.set_up(CONF)
    world.login_stack(service="su")
    people["taro"] = stage.person("taro", with_app=False)


def login():
    return pam.attempt("taro", *pam.by_password(people["taro"]))


def connect(path):
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(30)
    line.connect(path)
    return line


def listens(path):
    try:
        connect(path).close()
        return True
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def as_user(uid, function):
    """In a child of that uid; returns what it returned as text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(write, str(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


@report.test()
def in_the_foreground_it_makes_its_own_sockets():
    world.systemctl("stop", *UNITS)
    for left in (ROOT, USER):
        pathlib.Path(left).unlink()         # systemd leaves the names of its sockets behind: nobody listens there
    daemon = subprocess.Popen(["/usr/sbin/cardmfad", "--foreground"], stderr=subprocess.PIPE, text=True)
    try:
        world.wait_for(lambda: listens(ROOT) and listens(USER), what="sockets")
        report.equal(pathlib.Path(ROOT).stat().st_mode & 0o777, 0o600, "mode of the root socket")
        report.equal(pathlib.Path(USER).stat().st_mode & 0o777, 0o666, "mode of the user socket")
        report.equal(login().opened, True, "login")
    finally:
        daemon.terminate()
        said = daemon.communicate(timeout=10)[1]
    report.equal(daemon.returncode, 0, "status after SIGTERM")
    report.contains(said, "ready")
    world.systemctl("start", "cardmfad.socket", "cardmfad-user.socket")
    report.equal(login().opened, True, "login through the units again")


@report.test()
def it_refuses_to_start_where_it_can_not_be_safe():
    uid = int(world.run("id", "-u", "taro").stdout)
    done = world.run("setpriv", "--reuid", uid, "--clear-groups", "/usr/sbin/cardmfad", "--foreground", status=1)
    report.contains(done.stderr, "as root")
    report.equal(world.run("/usr/sbin/cardmfad", "--nonsense", status=2).returncode, 2, "unknown option")
    report.contains(world.run("/usr/sbin/cardmfad", "--help").stdout, "--foreground")
    world.systemctl("stop", *UNITS)
    pathlib.Path("/run/cardmfa").mkdir(exist_ok=True)
    pathlib.Path(ROOT).unlink(missing_ok=True)
    world.write(ROOT, "a file somebody needs")
    try:
        done = world.run("/usr/sbin/cardmfad", "--foreground", status=1)
        report.contains(done.stderr, "is no socket")
        report.equal(pathlib.Path(ROOT).read_text(), "a file somebody needs", "the file")
    finally:
        pathlib.Path(ROOT).unlink()
        world.systemctl("start", "cardmfad.socket", "cardmfad-user.socket")


@report.test(seconds=60)
def silent_callers_are_let_go_after_two_seconds():
    login()
    for path in (ROOT, USER):
        begun = time.monotonic()
        with connect(path) as line:
            report.equal(line.recv(100), b"", "what is said to the silent")
        seconds = time.monotonic() - begun
        if not 1.5 < seconds < 2 + report.SOON:
            raise AssertionError(f"{path}: {seconds:.1f} s")


@report.test(seconds=60)
def noise_gets_a_refusal_and_no_more():
    for noise in (b"x", b"CMFA", b"CMFA\0\1\0\1", b"CMFA\xff\xff\0\1" + b"\0" * 40, os.urandom(20000)):
        with connect(ROOT) as line:
            line.send(noise)
            answers = b""
            while (part := line.recv(65536)):
                answers += part
            report.lacks(answers.hex(), "5a3c96e1")         # the pattern of a yes
    report.equal(login().opened, True, "the next login")


@report.test(seconds=90)
def one_users_crowd_on_the_user_socket_leaves_places_for_others():
    uid = int(world.run("id", "-u", "taro").stdout)

    def crowd():
        # Who has a place is let go without a word some time.
        lines = [connect(USER) for _ in range(40)]
        return sum(bool(line.recv(100)) for line in lines)
    report.equal(as_user(uid, crowd), "32", "of 40, those turned away at once")
    with report.soon("root's host behind it"):
        report.equal(login().opened, True, "root's host behind it")


def patiently(function, *words):
    """The daemon's queue may be full for a moment."""
    end = time.monotonic() + report.SOON
    while time.monotonic() < end:
        with contextlib.suppress(BlockingIOError):
            return function(*words)
        time.sleep(0.005)
    return function(*words)


@report.test(seconds=60)
def a_silent_crowd_of_many_uids_keeps_nobody_out():
    """A person may have thousands of uids (subuid(5)): all places of the user socket, within the two seconds that silence is borne."""
    uid = str(int(world.run("id", "-u", "taro").stdout))
    for _ in range(3):
        lines = []
        for other in range(200000, 200012):
            os.seteuid(other)
            try:
                lines += [patiently(connect, USER) for _ in range(8)]
            finally:
                os.seteuid(0)
        world.run("setpriv", "--reuid", uid, "--clear-groups", "cardtool", "status")
        for line in lines:
            line.close()


def workers():
    return int(world.run("pgrep", "-c", "cardmfa-worker", status=None).stdout)


@report.test(seconds=120)
def one_users_crowd_of_su_leaves_places_for_others():
    """su comes as root: the real uid behind it is what counts."""
    uid = int(world.run("id", "-u", "taro").stdout)
    held = [subprocess.Popen(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "script", "-qec", "su root",
                              "/dev/null"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(80)]
    try:
        world.wait_for(lambda: workers() >= SU_UID, 60, "as many workers as one user may have")
        with report.soon("a login meanwhile", 2 * report.SOON):
            report.equal(login().opened, True, "a login meanwhile")
        if workers() > SU_UID + 8:
            raise AssertionError(f"{workers()} workers for one user")
    finally:
        for process in held:
            process.kill()
            process.wait()


@report.test(seconds=60)
def an_answer_that_is_not_the_hosts_is_not_taken():
    """Two hosts at once: what one types is not the other's."""
    taro = people["taro"]
    right = pam.Host("taro", *pam.by_password(taro))
    wrong = pam.Host("taro", ("PIN", taro.pin), ("[Pp]assword", "wrong-password"))
    report.equal((right.outcome().opened, wrong.outcome().opened), (True, False), "verdicts")


if __name__ == "__main__":
    report.main(prepare)
