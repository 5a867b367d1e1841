#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sshd's methods in every order, certificates, several keys: in comes the card's key with a code or password behind it, nothing else."""
# check: timeout=600
import functools
import pathlib
import re
import time

from lib import console, daemon, report, sshd, stage, world
from lib.report import equal

SOFT_KEY, OTHER_KEY, CA_KEY = "/root/soft_key", "/root/other_key", "/root/ca_key"
CLASS = """
[class field]
; a counter that has no card reader
person = goro
factors = totp,password
"""
PASSWORD_TOO = "PasswordAuthentication yes"
people = sshd.people
goro = None


def prepare():
    global goro
    stage.set_up(stage.quick(attempts=5, settings="address-attempts = 1000", classes=CLASS))
    sshd.start()
    soft = [sshd.make_key(path) for path in (SOFT_KEY, OTHER_KEY, CA_KEY)]
    sshd.person("taro")
    sshd.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    world.add_user("goro")
    stage.tool("user", "add", "goro")
    goro = stage.Person("goro", app=stage.enroll_app("goro"))
    stage.tool("password", "set", "goro", "--stdin", text=stage.PASSWORD + "\n")
    for name in (*people, "goro"):
        sshd.allow(name, *(person.line for person in people.values()), *soft)


def account_results(journal, user):
    """One that repeats the last is not recorded, but said."""
    return re.findall(rf"account (?:refused again: )?(\w+) person={user} service=sshd", journal)


def only_by(name, *words):
    return ("-o", f"PreferredAuthentications={name}", *words)


# ---- methods ----

# AuthenticationMethods, what the client may use: what is asked before the refusal.
ROADS = (
    ("publickey", (), ["PIN"]),
    ("password", (), ["sshd"]),
    ("keyboard-interactive:pam", (), ["code or password"]),
    ("keyboard-interactive:pam,publickey", (), ["code or password"]),
    ("publickey,password", (), ["PIN", "sshd"]),
    ("password,publickey", (), ["sshd"]),
    ("any", only_by("publickey"), ["PIN"]),
    ("any", only_by("keyboard-interactive"), ["code or password"]),
    ("any", only_by("password"), ["sshd"]),
)


@report.test(120)
def every_other_road_ends_before_a_shell():
    """With the right card in the reader and the right password."""
    taro = people["taro"]
    for methods, options, wanted in ROADS:
        mark = world.journal_mark()
        with sshd.configured(sshd.methods(methods, PASSWORD_TOO)):
            opened, asked = sshd.walk("taro", taro.password, card="taro", options=options)
        equal((opened, asked), (False, wanted), f"{methods} {options}")
        # It is not a key that sshd did not take.
        said = world.journal_text(since=mark)
        assert re.search(r"login refused: \S+ service=sshd", said) or account_results(said, "taro") == ["NO_GRANT"], said
    equal(sshd.walk("taro", taro.password, card="taro"), (True, ["PIN", "code or password"]), "as it should be")


@report.test(60)
def both_roads_open_is_no_wider_than_the_first():
    """Two lists: whichever the client takes, the card's key comes first or nobody comes."""
    taro = people["taro"]
    with sshd.configured(sshd.methods(f"{sshd.METHODS} keyboard-interactive:pam", PASSWORD_TOO)):
        equal(sshd.walk("taro", taro.password, card="taro", options=only_by("keyboard-interactive"))[0], False, "the second")
        equal(sshd.walk("taro", taro.password, card="taro")[0], True, "the first")


@report.test(60)
def whether_sshd_tells_the_user_makes_no_difference_to_us():
    taro = people["taro"]
    for told in ("yes", "no"):
        with sshd.configured(sshd.methods(sshd.METHODS, f"ExposeAuthInfo {told}")):
            opened, screen = sshd.attempt("taro", taro.password, card="taro")
        equal(opened, True, screen)
        equal("SSH_USER_AUTH=" in screen, told == "yes", "the user's own variable")
        opened, screen = sshd.attempt("taro", taro.password, key=SOFT_KEY)
        equal(opened, False, screen)


# ---- keys ----

@report.test(60)
def one_of_two_keys_is_the_cards():
    taro = people["taro"]
    with sshd.configured(sshd.methods("publickey,publickey,keyboard-interactive:pam")):
        opened, screen = sshd.attempt("taro", taro.password, card="taro", options=("-o", f"IdentityFile={SOFT_KEY}"))
        equal(opened, True, screen)
        opened, screen = sshd.attempt("taro", taro.password, key=SOFT_KEY, options=("-o", f"IdentityFile={OTHER_KEY}"))
        equal(opened, False, screen)


def certificate(public, *signing, name="taro"):
    """The path of a certificate over this public key."""
    world.write("/root/subject.pub", public + "\n")
    world.run("ssh-keygen", "-q", "-s", *signing, "-I", "staff", "-n", name, "-V", "-1h:+1h", "/root/subject.pub")
    return pathlib.Path("/root/subject.pub").with_name("subject-cert.pub").rename(f"/root/of-{name.split(',')[0]}-cert.pub")


@report.test(60)
def of_a_certificate_the_key_inside_counts():
    taro, hanako = people["taro"], people["hanako"]
    soft = pathlib.Path(f"{SOFT_KEY}.pub").read_text().strip()
    with sshd.configured(sshd.methods(sshd.METHODS, f"TrustedUserCAKeys {CA_KEY}.pub", "AuthorizedKeysFile none")):
        equal(sshd.walk("taro", taro.password, card="taro")[1], [], "the key without a certificate")
        for name, person in (("taro", taro), ("hanako", hanako)):
            cert = certificate(person.line, CA_KEY, name=name)
            opened, screen = sshd.attempt(name, person.password, card=name, options=("-o", f"CertificateFile={cert}"))
            equal(opened, True, screen)
        # For the right name, over a key that is no card's, or another's.
        cert = certificate(soft, CA_KEY)
        opened, screen = sshd.attempt("taro", taro.password, key=SOFT_KEY, options=("-o", f"CertificateFile={cert}"))
        equal(opened, False, screen)
        cert = certificate(hanako.line, CA_KEY)
        opened, screen = sshd.attempt("taro", taro.password, card="hanako", options=("-o", f"CertificateFile={cert}"))
        equal(opened, False, screen)


@report.test(60)
def a_certificate_that_is_too_long_opens_nothing():
    """One of 40 names is read, one of 240 is longer than what sshd may tell."""
    taro = people["taro"]
    with sshd.configured(sshd.methods(sshd.METHODS, f"TrustedUserCAKeys {CA_KEY}.pub", "AuthorizedKeysFile none")):
        for others, asked in ((39, ["PIN", "code or password"]), (239, ["PIN"])):
            cert = certificate(taro.line, CA_KEY, name=",".join(["taro", *(f"section-{n:03}-of-the-city" for n in range(others))]))
            seen = sshd.walk("taro", taro.password, card="taro", options=("-o", f"CertificateFile={cert}"))
            equal(seen, (others == 39, asked), f"{others + 1} names")


@report.test(60)
def a_card_that_signed_a_certificate_is_not_the_key_inside():
    taro = people["taro"]
    soft = pathlib.Path(f"{SOFT_KEY}.pub").read_text().strip()
    sshd.insert("taro")
    world.write("/root/card.pub", taro.line + "\n")
    world.write("/root/subject.pub", soft + "\n")
    with console.Terminal("/usr/bin/ssh-keygen", "-s", "/root/card.pub", "-D", sshd.PKCS11, "-I", "staff", "-n", "taro", "-V", "-1h:+1h",
                          "/root/subject.pub") as terminal:
        sshd.unlock_card(terminal)
        equal(terminal.end(), 0, terminal.text)
    with sshd.configured(sshd.methods(sshd.METHODS, "TrustedUserCAKeys /root/card.pub", "AuthorizedKeysFile none")):
        opened, screen = sshd.attempt("taro", taro.password, key=SOFT_KEY, options=("-o", "CertificateFile=/root/subject-cert.pub"))
        equal(opened, False, screen)


# ---- answers ----

@report.test(60)
def A16_sshd_gives_one_string_to_every_prompt():
    """Its method `password` answers each hidden prompt with what was typed once, and fails every shown one."""
    with sshd.configured(sshd.methods("password", PASSWORD_TOO)):
        for answer in (stage.PASSWORD, goro.code(), "something"):
            before = daemon.counted("goro", "remote")
            equal(sshd.walk("goro", answer), (False, ["sshd"]), answer)
            equal(daemon.counted("goro", "remote"), before + 1, f"tries counted after {answer}")
    sshd.unlock("goro")


@report.test(60)
def a_client_that_gives_one_string_to_every_prompt_is_one_try_each_time():
    with sshd.configured(sshd.methods("keyboard-interactive:pam")):
        for answer in (stage.PASSWORD, goro.code()):
            before = daemon.counted("goro", "remote")
            equal(sshd.walk("goro", answer), (False, ["code", "password"]), answer)
            equal(daemon.counted("goro", "remote"), before + 1, f"tries counted after {answer}")
    sshd.unlock("goro")


@report.test(60)
def A8_halves_of_several_tries_on_one_connection_never_join():
    right, wrong = (goro.code(), stage.PASSWORD), (goro.app.wrong(), "not-the-password")
    with sshd.configured(sshd.methods("keyboard-interactive:pam")):
        answers = (right[0], wrong[1], wrong[0], right[1], right[0], right[1])
        with sshd.ssh("goro", "id", options=("-o", "NumberOfPasswordPrompts=3")) as terminal:
            for prompt, answer in zip(("code: $", "Password: $") * 3, answers):
                terminal.expect(prompt)
                terminal.send(answer)
            equal(terminal.end() != 0, True, terminal.text)
        # The code of the first try was used up by it.
        equal(daemon.counted("goro", "remote"), 3, "tries counted")
        fresh = goro.code()
        with sshd.ssh("goro", "id", options=("-o", "NumberOfPasswordPrompts=3")) as terminal:
            for answer in (wrong[0], right[1], "000000", right[1], fresh, right[1])[2:]:
                terminal.expect("code: $", "Password: $")
                terminal.send(answer)
            equal(terminal.end(), 0, terminal.text)
        equal(daemon.counted("goro", "remote"), 0, "tries counted after the right ones")


# ---- account without authentication ----

def account_refusal(user, card):
    """Connects by key alone; the result of the account check."""
    mark = world.journal_mark()
    equal(sshd.walk(user, "", card=card), (False, ["PIN"]), user)
    result, = account_results(world.journal_text(since=mark), user)
    return result


@report.test(60)
def A5_account_alone_refuses_whoever_it_is():
    hanako = people["hanako"]
    with sshd.configured(sshd.methods("publickey")):
        equal(account_refusal("hanako", "hanako"), "NO_GRANT")
        stage.tool("suspend", hanako.card_id, text="")
        equal(account_refusal("hanako", "hanako"), "NO_GRANT")
        stage.tool("resume", hanako.card_id, text="")
        # Refused, though this very person has just proved everything on another connection.
        equal(sshd.walk("hanako", "", card="hanako")[0], False)
    opened, screen = sshd.attempt("hanako", hanako.password, card="hanako")
    equal(opened, True, screen)
    with sshd.ssh("hanako", "sleep 60", card="hanako") as terminal:
        sshd.unlock_card(terminal)
        terminal.expect(sshd.CODE_PROMPT)
        terminal.send(hanako.password)
        world.wait_for(lambda: daemon.rows("SELECT 1 FROM session WHERE state = 'open'"), what="a session")
        with sshd.configured(sshd.methods("publickey")):
            equal(account_refusal("hanako", "hanako"), "NO_GRANT")
            daemon.change("UPDATE person SET state = 'locked' WHERE login = 'hanako'")
            equal(account_refusal("hanako", "hanako"), "LOCKED")
            daemon.change("UPDATE person SET state = 'active' WHERE login = 'hanako'")
    nanako = sshd.person("nanako")
    sshd.allow("nanako", nanako.line)
    stage.tool("revoke", nanako.card_id, "--reason", "lost", text="", status=None)
    with sshd.configured(sshd.methods("publickey")):
        equal(account_refusal("nanako", "nanako"), "NO_GRANT")


@report.test(60)
def A7_a_connection_by_key_alone_clears_no_counter():
    sshd.attempt("hanako", *["not-the-password"] * 4, card="hanako", options=("-o", "NumberOfPasswordPrompts=4"))
    equal(daemon.counted("hanako", "remote"), 4, "tries counted, of five")
    with sshd.configured(sshd.methods("publickey")):
        for _ in range(3):
            equal(sshd.walk("hanako", "", card="hanako")[0], False)
    equal(daemon.counted("hanako", "remote"), 4, "tries counted afterwards")
    equal(sshd.walk("hanako", people["hanako"].password, card="hanako")[0], True, "the fifth try, a right one")
    equal(daemon.counted("hanako", "remote"), 0, "tries counted after it")


# ---- faces ----

WRONG = ("000000", *["not-the-password"] * 4)
TIMES_MORE = 4


def face(user, card=None, key=None):
    """What the server shows to five wrong answers, and the least time it took over a password."""
    times = []
    with sshd.ssh(user, "id", card=card, key=key, options=("-o", f"NumberOfPasswordPrompts={len(WRONG)}")) as terminal:
        if card:
            sshd.unlock_card(terminal)
        terminal.expect(sshd.CODE_PROMPT)
        for answer in WRONG:
            terminal.send(answer)
            begun = time.monotonic()
            terminal.expect(sshd.CODE_PROMPT, "Permission denied")
            times.append(time.monotonic() - begun)
        status = terminal.end()
        return sshd.face(terminal.text, user), status, min(times[1:])


@report.test(120)
def A11_whoever_has_no_recognised_card_sees_one_face():
    taro = people["taro"]
    world.add_user("jiro")                          # an account, not a person of ours
    world.add_user("saburo")
    stage.tool("user", "add", "saburo", text="")    # a person without a card
    sshd.allow("jiro", *sshd.KEYS.joinpath("taro").read_text().splitlines())
    daemon.configure(stage.CONF.replace("[default]", "[settings]\naddress-attempts = 1000\n[default]"))
    times, first = {}, {}

    def see(who, *words, **how):
        seen, status, seconds = face(*words, **how)
        equal((seen.count("Verification code or password: "), (seen, status)), (len(WRONG), first.setdefault("face", (seen, status))), who)
        # The least counts: one alone may have waited for a processor.
        times[who] = min(round(seconds * 1000), times.get(who, 60000))

    def no_card(name):
        with sshd.configured(sshd.methods("keyboard-interactive:pam")):
            see(name, name)

    def suspended():
        stage.tool("suspend", taro.card_id, text="")
        see("suspended", "taro", card="taro")
        stage.tool("resume", taro.card_id, text="")

    def locked():
        """With the card, and not enough beside it: then the name is locked over the network."""
        face("taro", card="taro")
        equal(daemon.counted("taro", "remote"), 5, "tries counted")
        with sshd.configured(sshd.methods("keyboard-interactive:pam")):
            see("locked", "taro")
        sshd.unlock()

    faces = {
        **{name: functools.partial(no_card, name) for name in ("nobody-at-all", "root", "jiro", "saburo", "taro")},
        "another's key": lambda: see("another's key", "taro", key=SOFT_KEY),
        "no person's key": lambda: see("no person's key", "jiro", key=SOFT_KEY),
        "another's card": lambda: see("another's card", "taro", card="hanako"),
        "suspended": suspended, "locked": locked,
        "revoked": lambda: see("revoked", "shiro", card="shiro"),
    }
    sshd.insert("hanako")                           # the other reader is free then
    shiro = sshd.person("shiro")
    sshd.allow("shiro", shiro.line)
    stage.tool("revoke", shiro.card_id, "--reason", "lost", text="", status=None)
    for show in faces.values():
        show()
    # Who was slow is seen once more: what slowed him down may have been something else.
    for _ in range(TIMES_MORE):
        for who in [who for who, least in times.items() if least > 2 * min(times.values())]:
            faces[who]()
    print(f"# ms: {times}")
    if max(times.values()) > 2 * min(times.values()):
        raise AssertionError(f"somebody is told by the time: {times}")


if __name__ == "__main__":
    report.main(prepare)
