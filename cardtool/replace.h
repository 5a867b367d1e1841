/* SPDX-License-Identifier: Apache-2.0 */
/* A file that others read is there whole, as it was or as it is to be, whatever happens meanwhile. */
#ifndef CARDMFA_REPLACE_H
#define CARDMFA_REPLACE_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Made beside it under another name, written through to the disk, then renamed. ERR_SYSTEM: what was there still is. */
MUST_USE enum err replace_file(const char *path, const void *bytes, size_t len, mode_t mode);

#endif
