/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag neighbour: who is on the links, by ARP and neighbour discovery, since when, and who made its card. */
#include <errno.h>
#include <string.h>

#include <linux/neighbour.h>

#include <patronus/neighbour.h>
#include <patronus/route.h>
#include <patronus/vendor.h>

#include "ptdiag.h"

#define TICKS 100 /* of the kernel's ages in a second */

struct neighbour_words {
	const char *dev, *address, *mac, *oui;
	unsigned int state; /* in its choices */
};

static const char *const states[] = { "any",	"reachable", "stale", "delay",	   "probe", "incomplete",
				      "failed", "noarp",     "none",  "permanent", "proxy", NULL };

const struct pt_cli_word neighbour_words[] = {
	{ "dev", PT_CLI_DEVICE, offsetof(struct neighbour_words, dev), "DEVICE", "only those on this link", 0, 0,
	  NULL },
	{ "state", PT_CLI_CHOICE, offsetof(struct neighbour_words, state), "NAME",
	  "only those in this state; proxy: for whom this machine answers", 0, 0, states },
	{ "address", PT_CLI_TEXT, offsetof(struct neighbour_words, address), "ADDRESS[/LENGTH]",
	  "only this one, or those of a network", 0, 0, NULL },
	{ "mac", PT_CLI_TEXT, offsetof(struct neighbour_words, mac), "MAC",
	  "only this one, or those that begin so: 52:54:00", 0, 0, NULL },
	{ "oui", PT_CLI_PATH, offsetof(struct neighbour_words, oui), "FILE",
	  "the list of makers; else that of ieee-data, nmap or Wireshark, where one is", 0, 0, NULL },
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

struct view {
	struct pt_cli *c;
	struct neighbour_words w;
	bool has_prefix;
	struct pt_prefix prefix;
	uint64_t mac, mac_mask;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_neighbours all;
	struct pt_vendors vendors;
	struct pt_out *o;
	size_t shown;
};

/* "52:54:00" as the first bits of 48. */
static bool parse_mac(const char *s, uint64_t *mac, uint64_t *mask)
{
	unsigned int digits = 0;

	*mac = 0;
	for (; *s; s++) {
		const char *at = strchr("0123456789abcdef0123456789ABCDEF", *s);

		if (*s == ':' && digits && digits % 2 == 0 && s[-1] != ':')
			continue;
		if (*s == ':' || !at || digits == 12 || (digits && digits % 2 == 0 && s[-1] != ':'))
			return false;
		*mac = *mac << 4 | ((uint64_t)(at - "0123456789abcdef0123456789ABCDEF") & 15);
		digits++;
	}
	if (!digits || digits % 2)
		return false;
	*mac <<= 48 - 4 * digits;
	*mask = (1ull << 48) - (1ull << (48 - 4 * digits));
	return true;
}

static int ask(struct view *v)
{
	int rc = pt_cli_words(v->c, &v->w);

	if (!rc && v->w.address) {
		v->has_prefix = true;
		if (pt_prefix_parse(v->w.address, &v->prefix))
			return pt_cli_usage(v->c, "address %s: no address, and no network", v->w.address);
	}
	if (!rc && v->w.mac && !parse_mac(v->w.mac, &v->mac, &v->mac_mask))
		return pt_cli_usage(v->c, "mac %s: no link address, and not the beginning of one", v->w.mac);
	return rc;
}

/* Multicast and the like, which nobody has asked for, with -d only. */
static bool is_asked(const struct view *v, const struct pt_neighbour *n)
{
	const char *state = pt_neighbour_state(n);

	if (v->c->af && n->addr.af != v->c->af)
		return false;
	if (v->w.dev && strcmp(v->w.dev, n->device) != 0)
		return false;
	if (v->has_prefix &&
	    (n->addr.af != v->prefix.addr.af || n->addr.v < pt_prefix_lo(&v->prefix) ||
	     n->addr.v > pt_prefix_hi(&v->prefix)))
		return false;
	if (v->mac_mask && (!n->has_mac || (n->mac & v->mac_mask) != v->mac))
		return false;
	return v->w.state ? !strcmp(states[v->w.state], state) : v->c->details || !(n->state & NUD_NOARP);
}

static void seconds(struct pt_out *o, const char *key, const struct pt_neighbour *n, uint32_t ticks)
{
	if (n->has_ages)
		pt_out_u64(o, key, ticks / TICKS);
	else
		pt_out_null(o, key);
}

static void show(struct view *v, const struct pt_neighbour *n)
{
	struct pt_buf mac = { 0 };
	char number[4];

	for (int i = 40; n->has_mac && i >= 0; i -= 8)
		pt_buf_fmt(&mac, "%s%02x", i == 40 ? "" : ":", (unsigned int)(n->mac >> i & 0xff));
	pt_out_fail(v->o, mac.err);
	pt_out_rec(v->o);
	pt_out_addr(v->o, "address", n->addr);
	pt_out_str(v->o, "device", n->device);
	pt_out_str(v->o, "mac", mac.s);
	pt_out_str(v->o, "state", pt_neighbour_state(n));
	seconds(v->o, "age", n, n->confirmed);
	if (v->c->details || pt_out_format(v->o) != PT_OUT_TABLE) {
		seconds(v->o, "used", n, n->used);
		pt_out_str(v->o, "protocol", n->protocol ? pt_route_protocol_name(n->protocol, number) : NULL);
	}
	pt_out_bool(v->o, "router", n->flags & NTF_ROUTER);
	pt_out_str(v->o, "vendor", n->has_mac ? pt_vendor_of(&v->vendors, n->mac) : NULL);
	pt_out_rec_end(v->o);
	pt_buf_fini(&mac);
}

static int read_all(struct view *v)
{
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, &v->c->err);

	if (rc)
		return rc;
	rc = pt_links_read(route, v->arena, &v->links, &v->c->err);
	if (!rc)
		rc = pt_neighbours_read(route, &v->links, v->arena, &v->all, &v->c->err);
	for (size_t i = 0; !rc && i < v->all.v.n; i++)
		if (v->all.v.v[i].has_mac && is_asked(v, &v->all.v.v[i]) &&
		    pt_vendors_want(v->arena, &v->vendors, v->all.v.v[i].mac))
			rc = pt_err_sys(&v->c->err, -ENOMEM, "reading the neighbours");
	if (!rc)
		rc = pt_vendors_read(v->arena, &v->vendors, v->w.oui, &v->c->err);
	pt_nl_close(route);
	return rc;
}

static int show_all(struct view *v)
{
	if (v->w.dev && !pt_links_find(&v->links, v->w.dev)) {
		pt_err_add(&v->c->err, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s",
			   v->w.dev);
		return PT_EXIT_NO;
	}
	v->o = pt_cli_out(v->c, PT_OUT_TABLE, "patronus.neighbour.v1", "neighbours");
	if (!v->o)
		return -ENOMEM;
	for (size_t i = 0; i < v->all.v.n; i++)
		if (is_asked(v, &v->all.v.v[i])) {
			show(v, &v->all.v.v[i]);
			v->shown++;
		}
	return pt_cli_end(v->c, v->o);
}

int cmd_neighbour(struct pt_cli *c)
{
	struct view v = { .c = c };
	int rc = ask(&v);

	if (rc)
		return rc;
	v.arena = pt_arena_new();
	rc = v.arena ? read_all(&v) : pt_err_sys(&c->err, -ENOMEM, "reading the neighbours");
	if (!rc)
		rc = show_all(&v);
	pt_arena_free(v.arena);
	return rc ? rc : !v.shown && (c->argc || c->af) ? PT_EXIT_NO : 0;
}
