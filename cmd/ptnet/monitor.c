/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet OBJECT monitor`: what becomes of links, addresses, routes, rules and neighbours, as it happens. */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <patronus/neighbour.h>
#include <patronus/route_rule.h>

#include "ptnet.h"

/* ---- links, addresses ---- */

struct monitor {
	struct pt_cli *c;
	struct pt_out *o;
	struct pt_links known;
};

static void tell(struct monitor *m, const char *op, const char *text)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%s %s", op, text);
	pt_out_fail(m->o, b.err);
	if (b.s)
		pt_out_text(m->o, b.s);
	pt_buf_fini(&b);
}

static void tell_link(struct monitor *m, const char *op, const struct pt_link *l)
{
	const struct pt_link *master = pt_links_index(&m->known, l->master_index);
	const char *state = !l->up ? "down" : l->running ? "up" : "no-carrier";
	struct pt_buf b = { 0 };

	pt_out_rec(m->o);
	pt_out_str(m->o, "op", op);
	pt_out_str(m->o, "device", l->name);
	pt_out_str(m->o, "kind", l->kernel_kind[0] ? l->kernel_kind : "physical");
	pt_out_str(m->o, "state", state);
	pt_out_u64(m->o, "mtu", l->mtu);
	pt_out_str(m->o, "master", master ? master->name : NULL);
	pt_buf_fmt(&b, "%s %s %s mtu %u%s%s", l->name, l->kernel_kind[0] ? l->kernel_kind : "physical", state, l->mtu,
		   master ? " master " : "", master ? master->name : "");
	if (b.s)
		tell(m, op, b.s);
	pt_out_rec_end(m->o);
	pt_buf_fini(&b);
}

/* For the readers, which know of what is there: what goes is built alike. */
static struct nlmsghdr *copy_of(struct pt_arena *a, const struct nlmsghdr *nlh)
{
	struct nlmsghdr *copy = pt_arena_alloc(a, nlh->nlmsg_len);

	if (copy)
		memcpy(copy, nlh, nlh->nlmsg_len);
	return copy;
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	struct monitor *m = arg;
	struct pt_links one = { .arena = pt_arena_new() };
	uint16_t type = nlh->nlmsg_type;
	struct nlmsghdr *copy = NULL;
	int rc = 0;

	if (one.arena && (type == RTM_NEWLINK || type == RTM_DELLINK))
		copy = copy_of(one.arena, nlh);
	if (copy) {
		copy->nlmsg_type = RTM_NEWLINK;
		rc = pt_links_parse(&one, copy);
	}
	if (!rc && one.v.n) {
		tell_link(m, type == RTM_DELLINK ? "delete" : pt_links_index(&m->known, one.v.v[0].index) ? "change" : "add", &one.v.v[0]);
		rc = type == RTM_NEWLINK ? pt_links_parse(&m->known, nlh) : 0;
	}
	pt_arena_free(one.arena);
	return rc ? rc : pt_out_flush(m->o);
}

static int on_address(const struct nlmsghdr *nlh, void *arg)
{
	struct monitor *m = arg;
	struct pt_addresses one = { .arena = pt_arena_new() };
	struct nlmsghdr *copy = NULL;
	struct pt_buf b = { 0 };
	int rc = pt_links_parse(&m->known, nlh);

	if (!rc && one.arena && (nlh->nlmsg_type == RTM_NEWADDR || nlh->nlmsg_type == RTM_DELADDR))
		copy = copy_of(one.arena, nlh);
	if (copy) {
		copy->nlmsg_type = RTM_NEWADDR;
		rc = pt_addresses_parse(&one, copy);
	}
	if (!rc && one.v.n && (!m->c->af || one.v.v[0].prefix.addr.af == m->c->af)) {
		const char *op = nlh->nlmsg_type == RTM_NEWADDR ? "add" : "delete";
		struct pt_address *a = &one.v.v[0];
		const struct pt_link *l = pt_links_index(&m->known, a->index);

		memcpy(a->device, l ? l->name : "?", l ? sizeof(a->device) : 2);
		pt_out_rec(m->o);
		pt_out_str(m->o, "op", op);
		address_fields(m->o, a);
		pt_address_print(&b, a);
		if (b.s)
			tell(m, op, b.s);
		pt_out_rec_end(m->o);
	}
	pt_buf_fini(&b);
	pt_arena_free(one.arena);
	return rc ? rc : pt_out_flush(m->o);
}

/* ---- routes ---- */

static const char *op_of(const struct nlmsghdr *nlh, uint16_t added)
{
	return nlh->nlmsg_type != added ? "delete" : nlh->nlmsg_flags & NLM_F_REPLACE ? "change" : "add";
}

/* What the kernel does for the machine's own addresses comes with them: with -d only. */
static bool is_route_asked(const struct pt_cli *c, const struct pt_route *r)
{
	return (!c->af || r->dst.addr.af == c->af) && (c->details || r->table != RT_TABLE_LOCAL);
}

static int on_route(const struct nlmsghdr *nlh, void *arg)
{
	struct monitor *m = arg;
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
	struct pt_buf b = { 0 }, scratch = { 0 };
	struct pt_route r;
	char number[4];
	int rc = pt_links_parse(&m->known, nlh);

	if (rc)
		return rc;
	rc = pt_route_parse(nlh, hops, &r);
	if (rc > 0 && is_route_asked(m->c, &r)) {
		const char *op = op_of(nlh, RTM_NEWROUTE);

		pt_out_rec(m->o);
		pt_out_str(m->o, "op", op);
		route_fields(m->o, &m->known, &r, &scratch);
		pt_route_print(&b, &m->known, &r);
		pt_buf_fmt(&b, " proto %s", pt_route_protocol_name(r.protocol, number));
		pt_out_fail(m->o, b.err);
		if (b.s)
			tell(m, op, b.s);
		pt_out_rec_end(m->o);
	}
	pt_buf_fini(&b);
	pt_buf_fini(&scratch);
	return rc < 0 ? rc : pt_out_flush(m->o);
}

/* ---- rules ---- */

static int on_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct monitor *m = arg;
	struct pt_route_rules one = { .arena = pt_arena_new() };
	struct nlmsghdr *copy = NULL;
	struct pt_buf b = { 0 };
	int rc = one.arena ? 0 : -ENOMEM;

	if (!rc && (nlh->nlmsg_type == RTM_NEWRULE || nlh->nlmsg_type == RTM_DELRULE))
		copy = copy_of(one.arena, nlh);
	if (copy) {
		copy->nlmsg_type = RTM_NEWRULE;
		rc = pt_route_rules_parse(&one, copy);
	}
	if (!rc && one.v.n && (!m->c->af || one.v.v[0].r.af == m->c->af)) {
		const char *op = op_of(nlh, RTM_NEWRULE);

		pt_out_rec(m->o);
		pt_out_str(m->o, "op", op);
		rule_fields(m->o, &one.v.v[0], &b);
		if (b.s)
			tell(m, op, b.s);
		pt_out_rec_end(m->o);
	}
	pt_buf_fini(&b);
	pt_arena_free(one.arena);
	return rc ? rc : pt_out_flush(m->o);
}

/* ---- neighbours ---- */

static void tell_neighbour(struct monitor *m, const char *op, const struct pt_neighbour *n)
{
	struct pt_buf b = { 0 };

	pt_out_rec(m->o);
	pt_out_str(m->o, "op", op);
	neighbour_fields(m->o, n);
	pt_neighbour_print(&b, n);
	if (!n->proxy)
		pt_buf_fmt(&b, " %s", pt_neighbour_state(n));
	pt_out_fail(m->o, b.err);
	if (b.s)
		tell(m, op, b.s);
	pt_out_rec_end(m->o);
	pt_buf_fini(&b);
}

static int on_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	struct monitor *m = arg;
	struct pt_neighbours one = { .arena = pt_arena_new() };
	struct nlmsghdr *copy = NULL;
	int rc = pt_links_parse(&m->known, nlh);

	if (!rc && !one.arena)
		rc = -ENOMEM;
	if (!rc && (nlh->nlmsg_type == RTM_NEWNEIGH || nlh->nlmsg_type == RTM_DELNEIGH))
		copy = copy_of(one.arena, nlh);
	if (copy) {
		copy->nlmsg_type = RTM_NEWNEIGH;
		rc = pt_neighbours_parse(&one, copy);
	}
	if (!rc && one.v.n && (!m->c->af || one.v.v[0].addr.af == m->c->af)) {
		struct pt_neighbour *n = &one.v.v[0];
		const struct pt_link *l = pt_links_index(&m->known, n->index);

		memcpy(n->device, l ? l->name : "?", l ? sizeof(n->device) : 2);
		tell_neighbour(m, nlh->nlmsg_type == RTM_NEWNEIGH ? "change" : "delete", n);
	}
	pt_arena_free(one.arena);
	return rc ? rc : pt_out_flush(m->o);
}

/* ---- all of them ---- */

/* Whoever reads too slowly is told that something is missing, and goes on. */
static int listen_to(struct pt_nl *route, pt_nl_cb cb, struct monitor *m)
{
	int rc;

	while ((rc = pt_nl_events(route, -1, cb, m)) == -ENOBUFS) {
		struct pt_err e = { 0 };

		pt_err_add(&e, PT_WARNING, NULL, NULL, "the kernel had more to tell than could be read: some events are lost");
		pt_cli_report(m->c, &e);
		pt_err_fini(&e);
	}
	return rc;
}

static int monitor(struct pt_cli *c, const char *schema, const char *list, const unsigned int *groups, size_t n, pt_nl_cb cb)
{
	struct monitor m = { .c = c, .known = { .arena = pt_arena_new() } };
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);

	for (size_t i = 0; !rc && i < n; i++)
		rc = pt_nl_join(route, groups[i], &c->err);
	if (!rc)
		rc = m.known.arena ? pt_links_read(route, m.known.arena, &m.known, &c->err) : -ENOMEM;
	if (!rc)
		m.o = pt_cli_monitor(c, schema, list);
	if (!rc)
		rc = m.o ? listen_to(route, cb, &m) : -ENOMEM;
	if (m.o)
		rc = pt_cli_end(c, m.o) ? PT_EXIT_SYSTEM : rc;
	if (rc == -EINTR || rc == -EPIPE)
		rc = 0;
	if (rc < 0 && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc, "listening to the kernel");
	pt_nl_close(route);
	pt_arena_free(m.known.arena);
	return rc;
}

int cmd_link_monitor(struct pt_cli *c)
{
	static const unsigned int groups[] = { RTNLGRP_LINK };

	return monitor(c, "patronus.link-event.v1", "events", groups, PT_ARRAY_SIZE(groups), on_link);
}

int cmd_address_monitor(struct pt_cli *c)
{
	static const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };

	return monitor(c, "patronus.address-event.v1", "events", groups, PT_ARRAY_SIZE(groups), on_address);
}

int cmd_route_monitor(struct pt_cli *c)
{
	static const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };

	return monitor(c, "patronus.route-event.v1", "events", groups, PT_ARRAY_SIZE(groups), on_route);
}

int cmd_rule_monitor(struct pt_cli *c)
{
	static const unsigned int groups[] = { RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE };

	return monitor(c, "patronus.route_rule-event.v1", "events", groups, PT_ARRAY_SIZE(groups), on_rule);
}

int cmd_neighbour_monitor(struct pt_cli *c)
{
	static const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_NEIGH };

	return monitor(c, "patronus.neighbour-event.v1", "events", groups, PT_ARRAY_SIZE(groups), on_neighbour);
}
