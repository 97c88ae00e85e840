/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flows into rules: those that one would write by hand, for what one would know by hand; and for whatever else comes, rules that
 * parse, admit each flow that was admitted and none that was refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/learn.h>

#define MAX 40000

struct lab {
	struct pt_arena *a;
	struct pt_learn_world w;
	struct pt_learn_flow *v;
	size_t n;
	pt_learn_rules rules;
};

static void prefix(struct lab *l, struct pt_iset set[2], const char *s)
{
	struct pt_prefix p;

	assert_int_equal(pt_prefix_parse(s, &p), 0);
	assert_int_equal(pt_iset_add(l->a, &set[p.addr.af == PT_AF_INET6], pt_prefix_lo(&p), pt_prefix_hi(&p)), 0);
	pt_iset_norm(&set[p.addr.af == PT_AF_INET6]);
}

static void interface(struct lab *l, const char *name, const char *net4, const char *own4, const char *net6, const char *own6)
{
	struct pt_learn_if i = { .name = name };

	prefix(l, i.network, net4);
	prefix(l, i.own, own4);
	prefix(l, i.network, net6);
	prefix(l, i.own, own6);
	prefix(l, l->w.self, own4);
	prefix(l, l->w.self, own6);
	assert_int_equal(pt_vec_push(l->a, &l->w.ifs, i), 0);
}

static int begin(void **state)
{
	struct lab *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->a = pt_arena_new();
	l->v = calloc(MAX, sizeof(*l->v));
	assert_non_null(l->a);
	assert_non_null(l->v);
	interface(l, "lan", "192.168.1.0/24", "192.168.1.1", "fd00:1::/64", "fd00:1::1");
	interface(l, "wan", "203.0.113.0/24", "203.0.113.2", "2001:db8:5::/64", "2001:db8:5::2");
	*state = l;
	return 0;
}

static int end(void **state)
{
	struct lab *l = *state;

	pt_arena_free(l->a);
	free(l->v);
	free(l);
	return 0;
}

static struct pt_learn_flow *flow(struct lab *l, bool admitted, enum pt_dir dir, const char *on, uint8_t proto, const char *src,
				  const char *dst, unsigned int port)
{
	struct pt_learn_flow *f = &l->v[l->n++];

	assert_true(l->n <= MAX);
	*f = (struct pt_learn_flow){ .dir = dir, .on = on, .proto = proto, .port = (uint16_t)port, .packets = l->n, .bytes = 100,
				     .first = 1000 + l->n, .last = 2000 + l->n, .admitted = admitted };
	assert_int_equal(pt_addr_parse(src, &f->src), 0);
	assert_int_equal(pt_addr_parse(dst, &f->dst), 0);
	return f;
}

static void in(struct lab *l, bool admitted, const char *on, uint8_t proto, const char *src, const char *dst, unsigned int port)
{
	(void)flow(l, admitted, PT_IN, on, proto, src, dst, port);
}

static void expect(struct lab *l, bool refused, const char *const *want, size_t n)
{
	assert_int_equal(pt_learn_group(&l->w, l->v, l->n, refused, l->a, &l->rules), 0);
	for (size_t i = 0; i < l->rules.n && i < n; i++)
		assert_string_equal(l->rules.v[i].text, want[i]);
	assert_int_equal(l->rules.n, n);
}
#define EXPECT(l, ...) expect(l, false, (const char *const[]){ __VA_ARGS__ }, PT_ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* ---- those that a person would write ---- */

/* FORM with I in place of its "%u" or "%x". */
static void host(char out[64], const char *form, unsigned int i)
{
	const char *at = strchr(form, '%');
	int n = (int)(at - form);

	if (at[1] == 'x')
		(void)snprintf(out, 64, "%.*s%x%s", n, form, i, at + 2);
	else
		(void)snprintf(out, 64, "%.*s%u%s", n, form, i, at + 2);
}

static void test_one_flow(void **state)
{
	struct lab *l = *state;

	in(l, true, "lan", PT_PROTO_TCP, "192.168.1.5", "1.1.1.1", 443);
	EXPECT(l, "pass in on lan proto tcp from 192.168.1.5 to 1.1.1.1 port 443");
	assert_int_equal(l->rules.v[0].flows, 1);
	assert_int_equal(l->rules.v[0].first, 1001);
	assert_int_equal(l->rules.v[0].last, 2001);
	assert_false(l->rules.v[0].wider);
	assert_int_equal(l->rules.v[0].example->port, 443);
}

static void test_nothing(void **state)
{
	expect(*state, false, NULL, 0);
}

/* Many hosts, very many destinations, both families, two ports: one rule. */
static void test_browsing(void **state)
{
	struct lab *l = *state;
	char src[64], dst[64];

	for (unsigned int s = 10; s < 15; s++)
		for (unsigned int d = 1; d <= 20; d++)
			for (unsigned int p = 0; p < 2; p++) {
				host(src, "192.168.1.%u", s);
				host(dst, "198.51.100.%u", d);
				in(l, true, "lan", PT_PROTO_TCP, src, dst, p ? 443 : 80);
				host(src, "fd00:1::%x", s);
				host(dst, "2001:db8:9::%x", d);
				in(l, true, "lan", PT_PROTO_TCP, src, dst, p ? 443 : 80);
			}
	EXPECT(l, "pass in on lan proto tcp from lan:network to any port { 80, 443 }");
	assert_int_equal(l->rules.v[0].flows, 400);
	assert_true(l->rules.v[0].wider);
}

static void test_family_that_was_not_seen(void **state)
{
	struct lab *l = *state;
	char src[64];

	for (unsigned int s = 10; s < 15; s++) {
		host(src, "192.168.1.%u", s);
		in(l, true, "lan", PT_PROTO_UDP, src, "192.168.1.1", 53);
		in(l, true, "lan", PT_PROTO_TCP, src, "192.168.1.1", 53);
	}
	EXPECT(l, "pass in on lan inet proto { tcp, udp } from lan:network to (lan) port 53");
}

static void test_few_hosts_are_a_list(void **state)
{
	struct lab *l = *state;

	in(l, true, "lan", PT_PROTO_TCP, "192.168.1.5", "10.0.5.20", 22);
	in(l, true, "lan", PT_PROTO_TCP, "192.168.1.9", "10.0.5.20", 22);
	in(l, true, "lan", PT_PROTO_TCP, "fd00:1::5", "fd00:5::20", 22);
	EXPECT(l, "pass in on lan proto tcp from { 192.168.1.5, 192.168.1.9, fd00:1::5 } to { 10.0.5.20, fd00:5::20 } port 22");
}

/* A prefix where all of it was seen, and only there. */
static void test_hosts_that_fill_a_prefix(void **state)
{
	struct lab *l = *state;
	char dst[64];

	for (unsigned int d = 16; d < 21; d++) {
		host(dst, "10.0.5.%u", d);
		in(l, true, "lan", PT_PROTO_TCP, "192.168.1.5", dst, 22);
	}
	EXPECT(l, "pass in on lan proto tcp from 192.168.1.5 to { 10.0.5.16/30, 10.0.5.20 } port 22");
}

static void test_icmp(void **state)
{
	struct lab *l = *state;

	in(l, true, "wan", PT_PROTO_ICMP, "198.51.100.7", "203.0.113.2", 8);
	in(l, true, "wan", PT_PROTO_ICMP6, "2001:db8:9::7", "2001:db8:5::2", 128);
	EXPECT(l, "pass in on wan proto icmp from 198.51.100.7 to (wan) icmp-type echoreq",
	       "pass in on wan proto icmp6 from 2001:db8:9::7 to (wan) icmp6-type echoreq");
}

static void test_out_and_other_protocols(void **state)
{
	struct lab *l = *state;

	flow(l, true, PT_OUT, "wan", PT_PROTO_UDP, "203.0.113.2", "192.0.2.53", 53);
	flow(l, true, PT_OUT, "wan", 47, "203.0.113.2", "192.0.2.9", 0);
	flow(l, true, PT_OUT, "wan", 253, "203.0.113.2", "192.0.2.9", 0);
	EXPECT(l, "pass out on wan proto 253 from self to 192.0.2.9", "pass out on wan proto gre from self to 192.0.2.9",
	       "pass out on wan proto udp from self to 192.0.2.53 port 53");
}

static void test_translation_stays(void **state)
{
	struct lab *l = *state;
	char src[64];

	for (unsigned int s = 1; s <= 40; s += 2) {
		host(src, "198.51.100.%u", s);
		flow(l, true, PT_IN, "wan", PT_PROTO_TCP, src, "203.0.113.2", 8443)->nat = "rdr-to 192.168.1.20 port 443";
	}
	EXPECT(l, "pass in on wan inet proto tcp to (wan) port 8443 rdr-to 192.168.1.20 port 443");
}

/* No rule becomes so wide that it admits what was refused. */
static void test_refused_flow_keeps_it_narrow(void **state)
{
	struct lab *l = *state;
	char src[64];

	for (unsigned int s = 10; s < 15; s++) {
		host(src, "192.168.1.%u", s);
		in(l, true, "lan", PT_PROTO_TCP, src, "10.0.5.20", 22);
	}
	in(l, false, "lan", PT_PROTO_TCP, "192.168.1.66", "10.0.5.20", 22);
	EXPECT(l, "pass in on lan proto tcp from { 192.168.1.10/31, 192.168.1.12/31, 192.168.1.14 } to 10.0.5.20 port 22");
}

static void test_refused_ones_on_demand(void **state)
{
	struct lab *l = *state;
	static const char *const want[] = { "pass in on lan proto tcp from 192.168.1.66 to 10.0.5.20 port 22" };

	in(l, true, "lan", PT_PROTO_TCP, "192.168.1.10", "10.0.5.20", 22);
	in(l, false, "lan", PT_PROTO_TCP, "192.168.1.66", "10.0.5.20", 22);
	expect(l, true, want, 1);
}

/* A scan, admitted: one rule, not thousands; and with sources everywhere. */
static void test_many_ports(void **state)
{
	struct lab *l = *state;

	for (unsigned int p = 1; p <= 1000; p++)
		in(l, true, "lan", PT_PROTO_TCP, "192.168.1.10", "10.0.5.20", p);
	EXPECT(l, "pass in on lan proto tcp from 192.168.1.10 to 10.0.5.20 port 1:1000");
}

/* ---- whatever comes ---- */

static uint64_t seed;

static unsigned int roll(unsigned int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % n;
}

static void random_flow(struct lab *l, unsigned int spread)
{
	static const uint8_t protos[] = { PT_PROTO_TCP, PT_PROTO_UDP, PT_PROTO_ICMP, 47 };
	static const uint8_t protos6[] = { PT_PROTO_TCP, PT_PROTO_UDP, PT_PROTO_ICMP6, 47 };
	bool six = roll(3) == 0, lan = roll(2);
	unsigned int p = roll(4);
	char src[64], dst[64];

	host(src, six ? (lan ? "fd00:1::%x" : "2001:db8:77::%x") : lan ? "192.168.1.%u" : "198.51.100.%u", 2 + roll(spread));
	host(dst, six ? "2001:db8:9::%x" : "10.0.5.%u", 1 + roll(spread));
	if (roll(5) == 0)
		host(dst, six ? "2001:db8:5::%x" : "203.0.113.%u", 2);
	flow(l, roll(6) != 0, roll(3) ? PT_IN : PT_OUT, lan ? "lan" : "wan", six ? protos6[p] : protos[p], src, dst,
	     p == 2 ? (six ? 128 + 11 * roll(2) : 8 + 5 * roll(2)) : p == 3 ? 0 : 20 + roll(6));
}

/* One flow is either admitted or refused. */
static void drop_twins(struct lab *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		bool twin = false;

		for (size_t k = 0; k < n && !twin; k++)
			twin = l->v[k].src.v == l->v[i].src.v && l->v[k].dst.v == l->v[i].dst.v && l->v[k].proto == l->v[i].proto &&
			       l->v[k].port == l->v[i].port && l->v[k].dir == l->v[i].dir && l->v[k].on == l->v[i].on;
		if (!twin)
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static const char conf_head[] =
	"interface wan { device = \"eth0\" address = { \"203.0.113.2/24\", \"2001:db8:5::2/64\" } }\n"
	"interface lan { device = \"eth1\" address = { \"192.168.1.1/24\", \"fd00:1::1/64\" } }\n"
	"firewall { builtin = false rules = {\n\t\"block all\",\n";

static void add_device(struct pt_host *h, const char *device, const char *four, const char *six)
{
	struct pt_host_if f = { .device = device };
	struct pt_host_addr a = { 0 };

	assert_int_equal(pt_prefix_parse(four, &a.prefix), 0);
	assert_int_equal(pt_vec_push(h->arena, &f.addrs, a), 0);
	assert_int_equal(pt_prefix_parse(six, &a.prefix), 0);
	assert_int_equal(pt_vec_push(h->arena, &f.addrs, a), 0);
	assert_int_equal(pt_vec_push(h->arena, &h->ifs, f), 0);
}

static bool passes(const struct pt_eval *v, const struct pt_learn_flow *f)
{
	struct pt_packet k = { .af = f->src.af, .proto = f->proto, .src = f->src, .dst = f->dst, .sport = 40000, .dport = f->port,
			       .tcp_flags = 2, .mac = PT_NO_MAC };
	struct pt_decision d;

	if (f->proto == PT_PROTO_ICMP || f->proto == PT_PROTO_ICMP6)
		k.icmp_type = (uint8_t)f->port;
	if (f->proto != PT_PROTO_TCP && f->proto != PT_PROTO_UDP)
		k.sport = k.dport = 0;
	k.ct = pt_packet_ct(&k);
	pt_evaluate(v, &k, f->dir, f->on[0] == 'l' ? "eth1" : "eth0", &d);
	return d.pass;
}

static void judge(struct lab *l)
{
	struct pt_host h = { .arena = l->a };
	struct pt_buf text = { 0 };
	struct pt_err e = { 0 };
	struct pt_conf *c = NULL;
	struct pt_policy *p = NULL;
	struct pt_eval *v = NULL;

	add_device(&h, "eth0", "203.0.113.2/24", "2001:db8:5::2/64");
	add_device(&h, "eth1", "192.168.1.1/24", "fd00:1::1/64");
	pt_buf_str(&text, conf_head);
	for (size_t i = 0; i < l->rules.n; i++)
		pt_buf_fmt(&text, "\t\"%s\",\n", l->rules.v[i].text);
	pt_buf_str(&text, "} }\n");
	assert_int_equal(text.err, 0);
	if (pt_policy_parse("learned", text.s, text.n, &c, &p, &e))
		fail_msg("%s\n%s", e.list.n ? e.list.v[0].msg : "?", text.s);
	assert_int_equal(pt_eval_new(p, &h, &v, &e), 0);
	for (size_t i = 0; i < l->n; i++)
		if (passes(v, &l->v[i]) != l->v[i].admitted)
			fail_msg("flow %zu, on %s, is %s", i, l->v[i].on, l->v[i].admitted ? "not admitted" : "admitted, but was refused");
	pt_eval_free(v);
	pt_policy_free(p);
	pt_conf_free(c);
	pt_err_fini(&e);
	pt_buf_fini(&text);
}

static void test_random_flows(void **state)
{
	struct lab *l = *state;

	for (unsigned int round = 0; round < 300; round++) {
		size_t flows = 0, admitted = 0;

		seed = 4711 + round;
		l->n = 0;
		for (unsigned int i = 1 + roll(200); i; i--)
			random_flow(l, 2 + round % 60);
		drop_twins(l);
		assert_int_equal(pt_learn_group(&l->w, l->v, l->n, false, l->a, &l->rules), 0);
		for (size_t i = 0; i < l->rules.n; i++)
			flows += l->rules.v[i].flows;
		for (size_t i = 0; i < l->n; i++)
			admitted += l->v[i].admitted;
		assert_true(flows >= admitted); /* each has its evidence */
		judge(l);
	}
}

/* A flood of forged sources, and one that was let in: time and rules stay bounded. */
static void test_flood(void **state)
{
	struct lab *l = *state;
	char src[64], dst[64];

	for (unsigned int i = 0; i < MAX; i++) {
		(void)snprintf(src, sizeof(src), "%u.%u.%u.%u", 1 + roll(200), roll(256), roll(256), roll(256));
		host(dst, "10.0.%u.7", i % 256);
		in(l, i % 2, "wan", PT_PROTO_TCP, src, dst, 443);
	}
	assert_int_equal(pt_learn_group(&l->w, l->v, l->n, false, l->a, &l->rules), 0);
	assert_true(l->rules.n > 0 && l->rules.n < 2000);
	assert_int_equal(pt_learn_group(&l->w, l->v, l->n, true, l->a, &l->rules), 0);
	assert_true(l->rules.n == 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(test_one_flow), TEST(test_nothing), TEST(test_browsing), TEST(test_family_that_was_not_seen),
		TEST(test_few_hosts_are_a_list), TEST(test_hosts_that_fill_a_prefix), TEST(test_icmp),
		TEST(test_out_and_other_protocols), TEST(test_translation_stays), TEST(test_refused_flow_keeps_it_narrow),
		TEST(test_refused_ones_on_demand), TEST(test_many_ports), TEST(test_random_flows), TEST(test_flood),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
