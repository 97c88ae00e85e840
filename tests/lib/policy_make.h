/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine and a file for tests of the policy: every kind of interface and of address that rules can name.
 * What the kernel has and what the file says differ where they may: dhcp, aliases, link-local addresses.
 */
#ifndef TESTS_POLICY_MAKE_H
#define TESTS_POLICY_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

/* The sections in front of the rules: static and dynamic interfaces, groups, tables. */
#define PREAMBLE \
	"interface lan { device = \"lan0\" address = { \"192.168.1.1/24\", \"fd00:1::1/64\" } " \
	"groups = { \"inside\" } }\n" \
	"interface wan { device = \"wan0\" address = { dhcp } groups = { \"outside\" } }\n" \
	"interface dmz { device = \"dmz0\" address = { \"10.0.5.1/24\", \"10.0.5.9/24\", \"10.0.6.1/30\" } " \
	"groups = { \"inside\" } }\n" \
	"interface six { device = \"six0\" address = { \"fd00:6::1/64\" } groups = { \"inside\", \"outside\" } }\n" \
	"interface ppp { device = \"ppp0\" }\n" \
	"table bad { addresses = { \"198.51.100.0/26\", \"192.168.1.77\", \"2001:db8:2::/64\" } }\n" \
	"table good { addresses = { \"192.168.1.0/24\", \"!192.168.1.64/26\", \"192.168.1.77\", \"fd00:1::/64\" } }\n" \
	"table four { addresses = { \"10.0.0.0/8\" } }\n" \
	"table none { persist = true }\n"

static const struct machine_addr {
	const char *device, *prefix, *broadcast, *peer;
	bool secondary;
} machine[] __attribute__((unused)) = {
	{ "lo", "127.0.0.1/8", NULL, NULL, false },
	{ "lo", "::1/128", NULL, NULL, false },
	{ "lan0", "192.168.1.1/24", "192.168.1.255", NULL, false },
	{ "lan0", "fd00:1::1/64", NULL, NULL, false },
	{ "lan0", "fe80::1/64", NULL, NULL, false },
	{ "wan0", "203.0.113.2/29", "203.0.113.7", NULL, false },
	{ "wan0", "203.0.113.3/29", NULL, NULL, true },
	{ "wan0", "fe80::2/64", NULL, NULL, false },
	{ "wan0", "2001:db8:1::2/64", NULL, NULL, false },
	{ "dmz0", "10.0.5.1/24", "10.0.5.255", NULL, false },
	{ "dmz0", "10.0.5.9/24", "10.0.5.255", NULL, true },
	{ "dmz0", "10.0.6.1/30", "10.0.6.3", NULL, false },
	{ "six0", "fd00:6::1/64", NULL, NULL, false },
	{ "ppp0", "10.64.0.1/32", NULL, "10.64.0.2", false },
};

static inline struct pt_addr addr(const char *s)
{
	struct pt_addr a = { .af = PT_AF_NONE };

	if (s)
		assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static inline struct pt_prefix prefix(const char *s)
{
	struct pt_prefix p;

	assert_int_equal(pt_prefix_parse(s, &p), 0);
	return p;
}

static inline struct pt_host *make_host(void)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_host *h = pt_arena_alloc(a, sizeof(*h));

	h->arena = a;
	for (size_t i = 0; i < PT_ARRAY_SIZE(machine); i++) {
		const struct machine_addr *m = &machine[i];
		struct pt_host_addr ha = { prefix(m->prefix), addr(m->broadcast), addr(m->peer), m->secondary };
		struct pt_host_if one = { .device = m->device, .ifindex = (uint32_t)i + 1 };

		if (!i || strcmp(m->device, machine[i - 1].device) != 0)
			assert_int_equal(pt_vec_push(a, &h->ifs, one), 0);
		assert_int_equal(pt_vec_push(a, &h->ifs.v[h->ifs.n - 1].addrs, ha), 0);
	}
	return h;
}

struct built {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_err err;
	int rc;
};

/* The policy of RULES, which stand as in the file: quoted, with commas. OPTIONS stand before them. */
static inline void build_with(struct built *b, const char *options, const char *rules)
{
	struct pt_buf text = { 0 };

	memset(b, 0, sizeof(*b));
	pt_buf_fmt(&text, PREAMBLE "firewall { %s rules = {\n%s\n} }\n", options, rules);
	assert_int_equal(text.err, 0);
	b->rc = pt_conf_parse("t.conf", text.s, text.n, &b->conf, &b->err);
	if (!b->rc)
		b->rc = pt_policy_build(b->conf, &b->policy, &b->err);
	pt_buf_fini(&text);
}

static inline void build(struct built *b, const char *rules)
{
	build_with(b, "builtin = false", rules);
}

/* The same, of rules that are in order. */
static inline void build_good(struct built *b, const char *rules)
{
	build(b, rules);
	if (b->rc)
		print_error("%s: %s\n", rules, b->err.list.v[0].msg);
	assert_int_equal(b->rc, 0);
	assert_int_equal(b->err.n_errors, 0);
}

static inline void drop(struct built *b)
{
	pt_policy_free(b->policy);
	pt_conf_free(b->conf);
	pt_err_fini(&b->err);
}

#endif
