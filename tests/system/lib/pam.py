# SPDX-License-Identifier: Apache-2.0
"""A PAM host in a process of its own: what login does, without a terminal, many at once.
A host started from a system service with uid 0 stands where a getty's login stands."""
import ctypes
import ctypes.util
import dataclasses
import json
import os
import re
import select
import signal
import time

SUCCESS, PERM_DENIED, AUTH_ERR, AUTHINFO_UNAVAIL, CONV_ERR, SERVICE_ERR = 0, 6, 7, 9, 19, 3
SILENT = 0x8000
ITEMS = {"tty": 3, "rhost": 4, "ruser": 8}
CALLS = {"auth": "pam_authenticate", "account": "pam_acct_mgmt", "cred": "pam_setcred",
         "open": "pam_open_session", "close": "pam_close_session"}


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
                            ctypes.POINTER(ctypes.POINTER(Response)), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


libpam = ctypes.CDLL("libpam.so.0")
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.strdup.restype = ctypes.c_void_p


@dataclasses.dataclass
class Outcome:
    codes: dict = dataclasses.field(default_factory=dict)       # call -> PAM code
    shown: list = dataclasses.field(default_factory=list)       # [style, text] in order
    seconds: float = 0.0

    @property
    def opened(self):
        return bool(self.codes) and all(code == SUCCESS for code in self.codes.values())

    @property
    def text(self):
        return "\n".join(text for _, text in self.shown)


def _host(service, user, answers, calls, flags, items, seconds, stay):
    """In the child. answers: (pattern, text or None) for prompts in any order; None: the conversation fails."""
    result = Outcome()
    signal.alarm(seconds)

    @CONVERSE
    def converse(count, messages, responses, _):
        array = libc.calloc(count, ctypes.sizeof(Response))
        for i in range(count):
            message = messages[i].contents
            text = message.text.decode(errors="backslashreplace")
            result.shown.append([message.style, text])
            if message.style not in (1, 2):
                continue
            answer = next((a for pattern, a in answers if re.search(pattern, text)), None)
            answer = answer() if callable(answer) else answer
            if answer is None:
                return CONV_ERR
            ctypes.cast(array, ctypes.POINTER(Response))[i].text = libc.strdup(answer.encode())
        responses[0] = ctypes.cast(array, ctypes.POINTER(Response))
        return SUCCESS

    handle = ctypes.c_void_p()
    conversation = Conversation(converse, None)
    if libpam.pam_start(service.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle)) != SUCCESS:
        raise AssertionError("pam_start")
    for name, value in items.items():
        libpam.pam_set_item(handle, ITEMS[name], ctypes.c_char_p(value.encode()))
    begun, code = time.monotonic(), SUCCESS
    for call in calls:
        code = getattr(libpam, CALLS[call.rstrip("0123456789")])(handle, flags)
        result.codes[call] = code
        if code != SUCCESS and not stay:
            break
    result.seconds = time.monotonic() - begun
    libpam.pam_end(handle, code)
    return result


class Host:
    """One host process. Started at once; .outcome() waits for it."""

    def __init__(self, user, *answers, service="login", calls=("auth", "account"), flags=0, seconds=120, stay=False,
                 uid=0, before=None, **items):
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(read)
                os.setsid()
                if uid:
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                if before:
                    before()
                done = _host(service, user, answers, calls, flags, items, seconds, stay)
                os.write(write, json.dumps(dataclasses.asdict(done)).encode())
            finally:
                os._exit(0)
        os.close(write)
        self.pipe = read

    def outcome(self):
        """None when the host was killed before it could tell."""
        with os.fdopen(self.pipe, "rb") as pipe:
            text = pipe.read()
        os.waitpid(self.pid, 0)
        return Outcome(**json.loads(text)) if text else None


class Held:
    """An answer that is held back: the host waits at its prompt until .give(), or for good."""

    def __init__(self, text=None):
        self.text = text
        self.asked, self.given = os.pipe(), os.pipe()

    def __call__(self):
        os.write(self.asked[1], b"?")
        os.read(self.given[0], 1)
        return self.text

    def wait(self, seconds=30):
        """In the parent: whether the prompt came in time."""
        return bool(select.select([self.asked[0]], [], [], seconds)[0]) and os.read(self.asked[0], 1) == b"?"

    def give(self):
        os.write(self.given[1], b"!")


def attempt(user, *answers, **how):
    return Host(user, *answers, **how).outcome()


def by_password(person):
    return (("PIN", person.pin), ("[Pp]assword", person.password))


def by_code(person):
    return (("PIN", person.pin), ("code", person.code()))
