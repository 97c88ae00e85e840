/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --netns NAME: everything a command asks the kernel, it asks in that network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <patronus/history.h>

#include "cli/internal.h"

/* NAME as `ip netns` knows it, or the path of a namespace. */
static int open_netns(struct pt_cli *c)
{
	char path[PATH_MAX];
	int fd;

	if (strchr(c->netns, '/'))
		snprintf(path, sizeof(path), "%s", c->netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", c->netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? pt_err_sys(&c->err, -errno, "opening the network namespace %s", c->netns) : fd;
}

int cli_netns_enter(struct pt_cli *c, int *home)
{
	int fd, rc = 0;

	*home = -1;
	if (!c->netns)
		return 0;
	fd = open_netns(c);
	if (fd < 0)
		return fd;
	*home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*home < 0)
		rc = pt_err_sys(&c->err, -errno, "opening the network namespace we are in");
	else if (setns(fd, CLONE_NEWNET))
		rc = pt_err_sys(&c->err, -errno, "entering the network namespace %s%s", c->netns, errno == EPERM ? ", which needs CAP_SYS_ADMIN" : "");
	if (rc && *home >= 0) {
		close(*home);
		*home = -1;
	}
	close(fd);
	return rc;
}

int cli_netns_leave(struct pt_cli *c, int home)
{
	int rc = 0;

	if (home < 0)
		return 0;
	/* A command that gave its privileges away cannot go back, and need not: only a batch has another one to run. */
	if (setns(home, CLONE_NEWNET) && (c->nested || errno != EPERM))
		rc = pt_err_sys(&c->err, -errno, "leaving the network namespace %s", c->netns);
	close(home);
	return rc;
}

/* Namespaces have configurations of their own. */
int pt_cli_state(struct pt_cli *c, char *out)
{
	int n;

	if (!c->state && c->netns && strchr(c->netns, '/'))
		return pt_cli_usage(c, "--netns with a path needs --state: which folder has its history?");
	if (c->state)
		n = snprintf(out, PATH_MAX, "%s", c->state);
	else if (c->netns)
		n = snprintf(out, PATH_MAX, PT_STATE_DIR "/netns/%s", c->netns);
	else
		n = snprintf(out, PATH_MAX, PT_STATE_DIR);
	if (n <= 0 || n >= PATH_MAX)
		return pt_cli_usage(c, "--state needs the path of a folder");
	return 0;
}
