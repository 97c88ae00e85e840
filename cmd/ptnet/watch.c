/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet watch`: what is in force stays so while links come and go; a line for each thing that is done about it. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <patronus/watch.h>

#include "ptnet.h"

static void say_changed(const char *op, const char *kind, const char *name, void *arg)
{
	pt_cli_say(arg, "%s %s %s\n", op, kind, name);
	fflush(stdout); /* a journal wants it now */
}

static void say_rests(const char *kind, const char *name, unsigned int seconds, void *arg)
{
	pt_cli_say(arg, "somebody undoes it again and again, left alone for %u s: %s %s\n", seconds, kind, name);
	fflush(stdout);
}

static void say_failed(const struct pt_err *why, void *arg)
{
	pt_cli_report(arg, why);
}

int cmd_watch(struct pt_cli *c)
{
	const struct pt_network_watcher who = { say_changed, say_rests, say_failed, c };
	struct pt_nl *route;
	int fd, rc;

	fd = pt_cli_signals(c);
	if (fd < 0)
		return fd;
	rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);
	if (!rc) {
		pt_cli_say(c, "watching over the interfaces\n");
		fflush(stdout);
		rc = pt_network_watch(route, fd, &who, &c->err);
		pt_nl_close(route);
	}
	close(fd);
	return rc;
}
