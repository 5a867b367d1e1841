#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the module and the worker import, and what the sweeps of failing calls know: nothing may be left out but what is listed here."""
import re

import lint

# Why a call is not made to fail. Names are patterns of whole names.
OF_LINKER = r"_ITM_\w+|__gmon_start__|__cxa_finalize|__libc_start_main|__stack_chk_fail|__errno_location"
TEXT = r"(__)?(str|stp|mem)\w+|__isoc99_sscanf|(__)?v?snprintf(_chk)?|(__)?explicit_bzero(_chk)?|inet_\w+|gmtime_r|localtime_r|timegm"
REASONS = {
    "pam_module/pam_cardmfa.so": {
        OF_LINKER: "made by the linker and the compiler",
        TEXT: "works on memory that is there",
        r"__asprintf_chk": "vasprintf, which is made to fail, in the sweep's build",
        r"close|free|abort|geteuid|getpid": "has no failure to be told",
    },
    "cardmfad/cardmfa-worker": {
        OF_LINKER: "made by the linker and the compiler",
        TEXT: "works on memory that is there",
        r"_exit|abort|alarm|close|free|getpid|geteuid|getenv|umask|munmap": "has no failure to be told",
        r"\w+_free(_all)?|json_delete|sqlite3_(close|close_v2|finalize)": "gives back",
        r"argon2_error_message|oath_strerror|ERR_\w+|sqlite3_err\w+|sqlite3_system_errno": "words for a failure that was",
        r"bindtextdomain|textdomain|dcn?gettext": "without it the words stay English",
        r"fwrite|nanosleep|madvise": "what comes of it is not used: a log line, a pause, a core that is not made",
        r"OSSL_PARAM_construct_\w+|BIO_s_mem|X509_get0_\w+|X509_get_subject_name|"
        r"sqlite3_(changes64|column_(bytes|int64|name|type)|data_count|db_readonly|get_autocommit|bind_parameter_\w+|busy_timeout|limit|"
        r"hard_heap_limit64)": "looks at what its argument holds",
    },
}


def imports(program):
    return {line.split()[-1].split("@")[0] for line in lint.output("nm", "-D", "--undefined-only", lint.BUILD / program).splitlines() if line}


def wrapped():
    """What the linker wraps, each with a wrapper: it links with none missing."""
    return set(re.findall(r"--wrap=(\w+)", lint.read(lint.SOURCE / "tests/local.mk")))


def swept():
    """Rows of the table that a sweep of the worker names."""
    rows = set(re.findall(r"\bX\((\w+), ", lint.read(lint.SOURCE / "tests/system/faults.c")))
    lists = lint.read(lint.SOURCE / "tests/system/lib/faults.py")
    named = set(re.findall(r'"(\w+)"', lists[lists.index("MEMORY = ("):lists.index("WORKER = ")]))
    return rows & named


def left_out(program, known):
    for name in sorted(imports(program) - known):
        if not any(re.fullmatch(pattern, name) for pattern in REASONS[program]):
            yield f"{program} calls {name}, which no sweep lets fail"
    for pattern in REASONS[program]:
        if not any(re.fullmatch(pattern, name) for name in imports(program)):
            yield f"{program} calls nothing of {pattern}"


@lint.check
def A1_each_import_of_the_module_fails_in_a_sweep():
    return left_out("pam_module/pam_cardmfa.so", wrapped())


@lint.check
def A1_each_import_of_the_worker_fails_in_a_sweep():
    return left_out("cardmfad/cardmfa-worker", swept())


lint.main()
