# SPDX-License-Identifier: Apache-2.0
"""Another program at the readers: a PC/SC client that shares nothing with the product."""
import ctypes
import time

SUCCESS, SHARING_VIOLATION = 0, 0x8010000B
# Reset since; and what pcscd says while it resets the card of a client that died.
STALE = (0x80100068, 0x8010000F)
SCOPE_SYSTEM, SHARE_EXCLUSIVE, SHARE_SHARED, LEAVE_CARD = 2, 1, 2, 0
ANY_PROTOCOL = 3
SELECT_PIV = bytes.fromhex("00A404000BA00000030800001000010000")
# GENERAL AUTHENTICATE, P-256 and RSA-2048, key 9A (SP 800-73-4 part 2, 3.2.4)
SIGN_P256 = bytes.fromhex("0087119A26" "7C24" "8200" "8120" + "11" * 32 + "00")

pcsc = ctypes.CDLL("libpcsclite.so.1")
for _name in ("SCardEstablishContext", "SCardConnect", "SCardTransmit", "SCardBeginTransaction",
              "SCardReconnect", "SCardDisconnect", "SCardReleaseContext"):
    getattr(pcsc, _name).restype = ctypes.c_long


class IoRequest(ctypes.Structure):
    _fields_ = [("protocol", ctypes.c_ulong), ("length", ctypes.c_ulong)]


class Failure(Exception):
    def __init__(self, call, code):
        super().__init__(f"{call}: {code:08X}")
        self.code = code


def _do(name, *arguments):
    code = getattr(pcsc, name)(*arguments) & 0xFFFFFFFF
    if code != SUCCESS:
        raise Failure(name, code)


def context():
    """A new context, one of pcscd's 200; kept until the process ends."""
    handle = ctypes.c_long()
    _do("SCardEstablishContext", ctypes.c_ulong(SCOPE_SYSTEM), None, None, ctypes.byref(handle))
    return handle


class Connection:
    """A card in a reader, shared. Use as a context: leaves the card as it is."""

    def __init__(self, reader, share=SHARE_SHARED):
        self.reader, self.context = reader, context()
        self.card, self.protocol = ctypes.c_long(), ctypes.c_ulong()
        for left in reversed(range(50)):
            try:
                _do("SCardConnect", self.context, reader.encode(), ctypes.c_ulong(share), ctypes.c_ulong(ANY_PROTOCOL),
                    ctypes.byref(self.card), ctypes.byref(self.protocol))
                return
            except Failure as failure:
                # A login that has the reader alone, or has just died so.
                if failure.code not in (*STALE, *([SHARING_VIOLATION] if share == SHARE_SHARED else [])) or not left:
                    raise
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pcsc.SCardDisconnect(self.card, ctypes.c_ulong(LEAVE_CARD))
        pcsc.SCardReleaseContext(self.context)

    def begin(self):
        _do("SCardBeginTransaction", self.card)

    def transmit(self, apdu):
        """The whole answer; waits while another holds the card, connects again when it was reset."""
        for _ in range(200):
            answer, length = ctypes.create_string_buffer(65538), ctypes.c_ulong(65538)
            request = IoRequest(self.protocol.value, ctypes.sizeof(IoRequest))
            try:
                _do("SCardTransmit", self.card, ctypes.byref(request), apdu, ctypes.c_ulong(len(apdu)), None, answer,
                    ctypes.byref(length))
                return answer.raw[:length.value]
            except Failure as failure:
                if failure.code in STALE:
                    pcsc.SCardReconnect(self.card, ctypes.c_ulong(SHARE_SHARED), ctypes.c_ulong(ANY_PROTOCOL),
                                        ctypes.c_ulong(LEAVE_CARD), ctypes.byref(self.protocol))
                elif failure.code != SHARING_VIOLATION:
                    raise
            time.sleep(0.05)
        raise AssertionError("the card stays held by another")


def signature_without_pin(reader):
    """Status words of a 9A signature nobody typed a PIN for: with what is selected, and after SELECT."""
    with Connection(reader) as other:
        answers = [other.transmit(SIGN_P256)]
        other.transmit(SELECT_PIV)
        answers.append(other.transmit(SIGN_P256))
    return [answer[-2:].hex() for answer in answers]
