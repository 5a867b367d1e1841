/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one list of results. pam_module maps it to PAM codes and cardtool to exit codes; nothing
 * else interprets it. Numbers travel over the wire: append only, never renumber.
 */
#ifndef CARDMFA_ERROR_H
#define CARDMFA_ERROR_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* X(name, number, English text for people: marked for translation, no final full stop) */
#define ERR_LIST(X) \
	X(OK,               0, N_("done")) \
	/* the person was judged */ \
	X(DENIED,          10, N_("refused")) \
	X(CARD_UNKNOWN,    11, N_("this card can't be used for this name")) \
	X(PIN_WRONG,       12, N_("wrong PIN")) \
	X(PIN_BLOCKED,     13, N_("the card's PIN is blocked")) \
	X(PIN_FORMAT,      14, N_("the PIN must be 6 to 8 digits")) \
	X(SECRET_WRONG,    15, N_("wrong code or password")) \
	X(CODE_REPLAYED,   16, N_("this code was used already")) \
	X(LOCKED,          17, N_("locked after too many failures")) \
	X(REVOKED,         18, N_("revoked")) \
	X(SUSPENDED,       19, N_("suspended")) \
	X(NO_CARD,         20, N_("no IC card was inserted in time")) \
	X(CARD_REMOVED,    21, N_("the IC card was removed")) \
	X(CARD_FAILED,     22, N_("the IC card did not answer as it should")) \
	X(PIN_LAST_TRY,    23, N_("only the last PIN try is left")) \
	X(NO_GRANT,        24, N_("no valid login stands behind this request")) \
	X(NOT_A_PERSON,    25, N_("not a registered person")) \
	X(NO_FACTOR,       26, N_("no way of logging in is possible here")) \
	X(EXPIRED,         27, N_("expired")) \
	/* the machinery failed */ \
	X(UNAVAILABLE,     40, N_("the service is not available")) \
	X(TIMEOUT,         41, N_("timed out")) \
	X(BUSY,            42, N_("too many requests at once")) \
	X(STORE,           43, N_("the store can't be used")) \
	X(STORE_FULL,      44, N_("no space is left for the store")) \
	X(STORE_CORRUPT,   45, N_("the store is damaged")) \
	X(STORE_VERSION,   46, N_("the store belongs to another version")) \
	X(PCSC,            47, N_("the smart card service (pcscd) does not answer")) \
	X(CRYPTO,          48, N_("a cryptographic operation failed")) \
	X(KEY_FILE,        49, N_("the store key file can't be used")) \
	X(MEMORY,          50, N_("out of memory")) \
	X(SYSTEM,          51, N_("a system call failed")) \
	X(CONFIG,          52, N_("the configuration is broken")) \
	X(PROTOCOL,        53, N_("a message was malformed")) \
	X(CONVERSATION,    54, N_("no answer came from the terminal")) \
	X(CLOCK,           55, N_("the clock can't be trusted")) \
	/* administration */ \
	X(USAGE,           70, N_("wrong usage")) \
	X(NOT_FOUND,       71, N_("not found")) \
	X(EXISTS,          72, N_("exists already")) \
	X(WEAK_KEY,        73, N_("the key is too weak")) \
	X(NOT_ALLOWED,     74, N_("you are not allowed to do this")) \
	X(BAD_STATE,       75, N_("not possible in the present state")) \
	X(WEAK_PASSWORD,   76, N_("this password can't be accepted")) \
	X(INVALID,         77, N_("not valid")) \
	X(PARTIAL,         78, N_("done only in part")) \
	X(CANCELLED,       79, N_("cancelled"))

enum err {
#define X(name, number, text) ERR_##name = number,
	ERR_LIST(X)
#undef X
};

/* English source text of a code, untranslated (pass it to gettext); "unknown error" otherwise. */
const char *err_text(enum err e);

/* Symbolic name ("PIN_WRONG") for logs and --json; "UNKNOWN" otherwise. */
const char *err_name(enum err e);

/* A number from the wire: ERR_PROTOCOL when no such code exists. */
enum err err_from_number(unsigned number);

/*
 * Say a failure once: logs "NAME: text" at the level the code deserves (see log.h) and keeps the
 * text for err_detail(). Returns e, so that `return fail(ERR_X, "...")` is the one idiom.
 * Never pass secrets. Untrusted strings are escaped by the log.
 */
enum err fail(enum err e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The text of the last fail() of this process, "" if none. Overwritten by the next one. */
const char *err_detail(void);

#endif
