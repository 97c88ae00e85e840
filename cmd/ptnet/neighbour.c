/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet neighbour`: who has which link address, what the kernel thinks of it, and for whom this machine answers. */
#include <errno.h>
#include <string.h>

#include <linux/neighbour.h>

#include <patronus/neighbour.h>
#include <patronus/route.h>

#include "ptnet.h"

#define TICKS 100 /* of the kernel's ages in a second */

static int read_neighbours(struct pt_cli *c, struct pt_arena **arena, struct pt_links *links, struct pt_neighbours *out)
{
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);

	*arena = NULL;
	if (rc)
		return rc;
	*arena = pt_arena_new();
	rc = *arena ? pt_links_read(route, *arena, links, &c->err) : pt_err_sys(&c->err, -ENOMEM, "reading the neighbours");
	if (!rc)
		rc = pt_neighbours_read(route, links, *arena, out, &c->err);
	pt_nl_close(route);
	return rc;
}

/* Multicast and the like, which nobody has asked for, with -d only. */
static bool is_asked(const struct pt_cli *c, const struct pt_neighbour *n)
{
	if (c->af && n->addr.af != c->af)
		return false;
	if (c->argc < 2)
		return c->details || !(n->state & NUD_NOARP);
	return !strcmp(c->argv[1], n->device);
}

static void first_fields(struct pt_out *o, const struct pt_neighbour *n)
{
	struct pt_buf mac = { 0 };

	for (int i = 40; n->has_mac && i >= 0; i -= 8)
		pt_buf_fmt(&mac, "%s%02x", i == 40 ? "" : ":", (unsigned int)(n->mac >> i & 0xff));
	pt_out_addr(o, "address", n->addr);
	pt_out_str(o, "device", n->device);
	pt_out_fail(o, mac.err);
	pt_out_str(o, "mac", mac.s);
	pt_out_str(o, "state", pt_neighbour_state(n));
	pt_buf_fini(&mac);
}

static void last_fields(struct pt_out *o, const struct pt_neighbour *n)
{
	char number[4];

	pt_out_str(o, "protocol", n->protocol ? pt_route_protocol_name(n->protocol, number) : NULL);
	pt_out_bool(o, "router", n->flags & NTF_ROUTER);
}

void neighbour_fields(struct pt_out *o, const struct pt_neighbour *n)
{
	first_fields(o, n);
	last_fields(o, n);
}

static void show(struct pt_cli *c, struct pt_out *o, const struct pt_neighbour *n)
{
	pt_out_rec(o);
	first_fields(o, n);
	if (n->has_ages)
		pt_out_u64(o, "age", n->confirmed / TICKS);
	else
		pt_out_null(o, "age");
	if (c->details || c->json) {
		if (n->has_ages)
			pt_out_u64(o, "used", n->used / TICKS);
		else
			pt_out_null(o, "used");
		last_fields(o, n);
	}
	pt_out_rec_end(o);
}

int cmd_neighbour_show(struct pt_cli *c)
{
	struct pt_neighbours all;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_out *o;
	int rc;

	if (c->argc && (c->argc != 2 || strcmp(c->argv[0], "dev") != 0))
		return pt_cli_usage(c, "write dev DEVICE, or nothing");
	rc = read_neighbours(c, &arena, &links, &all);
	if (!rc && c->argc && !pt_links_find(&links, c->argv[1])) {
		pt_err_add(&c->err, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s", c->argv[1]);
		rc = PT_EXIT_NO;
	}
	o = rc ? NULL : pt_cli_out(c, PT_OUT_TABLE, "patronus.neighbour.v1", "neighbours");
	if (!rc && !o)
		rc = -ENOMEM;
	for (size_t i = 0; o && i < all.v.n; i++)
		if (is_asked(c, &all.v.v[i]))
			show(c, o, &all.v.v[i]);
	if (o)
		rc = pt_cli_end(c, o);
	pt_arena_free(arena);
	return rc;
}

int live_neighbours(struct pt_cli *c, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_neighbours all;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_buf b = { 0 };
	int rc = read_neighbours(c, &arena, &links, &all);

	for (size_t i = 0; !rc && i < all.v.n; i++) {
		b.n = 0;
		pt_addr_fmt(&b, all.v.v[i].addr);
		if (!b.err && !all.v.v[i].proxy && is_asked(c, &all.v.v[i]))
			word(b.s, arg);
	}
	pt_buf_fini(&b);
	pt_arena_free(arena);
	return rc;
}

int complete_neighbour(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	if (n)
		return complete_link(c, n, word, arg);
	word("dev", arg);
	return 0;
}
