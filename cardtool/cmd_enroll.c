/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cardtool.h"
#include "card_start.h"
#include "change.h"
#include "clock.h"
#include "enrol.h"
#include "find.h"
#include "lifecycle.h"
#include "output.h"
#include "prompt.h"
#include "reader.h"
#include "words.h"

static const struct option_row options[] = {
	{ "label", "TEXT", N_("what is printed on the card, to know it by") },
	{ "reader", "NAME", N_("the reader, when several cards are inserted") },
	{ "slot", "9a|9e", N_("the key: 9a (default), or 9e, which never wants a PIN") },
	{ "allow-no-pin", NULL, N_("enroll, without asking, a key that signs without a PIN") },
	{ 0 },
};

/* One enrolment on its way from the command line to the store. */
struct enrolment {
	struct enrol rules;
	struct card_answer card;
	struct reader_signer signer;
	struct enrol_signer by;
	struct card_row row;
};

static enum exit_code take_words(struct tool *t, struct enrolment *n)
{
	const char *label = option_value(&t->args, "label"), *slot = option_value(&t->args, "slot");

	if (label && (!option_is_text(label, STORE_LABEL_MAX) ||
		      !text_copy(n->rules.label, sizeof(n->rules.label), label))) {
		complain(_("the label must be plain text of at most %d characters"),
			 STORE_LABEL_MAX);
		return EXIT_USAGE;
	}
	if (slot && strcasecmp(slot, "9a") != 0 && strcasecmp(slot, "9e") != 0) {
		complain(_("--slot is 9a or 9e"));
		return EXIT_USAGE;
	}
	n->rules.key_ref = slot && strcasecmp(slot, "9e") == 0 ? 0x9E : 0x9A;

	enum exit_code code = find_person(t, t->args.words[0], &n->rules.person);

	return code ? code : complain_err(enrol_person(&n->rules.person));
}

/* Key and certificate are made with the maker's tool: cardtool writes nothing to a card. */
static enum exit_code refuse_unready(const char *why)
{
	complain("%s", why);
	advise(_("Make a key on the card and write its certificate to it (man cardtool, EXAMPLES), then repeat the command."));
	return EXIT_REFUSED;
}

/* The certificate came with the card; that of key 9E is asked for. */
static enum err read_certificate(struct tool *t, struct enrolment *n)
{
	struct card_request q = { .op = CARD_OP_CERT, .handle = n->card.handle, .key_ref = 0x9E };

	if (n->rules.key_ref == 0x9E) {
		struct card_answer a;
		enum err e = card_ask(t->card_fd, &q, &a, 20000);

		if (!e)
			e = reader_result(&a);
		if (e)
			return e;
		n->card.cert_len = a.cert_len;
		memcpy(n->card.cert, a.cert, sizeof(n->card.cert));
	}
	return ERR_OK;
}

static enum exit_code refuse_pinned(struct tool *t, const struct card_row *holder)
{
	struct person p;
	enum err e = store_person_by_id(t->store, holder->person, &p);

	if (e)
		return complain_err(e);
	complain(_("this card's key is enrolled already, as card %s of %s (%s)"),
		 holder->card_id.text, p.login, word_card(holder, clock_real_s()));
	if (holder->state == CARD_SUSPENDED)
		advise(_("`cardtool resume %s` ends the suspension."), holder->card_id.text);
	else if (lifecycle_usable(holder, clock_real_s()) != ERR_OK)
		advise(_("A key is enrolled once and never again: have a new key and certificate written to the card."));
	return EXIT_REFUSED;
}

static enum exit_code take_card(struct tool *t, struct enrolment *n)
{
	struct card_row holder;
	enum exit_code code = reader_card(t, option_value(&t->args, "reader"), &n->card);

	if (code)
		return code;

	enum err e = read_certificate(t, n);

	if (!e && n->card.cert_len == 0)
		return refuse_unready(_("the card has no certificate of this key"));
	if (!e)
		e = enrol_certificate(n->card.cert, n->card.cert_len, clock_real_s(), &n->rules.cert);
	if (!e)
		e = enrol_key_free(t->store, &n->rules.cert.key, &holder);
	if (e == ERR_EXISTS)
		return refuse_pinned(t, &holder);
	if (e)
		return complain_err(e);
	n->rules.has_guid = n->card.has_guid;
	memcpy(n->rules.guid, n->card.guid, sizeof(n->rules.guid));
	n->signer = (struct reader_signer){
		.fd = t->card_fd, .handle = n->card.handle, .floor = 1, .tries = n->card.tries
	};
	n->by = reader_signer(&n->signer);
	n->rules.signer = &n->by;
	return EXIT_DONE;
}

static enum exit_code accept_without_pin(struct tool *t)
{
	say(_("This key signs without a PIN: whoever holds the card can use it. It counts as possession alone\n"
	      "(\"card-nopin\"), and classes that ask for \"card\" will refuse it."));
	if (option_given(&t->args, "allow-no-pin") ||
	    prompt_yes(_("Enroll it all the same? Type yes: ")))
		return EXIT_DONE;
	complain(_("not enrolled"));
	return EXIT_REFUSED;
}

static enum exit_code prove_with_pin(struct enrolment *n)
{
	SECRET(pin);
	const char *unfit;
	enum err e = enrol_tries(n->signer.tries);

	if (!e)
		e = reader_ask_pin(n->signer.tries, &pin);
	if (e)
		return complain_err(e);
	unfit = enrol_pin_unfit(&pin);
	if (unfit) {
		complain("%s", gettext(unfit));
		advise(_("The PIN was not sent to the card; no try was used."));
		return EXIT_REFUSED;
	}
	e = enrol_prove(&n->rules, &pin);
	if (e == ERR_DENIED)
		return refuse_unready(_("the card does not hold the key of its certificate"));
	return reader_complain(e, n->signer.tries);
}

static enum err store_it(struct change *c, void *arg)
{
	struct enrolment *n = arg;
	enum err e = enrol_store(change_store(c), &n->rules, change_now(c), &n->row);
	struct event event = {
		.type = EVENT_CARD_ENROL, .person = n->rules.person.login, .card = n->row.card_id.text,
		.fields = {
			{ "algorithm", key_algorithm_name(n->row.algorithm) },
			{ "key", n->row.key_ref == 0x9E ? "9e" : "9a" },
			{ "pin", n->row.pin_proved ? "proved" : "not-needed" },
			{ "reader", n->card.reader },
			{ "label", n->row.label },
		},
	};

	return e ? e : change_event(c, &event);
}

static enum exit_code enroll(struct tool *t)
{
	struct enrolment n = { .rules.key_ref = 0x9A };
	char until[24];
	enum err e = store_meta_get(t->store, "host_id", n.rules.host_id, sizeof(n.rules.host_id));
	enum exit_code code = e ? complain_err(e) : take_words(t, &n);

	if (!code)
		code = take_card(t, &n);
	if (!code)
		code = complain_err(enrol_without_pin(&n.rules));
	if (!code)
		code = n.rules.signed_without_pin ? accept_without_pin(t) : prove_with_pin(&n);
	if (code)
		return code;
	e = change_run(t, store_it, &n);
	/* Another enrolment of the same card was first. */
	if (e == ERR_EXISTS && enrol_key_free(t->store, &n.rules.cert.key, &n.row) == ERR_EXISTS)
		return refuse_pinned(t, &n.row);
	if (e)
		return complain_err(e);
	say(n.row.pin_proved ? _("Enrolled card %s for %s: %s, PIN proved, certificate until %s.") :
			       _("Enrolled card %s for %s: %s, without PIN, certificate until %s."),
	    n.row.card_id.text, n.rules.person.login, word_algorithm(n.row.algorithm),
	    word_date(until, sizeof(until), n.row.not_after));
	return EXIT_DONE;
}

const struct command cmd_enroll = {
	.name = "enroll",
	.usage = "USER [--label TEXT] [--reader NAME] [--slot 9a|9e] [--allow-no-pin]",
	.brief = N_("register the card in the reader for a person"),
	.example = "  sudo cardtool enroll taro --label \"職員証 0123\"",
	.options = options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE | NEED_CARD,
	.run = enroll,
};
