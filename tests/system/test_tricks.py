#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a person or an outsider tries with the real programs: odd names, other methods, tickets and sessions of elsewhere, variables."""
import pathlib
import re

from lib import console, daemon, report, sshd, stage, world
from lib.report import contains, equal, lacks

SOFT_KEY, OTHER_KEY = "/root/soft_key", "/root/other_key"
SWITCH = """
[class switch]
service = sudo sudo-i su su-l
factors = session,totp session,password card,password
"""
SUDOERS = """
Defaults !lecture
Defaults:hanako timestamp_type=global, !tty_tickets
taro ALL=(ALL:ALL) NOPASSWD: ALL
hanako ALL=(ALL:ALL) ALL
"""
REFUSED = "sudo: PAM account management error"
# One that repeats the last is not recorded, but said.
NO_GRANT = r"account (?:refused again: )?NO_GRANT person=taro service=sshd"
SHELL = console.SHELL_PROMPT
people = sshd.people


def prepare():
    stage.set_up(stage.quick(5, "address-attempts = 1000", SWITCH))
    for service in ("sudo", "sudo-i", "su", "su-l"):
        world.login_stack(service=service)
        path = pathlib.Path("/etc/pam.d") / service
        world.write(path, "auth sufficient pam_rootok.so\n" + path.read_text())
    world.write("/etc/sudoers.d/box", SUDOERS, 0o440)
    sshd.start()
    soft = [sshd.make_key(path) for path in (SOFT_KEY, OTHER_KEY)]
    sshd.person("taro")
    sshd.person("hanako", reader=1)
    for name, person in people.items():
        sshd.allow(name, person.line, *soft)


# ---- names ----

# As the client's ssh lets them through. What follows a colon sshd takes for a style.
NAMES = ("TARO", "Taro", "taro ", " taro", "taro.", "taro@city", "tarо", "たろう", "../taro", "%n%s", "a" * 256)
TOO_LONG = ("a" * 257, "taro" + " " * 1000)


@report.test(60)
def odd_names_open_nothing():
    with sshd.configured(sshd.methods("keyboard-interactive:pam")):
        for name in NAMES + TOO_LONG:
            with console.Terminal(*sshd.command("ssh", "-l", name, "127.0.0.1", "id"), seconds=40) as terminal:
                if name in NAMES:
                    terminal.expect(sshd.CODE_PROMPT)
                    terminal.send(people["taro"].password)
                equal(terminal.end() != 0, True, name)
                lacks(terminal.text, "uid=")
    equal(daemon.counted("taro", "remote"), 0, "tries of the person whom these are not")


# ---- methods ----

@report.test(60)
def two_keys_alone_open_nothing():
    with sshd.configured(sshd.methods("publickey,publickey")):
        mark = world.journal_mark()
        opened, asked = sshd.walk("taro", people["taro"].password, card="taro", options=("-o", f"IdentityFile={SOFT_KEY}"))
        equal((opened, asked), (False, ["PIN"]))
        said = world.journal_text(since=mark)
        assert re.search(NO_GRANT, said), said


@report.test(90)
def a_hosts_key_is_no_card():
    """hostbased: the client's machine says who it is that calls."""
    world.write("/etc/ssh/ssh_config", "EnableSSHKeysign yes\nHostbasedAuthentication yes\n")
    world.write("/etc/ssh/shosts.equiv", "127.0.0.1\nlocalhost\n")
    key = pathlib.Path("/etc/ssh/ssh_host_ed25519_key")
    if not key.exists():
        world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    world.write("/etc/ssh/ssh_known_hosts", "".join(f"127.0.0.1,localhost {pathlib.Path(f'{each}.pub').read_text()}" for each in (key, sshd.HOST_KEY)))
    client = ("/usr/sbin/runuser", "-u", "taro", "--", "ssh", "-o", f"Port={sshd.PORT}", "-o", "StrictHostKeyChecking=no", "-o", "NumberOfPasswordPrompts=1",
              "taro@127.0.0.1", "id")
    for methods, asked in (("hostbased", False), ("hostbased,keyboard-interactive:pam", True)):
        with sshd.configured(sshd.methods(methods, "HostbasedAuthentication yes")):
            mark = world.journal_mark()
            with console.Terminal(*client, seconds=40) as terminal:
                if asked:
                    terminal.expect(sshd.CODE_PROMPT)
                    terminal.send(people["taro"].password)
                equal(terminal.end() != 0, True, terminal.text)
                lacks(terminal.text, "uid=")
            # sshd took that key: it is cardmfa that did not.
            said = world.journal_text(since=mark)
            assert re.search(r"login refused: \w+ service=sshd" if asked else NO_GRANT, said), said


# ---- variables and descriptors ----

@report.test(60)
def variables_of_the_client_and_of_the_home_change_nothing():
    taro = people["taro"]
    info = f"publickey {' '.join(taro.line.split()[:2])}"
    home = pathlib.Path("/home/taro/.ssh")
    world.write(home / "environment", f"SSH_AUTH_INFO_0={info}\nCARDMFA_GRANT=1\nPAM_USER=root\n")
    world.run("chown", "-R", "taro:", home)
    sent = ("-o", f'SetEnv=SSH_AUTH_INFO_0="{info}" CARDMFA_PERSON=hanako SUDO_USER=hanako XDG_SEAT=seat0')
    with sshd.configured(sshd.methods(sshd.METHODS, "AcceptEnv *", "PermitUserEnvironment yes")):
        equal(sshd.attempt("taro", taro.password, key=SOFT_KEY, options=sent)[0], False, "with another key")
        opened, screen = sshd.attempt("taro", taro.password, card="taro", options=sent)
        equal(opened, True, screen)
        # They are what they are: nothing of them was believed.
        contains(screen, "CARDMFA_PERSON=hanako")
        contains(screen, "CARDMFA_GRANT=1")
    equal(daemon.rows("SELECT p.login, c.card_id FROM session s JOIN person p ON p.id = s.person JOIN card c ON c.id = s.card "
                      "WHERE s.service = 'sshd' ORDER BY s.id DESC LIMIT 1"), [["taro", taro.card_id]], "whose session, by which card")
    world.run("rm", "-r", home)


@report.test(60)
def hosts_leave_nothing_of_ours_open():
    world.write("/usr/local/bin/descriptors", "#!/bin/sh\nls -l /proc/self/fd | grep -c -e socket: -e pidfd -e cardmfa\n", 0o755)
    for opened in (sshd.at_console, sshd.over_ssh):
        with opened("taro") as terminal:
            for host in ("", "sudo -n", "sudo -n -i", "sudo -n su hanako -c"):
                equal(terminal.shell(f"{host} descriptors"), "0", f"{opened.__name__}, {host}")


# ---- places ----

@report.test(90)
def a_ticket_for_everywhere_counts_where_the_login_was():
    """timestamp_type=global: sudo itself takes it anywhere."""
    hanako, uid = people["hanako"], world.run("id", "-u", "hanako").stdout.strip()
    with sshd.over_ssh("hanako") as terminal:
        terminal.send("sudo id -u")
        terminal.answer((sshd.CODE_PROMPT, hanako.password))
        terminal.expect(SHELL)
        for command in ("sudo -n id -u", "script -qc 'sudo -n id -u' /dev/null", "setsid --wait sudo -n id -u </dev/null"):
            equal(terminal.shell(command), "0", command)
        contains(terminal.shell("systemd-run --user -q --pipe --wait sudo -n id -u"), REFUSED)
        for command in (("systemd-run", "-q", "--pipe", "--wait", "--uid", uid), ("runuser", "-u", "hanako", "--")):
            contains(world.run(*command, "sudo", "-n", "id", "-u", status=1).stderr, REFUSED)


@report.test(90)
def a_tmux_of_an_ended_login_has_no_sudo():
    with sshd.over_ssh("taro") as terminal:
        terminal.shell("tmux -L old new-session -d 'env PS1=old-shell: sh'")
        equal(terminal.shell("sudo -n id -u"), "0", "while the login is there")
    world.wait_for(lambda: daemon.rows("SELECT state FROM session WHERE service = 'sshd' ORDER BY id DESC LIMIT 1") == [["closed"]], what="end of the session")
    with sshd.over_ssh("taro") as terminal:
        equal(terminal.shell("sudo -n id -u"), "0", "in the new login")
        terminal.send("TERM=xterm tmux -L old attach")
        terminal.expect("old-shell:")
        terminal.send("sudo -n id -u; echo ended=$?.")
        terminal.expect(r"ended=\d")
        contains(terminal.text, REFUSED)
        terminal.send("exit")
        terminal.expect(SHELL)


@report.test(60)
def su_without_a_terminal_asks_and_refuses():
    hanako = people["hanako"]
    with sshd.over_ssh("taro") as terminal:
        sshd.insert("hanako")
        before = hanako.card.tries()
        for command in ("setsid --wait su hanako -c id </dev/null", "su hanako -c id </dev/null", f"echo {hanako.password} | su hanako -c id",
                        f"echo {hanako.password} | script -qc 'su - hanako -c id' /dev/null"):
            lacks(terminal.shell(command), "(hanako)")
        equal((hanako.card.tries(), daemon.counted("hanako", "remote")), (before, 0), "tries")


if __name__ == "__main__":
    report.main(prepare)
