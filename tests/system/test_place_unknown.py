#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where somebody is when nobody can tell: logind, /proc or descriptors fail. Then the person is remote, or refused, and soon."""
import collections
import contextlib
import os
import pathlib
import re
import signal
import socket
import threading
import time

from lib import console, daemon, faults, pam, place, report, stage, world
from lib.place import LOCAL, REMOTE
from lib.report import equal

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[default]
factors = card,totp card,password
attempts = 20
"""
LOGIND = "systemd-logind.service"
SESSIONS = pathlib.Path("/run/systemd/sessions")
SOON = 2 * report.SOON
people = {}


def prepare():
    stage.set_up(CONF)
    place.set_up()
    people["taro"] = stage.person("taro", with_app=False)
    people["hanako"] = stage.person("hanako", reader=1, with_app=False)


@contextlib.contextmanager
def at_the_console():
    with console.Console(60) as terminal:
        equal(terminal.login("taro", *people["taro"].by_password()), True, "taro at the console")
        yield terminal


def verdicts(terminal):
    begun = time.monotonic()
    shown = place.verdicts(terminal.shell("asked"))
    if time.monotonic() - begun > SOON:
        raise AssertionError(f"{time.monotonic() - begun:.1f} s until {shown}")
    return shown


def is_remote(terminal, what):
    """No card is asked anything, and the listener that answered lives."""
    for person in people.values():
        person.card.count_reset()
    listener = world.systemctl("show", "-P", "MainPID", "cardmfad.service")
    equal(verdicts(terminal), [REMOTE] * 3, what)
    equal([person.card.count() for person in people.values()], [0, 0], f"APDUs, {what}")
    equal(world.systemctl("show", "-P", "MainPID", "cardmfad.service"), listener, f"the daemon, {what}")


def is_local(terminal, what):
    equal(verdicts(terminal), [LOCAL] * 3, what)


def logind_pid():
    return int(world.systemctl("show", "-P", "MainPID", LOGIND))


@contextlib.contextmanager
def without_logind():
    world.systemctl("mask", "--runtime", LOGIND)
    world.systemctl("stop", LOGIND)
    try:
        yield
    finally:
        world.systemctl("unmask", "--runtime", LOGIND)
        world.systemctl("start", LOGIND)


@report.test(120)
def A25_without_logind_a_session_is_nowhere():
    with at_the_console() as terminal:
        is_local(terminal, "before")
        with without_logind():
            # Its files are there and say that the session is active.
            report.contains("".join(p.read_text() for p in SESSIONS.glob("*[0-9]")), "ACTIVE=1")
            is_remote(terminal, "stopped and masked")
        is_local(terminal, "started again")
        os.kill(logind_pid(), signal.SIGKILL)
        shown = verdicts(terminal)
        equal({LOCAL, REMOTE} >= set(shown), True, f"while it comes back: {shown}")
        world.wait_for(logind_pid, what="logind")
        is_local(terminal, "killed, and back")
        # A stopped one answers nobody; nobody asks it.
        pid = logind_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            shown = verdicts(terminal)
            equal({LOCAL, REMOTE} >= set(shown), True, f"it hangs: {shown}")
        finally:
            os.kill(pid, signal.SIGCONT)
        is_local(terminal, "and goes on")


@report.test(90)
def A25_a_console_login_without_logind():
    """A login below getty stands in no session yet: it is local by its control group. Without a session it gets no further."""
    taro = people["taro"]
    with without_logind():
        with console.Console(60) as terminal:
            equal(terminal.login("taro", *taro.by_password()), False, "a login without a session")
        report.contains(terminal.text, "PIN of your IC card")
        equal(pam.attempt("taro", *pam.by_password(taro)).codes, {"auth": pam.SUCCESS, "account": pam.SUCCESS}, "its first two calls")
    # Stopped in the middle of a login.
    held = pam.Held(taro.pin)
    host = pam.Host("taro", ("PIN", held), ("assword", taro.password), calls=("auth", "account", "open"))
    equal(held.wait(), True, "the prompt")
    with without_logind():
        held.give()
        codes = host.outcome().codes
        equal(codes.pop("open") != pam.SUCCESS, True, "a session without logind")
        equal(codes, {"auth": pam.SUCCESS, "account": pam.SUCCESS}, "what began before")


@report.test()
def A25_an_empty_answer_of_logind():
    with at_the_console() as terminal:
        session = terminal.shell("echo $XDG_SESSION_ID").strip()
        path = SESSIONS / session
        whole = path.read_text()
        for what, text in (("no file", None), ("an empty file", ""), ("no state", re.sub("^STATE=.*\n", "", whole, flags=re.MULTILINE)),
                           ("no service", re.sub("^SERVICE=.*\n", "", whole, flags=re.MULTILINE)),
                           ("no word of remote", re.sub("^REMOTE=.*\n", "", whole, flags=re.MULTILINE)),
                           ("a strange state", re.sub("^STATE=.*$", "STATE=activated", whole, flags=re.MULTILINE)),
                           ("a strange word of remote", re.sub("^REMOTE=.*$", "REMOTE=maybe", whole, flags=re.MULTILINE)),
                           ("noise", os.urandom(300).hex()), ("a long service", whole.replace("SERVICE=login", "SERVICE=" + "login" * 1000))):
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
            is_remote(terminal, what)
        path.write_text(whole)
        is_local(terminal, "the whole file")


@report.test()
def A25_processes_are_hidden():
    with at_the_console() as terminal:
        kept = next(line.split()[3] for line in pathlib.Path("/proc/mounts").read_text().splitlines() if line.split()[1] == "/proc")
        world.run("mount", "-o", f"remount,{kept},hidepid=2", "/proc")
        try:
            report.contains(terminal.shell("ls -d /proc/1 2>&1"), "No such file")
            # The daemon is root's: it sees them. Its answers are as they were.
            is_local(terminal, "the console")
            world.systemctl("restart", "cardmfad.service")
            is_local(terminal, "the console, after a new start")
            equal(place.verdicts(place.ssh("asked")), [REMOTE] * 3, "over ssh")
        finally:
            world.run("mount", "-o", f"remount,{kept},hidepid=0", "/proc")


@report.test(90)
def A25_the_parent_goes_in_the_middle():
    """The host's parent ends before, while and after the host asks: neither place changes."""
    count = 12
    script = f"""for i in $(seq {count}); do
        sh -c "(sleep 0.0$i; exec {place.ASKED}) >/tmp/orphan-\\$1-$i 2>&1 & sleep 0.0$(({count} - i))" sh $1
    done
    """
    world.write("/usr/local/bin/orphans", f"#!/bin/sh\n{script}", 0o755)

    def asked(where):
        files = [pathlib.Path(f"/tmp/orphan-{where}-{i}") for i in range(1, count + 1)]
        world.wait_for(lambda: all(f.exists() and len(f.read_text().splitlines()) >= 3 and "polkit-1=" in f.read_text() and
                                   " ms=" in f.read_text() for f in files), 60, "orphans")
        return [v for f in files for v in place.verdicts(f.read_text())]
    with at_the_console() as terminal:
        terminal.shell("orphans here")
        equal(asked("here"), [LOCAL] * 3 * count, "at the console")
        shell = place.Shell()
        with shell:
            shell.shell("orphans far")
            equal(asked("far"), [REMOTE] * 3 * count, "over ssh")


@report.test(120)
def A25_no_descriptors_are_left():
    """The listener has ever fewer: whoever is remote is never asked for the card, and nobody hangs."""
    taro = people["taro"]
    opened, refused = [], []
    with place.Shell() as shell:
        for limit in (8, 10, 11, 12, 13, 14, 20, 48, 52, 64):
            world.drop_in("cardmfad.service", f"[Service]\nLimitNOFILE={limit}\n", "few")
            world.systemctl("reset-failed", "cardmfad.service", status=None)
            world.systemctl("restart", "--no-block", "cardmfad.service")
            for person in people.values():
                person.card.count_reset()
            begun = time.monotonic()
            remote = shell.shell("asked")
            report.lacks(remote, "PIN of your IC card")
            equal([person.card.count() for person in people.values()], [0, 0], f"APDUs for who is remote, {limit} descriptors")
            outcome = pam.attempt("taro", *pam.by_password(taro), seconds=60)
            (opened if outcome.opened else refused).append(limit)
            if time.monotonic() - begun > 2 * SOON:
                raise AssertionError(f"{limit} descriptors: {time.monotonic() - begun:.1f} s")
    world.drop_in("cardmfad.service", "", "few")
    world.systemctl("restart", "cardmfad.service")
    print(f"# opened with {opened}, refused with {refused} descriptors")
    equal(bool(opened) and bool(refused), True, "both happened")
    equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "with enough of them")


class Crowd(threading.Thread):
    """Ever so many that connect and say nothing: each takes descriptors of the listener for a while."""

    def __init__(self, count):
        super().__init__(daemon=True)
        self.count, self.over = count, threading.Event()

    def run(self):
        held = []
        while not self.over.wait(0.005):
            line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            line.settimeout(0.2)
            held.append(line)
            with contextlib.suppress(OSError):
                line.connect("/run/cardmfa/cardmfad.sock")
            if len(held) > self.count:
                held.pop(0).close()
        for line in held:
            line.close()


def without_pin(text):
    report.lacks(text, "PIN of your IC card")
    return text


@report.test(90)
def A25_all_descriptors_are_taken_in_the_middle():
    """Others fill the listener while somebody asks: a refusal, or the right place."""
    world.drop_in("cardmfad.service", "[Service]\nLimitNOFILE=64\n", "few")
    world.systemctl("restart", "cardmfad.service")
    seen = collections.Counter()
    with place.Shell() as shell:
        for count in (20, 25, 28, 31, 40):
            crowd = Crowd(count)
            crowd.start()
            try:
                for _ in range(2):
                    begun = time.monotonic()
                    seen.update(v if v == REMOTE else "refused" for v in place.verdicts(without_pin(shell.shell("asked"))))
                    outcome = pam.attempt("taro", ("PIN", None), seconds=30)
                    seen[LOCAL if place.verdict(outcome.text) == LOCAL else "refused"] += 1
                    if time.monotonic() - begun > 2 * SOON:
                        raise AssertionError(f"{count} others: {time.monotonic() - begun:.1f} s")
            finally:
                crowd.over.set()
                crowd.join()
    print(f"# {dict(seen)}")
    world.drop_in("cardmfad.service", "", "few")
    world.systemctl("restart", "cardmfad.service")
    equal(pam.attempt("taro", *pam.by_password(people["taro"])).opened, True, "with enough of them")


@report.test(60)
def A25_each_question_to_logind_fails():
    faults.install()
    questions = ("sd_session_get_service", "sd_session_get_state", "sd_session_is_remote", "sd_session_get_remote_host", "sd_session_get_tty")
    with at_the_console() as terminal:
        for name in questions:
            faults.heard()
            with faults.fault(daemon.WORKER, f"{name}:1"):
                equal(place.verdict(terminal.shell("sudo -S id </dev/null")), REMOTE, name)
            report.contains(" ".join(faults.heard()), "failed")
        equal(place.verdict(terminal.shell("sudo -S id </dev/null")), LOCAL, "all answers are there")


if __name__ == "__main__":
    report.main(prepare)
