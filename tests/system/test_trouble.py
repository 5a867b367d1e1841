#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pcscd, the store, the disk or a neighbour makes trouble: a clear answer in time, nothing counted, nobody else hindered."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import time

from lib import daemon, pam, pcsc, report, stage, vcard, world

CONF = """
[settings]
argon2-time = 1

[class counter]
; a console without a reader
person = jiro
factors = totp,password

[class keeper]
person = hanako
factors = card,totp card,password
when-full = yes

[default]
factors = card,totp card,password
card-wait = 5s
login-time = 25s
"""
LOGIN_TIME = 25         # within it the daemon answers; the host sees it a little later
STORE_DIR = pathlib.Path("/var/lib/cardmfa")
KEY_FILE = pathlib.Path("/etc/cardmfa/keys/store.key")
SMALL = pathlib.Path("/srv/small")
people = {}


def prepare():
    stage.set_up(CONF)
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", reader=1)
    world.add_user("jiro")
    stage.tool("user", "add", "jiro")
    jiro = people["jiro"] = stage.Person("jiro")
    jiro.app = stage.enroll_app("jiro")
    stage.tool("password", "set", "jiro", "--stdin", text=stage.PASSWORD + "\n")


def prompts(outcome):
    return [text for style, text in outcome.shown if style in (1, 2)]


def forget_last_code(name):
    """So that no test waits for the next one."""
    daemon.change("UPDATE totp SET last_step = last_step - 10 WHERE person = (SELECT id FROM person WHERE login = ?)", name)
    people[name].app.used = 0


def logs_in(name, seconds=report.SOON):
    person = people[name]
    if name == "jiro":
        forget_last_code(name)
    answers = (("code:", person.code()), ("assword:", person.password)) if name == "jiro" else pam.by_password(person)
    outcome = pam.attempt(name, *answers)
    report.equal(outcome.opened, True, f"login of {name}: {outcome}")
    if outcome.seconds > seconds:
        raise AssertionError(f"the login of {name} took {outcome.seconds:.1f} s")


def unavailable(outcome, seconds, *texts):
    report.equal(outcome.codes, {"auth": pam.AUTHINFO_UNAVAIL}, f"answer: {outcome}")
    if outcome.seconds > seconds:
        raise AssertionError(f"answered after {outcome.seconds:.1f} s, not {seconds}")
    for text in texts:
        report.contains(outcome.text, text)


def nothing_counted(*names):
    counts = {name: daemon.counted(name) for name in names or people}
    for name in counts:
        stage.tool("unlock", name, text="", status=None)
    report.equal(counts, dict.fromkeys(counts, 0), "counted failures")


def logged(part, mark):
    world.wait_for(lambda: part in world.journal_text(since=mark), what=f"{part!r} in the journal")


@contextlib.contextmanager
def other_program(user, function):
    """function(ready) in a process of that user; it goes on until the block ends."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        def run():
            function(lambda text="": os.write(write, f"ready {text}".encode()))
            time.sleep(600)
        try:
            daemon.become(user)
            run()
        except BaseException as problem:  # pylint: disable=broad-except
            os.write(write, repr(problem).encode())
        finally:
            os._exit(0)
    try:
        said = os.read(read, 1000).decode()
        if not said.startswith("ready"):
            raise AssertionError(f"the other program: {said}")
        yield said.removeprefix("ready ")
    finally:
        daemon.kill(pid)
        os.waitpid(pid, 0)
        os.close(read)
        os.close(write)


# --- pcscd -----------------------------------------------------------------------------------------

@report.test(seconds=30)
def A74_no_pcscd():
    world.stop_pcscd()
    try:
        outcome = pam.attempt("taro", *pam.by_password(people["taro"]))
        unavailable(outcome, report.SOON, "The smart card service does not answer.")
        report.equal(prompts(outcome), [], "prompts")
        logs_in("jiro")
    finally:
        world.systemctl("start", "pcscd.socket")
        world.start_pcscd()
    people["taro"].card.wait_seen(True)
    people["hanako"].card.wait_seen(True)
    logs_in("taro")
    nothing_counted()


def restarted_pcscd():
    world.systemctl("reset-failed", "pcscd.service", status=None)
    world.start_pcscd()
    for name in ("taro", "hanako"):
        people[name].card.wait_seen(True)


def pcscd():
    return int(world.systemctl("show", "-P", "MainPID", "pcscd.service"))


def kill_pcscd():
    """And systemd has noticed."""
    main = pcscd()
    daemon.kill(main)
    world.wait_for(lambda: pcscd() != main, what="the end of pcscd")


@report.test(seconds=30)
def A74_pcscd_crashes_at_the_prompt_and_within_an_APDU():
    taro = people["taro"]
    pin = pam.Held(taro.pin)
    host = pam.Host("taro", ("PIN", pin), ("password", taro.password))
    pin.wait()
    kill_pcscd()
    restarted_pcscd()
    pin.give()
    outcome = host.outcome()
    report.equal(outcome.opened, False, "login across a crash")
    report.lacks(outcome.text, "password")
    for name in ("CHUID", "VERIFY", "SIGN"):
        taro.card.fault("stall", name, 0)
        host = pam.Host("taro", *pam.by_password(taro))
        taro.card.ctl("wait", "stalled")
        kill_pcscd()
        unavailable(host.outcome(), LOGIN_TIME + report.SOON)
        taro.card.clear()
        restarted_pcscd()
        report.equal(pcsc.signature_without_pin(taro.card.reader), ["6982", "6982"], "a stranger's signature")
    logs_in("taro")
    nothing_counted()


def hold_transaction(ready):
    held = pcsc.Connection(vcard.READERS[0])
    held.begin()
    ready()


@report.test(seconds=60)
def A74_card_held_by_another_program_and_silent_pcscd():
    taro = people["taro"]
    main = pcscd()
    with other_program("jiro", hold_transaction):
        held = pam.Host("taro", *pam.by_password(taro))
        daemon.wait_process(daemon.CARD)
        time.sleep(0.5)
        # Now it accepts, and says nothing.
        daemon.kill(main, signal.SIGSTOP)
        try:
            silent = [pam.Host("taro", *pam.by_password(taro)) for _ in range(3)]
            logs_in("jiro")
            for host in [held, *silent]:
                outcome = host.outcome()
                unavailable(outcome, LOGIN_TIME + report.SOON)
                report.equal(prompts(outcome), [], "prompts")
        finally:
            daemon.kill(main, signal.SIGCONT)
    daemon.wait_quiet()
    logs_in("taro")
    nothing_counted()


@report.test(seconds=60)
def card_held_in_one_reader_does_not_hinder_the_other():
    """Another's transaction in the first reader; the person's own card is in the second."""
    prompt = pam.Held()
    with other_program("jiro", hold_transaction):
        host = pam.Host("hanako", ("PIN", prompt))
        try:
            report.equal(prompt.wait(seconds=15), True, "PIN prompt before the time of the login is over")
        finally:
            daemon.kill(host.pid)
            host.outcome()
    daemon.wait_quiet()


def is_free(reader):
    """pcscd has noticed that whoever held the card is dead."""
    with contextlib.suppress(pcsc.Failure), pcsc.Connection(reader):
        return True
    return False


@report.test(seconds=30)
def A74_card_held_in_exclusive_mode():
    taro = people["taro"]

    def hold(ready):
        ready(pcsc.Connection(vcard.READERS[0], pcsc.SHARE_EXCLUSIVE).reader)
    with other_program("jiro", hold):
        outcome = pam.attempt("taro", *pam.by_password(taro))
        report.equal(prompts(outcome), [], "prompts")
        unavailable(outcome, LOGIN_TIME + report.SOON)
        logs_in("jiro")
    world.wait_for(lambda: is_free(vcard.READERS[0]), what="the reader is free")
    logs_in("taro")
    nothing_counted()


@report.test(seconds=30)
def A74_all_contexts_of_pcscd_taken_by_a_user():
    def take(ready):
        taken = 0
        with contextlib.suppress(pcsc.Failure):
            while taken < 1000:
                pcsc.context()
                taken += 1
        ready(taken)
    with other_program("jiro", take) as taken:
        print(f"# {taken} contexts taken")
        outcome = pam.attempt("taro", *pam.by_password(people["taro"]))
        report.equal(prompts(outcome), [], "prompts")
        unavailable(outcome, report.SOON, "The smart card service does not answer.")
        logs_in("jiro")
    world.wait_for(lambda: pam.attempt("taro", *pam.by_password(people["taro"])).opened, what="login afterwards")
    nothing_counted()


# --- the user socket -------------------------------------------------------------------------------

USER_SOCKET = "/run/cardmfa/user.sock"


def connect():
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.setblocking(False)
    line.connect(USER_SOCKET)
    return line


def hold_places(uid):
    """Connects, stays silent, and comes again when it is thrown out."""
    os.setresuid(uid, uid, uid)
    lines = []
    while True:
        with contextlib.suppress(OSError):
            lines.append(connect())
        time.sleep(0.01)
        lines = lines[-60:]


def flood(uid):
    os.setresuid(uid, uid, uid)
    while True:
        with contextlib.suppress(OSError), connect() as line:
            line.send(os.urandom(64))


@contextlib.contextmanager
def crowd(function, uids):
    pids = []
    try:
        for uid in uids:
            pids.append(os.fork())
            if pids[-1] == 0:
                try:
                    function(uid)
                finally:
                    os._exit(0)
        yield
    finally:
        for pid in pids:
            daemon.kill(pid)
            os.waitpid(pid, 0)


@report.test(seconds=60)
def user_socket_held_or_flooded_leaves_roots_hosts_their_places():
    uid = int(world.run("id", "-u", "jiro").stdout)
    for function, uids in ((hold_places, [uid] * 2), (hold_places, range(20000, 20010)), (flood, [uid] * 2)):
        with crowd(function, uids):
            time.sleep(0.5)
            slowest = 0.0
            for _ in range(report.long(20, 3)):
                outcome = pam.attempt("taro", *pam.by_password(people["taro"]))
                report.equal(outcome.opened, True, f"{function.__name__}: {outcome}")
                slowest = max(slowest, outcome.seconds)
            print(f"# {function.__name__}: slowest login {slowest:.2f} s")
            if slowest > report.SOON:
                raise AssertionError(f"{function.__name__}: a login took {slowest:.1f} s")
    daemon.wait_quiet()


# --- the store -------------------------------------------------------------------------------------

@contextlib.contextmanager
def broken(breaks, mends):
    """The daemon finds it so when it starts; all is as before afterwards."""
    with daemon.stopped():
        breaks()
    try:
        yield
    finally:
        with daemon.stopped():
            mends()


def refused_by_store(name="taro"):
    mark = world.journal_mark()
    outcome = pam.attempt(name, *pam.by_password(people[name]))
    unavailable(outcome, report.SOON, "The login service is out of order. Ask the systems section.")
    report.equal(prompts(outcome), [], "prompts")
    logged("STORE", mark)


def as_before():
    logs_in("taro")
    logs_in("jiro")
    report.equal(daemon.intact(), True, "store")
    nothing_counted()


@report.test(seconds=30)
def A98_read_only_store_lets_nobody_in_not_even_the_marked_class():
    def seal():
        world.run("mount", "--bind", STORE_DIR, STORE_DIR)
        world.run("mount", "-o", "remount,bind,ro", STORE_DIR)
    before = daemon.successes()
    with broken(seal, lambda: world.run("umount", STORE_DIR)):
        refused_by_store()
        refused_by_store("hanako")
    report.equal(daemon.successes(), before, "grants and records")
    as_before()


@report.test(seconds=30)
def A98_journal_away_the_record_is_in_the_store():
    """The store's row is the record; the journal gets a copy."""
    def away():
        world.drop_in("cardmfad.service", "[Service]\nInaccessiblePaths=/run/systemd/journal\nStandardOutput=null\nStandardError=null\n", name="journal")
    before = daemon.successes()
    with broken(away, lambda: world.drop_in("cardmfad.service", "", name="journal")):
        mark = world.journal_mark()
        logs_in("taro")
        logs_in("jiro")
        report.lacks(world.journal_text(since=mark), "login OK")
    report.equal(daemon.successes(), before + 2, "grants and records")
    as_before()


def damage(path):
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for place in range(4096, size, 4096):
            file.seek(place)
            file.write(os.urandom(512))


@report.test(seconds=30)
def store_damaged():
    copy = pathlib.Path("/root/store")

    def breaks():
        world.run("cp", "-a", STORE_DIR, copy)
        for name in ("store.db-wal", "store.db-shm"):
            (STORE_DIR / name).unlink(missing_ok=True)
        damage(STORE_DIR / "store.db")

    def mends():
        shutil.rmtree(STORE_DIR)
        copy.rename(STORE_DIR)
    with broken(breaks, mends):
        refused_by_store()
        report.contains(stage.tool("doctor", text="", status=None), "ERROR")
    as_before()


@report.test(seconds=30)
def store_directory_missing_or_of_another_mode():
    away = STORE_DIR.with_suffix(".away")
    with broken(lambda: STORE_DIR.rename(away), lambda: away.rename(STORE_DIR)):
        mark = world.journal_mark()
        # systemd itself can't start the daemon then.
        unavailable(pam.attempt("taro", *pam.by_password(people["taro"])), 2.5 * report.SOON, "the login service does not answer")
        logged("/var/lib/cardmfa: No such file or directory", mark)
    with broken(lambda: STORE_DIR.chmod(0o755), lambda: STORE_DIR.chmod(0o700)):
        refused_by_store()
    as_before()


@report.test(seconds=60)
def key_file_missing_or_readable_by_others():
    away = KEY_FILE.with_suffix(".away")
    for breaks, mends in ((lambda: KEY_FILE.rename(away), lambda: away.rename(KEY_FILE)),
                          (lambda: KEY_FILE.chmod(0o640), lambda: KEY_FILE.chmod(0o600)),
                          (lambda: os.chown(KEY_FILE, 1, 0), lambda: os.chown(KEY_FILE, 0, 0))):
        mark = world.journal_mark()
        breaks()
        try:
            for name in ("taro", "jiro"):
                person = people[name]
                answers = (("PIN", person.pin), ("code: $", "123456"), ("assword", person.password))
                unavailable(pam.attempt(name, *answers), report.SOON)
            logged("store.key", mark)
        finally:
            mends()
        nothing_counted()
    as_before()


# --- no space --------------------------------------------------------------------------------------

def fill(directory, step=65536):
    """As an ordinary user: until not a byte fits."""
    with contextlib.suppress(OSError), open(f"{directory}/filler-{time.monotonic_ns()}", "wb", buffering=0) as file:
        while step:
            try:
                file.write(b"x" * step)
            except OSError:
                step //= 2


@contextlib.contextmanager
def small_file_system():
    """The store lies on a file system that an ordinary user can fill."""
    SMALL.mkdir(exist_ok=True)

    def breaks():
        world.run("mount", "-t", "tmpfs", "-o", "size=12m,mode=0755", "small", SMALL)
        world.run("cp", "-a", STORE_DIR, SMALL / "store")
        (SMALL / "common").mkdir(mode=0o1777)
        (SMALL / "common").chmod(0o1777)
        world.run("mount", "--bind", SMALL / "store", STORE_DIR)

    def mends():
        world.run("umount", STORE_DIR)
        world.run("umount", SMALL)
        SMALL.rmdir()
    with broken(breaks, mends):
        yield SMALL / "common"


def empty(directory):
    for path in directory.iterdir():
        path.unlink()


def marked_class_logs_in_alone(common):
    mark = world.journal_mark()
    daemon.as_user("jiro", lambda: fill(common))
    logs_in("hanako")
    logged("no disk space for the store", mark)
    for name in ("taro", "jiro"):
        outcome = pam.attempt(name, *pam.by_password(people[name]))
        unavailable(outcome, report.SOON, "No disk space is left.")
        report.equal(prompts(outcome), [], "prompts")


@report.test(seconds=60)
def A98_full_disk_leaves_the_marked_class_in_and_heals_by_itself():
    with small_file_system() as common:
        before = daemon.successes()
        logs_in("taro")
        marked_class_logs_in_alone(common)
        opened, screen = people["hanako"].login()
        report.equal(opened, True, f"console login:\n{screen}")
        # What they did is on record, and nothing is lost.
        report.equal(daemon.intact(), True, "store")
        report.contains(stage.tool("log", "--last", "20", text=""), "hanako")
        empty(common)
        logs_in("taro")
        reserve = (STORE_DIR / "reserve").stat()
        if reserve.st_blocks * 512 < 1 << 20:
            raise AssertionError(f"reserve of {reserve.st_blocks * 512} bytes")
        report.equal(daemon.successes(), before + 4, "grants and records")
        nothing_counted()


@report.test(seconds=60)
def A98_disk_filled_again_after_the_reserve_was_given_up():
    with small_file_system() as common:
        before = daemon.successes()
        logs_in("taro")
        for _ in range(3):
            marked_class_logs_in_alone(common)
        empty(common)
        logs_in("taro")
        report.equal(daemon.successes(), before + 5, "grants and records")
        report.equal(daemon.intact(), True, "store")


@report.test(seconds=60)
def A98_disk_kept_full_by_a_user_who_never_stops():
    def keep_full(ready):
        fill(common)
        ready()
        while True:
            fill(common, step=4096)

    with small_file_system() as common:
        before = daemon.successes()
        logs_in("taro")
        with other_program("jiro", keep_full):
            opened = [pam.attempt("hanako", *pam.by_password(people["hanako"])).opened for _ in range(report.long(20, 4))]
            opened.append(people["hanako"].login()[0])
            unavailable(pam.attempt("taro", *pam.by_password(people["taro"])), report.SOON, "No disk space is left.")
        report.equal(opened, [True] * len(opened), "logins of the marked class")
        report.equal(daemon.successes(), before + 1 + len(opened), "logins on record")
        report.equal(daemon.intact(), True, "store")


# --- cards -----------------------------------------------------------------------------------------

@contextlib.contextmanager
def only_cards_of(*names):
    away = [people[name].card for name in ("taro", "hanako") if name not in names]
    for card in away:
        card.remove()
    try:
        yield
    finally:
        for card in away:
            card.insert()


@report.test(seconds=30)
def two_cards_in_two_readers_each_finds_his_own():
    for name in ("taro", "hanako"):
        other = people["hanako" if name == "taro" else "taro"].card
        other.count_reset()
        logs_in(name)
        report.equal((other.count("VERIFY"), other.count("SIGN")), (0, 0), "asked of the other's card")


@report.test(seconds=30)
def another_persons_card():
    taro, hanako = people["taro"], people["hanako"]
    with only_cards_of("hanako"):
        hanako.card.count_reset()
        outcome = pam.attempt("taro", *pam.by_password(hanako))
        nobody = pam.attempt("no-such-name", *pam.by_password(hanako))
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "the other's card and PIN")
    report.contains(outcome.text, "This card can't be used for this name.")
    report.equal((nobody.codes, nobody.shown), (outcome.codes, outcome.shown), "what an unknown name sees")
    report.equal((hanako.card.count("VERIFY"), hanako.card.tries()), (0, 3), "PIN tries of the other's card")
    nothing_counted()


@report.test(seconds=30)
def blocked_card_and_last_try_are_told_before_the_PIN_is_asked():
    taro = people["taro"]
    with only_cards_of("taro"):
        for tries, text in ((0, "The PIN of this card is blocked."), (1, "only its last PIN try left")):
            taro.card.ctl("set-tries", tries)
            taro.card.count_reset()
            outcome = pam.attempt("taro", *pam.by_password(taro))
            report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "verdict")
            report.contains(outcome.text, text)
            report.equal((prompts(outcome), taro.card.count("VERIFY"), taro.card.tries()), ([], 0, tries), "PIN")
        taro.card.ctl("set-tries", 3)
    logs_in("taro")
    nothing_counted()


@report.test(seconds=30)
def cards_that_come_and_go_during_the_wait():
    taro, hanako = people["taro"], people["hanako"]
    taro.card.remove()
    hanako.card.remove()
    host = pam.Host("taro", *pam.by_password(taro))
    daemon.wait_process(daemon.CARD)
    time.sleep(0.5)
    for _ in range(3):
        taro.card.insert()
        taro.card.ctl("remove")
    taro.card.insert()
    outcome = host.outcome()
    # A card that left again while it was read is one more chance, not an end; at the PIN it may be away.
    if not outcome.opened:
        report.contains(outcome.text, "The IC card was taken out.")
    logs_in("taro")
    pin = pam.Held(taro.pin)
    host = pam.Host("taro", ("PIN", pin), ("password", taro.password))
    pin.wait()
    taro.card.remove()
    pin.give()
    outcome = host.outcome()
    report.equal(outcome.codes, {"auth": pam.AUTH_ERR}, "card pulled at the prompt")
    report.contains(outcome.text, "The IC card was taken out.")
    late = pam.attempt("taro", *pam.by_password(taro))
    report.equal((late.codes, prompts(late)), ({"auth": pam.AUTH_ERR}, []), "no card at all")
    report.contains(late.text, "Insert your IC card (5 s).")
    report.contains(late.text, "No IC card was inserted in time.")
    taro.card.insert()
    hanako.card.insert()
    logs_in("taro")
    nothing_counted()


# --- the clock -------------------------------------------------------------------------------------

@report.test(seconds=30)
def clock_far_behind_the_last_code():
    """As after a dead battery: the last accepted code lies a year ahead."""
    taro = people["taro"]
    steps = 365 * 86400 // 30
    who = "(SELECT id FROM person WHERE login = 'taro')"
    outcome = None
    daemon.change(f"UPDATE totp SET last_step = last_step + {steps} WHERE person = {who}")
    try:
        mark = world.journal_mark()
        outcome = pam.attempt("taro", *pam.by_code(taro))
        unavailable(outcome, report.SOON, "The clock of this machine is wrong.")
        logged("CLOCK", mark)
        logs_in("taro")
    finally:
        daemon.change(f"UPDATE totp SET last_step = last_step - {steps} WHERE person = {who}")
    report.equal(pam.attempt("taro", *pam.by_code(taro)).opened, True, "a code with the clock right again")
    nothing_counted()


if __name__ == "__main__":
    report.main(prepare)
