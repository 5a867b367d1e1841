/* SPDX-License-Identifier: Apache-2.0 */
#include "card_json.h"

#include "clock.h"
#include "lifecycle.h"
#include "output.h"

json_t *card_json(const struct card_row *c, const struct person *p)
{
	char sha[65], key[3];

	text_hex(sha, c->spki_sha256, sizeof(c->spki_sha256));
	text_hex(key, &(unsigned char){ (unsigned char)c->key_ref }, 1);
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:b, s:b, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o,"
			 " s:s}",
			 "card", c->card_id.text,
			 "user", p->login,
			 "staff_number", json_text(p->staff_number),
			 "label", json_text(c->label),
			 "state", card_state_name(c->state),
			 "reason", json_text(card_reason_name(c->reason)),
			 "usable", lifecycle_usable(c, clock_real_s()) == ERR_OK,
			 "expired", lifecycle_usable(c, clock_real_s()) == ERR_EXPIRED,
			 "key", key,
			 "algorithm", key_algorithm_name(c->algorithm),
			 "pin_proved", c->pin_proved,
			 "not_after", json_time(c->not_after),
			 "enrolled_at", json_time(c->enrolled_at),
			 "last_used_at", json_time(c->last_used_at),
			 "revoked_at", json_time(c->revoked_at),
			 "reported_at", json_time(c->reported_at),
			 "reported_by", json_text(c->reported_by),
			 "key_sha256", sha);
}

json_t *person_json(const struct person *p)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}",
			 "user", p->login,
			 "uid", (json_int_t)p->uid,
			 "staff_number", json_text(p->staff_number),
			 "name", json_text(p->name),
			 "section", json_text(p->section),
			 "state", person_state_name(p->state),
			 "class", json_text(p->class_name),
			 "language", json_text(p->language),
			 "created_at", json_time(p->created_at),
			 "changed_at", json_time(p->changed_at));
}
