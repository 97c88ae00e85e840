/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/dump - questions and their answers.
 *
 * A reconciler that acts on half a dump deletes what it failed to see. So a dump is given
 * back whole or not at all: an interrupted one is asked for again, a damaged one is an error.
 * An answer is always read to its end, whatever the caller thinks of it: the kernel refuses
 * a new dump on a socket with an unfinished one. Only a socket that nothing more is asked of may stop in the middle.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "nl/seam.h"

#define NL_REPLAYS 16
#define NL_TIMEOUT_MS 5000
/* Damaged datagrams that are thrown away while looking for the end of a lost answer. */
#define NL_BAD_MAX 64

struct answer {
	struct pt_nl *nl;
	uint32_t seq;
	pt_nl_cb cb;
	void *arg;
	int code;         /* first failure; nothing more reaches the callback */
	bool done;
	bool interrupted;
	unsigned int bad;
};

static void fail(struct answer *a, int code)
{
	if (a->code == 0)
		a->code = code;
}

static void take_message(struct answer *a, const struct nlmsghdr *nlh)
{
	int rc;

	/* Leftovers of an abandoned answer, and events on a socket that has joined a group. */
	if (nlh->nlmsg_seq != a->seq || (a->nl->portid && nlh->nlmsg_pid != a->nl->portid))
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		a->done = true;
		rc = nl_code(nlh);
		if (rc == -EINTR)
			a->interrupted = true;
		else if (rc < 0)
			fail(a, rc);
		return;
	}
	if (nlh->nlmsg_type == NLMSG_OVERRUN) {
		fail(a, -ENOBUFS);
		return;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || a->code < 0 || a->interrupted || !a->cb)
		return;
	rc = a->cb(nlh, a->arg);
	if (rc < 0)
		fail(a, rc);
}

static void take_datagram(struct answer *a, size_t len, uint32_t sender)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)a->nl->buf;
	int left = (int)len;

	if (sender != 0) {
		fail(a, -EBADMSG);
		a->bad++;
		return;
	}
	while (!a->done && nl_ok(nlh, left)) {
		take_message(a, nlh);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	if (!a->done && left > 0) {
		fail(a, -EBADMSG);
		a->bad++;
	}
}

/* Reads to the end of the answer to request SEQ. */
static int read_answer(struct answer *a)
{
	uint32_t sender = 0;
	ssize_t n;

	while (!a->done && a->bad < NL_BAD_MAX) {
		if (a->code < 0 && a->nl->last) {
			a->nl->spent = true;
			break;
		}
		/* After a failure the rest is only cleared away, and is there already. */
		n = a->nl->ops->recv(a->nl, a->code < 0 ? 0 : NL_TIMEOUT_MS, &sender);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			fail(a, -ETIMEDOUT);
			break;
		}
		if (n == -EBADMSG || n == -ENOBUFS) {
			fail(a, (int)n);
			a->bad++;
			continue;
		}
		if (n < 0) {
			fail(a, (int)n);
			break;
		}
		take_datagram(a, (size_t)n, sender);
	}
	if (a->code == 0 && a->interrupted)
		return -EINTR;
	return a->code;
}

static int ask(struct pt_nl *nl, struct nlmsghdr *req, unsigned int flags, pt_nl_cb cb, void *arg)
{
	struct answer a = {.nl = nl, .cb = cb, .arg = arg};
	int rc;

	req->nlmsg_flags |= (uint16_t)(NLM_F_REQUEST | flags);
	req->nlmsg_pid = nl->portid;
	req->nlmsg_seq = a.seq = ++nl->seq;
	rc = nl_send(nl, req, req->nlmsg_len, 0);
	return rc < 0 ? rc : read_answer(&a);
}

void pt_nl_last(struct pt_nl *nl)
{
	nl->last = true;
}

int pt_nl_dump(struct pt_nl *nl, struct nlmsghdr *req, void (*reset)(void *arg), pt_nl_cb cb,
	       void *arg)
{
	int rc = -EINTR, tries;

	if (nl->busy)
		return -EBUSY;
	if (nl->spent)
		return -ESHUTDOWN;
	nl->busy = true;
	for (tries = 0; rc == -EINTR && tries <= NL_REPLAYS; tries++) {
		if (reset)
			reset(arg);
		rc = ask(nl, req, NLM_F_DUMP, cb, arg);
	}
	nl->busy = false;
	return rc == -EINTR ? -EAGAIN : rc;
}

int pt_nl_talk(struct pt_nl *nl, struct nlmsghdr *req, pt_nl_cb cb, void *arg)
{
	int rc;

	if (nl->busy)
		return -EBUSY;
	if (nl->spent)
		return -ESHUTDOWN;
	nl->busy = true;
	rc = ask(nl, req, NLM_F_ACK, cb, arg);
	nl->busy = false;
	return rc;
}
