/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet vip`: addresses beside the first one of an interface: who has them, and which rules use them. */
#include <errno.h>
#include <string.h>

#include <patronus/vip.h>

#include "ptnet.h"

struct view {
	struct pt_cli *c;
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_nl *route;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_addresses addresses;
	struct pt_neighbours neighbours;
	pt_vips all;
};

static int load(struct view *v)
{
	struct pt_cli *c = v->c;
	int rc = pt_policy_load(c->file, &v->conf, &v->policy, &c->err);

	if (rc && rc != -ENOMEM && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc, "reading %s", c->file);
	return rc && rc != -ENOMEM ? PT_EXIT_CONFIG : rc;
}

static int view_open(struct view *v, struct pt_cli *c)
{
	int rc;

	memset(v, 0, sizeof(*v));
	v->c = c;
	rc = load(v);
	if (!rc)
		rc = pt_nl_open(&v->route, NETLINK_ROUTE, &c->err);
	v->arena = rc ? NULL : pt_arena_new();
	if (!rc)
		rc = v->arena ? pt_links_read(v->route, v->arena, &v->links, &c->err) : -ENOMEM;
	if (!rc)
		rc = pt_addresses_read(v->route, &v->links, v->arena, &v->addresses, &c->err);
	if (!rc)
		rc = pt_neighbours_read(v->route, &v->links, v->arena, &v->neighbours, &c->err);
	return rc ? rc : pt_vips_list(v->policy, &v->addresses, &v->neighbours, v->arena, &v->all);
}

static void view_close(struct view *v)
{
	pt_nl_close(v->route);
	pt_policy_free(v->policy);
	pt_conf_free(v->conf);
	pt_arena_free(v->arena);
}

/* By name, address or device. */
static bool is_asked(const struct pt_cli *c, const struct pt_vip *v)
{
	struct pt_addr a;

	if (c->af && v->address.addr.af != c->af)
		return false;
	for (size_t i = 0; i < c->argc; i++)
		if ((v->name && !strcmp(c->argv[i], v->name)) || !strcmp(c->argv[i], v->device) ||
		    (!pt_addr_parse(c->argv[i], &a) && a.af == v->address.addr.af && a.v == v->address.addr.v))
			return true;
	return !c->argc;
}

static void show_uses(struct pt_out *o, const struct pt_vip *v)
{
	pt_out_arr(o, "uses");
	for (size_t i = 0; i < v->uses.n; i++) {
		const struct pt_pol_rule *r = v->uses.v[i].rule;
		struct pt_buf b = { 0 };

		if (pt_out_format(o) == PT_OUT_JSON || pt_out_format(o) == PT_OUT_JSONL) {
			pt_out_obj(o, NULL);
			pt_out_str(o, "way", v->uses.v[i].way);
			pt_out_str(o, "rule", r->name);
			pt_out_str(o, "file", r->loc.file);
			pt_out_u64(o, "line", r->loc.line);
			pt_out_obj_end(o);
			continue;
		}
		pt_buf_fmt(&b, "%s:%s", v->uses.v[i].way, r->name);
		pt_out_fail(o, b.err);
		if (b.s)
			pt_out_item(o, b.s);
		pt_buf_fini(&b);
	}
	pt_out_arr_end(o);
}

static void show_one(struct pt_cli *c, struct pt_out *o, const struct pt_vip *v)
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, v->address.addr);
	pt_buf_fmt(&b, "/%u", v->address.len);
	pt_out_rec(o);
	pt_out_str(o, "name", v->name);
	pt_out_fail(o, b.err);
	pt_out_str(o, "address", b.s);
	pt_out_str(o, "type", pt_vip_types[v->type]);
	pt_out_str(o, "interface", v->interface);
	pt_out_str(o, "device", v->device);
	pt_out_str(o, "state", pt_vip_states[v->state]);
	pt_out_str(o, "from", v->by_hand ? "hand" : "file");
	show_uses(o, v);
	if (c->details || c->json)
		pt_out_str(o, "description", v->description);
	pt_out_rec_end(o);
	pt_buf_fini(&b);
}

int cmd_vip_show(struct pt_cli *c)
{
	size_t shown = 0;
	struct pt_out *o;
	struct view v;
	int rc = view_open(&v, c);

	for (size_t i = 0; !rc && i < v.all.n; i++)
		shown += is_asked(c, &v.all.v[i]);
	if (!rc && c->argc && !shown) {
		pt_err_add(&c->err, PT_ERROR, NULL, "`ptnet vip show` lists them", "there is no virtual address like that");
		rc = PT_EXIT_NO;
	}
	o = rc ? NULL : pt_cli_out(c, PT_OUT_TABLE, "patronus.vip.v1", "vips");
	if (!rc && !o)
		rc = -ENOMEM;
	for (size_t i = 0; o && i < v.all.n; i++)
		if (is_asked(c, &v.all.v[i]))
			show_one(c, o, &v.all.v[i]);
	if (o)
		rc = pt_cli_end(c, o);
	view_close(&v);
	return rc;
}

/* ADDRESS dev DEVICE [type TYPE] */
static int by_hand(struct pt_cli *c, enum pt_hand_op op)
{
	enum pt_vip_type type = PT_VIP_ALIAS;
	struct pt_buf told = { 0 };
	struct pt_hand h = { .dry = c->dry, .told = &told };
	int rc;

	if (strcmp(c->argv[1], "dev") != 0)
		return pt_cli_usage(c, "dev DEVICE is missing behind the address");
	if (c->argc != 3 && (c->argc != 5 || strcmp(c->argv[3], "type") != 0))
		return pt_cli_usage(c, "write type alias or type proxy behind the device, or nothing");
	if (c->argc == 5 && !strcmp(c->argv[4], "proxy"))
		type = PT_VIP_PROXY;
	else if (c->argc == 5 && strcmp(c->argv[4], "alias") != 0)
		return pt_cli_usage(c, "'%s' is none of alias, proxy: of other ones nothing is set", c->argv[4]);
	rc = pt_nl_open(&h.route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = pt_hand_vip(&h, op, type, c->argv[0], c->argv[2], &c->err);
	if (!rc)
		rc = told.err;
	if (!rc && c->dry)
		say_lines(c, &told);
	pt_nl_close(h.route);
	pt_buf_fini(&told);
	return hand_status(c, rc);
}

int cmd_vip_add(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_ADD);
}

int cmd_vip_delete(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_DELETE);
}

int complete_vip(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct view v;
	int rc = view_open(&v, c);

	(void)n;
	for (size_t i = 0; !rc && i < v.all.n; i++)
		if (v.all.v[i].name)
			word(v.all.v[i].name, arg);
	view_close(&v);
	return rc;
}

int complete_vip_words(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	if (n == 1)
		word("dev", arg);
	else if (n == 3)
		word("type", arg);
	else if (n == 4) {
		word("alias", arg);
		word("proxy", arg);
	}
	return n == 2 ? complete_link(c, 0, word, arg) : 0;
}
