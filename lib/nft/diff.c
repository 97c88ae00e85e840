/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The difference between what a program wants and what the kernel has, as one transaction.
 *
 * What is the same stays untouched: the table, its chains, rules with their handles and counters,
 * elements of sets with their time-outs. A base chain is never replaced: between its end and
 * the beginning of the next one packets would pass unjudged. The order within the transaction
 * is that of references: rules leave before the sets they look into, chains and sets come before
 * the rules that use them, and what nothing uses any more goes last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nft/change.h"
#include "nft/keys.h"

bool nft_diff_takes(const struct nft_diff *d, bool leftover)
{
	if (!d->two_parts)
		return d->part != NFT_PART_REST;
	return d->part == NFT_PART_ALL || leftover == (d->part == NFT_PART_REST);
}

bool nft_diff_closes(const struct nft_diff *d, const struct nft_chain_pair *pair)
{
	/* of those that look into sets */
	static const char *const chains[] = { "in", "state.", "keep.", "conn.", "over.", "complete-" };

	for (size_t i = 0; d->two_parts && d->n_replace && !pair->want && i < PT_ARRAY_SIZE(chains); i++)
		if (!strncmp(pair->have->name, chains[i], strlen(chains[i])))
			return true;
	return false;
}

/* ---- pairs by name ---- */

static int by_chain_name(const void *a, const void *b)
{
	const struct nft_chain *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int by_set_name(const void *a, const void *b)
{
	const struct nft_set *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The kernel's objects in order of their names; those that find a partner become NULL-paired. */
static int pair_chains(struct nft_diff *d, const struct pt_nft_objects *want,
		       const struct pt_nft_objects *have)
{
	const struct nft_chain **names, *key, **found;
	bool *paired;

	names = pt_arena_alloc(d->arena, (have->chains.n + 1) * sizeof(*names));
	paired = pt_arena_alloc(d->arena, have->chains.n + 1);
	d->chains = pt_arena_alloc(d->arena, (want->chains.n + have->chains.n + 1) *
						     sizeof(*d->chains));
	if (!names || !paired || !d->chains)
		return -ENOMEM;
	for (size_t i = 0; i < have->chains.n; i++)
		names[i] = &have->chains.v[i];
	qsort(names, have->chains.n, sizeof(*names), by_chain_name);
	for (size_t i = 0; i < want->chains.n; i++) {
		key = &want->chains.v[i];
		found = bsearch(&key, names, have->chains.n, sizeof(*names), by_chain_name);
		d->chains[d->n_chains].want = key;
		d->chains[d->n_chains++].have = found ? *found : NULL;
		if (found)
			paired[found - names] = true;
	}
	for (size_t i = 0; i < have->chains.n; i++)
		if (!paired[i])
			d->chains[d->n_chains++].have = names[i];
	return 0;
}

static int pair_sets(struct nft_diff *d, const struct pt_nft_objects *want,
		     const struct pt_nft_objects *have)
{
	const struct nft_set **names, *key, **found;
	struct nft_set_pair *pair;
	bool *paired;

	names = pt_arena_alloc(d->arena, (have->sets.n + 1) * sizeof(*names));
	paired = pt_arena_alloc(d->arena, have->sets.n + 1);
	d->sets = pt_arena_alloc(d->arena, (want->sets.n + have->sets.n + 1) * sizeof(*d->sets));
	if (!names || !paired || !d->sets)
		return -ENOMEM;
	for (size_t i = 0; i < have->sets.n; i++)
		names[i] = &have->sets.v[i];
	qsort(names, have->sets.n, sizeof(*names), by_set_name);
	for (size_t i = 0; i < want->sets.n; i++) {
		key = &want->sets.v[i];
		found = bsearch(&key, names, have->sets.n, sizeof(*names), by_set_name);
		pair = &d->sets[d->n_sets++];
		pair->want = key;
		pair->have = found ? *found : NULL;
		pair->replace = found && !nft_set_same_make(key, *found);
		d->n_replace += pair->replace;
		if (found)
			paired[found - names] = true;
	}
	for (size_t i = 0; i < have->sets.n; i++)
		if (!paired[i])
			d->sets[d->n_sets++].have = names[i];
	return 0;
}

/* ---- chains ---- */

static int chain_check(struct nft_diff *d, const struct nft_chain_pair *pair)
{
	const struct nft_chain *want = pair->want, *have = pair->have;

	if (!want || !have || (!want->type && !have->type))
		return 0;
	if (want->type && have->type && !strcmp(want->type, have->type) &&
	    want->hook == have->hook && want->prio == have->prio)
		return 0;
	pt_err_add(d->e, PT_ERROR, NULL,
		   "another program or version made it; `nft delete table inet " PT_NFT_TABLE
		   "` lets everything pass until the next apply",
		   "comparing with the kernel: its chain %s is %s (hook %u, priority %d), wanted is %s"
		   " (hook %u, priority %d), and a chain cannot be moved while it judges packets",
		   have->name, have->type ? have->type : "no base chain", have->hook, have->prio,
		   want->type ? want->type : "no base chain", want->hook, want->prio);
	return -EEXIST;
}

static int write_chain(struct nft_diff *d, const struct nft_chain_pair *pair)
{
	uint64_t cookie;
	int rc;

	if (!pair->want ||
	    (pair->have && (!pair->want->type ||
			    pair->want->policy_drop == pair->have->policy_drop)))
		return 0;
	rc = nft_plan_op(d->plan, &cookie, pair->have ? "change" : "add", "chain", NULL, "%s",
			 pair->want->name);
	return rc ? rc : nft_put_chain(d->plan->batch, cookie, pair->want);
}

static int close_chain(struct nft_diff *d, const struct nft_chain_pair *pair)
{
	uint64_t cookie;
	int rc;

	if (!nft_diff_closes(d, pair))
		return 0;
	rc = nft_plan_op(d->plan, &cookie, "add", "rule", NULL, "%s/drop", pair->have->name);
	return rc ? rc : nft_put_rule(d->plan->batch, cookie, pair->have->name, d->drop, 0);
}

static int delete_chain(struct nft_diff *d, const char *name)
{
	uint64_t cookie;
	int rc;

	rc = nft_plan_op(d->plan, &cookie, "delete", "chain", NULL, "%s", name);
	return rc ? rc : nft_del_chain(d->plan->batch, cookie, name);
}

/* ---- the whole ---- */

static int write_table(struct nft_diff *d, const char *op)
{
	uint64_t cookie;
	int rc;

	rc = nft_plan_op(d->plan, &cookie, op, "table", NULL, "inet %s", PT_NFT_TABLE);
	return rc ? rc : nft_put_table(d->plan->batch, cookie);
}

/* Nothing was written so far, and nothing has to be noted. */
static bool is_applied(const struct nft_diff *d, const struct pt_nft_prog *want, const struct pt_nft_state *have)
{
	if (pt_nl_batch_count(d->plan->batch))
		return false;
	return d->part == NFT_PART_REST ||
	       (have->objects->applied_chain && !strcmp(want->digest ? want->digest : "", have->digest));
}

/* What the first part wrote stands for all that there was. Somebody may have taken only some of them away. */
static int delete_applied(struct nft_diff *d, const struct pt_nft_state *have)
{
	bool written = d->part == NFT_PART_REST && d->first_done;
	uint32_t n = written ? 0 : have->objects->n_patches;
	char name[NFT_SETNAME_MAX];
	int rc = 0;

	for (uint32_t i = written || have->objects->applied_chain ? 0 : 1; !rc && i <= n; i++) {
		nft_applied_name(i, name);
		rc = delete_chain(d, name);
	}
	return rc;
}

/* Digest, path and time. A change of the time alone is no change. */
static int write_applied(struct nft_diff *d, const struct pt_nft_prog *want,
			 const struct pt_nft_state *have, uint32_t genid)
{
	const char *digest = want->digest ? want->digest : "";
	struct nft_applied a = { .digest = digest, .path = want->path, .before = want->before,
				 .when = d->part == NFT_PART_NOTE ? have->applied : (uint64_t)time(NULL) };
	uint64_t cookie;
	int rc;

	if (d->part != NFT_PART_NOTE && is_applied(d, want, have))
		return 0;
	rc = delete_applied(d, have);
	if (rc)
		return rc;
	rc = nft_plan_op(d->plan, &cookie, "add", "chain", NULL, "%s", NFT_APPLIED_CHAIN);
	if (rc)
		return rc;
	/* Between the two parts the maps of keys hold more than what is wanted. */
	nft_note_make(&a.note, &want->objects, have, genid, !(d->two_parts && d->part == NFT_PART_FIRST));
	return nft_put_applied(d->plan->batch, cookie, &a);
}

static int write_removals(struct nft_diff *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n_chains; i++)
		rc = nft_diff_delete_rules(d, &d->chains[i]);
	for (size_t i = 0; !rc && i < d->n_sets; i++)
		if (d->sets[i].replace && nft_diff_takes(d, false))
			rc = nft_diff_delete_set(d, d->sets[i].have);
	return rc;
}

/* The kernel shows packets the ranges of a new set a little after the rules of the same transaction; for that
 * long, a rule would look into an empty set. (Single keys come together with the rules.) */
static bool comes_ahead(const struct nft_set_pair *pair)
{
	return pair->want && !pair->have && pair->want->interval;
}

static int write_ahead(struct nft_diff *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n_sets; i++)
		if (comes_ahead(&d->sets[i]))
			rc = d->part == NFT_PART_SETS ? nft_diff_write_set(d, &d->sets[i]) :
							nft_diff_delete_set(d, d->sets[i].want);
	return rc;
}

static int write_additions(struct nft_diff *d)
{
	bool others = nft_diff_takes(d, false);
	int rc = 0;

	if (others)
		rc = nft_diff_timeouts(d, d->want, d->had, true);
	for (size_t i = 0; others && !rc && i < d->n_chains; i++)
		rc = write_chain(d, &d->chains[i]);
	for (size_t i = 0; !rc && i < d->n_sets; i++)
		if (d->sets[i].want && !(d->sets_done && comes_ahead(&d->sets[i])))
			rc = nft_diff_write_set(d, &d->sets[i]);
	for (size_t i = 0; others && !rc && i < d->n_chains; i++)
		rc = nft_diff_add_rules(d, &d->chains[i]);
	for (size_t i = 0; others && !rc && i < d->n_chains; i++)
		rc = close_chain(d, &d->chains[i]);
	return rc;
}

/* Sets first: their elements may name chains. */
static int write_leftovers(struct nft_diff *d)
{
	int rc = 0;

	if (!nft_diff_takes(d, true))
		return 0;

	for (size_t i = 0; !rc && i < d->n_sets; i++)
		if (!d->sets[i].want)
			rc = nft_diff_delete_set(d, d->sets[i].have);
	for (size_t i = 0; !rc && i < d->n_chains; i++)
		if (!d->chains[i].want)
			rc = delete_chain(d, d->chains[i].have->name);
	return rc ? rc : nft_diff_timeouts(d, d->want, d->had, false);
}

/* Only beside something else: by themselves they do no harm. */
static int write_retired(struct nft_diff *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && nft_diff_takes(d, true) && i < d->n_sets; i++)
		rc = nft_diff_delete_retired(d, &d->sets[i]);
	return rc;
}

static int diff_prepare(struct nft_diff *d, const struct pt_nft_prog *want,
			const struct pt_nft_state *have)
{
	int rc;

	d->two_parts = d->part > NFT_PART_ALL && want->keys && nft_find_set(have->objects, NFT_MAP_ACT);
	d->want = &want->objects;
	d->had = have->objects;
	d->drop = want->keys ? want->keys->drop : NULL;
	d->chunk = pt_arena_alloc(d->arena, NFT_ELEMS_PER_MESSAGE * sizeof(*d->chunk));
	if (!d->chunk)
		return -ENOMEM;
	rc = pair_chains(d, &want->objects, have->objects);
	if (!rc)
		rc = pair_sets(d, &want->objects, have->objects);
	for (size_t i = 0; !rc && i < d->n_chains; i++)
		rc = chain_check(d, &d->chains[i]);
	for (size_t i = 0; !rc && i < d->n_chains; i++)
		rc = nft_diff_match(d, &d->chains[i]);
	return rc;
}

static int write_change(struct nft_diff *d, const struct pt_nft_prog *want, const struct pt_nft_state *have,
			uint32_t genid)
{
	int rc = 0;

	if (!have->present && nft_diff_takes(d, false))
		rc = write_table(d, "add");
	if (!rc)
		rc = write_removals(d);
	if (!rc)
		rc = write_additions(d);
	/* Behind the chains: the kernel takes no base chain after it. */
	if (!rc && have->dormant && nft_diff_takes(d, false))
		rc = write_table(d, "wake");
	if (!rc)
		rc = write_leftovers(d);
	if (!rc && (d->first_done || !is_applied(d, want, have)))
		rc = write_retired(d);
	return rc ? rc : write_applied(d, want, have, genid);
}

/* The number that the configuration has after that transaction. */
static uint32_t generation_after(uint32_t genid, const struct pt_nft_plan *p)
{
	return genid && p && pt_nft_plan_writes(p) ? nft_next_generation(genid) : genid;
}

/* SETS, FIRST: what was committed before, or NULL. */
static int diff(const struct pt_nft_prog *want, const struct pt_nft_state *have, enum nft_part part,
		const struct pt_nft_plan *sets, const struct pt_nft_plan *first, struct pt_nft_plan **out,
		struct pt_err *e)
{
	uint32_t genid = generation_after(generation_after(have->genid, sets), first);
	struct nft_diff d = { .plan = nft_plan_new(genid), .part = part, 
			      .sets_done = sets && pt_nft_plan_writes(sets),
			      .first_done = first && pt_nft_plan_writes(first), .e = e };
	int rc = -ENOMEM;

	*out = NULL;
	if (!d.plan)
		goto out;
	d.arena = d.plan->arena;
	rc = diff_prepare(&d, want, have);
	if (!rc && part == NFT_PART_NOTE)
		rc = have->objects->applied_chain && !have->objects->n_patches && nft_note_due(&want->objects, have) ? write_applied(&d, want, have, genid) : 0;
	else if (!rc && part >= NFT_PART_ALL)
		rc = write_change(&d, want, have, genid);
	else if (!rc && have->present)
		rc = write_ahead(&d);
out:
	if (rc) {
		pt_nft_plan_free(d.plan);
		return rc == -ENOMEM ? pt_err_sys(e, rc, "comparing with the kernel") : rc;
	}
	*out = d.plan;
	return 0;
}

int pt_nft_diff(const struct pt_nft_prog *want, const struct pt_nft_state *have,
		struct pt_nft_plan **out, struct pt_err *e)
{
	return diff(want, have, NFT_PART_ALL, NULL, NULL, out, e);
}

int pt_nft_diff_note(const struct pt_nft_prog *want, const struct pt_nft_state *have, struct pt_nft_plan **out,
		     struct pt_err *e)
{
	return diff(want, have, NFT_PART_NOTE, NULL, NULL, out, e);
}

int pt_nft_diff_sets(const struct pt_nft_prog *want, const struct pt_nft_state *have, struct pt_nft_plan **out,
		     struct pt_err *e)
{
	return diff(want, have, NFT_PART_SETS, NULL, NULL, out, e);
}

int pt_nft_diff_undo(const struct pt_nft_prog *want, const struct pt_nft_state *have,
		     const struct pt_nft_plan *sets, struct pt_nft_plan **out, struct pt_err *e)
{
	return diff(want, have, NFT_PART_UNDO, sets, NULL, out, e);
}

int pt_nft_diff_after(const struct pt_nft_prog *want, const struct pt_nft_state *have,
		      const struct pt_nft_plan *sets, struct pt_nft_plan **out, struct pt_err *e)
{
	return diff(want, have, NFT_PART_ALL, sets, NULL, out, e);
}

int pt_nft_diff_first(const struct pt_nft_prog *want, const struct pt_nft_state *have,
		      const struct pt_nft_plan *sets, struct pt_nft_plan **out, struct pt_err *e)
{
	return diff(want, have, NFT_PART_FIRST, sets, NULL, out, e);
}

int pt_nft_diff_rest(const struct pt_nft_prog *want, const struct pt_nft_state *have,
		     const struct pt_nft_plan *sets, const struct pt_nft_plan *first, struct pt_nft_plan **out,
		     struct pt_err *e)
{
	return diff(want, have, NFT_PART_REST, sets, first, out, e);
}
