#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets have one type, which is never formatted; and what must not be called isn't."""
import functools
import re

import lint

PRINTERS = {"printf", "fprintf", "dprintf", "snprintf", "asprintf", "vsnprintf", "vfprintf", "sprintf", "puts", "fputs", "syslog", "pam_syslog",
            "pam_error", "pam_info", "pam_prompt", "json_pack", "json_string", "json_stringn", "perror", "write", "fwrite", "sd_journal_print",
            "sd_journal_send", "gettext", "text_escape", "setenv", "putenv"}
# What may take the bytes of a secret although it prints: (file, function): why.
MAY_PRINT = {}
SECRET_WORD = r"(?:pin|puk|password|passwd|passphrase|passcode|otp|code|seed|secret)"
# What may be compared byte by byte.
MAY_COMPARE = {
    ("lib/auth/enrol.c", "enrol_pin_unfit"): "with the PIN that cards are delivered with, which is no secret",
    ("cardtool/prompt.c", "prompt_yes"): "an answer that is yes or no",
}
# Names that speak of a secret and hold none.
HARMLESS_ARRAYS = {}
HARMLESS_OPTIONS = {"allow-no-pin", "stdin"}

# Name: what is used instead, and where it may stand nevertheless: {(file, function)}. None: only the message.
BANNED = {
    "gets": ("fgets", ()),
    "sprintf": ("snprintf", ()),
    "vsprintf": ("vsnprintf", ()),
    "strcat": ("snprintf", ()),
    "strncat": ("snprintf", ()),
    "strncpy": ("text_copy: strncpy may leave no NUL", ()),
    # Where the length was compared lines before, or the source is a constant of ours.
    "strcpy": ("text_copy or memcpy", {
        ("lib/crypto/keyring.c", "keyring_line"), ("lib/crypto/key.c", "load"), ("lib/store/store_dir.c", "walk"),
        ("pam_module/relay.c", "put_item"), ("pam_module/relay.c", "send_request")}),
    "stpcpy": ("text_copy or memcpy", {("lib/crypto/keyring.c", "keyring_line")}),
    "system": ("program_run", ()),
    "popen": ("program_run", ()),
    "execlp": ("execve", ()),
    "execvp": ("execve", ()),
    "posix_spawnp": ("posix_spawn", ()),
    "strtok": ("strtok_r", ()),
    "localtime": ("localtime_r", ()),
    "gmtime": ("gmtime_r", ()),
    "asctime": ("strftime", ()),
    "ctime": ("strftime", ()),
    "atoi": ("strtoll with its checks", ()),
    "atol": ("strtoll with its checks", ()),
    "scanf": ("a parser", ()),
    "rand": ("random_bytes", ()),
    "random": ("random_bytes", ()),
    "rand_r": ("random_bytes", ()),
    "drand48": ("random_bytes", ()),
    "alloca": ("an array", ()),
    "tmpnam": ("mkostemp", ()),
    "mktemp": ("mkostemp", ()),
    "tempnam": ("mkostemp", ()),
    "getlogin": ("the kernel's loginuid", ()),
    "cuserid": ("the kernel's loginuid", ()),
    "getpass": ("prompt", ()),
    "gethostbyname": ("no name is looked up", ()),
    "getaddrinfo": ("no name is looked up", ()),
    "getnameinfo": ("no name is looked up", ()),
    "bzero": ("wipe", ()),
    "longjmp": ("return", ()),
    "vfork": ("posix_spawn", ()),
    "sleep": ("a deadline", ()),
    "usleep": ("a deadline", ()),
    "setlocale": ("the programs' own start", {
        ("cardmfad/worker.c", "main"), ("cardtool/cardtool.c", "set_language"), ("cardtool/output.c", "json_in_english")}),
    "setenv": ("the languages of gettext and cardtool's start", {
        ("lib/auth/speech.c", "speech_in"), ("cardtool/cardtool.c", "set_language"), ("cardtool/privilege.c", "clean_environment")}),
    "putenv": ("as setenv", ()),
}
# Beside these, in libraries and in the module: what keeps its answer in memory shared by all threads of a host.
STATIC_ANSWERS = ("getpwnam", "getpwuid", "getgrnam", "getgrgid", "getspnam", "inet_ntoa", "ttyname", "strsignal", "readdir64", "localeconv",
                  "setlocale", "setenv", "unsetenv", "putenv", "clearenv", "strtok", "strerror", "sleep", "alarm", "signal", "sigaction",
                  "setitimer", "exit", "_exit", "fork", "system", "popen", "atexit", "on_exit")


def sources(*folders):
    return lint.files(*(folders or lint.CODE), suffixes=(".c", ".h"))


@functools.lru_cache(maxsize=None)
def printers():
    """The C library's, and ours by their attribute."""
    found = set(PRINTERS)
    for path in sources():
        text = lint.bare_code(path)
        found |= set(re.findall(r"\b(\w+)\([^;()]*\)\s*PRINTF_LIKE", text))
        found |= set(re.findall(r"PRINTF_LIKE\([^)]*\)\s+\w+\s+\**(\w+)\(", text))
    return found


@functools.lru_cache(maxsize=None)
def members():
    """Names of members of type struct secret anywhere."""
    return {name for path in sources() for name in re.findall(r"^\t+struct secret (\w+);", lint.bare_code(path), re.MULTILINE)}


def secrets_of(text):
    names = set(re.findall(r"\bSECRET\((\w+)\)", text)) - {"name"}
    names |= set(re.findall(r"\bstruct secret \**(?:const )?(\w+)\b", text))
    return names


@lint.check
def secrets_are_never_formatted():
    for path in sources():
        text = lint.bare_code(path)
        names = secrets_of(text)
        shown = re.compile(r"(?<![\w.>])&?(?:%s)\b(?!\s*(?:\.|->)\s*len\b)|(?:\.|->)(?:%s)\b(?!\.len\b)|(?:\.|->)text\.bytes\b"
                           % ("|".join(names) or "(?!)", "|".join(members() - {"text"}) or "(?!)"))
        for at, name, arguments in lint.calls(text, printers()):
            where = (lint.short(path), lint.function_at(path, lint.line_of(text, at)))
            bad = [argument for argument in arguments if shown.search(argument) and not argument.startswith("sizeof")]
            if bad and where not in MAY_PRINT:
                yield f"{lint.place(path, text, at)}: {name}(... {bad[0]} ...)"


@lint.check
def secrets_live_in_their_type():
    """No array or pointer of char by a secret's name."""
    array = re.compile(rf"^\s+(?!static const|const)(?:unsigned |signed )?(?:char|uint8_t) (\w*(?:^|_|\b){SECRET_WORD})\[", re.MULTILINE)
    for path in sources():
        text = lint.bare_code(path)
        for match in array.finditer(text):
            if (lint.short(path), match[1]) not in HARMLESS_ARRAYS:
                yield f"{lint.place(path, text, match.start(1))}: {match[0].strip()}"


@lint.check
def secrets_are_compared_in_constant_time():
    for path in sources():
        text = lint.bare_code(path)
        names = "|".join(secrets_of(text) | members())
        for at, name, arguments in lint.calls(text, {"memcmp", "strcmp", "strncmp", "bcmp"}):
            where = (lint.short(path), lint.function_at(path, lint.line_of(text, at)))
            if where not in MAY_COMPARE and names and any(re.search(rf"\b(?:{names})(?:->|\.)bytes", argument) for argument in arguments):
                yield f"{lint.place(path, text, at)}: {name}({', '.join(arguments)})"


@lint.check
def local_secrets_wipe_themselves():
    """A struct secret on the stack is declared by SECRET; one in a struct is wiped by who owns it."""
    for path in sources():
        text = lint.bare_code(path)
        for function in lint.functions(path):
            for match in re.finditer(r"^\t+struct secret \w+[ ;=,\[].*", function.body, re.MULTILINE):
                yield f"{lint.short(path)}: {function.name}: {match[0].strip()}"
        for match in re.finditer(r"\bmemset\s*\([^;]*(?:->|\.)bytes\b[^;]*;", text):
            yield f"{lint.place(path, text, match.start())}: {match[0]}"


@lint.check
def options_take_no_secret():
    rows = 0
    for path in sources("cardtool"):
        text = lint.code(path)
        for table in re.finditer(r"struct option_row \w+\[\] = \{(.*?)^\};", text, re.DOTALL | re.MULTILINE):
            for match in re.finditer(r'\{ "([\w-]+)", (NULL|"[^"]*"),', table[1]):
                rows += 1
                if match[2] != "NULL" and re.search(rf"(?:^|-){SECRET_WORD}(?:$|-)", match[1]):
                    yield f"{lint.place(path, text, table.start(1) + match.start())}: --{match[1]} takes {match[2]}"
                elif match[2] == "NULL" and re.search(SECRET_WORD, match[1]) and match[1] not in HARMLESS_OPTIONS:
                    yield f"{lint.place(path, text, table.start(1) + match.start())}: --{match[1]}: is it harmless?"
        for match in re.finditer(rf'\.usage = "([^"]*\b{SECRET_WORD.upper()}\b[^"]*)"', text, re.IGNORECASE):
            if re.search(rf"\b{SECRET_WORD.upper()}\b", match[1]):
                yield f"{lint.place(path, text, match.start())}: {match[1]}"
    if not rows:
        yield "no table of options found in cardtool/"


@lint.check
def banned_calls_are_not_made():
    used = set()
    for path in sources():
        text = lint.bare_code(path)
        for at, name, _ in lint.calls(text, BANNED):
            where = (lint.short(path), lint.function_at(path, lint.line_of(text, at)))
            used.add((name, where))
            if where[1] and where not in BANNED[name][1]:
                yield f"{lint.place(path, text, at)}: {where[1]} calls {name}; here: {BANNED[name][0]}"
    for name, (_, places) in BANNED.items():
        for where in sorted(set(places) - {place for called, place in used if called == name}):
            yield f"{where[0]}: {where[1]} does not call {name} any more: take it off the list"


@lint.check
def module_is_fit_for_threads():
    """Nothing in the host is set, ended or forked, and no answer lies in memory that other threads use."""
    wanted = set(re.findall(r" U (\w+)", lint.output("nm", "-D", lint.BUILD / lint.MODULE)))
    for name in sorted(wanted & {*STATIC_ANSWERS, *BANNED}):
        yield f"{lint.MODULE} calls {name}"


lint.main()
