/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel counts, for `info`. */
#ifndef PTFW_INFO_H
#define PTFW_INFO_H

#include "ptfw.h"

struct info_table {
	const char *name;
	uint64_t n;
	bool more;  /* than are counted */
};

struct info_counts {
	struct pt_ct_stats stats;
	struct pt_ct_settings settings;
	struct pt_nft_traffic traffic;
	PT_VEC(struct info_table) tables;
};

/* Everything is of arena A. POLICY (NULL: none) tells what rules do with the packets that they count, HAVE what they
 * counted; NAMES are the tables in the kernel. 0 or a negative errno with a record. */
int info_counts_gather(struct info_counts *i, const struct sockets *s, struct pt_arena *a, const struct pt_policy *policy,
		       const struct pt_nft_state *have, const char *const *names, size_t n, struct pt_err *e);
void info_counts_text(struct pt_buf *t, const struct info_counts *i);
void info_counts_keys(struct pt_out *o, const struct info_counts *i);

#endif
