/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event whose words come from hosts and cards: type 1, result 2, flags 1 (what is there), then
 * person, card, service, origin, address, and pairs of a field's name and value, each up to a newline.
 */
#include <jansson.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "event.h"
#include "fuzz_db.h"
#include "text.h"

#define WORDS (5 + 2 * 8)

/* Instead of libsystemd's: nothing reaches a journal. One field an item, no second line in any. */
int sd_journal_sendv(const struct iovec *iov, int n)
{
	char text[16384];

	must(n > 0 && n <= 24);
	for (int i = 0; i < n; i++) {
		must(iov[i].iov_len < sizeof(text));
		memcpy(text, iov[i].iov_base, iov[i].iov_len);
		text[iov[i].iov_len] = '\0';
		must(strlen(text) == iov[i].iov_len && is_shown_safely(text));
		must(strchr(text, '=') != NULL && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") ==
							  (size_t)(strchr(text, '=') - text));
	}
	return 0;
}

static void line(int level, const char *text)
{
	(void)level;
	must(is_shown_safely(text) && strlen(text) <= 1000);
}

static const char *column(const struct db *db, const char *name)
{
	size_t at = 0;

	for (size_t i = 0; i < event_table.count; i++) {
		if (strcmp(event_table.columns[i].name, event_table.key) == 0)
			continue;
		if (strcmp(event_table.columns[i].name, name) == 0)
			return db->args[at].type == DB_TEXT ? db->args[at].bytes : "";
		at++;
	}
	must_failed(__FILE__, __LINE__, "a column of that name");
}

static void check_detail(const char *detail, const struct event *e)
{
	json_t *object = json_loads(detail, JSON_REJECT_DUPLICATES, NULL), *value;
	const char *name;

	must(json_is_object(object) && strlen(detail) < STORE_DETAIL_SIZE);
	json_object_foreach(object, name, value) {
		bool known = false;

		for (size_t i = 0; i < 8; i++)
			known = known || (e->fields[i].name && !strcmp(e->fields[i].name, name));
		must(known && json_is_string(value));
		must(json_string_length(value) <= 200 && is_shown_safely(json_string_value(value)));
	}
	json_decref(object);
}

static void check_row(const struct db *db, const struct event *e)
{
	static const char *const shown[] = { "service", "origin", "address", "detail", "type" };

	must(strcmp(column(db, "type"), event_name(e->type)) == 0);
	must(strcmp(column(db, "result"), err_name(e->result)) == 0);
	must(strcmp(column(db, "person"), e->person ? e->person : "") == 0);
	must(strcmp(column(db, "card"), e->card ? e->card : "") == 0);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		must(is_shown_safely(column(db, shown[i])));
	check_detail(column(db, "detail"), e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct db db;
	const struct db_value number = DB_ARG_INT(42);
	struct input in = fuzz_input(data, size);
	struct store s = { .db = &db, .dir = -1, .lock = -1, .in_transaction = true };
	struct event e = { .type = take_u8(&in) % (EVENT_N + 1), .result = err_from_number(take_u16(&in)) };
	uint8_t flags = take_u8(&in);
	char *words[WORDS];
	int64_t seq = -7;
	enum err result;

	for (size_t i = 0; i < WORDS; i++)
		words[i] = take_text(&in);
	e.actor = flags & 0x80 ? -1 : 1000;
	e.person = flags & 1 ? words[0] : NULL;
	e.card = flags & 2 ? words[1] : NULL;
	e.service = flags & 4 ? words[2] : NULL;
	e.origin = flags & 8 ? words[3] : NULL;
	e.address = flags & 16 ? words[4] : NULL;
	for (size_t i = 0; i < 8; i++)
		if (*words[5 + 2 * i])
			e.fields[i] = (struct event_field){ words[5 + 2 * i], words[6 + 2 * i] };
	db.n_rows = db.n_values = 1;
	db.rows[0] = &number;
	db.n_args = 0;
	log_set_sink(line);
	result = event_record(&s, &e, &seq);
	must(result == ERR_OK || result == ERR_INVALID);
	must(result == ERR_OK ? seq == 42 : seq == -7 && s.in_transaction);
	if (result == ERR_OK)
		check_row(&db, &e);
	event_publish(&e, 42);
	for (size_t i = 0; i < WORDS; i++)
		free(words[i]);
	return 0;
}
