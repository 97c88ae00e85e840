/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interval sets: sorted, disjoint, non-adjacent. The algebra of rules is done on them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/addr.h>

void pt_iset_fini(struct pt_iset *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}

static int push(struct pt_arena *a, struct pt_iset *s, pt_u128 lo, pt_u128 hi)
{
	size_t cap = s->cap;

	if (s->n == cap) {
		if (pt_vec_grow(a, (void **)&s->v, s->n, &cap, sizeof(*s->v)) || cap > PT_ISET_MAX)
			return -ENOMEM;
		s->cap = (uint32_t)cap & PT_ISET_MAX;
	}
	s->v[s->n++] = (struct pt_ival){ .lo = lo, .hi = hi };
	return 0;
}

int pt_iset_add(struct pt_arena *a, struct pt_iset *s, pt_u128 lo, pt_u128 hi)
{
	/* Input in rising order, the usual case of large files, needs no sorting. */
	if (!s->dirty && s->n && (lo <= s->v[s->n - 1].hi || lo == s->v[s->n - 1].hi + 1))
		s->dirty = true;
	return push(a, s, lo, hi);
}

static int by_start(const void *x, const void *y)
{
	const struct pt_ival *a = x, *b = y;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

void pt_iset_norm(struct pt_iset *s)
{
	uint32_t n = 0;

	if (!s->dirty)
		return;
	s->dirty = false;
	if (!s->n)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_start);
	for (size_t i = 1; i < s->n; i++) {
		struct pt_ival *last = &s->v[n];

		/* hi + 1 cannot wrap where another interval starts beyond hi */
		if (s->v[i].lo <= last->hi || s->v[i].lo == last->hi + 1) {
			if (s->v[i].hi > last->hi)
				last->hi = s->v[i].hi;
		} else {
			s->v[++n] = s->v[i];
		}
	}
	s->n = n + 1;
}

int pt_iset_union(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
		  const struct pt_iset *y)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !rc && i < x->n; i++)
		rc = push(a, out, x->v[i].lo, x->v[i].hi);
	for (size_t i = 0; !rc && i < y->n; i++)
		rc = push(a, out, y->v[i].lo, y->v[i].hi);
	out->dirty = true;
	pt_iset_norm(out);
	return rc;
}

int pt_iset_intersect(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
		      const struct pt_iset *y)
{
	size_t i = 0, j = 0;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	while (!rc && i < x->n && j < y->n) {
		pt_u128 lo = x->v[i].lo > y->v[j].lo ? x->v[i].lo : y->v[j].lo;
		pt_u128 hi = x->v[i].hi < y->v[j].hi ? x->v[i].hi : y->v[j].hi;

		if (lo <= hi)
			rc = push(a, out, lo, hi);
		if (x->v[i].hi < y->v[j].hi)
			i++;
		else
			j++;
	}
	return rc;
}

int pt_iset_complement(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x, pt_u128 max)
{
	pt_u128 lo = 0;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !rc && i < x->n; i++) {
		if (x->v[i].lo > max)
			break;
		if (x->v[i].lo > lo)
			rc = push(a, out, lo, x->v[i].lo - 1);
		if (x->v[i].hi >= max)
			return rc;
		lo = x->v[i].hi + 1;
	}
	return rc ? rc : push(a, out, lo, max);
}

int pt_iset_subtract(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
		     const struct pt_iset *y)
{
	struct pt_iset rest;
	int rc;

	rc = pt_iset_complement(a, &rest, y, ~(pt_u128)0);
	if (!rc)
		rc = pt_iset_intersect(a, out, x, &rest);
	else
		memset(out, 0, sizeof(*out));
	if (!a)
		pt_iset_fini(&rest);
	return rc;
}

bool pt_iset_covers(const struct pt_iset *s, pt_u128 lo, pt_u128 hi)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (s->v[mid].hi < lo)
			from = mid + 1;
		else
			to = mid;
	}
	return from < s->n && s->v[from].lo <= lo && hi <= s->v[from].hi;
}

bool pt_iset_has(const struct pt_iset *s, pt_u128 v)
{
	return pt_iset_covers(s, v, v);
}

bool pt_iset_equal(const struct pt_iset *x, const struct pt_iset *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].lo != y->v[i].lo || x->v[i].hi != y->v[i].hi)
			return false;
	return true;
}
