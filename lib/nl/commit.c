/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/commit - one transaction to the kernel, and its verdict.
 *
 * nfnetlink works inside sendmsg(2): when that returns, the transaction is in force or refused and
 * every answer lies in the socket. So answers are read until there are none, never waited for.
 * A refused message does not stop the kernel from trying the rest, hence there can be many
 * refusals, even more than the socket holds; the first is the one that a person needs.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "nl/batch.h"
#include "nl/seam.h"

struct verdict {
	struct pt_nl *nl;
	const struct pt_nl_batch *b;
	struct pt_nl_refusal *refusal;
	uint32_t first;     /* sequence number of the begin mark */
	int code;
	bool confirmed;     /* the last message is acknowledged */
	bool lost;          /* the socket could not hold all answers */
};

static void refuse(struct verdict *v, const struct nlmsghdr *nlh, uint32_t place, int code)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	v->code = code;
	if (!v->refusal)
		return;
	v->refusal->code = code;
	/* Place 0 is the begin mark: the transaction as a whole is refused. */
	if (place > 0 && place <= v->b->cookies.n)
		v->refusal->cookie = v->b->cookies.v[place - 1];
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*err))
		v->refusal->type = err->msg.nlmsg_type;
	nl_extack(nlh, v->refusal->text, sizeof(v->refusal->text));
}

static void take_ack(struct verdict *v, const struct nlmsghdr *nlh)
{
	uint32_t place = nlh->nlmsg_seq - v->first;
	int code;

	if (nlh->nlmsg_type != NLMSG_ERROR || place > v->b->cookies.n + 1 ||
	    (v->nl->portid && nlh->nlmsg_pid != v->nl->portid))
		return;
	code = nl_code(nlh);
	if (code < 0 && v->code == 0)
		refuse(v, nlh, place, code);
	else if (code == 0 && place == v->b->cookies.n)
		v->confirmed = true;
}

static void take_acks(struct verdict *v, size_t len)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)v->nl->buf;
	int left = (int)len;

	for (; nl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		take_ack(v, nlh);
}

static int read_verdict(struct verdict *v)
{
	uint32_t sender = 0;
	ssize_t n;

	for (;;) {
		n = v->nl->ops->recv(v->nl, 0, &sender);
		if (n == -EAGAIN)
			break;
		if (n == -EINTR || n == -EBADMSG)
			continue;
		if (n == -ENOBUFS) {
			v->lost = true;
			continue;
		}
		if (n < 0)
			return v->code ? v->code : (int)n;
		if (sender == 0)
			take_acks(v, (size_t)n);
	}
	if (v->code < 0 || v->confirmed)
		return v->code;
	/* Only refusals are many enough to be lost; a silent kernel is no confirmation either. */
	return v->lost ? -ENOBUFS : -EPROTO;
}

int pt_nl_batch_send(struct pt_nl *nl, struct pt_nl_batch *b, struct pt_nl_refusal *refusal)
{
	struct verdict v = {.nl = nl, .b = b, .refusal = refusal};
	size_t len;
	int rc;

	if (refusal)
		memset(refusal, 0, sizeof(*refusal));
	if (b->cookies.n == 0)
		return 0;
	if (nl->busy)
		return -EBUSY;
	nl->busy = true;
	v.first = nl->seq + 1;
	len = nl_batch_close(b, v.first, nl->portid);
	nl->seq += (uint32_t)b->cookies.n + 2;
	rc = nl_send(nl, b->data, len, b->cookies.n);
	if (rc == 0)
		rc = read_verdict(&v);
	nl->busy = false;
	if (rc < 0 && refusal)
		refusal->code = rc;
	return rc;
}
