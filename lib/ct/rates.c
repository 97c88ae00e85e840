/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/rates - how fast states move, and which come first.
 *
 * The kernel keeps sums; a rate is the difference of two looks at them. What each state had is kept under a
 * hash of its tuple and number: 24 bytes a state, not the state. Of a look only the first so many stay.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ct/request.h"

#define FIRST_SLOTS 1024 /* a power of two */
#define SECOND 1000000000ull

struct count {
	uint64_t key;            /* 0: free */
	uint64_t packets, bytes;
};

struct counts {
	struct count *v;
	size_t n, n_slots;
};

struct pt_ct_rates {
	struct counts before, now;
	uint64_t when_before, when_now; /* 0: no look yet */
	uint64_t seen_before, came;
	struct pt_ct_rate all;
};

static struct count *slot_of(const struct counts *c, uint64_t key)
{
	size_t i = (size_t)key & (c->n_slots - 1);

	while (c->v[i].key && c->v[i].key != key)
		i = (i + 1) & (c->n_slots - 1);
	return &c->v[i];
}

static int grow(struct counts *c)
{
	struct counts bigger = { .n = c->n, .n_slots = c->n_slots ? c->n_slots * 2 : FIRST_SLOTS };

	bigger.v = calloc(bigger.n_slots, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_slots; i++)
		if (c->v[i].key)
			*slot_of(&bigger, c->v[i].key) = c->v[i];
	free(c->v);
	*c = bigger;
	return 0;
}

struct pt_ct_rates *pt_ct_rates_new(void)
{
	return calloc(1, sizeof(struct pt_ct_rates));
}

void pt_ct_rates_free(struct pt_ct_rates *r)
{
	if (!r)
		return;
	free(r->before.v);
	free(r->now.v);
	free(r);
}

int pt_ct_rates_begin(struct pt_ct_rates *r, uint64_t now)
{
	struct counts old = r->before;

	r->before = r->now;
	r->now = old;
	r->now.n = 0;
	if (r->now.v)
		memset(r->now.v, 0, r->now.n_slots * sizeof(*r->now.v));
	r->when_before = r->when_now;
	r->when_now = now;
	r->seen_before = r->came = 0;
	r->all = (struct pt_ct_rate){ .known = r->when_before && now > r->when_before };
	return r->now.v ? 0 : grow(&r->now);
}

/* No padding of a struct gets into the hash. */
uint64_t ct_key(const struct pt_ct_entry *ct)
{
	struct {
		pt_u128 src, dst;
		uint32_t id, proto_zone;
		uint32_t ports, af;
	} k = { ct->orig.src.v, ct->orig.dst.v, ct->id, (uint32_t)ct->proto << 16 | ct->zone,
		(uint32_t)ct->orig.sport << 16 | ct->orig.dport, ct->orig.src.af };
	uint64_t key = pt_hash64(&k, sizeof(k));

	return key ? key : 1;
}

/* A second of N within NS nanoseconds; N has no 64 bits in any interval that anybody waits for. */
static uint64_t per_second(uint64_t n, uint64_t ns)
{
	return (uint64_t)((pt_u128)n * SECOND / ns);
}

/* Counters that went back began anew. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

int pt_ct_rates_add(struct pt_ct_rates *r, const struct pt_ct_entry *ct, struct pt_ct_rate *out)
{
	const struct count mine = { ct_key(ct), ct->packets[0] + ct->packets[1], ct->bytes[0] + ct->bytes[1] };
	const struct count *old = r->before.v ? slot_of(&r->before, mine.key) : NULL;
	const struct count zero = { 0 };
	struct count *slot;
	uint64_t ns = r->when_now - r->when_before;

	*out = (struct pt_ct_rate){ 0 };
	if ((r->now.n + 1) * 2 > r->now.n_slots && grow(&r->now))
		return -ENOMEM;
	slot = slot_of(&r->now, mine.key);
	if (slot->key) /* a dump may tell one twice when others come meanwhile */
		return 0;
	*slot = mine;
	r->now.n++;
	if (!r->all.known)
		return 0;
	if (!old || !old->key) {
		r->came++;
		old = &zero;
	} else {
		r->seen_before++;
	}
	if (!ct->has_counters)
		return 0;
	out->known = true;
	out->packets = per_second(since(mine.packets, old->packets), ns);
	out->bytes = per_second(since(mine.bytes, old->bytes), ns);
	r->all.packets += out->packets;
	r->all.bytes += out->bytes;
	return 0;
}

void pt_ct_rates_turn(const struct pt_ct_rates *r, struct pt_ct_turn *out)
{
	*out = (struct pt_ct_turn){ .states = r->now.n, .came = r->came, .rate = r->all };
	if (r->all.known)
		out->went = r->before.n - r->seen_before;
}

/* ---- the first so many ---- */

static int compare(uint64_t x, uint64_t y)
{
	return (x > y) - (x < y);
}

static int compare_addr(struct pt_addr x, struct pt_addr y)
{
	if (x.af != y.af)
		return x.af < y.af ? -1 : 1;
	return (x.v > y.v) - (x.v < y.v);
}

static int by_rate(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	int c = compare(y->rate.bytes, x->rate.bytes);

	return c ? c : compare(y->rate.packets, x->rate.packets);
}

static int by_bytes(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	return compare(y->ct.bytes[0] + y->ct.bytes[1], x->ct.bytes[0] + x->ct.bytes[1]);
}

static int by_packets(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	return compare(y->ct.packets[0] + y->ct.packets[1], x->ct.packets[0] + x->ct.packets[1]);
}

/* Oldest first; what has no time comes last. */
static int by_age(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	if (!x->ct.start != !y->ct.start)
		return x->ct.start ? -1 : 1;
	return compare(x->ct.start, y->ct.start);
}

/* What ends next comes first. */
static int by_expiry(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	return compare(x->ct.timeout, y->ct.timeout);
}

static int by_source(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	int c = compare_addr(x->ct.orig.src, y->ct.orig.src);

	return c ? c : compare(x->ct.orig.sport, y->ct.orig.sport);
}

static int by_destination(const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	int c = compare_addr(x->ct.orig.dst, y->ct.orig.dst);

	return c ? c : compare(x->ct.orig.dport, y->ct.orig.dport);
}

static int (*const orders[PT_CT_ORDERS])(const struct pt_ct_row *x, const struct pt_ct_row *y) = {
	by_rate, by_bytes, by_packets, by_age, by_expiry, by_source, by_destination,
};

/* Equals stand in an order of their own, so that lines do not jump about. */
static int in_order(enum pt_ct_order o, const struct pt_ct_row *x, const struct pt_ct_row *y)
{
	int c = orders[o](x, y);

	if (!c)
		c = by_source(x, y);
	if (!c)
		c = by_destination(x, y);
	return c ? c : compare(x->ct.id, y->ct.id);
}

int pt_ct_rank_add(struct pt_ct_rank *k, const struct pt_ct_entry *ct, const struct pt_ct_rate *rate)
{
	const struct pt_ct_row row = { *ct, *rate };
	size_t lo = 0, hi = k->rows.n;

	if (!k->max || (k->rows.n == k->max && in_order(k->order, &row, &k->rows.v[k->max - 1]) >= 0))
		return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (in_order(k->order, &row, &k->rows.v[mid]) < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (k->rows.n < k->max && pt_vec_push(NULL, &k->rows, row))
		return -ENOMEM;
	memmove(&k->rows.v[lo + 1], &k->rows.v[lo], (k->rows.n - 1 - lo) * sizeof(row));
	k->rows.v[lo] = row;
	return 0;
}
