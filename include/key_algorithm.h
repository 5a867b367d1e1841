/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds and sizes of cards' keys: what store, wire, crypto and card have in common. No code. */
#ifndef CARDMFA_KEY_ALGORITHM_H
#define CARDMFA_KEY_ALGORITHM_H

#define KEY_SPKI_MAX 1024               /* DER SubjectPublicKeyInfo */
#define KEY_SIGNATURE_MAX 512

enum key_algorithm {            /* numbers are ours; PIV's are in app_piv.c */
	KEY_RSA2048 = 1, KEY_RSA3072, KEY_RSA4096, KEY_P256, KEY_P384
};

#endif
