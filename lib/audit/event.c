/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MUST: write the store's row and the journal's fields from the same escaped values; let no value
 * end a field, a line or a JSON string. MUST NOT: fail or wait long because of the journal.
 */
#include "event.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "clock.h"
#include "log.h"
#include "text.h"

#define FIELDS_MAX 8
#define VALUE_MAX 200           /* bytes of an escaped value */
#define NAME_MAX_LEN 32
#define MESSAGE_SIZE 4096
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_WAIT_MS 200

/*
 * One fixed identifier for each kind of event: what `journalctl MESSAGE_ID=` finds. Never reused,
 * never changed.
 */
#define ID_LOGIN          "84ad5545282a4a8f97cf61923cd82def"
#define ID_ACCOUNT        "cc83fac4478340ee8d6b7e7cb4897db3"
#define ID_SESSION_OPEN   "7e1a470db7bf4480aa032962daea072a"
#define ID_SESSION_CLOSE  "f250c08bd279437cad405527acb6fc4b"
#define ID_LOCKOUT        "2d8dfd4374624059a9dac622a8325575"
#define ID_CARD_ENROL     "a5c0cf1986bd44199fb93b6c8e1317e1"
#define ID_CARD_SUSPEND   "607ca667d9a041b5bf18278284ba29d7"
#define ID_CARD_RESUME    "38668674a6394fd3b82a6335ae022e1a"
#define ID_CARD_REVOKE    "fb23b512ef9247e0ae8cfd5c74854f82"
#define ID_PERSON_ADD     "0b99d128ae8145c59fbf09f73b5a845c"
#define ID_PERSON_CHANGE  "dd8ddf29625441c4afc8dd2cc5949c77"
#define ID_PERSON_REMOVE  "b01f85c967d34396bd4f409493f81108"
#define ID_TOTP_ENROL     "ee4feea7a2e84421a72eb2b53ddebacb"
#define ID_TOTP_REMOVE    "2d8db9d2583b42ecb3ba70a2d5dc5248"
#define ID_PASSWORD_SET   "2e52e8b6c2d9412da8af6ab84b3b5618"
#define ID_UNLOCK         "561f709d20044a9d899860bf527dd248"
#define ID_PIN_TRY        "6c0539b256514b8a972c1361e86a159b"
#define ID_STORE_CREATED  "310135fc78c24e489bb73b423bb34e0d"
#define ID_STORE_FULL     "e7a8cae69cd346158e7e7ef2313db25a"
#define ID_CONFIG_BROKEN  "da060da5396847f59c6fa6321f0036c3"
#define ID_CONFIG_LOADED  "a0c89be6d7214cd28d339d7afaf4dbe5"
#define ID_PERSON_LOST    "c7b83e7d4a5b46508e92e99644508228"

static const struct kind {
	const char *name;
	int level_ok, level_bad;
	const char *message_id;
} kinds[EVENT_N] = {
#define X(symbol, name, ok, bad, text) [EVENT_##symbol] = { name, ok, bad, ID_##symbol },
	EVENT_LIST(X)
#undef X
};

/* What an event says, escaped and checked. Fixed fields are those of the row. */
struct prepared {
	const struct kind *kind;
	int level;
	struct event_row row;
	size_t n;
	struct {
		const char *name;
		char value[VALUE_MAX + 1];
	} fields[FIELDS_MAX];
};

const char *event_name(enum event_type type)
{
	return type > EVENT_NONE && type < EVENT_N ? kinds[type].name : "unknown";
}

/* -- preparing -- */

/* The store's texts neither begin nor end with a blank. */
static void escape(char *dst, size_t size, const char *src)
{
	size_t len = strlen(text_escape(dst, size, src != NULL ? src : ""));

	if (len == 0)
		return;
	if (dst[0] == ' ')
		dst[0] = '_';
	if (dst[len - 1] == ' ')
		dst[len - 1] = '_';
}

static bool is_own_name(const char *name)
{
	static const char *const own[] = {
		"event", "seq", "result", "person", "card", "actor", "service", "origin", "address",
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(own[i], name) == 0)
			return true;
	return false;
}

static bool is_field_name(const struct prepared *p, const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || strspn(name, "abcdefghijklmnopqrstuvwxyz_") != len)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->fields[i].name, name) == 0)
			return false;
	return !is_own_name(name);
}

static enum err prepare_fields(const struct event *e, struct prepared *p)
{
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		const struct event_field *f = &e->fields[i];

		if (f->name == NULL)
			continue;
		if (!is_field_name(p, f->name))
			return fail(ERR_INVALID, "event %s: \"%s\" can't name a field",
				    p->kind->name, f->name);
		if (f->value == NULL || *f->value == '\0')
			continue;
		p->fields[p->n].name = f->name;
		escape(p->fields[p->n].value, sizeof(p->fields[p->n].value), f->value);
		p->n++;
	}
	return ERR_OK;
}

static enum err prepare(const struct event *e, struct prepared *p)
{
	struct event_row *row = &p->row;
	const char *person = e->person != NULL ? e->person : "";
	const char *card = e->card != NULL ? e->card : "";

	if (e->type <= EVENT_NONE || e->type >= EVENT_N)
		return fail(ERR_INVALID, "event %d is unknown", (int)e->type);
	*p = (struct prepared){
		.kind = &kinds[e->type], .row = { .at = clock_real_s(), .actor = e->actor },
	};
	p->level = e->result == ERR_OK ? p->kind->level_ok : p->kind->level_bad;
	if (!text_copy(row->type, sizeof(row->type), p->kind->name) ||
	    !text_copy(row->result, sizeof(row->result), err_name(e->result)))
		return fail(ERR_INVALID, "event %s: its name or result is too long", p->kind->name);
	if ((*person != '\0' && !text_is_login(person)) ||
	    !text_copy(row->person, sizeof(row->person), person))
		return fail(ERR_INVALID, "event %s: the person is not a login name", p->kind->name);
	if (!text_copy(row->card, sizeof(row->card), card))
		return fail(ERR_INVALID, "event %s: the card is no identifier", p->kind->name);
	escape(row->service, sizeof(row->service), e->service);
	escape(row->origin, sizeof(row->origin), e->origin);
	escape(row->address, sizeof(row->address), e->address);
	return prepare_fields(e, p);
}

/* -- the store's row -- */

static void drop_json(json_t **j)
{
	json_decref(*j);
}

/* Values cut to `max` bytes, on top of what escape() did. */
static enum err write_detail(const struct prepared *p, size_t max, char *dst, size_t size,
			     bool *fits)
{
	json_t *object __attribute__((cleanup(drop_json))) = json_object();
	size_t len;

	if (object == NULL)
		return fail(ERR_MEMORY, "event %s", p->kind->name);
	for (size_t i = 0; i < p->n; i++) {
		char value[VALUE_MAX + 1];
		json_t *text = json_string(text_escape(value, max + 1, p->fields[i].value));

		if (json_object_set_new(object, p->fields[i].name, text) != 0)
			return fail(ERR_MEMORY, "event %s: field %s", p->kind->name,
				    p->fields[i].name);
	}
	len = json_dumpb(object, dst, size, JSON_COMPACT | JSON_SORT_KEYS);
	if (len == 0)
		return fail(ERR_MEMORY, "event %s: its fields can't be written", p->kind->name);
	*fits = len < size;
	if (*fits)
		dst[len] = '\0';
	return ERR_OK;
}

/* Quotes and backslashes double in JSON: values are cut further rather than a record refused. */
static enum err fill_detail(struct prepared *p)
{
	bool fits = false;

	for (size_t max = VALUE_MAX; !fits && max >= VALUE_MAX / 8; max /= 2) {
		enum err e = write_detail(p, max, p->row.detail, sizeof(p->row.detail), &fits);

		if (e != ERR_OK)
			return e;
	}
	return fits ? ERR_OK : fail(ERR_INVALID, "event %s: its fields do not fit", p->kind->name);
}

enum err event_record(struct store *s, const struct event *e, int64_t *seq)
{
	struct prepared p;
	enum err result = prepare(e, &p);

	if (result == ERR_OK)
		result = fill_detail(&p);
	if (result == ERR_OK)
		result = store_event_add(s, &p.row);
	if (result == ERR_OK)
		*seq = p.row.seq;
	return result;
}

/* -- the journal -- */

/* One entry in the making. What does not fit is left out: the row is the record. */
struct entry {
	size_t n, used, message_len;
	struct iovec iov[16 + FIELDS_MAX];
	char message[MESSAGE_SIZE];
	char text[2 * MESSAGE_SIZE];
};

static void add_field(struct entry *j, const char *name, const char *value)
{
	char *at = j->text + j->used;
	const size_t room = sizeof(j->text) - j->used;
	const int len = snprintf(at, room, "%s=%s", name, value);

	if (len < 0 || (size_t)len >= room || j->n == sizeof(j->iov) / sizeof(j->iov[0]))
		return;
	j->iov[j->n++] = (struct iovec){ at, (size_t)len };
	j->used += (size_t)len + 1;
}

/* " name=value" of the line. */
static void add_word(struct entry *j, const char *name, const char *value)
{
	char quoted[TEXT_WORD_SIZE(VALUE_MAX + 1)], word[NAME_MAX_LEN + sizeof(quoted) + 2];
	const size_t n = (size_t)snprintf(word, sizeof(word), " %s=%s", name, text_word(quoted, sizeof(quoted), value));

	if (j->message_len + n >= sizeof(j->message))
		return;
	memcpy(j->message + j->message_len, word, n + 1);
	j->message_len += n;
}

static void add_both(struct entry *j, const char *name, const char *value)
{
	char journal_name[sizeof("CARDMFA_") + NAME_MAX_LEN] = "CARDMFA_";
	size_t n = strlen(journal_name);

	if (*value == '\0')
		return;
	add_word(j, name, value);
	for (const char *c = name; *c; c++)
		journal_name[n++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	journal_name[n] = '\0';
	add_field(j, journal_name, value);
}

static void add_number(struct entry *j, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	add_both(j, name, text);
}

static void fill_entry(struct entry *j, const struct prepared *p, int64_t seq)
{
	const struct event_row *row = &p->row;
	char priority[8];

	j->n = j->used = 0;
	j->message_len = (size_t)snprintf(j->message, sizeof(j->message), "%s %s", row->type,
					  row->result);
	add_both(j, "person", row->person);
	add_both(j, "card", row->card);
	add_both(j, "service", row->service);
	add_both(j, "origin", row->origin);
	add_both(j, "address", row->address);
	for (size_t i = 0; i < p->n; i++)
		add_both(j, p->fields[i].name, p->fields[i].value);
	if (row->actor >= 0)
		add_number(j, "actor", row->actor);
	add_number(j, "seq", seq);
	snprintf(priority, sizeof(priority), "%d", p->level);
	add_field(j, "PRIORITY", priority);
	add_field(j, "MESSAGE_ID", p->kind->message_id);
	add_field(j, "SYSLOG_IDENTIFIER", "cardmfa");
	add_field(j, "SYSLOG_FACILITY", "10");          /* authpriv */
	add_field(j, "CARDMFA_EVENT", row->type);
	add_field(j, "CARDMFA_RESULT", row->result);
	add_field(j, "MESSAGE", j->message);
}

/* libsystemd waits without end for a stuck journald: asked first, on a socket of our own. */
static bool journal_ready(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	bool ready;

	if (fd < 0)
		return false;
	ready = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		poll(&p, 1, JOURNAL_WAIT_MS) == 1 && (p.revents & POLLOUT) != 0;
	close(fd);
	return ready;
}

void event_publish(const struct event *e, int64_t seq)
{
	struct prepared p;
	struct entry j;

	if (prepare(e, &p) != ERR_OK)
		return;
	fill_entry(&j, &p, seq);
	if (!journal_ready() || sd_journal_sendv(j.iov, (int)j.n) < 0)
		log_line(p.level, "%s", j.message);
}

/* -- events that stand alone -- */

struct alone {
	const struct event *e;
	int64_t seq;
};

static enum err record_alone(struct store *s, void *arg)
{
	struct alone *a = arg;

	return event_record(s, a->e, &a->seq);
}

enum err event_alone(struct store *s, const struct event *e)
{
	struct alone a = { .e = e };
	enum err result = store_transaction(s, true, record_alone, &a);

	if (result == ERR_OK)
		event_publish(e, a.seq);
	return result;
}
