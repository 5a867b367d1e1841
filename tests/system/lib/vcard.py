# SPDX-License-Identifier: Apache-2.0
"""Virtual cards in the box's readers: started, moved in and out, told to misbehave."""
import ctypes
import itertools
import os
import pathlib
import socket
import subprocess
import tempfile

from . import world

READERS = ("Virtual PCD 00 00", "Virtual PCD 00 01")
PROGRAM = pathlib.Path(os.environ.get("CARDMFA_VCARD", world.BUILD / "tests/vcard/vcard"))
CONTROL_SECONDS = 30

_numbers = itertools.count(1)


class ReaderState(ctypes.Structure):
    """SCARD_READERSTATE of winscard.h."""
    _fields_ = [("reader", ctypes.c_char_p), ("user", ctypes.c_void_p), ("current", ctypes.c_ulong),
                ("event", ctypes.c_ulong), ("atr_length", ctypes.c_ulong), ("atr", ctypes.c_ubyte * 33)]


SCARD_SCOPE_SYSTEM = 2
SCARD_STATE_PRESENT = 0x20


def pcscd_sees(reader):
    """Whether pcscd, that polls, knows a card in the reader by now."""
    pcsc = ctypes.CDLL("libpcsclite.so.1")
    context, state = ctypes.c_long(), ReaderState(reader=reader.encode())
    if pcsc.SCardEstablishContext(ctypes.c_ulong(SCARD_SCOPE_SYSTEM), None, None, ctypes.byref(context)) != 0:
        return False
    pcsc.SCardGetStatusChange(context, ctypes.c_ulong(0), ctypes.byref(state), ctypes.c_ulong(1))
    pcsc.SCardReleaseContext(context)
    return bool(state.event & SCARD_STATE_PRESENT)


class CardError(Exception):
    """The card's program answered "err"."""


def export(state, what, *slot):
    return world.run(PROGRAM, "export", state, what, *slot).stdout


def new(*options, like=None):
    """A state file of a card that is in no reader."""
    state = pathlib.Path(tempfile.mkdtemp(prefix="card-")) / "state"
    world.run(PROGRAM, "new", "--state", state, *(["--like", like] if like else []), *options, seconds=60)
    return state


class Card:
    """A card and the reader it is put into. options: those of `vcard` (--pin, --slot, --kind ...)."""

    def __init__(self, *options, state=None, reader=0, inserted=True):
        self.state = state or new(*options)
        self.reader = READERS[reader]
        self.control = self.state.parent / f"control-{next(_numbers)}"
        self.process = subprocess.Popen(
            [str(PROGRAM), "--state", str(self.state), "--control", str(self.control), "--port",
             str(world.READER_PORTS[reader]), *([] if inserted else ["--removed"])], stdin=subprocess.DEVNULL)
        world.wait_for(self.control.exists, what="control socket of the card")
        if inserted:
            self.wait_seen(True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """pcscd, that polls, does not notice a card that comes before it has seen this one go."""
        if self.process.poll() is None:
            inserted = "inserted=yes" in self.ctl("status")
            self.process.terminate()
            self.process.wait(CONTROL_SECONDS)
            if inserted:
                self.wait_seen(False)

    def ctl(self, *words):
        """One control line; returns what follows "ok"."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(CONTROL_SECONDS)
            line.connect(str(self.control))
            line.sendall((" ".join(map(str, words)) + "\n").encode())
            answer = line.makefile(encoding="utf-8").readline().rstrip("\n")
        verdict, _, rest = answer.partition(" ")
        if verdict != "ok":
            raise CardError(f"{' '.join(map(str, words))}: {answer}")
        return rest

    def values(self, *words):
        """The same, an answer of NAME=VALUE words as a dictionary."""
        return dict(word.split("=", 1) for word in self.ctl(*words).split())

    def insert(self):
        self.ctl("insert")
        self.wait_seen(True)

    def remove(self):
        self.ctl("remove")
        self.wait_seen(False)

    def wait_seen(self, present):
        world.wait_for(lambda: pcscd_sees(self.reader) == present, what=f"pcscd's view of {self.reader}")

    def count(self, name="total"):
        return int(self.values("count").get(name, 0))

    def count_reset(self):
        self.ctl("count", "reset")

    def tries(self):
        return int(self.values("tries")["pin"])

    def fault(self, *words):
        self.ctl("fault", *words)

    def clear(self):
        self.ctl("fault", "clear")

    @property
    def guid(self):
        return export(self.state, "guid").strip()
