/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What to write so that a table loses and gains addresses. The kernel's interval sets refuse an
 * element that overlaps another one, so elements are cut, replaced or left out here, first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/table.h"

/* An element on the way from the kernel's set to the wanted one. */
struct entry {
	struct nft_elem el;
	bool fresh; /* not in the kernel */
	bool gone;
};

typedef PT_VEC(struct entry) entries;

void nft_change_fini(struct nft_change *c)
{
	nft_elems_fini(&c->del);
	nft_elems_fini(&c->add);
}

static int push(entries *list, const struct nft_elem *from, pt_u128 lo, pt_u128 hi, bool fresh)
{
	struct entry en = { .el = *from, .fresh = fresh };

	en.el.lo = lo;
	en.el.hi = hi;
	return pt_vec_push(NULL, list, en);
}

/* What DEL leaves of EL, as pieces; *AT is the first interval of DEL that can still touch it. */
static int cut(entries *list, const struct nft_elem *el, const struct pt_iset *del, size_t *at)
{
	pt_u128 lo = el->lo;
	int rc = 0;

	while (*at < del->n && del->v[*at].hi < el->lo)
		(*at)++;
	for (size_t i = *at; i < del->n && del->v[i].lo <= el->hi; i++) {
		if (del->v[i].lo > lo)
			rc = push(list, el, lo, del->v[i].lo - 1, true);
		if (rc || del->v[i].hi >= el->hi)
			return rc;
		lo = del->v[i].hi + 1;
	}
	return push(list, el, lo, el->hi, lo != el->lo);
}

static bool touches(const struct nft_elem *el, const struct pt_iset *set, size_t at)
{
	while (at < set->n && set->v[at].hi < el->lo)
		at++;
	return at < set->n && set->v[at].lo <= el->hi;
}

static int take_away(struct nft_change *c, entries *list, const struct nft_elems *have,
		     const struct pt_iset *del)
{
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < have->n; i++) {
		if (touches(&have->v[i], del, at))
			rc = pt_vec_push(NULL, &c->del, have->v[i]);
		if (!rc)
			rc = cut(list, &have->v[i], del, &at);
	}
	return rc;
}

/* Whether the entries from FIRST on leave no gap in WANT. */
static bool covered(const entries *list, size_t first, const struct pt_ival *want)
{
	pt_u128 next = want->lo;

	for (size_t i = first; i < list->n && list->v[i].el.lo <= next; i++) {
		if (list->v[i].el.hi >= want->hi)
			return true;
		if (list->v[i].el.hi >= next)
			next = list->v[i].el.hi + 1;
	}
	return false;
}

/* Does EN stay where an element with TIMEOUT (0: for good) is put? One that sticks out bounds it; one
 * that would live longer must not be lost when the time is over. */
static bool stays(const struct entry *en, const struct pt_ival *want, uint64_t timeout)
{
	if (en->el.lo < want->lo || en->el.hi > want->hi)
		return true;
	return timeout && (!en->el.timeout || en->el.expires > timeout);
}

/* One wanted interval: it takes the place of the entries inside it, between those that stay. */
static int put_one(struct nft_change *c, entries *list, size_t first, const struct pt_ival *want,
		   uint64_t timeout)
{
	struct nft_elem el = { .lo = want->lo, .timeout = timeout, .added = true };

	for (size_t i = first; i < list->n && list->v[i].el.lo <= want->hi; i++) {
		struct entry *en = &list->v[i];

		if (!stays(en, want, timeout)) {
			if (!en->fresh && pt_vec_push(NULL, &c->del, en->el))
				return -ENOMEM;
			en->gone = true;
			continue;
		}
		if (en->el.lo > el.lo) {
			el.hi = en->el.lo - 1;
			if (pt_vec_push(NULL, &c->add, el))
				return -ENOMEM;
		}
		if (en->el.hi >= want->hi)
			return 0;
		el.lo = en->el.hi + 1;
	}
	el.hi = want->hi;
	return pt_vec_push(NULL, &c->add, el);
}

static int put_in(struct nft_change *c, entries *list, const struct pt_iset *add, uint64_t timeout)
{
	size_t first = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < add->n; i++) {
		while (first < list->n && list->v[first].el.hi < add->v[i].lo)
			first++;
		if (timeout || !covered(list, first, &add->v[i]))
			rc = put_one(c, list, first, &add->v[i], timeout);
	}
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct nft_elem *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

int nft_change_plan(struct nft_change *c, const struct nft_elems *have, const struct pt_iset *add,
		    const struct pt_iset *del, uint64_t timeout)
{
	static const struct pt_iset none;
	entries list = { 0 };
	int rc;

	rc = take_away(c, &list, have, del ? del : &none);
	if (!rc)
		rc = put_in(c, &list, add ? add : &none, timeout);
	for (size_t i = 0; !rc && i < list.n; i++)
		if (list.v[i].fresh && !list.v[i].gone)
			rc = pt_vec_push(NULL, &c->add, list.v[i].el);
	free(list.v);
	if (c->del.n)
		qsort(c->del.v, c->del.n, sizeof(*c->del.v), by_key);
	if (c->add.n)
		qsort(c->add.v, c->add.n, sizeof(*c->add.v), by_key);
	return rc;
}
