/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of the DNS: are there servers, does each answer, and how fast. They are asked for the root, which every
 * resolver knows. */
#include <stdio.h>
#include <string.h>

#include "diag/finding.h"

#define SLOW 500000 /* microseconds */

int check_dns_none(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = "/etc/resolv.conf" };

	if (l->dns.servers.n)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "no server of the DNS is written down: names are not found");
	(void)snprintf(s.evidence, sizeof(s.evidence),
		       l->has_dns ? "/etc/resolv.conf has no nameserver" : "/etc/resolv.conf cannot be read");
	(void)snprintf(s.next, sizeof(s.next), "write \"nameserver ADDRESS\" into /etc/resolv.conf");
	return finding_tell(l, c, &s);
}

static const char *server_name(const struct pt_dns_server *s, char text[64])
{
	finding_address(s->address, text);
	return text;
}

/* One server: its text where something is wrong. */
struct server {
	const struct pt_dns_server *server;
	bool answers;
	uint64_t us;
	char why[300];
};

static int ask(struct finding_look *l, struct server *x)
{
	const struct pt_dns_query q = { .name = "",
					.type = PT_DNS_NS,
					.rclass = PT_DNS_IN,
					.recurse = true,
					.size = PT_DNS_SIZE };
	const struct pt_dns_way w = { .transport = PT_DNS_UDP, .timeout = 2000000, .tries = 2 };
	struct pt_dns_reply r = { 0 };
	struct pt_err e = { 0 };
	char number[16];
	int rc = pt_dns_ask(x->server, &q, &w, l->arena, &r, &e);

	if (rc && rc != -ENOMEM) {
		(void)snprintf(x->why, sizeof(x->why), "%s", e.list.n ? e.list.v[0].msg : strerror(-rc));
		rc = 0;
	} else if (!rc && r.outcome != PT_DNS_ANSWERED) {
		(void)snprintf(x->why, sizeof(x->why), "%s", r.why);
	} else if (!rc && (r.m.rcode == PT_DNS_SERVFAIL || r.m.rcode == PT_DNS_REFUSED)) {
		(void)snprintf(x->why, sizeof(x->why), "it says %s", pt_dns_rcode_name(r.m.rcode, number));
	} else if (!rc) {
		x->answers = true;
		x->us = r.us;
	}
	pt_err_fini(&e);
	return rc;
}

static int tell_silent(struct finding_look *l, const struct pt_check *c, const struct server *x, bool others)
{
	struct finding_say s = { .severity = others ? PT_FINDING_WARNING : PT_FINDING_ERROR };
	char text[64];

	s.subject = server_name(x->server, text);
	(void)snprintf(s.text, sizeof(s.text),
		       others ? "DNS server %s does not answer; others do, but every name may have to wait for it" :
				"DNS server %s does not answer, and no other does",
		       text);
	(void)snprintf(s.evidence, sizeof(s.evidence), "asked twice: %s", x->why);
	(void)snprintf(s.next, sizeof(s.next), "ptdiag dns . ns @%s", text);
	return finding_tell(l, c, &s);
}

static int tell_slow(struct finding_look *l, const struct pt_check *c, const struct server *x)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	char text[64];

	s.subject = server_name(x->server, text);
	(void)snprintf(s.text, sizeof(s.text), "DNS server %s is slow", text);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu ms for the servers of the root",
		       (unsigned long long)x->us / 1000);
	(void)snprintf(s.next, sizeof(s.next), "ptdiag ping %s count 5", text);
	return finding_tell(l, c, &s);
}

int check_dns_answer(struct finding_look *l, const struct pt_check *c)
{
	struct server all[PT_DNS_SERVERS_MAX] = { 0 };
	size_t n = l->dns.servers.n < PT_DNS_SERVERS_MAX ? l->dns.servers.n : PT_DNS_SERVERS_MAX, answer = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		all[i].server = &l->dns.servers.v[i];
		rc = ask(l, &all[i]);
		answer += all[i].answers;
	}
	for (size_t i = 0; !rc && i < n; i++) {
		if (!all[i].answers)
			rc = tell_silent(l, c, &all[i], answer);
		else if (all[i].us > SLOW)
			rc = tell_slow(l, c, &all[i]);
	}
	return rc;
}
