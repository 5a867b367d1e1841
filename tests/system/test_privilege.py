#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What each process may and holds, what lies on the disk, and what an ordinary user gets of it: nothing."""
import base64
import errno
import os
import pathlib
import pwd
import re
import signal
import socket
import stat

from lib import console, daemon, pam, report, stage, world

CONF = """[settings]
argon2-time = 32

[default]
factors = card,totp card,password
"""
EVIL = {"OPENSSL_CONF": "/tmp/evil.cnf", "OPENSSL_MODULES": "/tmp", "LD_PRELOAD": "/tmp/evil.so", "LD_LIBRARY_PATH": "/tmp",
        "SQLITE_TMPDIR": "/tmp", "PCSCLITE_CSOCK_NAME": "/tmp/evil.sock", "TZ": ":/tmp/evil", "NLSPATH": "/tmp/%N",
        "LOCPATH": "/tmp", "LANGUAGE": "xx", "MALLOC_TRACE": "/tmp/trace", "TMPDIR": "/tmp/evil",
        "GCONV_PATH": "/tmp", "CARDMFA_CONF": "/tmp/evil.conf", "CARDMFA_TEST_CLOCK": "0"}
FIXED = ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "JOURNAL_STREAM=1"]
STORE_DIR = pathlib.Path("/var/lib/cardmfa")
KEY_DIR = pathlib.Path("/etc/cardmfa/keys")
STATE_DIR = pathlib.Path("/var/lib/cardmfad")
RUN_DIR = pathlib.Path("/run/cardmfa")
people = {}


def prepare():
    stage.set_up(CONF)
    people["taro"] = stage.person("taro")
    world.add_user("jiro")


class Login:
    """A login that waits at its second prompt: host, worker and card process live. Use as a context."""

    def __enter__(self):
        taro = people["taro"]
        prompt = pam.Held()
        self.host = pam.Host("taro", ("PIN", taro.pin), ("password", prompt))
        prompt.wait()
        self.worker = daemon.wait_process(daemon.WORKER)
        self.card = daemon.wait_process(daemon.CARD)
        self.listener = daemon.listener()
        return self

    def __exit__(self, *_):
        daemon.kill(self.host.pid)
        self.host.outcome()
        daemon.wait_quiet()


def environ(pid):
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode().rstrip("\0").split("\0")


# --- processes -------------------------------------------------------------------------------------

@report.test(seconds=30)
def A76_environment_of_worker_and_card_process_is_fixed():
    """Whatever the unit, systemd and the host have in theirs."""
    lines = "\n".join(f"Environment={name}={value}" for name, value in EVIL.items() if not name.startswith("LD_"))
    world.drop_in("cardmfad.service", f"[Service]\n{lines}\n", name="evil")
    before = dict(os.environ)
    try:
        world.systemctl("restart", "cardmfad.service")
        os.environ.update(EVIL)         # of the host
        with Login() as login:
            report.contains("\n".join(environ(login.listener)), "OPENSSL_CONF=/tmp/evil.cnf")
            report.equal(environ(login.worker), FIXED, "environment of the worker")
            report.equal(environ(login.card), FIXED, "environment of the card process")
    finally:
        os.environ.clear()
        os.environ.update(before)
        pathlib.Path("/run/systemd/system/cardmfad.service.d/evil.conf").unlink()
        world.systemctl("daemon-reload")
        world.systemctl("restart", "cardmfad.service")
    report.equal(pam.attempt("taro", *pam.by_password(people["taro"])).opened, True, "login")


CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE = 5, 6, 7, 19


def mask(*bits):
    return f"{sum(1 << bit for bit in bits):016x}"


def ids(name):
    account = pwd.getpwnam(name)
    return account.pw_uid, account.pw_gid


def wanted(name, uid, gid, capabilities, bounding):
    return {"Name": name, "Uid": "\t".join([str(uid)] * 4), "Gid": "\t".join([str(gid)] * 4),
            "CapInh": mask(), "CapPrm": capabilities, "CapEff": capabilities, "CapAmb": mask(), "CapBnd": bounding,
            "NoNewPrivs": "1", "Seccomp": "2"}


@report.test(seconds=30)
def processes_have_the_uid_and_rights_of_the_design_and_no_more():
    bounding = mask(CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE)
    with Login() as login:
        table = {
            login.listener: wanted("cardmfad", 0, 0, bounding, bounding),
            login.worker: wanted(daemon.WORKER, *ids("cardmfa"), mask(), bounding),
            login.card: wanted(daemon.CARD, *ids("cardmfa-card"), mask(), bounding),
        }
        for pid, facts in table.items():
            seen = daemon.status(pid)
            report.equal({key: seen.get(key) for key in facts}, facts, f"status of {facts['Name']}")
        report.equal(daemon.status(login.worker)["Groups"].split(), [str(ids("cardmfa")[1])], "groups of the worker")
        report.equal(daemon.status(login.card)["Groups"].split(), [str(ids("cardmfa-card")[1])], "groups of the other")
        filters = {pid: int(daemon.status(pid)["Seccomp_filters"]) for pid in table}
        if filters[login.card] <= filters[login.worker]:
            raise AssertionError(f"the card process has no filter of its own: {filters}")
        for pid in table:
            # Not dumpable: /proc/PID is root's then, whatever its uid.
            report.equal(pathlib.Path(f"/proc/{pid}/mem").stat().st_uid, 0, "owner of /proc/PID/mem")
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            report.equal(re.search(r"Max core file size +(\S+) +(\S+)", limits).groups(), ("0", "0"), "core limit")


def descriptors(pid):
    """Descriptor -> what it is, numbers left out."""
    found = {}
    # Not "/" where the whole machine is a chroot: the kernel names files of another mount namespace in full.
    root = os.readlink(f"/proc/{pid}/root").rstrip("/")
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        found[int(entry.name)] = re.sub(r"\[\d+\]|\d+$", "", os.readlink(entry)).removeprefix(root)
    return found


@report.test(seconds=30)
def processes_hold_the_descriptors_they_need_and_no_more():
    with Login() as login:
        report.equal(descriptors(login.card), {
            0: "/dev/null", 1: "/dev/null", 2: "socket:", 3: "socket:", 4: str(RUN_DIR / "reader.lock"),
            5: "socket:"}, "card process (5: pcscd)")
        of_worker = descriptors(login.worker)
        for fd, what in {0: "/dev/null", 1: "/dev/null", 2: "socket:", 3: "socket:", 4: "socket:",
                         5: "/memfd:cardmfa.conf (deleted)", 6: str(KEY_DIR / "store.key")}.items():
            report.equal(of_worker.pop(fd, "closed"), what, f"descriptor {fd} of the worker")
        allowed = {str(STORE_DIR)} | {str(STORE_DIR / name) for name in
                                      ("lock", "store.lock", "store.db", "store.db-wal", "store.db-shm")}
        rest = [what for what in of_worker.values() if what not in allowed and what != "socket:"]
        report.equal((rest, sum(what == "socket:" for what in of_worker.values())), ([], 1),
                     "other descriptors of the worker (one socket: the card process)")
        of_listener = descriptors(login.listener)
        forbidden = [what for what in of_listener.values() if str(STORE_DIR) in what or str(KEY_DIR) in what]
        report.equal(forbidden, [], "store or key held by the listener")


def contains(pid, *needles):
    """Which of the byte strings are in the process' memory."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            start, end = (int(n, 16) for n in span.split("-"))
            for at in range(start, end, 1 << 20):
                try:
                    memory.seek(at)
                    block = memory.read(min((1 << 20) + 64, end - at))
                except (OSError, ValueError, OverflowError):
                    continue
                found.update(n for n in needles if n in block)
    return found


def secrets_of_the_store():
    """Bytes no host may hold: the store's key, a hash and a seed, as they are stored and as they are used."""
    key = max((KEY_DIR / "store.key").read_text().split(), key=len)
    hash_text = daemon.number("SELECT hash FROM password LIMIT 1")
    sealed = bytes.fromhex(daemon.number("SELECT hex(sealed) FROM totp LIMIT 1"))
    seed = people["taro"].app.seed
    return {"key": key.encode(), "raw key": base64.b64decode(key + "=" * (-len(key) % 4)), "hash": hash_text[-30:].encode(),
            "sealed seed": sealed[-16:], "seed": seed.encode(), "raw seed": base64.b32decode(seed + "=" * (-len(seed) % 8))}


@report.test(seconds=60)
def A53_no_secret_of_the_store_in_the_host():
    """The host is a real login; the test's own process, which knows them, is another."""
    taro = people["taro"]
    secrets = secrets_of_the_store()
    needles = list(secrets.values())
    with console.Console() as screen:
        screen.name("taro")
        screen.answer(("PIN of your IC card: $", taro.pin))
        screen.expect("password: $")
        host = screen.child.pid
        report.equal(daemon.status(host)["Name"], "login", "the host")
        worker = daemon.wait_process(daemon.WORKER)
        report.equal(contains(host, b"pam_cardmfa.so"), {b"pam_cardmfa.so"}, "what every host holds")
        report.equal(contains(host, *needles), set(), "secrets at the prompt")
        screen.send(taro.password)
        world.wait_for(lambda: int(daemon.status(worker).get("VmHWM", "0 kB").split()[0]) > 60 * 1024, what="hash")
        daemon.kill(worker, signal.SIGSTOP)
        try:
            # They are where they are used: the search would find them.
            used = contains(worker, *needles)
            print("# in the worker: " + ", ".join(name for name, value in secrets.items() if value in used))
            report.equal(secrets["hash"] in used or secrets["raw key"] in used, True, "a secret in the worker")
            report.equal(contains(host, *needles), set(), "secrets while the password is checked")
        finally:
            daemon.kill(worker, signal.SIGCONT)
        report.equal(screen.verdict(), True, "login")
        screen.logout()


@report.test(seconds=30)
def ordinary_user_can_neither_look_into_the_processes_nor_signal_them():
    with Login() as login:
        def look():
            problems = []
            for pid in (login.listener, login.worker, login.card):
                for name in ("mem", "environ", "fd", "maps", "cwd"):
                    try:
                        path = f"/proc/{pid}/{name}"
                        if name == "fd":
                            os.listdir(path)
                        elif name == "cwd":
                            os.readlink(path)
                        else:
                            with open(path, "rb") as file:
                                file.read(1)
                        problems.append(path)
                    except OSError:
                        pass
                try:
                    os.kill(pid, signal.SIGSTOP)
                    problems.append(f"kill {pid}")
                except PermissionError:
                    pass
            return problems
        for user in ("jiro", "cardmfa-card"):
            seen = daemon.as_user(user, look)
            if user == "cardmfa-card":
                seen = [s for s in seen if not s.endswith(f" {login.card}") or not s.startswith("kill")]
            report.equal(seen, [], f"what {user} may")
            daemon.kill(login.card, signal.SIGCONT)


# --- the disk ---------------------------------------------------------------------------------------

def mode_of(path):
    found = path.lstat()
    return stat.filemode(found.st_mode)[0], f"{stat.S_IMODE(found.st_mode):04o}", pwd.getpwuid(found.st_uid).pw_name


@report.test(seconds=30)
def files_and_directories_have_their_modes_and_no_file_of_root_lies_in_the_store():
    with Login():
        table = {
            "/etc/cardmfa": ("d", "0755", "root"), "/etc/cardmfa/cardmfa.conf": ("-", "0644", "root"),
            KEY_DIR: ("d", "0700", "root"), KEY_DIR / "store.key": ("-", "0600", "root"),
            STATE_DIR: ("d", "0700", "root"), STATE_DIR / "cardmfa.conf.last-good": ("-", "0600", "root"),
            STORE_DIR: ("d", "0700", "cardmfa"), RUN_DIR: ("d", "0755", "root"),
            RUN_DIR / "cardmfad.sock": ("s", "0600", "root"), RUN_DIR / "user.sock": ("s", "0666", "root"),
            RUN_DIR / "reader.lock": ("-", "0600", "root"),
        }
        for path, facts in table.items():
            report.equal(mode_of(pathlib.Path(path)), facts, str(path))
        names = sorted(STORE_DIR.iterdir())
        report.contains(" ".join(map(str, names)), "store.db-shm")
        for path in names:
            report.equal(mode_of(path), ("-", "0600", "cardmfa"), str(path))
    for path in ("/usr/sbin/cardmfad", "/usr/bin/cardtool", daemon.LIBEXEC / daemon.WORKER, daemon.LIBEXEC / daemon.CARD):
        report.equal(mode_of(pathlib.Path(path)), ("-", "0755", "root"), str(path))


@report.test(seconds=30)
def A40_counters_and_keys_are_out_of_an_ordinary_users_reach():
    paths = [STORE_DIR, *STORE_DIR.iterdir(), KEY_DIR, KEY_DIR / "store.key", STATE_DIR,
             STATE_DIR / "cardmfa.conf.last-good", RUN_DIR / "reader.lock"]
    before = daemon.rows("SELECT * FROM bucket")

    def tries(path, planted):
        """Name and deed of each way to touch it."""
        yield "read", lambda: os.open(path, os.O_RDONLY)
        yield "write", lambda: os.open(path, os.O_RDWR)
        yield "truncate", lambda: os.truncate(path, 0)
        yield "chmod", lambda: os.chmod(path, 0o666)
        yield "chown", lambda: os.chown(path, os.getuid(), -1)
        yield "delete", lambda: os.rmdir(path) if path == STORE_DIR else os.unlink(path)
        yield "replace", lambda: os.rename(planted, path)
        yield "move", lambda: os.rename(path, f"{planted}-moved")
        yield "touch", lambda: os.utime(path)
        yield "link", lambda: os.link(path, f"{planted}-link")

    def touch():
        planted = "/home/jiro/planted"
        pathlib.Path(planted).touch()
        done = []
        for path in paths:
            for name, act in tries(path, planted):
                try:
                    act()
                    done.append(f"{name} {path}")
                except OSError as problem:
                    if problem.errno not in (errno.EACCES, errno.EPERM, errno.EISDIR, errno.EXDEV):
                        done.append(f"{name} {path}: {problem}")
        return done
    report.equal(daemon.as_user("jiro", touch), [], "what an ordinary user could do")
    report.equal(daemon.rows("SELECT * FROM bucket"), before, "counters")


@report.test(seconds=30)
def A87_ordinary_user_can_neither_plant_beside_the_store_nor_hold_a_lock_on_it():
    def plant():
        done = []
        for name in ("store.db-journal", "store.db-wal", "store.db-shm", "reserve", "lock"):
            for where in (STORE_DIR, STORE_DIR.parent, RUN_DIR, KEY_DIR):
                try:
                    os.close(os.open(where / name, os.O_CREAT | os.O_RDWR, 0o666))
                    done.append(f"{where}/{name}")
                except PermissionError:
                    pass
        return done
    report.equal(daemon.as_user("jiro", plant), [], "what was planted")
    report.equal(pam.attempt("taro", *pam.by_password(people["taro"])).opened, True, "login")


@report.test(seconds=30)
def ordinary_user_at_roots_socket_and_about_another_at_his_own():
    def knock():
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            line.connect(str(RUN_DIR / "cardmfad.sock"))
            return "connected"
        except PermissionError:
            return "refused"
    report.equal(daemon.as_user("jiro", knock), "refused", "root's socket")
    taro = people["taro"]
    uid = pwd.getpwnam("jiro").pw_uid
    outcome = pam.attempt("taro", *pam.by_password(taro), uid=uid)
    report.equal((outcome.codes["auth"] != pam.SUCCESS, "PIN" in outcome.text), (True, False), f"another person: {outcome}")
    report.equal(daemon.counted("taro"), 0, "counted for the other")
    report.equal(daemon.counted("taro", f"uid:{uid}"), 0, "counted for him there")


# --- units -----------------------------------------------------------------------------------------

@report.test(seconds=60)
def units_verify_and_their_exposure_is_small():
    units = ("cardmfad.service", "cardmfad.socket", "cardmfad-user.socket")
    done = world.run("systemd-analyze", "verify", "--man=no", *units, status=None)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "cardmfad" in line]
    report.equal(ours, [], "what systemd-analyze verify says")
    shown = world.run("systemd-analyze", "--no-pager", "security", "cardmfad.service", status=None).stdout
    level = re.search(r"Overall exposure level for cardmfad.service: ([\d.]+)", shown)
    print(f"# {level[0]}")
    if float(level[1]) > 3.0:
        raise AssertionError(shown)


if __name__ == "__main__":
    report.main(prepare)
