/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server of iperf3's protocol, for one test. It talks to nobody who is not allowed, sends data only to whom it has
 * a connection of TCP with, and bounds what a client may ask for: time, streams, memory. What a client does wrong ends
 * that client, not the waiting.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "diag/iperf.h"
#include "diag/stream.h"

#define BACKLOG 16
#define STRANGERS_MAX 1024 /* connections that are none of the test's streams, while those are made */

static const uint8_t hello[] = { '9', '8', '7', '6' }, old_hello[] = { 0x15, 0xcd, 0x5b, 0x07 },
		     welcome[] = { '6', '7', '8', '9' };

/* Numbers that clients of iperf3 have words for. */
enum { ERROR_DURATION = 5, ERROR_STREAMS = 6, ERROR_PARAMETERS = 114, ERROR_CONGESTION = 134, ERROR_LISTEN = 202 };

/* ---- listening ---- */

static int open_listener(struct pt_addr from, enum pt_af af, uint16_t port, bool udp, int *fd)
{
	struct sockaddr_storage sa;
	struct pt_addr any = from.af != PT_AF_NONE ?
		from :
		(struct pt_addr){ .af = af == PT_AF_INET ? PT_AF_INET : PT_AF_NONE };
	socklen_t n = sockaddr_of(any, port, 0, &sa);
	int on = 1, only = af == PT_AF_INET6, rc = 0;

	*fd = socket(sa.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (sa.ss_family == AF_INET6 && setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only))) ||
	    bind(*fd, (struct sockaddr *)&sa, n) || (!udp && listen(*fd, BACKLOG)))
		rc = -errno;
	if (rc) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

int pt_iperf_listen(const struct pt_iperf_server *s, struct pt_err *e)
{
	int fd, rc = open_listener(s->from, s->af, s->port, false, &fd);

	if (rc == -EAFNOSUPPORT && s->from.af == PT_AF_NONE && s->af == PT_AF_NONE)
		rc = open_listener(s->from, PT_AF_INET, s->port, false, &fd);
	return rc ? pt_err_sys(e, rc, "listening on port %u", s->port) : fd;
}

static bool allowed(const struct pt_iperf_server *s, struct pt_addr a)
{
	for (size_t i = 0; i < s->n_allow; i++)
		if (s->allow[i].addr.af == a.af && a.v >= pt_prefix_lo(&s->allow[i]) &&
		    a.v <= pt_prefix_hi(&s->allow[i]))
			return true;
	return false;
}

static bool same(struct pt_addr a, struct pt_addr b)
{
	return a.af == b.af && a.v == b.v;
}

/* Without a word: nothing is read, nothing is sent. */
static void hang_up(int fd)
{
	struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static int accept_one(const struct iperf_run *r, int64_t until, struct pt_addr *peer)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	int fd, rc = iperf_wait(r, r->listener, POLLIN, until);

	if (rc)
		return rc;
	fd = accept4(r->listener, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
	*peer = iperf_peer(&sa);
	return fd;
}

/* ---- what the client asks for ---- */

static void refuse(const struct iperf_run *r, uint32_t number, int error)
{
	uint32_t numbers[2] = { htonl(number), htonl((uint32_t)error) };

	if (!iperf_say(r, IPERF_SERVER_ERROR))
		(void)iperf_write(r, numbers, sizeof(numbers));
}

static int take_test(struct iperf_run *r, const char **why)
{
	char *text = NULL;
	size_t n = 0;
	int rc = iperf_document_read(r, &text, &n);

	if (!rc)
		rc = pt_iperf_test_read(text, n, &r->test, why);
	free(text);
	if (rc == -EMSGSIZE)
		*why = "a document that is too long";
	if (rc && **why)
		refuse(r, ERROR_PARAMETERS, EPROTO);
	if (!rc && !r->test.block)
		r->test.block = 128 << 10;
	return rc;
}

static int check_test(const struct iperf_run *r, const struct pt_iperf_server *s, const char **why)
{
	if (r->test.seconds + r->test.omit > s->seconds) {
		refuse(r, ERROR_DURATION, 0);
		*why = "a longer test than is allowed";
		return -ERANGE;
	}
	if (r->test.streams > s->streams) {
		refuse(r, ERROR_STREAMS, 0);
		*why = "more streams than are allowed";
		return -ERANGE;
	}
	return 0;
}

static int greet(struct iperf_run *r, const struct pt_iperf_server *s, const char **why)
{
	int one = 1, rc;

	(void)setsockopt(r->control, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rc = iperf_read(r, r->control, r->cookie, sizeof(r->cookie));
	if (!rc && r->cookie[IPERF_COOKIE - 1])
		rc = -EPROTO;
	if (!rc)
		rc = iperf_say(r, IPERF_PARAM_EXCHANGE);
	if (!rc)
		rc = take_test(r, why);
	return rc ? rc : check_test(r, s, why);
}

/* A client that keeps to the protocol and to what is allowed. */
static int wait_for_client(struct iperf_run *r, const struct pt_iperf_server *s, int64_t until, struct pt_addr *peer)
{
	for (;;) {
		const char *why = "";
		struct pt_buf b = { 0 };
		int rc = accept_one(r, until, peer);

		if (rc == -EAGAIN)
			continue;
		if (rc < 0)
			return iperf_failed(r, rc == -ETIMEDOUT ? -ETIME : rc, "waiting for a client");
		if (!allowed(s, *peer)) {
			hang_up(rc);
			continue;
		}
		r->control = rc;
		rc = greet(r, s, &why);
		if (!rc)
			return 0;
		close(r->control);
		r->control = -1;
		if (rc == -ENOMEM || rc == -ECANCELED)
			return iperf_failed(r, rc, "waiting for a client");
		pt_addr_fmt(&b, *peer);
		pt_err_add(r->e, PT_WARNING, NULL, NULL, "%s was turned away: %s", b.err ? "a client" : b.s,
			   *why ? why :
				   rc == -ETIMEDOUT ? "it says nothing" :
				   rc == -ECONNRESET ? "it hung up" :
						       strerror(-rc));
		pt_buf_fini(&b);
	}
}

/* ---- streams of TCP ---- */

/* Whether it is a stream of this test: from the same address, with the cookie. */
static bool is_stream(const struct iperf_run *r, int fd, struct pt_addr from, struct pt_addr peer)
{
	char cookie[IPERF_COOKIE];

	return same(from, peer) && !iperf_read(r, fd, cookie, sizeof(cookie)) &&
		!memcmp(cookie, r->cookie, sizeof(cookie));
}

static int take_stream(struct iperf_run *r, struct pt_addr peer, int64_t until, int *out)
{
	int8_t denied = IPERF_ACCESS_DENIED;
	struct pt_addr from;

	for (int i = 0; i < STRANGERS_MAX; i++) {
		int fd = accept_one(r, until, &from);

		if (fd == -EAGAIN)
			continue;
		if (fd < 0)
			return fd;
		if (is_stream(r, fd, from, peer)) {
			*out = fd;
			return 0;
		}
		(void)send(fd, &denied, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
	return -ECONNABORTED;
}

/* ---- streams of UDP ---- */

static int wait_hello(const struct iperf_run *r, int fd, struct pt_addr peer, int64_t until,
		      struct sockaddr_storage *from, socklen_t *n)
{
	for (;;) {
		uint8_t in[16];
		ssize_t got;
		int rc = iperf_wait(r, fd, POLLIN, until);

		if (rc)
			return rc;
		*n = sizeof(*from);
		got = recvfrom(fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)from, n);
		if (got == sizeof(hello) && same(iperf_peer(from), peer) &&
		    (!memcmp(in, hello, sizeof(hello)) || !memcmp(in, old_hello, sizeof(hello))))
			return 0;
	}
}

/* The socket that heard it becomes the stream; the next one listens. LOCAL is where the control connection came to, so
 * that answers leave with that address. */
static int take_datagrams(struct iperf_run *r, struct pt_addr peer, int64_t until, int *udp, int *out)
{
	struct sockaddr_storage from, local = { 0 };
	socklen_t n, size = sizeof(local);
	int rc;

	if (*udp < 0) {
		int on = 1;

		if (getsockname(r->control, (struct sockaddr *)&local, &size))
			return -errno;
		*udp = socket(local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (*udp < 0)
			return -errno;
		if (setsockopt(*udp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		    bind(*udp, (struct sockaddr *)&local, size))
			return -errno;
	}
	if (!out)
		return 0;
	rc = wait_hello(r, *udp, peer, until, &from, &n);
	if (!rc && connect(*udp, (struct sockaddr *)&from, n))
		rc = -errno;
	if (rc)
		return rc;
	*out = *udp;
	*udp = -1;
	return 0;
}

static int take_all(struct iperf_run *r, struct pt_addr peer, int *udp)
{
	int64_t until = stream_now() + r->timeout;
	int rc = 0;

	for (size_t k = 0; !rc && k < r->n; k++) {
		/* Of both directions the client makes first those that it sends by. */
		struct iperf_stream *s = &r->streams[k];
		int af = peer.af == PT_AF_INET ? AF_INET : AF_INET6;

		rc = r->test.udp ? take_datagrams(r, peer, until, udp, &s->fd) : take_stream(r, peer, until, &s->fd);
		if (rc)
			return iperf_failed(r, rc, "the client's streams");
		rc = iperf_options(r, s->fd, af);
		/* The next one may begin as soon as this one is answered. */
		if (!rc && r->test.udp && k + 1 < r->n)
			rc = take_datagrams(r, peer, until, udp, NULL);
		if (!rc && r->test.udp && send(s->fd, welcome, sizeof(welcome), MSG_NOSIGNAL) < 0)
			rc = -errno;
		if (rc)
			refuse(r, r->test.congestion[0] ? ERROR_CONGESTION : ERROR_LISTEN, -rc);
	}
	return rc;
}

static int make_streams(struct iperf_run *r, struct pt_addr peer)
{
	int udp = -1, rc = r->test.udp ? take_datagrams(r, peer, 0, &udp, NULL) : 0;

	if (rc) {
		refuse(r, ERROR_LISTEN, -rc);
		(void)iperf_failed(r, rc, "listening for datagrams");
	} else {
		rc = iperf_say(r, IPERF_CREATE_STREAMS);
		if (rc)
			(void)iperf_failed(r, rc, "asking for streams");
	}
	if (!rc)
		rc = take_all(r, peer, &udp);
	if (udp >= 0)
		close(udp);
	return rc;
}

/* ---- the test ---- */

static int running(struct iperf_run *r)
{
	int rc = iperf_say(r, IPERF_TEST_START);

	if (!rc)
		rc = iperf_say(r, IPERF_TEST_RUNNING);
	return rc ? iperf_failed(r, rc, "starting the test") : 0;
}

static int measure(struct iperf_run *r, const struct pt_iperf_server *s)
{
	int64_t limit;
	int rc = IPERF_PUMP_OVER;

	iperf_begin(r);
	limit = r->begun + (int64_t)s->seconds * 1000000 + r->timeout;
	if (r->test.omit) {
		rc = iperf_pump(r, r->begun + (int64_t)r->test.omit * 1000000, 0, false);
		if (rc == IPERF_PUMP_OVER)
			iperf_omit(r);
	}
	if (rc == IPERF_PUMP_OVER)
		rc = iperf_pump(r, limit, 0, false);
	if (rc < 0)
		return rc;
	if (iperf_finish(r) < 0)
		return -ENOMEM;
	if (rc == IPERF_PUMP_CONTROL)
		return iperf_expect(r, IPERF_TEST_END);
	(void)iperf_say(r, IPERF_SERVER_TERMINATE);
	return iperf_failed(r, rc == IPERF_PUMP_STOP ? -ECANCELED : -ETIMEDOUT, "the end of the test");
}

static int exchange(struct iperf_run *r)
{
	const char *why = "";
	struct pt_buf b = { 0 };
	char *text = NULL;
	size_t n = 0;
	double cpu[3];
	int rc;

	for (size_t i = 0; i < r->n; i++) {
		close(r->streams[i].fd);
		r->streams[i].fd = -1;
	}
	rc = iperf_say(r, IPERF_EXCHANGE_RESULTS);
	if (!rc)
		rc = iperf_document_read(r, &text, &n);
	if (!rc)
		rc = pt_iperf_results_read(text, n, r->flows, r->n, &why);
	free(text);
	if (rc && *why) {
		pt_err_add(r->e, PT_ERROR, NULL, NULL, "the client sends %s", why);
		return rc;
	}
	iperf_cpu(r, cpu);
	pt_iperf_results_write(&b, &r->test, r->flows, r->n, cpu);
	if (!rc)
		rc = iperf_document_write(r, &b);
	pt_buf_fini(&b);
	if (!rc)
		rc = iperf_say(r, IPERF_DISPLAY_RESULTS);
	if (rc)
		return iperf_failed(r, rc, "exchanging results");
	return iperf_expect(r, IPERF_DONE);
}

static int test(struct iperf_run *r, const struct pt_iperf_server *s, int64_t until)
{
	struct pt_addr peer = { 0 };
	int told, rc = wait_for_client(r, s, until, &peer);

	if (!rc)
		rc = iperf_streams_new(r);
	if (!rc)
		rc = make_streams(r, peer);
	if (!rc)
		rc = running(r);
	if (!rc && r->l->begun)
		rc = r->l->begun(&r->test, peer, r->l->arg);
	if (rc)
		return rc;
	rc = measure(r, s);
	if (rc == -EPIPE || rc == -ENOMEM)
		return rc;
	if (!rc)
		rc = exchange(r);
	told = r->l->ended ? r->l->ended(&r->test, r->flows, r->n, !rc, r->l->arg) : 0;
	return rc ? rc : told;
}

int pt_iperf_serve(int fd, const struct pt_iperf_server *s, uint64_t wait, const struct pt_iperf_listener *l,
		   struct pt_err *e)
{
	struct iperf_run r = { .server = true,
			       .control = -1,
			       .listener = fd,
			       .stop_fd = s->stop_fd,
			       .timeout = s->timeout,
			       .interval = s->interval,
			       .l = l,
			       .e = e };
	int rc = test(&r, s, stream_now() + (int64_t)wait);

	iperf_streams_free(&r);
	if (r.control >= 0)
		close(r.control);
	return rc;
}
