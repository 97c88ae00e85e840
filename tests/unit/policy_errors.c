/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that mean nothing, or nothing that Linux can do: what is said, and where the caret stands. Hostile
 * cases 13 (an IPv6 address in an IPv4 rule), 15 (host bits), 24 (a name twice) and 31 (no memory).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

#include "lib/scarce.h"
#include "lib/scarce_arena.h"
#include "policy_make.h"

/* ---- messages ---- */

struct mistake {
	const char *rule;
	const char *at;   /* the caret's text begins with this */
	const char *msg;  /* part of the message */
	const char *hint; /* part of the hint, NULL: any */
};

/* The text that D's caret points at; it is in the line that was copied. */
static const char *pointed(const struct pt_diag *d)
{
	assert_int_not_equal(d->loc.line, 0);
	assert_non_null(d->source);
	assert_in_range(d->loc.col, 1, strlen(d->source));
	return d->source + d->loc.col - 1;
}

static void check(const struct mistake *m, const struct pt_diag *d)
{
	bool good = !strncmp(pointed(d), m->at, strlen(m->at)) && strstr(d->msg, m->msg) &&
		    (!m->hint || (d->hint && strstr(d->hint, m->hint)));

	if (!good)
		print_error("%s\n  %s\n  at %s\n  hint %s\n", m->rule, d->msg, pointed(d), d->hint ? d->hint : "-");
	assert_true(good);
	assert_int_equal(d->sev, PT_ERROR);
	assert_string_equal(d->loc.file, "t.conf");
}

static void refused(const struct mistake *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pt_buf rule = { 0 };
		struct built b;

		pt_buf_fmt(&rule, "\"%s\"", list[i].rule);
		build(&b, rule.s);
		if (b.rc != -EINVAL || b.err.list.n != 1)
			print_error("%s: %d, %zu records\n", list[i].rule, b.rc, b.err.list.n);
		assert_int_equal(b.rc, -EINVAL);
		assert_null(b.policy);
		assert_int_equal(b.err.list.n, 1);
		check(&list[i], &b.err.list.v[0]);
		pt_buf_fini(&rule);
		drop(&b);
	}
}

#define REFUSED(...)                                                  \
	do {                                                          \
		static const struct mistake list[] = { __VA_ARGS__ }; \
		(void)state;                                          \
		refused(list, PT_ARRAY_SIZE(list));                   \
	} while (0)

static void states_options(void **state)
{
	REFUSED({ "pass in proto udp keep state (max-src-conn 3)", "max-src-conn 3", "counted of tcp only", "max-src-states" },
		{ "pass in proto icmp keep state (max-src-conn-rate 3/5)", "max-src-conn-rate", "counted of tcp only", NULL },
		{ "pass in proto tcp keep state (udp.single 3)", "(udp.single", "'udp.single' in a rule for other", "add the protocol" },
		{ "pass in proto udp keep state (icmp.first 3)", "(icmp.first", "'icmp.first' in a rule for other", NULL },
		{ "pass in proto udp keep state (tcp.closed 3)", "(tcp.closed", "'tcp.closed' in a rule for other", NULL },
		{ "pass in proto tcp keep state (max-src-conn 3, overload <none2>)", "none2>", "unknown table <none2>", "<none>" },
		{ "pass in proto tcp keep state (max-src-conn 3, overload <bad>)", "bad>", "has written contents", "persist" });
}

static void unknown_names(void **state)
{
	REFUSED({ "block in on lam", "lam", "unknown interface 'lam'", "'lan'" },
		{ "block in on insid", "insid", "unknown interface 'insid'", "'inside'" },
		{ "block in on { lan, eth77 }", "eth77", "unknown interface 'eth77'", "interface eth77 {" },
		{ "block in on ! wlan0", "wlan0", "unknown interface 'wlan0'", NULL },
		{ "block in from (wann)", "wann", "unknown interface 'wann'", "'wan'" },
		{ "block in to dnz:network", "dnz:network", "unknown interface 'dnz'", "'dmz'" },
		{ "match out nat-to (wna)", "wna", "unknown interface 'wna'", "'wan'" },
		{ "block in from bad", "bad", "unknown interface 'bad'", "marks: <bad>" },
		{ "block in to (www.a.org)", "www.a.org", "unknown interface", "name of a host stands alone" },
		{ "block in schedule ofice", "ofice", "unknown schedule 'ofice'", "schedule ofice {" },
		{ "block in from geoip UK", "UK", "code of no country", "GB" },
		{ "block in from ! geoip QQ", "QQ", "code of no country", "ISO 3166-1" },
		{ "block in on egress", "egress", "unknown interface 'egress'", "groups = { \"egress\" }" },
		{ "block in from <bda>", "bda", "unknown table <bda>", "<bad>" },
		{ "block in from { 10.0.0.1, ! <what> }", "what", "unknown table <what>", "table what {" },
		{ "block in from ! inside", "inside", "a group cannot be negated", NULL },
		{ "match out nat-to inside", "inside", "to a group", NULL }, );
}

static void families(void **state)
{
	REFUSED({ "block in inet from fd00::1", "fd00::1", "an IPv6 address in a rule for inet", "inet6" },
		{ "block in inet to { fd00::1, fd00::2 }", "fd00::1", "an IPv6 address in a rule for inet", NULL },
		{ "block in inet6 from any to 10.0.0.1", "10.0.0.1", "an IPv4 address in a rule for inet6", NULL },
		{ "block in inet6 from ! dmz:network", "dmz:network", "an IPv4 address in a rule for inet6", NULL },
		{ "block in inet6 from 10.0.0.1 to fd00::1", "10.0.0.1", "an IPv4 address", NULL },
		{ "block in from 10.0.0.1 to fd00::1", "fd00::1", "different families", NULL },
		{ "block in proto icmp from fd00::1 icmp-type 8", "fd00::1", "an IPv6 address in a rule for inet", NULL },
		{ "block in from six:broadcast", "six:broadcast", "no address is left", NULL },
		{ "block in from ! 0.0.0.0/0", "0.0.0.0/0", "no address is left", NULL },
		{ "match out inet6 from fd00::/64 nat-to 203.0.113.1", "203.0.113.1", "another family", NULL },
		{ "match out inet nat-to fd00::1", "fd00::1", "another family", NULL },
		{ "match in to fd00::1 rdr-to 10.0.0.1", "10.0.0.1", "another family", NULL },
		{ "match inet6 from 10.0.0.5 binat-to 203.0.113.5", "10.0.0.5", "an IPv4 address in a rule for inet6", NULL },
		{ "match from 10.0.0.5 to fd00::1 binat-to 203.0.113.5", "fd00::1", "different families", NULL }, );
}

static void protocols(void **state)
{
	REFUSED({ "block in to any port 22", "22", "ports belong to tcp, udp and sctp", "proto tcp" },
		{ "block in proto icmp from any port 22", "22", "ports belong to", NULL },
		{ "block in proto { tcp, gre } to any port { 22, 80 }", "22", "ports belong to", NULL },
		{ "block in proto tcp to any port 22 >< 23", "22", "no port fits", NULL },
		{ "block in proto tcp to any port < 0", "<", "no port fits", NULL },
		{ "block in proto tcp to any port > 65535", ">", "no port fits", NULL },
		{ "block in icmp-type 8", "icmp-type", "need the protocol", "proto icmp" },
		{ "block in proto tcp icmp-type 8", "icmp-type", "need the protocol", "proto icmp" },
		{ "block in proto { icmp, icmp6 } icmp6-type 128", "icmp6-type", "need the protocol", "proto icmp6" },
		{ "block in inet6 proto icmp icmp-type 8", "icmp-type", "icmp-type in a rule for inet6", NULL },
		{ "block in inet proto icmp6 icmp6-type 128", "icmp6-type", "icmp6-type in a rule for inet", NULL },
		{ "pass in proto udp flags S/SA", "flags", "flags belong to tcp", "proto tcp" },
		{ "pass in proto { tcp, udp } flags any", "flags", "flags belong to tcp", NULL }, );
}

static void translations(void **state)
{
	REFUSED({ "match in nat-to 203.0.113.1", "nat-to", "where packets leave", "out" },
		{ "match nat-to 203.0.113.1", "nat-to", "where packets leave", "out" },
		{ "pass out rdr-to 10.0.0.1", "rdr-to", "where packets arrive", "in" },
		{ "pass rdr-to 10.0.0.1", "rdr-to", "where packets arrive", "in" },
		{ "pass out no state nat-to 203.0.113.1", "nat-to", "without a state", "no state" },
		{ "pass from 10.0.0.5 no state binat-to 203.0.113.5", "binat-to", "without a state", NULL },
		{ "match out from 10.0.0.5 binat-to 203.0.113.5", "binat-to", "both directions", "direction" },
		{ "match binat-to 203.0.113.5", "binat-to", "one address or prefix on each side", NULL },
		{ "match from 10.0.0.5 binat-to (wan)", "binat-to", "one address or prefix on each side", NULL },
		{ "match from <bad> binat-to 203.0.113.5", "binat-to", "one address or prefix", NULL },
		{ "match from { 10.0.0.5, 10.0.0.9 } binat-to 203.0.113.5", "binat-to", "one address or prefix", NULL },
		{ "match from lan binat-to 203.0.113.5", "binat-to", "one address or prefix", NULL },
		{ "match from 10.0.0.5 - 10.0.0.6 binat-to 203.0.113.6 - 203.0.113.7", "binat-to", "one address or prefix", NULL },
		{ "match from 10.0.0.0/24 binat-to 203.0.113.0/25", "binat-to", "unequal size", "same length" },
		{ "match from 10.0.0.5 binat-to fd00::5", "binat-to", "unequal size", NULL },
		{ "match out nat-to (wan:network)", "wan:network", "to the network of an interface", NULL },
		{ "pass in rdr-to 10.0.0.1 port 80", "rdr-to", "a port belongs to", NULL },
		{ "pass in proto { tcp, gre } rdr-to 10.0.0.1 port 80", "rdr-to", "a port belongs to", NULL },
		{ "pass in proto tcp rdr-to 10.0.0.1 port 80:*", "rdr-to", "one range to map from", NULL },
		{ "pass in proto tcp to any port { 1, 3 } rdr-to 10.0.0.1 port 80:81", "rdr-to", "one range to map from", NULL },
		{ "pass in proto tcp to any port 1:3 rdr-to 10.0.0.1 port 80:81", "rdr-to", "3 ports are mapped to 2", NULL },
		{ "pass in proto tcp to any port 1:3 rdr-to 10.0.0.1 port 65534:*", "rdr-to", "beyond 65535", NULL },
		{ "pass in rdr-to <bad>", "bad", "which may change", "const = true" },
		{ "pass in rdr-to <bda>", "bda", "unknown table <bda>", "<bad>" },
		{ "match out inet6 nat-to { 10.0.0.1, 10.0.0.2 }", "10.0.0.1", "another family", NULL },
		{ "match out nat-to 10.0.0.0 - 10.1.0.0", "10.0.0.0 - 10.1.0.0", "more than 65536 addresses", "one prefix" },
		{ "match out nat-to { 10.0.0.0/16, 10.1.0.0 }", "10.0.0.0/16", "more than 65536 addresses", NULL },
		{ "match out nat-to { 10.0.0.1 weight 65535, 10.0.0.2 weight 2 }", "10.0.0.1", "more than 65536 addresses", NULL },
		{ "match out nat-to { fd00::/64, fd01::/64 }", "fd00::/64", "more than 65536 addresses", NULL },
		{ "match from 10.0.0.1 binat-to 203.0.113.0 - 203.0.113.2", "binat-to", "one address or prefix", NULL }, );
}

/* Every rule is looked at, also behind wrong ones, and several mistakes in one rule are all told. */
static void all_in_one_run(void **state)
{
	static const char *const said[] = { "unknown interface 'a1'", "unknown interface 'b1'", "unknown table <c1>",
					    "unknown table <d1>",     "ports belong",		"given twice" };
	struct built b;

	(void)state;
	build(&b, "\"block in on { a1, b1 } from { <c1>, lan, <d1> }\", \"pass\",\n\"block to any port 1 label x\",\n"
		  "\"pass label x\"");
	assert_int_equal(b.rc, -EINVAL);
	assert_int_equal(b.err.list.n, PT_ARRAY_SIZE(said));
	for (size_t i = 0; i < PT_ARRAY_SIZE(said); i++)
		assert_non_null(strstr(b.err.list.v[i].msg, said[i]));
	drop(&b);
}

static void label_twice(void **state)
{
	struct built b;
	struct pt_diag *d;

	(void)state;
	build(&b, "\"pass in label web\",\n\"block\",\n\"pass out label web\"");
	assert_int_equal(b.rc, -EINVAL);
	d = &b.err.list.v[0];
	assert_int_equal(strncmp(pointed(d), "web", 3), 0);
	assert_non_null(strstr(d->msg, "label 'web' is given twice"));
	/* both places are named: the second by the caret, the first in the hint */
	assert_non_null(strstr(d->hint, "line "));
	assert_int_equal(strtoul(strstr(d->hint, "line ") + 5, NULL, 10) + 2, d->loc.line);
	drop(&b);
	build_with(&b, "", "\"pass label builtin-loopback\"");
	assert_int_equal(b.rc, -EINVAL);
	assert_non_null(strstr(b.err.list.v[0].hint, "built-in"));
	drop(&b);
}

static void too_many_tags(void **state)
{
	struct pt_buf rules = { 0 };
	struct built b;

	(void)state;
	for (int i = 0; i < PT_TAGS_MAX; i++)
		pt_buf_fmt(&rules, "\"match in tag T%d\",\n", i);
	pt_buf_str(&rules, "\"match in tag T0\"");
	build_good(&b, rules.s);
	assert_int_equal(b.policy->tags.n, PT_TAGS_MAX);
	drop(&b);
	pt_buf_str(&rules, ",\"match in tagged ONEMORE\"");
	build(&b, rules.s);
	assert_int_equal(b.rc, -EINVAL);
	assert_int_equal(b.err.list.n, 1);
	assert_non_null(strstr(b.err.list.v[0].msg, "255 different tags"));
	pt_buf_fini(&rules);
	drop(&b);
}

/* Two lists of tables multiply: that must end with a sentence, not with the machine's memory. */
static void too_many_rules(void **state)
{
	struct pt_buf file = { 0 }, list = { 0 };
	struct pt_err e = { 0 };
	struct pt_policy *p;
	struct pt_conf *c;

	(void)state;
	for (int i = 0; i < 600; i++) {
		pt_buf_fmt(&file, "table t%d { persist = true }\n", i);
		pt_buf_fmt(&list, "<t%d> ", i);
	}
	pt_buf_fmt(&file, "firewall { rules = { \"block in from { %s } to { %s }\", \"pass in\" } }\n", list.s, list.s);
	assert_int_equal(pt_conf_parse("t.conf", file.s, file.n, &c, &e), 0);
	assert_int_equal(pt_policy_build(c, &p, &e), -EINVAL);
	assert_null(p);
	assert_int_equal(e.list.n, 1);
	assert_non_null(strstr(e.list.v[0].msg, "more than 262144 rules"));
	pt_conf_free(c);
	pt_err_fini(&e);
	pt_buf_fini(&file);
	pt_buf_fini(&list);
}

static const char everything[] =
	"\"block return in on { lan, ! dmz } from { <bad>, 10.0.0.1, (wan) } to ! lan:network label a\","
	"\"match out on wan from lan:network tag T nat-to (wan)\", \"match out on wan from lan:network tag U nat-to (wan)\","
	"\"pass in proto { tcp, udp } to any port { 22, 80 } rdr-to 10.0.0.1 port 22\", \"match from 10.0.0.5 binat-to 1.2.3.4\","
	"\"block in inet6 proto icmp6 icmp6-type { 128, 129 code 1 } tagged T\", \"pass in on inside from inside\","
	"\"pass out nat-to { 203.0.113.1 weight 2, 203.0.113.8/30, fd00::1, fd00::2 } source-hash k\","
	"\"pass in proto tcp keep state (max 5, max-src-conn-rate 5/30, overload <none> flush, tcp.first 30)\"";

static void without_memory(void **state)
{
	struct built b;
	int rc = -ENOMEM;
	long i;

	(void)state;
	build_with(&b, "", everything);
	assert_int_equal(b.rc, 0);
	for (i = 0; rc; i++) {
		struct pt_policy *p;
		struct pt_err e = { 0 };

		allocations_left = i;
		rc = pt_policy_build(b.conf, &p, &e);
		allocations_left = -1;
		assert_true(rc == 0 ? p != NULL : rc == -ENOMEM && !p);
		pt_policy_free(p);
		pt_err_fini(&e);
	}
	assert_true(i > 150);
	drop(&b);
}

/* Mistakes and no memory to tell them: an error all the same. */
static void mistakes_without_memory(void **state)
{
	struct built b;

	(void)state;
	build(&b, "\"block in on { lam, wan } from <bda>\", \"block inet from fd00::1 label x\", \"pass label x\"");
	assert_int_equal(b.err.n_errors, 4);
	for (long i = 0; i < 200; i++) {
		struct pt_policy *p;
		struct pt_err e = { 0 };
		int rc;

		allocations_left = i;
		rc = pt_policy_build(b.conf, &p, &e);
		allocations_left = -1;
		assert_true(rc == -EINVAL || rc == -ENOMEM);
		assert_null(p);
		assert_true(e.n_errors > 0);
		pt_err_fini(&e);
	}
	drop(&b);
}

static void evaluator_without_memory(void **state)
{
	struct pt_host *host = make_host();
	struct built b;
	int rc = -ENOMEM;
	long i;

	(void)state;
	build_good(&b, everything);
	for (i = 0; rc; i++) {
		struct pt_err e = { 0 };
		struct pt_eval *v;

		allocations_left = i;
		rc = pt_eval_new(b.policy, host, &v, &e);
		allocations_left = -1;
		assert_true(rc == 0 ? v != NULL : rc < 0 && !v);
		pt_eval_free(v);
		pt_err_fini(&e);
	}
	assert_true(i > 10);
	drop(&b);
	pt_arena_free(host->arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_names), cmocka_unit_test(states_options),	    cmocka_unit_test(families),
		cmocka_unit_test(protocols),		    cmocka_unit_test(translations),
		cmocka_unit_test(all_in_one_run),	    cmocka_unit_test(label_twice),
		cmocka_unit_test(too_many_tags),	    cmocka_unit_test(too_many_rules),
		cmocka_unit_test(without_memory),	    cmocka_unit_test(mistakes_without_memory),
		cmocka_unit_test(evaluator_without_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
