/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that write messages share. */
#ifndef NFT_ENCODE_H
#define NFT_ENCODE_H

#include "nft/kernel.h"

/* Room for a message with BYTES beyond its header and names. NULL: no memory. */
struct nlmsghdr *nft_message(struct pt_nl_batch *b, uint16_t type, uint16_t flags, size_t bytes);
void nft_put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t v);
void nft_put_be64(struct nlmsghdr *nlh, uint16_t type, uint64_t v);

#endif
