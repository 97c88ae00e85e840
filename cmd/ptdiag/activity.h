/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between looking at what the machine is busy with and showing it. */
#ifndef PTDIAG_ACTIVITY_H
#define PTDIAG_ACTIVITY_H

#include <patronus/activity.h>

#include "ptdiag.h"

#define ACTIVITY_EVENT "patronus.activity-event.v1"

struct activity_words {
	bool live;
	unsigned int sort; /* 0 by processor, 1 by memory */
	uint64_t rows, count;
	uint32_t interval;
};

struct activity_row {
	const struct pt_activity_process *p;
	uint64_t busy; /* thousandths of a processor */
};

struct activity {
	struct pt_cli *c;
	struct activity_words w;
	struct pt_nl *route;
	struct pt_activity before, now;
	PT_VEC(struct activity_row) rank;
	struct pt_out *o;
	int stop_fd;
};

/* activity_show.c: the processes in the order that is asked for; -ENOMEM or 0. */
int activity_rank(struct activity *t);
/* One record. */
void activity_show(struct activity *t);
/* Lines for people, each with its end; at most ROWS of them, 0: as many as there are. */
void activity_text(const struct activity *t, struct pt_buf *b, unsigned int rows);

#endif
