/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports, many at once: each gets a socket, and what becomes of it is what the kernel and the network say of that
 * socket.
 *
 * All connections of a window are begun before any conversation, so that a slow server does not spoil the times of the
 * others.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <sys/socket.h>

#include "diag/stream.h"

#define QUIET_US 100000 /* behind the first bytes: nothing more comes */

const char *pt_dial_state_name(enum pt_dial_state s, bool udp)
{
	static const char *const names[] = {
		[PT_DIAL_OPEN] = "open",	 [PT_DIAL_REFUSED] = "refused", [PT_DIAL_UNREACHABLE] = "unreachable",
		[PT_DIAL_FILTERED] = "filtered", [PT_DIAL_FAILED] = "failed",
	};

	if (udp && s == PT_DIAL_FILTERED)
		return "open|filtered";
	return udp && s == PT_DIAL_REFUSED ? "closed" : names[s];
}

/* ---- what ICMP says ---- */

struct icmp_name {
	uint8_t type, code;
	const char *name;
};

static const struct icmp_name v4_names[] = {
	{ 3, 0, "network unreachable" },	 { 3, 1, "host unreachable" },
	{ 3, 2, "protocol unreachable" },	 { 3, 3, "port unreachable" },
	{ 3, 4, "packet too big" },		 { 3, 5, "source route failed" },
	{ 3, 6, "network unknown" },		 { 3, 7, "host unknown" },
	{ 3, 9, "network administratively prohibited" }, { 3, 10, "host administratively prohibited" },
	{ 3, 11, "network unreachable for this service" }, { 3, 12, "host unreachable for this service" },
	{ 3, 13, "administratively prohibited" }, { 3, 14, "host precedence violation" },
	{ 3, 15, "precedence cutoff" },		 { 11, 0, "time to live exceeded" },
	{ 12, 0, "parameter problem" },
};

static const struct icmp_name v6_names[] = {
	{ 1, 0, "no route" }, { 1, 1, "administratively prohibited" }, { 1, 2, "beyond the scope of the source" },
	{ 1, 3, "address unreachable" }, { 1, 4, "port unreachable" }, { 1, 5, "source address refused by policy" },
	{ 1, 6, "route rejected" }, { 2, 0, "packet too big" }, { 3, 0, "hop limit exceeded" },
	{ 4, 0, "parameter problem" },
};

const char *pt_dial_icmp_name(const struct pt_dial_icmp *i)
{
	bool six = i->af == PT_AF_INET6;
	const struct icmp_name *t = six ? v6_names : v4_names;

	for (size_t k = 0; k < (six ? PT_ARRAY_SIZE(v6_names) : PT_ARRAY_SIZE(v4_names)); k++)
		if (t[k].type == i->type && t[k].code == i->code)
			return t[k].name;
	return "another ICMP message";
}

static enum pt_dial_state state_of(int error)
{
	static const struct {
		int error;
		enum pt_dial_state state;
	} known[] = {
		{ 0, PT_DIAL_OPEN },
		{ ECONNREFUSED, PT_DIAL_REFUSED },
		{ ECONNRESET, PT_DIAL_REFUSED },
		{ EHOSTUNREACH, PT_DIAL_UNREACHABLE },
		{ ENETUNREACH, PT_DIAL_UNREACHABLE },
		{ ENOPROTOOPT, PT_DIAL_UNREACHABLE },
		{ EHOSTDOWN, PT_DIAL_UNREACHABLE },
		{ ENONET, PT_DIAL_UNREACHABLE },
		{ EOPNOTSUPP, PT_DIAL_UNREACHABLE },
		{ EPROTO, PT_DIAL_UNREACHABLE },
		{ EMSGSIZE, PT_DIAL_UNREACHABLE },
		{ EACCES, PT_DIAL_UNREACHABLE }, /* prohibited, by ICMP or by a route of ours */
		{ EINVAL, PT_DIAL_UNREACHABLE }, /* a blackhole of ours */
		{ ETIMEDOUT, PT_DIAL_FILTERED },
		{ EPERM, PT_DIAL_FILTERED },	 /* a rule of ours drops it */
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++)
		if (known[i].error == error)
			return known[i].state;
	return PT_DIAL_FAILED;
}

/* ---- one window ---- */

struct flight {
	struct pt_dial r;
	struct stream s;
	int64_t begun;
	bool waits, again; /* AGAIN: a datagram was sent twice */
};

struct dialling {
	const struct pt_dial_want *w;
	struct flight *flights;
	size_t n;
	struct pt_arena *arena; /* of the window */
};

static bool talks(const struct pt_dial_want *w)
{
	return !w->udp && (w->tls || w->banner || w->n_send || w->starttls != PT_DIAL_PLAIN);
}

static void settle(const struct dialling *d, struct flight *f, int error)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);

	f->waits = false;
	f->r.us = (uint64_t)(stream_now() - f->begun);
	f->r.error = error;
	f->r.state = state_of(error);
	if (error && f->s.fd >= 0)
		(void)icmp_read(f->s.fd, &f->r.icmp);
	if (f->s.fd >= 0 && !getsockname(f->s.fd, (struct sockaddr *)&own, &len))
		f->r.from = address_of((const struct sockaddr *)&own);
	/* Of the ports for clients of this machine itself, a connection may get the very one it asks for, and so reach
	 * itself. */
	if (!error && !d->w->udp && f->r.from.af == f->r.addr.af && f->r.from.v == f->r.addr.v &&
	    port_of((const struct sockaddr *)&own) == f->r.port) {
		f->r.state = PT_DIAL_REFUSED;
		f->r.error = error = ECONNREFUSED;
	}
	if (f->s.fd >= 0 && (error || !talks(d->w))) {
		close(f->s.fd);
		f->s.fd = -1;
	}
}

static int send_datagram(const struct dialling *d, const struct flight *f)
{
	return send(f->s.fd, d->w->send, d->w->n_send, MSG_NOSIGNAL) < 0 ? errno : 0;
}

static void begin(const struct dialling *d, struct flight *f, const struct pt_dial_target *t)
{
	const struct sockaddr *sa = (const struct sockaddr *)&t->addr;
	int rc;

	memset(f, 0, sizeof(*f));
	f->s.fd = -1;
	f->r.addr = address_of(sa);
	f->r.port = port_of(sa);
	rc = stream_socket(sa->sa_family, d->w->udp ? SOCK_DGRAM : SOCK_STREAM, d->w->from, d->w->on, &f->s.fd);
	f->begun = stream_now();
	f->s.until = f->begun + d->w->timeout;
	if (rc) {
		f->r.state = PT_DIAL_FAILED;
		f->r.error = -rc;
		return;
	}
	f->waits = true;
	rc = connect(f->s.fd, sa, t->len) ? errno : 0;
	if (d->w->udp && !rc)
		rc = send_datagram(d, f);
	if (rc && rc != EINPROGRESS)
		settle(d, f, rc);
	else if (!rc && !d->w->udp)
		settle(d, f, 0);
}

static void read_datagram(const struct dialling *d, struct flight *f)
{
	ssize_t n = recv(f->s.fd, f->r.bytes, sizeof(f->r.bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		f->r.n_bytes = (size_t)n;
	settle(d, f, n < 0 ? errno : 0);
}

static void serve(const struct dialling *d, struct flight *f)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (d->w->udp) {
		read_datagram(d, f);
		return;
	}
	if (getsockopt(f->s.fd, SOL_SOCKET, SO_ERROR, &error, &n))
		error = errno;
	settle(d, f, error);
}

/* Half-way, a datagram is sent once more: one that got lost is no filter. */
static int64_t next_of(const struct dialling *d, const struct flight *f)
{
	return d->w->udp && !f->again ? f->begun + d->w->timeout / 2 : f->s.until;
}

static void late(const struct dialling *d, struct flight *f, int64_t now)
{
	if (now < next_of(d, f))
		return;
	if (d->w->udp && !f->again) {
		f->again = true;
		if (send_datagram(d, f))
			settle(d, f, errno);
		return;
	}
	settle(d, f, ETIMEDOUT);
	f->r.us = 0;
}

static bool told_to_stop(const struct dialling *d)
{
	struct pollfd stop = { .fd = d->w->stop ? *d->w->stop : -1, .events = POLLIN };

	return d->w->stop && poll(&stop, 1, 0) > 0;
}

static int wait_all(const struct dialling *d)
{
	struct pollfd fds[PT_DIAL_FLIGHT_MAX + 1];
	size_t whose[PT_DIAL_FLIGHT_MAX];

	for (;;) {
		int64_t now = stream_now(), first = INT64_MAX;
		nfds_t n = 0;

		for (size_t i = 0; i < d->n; i++) {
			struct flight *f = &d->flights[i];

			if (f->waits)
				late(d, f, now);
			if (!f->waits)
				continue;
			if (next_of(d, f) < first)
				first = next_of(d, f);
			whose[n] = i;
			fds[n++] = (struct pollfd){ .fd = f->s.fd, .events = d->w->udp ? POLLIN : POLLOUT };
		}
		if (!n)
			return 0;
		fds[n] = (struct pollfd){ .fd = d->w->stop ? *d->w->stop : -1, .events = POLLIN };
		if (poll(fds, n + 1, first > now ? (int)((first - now + 999) / 1000) : 0) < 0 && errno != EINTR)
			return -errno;
		for (nfds_t i = 0; i < n; i++)
			if (fds[i].revents)
				serve(d, &d->flights[whose[i]]);
		if (fds[n].revents)
			return -ECANCELED;
	}
}

/* ---- what is said on an open connection ---- */

static void broken(struct flight *f, const char *what, int rc)
{
	(void)snprintf(f->r.why, sizeof(f->r.why), "%s: %s", what,
		       rc == -ETIMEDOUT ? "no answer in time" :
			       rc == -ECONNRESET ? "the other end hung up" :
						   strerror(-rc));
}

static int listen_to(const struct dialling *d, struct flight *f)
{
	int64_t end = stream_now() + d->w->timeout, quiet;

	f->s.until = end;
	while (f->r.n_bytes < sizeof(f->r.bytes)) {
		ssize_t n = stream_read(&f->s, f->r.bytes + f->r.n_bytes, sizeof(f->r.bytes) - f->r.n_bytes);

		if (n <= 0 && f->r.n_bytes)
			return 0;
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		f->r.n_bytes += (size_t)n;
		/* Who says a byte now and then does not go on for ever. */
		quiet = stream_now() + QUIET_US;
		f->s.until = quiet < end ? quiet : end;
	}
	return 0;
}

static int secure(const struct dialling *d, struct flight *f)
{
	int rc;

	f->s.until = stream_now() + d->w->timeout;
	rc = d->w->starttls == PT_DIAL_PLAIN ? 0 : starttls_ask(&f->s, d->w->starttls, f->r.why, sizeof(f->r.why));
	if (rc)
		return rc;
	f->s.until = stream_now() + d->w->timeout;
	rc = tls_begin(&f->s, &d->w->tls_want, d->arena, &f->r.tls);
	if (rc && f->r.tls.why)
		(void)snprintf(f->r.why, sizeof(f->r.why), "%s", f->r.tls.why);
	return rc;
}

static int talk(const struct dialling *d, struct flight *f)
{
	const struct pt_dial_want *w = d->w;
	int rc = 0;

	f->r.talked = true;
	if (w->tls || w->starttls != PT_DIAL_PLAIN)
		rc = secure(d, f);
	if (!rc && w->n_send) {
		f->s.until = stream_now() + w->timeout;
		rc = stream_write(&f->s, w->send, w->n_send);
		if (rc)
			broken(f, "sending", rc);
	}
	if (!rc && (w->n_send || w->banner)) {
		rc = listen_to(d, f);
		if (rc)
			broken(f, "waiting for its first bytes", rc);
	}
	return rc == -ENOMEM ? rc : 0;
}

static int run_window(struct dialling *d, const struct pt_dial_target *t)
{
	int rc;

	for (size_t i = 0; i < d->n; i++)
		begin(d, &d->flights[i], &t[i]);
	rc = wait_all(d);
	for (size_t i = 0; i < d->n; i++) {
		struct flight *f = &d->flights[i];

		if (!rc && talks(d->w) && told_to_stop(d))
			rc = -ECANCELED;
		if (!rc && f->r.state == PT_DIAL_OPEN && talks(d->w))
			rc = talk(d, f);
		stream_close(&f->s);
	}
	return rc;
}

int pt_dial_all(const struct pt_dial_target *t, size_t n, const struct pt_dial_want *w,
		int (*tell)(const struct pt_dial *r, void *arg), void *arg, struct pt_err *e)
{
	struct dialling d = { .w = w, .arena = pt_arena_new() };
	int rc = 0;

	d.flights = calloc(PT_DIAL_FLIGHT_MAX, sizeof(*d.flights));
	if (!d.arena || !d.flights)
		rc = -ENOMEM;
	for (size_t at = 0; !rc && at < n; at += d.n) {
		d.n = n - at < PT_DIAL_FLIGHT_MAX ? n - at : PT_DIAL_FLIGHT_MAX;
		rc = run_window(&d, t + at);
		if (rc && rc != -ECANCELED)
			(void)pt_err_sys(e, rc, "connecting");
		/* What is known when somebody ends it is told. */
		for (size_t i = 0; (!rc || rc == -ECANCELED) && i < d.n; i++) {
			int told = d.flights[i].waits ? 0 : tell(&d.flights[i].r, arg);

			rc = told ? told : rc;
		}
		pt_arena_reset(d.arena);
	}
	free(d.flights);
	pt_arena_free(d.arena);
	return rc;
}
