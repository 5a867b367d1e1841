#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""cardmfa-card with cards, neighbours and a pcscd that do not behave."""
import contextlib
import multiprocessing

from rig import *

KINDS = ("one", "another")
STEPS = ("SELECT", "CHUID", "QUERY", "VERIFY", "SIGN")


def stalled_login(card, step, how, pin=PIN):
    """A process that hangs in this APDU. SELECT: that of SIGN."""
    process = Card()
    if step in ("SELECT", "VERIFY", "SIGN"):
        seen = process.next()
        card.ctl("fault", how, step, 0)
        process.sign(seen, pin=pin)
    else:
        card.ctl("fault", how, step, 0)
        process.send(NEXT, wait_ms=5000)
    card.ctl("wait", "stalled", SOON * 1000)
    return process


def A66_killed_at_each_apdu(kind):
    with Vcard("--kind", kind) as card:
        for clearing in ("only-reset-clears", "select-keeps", None):
            for step in STEPS:
                for how in ("stall", "stall-done"):
                    process = stalled_login(card, step, how)
                    process.kill()
                    process.link.close()
                    card.ctl("fault", "clear")
                    if clearing:
                        card.ctl("fault", clearing)
                    what = "%s at %s, card %s" % (how, step, clearing)
                    check(not Stranger().can_sign(), "a stranger can sign after " + what)
                    check(not card.verified(), "verified after " + what)
                    card.ctl("fault", "clear")
        equal(login()[1].result, "OK", "next login")


def A66_starter_gone(kind):
    """The one who asked hangs up while the card is busy: the process goes, the card is clean."""
    with Vcard("--kind", kind) as card:
        for step in STEPS:
            process = stalled_login(card, step, "stall-done")
            start = time.monotonic()
            process.link.close()
            process.wait()
            check(time.monotonic() - start < SOON, "took %.2f s" % (time.monotonic() - start))
            card.ctl("fault", "clear")
            check(not Stranger().can_sign(), "a stranger can sign after " + step)


def never_stops(over, pipe):
    """A stranger who asks for a signature without pause; tells how many he had."""
    stranger, connected, signatures = Stranger(), False, 0
    while not over.is_set():
        try:
            if not connected:
                stranger.connect()
            connected = True
            signatures += stranger.sw(stranger.SIGN_P256) == "9000"
        except Failed as problem:       # reset meanwhile, or somebody is alone with the reader
            if connected:
                stranger.disconnect()
            connected = False
            check(str(problem)[-8:] in ("80100068", "8010000B", "8010000F"), str(problem))
    stranger.close()
    pipe.send(signatures)


@contextlib.contextmanager
def never_stopping(number):
    """So many of them meanwhile."""
    over, ends = multiprocessing.Event(), [multiprocessing.Pipe(False) for _ in range(number)]
    strangers = [multiprocessing.Process(target=never_stops, args=(over, end), daemon=True) for _, end in ends]
    for stranger in strangers:
        stranger.start()
    try:
        yield [end for end, _ in ends]
    finally:
        over.set()
        for stranger in strangers:
            stranger.join(SOON)


def A66_strangers_who_never_stop_asking():
    """Many at once, while one login after the other is made: nobody's command runs behind a PIN."""
    with Vcard("--kind", "one") as card:
        with never_stopping(60) as ends:
            for _ in range(500 if LONG else 25):
                equal(login()[1].result, "OK", "login")
        check(all(end.poll(20) for end in ends), "a stranger ended before")
        equal(sum(end.recv() for end in ends), 0, "signatures that strangers had")


LATE = 3                # the exit status of a process that did not get the time it needed


def end_beside_neighbours(card, how, end):
    """Ends a login that hangs at its PIN; tells whether it went by itself, and whether anybody has signed then."""
    process = stalled_login(card, "VERIFY", how)
    card.ctl("log", "reset")
    end(process)
    card.ctl("fault", "clear")
    process.wait()
    until(lambda: not card.verified(), SOON, "verified after the end")
    return process.rc != LATE, any(entry.startswith("SIGN,") and entry.endswith(",9000") for entry in card.ctl("log").split())


def A66_hung_up_beside_strangers_connected_all_the_time():
    """pcscd gives the card of a client that is gone to others before it resets it; this one is slow in doing so."""
    ends = (("hung up", lambda process: process.link.close()),
            ("told to end", lambda process: os.kill(process.pid, signal.SIGTERM)))
    with slow_pcscd(), Vcard("--kind", "one") as card:
        neighbour = Stranger().connect()        # the reader is never ours alone
        with never_stopping(4) as strangers:
            for told, end in ends:
                for how in ("stall", "stall-done"):
                    what, wanted = "%s, %s" % (told, how), 20 if LONG else 3
                    for _ in range(4 * wanted):
                        by_itself, signed = end_beside_neighbours(card, how, end)
                        check(not (by_itself and signed), "a signature behind a PIN, " + what)
                        wanted -= by_itself
                        if wanted == 0:
                            break
                    equal(wanted, 0, "ends that were in time are missing, " + what)
        check(all(stranger.poll(20) for stranger in strangers), "a stranger ended before")
        neighbour.close()


def A66_every_ending(kind):
    """Right PIN, wrong PIN, card failing at or after VERIFY, process out of time."""
    endings = ((PIN, ()), (WRONG, ()), (PIN, ("sw", "SIGN", "6F00")), (PIN, ("sw-done", "VERIFY", "6F00")),
               (PIN, ("raw", "SIGN", "00")), (PIN, ("long", "SIGN", "5000")), (PIN, ("sig", "other")),
               (PIN, ("endless61", "SIGN")))
    with Vcard("--kind", kind) as card:
        card.ctl("fault", "only-reset-clears")
        for pin, fault in endings:
            if fault:
                card.ctl("fault", *fault)
            _, signed = login(pin=pin)
            check(signed.result != "OK" or fault in ((), ("sig", "other")), "%s: OK" % (fault,))
            card.ctl("fault", "clear")
            card.ctl("fault", "only-reset-clears")
            check(not card.verified(), "verified after %s" % (fault,))
            check(not Stranger().can_sign(), "a stranger can sign after %s" % (fault,))
            card.ctl("set-tries", 3)
        process = Card(seconds=3)
        seen = process.next()
        card.ctl("fault", "stall-done", "SIGN", 0)
        start = time.monotonic()
        equal(process.signed(seen).result, "TIMEOUT", "card that does not answer")
        check(time.monotonic() - start < SOON, "later than its alarm")
        process.wait()
        card.ctl("fault", "clear")
        check(not Stranger().can_sign(), "a stranger can sign after a time-out")


def A70_framing():
    faults = [("raw", name, data) for name in ("SELECT", "CHUID", "QUERY", "VERIFY", "SIGN")
              for data in ("00", "9000", "90")]
    faults += [("long", name, n) for name in ("SELECT", "CHUID", "SIGN", "VERIFY") for n in (258, 65533)]
    faults += [(kind, name) for kind in ("endless61", "loop6c", "zero61")
               for name in ("SELECT", "CHUID", "QUERY", "VERIFY", "SIGN")]
    faults += [("endless61", "CHUID", 1), ("endless61", "SIGN", 1), ("endless61", "CHUID", 0)]
    with Vcard("--kind", "another") as card:
        for fault in faults:
            card.ctl("set-tries", 3)
            card.ctl("fault", *fault)
            card.reset_log()
            start = time.monotonic()
            with Card() as process:
                seen = process.next(wait_ms=0)
                signed = process.signed(seen) if seen.result == "OK" else seen
            took = time.monotonic() - start
            counts = card.counts()
            card.ctl("fault", "clear")
            # CHUID and QUERY only help to find the card and keep its tries: whatever they say, VERIFY judges.
            harmless = fault[1] in ("CHUID", "QUERY", "SELECT") and fault[2:] == ("9000",)
            unknown = fault[1] == "QUERY" and fault[0] in ("loop6c", "endless61", "zero61")
            check(signed.result != "OK" or harmless or unknown, "%s: OK" % (fault,))
            check(counts.get("VERIFY", 0) <= 1, "%s: %d VERIFYs" % (fault, counts.get("VERIFY", 0)))
            check(counts["total"] < 320 and took < 2 * SOON, "%s: %s in %.1f s" % (fault, counts, took))
            check(not card.verified(), "verified after %s" % (fault,))


def A71_hostile_objects():
    deep = "53820200" + "7F49" * 256
    objects = ("", "53", "5380", "5384FFFFFFFF00", "5383FFFFFF", "5382FFFF3410", "53123410" + "00" * 15,
               "5324" + ("3410" + "11" * 16) * 2, "5312" + "3410" + "00" * 16, deep,
               "5303" + "1FFFFF", "53013400")
    with Vcard("--kind", "another") as card:
        for data in objects:
            card.ctl("fault", "object", "5FC102", data or "-")
            with Card() as process:
                seen = process.next(wait_ms=0)
                equal((seen.result, seen.has_guid), ("OK", 0), "CHUID " + data[:20])
                check(len(seen.cert) > 0, "certificate in its place")
            card.ctl("fault", "clear")
        for fault in (("cert-huge", 16385), ("cert-huge", 60000), ("cert-truncated",), ("cert-gzip",),
                      ("cert-bomb",), ("cert-flag-lie",)):
            card.ctl("fault", *fault)
            with Card() as process:
                seen = process.next(wait_ms=0, want_cert=1)
                equal((seen.result, seen.cert), ("CARD_FAILED", b""), fault[0])
            card.ctl("fault", "clear")
        card.ctl("fault", "cert-empty")
        with Card() as process:
            equal(process.next(want_cert=1).cert, b"", "empty")
        card.ctl("fault", "clear")
        equal(login()[1].result, "OK", "next login")


def A65_no_retry():
    """6CXX or a reset around VERIFY never brings a second one."""
    with Vcard() as card:
        for fault in (("sw", "VERIFY", "6C08"), ("loop6c", "VERIFY"), ("sw-done", "VERIFY", "6108"),
                      ("sw", "VERIFY", "6300"), ("sw", "VERIFY", "6A80"), ("pull", "VERIFY", "done")):
            card.ctl("fault", *fault)
            card.reset_log()
            _, signed = login(pin=WRONG)
            check(signed.result != "OK", "OK after %s" % (fault,))
            equal(card.counts().get("VERIFY", 0), 1, "VERIFYs after %s" % (fault,))
            card.ctl("fault", "clear")
            card.ctl("set-tries", 3)
    settle()


def tries_unknown():
    with Vcard() as card:
        for sw in ("6700", "6A80", "6F00", "6301"):
            card.ctl("fault", "sw", "QUERY", sw)
            seen, signed = login(floor=1)
            equal((seen.tries, signed.result), (UNKNOWN, "OK"), sw)
            card.ctl("fault", "clear")


def stays_verified():
    """Says 9000 to the tries query whatever is done: refused."""
    with Vcard("--kind", "another") as card, Card() as process:
        card.ctl("fault", "sw", "QUERY", "9000")
        card.reset_log()
        equal(process.next(wait_ms=0).result, "CARD_FAILED", "NEXT")
        equal(card.counts()["resets"], 1, "resets")


def no_piv_card():
    with Vcard() as card, Card() as process:
        card.ctl("fault", "sw", "SELECT", "6A82")
        seen = process.next(wait_ms=0)
        equal((seen.result, seen.reader), ("CARD_FAILED", READERS[0]), "NEXT")
        equal(process.next(wait_ms=0).result, "NO_CARD", "told once")


def removed_between(kind):
    with Vcard("--kind", kind) as card, Card() as process:
        seen = process.next()
        card.ctl("remove")
        card.ctl("wait", "removed")
        wait_absent()
        equal(process.signed(seen).result, "CARD_REMOVED", "removed")
        card.ctl("insert")
        card.powered()
        card.reset_log()
        equal(process.signed(seen).result, "CARD_REMOVED", "removed and inserted again")
        equal(card.counts().get("VERIFY", 0), 0, "VERIFYs")


def swapped_between():
    with Vcard() as card, Card() as process:
        other = os.path.join(TMP, "other.state")
        subprocess.run([program("vcard"), "new", "--state", other], check=True, stdout=subprocess.DEVNULL)
        seen = process.next()
        card.ctl("swap", other)
        card.powered()
        card.reset_log()
        signed = process.signed(seen)
        check(signed.result in ("CARD_REMOVED", "CARD_FAILED"), signed.result)
        equal(card.counts().get("VERIFY", 0), 0, "VERIFYs at the other card")


def pulled_while_asked():
    with Vcard() as card:
        for step in ("SELECT", "VERIFY", "SIGN"):
            for when in ("before", "done"):
                with Card() as process:
                    seen = process.next()
                    card.ctl("fault", "pull", step, when)
                    signed = process.signed(seen)
                    equal(signed.result, "CARD_REMOVED", "%s %s" % (step, when))
                card.ctl("fault", "clear")
                settle()
                card.ctl("insert")
                card.powered()
        card.ctl("set-tries", 3)


def reset_between(kind, *options):
    """Others reset the card in between: it is recognised again, and its tries are read again."""
    def reset():
        stranger = Stranger().connect()
        stranger.disconnect(Stranger.RESET)
        stranger.close()

    with Vcard("--kind", kind, *options) as card:
        with Card() as process:
            seen = process.next()
            reset()
            signed = process.signed(seen)
            equal(signed.result, "OK", "after a reset")
            check(verifies(card, "p256", signed.signature), "signature")
        with Card() as process:
            seen = process.next()
            card.ctl("set-tries", 1)
            reset()
            card.reset_log()
            equal(process.signed(seen, floor=1).result, "PIN_LAST_TRY", "fewer tries than before")
            equal(card.counts().get("VERIFY", 0), 0, "VERIFYs")
        card.ctl("set-tries", 3)
        with Card() as process:
            seen = process.next()
            card.ctl("fault", "object", "5FC102", "5312" + "3410" + "77" * 16)
            reset()
            card.reset_log()
            equal(process.signed(seen).result, "CARD_REMOVED", "another GUID")
            equal(card.counts().get("VERIFY", 0), 0, "VERIFYs")


def reset_between_no_chuid():
    reset_between("another", "--no-chuid")


def connected_after_a_death():
    """Someone dies inside a transaction just before we connect."""
    with Vcard() as card:
        for _ in range(200 if LONG else 30):
            victim = os.fork()
            if victim == 0:
                Stranger().connect().begin()
                os.kill(os.getpid(), signal.SIGKILL)
            os.waitpid(victim, 0)
            equal(login()[1].result, "OK", "login")


def exclusive(stranger):
    try:
        return stranger.connect(share=1)
    except Failed:
        return None


def A74_held_by_others():
    with Vcard() as card:
        holder = Stranger().connect().begin()
        with Card(seconds=2) as process:
            start = time.monotonic()
            equal(process.ask(NEXT, wait_ms=500).result, "BUSY", "transaction held")
            check(time.monotonic() - start < SOON, "later than its alarm")
        process = Card(seconds=10)
        process.send(NEXT, wait_ms=8000)
        time.sleep(0.5)
        holder.end()
        seen = process.receive()
        equal(seen.result, "OK", "let go in time")
        holder.begin()
        process.sign(seen)
        time.sleep(0.5)
        equal(card.counts().get("VERIFY", 0), 0, "VERIFYs")
        holder.end()
        equal(process.receive().result, "OK", "let go in time")
        process.close()
        holder.disconnect()
        until(lambda: exclusive(holder), 10, "someone is still connected")
        with Card() as process:
            equal(process.next(wait_ms=400).result, "BUSY", "exclusive")
        holder.disconnect()
        equal(login()[1].result, "OK", "free again")


def pcscd_pids():
    def name(pid):
        try:
            with open("/proc/%s/comm" % pid) as f:
                return f.read().strip()
        except OSError:
            return ""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and name(pid) == "pcscd"]


def no_socket():
    if os.path.exists("/run/pcscd/pcscd.comm"):
        os.unlink("/run/pcscd/pcscd.comm")


def listens():
    """The name is there before anybody listens behind it."""
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex("/run/pcscd/pcscd.comm") == 0


def start_pcscd(environment=None):
    no_socket()
    log = open("/run/pcscd.log", "ab")
    pcscd = subprocess.Popen(["pcscd", "--foreground"], stdout=log, stderr=log, env=environment)
    until(listens, SOON, "pcscd does not start")
    return pcscd


@contextlib.contextmanager
def slow_pcscd():
    """In place of the present one, which has another like it behind."""
    for pid in pcscd_pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not pcscd_pids(), SOON, "pcscd does not end")     # its ports are free then
    slow = start_pcscd(dict(os.environ, LD_PRELOAD=program("slow_pcscd.so")))
    try:
        yield
    finally:
        slow.kill()
        slow.wait()
        start_pcscd()


def A74_pcscd():
    """Silent, killed, away, back: bounded each time, and never a VERIFY."""
    pcscd = pcscd_pids()[0]
    with Vcard() as card:
        with Card() as process:
            seen = process.next()
            os.kill(pcscd, signal.SIGSTOP)
            for op, request in (("NEXT", dict(op=NEXT)), ("LIST", dict(op=LIST))):
                with Card(seconds=2) as other:
                    start = time.monotonic()
                    equal(other.ask(**request).result, "PCSC", "%s, silent" % op)
                    check(time.monotonic() - start < SOON, "later than its alarm")
            os.kill(pcscd, signal.SIGCONT)
            equal(process.signed(seen).result, "OK", "after the silence")
        with Card() as process:
            seen = process.next()
            card.reset_log()
            process.send(NEXT, wait_ms=600)
            os.kill(pcscd, signal.SIGKILL)
            equal(process.receive().result, "PCSC", "killed while waiting")
            equal(process.signed(seen).result, "CARD_REMOVED", "the card of before")
            equal(card.counts().get("VERIFY", 0), 0, "VERIFYs")
            no_socket()
            equal(process.next(wait_ms=100).result, "PCSC", "no socket")
            again = start_pcscd()
            equal(process.next(wait_ms=10000).result, "OK", "back")
        with Card() as process:
            seen = process.next()
            card.ctl("fault", "stall", "VERIFY", 0)
            process.sign(seen)
            card.ctl("wait", "stalled")
            again.kill()
            again.wait()
            signed = process.receive()
            equal((signed.result, signed.signature), ("PCSC", b""), "killed in the middle of an APDU")
            card.ctl("fault", "clear")
            again = start_pcscd()
            with Card() as other:
                equal(other.next(wait_ms=10000).result, "OK", "back again")
            check(not Stranger().can_sign(), "a stranger can sign")
        again.kill()
        again.wait()
        no_socket()
        server = socket.socket(socket.AF_UNIX)
        server.bind("/run/pcscd/pcscd.comm")
        server.listen(10)
        with Card(seconds=2) as process:
            equal(process.ask(NEXT).result, "PCSC", "accepts and says nothing")
        server.close()
        no_socket()
        again = start_pcscd()


def replayed_login():
    """A recorded session answers with a signature of another message."""
    with Vcard() as card:
        tape = os.path.join(TMP, "tape")
        card.ctl("record", tape)
        equal(login()[1].result, "OK", "recorded")
        card.ctl("record", "off")
        card.ctl("fault", "replay", tape)
        seen, signed = login(message=b"another message")
        if signed.result == "OK":
            check(not verifies(card, "p256", signed.signature, b"another message"), "replay verifies")


def malformed_signatures():
    """Framing is judged here, the signature itself by who asked."""
    refused = ("empty", "257", "512", "65000")
    with Vcard() as card:
        for variant in ("r0", "s0", "rn", "sn", "neg", "nonmin", "trailing", "other", "flipped", "zero",
                        "one", *refused):
            card.ctl("fault", "sig", variant)
            _, signed = login()
            if variant in refused:
                equal((signed.result, signed.signature), ("CARD_FAILED", b""), variant)
            else:
                check(not verifies(card, "p256", signed.signature), variant)
            card.ctl("fault", "clear")


if __name__ == "__main__":
    tests = [("%s_%s" % (test.__name__, kind), lambda t=test, k=kind: t(k)) for kind in KINDS
             for test in (A66_killed_at_each_apdu, A66_starter_gone, A66_every_ending, removed_between,
                          reset_between)]
    main(tests + [A66_strangers_who_never_stop_asking, A70_framing, A71_hostile_objects, A65_no_retry, tries_unknown, stays_verified,
                  no_piv_card, swapped_between, pulled_while_asked, reset_between_no_chuid,
                  connected_after_a_death, malformed_signatures, replayed_login,
                  A66_hung_up_beside_strangers_connected_all_the_time, A74_held_by_others, A74_pcscd])
