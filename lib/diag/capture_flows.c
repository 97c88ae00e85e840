/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/capture_flows - packets counted by what they are and by whom they are between; bounded, whatever comes. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>

#include "diag/capture.h"

#define SLOTS (PT_FLOWS_MAX * 2) /* a power of two */
#define KINDS 64

struct pt_flows {
	PT_VEC(struct pt_flow) flows;
	uint32_t *slots; /* index+1 into flows */
	uint64_t seed;   /* nobody sends many flows that meet in one slot */
	struct pt_flow_kind kinds[KINDS];
	size_t n_kinds;
	uint64_t packets, bytes, uncounted;
	PT_VEC(struct pt_flow) sorted;
};

struct pt_flows *pt_flows_new(void)
{
	struct pt_flows *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	(void)!getrandom(&f->seed, sizeof(f->seed), GRND_NONBLOCK);
	f->slots = calloc(SLOTS, sizeof(*f->slots));
	if (f->slots)
		return f;
	free(f);
	return NULL;
}

void pt_flows_free(struct pt_flows *f)
{
	if (!f)
		return;
	free(f->flows.v);
	free(f->sorted.v);
	free(f->slots);
	free(f);
}

static void add_kind(struct pt_flows *f, const char *kind, uint32_t bytes)
{
	size_t i = 0;

	/* Names are constants of a table that is shorter than this one, and of protocols; the rest counts with the
	 * last. */
	while (i < f->n_kinds && f->kinds[i].kind != kind && strcmp(f->kinds[i].kind, kind))
		i++;
	if (i == KINDS)
		i = KINDS - 1;
	if (i == f->n_kinds)
		f->kinds[f->n_kinds++].kind = i == KINDS - 1 ? "others" : kind;
	f->kinds[i].packets++;
	f->kinds[i].bytes += bytes;
}

/* Questions of ICMP, whose answers have the same number, and those. */
static bool asks(const struct pt_seen *s)
{
	static const uint8_t types[2][4] = { { 8, 0, 13, 14 }, { 128, 129, 128, 129 } };
	bool six = s->proto == IPPROTO_ICMPV6;

	if ((!six && s->proto != IPPROTO_ICMP) || !s->transport || s->n_transport < 6)
		return false;
	return memchr(types[six], s->transport[0], sizeof(types[six]));
}

/* The two ends, in an order that is the same for both directions; nothing in it is chance. */
struct key {
	struct {
		pt_u128 addr;
		uint64_t port;
		uint64_t none;
	} end[2];
	uint64_t seed, proto, af, id;
};

static bool is_greater(const struct key *k)
{
	return k->end[0].addr != k->end[1].addr ? k->end[0].addr > k->end[1].addr : k->end[0].port > k->end[1].port;
}

static void key_of(uint64_t seed, const struct pt_flow *x, struct key *k)
{
	*k = (struct key){ { { x->a.v, x->a_port, 0 }, { x->b.v, x->b_port, 0 } },
			   seed,
			   x->proto,
			   x->a.af,
			   x->asks ? 65536u | x->id : 0 };
	if (is_greater(k)) {
		k->end[0] = k->end[1];
		k->end[1].addr = x->a.v;
		k->end[1].port = x->a_port;
	}
}

static size_t slot_of(const struct key *k)
{
	uint64_t words[sizeof(*k) / sizeof(uint64_t)], h = k->seed;

	memcpy(words, k, sizeof(words));
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return (size_t)h & (SLOTS - 1);
}

static struct pt_flow flow_of(const struct pt_seen *s)
{
	struct pt_flow x = { .a = s->src, .b = s->dst, .a_port = s->sport, .b_port = s->dport, .proto = s->proto };

	x.asks = asks(s);
	x.id = x.asks ? be16(s->transport + 4) : 0;
	return x;
}

static struct pt_flow *find(struct pt_flows *f, const struct pt_seen *s, unsigned int *side, int *rc)
{
	struct pt_flow fresh = flow_of(s);
	struct key key, other;
	size_t i;

	key_of(f->seed, &fresh, &key);
	for (i = slot_of(&key); f->slots[i]; i = (i + 1) & (SLOTS - 1)) {
		struct pt_flow *x = &f->flows.v[f->slots[i] - 1];

		key_of(f->seed, x, &other);
		if (memcmp(&key, &other, sizeof(key)))
			continue;
		*side = x->a.v != s->src.v || x->a_port != s->sport;
		return x;
	}
	*side = 0;
	if (f->flows.n >= PT_FLOWS_MAX) {
		f->uncounted++;
		return NULL;
	}
	*rc = pt_vec_push(NULL, &f->flows, fresh);
	if (*rc)
		return NULL;
	f->slots[i] = (uint32_t)f->flows.n;
	return &f->flows.v[f->flows.n - 1];
}

struct pt_flow *pt_flows_add(struct pt_flows *f, const struct pt_capture_packet *p, const struct pt_seen *s, int *rc)
{
	struct pt_flow *x;
	unsigned int side = 0;

	*rc = 0;
	f->packets++;
	f->bytes += p->size;
	add_kind(f, pt_seen_kind(s), p->size);
	if (!s->src.af || !s->has_proto)
		return NULL;
	x = find(f, s, &side, rc);
	if (!x)
		return NULL;
	if (!x->packets[0] && !x->packets[1])
		x->first = p->time;
	x->last = p->time;
	x->packets[side]++;
	x->bytes[side] += p->size;
	return x;
}

static int by_bytes(const void *a, const void *b)
{
	const struct pt_flow *x = a, *y = b;
	uint64_t m = x->bytes[0] + x->bytes[1], n = y->bytes[0] + y->bytes[1];

	if (m != n)
		return m < n ? 1 : -1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int kind_by_bytes(const void *a, const void *b)
{
	const struct pt_flow_kind *x = a, *y = b;

	return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : strcmp(x->kind, y->kind);
}

const struct pt_flow *pt_flows_top(struct pt_flows *f, size_t *n)
{
	*n = 0;
	free(f->sorted.v);
	f->sorted.v = f->flows.n ? calloc(f->flows.n, sizeof(*f->sorted.v)) : NULL;
	if (!f->sorted.v)
		return NULL;
	memcpy(f->sorted.v, f->flows.v, f->flows.n * sizeof(*f->sorted.v));
	qsort(f->sorted.v, f->flows.n, sizeof(*f->sorted.v), by_bytes);
	*n = f->flows.n;
	return f->sorted.v;
}

const struct pt_flow_kind *pt_flows_kinds(struct pt_flows *f, size_t *n)
{
	qsort(f->kinds, f->n_kinds, sizeof(f->kinds[0]), kind_by_bytes);
	*n = f->n_kinds;
	return f->kinds;
}

uint64_t pt_flows_packets(const struct pt_flows *f)
{
	return f->packets;
}

uint64_t pt_flows_bytes(const struct pt_flows *f)
{
	return f->bytes;
}

uint64_t pt_flows_uncounted(const struct pt_flows *f)
{
	return f->uncounted;
}
