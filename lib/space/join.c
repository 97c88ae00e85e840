/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fewer boxes of the same union: those that differ in one dimension become one. Equal ones are brought together by hashes. */
#include <errno.h>
#include <stdlib.h>

#include "space/internal.h"

struct keyed {
	uint64_t key; /* of all sides but one */
	struct pt_box box;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t hash_without(const struct pt_box *x, uint32_t dim)
{
	uint64_t h = x->af;

	for (uint32_t i = 0; i < x->n; i++) {
		const struct pt_iset *s = &x->v[i].set;

		if (x->v[i].dim == dim)
			continue;
		h = mix(h, x->v[i].dim);
		for (size_t k = 0; k < s->n; k++) {
			h = mix(mix(h, (uint64_t)s->v[k].lo), (uint64_t)(s->v[k].lo >> 64));
			h = mix(mix(h, (uint64_t)s->v[k].hi), (uint64_t)(s->v[k].hi >> 64));
		}
	}
	return h;
}

/* Are they the same in all dimensions but DIM? */
static bool same_without(const struct pt_box *x, const struct pt_box *y, uint32_t dim)
{
	uint32_t i = 0, k = 0;

	for (; x->af == y->af; i++, k++) {
		i += i < x->n && x->v[i].dim == dim;
		k += k < y->n && y->v[k].dim == dim;
		if (i == x->n || k == y->n)
			return i == x->n && k == y->n;
		if (x->v[i].dim != y->v[k].dim || !pt_iset_equal(&x->v[i].set, &y->v[k].set))
			return false;
	}
	return false;
}

static int by_key(const void *x, const void *y)
{
	const struct keyed *a = x, *b = y;

	return a->key < b->key ? -1 : a->key > b->key;
}

/* X becomes both. */
static int unite(const struct pt_space *s, struct pt_arena *a, struct pt_box *x, const struct pt_box *y, uint32_t dim)
{
	const struct pt_box_side *of = space_side(x, dim), *to = space_side(y, dim);
	struct pt_iset set = { 0 };
	int rc;

	if (!of || !to)
		return space_set_side(a, x, dim, &set, true);
	rc = pt_iset_union(a, &set, &of->set, &to->set);
	return rc ? rc : space_set_side(a, x, dim, &set, space_is_whole(&set, pt_space_max(s, dim, x->af)));
}

static int join_in(const struct pt_space *s, struct pt_arena *a, pt_boxes *b, struct keyed *v, uint32_t dim)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < b->n; i++)
		v[i] = (struct keyed){ hash_without(&b->v[i], dim), b->v[i] };
	qsort(v, b->n, sizeof(*v), by_key);
	for (size_t i = 0; !rc && i < b->n; i++) {
		if (n && v[n - 1].key == v[i].key && same_without(&v[n - 1].box, &v[i].box, dim))
			rc = unite(s, a, &v[n - 1].box, &v[i].box, dim);
		else
			v[n++] = v[i];
	}
	for (size_t i = 0; !rc && i < n; i++)
		b->v[i] = v[i].box;
	b->n = rc ? b->n : n;
	return rc;
}

static void leave_out_within(pt_boxes *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		bool within = false;

		for (size_t k = 0; k < b->n && !within; k++)
			within = k != i && (k < n || k > i) && pt_box_within(&b->v[i], &b->v[k]);
		if (!within)
			b->v[n++] = b->v[i];
	}
	b->n = n;
}

int space_join(const struct pt_space *s, struct pt_arena *a, pt_boxes *b, bool disjoint)
{
	struct keyed *v = pt_arena_alloc(a, (b->n + 1) * sizeof(*v));
	size_t before = b->n + 1;
	int rc = v ? 0 : -ENOMEM;

	while (!rc && b->n < before) {
		before = b->n;
		for (uint32_t dim = 0; !rc && dim < pt_space_dims(s); dim++)
			rc = join_in(s, a, b, v, dim);
		if (!rc && !disjoint)
			leave_out_within(b);
	}
	return rc;
}

int pt_boxes_join(const struct pt_space *s, struct pt_arena *a, pt_boxes *b)
{
	return space_join(s, a, b, false);
}
