/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control connection. Whoever is at its other end may say anything, or half of it, or nothing: each thing that is
 * waited for has a moment when the waiting ends, whatever trickles in.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "diag/iperf.h"
#include "diag/stream.h"

int iperf_wait(const struct iperf_run *r, int fd, short events, int64_t until)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = events }, { .fd = r->stop_fd, .events = POLLIN } };
		int64_t left = until - stream_now();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(p, 2, (int)((left + 999) / 1000)) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			return -ECANCELED;
		if (p[0].revents)
			return 0;
	}
}

int iperf_read(const struct iperf_run *r, int fd, void *buf, size_t n)
{
	int64_t until = stream_now() + r->timeout;
	uint8_t *p = buf;

	while (n) {
		ssize_t got = recv(fd, p, n, MSG_DONTWAIT);

		if (!got)
			return -ECONNRESET;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (got < 0) {
			int rc = iperf_wait(r, fd, POLLIN, until);

			if (rc)
				return rc;
			continue;
		}
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

int iperf_write(const struct iperf_run *r, const void *buf, size_t n)
{
	int64_t until = stream_now() + r->timeout;
	const uint8_t *p = buf;

	while (n) {
		ssize_t put = send(r->control, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		if (put < 0) {
			int rc = iperf_wait(r, r->control, POLLOUT, until);

			if (rc)
				return rc;
			continue;
		}
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

int iperf_say(const struct iperf_run *r, enum iperf_state s)
{
	int8_t byte = (int8_t)s;

	return iperf_write(r, &byte, 1);
}

/* ---- documents ---- */

int iperf_document_read(const struct iperf_run *r, char **text, size_t *n)
{
	uint32_t size;
	int rc = iperf_read(r, r->control, &size, sizeof(size));

	*text = NULL;
	if (rc)
		return rc;
	*n = ntohl(size);
	if (*n > PT_IPERF_MESSAGE_MAX)
		return -EMSGSIZE;
	*text = malloc(*n + 1);
	if (!*text)
		return -ENOMEM;
	rc = iperf_read(r, r->control, *text, *n);
	if (rc) {
		free(*text);
		*text = NULL;
	}
	return rc;
}

int iperf_document_write(const struct iperf_run *r, struct pt_buf *b)
{
	uint32_t size = htonl((uint32_t)b->n);
	int rc = b->err;

	if (!rc)
		rc = iperf_write(r, &size, sizeof(size));
	if (!rc)
		rc = iperf_write(r, b->s, b->n);
	pt_buf_fini(b);
	return rc;
}

/* ---- what went wrong ---- */

static const struct {
	int error;
	const char *text;
} reasons[] = {
	{ ECONNRESET, "the other end hung up" },
	{ ETIMEDOUT, "no answer in time" },
	{ ECANCELED, "told to stop" },
	{ EMSGSIZE, "a document that is too long" },
	{ EPROTO, "this is not how iperf3 talks" },
	{ EBUSY, "the server has another test, or does not talk to this address" },
	{ ECONNABORTED, "the other end broke the test off" },
};

int iperf_failed(const struct iperf_run *r, int rc, const char *doing)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(reasons); i++)
		if (reasons[i].error == -rc) {
			pt_err_add(r->e, PT_ERROR, NULL, NULL, "%s: %s", doing, reasons[i].text);
			return rc;
		}
	return pt_err_sys(r->e, rc, "%s", doing);
}

/* Numbers of errors that a server of iperf3 names, of which a client can do something about. */
static const struct {
	uint32_t number;
	const char *text;
} refusals[] = {
	{ 5, "the test is too long for it" },	 { 6, "there are too many streams for it" },
	{ 7, "the block size is too large" },	 { 8, "the window is too large" },
	{ 26, "the port cannot be" },		 { 27, "the rate is above its limit" },
	{ 120, "it broke the test off" },	 { 134, "it has no such congestion control" },
	{ 142, "it wants a user and a password" }, { 202, "it cannot listen for streams" },
};

static int refused(const struct iperf_run *r)
{
	uint32_t numbers[2];
	int rc = iperf_read(r, r->control, numbers, sizeof(numbers));

	if (rc)
		return iperf_failed(r, rc, "the server's reason");
	for (size_t i = 0; i < PT_ARRAY_SIZE(refusals); i++)
		if (refusals[i].number == ntohl(numbers[0])) {
			pt_err_add(r->e, PT_ERROR, NULL, NULL, "the server refuses: %s", refusals[i].text);
			return -ECONNREFUSED;
		}
	pt_err_add(r->e, PT_ERROR, NULL, NULL, "the server refuses: error %u of iperf3", ntohl(numbers[0]));
	return -ECONNREFUSED;
}

int iperf_expect(const struct iperf_run *r, enum iperf_state s)
{
	int8_t byte;
	int rc = iperf_read(r, r->control, &byte, 1);

	if (rc)
		return iperf_failed(r, rc, "waiting for the other end");
	if (byte == (int8_t)s)
		return 0;
	if (!r->server && byte == IPERF_SERVER_ERROR)
		return refused(r);
	rc = byte == IPERF_ACCESS_DENIED ? -EBUSY :
		byte == IPERF_SERVER_TERMINATE || byte == IPERF_CLIENT_TERMINATE ? -ECONNABORTED :
										   -EPROTO;
	return iperf_failed(r, rc, "waiting for the other end");
}
