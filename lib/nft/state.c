/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of what was read: an arena, and beside it lists of elements while they grow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/kernel.h"

int nft_state_ready(struct pt_nft_state *s)
{
	if (!s->arena)
		s->arena = pt_arena_new();
	if (s->arena && !s->objects)
		s->objects = pt_arena_alloc(s->arena, sizeof(*s->objects));
	return s->objects ? 0 : -ENOMEM;
}

struct pt_nft_state *nft_state_new(void)
{
	struct pt_nft_state *s = calloc(1, sizeof(*s));

	if (s && nft_state_ready(s)) {
		pt_nft_state_free(s);
		return NULL;
	}
	return s;
}

void nft_set_forget(struct nft_set *set)
{
	if (set->pending)
		nft_elems_fini(set->pending);
	free(set->pending);
	set->pending = NULL;
}

void pt_nft_state_free(struct pt_nft_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->objects && i < s->objects->sets.n; i++)
		nft_set_forget(&s->objects->sets.v[i]);
	pt_arena_free(s->arena);
	free(s);
}

static int map_compare(const void *a, const void *b)
{
	const struct nft_map_elem *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof(x->key));
}

/* Whether the elements are the normal set already: the same memory serves for both then. */
static bool is_normal(const struct nft_set *set)
{
	for (size_t i = 1; i < set->raw.n; i++)
		if (set->raw.v[i].lo == set->raw.v[i - 1].hi + 1)
			return false;
	return true;
}

/* Those that came at run time are few, and set aside; they stay with the time that they have left. */
static int take_added(struct nft_set *set, struct pt_arena *a)
{
	const struct nft_elems *e = set->pending;
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += e->v[i].added;
	if (!n)
		return 0;
	set->added = pt_arena_alloc(a, n * sizeof(*set->added));
	if (!set->added)
		return -ENOMEM;
	for (size_t i = 0; i < e->n; i++) {
		if (!e->v[i].added)
			continue;
		set->added[set->n_added] = e->v[i];
		if (e->v[i].expires && !e->v[i].timeout) /* the set's own */
			set->added[set->n_added].timeout = (uint64_t)set->timeout * 1000;
		set->n_added++;
	}
	return 0;
}

int nft_set_finish(struct nft_set *set, struct pt_arena *a)
{
	struct nft_elems *e = set->pending;
	int rc = 0;

	if (set->map.n)
		qsort(set->map.v, set->map.n, sizeof(*set->map.v), map_compare);
	if (!e)
		return 0;
	nft_elems_finish(e, nft_key_max(set));
	set->raw.v = pt_arena_alloc(a, e->n * sizeof(*set->raw.v));
	if (e->n && !set->raw.v)
		return -ENOMEM;
	rc = take_added(set, a);
	for (size_t i = 0; !rc && i < e->n; i++) {
		if (e->v[i].added)
			continue;
		set->raw.v[set->raw.n++] = (struct pt_ival){ .lo = e->v[i].lo, .hi = e->v[i].hi };
		if (e->v[i].expires)
			rc = pt_iset_add(a, &set->timed, e->v[i].lo, e->v[i].hi);
	}
	pt_iset_norm(&set->timed);
	set->raw.cap = e->n;
	nft_set_forget(set);
	if (rc)
		return rc;
	if (!set->n_added && is_normal(set)) {
		set->elems = (struct pt_iset){ .v = set->raw.v,
					       .n = (uint32_t)set->raw.n,
					       .cap = set->raw.n & PT_ISET_MAX };
		return 0;
	}
	for (size_t i = 0; !rc && i < set->raw.n; i++)
		rc = pt_iset_add(a, &set->elems, set->raw.v[i].lo, set->raw.v[i].hi);
	for (size_t i = 0; !rc && i < set->n_added; i++)
		rc = pt_iset_add(a, &set->elems, set->added[i].lo, set->added[i].hi);
	pt_iset_norm(&set->elems);
	return rc;
}
