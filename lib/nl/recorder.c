/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/recorder - a kernel of canned answers.
 *
 * It counts what is written and answers from a capture, so that whole programs of the library
 * run without privilege, and so that a fuzzer can be the kernel. Each request takes the next
 * messages of the capture up to the one that ends an answer (NLMSG_DONE or NLMSG_ERROR);
 * when the capture is used up, answers are empty and good.
 *
 * Captured sequence numbers are of another session, so they are made to fit: an answer to a
 * question gets the question's number; in an answer to a batch, or to several questions at once, the captured number is the
 * place of the refused message there, counted from 1.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nl/seam.h"

struct recorder {
	uint8_t *canned;
	size_t len, pos;
	struct nlmsghdr question; /* the open one; length 0: none */
	bool many;                /* it is the first one of several */
	uint32_t last;            /* number of the one that asks to be confirmed, of several */
	uint16_t last_type;
};

static bool is_batch(const struct recorder *r)
{
	return r->question.nlmsg_type == NFNL_MSG_BATCH_BEGIN;
}

/* The message that a batch asks to be confirmed. */
static void find_last(struct recorder *r, const void *data, size_t len)
{
	const struct nlmsghdr *nlh = data;
	int left = (int)len;

	for (; nl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (!(nlh->nlmsg_flags & NLM_F_ACK))
			continue;
		r->last = nlh->nlmsg_seq;
		r->last_type = nlh->nlmsg_type;
	}
}

static int recorder_send(struct pt_nl *nl, const void *data, size_t len)
{
	struct recorder *r = nl->priv;

	if (len < sizeof(r->question) || len > INT32_MAX)
		return -EMSGSIZE;
	memcpy(&r->question, data, sizeof(r->question));
	r->many = len > MNL_ALIGN(r->question.nlmsg_len);
	if (r->many)
		find_last(r, data, len);
	return 0;
}

/* An answer that the capture does not hold: the end of a dump, or a confirmation. */
static ssize_t answer_good(struct pt_nl *nl, struct recorder *r)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->buf);

	if (r->many || (r->question.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
		struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

		nlh->nlmsg_type = NLMSG_ERROR;
		err->msg = r->question;
		if (r->many) {
			err->msg.nlmsg_type = r->last_type;
			err->msg.nlmsg_seq = r->last;
		}
	} else {
		(void)mnl_nlmsg_put_extra_header(nlh, sizeof(int));
		nlh->nlmsg_type = NLMSG_DONE;
		nlh->nlmsg_flags = NLM_F_MULTI;
	}
	nlh->nlmsg_seq = r->many ? r->last : r->question.nlmsg_seq;
	r->question.nlmsg_len = 0;
	return nlh->nlmsg_len;
}

/* One captured message, as one datagram; what is no message is delivered as it is. */
static ssize_t answer_canned(struct pt_nl *nl, struct recorder *r)
{
	size_t left = r->len - r->pos, n = left;
	struct nlmsghdr *nlh = (struct nlmsghdr *)nl->buf;

	if (n > NL_BUF_SIZE)
		n = NL_BUF_SIZE;
	memcpy(nl->buf, r->canned + r->pos, n);
	if (nl_ok(nlh, (int)n)) {
		n = MNL_ALIGN(nlh->nlmsg_len) < n ? MNL_ALIGN(nlh->nlmsg_len) : n;
		nlh->nlmsg_seq = r->question.nlmsg_seq + (r->many ? nlh->nlmsg_seq - !is_batch(r) : 0);
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			r->question.nlmsg_len = 0;
	}
	r->pos += n;
	return (ssize_t)n;
}

static ssize_t recorder_recv(struct pt_nl *nl, int timeout_ms, uint32_t *sender)
{
	struct recorder *r = nl->priv;

	(void)timeout_ms;
	*sender = 0;
	if (r->pos < r->len && r->question.nlmsg_len)
		return answer_canned(nl, r);
	if (r->question.nlmsg_len)
		return answer_good(nl, r);
	return -EAGAIN;
}

static int recorder_join(struct pt_nl *nl, unsigned int group)
{
	struct recorder *r = nl->priv;

	/* Events are the capture itself: they answer no question. */
	r->question.nlmsg_len = group ? sizeof(r->question) : 0;
	return 0;
}

static void recorder_close(struct pt_nl *nl)
{
	struct recorder *r = nl->priv;

	free(r->canned);
	free(r);
}

static const struct nl_ops recorder_ops = {
	.send = recorder_send, .recv = recorder_recv, .join = recorder_join,
	.close = recorder_close,
};

int pt_nl_open_recorder(struct pt_nl **out, struct pt_nl_record *rec, const void *canned,
			size_t canned_len)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	if (canned_len) {
		r->canned = malloc(canned_len);
		if (!r->canned) {
			free(r);
			return -ENOMEM;
		}
		memcpy(r->canned, canned, canned_len);
		r->len = canned_len;
	}
	rc = nl_new(out, &recorder_ops, r);
	if (rc < 0) {
		free(r->canned);
		free(r);
		return rc;
	}
	(*out)->rec = rec;
	return 0;
}
