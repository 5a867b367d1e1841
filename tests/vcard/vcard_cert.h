/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of the virtual card: as issued, attested, compressed, and with keys nobody should
 * accept.
 */
#ifndef VCARD_CERT_H
#define VCARD_CERT_H

#include <openssl/evp.h>

#include "vcard_tlv.h"

struct vcert_subject {
	const struct vbuf *cn;		/* any bytes; T61String when they are no UTF-8 */
	const char *not_after;		/* YYYYMMDD */
};

/* Self-signed DER. */
bool vcert_self_signed(EVP_PKEY *key, const struct vcert_subject *who, struct vbuf *ret);
/*
 * The same certificate with a public key of another sort in it (a table of names: e1, e3, even,
 * roca, rsa1024, p192, offcurve, infinity); signed by `key`.
 */
bool vcert_odd_key(EVP_PKEY *key, const struct vcert_subject *who, const char *sort,
		   struct vbuf *ret);
bool vcert_odd_key_known(const char *sort);
/* DER of an X.509 file, PEM or DER. */
bool vcert_from_file(const char *file, struct vbuf *ret);

struct vcert_attested {
	uint8_t slot;
	uint8_t version[3];
	uint32_t serial;
	uint8_t pin_policy;		/* 1 never, 2 once, 3 always */
};

/* An attestation of `key` by `by` (extensions 1.3.6.1.4.1.41482.3.3, .7, .8, .9). */
bool vcert_attest(EVP_PKEY *key, EVP_PKEY *by, const struct vcert_attested *what, struct vbuf *ret);

/* RFC 1952 without compression; and `len` times one byte, compressed about 150:1. */
void vcert_gzip(const struct vbuf *plain, struct vbuf *ret);
void vcert_gzip_bomb(size_t len, struct vbuf *ret);

#endif
