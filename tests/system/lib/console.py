# SPDX-License-Identifier: Apache-2.0
"""A person at a real console: agetty and login on a terminal, and what is read and typed there."""
import re

import pexpect

GETTY = ("/sbin/agetty", "--noclear", "--noissue", "-", "linux")
NAME_PROMPT = r"(?<!Last )login: $"
SHELL_PROMPT = r"[$#] $"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]")


class Terminal:
    """A command on a terminal of its own. Use as a context; what was on the screen is in .text,
    answers that were not echoed appear as ‹…›."""

    def __init__(self, *command, seconds=60, env=None):
        self.seconds = seconds
        self.shown = []
        self.child = pexpect.spawn(str(command[0]), [str(word) for word in command[1:]], encoding="utf-8",
                                   codec_errors="replace", timeout=seconds, dimensions=(50, 200),
                                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(env or {})})
        self.child.delaybeforesend = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def text(self):
        return ESCAPES.sub("", "".join(self.shown)).replace("\r\n", "\n").replace("\r", "")

    def expect(self, *patterns, seconds=None):
        """Waits for one of the patterns and returns its index."""
        try:
            index = self.child.expect(list(patterns), timeout=self.seconds if seconds is None else seconds)
        except (pexpect.TIMEOUT, pexpect.EOF) as problem:
            self.shown.append(self.child.before)
            raise AssertionError(f"{type(problem).__name__} before any of {patterns}; on screen:\n{self.text}") from None
        self.shown.append(self.child.before)
        if self.child.after is not pexpect.EOF:
            self.shown.append(self.child.after)
        return index

    def send(self, answer, label="hidden"):
        """Types a line. label: what .text shows of it when the terminal does not echo."""
        if not self.child.getecho():
            self.shown.append(f"‹{label}›")
        self.child.sendline(answer)

    def answer(self, *answers, seconds=None):
        """answers: (prompt pattern, what is typed[, label]), each awaited in turn."""
        for prompt, *typed in answers:
            self.expect(prompt, seconds=seconds)
            self.send(*typed)

    def end(self, seconds=None):
        """Waits for the command's end and returns its status."""
        self.expect(pexpect.EOF, seconds=seconds)
        self.child.close()
        return self.child.exitstatus

    def interrupt(self):
        self.child.sendintr()

    def close(self):
        """Hangs up: what still runs on the terminal gets SIGHUP. pexpect gives it a tenth of a second to end by SIGKILL."""
        for left in reversed(range(100)):
            try:
                self.child.close(force=True)
                return
            except pexpect.ExceptionPexpect:
                if not left:
                    raise


class Console(Terminal):
    """A person at a console: agetty, login and, if all is well, a shell."""

    def __init__(self, seconds=60):
        super().__init__(*GETTY, seconds=seconds)

    def name(self, user):
        self.expect(NAME_PROMPT)
        self.child.sendline(user)       # agetty echoes by itself

    def verdict(self, seconds=None):
        """True when a shell is there, False when login asks for a name again or gave up."""
        return self.expect(SHELL_PROMPT, r"Login incorrect", NAME_PROMPT, pexpect.EOF, seconds=seconds) == 0

    def login(self, user, *answers, seconds=None):
        """A whole try: name, the answers in turn, the verdict."""
        self.name(user)
        self.answer(*answers, seconds=seconds)
        return self.verdict(seconds)

    def shell(self, command):
        """What a command prints in the session."""
        self.send(command)
        self.expect(r"\n")
        self.expect(SHELL_PROMPT)
        return self.child.before.replace("\r\n", "\n").rpartition("\n")[0]

    def logout(self):
        self.send("exit")
        self.expect(pexpect.EOF)


def try_login(user, *answers, seconds=60):
    """One try on a console of its own: (whether it opened, what was on the screen)."""
    with Console(seconds) as console:
        opened = console.login(user, *answers)
        if opened:
            console.logout()
        return opened, console.text
