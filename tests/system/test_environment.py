#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A set-uid host is started with every variable that libraries obey, each pointing into a trap: it makes no difference."""
import ctypes
import os
import pathlib
import re
import selectors
import shlex
import shutil
import socket
import struct
import subprocess
import threading

from lib import console, daemon, pam, report, stage, world

CONF = stage.quick(attempts=20)
TRAP = pathlib.Path("/tmp/trap")
SU = "/usr/bin/su"
HOST = "/usr/local/bin/pam_host"
START = "/usr/local/bin/start"
CLEAN = {"PATH": "/usr/bin:/bin", "TERM": "linux"}
SOCKETS = {"pcscd.sock": socket.SOCK_STREAM, ".s.PGSQL.5432": socket.SOCK_STREAM, "bus": socket.SOCK_STREAM,
           "cardmfad.sock": socket.SOCK_SEQPACKET, "notify": socket.SOCK_DGRAM}
FOLDERS = ("tmp", "modules", "locale", "zones", "gconv", "bin")
HOSTILE = {
    # libpcsclite
    "PCSCLITE_CSOCK_NAME": TRAP / "pcscd.sock", "PCSCLITE_DEBUG": "0", "PCSCLITE_NO_BLOCKING": "1",
    "LIBPCSCLITE_DELEGATE": TRAP / "library.so",
    # SQLite, libpq
    "SQLITE_TMPDIR": TRAP / "tmp", "TMPDIR": TRAP / "tmp", "TMP": TRAP / "tmp", "PGHOST": TRAP, "PGSERVICE": "trap",
    "PGSERVICEFILE": TRAP / "service", "PGPASSFILE": TRAP / "pgpass", "PGSYSCONFDIR": TRAP,
    # OpenSSL
    "OPENSSL_CONF": TRAP / "openssl.cnf", "OPENSSL_CONF_INCLUDE": TRAP, "OPENSSL_MODULES": TRAP / "modules",
    "OPENSSL_ENGINES": TRAP / "modules", "OPENSSL_ia32cap": "~0x200000200000000:~0x0", "RANDFILE": TRAP / "random",
    "SSL_CERT_FILE": TRAP / "certificates", "SSL_CERT_DIR": TRAP, "SSLKEYLOGFILE": TRAP / "keys", "CTLOG_FILE": TRAP / "ctlog",
    # the C library
    "TZ": f":{TRAP}/zones/here", "TZDIR": TRAP / "zones", "LANG": "../../../tmp/trap/locale", "LC_ALL": "../../../tmp/trap/locale",
    "LANGUAGE": "../../../tmp/trap/locale", "LOCPATH": TRAP / "locale", "NLSPATH": TRAP / "%N", "GCONV_PATH": TRAP / "gconv",
    "MALLOC_TRACE": TRAP / "trace", "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "MALLOC_ARENA_MAX": "1", "MALLOC_TOP_PAD_": "1",
    "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.perturb=165", "HOSTALIASES": TRAP / "aliases", "RES_OPTIONS": "debug",
    "LOCALDOMAIN": "trap", "RESOLV_HOST_CONF": TRAP / "host.conf", "GETCONF_DIR": TRAP, "LD_PRELOAD": TRAP / "library.so",
    "LD_LIBRARY_PATH": TRAP, "LD_AUDIT": TRAP / "library.so", "LD_DEBUG": "all", "LD_DEBUG_OUTPUT": TRAP / "ld",
    # systemd, D-Bus
    "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={TRAP}/bus", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={TRAP}/bus",
    "NOTIFY_SOCKET": TRAP / "notify", "LISTEN_PID": "1", "LISTEN_FDS": "3", "JOURNAL_STREAM": "1:1", "SYSTEMD_LOG_LEVEL": "debug",
    "XDG_RUNTIME_DIR": TRAP, "XDG_CONFIG_HOME": TRAP, "XDG_SESSION_ID": "1", "XDG_SEAT": "seat0",
    # what one might hope for
    "CARDMFA_CONF": TRAP / "cardmfa.conf", "CARDMFA_SOCKET": TRAP / "cardmfad.sock", "CARDMFA_TEST_CLOCK": "0",
    # whom and where
    "PATH": f"{TRAP}/bin:/usr/bin:/bin", "HOME": TRAP, "USER": "root", "LOGNAME": "root", "SUDO_USER": "root", "SUDO_UID": "0",
    "SSH_CONNECTION": "192.0.2.7 1 192.0.2.8 22", "TERM": "linux",
}
# What su and its libraries read; what a program with libpam and our module reads.
LOADER = r"/etc/(ld\.so\.(cache|preload)|suid-debug)|(/usr)?/lib/.*"
SU_FILES = (rf"{LOADER}|/|/bin/sh|/usr/bin/sh|/dev/pts/\d+|/etc/(default/su|group|localtime|login\.defs|nsswitch\.conf|passwd|shadow|selinux/config)|"
            r"/etc/pam\.d(/.*)?|/etc/environment|/proc/(filesystems|self/.*|sys/kernel/\w+)|/selinux|/sys/fs/selinux|/var/log/[bw]tmp|/run/utmp")
SU_SOCKETS = r"/run/cardmfa/cardmfad\.sock|/dev/log|/var/run/nscd/socket"
HOST_FILES = rf"{LOADER}|/dev/pts/\d+|/etc/own\.d/.*|/proc/(self/.*|sys/kernel/cap_last_cap)"
people = {}
traps = None


class Traps:
    """Sockets that note who calls and folders that note what is opened or made in them, by whomever."""

    def __init__(self):
        TRAP.mkdir(mode=0o777)
        for folder in FOLDERS:
            (TRAP / folder).mkdir()
        self.calls = []
        self.listening = selectors.DefaultSelector()
        for name, kind in SOCKETS.items():
            sock = socket.socket(socket.AF_UNIX, kind)
            sock.bind(str(TRAP / name))
            if kind != socket.SOCK_DGRAM:
                sock.listen()
            self.listening.register(sock, selectors.EVENT_READ, name)
        library = next(pathlib.Path("/usr/lib").glob("*-linux-gnu/libdl.so.2"))
        for name in ("library.so", "modules/trap.so", "gconv/trap.so"):
            shutil.copy(library, TRAP / name)
        (TRAP / "openssl.cnf").write_text("openssl_conf = all\n[all]\nproviders = providers\n[providers]\ntrap = trap\n"
                                          f"[trap]\nmodule = {TRAP}/modules/trap.so\nactivate = 1\n")
        for name in ("service", "pgpass", "certificates", "aliases", "host.conf", "cardmfa.conf", "gconv/gconv-modules", "zones/here",
                     "bin/su", "bin/sh"):
            (TRAP / name).write_text("")
        for path in (TRAP, *TRAP.rglob("*")):
            path.chmod(0o777)
        self.watch = watch([TRAP, *(TRAP / folder for folder in FOLDERS)])
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            for key, _ in self.listening.select():
                self.calls.append(key.data)
                if SOCKETS[key.data] == socket.SOCK_DGRAM:
                    key.fileobj.recv(4096)
                else:
                    key.fileobj.accept()[0].close()

    def touched(self):
        """What happened since the last time."""
        try:
            raw = os.read(self.watch, 1 << 20)
        except BlockingIOError:
            raw = b""
        found, at = set(self.calls), 0
        self.calls.clear()
        while at < len(raw):
            length = struct.unpack_from("iIII", raw, at)[3]
            found.add(raw[at + 16:at + 16 + length].rstrip(b"\0").decode() or "the folder")
            at += 16 + length
        return sorted(found)


def watch(folders):
    """inotify(7): whatever is opened, made or taken away in them."""
    libc = ctypes.CDLL(None, use_errno=True)
    opened, made, gone = 0x20, 0x100, 0x200
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    for folder in folders:
        if libc.inotify_add_watch(descriptor, str(folder).encode(), opened | made | gone) < 0:
            raise OSError(ctypes.get_errno(), f"inotify: {folder}")
    return descriptor


def prepare():
    global traps
    stage.set_up(CONF)
    people["taro"] = stage.person("taro", reader=1)
    people["taro"].card.remove()
    people["jiro"] = stage.person("jiro")
    stack = [f"{kind} required pam_cardmfa.so" for kind in ("auth", "account", "session")]
    world.write("/etc/pam.d/su", "\n".join([*stack, "session required pam_cardmfa.so confirm", ""]))
    world.write("/etc/own.d/su", "\n".join([*stack, ""]))
    world.write("/etc/own.d/other", "auth required pam_deny.so\n")
    shutil.copy(world.BUILD / "tests/pam/pam_host", HOST)
    os.chmod(HOST, 0o4755)
    world.systemctl("start", "cardmfad.service")
    traps = Traps()


class Seen:
    """One try: what was shown, the files the program named and the sockets it connected to."""

    def __init__(self, program, screen, trace):
        # A code of the present time step may have been used for the registration: the next one is asked for then.
        self.screen = re.sub(r"ms=\d+|\d{4}-\d\d-\d\d \d\d:\d\d|pts/\d+|Next v|V(?=erification code)", "*", screen)
        self.named = {"file": set(), "socket": set()}
        _, _, text = trace.partition(f'execve("{program}"')
        for name, rest in re.findall(r"^\d+ +(\w+)\((.*)$", text, re.MULTILINE):
            paths = re.findall(r'"((?:[^"\\]|\\.)*)"', rest)[:1]
            if name != "getcwd":
                self.named["socket" if name == "connect" else "file"].update(path for path in paths if path)


def attempt(variables, program, rest, *answers):
    """The program as taro starts it from his session at a console, with root looking on."""
    taro, trace = people["taro"], pathlib.Path("/tmp/strace")
    own = " ".join(shlex.quote(f"{name}={value}") for name, value in variables.items())
    # Once somebody looks on it becomes the program.
    world.write(START, f'#!/bin/sh\necho "pid $$."\nread -r go\nexec env -i {own} {program} {rest}\n', 0o755)
    with console.Console() as screen:
        taro.card.insert()
        report.equal(screen.login("taro", *taro.by_password()), True, "taro at the console")
        taro.card.remove()
        screen.send(f"{START}; echo status $?")
        screen.expect(r"pid \d+\.")
        pid = int(screen.child.after[4:-1])
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file,connect", "-o", str(trace), "-p", str(pid)],
                                  stdin=subprocess.DEVNULL)
        world.wait_for(lambda: daemon.status(pid).get("TracerPid", "0") != "0", what="strace")
        begun = len(screen.text)
        screen.send("go")
        screen.answer(*answers)
        screen.expect(r"status \d+\s")
        shown = screen.text[begun:]
        screen.expect(console.SHELL_PROMPT)
        tracer.wait(20)
        screen.logout()
    daemon.wait_quiet()
    return Seen(program, shown, trace.read_text())


def both_ways(program, allowed, one_try):
    """one_try(variables, password): with each environment a try is refused and one let in, and both see and do the same."""
    passwords = ("not-the-password", people["jiro"].password)
    one_try(CLEAN, passwords[1])
    clean = [one_try(CLEAN, password) for password in passwords]
    traps.touched()
    hostile = [one_try(HOSTILE, password) for password in passwords]
    report.equal(traps.touched(), [], "what was opened, made or called in the trap")
    for got, wanted in zip(hostile, clean, strict=True):
        report.equal(got.screen, wanted.screen, "what is shown")
        for kind, names in got.named.items():
            report.equal(sorted(names - wanted.named[kind]), [], f"{kind}s that only the variables lead to")
            report.equal([name for name in sorted(names) if not re.fullmatch(allowed[kind], name)], [], f"{kind}s of {program}")
        report.contains("\n".join(got.named["socket"]), "/run/cardmfa/cardmfad.sock")
    return [seen.screen for seen in hostile]


@report.test(seconds=90)
def A75_su_with_every_variable():
    def one_try(variables, password):
        jiro = people["jiro"]
        return attempt(variables, SU, "jiro -c 'echo in as $USER'", ("PIN of your IC card: $", jiro.pin), ("password: $", password))
    refused, let_in = both_ways(SU, {"file": SU_FILES, "socket": SU_SOCKETS}, one_try)
    report.contains(refused, "su: Authentication failure")
    report.lacks(refused, "in as")
    report.contains(let_in, "in as jiro\nstatus 0")


@report.test(seconds=90)
def A75_a_set_uid_host_with_every_variable():
    """Nothing but our module is in its stack."""
    def one_try(variables, password):
        lines = ("conf /etc/own.d", "start 0 su jiro", f"say 0 t:{people['jiro'].pin} t:{password}", "auth 0 0", "acct 0 0", "open 0 0",
                 "close 0 0", "end 0")
        world.write("/etc/lines", "\n".join([*lines, ""]))
        return attempt(variables, HOST, "</etc/lines")
    refused, let_in = both_ways(HOST, {"file": HOST_FILES, "socket": r"/run/cardmfa/cardmfad\.sock"}, one_try)
    codes = [[int(code) for code in re.findall(r"^rc (\d+) \*", screen, re.MULTILINE)] for screen in (refused, let_in)]
    report.equal(codes, [[pam.AUTH_ERR, *[pam.PERM_DENIED] * 3], [pam.SUCCESS] * 4], "auth, acct, open, close")


@report.test(seconds=30)
def the_traps_catch_who_obeys():
    """Programs without the set-uid bit, one for each kind of trap."""
    establish = "import ctypes; ctypes.CDLL('libpcsclite.so.1').SCardEstablishContext(2, None, None, ctypes.byref(ctypes.c_long()))"
    for variable, caught, command in (("LD_PRELOAD", "library.so", ("true",)), ("OPENSSL_CONF", "openssl.cnf", ("openssl", "list", "-providers")),
                                      ("OPENSSL_CONF", "trap.so", ("openssl", "list", "-providers")),
                                      ("PCSCLITE_CSOCK_NAME", "pcscd.sock", ("python3", "-c", establish)),
                                      ("TZ", "here", ("date",)), ("TMPDIR", "tmp", ("mktemp",))):
        traps.touched()
        world.run(*command, env={"OPENSSL_MODULES": str(TRAP / "modules"), variable: str(HOSTILE[variable])}, status=None)
        world.wait_for(lambda caught=caught: any(name.startswith(caught) for name in traps.touched()), what=f"{variable}: {caught} in the trap")


if __name__ == "__main__":
    report.main(prepare)
