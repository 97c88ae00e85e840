/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conditions of the rarer kind: what the evaluator makes of them, and where they cannot stand. */
#include <errno.h>

#include "policy_make.h"

static struct pt_host *host;

/* A UDP packet from the network of lan0 to one of dmz0, in both families, that came by Ethernet. */
static struct pt_packet packet(bool six)
{
	struct pt_packet k = { .af = six ? PT_AF_INET6 : PT_AF_INET, .proto = PT_PROTO_UDP, .sport = 1000, .dport = 9,
			       .mac = 0x020000000100ull };

	k.src = addr(six ? "fd00:1::a" : "192.168.1.10");
	k.dst = addr(six ? "fd00:6::a" : "10.0.5.20");
	return k;
}

/* Whether RULE, behind which nothing passes, lets K pass. */
static bool passes(const char *rule, const struct pt_packet *k, enum pt_dir dir, const char *device)
{
	struct pt_decision d;
	struct pt_eval *v;
	struct built b;
	bool pass;

	build_good(&b, rule);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &b.err), 0);
	pt_evaluate(v, k, dir, device, &d);
	pass = d.pass;
	pt_eval_free(v);
	drop(&b);
	return pass;
}

static void test_tos(void **state)
{
	static const struct {
		uint8_t tos;
		bool pass;
	} cases[] = { { 0xb8, true }, { 0xb9, true }, { 0xbb, true }, { 0xb4, false }, { 0xbc, false }, { 0, false } };

	(void)state;
	for (int six = 0; six < 2; six++)
		for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
			struct pt_packet k = packet(six);

			k.tos = cases[i].tos;
			assert_int_equal(passes("\"pass in tos ef no state\"", &k, PT_IN, "lan0"), cases[i].pass);
		}
}

static void test_probability(void **state)
{
	struct pt_packet k = packet(false);

	(void)state;
	k.chance = 249999999;
	assert_true(passes("\"pass in probability 25% no state\"", &k, PT_IN, "lan0"));
	k.chance = 250000000;
	assert_false(passes("\"pass in probability 25% no state\"", &k, PT_IN, "lan0"));
	k.chance = 999999999;
	assert_true(passes("\"pass in probability 100% no state\"", &k, PT_IN, "lan0"));
}

static void test_mac(void **state)
{
	struct pt_packet k = packet(true);

	(void)state;
	assert_true(passes("\"pass in mac 02:00:00:00:01:00 no state\"", &k, PT_IN, "lan0"));
	assert_false(passes("\"pass in mac ! 02:00:00:00:01:00 no state\"", &k, PT_IN, "lan0"));
	assert_false(passes("\"pass in mac { 02:00:00:00:01:01, 02:00:00:00:00:ff } no state\"", &k, PT_IN, "lan0"));
	k.mac = PT_NO_MAC;
	assert_false(passes("\"pass in mac ! 02:00:00:00:01:01 no state\"", &k, PT_IN, "ppp0"));
}

static void test_received(void **state)
{
	struct pt_packet k = packet(false);

	(void)state;
	k.received = "lan0";
	assert_true(passes("\"pass out received-on lan no state\"", &k, PT_OUT, "dmz0"));
	assert_true(passes("\"pass out received-on inside no state\"", &k, PT_OUT, "dmz0"));
	assert_false(passes("\"pass out ! received-on inside no state\"", &k, PT_OUT, "dmz0"));
	k.received = NULL;
	assert_false(passes("\"pass out received-on lan no state\"", &k, PT_OUT, "dmz0"));
	assert_true(passes("\"pass out ! received-on lan no state\"", &k, PT_OUT, "dmz0"));
}

static void test_owner(void **state)
{
	struct pt_packet k = packet(false);

	(void)state;
	assert_false(passes("\"pass out user != 7 no state\"", &k, PT_OUT, "dmz0"));
	k.owned = true;
	k.uid = 1000;
	k.gid = 100;
	assert_true(passes("\"pass out user 1000 no state\"", &k, PT_OUT, "dmz0"));
	assert_true(passes("\"pass out user >= 1000 group { 5, 100 } no state\"", &k, PT_OUT, "dmz0"));
	assert_false(passes("\"pass out user 1000 group 101 no state\"", &k, PT_OUT, "dmz0"));
	assert_false(passes("\"pass out user root no state\"", &k, PT_OUT, "dmz0"));
	assert_true(passes("\"pass out user != root no state\"", &k, PT_OUT, "dmz0"));
	assert_true(passes("\"pass out user 999:1001 no state\"", &k, PT_OUT, "dmz0"));
	assert_false(passes("\"pass out user 1000 >< 1002 no state\"", &k, PT_OUT, "dmz0"));
}

static void test_routes(void **state)
{
	struct pt_packet k = packet(true);

	(void)state;
	assert_false(passes("\"pass in from no-route no state\"", &k, PT_IN, "lan0"));
	assert_false(passes("\"pass in from urpf-failed no state\"", &k, PT_IN, "lan0"));
	assert_true(passes("\"pass in from ! urpf-failed no state\"", &k, PT_IN, "lan0"));
	k.no_route_dst = true;
	assert_true(passes("\"pass in to no-route no state\"", &k, PT_IN, "lan0"));
	assert_false(passes("\"pass in from no-route no state\"", &k, PT_IN, "lan0"));
	k.urpf_failed = true;
	assert_true(passes("\"pass in from urpf-failed no state\"", &k, PT_IN, "lan0"));
}

static void test_errors(void **state)
{
	static const struct {
		const char *rule, *msg;
	} cases[] = {
		{ "\"pass in received-on lan\"", "received-on: a packet that arrives" },
		{ "\"pass user root\"", "user: Linux looks for the socket" },
		{ "\"pass in group 7\"", "group: Linux looks for the socket" },
		{ "\"pass out mac 02:00:00:00:01:00\"", "mac: a packet that leaves" },
		{ "\"pass out user no-such-user-here\"", "unknown user 'no-such-user-here'" },
		{ "\"pass out group no-such-group-here\"", "unknown group 'no-such-group-here'" },
		{ "\"pass out user < 0\"", "no user fits this condition" },
		{ "\"pass out received-on nosuch\"", "unknown interface 'nosuch'" },
		{ "\"pass to urpf-failed\"", "'urpf-failed' is about sources" },
		{ "\"pass out from urpf-failed\"", "urpf-failed asks for the interface" },
		{ "\"pass in from ! no-route\"", "'! no-route' is more than one question" },
		{ "\"pass out from no-route\"", "no-route: Linux looks for routes of arriving packets only" },
		{ "\"block to no-route\"", "no-route: Linux looks for routes of arriving packets only" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct built b;

		build(&b, cases[i].rule);
		assert_int_equal(b.rc, -EINVAL);
		assert_int_equal(b.err.n_errors, 1);
		if (!strstr(b.err.list.v[0].msg, cases[i].msg))
			fail_msg("%s: %s", cases[i].rule, b.err.list.v[0].msg);
		drop(&b);
	}
}

/* ---- packets of which not all is known ---- */

/* "pass 1", "block default", with "?" and the rule that may decide instead. */
static void check_known(uint8_t known, const char *rules, const char *want)
{
	struct pt_packet k = packet(false);
	struct pt_buf got = { 0 };
	struct pt_decision d;
	struct pt_eval *v;
	struct built b;

	k.partial = true;
	k.known = known;
	build_good(&b, rules);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &b.err), 0);
	pt_evaluate(v, &k, PT_IN, "lan0", &d);
	pt_buf_str(&got, d.pass ? "pass" : "block");
	pt_buf_str(&got, d.uncertain ? "?" : "");
	if (d.maybe)
		pt_buf_fmt(&got, " %u", d.maybe->ast);
	assert_string_equal(got.s, want);
	pt_buf_fini(&got);
	pt_eval_free(v);
	drop(&b);
}

static void check_partial(const char *rules, const char *want)
{
	check_known(0, rules, want);
}

/* Some of it is known: a rule that fails by that fails, whatever else it asks for. */
static void test_known(void **state)
{
	(void)state;
	check_known(PT_FACT_TOS, "\"block\", \"pass in tos 0x10\"", "block");
	check_known(PT_FACT_MAC, "\"block\", \"pass in tos 0x10\"", "block? 1");
	check_known(PT_FACT_TOS, "\"block\", \"pass in tos 0\"", "pass");
	check_known(PT_FACT_TOS, "\"block\", \"pass in tos 0x10 mac 02:00:00:00:00:01\"", "block");
	check_known(PT_FACT_TOS, "\"block\", \"pass in tos 0 mac 02:00:00:00:00:01\"", "block? 1");
	check_known(PT_FACT_RATES, "\"block\", \"pass in limit 5/second\"", "pass");
	check_known(PT_FACT_ROUTES, "\"pass\", \"block in from urpf-failed\"", "pass");
	check_known(PT_FACT_RECEIVED, "\"pass\", \"block in probability 50%\"", "pass? 1");
	check_known(PT_FACT_CHANCE, "\"pass\", \"block in probability 50%\"", "block");
	/* a quick one is not forgotten for another behind it */
	check_known(0, "\"match in rdr-to 10.0.0.7\", \"block in quick tos 0x10\", \"pass in tos 0x20\", \"pass\"", "pass? 1");
}

static void test_partial(void **state)
{
	(void)state;
	check_partial("\"block\", \"pass\"", "pass");
	check_partial("\"block\", \"pass in mac 02:00:00:00:00:01\"", "block? 1");
	check_partial("\"block\", \"pass in to 10.9.9.9 tos ef\"", "block");
	check_partial("\"pass in limit 5/second\", \"block\"", "block");
	check_partial("\"pass in quick limit 5/second\", \"block\"", "block? 0");
	check_partial("\"pass\", \"block in from urpf-failed\"", "pass? 1");
	check_partial("\"pass quick\", \"block in from no-route\"", "pass");
	check_partial("\"match in mac 02:00:00:00:00:01 tag x\", \"pass\"", "pass?");
	/* the same where match rules translate, so that nothing is classified */
	check_partial("\"match in rdr-to 10.0.0.7\", \"block\", \"pass in mac 02:00:00:00:00:01\"", "block? 2");
	check_partial("\"match in rdr-to 10.0.0.7\", \"pass in quick limit 5/second\", \"block\"", "block? 1");
	check_partial("\"match in rdr-to 10.0.0.7\", \"pass in limit 5/second\", \"block\"", "block");
}

/* ---- options of the whole section ---- */

static struct pt_decision judged(const char *options, const char *rules, enum pt_dir dir, const char *device)
{
	struct pt_packet k = packet(false);
	struct pt_decision d;
	struct pt_eval *v;
	struct built b;

	build_with(&b, options, rules);
	assert_int_equal(b.rc, 0);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &b.err), 0);
	pt_evaluate(v, &k, dir, device, &d);
	d.rule = NULL;
	pt_eval_free(v);
	drop(&b);
	return d;
}

static void test_skip(void **state)
{
	static const char skip[] = "skip = { lo, inside }", rules[] = "\"block quick\", \"match out nat-to 10.0.0.1\"";

	(void)state;
	assert_true(judged(skip, rules, PT_IN, "lan0").pass);
	assert_true(judged(skip, rules, PT_OUT, "dmz0").pass);
	assert_int_equal(judged(skip, rules, PT_OUT, "dmz0").nat, 0);
	assert_false(judged(skip, rules, PT_IN, "wan0").pass);
	assert_false(judged(skip, rules, PT_OUT, "wan0").pass);
}

static void test_skip_unknown(void **state)
{
	struct built b;

	(void)state;
	build_with(&b, "skip = { lo, insid }", "\"pass\"");
	assert_int_equal(b.rc, -EINVAL);
	assert_int_equal(b.err.n_errors, 1);
	assert_string_equal(b.err.list.v[0].msg, "unknown interface 'insid'");
	assert_string_equal(b.err.list.v[0].hint, "did you mean 'inside'?");
	assert_int_equal(b.err.list.v[0].loc.line, 10);
	assert_int_equal(b.err.list.v[0].loc.col, 25);
	drop(&b);
}

static void test_block_policy(void **state)
{
	(void)state;
	assert_int_equal(judged("", "\"block\"", PT_IN, "lan0").ret, PT_RET_DROP);
	assert_int_equal(judged("block-policy = drop", "\"block\"", PT_IN, "lan0").ret, PT_RET_DROP);
	assert_int_equal(judged("block-policy = return", "\"block\"", PT_IN, "lan0").ret, PT_RET_RETURN);
	assert_int_equal(judged("block-policy = return", "\"block\"", PT_IN, "lan0").code4, 3);
	assert_int_equal(judged("block-policy = return", "\"block drop\"", PT_IN, "lan0").ret, PT_RET_DROP);
	assert_int_equal(judged("block-policy = return", "\"block return-icmp\"", PT_IN, "lan0").ret, PT_RET_ICMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tos),	 cmocka_unit_test(test_probability), cmocka_unit_test(test_mac),
		cmocka_unit_test(test_received), cmocka_unit_test(test_owner),	     cmocka_unit_test(test_routes),
		cmocka_unit_test(test_errors),	 cmocka_unit_test(test_skip),	     cmocka_unit_test(test_skip_unknown),
		cmocka_unit_test(test_block_policy), cmocka_unit_test(test_partial), cmocka_unit_test(test_known),
	};
	int rc;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	host = make_host();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	pt_arena_free(host->arena);
	return rc;
}
