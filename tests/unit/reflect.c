/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `reflect` adds to a rule, as the evaluator judges it: who is redirected, and whose source is replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

#include "policy_make.h"

#define RULES "\"block\", \"pass out\", " \
	"\"pass in on wan inet proto tcp to (wan) port 443 rdr-to 192.168.1.20 port 8443 reflect\"," \
	"\"pass in on wan inet6 proto tcp to (wan) port 443 rdr-to fd00:1::20 reflect\""

static const struct judged {
	enum pt_dir dir;
	const char *device, *src, *dst;
	uint16_t port;
	const char *src_after, *dst_after; /* NULL: blocked */
	uint16_t port_after;
} cases[] = {
	{ PT_IN, "wan0", "198.51.100.1", "203.0.113.2", 443, "198.51.100.1", "192.168.1.20", 8443 },
	{ PT_IN, "lan0", "192.168.1.5", "203.0.113.2", 443, "192.168.1.5", "192.168.1.20", 8443 },
	{ PT_IN, "dmz0", "10.0.5.5", "203.0.113.2", 443, "10.0.5.5", "192.168.1.20", 8443 },
	{ PT_IN, "lo", "127.0.0.1", "203.0.113.2", 443, NULL, NULL, 0 },
	{ PT_IN, "lan0", "192.168.1.5", "203.0.113.2", 444, NULL, NULL, 0 },
	{ PT_IN, "lan0", "192.168.1.5", "198.51.100.1", 443, NULL, NULL, 0 },
	{ PT_OUT, "lan0", "192.168.1.5", "192.168.1.20", 8443, "192.168.1.1", "192.168.1.20", 8443 },
	{ PT_OUT, "lan0", "10.0.5.5", "192.168.1.20", 8443, "10.0.5.5", "192.168.1.20", 8443 },
	{ PT_OUT, "lan0", "192.168.1.5", "192.168.1.20", 443, "192.168.1.5", "192.168.1.20", 443 },
	{ PT_OUT, "lan0", "192.168.1.5", "192.168.1.21", 8443, "192.168.1.5", "192.168.1.21", 8443 },
	{ PT_OUT, "wan0", "192.168.1.5", "192.168.1.20", 8443, "192.168.1.5", "192.168.1.20", 8443 },
	{ PT_IN, "wan0", "2001:db8:9::1", "2001:db8:1::2", 443, "2001:db8:9::1", "fd00:1::20", 443 },
	{ PT_IN, "six0", "fd00:6::5", "2001:db8:1::2", 443, "fd00:6::5", "fd00:1::20", 443 },
	{ PT_OUT, "lan0", "fd00:1::5", "fd00:1::20", 443, "fd00:1::1", "fd00:1::20", 443 },
	{ PT_OUT, "lan0", "fd00:6::5", "fd00:1::20", 443, "fd00:6::5", "fd00:1::20", 443 },
};

static void evaluator_agrees(void **state)
{
	struct pt_host *host = make_host();
	struct pt_eval *v = NULL;
	struct built b;

	(void)state;
	build_good(&b, RULES);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &b.err), 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		const struct judged *j = &cases[i];
		struct pt_packet k = { .af = addr(j->src).af, .proto = PT_PROTO_TCP, .src = addr(j->src), .dst = addr(j->dst),
				       .sport = 4000, .dport = j->port, .tcp_flags = 2, .mac = PT_NO_MAC };
		struct pt_decision d;

		pt_evaluate(v, &k, j->dir, j->device, &d);
		if (d.pass != (j->src_after != NULL))
			fail_msg("case %zu: %s", i, d.pass ? "passed" : "blocked");
		if (d.pass && (d.after.src.v != addr(j->src_after).v || d.after.dst.v != addr(j->dst_after).v ||
			       d.after.dport != j->port_after))
			fail_msg("case %zu: another translation", i);
	}
	pt_eval_free(v);
	drop(&b);
	pt_arena_free(host->arena);
}

static void refused(void **state)
{
	static const char *const rules[] = {
		"\"pass in on wan inet proto tcp to port 443 rdr-to 192.168.1.20 reflect\"",
		"\"pass in on ! lan inet proto tcp to (wan) rdr-to 192.168.1.20 reflect\"",
		"\"pass in on wan proto tcp to (wan) rdr-to (lan) reflect\"",
		"\"pass in on wan inet proto tcp to ! <bad> rdr-to 192.168.1.20 reflect\"",
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(rules); i++) {
		struct built b;

		build(&b, rules[i]);
		if (b.rc != -EINVAL || b.err.n_errors != 1 || !b.err.list.v[0].loc.line || !b.err.list.v[0].hint)
			fail_msg("%s: %d, %zu errors", rules[i], b.rc, b.err.n_errors);
		drop(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(evaluator_agrees), cmocka_unit_test(refused) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
