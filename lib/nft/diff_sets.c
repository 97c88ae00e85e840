/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets: which are of another make, and which elements of the others differ. */
#include <errno.h>
#include <string.h>

#include "nft/change.h"

#define SINGLES_MAX 65536 /* addresses that move into a set without ranges */
#define NAMED_ELEMS 4 /* as many elements are named in words, more are counted */

static bool is_map(const struct nft_set *set)
{
	return set->role == NFT_SET_VMAP || set->role == NFT_SET_PMAP;
}

/* The elements of WANT, with the counts that HAVE has of them, and with BOTH the others of HAVE, into OUT
 * unless that is NULL; their number. */
static size_t map_union(const struct nft_set *want, const struct nft_set *have, bool both,
			struct nft_map_elem *out)
{
	size_t w = 0, h = 0, n = 0;

	while (w < want->map.n || h < have->map.n) {
		const struct nft_map_elem *x = w < want->map.n ? &want->map.v[w] : NULL;
		const struct nft_map_elem *y = h < have->map.n ? &have->map.v[h] : NULL;
		int order = !x ? 1 : !y ? -1 : memcmp(x->key, y->key, sizeof(x->key));

		if (order > 0 && y->retired) {
			h++;
			continue;
		}
		if (out && x && order <= 0)
			out[n] = *x;
		else if (out && y)
			out[n] = *y;
		if (out && y && !order) {
			out[n].packets = y->packets;
			out[n].bytes = y->bytes;
		}
		n += order <= 0 || both;
		w += order <= 0;
		h += order >= 0;
	}
	return n;
}

/* A set of keys takes no more than it was made for; for a while it holds the old ones and the new. */
static bool has_room(const struct nft_set *want, const struct nft_set *have)
{
	return !want->keys || !have->size || want->map.n + have->map.n <= have->size ||
	       map_union(want, have, true, NULL) <= have->size;
}

bool nft_set_same_make(const struct nft_set *want, const struct nft_set *have)
{
	if (want->key_len != have->key_len || want->key_type != have->key_type ||
	    want->interval != have->interval || want->counters != have->counters ||
	    want->has_timeout != have->has_timeout ||
	    (want->has_timeout && want->timeout != have->timeout) || want->dynamic != have->dynamic ||
	    (want->dynamic && want->size != have->size))
		return false;
	if (is_map(want) != is_map(have) || !has_room(want, have))
		return false;
	return !is_map(want) || (want->role == have->role &&
				 (want->role == NFT_SET_VMAP ||
				  (want->data_type == have->data_type &&
				   want->data_len == have->data_len)));
}

int nft_diff_delete_set(struct nft_diff *d, const struct nft_set *set)
{
	uint64_t cookie;
	int rc;

	rc = nft_plan_op(d->plan, &cookie, "delete", is_map(set) ? "map" : "set", NULL, "%s",
			 set->name);
	return rc ? rc : nft_del_set(d->plan->batch, cookie, set->name);
}

/* ---- elements ---- */

static void elem_words(struct pt_buf *b, const struct nft_set *set, const struct nft_elem *el)
{
	uint8_t key[16];

	if (set->af != PT_AF_NONE) {
		pt_range_fmt(b, set->af, el->lo, el->hi);
	} else if (set->key_len <= 2) {
		pt_buf_fmt(b, "%u", (unsigned int)el->lo);
		if (el->hi != el->lo)
			pt_buf_fmt(b, "-%u", (unsigned int)el->hi);
	} else if (set->key_len == 8) {
		pt_buf_fmt(b, "%llu-%llu", (unsigned long long)(el->lo / 1000000000), (unsigned long long)(el->hi / 1000000000));
	} else {
		nft_key_to_bytes(el->lo, key, set->key_len);
		for (size_t i = 0; i < set->key_len && key[i] > ' ' && key[i] < 0x7f; i++)
			pt_buf_chr(b, (char)key[i]); /* the name of a device */
	}
}

static int elems_op(struct nft_diff *d, bool add, const struct nft_set *set,
		    const struct nft_elem *v, size_t n, uint64_t *cookie)
{
	struct pt_buf words = { 0 };
	int rc;

	if (n > NAMED_ELEMS)
		pt_buf_fmt(&words, "%zu elements", n);
	for (size_t i = 0; n <= NAMED_ELEMS && i < n; i++) {
		if (i)
			pt_buf_str(&words, ", ");
		elem_words(&words, set, &v[i]);
	}
	rc = words.err ? words.err :
			 nft_plan_op(d->plan, cookie, add ? "add" : "delete", "element", NULL,
				     "%s: %s", set->name, words.s ? words.s : "");
	pt_buf_fini(&words);
	return rc;
}

/* DEL of the kernel's elements are named one by one; additions come from an interval set. TIMEOUT: 0 for good,
 * or NFT_TIMEOUT_OF_SET. */
static int write_elems(struct nft_diff *d, bool add, const struct nft_set *set,
		       const struct pt_iset *elems, bool interval, uint64_t timeout, bool added)
{
	struct nft_elem_walk walk = { .from = elems };
	uint64_t cookie;
	size_t n;
	int rc;

	while ((n = nft_elem_walk_next(&walk, interval, d->chunk, NFT_ELEMS_PER_MESSAGE))) {
		for (size_t i = 0; i < n; i++) {
			d->chunk[i].timeout = timeout;
			d->chunk[i].added = added;
		}
		rc = elems_op(d, add, set, d->chunk, n, &cookie);
		if (!rc)
			rc = nft_put_elems(d->plan->batch, cookie, add, set, d->chunk, n);
		if (rc)
			return rc;
	}
	return 0;
}

static int write_map_elems(struct nft_diff *d, bool add, const struct nft_set *set,
			   const struct nft_map_elem *v, size_t n)
{
	uint64_t cookie;
	int rc;

	for (size_t at = 0, part; at < n; at += part) {
		part = n - at < NFT_MAP_ELEMS_PER_MESSAGE ? n - at : NFT_MAP_ELEMS_PER_MESSAGE;
		rc = nft_plan_op(d->plan, &cookie, add ? "add" : "delete", "element", NULL,
				 "%s: %zu of the map", set->name, part);
		if (!rc)
			rc = nft_put_map_elems(d->plan->batch, cookie, add, set, v + at, part);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- new sets ---- */

/* What a set that never changes will hold; 0: it may grow. */
static size_t set_size(const struct nft_set *set)
{
	size_t n = 0;

	if (set->keys || set->dynamic)
		return set->size;
	if (set->role == NFT_SET_PMAP)
		return set->map.n;
	if (set->role != NFT_SET_CONST || set->interval)
		return 0;
	for (size_t i = 0; i < set->elems.n; i++)
		n += (size_t)(set->elems.v[i].hi - set->elems.v[i].lo) + 1;
	return n;
}

/* ELEMS: those wanted, or those that the set held before it was replaced: they came at run time, and stay as long
 * as the set now says. */
static int write_new_set(struct nft_diff *d, const struct nft_set *set, const struct pt_iset *elems)
{
	uint64_t cookie;
	int rc;

	rc = nft_plan_op(d->plan, &cookie, "add", is_map(set) ? "map" : "set", NULL, "%s",
			 set->name);
	if (!rc)
		rc = nft_put_set(d->plan->batch, cookie, set, set_size(set));
	if (rc)
		return rc;
	return is_map(set) ? write_map_elems(d, true, set, set->map.v, set->map.n) :
			     write_elems(d, true, set, elems, set->interval,
					 elems == &set->elems ? 0 : NFT_TIMEOUT_OF_SET, elems != &set->elems);
}

/* ---- sets that stay ---- */

bool nft_map_elem_same(const struct nft_map_elem *x, const struct nft_map_elem *y)
{
	if (x->data_len != y->data_len || memcmp(x->data, y->data, x->data_len))
		return false;
	if (x->data_len)
		return true;
	if (x->chain && y->chain)
		return !strcmp(x->chain, y->chain);
	return !x->chain && !y->chain && x->verdict == y->verdict;
}

/* What is not wanted any more (packets with old keys may come to it), and what is wanted otherwise or
 * anew. */
static int write_map_delta(struct nft_diff *d, const struct nft_set *want,
			   const struct nft_set *have)
{
	bool old = nft_diff_takes(d, want->role == NFT_SET_VMAP || want->keys);
	bool new = nft_diff_takes(d, false);
	struct nft_map_elem *add, *del;
	size_t n_add = 0, n_del = 0, w = 0, h = 0;
	int order, rc;
	bool same;

	add = pt_arena_alloc(d->arena, (want->map.n + 1) * sizeof(*add));
	del = pt_arena_alloc(d->arena, (have->map.n + 1) * sizeof(*del));
	if (!add || !del)
		return -ENOMEM;
	while (w < want->map.n || h < have->map.n) {
		order = w == want->map.n ? 1 :
			h == have->map.n ? -1 :
			memcmp(want->map.v[w].key, have->map.v[h].key, sizeof(add->key));
		same = !order && nft_map_elem_same(&want->map.v[w], &have->map.v[h]);
		if (new && order <= 0 && !same)
			add[n_add++] = want->map.v[w];
		if ((order > 0 && old && !have->map.v[h].retired) || (!order && new && !same))
			del[n_del++] = have->map.v[h];
		w += order <= 0;
		h += order >= 0;
	}
	rc = write_map_elems(d, false, want, del, n_del);
	return rc ? rc : write_map_elems(d, true, want, add, n_add);
}

int nft_diff_delete_retired(struct nft_diff *d, const struct nft_set_pair *pair)
{
	const struct nft_set *want = pair->want, *have = pair->have;
	struct nft_map_elem *del;
	size_t n = 0, w = 0;

	if (!want || !have || !have->keys || pair->replace)
		return 0; /* nothing of them is left, or nothing was */
	del = pt_arena_alloc(d->arena, PT_NFT_PATCHES_MAX * sizeof(*del));
	if (!del)
		return -ENOMEM;
	for (size_t h = 0; h < have->map.n && n < PT_NFT_PATCHES_MAX; h++) {
		if (!have->map.v[h].retired)
			continue;
		while (w < want->map.n && memcmp(want->map.v[w].key, have->map.v[h].key, sizeof(del->key)) < 0)
			w++;
		if (w == want->map.n || memcmp(want->map.v[w].key, have->map.v[h].key, sizeof(del->key)) != 0)
			del[n++] = have->map.v[h];
	}
	return write_map_elems(d, false, want, del, n);
}

/* Elements on their way into messages: neither they nor the sets are copied as a whole, which may be large. */
struct delta {
	struct nft_diff *d;
	const struct nft_set *set;
	bool add; /* those to add, or those to delete */
	struct pt_ival v[NFT_ELEMS_PER_MESSAGE];
	uint32_t n;
};

/* Deleted elements are named exactly as the kernel has them, never one key at a time. */
static int delta_flush(struct delta *x)
{
	const struct pt_iset elems = { .v = x->v, .n = x->n };

	x->n = 0;
	return write_elems(x->d, x->add, x->set, &elems, x->add ? x->set->interval : true, 0, false);
}

static int delta_take(bool add, pt_u128 lo, pt_u128 hi, void *arg)
{
	struct delta *x = arg;

	if (add != x->add)
		return 0;
	x->v[x->n++] = (struct pt_ival){ lo, hi };
	return x->n == NFT_ELEMS_PER_MESSAGE ? delta_flush(x) : 0;
}

/* ---- what came at run time ---- */

static bool touches(const struct pt_iset *set, const struct nft_elem *el)
{
	size_t low = 0, high = set->n;

	while (low < high) { /* the first interval that does not end before it */
		size_t middle = low + (high - low) / 2;

		if (set->v[middle].hi < el->lo)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->n && set->v[low].lo <= el->hi;
}

/* Elements on their way into messages, which they fill: D's chunk. */
struct pieces {
	struct nft_diff *d;
	const struct nft_set *set;
	bool add;
	size_t n;
};

static int pieces_flush(struct pieces *p)
{
	uint64_t cookie;
	size_t n = p->n;
	int rc;

	p->n = 0;
	if (!n)
		return 0;
	rc = elems_op(p->d, p->add, p->set, p->d->chunk, n, &cookie);
	return rc ? rc : nft_put_elems(p->d->plan->batch, cookie, p->add, p->set, p->d->chunk, n);
}

static int pieces_take(struct pieces *p, const struct nft_elem *el)
{
	p->d->chunk[p->n++] = *el;
	return p->n == NFT_ELEMS_PER_MESSAGE ? pieces_flush(p) : 0;
}

/* The parts of EL that the file does not name, for as long as EL would have stayed. */
static int take_rest(struct pieces *p, const struct nft_elem *el)
{
	struct pt_iset whole = { 0 }, rest = { 0 };
	struct nft_elem part = *el;
	int rc = pt_iset_add(p->d->arena, &whole, el->lo, el->hi);

	if (!rc)
		rc = pt_iset_subtract(p->d->arena, &rest, &whole, &p->set->elems);
	for (size_t i = 0; !rc && i < rest.n; i++) {
		part.lo = rest.v[i].lo;
		part.hi = rest.v[i].hi;
		rc = pieces_take(p, &part);
	}
	return rc;
}

/* What the file says is the file's, and stays for good; the rest of what came at run time stays as it is. NEW: the set is made
 * anew, and is to have it all. */
static int write_added(struct nft_diff *d, bool add, const struct nft_set *want, const struct nft_set *have, bool new)
{
	struct pieces p = { .d = d, .set = want, .add = add };
	int rc = 0;

	for (size_t i = 0; !rc && i < have->n_added; i++) {
		const struct nft_elem *el = &have->added[i];
		bool shared = touches(&want->elems, el);

		if (!new && !want->constant && !shared)
			continue;
		if (!add)
			rc = pieces_take(&p, el);
		else if (!want->constant)
			rc = shared ? take_rest(&p, el) : pieces_take(&p, el);
	}
	return rc ? rc : pieces_flush(&p);
}

/* Rules wrote into the set as it was: all of it came at run time. */
static int write_learned(struct nft_diff *d, const struct nft_set *want, const struct nft_set *have)
{
	struct pt_iset rest = { 0 };
	int rc = 0;

	if (want->constant)
		return 0;
	rc = pt_iset_subtract(d->arena, &rest, &have->elems, &want->elems);
	return rc ? rc : write_elems(d, true, want, &rest, want->interval, NFT_TIMEOUT_OF_SET, true);
}

/* A set of another make takes the place of HAVE. */
static int write_replaced(struct nft_diff *d, const struct nft_set *want, const struct nft_set *have)
{
	bool same_kind = want->role == NFT_SET_TABLE && want->af == have->af;
	int rc;

	if (want->keep && want->af == have->af)
		return write_new_set(d, want, &have->elems);
	rc = write_new_set(d, want, &want->elems);
	if (!rc && same_kind && have->dynamic)
		rc = write_learned(d, want, have);
	else if (!rc && same_kind)
		rc = write_added(d, true, want, have, true);
	return rc;
}

static int write_delta(struct nft_diff *d, const struct nft_set *want, const struct nft_set *have)
{
	struct delta x = { .d = d, .set = want };
	int rc;

	if (!have->n_added && !have->timed.n && pt_iset_equal(&want->elems, &have->elems))
		return 0;
	rc = nft_elems_delta(have, &want->elems, delta_take, &x);
	if (!rc)
		rc = delta_flush(&x);
	if (!rc)
		rc = write_added(d, false, want, have, false);
	x.add = true;
	if (!rc)
		rc = nft_elems_delta(have, &want->elems, delta_take, &x);
	if (!rc)
		rc = delta_flush(&x);
	return rc ? rc : write_added(d, true, want, have, false);
}

/* Keys need more room: a new set, to which counts and perhaps old keys move. */
static int write_new_keys(struct nft_diff *d, const struct nft_set *want, const struct nft_set *have)
{
	struct nft_set set = *want;
	struct nft_map_elem *all;

	all = pt_arena_alloc(d->arena, (want->map.n + have->map.n + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	set.map.v = all;
	set.map.n = map_union(want, have, d->two_parts, all);
	if (set.size < set.map.n)
		set.size = (uint32_t)set.map.n;
	return write_new_set(d, &set, &set.elems);
}

/* More addresses than are worth being written one by one. */
static bool too_wide(const struct pt_iset *s)
{
	pt_u128 n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].hi - s->v[i].lo >= SINGLES_MAX)
			return true;
		n += s->v[i].hi - s->v[i].lo + 1;
	}
	return n > SINGLES_MAX;
}

int nft_diff_write_set(struct nft_diff *d, const struct nft_set_pair *pair)
{
	const struct nft_set *want = pair->want, *have = pair->have;

	if (!nft_diff_takes(d, false)) /* only elements can be left over, and not in a set made anew */
		return have && is_map(want) && (want->keys || !pair->replace) ?
			       write_map_delta(d, want, have) : 0;
	if (have && want->keys && pair->replace)
		return write_new_keys(d, want, have);
	if (!have)
		return write_new_set(d, want, &want->elems);
	if (pair->replace && want->keep && !want->interval && too_wide(&have->elems)) {
		pt_err_add(d->e, PT_ERROR, NULL, "flush the table first, or name another table in the rule",
			   "the set %s holds networks: rules that put sources into it (overload) need one of single"
			   " addresses", have->name);
		return -EINVAL;
	}
	if (pair->replace)
		return write_replaced(d, want, have);
	if (want->keep || have->unread)
		return 0;
	return is_map(want) ? write_map_delta(d, want, have) : write_delta(d, want, have);
}
