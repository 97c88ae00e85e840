/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drift.h - the base of a comparison (drift.c), and its watcher (drift_watch.c). */
#ifndef PLAN_DRIFT_H
#define PLAN_DRIFT_H

#include <patronus/drift.h>

#include "plan/internal.h"

struct drift_items {
	struct pt_arena *arena;
	PT_VEC(struct pt_drift_item) list;
};

struct drift_device {
	char name[16];
};

struct pt_drift {
	const char *state;
	struct pt_nl *nf, *route;
	struct pt_texts texts;
	struct plan_texts kept;       /* that the texts stand in */
	char digest[65];
	uint32_t revision;
	enum pt_engine engine;
	struct drift_items items;
	PT_VEC(struct drift_device) seen; /* of the file's, when they were there */
	int nomem;
};

/* Something else of ours is in force now: it is what is compared with from now on. *CHANGED tells. */
int drift_renew(struct pt_drift *d, bool *changed, struct pt_err *e) PT_MUST;

#endif
