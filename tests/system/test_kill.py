#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Any process may be killed or stopped at any point: no grant without record, no try lost, no card left open."""
import contextlib
import os
import random
import signal
import time
from unittest import mock

from lib import console, daemon, pam, pcsc, report, stage, world

CONF = """
[settings]
address-attempts = 1000
argon2-time = {passes}

[class field]
; a counter that has no card reader
where = remote
factors = totp,password
attempts = 20

[default]
factors = card,totp card,password
attempts = {attempts}
"""
SLOW = 24               # passes of a hash that takes a second or more
AFAR = {"service": "sshd", "rhost": "192.0.2.7"}
people = {}
chance = random.Random()


def configure(passes=3, attempts=5):
    daemon.configure(CONF.format(passes=passes, attempts=attempts))


def prepare():
    seed = os.environ.get("CARDMFA_SEED") or str(time.time_ns())
    print(f"# CARDMFA_SEED={seed}")
    chance.seed(seed)
    stage.set_up(CONF.format(passes=3, attempts=5))
    world.login_stack(service="sshd")
    world.login_stack(service="su")
    people["taro"] = stage.person("taro")
    people["hanako"] = stage.person("hanako", reader=1)


def set_password(person, passes):
    """Its hash takes so many passes; the next login that hashes less makes it anew."""
    configure(passes=passes)
    stage.tool("password", "set", person.name, "--stdin", text=person.password + "\n")


def unlock(person):
    stage.tool("unlock", person.name, text="", status=None)


def logs_in(person, seconds=report.SOON, answers=None):
    outcome = pam.attempt(person.name, *(answers or pam.by_password(person)))
    report.equal(outcome.opened, True, f"a later login of {person.name}: {outcome}")
    if outcome.seconds > seconds:
        raise AssertionError(f"a later login took {outcome.seconds:.1f} s")


# --- the host --------------------------------------------------------------------------------------

@contextlib.contextmanager
def no_card(card):
    """Not even another person's, for which a PIN would be asked."""
    cards = [person.card for person in people.values()]
    for each in cards:
        each.remove()
    try:
        yield card
    finally:
        for each in cards:
            each.insert()


@contextlib.contextmanager
def stalled(card, *words):
    card.fault(*words)
    try:
        yield
    finally:
        card.clear()


def host_at(point, person):
    """Brings a host to this point and returns it there."""
    prompt = pam.Held()
    pin = prompt if point == "PIN prompt" else person.pin
    password = prompt if point == "password prompt" else person.password
    host = pam.Host(person.name, ("PIN", pin), ("password", password))
    if point.endswith("prompt"):
        prompt.wait()
    elif point == "hash":
        world.wait_for(lambda: any(map(daemon.hashes, daemon.processes(daemon.WORKER))), what="hashing worker")
    elif point == "no card":
        daemon.wait_process(daemon.CARD)
    else:
        person.card.ctl("wait", "stalled")
    return host


POINTS = {
    "no card": no_card,
    "SELECT": lambda card: stalled(card, "stall", "SELECT", 0),
    "PIN prompt": contextlib.nullcontext,
    "before VERIFY": lambda card: stalled(card, "stall", "VERIFY", 0),
    "after VERIFY": lambda card: stalled(card, "stall-done", "VERIFY", 0),
    "before SIGN": lambda card: stalled(card, "stall", "SIGN", 0),
    "after SIGN": lambda card: stalled(card, "stall-done", "SIGN", 0),
    "password prompt": contextlib.nullcontext,
    "hash": contextlib.nullcontext,
}


@report.test(seconds=60)
def A22_host_killed_at_every_step_of_a_login():
    taro = people["taro"]
    set_password(taro, SLOW)
    configure(attempts=2)
    before = daemon.successes()
    for number in (signal.SIGTERM, signal.SIGKILL):
        for point, trouble in POINTS.items():
            with trouble(taro.card):
                host = host_at(point, taro)
                daemon.kill(host.pid, number)
                report.equal(host.outcome(), None, f"{point}: the host's result")
                daemon.wait_quiet()
            world.wait_for(lambda: taro.card.ctl("verified") == "no", report.SOON, f"{point}: card without a PIN")
    report.equal(daemon.successes(), before, "grants")
    report.equal(daemon.counted("taro"), 2, "tries counted: one of each kill within a check")
    locked = pam.attempt("taro", *pam.by_password(taro))
    report.equal(locked.codes, {"auth": pam.AUTH_ERR}, "the right password after them")
    report.contains(locked.text, "Locked after too many failures")
    report.equal(taro.card.tries(), 3, "tries on the card")
    unlock(taro)
    set_password(taro, 3)
    logs_in(taro)


def exit_at_once(*_):
    os._exit(0)     # as sshd's child does: neither pam_end nor a cleanup function runs


@report.test(seconds=30)
def A21_host_exits_without_pam_end():
    taro = people["taro"]
    configure()
    before = daemon.successes()
    for answers in (pam.by_password(taro), (("PIN", taro.pin), ("password", "wrong-Lantern-1"))):
        with mock.patch.object(pam.libpam, "pam_end", exit_at_once):
            host = pam.Host("taro", *answers, calls=("auth",))
        report.equal(host.outcome(), None, "what pam_end would have let it tell")
        daemon.wait_quiet()
        report.equal(taro.card.ctl("verified"), "no", "PIN verified in the card")
        report.equal(pcsc.signature_without_pin(taro.card.reader), ["6982", "6982"], "a stranger's signature")
    report.equal(daemon.successes(), before + 1, "grants")
    report.equal(daemon.counted("taro"), 1, "counted tries")
    logs_in(taro)


# --- a try, killed --------------------------------------------------------------------------------

@contextlib.contextmanager
def frozen_worker():
    """Stops the worker if there is one; (pid, whether it had begun to hash: it holds no lock of the store then)."""
    workers = daemon.processes(daemon.WORKER)
    if not workers:
        yield None, False
        return
    daemon.kill(workers[-1], signal.SIGSTOP)
    try:
        yield workers[-1], daemon.hashes(workers[-1])
    finally:
        daemon.kill(workers[-1], signal.SIGCONT)


def kill_at_random(answers, span):
    """One host from afar; it or its worker dies at a random moment. (What was counted when a check had
    begun, the outcome)"""
    host = pam.Host("taro", *answers, **AFAR)
    time.sleep(chance.uniform(0.02, span))
    counted = None
    with frozen_worker() as (worker, begun):
        # One that was frozen at its very end, while it closes the store, keeps readers out: nothing is learnt then.
        with contextlib.suppress(AssertionError):
            counted = daemon.counted("taro", "remote") if begun else None
        daemon.kill(host.pid if chance.random() < 0.5 or not worker else worker)
    outcome = host.outcome()
    daemon.wait_quiet()
    return counted, outcome


def usual_seconds(answers):
    return min(pam.attempt("taro", *answers, **AFAR).seconds for _ in range(2)) + 0.05


@report.test(seconds=60)
def A34_killed_between_reservation_and_verdict():
    taro = people["taro"]
    configure()
    wrong = (("code", taro.app.wrong()), ("assword", "wrong-Lantern-1"))
    span = usual_seconds(wrong)
    executed = least = daemon.counted("taro", "remote")
    killed_within = 0
    for _ in range(report.long(1000, 40)):
        counted, outcome = kill_at_random(wrong, span)
        if counted is not None:
            killed_within += 1
            executed += 1
            if counted < executed:
                raise AssertionError(f"{counted} counted when check {executed} ran")
        elif outcome and outcome.codes["auth"] == pam.AUTH_ERR:
            executed += 1
        now = daemon.counted("taro", "remote")
        if now < executed or now < least:
            raise AssertionError(f"{now} counted, was {least}, after {executed} checks")
        least = now
        if now >= 18:
            unlock(taro)
            executed = least = daemon.counted("taro", "remote")
            report.equal(least, 0, "counted after unlock")
    print(f"# {killed_within} died within a check")
    report.equal(daemon.intact(), True, "store")
    unlock(taro)


@report.test(seconds=60)
def no_grant_without_its_record_whoever_dies():
    taro = people["taro"]
    configure()
    rounds = opened = 0
    span = 0.6
    for _ in range(report.long(300, 10)):
        before = daemon.successes()
        answers = pam.by_password(taro)
        host = pam.Host("taro", *answers)
        time.sleep(chance.uniform(0.05, span))
        victims = [host.pid] + daemon.processes()
        daemon.kill(chance.choice(victims))
        outcome = host.outcome()
        daemon.wait_quiet()
        after = daemon.successes()
        if outcome and outcome.codes.get("auth") == pam.SUCCESS:
            opened += 1
            report.equal(after, before + 1, "grants of a login that opened")
        rounds += 1
        report.equal(taro.card.ctl("verified"), "no", "PIN verified in the card")
        unlock(taro)
    print(f"# {opened} of {rounds} opened before the kill")
    report.equal(daemon.intact(), True, "store")
    logs_in(taro)


# --- the card --------------------------------------------------------------------------------------

def steps(card):
    """(APDU, how many of its name up to it) of one login, as the card sees it."""
    seen, found = {}, []
    for line in card.ctl("log").split():
        name = line.split(",")[0]
        if name not in ("RESET", "POWERON", "POWEROFF"):
            seen[name] = seen.get(name, 0) + 1
            found.append((name, seen[name]))
    return found


VICTIMS = {
    "host": lambda host: host.pid,
    "worker": lambda host: daemon.wait_process(daemon.WORKER),
    "card process": lambda host: daemon.wait_process(daemon.CARD),
}


def kill_at_step(person, model, fault, name, nth, victim):
    card, others = person.card, daemon.processes()
    card.fault(model)
    card.fault(fault, name, 0, f"nth={nth}")
    host = pam.Host(person.name, *pam.by_password(person))
    card.ctl("wait", "stalled")
    daemon.kill(VICTIMS[victim](host))
    outcome = host.outcome()
    card.clear()
    where = f"{fault} {name} {nth}, {victim} killed"
    if outcome:
        report.equal(outcome.opened, False, where)
    report.equal(pcsc.signature_without_pin(card.reader), ["6982", "6982"], f"{where}: a stranger's signature")
    report.equal(card.ctl("verified"), "no", f"{where}: PIN verified in the card")
    world.wait_for(lambda: set(daemon.processes()) <= set(others), report.SOON, "end of the victim's worker and card process")


def kill_at_each_step(taro):
    taro.card.ctl("log", "reset")
    logs_in(taro)
    points = steps(taro.card)
    print("# " + " ".join(f"{name}:{nth}" for name, nth in points))
    faults = ("stall-done", "stall") if report.LONG else ("stall-done",)
    models = ("select-keeps", "only-reset-clears") if report.LONG else ("only-reset-clears",)
    for model in models:
        for name, nth in points:
            for fault in faults:
                for victim in VICTIMS:
                    kill_at_step(taro, model, fault, name, nth, victim)


def end_in_each_way(taro):
    wrong = "wrong-Lantern-1"
    for model in ("select-keeps", "only-reset-clears"):
        for answers, opened in ((pam.by_password(taro), True),
                                ((("PIN", taro.pin), ("password", wrong)), False),
                                ((("PIN", taro.pin), ("password", None)), False),
                                ((("PIN", "000000"), ("password", wrong)), False)):
            taro.card.fault(model)
            report.equal(pam.attempt("taro", *answers).opened, opened, "verdict")
            report.equal(pcsc.signature_without_pin(taro.card.reader), ["6982", "6982"], "a stranger's signature")
            taro.card.clear()
            logs_in(taro)


@report.test(seconds=60)
def A66_card_left_clean_after_every_end_and_kill_at_each_APDU():
    taro, hanako = people["taro"], people["hanako"]
    configure()
    with stalled(hanako.card, "stall-done", "VERIFY", 0):
        late = pam.Host("hanako", *pam.by_password(hanako))
        hanako.card.ctl("wait", "stalled")
        try:
            kill_at_each_step(taro)
            end_in_each_way(taro)
            report.equal(taro.card.tries(), 3, "tries on the card")
        except BaseException:
            daemon.kill(late.pid)
            raise
        report.equal(late.outcome().codes, {"auth": pam.AUTHINFO_UNAVAIL}, "a card that stays silent")
    report.equal(pcsc.signature_without_pin(hanako.card.reader), ["6982", "6982"], "a stranger's signature after it")
    logs_in(hanako)


@report.test(seconds=60)
def card_process_of_a_hung_up_login_resets_the_card_before_it_goes():
    taro = people["taro"]
    configure()
    for victim in ("host", "worker"):
        for _ in range(8):
            mark = world.journal_mark()
            with stalled(taro.card, "stall-done", "VERIFY", 0):
                host = pam.Host("taro", *pam.by_password(taro))
                taro.card.ctl("wait", "stalled")
                daemon.kill(VICTIMS[victim](host))
            host.outcome()
            daemon.wait_quiet()
            report.equal(taro.card.ctl("verified"), "no", "PIN verified in the card")
            # Else the machine was so slow that its time was over before the card answered.
            if "told to end, INS 87 not sent" in world.journal_text(since=mark):
                break
        else:
            raise AssertionError(f"{victim} killed: never in time")
    logs_in(taro)


@report.test(seconds=60)
def card_process_that_does_not_end_is_killed_and_holds_no_place():
    taro = people["taro"]
    daemon.wait_quiet()
    mark = world.journal_mark()
    prompt = pam.Held()
    host = pam.Host("taro", ("PIN", prompt))
    prompt.wait()
    card = daemon.wait_process(daemon.CARD)
    daemon.kill(card, signal.SIGSTOP)
    daemon.kill(host.pid)
    host.outcome()
    daemon.wait_quiet()
    wait_for_line(f"card process {card} did not end in time: killed", mark)
    logs_in(taro)


# --- the daemon ------------------------------------------------------------------------------------

FAKE = """#!/usr/bin/python3
import os, socket, struct, time
host = socket.socket(fileno=3)
host.recv(16384)
def send(kind, *words):
    host.send(b"CMFA" + struct.pack(">HH", 1, kind) + struct.pack(f">{{len(words)}}I", *words))
READY, MESSAGE, RESULT = {ready}, {message}, {result}
ALLOW, DENY = 0x5A3C96E1, 0xA5C3691E
{act}
"""
READY, MESSAGE, RESULT = 16, 17, 18       # include/wire.h
WORKER_FILE = daemon.LIBEXEC / daemon.WORKER


@contextlib.contextmanager
def worker_that(act):
    """Another program in the worker's place: what an outsider can't make the real one do."""
    real = WORKER_FILE.with_suffix(".real")
    WORKER_FILE.rename(real)
    try:
        world.write(WORKER_FILE, FAKE.format(ready=READY, message=MESSAGE, result=RESULT, act=act), 0o755)
        yield
    finally:
        real.rename(WORKER_FILE)


CRASHES = {
    # What the kernel does, too, where memory runs out.
    "killed": lambda: daemon.kill(daemon.wait_process(daemon.WORKER)),
    "segmentation fault": lambda: daemon.kill(daemon.wait_process(daemon.WORKER), signal.SIGSEGV),
    "abort": lambda: daemon.kill(daemon.wait_process(daemon.WORKER), signal.SIGABRT),
}
# (what it does, whether a host that trusts it is let in, within how many seconds)
MISBEHAVIOUR = {
    "answers": ("send(READY, 10000); send(RESULT, ALLOW, 0, 0)", True, report.SOON),
    "exits without an answer": ("pass", False, 2 * report.SOON),
    "answers twice": ("send(RESULT, DENY, 10, 0); send(RESULT, ALLOW, 0, 0)", False, 2 * report.SOON),
    "answers late": ("send(READY, 1000); time.sleep(20); send(RESULT, ALLOW, 0, 0)", False, report.SOON),
}


@report.test(seconds=60)
def A31_worker_crashes_or_misbehaves():
    taro = people["taro"]
    configure()
    before = daemon.successes()
    for name, crash in CRASHES.items():
        mark = world.journal_mark()
        prompt = pam.Held()
        host = pam.Host("taro", ("PIN", prompt))
        prompt.wait()
        crash()
        daemon.kill(host.pid, signal.SIGCONT)
        report.contains(wait_for_line("ended without an answer", mark), "signal")
        daemon.kill(host.pid)
        host.outcome()
    for name, (act, opened, seconds) in MISBEHAVIOUR.items():
        with worker_that(act):
            outcome = pam.attempt("taro", *pam.by_password(taro))
        report.equal(outcome.opened, opened, f"{name}: {outcome}")
        if outcome.seconds > seconds:
            raise AssertionError(f"{name}: {outcome}")
    report.equal(daemon.successes(), before, "grants")
    logs_in(taro)


def wait_for_line(part, mark):
    return world.wait_for(lambda: next((line for line in world.journal_text(since=mark).splitlines() if part in line), None),
                          what=f"{part!r} in the journal")


@report.test(seconds=30)
def death_of_a_worker_is_logged_though_its_host_ends_at_once():
    taro = people["taro"]
    daemon.wait_quiet()                     # a worker of the test before is not the one that is meant
    mark = world.journal_mark()
    prompt = pam.Held()
    host = pam.Host("taro", ("PIN", prompt))
    prompt.wait()
    main = daemon.listener()
    daemon.kill(main, signal.SIGSTOP)       # both ends are news to it at the same moment
    worker = daemon.wait_process(daemon.WORKER)
    daemon.kill(worker)
    world.wait_for(lambda: ") Z " in open(f"/proc/{worker}/stat", encoding="utf-8").read(), what="the worker's end")
    daemon.kill(host.pid)
    host.outcome()
    daemon.kill(main, signal.SIGCONT)
    wait_for_line("ended without an answer", mark)


DEATHS = (
    (daemon.WORKER, "ended without an answer"),
    (daemon.CARD, "the card process ended"),
    ("listener", "Main process exited"),
)


@report.test(seconds=60)
def random_deaths_of_worker_card_process_and_listener():
    taro, hanako = people["taro"], people["hanako"]
    configure()
    for i in range(report.long(100, 6)):
        mark = world.journal_mark()
        victim, line = DEATHS[i % len(DEATHS)]
        host = pam.Host("taro", *pam.by_password(taro))
        time.sleep(chance.uniform(0.02, 0.4))
        pids = [daemon.listener()] if victim == "listener" else daemon.processes(victim)
        for pid in pids:
            daemon.kill(pid)
        outcome = host.outcome()
        if pids and not outcome.opened:
            wait_for_line(line, mark)
        logs_in(hanako)
    unlock(taro)
    logs_in(taro)


@report.test(seconds=30)
def listener_killed_takes_its_children_along():
    taro = people["taro"]
    mark = world.journal_mark()
    prompt = pam.Held()
    host = pam.Host("taro", ("PIN", prompt))
    prompt.wait()
    old = daemon.listener()
    daemon.kill(old)
    daemon.wait_quiet()
    wait_for_line("Main process exited", mark)
    logs_in(taro)
    daemon.kill(host.pid)
    host.outcome()


# --- a host that is stopped ------------------------------------------------------------------------

def stop_as(user, pid):
    """The user stops his own set-uid program: the kernel lets him."""
    return daemon.as_user(user, lambda: os.kill(pid, signal.SIGSTOP))


def child_named(name, uid):
    for pid in daemon.processes(name):
        if daemon.status(pid).get("Uid", "").split()[:1] == [str(uid)]:
            return pid
    return None


@report.test(seconds=60)
def A35_su_stopped_at_random_points():
    taro, hanako = people["taro"], people["hanako"]
    configure(attempts=20)
    uid = int(world.run("id", "-u", "taro").stdout)
    for _ in range(report.long(60, 3)):
        with console.Console() as screen:
            report.equal(screen.login("taro", *taro.by_password()), True, "console login")
            screen.send("exec su taro")
            su = world.wait_for(lambda: child_named("su", uid), what="su")
            moment = chance.uniform(0.0, 1.2)
            begun = time.monotonic()
            answers = [("PIN of your IC card: $", taro.pin), ("password: $", taro.password)]
            try:
                for prompt, text in answers:
                    screen.expect(prompt, seconds=max(0.01, begun + moment - time.monotonic()))
                    screen.send(text)
                time.sleep(max(0.0, begun + moment - time.monotonic()))
            except AssertionError:
                pass        # the moment has come before the prompt
            with contextlib.suppress(AssertionError):
                stop_as("taro", su)
            logs_in(hanako)
            logs_in(taro)
            daemon.kill(su, signal.SIGCONT)
            daemon.kill(su)
        daemon.wait_quiet()
    unlock(taro)
    report.equal(daemon.intact(), True, "store")


if __name__ == "__main__":
    report.main(prepare)
