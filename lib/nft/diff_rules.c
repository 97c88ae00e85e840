/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rules of a chain stay. Rules are the same when their digests are; those that also keep
 * their order (the longest increasing run) stay with handle and counters, the others are deleted,
 * and new ones are put in front of the next one that stays.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/change.h"

struct keyed {
	uint64_t digest;
	size_t i;
};

static int keyed_compare(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->digest != y->digest)
		return x->digest < y->digest ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

/* A rule holds on to the very set that it looks into: if that is replaced, so is the rule. The kernel's
 * rule of the same digest looks into the same sets, so it is enough to ask the wanted one. */
static bool is_replaced(const char *set, const void *arg)
{
	const struct nft_diff *d = arg;

	for (size_t i = 0; i < d->n_sets; i++)
		if (d->sets[i].replace && !strcmp(d->sets[i].have->name, set))
			return true;
	return false;
}

/* Rules with their digests, in order of those, into OUT; their number into *N. */
static int sort_rules(const struct nft_diff *d, const struct nft_chain *chain, bool wanted,
		      struct keyed *out, size_t *n)
{
	*n = 0;

	for (size_t i = 0; i < chain->rules.n; i++) {
		const struct nft_rule *r = &chain->rules.v[i];

		if (wanted && d->n_replace && nft_rule_uses_set(r->nlr, is_replaced, d))
			continue;
		out[*n].digest = r->digest || !wanted ? r->digest : nft_rule_digest(r->nlr);
		if (!out[*n].digest)
			return -ENOMEM;
		out[(*n)++].i = i;
	}
	qsort(out, *n, sizeof(*out), keyed_compare);
	return 0;
}

/* Pairs equal digests, the first with the first and so on. */
static void pair_equal(const struct keyed *want, size_t n_want, const struct keyed *have,
		       size_t n_have, size_t *partner)
{
	size_t w = 0, h = 0;

	while (w < n_want && h < n_have) {
		if (want[w].digest < have[h].digest)
			w++;
		else if (want[w].digest > have[h].digest)
			h++;
		else
			partner[want[w++].i] = have[h++].i;
	}
}

/* Leaves in PARTNER the longest run that increases, SIZE_MAX elsewhere. ENDS[k] is the wanted rule
 * at which the best run of length k+1 ends, BEFORE the one in front of each. */
static void keep_increasing(size_t *partner, size_t n, size_t *ends, size_t *before)
{
	size_t len = 0, keep;

	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = len;

		if (partner[i] == SIZE_MAX)
			continue;
		while (lo < hi) {
			size_t mid = (lo + hi) / 2;

			if (partner[ends[mid]] < partner[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo ? ends[lo - 1] : SIZE_MAX;
		ends[lo] = i;
		len = lo == len ? len + 1 : len;
	}
	keep = len ? ends[len - 1] : SIZE_MAX;
	for (size_t i = n; i-- > 0;) {
		if (i == keep)
			keep = before[i];
		else
			partner[i] = SIZE_MAX;
	}
}

int nft_diff_match(struct nft_diff *d, struct nft_chain_pair *pair)
{
	size_t n = pair->want ? pair->want->rules.n : 0, m = pair->have ? pair->have->rules.n : 0;
	struct keyed *want = NULL, *have = NULL;
	size_t *work = NULL, n_want, n_have;
	int rc = -ENOMEM;

	pair->kept_as = pt_arena_alloc(d->arena, (n + 1) * sizeof(*pair->kept_as));
	pair->kept = pt_arena_alloc(d->arena, m + 1);
	want = malloc((n + 1) * sizeof(*want));
	have = malloc((m + 1) * sizeof(*have));
	work = malloc((2 * n + 1) * sizeof(*work));
	if (!pair->kept_as || !pair->kept || !want || !have || !work)
		goto out;
	rc = 0;
	memset(pair->kept_as, 0xff, (n + 1) * sizeof(*pair->kept_as));
	if (!n || !m)
		goto out;
	rc = sort_rules(d, pair->want, true, want, &n_want);
	if (!rc)
		rc = sort_rules(d, pair->have, false, have, &n_have);
	if (rc)
		goto out;
	pair_equal(want, n_want, have, n_have, pair->kept_as);
	keep_increasing(pair->kept_as, n, work, work + n);
	for (size_t i = 0; i < n; i++)
		if (pair->kept_as[i] != SIZE_MAX)
			pair->kept[pair->kept_as[i]] = true;
out:
	free(want);
	free(have);
	free(work);
	return rc;
}

static int rule_op(struct nft_diff *d, const char *op, const struct nft_chain *chain,
		   const struct nft_rule *r, uint64_t *cookie)
{
	if (r->name)
		return nft_plan_op(d->plan, cookie, op, "rule", &r->loc, "%s/%s", chain->name,
				   r->name);
	return nft_plan_op(d->plan, cookie, op, "rule", &r->loc, "%s", chain->name);
}

/* Packets with old keys may come to this rule: of the groups, or of the translation. */
static bool is_leftover(const struct nft_diff *d, const struct nft_chain_pair *pair, const struct nft_rule *r)
{
	const char *chain = pair->have->name;

	if (!pair->want)
		return strncmp(chain, "out", 3) != 0 && !nft_diff_closes(d, pair);
	return !strcmp(chain, "dstnat") ||
	       (r->name && !strncmp(r->name, NFT_NAME_TURN, strlen(NFT_NAME_TURN)));
}

int nft_diff_delete_rules(struct nft_diff *d, const struct nft_chain_pair *pair)
{
	const struct nft_chain *have = pair->have;
	uint64_t cookie;
	int rc = 0;

	for (size_t i = 0; have && !rc && i < have->rules.n; i++) {
		if (pair->kept[i] || !nft_diff_takes(d, is_leftover(d, pair, &have->rules.v[i])))
			continue;
		rc = rule_op(d, "delete", have, &have->rules.v[i], &cookie);
		if (!rc)
			rc = nft_del_rule(d->plan->batch, cookie, have->name,
					  have->rules.v[i].handle);
	}
	return rc;
}

int nft_diff_add_rules(struct nft_diff *d, const struct nft_chain_pair *pair)
{
	const struct nft_chain *want = pair->want;
	size_t next = 0; /* the next rule that stays */
	uint64_t cookie, before;
	int rc = 0;

	for (size_t i = 0; want && !rc && i < want->rules.n; i++) {
		if (pair->kept_as[i] != SIZE_MAX)
			continue;
		for (next = next > i ? next : i; next < want->rules.n; next++)
			if (pair->kept_as[next] != SIZE_MAX)
				break;
		before = next < want->rules.n ?
				 pair->have->rules.v[pair->kept_as[next]].handle : 0;
		rc = rule_op(d, "add", want, &want->rules.v[i], &cookie);
		if (!rc)
			rc = nft_put_rule(d->plan->batch, cookie, want->name,
					  want->rules.v[i].nlr, before);
	}
	return rc;
}
