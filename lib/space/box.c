/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boxes: a set a dimension, and what two of them share. Most sets are one interval. */
#include <errno.h>

#include "space/internal.h"

/* The first interval of S, from number FROM on, that reaches V: steps double first, for neighbours are near. */
static size_t reaching(const struct pt_iset *s, size_t from, pt_u128 v)
{
	size_t step = 1, to = from;

	while (to < s->n && s->v[to].hi < v) {
		from = to + 1;
		to += step;
		step *= 2;
	}
	if (to > s->n)
		to = s->n;
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (s->v[mid].hi < v)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

enum space_relation space_relation(const struct pt_iset *x, const struct pt_iset *y)
{
	bool within = true, shared = false;
	size_t at = 0;

	if (x->n == 1 && y->n == 1) {
		if (x->v->hi < y->v->lo || y->v->hi < x->v->lo)
			return SPACE_APART;
		return y->v->lo <= x->v->lo && x->v->hi <= y->v->hi ? SPACE_WITHIN : SPACE_PARTLY;
	}
	if (x->v[x->n - 1].hi < y->v[0].lo || y->v[y->n - 1].hi < x->v[0].lo)
		return SPACE_APART;
	for (size_t i = 0; i < x->n; i++) {
		at = reaching(y, at, x->v[i].lo);
		if (at == y->n)
			return shared ? SPACE_PARTLY : SPACE_APART;
		shared |= y->v[at].lo <= x->v[i].hi;
		within = within && y->v[at].lo <= x->v[i].lo && x->v[i].hi <= y->v[at].hi;
		if (shared && !within)
			return SPACE_PARTLY;
	}
	return within ? SPACE_WITHIN : shared ? SPACE_PARTLY : SPACE_APART;
}

bool space_is_whole(const struct pt_iset *x, pt_u128 max)
{
	return x->n == 1 && !x->v[0].lo && x->v[0].hi >= max;
}

const struct pt_box_side *space_side(const struct pt_box *x, uint32_t dim)
{
	for (uint32_t i = 0; i < x->n && x->v[i].dim <= dim; i++)
		if (x->v[i].dim == dim)
			return &x->v[i];
	return NULL;
}

/* ---- two boxes ---- */

bool pt_box_overlaps(const struct pt_box *x, const struct pt_box *y)
{
	if (x->af != y->af)
		return false;
	for (uint32_t i = 0, k = 0; i < x->n && k < y->n;) {
		if (x->v[i].dim != y->v[k].dim) {
			*(x->v[i].dim < y->v[k].dim ? &i : &k) += 1;
			continue;
		}
		if (space_relation(&x->v[i++].set, &y->v[k++].set) == SPACE_APART)
			return false;
	}
	return true;
}

bool pt_box_within(const struct pt_box *x, const struct pt_box *y)
{
	uint32_t i = 0;

	if (x->af != y->af)
		return false;
	for (uint32_t k = 0; k < y->n; k++) {
		while (i < x->n && x->v[i].dim < y->v[k].dim)
			i++;
		if (i == x->n || x->v[i].dim != y->v[k].dim ||
		    space_relation(&x->v[i].set, &y->v[k].set) != SPACE_WITHIN)
			return false;
	}
	return true;
}

bool pt_box_has(const struct pt_box *x, const struct pt_point *p)
{
	if (x->af != p->af)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (!pt_iset_has(&x->v[i].set, p->v[x->v[i].dim]))
			return false;
	return true;
}

/* 1, or 0: nothing is shared. */
static int shared_set(struct pt_arena *a, const struct pt_iset *x, const struct pt_iset *y, struct pt_iset *out)
{
	enum space_relation r = space_relation(x, y);
	int rc;

	if (r != SPACE_PARTLY) {
		*out = *x;
		return r == SPACE_WITHIN;
	}
	if (space_relation(y, x) == SPACE_WITHIN) {
		*out = *y;
		return 1;
	}
	rc = pt_iset_intersect(a, out, x, y);
	return rc ? rc : 1;
}

int pt_box_intersect(struct pt_arena *a, const struct pt_box *x, const struct pt_box *y, struct pt_box *out)
{
	uint32_t i = 0, k = 0;
	struct pt_box b = { .af = x->af };
	int rc = 1;

	if (!pt_box_overlaps(x, y))
		return 0;
	b.v = pt_arena_alloc(a, (x->n + y->n) * sizeof(*b.v));
	if (!b.v)
		return -ENOMEM;
	while (rc > 0 && (i < x->n || k < y->n)) {
		struct pt_box_side *to = &b.v[b.n++];

		if (k == y->n || (i < x->n && x->v[i].dim < y->v[k].dim)) {
			*to = x->v[i++];
		} else if (i == x->n || y->v[k].dim < x->v[i].dim) {
			*to = y->v[k++];
		} else {
			to->dim = x->v[i].dim;
			rc = shared_set(a, &x->v[i++].set, &y->v[k++].set, &to->set);
		}
	}
	if (rc > 0)
		*out = b;
	return rc;
}

/* ---- one box ---- */

int space_set_side(struct pt_arena *a, struct pt_box *x, uint32_t dim, const struct pt_iset *set, bool whole)
{
	struct pt_box_side *v = pt_arena_alloc(a, (x->n + 1ul) * sizeof(*v));
	uint32_t n = 0, i = 0;

	if (!v)
		return -ENOMEM;
	while (i < x->n && x->v[i].dim < dim)
		v[n++] = x->v[i++];
	if (!whole)
		v[n++] = (struct pt_box_side){ dim, *set };
	if (i < x->n && x->v[i].dim == dim)
		i++;
	while (i < x->n)
		v[n++] = x->v[i++];
	x->v = v;
	x->n = n;
	return 0;
}

int pt_box_set(const struct pt_space *s, struct pt_arena *a, struct pt_box *x, uint32_t dim, const struct pt_iset *set)
{
	static const struct pt_iset none;
	struct pt_iset copy;
	int rc = pt_iset_union(a, &copy, set, &none);

	return rc ? rc : space_set_side(a, x, dim, &copy, space_is_whole(set, pt_space_max(s, dim, x->af)));
}

void space_put(struct space_sides *b, uint32_t dim, const struct pt_iset *set)
{
	uint32_t at = b->n;

	b->never = b->never || !set->n;
	if (b->never || space_is_whole(set, pt_space_max(b->s, dim, b->af)) || b->n == PT_ARRAY_SIZE(b->v))
		return;
	while (at && b->v[at - 1].dim > dim) {
		b->v[at] = b->v[at - 1];
		at--;
	}
	b->v[at] = (struct pt_box_side){ dim, *set };
	b->n++;
}

int space_finish(const struct space_sides *b, struct pt_arena *a, pt_boxes *out)
{
	struct pt_box x = { .af = b->af, .n = b->n };

	if (b->never)
		return 0;
	x.v = pt_arena_alloc(a, b->n * sizeof(*x.v));
	if (!x.v)
		return -ENOMEM;
	memcpy(x.v, b->v, b->n * sizeof(*x.v));
	return pt_vec_push(a, out, x);
}
