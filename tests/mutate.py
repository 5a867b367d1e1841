#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py - does a test notice each small change of the code that decides allow or deny?

    tests/mutate.py [--build DIR] [--jobs N] [--list] [FILE[:FUNCTION]...]

Makes mutants of the deciding functions (tests/mutation.py says which changes) and runs the tests
that reach them until one fails: unit tests, for the PAM module scripts of tests/pam. What no test notices and tests/mutants.txt does not list is
printed, in the form of that list. Without a FILE: all of the table below, most deciding first.

  --build DIR  a build tree whose libraries are built, best one with --enable-test-hooks (build)
  --jobs N     so many at once (1)
  --list       print the mutants and run nothing
  --all        print listed survivors too, and what is listed although a test notices it by now

Prints for each file: how many mutants, how many a test noticed, how many the compiler refused, how
many survived, how many of these are listed. status 0: none survived unlisted; 1: some did;
2: trouble.

All mutants of a file that stand in function bodies are compiled into one object and chosen at run
time; one in a table or #define has an object of its own. A test that hangs has noticed. The tests
run in a mount namespace with a /tmp in memory; started by root they become nobody, as always.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import mutate_module
import mutation
from mutate_module import Ran
from mutation import FILE_SCOPE

SOURCE = pathlib.Path(__file__).resolve().parents[1]
INSIDE = "CARDMFA_MUTATE_INSIDE"
# The tests that reach a file, those first that notice most.
TABLE = {
    "lib/auth/login.c": "login login_session login_ssh login_answer login_card login_end grant speech",
    "lib/auth/login_answer.c": "login_answer login login_card login_end login_session login_ssh",
    "lib/auth/login_end.c": "login_end login login_answer login_card login_ssh login_session",
    "lib/auth/login_card.c": "login_card login login_end grant login_ssh",
    "lib/auth/login_ssh.c": "login_ssh",
    "lib/auth/login_session.c": "login_session login_answer login proved",
    "lib/auth/proved.c": "proved login_session account session",
    "lib/auth/grant.c": "grant account session login_end login_ssh",
    "lib/auth/session.c": "session login_ssh proved",
    "lib/auth/account.c": "account session login proved",
    "lib/store/store_transaction.c": "store_transaction login_end session account grant event",
    "lib/auth/auth.c": "auth account session login",
    "lib/auth/who.c": "who login account login_end status explain login_ssh login_session",
    "lib/auth/lockout.c": "lockout lockout_clock login_answer grant",
    "lib/auth/lockout_bucket.c": "lockout_clock lockout",
    "lib/auth/lockout_clear.c": "lockout lockout_clock",
    "lib/auth/lockout_owner.c": "lockout",
    "lib/auth/lifecycle.c": "lifecycle login_card session",
    "lib/auth/status.c": "status explain",
    "lib/auth/ssh_keys.c": "ssh_keys",
    "lib/policy/setting_ssh.c": "setting_ssh settings",
    "lib/auth/explain.c": "explain",
    "lib/auth/factor_password.c": "factor_password login_answer",
    "lib/auth/factor_totp.c": "factor_totp login_answer login_end",
    "lib/policy/policy_select.c": "policy who",
    "lib/policy/policy.c": "policy policy_faults settings who",
    "lib/policy/setting_value.c": "settings policy policy_faults setting_ssh",
    "lib/policy/settings.c": "settings policy_faults policy",
    "lib/policy/conf_reader.c": "conf_reader policy",
    "lib/policy/cidr.c": "cidr policy setting_ssh",
    "lib/auth/challenge.c": "challenge",
    "lib/policy/policy_check.c": "policy",
    "lib/policy/factor.c": "factor policy proved",
    "lib/auth/locality.c": "locality who session proved",
    "lib/auth/enrol.c": "enrol",
    "lib/auth/password.c": "password",
    "lib/auth/totp.c": "totp factor_totp",
    "lib/crypto/key.c": "key key_weak key_certificate enrol",
    "lib/crypto/key_certificate.c": "key_certificate key",
    "lib/crypto/rsa_weak.c": "key_weak",
    "lib/crypto/key_ssh.c": "key_ssh login_ssh",
    "lib/crypto/pwhash.c": "pwhash",
    "lib/crypto/seal.c": "seal",
    "lib/wire/wire_host.c": "wire",
    "lib/wire/wire_daemon.c": "wire",
    "cardmfad/bounds.c": "bounds",
    "cardmfad/room.c": "room",
    "cardmfad/peer.c": "peer",
    "cardmfad/worker_io.c": "worker_io",
    "pam_module/relay.c": "relay",
    "pam_module/pam_auth.c": "pam/contract pam/faults",
    "pam_module/pam_account.c": "pam/contract pam/faults",
    "pam_module/pam_session.c": "pam/contract pam/faults",
}


def test_file(test):
    return f"tests/{test}.py" if mutate_module.is_script(test) else f"tests/unit/test_{test}.c"


SKIPS = 77


class Trouble(Exception):
    """Why nothing can be said; the text is for the caller."""


class Skipped(Exception):
    """The test can't run in this build."""


def run(command, **more):
    return subprocess.run([str(word) for word in command], text=True, check=False,
                          stdin=subprocess.DEVNULL, **more)


# ---- the place to work in ----

def enter_namespace(build):
    """Start again where mounts are our own: neither a new /tmp nor the /dev and /run of the module's
    tests will hide source and build."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="mutate-", dir="/var/tmp"))
    script = ('mount -t tmpfs -o mode=755 mutate "$1" && mkdir "$1/source" "$1/build" && '
              'mkdir -m 1777 "$1/tmp" && mount --bind "$2" "$1/source" && '
              'mount --bind "$3" "$1/build" && cd "$1/source" && shift 3 && exec "$@"')
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh", work,
             SOURCE, build, sys.executable, f"{work}/source/tests/mutate.py", *sys.argv[1:]],
            check=False, env={**os.environ, INSIDE: str(work)})
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return done.returncode


def tidy(folder, seconds=300):
    """What tests that were ended left behind."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime <= seconds:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


# ---- compiling ----

WORDS = ("$(CC)", "$(DEFS) $(AM_CPPFLAGS)", "$(AM_CFLAGS)", "$(LDADD)", "$(AM_LDFLAGS)",
         "$(pam_module_pam_cardmfa_so_SOURCES)", "$(pam_module_pam_cardmfa_so_LDADD)",
         "$(pam_faults_wrap)")


class Compiler:
    """Compiles and links as the build tree does, without warnings."""

    def __init__(self, build, work):
        mark = "mutate: "       # make may have to say more, when its own files are out of date
        rule = "".join(f"$(info {mark}{words})" for words in WORDS)
        done = run(["make", "-s", "--no-print-directory", f"--eval=mutate-show: ; {rule}@:",
                    "mutate-show"], cwd=build, capture_output=True)
        lines = [line.removeprefix(mark) for line in done.stdout.split("\n")
                 if line.startswith(mark)]
        if done.returncode != 0 or len(lines) != len(WORDS):
            raise Trouble(f"{build}: not a build tree: {done.stderr.strip()}")
        (self.cc, defines, flags, self.libraries, self.linking, sources, self.module_libraries,
         self.faults_wrap) = map(shlex.split, lines)
        self.module_sources = [source for source in sources if source.endswith(".c")]
        self.source, self.build, self.work = SOURCE, build, work
        self.flags = [*(word for word in defines if not word.startswith("-I")), *flags, "-O1", "-w", "-fPIC",
                      "-Werror=implicit-function-declaration", f"-I{SOURCE}/include",
                      f"-I{SOURCE}/cardmfad"]
        self.group = work / "group.o"
        self.objects = {}
        self.lock = threading.Lock()
        self.must(SOURCE / "tests/mutate_group.c", self.group, SOURCE / "tests/unit")

    def compile(self, source, target, *folders):
        """folders: where the source's own headers stand. Errors as text."""
        own = [word for folder in folders for word in ("-iquote", folder)]
        done = run([*self.cc, *self.flags, *own, "-c", "-o", target, source], capture_output=True)
        return done.stderr if done.returncode != 0 else ""

    def must(self, source, target, *folders):
        errors = self.compile(source, target, *folders)
        if errors:
            raise Trouble(errors)

    def test_object(self, test, name, mutated):
        """Of a unit test, and whether it has the mutated source in itself."""
        folder = SOURCE / "tests/unit"
        text = (folder / f"test_{test}.c").read_text()
        line = f'#include "../../{name}"'
        if line in text:
            own = mutated.with_name(f"{mutated.stem}.test_{test}.c")
            own.write_text(text.replace(line, f'#include "{mutated}"'))
            self.must(own, own.with_suffix(".o"), folder, (SOURCE / name).parent)
            return own.with_suffix(".o"), True
        return self.object(f"tests/unit/test_{test}.c"), False

    def object(self, name):
        """Of a source that is not changed."""
        with self.lock:
            if name not in self.objects:
                self.objects[name] = self.work / f"{name.replace('/', '-')}.o"
                self.must(SOURCE / name, self.objects[name], (SOURCE / name).parent)
        return self.objects[name]

    def run_linker(self, words):
        done = run([*self.cc, *self.linking, *words], cwd=self.build, capture_output=True)
        if done.returncode != 0:
            raise Trouble(done.stderr)

    def link(self, test, name, mutated):
        """What runs a test with the mutated source, whose object stands beside it."""
        if mutate_module.is_script(test):
            return mutate_module.link(self, name, mutated)
        test_object, has_source = self.test_object(test, name, mutated)
        program = mutated.with_name(f"{mutated.stem}.{test}")
        objects = [test_object, self.group, *(() if has_source else (mutated.with_suffix(".o"),))]
        wrapped = [f"-Wl,--wrap={call}" for call in ("_cmocka_run_group_tests", "argon2id_ctx")]
        self.run_linker([*wrapped, "-o", program, *objects, *self.libraries])
        return program


# ---- the mutated source ----

def with_mutants(text, bodies, mutants, elsewhere=None):
    """The source with these mutants in its bodies, chosen by mutant_now, and one elsewhere in it;
    and of each of its lines the number of its mutant."""
    parts, of_line = [], [0]
    at = 0

    def put(piece, number=0):
        parts.append(piece)
        of_line.extend([number] * piece.count("\n"))

    def put_outside(start, end):
        if elsewhere and start <= elsewhere.start and elsewhere.end <= end:
            put(text[start:elsewhere.start] + elsewhere.new + text[elsewhere.end:end])
        else:
            put(text[start:end])

    put(f"int mutant_now;\nstatic unsigned char mutant_entered_here[{len(bodies) + 1}];\n"
        "unsigned char *mutant_entered = mutant_entered_here;\n"
        f"const int mutant_functions = {len(bodies)};\n")
    for place, (_, first, last) in enumerate(bodies):
        put_outside(at, first)
        put(f"\tmutant_entered[{place}] = 1;\n\tswitch (mutant_now) {{\n")
        for number, m in mutants:
            if first <= m.start and m.end <= last:
                changed = text[first:m.start] + m.new + text[m.end:last]
                put(f"\tcase {number}: {{\n{changed}\t}} break;\n", number)
        put(f"\tdefault: {{\n{text[first:last]}\t}}\n\t}}\n")
        at = last
    put_outside(at, len(text))
    return "".join(parts), of_line


class Group:
    """One unit test that waits to be asked."""

    def __init__(self, program):
        settings = {"CMOCKA_TEST_ABORT": "1", "srcdir": str(SOURCE), "TMPDIR": "/tmp"}
        if program.name.endswith((".pwhash", ".factor_password")):
            settings["MUTATE_STRONG_HASH"] = "1"
        self.process = subprocess.Popen(
            [program], cwd=SOURCE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={**os.environ, **settings})
        self.size = int(self.answer("group")[0])

    def answer(self, word):
        for line in self.process.stdout:
            if line.startswith(f"{word} "):
                return line.split()[1:]
        if self.process.wait() == SKIPS:
            raise Skipped
        raise Trouble(f"{self.process.args[0]} ended with {self.process.returncode}")

    def run(self, mutant, cases, seconds, cpu_seconds):
        """Of these cases: Ran."""
        words = (mutant, seconds, cpu_seconds, *cases)
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        status, ms, cpu_ms, last, *entered = self.answer("ran")
        failed = None if status == "0" else cases[int(last)]
        return Ran(failed, int(ms), int(cpu_ms), entered[0] if entered else "")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- one source file ----

class Target:
    """A source file, its mutants and the tests that reach it."""

    def __init__(self, compiler, name, tests):
        self.compiler, self.name, self.tests = compiler, name, tests
        self.text = (SOURCE / name).read_text()
        self.mutants = mutation.mutants_of(SOURCE, name)
        self.numbered = list(enumerate(self.mutants, 1))
        self.bodies = mutation.bodies(SOURCE / name)
        self.refused = set()
        self.own = threading.local()
        self.groups = []
        self.cases = {}             # test: {number of a case: what it did, nothing being changed}
        self.successes = collections.Counter()

    def build(self):
        """The object with all mutants of the bodies that the compiler takes."""
        mutated = self.compiler.work / self.name.replace("/", "-")
        left = [(i, m) for i, m in self.numbered if m.function != FILE_SCOPE]
        for _ in range(8):
            text, of_line = with_mutants(self.text, self.bodies, left)
            mutated.write_text(text)
            errors = self.compiler.compile(mutated, mutated.with_suffix(".o"),
                                           (SOURCE / self.name).parent)
            places = rf"^{re.escape(str(mutated))}:(\d+):\d+: error:"
            bad = {of_line[int(line)] for line in re.findall(places, errors, re.M)}
            if not errors:
                break
            if not bad - {0}:
                raise Trouble(errors)
            self.refused |= bad
            left = [(i, m) for i, m in left if i not in bad]
        self.programs = {test: self.compiler.link(test, self.name, mutated) for test in self.tests}

    def start(self, test, program):
        if mutate_module.is_script(test):
            return mutate_module.Script(SOURCE / test_file(test), program)
        return Group(program)

    def group(self, test):
        groups = self.own.__dict__.setdefault("groups", {})
        if test not in groups:
            groups[test] = self.start(test, self.programs[test])
            self.groups.append(groups[test])
        return groups[test]

    def rehearse(self):
        """What each case reaches and how long it takes, nothing being changed."""
        for test in self.tests:
            try:
                group, self.cases[test] = self.group(test), {}
            except Skipped:
                say(f"# {self.name}: {test} can't run in this build")
                continue
            for number in range(group.size):
                ran = group.run(0, [number], 600, 600)
                if ran.failed is None:
                    self.cases[test][number] = ran
                else:
                    say(f"# {self.name}: case {number} of {test} fails by itself, left out")

    def plan(self, function):
        """(test, cases) that enter a function, or any for the file's own. First those that noticed
        most changes of it, then the quickest."""
        places = [i for i, body in enumerate(self.bodies) if function in (body[0], FILE_SCOPE)]
        plans = []
        for test, cases in self.cases.items():
            reaching = [n for n, ran in cases.items() if any(ran.entered[i] == "1" for i in places)]
            reaching.sort(key=lambda n, test=test, cases=cases:
                          (-self.successes[function, test, n], cases[n].ms))
            if reaching:
                most = self.successes[function, test, reaching[0]]
                plans.append((-most, sum(cases[n].ms for n in reaching), test, reaching))
        return [plan[2:] for plan in sorted(plans)]

    def alone(self, number, mutant):
        """The source with a mutant outside of the bodies; None: the compiler refused it."""
        mutated = self.compiler.work / f"{self.name.replace('/', '-')[:-2]}-{number}.c"
        mutated.write_text(with_mutants(self.text, self.bodies, (), mutant)[0])
        errors = self.compiler.compile(mutated, mutated.with_suffix(".o"),
                                       (SOURCE / self.name).parent)
        return None if errors else mutated

    def noticed(self, number, mutant):
        """By the test whose name this is; "" by none; None: the compiler refused it."""
        if number in self.refused:
            return None
        mutated = self.alone(number, mutant) if mutant.function == FILE_SCOPE else None
        if mutant.function == FILE_SCOPE and not mutated:
            return None
        for test, cases in self.plan(mutant.function):
            group = self.group(test)
            if mutated:
                group = self.start(test, self.compiler.link(test, self.name, mutated))
            alone = [self.cases[test][n] for n in cases]
            ran = group.run(number, cases, 20 + 8 * sum(r.ms for r in alone) // 1000,
                            4 + 4 * sum(r.cpu_ms for r in alone) // 1000)
            if mutated:
                group.close()
            if ran.failed is not None:
                self.successes[mutant.function, test, ran.failed] += 1
                return test
        return ""

    def judge(self, wanted, jobs):
        """{mutant: who noticed}"""
        self.build()
        self.rehearse()
        chosen = [(i, m) for i, m in self.numbered if wanted in (None, m.function)]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            found = list(pool.map(lambda each: self.noticed(*each), chosen))
        for group in self.groups:
            group.close()
        tidy(pathlib.Path("/tmp"))
        return {m: by for (_, m), by in zip(chosen, found)}


# ---- all ----

def say(text):
    print(text, flush=True)


def report(name, results, listed, everything):
    """True: a survivor is not listed."""
    survivors = [m for m, by in results.items() if by == ""]
    unlisted = [m for m in survivors if (name, *m.key) not in listed]
    function = None
    for m in survivors if everything else unlisted:
        if m.function != function:
            function = m.function
            say(f"@ {name} {function}")
        say(mutation.written(m))
    for m, by in results.items():
        if everything and by != "" and (name, *m.key) in listed:
            say(f"# listed, but {f'{by} notices it' if by else 'not compiled'}: {m.function}\n"
                + mutation.written(m))
    say(f"# {name}: {len(results)} mutants, {sum(bool(by) for by in results.values())} noticed, "
        f"{sum(by is None for by in results.values())} refused, {len(survivors)} survived, "
        f"{len(survivors) - len(unlisted)} of these listed")
    return bool(unlisted)


def wanted_files(words):
    """(file, function or None) of the command line, or all."""
    for word in words or TABLE:
        name, _, function = word.partition(":")
        if name not in TABLE:
            raise Trouble(f"{name}: not in the table; it has {', '.join(TABLE)}")
        yield name, function or None


def inside(arguments, work):
    compiler = Compiler(work / "build", work)
    if run(["mount", "--bind", work / "tmp", "/tmp"]).returncode != 0:
        raise Trouble("/tmp can't be covered")
    listed = {(e.file, e.function, e.nth, e.before, e.after) for e in mutation.read_list()[0]}
    bad = False
    for name, function in wanted_files(arguments.files):
        target = Target(compiler, name, TABLE[name].split())
        bad |= report(name, target.judge(function, arguments.jobs), listed, arguments.all)
    return bad


def main():
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build",
                        help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--all", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        if arguments.list:
            for name, function in wanted_files(arguments.files):
                for m in mutation.mutants_of(SOURCE, name):
                    if function in (None, m.function):
                        say(f"@ {name} {m.function}\n{mutation.written(m)}")
            return 0
        if os.environ.get(INSIDE):
            return int(inside(arguments, pathlib.Path(os.environ[INSIDE])))
        return enter_namespace(arguments.build.resolve())
    except Trouble as trouble:
        print(f"mutate.py: {trouble}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
