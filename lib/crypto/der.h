/* SPDX-License-Identifier: Apache-2.0 */
/* The few forms of DER (X.690 section 10) that keys and signatures are made of. Strict: one value
 * has one encoding. Internal to lib/crypto. */
#ifndef CARDMFA_DER_H
#define CARDMFA_DER_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_SEQUENCE 0x30

struct span {
	const unsigned char *p;
	size_t len;
};

/* Takes one element of that tag off the front of *from; *ret is its content. False: another tag,
 * too short, length not minimal or above 65535. */
MUST_USE bool der_take(struct span *from, unsigned char tag, struct span *ret);

/* The same for an element that is all of `from`. */
MUST_USE bool der_whole(struct span from, unsigned char tag, struct span *ret);

/* INTEGER > 0 in minimal form; *ret is its magnitude without a leading 00. */
MUST_USE bool der_take_positive(struct span *from, struct span *ret);

#endif
