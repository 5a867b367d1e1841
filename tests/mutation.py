# SPDX-License-Identifier: Apache-2.0
"""What a mutant is: one small change of the deciding code. For tests/mutate.py, which runs them,
and tests/lint/mutants.py, which keeps the list of those that no test can catch true.

A mutant changes a comparison, a constant, a branch, an operand of && or ||, or leaves out an
assignment or a call. Changed are bodies of functions, `static const` tables and `#define NUMBER`.
"""
import collections
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS / "lint"))

import lint  # noqa: E402 (found by the line above)

LIST = TESTS / "mutants.txt"
FILE_SCOPE = "(file)"

# Texts for people and the log decide nothing; nor does what wipes, frees or writes them.
SPEAKING = ("fail", "conf_fault", "log_line", "log_error", "snprintf", "_", "N_", "ngettext",
            "_Static_assert", "printf")
COMPLAINING = ("fail", "conf_fault", "log_line", "log_error")
SILENT = ("log_line", "log_error", "fail", "wipe", "secret_wipe", "wire_wipe", "explicit_bzero",
          "free", "close", "snprintf", "SECRET", "WIRE_BUF", "va_end", "va_start")
ERRORS = {"ERR_OK": "ERR_DENIED", "PAM_SUCCESS": "PAM_AUTH_ERR",
          "VERDICT_ALLOW": "VERDICT_DENY", "VERDICT_DENY": "VERDICT_ALLOW"}
COMPARISONS = {"==": ("!=",), "!=": ("==",), "<=": ("<", ">"), ">=": (">", "<"),
               "<": ("<=", ">="), ">": (">=", "<=")}
OPERATORS = {"+": "-", "-": "+", "&": "|", "|": "&", "<<": ">>", ">>": "<<", "*": "/", "/": "*",
             "%": "/"}
# Results that are changed as constants, if at all.
SETTLED = r"(?:conf_)?fail\(|ERR_\w+$|PAM_\w+$|true$|false$|NULL$|\(enum \w+\)0$"
DECLARATION = re.compile(r"\s*(?:(?:static|const|unsigned|signed) )*"
                         r"(?:(?:struct|enum|union) \w+|\w+_t|char|int|bool|long|unsigned)\b")


class Mutant:
    """bytes start..end of the file's text are replaced by `new`."""

    def __init__(self, function, start, end, new):
        self.function, self.start, self.end, self.new = function, start, end, new
        self.before = self.after = None         # the lines, as the list has them
        self.nth = 1                            # of the same lines in this function

    @property
    def key(self):
        return self.function, self.nth, self.before, self.after


def squeeze(text):
    return " ".join(text.split())


# ---- C as text ----

def closing(bare, at):
    """Where the bracket at `at` is closed."""
    depth = 0
    for i in range(at, len(bare)):
        depth += bare[i] in "([{"
        depth -= bare[i] in ")]}"
        if depth == 0:
            return i
    raise ValueError("a bracket is not closed")


def spans_of_calls(bare, names):
    words = "|".join(map(re.escape, names))
    return [(m.start(), closing(bare, m.end() - 1))
            for m in re.finditer(rf"(?<!\w)(?:{words})\(", bare)]


def inside(spans, at):
    return any(start <= at <= end for start, end in spans)


def line_around(text, at):
    return text[text.rfind("\n", 0, at) + 1:text.find("\n", at)]


def next_constants(paths):
    """Of each constant of an enum the one behind it; the last one has the one before."""
    found = {}
    for path in paths:
        for body in re.findall(r"\benum(?: \w+)? \{([^}]*)\}", lint.code(path)):
            names = re.findall(r"(?:^|,)\s*(\w+)", body)
            for name, after in zip(names, names[1:] + names[-2:-1]):
                found[name] = after
    return found


def number_macros(paths):
    """Sizes of buffers decide nothing."""
    found = set()
    for path in paths:
        found.update(re.findall(r"^#define (\w+)\s+\(*(?:[\d']|INT64_C)", lint.code(path), re.M))
    return {name for name in found if not name.endswith("_SIZE")}


class Names:
    """Constants that a source may use: its own and those of the headers."""

    def __init__(self, source, path):
        folders = (source / "include", path.parent)
        headers = [*(header for folder in folders for header in sorted(folder.glob("*.h"))), path]
        self.following = next_constants(headers)
        self.macros = number_macros(headers)

    def changed(self, name):
        if name in ERRORS:
            return ERRORS[name]
        if name.startswith("ERR_"):
            return "ERR_OK"
        if name.startswith("PAM_") and name != "PAM_SILENT":
            return "PAM_SUCCESS"
        if name in self.following:
            return self.following[name]
        return f"({name} + 1)" if name in self.macros else None


# ---- changes; each yields (start, end, new) within text[first:last] ----

def unused_result(bare, at):
    """Of the call around `at` that begins its line."""
    return bool(re.match(r"\s*(?:conf_)?fail\(", line_around(bare, at)))


def constants(text, bare, names, first, last):
    speaking = spans_of_calls(bare, SPEAKING)
    sizes = spans_of_calls(bare, ("sizeof",))
    code = bare[first:last]
    for m in re.finditer(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)\b", code):
        at = first + m.start()
        declared = text[at - 1] == "[" and DECLARATION.match(line_around(text, at))
        if not declared and not inside(speaking, at) and not inside(sizes, at):
            changed = int(m[1], 0) + 1 if not re.fullmatch(r"0\d+", m[1]) else int(m[1], 8) + 1
            yield at, at + len(m[0]), f"{changed}{m[2]}"
    for m in re.finditer(r"\b(?:true|false)\b", code):
        yield first + m.start(), first + m.end(), "false" if m[0] == "true" else "true"
    for m in re.finditer(r"\b[A-Z][A-Z0-9]*_\w+\b|\b[A-Z]{4,}\b", code):
        at, new = first + m.start(), names.changed(m[0])
        declared = text[at - 1] == "[" and DECLARATION.match(line_around(text, at))
        result = m[0].startswith("ERR_") and not unused_result(bare, at)
        if new and not declared and (result or not inside(speaking, at)):
            yield at, first + m.end(), new
    for m in re.finditer(r"' +'", code):
        yield first + m.start(), first + m.end(), f"({text[first + m.start():first + m.end()]} + 1)"
    for m in re.finditer(r'" *"', code):
        at = first + m.start()
        if not inside(speaking, at) and not re.search(r'" *$', bare[:at]):
            yield at + 1, at + 1 + (text[at + 1] not in '"\\'), "#"


def comparisons(_text, bare, _names, first, last):
    for m in re.finditer(r"==|!=|<=|>=|(?<![-<>=])[<>](?![<>=])", bare[first:last]):
        for new in COMPARISONS[m[0]]:
            yield first + m.start(), first + m.end(), new
    for m in re.finditer(r"!(?=[\w(*])", bare[first:last]):
        yield first + m.start(), first + m.end(), ""


def arithmetic(_text, bare, _names, first, last):
    for m in re.finditer(r"(?<= )(?:[-+&|*/%]|<<|>>)(?= )", bare[first:last]):
        yield first + m.start(), first + m.end(), OPERATORS[m[0]]
    for m in re.finditer(r"[-+&|]=(?=[ \n])", bare[first:last]):
        yield first + m.start(), first + m.end(), "="


def operand_start(bare, at, stops):
    depth = 0
    for i in range(at - 1, -1, -1):
        if bare[i] in ")]}":
            depth += 1
        elif bare[i] in "([{":
            if depth == 0:
                return i + 1
            depth -= 1
        elif depth == 0 and (bare[i] in ",;?:" or bare[i:i + 2] in stops or
                             (bare[i] == "=" and bare[i - 1] not in "=!<>" and bare[i + 1] != "=")):
            return i + (2 if bare[i:i + 2] in stops else 1)
        elif depth == 0 and re.match(r"return\b", bare[i:i + 7]):
            return i + len("return")
    return 0


def operand_end(bare, at, stops):
    depth = 0
    for i in range(at, len(bare)):
        if bare[i] in "([{":
            depth += 1
        elif bare[i] in ")]}":
            if depth == 0:
                return i
            depth -= 1
        elif depth == 0 and (bare[i] in ",;?:" or bare[i:i + 2] in stops):
            return i
    return len(bare)


def operands(text, bare, _names, first, last):
    """Of `a && b` and `a || b` one is left out."""
    for m in re.finditer(r"&&|\|\|", bare[first:last]):
        at = first + m.start()
        stops = ("&&", "||") if m[0] == "&&" else ("||",)
        start, end = operand_start(bare, at, stops), operand_end(bare, at + 2, stops)
        left, right = text[start:at], text[at + 2:end]
        before = left[:len(left) - len(left.lstrip())]
        after = right[len(right.rstrip()):]
        yield start, end, before + right.strip() + after
        yield start, end, before + left.strip() + after


def branches(text, bare, _names, first, last):
    for m in re.finditer(r"\b(if|while) \(", bare[first:last]):
        at = first + m.end()
        end = closing(bare, at - 1)
        for new in ("1", "0") if m[1] == "if" else ("0",):
            yield at, end, new
    for m in re.finditer(r"\?", bare[first:last]):
        at = first + m.start()
        colon = matching_colon(bare, at)
        end = operand_end(bare, colon + 1, ("//",))
        yes, no = text[at + 1:colon].strip(), text[colon + 1:end].strip()
        yield at, end, f"? {no} : {no}"
        yield at, end, f"? {yes} : {yes}"
    for m in re.finditer(r"\b(?:continue|break)(?=;)", bare[first:last]):
        yield first + m.start(), first + m.end(), ""


def matching_colon(bare, at):
    nested = depth = 0
    for i in range(at + 1, len(bare)):
        depth += bare[i] in "([{"
        depth -= bare[i] in ")]}"
        nested += depth == 0 and bare[i] == "?"
        if depth == 0 and bare[i] == ":":
            if nested == 0:
                return i
            nested -= 1
    raise ValueError("a ? has no :")


def statements(_text, bare, _names, first, last):
    """An assignment or a call is left out."""
    code = bare[first:last]
    for m in re.finditer(r"^\t+((?:\*?[\w(][\w\[\].>()-]*) (?:[-+|&^]?=) [^;]*)(?=;)", code, re.M):
        yield first + m.start(1), first + m.end(1), ""
    for m in re.finditer(r"^\t+((\w[\w.>-]*)\([^;]*\))(?=;)", code, re.M):
        if m[2] not in SILENT:
            yield first + m.start(1), first + m.end(1), ""
    for m in re.finditer(r"^\t+([\w\[\].>-]+(?:\+\+|--))(?=;)", code, re.M):
        yield first + m.start(1), first + m.end(1), ""


def returns(text, bare, function, first, last):
    head = text[:first].rstrip().removesuffix("{").rstrip()
    head = head[head.rfind("}\n") + 1 if "}\n" in head else 0:]
    kind = re.findall(rf"^(.*?)\*?{function}\(", head, re.M)
    values = ("0", "1") if kind and "enum err" not in kind[-1] else ("ERR_OK",)
    for m in re.finditer(r"\breturn ([^;]+)(?=;)", bare[first:last]):
        if not re.match(SETTLED, m[1]):
            for value in values:
                yield first + m.start(1), first + m.end(1), value


# ---- all of a file ----

def bodies(path):
    """(function, first, last) of each, between its braces."""
    bare = lint.bare_code(path)
    starts, found = [0], []
    for line in bare.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for function in lint.functions(path):
        body = bare.index("\n{\n", starts[function.first - 1]) + 3
        found.append((function.name, body, starts[function.last - 1]))
    return found


def regions(path):
    """(function, first, last) of what is mutated."""
    bare = lint.bare_code(path)
    yield from bodies(path)
    for m in re.finditer(r"^static const\b[^;{]*=\s*\{(.*?)\n\};"
                         r"|^static const\b[^;\n]*=([^;]*);"
                         r"|^static const struct (?:\w+ )?\{.*?^\} \w+\[\] = (\{.*?\n\});",
                         bare, re.M | re.S):
        yield FILE_SCOPE, m.start(m.lastindex), m.end(m.lastindex)
    for m in re.finditer(r"^#define \w+(?<!_SIZE)[ \t]+([^\n]*\d[^\n]*)$", bare, re.M):
        yield FILE_SCOPE, m.start(1), m.end(1)


def lines_of(code, start, end, new):
    """The changed lines, then and now, each on one line and without comments."""
    first = code.rfind("\n", 0, start) + 1
    last = code.find("\n", end)
    return squeeze(code[first:last]), squeeze(code[first:start] + new + code[end:last])


def mutants_of(source, name):
    """All of a file, in its order."""
    path = source / name
    text, bare = lint.read(path), lint.bare_code(path)
    names = Names(source, path)
    found, seen, places = [], {hash(squeeze(text))}, collections.defaultdict(list)
    complaints = spans_of_calls(bare, COMPLAINING)
    for function, first, last in regions(path):
        changes = list(constants(text, bare, names, first, last))
        if function != FILE_SCOPE:
            for operator in (comparisons, arithmetic, operands, branches, statements):
                changes += (change for change in operator(text, bare, names, first, last)
                            if not inside(complaints, change[0]))
            changes += returns(text, bare, function, first, last)
        for start, end, new in sorted(changes, key=lambda change: change[:2]):
            whole = hash(squeeze(text[:start] + new + text[end:]))
            if whole in seen:
                continue
            seen.add(whole)
            m = Mutant(function, start, end, new)
            m.before, m.after = lines_of(lint.code(path), start, end, new)
            at = text.count("\n", 0, start)
            spots = places[function, m.before]
            if at not in spots:
                spots.append(at)
            m.nth = spots.index(at) + 1
            found.append(m)
    return found


# ---- the list ----

Entry = collections.namedtuple("Entry", "file function nth before after reason line")


def read_list(path=LIST):
    """Entries of the list, and what is wrong with its form."""
    entries, faults, open_entries, reason = [], [], [], []
    place = before = None

    def end():
        entries.extend(e._replace(reason=" ".join(reason)) for e in open_entries)
        if open_entries and not reason:
            faults.append(f"{path.name}:{open_entries[0].line}: no reason")
        open_entries.clear()
        reason.clear()

    for number, line in enumerate(path.read_text().splitlines() if path.exists() else (), 1):
        mark, _, rest = line.partition(" ")
        if reason and mark != "=":
            end()
        if mark == "@" and " " in rest:
            place = rest.split(" ", 1)
        elif re.fullmatch(r"-\d*", mark) and place:
            before = int(mark[1:] or 1), rest
        elif mark == "+" and before:
            open_entries.append(Entry(*place, *before, rest, "", number))
        elif mark == "=" and rest and open_entries:
            reason.append(rest)
        elif line and mark != "#":
            faults.append(f"{path.name}:{number}: not understood")
    end()
    return entries, faults


def written(mutant):
    """As the list has it."""
    nth = mutant.nth if mutant.nth > 1 else ""
    return f"-{nth} {mutant.before}\n+ {mutant.after}"
