/* SPDX-License-Identifier: Apache-2.0 */
#include "login_name.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>

#include "text.h"

/* A log of a year has thousands of lines of a few people: the source of names may be a server. */
#define KEPT 16

const char *login_name(int64_t uid)
{
	static struct {
		bool used;
		int64_t uid;
		char name[LOGIN_NAME_SIZE];
	} kept[KEPT];
	static size_t oldest;
	const struct passwd *pw;
	size_t i = oldest;

	for (size_t k = 0; k < KEPT; k++)
		if (kept[k].used && kept[k].uid == uid)
			return kept[k].name;
	pw = uid >= 0 && uid < UINT32_MAX ? getpwuid((uid_t)uid) : NULL;
	if (!pw || !text_copy(kept[i].name, sizeof(kept[i].name), pw->pw_name))
		snprintf(kept[i].name, sizeof(kept[i].name), "uid %" PRId64, uid);
	kept[i].used = true;
	kept[i].uid = uid;
	oldest = (oldest + 1) % KEPT;
	return kept[i].name;
}
