/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which states a filter means: each word alone on a state that fits and on ones that nearly do, words together,
 * and values that are none.
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
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include <patronus/ct.h>

#define SECOND 1000000000ull

static struct pt_addr addr(const char *s)
{
	struct pt_addr a;

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static struct pt_ct_tuple tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct pt_ct_tuple){ addr(src), addr(dst), sport, dport };
}

/* ---- states ---- */

enum { WEB, WEB6, RDR, DNS, PING, LOCAL, STATES };

static struct pt_ct_entry states[STATES];

static void make_states(void)
{
	/* Out with a translated source. */
	states[WEB] = (struct pt_ct_entry){
		.proto = IPPROTO_TCP, .tcp_state = 3, .status = IPS_SEEN_REPLY | IPS_ASSURED, .timeout = 3600, .mark = 0x10,
		.orig = tuple("192.168.1.10", 5000, "198.51.100.7", 443),
		.reply = tuple("198.51.100.7", 443, "203.0.113.2", 60000),
		.label = { 3, 11, 12, 0 }, .has_label = true, .start = 100 * SECOND,
	};
	/* The same without translation. */
	states[WEB6] = states[WEB];
	states[WEB6].orig = tuple("fd00:1::10", 5000, "2001:db8::7", 443);
	states[WEB6].reply = tuple("2001:db8::7", 443, "fd00:1::10", 5000);
	states[WEB6].mark = 0x21;
	states[WEB6].tcp_state = 7;
	/* In, to a redirected port. */
	states[RDR] = (struct pt_ct_entry){
		.proto = IPPROTO_TCP, .tcp_state = 1, .timeout = 30,
		.orig = tuple("198.51.100.9", 7000, "203.0.113.2", 8080),
		.reply = tuple("192.168.1.80", 80, "198.51.100.9", 7000),
		.label = { 1, 13, 0, 0 }, .has_label = true, .start = 190 * SECOND,
	};
	states[DNS] = (struct pt_ct_entry){
		.proto = IPPROTO_UDP, .timeout = 10,
		.orig = tuple("192.168.1.10", 5353, "192.168.1.1", 53), .reply = tuple("192.168.1.1", 53, "192.168.1.10", 5353),
	};
	states[PING] = (struct pt_ct_entry){
		.proto = IPPROTO_ICMP, .status = IPS_SEEN_REPLY, .timeout = 30,
		.orig = tuple("192.168.1.10", 443, "198.51.100.7", 8 << 8),
		.reply = tuple("198.51.100.7", 443, "192.168.1.10", 0),
	};
	/* Only the port is translated. */
	states[LOCAL] = (struct pt_ct_entry){
		.proto = IPPROTO_UDP, .timeout = 10,
		.orig = tuple("203.0.113.2", 123, "198.51.100.7", 123),
		.reply = tuple("198.51.100.7", 123, "203.0.113.2", 61000),
	};
}

/* ---- the world ---- */

static int known_rule(void *arg, const char *name, uint32_t *id)
{
	(void)arg;
	if (strcmp(name, "web") != 0)
		return -ENOENT;
	*id = 12;
	return 0;
}

static int known_device(void *arg, const char *name, const char **device)
{
	(void)arg;
	*device = "eth1";
	return strcmp(name, "lan") ? -ENOENT : 0;
}

static const char *route(void *arg, struct pt_addr a)
{
	(void)arg;
	return a.af == PT_AF_INET && (uint32_t)a.v >> 16 == 0xc0a8 ? "eth1" : "eth0";
}

/* "WORD VALUE WORD VALUE..." */
static int parse(struct pt_ct_filter *f, const char *text, struct pt_err *e)
{
	char copy[200], *rest = copy, *word, *value;
	int rc = 0;

	*f = (struct pt_ct_filter){ .now = 200 * SECOND, .world = { known_rule, known_device, route, NULL } };
	assert_true(strlen(text) < sizeof(copy));
	(void)snprintf(copy, sizeof(copy), "%s", text);
	while (!rc && (word = strsep(&rest, " "))) {
		value = strsep(&rest, " ");
		assert_non_null(value);
		rc = pt_ct_filter_add(f, word, value, e);
	}
	return rc;
}

static unsigned int meant_by(const struct pt_ct_filter *f)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < STATES; i++)
		bits |= (unsigned int)pt_ct_match(f, &states[i]) << i;
	return bits;
}

#define B(s) (1u << (s))

static const struct {
	const char *filter;
	unsigned int means;
} cases[] = {
	{ "host 192.168.1.10", B(WEB) | B(DNS) | B(PING) },
	{ "host 203.0.113.2", B(WEB) | B(RDR) | B(LOCAL) },
	{ "host fd00:1::10", B(WEB6) },
	{ "host 192.168.1.10 host 198.51.100.7", B(WEB) | B(PING) },
	{ "network 192.168.1.0/24", B(WEB) | B(RDR) | B(DNS) | B(PING) },
	{ "network ::/0", B(WEB6) },
	{ "src 192.168.1.10", B(WEB) | B(DNS) | B(PING) },
	{ "src 192.168.1.0/28", B(WEB) | B(DNS) | B(PING) },
	{ "src 203.0.113.2", B(LOCAL) },
	{ "dst 203.0.113.2", B(RDR) },
	{ "dst 192.168.1.80", B(RDR) },
	{ "dst 198.51.100.0/24", B(WEB) | B(PING) | B(LOCAL) },
	{ "nat 203.0.113.2", B(WEB) | B(RDR) | B(LOCAL) },
	{ "nat 192.168.1.80", B(RDR) },
	{ "nat 198.51.100.7", 0 },
	{ "nat ::/0", 0 },
	{ "port 443", B(WEB) | B(WEB6) },
	{ "port https", B(WEB) | B(WEB6) },
	{ "port 60000:", B(WEB) | B(LOCAL) },
	{ "port :79", B(DNS) },
	{ "sport 5000", B(WEB) | B(WEB6) },
	{ "sport 443", 0 },
	{ "dport 80", B(RDR) },
	{ "dport 8000:9000", B(RDR) },
	{ "dport 60000", 0 },
	{ "interface lan", B(WEB) | B(RDR) | B(DNS) | B(PING) },
	{ "label web", B(WEB) | B(WEB6) },
	{ "mark 16", B(WEB) },
	{ "mark 0x20/0xf0", B(WEB6) },
	{ "mark 0", B(RDR) | B(DNS) | B(PING) | B(LOCAL) },
	{ "mark 0/0", (1u << STATES) - 1 },
	{ "proto tcp", B(WEB) | B(WEB6) | B(RDR) },
	{ "proto 1", B(PING) },
	{ "state established", B(WEB) },
	{ "state TIME-WAIT", B(WEB6) },
	{ "state unanswered", B(RDR) | B(DNS) | B(LOCAL) },
	{ "state answered", B(WEB) | B(WEB6) | B(PING) },
	{ "state assured", B(WEB) | B(WEB6) },
	{ "age 10", B(WEB) | B(WEB6) | B(RDR) },
	{ "age 11", B(WEB) | B(WEB6) },
	{ "age :1m", B(RDR) },
	{ "age 10s:99s", B(RDR) },
	{ "expires 30", B(WEB) | B(WEB6) | B(RDR) | B(PING) },
	{ "expires :30", B(RDR) | B(DNS) | B(PING) | B(LOCAL) },
	{ "proto tcp src 192.168.1.10 dport 443 state established", B(WEB) },
	{ "net 192.168.1.0/24 prot udp", B(DNS) },
	{ "h 192.168.1.1", B(DNS) },
};

static void test_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_ct_filter f;
		struct pt_err e = { 0 };
		int rc = parse(&f, cases[i].filter, &e);

		if (rc || meant_by(&f) != cases[i].means)
			fail_msg("%s: %d, means %#x and not %#x", cases[i].filter, rc, meant_by(&f), cases[i].means);
		pt_ct_filter_fini(&f);
		pt_err_fini(&e);
	}
}

static void test_family(void **state)
{
	struct pt_ct_filter f = { .af = PT_AF_INET6 };

	(void)state;
	assert_false(pt_ct_filter_empty(&f));
	assert_int_equal(meant_by(&f), B(WEB6));
	f.af = PT_AF_NONE;
	assert_true(pt_ct_filter_empty(&f));
	assert_int_equal(meant_by(&f), (1u << STATES) - 1);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *filter;
		int rc;
		const char *says;
	} wrong[] = {
		{ "host 10.0.0.0/8", -EINVAL, "write `network 10.0.0.0/8`" },
		{ "host web", -EINVAL, "'web' is not an address" },
		{ "network 10.0.0.1/8", -EINVAL, "bits set beyond" },
		{ "src fd00::1/64", -EINVAL, "bits set beyond" },
		{ "port 0x50", -EINVAL, "not a port" },
		{ "port 65536", -EINVAL, "not a port" },
		{ "port 20:10", -EINVAL, "not a port" },
		{ "port :", -EINVAL, "not a port" },
		{ "port 1:2:3", -EINVAL, "not a port" },
		{ "mark 0x", -EINVAL, "not a mark" },
		{ "mark 0x123456789", -EINVAL, "not a mark" },
		{ "mark 0x11/0x10", -EINVAL, "not a mark" },
		{ "mark -1", -EINVAL, "not a mark" },
		{ "proto quic", -EINVAL, "not a protocol" },
		{ "state happy", -EINVAL, "no condition" },
		{ "state est", -EINVAL, "no condition" },
		{ "age soon", -EINVAL, "not a time" },
		{ "label nosuch", -ENOENT, "no rule in force is named 'nosuch'" },
		{ "interface dmz", -ENOENT, "no interface 'dmz'" },
		{ "colour red", -EINVAL, "'colour' is no filter" },
		{ "s 1", -EINVAL, "it may mean src, sport, state" },
		{ "p 1", -EINVAL, "it may mean port, proto" },
		{ " 1", -EINVAL, "is no filter" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++) {
		struct pt_ct_filter f;
		struct pt_err e = { 0 };

		assert_int_equal(parse(&f, wrong[i].filter, &e), wrong[i].rc);
		assert_int_equal(e.n_errors, 1);
		if (!strstr(e.list.v[0].msg, wrong[i].says))
			fail_msg("%s: \"%s\" and not \"%s\"", wrong[i].filter, e.list.v[0].msg, wrong[i].says);
		assert_int_equal(f.conds.n, 0);
		pt_ct_filter_fini(&f);
		pt_err_fini(&e);
	}
}

/* Help, the manual and the table have the same words in the same order. */
static void test_words(void **state)
{
	char all[400] = "";
	const struct pt_ct_word *w;
	struct pt_ct_filter f = { 0 };

	(void)state;
	for (size_t i = 0; (w = pt_ct_filter_word(i)); i++) {
		size_t n = strlen(all);

		assert_true(*w->value && *w->help);
		(void)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", w->name);
	}
	assert_string_equal(all, PT_CT_FILTER_WORDS);
	/* Without a world nothing has a name. */
	assert_int_equal(pt_ct_filter_add(&f, "label", "web", NULL), -ENOENT);
	assert_int_equal(pt_ct_filter_add(&f, "interface", "lan", NULL), -ENOENT);
	assert_int_equal(pt_ct_filter_add(&f, "age", "1m", NULL), 0);
	assert_true(pt_ct_filter_asks_age(&f));
	pt_ct_filter_fini(&f);
	assert_false(pt_ct_filter_asks_age(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_words),
	};

	make_states();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("filters of states", tests, NULL, NULL);
}
