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

static int fill_gaps(struct pt_arena *a, const struct pt_iset *s, const struct pt_iset *idle, struct pt_iset *out)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; !rc && i < s->n; i++) {
		if (i && pt_iset_covers(idle, s->v[i - 1].hi + 1, s->v[i].lo - 1))
			rc = pt_iset_add(a, out, s->v[i - 1].hi + 1, s->v[i].lo - 1);
		if (!rc)
			rc = pt_iset_add(a, out, s->v[i].lo, s->v[i].hi);
	}
	pt_iset_norm(out);
	return rc;
}

/* S, which is within BASE, with as much of the rest as makes it short. */
static int shorten(struct pt_arena *a, const struct pt_iset *s, const struct pt_iset *base, pt_u128 max, struct pt_iset *out)
{
	struct pt_iset idle, wide, missing;
	int rc = pt_iset_complement(a, &idle, base, max);

	if (!rc)
		rc = fill_gaps(a, s, &idle, out);
	if (!rc)
		rc = pt_iset_union(a, &wide, s, &idle);
	if (!rc)
		rc = pt_iset_complement(a, &missing, &wide, max);
	if (!rc && missing.n < out->n)
		*out = wide;
	return rc;
}

static int widen(struct reach *r, struct pt_box *x, const struct pt_box *base)
{
	static const uint32_t dims[] = { PT_DIM_DEVICE, PT_DIM_SRC, PT_DIM_DST, PT_DIM_ICMP, PT_DIM_FLAGS };
	static const uint32_t settled[] = { PT_DIM_SHORT, PT_DIM_TAG, PT_DIM_RECEIVED, PT_DIM_TIME, PT_DIM_CHANCE,
					    PT_DIM_NO_ROUTE_SRC, PT_DIM_NO_ROUTE_DST, PT_DIM_URPF };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(settled); i++)
		rc = reach_drop(r, r->scratch, x, settled[i]);
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
		rc = widen(r, &x, base);
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

static int by_group(const void *a, const void *b)
{
	const struct pt_flow *x = &((const struct reach_entry *)a)->flow, *y = &((const struct reach_entry *)b)->flow;
	int o = order_u64(x->kind, y->kind);

	if (!o)
		o = order_name(x->out, y->out);
	if (!o)
		o = order_rule(x->in_rule, y->in_rule);
	if (!o)
		o = order_rule(x->out_rule, y->out_rule);
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
	return o ? o : order_u64(x->box.af, y->box.af);
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

static int add_flow(struct reach *r, const struct reach_entry *group, size_t n, const struct pt_box *x)
{
	struct pt_flow f = group->flow;
	int rc;

	f.box = *x;
	f.families = (uint8_t)x->af;
	memset(&f.witness, 0, sizeof(f.witness));
	for (size_t i = 0; i < n; i++)
		if (pt_box_has(x, &group[i].witness)) {
			f.witness.dir = f.kind == PT_FLOW_SENT ? PT_OUT : PT_IN;
			pt_space_packet(r->s, &group[i].witness, &f.witness.packet, &f.witness.device);
			break;
		}
	rc = add_impossible(r, &f.box);
	return rc ? rc : pt_vec_push(r->arena, &r->out->flows, f);
}

static int join_group(struct reach *r, const struct reach_entry *v, size_t n)
{
	pt_boxes boxes = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = pt_vec_push(r->arena, &boxes, v[i].flow.box);
	if (!rc)
		rc = pt_boxes_join(r->s, r->arena, &boxes);
	for (size_t i = 0; !rc && i < boxes.n; i++)
		rc = add_flow(r, v, n, &boxes.v[i]);
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
	const struct reach_entry a = { .flow = *x }, b = { .flow = *y };
	struct reach_entry c = b;

	c.flow.box.af = x->box.af;
	return !x->dst_nat && x->box.af != y->box.af && !by_group(&a, &c) && same_sides(&x->box, &y->box) &&
	       !reach_side(&x->box, PT_DIM_SRC) && !reach_side(&x->box, PT_DIM_DST);
}

/* What is said of both families alike is said once. */
static void join_families(pt_flows *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t k = n;

		while (k && !order_rule(l->v[k - 1].in_rule, l->v[i].in_rule) &&
		       !order_rule(l->v[k - 1].out_rule, l->v[i].out_rule) && !twins(&l->v[k - 1], &l->v[i]))
			k--;
		if (k && twins(&l->v[k - 1], &l->v[i]))
			l->v[k - 1].families = PT_AF_BOTH;
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

int reach_finish(struct reach *r)
{
	int rc = 0;

	if (!r->list.n)
		return 0;
	qsort(r->list.v, r->list.n, sizeof(*r->list.v), by_group);
	for (size_t i = 0, n; !rc && i < r->list.n; i += n) {
		for (n = 1; i + n < r->list.n && !by_group(&r->list.v[i], &r->list.v[i + n]);)
			n++;
		rc = join_group(r, &r->list.v[i], n);
	}
	join_families(&r->out->flows);
	return rc;
}
