/* SPDX-License-Identifier: Apache-2.0 */
/* English log lines. Control characters, ESC and invalid UTF-8 are escaped as \xHH; 1000 bytes at most. */
#ifndef CARDMFA_LOG_H
#define CARDMFA_LOG_H

#include "error.h"

/* Levels are those of syslog(3): LOG_ALERT 1, LOG_ERR 3, LOG_WARNING 4, LOG_NOTICE 5, LOG_INFO 6, LOG_DEBUG 7. */
typedef void (*log_sink)(int level, const char *line);

/* Default sink: stderr as "program[pid]: line"; "<LEVEL>line" where JOURNAL_STREAM is set (the journal knows the rest). NULL silences. */
void log_set_sink(log_sink sink);

/* Lines above this level are dropped (default LOG_INFO). */
void log_set_level(int level);

/* Name before each line of the default sink; the pointer is kept. */
void log_set_program(const char *name);

/* One line at a syslog level. Untrusted text may stand in it: it is escaped as a whole. */
void log_line(int level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
