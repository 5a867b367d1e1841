/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file under inih. MUST refuse, before inih sees it, every line that inih would
 * cut, join to another or drop without a word: what the handler gets is the whole file or nothing.
 */
#ifndef CARDMFA_CONF_READER_H
#define CARDMFA_CONF_READER_H

#include <stddef.h>

#include "error.h"

/* Bytes before the newline: inih's buffer of 200 less "\r\n" and NUL (ini.h). */
#define CONF_LINE_MAX 197

/* Bytes of a section name or key that inih keeps (ini.c: MAX_SECTION, MAX_NAME). */
#define CONF_NAME_MAX 49

/* Both return ERR_OK or what conf_fault() returned; anything else ends the reading. */
struct conf_handler {
	/* Every header, in order, also that of a section without keys or named before. */
	enum err (*section)(const char *name, unsigned line, void *arg);
	/*
	 * `value` without inih's " ;" comment and outer blanks; may be empty. Never before a
	 * section.
	 */
	enum err (*setting)(const char *key, const char *value, unsigned line, void *arg);
};

/*
 * Reads the regular file fd from offset 0 to its end and hands it to the handler. ERR_CONFIG after
 * conf_fault(), ERR_MEMORY, or the handler's error. *ret_lines: lines read.
 */
MUST_USE enum err conf_read(int fd, const char *path, const struct conf_handler *handler, void *arg,
	unsigned *ret_lines);

/*
 * fail(ERR_CONFIG, "PATH:LINE: text"), without LINE when it is 0; control and bidi characters
 * escaped.
 */
enum err conf_fault(const char *path, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
