/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the classifier asks of packets for each rule, in a form that needs no reading: one record a rule, as short as its conditions are
 * few. The tables of ten thousand rules are made of these in less time than it takes to read a tenth of the rules.
 *
 * A record: the head, the protocols' numbers, the devices' names with their ends, then for each set that is there the number of its
 * intervals and their ends, in 32 bits each but for IPv6.
 */
#include <errno.h>
#include <string.h>

#include "plan/patch.h"

enum { IF_ANY = 1, IF_NEG = 2, PROTO_ANY = 4 };

struct record {
	uint32_t bytes;       /* of all of it */
	uint16_t n_protos, n_devices;
	uint8_t bits, af, flags_set, flags_mask;
	uint8_t src, dst;     /* kinds */
	uint8_t sets;         /* a bit for each that is there */
	uint8_t unused;
};

#define N_SETS 7

static void sets_of(const struct pt_pol_rule *r, const struct pt_iset *sets[N_SETS])
{
	const struct pt_iset *all[N_SETS] = { &r->src.v4, &r->dst.v4, &r->sport, &r->dport, &r->icmp, &r->src.v6, &r->dst.v6 };

	memcpy(sets, all, sizeof(all));
}

#define IS_WIDE(i) ((i) >= 5) /* of 128 bits */

/* ---- writing ---- */

static char *put(char *to, const void *p, size_t n)
{
	if (n)
		memcpy(to, p, n);
	return to + n;
}

static size_t set_bytes(const struct pt_iset *s, bool wide)
{
	return s->n ? sizeof(uint32_t) + s->n * (wide ? sizeof(struct pt_ival) : 2 * sizeof(uint32_t)) : 0;
}

static char *put_set(char *to, const struct pt_iset *s, bool wide)
{
	uint32_t n = s->n;

	to = put(to, &n, sizeof(n));
	if (wide)
		return put(to, s->v, n * sizeof(*s->v));
	for (size_t i = 0; i < n; i++) {
		uint32_t narrow[2] = { (uint32_t)s->v[i].lo, (uint32_t)s->v[i].hi };

		to = put(to, narrow, sizeof(narrow));
	}
	return to;
}

void plan_item_put(struct pt_buf *b, const struct pt_pol_rule *r)
{
	const struct pt_iset *sets[N_SETS];
	struct record h = { .bytes = sizeof(h) + r->protos.n, .n_protos = (uint16_t)r->protos.n,
			    .n_devices = (uint16_t)r->devices.n, .af = r->af, .flags_set = r->flags_set,
			    .flags_mask = r->flags_mask, .src = r->src.kind, .dst = r->dst.kind };
	char *to;

	h.bits = (uint8_t)((r->if_any ? IF_ANY : 0) | (r->if_neg ? IF_NEG : 0) | (r->proto_any ? PROTO_ANY : 0));
	sets_of(r, sets);
	for (uint32_t i = 0; i < r->devices.n; i++)
		h.bytes += (uint32_t)strlen(r->devices.v[i]) + 1;
	for (size_t i = 0; i < N_SETS; i++) {
		h.bytes += (uint32_t)set_bytes(sets[i], IS_WIDE(i));
		h.sets = (uint8_t)(h.sets | (sets[i]->n ? 1u << i : 0));
	}
	if (b->cap - b->n <= h.bytes)
		pt_buf_room(b, b->n + b->n / 4 + h.bytes + 4096);
	if (b->err)
		return;
	to = put(b->s + b->n, &h, sizeof(h));
	to = put(to, r->protos.v, r->protos.n);
	for (uint32_t i = 0; i < r->devices.n; i++)
		to = put(to, r->devices.v[i], strlen(r->devices.v[i]) + 1);
	for (size_t i = 0; i < N_SETS; i++)
		if (sets[i]->n)
			to = put_set(to, sets[i], IS_WIDE(i));
	b->n += h.bytes;
}

/* ---- reading ---- */

struct source {
	const char *s;
	size_t left;
	int rc;
};

/* NULL, and the end of all, where there is not so much. */
static const void *take(struct source *in, size_t n)
{
	const char *s = in->s;

	if (in->rc || n > in->left) {
		in->rc = in->rc ? in->rc : -EBADMSG;
		return NULL;
	}
	in->s += n;
	in->left -= n;
	return s;
}

static void take_set(struct source *in, struct pt_arena *a, bool wide, struct pt_iset *out)
{
	size_t size = wide ? sizeof(struct pt_ival) : 2 * sizeof(uint32_t);
	const void *count = take(in, sizeof(uint32_t));
	const char *data;
	uint32_t n = 0, ends[2];

	if (count)
		memcpy(&n, count, sizeof(n));
	data = take(in, n * size);
	if (!data || !n)
		return;
	out->v = pt_arena_alloc(a, n * sizeof(*out->v));
	if (!out->v) {
		in->rc = -ENOMEM;
		return;
	}
	out->n = n;
	out->cap = n & (uint32_t)PT_ISET_MAX;
	for (uint32_t i = 0; i < n; i++, data += size) {
		if (wide) {
			memcpy(&out->v[i], data, size);
			continue;
		}
		memcpy(ends, data, sizeof(ends));
		out->v[i] = (struct pt_ival){ ends[0], ends[1] };
	}
}

static void take_devices(struct source *in, struct pt_arena *a, uint32_t n, struct pt_pol_names *out)
{
	out->v = n ? pt_arena_alloc(a, n * sizeof(*out->v)) : NULL;
	if (n && !out->v)
		in->rc = -ENOMEM;
	for (; !in->rc && out->n < n; out->n++)
		out->v[out->n] = take(in, strnlen(in->s, in->left) + 1);
}

static void take_item(struct source *in, struct pt_arena *a, struct pt_pol_rule *r)
{
	struct pt_iset *sets[N_SETS] = { &r->src.v4, &r->dst.v4, &r->sport, &r->dport, &r->icmp, &r->src.v6, &r->dst.v6 };
	const char *begin = in->s;
	const void *head = take(in, sizeof(struct record));
	struct record h = { 0 };

	if (!head)
		return;
	memcpy(&h, head, sizeof(h));
	r->dir = PT_IN;
	r->if_any = h.bits & IF_ANY;
	r->if_neg = h.bits & IF_NEG;
	r->proto_any = h.bits & PROTO_ANY;
	r->af = h.af;
	r->flags_set = h.flags_set;
	r->flags_mask = h.flags_mask;
	r->src.kind = h.src;
	r->dst.kind = h.dst;
	r->protos.n = h.n_protos;
	r->protos.v = (uint8_t *)(uintptr_t)take(in, h.n_protos); /* nobody writes to it */
	take_devices(in, a, h.n_devices, &r->devices);
	for (size_t i = 0; i < N_SETS; i++)
		if (h.sets & 1u << i)
			take_set(in, a, IS_WIDE(i), sets[i]);
	if (!in->rc && in->s - begin != (ptrdiff_t)h.bytes)
		in->rc = -EBADMSG;
}

int plan_items_order(const char *data, size_t len, uint32_t n, struct pt_arena *a, struct pt_order *out)
{
	struct source in = { .s = data, .left = len };
	struct pt_pol_rule *rules = pt_arena_alloc(a, (n + 1) * sizeof(*rules));

	memset(out, 0, sizeof(*out));
	out->items.v = pt_arena_alloc(a, (n + 1) * sizeof(*out->items.v));
	if (!rules || !out->items.v)
		return -ENOMEM;
	for (uint32_t i = 0; !in.rc && i < n; i++) {
		take_item(&in, a, &rules[i]);
		out->items.v[i] = (struct pt_order_item){ .rule = &rules[i], .kind = PT_ORDER_CONST, .before = i };
	}
	out->items.n = out->items.cap = n;
	out->n_const = n;
	return in.rc ? in.rc : in.left ? -EBADMSG : 0;
}
