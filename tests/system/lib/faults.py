# SPDX-License-Identifier: Apache-2.0
"""The daemon's programs with tests/system/faults.c before them: one call into a library fails in the process that starts next."""
import contextlib
import os
import pathlib
import shutil
import socket
import threading
import time

from . import daemon, report, world

LIBRARY = "/usr/lib/cardmfa-faults.so"
SPEC = pathlib.Path("/run/faults")
LISTENER = "cardmfad"
MEMORY = ("malloc", "calloc", "realloc", "mmap", "mmap64")
STORE = ("sqlite3_open_v2", "sqlite3_db_config", "sqlite3_exec", "sqlite3_prepare_v3", "sqlite3_bind_int64", "sqlite3_bind_text64",
         "sqlite3_step", "sqlite3_bind_blob64", "sqlite3_bind_null", "sqlite3_column_text", "sqlite3_column_blob", "sqlite3_file_control",
         "sqlite3_vfs_find", "ftruncate", "renameat2", "unlinkat", "open64", "pread64", "pwrite64", "fdatasync", "fsync", "fcntl64", "fstat64", "stat64", "ftruncate64",
         "posix_fallocate", "fstatfs", "fstatvfs", "fstatat")
CRYPTO = ("OPENSSL_init_crypto", "OSSL_LIB_CTX_new", "OSSL_PROVIDER_load", "EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new",
          "EVP_CipherInit_ex2", "EVP_CipherUpdate", "EVP_CipherFinal_ex", "EVP_CIPHER_CTX_ctrl", "EVP_MD_fetch", "EVP_MD_CTX_new",
          "EVP_DigestInit_ex2", "EVP_DigestUpdate", "EVP_DigestFinal_ex", "EVP_KDF_fetch", "EVP_KDF_CTX_new", "EVP_KDF_derive",
          "EVP_PKEY_CTX_new_from_pkey", "EVP_PKEY_verify_init_ex", "EVP_PKEY_verify", "X509_PUBKEY_new_ex", "d2i_X509_PUBKEY",
          "EVP_PKEY_CTX_new_from_name", "EVP_PKEY_fromdata_init", "EVP_PKEY_fromdata", "BN_bin2bn", "BN_mod_word", "BIO_new", "BIO_read",
          "ASN1_TIME_to_tm", "X509_NAME_print_ex", "X509_get_X509_PUBKEY", "X509_new_ex", "d2i_X509", "i2d_X509_PUBKEY",
          "argon2id_ctx", "getrandom")
# Only where a code is asked for.
CODE = ("oath_init", "oath_totp_validate4_callback")
REST = ("open", "openat", "read", "pread", "__pread_chk", "pwrite", "write", "fstat", "fcntl", "clock_gettime", "prctl", "setrlimit",
        "sigaction", "setenv", "setlocale", "socket", "connect", "send", "sendmsg", "recv", "recvmsg", "poll", "kill", "getpwnam_r",
        "getgrnam_r", "gethostname", "ini_parse_stream", "json_object", "json_object_set_new", "json_string", "json_dumpb", "sd_journal_sendv",
        "sd_session_get_seat", "sd_session_get_tty", "sd_session_get_remote_host", "sd_session_get_service", "sd_session_get_state",
        "sd_session_is_remote")
# Only within a login session.
SESSION = ("sd_session_get_uid", "sd_session_get_state", "sd_session_get_service", "getpwuid_r")
WORKER = MEMORY + STORE + CRYPTO + REST

_told = None
_words = []
_asked = threading.Event()


def install():
    """In front of the programs that the listener starts."""
    global _told
    shutil.copy(world.BUILD / "tests/system/faults.so", LIBRARY)
    SPEC.mkdir()
    _told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    _told.bind(str(SPEC / "told"))
    (SPEC / "told").chmod(0o666)
    threading.Thread(target=_listen, daemon=True).start()
    put(LISTENER, "")
    # Processes keep the names they have.
    behind = daemon.LIBEXEC / "behind"
    behind.mkdir(mode=0o755)
    for name in (daemon.WORKER, daemon.CARD):
        put(name, "")
        program, real = daemon.LIBEXEC / name, behind / name
        program.rename(real)
        program.write_text(f'#!/bin/sh\nLD_PRELOAD={LIBRARY} FAULT={SPEC / name} exec {real} "$@"\n')
        program.chmod(0o755)


def _listen():
    while True:
        word = _told.recv(100).decode()
        if word == "asked":
            _asked.set()
            continue
        _words.append(word)
        if word == "failed":
            for file in (daemon.WORKER, daemon.CARD, LISTENER):
                put(file, "")


def put(program, text):
    """What fails in the next process of it: "NAME:N"; "": nothing."""
    (SPEC / program).write_text(f"{text}\n" if text else "")


def settle():
    """What was told so far has been taken note of."""
    _asked.clear()
    _told.sendto(b"asked", str(SPEC / "told"))
    if not _asked.wait(60):
        raise AssertionError("the listening thread does not answer")


@contextlib.contextmanager
def fault(program, text):
    settle()        # the word of an earlier one takes a fault back
    put(program, text)
    try:
        yield
    finally:
        put(program, "")


def heard():
    """What the libraries told since the last time."""
    settle()
    taken = _words[:]
    del _words[:len(taken)]
    return taken


def numbers(samples):
    """1, 2, 3 ... until the caller ends it; in the daily run that many, ever further apart."""
    n, step, count = 1, 1.0, 0
    while report.LONG or count < samples:
        yield n
        if not report.LONG:
            step *= 1.7
        n += int(step)
        count += 1


def footprint(pid):
    """The descriptors of a listener without children, and what they are open on."""
    def children():
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    world.wait_for(lambda: not children(), what=f"the end of the listener's children {children()}")
    kept = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            kept[int(entry.name)] = os.readlink(entry)
    return kept


def at_rest(pid, held, what):
    """The listener is the same and holds what it held."""
    report.equal(daemon.listener(), pid, f"{what}: the listener")
    end = time.monotonic() + 20
    while (now := footprint(pid)) != held and time.monotonic() < end:
        time.sleep(0.02)
    report.equal(now, held, f"{what}: the listener's descriptors")
