/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From intervals to classes: along all the places where some interval begins or ends, which groups of
 * rules hold? Places with the same groups are of one class, told by a hash that follows step by step; only a
 * new class is looked at in full. No step costs more than what changes there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

int policy_sweep_room(struct policy_sweep *s, size_t n_intervals)
{
	size_t n = 2 * n_intervals + 1;

	s->keys.v = malloc(n * sizeof(*s->keys.v));
	if (s->keep)
		s->events.v = malloc(n * sizeof(*s->events.v));
	else if (s->keys.v)
		s->events.v = s->keys.v + 1;
	return s->keys.v && s->events.v ? 0 : -ENOMEM;
}

static void add_event(struct policy_sweep *s, uint32_t group, pt_u128 at)
{
	s->events.v[s->events.n++] =
		(struct policy_mark){ .high = (uint64_t)(at >> 64), .low = (uint64_t)at, .number = group };
}

void policy_sweep_add(struct policy_sweep *s, uint32_t group, const struct pt_iset *set, pt_u128 max)
{
	for (size_t i = 0; i < set->n; i++) {
		add_event(s, group, set->v[i].lo);
		if (set->v[i].hi < max)
			add_event(s, group, set->v[i].hi + 1);
	}
}

/* ---- sorting: by bytes from the highest, in place (McIlroy, Bostic, McIlroy 1993) ---- */

static bool below(const struct policy_mark *x, const struct policy_mark *y)
{
	return x->high != y->high ? x->high < y->high : x->low < y->low;
}

static void insertion_sort(struct policy_mark *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct policy_mark x = v[i];
		size_t j = i;

		for (; j && below(&x, &v[j - 1]); j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static unsigned int byte_of(const struct policy_mark *m, unsigned int shift)
{
	return (uint8_t)(shift >= 64 ? m->high >> (shift - 64) : m->low >> shift);
}

/* Puts each where its byte belongs; END[] are the places behind each byte's own. */
static void distribute(struct policy_mark *v, unsigned int shift, size_t end[256])
{
	size_t next[256] = { 0 };

	for (unsigned int c = 1; c < 256; c++)
		next[c] = end[c - 1];
	for (unsigned int c = 0; c < 256; c++) {
		while (next[c] < end[c]) {
			struct policy_mark x = v[next[c]];
			unsigned int to = byte_of(&x, shift);

			v[next[c]] = v[next[to]];
			v[next[to]++] = x;
		}
	}
}

static void radix_sort(struct policy_mark *v, size_t n, unsigned int bits)
{
	size_t end[256] = { 0 };
	unsigned int shift = bits - 8;

	if (n < 32) {
		insertion_sort(v, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		end[byte_of(&v[i], shift)]++;
	for (unsigned int c = 1; c < 256; c++)
		end[c] += end[c - 1];
	distribute(v, shift, end);
	for (unsigned int c = 0; shift && c < 256; c++) {
		size_t from = c ? end[c - 1] : 0;

		if (end[c] - from > 1)
			radix_sort(v + from, end[c] - from, shift);
	}
}

/* ---- the sweep ---- */

/* No more keys than events are behind us, and the first: a key may take the place of an event. */
static int add_key(struct policy_sweep *s, struct policy_mark key, struct policy_hash h)
{
	uint32_t *value;
	int rc = policy_seen_get(&s->seen, h, &value);

	if (!rc && *value == WALK_NONE)
		rc = s->found(s, value);
	if (rc)
		return rc;
	if (s->keys.n && s->keys.v[s->keys.n - 1].number == *value)
		return 0;
	key.number = *value;
	s->keys.v[s->keys.n++] = key;
	return 0;
}

int policy_sweep_run(struct policy_sweep *s, unsigned int bits)
{
	struct policy_mark key = { 0 };
	struct policy_hash h = { 0 };
	size_t i = 0;
	int rc;

	radix_sort(s->events.v, s->events.n, bits);
	do {
		for (; i < s->events.n && !below(&key, &s->events.v[i]); i++) {
			policy_toggle(&h, s->events.v[i].number);
			if (s->turned)
				s->turned(s, s->events.v[i].number);
		}
		rc = add_key(s, key, h);
		if (i < s->events.n)
			key = s->events.v[i];
		else
			break;
	} while (!rc);
	return rc;
}

void policy_sweep_fini(struct policy_sweep *s)
{
	if (s->keep)
		free(s->events.v);
	free(s->keys.v);
	free(s->seen.slots);
	*s = (struct policy_sweep){ 0 };
}
