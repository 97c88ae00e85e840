/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks servers for addresses, from moment to moment: what was put in force says which interfaces do, and their links come and go.
 * It is a process of its own, beside the one that changes interfaces: what speaks to strangers cannot change anything.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "plan/dhcp_client.h"

#define SETTLE_MS 50

struct watch {
	struct pt_nl *route, *events;
	const struct pt_dhcp_watcher *who;
	struct dhcp_clients *clients;
	struct pt_conf *conf;  /* of the note; NULL: nothing is in force */
	struct network_note_seen note;
	int inotify;           /* of the folder that the note is in */
};

/* What was put in force meanwhile. */
static int read_note(struct watch *w, struct pt_err *e)
{
	struct pt_conf *conf;
	int rc;

	if (!network_note_changed(&w->note))
		return 0;
	rc = network_note_read(&conf, e);
	w->note.looked = !rc || rc == -ENOENT; /* else it is read again at the next look */
	if (!w->note.looked)
		return rc;
	pt_conf_free(w->conf);
	w->conf = conf;
	return 0;
}

static int look(struct watch *w, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_links links;
	int rc = a ? read_note(w, e) : pt_err_sys(e, -ENOMEM, "watching over clients");

	if (!rc)
		rc = pt_links_read(w->route, a, &links, e);
	if (!rc && dhcp_clients_set(w->clients, w->conf, &links))
		rc = pt_err_sys(e, -ENOMEM, "watching over clients");
	pt_arena_free(a);
	return rc;
}

static int ignore(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* They only tell that there is something to look at. */
static void take_events(struct watch *w)
{
	char events[4096];
	int rc;

	while (read(w->inotify, events, sizeof(events)) > 0)
		;
	do
		rc = pt_nl_event(w->events, SETTLE_MS, ignore, NULL);
	while (rc > 0 || rc == -ENOBUFS);
}

/* 1: there is something to look at, 0: asked to stop. */
static int wait_for(struct watch *w, int stop, struct pt_err *e)
{
	struct pollfd p[] = { { .fd = stop, .events = POLLIN }, { .fd = dhcp_clients_fd(w->clients), .events = POLLIN },
			      { .fd = w->inotify, .events = POLLIN }, { .fd = pt_nl_fd(w->events), .events = POLLIN } };

	for (;;) {
		if (poll(p, PT_ARRAY_SIZE(p), -1) < 0) {
			if (errno == EINTR)
				continue;
			return pt_err_sys(e, -errno, "watching over clients");
		}
		if (p[0].revents)
			return 0;
		if (p[1].revents)
			dhcp_clients_turn(w->clients);
		if (!p[2].revents && !p[3].revents)
			continue;
		take_events(w);
		return 1;
	}
}

static int begin(struct watch *w, const char *hook, struct pt_err *e)
{
	int rc = pt_nl_open(&w->events, NETLINK_ROUTE, e);

	if (!rc)
		rc = pt_nl_join(w->events, RTNLGRP_LINK, e);
	if (!rc)
		rc = pt_mkdirs(PT_RUN_DIR, e);
	w->inotify = rc ? -1 : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (!rc && (w->inotify < 0 || inotify_add_watch(w->inotify, PT_RUN_DIR, IN_MOVED_TO | IN_DELETE) < 0))
		rc = pt_err_sys(e, -errno, "watching " PT_RUN_DIR);
	return rc ? rc : dhcp_clients_open(&w->clients, hook, w->who, e);
}

int pt_dhcp_watch(struct pt_nl *route, const char *hook, int fd_stop, const struct pt_dhcp_watcher *who, struct pt_err *e)
{
	struct watch w = { .route = route, .who = who };
	int rc = begin(&w, hook, e);

	while (!rc) {
		struct pt_err why = { 0 };

		rc = look(&w, &why);
		if (rc)
			who->failed(&why, who->arg);
		pt_err_fini(&why);
		if (rc == -EPERM || rc == -EACCES || rc == -ENOMEM) {
			rc = pt_err_sys(e, rc, "watching over clients");
			break;
		}
		rc = wait_for(&w, fd_stop, e);
		if (rc <= 0)
			break;
		rc = 0;
	}
	dhcp_clients_close(w.clients);
	if (w.inotify >= 0)
		close(w.inotify);
	pt_nl_close(w.events);
	pt_conf_free(w.conf);
	return rc;
}
