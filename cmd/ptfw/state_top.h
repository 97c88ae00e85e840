/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the looks at the states and their picture on a terminal. */
#ifndef PTFW_STATE_TOP_H
#define PTFW_STATE_TOP_H

#include "state.h"

struct top {
	struct states st;
	struct state_view view;      /* names of rules, and now */
	struct pt_ct_rates *rates;
	struct pt_ct_rank rank;
	struct pt_ct_turn turn;
	uint64_t limit;
	uint64_t matching, uncounted, timed;
	int64_t rows, count;         /* count 0: for ever */
	bool count_given;
	uint32_t interval;           /* seconds */
};

/* state_top.c: reads the states once more, the first MAX of them in T's order. */
int top_look(struct top *t, size_t max);
const char *top_order_name(enum pt_ct_order o);

/* state_picture.c: the lines of a screen so wide. ROW 0 and 1 are about all of them, 2 has the names of the columns. */
#define TOP_HEAD 3
void top_head(const struct top *t, unsigned int row, unsigned int columns, struct pt_buf *b);
void top_row(const struct top *t, const struct pt_ct_row *row, unsigned int columns, struct pt_buf *b);
/* At most 5 characters: 99999, 1.2M, 345G. */
void top_amount(uint64_t n, char out[8]);
/* At most 4: 99s, 99m, 99h, 999d. */
void top_time(uint64_t seconds, char out[8]);

#endif
