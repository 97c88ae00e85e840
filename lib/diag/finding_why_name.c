/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The name: what programs of this machine get for it, by the same resolver, hosts file and servers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "diag/finding_why.h"

/* Who would have to know: the servers of resolv.conf. */
static void say_servers(struct why *y, struct why_say *s)
{
	struct pt_dns_conf conf = { 0 };
	size_t at;

	if (pt_dns_conf_load("/etc/resolv.conf", y->arena, &conf, NULL) || !conf.servers.n) {
		(void)snprintf(s->seen, sizeof(s->seen), "/etc/resolv.conf names no server");
		return;
	}
	at = (size_t)snprintf(s->seen, sizeof(s->seen), "/etc/hosts does not have it, and /etc/resolv.conf asks");
	for (size_t i = 0; i < conf.servers.n && at < sizeof(s->seen); i++) {
		char text[64];

		why_text(conf.servers.v[i].address, text);
		at += (size_t)snprintf(s->seen + at, sizeof(s->seen) - at, "%s %s", i ? "," : "", text);
	}
}

static void say_none(struct why *y, const struct pt_err *e)
{
	struct why_say *s = &y->name;

	s->outcome = PT_WHY_STOPPED;
	(void)snprintf(s->text, sizeof(s->text), "%s", e->list.n ? e->list.v[0].msg : y->o->host);
	say_servers(y, s);
	(void)snprintf(s->next, sizeof(s->next), "ptdiag dns %s all", y->o->host);
}

static bool has_walk(const struct why *y, enum pt_af af)
{
	for (size_t i = 0; i < y->n; i++)
		if (y->walks[i].to.af == af)
			return true;
	return false;
}

void why_name_choose(struct why *y, const struct pt_addr *a, const uint32_t *zones, size_t n)
{
	struct why_say *s = &y->name;
	size_t at = (size_t)snprintf(s->text, sizeof(s->text), "%s is", y->o->host);

	for (size_t i = 0; i < n; i++) {
		char text[64];

		why_text(a[i], text);
		if (at < sizeof(s->text))
			at += (size_t)snprintf(s->text + at, sizeof(s->text) - at, "%s %s", i ? "," : "", text);
		if (has_walk(y, a[i].af) || y->n >= PT_WHY_WALKS)
			continue;
		y->walks[y->n].to = a[i];
		y->walks[y->n++].zone = zones[i];
	}
	if (y->n < n)
		(void)snprintf(s->seen, sizeof(s->seen), "of several the first of each family is tried");
}

int why_name(struct why *y)
{
	struct pt_addr a[WHY_ADDRESSES];
	uint32_t zones[WHY_ADDRESSES];
	size_t n = WHY_ADDRESSES;
	struct pt_err e = { 0 };
	int rc = pt_probe_hosts(y->o->host, y->o->af, a, zones, &n, &e);

	if (!rc)
		why_name_choose(y, a, zones, n);
	if (rc == -ENOENT || rc == -ETIMEDOUT) {
		say_none(y, &e);
		rc = 0;
	} else if (rc) {
		for (size_t i = 0; i < e.list.n; i++)
			pt_err_add(y->e, PT_ERROR, NULL, e.list.v[i].hint, "%s", e.list.v[i].msg);
	}
	/* An address, with its zone or without, has no name that would be looked for. */
	y->literal = !rc && y->n && (!pt_addr_parse(y->o->host, &a[0]) || strchr(y->o->host, '%'));
	pt_err_fini(&e);
	return rc;
}
