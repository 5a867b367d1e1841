#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each call of the daemon's programs into a library made to fail in turn, or to be the last: never a login without its record, never a guess
uncounted."""
# check: timeout=600
import base64
import contextlib
import json
import os
import pathlib
import pwd
import re
import resource
import shutil
import socket
import sys
import time

from lib import console, daemon, faults, pam, report, stage, vcard, world

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "pam"))
import rig  # noqa: E402  pylint: disable=wrong-import-position

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class switch]
service = sudo
factors = session,totp session,password
attempts = 20

[class helpers]
group = audio
factors = card,password
attempts = 20

[default]
factors = card,totp card,password
attempts = 20
card-wait = 5s
"""
SAMPLES = 7             # of one name in the daily run
WRONG_SAMPLES = 4
CARD_SAMPLES = 2        # libpcsclite may wait for what it has lost until the exchange's deadline
SLOWEST = 35.0          # an exchange with the card process may take 20 s
CARD = ("malloc", "calloc", "realloc", "open", "read", "write", "fcntl", "fstat", "clock_gettime", "prctl", "setrlimit", "sigaction",
        "sigprocmask", "socket", "connect", "send", "recv", "poll", "getsockopt", "close_range", "timer_create", "timer_settime",
        "seccomp_init", "seccomp_rule_add", "seccomp_load", "SCardEstablishContext", "SCardListReaders", "SCardGetStatusChange",
        "SCardConnect", "SCardReconnect", "SCardBeginTransaction", "SCardTransmit", "SCardEndTransaction", "SCardDisconnect")
HOSTS_PLACE = pathlib.Path("/run/hosts")
WITHIN_SOCKET = "/run/within"
PAM_ABORT, PAM_MODULE_UNKNOWN = 26, 28         # from libpam where it can't load a module
LISTENER = ("malloc", "calloc", "open", "openat", "read", "pread", "pwrite", "fcntl", "fstat", "lstat", "clock_gettime", "accept4",
            "socketpair", "getsockopt", "recv", "recvmsg", "sendmsg", "sendto", "poll", "__poll_chk", "fork", "memfd_create", "signalfd",
            "kill", "waitpid", "readlink", "rename", "getpwnam")
# In the child between fork and exec they are the listener's own calls as well.
CHILD = ("setsid", "chdir", "dup2", "close_range", "setrlimit", "setgroups", "setresgid", "setresuid", "execve", "sigprocmask")
LISTENER_SAMPLES = 3
KILLED = ("fdatasync", "pwrite64", "sendmsg", "send")
KILLS = 14              # at the last calls of one name in the daily run
taro = None
last_code = None
CODES_USED = []


def prepare():
    global taro
    stage.set_up(CONF)
    taro = stage.person("taro")
    faults.install()


def forget():
    for table in ("try", "bucket"):
        daemon.change(f"DELETE FROM {table}")
    daemon.change("UPDATE totp SET last_step = 0")


def guesses_of(said):
    return [word for word in said if word in ("argon2id_ctx", "oath_totp_validate4_callback")]


def login(*answers):
    return lambda: pam.attempt("taro", *answers, calls=("auth",), seconds=60)


def judged(what, attempt, may_succeed, origin="local"):
    """One login with a failing call in it: whether it came to that, and everything that must hold then."""
    global last_code
    grants, had = daemon.successes(), daemon.counted("taro", origin)
    if had > 10:
        forget()
        had = 0
    faults.heard()
    outcome = attempt()
    said = faults.heard()
    if outcome is None:
        raise AssertionError(f"{what}: the host died")
    if outcome.seconds > SLOWEST:
        raise AssertionError(f"{what}: answered after {outcome.seconds:.1f} s")
    code = last_code = outcome.codes["auth"]
    made = daemon.successes() - grants
    if code not in (pam.SUCCESS, pam.AUTH_ERR, pam.AUTHINFO_UNAVAIL, pam.CONV_ERR, pam.SERVICE_ERR):
        raise AssertionError(f"{what}: {outcome}")
    if code == pam.SUCCESS and not (may_succeed and made == 1):
        raise AssertionError(f"{what}: let in with {made} grants: {outcome}")
    if made and not may_succeed:
        raise AssertionError(f"{what}: a grant for a wrong answer")
    guesses = guesses_of(said)
    counted = daemon.counted("taro", origin) - (0 if made else had)
    # For somebody unknown a hash is computed for the time it takes, and compared with nothing.
    if guesses and not made and not counted and "can't be used for this name" not in outcome.text:
        raise AssertionError(f"{what}: {said} and nothing counted: {outcome}")
    if counted > 1:
        raise AssertionError(f"{what}: counted {counted} times")
    return "failed" in said


def sweep(program, names, answers, may_succeed, samples=SAMPLES, log_in=login, origin="local"):
    """Returns how many calls were made to fail, by name."""
    well()
    done = {}
    mark = world.journal_mark()
    pid = daemon.listener()
    held = faults.footprint(pid)
    for name in names:
        for n in faults.numbers(samples):
            what = f"{program}: call {n} of {name}"
            with faults.fault(program, f"{name}:{n}"):
                reached = judged(what, log_in(*answers), may_succeed, origin)
            faults.at_rest(pid, held, what)
            if not reached:
                break
            done[name] = done.get(name, 0) + 1
        forget()
    report.lacks(world.journal_text(since=mark), "signal 11")
    print(f"# {program}: {sum(done.values())} calls of {len(done)} names failed; never called: {' '.join(n for n in names if n not in done) or 'none'}")
    return done


def right():
    return pam.by_password(taro)


def wrong():
    return (("PIN", taro.pin), ("[Pp]assword", "not the password"))


def well():
    forget()
    report.equal(pam.attempt("taro", *right()).opened, True, "a login afterwards")
    report.equal(daemon.intact(), True, "store")


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_with_right_answers():
    done = sweep(daemon.WORKER, faults.WORKER, right(), True)
    for name in ("malloc", "sqlite3_step", "pwrite64", "fdatasync", "EVP_PKEY_verify", "argon2id_ctx", "recvmsg", "getpwnam_r"):
        if name not in done:
            raise AssertionError(f"{name} was never called")
    well()


@report.test(seconds=600)
def A1_each_call_of_the_worker_fails_with_a_wrong_password():
    sweep(daemon.WORKER, faults.WORKER, wrong(), False, WRONG_SAMPLES)
    well()


@report.test(seconds=60)
def A1_the_codes_check_fails():
    names = faults.CODE + ("sqlite3_step", "clock_gettime", "EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new", "EVP_CipherInit_ex2", "EVP_CipherUpdate",
                           "EVP_CipherFinal_ex", "EVP_CIPHER_CTX_ctrl")
    sweep(daemon.WORKER, names, (("PIN", taro.pin), ("code", taro.code)), True)
    sweep(daemon.WORKER, names, (("PIN", taro.pin), ("code", lambda: "000000")), False)
    well()


@report.test(seconds=120)
def A1_each_call_of_the_card_process_fails():
    done = sweep(daemon.CARD, CARD, right(), True, CARD_SAMPLES)
    for name in ("SCardTransmit", "SCardConnect", "seccomp_load", "close_range", "recv"):
        if name not in done:
            raise AssertionError(f"{name} was never called")
    sweep(daemon.CARD, ("SCardTransmit", "send", "recv"), (("PIN", "654321"), ("[Pp]assword", taro.password)), False, 1)
    # Wrong PINs have cost tries of the card, which a right one gives back.
    well()


@report.test(seconds=60)
def A1_the_reading_of_a_certificate_fails():
    """Of a card that has no CHUID."""
    names = ("d2i_X509", "X509_new_ex", "X509_get_X509_PUBKEY", "X509_PUBKEY_new_ex", "i2d_X509_PUBKEY", "d2i_X509_PUBKEY", "malloc", "recvmsg")
    taro.card.remove()
    with vcard.Card("--pin", taro.pin, "--slot", "9A=p256,pin=once", "--no-chuid", reader=1) as plain:
        card_id = stage.enroll("taro", plain)
        done = sweep(daemon.WORKER, names, right(), True)
        report.equal("d2i_X509" in done, True, "a certificate was read")
    stage.tool("revoke", card_id, "--reason", "damaged", text="")
    taro.card.insert()
    well()


# Runs as a set-uid host of taro's own, started by the shell of the session: what it forks is asked as sudo would be.
WITHIN = f"""
import dataclasses, json, socket, sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
from lib import pam
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind({WITHIN_SOCKET!r})
    listening.listen()
    while True:
        with listening.accept()[0] as asked:
            how = json.loads(asked.makefile().readline())
            if not how:
                break
            asked.sendall(json.dumps(dataclasses.asdict(pam.attempt("taro", *how.pop("answers"), service="sudo", **how))).encode())
"""


def within(**how):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(WITHIN_SOCKET)
        asking.sendall(json.dumps(how).encode() + b"\n")
        answer = asking.makefile().read()
    return pam.Outcome(**json.loads(answer)) if answer else None


@contextlib.contextmanager
def session():
    """taro is at the console, and within() is asked from there. The origin of his tries."""
    host, script = pathlib.Path("/usr/local/bin/set-uid-python"), pathlib.Path("/usr/local/lib/within.py")
    shutil.copy(sys.executable, host)
    host.chmod(0o4755)
    world.write(script, WITHIN)
    world.login_stack(service="sudo")
    with console.Console() as terminal:
        report.equal(terminal.login("taro", *taro.by_password()), True, terminal.text)
        terminal.shell(f"{host} {script} &")
        world.wait_for(pathlib.Path(WITHIN_SOCKET).exists, what="a host within the session")
        yield f"uid:{pwd.getpwnam('taro').pw_uid}"
        within()
        pathlib.Path(WITHIN_SOCKET).unlink()
        terminal.logout()


@report.test(seconds=600)
def A1_each_call_for_sudo_within_a_login_session_fails():
    """Where only what the login proved opens."""
    def log_in(*answers):
        return lambda: within(answers=answers, calls=["auth"], seconds=60)
    with session() as origin:
        names = faults.SESSION[:3] + faults.STORE + faults.MEMORY + ("clock_gettime", "open", "read", "getpwnam_r", "argon2id_ctx", "recvmsg", "sendmsg")
        password = "code or password"
        done = sweep(daemon.WORKER, names, ((password, taro.password),), True, WRONG_SAMPLES, log_in, origin)
        for name in faults.SESSION[:3]:
            report.equal(name in done, True, f"{name} was called")
        sweep(daemon.WORKER, names, ((password, "not the password"),), False, 2, log_in, origin)
    well()


@report.test(seconds=60)
def A1_a_sudo_that_asks_nothing_fails():
    """A ticket or NOPASSWD: whose login is not known, or who calls, goes no further."""
    with session():
        for call, needed in (("account", ("sd_session_get_uid", "getpwnam_r")), ("open", ("sd_session_get_uid", "getpwuid_r"))):
            for name in dict.fromkeys(needed + faults.SESSION):
                for n in faults.numbers(WRONG_SAMPLES):
                    faults.heard()
                    with faults.fault(daemon.WORKER, f"{name}:{n}"):
                        code = within(answers=(), calls=[call]).codes[call]
                    if "failed" not in faults.heard():
                        report.equal((code, n > 1 or name not in needed), (pam.SUCCESS, True), f"{call} without a failing {name}")
                        break
                    if name in needed or code != pam.SUCCESS:
                        report.equal(code in (pam.PERM_DENIED, pam.AUTHINFO_UNAVAIL), True, f"{call}, call {n} of {name}: {code}")
    well()


def killed(name, n, answers):
    """One login whose worker is killed at its n-th call of that name: the answer, and how many grants, with their records, it
    has made. None: it makes fewer calls."""
    before = daemon.successes()
    forget()
    faults.heard()
    with faults.fault(daemon.WORKER, f"{name}:{n}:kill"):
        outcome = pam.attempt("taro", *answers, calls=("auth",), seconds=60)
        # It closes the store when the host has its answer.
        daemon.wait_quiet(10.0)
    said = faults.heard()
    made = daemon.successes() - before
    if guesses_of(said) and not made and not daemon.counted("taro"):
        raise AssertionError(f"killed at call {n} of {name}: {said} and nothing counted")
    return (outcome.codes["auth"], made) if "failed" in said else None


def last_call(name, answers):
    """How many calls of that name the worker of such a login makes."""
    low, high = 0, 1
    while killed(name, high, answers):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if killed(name, middle, answers) else (low, middle)
    return low


def killed_at_each(name, answers):
    """Every end that a login came to by a kill at a call of that name."""
    last = last_call(name, answers)
    ends = {}
    for n in range(1 if report.LONG else max(1, last - KILLS), last + 1):
        end = killed(name, n, answers)
        ends[end] = ends.get(end, 0) + 1
    print(f"# {last} calls of {name}: " + ", ".join(f"{end} {count} times" for end, count in ends.items()))
    return set(ends) - {None}


@report.test(seconds=120)
def A98_worker_killed_at_each_write_between_record_and_answer():
    """Never let in without a grant and its record; both or none of them."""
    well()
    ends = set().union(*(killed_at_each(name, right()) for name in KILLED))
    # Before the commit, between it and the answer, after the answer.
    report.equal(ends, {(pam.AUTHINFO_UNAVAIL, 0), (pam.AUTHINFO_UNAVAIL, 1), (pam.SUCCESS, 1)}, "answers and grants")
    well()


@report.test(seconds=60)
def A98_worker_killed_at_each_write_of_a_refusal():
    well()
    ends = set().union(*(killed_at_each(name, wrong()) for name in KILLED[:2]))
    report.equal(ends - {(pam.AUTH_ERR, 0)}, {(pam.AUTHINFO_UNAVAIL, 0)}, "answers and grants")
    well()


def limits():
    """What a host may have been left with: (name, what sets it for a process)."""
    for name, value in (("FSIZE", 0), ("NPROC", 0), ("AS", 16 << 20), ("DATA", 1 << 20), ("CPU", 1), ("STACK", 64 << 10), ("MEMLOCK", 0),
                        ("CORE", resource.RLIM_INFINITY), *(("NOFILE", n) for n in range(3, 11))):
        kind = getattr(resource, f"RLIMIT_{name}")
        yield f"{name} {value}", lambda pid, kind=kind, value=value: resource.prlimit(pid, kind, (value, value))
    yield "nice 19", lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19)


def login_under(limit, early, *answers):
    """A login in a host that has the limit before (early) or behind pam_start(3)."""
    def attempt():
        with rig.Host({"login": ["auth required pam_cardmfa.so"]}, cwd=HOSTS_PLACE) as host:
            resource.prlimit(host.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            if early:
                limit(host.pid)
            started = host.do("start 0 login taro")
            if started != ["rc 0"]:
                report.equal((early, started), (True, [f"rc {PAM_ABORT}"]), "pam_start")
                return pam.Outcome({"auth": pam.SERVICE_ERR})
            if not early:
                limit(host.pid)
            got = host.auth(*(f"t:{text}" for text in answers))
            if early and got.rc == PAM_MODULE_UNKNOWN:
                return pam.Outcome({"auth": pam.SERVICE_ERR})
            if got.rc is None:
                host.process.wait()
                raise AssertionError(f"the host ended: {host.process.returncode}")
            report.equal(got.changed, "-", "what the call changed in the host")
            return pam.Outcome({"auth": got.rc}, [list(m) for m in got.messages], got.ms / 1000)
    return attempt


def cores_since(mark):
    """Wherever a process may have stood; what the machine would name them."""
    return world.run("find", "/", "-path", "/proc", "-prune", "-o", "-path", "/sys", "-prune", "-o", "-type", "f", "-newer", mark,
                     "(", "-name", "core", "-o", "-name", "core.[0-9]*", ")", "-print", status=None).stdout


@report.test(seconds=90)
def A36_hostile_limits_of_the_host():
    HOSTS_PLACE.mkdir()
    mark = HOSTS_PLACE / "mark"
    mark.touch()
    codes = {}
    well()
    pid = daemon.listener()
    held = faults.footprint(pid)
    for name, limit in limits():
        for early, password, may_succeed in ((False, taro.password, True), (False, "not-the-password", False), (True, taro.password, True)):
            what = f"the host's {name}{', early' if early else ''}"
            judged(what, login_under(limit, early, taro.pin, password), may_succeed)
            codes.setdefault(last_code, []).append(name + (" early" if early else "") + ("" if may_succeed else " wrong"))
            faults.at_rest(pid, held, what)
        forget()
    for code, names in codes.items():
        print(f"# {code}: {', '.join(names)}")
    report.equal(cores_since(mark), "", "core files")
    well()
    world.run("sh", "-c", f"cd {HOSTS_PLACE} && ulimit -c unlimited && kill -ABRT $$", status=None)
    print(f"# a core file that is made is found: {'yes' if cores_since(mark) else 'no: the machine makes none'}")


def crash(program, fault, name, *answers):
    """A login during which a process of that program ends by SIGSEGV at that call; name is what is typed for a user."""
    faults.heard()
    with faults.fault(program, f"{fault}:segv"):
        outcome = pam.attempt(name, *answers, calls=("auth",), seconds=60)
    report.equal((outcome.opened, "failed" in faults.heard()), (False, True), f"{program} that ends at {fault}")


def canaries():
    """What must be nowhere, in the forms it may take."""
    seed = base64.b32decode(taro.app.seed + "=" * (-len(taro.app.seed) % 8))
    yield from ((word.encode(), what) for word, what in ((taro.pin, "PIN"), (taro.password, "password"), ("Wrong-Canary-41", "wrong password"),
                                                         ("Typed-As-Name-42", "password typed as a name"), (taro.app.seed, "seed")))
    yield from ((form, "seed") for form in (seed, seed.hex().encode(), base64.b64encode(seed)))
    yield from ((code.encode(), "code") for code in CODES_USED)


def everything_kept():
    """All that is written somewhere: the journal with all its fields, the kernel's ring, the listings of the tool, every file of ours."""
    yield "journal", world.run("sh", "-c", "journalctl --sync; journalctl -q -o export | base64", seconds=60).stdout, True
    yield "journal's files", world.run("sh", "-c", "cat /run/log/journal/*/* /var/log/journal/*/* 2>/dev/null | base64", seconds=60).stdout, True
    yield "kernel", world.run("sh", "-c", "dmesg | grep -i cardmfa", status=None).stdout, False
    yield "log", stage.tool("log", "--json", "--last", "1000", text=""), False
    for folder in ("/var/lib/cardmfa", "/etc/cardmfa", "/run/cardmfa", "/var/log"):
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and "journal" not in path.parts:
                yield str(path), path.read_bytes(), False


@report.test(seconds=90)
def A99_a_crash_leaves_no_secret():
    """No process of ours writes a core file although its unit lets it, and nothing that is kept tells what it held. Of debugging there
    is no mode: nothing of the product raises the level of its log."""
    mark = faults.SPEC / "mark"
    mark.touch()
    with daemon.stopped():
        world.drop_in("cardmfad.service", "[Service]\nLimitCORE=infinity\n", name="core")
    well()
    held = pam.Held(taro.password)
    waiting = pam.Host("taro", ("PIN", taro.pin), ("[Pp]assword", held), calls=("auth",))
    report.equal(held.wait(), True, "the question")
    for pid in (daemon.wait_process(daemon.WORKER), daemon.wait_process(daemon.CARD)):
        limit = next(line for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core"))
        # Of a process that can't be dumped root owns what is in /proc.
        report.equal((limit.split()[4:6], pathlib.Path(f"/proc/{pid}/environ").stat().st_uid), (["0", "0"], 0), f"process {pid}")
    held.give()
    report.equal(waiting.outcome().opened, True, "the login")
    wrong_code = taro.app.wrong()
    CODES_USED.extend((wrong_code, taro.code()))
    crash(daemon.WORKER, "argon2id_ctx:1", "taro", *right())
    crash(daemon.WORKER, "argon2id_ctx:1", "taro", ("PIN", taro.pin), ("[Pp]assword", "Wrong-Canary-41"))
    crash(daemon.WORKER, "argon2id_ctx:1", "Typed-As-Name-42", *right())
    crash(daemon.WORKER, "oath_totp_validate4_callback:1", "taro", ("PIN", taro.pin), ("code", wrong_code))
    crash(daemon.WORKER, "oath_totp_validate4_callback:1", "taro", ("PIN", taro.pin), ("code", taro.app.last()))
    for n in range(1, 7):
        crash(daemon.CARD, f"SCardTransmit:{n}", "taro", *right())
    pam.attempt("Typed-As-Name-42", ("PIN", taro.pin), ("[Pp]assword", "Wrong-Canary-41"), calls=("auth",))
    report.equal(cores_since(mark), "", "core files")
    report.contains(world.journal_text("-u", "cardmfad"), "signal 11")
    searched, names = 0, set()
    for where, kept, packed in everything_kept():
        kept = base64.b64decode(kept) if packed else kept if isinstance(kept, bytes) else kept.encode()
        searched += len(kept)
        names |= {where} if b"taro" in kept else set()
        # Six digits stand in random bytes and in numbers by chance.
        for canary, what in canaries():
            if re.search(rb"(?<![0-9A-Za-z])" + canary + rb"(?![0-9A-Za-z])" if canary.isdigit() else re.escape(canary), kept):
                raise AssertionError(f"the {what} stands in {where}")
    # What may be kept is found there.
    report.equal({"journal", "journal's files", "log", str(daemon.STORE)} - names, set(), "searched without finding a name")
    print(f"# {searched >> 10} KiB searched")
    with daemon.stopped():
        world.drop_in("cardmfad.service", "", name="core")
    forget()
    well()


def listener_runs_with(**environment):
    with daemon.stopped():
        words = " ".join(f"{name}={value}" for name, value in environment.items())
        world.drop_in("cardmfad.service", f"[Service]\nEnvironment={words}\n" if words else "", name="faults")


def both(what):
    """A right and a wrong login: whether one of them met the failing call."""
    started = time.monotonic()
    reached = [judged_with(what, *case) for case in ((right(), True), (wrong(), False))]
    if time.monotonic() - started > 2 * SLOWEST:
        raise AssertionError(f"{what}: took too long")
    return any(reached)


@report.test(seconds=600)
def A1_each_call_of_the_listener_fails_as_it_starts():
    """It may fall and be started anew; whoever stood in between is refused."""
    done = {}
    listener_runs_with(LD_PRELOAD=faults.LIBRARY, FAULT=faults.SPEC / faults.LISTENER)
    for name in LISTENER:
        for n in faults.numbers(1):
            with daemon.stopped():
                faults.put(faults.LISTENER, f"{name}:{n}")
            if not both(f"cardmfad: call {n} of {name} since its start") or n > 100:
                break
            done[name] = done.get(name, 0) + 1
    faults.put(faults.LISTENER, "")
    listener_runs_with()
    print(f"# cardmfad, as it starts: {sum(done.values())} calls of {len(done)} names failed: {' '.join(done)}")
    well()


@report.test(seconds=600)
def A1_each_call_of_the_listener_fails_as_it_works():
    """One that runs, and that children are made of; it holds what it held."""
    done, restarts = {}, 0
    listener_runs_with(LD_PRELOAD=faults.LIBRARY, FAULT=faults.SPEC / faults.LISTENER, FAULT_LIVE=1)
    well()
    pid = daemon.listener()
    held = faults.footprint(pid)
    for name in LISTENER + CHILD:
        for n in faults.numbers(LISTENER_SAMPLES):
            what = f"cardmfad at work: call {n} of {name}"
            with faults.fault(faults.LISTENER, f"{name}:{n}"):
                reached = both(what)
            if daemon.listener() == pid:
                faults.at_rest(pid, held, what)
            else:
                well()
                restarts += 1
                pid = daemon.listener()
                held = faults.footprint(pid)
            if not reached or n > 1000:
                break
            done[name] = done.get(name, 0) + 1
    listener_runs_with()
    print(f"# cardmfad, as it works: {sum(done.values())} calls of {len(done)} names failed, it ended {restarts} times: {' '.join(done)}")
    well()


def judged_with(what, answers, may_succeed):
    reached = judged(what, login(*answers), may_succeed)
    forget()
    return reached


if __name__ == "__main__":
    os.umask(0o022)
    report.main(prepare)
