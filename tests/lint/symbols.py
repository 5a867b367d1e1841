#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the module shows and takes, and how all that is built is hardened."""
# check: varied
import os
import pathlib
import re
import subprocess
import tempfile

import lint

BUILT = (lint.MODULE, *lint.PROGRAMS)
FLAGS = ("-fstack-protector-strong", "-fstack-clash-protection", "-fcf-protection", "-ftrivial-auto-var-init=zero")
LINKER_OWN = {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__", "__cxa_finalize"}
# Of the compiler's start files, in every shared object.
START_FILES = {"__dso_handle", "__TMC_END__", "completed.0", "_DYNAMIC", "_GLOBAL_OFFSET_TABLE_", "__frame_dummy_init_array_entry",
               "__do_global_dtors_aux_fini_array_entry"}


def symbols(program, *options):
    """(type, name without version) of each."""
    for line in lint.output("nm", *options, lint.BUILD / program).splitlines():
        if match := re.match(r"^[0-9a-f ]{16} (\w) (\S+)$", line):
            yield match[1], match[2]


def implemented():
    return {f.name for path in lint.files("pam_module", suffixes=(".c",)) for f in lint.functions(path) if f.name.startswith("pam_sm_")}


@lint.check
def module_exports_its_entry_points_only():
    exported = {name.split("@")[0] for kind, name in symbols(lint.MODULE, "-D", "--defined-only")}
    script = re.search(r"global:(.*?)local:", lint.code(lint.SOURCE / "pam_module/pam_cardmfa.map"), re.DOTALL)
    script = set(re.findall(r"([\w*?]+)\s*;", script[1]))
    if not implemented():
        yield "no pam_sm_* in pam_module/"
    for what, names in (("exported", exported), ("in pam_cardmfa.map", script)):
        for name in sorted(names ^ implemented()):
            yield f"{name}: {'' if name in names else 'not '}{what}, {'' if name in implemented() else 'not '}implemented"


@lint.check
def module_takes_from_libc_and_libpam_only():
    for kind, name in symbols(lint.MODULE, "-D", "--undefined-only"):
        if not re.search(r"@(GLIBC_[\d.]+|LIBPAM_\w*[\d.]+)$", name) and name not in LINKER_OWN:
            yield f"{name} ({kind}) is neither the C library's nor libpam's"


@lint.check
def entry_points_do_not_call_each_other():
    for path in lint.files("pam_module", suffixes=(".c",)):
        for function in lint.functions(path):
            for name in re.findall(r"\b(pam_sm_\w+)\s*\(", function.body):
                yield f"{lint.short(path)}: {function.name} calls {name}"


@lint.check
def module_keeps_no_globals():
    """Hosts have threads and many handles: nothing of ours is written to between calls."""
    for kind, name in symbols(lint.MODULE):
        if kind in "bBdDC" and name not in START_FILES:
            yield f"{name} can be written to"


HOST = r"""
#include <dlfcn.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#define TRAP(name) void name(void); void name(void) { fputs("intercepted: " #name "\n", stderr); abort(); }
%s
static int conv(int n, const struct pam_message **m, struct pam_response **r, void *arg)
{
	(void)n; (void)m; (void)r; (void)arg;
	return PAM_CONV_ERR;
}
int main(int argc, char **argv)
{
	const struct pam_conv c = { conv, NULL };
	pam_handle_t *h = NULL;
	void *m = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	int auth, account;

	if (argc != 3 || !m) {
		fprintf(stderr, "dlopen: %%s\n", dlerror());
		return 2;
	}
	if (pam_start_confdir("cardmfa-lint", "nobody", &c, argv[2], &h))
		return 3;
	auth = pam_authenticate(h, PAM_SILENT);
	account = pam_acct_mgmt(h, PAM_SILENT);
	pam_end(h, account);
	dlclose(m);
	return auth == PAM_SUCCESS || account == PAM_SUCCESS;
}
"""


@lint.check
def A108_host_symbols_do_not_intercept():
    """A host that exports every name of ours (and those of A108) loads the module with RTLD_NOW and calls it."""
    own = {name for kind, name in symbols(lint.MODULE) if kind in "tTrR" and re.fullmatch(r"[a-z]\w*", name)}
    own -= implemented() | {"deregister_tm_clones", "register_tm_clones", "frame_dummy"}
    traps = own | {"verify_card", "log_init", "sqlite3_open"}
    if len(own) < 10:
        yield f"only {len(own)} names of ours in the module: is it stripped?"
    with tempfile.TemporaryDirectory() as folder:
        host = pathlib.Path(folder) / "host"
        text = HOST % "\n".join(f"TRAP({name})" for name in sorted(traps))
        lines = "".join(f"{kind} required {lint.BUILD / lint.MODULE}\n" for kind in ("auth", "account"))
        (pathlib.Path(folder) / "cardmfa-lint").write_text(lines)
        lint.output("gcc", "-w", "-fno-builtin", "-rdynamic", "-x", "c", "-", "-o", host, "-lpam", "-ldl", input=text)
        done = subprocess.run([host, lint.BUILD / lint.MODULE, folder], capture_output=True, text=True, timeout=60, check=False,
                              env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")})
    if done.returncode != 0:
        yield f"status {done.returncode}: {done.stderr.strip()}"


# ---- hardening: the same list for all that is built ----

def optimisation():
    """-O0, -O2 ...: what configure was told, or what it takes by itself."""
    flags = re.search(r"^CFLAGS = (.*)$", lint.read(lint.BUILD / "Makefile"), re.MULTILINE)[1]
    return re.findall(r"(?<!\S)-O\w*", flags)[-1]


def segments(program):
    return lint.output("readelf", "-lW", lint.BUILD / program)


@lint.check
def A110_programs_are_position_independent():
    for program in BUILT:
        kind = re.search(r"Type:\s+(\w+)", lint.output("readelf", "-hW", lint.BUILD / program))[1]
        dynamic = lint.output("readelf", "-dW", lint.BUILD / program)
        if kind != "DYN" or (program != lint.MODULE and not re.search(r"FLAGS_1\).*\bPIE\b", dynamic)):
            yield f"{program}: {kind}, no PIE"
        if "TEXTREL" in dynamic:
            yield f"{program}: relocations in its code"


@lint.check
def A110_relocations_are_read_only():
    for program in BUILT:
        if "GNU_RELRO" not in segments(program):
            yield f"{program}: no RELRO"
        if not re.search(r"FLAGS_1\).*\bNOW\b", lint.output("readelf", "-dW", lint.BUILD / program)):
            yield f"{program}: not bound at once"


@lint.check
def A110_no_memory_is_writable_and_executable():
    for program in BUILT:
        for name, flags in re.findall(r"^\s*(\S+)(?:\s+0x[0-9a-f]+){5}\s+([RWE ]{3})\s", segments(program), re.MULTILINE):
            if "W" in flags and "E" in flags:
                yield f"{program}: {name} is {flags}"
        if "GNU_STACK" not in segments(program):
            yield f"{program}: no word on the stack"


@lint.check
def A110_the_loader_is_told_no_more_than_this():
    """The module's last thread-local destructor may run after dlclose; with NOOPEN no host could load it."""
    for program in BUILT:
        dynamic = lint.output("readelf", "-dW", lint.BUILD / program)
        flags = {flag for line in re.findall(r"\(FLAGS(?:_1)?\)(.*)", dynamic) for flag in line.replace("Flags:", "").split()}
        wanted = {"BIND_NOW", "NOW", "NODELETE" if program == lint.MODULE else "PIE"}
        if flags != wanted:
            yield f"{program}: {' '.join(sorted(flags))}, not {' '.join(sorted(wanted))}"


@lint.check
def A110_stacks_and_buffers_are_guarded():
    for program in BUILT:
        wanted = {name for kind, name in symbols(program, "-D", "--undefined-only")}
        names = {name.split("@")[0] for name in wanted}
        if "__stack_chk_fail" not in names:
            yield f"{program}: no stack protector"
        if optimisation() != "-O0" and not any(name.endswith("_chk") for name in names):
            yield f"{program}: no fortified call"


@lint.check
def A110_no_assert_carries_logic():
    """With -DNDEBUG as without: no macro that vanishes, no word about whether it does."""
    for path in lint.files(*lint.CODE, suffixes=(".c", ".h")):
        text = lint.bare_code(path)
        for match in re.finditer(r"\b(?:assert|assert_perror)\s*\(|\bassert\.h\b|\bNDEBUG\b|\b__OPTIMIZE\w*", text):
            yield f"{lint.place(path, text, match.start())}: {match[0]}"
    for program in BUILT:
        for name in sorted(name for kind, name in symbols(program, "-D", "--undefined-only") if name.startswith("__assert")):
            yield f"{program} calls {name}"


@lint.check
def A110_every_object_has_the_flags():
    """Also Intel's CET: the C library's start files lack its mark on Debian, so the whole programs can't have it."""
    for program in BUILT:
        text = lint.output("readelf", "--debug-dump=info", "--dwarf-depth=1", lint.BUILD / program)
        producers = re.findall(r"DW_AT_producer\s*:.*?: (GNU C\d\d .*|.*\bclang .*)$", text, re.MULTILINE)
        if not producers:
            yield f"{program}: no debugging information to read the flags from"
        for producer in sorted(set(producers)):
            lacking = [flag for flag in (*FLAGS, optimisation()) if producer.startswith("GNU") and not re.search(rf"{flag}\b", producer)]
            if lacking:
                yield f"{program}: an object without {' '.join(lacking)}"
    for folder in ("lib", "pam_module", "cardmfad", "cardtool"):
        objects = sorted((lint.BUILD / folder).rglob("*.o"))
        text = lint.output("readelf", "-nW", *objects) if objects else ""
        marked = len(re.findall(r"Properties:.*\bIBT\b.*\bSHSTK\b", text))
        if os.uname().machine == "x86_64" and marked != len(objects):
            yield f"{folder}/: {marked} of {len(objects)} objects are marked IBT and SHSTK"


lint.main()
