# SPDX-License-Identifier: Apache-2.0
"""The box keeps its promises: a whole system in it, nothing of the machine's reached from it."""
import errno
import os
import pathlib
import socket
import time

from lib import report, vcard, world

NETLINK_AUDIT = 9


@report.test()
def a_whole_system_is_up():
    report.equal(pathlib.Path("/proc/1/comm").read_text().strip(), "systemd", "PID 1")
    report.equal(world.systemctl("is-system-running"), "running")
    for unit in ("dbus.service", "systemd-logind.service", "systemd-journald.service", "pcscd.socket"):
        report.equal(world.systemctl("is-active", unit), "active", unit)
    report.contains(pathlib.Path("/proc/self/cgroup").read_text(), "/system.slice/")
    report.equal(pathlib.Path("/proc/self/loginuid").read_text(), str(2 ** 32 - 1), "loginuid")


@report.test()
def the_clock_is_out_of_reach():
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.time())
    except PermissionError:
        return
    raise AssertionError("the machine's clock could be set")


@report.test()
def the_machine_is_out_of_reach():
    report.equal([name for _, name in socket.if_nameindex()], ["lo"], "interfaces")
    report.equal(os.access("/proc/sys/kernel/hostname", os.W_OK), False, "/proc/sys is writable")
    report.equal(os.path.exists("/dev/mem") or os.path.exists("/dev/kmsg"), False, "devices of the machine")
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
    except OSError as problem:
        report.equal(problem.errno, errno.EPROTONOSUPPORT, "audit socket")
        return
    raise AssertionError("the machine's audit log can be written")


@report.test()
def cards_come_and_go():
    world.start_pcscd()
    with vcard.Card() as one, vcard.Card(reader=1) as two:
        report.equal([vcard.pcscd_sees(reader) for reader in vcard.READERS], [True, True], "cards")
        one.remove()
        report.equal([vcard.pcscd_sees(reader) for reader in vcard.READERS], [False, True], "cards")
        one.insert()
        two.remove()
        report.equal([vcard.pcscd_sees(reader) for reader in vcard.READERS], [True, False], "cards")


if __name__ == "__main__":
    report.main()
