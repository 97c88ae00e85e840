/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/stream - many requests that have nothing to do with each other: a hundred thousand routes, a thousand links.
 *
 * A request and its acknowledgement cost two system calls, and most of the time of tools that make many. rtnetlink takes as
 * many requests as a datagram holds, works on them inside sendmsg(2), one after the other, and goes on behind one that it
 * refuses. So requests are gathered, and only the last one of a datagram asks for its acknowledgement: what is refused is
 * told in any case.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "nl/seam.h"

#define STREAM_BYTES (2 * PT_NL_STREAM_MESSAGE_MAX)
/* In a datagram: were all of them refused, the answers would still fit in the socket. */
#define STREAM_MESSAGES 256

struct pt_nl_stream {
	struct pt_nl *nl;
	pt_nl_refused refused;
	void *arg;
	int code;               /* the stream has ended with it */
	uint32_t n;             /* messages in DATA */
	size_t len, room;       /* of DATA; of the message being built */
	uint64_t cookies[STREAM_MESSAGES];
	uint8_t data[STREAM_BYTES];
};

struct pt_nl_stream *pt_nl_stream_new(struct pt_nl *nl, pt_nl_refused refused, void *arg)
{
	struct pt_nl_stream *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct pt_nl_stream, cookies));
	s->nl = nl;
	s->refused = refused;
	s->arg = arg;
	return s;
}

void pt_nl_stream_free(struct pt_nl_stream *s)
{
	free(s);
}

void *pt_nl_stream_room(struct pt_nl_stream *s, size_t max)
{
	if (max > PT_NL_STREAM_MESSAGE_MAX)
		return NULL;
	s->room = MNL_ALIGN(max);
	memset(s->data + s->len, 0, s->room);
	return s->data + s->len;
}

static int tell(struct pt_nl_stream *s, const struct nlmsghdr *nlh, uint32_t place, int code)
{
	struct pt_nl_refusal r = { .code = code, .cookie = s->cookies[place] };
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*err))
		r.type = err->msg.nlmsg_type;
	nl_extack(nlh, r.text, sizeof(r.text));
	return s->refused ? s->refused(&r, s->arg) : code;
}

/* *DONE: the kernel has been through all N messages, from sequence number FIRST on. */
static void take(struct pt_nl_stream *s, const struct nlmsghdr *nlh, uint32_t first, bool *done)
{
	uint32_t place = nlh->nlmsg_seq - first;
	int code;

	if (nlh->nlmsg_type != NLMSG_ERROR || place >= s->n || (s->nl->portid && nlh->nlmsg_pid != s->nl->portid))
		return;
	code = nl_code(nlh);
	if (code < 0 && s->code == 0)
		s->code = tell(s, nlh, place, code);
	*done = *done || place == s->n - 1;
}

static int read_answers(struct pt_nl_stream *s, uint32_t first)
{
	bool done = false;
	uint32_t sender = 0;
	ssize_t n;

	while (!done) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)s->nl->buf;
		int left;

		/* All of it is there when sendmsg(2) returns. */
		n = s->nl->ops->recv(s->nl, 0, &sender);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			return s->code ? s->code : -EPROTO;
		if (n < 0)
			return (int)n;
		if (sender != 0)
			continue;
		for (left = (int)n; nl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			take(s, nlh, first, &done);
	}
	return s->code;
}

static void number(struct pt_nl_stream *s)
{
	const uint16_t ack = NLM_F_ACK;
	struct nlmsghdr *nlh = (struct nlmsghdr *)s->data;

	for (uint32_t i = 0; i < s->n; i++) {
		nlh->nlmsg_seq = ++s->nl->seq;
		nlh->nlmsg_pid = s->nl->portid;
		nlh->nlmsg_flags = (uint16_t)((nlh->nlmsg_flags | NLM_F_REQUEST) & ~ack);
		if (i == s->n - 1)
			nlh->nlmsg_flags |= ack;
		nlh = (struct nlmsghdr *)((uint8_t *)nlh + MNL_ALIGN(nlh->nlmsg_len));
	}
}

int pt_nl_stream_flush(struct pt_nl_stream *s)
{
	uint32_t first = s->nl->seq + 1;
	int rc;

	if (s->code || !s->n)
		return s->code;
	if (s->nl->busy)
		return -EBUSY;
	s->nl->busy = true;
	number(s);
	rc = nl_send(s->nl, s->data, s->len, s->n);
	if (!rc)
		rc = read_answers(s, first);
	s->nl->busy = false;
	s->len = 0;
	s->n = 0;
	if (rc < 0)
		s->code = rc;
	return s->code;
}

int pt_nl_stream_commit(struct pt_nl_stream *s, struct nlmsghdr *nlh, uint64_t cookie)
{
	if (s->code)
		return s->code;
	if ((uint8_t *)nlh != s->data + s->len || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > s->room)
		return -EINVAL;
	s->cookies[s->n++] = cookie;
	s->len += MNL_ALIGN(nlh->nlmsg_len);
	s->room = 0;
	return s->n == STREAM_MESSAGES || s->len > STREAM_BYTES - PT_NL_STREAM_MESSAGE_MAX ? pt_nl_stream_flush(s) : 0;
}
