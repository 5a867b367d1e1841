/* SPDX-License-Identifier: Apache-2.0 */
/* PC/SC behind the transport interface; the only user of winscard.h. */
#ifndef CARDMFA_PCSC_H
#define CARDMFA_PCSC_H

#include <stddef.h>

#include "transport.h"

/*
 * Splits what SCardListReaders brought: NUL-ended names, an empty one at the end. Names that do not fit
 * CARD_READER_SIZE and one without its NUL are left out. Returns how many of at most CARD_READERS_MAX.
 */
size_t pcsc_split_names(const char *list, size_t len, char (*names)[CARD_READER_SIZE]);

/* A code of winscard.h as the transport's. */
enum io pcsc_io(long code);

#endif
