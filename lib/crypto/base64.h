/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648 section 4 without padding; strict. Internal to lib/crypto. */
#ifndef CARDMFA_BASE64_H
#define CARDMFA_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define BASE64_LEN(n) (((n) * 4 + 2) / 3)       /* characters of n bytes */

/* Writes BASE64_LEN(len) characters, no NUL; returns that count. */
size_t base64_encode(char *dst, const unsigned char *src, size_t len);

/* Exactly len bytes from exactly BASE64_LEN(len) characters, left-over bits zero; false (dst wiped)
 * otherwise. */
MUST_USE bool base64_decode(unsigned char *dst, size_t len, const char *src);

#endif
