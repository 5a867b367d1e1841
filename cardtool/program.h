/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another program, bounded: fixed environment (C locale), stdin empty, first 16 KiB of its output
 * kept.
 */
#ifndef CARDMFA_PROGRAM_H
#define CARDMFA_PROGRAM_H

#include <stddef.h>

#include "error.h"

#define PROGRAM_SECONDS 10

/*
 * argv[0] is an absolute path. *status: exit code, 128 + signal when killed. out: stdout and stderr
 * up to size - 1 bytes, NUL at the end; may be NULL. ERR_NOT_FOUND: no such program; ERR_TIMEOUT:
 * killed after PROGRAM_SECONDS.
 */
MUST_USE enum err program_run(const char *const argv[], char *out, size_t size, int *status);

#endif
