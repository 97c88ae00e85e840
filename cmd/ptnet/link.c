/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet link`: the links of this machine, with what several tools tell of them elsewhere. */
#include <errno.h>
#include <string.h>

#include <patronus/net.h>

#include "ptnet.h"

struct picture {
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_host *host;
};

static int read_picture(struct picture *p, struct pt_err *e)
{
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, e);

	memset(p, 0, sizeof(*p));
	if (rc)
		return rc;
	p->arena = pt_arena_new();
	rc = p->arena ? pt_links_read(route, p->arena, &p->links, e) : pt_err_sys(e, -ENOMEM, "reading the links");
	if (!rc)
		rc = pt_net_read(route, &p->host, e);
	pt_nl_close(route);
	return rc;
}

static void picture_fini(struct picture *p)
{
	pt_host_free(p->host);
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

static void show_addresses(struct pt_out *o, const struct picture *p, const struct pt_link *l)
{
	struct pt_buf b = { 0 };

	pt_out_arr(o, "addresses");
	for (size_t i = 0; i < p->host->ifs.n; i++)
		for (size_t k = 0; p->host->ifs.v[i].ifindex == l->index && k < p->host->ifs.v[i].addrs.n; k++) {
			const struct pt_prefix *a = &p->host->ifs.v[i].addrs.v[k].prefix;

			b.n = 0;
			pt_addr_fmt(&b, a->addr);
			pt_buf_fmt(&b, "/%u", a->len);
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

static void show_link(struct pt_cli *c, struct pt_out *o, const struct picture *p, const struct pt_link *l)
{
	struct pt_buf mac = { 0 };

	if (l->has_mac)
		pt_buf_fmt(&mac, "%02x:%02x:%02x:%02x:%02x:%02x", l->mac[0], l->mac[1], l->mac[2], l->mac[3], l->mac[4], l->mac[5]);
	pt_out_rec(o);
	pt_out_str(o, "device", l->name);
	pt_out_str(o, "kind", kind_of(l));
	pt_out_str(o, "state", state_of(l));
	pt_out_u64(o, "mtu", l->mtu);
	pt_out_fail(o, mac.err);
	pt_out_str(o, "mac", l->has_mac ? mac.s : NULL);
	pt_out_str(o, "master", l->master[0] ? l->master : NULL);
	show_addresses(o, p, l);
	if (c->details || c->json) {
		pt_out_bool(o, "ours", pt_link_ours(l));
		pt_out_str(o, "alias", l->alias[0] ? l->alias : NULL);
		show_settings(o, p, l);
	}
	if (c->stats || c->json)
		show_counters(o, &l->counters);
	pt_out_rec_end(o);
	pt_buf_fini(&mac);
}

static int show(struct pt_cli *c, const struct picture *p)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TABLE, "patronus.link.v1", "links");

	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < p->links.v.n; i++)
		if (is_asked(c, p->links.v.v[i].name))
			show_link(c, o, p, &p->links.v.v[i]);
	return pt_cli_end(c, o);
}

int cmd_link_show(struct pt_cli *c)
{
	struct picture p;
	int rc = read_picture(&p, &c->err);

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
	int rc = read_picture(&p, &c->err);

	(void)n;
	for (size_t i = 0; !rc && i < p.links.v.n; i++)
		word(p.links.v.v[i].name, arg);
	picture_fini(&p);
	return rc;
}
