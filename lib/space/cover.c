/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a box covered by a union of boxes? Depth first, and most questions end before anything is cut:
 *
 *  - one of the union holds the box;
 *  - those that leave the box in a single dimension are taken away from it together, which cuts nothing in two;
 *  - a good guess finds what is not covered;
 *  - a dimension in which all that is left of the union leaves a gap has the answer.
 *
 * Else one of the union with the fewest dimensions to go is chosen, and the box is cut at it: first what is outside of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "space/internal.h"

#define NO_DIM UINT32_MAX

/* What is looked at in one box of the search. */
struct node {
	struct pt_arena *a;
	struct pt_box x;
	const struct pt_box **y; /* those that overlap X */
	uint32_t *open;          /* of each, in how many dimensions it does not hold X */
	size_t n;
	uint32_t *count;         /* by dimension, how many of Y leave X there */
	struct pt_iset *units;   /* by dimension, what those have that leave X in it alone */
	size_t n_units;
	bool covered;
};

static struct pt_arena *level(struct space_search *q, size_t depth)
{
	struct pt_arena *a;

	if (depth < q->levels.n) {
		pt_arena_reset(q->levels.v[depth]);
		return q->levels.v[depth];
	}
	a = pt_arena_new();
	if (a && pt_vec_push(NULL, &q->levels, a)) { /* NOLINT(bugprone-sizeof-expression) */
		pt_arena_free(a);
		return NULL;
	}
	return a;
}

void space_search_end(struct space_search *q)
{
	for (size_t i = 0; i < q->levels.n; i++)
		pt_arena_free(q->levels.v[i]);
	free(q->levels.v);
	memset(&q->levels, 0, sizeof(q->levels));
	pt_arena_free(q->parts);
	q->parts = NULL;
}

/* In how many dimensions Y leaves X, the last of them in *DIM; -1: they are apart. */
static int leaves(const struct pt_box *x, const struct pt_box *y, uint32_t *dim)
{
	uint32_t i = 0;
	int n = 0;

	for (uint32_t k = 0; k < y->n; k++) {
		enum space_relation r = SPACE_PARTLY;

		while (i < x->n && x->v[i].dim < y->v[k].dim)
			i++;
		if (i < x->n && x->v[i].dim == y->v[k].dim)
			r = space_relation(&x->v[i].set, &y->v[k].set);
		if (r == SPACE_APART)
			return -1;
		if (r == SPACE_PARTLY) {
			*dim = y->v[k].dim;
			n++;
		}
	}
	return n;
}

static int add_unit(struct node *d, const struct pt_box *y, uint32_t dim)
{
	const struct pt_iset *s = &space_side(y, dim)->set;
	int rc = 0;

	d->n_units++;
	for (size_t i = 0; !rc && i < s->n; i++)
		rc = pt_iset_add(d->a, &d->units[dim], s->v[i].lo, s->v[i].hi);
	return rc;
}

static void count_sides(struct node *d, const struct pt_box *y)
{
	for (uint32_t k = 0; k < y->n; k++) {
		const struct pt_box_side *x = space_side(&d->x, y->v[k].dim);

		d->count[y->v[k].dim] += !x || space_relation(&x->set, &y->v[k].set) == SPACE_PARTLY;
	}
}

/* Leaves out what does not overlap. Those that leave X in one dimension become units. */
static int sort_out(struct node *d, uint32_t dims)
{
	size_t n = 0;
	int rc = 0;

	memset(d->count, 0, dims * sizeof(*d->count));
	memset(d->units, 0, dims * sizeof(*d->units));
	d->n_units = 0;
	for (size_t i = 0; !rc && i < d->n; i++) {
		uint32_t dim = NO_DIM;
		int open = leaves(&d->x, d->y[i], &dim);

		if (open < 0)
			continue;
		d->covered = d->covered || !open;
		if (d->covered)
			return 0;
		if (open == 1) {
			rc = add_unit(d, d->y[i], dim);
			continue;
		}
		d->y[n] = d->y[i];
		d->open[n++] = (uint32_t)open;
	}
	d->n = n;
	return rc;
}

/* What X has in DIM beyond SET. */
static int beyond(const struct space_search *q, struct node *d, uint32_t dim, const struct pt_iset *set, struct pt_iset *out)
{
	const struct pt_box_side *side = space_side(&d->x, dim);

	if (side)
		return pt_iset_subtract(d->a, out, &side->set, set);
	return pt_iset_complement(d->a, out, set, pt_space_max(q->s, dim, d->x.af));
}

static int take_units(const struct space_search *q, struct node *d, uint32_t dims)
{
	int rc = 0;

	for (uint32_t dim = 0; !rc && !d->covered && dim < dims; dim++) {
		struct pt_iset left;

		if (!d->units[dim].n)
			continue;
		d->units[dim].dirty = true;
		pt_iset_norm(&d->units[dim]);
		rc = beyond(q, d, dim, &d->units[dim], &left);
		d->covered = !rc && !left.n;
		if (!rc && left.n)
			rc = space_set_side(d->a, &d->x, dim, &left, false);
	}
	return rc;
}

/* A dimension that all of Y leave X in, and what none of them has of it. */
static int gap_in(const struct space_search *q, struct node *d, uint32_t dim, struct pt_iset *gap)
{
	struct pt_iset all = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n; i++) {
		const struct pt_iset *s = &space_side(d->y[i], dim)->set;

		for (size_t k = 0; !rc && k < s->n; k++)
			rc = pt_iset_add(d->a, &all, s->v[k].lo, s->v[k].hi);
	}
	pt_iset_norm(&all);
	return rc ? rc : beyond(q, d, dim, &all, gap);
}

/* 1: X has been cut down to what nothing covers. */
static int find_gap(const struct space_search *q, struct node *d, uint32_t dims)
{
	int rc = 0;

	for (size_t i = 0; i < d->n; i++)
		count_sides(d, d->y[i]);
	for (uint32_t dim = 0; !rc && dim < dims; dim++) {
		struct pt_iset gap;

		if (d->count[dim] < d->n)
			continue;
		rc = gap_in(q, d, dim, &gap);
		if (!rc && gap.n) {
			rc = space_set_side(d->a, &d->x, dim, &gap, false);
			return rc ? rc : 1;
		}
	}
	return rc;
}

/* The one of Y that leaves X in the fewest dimensions, and of those the one in which most of Y do. */
static const struct pt_box_side *where_to_cut(const struct node *d)
{
	const struct pt_box_side *best = NULL;
	size_t pivot = 0;

	for (size_t i = 1; i < d->n; i++)
		if (d->open[i] < d->open[pivot])
			pivot = i;
	for (uint32_t k = 0; k < d->y[pivot]->n; k++) {
		const struct pt_box_side *side = &d->y[pivot]->v[k], *x = space_side(&d->x, side->dim);

		if (x && space_relation(&x->set, &side->set) != SPACE_PARTLY)
			continue;
		if (!best || d->count[side->dim] > d->count[best->dim])
			best = side;
	}
	return best;
}

static int search(struct space_search *q, size_t depth, const struct pt_box *x, const struct pt_box *const *y, size_t n);

/* Searches what is outside of SIDE, then cuts X to what is inside. */
static int cut(struct space_search *q, struct node *d, size_t depth, const struct pt_box_side *side)
{
	const struct pt_box_side *mine = space_side(&d->x, side->dim);
	struct pt_box outside = d->x;
	struct pt_iset set;
	int rc = beyond(q, d, side->dim, &side->set, &set);

	if (!rc)
		rc = space_set_side(d->a, &outside, side->dim, &set, false);
	if (!rc)
		rc = search(q, depth + 1, &outside, d->y, d->n);
	if (rc != 1)
		return rc;
	rc = mine ? pt_iset_intersect(d->a, &set, &mine->set, &side->set) : 0;
	if (!rc)
		rc = space_set_side(d->a, &d->x, side->dim, mine ? &set : &side->set, false);
	return rc ? rc : 1;
}

/* One look at X: 1: covered, 0: FOUND is not, -EAGAIN: X is smaller now. */
static int look(struct space_search *q, struct node *d, size_t depth, uint32_t dims)
{
	int rc;

	if (q->bounded && !q->steps--) {
		q->steps = 0;
		return -E2BIG;
	}
	rc = space_probe(q->s, d->a, &d->x, d->y, d->n);
	if (rc) {
		q->found = d->x;
		return rc < 0 ? rc : 0;
	}
	rc = sort_out(d, dims);
	if (!rc && d->n_units && !d->covered)
		rc = take_units(q, d, dims);
	if (rc || d->covered)
		return rc ? rc : 1;
	if (d->n_units)
		return -EAGAIN;
	rc = d->n ? find_gap(q, d, dims) : 1;
	if (rc == 1) {
		q->found = d->x;
		return 0;
	}
	if (!rc)
		rc = cut(q, d, depth, where_to_cut(d));
	return rc == 1 ? -EAGAIN : rc;
}

static int search(struct space_search *q, size_t depth, const struct pt_box *x, const struct pt_box *const *y, size_t n)
{
	uint32_t dims = pt_space_dims(q->s);
	struct node d = { .a = level(q, depth), .x = *x, .n = n };
	int rc;

	if (!d.a)
		return -ENOMEM;
	d.y = pt_arena_alloc(d.a, n * sizeof(*d.y)); /* NOLINT(bugprone-sizeof-expression) */
	d.open = pt_arena_alloc(d.a, n * sizeof(*d.open));
	d.count = pt_arena_alloc(d.a, dims * sizeof(*d.count));
	d.units = pt_arena_alloc(d.a, dims * sizeof(*d.units));
	if (!d.y || !d.open || !d.count || !d.units)
		return -ENOMEM;
	if (n)
		memcpy(d.y, y, n * sizeof(*d.y)); /* NOLINT(bugprone-sizeof-expression) */
	do
		rc = look(q, &d, depth, dims);
	while (rc == -EAGAIN);
	return rc;
}

int space_search(struct space_search *q, const struct pt_box *x, const struct pt_box *const *y, size_t n)
{
	q->asked = x;
	return search(q, 0, x, y, n);
}
