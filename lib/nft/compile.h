/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One way from a policy to a program, whether its rules are in force or stopped. */
#ifndef NFT_COMPILE_H
#define NFT_COMPILE_H

#include "nft/objects.h"

enum nft_compile_kind {
	NFT_COMPILE_RULES,
	NFT_COMPILE_CLOSED, /* built-in rules only */
	NFT_COMPILE_OPEN, /* everything passes */
};

int nft_compile(const struct pt_nft_source *from, enum nft_compile_kind kind, struct pt_nft_prog **out,
		struct pt_err *e);

#endif
