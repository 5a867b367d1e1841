/* SPDX-License-Identifier: Apache-2.0 */
#include "when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"

/* %H:%M alone stands for today; the others name their day. */
static const struct {
	const char *format;
	bool whole_day;
} formats[] = {
	{ "%H:%M", false },
	{ "%Y-%m-%d", true },
	{ "%Y-%m-%dT%H:%M", false },
	{ "%Y-%m-%d %H:%M", false },
};

#define LENGTH_MAX (INT64_C(100) * 366 * 86400)

/* mktime(3) turns the 31st of April into the 1st of May: that would be a guess. */
static bool to_seconds(struct tm tm, int64_t *ret)
{
	struct tm asked = tm;

	tm.tm_isdst = -1;

	time_t t = mktime(&tm);

	if (tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon ||
	    tm.tm_hour != asked.tm_hour || tm.tm_min != asked.tm_min || t <= 0)
		return false;
	*ret = (int64_t)t;
	return true;
}

static bool parse(const char *typed, int64_t now, bool at_its_end, int64_t *ret)
{
	time_t t = (time_t)now;
	struct tm today;

	if (!localtime_r(&t, &today))
		return false;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = { .tm_year = today.tm_year,
				 .tm_mon = today.tm_mon,
				 .tm_mday = today.tm_mday };
		const char *end = strptime(typed, formats[i].format, &tm);

		if (!end || *end)
			continue;
		if (formats[i].whole_day && at_its_end) {
			tm.tm_hour = 23;
			tm.tm_min = tm.tm_sec = 59;
		}
		return to_seconds(tm, ret);
	}
	return false;
}

/* A number alone is no length: nobody who types 30 means seconds. */
static bool parse_length(const char *typed, int64_t *ret)
{
	return typed[strspn(typed, "0123456789")] && text_to_seconds(typed, 1, LENGTH_MAX, ret);
}

static bool parse_back(const char *typed, int64_t now, bool at_its_end, int64_t *ret)
{
	int64_t seconds;

	if (!parse_length(typed, &seconds))
		return parse(typed, now, at_its_end, ret);
	*ret = now > seconds ? now - seconds : 1;
	return true;
}

bool when_parse(const char *typed, int64_t now, int64_t *ret)
{
	return parse(typed, now, false, ret);
}

bool when_parse_since(const char *typed, int64_t now, int64_t *ret)
{
	return parse_back(typed, now, false, ret);
}

bool when_parse_until(const char *typed, int64_t now, int64_t *ret)
{
	return parse_back(typed, now, true, ret);
}

bool when_parse_ahead(const char *typed, int64_t now, int64_t *ret)
{
	int64_t seconds;

	if (!parse_length(typed, &seconds))
		return parse(typed, now, true, ret);
	*ret = now + seconds;
	return true;
}

bool when_parse_utc(const char *text, int64_t *ret)
{
	struct tm tm = { .tm_year = 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	int64_t at = end && !*end ? (int64_t)timegm(&tm) : 0;
	char again[32];

	/* strptime(3) skips blanks and zeros, timegm(3) makes the 31st of April the 1st of May. */
	if (!end || *end || strcmp(text_utc_time(again, sizeof(again), at), text) != 0)
		return false;
	*ret = at;
	return true;
}

const char *when_clock(char *dst, unsigned size, int64_t real_s)
{
	time_t t = (time_t)real_s;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(dst, size, "%H:%M:%S", &tm))
		snprintf(dst, size, "-");
	return dst;
}
