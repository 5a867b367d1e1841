#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who is in front of this machine: real hosts at the console, over ssh, in tmux, in units and jobs, in desktops shown elsewhere."""
import contextlib
import itertools
import pathlib
import shlex
import time

from lib import console, place, report, sshd, stage, world
from lib.place import LOCAL, REMOTE
from lib.report import contains, equal

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[default]
factors = card,totp card,password
attempts = 20
"""
# What a program at a desk has in its environment, and what one has over ssh or in a remote desktop.
HERE = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0", "XDG_SEAT": "seat0", "XDG_VTNR": "1", "XDG_SESSION_TYPE": "tty", "XDG_SESSION_CLASS": "user"}
ELSEWHERE = {"SSH_CONNECTION": "192.0.2.9 50022 192.0.2.1 22", "SSH_CLIENT": "192.0.2.9 50022 22", "SSH_TTY": "/dev/pts/9", "XRDP_SESSION": "1",
             "TMUX": "/tmp/tmux-1000/default,1,0", "DISPLAY": "192.0.2.9:10", "XDG_SESSION_TYPE": "x11", "REMOTEHOST": "far.example"}
names = (f"/tmp/place-{n}" for n in itertools.count(1))
people = {}


def prepare():
    stage.set_up(CONF)
    place.set_up()
    people["taro"] = stage.person("taro", with_app=False)
    people["hanako"] = stage.person("hanako", reader=1, with_app=False)


@contextlib.contextmanager
def at_the_console(person="taro"):
    with console.Console() as terminal:
        equal(terminal.login(person, *people[person].by_password()), True, f"{person} at the console")
        yield terminal


@contextlib.contextmanager
def cards_untouched():
    """Nobody talks to a card within the block."""
    for person in people.values():
        person.card.count_reset()
    yield
    equal([person.card.count() for person in people.values()], [0, 0], "APDUs that the cards saw")


def is_remote(text, what):
    equal(place.verdicts(text), [REMOTE] * 3, what)


def is_local(text, what):
    equal(place.verdicts(text), [LOCAL] * 3, what)


class Later:
    """What the script prints somewhere else, in its own time."""

    def __init__(self):
        self.path = pathlib.Path(next(names))
        self.command = f"{place.ASKED} >{self.path} 2>&1; touch {self.path}.done"

    def text(self):
        world.wait_for(pathlib.Path(f"{self.path}.done").exists, 90, "what was asked elsewhere")
        return self.path.read_text()


# --- over ssh and at the console -----------------------------------------------------------------

@report.test(90)
def A24_over_ssh_the_card_in_the_server_is_not_asked():
    taro = people["taro"]
    with cards_untouched():
        is_remote(place.ssh("asked"), "from an address")
        # sshd names localhost then, which logind takes for no remote host.
        with sshd.configured(place.SSHD_CONF + "UseDNS yes\n"):
            contains(place.ssh("loginctl show-session $XDG_SESSION_ID -p Remote"), "Remote=no")
            is_remote(place.ssh("asked"), "from a name")
        for command in ("sudo id", "sudo -i id", "su hanako -c id", "su - hanako -c id"):
            with place.Shell() as shell:
                begun = time.monotonic()
                shell.send(f"{command}; echo ended=$?.")
                shell.expect(place.OTHER_PROMPT)
                shell.send(taro.password if "sudo" in command else people["hanako"].password)
                shell.expect(r"ended=[1-9]")
                report.lacks(shell.text, "uid=0")
                report.lacks(shell.text, "uid=1002")
                if time.monotonic() - begun > 2 * report.SOON:
                    raise AssertionError(f"{command}: {time.monotonic() - begun:.1f} s")
    # The same configuration, the same card, the same person: here it is asked.
    with at_the_console() as terminal:
        is_local(terminal.shell("asked"), "the console")
        for command, person, opened in (("sudo id", taro, "uid=0"), ("sudo -i id", taro, "uid=0"), ("su hanako -c id", people["hanako"], "(hanako)"),
                                        ("su - hanako -c id", people["hanako"], "(hanako)")):
            terminal.send(f"{command}; echo ended=$?.")
            terminal.answer(*person.by_password())
            terminal.expect(r"ended=\d")
            contains(terminal.text.rpartition("password:")[2], opened)
            terminal.expect(console.SHELL_PROMPT)


def variables(session):
    """Words for env: nothing at all, all of one kind, each alone, each of what is there left out."""
    here, elsewhere = ({**kind, "XDG_SESSION_ID": session} for kind in (HERE, ELSEWHERE))
    yield "-i PATH=$PATH"
    for kind in (here, elsewhere):
        words = [shlex.quote(f"{name}={value}") for name, value in kind.items()]
        yield " ".join(words)
        yield "-i PATH=$PATH " + " ".join(words)
        yield from words
    yield from (f"-u {name}" for name in ("XDG_SESSION_ID", "SSH_CONNECTION", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "TERM"))


def all_at_once(terminal, variants, is_right):
    """Some at a time: su waits for a second behind each refusal."""
    variants = list(variants)
    for start in range(0, len(variants), 8):
        laters = [(words, Later()) for words in variants[start:start + 8]]
        for words, later in laters:
            terminal.shell(f"({later.command.replace('asked', f'asked env {words}', 1)}) &")
        for words, later in laters:
            is_right(later.text(), words)


@report.test(120)
def A24_no_variable_alters_the_verdict():
    with at_the_console() as terminal, place.Shell() as shell:
        here, elsewhere = (t.shell("echo $XDG_SESSION_ID").strip() for t in (terminal, shell))
        equal(here != elsewhere and here.isdigit() and elsewhere.isdigit(), True, f"sessions {here}, {elsewhere}")
        with cards_untouched():
            all_at_once(shell, variables(here), is_remote)
        all_at_once(terminal, variables(elsewhere), is_local)


@report.test()
def A24_a_seat_that_a_remote_person_claims_is_none():
    """Debian's sshd reads ~/.pam_environment: what pam_systemd takes from there is the person's word."""
    world.write("/etc/pam.d/sshd", place.WITHOUT_AUTH.replace("session required pam_systemd",
                                                             "session required pam_env.so user_readenv=1\nsession required pam_systemd"))
    world.write("/home/taro/.pam_environment", "XDG_SEAT=seat0\nXDG_SESSION_TYPE=x11\nXDG_SESSION_CLASS=greeter\nPAM_RHOST=\nPAM_SERVICE=login\n")
    try:
        with cards_untouched():
            is_remote(place.ssh("asked"), "with a seat")
            contains(place.ssh("loginctl show-session $XDG_SESSION_ID -p Seat -p Service"), "Service=sshd")
    finally:
        world.write("/etc/pam.d/sshd", place.WITHOUT_AUTH)
        pathlib.Path("/home/taro/.pam_environment").unlink()


# --- tmux -------------------------------------------------------------------------------------------

@report.test(90)
def A24_tmux_in_tmux_over_ssh_is_remote():
    with cards_untouched(), place.Shell() as shell:
        shell.send("tmux -L outer new-session 'TMUX= tmux -L inner new-session \"env PS1=inner-shell: sh\"'")
        shell.expect("inner-shell:")
        shell.send("sudo id; echo ended=$?.")
        shell.expect("code or password:")
        shell.send(people["taro"].password)
        shell.expect(r"ended=[1-9]")
        later = Later()
        shell.send(later.command)
        is_remote(later.text(), "tmux in tmux")
    place.ssh("tmux -L inner kill-server; tmux -L outer kill-server")


@report.test(90)
def A24_a_tmux_is_where_it_was_started():
    with at_the_console() as terminal:
        later = Later()
        place.ssh("tmux -L far new-session -d 'env PS1=far-shell: sh'")
        terminal.send("tmux -L far attach")
        terminal.expect("far-shell:")
        with cards_untouched():
            terminal.send(later.command)
            is_remote(later.text(), "started over ssh, attached at the console")
        place.ssh("tmux -L far kill-server")
    # What is not promised, as the manual says: while its person is logged in at the console it passes for the console ...
    with at_the_console() as terminal:
        terminal.shell("tmux -L desk new-session -d sh")
        later = Later()
        place.ssh(f"tmux -L desk new-window {shlex.quote(later.command)}")
        is_local(later.text(), "started at the console, used over ssh")
        session = terminal.shell("echo $XDG_SESSION_ID").strip()
        terminal.logout()
    # ... and no longer.
    world.wait_for(lambda: state_of(session) == "closing", what="the session's end")
    later = Later()
    with cards_untouched():
        place.ssh(f"tmux -L desk new-window {shlex.quote(later.command)}")
        is_remote(later.text(), "the person has left the console")
    place.ssh("tmux -L desk kill-server")


def state_of(session):
    return world.run("loginctl", "show-session", session, "-p", "State", "--value", status=None).stdout.strip()


# --- who switches inside ------------------------------------------------------------------------------

@report.test(90)
def A24_su_and_runuser_stay_where_they_are():
    ways = ("su taro -c", "su - taro -c", "runuser -u taro -- sh -c", "runuser -l taro -c", "setpriv --reuid taro --regid taro --clear-groups sh -c")
    with cards_untouched():
        for way in ways:
            is_remote(place.ssh(f"{way} asked", user="root"), f"root over ssh, {way}")
    with at_the_console() as terminal:
        terminal.send("sudo -i env PS1='root: ' sh")
        terminal.answer(*people["taro"].by_password())
        terminal.expect("root: $")
        for way in ways:
            later = Later()
            terminal.send(f"{way} {shlex.quote(later.command)}")
            terminal.expect("root: $")
            is_local(later.text(), f"at the console, {way}")


# --- units and jobs -----------------------------------------------------------------------------------

USER_UNITS = ("systemd-run --user -q --pipe --wait asked", "systemd-run --user -q --scope asked")


@report.test(120)
def A24_units_and_jobs_are_nowhere():
    with at_the_console() as terminal, cards_untouched():
        for command in USER_UNITS:
            is_remote(place.ssh(command), f"over ssh, {command}")
            is_remote(terminal.shell(command), f"at the console, {command}")
        for words in (("--uid=taro",), ("--uid=taro", "--scope"), ("--uid=taro", "--slice=user-1001.slice")):
            pipe = () if "--scope" in words else ("--pipe", "--wait")
            is_remote(world.run("systemd-run", "-q", *pipe, *words, "env", "DISPLAY=:0", place.ASKED).stdout, " ".join(words))
        is_remote(place.ssh("systemd-run -q --pipe --wait --uid=taro asked", user="root"), "root over ssh, a unit")
    with cards_untouched():
        world.run("loginctl", "enable-linger", "taro")
        world.wait_for(pathlib.Path("/run/user/1001/bus").exists, what="the manager")
        is_remote(world.run("runuser", "-u", "taro", "--", "env", "XDG_RUNTIME_DIR=/run/user/1001", "systemd-run", "-q", "--user", "--pipe",
                            "--wait", place.ASKED).stdout, "a manager that nobody is logged in with")
        world.run("loginctl", "disable-linger", "taro")


@report.test(90)
def A24_cron_and_at_jobs_are_nowhere():
    jobs = "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_loginuid.so\n"
    for service in ("cron", "atd"):
        world.write(f"/etc/pam.d/{service}", jobs)
    queued, by_root, direct = Later(), Later(), Later()
    pathlib.Path("/run/crond.reboot").unlink(missing_ok=True)
    world.run("crontab", "-u", "taro", "-", text=f"PATH=/usr/local/bin:/usr/bin:/bin\n@reboot {direct.command}\n")
    world.run("crontab", "-u", "root", "-", text=f"PATH=/usr/local/bin:/usr/bin:/bin\n@reboot su taro -c '{by_root.command}'\n")
    with cards_untouched():
        place.ssh(f"echo '{queued.command}' | at now")
        for name in ("cron", "atd"):
            world.run("systemd-run", "--unit", f"box-{name}", f"/usr/sbin/{name}", "-f")
        for later, what in ((direct, "cron"), (by_root, "root's cron, su"), (queued, "at")):
            is_remote(later.text(), what)
    world.systemctl("stop", "box-cron", "box-atd")


# --- desktops and other sessions --------------------------------------------------------------------------

@report.test(90)
def A24_desktops_that_are_shown_elsewhere_are_remote():
    with cards_untouched():
        for service, env in (("xrdp-sesman", ()), ("xrdp-sesman", ("XDG_SEAT=seat0", "DISPLAY=:0")), ("xrdp-sesman", ("XRDP_SESSION=1", "DISPLAY=:10")),
                             # A VNC server's unit borrows the service of a greeter: its session has neither seat nor terminal.
                             ("lightdm", ()), ("lightdm", ("DISPLAY=:1", "XDG_SESSION_TYPE=x11"))):
            is_remote(place.desktop(service, env=env).stdout, f"{service} {env}")
        # Of a login that is ours nothing starts without its authentication.
        equal(place.desktop("login").stdout, "", "a unit with PAMName=login")
    is_local(place.desktop("lightdm", env=("XDG_SEAT=seat0",)).stdout, "a greeter's session at the seat")


@report.test()
def A24_a_session_of_a_host_is_remote_even_of_localhost():
    """As of a telnet server: logind itself takes localhost for no remote host."""
    stack = pathlib.Path("/etc/pam.d/login").read_text()
    world.write("/etc/pam.d/login", place.WITHOUT_AUTH.replace("pam_deny", "pam_permit"))
    try:
        for host, remote in (("192.0.2.9", "yes"), ("localhost", "no"), ("localhost.localdomain", "no"), (None, "no")):
            later = Later()
            words = ("-f", "-h", host, "taro") if host else ("-f", "taro")
            with console.Terminal("/bin/login", *words) as terminal, cards_untouched() if host else contextlib.nullcontext():
                terminal.expect(console.SHELL_PROMPT)
                terminal.send(f"loginctl show-session $XDG_SESSION_ID -p Service -p Remote; {later.command}")
                terminal.expect(f"Remote={remote}\\s+Service=login|Service=login\\s+Remote={remote}")
                (is_remote if host else is_local)(later.text(), f"login -h {host}")
    finally:
        world.write("/etc/pam.d/login", stack)


@report.test()
def A24_a_session_behind_another_is_remote():
    """Two sessions of a seat: the older one is online and no longer active."""
    first, later = next(names), Later()
    world.run("systemd-run", "-q", "--unit", "older", "--uid", "taro", "--property", "PAMName=lightdm", "--setenv", "XDG_SEAT=seat0", "sh", "-c",
              f"echo $XDG_SESSION_ID >{first}.id; mv {first}.id {first}; while [ ! -e {first}.go ]; do sleep 0.05; done; {later.command}")
    world.wait_for(pathlib.Path(first).exists, what="the older session")
    session = pathlib.Path(first).read_text().strip()
    equal(state_of(session), "active", "before")
    world.run("systemd-run", "-q", "--unit", "newer", "--uid", "hanako", "--property", "PAMName=lightdm", "--setenv", "XDG_SEAT=seat0", "sleep", "60")
    world.wait_for(lambda: state_of(session) == "online", what="the older session behind the newer one")
    with cards_untouched():
        pathlib.Path(f"{first}.go").touch()
        is_remote(later.text(), "not active")
    world.systemctl("stop", "newer")


if __name__ == "__main__":
    report.main(prepare)
