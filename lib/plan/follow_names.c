/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asking for names of hosts, in a process of its own. What the DNS sends comes from anywhere, and following the rules needs
 * privileges that nothing which reads it should have: here neither programs of the kernel nor rules are touched, and there no
 * socket of the Internet is. The answers are handed over in the file that keeps them.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "plan/internal.h"

#define WAIT_MAX 3600 /* seconds; a clock may be set meanwhile */

/* Milliseconds until DUE, -1: never. */
static int until(uint64_t due)
{
	uint64_t now = (uint64_t)time(NULL);

	if (due == UINT64_MAX)
		return -1;
	if (due <= now)
		return 1000;
	return due - now > WAIT_MAX ? WAIT_MAX * 1000 : (int)(due - now) * 1000;
}

/* 1: an apply, or TIMEOUT is over; 0: asked to stop. */
static int wait_for(int applies, int stop, int timeout, struct pt_err *e)
{
	struct pollfd fds[2] = { { .fd = stop, .events = POLLIN }, { .fd = applies, .events = POLLIN } };
	char buf[4096];
	int rc;

	do
		rc = poll(fds, 2, timeout);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return pt_err_sys(e, -errno, "waiting for applies");
	if (fds[0].revents)
		return 0;
	while (fds[1].revents && read(applies, buf, sizeof(buf)) > 0)
		;
	return 1;
}

int pt_plan_names_follow(struct pt_nl *nf, int fd_stop, const struct pt_follower *who, struct pt_err *e)
{
	int applies = plan_watch_applies(false), rc = 1;
	bool told = false;

	while (rc > 0) {
		struct pt_err round = { 0 };
		uint64_t due = UINT64_MAX;
		size_t n;

		rc = plan_follow_ask(nf, false, &n, &due, &round);
		if (rc && !told)
			who->failed(&round, who->arg);
		told = rc;
		pt_err_fini(&round);
		if (rc == -EPERM || rc == -EACCES) {
			rc = pt_err_sys(e, rc, "reading the names of hosts in the rules");
			break;
		}
		/* No rules yet: the apply that brings them is waited for, or looked for where it cannot be. */
		rc = wait_for(applies, fd_stop, applies < 0 && due == UINT64_MAX ? 60000 : until(due), e);
	}
	if (applies >= 0)
		close(applies);
	return rc;
}
