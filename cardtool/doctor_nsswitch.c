/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "words.h"

#define PATH_NSSWITCH "/etc/nsswitch.conf"
#define SLOW_MS 500

/* They answer from this machine, or from a cache that answers while the centre is away. */
static const char *const steady[] = { "files", "compat", "systemd", "sss", "db", "altfiles", "extrausers" };

static const char *const databases[] = { "passwd", "group", "shadow" };

static bool is_steady(const char *source)
{
	for (size_t i = 0; i < sizeof(steady) / sizeof(steady[0]); i++)
		if (strcmp(steady[i], source) == 0)
			return true;
	return false;
}

/* "passwd: files ldap [NOTFOUND=return]": what stands between brackets are no sources. */
static void look_at_line(struct doctor *d, const char *database, char *sources, unsigned number)
{
	char *save = NULL;
	bool files = false, bracket = false;
	const struct doctor_mark mark = { .finding = "source", .file = PATH_NSSWITCH, .line = number };

	for (char *word = strtok_r(sources, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
		bool inside = bracket || word[0] == '[';

		if (inside) {
			bracket = strchr(word, ']') == NULL;
			continue;
		}
		files |= strcmp(word, "files") == 0 || strcmp(word, "compat") == 0;
		if (!is_steady(word))
			doctor_find(
				d, DOCTOR_WARNING, &mark,
				_("put a cache before it (sssd: `sss`), and `files` first, so that a centre that does not answer stops no login"),
				_("%s comes from %s, which may not answer: logins wait, and may be refused"), database, word);
	}
	if (!files)
		doctor_find(d, DOCTOR_ERROR, &mark, _("write `files` first in this line"),
			    _("%s lacks `files`: root and the system users of cardmfa can't be found"), database);
}

static void look_at_file(struct doctor *d, FILE *f)
{
	char line[512];

	for (unsigned number = 1; fgets(line, sizeof(line), f); number++) {
		char *name = line + strspn(line, " \t");
		char *colon = strchr(name, ':');

		line[strcspn(line, "#\n")] = '\0';
		if (!*name || !colon || colon >= line + strlen(line))
			continue;
		*colon = '\0';
		name[strcspn(name, " \t")] = '\0';
		for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
			if (strcmp(databases[i], name) == 0)
				look_at_line(d, name, colon + 1, number);
	}
}

void doctor_nsswitch(struct doctor *d)
{
	FILE *f = fopen(PATH_NSSWITCH, "re");
	int64_t ms = doctor_facts(d)->lookup_ms;

	if (f) {
		look_at_file(d, f);
		fclose(f);
	}
	if (ms < 0)
		doctor_find(d, DOCTOR_ERROR, &(struct doctor_mark){ .finding = "stalled" },
			    _("see which source in /etc/nsswitch.conf it is: `getent -s SOURCE passwd NAME`, the same with `group`"),
			    _("looking up accounts and groups does not end, or fails: logins would stall"));
	else if (ms > SLOW_MS)
		doctor_find(d, DOCTOR_WARNING, &(struct doctor_mark){ .finding = "slow" },
			    _("see which source in /etc/nsswitch.conf it is: `getent -s SOURCE passwd NAME`, the same with `group`"),
			    _("looking up an account takes %lld ms"), (long long)ms);
	else
		doctor_say(d, DOCTOR_OK, NULL, _("accounts and groups are looked up at once"));
}
