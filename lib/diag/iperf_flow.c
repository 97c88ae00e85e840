/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data: one thread and one poll(2) over all streams and the control connection, so that however fast data go, a
 * word from the other end, a signal and the end of the time are seen. A stream that has a rate sends when the time for
 * its next bytes has come.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/socket.h>

#include "diag/iperf.h"
#include "diag/stream.h"

#define TURNS 16          /* reads or writes of one stream before the others' turn */
#define REST_TURNS 4       /* rounds of them for the rest */
#define READ_SIZE ((size_t)128 << 10)
#define IDLE_US 1000000   /* nothing is due before: look again */
#define EXTRA 3           /* descriptors that are no streams */

static int64_t wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int iperf_streams_new(struct iperf_run *r)
{
	r->n = (size_t)r->test.streams * (r->test.both ? 2 : 1);
	r->in_size = r->test.udp ? PT_IPERF_DATAGRAM_MAX + 1 : READ_SIZE;
	r->flows = calloc(r->n, sizeof(*r->flows));
	r->streams = calloc(r->n, sizeof(*r->streams));
	r->block = calloc(1, r->test.block);
	r->in = malloc(r->in_size);
	for (size_t i = 0; r->streams && i < r->n; i++)
		r->streams[i].fd = -1;
	if (!r->flows || !r->streams || !r->block || !r->in)
		return pt_err_sys(r->e, -ENOMEM, "streams");
	/* What a line compresses would look faster than it is. */
	for (size_t at = 0; at < r->test.block; at += 256)
		if (getrandom(r->block + at, r->test.block - at < 256 ? r->test.block - at : 256, GRND_NONBLOCK) < 0)
			break;
	/* In the order in which they are made: of both directions, first those that the client sends by. Servers of
	 * iperf3 number from 1, and from 3 on. */
	for (size_t i = 0; i < r->n; i++) {
		bool by_client = r->test.both ? i < r->test.streams : !r->test.reverse;

		r->flows[i].id = (uint32_t)(i ? i + 2 : 1);
		r->flows[i].sends = by_client != r->server;
	}
	return 0;
}

void iperf_streams_free(struct iperf_run *r)
{
	for (size_t i = 0; r->streams && i < r->n; i++)
		if (r->streams[i].fd >= 0)
			close(r->streams[i].fd);
	free(r->flows);
	free(r->streams);
	free(r->block);
	free(r->in);
	r->flows = NULL;
	r->streams = NULL;
}

void iperf_begin(struct iperf_run *r)
{
	r->begun = r->told = stream_now();
	(void)getrusage(RUSAGE_SELF, &r->usage);
}

static double seconds_of(struct timeval now, struct timeval before)
{
	return (double)(now.tv_sec - before.tv_sec) + (double)(now.tv_usec - before.tv_usec) / 1e6;
}

void iperf_cpu(const struct iperf_run *r, double cpu[3])
{
	double took = (double)(r->ended - r->begun) / 1e6;
	struct rusage now = r->usage;

	(void)getrusage(RUSAGE_SELF, &now);
	if (took <= 0)
		took = 1;
	cpu[1] = 100 * seconds_of(now.ru_utime, r->usage.ru_utime) / took;
	cpu[2] = 100 * seconds_of(now.ru_stime, r->usage.ru_stime) / took;
	cpu[0] = cpu[1] + cpu[2];
}

/* What went through so far was for warming up. */
void iperf_omit(struct iperf_run *r)
{
	iperf_count(r, stream_now());
	for (size_t i = 0; i < r->n; i++) {
		struct iperf_stream *s = &r->streams[i];

		s->omitted = s->bytes;
		s->again_before = r->flows[i].here.retransmits;
		s->heard.lost = s->heard.reordered = 0;
		s->heard.jitter = 0;
		memset(&s->before, 0, sizeof(s->before));
		s->before.packets = r->flows[i].here.packets;
	}
	r->begun = r->told = stream_now();
}

/* ---- one stream ---- */

/* When its next bytes are due. */
static int64_t due(const struct iperf_run *r, const struct iperf_stream *s)
{
	if (!r->test.rate)
		return 0;
	return r->begun + (int64_t)((double)(s->bytes - s->omitted) * 8e6 / (double)r->test.rate);
}

static bool send_one(struct iperf_run *r, struct iperf_stream *s)
{
	ssize_t n;

	if (r->test.udp)
		pt_iperf_stamp(r->block, r->test.wide, s->number + 1, wall_clock());
	n = send(s->fd, r->block, r->test.block, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		s->bytes += (uint64_t)n;
		s->number += r->test.udp;
		return true;
	}
	/* Of datagrams an ICMP message is told once, and the next may go through. */
	if (n < 0 && !r->test.udp && errno != EAGAIN && errno != EINTR)
		s->over = true;
	return false;
}

static void send_some(struct iperf_run *r, struct iperf_stream *s)
{
	for (int i = 0; i < TURNS; i++)
		if ((r->test.rate && due(r, s) > stream_now()) || !send_one(r, s))
			return;
}

static void receive_some(struct iperf_run *r, struct iperf_stream *s)
{
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(s->fd, r->in, r->in_size, MSG_DONTWAIT);

		if (n < 0 && r->test.udp && errno == ECONNREFUSED)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			s->over = !r->test.udp;
			return;
		}
		if (r->test.udp && pt_iperf_hear(&s->heard, r->in, (size_t)n, r->test.wide, wall_clock()))
			continue;
		s->bytes += (uint64_t)n;
	}
}

/* ---- all of them ---- */

/* What is waited for, and until when at most. */
static int64_t prepare(struct iperf_run *r, struct pollfd *p, int64_t until, bool drain)
{
	int64_t now = stream_now(), next = until < now + IDLE_US ? until : now + IDLE_US;

	p[0] = (struct pollfd){ .fd = r->control, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = r->stop_fd, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = r->listener, .events = POLLIN };
	if (r->interval && !drain && r->told + (int64_t)r->interval < next)
		next = r->told + (int64_t)r->interval;
	for (size_t i = 0; i < r->n; i++) {
		const struct iperf_stream *s = &r->streams[i];
		bool sends = r->flows[i].sends;
		int64_t at = sends ? due(r, s) : 0;

		p[EXTRA + i] = (struct pollfd){ .fd = s->over || (sends && drain) ? -1 : s->fd };
		if (!sends)
			p[EXTRA + i].events = POLLIN;
		else if (at <= now)
			p[EXTRA + i].events = POLLOUT;
		else if (at < next && p[EXTRA + i].fd >= 0)
			next = at;
	}
	return next > now ? next - now : 0;
}

static void serve(struct iperf_run *r, const struct pollfd *p)
{
	for (size_t i = 0; i < r->n; i++) {
		struct iperf_stream *s = &r->streams[i];
		int error;
		socklen_t n = sizeof(error);

		if (!p[EXTRA + i].revents || p[EXTRA + i].fd < 0)
			continue;
		/* An error that is not fetched makes each poll(2) return at once. */
		if (r->test.udp && (p[EXTRA + i].revents & POLLERR))
			(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n);
		if (!r->flows[i].sends)
			receive_some(r, s);
		else if (p[EXTRA + i].revents & (POLLOUT | (r->test.udp ? 0 : POLLERR | POLLHUP)))
			send_some(r, s);
	}
}

/* One test at a time; the next client is told so. */
static void turn_away(const struct iperf_run *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int8_t denied = IPERF_ACCESS_DENIED;

	if (fd < 0)
		return;
	(void)send(fd, &denied, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static uint64_t through(const struct iperf_run *r, bool sent)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->flows[i].sends == sent)
			sum += r->streams[i].bytes - r->streams[i].omitted;
	return sum;
}

static int turn(struct iperf_run *r, struct pollfd *p, int64_t until, bool drain)
{
	int64_t wait = prepare(r, p, until, drain);
	struct timespec t = { .tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000 };

	if (ppoll(p, EXTRA + r->n, &t, NULL) < 0)
		return errno == EINTR ? -EAGAIN : pt_err_sys(r->e, -errno, "waiting for data");
	serve(r, p);
	if (p[2].revents)
		turn_away(r);
	if (p[0].revents)
		return IPERF_PUMP_CONTROL;
	return p[1].revents ? IPERF_PUMP_STOP : -EAGAIN;
}

int iperf_pump(struct iperf_run *r, int64_t until, uint64_t bytes, bool drain)
{
	struct pollfd *p = calloc(EXTRA + r->n, sizeof(*p));
	int rc = -EAGAIN;

	if (!p)
		return pt_err_sys(r->e, -ENOMEM, "waiting for data");
	while (rc == -EAGAIN) {
		int64_t now = stream_now();

		if (now >= until || (bytes && (through(r, true) >= bytes || through(r, false) >= bytes))) {
			rc = IPERF_PUMP_OVER;
			break;
		}
		if (r->interval && !drain && now >= r->told + (int64_t)r->interval) {
			rc = iperf_tell(r, now);
			if (rc)
				break;
		}
		rc = turn(r, p, until, drain);
	}
	free(p);
	return rc;
}

int iperf_finish(struct iperf_run *r)
{
	/* Of what was sent before the end was said, the last may lie here unread. */
	for (size_t i = 0; i < r->n * REST_TURNS; i++)
		if (!r->flows[i / REST_TURNS].sends && r->server && r->streams[i / REST_TURNS].fd >= 0)
			receive_some(r, &r->streams[i / REST_TURNS]);
	r->ended = stream_now();
	/* A rest of less than a tenth of an interval is no interval. */
	if (r->interval && r->ended - r->told > (int64_t)(r->interval / 10))
		return iperf_tell(r, r->ended);
	iperf_count(r, r->ended);
	return 0;
}
