/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hook of a trace: a table that asks the kernel to tell the way of some packets.
 *
 * It sees packets before any rule of ours. Its other chains have no rules: a packet that is followed tells when it comes
 * to their end, and that says what became of it, which none of ours would: that it is forwarded, with which
 * addresses it leaves, that it is delivered. It writes nothing into a packet but the kernel's bit of tracing.
 */
#include <errno.h>
#include <limits.h>

#include <patronus/nft_trace.h>

#include "nft/owned.h"

#define PRIO_FIRST (-300) /* after fragments are put together, before connections are looked up */
#define PRIO_FORWARD (-1) /* just before our judgement */
#define PRIO_LAST (INT_MAX - 1) /* just before conntrack confirms */

static const struct {
	const char *name;
	uint32_t hook;
	int32_t prio;
	enum pt_dir dir; /* of the rules in it; NONE: it has none */
} chains[] = {
	{ PT_NFT_TRACE_ARRIVES, NF_INET_PRE_ROUTING, PRIO_FIRST, PT_IN },
	{ PT_NFT_TRACE_LEAVES, NF_INET_LOCAL_OUT, PRIO_FIRST, PT_OUT },
	{ PT_NFT_TRACE_FORWARD, NF_INET_FORWARD, PRIO_FORWARD, PT_OUT },
	{ PT_NFT_TRACE_DELIVERED, NF_INET_LOCAL_IN, PRIO_LAST, PT_DIR_NONE },
	{ PT_NFT_TRACE_LEFT_END, NF_INET_POST_ROUTING, PRIO_LAST, PT_DIR_NONE },
};

static void follow(struct nft_lower *l, const void *arg)
{
	const uint32_t *rate = arg;
	const uint8_t on = 1;

	nft_e_limit(l, *rate, 1, *rate);
	nft_e_imm(l, NFT_REG_1, &on, sizeof(on));
	nft_e_meta_set(l, NFT_META_NFTRACE);
}

static void emit(struct nft_lower *l, const char *chain, const struct pt_pol_rule *r, uint32_t rate)
{
	const struct nft_known start = { .tag = NFT_TAG_LIVE, .af = PT_AF_BOTH, .proto = -1 };
	struct nft_match m;

	if (nft_match_decide(l, r, &start, &m))
		nft_match_emit(l, nft_chain_find(l, chain), &m, follow, &rate);
}

int pt_nft_trace_hook(struct pt_nl *owner, struct pt_nl *nf, const struct pt_policy *filter, const struct pt_host *host,
		      const char *table, uint32_t rate, struct pt_err *e)
{
	struct nft_lower l;
	int rc;

	nft_owned_begin(&l, filter, host, table, e);
	if (!l.rc)
		nft_owned_tables(&l, nf);
	for (size_t i = 0; i < PT_ARRAY_SIZE(chains) && !l.rc; i++)
		(void)nft_base_chain(&l, chains[i].name, "filter", chains[i].hook, chains[i].prio);
	for (size_t i = 0; i < PT_ARRAY_SIZE(chains); i++)
		for (size_t k = 0; k < filter->rules.n && !l.rc; k++)
			if (filter->rules.v[k].dir == chains[i].dir)
				emit(&l, chains[i].name, &filter->rules.v[k], rate);
	rc = nft_owned_send(&l, owner, "following packets");
	nft_owned_end(&l);
	return rc;
}
