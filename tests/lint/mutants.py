#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/mutants.txt names changes that tests/mutate.py still makes, each once, each with its reason."""
import collections
import pathlib
import sys

import lint

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import mutate  # noqa: E402 (found by the line above)
import mutation  # noqa: E402


@lint.check
def each_entry_has_a_reason():
    return mutation.read_list()[1]


@lint.check
def each_entry_is_a_mutant_of_today():
    made = {name: {m.key for m in mutation.mutants_of(lint.SOURCE, name)} for name in mutate.TABLE}
    for e in mutation.read_list()[0]:
        if (e.function, e.nth, e.before, e.after) not in made.get(e.file, ()):
            yield f"tests/mutants.txt:{e.line}: {e.file} {e.function} has no such line or change: {e.after}"


@lint.check
def each_entry_stands_once():
    entries = mutation.read_list()[0]
    for e, times in collections.Counter(e[:5] for e in entries).items():
        if times > 1:
            yield f"{e[0]} {e[1]}: {e[4]}"


@lint.check
def the_table_names_files_that_exist():
    for name, tests in mutate.TABLE.items():
        for path in (name, *map(mutate.test_file, tests.split())):
            if not (lint.SOURCE / path).exists():
                yield f"tests/mutate.py: {path}"


lint.main()
