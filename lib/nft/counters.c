/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets and bytes by identity: a written rule may stand in the kernel many times, as rules and as keys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static size_t count_rules(const struct nft_chain *chain, struct pt_nft_counter *out)
{
	size_t n = 0;

	for (size_t i = 0; i < chain->rules.n; i++) {
		const struct nft_rule *r = &chain->rules.v[i];

		if (r->id)
			out[n++] = (struct pt_nft_counter){ .id = r->id, .packets = r->packets,
							    .bytes = r->bytes, .copies = 1 };
	}
	return n;
}

static size_t count_elems(const struct nft_set *set, struct pt_nft_counter *out)
{
	size_t n = 0;

	for (size_t i = 0; i < set->map.n; i++) {
		const struct nft_map_elem *el = &set->map.v[i];

		if (el->id && !el->retired)
			out[n++] = (struct pt_nft_counter){ .id = el->id, .packets = el->packets,
							    .bytes = el->bytes, .copies = 1 };
	}
	return n;
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
	for (size_t i = 0; o && i < o->sets.n; i++)
		total += o->sets.v[i].map.n;
	*out = pt_arena_alloc(a, (total + 1) * sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t c = 0; o && c < o->chains.n; c++)
		*n += count_rules(&o->chains.v[c], *out + *n);
	for (size_t i = 0; o && i < o->sets.n; i++)
		*n += count_elems(&o->sets.v[i], *out + *n);
	qsort(*out, *n, sizeof(**out), by_id);
	*n = merge(*out, *n);
	return 0;
}

bool pt_nft_unjudged(const struct pt_nft_state *s, uint64_t *packets, uint64_t *bytes)
{
	const struct pt_nft_objects *o = s->objects;
	bool found = false;

	*packets = *bytes = 0;
	for (size_t c = 0; o && c < o->chains.n; c++) {
		for (size_t i = 0; i < o->chains.v[c].rules.n; i++) {
			const struct nft_rule *r = &o->chains.v[c].rules.v[i];

			if (!r->name || strcmp(r->name, NFT_NAME_UNJUDGED) != 0)
				continue;
			*packets += r->packets;
			*bytes += r->bytes;
			found = true;
		}
	}
	return found;
}

enum pt_engine pt_nft_engine(const struct pt_nft_state *s)
{
	uint64_t packets, bytes;

	if (pt_nft_unjudged(s, &packets, &bytes))
		return PT_ENGINE_BPF;
	for (size_t i = 0; s->objects && i < s->objects->sets.n; i++)
		if (strstr(s->objects->sets.v[i].name, NFT_CUT))
			return PT_ENGINE_NFT;
	return PT_ENGINE_LINEAR;
}
