/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log (all): known packets pass before any rule is looked at, so those whose rule logs all of them say so in their
 * connection's label, and are logged in front.
 */
#include <string.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_conntrack_tuple_common.h>

static bool logs_all(const struct pt_pol_rule *r, enum pt_dir dir)
{
	return r->log_all && r->dir == dir;
}

static bool any_logs_all(const struct pt_policy *p, enum pt_dir dir)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (logs_all(&p->rules.v[i], dir))
			return true;
	return false;
}

/* The chain that logs for the rule whose id stands in the label's word of DIR: made when it is asked for first. */
static const char *log_chain(struct nft_lower *l, enum pt_dir dir)
{
	const char *name = dir == PT_IN ? "log-in" : "log-out";
	const uint32_t zero[4] = { 0 };
	uint32_t last = 0;
	size_t chain;

	if (nft_chain_find(l, name) != SIZE_MAX)
		return name;
	chain = nft_chain_new(l, name);
	for (size_t i = 0; i < l->policy->rules.n && !l->rc; i++) {
		const struct pt_pol_rule *r = &l->policy->rules.v[i];
		uint32_t mask[4] = { 0 }, want[4] = { 0 };

		if (!logs_all(r, dir) || r->id == last)
			continue;
		last = r->id;
		mask[dir == PT_IN ? 1 : 2] = UINT32_MAX;
		want[dir == PT_IN ? 1 : 2] = r->id;
		nft_rule_open(l, chain);
		nft_e_ct(l, NFT_CT_LABELS);
		nft_e_bitwise(l, mask, zero, sizeof(mask));
		nft_e_cmp(l, NFT_CMP_EQ, want, sizeof(want));
		nft_e_log(l, r);
		nft_e_verdict(l, NFT_RETURN, NULL);
		nft_rule_close(l, r);
	}
	return name;
}

static void log_state(struct nft_lower *l, size_t chain, uint8_t way, enum pt_dir of)
{
	if (!any_logs_all(l->policy, of))
		return;
	log_chain(l, of);
	nft_rule_open(l, chain);
	nft_t_label(l, way, of == PT_IN ? PT_LABEL_LOG_IN : PT_LABEL_LOG_OUT);
	nft_e_verdict(l, NFT_JUMP, log_chain(l, of));
	nft_rule_close(l, NULL);
}

/* A state of the way in is of packets that come in one direction and go out in the other. */
void nft_log_known(struct nft_lower *l, size_t chain, enum pt_dir dir)
{
	log_state(l, chain, IP_CT_DIR_ORIGINAL, dir);
	log_state(l, chain, IP_CT_DIR_REPLY, dir == PT_IN ? PT_OUT : PT_IN);
}
