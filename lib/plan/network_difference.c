/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the kernel's network differs from what is wanted, at one moment, and each difference in words.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "plan/network.h"

void network_difference_fini(struct difference *d)
{
	for (size_t i = 0; i < d->programs.n; i++)
		close(d->programs.v[i]);
	pt_arena_free(d->arena);
	memset(d, 0, sizeof(*d));
}

size_t network_difference_size(const struct difference *d)
{
	return d->links.n + d->traits.n + d->addresses.n + d->routes.n + d->rules.n + d->neighbours.n + d->shapes.n;
}

int network_read(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e)
{
	int rc = pt_links_read_plain(route, d->arena, &d->have.links, e);

	if (!rc && network_before_want(want, &d->have.links, d->arena, &d->wanted))
		rc = pt_err_sys(e, -ENOMEM, "comparing the interfaces");
	if (!rc)
		rc = pt_traits_read(route, &d->have.links, &d->wanted, d->arena, &d->have.traits, e);
	if (!rc)
		rc = pt_addresses_read(route, &d->have.links, d->arena, &d->have.addresses, e);
	if (!rc)
		rc = pt_neighbours_read(route, &d->have.links, d->arena, &d->have.neighbours, e);
	if (!rc)
		rc = pt_shapes_read(route, &d->have.links, d->arena, &d->have.shapes, e);
	if (!rc)
		rc = pt_route_rules_read(route, d->arena, &d->have.rules, e);
	if (!rc)
		network_tally(&d->have, &d->seen);
	return rc;
}

static bool is_left(const struct difference *d, const char *device)
{
	for (size_t i = 0; i < d->left.n; i++)
		if (!strcmp(d->left.v[i]->name, device))
			return true;
	return false;
}

static bool is_absent(const struct difference *d, const char *device)
{
	for (size_t i = 0; i < d->absent.n; i++)
		if (!strcmp(d->absent.v[i]->name, device))
			return true;
	return is_left(d, device);
}

/* What is wanted of links that cannot be there waits with them. */
static int without_absent(const struct difference *d, const struct network *want, struct network *out)
{
	int rc = 0;

	out->addresses = (struct pt_addresses){ .arena = d->arena };
	out->traits = (struct pt_traits){ .arena = d->arena };
	for (size_t i = 0; !rc && i < want->addresses.v.n; i++)
		if (!is_absent(d, want->addresses.v.v[i].device))
			rc = pt_vec_push(d->arena, &out->addresses.v, want->addresses.v.v[i]);
	for (size_t i = 0; !rc && i < d->wanted.v.n; i++)
		if (!is_absent(d, d->wanted.v.v[i].device))
			rc = pt_vec_push(d->arena, &out->traits.v, d->wanted.v.v[i]);
	return rc;
}

/* Somebody else made one of that name, which is not ours to change or to delete. */
static bool is_foreign(const struct difference *d, const struct pt_link *want)
{
	const struct pt_link *have = want && want->kind != PT_LINK_PHYSICAL ? pt_links_find(&d->have.links, want->name) : NULL;

	return have && !pt_link_ours(have);
}

/* Links that somebody took down stay so, and those of others are theirs; what is on either waits. */
static int leave_links(struct difference *d, const struct network_left *left)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; left && !rc && i < d->links.n; i++) {
		const struct pt_link_change *c = &d->links.v[i];

		if (c->op == PT_LINK_DELETE && !pt_link_ours(c->have))
			continue; /* to be made anew */
		if (is_foreign(d, c->want) ||
		    (c->op == PT_LINK_CHANGE && c->want->up && !c->have->up && left->down(c->have, left->arg)))
			rc = pt_vec_push(d->arena, &d->left, c->want);
		else
			d->links.v[n++] = *c;
	}
	if (left)
		d->links.n = n;
	return rc;
}

static int present_neighbours(const struct difference *d, const struct pt_neighbours *want, struct pt_neighbours *out)
{
	int rc = 0;

	*out = (struct pt_neighbours){ .arena = d->arena };
	for (size_t i = 0; !rc && i < want->v.n; i++)
		if (!is_absent(d, want->v.v[i].device))
			rc = pt_vec_push(d->arena, &out->v, want->v.v[i]);
	return rc;
}

/* Routes name few links, one after the other the same. */
int network_find_link(void *arg, const char *name, uint32_t *index)
{
	const struct network_finder *f = arg;
	struct link_cache *cache = &f->d->cache;
	const struct pt_link *l;
	const char *device;

	if (!cache->name || strcmp(cache->name, name) != 0) {
		device = pt_conf_device(f->conf, name);
		l = pt_links_find(&f->d->have.links, device);
		*cache = (struct link_cache){ name, l ? l->index : 0, is_absent(f->d, device) ? -ENODEV : 0 };
	}
	*index = cache->index;
	return cache->rc;
}

static int compare(struct difference *d, const struct network *want)
{
	struct pt_neighbours neighbours;
	struct network now; /* that can be */
	int rc = pt_links_diff(&want->links, &d->have.links, d->arena, &d->links, &d->absent);

	if (!rc)
		rc = leave_links(d, want->left);
	if (!rc)
		rc = without_absent(d, want, &now);
	if (!rc)
		rc = pt_traits_diff(&now.traits, &d->have.traits, &d->have.links, &want->links, d->arena, &d->traits);
	if (!rc)
		rc = pt_addresses_diff(&now.addresses, &d->have.addresses, &d->have.links, d->arena, &d->addresses);
	if (!rc)
		rc = present_neighbours(d, &want->neighbours, &neighbours);
	if (!rc)
		rc = pt_neighbours_diff(&neighbours, &d->have.neighbours, &d->have.links, d->arena, &d->neighbours);
	if (!rc)
		rc = pt_shapes_diff(&want->shapes, &d->have.shapes, &d->have.links, &d->absent, d->arena, &d->shapes);
	return rc ? rc : pt_route_rules_diff(&want->rules, &d->have.rules, d->arena, &d->rules);
}

static int compare_routes(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e)
{
	struct network_finder f = { d, want->conf };

	if (!want->conf)
		return 0;
	return pt_routes_diff(route, want->routes, want->n_routes, network_find_link, &f, d->arena, &d->routes,
			      &d->seen, e);
}

/* N of V that are kept move to the front. */
#define KEEP(vec, kind, on_left)                                                                       \
	do {                                                                                           \
		size_t n_kept = 0;                                                                     \
                                                                                                       \
		for (size_t i = 0; i < (vec).n; i++) {                                                 \
			(void)network_describe(d, NETWORK_COOKIE(kind, i), &b);                        \
			if (!(on_left) && !left->rests(network_kinds[kind], b.err ? "" : b.s, left->arg)) \
				(vec).v[n_kept++] = (vec).v[i];                                        \
		}                                                                                      \
		(vec).n = n_kept;                                                                      \
	} while (0)

static void leave_alone(struct difference *d, const struct network_left *left)
{
	struct pt_buf b = { 0 };

	KEEP(d->links, CHANGE_LINK, false);
	KEEP(d->traits, CHANGE_TRAIT, is_left(d, d->traits.v[i].t.device));
	KEEP(d->addresses, CHANGE_ADDRESS, is_left(d, d->addresses.v[i].a.device));
	KEEP(d->neighbours, CHANGE_NEIGHBOUR, is_left(d, d->neighbours.v[i].n.device));
	KEEP(d->routes, CHANGE_ROUTE, false);
	KEEP(d->rules, CHANGE_RULE, false);
	KEEP(d->shapes, CHANGE_SHAPE, is_left(d, d->shapes.v[i].s.device));
	pt_buf_fini(&b);
}

int network_difference_find(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->arena = pt_arena_new();
	if (!d->arena)
		return pt_err_sys(e, -ENOMEM, "comparing the interfaces");
	rc = network_read(d, want, route, e);
	if (!rc && compare(d, want))
		rc = pt_err_sys(e, -ENOMEM, "comparing the interfaces");
	if (!rc)
		rc = compare_routes(d, want, route, e);
	if (!rc && want->left)
		leave_alone(d, want->left);
	if (rc)
		network_difference_fini(d);
	return rc;
}

/* ---- changes of all kinds ---- */

const char *const network_kinds[] = { "link", "option", "address", "neighbour", "route", "rule", "qos" };

size_t network_changes_of(const struct difference *d, size_t kind)
{
	const size_t n[] = { d->links.n, d->traits.n, d->addresses.n, d->neighbours.n, d->routes.n, d->rules.n, d->shapes.n };

	return n[kind];
}

static const char *const ops[] = { "delete", "add", "change" }; /* as all kinds number them */
static const char *const trait_ops[] = { "delete", "add", "set" };

static void describe_route(const struct difference *d, const struct pt_route_change *c, struct pt_buf *b)
{
	if (c->want)
		pt_conf_route_print(b, c->want);
	else
		pt_route_print(b, &d->have.links, c->old);
}

static const char *address_op(const struct pt_address_change *c)
{
	return !c->add ? "delete" : c->renews ? "change" : "add";
}

/* What change COOKIE is; its text into B unless that is NULL. */
struct network_described network_describe(const struct difference *d, uint64_t cookie, struct pt_buf *b)
{
	size_t i = (uint32_t)cookie;
	struct network_described x = { "delete", NULL };

	if (b)
		b->n = 0;
	if (cookie >> 32 == CHANGE_LINK) {
		x.op = ops[d->links.v[i].op];
		x.loc = d->links.v[i].want ? d->links.v[i].want->loc : NULL;
		if (b)
			pt_link_print_change(b, &d->links.v[i]);
	} else if (cookie >> 32 == CHANGE_TRAIT) {
		x = (struct network_described){ trait_ops[d->traits.v[i].op], d->traits.v[i].t.loc };
		if (b)
			pt_trait_print(b, &d->traits.v[i].t);
	} else if (cookie >> 32 == CHANGE_ADDRESS) {
		x = (struct network_described){ address_op(&d->addresses.v[i]), d->addresses.v[i].a.loc };
		if (b)
			pt_address_print(b, &d->addresses.v[i].a);
	} else if (cookie >> 32 == CHANGE_NEIGHBOUR) {
		x = (struct network_described){ ops[d->neighbours.v[i].op], d->neighbours.v[i].n.loc };
		if (b)
			pt_neighbour_print(b, &d->neighbours.v[i].n);
	} else if (cookie >> 32 == CHANGE_ROUTE) {
		x = (struct network_described){ ops[d->routes.v[i].op], d->routes.v[i].want ? &d->routes.v[i].want->loc : NULL };
		if (b)
			describe_route(d, &d->routes.v[i], b);
	} else if (cookie >> 32 == CHANGE_SHAPE) {
		x = (struct network_described){ ops[d->shapes.v[i].op], d->shapes.v[i].s.loc };
		if (b)
			pt_shape_print(b, &d->shapes.v[i].s);
	} else {
		x = (struct network_described){ d->rules.v[i].add ? "add" : "delete", d->rules.v[i].add ? &d->rules.v[i].rule->r.loc : NULL };
		if (b)
			pt_route_rule_print(b, d->rules.v[i].rule);
	}
	return x;
}
