/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routes, rules for them and neighbours in the common file: what is meant, and for each mistake its place and its message. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/conf.h>

/* ---- routes, and the same words again ---- */

static const char *const routes[][2] = {
	{ "10.0.0.0/8 via 192.0.2.1", NULL },
	{ "10.0.0.0/8  via\t192.0.2.1 ", "10.0.0.0/8 via 192.0.2.1" },
	{ "unicast 10.0.0.1 via 192.0.2.1", "10.0.0.1/32 via 192.0.2.1" },
	{ "default via 192.0.2.1", NULL },
	{ "default via 2001:db8::1", NULL },
	{ "default dev lan", "0.0.0.0/0 dev lan" },
	{ "::/0 dev lan", NULL },
	{ "10.0.0.0/8 metric 5 table 8001 src 192.0.2.9 mtu 1400 via 192.0.2.1 dev lan onlink",
	  "10.0.0.0/8 via 192.0.2.1 dev lan onlink table 8001 metric 5 src 192.0.2.9 mtu 1400" },
	{ "10.0.0.0/8 via fe80::1 dev lan", NULL },
	{ "blackhole 10.0.0.0/8", "blackhole 10.0.0.0/8" },
	{ "unreachable 2001:db8::/32 metric 0x10", "unreachable 2001:db8::/32 metric 16" },
	{ "prohibit default", "prohibit 0.0.0.0/0" },
	{ "10.0.0.0/8 table main dev lan", "10.0.0.0/8 dev lan" },
	{ "10.0.0.0/8 nexthop via 192.0.2.1 weight 3 nexthop dev lan",
	  "10.0.0.0/8 nexthop via 192.0.2.1 weight 3 nexthop dev lan weight 1" },
};

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(routes); i++) {
		const char *want = routes[i][1] ? routes[i][1] : routes[i][0];
		struct pt_arena *a = pt_arena_new();
		struct pt_conf_fault f = { 0 };
		struct pt_conf_route r;
		struct pt_buf b = { 0 };

		if (pt_conf_route_parse(routes[i][0], a, &r, &f))
			fail_msg("%s: %s", routes[i][0], f.why);
		pt_conf_route_print(&b, &r);
		assert_string_equal(b.s, want);
		b.n = 0;
		assert_int_equal(pt_conf_route_parse(want, a, &r, &f), 0);
		pt_conf_route_print(&b, &r);
		assert_string_equal(b.s, want);
		pt_buf_fini(&b);
		pt_arena_free(a);
	}
}

struct bad {
	const char *text;
	size_t at, len;
	const char *why;
};

static const struct bad bad_routes[] = {
	{ "", 0, 0, "begins with its destination" },
	{ "blackhole", 9, 0, "destination is missing" },
	{ "10.0.0.1/8 via 1.1.1.1", 0, 10, "bits behind" },
	{ "10.0.0.0/33 via 1.1.1.1", 0, 11, "length of its network" },
	{ "lan via 1.1.1.1", 0, 3, "length of its network" },
	{ "10.0.0.0/8 vai 1.1.1.1", 11, 3, "none of" },
	{ "10.0.0.0/8 via", 14, 0, "an address" },
	{ "10.0.0.0/8 via lan", 15, 3, "an address" },
	{ "10.0.0.0/8", 0, 10, "leads somewhere" },
	{ "blackhole 10.0.0.0/8 dev lan", 0, 28, "lead nowhere" },
	{ "10.0.0.0/8 dev a/b", 15, 3, "no name" },
	{ "10.0.0.0/8 dev lan metric x", 26, 1, "a number" },
	{ "10.0.0.0/8 dev lan metric 4294967296", 26, 10, "a number" },
	{ "10.0.0.0/8 dev lan mtu 67", 23, 2, "a number" },
	{ "10.0.0.0/8 dev lan table 0", 25, 1, "table of routes" },
	{ "10.0.0.0/8 dev lan weight 2", 19, 6, "behind `nexthop`" },
	{ "10.0.0.0/8 nexthop dev lan weight 257", 34, 3, "1 to 256" },
	{ "10.0.0.0/8 via 1.1.1.1 nexthop via 1.1.1.2", 23, 7, "behind `nexthop`" },
	{ "10.0.0.0/8 nexthop nexthop via 1.1.1.2", 0, 38, "a via ADDRESS" },
	{ "2001:db8::/32 via 1.1.1.1", 0, 25, "no IPv4 next hop" },
	{ "10.0.0.0/8 dev lan src 2001:db8::1", 0, 34, "route's family" },
};

static void test_bad_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad_routes); i++) {
		const struct bad *b = &bad_routes[i];
		struct pt_arena *a = pt_arena_new();
		struct pt_conf_fault f = { 0 };
		struct pt_conf_route r;

		if (pt_conf_route_parse(b->text, a, &r, &f) != -EINVAL)
			fail_msg("taken: %s", b->text);
		if (f.at != b->at || f.len != b->len || !strstr(f.why, b->why))
			fail_msg("%s: at %zu, %zu bytes: %s", b->text, f.at, f.len, f.why);
		pt_arena_free(a);
	}
}

static void test_most_hops(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_buf b = { 0 };
	struct pt_conf_fault f;
	struct pt_conf_route r;

	(void)state;
	pt_buf_str(&b, "10.0.0.0/8");
	for (int i = 0; i < PT_ROUTE_HOPS_MAX; i++)
		pt_buf_fmt(&b, " nexthop via 192.0.2.%d", i);
	assert_int_equal(pt_conf_route_parse(b.s, a, &r, &f), 0);
	assert_int_equal(r.n_hops, PT_ROUTE_HOPS_MAX);
	assert_true(r.hops[63].via.v == 0xc000023f);
	pt_buf_str(&b, " nexthop dev lan");
	assert_int_equal(pt_conf_route_parse(b.s, a, &r, &f), -EINVAL);
	pt_buf_fini(&b);
	pt_arena_free(a);
}

/* ---- rules ---- */

static void test_rules(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf_fault f;
	struct pt_conf_route_rule r;

	(void)state;
	assert_int_equal(pt_conf_route_rule_parse("not from 10.0.0.0/8 to all iif lan oif wan fwmark 0x10/0xf0 tos 16 ipproto tcp "
						  "sport 1 dport 80-90 priority 20999 lookup 8001", a, &r, &f), 0);
	assert_true(r.neg);
	assert_int_equal(r.af, PT_AF_INET);
	assert_int_equal(r.from.len, 8);
	assert_int_equal(r.to.len, 0);
	assert_string_equal(r.iif, "lan");
	assert_string_equal(r.oif, "wan");
	assert_int_equal(r.mark, 0x10);
	assert_int_equal(r.mask, 0xf0);
	assert_int_equal(r.tos, 16);
	assert_int_equal(r.proto, 6);
	assert_int_equal(r.sport_hi, 1);
	assert_int_equal(r.dport_lo, 80);
	assert_int_equal(r.dport_hi, 90);
	assert_int_equal(r.priority, 20999);
	assert_int_equal(r.table, 8001);
	assert_int_equal(pt_conf_route_rule_parse("iif lan prohibit", a, &r, &f), 0);
	assert_int_equal(r.type, PT_ROUTE_PROHIBIT);
	assert_int_equal(r.af, PT_AF_NONE);
	assert_int_equal(pt_conf_route_rule_parse("inet6 table main", a, &r, &f), 0);
	assert_int_equal(r.af, PT_AF_INET6);
	assert_int_equal(r.table, PT_TABLE_MAIN);
	pt_arena_free(a);
}

static const struct bad bad_rules[] = {
	{ "", 0, 0, "does not say what to do" },
	{ "from 10.0.0.0/8", 0, 15, "does not say what to do" },
	{ "from 10.0.0.0/8 to 2001:db8::/32 lookup 1", 19, 13, "other family" },
	{ "inet6 from 10.0.0.0/8 lookup 1", 11, 10, "other family" },
	{ "from 10.0.0.0/8 inet6 lookup 1", 16, 5, "other family" },
	{ "lookup 0", 7, 1, "table of routes" },
	{ "lookup", 6, 0, "table of routes" },
	{ "unicast", 0, 7, "lookup TABLE" },
	{ "dport 80 lookup 1", 0, 17, "of a protocol" },
	{ "ipproto tcp dport 0 lookup 1", 18, 1, "a port" },
	{ "ipproto tcp dport 9-8 lookup 1", 18, 3, "a port" },
	{ "fwmark 0x1/0 lookup 1", 7, 5, "a mark" },
	{ "fwmark 0x2/0x1 lookup 1", 7, 7, "a mark" },
	{ "priority 100 lookup 1", 9, 3, "20000 to 20999" },
	{ "priority 21000 lookup 1", 9, 5, "20000 to 20999" },
	{ "somewhere lookup 1", 0, 9, "none of" },
};

static void test_bad_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad_rules); i++) {
		const struct bad *b = &bad_rules[i];
		struct pt_arena *a = pt_arena_new();
		struct pt_conf_fault f = { 0 };
		struct pt_conf_route_rule r;

		if (pt_conf_route_rule_parse(b->text, a, &r, &f) != -EINVAL)
			fail_msg("taken: %s", b->text);
		if (f.at != b->at || f.len != b->len || !strstr(f.why, b->why))
			fail_msg("%s: at %zu, %zu bytes: %s", b->text, f.at, f.len, f.why);
		pt_arena_free(a);
	}
}

/* ---- in a file ---- */

static const struct {
	const char *text;
	unsigned int line, col;
	const char *message;
} bad_files[] = {
	{ "network { routes = { \"10.0.0.0/8 via 1.1.1.1\",\n\"10.0.0.0/8 via 1.1.1.2\" } }", 2, 2, "in line 1 already" },
	{ "network { routes = { \"10.0.0.0/8 dev lan\" } }", 1, 23, "there is no interface lan" },
	{ "network { rules = { \"iif lan lookup 1\" } }", 1, 22, "there is no interface lan" },
	{ "network { neighbours = { \"1.1.1.1 lladdr 02:00:00:00:00:01 dev lan\" } }", 1, 27, "there is no interface lan" },
	{ "network { neighbours = { \"1.1.1.1 lladdr 02:00:00:00:00 dev lan\" } }", 1, 42, "a link address" },
	{ "network { neighbours = { \"1.1.1.1 dev lan\" } }", 1, 27, "ADDRESS lladdr MAC dev" },
	{ "interface lan { } network { neighbours = { \"1.1.1.1 lladdr 02:00:00:00:00:01 dev lan\", \"1.1.1.2 lladdr 02:00:00:00:00:01 "
	  "dev lan\",\n\"1.1.1.1 dev lan lladdr 02:00:00:00:00:02\" } }", 2, 2, "in line 1 already" },
	{ "network { routes = { \"fd00::/16 via fe80::1\",\n\"fd00::/16 via fe80::2 metric 1024\" } }", 2, 2, "in line 1 already" },
	{ "network { routes = { \"10.0.0.0/8 to lan\" } }", 1, 34, "none of via dev" },
};

static void test_files(void **state)
{
	static const char good[] = "interface lan { }\nnetwork { routes = { \"10.0.0.0/8 dev lan\", \"10.0.0.0/8 dev lan metric 1\", "
				   "\"10.0.0.0/8 dev lan table 5\", \"10.0.0.0/9 dev lo\" } }";
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse("f", good, strlen(good), &c, &e), 0);
	assert_int_equal(c->routes.n, 4);
	assert_int_equal(c->routes.v[1].loc.line, 2);
	pt_conf_free(c);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad_files); i++) {
		if (pt_conf_parse("f", bad_files[i].text, strlen(bad_files[i].text), &c, &e) != -EINVAL)
			fail_msg("taken: %s", bad_files[i].text);
		if (e.list.n != 1 || !strstr(e.list.v[0].msg, bad_files[i].message) || e.list.v[0].loc.line != bad_files[i].line ||
		    e.list.v[0].loc.col != bad_files[i].col)
			fail_msg("%s\n%zu records, at %u:%u: %s", bad_files[i].text, e.list.n, e.list.v[0].loc.line,
				 e.list.v[0].loc.col, e.list.v[0].msg);
		pt_err_fini(&e);
	}
}

/* ---- by hand: what says less ---- */

static void test_parts(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf_fault f = { 0 };
	struct pt_conf_route_rule rule;
	struct pt_conf_route r;
	uint32_t has;
	bool ends;

	(void)state;
	assert_int_equal(pt_conf_route_parse_part("10.0.0.0/8", a, &r, &has, &f), 0);
	assert_int_equal(r.n_hops, 0);
	assert_int_equal(has, 0);
	assert_int_equal(r.table, PT_TABLE_MAIN);
	assert_int_equal(pt_conf_route_parse_part("default", a, &r, &has, &f), 0);
	assert_int_equal(r.dst.addr.af, PT_AF_NONE);
	assert_int_equal(pt_conf_route_parse_part("default dev eth0", a, &r, &has, &f), 0);
	assert_int_equal(r.dst.addr.af, PT_AF_NONE);
	assert_string_equal(r.hops[0].dev, "eth0");
	assert_int_equal(pt_conf_route_parse_part("default via fe80::1", a, &r, &has, &f), 0);
	assert_int_equal(r.dst.addr.af, PT_AF_INET6);
	assert_int_equal(pt_conf_route_parse_part("unicast 10.0.0.0/8 metric 0", a, &r, &has, &f), 0);
	assert_int_equal(has, PT_ROUTE_HAS_TYPE | PT_ROUTE_HAS_METRIC);
	assert_int_equal(pt_conf_route_parse_part("10.0.0.1/8", a, &r, &has, &f), -EINVAL);
	assert_int_equal(pt_conf_route_rule_parse_part("priority 5", a, &rule, &ends, &f), 0);
	assert_int_equal(rule.priority, 5);
	assert_false(ends);
	assert_int_equal(pt_conf_route_rule_parse_part("priority 4294967295 blackhole", a, &rule, &ends, &f), 0);
	assert_true(ends);
	assert_int_equal(pt_conf_route_rule_parse_part("priority 0", a, &rule, &ends, &f), -EINVAL);
	assert_int_equal(f.at, 9);
	assert_int_equal(pt_conf_route_rule_parse_part("dport 80", a, &rule, &ends, &f), -EINVAL);
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),	  cmocka_unit_test(test_bad_routes), cmocka_unit_test(test_most_hops),
		cmocka_unit_test(test_rules),	  cmocka_unit_test(test_bad_rules),  cmocka_unit_test(test_files),
		cmocka_unit_test(test_parts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("routes in the common file", tests, NULL, NULL);
}
