/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reach needs of boxes beside their algebra: one side at a time. */
#include <errno.h>
#include <string.h>

#include "plan/reach_parts.h"

const struct pt_iset *reach_side(const struct pt_box *x, uint32_t dim)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (x->v[i].dim == dim)
			return &x->v[i].set;
	return NULL;
}

int reach_with(const struct reach *r, struct pt_arena *a, const struct pt_box *x, uint32_t dim, const struct pt_iset *set,
	       struct pt_box *out)
{
	struct pt_box one = { .af = x->af };
	int rc;

	if (!set->n)
		return 0;
	rc = pt_box_set(r->s, a, &one, dim, set);
	return rc ? rc : pt_box_intersect(a, x, &one, out);
}

int reach_without(const struct reach *r, struct pt_arena *a, const struct pt_box *x, uint32_t dim, const struct pt_iset *set,
		  struct pt_box *out)
{
	struct pt_iset rest;
	int rc = pt_iset_complement(a, &rest, set, pt_space_max(r->s, dim, x->af));

	return rc ? rc : reach_with(r, a, x, dim, &rest, out);
}

int reach_with_value(const struct reach *r, struct pt_arena *a, const struct pt_box *x, uint32_t dim, pt_u128 v,
		     struct pt_box *out)
{
	struct pt_ival one = { v, v };
	struct pt_iset set = { .v = &one, .n = 1 };

	return reach_with(r, a, x, dim, &set, out);
}

int reach_drop(const struct reach *r, struct pt_arena *a, struct pt_box *x, uint32_t dim)
{
	struct pt_ival whole = { 0, pt_space_max(r->s, dim, x->af) };
	struct pt_iset set = { .v = &whole, .n = 1 };

	return reach_side(x, dim) ? pt_box_set(r->s, a, x, dim, &set) : 0;
}

int reach_copy(struct pt_arena *a, const struct pt_box *x, struct pt_box *out)
{
	static const struct pt_iset none;
	struct pt_box b = { .af = x->af, .n = x->n };
	int rc = 0;

	b.v = pt_arena_alloc(a, (x->n + 1ul) * sizeof(*b.v));
	if (!b.v)
		return -ENOMEM;
	for (uint32_t i = 0; !rc && i < x->n; i++) {
		b.v[i].dim = x->v[i].dim;
		rc = pt_iset_union(a, &b.v[i].set, &x->v[i].set, &none);
	}
	*out = b;
	return rc;
}

/* What rules draw is all that a space of mode NOW has besides. */
bool reach_by_chance(const struct pt_box *x)
{
	return x->n && x->v[x->n - 1].dim >= PT_DIM_FREE;
}

int reach_drop_chance(const struct reach *r, struct pt_box *x)
{
	int rc = 0;

	while (!rc && reach_by_chance(x))
		rc = reach_drop(r, r->scratch, x, x->v[x->n - 1].dim);
	return rc;
}

uint32_t reach_device(const struct reach *r, const char *device)
{
	uint32_t n = (uint32_t)r->s->devices.n - 1;

	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(r->s->devices.v[i], device))
			return i;
	return n;
}
