/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which key a rule has. It is a hash of what the rule does, not a number in order: a rule that did
 * not change keeps its key over applies, and its elements their counters. Copies that one written
 * rule was expanded into do the same and share one key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/kernel.h"
#include "nft/keys.h"

static bool keeps_state(const struct pt_pol_rule *r)
{
	return r->action == PT_PASS && r->keep_state;
}

/* The tag of a rule that is not quick is an effect of its own, before its verdict. */
static uint8_t tag_of(const struct pt_pol_rule *r)
{
	return r->quick && r->action == PT_PASS ? r->tag : 0;
}

void nft_key_action(const struct nft_key *key, struct nft_key_action *out)
{
	const struct pt_pol_rule *r = key->rule;

	memset(out, 0, sizeof(*out));
	out->id = r->id;
	out->action = r->action;
	out->log = r->log;
	if (r->log_limit.packets)
		out->log = (uint32_t)pt_hash64(&r->log_limit, sizeof(r->log_limit)) | 2;
	out->tag = tag_of(r);
	out->keep_state = keeps_state(r);
	if (out->keep_state)
		nft_label_of(r, key->nat, out->label);
	if (r->action == PT_BLOCK) {
		out->ret = r->ret;
		out->code4 = (uint32_t)r->code4;
		out->code6 = (uint32_t)r->code6;
	}
}

struct nft_effect nft_item_effect(const struct pt_order_item *item, enum nft_mode mode)
{
	const struct pt_pol_rule *r = item->rule;
	struct nft_effect x = { .rule = r, .mode = mode, .decide = item->kind != PT_ORDER_EFFECT };

	x.count = x.decide || r->action == PT_MATCH;
	x.tag = x.decide ? tag_of(r) : r->tag;
	return x;
}

bool nft_key_has_chain(const struct nft_key *key)
{
	const struct pt_pol_rule *r = key->rule;

	return r->log || r->log_limit.packets || tag_of(r) || key->nat || (keeps_state(r) && r->states);
}

bool nft_key_is_plain(const struct nft_key *key)
{
	return keeps_state(key->rule) && !nft_key_has_chain(key);
}

uint32_t nft_key_attempt(struct nft_key_action *what, uint32_t attempt)
{
	uint32_t low;

	what->attempt = attempt;
	low = (uint32_t)pt_hash64(what, sizeof(*what)) & (NFT_KEY_OURS - 1);
	return NFT_KEY_OURS | (low ? low : 1); /* 0 means that nothing matches */
}

/* ---- finding by key ---- */

/* A key that moved leaves its old slot behind: that is no free one, and no hit. */
static uint32_t *slot_of(const struct nft_keys *k, uint32_t low)
{
	size_t i = low % k->n_slots;

	while (k->slots[i] && k->v.v[k->slots[i] - 1].low != low)
		i = (i + 1) % k->n_slots;
	return &k->slots[i];
}

struct nft_key *nft_keys_find(const struct nft_keys *k, uint32_t low)
{
	uint32_t *slot = slot_of(k, low);

	return *slot ? &k->v.v[*slot - 1] : NULL;
}

void nft_keys_enter(struct nft_keys *k, size_t i)
{
	*slot_of(k, k->v.v[i].low) = (uint32_t)i + 1;
}

void nft_keys_tidy(struct nft_keys *k)
{
	memset(k->slots, 0, k->n_slots * sizeof(*k->slots));
	for (size_t i = 0; i < k->v.n; i++)
		nft_keys_enter(k, i);
}

/* ---- making ---- */

static bool same_action(const struct nft_key *key, const struct nft_key_action *what)
{
	struct nft_key_action mine;

	nft_key_action(key, &mine);
	return !memcmp(&mine, what, offsetof(struct nft_key_action, attempt));
}

/* The key of ITEM: an index into V. */
static uint32_t key_of(struct nft_lower *l, struct nft_keys *k, const struct pt_order_item *item)
{
	const struct nft_effect x = nft_item_effect(item, NFT_MODE_KEEP);
	struct nft_key key = { .rule = item->rule, .chain = NFT_KEY_NO_CHAIN }, *have;
	struct nft_key_action what;

	key.nat = keeps_state(item->rule) ? nft_label_nat(l, &x) : 0;
	nft_key_action(&key, &what);
	for (uint32_t attempt = 0;; attempt++) {
		key.low = nft_key_attempt(&what, attempt);
		have = nft_keys_find(k, key.low);
		if (!have)
			break;
		if (same_action(have, &what))
			return (uint32_t)(have - k->v.v);
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it does not look into pt_vec_grow() */
	if (pt_vec_push(l->arena, &k->v, key)) {
		nft_lower_fail(l, -ENOMEM);
		return 0;
	}
	nft_keys_enter(k, k->v.n - 1);
	return (uint32_t)k->v.n - 1;
}

void nft_keys_make(struct nft_lower *l, struct nft_keys *k)
{
	size_t n = 0;

	k->n_slots = 4 * (size_t)k->order.n_const + 64; /* room for keys that move, too: they take two each */
	k->slots = pt_arena_alloc(l->arena, k->n_slots * sizeof(*k->slots));
	k->index = pt_arena_alloc(l->arena, (k->order.n_const + 1) * sizeof(*k->index));
	k->full = pt_arena_alloc(l->arena, (k->order.n_const + 1) * sizeof(*k->full));
	if (!k->slots || !k->index || !k->full) {
		nft_lower_fail(l, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < k->order.items.n && !l->rc; i++)
		if (k->order.items.v[i].kind == PT_ORDER_CONST)
			k->index[n++] = key_of(l, k, &k->order.items.v[i]);
}

/* ---- elements ---- */

void nft_key_elem(const struct nft_key *key, const char *chain, struct nft_map_elem *el)
{
	uint32_t label[4];

	memset(el, 0, sizeof(*el));
	memcpy(el->key, &key->low, sizeof(key->low));
	el->key_len = sizeof(key->low);
	el->id = key->rule->id;
	el->name = key->rule->name;
	if (nft_key_is_plain(key)) {
		nft_label_of(key->rule, key->nat, label);
		memcpy(el->data, label, sizeof(label));
		el->data_len = sizeof(label);
		return;
	}
	el->chain = chain;
	el->verdict = key->rule->action == PT_PASS ? NF_ACCEPT : NF_DROP;
}

/* Room for some more: old ones stay beside the new ones for a while, and a set that is full has to
 * be made anew. A dump walks all of it many times, so it should not be much too large. */
static uint32_t capacity(size_t n)
{
	return (uint32_t)(n + n / 4) + 128;
}

static int elem_compare(const void *a, const void *b)
{
	const struct nft_map_elem *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof(x->key));
}

static void finish_map(struct nft_set *set)
{
	if (set->map.n)
		qsort(set->map.v, set->map.n, sizeof(*set->map.v), elem_compare);
	set->size = capacity(set->map.n);
}

static void fill_full(struct nft_keys *k)
{
	uint32_t turn = k->turn ? NFT_KEY_TURN : 0;
	size_t n = 0;

	for (size_t i = 0; i < k->order.items.n; i++) {
		const struct pt_order_item *item = &k->order.items.v[i];

		if (item->kind != PT_ORDER_CONST)
			continue;
		k->full[n] = turn | item->group << NFT_KEY_GROUP_SHIFT | k->v.v[k->index[n]].low;
		n++;
	}
}

void nft_keys_fill(struct nft_lower *l, struct nft_keys *k)
{
	const struct pt_nft_objects *o = &l->prog->objects;
	struct nft_set *pass = nft_find_set(o, NFT_MAP_PASS), *act = nft_find_set(o, NFT_MAP_ACT);
	struct nft_map_elem el;

	if (l->rc || !pass || !act)
		return;
	pass->map.n = act->map.n = 0;
	for (size_t i = 0; i < k->v.n && !l->rc; i++) {
		const struct nft_key *key = &k->v.v[i];
		const char *chain = key->chain == NFT_KEY_NO_CHAIN ? NULL : o->chains.v[key->chain].name;

		nft_key_elem(key, chain, &el);
		if (pt_vec_push(l->arena, nft_key_is_plain(key) ? &pass->map : &act->map, el))
			nft_lower_fail(l, -ENOMEM);
	}
	finish_map(pass);
	finish_map(act);
	fill_full(k);
}

/* ---- for the classifier ---- */

const struct pt_order *pt_nft_prog_order(const struct pt_nft_prog *p)
{
	return p->keys ? &p->keys->order : NULL;
}

const uint32_t *pt_nft_prog_keys(const struct pt_nft_prog *p, uint32_t *none)
{
	if (!p->keys)
		return NULL;
	*none = (p->keys->turn ? NFT_KEY_TURN : 0) | NFT_KEY_GROUP | NFT_KEY_OURS;
	return p->keys->full;
}
