# SPDX-License-Identifier: Apache-2.0
"""Places that a person may be at, and what real hosts ask there: the PIN of the card in this machine's reader, or not."""
import re
import shutil

from . import console, sshd, world

KEY = "/root/place_key"
SSHD_CONF = sshd.CONF.replace(f"AuthenticationMethods {sshd.METHODS}\n", "PermitRootLogin yes\n")
ASKED = "/usr/local/bin/asked"
SET_UID = "/usr/local/bin/set-uid-host"
HOSTS = ("sudo", "su", "polkit-1")
LOCAL, REMOTE = "local", "remote"
PIN_PROMPT = r"PIN of your IC card: $"
OTHER_PROMPT = r"erification code or password: $"
WITHOUT_AUTH = "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_loginuid.so\nsession required pam_systemd.so\n"
SWITCH = "auth required pam_cardmfa.so\naccount required pam_cardmfa.so\nsession required pam_permit.so\n"
# Nobody answers: what is asked first says where the host takes its caller to be.
SCRIPT = f"""#!/bin/sh
name() {{ printf '%s=' "$1"; shift; timeout 30 "$@" </dev/null 2>&1 | tr -s '\\n' ' '; echo; }}
name sudo "$@" sudo -k -S id
name su "$@" su hanako -c id
name polkit-1 "$@" sh -c 'printf "%s\\n" "conf /etc/pam.d" "start 0 polkit-1 taro" "auth 0" | {SET_UID}'
"""


def set_up():
    """Hosts that ask with cardmfa, sshd that lets everybody in without it: how far a person has come already does not matter."""
    for service in ("sudo", "sudo-i", "su", "su-l", "polkit-1"):
        world.write(f"/etc/pam.d/{service}", ("auth sufficient pam_rootok.so\n" if service in ("su", "su-l") else "") + SWITCH)
    for service in ("xrdp-sesman", "lightdm"):
        world.write(f"/etc/pam.d/{service}", WITHOUT_AUTH)
    world.write("/etc/sudoers.d/box", "Defaults !lecture, passwd_tries=1, timestamp_timeout=0\ntaro ALL=(ALL) ALL\n", 0o440)
    world.write(ASKED, SCRIPT, 0o755)
    shutil.copy(world.BUILD / "tests/pam/pam_host", SET_UID)
    world.run("chmod", "4755", SET_UID)
    sshd.start(SSHD_CONF)
    world.write("/etc/pam.d/sshd", WITHOUT_AUTH)
    line = sshd.make_key(KEY)
    for user in ("root", "taro"):
        sshd.allow(user, line)


def ssh(command, user="taro"):
    """What a command prints over ssh, without a terminal."""
    return world.run(*sshd.command("ssh", f"{user}@127.0.0.1", command, key=KEY), status=None, seconds=60).stdout


class Shell(console.Terminal):
    """A shell on a terminal over ssh."""

    def __init__(self, user="taro"):
        super().__init__(*sshd.command("ssh", "-tt", f"{user}@127.0.0.1", "exec env PS1='$ ' sh", key=KEY), seconds=30)
        self.expect(console.SHELL_PROMPT)

    shell = console.Console.shell


def verdict(text):
    """Where a host that printed this takes its caller to be."""
    pin, other = "PIN of your IC card" in text, "Verification code or password" in text
    return LOCAL if pin and not other else REMOTE if other and not pin else text


def verdicts(text):
    """Of what the script printed."""
    return [verdict(found[1]) if (found := re.search(f"^{host}=(.*)$", text, re.MULTILINE)) else f"no {host} in: {text}" for host in HOSTS]


def desktop(service, user="taro", env=(), **properties):
    """What the script prints in a session that systemd opens through this PAM service, as for a kiosk or a VNC server."""
    return world.run("systemd-run", "-q", "--pipe", "--wait", "--uid", user, "--property", f"PAMName={service}",
                     *(w for item in properties.items() for w in ("--property", "=".join(item))), *(w for e in env for w in ("--setenv", e)), ASKED,
                     status=None, seconds=60)
