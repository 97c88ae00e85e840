/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client of iperf3's protocol: it says what is tested, makes the connections, and says when it is over. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>

#include "diag/iperf.h"
#include "diag/stream.h"

#define DEFAULT_BLOCK ((uint32_t)128 << 10)
#define DEFAULT_DATAGRAM 1448
#define HELLO_TIMES 4 /* a datagram may get lost */
#define LONGEST ((int64_t)PT_IPERF_SECONDS_MAX * 1000000)

static const uint8_t hello[] = { '9', '8', '7', '6' }, welcome[] = { '6', '7', '8', '9' };
static const uint8_t old_welcome[] = { 0xb1, 0x68, 0xde, 0x3a };

static int make_cookie(struct iperf_run *r)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t bytes[IPERF_COOKIE - 1];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return pt_err_sys(r->e, -errno, "a number for the test");
	for (size_t i = 0; i < sizeof(bytes); i++)
		r->cookie[i] = letters[bytes[i] % 32];
	r->cookie[sizeof(bytes)] = '\0';
	return 0;
}

static int connect_to(const struct iperf_run *r, const struct pt_iperf_client *c, int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sockaddr_of(c->from, 0, c->zone, &sa), size = sizeof(int);
	int rc = 0, error = 0;

	if (c->from.af != PT_AF_NONE && bind(fd, (struct sockaddr *)&sa, n))
		return pt_err_sys(r->e, -errno, "sending from this address");
	n = sockaddr_of(c->to, c->port, c->zone, &sa);
	if (connect(fd, (struct sockaddr *)&sa, n))
		rc = -errno;
	if (rc == -EINPROGRESS)
		rc = iperf_wait(r, fd, POLLOUT, stream_now() + r->timeout);
	if (!rc && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		rc = -error;
	/* The words of the kernel for routes that drop or prohibit are those for a wrong call; our address may be wrong for the way, too. */
	if ((rc == -EINVAL || rc == -EACCES) && c->from.af == PT_AF_NONE) {
		pt_err_add(r->e, PT_ERROR, NULL, "`ptdiag route get` shows it", "connecting to the server: a route of this machine %s",
			   rc == -EINVAL ? "drops what goes there (blackhole)" : "prohibits it");
		return -EHOSTUNREACH;
	}
	return rc ? iperf_failed(r, rc, "connecting to the server") : 0;
}

static int send_all(const struct iperf_run *r, int fd, const void *p, size_t n)
{
	int rc = iperf_wait(r, fd, POLLOUT, stream_now() + r->timeout);

	/* A new connection has room for so little. */
	if (!rc && send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		rc = -ECONNRESET;
	return rc;
}

/* ---- streams ---- */

static bool is_welcome(const uint8_t *p, ssize_t n)
{
	return n == sizeof(welcome) && (!memcmp(p, welcome, sizeof(welcome)) || !memcmp(p, old_welcome, sizeof(welcome)));
}

static int greet(const struct iperf_run *r, int fd)
{
	int rc = 0;

	for (int i = 0; i < HELLO_TIMES; i++) {
		uint8_t in[64];

		if (send(fd, hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
			return -errno;
		rc = iperf_wait(r, fd, POLLIN, stream_now() + r->timeout / HELLO_TIMES);
		if (rc && rc != -ETIMEDOUT)
			return rc;
		/* Data of a stream that runs already may come before it. */
		for (int k = 0; !rc && k < 16; k++) {
			ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);

			if (n < 0 && errno != EAGAIN)
				return -errno;
			if (n < 0)
				break;
			if (is_welcome(in, n))
				return 0;
		}
	}
	return rc ? rc : -EPROTO;
}

static int make_stream(struct iperf_run *r, const struct pt_iperf_client *c, struct iperf_stream *s)
{
	int af = c->to.af == PT_AF_INET ? AF_INET : AF_INET6;
	int rc = iperf_socket(r, af, r->test.udp, &s->fd);

	if (!rc)
		rc = iperf_options(r, s->fd, af);
	if (!rc)
		rc = connect_to(r, c, s->fd);
	if (rc)
		return rc;
	rc = r->test.udp ? greet(r, s->fd) : send_all(r, s->fd, r->cookie, sizeof(r->cookie));
	return rc ? iperf_failed(r, rc, "making a stream") : 0;
}

static int make_streams(struct iperf_run *r, const struct pt_iperf_client *c)
{
	int rc = iperf_expect(r, IPERF_CREATE_STREAMS);

	for (size_t i = 0; !rc && i < r->n; i++)
		rc = make_stream(r, c, &r->streams[i]);
	if (!rc)
		rc = iperf_expect(r, IPERF_TEST_START);
	if (!rc)
		rc = iperf_expect(r, IPERF_TEST_RUNNING);
	return rc;
}

/* ---- the test ---- */

/* Datagrams as large as go unfragmented where the control connection goes. */
static void choose_block(struct iperf_run *r)
{
	int mss = 0;
	socklen_t n = sizeof(mss);

	if (r->test.block)
		return;
	r->test.block = r->test.udp ? DEFAULT_DATAGRAM : DEFAULT_BLOCK;
	if (r->test.udp && !getsockopt(r->control, IPPROTO_TCP, TCP_MAXSEG, &mss, &n) && mss >= PT_IPERF_DATAGRAM_MIN &&
	    mss <= PT_IPERF_DATAGRAM_MAX)
		r->test.block = (uint32_t)mss;
}

static int agree(struct iperf_run *r, const struct pt_iperf_client *c)
{
	int one = 1, rc = iperf_socket(r, c->to.af == PT_AF_INET ? AF_INET : AF_INET6, false, &r->control);
	struct pt_buf b = { 0 };

	if (!rc)
		rc = make_cookie(r);
	if (!rc)
		rc = connect_to(r, c, r->control);
	if (rc)
		return rc;
	(void)setsockopt(r->control, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	choose_block(r);
	rc = iperf_write(r, r->cookie, sizeof(r->cookie));
	if (rc)
		return iperf_failed(r, rc, "greeting the server");
	rc = iperf_expect(r, IPERF_PARAM_EXCHANGE);
	if (rc)
		return rc;
	pt_iperf_test_write(&b, &r->test);
	rc = iperf_document_write(r, &b);
	return rc ? iperf_failed(r, rc, "telling the server what is tested") : 0;
}

/* Ctrl-C is the end of the time: what both ends counted until then is a result, too. */
static int measure(struct iperf_run *r)
{
	int64_t until;
	int rc;

	iperf_begin(r);
	if (r->test.omit) {
		rc = iperf_pump(r, r->begun + (int64_t)r->test.omit * 1000000, 0, false);
		if (rc == IPERF_PUMP_OVER)
			iperf_omit(r);
	} else {
		rc = IPERF_PUMP_OVER;
	}
	until = r->begun + (r->test.seconds ? (int64_t)r->test.seconds * 1000000 : LONGEST);
	if (rc == IPERF_PUMP_OVER)
		rc = iperf_pump(r, until, r->test.bytes, false);
	if (rc == IPERF_PUMP_STOP)
		r->stop_fd = -1;
	if (rc < 0)
		return rc;
	if (iperf_finish(r) < 0)
		return -ENOMEM;
	return rc == IPERF_PUMP_CONTROL ? iperf_expect(r, IPERF_EXCHANGE_RESULTS) : 0;
}

static int take_results(struct iperf_run *r)
{
	const char *why = "";
	char *text = NULL;
	size_t n = 0;
	int rc = iperf_document_read(r, &text, &n);

	if (!rc)
		rc = pt_iperf_results_read(text, n, r->flows, r->n, &why);
	free(text);
	if (rc && *why) {
		pt_err_add(r->e, PT_ERROR, NULL, NULL, "the server sends %s", why);
		return rc;
	}
	return rc ? iperf_failed(r, rc, "the server's results") : 0;
}

static int exchange(struct iperf_run *r)
{
	struct pt_buf b = { 0 };
	double cpu[3];
	int rc = iperf_say(r, IPERF_TEST_END);

	if (rc)
		return iperf_failed(r, rc, "ending the test");
	/* A server that sends may be unable to hear before what it sent is read. */
	rc = iperf_pump(r, stream_now() + r->timeout, 0, true);
	if (rc < 0)
		return rc;
	if (rc != IPERF_PUMP_CONTROL)
		return iperf_failed(r, rc == IPERF_PUMP_STOP ? -ECANCELED : -ETIMEDOUT, "ending the test");
	rc = iperf_expect(r, IPERF_EXCHANGE_RESULTS);
	if (rc)
		return rc;
	iperf_cpu(r, cpu);
	pt_iperf_results_write(&b, &r->test, r->flows, r->n, cpu);
	rc = iperf_document_write(r, &b);
	if (rc)
		return iperf_failed(r, rc, "sending results");
	rc = take_results(r);
	if (!rc)
		rc = iperf_expect(r, IPERF_DISPLAY_RESULTS);
	if (!rc)
		(void)iperf_say(r, IPERF_DONE);
	return rc;
}

static int test(struct iperf_run *r, const struct pt_iperf_client *c)
{
	int rc = agree(r, c), told;

	if (!rc)
		rc = iperf_streams_new(r);
	if (!rc)
		rc = make_streams(r, c);
	if (!rc && r->l->begun)
		rc = r->l->begun(&r->test, c->to, r->l->arg);
	if (rc)
		return rc;
	rc = measure(r);
	if (rc == -EPIPE || rc == -ENOMEM)
		return rc;
	if (!rc)
		rc = exchange(r);
	told = r->l->ended ? r->l->ended(&r->test, r->flows, r->n, !rc, r->l->arg) : 0;
	return rc ? rc : told;
}

int pt_iperf_client(const struct pt_iperf_client *c, const struct pt_iperf_listener *l, struct pt_err *e)
{
	struct iperf_run r = { .test = c->test, .control = -1, .listener = -1, .stop_fd = c->stop_fd, .timeout = c->timeout,
			       .interval = c->interval, .l = l, .e = e };
	int rc = test(&r, c);

	if (rc == -ECANCELED && r.control >= 0)
		(void)iperf_say(&r, IPERF_CLIENT_TERMINATE);
	iperf_streams_free(&r);
	if (r.control >= 0)
		close(r.control);
	return rc;
}
