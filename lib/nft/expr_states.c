/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expressions that count: connections, sources, packets in a time; and those that give time-outs and notices.
 */
#include <errno.h>

#include "nft/lower.h"

#include <libnftnl/expr.h>

static struct nftnl_expr *count_new(uint32_t n, bool over)
{
	struct nftnl_expr *x = nftnl_expr_alloc("connlimit");

	if (!x)
		return NULL;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CONNLIMIT_COUNT, n);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CONNLIMIT_FLAGS, over ? NFT_CONNLIMIT_F_INV : 0);
	return x;
}

/* A bucket of BURST packets, N of which come again in SECONDS. OVER: for those that find none. */
static struct nftnl_expr *rate_new(uint32_t n, uint32_t seconds, uint32_t burst, bool over)
{
	struct nftnl_expr *x = nftnl_expr_alloc("limit");

	if (!x)
		return NULL;
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, n);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, seconds);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, burst);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, over ? NFT_LIMIT_F_INV : 0);
	return x;
}

void nft_e_count(struct nft_lower *l, uint32_t n, bool over)
{
	struct nftnl_expr *x;

	if (l->rc)
		return;
	x = count_new(n, over);
	if (x)
		nftnl_rule_add_expr(l->nlr, x);
	else
		nft_lower_fail(l, -ENOMEM);
}

/* COUNTER, what each element has, becomes the expression's. */
static void add(struct nft_lower *l, const char *set, uint32_t op, struct nftnl_expr *counter)
{
	struct nftnl_expr *x = set ? nft_expr_new(l, "dynset") : NULL;

	if (!x) {
		if (counter)
			nftnl_expr_free(counter);
		return;
	}
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, op);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	if (nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, set) < 0)
		nft_lower_fail(l, -ENOMEM);
	if (counter)
		nftnl_expr_set(x, NFTNL_EXPR_DYNSET_EXPR, counter, 0);
}

static void add_with(struct nft_lower *l, const char *set, uint32_t op, struct nftnl_expr *counter)
{
	if (counter)
		add(l, set, op, counter);
	else
		nft_lower_fail(l, -ENOMEM);
}

void nft_e_add(struct nft_lower *l, const char *set)
{
	add(l, set, NFT_DYNSET_OP_ADD, NULL);
}

void nft_e_add_count(struct nft_lower *l, const char *set, uint32_t n)
{
	add_with(l, set, NFT_DYNSET_OP_ADD, count_new(n, true));
}

/* Its time begins anew with each packet, so that a bucket is forgotten only when it is full again. */
void nft_e_add_rate(struct nft_lower *l, const char *set, uint32_t n, uint32_t seconds)
{
	add_with(l, set, NFT_DYNSET_OP_UPDATE, rate_new(n, seconds, n, true));
}

#define BURST 5 /* packets, unless the rule says more: what other tools have */

/* A dynamic set with one element is what several rules can share. */
void nft_e_bucket(struct nft_lower *l, const char *set, const struct pt_ast_rate *rate)
{
	const uint32_t one = 1;

	nft_e_imm(l, NFT_REG_1, &one, sizeof(one));
	add_with(l, set, NFT_DYNSET_OP_ADD, rate_new(rate->packets, rate->seconds, rate->burst ? rate->burst : BURST, false));
}

void nft_e_limit(struct nft_lower *l, uint32_t n, uint32_t seconds, uint32_t burst)
{
	struct nftnl_expr *x;

	if (l->rc)
		return;
	x = rate_new(n, seconds, burst, false);
	if (x)
		nftnl_rule_add_expr(l->nlr, x);
	else
		nft_lower_fail(l, -ENOMEM);
}

void nft_e_timeouts(struct nft_lower *l, const char *object)
{
	struct nftnl_expr *x = nft_expr_new(l, "objref");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_CT_TIMEOUT);
	if (nftnl_expr_set_str(x, NFTNL_EXPR_OBJREF_IMM_NAME, object) < 0)
		nft_lower_fail(l, -ENOMEM);
}

void nft_e_notice(struct nft_lower *l, const char *text)
{
	struct nftnl_expr *x = nft_expr_new(l, "log");

	if (!x)
		return;
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, PT_NFT_NOTICE_GROUP);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOG_SNAPLEN, PT_NFT_NOTICE_BYTES);
	if (nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, text) < 0)
		nft_lower_fail(l, -ENOMEM);
}
