/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of ways: default routes, the filter of sources, forwarding, router advertisements. */
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "diag/finding.h"

static const char *family(enum pt_af af)
{
	return af == PT_AF_INET ? "IPv4" : "IPv6";
}

static bool has_global(const struct finding_look *l, enum pt_af af)
{
	for (size_t i = 0; i < l->addresses.v.n; i++) {
		const struct pt_address *a = &l->addresses.v.v[i];
		const struct pt_link *k = pt_links_index(&l->links, a->index);

		if (a->prefix.addr.af == af && a->scope == RT_SCOPE_UNIVERSE && k && !(k->flags & IFF_LOOPBACK))
			return true;
	}
	return false;
}

static size_t defaults_of(const struct finding_look *l, enum pt_af af)
{
	size_t n = 0;

	for (size_t i = 0; i < l->defaults.n; i++)
		n += l->defaults.v[i].af == af;
	return n;
}

/* IPv6 alone, or IPv4 alone, is a whole network; local addresses of IPv6 (fc00::/7) have no way out. */
int check_default_missing(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };

	if (defaults_of(l, PT_AF_INET) || defaults_of(l, PT_AF_INET6) ||
	    !(has_global(l, PT_AF_INET) || has_global(l, PT_AF_INET6)))
		return 0;
	(void)snprintf(s.text, sizeof(s.text),
		       "there is no default route: only the networks that it is part of can be reached");
	(void)snprintf(s.evidence, sizeof(s.evidence), "addresses, but no default route in any table");
	(void)snprintf(s.next, sizeof(s.next), "ptnet route show");
	return finding_tell(l, c, &s);
}

static void via(const struct finding_look *l, const struct finding_default *d, char *out, size_t size)
{
	char text[64] = "";

	if (d->via.af != PT_AF_NONE)
		finding_address(d->via, text);
	(void)snprintf(out, size, "%s%s%s by %s, metric %u", *text ? "via " : "", text, *text ? "" : "on the link",
		       finding_device(l, d->index), d->metric);
}

/* Of two routes, not of one with several next hops. */
int check_default_twice(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->defaults.n; i++)
		for (size_t j = 0; !rc && j < i; j++) {
			const struct finding_default *a = &l->defaults.v[j], *b = &l->defaults.v[i];
			struct finding_say s = { .severity = PT_FINDING_WARNING,
						 .subject = finding_device(l, b->index) };
			char x[128], y[128];

			if (a->af != b->af || a->table != b->table || a->metric != b->metric || a->n_hops > 1 ||
			    b->n_hops > 1)
				continue;
			via(l, a, x, sizeof(x));
			via(l, b, y, sizeof(y));
			(void)snprintf(s.text, sizeof(s.text),
				       "two default routes of %s have the same metric: which one counts is an accident",
				       family(a->af));
			(void)snprintf(s.evidence, sizeof(s.evidence), "%s; %s; table %u", x, y, a->table);
			(void)snprintf(s.next, sizeof(s.next), "ptnet route show");
			rc = finding_tell(l, c, &s);
		}
	return rc;
}

int check_default_dead(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->defaults.n; i++) {
		const struct finding_default *d = &l->defaults.v[i];
		struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = finding_device(l, d->index) };

		if (!d->link || (d->link->up && d->link->running))
			continue;
		via(l, d, s.evidence, sizeof(s.evidence));
		(void)snprintf(s.text, sizeof(s.text), "a default route of %s leads to %s, which is down",
			       family(d->af), s.subject);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link show %s -d", s.subject);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

/* Some rule sends packets of an address of this device, or marked ones, or those of the device, to a table of their
 * own. */
static bool has_rule(const struct finding_look *l, uint32_t index, enum pt_af af)
{
	for (size_t i = 0; i < l->rules.v.n; i++) {
		const struct pt_conf_route_rule *r = &l->rules.v.v[i].r;

		if (r->af != af || r->table == RT_TABLE_MAIN || r->table == RT_TABLE_LOCAL ||
		    r->table == RT_TABLE_DEFAULT)
			continue;
		if (r->mask || (r->oif && !strcmp(r->oif, finding_device(l, index))))
			return true;
		for (size_t j = 0; r->from.len && j < l->addresses.v.n; j++) {
			const struct pt_address *a = &l->addresses.v.v[j];

			if (a->index == index && a->prefix.addr.af == af &&
			    a->prefix.addr.v >= pt_prefix_lo(&r->from) && a->prefix.addr.v <= pt_prefix_hi(&r->from))
				return true;
		}
	}
	return false;
}

/* A default route by this link that others come before: what is asked there is answered elsewhere. NULL: none does. */
static const struct finding_default *better(const struct finding_look *l, const struct finding_default *d)
{
	for (size_t i = 0; i < l->defaults.n; i++) {
		const struct finding_default *b = &l->defaults.v[i];

		if (b->af == d->af && b->index != d->index && b->table == RT_TABLE_MAIN && d->table == RT_TABLE_MAIN &&
		    b->metric < d->metric)
			return b;
	}
	return NULL;
}

/* A route through a VRF's table is not of this kind: it has rules. */
int check_default_asymmetric(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->defaults.n; i++) {
		const struct finding_default *d = &l->defaults.v[i], *b = better(l, d);
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = finding_device(l, d->index) };
		char x[128], y[128];

		if (!b || has_rule(l, d->index, d->af))
			continue;
		via(l, b, x, sizeof(x));
		via(l, d, y, sizeof(y));
		(void)snprintf(s.text, sizeof(s.text),
			       "who asks by %s is answered by %s: connections from outside fail there", s.subject,
			       finding_device(l, b->index));
		(void)snprintf(s.evidence, sizeof(s.evidence),
			       "%s default routes %s; %s; no rule of routing by the address", family(d->af), x, y);
		(void)snprintf(s.next, sizeof(s.next), "ptnet rule show");
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

static uint64_t setting(const struct finding_look *l, const char *af, const char *device, const char *name)
{
	char path[128];
	uint64_t v = 0;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", af, device, name);
	return finding_number(l, path, &v) ? 0 : v;
}

/* The larger of "all" and the device's counts; 1 is strict. */
int check_rp_filter(struct finding_look *l, const struct pt_check *c)
{
	uint64_t all = setting(l, "ipv4", "all", "rp_filter");
	int rc = 0;

	for (size_t i = 0; !rc && i < l->defaults.n; i++) {
		const struct finding_default *d = &l->defaults.v[i];
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = finding_device(l, d->index) };
		uint64_t own = setting(l, "ipv4", s.subject, "rp_filter");

		if (d->af != PT_AF_INET || !better(l, d) || (own > all ? own : all) != 1)
			continue;
		(void)snprintf(s.text, sizeof(s.text),
			       "%s drops what comes from the internet: the way back leads by %s", s.subject,
			       finding_device(l, better(l, d)->index));
		(void)snprintf(s.evidence, sizeof(s.evidence),
			       "rp_filter is strict (all %llu, %s %llu) and there is a better default route",
			       (unsigned long long)all, s.subject, (unsigned long long)own);
		(void)snprintf(s.next, sizeof(s.next), "sysctl net.ipv4.conf.%s.rp_filter=2", s.subject);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

static int tell_forwarding(struct finding_look *l, const struct pt_check *c, enum pt_af af, bool written)
{
	const char *name = af == PT_AF_INET ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
	struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = family(af) };

	(void)snprintf(s.text, sizeof(s.text), "this machine forwards no %s, and %s", family(af),
		       written ? "its configuration wants it to" : "its rules translate what it should forward");
	(void)snprintf(s.evidence, sizeof(s.evidence), "%s is 0", name);
	(void)snprintf(s.next, sizeof(s.next), written ? "ptfw apply" : "sysctl %s=1", name);
	return finding_tell(l, c, &s);
}

static bool translates(const struct finding_look *l, enum pt_af af)
{
	for (size_t i = 0; i < l->plan.policy->nats.n; i++)
		if (l->plan.policy->nats.v[i].af & af)
			return true;
	return false;
}

int check_forwarding(struct finding_look *l, const struct pt_check *c)
{
	static const char *const paths[] = { "/proc/sys/net/ipv4/ip_forward",
					     "/proc/sys/net/ipv6/conf/all/forwarding" };
	int rc = 0;

	if (!l->has_plan || !l->plan.conf->forwarding)
		return 0;
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(paths); i++) {
		enum pt_af af = i ? PT_AF_INET6 : PT_AF_INET;
		bool written = l->plan.conf->forwarding == 1;
		uint64_t v;

		if (finding_number(l, paths[i], &v) || v || (!written && (!translates(l, af) || l->links.v.n < 3)))
			continue;
		rc = tell_forwarding(l, c, af, written);
	}
	return rc;
}

/* A router listens to others only where accept_ra is 2. It matters where somebody counts on it. */
int check_accept_ra(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	if (!setting(l, "ipv6", "all", "forwarding"))
		return 0;
	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i];
		const struct pt_conf_if *x = finding_interface(l, k->name);
		bool counts = x && x->ways & PT_IF_SLAAC;
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = k->name };

		for (size_t j = 0; j < l->addresses.v.n; j++) {
			const struct pt_address *a = &l->addresses.v.v[j];

			counts |= a->index == k->index && a->flags & IFA_F_MANAGETEMPADDR && a->valid != UINT32_MAX;
		}
		if (!counts || setting(l, "ipv6", k->name, "accept_ra") != 1)
			continue;
		(void)snprintf(
			s.text, sizeof(s.text),
			"%s does not listen to router advertisements: its addresses and default route will run out",
			k->name);
		(void)snprintf(s.evidence, sizeof(s.evidence),
			       "forwarding is on and net.ipv6.conf.%s.accept_ra is 1, which counts for hosts only",
			       k->name);
		(void)snprintf(s.next, sizeof(s.next), "sysctl net.ipv6.conf.%s.accept_ra=2", k->name);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}
