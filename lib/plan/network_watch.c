/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watching over the interfaces. The kernel's events only say when to look: what is done is what a comparison of the kernel with the
 * noted configuration finds, so an event that is lost, or was about our own work, costs a look and nothing else. Nothing is
 * undone when one change is refused: the others are wanted all the same.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include <patronus/watch.h>

#include "plan/lease.h"
#include "plan/network.h"

#define SETTLE_MS 50   /* events come in bursts */
#define SETTLE_MOST 500 /* and some never end */
#define RETRY_MS 250   /* an apply is at work */
#define CONTESTED 256  /* changes that are remembered */

/* A change that was done, and when. */
struct contested {
	uint64_t what;          /* hash of kind and name, 0: free */
	uint64_t times[PT_WATCH_TIMES]; /* milliseconds, the newest first */
	uint64_t until;         /* it rests, 0: it does not */
};

struct watch {
	struct pt_nl *route, *events;
	const struct pt_network_watcher *who;
	struct pt_conf *conf;   /* of the note; NULL: nothing is in force */
	struct network_note_seen note;
	PT_VEC(uint64_t) known; /* hashes of the links that were there at the last look */
	struct contested contested[CONTESTED];
	uint64_t wake;          /* when something has rested, 0: never */
	uint64_t told;          /* hash of the last failure, 0: none */
	uint64_t told_foreign;  /* the same of links of others that have our names */
	bool dirty;             /* the events tell of something that may be ours */
	int leases;             /* tells when they come or go */
	bool leased;            /* they did: nobody undoes what follows */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what is left alone ---- */

/* One that got another name is another one: its options are. */
static uint64_t hash_of_link(const struct pt_link *l)
{
	return (uint64_t)pt_hash32(l->name, strlen(l->name)) << 32 | l->index;
}

/* A link that is new, and down, has not been taken down by anybody. */
static bool is_down(const struct pt_link *have, void *arg)
{
	const struct watch *w = arg;

	for (size_t i = 0; i < w->known.n; i++)
		if (w->known.v[i] == hash_of_link(have))
			return true;
	return false;
}

static uint64_t hash_of(const char *kind, const char *name)
{
	uint64_t h = (uint64_t)pt_hash32(name, strlen(name)) << 32 | pt_hash32(kind, strlen(kind));

	return h ? h : 1;
}

/* Its place, or that of the one that was done longest ago. */
static struct contested *place_of(struct watch *w, uint64_t what)
{
	struct contested *oldest = &w->contested[0];

	for (size_t i = 0; i < CONTESTED; i++) {
		struct contested *c = &w->contested[i];

		if (c->what == what)
			return c;
		if (c->times[0] < oldest->times[0])
			oldest = c;
	}
	*oldest = (struct contested){ .what = what };
	return oldest;
}

static bool rests(const char *kind, const char *name, void *arg)
{
	struct watch *w = arg;
	uint64_t what = hash_of(kind, name), now = now_ms();

	for (size_t i = 0; i < CONTESTED; i++)
		if (w->contested[i].what == what && w->contested[i].until > now) {
			if (!w->wake || w->contested[i].until < w->wake)
				w->wake = w->contested[i].until;
			return true;
		}
	return false;
}

static void count(struct watch *w, const char *kind, const char *name)
{
	struct contested *c = place_of(w, hash_of(kind, name));
	uint64_t now = now_ms();

	memmove(&c->times[1], &c->times[0], sizeof(c->times) - sizeof(c->times[0]));
	c->times[0] = now;
	if (!c->times[PT_WATCH_TIMES - 1] || now - c->times[PT_WATCH_TIMES - 1] > PT_WATCH_WITHIN)
		return;
	c->until = now + PT_WATCH_REST;
	memset(c->times, 0, sizeof(c->times));
	c->times[0] = now;
	w->who->rests(kind, name, PT_WATCH_REST / 1000, w->who->arg);
}

/* ---- one look ---- */

typedef PT_VEC(uint64_t) hashes;

static int by_value(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static int hash_all(const struct difference *d, struct pt_arena *a, hashes *out)
{
	struct pt_buf b = { 0 };
	int rc = 0;

	for (size_t kind = 0; kind < CHANGE_KINDS; kind++)
		for (size_t i = 0; !rc && i < network_changes_of(d, kind); i++) {
			(void)network_describe(d, NETWORK_COOKIE(kind, i), &b);
			rc = b.err ? b.err : pt_vec_push(a, out, hash_of(network_kinds[kind], b.s));
		}
	pt_buf_fini(&b);
	if (!rc && out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_value);
	return rc;
}

/* What FIRST had and LEFT has not is done. */
static int tell_done(struct watch *w, const struct difference *first, const struct difference *last)
{
	struct pt_buf b = { 0 };
	hashes left = { 0 };
	int rc = hash_all(last, first->arena, &left);

	for (size_t kind = 0; !rc && kind < CHANGE_KINDS; kind++)
		for (size_t i = 0; !rc && i < network_changes_of(first, kind); i++) {
			const struct network_described x = network_describe(first, NETWORK_COOKIE(kind, i), &b);
			uint64_t what;

			rc = b.err;
			if (rc)
				break;
			what = hash_of(network_kinds[kind], b.s);
			if (left.n && bsearch(&what, left.v, left.n, sizeof(what), by_value))
				continue;
			w->who->changed(x.op, network_kinds[kind], b.s, w->who->arg);
			if (!w->leased)
				count(w, network_kinds[kind], b.s);
		}
	pt_buf_fini(&b);
	return rc;
}

static void tell_once(struct watch *w, uint64_t *told, const struct pt_err *why)
{
	uint64_t what = why->list.n ? hash_of("", why->list.v[0].msg) : 1;

	if (what != *told && why->list.n)
		w->who->failed(why, w->who->arg);
	*told = what;
}

static void tell_failed(struct watch *w, const struct pt_err *why)
{
	tell_once(w, &w->told, why);
}

static void tell_foreign(struct watch *w, const struct network *want, const struct pt_links *have)
{
	struct pt_err why = { 0 };

	(void)network_check_owners(&want->links, have, &why);
	tell_once(w, &w->told_foreign, &why);
	pt_err_fini(&why);
}

static int remember_links(struct watch *w, const struct pt_links *links)
{
	int rc = 0;

	w->known.n = 0;
	for (size_t i = 0; !rc && i < links->v.n; i++)
		rc = pt_vec_push(NULL, &w->known, hash_of_link(&links->v.v[i]));
	return rc;
}

static void on_refused(const struct pt_err *why, void *arg)
{
	tell_failed(arg, why);
}

/* Until nothing differs, or nothing more can be done about it. */
static int settle(struct watch *w, const struct network *want, struct difference *first, struct pt_err *e)
{
	struct difference last;
	int rc = network_settle(want, w->route, first, &last, on_refused, w, e);

	if (!rc)
		rc = tell_done(w, first, &last);
	if (!rc && !network_difference_size(&last))
		w->told = 0;
	network_difference_fini(&last);
	return rc;
}

/* What was put in force meanwhile. */
static int read_note(struct watch *w, struct pt_err *e)
{
	struct pt_conf *conf;
	int rc;

	if (!network_note_changed(&w->note))
		return 0;
	rc = network_note_read(&conf, e);
	if (rc && rc != -ENOENT)
		return rc;
	pt_conf_free(w->conf);
	w->conf = conf;
	return 0;
}

/* Under the lock: an apply that is at work, and what it notes, are not to be fought. */
static int look(struct watch *w, struct pt_err *e)
{
	const struct network_left left = { is_down, rests, w };
	struct network want = { .left = &left };
	struct difference first = { 0 };
	struct pt_arena *a = pt_arena_new();
	int fd = -1, rc = a ? plan_lock(&fd, e) : pt_err_sys(e, -ENOMEM, "watching the interfaces");

	w->wake = 0;
	if (!rc)
		rc = read_note(w, e);
	if (rc || !w->conf)
		goto out;
	rc = network_want(w->conf, a, &want, e);
	if (!rc)
		rc = network_difference_find(&first, &want, w->route, e);
	if (!rc && network_difference_size(&first))
		rc = settle(w, &want, &first, e);
	if (!rc) {
		tell_foreign(w, &want, &first.have.links);
		rc = remember_links(w, &first.have.links);
	}
	network_difference_fini(&first);
out:
	pt_arena_free(a);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- events ---- */

/* Routes of others come by the hundred thousand; one that took the place of ours does not tell whose it was. */
static bool is_about_us(const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE)
		return true;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) || rtm->rtm_flags & RTM_F_CLONED)
		return false;
	return rtm->rtm_protocol == PT_NET_PROTOCOL || (nlh->nlmsg_type == RTM_NEWROUTE && nlh->nlmsg_flags & NLM_F_REPLACE);
}

static int on_event(const struct nlmsghdr *nlh, void *arg)
{
	struct watch *w = arg;

	w->dirty = w->dirty || is_about_us(nlh);
	return 0;
}

static int join_groups(struct pt_nl *events, struct pt_err *e)
{
	static const unsigned int groups[] = { RTNLGRP_LINK,	     RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					       RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,	  RTNLGRP_IPV6_RULE };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(groups); i++)
		rc = pt_nl_join(events, groups[i], e);
	return rc;
}

/* The rest of a burst; one that does not end is cut. */
static int take_burst(struct watch *w, struct pt_err *e)
{
	uint64_t end = now_ms() + SETTLE_MOST;
	int rc = 1;

	while (rc > 0 && now_ms() < end) {
		rc = pt_nl_event(w->events, SETTLE_MS, on_event, w);
		if (rc == -ENOBUFS) { /* lost ones do not matter: everything is read anew */
			w->dirty = true;
			rc = 1;
		}
	}
	return rc < 0 && rc != -EINTR ? pt_err_sys(e, rc, "reading what changed of the interfaces") : 0;
}

/* 1: there is something to look at, 0: asked to stop. */
static int wait_for(struct watch *w, int stop, int timeout, struct pt_err *e)
{
	struct pollfd fds[3] = { { .fd = pt_nl_fd(w->events), .events = POLLIN }, { .fd = stop, .events = POLLIN },
				 { .fd = w->leases, .events = POLLIN } };
	int rc;

	for (w->dirty = false; !w->dirty;) {
		rc = poll(fds, 3, timeout);
		if (rc < 0 && errno != EINTR)
			return pt_err_sys(e, -errno, "waiting for changes of the interfaces");
		if (rc > 0 && fds[1].revents)
			return 0;
		if (!rc)
			return 1;
		if (rc > 0 && fds[2].revents)
			w->dirty = w->leased = lease_watch_take(w->leases);
		if (rc > 0 && fds[0].revents)
			rc = take_burst(w, e);
		if (rc < 0 && errno != EINTR)
			return rc;
	}
	return 1;
}

static int timeout_of(const struct watch *w, int rc)
{
	uint64_t now = now_ms();

	if (rc == -ETIMEDOUT)
		return RETRY_MS;
	if (!w->wake)
		return -1;
	return w->wake > now ? (int)(w->wake - now) + 1 : 1;
}

int pt_network_watch(struct pt_nl *route, int fd_stop, const struct pt_network_watcher *who, struct pt_err *e)
{
	struct watch *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return pt_err_sys(e, -ENOMEM, "watching the interfaces");
	w->route = route;
	w->who = who;
	rc = pt_nl_open(&w->events, NETLINK_ROUTE, e);
	if (!rc)
		rc = join_groups(w->events, e);
	w->leases = rc ? -1 : lease_watch(e);
	if (!rc && w->leases < 0)
		rc = w->leases;
	while (!rc) {
		struct pt_err why = { 0 };

		rc = look(w, &why);
		w->leased = false;
		if (rc && rc != -ETIMEDOUT)
			tell_failed(w, &why);
		pt_err_fini(&why);
		if (rc == -EPERM || rc == -EACCES || rc == -ENOMEM) {
			rc = pt_err_sys(e, rc, "watching the interfaces");
			break;
		}
		rc = wait_for(w, fd_stop, timeout_of(w, rc), e);
		if (rc <= 0)
			break;
		rc = 0;
	}
	if (w->leases >= 0)
		close(w->leases);
	pt_nl_close(w->events);
	pt_conf_free(w->conf);
	free(w->known.v);
	free(w);
	return rc;
}
