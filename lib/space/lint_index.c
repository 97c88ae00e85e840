/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of many boxes may meet one: thousands must not be compared in pairs. Along a dimension two ranges meet when
 * each begins before the other ends. The boxes that begin before a place are the first K in the order of beginnings, and
 * every STEP-th such set is kept as bits: a question costs a few ANDs of these, and a look at what is left.
 */
#include <stdlib.h>
#include <string.h>

#include "space/lint_work.h"

#define MARKS 256 /* sets kept for one bound, at most */

static const uint32_t axes[LINT_AXES] = { PT_DIM_SRC, PT_DIM_DST, PT_DIM_DPORT, PT_DIM_PROTO };

static void hull(const struct pt_box *b, uint32_t dim, pt_u128 *lo, pt_u128 *hi)
{
	*lo = 0;
	*hi = ~(pt_u128)0;
	for (uint32_t i = 0; i < b->n; i++)
		if (b->v[i].dim == dim && b->v[i].set.n) {
			*lo = b->v[i].set.v[0].lo;
			*hi = b->v[i].set.v[b->v[i].set.n - 1].hi;
		}
}

struct key {
	pt_u128 value;
	uint32_t place;
};

static int by_value(const void *x, const void *y)
{
	const struct key *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

/* HIGH: the bound is the end, and the order runs down. Ends are kept as their complement, so that both run up. */
static int build_bound(struct lint_index *x, uint32_t dim, bool high, struct key *keys, struct lint_bound *b,
		       struct pt_arena *a)
{
	size_t n_marks = x->n / x->step + 1;
	pt_u128 lo, hi;

	b->order = pt_arena_alloc(a, (x->n + 1) * sizeof(*b->order));
	b->value = pt_arena_alloc(a, (x->n + 1) * sizeof(*b->value));
	b->marks = pt_arena_alloc(a, (n_marks * x->words + 1) * sizeof(*b->marks));
	if (!b->order || !b->value || !b->marks)
		return -ENOMEM;
	for (size_t i = 0; i < x->n; i++) {
		hull(x->v[i].box, dim, &lo, &hi);
		keys[i] = (struct key){ high ? ~hi : lo, (uint32_t)i };
	}
	qsort(keys, x->n, sizeof(*keys), by_value);
	for (size_t i = 0; i < x->n; i++) {
		uint64_t *mark = b->marks + i / x->step * x->words;

		if (i && i % x->step == 0)
			memcpy(mark, mark - x->words, x->words * sizeof(*mark));
		if (i % x->step == 0 && i)
			for (size_t k = i - x->step; k < i; k++)
				mark[keys[k].place / 64] |= (uint64_t)1 << keys[k].place % 64;
		b->order[i] = keys[i].place;
		b->value[i] = keys[i].value;
	}
	return 0;
}

static int gather(struct lint_index *x, const struct pt_space_dir *d, enum pt_af af, struct pt_arena *a)
{
	x->first = pt_arena_alloc(a, (d->v.n + 1) * sizeof(*x->first));
	if (!x->first)
		return -ENOMEM;
	for (int pass = 0; pass < 2; pass++) {
		size_t n = 0;

		for (size_t i = 0; i < d->v.n; i++) {
			x->first[i] = (uint32_t)n;
			for (size_t k = 0; k < d->v.v[i].boxes.n; k++)
				if (d->v.v[i].boxes.v[k].af == af) {
					if (pass)
						x->v[n] = (struct lint_box){ &d->v.v[i].boxes.v[k], (uint32_t)i };
					n++;
				}
		}
		x->first[d->v.n] = (uint32_t)n;
		if (!pass)
			x->v = pt_arena_alloc(a, (n + 1) * sizeof(*x->v));
		if (!x->v)
			return -ENOMEM;
		x->n = n;
	}
	return 0;
}

/* Leaves in FOUND, words FROM to TO, those whose bound is at most VALUE. */
static void narrow(struct lint_index *x, const struct lint_bound *b, pt_u128 value, size_t from, size_t to)
{
	size_t lo = 0, hi = x->n, mark;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->value[mid] <= value)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == x->n)
		return;
	mark = lo / x->step;
	memcpy(x->bits + from, b->marks + mark * x->words + from, (to - from) * sizeof(*x->bits));
	for (size_t i = mark * x->step; i < lo; i++)
		x->bits[b->order[i] / 64] |= (uint64_t)1 << b->order[i] % 64;
	for (size_t i = from; i < to; i++)
		x->found[i] &= x->bits[i];
}

size_t lint_index_find(struct lint_index *x, const struct pt_box *box, size_t from, size_t to, uint32_t *list)
{
	size_t first = from / 64, last = (to + 63) / 64, n = 0;
	pt_u128 lo, hi;

	if (from >= to)
		return 0;
	for (size_t i = first; i < last; i++)
		x->found[i] = x->live[i];
	for (size_t i = 0; i < LINT_AXES; i++) {
		hull(box, x->axis[i].dim, &lo, &hi);
		if (!lo && !~hi)
			continue;
		narrow(x, &x->axis[i].lo, hi, first, last);
		narrow(x, &x->axis[i].hi, ~lo, first, last);
	}
	for (size_t w = first; w < last; w++)
		for (uint64_t m = x->found[w]; m; m &= m - 1) {
			size_t at = w * 64 + (size_t)__builtin_ctzll(m);

			if (at >= from && at < to && pt_box_overlaps(x->v[at].box, box))
				list[n++] = (uint32_t)at;
		}
	return n;
}

/* ---- boxes within others ---- */

/* Thousands of equal rules, or of prefixes within each other, are one as far as others are covered. */
static int find_live(struct lint_index *x, struct pt_arena *a)
{
	uint32_t *list = malloc((x->n + 1) * sizeof(*list));

	x->live = pt_arena_alloc(a, (x->words + 1) * sizeof(*x->live));
	x->over = pt_arena_alloc(a, (x->n + 1) * sizeof(*x->over));
	x->under = pt_arena_alloc(a, (x->n + 1) * sizeof(*x->under));
	x->next = pt_arena_alloc(a, (x->n + 1) * sizeof(*x->next));
	if (!list || !x->live || !x->over || !x->under || !x->next) {
		free(list);
		return -ENOMEM;
	}
	memset(x->live, 0xff, x->words * sizeof(*x->live));
	for (uint32_t i = 0; i < x->n; i++) {
		size_t n = lint_index_find(x, x->v[i].box, 0, i, list), k = 0;

		x->over[i] = x->under[i] = x->next[i] = UINT32_MAX;
		while (k < n && !pt_box_within(x->v[i].box, x->v[list[k]].box))
			k++;
		if (k == n)
			continue;
		x->live[i / 64] &= ~((uint64_t)1 << i % 64);
		x->over[i] = list[k];
		x->next[i] = x->under[list[k]];
		x->under[list[k]] = i;
	}
	free(list);
	return 0;
}

int lint_index_build(struct lint_index *x, const struct pt_space_dir *d, enum pt_af af, struct pt_arena *a)
{
	struct key *keys;
	int rc = gather(x, d, af, a);

	x->words = (x->n + 63) / 64;
	x->step = x->n / MARKS < 64 ? 64 : x->n / MARKS;
	keys = malloc((x->n + 1) * sizeof(*keys));
	x->found = pt_arena_alloc(a, (x->words + 1) * sizeof(*x->found));
	x->bits = pt_arena_alloc(a, (x->words + 1) * sizeof(*x->bits));
	if (!keys || !x->found || !x->bits)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && x->n && i < LINT_AXES; i++) {
		x->axis[i].dim = axes[i];
		rc = build_bound(x, axes[i], false, keys, &x->axis[i].lo, a);
		if (!rc)
			rc = build_bound(x, axes[i], true, keys, &x->axis[i].hi, a);
	}
	free(keys);
	return rc ? rc : find_live(x, a);
}
