/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - a table while it is being read (table.c) and the judgement over its entries
 * (specific.c).
 */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include "conf/internal.h"

struct conf_negated {
	struct pt_ival range;
	struct pt_loc loc;
};

struct conf_family {
	struct pt_iset pos; /* as read, not yet normal */
	PT_VEC(struct conf_negated) neg;
};

struct conf_table_reader {
	struct pt_arena *arena;
	struct pt_err *e;
	const struct pt_conf *conf; /* the common file, or NULL */
	struct conf_family family[2]; /* IPv4, IPv6 */
};

/* Adds all entries of a text. */
int conf_table_text(struct conf_table_reader *r, const char *name, const char *text,
		    size_t len) PT_MUST;

/* What is in by its most specific entry, as a normal set. -EINVAL with a record
 * where the same addresses are written both ways. */
int conf_most_specific(struct conf_table_reader *r, const struct conf_family *f, enum pt_af af,
		       struct pt_iset *out) PT_MUST;

#endif
