/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/capture_flows - packets counted by what they are and by whom they are between; bounded, whatever comes. */
#include <errno.h>
#include <stdlib.h>

#include "diag/capture.h"

#define SLOTS (PT_FLOWS_MAX * 2) /* a power of two */
#define KINDS 64

struct pt_flows {
	PT_VEC(struct pt_flow) flows;
	uint32_t *slots; /* index+1 into flows */
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

static bool ends_are(const struct pt_flow *f, struct pt_addr a, uint16_t port_a, struct pt_addr b, uint16_t port_b)
{
	return f->a.v == a.v && f->b.v == b.v && f->a_port == port_a && f->b_port == port_b && f->a.af == a.af;
}

/* The same for both directions. */
static uint64_t hash_of(const struct pt_seen *s)
{
	struct {
		pt_u128 sum, mix;
		uint32_t ports, proto;
		uint64_t none;
	} key = { s->src.v + s->dst.v, s->src.v ^ s->dst.v, (uint32_t)s->sport + s->dport, s->proto, 0 };

	return pt_hash64(&key, sizeof(key));
}

static struct pt_flow *find(struct pt_flows *f, const struct pt_seen *s, unsigned int *side, int *rc)
{
	struct pt_flow fresh = { .a = s->src, .b = s->dst, .a_port = s->sport, .b_port = s->dport, .proto = s->proto };
	size_t i = (size_t)hash_of(s) & (SLOTS - 1);

	for (; f->slots[i]; i = (i + 1) & (SLOTS - 1)) {
		struct pt_flow *x = &f->flows.v[f->slots[i] - 1];

		if (x->proto != s->proto)
			continue;
		*side = ends_are(x, s->dst, s->dport, s->src, s->sport);
		if (*side || ends_are(x, s->src, s->sport, s->dst, s->dport)) {
			*side = *side && !ends_are(x, s->src, s->sport, s->dst, s->dport);
			return x;
		}
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
