/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules with equal conditions, found by hashing. Thousands of rules name few sets of ports and often the
 * same addresses: what is worked out for a set is done once for all of its rules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

/* ---- numbers by hash ---- */

static struct policy_seen_slot *slot_of(const struct policy_seen *s, uint64_t a, uint32_t b)
{
	size_t i = a & (s->cap - 1);

	while (s->slots[i].value != WALK_NONE && (s->slots[i].a != a || s->slots[i].b != b))
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

static int seen_grow(struct policy_seen *s)
{
	struct policy_seen more = { .n = s->n, .cap = s->cap ? s->cap * 2 : 64 };

	more.slots = malloc(more.cap * sizeof(*more.slots));
	if (!more.slots)
		return -ENOMEM;
	for (size_t i = 0; i < more.cap; i++)
		more.slots[i] = (struct policy_seen_slot){ .value = WALK_NONE };
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].value != WALK_NONE)
			*slot_of(&more, s->slots[i].a, s->slots[i].b) = s->slots[i];
	free(s->slots);
	*s = more;
	return 0;
}

int policy_seen_get(struct policy_seen *s, struct policy_hash h, uint32_t **value)
{
	struct policy_seen_slot *slot;
	int rc = s->n >= s->cap / 4 * 3 ? seen_grow(s) : 0;

	*value = NULL;
	if (rc)
		return rc;
	slot = slot_of(s, h.a, (uint32_t)h.b);
	if (slot->value == WALK_NONE) {
		slot->a = h.a;
		slot->b = (uint32_t)h.b;
		s->n++;
	}
	*value = &slot->value;
	return 0;
}

void policy_seen_fini(struct policy_seen *s)
{
	free(s->slots);
	*s = (struct policy_seen){ 0 };
}

struct policy_hash policy_words_hash(const uint64_t *words, size_t n)
{
	struct policy_hash h = { n, ~(uint64_t)n };

	for (size_t i = 0; i < n; i++)
		policy_hash_word(&h, words[i]);
	return h;
}

/* ---- groups ---- */

uint64_t policy_set_hash(uint64_t h, const struct pt_iset *s)
{
	h = policy_mix(h + s->n + 1);
	for (size_t i = 0; i < s->n; i++) {
		h = policy_mix(h ^ (uint64_t)s->v[i].lo ^ policy_mix((uint64_t)(s->v[i].lo >> 64)));
		h = policy_mix(h + (uint64_t)s->v[i].hi + policy_mix((uint64_t)(s->v[i].hi >> 64)));
	}
	return h;
}

/* While groups are made. */
struct making {
	const struct policy_class_build *b;
	const struct policy_trait *t;
	uint32_t *of;    /* group of each rule, or WALK_NONE */
	uint32_t *slots; /* group's first rule, or WALK_NONE */
	size_t mask;
};

static uint32_t group_of(struct making *m, uint32_t rule, uint32_t *n)
{
	const struct pt_pol_rule *r = m->b->rules[rule];
	size_t i = m->t->hash(r, m->t->how) & m->mask;

	for (; m->slots[i] != WALK_NONE; i = (i + 1) & m->mask)
		if (m->t->same(m->b->rules[m->slots[i]], r, m->t->how))
			return m->of[m->slots[i]];
	m->slots[i] = rule;
	return (*n)++;
}

/* Sorts the rules by group; START ends up one group ahead and is moved back. */
static void collect(const struct making *m, struct policy_groups *g)
{
	for (uint32_t i = 0; i < m->b->n; i++)
		if (m->of[i] != WALK_NONE)
			g->start[m->of[i] + 1]++;
	for (uint32_t i = 0; i < g->n; i++)
		g->start[i + 1] += g->start[i];
	for (uint32_t i = 0; i < m->b->n; i++)
		if (m->of[i] != WALK_NONE)
			g->rules[g->start[m->of[i]]++] = i;
	memmove(g->start + 1, g->start, g->n * sizeof(*g->start));
	g->start[0] = 0;
}

static int make(struct making *m, struct policy_groups *g)
{
	uint32_t used = 0;

	memset(m->slots, 0xff, (m->mask + 1) * sizeof(*m->slots));
	for (uint32_t i = 0; i < m->b->n; i++) {
		m->of[i] = WALK_NONE;
		if (!m->t->has(m->b->rules[i], m->t->how))
			continue;
		m->of[i] = group_of(m, i, &g->n);
		used++;
	}
	g->start = calloc((size_t)g->n + 2, sizeof(*g->start));
	g->rules = malloc((used + 1ul) * sizeof(*g->rules));
	if (!g->start || !g->rules)
		return -ENOMEM;
	collect(m, g);
	return 0;
}

int policy_groups_make(const struct policy_class_build *b, const struct policy_trait *t,
		       struct policy_groups *out)
{
	struct making m = { .b = b, .t = t, .mask = 15 };
	int rc = -ENOMEM;

	*out = (struct policy_groups){ 0 };
	while (m.mask < b->n * 3ul / 2)
		m.mask = m.mask * 2 + 1;
	m.of = malloc((b->n + 1ul) * sizeof(*m.of));
	m.slots = malloc((m.mask + 1) * sizeof(*m.slots));
	if (m.of && m.slots)
		rc = make(&m, out);
	free(m.of);
	free(m.slots);
	if (rc)
		policy_groups_fini(out);
	return rc;
}

void policy_groups_fini(struct policy_groups *g)
{
	free(g->start);
	free(g->rules);
	*g = (struct policy_groups){ 0 };
}
