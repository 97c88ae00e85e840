/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the root down: each server is asked itself, without recursion, and says who knows more, until one knows.
 *
 * A referral leads to a zone below the one it came from and above the name, or it leads nowhere: so there is an end, at
 * most as many steps as the name has labels.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "diag/dns.h"

#define HOSTS_MAX 6 /* servers whose addresses are asked for, where none came with the referral */

struct tracing {
	const struct pt_dns_server *roots; /* that resolve the names of servers */
	size_t n_roots;
	const struct pt_dns_query *q;
	const struct pt_dns_way *w;
	enum pt_af af;
	struct pt_arena *arena;
	struct pt_err *e;
	struct pt_dns_server next[PT_DNS_SERVERS_MAX];
	size_t n_next;
	uint8_t zone[PT_DNS_WIRE_MAX]; /* where we are */
};

static size_t labels(const uint8_t *wire)
{
	size_t n = 0;

	for (; *wire; wire += *wire + 1)
		n++;
	return n;
}

static bool same_label(const uint8_t *x, const uint8_t *y)
{
	return *x == *y && !strncasecmp((const char *)x + 1, (const char *)y + 1, *x);
}

/* NAME is ZONE, or below it. */
static bool within(const uint8_t *name, const uint8_t *zone)
{
	size_t n = labels(name), m = labels(zone);

	if (n < m)
		return false;
	for (; n > m; n--)
		name += *name + 1;
	for (; *zone && same_label(name, zone); zone += *zone + 1)
		name += *name + 1;
	return !*zone;
}

static void add_server(struct tracing *x, const char *address, const char *name, uint16_t port)
{
	struct pt_dns_server s;

	if (x->n_next >= PT_DNS_SERVERS_MAX || pt_dns_server_parse(address, port, &s))
		return;
	if (x->af != PT_AF_NONE && s.address.af != x->af)
		return;
	s.name = name;
	x->next[x->n_next++] = s;
}


static void add_glue(struct tracing *x, const struct pt_dns_message *m, const char *host)
{
	for (size_t i = 0; i < m->section[PT_DNS_ADDITIONAL].n; i++) {
		const struct pt_dns_record *r = &m->section[PT_DNS_ADDITIONAL].v[i];

		if ((r->type == PT_DNS_A || r->type == PT_DNS_AAAA) && !r->bad && !strcasecmp(r->name, host))
			add_server(x, r->data, host, PT_DNS_PORT);
	}
}

static int resolve_host(struct tracing *x, const char *host, uint16_t type)
{
	struct pt_dns_query q = { .type = type, .rclass = PT_DNS_IN, .recurse = true, .size = PT_DNS_SIZE };
	struct pt_dns_reply r;
	int rc;

	if (pt_dns_name_wire(host, q.name) < 0)
		return 0;
	rc = pt_dns_ask_any(x->roots, x->n_roots, &q, x->w, x->arena, &r, x->e);
	for (size_t i = 0; !rc && r.outcome == PT_DNS_ANSWERED && i < r.m.section[PT_DNS_ANSWER].n; i++) {
		const struct pt_dns_record *a = &r.m.section[PT_DNS_ANSWER].v[i];

		if (a->type == type && !a->bad)
			add_server(x, a->data, host, PT_DNS_PORT);
	}
	return rc;
}

/* The servers that a section names, for one zone; addresses come with them, or are asked for. */
static int take_servers(struct tracing *x, const struct pt_dns_message *m, enum pt_dns_section section,
			const char *zone)
{
	size_t asked = 0;
	int rc = 0;

	x->n_next = 0;
	for (int glue = 1; glue >= 0 && !x->n_next; glue--) {
		for (size_t i = 0; !rc && i < m->section[section].n; i++) {
			const struct pt_dns_record *r = &m->section[section].v[i];

			if (r->type != PT_DNS_NS || r->bad || strcasecmp(r->name, zone) != 0)
				continue;
			if (glue) {
				add_glue(x, m, r->data);
				continue;
			}
			if (asked++ >= HOSTS_MAX)
				break;
			if (x->af != PT_AF_INET6)
				rc = resolve_host(x, r->data, PT_DNS_A);
			if (!rc && x->af != PT_AF_INET)
				rc = resolve_host(x, r->data, PT_DNS_AAAA);
		}
	}
	return rc;
}

/* The zone that a referral is to, or NULL. */
static const char *referral(struct tracing *x, const struct pt_dns_message *m)
{
	uint8_t wire[PT_DNS_WIRE_MAX];

	if (m->rcode != PT_DNS_NOERROR || m->section[PT_DNS_ANSWER].n || m->flags & PT_DNS_AA)
		return NULL;
	for (size_t i = 0; i < m->section[PT_DNS_AUTHORITY].n; i++) {
		const struct pt_dns_record *r = &m->section[PT_DNS_AUTHORITY].v[i];

		if (r->type != PT_DNS_NS || pt_dns_name_wire(r->name, wire) < 0)
			continue;
		if (labels(wire) <= labels(x->zone) || !within(wire, x->zone) || !within(x->q->name, wire))
			continue;
		memcpy(x->zone, wire, sizeof(wire));
		return r->name;
	}
	return NULL;
}

static int begin_at_root(struct tracing *x, int (*tell)(const struct pt_dns_reply *r, void *arg), void *arg)
{
	struct pt_dns_query q = { .type = PT_DNS_NS,
				  .rclass = PT_DNS_IN,
				  .recurse = true,
				  .dnssec = x->q->dnssec,
				  .size = x->q->size };
	struct pt_dns_reply r;
	int rc = pt_dns_ask_any(x->roots, x->n_roots, &q, x->w, x->arena, &r, x->e);

	if (!rc)
		rc = tell(&r, arg);
	if (rc || r.outcome != PT_DNS_ANSWERED)
		return rc;
	return take_servers(x, &r.m, PT_DNS_ANSWER, ".");
}

int pt_dns_trace(const struct pt_dns_server *roots, size_t n, const struct pt_dns_query *q, const struct pt_dns_way *w,
		 enum pt_af af, struct pt_arena *a, int (*tell)(const struct pt_dns_reply *r, void *arg), void *arg,
		 struct pt_err *e)
{
	struct tracing x = { .roots = roots, .n_roots = n, .q = q, .w = w, .af = af, .arena = a, .e = e };
	struct pt_dns_query step = *q;
	int rc = begin_at_root(&x, tell, arg);

	step.recurse = false;
	while (!rc && x.n_next) {
		struct pt_dns_reply r;
		const char *zone;

		rc = pt_dns_ask_any(x.next, x.n_next, &step, w, a, &r, e);
		if (!rc)
			rc = tell(&r, arg);
		zone = !rc && r.outcome == PT_DNS_ANSWERED ? referral(&x, &r.m) : NULL;
		if (!zone)
			break;
		rc = take_servers(&x, &r.m, PT_DNS_AUTHORITY, zone);
	}
	return rc;
}
