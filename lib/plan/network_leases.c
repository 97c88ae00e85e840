/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What servers of addresses gave, as something to be put in force: the address with the time that is left of it, the default route,
 * and networks of a delegated prefix on the interfaces that the file names.
 *
 * A server says who it is only by being the first to answer. So what it gives must not take from other interfaces what the file gives
 * them, and of routes only the default one is taken: any other could draw the packets for a single host away.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plan/lease.h"
#include "plan/network.h"

#define METRIC 1000       /* of the first interface of the file */
#define DELEGATED_LEN 64
#define UNREACHABLE_METRIC 1000

struct leases {
	const struct pt_conf *c;
	struct pt_arena *a;
	struct network *out;
	char folder[PT_LEASES_PATH];
	PT_VEC(struct pt_conf_route) routes;
};

static bool overlaps(const struct pt_prefix *p, const struct pt_prefix *q)
{
	return p->addr.af == q->addr.af && pt_prefix_lo(p) <= pt_prefix_hi(q) && pt_prefix_lo(q) <= pt_prefix_hi(p);
}

const struct pt_conf_if *network_lease_clash(const struct pt_conf *c, const struct pt_conf_if *i, const struct pt_prefix *p)
{
	for (size_t k = 0; k < c->interfaces.n; k++)
		for (size_t n = 0; &c->interfaces.v[k] != i && n < c->interfaces.v[k].addresses.n; n++)
			if (overlaps(p, &c->interfaces.v[k].addresses.v[n]))
				return &c->interfaces.v[k];
	return NULL;
}

/* One that the file has, too, stays for ever. */
static bool is_wanted(const struct leases *l, const char *device, const struct pt_prefix *p)
{
	for (size_t i = 0; i < l->out->addresses.v.n; i++) {
		const struct pt_address *w = &l->out->addresses.v.v[i];

		if (!strcmp(w->device, device) && w->prefix.addr.af == p->addr.af && w->prefix.addr.v == p->addr.v &&
		    w->prefix.len == p->len)
			return true;
	}
	return false;
}

static int add_address(struct leases *l, const struct pt_conf_if *i, const struct pt_prefix *p, uint32_t valid, uint32_t preferred)
{
	struct pt_address w = { .prefix = *p, .valid = valid, .preferred = preferred, .loc = &i->loc };

	memcpy(w.device, i->device, strnlen(i->device, PT_LINK_NAME - 1));
	return is_wanted(l, i->device, p) ? 0 : pt_vec_push(l->a, &l->out->addresses.v, w);
}

static bool is_on(const struct pt_conf_if *i, const char *option)
{
	const struct pt_conf_option *o = pt_conf_if_option(i, option);

	return !o || o->number;
}

static int add_default(struct leases *l, const struct pt_conf_if *i, const struct pt_prefix *own, struct pt_addr via)
{
	const struct pt_conf_option *metric = pt_conf_if_option(i, "metric");
	struct pt_conf_hop *hop = pt_arena_alloc(l->a, sizeof(*hop));
	struct pt_conf_route r = { .type = PT_ROUTE_UNICAST, .dst.addr.af = PT_AF_INET, .table = PT_TABLE_MAIN, .n_hops = 1, .hops = hop,
				   .loc = i->loc };

	if (!hop)
		return -ENOMEM;
	/* A network of one address: the router is on the link all the same. */
	*hop = (struct pt_conf_hop){ .via = via, .dev = i->name, .weight = 1,
				     .onlink = via.v < pt_prefix_lo(own) || via.v > pt_prefix_hi(own) };
	r.src = own->addr; /* so it goes with the address */
	r.metric = metric ? (uint32_t)metric->number : METRIC + (uint32_t)(i - l->c->interfaces.v);
	return pt_vec_push(l->a, &l->routes, r);
}

static int add_four(struct leases *l, const struct pt_conf_if *i, const struct pt_lease *lease)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < lease->addresses.n; k++) {
		const struct pt_lease_address *x = &lease->addresses.v[k];
		uint32_t valid = pt_lease_left(lease, x->valid);

		if (!valid || network_lease_clash(l->c, i, &x->prefix))
			continue;
		rc = add_address(l, i, &x->prefix, valid, pt_lease_left(lease, x->preferred));
		if (!rc && !k && lease->routers.n && is_on(i, "default-route"))
			rc = add_default(l, i, &x->prefix, lease->routers.v[0]);
	}
	return rc;
}

/* ---- delegated prefixes ---- */

/* What nobody has of it does not go back to whom it came from, RFC 9096 section 3.1. */
static int add_unreachable(struct leases *l, const struct pt_conf_if *i, const struct pt_prefix *p)
{
	struct pt_conf_route r = { .type = PT_ROUTE_UNREACHABLE, .dst = *p, .table = PT_TABLE_MAIN, .metric = UNREACHABLE_METRIC,
				   .loc = i->loc };

	return p->len < DELEGATED_LEN ? pt_vec_push(l->a, &l->routes, r) : 0;
}

static int add_delegated(struct leases *l, const struct pt_conf_if *i, const struct pt_lease *lease, const struct pt_lease_address *x)
{
	uint32_t valid = pt_lease_left(lease, x->valid);
	int rc = valid && !network_lease_clash(l->c, NULL, &x->prefix) ? add_unreachable(l, i, &x->prefix) : 0;

	if (!valid || network_lease_clash(l->c, NULL, &x->prefix))
		return 0;
	for (size_t k = 0; !rc && k < i->options.n; k++) {
		struct pt_prefix net = { .addr.af = PT_AF_INET6, .len = DELEGATED_LEN };
		const struct pt_conf_if *to;
		struct pt_conf_delegate d;

		if (strcmp(i->options.v[k].row->name, "delegate") != 0 || pt_conf_delegate_parse(i->options.v[k].s, &d))
			continue;
		to = pt_conf_find_if(l->c, d.interface);
		if (!to || d.number >> (DELEGATED_LEN - x->prefix.len)) /* shorter than what was asked for */
			continue;
		net.addr.v = x->prefix.addr.v + ((pt_u128)d.number << 64) + 1;
		rc = add_address(l, to, &net, valid, pt_lease_left(lease, x->preferred));
	}
	return rc;
}

static int add_six(struct leases *l, const struct pt_conf_if *i, const struct pt_lease *lease)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < lease->addresses.n; k++) {
		const struct pt_lease_address *x = &lease->addresses.v[k];
		uint32_t valid = pt_lease_left(lease, x->valid);

		if (valid && !network_lease_clash(l->c, i, &x->prefix))
			rc = add_address(l, i, &x->prefix, valid, pt_lease_left(lease, x->preferred));
	}
	/* One prefix is what was asked for; of several the first is as good as any. */
	return rc || !lease->delegated.n ? rc : add_delegated(l, i, lease, &lease->delegated.v[0]);
}

static int add_lease(struct leases *l, const struct pt_conf_if *i, bool six, struct pt_err *e)
{
	struct pt_lease lease;
	int rc = pt_lease_read(l->folder, i->device, six, l->a, &lease, NULL);

	if (rc == -EBADMSG || rc == -ENOENT) /* damaged is none: the next answer replaces it */
		return 0;
	if (rc)
		return pt_err_sys(e, rc, "reading the lease of %s", i->device);
	return six ? add_six(l, i, &lease) : add_four(l, i, &lease);
}

/* The file's first: of twins they win, as the kernel would have only one. */
static int join_routes(struct leases *l)
{
	struct pt_conf_route *all;
	size_t n = l->c->routes.n;

	if (!l->routes.n)
		return 0;
	all = pt_arena_alloc(l->a, (n + l->routes.n) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (n)
		memcpy(all, l->c->routes.v, n * sizeof(*all));
	for (size_t i = 0; i < l->routes.n; i++) {
		const struct pt_conf_route *r = &l->routes.v[i];
		bool twin = false;

		for (size_t k = 0; k < n && !twin; k++)
			twin = all[k].dst.len == r->dst.len && all[k].table == r->table && all[k].dst.addr.af == r->dst.addr.af &&
			       all[k].dst.addr.v == r->dst.addr.v && pt_conf_route_metric(&all[k]) == pt_conf_route_metric(r);
		if (!twin)
			all[n++] = *r;
	}
	l->out->routes = all;
	l->out->n_routes = n;
	return 0;
}

int network_want_leases(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e)
{
	struct leases l = { .c = c, .a = a, .out = out };
	int rc = 0;

	pt_leases_path(l.folder);
	for (size_t i = 0; !rc && i < c->interfaces.n; i++) {
		if (c->interfaces.v[i].ways & PT_IF_DHCP4)
			rc = add_lease(&l, &c->interfaces.v[i], false, e);
		if (!rc && c->interfaces.v[i].ways & PT_IF_DHCP6)
			rc = add_lease(&l, &c->interfaces.v[i], true, e);
	}
	return rc ? rc : join_routes(&l);
}

/* ---- for people ---- */

static int tell_one(const struct leases *l, const struct pt_conf_if *i, bool six, int (*fn)(const struct pt_dhcp_interface *i, void *arg),
		    void *arg, struct pt_err *e)
{
	struct pt_dhcp_interface x = { .name = i->name, .device = i->device, .six = six };
	struct pt_lease lease;
	int rc = pt_lease_read(l->folder, i->device, six, l->a, &lease, NULL);

	if (rc && rc != -ENOENT && rc != -EBADMSG)
		return pt_err_sys(e, rc, "reading the lease of %s", i->device);
	if (!rc)
		x.lease = &lease;
	for (size_t k = 0; !rc && !x.refused && k < lease.addresses.n + lease.delegated.n; k++) {
		bool own = k < lease.addresses.n;
		const struct pt_prefix *p = own ? &lease.addresses.v[k].prefix : &lease.delegated.v[k - lease.addresses.n].prefix;
		const struct pt_conf_if *other = network_lease_clash(l->c, own ? i : NULL, p);

		if (!other)
			continue;
		x.refused = pt_arena_printf(l->a, "it overlaps a network of %s", other->name);
		if (!x.refused)
			return -ENOMEM;
	}
	return fn(&x, arg);
}

int pt_dhcp_each(const char *folder, int (*fn)(const struct pt_dhcp_interface *i, void *arg), void *arg, struct pt_err *e)
{
	struct leases l = { .a = pt_arena_new() };
	struct pt_conf *c = NULL;
	int rc = l.a ? network_note_read(&c, e) : pt_err_sys(e, -ENOMEM, "reading the leases");

	if (rc == -ENOENT)
		rc = 0;
	l.c = c;
	snprintf(l.folder, sizeof(l.folder), "%s", folder);
	for (size_t i = 0; c && !rc && i < c->interfaces.n; i++) {
		if (c->interfaces.v[i].ways & PT_IF_DHCP4)
			rc = tell_one(&l, &c->interfaces.v[i], false, fn, arg, e);
		if (!rc && c->interfaces.v[i].ways & PT_IF_DHCP6)
			rc = tell_one(&l, &c->interfaces.v[i], true, fn, arg, e);
	}
	pt_conf_free(c);
	pt_arena_free(l.a);
	return rc;
}
