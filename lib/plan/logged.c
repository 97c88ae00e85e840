/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logged packets with their names: the kernel's messages joined with the devices and the file of their moment.
 *
 * The kernel gathers packets before it hands them over, so some that an old file judged arrive when the new one is in force
 * already. Their own time, where the kernel tells it, says to which they belong.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/internal.h"

#define AT_ONCE 8 /* datagrams before others have their turn: a thousand packets */
#define NAMES 64
#define LATE_NS 2000000000ull
#define NAME_NS 1000000000ull /* a device may get another name: that is noticed so late */

struct device_name {
	uint32_t index;
	uint64_t until;
	char name[IF_NAMESIZE];
};

struct logged {
	const struct pt_logger *who;
	struct pt_nl *nf, *log, *events;
	struct plan_generation *now, *before;
	uint64_t clock;       /* of this turn, nanoseconds since the epoch */
	struct pt_log_seq seq;
	struct pt_log_loss *loss;
	struct device_name names[NAMES];
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- names ---- */

static const char *device_name(struct logged *l, uint32_t index)
{
	struct device_name *n = &l->names[index % NAMES];

	if (!index)
		return "";
	if (n->index == index && l->clock < n->until)
		return n->name;
	n->index = index;
	n->until = l->clock + NAME_NS;
	if (!if_indextoname(index, n->name))
		n->name[0] = '\0'; /* gone since */
	return n->name;
}

/* The generation that judged a packet of time T, as far as is known. */
static const struct plan_generation *judge(const struct logged *l, uint64_t t)
{
	return l->before && t < l->now->since ? l->before : l->now;
}

static void name_rule(const struct logged *l, struct pt_log_record *r)
{
	const struct plan_generation *g = judge(l, r->time), *other = g == l->now ? l->before : l->now;
	const struct plan_place *place = plan_generation_find(g, r->rule);

	/* Without a time of its own a packet may be taken for one of the wrong side: the rule's name knows better. */
	if (!place && g->known && other && plan_generation_find(other, r->rule)) {
		g = other;
		place = plan_generation_find(g, r->rule);
	}
	memcpy(r->generation, g->digest, PT_LOG_GENERATION);
	r->generation[PT_LOG_GENERATION] = '\0';
	r->on = plan_generation_device(g, r->dir == PT_OUT ? r->out : r->in);
	if (!place)
		return;
	r->file = place->file;
	r->line = place->line;
}

/* ---- packets ---- */

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct logged *l = arg;
	struct pt_log_record r = { .file = "", .on = "" };
	struct pt_log_message m;
	int rc;

	if (pt_log_parse(nlh, &m))
		return 0; /* not a packet: nobody's loss */
	if (m.has_seq)
		r.lost = pt_log_lost(&l->seq, m.seq);
	l->loss->packets += r.lost;
	l->loss->more = false;
	r.time = m.time ? m.time : l->clock;
	r.in = device_name(l, m.in);
	r.out = device_name(l, m.out);
	r.data = m.data;
	r.n = (uint32_t)m.n;
	pt_log_packet(r.data, r.n, &r.packet);
	r.size = r.packet.length > r.n ? r.packet.length : r.n;
	r.ours = !pt_pol_prefix_parse(m.prefix, &r.action, &r.dir, &r.rule);
	if (r.ours && m.dir)
		r.dir = m.dir;
	if (r.ours)
		name_rule(l, &r);
	else
		r.rule = m.prefix;
	rc = l->who->record(&r, l->who->arg);
	return rc < 0 ? rc : 0;
}

/* Up to MAX datagrams; 1 when there may be more. */
static int read_packets(struct logged *l, int max)
{
	int rc = 1;

	l->clock = clock_ns();
	for (int i = 0; rc > 0 && i < max; i++) {
		rc = pt_nl_event(l->log, 0, take, l);
		if (rc == -ENOBUFS) { /* the next number tells how many */
			l->loss->more = true;
			rc = 1;
		} else if (rc == -EBADMSG || rc == -EINTR) {
			rc = 1;
		}
	}
	return rc;
}

/* ---- generations ---- */

static int any_event(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* Usually a change is noticed at once, which tells more than the second in which it was made. */
static uint64_t began(const struct plan_generation *g, uint64_t noticed)
{
	uint64_t made = g->applied * 1000000000u;

	return g->applied && noticed > made + LATE_NS ? made + LATE_NS / 2 : noticed;
}

/* The old file is read by what was judged before this moment. */
static int renew(struct logged *l, struct pt_err *e)
{
	struct plan_generation *now = l->now;
	uint64_t since = clock_ns();
	int rc;

	rc = pt_nl_events(l->events, 0, any_event, NULL);
	if (rc && rc != -ENOBUFS && rc != -EINTR && rc != -EBADMSG)
		return pt_err_sys(e, rc, "reading changes of nftables");
	rc = plan_generation_new(l->nf, &now, e);
	if (rc || now == l->now)
		return rc;
	now->since = began(now, since);
	plan_generation_free(l->before);
	l->before = l->now;
	l->now = now;
	return 0;
}

/* ---- the whole ---- */

static int start(struct logged *l, struct pt_err *e)
{
	int rc;

	rc = pt_nl_open(&l->log, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_open(&l->events, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_join(l->events, NFNLGRP_NFTABLES, e);
	if (!rc)
		rc = plan_generation_new(l->nf, &l->now, e);
	return rc ? rc : pt_log_bind(l->log, PT_NFT_LOG_GROUP, l->who->keep, e);
}

static int wait_more(struct logged *l, int fd_stop, struct pollfd fds[3])
{
	int rc;

	fds[0] = (struct pollfd){ .fd = pt_nl_fd(l->log), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = pt_nl_fd(l->events), .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = fd_stop, .events = POLLIN };
	do
		rc = poll(fds, 3, -1);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static int run(struct logged *l, int fd_stop, struct pt_err *e)
{
	struct pollfd fds[3];
	int rc;

	for (;;) {
		rc = wait_more(l, fd_stop, fds);
		if (rc)
			return pt_err_sys(e, rc, "waiting for logged packets");
		if (fds[2].revents)
			return 0;
		if (fds[1].revents)
			rc = renew(l, e);
		if (!rc && fds[0].revents)
			rc = read_packets(l, AT_ONCE);
		if (rc >= 0)
			rc = l->who->pause(l->who->arg);
		if (rc < 0)
			return rc;
	}
}

/* What is on its way still belongs to us. */
static int finish(struct logged *l)
{
	int rc = pt_log_unbind(l->log, PT_NFT_LOG_GROUP);

	if (!rc)
		rc = 1;
	while (rc > 0)
		rc = read_packets(l, AT_ONCE);
	return rc ? rc : l->who->pause(l->who->arg);
}

int pt_plan_log(struct pt_nl *nf, int fd_stop, const struct pt_logger *who, struct pt_log_loss *loss, struct pt_err *e)
{
	struct logged *l = calloc(1, sizeof(*l));
	int rc;

	memset(loss, 0, sizeof(*loss));
	if (!l)
		return pt_err_sys(e, -ENOMEM, "listening to the log");
	l->nf = nf;
	l->who = who;
	l->loss = loss;
	rc = start(l, e);
	if (!rc)
		rc = run(l, fd_stop, e);
	if (!rc)
		rc = finish(l);
	pt_nl_close(l->log);
	pt_nl_close(l->events);
	plan_generation_free(l->now);
	plan_generation_free(l->before);
	free(l);
	return rc;
}
