/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking one host again and again: when the next probe is due, which are lost, what all answers say together. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "diag/probe_internal.h"

#define FLOOD_WAIT 10000000 /* nanoseconds until the next of a flood goes without an answer */

struct ping {
	struct pt_probe *p;
	const struct pt_ping_options *o;
	const struct pt_ping_listener *l;
	struct pt_ping_result *r;
	int64_t began, next, end; /* END 0: none */
	uint64_t highest;         /* of the probes that were answered */
	uint64_t expired;         /* all probes up to this are answered or lost */
	uint64_t sent;
	int64_t *due;             /* when each is lost, 0: it is not waited for; a ring of PT_PROBE_WINDOW */
	bool hasten;              /* flood: an answer came */
};

static int64_t *due_of(struct ping *g, uint64_t number)
{
	return &g->due[number % PT_PROBE_WINDOW];
}

static void count_answer(struct ping *g, const struct pt_probe_answer *a, bool reordered)
{
	struct pt_ping_result *r = g->r;

	if (a->kind == PT_PROBE_ERROR) {
		r->errors++;
		return;
	}
	r->truncated += a->truncated;
	r->corrupt += a->corrupt;
	if (a->duplicate) {
		r->duplicates++;
		return;
	}
	r->reordered += reordered;
	pt_probe_stats_add(&r->stats, a->rtt);
	if (r->histogram)
		pt_probe_histogram_add(r->histogram, a->rtt);
}

static int on_answer(const struct pt_probe_answer *a, void *arg)
{
	struct ping *g = arg;
	bool reordered = a->kind == PT_PROBE_REPLY && !a->duplicate && a->number < g->highest;

	if (a->kind == PT_PROBE_REPLY && a->number > g->highest)
		g->highest = a->number;
	*due_of(g, a->number) = 0;
	g->hasten = true;
	count_answer(g, a, reordered);
	return g->l->fn(PT_PING_ANSWER, a, reordered, 0, g->l->arg);
}

static int send_next(struct ping *g, int64_t now)
{
	struct pt_probe_answer a = { 0 };
	int rc = pt_probe_send(g->p, g->o->ttl, g->o->size, 0, &a.number);

	g->hasten = false;
	g->sent = a.number;
	g->r->stats.sent++;
	*due_of(g, a.number) = rc ? 0 : now + (int64_t)g->o->timeout * 1000;
	/* From the plan rather than from now, so that late wake-ups do not add up; but no burst after a long sleep. */
	g->next += (int64_t)(g->o->flood ? FLOOD_WAIT : (int64_t)g->o->interval * 1000);
	if (g->next < now)
		g->next = now;
	if (!rc)
		return 0;
	g->r->errors++;
	a.mtu = rc == -EMSGSIZE ? pt_probe_mtu(g->p) : 0;
	return g->l->fn(PT_PING_UNSENT, &a, false, rc, g->l->arg);
}

/* Oldest first: they are due in the order they were sent. */
static int expire(struct ping *g, int64_t now)
{
	int rc = 0;

	while (!rc && g->expired < g->sent) {
		int64_t *due = due_of(g, g->expired + 1);
		struct pt_probe_answer a = { .number = g->expired + 1 };

		if (*due > now)
			break;
		g->expired++;
		if (*due)
			rc = g->l->fn(PT_PING_LOST, &a, false, 0, g->l->arg);
		*due = 0;
	}
	return rc;
}

static bool all_sent(const struct ping *g)
{
	return g->o->count && g->sent >= g->o->count;
}

/* When something is to be done next. */
static int64_t next_event(struct ping *g)
{
	int64_t at = g->end ? g->end : INT64_MAX;

	if (!all_sent(g) && g->next < at)
		at = g->next;
	if (g->expired < g->sent && *due_of(g, g->expired + 1) && *due_of(g, g->expired + 1) < at)
		at = *due_of(g, g->expired + 1);
	return at;
}

/* 1: asked to end. */
static int wait_until(struct ping *g, int64_t at, struct pt_err *e)
{
	struct pollfd fds[PT_PROBE_FDS + 1];
	nfds_t n = pt_probe_fds(g->p, fds);
	int64_t left = at - probe_now(CLOCK_MONOTONIC);
	struct timespec t = { .tv_sec = left > 0 ? left / 1000000000 : 0, .tv_nsec = left > 0 ? left % 1000000000 : 0 };

	fds[n] = (struct pollfd){ .fd = g->o->stop_fd, .events = POLLIN };
	if (ppoll(fds, n + 1, at == INT64_MAX ? NULL : &t, NULL) < 0)
		return errno == EINTR ? 0 : pt_err_sys(e, -errno, "waiting for answers");
	return fds[n].revents ? 1 : 0;
}

static int one_turn(struct ping *g, struct pt_err *e)
{
	int64_t now = probe_now(CLOCK_MONOTONIC);
	int rc = 0;

	if (g->end && now >= g->end)
		return 1;
	if (!all_sent(g) && (now >= g->next || (g->o->flood && g->hasten)))
		rc = send_next(g, now);
	/* Answers first: one that waits to be read is not lost. */
	if (!rc)
		rc = pt_probe_receive(g->p, on_answer, g);
	if (!rc)
		rc = expire(g, now);
	if (!rc && all_sent(g) && g->expired >= g->sent)
		return 1;
	if (!rc && !(g->o->flood && g->hasten && !all_sent(g)))
		rc = wait_until(g, next_event(g), e);
	return rc;
}

int pt_ping_run(struct pt_probe *p, const struct pt_ping_options *o, const struct pt_ping_listener *l,
		struct pt_ping_result *r, struct pt_err *e)
{
	struct ping g = { .p = p, .o = o, .l = l, .r = r };
	int rc = 0;

	g.due = calloc(PT_PROBE_WINDOW, sizeof(*g.due));
	if (!g.due)
		return pt_err_sys(e, -ENOMEM, "preparing the probes");
	g.began = g.next = probe_now(CLOCK_MONOTONIC);
	g.end = o->deadline ? g.began + (int64_t)o->deadline * 1000000000 : 0;
	while (!rc) {
		rc = one_turn(&g, e);
		r->took = (uint64_t)(probe_now(CLOCK_MONOTONIC) - g.began);
	}
	free(g.due);
	return rc < 0 ? rc : 0;
}
