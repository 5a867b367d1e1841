#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Scripts: shellcheck for the shell's, the compiler for Python's, and the mode that check.py goes by."""
import os
import re
import shutil
import subprocess

import lint

FOLDERS = ("scripts", "tests", ".ci")


def scripts(language):
    for path in lint.files(*FOLDERS):
        head = lint.read(path).split("\n", 1)[0]
        if path.suffix == {"sh": ".sh", "python": ".py"}[language] or re.match(rf"#!\S*(?:/| )(?:ba|da)?{language}", head):
            yield path


@lint.check
def shell_parses():
    for path in scripts("sh"):
        done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, timeout=60, check=False)
        yield from done.stderr.replace(f"{lint.SOURCE}/", "").splitlines()


def shell_is_sound():
    """What shellcheck warns of; its notes are a matter of taste."""
    paths = list(scripts("sh"))
    for started in (True, False):
        # What is only read by others has no #! to tell the shell.
        some = [lint.short(path) for path in paths if lint.read(path).startswith("#!") == started]
        dialect = [] if started else ["--shell=bash"]
        done = subprocess.run(["shellcheck", "-x", "-P", "SCRIPTDIR", "-f", "gcc", "-S", "warning", *dialect, *some], cwd=lint.SOURCE,
                              capture_output=True, text=True, timeout=100, check=False) if some else None
        yield from (done.stdout + done.stderr).splitlines() if done else ()


if shutil.which("shellcheck"):
    lint.check(shell_is_sound)


@lint.check
def python_compiles():
    for path in scripts("python"):
        try:
            compile(lint.read(path), lint.short(path), "exec")
        except SyntaxError as error:
            yield str(error)


@lint.check
def scripts_can_be_started():
    """What begins with #! is executable, and the other way round."""
    for path in lint.files(*FOLDERS):
        starts = lint.read(path).startswith("#!")
        if starts != os.access(path, os.X_OK):
            yield f"{lint.short(path)}: {'has #! and is not executable' if starts else 'is executable without #!'}"


@lint.check
def an_unknown_suite_is_named():
    done = subprocess.run([lint.SOURCE / "scripts/check", "no-such-suite"], capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 64 or done.stdout or not done.stderr.startswith("check: there is no suite no-such-suite\n"):
        yield f"status {done.returncode}: {done.stdout}{done.stderr}"


lint.main()
