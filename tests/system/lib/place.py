# SPDX-License-Identifier: Apache-2.0
"""Places that a person may be at, and what real hosts ask there: the PIN of the card in this machine's reader, or not."""
import re
import shutil

from . import console, world

PORT = "2222"
KEY = "/root/place_key"
ASKED = "/usr/local/bin/asked"
SET_UID = "/usr/local/bin/set-uid-host"
HOSTS = ("sudo", "su", "polkit-1")
LOCAL, REMOTE = "local", "remote"
PIN_PROMPT = r"PIN of your IC card: $"
OTHER_PROMPT = r"Verification code or password: $"
WITHOUT_AUTH = "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_loginuid.so\nsession required pam_systemd.so\n"
SWITCH = "auth sufficient pam_rootok.so\nauth required pam_cardmfa.so\naccount required pam_cardmfa.so\nsession required pam_permit.so\n"
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
        world.write(f"/etc/pam.d/{service}", SWITCH if service.startswith("su") else SWITCH.partition("\n")[2])
    for service in ("sshd", "xrdp-sesman", "lightdm"):
        world.write(f"/etc/pam.d/{service}", WITHOUT_AUTH)
    world.write("/etc/sudoers.d/box", "Defaults !lecture, passwd_tries=1, timestamp_timeout=0\ntaro ALL=(ALL) ALL\n", 0o440)
    world.write(ASKED, SCRIPT, 0o755)
    shutil.copy(world.BUILD / "tests/pam/pam_host", SET_UID)
    world.run("chmod", "4755", SET_UID)
    for path in ("/etc/ssh/box_host_key", KEY):
        world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    shutil.copy(f"{KEY}.pub", "/etc/ssh/box_keys")
    start_sshd()


def start_sshd(unit="box-sshd", port=PORT, options=""):
    world.write(f"/etc/ssh/{unit}", f"Port {port}\nListenAddress 127.0.0.1\nHostKey /etc/ssh/box_host_key\nUsePAM yes\n"
                f"AuthorizedKeysFile /etc/ssh/box_keys\nPermitRootLogin yes\nPidFile none\n{options}")
    world.run("systemd-run", "--unit", unit, "--property", "RuntimeDirectory=sshd", "--property", "RuntimeDirectoryPreserve=yes", "--property",
              "KillMode=process", "/usr/sbin/sshd", "-D", "-e", "-f", f"/etc/ssh/{unit}")
    world.wait_for(lambda: world.listening(int(port)), what="sshd listens")


def ssh_words(user, *words, port=PORT):
    return ("/usr/bin/ssh", "-F", "none", "-i", KEY, "-p", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", *words[:-1], f"{user}@127.0.0.1", *words[-1:])


def ssh(command, user="taro", port=PORT):
    """What a command prints over ssh, without a terminal."""
    return world.run(*ssh_words(user, command, port=port), status=None, seconds=60).stdout


class Shell(console.Terminal):
    """A shell on a terminal over ssh."""

    def __init__(self, user="taro"):
        super().__init__(*ssh_words(user, "-tt", "exec env PS1='$ ' sh"), seconds=30)
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


