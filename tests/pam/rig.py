# SPDX-License-Identifier: Apache-2.0
"""What the tests of the built module stand on: a PAM application told what to do, and daemons that
are none. The messages are encoded here a second time, from the description in include/wire.h.

A script calls main() with nothing; its tests are what @test registered. Everything of it runs in a mount
namespace with a /run of its own, so that sockets can stand where the module looks for them.
"""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = pathlib.Path(os.environ.get("CARDMFA_BUILD") or pathlib.Path(__file__).resolve().parents[2] / "build")
LONG = os.environ.get("CARDMFA_LONG") == "1"
ASAN = BUILD.name.endswith("asan")
MODULE = BUILD / "pam_module/pam_cardmfa.so"
HOST = BUILD / "tests/pam/pam_host"
PROBE = BUILD / "tests/pam/pam_probe.so"
ROOT_SOCKET = "/run/cardmfa/cardmfad.sock"
USER_SOCKET = "/run/cardmfa/user.sock"
INSIDE = "CARDMFA_PAM_NAMESPACE"
MASK = 0x5A

# security/_pam_types.h
(PAM_SUCCESS, PAM_SERVICE_ERR, PAM_BUF_ERR, PAM_PERM_DENIED, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL, PAM_USER_UNKNOWN, PAM_SESSION_ERR,
 PAM_CONV_ERR, PAM_IGNORE) = 0, 3, 5, 6, 7, 9, 10, 14, 19, 25
PAM_SILENT, PAM_DISALLOW_NULL_AUTHTOK = 0x8000, 0x1
PAM_ESTABLISH_CRED, PAM_DELETE_CRED, PAM_REINITIALIZE_CRED, PAM_REFRESH_CRED = 2, 4, 8, 16
HIDDEN, SHOWN, ERROR, INFO = 1, 2, 3, 4

# include/wire.h
REQUEST, ANSWER, READY, MESSAGE, RESULT = 1, 2, 16, 17, 18
AUTH, ACCOUNT, OPEN, CONFIRM, CLOSE = 1, 2, 3, 4, 5
ALLOW, DENY = 0x5A3C96E1, 0xA5C3691E
OK, DENIED, LOCKED, UNAVAILABLE, CONFIG, CONVERSATION = 0, 10, 17, 40, 52, 54

_tests = []


def test(function):
    _tests.append(function)
    return function


def masked(text):
    return bytes(b ^ MASK for b in text.encode()).hex()


# -- the host --------------------------------------------------------------------------------------

class Result:
    """What came back of one call: rc (None: the host died), ms, prompts, changed, child (rc of a forked one)."""

    def __init__(self, lines):
        self.lines = lines
        self.messages = [(int(w[1]), w[2]) for line in lines if (w := line.split(" ", 2))[0] == "msg"]
        self.inside = [line[7:].split() for line in lines if line.startswith("inside ")]
        self.leftover = [int(line[9:]) for line in lines if line.startswith("leftover ")]
        self.rc, self.ms, self.prompts, self.changed = self._rc("rc")
        self.child = self._rc("child")[0]

    def _rc(self, kind):
        for line in self.lines:
            word = line.split()
            if word[0] == kind and len(word) == 5:
                return (int(word[1]), int(word[2][3:]), int(word[3][8:]), word[4][8:])
        return (None, None, None, None)

    @property
    def prompted(self):
        return [text for style, text in self.messages if style in (HIDDEN, SHOWN)]

    @property
    def told(self):
        return [text for style, text in self.messages if style in (ERROR, INFO)]

    def __repr__(self):
        return " | ".join(self.lines)


class Host:
    """pam_host in a process of its own. stack: service name -> lines of its file."""

    def __init__(self, stack=None, program=(HOST,), uid=0, environment=None, leaks=True, **more):
        self.conf = pathlib.Path(tempfile.mkdtemp(prefix="pam.d-", dir="/run"))
        self.conf.chmod(0o755)
        # Without "other" libpam itself writes to the log at each start.
        for service, lines in {"other": ["auth required pam_deny.so"], **(stack or {"login": full_stack()})}.items():
            (self.conf / service).write_text("\n".join([*lines, ""]))
        environment = {"PATH": "/usr/bin:/bin", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}, **(environment or {})}
        if uid or not leaks:            # the leak checker must be able to trace itself
            environment["ASAN_OPTIONS"] = "detect_leaks=0"
        setting = {"user": uid, "group": uid, "extra_groups": []} if uid else {}
        self.process = subprocess.Popen([str(word) for word in program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, text=False,
                                        env=environment, **setting, **more)
        self.buffer = b""
        self.send("conf " + str(self.conf))
        self.lines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def pid(self):
        return self.process.pid

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def lines(self, seconds=30):
        """What was printed to the end of the command. A host that died: the lines so far."""
        found = []
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                if line == b".":
                    return found
                found.append(line.decode(errors="replace"))
                continue
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return [*found, "died"]
            self.buffer += more

    def do(self, line):
        self.send(line)
        return self.lines()

    def start(self, user="taro", service="login", n=0):
        equal(self.do(f"start {n} {service} {user}"), ["rc 0"], "pam_start_confdir")

    def say(self, *answers, n=0):
        self.do(f"say {n} {' '.join(answers)}")

    def call(self, verb, flags=0, n=0):
        return Result(self.do(f"{verb} {n} {flags}"))

    def auth(self, *answers, flags=0, n=0):
        self.say(*answers, n=n)
        return self.call("auth", flags, n)

    def login(self, *answers, user="taro", service="login", flags=0):
        """A whole transaction: start, authenticate, end."""
        self.start(user, service)
        result = self.auth(*answers, flags=flags)
        self.do("end 0")
        return result

    def stat(self):
        words = dict(w.split("=") for w in self.do("stat")[0].split()[1:])
        return int(words["fds"]), int(words["rss"])

    def scan(self, text):
        return int(self.do("scan " + masked(text))[0].split()[1])

    def end(self, status=0):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.conf, True)
        if status is not None:
            equal(self.process.returncode, status, "end of the host")


def full_stack(module=MODULE):
    return [f"auth required {module}", f"auth optional {PROBE}", f"account required {module}",
            f"session required {module}", f"session optional {PROBE}", f"session required {module} confirm"]


# -- daemons that are none -------------------------------------------------------------------------

def text_field(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">I", len(raw)) + raw


def packet(kind, body=b"", version=1, magic=b"CMFA"):
    return magic + struct.pack(">HH", version, kind) + body


def ready(ms):
    return packet(READY, struct.pack(">I", ms))


def message(style, number, text):
    return packet(MESSAGE, struct.pack(">BI", style, number) + text_field(text))


def result(verdict, err, runtime=0):
    return packet(RESULT, struct.pack(">III", verdict, err, runtime))


class Line:
    """One connection as the daemon sees it."""

    def __init__(self, sock):
        self.sock = sock

    def send(self, data):
        self.sock.send(data)

    def request(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        magic, _version, kind, op, flags = struct.unpack_from(">4sHHBI", data)
        equal((magic, kind), (b"CMFA", REQUEST), "first message")
        fields, at = [], 13
        while at < len(data):
            length, = struct.unpack_from(">I", data, at)
            fields.append(data[at + 4:at + 4 + length].decode(errors="replace"))
            at += 4 + length
        return {"op": op, "flags": flags, **dict(zip(("service", "user", "rhost", "tty", "auth_info"), fields, strict=True))}

    def answer(self):
        """(number, text or None)"""
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        _magic, _version, kind, number, given, length = struct.unpack_from(">4sHHIBI", data)
        equal(kind, ANSWER, "an answer")
        return number, data[17:17 + length].decode(errors="replace") if given else None

    def ask(self, number, text, style=HIDDEN):
        self.send(message(style, number, text))
        got, answer = self.answer()
        equal(got, number, "number of the answer")
        return answer


def judge(secrets, infos=()):
    """A daemon that asks one question per secret and is content with exactly these. secrets: a list, or by user."""
    def behave(line):
        request = line.request()
        line.send(ready(5000))
        for text in infos:
            line.send(message(INFO, 0, text))
        right = True
        for number, secret in enumerate(secrets if isinstance(secrets, (list, tuple)) else secrets[request["user"]], 1):
            answer = line.ask(number, f"Question {number}: ")
            if answer is None:
                line.send(result(DENY, CONVERSATION))
                return
            right &= answer == secret
        line.send(result(ALLOW, OK) if right else result(DENY, DENIED))
    return behave


def always(verdict, err, runtime=0):
    def behave(line):
        line.request()
        line.send(result(verdict, err, runtime))
    return behave


class Daemon:
    """Listens where the module connects. behave(line) serves one connection; what it raises is kept in .problems."""

    def __init__(self, behave, path=ROOT_SOCKET, backlog=64, accepting=True, owner=0):
        pathlib.Path(path).parent.mkdir(mode=0o755, exist_ok=True)
        pathlib.Path(path).unlink(missing_ok=True)
        self.behave, self.path, self.problems, self.requests, self.served = behave, path, [], [], 0
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.bind(path)
        if owner:
            os.seteuid(owner)       # the kernel keeps the credentials of who calls listen()
        self.listening.listen(backlog)
        if owner:
            os.seteuid(0)
        os.chmod(path, 0o666)
        self.ended = False
        if accepting:
            threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None and self.problems:
            raise AssertionError("\n".join(self.problems))

    def accept(self):
        while not self.ended:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        self.served += 1
        with sock:
            try:
                self.behave(Line(sock))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                pass
            except Exception:
                self.problems.append(traceback.format_exc())

    def stop(self):
        self.ended = True
        pathlib.Path(self.path).unlink(missing_ok=True)
        try:
            self.listening.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listening.close()


class LogSocket:
    """/dev/log, so that logging has somewhere to go: datagrams are kept in .lines()."""

    def __init__(self):
        pathlib.Path("/dev/log").unlink(missing_ok=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind("/dev/log")
        os.chmod("/dev/log", 0o666)

    def lines(self):
        found = []
        while True:
            try:
                found.append(self.sock.recv(65536).decode(errors="replace"))
            except BlockingIOError:
                return found


# -- tests -------------------------------------------------------------------------------------------

def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(result, *codes, what=""):
    """Not PAM_SUCCESS, not PAM_IGNORE, nothing changed in the process; one of the codes where some are given."""
    if result.rc in (PAM_SUCCESS, PAM_IGNORE, None) or (codes and result.rc not in codes):
        raise AssertionError(f"{what}: {result!r}, wanted {codes or 'a refusal'}")
    equal(result.changed, "-", f"{what} changed")
    return result


def allowed(result, what=""):
    if result.rc != PAM_SUCCESS:
        raise AssertionError(f"{what}: {result!r}, wanted PAM_SUCCESS")
    equal(result.changed, "-", f"{what} changed")
    return result


# Within it comes what is due at once, on a machine that is busy otherwise too: less than the 5 s of the tries to connect.
SOON_MS = 4000


def within(result, low_ms, high_ms, what=""):
    if not low_ms <= result.ms <= high_ms:
        raise AssertionError(f"{what}: took {result.ms} ms, wanted {low_ms}..{high_ms}")
    return result


def wait_for(condition, seconds=30, what="condition"):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value


def enter_namespace():
    """Runs this script again with a /run and a /dev/log of its own."""
    if os.environ.get(INSIDE) == "1":
        return
    os.environ[INSIDE] = "1"
    setup = ("mount -t tmpfs -o mode=755 run /run; mkdir /run/dev; "
             "for d in null zero random urandom tty full; do [ ! -e /dev/$d ] || cp -a /dev/$d /run/dev/; done; "
             "mkdir /run/dev/pts /run/dev/shm; mount --rbind /dev/pts /run/dev/pts; ln -s /proc/self/fd /run/dev/fd; "
             "mount --rbind /run/dev /dev; exec \"$@\"")
    os.execvp("unshare", ["unshare", "--mount", "--", "/bin/sh", "-euc", setup, "sh", sys.executable, *sys.argv])


def _overdue(_number, _frame):
    raise AssertionError("the test's time is up")


def main(seconds=60, namespace=True, prepare=None):
    if namespace:
        enter_namespace()
    file = pathlib.Path(sys.argv[0]).stem.removeprefix("test_")
    wanted, failed = sys.argv[1:], False
    seconds = max(seconds, 120)     # ends what hangs; other suites run beside it
    signal.signal(signal.SIGALRM, _overdue)
    chosen = [function for name in wanted for function in _tests if function.__name__ == name] if wanted else _tests
    for function in ([prepare] if prepare else []) + chosen:
        trouble = None
        signal.alarm(seconds * (10 if LONG else 1) * (3 if ASAN else 1))
        try:
            function()
        except Exception:
            trouble = traceback.format_exc()
        signal.alarm(0)
        if function is prepare and not trouble:
            continue
        print(f"{'not ok' if trouble else 'ok'} pam/{file}/{function.__name__}", flush=True)
        if trouble:
            failed = True
            print("\n".join(f"# {line}" for line in trouble.splitlines()), flush=True)
        if function is prepare:
            break
    sys.exit(1 if failed else 0)
