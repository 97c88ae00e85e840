/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "(interface)" in a rule means its addresses of this moment. Rules on the interface itself ask the
 * kernel's routing table; the others use sets, which are brought up to date here. So are the sets of names of
 * hosts, when the answers' time is over. An apply is noticed by the copy of the file that it leaves.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <patronus/change.h>

#include "plan/internal.h"
#include "plan/network.h"

#define SETTLE_MS 50 /* addresses come in bursts: one update for each */
#define WAIT_MAX 3600 /* seconds; a clock may be set meanwhile */
#define KEPT_MS 5000 /* schedules must not wait for the one who asks for names */
#define RETRY_MS 250 /* an editor at work may have read the addresses before they changed */

/* What is waited for. */
struct follow {
	struct pt_nl *nf, *route, *events;
	int applies; /* tells of new copies of files; -1: nothing does */
	int stop;
	struct plan_notices *notices; /* NULL: somebody else has them */
	struct pt_keeper *keeper; /* NULL: none is wanted, or could be had */
	bool keeper_told; /* of what it could not do */
	const struct pt_follower *who;
	bool told; /* of notices that could not be dealt with */
	uint64_t due; /* the time of the next answer, 0: not known */
	struct plan_addrs translated; /* to, by rules that name interfaces, at the last look */
};

/* Asks for the names of the applied file, before anything is locked. DUE, where it is not NULL, is when to ask again. */
int plan_follow_ask(struct pt_nl *nf, bool all, size_t *n, uint64_t *due, struct pt_err *e)
{
	struct pt_plan p;
	int rc;

	*n = 0;
	rc = pt_plan_applied(nf, &p, e);
	if (rc)
		return rc;
	rc = plan_names_ask(p.policy, all, n, e);
	if (!rc && due)
		rc = plan_names_due(p.policy, due, e);
	pt_plan_fini(&p);
	return rc;
}

/* One round: the applied file with the addresses of now, tables left alone. TRANSLATED may be NULL. */
static int follow_update(struct pt_nl *nf, struct pt_nl *route, uint64_t *due, struct plan_addrs *translated,
			 size_t *writes, struct pt_err *e)
{
	struct pt_plan p;
	int fd = -1, rc;

	*writes = 0;
	*due = UINT64_MAX;
	rc = plan_lock(&fd, e);
	if (rc)
		return rc;
	rc = pt_plan_applied(nf, &p, e);
	if (rc)
		goto out;
	p.wanted = pt_nft_engine(p.have) == PT_ENGINE_BPF ? PT_ENGINE_AUTO : pt_nft_engine(p.have);
	rc = pt_net_read(route, &p.host, e);
	if (!rc)
		rc = plan_outside(&p, PLAN_ASK_KEPT, NULL, e);
	if (!rc)
		rc = plan_build(&p, e);
	if (!rc) {
		pt_nft_prog_keep_tables(p.prog);
		rc = plan_observe(&p, nf, e);
	}
	if (!rc)
		rc = plan_commit(&p, nf, writes, e);
	if (!rc && translated)
		rc = plan_vanished(translated, &p, nf, e);
	*due = p.due;
	pt_plan_fini(&p);
out:
	close(fd);
	return rc;
}

/* NF may be NULL. Without rules in force there is nothing to do; who holds the lock, does it himself. */
void plan_follow_once(struct pt_nl *nf, struct pt_nl *route, struct pt_err *e)
{
	struct pt_nl *own = NULL;
	struct pt_err why = { 0 };
	size_t writes;
	uint64_t due;
	int rc = nf ? 0 : pt_nl_open(&own, NETLINK_NETFILTER, &why);

	if (!rc)
		rc = follow_update(nf ? nf : own, route, &due, NULL, &writes, &why);
	pt_nl_close(own);
	if (rc && rc != -ENOENT && rc != -ETIMEDOUT)
		pt_err_add(e, PT_WARNING, NULL, "`ptfw follow` or the next apply does it; until then it is closed",
			   "the rules could not be told of the new interfaces: %s", why.list.n ? why.list.v[0].msg : strerror(-rc));
	pt_err_fini(&why);
}

static int any_event(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* Milliseconds until the next answer's time is over, -1: there is none. */
static int follow_timeout(const struct follow *f)
{
	uint64_t now = (uint64_t)time(NULL);

	if (f->due == UINT64_MAX)
		return -1;
	if (f->due <= now) /* who else asks for names tells when there is an answer */
		return f->who->names_kept ? KEPT_MS : 1000;
	return f->due - now > WAIT_MAX ? WAIT_MAX * 1000 : (int)(f->due - now) * 1000;
}

static void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Limits of connections are seen to at once, and change nothing of the rules. */
static void follow_notices(struct follow *f)
{
	struct pt_err why = { 0 };
	int rc;

	rc = plan_notices_take(f->notices, f->nf, f->who, &why);
	if (rc && !f->told)
		f->who->failed(&why, f->who->arg);
	f->told = rc;
	pt_err_fini(&why);
}

/* A change that waits without anybody who would undo it. */
static void follow_keep(struct follow *f)
{
	struct pt_err why = { 0 };
	uint32_t undone;
	int rc = pt_keeper_look(f->keeper, &undone, &why);

	if (undone)
		f->who->undone(undone, f->who->arg);
	if (rc && !f->keeper_told)
		f->who->failed(&why, f->who->arg);
	f->keeper_told = rc;
	pt_err_fini(&why);
}

/* 1: something changed or TIMEOUT (-1: none) is over, 0: asked to stop. */
static int follow_wait(struct follow *f, int timeout, struct pt_err *e)
{
	struct pollfd fds[5] = { { .fd = pt_nl_fd(f->events), .events = POLLIN },
				 { .fd = f->stop, .events = POLLIN },
				 { .fd = f->applies, .events = POLLIN },
				 { .fd = plan_notices_fd(f->notices), .events = POLLIN },
				 { .fd = pt_keeper_fd(f->keeper), .events = POLLIN } };
	int rc;

	do {
		rc = poll(fds, PT_ARRAY_SIZE(fds), timeout);
		if (rc > 0 && fds[4].revents)
			follow_keep(f);
		if (rc > 0 && fds[3].revents)
			follow_notices(f);
	} while ((rc < 0 && errno == EINTR) ||
		 (rc > 0 && !fds[0].revents && !fds[1].revents && !fds[2].revents));
	if (rc < 0)
		return pt_err_sys(e, -errno, "waiting for address changes");
	if (fds[1].revents)
		return 0;
	if (fds[2].revents)
		drain(f->applies);
	if (!fds[0].revents)
		return 1;
	rc = pt_nl_events(f->events, SETTLE_MS, any_event, NULL);
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

/* Without it, names of files applied later are asked for at the next change of addresses only. With ANSWERS it also tells when
 * somebody else has kept answers for names. */
int plan_watch_applies(bool answers)
{
	struct pt_err none = { 0 };
	int fd = -1;

	if (!plan_store_folder(&none))
		fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd >= 0 && (inotify_add_watch(fd, PLAN_STORE_DIR, IN_MOVED_TO) < 0 ||
			(answers && inotify_add_watch(fd, PT_RUN_DIR, IN_MOVED_TO) < 0))) {
		close(fd);
		fd = -1;
	}
	pt_err_fini(&none);
	return fd;
}

static int follow_round(struct follow *f, size_t *writes, struct pt_err *e)
{
	size_t n;

	if (!f->who->names_kept && f->due <= (uint64_t)time(NULL) && plan_follow_ask(f->nf, false, &n, NULL, e) == -ENOMEM)
		return -ENOMEM;
	return follow_update(f->nf, f->route, &f->due, &f->translated, writes, e);
}

/* Without them, the rest goes on. */
static void listen_notices(struct follow *f)
{
	struct pt_err why = { 0 };

	if (plan_notices_open(&f->notices, &why))
		f->who->failed(&why, f->who->arg);
	pt_err_fini(&why);
}

static void keep_windows(struct follow *f)
{
	struct pt_err why = { 0 };

	if (!f->who->state)
		return;
	if (pt_keeper_open(f->who->state, &f->keeper, &why))
		f->who->failed(&why, f->who->arg);
	else
		follow_keep(f);
	pt_err_fini(&why);
}

int pt_plan_follow(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_follower *who,
		   struct pt_err *e)
{
	struct follow f = { .nf = nf, .route = route, .stop = fd_stop, .applies = -1, .who = who };
	bool told = false;
	size_t writes;
	int rc;

	rc = pt_nl_open(&f.events, NETLINK_ROUTE, e);
	if (!rc)
		rc = join_groups(f.events, e);
	if (!rc)
		f.applies = plan_watch_applies(who->names_kept);
	if (!rc)
		listen_notices(&f);
	if (!rc)
		keep_windows(&f);
	while (!rc) {
		struct pt_err round = { 0 };

		/* An editor at work, or no rules yet, is no reason to end: the one is waited
		 * for, the other's apply reads the addresses itself. */
		rc = follow_round(&f, &writes, &round);
		if (rc && rc != -ETIMEDOUT && !not_permitted(rc) && !told)
			who->failed(&round, who->arg);
		told = rc && rc != -ETIMEDOUT;
		pt_err_fini(&round);
		if (not_permitted(rc)) {
			rc = pt_err_sys(e, rc, "updating the addresses of interfaces");
			break;
		}
		if (!rc && writes)
			who->updated(writes, who->arg);
		rc = follow_wait(&f, rc == -ETIMEDOUT ? RETRY_MS : follow_timeout(&f), e);
		if (rc <= 0)
			break;
		rc = 0;
	}
	if (f.applies >= 0)
		close(f.applies);
	free(f.translated.v);
	plan_notices_close(f.notices);
	pt_keeper_close(f.keeper);
	pt_nl_close(f.events);
	return rc;
}

/* ---- names, at once ---- */

int pt_plan_names_refresh(struct pt_nl *nf, struct pt_nl *route, size_t *names, size_t *writes, struct pt_err *e)
{
	uint64_t due;
	int rc;

	*writes = 0;
	rc = plan_follow_ask(nf, true, names, NULL, e);
	if (!rc && *names)
		rc = follow_update(nf, route, &due, NULL, writes, e);
	return rc;
}

int pt_plan_names(struct pt_nl *nf, struct pt_plan *p, struct pt_names **out, struct pt_err *e)
{
	int rc = pt_plan_applied(nf, p, e);

	*out = NULL;
	if (rc)
		return rc;
	rc = plan_names_load(out, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}
