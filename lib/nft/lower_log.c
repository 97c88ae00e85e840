/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logs that need more than an expression in their rule.
 *
 * A log with a limit must not end its rule where it has nothing to say, so it stands in a chain with the rest of what
 * the rule does.
 *
 * log (all): known packets pass before any rule is looked at, so those whose rule logs all of them say so in their
 * connection's label, and are logged in front.
 */
#include <errno.h>
#include <string.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_conntrack_tuple_common.h>

/* ---- limits ---- */

void nft_log_limited(struct nft_lower *l, size_t chain, const struct pt_pol_rule *r)
{
	const struct pt_ast_rate *rate = &r->log_limit;
	char name[NFT_SETNAME_MAX];

	nft_name(name, "log.%08x.%u.%u.%u", r->id, rate->packets, rate->seconds, rate->burst);
	nft_rule_open(l, chain);
	nft_e_bucket(l, nft_set_bucket(l, name), rate);
	nft_e_log(l, r);
	nft_rule_close(l, r);
}

/* Named after what is done there: packets under way find what it was. The label tells the directions of a written
 * rule apart, which share their id, and its translations. */
static const char *logged_chain(struct nft_lower *l, const struct nft_effect *x)
{
	const struct pt_ast_rate *rate = &x->rule->log_limit;
	uint64_t what[] = { rate->packets, rate->seconds, rate->burst, x->mode, x->decide, x->rule->dir, 0, 0, x->tag,
			    x->go ? pt_hash64(x->go, strlen(x->go)) : 0 };
	char name[NFT_SETNAME_MAX];
	uint32_t label[4];

	nft_label(l, x, label);
	what[6] = label[0];
	what[7] = label[3];
	nft_name(name, "log.%08x.%016llx", x->rule->id, (unsigned long long)pt_hash64(what, sizeof(what)));
	return pt_arena_strdup(l->arena, name);
}

void nft_logged_go(struct nft_lower *l, const struct nft_effect *x)
{
	struct nft_logged one = { .effect = *x, .chain = logged_chain(l, x) };
	size_t i = 0;

	while (one.chain && i < l->logged.n && strcmp(l->logged.v[i].chain, one.chain) != 0)
		i++;
	if (!one.chain || (i == l->logged.n && pt_vec_push(l->arena, &l->logged, one))) {
		nft_lower_fail(l, -ENOMEM);
		return;
	}
	nft_e_verdict(l, x->decide || x->go ? NFT_GOTO : NFT_JUMP, one.chain);
}

void nft_logged_emit(struct nft_lower *l)
{
	for (size_t i = 0; i < l->logged.n && !l->rc; i++) {
		struct nft_effect x = l->logged.v[i].effect;
		size_t chain = nft_chain_new(l, l->logged.v[i].chain);

		nft_log_limited(l, chain, x.rule);
		x.count = false; /* that has been done, and so has the log */
		if (!x.decide && !x.go && !x.tag && !x.rule->set)
			continue;
		nft_rule_open(l, chain);
		nft_effect_emit(l, &x);
		nft_rule_close(l, x.rule);
	}
}

/* ---- every packet ---- */

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
	const char *log;

	if (!any_logs_all(l->policy, of))
		return;
	log = log_chain(l, of); /* before the rule that goes there */
	nft_rule_open(l, chain);
	nft_t_label(l, way, of == PT_IN ? PT_LABEL_LOG_IN : PT_LABEL_LOG_OUT);
	nft_e_verdict(l, NFT_JUMP, log);
	nft_rule_close(l, NULL);
}

/* A state of the way in is of packets that come in one direction and go out in the other. */
void nft_log_known(struct nft_lower *l, size_t chain, enum pt_dir dir)
{
	log_state(l, chain, IP_CT_DIR_ORIGINAL, dir);
	log_state(l, chain, IP_CT_DIR_REPLY, dir == PT_IN ? PT_OUT : PT_IN);
}
