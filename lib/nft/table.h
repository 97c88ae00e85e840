/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables at run time: what is in the kernel, and a change of it. */
#ifndef NFT_TABLE_H
#define NFT_TABLE_H

#include "nft/kernel.h"

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
