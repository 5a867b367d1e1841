# SPDX-License-Identifier: Apache-2.0
"""ssh: from the start of the client to the first output of the person's shell, with the card's key and a code."""
import time

from lib import daemon, sshd, stage, world

import figures
import people

ROUNDS, SECONDS = (200, 300) if figures.LONG else (60, 75)
NAMES = {people.RSA: "ssh_login_rsa2048", people.P256: "ssh_login_p256"}
OWN, FLOOR = "127.0.0.1", "127.0.0.2"
NEIGHBOURS = ("systemd-logind.service", "dbus.service")

# The floor is the same sshd, client, card and key; who comes from its address meets other modules in our place: one that asks
# for a password and lets in whoever it names (pam_permit would not even ask, and there is a prompt in every login with two
# kinds), and pam_permit for account and session. What stands beside us is the same.
FROM_FLOOR = f"pam_succeed_if.so quiet rhost = {FLOOR}"
STACK = f"""
auth     requisite pam_nologin.so
auth     [success=2 default=ignore] {FROM_FLOOR}
auth     required  pam_cardmfa.so
auth     [default=2] pam_permit.so
auth     required  pam_ftp.so ignore users={",".join(NAMES)}
auth     required  pam_permit.so
account  [success=2 default=ignore] {FROM_FLOOR}
account  required  pam_cardmfa.so
account  [default=1] pam_permit.so
account  required  pam_permit.so
session  required  pam_loginuid.so
session  [success=2 default=ignore] {FROM_FLOOR}
session  required  pam_cardmfa.so
session  [default=1] pam_permit.so
session  required  pam_permit.so
session  required  pam_systemd.so
session  [success=2 default=ignore] {FROM_FLOOR}
session  required  pam_cardmfa.so confirm
session  [default=1] pam_permit.so
session  required  pam_permit.so
"""


def acknowledge_at_once():
    """Over the loop a packet may wait 40 ms for the acknowledgement of another: by chance, on one side or the other."""
    world.run("ip", "route", "change", "local", OWN, "dev", "lo", "table", "local", "proto", "kernel", "scope", "host", "src", OWN,
              "quickack", "1")
    world.run("ip", "route", "add", "local", FLOOR, "dev", "lo", "table", "local", "proto", "kernel", "scope", "host", "src", OWN,
              "quickack", "1")


def enrol(who):
    sshd.people[who.name] = who
    who.app = stage.enroll_app(who.name)
    sshd.allow(who.name, world.run("ssh-keygen", "-D", sshd.PKCS11).stdout.splitlines()[0])
    # The person's own service manager is not started anew each time.
    world.run("loginctl", "enable-linger", who.name)


def side(who, agent, address, before=lambda: None):
    """An agent holds the card's keys, its PIN was typed once: how fast a PIN is typed is nobody's figure."""
    def connect():
        before()
        # A code is good once; here it is made good again, before the clock runs.
        daemon.change("UPDATE totp SET last_step = 0")
        code = world.code_at(who.app.seed, who.app.now())
        begun = time.perf_counter_ns()
        client = sshd.client(who.name, code, "echo in", agent_path=agent, options=("-o", f"BindAddress={address}"))
        said = client.stdout.readline()
        taken = time.perf_counter_ns() - begun
        rest = client.communicate(timeout=20)[0]
        if said != "in\n" or client.returncode != 0:
            raise figures.Trouble(f"ssh from {address}: {said}{rest}")
        return taken / 1e6
    return connect


def measure(who, agent):
    floor = side(who, agent, FLOOR)

    def another_pace():
        """sshd makes a request last 5 to 9 ms, or twice that, or four times, by a secret it draws at its start."""
        sshd.start_anew()
        floor()
    sides = figures.Sides(login=side(who, agent, OWN, before=another_pace), floor=floor)
    grants = daemon.successes()
    units = [int(world.systemctl("show", "-P", "MainPID", unit)) for unit in (sshd.UNIT, *NEIGHBOURS)]
    with people.undisturbed(*units):
        sides.run(ROUNDS, SECONDS)
    if daemon.successes() - grants != len(sides.times["login"]) + 1:
        raise figures.Trouble("a login was not the product's, or one of the floor's was")
    return sides


def run():
    people.product()
    acknowledge_at_once()
    sshd.start()
    world.write("/etc/pam.d/sshd", STACK)
    for name, figure in NAMES.items():
        who = people.alone(name)
        enrol(who)
        with sshd.agent(name) as agent:
            sides = measure(who, agent)
        sides.report(figure, "login", "floor")
        figures.line(figure, sides.median("login"), sides.median("floor"))
