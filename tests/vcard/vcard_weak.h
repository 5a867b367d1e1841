/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys that no enrolment should accept: a table of sorts. */
#ifndef VCARD_WEAK_H
#define VCARD_WEAK_H

#include <openssl/x509.h>
#include <stdbool.h>

bool vweak_known(const char *sort);
/* Replaces what `to` holds; false when there is no such sort or it could not be made. */
bool vweak_put(X509_PUBKEY *to, const char *sort);

#endif
