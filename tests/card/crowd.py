#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Many cardmfa-card processes with few readers: turns, bounds, times."""
from rig import *

CROWD = 20


def crowd(kind, algorithm="p256", serving=()):
    """All at once on one reader: each is served, one after the other."""
    with Vcard("--kind", kind, "--slot", "9A=" + algorithm, serving=serving) as card:
        card.reset_log()
        start = time.monotonic()
        processes = [Card() for _ in range(CROWD)]
        for process in processes:
            process.send(NEXT, wait_ms=20000)
        for number, process in enumerate(processes):
            seen = process.receive()
            equal(seen.result, "OK", "NEXT of %d" % number)
            process.sign(seen, algorithm, message=b"message %d" % number)
        for number, process in enumerate(processes):
            signed = process.receive()
            equal(signed.result, "OK", "SIGN of %d" % number)
            check(verifies(card, algorithm, signed.signature, b"message %d" % number),
                  "signature of %d" % number)
            process.close()
        took = time.monotonic() - start
        counts = card.counts()
        equal((counts["VERIFY"], card.tries()), (CROWD, int(card.ctl("tries").split()[0][4:])), "VERIFYs")
        check(not card.verified(), "left verified")
        print("# %s %s %s: %d at once in %.2f s, %d APDUs" %
              (kind, algorithm, " ".join(serving), CROWD, took, counts["total"]))


def wrong_among_right():
    """A wrong PIN of one neither spoils nor helps the others."""
    with Vcard("--kind", "another") as card:
        processes = [(Card(), WRONG if n % 5 == 4 else PIN) for n in range(10)]
        for process, _ in processes:
            process.send(NEXT, wait_ms=20000)
        for process, pin in processes:
            process.sign(process.receive(), pin=pin)
        for process, pin in processes:
            equal(process.receive().result, "OK" if pin == PIN else "PIN_WRONG", "PIN %s" % pin)
            process.close()
        check(not card.verified(), "left verified")


def turns_are_bounded():
    """Who waits for a busy reader is answered before its own alarm; the other reader is free."""
    with Vcard(port=PORTS[0]) as a, Vcard(port=PORTS[1]):
        slow = Card()
        seen = [slow.next(), slow.next()]
        there = [s for s in seen if s.reader == READERS[0]][0]
        a.ctl("fault", "stall", "SELECT", 0)
        slow.sign(there)
        a.ctl("wait", "stalled")
        # The time may end just as it has come to the other reader, on a slow machine more than once: then the next one gets there.
        for tries_left in range(5, -1, -1):
            with Card(seconds=10) as process:
                start = time.monotonic()
                first = process.next(wait_ms=0)
                took = time.monotonic() - start
            check(took < SOON, "later than its alarm: %.2f s" % took)
            if first.result != "TIMEOUT":
                break
            check(tries_left, "no time for the other reader, six times")
        check((first.result, first.reader) == ("OK", READERS[1]) or first.result == "BUSY",
              "%s %s" % (first.result, first.reader))
        a.ctl("fault", "clear")
        equal(slow.receive().result, "OK", "the slow one")
        slow.close()


def killed_holder():
    """The reader's turn ends with the process that has it."""
    with Vcard() as card:
        holder = Card()
        seen = holder.next()
        card.ctl("fault", "stall", "VERIFY", 0)
        holder.sign(seen)
        card.ctl("wait", "stalled")
        waiting = Card()
        waiting.send(NEXT, wait_ms=5000)
        time.sleep(0.1)
        holder.kill()
        card.ctl("fault", "clear")
        equal(waiting.receive().result, "OK", "the next one")
        waiting.close()


def idle_ones_hold_nothing():
    with Vcard() as card:
        idle = [Card() for _ in range(5)]
        for process in idle:
            equal(process.next().result, "OK", "NEXT")
        start = time.monotonic()
        equal(login()[1].result, "OK", "login beside idle ones")
        check(time.monotonic() - start < SOON, "took %.3f s" % (time.monotonic() - start))
        for process in idle:
            process.close()


def without_lock_file():
    with Vcard(), Card(lock=False) as process:
        equal(process.signed(process.next()).result, "OK", "login")


def times():
    """Raw figures: exec to signature, and the same on a card with the times of a contact card."""
    for algorithm in ("rsa2048", "p256"):
        for serving in ((), ("--timing", "contact")):
            with Vcard("--slot", "9A=" + algorithm, serving=serving):
                took = []
                for _ in range(10 if serving else 30):
                    start = time.monotonic()
                    with Card() as process:
                        equal(process.signed(process.next(), algorithm).result, "OK", "login")
                        took.append((time.monotonic() - start) * 1000)
                took.sort()
                print("# %s %s exec to signature: median %.1f ms, least %.1f, most %.1f" %
                      (algorithm, " ".join(serving), took[len(took) // 2], took[0], took[-1]))


if __name__ == "__main__":
    main([("crowd_one", lambda: crowd("one")), ("crowd_another", lambda: crowd("another")),
          ("crowd_contact_timing", lambda: crowd("one", "rsa2048", ("--timing", "contact"))),
          wrong_among_right, turns_are_bounded, killed_holder, idle_ones_hold_nothing, without_lock_file,
          times])
