/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer: echo requests, or a connection to the port. A no has a sender, and that one is told; where nobody says
 * anything, a short trace tells how far packets come.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "diag/address.h"
#include "diag/finding_why.h"

#define TRIES 3
#define SMALL 56             /* bytes of data, as ping has them */
#define HOPS 24              /* all at once, so that the trace takes no longer than its slowest router */
#define QUERIES 2
#define TRACE_US 1000000     /* that a router may take */

/* ---- sockets, while privileges last ---- */

static void no_socket(struct pt_err *e, int rc, char *out)
{
	(void)snprintf(out, WHY_TEXT, "%s", e->list.n ? e->list.v[0].msg : strerror(-rc));
}

static int open_one(struct why *y, const struct why_walk *k, enum pt_probe_how how, bool whole, struct pt_probe **out,
		    struct pt_err *e)
{
	const struct pt_probe_options o = { .how = how, .to = k->to, .from = y->o->from, .zone = k->zone,
					    .device = y->o->on, .port = y->o->port, .whole = whole, .df = true,
					    .probe_mtu = true, .tos = -1 };

	return pt_probe_open(&o, out, e);
}

/* SYNs of a trace need a raw socket; datagrams to the same port meet the same routers. */
static int open_trace(struct why *y, struct why_walk *k, struct pt_err *e)
{
	enum pt_probe_how how = !y->o->port ? PT_PROBE_ICMP : y->o->udp ? PT_PROBE_UDP : PT_PROBE_TCP;
	int rc = open_one(y, k, how, true, &k->trace, e);

	k->other_trace = rc && rc != -ENOMEM && how == PT_PROBE_TCP;
	if (k->other_trace)
		rc = open_one(y, k, PT_PROBE_UDP, true, &k->trace, e);
	return rc == -ENOMEM ? rc : 0;
}

int why_open(struct why *y, struct why_walk *k)
{
	struct pt_err e = { 0 };
	int rc = open_one(y, k, PT_PROBE_ICMP, false, &k->echo, &e);

	if (rc && rc != -ENOMEM)
		no_socket(&e, rc, k->why_no_echo);
	if (rc != -ENOMEM)
		rc = open_trace(y, k, &e);
	pt_err_fini(&e);
	return rc ? pt_err_sys(y->e, rc, "opening sockets") : 0;
}

/* ---- echo requests ---- */

struct hearing {
	struct why_echo *x;
	uint64_t first; /* answers to earlier ones are none to these */
};

static int take_answer(const struct pt_probe_answer *a, void *arg)
{
	struct hearing *h = arg;

	if (a->number < h->first)
		return 0;
	if (a->kind == PT_PROBE_REPLY) {
		h->x->reply = true;
		h->x->rtt = a->rtt;
	} else if (!h->x->told) {
		h->x->told = true;
		h->x->answer = *a;
	}
	return 0;
}

int why_ask(const struct why *y, const struct why_walk *k, uint32_t size, unsigned int tries, int wait_ms,
	    struct why_echo *out)
{
	struct hearing h = { .x = out };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < tries && !out->reply && !out->told; i++) {
		struct pollfd fds[PT_PROBE_FDS + 1];
		uint64_t number;

		rc = pt_probe_send(k->echo, 0, size, 0, &number);
		if (!h.first)
			h.first = number;
		if (rc) {
			out->unsent = true;
			out->error = rc;
			(void)pt_probe_receive(k->echo, take_answer, &h);
			return 0;
		}
		do {
			nfds_t n = pt_probe_fds(k->echo, fds);

			rc = why_wait(y, fds, n, wait_ms);
			if (rc < 0)
				return rc;
			if (rc && pt_probe_receive(k->echo, take_answer, &h))
				return 0;
		} while (rc && !out->reply && !out->told);
	}
	return 0;
}

/* ---- how far it comes ---- */

struct track {
	struct pt_addr last;     /* that answered */
	unsigned int at;
	struct pt_probe_answer refusal;
	bool reached, refused;
};

static int take_hop(const struct pt_trace_hop *h, void *arg)
{
	struct track *t = arg;

	for (unsigned int i = 0; i < h->n; i++) {
		const struct pt_probe_answer *a = &h->queries[i].answer;

		if (!h->queries[i].answered || a->local)
			continue;
		t->last = a->from;
		t->at = h->ttl;
		if (a->kind == PT_PROBE_ERROR && *pt_icmp_mark(a->from.af, a->type, a->code)) {
			t->refused = true;
			t->refusal = *a;
		}
	}
	return 0;
}

static void say_refusal(const struct track *t, char *out, size_t size)
{
	const struct pt_probe_answer *a = &t->refusal;
	const char *words = pt_icmp_words(a->from.af, a->type, a->code);
	char who[64];

	why_text(a->from, who);
	(void)snprintf(out, size, "; %s says to a trace: %s", who, words ? words : "no");
}

/* Our rules passed it, or could not be asked: then it is something else on this machine. */
static void say_kept(const struct why *y, const char *what, struct why_say *s)
{
	s->outcome = PT_WHY_STOPPED;
	(void)snprintf(s->text, sizeof(s->text), "this machine does not let %s out: %s", what,
		       y->explainer || y->no_rules ? "another packet filter than Patronus drops it"
						   : "a rule drops it");
	(void)snprintf(s->seen, sizeof(s->seen), "the kernel says: %s", strerror(EPERM));
	(void)snprintf(s->next, sizeof(s->next),
		       y->explainer || y->no_rules ? "nft list ruleset" : "the same as root tells which rule");
}

/*
 * Appended to what was seen. Errors of a trace are no errors of the question, but for one: TCP is not told that a
 * filter of this machine drops its SYN, and a raw socket is.
 */
static int say_track(struct why *y, const struct why_walk *k, const char *what, struct why_say *s)
{
	const struct pt_trace_options o = { .probe = { .to = k->to }, .first = 1, .max = HOPS, .queries = QUERIES,
					    .size = 32, .parallel = HOPS * QUERIES, .stop_fd = y->stop_fd,
					    .timeout = y->o->timeout < TRACE_US ? y->o->timeout : TRACE_US };
	enum pt_trace_end end = PT_TRACE_MAX;
	struct track t = { 0 };
	struct pt_err e = { 0 };
	size_t at = strlen(s->seen);
	uint32_t mtu = 0;
	char who[64];
	int rc;

	if (!k->trace)
		return 0;
	rc = pt_trace_run(k->trace, &o, take_hop, &t, &end, &mtu, &e);
	pt_err_fini(&e);
	if (end == PT_TRACE_STOPPED)
		return -ECANCELED;
	if (rc == -ENOMEM)
		return pt_err_sys(y->e, rc, "tracing the way");
	if (rc == -EPERM && !k->other_trace)
		say_kept(y, what, s);
	else if (rc == -EPERM)
		(void)snprintf(s->seen + at, sizeof(s->seen) - at,
			       "; this machine's own rules drop datagrams to that port");
	if (rc)
		return 0;
	why_text(t.last, who);
	if (!t.at)
		(void)snprintf(s->seen + at, sizeof(s->seen) - at, "; no router on the way answers a trace");
	else if (t.refused)
		say_refusal(&t, s->seen + at, sizeof(s->seen) - at);
	else if (end == PT_TRACE_REACHED)
		(void)snprintf(s->seen + at, sizeof(s->seen) - at, "; a trace reaches it at hop %u", t.at);
	else
		(void)snprintf(s->seen + at, sizeof(s->seen) - at,
			       "; the last that answers a trace is %s, hop %u: there or behind it packets are dropped",
			       who, t.at);
	return 0;
}

/* ---- words ---- */

static void say_ms(char out[32], uint64_t us)
{
	(void)snprintf(out, 32, us < 10000 ? "%.3f ms" : us < 1000000 ? "%.1f ms" : "%.0f ms", (double)us / 1000);
}

static void next_port(const struct why *y, struct why_say *s)
{
	(void)snprintf(s->next, sizeof(s->next), "ptdiag port %s %u%s", y->o->host, y->o->port,
		       y->o->udp ? " udp" : "");
}

static void next_trace(const struct why *y, const struct why_walk *k, struct why_say *s)
{
	char to[64], how[32] = "";

	why_text(k->to, to);
	if (y->o->port)
		(void)snprintf(how, sizeof(how), " mode %s port %u", y->o->udp ? "udp" : "tcp", y->o->port);
	(void)snprintf(s->next, sizeof(s->next), "ptdiag trace %s%s", to, how);
}

/* ---- the host alone ---- */

static void say_told(const struct why *y, const struct why_walk *k, const struct pt_probe_answer *a, struct why_say *s)
{
	const char *words = pt_icmp_words(a->from.af, a->type, a->code);
	char who[64], to[64];

	s->outcome = PT_WHY_STOPPED;
	why_text(a->from, who);
	why_text(k->to, to);
	(void)snprintf(s->text, sizeof(s->text), "%s%s says that %s is not reached: %s",
		       a->local ? "this machine" : who, a->local ? "" : " on the way", to,
		       words ? words : "an ICMP message without a name");
	(void)snprintf(s->seen, sizeof(s->seen), "ICMP type %u code %u of %s", a->type, a->code, who);
	next_trace(y, k, s);
}

static int reach_host(struct why *y, struct why_walk *k, struct why_say *s)
{
	struct why_echo x;
	char to[64], ms[32];
	int rc;

	if (!k->echo) {
		s->outcome = PT_WHY_UNKNOWN;
		(void)snprintf(s->text, sizeof(s->text), "whether it answers, for no echo request could be sent");
		(void)snprintf(s->seen, sizeof(s->seen), "%s", k->why_no_echo);
		(void)snprintf(s->next, sizeof(s->next), "the same as root");
		k->unasked = true;
		return 0;
	}
	rc = why_ask(y, k, SMALL, TRIES, (int)(y->o->timeout / 1000 / TRIES), &x);
	if (rc)
		return rc;
	why_text(k->to, to);
	if (x.reply) {
		k->answers = true;
		k->rtt = x.rtt;
		say_ms(ms, x.rtt / 1000);
		(void)snprintf(s->text, sizeof(s->text), "%s answers echo requests, after %s", to, ms);
		return 0;
	}
	if (x.unsent && (x.error == -EPERM || x.error == -EACCES)) {
		say_kept(y, "echo requests", s);
		return 0;
	}
	if (x.told) {
		say_told(y, k, &x.answer, s);
		return 0;
	}
	s->outcome = PT_WHY_STOPPED;
	(void)snprintf(s->text, sizeof(s->text), "%s does not answer echo requests", to);
	if (x.unsent)
		(void)snprintf(s->seen, sizeof(s->seen), "the kernel does not send them: %s", strerror(-x.error));
	else
		(void)snprintf(s->seen, sizeof(s->seen), "no answer to %d", TRIES);
	next_trace(y, k, s);
	if (x.unsent)
		return 0;
	why_back_say(y, k, s);
	return say_track(y, k, "echo requests", s);
}

/* ---- a port ---- */

static int take_dial(const struct pt_dial *d, void *arg)
{
	*(struct pt_dial *)arg = *d;
	return 0;
}

static void say_refused(const struct why *y, const struct why_walk *k, const struct pt_dial *d, const char *what,
			struct why_say *s)
{
	char who[64], to[64], ms[32];
	bool other;

	why_text(k->to, to);
	why_text(d->icmp.from, who);
	say_ms(ms, d->us);
	other = d->icmp.there && d->icmp.from.af && d->icmp.from.v != k->to.v;
	s->outcome = PT_WHY_STOPPED;
	if (d->state == PT_DIAL_REFUSED && !other)
		(void)snprintf(s->text, sizeof(s->text),
			       "%s refuses %s: nobody listens there, or a filter there says so", to, what);
	else if (d->icmp.there && d->icmp.from.af)
		(void)snprintf(s->text, sizeof(s->text), "%s says no to %s: %s", who, what,
			       pt_dial_icmp_name(&d->icmp));
	else
		(void)snprintf(s->text, sizeof(s->text), "%s is not reached: %s", to, strerror(d->error));
	if (d->icmp.there)
		(void)snprintf(s->seen, sizeof(s->seen), "ICMP %s%s%s after %s", pt_dial_icmp_name(&d->icmp),
			       d->icmp.from.af ? " of " : "", d->icmp.from.af ? who : "", ms);
	else if (d->state == PT_DIAL_REFUSED)
		(void)snprintf(s->seen, sizeof(s->seen), "a reset after %s", ms);
	else
		(void)snprintf(s->seen, sizeof(s->seen), "the kernel says: %s", strerror(d->error));
	if (d->state == PT_DIAL_REFUSED && !other)
		(void)snprintf(s->next, sizeof(s->next), "there: ptdiag socket listen port %u", y->o->port);
	else
		next_trace(y, k, s);
}

static int say_silent(struct why *y, struct why_walk *k, const char *what, struct why_say *s)
{
	char to[64], ms[32];

	why_text(k->to, to);
	if (y->o->timeout % 1000000)
		(void)snprintf(ms, sizeof(ms), "%ums", y->o->timeout / 1000);
	else
		(void)snprintf(ms, sizeof(ms), "%us", y->o->timeout / 1000000);
	s->outcome = y->o->udp ? PT_WHY_UNKNOWN : PT_WHY_STOPPED;
	k->silent = y->o->udp;
	(void)snprintf(s->text, sizeof(s->text),
		       y->o->udp ? "%s says nothing on %s: it is open and silent, or filtered"
				 : "%s does not answer on %s: it is filtered",
		       to, what);
	(void)snprintf(s->seen, sizeof(s->seen), "nothing came within %s", ms);
	next_trace(y, k, s);
	why_back_say(y, k, s);
	return say_track(y, k, what, s);
}

static int reach_port(struct why *y, struct why_walk *k, struct why_say *s)
{
	const struct pt_dial_want want = { .udp = y->o->udp, .timeout = y->o->timeout, .from = y->o->from,
					   .on = y->o->on, .stop = &y->stop_fd, .send = (const uint8_t *)"" };
	struct pt_dial_target t = { 0 };
	struct pt_dial d;
	char what[32], ms[32];
	int rc;

	memset(&d, 0, sizeof(d));
	t.len = sockaddr_of(k->to, y->o->port, k->zone, &t.addr);
	rc = pt_dial_all(&t, 1, &want, take_dial, &d, y->e);
	if (rc)
		return rc;
	why_what(y, what);
	say_ms(ms, d.us);
	if (d.state == PT_DIAL_OPEN) {
		(void)snprintf(s->text, sizeof(s->text), "%s is open, after %s", what, ms);
		return 0;
	}
	if (d.error == EPERM || (d.error == EACCES && !d.icmp.there)) {
		say_kept(y, what, s);
		return 0;
	}
	if (d.state == PT_DIAL_FILTERED)
		return say_silent(y, k, what, s);
	say_refused(y, k, &d, what, s);
	if (d.state == PT_DIAL_FAILED)
		next_port(y, s);
	return 0;
}

int why_reach(struct why *y, struct why_walk *k, struct why_say *s)
{
	return y->o->port ? reach_port(y, k, s) : reach_host(y, k, s);
}
