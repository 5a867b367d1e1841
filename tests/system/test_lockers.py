#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who asks from within a session: a screen locker that runs as the person, vlock, polkit's helper."""
import contextlib
import inspect
import json

from lib import console, daemon, pam, pcsc, report, stage, vcard, world
from lib.report import contains, equal, lacks

STACK = "auth required pam_cardmfa.so\naccount required pam_cardmfa.so\nsession required pam_permit.so\n"
# As swaylock and i3lock do: one line is typed, answers whatever is asked, and texts are shown nowhere. Unlike them it says what it
# was told. Beside it stands Debian's i3lock, in test_screenlock.py; swaylock wants a compositor, and sway another 50 MB.
LOCKER = """
import json, os, sys, termios
sys.path.insert(0, "/usr/local/lib/box")
import pam
service, user, flags = sys.argv[1], sys.argv[2], int(sys.argv[3], 0)
kept = termios.tcgetattr(0)
quiet = termios.tcgetattr(0)
quiet[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSADRAIN, quiet)
print("locked: ", end="", flush=True)
line = sys.stdin.readline().rstrip("\\n")
termios.tcsetattr(0, termios.TCSADRAIN, kept)
done = pam._host(service, user, [("", line)], ("auth", "cred"), flags, {}, 60, False)
print("told " + json.dumps([done.codes, done.shown, done.seconds]))
"""
PIN = r"PIN of your IC card: $"
SECRET = r"[Vv]erification code or password: $"
people = {}


def prepare():
    stage.set_up(stage.quick(3, classes=stage.LOCKER))
    for service in ("swaylock", "i3lock", "vlock", "polkit-1"):
        world.write(f"/etc/pam.d/{service}", STACK)
    world.write("/usr/local/lib/box/pam.py", inspect.getsource(pam))
    world.write("/usr/local/lib/box/locker.py", LOCKER)
    world.write("/etc/systemd/system/box-thing.service", "[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n")
    world.systemctl("daemon-reload")
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", reader=1)


def only(*names):
    """Just these persons' cards are in their readers, as good as new; nothing is counted of anybody."""
    stage.only(people, *names)


@contextlib.contextmanager
def at_console(name="taro"):
    """This person's shell at a console, with his card alone in its reader. It must be at its prompt again in the end."""
    only(name)
    with console.Console() as screen:
        equal(screen.login(name, *people[name].by_password()), True, screen.text)
        people[name].card.count_reset()
        yield screen
        screen.logout()


def uid(name="taro"):
    return int(world.run("id", "-u", name).stdout)


def counted(name="taro", by="taro"):
    """At the console, and in the bucket of what `by` runs."""
    return daemon.counted(name, "local"), daemon.counted(name, f"uid:{uid(by)}")


def begin(screen, service, user="taro", flags=0):
    screen.send(f"python3 /usr/local/lib/box/locker.py {service} {user} {flags}")
    screen.expect("locked: $")


def outcome(screen, seconds=30):
    """What the locker had from PAM: (codes, shown, seconds)."""
    screen.expect(r"told (\[.*\])\r\n", seconds=seconds)
    told = json.loads(screen.child.match[1])
    screen.expect(console.SHELL_PROMPT)
    return told


def unlock(screen, service, line, user="taro", flags=0):
    begin(screen, service, user, flags)
    screen.send(line)
    return outcome(screen)


GOOD = {"auth": pam.SUCCESS, "cred": pam.SUCCESS}
BAD = {"auth": pam.AUTH_ERR}


@report.test(60)
def a_locker_of_one_line_opens_with_card_and_pin():
    taro = people["taro"]
    with at_console() as screen:
        codes, shown, _ = unlock(screen, "i3lock", taro.pin)
        equal((codes, [text for style, text in shown if style < 3]), (GOOD, ["PIN of your IC card: "]))
        # The card is out: no text is seen, and none is needed. What was typed is kept until it is in.
        taro.card.remove()
        begin(screen, "i3lock")
        screen.send(taro.pin)
        daemon.wait_process(daemon.CARD)
        taro.card.insert()
        equal(outcome(screen)[0], GOOD)
        taro.card.remove()
        codes, shown, seconds = unlock(screen, "i3lock", taro.pin)
        equal((codes, [style for style, _ in shown if style < 3], 9 < seconds < 10 + report.SOON), (BAD, [], True), shown)
        taro.card.insert()
        # A wrong PIN is one try of the card, which keeps its last one; nothing is counted here.
        for left in (2, 1, 1):
            equal(unlock(screen, "i3lock", "000000")[0], BAD)
            equal((taro.card.tries(), counted()), (left, (0, 0)))
        equal(unlock(screen, "i3lock", taro.pin)[0], BAD)
        taro.card.ctl("set-tries", 3)
        equal(unlock(screen, "i3lock", taro.pin)[0], GOOD)
        equal(taro.card.ctl("verified"), "no")


@report.test(60)
def a_silent_locker_of_one_line_ends_by_itself():
    """It answers the waiting with the PIN, again and again: no card sees it."""
    taro = people["taro"]
    with at_console() as screen:
        taro.card.remove()
        codes, shown, seconds = unlock(screen, "i3lock", taro.pin, flags=pam.SILENT)
        equal((codes, len(shown), {style for style, _ in shown}, seconds < 2 * report.SOON), (BAD, 5, {1}, True), shown)
        begin(screen, "i3lock", flags=pam.SILENT)
        screen.send(taro.pin)
        daemon.wait_process(daemon.CARD)
        taro.card.insert()
        codes, shown, _ = outcome(screen)
        equal((codes, shown[-1], {style for style, _ in shown}), (GOOD, [1, "PIN of your IC card: "], {1}), shown)
        equal((taro.card.count("VERIFY"), counted()), (1, (0, 0)))


@report.test(90)
def A30_a_screen_locker_in_a_session():
    taro, hanako = people["taro"], people["hanako"]
    with at_console() as screen:
        # Where two things are asked one line can't be both: one counted try of the origin that it is.
        for answer, wanted in ((taro.pin, (0, 1)), (taro.password, (0, 1))):
            codes, shown, _ = unlock(screen, "swaylock", answer)
            equal((codes, counted()), (BAD, wanted), shown)
        # Another person, with the card and PIN of that person: nothing is asked, nothing counted, as for a name that nobody has.
        hanako.card.insert()
        hanako.card.count_reset()
        faces = []
        for name in ("hanako", "root", "nobody-at-all"):
            codes, shown, seconds = unlock(screen, "i3lock", hanako.pin, user=name)
            faces.append((codes, shown))
            equal(seconds < report.SOON, True, f"{name}: {seconds} s")
        equal(faces, [({"auth": pam.AUTHINFO_UNAVAIL}, [])] * 3)
        equal((hanako.card.count("VERIFY"), counted("hanako"), daemon.counted("hanako", "remote")), (0, (0, 0), 0))
        # Its own counter: a full one stays full, whatever is run, and is no console's.
        for _ in range(2):
            equal(unlock(screen, "swaylock", taro.pin)[0], BAD)
        equal(counted(), (0, 3))
        for command in ("cardtool unlock taro", "sqlite3 /var/lib/cardmfa/store.db 'DELETE FROM bucket'", "rm -rf /var/lib/cardmfa",
                        "python3 -c 'import socket; socket.socket(1, 5).connect(\"/run/cardmfa/cardmfad.sock\")'"):
            lacks(screen.shell(f"{command} >/dev/null 2>&1 </dev/null; echo status=$?"), "status=0")
        taro.card.count_reset()
        codes, shown, _ = unlock(screen, "swaylock", taro.pin)
        equal((codes, counted(), taro.card.count("VERIFY")), (BAD, (0, 3), 0), shown)
        contains(shown[-1][1], "Locked after too many failures")
        # Card and PIN alone are not counted there, and the lock holds for them too: it is the person's at this origin.
        equal(unlock(screen, "i3lock", taro.pin)[0], BAD)
        equal(pam.attempt("taro", *pam.by_password(taro)).opened, True, "the console meanwhile")
        equal(counted(), (0, 3), "counted behind a success at the console")


# --- vlock -----------------------------------------------------------------------------------------

def to_vlock(screen, *answers):
    """It shows its question first, then drops what was typed and waits for a key. answers: (prompt, what is typed)."""
    for prompt, typed in answers:
        screen.expect(prompt)
        daemon.wait_call("vlock-main", "pselect6")
        screen.send(typed)


def lock(screen):
    screen.send("vlock")
    to_vlock(screen, (r"press \[ENTER\] to unlock\.", ""))


def until_asked(screen, name):
    """Past root's questions, until vlock asks for this person's PIN again."""
    while (asked := screen.expect(r"press \[ENTER\] to unlock\.", "root's " + PIN, SECRET, f"{name}'s {PIN}")) < 3:
        to_vlock(screen, ("", "1234567" if asked == 1 else ""))


@report.test(90)
def vlock_opens_with_the_card_and_counts_by_caller():
    taro = people["taro"]
    with at_console() as screen:
        for secret in (taro.password, taro.code()):
            lock(screen)
            to_vlock(screen, (PIN, taro.pin), (SECRET, secret))
            screen.expect(console.SHELL_PROMPT)
        # Without the card a text says what to do, and no key is needed.
        taro.card.remove()
        lock(screen)
        screen.expect(r"Insert your IC card \(30 s\)\.")
        taro.card.insert()
        # It asks for root's behind a failure: not with this card.
        to_vlock(screen, (PIN, taro.pin), (SECRET, "wrong-password"))
        screen.expect("Wrong code or password")
        equal(counted(), (0, 1))
        taro.card.count_reset()
        to_vlock(screen, (r"root's " + PIN, taro.pin), (SECRET, taro.password))
        screen.expect("This card can't be used for this name")
        equal((taro.card.count("VERIFY"), counted()), (0, (0, 1)))
        until_asked(screen, "taro")
        to_vlock(screen, ("", taro.pin), (SECRET, taro.password))
        screen.expect(console.SHELL_PROMPT)
        equal(counted(), (0, 0))


@report.test(120)
def A100_a_running_screen_lock_stays_shut_for_a_revoked_card():
    only()
    hanako = people.pop("hanako")       # her reader is needed
    hanako.card.stop()
    for name, moment in (("jiro", "before the PIN"), ("saburo", "before the verdict")):
        only()
        person = people[name] = stage.person(name, reader=1)
        with console.Console() as screen:
            equal(screen.login(name, *person.by_password()), True, screen.text)
            equal(unlock(screen, "i3lock", person.pin, user=name)[0], GOOD, "before it is revoked")
            lock(screen)
            screen.expect(PIN)
            if moment == "before the verdict":
                to_vlock(screen, ("", person.pin))
                screen.expect(SECRET)
            stage.tool("revoke", person.card_id, "--reason", "lost", text="", status=None)
            if moment == "before the PIN":
                to_vlock(screen, ("", person.pin))
                screen.expect(SECRET)
            to_vlock(screen, ("", person.password))
            screen.expect("vlock: Authentication failure", seconds=report.SOON)
            # Anew: no card sees the PIN.
            person.card.count_reset()
            until_asked(screen, name)
            to_vlock(screen, ("", person.pin), (SECRET, person.password))
            screen.expect("vlock: Authentication failure", seconds=report.SOON)
            equal(person.card.count("VERIFY"), 0, "VERIFY")
        only()
        del people[name]
        person.card.stop()
    hanako.card = vcard.Card(state=hanako.card.state, reader=1)
    people["hanako"] = hanako


# --- polkit ----------------------------------------------------------------------------------------

@contextlib.contextmanager
def administrators(*names):
    """Who has to prove himself where polkit wants an administrator."""
    world.write("/etc/polkit-1/rules.d/10-box.rules", "polkit.addAdminRule(function(action, subject) { return %s; });\n" %
                json.dumps([f"unix-user:{name}" for name in names]))
    world.systemctl("restart", "polkit.service")
    world.systemctl("stop", "box-thing.service")
    yield
    world.systemctl("stop", "box-thing.service")


def is_started():
    return world.systemctl("is-active", "box-thing.service", status=None) == "active"


START = "systemctl start box-thing.service"


def to_agent(screen, *answers):
    """polkit's agent shows its question first, then drops what was typed and switches the echo off."""
    for prompt, typed in answers:
        screen.expect(prompt)
        screen.child.waitnoecho()
        screen.send(typed)


@report.test(90)
def polkit_asks_the_administrator_who_sits_there():
    taro, hanako = people["taro"], people["hanako"]
    with administrators("taro"), at_console() as screen:
        screen.send(START)
        to_agent(screen, (PIN, taro.pin), (SECRET, "wrong-password"))
        screen.expect(console.SHELL_PROMPT)
        contains(screen.text, "Wrong code or password.")
        equal((counted(), is_started()), ((0, 1), False))
        taro.card.remove()
        screen.send(START)
        screen.expect(r"Insert your IC card \(30 s\)\.")
        taro.card.insert()
        to_agent(screen, (PIN, taro.pin), (SECRET, taro.code()))
        screen.expect("AUTHENTICATION COMPLETE")
        screen.expect(console.SHELL_PROMPT)
        equal((counted(), is_started()), ((0, 0), True))
    # An administrator comes to taro's place: the name that is judged is that of the administrator, with that card.
    with administrators("hanako"), at_console() as screen:
        for card, secret, started in ((taro, taro.password, False), (hanako, hanako.password, True)):
            only(card.name)
            screen.send(START)
            to_agent(screen, (PIN, card.pin), (SECRET, secret))
            screen.expect("AUTHENTICATION (FAILED|COMPLETE)")
            screen.expect(console.SHELL_PROMPT)
            equal(is_started(), started, screen.text)
            equal((taro.card.count("VERIFY"), counted(), counted("hanako")), (0, (0, 0), (0, 0)))


@report.test(90)
def A14_polkits_agent_is_cancelled():
    taro = people["taro"]
    with administrators("taro"), at_console() as screen:
        for card_in, prompt, before in ((False, r"Insert your IC card", ()), (True, PIN, ()), (True, SECRET, ((PIN, taro.pin),))):
            only(*(["taro"] if card_in else []))
            screen.send(START)
            to_agent(screen, *before)
            screen.expect(prompt)
            with report.soon(prompt):
                screen.interrupt()
                screen.expect(console.SHELL_PROMPT)
                daemon.wait_quiet()
            equal((taro.card.count("VERIFY"), taro.card.tries(), counted(), is_started()), (len(before), 3, (0, 0), False), prompt)
            if card_in:
                equal(pcsc.signature_without_pin(taro.card.reader), ["6982", "6982"], "a stranger's signature")


if __name__ == "__main__":
    report.main(prepare)
