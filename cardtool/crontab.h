/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of crontab(5). */
#ifndef CARDMFA_CRONTAB_H
#define CARDMFA_CRONTAB_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* The line is a job, not empty, a comment or a variable. user: NULL, or where its sixth field goes (/etc/crontab, /etc/cron.d). */
MUST_USE bool crontab_job(const char *line, char *user, size_t size);

#endif
