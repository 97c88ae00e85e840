/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way to a host asked in rounds, one probe a hop and round, and what each hop has answered so far. The caller has
 * the clock and the screen: it steps us. A probe is counted when it is answered or lost, so that those on the way are
 * no loss.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "diag/probe_internal.h"

#define SILENT_MAX 8     /* hops asked behind the last one that answers, while the host does not */
#define GAP_MOST 20000000 /* nanoseconds between two probes of a round */
#define FLIGHT 8192      /* probes that are waited for at once */
#define WAIT_MOST 1000   /* milliseconds */

struct flight {
	uint64_t number;
	int64_t due;
	uint8_t ttl; /* 0: answered */
};

struct pt_mtr {
	struct pt_mtr_options o;
	struct pt_probe *p;
	struct pt_mtr_hop hops[PT_TRACE_HOPS_MAX + 1];
	struct flight flights[FLIGHT];
	uint64_t first, sent;     /* numbers: the oldest that is waited for; the newest */
	uint64_t ignored;         /* numbers up to this were sent before the table was reset */
	uint64_t rounds;          /* begun */
	unsigned int ttl;         /* the next hop of this round, 0: the round is over */
	unsigned int final, heard; /* the hop of the host, or of an end, 0: not known; the last that answered */
	bool reached, paused;
	int64_t next, round_at;
};

static struct flight *flight_of(struct pt_mtr *m, uint64_t number)
{
	return &m->flights[number % FLIGHT];
}

int pt_mtr_open(const struct pt_mtr_options *o, struct pt_mtr **out, struct pt_err *e)
{
	struct pt_mtr *m = calloc(1, sizeof(*m));
	int rc;

	*out = NULL;
	if (!m)
		return pt_err_sys(e, -ENOMEM, "preparing the probes");
	m->o = *o;
	m->o.probe.whole = true;
	rc = pt_probe_open(&m->o.probe, &m->p, e);
	if (rc) {
		free(m);
		return rc;
	}
	pt_mtr_reset(m);
	m->first = 1;
	m->next = m->round_at = probe_now(CLOCK_MONOTONIC);
	*out = m;
	return 0;
}

void pt_mtr_close(struct pt_mtr *m)
{
	if (m)
		pt_probe_close(m->p);
	free(m);
}

struct pt_probe *pt_mtr_probe(struct pt_mtr *m)
{
	return m->p;
}

void pt_mtr_reset(struct pt_mtr *m)
{
	memset(m->hops, 0, sizeof(m->hops));
	for (unsigned int h = 0; h <= PT_TRACE_HOPS_MAX; h++) {
		m->hops[h].ttl = (uint8_t)h;
		m->hops[h].mark = "";
	}
	m->ignored = m->sent;
	m->final = m->heard = 0;
	m->reached = false;
}

void pt_mtr_pause(struct pt_mtr *m, bool on)
{
	m->paused = on;
	m->next = m->round_at = probe_now(CLOCK_MONOTONIC);
}

bool pt_mtr_reached(const struct pt_mtr *m)
{
	return m->reached;
}

/* ---- answers ---- */

static void add_host(struct pt_mtr_hop *h, struct pt_addr a)
{
	size_t i = 0;

	while (i < h->n_hosts && (h->hosts[i].af != a.af || h->hosts[i].v != a.v))
		i++;
	if (i == h->n_hosts && h->n_hosts < PT_MTR_HOSTS_MAX)
		h->n_hosts++;
	if (i == PT_MTR_HOSTS_MAX) /* the oldest is forgotten */
		i--;
	memmove(&h->hosts[1], &h->hosts[0], i * sizeof(h->hosts[0]));
	h->hosts[0] = a;
}

/* Ways change: what was the end may be on the way now. */
static void see_end(struct pt_mtr *m, unsigned int ttl, const struct pt_probe_answer *a)
{
	bool passing = a->kind == PT_PROBE_ERROR && a->code == 0 &&
		       a->type == (a->from.af == PT_AF_INET6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED);
	bool host = a->kind == PT_PROBE_REPLY || (a->from.af == m->o.probe.to.af && a->from.v == m->o.probe.to.v);

	m->heard = ttl > m->heard ? ttl : m->heard;
	m->hops[ttl].mark = a->kind == PT_PROBE_ERROR ? pt_icmp_mark(a->from.af, a->type, a->code) : "";
	if (passing && !host) {
		if (m->final && ttl >= m->final)
			m->final = 0;
		return;
	}
	m->reached = m->reached || host;
	if (!m->final || ttl < m->final)
		m->final = ttl;
}

static int on_answer(const struct pt_probe_answer *a, void *arg)
{
	struct pt_mtr *m = arg;
	struct flight *f = flight_of(m, a->number);
	struct pt_mtr_hop *h;

	if (a->duplicate || f->number != a->number || !f->ttl || a->number <= m->ignored)
		return 0;
	h = &m->hops[f->ttl];
	h->stats.sent++;
	pt_probe_stats_add(&h->stats, a->rtt);
	add_host(h, a->from);
	h->n_labels = a->n_labels;
	memcpy(h->labels, a->labels, sizeof(h->labels));
	see_end(m, f->ttl, a);
	f->ttl = 0;
	return 0;
}

static void expire(struct pt_mtr *m, int64_t now)
{
	for (; m->first <= m->sent; m->first++) {
		struct flight *f = flight_of(m, m->first);

		if (f->number == m->first && f->ttl && f->due > now)
			break;
		if (f->number == m->first && f->ttl && m->first > m->ignored)
			m->hops[f->ttl].stats.sent++;
		f->ttl = 0;
	}
}

/* ---- rounds ---- */

/* How far a round goes. */
static unsigned int last_hop(const struct pt_mtr *m)
{
	unsigned int last = m->final ? m->final : m->heard + SILENT_MAX;

	if (last < m->o.first)
		last = m->o.first;
	return last < m->o.max ? last : m->o.max;
}

static int send_one(struct pt_mtr *m, int64_t now, struct pt_err *e)
{
	uint64_t number;
	int rc = pt_probe_send(m->p, (uint8_t)m->ttl, m->o.size, 0, &number);

	m->sent = number;
	*flight_of(m, number) = (struct flight){ .number = number,
						 .due = now + (int64_t)m->o.timeout * 1000,
						 .ttl = (uint8_t)m->ttl };
	/* Full buffers are a loss; that there is no way any more is one, too, while others may come back. */
	if (rc == -ENOBUFS || rc == -EAGAIN || rc == -ENETUNREACH || rc == -EHOSTUNREACH || rc == -ENETDOWN)
		rc = 0;
	return rc ? pt_err_sys(e, rc, "sending a probe") : 0;
}

static int64_t gap(const struct pt_mtr *m)
{
	int64_t even = (int64_t)m->o.interval * 1000 / (int64_t)(last_hop(m) - m->o.first + 1);

	return even < GAP_MOST ? even : GAP_MOST;
}

static bool over(const struct pt_mtr *m)
{
	return m->o.count && m->rounds >= m->o.count && !m->ttl;
}

static int send_due(struct pt_mtr *m, int64_t now, struct pt_err *e)
{
	int rc = 0;

	if (m->paused || over(m))
		return 0;
	if (!m->ttl && now >= m->round_at) {
		m->rounds++;
		m->ttl = m->o.first;
		m->next = now;
		m->round_at += (int64_t)m->o.interval * 1000;
		if (m->round_at < now)
			m->round_at = now;
	}
	while (!rc && m->ttl && now >= m->next) {
		if (m->ttl > last_hop(m)) {
			m->ttl = 0;
			break;
		}
		rc = send_one(m, now, e);
		m->ttl++;
		m->next += gap(m);
	}
	if (m->ttl > last_hop(m))
		m->ttl = 0;
	return rc;
}

static int until_next(const struct pt_mtr *m, int64_t now)
{
	int64_t at = m->paused || over(m) ? INT64_MAX : m->ttl ? m->next : m->round_at;
	const struct flight *f = &m->flights[m->first % FLIGHT];
	int64_t ms;

	if (m->first <= m->sent && f->number == m->first && f->due < at)
		at = f->due;
	ms = at > now ? (at - now) / 1000000 + 1 : 0;
	return ms < WAIT_MOST ? (int)ms : WAIT_MOST;
}

int pt_mtr_step(struct pt_mtr *m, int *rc, struct pt_err *e)
{
	int64_t now = probe_now(CLOCK_MONOTONIC);

	*rc = pt_probe_receive(m->p, on_answer, m);
	expire(m, now);
	if (!*rc)
		*rc = send_due(m, now, e);
	if (!*rc)
		*rc = pt_probe_receive(m->p, on_answer, m);
	if (*rc || (over(m) && m->first > m->sent))
		return -1;
	return until_next(m, now);
}

/* ---- what is shown ---- */

size_t pt_mtr_hops(const struct pt_mtr *m, struct pt_mtr_hop *out, size_t max)
{
	unsigned int last = m->final ? m->final : m->heard;
	size_t n = 0;

	for (unsigned int h = m->o.first; h <= last && n < max; h++)
		out[n++] = m->hops[h];
	return n;
}
