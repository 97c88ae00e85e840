/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet link add`, `set`, `delete`, and addresses: by hand. */
#include <errno.h>
#include <string.h>

#include <patronus/hand.h>

#include "ptnet.h"

int hand_status(const struct pt_cli *c, int rc)
{
	if (rc == -EINVAL && c->err.n_errors)
		return PT_EXIT_CONFIG;
	if (rc == -ENODEV)
		return PT_EXIT_NO;
	return rc && rc != -ENOMEM && rc != -EPERM && rc != -EACCES ? PT_EXIT_SYSTEM : rc;
}

static int by_hand(struct pt_cli *c, int (*fn)(struct pt_nl *, const char *, const char *const *, size_t, struct pt_err *))
{
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);

	if (!rc)
		rc = fn(route, c->argv[0], c->argv + 1, c->argc - 1, &c->err);
	pt_nl_close(route);
	return hand_status(c, rc);
}

int cmd_link_add(struct pt_cli *c)
{
	return by_hand(c, pt_hand_link_add);
}

int cmd_link_set(struct pt_cli *c)
{
	return by_hand(c, pt_hand_link_set);
}

static int delete(struct pt_nl *route, const char *name, const char *const *words, size_t n, struct pt_err *e)
{
	(void)words;
	(void)n;
	return pt_hand_link_delete(route, name, e);
}

int cmd_link_delete(struct pt_cli *c)
{
	return by_hand(c, delete);
}

/* ---- addresses ---- */

static int address(struct pt_cli *c, bool add)
{
	struct pt_nl *route;
	int rc;

	if (strcmp(c->argv[1], "dev") != 0)
		return pt_cli_usage(c, "dev DEVICE is missing behind the address");
	rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = pt_hand_address(route, add, c->argv[0], c->argv[2], &c->err);
	pt_nl_close(route);
	return hand_status(c, rc);
}

int cmd_address_add(struct pt_cli *c)
{
	return address(c, true);
}

int cmd_address_delete(struct pt_cli *c)
{
	return address(c, false);
}

void address_fields(struct pt_out *o, const struct pt_address *a)
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, a->prefix.addr);
	pt_buf_fmt(&b, "/%u", a->prefix.len);
	pt_out_str(o, "device", a->device);
	pt_out_fail(o, b.err);
	pt_out_str(o, "address", b.s);
	pt_out_bool(o, "ours", a->protocol == PT_NET_PROTOCOL);
	/* What is ours for a time only, a server gave. */
	pt_out_str(o, "by", a->protocol != PT_NET_PROTOCOL ? NULL : a->valid == UINT32_MAX ? "file" : "dhcp");
	if (a->valid != UINT32_MAX)
		pt_out_u64(o, "valid", a->valid);
	else
		pt_out_null(o, "valid");
	pt_buf_fini(&b);
}

static bool is_asked(const struct pt_cli *c, const struct pt_address *a)
{
	return (!c->af || a->prefix.addr.af == c->af) && (!c->argc || !strcmp(c->argv[1], a->device));
}

static int show_addresses(struct pt_cli *c, const struct pt_addresses *addresses)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TABLE, "patronus.address.v1", "addresses");

	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < addresses->v.n; i++)
		if (is_asked(c, &addresses->v.v[i])) {
			pt_out_rec(o);
			address_fields(o, &addresses->v.v[i]);
			pt_out_rec_end(o);
		}
	return pt_cli_end(c, o);
}

int cmd_address_show(struct pt_cli *c)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_addresses addresses;
	struct pt_nl *route = NULL;
	struct pt_links links;
	int rc = c->argc && strcmp(c->argv[0], "dev") ? pt_cli_usage(c, "dev DEVICE is what can be asked for") : 0;

	if (!rc)
		rc = a ? pt_nl_open(&route, NETLINK_ROUTE, &c->err) : pt_err_sys(&c->err, -ENOMEM, "reading the addresses");
	if (!rc)
		rc = pt_links_read(route, a, &links, &c->err);
	if (!rc && c->argc > 1 && !pt_links_find(&links, c->argv[1])) {
		pt_err_add(&c->err, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s", c->argv[1]);
		rc = PT_EXIT_NO;
	}
	if (!rc)
		rc = pt_addresses_read(route, &links, a, &addresses, &c->err);
	if (!rc)
		rc = show_addresses(c, &addresses);
	pt_nl_close(route);
	pt_arena_free(a);
	return rc;
}

/* ---- completion ---- */

/* A device, then options and their values in turn. */
int complete_hand(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	const char *option = n >= 2 && n % 2 == 0 && n - 1 < c->argc ? c->argv[n - 1] : NULL;

	if (!n || (option && (!strcmp(option, "parent") || !strcmp(option, "master") || !strcmp(option, "primary"))))
		return complete_link(c, 0, word, arg);
	for (const struct pt_schema *row = pt_conf_options("interface"); row->name; row++) {
		if (n % 2)
			word(row->name, arg);
		for (size_t i = 0; option && !strcmp(option, row->name) && row->words && row->words[i]; i++)
			word(row->words[i], arg);
	}
	if (n % 2)
		word("master", arg);
	return 0;
}

/* ADDRESS dev DEVICE */
int complete_address(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	if (n == 1)
		word("dev", arg);
	return n == 2 ? complete_link(c, 0, word, arg) : 0;
}
