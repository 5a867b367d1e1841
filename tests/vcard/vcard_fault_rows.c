/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_fault_rows.h"

#include <stdlib.h>
#include <string.h>

#include "vcard_cert.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FLAG(member) offsetof(struct vquirks, member)
_Static_assert(FLAG(no_chuid) > 0, "offset 0 says that a row sets no flag");

static bool number_of(const char *text, int base, long most, long *ret)
{
	char *end;
	long n = strtol(text, &end, base);

	if (!*text || *end || n < 0 || n > most)
		return false;
	*ret = n;
	return true;
}

static void answer(struct vexchange *x, const struct vbuf *data, size_t fill, unsigned int sw)
{
	vbuf_clear(&x->resp);
	if (data)
		vbuf_add(&x->resp, data->data, data->len);
	vbuf_fill(&x->resp, 0xA5, fill);
	vbuf_byte(&x->resp, sw >> 8);
	vbuf_byte(&x->resp, sw);
	x->answered = true;
}

static bool arm_sw(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)fs, (void)card, (void)n;
	return number_of(args[0], 16, 0xFFFF, &f->number);
}

static void answer_sw(struct vfault *f, struct vexchange *x)
{
	answer(x, NULL, 0, (unsigned int)f->number);
}

static bool arm_hex(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)fs, (void)card, (void)n;
	return vhex_parse(args[0], &f->data);
}

static void answer_raw(struct vfault *f, struct vexchange *x)
{
	vbuf_copy(&x->resp, &f->data);
	x->answered = true;
}

static bool arm_length(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)fs, (void)card, (void)n;
	return number_of(args[0], 10, 65533, &f->number);
}

static void answer_long(struct vfault *f, struct vexchange *x)
{
	answer(x, NULL, (size_t)f->number, 0x9000);
}

static bool arm_endless(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args,
			int n)
{
	(void)fs, (void)card;
	f->number = 256;
	return !n || number_of(args[0], 10, 65533, &f->number);
}

static void answer_endless(struct vfault *f, struct vexchange *x)
{
	answer(x, NULL, (size_t)f->number, 0x61FF);
}

static bool arm_6c(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)fs, (void)card;
	f->number = 0x10;
	return !n || number_of(args[0], 16, 0xFF, &f->number);
}

static void answer_6c(struct vfault *f, struct vexchange *x)
{
	answer(x, NULL, 0, 0x6C00U | (unsigned int)f->number);
}

static void answer_6100(struct vfault *f, struct vexchange *x)
{
	(void)f;
	answer(x, NULL, 0, 0x6100);
}

static bool arm_wait(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)fs, (void)card, (void)n;
	if (!number_of(args[0], 10, 3600000, &f->number))
		return false;
	if (!f->number)
		f->number = VWAIT_ENDLESS;
	return true;
}

static void wait_before(struct vfault *f, struct vexchange *x)
{
	x->wait_before = f->number;
}

static void wait_after(struct vfault *f, struct vexchange *x)
{
	x->wait_after = f->number;
}

enum pull_at { PULL_BEFORE, PULL_DONE, PULL_AFTER };

static bool arm_pull(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	static const char *const when[] = {
		[PULL_BEFORE] = "before", [PULL_DONE] = "done", [PULL_AFTER] = "after"
	};

	(void)fs, (void)card, (void)n;
	for (size_t i = 0; i < COUNT(when); i++) {
		f->number = (long)i;
		if (!strcmp(when[i], args[0]))
			return true;
	}
	return false;
}

static void pull(struct vfault *f, struct vexchange *x)
{
	x->pull = true;
	x->silent = f->number != PULL_AFTER;
	x->answered = x->answered || f->number == PULL_BEFORE;
}

static bool arm_file(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)fs, (void)card, (void)n;
	f->text = strdup(args[0]);
	return f->text;
}

static void swap_card(struct vfault *f, struct vexchange *x)
{
	x->swap = f->text;
	f->times = 1;
}

/* Keeps the recording as it is: lines of "command response". */
static bool arm_replay(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	FILE *in = fopen(args[0], "re");
	char *line = NULL;
	size_t room = 0;

	(void)fs, (void)card, (void)n;
	if (!in)
		return false;
	while (getline(&line, &room, in) > 0)
		vbuf_add(&f->data, line, strlen(line));
	vbuf_byte(&f->data, 0);
	free(line);
	fclose(in);
	return f->data.len > 1;
}

/*
 * The next recorded exchange with the same header and Lc, from the last one on and then from the
 * start again.
 */
static void replay(struct vfault *f, struct vexchange *x)
{
	const char *text = (const char *)f->data.data;
	VBUF_AUTO head = { 0 };
	size_t from = f->at;

	answer(x, NULL, 0, 0x6F00);
	vhex_add(&head, x->raw.data, x->raw.len > 4 ? 5 : 4);
	vbuf_add(&head, " ", x->raw.len > 4 ? 0 : 1);
	for (int turn = 0; turn < 2; turn++, from = 0) {
		for (const char *line = text + from; *line; line = strchr(line, '\n') + 1) {
			char resp[2 * 65540];

			if (memcmp(line, head.data, head.len) ||
			    sscanf(line, "%*s %131079s", resp) != 1)
				continue;
			f->at = (size_t)(strchr(line, '\n') + 1 - text);
			vhex_parse(resp, &x->resp);
			return;
		}
	}
}

static bool arm_shape(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)card;
	if (n && !number_of(args[0], 10, 1 << 20, &f->number))
		return false;
	fs->quirks.shape = vshape_by_name(f->row->name);
	fs->quirks.shape_len = (size_t)f->number;
	return fs->quirks.shape;
}

static bool arm_cert_key(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args,
			 int n)
{
	struct vslot *s = vcard_slot(card, 0x9A);

	(void)f, (void)n;
	return vcert_odd_key_known(args[0]) && s->key &&
	       vcert_odd_key(
		       s->key,
		       &(struct vcert_subject){ .cn = &card->cn, .not_after = card->not_after },
		       args[0], &fs->quirks.cert);
}

static bool arm_object(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	long tag;

	(void)f, (void)card, (void)n;
	if (!number_of(args[0], 16, 0xFFFFFF, &tag) ||
	    !vhex_parse(args[1], &fs->quirks.object_data))
		return false;
	fs->quirks.object = (uint32_t)tag;
	return true;
}

static bool arm_sig(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)f, (void)card, (void)n;
	fs->quirks.sig = vsig_by_name(args[0]);
	return fs->quirks.sig;
}

static bool arm_atr(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n)
{
	(void)f, (void)card, (void)n;
	fs->quirks.has_atr = vhex_parse(args[0], &fs->quirks.atr);
	return fs->quirks.has_atr;
}

#define LONG_LEN 10000

static const struct {
	const char *name;
	const char *text;		/* with \xNN escapes; NULL: LONG_LEN letters */
} hostile[] = {
	{ "escape",  "A\\x1B[2J\\x1B[31mB\\xC2\\x9B1mC" },
	{ "osc52",   "\\x1B]52;c;aGVsbG8=\\x07name" },
	{ "newline", "name\\x0D\\x0AFAKE: login succeeded\\x0A" },
	{ "format",  "%n%s%n%s%999999d" },
	{ "long",    NULL },
	{ "badutf8", "\\xC3\\x28\\xFF\\xFE\\xC0\\x80\\xED\\xA0\\x80name\\xE3\\x81" },
	{ "bidi",    "\\xE2\\x80\\xAEtoor\\xE2\\x80\\xAC\\xE2\\x81\\xA6name" },
	{ "nul",     "name\\x00root" },
};

static bool arm_hostile(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args,
			int n)
{
	struct vslot *s = vcard_slot(card, 0x9A);
	struct vbuf *text = &fs->quirks.label;
	size_t i = 0;

	(void)f, (void)n;
	while (i < COUNT(hostile) && strcmp(hostile[i].name, args[0]))
		i++;
	if (i == COUNT(hostile) || !s->key)
		return false;
	vbuf_clear(text);
	if (!hostile[i].text)
		vbuf_fill(text, 'L', LONG_LEN);
	else if (!vtext_unescape(hostile[i].text, text))
		return false;
	return vcert_self_signed(
		s->key, &(struct vcert_subject){ .cn = text, .not_after = card->not_after },
		&fs->quirks.cert);
}

/* clang-format off */
const struct vfault_row vfault_rows[] = {
	{ "sw", "NAME XXXX",
	  "this status word, command not performed",
	  2, 2, true, false, 0, arm_sw, answer_sw, NULL },
	{ "sw-done", "NAME XXXX",
	  "performed, then this instead of the answer",
	  2, 2, true, false, 0, arm_sw, NULL, answer_sw },
	{ "raw", "NAME HEX|-",
	  "these bytes as the whole response; for none (-) the driver waits until remove",
	  2, 2, true, false, 0, arm_hex, answer_raw, NULL },
	{ "long", "NAME LEN",
	  "LEN bytes (0 to 65533) and 9000",
	  2, 2, true, false, 0, arm_length, answer_long, NULL },
	{ "endless61", "NAME [LEN]",
	  "LEN (256) bytes and 61FF, also to every GET RESPONSE",
	  1, 2, true, true, 0, arm_endless, answer_endless, NULL },
	{ "zero61", "NAME",
	  "6100 without data, also to every GET RESPONSE",
	  1, 1, true, true, 0, NULL, answer_6100, NULL },
	{ "loop6c", "NAME [XX]",
	  "always 6CXX",
	  1, 2, true, false, 0, arm_6c, answer_6c, NULL },
	{ "stall", "NAME MS",
	  "waits, then performs; 0: until fault clear",
	  2, 2, true, false, 0, arm_wait, wait_before, NULL },
	{ "stall-done", "NAME MS",
	  "performs, then waits; 0: until fault clear",
	  2, 2, true, false, 0, arm_wait, NULL, wait_after },
	{ "pull", "NAME before|done|after",
	  "the card leaves: not performed, performed but not answered, answered",
	  2, 2, true, false, 0, arm_pull, pull, NULL },
	{ "swap", "NAME FILE",
	  "another card answers from there on, unnoticed",
	  2, 2, true, false, 0, arm_file, swap_card, NULL },
	{ "replay", "FILE",
	  "answers from a recording",
	  1, 1, false, false, 0, arm_replay, replay, NULL },
	{ "no-chuid", "",
	  "CHUID answers 6A82",
	  0, 0, false, false, FLAG(no_chuid), NULL, NULL, NULL },
	{ "no-cert", "",
	  "the 9A certificate answers 6A82",
	  0, 0, false, false, FLAG(no_cert), NULL, NULL, NULL },
	{ "cert-huge", "LEN",
	  "LEN bytes of certificate",
	  1, 1, false, false, 0, arm_shape, NULL, NULL },
	{ "cert-truncated", "",
	  "half of the container",
	  0, 0, false, false, 0, arm_shape, NULL, NULL },
	{ "cert-gzip", "",
	  "well compressed",
	  0, 0, false, false, 0, arm_shape, NULL, NULL },
	{ "cert-bomb", "",
	  "compressed 150:1, 2 MB",
	  0, 0, false, false, 0, arm_shape, NULL, NULL },
	{ "cert-flag-lie", "",
	  "says compressed, is not",
	  0, 0, false, false, 0, arm_shape, NULL, NULL },
	{ "cert-empty", "",
	  "a container of no certificate",
	  0, 0, false, false, 0, arm_shape, NULL, NULL },
	{ "cert-key", "SORT",
	  "shows a key that is rsa1024 e1 e3 even roca p192 offcurve infinity",
	  1, 1, false, false, 0, arm_cert_key, NULL, NULL },
	{ "object", "TAG HEX",
	  "GET DATA of TAG answers HEX",
	  2, 2, false, false, 0, arm_object, NULL, NULL },
	{ "sig", "VARIANT",
	  "r0 s0 rn sn rn1 sn1 neg nonmin trailing empty 257 512 65000 zero one flipped other "
	  "plusn",
	  1, 1, false, false, 0, arm_sig, NULL, NULL },
	{ "any-pin", "",
	  "every VERIFY is right, counter untouched",
	  0, 0, false, false, FLAG(any_pin), NULL, NULL, NULL },
	{ "no-pin", "",
	  "keys sign without PIN",
	  0, 0, false, false, FLAG(no_pin), NULL, NULL, NULL },
	{ "select-keeps", "",
	  "SELECT keeps the verified state",
	  0, 0, false, false, FLAG(select_keeps), NULL, NULL, NULL },
	{ "select-clears", "",
	  "SELECT clears it",
	  0, 0, false, false, FLAG(select_clears), NULL, NULL, NULL },
	{ "reset-keeps", "",
	  "reset and power-off keep it",
	  0, 0, false, false, FLAG(reset_keeps), NULL, NULL, NULL },
	{ "logout-ignored", "",
	  "VERIFY FF answers 9000 and does nothing",
	  0, 0, false, false, FLAG(logout_ignored), NULL, NULL, NULL },
	{ "only-reset-clears", "",
	  "neither SELECT, VERIFY FF nor a wrong PIN clear it",
	  0, 0, false, false, FLAG(only_reset_clears), NULL, NULL, NULL },
	{ "query-clears", "",
	  "the tries query clears it",
	  0, 0, false, false, FLAG(query_clears), NULL, NULL, NULL },
	{ "query-630x", "",
	  "tries are told as 630x, never as 9000",
	  0, 0, false, false, FLAG(query_630x), NULL, NULL, NULL },
	{ "hostile", "SORT",
	  "CN and label: escape osc52 newline format long badutf8 bidi nul",
	  1, 1, false, false, 0, arm_hostile, NULL, NULL },
	{ "atr", "HEX|-",
	  "another ATR",
	  1, 1, false, false, 0, arm_atr, NULL, NULL },
	{ NULL, NULL, NULL, 0, 0, false, false, 0, NULL, NULL, NULL },
};
/* clang-format on */
