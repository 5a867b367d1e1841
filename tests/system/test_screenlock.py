#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Screen lockers in a console session: i3lock on a display of its own, and screen's lock on the terminal."""
import contextlib
import pathlib

from lib import console, daemon, report, sshd, stage, vcard, world, xdisplay
from lib.report import contains, equal

# Facts of i3lock 2.14: it runs as the person, without set-uid. PAM is begun once per lock, with PAM_USER by its real uid and
# PAM_TTY from DISPLAY; each Return is one pam_authenticate(…, 0) on that handle. It answers every prompt with the line, shows no
# text, reads no key meanwhile, and opens on success: pam_acct_mgmt is not called, and what pam_setcred returns does not matter.
LOCKED = "Screen used by <taro> on .*\r\nPassword:\x07$"
AS_SHIPPED = pathlib.Path("/etc/pam.d/i3lock")
people = {}


def prepare():
    stage.set_up(stage.quick(3, classes=stage.LOCKER))
    world.write("/etc/pam.d/screen", "auth required pam_cardmfa.so\n")
    sshd.start()
    people["taro"] = sshd.person("taro")
    people["hanako"] = sshd.person("hanako", reader=1)
    sshd.allow("taro", people["taro"].line)


class Lock:
    """A locked display of this person. What is typed at it, and the failures that i3lock had from PAM."""

    def __init__(self, screen, shown):
        self.shown, self.log = shown, shown.folder / "i3lock"
        # It returns when it has the keyboard and its window is up.
        contains(screen.shell(f"DISPLAY={shown.name} i3lock --debug 2>{self.log}; echo status=$?"), "status=0")
        self.locks()

    @staticmethod
    def locks():
        equal(is_there(), True, "the lock")

    def failures(self):
        return self.log.read_text(errors="replace").count("Authentication failure\n")

    def refuses(self, line):
        before = self.failures()
        self.shown.line(line)
        world.wait_for(lambda: self.failures() == before + 1, 20, "a refusal")
        self.locks()

    def opens(self, line):
        self.shown.line(line)
        self.is_open()

    @staticmethod
    def is_open():
        world.wait_for(lambda: not is_there(), 20, "an open display")


def is_there():
    return world.run("pgrep", "-x", "i3lock", status=None).returncode == 0


@contextlib.contextmanager
def locked(name="taro"):
    """This person's console session, its display locked; that person's card alone is in its reader."""
    stage.only(people, name)
    with console.Console() as screen:
        equal(screen.login(name, *people[name].by_password()), True, screen.text)
        people[name].card.count_reset()
        with xdisplay.Display(screen) as shown:
            yield Lock(screen, shown)
        world.wait_for(lambda: not is_there(), what="the end of what stood on the display")
        screen.logout()


@report.test(60)
def card_and_pin_open_it_as_debian_ships_it():
    """Its file in /etc/pam.d includes login's, and has no account line."""
    contains(AS_SHIPPED.read_text(), "auth include login")
    taro = people["taro"]
    with locked() as lock:
        lock.refuses("000000")
        equal((taro.card.tries(), taro.card.count("VERIFY")), (2, 1))
        lock.refuses("")
        equal((taro.card.tries(), taro.card.count("VERIFY")), (2, 1), "nothing was typed")
        lock.opens(taro.pin)
        equal((taro.card.tries(), taro.card.ctl("verified")), (3, "no"))
    # The card is out when the line is typed, and put in then.
    with locked() as lock:
        taro.card.remove()
        lock.shown.line(taro.pin)
        daemon.wait_process(daemon.CARD)
        lock.locks()
        taro.card.insert()
        lock.is_open()
        equal((lock.failures(), taro.card.count("VERIFY")), (0, 1))
    equal((daemon.counted("taro"), daemon.counted("taro", f"uid:{world.run('id', '-u', 'taro').stdout.strip()}")), (0, 0))


@report.test(60)
def another_persons_card_does_not_open_it():
    taro, hanako = people["taro"], people["hanako"]
    with locked() as lock:
        taro.card.remove()
        hanako.card.insert()
        hanako.card.count_reset()
        lock.refuses(hanako.pin)
        equal((hanako.card.count("VERIFY"), hanako.card.tries()), (0, 3), "hanako's card")
        # Beside it the right card is found.
        taro.card.insert()
        lock.opens(taro.pin)
        equal((hanako.card.count("VERIFY"), taro.card.count("VERIFY")), (0, 1))


@report.test(60)
def it_stays_shut_while_nobody_judges():
    taro = people["taro"]
    with locked() as lock:
        with daemon.stopped():
            lock.refuses(taro.pin)
        # The one who judges dies while the card is waited for.
        taro.card.remove()
        before = lock.failures()
        lock.shown.line(taro.pin)
        daemon.wait_process(daemon.CARD)
        daemon.kill(daemon.wait_process(daemon.WORKER))
        world.wait_for(lambda: lock.failures() == before + 1, 20, "a refusal")
        lock.locks()
        taro.card.insert()
        equal(taro.card.count("VERIFY"), 0, "no card has seen a PIN")
        lock.opens(taro.pin)


@report.test(60)
def A100_it_stays_shut_for_a_revoked_card():
    hanako = people.pop("hanako")       # her reader is needed
    hanako.card.stop()
    jiro = people["jiro"] = stage.person("jiro", reader=1)
    with locked("jiro") as lock:
        stage.tool("suspend", jiro.card_id, text="", status=None)
        lock.refuses(jiro.pin)
        equal(jiro.card.count("VERIFY"), 0, "no suspended card sees a PIN")
        stage.tool("resume", jiro.card_id, text="")
        lock.opens(jiro.pin)
    with locked("jiro") as lock:
        # Between the line and the card.
        jiro.card.remove()
        lock.shown.line(jiro.pin)
        daemon.wait_process(daemon.CARD)
        stage.tool("revoke", jiro.card_id, "--reason", "lost", text="", status=None)
        jiro.card.insert()
        # It is no card of jiro's any more: one is still waited for.
        world.wait_for(lambda: lock.failures() == 1, 20, "a refusal")
        lock.refuses(jiro.pin)
        equal(jiro.card.count("VERIFY"), 0, "no revoked card sees a PIN")
    del people["jiro"]
    jiro.card.stop()
    hanako.card = vcard.Card(state=hanako.card.state, reader=1)
    people["hanako"] = hanako


# --- screen ----------------------------------------------------------------------------------------

# screen 4.9 reads one line, and answers with it whatever is not echoed; texts are dropped, and one that says an error ends the
# call. Who asks is the program at the terminal, not the one in the background. It calls pam_authenticate and nothing else.
SCREEN = "export TERM=linux SCREENDIR=$HOME/screens; mkdir -pm 700 $SCREENDIR; screen -q"


def shows_on(tty):
    """Whether the program in the background has this terminal."""
    pid = world.run("pgrep", "-xf", "SCREEN -q").stdout.strip()
    return world.run("find", f"/proc/{pid}/fd", "-lname", tty, status=None).stdout != ""


def lock(terminal):
    """Ctrl-a x."""
    terminal.child.send("\x01x")
    terminal.expect(LOCKED)
    terminal.child.waitnoecho()


@report.test(60)
def screens_lock_opens_with_card_and_pin():
    taro = people["taro"]
    stage.only(people, "taro")
    with console.Console() as terminal:
        equal(terminal.login("taro", *taro.by_password()), True, terminal.text)
        taro.card.count_reset()
        terminal.shell(SCREEN)
        lock(terminal)
        terminal.answer(("", "000000"), (LOCKED, taro.pin))
        terminal.expect(console.SHELL_PROMPT)
        equal((taro.card.count("VERIFY"), taro.card.tries()), (2, 3))
        taro.card.remove()
        lock(terminal)
        terminal.send(taro.pin)
        daemon.wait_process(daemon.CARD)
        taro.card.insert()
        terminal.expect(console.SHELL_PROMPT)
        # It is used over ssh too, and locked there: the card in this machine is not in front of who sits there.
        with sshd.ssh("taro", card="taro") as far:
            sshd.unlock_card(far)
            far.answer((sshd.CODE_PROMPT, taro.code()))
            far.expect(console.SHELL_PROMPT)
            tty = console.Console.shell(far, "tty")
            far.send(SCREEN + " -x")
            world.wait_for(lambda: shows_on(tty), what="screen on the second terminal")
            taro.card.count_reset()
            lock(far)
            far.answer(("", taro.pin), (LOCKED, taro.password))
            far.expect(LOCKED)
            equal(taro.card.count("VERIFY"), 0, "VERIFY")
        terminal.send("exit")
        terminal.expect(console.SHELL_PROMPT)
        terminal.logout()


if __name__ == "__main__":
    report.main(prepare)
