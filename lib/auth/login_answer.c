/* SPDX-License-Identifier: Apache-2.0 */
/* Codes and passwords: one prompt takes either where the policy leaves the choice; all answers first, then one counted check of all. */
#include "login.h"

#include <string.h>

#include "clock.h"
#include "factor_password.h"
#include "factor_totp.h"
#include "l10n.h"
#include "text.h"

/* The k-th factor of an alternative behind its card; 0: it has no more. */
static enum factor answer_factor(const struct alternative *a, size_t k)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->factors[i] == FACTOR_CARD || a->factors[i] == FACTOR_CARD_NOPIN || a->factors[i] == FACTOR_SESSION)
			continue;
		if (k-- == 0)
			return a->factors[i];
	}
	return (enum factor)0;
}

struct next {
	bool totp, password, done;
};

static struct next look_ahead(const struct login *l, const bool *alive, size_t k)
{
	const struct policy_class *c = l->who.class_of;
	struct next n = { false, false, false };

	for (size_t i = 0; i < c->n_alternatives; i++) {
		enum factor f = answer_factor(&c->alternatives[i], k);

		if (!alive[i])
			continue;
		n.totp |= f == FACTOR_TOTP;
		n.password |= f == FACTOR_PASSWORD;
		n.done |= f == (enum factor)0;
	}
	return n;
}

/* What the app shows: the person's own only after the card was proved, so that nothing is told to others. */
struct app_code {
	size_t digits;
	bool used;              /* the one that it shows now was accepted already */
};

static const char *prompt_text(const struct next *n, const struct app_code *code)
{
	if (n->totp && n->password)
		return code->used ? _("Next verification code or password: ") : _("Verification code or password: ");
	if (n->totp)
		return code->used ? _("Next verification code: ") : _("Verification code: ");
	return _("Password: ");
}

static enum err look_at_app(const struct login *l, struct app_code *ret)
{
	struct totp_row row;
	enum err e = ERR_NOT_FOUND;

	*ret = (struct app_code){ .digits = TOTP_PARAMS_DEFAULT.digits };
	if (login_is_proved(l))
		e = store_totp_get(l->c->store, l->who.person.id, &row);
	if (e == ERR_OK)
		*ret = (struct app_code){ row.digits, row.last_step >= clock_real_s() / (int64_t)row.period };
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Where only a code is asked, any length of one may be meant; beside a password only this one. */
static bool is_code(struct secret *text, const struct next *n, size_t digits)
{
	for (size_t len = n->password ? digits : 6; len <= (n->password ? digits : 8); len++)
		if (text_normalise_digits(text->bytes, &text->len, len))
			return true;
	return false;
}

static enum err ask_one(struct login *l, const struct next *n, const struct app_code *app, struct login_answer *a)
{
	enum err e = l->c->io->ask(l->c->io->arg, true, prompt_text(n, app), &a->text, l->deadline);
	bool code;

	if (e != ERR_OK)
		return e;
	if (!a->text.len)
		return ERR_CANCELLED;   /* no answer, no guess: nothing is counted */
	code = n->totp && is_code(&a->text, n, app->digits);
	a->factor = n->totp && (code || !n->password) ? FACTOR_TOTP : FACTOR_PASSWORD;
	return ERR_OK;
}

enum err login_answer_collect(struct login *l)
{
	const struct policy_class *c = l->who.class_of;
	bool alive[POLICY_ALTERNATIVES_MAX] = { false };
	struct app_code app;
	size_t open = 0;
	enum err e = look_at_app(l, &app);

	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < c->n_alternatives; i++)
		open += l->open[i];
	l->hopeless = open == 0;
	for (size_t i = 0; i < c->n_alternatives; i++)
		alive[i] = l->hopeless ? !alternative_has(&c->alternatives[i], FACTOR_SESSION) : l->open[i];
	for (;;) {
		size_t k = l->n_answers;
		struct next n = look_ahead(l, alive, k);

		if (n.done || (!n.totp && !n.password))
			break;
		if (k == POLICY_FACTORS_MAX)
			return fail(ERR_CONFIG, "class %s asks for too much", c->name);
		e = ask_one(l, &n, &app, &l->answers[k]);
		if (e != ERR_OK)
			return e;
		for (size_t i = 0; i < c->n_alternatives; i++)
			alive[i] = alive[i] && answer_factor(&c->alternatives[i], k) == l->answers[k].factor;
		l->n_answers++;
	}
	for (size_t i = c->n_alternatives; i-- > 0;)
		if (alive[i] && answer_factor(&c->alternatives[i], l->n_answers) == (enum factor)0)
			l->chosen = i;
	return ERR_OK;
}

/* May this try succeed at all? Where a card is wanted, it must have proved itself. */
static bool may_guess(const struct login *l)
{
	const struct alternative *a = &l->who.class_of->alternatives[l->chosen];

	if (l->hopeless || !l->who.known || l->who.person.state != PERSON_ACTIVE || !l->open[l->chosen])
		return false;
	return l->proved || !alternative_has_card(a);
}

static int64_t fairness_group(const struct login *l)
{
	int64_t h = 1469598103;

	for (const char *s = l->who.address[0] ? l->who.address : l->who.origin; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619 & 0x7FFFFFFF;
	return h;
}

static struct pwhash_cost present_cost(const struct login *l)
{
	const struct settings *s = &l->c->policy->settings;

	return (struct pwhash_cost){ .m_kib = s->argon2_memory_kib, .t = s->argon2_time };
}

/* The place to hash is ours. */
static enum err check_password_here(struct login *l, const struct secret *text, bool real)
{
	bool renew = false;
	enum err e;

	if (!real) {
		e = factor_password_dummy(l->c->keys, text, present_cost(l));
		return e == ERR_OK ? ERR_SECRET_WRONG : e;
	}
	l->verified = true;
	e = factor_password_check(l->c->store, l->c->keys, l->who.person.id, text, present_cost(l), &renew);
	if (e == ERR_OK && renew && factor_password_make(l->c->keys, l->who.person.id, text, present_cost(l),
							 clock_real_s(), &l->password) == ERR_OK)
		l->renew = true;
	return e == ERR_NOT_FOUND ? ERR_SECRET_WRONG : e;
}

static enum err check_password(struct login *l, const struct secret *text, bool real)
{
	enum err e;

	if (!l->c->keys)
		return fail(ERR_KEY_FILE, "no store key file: passwords can't be checked");
	e = l->c->io->hash_begin(l->c->io->arg, fairness_group(l), l->deadline);
	if (e != ERR_OK)
		return e;
	e = check_password_here(l, text, real);
	l->c->io->hash_done(l->c->io->arg);
	return e;
}

static enum err check_code(struct login *l, const struct secret *text, bool real)
{
	enum err e;

	if (!l->c->keys)
		return fail(ERR_KEY_FILE, "no store key file: codes can't be checked");
	l->verified |= real;
	e = real ? factor_totp_check(l->c->store, l->c->keys, l->who.person.id, l->who.class_of->code_window, text,
				     clock_real_s()) : ERR_NOT_FOUND;
	/* As much work for a name without an app, with a code of the future, or that nobody has. */
	if (e == ERR_NOT_FOUND || e == ERR_CLOCK) {
		enum err dummy = factor_totp_dummy(l->c->keys, l->who.class_of->code_window, text, clock_real_s());

		if (e == ERR_NOT_FOUND)
			e = dummy;
	}
	/* Who has not proved a card learns nothing of what is enrolled for the name. */
	if (!login_is_proved(l) && (e == ERR_CODE_REPLAYED || e == ERR_CLOCK))
		return ERR_SECRET_WRONG;
	return e;
}

/* All run, whatever the first says. The machinery's failure is told before a person's. */
static enum err check_all(struct login *l, bool real)
{
	enum err worst = ERR_DENIED;

	for (size_t i = 0; i < l->n_answers; i++) {
		struct login_answer *a = &l->answers[i];
		enum err e = a->factor == FACTOR_PASSWORD ? check_password(l, &a->text, real) :
			     check_code(l, &a->text, real);

		a->judged = real && e < ERR_UNAVAILABLE;
		a->wrong = a->judged && e != ERR_OK;
		if (i == 0 || worst == ERR_OK || (worst < ERR_UNAVAILABLE && e >= ERR_UNAVAILABLE))
			worst = e;
	}
	return worst;
}

enum err login_answer_check(struct login *l)
{
	bool real = may_guess(l);
	int64_t until = 0;
	enum err e, counted;

	if (!l->n_answers)
		return real ? ERR_OK : ERR_DENIED;
	counted = lockout_reserve(l->c->store, real ? l->who.person.id : 0, l->who.origin, l->who.address, &l->limits,
				  l->deadline, &l->ticket, &until);
	/* A name whose bucket is full costs its caller the same write, and his address, as one that nobody has. */
	if (counted == ERR_LOCKED && real) {
		int64_t unused = 0;
		enum err other = lockout_reserve(l->c->store, 0, l->who.origin, l->who.address, &l->limits, l->deadline,
						 &l->ticket, &unused);

		if (other != ERR_OK && other != ERR_LOCKED)
			return other;
	}
	if (counted != ERR_OK && counted != ERR_LOCKED)
		return counted;
	e = check_all(l, real && counted == ERR_OK);
	if (counted != ERR_OK)
		return e >= ERR_UNAVAILABLE ? e : counted;
	/* Nobody who may not guess leaves here with a yes. */
	return real || e != ERR_OK ? e : ERR_DENIED;
}
