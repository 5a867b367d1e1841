# SPDX-License-Identifier: Apache-2.0
"""peer: other PAM modules of Debian, in the same host: pam_pkcs11 with OpenSC on the same cards, pam_unix, pam_oath.
The floor of the card modules is the card's part of floor.c, that of the others the host with pam_permit."""
import base64
import pathlib

from lib import world

import figures
import people

ROUNDS, SECONDS = 40, 25
CARDS = {people.RSA: "rsa2048", people.P256: "p256"}
PLACE = pathlib.Path("/etc/bench")
SEED = "3132333435363738393031323334353637383930"

PKCS11 = """pam_pkcs11 {
  nullok = false;
  debug = false;
  card_only = false;
  wait_for_card = false;
  use_pkcs11_module = opensc;
  pkcs11_module opensc {
    module = OPENSC;
    description = "OpenSC";
    slot_num = 0;
    support_threads = false;
    ca_dir = /etc/bench;
    crl_dir = /etc/bench;
    cert_policy = signature;
  }
  use_mappers = cn;
  mapper cn {
    module = internal;
    ignorecase = false;
    mapfile = "none";
  }
}
"""
# What an administrator can spare it: drivers for other cards, other readers' slots, reading files again.
TUNED = """app default {
  card_drivers = PIV-II;
  framework pkcs15 {
    use_file_caching = yes;
    file_cache_dir = /var/cache/bench;
    enable_pkcs15_emulation = yes;
    try_emulation_first = yes;
    builtin_emulators = PIV-II;
  }
}
app opensc-pkcs11 {
  pkcs11 {
    max_virtual_slots = 2;
    slots_per_card = 1;
  }
}
"""


def measure(name, program, floor, card=None, before=lambda: None):
    """extra: APDUs of the whole login, - where there is no card."""
    def side():
        before()
        return program()
    apdus = people.apdus(card, side) if card else "-"
    sides = figures.Sides(peer=side, floor=floor).run(ROUNDS, SECONDS)
    sides.report(name, "peer", "floor")
    figures.line(name, sides.median("peer"), sides.median("floor"), apdus)


def with_cards():
    opensc = next(pathlib.Path("/usr/lib").glob("*/opensc-pkcs11.so"))
    world.write(PLACE / "pkcs11.conf", PKCS11.replace("OPENSC", str(opensc)))
    world.write(PLACE / "opensc.conf", TUNED)
    pathlib.Path("/var/cache/bench").mkdir()
    people.service("bench-pkcs11", f"auth required pam_pkcs11.so config_file={PLACE}/pkcs11.conf")
    for person, key in CARDS.items():
        who = people.alone(person)
        with people.undisturbed():
            for kind, environment in (("stock", {}), ("tuned", {"OPENSC_CONF": str(PLACE / "opensc.conf")})):
                login = figures.host("bench-pkcs11", person, "auth", answers=(who.pin,), environment={"HOME": "/root", **environment})
                measure(f"peer_pkcs11_{kind}_{key}", login, people.floor(who, None), who.card)


def without():
    who = people.person(people.P256)
    permit = figures.host("bench-permit", who.name, "auth")
    people.service("bench-permit", "auth required pam_permit.so")
    people.service("bench-unix", "auth required pam_unix.so")
    world.run("chpasswd", "--crypt-method", "YESCRYPT", text=f"{who.name}:{who.password}\n")
    app = world.Authenticator(base64.b32encode(bytes.fromhex(SEED)).decode(), early=0)
    users = PLACE / "users.oath"
    people.service("bench-oath", f"auth required pam_oath.so usersfile={users} window=1")
    oath = figures.host("bench-oath", who.name, "auth", answers=(world.code_at(app.seed, app.now()),))

    def renew():
        """A code is good once: each login finds the file as it was, and the code of now."""
        world.write(users, f"HOTP/T30\t{who.name}\t-\t{SEED}\n", 0o600)
        oath.answers = (world.code_at(app.seed, app.now()) + "\n").encode()

    with people.undisturbed():
        measure("peer_unix", figures.host("bench-unix", who.name, "auth", answers=(who.password,)), permit)
        measure("peer_oath", oath, permit, before=renew)


def run():
    without()
    with_cards()
