/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables at run time: what is in the kernel, and a change of it. */
#ifndef NFT_TABLE_H
#define NFT_TABLE_H

#include "nft/kernel.h"

struct nft_table {
	const char *name;
	struct pt_nft_state *s;
	struct nft_set *set[2];     /* IPv4, IPv6; one may be missing */
	bool guessed;               /* not all elements that matter may have been read */
};

/* Finds the sets of a table, without their elements. The table is to be ended even then when it was not found. */
int nft_table_open(struct pt_nl *nf, const char *name, struct nft_table *t, struct pt_err *e) PT_MUST;
/* Their elements: all of them. */
int nft_table_read(struct pt_nl *nf, struct nft_table *t, struct pt_err *e) PT_MUST;
void nft_table_fini(struct nft_table *t);
/* Sets that rules write into have none: their elements are asked for all together. */
bool nft_table_has_ranges(const struct nft_table *t);
/* As callers see it: seconds. */
struct pt_nft_elem nft_elem_shown(const struct nft_elem *from, enum pt_af af);
/* Elements that have the set's own time-out come without it. */
void nft_default_timeout(const struct nft_set *set);

/* ---- table_probe.c: elements by their keys ---- */

#define NFT_PROBE_KEYS 1024 /* as many questions are no slower than the dump of a small set */

/* The element that holds KEY. -ENOENT: none. -EAGAIN: others came between the questions. */
int nft_probe(struct pt_nl *nf, struct pt_nft_state *s, struct nft_set *set, pt_u128 key,
	      struct nft_elem *el) PT_MUST;
/* Elements that RANGES touch, into set->pending. -E2BIG: too many questions. With GUESSED a range too wide for them is
 * taken to hold nothing between its ends, and *GUESSED becomes true: if it does, the kernel will refuse to add it. */
int nft_probe_ranges(struct pt_nl *nf, struct pt_nft_state *s, struct nft_set *set,
		     const struct pt_iset *ranges, bool *guessed) PT_MUST;

/* ---- table_plan.c ---- */

/* Elements to delete and to add, of one family; both in order. */
struct nft_change {
	struct nft_elems del, add;
};

void nft_change_fini(struct nft_change *c);
/* What has to be written so that HAVE loses DEL and then gains ADD. A cut element keeps its time-out in its
 * pieces; added ones get TIMEOUT milliseconds (0: the set's). NULL sets are empty. -ENOMEM. */
int nft_change_plan(struct nft_change *c, const struct nft_elems *have, const struct pt_iset *add,
		    const struct pt_iset *del, uint64_t timeout) PT_MUST;

#endif
