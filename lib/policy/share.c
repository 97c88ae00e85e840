/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules are made in scratch memory; what stays of them is stored without slack, and once where it is the same
 * as in a recent rule: thousands of rules name the same ports, networks and devices.
 */
#include <string.h>

#include "policy/classify.h"
#include "policy/internal.h"

/* pt_hash32() is stable over machines, which costs a step for each byte; here eight go at once. */
static uint64_t hash_of(const void *p, size_t n)
{
	const char *c = p;
	uint64_t h = n, word;

	for (size_t k; n; c += k, n -= k) {
		k = n < sizeof(word) ? n : sizeof(word);
		word = 0;
		memcpy(&word, c, k);
		h = policy_mix(h ^ word);
	}
	return h;
}

/* The N bytes at P in the policy's arena; NULL: out of memory. A place holds the newest of what hashes to it. */
void *policy_keep_bytes(struct policy_builder *b, const void *p, size_t n)
{
	struct policy_kept *kept = &b->kept[hash_of(p, n) % PT_ARRAY_SIZE(b->kept)];

	if (kept->n == n && !memcmp(kept->p, p, n))
		return kept->p;
	kept->n = 0;
	kept->p = pt_arena_alloc(b->arena, n);
	if (!kept->p)
		return NULL;
	memcpy(kept->p, p, n);
	kept->n = n;
	return kept->p;
}

int policy_keep_set(struct policy_builder *b, struct pt_iset *s)
{
	struct pt_iset kept = { .n = s->n, .cap = s->n & PT_ISET_MAX };

	if (s->n)
		kept.v = policy_keep_bytes(b, s->v, s->n * sizeof(*s->v));
	*s = kept;
	return kept.n && !kept.v ? -ENOMEM : 0;
}

int policy_keep(struct policy_builder *b, struct pt_pol_rule *r)
{
	struct pt_iset *sets[] = { &r->src.v4, &r->src.v6, &r->dst.v4, &r->dst.v6, &r->sport, &r->dport, &r->icmp };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(sets); i++)
		rc = policy_keep_set(b, sets[i]);
	r->devices.v = r->devices.n ? policy_keep_bytes(b, r->devices.v, r->devices.n * sizeof(*r->devices.v)) : NULL;
	r->protos.v = r->protos.n ? policy_keep_bytes(b, r->protos.v, r->protos.n) : NULL;
	if ((r->devices.n && !r->devices.v) || (r->protos.n && !r->protos.v))
		rc = -ENOMEM;
	return rc;
}
