/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An update of interface addresses must not touch what tables learned at run time. */
#include "nft/objects.h"

void pt_nft_prog_keep_tables(struct pt_nft_prog *p)
{
	for (size_t i = 0; i < p->objects.sets.n; i++) {
		struct nft_set *set = &p->objects.sets.v[i];

		if (set->role == NFT_SET_TABLE && !set->follows)
			set->keep = true;
	}
}
