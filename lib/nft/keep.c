/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a change leaves as it is: an update of interface addresses must not touch what tables learned at run time,
 * nor a stop what programs loaded into anchors.
 */
#include <errno.h>

#include "nft/objects.h"

void pt_nft_prog_keep_tables(struct pt_nft_prog *p)
{
	for (size_t i = 0; i < p->objects.sets.n; i++) {
		struct nft_set *set = &p->objects.sets.v[i];

		if (set->role == NFT_SET_TABLE && !set->follows)
			set->keep = true;
	}
}

int pt_nft_prog_remember(struct pt_nft_prog *p, const char *digest)
{
	p->before = *digest ? pt_arena_strdup(p->arena, digest) : NULL;
	return *digest && !p->before ? -ENOMEM : 0;
}
