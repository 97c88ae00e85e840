/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What interfaces of the file are to have that is no attribute of their links: VLANs of ports, other ends, work of the hardware, router
 * advertisements, that IPv6 answers for addresses elsewhere at all, and what the client of DHCP needs.
 */
#include <errno.h>
#include <string.h>

#include "plan/network.h"

struct wants {
	const struct pt_conf *c;
	struct pt_traits *out;
};

static int add(const struct wants *w, const struct pt_conf_if *i, struct pt_trait t, const struct pt_loc *loc)
{
	memcpy(t.device, i->device, strnlen(i->device, PT_LINK_NAME - 1));
	t.loc = loc;
	return pt_vec_push(w->out->arena, &w->out->v, t);
}

/* ---- VLANs ---- */

static bool filters(const struct pt_conf_if *bridge)
{
	const struct pt_conf_option *o = pt_conf_if_option(bridge, "vlan-filtering");

	return o && o->number;
}

static int add_vlans(const struct wants *w, const struct pt_conf_if *i)
{
	struct pt_trait t = { .kind = PT_TRAIT_VLAN, .bridge = i->kind == PT_LINK_BRIDGE };
	bool any = false;

	for (size_t k = 0; k < i->options.n; k++) {
		const struct pt_conf_option *o = &i->options.v[k];
		struct pt_conf_vlans v;

		if (strcmp(o->row->name, "vlans") != 0)
			continue;
		any = true;
		if (pt_conf_vlans_parse(o->s, &v))
			return -EINVAL;
		t.value = (v.pvid ? PT_VLAN_PVID : 0) | (v.untagged ? PT_VLAN_UNTAGGED : 0);
		for (t.number = v.from; t.number <= v.to; t.number++)
			if (add(w, i, t, &o->loc))
				return -ENOMEM;
	}
	t.number = 1;
	t.value = PT_VLAN_PVID | PT_VLAN_UNTAGGED;
	return any ? 0 : add(w, i, t, &i->loc);
}

/* Of a bridge that tells VLANs apart, and of its ports. */
static int add_bridge(const struct wants *w, const struct pt_conf_if *bridge)
{
	int rc;

	if (bridge->kind != PT_LINK_BRIDGE || !filters(bridge))
		return 0;
	rc = add_vlans(w, bridge);
	for (size_t k = 0; !rc && k < bridge->options.n; k++) {
		const struct pt_conf_option *o = &bridge->options.v[k];
		const struct pt_conf_if *port = strcmp(o->row->name, "members") ? NULL : pt_conf_find_if(w->c, o->s);

		if (port)
			rc = add_vlans(w, port);
	}
	return rc;
}

/* ---- the rest ---- */

static int add_end(const struct wants *w, const struct pt_conf_if *i, const struct pt_conf_option *o)
{
	struct pt_trait t = { .kind = PT_TRAIT_REMOTE };
	const struct pt_conf_option *remote = pt_conf_if_option(i, "remote");
	struct pt_addr first;

	if (pt_addr_parse(o->s, &t.addr))
		return -EINVAL;
	/* The kernel has `remote` among the others. */
	if (remote && !pt_addr_parse(remote->s, &first) && first.af == t.addr.af && first.v == t.addr.v)
		return 0;
	return add(w, i, t, &o->loc);
}

/* Two addresses ask for it once. */
static bool is_asked(const struct wants *w, const struct pt_conf_if *i, const struct pt_trait *t)
{
	for (size_t k = w->out->v.n; k-- > 0 && !strcmp(w->out->v.v[k].device, i->device);)
		if (w->out->v.v[k].kind == t->kind && w->out->v.v[k].number == t->number)
			return true;
	return false;
}

/* The addresses themselves are neighbours. */
static int add_proxy(const struct wants *w, const struct pt_conf_if *i, const struct pt_conf_option *o)
{
	struct pt_trait t = { .kind = PT_TRAIT_SETTING, .number = PT_SETTING_PROXY_NDP, .value = 1 };
	struct pt_addr addr;

	if (pt_addr_parse(o->s, &addr))
		return -EINVAL;
	return addr.af == PT_AF_INET || is_asked(w, i, &t) ? 0 : add(w, i, t, &o->loc);
}

static int add_offload(const struct wants *w, const struct pt_conf_if *i, const struct pt_conf_option *o)
{
	size_t n = strcspn(o->s, " ");
	struct pt_trait t = { .kind = PT_TRAIT_OFFLOAD, .number = pt_offload_find(o->s, n), .value = !strcmp(o->s + n, " on") };

	return t.number == UINT32_MAX ? -EINVAL : add(w, i, t, &o->loc);
}

static const struct {
	const char *option;
	int (*add)(const struct wants *w, const struct pt_conf_if *i, const struct pt_conf_option *o);
} options[] = {
	{ "remotes", add_end },
	{ "proxy", add_proxy },
	{ "offload", add_offload },
};

/* DHCPv6 tells of no routers, so they are believed for it, too; addresses are made of what they say for `auto` only. */
static int add_advertisements(const struct wants *w, const struct pt_conf_if *i)
{
	const struct pt_conf_option *route = pt_conf_if_option(i, "default-route");
	const struct {
		enum pt_trait_setting setting;
		uint32_t value;
	} values[] = {
		{ PT_SETTING_ACCEPT_RA, 2 }, /* from routers, although this machine is one */
		{ PT_SETTING_AUTOCONF, i->ways & PT_IF_SLAAC ? 1 : 0 },
		{ PT_SETTING_RA_DEFAULT, !route || route->number },
	};
	int rc = 0;

	for (size_t k = 0; !rc && i->ways & (PT_IF_SLAAC | PT_IF_DHCP6) && k < PT_ARRAY_SIZE(values); k++) {
		struct pt_trait t = { .kind = PT_TRAIT_SETTING, .number = values[k].setting, .value = values[k].value };

		rc = add(w, i, t, &i->loc);
	}
	return rc;
}

/* dhcpcd(8) does not begin on an interface without it, and is not let to set it: see dhcp_config.c. */
static int add_client(const struct wants *w, const struct pt_conf_if *i)
{
	const struct pt_trait t = { .kind = PT_TRAIT_SETTING, .number = PT_SETTING_PROMOTE, .value = 1 };

	return i->ways & (PT_IF_DHCP4 | PT_IF_DHCP6) ? add(w, i, t, &i->loc) : 0;
}

static int add_options(const struct wants *w, const struct pt_conf_if *i)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < i->options.n; k++)
		for (size_t n = 0; !rc && n < PT_ARRAY_SIZE(options); n++)
			if (!strcmp(i->options.v[k].row->name, options[n].option))
				rc = options[n].add(w, i, &i->options.v[k]);
	if (!rc)
		rc = add_advertisements(w, i);
	return rc ? rc : add_client(w, i);
}

int network_want_traits(const struct pt_conf *c, struct pt_arena *a, struct pt_traits *out)
{
	const struct wants w = { c, out };
	int rc = 0;

	*out = (struct pt_traits){ .arena = a };
	for (size_t i = 0; !rc && i < c->interfaces.n; i++) {
		rc = add_bridge(&w, &c->interfaces.v[i]);
		if (!rc)
			rc = add_options(&w, &c->interfaces.v[i]);
	}
	return rc;
}
