/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way to a host: probes that may go one hop, two hops and so on, several of them on the way at once. A probe is
 * given up sooner where the hop itself or one behind it has answered quickly, so that silent hops cost little.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "diag/probe_internal.h"

#define WAIT_LEAST 500000000 /* nanoseconds: no answer is too late before */
#define SAME_HOP 3           /* times the round trip of another answer of this hop */
#define LATER_HOP 10         /* of a later one */
#define RESEND_MAX 16        /* smaller probes for one, while the MTU is found */
#define NAMES_TURN 250000000

enum progress { UNSENT, WAITING, DONE };

struct query {
	enum progress progress;
	int64_t sent;
	unsigned int again;
};

struct trace {
	struct pt_probe *p;
	const struct pt_trace_options *o;
	pt_trace_fn fn;
	void *arg;
	struct pt_trace_hop hops[PT_TRACE_HOPS_MAX + 1];
	struct query queries[PT_TRACE_HOPS_MAX + 1][PT_TRACE_QUERIES_MAX];
	unsigned int waiting, told; /* probes on the way; the last hop that was told */
	unsigned int final;         /* the hop where the way ends, as far as it is known */
	enum pt_trace_end end;
	uint32_t mtu;
};

/* ---- answers ---- */

static bool on_the_way(enum pt_af af, const struct pt_probe_answer *a)
{
	return a->kind == PT_PROBE_ERROR && a->type == (af == PT_AF_INET6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED) &&
		a->code == 0;
}

static bool is_target(const struct trace *t, const struct pt_probe_answer *a)
{
	return a->from.af == t->o->probe.to.af && a->from.v == t->o->probe.to.v;
}

/* What routers without a number mean: the next lower one of RFC 1191 section 7. */
static uint32_t lower_mtu(uint32_t mtu)
{
	static const uint32_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(plateaus); i++)
		if (plateaus[i] < mtu)
			return plateaus[i];
	return mtu;
}

/* True: the probe goes again, shorter. */
static bool on_too_big(struct trace *t, unsigned int ttl, struct query *q, const struct pt_probe_answer *a)
{
	uint32_t mtu = a->mtu && a->mtu < t->mtu ? a->mtu : lower_mtu(t->mtu);

	if (!t->o->mtu || mtu >= t->mtu || q->again++ >= RESEND_MAX || (probe_is6(t->p) && mtu < 1280))
		return false;
	t->mtu = mtu;
	t->hops[ttl].mtu = mtu;
	t->hops[ttl].mtu_from = a->from;
	q->progress = UNSENT;
	return true;
}

static void see_end(struct trace *t, unsigned int ttl, const struct pt_probe_answer *a)
{
	if (on_the_way(t->o->probe.to.af, a) || ttl > t->final)
		return;
	if (ttl == t->final && t->end == PT_TRACE_REACHED)
		return;
	t->final = ttl;
	t->end = a->kind == PT_PROBE_REPLY || is_target(t, a) ? PT_TRACE_REACHED : PT_TRACE_UNREACHABLE;
}

static int on_answer(const struct pt_probe_answer *a, void *arg)
{
	struct trace *t = arg;
	unsigned int ttl = (unsigned int)(a->tag >> 8), k = (unsigned int)(a->tag & 0xff);
	struct query *q = &t->queries[ttl][k];

	if (a->duplicate || ttl <= t->told || t->hops[ttl].queries[k].answered)
		return 0;
	if (q->progress == WAITING)
		t->waiting--;
	q->progress = DONE;
	if (a->kind == PT_PROBE_ERROR && probe_too_big(t->o->probe.to.af, a->type, a->code) && on_too_big(t, ttl, q, a))
		return 0;
	t->hops[ttl].queries[k] = (struct pt_trace_query){ .answered = true, .answer = *a };
	(void)pt_probe_name(t->o->names, a->from);
	see_end(t, ttl, a);
	return 0;
}

/* ---- sending ---- */

static uint32_t data_size(const struct trace *t)
{
	uint32_t headers = probe_is6(t->p) ? 48 : 28;

	return t->o->mtu ? t->mtu - headers : t->o->size;
}

/* This machine knows its own device's MTU. */
static bool shorten_by_own(struct trace *t)
{
	uint32_t mtu;

	(void)pt_probe_receive(t->p, on_answer, t);
	mtu = pt_probe_mtu(t->p);
	if (!t->o->mtu || mtu >= t->mtu || mtu < 68)
		return false;
	t->mtu = mtu;
	return true;
}

static int send_query(struct trace *t, unsigned int ttl, unsigned int k, struct pt_err *e)
{
	struct query *q = &t->queries[ttl][k];
	uint64_t number;
	int rc;

	q->sent = probe_now(CLOCK_MONOTONIC);
	q->progress = WAITING;
	t->waiting++;
	do
		rc = pt_probe_send(t->p, (uint8_t)ttl, data_size(t), ttl << 8 | k, &number);
	while (rc == -EMSGSIZE && shorten_by_own(t));
	if (rc == -ENOBUFS || rc == -EAGAIN)
		return 0; /* as good as lost */
	return rc ? pt_err_sys(e, rc, "sending a probe of %u byte%s of data", data_size(t), pt_plural(data_size(t))) : 0;
}

static bool next_unsent(const struct trace *t, unsigned int *ttl, unsigned int *k)
{
	unsigned int last = t->final < t->o->max ? t->final : t->o->max;

	for (unsigned int h = t->told + 1; h <= last; h++)
		for (unsigned int i = 0; i < t->o->queries; i++)
			if (t->queries[h][i].progress == UNSENT) {
				*ttl = h;
				*k = i;
				return true;
			}
	return false;
}

static int send_some(struct trace *t, struct pt_err *e)
{
	unsigned int parallel = t->o->mtu ? 1 : t->o->parallel, ttl, k;
	int rc = 0;

	while (!rc && t->waiting < parallel && next_unsent(t, &ttl, &k))
		rc = send_query(t, ttl, k, e);
	return rc;
}

/* ---- time ---- */

static uint64_t fastest(const struct pt_trace_hop *h)
{
	uint64_t rtt = 0;

	for (unsigned int i = 0; i < h->n; i++)
		if (h->queries[i].answered && (!rtt || h->queries[i].answer.rtt < rtt))
			rtt = h->queries[i].answer.rtt;
	return rtt;
}

/* How long a probe of this hop is waited for. */
static int64_t patience(const struct trace *t, unsigned int ttl)
{
	int64_t most = (int64_t)t->o->timeout * 1000, wait = most;
	uint64_t rtt = fastest(&t->hops[ttl]) * SAME_HOP;

	for (unsigned int h = ttl + 1; !rtt && h <= t->o->max && h <= t->final; h++)
		rtt = fastest(&t->hops[h]) * LATER_HOP;
	if (rtt && rtt < (uint64_t)most)
		wait = (int64_t)rtt > WAIT_LEAST ? (int64_t)rtt : WAIT_LEAST;
	return wait < most ? wait : most;
}

/* Gives up what is overdue; when the next is. */
static int64_t expire(struct trace *t, int64_t now)
{
	int64_t next = INT64_MAX;

	for (unsigned int h = t->told + 1; h <= t->o->max; h++)
		for (unsigned int i = 0; i < t->o->queries; i++) {
			struct query *q = &t->queries[h][i];
			int64_t due;

			if (q->progress != WAITING)
				continue;
			due = q->sent + patience(t, h);
			if (due <= now) {
				q->progress = DONE;
				t->waiting--;
			} else if (due < next) {
				next = due;
			}
		}
	return next;
}

/* ---- telling ---- */

static bool is_known(const struct trace *t, unsigned int ttl, bool *named)
{
	for (unsigned int i = 0; i < t->o->queries; i++) {
		const struct pt_trace_query *q = &t->hops[ttl].queries[i];

		if (t->queries[ttl][i].progress != DONE)
			return false;
		if (q->answered && !pt_probe_name_told(t->o->names, q->answer.from))
			*named = false;
	}
	return true;
}

/* 1: that was the last. NAMED: no name is waited for. */
static int tell_known(struct trace *t, bool *named)
{
	int rc = 0;

	*named = true;
	while (!rc && t->told < t->o->max && t->told < t->final && is_known(t, t->told + 1, named) && *named)
		rc = t->fn(&t->hops[++t->told], t->arg);
	if (!rc && (t->told >= t->o->max || t->told >= t->final))
		rc = 1;
	return rc;
}

static int wait_for(struct trace *t, int64_t until, struct pt_err *e)
{
	struct pollfd fds[PT_PROBE_FDS + 4];
	nfds_t n = pt_probe_fds(t->p, fds);
	int64_t left = until - probe_now(CLOCK_MONOTONIC);
	struct timespec time = { .tv_sec = left > 0 ? left / 1000000000 : 0,
				 .tv_nsec = left > 0 ? left % 1000000000 : 0 };

	n += pt_probe_names_fds(t->o->names, fds + n, 3);
	fds[n] = (struct pollfd){ .fd = t->o->stop_fd, .events = POLLIN };
	if (ppoll(fds, n + 1, until == INT64_MAX ? NULL : &time, NULL) < 0 && errno != EINTR)
		return pt_err_sys(e, -errno, "waiting for answers");
	if (!fds[n].revents)
		return 0;
	t->end = PT_TRACE_STOPPED;
	return 1;
}

static int one_turn(struct trace *t, struct pt_err *e)
{
	int64_t until;
	bool named;
	int rc = pt_probe_receive(t->p, on_answer, t);

	pt_probe_names_receive(t->o->names);
	until = expire(t, probe_now(CLOCK_MONOTONIC));
	if (!rc)
		rc = tell_known(t, &named);
	if (!rc)
		rc = send_some(t, e);
	if (rc)
		return rc;
	if (!named && probe_now(CLOCK_MONOTONIC) + NAMES_TURN < until)
		until = probe_now(CLOCK_MONOTONIC) + NAMES_TURN;
	if (until == INT64_MAX) /* what was sent just now */
		until = probe_now(CLOCK_MONOTONIC) + WAIT_LEAST / 4;
	return wait_for(t, until, e);
}

int pt_trace_run(struct pt_probe *p, const struct pt_trace_options *o, pt_trace_fn fn, void *arg,
		 enum pt_trace_end *end, uint32_t *mtu, struct pt_err *e)
{
	struct trace *t = calloc(1, sizeof(*t));
	int rc = 0;

	if (!t)
		return pt_err_sys(e, -ENOMEM, "preparing the trace");
	t->p = p;
	t->o = o;
	t->fn = fn;
	t->arg = arg;
	t->told = o->first - 1u;
	t->final = PT_TRACE_HOPS_MAX + 1;
	t->end = PT_TRACE_MAX;
	t->mtu = 65535;
	for (unsigned int h = 1; h <= o->max; h++) {
		t->hops[h].ttl = (uint8_t)h;
		t->hops[h].n = o->queries;
	}
	while (!rc)
		rc = one_turn(t, e);
	*end = t->end;
	*mtu = o->mtu ? t->mtu : 0;
	free(t);
	return rc < 0 ? rc : 0;
}
