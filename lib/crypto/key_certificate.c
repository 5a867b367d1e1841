/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <time.h>

#include "key.h"
#include "ossl.h"
#include "text.h"

#define CERTIFICATE_MAX 16384
#define SUBJECT_MAX 1024        /* of what is escaped and cut for display */

/* Containers of cards are filled up to their size. */
static bool is_padding(const unsigned char *p, const unsigned char *end)
{
	while (p < end && (*p == 0x00 || *p == 0xFF))
		p++;
	return p == end;
}

static bool read_time(const ASN1_TIME *at, int64_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(at, &tm) != 1)
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

/* UTF-8 stays, control characters are escaped by OpenSSL, what else could fool a reader by text. */
static enum err read_subject(const X509 *x, char *dst, size_t size)
{
	OSSL_OWNED(BIO, out);
	char line[SUBJECT_MAX] = "";

	out = BIO_new(BIO_s_mem());
	if (!out || X509_NAME_print_ex(out, X509_get_subject_name(x), 0,
				       XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
		return ossl_fail("subject of a certificate");
	/* Of a name without entries there is nothing to read. */
	(void)BIO_read(out, line, sizeof(line) - 1);
	(void)text_escape(dst, size, line);
	return ERR_OK;
}

static enum err read_key(const X509 *x, struct key_info *ret)
{
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	enum err e;

	if (n < 0)
		return ossl_fail("key of a certificate");
	e = key_from_spki(spki, (size_t)n, ret);
	OPENSSL_free(spki);
	return e;
}

enum err key_from_certificate(const void *der, size_t len, struct cert_info *ret)
{
	OSSL_OWNED(X509, x);
	OSSL_LIB_CTX *lib = ossl_ctx();
	const unsigned char *p = der;
	struct cert_info info = { .not_before = 0 };
	bool is_read;
	enum err e;

	if (!lib)
		return ERR_CRYPTO;
	if (len > CERTIFICATE_MAX)
		return fail(ERR_INVALID, "certificate of %zu bytes", len);
	x = X509_new_ex(lib, NULL);
	if (!x)
		return ossl_fail("certificate");
	is_read = d2i_X509(&x, &p, (long)len) && is_padding(p, (const unsigned char *)der + len) &&
		  read_time(X509_get0_notBefore(x), &info.not_before) &&
		  read_time(X509_get0_notAfter(x), &info.not_after);
	ossl_forget_errors();   /* keys of unknown kinds leave some; they are judged next */
	if (!is_read)
		return fail(ERR_INVALID, "not an X.509 certificate");
	e = read_key(x, &info.key);
	if (e == ERR_OK)
		e = read_subject(x, info.subject, sizeof(info.subject));
	if (e == ERR_OK)
		*ret = info;
	return e;
}
