/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk of policy/walk.h in user space. The program in the kernel does the same without branches; here
 * they are what makes it fast.
 */
#include <patronus/classify.h>

#include "policy/walk.h"

static uint32_t number(const uint64_t *w, uint64_t pos, uint64_t i)
{
	return (uint32_t)(w[pos + i / 2] >> i % 2 * 32);
}

static uint32_t byte(const uint64_t *w, uint64_t pos, uint64_t i)
{
	return (uint8_t)(w[pos + i / 8] >> i % 8 * 8);
}

static uint64_t least(uint64_t x, uint64_t y)
{
	return x < y ? x : y;
}

static uint32_t find(const uint64_t *w, const struct walk_tree *t, uint64_t key)
{
	uint64_t place = 0;

	if (!t->depth)
		return (uint32_t)t->values;
	for (uint64_t level = 0; level < t->depth; level++) {
		const uint64_t *block = w + t->base[level] + place * WALK_BLOCK;
		uint64_t i = 0;

		for (uint64_t step = WALK_BLOCK / 2; step; step /= 2)
			i += block[i + step] <= key ? step : 0;
		place = least(place * WALK_BLOCK + i, t->count[level] - 1);
	}
	return number(w, t->values, place);
}

static uint32_t find_wide(const uint64_t *w, const struct walk_tree *t, uint64_t high, uint64_t low)
{
	uint64_t place = 0;

	if (!t->depth)
		return (uint32_t)t->values;
	for (uint64_t level = 0; level < t->depth; level++) {
		const uint64_t *block = w + t->base[level] + place * WALK_BLOCK;
		uint64_t i = 0;

		for (uint64_t step = WALK_BLOCK / 4; step; step /= 2) {
			const uint64_t *key = block + 2 * (i + step);

			if (key[0] < high || (key[0] == high && key[1] <= low))
				i += step;
		}
		place = least(place * (WALK_BLOCK / 2) + i, t->count[level] - 1);
	}
	return number(w, t->values, place);
}

static uint32_t side_row(const uint64_t *w, const struct walk_head *h, const struct walk_packet *p, int side)
{
	const struct walk_tree *t = &h->side[p->six][side].tree;

	return p->six ? find_wide(w, t, p->addr[side][0], p->addr[side][1]) : find(w, t, p->addr[side][1]);
}

static uint64_t ones(uint64_t x)
{
	return (uint64_t)__builtin_popcountll(x);
}

/* The non-empty words of 64 words of bits; SUMMARY tells which these are. */
struct run {
	uint64_t summary;
	const uint64_t *words;
};

static struct run run_of(const uint64_t *w, const struct walk_head *h, const uint64_t *row, uint64_t q)
{
	const uint64_t *two = row + 2 * q;

	if (h->n_summary > WALK_FEW_RUNS) {
		if (!(*row >> q & 1))
			return (struct run){ 0 };
		two = row + 1 + 2 * ones(*row & ((1ull << q) - 1));
	}
	return (struct run){ two[0], w + two[1] };
}

/* The word for the lowest bit of BIT. */
static uint64_t packed(struct run run, uint64_t bit)
{
	return run.summary & bit ? run.words[ones(run.summary & (bit - 1))] : 0;
}

/* A row of what rules ask for, and the one of rules that do not. */
struct side {
	const uint64_t *row, *any;
	struct run run; /* of ROW, now */
};

/* The first rule in run Q of all N of SIDE. */
static uint32_t first_in_run(const uint64_t *w, const struct walk_head *h, uint64_t q, struct side *side, int n)
{
	uint64_t m = ~0ull;

	for (int i = 0; i < n; i++) {
		side[i].run = run_of(w, h, side[i].row, q);
		m &= side[i].run.summary | side[i].any[1 + q];
	}
	for (; m; m &= m - 1) {
		uint64_t bit = m & -m, word = q * 64 + ones(bit - 1), x = ~0ull;

		for (int i = 0; i < n; i++)
			x &= packed(side[i].run, bit) | side[i].any[1 + h->n_summary + word];
		if (x)
			return (uint32_t)(word * 64 + (uint64_t)__builtin_ctzll(x));
	}
	return WALK_NONE;
}

/* The first rule in all N of SIDE. */
static uint32_t first_common(const uint64_t *w, const struct walk_head *h, struct side *side, int n)
{
	uint64_t runs = h->n_summary < 64 ? (1ull << h->n_summary) - 1 : ~0ull;
	uint32_t first = WALK_NONE;

	for (int i = 0; h->n_summary > WALK_FEW_RUNS && i < n; i++)
		runs &= side[i].row[0] | side[i].any[0];
	for (; runs && first == WALK_NONE; runs &= runs - 1)
		first = first_in_run(w, h, (uint64_t)__builtin_ctzll(runs), side, n);
	return first;
}

static uint32_t walk(const uint64_t *w, const struct walk_packet *p)
{
	const struct walk_head *h = (const void *)w;
	uint64_t device = find(w, &h->device, p->device), sport, dport, x, y = 0;
	struct side side[5];
	const uint64_t *rest;
	int n = 2;

	if (device == WALK_NONE)
		return WALK_NONE;
	for (int i = 0; i < 2; i++)
		side[i] = (struct side){ .row = w + side_row(w, h, p, i), .any = w + h->side[p->six][i].any };
	x = byte(w, h->t_proto, p->proto) * h->n_flags + byte(w, h->t_flags, p->flags);
	x = number(w, h->t_x, x * h->n_device + device);
	sport = find(w, &h->sport, p->sport);
	dport = find(w, &h->dport, p->dport);
	if (h->split)
		side[n++] = (struct side){ .row = w + sport, .any = w + h->any_sport };
	if (h->split > 1)
		side[n++] = (struct side){ .row = w + dport, .any = w + h->any_dport };
	else
		y = number(w, h->t_y, (h->split ? 0 : sport * h->n_dport) + dport);
	rest = w + number(w, h->t_row, y * h->n_x + x);
	side[n++] = (struct side){ .row = rest, .any = w + rest[-1] };
	return first_common(w, h, side, n);
}

/* ---- packets ---- */

static void put_ports(struct walk_packet *w, const struct pt_packet *k)
{
	w->sport = w->dport = WALK_NO_PORT;
	if (k->no_ports)
		return;
	switch (k->proto) {
	case PT_PROTO_TCP:
	case PT_PROTO_UDP:
	case PT_PROTO_SCTP:
		w->sport = k->sport;
		w->dport = k->dport;
		break;
	case PT_PROTO_ICMP:
	case PT_PROTO_ICMP6:
		w->dport = (uint32_t)k->icmp_type << 8 | k->icmp_code;
		break;
	}
}

uint32_t pt_classify(const struct pt_classifier *c, const struct pt_packet *pkt, uint32_t device)
{
	struct walk_packet w = {
		.device = device,
		.six = pkt->af == PT_AF_INET6,
		.proto = pkt->proto,
		.addr = { { (uint64_t)(pkt->src.v >> 64), (uint64_t)pkt->src.v },
			  { (uint64_t)(pkt->dst.v >> 64), (uint64_t)pkt->dst.v } },
		.flags = WALK_FLAGS_OTHER,
	};

	put_ports(&w, pkt);
	if (pkt->proto == PT_PROTO_TCP)
		w.flags = pkt->no_flags ? WALK_FLAGS_ABSENT : pkt->tcp_flags;
	return walk(c->words, &w);
}
