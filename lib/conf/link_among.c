/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links among each other, and what else of them Linux always refuses: two that would be one to the kernel, a bridge in a bridge, a route by
 * a link that is to be down. The kernel would say so in the middle of an apply, in the words of one system call; here it is said
 * before, at the place in the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

#define ALIAS_MAX 255       /* IFALIASZ without its NUL */
#define ALIAS_HEAD 10       /* "patronus: " stands before a description */
#define MTU_IPV6 1280       /* RFC 8200, section 5 */

struct among {
	const struct pt_conf *c;
	struct pt_err *e;
	int rc;
};

#define REFUSE(k, loc, hint, ...)                                       \
	do {                                                            \
		pt_err_add((k)->e, PT_ERROR, loc, hint, __VA_ARGS__);   \
		(k)->rc = -EINVAL;                                      \
	} while (0)

/* ---- two that are one to the kernel ---- */

struct key {
	const char *text;        /* equal: one and the same */
	const struct pt_conf_if *i;
	const struct pt_loc *loc;
	const char *what;        /* what the other one is or does already */
};
typedef PT_VEC(struct key) keys;

static int by_text(const void *x, const void *y)
{
	const struct key *a = x, *b = y;
	int order = strcmp(a->text, b->text);

	return order ? order : (a->i > b->i) - (a->i < b->i); /* in the order of the file */
}

static int push(struct pt_arena *a, keys *out, const struct pt_conf_if *i, const struct pt_loc *loc, const char *what, const char *text)
{
	return text ? pt_vec_push(a, out, ((struct key){ text, i, loc, what })) : -ENOMEM;
}

/* Where it is not written, as the schema has it. */
static uint64_t number_of(const struct pt_conf_if *i, const char *option, uint64_t def)
{
	const struct pt_conf_option *o = pt_conf_if_option(i, option);

	return o ? o->number : def;
}

static bool is_six(const struct pt_conf_if *i)
{
	static const char *const ends[] = { "local", "remote", "remotes" };

	for (size_t n = 0; n < PT_ARRAY_SIZE(ends); n++) {
		const struct pt_conf_option *o = pt_conf_if_option(i, ends[n]);

		if (o)
			return strchr(o->s, ':') != NULL;
	}
	return false;
}

static int push_vlan(struct pt_arena *a, keys *out, const struct pt_conf *c, const struct pt_conf_if *i)
{
	const struct pt_conf_option *parent = pt_conf_if_option(i, "parent"), *id = pt_conf_if_option(i, "id");

	if (!parent || !id)
		return 0;
	return push(a, out, i, &id->loc, "is this VLAN already",
		    pt_arena_printf(a, "vlan %s %u %u", pt_conf_device(c, parent->s), (unsigned int)id->number,
				    (unsigned int)number_of(i, "protocol", 0)));
}

static int push_vxlan(struct pt_arena *a, keys *out, const struct pt_conf_if *i)
{
	const struct pt_conf_option *id = pt_conf_if_option(i, "id");

	if (!id)
		return 0;
	return push(a, out, i, &id->loc, "has this id and port already",
		    pt_arena_printf(a, "vxlan %u %u %d", (unsigned int)id->number, (unsigned int)number_of(i, "port", 4789), is_six(i)));
}

/* A veth makes two links; the other one may have a section only to say what it is to have. */
static int push_names(struct pt_arena *a, keys *out, const struct pt_conf_if *i)
{
	const struct pt_conf_option *peer = i->kind == PT_LINK_VETH ? pt_conf_if_option(i, "peer") : NULL;
	int rc = 0;

	if (i->kind != PT_LINK_PHYSICAL)
		rc = push(a, out, i, &i->loc, "makes a link of this name already", pt_arena_printf(a, "name %s", i->device));
	if (!rc && peer)
		rc = push(a, out, i, &peer->loc, "makes a link of this name already", pt_arena_printf(a, "name %s", peer->s));
	return rc;
}

static void check_twins(struct among *k)
{
	struct pt_arena *a = pt_arena_new();
	keys all = { 0 };
	int rc = a ? 0 : -ENOMEM;

	for (size_t n = 0; !rc && n < k->c->interfaces.n; n++) {
		const struct pt_conf_if *i = &k->c->interfaces.v[n];

		if (i->kind == PT_LINK_VLAN)
			rc = push_vlan(a, &all, k->c, i);
		else if (i->kind == PT_LINK_VXLAN)
			rc = push_vxlan(a, &all, i);
		if (!rc)
			rc = push_names(a, &all, i);
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_text);
	for (size_t n = 1; !rc && n < all.n; n++)
		if (!strcmp(all.v[n - 1].text, all.v[n].text))
			REFUSE(k, all.v[n].loc, "the kernel has room for one of them", "interface %s %s", all.v[n - 1].i->name,
			       all.v[n].what);
	pt_arena_free(a);
	if (rc)
		k->rc = rc;
}

/* ---- what stands where it cannot ---- */

/* A bridge or a bond takes all packets of its members: nothing else can. *TAKEN by the place of the interface. */
static void find_taken(const struct pt_conf *c, uint8_t *taken)
{
	for (size_t n = 0; n < c->interfaces.n; n++) {
		const struct pt_conf_if *master = &c->interfaces.v[n];

		for (size_t m = 0; m < master->options.n && (master->kind == PT_LINK_BRIDGE || master->kind == PT_LINK_BOND); m++) {
			const struct pt_conf_option *o = &master->options.v[m];
			const struct pt_conf_if *member = strcmp(o->row->name, "members") ? NULL : pt_conf_find_if(c, o->s);

			if (member)
				taken[member - c->interfaces.v] = 1;
		}
	}
}

static void check_members(struct among *k, const struct pt_conf_if *i)
{
	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];
		const struct pt_conf_if *member = strcmp(o->row->name, "members") ? NULL : pt_conf_find_if(k->c, o->s);

		if (!member || i->kind == PT_LINK_VRF)
			continue;
		if (i->kind == PT_LINK_BRIDGE && member->kind == PT_LINK_BRIDGE)
			REFUSE(k, &o->loc, "join them with a veth", "%s is a bridge, which Linux does not take as a port of another", o->s);
		else if (!strcmp(member->device, "lo"))
			REFUSE(k, &o->loc, NULL, "%s is the loopback, which has no master", o->s);
	}
}

static void check_parent(struct among *k, const struct pt_conf_if *i, const uint8_t *taken)
{
	const struct pt_conf_option *parent = pt_conf_if_option(i, "parent"), *remote = pt_conf_if_option(i, "remote");
	const struct pt_conf_if *below = parent ? pt_conf_find_if(k->c, parent->s) : NULL;
	struct pt_addr a;

	if (i->kind == PT_LINK_MACVLAN && below && taken[below - k->c->interfaces.v])
		REFUSE(k, &parent->loc, "put it on the master", "packets of %s belong to its master", parent->s);
	if (i->kind == PT_LINK_VXLAN && !parent && remote && !pt_addr_parse(remote->s, &a) &&
	    (a.af == PT_AF_INET ? a.v >> 28 == 0xe : (uint8_t)(a.v >> 120) == 0xff))
		REFUSE(k, &remote->loc, "parent = \"eth0\"", "packets to the group %s need a parent to leave by", remote->s);
}

/* ---- what the link itself cannot have ---- */

static void check_name(struct among *k, const struct pt_conf_if *i)
{
	if (!strcmp(i->device, "all") || !strcmp(i->device, "default"))
		REFUSE(k, &i->loc, "choose another name", "no link has the name %s: under it the kernel keeps settings of all links", i->device);
	else if (i->kind != PT_LINK_PHYSICAL && !strcmp(i->device, "lo"))
		REFUSE(k, &i->loc, "leave `type` out", "the loopback %s is there always", i->device);
	if (i->kind != PT_LINK_PHYSICAL && i->description && strlen(i->description) > ALIAS_MAX - ALIAS_HEAD)
		REFUSE(k, &i->loc, "245 bytes at most: the kernel has room for 255, and our name is among them",
		       "the description of interface %s is too long for a link", i->name);
}

static bool has_six(const struct pt_conf_if *i)
{
	for (size_t n = 0; n < i->addresses.n; n++)
		if (i->addresses.v[n].addr.af == PT_AF_INET6)
			return true;
	return i->ways & (PT_IF_DHCP6 | PT_IF_SLAAC);
}

static void check_mtu(struct among *k, const struct pt_conf_if *i)
{
	const struct pt_conf_option *mtu = pt_conf_if_option(i, "mtu");

	if (mtu && mtu->number < MTU_IPV6 && has_six(i))
		REFUSE(k, &mtu->loc, "1280 at least (RFC 8200)", "packets of interface %s are too small for IPv6", i->name);
}

static bool is_off(const struct pt_conf_if *i)
{
	const struct pt_conf_option *enabled = pt_conf_if_option(i, "enabled");

	return enabled && !enabled->number;
}

/* Many routes name few links. */
static void check_routes(struct among *k)
{
	const char *last = NULL;
	bool off = false;

	for (size_t n = 0; n < k->c->routes.n; n++) {
		const struct pt_conf_route *r = &k->c->routes.v[n];

		for (uint32_t h = 0; h < r->n_hops; h++) {
			const char *dev = r->hops[h].dev;

			if (dev && (!last || strcmp(last, dev) != 0)) {
				const struct pt_conf_if *i = pt_conf_find_if(k->c, dev);

				off = i && is_off(i);
				last = dev;
			}
			if (dev && off)
				REFUSE(k, &r->loc, "a link that is down has no routes", "interface %s is not enabled", dev);
		}
	}
}

int conf_check_links_among(const struct pt_conf *c, struct pt_err *e)
{
	struct among k = { .c = c, .e = e };
	uint8_t *taken = calloc(c->interfaces.n + 1, 1);

	if (!taken)
		return -ENOMEM;
	find_taken(c, taken);
	check_twins(&k);
	for (size_t n = 0; k.rc != -ENOMEM && n < c->interfaces.n; n++) {
		const struct pt_conf_if *i = &c->interfaces.v[n];

		check_name(&k, i);
		check_members(&k, i);
		check_parent(&k, i, taken);
		check_mtu(&k, i);
	}
	if (k.rc != -ENOMEM)
		check_routes(&k);
	free(taken);
	return k.rc;
}
