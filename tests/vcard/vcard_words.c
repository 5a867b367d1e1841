/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WAIT_MS 5000

struct request {
	struct vserver *s;
	struct vctl_client *client;
	char **args;			/* behind the word */
	int n;
	struct vbuf *out;
};

static bool __attribute__((format(printf, 3, 4)))
say(struct request *r, bool ok, const char *format, ...)
{
	char text[4200];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	vbuf_add(r->out, text, len > 0 && len < (int)sizeof(text) ? (size_t)len : 0);
	return ok;
}

static const char *yes(bool b)
{
	return b ? "yes" : "no";
}

static bool is_reset(const struct request *r)
{
	return r->n && !strcmp(r->args[0], "reset");
}

static bool do_insert(struct request *r)
{
	vserver_insert(r->s);
	return true;
}

static bool do_remove(struct request *r)
{
	vserver_remove(r->s);
	return true;
}

static bool do_swap(struct request *r)
{
	return vserver_swap(r->s, r->args[0], true) || say(r, false, "not a card's state");
}

static bool do_wait(struct request *r)
{
	static const struct {
		const char *word;
		enum vctl_wait_for what;
		int values;
	} events[] = {
		{ "powered", VCTL_POWERED, 0 },
		{ "removed", VCTL_REMOVED, 0 },
		{ "stalled", VCTL_STALLED, 0 },
		{ "seen",    VCTL_SEEN,    2 },
	};
	struct vctl_client *k = r->client;
	size_t i = 0;
	int at;
	long ms;

	while (i < COUNT(events) && strcmp(events[i].word, r->args[0]))
		i++;
	if (i == COUNT(events))
		return say(r, false, "wait powered|removed|stalled|seen");
	if (events[i].what == VCTL_SEEN &&
	    (r->n < 2 || !vtarget_parse(r->args[1], &k->target) || k->target.ins >= 0))
		return say(r, false, "wait seen NAME [N] [MS]");
	at = 1 + events[i].values;
	k->count = events[i].values && r->n > 2 ? (unsigned int)atoi(r->args[2]) : 1;
	ms = r->n > at ? atol(r->args[at]) : WAIT_MS;
	k->waits = events[i].what;
	k->deadline = vtime_now() + ms * 1000LL;
	return true;
}

static bool do_count(struct request *r)
{
	if (is_reset(r))
		vlog_reset_counts(&r->s->log);
	else
		vlog_counts(&r->s->log, r->out);
	return true;
}

static bool do_log(struct request *r)
{
	if (is_reset(r))
		r->s->log.count = 0;
	else
		vlog_text(&r->s->log, r->out);
	return true;
}

static bool do_tries(struct request *r)
{
	const struct vcard *c = &r->s->card;

	return say(r, true, "pin=%d puk=%d max=%d", c->pin.left, c->puk.left, c->kind->tries);
}

static bool do_set_tries(struct request *r)
{
	struct vcard *c = &r->s->card;
	int pin = atoi(r->args[0]);
	int puk = r->n > 1 ? atoi(r->args[1]) : c->puk.left;

	if (pin < 0 || pin > 15 || puk < 0 || puk > 15)
		return say(r, false, "0 to 15");
	c->pin.left = pin;
	c->puk.left = puk;
	return vcard_save(c);
}

static bool do_verified(struct request *r)
{
	return say(r, true, "%s", yes(r->s->piv.verified));
}

static bool do_selected(struct request *r)
{
	return say(r, true, "%s", yes(r->s->piv.selected));
}

static bool do_resets(struct request *r)
{
	const unsigned int *n = r->s->log.events;

	return say(r, true, "resets=%u power=%u off=%u", n[VLOG_RESET], n[VLOG_POWER_ON],
		   n[VLOG_POWER_OFF]);
}

static bool do_status(struct request *r)
{
	const struct vserver *s = r->s;

	return say(r, true,
		   "inserted=%s connected=%s powered=%s stalled=%s timing=%s kind=%s state=%s",
		   yes(s->inserted), yes(s->link.up), yes(s->powered), yes(vserver_stalled(s)),
		   yes(s->timing), s->card.kind->name, s->card.path);
}

/* The words of a text that had spaces in it, joined again. */
static bool join_text(const struct request *r, struct vbuf *ret)
{
	VBUF_AUTO joined = { 0 };

	for (int i = 0; i < r->n; i++) {
		vbuf_add(&joined, " ", i ? 1 : 0);
		vbuf_add(&joined, r->args[i], strlen(r->args[i]));
	}
	vbuf_byte(&joined, 0);
	return vtext_unescape((const char *)joined.data, ret);
}

static bool do_cn(struct request *r)
{
	struct vcard *c = &r->s->card;

	return (join_text(r, &c->cn) && vcard_reissue(c) && vcard_save(c)) ||
	       say(r, false, "not issued");
}

static bool do_label(struct request *r)
{
	struct vcard *c = &r->s->card;

	return (join_text(r, &c->label) && vcard_save(c)) || say(r, false, "not set");
}

static bool do_not_after(struct request *r)
{
	struct vcard *c = &r->s->card;

	if (strlen(r->args[0]) != 8)
		return say(r, false, "YYYYMMDD");
	memcpy(c->not_after, r->args[0], 9);
	return (vcard_reissue(c) && vcard_save(c)) || say(r, false, "not issued");
}

static bool do_record(struct request *r)
{
	bool off = !strcmp(r->args[0], "off");

	return vlog_record_to(&r->s->log, off ? NULL : r->args[0]) ||
	       say(r, false, "cannot write it");
}

static bool do_timing(struct request *r)
{
	r->s->timing = !strcmp(r->args[0], "on");
	return r->s->timing || !strcmp(r->args[0], "off") || say(r, false, "timing on|off");
}

static bool do_fault(struct request *r)
{
	const char *why = "";

	if (!strcmp(r->args[0], "clear")) {
		vserver_clear_faults(r->s);
		return true;
	}
	if (!strcmp(r->args[0], "list")) {
		vfault_list(&r->s->faults, r->out);
		return true;
	}
	return vfault_arm(&r->s->faults, &r->s->card, r->args, r->n, &why) ||
	       say(r, false, "%s", why);
}

static bool do_quit(struct request *r)
{
	r->s->quit = true;
	return true;
}

/* clang-format off */
static const struct {
	const char *word;
	const char *args;
	int least, most;
	bool (*run)(struct request *r);
	const char *help;
} words[] = {
	{ "insert",     "",                0,  0, do_insert,
	  "connect to vpcd" },
	{ "remove",     "",                0,  0, do_remove,
	  "leave it: the card is pulled" },
	{ "swap",       "FILE",            1,  1, do_swap,
	  "another card is put in" },
	{ "wait",       "EVENT [MS]",      1,  4, do_wait,
	  "powered, removed, stalled, or: seen NAME [N] (5000 ms)" },
	{ "count",      "[reset]",         0,  1, do_count,
	  "APDUs by name, resets" },
	{ "log",        "[reset]",         0,  1, do_log,
	  "NAME,CLA INS P1 P2,LC,RLEN,SW of each APDU; RESET, POWERON, POWEROFF" },
	{ "tries",      "",                0,  0, do_tries,
	  "left of PIN and PUK, and the most" },
	{ "set-tries",  "PIN [PUK]",       1,  2, do_set_tries,
	  "sets what is left" },
	{ "verified",   "",                0,  0, do_verified,
	  "is the PIN verified now: yes or no" },
	{ "selected",   "",                0,  0, do_selected,
	  "is PIV selected: yes or no" },
	{ "resets",     "",                0,  0, do_resets,
	  "resets and power events since count reset" },
	{ "reset-seen", "",                0,  0, do_resets,
	  "the same" },
	{ "status",     "",                0,  0, do_status,
	  "of the card and its line" },
	{ "cn",         "TEXT",            1, 16, do_cn,
	  "issues the certificates anew; \\xNN escapes" },
	{ "not-after",  "YYYYMMDD",        1,  1, do_not_after,
	  "issues the certificates anew" },
	{ "label",      "TEXT",            1, 16, do_label,
	  "label in SELECT's answer; \\xNN escapes" },
	{ "record",     "FILE|off",        1,  1, do_record,
	  "writes each exchange, for fault replay" },
	{ "timing",     "on|off",          1,  1, do_timing,
	  "as slow as a contact card" },
	{ "fault",      "NAME [ARGS] [nth=N] [times=N]", 1,  8, do_fault,
	  "misbehave; fault clear, fault list" },
	{ "quit",       "",                0,  0, do_quit,
	  "end" },
};
/* clang-format on */

bool vwords_run(struct vserver *s, struct vctl_client *client, char **line, int n, struct vbuf *out)
{
	struct request r = { .s = s, .client = client, .args = line + 1, .n = n - 1, .out = out };

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i].word, line[0]))
			continue;
		if (r.n < words[i].least || r.n > words[i].most)
			return say(&r, false, "%s %s", words[i].word, words[i].args);
		return words[i].run(&r);
	}
	return say(&r, false, "no such command");
}

void vctl_help(void)
{
	for (size_t i = 0; i < COUNT(words); i++)
		printf("  %-10s %-30s %s\n", words[i].word, words[i].args, words[i].help);
}
