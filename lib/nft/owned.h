/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables beside ours that belong to a socket and end with it. */
#ifndef NFT_OWNED_H
#define NFT_OWNED_H

#include "nft/lower.h"

/* Begins a program for TABLE, in L, whose rules test what POLICY's sets hold. To be ended even after a failure. */
void nft_owned_begin(struct nft_lower *l, const struct pt_policy *policy, const struct pt_host *host, const char *table,
		     struct pt_err *e);
/* Gives the tables that POLICY asks what the kernel has of them. */
void nft_owned_tables(struct nft_lower *l, struct pt_nl *nf);
/* Writes it, in one transaction; 0 or a negative errno with a record. WHAT: for that. */
int nft_owned_send(struct nft_lower *l, struct pt_nl *owner, const char *what) PT_MUST;
void nft_owned_end(struct nft_lower *l);

#endif
