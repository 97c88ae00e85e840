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

static uint32_t hash_of(const struct pt_conf_route *r)
{
	struct {
		pt_u128 v;
		uint32_t table, metric, af, len;
	} key = { r->dst.addr.v, r->table, r->metric, r->dst.addr.af, r->dst.len };

	return pt_hash32(&key, sizeof(key));
}

static bool is_twin(const struct pt_conf_route *x, const struct pt_conf_route *y)
{
	return x->dst.addr.v == y->dst.addr.v && x->dst.addr.af == y->dst.addr.af && x->dst.len == y->dst.len &&
	       x->table == y->table && x->metric == y->metric;
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
		size_t at = hash_of(r) & (cap - 1);

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

int conf_check_network(const struct pt_conf *c, struct pt_err *e)
{
	struct names n = { .c = c, .e = e };
	int rc;

	if (!c->routes.n && !c->route_rules.n && !c->neighbours.n)
		return 0;
	check_names(&n);
	rc = check_twins(c, e);
	return rc ? rc : n.rc;
}
