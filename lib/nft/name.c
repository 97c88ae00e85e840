/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of the sets that hold the tables of the file: run time finds them again by name alone. */
#include <stdio.h>
#include <string.h>

#include "nft/kernel.h"

void nft_table_set_name(char out[NFT_SETNAME_MAX], const char *table, enum pt_af af)
{
	snprintf(out, NFT_SETNAME_MAX, "t.%s.%c", table, af == PT_AF_INET6 ? '6' : '4');
}

bool nft_table_name_of(const char *set, const char **name, size_t *len, enum pt_af *af)
{
	size_t n = strlen(set);

	if (n < 5 || strncmp(set, "t.", 2) || set[n - 2] != '.' ||
	    (set[n - 1] != '4' && set[n - 1] != '6'))
		return false;
	*name = set + 2;
	*len = n - 4;
	*af = set[n - 1] == '4' ? PT_AF_INET : PT_AF_INET6;
	return true;
}
