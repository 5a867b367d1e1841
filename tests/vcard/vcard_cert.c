/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_cert.h"

#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "vcard_keys.h"
#include "vcard_weak.h"

#define NOT_BEFORE "19990101000000Z"

static void x509_cleanup(X509 **x)
{
	X509_free(*x);
}

#define X509_AUTO __attribute__((cleanup(x509_cleanup))) X509

static bool cert_to_der(X509 *x, struct vbuf *ret)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	return vkey_take_der(der, len, ret);
}

/*
 * By NID: OpenSSL then checks neither length nor characters. It reads no UTF8String of bad UTF-8
 * back, but any bytes in a T61String.
 */
static bool cert_name(X509_NAME *name, const uint8_t *cn, size_t len)
{
	bool utf8 = ASN1_mbstring_copy(NULL, cn, (int)len, MBSTRING_UTF8, B_ASN1_UTF8STRING) ==
		    V_ASN1_UTF8STRING;

	return X509_NAME_add_entry_by_NID(name, NID_organizationName, V_ASN1_UTF8STRING,
					  (const unsigned char *)"Virtual city", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_NID(name, NID_commonName,
					  utf8 ? V_ASN1_UTF8STRING : V_ASN1_T61STRING, cn, (int)len,
					  -1, 0) == 1;
}

static X509 *cert_begin(const struct vcert_subject *who)
{
	char not_after[32];
	X509_AUTO *x = X509_new();
	X509 *done;

	snprintf(not_after, sizeof(not_after), "%.8s235959Z", who->not_after);
	if (!x || X509_set_version(x, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1 ||
	    ASN1_TIME_set_string_X509(X509_getm_notBefore(x), NOT_BEFORE) != 1 ||
	    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), not_after) != 1 ||
	    !cert_name(X509_get_subject_name(x), who->cn->data, who->cn->len) ||
	    X509_set_issuer_name(x, X509_get_subject_name(x)) != 1)
		return NULL;
	done = x;
	x = NULL;
	return done;
}

bool vcert_self_signed(EVP_PKEY *key, const struct vcert_subject *who, struct vbuf *ret)
{
	X509_AUTO *x = cert_begin(who);

	return x && X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0 &&
	       cert_to_der(x, ret);
}

bool vcert_odd_key(EVP_PKEY *key, const struct vcert_subject *who, const char *sort,
		   struct vbuf *ret)
{
	X509_AUTO *x = cert_begin(who);

	return x && X509_set_pubkey(x, key) == 1 && vweak_put(X509_get_X509_PUBKEY(x), sort) &&
	       X509_sign(x, key, EVP_sha256()) > 0 && cert_to_der(x, ret);
}

bool vcert_odd_key_known(const char *sort)
{
	return vweak_known(sort);
}

bool vcert_from_file(const char *file, struct vbuf *ret)
{
	FILE *in = fopen(file, "re");
	X509_AUTO *x = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;

	if (in && !x) {
		rewind(in);
		x = d2i_X509_fp(in, NULL);
	}
	if (in)
		fclose(in);
	return x && cert_to_der(x, ret);
}

static bool cert_extension(X509 *x, const char *oid, const struct vbuf *value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool ok = object && octets &&
		  ASN1_OCTET_STRING_set(octets, value->data, (int)value->len) == 1 &&
		  (ext = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets)) &&
		  X509_add_ext(x, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(object);
	return ok;
}

static bool cert_attest_extensions(X509 *x, const struct vcert_attested *what)
{
	VBUF_AUTO value = { 0 };
	uint8_t number[5] = { 0, (uint8_t)(what->serial >> 24), (uint8_t)(what->serial >> 16),
			      (uint8_t)(what->serial >> 8), (uint8_t)what->serial };
	size_t skip = 0;

	vbuf_add(&value, what->version, 3);
	if (!cert_extension(x, "1.3.6.1.4.1.41482.3.3", &value))
		return false;
	while (skip < 4 && !number[skip] && !(number[skip + 1] & 0x80))
		skip++;
	vbuf_clear(&value);
	vtlv_add(&value, 0x02, number + skip, sizeof(number) - skip);
	if (!cert_extension(x, "1.3.6.1.4.1.41482.3.7", &value))
		return false;
	vbuf_clear(&value);
	vbuf_byte(&value, what->pin_policy);
	vbuf_byte(&value, 1);
	if (!cert_extension(x, "1.3.6.1.4.1.41482.3.8", &value))
		return false;
	vbuf_clear(&value);
	vbuf_byte(&value, 1);
	return cert_extension(x, "1.3.6.1.4.1.41482.3.9", &value);
}

bool vcert_attest(EVP_PKEY *key, EVP_PKEY *by, const struct vcert_attested *what, struct vbuf *ret)
{
	static const char issuer[] = "Yubico PIV Attestation";
	char subject[64];
	struct vbuf cn = { .data = (uint8_t *)subject };
	X509_NAME *name = X509_NAME_new();
	X509_AUTO *x = NULL;
	bool ok;

	cn.len = (size_t)snprintf(subject, sizeof(subject), "YubiKey PIV Attestation %02x",
				  what->slot);
	x = cert_begin(&(struct vcert_subject){ .cn = &cn, .not_after = "20491231" });
	ok = x && name && cert_name(name, (const uint8_t *)issuer, strlen(issuer)) &&
	     X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
	     cert_attest_extensions(x, what) && X509_sign(x, by, EVP_sha256()) > 0 &&
	     cert_to_der(x, ret);
	X509_NAME_free(name);
	return ok;
}
