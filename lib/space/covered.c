/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of the search: yes or no, with a point that people can use. A packet that begins a connection says more of
 * a firewall than a stray fragment, so these are looked for first.
 */
#include <errno.h>

#include "space/internal.h"

static int parts(struct pt_arena *a, const struct pt_box *x, const pt_boxes *of, pt_boxes *out)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < of->n; i++) {
		struct pt_box part;

		rc = pt_box_intersect(a, x, &of->v[i], &part);
		if (rc > 0)
			rc = pt_vec_push(a, out, part);
	}
	return rc < 0 ? rc : 0;
}

int pt_space_begins(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, pt_boxes *out)
{
	return parts(a, x, &space_of(s)->ct[x->af == PT_AF_INET6][PT_CT_NEW], out);
}

int space_search_begins(struct space_search *q, const struct pt_box *x, const struct pt_box *const *y, size_t n)
{
	pt_boxes first = { 0 };
	int rc;

	/* What is found is looked at after this: so are the parts. */
	if (!q->parts)
		q->parts = pt_arena_new();
	else
		pt_arena_reset(q->parts);
	if (!q->parts)
		return -ENOMEM;
	rc = parts(q->parts, x, &space_of(q->s)->first[x->af == PT_AF_INET6], &first);
	if (!rc)
		rc = 1;
	for (size_t i = 0; rc == 1 && i < first.n; i++)
		rc = space_search(q, &first.v[i], y, n);
	return rc;
}

/* In which one dimension Y does not hold P, or NO_DIM: in several. */
#define NO_DIM UINT32_MAX
static uint32_t kept_out_by(const struct pt_box *y, const struct pt_point *p)
{
	uint32_t dim = NO_DIM;

	for (uint32_t i = 0; i < y->n; i++) {
		if (pt_iset_has(&y->v[i].set, p->v[y->v[i].dim]))
			continue;
		if (dim != NO_DIM)
			return NO_DIM;
		dim = y->v[i].dim;
	}
	return dim;
}

/* The plainest value of DIM with which P stays in X and out of Y. */
static int polish(struct space_search *q, struct pt_arena *a, const struct pt_box *x, const struct pt_box *const *y, size_t n,
		  uint32_t dim, struct pt_point *p)
{
	const struct pt_box_side *side = space_side(x, dim);
	struct pt_iset taken = { 0 }, all = { 0 }, left = { 0 };
	int rc = side ? 0 : pt_iset_add(a, &all, 0, pt_space_max(q->s, dim, x->af));

	for (size_t i = 0; !rc && i < n; i++) {
		const struct pt_box_side *of = kept_out_by(y[i], p) == dim ? space_side(y[i], dim) : NULL;

		for (uint32_t k = 0; of && !rc && k < of->set.n; k++)
			rc = pt_iset_add(a, &taken, of->set.v[k].lo, of->set.v[k].hi);
	}
	taken.dirty = true;
	pt_iset_norm(&taken);
	if (!rc)
		rc = pt_iset_subtract(a, &left, side ? &side->set : &all, &taken);
	if (!rc)
		p->v[dim] = space_plain_value(q->s, x->af, dim, &left);
	return rc;
}

int space_witness(struct space_search *q, struct pt_arena *a, const struct pt_box *const *y, size_t n, struct pt_point *out)
{
	struct pt_arena *scratch = pt_arena_new();
	const struct pt_box *x = q->asked;
	int rc = scratch ? space_choose(q->s, a, &q->found, out) : -ENOMEM;

	for (uint32_t dim = 0; !rc && dim < out->n; dim++) {
		const struct pt_box_side *side = space_side(x, dim), *now = space_side(&q->found, dim);

		if (!now || out->v[dim] == space_plain_value(q->s, x->af, dim, side ? &side->set : NULL))
			continue;
		pt_arena_reset(scratch);
		rc = polish(q, scratch, x, y, n, dim, out);
	}
	pt_arena_free(scratch);
	return rc;
}

int pt_box_covered(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, const struct pt_box *const *y, size_t n,
		   uint64_t steps, struct pt_point *witness)
{
	struct space_search q = { .s = s, .steps = steps, .bounded = steps != 0 };
	int rc = 1;

	for (size_t i = 0; i < n; i++)
		if (pt_box_within(x, y[i]))
			return 1;
	if (witness)
		rc = space_search_begins(&q, x, y, n);
	if (rc == 1)
		rc = space_search(&q, x, y, n);
	if (!rc && witness)
		rc = space_witness(&q, a, y, n, witness);
	space_search_end(&q);
	return rc;
}
