/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store key file: several keys with ids; the newest (last) writes, all read. Text, one key a
 * line: "key ID BASE64" (ID 1..16 of [a-z0-9], 32 random bytes with one '='), '#' comments; at most 16 keys, 4 KiB.
 * It is root's (0600, directory too); programs get it as an open descriptor. Each key gives two
 * derived ones (HKDF-SHA-256, info "cardmfa seal" / "cardmfa password").
 */
#ifndef CARDMFA_KEYRING_H
#define CARDMFA_KEYRING_H

#include <stddef.h>

#include "error.h"
#include "secret.h"

#define KEYRING_ID_SIZE 17
#define KEYRING_MAX 16

enum keyring_use { KEYRING_SEAL = 1, KEYRING_PASSWORD };

struct keyring;         /* holds secrets; keyring_free wipes them */

/* Reads fd from offset 0 (pread), which stays open. Owner, mode and links are checked by who opened it. ERR_KEY_FILE with line. */
MUST_USE enum err keyring_read(int fd, struct keyring **ret);
void keyring_free(struct keyring *k);

/* Id of the key that writes. */
const char *keyring_newest(const struct keyring *k);

/* 32 derived bytes; ERR_NOT_FOUND: no key of that id. */
MUST_USE enum err keyring_key(const struct keyring *k, const char *id, enum keyring_use use, struct secret *ret);

/* One line for a new key file ("key 01 ...\n"), wiped by the caller. */
MUST_USE enum err keyring_line(const char *id, char *dst, size_t size);

#endif
