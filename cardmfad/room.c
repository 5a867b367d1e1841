/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"

#include "clock.h"

static bool asks_for_sshd(const struct daemon *d, bool root_socket, int64_t uid)
{
	return !root_socket && uid > 0 && uid == d->conf.keys_uid;
}

bool room_is_for_sshd(const struct daemon *d, const struct call *c)
{
	return asks_for_sshd(d, c->root_socket, c->uid);
}

static size_t count_for_sshd(const struct daemon *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_calls; i++)
		n += room_is_for_sshd(d, d->calls[i]);
	return n;
}

/* How many calls there are of ordinary users through one of the sockets, in all and of this uid. Who asks for sshd is none of them. */
static bool crowded(const struct daemon *d, bool root_socket, int64_t uid, size_t most, size_t most_of_uid)
{
	size_t all = 0, same = 0;

	for (size_t i = 0; i < d->n_calls; i++) {
		const struct call *c = d->calls[i];
		bool counts = c->root_socket == root_socket && c->uid != 0 && !room_is_for_sshd(d, c);

		all += counts;
		same += counts && c->uid == uid;
	}
	return all >= most || same >= most_of_uid;
}

/* Of all others' places so many are free, and more. */
static bool others_have(const struct daemon *d, size_t places)
{
	return d->n_calls - count_for_sshd(d) + places < BOUNDS_CALLS_OTHERS;
}

bool room_at(const struct daemon *d, bool root_socket)
{
	/* Through the user socket sshd's account may come, whatever others do. */
	return d->n_calls < BOUNDS_CALLS && (root_socket ? others_have(d, 0) : !deadline_left(d->turn));
}

/* Many people may begin a login at once: none of them waits for who stands at a prompt, and nobody there for them. */
bool room_for(const struct daemon *d, bool root_socket, int64_t uid)
{
	if (d->n_calls >= BOUNDS_CALLS)
		return false;
	if (asks_for_sshd(d, root_socket, uid))
		return count_for_sshd(d) < BOUNDS_CALLS_KEYS;
	if (root_socket || uid == 0)
		return others_have(d, 0);
	return others_have(d, BOUNDS_CALLS_ROOT) && !crowded(d, false, uid, BOUNDS_CALLS_USER, BOUNDS_CALLS_USER_UID);
}

bool room_for_su(const struct daemon *d, int64_t ruid)
{
	return !crowded(d, true, ruid, BOUNDS_CALLS_SU, BOUNDS_CALLS_SU_UID);
}

/* Silent, or of sshd's account and slower than any answer is. */
static bool gives_way(const struct call *c, bool for_sshd)
{
	return call_is_silent(c) || (for_sshd && c->worker && deadline_left(c->deadline) < CALL_KEYS_MS - CALL_FIRST_MS);
}

/* Of ordinary users, or of sshd's account, the one that ends first by itself. */
static struct call *first_to_go(const struct daemon *d, bool for_sshd)
{
	struct call *found = NULL;

	for (size_t i = 0; i < d->n_calls; i++) {
		struct call *c = d->calls[i];
		bool same = !c->root_socket && c->uid != 0 && room_is_for_sshd(d, c) == for_sshd;

		if (same && (!found || c->deadline < found->deadline) && gives_way(c, for_sshd))
			found = c;
	}
	return found;
}

static bool is_short(const struct daemon *d, bool root_socket, int64_t uid)
{
	if (asks_for_sshd(d, root_socket, uid))
		return count_for_sshd(d) >= BOUNDS_CALLS_KEYS;
	return !root_socket && uid != 0 && crowded(d, false, uid, BOUNDS_CALLS_USER, SIZE_MAX) &&
	       !crowded(d, false, uid, SIZE_MAX, BOUNDS_CALLS_USER_UID);
}

/*
 * A host speaks as soon as it is connected. Who only keeps places, and one person may have thousands of uids for that (subuid(5)), loses
 * them to who comes.
 */
struct call *room_taken_from(const struct daemon *d, bool root_socket, int64_t uid)
{
	return is_short(d, root_socket, uid) ? first_to_go(d, asks_for_sshd(d, root_socket, uid)) : NULL;
}
