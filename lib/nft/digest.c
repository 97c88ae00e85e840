/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The digest of a rule makes one that we build comparable with the same rule as the kernel returns
 * it. The kernel fills in what was left out, computes flags and names registers its own way, so
 * both are brought to one form first; what counts packets is left out.
 *
 * Both sides are read as attributes. libnftnl could parse the kernel's rules into objects, but
 * it ends the whole process on an attribute of an unexpected length.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_nat.h>

#include "nft/kernel.h"

#define ATTRS 24 /* more kinds than any expression has */
#define RULE_BYTES 24576 /* on the stack; a rule of ours is smaller */

#define BIT(attr) (1u << (attr))

/* What needs care in an expression: attributes that name registers (two numbers mean the same
 * one), nests with data, attributes that say nothing about the meaning, those where zero
 * differs from none, and strings. */
static const struct expr_form {
	const char *name;
	uint32_t regs, nests, skip, zero;
	uint32_t strs; /* with or without an end */
} forms[] = {
	{ "payload", BIT(NFTA_PAYLOAD_DREG) | BIT(NFTA_PAYLOAD_SREG), 0, 0, 0, 0 },
	{ "meta", BIT(NFTA_META_DREG) | BIT(NFTA_META_SREG), 0, 0, 0, 0 },
	{ "rt", BIT(NFTA_RT_DREG), 0, 0, 0, 0 },
	{ "socket", BIT(NFTA_SOCKET_DREG), 0, 0, 0, 0 },
	{ "cmp", BIT(NFTA_CMP_SREG), BIT(NFTA_CMP_DATA), 0, 0, 0 },
	{ "range", BIT(NFTA_RANGE_SREG), BIT(NFTA_RANGE_FROM_DATA) | BIT(NFTA_RANGE_TO_DATA), 0, 0, 0 },
	{ "immediate", BIT(NFTA_IMMEDIATE_DREG), BIT(NFTA_IMMEDIATE_DATA), 0, 0, 0 },
	{ "bitwise", BIT(NFTA_BITWISE_SREG) | BIT(NFTA_BITWISE_DREG),
	  BIT(NFTA_BITWISE_MASK) | BIT(NFTA_BITWISE_XOR) | BIT(NFTA_BITWISE_DATA), 0, 0, 0 },
	{ "byteorder", BIT(NFTA_BYTEORDER_SREG) | BIT(NFTA_BYTEORDER_DREG), 0, 0, 0, 0 },
	{ "lookup", BIT(NFTA_LOOKUP_SREG) | BIT(NFTA_LOOKUP_DREG), 0, BIT(NFTA_LOOKUP_SET_ID),
	  BIT(NFTA_LOOKUP_DREG), 0 },
	{ "ct", BIT(NFTA_CT_DREG) | BIT(NFTA_CT_SREG), 0, 0, BIT(NFTA_CT_DIRECTION), 0 },
	{ "fib", BIT(NFTA_FIB_DREG), 0, 0, 0, 0 },
	{ "exthdr", BIT(NFTA_EXTHDR_DREG) | BIT(NFTA_EXTHDR_SREG), 0, 0, 0, 0 },
	{ "numgen", BIT(NFTA_NG_DREG), 0, 0, 0, 0 },
	{ "hash", BIT(NFTA_HASH_SREG) | BIT(NFTA_HASH_DREG), 0, 0, 0, 0 },
	{ "tproxy", BIT(NFTA_TPROXY_REG_ADDR) | BIT(NFTA_TPROXY_REG_PORT), 0, 0, 0, 0 },
	{ "dynset", BIT(NFTA_DYNSET_SREG_KEY) | BIT(NFTA_DYNSET_SREG_DATA), 0,
	  BIT(NFTA_DYNSET_SET_ID) | BIT(NFTA_DYNSET_EXPR) | BIT(NFTA_DYNSET_EXPRESSIONS), 0, 0 },
	{ "counter", 0, 0, UINT32_MAX, 0, 0 },
	{ "last", 0, 0, UINT32_MAX, 0, 0 },
	{ "quota", 0, 0, BIT(NFTA_QUOTA_CONSUMED), 0, 0 },
	{ "objref", 0, 0, 0, 0, BIT(NFTA_OBJREF_IMM_NAME) },
};

/* Translations: the kernel repeats a lone lower bound as the upper one and computes two flags
 * from which registers are given. */
static const struct nat_form {
	const char *name;
	uint16_t flags, type, family, addr, proto; /* the upper bound follows the lower; 0: none */
} nat_forms[] = {
	{ "nat", NFTA_NAT_FLAGS, NFTA_NAT_TYPE, NFTA_NAT_FAMILY, NFTA_NAT_REG_ADDR_MIN,
	  NFTA_NAT_REG_PROTO_MIN },
	{ "masq", NFTA_MASQ_FLAGS, 0, 0, 0, NFTA_MASQ_REG_PROTO_MIN },
	{ "redir", NFTA_REDIR_FLAGS, 0, 0, 0, NFTA_REDIR_REG_PROTO_MIN },
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	uint64_t both[2] = { h, v };

	return pt_hash64(both, sizeof(both));
}

static uint64_t mix_payload(uint64_t h, const struct nlattr *attr)
{
	return mix(h, pt_hash64(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)));
}

/* Registers count words from 8 or, the same places, quadruples from 1. */
static int mix_register(uint64_t *h, const struct nlattr *attr)
{
	uint32_t reg = 0;
	int rc = pt_nl_get_be32(attr, &reg);

	if (reg >= NFT_REG32_00 && (reg - NFT_REG32_00) % 4 == 0)
		reg = NFT_REG_1 + (reg - NFT_REG32_00) / 4;
	*h = mix(*h, reg);
	return rc;
}

/* Data: a value, or a verdict with perhaps a chain. */
static int mix_data(uint64_t *h, const struct nlattr *nest)
{
	const struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	int rc;

	rc = nft_nest(nest, data, PT_ARRAY_SIZE(data));
	if (!rc)
		rc = nft_nest(data[NFTA_DATA_VERDICT], verdict, PT_ARRAY_SIZE(verdict));
	if (rc)
		return rc;
	if (data[NFTA_DATA_VALUE])
		*h = mix_payload(mix(*h, 1), data[NFTA_DATA_VALUE]);
	if (verdict[NFTA_VERDICT_CODE])
		*h = mix_payload(mix(*h, 2), verdict[NFTA_VERDICT_CODE]);
	if (verdict[NFTA_VERDICT_CHAIN])
		*h = mix_payload(mix(*h, 3), verdict[NFTA_VERDICT_CHAIN]);
	return 0;
}

static int mix_nat(uint64_t *h, const struct nat_form *form, const struct nlattr **tb)
{
	const uint16_t bounds[] = { form->addr, form->proto };
	const uint32_t implied[] = { NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED };
	uint32_t flags = 0;
	int rc;

	rc = pt_nl_get_be32(tb[form->flags], &flags);
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(bounds); i++) {
		const struct nlattr *lo = bounds[i] ? tb[bounds[i]] : NULL;

		if (!lo)
			continue;
		flags |= implied[i];
		*h = mix(*h, bounds[i]);
		rc = mix_register(h, lo);
		if (!rc)
			rc = mix_register(h, tb[bounds[i] + 1] ? tb[bounds[i] + 1] : lo);
	}
	if (form->type && tb[form->type])
		*h = mix_payload(*h, tb[form->type]);
	if (form->family && tb[form->family])
		*h = mix_payload(*h, tb[form->family]);
	*h = mix(*h, flags);
	return rc;
}

static bool all_zero(const struct nlattr *attr)
{
	const uint8_t *p = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr);

	while (n && !p[n - 1])
		n--;
	return !n;
}

static int mix_attr(uint64_t *h, const struct expr_form *form, uint16_t type,
		    const struct nlattr *attr)
{
	static const struct expr_form plain;

	if (!form)
		form = &plain;
	if (!attr || form->skip & BIT(type))
		return 0;
	if (form->nests & BIT(type)) {
		*h = mix(*h, type);
		return mix_data(h, attr);
	}
	if (all_zero(attr) && !(form->zero & BIT(type)))
		return 0;
	*h = mix(*h, type);
	if (form->regs & BIT(type))
		return mix_register(h, attr);
	if (form->strs & BIT(type)) {
		*h = mix(*h, pt_hash64(mnl_attr_get_payload(attr), strnlen(mnl_attr_get_payload(attr),
									   mnl_attr_get_payload_len(attr))));
		return 0;
	}
	*h = mix_payload(*h, attr);
	return 0;
}

static int mix_expr(uint64_t *h, const char *name, const struct nlattr **tb)
{
	const struct expr_form *form = NULL;
	int rc = 0;

	*h = mix(*h, pt_hash64(name, strlen(name)));
	for (size_t i = 0; i < PT_ARRAY_SIZE(nat_forms); i++)
		if (!strcmp(name, nat_forms[i].name))
			return mix_nat(h, &nat_forms[i], tb);
	for (size_t i = 0; i < PT_ARRAY_SIZE(forms) && !form; i++)
		form = strcmp(name, forms[i].name) ? NULL : &forms[i];
	for (uint16_t type = 1; !rc && type < ATTRS; type++)
		rc = mix_attr(h, form, type, tb[type]);
	return rc;
}

/* ---- a rule's expressions, one by one ---- */

struct walk {
	uint64_t digest, packets, bytes;
	int32_t verdict;
	int rc;
};

static int walk_counter(struct walk *w, const struct nlattr **tb)
{
	uint64_t packets = 0, bytes = 0;
	int rc;

	rc = pt_nl_get_be64(tb[NFTA_COUNTER_PACKETS], &packets);
	if (!rc)
		rc = pt_nl_get_be64(tb[NFTA_COUNTER_BYTES], &bytes);
	w->packets += packets;
	w->bytes += bytes;
	return rc;
}

static int walk_verdict(struct walk *w, const struct nlattr **tb)
{
	const struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	uint32_t code = (uint32_t)w->verdict;
	int rc;

	rc = nft_nest(tb[NFTA_IMMEDIATE_DATA], data, PT_ARRAY_SIZE(data));
	if (!rc)
		rc = nft_nest(data[NFTA_DATA_VERDICT], verdict, PT_ARRAY_SIZE(verdict));
	if (!rc)
		rc = pt_nl_get_be32(verdict[NFTA_VERDICT_CODE], &code);
	w->verdict = (int32_t)code;
	return rc;
}

static int walk_expr(const struct nlattr *attr, void *arg)
{
	const struct nlattr *expr[NFTA_EXPR_MAX + 1], *tb[ATTRS];
	char name[NFT_NAME_MAXLEN] = "";
	struct walk *w = arg;

	w->rc = nft_nest(attr, expr, PT_ARRAY_SIZE(expr));
	if (!w->rc)
		w->rc = pt_nl_get_str(expr[NFTA_EXPR_NAME], name, sizeof(name));
	if (!w->rc)
		w->rc = nft_nest(expr[NFTA_EXPR_DATA], tb, PT_ARRAY_SIZE(tb));
	if (!w->rc)
		w->rc = mix_expr(&w->digest, name, tb);
	if (!w->rc && !strcmp(name, "counter"))
		w->rc = walk_counter(w, tb);
	if (!w->rc && !strcmp(name, "immediate"))
		w->rc = walk_verdict(w, tb);
	return w->rc ? MNL_CB_ERROR : MNL_CB_OK;
}

static int walk_rule(struct walk *w, const struct nlattr *exprs, const struct nlattr *udata)
{
	memset(w, 0, sizeof(*w));
	w->verdict = NFT_VERDICT_OTHER;
	if (udata)
		w->digest = mix_payload(0, udata);
	if (exprs && mnl_attr_parse_nested(exprs, walk_expr, w) < 0)
		return w->rc ? w->rc : -EBADMSG;
	if (!w->digest)
		w->digest = 1; /* 0 means "not computed" */
	return 0;
}

int nft_rule_parse(const struct nlattr *exprs, const struct nlattr *udata, struct pt_arena *a,
		   struct nft_rule *rule)
{
	struct walk w;
	int rc;

	rc = walk_rule(&w, exprs, udata);
	if (rc)
		return rc;
	rule->digest = w.digest;
	rule->packets = w.packets;
	rule->bytes = w.bytes;
	rule->verdict = w.verdict;
	if (!udata)
		return 0;
	return nft_rule_get_identity(mnl_attr_get_payload(udata), mnl_attr_get_payload_len(udata),
				     a, &rule->id, &rule->name);
}

uint64_t nft_rule_digest(struct nftnl_rule *r)
{
	uint64_t small[RULE_BYTES / sizeof(uint64_t)];
	size_t bytes = nft_rule_bytes(r) + NFT_HEADER_BYTES;
	void *buf = bytes > sizeof(small) ? malloc(bytes) : small;
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct nlmsghdr *nlh;
	struct walk w;
	int rc;

	if (!buf)
		return 0;
	nlh = nft_question(buf, NFT_MSG_NEWRULE, 0);
	nftnl_rule_nlmsg_build_payload(nlh, r);
	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (!rc)
		rc = walk_rule(&w, tb[NFTA_RULE_EXPRESSIONS], tb[NFTA_RULE_USERDATA]);
	if (buf != small)
		free(buf);
	return rc ? 0 : w.digest;
}
