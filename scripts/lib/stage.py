#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stage.py [--lang ja|en] [--module FILE] - scripts/demo, inside its private world: build, boot, play.

With CARDMFA_BUILD set (by scripts/check) that build tree is shown as it is.
"""
import argparse
import os
import pathlib
import sys
import tempfile

import boxed
import build

WORDS = {
    "en": ("building cardmfa in memory", "booting a machine of its own: systemd, logind, pcscd"),
    "ja": ("cardmfa をメモリー上で構築しています", "専用の環境を起動しています (systemd, logind, pcscd)"),
}
SECONDS = 600


def built(source, words):
    """The build tree to install from."""
    if "CARDMFA_BUILD" in os.environ:
        return pathlib.Path(os.environ["CARDMFA_BUILD"])
    print(f"== {words[0]}", flush=True)
    work = build.Build(source, tempfile.mkdtemp(prefix="demo-"))
    work.generate()
    work.configure("plain")
    work.make("plain")
    work.make("plain", "tests/vcard/vcard")
    return work.path("plain")


def in_place_of_ours(module):
    """A tree to lay over the installed one, with another module under our name."""
    tree = pathlib.Path(tempfile.mkdtemp(prefix="module-"))
    folder = tree / "usr/lib" / build.output("gcc", "-print-multiarch") / "security"
    folder.mkdir(parents=True)
    (folder / "pam_cardmfa.so").write_bytes(pathlib.Path(module).read_bytes())
    return tree


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lang", choices=sorted(WORDS), default="en")
    parser.add_argument("--module")
    options = parser.parse_args()
    source = pathlib.Path.cwd()
    words = WORDS[options.lang]
    try:
        tree = built(source, words)
    except build.BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"== {words[1]}", flush=True)
    other = ["-f", str(in_place_of_ours(options.module))] if options.module else []
    return boxed.run(source, tree, source / "scripts/lib/demo.py", options.lang, seconds=SECONDS, options=other)


if __name__ == "__main__":
    sys.exit(main())
