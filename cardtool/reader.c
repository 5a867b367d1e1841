/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <stdio.h>
#include <string.h>

#include "card_start.h"
#include "clock.h"
#include "find.h"
#include "output.h"
#include "prompt.h"
#include "words.h"

/* a card with a long RSA key behind a slow reader, behind another user of it */
#define ANSWER_MS 20000

static void card_request_wipe(struct card_request *q)
{
	secret_wipe(&q->pin);
}

enum err reader_result(const struct card_answer *a)
{
	if (a->result == ERR_OK)
		return ERR_OK;
	if (a->result == ERR_PIN_WRONG && a->tries >= 0)
		return fail(a->result, ngettext("%d try left", "%d tries left", (unsigned long)a->tries), a->tries);
	if (a->sw)
		return fail(a->result, _("%s, status %04X"), *a->reader ? a->reader : _("the card"), a->sw);
	return fail(a->result, "%s", a->reader);
}

static enum err ask(struct tool *t, const struct card_request *q, struct card_answer *a)
{
	enum err e = card_ask(t->card_fd, q, a, (int64_t)q->wait_ms + ANSWER_MS);

	return e ? e : reader_result(a);
}

/* ---- which reader ---- */

static bool has_reader(const struct card_answer *list, const char *name)
{
	for (size_t i = 0; i < list->n_readers; i++)
		if (strcmp(list->readers[i].name, name) == 0)
			return true;
	return false;
}

static enum exit_code check_readers(struct tool *t, const char *wanted, struct card_answer *list)
{
	struct card_request q = { .op = CARD_OP_LIST };
	enum err e = ask(t, &q, list);

	if (e)
		return complain_err(e);
	if (list->n_readers == 0) {
		complain(_("no card reader is attached"));
		advise(_("Attach one; `cardtool doctor` lists the readers that are seen."));
		return EXIT_REFUSED;
	}
	if (!wanted || has_reader(list, wanted))
		return EXIT_DONE;
	complain(_("there is no reader \"%s\". The readers are:"), ESCAPED(wanted));
	for (size_t i = 0; i < list->n_readers; i++)
		fprintf(stderr, "  \"%s\"\n", ESCAPED(list->readers[i].name));
	return EXIT_REFUSED;
}

/* ---- which card ---- */

struct found {
	size_t n;
	struct card_answer card;        /* the first */
	char readers[CARD_READERS_MAX][CARD_READER_SIZE];
	char failed[CARD_READER_SIZE];  /* where something was that is no usable card */
	enum err failure;
};

/*
 * One more card, within wait_ms. ERR_NO_CARD: none came. Cards in other readers than the wanted one
 * are passed over.
 */
static enum err next_card(struct tool *t, const char *wanted, uint32_t wait_ms, struct found *f)
{
	struct card_request q = { .op = CARD_OP_NEXT, .want_cert = true, .wait_ms = wait_ms };
	struct card_answer a;
	enum err e = ask(t, &q, &a);

	if (e == ERR_OK && wanted && strcmp(a.reader, wanted) != 0)
		return ERR_OK;
	if (e == ERR_OK && f->n < CARD_READERS_MAX) {
		if (f->n == 0)
			f->card = a;
		memcpy(f->readers[f->n++], a.reader, CARD_READER_SIZE);
		return ERR_OK;
	}
	if (e == ERR_CARD_FAILED || e == ERR_CARD_REMOVED || e == ERR_BUSY) {
		if (!wanted || strcmp(a.reader, wanted) == 0) {
			memcpy(f->failed, a.reader, CARD_READER_SIZE);
			f->failure = e;
		}
		return ERR_OK;
	}
	return e;
}

/* Everything that is present now. */
static enum err look(struct tool *t, const char *wanted, struct found *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < 2 * CARD_READERS_MAX; i++)
		e = next_card(t, wanted, 0, f);
	return e == ERR_NO_CARD ? ERR_OK : e;
}

static enum err wait_for_card(struct tool *t, const char *wanted, const struct card_answer *list,
			      struct found *f)
{
	int64_t deadline = deadline_in(READER_WAIT_MS);
	enum err e = ERR_OK;

	if (wanted || list->n_readers == 1)
		say(_("Insert the card into \"%s\" (%d s) ..."),
		    ESCAPED(wanted ? wanted : list->readers[0].name), READER_WAIT_MS / 1000);
	else
		say(_("Insert the card into one of the %d readers (%d s) ..."),
		    (int)list->n_readers, READER_WAIT_MS / 1000);
	while (!e && f->n == 0 && f->failure == ERR_OK && deadline_left(deadline) > 0)
		e = next_card(t, wanted, (uint32_t)deadline_left(deadline), f);
	return e;
}

static enum exit_code refuse_several(const struct found *f)
{
	complain(_("there are several cards. Leave one, or name its reader with --reader:"));
	for (size_t i = 0; i < f->n; i++)
		fprintf(stderr, "  --reader \"%s\"\n", ESCAPED(f->readers[i]));
	return EXIT_REFUSED;
}

static enum exit_code refuse_failed(const struct found *f)
{
	complain(_("the card in \"%s\" can't be used: %s"), ESCAPED(f->failed),
		 gettext(err_text(f->failure)));
	advise(_("It must be a PIV card. Put it in again, the right way round, and repeat the command."));
	return EXIT_REFUSED;
}

enum exit_code reader_card(struct tool *t, const char *reader, struct card_answer *ret)
{
	struct card_answer list;
	struct found f = { .n = 0 };
	enum exit_code code = check_readers(t, reader, &list);

	if (code)
		return code;

	enum err e = look(t, reader, &f);

	if (!e && f.n == 0 && f.failure == ERR_OK)
		e = wait_for_card(t, reader, &list, &f);
	if (e)
		return complain_err(e);
	if (f.n > 1)
		return refuse_several(&f);
	if (f.n == 0 && f.failure)
		return refuse_failed(&f);
	if (f.n == 0)
		return complain_err(fail(ERR_NO_CARD, "%d s", READER_WAIT_MS / 1000));
	say(_("PIV card in \"%s\"."), ESCAPED(f.card.reader));
	*ret = f.card;
	return EXIT_DONE;
}

/* ---- asking it ---- */

enum exit_code reader_complain(enum err e, int tries)
{
	if (e != ERR_PIN_WRONG || tries < 0)
		return complain_err(e);
	complain(ngettext("wrong PIN, %d try is left on the card",
			  "wrong PIN, %d tries are left on the card", (unsigned)tries),
		 tries);
	advise(_("Ask the holder of the card; each wrong PIN uses up one try."));
	return exit_code_of(e);
}

enum err reader_ask_pin(int tries, struct secret *ret)
{
	char question[160];

	if (tries >= 0)
		snprintf(question, sizeof(question),
			 ngettext("PIN of the card (%d try left): ",
				  "PIN of the card (%d tries left): ", (unsigned)tries),
			 tries);
	else
		snprintf(question, sizeof(question), _("PIN of the card: "));

	enum err e = prompt_line(question, PROMPT_HIDDEN, ret);

	/* Full-width digits of a Japanese input method are digits. */
	for (size_t n = 6; !e && n <= 8; n++)
		if (text_normalise_digits(ret->bytes, &ret->len, n))
			break;
	return e;
}

static enum err sign(void *arg, unsigned key_ref, enum key_algorithm algorithm,
		     const struct secret *pin, const unsigned char *input, size_t len,
		     unsigned char *sig, size_t *sig_len)
{
	struct reader_signer *s = arg;
	struct card_request q __attribute__((cleanup(card_request_wipe))) = {
		.op = CARD_OP_SIGN,
		.handle = s->handle,
		.key_ref = (uint8_t)key_ref,
		.algorithm = algorithm,
		.floor = s->floor,
		.pin_mode = pin ? CARD_PIN_BYTES : CARD_PIN_NONE,
		.input_len = (uint16_t)len,
	};
	struct card_answer a;

	if (len > sizeof(q.input))
		return fail(ERR_INVALID, "%zu bytes to sign", len);
	if (len)
		memcpy(q.input, input, len);

	enum err e = pin ? secret_set(&q.pin, pin->bytes, pin->len) : ERR_OK;

	if (!e)
		e = card_ask(s->fd, &q, &a, ANSWER_MS);
	if (e)
		return e;
	s->tries = a.tries;
	e = reader_result(&a);
	if (e)
		return e;
	if (a.signature_len > KEY_SIGNATURE_MAX || (len && a.signature_len == 0))
		return fail(ERR_CARD_FAILED, "no signature");
	memcpy(sig, a.signature, a.signature_len);
	*sig_len = a.signature_len;
	return ERR_OK;
}

struct enrol_signer reader_signer(struct reader_signer *s)
{
	return (struct enrol_signer){ .sign = sign, .arg = s };
}
