/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits of the states that a rule makes.
 *
 * All kernel rules of one written rule go to its chain "state.ID.DIRECTION", which drops what would be too much, so that
 * they count together. States, and states of one source, are counted when they begin, half open ones too, as in pf.
 * Each direction counts by itself: the kernel's counters take a new connection that comes to them twice, on its way in
 * and out, sometimes for one and sometimes for two.
 *
 * The limits of connections (max-src-conn, max-src-conn-rate) have consequences for the source, so they count only
 * those whose handshake is complete: anybody can send a first packet in somebody else's name. Such a connection's
 * label says CHECK, and the first packet behind the handshake is looked at before known connections pass. The kernel
 * counts packets in a time by itself. Connections it counts only as they begin: where there are too many then,
 * forged ones among them perhaps, the connection is one of a CROWD, and waits after its handshake until whoever
 * follows our notices (lib/plan) has counted exactly; without one it waits for ever.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

#define SOURCES 65535u /* that a rule counts, unless the file says more */

static const struct family {
	enum pt_af af;
	uint8_t nfproto;
	uint32_t offset, len; /* of the source address */
} families[] = {
	{ PT_AF_INET, NFPROTO_IPV4, 12, 4 },
	{ PT_AF_INET6, NFPROTO_IPV6, 8, 16 },
};

static const char *dir_name(const struct pt_pol_rule *r)
{
	return r->dir == PT_IN ? "in" : "out";
}

static bool counts_connections(const struct pt_pol_states *s)
{
	return s->max_src_conn || s->rate;
}

static bool has_timeouts(const struct pt_pol_states *s)
{
	for (size_t i = 0; i < PT_TIMEOUTS; i++)
		if (s->timeout[i])
			return true;
	return false;
}

uint32_t nft_states_bits(const struct pt_pol_rule *r)
{
	uint32_t bits = 0;

	if (!r->states)
		return 0;
	if (counts_connections(r->states))
		bits |= PT_LABEL_CHECK_IN << (r->dir == PT_OUT);
	if (has_timeouts(r->states))
		bits |= PT_LABEL_TIMED;
	return bits;
}

/* ---- which rules ---- */

static bool same_effect(const struct nft_lower *l, const struct nft_limited *x, const struct nft_effect *e)
{
	const struct nft_effect other = { .rule = x->rule, .nat = x->nat };
	uint32_t a[4], b[4];

	if (x->rule->id != e->rule->id)
		return false;
	nft_label(l, &other, a);
	nft_label(l, e, b);
	return !memcmp(a, b, sizeof(a));
}

static void limited_name(const struct nft_lower *l, const struct nft_effect *e, char out[NFT_SETNAME_MAX])
{
	uint32_t label[4];

	nft_label(l, e, label);
	nft_name(out, "keep.%08x.%s", e->rule->id, dir_name(e->rule));
	if (label[3])
		nft_name(out + strlen(out), ".%x", label[3]);
}

static struct nft_limited *limited_get(struct nft_lower *l, const struct nft_effect *e)
{
	struct nft_limited new = { .rule = e->rule, .nat = e->nat, .af = e->rule->af, .first = true };
	char name[NFT_SETNAME_MAX];

	/* copies of a rule come one after the other */
	for (size_t i = l->limited.n; i-- > 0;) {
		struct nft_limited *x = &l->limited.v[i];

		if (x->rule->id != e->rule->id || x->rule->dir != e->rule->dir)
			continue;
		x->af |= e->rule->af;
		new.af |= x->af;
		new.first = false;
		if (same_effect(l, x, e))
			return x;
	}
	limited_name(l, e, name);
	new.chain = pt_arena_strdup(l->arena, name);
	if (!new.chain || pt_vec_push(l->arena, &l->limited, new)) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	return &l->limited.v[l->limited.n - 1];
}

void nft_states_goto(struct nft_lower *l, const struct nft_effect *e)
{
	const struct nft_limited *x = limited_get(l, e);

	if (x)
		nft_e_verdict(l, NFT_GOTO, x->chain);
}

/* ---- sources ---- */

static uint32_t sources_size(const struct nft_lower *l, const struct pt_pol_states *s)
{
	uint32_t file = l->policy->conf->limit[PT_LIMIT_SRC_NODES];

	if (s->max_src_nodes)
		return s->max_src_nodes;
	return file ? file : SOURCES;
}

static void load_source(struct nft_lower *l, const struct family *f)
{
	nft_t_u8(l, NFT_META_NFPROTO, f->nfproto);
	nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, f->offset, f->len);
}

static void drop(struct nft_lower *l)
{
	nft_e_counter(l);
	nft_e_verdict(l, NF_DROP, NULL);
	nft_rule_close(l, NULL);
}

/* A full set takes no more sources: what is not in it cannot be counted. */
static void drop_unknown(struct nft_lower *l, size_t chain, const struct family *f, const char *set)
{
	nft_rule_open(l, chain);
	load_source(l, f);
	nft_e_lookup(l, set, true);
	drop(l);
}

static void limit_sources(struct nft_lower *l, size_t chain, const struct nft_limited *x, const struct family *f)
{
	const struct pt_pol_states *s = x->rule->states;
	uint32_t most = s->max_src_states ? s->max_src_states : UINT32_MAX;
	uint32_t size = sources_size(l, s);
	char base[NFT_SETNAME_MAX];
	const char *set;

	/* a set is made for its limits: it changes with them */
	nft_name(base, "src.%08x.%s.%u.%u", x->rule->id, dir_name(x->rule), s->max_src_nodes, s->max_src_states);
	set = nft_set_sources(l, base, f->af, size, 0);
	nft_rule_open(l, chain);
	load_source(l, f);
	nft_e_add_count(l, set, most);
	drop(l);
	drop_unknown(l, chain, f, set);
}

/* States of all rules that count together: each knows the sets of the others' limits. */
static void limit_together(struct nft_lower *l, size_t chain, const struct nft_limited *x, const struct family *f)
{
	char base[NFT_SETNAME_MAX], own[NFT_SETNAME_MAX];

	nft_name(own, "src.all.%s.%u", dir_name(x->rule), x->rule->states->max_src_states);
	for (size_t i = 0; i < l->limited.n && !l->rc; i++) {
		const struct nft_limited *other = &l->limited.v[i];
		const struct pt_pol_states *s = other->rule->states;
		bool seen = other->rule->dir != x->rule->dir;
		const char *set;

		for (size_t k = 0; k < i && !seen; k++)
			seen = l->limited.v[k].rule->states->global && l->limited.v[k].rule->dir == x->rule->dir &&
			       l->limited.v[k].rule->states->max_src_states == s->max_src_states;
		if (!s->global || seen)
			continue;
		nft_name(base, "src.all.%s.%u", dir_name(x->rule), s->max_src_states);
		set = nft_set_sources(l, base, f->af, sources_size(l, s), 0);
		nft_rule_open(l, chain);
		load_source(l, f);
		nft_e_add_count(l, set, s->max_src_states);
		if (strcmp(base, own) != 0) {
			nft_rule_close(l, NULL);
			continue;
		}
		drop(l);
		drop_unknown(l, chain, f, set);
	}
}

/* ---- state.ID.DIRECTION: what drops, and the time-outs ---- */

static void state_chain_name(char out[NFT_SETNAME_MAX], const struct pt_pol_rule *r)
{
	nft_name(out, "state.%08x.%s", r->id, dir_name(r));
}

static void state_chain(struct nft_lower *l, const struct nft_limited *x)
{
	const struct pt_pol_states *s = x->rule->states;
	char name[NFT_SETNAME_MAX];
	size_t chain;

	state_chain_name(name, x->rule);
	chain = nft_chain_new(l, name);
	if (s->max) {
		nft_rule_open(l, chain);
		nft_e_count(l, s->max, true);
		drop(l);
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(families) && !l->rc; i++) {
		if (!(x->af & families[i].af))
			continue;
		if (s->global)
			limit_together(l, chain, x, &families[i]);
		else if (s->max_src_nodes || s->max_src_states)
			limit_sources(l, chain, x, &families[i]);
	}
	if (has_timeouts(s))
		nft_timeouts_emit(l, chain, s->timeout, false);
}

/* ---- keep.ID.DIRECTION: the limits, then the label ---- */

static void add_bits(struct nft_lower *l, uint32_t bits)
{
	const uint32_t label[4] = { bits };

	nft_e_imm(l, NFT_REG_1, label, sizeof(label));
	nft_e_ct_set(l, NFT_CT_LABELS);
}

/* More connections of this source than may be, half open ones among them. Those that cannot be counted count as many. */
static void crowd(struct nft_lower *l, size_t chain, const struct pt_pol_rule *r, const struct family *f)
{
	uint32_t bit = PT_LABEL_CROWD_IN << (r->dir == PT_OUT);
	char base[NFT_SETNAME_MAX];
	const char *set;

	nft_name(base, "conn.%08x.%s.%u", r->id, dir_name(r), r->states->max_src_conn);
	set = nft_set_sources(l, base, f->af, sources_size(l, r->states), 0);
	for (int unknown = 0; unknown < 2; unknown++) {
		nft_rule_open(l, chain);
		nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_TCP);
		load_source(l, f);
		if (unknown)
			nft_e_lookup(l, set, true);
		else
			nft_e_add_count(l, set, r->states->max_src_conn);
		add_bits(l, bit);
		nft_rule_close(l, NULL);
	}
}

static void keep_chain(struct nft_lower *l, const struct nft_limited *x)
{
	const struct nft_effect e = { .rule = x->rule, .nat = x->nat };
	size_t chain = nft_chain_new(l, x->chain);
	char name[NFT_SETNAME_MAX];

	state_chain_name(name, x->rule);
	nft_rule_open(l, chain);
	nft_e_verdict(l, NFT_JUMP, name);
	nft_rule_close(l, NULL);
	for (size_t i = 0; i < PT_ARRAY_SIZE(families) && x->rule->states->max_src_conn; i++)
		if (x->af & families[i].af)
			crowd(l, chain, x->rule, &families[i]);
	nft_rule_open(l, chain);
	nft_label_emit(l, &e);
	nft_rule_close(l, NULL);
}

/* ---- connections that are complete ---- */

static void test_bits(struct nft_lower *l, uint32_t mask, uint32_t want)
{
	static const uint32_t zero[4];
	const uint32_t mask4[4] = { mask }, want4[4] = { want };

	nft_e_ct(l, NFT_CT_LABELS);
	nft_e_bitwise(l, mask4, zero, sizeof(mask4));
	nft_e_cmp(l, NFT_CMP_EQ, want4, sizeof(want4));
}

/* What whoever follows needs to know: "over ID DIRECTION N FLUSH TABLE". */
static void notice(struct nft_lower *l, const char *what, const struct pt_pol_rule *r)
{
	static const char *const flush[] = { "state", "rule", "global" };
	const struct pt_pol_states *s = r->states;
	char text[NFT_SETNAME_MAX + PT_TABLE_NAME_MAX];

	snprintf(text, sizeof(text), "%s %08x %s %u %s %s", what, r->id, dir_name(r),
		 s->max_src_conn, flush[s->flush],
		 s->overload ? l->policy->tables.v[s->overload - 1].conf->name : "-");
	nft_e_notice(l, text);
}

static void over_chain(struct nft_lower *l, size_t chain, const struct nft_limited *x)
{
	const struct pt_pol_states *s = x->rule->states;

	nft_rule_open(l, chain);
	add_bits(l, PT_LABEL_REFUSED);
	notice(l, "over", x->rule);
	nft_rule_close(l, NULL);
	for (size_t i = 0; s->overload && i < PT_ARRAY_SIZE(families); i++) {
		nft_rule_open(l, chain);
		load_source(l, &families[i]);
		nft_e_add(l, nft_set_table(l, s->overload - 1, families[i].af));
		nft_rule_close(l, NULL);
	}
	nft_rule_open(l, chain);
	drop(l);
}

static void over_rate(struct nft_lower *l, size_t chain, const struct nft_limited *x, const struct family *f,
		      const char *over)
{
	const struct pt_pol_states *s = x->rule->states;
	char base[NFT_SETNAME_MAX];
	const char *set;

	nft_name(base, "rate.%08x.%s.%u.%u", x->rule->id, dir_name(x->rule), s->rate, s->rate_seconds);
	set = nft_set_sources(l, base, f->af, sources_size(l, s), s->rate_seconds + 1);
	nft_rule_open(l, chain);
	load_source(l, f);
	nft_e_add_rate(l, set, s->rate, s->rate_seconds);
	nft_e_verdict(l, NFT_GOTO, over);
	nft_rule_close(l, NULL);
	drop_unknown(l, chain, f, set);
}

static void conn_chain(struct nft_lower *l, const struct nft_limited *x, const char *name)
{
	const struct pt_pol_states *s = x->rule->states;
	unsigned int out = x->rule->dir == PT_OUT;
	uint32_t crowd_bit = PT_LABEL_CROWD_IN << out, cleared = PT_LABEL_CLEARED_IN << out;
	size_t chain = nft_chain_new(l, name);
	char over[NFT_SETNAME_MAX];

	nft_name(over, "over.%08x.%s", x->rule->id, dir_name(x->rule));
	if (s->rate)
		over_chain(l, nft_chain_new(l, over), x);
	for (size_t i = 0; s->rate && i < PT_ARRAY_SIZE(families); i++)
		if (x->af & families[i].af)
			over_rate(l, chain, x, &families[i], over);
	if (s->max_src_conn) {
		nft_rule_open(l, chain);
		test_bits(l, crowd_bit | cleared, crowd_bit);
		notice(l, "crowd", x->rule);
		drop(l);
	}
	nft_rule_open(l, chain);
	add_bits(l, PT_LABEL_DONE_IN << out);
	nft_rule_close(l, NULL);
}

/* By the rule's id in the label. */
static const char *conn_map(struct nft_lower *l, enum pt_dir dir)
{
	struct nft_set map = { .name = dir == PT_IN ? "conn-in" : "conn-out",
			       .role = NFT_SET_VMAP,
			       .key_len = 16,
			       .key_type = NFT_TYPE_INTEGER,
			       .data_type = NFT_TYPE_VERDICT };

	for (size_t i = 0; i < l->limited.n && !l->rc; i++) {
		const struct nft_limited *x = &l->limited.v[i];
		uint32_t label[4] = { 0 };
		struct nft_map_elem el = { .key_len = sizeof(label) };
		char name[NFT_SETNAME_MAX];

		if (x->rule->dir != dir || !counts_connections(x->rule->states))
			continue;
		nft_name(name, "conn.%08x.%s", x->rule->id, dir_name(x->rule));
		if (nft_chain_find(l, name) != SIZE_MAX)
			continue; /* it translates in more than one way */
		label[dir] = x->rule->id;
		memcpy(el.key, label, sizeof(label));
		el.chain = pt_arena_strdup(l->arena, name);
		if (!el.chain || pt_vec_push(l->arena, &map.map, el))
			nft_lower_fail(l, -ENOMEM);
		conn_chain(l, x, name);
	}
	return map.map.n ? nft_set_map(l, &map) : NULL;
}

static void check_chain(struct nft_lower *l, const char *name, const char *map, enum pt_dir dir)
{
	static const uint32_t zero[4];
	uint32_t mask[4] = { 0 };
	size_t chain = nft_chain_new(l, name);

	nft_rule_open(l, chain);
	test_bits(l, PT_LABEL_REFUSED, PT_LABEL_REFUSED);
	drop(l);
	mask[dir] = UINT32_MAX;
	nft_rule_open(l, chain);
	nft_e_ct(l, NFT_CT_LABELS);
	nft_e_bitwise(l, mask, zero, sizeof(mask));
	nft_e_map(l, map, NFT_REG_VERDICT);
	nft_rule_close(l, NULL);
}

static const char *check_name(enum pt_dir dir)
{
	return dir == PT_IN ? "complete-in" : "complete-out";
}

static void checks(struct nft_lower *l, enum pt_dir dir)
{
	const char *map = conn_map(l, dir);

	if (map)
		check_chain(l, check_name(dir), map, dir);
}

void nft_states_check(struct nft_lower *l, size_t chain, enum pt_dir dir)
{
	const uint8_t original = IP_CT_DIR_ORIGINAL;
	const uint32_t assured = IPS_ASSURED, zero = 0;
	uint32_t check = PT_LABEL_CHECK_IN << (dir == PT_OUT), done = PT_LABEL_DONE_IN << (dir == PT_OUT);

	if (nft_chain_find(l, check_name(dir)) == SIZE_MAX)
		return;
	nft_rule_open(l, chain);
	test_bits(l, check | done, check);
	nft_e_ct(l, NFT_CT_DIRECTION);
	nft_e_cmp(l, NFT_CMP_EQ, &original, 1);
	nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_e_ct(l, NFT_CT_STATUS); /* set when the handshake's last packet has come, and was right */
	nft_e_bitwise(l, &assured, &zero, sizeof(assured));
	nft_e_cmp(l, NFT_CMP_NEQ, &zero, sizeof(zero));
	nft_e_verdict(l, NFT_JUMP, check_name(dir));
	nft_rule_close(l, NULL);
}

/* ---- the whole ---- */

void nft_states_emit(struct nft_lower *l)
{
	for (size_t i = 0; i < l->limited.n && !l->rc; i++) {
		const struct nft_limited *x = &l->limited.v[i];
		struct nft_limited whole = *x;

		for (size_t k = i; x->first && k < l->limited.n; k++)
			if (l->limited.v[k].rule->id == x->rule->id && l->limited.v[k].rule->dir == x->rule->dir)
				whole.af |= l->limited.v[k].af;
		if (x->first)
			state_chain(l, &whole);
		keep_chain(l, x);
	}
	checks(l, PT_IN);
	checks(l, PT_OUT);
}

void nft_states_defaults(struct nft_lower *l, size_t chain)
{
	nft_timeouts_emit(l, chain, l->policy->conf->timeout, true);
}
