# SPDX-License-Identifier: Apache-2.0
"""What the tests of cardmfa-card stand on: the process itself, virtual cards, and a stranger.

The messages are encoded here a second time, from the description in lib/wire/card_link.c, and the
stranger calls libpcsclite directly: neither shares code with what is tested. A script calls main()
with its tests; it runs again inside tests/vcard/pcscd-box, which has a pcscd of its own.
"""
import atexit
import ctypes
import fcntl
import hashlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD") or os.path.join(HERE, "..", "..", "build")
BOX = os.path.join(HERE, "..", "vcard", "pcscd-box")
LONG = os.environ.get("LONG") == "1"
PIN = b"123456"
WRONG = b"654321"
PORTS = (35963, 35964)
READERS = ("Virtual PCD 00 00", "Virtual PCD 00 01")
UNKNOWN = -1
# Seconds within which comes what is due at once, on a machine that is busy otherwise too.
SOON = 15

ERR = {"OK": 0, "DENIED": 10, "PIN_WRONG": 12, "PIN_BLOCKED": 13, "PIN_FORMAT": 14, "NO_CARD": 20,
       "CARD_REMOVED": 21, "CARD_FAILED": 22, "PIN_LAST_TRY": 23, "TIMEOUT": 41, "BUSY": 42,
       "PCSC": 47, "INVALID": 77}
NAMES = {number: name for name, number in ERR.items()}

NEXT, CERT, SIGN, LIST = 1, 2, 3, 4
PIN_NONE, PIN_BYTES, PIN_PAD = 1, 2, 3
ALGORITHM = {"rsa2048": 1, "rsa3072": 2, "rsa4096": 3, "p256": 4, "p384": 5}
MODULUS = {"rsa2048": 256, "rsa3072": 384, "rsa4096": 512}
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def program(name):
    for place in ("", "cardmfad", "tests/vcard", "tests/card"):
        path = os.path.join(BUILD, place, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return os.path.realpath(path)
    raise SystemExit("%s is not built in %s" % (name, BUILD))


TMP = tempfile.mkdtemp(prefix="cardtest.")
atexit.register(shutil.rmtree, TMP, True)


# -- virtual cards ---------------------------------------------------------------------------------

class Vcard:
    """A card that is served; options are vcard's."""

    made = {}
    count_made = 0

    def __init__(self, *options, port=PORTS[0], serving=()):
        Vcard.count_made += 1
        self.reader = READERS[PORTS.index(port)]
        stem = os.path.join(TMP, "card%d" % Vcard.count_made)
        self.state, self.control = stem + ".state", stem + ".ctl"
        if options not in Vcard.made:
            subprocess.run([program("vcard"), "new", "--state", self.state, *options], check=True,
                           stdout=subprocess.DEVNULL)
            Vcard.made[options] = stem + ".made"
            shutil.copy(self.state, Vcard.made[options])
        shutil.copy(Vcard.made[options], self.state)
        self.process = subprocess.Popen([program("vcard"), "--state", self.state, "--control",
                                         self.control, "--port", str(port), *serving],
                                        stdout=subprocess.DEVNULL)
        if "--removed" not in serving:
            self.powered()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        wait_absent(self.reader)

    def ctl(self, *words):
        done = subprocess.run([program("vcard"), "ctl", self.control, *map(str, words)],
                              stdout=subprocess.PIPE, text=True)
        check(done.returncode == 0, "vcard ctl %s: %s" % (words, done.stdout.strip()))
        return done.stdout.strip()[3:]

    def powered(self):
        """pcscd tells its clients of a card after it has powered it."""
        self.ctl("wait", "powered")
        stranger = Stranger(self.reader)
        until(stranger.present, SOON, "pcscd does not see the card")
        stranger.close()

    def counts(self):
        return {k: int(v) for k, v in (w.split("=") for w in self.ctl("count").split())}

    def log(self):
        return [entry.split(",")[0] for entry in self.ctl("log").split()]

    def reset_log(self):
        self.ctl("count", "reset")
        self.ctl("log", "reset")

    def tries(self):
        return int(self.ctl("tries").split()[0].split("=")[1])

    def verified(self):
        return self.ctl("verified") == "yes"

    def export(self, what, slot="9A"):
        return subprocess.run([program("vcard"), "export", self.state, what, slot], check=True,
                              stdout=subprocess.PIPE).stdout


# -- cardmfa-card ----------------------------------------------------------------------------------

def high(fd):
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)


class Answer:
    def __init__(self, packet):
        self.packet = packet
        self.at = 0
        kind, version, self.op, result, self.sw, self.tries, self.handle, self.was_verified, \
            self.has_guid = self.take("<cBBHHbBBB")
        check(kind == b"A" and version == 1, "kind and version of an answer")
        self.result = NAMES.get(result, str(result))
        self.guid = self.bytes(16)
        self.reader = self.counted("<B").decode()
        self.atr = self.counted("<B")
        self.cert = self.counted("<H")
        self.signature = self.counted("<H")
        self.readers = []
        for _ in range(self.take("<B")[0]):
            present = self.take("<B")[0]
            self.readers.append((self.counted("<B").decode(), bool(present)))
        check(self.at == len(packet), "length of an answer")

    def take(self, form):
        values = struct.unpack_from(form, self.packet, self.at)
        self.at += struct.calcsize(form)
        return values

    def bytes(self, n):
        self.at += n
        check(self.at <= len(self.packet), "answer too short")
        return self.packet[self.at - n:self.at]

    def counted(self, form):
        return self.bytes(self.take(form)[0])


class Card:
    """A cardmfa-card process and our end of its link."""

    lock_path = os.path.join(TMP, "readers.lock")

    def __init__(self, seconds=60, lock=True, environment=None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lock_fd = os.open(self.lock_path if lock else "/dev/null",
                          os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        fds = [high(null), high(theirs.fileno()), high(lock_fd)]
        self.started = time.monotonic()
        self.pid = os.posix_spawn(
            program("cardmfa-card"), ["cardmfa-card", str(seconds)], environment or {},
            file_actions=[(os.POSIX_SPAWN_DUP2, fds[0], 0), (os.POSIX_SPAWN_DUP2, fds[0], 1),
                          (os.POSIX_SPAWN_DUP2, fds[1], 3), (os.POSIX_SPAWN_DUP2, fds[2], 4)],
            setsigmask=[])
        for fd in (lock_fd, null, *fds):
            os.close(fd)
        theirs.close()
        self.link = ours
        self.rc = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.link:
            self.close()

    def send(self, op, wait_ms=0, want_cert=0, handle=0, key_ref=0, algorithm=0, floor=0, pin_mode=0,
             skip=b"", pin=b"", data=b""):
        self.link.send(struct.pack("<cBBIBBBBBBHH", b"Q", 1, op, wait_ms, want_cert, handle, key_ref,
                                   algorithm, floor, pin_mode, len(pin), len(data)) +
                       bytes([len(skip)]) + skip + pin + data)

    def receive(self, seconds=40):
        check(select.select([self.link], [], [], seconds)[0], "no answer in %d s" % seconds)
        packet = self.link.recv(65536)
        return Answer(packet) if packet else None

    def ask(self, op, **fields):
        self.send(op, **fields)
        answer = self.receive()
        check(answer is not None, "cardmfa-card ended without an answer")
        return answer

    def next(self, wait_ms=5000, **fields):
        return self.ask(NEXT, wait_ms=wait_ms, **fields)

    def sign(self, seen, algorithm="p256", pin=PIN, message=b"message", **fields):
        fields.setdefault("key_ref", 0x9A)
        fields.setdefault("pin_mode", PIN_BYTES if pin is not None else PIN_NONE)
        self.send(SIGN, handle=seen.handle, algorithm=ALGORITHM[algorithm], pin=pin or b"",
                  data=signing_input(algorithm, message), **fields)

    def signed(self, *args, **fields):
        self.sign(*args, **fields)
        answer = self.receive()
        check(answer is not None, "cardmfa-card ended without an answer")
        return answer

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self, seconds=SOON):
        end = time.monotonic() + seconds
        while self.rc is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.rc = os.waitstatus_to_exitcode(status)
            else:
                check(time.monotonic() < end, "cardmfa-card does not end")
                time.sleep(0.002)
        return self.rc

    def close(self):
        """Hangs up; the process must end by itself."""
        self.link.close()
        self.link = None
        return self.wait()


def signing_input(algorithm, message):
    if algorithm in MODULUS:
        info = SHA256_INFO + hashlib.sha256(message).digest()
        return b"\0\1" + b"\xff" * (MODULUS[algorithm] - 3 - len(info)) + b"\0" + info
    return hashlib.sha384(message).digest() if algorithm == "p384" else hashlib.sha256(message).digest()


def verifies(card, algorithm, signature, message=b"message", slot="9A"):
    """openssl's opinion."""
    paths = [os.path.join(TMP, name) for name in ("key.pem", "sig", "msg")]
    for path, data in zip(paths, (card.export("spki", slot), signature, message)):
        with open(path, "wb") as f:
            f.write(data)
    done = subprocess.run(["openssl", "dgst", "-sha384" if algorithm == "p384" else "-sha256",
                           "-verify", paths[0], "-signature", paths[1], paths[2]],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def login(algorithm="p256", pin=PIN, **fields):
    """One whole use: what NEXT saw and what SIGN answered."""
    with Card() as process:
        seen = process.next()
        check(seen.result == "OK", "NEXT: %s" % seen.result)
        return seen, process.signed(seen, algorithm, pin, **fields)


# -- a stranger: any other program on the machine ----------------------------------------------------

class Stranger:
    SELECT = bytes.fromhex("00a4040009a0000003080000100000")
    SIGN_P256 = bytes.fromhex("0087119a267c2482008120") + b"\x11" * 32 + b"\0"
    LEAVE, RESET = 0, 1

    class State(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char_p), ("user", ctypes.c_void_p),
                    ("current", ctypes.c_ulong), ("event", ctypes.c_ulong),
                    ("n_atr", ctypes.c_ulong), ("atr", ctypes.c_ubyte * 33)]

    class Pci(ctypes.Structure):
        _fields_ = [("protocol", ctypes.c_ulong), ("length", ctypes.c_ulong)]

    lib = ctypes.CDLL("libpcsclite.so.1")

    def __init__(self, reader=READERS[0]):
        self.reader = reader.encode()
        self.context, self.handle = ctypes.c_long(), ctypes.c_long()
        self.protocol = ctypes.c_ulong()
        self.ok(self.lib.SCardEstablishContext(2, None, None, ctypes.byref(self.context)))

    @staticmethod
    def ok(code):
        check(code == 0, "stranger: %08X" % (code & 0xFFFFFFFF))

    def present(self):
        state = self.State(name=self.reader)
        self.ok(self.lib.SCardGetStatusChange(self.context, ctypes.c_ulong(0), ctypes.byref(state),
                                              ctypes.c_ulong(1)))
        return bool(state.event & 0x20)

    def connect(self, share=2):
        self.ok(self.lib.SCardConnect(self.context, self.reader, ctypes.c_ulong(share),
                                      ctypes.c_ulong(3), ctypes.byref(self.handle),
                                      ctypes.byref(self.protocol)))
        return self

    def begin(self):
        self.ok(self.lib.SCardBeginTransaction(self.handle))
        return self

    def end(self, how=LEAVE):
        self.ok(self.lib.SCardEndTransaction(self.handle, ctypes.c_ulong(how)))

    def transmit(self, command):
        pci = self.Pci(self.protocol.value, 16)
        answer, n = ctypes.create_string_buffer(258), ctypes.c_ulong(258)
        self.ok(self.lib.SCardTransmit(self.handle, ctypes.byref(pci), command,
                                       ctypes.c_ulong(len(command)), None, answer, ctypes.byref(n)))
        return answer.raw[:n.value]

    def sw(self, command):
        return self.transmit(command)[-2:].hex()

    def verify(self, pin=PIN):
        return self.sw(bytes.fromhex("0020008008") + pin.ljust(8, b"\xff"))

    def disconnect(self, how=LEAVE):
        self.lib.SCardDisconnect(self.handle, ctypes.c_ulong(how))

    def close(self):
        self.lib.SCardReleaseContext(self.context)

    def can_sign(self):
        """A 9A signature without any PIN, as the card is now and after SELECT."""
        end = time.monotonic() + SOON
        signed = []             # of every try: what the card did once counts
        while True:
            try:
                signed.append(self.connect().sw(self.SIGN_P256))
                selected = self.sw(self.SELECT)
                signed.append(self.sw(self.SIGN_P256))
                break
            except Failed as problem:
                # pcscd's ways to say that another client has just died here: it is still alone with the
                # reader, or the connection is void.
                check(str(problem)[-8:] in ("8010000B", "8010000F") and time.monotonic() < end, str(problem))
                self.disconnect()
                time.sleep(0.02)
        self.disconnect()
        self.close()
        check(selected == "9000", "stranger's SELECT: %s" % selected)
        return "9000" in signed


def wait_absent(reader=READERS[0], seconds=SOON):
    stranger = Stranger(reader)
    until(lambda: not stranger.present(), seconds, "card still in the reader")
    stranger.close()


def settle():
    """After a card left in the middle of a transaction: pcscd 1.9.9 asks the reader every 400 ms,
    and does not see a card that comes before it has seen the other one go."""
    time.sleep(0.9)


# -- running -----------------------------------------------------------------------------------------

class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def equal(got, wanted, what):
    check(got == wanted, "%s: %r, not %r" % (what, got, wanted))


def until(condition, seconds, text):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, text)
        time.sleep(0.01)


def main(tests):
    """tests: functions, or (name, function) pairs; arguments of the script choose some by name."""
    if os.environ.get("IN_PCSCD_BOX") != "1":
        os.environ["IN_PCSCD_BOX"] = "1"
        os.execv(BOX, [BOX, sys.executable, "-B", *sys.argv])
    stem = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    failed = 0
    for test in tests:
        name, run = test if isinstance(test, tuple) else (test.__name__, test)
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        try:
            run()
            print("ok card/%s/%s" % (stem, name), flush=True)
        except Exception as problem:
            failed += 1
            print("not ok card/%s/%s: %s" % (stem, name, problem), flush=True)
            if not isinstance(problem, Failed):
                traceback.print_exc()
            else:
                print(traceback.format_tb(problem.__traceback__)[-2 if len(
                    traceback.format_tb(problem.__traceback__)) > 1 else -1], end="", flush=True)
    sys.exit(1 if failed else 0)
