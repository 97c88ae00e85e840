/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which boxes before a region overlap another one? Nearly all do not, and their bounds say so: they lie side by side in
 * memory, so that thousands are looked at in the time that a few boxes take.
 */
#include <errno.h>

#include "space/internal.h"

struct bounds {
	uint64_t src_lo, src_hi, dst_lo, dst_hi;
	uint16_t port_lo, port_hi;
};

static uint64_t upper(enum pt_af af, pt_u128 v)
{
	return (uint64_t)(af == PT_AF_INET6 ? v >> 64 : v);
}

static void address_bounds(const struct pt_box *x, uint32_t dim, uint64_t *lo, uint64_t *hi)
{
	const struct pt_box_side *side = space_side(x, dim);

	*lo = side ? upper(x->af, side->set.v[0].lo) : 0;
	*hi = side ? upper(x->af, side->set.v[side->set.n - 1].hi) : UINT64_MAX;
}

static struct bounds bounds_of(const struct pt_box *x)
{
	const struct pt_box_side *port = space_side(x, PT_DIM_DPORT);
	struct bounds b = { .port_hi = UINT16_MAX };

	address_bounds(x, PT_DIM_SRC, &b.src_lo, &b.src_hi);
	address_bounds(x, PT_DIM_DST, &b.dst_lo, &b.dst_hi);
	if (port) {
		b.port_lo = (uint16_t)port->set.v[0].lo;
		b.port_hi = (uint16_t)port->set.v[port->set.n - 1].hi;
	}
	return b;
}

static int room(struct pt_arena *a, struct space_index *x, size_t n)
{
	uint64_t **addresses[] = { &x->src_lo, &x->src_hi, &x->dst_lo, &x->dst_hi };

	for (size_t i = 0; i < PT_ARRAY_SIZE(addresses); i++) {
		*addresses[i] = pt_arena_alloc(a, n * sizeof(uint64_t));
		if (!*addresses[i])
			return -ENOMEM;
	}
	x->region = pt_arena_alloc(a, n * sizeof(*x->region));
	x->box = pt_arena_alloc(a, n * sizeof(*x->box)); /* NOLINT(bugprone-sizeof-expression) */
	x->port_lo = pt_arena_alloc(a, n * sizeof(*x->port_lo));
	x->port_hi = pt_arena_alloc(a, n * sizeof(*x->port_hi));
	return x->region && x->box && x->port_lo && x->port_hi ? 0 : -ENOMEM;
}

static void add(struct space_index *x, uint32_t region, const struct pt_box *box)
{
	struct bounds b = bounds_of(box);
	size_t at = x->n++;

	x->region[at] = region;
	x->box[at] = box;
	x->src_lo[at] = b.src_lo;
	x->src_hi[at] = b.src_hi;
	x->dst_lo[at] = b.dst_lo;
	x->dst_hi[at] = b.dst_hi;
	x->port_lo[at] = b.port_lo;
	x->port_hi[at] = b.port_hi;
}

static int index_one(struct space *s, int dir, int six)
{
	const struct pt_space_dir *d = &s->pub.dir[dir];
	enum pt_af af = six ? PT_AF_INET6 : PT_AF_INET;
	struct space_index *x = &s->index[dir][six];
	size_t n = 0;

	for (size_t i = 0; i < d->v.n; i++)
		for (size_t k = 0; k < d->v.v[i].boxes.n; k++)
			n += d->v.v[i].boxes.v[k].af == af;
	if (room(s->pub.arena, x, n))
		return -ENOMEM;
	for (size_t i = 0; i < d->v.n; i++)
		for (size_t k = 0; k < d->v.v[i].boxes.n; k++)
			if (d->v.v[i].boxes.v[k].af == af)
				add(x, (uint32_t)i, &d->v.v[i].boxes.v[k]);
	return 0;
}

int space_index(struct space *s)
{
	int rc = 0;

	for (int i = 0; !rc && i < 4; i++)
		rc = index_one(s, i / 2, i % 2);
	return rc;
}

static size_t first_of_region(const struct space_index *x, size_t region)
{
	size_t from = 0, to = x->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (x->region[mid] < region)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

int pt_space_before(const struct pt_space *s, enum pt_dir dir, size_t region, const struct pt_box *x, struct pt_arena *a,
		    struct pt_space_hits *out)
{
	const struct space_index *v = &space_of(s)->index[dir == PT_OUT][x->af == PT_AF_INET6];
	struct bounds b = bounds_of(x);
	size_t end = first_of_region(v, region);
	int rc = 0;

	for (size_t i = 0; !rc && i < end; i++) {
		bool near = (v->src_lo[i] <= b.src_hi) & (b.src_lo <= v->src_hi[i]) & (v->dst_lo[i] <= b.dst_hi) &
			    (b.dst_lo <= v->dst_hi[i]) & (v->port_lo[i] <= b.port_hi) & (b.port_lo <= v->port_hi[i]);

		if (!near || !pt_box_overlaps(x, v->box[i]))
			continue;
		rc = pt_vec_push(a, &out->box, v->box[i]); /* NOLINT(bugprone-sizeof-expression) */
		if (!rc)
			rc = pt_vec_push(a, &out->region, v->region[i]);
	}
	return rc;
}
