/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet link`: the links of this machine, with what several tools tell of them elsewhere. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <patronus/roles.h>

#include "ptnet.h"

struct picture {
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_addresses addresses;
	struct pt_link_hardware *hardware; /* of each link */
	struct pt_roles roles;   /* empty: no rules are in force, or they cannot be read */
	struct pt_links before;  /* -s -s: a second ago */
	double seconds;          /* since then */
};

/* Programs get all. */
static bool is_brief(const struct pt_cli *c)
{
	return c->brief && !c->json;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The counters once more, a second later. */
static int read_again(struct picture *p, struct pt_nl *route, struct pt_err *e)
{
	const struct timespec second = { .tv_sec = 1 };
	double then = now();

	p->before = p->links;
	nanosleep(&second, NULL);
	p->seconds = now() - then;
	return pt_links_read(route, p->arena, &p->links, e);
}

/* Without rules in force, or the right to read them, there are no roles: that is no error here. */
static void read_roles(struct picture *p)
{
	struct pt_err ignored = { 0 };
	struct pt_nl *nf;

	if (!pt_nl_open(&nf, NETLINK_NETFILTER, &ignored))
		(void)!pt_roles_read(nf, &p->roles, &ignored);
	pt_nl_close(nf);
	pt_err_fini(&ignored);
}

static int read_picture(struct picture *p, const struct pt_cli *c, struct pt_err *e)
{
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, e);

	memset(p, 0, sizeof(*p));
	if (rc)
		return rc;
	p->arena = pt_arena_new();
	rc = p->arena ? pt_links_read(route, p->arena, &p->links, e) : pt_err_sys(e, -ENOMEM, "reading the links");
	if (!rc && c && c->stats > 1)
		rc = read_again(p, route, e);
	if (!rc && c)
		rc = pt_addresses_read(route, &p->links, p->arena, &p->addresses, e);
	if (!rc && c && !is_brief(c)) {
		p->hardware = pt_links_hardware(&p->links, p->arena);
		rc = p->hardware ? 0 : pt_err_sys(e, -ENOMEM, "reading the links");
	}
	if (!rc && c && (c->details || c->json))
		read_roles(p);
	pt_nl_close(route);
	return rc;
}

static void picture_fini(struct picture *p)
{
	pt_roles_free(&p->roles);
	pt_arena_free(p->arena);
}

static bool is_asked(const struct pt_cli *c, const char *name)
{
	bool asked = !c->argc;

	for (size_t i = 0; i < c->argc; i++)
		asked = asked || !strcmp(c->argv[i], name);
	return asked;
}

/* Every device that was asked for is there. */
static int check_asked(struct pt_cli *c, const struct picture *p)
{
	for (size_t i = 0; i < c->argc; i++)
		if (!pt_links_find(&p->links, c->argv[i])) {
			pt_err_add(&c->err, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s", c->argv[i]);
			return PT_EXIT_NO;
		}
	return 0;
}

static const char *kind_of(const struct pt_link *l)
{
	return l->kernel_kind[0] ? l->kernel_kind : l->flags & 8 /* IFF_LOOPBACK */ ? "loopback" : "physical";
}

static const char *state_of(const struct pt_link *l)
{
	return !l->up ? "down" : l->running ? "up" : "no-carrier";
}

static bool has_family(const struct picture *p, const struct pt_link *l, enum pt_af af)
{
	for (size_t i = 0; i < p->addresses.v.n; i++)
		if (p->addresses.v.v[i].index == l->index && p->addresses.v.v[i].prefix.addr.af == af)
			return true;
	return false;
}

static void show_addresses(struct pt_out *o, const struct picture *p, const struct pt_link *l, enum pt_af af)
{
	struct pt_buf b = { 0 };

	pt_out_arr(o, "addresses");
	for (size_t i = 0; i < p->addresses.v.n; i++) {
		const struct pt_address *a = &p->addresses.v.v[i];

		if (a->index != l->index || (af && a->prefix.addr.af != af))
			continue;
		b.n = 0;
		pt_addr_fmt(&b, a->prefix.addr);
		pt_buf_fmt(&b, "/%u", a->prefix.len);
		pt_out_fail(o, b.err);
		pt_out_item(o, b.s);
	}
	pt_out_arr_end(o);
	pt_buf_fini(&b);
}

static void show_counters(struct pt_out *o, const struct pt_link_counters *n)
{
	pt_out_u64(o, "rx_packets", n->rx_packets);
	pt_out_u64(o, "rx_bytes", n->rx_bytes);
	pt_out_u64(o, "rx_errors", n->rx_errors);
	pt_out_u64(o, "rx_dropped", n->rx_dropped);
	pt_out_u64(o, "tx_packets", n->tx_packets);
	pt_out_u64(o, "tx_bytes", n->tx_bytes);
	pt_out_u64(o, "tx_errors", n->tx_errors);
	pt_out_u64(o, "tx_dropped", n->tx_dropped);
}

static void show_settings(struct pt_out *o, const struct picture *p, const struct pt_link *l)
{
	struct pt_buf b = { 0 };

	pt_out_arr(o, "settings");
	for (size_t i = 0; i < l->settings.n; i++) {
		b.n = 0;
		pt_link_print_setting(&b, &p->links, &l->settings.v[i]);
		pt_out_fail(o, b.err);
		pt_out_item(o, b.s);
	}
	pt_out_arr_end(o);
	pt_buf_fini(&b);
}

/* Counters begin anew with a link, and 32 of them may turn over. */
static uint64_t a_second(uint64_t before, uint64_t after, double seconds)
{
	return after > before && seconds > 0 ? (uint64_t)((double)(after - before) / seconds + 0.5) : 0;
}

static void show_rates(struct pt_out *o, const struct picture *p, const struct pt_link *l)
{
	const struct pt_link *then = pt_links_index(&p->before, l->index);
	const struct pt_link_counters *n = &l->counters, *b = then ? &then->counters : n;

	pt_out_u64(o, "rx_packet_rate", a_second(b->rx_packets, n->rx_packets, p->seconds));
	pt_out_u64(o, "rx_rate", a_second(b->rx_bytes, n->rx_bytes, p->seconds));
	pt_out_u64(o, "tx_packet_rate", a_second(b->tx_packets, n->tx_packets, p->seconds));
	pt_out_u64(o, "tx_rate", a_second(b->tx_bytes, n->tx_bytes, p->seconds));
}

static const struct pt_link_setting *vlan_setting(const struct pt_link *l, const char *option)
{
	for (size_t i = 0; l->kind == PT_LINK_VLAN && i < l->settings.n; i++)
		if (!strcmp(l->settings.v[i].attr->name, option))
			return &l->settings.v[i];
	return NULL;
}

static void show_vlan(struct pt_out *o, const struct pt_link *l)
{
	const struct pt_link_setting *id = vlan_setting(l, "id"), *protocol = vlan_setting(l, "protocol");
	struct pt_buf b = { 0 };

	if (id)
		pt_out_u64(o, "vlan", id->number);
	else
		pt_out_null(o, "vlan");
	if (protocol)
		pt_link_print_setting(&b, NULL, protocol);
	pt_out_fail(o, b.err);
	pt_out_str(o, "vlan_protocol", b.s ? b.s + strlen("protocol ") : NULL);
	pt_buf_fini(&b);
}

static void show_role(struct pt_out *o, const struct picture *p, const struct pt_link *l)
{
	const struct pt_role *r = pt_roles_find(&p->roles, l->name);

	pt_out_str(o, "interface", r ? r->interface->name : NULL);
	pt_out_arr(o, "groups");
	for (size_t i = 0; r && i < r->interface->groups.n; i++)
		pt_out_item(o, r->interface->groups.v[i].s);
	pt_out_arr_end(o);
	if (r)
		pt_out_u64(o, "rules", r->rules);
	else
		pt_out_null(o, "rules");
}

static void show_details(struct pt_out *o, const struct picture *p, const struct pt_link *l, const struct pt_link_hardware *h)
{
	const struct pt_link *parent = l->foreign_parent || l->kind == PT_LINK_VETH ? NULL : pt_links_index(&p->links, l->parent);

	pt_out_str(o, "parent", parent ? parent->name : NULL);
	show_vlan(o, l);
	pt_out_str(o, "port_state", l->port_state);
	pt_out_str(o, "duplex", h->duplex);
	pt_out_str(o, "driver", h->driver[0] ? h->driver : NULL);
	pt_out_u64(o, "carrier_changes", l->carrier_changes);
	show_role(o, p, l);
	pt_out_bool(o, "ours", pt_link_ours(l));
	pt_out_str(o, "alias", l->alias[0] ? l->alias : NULL);
	show_settings(o, p, l);
}

static void show_first(struct pt_out *o, const struct pt_link *l, const struct pt_link_hardware *h)
{
	struct pt_buf mac = { 0 };

	if (l->has_mac)
		pt_buf_fmt(&mac, "%02x:%02x:%02x:%02x:%02x:%02x", l->mac[0], l->mac[1], l->mac[2], l->mac[3], l->mac[4], l->mac[5]);
	pt_out_str(o, "kind", kind_of(l));
	pt_out_str(o, "state", state_of(l));
	pt_out_u64(o, "mtu", l->mtu);
	if (h->speed)
		pt_out_u64(o, "speed", h->speed);
	else
		pt_out_null(o, "speed");
	pt_out_fail(o, mac.err);
	pt_out_str(o, "mac", l->has_mac ? mac.s : NULL);
	pt_out_str(o, "master", l->master[0] ? l->master : NULL);
	pt_buf_fini(&mac);
}

static void show_link(struct pt_cli *c, struct pt_out *o, const struct picture *p, size_t at)
{
	const struct pt_link *l = &p->links.v.v[at];

	pt_out_rec(o);
	pt_out_str(o, "device", l->name);
	if (is_brief(c))
		pt_out_str(o, "state", state_of(l));
	else
		show_first(o, l, &p->hardware[at]);
	show_addresses(o, p, l, c->af);
	if (!is_brief(c) && (c->details || c->json))
		show_details(o, p, l, &p->hardware[at]);
	if (!is_brief(c) && (c->stats || c->json))
		show_counters(o, &l->counters);
	if (!is_brief(c) && c->stats > 1)
		show_rates(o, p, l);
	pt_out_rec_end(o);
}

static int show(struct pt_cli *c, const struct picture *p)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TABLE, "patronus.link.v1", "links");

	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < p->links.v.n; i++)
		if (is_asked(c, p->links.v.v[i].name) && (!c->af || has_family(p, &p->links.v.v[i], c->af)))
			show_link(c, o, p, i);
	return pt_cli_end(c, o);
}

int cmd_link_show(struct pt_cli *c)
{
	struct picture p;
	int rc = read_picture(&p, c, &c->err);

	if (!rc)
		rc = check_asked(c, &p);
	if (!rc)
		rc = show(c, &p);
	picture_fini(&p);
	return rc;
}

int complete_link(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct picture p;
	int rc = read_picture(&p, NULL, &c->err);

	(void)n;
	for (size_t i = 0; !rc && i < p.links.v.n; i++)
		word(p.links.v.v[i].name, arg);
	picture_fini(&p);
	return rc;
}
