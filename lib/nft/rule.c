/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identity and digest of a kernel rule.
 *
 * The name travels as the rule's comment, so that `nft list` shows it, and the number in a
 * record of our own behind it. The digest makes a rule that we build comparable with the same
 * rule as the kernel returns it: the kernel fills in what was left out and computes flags, so
 * both sides are brought to one form first, and what counts packets is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/kernel.h"

#define UDATA_ID 80 /* u32, host order: these bytes never leave the machine */

/* ---- identity ---- */

/* Appends one type-length-value record; the caller knows that it fits. */
size_t nft_udata_put(uint8_t *to, size_t at, uint8_t type, const void *value, size_t len)
{
	to[at] = type;
	to[at + 1] = (uint8_t)len;
	memcpy(to + at + 2, value, len);
	return at + 2 + len;
}

const uint8_t *nft_udata_find(const uint8_t *data, size_t size, uint8_t type, size_t *len)
{
	for (size_t at = 0; at + 2 <= size; at += 2u + data[at + 1]) {
		if (at + 2 + data[at + 1] > size)
			return NULL;
		if (data[at] != type)
			continue;
		*len = data[at + 1];
		return data + at + 2;
	}
	return NULL;
}

int nft_rule_set_identity(struct nftnl_rule *r, uint32_t id, const char *name)
{
	uint8_t udata[NFT_USERDATA_MAXLEN];
	size_t n = 0, len = name ? strlen(name) + 1 : 0;

	if (len > NFTNL_UDATA_COMMENT_MAXLEN)
		return -EINVAL;
	if (name)
		n = nft_udata_put(udata, n, NFTNL_UDATA_RULE_COMMENT, name, len);
	if (id)
		n = nft_udata_put(udata, n, UDATA_ID, &id, sizeof(id));
	if (!n)
		return 0;
	return nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, udata, (uint32_t)n) < 0 ? -ENOMEM : 0;
}

void nft_rule_get_identity(struct nftnl_rule *r, struct pt_arena *a, uint32_t *id, const char **name)
{
	const uint8_t *udata, *value;
	uint32_t size = 0;
	size_t len;

	*id = 0;
	*name = NULL;
	if (!nftnl_rule_is_set(r, NFTNL_RULE_USERDATA))
		return;
	udata = nftnl_rule_get_data(r, NFTNL_RULE_USERDATA, &size);
	value = nft_udata_find(udata, size, UDATA_ID, &len);
	if (value && len == sizeof(*id))
		memcpy(id, value, sizeof(*id));
	value = nft_udata_find(udata, size, NFTNL_UDATA_RULE_COMMENT, &len);
	if (value && len > 1 && !value[len - 1])
		*name = pt_arena_strdup(a, (const char *)value);
}

/* ---- digest ---- */

#define BIT(attr) (1u << (attr))

/* What needs care in an expression: attributes that name registers (two numbers mean the same
 * one), attributes that say nothing about the meaning, and those where zero differs from none. */
static const struct expr_form {
	const char *name;
	uint32_t regs, skip, zero;
} forms[] = {
	{ "payload", BIT(NFTNL_EXPR_PAYLOAD_DREG) | BIT(NFTNL_EXPR_PAYLOAD_SREG), 0, 0 },
	{ "meta", BIT(NFTNL_EXPR_META_DREG) | BIT(NFTNL_EXPR_META_SREG), 0, 0 },
	{ "rt", BIT(NFTNL_EXPR_RT_DREG), 0, 0 },
	{ "socket", BIT(NFTNL_EXPR_SOCKET_DREG), 0, 0 },
	{ "cmp", BIT(NFTNL_EXPR_CMP_SREG), 0, BIT(NFTNL_EXPR_CMP_DATA) },
	{ "range", BIT(NFTNL_EXPR_RANGE_SREG), 0,
	  BIT(NFTNL_EXPR_RANGE_FROM_DATA) | BIT(NFTNL_EXPR_RANGE_TO_DATA) },
	{ "immediate", BIT(NFTNL_EXPR_IMM_DREG), BIT(NFTNL_EXPR_IMM_CHAIN_ID),
	  BIT(NFTNL_EXPR_IMM_DATA) | BIT(NFTNL_EXPR_IMM_VERDICT) },
	{ "bitwise", BIT(NFTNL_EXPR_BITWISE_SREG) | BIT(NFTNL_EXPR_BITWISE_DREG), 0, 0 },
	{ "byteorder", BIT(NFTNL_EXPR_BYTEORDER_SREG) | BIT(NFTNL_EXPR_BYTEORDER_DREG), 0, 0 },
	{ "lookup", BIT(NFTNL_EXPR_LOOKUP_SREG) | BIT(NFTNL_EXPR_LOOKUP_DREG),
	  BIT(NFTNL_EXPR_LOOKUP_SET_ID), 0 },
	{ "ct", BIT(NFTNL_EXPR_CT_DREG) | BIT(NFTNL_EXPR_CT_SREG), 0, BIT(NFTNL_EXPR_CT_DIR) },
	{ "fib", BIT(NFTNL_EXPR_FIB_DREG), 0, 0 },
	{ "exthdr", BIT(NFTNL_EXPR_EXTHDR_DREG) | BIT(NFTNL_EXPR_EXTHDR_SREG), 0, 0 },
	{ "numgen", BIT(NFTNL_EXPR_NG_DREG), 0, 0 },
	{ "hash", BIT(NFTNL_EXPR_HASH_SREG) | BIT(NFTNL_EXPR_HASH_DREG), 0, 0 },
	{ "dynset", BIT(NFTNL_EXPR_DYNSET_SREG_KEY) | BIT(NFTNL_EXPR_DYNSET_SREG_DATA),
	  BIT(NFTNL_EXPR_DYNSET_SET_ID) | BIT(NFTNL_EXPR_DYNSET_EXPR) |
		  BIT(NFTNL_EXPR_DYNSET_EXPRESSIONS), 0 },
	{ "counter", 0, BIT(NFTNL_EXPR_CTR_PACKETS) | BIT(NFTNL_EXPR_CTR_BYTES), 0 },
	{ "last", 0, BIT(NFTNL_EXPR_LAST_MSECS) | BIT(NFTNL_EXPR_LAST_SET), 0 },
	{ "quota", 0, BIT(NFTNL_EXPR_QUOTA_CONSUMED), 0 },
};

/* Translations: the kernel repeats a lone lower bound as the upper one and computes two flags
 * from which registers are given. */
static const struct nat_form {
	const char *name;
	uint16_t flags, addr, proto; /* attributes; the upper bound follows the lower one; 0: none */
} nat_forms[] = {
	{ "nat", NFTNL_EXPR_NAT_FLAGS, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFTNL_EXPR_NAT_REG_PROTO_MIN },
	{ "masq", NFTNL_EXPR_MASQ_FLAGS, 0, NFTNL_EXPR_MASQ_REG_PROTO_MIN },
	{ "redir", NFTNL_EXPR_REDIR_FLAGS, 0, NFTNL_EXPR_REDIR_REG_PROTO_MIN },
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	uint64_t both[2] = { h, v };

	return pt_hash64(both, sizeof(both));
}

/* Registers count words from 8 or, the same places, quadruples from 1. */
static uint32_t canonical_register(uint32_t reg)
{
	return reg >= NFT_REG32_00 && (reg - NFT_REG32_00) % 4 == 0 ?
		       NFT_REG_1 + (reg - NFT_REG32_00) / 4 : reg;
}

static uint64_t nat_digest(uint64_t h, struct nftnl_expr *expr, const struct nat_form *form)
{
	const uint16_t bounds[] = { form->addr, form->proto };
	const uint32_t implied[] = { NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED };
	uint32_t flags = 0, lo, hi;

	if (nftnl_expr_is_set(expr, form->flags))
		flags = nftnl_expr_get_u32(expr, form->flags);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bounds); i++) {
		if (!bounds[i] || !nftnl_expr_is_set(expr, bounds[i]))
			continue;
		lo = hi = nftnl_expr_get_u32(expr, bounds[i]);
		if (nftnl_expr_is_set(expr, bounds[i] + 1))
			hi = nftnl_expr_get_u32(expr, bounds[i] + 1);
		flags |= implied[i];
		h = mix(h, bounds[i]);
		h = mix(h, canonical_register(lo));
		h = mix(h, canonical_register(hi));
	}
	if (form->flags == NFTNL_EXPR_NAT_FLAGS) {
		h = mix(h, nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_TYPE));
		h = mix(h, nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_FAMILY));
	}
	return mix(h, flags);
}

static bool all_zero(const uint8_t *p, uint32_t n)
{
	while (n && !p[n - 1])
		n--;
	return !n;
}

static uint64_t attribute_digest(uint64_t h, struct nftnl_expr *expr, uint16_t attr,
				 const struct expr_form *form)
{
	const void *value;
	uint32_t len = 0;

	if (!nftnl_expr_is_set(expr, attr) || (form && form->skip & BIT(attr)))
		return h;
	value = nftnl_expr_get(expr, attr, &len);
	if (!value)
		return h;
	if (!(form && form->zero & BIT(attr)) && all_zero(value, len))
		return h;
	h = mix(h, attr);
	if (form && form->regs & BIT(attr))
		return mix(h, canonical_register(nftnl_expr_get_u32(expr, attr)));
	return mix(h, pt_hash64(value, len));
}

static int expr_digest(struct nftnl_expr *expr, void *arg)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	const struct expr_form *form = NULL;
	uint64_t *h = arg;

	*h = mix(*h, pt_hash64(name, strlen(name)));
	for (size_t i = 0; i < PT_ARRAY_SIZE(nat_forms); i++) {
		if (strcmp(name, nat_forms[i].name))
			continue;
		*h = nat_digest(*h, expr, &nat_forms[i]);
		return 0;
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(forms) && !form; i++)
		form = strcmp(name, forms[i].name) ? NULL : &forms[i];
	for (uint16_t attr = NFTNL_EXPR_BASE; attr < NFTNL_EXPR_BASE + 16; attr++)
		*h = attribute_digest(*h, expr, attr, form);
	return 0;
}

uint64_t nft_rule_digest(struct nftnl_rule *r)
{
	const void *udata;
	uint32_t len = 0;
	uint64_t h = 0;

	if (nftnl_rule_is_set(r, NFTNL_RULE_USERDATA)) {
		udata = nftnl_rule_get_data(r, NFTNL_RULE_USERDATA, &len);
		h = pt_hash64(udata, len);
	}
	nftnl_expr_foreach(r, expr_digest, &h);
	return h ? h : 1; /* 0 means "not computed" */
}

/* ---- what else a rule tells ---- */

static int add_counter(struct nftnl_expr *expr, void *arg)
{
	struct nft_rule *rule = arg;

	if (strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), "counter"))
		return 0;
	rule->packets += nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_PACKETS);
	rule->bytes += nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_BYTES);
	return 0;
}

void nft_rule_read_counters(struct nft_rule *rule)
{
	rule->packets = rule->bytes = 0;
	nftnl_expr_foreach(rule->nlr, add_counter, rule);
}

struct set_search {
	bool (*match)(const char *set, const void *arg);
	const void *arg;
};

static int expr_uses_set(struct nftnl_expr *expr, void *arg)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), *set = NULL;
	const struct set_search *search = arg;

	if (!strcmp(name, "lookup"))
		set = nftnl_expr_get_str(expr, NFTNL_EXPR_LOOKUP_SET);
	else if (!strcmp(name, "dynset"))
		set = nftnl_expr_get_str(expr, NFTNL_EXPR_DYNSET_SET_NAME);
	return set && search->match(set, search->arg) ? -1 : 0;
}

bool nft_rule_uses_set(struct nftnl_rule *r, bool (*match)(const char *set, const void *arg),
		       const void *arg)
{
	struct set_search search = { .match = match, .arg = arg };

	return nftnl_expr_foreach(r, expr_uses_set, &search) < 0;
}

static int count_expr(struct nftnl_expr *expr, void *arg)
{
	size_t *n = arg;

	(void)expr;
	(*n)++;
	return 0;
}

size_t nft_rule_exprs(struct nftnl_rule *r)
{
	size_t n = 0;

	nftnl_expr_foreach(r, count_expr, &n);
	return n;
}
