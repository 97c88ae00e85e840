/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets and bytes by identity: a written rule may stand in the kernel many times. */
#include <errno.h>
#include <stdlib.h>

#include "nft/kernel.h"

static int by_id(const void *a, const void *b)
{
	const struct pt_nft_counter *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Joins neighbours of one id; returns how many are left. */
static size_t merge(struct pt_nft_counter *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && v[kept - 1].id == v[i].id) {
			v[kept - 1].packets += v[i].packets;
			v[kept - 1].bytes += v[i].bytes;
			v[kept - 1].copies += v[i].copies;
		} else {
			v[kept++] = v[i];
		}
	}
	return kept;
}

int pt_nft_counters(const struct pt_nft_state *s, struct pt_arena *a, struct pt_nft_counter **out,
		    size_t *n)
{
	const struct pt_nft_objects *o = s->objects;
	size_t total = 0;

	*out = NULL;
	*n = 0;
	for (size_t c = 0; o && c < o->chains.n; c++)
		total += o->chains.v[c].rules.n;
	*out = pt_arena_alloc(a, (total + 1) * sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t c = 0; o && c < o->chains.n; c++) {
		for (size_t i = 0; i < o->chains.v[c].rules.n; i++) {
			const struct nft_rule *r = &o->chains.v[c].rules.v[i];

			if (r->id)
				(*out)[(*n)++] = (struct pt_nft_counter){
					.id = r->id, .packets = r->packets,
					.bytes = r->bytes, .copies = 1,
				};
		}
	}
	qsort(*out, *n, sizeof(**out), by_id);
	*n = merge(*out, *n);
	return 0;
}
