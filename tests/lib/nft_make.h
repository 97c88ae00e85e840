/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_make - programs made by hand, for tests of what stands between a program and the kernel.
 * Everything asserts: a test never sees a half-made program.
 */
#ifndef TESTS_NFT_MAKE_H
#define TESTS_NFT_MAKE_H

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/kernel.h"

#define MAKE_FILE "rules.conf"

static inline struct pt_nft_prog *make_prog(const char *digest)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_nft_prog *p = pt_arena_alloc(a, sizeof(*p));

	assert_non_null(p);
	p->arena = a;
	p->digest = digest;
	p->path = "/etc/patronus/" MAKE_FILE;
	return p;
}

/* The chain's index; TYPE NULL: not a base chain. */
static inline size_t make_chain(struct pt_nft_prog *p, const char *name, const char *type,
				uint32_t hook, int32_t prio)
{
	struct nft_chain chain = { .name = name, .type = type, .hook = hook, .prio = prio };

	assert_int_equal(pt_vec_push(p->arena, &p->objects.chains, chain), 0);
	return p->objects.chains.n - 1;
}

static inline struct nftnl_expr *make_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	assert_non_null(x);
	nftnl_rule_add_expr(r, x);
	return x;
}

static inline void make_meta(struct nftnl_rule *r, uint32_t key)
{
	struct nftnl_expr *x = make_expr(r, "meta");

	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

static inline void make_payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *x = make_expr(r, "payload");

	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
}

static inline void make_cmp(struct nftnl_rule *r, const void *data, uint32_t len)
{
	struct nftnl_expr *x = make_expr(r, "cmp");

	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	assert_int_equal(nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len), 0);
}

static inline void make_cmp_u8(struct nftnl_rule *r, uint8_t v)
{
	make_cmp(r, &v, sizeof(v));
}

static inline void make_lookup(struct nftnl_rule *r, const char *set)
{
	struct nftnl_expr *x = make_expr(r, "lookup");

	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	assert_int_equal(nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set), 0);
}

static inline void make_verdict(struct nftnl_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *x = make_expr(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		assert_int_equal(nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain), 0);
}

/* Takes R over. NAME NULL: structural. LINE: where it stands in MAKE_FILE, 0: nowhere. */
static inline void make_rule(struct pt_nft_prog *p, size_t chain, struct nftnl_rule *r, uint32_t id,
			     const char *name, uint32_t line)
{
	struct nft_rule rule = { .nlr = r, .id = id, .name = name,
				 .loc = { .file = MAKE_FILE, .line = line } };

	if (name)
		assert_int_equal(nft_rule_set_identity(r, id, name), 0);
	rule.digest = nft_rule_digest(r);
	assert_int_equal(pt_vec_push(p->arena, &p->objects.chains.v[chain].rules, rule), 0);
}

static inline struct nftnl_rule *make_nlr(void)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	assert_non_null(r);
	return r;
}

/* "udp dport PORT counter VERDICT", named after the id. */
static inline void make_port_rule(struct pt_nft_prog *p, size_t chain, uint32_t id, uint16_t port,
				  int verdict)
{
	struct nftnl_rule *r = make_nlr();
	uint16_t be = htons(port);

	make_meta(r, NFT_META_L4PROTO);
	make_cmp_u8(r, IPPROTO_UDP);
	make_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	make_cmp(r, &be, sizeof(be));
	make_expr(r, "counter");
	make_verdict(r, verdict, NULL);
	make_rule(p, chain, r, id, pt_arena_printf(p->arena, "rule-%u", id), id);
}

/* The set's index. AF NONE: of ports. */
static inline size_t make_set(struct pt_nft_prog *p, const char *name, enum nft_set_role role,
			      enum pt_af af)
{
	struct nft_set set = { .name = name, .role = role, .af = af, .interval = true };

	set.key_len = af == PT_AF_INET ? 4 : af == PT_AF_INET6 ? 16 : 2;
	set.key_type = af == PT_AF_INET ? 7 : af == PT_AF_INET6 ? 8 : 13;
	assert_int_equal(pt_vec_push(p->arena, &p->objects.sets, set), 0);
	return p->objects.sets.n - 1;
}

static inline void make_elem(struct pt_nft_prog *p, size_t set, pt_u128 lo, pt_u128 hi)
{
	assert_int_equal(pt_iset_add(p->arena, &p->objects.sets.v[set].elems, lo, hi), 0);
	pt_iset_norm(&p->objects.sets.v[set].elems);
}

/* The errors as one text, for messages of failed tests; freed by the caller. */
static inline char *make_errors(const struct pt_err *e)
{
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < e->list.n; i++)
		pt_buf_fmt(&b, "%s%s:%u: %s", i ? "; " : "", e->list.v[i].loc.file ?
			   e->list.v[i].loc.file : "-", e->list.v[i].loc.line, e->list.v[i].msg);
	return b.s ? b.s : strdup("");
}

#endif
