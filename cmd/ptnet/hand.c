/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet link add`, `set`, `delete`, `monitor`: links by hand, and what becomes of them as it happens. */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <patronus/hand.h>

#include "ptnet.h"

/* The line was good: what is refused is refused by the kernel; a device that is not there is an answer. */
static int status(const struct pt_cli *c, int rc)
{
	if (rc == -EINVAL && c->err.n_errors)
		return PT_EXIT_CONFIG;
	if (rc == -ENODEV)
		return PT_EXIT_NO;
	return rc && rc != -ENOMEM && rc != -EPERM ? PT_EXIT_SYSTEM : rc;
}

static int by_hand(struct pt_cli *c, int (*fn)(struct pt_nl *, const char *, const char *const *, size_t, struct pt_err *))
{
	struct pt_nl *route;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);

	if (!rc)
		rc = fn(route, c->argv[0], c->argv + 1, c->argc - 1, &c->err);
	pt_nl_close(route);
	return status(c, rc);
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
	return status(c, rc);
}

int cmd_address_add(struct pt_cli *c)
{
	return address(c, true);
}

int cmd_address_delete(struct pt_cli *c)
{
	return address(c, false);
}

static void address_fields(struct pt_out *o, const struct pt_address *a)
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, a->prefix.addr);
	pt_buf_fmt(&b, "/%u", a->prefix.len);
	pt_out_str(o, "device", a->device);
	pt_out_fail(o, b.err);
	pt_out_str(o, "address", b.s);
	pt_out_bool(o, "ours", a->protocol == PT_NET_PROTOCOL);
	if (a->valid != UINT32_MAX)
		pt_out_u64(o, "valid", a->valid);
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

/* ---- as it happens ---- */

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
		rc = m.o ? pt_nl_events(route, -1, cb, &m) : -ENOMEM;
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
