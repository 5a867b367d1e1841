#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The virtual card judged from vpcd's side of the line: both kinds point by point, and every fault.

VCARD is the built program. Needs neither root nor pcscd: this program is the reader.
"""
import atexit
import contextlib
import hashlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

VCARD = os.environ["VCARD"]
SELECT = "00A4040009A00000030800001000"
PIN = "0020008008313233343536FFFF"
BAD = "0020008008393939393939FFFF"
QUERY = "00200080"
LOGOUT = "0020FF80"
CHUID = "00CB3FFF055C035FC10200"
CERT = "00CB3FFF055C035FC10500"
KEY_SECONDS = 60          # an RSA-4096 key takes long on a busy machine
DIGEST = hashlib.sha256(b"challenge").digest()
SIGN_EC = "0087119A267C2482008120" + DIGEST.hex() + "00"
# SP 800-73-4 part 2: ECDSA on P-256's order
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Card:
    """One vcard process, and the reader it is in."""

    def __init__(self, *options, state=None):
        self.dir = tempfile.TemporaryDirectory()
        self.state = state or self.path("state")
        self.control = self.path("control")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.listener.settimeout(KEY_SECONDS)
        self.line = None
        self.start(*options)

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def start(self, *options):
        port = str(self.listener.getsockname()[1])
        # a card whose test fails halfway does not stay behind; on one that ended well this does nothing
        self.process = subprocess.Popen([VCARD, "--state", self.state, "--control", self.control, "--port", port, *options])
        atexit.register(self.process.kill)
        if "--removed" not in options:
            self.insert()

    def insert(self):
        if self.line:
            self.line.close()
        self.line = self.listener.accept()[0]
        self.line.settimeout(30)
        self.send(b"\x01")
        self.atr = self.ask(b"\x04")

    def send(self, payload):
        self.line.sendall(len(payload).to_bytes(2, "big") + payload)

    def receive(self, length):
        data = b""
        while len(data) < length:
            part = self.line.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def ask(self, payload):
        self.send(payload)
        return self.receive(int.from_bytes(self.receive(2), "big"))

    def raw(self, apdu):
        return self.ask(bytes.fromhex(apdu))

    def sw(self, apdu):
        return self.raw(apdu)[-2:].hex().upper()

    def get(self, apdu):
        """With GET RESPONSE; data only."""
        answer = self.raw(apdu)
        data = answer[:-2]
        while answer[-2] == 0x61:
            answer = self.raw("00C00000%02X" % answer[-1])
            data += answer[:-2]
        assert answer[-2:] == b"\x90\x00", answer[-2:].hex()
        return data

    def reset(self):
        self.send(b"\x02")

    def ctl(self, *words, good=True):
        done = subprocess.run([VCARD, "ctl", self.control, *words], capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) == good, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def export(self, *what):
        return subprocess.run([VCARD, "export", self.state, *what], check=True, capture_output=True, text=True).stdout

    def close(self):
        if self.line:
            self.line.close()
        self.listener.close()
        self.process.terminate()
        assert self.process.wait(5) == 0, "vcard did not end well"
        self.dir.cleanup()


def tlv(data):
    """Tag, value, rest; one-byte tags."""
    tag, length, at = data[0], data[1], 2
    if length > 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return tag, data[at:at + length], data[at + length:]


def signature(answer):
    tag, inner, rest = tlv(answer)
    assert tag == 0x7C and not rest
    tag, sig, rest = tlv(inner)
    assert tag == 0x82 and not rest
    return sig


def certificate(card):
    tag, inner, _ = tlv(card.get(CERT))
    assert tag == 0x53
    tag, cert, rest = tlv(inner)
    assert tag == 0x70
    return cert, rest


def rs(sig):
    _, inner, rest = tlv(sig)
    _, r, more = tlv(inner)
    _, s, more = tlv(more)
    return r, s, rest


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *args], input=stdin, capture_output=True)


def verifies(card, sig, digest=DIGEST):
    with contextlib.ExitStack() as stack:
        names = []
        for data in (card.export("spki", "9A").encode(), sig, digest):
            file = stack.enter_context(tempfile.NamedTemporaryFile())
            file.write(data)
            file.flush()
            names.append(file.name)
        return openssl("pkeyutl", "-verify", "-pubin", "-inkey", names[0], "-sigfile", names[1], "-in", names[2],
                       "-pkeyopt", "digest:sha256").returncode == 0


def rsa_frames(bits, algorithm, key="9A"):
    """GENERAL AUTHENTICATE of a PKCS #1 block of DIGEST, in its parts."""
    size = bits // 8
    info = bytes.fromhex("3031300D060960864801650304020105000420") + DIGEST
    block = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    data = b"\x82\x00\x81\x82" + size.to_bytes(2, "big") + block
    data = b"\x7C\x82" + len(data).to_bytes(2, "big") + data
    parts = [data[i:i + 255] for i in range(0, len(data), 255)]
    last = len(parts) - 1
    return ["%s87%02X%s%02X%s%s" % ("00" if i == last else "10", algorithm, key, len(p), p.hex(), "00" if i == last else "")
            for i, p in enumerate(parts)]


KINDS = {
    "one": dict(tries=3, last="6983", query_blocked="63C0", length="6700", keeps=False, selected=True, absent="6A82",
                select=21, discovery="4010", chained="9000", secure="6E00", attest="6D00", t0=False),
    "another": dict(tries=5, last="63C0", query_blocked="6983", length="6A80", keeps=True, selected=False, absent="6D00",
                    select=129, discovery="4000", chained="6884", secure="63C5", attest="9000", t0=True),
}


def test_kinds(check):
    for kind, k in KINDS.items():
        card = Card("--kind", kind)
        say = lambda name, got, want, kind=kind: check("%s_%s" % (kind, name), got, want)
        say("t0_offered", bool(card.atr[2] & 0x80), k["t0"])
        say("selected_after_power", card.sw(QUERY) != "6986", k["selected"])
        say("select_answer", len(card.raw(SELECT)), k["select"])
        say("select_of_11_bytes", card.sw("00A404000BA000000308000010000100"), "9000")
        say("class_01", card.sw("01" + QUERY[2:]), k["secure"])
        say("class_0c", card.sw("0C" + QUERY[2:]), k["secure"])
        say("discovery", card.raw("00CB3FFF035C017E00")[-4:-2].hex(), k["discovery"])
        say("query", card.sw(QUERY), "63C%d" % k["tries"])
        say("other_length", card.sw("0020008006313233343536"), k["length"])
        say("other_length_uses_no_try", card.sw(QUERY), "63C%d" % k["tries"])
        say("eight_ff_use_a_try", card.sw("0020008008" + "FF" * 8), "63C%d" % (k["tries"] - 1))
        say("right_pin", card.sw(PIN), "9000")
        say("query_when_verified", card.sw(QUERY), "9000")
        say("absent_application", card.sw("00A4040007A0000000031010"), k["absent"])
        say("absent_application_keeps", card.sw(QUERY), "9000")
        say("select_again", card.sw(SELECT), "9000")
        say("select_again_keeps_the_pin", card.sw(QUERY) == "9000", k["keeps"])
        card.sw(PIN)
        say("logout", card.sw(LOGOUT), "9000")
        say("logout_clears", card.sw(QUERY), "63C%d" % k["tries"])
        card.sw(PIN)
        card.reset()
        say("reset", card.sw(SIGN_EC), "6982" if k["selected"] else "6986")
        card.raw(SELECT)
        say("reset_clears", card.ctl("verified"), "ok no")
        say("chained_verify", card.sw("1020008004" + PIN[10:18]), k["chained"])
        say("chained_verify_end", card.sw("0020008004" + PIN[18:]), "9000" if kind == "one" else k["length"])
        card.raw(LOGOUT)
        say("metadata", card.sw("00F7009A00"), "9000")
        say("attest", card.sw("00F99A0000")[:2], k["attest"][:2] if kind == "one" else "61")
        say("sign_without_pin", card.sw(SIGN_EC), "6982")
        say("sign_9e_without_pin", card.sw(SIGN_EC.replace("119A", "119E")), "9000")
        card.raw(PIN)
        say("signature", verifies(card, signature(card.get(SIGN_EC))), True)
        for left in range(k["tries"] - 1, 0, -1):
            say("wrong_pin_%d" % left, card.sw(BAD), "63C%d" % left)
        say("wrong_pin_clears", card.ctl("verified"), "ok no")
        say("last_wrong_pin", card.sw(BAD), k["last"])
        say("query_when_blocked", card.sw(QUERY), k["query_blocked"])
        say("right_pin_when_blocked", card.sw(PIN), "6983")
        card.process.kill()
        card.process.wait()
        card.start()
        card.raw(SELECT)
        say("blocked_after_kill", card.sw(PIN), "6983")
        say("unblock", card.sw("002C008010" + "3132333435363738" + "363636363636FFFF"), "9000")
        say("new_pin", card.sw("0020008008363636363636FFFF"), "9000")
        card.close()


def test_keys(check):
    for name, bits, algorithm in (("rsa1024", 1024, 6), ("rsa2048", 2048, 7), ("rsa3072", 3072, 5), ("rsa4096", 4096, 0x16)):
        card = Card("--slot", "9A=" + name)
        card.raw(PIN)
        *parts, last = rsa_frames(bits, algorithm)
        check(name + "_parts", [card.sw(p) for p in parts], ["9000"] * len(parts))
        sig = signature(card.get(last))
        check(name + "_signature", (len(sig), verifies(card, sig)), (bits // 8, True))
        check(name + "_wrong_algorithm", card.sw(SIGN_EC), "6A86")
        card.close()
    card = Card("--slot", "9A=p384", "--slot", "9C=p256")
    card.raw(PIN)
    check("p384_signature", verifies(card, signature(card.get("0087149A267C2482008120" + DIGEST.hex() + "00"))), True)
    in_9c = SIGN_EC.replace("119A", "119C")
    card.raw(PIN)
    check("always_after_verify", card.sw(in_9c), "9000")
    check("always_once_only", card.sw(in_9c), "6982")
    check("no_key", card.sw(SIGN_EC.replace("119A", "119D")), "6A80")
    card.close()


def test_apdu_faults(check):
    card = Card()
    def fault(*words):
        card.ctl("fault", "clear")
        card.ctl("fault", *words)
    fault("sw", "VERIFY", "6300")
    check("sw", (card.sw(PIN), card.sw(QUERY)), ("6300", "63C3"))
    fault("sw", "VERIFY", "6300", "nth=2", "times=1")
    check("sw_nth_times", [card.sw(PIN) for _ in range(3)], ["9000", "6300", "9000"])
    fault("sw-done", "VERIFY", "6581")
    check("sw_done", (card.sw(BAD), card.ctl("tries")), ("6581", "ok pin=2 puk=3 max=3"))
    for data in ("-", "90", "9000"):
        fault("raw", "SIGN", data)
        check("raw_" + data, card.raw(SIGN_EC).hex(), data.strip("-"))
    for length in (0, 256, 257, 65533):
        fault("long", "CHUID", str(length))
        check("long_%d" % length, len(card.raw(CHUID)), length + 2)
    fault("endless61", "SIGN")
    check("endless61", [len(card.raw(SIGN_EC))] + [card.raw("00C0000000")[-2:].hex() for _ in range(300)],
          [258] + ["61ff"] * 300)
    fault("zero61", "CHUID")
    check("zero61", [card.raw(CHUID).hex()] + [card.raw("00C0000000").hex() for _ in range(9)], ["6100"] * 10)
    fault("loop6c", "CHUID", "08")
    check("loop6c", [card.sw(CHUID), card.sw(CHUID[:-2] + "08")], ["6C08"] * 2)
    card.ctl("count", "reset")
    fault("stall", "SIGN", "0")
    card.send(bytes.fromhex(SIGN_EC))
    check("stall_seen", card.ctl("wait", "stalled"), "ok")
    check("stall_answers_control", card.ctl("count"), "ok total=1 SIGN=1 resets=0 power=0 off=0")
    card.ctl("fault", "clear")
    check("stall_ends", card.receive(int.from_bytes(card.receive(2), "big"))[-2:].hex(), "6982")
    fault("stall", "QUERY", "200")
    began = time.monotonic()
    card.raw(QUERY)
    check("stall_ms", 0.2 <= time.monotonic() - began < 10, True)
    for when, left in (("before", 2), ("done", 1)):
        fault("pull", "VERIFY", when)
        try:
            card.raw(BAD)
            gone = False
        except EOFError:
            gone = True
        card.ctl("wait", "removed")
        check("pull_" + when, (gone, card.ctl("tries").split()[1]), (True, "pin=%d" % left))
        card.ctl("insert")
        card.insert()
    card.ctl("set-tries", "3")
    fault("pull", "VERIFY", "after")
    check("pull_after", (card.sw(PIN), card.ctl("wait", "removed")), ("9000", "ok"))
    card.ctl("fault", "clear")
    card.ctl("insert")
    card.insert()
    check("unknown_fault", card.ctl("fault", "nonsense", good=False), "err no such fault")
    card.close()


def test_swap_and_replay(check):
    card = Card()
    other = card.path("other")
    subprocess.run([VCARD, "new", "--state", other, "--like", card.state], check=True)
    card.raw(SELECT)
    guid, cert = card.get(CHUID), certificate(card)
    card.ctl("record", card.path("record"))
    card.raw(SELECT), card.get(CHUID), card.raw(PIN)
    recorded = card.raw(SIGN_EC)
    card.ctl("record", "off")
    check("pin_is_not_recorded", PIN[10:].lower() in open(card.path("record")).read().lower(), False)
    card.ctl("fault", "replay", card.path("record"))
    check("replay", (card.sw(SELECT), card.sw(BAD), card.raw(SIGN_EC.replace("00", "01", 0)) == recorded, card.sw(QUERY)),
          ("9000", "9000", True, "6F00"))
    card.ctl("fault", "clear")
    card.raw(PIN)
    card.ctl("fault", "swap", "SIGN", other)
    check("swap_is_unverified", card.sw(SIGN_EC), "6982")
    check("clone_same_identity", (card.get(CHUID) == guid, certificate(card) == cert), (True, True))
    card.raw(PIN)
    check("clone_other_key", verifies(card, signature(card.get(SIGN_EC))), False)
    card.ctl("swap", card.state)
    card.insert()
    card.raw(PIN)
    check("swapped_back", verifies(card, signature(card.get(SIGN_EC))), True)
    card.close()


def test_object_faults(check):
    card = Card("--cn", "Taro\\x21", "--not-after", "20270331")
    def fault(*words):
        card.ctl("fault", "clear")
        card.ctl("fault", *words)
    cert, rest = certificate(card)
    text = openssl("x509", "-inform", "DER", "-noout", "-subject", "-enddate", stdin=cert).stdout.decode()
    check("cn_and_end", ("CN = Taro!" in text, "Mar 31 23:59:59 2027" in text, rest.hex()), (True, True, "710100fe00"))
    fault("no-chuid")
    check("no_chuid", card.sw(CHUID), "6A82")
    fault("no-cert")
    check("no_cert", card.sw(CERT), "6A82")
    fault("object", "5FC102", "5301AA")
    check("object", card.get(CHUID).hex(), "5301aa")
    fault("cert-huge", "60000")
    check("cert_huge", len(certificate(card)[0]), 60000)
    fault("cert-truncated")
    check("cert_truncated", len(card.get(CERT)) < 300, True)
    fault("cert-gzip")
    zipped, rest = certificate(card)
    check("cert_gzip", (subprocess.run(["gzip", "-dc"], input=zipped, capture_output=True).stdout == cert, rest.hex()),
          (True, "710101fe00"))
    fault("cert-bomb")
    bomb = certificate(card)[0]
    check("cert_bomb", (len(bomb) < 16384, len(subprocess.run(["gzip", "-dc"], input=bomb, capture_output=True).stdout) > 1 << 20),
          (True, True))
    fault("cert-flag-lie")
    check("cert_flag_lie", (certificate(card)[0] == cert, certificate(card)[1].hex()), (True, "710101fe00"))
    fault("cert-empty")
    check("cert_empty", certificate(card)[0], b"")
    for sort, said in (("rsa1024", "1024 bit"), ("e1", "Exponent: 1 "), ("e3", "Exponent: 3 "), ("even", "Exponent: 65536 "),
                       ("roca", "2048 bit"), ("p192", "prime192v1"), ("offcurve", "Unable to load")):
        fault("cert-key", sort)
        shown = openssl("x509", "-inform", "DER", "-noout", "-text", stdin=certificate(card)[0]).stdout.decode()
        check("cert_key_" + sort, bool(re.search(said, shown)), True)
        if sort == "roca":
            n = int(re.sub(r"[^0-9a-f]", "", re.search(r"Modulus:(.*?)Exponent", shown, re.S)[1]), 16)
            check("cert_key_roca_fingerprint", all(n % p in {pow(65537, i, p) for i in range(p)}
                                                   for p in (3, 5, 7, 11, 13, 17, 19, 37, 61, 97, 157, 167)), True)
    fault("cert-key", "infinity")
    check("cert_key_infinity", bytes.fromhex("2A8648CE3D03010703020000") in certificate(card)[0], True)
    for sort in ("escape", "osc52", "newline", "format", "long", "badutf8", "bidi", "nul"):
        fault("hostile", sort)
        check("hostile_" + sort, certificate(card)[0] != cert and len(card.get(SELECT)) > 25, True)
    fault("atr", "3B00")
    check("atr", card.ask(b"\x04").hex(), "3b00")
    card.close()


def test_signature_faults(check):
    card = Card()
    card.raw(PIN)
    def forged(variant):
        card.ctl("fault", "clear")
        card.ctl("fault", "sig", variant)
        return signature(card.get(SIGN_EC))
    for variant, at, value in (("r0", 0, 0), ("s0", 1, 0), ("rn", 0, N256), ("sn", 1, N256), ("rn1", 0, N256 + 1), ("sn1", 1, N256 + 1)):
        check("sig_" + variant, int.from_bytes(rs(forged(variant))[at], "big"), value)
    check("sig_neg", rs(forged("neg"))[0][0], 0xFF)
    check("sig_nonmin", rs(forged("nonmin"))[1][:3], b"\0\0\0")
    check("sig_trailing", rs(forged("trailing"))[2], b"\0")
    for variant, length in (("empty", 0), ("257", 257), ("512", 512), ("65000", 65000)):
        check("sig_" + variant, len(forged(variant)), length)
    check("sig_zero", set(forged("zero")), {0})
    for variant in ("r0", "rn", "neg", "nonmin", "trailing", "empty", "512", "zero", "one", "flipped", "other"):
        check("sig_%s_is_refused" % variant, verifies(card, forged(variant)), False)
    card.close()
    card = Card("--slot", "9A=rsa2048")
    card.raw(PIN)
    for variant in ("plusn", "trailing", "empty", "257", "512", "zero", "one", "flipped", "other"):
        card.ctl("fault", "clear")
        card.ctl("fault", "sig", variant)
        *parts, last = rsa_frames(2048, 7)
        for part in parts:
            card.raw(part)
        check("sig_rsa_%s_is_refused" % variant, verifies(card, signature(card.get(last))), False)
    card.close()


def test_pin_faults(check):
    card = Card()
    def fault(*words):
        card.ctl("fault", "clear")
        card.ctl("fault", *words)
        card.reset()
    fault("any-pin")
    check("any_pin", (card.sw(BAD), card.sw(SIGN_EC), card.ctl("tries")), ("9000", "9000", "ok pin=3 puk=3 max=3"))
    fault("no-pin")
    check("no_pin", card.sw(SIGN_EC), "9000")
    fault("select-keeps")
    check("select_keeps", (card.sw(PIN), card.sw(SELECT), card.sw(SIGN_EC)), ("9000", "9000", "9000"))
    fault("reset-keeps")
    card.raw(PIN)
    card.reset()
    check("reset_keeps", card.sw(SIGN_EC), "9000")
    card.ctl("fault", "clear")
    fault("logout-ignored")
    check("logout_ignored", (card.sw(PIN), card.sw(LOGOUT), card.sw(SIGN_EC)), ("9000", "9000", "9000"))
    fault("only-reset-clears")
    check("only_reset_clears", (card.sw(PIN), card.sw(SELECT), card.sw(LOGOUT), card.sw(BAD), card.sw(SIGN_EC)),
          ("9000", "9000", "9000", "63C2", "9000"))
    card.reset()
    check("only_reset_clears_then_it_does", card.sw(SIGN_EC), "6982")
    fault("query-clears")
    check("query_clears", (card.sw(PIN), card.sw(QUERY), card.sw(SIGN_EC)), ("9000", "9000", "6982"))
    fault("query-630x")
    check("query_630x", (card.sw(QUERY), card.sw(BAD), card.sw(PIN), card.sw(QUERY)), ("6303", "6302", "9000", "6303"))
    card.close()


def test_control(check):
    card = Card("--removed")
    check("removed", "inserted=no connected=no" in card.ctl("status"), True)
    check("wait_ends", card.ctl("wait", "powered", "50", good=False), "err timed out")
    card.ctl("insert")
    card.insert()
    check("wait_powered", card.ctl("wait", "powered"), "ok")
    card.ctl("count", "reset"), card.ctl("log", "reset")
    card.raw(SELECT), card.raw(PIN), card.reset(), card.raw(SIGN_EC)
    check("count", card.ctl("count"), "ok total=3 SELECT=1 VERIFY=1 SIGN=1 resets=1 power=0 off=0")
    check("log", card.ctl("log"), "ok SELECT,00A40400,9,19,9000 VERIFY,00200080,8,0,9000 RESET SIGN,0087119A,38,0,6982")
    check("wait_seen", card.ctl("wait", "seen", "SIGN", "1", "50"), "ok")
    check("malformed_apdu", card.sw("00A404"), "6700")
    card.ctl("timing", "on")
    began = time.monotonic()
    card.raw(PIN)
    check("timing", 0.017 <= time.monotonic() - began < 5, True)
    card.line.close()
    card.insert()
    check("reconnects", card.sw(SELECT), "9000")
    card.close()


def main():
    failed = []

    def check(name, got, want):
        good = got == want
        print("%s card/vcard/%s" % ("ok" if good else "not ok", name))
        if not good:
            print("# got %r, want %r" % (got, want))
            failed.append(name)

    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test(check)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
