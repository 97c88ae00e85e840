/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * watch - links come and go after an apply: what is in force of them is put in force again.
 *
 * A link that was absent is configured when it appears; what the kernel dropped with a link comes back with it. A link that somebody
 * took down stays down, and what others undo again and again is left alone for a while.
 */
#ifndef PATRONUS_WATCH_H
#define PATRONUS_WATCH_H

#include <patronus/nl.h>

/* How often a change may be undone within how long, and how long it rests then, in milliseconds. */
#define PT_WATCH_TIMES 3
#define PT_WATCH_WITHIN 2000
#define PT_WATCH_REST 10000

struct pt_network_watcher {
	/* "add" "route" "10.0.0.0/8 via 192.0.2.1": it was done */
	void (*changed)(const char *op, const char *kind, const char *name, void *arg);
	/* somebody undoes it again and again: it is left alone for SECONDS */
	void (*rests)(const char *kind, const char *name, unsigned int seconds, void *arg);
	void (*failed)(const struct pt_err *why, void *arg); /* told once until it is something else */
	void *arg;
};

/* Brings what was put in force last in this network namespace into force again, and again whenever links, addresses, routes or rules
 * of the kernel change; returns on error or when FD_STOP (>= 0) becomes readable. While nothing is in force it waits. ROUTE is borrowed. */
PT_API int pt_network_watch(struct pt_nl *route, int fd_stop, const struct pt_network_watcher *who, struct pt_err *e) PT_MUST;

#endif
