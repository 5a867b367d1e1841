#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Units, system users and words: what other programs read of ours, judged by those programs."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import lint

UNITS = (lint.SOURCE / "systemd/cardmfad.socket", lint.SOURCE / "systemd/cardmfad-user.socket", lint.BUILD / "systemd/cardmfad.service")
PO = lint.SOURCE / "po/ja.po"


def need(program):
    if not shutil.which(program):
        raise lint.Trouble(f"{program} is not installed")


@lint.check
def every_unit_is_known_here():
    made = {path.name.removesuffix(".in") for path in lint.files("systemd") if re.search(r"\.(?:service|socket|timer|path|target)(?:\.in)?$", path.name)}
    if made != {path.name for path in UNITS}:
        yield f"not looked at, or not there: {', '.join(sorted(made ^ {path.name for path in UNITS}))}"


@lint.check
def units_are_understood():
    """By systemd-analyze, with the built programs in the place of the installed ones."""
    need("systemd-analyze")
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for path in UNITS:
            text = path.read_text()
            for program in lint.PROGRAMS:
                text = re.sub(rf"/\S*/{os.path.basename(program)}(?=\s|$)", str(lint.BUILD / program), text)
            copies.append(pathlib.Path(folder) / path.name)
            copies[-1].write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, copies)], capture_output=True, text=True, timeout=60,
                              check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:", "LC_ALL": "C"})
        for line in done.stderr.splitlines():
            if folder in line or any(path.name in line for path in UNITS):
                yield line.replace(f"{folder}/", "")
        if done.returncode != 0 and "cardmfad" in done.stderr:
            yield f"systemd-analyze verify: status {done.returncode}"


@lint.check
def system_users_can_be_made():
    need("systemd-sysusers")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "etc").mkdir()
        for path in lint.files("systemd/sysusers.d"):
            lint.output("systemd-sysusers", f"--root={folder}", path)
        names = {line.split(":")[0] for line in (pathlib.Path(folder) / "etc/passwd").read_text().splitlines()}
    wanted = set(re.findall(r'^#define USER_\w+\s+"([^"]+)"', lint.read(lint.SOURCE / "include/paths.h"), re.MULTILINE))
    for name in sorted(wanted ^ names):
        yield f"{name}: {'not made' if name in wanted else 'made, but include/paths.h does not name it'}"


# Nothing here runs the language of polkit's rules, so the rule has this form, which was tried, and no other.
RULE = re.compile(r'''polkit\.addRule\(function\(action, subject\) \{
    if \(\((action\.id == "\S+"(?: \|\|\s+action\.id == "\S+")*)\) &&
        subject\.user == "(\S+)"\) \{
        return polkit\.Result\.YES;
    \}
\}\);
''')
PCSCD_ACTIONS = ["org.debian.pcsc-lite.access_pcsc", "org.debian.pcsc-lite.access_card"]


@lint.check
def polkit_lets_the_card_process_to_pcscd():
    text = re.sub(r"^//.*\n", "", lint.read(lint.SOURCE / "conf/60-cardmfa.rules"), flags=re.MULTILINE)
    found = RULE.fullmatch(text)
    if not found:
        yield "conf/60-cardmfa.rules: not of the form that is known to be right"
        return
    if re.findall(r'"(\S+)"', found[1]) != PCSCD_ACTIONS:
        yield f"conf/60-cardmfa.rules: the actions of pcscd are {', '.join(PCSCD_ACTIONS)}"
    card = re.search(r'^#define USER_CARD\s+"([^"]+)"', lint.read(lint.SOURCE / "include/paths.h"), re.MULTILINE)[1]
    if found[2] != card:
        yield f"conf/60-cardmfa.rules: the card process runs as {card}, not {found[2]}"


@lint.check
def schema_is_sql():
    need("sqlite3")
    done = subprocess.run(["sqlite3", "-bail", ":memory:"], input=lint.read(lint.SOURCE / "lib/store/schema.sql"), capture_output=True, text=True,
                          timeout=60, check=False)
    if done.returncode != 0 or done.stderr:
        yield done.stderr.strip()


@lint.check
def words_are_well_formed():
    need("msgfmt")
    done = subprocess.run(["msgfmt", "--check", "-o", "/dev/null", str(PO)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        yield from done.stderr.splitlines()


@lint.check
def every_word_is_translated():
    """po/update.sh would change nothing: each message of the sources is in ja.po, none is empty or fuzzy, and no other is there."""
    need("xgettext")
    done = subprocess.run([lint.SOURCE / "po/update.sh", "--check"], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        yield from [line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("#")][:60]


@lint.check
def no_translation_is_its_source():
    for match in re.finditer(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n)+)', lint.read(PO) + "\n", re.MULTILINE):
        source, translation = ("".join(re.findall(r'"(.*)"', part)) for part in match.groups())
        if source == translation and re.search(r"[a-z]{3}", re.sub(r"%\w+", "", source)):
            yield source


lint.main()
