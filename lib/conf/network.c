/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes among each other and with the rest of the file: a route by an interface that nobody knows, two routes that are the same
 * one to the kernel. There may be a hundred thousand, so twins are found by hashing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

struct names {
	const struct pt_conf *c;
	const char *last; /* known: routes name the same one again and again */
	struct pt_err *e;
	int rc;
};

static void check_name(struct names *n, const char *name, const struct pt_loc *loc)
{
	if (!name || (n->last && !strcmp(n->last, name)))
		return;
	if (!strcmp(name, "lo") || pt_conf_find_if(n->c, name)) {
		n->last = name;
		return;
	}
	pt_err_add(n->e, PT_ERROR, loc, "each link has a section: interface NAME { }", "there is no interface %s", name);
	n->rc = -EINVAL;
}

static void check_names(struct names *n)
{
	for (size_t i = 0; i < n->c->routes.n; i++)
		for (uint32_t k = 0; k < n->c->routes.v[i].n_hops; k++)
			check_name(n, n->c->routes.v[i].hops[k].dev, &n->c->routes.v[i].loc);
	for (size_t i = 0; i < n->c->route_rules.n; i++) {
		check_name(n, n->c->route_rules.v[i].iif, &n->c->route_rules.v[i].loc);
		check_name(n, n->c->route_rules.v[i].oif, &n->c->route_rules.v[i].loc);
	}
	for (size_t i = 0; i < n->c->neighbours.n; i++)
		check_name(n, n->c->neighbours.v[i].dev, &n->c->neighbours.v[i].loc);
}

/* ---- twins ---- */

#define IPV6_METRIC 1024 /* what the kernel makes of none */

uint32_t pt_conf_route_metric(const struct pt_conf_route *r)
{
	return r->metric || r->dst.addr.af == PT_AF_INET ? r->metric : IPV6_METRIC;
}

uint32_t pt_route_hash(const struct pt_prefix *dst, uint32_t table, uint32_t metric)
{
	struct {
		pt_u128 v;
		uint32_t table, metric, af, len;
	} key = { dst->addr.v, table, metric, dst->addr.af, dst->len };

	return pt_hash32(&key, sizeof(key));
}

static bool is_twin(const struct pt_conf_route *x, const struct pt_conf_route *y)
{
	return x->dst.addr.v == y->dst.addr.v && x->dst.addr.af == y->dst.addr.af && x->dst.len == y->dst.len &&
	       x->table == y->table && pt_conf_route_metric(x) == pt_conf_route_metric(y);
}

static int check_twins(const struct pt_conf *c, struct pt_err *e)
{
	size_t cap = 16, n = c->routes.n;
	uint32_t *slots;
	int rc = 0;

	while (cap < 2 * n)
		cap *= 2;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct pt_conf_route *r = &c->routes.v[i], *other = NULL;
		size_t at = pt_route_hash(&r->dst, r->table, pt_conf_route_metric(r)) & (cap - 1);

		for (; slots[at] && !other; at = (at + 1) & (cap - 1))
			if (is_twin(r, &c->routes.v[slots[at] - 1]))
				other = &c->routes.v[slots[at] - 1];
		if (!other) {
			slots[at] = i + 1;
			continue;
		}
		pt_err_add(e, PT_ERROR, &r->loc, "give one of them another metric, or write both as `nexthop`",
			   "a route to this destination is in line %u already, with the same table and metric", other->loc.line);
		rc = -EINVAL;
	}
	free(slots);
	return rc;
}

/* ---- neighbours ---- */

static int by_place(const void *x, const void *y)
{
	const struct pt_conf_neighbour *const *p = x, *const *q = y;
	const struct pt_conf_neighbour *a = *p, *b = *q;
	int order = strcmp(a->dev, b->dev);

	if (order)
		return order;
	if (a->addr.af != b->addr.af)
		return a->addr.af < b->addr.af ? -1 : 1;
	if (a->addr.v != b->addr.v)
		return a->addr.v < b->addr.v ? -1 : 1;
	return (a > b) - (a < b); /* in the order of the file */
}

static int check_neighbours(const struct pt_conf *c, struct pt_err *e)
{
	const struct pt_conf_neighbour **v;
	int rc = 0;

	v = calloc(c->neighbours.n + 1, sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < c->neighbours.n; i++)
		v[i] = &c->neighbours.v[i];
	qsort(v, c->neighbours.n, sizeof(*v), by_place); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 1; i < c->neighbours.n; i++) {
		if (strcmp(v[i - 1]->dev, v[i]->dev) != 0 || v[i - 1]->addr.af != v[i]->addr.af || v[i - 1]->addr.v != v[i]->addr.v)
			continue;
		pt_err_add(e, PT_ERROR, &v[i]->loc, "a neighbour has one link address", "this neighbour is in line %u already",
			   v[i - 1]->loc.line);
		rc = -EINVAL;
	}
	free(v);
	return rc;
}

int conf_check_network(const struct pt_conf *c, struct pt_err *e)
{
	struct names n = { .c = c, .e = e };
	int rc;

	for (size_t i = 0; i < c->hosts.n; i++) {
		check_name(&n, c->hosts.v[i].interface, &c->hosts.v[i].interface_loc);
		if (c->hosts.v[i].mac)
			continue;
		pt_err_add(e, PT_ERROR, &c->hosts.v[i].loc, "mac = \"02:00:00:00:00:01\"", "host %s has no link address", c->hosts.v[i].name);
		n.rc = -EINVAL;
	}
	if (!c->routes.n && !c->route_rules.n && !c->neighbours.n)
		return n.rc;
	check_names(&n);
	rc = conf_both(n.rc, check_twins(c, e));
	return rc == -ENOMEM ? rc : conf_both(rc, check_neighbours(c, e));
}
