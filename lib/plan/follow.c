/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "(interface)" in a rule means its addresses of this moment. Rules on the interface itself ask the
 * kernel's routing table; the others use sets, which are brought up to date here.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "plan/internal.h"

#define SETTLE_MS 50 /* addresses come in bursts: one update for each */
#define RETRY_MS 250 /* an editor at work may have read the addresses before they changed */

/* One round: the applied file with the addresses of now, tables left alone. */
static int follow_update(struct pt_nl *nf, struct pt_nl *route, size_t *writes, struct pt_err *e)
{
	struct pt_plan p;
	int fd = -1, rc;

	*writes = 0;
	rc = plan_lock(&fd, e);
	if (rc)
		return rc;
	rc = pt_plan_applied(nf, &p, e);
	if (rc)
		goto out;
	p.wanted = pt_nft_engine(p.have) == PT_ENGINE_BPF ? PT_ENGINE_AUTO : pt_nft_engine(p.have);
	rc = pt_net_read(route, &p.host, e);
	if (!rc)
		rc = plan_build(&p, e);
	if (!rc) {
		pt_nft_prog_keep_tables(p.prog);
		rc = plan_observe(&p, nf, e);
	}
	if (!rc)
		rc = plan_commit(&p, nf, writes, e);
	pt_plan_fini(&p);
out:
	close(fd);
	return rc;
}

static int any_event(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* 1: addresses changed or TIMEOUT (-1: none) is over, 0: asked to stop. */
static int follow_wait(struct pt_nl *events, int fd_stop, int timeout, struct pt_err *e)
{
	struct pollfd fds[2] = { { .fd = pt_nl_fd(events), .events = POLLIN },
				 { .fd = fd_stop, .events = POLLIN } };
	int rc;

	do
		rc = poll(fds, 2, timeout);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return pt_err_sys(e, -errno, "waiting for address changes");
	if (fds[1].revents)
		return 0;
	if (!rc)
		return 1;
	rc = pt_nl_events(events, SETTLE_MS, any_event, NULL);
	/* Lost events do not matter: everything is read anew. */
	return rc && rc != -ENOBUFS ? pt_err_sys(e, rc, "reading address changes") : 1;
}

static int join_groups(struct pt_nl *events, struct pt_err *e)
{
	static const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(groups); i++)
		rc = pt_nl_join(events, groups[i], e);
	return rc;
}

static bool not_permitted(int rc)
{
	return rc == -EPERM || rc == -EACCES;
}

int pt_plan_follow(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_follower *who,
		   struct pt_err *e)
{
	struct pt_nl *events = NULL;
	bool told = false;
	size_t writes;
	int rc;

	rc = pt_nl_open(&events, NETLINK_ROUTE, e);
	if (!rc)
		rc = join_groups(events, e);
	while (!rc) {
		struct pt_err round = { 0 };

		/* An editor at work, or no rules yet, is no reason to end: the one is waited
		 * for, the other's apply reads the addresses itself. */
		rc = follow_update(nf, route, &writes, &round);
		if (rc && rc != -EWOULDBLOCK && !not_permitted(rc) && !told)
			who->failed(&round, who->arg);
		told = rc && rc != -EWOULDBLOCK;
		pt_err_fini(&round);
		if (not_permitted(rc)) {
			rc = pt_err_sys(e, rc, "updating the addresses of interfaces");
			break;
		}
		if (!rc && writes)
			who->updated(writes, who->arg);
		rc = follow_wait(events, fd_stop, rc == -EWOULDBLOCK ? RETRY_MS : -1, e);
		if (rc <= 0)
			break;
		rc = 0;
	}
	pt_nl_close(events);
	return rc;
}
