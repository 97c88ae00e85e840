/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From flows to the few rules that would admit them.
 *
 * Flows to one port are taken together first: who comes to each destination, then which destinations have the same
 * sources. Many hosts of a network become the network, very many destinations become any; but no rule becomes so wide
 * that it admits a flow which was seen to be refused. Then what differs in one dimension only is joined.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/learn_internal.h"

#define EXACT 4 /* rules for one port: where there would be more, all sources may reach all destinations seen */

static enum side_kind class_of(const struct pt_learn_world *w, const struct pt_learn_flow *f)
{
	const struct pt_learn_if *of = learn_if(w, f->on);
	int i = f->dst.af == PT_AF_INET6;

	if (f->dir != PT_IN)
		return SIDE_SET;
	if (of && pt_iset_has(&of->own[i], f->dst.v))
		return SIDE_OWN;
	return pt_iset_has(&w->self[i], f->dst.v) ? SIDE_SELF : SIDE_SET;
}

static int cmp_number(pt_u128 x, pt_u128 y)
{
	return x < y ? -1 : x > y;
}

/* Admitted ones first; those of a unit together, in it by destination. */
static int flow_cmp(const void *a, const void *b)
{
	const struct pt_learn_flow *x = a, *y = b;
	int c = cmp_number(!x->admitted, !y->admitted);

	if (!c)
		c = cmp_number(x->dir, y->dir);
	if (!c)
		c = strcmp(x->on, y->on);
	if (!c)
		c = cmp_number(x->proto, y->proto);
	if (!c)
		c = strcmp(x->nat ? x->nat : "", y->nat ? y->nat : "");
	if (!c)
		c = cmp_number(x->port, y->port);
	if (!c)
		c = cmp_number(x->dst.af, y->dst.af);
	if (!c)
		c = cmp_number(x->dst.v, y->dst.v);
	return c ? c : cmp_number(x->src.v, y->src.v);
}

static bool same_unit(const struct pt_learn_flow *x, const struct pt_learn_flow *y)
{
	return x->admitted == y->admitted && x->dir == y->dir && !strcmp(x->on, y->on) && x->proto == y->proto &&
	       x->port == y->port && !strcmp(x->nat ? x->nat : "", y->nat ? y->nat : "");
}

/* ---- one group ---- */

static void see(struct grouping *g, struct group *x, const struct pt_learn_flow *f)
{
	struct pt_learn_rule *r = &x->evidence;

	side_add(g, &x->src, f->src);
	side_add(g, &x->dst, f->dst);
	x->af |= (uint8_t)f->src.af;
	r->flows++;
	r->packets += f->packets;
	r->bytes += f->bytes;
	if (!r->example || f->first < r->first)
		r->first = f->first;
	if (!r->example || f->last > r->last)
		r->last = f->last;
	if (!r->example || f->packets > r->example->packets)
		r->example = f;
}

/* All of N flows of one unit that are of CLASS, as they are. */
static struct group collect(struct grouping *g, const struct pt_learn_flow *v, size_t n, enum side_kind class)
{
	struct group x = { .dir = v->dir, .on = v->on, .nat = v->nat, .proto = { v->proto }, .n_proto = 1 };

	for (size_t i = 0; i < n; i++)
		if (class_of(g->w, &v[i]) == class)
			see(g, &x, &v[i]);
	side_norm(&x.src);
	side_norm(&x.dst);
	if (!g->rc)
		g->rc = pt_iset_add(g->a, &x.ports, v->port, v->port);
	pt_iset_norm(&x.ports);
	return x;
}

/* X with the address of its interface, of the machine, or any in place of destinations, and with networks of sources. */
static struct group widened(const struct grouping *g, const struct group *x, enum side_kind class)
{
	struct group wide = *x;

	if (class == SIDE_OWN)
		wide.dst = (struct side){ .kind = SIDE_OWN, .of = learn_if(g->w, x->on) };
	else if (class == SIDE_SELF)
		wide.dst = (struct side){ .kind = SIDE_SELF, .set = { g->w->self[0], g->w->self[1] } };
	else if (side_hosts(&x->dst) > PT_LEARN_TARGETS)
		wide.dst = (struct side){ .kind = SIDE_ANY };
	if (!group_conflicts(g, &wide))
		wide.evidence.wider = wide.evidence.wider || (class == SIDE_SET && wide.dst.kind == SIDE_ANY);
	else
		wide.dst = x->dst;
	return wide;
}

static struct group with_sources(const struct grouping *g, const struct group *x)
{
	struct group wide = *x;

	wide.src = side_sources(g, &x->src, x->dir, x->on);
	if (wide.src.kind == SIDE_SET || group_conflicts(g, &wide))
		return *x;
	wide.evidence.wider = wide.evidence.wider || wide.src.kind != SIDE_SELF;
	return wide;
}

static void keep(struct grouping *g, const struct group *x)
{
	if (!g->rc)
		g->rc = pt_vec_push(g->a, &g->groups, *x);
}

/* ---- one port ---- */

/* As they were seen: by destination, those with the same sources together. */
static void exactly(struct grouping *g, const struct pt_learn_flow *v, size_t n, enum side_kind class)
{
	groups all = g->groups;

	memset(&g->groups, 0, sizeof(g->groups));
	for (size_t i = 0, k; i < n && !g->rc; i = k) {
		struct group x;

		for (k = i + 1; k < n && v[k].dst.af == v[i].dst.af && v[k].dst.v == v[i].dst.v; k++)
			continue;
		if (class_of(g->w, &v[i]) != class)
			continue;
		x = collect(g, v + i, k - i, class);
		x = widened(g, &x, class);
		x = with_sources(g, &x);
		keep(g, &x);
	}
	groups_merge(g);
	for (size_t i = 0; i < g->groups.n && !g->rc; i++) {
		struct group x = widened(g, &g->groups.v[i], g->groups.v[i].dst.kind);

		g->rc = pt_vec_push(g->a, &all, x);
	}
	g->groups = all;
}

static void one_class(struct grouping *g, const struct pt_learn_flow *v, size_t n, enum side_kind class)
{
	struct group all = collect(g, v, n, class), wide;
	size_t before = g->groups.n, exact;

	if (!all.evidence.flows || g->rc)
		return;
	wide = widened(g, &all, class);
	wide = with_sources(g, &wide);
	if (class == SIDE_SET && wide.dst.kind == SIDE_ANY) {
		keep(g, &wide);
		return;
	}
	exactly(g, v, n, class);
	exact = g->groups.n - before;
	if (exact <= EXACT || g->rc || group_conflicts(g, &wide))
		return;
	wide.evidence.wider = true;
	g->groups.n = before;
	keep(g, &wide);
}

int pt_learn_group(const struct pt_learn_world *w, struct pt_learn_flow *v, size_t n, bool refused, struct pt_arena *a,
		   pt_learn_rules *out)
{
	static const enum side_kind classes[] = { SIDE_OWN, SIDE_SELF, SIDE_SET };
	struct grouping g = { .w = w, .v = v, .n = n, .refused = refused, .a = a };

	memset(out, 0, sizeof(*out));
	if (n)
		qsort(v, n, sizeof(*v), flow_cmp);
	while (g.n_admitted < n && v[g.n_admitted].admitted)
		g.n_admitted++;
	for (size_t i = 0, k; i < n && !g.rc; i = k) {
		for (k = i + 1; k < n && same_unit(&v[k], &v[i]); k++)
			continue;
		for (size_t c = 0; c < PT_ARRAY_SIZE(classes) && v[i].admitted != refused; c++)
			one_class(&g, v + i, k - i, classes[c]);
	}
	groups_merge(&g);
	return g.rc ? g.rc : groups_text(&g, out);
}
