/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A planned change: one batch, and for every message of it what it does, in words. */
#ifndef NFT_CHANGE_H
#define NFT_CHANGE_H

#include "nft/kernel.h"

struct nft_op {
	const char *op;    /* "add", "delete", "change" */
	const char *kind;  /* "rule", "chain", … */
	const char *name;
	struct pt_loc loc; /* line 0: no place */
};

struct pt_nft_plan {
	struct pt_arena *arena;
	struct pt_nl_batch *batch;
	PT_VEC(struct nft_op) ops; /* of the messages, in order; a cookie is index + 1 */
};

/* Both sides of a comparison. */
struct nft_chain_pair {
	const struct nft_chain *want, *have; /* one may be NULL */
	size_t *kept_as;  /* by wanted rule: index of the kernel's rule, SIZE_MAX: to be added */
	bool *kept;       /* by kernel's rule */
};

struct nft_set_pair {
	const struct nft_set *want, *have; /* one may be NULL */
	bool replace;                      /* both, but of different make */
};

/* How much of a difference goes into one transaction. */
enum nft_part {
	NFT_PART_SETS, /* those of the additions that have to be there before rules look into them */
	NFT_PART_UNDO, /* the opposite of that */
	NFT_PART_ALL,
	NFT_PART_FIRST, /* but for what packets under way with old keys need */
	NFT_PART_REST, /* only that */
	NFT_PART_NOTE, /* nothing differs: only what the big sets hold is noted anew */
};

struct nft_diff {
	enum nft_part part;
	bool two_parts; /* both sides know keys: there are such packets */
	bool sets_done; /* NFT_PART_SETS was committed */
	bool first_done; /* NFT_PART_FIRST was, and it wrote something */
	struct pt_nft_plan *plan;
	struct pt_arena *arena; /* the plan's */
	struct pt_err *e;
	const struct pt_nft_objects *want, *had;
	struct nft_chain_pair *chains;
	size_t n_chains;
	struct nft_set_pair *sets;
	size_t n_sets, n_replace;
	struct nft_elem *chunk; /* of one message */
	struct nftnl_rule *drop; /* borrowed; NULL: no keys are wanted */
};

/* ---- change.c ---- */

struct pt_nft_plan *nft_plan_new(uint32_t genid); /* NULL: no memory */
/* Notes what the next message does; its cookie goes to *COOKIE. */
int nft_plan_op(struct pt_nft_plan *p, uint64_t *cookie, const char *op, const char *kind,
		const struct pt_loc *loc, const char *fmt, ...) PT_PRINTF(6, 7) PT_MUST;

/* ---- diff.c ---- */

/* Whether this part writes changes that packets with old keys mind (LEFTOVER), or those they do not. */
bool nft_diff_takes(const struct nft_diff *d, bool leftover);
/* Old rules that look into sets which are made anew cannot stay for packets with old keys. Their chain drops
 * them: better a few packets too few than one too many. */
bool nft_diff_closes(const struct nft_diff *d, const struct nft_chain_pair *pair);

/* ---- diff_rules.c ---- */

/* Finds the rules that stay: fills the pair's arrays. */
int nft_diff_match(struct nft_diff *d, struct nft_chain_pair *pair) PT_MUST;
int nft_diff_delete_rules(struct nft_diff *d, const struct nft_chain_pair *pair) PT_MUST;
int nft_diff_add_rules(struct nft_diff *d, const struct nft_chain_pair *pair) PT_MUST;

/* ---- timeouts.c ---- */

/* Objects that only one side has: ADD those that are missing, or delete those that are too many. */
int nft_diff_timeouts(struct nft_diff *d, const struct pt_nft_objects *want, const struct pt_nft_objects *have,
		      bool add) PT_MUST;

/* ---- diff_sets.c ---- */

int nft_diff_delete_set(struct nft_diff *d, const struct nft_set *set) PT_MUST;
/* What single rules left behind that others took the places of. */
int nft_diff_delete_retired(struct nft_diff *d, const struct nft_set_pair *pair) PT_MUST;
/* A new set with its elements, or what differs in one that stays. */
int nft_diff_write_set(struct nft_diff *d, const struct nft_set_pair *pair) PT_MUST;

#endif
