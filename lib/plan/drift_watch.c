/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Differences as they come. The kernel's events only say when to look: what is told is what a comparison finds, so an apply of
 * ours, whoever ran it, is none, and a name that a program gave itself accuses nobody who did nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netconf.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <patronus/address.h>

#include "plan/drift.h"

#define SETTLE_MS 40      /* of what comes together */
#define AGAIN_MS 150      /* a difference must last so long */
#define AFTER_APPLY_MS 700 /* the steps of an apply behind the rules */
#define PAUSE_MS 200      /* between two looks, at least; and twice what one takes */
#define IDLE_MS 30000     /* what tells nobody is found then */
#define FAILED_MS 1000
#define OURS "patronus"   /* the names of our tables begin so */
#define PID_MOST 4194304

struct suspect {
	int pid;
	char process[17];
	uint64_t time;
};

struct shown {
	struct pt_drift_item item;
	struct suspect who;
	bool still;
};

struct watch {
	struct pt_drift *d;
	const struct pt_drift_watcher *who;
	struct pt_nl *nf, *route; /* of events */
	bool touched, dirty;      /* our table, within this transaction; something is to be looked at */
	struct suspect rules, links;
	PT_VEC(struct shown) shown; /* strings on the heap */
	bool told;
	uint64_t applied;         /* milliseconds: when something else came in force */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- events ---- */

/* Whoever is gone already has no name any more, and a socket's number need not be a process. */
static void name_process(struct suspect *s, uint32_t pid)
{
	char path[32];
	ssize_t n = 0;
	int fd;

	*s = (struct suspect){ .time = (uint64_t)time(NULL) };
	if (!pid || pid > PID_MOST)
		return;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	s->pid = (int)pid;
	if (fd < 0)
		return;
	n = read(fd, s->process, sizeof(s->process) - 1);
	close(fd);
	s->process[n > 0 ? strcspn(s->process, "\n") : 0] = '\0';
}

/* The end of a transaction says who made it. */
static int end_of_transaction(struct watch *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_GEN_MAX + 1];
	uint32_t pid = 0;

	if (!w->touched)
		return 0;
	w->touched = false;
	w->dirty = true;
	w->rules = (struct suspect){ .time = (uint64_t)time(NULL) };
	if (pt_nl_attrs(nlh, sizeof(struct nfgenmsg), v, PT_ARRAY_SIZE(v)))
		return 0;
	(void)!pt_nl_get_be32(v[NFTA_GEN_PROC_PID], &pid);
	(void)!pt_nl_get_str(v[NFTA_GEN_PROC_NAME], w->rules.process, sizeof(w->rules.process));
	w->rules.pid = (int)pid;
	return 0;
}

/* In every message of nftables the first attribute names the table. */
static int on_rules(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_TABLE_NAME + 1];
	struct watch *w = arg;
	char table[NFT_TABLE_MAXNAMELEN] = "";

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return 0;
	if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWGEN)
		return end_of_transaction(w, nlh);
	if (w->touched || pt_nl_attrs(nlh, sizeof(struct nfgenmsg), v, PT_ARRAY_SIZE(v)))
		return 0;
	(void)!pt_nl_get_str(v[NFTA_TABLE_NAME], table, sizeof(table));
	w->touched = !strncmp(table, OURS, strlen(OURS));
	return 0;
}

static bool is_all(const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NETCONFA_MAX + 1];
	int32_t index = 0;

	if (pt_nl_attrs(nlh, sizeof(struct netconfmsg), v, PT_ARRAY_SIZE(v)) ||
	    pt_nl_get(v[NETCONFA_IFINDEX], &index, sizeof(index)))
		return false;
	return index == NETCONFA_IFINDEX_ALL;
}

static bool is_our_route(const struct nlmsghdr *nlh)
{
	const struct rtmsg *r = (const struct rtmsg *)(nlh + 1);

	return nlh->nlmsg_len >= sizeof(*nlh) + sizeof(*r) && r->rtm_protocol == PT_NET_PROTOCOL;
}

static int on_links(const struct nlmsghdr *nlh, void *arg)
{
	struct watch *w = arg;
	bool ours = true;

	if (nlh->nlmsg_type == RTM_NEWNETCONF)
		ours = is_all(nlh);
	else if (nlh->nlmsg_type == RTM_NEWROUTE || nlh->nlmsg_type == RTM_DELROUTE)
		ours = is_our_route(nlh);
	if (!ours)
		return 0;
	w->dirty = true;
	name_process(&w->links, nlh->nlmsg_pid);
	return 0;
}

/* Lost events may have been anything; nobody is known to have done it. */
static int read_events(struct watch *w, struct pt_nl *nl, pt_nl_cb cb, struct pt_err *e)
{
	int rc = pt_nl_events(nl, 0, cb, w);

	if (rc == -ENOBUFS) {
		w->dirty = true;
		w->touched = false;
		w->rules = w->links = (struct suspect){ .time = (uint64_t)time(NULL) };
		return 0;
	}
	return rc && rc != -EINTR && rc != -EAGAIN ? pt_err_sys(e, rc, "reading the kernel's events") : 0;
}

static int read_all_events(struct watch *w, struct pt_err *e)
{
	int rc = read_events(w, w->nf, on_rules, e);

	return rc ? rc : read_events(w, w->route, on_links, e);
}

/* ---- what is told ---- */

static bool same_item(const struct pt_drift_item *a, const struct pt_drift_item *b)
{
	return a->change == b->change && !strcmp(a->kind, b->kind) && !strcmp(a->name, b->name) && !strcmp(a->subsystem, b->subsystem);
}

static void tell(const struct watch *w, const struct pt_drift_item *i, const struct suspect *s, bool restored)
{
	struct pt_drift_event v = { .time = s->time ? s->time : (uint64_t)time(NULL), .item = *i, .restored = restored, .pid = s->pid };

	memcpy(v.process, s->process, sizeof(v.process));
	w->who->event(&v, w->who->arg);
}

static void forget(struct shown *s)
{
	free((char *)s->item.kind);
	free((char *)s->item.name);
	free((char *)s->item.text);
}

static bool is_of_rules(const struct pt_drift_item *i)
{
	return !strcmp(i->subsystem, "firewall") && strncmp(i->kind, "classifier", 10) != 0;
}

static int show_new(struct watch *w, const struct pt_drift_item *i)
{
	static const struct suspect nobody;
	const struct suspect *s = is_of_rules(i) ? &w->rules : !strcmp(i->kind, "setting") ? &nobody : &w->links;
	struct shown new = { .item = *i, .who = *s, .still = true };

	new.item.kind = strdup(i->kind);
	new.item.name = strdup(i->name);
	new.item.text = strdup(i->text);
	if (!new.item.kind || !new.item.name || !new.item.text || pt_vec_push(NULL, &w->shown, new)) {
		forget(&new);
		return -ENOMEM;
	}
	tell(w, i, s, false);
	return 0;
}

/* Each difference is told when it comes and when it is gone. */
static int show_items(struct watch *w, const struct pt_drift_item *items, size_t n)
{
	static const struct suspect nobody;
	size_t kept = 0;
	int rc = 0;

	for (size_t k = 0; k < w->shown.n; k++)
		w->shown.v[k].still = false;
	for (size_t i = 0; !rc && i < n; i++) {
		bool known = false;

		for (size_t k = 0; !known && k < w->shown.n; k++) {
			known = same_item(&w->shown.v[k].item, &items[i]);
			w->shown.v[k].still = w->shown.v[k].still || known;
		}
		if (!known)
			rc = show_new(w, &items[i]);
	}
	for (size_t k = 0; k < w->shown.n; k++) {
		if (w->shown.v[k].still) {
			w->shown.v[kept++] = w->shown.v[k];
			continue;
		}
		tell(w, &w->shown.v[k].item, &nobody, true);
		forget(&w->shown.v[k]);
	}
	w->shown.n = kept;
	return rc;
}

/* ---- looking ---- */

static bool same_as_shown(const struct watch *w, const struct pt_drift_item *items, size_t n)
{
	if (n != w->shown.n)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool known = false;

		for (size_t k = 0; !known && k < n; k++)
			known = same_item(&w->shown.v[k].item, &items[i]);
		if (!known)
			return false;
	}
	return true;
}

/* Once more, with nobody of ours at work. */
static int look_again(struct watch *w, struct pt_err *e)
{
	const struct pt_drift_item *items = NULL;
	bool changed = false;
	size_t n = 0;
	int fd = -1, rc;

	usleep((now_ms() - w->applied < AFTER_APPLY_MS ? AFTER_APPLY_MS : AGAIN_MS) * 1000);
	rc = plan_lock(&fd, e);
	if (rc == -ETIMEDOUT) {
		w->dirty = true; /* later */
		return 0;
	}
	if (!rc)
		rc = drift_renew(w->d, &changed, e);
	if (!rc && changed)
		w->applied = now_ms();
	if (!rc)
		rc = pt_drift_compare(w->d, &items, &n, e);
	if (fd >= 0)
		pt_unlock(fd);
	if (!rc && changed && n)
		w->dirty = true; /* what follows the rules is still to come */
	else if (!rc)
		rc = show_items(w, items, n);
	return rc;
}

static int look(struct watch *w, struct pt_err *e)
{
	const struct pt_drift_item *items = NULL;
	bool changed;
	size_t n = 0;
	int rc;

	w->dirty = false;
	rc = drift_renew(w->d, &changed, e);
	if (!rc && changed)
		w->applied = now_ms();
	if (!rc)
		rc = pt_drift_compare(w->d, &items, &n, e);
	if (rc || same_as_shown(w, items, n))
		return rc;
	return look_again(w, e);
}

/* 1: go on, 0: asked to stop. */
static int wait_for(struct watch *w, int fd_stop, int timeout, struct pt_err *e)
{
	struct pollfd fds[3] = { { .fd = pt_nl_fd(w->nf), .events = POLLIN },
				 { .fd = pt_nl_fd(w->route), .events = POLLIN },
				 { .fd = fd_stop, .events = POLLIN } };
	int rc = poll(fds, 3, timeout);

	if (rc < 0)
		return errno == EINTR ? 1 : pt_err_sys(e, -errno, "waiting for the kernel's events");
	if (fds[2].revents)
		return 0;
	if (!rc && timeout == IDLE_MS)
		w->dirty = true;
	rc = read_all_events(w, e);
	return rc ? rc : 1;
}

/* Waits MS, reading events all the while, so that none is lost. 1: go on. */
static int pause_for(struct watch *w, int fd_stop, uint64_t ms, struct pt_err *e)
{
	uint64_t until = now_ms() + ms, now;
	int rc = 1;

	while (rc > 0 && (now = now_ms()) < until) {
		struct pollfd stop = { .fd = fd_stop, .events = POLLIN };
		uint64_t left = until - now;

		/* in slices, or a flood of events would be a flood of wake-ups */
		if (poll(&stop, 1, (int)(left < SETTLE_MS ? left : SETTLE_MS)) > 0)
			return 0;
		rc = read_all_events(w, e);
		rc = rc ? rc : 1;
	}
	return rc;
}

static int round_of(struct watch *w, int fd_stop, struct pt_err *e)
{
	struct pt_err why = { 0 };
	uint64_t begin, took;
	int rc = pause_for(w, fd_stop, SETTLE_MS, e);

	if (rc <= 0)
		return rc;
	begin = now_ms();
	rc = look(w, &why);
	took = now_ms() - begin;
	if (rc && !w->told)
		w->who->failed(&why, w->who->arg);
	w->told = rc;
	pt_err_fini(&why);
	if (rc == -ENOMEM || rc == -EPERM)
		return pt_err_sys(e, rc, "comparing with the kernel");
	if (rc)
		w->dirty = true;
	if (rc)
		took = FAILED_MS;
	return pause_for(w, fd_stop, 2 * took > PAUSE_MS ? 2 * took : PAUSE_MS, e);
}

static int join_all(struct watch *w, struct pt_err *e)
{
	static const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_TC, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					       RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_IPV4_NETCONF,
					       RTNLGRP_IPV6_NETCONF };
	int rc;

	rc = pt_nl_open(&w->nf, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_join(w->nf, NFNLGRP_NFTABLES, e);
	if (!rc)
		rc = pt_nl_open(&w->route, NETLINK_ROUTE, e);
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(groups); i++)
		rc = pt_nl_join(w->route, groups[i], e);
	return rc;
}

int pt_drift_watch(struct pt_drift *d, int fd_stop, const struct pt_drift_watcher *who, struct pt_err *e)
{
	struct watch w = { .d = d, .who = who, .dirty = true };
	int rc = join_all(&w, e);

	if (!rc)
		who->ready(who->arg);
	for (rc = rc ? rc : 1; rc > 0;)
		rc = w.dirty ? round_of(&w, fd_stop, e) : wait_for(&w, fd_stop, IDLE_MS, e);
	for (size_t i = 0; i < w.shown.n; i++)
		forget(&w.shown.v[i]);
	free(w.shown.v);
	pt_nl_close(w.nf);
	pt_nl_close(w.route);
	return rc;
}
