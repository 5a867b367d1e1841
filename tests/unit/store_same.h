/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the store compared member by member: what lies between the members is the compiler's. */
#ifndef CARDMFA_STORE_SAME_H
#define CARDMFA_STORE_SAME_H

#include <stddef.h>

#include "store.h"
#include "unit.h"

struct same_member {
	size_t at, size;
};

#define MEMBER(type, name) { offsetof(struct type, name), sizeof(((struct type *)NULL)->name) }
#define MOMENT(type, name) MEMBER(type, name.boot_id), MEMBER(type, name.boot_ms), MEMBER(type, name.real_s)

static const struct same_member person_members[] = {
	MEMBER(person, id), MEMBER(person, login), MEMBER(person, uid), MEMBER(person, staff_number), MEMBER(person, name),
	MEMBER(person, section), MEMBER(person, state), MEMBER(person, class_name), MEMBER(person, last_class),
	MEMBER(person, language), MEMBER(person, created_at), MEMBER(person, changed_at),
};
static const struct same_member card_row_members[] = {
	MEMBER(card_row, id), MEMBER(card_row, card_id), MEMBER(card_row, person), MEMBER(card_row, label),
	MEMBER(card_row, key_ref), MEMBER(card_row, algorithm), MEMBER(card_row, spki_len), MEMBER(card_row, spki),
	MEMBER(card_row, spki_sha256), MEMBER(card_row, has_guid), MEMBER(card_row, guid), MEMBER(card_row, pin_proved),
	MEMBER(card_row, state), MEMBER(card_row, reason), MEMBER(card_row, not_after), MEMBER(card_row, enrolled_at),
	MEMBER(card_row, changed_at), MEMBER(card_row, revoked_at), MEMBER(card_row, reported_at),
	MEMBER(card_row, last_used_at), MEMBER(card_row, reported_by),
};
static const struct same_member totp_row_members[] = {
	MEMBER(totp_row, person), MEMBER(totp_row, key_id), MEMBER(totp_row, sealed_len), MEMBER(totp_row, sealed),
	MEMBER(totp_row, algorithm), MEMBER(totp_row, digits), MEMBER(totp_row, period), MEMBER(totp_row, last_step),
	MEMBER(totp_row, created_at),
};
static const struct same_member password_row_members[] = {
	MEMBER(password_row, person), MEMBER(password_row, key_id), MEMBER(password_row, hash), MEMBER(password_row, set_at),
};
static const struct same_member bucket_row_members[] = {
	MEMBER(bucket_row, person), MEMBER(bucket_row, origin), MEMBER(bucket_row, failed), MOMENT(bucket_row, last),
};
static const struct same_member try_row_members[] = {
	MEMBER(try_row, id), MEMBER(try_row, person), MEMBER(try_row, origin), MEMBER(try_row, address), MEMBER(try_row, pid),
	MEMBER(try_row, start), MOMENT(try_row, at),
};
static const struct same_member login_stat_members[] = {
	MEMBER(login_stat, person), MEMBER(login_stat, last_at), MEMBER(login_stat, last_from), MEMBER(login_stat, failures),
	MEMBER(login_stat, failure_at), MEMBER(login_stat, failure_from),
};
static const struct same_member grant_row_members[] = {
	MEMBER(grant_row, id), MEMBER(grant_row, person), MEMBER(grant_row, card), MEMBER(grant_row, factors),
	MEMBER(grant_row, class_name), MEMBER(grant_row, service), MEMBER(grant_row, origin), MEMBER(grant_row, uid),
	MOMENT(grant_row, at), MEMBER(grant_row, audit_session), MEMBER(grant_row, logind_session),
	MEMBER(grant_row, host_pid), MEMBER(grant_row, host_start), MEMBER(grant_row, parent_pid),
	MEMBER(grant_row, parent_start), MEMBER(grant_row, through_root),
	MEMBER(grant_row, withdrawn), MEMBER(grant_row, used_at),
};
static const struct same_member session_row_members[] = {
	MEMBER(session_row, id), MEMBER(session_row, person), MEMBER(session_row, card), MEMBER(session_row, grant),
	MEMBER(session_row, service), MEMBER(session_row, tty), MEMBER(session_row, address), MOMENT(session_row, at),
	MEMBER(session_row, host_pid), MEMBER(session_row, host_start), MEMBER(session_row, logind_session),
	MEMBER(session_row, state), MEMBER(session_row, closed_at),
};
static const struct same_member event_row_members[] = {
	MEMBER(event_row, seq), MEMBER(event_row, at), MEMBER(event_row, type), MEMBER(event_row, result),
	MEMBER(event_row, person), MEMBER(event_row, card), MEMBER(event_row, actor), MEMBER(event_row, service),
	MEMBER(event_row, origin), MEMBER(event_row, address), MEMBER(event_row, detail),
};

/* A member that is missing above leaves a gap that is no padding. */
static inline void same_members(const void *a, const void *b, size_t size, const struct same_member *members, size_t n)
{
	size_t end = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(members[i].at >= end && members[i].at - end < sizeof(int64_t));
		assert_memory_equal((const char *)a + members[i].at, (const char *)b + members[i].at, members[i].size);
		end = members[i].at + members[i].size;
	}
	assert_true(size - end < sizeof(int64_t));
}

/* Two of one type. */
#define assert_same(type, a, b) \
	same_members(a, b, sizeof(struct type), type##_members, sizeof(type##_members) / sizeof(*type##_members))

#endif
