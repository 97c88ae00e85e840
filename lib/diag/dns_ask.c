/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asking one server of the DNS, over UDP, TCP or TLS.
 *
 * Every try has a socket, and with it a port and a number, of its own. The socket is not connected, so that what comes
 * from other places is seen, and counted, and not believed; what ICMP says of it is read from its queue of errors.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "diag/dns.h"
#include "diag/stream.h"

#define HEADER 12 /* of a message */

struct asking {
	const struct pt_dns_server *server;
	struct pt_dns_query q;
	const struct pt_dns_way *w;
	struct pt_arena *arena;
	struct pt_dns_reply *out;
	uint8_t query[2 + PT_DNS_QUERY_MAX]; /* with its length, for streams */
	size_t n_query;
	uint16_t id;
	int64_t begun, until;
	uint8_t *buf; /* PT_DNS_MESSAGE_MAX */
};

const char *pt_dns_transport_name(enum pt_dns_transport t)
{
	static const char *const names[] = { [PT_DNS_UDP] = "udp", [PT_DNS_TCP] = "tcp", [PT_DNS_TLS] = "tls" };

	return names[t];
}

static void __attribute__((format(printf, 3, 4)))
is(struct asking *x, enum pt_dns_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	x->out->outcome = outcome;
	va_start(ap, fmt);
	(void)vsnprintf(x->out->why, sizeof(x->out->why), fmt, ap);
	va_end(ap);
}

static void failed(struct asking *x, int rc, const char *what)
{
	if (rc == -ETIMEDOUT)
		is(x, PT_DNS_TIMEOUT, "%s", *what ? what : "no answer in time");
	else if (rc == -ECONNREFUSED)
		is(x, PT_DNS_NOT_THERE, "nobody listens there");
	else if (rc == -ECONNRESET)
		is(x, PT_DNS_BROKEN, "the server hung up");
	else
		is(x, PT_DNS_NOT_THERE, "%s", strerror(-rc));
}

static void failed_icmp(struct asking *x, int error, const struct pt_dial_icmp *icmp)
{
	struct pt_buf b = { 0 };

	if (!icmp->there) {
		failed(x, -error, "");
		return;
	}
	pt_addr_fmt(&b, icmp->from);
	is(x, PT_DNS_NOT_THERE, "%s, says %s", pt_dial_icmp_name(icmp), b.s && icmp->from.af ? b.s : "somebody");
	pt_buf_fini(&b);
}

/* ---- is it the answer? ---- */

static int same_question(const struct asking *x, const struct pt_dns_message *m)
{
	struct pt_buf b = { 0 };
	int rc;

	if (!m->name) /* servers that did not understand it leave it out */
		return m->rcode != PT_DNS_NOERROR;
	pt_dns_name_text(&b, x->q.name);
	rc = b.err ? b.err : !strcasecmp(b.s, m->name) && m->type == x->q.type && m->rclass == x->q.rclass;
	pt_buf_fini(&b);
	return rc;
}

/* Looks at a message; 1: it is the answer, 0: it is not, and is counted. */
static int take(struct asking *x, const uint8_t *msg, size_t n)
{
	struct pt_dns_reply *out = x->out;
	struct pt_dns_message m;
	const char *why;
	int rc = pt_dns_read(msg, n, x->arena, &m, &why);

	if (rc == -ENOMEM)
		return rc;
	if (n >= HEADER && m.id != x->id) {
		out->ignored.id++;
		return 0;
	}
	if (rc || !(m.flags & PT_DNS_QR)) {
		out->ignored.malformed++;
		is(x, PT_DNS_BROKEN, "the answer has %s", rc ? why : "no mark of one");
		return 0;
	}
	rc = same_question(x, &m);
	if (rc < 0)
		return rc;
	if (!rc || m.opcode) {
		out->ignored.question++;
		return 0;
	}
	out->m = m;
	out->outcome = PT_DNS_ANSWERED;
	out->why[0] = '\0';
	out->us = (uint64_t)(stream_now() - x->begun);
	return 1;
}

/* A machine without a family does not reach servers of it; others may still answer. */
static int no_socket(struct asking *x, int rc)
{
	if (rc != -EAFNOSUPPORT)
		return rc;
	failed(x, rc, "");
	return 0;
}

/* ---- UDP ---- */

static bool from_server(const struct asking *x, const struct sockaddr_storage *from)
{
	const struct sockaddr *a = (const struct sockaddr *)from, *b = (const struct sockaddr *)&x->server->addr;
	struct pt_addr p = address_of(a), q = address_of(b);

	return p.af == q.af && p.v == q.v && port_of(a) == port_of(b);
}

static int read_datagram(struct asking *x, int fd)
{
	struct sockaddr_storage from;
	struct pt_dial_icmp icmp = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, x->buf, PT_DNS_MESSAGE_MAX, 0, (struct sockaddr *)&from, &len);
	int error = errno;

	if (n < 0 && (error == EAGAIN || error == EINTR))
		return 0;
	if (n < 0) {
		int told = icmp_read(fd, &icmp);

		failed_icmp(x, told ? told : error, &icmp);
		return -error;
	}
	if (!from_server(x, &from)) {
		x->out->ignored.source++;
		return 0;
	}
	return take(x, x->buf, (size_t)n);
}

static int by_datagram(struct asking *x)
{
	int fd, rc = stream_socket(x->server->addr.ss_family, SOCK_DGRAM, x->w->from, x->w->on, &fd);

	if (rc)
		return no_socket(x, rc);
	if (sendto(fd, x->query + 2, x->n_query, MSG_NOSIGNAL, (const struct sockaddr *)&x->server->addr,
		   x->server->len) < 0) {
		struct pt_dial_icmp none = { 0 };

		failed_icmp(x, errno, &none);
		close(fd);
		return 0;
	}
	do {
		rc = stream_wait(fd, POLLIN, x->until);
		if (!rc)
			rc = read_datagram(x, fd);
	} while (!rc);
	close(fd);
	if (rc == -ETIMEDOUT && x->out->outcome == PT_DNS_ANSWERED)
		failed(x, rc, "");
	return rc == -ENOMEM ? rc : 0;
}

/* ---- streams ---- */

static int read_exactly(struct stream *s, uint8_t *to, size_t n)
{
	while (n) {
		ssize_t got = stream_read(s, to, n);

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

static int read_stream(struct asking *x, struct stream *s)
{
	uint8_t head[2];
	size_t n;
	int rc;

	do {
		rc = read_exactly(s, head, sizeof(head));
		n = (size_t)head[0] << 8 | head[1];
		if (!rc)
			rc = read_exactly(s, x->buf, n);
		if (!rc)
			rc = take(x, x->buf, n);
	} while (!rc);
	return rc;
}

static int connect_stream(struct asking *x, struct stream *s)
{
	struct pt_dial_icmp icmp = { 0 };
	int rc = stream_socket(x->server->addr.ss_family, SOCK_STREAM, x->w->from, x->w->on, &s->fd);

	if (rc)
		return no_socket(x, rc);
	if (connect(s->fd, (const struct sockaddr *)&x->server->addr, x->server->len))
		rc = errno == EINPROGRESS ? stream_connected(s->fd, x->until) : -errno;
	if (!rc)
		return 1;
	(void)icmp_read(s->fd, &icmp);
	if (icmp.there)
		failed_icmp(x, -rc, &icmp);
	else
		failed(x, rc, "no connection in time");
	return 0;
}

static int shake_hands(struct asking *x, struct stream *s)
{
	struct pt_tls *t = &x->out->tls;
	int rc = tls_begin(s, &x->w->tls, x->arena, t);

	if (rc == -EKEYREJECTED)
		is(x, PT_DNS_UNTRUSTED, "not the server's certificate: %s%s%s", t->verified ? t->verified : "",
		   t->verified && t->wrong_name ? "; " : "", t->wrong_name ? "it has another name" : "");
	else if (rc == -ETIMEDOUT)
		is(x, PT_DNS_TIMEOUT, "%s", t->why);
	else if (rc)
		is(x, PT_DNS_UNTRUSTED, "%s", t->why ? t->why : strerror(-rc));
	return rc;
}

static int by_stream(struct asking *x, enum pt_dns_transport transport)
{
	struct stream s = { .fd = -1, .until = x->until };
	int rc = connect_stream(x, &s);

	if (rc <= 0)
		goto out;
	rc = 0;
	if (transport == PT_DNS_TLS)
		rc = shake_hands(x, &s);
	if (rc)
		goto out;
	x->query[0] = (uint8_t)(x->n_query >> 8);
	x->query[1] = (uint8_t)x->n_query;
	rc = stream_write(&s, x->query, x->n_query + 2);
	if (!rc)
		rc = read_stream(x, &s);
	if (rc < 0 && rc != -ENOMEM && !x->out->ignored.malformed)
		failed(x, rc, "");
out:
	stream_close(&s);
	return rc == -ENOMEM ? rc : 0;
}

/* ---- tries ---- */

static int try_once(struct asking *x, enum pt_dns_transport transport)
{
	if (getrandom(&x->id, sizeof(x->id), 0) != sizeof(x->id))
		return -EIO;
	x->out->transport = transport;
	x->out->outcome = PT_DNS_ANSWERED; /* until something else is known */
	x->n_query = pt_dns_write(&x->q, x->id, x->query + 2);
	x->begun = stream_now();
	x->until = x->begun + x->w->timeout;
	return transport == PT_DNS_UDP ? by_datagram(x) : by_stream(x, transport);
}

static bool answered(const struct asking *x)
{
	return x->out->outcome == PT_DNS_ANSWERED;
}

/* Servers from before EDNS say that they do not understand it. */
static bool hates_edns(const struct asking *x)
{
	const struct pt_dns_message *m = &x->out->m;

	return answered(x) && x->q.size && !m->edns.there && (m->rcode == PT_DNS_FORMERR || m->rcode == PT_DNS_NOTIMP);
}

static int one_try(struct asking *x)
{
	int rc = try_once(x, x->w->transport);

	x->out->tries++;
	if (!rc && hates_edns(x)) {
		x->q.size = 0;
		x->out->without_edns = true;
		rc = try_once(x, x->w->transport);
	}
	if (!rc && answered(x) && x->w->transport == PT_DNS_UDP && x->out->m.flags & PT_DNS_TC &&
	    !x->w->keep_truncated) {
		x->out->truncated = true;
		rc = try_once(x, PT_DNS_TCP);
	}
	return rc;
}

static int begin(struct asking *x, const struct pt_dns_server *s, const struct pt_dns_query *q,
		 const struct pt_dns_way *w, struct pt_arena *a, struct pt_dns_reply *out)
{
	*x = (struct asking){ .server = s, .q = *q, .w = w, .arena = a, .out = out, .buf = malloc(PT_DNS_MESSAGE_MAX) };
	memset(out, 0, sizeof(*out));
	out->server = s;
	return x->buf ? 0 : -ENOMEM;
}

static int ask(const struct pt_dns_server *s, const struct pt_dns_query *q, const struct pt_dns_way *w,
	       unsigned int tries, struct pt_arena *a, struct pt_dns_reply *out, struct pt_err *e)
{
	struct asking x;
	int rc = begin(&x, s, q, w, a, out);

	for (unsigned int i = 0; !rc && i < tries; i++) {
		rc = one_try(&x);
		if (out->outcome != PT_DNS_TIMEOUT)
			break;
	}
	free(x.buf);
	return rc ? pt_err_sys(e, rc, "asking") : 0;
}

int pt_dns_ask(const struct pt_dns_server *s, const struct pt_dns_query *q, const struct pt_dns_way *w,
	       struct pt_arena *a, struct pt_dns_reply *out, struct pt_err *e)
{
	return ask(s, q, w, w->tries ? w->tries : 1, a, out, e);
}

/* A server that cannot tell is better than one that is not there; only what is settled ends the search. */
static bool settled(const struct pt_dns_reply *r)
{
	return r->outcome == PT_DNS_ANSWERED && (r->m.rcode == PT_DNS_NOERROR || r->m.rcode == PT_DNS_NXDOMAIN);
}

int pt_dns_ask_any(const struct pt_dns_server *s, size_t n, const struct pt_dns_query *q, const struct pt_dns_way *w,
		   struct pt_arena *a, struct pt_dns_reply *out, struct pt_err *e)
{
	struct pt_dns_reply r;
	bool again[PT_DNS_SERVERS_MAX], some = false;
	int rc = 0;

	n = n < PT_DNS_SERVERS_MAX ? n : PT_DNS_SERVERS_MAX;
	memset(again, 1, sizeof(again));
	for (unsigned int round = 0; round < (w->tries ? w->tries : 1); round++) {
		for (size_t i = 0; i < n; i++) {
			if (!again[i])
				continue;
			rc = ask(&s[i], q, w, 1, a, &r, e);
			if (rc)
				return rc;
			r.tries = round + 1;
			again[i] = r.outcome == PT_DNS_TIMEOUT;
			if (!some || r.outcome == PT_DNS_ANSWERED)
				*out = r;
			some = true;
			if (settled(&r))
				return 0;
		}
	}
	return some ? 0 : -EINVAL;
}
