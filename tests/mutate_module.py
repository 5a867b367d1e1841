# SPDX-License-Identifier: Apache-2.0
"""For tests/mutate.py: what the scripts of tests/pam say of a PAM module that has mutants in it."""
import collections
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

MODULE = "pam_module/pam_cardmfa.so"
FAULTS = "tests/pam/pam_faults.so"
BESIDE = ("tests/pam/pam_host", "tests/pam/pam_probe.so")

Ran = collections.namedtuple("Ran", "failed ms cpu_ms entered")      # failed: the case, or None


def is_script(test):
    return test.startswith("pam/")


def link(compiler, name, mutated):
    """A build tree as far as the scripts look at it; the mutated source's object stands beside it."""
    tree = mutated.with_suffix(".tree")
    if tree.exists():
        return tree
    others = [compiler.object(source) for source in compiler.module_sources if source != name]
    objects = [mutated.with_suffix(".o"), *others, compiler.object("tests/mutate_module.c")]
    exports = f"-Wl,--version-script={compiler.source}/pam_module/pam_cardmfa.map"
    for target, words in ((MODULE, (exports, "-Wl,-z,nodelete")),
                          (FAULTS, ("-Wl,-Bsymbolic", *compiler.faults_wrap, compiler.object("tests/pam/pam_faults.c")))):
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        compiler.run_linker(["-shared", *words, "-o", tree / target, *objects, *compiler.module_libraries])
    for path in BESIDE:
        shutil.copy2(compiler.build / path, tree / path)
    return tree


class Script:
    """One script and a tree of its own to run it in."""

    usual_ms = {}       # (script, case): what it took, nothing being changed

    def __init__(self, script, tree):
        self.script = script
        self.tree = tree.with_name(f"{tree.name}-{script.stem}-{threading.get_native_id()}")
        shutil.copytree(tree, self.tree, dirs_exist_ok=True)
        self.control = self.tree / f"{MODULE}.mutant"
        self.control.touch()
        self.control.chmod(0o666)
        other = self.tree / f"{FAULTS}.mutant"
        if not other.is_symlink():
            other.symlink_to(self.control)
        self.names = re.findall(r"^@test\ndef (\w+)", script.read_text(), re.M)
        self.size = len(self.names)

    def verdict(self, process, seconds):
        """Whether the next test is content; one that takes too long is not."""
        timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        line = next((line for line in process.stdout if not line.startswith("#")), "")
        timer.cancel()
        return line.startswith("ok ")

    def run(self, mutant, cases, seconds, _cpu_seconds):
        """Of these cases: Ran."""
        self.control.write_bytes(struct.pack("=i", mutant) + bytes(255))
        begun = time.monotonic()
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, self.script, *(self.names[n] for n in cases)],
            env={**os.environ, "CARDMFA_BUILD": str(self.tree)}, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        limits = [self.usual_ms.get((self.script, n), 1000 * seconds) for n in cases]
        failed = next((n for n, ms in zip(cases, limits) if not self.verdict(process, 5 + 3 * ms / 1000)), None)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdout.close()
        ms = int(1000 * (time.monotonic() - begun))
        if mutant == 0 and len(cases) == 1:
            self.usual_ms.setdefault((self.script, cases[0]), ms)
        entered = "".join("1" if b else "0" for b in self.control.read_bytes()[4:])
        return Ran(failed, ms, ms, entered)

    def close(self):
        shutil.rmtree(self.tree)
