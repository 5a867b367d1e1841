/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the cards below a person has (bits), then SSH_AUTH_INFO_0 of the login. */
#include <openssl/evp.h>

#include "../../lib/auth/login.h"
#include "card_id.h"
#include "digest.h"
#include "fuzz_db.h"
#include "key_ssh.h"

#define PERSON 7
#define METHOD "publickey "
#define RSA2048 "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzzzpd+TJDgyQoiANSrIhC2HtgZ7DSWv2a5OrhtxYSyTuQtQL7buP1iTx3ssLKEXa4xGiJLG6" \
		"hXVYZM35IzaMXTNwxAw/9C9PnYpLI/c9TVyMjxv9W7N/2r/FkQ/EE77x2vIguwO54CgwCFUiMSs0s9kn4TywoY5Iz9rJeeW80/1/lfbh96yUNi8nfGCB" \
		"SikzcKa5UMNjSiYM7F1gfzL+rn9iHp9CoegOZSSs7QMG1mXsCZeCTHmzggoBpSkazbx0leJcdLlpqls4Kuzb0R0y/G8HHoMbihDU+VbSwNv3QSSnvNvO" \
		"LlV2TiG/6/H+UiejezDrFbilnF25+/387oLfuQIDAQAB"
#define P256 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5T2tqmtISRCtEGjOmZOXEpO0RMfC771XBDUWKNA2zoD2AwXsWvmXlsWFpo9O15ZoWTeo151M449OKvDg" \
	     "XMgEjw=="
#define P384 "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAENjkAF6OxCKGqF7Jfjby3mSHYiZ2Z24xaZcY0ZQM/m5urPYXC6DfJrvo2c4RH4eVi1lBWsGx8Yo7bS3CMFEBc" \
	     "Lu5AfB72Q26vmGooC1A/s53Pk0T+HTk/P4cpazKwynj8"

static const struct kind {
	const char *spki;       /* base64 */
	enum key_algorithm algorithm;
	enum card_state state;
	bool pinless, changed;  /* signs without PIN; its row no longer holds the key it was enrolled with */
} kinds[] = {
	{ RSA2048, KEY_RSA2048, CARD_ACTIVE, false, false },
	{ P256, KEY_P256, CARD_ACTIVE, false, false },
	{ P384, KEY_P384, CARD_REVOKED, false, false },
	{ P384, KEY_P384, CARD_ACTIVE, true, false },
	{ RSA2048, KEY_RSA2048, CARD_ACTIVE, false, true },
	{ P256, KEY_P384, CARD_ACTIVE, false, false },
};
#define N_CARDS (sizeof(kinds) / sizeof(kinds[0]))

static struct card {
	struct card_row row;
	struct db written;
	struct key_ssh key;
	char line[KEY_SSH_TEXT_SIZE + sizeof(METHOD)];  /* "": the row does not hold its key */
} cards[N_CARDS];

static void make_card(size_t i)
{
	const struct kind *kind = &kinds[i];
	struct card *c = &cards[i];
	struct card_row *r = &c->row;
	struct store s = { .db = &c->written, .dir = -1, .lock = -1, .in_transaction = true };
	const unsigned char values[7] = { (unsigned char)i, 2, 3, 4, 5, 6, 7 };
	const size_t len = strlen(kind->spki), padding = (size_t)(kind->spki[len - 1] == '=') + (kind->spki[len - 2] == '=');
	char text[KEY_SSH_TEXT_SIZE];

	*r = (struct card_row){ .id = (int64_t)i + 1, .person = PERSON, .key_ref = 0x9A, .algorithm = kind->algorithm,
				.pin_proved = !kind->pinless, .state = kind->state, .not_after = -1,
				.revoked_at = kind->state == CARD_REVOKED ? 1 : -1, .reported_at = -1, .last_used_at = -1 };
	must(card_id_make(values, &r->card_id) == ERR_OK);
	r->spki_len = (size_t)EVP_DecodeBlock(r->spki, (const unsigned char *)kind->spki, (int)len) - padding;
	must(digest_sha256(r->spki, r->spki_len, r->spki_sha256) == ERR_OK);
	r->spki_sha256[0] ^= kind->changed;
	must(row_put(&s, &card_table, r) == ERR_OK);
	if (!kind->changed && key_ssh_from_spki(r->algorithm, r->spki, r->spki_len, &c->key) == ERR_OK)
		snprintf(c->line, sizeof(c->line), METHOD "%s", key_ssh_text(&c->key, text, sizeof(text)));
}

/* -- what the text says, read in another way -- */

/* This line is about the key of the card, or about a certificate of it. */
static bool names(const char *line, size_t len, const struct card *c)
{
	const char *blank = len > strlen(METHOD) && !strncmp(line, METHOD, strlen(METHOD)) ?
				    memchr(line + strlen(METHOD), ' ', len - strlen(METHOD)) : NULL;
	unsigned char blob[FUZZ_INPUT_MAX];
	int n = blank ? EVP_DecodeBlock(blob, (const unsigned char *)blank + 1, (int)(line + len - blank - 1)) : -1;

	return n > 0 && memmem(blob, (size_t)n, c->key.fields, c->key.len) != NULL;
}

static bool named_anywhere(const char *info, const struct card *c)
{
	for (size_t len; *info; info += len + (info[len] == '\n')) {
		len = strcspn(info, "\n");
		if (c->line[0] && names(info, len, c))
			return true;
	}
	return false;
}

/* Before other lines could have taken its place. */
static bool stands_in_front(const char *info, const struct card *c)
{
	const size_t of_key = strlen(c->line);

	for (size_t len, lines = 0; *info && lines < 4; info += len + (info[len] == '\n'), lines++) {
		len = strcspn(info, "\n");
		if (of_key && len == of_key && !memcmp(info, c->line, len))
			return true;
	}
	return false;
}

static void check(const struct login *l, enum err e, unsigned has)
{
	const char *info = l->c->request->auth_info;
	const size_t found = (size_t)l->card.id - 1;
	bool unsound = false;

	must(l->proved == (l->face == FACE_KNOWN));
	for (size_t i = 0; i < N_CARDS; i++) {
		if (!(has & 1u << i))
			continue;
		unsound |= !cards[i].line[0];
		if (kinds[i].state == CARD_ACTIVE && l->face != FACE_KNOWN)
			must(!stands_in_front(info, &cards[i]));
	}
	if (l->face == FACE_KNOWN) {
		must(found < N_CARDS && has & 1u << found && kinds[found].state == CARD_ACTIVE);
		must(named_anywhere(info, &cards[found]));
		must(e == (kinds[found].pinless ? ERR_NO_FACTOR : ERR_OK));
		return;
	}
	must(l->face == FACE_STRANGER);
	must(unsound ? e == ERR_STORE_CORRUPT || e == ERR_INVALID : e == ERR_OK);
	must(l->stale == ERR_OK || (l->stale == ERR_REVOKED && has & 1u << 2 && named_anywhere(info, &cards[2])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_class class = {
		.n_alternatives = 1, .alternatives = { { .n = 2, .factors = { FACTOR_CARD, FACTOR_TOTP } } },
	};
	static struct db db;
	static struct wire_request request;
	struct input in = fuzz_input(data, size);
	const unsigned has = take_u8(&in);
	struct store s = { .db = &db, .dir = -1, .lock = -1 };
	const struct auth_call c = { .store = &s, .request = &request };
	struct login l = { .c = &c, .open = { true }, .who = { .known = true, .person.id = PERSON, .class_of = &class } };
	char *info = rest_text(&in);

	for (size_t i = 0; cards[N_CARDS - 1].row.id == 0 && i < N_CARDS; i++)
		make_card(i);
	must(strlen(info) < sizeof(request.auth_info));
	strcpy(request.auth_info, info);
	db.n_values = card_table.count;
	db.n_rows = 0;
	for (size_t i = 0; i < N_CARDS; i++)
		if (has & 1u << i)
			db.rows[db.n_rows++] = cards[i].written.args;
	check(&l, login_ssh_find(&l), has);
	free(info);
	return 0;
}
