/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <errno.h>
#include <jansson.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "clock.h"
#include "rules.h"

#define JOURNAL "/run/systemd/journal/socket"
#define ENTRY_MAX 65536
#define HOSTILE \
	"x\nMESSAGE=forged\nCARDMFA_PERSON=root\r\x1b[2J\x01 person=root \"q\" \\ \xff\xe2\x80\xae%n%s"

static int journal = -1;        /* what journald would read from; -1: no namespace */
static char logged[4096];
static int logged_level;

static void keep_line(int level, const char *line)
{
	logged_level = level;
	snprintf(logged, sizeof(logged), "%s", line);
}

/* A journald of our own, under a /run of our own. */
static int open_journal(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL };
	int fd;

	if (!rules_own_mounts() || mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0 ||
	    mkdir("/run/systemd", 0755) != 0 ||
	    mkdir("/run/systemd/journal", 0755) != 0 || chmod("/run/systemd/journal", 0777) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(JOURNAL, 0666) != 0)
		return -1;
	return fd;
}

static int setup(void **state)
{
	char c;

	while (journal >= 0 && recv(journal, &c, 1, MSG_TRUNC) >= 0)
		;
	logged[0] = '\0';
	return rules_setup(state);
}

struct entry {
	size_t n;
	struct {
		char name[64], value[8192];
	} fields[64];
};

/* systemd's native protocol: "NAME=value\n", or "NAME\n", a length in 8 bytes, the value, "\n". */
static void parse(const char *text, size_t len, struct entry *ret)
{
	for (ret->n = 0; len > 0; ret->n++) {
		const char *line_end = memchr(text, '\n', len);
		const char *equal = memchr(text, '=', len);
		const char *value;
		size_t name_len, value_len, used;

		assert_non_null(line_end);
		assert_true(ret->n < 64);
		if (equal != NULL && equal < line_end) {
			name_len = (size_t)(equal - text);
			value = equal + 1;
			value_len = (size_t)(line_end - value);
			used = (size_t)(line_end - text) + 1;
		} else {
			uint64_t size = 0;

			name_len = (size_t)(line_end - text);
			memcpy(&size, line_end + 1, 8);
			value = line_end + 9;
			value_len = (size_t)size;
			used = name_len + 1 + 8 + value_len + 1;
		}
		assert_true(used <= len && name_len < 64 && value_len < 8192);
		memcpy(ret->fields[ret->n].name, text, name_len);
		ret->fields[ret->n].name[name_len] = '\0';
		memcpy(ret->fields[ret->n].value, value, value_len);
		ret->fields[ret->n].value[value_len] = '\0';
		text += used;
		len -= used;
	}
}

/* One datagram is one entry. */
static const struct entry *received(void)
{
	static char text[ENTRY_MAX];
	static struct entry e;
	ssize_t n = recv(journal, text, sizeof(text), 0);

	assert_true(n > 0);
	parse(text, (size_t)n, &e);
	return &e;
}

/* "" when there is none; a field that stands there twice is a failure. */
static const char *field(const struct entry *e, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < e->n; i++) {
		if (strcmp(e->fields[i].name, name) != 0)
			continue;
		assert_null(value);
		value = e->fields[i].value;
	}
	return value != NULL ? value : "";
}

static enum err keep_row(const struct event_row *row, void *arg)
{
	*(struct event_row *)arg = *row;
	return ERR_OK;
}

static struct event_row last_row(void)
{
	const struct event_filter newest = { .last = 1 };
	struct event_row row = { .seq = 0 };

	assert_int_equal(store_event_each(rules_store, &newest, keep_row, &row), ERR_OK);
	return row;
}

static enum err record(const struct event *e, int64_t *seq)
{
	enum err result;

	rules_begin();
	result = event_record(rules_store, e, seq);
	if (result == ERR_OK)
		rules_commit();
	else
		store_rollback(rules_store);
	return result;
}

/* -- the row -- */

static void every_event_has_a_name(void **state)
{
	(void)state;
	for (int i = EVENT_NONE + 1; i < EVENT_N; i++) {
		const char *name = event_name((enum event_type)i);

		assert_true(strlen(name) > 2);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (int j = EVENT_NONE + 1; j < i; j++)
			assert_string_not_equal(name, event_name((enum event_type)j));
	}
	assert_string_equal(event_name(EVENT_CARD_REVOKE), "card-revoke");
	assert_string_equal(event_name(EVENT_NONE), "unknown");
	assert_string_equal(event_name(EVENT_N), "unknown");
}

static void an_event_becomes_a_row(void **state)
{
	const struct event e = {
		.type = EVENT_CARD_REVOKE, .result = ERR_OK, .person = "taro", .card = "2345-678R",
			.actor = 1000,
		.service = "login", .origin = "local", .address = "192.0.2.1",
		.fields = { { "reason", "lost" }, { "by", "税務課 田中" }, { "a_b", "x" }, { "none",
			NULL }, { "empty", "" } },
	};
	struct event_row row;
	struct card_id id;
	struct event f = e;
	int64_t seq = 0;

	(void)state;
	assert_int_equal(card_id_make((const unsigned char[7]){ 1, 2, 3, 4, 5, 6, 7 }, &id),
			 ERR_OK);
	f.card = id.text;
	assert_int_equal(record(&f, &seq), ERR_OK);
	row = last_row();
	assert_true(seq > 0);
	assert_int_equal(row.seq, seq);
	assert_in_range(row.at, clock_real_s() - 60, clock_real_s());
	assert_string_equal(row.type, "card-revoke");
	assert_string_equal(row.result, "OK");
	assert_string_equal(row.person, "taro");
	assert_string_equal(row.card, id.text);
	assert_int_equal(row.actor, 1000);
	assert_string_equal(row.service, "login");
	assert_string_equal(row.origin, "local");
	assert_string_equal(row.address, "192.0.2.1");
	assert_string_equal(row.detail, "{\"a_b\":\"x\",\"by\":\"税務課 田中\",\"reason\":\"lost\"}");
}

static void an_empty_event_is_a_row(void **state)
{
	const struct event e = { .type = EVENT_STORE_CREATED, .result = ERR_STORE, .actor = -1 };
	struct event_row row;
	int64_t seq;

	(void)state;
	assert_int_equal(record(&e, &seq), ERR_OK);
	row = last_row();
	assert_string_equal(row.result, "STORE");
	assert_string_equal(row.detail, "{}");
	assert_string_equal(row.person, "");
	assert_int_equal(row.actor, -1);
}

static void bad_events_are_refused(void **state)
{
	static const struct event bad[] = {
		{ .type = EVENT_NONE }, { .type = EVENT_N }, { .type = (enum event_type)-1 },
		{ .type = EVENT_LOGIN, .person = "root addr=xyz.com" },
		{ .type = EVENT_LOGIN, .person = "taro\nroot" },
		{ .type = EVENT_LOGIN, .card = "2345-678R=forged" },
		{ .type = EVENT_LOGIN, .fields = { { "Reason", "x" } } },
		{ .type = EVENT_LOGIN, .fields = { { "", "x" } } },
		{ .type = EVENT_LOGIN, .fields = { { "a b", "x" } } },
		{ .type = EVENT_LOGIN, .fields = { { "a=b", "x" } } },
		{ .type = EVENT_LOGIN, .fields = { { "person", "root" } } },
		{ .type = EVENT_LOGIN, .fields = { { "seq", "1" } } },
		{ .type = EVENT_LOGIN, .fields = { { "twice", "1" }, { "twice", "2" } } },
		{ .type = EVENT_LOGIN, .fields = { { "a_name_that_is_much_longer_than_any",
			"1" } } },
	};
	int64_t seq = -5;
	char c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(record(&bad[i], &seq), ERR_INVALID);
		event_publish(&bad[i], 1);
		assert_ptr_equal(strstr(logged, "INVALID: "), logged);
		if (journal >= 0)
			assert_int_equal(recv(journal, &c, 1, 0), -1);
	}
	assert_int_equal(seq, -5);
	assert_int_equal(last_row().seq, 0);
	assert_int_equal(event_record(rules_store, &(struct event){ .type = EVENT_LOGIN,
				      .actor = -1 }, &seq), ERR_STORE);
}

/* Whatever comes in, a row is written and is good: the audit can't be silenced by strange input. */
static void no_string_silences_the_record(void **state)
{
	static const char *const strings[] = {
		HOSTILE, " ", "  both ends  ", "\"",
			"\\", "\\u0000", "{\"a\":1}", "%n%n%n", "\xf0\x9f\x98\x80",
		"\xe2\x80\xae", "$(id)", "'; DROP TABLE event; --", "-rf", "../../etc/passwd",
	};
	char quotes[1001], control[10001], wide[3001];
	struct event e = { .type = EVENT_LOGIN, .result = ERR_SECRET_WRONG, .actor = -1 };
	const char *extra[] = { quotes, control, wide };
	const size_t n = sizeof(strings) / sizeof(strings[0]);
	int64_t seq;

	(void)state;
	memset(quotes, '"', sizeof(quotes) - 1);
	memset(control, '\n', sizeof(control) - 1);
	for (size_t i = 0; i + 3 < sizeof(wide); i += 3)
		memcpy(wide + i, "税", 3);
	quotes[1000] = control[10000] = wide[2998] = '\0';
	for (size_t i = 0; i < n + 3; i++) {
		static const char *const names[8] = { "a", "b", "c", "d", "e", "f", "g", "h" };
		const char *s = i < n ? strings[i] : extra[i - n];
		struct event_row row;
		json_t *detail;

		e.service = e.origin = e.address = s;
		for (size_t k = 0; k < 8; k++)
			e.fields[k] = (struct event_field){ names[k], s };
		assert_int_equal(record(&e, &seq), ERR_OK);
		row = last_row();
		assert_int_equal(row.seq, seq);
		detail = json_loads(row.detail, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(detail);
		assert_int_equal(json_object_size(detail), 8);
		assert_null(strpbrk(row.detail, "\n\r\x1b\x01"));
		json_decref(detail);
	}
	assert_int_equal(store_check(rules_store), ERR_OK);
}

/* -- the journal -- */

static void an_event_reaches_the_journal(void **state)
{
	const struct event e = {
		.type = EVENT_LOGIN, .result = ERR_OK, .person = "taro", .card = "7K2M-9QXD",
			.actor = 0,
		.service = "login", .origin = "local", .fields = { { "factors", "card,totp" },
			{ "note", "two words" } },
	};
	const struct entry *j;

	(void)state;
	if (journal < 0)
		skip();
	event_publish(&e, 12);
	j = received();
	assert_string_equal(field(j, "MESSAGE"),
			    "login OK person=taro card=7K2M-9QXD service=login origin=local "
			    "factors=card,totp note=\"two words\" actor=0 seq=12");
	assert_string_equal(field(j, "PRIORITY"), "5");
	assert_int_equal(strlen(field(j, "MESSAGE_ID")), 32);
	assert_int_equal(strspn(field(j, "MESSAGE_ID"), "0123456789abcdef"), 32);
	assert_string_equal(field(j, "SYSLOG_IDENTIFIER"), "cardmfa");
	assert_string_equal(field(j, "SYSLOG_FACILITY"), "10");
	assert_string_equal(field(j, "CARDMFA_EVENT"), "login");
	assert_string_equal(field(j, "CARDMFA_RESULT"), "OK");
	assert_string_equal(field(j, "CARDMFA_SEQ"), "12");
	assert_string_equal(field(j, "CARDMFA_PERSON"), "taro");
	assert_string_equal(field(j, "CARDMFA_CARD"), "7K2M-9QXD");
	assert_string_equal(field(j, "CARDMFA_ACTOR"), "0");
	assert_string_equal(field(j, "CARDMFA_SERVICE"), "login");
	assert_string_equal(field(j, "CARDMFA_ORIGIN"), "local");
	assert_string_equal(field(j, "CARDMFA_FACTORS"), "card,totp");
	assert_string_equal(field(j, "CARDMFA_NOTE"), "two words");
	assert_int_equal(j->n,
			 15);             /* no CODE_FILE, CODE_LINE, CODE_FUNC, CARDMFA_ADDRESS */
	assert_string_equal(logged, "");
}

static void message_ids_are_distinct(void **state)
{
	char ids[EVENT_N][33];

	(void)state;
	if (journal < 0)
		skip();
	for (int i = EVENT_NONE + 1; i < EVENT_N; i++) {
		const struct event e = { .type = (enum event_type)i, .result = ERR_OK,
			.actor = -1 };

		event_publish(&e, i);
		strcpy(ids[i], field(received(), "MESSAGE_ID"));
		assert_int_equal(strlen(ids[i]), 32);
		for (int j = EVENT_NONE + 1; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
}

/* What A95 asks of the journal: one entry, no field and no word of the line that is not ours. */
static void hostile_strings_forge_nothing(void **state)
{
	const struct event e = {
		.type = EVENT_LOGIN, .result = ERR_SECRET_WRONG, .person = "taro", .actor = -1,
			.service = HOSTILE,
		.origin = HOSTILE, .address = "192.0.2.1 person=root", .fields = { { "tty",
			HOSTILE }, { "rhost", "a\" b=\"c" } },
	};
	const struct entry *j;
	const char *message;
	char c;

	(void)state;
	if (journal < 0)
		skip();
	event_publish(&e, 3);
	j = received();
	assert_int_equal(recv(journal, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_string_equal(field(j, "CARDMFA_PERSON"), "taro");
	assert_string_equal(field(j, "CARDMFA_ADDRESS"), "192.0.2.1 person=root");
	for (size_t i = 0; i < j->n; i++) {
		const char *name = j->fields[i].name;

		assert_true(strncmp(name, "CARDMFA_", 8) == 0 || strncmp(name, "SYSLOG_", 7) == 0 ||
			    strcmp(name, "MESSAGE") == 0 || strcmp(name, "MESSAGE_ID") == 0 ||
				    strcmp(name, "PRIORITY") == 0);
		assert_null(strpbrk(j->fields[i].value, "\n\r\x1b\x01"));
	}
	message = field(j, "MESSAGE");
	assert_ptr_equal(strstr(message, "login SECRET_WRONG person=taro service=\""), message);
	assert_non_null(strstr(message, " address=\"192.0.2.1 person=root\" "));
	assert_non_null(strstr(message, " rhost=\"a\\\" b=\\\"c\" "));
	assert_null(strstr(message, "\xe2\x80\xae"));
}

static void without_a_journal_the_log_gets_the_line(void **state)
{
	const struct event e = { .type = EVENT_LOCKOUT, .result = ERR_LOCKED, .person = "taro",
		.actor = -1 };

	(void)state;
	if (journal >= 0)
		assert_int_equal(rename(JOURNAL, JOURNAL ".away"), 0);
	else if (access(JOURNAL, F_OK) == 0)
		skip();
	event_publish(&e, 4);
	assert_string_equal(logged, "lockout LOCKED person=taro seq=4");
	assert_int_equal(logged_level, LOG_WARNING);
	if (journal >= 0)
		assert_int_equal(rename(JOURNAL ".away", JOURNAL), 0);
}

/* A journald that takes nothing more. */
static void a_stuck_journal_is_not_waited_for(void **state)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL };
	const struct event e = { .type = EVENT_LOGIN, .result = ERR_OK, .person = "taro",
		.actor = -1 };
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t start;

	(void)state;
	if (journal < 0)
		skip();
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	while (send(fd, "x", 1, 0) == 1)
		;
	start = clock_boot_ms();
	event_publish(&e, 5);
	assert_in_range(clock_boot_ms() - start, 0, 2000);
	assert_string_equal(logged, "login OK person=taro seq=5");
	close(fd);
}

static void an_event_alone_is_recorded_and_published(void **state)
{
	const struct event e = { .type = EVENT_UNLOCK, .result = ERR_OK, .person = "taro",
		.actor = 0 };
	const struct event bad = { .type = EVENT_NONE };

	(void)state;
	assert_int_equal(event_alone(rules_store, &bad), ERR_INVALID);
	assert_int_equal(event_alone(rules_store, &e), ERR_OK);
	rules_reopen();
	assert_string_equal(last_row().type, "unlock");
	if (journal >= 0) {
		char seq[24];

		snprintf(seq, sizeof(seq), "%d", (int)last_row().seq);
		assert_string_equal(field(received(), "CARDMFA_SEQ"), seq);
	}
}

#define EVENT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, rules_teardown)

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(every_event_has_a_name),
		EVENT_TEST(an_event_becomes_a_row),
		EVENT_TEST(an_empty_event_is_a_row),
		EVENT_TEST(bad_events_are_refused),
		EVENT_TEST(no_string_silences_the_record),
		EVENT_TEST(an_event_reaches_the_journal),
		EVENT_TEST(message_ids_are_distinct),
		EVENT_TEST(hostile_strings_forge_nothing),
		EVENT_TEST(without_a_journal_the_log_gets_the_line),
		EVENT_TEST(a_stuck_journal_is_not_waited_for),
		EVENT_TEST(an_event_alone_is_recorded_and_published),
	};

	journal = open_journal();
	rules_drop_root();
	log_set_sink(keep_line);
	log_set_level(LOG_NOTICE);
	return cmocka_run_group_tests(list, NULL, NULL);
}
