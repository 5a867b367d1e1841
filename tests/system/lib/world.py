# SPDX-License-Identifier: Apache-2.0
"""The box around a test: users, files, PAM stacks, units, the journal, codes of an authenticator."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import struct
import subprocess
import time

BUILD = pathlib.Path(os.environ.get("CARDMFA_BUILD", "build"))
CONF = pathlib.Path("/etc/cardmfa/cardmfa.conf")
READER_PORTS = (35963, 35964)
PCSCD_DROPIN = pathlib.Path("/run/systemd/system/pcscd.service.d/box.conf")


def run(*command, text=None, seconds=60, status=0, env=None):
    """Runs a command; its status must be `status` (None: any). Returns the CompletedProcess, output as text."""
    done = subprocess.run([str(word) for word in command], input=text, timeout=seconds, capture_output=True, text=True,
                          check=False, env=None if env is None else {**os.environ, **env},
                          stdin=subprocess.DEVNULL if text is None else None)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}, wanted {status}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def wait_for(condition, seconds=30, what="condition"):
    """Polls until condition() is true and returns its value. Most waits end within a blink; the limit is for a machine that
    has more to do than this."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value


def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


# --- people and PAM ----------------------------------------------------------------------------

def add_user(name, groups=(), shell="/bin/sh"):
    """A person with a home and no local password, whose shell greets with nothing of its own."""
    run("useradd", "-m", "-s", shell, *(["-G", ",".join(groups)] if groups else []), name)
    write(f"/home/{name}/.hushlogin", "")


def login_stack(module="pam_cardmfa.so", service="login", arguments=""):
    """The stack of the manual: cardmfa alone decides, once before and once after pam_systemd."""
    line = f"{module} {arguments}".rstrip()
    write(f"/etc/pam.d/{service}", "\n".join((
        "auth     requisite pam_nologin.so",
        f"auth     required  {line}",
        f"account  required  {line}",
        "session  required  pam_loginuid.so",
        f"session  required  {line}",
        "session  required  pam_systemd.so",
        f"session  required  {line} confirm",
        "password required  pam_deny.so",
        "")))


# --- services ----------------------------------------------------------------------------------

def systemctl(*words, status=0):
    return run("systemctl", "--no-pager", *words, status=status, seconds=60).stdout.strip()


def conf(text):
    """Writes cardmfa.conf and has a running daemon read it."""
    write(CONF, text)
    if systemctl("is-active", "cardmfad.service", status=None) == "active":
        systemctl("reload", "cardmfad.service")


def drop_in(unit, text, name="box"):
    write(f"/run/systemd/system/{unit}.d/{name}.conf", text)
    systemctl("daemon-reload")


def start_daemon():
    systemctl("enable", "--now", "cardmfad.socket", "cardmfad-user.socket")


def stop_daemon():
    systemctl("stop", "cardmfad.socket", "cardmfad-user.socket", "cardmfad.service")


def listening(port):
    """Whether a TCP port of the box is open; asking by connecting would take a reader's only place."""
    rows = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)


def start_pcscd():
    """Debian's pcscd, that stays although nobody asks: with it the virtual readers would go."""
    if not PCSCD_DROPIN.exists():
        write(PCSCD_DROPIN, "[Service]\nExecStart=\nExecStart=/usr/sbin/pcscd --foreground\n")
        systemctl("daemon-reload")
    systemctl("start", "pcscd.service")
    wait_for(lambda: all(map(listening, READER_PORTS)), what="virtual readers")


def stop_pcscd():
    systemctl("stop", "pcscd.socket", "pcscd.service")


# --- journal ---------------------------------------------------------------------------------------

def journal_mark():
    """Where the journal ends now, for journal(since=...)."""
    return run("journalctl", "-q", "-n0", "--show-cursor").stdout.strip().removeprefix("-- cursor: ")


def journal(*match, since=None):
    """Entries as dictionaries, oldest first. match: as journalctl takes it ("-u", "cardmfad", "_UID=0")."""
    # With a match --after-cursor leaves out the first entry behind a cursor that does not match.
    begin = [f"--cursor={since}"] if since else []
    run("journalctl", "--sync")
    text = run("journalctl", "-q", "--no-pager", "-o", "json", *begin, *match, status=None).stdout
    return [entry for line in text.splitlines() if (entry := json.loads(line))["__CURSOR"] != since]


def journal_text(*match, since=None):
    return "\n".join(str(entry.get("MESSAGE")) for entry in journal(*match, since=since))


# --- codes -------------------------------------------------------------------------------------------

def code_at(seed, step, digits=6, algorithm="sha1"):
    """RFC 4226 5.3 over a time step; seed in base32 as the enrolment shows it."""
    seed = seed.replace(" ", "").upper()
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    mac = hmac.new(key, struct.pack(">Q", step), getattr(hashlib, algorithm)).digest()
    offset = mac[-1] & 15
    return f"{(struct.unpack_from('>I', mac, offset)[0] & 0x7FFFFFFF) % 10 ** digits:0{digits}d}"


class Authenticator:
    """An app that never shows a code twice. Steps next to the present one count too, so that a
    test seldom has to wait for the next. What is shown is good for STEP_LEFT seconds at least."""

    STEP_LEFT = 12

    def __init__(self, seed, step_seconds=30, digits=6, algorithm="sha1", early=1):
        """early: how many steps before the present one the first code may be of."""
        self.seed, self.step_seconds, self.digits, self.algorithm = seed, step_seconds, digits, algorithm
        self.early = early
        self.used = 0

    def now(self):
        return int(time.time()) // self.step_seconds

    def code(self):
        """A code not shown before: of the step before while it lasts, of now, or of the next one; waits when all were shown."""
        wait_for(lambda: self.used <= self.now(), self.step_seconds + 30, "next time step")
        oldest = int(time.time() + self.STEP_LEFT) // self.step_seconds - self.early
        self.used = max(self.used + 1, oldest)
        return code_at(self.seed, self.used, self.digits, self.algorithm)

    def old(self, steps):
        """The code of so many steps before the present one, which does not end yet."""
        wait_for(lambda: time.time() % self.step_seconds < self.step_seconds - self.STEP_LEFT, what="a step that has just begun")
        return code_at(self.seed, self.now() - steps, self.digits, self.algorithm)

    def last(self):
        """The code shown last, again."""
        return code_at(self.seed, self.used, self.digits, self.algorithm)

    def wrong(self):
        """Digits that are no code within an hour."""
        near = {code_at(self.seed, self.now() + n, self.digits, self.algorithm) for n in range(-120, 121)}
        return next(code for n in range(10 ** self.digits) if (code := f"{n:0{self.digits}d}") not in near)
