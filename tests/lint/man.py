#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Manual pages: clean, complete, true to the tables of the code, and the same in both languages.

A page is read as a tree: sections, and lists of items. Which lists are compared with what is in COMPLETE;
the last check takes each item of them out and sees that its absence is noticed.
"""
import functools
import gettext
import os
import re
import shlex
import subprocess
import tempfile
import unicodedata

import lint

FOLDERS = {"en": "man", "ja": "man/ja"}
NAMES = ("cardmfa.conf.5", "cardmfad.8", "cardtool.8", "pam_cardmfa.8")
SECTIONS = {
    "NAME": "名前", "SYNOPSIS": "書式", "DESCRIPTION": "説明", "OPTIONS": "オプション", "COMMANDS": "コマンド", "JSON": "JSON", "SYNTAX": "書き方",
    "CLASSES": "クラス", "FACTORS": "認証の要素", "ACCOUNTS OF THE MACHINE": "人のものでないアカウント", "SETTINGS": "設定項目", "MANAGEMENT GROUPS": "管理グループ", "PAM RESULTS": "PAM の結果",
    "UNITS": "ユニット", "SIGNALS": "シグナル", "EVENTS": "記録の種類", "RESULTS": "結果", "ENVIRONMENT": "環境変数", "FILES": "ファイル",
    "EXIT STATUS": "終了コード", "EXAMPLES": "例", "DIAGNOSTICS": "メッセージ", "SEE ALSO": "関連項目", "CAVEATS": "注意",
    "SECURITY CONSIDERATIONS": "セキュリティについて",
}
ENGLISH = {japanese: english for english, japanese in SECTIONS.items()}
# mandoc knows sections by their English names only; their order is compared with the English page's here.
MANDOC_CANT = {"en": (), "ja": ('WARNING: first section is not "NAME": Sh ', "WARNING: description line outside NAME section: Nd")}
PREFIXES = {"CARDMFA_SYSCONFDIR": "/etc", "CARDMFA_LOCALSTATEDIR": "/var", "CARDMFA_RUNDIR": "/run", "CARDMFA_LIBEXECDIR": "/usr/libexec/cardmfa",
            "CARDMFA_BINDIR": "/usr/bin", "CARDMFA_DATADIR": "/usr/share"}
FOREIGN_PATHS = ("/etc/pam.d", "/dev/")
FOREIGN_OPTIONS = {"--now", "--options", "--help", "--version", "--algorithm", "--protect", "--subject", "--valid-days", "--enable", "--unit",
                   "--on-calendar"}
GROUPS = {"auth": "authenticate", "account": "acct_mgmt", "session": "open_session"}
# Named to say that they are not given.
NEVER = {"PAM_IGNORE"}
SCREEN_ROWS, SCREEN_COLUMNS = 40, 80
PAM_WORDS = {*GROUPS, "password", "required", "sufficient", "optional"}
MACROS = "Cm Ar Fl Op Oo Oc Pq Brq Ql Li Dv Ev Pa Ic Nm Xr Sx Em No Xo Xc It Sh Ss Nd".split()


# ---- mdoc ----

def unescape(text):
    return text.replace("\\&", "").replace("\\e", "\\").replace("\\-", "-").replace("\\(dq", '"')


def words_of(line):
    """Of a macro line, without its dot; what stands in quotes is one."""
    return [word.replace("\0", '"') for word in shlex.split(line[1:].replace('\\"', "\0").replace("\\", "\\\\").replace("'", "\\'"))]


@functools.lru_cache(maxsize=None)
def plain(line):
    """As a reader sees it: "It Fl -user Ar USER" is --user USER."""
    if not line.startswith("."):
        return unescape(line)
    out, macro, closing = [], None, []
    for word in words_of(line):
        if word in MACROS:
            macro = word
            if word in ("Op", "Oo", "Pq", "Brq"):
                out.append({"Pq": "\1(", "Brq": "\1{"}.get(word, "\1["))
            if word == "Oc":
                out.append("]\2")
            closing += {"Op": ["]\2"], "Pq": [")\2"], "Brq": ["}\2"]}.get(word, [])
            continue
        if macro == "Xr" and re.fullmatch(r"\d", word):
            out[-1] += f"({word})"
            continue
        out.append(("-" if macro == "Fl" and word.startswith("-") else "") + unescape(word))
        if word in (",", ".", ":", ";"):
            out[-1] = "\2" + word
    text = " ".join(out + closing[::-1]).replace(" \2", "\2").replace(" ]\2", "]").replace(" )\2", ")").replace(" }\2", "}")
    return re.sub(r"[\1\2]", "", text.replace("\1[ ", "[").replace("\1( ", "(").replace("\1{ ", "{"))


def parts_of(head):
    return re.split(r" (?=(?:Op|Oo|Ar|No|Pq|Brq|Fl) )", head)


class Item:
    def __init__(self, section, part, depth, number, first):
        self.section, self.part, self.depth, self.number, self.first = section, part, depth, number, first
        self.head, self.last, self.words, self.children, self.displays, self.lines = "", first, [], [], [], []

    def name(self):
        """What the first macro of its head names: the command, the setting, the event."""
        return plain("." + self.words[0]).split(" = ")[0] if self.words else self.head


class Page:
    """sections: {English title: [line numbers]}, parts: titles of subsections, items: all, displays: literal ones."""

    def __init__(self, language, name, text):
        self.language, self.name, self.text = language, name, text
        self.path = f"{FOLDERS[language]}/{name}"
        self.lines = text.splitlines()
        self.sections, self.parts, self.items, self.displays = {}, [], [], []
        self.parse()

    def parse(self):
        section = part = display = None
        stack, numbers, joined = [], [], None
        for at, line in enumerate(self.lines):
            if line.startswith('.\\"'):
                continue
            if display is not None and not line.startswith(".Ed"):
                display.append(unescape(line))
                continue
            if joined is not None:
                joined.append(line)
                if line == ".Xc":
                    stack[-1].head = " ".join(plain(one) for one in joined).strip()
                    stack[-1].words = parts_of(joined[1][1:])
                    joined = None
                continue
            for item in stack:
                if item:
                    item.last = at
            if line.startswith(".Sh "):
                title = plain(line)
                section, part, numbers = ENGLISH.get(title, title), None, [0]
                self.sections[section] = []
            elif line.startswith(".Ss "):
                part = plain(line)
                self.parts.append((section, part))
            elif line.startswith(".Bl "):
                stack.append(None)
                numbers[0] += len(stack) == 1
            elif line == ".El":
                item = stack.pop()
                if item:
                    item.last = at - 1
            elif line.startswith(".It"):
                if stack[-1]:
                    stack[-1].last = at - 1
                stack[-1] = Item(section, part, len(stack), numbers[0], at)
                self.items.append(stack[-1])
                if len(stack) > 1 and stack[-2]:
                    stack[-2].children.append(stack[-1])
                if line == ".It Xo":
                    joined = [line]
                else:
                    stack[-1].head, stack[-1].words = plain(line), parts_of(line[4:])
            elif line.startswith(".Bd "):
                display = []
                self.displays.append((section, at, display))
                if stack and stack[-1]:
                    stack[-1].displays.append(display)
            elif line == ".Ed":
                display = None
            elif section and not line.startswith((".Dd", ".Dt", ".Os")):
                self.sections[section].append(at)
                if stack and stack[-1]:
                    stack[-1].lines.append(plain(line))

    def of(self, section, depth=1):
        return [item for item in self.items if item.section == section and item.depth == depth]

    def without(self, item):
        return Page(self.language, self.name, "\n".join(self.lines[:item.first] + self.lines[item.last + 1:]) + "\n")

    def where(self, item):
        return f"{self.path}:{item.first + 1}"


@functools.lru_cache(maxsize=None)
def page(language, name):
    return Page(language, name, lint.read(lint.SOURCE / FOLDERS[language] / name))


def pages(*names):
    return [page(language, name) for name in names or NAMES for language in FOLDERS]


def unequal(what, found, wanted, path):
    for name in sorted(set(wanted) - set(found)):
        yield f"{path}: {what} {name} is not in it"
    for name in sorted(set(found) - set(wanted)):
        yield f"{path}: there is no {what} {name}"
    for name in sorted({name for name in found if list(found).count(name) > 1}):
        yield f"{path}: {what} {name} stands there twice"


# ---- what the code has ----

@functools.lru_cache(maxsize=None)
def source(*paths):
    return "".join(lint.read(lint.SOURCE / path) for path in paths)


@functools.lru_cache(maxsize=None)
def in_code(text):
    return text in all_code()


@functools.lru_cache(maxsize=None)
def all_code():
    return "".join(lint.read(path) for path in lint.files(*lint.CODE))


@functools.lru_cache(maxsize=None)
def help_of(program, *words):
    return lint.output(lint.BUILD / program, *words, "--help", env={"LC_ALL": "C", "PATH": os.environ["PATH"]})


@functools.lru_cache(maxsize=None)
def japanese():
    with open(lint.BUILD / "po/ja.mo", "rb") as catalogue:
        return gettext.GNUTranslations(catalogue)


class Command:
    """Of cardtool, as its help shows it."""

    def __init__(self, name):
        text = help_of("cardtool/cardtool", *name.split())
        self.usage = " ".join(re.search(r"^Usage: cardtool (.*)", text)[1].split())
        self.options = re.findall(r"^  (--[\w-]+(?: \S+)?) {2,}\S", text, re.MULTILINE)
        self.options.remove("--help")
        self.example = text.split("\nExample:\n")[1].rstrip("\n")

    def example_in(self, language):
        """The lines without their indent."""
        text = self.example
        if language == "ja":
            text = japanese().gettext(text)
        return [line.removeprefix("  ") for line in text.splitlines()]


@functools.lru_cache(maxsize=None)
def commands():
    names = re.findall(r"^  ([a-z-]+(?: [a-z]+)?) {2,}\S", help_of("cardtool/cardtool"), re.MULTILINE)
    if len(names) < 10:
        raise lint.Trouble("cardtool --help lists no commands")
    return {name: Command(name) for name in names}


@functools.lru_cache(maxsize=None)
def settings():
    """{(section, key): (shape, preset)}"""
    text = re.sub(r"\\\n\s*", " ", source("lib/policy/settings.c"))
    macros = {name: "".join(re.findall(r'"([^"]*)"', value)) for name, value in re.findall(r'#define (\w+) +((?:"[^"]*"\s*)+)', text)}
    rows = re.findall(r'X\((\w+), "([\w-]+)", \w+, \w+, \w+, "([^"]*)", ("[^"]*"|\w+), +"', text)
    found = {(section, key): (shape, macros.get(preset) or preset.strip('"')) for section, key, shape, preset in rows}
    if len(found) < 10:
        raise lint.Trouble("no settings in lib/policy/settings.c")
    return found


@functools.lru_cache(maxsize=None)
def events():
    """{name: whether something writes it}"""
    code = "".join(lint.read(path) for path in lint.files("lib", "cardmfad", "cardtool", suffixes=(".c",)) if path.name != "words.c")
    used = set(re.findall(r"\bEVENT_\w+", code))
    return {name: f"EVENT_{symbol}" in used for symbol, name in re.findall(r'^\tX\((\w+), +"([\w-]+)"', source("include/event.h"), re.MULTILINE)}


@functools.lru_cache(maxsize=None)
def results():
    return re.findall(r"^\tX\((\w+), +\d+,", source("include/error.h"), re.MULTILINE)


@functools.lru_cache(maxsize=None)
def paths():
    """{path: (owner, mode)}, mode None: not said by the code."""
    macros = dict(PREFIXES)
    found = {}
    for name, value, comment in re.findall(r"^#define (\w+)[ \t]+([^/\n]*?(?:\"[^\"]*\"[^/\n]*?)*)[ \t]*(?:/\* (\w+ \d+) \*/)?$", source("include/paths.h"), re.MULTILINE):
        macros[name] = "".join(macros.get(word, word.strip('"')) for word in value.split())
        if name.startswith("PATH_"):
            found[macros[name]] = tuple(comment.split()) if comment else None
    for name, owner, mode in re.findall(r'\{ (PATH_\w+), (\S+), S_IF\w+, (\d+),', source("cardtool/doctor_files.c")):
        found[macros[name]] = (macros.get(owner, owner.strip('"')), mode)
    for name in re.findall(r'#define STORE_(?:FILE|LOCK|RESERVE) "([\w.]+)"', source("lib/store/store_internal.h")):
        found[f"{macros['PATH_STORE_DIR']}/{name}"] = ("cardmfa", "0600")
    for path in lint.files("conf", "systemd/drop-ins"):
        folder = "polkit-1/rules.d" if path.suffix == ".rules" else "cardmfa/drop-ins" if path.parent.name == "drop-ins" else "cardmfa"
        found[f"/usr/share/{folder}/{path.name}"] = ("root", "0644")
    return found


@functools.lru_cache(maxsize=None)
def json_names():
    found = set()
    for path in lint.files("cardtool", suffixes=(".c",)):
        for _, name, arguments in lint.calls(lint.code(path), ("json_pack", "json_object_set_new", "doctor_list")):
            keys = arguments[1::2] if name == "json_pack" else arguments[1:2]
            found |= {key.strip('"') for key in keys if re.fullmatch(r'"\w+"', key)}
    return found


# ---- is it complete: faults of one page ----

def setting_faults(of):
    found = {}
    for item in of.of("SETTINGS"):
        key, _, shape = item.head.partition(" = ")
        section = "settings" if "[settings]" in item.part else "class"
        text = " ".join(item.lines)
        preset = re.search(r"(?:The default is|標準は) (.*?)(?: です。|\.(?= |$)|$)", text)
        found[f"{section}/{key}"] = (shape, preset[1] if preset else "")
    wanted = {f"{section}/{key}": value for (section, key), value in settings().items()}
    yield from unequal("setting", list(found), wanted, of.path)
    for name in found.keys() & wanted.keys():
        if found[name] != wanted[name]:
            yield f"{of.path}: {name} is {wanted[name]}, not {found[name]}"


def doctor_checks():
    return re.findall(r'\{ "([\w-]+)", doctor_\w+ \}', source("cardtool/cmd_doctor.c"))


def command_faults(of):
    found = {item.name(): item for item in of.of("COMMANDS")}
    yield from unequal("command", list(found), commands(), of.path)
    for name in sorted(found.keys() & commands().keys()):
        item, command = found[name], commands()[name]
        if item.head != command.usage:
            yield f"{of.where(item)}: cardtool {command.usage}; not: {item.head}"
        listed = [*command.options, *(doctor_checks() if name == "doctor" else ())]
        yield from unequal(f"option or check of {name}", [child.head for child in item.children], listed, of.where(item))
        if item.displays != [command.example_in(of.language)]:
            yield f"{of.where(item)}: the example of its --help is: {' '.join(command.example_in(of.language))}"


def daemon_option_faults(of):
    wanted = re.findall(r"^  (--\w+)  ", help_of("cardmfad/cardmfad"), re.MULTILINE)
    yield from unequal("option", [item.head for item in of.of("OPTIONS")], wanted, of.path)


def event_faults(of):
    items = of.of("EVENTS")
    yield from unequal("event", [item.head for item in items], events(), of.path)
    for item in items:
        written = item.number == 1
        if item.head in events() and events()[item.head] != written:
            yield f"{of.where(item)}: {item.head} {'is written by nothing' if written else 'is written'}"
        for line in item.lines:
            for name in re.findall(r"\w+", line) if re.fullmatch(r"\(\w+(?:, \w+)*\)\.?", line) else ():
                if not in_code(f'"{name}"'):
                    yield f"{of.where(item)}: no event has a field {name}"


def result_faults(of):
    yield from unequal("result", [item.head for item in of.of("RESULTS")], results(), of.path)


def exit_faults(of):
    if of.name == "cardtool.8":
        wanted = re.findall(r"EXIT_\w+ = (\d)", source("cardtool/cardtool.h"))
    else:
        mains = [f for f in lint.functions(lint.SOURCE / "cardmfad/listener.c") if f.name in ("main", "options", "run")]
        wanted = {number for f in mains for number in re.findall(r"return (\d);", f.body)}
    yield from unequal("exit code", [item.head for item in of.of("EXIT STATUS")], wanted, of.path)


def file_faults(of):
    for item in of.of("FILES"):
        match = re.fullmatch(r"(\S+) \((\w+), (\d+)\)", item.head)
        path, said = (match[1], (match[2], match[3])) if match else (item.head, None)
        if path.startswith(FOREIGN_PATHS):
            continue
        if path not in paths():
            yield f"{of.where(item)}: there is no {path}"
        elif said is None or (paths()[path] and said != paths()[path]):
            yield f"{of.where(item)}: {path} is of {paths()[path]}, not {said}"
    if of.name == "cardmfad.8":
        yield from unequal("file", [item.head.split()[0] for item in of.of("FILES")], paths(), of.path)


def pam_faults(of):
    code = source("pam_module/relay.c", "pam_module/pam_auth.c", "pam_module/pam_account.c", "pam_module/pam_session.c")
    wanted = {name for name in re.findall(r"\bPAM_\w+", re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL))
              if re.search(r"_(?:SUCCESS|ERR|DENIED|UNAVAIL|REQD|IGNORE)$", name)}
    yield from unequal("result", [item.head for item in of.of("PAM RESULTS")], wanted, of.path)
    yield from unequal("option", [item.head for item in of.of("OPTIONS")], re.findall(r'strcmp\(argv\[i\], "(\w+)"', code), of.path)
    wanted = [group for group, entry in GROUPS.items() if f"pam_sm_{entry}" in source("pam_module/pam_cardmfa.map")]
    yield from unequal("group", [item.head for item in of.of("MANAGEMENT GROUPS")], wanted, of.path)


def environment_faults(of):
    kept = re.search(r"\} kept\[\] = \{(.*?)\};", source("cardtool/privilege.c"), re.DOTALL)[1]
    found = [name for item in of.of("ENVIRONMENT") for name in re.findall(r"\w+", item.head)]
    yield from unequal("variable", found, re.findall(r'\{ "(\w+)",', kept), of.path)


def json_faults(of):
    text = " ".join(plain(of.lines[at]) for at in of.sections["JSON"])
    found = set(re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", text))
    with_json = [name for name, command in commands().items() if "--json" in command.options]
    yield from unequal("JSON of", [name for item in of.of("JSON") for name in item.head.split(", ")], with_json, of.path)
    for name in sorted(json_names() - found):
        yield f"{of.path}: JSON: {name} is not in it"
    for name in sorted(name for name in found if "_" in name and name not in json_names()):
        yield f"{of.path}: JSON: there is no {name}"


# Each list that must be complete: page, section, what says so.
COMPLETE = (
    ("cardmfa.conf.5", "SETTINGS", setting_faults),
    ("cardtool.8", "COMMANDS", command_faults),
    ("cardtool.8", "EXIT STATUS", exit_faults),
    ("cardtool.8", "ENVIRONMENT", environment_faults),
    ("cardtool.8", "JSON", json_faults),
    ("cardmfad.8", "OPTIONS", daemon_option_faults),
    ("cardmfad.8", "EVENTS", event_faults),
    ("cardmfad.8", "RESULTS", result_faults),
    ("cardmfad.8", "EXIT STATUS", exit_faults),
    ("cardmfad.8", "FILES", file_faults),
    ("pam_cardmfa.8", "PAM RESULTS", pam_faults),
    ("pam_cardmfa.8", "OPTIONS", pam_faults),
    ("pam_cardmfa.8", "MANAGEMENT GROUPS", pam_faults),
)


# ---- checks ----

@lint.check
def mandoc_has_no_complaint():
    for one in pages():
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", one.path], cwd=lint.SOURCE, capture_output=True, text=True, timeout=60, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            if not any(allowed in line for allowed in MANDOC_CANT[one.language]):
                yield line.removeprefix("mandoc: ")


@lint.check
def every_page_has_its_twin():
    for language, folder in FOLDERS.items():
        found = {path.name for path in (lint.SOURCE / folder).glob("*.[0-9]")}
        yield from unequal("page", sorted(found), NAMES, folder)


@lint.check
def lists_are_complete():
    for name, _, faults in dict.fromkeys(COMPLETE):
        for one in pages(name):
            yield from faults(one)


@lint.check
def files_are_as_the_code_has_them():
    for one in pages():
        yield from file_faults(one)


def literals(one):
    """What is to be typed: (line number, text), lines that go on joined."""
    for _, at, display in one.displays:
        for text in "\n".join(display).replace("\\\n", " ").splitlines():
            yield at + 1, " ".join(text.split())
    for at, line in enumerate(one.lines, 1):
        if line.startswith(".Ql "):
            yield at, plain(line)


def typed_faults(lines):
    """Of what follows the word cardtool."""
    for typed in lines:
        words = re.split(r" [&|#;]| \\\\", typed)[0].rstrip(".,:;").split()
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in commands()), None)
        if not name:
            yield f"there is no cardtool {' '.join(words[:2])}"
            continue
        known = {option.split()[0] for option in commands()[name].options} | {"--help"}
        yield from (f"cardtool {name} has no {option}" for option in sorted(set(re.findall(r"--[\w-]+", " ".join(words))) - known))


@lint.check
def what_is_typed_can_be_typed():
    for one in pages():
        for at, text in literals(one):
            for fault in typed_faults(re.findall(r"\bcardtool ([a-z].*)", text)):
                yield f"{one.path}:{at}: {fault}"
            for event in re.findall(r"(?:--type |CARDMFA_EVENT=)([\w-]+)", text):
                if event not in events():
                    yield f"{one.path}:{at}: there is no event {event}"
    for path in (lint.SOURCE / "README.md", lint.SOURCE / "README.ja.md", *lint.files("docs", suffixes=(".md",))):
        for fault in typed_faults(re.findall(r"\bsudo cardtool ([a-z][^`\n]*)", lint.read(path))):
            yield f"{lint.short(path)}: {fault}"


@lint.check
def the_page_by_the_telephone_quotes_the_tool():
    """What it shows in 「」, but for the words to say (behind >), is said by cardtool."""
    said = "\n".join(japanese()._catalog.values())
    for path in lint.files("docs/ja", suffixes=(".md",)):
        text = re.sub(r"^>.*$", "", lint.read(path), flags=re.MULTILINE)
        for quoted in re.findall(r"「([^」]*)」", text):
            if quoted.strip("*…") not in said:
                yield f"{lint.short(path)}: cardtool does not say 「{quoted}」"


@lint.check
def the_page_by_the_telephone_fits_one_screen():
    """Rows and columns of a console; a character of unclear width counts two, as Japanese terminals have it."""
    text = lint.read(lint.SOURCE / "docs/ja/lost-card.md").splitlines()
    if len(text) > SCREEN_ROWS:
        yield f"docs/ja/lost-card.md: {len(text)} rows, {SCREEN_ROWS} at most"
    for path in lint.files("docs/ja", suffixes=(".md",)):
        for at, line in enumerate(lint.read(path).splitlines(), 1):
            wide = sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in line)
            if wide > SCREEN_COLUMNS:
                yield f"{lint.short(path)}:{at}: {wide} columns, {SCREEN_COLUMNS} at most"


@functools.lru_cache(maxsize=None)
def is_capital_name(word):
    """Of the code; a field of the journal is CARDMFA_ and the name of the event's field."""
    own = word.removeprefix("CARDMFA_").lower()
    return re.search(rf"\b{word}\b", all_code()) or (word.startswith("CARDMFA_") and (not own or f'"{own}"' in all_code()))


@lint.check
def nothing_is_named_that_does_not_exist():
    options = {option.split()[0] for command in commands().values() for option in command.options}
    options |= set(re.findall(r"--\w+", help_of("cardmfad/cardmfad"))) | FOREIGN_OPTIONS
    keys = {key for _, key in settings()}
    for one in pages():
        for at, line in enumerate(one.lines, 1):
            text = plain(line) if not line.startswith(('.\\"', ".Dt")) else ""
            yield from (f"{one.path}:{at}: no program has {option}" for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", text) if option not in options)
            for word in re.findall(r"(?<![\w-])[A-Z]{2,}_[A-Z_0-9]*", text):
                if word not in NEVER and word not in results() and not is_capital_name(word):
                    yield f"{one.path}:{at}: the code knows no {word}"
            for path in re.findall(r"^\.(?:It )?Pa (/\S+)", line):
                if path not in paths() and not path.startswith(FOREIGN_PATHS):
                    yield f"{one.path}:{at}: there is no {path}"
            for word in re.findall(r"^\.(?:It )?Ic (\S+)", line):
                if word not in (PAM_WORDS if one.name == "pam_cardmfa.8" else keys):
                    yield f"{one.path}:{at}: there is no setting {word}"
            for name, number in re.findall(r"^\.Xr (\S*cardmfa\S*|cardtool) (\d)", line):
                if f"{name}.{number}" not in NAMES:
                    yield f"{one.path}:{at}: there is no page {name}({number})"


@lint.check
def messages_are_those_of_the_code():
    """Between the words that stand for something else."""
    for one in pages("pam_cardmfa.8", "cardmfad.8"):
        for item in one.of("DIAGNOSTICS"):
            whole = item.head in all_code()
            for part in () if whole else re.split(r"/\S+|\b(?:ADDRESS|WORD|N)\b|: ", item.head):
                if part.strip() and part.strip() not in all_code():
                    yield f"{one.where(item)}: no message has {part.strip()!r}"


@lint.check
def examples_of_the_configuration_are_good():
    for one in pages("cardmfa.conf.5"):
        examples = [display for _, _, display in one.displays if "[default]" in display]
        if not examples:
            yield f"{one.path}: no example"
        for display in examples:
            with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
                file.write("\n".join(display) + "\n")
                file.flush()
                done = subprocess.run([lint.BUILD / "cardtool/cardtool", "config", "check", file.name], capture_output=True, text=True, timeout=60,
                                      check=False, env={"LC_ALL": "C"})
            if done.returncode != 0:
                yield f"{one.path}: {done.stderr.strip()}"


def marks(one):
    """{(section, macro, words)} of what must not differ between languages."""
    found, section = set(), None
    for line in one.lines:
        if line.startswith(".Sh "):
            section = ENGLISH.get(plain(line), plain(line))
        for macro, rest in re.findall(r"^\.(?:It |Op |Pq )*(Xr|Pa|Fl|Ic|Ev|Dv|Cm) ([^ ]+(?: \d\b)?)", line):
            found.add(f"{section}: {macro} {rest}")
    return found


@lint.check
def both_languages_say_the_same():
    for name in NAMES:
        english, japanese = page("en", name), page("ja", name)
        if list(english.sections) != list(japanese.sections):
            yield f"{japanese.path}: the sections are {', '.join(japanese.sections)}"
        if [section for section, _ in english.parts] != [section for section, _ in japanese.parts]:
            yield f"{japanese.path}: the subsections are {', '.join(part for _, part in japanese.parts)}"
        yield from unequal("mark", marks(japanese), marks(english), japanese.path)
        heads = [[(item.section, item.depth, item.head) for item in one.items] for one in (english, japanese)]
        for ours, theirs in zip(*heads):
            if ours != theirs:
                yield f"{japanese.path}: {ours} is {theirs} here"
                break
        if len(heads[0]) != len(heads[1]) or len(english.displays) != len(japanese.displays):
            yield f"{japanese.path}: {len(heads[1])} items and {len(japanese.displays)} displays, not {len(heads[0])} and {len(english.displays)}"


@lint.check
def japanese_lines_end_where_a_space_may_be():
    """Between two lines of text the formatter puts a space."""
    for one in (page("ja", name) for name in NAMES):
        inside = False
        for at, (line, after) in enumerate(zip(one.lines, [*one.lines[1:], "."]), 1):
            inside = line.startswith(".Bd") or (inside and not line.startswith(".Ed"))
            if not inside and not line.startswith(".") and not after.startswith(".") and line[-1] not in "、。」）:" and not line[-1].isascii():
                yield f"{one.path}:{at}: {line}"


def columns(text):
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character) for character in text)


@lint.check
def lines_fit_the_terminal():
    """No formatter breaks between kanji by itself; what is to be typed stays as it is."""
    for one in pages():
        typed = {text.strip() for _, _, display in one.displays for text in display}
        for width in (78, 80, 100):     # man(1) keeps two of 80 free
            text = lint.output("mandoc", "-T", "utf8", "-O", f"width={width}", lint.SOURCE / one.path, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})
            for line in re.sub(r".\x08", "", text).splitlines():
                if columns(line) > width and line.strip() not in typed:
                    yield f"{one.path}: {columns(line)} columns of {width}: {line.strip()}"


@lint.check
def what_is_taken_out_is_missed():
    for name, section, faults in COMPLETE:
        for one in pages(name):
            items = one.of(section) + (one.of(section, 2) if section == "COMMANDS" else [])
            if not items:
                yield f"{one.path}: {section} has no items"
            for item in items:
                if not list(faults(one.without(item))):
                    yield f"{one.where(item)}: nobody misses {item.head}"


lint.main()
