/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet route` and `ptnet rule`: where packets go, and who is asked about it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/neighbour.h>
#include <patronus/net.h>
#include <patronus/route_rule.h>

#include "ptnet.h"

#define UNICAST 1 /* RTN_UNICAST */
#define NO_NEIGHBOURS (0x8 | 0x80) /* IFF_LOOPBACK, IFF_NOARP */

struct view {
	struct pt_cli *c;
	struct pt_nl *route;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_out *o;
	struct pt_buf text;       /* scratch */
	bool plain;               /* the names of all devices can go to a terminal as they are */
	struct pt_route_filter filter;
	const char *dev;          /* of the arguments; NULL: any */
};

/* Names of devices are the only words of others in a route: looked at once, and not in each of a hundred thousand lines. */
static bool names_are_plain(const struct pt_links *links)
{
	for (size_t i = 0; i < links->v.n; i++)
		for (const char *s = links->v.v[i].name; *s; s++)
			if (*s <= ' ' || *s > '~')
				return false;
	return true;
}

static int view_open(struct view *v, struct pt_cli *c)
{
	int rc;

	memset(v, 0, sizeof(*v));
	v->c = c;
	v->filter = (struct pt_route_filter){ .af = c->af, .table = PT_TABLE_MAIN };
	rc = pt_nl_open(&v->route, NETLINK_ROUTE, &c->err);
	if (rc)
		return rc;
	v->arena = pt_arena_new();
	return v->arena ? pt_links_read_plain(v->route, v->arena, &v->links, &c->err) : pt_err_sys(&c->err, -ENOMEM, "reading the links");
}

static void view_close(struct view *v)
{
	pt_nl_close(v->route);
	pt_arena_free(v->arena);
	pt_buf_fini(&v->text);
}

/* ---- routes ---- */

static const char *link_name(const struct pt_links *links, uint32_t index)
{
	const struct pt_link *l = index ? pt_links_index(links, index) : NULL;

	return l ? l->name : NULL;
}

static void out_prefix(struct pt_out *o, const char *key, const struct pt_prefix *p, struct pt_buf *text)
{
	text->n = 0;
	pt_addr_fmt(text, p->addr);
	pt_buf_chr(text, '/');
	pt_buf_uint(text, p->len);
	pt_out_fail(o, text->err);
	pt_out_str(o, key, text->s);
}

static void out_hops(struct pt_out *o, const struct pt_links *links, const struct pt_route *r)
{
	pt_out_arr(o, "nexthops");
	for (uint32_t i = 0; i < r->n_hops; i++) {
		pt_out_obj(o, NULL);
		if (r->hops[i].via.af)
			pt_out_addr(o, "via", r->hops[i].via);
		if (r->hops[i].index)
			pt_out_str(o, "device", link_name(links, r->hops[i].index));
		pt_out_u64(o, "weight", r->hops[i].weight);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
}

static const char *const route_types[] = { "unspecified", "unicast", "local",	    "broadcast", "anycast",  "multicast",
					   "blackhole",   "unreachable", "prohibit", "throw",	 "nat",	     "external" };

static const char *route_type_name(const struct pt_route *r)
{
	return r->type < PT_ARRAY_SIZE(route_types) ? route_types[r->type] : "other";
}

void route_fields(struct pt_out *o, const struct pt_links *links, const struct pt_route *r, struct pt_buf *scratch)
{
	char number[4];

	out_prefix(o, "destination", &r->dst, scratch);
	pt_out_str(o, "type", route_type_name(r));
	pt_out_u64(o, "table", r->table);
	pt_out_u64(o, "metric", r->metric);
	pt_out_str(o, "protocol", pt_route_protocol_name(r->protocol, number));
	if (r->src.af)
		pt_out_addr(o, "source", r->src);
	else
		pt_out_null(o, "source");
	pt_out_u64(o, "mtu", r->mtu);
	out_hops(o, links, r);
}

static bool is_asked(const struct view *v, const struct pt_route *r)
{
	bool any = !v->dev;

	for (uint32_t i = 0; !any && i < r->n_hops; i++) {
		const char *name = link_name(&v->links, r->hops[i].index);

		any = name && !strcmp(name, v->dev);
	}
	return any;
}

static int show_route(const struct pt_route *r, void *arg)
{
	struct view *v = arg;
	char number[4];

	if (!is_asked(v, r))
		return 0;
	pt_out_rec(v->o);
	if (pt_out_format(v->o) == PT_OUT_TEXT) {
		struct pt_buf *line = v->plain ? pt_out_line(v->o) : &v->text;

		v->text.n = 0;
		pt_route_print(line, &v->links, r);
		if (v->c->details || r->protocol != PT_NET_PROTOCOL)
			pt_buf_fmt(line, " proto %s", pt_route_protocol_name(r->protocol, number));
		if (v->plain)
			pt_buf_chr(line, '\n');
		pt_out_fail(v->o, line->err);
		if (!v->plain)
			pt_out_text(v->o, line->s);
	} else {
		route_fields(v->o, &v->links, r, &v->text);
	}
	pt_out_rec_end(v->o);
	return pt_out_failed(v->o);
}

struct route_show {
	const char *dev, *table, *proto;
};

static const char *const tables[] = { "main", "local", "all", NULL };
static const char *const protocols[] = { "patronus", "static", "kernel", "boot", "dhcp", "ra", "bgp", "ospf", NULL };

const struct pt_cli_word route_show_words[] = {
	{ "dev", PT_CLI_DEVICE, offsetof(struct route_show, dev), "DEVICE", "only routes over this one", 0, 0, NULL },
	{ "table", PT_CLI_TEXT, offsetof(struct route_show, table), "N|main|local|all", "of which table, main", 0, 0, tables },
	{ "proto", PT_CLI_TEXT, offsetof(struct route_show, proto), "NAME", "only routes that this one made", 0, 0, protocols },
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static int ask_device(struct view *v, const char *name)
{
	v->dev = name;
	if (pt_links_find(&v->links, name))
		return 0;
	pt_err_add(&v->c->err, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s", name);
	return PT_EXIT_NO;
}

static int ask_table(struct view *v, const char *name)
{
	uint64_t n;

	if (!strcmp(name, "all"))
		v->filter.table = 0;
	else if (!strcmp(name, "main") || !strcmp(name, "local"))
		v->filter.table = *name == 'm' ? PT_TABLE_MAIN : 255;
	else if (pt_parse_uint(name, UINT32_MAX, &n) || !n)
		return pt_cli_usage(v->c, "'%s' is no table: a number, main, local or all", name);
	else
		v->filter.table = (uint32_t)n;
	return 0;
}

static int ask_protocol(struct view *v, const char *name)
{
	unsigned int n = 255;
	char text[4];

	while (n > 0 && strcmp(pt_route_protocol_name((uint8_t)n, text), name) != 0)
		n--;
	if (!n)
		return pt_cli_usage(v->c, "'%s' is no protocol of routes", name);
	v->filter.protocol = (uint8_t)n;
	return 0;
}

static int parse_words(struct view *v)
{
	struct route_show w = { 0 };
	int rc = pt_cli_words(v->c, &w);

	if (!rc && w.dev)
		rc = ask_device(v, w.dev);
	if (!rc && w.table)
		rc = ask_table(v, w.table);
	if (!rc && w.proto)
		rc = ask_protocol(v, w.proto);
	return rc;
}

int cmd_route_show(struct pt_cli *c)
{
	struct view v;
	int rc = view_open(&v, c), end;

	if (!rc)
		rc = parse_words(&v);
	if (!rc) {
		v.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.route.v1", "routes");
		/* What the dump of a changing table told so far cannot be taken back from the terminal. */
		v.plain = names_are_plain(&v.links);
		rc = v.o ? pt_routes_read(v.route, &v.filter, show_route, NULL, &v, &c->err) : -ENOMEM;
		end = v.o ? pt_cli_end(c, v.o) : 0;
		rc = rc == -EPIPE ? end : rc ? rc : end;
	}
	view_close(&v);
	return rc;
}

/* ---- one decision ---- */

static bool prefix_holds(const struct pt_prefix *p, struct pt_addr a)
{
	return p->addr.af == a.af && a.v >= pt_prefix_lo(p) && a.v <= pt_prefix_hi(p);
}

/* The longest one, of those the one with the lowest metric. */
struct best {
	struct pt_addr dst;
	bool found;
	struct pt_route r;
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
};

static int take_best(const struct pt_route *r, void *arg)
{
	struct best *b = arg;

	if (!prefix_holds(&r->dst, b->dst))
		return 0;
	if (b->found && (r->dst.len < b->r.dst.len || (r->dst.len == b->r.dst.len && r->metric >= b->r.metric)))
		return 0;
	b->found = true;
	b->r = *r;
	memcpy(b->hops, r->hops, r->n_hops * sizeof(*r->hops));
	b->r.hops = b->hops;
	return 0;
}

static void forget_best(void *arg)
{
	((struct best *)arg)->found = false;
}

/* Could rule R be about a packet of this machine's own to DST? What it asks of marks, ports and sources is not known here. */
static bool may_hold(const struct pt_route_rule *r, struct pt_addr dst)
{
	if (r->r.af != dst.af || r->r.iif)
		return false;
	return !r->r.to.len || prefix_holds(&r->r.to, dst) != r->r.neg;
}

static bool is_sure(const struct pt_route_rule *r)
{
	return !r->r.from.len && !r->r.mask && !r->r.proto && !r->r.tos && !r->r.oif;
}

static int say(struct view *v, const char *what)
{
	pt_out_rec(v->o);
	pt_out_str(v->o, "step", what);
	pt_out_str(v->o, "detail", v->text.s);
	if (v->text.s) {
		struct pt_buf line = { 0 };

		pt_buf_fmt(&line, "%-9s %s", what, v->text.s);
		pt_out_fail(v->o, line.err);
		if (line.s)
			pt_out_text(v->o, line.s);
		pt_buf_fini(&line);
	}
	pt_out_rec_end(v->o);
	v->text.n = 0;
	return pt_out_failed(v->o);
}

/* Who gets the packets of hop H of a route to DST. */
static int say_neighbour(struct view *v, const struct pt_neighbours *all, const struct pt_hop *h, struct pt_addr dst)
{
	const struct pt_link *l = pt_links_index(&v->links, h->index);
	struct pt_neighbour who = { .addr = h->via.af ? h->via : dst };
	const struct pt_neighbour *n = NULL;

	if (!l || l->flags & NO_NEIGHBOURS)
		return 0;
	memcpy(who.device, l->name, sizeof(who.device));
	for (size_t i = 0; !n && i < all->v.n; i++) {
		const struct pt_neighbour *x = &all->v.v[i];

		if (!x->proxy && x->index == h->index && x->addr.af == who.addr.af && x->addr.v == who.addr.v)
			n = x;
	}
	pt_neighbour_print(&v->text, n ? n : &who);
	pt_buf_fmt(&v->text, " %s", n ? pt_neighbour_state(n) : "not known yet: it will be asked for");
	return say(v, "neighbour");
}

static int say_neighbours(struct view *v, const struct pt_route *r, struct pt_addr dst)
{
	struct pt_neighbours all;
	int rc = 0;

	if (r->type != UNICAST)
		return 0;
	rc = pt_neighbours_read(v->route, &v->links, v->arena, &all, &v->c->err);
	for (uint32_t i = 0; !rc && i < r->n_hops; i++)
		rc = say_neighbour(v, &all, &r->hops[i], dst);
	return rc;
}

/* The rules in their order, until a table has a route. */
static int explain(struct view *v, const struct pt_route_rules *rules, struct pt_addr dst, bool *found)
{
	int rc = 0;

	for (size_t i = 0; !rc && !*found && i < rules->v.n; i++) {
		const struct pt_route_rule *r = &rules->v.v[i];
		struct best b = { .dst = dst };
		struct pt_route_filter in = { .af = dst.af, .table = r->r.table };

		if (!may_hold(r, dst))
			continue;
		pt_route_rule_print(&v->text, r);
		if (!is_sure(r))
			pt_buf_str(&v->text, "  (only packets that it is about)");
		rc = say(v, "rule");
		if (rc || !is_sure(r))
			continue;
		if (r->r.type != PT_ROUTE_UNICAST) {
			*found = true;
			break;
		}
		rc = pt_routes_read(v->route, &in, take_best, forget_best, &b, &v->c->err);
		if (!rc && b.found) {
			pt_route_print(&v->text, &v->links, &b.r);
			rc = say(v, "route");
			if (!rc)
				rc = say_neighbours(v, &b.r, dst);
			*found = true;
		}
	}
	return rc;
}

int cmd_route_get(struct pt_cli *c)
{
	struct pt_route_rules rules;
	struct pt_addr dst;
	char device[PT_LINK_NAME];
	struct view v;
	bool found = false;
	int rc, end;

	if (pt_addr_parse(c->argv[0], &dst))
		return pt_cli_usage(c, "'%s' is not an address", c->argv[0]);
	rc = view_open(&v, c);
	if (!rc)
		rc = pt_route_rules_read(v.route, v.arena, &rules, &c->err);
	if (!rc) {
		v.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.route_get.v1", "steps");
		rc = v.o ? explain(&v, &rules, dst, &found) : -ENOMEM;
		if (!rc) {
			rc = pt_net_route(v.route, dst, device);
			pt_buf_str(&v.text, device[0] ? device : "none: there is no way to it");
			if (!rc)
				rc = say(&v, "device");
		}
		end = v.o ? pt_cli_end(c, v.o) : 0;
		rc = rc ? rc : end;
	}
	if (!rc && !device[0])
		rc = PT_EXIT_NO;
	view_close(&v);
	return rc;
}

/* ---- rules ---- */

void rule_fields(struct pt_out *o, const struct pt_route_rule *x, struct pt_buf *text)
{
	char number[4];

	pt_out_u64(o, "priority", x->r.priority);
	pt_out_str(o, "family", x->r.af == PT_AF_INET ? "inet" : "inet6");
	pt_out_bool(o, "not", x->r.neg);
	out_prefix(o, "from", &x->r.from, text);
	out_prefix(o, "to", &x->r.to, text);
	pt_out_str(o, "iif", x->r.iif);
	pt_out_str(o, "oif", x->r.oif);
	pt_out_u64(o, "mark", x->r.mark);
	pt_out_u64(o, "mask", x->r.mask);
	pt_out_u64(o, "table", x->r.table);
	pt_out_str(o, "protocol", pt_route_protocol_name(x->protocol, number));
	text->n = 0;
	pt_route_rule_print(text, x);
	pt_out_fail(o, text->err);
	pt_out_str(o, "text", text->s);
}

static void out_rule(struct view *v, const struct pt_route_rule *x)
{
	pt_out_rec(v->o);
	rule_fields(v->o, x, &v->text);
	pt_out_text(v->o, v->text.s);
	pt_out_rec_end(v->o);
}

int cmd_rule_show(struct pt_cli *c)
{
	struct pt_route_rules rules;
	struct view v;
	int rc = view_open(&v, c);

	if (!rc)
		rc = pt_route_rules_read(v.route, v.arena, &rules, &c->err);
	if (!rc) {
		v.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.route_rule.v1", "rules");
		for (size_t i = 0; v.o && i < rules.v.n; i++)
			if (!c->af || rules.v.v[i].r.af == c->af)
				out_rule(&v, &rules.v.v[i]);
		rc = v.o ? pt_cli_end(c, v.o) : -ENOMEM;
	}
	view_close(&v);
	return rc;
}
