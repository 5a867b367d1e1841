#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""README's own commands and lines, read from it and carried out: a card as it is sold, a person, the console.

Left out is what the box has or has not: packages, sudo, and a YubiKey, so that ykman is told the reader.
"""
import json
import os
import pathlib
import re

from lib import console, report, stage, vcard, world

SOURCE = pathlib.Path(os.environ.get("CARDMFA_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
ENGLISH, JAPANESE = "README.md", "README.ja.md"
PIN, PUK, PASSWORD = "830274", "61528394", "quiet-Lantern-52"
SECOND = r"code or password: $"
LOGIN = pathlib.Path("/etc/pam.d/login")
# What each command asks and is answered; `app` is filled by the first code.
app = []
ANSWERS = (
    ("ykman piv access change-pin", ((r"current PIN: $", "123456"), (r"new PIN: $", PIN), (r"confirmation: $", PIN))),
    ("ykman piv access change-puk", ((r"current PUK: $", "12345678"), (r"new PUK: $", PUK), (r"confirmation: $", PUK))),
    ("ykman piv access change-management-key", ((r"current management key.*: $", ""), (r"PIN: $", PIN))),
    ("ykman piv keys generate", ((r"PIN: $", PIN),)),
    ("ykman piv certificates generate", ((r"PIN: $", PIN),)),
    ("cardtool enroll", ((r"PIN of the card.*: $", PIN),)),
    ("cardtool totp enroll", ((r"your app shows now: $", lambda screen: first_code(screen)),)),
    ("cardtool password set", ((r"[Pp]assword.*: $", PASSWORD), (r": $", PASSWORD))),
    ("cardtool try", ((r"PIN.*: $", PIN), (SECOND, PASSWORD))),
)
# What RHEL 10 has: util-linux's login, and system-auth and postlogin as authselect writes them for the profile "local".
# The last line of system-auth is no RHEL's: it would end a stack that includes it.
RHEL = {
    "login": """\
#%PAM-1.0
auth       substack     system-auth
auth       include      postlogin
account    required     pam_nologin.so
account    include      system-auth
password   include      system-auth
# pam_selinux.so close should be the first session rule
session    required     pam_selinux.so close
session    required     pam_loginuid.so
# pam_selinux.so open should only be followed by sessions to be executed in the user context
session    required     pam_selinux.so open
session    required     pam_namespace.so
session    optional     pam_keyinit.so force revoke
session    include      system-auth
session    include      postlogin
""",
    "system-auth": """\
auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        sufficient                                   pam_unix.so nullok
auth        required                                     pam_deny.so
account     required                                     pam_unix.so
password    required                                     pam_deny.so
session     optional                                     pam_keyinit.so revoke
session     required                                     pam_limits.so
-session    optional                                     pam_systemd.so
session     [success=1 default=ignore]                   pam_succeed_if.so service in crond quiet use_uid
session     required                                     pam_unix.so
session     sufficient                                   pam_permit.so
""",
    "postlogin": """\
session     optional                   pam_umask.so silent
session     [success=1 default=ignore] pam_succeed_if.so service !~ gdm* service !~ su* quiet
session     [default=1]                pam_lastlog.so nowtmp showfailed
session     optional                   pam_lastlog.so silent noupdate showfailed
""",
}


# ---- what stands in README ----

def part(name, begin):
    """From `begin`, at the start of a line, to the next step or section."""
    text = (SOURCE / name).read_text()
    found = re.search(rf"^{re.escape(begin)}.*?(?=^\*\*\d\.|^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise AssertionError(f"{name} has no {begin}")
    return found[0]


def commands(begin):
    """As root types them, without packages to install."""
    lines = re.findall(r"^    (?:\$ )?((?:sudo|ykman) .*?)(?: +# .*)?$", part(ENGLISH, begin), re.MULTILINE)
    return [line.removeprefix("sudo ") for line in lines if not line.startswith("sudo apt ")]


def in_a_root_shell(begin):
    return re.findall(r"^    ((?:systemctl|rm|install|journalctl|cardtool) .*)$", part(ENGLISH, begin), re.MULTILINE)


def page_commands(name):
    return re.findall(r"^    sudo (.*?)(?: +# .*)?$", (SOURCE / name).read_text(), re.MULTILINE)


def rows(name, begin):
    """[(the line that goes, the lines that come)] of a table."""
    found = re.findall(r"^\| `(.*)` \| (.*) \|$", part(name, begin), re.MULTILINE)
    return [(old, re.findall(r"`([^`]+)`", new)) for old, new in found]


def words(line):
    return " ".join(line.split())


def changed(text, table):
    lines = text.splitlines()
    for old, new in table:
        at = [number for number, line in enumerate(lines) if words(line) == old]
        report.equal(len(at), 1, f"lines that are {old!r}")
        lines[at[0]:at[0] + 1] = new
    return "\n".join(lines) + "\n"


# ---- carrying it out ----

def first_code(screen):
    app.append(world.Authenticator(re.search(r"[?&]secret=([A-Z2-7]+)", screen.text)[1]))
    return app[0].code()


# What doctor has to say of a machine that was set up by this file, step by step, with nothing wrong: what one may want beside it.
LEFT_TO_CHOOSE = {
    ("pcscd-socket", "note"): "/usr/share/cardmfa/drop-ins/",
    ("pam", "note"): "`account required pam_cardmfa.so` there stops them",
    ("services", "note"): "cp /usr/lib/pam.d/polkit-1 /etc/pam.d/; ",
    ("logins", "note"): "the lines of pam_cardmfa(8) in their files ask for two",
}
# Of the box: its virtual readers, and nobody sets its clock.
OF_THE_BOX = {"vpcd", "clock"}


def type_it(command, statuses=(0,), language="en"):
    answers = next((answers for begin, answers in ANSWERS if command.startswith(begin)), ())
    typed = command.replace("ykman ", f'ykman --reader "{vcard.READERS[0]}" ', 1)
    with console.Terminal("/bin/sh", "-c", typed, env={"LANG": "C.UTF-8", "LANGUAGE": language, "HOME": "/root", "TERM": "linux"}) as screen:
        for prompt, answer in answers:
            screen.expect(prompt)
            screen.send(answer(screen) if callable(answer) else answer)
        ended = screen.end()
        if ended not in statuses:
            raise AssertionError(f"{command}: status {ended}\n{screen.text}")
        return screen.text


def session_modules(service="login"):
    """The modules of the session stack, with their arguments, in order."""
    for line in pathlib.Path("/etc/pam.d", service).read_text().splitlines():
        fields = re.match(r"-?session\s+(?:\[.*?\]|\S+)\s+(.*)", line)
        included = re.match(r"@include\s+(\S+)|-?session\s+(?:include|substack)\s+(\S+)", line)
        if included:
            yield from session_modules(included[1] or included[2])
        elif fields:
            yield words(fields[1])


def around_pam_systemd():
    found = [module for module in session_modules() if module.startswith(("pam_cardmfa.so", "pam_systemd.so"))]
    report.equal(found, ["pam_cardmfa.so", "pam_systemd.so", "pam_cardmfa.so confirm"], "session modules")


def doctor_agrees():
    said = re.search(r"say `([^`]*)`", part(ENGLISH, "**5."))[1]
    report.contains(type_it("cardtool doctor", statuses=(0, 1)), said)


def logins():
    """Card, PIN and password open a session of logind's that cardmfa has opened; a wrong PIN does not."""
    opened, screen = console.try_login("taro", (r"PIN of your IC card: $", "111222"))
    report.equal(opened, False, f"a wrong PIN\n{screen}")
    mark = world.journal_mark()
    with console.Console() as screen:
        report.equal(screen.login("taro", (r"PIN of your IC card: $", PIN), (SECOND, PASSWORD)), True, "login")
        scope = re.search(r"session-(\w+)\.scope", screen.shell("cat /proc/self/cgroup"))
        screen.logout()
    confirmed = [entry["CARDMFA_LOGIND_SESSION"] for entry in world.journal(since=mark) if entry.get("CARDMFA_EVENT") == "session-open"]
    report.equal(confirmed, [scope[1]], "sessions that were confirmed")
    opened, screen = console.try_login("taro", (r"PIN of your IC card: $", PIN), (SECOND, app[0].code()))
    report.equal(opened, True, f"with a code\n{screen}")


def prepare():
    world.start_pcscd()
    vcard.Card("--kind", "another", "--slot", "9E=p256")
    world.add_user("taro")


@report.test()
def cardmfa_is_set_up():
    for command in commands("**2."):
        shown = type_it(command, statuses=(0, 1) if command == "cardtool doctor" else (0,))
    line = re.search(r'^    (ok +readers +reader ").*?(", a card is in it)$', part(ENGLISH, "**2."), re.MULTILINE)
    report.contains(shown, f"{line[1]}{vcard.READERS[0]}{line[2]}")
    # What init says to do next goes as far as this file.
    services = re.findall(r"/etc/pam\.d/([a-z][a-z-]*)", "".join(part(ENGLISH, step) for step in ("**5.", "**6.", "**7.")))
    report.equal(set(services), {"login", "sshd", "sudo", "sudo-i", "su"}, "services of README")
    for language in ("en", "ja"):
        said = type_it("cardtool init", language=language)
        said = said[said.index(" 1. "):]
        for word in (*services, "/usr/share/cardmfa/sshd.conf", "cardtool try", "cardtool doctor"):
            report.equal(bool(re.search(rf"(?<![\w-]){word}(?![\w-])", said)), True, f"{word} in\n{said}")


@report.test(120)
def a_card_as_it_is_sold_is_made_ready():
    os.chdir("/root")
    for command in commands("**3."):
        type_it(command)


@report.test()
def a_person_is_registered_with_it():
    shown = {}
    for command in commands("**4."):
        shown[" ".join(command.split()[:2])] = type_it(command, statuses=(0, 1) if command == "cardtool doctor" else (0,))
    report.contains(shown["cardtool enroll"], "P-256, PIN proved, certificate until ")
    report.contains(shown["cardtool try"], "\nALLOWED\n")
    # The answer before the file is changed.
    report.contains(shown["cardtool doctor"], "login, sshd, with the lines of README: 1 of 1 people would get in")


@report.test(120)
def the_lines_for_debian_open_the_console():
    table = rows(ENGLISH, "**5.")
    report.equal(len(table), 3, "lines of the table")
    report.equal(rows(JAPANESE, "**5."), table, JAPANESE)
    keep, back = commands("**5.")[0], re.search(r"`sudo (cp -p \S+ /etc/pam\.d/login)`", part(ENGLISH, "**5."))[1]
    before = LOGIN.read_text()
    type_it(keep)
    LOGIN.write_text(changed(before, table))
    around_pam_systemd()
    doctor_agrees()
    logins()
    type_it(back)
    report.equal(LOGIN.read_text(), before, back)


def over_ssh(*words):
    """ssh as the person's own machine has it, up to the end of the card's part."""
    screen = console.Terminal("/usr/bin/ssh", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "taro@127.0.0.1", *words, env={"HOME": "/root"})
    screen.expect(r"Enter PIN for .*: $")
    screen.send(PIN)
    screen.expect(SECOND)
    return screen


@report.test(120)
def the_card_opens_ssh():
    world.run("systemctl", "unmask", "ssh.service")
    world.run("ssh-keygen", "-A")
    world.systemctl("start", "ssh.service")
    page = part(ENGLISH, "**6.")
    step = commands("**6.")
    at = next(number for number, command in enumerate(step) if command.startswith("sshd -t"))
    for command in step[:at]:
        type_it(command)
    stack = pathlib.Path("/etc/pam.d/sshd")
    stack.write_text(changed(stack.read_text(), rows(ENGLISH, "**5.")))
    for command in step[at:]:
        type_it(command.replace("&& sudo ", "&& "), statuses=(0, 1) if command == "cardtool doctor" else (0,))
    world.write("/root/.ssh/config", re.search(r"^    (PKCS11Provider .*)$", page, re.MULTILINE)[1] + "\n", 0o600)
    with over_ssh("id", "-un") as screen:
        screen.send(PASSWORD)
        report.equal((screen.end(), "taro" in screen.text.split()), (0, True), screen.text)
    with over_ssh("id", "-un") as screen:
        screen.send("wrong wrong")
        screen.expect("denied|" + SECOND)


@report.test(120)
def sudo_and_su_ask_for_the_second_half():
    table = rows(ENGLISH, "**5.")
    noninteractive = [(old + "-noninteractive" * (old == "@include common-session"), [line + "-noninteractive" * (line == "@include common-session") for line in new])
                      for old, new in table]
    for command in commands("**7."):
        type_it(command)
    for name in re.findall(r"`(/etc/pam\.d/\S+)`", part(ENGLISH, "**7.")):
        stack = pathlib.Path(name)
        stack.write_text(changed(stack.read_text(), noninteractive if stack.name == "sudo" else table))
    world.write("/etc/sudoers.d/box", "taro ALL=(ALL:ALL) ALL\n", 0o440)
    with over_ssh() as screen:
        screen.send(PASSWORD)
        screen.expect(console.SHELL_PROMPT)
        for command in ("sudo -k id -u", "sudo -k -i id -u"):
            screen.send(command)
            screen.expect(SECOND)
            screen.send(PASSWORD)
            screen.expect(r"\n0\r\n")
            screen.expect(console.SHELL_PROMPT)
        # Nobody becomes root by su.
        screen.send("su -c id")
        screen.expect(SECOND)
        screen.send(PASSWORD)
        screen.expect("Authentication failure")
    report.equal(world.run("su", "-", "taro", "-c", "id -un").stdout, "taro\n")


@report.test(120)
def doctor_says_nothing_superfluous_of_this_setup():
    for name in ("i3lock", "swaylock", "screen"):
        pathlib.Path(f"/etc/pam.d/{name}").unlink(missing_ok=True)      # they want a class of their own
    world.run("chpasswd", text=f"root:{PASSWORD}\n")
    LOGIN.write_text(changed(LOGIN.read_text(), rows(ENGLISH, "**5.")))
    said = [f for f in json.loads(type_it("cardtool doctor --json", statuses=(0, 1)))["findings"]
            if f["level"] != "ok" and f["check"] not in OF_THE_BOX]
    for finding in said:
        report.contains(finding["advice"] or f"no advice: {finding}", LEFT_TO_CHOOSE.get((finding["check"], finding["level"]), f"nothing: {finding}"))
    report.equal(len(said), len({finding["check"] for finding in said}), f"findings of one check: {said}")
    type_it(re.search(r"`sudo (cp -p \S+ /etc/pam\.d/login)`", part(ENGLISH, "**5."))[1])
    world.run("passwd", "-l", "root")


@report.test()
def the_way_back_of_sudo_is_one():
    back = [re.search(r"`(cp -p \S+ /etc/pam\.d/sudo)`", part(name, "**7."))[1] for name in (ENGLISH, JAPANESE)]
    report.equal(back[0], back[1], JAPANESE)
    for name in ("sudo", "sudo-i", "su"):
        type_it(re.sub(r"\bsudo\b", name, back[0]))
        report.equal("pam_cardmfa" in pathlib.Path("/etc/pam.d", name).read_text(), False, name)


@report.test()
def the_way_back_of_ssh_is_one():
    back = [re.findall(r"`sudo ((?:cp|rm|systemctl) [^`]*)`", part(name, "**6.")) for name in (ENGLISH, JAPANESE)]
    report.equal((len(back[0]), back[1]), (3, back[0]), JAPANESE)
    for command in back[0]:
        type_it(command)
    report.equal(pathlib.Path("/etc/pam.d/sshd").read_bytes(), pathlib.Path("/root/sshd.before-cardmfa").read_bytes(), "PAM")
    report.equal(world.run("sshd", "-T").stdout.count("authenticationmethods publickey"), 0, "sshd's methods")


@report.test(120)
def the_lines_for_rhel_open_the_console():
    table = rows(ENGLISH, "## RHEL 10")
    report.equal(len(table), 3, "lines of the table")
    report.equal(rows(JAPANESE, "## RHEL 10"), table, JAPANESE)
    for name, text in RHEL.items():
        world.write(f"/etc/pam.d/{name}", changed(text, table) if name == "login" else text)
    around_pam_systemd()
    doctor_agrees()
    logins()


@report.test()
def a_backup_is_made():
    for command in commands("## Backup"):
        type_it(command)


@report.test()
def the_page_by_the_telephone_stops_the_card():
    revoke, see = page_commands("docs/ja/lost-card.md")
    shown = type_it(re.sub(r"\d\d:\d\d", "00:00", revoke), language="ja")
    report.contains(shown, "失効させました（届け出から")
    report.contains(type_it(see, language="ja"), "失効")
    opened, screen = console.try_login("taro", (r"PIN of your IC card: $", PIN), (SECOND, PASSWORD))
    report.equal(opened, False, f"with a revoked card\n{screen}")


@report.test(120)
def the_backup_comes_back_and_the_card_is_revoked_once_more():
    card, shown = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", type_it("cardtool list --user taro"))[0], ""
    for command in in_a_root_shell("## Backup"):
        if command.startswith("cardtool revoke"):
            report.contains(shown, f"card-revoke OK person=taro card={card} ")
            report.contains(type_it("cardtool list --user taro"), "active")
            command = re.sub(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", card, command)
        shown = type_it(command, statuses=(0, 1) if command == "cardtool doctor" else (0,))
    report.contains(type_it("cardtool list --user taro"), "revoked")
    report.contains(shown, "the daemon answers")


if __name__ == "__main__":
    report.main(prepare)
