/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * subsystem - what a part of the system tells about itself so that one apply runs them all: the firewall, the machine's
 * settings, later links and routes. They stand in one array, pt_subsystems, in the order in which they are put in force; when
 * one refuses, those before it go back to what was.
 *
 * A subsystem has no state of its own between calls but its plan. It may read pt_whole, and ask the kernel through the sockets
 * there; it writes files nowhere: what must outlive it is its snapshot, which the caller keeps, and, of
 * what `ptnet watch` watches over, a note under /run.
 */
#ifndef PATRONUS_SUBSYSTEM_H
#define PATRONUS_SUBSYSTEM_H

#include <patronus/history.h>
#include <patronus/plan.h>

#define PT_SUBSYSTEMS_MAX 16

/* One change of the whole system. */
struct pt_whole {
	struct pt_nl *nf, *route;   /* borrowed; in the network namespace that is meant */
	enum pt_engine engine;      /* of the firewall */
	const struct pt_texts *texts; /* the bytes, read once; borrowed. NULL: no configuration, see restore */
	bool again;                 /* they were in force before: what they name and is gone now must not stop them */
	struct pt_conf *conf;       /* of those bytes; belongs to the firewall's plan. NULL without TEXTS */
	void *plans[PT_SUBSYSTEMS_MAX];
};

/* All functions but NAME, PLAN, WRITES, WALK, APPLY and FREE may be NULL. Errors: a negative errno with records in E. */
struct pt_subsystem {
	const char *name;           /* one word: names its snapshot, and stands in messages */
	/* What the reading of the file does not find. Offline, without privilege. */
	int (*check)(const struct pt_conf *c, struct pt_err *e);
	/* What W's configuration changes in the kernel; *PLAN is the subsystem's own. Changes nothing. */
	int (*plan)(struct pt_whole *w, void **plan, struct pt_err *e);
	size_t (*writes)(const void *plan); /* 0: nothing differs */
	/* The changes, as people and programs read them: "add" "route" "10.0.0.0/8 via 192.0.2.1". */
	void (*walk)(const void *plan, pt_nft_op_cb cb, void *arg);
	/* All or nothing, and read back. It may plan anew when the kernel moved since. WRITES counts. */
	int (*apply)(struct pt_whole *w, void *plan, size_t *writes, struct pt_err *e);
	void (*free)(void *plan);
	/* What the kernel has that no file says: tables with learned elements, values that were there before us. Text or bytes,
	 * appended to OUT; they are read back by the same version. W's plans are those of the change that is to come. */
	int (*snapshot)(struct pt_whole *w, struct pt_buf *out, struct pt_err *e);
	/* After W's configuration, the one from before the snapshot, is in force again, or, with no W->conf, where nothing of ours
	 * was in force when the snapshot was made: brings back what is in it. */
	int (*restore)(struct pt_whole *w, const char *data, size_t len, struct pt_err *e);
	/* How the kernel differs from W's configuration, which is the last applied one: as WALK. NULL: the plan tells. */
	int (*drift)(struct pt_whole *w, pt_nft_op_cb cb, void *arg, struct pt_err *e);
};

PT_API extern const struct pt_subsystem *const pt_subsystems[]; /* ends with NULL */

/* Plans W's texts in every subsystem; on failure all plans are freed. The records name what is wrong in the file. */
PT_API int pt_whole_plan(struct pt_whole *w, struct pt_err *e) PT_MUST;
PT_API size_t pt_whole_writes(const struct pt_whole *w);
PT_API void pt_whole_walk(const struct pt_whole *w, pt_nft_op_cb cb, void *arg);
/* The firewall's plan, for what shows rules. NULL: not planned. */
PT_API struct pt_plan *pt_whole_firewall(const struct pt_whole *w);
/* Frees the plans. */
PT_API void pt_whole_fini(struct pt_whole *w);
/* Has the network's subsystem nothing to write, because PATH and all that it includes are what was put in force last, and the
 * kernel is what it was then? Far cheaper than the plan that finds the same. False: only the plan knows. */
PT_API bool pt_network_same(const char *path, struct pt_nl *route) PT_MUST;
/* Judges a text as an apply would, without the kernel: its language, its rules, this machine, every subsystem. Fits struct pt_edit; ARG
 * has no use. */
PT_API int pt_whole_judge(const char *name, const char *text, size_t len, struct pt_conf_more *more, void *arg, struct pt_err *e) PT_MUST;
/* Runs every check over a configuration. */
PT_API int pt_whole_check(const struct pt_conf *c, struct pt_err *e) PT_MUST;
/* The differences of the kernel from W's texts, subsystem by subsystem; N counts them. */
PT_API int pt_whole_drift(struct pt_whole *w, void (*cb)(const char *subsystem, const char *op, const char *kind,
			  const char *name, void *arg), void *arg, size_t *n, struct pt_err *e) PT_MUST;

#endif
