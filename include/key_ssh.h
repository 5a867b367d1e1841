/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys in SSH's own form (RFC 4253 6.6, RFC 5656 3.1; certificates: OpenSSH PROTOCOL.certkeys). Nothing is verified here. */
#ifndef CARDMFA_KEY_SSH_H
#define CARDMFA_KEY_SSH_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "key_algorithm.h"

#define KEY_SSH_FIELDS_MAX 526          /* RSA-4096: e of 4 bytes and n of 512, a zero before each, their lengths */
#define KEY_SSH_PLAIN_MAX (4 + 32 + KEY_SSH_FIELDS_MAX)  /* bytes of a plain key */
#define KEY_SSH_BLOB_MAX 8192           /* bytes of a key or certificate that is read */
#define KEY_SSH_TEXT_SIZE 800           /* "TYPE BASE64" of a plain key with its NUL */

struct key_ssh {
	enum key_algorithm algorithm;   /* RSA of any size reads as KEY_RSA2048, _3072 or _4096 by its modulus, others not at all */
	size_t len;
	unsigned char fields[KEY_SSH_FIELDS_MAX];       /* what stands behind the type in the blob */
};

/* From the DER SubjectPublicKeyInfo of a pinned key. ERR_INVALID: not one of this algorithm. */
MUST_USE enum err key_ssh_from_spki(enum key_algorithm algorithm, const void *spki, size_t len, struct key_ssh *ret);

/*
 * From the first two words of a public key line, none of which need end with a NUL. Of a certificate: the key that it certifies.
 * ERR_NOT_FOUND: of a kind that no card here has (Ed25519, sk-...). ERR_INVALID: malformed, or its blob is of another kind.
 */
MUST_USE enum err key_ssh_read(const char *type, size_t type_len, const char *base64, size_t base64_len, struct key_ssh *ret);

/* The same algorithm and numbers. */
bool key_ssh_same(const struct key_ssh *a, const struct key_ssh *b);

/* The plain key as it is sent and fingerprinted. dst >= KEY_SSH_PLAIN_MAX bytes; returns how many. */
size_t key_ssh_blob(const struct key_ssh *k, unsigned char *dst);

/* "ecdsa-sha2-nistp256 AAAA...": the plain key. dst >= KEY_SSH_TEXT_SIZE. */
const char *key_ssh_text(const struct key_ssh *k, char *dst, size_t size);

#endif
