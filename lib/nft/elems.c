/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Elements of sets.
 *
 * The kernel sends an interval as two elements, its first key and the key behind its last, in
 * whatever order its tree has, over as many messages as it takes; an element that expired
 * during the dump leaves its other half alone. So halves are joined at once where they come as
 * neighbours (a million elements take one entry each), and the rest is sorted out at the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/kernel.h"

void nft_elems_fini(struct nft_elems *e)
{
	free(e->v);
	memset(e, 0, sizeof(*e));
}

pt_u128 nft_key_max(const struct nft_set *set)
{
	return set->key_len >= 16 ? ~(pt_u128)0 : ((pt_u128)1 << 8 * set->key_len) - 1;
}

void nft_key_to_bytes(pt_u128 key, uint8_t *out, size_t len)
{
	while (len--) {
		out[len] = (uint8_t)key;
		key >>= 8;
	}
}

/* ---- out of messages ---- */

/* The bytes of a nested NFTA_DATA_VALUE; NULL unless there are LEN of them. */
static const uint8_t *data_bytes(const struct nlattr *nest, size_t len)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1];

	if (nft_nest(nest, tb, PT_ARRAY_SIZE(tb)) || !tb[NFTA_DATA_VALUE] ||
	    mnl_attr_get_payload_len(tb[NFTA_DATA_VALUE]) != len)
		return NULL;
	return mnl_attr_get_payload(tb[NFTA_DATA_VALUE]);
}

static int key_of(const struct nlattr *nest, size_t len, pt_u128 *key)
{
	const uint8_t *bytes = data_bytes(nest, len);

	if (!bytes)
		return -EBADMSG;
	*key = 0;
	for (size_t i = 0; i < len; i++)
		*key = *key << 8 | bytes[i];
	return 0;
}

/* *HAS: there is one. */
static int counter_of(const struct nlattr *nest, bool *has, uint64_t *packets, uint64_t *bytes)
{
	const struct nlattr *expr[NFTA_EXPR_MAX + 1], *counter[NFTA_COUNTER_MAX + 1];
	int rc;

	rc = nft_nest(nest, expr, PT_ARRAY_SIZE(expr));
	if (rc || !nft_attr_is(expr[NFTA_EXPR_NAME], "counter"))
		return rc;
	*has = true;
	rc = nft_nest(expr[NFTA_EXPR_DATA], counter, PT_ARRAY_SIZE(counter));
	if (!rc)
		rc = pt_nl_get_be64(counter[NFTA_COUNTER_PACKETS], packets);
	return rc ? rc : pt_nl_get_be64(counter[NFTA_COUNTER_BYTES], bytes);
}

/* Joins EL with the entry before it where the two are halves of one interval. Dumps run up or down:
 * upwards an end follows its start, downwards a start its end, and neither can be mistaken for
 * the other because neighbours in a dump are neighbours in the set. */
static bool elem_join(struct nft_elems *e, const struct nft_elem *el)
{
	struct nft_elem *last = e->n ? &e->v[e->n - 1] : NULL;
	pt_u128 behind;

	if (!last || el->state == last->state)
		return false;
	if (last->state == NFT_ELEM_START && el->state == NFT_ELEM_END && el->lo > last->lo) {
		last->hi = el->lo - 1;
		last->state = NFT_ELEM_WHOLE;
		return true;
	}
	if (last->state == NFT_ELEM_END && el->state == NFT_ELEM_START && last->lo > el->lo) {
		behind = last->lo;
		*last = *el;
		last->hi = behind - 1;
		last->state = NFT_ELEM_WHOLE;
		return true;
	}
	return false;
}

static int elem_parse(struct nft_elems *e, const struct nft_set *set, uint32_t flags,
		      const struct nlattr **tb)
{
	struct nft_elem el = { 0 };
	int rc;

	rc = key_of(tb[NFTA_SET_ELEM_KEY], set->key_len, &el.lo);
	if (rc)
		return rc;
	el.hi = el.lo;
	if (flags & NFT_SET_ELEM_INTERVAL_END)
		el.state = NFT_ELEM_END;
	else if (tb[NFTA_SET_ELEM_KEY_END])
		rc = key_of(tb[NFTA_SET_ELEM_KEY_END], set->key_len, &el.hi);
	else if (set->interval)
		el.state = NFT_ELEM_START;
	if (!rc)
		rc = pt_nl_get_be64(tb[NFTA_SET_ELEM_TIMEOUT], &el.timeout);
	if (!rc)
		rc = pt_nl_get_be64(tb[NFTA_SET_ELEM_EXPIRATION], &el.expires);
	if (!rc)
		rc = counter_of(tb[NFTA_SET_ELEM_EXPR], &el.has_counter, &el.packets, &el.bytes);
	if (rc || el.hi < el.lo)
		return -EBADMSG;
	el.added = nft_elem_id(tb[NFTA_SET_ELEM_USERDATA]) == NFT_ELEM_ADDED;
	return elem_join(e, &el) ? 0 : pt_vec_push(NULL, e, el);
}

static int verdict_of(const struct nlattr *nest, struct pt_arena *a, struct nft_map_elem *el)
{
	const struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	char chain[NFT_NAME_MAXLEN] = "";
	uint32_t code = 0;
	int rc;

	rc = nft_nest(nest, data, PT_ARRAY_SIZE(data));
	if (!rc)
		rc = nft_nest(data[NFTA_DATA_VERDICT], verdict, PT_ARRAY_SIZE(verdict));
	if (!rc)
		rc = pt_nl_get_be32(verdict[NFTA_VERDICT_CODE], &code);
	if (!rc)
		rc = pt_nl_get_str(verdict[NFTA_VERDICT_CHAIN], chain, sizeof(chain));
	if (rc)
		return rc;
	el->verdict = code == NF_DROP || code == NF_ACCEPT ? (int32_t)code : NFT_VERDICT_OTHER;
	if (code != (uint32_t)NFT_GOTO || !chain[0])
		return 0;
	el->chain = pt_arena_strdup(a, chain);
	return el->chain ? 0 : -ENOMEM;
}

static int map_elem_parse(struct nft_set *set, struct pt_arena *a, const struct nlattr **tb)
{
	struct nft_map_elem el = { .key_len = set->key_len };
	const uint8_t *key = data_bytes(tb[NFTA_SET_ELEM_KEY], set->key_len), *data;
	bool counts = false;
	int rc;

	if (!key)
		return -EBADMSG;
	memcpy(el.key, key, set->key_len);
	if (set->role == NFT_SET_VMAP) {
		rc = verdict_of(tb[NFTA_SET_ELEM_DATA], a, &el);
		if (rc)
			return rc;
	} else {
		el.data_len = (uint8_t)set->data_len;
		data = data_bytes(tb[NFTA_SET_ELEM_DATA], set->data_len);
		if (!data)
			return -EBADMSG;
		memcpy(el.data, data, set->data_len);
	}
	el.id = nft_elem_id(tb[NFTA_SET_ELEM_USERDATA]);
	rc = counter_of(tb[NFTA_SET_ELEM_EXPR], &counts, &el.packets, &el.bytes);
	if (rc)
		return rc;
	return pt_vec_push(a, &set->map, el);
}

struct elem_list {
	struct nft_elems *elems;
	struct nft_set *set;
	struct pt_arena *arena;
	int rc;
};

static int any_elem_parse(const struct nlattr *nest, void *arg)
{
	struct elem_list *list = arg;
	bool map = list->set->role == NFT_SET_VMAP || list->set->role == NFT_SET_PMAP;
	const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1];
	uint32_t flags = 0;

	list->rc = nft_nest(nest, tb, PT_ARRAY_SIZE(tb));
	if (!list->rc)
		list->rc = pt_nl_get_be32(tb[NFTA_SET_ELEM_FLAGS], &flags);
	if (!list->rc && !(flags & NFT_SET_ELEM_CATCHALL))
		list->rc = map ? map_elem_parse(list->set, list->arena, tb) :
				 elem_parse(list->elems, list->set, flags, tb);
	return list->rc ? MNL_CB_ERROR : MNL_CB_OK;
}

int nft_elems_parse(struct nft_elems *e, struct nft_set *set, struct pt_arena *a,
		    const struct nlattr *attr)
{
	struct elem_list list = { .elems = e, .set = set, .arena = a };

	if (!attr || !set->key_len)
		return 0; /* keys of no length: a set that is none of ours, see parse.c */
	if (mnl_attr_parse_nested(attr, any_elem_parse, &list) < 0)
		return list.rc ? list.rc : -EBADMSG;
	return 0;
}

/* ---- into order ---- */

/* At one key an end comes before the start of the next interval. */
static int elem_compare(const void *a, const void *b)
{
	const struct nft_elem *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return (y->state == NFT_ELEM_END) - (x->state == NFT_ELEM_END);
}

static void elems_sort(struct nft_elems *e)
{
	bool up = true, down = true;

	for (size_t i = 1; i < e->n; i++) {
		int order = elem_compare(&e->v[i - 1], &e->v[i]);

		up = up && order <= 0;
		down = down && order >= 0;
	}
	if (up)
		return;
	if (!down) {
		qsort(e->v, e->n, sizeof(*e->v), elem_compare);
		return;
	}
	for (size_t i = 0, k = e->n - 1; i < k; i++, k--) {
		struct nft_elem swap = e->v[i];

		e->v[i] = e->v[k];
		e->v[k] = swap;
	}
}

/* The last key of a start half: before what comes next, or the highest there is. */
static pt_u128 start_end(const struct nft_elems *e, size_t i, pt_u128 max)
{
	while (++i < e->n)
		if (e->v[i].lo > e->v[i - 1].lo)
			return e->v[i].lo - 1;
	return max;
}

void nft_elems_finish(struct nft_elems *e, pt_u128 max)
{
	size_t kept = 0;

	if (!e->n)
		return;
	elems_sort(e);
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].state == NFT_ELEM_START)
			e->v[i].hi = start_end(e, i, max);
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].state == NFT_ELEM_END || (kept && e->v[i].lo <= e->v[kept - 1].hi))
			continue; /* a half left alone, or what no set of ours holds: an overlap */
		e->v[kept] = e->v[i];
		e->v[kept++].state = NFT_ELEM_WHOLE;
	}
	e->n = kept;
}

/* ---- from interval sets ---- */

size_t nft_elem_walk_next(struct nft_elem_walk *w, bool interval, struct nft_elem *out, size_t max)
{
	size_t n = 0;

	while (n < max && w->i < w->from->n) {
		const struct pt_ival *iv = &w->from->v[w->i];

		memset(&out[n], 0, sizeof(out[n]));
		out[n].lo = interval ? iv->lo : iv->lo + w->done;
		out[n].hi = interval ? iv->hi : out[n].lo;
		w->done++;
		if (out[n++].hi == iv->hi) {
			w->i++;
			w->done = 0;
		}
	}
	return n;
}

/* One interval of those wanted: what the elements from *AT on leave of it is added, those that do not stay are
 * deleted. */
static int delta_one(const struct nft_set *have, size_t *at, const struct pt_ival *want, nft_elems_take take, void *arg)
{
	pt_u128 lo = want->lo;
	int rc = 0;

	for (; !rc && *at < have->raw.n && have->raw.v[*at].lo <= want->hi; (*at)++) {
		const struct pt_ival *el = &have->raw.v[*at];

		if (el->lo < want->lo || el->hi > want->hi || pt_iset_has(&have->timed, el->lo)) {
			rc = take(false, el->lo, el->hi, arg);
			continue;
		}
		if (el->lo > lo)
			rc = take(true, lo, el->lo - 1, arg);
		if (el->hi == want->hi) {
			(*at)++;
			return rc;
		}
		lo = el->hi + 1;
	}
	return rc ? rc : take(true, lo, want->hi, arg);
}

int nft_elems_delta(const struct nft_set *have, const struct pt_iset *want, nft_elems_take take, void *arg)
{
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < want->n; i++)
		rc = delta_one(have, &at, &want->v[i], take, arg);
	for (; !rc && at < have->raw.n; at++)
		rc = take(false, have->raw.v[at].lo, have->raw.v[at].hi, arg);
	return rc;
}
