/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration in use, as bytes: the listener never reads what they mean. A worker in check mode judges a
 * candidate; a good one is sealed in a memory file, which every later worker gets, and kept on disk as the last good one.
 */
#ifndef CARDMFA_CONF_FILE_H
#define CARDMFA_CONF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "spawn.h"

struct conf_file {
	int fd;                 /* sealed; -1: there is none, and every request is denied */
	bool fallback;          /* not the present file but the last good one */
	int64_t keys_uid;       /* who asks for sshd, by that configuration; -1: nobody */
};

/* Replaces *c by the present file if it is good; else keeps it, or at the start the last good one from the disk. Logs an alarm when it falls back. */
void conf_file_load(struct conf_file *c, const struct account *worker, const char *language);

#endif
