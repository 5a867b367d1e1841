/* SPDX-License-Identifier: Apache-2.0 */
#include "pwhash.h"

#include <argon2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base64.h"
#include "random.h"

#define SALT_LEN 16
#define TAG_LEN 32
#define KEY_LEN_MIN 32
#define CONTEXT_MAX 128
#define T_MAX 32u
#define PREFIX "$argon2id$v=19$m="

#ifdef CARDMFA_TEST_HOOKS
#define M_MIN 8u
#else
#define M_MIN PWHASH_M_MIN
#endif

/* What a string of ours says beside its tag. */
struct parsed {
	struct pwhash_cost cost;
	unsigned char salt[SALT_LEN];
};

_Static_assert(sizeof(PREFIX "4294967295,t=4294967295,p=1$$") + BASE64_LEN(SALT_LEN) +
		       BASE64_LEN(TAG_LEN) <= PWHASH_SIZE,
	       "the longest hash has room");

static bool cost_in_bounds(struct pwhash_cost cost)
{
	return cost.m_kib >= M_MIN && cost.m_kib <= PWHASH_M_MAX && cost.t >= 1 && cost.t <= T_MAX;
}

/*
 * The working memory, apart from the heap: straight from the kernel, in huge pages where it has
 * them, never in a core. libargon2 wipes it before release (FLAG_clear_internal_memory).
 */
static int take_memory(uint8_t **memory, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return ARGON2_MEMORY_ALLOCATION_ERROR;
	(void)madvise(p, size, MADV_DONTDUMP);
	(void)madvise(p, size, MADV_HUGEPAGE);
	*memory = p;
	return ARGON2_OK;
}

static void release_memory(uint8_t *memory, size_t size)
{
	(void)munmap(memory, size);
}

/* The tag of what ctx holds. threads is 1 for any number of lanes: no pthreads, the same tag. */
static enum err argon2id(argon2_context *ctx)
{
	int code;

	ctx->version = ARGON2_VERSION_13;
	ctx->threads = 1;
	ctx->allocate_cbk = take_memory;
	ctx->free_cbk = release_memory;
	code = argon2id_ctx(ctx);
	if (code == ARGON2_MEMORY_ALLOCATION_ERROR)
		return fail(ERR_MEMORY, "Argon2: no %u KiB", ctx->m_cost);
	if (code != ARGON2_OK)
		return fail(ERR_CRYPTO, "Argon2: %s", argon2_error_message(code));
	return ERR_OK;
}

/* The one way to libargon2 for passwords: nothing above the caps gets past it. */
static enum err derive(const struct secret *password, const struct secret *key, const char *context,
		       struct pwhash_cost cost, const unsigned char salt[SALT_LEN],
		       struct secret *ret)
{
	SECRET(pwd);
	SECRET(pepper);
	unsigned char salt_copy[SALT_LEN];
	unsigned char ad[CONTEXT_MAX];
	size_t ad_len = strlen(context);
	enum err e;

	if (!cost_in_bounds(cost))
		return fail(ERR_CRYPTO, "Argon2: cost m=%u t=%u is out of bounds", cost.m_kib,
			    cost.t);
	if (key->len < KEY_LEN_MIN || ad_len == 0 || ad_len > sizeof(ad))
		return fail(ERR_CRYPTO, "Argon2: no key of %d bytes or no row identity",
			    KEY_LEN_MIN);
	/* libargon2 wants pointers to what it may write; it gets copies. */
	pwd = *password;
	pepper = *key;
	memcpy(salt_copy, salt, SALT_LEN);
	memcpy(ad, context, ad_len);

	argon2_context ctx = {
		.out = ret->bytes, .outlen = TAG_LEN,
		.pwd = pwd.bytes, .pwdlen = (uint32_t)pwd.len,
		.salt = salt_copy, .saltlen = SALT_LEN,
		.secret = pepper.bytes, .secretlen = (uint32_t)pepper.len,
		.ad = ad, .adlen = (uint32_t)ad_len,
		.t_cost = cost.t, .m_cost = cost.m_kib, .lanes = 1,
	};

	e = argon2id(&ctx);
	if (e == ERR_OK)
		ret->len = TAG_LEN;
	else
		secret_wipe(ret);
	return e;
}

/* Takes `word` off the front of *s. */
static bool take_word(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n) != 0)
		return false;
	*s += n;
	return true;
}

/* Takes a decimal number of 1 to 7 digits without leading zeros: more can't be within the caps. */
static bool take_number(const char **s, uint32_t *ret)
{
	uint32_t value = 0;
	size_t n = 0;

	for (; (*s)[n] >= '0' && (*s)[n] <= '9'; n++) {
		if (n == 7)
			return false;
		value = value * 10 + (uint32_t)((*s)[n] - '0');
	}
	if (n == 0 || (*s)[0] == '0')
		return false;
	*s += n;
	*ret = value;
	return true;
}

static bool take_base64(const char **s, unsigned char *dst, size_t len)
{
	if (!base64_decode(dst, len, *s))
		return false;
	*s += BASE64_LEN(len);
	return true;
}

static enum err parse(const char *hash, struct parsed *ret, struct secret *tag)
{
	const char *s = hash;
	bool good = take_word(&s, PREFIX) && take_number(&s, &ret->cost.m_kib) &&
		    take_word(&s, ",t=") && take_number(&s, &ret->cost.t) &&
		    take_word(&s, ",p=1$") && take_base64(&s, ret->salt, SALT_LEN) &&
		    take_word(&s, "$") && take_base64(&s, tag->bytes, TAG_LEN) && *s == '\0';

	if (!good)
		return fail(ERR_STORE_CORRUPT, "a password hash is not in our form");
	if (!cost_in_bounds(ret->cost))
		return fail(ERR_STORE_CORRUPT, "a password hash has a cost out of bounds");
	tag->len = TAG_LEN;
	return ERR_OK;
}

static void write_hash(const struct pwhash_cost *cost, const unsigned char salt[SALT_LEN],
		       const struct secret *tag, char dst[PWHASH_SIZE])
{
	char *p = dst + snprintf(dst, PWHASH_SIZE, PREFIX "%u,t=%u,p=1$", cost->m_kib, cost->t);

	p += base64_encode(p, salt, SALT_LEN);
	*p++ = '$';
	p += base64_encode(p, tag->bytes, TAG_LEN);
	*p = '\0';
}

enum err pwhash_make(const struct secret *password, const struct secret *key, const char *context,
		     struct pwhash_cost cost, char dst[PWHASH_SIZE])
{
	unsigned char salt[SALT_LEN];
	SECRET(tag);
	enum err e = random_bytes(salt, sizeof(salt));

	if (e != ERR_OK)
		return e;
	if (password->len == 0)
		return fail(ERR_INVALID, "an empty password is never hashed");
	e = derive(password, key, context, cost, salt, &tag);
	if (e != ERR_OK)
		return e;
	write_hash(&cost, salt, &tag, dst);
	return ERR_OK;
}

enum err pwhash_verify(const struct secret *password, const struct secret *key, const char *context,
		       const char *hash)
{
	SECRET(expected);
	SECRET(tag);
	struct parsed p;
	enum err e = parse(hash, &p, &expected);

	if (e != ERR_OK)
		return e;
	e = derive(password, key, context, p.cost, p.salt, &tag);
	if (e != ERR_OK)
		return e;
	return secret_equal(&tag, &expected) ? ERR_OK : ERR_SECRET_WRONG;
}

enum err pwhash_dummy(const struct secret *password, const struct secret *key,
		      struct pwhash_cost cost)
{
	static const unsigned char salt[SALT_LEN] = "nobody's salt";
	SECRET(tag);

	return derive(password, key, "nobody", cost, salt, &tag);
}

enum err pwhash_cost_of(const char *hash, struct pwhash_cost *ret)
{
	SECRET(tag);
	struct parsed p;
	enum err e = parse(hash, &p, &tag);

	if (e != ERR_OK)
		return e;
	*ret = p.cost;
	return ERR_OK;
}
