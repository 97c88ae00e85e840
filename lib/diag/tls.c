/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS as a client: a handshake, what was agreed, whose certificate it was, and whether that is trusted.
 *
 * The certificate is judged by OpenSSL but never ends the handshake: who looks for a fault wants to see it. Whoever
 * sends something behind it has been told by tls_begin() that it is not trusted.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag/openssl.h"

#define TRUSTED "/etc/ssl/certs"

struct tls {
	struct openssl o;
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

static int load(struct openssl *o)
{
	void *lib = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
	bool missing = false;

	if (!lib)
		return -ENOTSUP;
	OPENSSL_TLS_CALLS(LOAD)
	lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return -ENOTSUP;
	OPENSSL_CRYPTO_CALLS(LOAD)
	/* Neither files nor variables of the environment have a say in what it does. */
	return missing || !o->OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) ? -ENOTSUP : 0;
}

int pt_tls_load(struct pt_err *e)
{
	struct openssl o;
	int rc = load(&o);

	if (rc)
		pt_err_add(e, PT_ERROR, NULL, "install libssl3", "TLS needs OpenSSL 3, which is not here");
	return rc;
}

static int failed(struct tls *t, struct pt_arena *a, struct pt_tls *out, const char *what)
{
	unsigned long code = t->o.ERR_peek_error ? t->o.ERR_peek_error() : 0;
	const char *reason = code ? t->o.ERR_reason_error_string(code) : NULL;

	out->why = reason ? pt_arena_printf(a, "%s: %s", what, reason) : what;
	return -EPROTO;
}

/* Waits for what a call that did not end wants; 0: call it again. */
static int retry(struct tls *t, int rc, int64_t until)
{
	int saved = errno;

	switch (t->o.SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return stream_wait(t->fd, POLLIN, until);
	case SSL_ERROR_WANT_WRITE:
		return stream_wait(t->fd, POLLOUT, until);
	case SSL_ERROR_SYSCALL:
		return saved ? -saved : -ECONNRESET;
	default:
		return -EPROTO;
	}
}

ssize_t tls_read(struct tls *t, void *buf, size_t n, int64_t until)
{
	for (;;) {
		int rc, got;

		t->o.ERR_clear_error();
		errno = 0;
		got = t->o.SSL_read(t->ssl, buf, n > INT32_MAX ? INT32_MAX : (int)n);
		if (got > 0)
			return got;
		if (t->o.SSL_get_error(t->ssl, got) == SSL_ERROR_ZERO_RETURN)
			return 0;
		rc = retry(t, got, until);
		if (rc)
			return rc;
	}
}

ssize_t tls_write(struct tls *t, const void *buf, size_t n, int64_t until)
{
	for (;;) {
		int rc, put;

		t->o.ERR_clear_error();
		errno = 0;
		put = t->o.SSL_write(t->ssl, buf, n > INT32_MAX ? INT32_MAX : (int)n);
		if (put > 0)
			return put;
		rc = retry(t, put, until);
		if (rc)
			return rc;
	}
}

void tls_end(struct tls *t)
{
	if (t->ssl)
		t->o.SSL_free(t->ssl);
	if (t->context)
		t->o.SSL_CTX_free(t->context);
	free(t);
}

/* ---- before the handshake ---- */

static int prepare_context(struct tls *t, const struct pt_tls_want *w, struct pt_arena *a, struct pt_tls *out)
{
	struct openssl *o = &t->o;

	t->context = o->SSL_CTX_new(o->TLS_client_method());
	if (!t->context)
		return failed(t, a, out, "preparing TLS");
	o->SSL_CTX_set_verify(t->context, SSL_VERIFY_NONE, NULL); /* judged behind it */
	o->SSL_CTX_ctrl(t->context, SSL_CTRL_SET_MIN_PROTO_VERSION, w->any ? TLS1_VERSION : TLS1_2_VERSION, NULL);
	if (w->any && !o->SSL_CTX_set_cipher_list(t->context, "ALL:@SECLEVEL=0"))
		return failed(t, a, out, "preparing TLS");
	if (!o->SSL_CTX_load_verify_locations(t->context, w->ca, w->ca ? NULL : TRUSTED))
		return failed(t, a, out, w->ca ? pt_arena_printf(a, "reading %s", w->ca) : "reading " TRUSTED);
	return 0;
}

static bool is_address(const char *name)
{
	struct pt_addr x;

	return !pt_addr_parse(name, &x);
}

static int prepare(struct tls *t, const struct pt_tls_want *w, struct pt_arena *a, struct pt_tls *out)
{
	struct openssl *o = &t->o;
	int rc = prepare_context(t, w, a, out);

	if (rc)
		return rc;
	t->ssl = o->SSL_new(t->context);
	if (!t->ssl || !o->SSL_set_fd(t->ssl, t->fd))
		return failed(t, a, out, "preparing TLS");
	if (w->name && is_address(w->name))
		rc = !o->X509_VERIFY_PARAM_set1_ip_asc(o->SSL_get0_param(t->ssl), w->name);
	else if (w->name)
		rc = !o->SSL_set1_host(t->ssl, w->name) ||
		     !o->SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)w->name);
	if (!rc && w->alpn) {
		unsigned char list[257];
		size_t n = strlen(w->alpn);

		if (!n || n > 255)
			rc = 1;
		list[0] = (unsigned char)n;
		memcpy(list + 1, w->alpn, n > 255 ? 255 : n);
		rc = rc ? rc : o->SSL_set_alpn_protos(t->ssl, list, (unsigned int)n + 1);
	}
	return rc ? failed(t, a, out, "preparing TLS") : 0;
}

/* ---- behind it ---- */

static int describe(struct tls *t, const struct pt_tls_want *w, struct pt_arena *a, struct pt_tls *out)
{
	const struct openssl *o = &t->o;
	long verdict = o->SSL_get_verify_result(t->ssl);
	X509 *x = o->SSL_get1_peer_certificate(t->ssl);
	STACK_OF(X509) *chain = o->SSL_get_peer_cert_chain(t->ssl);
	const unsigned char *alpn = NULL;
	unsigned int n_alpn = 0;
	int rc = 0;

	out->done = true;
	out->protocol = pt_arena_strdup(a, o->SSL_get_version(t->ssl));
	out->cipher = pt_arena_strdup(a, o->SSL_CIPHER_get_name(o->SSL_get_current_cipher(t->ssl)));
	o->SSL_get0_alpn_selected(t->ssl, &alpn, &n_alpn);
	if (n_alpn)
		out->alpn = pt_arena_memdup(a, alpn, n_alpn);
	out->chain = chain ? (size_t)o->OPENSSL_sk_num((const OPENSSL_STACK *)chain) : 0;
	out->has_certificate = x;
	if (x)
		rc = tls_certificate(o, x, a, &out->certificate);
	if (!x)
		out->verified = "the server showed no certificate";
	else if (verdict != X509_V_OK)
		out->verified = pt_arena_strdup(a, o->X509_verify_cert_error_string(verdict));
	out->wrong_name = x && w->name &&
		(is_address(w->name) ? o->X509_check_ip_asc(x, w->name, 0) :
				       o->X509_check_host(x, w->name, 0, 0, NULL)) != 1;
	if (x)
		o->X509_free(x);
	return rc || !out->protocol || !out->cipher ? -ENOMEM : 0;
}

static int shake(struct tls *t, int64_t until, struct pt_arena *a, struct pt_tls *out)
{
	for (;;) {
		int rc, done;

		t->o.ERR_clear_error();
		errno = 0;
		done = t->o.SSL_connect(t->ssl);
		if (done == 1)
			return 0;
		rc = retry(t, done, until);
		if (rc == -EPROTO)
			return failed(t, a, out, "no handshake");
		if (rc)
			out->why = rc == -ETIMEDOUT ? "no handshake: no answer in time" :
				   rc == -ECONNRESET ? "no handshake: the other end hung up" :
				   pt_arena_printf(a, "no handshake: %s", strerror(-rc));
		if (rc)
			return rc;
	}
}

int tls_begin(struct stream *s, const struct pt_tls_want *w, struct pt_arena *a, struct pt_tls *out)
{
	struct tls *t = calloc(1, sizeof(*t));
	int rc;

	memset(out, 0, sizeof(*out));
	if (!t)
		return -ENOMEM;
	t->fd = s->fd;
	rc = load(&t->o);
	if (rc)
		out->why = "TLS needs OpenSSL 3 (libssl3), which is not here";
	if (!rc)
		rc = prepare(t, w, a, out);
	if (!rc)
		rc = shake(t, s->until, a, out);
	if (!rc)
		rc = describe(t, w, a, out);
	if (!rc && !w->unchecked && (out->verified || out->wrong_name))
		rc = -EKEYREJECTED;
	if (rc)
		tls_end(t);
	else
		s->tls = t;
	return rc;
}
