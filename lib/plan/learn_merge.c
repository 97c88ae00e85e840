/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fewer groups that admit the same: two that differ in one dimension only become one with both values of it.
 *
 * Each pass sorts by all dimensions but one, so that what belongs together is adjacent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/learn_internal.h"

enum dimension { BY_PORT, BY_DST, BY_SRC, BY_PROTO, BY_FAMILY, DIMENSIONS };

static int cmp_str(const char *x, const char *y)
{
	return x == y ? 0 : !x ? -1 : !y ? 1 : strcmp(x, y);
}

static int cmp_number(uint64_t x, uint64_t y)
{
	return x < y ? -1 : x > y;
}

/* Of sides whose hosts may differ: whether they are of a kind. */
static int cmp_kind(const struct side *x, const struct side *y)
{
	int c = cmp_number(x->kind, y->kind);

	return c ? c : cmp_number((uintptr_t)x->of, (uintptr_t)y->of);
}

static int cmp_but(const struct group *x, const struct group *y, enum dimension but)
{
	bool family = but == BY_FAMILY;
	int c = cmp_number(x->dir, y->dir);

	if (!c)
		c = cmp_str(x->on, y->on);
	if (!c)
		c = cmp_str(x->nat, y->nat);
	if (!c && but != BY_PROTO)
		c = cmp_number(x->n_proto, y->n_proto);
	if (!c && but != BY_PROTO)
		c = memcmp(x->proto, y->proto, x->n_proto);
	if (!c && !family)
		c = cmp_number(x->af, y->af);
	if (!c)
		c = family || but == BY_SRC ? cmp_kind(&x->src, &y->src) : side_cmp(&x->src, &y->src);
	if (!c)
		c = family || but == BY_DST ? cmp_kind(&x->dst, &y->dst) : side_cmp(&x->dst, &y->dst);
	if (!c && but != BY_PORT)
		c = iset_cmp(&x->ports, &y->ports);
	return c;
}

#define COMPARE(name, but) \
	static int name(const void *x, const void *y) \
	{ \
		int c = cmp_but(x, y, but); \
		return c ? c : cmp_number(((const struct group *)x)->evidence.flows, ((const struct group *)y)->evidence.flows); \
	}
COMPARE(cmp_port, BY_PORT)
COMPARE(cmp_dst, BY_DST)
COMPARE(cmp_src, BY_SRC)
COMPARE(cmp_proto, BY_PROTO)
COMPARE(cmp_family, BY_FAMILY)

static int (*const compare[DIMENSIONS])(const void *, const void *) = {
	[BY_PORT] = cmp_port, [BY_DST] = cmp_dst, [BY_SRC] = cmp_src, [BY_PROTO] = cmp_proto, [BY_FAMILY] = cmp_family,
};

static bool has_ports(const struct group *x)
{
	for (uint8_t i = 0; i < x->n_proto; i++)
		if (x->proto[i] != PT_PROTO_TCP && x->proto[i] != PT_PROTO_UDP)
			return false;
	return true;
}

/* A translation may be of one port; what becomes of states is the same for many, and counts them together. */
static bool translates(const struct group *x)
{
	return x->nat && strstr(x->nat, "-to ");
}

/* What is equal but in this dimension may become one? */
static bool may(const struct group *x, const struct group *y, enum dimension d)
{
	switch (d) {
	case BY_PORT:
		return !translates(x);
	case BY_DST:
		return x->dst.kind == SIDE_SET;
	case BY_SRC:
		return x->src.kind == SIDE_SET;
	case BY_PROTO:
		return !translates(x) && has_ports(x) && has_ports(y) && x->n_proto == 1 && y->n_proto == 1;
	case BY_FAMILY:
		return !(x->af & y->af);
	case DIMENSIONS:
		break;
	}
	return false;
}

static void add_evidence(struct pt_learn_rule *to, const struct pt_learn_rule *from)
{
	to->flows += from->flows;
	to->packets += from->packets;
	to->bytes += from->bytes;
	to->wider = to->wider || from->wider;
	if (from->first < to->first)
		to->first = from->first;
	if (from->last > to->last)
		to->last = from->last;
	if (from->example->packets > to->example->packets)
		to->example = from->example;
}

/* Other groups may share what X's sets are made of. */
static void own_sets(struct grouping *g, struct group *x)
{
	iset_own(g, &x->ports);
	for (int i = 0; i < 2; i++) {
		iset_own(g, &x->src.set[i]);
		iset_own(g, &x->dst.set[i]);
	}
}

static void join_side(struct grouping *g, struct side *to, const struct side *from)
{
	for (int i = 0; i < 2 && to->kind == SIDE_SET; i++)
		iset_append(g, &to->set[i], &from->set[i]);
}

/* Its sets are normalised when all have joined. */
static void join(struct grouping *g, struct group *to, const struct group *from, enum dimension d)
{
	if (d == BY_PORT)
		iset_append(g, &to->ports, &from->ports);
	if (d == BY_DST || d == BY_FAMILY)
		join_side(g, &to->dst, &from->dst);
	if (d == BY_SRC || d == BY_FAMILY)
		join_side(g, &to->src, &from->src);
	if (d == BY_PROTO && to->proto[0] != from->proto[0]) {
		bool low = from->proto[0] < to->proto[0];

		to->proto[low] = to->proto[0];
		to->proto[!low] = from->proto[0];
		to->n_proto = 2;
	}
	to->af |= from->af;
	add_evidence(&to->evidence, &from->evidence);
}

static void settle(struct group *x)
{
	pt_iset_norm(&x->ports);
	side_norm(&x->src);
	side_norm(&x->dst);
}

static void pass(struct grouping *g, enum dimension d)
{
	groups *v = &g->groups;
	struct group *all = v->v;
	bool owns = false;
	size_t n = 0;

	if (!v->n)
		return;
	qsort(all, v->n, sizeof(*all), compare[d]);
	for (size_t i = 0; i < v->n && !g->rc; i++) {
		struct group *last = n ? &all[n - 1] : NULL;

		if (last && !cmp_but(last, &all[i], d) && may(last, &all[i], d)) {
			if (!owns)
				own_sets(g, last);
			owns = true;
			join(g, last, &all[i], d);
			continue;
		}
		if (owns && last)
			settle(last);
		owns = false;
		all[n++] = all[i];
	}
	if (owns && n)
		settle(&all[n - 1]);
	v->n = n;
}

/* Sources that came together may be a network now. */
static void generalise(struct grouping *g)
{
	for (size_t i = 0; i < g->groups.n && !g->rc; i++) {
		struct group wide = g->groups.v[i];

		if (wide.src.kind != SIDE_SET)
			continue;
		wide.src = side_sources(g, &wide.src, wide.dir, wide.on);
		if (wide.src.kind == SIDE_SET || group_conflicts(g, &wide))
			continue;
		wide.evidence.wider = wide.evidence.wider || wide.src.kind != SIDE_SELF;
		g->groups.v[i] = wide;
	}
}

void groups_merge(struct grouping *g)
{
	for (int round = 0; round < 2; round++) {
		for (enum dimension d = BY_PORT; d < DIMENSIONS && !g->rc; d++)
			pass(g, d);
		generalise(g);
	}
	for (enum dimension d = BY_PORT; d < DIMENSIONS && !g->rc; d++)
		pass(g, d);
}
