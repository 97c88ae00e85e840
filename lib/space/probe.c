/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guess before a search: dimension by dimension the value that the fewest boxes of a union hold, of some that are likely.
 * Most boxes that are not covered show so at once, for a few steps through the union instead of a search.
 */
#include <errno.h>

#include "space/internal.h"

#define SAMPLES 6

struct probe {
	const struct pt_space *s;
	struct pt_arena *a;
	const struct pt_box **y; /* those that hold what was chosen so far */
	const struct pt_iset **side; /* of each in DIM, NULL: it holds all */
	size_t n;
	uint32_t dim;
	const struct pt_iset *set; /* of X in DIM, NULL: all */
	pt_u128 max, best;
	size_t fewest;
};

static bool holds(const struct pt_iset *s, pt_u128 v)
{
	if (!s)
		return true;
	return s->n == 1 ? s->v[0].lo <= v && v <= s->v[0].hi : pt_iset_has(s, v);
}

static size_t holding(const struct probe *p, pt_u128 v)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n && n < p->fewest; i++)
		n += holds(p->side[i], v);
	return n;
}

static void try_value(struct probe *p, pt_u128 v)
{
	size_t n;

	if (!p->fewest || v > p->max || (p->set && !pt_iset_has(p->set, v)))
		return;
	n = holding(p, v);
	if (n >= p->fewest)
		return;
	p->fewest = n;
	p->best = v;
}

/* Beside boxes of the union there are few others. */
static void try_values(struct probe *p, enum pt_af af)
{
	size_t step = p->n / SAMPLES + 1;

	try_value(p, space_plain_value(p->s, af, p->dim, p->set));
	try_value(p, p->set ? p->set->v[0].lo : 0);
	try_value(p, p->set ? p->set->v[p->set->n - 1].hi : p->max);
	for (size_t i = 0; i < p->n && p->fewest; i += step) {
		if (!p->side[i])
			continue;
		try_value(p, p->side[i]->v[p->side[i]->n - 1].hi + 1);
		try_value(p, p->side[i]->v[0].lo - 1);
	}
}

static void keep_holding(struct probe *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (holds(p->side[i], p->best))
			p->y[n++] = p->y[i];
	p->n = n;
}

static int choose(struct probe *p, struct pt_box *x)
{
	const struct pt_box_side *side = space_side(x, p->dim);
	struct pt_iset one = { 0 };
	size_t sides = 0;
	int rc;

	for (size_t i = 0; i < p->n; i++) {
		const struct pt_box_side *of = space_side(p->y[i], p->dim);

		p->side[i] = of ? &of->set : NULL;
		sides += of != NULL;
	}
	if (!sides)
		return 0;
	p->set = side ? &side->set : NULL;
	p->max = pt_space_max(p->s, p->dim, x->af);
	p->fewest = p->n;
	try_values(p, x->af);
	if (p->fewest == p->n)
		return 0;
	keep_holding(p);
	rc = pt_iset_add(p->a, &one, p->best, p->best);
	return rc ? rc : space_set_side(p->a, x, p->dim, &one, false);
}

int space_probe(const struct pt_space *s, struct pt_arena *a, struct pt_box *x, const struct pt_box *const *y, size_t n)
{
	/* What tells most rules apart comes first. */
	static const uint32_t first[] = { PT_DIM_DST, PT_DIM_SRC, PT_DIM_DPORT, PT_DIM_SPORT };
	struct probe p = { .s = s, .a = a, .n = n, .y = pt_arena_alloc(a, n * sizeof(*p.y)) }; /* NOLINT(bugprone-sizeof-expression) */
	struct pt_box found = *x;
	int rc;

	p.side = pt_arena_alloc(a, n * sizeof(*p.side)); /* NOLINT(bugprone-sizeof-expression) */
	rc = p.y && p.side ? 0 : -ENOMEM;
	if (!rc && n)
		memcpy(p.y, y, n * sizeof(*p.y)); /* NOLINT(bugprone-sizeof-expression) */
	for (uint32_t i = 0; !rc && p.n && i < PT_ARRAY_SIZE(first) + pt_space_dims(s); i++) {
		p.dim = i < PT_ARRAY_SIZE(first) ? first[i] : i - (uint32_t)PT_ARRAY_SIZE(first);
		if (i < PT_ARRAY_SIZE(first) || p.dim < PT_DIM_SRC || p.dim > PT_DIM_DPORT)
			rc = choose(&p, &found);
	}
	if (rc || p.n)
		return rc;
	*x = found;
	return 1;
}
