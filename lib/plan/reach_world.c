/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Linux does with packets beside judging them, as sets: the same that path.c knows of one. */
#include <errno.h>
#include <string.h>

#include "plan/internal.h"
#include "plan/reach_parts.h"

static int add(struct reach *r, struct pt_iset *s, pt_u128 lo, pt_u128 hi)
{
	return pt_iset_add(r->arena, s, lo, hi);
}

static int constants(struct reach *r)
{
	struct reach_places *p = &r->places;
	const pt_u128 one = 1;
	int rc = add(r, &p->loopback[0], 127u << 24, (128u << 24) - 1);

	if (!rc)
		rc = add(r, &p->loopback[1], 1, 1);
	if (!rc)
		rc = add(r, &p->link_local[1], one * 0xfe80 << 112, (one * 0xfec0 << 112) - 1);
	if (!rc)
		rc = add(r, &p->local[0], 0xe0u << 24, 0xf0000000u - 1);
	if (!rc)
		rc = add(r, &p->local[1], one * 0xff << 120, ~(pt_u128)0);
	return rc ? rc : add(r, &p->local[0], UINT32_MAX, UINT32_MAX);
}

static int own(struct reach *r)
{
	const struct pt_host *h = r->w->host;
	int rc = 0;

	for (int f = 0; f < 2; f++)
		for (uint32_t i = 0; !rc && i < r->w->self[f].n; i++)
			rc = add(r, &r->places.local[f], r->w->self[f].v[i].lo, r->w->self[f].v[i].hi);
	for (size_t i = 0; i < h->ifs.n; i++)
		for (size_t k = 0; !rc && k < h->ifs.v[i].addrs.n; k++) {
			const struct pt_host_addr *mine = &h->ifs.v[i].addrs.v[k];
			const struct pt_addr all[] = { mine->broadcast, plan_network_broadcast(mine) };

			for (size_t n = 0; !rc && n < PT_ARRAY_SIZE(all); n++)
				if (all[n].af == PT_AF_INET)
					rc = add(r, &r->places.local[0], all[n].v, all[n].v);
		}
	pt_iset_norm(&r->places.local[0]);
	pt_iset_norm(&r->places.local[1]);
	return rc;
}

int reach_places(struct reach *r)
{
	struct reach_places *p = &r->places;
	int rc = constants(r);

	if (!rc)
		rc = own(r);
	for (int f = 0; !rc && f < 2; f++) {
		for (size_t i = 0; !rc && i < r->out->ways.v.n; i++) {
			const struct pt_iset *s = &r->out->ways.v.v[i].dst[f];

			for (uint32_t k = 0; !rc && k < s->n; k++)
				rc = add(r, &p->routed[f], s->v[k].lo, s->v[k].hi);
		}
		pt_iset_norm(&p->routed[f]);
		if (!rc && r->q->groups)
			p->delivered[f] = p->local[f];
		else if (!rc)
			p->delivered[f] = r->w->self[f];
		if (!rc)
			rc = pt_iset_union(r->arena, &p->no_route_needed[f], &p->local[f], &p->link_local[f]);
	}
	return rc;
}

/* ---- facts of routes ---- */

/* Where a source may be, and what routes then say. */
struct origin {
	struct pt_iset set;
	bool no_route, urpf;
};

static const struct pt_iset *routed_by(const struct reach *r, const char *device, int six)
{
	static const struct pt_iset none;

	for (size_t i = 0; i < r->out->ways.v.n; i++)
		if (!strcmp(r->out->ways.v.v[i].device, device))
			return &r->out->ways.v.v[i].dst[six];
	return &none;
}

/* Disjoint; the last is all that is in none before it. */
static int origins(struct reach *r, enum pt_dir dir, const char *device, int six, struct origin out[5])
{
	const struct pt_iset *near = &r->places.link_local[six], *self = &r->w->self[six], *here = routed_by(r, device, six);
	bool in = dir == PT_IN;
	struct pt_iset t, u, close;
	struct pt_arena *a = r->scratch;
	int rc;

	memset(out, 0, 5 * sizeof(*out));
	rc = pt_iset_union(a, &close, near, self);
	if (!rc)
		rc = pt_iset_subtract(a, &out[0].set, near, self);
	out[1].set = *self;
	out[1].urpf = in && strcmp(device, "lo") != 0;
	if (!rc)
		rc = pt_iset_subtract(a, &out[2].set, here, &close);
	if (!rc)
		rc = pt_iset_subtract(a, &t, &r->places.routed[six], here);
	if (!rc)
		rc = pt_iset_subtract(a, &out[3].set, &t, &close);
	out[3].urpf = in;
	if (!rc)
		rc = pt_iset_union(a, &u, &r->places.routed[six], &close);
	if (!rc)
		rc = pt_iset_complement(a, &out[4].set, &u, pt_af_max(six ? PT_AF_INET6 : PT_AF_INET));
	out[4].no_route = true;
	out[4].urpf = in;
	return rc;
}

static int add_facts(struct reach *r, const struct pt_box *x, bool no_route_src, bool no_route_dst, bool urpf, pt_boxes *out)
{
	struct pt_box b;
	int rc = reach_with_value(r, r->scratch, x, PT_DIM_NO_ROUTE_SRC, no_route_src, &b);

	if (rc > 0)
		rc = reach_with_value(r, r->scratch, &b, PT_DIM_NO_ROUTE_DST, no_route_dst, &b);
	if (rc > 0)
		rc = reach_with_value(r, r->scratch, &b, PT_DIM_URPF, urpf, &b);
	return rc > 0 ? pt_vec_push(r->scratch, out, b) : rc;
}

static int facts_of_device(struct reach *r, enum pt_dir dir, const struct pt_box *x, uint32_t device, pt_boxes *out)
{
	bool six = x->af == PT_AF_INET6;
	struct origin from[5];
	struct pt_iset routed; /* or in no need of a route */
	int rc = origins(r, dir, r->s->devices.v[device], six, from);

	if (!rc)
		rc = pt_iset_union(r->scratch, &routed, &r->places.routed[six], &r->places.no_route_needed[six]);
	for (int i = 0; rc >= 0 && i < 5; i++) {
		struct pt_box b, there;

		rc = reach_with(r, r->scratch, x, PT_DIM_SRC, &from[i].set, &b);
		if (rc <= 0)
			continue;
		rc = reach_with(r, r->scratch, &b, PT_DIM_DST, &routed, &there);
		if (rc > 0)
			rc = add_facts(r, &there, from[i].no_route, false, from[i].urpf, out);
		if (rc >= 0)
			rc = reach_without(r, r->scratch, &b, PT_DIM_DST, &routed, &there);
		if (rc > 0)
			rc = add_facts(r, &there, from[i].no_route, true, from[i].urpf, out);
	}
	return rc < 0 ? rc : 0;
}

int reach_facts(struct reach *r, enum pt_dir dir, const struct pt_box *x, pt_boxes *out)
{
	const struct pt_iset *devices = reach_side(x, PT_DIM_DEVICE);
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (!r->w->asks_routes)
		return pt_vec_push(r->scratch, out, *x);
	for (uint32_t d = 0; rc >= 0 && d < r->s->devices.n; d++) {
		struct pt_box b;

		if (devices && !pt_iset_has(devices, d))
			continue;
		rc = reach_with_value(r, r->scratch, x, PT_DIM_DEVICE, d, &b);
		if (rc > 0)
			rc = facts_of_device(r, dir, &b, d, out);
	}
	return rc < 0 ? rc : 0;
}

int reach_routed(const struct reach *r, uint32_t d, const struct pt_box *x, struct pt_box *out)
{
	bool six = x->af == PT_AF_INET6;
	struct pt_iset back;
	int rc = pt_iset_union(r->arena, &back, routed_by(r, r->s->devices.v[d], six), &r->places.link_local[six]);

	if (!rc)
		rc = reach_with_value(r, r->arena, x, PT_DIM_DEVICE, d, out);
	return rc > 0 ? reach_with(r, r->arena, out, PT_DIM_SRC, &back, out) : rc;
}

/* ---- sources that Linux refuses ---- */

/* Those of multicast, and IPv4's broadcast, are no source of any packet; on lo IPv4 does not look. */
static int groups(struct pt_arena *a, int six, bool lo, struct pt_iset *out)
{
	const pt_u128 one = 1;
	int rc;

	memset(out, 0, sizeof(*out));
	if (six)
		return pt_iset_add(a, out, one * 0xff << 120, ~(pt_u128)0);
	rc = lo ? 0 : pt_iset_add(a, out, 0xe0u << 24, 0xf0000000u - 1);
	return rc || lo ? rc : pt_iset_add(a, out, UINT32_MAX, UINT32_MAX);
}

int reach_sources(struct reach *r, int six, bool lo, bool loopback, struct pt_iset *out)
{
	static const struct pt_iset none;
	const struct pt_iset *near = lo || (loopback && !six) ? &none : &r->places.loopback[six];
	struct pt_iset own, group, bad;
	int rc = pt_iset_union(r->arena, &own, near, lo || (six && r->q->own) ? &none : &r->w->self[six]);

	if (!rc)
		rc = groups(r->arena, six, lo, &group);
	if (!rc)
		rc = pt_iset_union(r->arena, &bad, &own, &group);
	return rc ? rc : pt_iset_complement(r->arena, out, &bad, pt_af_max(six ? PT_AF_INET6 : PT_AF_INET));
}
