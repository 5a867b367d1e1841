/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon told in records (WIRE_STATUS, WIRE_EXPLAIN), kept until it is shown. */
#ifndef CARDMFA_TOLD_H
#define CARDMFA_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "cardtool.h"
#include "wire.h"

#define TOLD_MAX 64             /* of each kind: as many as the daemon tells */

struct told {
	bool known;             /* person is there */
	struct wire_person person;
	struct wire_place place;
	size_t n_cards, n_counts, n_classes, n_ways;
	struct wire_card cards[TOLD_MAX];
	struct wire_count counts[TOLD_MAX];
	struct wire_class classes[TOLD_MAX];
	struct wire_way ways[TOLD_MAX];
	struct wire_event event;        /* seq 0: none */
};

/* Out of memory ends the program. */
struct told *told_new(void);
void told_free(struct told **t);

/* ERR_PROTOCOL: more than one person, or more than TOLD_MAX of a kind. */
MUST_USE enum err told_keep(struct told *t, const struct wire_record *r);

/* Names of states in words; one that this version does not know stays as it is. */
const char *told_card_state(const struct wire_card *c);
const char *told_person_state(const struct wire_person *p);
/* "at this machine", "over the network", "session of taro" for who ran su or sudo. */
#define TOLD_ORIGIN_SIZE 96
const char *told_origin(char dst[TOLD_ORIGIN_SIZE], const char *origin);
/* "2026-11-20 08:31 (tty1)" */
const char *told_moment(char *dst, size_t size, int64_t at, const char *from);

json_t *told_cards_json(const struct told *t);
json_t *told_counts_json(const struct told *t);

/* Says that the daemon is of an older version than this tool. */
enum exit_code told_older(void);

#endif
