/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a file of root's without being led astray: every directory on the way is root's and not
 * writable by others, nothing on the way is a link, the file is a regular one with one name, and
 * what is checked is the open descriptor.
 */
#ifndef CARDMFA_TRUSTED_H
#define CARDMFA_TRUSTED_H

#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"

/*
 * The directory itself, O_DIRECTORY | O_RDONLY. ERR_NOT_FOUND; ERR_NOT_ALLOWED says what is wrong
 * with which part.
 */
MUST_USE enum err trusted_open_dir(const char *path, int *ret);

/*
 * Read-only. No bit of `forbidden` may be set in the mode (0077: root's alone; 0022: others may
 * read). Errors as above.
 */
MUST_USE enum err trusted_open(const char *path, mode_t forbidden, int *ret);

#endif
