#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each call of the worker into a library made to fail in turn, at the entry points behind the authentication: a refusal or what
was due, never more; and the listener as it was."""
# check: timeout=400
import contextlib
import os
import pathlib
import socket
import struct
import sys

from lib import daemon, faults, pam, report, stage, world

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "pam"))
import rig  # noqa: E402  pylint: disable=wrong-import-position

CONF = stage.quick(attempts=20)
SAMPLES = 3             # of one name in the daily run
SLOWEST_MS = 8000
MODULE = "pam_cardmfa.so"
REFUSED = (pam.PERM_DENIED, pam.SERVICE_ERR)
ROOT_SOCKET, USER_SOCKET = "/run/cardmfa/cardmfad.sock", "/run/cardmfa/user.sock"
STATUS, EXPLAIN = 6, 7          # include/wire.h
RESULT = 18
taro = None
entitled = other = None
SIT, CALLS, CONFIRM = 0, 1, 2   # handles of a host


def prepare():
    global taro, entitled, other
    stage.set_up(CONF)
    taro = stage.person("taro", with_app=False)
    faults.install()
    entitled, other = Sitting(True), Sitting(False)


class Sitting:
    """A host that goes on with single entry points of the module; in a session of logind, as it must be for the second line."""

    def __init__(self, entitled_):
        line = [f"{kind} required {MODULE}" for kind in ("auth", "account", "session")]
        log_in = [line[0], "session required pam_systemd.so"] if entitled_ else \
            ["auth required pam_permit.so", "session required pam_systemd.so"]
        self.host = rig.Host({"login": log_in})
        self.host.start(n=SIT)
        for handle, lines in ((CALLS, line), (CONFIRM, [f"session required {MODULE} confirm"])):
            (self.host.conf / "login").write_text("\n".join([*lines, ""]))
            self.host.start(n=handle)
        self.entitled = entitled_
        # A session has a terminal or a seat, or it is not in front of this machine.
        for handle in (SIT, CALLS, CONFIRM):
            self.host.do(f"set {handle} tty /dev/pts/9")
        self.authenticate()
        report.equal(self.host.call("open", n=SIT).rc, pam.SUCCESS, "logind's session")

    def authenticate(self):
        report.equal(self.host.auth(f"t:{taro.pin}", f"t:{taro.password}", n=SIT).rc, pam.SUCCESS, "the login")

    def open(self):
        """The first session of the login, each time: of one login one comes."""
        daemon.change("UPDATE login_grant SET used_at = NULL")
        return self.host.call("open", n=CALLS)


def sessions():
    """How many sessions of each state there are, and how many events."""
    return daemon.rows("SELECT (SELECT count(*) FROM session), (SELECT count(*) FROM session WHERE state = 'open'), "
                       "(SELECT count(*) FROM session WHERE state = 'closed'), (SELECT count(*) FROM event)")[0]


NOTHING, RECORD = (0, 0, 0, 0), (0, 0, 0, 1)
# What a host asks, what has to be so before, and what a success adds: sessions, open ones, closed ones, events.
CALLS_OF_A_HOST = {
    "account": (lambda s: s.host.call("acct", n=CALLS), None, NOTHING),
    "open": (Sitting.open, None, (1, 0, 0, 0)),
    "confirm": (lambda s: s.host.call("open", n=CONFIRM), Sitting.open, (0, 1, 0, 1)),
    "close": (lambda s: s.host.call("close", n=CALLS), Sitting.open, (0, 0, 1, 1)),
}


def judged(what, call, before, due, sitting, spec):
    """One call with a failing one in it: whether it came to that, and everything that must hold then."""
    if before:
        report.equal(before(sitting).rc, pam.SUCCESS, f"before {what}")
    pid = daemon.listener()
    held, had = faults.footprint(pid), sessions()
    faults.heard()
    with faults.fault(daemon.WORKER, spec):
        got = call(sitting)
    said = faults.heard()
    made = tuple(now - then for now, then in zip(sessions(), had))
    if got.rc is None or got.changed != "-" or got.ms > SLOWEST_MS:
        raise AssertionError(f"{what}: {got!r}")
    if got.rc == pam.SUCCESS and (made != due or not sitting.entitled):
        raise AssertionError(f"{what}: allowed, and the store has {made} more: {got!r}")
    # The answer may have been lost behind the commit; and that an account was refused is on record.
    may = (NOTHING, RECORD if due == NOTHING else due if sitting.entitled else NOTHING)
    if got.rc != pam.SUCCESS and (got.rc not in REFUSED or made not in may):
        raise AssertionError(f"{what}: refused, and the store has {made} more: {got!r}")
    faults.at_rest(pid, held, what)
    return "failed" in said


def sweep(names, once, samples=SAMPLES):
    """once(NAME, N): whether it came to that call. Returns how many calls were made to fail, by name."""
    done = {}
    mark = world.journal_mark()
    for name in names:
        for n in faults.numbers(samples):
            if not once(name, n):
                break
            done[name] = done.get(name, 0) + 1
    report.lacks(world.journal_text(since=mark), "signal 11")
    return done


def sweep_call(entry, sitting, samples=SAMPLES):
    call, before, due = CALLS_OF_A_HOST[entry]
    daemon.change("DELETE FROM session")
    done = sweep(faults.WORKER, lambda name, n: judged(f"{entry}: call {n} of {name}", call, before, due, sitting, f"{name}:{n}"), samples)
    who = "who logged in" if sitting.entitled else "who did not"
    print(f"# {entry} of {who}: {sum(done.values())} calls of {len(done)} names failed: {' '.join(done)}")
    for name in ("malloc", "read", "recvmsg", "sendmsg", "getpwnam_r", "clock_gettime", "sqlite3_step", "sqlite3_prepare_v3", "open", "fcntl"):
        if name not in done:
            raise AssertionError(f"{entry}: {name} was never called")
    if before:
        report.equal(before(sitting).rc, pam.SUCCESS, "before an undisturbed one")
    report.equal(call(sitting).rc, pam.SUCCESS if sitting.entitled else pam.PERM_DENIED, "an undisturbed one")
    report.equal(daemon.intact(), True, "store")
    return done


def sweep_of_a_login(entry):
    entitled.authenticate()
    sweep_call(entry, entitled)


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_at_an_account_call():
    sweep_of_a_login("account")
    sweep_call("account", other, 2)


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_at_the_opening_of_a_session():
    sweep_of_a_login("open")
    sweep_call("open", other, 2)


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_at_the_confirmation_of_a_session():
    sweep_of_a_login("confirm")


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_at_the_end_of_a_session():
    sweep_of_a_login("close")


def ask(path, op, user=b""):
    """The packets that the daemon answers with; a worker that ends without reading breaks the line."""
    fields = (b"", user, b"", b"", b"")
    body = bytes([op]) + bytes(4) + b"".join(struct.pack(">I", len(field)) + field for field in fields)
    packets = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.settimeout(SLOWEST_MS / 1000)
        line.connect(path)
        line.send(b"CMFA" + struct.pack(">HH", 1, 1) + body)
        with contextlib.suppress(ConnectionResetError):
            while data := line.recv(65536):
                packets.append(data)
    return packets


def status():
    return daemon.as_user("taro", lambda: [packet.hex() for packet in ask(USER_SOCKET, STATUS)])


def explain():
    return [packet.hex() for packet in ask(ROOT_SOCKET, EXPLAIN, b"taro")]


def allowed(packets):
    last = bytes.fromhex(packets[-1]) if packets else b""
    return last[6:8] == struct.pack(">H", RESULT) and struct.unpack_from(">I", last, 8)[0] == rig.ALLOW


def sweep_of_what_is_told(what, tell):
    """All of it, with the verdict that it is all, or no such verdict; and nothing changes."""
    whole, had, pid = tell(), sessions(), daemon.listener()
    report.equal(allowed(whole), True, f"{what} undisturbed: {whole}")
    held = faults.footprint(pid)

    def once(name, n):
        faults.heard()
        with faults.fault(daemon.WORKER, f"{name}:{n}"):
            told = tell()
        reached = "failed" in faults.heard()
        if allowed(told) and told != whole:
            raise AssertionError(f"{what}: call {n} of {name}: {told}, wanted {whole}")
        faults.at_rest(pid, held, f"{what}: call {n} of {name}")
        return reached
    done = sweep(faults.WORKER, once)
    print(f"# {what}: {sum(done.values())} calls of {len(done)} names failed: {' '.join(done)}")
    report.equal((tell(), sessions()), (whole, had), f"{what} afterwards")


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_at_a_status():
    sweep_of_what_is_told("status", status)


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_at_an_explanation():
    sweep_of_what_is_told("explain", explain)


if __name__ == "__main__":
    os.umask(0o022)
    report.main(prepare)
