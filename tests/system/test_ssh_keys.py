#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardtool ssh-keys behind a real sshd: which keys it takes, with which options, until when, and who may ask for them."""
import base64
import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time

from lib import console, daemon, pam, report, stage, world
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
PKCS11 = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
PORT = "2222"
CONFIG = "/etc/ssh/box_sshd_config"
COMMAND = "AuthorizedKeysCommand /usr/bin/cardtool ssh-keys %u %t %k\nAuthorizedKeysCommandUser cardmfa-keys\n"
SSHD_CONF = f"""
Port {PORT}
ListenAddress 127.0.0.1
HostKey /etc/ssh/box_host_key
UsePAM yes
PubkeyAuthentication yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive:pam
AuthorizedKeysFile none
PidFile none
"""
PIN_PROMPT = r"Enter PIN for '.*': $"
CODE_PROMPT = r"erification code or password: $"
KRL = "/etc/ssh/cardmfa.krl"
KEYS_USER = "cardmfa-keys"
people = {}


def prepare():
    stage.set_up(CONF)
    world.login_stack(service="sshd")
    world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/box_host_key")
    world.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "/root/soft_key")
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    for name, person in people.items():
        insert(name)
        person.key = " ".join(world.run("ssh-keygen", "-D", PKCS11).stdout.splitlines()[0].split()[:2])
    world.add_user("jiro")
    world.write(CONFIG, SSHD_CONF + COMMAND)
    world.run("systemd-run", "--unit", "box-sshd", "--slice", "system.slice", "--property", "RuntimeDirectory=sshd", "--property", "KillMode=process",
              "/usr/sbin/sshd", "-D", "-e", "-f", CONFIG)
    world.wait_for(lambda: times_listening() == 1, what="sshd listens")


# ---- sshd ----

def times_listening():
    return world.run("journalctl", "-u", "box-sshd", "--no-pager", status=None).stdout.count("Server listening")


@contextlib.contextmanager
def configured(text):
    """sshd goes by this configuration until the block ends."""
    for conf in (text, SSHD_CONF + COMMAND):
        before = times_listening()
        world.write(CONFIG, conf)
        world.run("systemctl", "kill", "--kill-who=main", "-s", "HUP", "box-sshd")
        # It closes its socket before it opens it anew.
        world.wait_for(lambda: times_listening() > before, what="sshd listens again")
        if conf == text:
            yield


def insert(name):
    for other, person in people.items():
        if other != name and "inserted=yes" in person.card.ctl("status"):
            person.card.remove()
    if "inserted=no" in people[name].card.ctl("status"):
        people[name].card.insert()


def ssh(user, *words, card=None, options=()):
    how = ("-o", f"PKCS11Provider={PKCS11}", "-o", "IdentityFile=none") if card else ("-o", "IdentityFile=/root/soft_key")
    if card:
        insert(card)
    return console.Terminal("/usr/bin/ssh", "-F", "none", "-p", PORT, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                            "-o", "NumberOfPasswordPrompts=1", *how, *options, f"{user}@127.0.0.1", *words, seconds=40)


def attempt(user, *words, card=None, options=(), status=0):
    """What the screen shows of a login that sshd takes the key of; the second half is the password."""
    with ssh(user, *(words or ("id -un",)), card=card, options=options) as terminal:
        terminal.expect(PIN_PROMPT)
        terminal.send(stage.PIN)
        terminal.expect(CODE_PROMPT)
        terminal.send(stage.PASSWORD)
        ended = terminal.end()
        if status is not None:
            equal(ended, status, terminal.text)
        return terminal.text


def refused(user, card=None):
    """sshd takes the key of none of the card's: nobody is asked for a PIN."""
    with ssh(user, "id", card=card) as terminal:
        equal(terminal.end(), 255, terminal.text)
        contains(terminal.text, "Permission denied (publickey)")
        lacks(terminal.text, "PIN")


# ---- asking ----

def tool_of(user, *words, seconds=30):
    done = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "cardtool", *words],
                          capture_output=True, text=True, timeout=seconds, check=False, env={"PATH": "/usr/bin:/bin"})
    return done.returncode, done.stdout, done.stderr


def asked(*words, user=KEYS_USER, seconds=30):
    """(status, what was printed, what was said) of cardtool ssh-keys of that account."""
    return tool_of(user, "ssh-keys", *words, seconds=seconds)


def ordinary(user):
    """Of `cardtool status` by somebody who is not registered: status 1; 3 when there is no place."""
    return tool_of(user, "status")


def told(*words):
    status, text, said = asked(*words)
    equal((status, said), (0, ""), "status and standard error")
    return text


def card_row(name):
    return daemon.rows("SELECT state, not_after FROM card WHERE card_id = ?", people[name].card_id)[0]


def expiry(name):
    return time.strftime('expiry-time="%Y%m%d%H%M%SZ"', time.gmtime(card_row(name)[1]))


# ---- the login ----

@report.test(120)
def sshd_takes_the_cards_key_from_the_command_alone():
    for name, kind in (("taro", "ecdsa-sha2-nistp256"), ("hanako", "ssh-rsa")):
        contains(people[name].key, kind)
        contains(attempt(name, card=name), name)
    refused("taro", "hanako")
    refused("hanako", "taro")
    refused("taro")
    refused("jiro", "taro")
    with configured(SSHD_CONF):
        refused("taro", "taro")


@report.test(60)
def only_the_line_of_that_key_is_printed():
    taro, hanako = people["taro"], people["hanako"]
    line = f"{expiry('taro')} {taro.key} {taro.card_id}\n"
    equal(told("taro", *taro.key.split()), line)
    equal(told("taro"), line)
    for words in (("taro", *hanako.key.split()), ("hanako", *taro.key.split()), ("jiro", *taro.key.split()), ("nobody-of-ours", *taro.key.split()),
                  ("root", *taro.key.split()), ("taro", *pathlib.Path("/root/soft_key.pub").read_text().split()[:2]), ("taro", "ssh-rsa", taro.key.split()[1]),
                  ("taro", *pathlib.Path("/etc/ssh/box_host_key.pub").read_text().split()[:2]), ("taro", "", ""), ("", *taro.key.split()),
                  ("taro", "ecdsa-sha2-nistp256", "A" * 9000), ("x" * 5000, *taro.key.split()), ("taro\nhanako",), ("jiro",), ("nobody-of-ours",)):
        equal(told(*words), "", str(words)[:80])
    # A certificate of the card's key is about that key.
    world.write("/root/card.pub", taro.key + "\n")
    world.run("ssh-keygen", "-q", "-s", "/root/soft_key", "-I", "x", "-n", "taro", "/root/card.pub")
    equal(told("taro", *pathlib.Path("/root/card-cert.pub").read_text().split()[:2]), line)
    # What sshd reads is what was meant.
    world.write("/root/line", told("taro"))
    contains(world.run("ssh-keygen", "-l", "-f", "/root/line").stdout, "256 SHA256:")


@report.test(60)
def wrong_usage_is_said_and_prints_no_key():
    for words in ((), ("taro", "ssh-rsa"), ("taro", "a", "b", "c"), ("--revoked", "taro"), ("taro", "--krl"), ("taro", "--output", "/root/x"), ("--keys",)):
        status, text, said = asked(*words)
        equal((status, text), (2, ""), str(words))
        contains(said, "Usage: cardtool ssh-keys")


@report.test(60)
def others_learn_nothing():
    known = [*people["taro"].key.split()]
    said = set()
    for user in ("taro", "jiro", "daemon", "cardmfa", "cardmfa-card"):
        for words in (("taro",), ("taro", *known), ("nobody-of-ours", *known), ("--revoked",), ("--revoked", "--krl")):
            status, text, error = asked(*words, user=user)
            equal((status, text), (1, ""), f"{user}: {words}")
            said.add(error)
    equal(len(said), 1, said)
    contains(said.pop(), "may ask for keys")
    # Root may, also of a machine whose sshd has other means.
    equal(stage.tool("ssh-keys", "taro", text=""), told("taro"))


@report.test(60)
def the_account_is_the_configurations():
    daemon.configure(CONF.replace("[settings]", "[settings]\nkeys-user = jiro"))
    equal(asked("taro", user=KEYS_USER)[:2], (1, ""))
    equal(asked("taro", user="jiro")[0], 0)
    contains(asked("taro", user="jiro")[1], people["taro"].key)
    daemon.configure(CONF.replace("[settings]", "[settings]\nkeys-user = nobody-of-ours"))
    for user in (KEYS_USER, "jiro"):
        equal(asked("taro", user=user)[:2], (1, ""))
    daemon.configure(CONF)
    contains(told("taro"), people["taro"].key)


@report.test(30)
def set_uid_it_does_not_run():
    world.run("install", "-o", KEYS_USER, "-m", "4755", "/usr/bin/cardtool", "/root/cardtool")
    world.run("chmod", "755", "/root")
    done = subprocess.run(["setpriv", "--reuid=jiro", "--regid=jiro", "--clear-groups", "/root/cardtool", "ssh-keys", "taro"],
                          capture_output=True, text=True, timeout=20, check=False)
    equal((done.returncode, done.stdout), (1, ""), done.stderr)
    contains(done.stderr, "set-uid")
    os.unlink("/root/cardtool")


# ---- options ----

@report.test(180)
def restrict_takes_away_and_words_give_back():
    both = ("-tt", "-R", "0:127.0.0.1:9", "-o", "ExitOnForwardFailure=no")
    free = attempt("taro", "tty", card="taro", options=both)
    contains(free, "/dev/pts/")
    contains(free, "Allocated port")
    daemon.configure(CONF + "ssh-allow = none\n")
    contains(told("taro"), f"restrict,{expiry('taro')} ")
    screen = attempt("taro", "tty", card="taro", options=both, status=None)
    contains(screen, "PTY allocation request failed")
    contains(screen, "remote port forwarding failed")
    lacks(screen, "/dev/pts/")
    daemon.configure(CONF + "ssh-allow = pty user-rc\n")
    contains(told("taro"), f"restrict,pty,user-rc,{expiry('taro')} ")
    screen = attempt("taro", "tty", card="taro", options=both)
    contains(screen, "/dev/pts/")
    contains(screen, "remote port forwarding failed")
    daemon.configure(CONF)


@report.test(120)
def from_refuses_elsewhere():
    daemon.configure(CONF + "ssh-from = 192.0.2.0/24 2001:db8::/32\n")
    contains(told("taro"), 'from="192.0.2.0/24,2001:db8::/32",')
    refused("taro", "taro")
    daemon.configure(CONF + "ssh-from = 192.0.2.7 127.0.0.0/8\n")
    contains(told("taro"), 'from="192.0.2.7/32,127.0.0.0/8",')
    attempt("taro", card="taro")
    daemon.configure(CONF)


@report.test(60)
def the_class_is_that_of_a_login_over_ssh():
    daemon.configure(CONF.replace("[default]", "[class here]\nwhere = local\nfactors = card,totp\nssh-allow = none\n"
                                  "[class near]\nservice = sshd\nfrom = 127.0.0.0/8\nfactors = card,totp\nssh-allow = X11-forwarding\n"
                                  "[class taros]\nservice = sshd\nperson = taro\nfactors = card,totp\nssh-allow = agent-forwarding\n[default]"))
    contains(told("taro"), "restrict,agent-forwarding,")
    lacks(told("hanako"), "restrict")
    daemon.configure(CONF)


# ---- until when ----

@report.test(180)
def what_is_no_longer_good_is_refused_at_the_next_connection():
    name, key = "hanako", people["hanako"].key.split()
    card = people[name].card_id
    until = card_row(name)[1]
    attempt(name, card=name)
    with contextlib.ExitStack() as undo:
        for change, back in (("UPDATE person SET state = 'locked' WHERE login = 'hanako'", "UPDATE person SET state = 'active' WHERE login = 'hanako'"),
                             (f"UPDATE card SET not_after = {int(time.time()) - 1} WHERE card_id = '{card}'",
                              f"UPDATE card SET not_after = {until} WHERE card_id = '{card}'")):
            daemon.change(change)
            undo.callback(daemon.change, back)
            equal(told(name, *key), "", change)
            refused(name, name)
            undo.close()
            contains(told(name, *key), people[name].key)
    stage.tool("suspend", card, text="")
    refused(name, name)
    equal(told("--revoked").split()[:2], key)
    stage.tool("resume", card, text="")
    equal(told("--revoked"), "")
    attempt(name, card=name)
    world.run("cardtool", "revoke", card, "--reason", "lost", status=None)
    refused(name, name)
    equal(told(name), "")


# ---- RevokedKeys: hanako's card is revoked from here on ----

@report.test(180)
def hosts_with_keys_of_their_own_refuse_the_revoked():
    taro, hanako = people["taro"], people["hanako"]
    equal(card_row("hanako")[0], "revoked")
    pathlib.Path("/etc/ssh/box_keys").mkdir()
    for name in people:
        world.write(f"/etc/ssh/box_keys/{name}", f"{taro.key}\n{hanako.key}\n")
    conf = SSHD_CONF.replace("AuthorizedKeysFile none", "AuthorizedKeysFile /etc/ssh/box_keys/%u")
    with configured(conf):
        # Its key alone would still bring it to the prompt.
        with ssh("hanako", "id", card="hanako") as terminal:
            terminal.expect(PIN_PROMPT)
    for form in ((), ("--krl",)):
        stage.tool("ssh-keys", "--revoked", *form, "--output", KRL, text="")
        equal(os.stat(KRL).st_mode & 0o7777, 0o644)
        with configured(conf + f"RevokedKeys {KRL}\n"):
            refused("hanako", "hanako")
            contains(attempt("taro", card="taro"), "taro")


@report.test(60)
def ssh_keygen_agrees_with_the_krl():
    taro, hanako = people["taro"], people["hanako"]
    for name, person in people.items():
        world.write(f"/root/{name}.pub", person.key + "\n")
    world.run("ssh-keygen", "-q", "-s", "/root/soft_key", "-I", "x", "/root/hanako.pub")
    stage.tool("ssh-keys", "--revoked", "--krl", "--output", KRL, text="")
    contains(world.run("ssh-keygen", "-Q", "-f", KRL, "/root/taro.pub").stdout, ": ok")
    for path in ("/root/hanako.pub", "/root/hanako-cert.pub"):
        contains(world.run("ssh-keygen", "-Q", "-f", KRL, path, status=1).stdout, ": REVOKED")
    listed = world.run("ssh-keygen", "-Q", "-l", "-f", KRL).stdout
    equal(re.findall("^hash: SHA256:(.*)$", listed, re.MULTILINE), [hashlib.sha256(base64.b64decode(hanako.key.split()[1])).hexdigest()])
    equal(told("--revoked"), f"{hanako.key} {hanako.card_id}\n")
    lacks(told("--revoked"), taro.key)


@report.test(60)
def a_list_is_replaced_whole_or_not_at_all():
    folder = pathlib.Path("/run/box-small")
    folder.mkdir()
    world.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    path = folder / "revoked"
    stage.tool("ssh-keys", "--revoked", "--krl", "--output", str(path), text="")
    whole = path.read_bytes()
    (folder / "filler").write_bytes(b"x" * (60 * 1024 - len(whole)))
    with contextlib.suppress(OSError), open(folder / "more", "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    stage.tool("ssh-keys", "--revoked", "--output", str(path), text="", status=3)
    equal(path.read_bytes(), whole)
    with daemon.stopped():
        stage.tool("ssh-keys", "--revoked", "--krl", "--output", str(path), text="", status=3)
    equal(path.read_bytes(), whole)
    equal(sorted(entry.name for entry in folder.iterdir()), ["filler", "more", "revoked"])
    world.run("umount", str(folder))
    stage.tool("ssh-keys", "--revoked", "--output", "/no/such/folder/x", text="", status=3)


# ---- when the service is not there, or others crowd it ----

@report.test(120)
def without_the_daemon_nobody_is_let_in_and_nobody_waits():
    with daemon.stopped():
        status, text, said = asked("taro", *people["taro"].key.split())
        equal((status, text), (3, ""), said)
        contains(said, "does not answer")
        with report.soon("sshd's refusal", 2 * report.SOON):
            refused("taro", "taro")
    attempt("taro", card="taro")
    listener = daemon.listener()
    os.kill(listener, signal.SIGSTOP)
    try:
        with report.soon("the end of the wait", 2.5 * report.SOON):
            status, text, said = asked("taro", *people["taro"].key.split())
        equal((status, text), (3, ""), said)
    finally:
        os.kill(listener, signal.SIGCONT)


@report.test(60)
def it_waits_for_no_writer_and_changes_nothing():
    def hold():
        with contextlib.closing(sqlite3.connect(daemon.STORE, timeout=10, isolation_level=None)) as base:
            base.execute("BEGIN IMMEDIATE")
            os.write(ready[1], b"x")
            os.read(done[0], 1)
            base.execute("ROLLBACK")
    ready, done = os.pipe(), os.pipe()
    before = daemon.rows("SELECT (SELECT count(*) FROM event), (SELECT max(seq) FROM event), (SELECT last_class FROM person WHERE login = 'taro')")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(daemon.as_user, "cardmfa", hold)
        os.read(ready[0], 1)
        # The writer does not let go before.
        with report.soon("the answers", report.SOON / 2):
            contains(told("taro"), people["taro"].key)
            contains(told("--revoked"), people["hanako"].key)
        os.write(done[1], b"x")
        held.result()
    equal(daemon.rows("SELECT (SELECT count(*) FROM event), (SELECT max(seq) FROM event), (SELECT last_class FROM person WHERE login = 'taro')"), before)


# Opens so many connections, says nothing in them, and a new one for each that is closed.
HOLDER = """
import select, socket, sys
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect('/run/cardmfa/user.sock')
    return s
kept = [connect() for _ in range(int(sys.argv[1]))]
print('up', flush=True)
while True:
    for s in select.select(kept, [], [])[0]:
        kept.remove(s)
        s.close()
        kept.append(connect())
"""


# Asks so many times, and takes sixty packets of each answer in a second: of a login of its own account, or of all keys that are revoked.
ASKER = """
import select, socket, struct, sys, time
op, service, user = %r
def text(s):
    return struct.pack('>I', len(s)) + s.encode()
kept = []
for _ in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect('/run/cardmfa/user.sock')
    s.send(b'CMFA' + struct.pack('>HHBI', 1, 1, op, 0) + b''.join(map(text, (service, user, '', '', ''))))
    kept.append(s)
for s in kept:
    s.recv(9999)
print('up', flush=True)
while True:
    time.sleep(1)
    for _ in range(60):
        for s in select.select(kept, [], [], 0)[0]:
            s.recv(9999) or kept.remove(s)
"""
LOGIN, REVOKED = (1, "vlock", KEYS_USER), (9, "", "")


@contextlib.contextmanager
def holding(user, connections, program=HOLDER):
    holder = subprocess.Popen(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "/usr/bin/python3", "-c", program, str(connections)],
                              stdout=subprocess.PIPE, text=True)
    try:
        equal(holder.stdout.readline(), "up\n")
        yield
    finally:
        holder.kill()
        holder.wait(10)


@report.test(120)
def many_connections_at_once_are_all_answered():
    key = people["taro"].key.split()
    with contextlib.ExitStack() as held:
        # Ordinary users keep all the places that they can have.
        for uid in range(20000, 20008):
            held.enter_context(holding(uid, 8))
        # The one of them that is silent for longest gives way to another user.
        status, _, said = ordinary("jiro")
        equal(status, 1, said)
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda _: asked("taro", *key), range(100)))
    equal({answer[:2] for answer in answers}, {(0, f"{expiry('taro')} {people['taro'].key} {people['taro'].card_id}\n")}, answers)


@report.test(120)
def sshds_account_can_not_crowd_out_root():
    """It opens as many connections as it can, and says nothing in them; root's hosts and other users are answered meanwhile."""
    insert("taro")
    with holding(KEYS_USER, 80):
        with report.soon("a login at the console"):
            equal(pam.attempt("taro", *pam.by_password(people["taro"])).opened, True, "a login at the console")
        contains(stage.tool("ssh-keys", "taro", text=""), people["taro"].key)
        equal(ordinary("jiro")[0], 1)


@report.test(120)
def sshds_account_can_not_crowd_out_itself():
    """What keeps silent gives way to who asks for sshd, and what asks for anything else has no place of it."""
    key = people["taro"].key.split()
    for program, connections in ((HOLDER, 80), (ASKER % (LOGIN,), 64)):
        with holding(KEYS_USER, connections, program):
            begun = time.monotonic()
            contains(told("taro", *key), people["taro"].key)
            assert time.monotonic() - begun < 1.5


def revoke_more(cards):
    """Of nobody's keys, more than a socket holds."""
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04"

    def write():
        with contextlib.closing(sqlite3.connect(daemon.STORE, timeout=10)) as base, base:
            base.executemany("INSERT INTO card (card_id, person, app, key_ref, algorithm, spki, spki_sha256, pin_proved, state, reason, enrolled_at, changed_at, "
                             "revoked_at) SELECT ?, person, app, key_ref, 'p256', ?, ?, 1, 'revoked', 'lost', enrolled_at, changed_at, changed_at FROM card LIMIT 1",
                             ((card_id(n), head + os.urandom(64), os.urandom(32)) for n in range(cards)))
    daemon.as_user("cardmfa", write)


def card_id(number):
    """Seven symbols of base 31, low ones first, and the one that makes the weighted sum zero."""
    values = [number // 31 ** place % 31 for place in range(7)]
    values.append(-sum((10 + place) * value for place, value in enumerate(values)) * 11 % 31)
    text = "".join("23456789ABCDEFGHJKMNPQRSTUVWXYZ"[value] for value in values)
    return f"{text[:4]}-{text[4:]}"


@report.test(120)
def who_takes_answers_slowly_gives_way():
    revoke_more(3000)
    assert len(told("--revoked").splitlines()) >= 3000
    with holding(KEYS_USER, 64, ASKER % (REVOKED,)):
        time.sleep(3)           # no answer takes longer than two
        for _ in range(3):
            contains(told("taro", *people["taro"].key.split()), people["taro"].key)


@report.test(60)
def hosts_of_root_can_not_crowd_it_out():
    """They keep all the places that they can have."""
    key = people["taro"].key.split()
    with holding("root", 400, HOLDER.replace("user.sock", "cardmfad.sock")):
        for _ in range(3):
            begun = time.monotonic()
            contains(told("taro", *key), people["taro"].key)
            assert time.monotonic() - begun < 1.5


if __name__ == "__main__":
    report.main(prepare)
