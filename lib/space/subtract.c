/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One box without others, as disjoint boxes: a slice of each dimension in which they differ, then the next one. */
#include <errno.h>

#include "space/internal.h"

/* What of X is not in Y, which it overlaps. */
static int slices(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, const struct pt_box *y, pt_boxes *out)
{
	struct pt_box rest = *x;
	int rc = 0;

	for (uint32_t k = 0; !rc && k < y->n; k++) {
		const struct pt_box_side *side = space_side(&rest, y->v[k].dim), *of = &y->v[k];
		struct pt_box slice = rest;
		struct pt_iset set;

		if (side && space_relation(&side->set, &of->set) == SPACE_WITHIN)
			continue;
		rc = side ? pt_iset_subtract(a, &set, &side->set, &of->set) :
			    pt_iset_complement(a, &set, &of->set, pt_space_max(s, of->dim, x->af));
		if (!rc)
			rc = space_set_side(a, &slice, of->dim, &set, false);
		if (!rc)
			rc = pt_vec_push(a, out, slice);
		if (!rc && side)
			rc = pt_iset_intersect(a, &set, &side->set, &of->set);
		if (!rc)
			rc = space_set_side(a, &rest, of->dim, side ? &set : &of->set, false);
	}
	return rc;
}

/* FROM without Y into TO. */
static int without(const struct pt_space *s, struct pt_arena *a, const pt_boxes *from, const struct pt_box *y, pt_boxes *to)
{
	int rc = 0;

	to->n = 0;
	for (size_t i = 0; !rc && i < from->n; i++)
		rc = pt_box_overlaps(&from->v[i], y) ? slices(s, a, &from->v[i], y, to) : pt_vec_push(a, to, from->v[i]);
	return rc;
}

static bool overlaps_any(const pt_boxes *b, const struct pt_box *y)
{
	for (size_t i = 0; i < b->n; i++)
		if (pt_box_overlaps(&b->v[i], y))
			return true;
	return false;
}

int pt_box_subtract(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, const struct pt_box *const *y, size_t n,
		    size_t limit, pt_boxes *out)
{
	pt_boxes now = { 0 }, next = { 0 };
	int rc = pt_vec_push(a, &now, *x);

	for (size_t i = 0; !rc && i < n && now.n; i++) {
		pt_boxes old = now;

		if (!overlaps_any(&now, y[i]))
			continue;
		rc = without(s, a, &now, y[i], &next);
		if (!rc && limit && next.n > limit)
			rc = -E2BIG;
		now = next;
		next = old;
	}
	for (size_t i = 0; !rc && i < now.n; i++)
		rc = pt_vec_push(a, out, now.v[i]);
	return rc;
}
