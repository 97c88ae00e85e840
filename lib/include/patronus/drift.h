/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drift - what somebody else did to what we put in force: the kernel beside the last applied configuration, at once or for as
 * long as it takes. Every subsystem is asked, see patronus/subsystem.h. Nothing is changed.
 */
#ifndef PATRONUS_DRIFT_H
#define PATRONUS_DRIFT_H

#include <patronus/subsystem.h>

enum pt_drift_change { PT_DRIFT_MISSING, PT_DRIFT_FOREIGN, PT_DRIFT_CHANGED };
PT_API const char *pt_drift_change_name(enum pt_drift_change c);

struct pt_drift_item {
	const char *subsystem;        /* "firewall" */
	enum pt_drift_change change;
	const char *kind, *name;      /* "rule", "in/web" */
	const char *text;             /* of it all, for people */
};

/* The last applied configuration, and how it is compared. Sockets are borrowed. */
struct pt_drift;
/* What the kernel's table names; where the table is gone or stopped, what STATE says was applied last, see patronus/history.h.
 * -ENOENT with a record: neither tells. */
PT_API int pt_drift_open(const char *state, struct pt_nl *nf, struct pt_nl *route, struct pt_drift **out, struct pt_err *e) PT_MUST;
PT_API void pt_drift_close(struct pt_drift *d);
PT_API const char *pt_drift_file(const struct pt_drift *d);     /* path that it was applied from */
PT_API const char *pt_drift_digest(const struct pt_drift *d);   /* of what is in force, "": not known */
PT_API uint32_t pt_drift_revision(const struct pt_drift *d);    /* 0: the table itself told */

/* The differences, until the next call. */
PT_API int pt_drift_compare(struct pt_drift *d, const struct pt_drift_item **items, size_t *n, struct pt_err *e) PT_MUST;

/* Who did it, as far as the kernel tells; PROCESS "" and PID 0: it does not. */
struct pt_drift_event {
	uint64_t time;                /* seconds since the epoch, of the kernel's word for it */
	struct pt_drift_item item;
	bool restored;                /* it is as it should be again */
	int pid;
	char process[17];
};

struct pt_drift_watcher {
	void (*ready)(void *arg);     /* from now on nothing is missed */
	void (*event)(const struct pt_drift_event *v, void *arg);
	void (*failed)(const struct pt_err *why, void *arg); /* a comparison; told once until one works again */
	void *arg;
};
/* Follows the kernel's events and tells differences that last: an apply of ours under way is waited for. However many events
 * come, at most a third of one processor is used. Returns on error or when FD_STOP (>= 0) becomes readable. */
PT_API int pt_drift_watch(struct pt_drift *d, int fd_stop, const struct pt_drift_watcher *who, struct pt_err *e) PT_MUST;

#endif
