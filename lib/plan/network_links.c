/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The interfaces of the file as links that the kernel is to have: devices in place of the file's names, and of what the file
 * does not say, the defaults that its manual tells, so that an option which is taken out of the file goes back to them.
 */
#include <errno.h>
#include <string.h>

#include "plan/network.h"

struct wants {
	const struct pt_conf *c;
	struct pt_arena *a;
	struct pt_links *out;
};

static void copy_name(char *to, const char *name)
{
	size_t n = strnlen(name, PT_LINK_NAME - 1);

	memcpy(to, name, n);
	to[n] = '\0';
}

/* ---- settings ---- */

static uint64_t spoken(const struct pt_link_attr *attr, uint64_t number)
{
	return attr->values ? attr->values[number] : number;
}

/* TEXT NULL: a default. */
static int add_setting(const struct wants *w, struct pt_link *l, const struct pt_link_attr *attr, const char *text, uint64_t number)
{
	struct pt_link_setting s = { .attr = attr, .implied = !text };

	if (attr->form == PT_FORM_LINK)
		s.name = pt_conf_device(w->c, text);
	else if (attr->form == PT_FORM_PEER)
		s.name = text;
	else if (attr->form == PT_FORM_ADDR) {
		if (pt_addr_parse(text, &s.addr))
			return -EINVAL;
	} else {
		s.number = spoken(attr, number);
	}
	return pt_vec_push(w->a, &l->settings, s);
}

static uint64_t word_of(const struct pt_schema *row, const char *word)
{
	uint64_t n = 0;

	while (row->words[n] && strcmp(row->words[n], word) != 0)
		n++;
	return n;
}

/* What the schema has as the default of a row, as a number. */
static int default_of(const struct pt_schema *row, uint64_t *out)
{
	uint32_t seconds = 0;
	int rc = 0;

	if (row->type == PT_OPT_WORD)
		*out = word_of(row, row->def);
	else if (row->type == PT_OPT_BOOL)
		*out = !strcmp(row->def, "true");
	else if (row->type == PT_OPT_NUMBER)
		rc = pt_parse_uint(row->def, UINT64_MAX, out);
	else {
		rc = pt_parse_duration(row->def, &seconds);
		*out = seconds;
	}
	return rc;
}

#define BOND_8023AD 4

/* Linux refuses some settings of bonds in modes that have no use for them. */
static bool has_use(const struct pt_conf_if *i, const char *option)
{
	const struct pt_conf_option *mode = pt_conf_if_option(i, "mode");

	return strcmp(option, "lacp-rate") != 0 || (mode && mode->number == BOND_8023AD);
}

/* PORT: it is one of a bridge. */
static int add_settings(const struct wants *w, const struct pt_conf_if *i, bool port, struct pt_link *l)
{
	int rc = 0;

	for (const struct pt_schema *row = pt_conf_options("interface"); !rc && row->name; row++) {
		const struct pt_link_attr *attr = pt_link_attr(i->kind, row->name);
		const struct pt_conf_option *o = pt_conf_if_option(i, row->name);
		uint64_t number;

		if (!attr || (attr->port && !port))
			continue;
		if (o) {
			rc = add_setting(w, l, attr, o->s, o->number);
		} else if (row->def && has_use(i, row->name)) {
			rc = default_of(row, &number);
			if (!rc)
				rc = add_setting(w, l, attr, NULL, number);
		}
	}
	return rc;
}

/* ---- what all links have ---- */

static int set_mac(const char *s, uint8_t mac[6])
{
	uint64_t n;
	int rc = pt_mac_parse(s, &n);

	for (size_t i = 0; !rc && i < 6; i++)
		mac[i] = (uint8_t)(n >> (40 - 8 * i));
	return rc;
}

static int set_common(const struct wants *w, const struct pt_conf_if *i, struct pt_link *l)
{
	const struct pt_conf_option *mtu = pt_conf_if_option(i, "mtu"), *mac = pt_conf_if_option(i, "mac"),
				    *queue = pt_conf_if_option(i, "txqueuelen"), *enabled = pt_conf_if_option(i, "enabled");

	copy_name(l->name, i->device);
	l->kind = i->kind;
	l->loc = &i->loc;
	l->up = !enabled || enabled->number;
	l->has = PT_LINK_HAS_UP | PT_LINK_HAS_MASTER;
	l->kernel_kind = i->kind == PT_LINK_PHYSICAL ? "" : pt_link_kinds[i->kind];
	if (mtu) {
		l->mtu = (uint32_t)mtu->number;
		l->has |= PT_LINK_HAS_MTU;
	}
	if (mac) {
		if (set_mac(mac->s, l->mac))
			return -EINVAL;
		l->has |= PT_LINK_HAS_MAC;
	}
	if (queue) {
		l->txqueuelen = (uint32_t)queue->number;
		l->has |= PT_LINK_HAS_QUEUE;
	}
	if (i->kind == PT_LINK_PHYSICAL)
		return 0;
	l->has |= PT_LINK_HAS_ALIAS;
	l->alias = i->description ? pt_arena_printf(w->a, PT_LINK_ALIAS ": %s", i->description) : PT_LINK_ALIAS;
	return l->alias ? 0 : -ENOMEM;
}

/* Whose member is it? INDEX by the place of the interface in the file. */
static void find_masters(const struct wants *w, const struct pt_conf_if **masters)
{
	for (size_t i = 0; i < w->c->interfaces.n; i++) {
		const struct pt_conf_if *master = &w->c->interfaces.v[i];

		for (size_t k = 0; k < master->options.n; k++) {
			const struct pt_conf_option *o = &master->options.v[k];
			const struct pt_conf_if *member = strcmp(o->row->name, "members") ? NULL : pt_conf_find_if(w->c, o->s);

			if (member)
				masters[member - w->c->interfaces.v] = master;
		}
	}
}

int network_want_links(const struct pt_conf *c, struct pt_arena *a, struct pt_links *out)
{
	const struct wants w = { c, a, out };
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	const struct pt_conf_if **masters = pt_arena_alloc(a, (c->interfaces.n + 1) * sizeof(*masters));
	int rc = masters ? 0 : -ENOMEM;

	*out = (struct pt_links){ .arena = a };
	if (!rc)
		find_masters(&w, masters);
	for (size_t k = 0; !rc && k < c->interfaces.n; k++) {
		const struct pt_conf_if *i = &c->interfaces.v[k];
		struct pt_link l = { .alias = "" };

		rc = set_common(&w, i, &l);
		if (!rc)
			rc = add_settings(&w, i, masters[k] && masters[k]->kind == PT_LINK_BRIDGE, &l);
		if (masters[k])
			copy_name(l.master, masters[k]->device);
		if (!rc)
			rc = pt_vec_push(a, &out->v, l);
	}
	return rc;
}

/* ---- back ---- */

#define HAS_ALL (PT_LINK_HAS_MTU | PT_LINK_HAS_MAC | PT_LINK_HAS_QUEUE | PT_LINK_HAS_UP | PT_LINK_HAS_MASTER | PT_LINK_HAS_ALIAS)

/* A kernel that does not know a setting tells its default, and refuses to hear it. */
static int imply_defaults(struct pt_link *l, struct pt_arena *a)
{
	const struct pt_link have = *l;
	uint64_t number;
	int rc = 0;

	memset(&l->settings, 0, sizeof(l->settings));
	for (size_t i = 0; !rc && i < have.settings.n; i++) {
		struct pt_link_setting s = have.settings.v[i];

		for (const struct pt_schema *row = pt_conf_options("interface"); row->name; row++)
			if (row->def && pt_link_attr(l->kind, row->name) == s.attr && !default_of(row, &number))
				s.implied = s.implied || s.number == spoken(s.attr, number);
		rc = pt_vec_push(a, &l->settings, s);
	}
	return rc;
}

static bool is_ours(const struct pt_links *have, const char *name)
{
	const struct pt_link *l = name[0] ? pt_links_find(have, name) : NULL;

	return l && pt_link_ours(l);
}

int network_keep_links(const struct pt_links *want, const struct pt_links *have, struct pt_arena *a, struct pt_links *out)
{
	int rc = 0;

	*out = (struct pt_links){ .arena = a };
	for (size_t i = 0; !rc && i < have->v.n; i++) {
		struct pt_link l = have->v.v[i];
		const struct pt_link *w = pt_links_find(want, l.name);

		if (pt_link_ours(&l))
			l.has = HAS_ALL & ~(l.has_mac ? 0 : PT_LINK_HAS_MAC);
		else if (w)
			l.has = w->has;
		else if (is_ours(have, l.master))
			l.has = PT_LINK_HAS_MASTER; /* which may go */
		else
			continue;
		/* Somebody else's is changed in what is named only, and never made anew. */
		if (!pt_link_ours(&l))
			l.kind = PT_LINK_PHYSICAL;
		rc = imply_defaults(&l, a);
		if (!rc)
			rc = pt_vec_push(a, &out->v, l);
	}
	return rc;
}
