/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl_fake - a kernel that says what a test tells it to, behind the same four operations as a
 * socket: cut datagrams, other senders, stale numbers. Include it after cmocka.h.
 */
#ifndef TESTS_NL_FAKE_H
#define TESTS_NL_FAKE_H

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <patronus/nl.h>

#include "nl/seam.h"

struct datagram {
	uint8_t bytes[1024];
	size_t len;
	uint32_t sender;
	int error;      /* recv(2) fails with this instead */
	int32_t shift;  /* added to the request's number, for stale answers */
	bool exact;     /* lengths are not mended */
};

struct fake {
	struct datagram queue[64];
	size_t n, next;
	uint32_t seq;     /* of the newest request */
	size_t sends;
	int send_error;
	bool again;       /* every request gets the whole queue anew */
};

static inline int fake_send(struct pt_nl *nl, const void *data, size_t len)
{
	struct fake *f = nl->priv;

	assert_true(len >= sizeof(struct nlmsghdr));
	f->seq = ((const struct nlmsghdr *)data)->nlmsg_seq;
	f->sends++;
	if (f->again)
		f->next = 0;
	return f->send_error;
}

static inline ssize_t fake_recv(struct pt_nl *nl, int timeout_ms, uint32_t *sender)
{
	struct fake *f = nl->priv;
	struct nlmsghdr *nlh = (struct nlmsghdr *)nl->buf;
	struct datagram *d;
	int left;

	(void)timeout_ms;
	if (f->next == f->n)
		return -EAGAIN;
	d = &f->queue[f->next++];
	if (d->error)
		return d->error;
	memcpy(nl->buf, d->bytes, d->len);
	for (left = (int)d->len; !d->exact && nl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		nlh->nlmsg_seq += f->seq + (uint32_t)d->shift;
	if (d->exact && d->len >= sizeof(*nlh))
		nlh->nlmsg_seq = f->seq;
	*sender = d->sender;
	return (ssize_t)d->len;
}

static inline int fake_join(struct pt_nl *nl, unsigned int group)
{
	(void)nl;
	return group == 99 ? -EPERM : 0;
}

static inline void fake_close(struct pt_nl *nl)
{
	(void)nl;
}

static const struct nl_ops fake_ops = {
	.send = fake_send, .recv = fake_recv, .join = fake_join, .close = fake_close,
};

static inline struct datagram *queue(struct fake *f)
{
	assert_true(f->n < PT_ARRAY_SIZE(f->queue));
	return &f->queue[f->n++];
}

/* Appends a message to a datagram. SEQ counts from the request's number. */
static inline struct nlmsghdr *put(struct datagram *d, uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->bytes + d->len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	d->len += nlh->nlmsg_len;
	return nlh;
}

static inline void put_code(struct datagram *d, uint16_t type, int code, uint32_t seq)
{
	struct nlmsghdr *nlh = put(d, type, 0, seq);

	if (type == NLMSG_DONE) {
		*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = code;
	} else {
		struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

		err->error = code;
		err->msg.nlmsg_type = 0xa02;
		err->msg.nlmsg_len = sizeof(err->msg);
	}
	d->len += MNL_ALIGN(nlh->nlmsg_len) - sizeof(*nlh);
}

struct seen {
	size_t resets, n;
	uint16_t types[64];
	int stop_at;     /* the how-manieth message stops the walk; 0: none */
	struct pt_nl *nested;
};

static inline void on_reset(void *arg)
{
	struct seen *s = arg;

	s->resets++;
	s->n = 0;
}

static inline int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct seen *s = arg;
	struct nlmsghdr req = {.nlmsg_len = sizeof(req)};

	if (s->nested)
		assert_int_equal(pt_nl_talk(s->nested, &req, NULL, NULL), -EBUSY);
	assert_true(s->n < PT_ARRAY_SIZE(s->types));
	s->types[s->n++] = nlh->nlmsg_type;
	return s->stop_at && (size_t)s->stop_at == s->n ? -ECANCELED : 0;
}

struct lab {
	struct fake fake;
	struct seen seen;
	struct pt_nl *nl;
};

static inline int set_up(void **state)
{
	struct lab *l = test_calloc(1, sizeof(*l));

	*state = l;
	return l ? nl_new(&l->nl, &fake_ops, &l->fake) : -1;
}

static inline int tear_down(void **state)
{
	struct lab *l = *state;

	pt_nl_close(l->nl);
	test_free(l);
	return 0;
}

#define LAB(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
