#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""confine.py COMMAND [ARG...] - run COMMAND unable to reach what no namespace separates.

Capabilities that act on the machine itself (its clock, modules, ports, kernel log) leave the
bounding set, and a seccomp filter hides the audit socket: records sent there would land in the
machine's own log. Signals are back at their defaults, whatever the caller ignored.
"""
import ctypes
import errno
import os
import platform
import signal
import struct
import sys

# linux/capability.h
DROPPED = {
    "SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_BOOT": 22, "SYS_TIME": 25,
    "MAC_OVERRIDE": 32, "MAC_ADMIN": 33, "SYSLOG": 34, "WAKE_ALARM": 35,
}
PR_CAPBSET_DROP = 24
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
AF_NETLINK, NETLINK_AUDIT = 16, 9
# audit.h's AUDIT_ARCH_* and the number of socket(2) there
SOCKET_CALL = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}

LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, *arguments):
    values = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    values += [ctypes.c_ulong(0)] * (4 - len(values))
    if libc.prctl(option, *values) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def drop_capabilities():
    for number in DROPPED.values():
        prctl(PR_CAPBSET_DROP, number)


def hide_audit():
    if platform.machine() not in SOCKET_CALL:
        return
    arch, call = SOCKET_CALL[platform.machine()]
    program = [  # struct seccomp_data: nr 0, arch 4, args[0] 16, args[2] 32
        (LOAD, 0, 0, 4), (JUMP_EQUAL, 0, 7, arch),
        (LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 5, call),
        (LOAD, 0, 0, 16), (JUMP_EQUAL, 0, 3, AF_NETLINK),
        (LOAD, 0, 0, 32), (JUMP_EQUAL, 0, 1, NETLINK_AUDIT),
        (RETURN, 0, 0, ERRNO | errno.EPROTONOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
          ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))))


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: confine.py COMMAND [ARG...]")
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    hide_audit()
    drop_capabilities()
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        sys.exit(f"confine.py: {sys.argv[1]}: {error.strerror}")


if __name__ == "__main__":
    main()
