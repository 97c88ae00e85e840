/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way from the links that are there to those of the file, without a kernel: a small one of our own does what it is told, in
 * that order, refuses what Linux would refuse, and in the end nothing may differ.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/scarce.h"
#include "plan/dhcp_client.h"
#include "plan/network.h"

/* ---- a small kernel ---- */

struct kernel {
	struct pt_arena *arena;
	struct pt_links links;
	uint32_t next;
};

static void boot(struct kernel *k)
{
	k->arena = pt_arena_new();
	assert_non_null(k->arena);
	k->links = (struct pt_links){ .arena = k->arena };
	k->next = 0;
}

static void halt(struct kernel *k)
{
	pt_arena_free(k->arena);
}

static struct pt_link *appear(struct kernel *k, const char *name)
{
	struct pt_link l = { .index = ++k->next, .kernel_kind = "", .alias = "", .mtu = 1500, .up = true };

	assert_null(pt_links_find(&k->links, name));
	snprintf(l.name, sizeof(l.name), "%s", name);
	assert_int_equal(pt_vec_push(k->arena, &k->links.v, l), 0);
	return &k->links.v.v[k->links.v.n - 1];
}

static void appear_all(struct kernel *k, const char *names)
{
	char name[PT_LINK_NAME];
	int n;

	for (; sscanf(names, "%15s%n", name, &n) == 1; names += n)
		(void)appear(k, name);
}

static void vanish(struct kernel *k, const char *name)
{
	struct pt_link *l = pt_links_find(&k->links, name);
	size_t i;

	assert_non_null(l);
	i = (size_t)(l - k->links.v.v);
	memmove(l, l + 1, (k->links.v.n - i - 1) * sizeof(*l));
	k->links.v.n--;
	for (i = 0; i < k->links.v.n; i++)
		if (!strcmp(k->links.v.v[i].master, name))
			k->links.v.v[i].master[0] = '\0';
}

static const char *peer_of(const struct pt_link *l)
{
	for (size_t i = 0; i < l->settings.n; i++)
		if (l->settings.v[i].attr->form == PT_FORM_PEER)
			return l->settings.v[i].name;
	return NULL;
}

static bool stands_on(const struct pt_link *l, const char *name)
{
	for (size_t i = 0; i < l->settings.n; i++)
		if (l->settings.v[i].attr->form == PT_FORM_LINK && l->kind != PT_LINK_BOND && l->settings.v[i].name &&
		    !strcmp(l->settings.v[i].name, name))
			return true;
	return false;
}

static void do_delete(struct kernel *k, const struct pt_link_change *c)
{
	char peer[PT_LINK_NAME] = "", name[PT_LINK_NAME];

	assert_null(c->want);
	snprintf(name, sizeof(name), "%s", c->have->name);
	if (peer_of(pt_links_find(&k->links, name)))
		snprintf(peer, sizeof(peer), "%s", peer_of(pt_links_find(&k->links, name)));
	vanish(k, name);
	if (peer[0])
		vanish(k, peer);
	for (size_t i = 0; i < k->links.v.n; i++) /* it would have gone along */
		assert_false(stands_on(&k->links.v.v[i], name));
}

static void settings_of(struct kernel *k, struct pt_link *l, const struct pt_link *want)
{
	l->settings.n = 0;
	for (size_t i = 0; i < want->settings.n; i++)
		assert_int_equal(pt_vec_push(k->arena, &l->settings, want->settings.v[i]), 0);
}

static void master_of(const struct kernel *k, struct pt_link *l, const struct pt_link *want)
{
	assert_true(!want->master[0] || pt_links_find(&k->links, want->master));
	memcpy(l->master, want->master, sizeof(l->master));
}

static void do_create(struct kernel *k, const struct pt_link_change *c)
{
	const struct pt_link *want = c->want;
	const char *peer = peer_of(want);
	struct pt_link *l, *other;

	assert_null(c->have);
	assert_int_not_equal(want->kind, PT_LINK_PHYSICAL);
	for (size_t i = 0; i < want->settings.n; i++)
		if (want->settings.v[i].attr->form == PT_FORM_LINK && want->kind != PT_LINK_BOND)
			assert_non_null(pt_links_find(&k->links, want->settings.v[i].name));
	if (peer) {
		other = appear(k, peer);
		other->kind = PT_LINK_VETH;
		other->kernel_kind = "veth";
	}
	l = appear(k, want->name);
	l->kind = want->kind;
	l->kernel_kind = want->kernel_kind;
	l->alias = want->alias;
	l->up = want->up;
	l->mtu = want->has & PT_LINK_HAS_MTU ? want->mtu : 1500;
	memcpy(l->mac, want->mac, sizeof(l->mac));
	l->txqueuelen = want->txqueuelen;
	master_of(k, l, want);
	settings_of(k, l, want);
}

static void do_change(struct kernel *k, const struct pt_link_change *c)
{
	struct pt_link *l = pt_links_find(&k->links, c->want->name);

	assert_non_null(l);
	assert_true(c->has || c->attrs.n);
	if (c->has & PT_LINK_HAS_MTU)
		l->mtu = c->want->mtu;
	if (c->has & PT_LINK_HAS_UP)
		l->up = c->want->up;
	if (c->has & PT_LINK_HAS_MAC)
		memcpy(l->mac, c->want->mac, sizeof(l->mac));
	if (c->has & PT_LINK_HAS_ALIAS)
		l->alias = c->want->alias;
	if (c->has & PT_LINK_HAS_MASTER)
		master_of(k, l, c->want);
	for (size_t i = 0; i < c->attrs.n; i++)
		assert_false(c->attrs.v[i]->fixed);
	if (c->attrs.n)
		settings_of(k, l, c->want);
}

static void do_all(struct kernel *k, const pt_link_changes *changes)
{
	static void (*const ops[])(struct kernel *, const struct pt_link_change *) = { do_delete, do_create, do_change };
	/* The changes point into the picture, which moves. */
	struct kernel before = *k;

	before.links.v.v = pt_arena_alloc(k->arena, (k->links.v.n + 1) * sizeof(*k->links.v.v));
	if (k->links.v.n)
		memcpy(before.links.v.v, k->links.v.v, k->links.v.n * sizeof(*k->links.v.v));
	for (size_t i = 0; i < changes->n; i++) {
		struct pt_link_change c = changes->v[i];

		if (c.have)
			c.have = &before.links.v.v[c.have - k->links.v.v];
		ops[c.op](k, &c);
	}
}

/* ---- from one file to another ---- */

static struct pt_conf *read_conf(const char *text)
{
	struct pt_err e = { 0 };
	struct pt_conf *c = NULL;

	if (pt_conf_parse("f", text, strlen(text), &c, &e))
		fail_msg("%s: %s", text, e.list.n ? e.list.v[0].msg : "no record");
	pt_err_fini(&e);
	return c;
}

/* "+a ~b -c", and for what is made anew the option: "-a(id) +a(id)"; then the absent ones: "?d". */
static void tell(struct pt_buf *b, const pt_link_changes *changes, const pt_link_list *absent)
{
	b->n = 0;
	pt_buf_str(b, "");
	for (size_t i = 0; i < changes->n; i++) {
		const struct pt_link_change *c = &changes->v[i];

		pt_buf_fmt(b, "%s%c%s", i ? " " : "", "-+~"[c->op], c->want ? c->want->name : c->have->name);
		if (c->again)
			pt_buf_fmt(b, "(%s)", c->why);
	}
	for (size_t i = 0; i < absent->n; i++)
		pt_buf_fmt(b, "%s?%s", b->n ? " " : "", absent->v[i]->name);
}

/* What stays in the picture was the file's, which goes. */
static void keep_names(struct kernel *k)
{
	for (size_t i = 0; i < k->links.v.n; i++) {
		struct pt_link *l = &k->links.v.v[i];

		l->alias = pt_arena_strdup(k->arena, l->alias);
		for (size_t n = 0; n < l->settings.n; n++)
			if (l->settings.v[n].name)
				l->settings.v[n].name = pt_arena_strdup(k->arena, l->settings.v[n].name);
	}
}

/* Brings the kernel to the file; what that took into B. */
static void go(struct kernel *k, const char *text, struct pt_buf *b)
{
	struct pt_conf *c = read_conf(text);
	struct pt_buf again = { 0 };
	struct pt_links want = { 0 };
	pt_link_changes changes = { 0 }, more = { 0 };
	pt_link_list absent = { 0 }, still = { 0 };

	assert_int_equal(network_want_links(c, k->arena, &want), 0);
	assert_int_equal(pt_links_diff(&want, &k->links, k->arena, &changes, &absent), 0);
	tell(b, &changes, &absent);
	do_all(k, &changes);
	assert_int_equal(pt_links_diff(&want, &k->links, k->arena, &more, &still), 0);
	tell(&again, &more, &still);
	if (more.n)
		fail_msg("%s\nleaves %s", text, again.s);
	assert_int_equal(absent.n, still.n);
	pt_buf_fini(&again);
	keep_names(k);
	pt_conf_free(c);
}

static const struct way {
	const char *devices, *from, *to, *ops;
} ways[] = {
	{ "eth0", "", "interface eth0 { }", "" },
	/* What stands below comes first, wherever it is in the file. */
	{ "eth0", "",
	  "interface inner { type = vlan parent = outer id = 2 } interface outer { type = vlan parent = eth0 id = 1 } interface eth0 { }",
	  "+outer +inner" },
	/* What stands on top goes first. */
	{ "eth0",
	  "interface eth0 { } interface outer { type = vlan parent = eth0 id = 1 } interface inner { type = vlan parent = outer id = 2 }",
	  "interface eth0 { }", "-inner -outer" },
	/* In place. */
	{ "eth0", "interface eth0 { } interface v { type = vlan parent = eth0 id = 1 mtu = 1400 }",
	  "interface eth0 { } interface v { type = vlan parent = eth0 id = 1 mtu = 1300 }", "~v" },
	{ "", "interface b { type = bridge }", "interface b { type = bridge stp = on }", "~b" },
	/* Back to the default that the manual tells. */
	{ "", "interface b { type = bridge stp = on priority = 5 }", "interface b { type = bridge }", "~b" },
	{ "", "interface b { type = bridge }", "interface b { type = bridge enabled = false description = \"x\" }", "~b" },
	/* Fixed ones ask for another link, and so does what stands on it; nothing else does. */
	{ "eth0",
	  "interface eth0 { } interface v { type = vlan parent = eth0 id = 1 } interface top { type = vlan parent = v id = 9 } "
	  "interface other { type = vlan parent = eth0 id = 3 }",
	  "interface eth0 { } interface v { type = vlan parent = eth0 id = 2 } interface top { type = vlan parent = v id = 9 } "
	  "interface other { type = vlan parent = eth0 id = 3 }",
	  "-top(parent) -v(id) +v(id) +top(parent)" },
	{ "eth0 eth1", "interface eth0 { } interface eth1 { } interface v { type = macvlan parent = eth0 }",
	  "interface eth0 { } interface eth1 { } interface v { type = macvlan parent = eth1 }", "-v(parent) +v(parent)" },
	{ "", "interface x { type = bridge }", "interface x { type = ifb }", "-x(type) +x(type)" },
	{ "", "interface t { type = bond mode = active-backup }", "interface t { type = bond mode = broadcast }",
	  "-t(mode) +t(mode)" },
	/* A tunnel changes in place, also where an option goes; a vxlan cannot lose one. */
	{ "", "interface t { type = gre remote = \"192.0.2.1\" key = 5 }", "interface t { type = gre remote = \"192.0.2.2\" key = 5 }",
	  "~t" },
	{ "", "interface t { type = gre remote = \"192.0.2.1\" key = 5 }", "interface t { type = gre remote = \"192.0.2.1\" }", "~t" },
	{ "", "interface t { type = vxlan id = 1 remote = \"192.0.2.1\" }", "interface t { type = vxlan id = 1 }",
	  "-t(remote) +t(remote)" },
	/* Masters: a member is not made anew with its master, and leaves it in place. */
	{ "eth0 eth1", "interface eth0 { } interface eth1 { } interface b { type = bridge members = { eth0, eth1 } }",
	  "interface eth0 { } interface eth1 { } interface b { type = bridge members = { eth1 } }", "~eth0" },
	{ "eth0", "", "interface eth0 { } interface b { type = bridge members = { eth0 } }", "+b ~eth0" },
	{ "eth0", "interface eth0 { } interface b { type = bridge members = { eth0 } }", "interface eth0 { }", "-b ~eth0" },
	{ "eth0", "interface eth0 { } interface b { type = vrf table = 8001 members = { v } } interface v { type = vlan parent = eth0 id = 1 }",
	  "interface eth0 { } interface b { type = vrf table = 8002 members = { v } } interface v { type = vlan parent = eth0 id = 1 }",
	  "-b(table) +b(table) ~v" },
	{ "eth0 eth1", "interface eth0 { } interface eth1 { } interface b { type = bond members = { eth0 } }",
	  "interface eth0 { } interface eth1 { } interface b { type = bond members = { eth0, eth1 } primary = eth1 mode = active-backup }",
	  "-b(mode) +b(mode) ~eth0 ~eth1" },
	/* The other end of a veth comes and goes with the first. */
	{ "", "", "interface a { type = veth peer = z }", "+a" },
	{ "", "interface a { type = veth peer = z }", "", "-a" },
	{ "", "interface a { type = veth peer = z }", "interface a { type = veth peer = y }", "-a(peer) +a(peer)" },
	/* Physical ones that are not there, and what stands on them; their masters do not wait. */
	{ "", "", "interface eth0 { } interface v { type = vlan parent = eth0 id = 1 } interface w { type = vlan parent = v id = 1 }",
	  "?eth0 ?v ?w" },
	{ "eth1", "", "interface eth0 { } interface eth1 { } interface b { type = bridge members = { eth0, eth1 } }", "+b ~eth1 ?eth0" },
	/* Of physical ones only what the file names. */
	{ "eth0", "interface eth0 { mtu = 1400 }", "interface eth0 { }", "" },
	{ "eth0", "interface eth0 { mtu = 1400 }", "interface eth0 { enabled = false }", "~eth0" },
	/* Another name is another link. */
	{ "eth0", "interface eth0 { } interface v { type = vlan parent = eth0 id = 1 }",
	  "interface eth0 { } interface w { type = vlan parent = eth0 id = 1 }", "-v +w" },
};

static void test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(ways); i++) {
		struct pt_buf b = { 0 };
		struct kernel k;

		boot(&k);
		appear_all(&k, ways[i].devices);
		go(&k, ways[i].from, &b);
		go(&k, ways[i].to, &b);
		if (strcmp(b.s, ways[i].ops) != 0)
			fail_msg("from %s\nto %s\ngot    %s\nwanted %s", ways[i].from, ways[i].to, b.s, ways[i].ops);
		pt_buf_fini(&b);
		halt(&k);
	}
}

/* What somebody else made stays, with his alias or ours on hardware, also while all of ours goes. */
static void test_foreign(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_link *l;
	struct kernel k;

	(void)state;
	boot(&k);
	appear_all(&k, "eth0");
	pt_links_find(&k.links, "eth0")->alias = PT_LINK_ALIAS;
	l = appear(&k, "docker0");
	l->kind = PT_LINK_BRIDGE;
	l->kernel_kind = "bridge";
	l = appear(&k, "like");
	l->kind = PT_LINK_BRIDGE;
	l->alias = PT_LINK_ALIAS "x";
	go(&k, "interface b { type = bridge }", &b);
	assert_string_equal(b.s, "+b");
	go(&k, "", &b);
	assert_string_equal(b.s, "-b");
	assert_int_equal(k.links.v.n, 3);
	/* A physical link of the file in somebody else's bridge stays there. */
	memcpy(pt_links_find(&k.links, "eth0")->master, "docker0", 8);
	go(&k, "interface eth0 { }", &b);
	assert_string_equal(b.s, "");
	pt_buf_fini(&b);
	halt(&k);
}

/* Each stands on the one before; the file has the last one first. */
#define CHAIN 1000
static void test_chain(void **state)
{
	struct pt_buf text = { 0 }, b = { 0 };
	pt_link_changes changes = { 0 };
	pt_link_list absent = { 0 };
	struct pt_links want = { 0 };
	struct pt_conf *c;
	struct kernel k;

	(void)state;
	boot(&k);
	appear_all(&k, "eth0");
	for (int i = CHAIN; i > 1; i--)
		pt_buf_fmt(&text, "interface v%d { type = vlan parent = v%d id = 1 }\n", i, i - 1);
	pt_buf_str(&text, "interface v1 { type = vlan parent = eth0 id = 1 }\ninterface eth0 { }\n");
	c = read_conf(text.s);
	assert_int_equal(network_want_links(c, k.arena, &want), 0);
	assert_int_equal(pt_links_diff(&want, &k.links, k.arena, &changes, &absent), 0);
	assert_int_equal(changes.n, CHAIN);
	for (size_t i = 0; i < CHAIN; i++) {
		b.n = 0;
		pt_buf_fmt(&b, "v%zu", i + 1);
		assert_string_equal(changes.v[i].want->name, b.s);
	}
	do_all(&k, &changes);
	keep_names(&k);
	pt_conf_free(c);
	go(&k, "interface eth0 { }", &text);
	assert_int_equal(k.links.v.n, 1);
	pt_buf_fini(&text);
	pt_buf_fini(&b);
	halt(&k);
}

/* Whichever allocation fails: -ENOMEM, and nothing else. */
static void test_memory(void **state)
{
	const struct way *w = &ways[7];
	struct pt_conf *c = read_conf(w->to);
	struct pt_buf b = { 0 };
	struct kernel k;
	int rc = -ENOMEM, n;

	(void)state;
	boot(&k);
	appear_all(&k, w->devices);
	go(&k, w->from, &b);
	for (n = 0; rc == -ENOMEM && n < 1000; n++) {
		struct pt_arena *a;
		pt_link_changes changes = { 0 };
		pt_link_list absent = { 0 };
		struct pt_links want = { 0 };

		allocations_left = n;
		a = pt_arena_new();
		rc = a ? network_want_links(c, a, &want) : -ENOMEM;
		if (!rc)
			rc = pt_links_diff(&want, &k.links, a, &changes, &absent);
		allocations_left = -1;
		assert_true(!rc || rc == -ENOMEM);
		pt_arena_free(a);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 1);
	pt_conf_free(c);
	pt_buf_fini(&b);
	halt(&k);
}

/* ---- what is written ---- */

static const struct print_case {
	const char *from, *to, *text;
} prints[] = {
	{ "", "interface v { type = vlan parent = e id = 10 protocol = \"802.1ad\" mtu = 1400 } interface e { }",
	  "v type vlan parent e id 10 protocol 802.1ad mtu 1400 up" },
	{ "interface t { type = gre remote = \"192.0.2.1\" key = 5 } interface e { }",
	  "interface t { type = gre remote = \"192.0.2.1\" } interface e { }", "t no key" },
	{ "interface b { type = bridge } interface e { }", "interface b { type = bridge stp = on description = \"x\" } interface e { }",
	  "b stp true alias \"patronus: x\"" },
	{ "interface b { type = bridge members = { e } } interface e { }", "interface b { type = bridge } interface e { }",
	  "e master none" },
};

static void test_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(prints); i++) {
		struct pt_conf *c = read_conf(prints[i].to);
		pt_link_changes changes = { 0 };
		pt_link_list absent = { 0 };
		struct pt_buf b = { 0 };
		struct pt_links want = { 0 };
		struct kernel k;

		boot(&k);
		appear_all(&k, "e");
		go(&k, prints[i].from, &b);
		assert_int_equal(network_want_links(c, k.arena, &want), 0);
		assert_int_equal(pt_links_diff(&want, &k.links, k.arena, &changes, &absent), 0);
		assert_int_equal(changes.n, 1);
		b.n = 0;
		pt_link_print_change(&b, &changes.v[0]);
		assert_string_equal(b.s, prints[i].text);
		pt_buf_fini(&b);
		pt_conf_free(c);
		halt(&k);
	}
}

/* ---- every option of every type does something ---- */

/* Rows that need more than a word, a number or the other of two; NULL: the row is for rules, not for links. */
static const struct {
	const char *name, *value;
} values[] = {
	{ "device", "other" },		   { "address", "{ \"10.1.1.1/24\", auto }" }, { "groups", NULL },
	{ "description", "text" },	   { "mac", "\"02:00:00:00:00:09\"" },	  { "offload", "{ \"tso off\" }" },
	{ "proxy", "{ \"fd00::9\" }" },	   { "parent", "p" },			  { "members", "{ m }" },
	{ "peer", "otherend" },		   { "remotes", "{ \"192.0.2.9\" }" },	  { "primary", "q" },
	{ "vlans", "{ \"7-9 untagged\" }" }, { "mode", "active-backup" },		  { "id", "77" },
	{ "updelay", "200" },		   { "downdelay", "200" },		  { "lacp-rate", "fast" },
	{ "hostname", "gate" },		   { "client-id", "me" },		  { "metric", NULL },
	{ "delegate", "{ \"q 1\" }" },
};

/* What a type needs in any case, but for OPTION. */
/* What only an interface that asks a server takes; `metric` is of routes that it gives. */
static const char *const asked[] = { "hostname", "client-id", "default-route", "delegate", "delegate-length" };

static bool is_asked(const char *name)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(asked); i++)
		if (!strcmp(asked[i], name))
			return true;
	return false;
}

static const struct {
	enum pt_link_kind kind;
	const char *option, *value;
} needs[] = {
	{ PT_LINK_VLAN, "parent", "q" },	 { PT_LINK_VLAN, "id", "5" },	       { PT_LINK_MACVLAN, "parent", "q" },
	{ PT_LINK_VXLAN, "id", "5" },	 { PT_LINK_VETH, "peer", "theend" },    { PT_LINK_VRF, "table", "8001" },
	{ PT_LINK_GRETAP, "remote", "\"192.0.2.1\"" }, { PT_LINK_IP6GRETAP, "remote", "\"2001:db8::1\"" },
	{ PT_LINK_BOND, "members", "{ q }" },
};

static bool is_six(enum pt_link_kind kind)
{
	return kind == PT_LINK_IP6GRE || kind == PT_LINK_IP6GRETAP || kind == PT_LINK_IP6TNL;
}

static void put_value(struct pt_buf *b, const struct pt_schema *row, enum pt_link_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		if (!strcmp(values[i].name, row->name)) {
			pt_buf_fmt(b, " %s = %s", row->name, values[i].value);
			return;
		}
	if (row->type == PT_OPT_WORD) {
		while (row->words[n])
			n++;
		pt_buf_fmt(b, " %s = \"%s\"", row->name, strcmp(row->words[n - 1], row->def) ? row->words[n - 1] : row->words[0]);
	} else if (row->type == PT_OPT_BOOL) {
		pt_buf_fmt(b, " %s = %s", row->name, strcmp(row->def, "true") ? "true" : "false");
	} else if (row->type == PT_OPT_NUMBER) {
		pt_buf_fmt(b, " %s = %llu", row->name, (unsigned long long)row->min + 3);
	} else if (row->type == PT_OPT_DURATION) {
		pt_buf_fmt(b, " %s = %llus", row->name, (unsigned long long)row->min + 3);
	} else {
		pt_buf_fmt(b, " %s = \"%s\"", row->name, is_six(kind) ? "2001:db8::7" : "192.0.2.7");
	}
}

/* All that a kernel would be told for a link of KIND, with ROW written or not. MASTER: it is a port of a bridge. */
static void told(struct pt_buf *out, enum pt_link_kind kind, const struct pt_schema *row, bool written, bool master)
{
	struct pt_buf text = { 0 };
	struct pt_arena *a = pt_arena_new();
	struct pt_addresses addresses;
	struct pt_neighbours neighbours;
	struct pt_traits traits = { 0 };
	struct pt_links links = { 0 };
	struct pt_conf *c;

	pt_buf_fmt(&text, "interface p { }\ninterface q { }\ninterface m { }\n");
	if (master)
		pt_buf_str(&text, "interface b { type = bridge vlan-filtering = true members = { x } }\n");
	pt_buf_fmt(&text, "interface x {");
	if (!written || strcmp(row->name, "type") != 0)
		pt_buf_fmt(&text, " type = %s", pt_link_kinds[kind]);
	for (size_t i = 0; i < PT_ARRAY_SIZE(needs); i++)
		if (needs[i].kind == kind && (!written || strcmp(row->name, needs[i].option) != 0))
			pt_buf_fmt(&text, " %s = %s", needs[i].option, needs[i].value);
	if (kind == PT_LINK_BOND && !strcmp(row->name, "lacp-rate"))
		pt_buf_str(&text, " mode = \"802.3ad\"");
	if (kind == PT_LINK_BRIDGE && !strcmp(row->name, "vlans"))
		pt_buf_str(&text, " vlan-filtering = true");
	if (is_asked(row->name))
		pt_buf_fmt(&text, " address = { dhcp, dhcp6 }%s", strcmp(row->name, "delegate-length") ? "" : " delegate = { q }");
	if (written)
		put_value(&text, row, kind);
	pt_buf_str(&text, " }\n");
	c = read_conf(text.s);
	assert_int_equal(network_want_links(c, a, &links), 0);
	assert_int_equal(network_want_traits(c, a, &traits), 0);
	assert_int_equal(network_want_addresses(c, a, &addresses), 0);
	assert_int_equal(network_want_neighbours(c, a, &neighbours), 0);
	for (size_t i = 0; i < links.v.n; i++) {
		const struct pt_link_change change = { .op = PT_LINK_CREATE, .want = &links.v.v[i] };

		pt_link_print_change(out, &change);
		pt_buf_chr(out, '\n');
	}
	for (size_t i = 0; i < traits.v.n; i++)
		pt_trait_print(out, &traits.v.v[i]);
	for (size_t i = 0; i < addresses.v.n; i++)
		pt_address_print(out, &addresses.v.v[i]);
	for (size_t i = 0; i < neighbours.v.n; i++)
		pt_neighbour_print(out, &neighbours.v.v[i]);
	if (is_asked(row->name))
		dhcp_config(out, pt_conf_find_if(c, "x"), "/hook", "/folder");
	pt_conf_free(c);
	pt_arena_free(a);
	pt_buf_fini(&text);
}

static bool is_port_option(enum pt_link_kind kind, const char *name)
{
	const struct pt_link_attr *attr = pt_link_attr(kind, name);

	return attr ? attr->port : !strcmp(name, "vlans") && kind != PT_LINK_BRIDGE;
}

static bool is_for_rules(const char *name)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		if (!strcmp(values[i].name, name) && !values[i].value)
			return true;
	return false;
}

static void test_options(void **state)
{
	const struct pt_schema *row = pt_conf_schema;
	size_t n = 0;

	(void)state;
	while (strcmp(row->name, "interface") != 0)
		row++;
	for (row = row->options; row->name; row++)
		for (enum pt_link_kind kind = 0; kind < PT_LINK_KINDS; kind++) {
			struct pt_buf with = { 0 }, without = { 0 };
			bool port = is_port_option(kind, row->name);

			/* A physical link has no type to be written, and hardware no alias. */
			if ((row->kinds && !(row->kinds & 1u << kind)) || is_for_rules(row->name) ||
			    (kind == PT_LINK_PHYSICAL && (!strcmp(row->name, "type") || !strcmp(row->name, "description"))) ||
			    (!strcmp(row->name, "type") && kind != PT_LINK_DUMMY))
				continue;
			told(&with, kind, row, true, port);
			told(&without, kind, row, false, port);
			if (!strcmp(with.s, without.s))
				fail_msg("%s of type %s does nothing:\n%s", row->name, pt_link_kinds[kind], with.s);
			pt_buf_fini(&with);
			pt_buf_fini(&without);
			n++;
		}
	assert_true(n > 180);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),	cmocka_unit_test(test_foreign), cmocka_unit_test(test_chain),
		cmocka_unit_test(test_memory),	cmocka_unit_test(test_print),	cmocka_unit_test(test_options),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
