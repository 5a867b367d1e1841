/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys of cards: parse, judge, verify. */
#ifndef CARDMFA_KEY_H
#define CARDMFA_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "key_algorithm.h"

struct key_info {
	enum key_algorithm algorithm;
	size_t spki_len;
	unsigned char spki[KEY_SPKI_MAX];     /* DER SubjectPublicKeyInfo, canonical */
	unsigned char spki_sha256[32];
};

struct cert_info {
	struct key_info key;
	int64_t not_before, not_after;          /* UTC seconds */
	char subject[256];                      /* one line, UTF-8, escaped: for display only */
};

/*
 * DER SubjectPublicKeyInfo, all of it. ERR_WEAK_KEY: RSA of other sizes than 2048, 3072, 4096,
 * exponent even, < 65537 or > 2^32, a modulus with the ROCA fingerprint (CVE-2017-15361) or a small
 * factor (primes below 2^16), other curves than P-256 and P-384, explicit parameters, compressed or invalid points,
 * an encoding that is not the canonical one. ERR_INVALID: no key at all.
 */
MUST_USE enum err key_from_spki(const void *der, size_t len, struct key_info *ret);

/* DER X.509 certificate, exactly len bytes (trailing 00/FF padding is allowed). Errors as above. The signature of the certificate isn't looked at: the key is pinned. */
MUST_USE enum err key_from_certificate(const void *der, size_t len, struct cert_info *ret);

/*
 * What the card is given to sign for this message: PKCS#1 v1.5 block with DigestInfo (SHA-256) for
 * RSA, of the modulus' size; SHA-256 digest for P-256, SHA-384 for P-384. dst >= 512 bytes.
 */
MUST_USE enum err key_signing_input(enum key_algorithm algorithm, const void *message, size_t len,
				    unsigned char *dst, size_t *dst_len);

/* ERR_OK only when sig is the signature of message by this key in its algorithm; ERR_DENIED otherwise (malformed too), ERR_CRYPTO when it can't be known. */
MUST_USE enum err key_verify(const struct key_info *key, const void *message, size_t len,
			     const void *sig, size_t sig_len);

/* Has OpenSSL load what its first check of a signature takes a millisecond for. ERR_CRYPTO. */
MUST_USE enum err key_warm_up(void);

#endif
