/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks that ask gateways, and servers of the DNS behind them: do they have a link address, do they answer, and do
 * packets of the size that the link allows arrive there as small ones do. Sockets are opened before privileges are
 * given away.
 */
#include <linux/neighbour.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "diag/finding.h"

#define TARGETS_MAX 16
#define WAIT 1000000    /* microseconds for an answer */
#define HEADERS4 28     /* of IPv4 and the echo request */
#define HEADERS6 48

static bool is_target(const struct finding_look *l, struct pt_addr a)
{
	for (size_t i = 0; i < l->targets.n; i++)
		if (l->targets.v[i].addr.af == a.af && l->targets.v[i].addr.v == a.v)
			return true;
	return false;
}

static int add_target(struct finding_look *l, const struct finding_default *gateway, struct pt_addr a, uint32_t zone)
{
	struct finding_target t = { .gateway = gateway, .addr = a };
	struct pt_probe_options o = { .how = PT_PROBE_ICMP,
				      .to = a,
				      .zone = zone,
				      .df = true,
				      .probe_mtu = true,
				      .tos = -1 };

	if (l->targets.n >= TARGETS_MAX || is_target(l, a))
		return 0;
	if (pt_probe_open(&o, &t.probe, NULL))
		t.probe = NULL;
	if (!pt_vec_push(l->arena, &l->targets, t))
		return 0;
	pt_probe_close(t.probe);
	return -ENOMEM;
}

int finding_open_targets(struct finding_look *l)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->defaults.n; i++) {
		const struct finding_default *d = &l->defaults.v[i];

		if (d->via.af != PT_AF_NONE && d->link && d->link->running)
			rc = add_target(l, d, d->via,
					d->via.af == PT_AF_INET6 && d->via.v >> 118 == 0x3fa ? d->index : 0);
	}
	for (size_t i = 0; !rc && i < l->dns.servers.n; i++) {
		struct pt_addr a = l->dns.servers.v[i].address;
		bool loopback = a.af == PT_AF_INET ? a.v >> 24 == 127 : a.v == 1;
		bool local = a.af == PT_AF_INET6 && a.v >> 118 == 0x3fa;

		if (!loopback && !local && a.af != PT_AF_NONE)
			rc = add_target(l, NULL, a, 0);
	}
	return rc;
}

/* ---- asking ---- */

struct asked {
	bool reply, error;
	int unsent;
};

static int take_answer(const struct pt_probe_answer *a, void *arg)
{
	struct asked *x = arg;

	x->reply |= a->kind == PT_PROBE_REPLY;
	x->error |= a->kind == PT_PROBE_ERROR;
	return 0;
}

/* Three in a row: one may be lost. An error of sending is an answer of this machine. */
static void ask(struct pt_probe *p, uint32_t size, struct asked *x)
{
	struct pollfd fds[PT_PROBE_FDS];
	uint64_t number;

	memset(x, 0, sizeof(*x));
	for (int i = 0; i < 3 && !x->reply && !x->error; i++) {
		nfds_t n = pt_probe_fds(p, fds);
		int rc = pt_probe_send(p, 0, size, 0, &number);

		if (rc) {
			x->error = true;
			x->unsent = rc;
			return;
		}
		while (!x->reply && !x->error && poll(fds, n, WAIT / 1000) > 0)
			if (pt_probe_receive(p, take_answer, x))
				return;
	}
}

/* ---- the checks ---- */

static bool is_missing(const struct pt_neighbours *all, const struct finding_target *t)
{
	uint16_t state = 0;

	for (size_t i = 0; i < all->v.n; i++) {
		const struct pt_neighbour *n = &all->v.v[i];

		if (n->index == t->gateway->index && n->addr.af == t->addr.af && n->addr.v == t->addr.v && !n->proxy)
			state = n->state;
	}
	return state & (NUD_FAILED | NUD_INCOMPLETE);
}

int check_gateway_neighbour(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->targets.n; i++) {
		struct finding_target *t = &l->targets.v[i];
		struct finding_say s = { .severity = PT_FINDING_ERROR };
		struct pt_neighbours all = { 0 };
		struct asked x;
		char text[64];

		if (!t->probe)
			continue;
		ask(t->probe, 56, &x);
		t->answers = x.reply;
		t->unsent = x.unsent;
		if (x.reply || !t->gateway)
			continue;
		rc = pt_neighbours_read(l->route, &l->links, l->arena, &all, l->e);
		if (rc || !is_missing(&all, t))
			continue;
		t->neighbour_missing = true;
		finding_address(t->addr, text);
		s.subject = text;
		(void)snprintf(s.text, sizeof(s.text), "the gateway %s is not on the link: nobody answers %s for it",
			       text, t->addr.af == PT_AF_INET ? "ARP" : "neighbour discovery");
		(void)snprintf(s.evidence, sizeof(s.evidence), "its entry on %s has no link address",
			       finding_device(l, t->gateway->index));
		(void)snprintf(s.next, sizeof(s.next), "ptnet neighbour show");
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

/* What an earlier check did not ask; nothing where it cannot be asked. */
static void ask_again(struct finding_look *l)
{
	struct asked x;

	for (size_t i = 0; i < l->targets.n; i++) {
		struct finding_target *t = &l->targets.v[i];

		if (!t->probe || t->answers || t->neighbour_missing)
			continue;
		ask(t->probe, 56, &x);
		t->answers = x.reply;
		t->unsent = x.unsent;
	}
}

int check_gateway_silent(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	ask_again(l);
	for (size_t i = 0; !rc && i < l->targets.n; i++) {
		const struct finding_target *t = &l->targets.v[i];
		struct finding_say s = { .severity = PT_FINDING_NOTE };
		char text[64];

		if (!t->gateway || !t->probe || t->answers || t->neighbour_missing)
			continue;
		finding_address(t->addr, text);
		if (t->unsent) {
			rc = finding_skip(l, c, "%s could not be asked: %s", text, strerror(-t->unsent));
			continue;
		}
		s.subject = text;
		(void)snprintf(s.text, sizeof(s.text), "the gateway %s does not answer echo requests; it may be set so",
			       text);
		(void)snprintf(s.evidence, sizeof(s.evidence), "no answer to three by %s, a second each",
			       finding_device(l, t->gateway->index));
		(void)snprintf(s.next, sizeof(s.next), "ptdiag ping %s count 3", text);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

/* Twice the same, small beside large: only what small ones do and large ones do not, with nobody telling why, is a
 * hole. */
int check_mtu_blackhole(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	ask_again(l);
	for (size_t i = 0; !rc && i < l->targets.n; i++) {
		const struct finding_target *t = &l->targets.v[i];
		struct finding_say s = { .severity = PT_FINDING_ERROR };
		uint32_t mtu = t->probe ? pt_probe_mtu(t->probe) : 0,
			 headers = t->addr.af == PT_AF_INET ? HEADERS4 : HEADERS6;
		struct asked large, small;
		char text[64];

		if (!t->answers || mtu <= headers + 500 || mtu > 9216)
			continue;
		ask(t->probe, mtu - headers, &large);
		if (large.reply || large.error)
			continue;
		ask(t->probe, 56, &small);
		if (!small.reply)
			continue;
		finding_address(t->addr, text);
		s.subject = text;
		(void)snprintf(s.text, sizeof(s.text),
			       "large packets to %s are lost on the way and nobody says so: connections begin and hang",
			       text);
		(void)snprintf(s.evidence, sizeof(s.evidence),
			       "echo requests of 84 bytes are answered, those of %u bytes, the MTU, are not", mtu);
		(void)snprintf(s.next, sizeof(s.next), "ptdiag trace %s mtu", text);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}
