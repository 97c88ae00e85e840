/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links: single values that the schema names, and then what no single value shows. A VLAN without a parent, two bridges with one
 * port, a tunnel inside itself: the kernel would refuse it, or worse, take it, in the middle of an apply.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

#define VLAN_MAX 4094

/* ---- values ---- */

int conf_check_mac(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	uint64_t mac;
	bool group;

	if (pt_mac_parse(s, &mac)) {
		pt_err_add(e, PT_ERROR, loc, "write six bytes, as 02:00:00:00:00:01", "this is not a link address");
		return -EINVAL;
	}
	group = mac >> 40 & 1;
	if (!mac || group)
		pt_err_add(e, PT_ERROR, loc, "the lowest bit of the first byte is of groups; 02: begins local addresses",
			   "this link address is %s", group ? "one of a group" : "all zero");
	return mac && !group ? 0 : -EINVAL;
}

int conf_check_addr(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_addr a;

	if (!pt_addr_parse(s, &a))
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write an address such as 192.0.2.1 or 2001:db8::1", "this is not an address");
	return -EINVAL;
}

static const char *const offloads[] = { "tso", "gso", "gro", "lro", "rx", "tx", "sg", "rxvlan", "txvlan", "ntuple", NULL };

int conf_check_offload(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	const char *gap = strchr(s, ' ');
	size_t n = gap ? (size_t)(gap - s) : strlen(s), i = 0;

	while (offloads[i] && (strlen(offloads[i]) != n || memcmp(offloads[i], s, n) != 0))
		i++;
	if (offloads[i] && gap && (!strcmp(gap + 1, "on") || !strcmp(gap + 1, "off")))
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write one of tso gso gro lro rx tx sg rxvlan txvlan ntuple, then on or off, as \"tso off\"",
		   offloads[i] ? "on or off is missing" : "this is no work that hardware does");
	return -EINVAL;
}

/* "10", "10-20": up to the next blank. */
static bool parse_vlan_range(const char **s, unsigned int *from, unsigned int *to)
{
	char *end;

	if (**s < '1' || **s > '9')
		return false;
	*from = *to = (unsigned int)strtoul(*s, &end, 10);
	if (*end == '-' && end[1] >= '1' && end[1] <= '9')
		*to = (unsigned int)strtoul(end + 1, &end, 10);
	*s = end;
	return (!*end || *end == ' ') && *from <= *to && *to <= VLAN_MAX;
}

int pt_conf_vlans_parse(const char *s, struct pt_conf_vlans *out)
{
	static const struct pt_conf_vlans none;
	size_t n;

	*out = none;
	if (!parse_vlan_range(&s, &out->from, &out->to))
		return -EINVAL;
	for (; *s; s += n) {
		s++;
		n = strcspn(s, " ");
		if (n == 4 && !memcmp(s, "pvid", n) && out->from == out->to && !out->pvid)
			out->pvid = true;
		else if (n == 8 && !memcmp(s, "untagged", n) && !out->untagged)
			out->untagged = true;
		else
			return -EINVAL;
	}
	return 0;
}

int conf_check_vlans(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_conf_vlans v;

	if (!pt_conf_vlans_parse(s, &v))
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write 1 to 4094 or two such numbers with '-' between, then pvid (of one VLAN) and untagged",
		   "these are not VLANs of a port");
	return -EINVAL;
}

/* ---- what does not fit together ---- */

struct checker {
	const struct pt_conf *c;
	struct pt_err *e;
	int rc;
};

static void PT_PRINTF(4, 5) complain(struct checker *k, const struct pt_loc *loc, const char *hint, const char *fmt, ...)
{
	struct pt_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	pt_err_add(k->e, PT_ERROR, loc, hint, "%s", b.err ? "out of memory" : b.s);
	pt_buf_fini(&b);
	k->rc = -EINVAL;
}

static void kind_list(struct pt_buf *b, uint32_t kinds)
{
	const char *gap = "";

	for (size_t i = 0; i < PT_LINK_KINDS; i++)
		if (kinds & 1u << i) {
			pt_buf_fmt(b, "%s%s", gap, pt_link_kinds[i]);
			gap = ", ";
		}
}

static void check_takes(struct checker *k, const struct pt_conf_if *i)
{
	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];
		struct pt_buf kinds = { 0 };

		if (!o->row->kinds || o->row->kinds & 1u << i->kind)
			continue;
		kind_list(&kinds, o->row->kinds);
		complain(k, &o->loc, i->kind == PT_LINK_PHYSICAL ? "is `type` missing?" : NULL,
			 "interface %s is of type %s, which has no %s: that is for %s", i->name, pt_link_kinds[i->kind],
			 o->row->name, kinds.err ? "others" : kinds.s);
		pt_buf_fini(&kinds);
	}
}

static const struct {
	uint32_t kinds;
	const char *option;
} needed[] = {
	{ 1u << PT_LINK_VLAN, "parent" },
	{ 1u << PT_LINK_VLAN, "id" },
	{ 1u << PT_LINK_MACVLAN, "parent" },
	{ 1u << PT_LINK_VXLAN, "id" },
	{ 1u << PT_LINK_VETH, "peer" },
	{ 1u << PT_LINK_VRF, "table" },
	{ 1u << PT_LINK_GRETAP | 1u << PT_LINK_IP6GRETAP, "remote" },
};

static void check_needed(struct checker *k, const struct pt_conf_if *i)
{
	for (size_t n = 0; n < PT_ARRAY_SIZE(needed); n++)
		if (needed[n].kinds & 1u << i->kind && !pt_conf_if_option(i, needed[n].option))
			complain(k, &i->loc, NULL, "interface %s of type %s has no %s", i->name, pt_link_kinds[i->kind],
				 needed[n].option);
}

static bool is_six(enum pt_link_kind kind)
{
	return kind == PT_LINK_IP6GRE || kind == PT_LINK_IP6GRETAP || kind == PT_LINK_IP6TNL;
}

/* The outer family is the kind's; of a vxlan, that of both ends. */
static void check_ends(struct checker *k, const struct pt_conf_if *i)
{
	static const char *const ends[] = { "local", "remote", "remotes" };
	enum pt_af af = i->kind == PT_LINK_VXLAN ? PT_AF_NONE : is_six(i->kind) ? PT_AF_INET6 : PT_AF_INET;

	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];
		struct pt_addr a;
		bool end = false;

		for (size_t m = 0; m < PT_ARRAY_SIZE(ends); m++)
			end = end || !strcmp(ends[m], o->row->name);
		if (!end || pt_addr_parse(o->s, &a))
			continue;
		if (af && a.af != af)
			complain(k, &o->loc, NULL, "both ends of interface %s of type %s are IPv%c addresses", i->name,
				 pt_link_kinds[i->kind], af == PT_AF_INET ? '4' : '6');
		af = a.af;
	}
}

static void check_numbers(struct checker *k, const struct pt_conf_if *i)
{
	const struct pt_conf_option *id = pt_conf_if_option(i, "id"), *every = pt_conf_if_option(i, "miimon");
	static const char *const delays[] = { "updelay", "downdelay" };

	if (i->kind == PT_LINK_VLAN && id && id->number > VLAN_MAX)
		complain(k, &id->loc, NULL, "the id of a vlan is 1 to %d", VLAN_MAX);
	for (size_t n = 0; n < PT_ARRAY_SIZE(delays); n++) {
		const struct pt_conf_option *o = pt_conf_if_option(i, delays[n]);
		uint64_t step = every ? every->number : 100;

		if (o && o->number && (!step || o->number % step))
			complain(k, &o->loc, NULL, "%s is counted in steps of miimon, which is %u milliseconds", o->row->name,
				 (unsigned int)step);
	}
}

static const struct pt_conf_if *named(struct checker *k, const struct pt_conf_if *i, const struct pt_conf_option *o)
{
	const struct pt_conf_if *other = pt_conf_find_if(k->c, o->s);

	if (!other)
		complain(k, &o->loc, "each link has a section: interface NAME { }", "there is no interface %s", o->s);
	else if (other == i)
		complain(k, &o->loc, NULL, "interface %s stands on itself", i->name);
	return other == i ? NULL : other;
}

static bool is_member(const struct pt_conf_if *i, const char *name)
{
	for (size_t n = 0; n < i->options.n; n++)
		if (!strcmp(i->options.v[n].row->name, "members") && !strcmp(i->options.v[n].s, name))
			return true;
	return false;
}

static void check_names(struct checker *k, const struct pt_conf_if *i)
{
	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];

		if (!strcmp(o->row->name, "parent") || !strcmp(o->row->name, "members"))
			(void)named(k, i, o);
		else if (!strcmp(o->row->name, "primary") && !is_member(i, o->s))
			complain(k, &o->loc, NULL, "%s is no member of interface %s", o->s, i->name);
	}
}

/* A link has one master. */
static void check_masters(struct checker *k, const struct pt_conf_if **master, const struct pt_conf_if *i)
{
	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];
		const struct pt_conf_if *member, **slot;

		if (strcmp(o->row->name, "members") != 0)
			continue;
		member = pt_conf_find_if(k->c, o->s);
		if (!member)
			continue;
		slot = &master[member - k->c->interfaces.v];
		if (*slot)
			complain(k, &o->loc, "remove it from one of them", "interface %s is a member of %s already", o->s,
				 (*slot)->name);
		else if (i->kind != PT_LINK_VRF && (member->addresses.n || member->ways))
			complain(k, &o->loc, "its master gets its addresses",
				 "interface %s has addresses of its own, but its packets arrive at %s", o->s, i->name);
		*slot = i;
	}
}

static bool is_port_option(const char *name)
{
	static const char *const names[] = { "cost", "port-priority", "hairpin", "isolated", "vlans" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* What a port has asks for a bridge that has this port, and VLANs for one that tells them apart. */
static void check_port(struct checker *k, const struct pt_conf_if *i, const struct pt_conf_if *bridge)
{
	const struct pt_conf_option *filter;

	if (i->kind == PT_LINK_BRIDGE)
		bridge = i;
	filter = bridge ? pt_conf_if_option(bridge, "vlan-filtering") : NULL;
	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];

		if (!is_port_option(o->row->name))
			continue;
		if (!bridge || bridge->kind != PT_LINK_BRIDGE)
			complain(k, &o->loc, "name it among the `members` of one", "interface %s is no port of a bridge, so its %s does nothing",
				 i->name, o->row->name);
		else if (!strcmp(o->row->name, "vlans") && (!filter || !filter->number))
			complain(k, &o->loc, "give it `vlan-filtering = true`", "bridge %s does not tell VLANs apart, so these do nothing",
				 bridge->name);
		else
			continue;
		return; /* once */
	}
}

/* The next interface below I, by its parent; a master stands on all of its members. */
struct depth {
	const struct pt_conf_if **master;
	uint8_t *seen; /* 1: on the way, 2: done */
	uint8_t *bad;  /* a value of it was refused: what is missing is not missed */
};

static void descend(struct checker *k, const struct depth *d, const struct pt_conf_if *i)
{
	uint8_t *seen = &d->seen[i - k->c->interfaces.v];

	if (*seen == 2)
		return;
	if (*seen == 1) {
		complain(k, &i->loc, "follow parent and members from here", "interface %s stands on itself through others", i->name);
		*seen = 2;
		return;
	}
	*seen = 1;
	for (size_t n = 0; n < i->options.n; n++) {
		const struct pt_conf_option *o = &i->options.v[n];
		const struct pt_conf_if *below = NULL;

		if (!strcmp(o->row->name, "parent") || !strcmp(o->row->name, "members"))
			below = pt_conf_find_if(k->c, o->s);
		if (below && below != i)
			descend(k, d, below);
	}
	*seen = 2;
}

static void mark_bad(const struct conf_tree *t, uint8_t *bad)
{
	for (size_t i = 0; i < t->sections.n; i++)
		if (t->sections.v[i].bad && !strcmp(t->sections.v[i].row->name, "interface"))
			bad[t->sections.v[i].model] = 1;
}

int conf_check_links(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	struct checker k = { .c = c, .e = e };
	size_t n = c->interfaces.n;
	struct depth d = {
		.master = calloc(n + 1, sizeof(*d.master)),
		.seen = calloc(n + 1, 1),
		.bad = calloc(n + 1, 1),
	};

	if (!d.master || !d.seen || !d.bad)
		k.rc = -ENOMEM;
	else
		mark_bad(t, d.bad);
	for (size_t i = 0; k.rc != -ENOMEM && i < n; i++) {
		const struct pt_conf_if *one = &c->interfaces.v[i];

		if (!one->options.n && one->kind == PT_LINK_PHYSICAL)
			continue;
		if (!d.bad[i]) {
			check_takes(&k, one);
			check_needed(&k, one);
		}
		check_ends(&k, one);
		check_numbers(&k, one);
		check_names(&k, one);
		check_masters(&k, d.master, one);
		descend(&k, &d, one);
	}
	for (size_t i = 0; k.rc != -ENOMEM && i < n; i++)
		if (!d.bad[i])
			check_port(&k, &c->interfaces.v[i], d.master[i]);
	free(d.master);
	free(d.seen);
	free(d.bad);
	return k.rc;
}
