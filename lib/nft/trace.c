/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells of a packet that is followed: one message for each rule that it meets.
 *
 * Anybody on the network chooses what is in the headers, and so does a person with the names of chains: each length is
 * checked, and what does not fit is cut.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include <patronus/nft_trace.h>

#include "nft/kernel.h"

#define TRANSPORT_MAX 20 /* bytes that the kernel tells */
#define IP6_SIZE 40
#define IP6_NEXT 6

static void get_name(const struct nlattr *attr, char out[64])
{
	size_t n;

	if (!attr)
		return;
	n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (n > 63)
		n = 63;
	memcpy(out, mnl_attr_get_payload(attr), n);
	out[n] = '\0';
}

static int get_verdict(const struct nlattr *attr, struct pt_nft_trace *t)
{
	const struct nlattr *tb[NFTA_VERDICT_CHAIN + 1];
	uint32_t code = 0;

	if (!attr)
		return 0;
	if (pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) || !tb[NFTA_VERDICT_CODE] ||
	    pt_nl_get_be32(tb[NFTA_VERDICT_CODE], &code))
		return -EBADMSG;
	t->verdict = (int32_t)code;
	get_name(tb[NFTA_VERDICT_CHAIN], t->target);
	return 0;
}

/* The transport's header follows where the network's is there as a whole. */
static bool is_whole(const struct pt_nft_trace *t)
{
	static const uint8_t extensions[] = { 0, 43, 44, 51, 60, 135 };

	if (!t->n)
		return false;
	if (t->header[0] >> 4 == 4)
		return t->n == (size_t)(t->header[0] & 15) * 4;
	if (t->header[0] >> 4 != 6 || t->n != IP6_SIZE)
		return false;
	return !memchr(extensions, t->header[IP6_NEXT], sizeof(extensions));
}

static void get_header(const struct nlattr *attr, size_t max, struct pt_nft_trace *t)
{
	size_t n = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (n > max)
		n = max;
	if (n > sizeof(t->header) - t->n)
		n = sizeof(t->header) - t->n;
	if (n)
		memcpy(t->header + t->n, mnl_attr_get_payload(attr), n);
	t->n += n;
}

int pt_nft_trace_parse(const struct nlmsghdr *nlh, struct pt_nft_trace *t)
{
	const struct nlattr *tb[NFTA_TRACE_POLICY + 1];
	uint32_t type = 0, nfproto = 0;

	memset(t, 0, sizeof(*t));
	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE) ||
	    pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	t->family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family;
	if (!tb[NFTA_TRACE_ID] || !tb[NFTA_TRACE_TYPE] || !tb[NFTA_TRACE_TABLE] || !tb[NFTA_TRACE_CHAIN] ||
	    pt_nl_get_be32(tb[NFTA_TRACE_ID], &t->id) || pt_nl_get_be32(tb[NFTA_TRACE_TYPE], &type) ||
	    pt_nl_get_be64(tb[NFTA_TRACE_RULE_HANDLE], &t->handle) || pt_nl_get_be32(tb[NFTA_TRACE_IIF], &t->in) ||
	    pt_nl_get_be32(tb[NFTA_TRACE_OIF], &t->out) || pt_nl_get_be32(tb[NFTA_TRACE_NFPROTO], &nfproto) ||
	    pt_nl_get_be32(tb[NFTA_TRACE_POLICY], (uint32_t *)&t->verdict) || get_verdict(tb[NFTA_TRACE_VERDICT], t))
		return -EBADMSG;
	if (type < PT_NFT_TRACE_POLICY || type > PT_NFT_TRACE_RULE)
		return -EBADMSG;
	t->type = (enum pt_nft_trace_type)type;
	t->nfproto = (uint8_t)nfproto;
	get_name(tb[NFTA_TRACE_TABLE], t->table);
	get_name(tb[NFTA_TRACE_CHAIN], t->chain);
	get_header(tb[NFTA_TRACE_NETWORK_HEADER], IP6_SIZE, t);
	if (is_whole(t))
		get_header(tb[NFTA_TRACE_TRANSPORT_HEADER], TRANSPORT_MAX, t);
	return 0;
}

bool pt_nft_place(const struct pt_nft_state *s, const char *chain, uint64_t handle, struct pt_nft_place *out)
{
	const struct nft_chain *c = s->objects ? nft_find_chain(s->objects, chain) : NULL;

	for (size_t i = 0; c && i < c->rules.n; i++)
		if (c->rules.v[i].handle == handle) {
			out->id = c->rules.v[i].id;
			out->name = c->rules.v[i].name;
			return true;
		}
	return false;
}
