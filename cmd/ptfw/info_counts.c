/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Traffic, state table, counters by reason and tables, in the manner of `pfctl -si`, as far as Linux counts them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "info.h"
#include "state.h"

#define TABLE_MAX 10000 /* entries that are counted one by one: the kernel needs long for many */

/* ---- gathering ---- */

static enum pt_nft_fate fate_of(uint32_t id, void *arg)
{
	const struct pt_pol_rule *r = state_rule_of(arg, id);

	if (!r || r->action == PT_MATCH)
		return PT_NFT_UNDECIDED;
	return r->action == PT_PASS ? PT_NFT_PASSED : PT_NFT_BLOCKED;
}

static int count_tables(struct info_counts *i, struct pt_arena *a, const char *const *names, size_t n, struct pt_err *e)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < n; k++) {
		struct info_table t = { .name = names[k] };

		rc = pt_nft_table_size(t.name, TABLE_MAX, &t.n, e);
		t.more = t.n > TABLE_MAX;
		if (!rc)
			rc = pt_vec_push(a, &i->tables, t);
	}
	return rc;
}

int info_counts_gather(struct info_counts *i, const struct sockets *s, struct pt_arena *a, const struct pt_policy *policy,
		       const struct pt_nft_state *have, const char *const *names, size_t n, struct pt_err *e)
{
	struct state_view rules = { 0 };
	int rc;

	pt_ct_settings(&i->settings);
	rc = pt_ct_stats(s->nf, &i->stats, e);
	if (!rc)
		rc = state_rules_begin(&rules, policy);
	if (!rc)
		pt_nft_traffic(have, fate_of, &rules, &i->traffic);
	free(rules.rules.v);
	return rc ? rc : count_tables(i, a, names, n, e);
}

/* ---- one table of what there is, for text and keys ---- */

static const struct {
	const char *key, *text;
	size_t offset;
} counters[] = {
	{ "invalid", "packets of no state that could be", offsetof(struct pt_ct_stats, invalid) },
	{ "drop", "dropped for want of room", offsetof(struct pt_ct_stats, drop) },
	{ "early_drop", "states ended to make room", offsetof(struct pt_ct_stats, early_drop) },
	{ "insert_failed", "states not made, another was there", offsetof(struct pt_ct_stats, insert_failed) },
	{ "clash_resolve", "of that, made one with the other", offsetof(struct pt_ct_stats, clash_resolve) },
	{ "chain_too_long", "states not made, too many in one bucket", offsetof(struct pt_ct_stats, chain_too_long) },
	{ "error", "packets too damaged to be tracked", offsetof(struct pt_ct_stats, error) },
	{ "search_restart", "searches begun again", offsetof(struct pt_ct_stats, search_restart) },
	{ "found", "ports of translations found taken", offsetof(struct pt_ct_stats, found) },
	{ "insert", "states made by programs", offsetof(struct pt_ct_stats, insert) },
};

static uint64_t counter(const struct info_counts *i, size_t k)
{
	return *(const uint64_t *)((const char *)&i->stats + counters[k].offset);
}

static const struct {
	const char *packets, *bytes, *text;
	size_t offset; /* of [0] of two sums */
} flows[] = {
	{ "state_packets", "state_bytes", "of states", offsetof(struct pt_nft_traffic, known) },
	{ "passed_packets", "passed_bytes", "passed by rules", offsetof(struct pt_nft_traffic, passed) },
	{ "blocked_packets", "blocked_bytes", "blocked", offsetof(struct pt_nft_traffic, blocked) },
};

static const struct pt_nft_sum *flow(const struct info_counts *i, size_t k)
{
	return (const struct pt_nft_sum *)((const char *)&i->traffic + flows[k].offset);
}

/* ---- text ---- */

static void traffic_text(struct pt_buf *t, const struct info_counts *i)
{
	pt_buf_fmt(t, "\n\n%-24s %12s %16s %12s %16s\n", "Traffic", "packets in", "bytes in", "packets out", "bytes out");
	for (size_t k = 0; k < PT_ARRAY_SIZE(flows); k++) {
		const struct pt_nft_sum *s = flow(i, k);

		pt_buf_fmt(t, "  %-22s %12llu %16llu %12llu %16llu\n", flows[k].text, (unsigned long long)s[0].packets,
			   (unsigned long long)s[0].bytes, (unsigned long long)s[1].packets, (unsigned long long)s[1].bytes);
	}
	pt_buf_fmt(t, "  %-22s %12llu %16llu\n", "but no state possible", (unsigned long long)i->traffic.invalid.packets,
		   (unsigned long long)i->traffic.invalid.bytes);
	pt_buf_fmt(t, "  %-22s %12llu %16llu", "but over a limit", (unsigned long long)i->traffic.limited.packets,
		   (unsigned long long)i->traffic.limited.bytes);
}

static void line_text(struct pt_buf *t, const char *text, uint64_t n)
{
	pt_buf_fmt(t, "\n  %-40s %12llu", text, (unsigned long long)n);
}

static const char *on_off(bool on)
{
	return on ? "yes" : "no";
}

void info_counts_text(struct pt_buf *t, const struct info_counts *i)
{
	traffic_text(t, i);
	pt_buf_fmt(t, "\n\nState table, counters of the kernel");
	for (size_t k = 0; k < PT_ARRAY_SIZE(counters); k++)
		line_text(t, counters[k].text, counter(i, k));
	/* pfctl has them here; whoever looks for them should not believe that they are forgotten. */
	pt_buf_fmt(t, "\n  %-40s %12s", "searches, inserts, removals", "not counted");
	line_text(t, "hash buckets", i->settings.buckets);
	pt_buf_fmt(t, "\n  new states count bytes: %s, keep times: %s, tell events: %s", on_off(i->settings.acct),
		   on_off(i->settings.timestamp), on_off(i->settings.events));
	if (i->tables.n)
		pt_buf_fmt(t, "\n\n%-42s %12s", "Tables", "entries");
	for (size_t k = 0; k < i->tables.n; k++) {
		const struct info_table *x = &i->tables.v[k];

		if (x->more)
			pt_buf_fmt(t, "\n  %-40s %12s", x->name, "over 10000");
		else
			line_text(t, x->name, x->n);
	}
}

/* ---- keys ---- */

static void traffic_keys(struct pt_out *o, const struct info_counts *i, const char *key, int dir)
{
	pt_out_obj(o, key);
	for (size_t k = 0; k < PT_ARRAY_SIZE(flows); k++) {
		pt_out_u64(o, flows[k].packets, flow(i, k)[dir].packets);
		pt_out_u64(o, flows[k].bytes, flow(i, k)[dir].bytes);
	}
	pt_out_obj_end(o);
}

void info_counts_keys(struct pt_out *o, const struct info_counts *i)
{
	traffic_keys(o, i, "in", 0);
	traffic_keys(o, i, "out", 1);
	pt_out_u64(o, "stateless_packets", i->traffic.invalid.packets);
	pt_out_u64(o, "stateless_bytes", i->traffic.invalid.bytes);
	pt_out_u64(o, "limited_packets", i->traffic.limited.packets);
	pt_out_u64(o, "limited_bytes", i->traffic.limited.bytes);
	pt_out_obj(o, "conntrack");
	for (size_t k = 0; k < PT_ARRAY_SIZE(counters); k++)
		pt_out_u64(o, counters[k].key, counter(i, k));
	pt_out_u64(o, "buckets", i->settings.buckets);
	pt_out_bool(o, "accounting", i->settings.acct);
	pt_out_bool(o, "timestamps", i->settings.timestamp);
	pt_out_bool(o, "events", i->settings.events);
	pt_out_obj_end(o);
	pt_out_obj(o, "table_entries");
	for (size_t k = 0; k < i->tables.n; k++) {
		if (i->tables.v[k].more)
			pt_out_null(o, i->tables.v[k].name);
		else
			pt_out_u64(o, i->tables.v[k].name, i->tables.v[k].n);
	}
	pt_out_obj_end(o);
}
