/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From many flows to few. Judgements and routes cut sets of packets in ways that nobody wants to read: around this machine's own
 * addresses, along the routes. A side that holds all that can be in question anyway says nothing, and what cannot is put where
 * it makes a set shorter. What then differs in one side only is joined.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/reach_parts.h"

/* ---- one side ---- */

/* A hole between two, and not two far from each other. */
static bool is_small(const struct pt_ival *x, const struct pt_ival *y)
{
	return y->lo - x->hi - 1 <= (x->hi - x->lo) + (y->hi - y->lo) + 2;
}

/* V as a whole prefix, where all that it lacks to be one is idle. */
static struct pt_ival rounded(struct pt_ival v, const struct pt_iset *idle)
{
	pt_u128 mask = v.lo ^ v.hi, lo, hi;

	for (unsigned int i = 1; i < 128; i <<= 1)
		mask |= mask >> i;
	lo = v.lo & ~mask;
	hi = v.hi | mask;
	if ((lo < v.lo && !pt_iset_covers(idle, lo, v.lo - 1)) || (hi > v.hi && !pt_iset_covers(idle, v.hi + 1, hi)))
		return v;
	return (struct pt_ival){ lo, hi };
}

static int fill_gaps(struct pt_arena *a, const struct pt_iset *s, const struct pt_iset *idle, struct pt_iset *out)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; !rc && i < s->n; i++) {
		if (i && is_small(&s->v[i - 1], &s->v[i]) && pt_iset_covers(idle, s->v[i - 1].hi + 1, s->v[i].lo - 1))
			rc = pt_iset_add(a, out, s->v[i - 1].hi + 1, s->v[i].lo - 1);
		if (!rc)
			rc = pt_iset_add(a, out, s->v[i].lo, s->v[i].hi);
	}
	pt_iset_norm(out);
	for (uint32_t i = 0; !rc && i < out->n; i++)
		out->v[i] = rounded(out->v[i], idle);
	pt_iset_norm(out);
	return rc;
}

/* S, which is within BASE, with as much of the rest as makes it short: all, the holes, or all but what is left out. */
static int shorten(struct pt_arena *a, const struct pt_iset *s, const struct pt_iset *base, pt_u128 max, struct pt_iset *out)
{
	struct pt_iset idle, wide = { 0 }, missing = { 0 };
	int rc = pt_iset_complement(a, &idle, base, max);

	if (!rc && pt_iset_equal(s, base)) {
		memset(out, 0, sizeof(*out));
		return pt_iset_add(a, out, 0, max);
	}
	if (!rc)
		rc = fill_gaps(a, s, &idle, out);
	if (!rc)
		rc = pt_iset_union(a, &wide, s, &idle);
	if (!rc)
		rc = pt_iset_complement(a, &missing, &wide, max);
	if (rc || missing.n >= out->n)
		return rc;
	for (uint32_t i = 0; i < missing.n; i++)
		missing.v[i] = rounded(missing.v[i], &idle);
	pt_iset_norm(&missing);
	return pt_iset_complement(a, out, &missing, max);
}

static int widen(struct reach *r, enum pt_flow_kind kind, struct pt_box *x, const struct pt_box *base)
{
	static const uint32_t dims[] = { PT_DIM_SRC, PT_DIM_DST, PT_DIM_ICMP, PT_DIM_FLAGS };
	static const uint32_t settled[] = { PT_DIM_SHORT, PT_DIM_TAG, PT_DIM_RECEIVED, PT_DIM_TIME,
					    PT_DIM_NO_ROUTE_SRC, PT_DIM_NO_ROUTE_DST, PT_DIM_URPF };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(settled); i++)
		rc = reach_drop(r, r->scratch, x, settled[i]);
	if (!rc)
		rc = reach_drop_chance(r, x);
	for (uint32_t d = PT_DIM_USER; !rc && kind != PT_FLOW_SENT && d <= PT_DIM_GROUP; d++)
		rc = reach_drop(r, r->scratch, x, d);
	if (!rc && kind == PT_FLOW_SENT)
		rc = reach_drop(r, r->scratch, x, PT_DIM_DEVICE);
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(dims); i++) {
		const struct pt_iset *s = reach_side(x, dims[i]), *b = reach_side(base, dims[i]);
		struct pt_iset wide;

		if (!s || !b)
			continue;
		rc = shorten(r->scratch, s, b, pt_space_max(r->s, dims[i], x->af), &wide);
		if (!rc)
			rc = pt_box_set(r->s, r->scratch, x, dims[i], &wide);
	}
	return rc;
}

static int copy_move(struct pt_arena *a, struct pt_flow_move *m)
{
	static const struct pt_iset none;
	struct pt_iset copy = { 0 };
	int rc = pt_iset_union(a, &copy, &m->to, &none);

	m->to = copy;
	return rc;
}

/* All addresses of this machine and nothing else: that has a name. */
static int name_self(struct reach *r, struct pt_flow *f, struct pt_box *x, const struct pt_box *base)
{
	const struct pt_iset *s = reach_side(x, PT_DIM_DST), *b = reach_side(base, PT_DIM_DST);
	struct pt_iset self;
	int rc;

	if (f->kind != PT_FLOW_ARRIVES || f->dst_nat || !s || !b || (r->q->groups && pt_iset_equal(s, b)))
		return 0;
	rc = pt_iset_intersect(r->scratch, &self, b, &r->w->self[x->af == PT_AF_INET6]);
	if (rc || !pt_iset_equal(s, &self))
		return rc;
	f->to_self = true;
	return reach_drop(r, r->scratch, x, PT_DIM_DST);
}

int reach_add(struct reach *r, const struct pt_flow *f, const struct pt_box *base)
{
	struct reach_entry e = { .flow = *f };
	struct pt_box x = f->box;
	int rc;

	if (r->q->limit && r->list.n >= r->q->limit) {
		r->too_many = true;
		return -E2BIG;
	}
	rc = pt_box_covered(r->s, r->arena, &x, NULL, 0, 0, &e.witness);
	if (!rc)
		rc = name_self(r, &e.flow, &x, base);
	if (!rc)
		rc = widen(r, f->kind, &x, base);
	if (!rc)
		rc = reach_copy(r->arena, &x, &e.flow.box);
	if (!rc)
		rc = copy_move(r->arena, &e.flow.dst);
	if (!rc)
		rc = copy_move(r->arena, &e.flow.dport);
	return rc ? rc : pt_vec_push(r->arena, &r->list, e);
}

/* ---- groups of flows that differ in their packets only ---- */

static int order_u64(uint64_t x, uint64_t y)
{
	return x < y ? -1 : x > y;
}

static int order_rule(const struct pt_pol_rule *x, const struct pt_pol_rule *y)
{
	int o;

	if (!x || !y)
		return (x != NULL) - (y != NULL);
	o = order_u64(x->ast, y->ast);
	return o ? o : order_u64(x->id, y->id);
}

static int order_name(const char *x, const char *y)
{
	return strcmp(x ? x : "", y ? y : "");
}

static int order_move(const struct pt_flow_move *x, const struct pt_flow_move *y)
{
	int o = order_u64(x->how, y->how);

	if (!o)
		o = order_u64(x->to.n, y->to.n);
	if (!o && x->by != y->by)
		o = x->by < y->by ? -1 : 1;
	for (uint32_t i = 0; !o && i < x->to.n; i++) {
		if (x->to.v[i].lo != y->to.v[i].lo)
			o = x->to.v[i].lo < y->to.v[i].lo ? -1 : 1;
		else if (x->to.v[i].hi != y->to.v[i].hi)
			o = x->to.v[i].hi < y->to.v[i].hi ? -1 : 1;
	}
	return o;
}

/* All but the rules. */
static int by_way(const struct pt_flow *x, const struct pt_flow *y)
{
	int o = order_u64(x->kind, y->kind);

	if (!o)
		o = order_name(x->out, y->out);
	if (!o)
		o = order_u64(x->dst_nat, y->dst_nat);
	if (!o)
		o = order_u64(x->src_nat, y->src_nat);
	if (!o)
		o = order_move(&x->dst, &y->dst);
	if (!o)
		o = order_move(&x->dport, &y->dport);
	if (!o)
		o = order_u64(x->chance, y->chance);
	if (!o)
		o = order_u64(x->to_self, y->to_self);
	return o ? o : order_u64(x->box.af, y->box.af);
}

static int by_rules(const struct pt_flow *x, const struct pt_flow *y)
{
	int o = order_rule(x->in_rule, y->in_rule);

	return o ? o : order_rule(x->out_rule, y->out_rule);
}

static bool is_builtin(const struct pt_flow *f)
{
	return (f->in_rule && f->in_rule->ast == PT_POL_BUILTIN) || (f->out_rule && f->out_rule->ast == PT_POL_BUILTIN);
}

/* Those of written rules before those of built-in ones. */
static int by_group(const void *a, const void *b)
{
	const struct pt_flow *x = &((const struct reach_entry *)a)->flow, *y = &((const struct reach_entry *)b)->flow;
	int o = by_way(x, y);

	if (!o)
		o = is_builtin(x) - is_builtin(y);
	return o ? o : by_rules(x, y);
}

/* ---- after the join ---- */

/* Of each family the other's ICMP begins nothing, and may as well be there. */
static int add_impossible(struct reach *r, struct pt_box *x)
{
	uint8_t other = x->af == PT_AF_INET ? PT_PROTO_ICMP6 : PT_PROTO_ICMP;
	const struct pt_iset *s = reach_side(x, PT_DIM_PROTO);
	struct pt_ival v = { other, other };
	struct pt_iset more;
	int rc;

	if (r->q->all || !s)
		return 0;
	rc = pt_iset_union(r->arena, &more, s, &(struct pt_iset){ .v = &v, .n = 1 });
	return rc || more.n >= s->n ? rc : pt_box_set(r->s, r->arena, x, PT_DIM_PROTO, &more);
}

/* No device is left out: it does not matter by which one. */
static int drop_devices(struct reach *r, struct pt_box *x)
{
	const struct pt_iset *s = reach_side(x, PT_DIM_DEVICE);

	for (uint32_t i = 0; s && i < r->arrivals.n; i++)
		if (!pt_iset_covers(s, r->arrivals.v[i].lo, r->arrivals.v[i].hi))
			return 0;
	return s && !r->q->from.devices.n ? reach_drop(r, r->arena, x, PT_DIM_DEVICE) : 0;
}

/* One of the N of GROUP is in X, which becomes a flow. */
static int add_flow(struct reach *r, const struct reach_entry *group, size_t n, const struct pt_box *x)
{
	struct pt_flow f = group->flow;
	size_t i = 0;
	int rc;

	while (i < n && !pt_box_has(x, &group[i].witness))
		i++;
	if (i == n)
		return 0;
	f.box = *x;
	f.families = (uint8_t)x->af;
	memset(&f.witness, 0, sizeof(f.witness));
	f.witness.dir = f.kind == PT_FLOW_SENT ? PT_OUT : PT_IN;
	pt_space_packet(r->s, &group[i].witness, &f.witness.packet, &f.witness.device);
	f.witness.packet.n_draws = 0; /* they are the point's */
	f.witness.packet.known = PT_FACT_TOS | PT_FACT_MAC | PT_FACT_USER | PT_FACT_GROUP | PT_FACT_CHANCE;
	rc = add_impossible(r, &f.box);
	if (!rc)
		rc = drop_devices(r, &f.box);
	return rc ? rc : pt_vec_push(r->arena, &r->out->flows, f);
}

/* Flows of one way, from FROM on, within which X is. */
static bool is_said(const struct reach *r, size_t from, const struct pt_box *x)
{
	for (size_t i = from; i < r->out->flows.n; i++)
		if (pt_box_within(x, &r->out->flows.v[i].box))
			return true;
	return false;
}

static bool gives_way(const struct pt_pol_rule *x, const struct pt_pol_rule *to)
{
	return !x || !to || x->id == to->id || x->ast == PT_POL_BUILTIN;
}

/* X may be said together with flow F: but for built-in ones it is by the same rules. */
static bool fills(const struct pt_flow *x, const struct pt_flow *f)
{
	return gives_way(x->in_rule, f->in_rule) && gives_way(x->out_rule, f->out_rule);
}

#define FILLED_MAX 256 /* flows of a group that are looked at for holes */

/* WITH has what is missing in V, perhaps with addresses of others too: the part that has V's. */
static int add_part(struct reach *r, const struct pt_box *v, const struct pt_box *with, pt_boxes *out)
{
	static const uint32_t dims[] = { PT_DIM_SRC, PT_DIM_DST };
	struct pt_box x = *with;
	int rc = 1;

	for (size_t i = 0; rc > 0 && i < PT_ARRAY_SIZE(dims); i++)
		if (reach_side(v, dims[i]))
			rc = reach_with(r, r->arena, &x, dims[i], reach_side(v, dims[i]), &x);
	return rc > 0 ? pt_vec_push(r->arena, out, x) : rc;
}

/* N flows by the same rules; with the WITH ones of the same way that built-in rules admit, so that these leave no holes. */
static int join_group(struct reach *r, const struct reach_entry *v, size_t n, const struct reach_entry *with, size_t n_with)
{
	pt_boxes boxes = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = pt_vec_push(r->arena, &boxes, v[i].flow.box);
	for (size_t i = 0; !rc && i < n_with && n <= FILLED_MAX; i++)
		for (size_t k = 0; !rc && k < n && fills(&with[i].flow, &v->flow); k++)
			rc = add_part(r, &v[k].flow.box, &with[i].flow.box, &boxes);
	if (!rc)
		rc = pt_boxes_join(r->s, r->arena, &boxes);
	for (size_t i = 0; !rc && i < boxes.n; i++)
		rc = add_flow(r, v, n, &boxes.v[i]);
	return rc;
}

/* N flows of the same way. */
static int join_way(struct reach *r, const struct reach_entry *v, size_t n)
{
	size_t from = r->out->flows.n, written = 0;
	int rc = 0;

	while (written < n && !is_builtin(&v[written].flow))
		written++;
	for (size_t i = 0, k; !rc && i < written; i += k) {
		for (k = 1; i + k < written && !by_rules(&v[i].flow, &v[i + k].flow);)
			k++;
		rc = join_group(r, &v[i], k, &v[written], n - written);
	}
	for (size_t i = written, k; !rc && i < n; i += k) {
		for (k = 1; i + k < n && !by_rules(&v[i].flow, &v[i + k].flow);)
			k++;
		if (k > 1 || !is_said(r, from, &v[i].flow.box))
			rc = join_group(r, &v[i], k, NULL, 0);
	}
	return rc;
}

static bool same_sides(const struct pt_box *x, const struct pt_box *y)
{
	for (uint32_t i = 0; x->n == y->n && i < x->n; i++)
		if (x->v[i].dim != y->v[i].dim || x->v[i].dim == PT_DIM_ICMP || !pt_iset_equal(&x->v[i].set, &y->v[i].set))
			return false;
	return x->n == y->n;
}

static bool twins(const struct pt_flow *x, const struct pt_flow *y)
{
	struct pt_flow like = *y;

	like.box.af = x->box.af;
	return !x->dst_nat && x->box.af != y->box.af && !by_way(x, &like) && !by_rules(x, y) && same_sides(&x->box, &y->box) &&
	       !reach_side(&x->box, PT_DIM_SRC) && !reach_side(&x->box, PT_DIM_DST);
}

/* What is said of both families alike is said once; in the order of devices and rules. */
static void join_families(pt_flows *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t k = n;

		while (k && !by_rules(&l->v[k - 1], &l->v[i]) && !twins(&l->v[k - 1], &l->v[i]))
			k--;
		if (k && twins(&l->v[k - 1], &l->v[i]))
			l->v[k - 1].families = PT_AF_BOTH;
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static pt_u128 first_device(const struct pt_flow *f)
{
	const struct pt_iset *s = reach_side(&f->box, PT_DIM_DEVICE);

	return s ? s->v[0].lo : 0;
}

static int by_reading(const void *a, const void *b)
{
	const struct pt_flow *x = a, *y = b;
	int o = order_u64(x->kind, y->kind);

	if (!o)
		o = order_u64((uint64_t)first_device(x), (uint64_t)first_device(y));
	if (!o)
		o = order_name(x->out, y->out);
	if (!o)
		o = by_rules(x, y);
	if (!o)
		o = order_u64(x->src_nat, y->src_nat);
	if (!o)
		o = order_u64(x->families, y->families);
	if (!o && x->witness.packet.src.v != y->witness.packet.src.v)
		o = x->witness.packet.src.v < y->witness.packet.src.v ? -1 : 1;
	return o ? o : order_u64(x->witness.packet.proto, y->witness.packet.proto);
}

int reach_finish(struct reach *r)
{
	pt_flows *flows = &r->out->flows;
	int rc = 0;

	if (!r->list.n)
		return 0;
	qsort(r->list.v, r->list.n, sizeof(*r->list.v), by_group);
	for (size_t i = 0, n; !rc && i < r->list.n; i += n) {
		for (n = 1; i + n < r->list.n && !by_way(&r->list.v[i].flow, &r->list.v[i + n].flow);)
			n++;
		rc = join_way(r, &r->list.v[i], n);
	}
	if (rc || !flows->n)
		return rc;
	qsort(flows->v, flows->n, sizeof(*flows->v), by_reading);
	join_families(flows);
	return 0;
}
