/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a certificate says, as text. Whoever made it chose the bytes: they are escaped here, where their length is
 * known. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <patronus/out.h>

#include "diag/openssl.h"

#define NAMES_MAX 1000

static const char *escaped(struct pt_arena *a, const char *before, const void *p, size_t n)
{
	struct pt_buf b = { 0 };
	char *s;

	pt_buf_str(&b, before);
	pt_escape(&b, p, n);
	s = b.err ? NULL : pt_arena_memdup(a, b.s ? b.s : "", b.n);
	pt_buf_fini(&b);
	return s;
}

static const char *name_text(const struct openssl *o, const X509_NAME *name, struct pt_arena *a)
{
	BIO *bio = o->BIO_new(o->BIO_s_mem());
	const char *s = NULL;
	char *data = NULL;
	long n;

	if (!bio)
		return NULL;
	if (o->X509_NAME_print_ex(bio, name, 0,
				  XN_FLAG_SEP_CPLUS_SPC | ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_CTRL) >= 0) {
		n = o->BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
		s = escaped(a, "", data ? data : "", n > 0 ? (size_t)n : 0);
	}
	o->BIO_free(bio);
	return s;
}

static int64_t seconds(const struct openssl *o, const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return t && o->ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static const char *digits(struct pt_arena *a, const uint8_t *p, size_t n)
{
	struct pt_buf b = { 0 };
	char *s;

	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(&b, "%02x", p[i]);
	s = b.err ? NULL : pt_arena_memdup(a, b.s ? b.s : "", b.n);
	pt_buf_fini(&b);
	return s;
}

static const char *key_text(const struct openssl *o, const EVP_PKEY *key, struct pt_arena *a)
{
	const char *type = o->EVP_PKEY_get0_type_name(key);
	char group[64];
	size_t n;

	if (type && !strcmp(type, "EC") && o->EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1)
		return pt_arena_printf(a, "EC %s", group);
	return pt_arena_strdup(a, type ? type : "unknown");
}

/* ---- the other names ---- */

static const char *address_name(struct pt_arena *a, const uint8_t *p, size_t n)
{
	struct pt_buf b = { 0 };
	char *s;

	pt_buf_str(&b, "IP:");
	if (n == 4 || n == 16)
		pt_addr_fmt(&b, pt_addr_from_bytes(p, n));
	else
		pt_buf_str(&b, "?");
	s = b.err ? NULL : pt_arena_memdup(a, b.s, b.n);
	pt_buf_fini(&b);
	return s;
}

static int add_name(const struct openssl *o, const GENERAL_NAME *g, struct pt_arena *a, struct pt_tls_certificate *out)
{
	const ASN1_STRING *s = g->d.ia5; /* in all kinds that are shown */
	const char *text;

	if (g->type != GEN_DNS && g->type != GEN_IPADD && g->type != GEN_EMAIL && g->type != GEN_URI)
		return 0;
	if (g->type == GEN_IPADD)
		text = address_name(a, o->ASN1_STRING_get0_data(s), (size_t)o->ASN1_STRING_length(s));
	else
		text = escaped(a,
			       g->type == GEN_DNS ? "DNS:" :
				       g->type == GEN_EMAIL ? "email:" :
							      "URI:",
			       o->ASN1_STRING_get0_data(s), (size_t)o->ASN1_STRING_length(s));
	return text ? pt_vec_push(a, &out->names, text) : -ENOMEM;
}

static int add_names(const struct openssl *o, const X509 *x, struct pt_arena *a, struct pt_tls_certificate *out)
{
	GENERAL_NAMES *names = o->X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int rc = 0, n = names ? o->OPENSSL_sk_num((const OPENSSL_STACK *)names) : 0;

	for (int i = 0; !rc && i < n && i < NAMES_MAX; i++)
		rc = add_name(o, o->OPENSSL_sk_value((const OPENSSL_STACK *)names, i), a, out);
	if (names)
		o->GENERAL_NAMES_free(names);
	return rc;
}

int tls_certificate(const struct openssl *o, X509 *x, struct pt_arena *a, struct pt_tls_certificate *out)
{
	const ASN1_INTEGER *serial = o->X509_get0_serialNumber(x);
	EVP_PKEY *key = o->X509_get0_pubkey(x);
	unsigned char digest[EVP_MAX_MD_SIZE];
	const char *signature = o->OBJ_nid2ln(o->X509_get_signature_nid(x));
	unsigned int n = 0;

	memset(out, 0, sizeof(*out));
	out->subject = name_text(o, o->X509_get_subject_name(x), a);
	out->issuer = name_text(o, o->X509_get_issuer_name(x), a);
	out->serial = digits(a, o->ASN1_STRING_get0_data(serial), (size_t)o->ASN1_STRING_length(serial));
	out->signature = pt_arena_strdup(a, signature ? signature : "unknown");
	out->digest = o->X509_digest(x, o->EVP_sha256(), digest, &n) ? digits(a, digest, n) : "";
	out->key = key ? key_text(o, key, a) : "unknown";
	out->key_bits = key ? (unsigned int)o->EVP_PKEY_get_bits(key) : 0;
	out->from = seconds(o, o->X509_get0_notBefore(x));
	out->until = seconds(o, o->X509_get0_notAfter(x));
	if (!out->subject || !out->issuer || !out->serial || !out->signature || !out->digest || !out->key)
		return -ENOMEM;
	return add_names(o, x, a, out);
}
