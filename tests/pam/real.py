#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The module with the installed daemon, a card and people of different uids; and the daemon's sockets spoken to directly."""
# check: box timeout=400
import ctypes
import os
import pathlib
import pwd
import random
import shutil
import socket
import struct
import threading
import time

import rig
from lib import console, daemon, report, stage, world
from rig import Host, LONG, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED, allowed, equal, masked, refused, test, within

CONF = """
[class locker]
service = swaylock
where = remote
factors = totp,password
attempts = 3

[default]
factors = card,totp card,password
attempts = 5
"""
STACK = {service: [line.replace(str(rig.MODULE), "pam_cardmfa.so") for line in rig.full_stack()] for service in ("login", "swaylock")}
people = {}
taro = None


def prepare():
    global taro
    stage.set_up(CONF)
    world.login_stack(service="su")
    people["taro"] = taro = stage.person("taro")
    people["hanako"] = stage.person("hanako", "--slot", "9A=rsa2048,pin=once", reader=1)
    world.add_user("nemo")
    world.systemctl("start", "cardmfad.service")


def unlock(name="taro"):
    stage.tool("unlock", name, text="", status=None)


def answers(person, pin=None, secret=None):
    return f"t:{pin or person.pin}", f"t:{secret or person.password}"


def uid_of(name):
    return pwd.getpwnam(name).pw_uid


@test
def A8_attempts_on_one_handle_stand_alone():
    with Host(STACK) as host:
        host.start("taro")
        for failed in (1, 2):
            refused(host.auth(*answers(taro, secret="wrong-password")), PAM_AUTH_ERR)
            equal(daemon.counted("taro"), failed, "failures counted")
        allowed(host.auth(*answers(taro)))
        equal(daemon.counted("taro"), 0, "failures behind a success")
        # Right PIN and wrong password, then wrong PIN and right password.
        refused(host.auth(*answers(taro, secret="wrong-password")), PAM_AUTH_ERR)
        got = refused(host.auth(*answers(taro, pin="000000")), PAM_AUTH_ERR)
        equal(len(got.prompted), 1, "prompts behind a wrong PIN")
        equal((daemon.counted("taro"), taro.card.tries()), (1, 2), "failures, the card's tries left")
        refused(host.auth("t:" + taro.pin, "fail0"), rig.PAM_CONV_ERR)
        equal(daemon.counted("taro"), 1, "nothing counted for no answer")
        allowed(host.auth(*answers(taro)))
        equal((daemon.counted("taro"), taro.card.tries()), (0, 3))


@test
def A9_another_user_in_the_same_transaction():
    with Host(STACK) as host:
        host.start("taro")
        allowed(host.auth(*answers(taro)))
        allowed(host.call("acct"))
        host.do("set 0 user hanako")
        refused(host.call("acct"), PAM_PERM_DENIED, what="taro's proof for hanako")
        refused(host.call("open"), PAM_PERM_DENIED, what="taro's proof for hanako")
        host.do("set 0 user -")
        got = host.auth("t:taro", *answers(taro))
        equal((got.rc, got.changed), (0, "user"), f"asked for the name anew: {got!r}")
        host.do("set 0 user nemo")
        refused(host.call("acct"), PAM_PERM_DENIED)


def card_is_left_clean(what):
    world.wait_for(lambda: taro.card.ctl("verified") == "no", report.SOON, f"end of the PIN's effect after {what}")


@test
def A14_cancel_and_empty_answers():
    """Through libpam at each prompt, at a console by its keys, and with no input at all."""
    with Host(STACK) as host:
        host.start("taro")
        for wrong in ("fail0", "fail", "null", "empty"):
            taro.card.count_reset()
            within(refused(host.auth(wrong)), 0, rig.SOON_MS, wrong)
            equal(taro.card.count("VERIFY"), 0, "VERIFY")
            card_is_left_clean(wrong)
            within(refused(host.auth("t:" + taro.pin, wrong)), 0, rig.SOON_MS, wrong)
            card_is_left_clean(wrong)
        equal((daemon.counted("taro"), taro.card.tries()), (0, 3), "failures, tries")
    for key in ("\x03", "\x04"):
        for before in ((), (("PIN of your IC card: $", taro.pin),)):
            taro.card.count_reset()
            with console.Console() as screen:
                screen.name("taro")
                screen.answer(*before)
                screen.expect("code or password: $" if before else "PIN of your IC card: $")
                with report.soon(f"key {key!r}"):       # login itself waits 3 s behind a failure
                    screen.child.send(key)
                    screen.expect(console.NAME_PROMPT, r"Login incorrect", console.pexpect.EOF)
            equal(taro.card.count("VERIFY"), len(before), "VERIFY")
            card_is_left_clean(repr(key))
            daemon.wait_quiet()
    begun = time.monotonic()
    done = world.run("setpriv", f"--reuid={uid_of('nemo')}", f"--regid={uid_of('nemo')}", "--clear-groups", "su", "taro", "-c", "echo in",
                     status=None)
    equal((done.returncode, "in" in done.stdout), (1, False), "su without input")
    if time.monotonic() - begun > report.SOON:
        raise AssertionError("su without input took too long")
    equal((daemon.counted("taro"), daemon.counted("taro", f"uid:{uid_of('nemo')}")), (0, 0))


@test
def A16_the_same_answer_to_every_prompt():
    with Host(STACK) as host:
        host.start("taro")
        for secret in (taro.pin, taro.password):
            unlock()
            got = refused(host.auth(*[f"t:{secret}"] * 4), PAM_AUTH_ERR)
            # The PIN twice: a wrong code. The password first: no PIN at all, and nothing to count.
            equal((len(got.prompted), daemon.counted("taro")), (2, 1) if secret == taro.pin else (1, 0))
        equal(taro.card.tries(), 3)
        unlock()


def memory_holds(pid, canary):
    """How often the bytes stand in the memory of a process."""
    hits = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if mode[0] != "r" or "[v" in line:
                continue
            try:
                memory.seek(start)
                hits += memory.read(end - start).count(canary)
            except OSError:
                continue
    return hits


@test
def A17_memory_of_host_and_daemon():
    """The PIN is gone everywhere when the code is asked for, the code and password when the host has its verdict."""
    found = {}

    def look():
        world.wait_for(lambda: taro.card.count("SIGN") == 1, what="signature")
        pids = {name: daemon.wait_process(name) for name in (daemon.WORKER, daemon.CARD)}
        time.sleep(0.3)
        for name, pid in {**pids, "listener": daemon.listener()}.items():
            found[name] = memory_holds(pid, taro.pin.encode())
    for secret in (taro.password, taro.code()):
        taro.card.count_reset()
        with Host(STACK) as host:
            host.start("taro")
            looking = threading.Thread(target=look)
            looking.start()
            got = allowed(host.auth("m:" + masked(taro.pin), "wait:8000:m:" + masked(secret)))
            looking.join()
            equal(found, {daemon.WORKER: 0, daemon.CARD: 0, "listener": 0}, "places with the PIN at the second prompt")
            if "probe authtok=unset" not in got.told:
                raise AssertionError(f"PAM_AUTHTOK: {got!r}")
            for canary in (taro.pin, secret):
                equal(host.scan(canary), 0, "places with a secret in the host")
                equal(memory_holds(daemon.listener(), canary.encode()), 0, "places with a secret in the listener")
            host.do("plant " + masked(taro.pin))
            equal((host.scan(taro.pin), memory_holds(host.pid, taro.pin.encode())), (1, 1), "what the searches find")


# -- the daemon's sockets, without the module ------------------------------------------------------------

def request(op, user, service="swaylock", rhost="", tty="", flags=0, info=""):
    return rig.packet(rig.REQUEST, struct.pack(">BI", op, flags) + b"".join(map(rig.text_field, (service, user, rhost, tty, info))))


def answer(number, text, given=1):
    return rig.packet(rig.ANSWER, struct.pack(">IBI", number, given, len(text)) + text)


def talk(path, packets, replies=(), seconds=20.0):
    """Sends the packets, gives each prompt the next reply, returns the kinds of what came and the result's two words (None: hung up)."""
    kinds, verdict, replies = [], None, list(replies)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.settimeout(seconds)
        line.connect(path)
        try:
            for packet in packets:
                line.send(packet)
            while data := line.recv(65536):
                kind = struct.unpack_from(">H", data, 6)[0]
                kinds.append(kind)
                if kind == rig.RESULT:
                    verdict = struct.unpack_from(">II", data, 8)
                    break
                if kind == rig.MESSAGE and data[8] in (rig.HIDDEN, rig.SHOWN):
                    if not replies:
                        break
                    line.send(answer(struct.unpack_from(">I", data, 9)[0], replies.pop(0).encode()))
        except (BrokenPipeError, ConnectionResetError):
            pass
        except TimeoutError:
            kinds.append("silence")
    return kinds, verdict


def as_user(name, function):
    return daemon.as_user(name, function)


@test
def A30_the_user_socket_spoken_to_directly():
    """Oneself: counted tries, as many as the class allows. Others: the same refusal for all, at once, nothing asked and nothing counted."""
    unlock()
    origin = f"uid:{uid_of('taro')}"
    for op in (rig.AUTH, rig.ACCOUNT):
        faces = {name: as_user("taro", lambda name=name, op=op: talk(rig.USER_SOCKET, [request(op, name)], ["x"] * 4))
                 for name in ("hanako", "nemo", "root", "no-such-name", "cardmfa", "taro ", "")}
        for name, face in faces.items():
            if name and name != "taro ":
                equal(face, faces["hanako"], f"answer about {name}")
            if rig.MESSAGE in face[0] or (face[1] and face[1][0] == rig.ALLOW):
                raise AssertionError(f"about {name!r}: {face}")
    for op in (rig.OPEN, rig.CONFIRM, rig.CLOSE):
        kinds, verdict = as_user("taro", lambda op=op: talk(rig.USER_SOCKET, [request(op, "taro")]))
        equal(verdict and verdict[0], rig.DENY, f"operation {op}: {kinds}")
    # In a wrong name the person counts nothing for anybody; in his own exactly the limit is verified.
    equal([daemon.counted(name, o) for name in ("taro", "hanako") for o in ("local", "remote", origin)], [0] * 6, "counted so far")
    before = daemon.number("SELECT count(*) FROM bucket WHERE person = 0")
    verdicts = [as_user("taro", lambda: talk(rig.USER_SOCKET, [request(rig.AUTH, "taro", rhost="192.0.2.99")], ["000000", "wrong-password"]))[1]
                for _ in range(5)]
    equal([v[0] for v in verdicts], [rig.DENY] * 5, "verdicts")
    equal([daemon.counted("taro", o) for o in ("local", "remote", origin)], [0, 0, 3], "failures of three origins")
    equal(daemon.number("SELECT count(*) FROM bucket WHERE person = 0"), before, "addresses charged on a user's word")
    right = as_user("taro", lambda: talk(rig.USER_SOCKET, [request(rig.AUTH, "taro")], ["123456", taro.password]))
    equal(right[1][0], rig.DENY, "while locked")
    with Host(STACK) as host:
        host.start("taro")
        allowed(host.auth(*answers(taro)), "the console while the locker's bucket is full")
    for path in (rig.ROOT_SOCKET, "/var/lib/cardmfa/store.db", "/etc/cardmfa/keys/store.key", "/run/cardmfa/reader.lock"):
        equal(as_user("taro", lambda path=path: [os.access(path, mode) for mode in (os.R_OK, os.W_OK)]), [False, False], path)
    unlock()


@test
def A30_a_screen_locker_as_the_person_himself():
    with Host(STACK, uid=uid_of("taro")) as host:
        host.start("taro", "swaylock")
        got = allowed(host.auth("t:" + taro.code(), "t:" + taro.password))
        equal(got.prompted, ["Verification code: ", "Password: "])
        refused(host.auth("t:" + taro.app.last(), "t:" + taro.password), PAM_AUTH_ERR, what="the same code again")
        host.do("end 0")
        for name in ("hanako", "nemo", "root", "no-such-name"):
            host.start(name, "swaylock")
            got = within(refused(host.auth("t:123456", "t:" + taro.password), PAM_AUTHINFO_UNAVAIL, what=name), 0, rig.SOON_MS, name)
            equal(got.prompted, [], f"prompts for {name}")
            refused(host.call("acct"), PAM_PERM_DENIED, what=name)
            host.do("end 0")
    unlock()


def hostile(user):
    """What a host may send that is no call. Each a list of packets."""
    good = request(rig.AUTH, user)
    yield from ([good[:n]] for n in (0, 1, 4, 7, 8, 9, 12, 13, 20, len(good) - 1))
    yield from ([good + tail] for tail in (b"\0", b"x" * 100, bytes(24576 - len(good)), bytes(40000)))
    yield from ([rig.packet(kind, good[8:])] for kind in (0, 2, 16, 17, 18, 32, 33, 34, 48, 49, 0xFFFF))
    yield from ([rig.packet(rig.REQUEST, good[8:], version=v)] for v in (0, 2, 0xFFFF))
    yield from ([rig.packet(rig.REQUEST, good[8:], magic=m)] for m in (b"CMFB", b"\0\0\0\0"))
    yield from ([request(op, user)] for op in (0, 6, 8, 255))
    for length in (0xFFFFFFFF, 0x80000000, 66, 24576):
        yield [good[:13] + struct.pack(">I", length) + good[17:]]
    yield [request(rig.AUTH, user, service="s" * 65)]
    yield [request(rig.AUTH, "u" * 257)]
    yield [request(rig.AUTH, user, rhost="r" * 1025)]
    yield [request(rig.AUTH, user, info="k" * 4097)]
    yield [request(rig.AUTH, user + "\0root")]
    yield [request(rig.AUTH, user, service="login\0x")]
    yield [answer(1, b"123456")]
    yield [answer(1, b"123456"), good]
    yield [good, good]
    yield [good, answer(0, b"123456")]
    yield [good, answer(2, b"123456")]
    yield [good, answer(1, b"x" * 513)]
    yield [good, answer(1, b"123456", given=2)]
    yield [good, rig.result(rig.ALLOW, 0)]
    yield [good, rig.packet(32, bytes(100)), answer(1, b"123456")]
    yield [good, answer(1, b"123456"), answer(1, b"123456"), answer(1, taro.password.encode())]


def unharmed(listener, mark):
    equal(daemon.listener(), listener, "the listener's pid")
    log = world.journal_text("-u", "cardmfad", since=mark)
    if "ended by signal" in log or "signal 11" in log or "signal 6" in log or "AddressSanitizer" in log:
        raise AssertionError(log)
    daemon.wait_quiet()
    with Host(STACK) as host:
        host.start("taro")
        allowed(host.auth(*answers(taro)), "the next login")


@test
def A85_hostile_host():
    """Malformed, early, doubled and foreign messages on both sockets: a refusal or the end of the line, never an allowance."""
    listener, mark = daemon.listener(), world.journal_mark()
    for packets in hostile("taro"):
        for user, path in (("root", rig.ROOT_SOCKET), ("taro", rig.USER_SOCKET)):
            kinds, verdict = as_user(user, lambda p=packets, path=path: talk(path, p)) if user != "root" else talk(path, packets)
            if (verdict and verdict[0] != rig.DENY) or "silence" in kinds:
                raise AssertionError(f"{user}: {packets!r}: {kinds} {verdict}")
    unlock()
    unharmed(listener, mark)


@test
def A85_answers_out_of_order():
    """The right PIN in answer to a question not asked, or asked before: refused without another question."""
    pin, secret = taro.pin.encode(), taro.password.encode()
    for numbers in ((2, 2), (0, 2), (0xFFFFFFFF, 2), (1, 1), (1, 3)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(30)
            line.connect(rig.ROOT_SOCKET)
            line.send(request(rig.AUTH, "taro", service="login"))
            questions = 0
            while data := line.recv(65536):
                kind = struct.unpack_from(">H", data, 6)[0]
                if kind == rig.RESULT:
                    break
                if kind == rig.MESSAGE and data[8] == rig.HIDDEN:
                    line.send(answer(numbers[questions], (pin, secret)[questions]))
                    questions += 1
            equal((kind, struct.unpack_from(">I", data, 8)[0]), (rig.RESULT, rig.DENY), f"verdict for answers numbered {numbers}")
            equal(questions, 2 if numbers[0] == 1 else 1, f"questions for answers numbered {numbers}")
    unlock()


@test
def A85_hostile_host_random():
    listener, mark = daemon.listener(), world.journal_mark()
    rng = random.Random(int(os.environ.get("SEED", "1")))
    for _ in range(5000 if LONG else 150):
        packet = bytearray(request(rng.randint(1, 5), rng.choice(["taro", "hanako", "nemo"]), rng.choice(["login", "swaylock", "sshd"])))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(packet))
            packet[at:at + rng.randint(0, 4)] = rng.randbytes(rng.randint(0, 5))
        # A call that is still in order costs the card no try.
        kinds, verdict = talk(rig.ROOT_SOCKET, [bytes(packet) or b"?"], ["no PIN"], seconds=40)
        # A changed byte may leave a call that is in order: closing a session is allowed to anybody's host.
        if verdict and verdict[0] == rig.ALLOW and packet[8] != rig.CLOSE:
            raise AssertionError(f"{bytes(packet)!r}: {kinds}")
    unlock()
    unharmed(listener, mark)


@test
def A85_a_line_without_a_message():
    """Held open: ended after two seconds, before any worker; hung up at once: no worker either."""
    workers = []
    # One that has answered may still close its store.
    daemon.wait_quiet()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(rig.ROOT_SOCKET)
        line.settimeout(30)
        begun = time.monotonic()
        workers += daemon.processes()
        equal(line.recv(100), b"", "what came")
        if not 1.5 < time.monotonic() - begun < 2 + report.SOON:
            raise AssertionError(f"ended after {time.monotonic() - begun:.1f} s")
    for _ in range(50):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(rig.ROOT_SOCKET)
        workers += daemon.processes()
    equal(workers, [], "processes for nobody")


class CloneArgs(ctypes.Structure):
    """struct clone_args of linux/sched.h."""
    _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size",
                                                    "tls", "set_tid", "set_tid_size", "cgroup")]


def process_with_pid(pid, uid):
    """A sleeping process of that uid under just this pid."""
    wanted = ctypes.c_int32(pid)
    arguments = CloneArgs(exit_signal=17, set_tid=ctypes.addressof(wanted), set_tid_size=1)
    libc = ctypes.CDLL(None, use_errno=True)
    got = libc.syscall(435, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if got == 0:
        os.setgroups([])
        os.setresuid(uid, uid, uid)
        time.sleep(120)
        os._exit(0)
    equal(got, pid, f"clone3 ({os.strerror(ctypes.get_errno())})")


def connect_and_leave(user):
    """A process of the user connects, leaves the line to its child and ends. Returns its pid and how to let the child go on."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    go, report_ = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        daemon.become(user)
        line.connect(rig.USER_SOCKET)
        if os.fork() == 0:
            os.read(go[0], 1)
            got = []
            try:
                line.settimeout(20)
                line.send(request(rig.AUTH, "hanako"))
                while data := line.recv(65536):
                    got.append(struct.unpack_from(">H", data, 6)[0])
            except OSError:
                pass
            os.write(report_[1], bytes(got) or b"\0")
        os._exit(0)
    os.waitpid(pid, 0)
    line.close()
    return pid, go[1], report_[0]


@test
def A85_client_exits_and_its_pid_is_given_anew():
    """What is left of the connection does not become the new process' of that pid, even if that is the person asked about."""
    for uid in (uid_of("hanako"), 0):
        pid, go, told = connect_and_leave("taro")
        process_with_pid(pid, uid)
        os.write(go, b"!")
        kinds = list(os.read(told, 100))
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        equal([kind for kind in kinds if kind == rig.MESSAGE], [], f"questions and texts, uid {uid}")


@test
def A32_people_in_turn_in_one_process():
    """Real logins of two people, and refusals of a third, alternate in one process: no growth, nobody's verdict for another."""
    hanako = people["hanako"]

    def listener():
        """Its open descriptors: one that stays open for each call shows."""
        daemon.wait_quiet()
        return len(os.listdir(f"/proc/{daemon.listener()}/fd"))
    with Host(STACK) as host:
        def both():
            for person, other in ((taro, hanako), (hanako, taro)):
                allowed(host.login(*answers(person), user=person.name))
                refused(host.login(*answers(other, pin="7777777", secret=person.password), user="nemo"), PAM_AUTH_ERR)
        host.start("hanako")
        allowed(host.call("cred"))
        refused(host.call("acct"), PAM_PERM_DENIED, what="before any login")
        host.do("end 0")
        both()
        before, open_before = host.stat(), listener()
        for _ in range(100 if LONG else 6):
            both()
        after = host.stat()
        equal((after[0], listener()), (before[0], open_before), "descriptors of the host, of the listener")
        # Nothing is kept of a person or of the configuration from one to the next.
        stage.tool("suspend", hanako.card_id, text="")
        refused(host.login(*answers(hanako), user="hanako"), PAM_AUTH_ERR, what="a card suspended meanwhile")
        stage.tool("resume", hanako.card_id, text="")
        allowed(host.login(*answers(hanako), user="hanako"))
        daemon.configure(CONF.replace("factors = card,totp card,password", "factors = card"))
        equal(allowed(host.login("t:" + taro.pin)).prompted, ["PIN of your IC card: "], "by the new configuration")
        daemon.configure(CONF)
        equal(len(allowed(host.login(*answers(taro))).prompted), 2, "by the old one again")
        if after[1] > before[1] + 512:
            raise AssertionError(f"resident memory grew from {before[1]} to {after[1]} KiB")
    daemon.wait_quiet()


if __name__ == "__main__":
    rig.main(seconds=120, namespace=False, prepare=prepare)
