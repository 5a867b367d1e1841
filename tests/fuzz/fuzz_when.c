/* SPDX-License-Identifier: Apache-2.0 */
/* A time zone, then a point in time as somebody types it. */
#include <time.h>

#include "fuzz.h"
#include "text.h"
#include "when.h"

#define NOW INT64_C(1795000000)
#define NONE INT64_C(-7)

static void check_local(const char *typed)
{
	int64_t at = NONE, again = NONE, since = NONE, until = NONE, ahead = NONE;
	char text[32];
	bool is = when_parse(typed, NOW, &at);

	must(is ? at > 0 : at == NONE);
	if (is) {
		/* Whole minutes: what is shown names the same moment, or its twin of the hour that comes twice. */
		(void)text_local_time(text, sizeof(text), at);
		must(at >= INT64_C(253402300800) - 86400 ||
		     (when_parse(text, NOW, &again) && (again - at) % 3600 == 0 &&
		      again - at >= -3600 && again - at <= 3600));
	}
	must(when_parse_since(typed, NOW, &since) ? since > 0 : since == NONE);
	/* The same words, and not earlier. */
	must(when_parse_until(typed, NOW, &until) ? until >= since && until - since <= 86400 + 3600 : until == NONE);
	must(when_parse_ahead(typed, NOW, &ahead) ? ahead >= until : ahead == NONE);
	must(since == NONE || (until != NONE && ahead != NONE));
}

static void check_utc(const char *text)
{
	char again[32];
	int64_t at = NONE;

	if (when_parse_utc(text, &at))
		must(strcmp(text_utc_time(again, sizeof(again), at), text) == 0);
	else
		must(at == NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const zones[] = { "JST-9", "CET-1CEST,M3.5.0,M10.5.0/3", "UTC0", "EST5EDT,M3.2.0,M11.1.0" };
	struct input in = fuzz_input(data, size);
	uint8_t zone = take_u8(&in) % 4;
	char *typed = rest_text(&in);
	char shown[16];

	must(setenv("TZ", zones[zone], 1) == 0);
	tzset();
	check_local(typed);
	check_utc(typed);
	must(strlen(when_clock(shown, sizeof(shown), NOW)) == 8);
	free(typed);
	return 0;
}
