/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links and addresses by hand. The words become a section of the common file, which is read and judged as any other; so they mean the
 * same here and there, and what is wrong is told in the same sentences.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plan/hand.h"
#include "plan/network.h"

#define NAME_OF_WORDS "command line"

struct hand {
	struct pt_nl *route;
	struct pt_arena *arena;
	const char *name;
	const char *const *words;
	size_t n;
	struct pt_links links;   /* of the kernel */
	struct pt_conf *conf;    /* of the words */
	struct pt_err *e;
};

/* ---- words into a section ---- */

/* What needs the rest of a file. */
static const struct {
	const char *option, *hint;
} elsewhere[] = {
	{ "address", "`ptnet address add` does that" },
	{ "members", "`ptnet link set MEMBER master NAME` does that" },
	{ "vlans", "write them into the common file: they are those of a whole bridge" },
	{ "proxy", "write them into the common file" },
	{ "groups", "rules know them by the common file" },
	{ "device", "the name is the device's" },
};

static int check_word(const struct hand *h, const char *option, const char *value)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(elsewhere); i++)
		if (!strcmp(elsewhere[i].option, option)) {
			pt_err_add(h->e, PT_ERROR, NULL, elsewhere[i].hint, "%s is not set here", option);
			return -EINVAL;
		}
	if (strcmp(option, "master") != 0 && !pt_conf_option("interface", option)) {
		pt_err_add(h->e, PT_ERROR, NULL, "the options are those of `interface` in patronus.conf(5), and `master`",
			   "a link has no option %s", option);
		return -EINVAL;
	}
	/* What the file would read as more than one word. */
	if (value[strcspn(value, "\"\\$\n{}")]) {
		pt_err_add(h->e, PT_ERROR, NULL, NULL, "%s cannot be %s", option, value);
		return -EINVAL;
	}
	return 0;
}

static const char *word(const struct hand *h, const char *option)
{
	for (size_t i = 0; i + 1 < h->n; i += 2)
		if (!strcmp(h->words[i], option))
			return h->words[i + 1];
	return NULL;
}

static void put_value(struct pt_buf *b, const char *option, const char *value)
{
	const struct pt_schema *row = pt_conf_option("interface", option);

	if (!row)
		return;
	if (row->type != PT_OPT_LIST) {
		pt_buf_fmt(b, "\t%s = \"%s\"\n", option, value);
		return;
	}
	pt_buf_fmt(b, "\t%s = { ", option);
	for (size_t n; *value; value += n + (value[n] == ',')) {
		n = strcspn(value, ",");
		pt_buf_fmt(b, "\"%.*s\"%s", (int)n, value, value[n] ? ", " : "");
	}
	pt_buf_str(b, " }\n");
}

/* What the link has already, so that the words need only say what is new. */
static void put_settings(const struct hand *h, const struct pt_link *l, bool port, struct pt_buf *b)
{
	struct pt_buf text = { 0 };

	for (size_t i = 0; i < l->settings.n; i++) {
		const struct pt_link_attr *attr = l->settings.v[i].attr;

		if (word(h, attr->name) || (attr->port && !port) || (attr->form == PT_FORM_LINK && !l->settings.v[i].name))
			continue;
		text.n = 0;
		pt_link_print_setting(&text, &h->links, &l->settings.v[i]);
		if (!text.err)
			put_value(b, attr->name, text.s + strlen(attr->name) + 1);
	}
	pt_buf_fini(&text);
}

/* Links that a section names have sections of their own. */
static void put_named(const struct hand *h, const struct pt_link *l, struct pt_buf *b)
{
	static const char *const options[] = { "parent", "primary" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++) {
		const char *name = word(h, options[i]);

		for (size_t k = 0; l && !name && k < l->settings.n; k++)
			if (!strcmp(l->settings.v[k].attr->name, options[i]))
				name = l->settings.v[k].name;
		if (name && strcmp(name, h->name) != 0)
			pt_buf_fmt(b, "interface \"%s\" { }\n", name);
	}
}

/* What it stands on is in this namespace, too: else it is taken as hardware is. */
static bool is_whole(const struct pt_link *l)
{
	return l->kind != PT_LINK_PHYSICAL && !l->foreign_parent;
}

static int put_section(const struct hand *h, const struct pt_link *l, struct pt_buf *b)
{
	const char *primary = word(h, "primary"), *master = word(h, "master");
	const struct pt_link *bridge = pt_links_find(&h->links, master ? master : l ? l->master : "");
	bool port = bridge && bridge->kind == PT_LINK_BRIDGE;

	put_named(h, l, b);
	if (port)
		pt_buf_fmt(b, "interface \"%s\" { type = bridge members = { \"%s\" } }\n", bridge->name, h->name);
	pt_buf_fmt(b, "interface \"%s\" {\n", h->name);
	if (l && is_whole(l))
		pt_buf_fmt(b, "\ttype = %s\n", pt_link_kinds[l->kind]);
	if (l && is_whole(l))
		put_settings(h, l, port, b);
	for (size_t i = 0; i + 1 < h->n; i += 2)
		put_value(b, h->words[i], h->words[i + 1]);
	for (size_t k = 0; l && !primary && k < l->settings.n; k++)
		if (!strcmp(l->settings.v[k].attr->name, "primary"))
			primary = l->settings.v[k].name;
	if (primary)
		pt_buf_fmt(b, "\tmembers = { \"%s\" }\n", primary);
	pt_buf_str(b, "}\n");
	return b->err ? -ENOMEM : 0;
}

/* *WANT: the link as the words, and what it has, describe it. */
static int understand(struct hand *h, const struct pt_link *l, struct pt_link **want)
{
	struct pt_buf b = { 0 };
	struct pt_links all = { 0 };
	int rc = 0;

	if (h->n % 2) {
		pt_err_add(h->e, PT_ERROR, NULL, NULL, "%s needs a value", h->words[h->n - 1]);
		return -EINVAL;
	}
	for (size_t i = 0; !rc && i < h->n; i += 2)
		rc = check_word(h, h->words[i], h->words[i + 1]);
	if (!rc)
		rc = put_section(h, l, &b);
	if (!rc)
		rc = pt_conf_parse(NAME_OF_WORDS, b.s, b.n, &h->conf, h->e);
	if (!rc)
		rc = network_want_links(h->conf, h->arena, &all);
	pt_buf_fini(&b);
	if (rc)
		return rc;
	*want = pt_links_find(&all, h->name);
	return *want ? 0 : -EINVAL;
}

/* Only what the words name is ours to set. */
static int narrow(const struct hand *h, bool add, struct pt_link *want)
{
	const char *master = word(h, "master"), *description = word(h, "description");

	if (!add && !word(h, "enabled"))
		want->has &= ~PT_LINK_HAS_UP;
	want->has &= ~(PT_LINK_HAS_MASTER | PT_LINK_HAS_ALIAS);
	memset(want->master, 0, sizeof(want->master));
	if (description) {
		want->alias = description;
		want->has |= PT_LINK_HAS_ALIAS;
	}
	if (!master)
		return 0;
	want->has |= PT_LINK_HAS_MASTER;
	if (!strcmp(master, "none"))
		return 0;
	if (!pt_links_find(&h->links, master))
		return hand_no_device(master, h->e);
	memcpy(want->master, master, strnlen(master, sizeof(want->master) - 1));
	return 0;
}

/* ---- into the kernel ---- */

static int write_link(const struct hand *h, const struct pt_link_change *c, const char *what)
{
	char text[sizeof("link ") + PT_LINK_NAME];
	struct hand_line line;
	int rc = hand_line_open(&line, h->route);

	if (!rc)
		rc = pt_link_put(line.s, &h->links, c, 0);
	if (rc == -ENOENT && !line.refusal.code) {
		pt_nl_stream_free(line.s);
		pt_err_add(h->e, PT_ERROR, NULL, "`ptnet link show` lists them", "%s stands on a device that is not there", h->name);
		return -ENODEV;
	}
	snprintf(text, sizeof(text), "link %s", h->name);
	return hand_line_close(&line, rc, what, text, h->e);
}

/* Offloads, other ends: what comes beside the link. Nothing of it is taken away by hand. */
static int write_traits(struct hand *h)
{
	const struct pt_links none = { .arena = h->arena };
	struct pt_traits want = { 0 }, have;
	pt_trait_changes changes = { 0 };
	struct pt_nl_stream *s;
	int rc = network_want_traits(h->conf, h->arena, &want);

	if (!rc && want.v.n)
		rc = pt_links_read(h->route, h->arena, &h->links, h->e);
	if (rc || !want.v.n)
		return rc;
	rc = pt_traits_read(h->route, &h->links, &want, h->arena, &have, h->e);
	if (!rc)
		rc = pt_traits_diff(&want, &have, &h->links, &none, h->arena, &changes);
	s = rc ? NULL : pt_nl_stream_new(h->route, NULL, NULL);
	if (!rc && !s)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < changes.n; i++)
		rc = pt_trait_put(s, &changes.v[i], i);
	if (!rc)
		rc = pt_nl_stream_flush(s);
	pt_nl_stream_free(s);
	return rc ? pt_err_sys(h->e, rc, "setting what link %s has beside", h->name) : 0;
}

static int begin(struct hand *h, struct pt_nl *route, const char *name, const char *const *words, size_t n, struct pt_err *e)
{
	*h = (struct hand){ .route = route, .name = name, .words = words, .n = n, .e = e, .arena = pt_arena_new() };
	return h->arena ? pt_links_read(route, h->arena, &h->links, e) : pt_err_sys(e, -ENOMEM, "reading the links");
}

static int end(struct hand *h, int rc)
{
	pt_conf_free(h->conf);
	pt_arena_free(h->arena);
	if (rc && h->e && !h->e->n_errors)
		(void)pt_err_sys(h->e, rc, "link %s", h->name);
	return rc;
}

static const struct pt_link *find(const struct hand *h)
{
	const struct pt_link *l = pt_links_find(&h->links, h->name);

	if (!l)
		(void)hand_no_device(h->name, h->e);
	return l;
}

static int add(struct hand *h)
{
	struct pt_link_change c = { .op = PT_LINK_CREATE };
	struct pt_link *want;
	int rc;

	if (pt_links_find(&h->links, h->name)) {
		pt_err_add(h->e, PT_ERROR, NULL, "`ptnet link set` changes it", "device %s is there already", h->name);
		return -EEXIST;
	}
	if (!word(h, "type") || !strcmp(word(h, "type"), "physical")) {
		pt_err_add(h->e, PT_ERROR, NULL, "as in `ptnet link add v10 type vlan parent eth0 id 10`", "a new link needs a type");
		return -EINVAL;
	}
	rc = understand(h, NULL, &want);
	if (!rc)
		rc = narrow(h, true, want);
	c.want = want;
	return rc ? rc : write_link(h, &c, "add");
}

int pt_hand_link_add(struct pt_nl *route, const char *name, const char *const *words, size_t n, struct pt_err *e)
{
	struct hand h;
	int rc = begin(&h, route, name, words, n, e);

	if (!rc)
		rc = add(&h);
	if (!rc)
		rc = write_traits(&h);
	return end(&h, rc);
}

/* The difference without the others: nobody's link is deleted because nobody wants it here. */
static int differ(struct hand *h, const struct pt_link *want, pt_link_changes *changes)
{
	struct pt_links one = { .arena = h->arena }, all = { .arena = h->arena };
	pt_link_list absent = { 0 };
	int rc = pt_vec_push(h->arena, &one.v, *want);

	for (size_t i = 0; !rc && i < h->links.v.n; i++) {
		struct pt_link l = h->links.v.v[i];

		if (strcmp(l.name, want->name) != 0)
			l.alias = "";
		rc = pt_vec_push(h->arena, &all.v, l);
	}
	return rc ? rc : pt_links_diff(&one, &all, h->arena, changes, &absent);
}

static int set(struct hand *h)
{
	const struct pt_link *l = find(h);
	pt_link_changes changes = { 0 };
	struct pt_link *want;
	int rc = l ? understand(h, l, &want) : -ENODEV;

	if (!rc)
		rc = narrow(h, false, want);
	if (!rc)
		rc = differ(h, want, &changes);
	if (rc || !changes.n)
		return rc;
	if (changes.v[0].op != PT_LINK_CHANGE) {
		pt_err_add(h->e, PT_ERROR, NULL, "delete the link and add it anew", "the kernel cannot change %s of link %s while it is there",
			   changes.v[0].why ? changes.v[0].why : "the kind", h->name);
		return -EOPNOTSUPP;
	}
	return write_link(h, &changes.v[0], "change");
}

int pt_hand_link_set(struct pt_nl *route, const char *name, const char *const *words, size_t n, struct pt_err *e)
{
	struct hand h;
	int rc = begin(&h, route, name, words, n, e);

	if (!rc)
		rc = set(&h);
	if (!rc)
		rc = write_traits(&h);
	return end(&h, rc);
}

int pt_hand_link_delete(struct pt_nl *route, const char *name, struct pt_err *e)
{
	struct pt_link_change c = { .op = PT_LINK_DELETE };
	struct hand h;
	int rc = begin(&h, route, name, NULL, 0, e);

	c.have = rc ? NULL : find(&h);
	if (!rc)
		rc = c.have ? write_link(&h, &c, "delete") : -ENODEV;
	return end(&h, rc);
}

/* ---- addresses ---- */

int pt_hand_address(struct pt_nl *route, bool add_it, const char *address, const char *device, struct pt_err *e)
{
	struct pt_address_change c = { .add = add_it };
	const struct pt_link *l = NULL;
	struct hand_line line;
	struct pt_buf text = { 0 };
	struct hand h;
	int rc;

	if (pt_prefix_parse(address, &c.a.prefix)) {
		pt_err_add(e, PT_ERROR, NULL, "write one as 192.0.2.1/24 or 2001:db8::1/64", "%s is no address with a length", address);
		return -EINVAL;
	}
	rc = begin(&h, route, device, NULL, 0, e);
	if (!rc)
		l = find(&h);
	if (!rc && !l)
		rc = -ENODEV;
	if (rc)
		return end(&h, rc);
	c.a.index = l->index;
	c.a.by_hand = true;
	rc = hand_line_open(&line, route);
	if (!rc)
		rc = pt_address_put(line.s, &c, 0);
	pt_buf_fmt(&text, "address %s on %s", address, device);
	rc = hand_line_close(&line, rc, add_it ? "add" : "delete", text.s ? text.s : "the address", e);
	pt_buf_fini(&text);
	return end(&h, rc);
}
