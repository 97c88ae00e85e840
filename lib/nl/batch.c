/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/batch - the messages of one nfnetlink transaction.
 *
 * The messages stand in one piece of memory, as they will be sent: a million set elements cost
 * no copying beyond the growth of that piece. What the kernel says about a message comes back by
 * its sequence number, which is its place in the batch, so the cookies are a plain array.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nl/batch.h"

static void put_mark(uint8_t *where, uint16_t type, uint8_t subsys, uint32_t genid)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(where);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(subsys);
	if (genid)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(genid));
}

struct pt_nl_batch *pt_nl_batch_new(uint8_t subsys, uint32_t genid)
{
	struct pt_nl_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->cap = NL_BATCH_CHUNK;
	b->data = malloc(b->cap);
	if (!b->data) {
		free(b);
		return NULL;
	}
	b->subsys = subsys;
	put_mark(b->data, NFNL_MSG_BATCH_BEGIN, subsys, genid);
	b->len = MNL_ALIGN(((struct nlmsghdr *)b->data)->nlmsg_len);
	return b;
}

void pt_nl_batch_free(struct pt_nl_batch *b)
{
	if (!b)
		return;
	free(b->data);
	free(b->cookies.v);
	free(b);
}

void *pt_nl_batch_room(struct pt_nl_batch *b, size_t max)
{
	size_t need, cap = b->cap;
	uint8_t *data;

	/* No message is longer than this: one attribute holds 64 KiB. */
	if (max > NL_BATCH_MESSAGE_MAX)
		return NULL;
	max = MNL_ALIGN(max);
	need = b->len + max + NL_BATCH_END;
	if (need > cap) {
		while (cap < need)
			cap *= 2;
		data = realloc(b->data, cap);
		if (!data)
			return NULL;
		b->data = data;
		b->cap = cap;
	}
	b->room = max;
	memset(b->data + b->len, 0, max);
	return b->data + b->len;
}

int pt_nl_batch_commit(struct pt_nl_batch *b, struct nlmsghdr *nlh, uint64_t cookie)
{
	if ((uint8_t *)nlh != b->data + b->len || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > b->room)
		return -EINVAL;
	if (pt_vec_push(NULL, &b->cookies, cookie) < 0)
		return -ENOMEM;
	b->len += MNL_ALIGN(nlh->nlmsg_len);
	b->room = 0;
	return 0;
}

size_t pt_nl_batch_count(const struct pt_nl_batch *b)
{
	return b->cookies.n;
}

size_t pt_nl_batch_bytes(const struct pt_nl_batch *b)
{
	return b->len;
}

size_t nl_batch_close(struct pt_nl_batch *b, uint32_t seq, uint32_t portid)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)b->data, *last = nlh;
	struct nlmsghdr *end = (struct nlmsghdr *)(b->data + b->len);
	const uint16_t ack = NLM_F_ACK;

	put_mark(b->data + b->len, NFNL_MSG_BATCH_END, b->subsys, 0);
	for (;; nlh = (struct nlmsghdr *)((uint8_t *)nlh + MNL_ALIGN(nlh->nlmsg_len))) {
		nlh->nlmsg_seq = seq++;
		nlh->nlmsg_pid = portid;
		nlh->nlmsg_flags = (uint16_t)((nlh->nlmsg_flags | NLM_F_REQUEST) & ~ack);
		if (nlh == end)
			break;
		last = nlh;
	}
	last->nlmsg_flags |= ack;
	return b->len + NL_BATCH_END;
}
