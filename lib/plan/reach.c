/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All packets at once on the way of path.c: the judgement where they arrive, the translation of their destination, delivery or
 * routes, the judgement where they leave, the translation of their source. Each step cuts the sets of the one before and what
 * is left at the end is brought back to the packets as they arrived.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/reach_parts.h"

struct passed {
	const struct pt_pol_rule *rule;
	struct pt_box box;
};

struct found {
	struct reach *r;
	struct pt_arena *arena;
	struct pt_space_hits before;
	PT_VEC(struct passed) v;
};

static int too_many(struct reach *r)
{
	r->too_many = true;
	return -E2BIG;
}

/* As pt_space_passed(), which does not know when to give up: box K of region number I without all before it. One rule behind
 * thousands of others may be left with more pieces than there are rules. */
static int passed_by(struct found *f, enum pt_dir dir, size_t i, size_t k, const struct pt_box *x)
{
	const struct pt_region *region = &f->r->s->dir[dir == PT_OUT].v.v[i];
	size_t limit = f->r->q->limit;
	pt_boxes left = { 0 };
	struct pt_box part;
	int rc = pt_box_intersect(f->arena, x, &region->boxes.v[k], &part);

	if (rc <= 0)
		return rc;
	f->before.box.n = f->before.region.n = 0;
	rc = pt_space_before(f->r->s, dir, i, &part, f->arena, &f->before);
	for (size_t j = 0; !rc && j < k; j++)
		rc = pt_vec_push(f->arena, &f->before.box, &region->boxes.v[j]); /* NOLINT(bugprone-sizeof-expression) */
	if (!rc)
		rc = pt_box_subtract(f->r->s, f->arena, &part, f->before.box.v, f->before.box.n, limit ? limit / 10 + 1 : 0, &left);
	f->r->pieces += left.n;
	if (rc == -E2BIG || (limit && f->r->pieces > limit))
		return too_many(f->r);
	for (size_t j = 0; !rc && j < left.n; j++)
		rc = pt_vec_push(f->arena, &f->v, ((struct passed){ region->rule, left.v[j] }));
	return rc;
}

/* Those of X that pass in direction DIR, in A. */
static int judged(struct reach *r, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, struct found *f)
{
	const struct pt_space_dir *d = &r->s->dir[dir == PT_OUT];
	struct pt_arena *scratch = r->scratch;
	pt_boxes by_routes;
	int rc;

	*f = (struct found){ .r = r, .arena = a };
	r->scratch = a; /* boxes share sets */
	rc = reach_facts(r, dir, x, &by_routes);
	for (size_t b = 0; !rc && b < by_routes.n; b++)
		for (size_t i = 0; !rc && i < d->v.n; i++)
			for (size_t k = 0; d->v.v[i].pass && !rc && k < d->v.v[i].boxes.n; k++)
				rc = passed_by(f, dir, i, k, &by_routes.v[b]);
	r->scratch = scratch;
	return rc;
}

/* ---- the end of a way ---- */

/* What of X has a port that is asked for, and the destination, after translation M only. */
static int wanted_behind(struct reach *r, const struct reach_map *m, const struct pt_box *x, pt_boxes *out)
{
	struct pt_arena *a = r->scratch;
	struct pt_box image, y;
	int rc;

	if (m->port.how == PT_FLOW_KEPT)
		return 0;
	rc = reach_image(r, a, m, x, &image);
	rc = rc ? rc : reach_with(r, a, &image, PT_DIM_DPORT, r->behind, &image);
	if (rc > 0 && r->q->to.bounded)
		rc = reach_with(r, a, &image, PT_DIM_DST, &r->q->to.addresses[x->af == PT_AF_INET6], &image);
	if (rc > 0)
		rc = reach_preimage(r, a, m, x, &image, &y);
	return rc > 0 ? pt_vec_push(a, out, y) : rc;
}

/* What of X is asked for by its destination, before or after translation M. */
static int wanted(struct reach *r, const struct reach_map *m, const struct pt_box *x, pt_boxes *out)
{
	const struct pt_iset *to = &r->q->to.addresses[x->af == PT_AF_INET6];
	struct pt_arena *a = r->scratch;
	struct pt_box b, rest, image;
	int rc;

	if (r->behind)
		return wanted_behind(r, m, x, out);
	if (!r->q->to.bounded)
		return pt_vec_push(a, out, *x);
	rc = reach_with(r, a, x, PT_DIM_DST, to, &b);
	if (rc > 0)
		rc = pt_vec_push(a, out, b);
	if (rc < 0 || m->addr.how == PT_FLOW_KEPT)
		return rc;
	rc = reach_without(r, a, x, PT_DIM_DST, to, &rest);
	if (rc > 0)
		rc = reach_image(r, a, m, &rest, &image) ? -ENOMEM : reach_with(r, a, &image, PT_DIM_DST, to, &b);
	if (rc > 0)
		rc = reach_preimage(r, a, m, &rest, &b, &rest);
	return rc > 0 ? pt_vec_push(a, out, rest) : rc;
}

static int add(struct reach *r, struct pt_flow *f, const struct reach_map *m, const struct pt_box *x, const struct pt_box *base)
{
	pt_boxes list = { 0 };
	int rc = wanted(r, m, x, &list);

	f->chance = f->chance || reach_by_chance(x);
	f->dst = m->addr;
	f->dport = m->port;
	for (size_t i = 0; !rc && i < list.n; i++) {
		f->box = list.v[i];
		rc = reach_add(r, f, base);
	}
	return rc;
}

/* ---- forwarded ---- */

static int only(const struct reach *r, struct pt_box *x, uint32_t dim, pt_u128 v)
{
	struct pt_ival one = { v, v };

	return pt_box_set(r->s, r->scratch, x, dim, &(struct pt_iset){ .v = &one, .n = 1 });
}

/* P's image as the second judgement on DEVICE sees it: without an owner, and by chance drawn anew. */
static int as_leaving(struct reach *r, const struct reach_piece *p, uint32_t device, struct pt_box *x)
{
	static const struct pt_iset none;
	const struct pt_iset *in = reach_side(x, PT_DIM_DEVICE);
	struct pt_iset received = { 0 };
	int rc = in ? pt_iset_union(r->scratch, &received, in, &none) : 0;

	if (!rc && in)
		rc = pt_box_set(r->s, r->scratch, x, PT_DIM_RECEIVED, &received);
	if (!rc)
		rc = only(r, x, PT_DIM_DEVICE, device);
	if (!rc)
		rc = only(r, x, PT_DIM_TAG, p->tag);
	for (uint32_t d = PT_DIM_NO_ROUTE_SRC; !rc && d < pt_space_dims(r->s); d++)
		rc = reach_drop(r, r->scratch, x, d);
	return rc;
}

/* Y, which leaves, as it arrived. */
static int as_arriving(struct reach *r, const struct reach_piece *p, const struct pt_box *y, struct pt_box *out)
{
	static const uint32_t of_leaving[] = { PT_DIM_DEVICE, PT_DIM_TAG, PT_DIM_RECEIVED, PT_DIM_NO_ROUTE_SRC, PT_DIM_NO_ROUTE_DST,
					       PT_DIM_URPF };
	const struct pt_iset *received = reach_side(y, PT_DIM_RECEIVED);
	struct pt_box b = *y;
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(of_leaving); i++)
		rc = reach_drop(r, r->scratch, &b, of_leaving[i]);
	if (!rc)
		rc = reach_drop_chance(r, &b);
	if (!rc)
		rc = reach_preimage(r, r->scratch, &p->map, &p->box, &b, out);
	return rc > 0 && received ? reach_with(r, r->scratch, out, PT_DIM_DEVICE, received, out) : rc;
}

/* Of a pool, what is left of it in X. */
static struct reach_map narrowed(const struct reach_map *m, const struct pt_box *x)
{
	const struct pt_iset *left = reach_side(x, m->addr_dim);
	struct reach_map n = *m;

	if (m->addr.how == PT_FLOW_ONE_OF && left)
		n.addr.to = *left;
	return n;
}

static int leave(struct reach *r, const struct reach_piece *p, const struct pt_box *x, const char *device,
		 const struct pt_box *base)
{
	struct pt_flow f = { .kind = PT_FLOW_THROUGH, .out = device, .in_rule = p->rule, .dst_nat = p->nat };
	bool chance = reach_by_chance(&p->box);
	struct pt_box b = *x, y;
	struct reach_map map;
	struct found out;
	int rc = as_leaving(r, p, reach_device(r, device), &b);

	if (!rc)
		rc = judged(r, r->scratch, PT_OUT, &b, &out);
	for (size_t i = 0; !rc && i < out.v.n; i++) {
		reach_pieces pieces;

		rc = reach_effects(r, PT_OUT, out.v.v[i].rule, &out.v.v[i].box, p->tag, &pieces);
		for (size_t k = 0; !rc && k < pieces.n; k++) {
			f.out_rule = pieces.v[k].rule;
			f.src_nat = pieces.v[k].nat;
			f.chance = chance || reach_by_chance(&pieces.v[k].box);
			map = narrowed(&p->map, &pieces.v[k].box);
			rc = as_arriving(r, p, &pieces.v[k].box, &y);
			if (rc > 0)
				rc = add(r, &f, &map, &y, base);
		}
	}
	return rc;
}

/* Without link-local addresses. */
static int forwardable(struct reach *r, struct pt_box *x, bool dst)
{
	const struct pt_iset *near = &r->places.link_local[x->af == PT_AF_INET6];
	int rc = near->n ? reach_without(r, r->scratch, x, PT_DIM_SRC, near, x) : 1;

	if (rc > 0 && near->n && dst)
		rc = reach_without(r, r->scratch, x, PT_DIM_DST, near, x);
	return rc;
}

/* Where the end is a place, its addresses are nothing that a flow need tell. */
static int at_place(struct reach *r, struct pt_box *x)
{
	return r->q->to.place ? reach_with(r, r->scratch, x, PT_DIM_DST, &r->q->to.addresses[x->af == PT_AF_INET6], x) : 1;
}

/* All of BASE that W may take to its device. */
static int taken_by(struct reach *r, const struct pt_net_way *w, const struct pt_box *base, bool translated, struct pt_box *out)
{
	bool six = base->af == PT_AF_INET6;
	int rc;

	*out = *base;
	rc = forwardable(r, out, !translated);
	if (rc > 0 && !translated)
		rc = reach_with(r, r->scratch, out, PT_DIM_DST, &w->dst[six], out);
	if (rc > 0 && !translated)
		rc = reach_without(r, r->scratch, out, PT_DIM_DST, &r->places.local[six], out);
	return rc > 0 && !translated ? at_place(r, out) : rc;
}

static bool asked_for(const struct reach *r, const char *device)
{
	const struct pt_reach_end *to = &r->q->to;

	for (size_t i = 0; i < to->devices.n; i++)
		if (!strcmp(to->devices.v[i], device))
			return true;
	return !to->devices.n;
}

static int forward(struct reach *r, const struct reach_piece *p, const struct pt_box *image, const struct pt_box *base)
{
	bool six = image->af == PT_AF_INET6;
	struct pt_box there = *image, b, all;
	int rc = forwardable(r, &there, true);

	if (rc > 0)
		rc = reach_without(r, r->scratch, &there, PT_DIM_DST, &r->places.local[six], &there);
	for (size_t i = 0; rc > 0 && i < r->out->ways.v.n; i++) {
		const struct pt_net_way *w = &r->out->ways.v.v[i];
		int some;

		if (!asked_for(r, w->device))
			continue;
		some = reach_with(r, r->scratch, &there, PT_DIM_DST, &w->dst[six], &b);
		if (some > 0)
			some = taken_by(r, w, base, p->map.addr.how != PT_FLOW_KEPT, &all);
		if (some > 0)
			some = leave(r, p, &b, w->device, &all);
		rc = some < 0 ? some : rc;
	}
	return rc < 0 ? rc : 0;
}

/* ---- delivered ---- */

static int deliver(struct reach *r, const struct reach_arrivals *from, const struct reach_piece *p, const struct pt_box *image,
		   const struct pt_box *base)
{
	struct pt_flow f = { .kind = PT_FLOW_ARRIVES, .in_rule = p->rule, .dst_nat = p->nat };
	bool six = image->af == PT_AF_INET6, no_loopback = !six && !from->lo && !from->loopback;
	struct pt_box here, all = *base, y;
	struct reach_map map;
	int rc = reach_with(r, r->scratch, image, PT_DIM_DST, &r->places.delivered[six], &here);

	if (rc > 0 && no_loopback)
		rc = reach_without(r, r->scratch, &here, PT_DIM_DST, &r->places.loopback[0], &here);
	if (rc > 0)
		rc = reach_preimage(r, r->scratch, &p->map, &p->box, &here, &y);
	if (rc <= 0)
		return rc;
	if (p->map.addr.how == PT_FLOW_KEPT)
		rc = reach_with(r, r->scratch, &all, PT_DIM_DST, &r->places.delivered[six], &all);
	if (rc > 0 && p->map.addr.how == PT_FLOW_KEPT && no_loopback)
		rc = reach_without(r, r->scratch, &all, PT_DIM_DST, &r->places.loopback[0], &all);
	map = narrowed(&p->map, &here);
	return rc > 0 ? add(r, &f, &map, &y, &all) : rc;
}

/* ---- those that arrive ---- */

static int passed_in(struct reach *r, const struct reach_arrivals *from, const struct pt_pol_rule *rule, const struct pt_box *x,
		     const struct pt_box *base)
{
	bool six = x->af == PT_AF_INET6;
	reach_pieces pieces;
	int rc = reach_effects(r, PT_IN, rule, x, 0, &pieces);

	for (size_t i = 0; !rc && i < pieces.n; i++) {
		const struct reach_piece *p = &pieces.v[i];
		struct pt_box image;

		rc = reach_image(r, r->scratch, &p->map, &p->box, &image);
		if (!rc && (r->q->to.self || !r->q->to.devices.n))
			rc = deliver(r, from, p, &image, base);
		if (!rc && !r->q->to.self && from->forwards[six])
			rc = forward(r, p, &image, base);
	}
	return rc;
}

/* Where no destination is translated, only those that are asked for need be judged. */
static int near_destination(struct reach *r, struct pt_box *x)
{
	const struct pt_policy *p = r->w->policy;

	for (size_t i = 0; i < p->nats.n; i++)
		if (p->nats.v[i].kind == PT_NAT_DST)
			return 1;
	if (!r->q->to.bounded)
		return 1;
	return reach_with(r, r->arena, x, PT_DIM_DST, &r->q->to.addresses[x->af == PT_AF_INET6], x);
}

static int arrive(struct reach *r, const struct reach_arrivals *from, const struct pt_box *asked, const struct pt_box *world)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_box x = *asked, base = *world;
	struct pt_iset good;
	struct found in = { 0 };
	int rc = a ? 1 : -ENOMEM;

	if (rc > 0)
		rc = reach_with(r, r->arena, &x, PT_DIM_DEVICE, &from->devices, &x);
	if (rc > 0) {
		rc = reach_sources(r, x.af == PT_AF_INET6, from->lo, from->loopback, &good);
		rc = rc ? rc : reach_with(r, r->arena, &base, PT_DIM_SRC, &good, &base);
		if (rc > 0)
			rc = reach_with(r, r->arena, &x, PT_DIM_SRC, &good, &x);
	}
	if (rc > 0)
		rc = near_destination(r, &x);
	if (rc > 0)
		rc = judged(r, a, PT_IN, &x, &in);
	for (size_t i = 0; !rc && i < in.v.n; i++) {
		pt_arena_reset(r->scratch);
		rc = passed_in(r, from, in.v.v[i].rule, &in.v.v[i].box, &base);
	}
	pt_arena_free(a);
	return rc;
}

/* Each device with the sources that are behind it. */
static int arrive_routed(struct reach *r, const struct reach_arrivals *from, const struct pt_box *asked, const struct pt_box *world)
{
	int rc = 0;

	for (uint32_t d = 0; rc >= 0 && d < r->s->devices.n; d++) {
		struct pt_box x;

		if (!pt_iset_has(&from->devices, d))
			continue;
		rc = reach_routed(r, d, asked, &x);
		if (rc > 0)
			rc = arrive(r, from, &x, world);
	}
	return rc;
}

/* ---- those that this machine sends ---- */

static int sent_by(struct reach *r, const struct pt_box *x, const char *device, const struct pt_box *base)
{
	struct pt_flow f = { .kind = PT_FLOW_SENT, .out = device };
	const struct reach_map none = { 0 };
	struct found out;
	int rc = judged(r, r->scratch, PT_OUT, x, &out);

	for (size_t i = 0; !rc && i < out.v.n; i++) {
		reach_pieces pieces;

		rc = reach_effects(r, PT_OUT, out.v.v[i].rule, &out.v.v[i].box, 0, &pieces);
		for (size_t k = 0; !rc && k < pieces.n; k++) {
			f.out_rule = pieces.v[k].rule;
			f.src_nat = pieces.v[k].nat;
			f.chance = false;
			rc = add(r, &f, &none, &pieces.v[k].box, base);
		}
	}
	return rc;
}

static int send(struct reach *r, const struct pt_box *asked, const struct pt_box *world)
{
	bool six = asked->af == PT_AF_INET6;
	struct pt_iset own;
	int rc;

	rc = pt_iset_subtract(r->arena, &own, &r->w->self[six], &r->places.loopback[six]);
	for (size_t i = 0; rc >= 0 && i < r->out->ways.v.n; i++) {
		const struct pt_net_way *w = &r->out->ways.v.v[i];
		struct pt_box x, all;

		if (!strcmp(w->device, "lo") || !asked_for(r, w->device))
			continue;
		pt_arena_reset(r->scratch);
		rc = reach_with(r, r->scratch, asked, PT_DIM_SRC, &own, &x);
		if (rc > 0)
			rc = reach_with(r, r->scratch, &x, PT_DIM_DST, &w->dst[six], &x);
		if (rc <= 0)
			continue;
		rc = reach_with(r, r->scratch, world, PT_DIM_SRC, &own, &all);
		if (rc > 0)
			rc = reach_with(r, r->scratch, &all, PT_DIM_DST, &w->dst[six], &all);
		if (rc > 0)
			rc = at_place(r, &all);
		if (rc > 0)
			rc = only(r, &x, PT_DIM_DEVICE, reach_device(r, w->device));
		if (!rc)
			rc = only(r, &x, PT_DIM_RECEIVED, r->s->devices.n);
		if (!rc)
			rc = sent_by(r, &x, w->device, &all);
	}
	return rc < 0 ? rc : 0;
}

/* ---- what is asked ---- */

static int ask_one(struct reach *r, const struct pt_box *asked, const struct reach_arrivals *classes, size_t n)
{
	const struct pt_reach_end *from = &r->q->from;
	struct pt_box x = *asked, world = { .af = asked->af }, arriving;
	static const uint32_t kinds[] = { PT_DIM_FLAGS, PT_DIM_ICMP };
	int rc = 1;

	for (size_t i = 0; rc > 0 && !r->q->all && i < PT_ARRAY_SIZE(kinds); i++)
		if (reach_side(asked, kinds[i]))
			rc = reach_with(r, r->arena, &world, kinds[i], reach_side(asked, kinds[i]), &world);
	if (rc > 0 && from->bounded)
		rc = reach_with(r, r->arena, &x, PT_DIM_SRC, &from->addresses[x.af == PT_AF_INET6], &x);
	if (rc > 0 && from->place)
		rc = reach_with(r, r->arena, &world, PT_DIM_SRC, &from->addresses[x.af == PT_AF_INET6], &world);
	if (rc <= 0)
		return rc;
	rc = reach_fixed(r, &x, &x);
	if (rc > 0)
		rc = reach_without_owner(r, &x, &arriving);
	for (size_t i = 0; rc >= 0 && !from->self && i < n; i++)
		rc = from->routed ? arrive_routed(r, &classes[i], &arriving, &world) : arrive(r, &classes[i], &arriving, &world);
	if (rc >= 0 && !r->behind && !r->q->to.self && (from->self || !from->devices.n))
		rc = send(r, &x, &world);
	return rc < 0 ? rc : 0;
}

/* Those of N boxes whose ports may also be what a translation gives. */
static int ask_behind(struct reach *r, const pt_boxes *asked, const struct reach_arrivals *classes, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < asked->n; i++) {
		struct pt_box x = asked->v[i];

		r->behind = reach_side(&asked->v[i], PT_DIM_DPORT);
		if (!r->behind)
			continue;
		rc = reach_copy(r->arena, &asked->v[i], &x);
		if (!rc)
			rc = reach_drop(r, r->arena, &x, PT_DIM_DPORT);
		if (!rc)
			rc = ask_one(r, &x, classes, n);
	}
	r->behind = NULL;
	return rc;
}

static int ask(struct reach *r, const struct reach_arrivals *classes, size_t n)
{
	pt_boxes asked = { 0 }, parts = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < r->q->what.n; i++)
		rc = pt_space_boxes(r->s, &r->q->what.v[i], r->arena, &asked);
	for (enum pt_af af = PT_AF_INET; !rc && !r->q->what.n && af <= PT_AF_INET6; af++)
		rc = pt_vec_push(r->arena, &asked, ((struct pt_box){ .af = af }));
	for (size_t i = 0; rc >= 0 && i < asked.n; i++)
		if (asked.v[i].af & r->q->families)
			rc = reach_beginnings(r, &asked.v[i], &parts);
	for (size_t i = 0; rc >= 0 && i < parts.n; i++)
		rc = ask_one(r, &parts.v[i], classes, n);
	if (rc >= 0 && r->q->behind)
		rc = ask_behind(r, &parts, classes, n);
	return rc < 0 ? rc : reach_finish(r);
}

static int run(struct reach *r, struct pt_err *e)
{
	struct reach_arrivals classes[REACH_ARRIVALS];
	size_t n;
	int rc = pt_space_new(r->w->policy, r->w->host, r->w->eval, PT_SPACE_NOW, &r->out->space, e);

	if (rc)
		return rc;
	r->s = r->out->space;
	rc = r->w->ways(r->w->arg, r->arena, &r->out->ways, e);
	if (!rc)
		rc = reach_places(r);
	if (!rc)
		rc = reach_effects_new(r);
	if (!rc)
		rc = reach_sort_devices(r, classes, &n);
	if (!rc)
		rc = ask(r, classes, n);
	if (rc == -E2BIG && r->too_many)
		pt_err_add(e, PT_ERROR, NULL, "ask for less, as `from guest to lan proto tcp port 443`, or give -d for a longer list",
			   "the answer has more than %zu parts", r->q->limit);
	return rc;
}

int pt_reach_find(const struct pt_world *w, const struct pt_reach_question *q, struct pt_reach **out, struct pt_err *e)
{
	struct reach r = { .w = w, .q = q, .arena = pt_arena_new(), .scratch = pt_arena_new() };
	int rc = -ENOMEM;

	*out = NULL;
	if (r.arena)
		r.out = pt_arena_alloc(r.arena, sizeof(*r.out));
	if (r.out)
		r.out->arena = r.arena;
	if (r.out && r.scratch)
		rc = run(&r, e);
	pt_arena_free(r.scratch);
	if (!rc) {
		*out = r.out;
		return 0;
	}
	if (r.out)
		pt_reach_free(r.out);
	else
		pt_arena_free(r.arena);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "looking for what may pass") : rc;
}

void pt_reach_free(struct pt_reach *r)
{
	if (!r)
		return;
	pt_space_free(r->space);
	pt_arena_free(r->arena);
}

const struct pt_iset *pt_flow_side(const struct pt_flow *f, uint32_t dim)
{
	return reach_side(&f->box, dim);
}
