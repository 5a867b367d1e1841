#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""cardmfa-card with cards that behave: what a login costs, PINs, tries, two readers."""
from rig import *

KINDS = ("one", "another")
# SELECT, CHUID, tries; SELECT, VERIFY, GENERAL AUTHENTICATE in its parts, GET RESPONSE.
APDUS = {"p256": 6, "p384": 6, "rsa2048": 8, "rsa3072": 8, "rsa4096": 10}


def login_works(kind, algorithm):
    with Vcard("--kind", kind, "--slot", "9A=" + algorithm) as card:
        card.reset_log()
        start = time.monotonic()
        with Card() as process:
            seen = process.next()
            signed = process.signed(seen, algorithm)
            took = time.monotonic() - start
        equal((seen.result, signed.result), ("OK", "OK"), "results")
        counts = card.counts()
        check(verifies(card, algorithm, signed.signature), "openssl refuses the signature")
        equal(seen.guid.hex(), card.export("guid").decode().strip().lower(), "GUID")
        equal(seen.cert, b"", "certificate was read")
        print("# %s %s: %d APDUs, %.1f ms from exec to signature, %s" %
              (kind, algorithm, counts["total"], took * 1000, " ".join(card.log())))
        equal(counts["total"], APDUS[algorithm], "APDUs")
        equal(counts["VERIFY"], 1, "VERIFY")
        equal(counts["resets"], 1, "resets")
        check(not card.verified(), "left verified")
        check(not Stranger().can_sign() if algorithm == "p256" else True, "a stranger can sign")
        equal(process.rc, 0, "exit")


def wrong_pin(kind):
    with Vcard("--kind", kind) as card:
        before = card.tries()
        seen, signed = login(pin=WRONG)
        equal(seen.tries, before, "tries before")
        equal((signed.result, signed.tries, signed.signature), ("PIN_WRONG", before - 1, b""), "answer")
        equal(card.tries(), before - 1, "tries of the card")
        equal(login()[1].result, "OK", "right PIN after it")


def blocked_pin(kind):
    with Vcard("--kind", kind, "--tries", "1") as card:
        seen, signed = login(pin=WRONG)
        equal((seen.tries, signed.result, signed.tries), (1, "PIN_BLOCKED", 0), "last try wrong")
        card.reset_log()
        seen, signed = login()
        equal((seen.result, seen.tries, signed.result), ("OK", 0, "PIN_BLOCKED"), "blocked")
        equal(card.counts().get("VERIFY", 0), 0, "VERIFY at a blocked card")


def A65_floor(kind):
    with Vcard("--kind", kind) as card:
        for left in (3, 2, 1, 0):
            card.ctl("set-tries", left)
            card.reset_log()
            _, signed = login(pin=WRONG, floor=2)
            wanted = "PIN_WRONG" if left > 2 else "PIN_LAST_TRY" if left else "PIN_BLOCKED"
            equal(signed.result, wanted, "%d tries left" % left)
            counts = card.counts()
            equal(counts.get("VERIFY", 0), 1 if left > 2 else 0, "VERIFYs")
            equal(counts.get("UNBLOCK", 0) + counts.get("CHANGE", 0), 0, "PUK touched")
            equal(card.tries(), left - 1 if left > 2 else left, "tries after")
        card.ctl("set-tries", 1)
        equal(login(floor=0)[1].result, "OK", "the last try, knowingly")
        check(card.tries() > 1, "counter restored")


def one_verify_in_a_life():
    with Vcard() as card, Card() as process:
        seen = process.next()
        equal(process.signed(seen, pin=WRONG).result, "PIN_WRONG", "first")
        equal(process.signed(seen).result, "INVALID", "second")
        equal(card.counts()["VERIFY"], 1, "VERIFYs")


def A62_left_verified(kind):
    with Vcard("--kind", kind) as card:
        for pin, wanted in ((WRONG, "PIN_WRONG"), (None, "DENIED")):
            stranger = Stranger().connect()
            equal(stranger.sw(stranger.SELECT), "9000", "SELECT")
            equal(stranger.verify(), "9000", "VERIFY")
            stranger.disconnect()
            stranger.close()
            check(card.verified(), "the stranger left it verified")
            seen, signed = login(pin=pin)
            equal(signed.result, wanted, "PIN %s" % pin)
            equal(seen.was_verified, 0 if card.ctl("status").find("kind=one") > 0 else 1, "noticed")
            check(not card.verified(), "still verified")


def A62_verified_between():
    """The PIN is verified by someone else after we looked at the card, and while we hold it."""
    with Vcard("--kind", "another") as card, Card() as process:
        seen = process.next()
        stranger = Stranger().connect()
        equal((stranger.sw(stranger.SELECT), stranger.verify()), ("9000", "9000"), "stranger")
        equal(process.signed(seen, pin=None).result, "DENIED", "no PIN")
        check(not card.verified(), "still verified")


def A63_empty_pin():
    with Vcard("--kind", "another") as card, Card() as process:
        seen = process.next()
        stranger = Stranger().connect()
        equal((stranger.sw(stranger.SELECT), stranger.verify()), ("9000", "9000"), "stranger")
        stranger.disconnect()
        card.reset_log()
        equal(process.signed(seen, pin=b"").result, "PIN_FORMAT", "empty PIN")
        equal(card.counts()["total"], 0, "APDUs")


def A64_pin_format():
    bad = [b"1" * n for n in (*range(1, 6), *range(9, 17))]
    bad += [PIN + b"\xff\xff", b"12345\0", b"\xff" * 8, b"12345a", b"123456 ", PIN + b"789"]
    with Vcard() as card, Card() as process:
        seen = process.next()
        card.reset_log()
        for pin in bad:
            equal(process.signed(seen, pin=pin).result, "PIN_FORMAT", repr(pin))
        equal(card.counts()["total"], 0, "APDUs")
    with Vcard("--pin", "12345678") as card:
        equal(login(pin=b"123456789")[1].result, "PIN_FORMAT", "nine digits")
        equal(login(pin=b"12345678")[1].result, "OK", "eight digits")


def A77_pinless_keys():
    with Vcard("--slot", "9A=p256,pin=never", "--slot", "9E=p256") as card:
        _, signed = login(pin=None, key_ref=0x9E)
        equal(signed.result, "OK", "9E without PIN")
        check(verifies(card, "p256", signed.signature, slot="9E"), "signature of 9E")
        equal(login(key_ref=0x9E)[1].result, "INVALID", "9E with a PIN")
        equal(login(pin=None)[1].result, "OK", "a 9A key that asks for no PIN is found out")
        equal(login(pin=WRONG)[1].result, "PIN_WRONG", "and its signature is no proof of a PIN")
        card.ctl("fault", "no-pin")
        _, signed = login(pin=WRONG)
        equal((signed.result, signed.signature), ("PIN_WRONG", b""), "card that signs without PIN")
    with Vcard() as card:
        equal(login(pin=None)[1].result, "DENIED", "9A without PIN")


def verify_only():
    with Vcard() as card, Card() as process:
        seen = process.next()
        process.send(SIGN, handle=seen.handle, pin_mode=PIN_BYTES, pin=PIN)
        answer = process.receive()
        equal((answer.result, answer.signature), ("OK", b""), "PIN alone")
        equal(card.counts().get("SIGN", 0), 0, "signatures")
        check(not card.verified(), "left verified")


def refusals_before_any_apdu():
    with Vcard() as card, Card() as process:
        seen = process.next()
        card.reset_log()
        good = dict(handle=seen.handle, key_ref=0x9A, algorithm=4, pin_mode=PIN_BYTES, pin=PIN,
                    data=b"\1" * 32)
        for change, wanted in (({"key_ref": 0x9C}, "INVALID"), ({"key_ref": 0x9B}, "INVALID"),
                               ({"algorithm": 5}, "INVALID"), ({"algorithm": 0}, "INVALID"),
                               ({"data": b"\1" * 31}, "INVALID"), ({"pin_mode": PIN_PAD}, "INVALID"),
                               ({"pin_mode": PIN_NONE, "data": b""}, "INVALID"),
                               ({"handle": 77}, "CARD_REMOVED"), ({"handle": 0}, "CARD_REMOVED")):
            equal(process.ask(SIGN, **{**good, **change}).result, wanted, repr(change))
        equal(card.counts()["total"], 0, "APDUs")


def certificate(kind):
    def der(card, slot="9A"):
        done = subprocess.run(["openssl", "x509", "-outform", "DER"], input=card.export("cert", slot),
                              stdout=subprocess.PIPE, check=True)
        return done.stdout

    with Vcard("--kind", kind) as card, Card() as process:
        seen = process.next()
        equal(seen.cert, b"", "not asked for")
        for slot in ("9A", "9E"):
            answer = process.ask(CERT, handle=seen.handle, key_ref=int(slot, 16))
            equal(answer.cert, der(card, slot), "asked for later, of " + slot)
        equal(process.ask(CERT, handle=seen.handle, key_ref=0x9C).result, "INVALID", "of a key that is none of ours")
    with Vcard("--kind", kind) as card, Card() as process:
        equal(process.next(want_cert=1).cert, der(card), "asked for")
    with Vcard("--kind", kind, "--no-chuid") as card:
        seen, signed = login()
        equal((seen.has_guid, seen.cert, signed.result), (0, der(card), "OK"), "card without CHUID")
    with Vcard("--kind", kind, "--slot", "9A=p256,cert=none") as card, Card() as process:
        seen = process.next(want_cert=1)
        equal((seen.result, seen.cert), ("OK", b""), "no certificate")
    with Vcard("--kind", kind, "--slot", "9A=p256,cert=gzip") as card, Card() as process:
        seen = process.next(want_cert=1)
        equal((seen.result, seen.cert), ("CARD_FAILED", b""), "compressed certificate")


def two_readers():
    with Vcard(port=PORTS[0]) as a, Vcard("--kind", "another", port=PORTS[1]) as b, Card() as process:
        first, second = process.next(), process.next()
        equal({first.reader, second.reader}, set(READERS), "readers")
        equal(process.next(wait_ms=0).result, "NO_CARD", "a third card")
        for seen in (second, first):
            card = a if seen.reader == READERS[0] else b
            equal(seen.guid.hex(), card.export("guid").decode().strip().lower(), "GUID")
        b.reset_log()
        seen = first if first.reader == READERS[0] else second
        signed = process.signed(seen)
        check(verifies(a, "p256", signed.signature), "signature of the card that was meant")
        equal(b.counts()["total"], 0, "APDUs to the other card")
        listed = process.ask(LIST)
        equal(sorted(listed.readers), [(name, True) for name in READERS], "list")


def card_comes_later():
    with Vcard(serving=("--removed",)) as card, Card() as process:
        equal(process.ask(LIST).readers, [(name, False) for name in READERS], "list")
        start = time.monotonic()
        equal(process.next(wait_ms=300).result, "NO_CARD", "no card")
        check(0.25 < time.monotonic() - start < SOON, "waited %.2f s" % (time.monotonic() - start))
        process.send(NEXT, wait_ms=10000)
        time.sleep(0.2)
        card.ctl("insert")
        inserted = time.monotonic()
        seen = process.receive()
        equal(seen.result, "OK", "inserted")
        print("# card seen %.0f ms after it was inserted" % ((time.monotonic() - inserted) * 1000))
        equal(process.next(wait_ms=0).result, "NO_CARD", "told once")
        card.ctl("remove")
        card.ctl("wait", "removed")
        wait_absent()
        equal(process.next(wait_ms=0).result, "NO_CARD", "removed")
        card.ctl("insert")
        equal(process.next().result, "OK", "told again when it comes back")


if __name__ == "__main__":
    tests = [("login_%s_%s" % (kind, algorithm), lambda k=kind, a=algorithm: login_works(k, a))
             for kind in KINDS for algorithm in APDUS]
    tests += [("%s_%s" % (test.__name__, kind), lambda t=test, k=kind: t(k)) for kind in KINDS
              for test in (wrong_pin, blocked_pin, A65_floor, A62_left_verified, certificate)]
    main(tests + [one_verify_in_a_life, A62_verified_between, A63_empty_pin, A64_pin_format,
                  A77_pinless_keys, verify_only, refusals_before_any_apdu, two_readers,
                  card_comes_later])
