/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counting what is judged, to learn from it: a table that remembers flows just before each judgement and just behind it.
 *
 * What is in the first set and not in the second was refused, whoever refused it and whether or not a rule logs. The
 * kernel keeps so many flows and no more, whatever arrives: a flood of forged sources fills the set before the judgement, and
 * what was admitted has one of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nfnetlink.h>

#include <patronus/nft_trace.h>

#include "nft/kernel.h"
#include "nft/owned.h"

#define LOOPBACK 1 /* its index in each namespace */
#define QUESTION_BYTES 1024

/* A key: direction, device, protocol, both addresses, port; four bytes each, addresses as long as they are. */
enum { AT_DIR, AT_DEVICE, AT_PROTO, AT_SRC };
#define KEY4 24
#define KEY6 48

static const struct {
	const char *name;
	uint32_t hook;
	int32_t prio;
	enum pt_dir dir;
	bool passed;
} chains[] = { /* ours are at -110, 0 and 0 */
	{ "in", NF_INET_PRE_ROUTING, -111, PT_IN, false },  { "in.passed", NF_INET_PRE_ROUTING, -104, PT_IN, true },
	{ "forward", NF_INET_FORWARD, -1, PT_OUT, false },  { "forward.passed", NF_INET_FORWARD, 1, PT_OUT, true },
	{ "output", NF_INET_LOCAL_OUT, -1, PT_OUT, false }, { "output.passed", NF_INET_LOCAL_OUT, 1, PT_OUT, true },
};

static const char *const sets[2][2] = { { "flows.4", "flows.6" }, { "passed.4", "passed.6" } };

/* ---- the rules ---- */

/* What a rule is about; PORT: bytes of the transport's header that tell flows apart, from OFFSET. */
struct kind {
	uint8_t proto; /* 0: all others */
	uint8_t offset, port;
	enum pt_af af;
};
static const struct kind kinds[] = {
	{ IPPROTO_TCP, 2, 2, PT_AF_BOTH },  { IPPROTO_UDP, 2, 2, PT_AF_BOTH },	 { IPPROTO_SCTP, 2, 2, PT_AF_BOTH },
	{ IPPROTO_ICMP, 0, 1, PT_AF_INET }, { IPPROTO_ICMPV6, 0, 1, PT_AF_INET6 }, { 0, 0, 0, PT_AF_BOTH },
};

static uint32_t reg(size_t word)
{
	return NFT_REG32_00 + (uint32_t)word;
}

static void load_meta(struct nft_lower *l, uint32_t key, size_t word)
{
	struct nftnl_expr *x = nft_expr_new(l, "meta");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg(word));
}

static void load_payload(struct nft_lower *l, uint32_t base, uint32_t offset, uint32_t len, size_t word)
{
	struct nftnl_expr *x = nft_expr_new(l, "payload");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg(word));
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
}

/* Of a connection, in its direction. What is related to one is an error about it, but for protocols that have helpers. */
static void conditions(struct nft_lower *l, const struct kind *k, uint32_t device, enum pt_af af)
{
	static const uint8_t original = IP_CT_DIR_ORIGINAL;
	static const uint32_t loopback = LOOPBACK;
	uint32_t states = NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_ESTABLISHED);

	if (k->af == PT_AF_BOTH)
		states |= NF_CT_STATE_BIT(IP_CT_RELATED);
	nft_t_u8(l, NFT_META_NFPROTO, af == PT_AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nft_e_meta(l, device);
	nft_e_cmp(l, NFT_CMP_NEQ, &loopback, sizeof(loopback));
	nft_t_ct_state(l, states);
	nft_e_ct(l, NFT_CT_DIRECTION);
	nft_e_cmp(l, NFT_CMP_EQ, &original, 1);
	nft_e_meta(l, NFT_META_L4PROTO);
	if (k->proto) {
		nft_e_cmp(l, NFT_CMP_EQ, &k->proto, 1);
		return;
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++)
		if (kinds[i].proto)
			nft_e_cmp(l, NFT_CMP_NEQ, &kinds[i].proto, 1);
}

static void add_flow(struct nft_lower *l, const char *set)
{
	struct nftnl_expr *x = nft_expr_new(l, "dynset"), *counter = x ? nftnl_expr_alloc("counter") : NULL;

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, reg(0));
	if (!counter || nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, set) < 0)
		nft_lower_fail(l, -ENOMEM);
	if (counter)
		nftnl_expr_set(x, NFTNL_EXPR_DYNSET_EXPR, counter, 0);
}

static void count_rule(struct nft_lower *l, size_t chain, size_t i, const struct kind *k, enum pt_af af)
{
	uint32_t device = chains[i].dir == PT_IN ? NFT_META_IIF : NFT_META_OIF;
	bool six = af == PT_AF_INET6;
	size_t words = six ? 4 : 1;
	const uint32_t dir = chains[i].dir, none = 0;

	nft_rule_open(l, chain);
	conditions(l, k, device, af);
	nft_e_imm(l, reg(AT_DIR), &dir, sizeof(dir));
	load_meta(l, device, AT_DEVICE);
	load_meta(l, NFT_META_L4PROTO, AT_PROTO);
	load_payload(l, NFT_PAYLOAD_NETWORK_HEADER, six ? 8 : 12, six ? 16 : 4, AT_SRC);
	load_payload(l, NFT_PAYLOAD_NETWORK_HEADER, six ? 24 : 16, six ? 16 : 4, AT_SRC + words);
	if (k->port)
		load_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, k->offset, k->port, AT_SRC + 2 * words);
	else
		nft_e_imm(l, reg(AT_SRC + 2 * words), &none, sizeof(none));
	add_flow(l, sets[chains[i].passed][six]);
	nft_rule_close(l, NULL);
}

static void count_rules(struct nft_lower *l, size_t i)
{
	static const enum pt_af families[] = { PT_AF_INET, PT_AF_INET6 };
	size_t chain = nft_base_chain(l, chains[i].name, "filter", chains[i].hook, chains[i].prio);

	for (size_t f = 0; f < PT_ARRAY_SIZE(families) && !l->rc; f++)
		for (size_t k = 0; k < PT_ARRAY_SIZE(kinds); k++)
			if (kinds[k].af & families[f])
				count_rule(l, chain, i, &kinds[k], families[f]);
}

static void add_set(struct nft_lower *l, const char *name, bool six)
{
	struct nft_set set = { .name = name, .role = NFT_SET_SOURCES, .dynamic = true, .keep = true,
			       .size = PT_NFT_LEARN_FLOWS, .key_len = six ? KEY6 : KEY4, .key_type = NFT_TYPE_INTEGER };

	if (!l->rc && pt_vec_push(l->arena, &l->prog->objects.sets, set))
		nft_lower_fail(l, -ENOMEM);
}

int pt_nft_learn_hook(struct pt_nl *owner, const char *table, struct pt_err *e)
{
	static const struct pt_policy none;
	static const struct pt_host nowhere;
	struct nft_lower l;
	int rc;

	nft_owned_begin(&l, &none, &nowhere, table, e);
	for (int i = 0; i < 4; i++)
		add_set(&l, sets[i / 2][i % 2], i % 2);
	for (size_t i = 0; i < PT_ARRAY_SIZE(chains) && !l.rc; i++)
		count_rules(&l, i);
	rc = nft_owned_send(&l, owner, "counting flows");
	nft_owned_end(&l);
	return rc;
}

/* ---- reading ---- */

struct reading {
	pt_nft_flow_cb cb;
	void *arg;
	bool passed;
	size_t n;
	int rc; /* what CB said */
};

static uint32_t word(const uint8_t *key, size_t i)
{
	uint32_t v;

	memcpy(&v, key + 4 * i, sizeof(v));
	return v;
}

static bool read_key(const struct nlattr *attr, struct pt_nft_flow *f)
{
	const struct nlattr *tb[NFTA_DATA_VALUE + 1];
	const uint8_t *key;
	size_t n, words;

	if (!attr || pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) || !tb[NFTA_DATA_VALUE])
		return false;
	key = mnl_attr_get_payload(tb[NFTA_DATA_VALUE]);
	n = mnl_attr_get_payload_len(tb[NFTA_DATA_VALUE]);
	if (n != KEY4 && n != KEY6)
		return false;
	words = n == KEY6 ? 4 : 1;
	f->dir = (enum pt_dir)word(key, AT_DIR);
	f->device = word(key, AT_DEVICE);
	f->proto = key[4 * AT_PROTO];
	f->src = pt_addr_from_bytes(key + 4 * AT_SRC, 4 * words);
	f->dst = pt_addr_from_bytes(key + 4 * (AT_SRC + words), 4 * words);
	key += 4 * (AT_SRC + 2 * words);
	f->port = key[0];
	if (f->proto != IPPROTO_ICMP && f->proto != IPPROTO_ICMPV6)
		f->port = (uint16_t)(key[0] << 8 | key[1]);
	return f->dir == PT_IN || f->dir == PT_OUT;
}

static int read_counter(const struct nlattr *attr, struct pt_nft_flow *f)
{
	const struct nlattr *tb[NFTA_EXPR_DATA + 1], *data[NFTA_COUNTER_PACKETS + 1];

	if (!attr)
		return 0;
	if (pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) || !nft_attr_is(tb[NFTA_EXPR_NAME], "counter") || !tb[NFTA_EXPR_DATA] ||
	    pt_nl_nested(tb[NFTA_EXPR_DATA], data, PT_ARRAY_SIZE(data)) ||
	    pt_nl_get_be64(data[NFTA_COUNTER_PACKETS], &f->packets) || pt_nl_get_be64(data[NFTA_COUNTER_BYTES], &f->bytes))
		return -EBADMSG;
	return 0;
}

static int read_element(const struct nlattr *attr, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_EXPR + 1];
	struct reading *r = arg;
	struct pt_nft_flow f = { .passed = r->passed };

	if (mnl_attr_get_type(attr) != NFTA_LIST_ELEM || nft_nest(attr, tb, PT_ARRAY_SIZE(tb)) ||
	    read_counter(tb[NFTA_SET_ELEM_EXPR], &f)) {
		r->rc = -EBADMSG;
		return MNL_CB_ERROR;
	}
	if (!read_key(tb[NFTA_SET_ELEM_KEY], &f))
		return MNL_CB_OK;
	r->n++;
	r->rc = r->cb(&f, r->arg);
	return r->rc ? MNL_CB_ERROR : MNL_CB_OK;
}

static int read_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_ELEMENTS + 1];
	struct reading *r = arg;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		return 0;
	if (pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	if (tb[NFTA_SET_ELEM_LIST_ELEMENTS] &&
	    mnl_attr_parse_nested(tb[NFTA_SET_ELEM_LIST_ELEMENTS], read_element, r) < 0)
		return r->rc ? r->rc : -EBADMSG;
	return 0;
}

int pt_nft_flow_parse(const struct nlmsghdr *nlh, pt_nft_flow_cb cb, void *arg)
{
	struct reading r = { .cb = cb, .arg = arg };

	return read_message(nlh, &r);
}

/* Flows that were told before are told again: whoever hears them knows them by their parts. */
static void again(void *arg)
{
	((struct reading *)arg)->n = 0;
}

int pt_nft_learn_read(struct pt_nl *nf, const char *table, pt_nft_flow_cb cb, void *arg, bool *full, struct pt_err *e)
{
	int rc = 0;

	*full = false;
	for (int i = 0; !rc && i < 4; i++) {
		struct reading r = { .cb = cb, .arg = arg, .passed = i / 2 };
		uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
		struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETSETELEM, 0);

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, sets[i / 2][i % 2]);
		rc = pt_nl_dump(nf, nlh, again, read_message, &r);
		*full = *full || r.n >= PT_NFT_LEARN_FLOWS;
	}
	return rc ? pt_err_sys(e, rc, "reading the flows that were counted") : 0;
}
