#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sudo at a console: it shows no texts and its ^C works at prompts only, so what a person must know is a prompt."""
import contextlib
import pathlib
import signal

from lib import console, daemon, pam, pcsc, report, stage, world
from lib.report import contains, equal, lacks

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[default]
factors = card,totp card,password
attempts = 5
lock = 15min
"""
INSERT = r"Insert your IC card and press Enter: $"
AGAIN = r"No IC card was found\. Insert it and press Enter: $"
PIN = r"PIN of your IC card: $"
SECRET = r"[Vv]erification code or password: $"
RUN = "sudo echo in=$((40+2))"
people = {}


def prepare():
    stage.set_up(CONF)
    # Whether sudo opens a session is another matter.
    world.write("/etc/pam.d/sudo", "auth required pam_cardmfa.so\naccount required pam_cardmfa.so\nsession required pam_permit.so\n")
    world.write("/etc/sudoers.d/box", "Defaults timestamp_timeout=0\nALL ALL=(ALL) ALL\n", 0o440)
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", reader=1)


def only(*names):
    """Just these persons' cards are in their readers, as good as new; nothing is counted of anybody."""
    stage.only(people, *names)
    return people["taro"]


@contextlib.contextmanager
def at_console(name="taro", *cards):
    """This person's shell at a console, with just these cards in. It must be at its prompt again in the end."""
    only(name)
    with console.Console() as screen:
        equal(screen.login(name, *people[name].by_password()), True, screen.text)
        screen.shell("stty -echoctl")
        only(*cards)
        yield screen
        screen.logout()


@contextlib.contextmanager
def configured(text):
    daemon.configure(text)
    try:
        yield
    finally:
        daemon.configure(CONF)


def origin(name="taro"):
    return "uid:" + world.run("id", "-u", name).stdout.strip()


def counted(name="taro"):
    return daemon.counted(name, "local"), daemon.counted(name, origin(name))


def failures(name="taro"):
    return daemon.number("SELECT coalesce(sum(failures), 0) FROM login_stat WHERE person = (SELECT id FROM person WHERE login = ?)", name)


def plain(text):
    """A code that was used a moment ago changes the question for the next one."""
    return text.replace("Next verification", "Verification")


def questions(outcome):
    return [(style, plain(text)) for style, text in outcome.shown if style in (1, 2)]


def ran(screen):
    screen.expect(r"\nin=42\r\n")
    screen.expect(console.SHELL_PROMPT)


def interrupt(screen, key="\x03"):
    """At a question: a signal that comes between the question and sudo's read(2) is noticed at the next line only."""
    daemon.wait_call("sudo", "read")
    screen.child.send(key)


def back(screen):
    """The shell's prompt, and nothing run."""
    with report.soon(f"the shell came back\n{screen.text}"):
        screen.expect(console.SHELL_PROMPT)
    lacks(screen.text, "in=42")


def clean(card):
    """No PIN's effect is left in it, for whoever comes next."""
    world.wait_for(lambda: card.ctl("verified") == "no", report.SOON, "card without a PIN")
    if "inserted=yes" in card.ctl("status"):
        equal(pcsc.signature_without_pin(card.reader), ["6982", "6982"], "a stranger's signature")


@report.test(60)
def without_a_card_sudo_asks_for_it_and_goes_on_behind_enter():
    taro = people["taro"]
    for secret in (taro.code, lambda: taro.password):
        with at_console() as screen:
            screen.send(RUN)
            screen.expect(INSERT)
            world.wait_for(lambda: not daemon.processes(daemon.CARD), report.SOON, "end of the process at the readers while the person looks for the card")
            taro.card.insert()
            screen.send("")
            screen.answer((PIN, taro.pin), (SECRET, secret()))
            ran(screen)
            lacks(screen.text, "Sorry")
    # With the card there already nothing of it is seen.
    with at_console("taro", "taro") as screen:
        screen.send(RUN)
        screen.answer((PIN, taro.pin), (SECRET, taro.password))
        ran(screen)
        lacks(screen.text, "press Enter")


@report.test(60)
def enter_without_a_card_asks_again_and_ends_some_time():
    with at_console() as screen:
        screen.send(RUN)
        screen.answer((INSERT, ""), *[(AGAIN, "")] * 4)
        screen.expect("Sorry, try again")
        screen.expect(INSERT)
        interrupt(screen)
        back(screen)
        # While the readers are looked at sudo hears no ^C; that is over in a second.
        screen.send(RUN)
        screen.answer((INSERT, ""))
        with report.soon("the readers were looked at"):
            screen.expect(AGAIN)
            interrupt(screen)
            back(screen)
        equal((counted(), failures()), ((0, 0), 0))


@report.test(60)
def a_pin_typed_instead_of_enter_is_neither_shown_nor_used():
    taro = people["taro"]
    with at_console() as screen:
        screen.send(RUN)
        screen.expect(INSERT)
        taro.card.insert()
        taro.card.count_reset()
        screen.send(taro.pin)
        screen.expect(PIN)
        equal(taro.card.count("VERIFY"), 0, "VERIFY")
        interrupt(screen)
        back(screen)
        lacks(screen.text, taro.pin)
        equal((taro.card.tries(), counted(), failures()), (3, (0, 0), 0))


CANCELLED = (
    # (the prompt where it happens, what is answered before it, how many VERIFY there are by then)
    (INSERT, lambda taro: (), 0),
    (AGAIN, lambda taro: ((INSERT, ""),), 0),
    (PIN, lambda taro: (), 0),
    (SECRET, lambda taro: ((PIN, taro.pin),), 1),
)


@report.test(120)
def A14_cancelled_at_each_prompt_of_sudo():
    taro = people["taro"]
    for prompt, before, verified in CANCELLED:
        with at_console("taro", *([] if prompt in (INSERT, AGAIN) else ["taro"])) as screen:
            for key in ("\x03", "\x04"):
                only(*([] if prompt in (INSERT, AGAIN) else ["taro"]))
                before_it = failures()
                screen.send(RUN)
                screen.answer(*before(taro))
                screen.expect(prompt)
                interrupt(screen, key)
                back(screen)
                daemon.wait_quiet()
                # The next login tells of a PIN that was used; nothing is counted against him.
                equal((taro.card.count("VERIFY"), taro.card.tries(), counted(), failures() - before_it), (verified, 3, (0, 0), verified),
                      f"{prompt} {key!r}")
                clean(taro.card)


@report.test(60)
def A8_three_answers_to_one_sudo_are_three_counted_tries():
    taro = people["taro"]
    with at_console("taro", "taro") as screen:
        screen.send(RUN)
        for wrong in (1, 2, 3):
            screen.answer((PIN, taro.pin), (SECRET, "wrong-password"))
            screen.expect("Sorry, try again" if wrong < 3 else "3 incorrect password attempts")
            equal(counted(), (0, wrong), "counted")
        screen.expect(console.SHELL_PROMPT)
        # A right half of one try and the right half of another are no login.
        only("taro")
        screen.send(RUN)
        screen.answer((PIN, taro.pin), (SECRET, "wrong-password"), (PIN, "000000"))
        screen.expect(r"PIN of your IC card \(1 try left here\): $")
        equal((counted(), taro.card.tries()), ((0, 1), 2), "counted, tries of the card")
        # The third is right, and puts back both counters.
        screen.send(taro.pin)
        screen.answer((SECRET, taro.password))
        ran(screen)
        equal((counted(), taro.card.tries()), ((0, 0), 3))


FLAGS = (pam.SILENT, 0x1, pam.SILENT | 0x1, 0x20, 0x40000000, pam.SILENT | 0x40000020)      # PAM_DISALLOW_NULL_AUTHTOK, PAM_CHANGE_EXPIRED_AUTHTOK, none


@report.test(90)
def A29_flags_and_what_is_said_under_each():
    taro = people["taro"]
    only("taro")
    wrong, no_pin, no_secret = (("PIN", taro.pin), ("password", "wrong-password")), (("PIN", ""),), (("PIN", taro.pin), ("password", ""))
    usual = {answers: pam.attempt("taro", *answers, calls=("auth",)) for answers in (pam.by_password(taro), wrong, no_pin, no_secret)}
    equal([outcome.opened for outcome in usual.values()], [True, False, False, False])
    for flags in FLAGS:
        stage.tool("unlock", "taro", text="", status=None)
        for answers, shown in usual.items():
            got = pam.attempt("taro", *answers, calls=("auth",), flags=flags)
            said = [m for m in got.shown if m[0] > 2]
            equal((got.codes, questions(got)), (shown.codes, questions(shown)), f"{flags:#x}")
            equal(bool(said), not flags & pam.SILENT, f"{flags:#x}: {said}")
        equal((counted(), taro.card.tries()), ((1, 0), 3), "counted: the wrong one")
    # What is a text for others is a prompt.
    only()
    got = pam.attempt("taro", ("Enter", None), flags=pam.SILENT)
    equal((got.codes, got.shown), ({"auth": pam.CONV_ERR}, [[1, "Insert your IC card and press Enter: "]]))


@report.test(60)
def what_stands_in_the_way_of_the_pin_is_said_in_a_prompt():
    taro = people["taro"]
    with at_console("taro", "taro") as screen:
        for tries, text in ((0, "The PIN of this card is blocked"), (1, "This card has only its last PIN try left")):
            taro.card.ctl("set-tries", tries)
            taro.card.count_reset()
            screen.send(RUN)
            screen.expect(rf"{text}.*Press Enter: $")
            screen.send("")
            screen.expect(rf"Sorry, try again.*{text}.*Press Enter: $")
            interrupt(screen)
            back(screen)
            equal((taro.card.count("VERIFY"), taro.card.tries(), counted()), (0, tries, (0, 0)))
        only("taro")
        screen.send(RUN)
        screen.answer(*[(PIN, taro.pin), (SECRET, "wrong-password")] * 3)
        screen.expect("3 incorrect")
        screen.expect(console.SHELL_PROMPT)
        screen.send(RUN)
        screen.answer(*[(PIN, taro.pin), (SECRET, "wrong-password")] * 2)
        screen.expect(r"Locked after too many failures until .*Press Enter: $")
        equal(taro.card.count("VERIFY"), 5, "VERIFY")
        screen.send(taro.pin)
        screen.expect("3 incorrect")
        screen.expect(console.SHELL_PROMPT)
        equal((taro.card.count("VERIFY"), counted()), (5, (0, 5)), "VERIFY, counted")
        # The full bucket is this origin's: the console is open to the same person.
        equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the console meanwhile")


@report.test(60)
def a_lock_is_said_where_the_session_stands_for_the_card():
    taro = people["taro"]
    with configured(CONF.replace("[default]", "[class switch]\nservice = sudo\nfactors = session,totp session,password\nattempts = 3\n[default]")), \
            at_console("taro") as screen:
        # What the login proved counts: no card, no waiting.
        for answers in (((SECRET, taro.code()),), ((SECRET, "wrong-password"), (SECRET, taro.password))):
            screen.send(RUN)
            screen.answer(*answers)
            ran(screen)
        screen.send(RUN)
        screen.answer(*[(SECRET, "wrong-password")] * 3)
        screen.expect("3 incorrect")
        screen.expect(console.SHELL_PROMPT)
        screen.send(RUN)
        screen.expect(r"Locked after too many failures until .*Press Enter: $")
        interrupt(screen)
        screen.expect(console.SHELL_PROMPT, seconds=report.SOON)
        equal(counted(), (0, 3))


@report.test(60)
def a_card_that_is_pulled_or_anothers_while_a_prompt_stands():
    taro, hanako = people["taro"], people["hanako"]
    with at_console("taro", "taro") as screen:
        screen.send(RUN)
        screen.expect(PIN)
        taro.card.remove()
        screen.send(taro.pin)
        # It is missed before its PIN is sent; the next try waits for it.
        screen.expect("Sorry, try again")
        screen.expect(INSERT)
        # Another's card: the same prompts, the PIN goes to no card.
        hanako.card.insert()
        screen.send("")
        screen.answer((PIN, hanako.pin), (SECRET, taro.password))
        screen.expect("Sorry, try again")
        equal((hanako.card.count("VERIFY"), taro.card.count("VERIFY")), (0, 0), "VERIFY")
        # Both cards: the person's own is found, though the prompt's answer came while neither was looked at.
        screen.expect(PIN)
        taro.card.insert()
        screen.send(taro.pin)
        screen.answer((SECRET, taro.password))
        screen.expect("3 incorrect")
        screen.expect(console.SHELL_PROMPT)
        equal((hanako.card.count("VERIFY"), taro.card.count("VERIFY"), counted()), (0, 0, (0, 0)))
        # While the PIN is typed the card is exchanged for another's.
        only("taro")
        screen.send(RUN)
        screen.expect(PIN)
        taro.card.ctl("swap", hanako.card.state)
        screen.send(taro.pin)
        screen.expect("Sorry, try again")
        equal(taro.card.count("VERIFY"), 0, "VERIFY of a card that was exchanged")
        screen.expect(PIN)
        interrupt(screen)
        back(screen)
        taro.card.ctl("swap", taro.card.state)
        taro.card.remove()
        taro.card.insert()
        clean(taro.card)


@report.test(60)
def a_card_that_cannot_be_read_is_said_in_the_prompt():
    taro = people["taro"]
    with at_console("taro", "taro") as screen:
        taro.card.fault("sw", "SELECT", "6A82")
        screen.send(RUN)
        screen.expect(r"The IC card could not be read\. Insert it again and press Enter: $")
        taro.card.clear()
        screen.send("")
        screen.answer((PIN, taro.pin), (SECRET, taro.password))
        ran(screen)


def in_session(screen, command):
    """What is shown, and the status: only in the session a card in this machine's reader counts."""
    return screen.shell(f"{command}; echo status=$?")


@report.test(90)
def sudo_with_its_answers_from_elsewhere():
    taro = people["taro"]
    with at_console("taro", "taro") as screen:
        # -S: a line each, none of them shown.
        seen = in_session(screen, f"printf '%s\\n' {taro.pin} {taro.password} | sudo -S echo in=$((40+2)) 2>/tmp/said; cat /tmp/said")
        contains(seen, "in=42")
        contains(seen, "PIN of your IC card: ")
        only()
        # Without the card the first line is Enter's, and the last ones answer nothing: no tries.
        seen = in_session(screen, f"printf '%s\\n' {taro.pin} {taro.password} | sudo -S echo in=$((40+2)) 2>&1")
        contains(seen, "Insert your IC card and press Enter: ")
        lacks(seen, "in=42")
        equal((counted(), taro.card.count("VERIFY")), ((0, 0), 0))
        # -A: a program of his own shows the prompt.
        world.write("/usr/local/bin/ask", f"""#!/bin/sh
echo "$1" >>/tmp/asked-by-sudo
case $1 in
*Enter*) touch /tmp/enter; until [ -e /tmp/inserted ]; do sleep 0.1; done; echo ;;
PIN*) echo {taro.pin} ;;
*) echo {taro.password} ;;
esac
""", 0o755)
        screen.send("SUDO_ASKPASS=/usr/local/bin/ask sudo -A echo in=$((40+2))")
        world.wait_for(pathlib.Path("/tmp/enter").exists, what="the program that asks")
        taro.card.insert()
        pathlib.Path("/tmp/inserted").touch()
        ran(screen)
        equal(plain(pathlib.Path("/tmp/asked-by-sudo").read_text()).splitlines(),
              ["Insert your IC card and press Enter: ", "PIN of your IC card: ", "Verification code or password: "])
        # Nobody to ask: at once, with the card and without it.
        for cards in (("taro",), ()):
            only(*cards)
            for command in ("setsid --wait sudo id </dev/null", "setsid --wait sudo -S id </dev/null", "sudo -n id"):
                with report.soon(command):
                    seen = in_session(screen, command)
                contains(seen, "status=1")
                lacks(seen, "uid=0")
            equal((counted(), failures(), taro.card.count("VERIFY")), ((0, 0), 0, 0))


def stop_or_go(number):
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and daemon.status(entry.name).get("Name") == "sudo":
            daemon.kill(int(entry.name), number)


@report.test(90)
def a_sudo_that_is_stopped_while_it_asks_for_a_card_holds_nobody_up():
    taro, hanako = people["taro"], people["hanako"]
    with at_console() as screen:
        screen.send(RUN)
        screen.expect(INSERT)
        stop_or_go(signal.SIGSTOP)
        screen.expect(console.SHELL_PROMPT)
        only("hanako")
        with report.soon("another person's login"):
            equal(pam.attempt("hanako", *pam.by_password(hanako)).opened, True, "another person's login")
        only("taro")
        # It goes on where it stood, at its prompt.
        screen.send("fg")
        screen.expect("sudo echo")
        screen.send("")
        screen.answer((PIN, taro.pin), (SECRET, taro.password))
        ran(screen)


if __name__ == "__main__":
    report.main(prepare)
