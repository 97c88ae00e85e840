/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links in the common file: what is good, and for each thing that does not fit together the one message about it, at its place.
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

#include <patronus/conf.h>

static const char good_text[] =
	"interface eth0 { }\n"
	"interface eth1 { txqueuelen = 500 mac = \"02:00:00:00:00:01\" offload = { \"tso off\", \"gro on\" } cost = 10 }\n"
	"interface outer { type = vlan parent = eth0 id = 100 protocol = \"802.1ad\" }\n"
	"interface inner { type = vlan parent = outer id = 0x64 address = { dhcp, dhcp6, auto, \"10.0.0.1/24\" } }\n"
	"interface lan { type = bridge members = { eth1, x0 } stp = on forward-delay = 4s vlan-filtering = on vlans = { \"1 pvid untagged\" } }\n"
	"interface x0 { type = vxlan id = 16777215 local = \"192.0.2.1\" remotes = { \"192.0.2.2\" } vlans = { 5, \"7-9\" } }\n"
	"interface g { type = gre remote = \"192.0.2.9\" key = 0xffffffff mtu = 1400 }\n"
	"interface red { type = vrf table = 8001 members = { inner } }\n";

static void test_good(void **state)
{
	const struct pt_conf_option *o;
	const struct pt_conf_if *i;
	struct pt_conf_vlans v;
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse("f", good_text, strlen(good_text), &c, &e), 0);
	i = pt_conf_find_if(c, "eth0");
	assert_int_equal(i->kind, PT_LINK_PHYSICAL);
	assert_int_equal(i->options.n, 0);
	i = pt_conf_find_if(c, "inner");
	assert_int_equal(i->kind, PT_LINK_VLAN);
	assert_int_equal(i->ways, PT_IF_DHCP4 | PT_IF_DHCP6 | PT_IF_SLAAC);
	assert_int_equal(pt_conf_if_option(i, "id")->number, 100);
	assert_null(pt_conf_if_option(i, "mtu"));
	i = pt_conf_find_if(c, "outer");
	assert_int_equal(pt_conf_if_option(i, "protocol")->number, 1);
	i = pt_conf_find_if(c, "lan");
	assert_int_equal(pt_conf_if_option(i, "stp")->number, 1);
	assert_int_equal(pt_conf_if_option(i, "forward-delay")->number, 4);
	i = pt_conf_find_if(c, "g");
	assert_int_equal(pt_conf_if_option(i, "key")->number, UINT32_MAX);
	i = pt_conf_find_if(c, "eth1");
	o = pt_conf_if_option(i, "offload");
	assert_string_equal(o->s, "tso off");
	assert_string_equal(o[1].s, "gro on");
	assert_int_equal(o->loc.line, 2);
	i = pt_conf_find_if(c, "x0");
	o = pt_conf_if_option(i, "vlans");
	assert_int_equal(pt_conf_vlans_parse(o[1].s, &v), 0);
	assert_int_equal(v.from, 7);
	assert_int_equal(v.to, 9);
	assert_false(v.pvid);
	pt_conf_free(c);
	pt_err_fini(&e);
}

/* Every kind is the place of its word. */
static void test_kinds(void **state)
{
	size_t n = 0;

	(void)state;
	while (pt_link_kinds[n])
		n++;
	assert_int_equal(n, PT_LINK_KINDS);
	assert_string_equal(pt_link_kinds[PT_LINK_VXLAN], "vxlan");
	assert_string_equal(pt_link_kinds[PT_LINK_IFB], "ifb");
}

static const struct bad {
	const char *text;
	unsigned int line, col;
	const char *message;
} bads[] = {
	{ "interface x { id = 5 }", 1, 20, "type physical, which has no id: that is for vlan, vxlan" },
	{ "interface x { type = vlans }", 1, 22, "type is physical, vlan" },
	{ "interface y { }\ninterface x { type = dummy parent = y }", 2, 37, "which has no parent" },
	{ "interface x { type = vlan id = 5 }", 1, 11, "of type vlan has no parent" },
	{ "interface y { }\ninterface x { type = vlan parent = y }", 2, 11, "of type vlan has no id" },
	{ "interface y { }\ninterface x { type = vlan parent = y id = 4095 }", 2, 43, "1 to 4094" },
	{ "interface x { type = vxlan id = 16777216 }", 1, 33, "id is a number" },
	{ "interface x { type = vxlan id = 0 }", 1, 33, "id is a number" },
	{ "interface x { type = vxlan id = 0x }", 1, 33, "id is a number" },
	{ "interface x { type = vxlan id = 010 }", 1, 33, "id is a number" },
	{ "interface x { type = vxlan id = 1 local = \"192.0.2.1\" remote = \"2001:db8::1\" }", 1, 65, "IPv4 addresses" },
	{ "interface x { type = sit remote = \"2001:db8::1\" }", 1, 36, "IPv4 addresses" },
	{ "interface x { type = ip6tnl remote = \"192.0.2.1\" }", 1, 39, "IPv6 addresses" },
	{ "interface x { type = gre remote = \"192.0.2\" }", 1, 36, "not an address" },
	{ "interface x { type = veth }", 1, 11, "has no peer" },
	{ "interface x { type = vrf }", 1, 11, "has no table" },
	{ "interface x { type = vlan parent = x id = 1 }", 1, 36, "stands on itself" },
	{ "interface x { type = vlan parent = y id = 1 }", 1, 36, "there is no interface y" },
	{ "interface x { type = vlan parent = y id = 1 }\ninterface y { type = vlan parent = x id = 1 }", 1, 11,
	  "stands on itself through others" },
	{ "interface x { type = bridge members = { y } }\ninterface y { type = macvlan parent = x }", 1, 11,
	  "stands on itself through others" },
	{ "interface p { }\ninterface x { type = bridge members = { p } }\ninterface y { type = bond members = { p } }", 3, 39,
	  "member of x already" },
	{ "interface p { address = { dhcp } }\ninterface x { type = bridge members = { p } }", 2, 41, "addresses of its own" },
	{ "interface x { type = bond primary = y }", 1, 37, "y is no member" },
	{ "interface x { type = bond updelay = 150 }", 1, 37, "steps of miimon" },
	{ "interface x { type = bond miimon = 0 downdelay = 100 }", 1, 50, "steps of miimon" },
	{ "interface x { mtu = 67 }", 1, 21, "mtu is a number" },
	{ "interface x { mtu = 65536 }", 1, 21, "mtu is a number" },
	{ "interface x { mac = \"02:00:00:00:00\" }", 1, 22, "not a link address" },
	{ "interface x { mac = \"00:00:00:00:00:00\" }", 1, 22, "all zero" },
	{ "interface x { mac = \"33:33:00:00:00:01\" }", 1, 22, "one of a group" },
	{ "interface x { offload = { \"tso\" } }", 1, 28, "on or off is missing" },
	{ "interface x { offload = { \"ts off\" } }", 1, 28, "no work that hardware does" },
	{ "interface x { vlans = { \"5-3\" } }", 1, 26, "not VLANs" },
	{ "interface x { vlans = { \"5-6 pvid\" } }", 1, 26, "not VLANs" },
	{ "interface x { vlans = { \"5 untagged untagged\" } }", 1, 26, "not VLANs" },
	{ "interface x { vlans = { \"4095\" } }", 1, 26, "not VLANs" },
	{ "interface x { vlans = { \"0\" } }", 1, 26, "not VLANs" },
	{ "interface x { cost = 5 }", 1, 22, "no port of a bridge, so its cost does nothing" },
	{ "interface x { vlans = { \"5\" } }\ninterface b { type = bridge members = { x } }", 1, 26, "does not tell VLANs apart" },
	{ "interface b { type = bridge vlans = { \"5\" } }", 1, 40, "does not tell VLANs apart" },
	{ "interface p { }\ninterface x { type = vlan parent = p id = 5 }\ninterface y { type = vlan parent = p id = 5 }", 3, 43,
	  "interface x is this VLAN already" },
	{ "interface x { type = vxlan id = 5 }\ninterface y { type = vxlan id = 5 port = 4789 }", 2, 33, "x has this id and port" },
	{ "interface x { type = veth peer = a }\ninterface y { type = veth peer = a }", 2, 34, "x makes a link of this name already" },
	{ "interface x { type = veth peer = y }\ninterface y { type = bridge }", 2, 11, "x makes a link of this name already" },
	{ "interface x { type = bridge members = { y } }\ninterface y { type = bridge }", 1, 41, "a port of another" },
	{ "interface lo { }\ninterface x { type = bridge members = { lo } }", 2, 41, "which has no master" },
	{ "interface lo { type = dummy }", 1, 11, "is there always" },
	{ "interface x { device = \"all\" }", 1, 11, "no link has the name all" },
	{ "interface p { }\ninterface x { type = bridge members = { p } }\ninterface y { type = macvlan parent = p }", 3, 39,
	  "belong to its master" },
	{ "interface x { type = vxlan id = 5 remote = \"ff02::7\" }", 1, 45, "need a parent" },
	{ "interface x { mtu = 1279 address = { \"2001:db8::1/64\" } }", 1, 21, "too small for IPv6" },
	{ "interface x { mtu = 1279 address = { auto } }", 1, 21, "too small for IPv6" },
	{ "interface x { enabled = false }\nnetwork { routes = { \"10.0.0.0/8 dev x\" } }", 2, 23, "x is not enabled" },
	{ "interface x { type = bridge forward-delay = 31s }", 1, 45, "forward-delay is 2s to 30s" },
	{ "interface x { type = bridge forward-delay = 1s }", 1, 45, "forward-delay is 2s to 30s" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bads); i++) {
		const struct bad *b = &bads[i];
		struct pt_err e = { 0 };
		struct pt_conf *c;

		if (pt_conf_parse("f", b->text, strlen(b->text), &c, &e) != -EINVAL)
			fail_msg("taken: %s", b->text);
		if (e.list.n != 1 || !strstr(e.list.v[0].msg, b->message) || e.list.v[0].loc.line != b->line ||
		    e.list.v[0].loc.col != b->col)
			fail_msg("%s\n%zu records, at %u:%u: %s", b->text, e.list.n, e.list.v[0].loc.line,
				 e.list.v[0].loc.col, e.list.v[0].msg);
		pt_err_fini(&e);
	}
}

/* What is much like it, and good. */
static void test_near(void **state)
{
	static const char *const texts[] = {
		"interface p { }\ninterface x { type = vlan parent = p id = 5 }\ninterface y { type = vlan parent = p id = 5 protocol = 802.1ad }",
		"interface p { }\ninterface q { }\ninterface x { type = vlan parent = p id = 5 }\ninterface y { type = vlan parent = q id = 5 }",
		"interface x { type = vxlan id = 5 }\ninterface y { type = vxlan id = 5 port = 4790 }",
		"interface x { type = vxlan id = 5 }\ninterface y { type = vxlan id = 5 local = \"2001:db8::1\" }",
		"interface x { type = veth peer = y }\ninterface y { address = { \"192.0.2.1/24\" } }",
		"interface p { }\ninterface x { type = vxlan id = 5 parent = p remote = \"239.1.1.1\" }",
		"interface x { mtu = 1280 address = { \"2001:db8::1/64\" } }",
		"interface x { mtu = 576 address = { \"192.0.2.1/24\" } }",
		"interface x { enabled = true }\nnetwork { routes = { \"10.0.0.0/8 dev x\" } }",
		"interface lo { address = { \"127.0.0.1/8\" } }",
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(texts); i++) {
		struct pt_err e = { 0 };
		struct pt_conf *c;

		if (pt_conf_parse("f", texts[i], strlen(texts[i]), &c, &e))
			fail_msg("%s\n%s", texts[i], e.list.n ? e.list.v[0].msg : "");
		pt_conf_free(c);
		pt_err_fini(&e);
	}
}

/* A description stands behind our name in the alias, for which the kernel has room for 255 bytes. */
static void test_description(void **state)
{
	char text[400], words[256];

	(void)state;
	for (int n = 244; n <= 247; n++) {
		struct pt_err e = { 0 };
		struct pt_conf *c;
		int rc;

		memset(words, 'x', (size_t)n);
		words[n] = '\0';
		snprintf(text, sizeof(text), "interface x { type = bridge description = \"%s\" }", words);
		rc = pt_conf_parse("f", text, strlen(text), &c, &e);
		assert_int_equal(rc, n <= 245 ? 0 : -EINVAL);
		pt_conf_free(c);
		pt_err_fini(&e);
	}
}

/* A long chain is no cycle, and the check of it needs no long time. */
static void test_many(void **state)
{
	struct pt_buf text = { 0 };
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	pt_buf_str(&text, "interface v0 { }\n");
	for (int i = 1; i < 2000; i++)
		pt_buf_fmt(&text, "interface v%d { type = vlan parent = v%d id = 1 }\n", i, i - 1);
	assert_int_equal(text.err, 0);
	assert_int_equal(pt_conf_parse("f", text.s, text.n, &c, &e), 0);
	assert_int_equal(c->interfaces.n, 2000);
	pt_conf_free(c);
	pt_buf_fini(&text);
	pt_err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("links in the common file", tests, NULL, NULL);
}
