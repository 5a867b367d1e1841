#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each call of the daemon's programs into a library made to fail in turn, or to be the last: never a login without its record, never a guess
uncounted."""
import os
import pathlib
import resource
import shutil
import socket
import threading
import time

from lib import daemon, pam, report, stage, world

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[default]
factors = card,totp card,password
attempts = 20
card-wait = 5s
"""
FAULTS = "/usr/lib/cardmfa-faults.so"
SPEC = pathlib.Path("/run/faults")
SAMPLES = 7             # of one name in the daily run
CARD_SAMPLES = 2        # libpcsclite may wait for what it has lost until the exchange's deadline
SLOWEST = 35.0          # an exchange with the card process may take 20 s
MEMORY = ("malloc", "calloc", "realloc", "mmap", "mmap64")
STORE = ("sqlite3_open_v2", "sqlite3_db_config", "sqlite3_exec", "sqlite3_prepare_v3", "sqlite3_bind_int64", "sqlite3_bind_text64",
         "sqlite3_step", "open64", "pread64", "pwrite64", "fdatasync", "fsync", "fcntl64", "fstat64", "stat64", "ftruncate64",
         "posix_fallocate", "fstatfs", "fstatvfs", "fstatat")
CRYPTO = ("OPENSSL_init_crypto", "OSSL_LIB_CTX_new", "OSSL_PROVIDER_load", "EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new",
          "EVP_CipherInit_ex2", "EVP_CipherUpdate", "EVP_CipherFinal_ex", "EVP_CIPHER_CTX_ctrl", "EVP_MD_fetch", "EVP_MD_CTX_new",
          "EVP_DigestInit_ex2", "EVP_DigestUpdate", "EVP_DigestFinal_ex", "EVP_KDF_fetch", "EVP_KDF_CTX_new", "EVP_KDF_derive",
          "EVP_PKEY_CTX_new_from_pkey", "EVP_PKEY_verify_init_ex", "EVP_PKEY_verify", "X509_PUBKEY_new_ex", "d2i_X509_PUBKEY",
          "argon2id_ctx", "getrandom")
REST = ("open", "openat", "read", "pread", "write", "fstat", "fcntl", "clock_gettime", "prctl", "setrlimit", "sigaction", "setenv",
        "setlocale", "socket", "connect", "send", "sendmsg", "recv", "recvmsg", "poll", "kill", "getpwnam_r", "getgrnam_r",
        "gethostname", "ini_parse_stream", "json_object", "json_object_set_new", "json_string", "json_dumpb", "sd_journal_sendv",
        "sd_session_is_active")
CARD = ("malloc", "calloc", "realloc", "open", "read", "write", "fcntl", "fstat", "clock_gettime", "prctl", "setrlimit", "sigaction",
        "sigprocmask", "socket", "connect", "send", "recv", "poll", "getsockopt", "close_range", "timer_create", "timer_settime",
        "seccomp_init", "seccomp_rule_add", "seccomp_load", "SCardEstablishContext", "SCardListReaders", "SCardGetStatusChange",
        "SCardConnect", "SCardReconnect", "SCardBeginTransaction", "SCardTransmit", "SCardEndTransaction", "SCardDisconnect")
LISTENER = ("malloc", "calloc", "open", "openat", "read", "pread", "pwrite", "fcntl", "fstat", "lstat", "clock_gettime", "accept4",
            "socketpair", "getsockopt", "recv", "recvmsg", "sendmsg", "sendto", "poll", "__poll_chk", "fork", "memfd_create", "signalfd",
            "kill", "waitpid", "readlink", "rename", "getpwnam")
# In the child between fork and exec they are the listener's own calls as well.
CHILD = ("setsid", "chdir", "dup2", "close_range", "setrlimit", "setgroups", "setresgid", "setresuid", "execve", "sigprocmask")
KILLED = ("fdatasync", "pwrite64", "sendmsg", "send")
KILLS = 14              # at the last calls of one name in the daily run
LISTENER_NAME = "cardmfad"
taro = None
told = None
words = []


def prepare():
    global taro, told
    stage.set_up(CONF)
    taro = stage.person("taro")
    shutil.copy(world.BUILD / "tests/system/faults.so", FAULTS)
    SPEC.mkdir()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(SPEC / "told"))
    (SPEC / "told").chmod(0o666)
    threading.Thread(target=listen, daemon=True).start()
    (SPEC / LISTENER_NAME).write_text("")
    for name in (daemon.WORKER, daemon.CARD):
        (SPEC / name).write_text("")
        program = daemon.LIBEXEC / name
        real = program.with_suffix(".real")
        program.rename(real)
        program.write_text(f'#!/bin/sh\nLD_PRELOAD={FAULTS} FAULT={SPEC / name} exec {real} "$@"\n')
        program.chmod(0o755)


def listen():
    while True:
        words.append(told.recv(100).decode())
        if words[-1] == "failed":
            for file in (daemon.WORKER, daemon.CARD, LISTENER_NAME):
                (SPEC / file).write_text("")


def heard():
    """What the libraries told since the last time."""
    told.sendto(b"asked", str(SPEC / "told"))
    world.wait_for(lambda: "asked" in words, what="the listening thread")
    taken = [word for word in words if word != "asked"]
    words.clear()
    return taken


def numbers():
    """1, 2, 3 ... the sweep ends by itself; in the daily run ever further apart."""
    n, step = 1, 1.0
    while True:
        yield n
        if not report.LONG:
            step *= 1.7
        n += int(step)


def forget():
    for table in ("try", "bucket"):
        daemon.change(f"DELETE FROM {table}")
    daemon.change("UPDATE totp SET last_step = 0")


def guesses_of(said):
    return [word for word in said if word in ("argon2id_ctx", "oath_totp_validate4_callback")]


def judged(what, answers, may_succeed, before=None, may_die=False):
    """One login with a failing call in it: whether it came to that, and everything that must hold then."""
    grants, had = daemon.successes(), daemon.counted("taro")
    if had > 10:
        forget()
        had = 0
    heard()
    outcome = pam.attempt("taro", *answers, calls=("auth",), seconds=60, before=before)
    said = heard()
    if outcome is None and may_die:
        report.equal((daemon.successes(), daemon.counted("taro") - had >= len(guesses_of(said))), (grants, True), what)
        return True
    if outcome is None:
        raise AssertionError(f"{what}: the host died")
    if outcome.seconds > SLOWEST:
        raise AssertionError(f"{what}: answered after {outcome.seconds:.1f} s")
    code = outcome.codes["auth"]
    made = daemon.successes() - grants
    if code not in (pam.SUCCESS, pam.AUTH_ERR, pam.AUTHINFO_UNAVAIL, pam.CONV_ERR, pam.SERVICE_ERR):
        raise AssertionError(f"{what}: {outcome}")
    if code == pam.SUCCESS and not (may_succeed and made == 1):
        raise AssertionError(f"{what}: let in with {made} grants: {outcome}")
    if made and not may_succeed:
        raise AssertionError(f"{what}: a grant for a wrong answer")
    guesses = guesses_of(said)
    counted = daemon.counted("taro") - (0 if made else had)
    # For somebody unknown a hash is computed for the time it takes, and compared with nothing.
    if guesses and not made and not counted and "can't be used for this name" not in outcome.text:
        raise AssertionError(f"{what}: {said} and nothing counted: {outcome}")
    if counted > 1:
        raise AssertionError(f"{what}: counted {counted} times")
    return "failed" in said


def sweep(program, names, answers, may_succeed, samples=SAMPLES):
    """Returns how many calls were made to fail, by name."""
    done = {}
    mark = world.journal_mark()
    for name in names:
        for count, n in enumerate(numbers()):
            if count >= samples and not report.LONG:
                break
            (SPEC / program).write_text(f"{name}:{n}\n")
            try:
                reached = judged(f"{program}: call {n} of {name}", answers, may_succeed)
            finally:
                (SPEC / program).write_text("")
            if not reached:
                break
            done[name] = done.get(name, 0) + 1
        daemon.wait_quiet(10.0)
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


@report.test(seconds=150)
def A1_each_call_of_the_worker_fails_with_right_answers():
    done = sweep(daemon.WORKER, MEMORY + STORE + CRYPTO + REST, right(), True)
    for name in ("malloc", "sqlite3_step", "pwrite64", "fdatasync", "EVP_PKEY_verify", "argon2id_ctx", "recvmsg", "getpwnam_r"):
        if name not in done:
            raise AssertionError(f"{name} was never called")
    well()


@report.test(seconds=150)
def A1_each_call_of_the_worker_fails_with_a_wrong_password():
    sweep(daemon.WORKER, MEMORY + STORE + CRYPTO + REST, wrong(), False)
    well()


@report.test(seconds=60)
def A1_the_codes_check_fails():
    names = ("oath_init", "oath_totp_validate4_callback", "sqlite3_step", "EVP_CipherFinal_ex", "clock_gettime")
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


def killed(name, n, answers):
    """One login whose worker is killed at its n-th call of that name: the answer, and how many grants, with their records, it
    has made. None: it makes fewer calls."""
    before = daemon.successes()
    forget()
    heard()
    (SPEC / daemon.WORKER).write_text(f"{name}:{n}:kill\n")
    outcome = pam.attempt("taro", *answers, calls=("auth",), seconds=60)
    # It closes the store when the host has its answer.
    daemon.wait_quiet(10.0)
    (SPEC / daemon.WORKER).write_text("")
    said = heard()
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
    """What a host may have been left with: (name, what sets it)."""
    for name, value in (("FSIZE", 0), ("NPROC", 0), ("AS", 16 << 20), ("DATA", 1 << 20), ("CPU", 1), ("STACK", 64 << 10), ("MEMLOCK", 0),
                        ("CORE", resource.RLIM_INFINITY), *(("NOFILE", n) for n in range(3, 11))):
        kind = getattr(resource, f"RLIMIT_{name}")
        yield f"{name} {value}", lambda kind=kind, value=value: resource.setrlimit(kind, (value, value))
    yield "nice 19", lambda: os.nice(19)


@report.test(seconds=60)
def A36_hostile_limits_of_the_host():
    cores = set(pathlib.Path("/").glob("core*"))
    for name, before in limits():
        for answers, may_succeed in ((right(), True), (wrong(), False)):
            # Without memory or files the host itself may end first.
            judged(f"the host's {name}", answers, may_succeed, before, may_die=name.split()[0] in ("AS", "DATA", "CPU", "NOFILE"))
        forget()
    report.equal(set(pathlib.Path("/").glob("core*")), cores, "core files")
    well()


def listener_with(fault):
    with daemon.stopped():
        (SPEC / LISTENER_NAME).write_text(fault)


@report.test(seconds=150)
def A1_each_call_of_the_listener_fails():
    """It may fall and be started anew; whoever stood in between is refused."""
    done = {}
    with daemon.stopped():
        world.drop_in("cardmfad.service", f"[Service]\nEnvironment=LD_PRELOAD={FAULTS} FAULT={SPEC / LISTENER_NAME}\n", name="faults")
    for name in LISTENER + CHILD:
        for n in (1, 2, 3, 5, 9, 20) if report.LONG else (1, 4):
            heard()
            listener_with(f"{name}:{n}\n")
            started = time.monotonic()
            for answers, may_succeed in ((right(), True), (wrong(), False)):
                done[name] = done.get(name, False) | judged_with(f"cardmfad: call {n} of {name}", answers, may_succeed)
            if time.monotonic() - started > 2 * SLOWEST:
                raise AssertionError(f"call {n} of {name}: took too long")
            forget()
    listener_with("")
    with daemon.stopped():
        world.drop_in("cardmfad.service", "", name="faults")
    print(f"# cardmfad: never called: {' '.join(name for name, reached in done.items() if not reached) or 'none'}")
    well()


def judged_with(what, answers, may_succeed):
    reached = judged(what, answers, may_succeed)
    forget()
    return reached


if __name__ == "__main__":
    os.umask(0o022)
    report.main(prepare)
