#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What make dist hands out: every file of the tree, and enough to build and install from."""
# check: timeout=300
import os
import pathlib
import subprocess
import tempfile

import lint

# Left in the source by git and by autoreconf, or fit for a checkout only.
NOT_OURS = {".git", ".gitignore", "__pycache__", "autom4te.cache", "build", "build-asan", "build-coverage", "build-fuzz", "build-hooks"}
SCRATCH = tempfile.TemporaryDirectory(prefix="tarball-")
FOLDER = pathlib.Path(SCRATCH.name) / "cardmfa"


def make(*words, directory):
    done = subprocess.run(["make", f"-j{os.cpu_count()}", *words], cwd=directory, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise lint.Trouble("\n".join([f"make {' '.join(words)}: status {done.returncode}", *done.stderr.splitlines()[-20:]]))


def unpacked():
    if not FOLDER.exists():
        make("distdir", f"distdir={FOLDER}", directory=lint.BUILD)
    return FOLDER


def relative_files(top):
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        yield from (os.path.relpath(os.path.join(folder, name), top) for name in names if name not in NOT_OURS)


@lint.check
def it_holds_every_file():
    packed = set(relative_files(unpacked()))
    for name in sorted(set(relative_files(lint.SOURCE)) - packed):
        if not name.endswith("~"):      # autoreconf's copies of what it replaces
            yield f"{name}: named neither as a source nor in EXTRA_DIST"


@lint.check
def it_builds_and_installs():
    tree = unpacked() / "build"
    tree.mkdir()
    done = subprocess.run(["../configure", "-q", "--prefix=/usr", "CFLAGS=-O0"], cwd=tree, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        yield from done.stderr.splitlines()[-20:]
        return
    make(directory=tree)
    make("install", f"DESTDIR={SCRATCH.name}/root", directory=tree)
    for program in lint.PROGRAMS:
        if not list(pathlib.Path(SCRATCH.name, "root").rglob(pathlib.Path(program).name)):
            yield f"{program}: not installed"


if __name__ == "__main__":
    lint.main()
