/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classifier's BPF program against the walk in user space, which the unit tests hold against brute force:
 * random rules, random packets with options, extension headers, fragments and ends too early, byte for byte
 * as a device would hand them over, through BPF_PROG_TEST_RUN.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <patronus/bpf.h>
#include <patronus/classify.h>

#include "netns/lab.h"
#include "policy/walk.h"

#define SETS 60
#define PACKETS 400
#define RULES_MAX 300
#define MANY (WALK_FEW_RUNS * 4096) /* rows of more rules have a word for their runs */
#define ROOM (8u << 20) /* bytes of tables */
#define LO_INDEX 1
#define FOREIGN 0x12345u /* a priority that the packet comes with */
#define NONE_KEY 0x7f800000u

static uint64_t rng;

static uint32_t random_below(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 11) % n);
}

static bool one_in(uint32_t n)
{
	return random_below(n) == 0;
}

/* ---- rules ---- */

static void random_prefix(struct pt_buf *b, bool six)
{
	if (six)
		pt_buf_fmt(b, one_in(2) ? "2001:db8:%x::/48" : "2001:db8:1::%x", random_below(4));
	else
		pt_buf_fmt(b, one_in(2) ? "10.%u.0.0/16" : "10.1.2.%u", random_below(4));
}

/* ANY: not always the same few. */
static void random_ports(struct pt_buf *b, bool any)
{
	static const char *const operators[] = { "", "!= ", "> ", "<= " };
	uint32_t low = 78 + random_below(5);

	if (any) {
		low = 1 + random_below(60000);
		pt_buf_fmt(b, " port %u:%u", low, low + random_below(5000));
		return;
	}

	if (one_in(3))
		pt_buf_fmt(b, " port %u:%u", low, low + random_below(4));
	else
		pt_buf_fmt(b, " port %s%u", operators[random_below(4)], low);
}

static void random_rule(struct pt_buf *b, bool any_port)
{
	static const char *const protos[] = { "", "proto tcp", "proto udp", "proto { tcp, udp }", "proto icmp",
					      "proto icmp6", "proto gre", "proto sctp" };
	uint32_t proto = random_below(PT_ARRAY_SIZE(protos));
	bool six = proto == 5 || (proto != 4 && one_in(2));
	bool ports = proto == 1 || proto == 2 || proto == 3 || proto == 7;

	pt_buf_fmt(b, "\"%s in %s%s%s%s ", one_in(2) ? "pass" : "block", one_in(2) ? "quick " : "",
		   one_in(6) ? "on lo " : one_in(8) ? "on ! lo " : "",
		   proto == 4 || proto == 5 || one_in(3) ? (six ? "inet6 " : "inet ") : "", protos[proto]);
	pt_buf_fmt(b, " from ");
	if (one_in(2) && (proto == 4 || proto == 5 || one_in(2)))
		random_prefix(b, six);
	else
		pt_buf_fmt(b, "any");
	if (ports && (any_port || one_in(4)))
		random_ports(b, any_port);
	pt_buf_fmt(b, " to any");
	if (ports && (any_port || one_in(2)))
		random_ports(b, any_port);
	if (proto == 1 && one_in(3))
		pt_buf_fmt(b, " flags %s", one_in(2) ? "any" : "A/SA");
	if (proto == 4 && one_in(2))
		pt_buf_fmt(b, " icmp-type %s", one_in(2) ? "echoreq" : "unreach code 3");
	if (proto == 5 && one_in(2))
		pt_buf_fmt(b, " icmp6-type %s", one_in(2) ? "echoreq" : "unreach code 4");
	pt_buf_fmt(b, "\",\n");
}

/* Rule I of many: each source and each port is in only some runs of rules, so that packets meet rules of all runs. */
static void filling_rule(struct pt_buf *b, uint32_t i, bool any_port)
{
	uint32_t run = i / 4096;

	pt_buf_fmt(b, "\"pass in quick ");
	if (any_port && one_in(4)) {
		pt_buf_fmt(b, "proto tcp from 192.0.2.%u", run);
		random_ports(b, true);
		pt_buf_fmt(b, " to any");
		random_ports(b, true);
	} else {
		pt_buf_fmt(b, one_in(2) ? "proto tcp from 10.1.2.%u" : "proto tcp from 2001:db8:1::%x", run % 4);
		pt_buf_fmt(b, " to any port %u", 78 + run);
	}
	pt_buf_fmt(b, "\",\n");
}

struct set {
	char *text;
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_arena *arena;
	struct pt_order order;
	struct pt_classifier *tables;
	uint32_t *keys;
	struct pt_bpf *program;
};

static void must(int rc, const struct pt_err *e, const struct set *s)
{
	if (!rc)
		return;
	fail_msg("result %d: %s\n%s", rc, e->list.n ? e->list.v[0].msg : "", s->text ? s->text : "");
}

static void set_make(struct set *s, uint32_t rules, bool any_port)
{
	static const struct pt_class_device devices[] = { { "lo", LO_INDEX } };
	struct pt_class_input in = { .devices = devices, .n_devices = 1, .none = NONE_KEY };
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };

	memset(s, 0, sizeof(*s));
	pt_buf_fmt(&b, "system { name = x }\nfirewall { rules = {\n");
	for (uint32_t i = 0; i < rules; i++)
		if (rules < MANY || i >= MANY)
			random_rule(&b, any_port);
		else
			filling_rule(&b, i, any_port);
	pt_buf_fmt(&b, "\"block\" } }\n");
	assert_int_equal(b.err, 0);
	s->text = b.s;
	must(pt_conf_parse("random", b.s, b.n, &s->conf, &e), &e, s);
	must(pt_policy_build(s->conf, &s->policy, &e), &e, s);
	s->arena = pt_arena_new();
	assert_non_null(s->arena);
	assert_int_equal(pt_order_build(s->policy, PT_IN, s->arena, &s->order), 0);
	assert_null(s->order.why_not);
	s->keys = calloc(s->order.n_const + 1, sizeof(*s->keys));
	assert_non_null(s->keys);
	for (uint32_t i = 0; i < s->order.n_const; i++)
		s->keys[i] = 0x800000 + i * 7;
	in.order = &s->order;
	in.keys = s->keys;
	must(pt_classifier_build(&in, &s->tables, &e), &e, s);
	pt_err_fini(&e);
}

static void set_load(struct set *s)
{
	struct pt_err e = { 0 };
	int fd;

	if (!s->program)
		must(pt_bpf_load(ROOM, &s->program, &e), &e, s);
	must(pt_bpf_tables_new(s->program, s->tables->words, s->tables->n_words,
			       pt_bpf_tables_digest(s->tables->words, s->tables->n_words), &fd, &e), &e, s);
	must(pt_bpf_tables_use(s->program, fd, &e), &e, s);
	close(fd);
	pt_err_fini(&e);
}

static void set_free(struct set *s)
{
	pt_bpf_close(s->program);
	pt_classifier_free(s->tables);
	pt_arena_free(s->arena);
	pt_policy_free(s->policy);
	pt_conf_free(s->conf);
	free(s->keys);
	free(s->text);
}

/* ---- packets ---- */

struct made {
	uint8_t frame[400];
	size_t n; /* of the frame */
	struct pt_packet packet; /* what the rules should see */
	bool judged; /* by the program at all */
};

static bool any_port; /* of packets */

static uint16_t random_port(void)
{
	return (uint16_t)(any_port ? random_below(65536) : 76 + random_below(10));
}

static struct pt_addr random_address(bool six)
{
	struct pt_addr a = { .af = six ? PT_AF_INET6 : PT_AF_INET };

	if (six)
		a.v = (pt_u128)0x20010db8 << 96 | (pt_u128)random_below(5) << 80 | random_below(5);
	else
		a.v = 10u << 24 | random_below(5) << 16 | (one_in(2) ? 2u << 8 : 0) | random_below(5);
	return a;
}

/* What follows the IP headers, N bytes of it. */
static size_t upper(struct made *m, uint8_t *out)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 58, 47, 132, 0xfd };
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x00, 0x29 };
	struct pt_packet *k = &m->packet;
	size_t n = 20;

	k->proto = protos[random_below(sizeof(protos))];
	memset(out, 0, 40);
	if (k->proto == 6 || k->proto == 17 || k->proto == 132) {
		k->sport = random_port();
		k->dport = random_port();
		out[0] = (uint8_t)(k->sport >> 8);
		out[1] = (uint8_t)k->sport;
		out[2] = (uint8_t)(k->dport >> 8);
		out[3] = (uint8_t)k->dport;
	}
	if (k->proto == 6) {
		k->tcp_flags = flags[random_below(sizeof(flags))];
		out[12] = 5 << 4;
		out[13] = k->tcp_flags;
	}
	if (k->proto == 1 || k->proto == 58) {
		k->icmp_type = one_in(2) ? (k->proto == 1 ? 8 : 128) : (k->proto == 1 ? 3 : 1);
		k->icmp_code = one_in(2) ? 0 : (k->proto == 1 ? 3 : 4);
		out[0] = k->icmp_type;
		out[1] = k->icmp_code;
		n = 8;
	}
	return n;
}

/* Cuts what is behind the IP headers to KEEP bytes. */
static void shorten(struct made *m, size_t keep)
{
	struct pt_packet *k = &m->packet;
	size_t need = k->proto == 1 || k->proto == 58 ? 2 : 4;

	if (keep < need) {
		k->no_ports = true;
		k->sport = k->dport = 0;
		k->icmp_type = k->icmp_code = 0;
	}
	if (keep < 14) {
		k->no_flags = true;
		k->tcp_flags = 0;
	}
}

enum fragment { WHOLE, FIRST, LATER };

static size_t header4(struct made *m, uint8_t *out, size_t behind, enum fragment fragment)
{
	struct iphdr *ip = (struct iphdr *)out;
	size_t options = one_in(5) ? 4 * random_below(11) : 0;

	memset(out, 1, sizeof(*ip) + options); /* options: no operation */
	ip->version = 4;
	ip->ihl = (unsigned int)(5 + options / 4) & 15;
	ip->tot_len = htons((uint16_t)(ip->ihl * 4 + behind));
	ip->frag_off = htons(fragment == FIRST ? 0x2000 : fragment == LATER ? 0x2001 : 0x4000);
	ip->protocol = m->packet.proto;
	ip->saddr = htonl((uint32_t)m->packet.src.v);
	ip->daddr = htonl((uint32_t)m->packet.dst.v);
	return sizeof(*ip) + options;
}

static size_t header6(struct made *m, uint8_t *out, size_t behind, enum fragment fragment)
{
	static const uint8_t kinds[] = { 0, 43, 60, 51 };
	struct ip6_hdr *ip = (struct ip6_hdr *)out;
	uint8_t *next = &ip->ip6_nxt, kind;
	size_t n = sizeof(*ip), size;
	uint32_t more = one_in(4) ? 1 + random_below(9) : 0;

	memset(out, 0, 400 - 14);
	ip->ip6_vfc = 0x60;
	pt_addr_to_bytes(m->packet.src, ip->ip6_src.s6_addr);
	pt_addr_to_bytes(m->packet.dst, ip->ip6_dst.s6_addr);
	for (uint32_t i = 0; i < more; i++) {
		kind = kinds[i ? 1 + random_below(3) : random_below(4)];
		size = kind == 51 ? 12 + 4 * random_below(3) : 8 + 8 * random_below(2);
		*next = kind;
		next = out + n;
		out[n + 1] = (uint8_t)(kind == 51 ? size / 4 - 2 : size / 8 - 1);
		n += size;
	}
	if (fragment != WHOLE) {
		*next = 44;
		next = out + n;
		out[n + 3] = fragment == FIRST ? 1 : 9;
		n += 8;
		more++;
	}
	*next = m->packet.proto;
	ip->ip6_plen = htons((uint16_t)(n - sizeof(*ip) + behind));
	if (more >= 8)
		m->judged = false; /* more headers than the program looks behind */
	return n;
}

static void random_frame(struct made *m)
{
	static const uint8_t looked_into[] = { 6, 17, 132, 1, 58 };
	bool six = one_in(2);
	enum fragment fragment = one_in(8) ? (one_in(2) ? FIRST : LATER) : WHOLE;
	uint8_t body[40];
	size_t behind, whole;

	memset(m, 0, sizeof(*m));
	m->judged = fragment != LATER;
	m->packet.af = six ? PT_AF_INET6 : PT_AF_INET;
	m->packet.src = random_address(six);
	m->packet.dst = random_address(six);
	behind = whole = upper(m, body);
	if (one_in(5)) {
		behind = random_below((uint32_t)whole);
		shorten(m, behind);
		/* A first fragment without its ports could be anything. */
		if (fragment == FIRST &&
		    ((m->packet.no_ports && memchr(looked_into, m->packet.proto, sizeof(looked_into))) ||
		     (m->packet.no_flags && m->packet.proto == 6)))
			m->judged = false;
	}
	memset(m->frame, 2, 12);
	m->frame[12] = six ? 0x86 : 0x08;
	m->frame[13] = six ? 0xdd : 0x00;
	m->n = 14;
	m->n += six ? header6(m, m->frame + m->n, behind, fragment) : header4(m, m->frame + m->n, behind, fragment);
	memcpy(m->frame + m->n, body, whole); /* what was cut is there as padding */
	m->n += one_in(2) ? behind : whole;
	if (m->n < 60)
		m->n = 60;
}

/* ---- the comparison ---- */

static uint32_t run(const struct set *s, struct made *m)
{
	struct __sk_buff before = { .ifindex = LO_INDEX, .priority = FOREIGN, .mark = 0x77 }, after = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = m->frame, .data_size_in = (uint32_t)m->n, .ctx_in = &before,
		    .ctx_size_in = sizeof(before), .ctx_out = &after, .ctx_size_out = sizeof(after));

	if (bpf_prog_test_run_opts(pt_bpf_fd(s->program), &opts))
		fail_msg("running the program: %s", strerror(errno));
	assert_int_equal((int)opts.retval, -1); /* other people's filters come next */
	assert_int_equal(after.mark, 0x77);
	return after.priority;
}

static uint32_t expected(const struct set *s, const struct made *m)
{
	uint32_t rule;

	if (!m->judged)
		return FOREIGN;
	rule = pt_classify(s->tables, &m->packet, LO_INDEX);
	return rule == UINT32_MAX ? NONE_KEY : s->keys[rule];
}

static void compare(const struct set *s, size_t *judged)
{
	struct made m;
	uint32_t want, got;

	random_frame(&m);
	want = expected(s, &m);
	got = run(s, &m);
	*judged += m.judged;
	if (want == got)
		return;
	print_message("# %s", s->text);
	for (size_t i = 14; i < m.n; i++)
		print_message("%02x%s", m.frame[i], i % 32 == 13 ? "\n" : "");
	fail_msg("the program gives %x, the walk %x", got, want);
}

static void test_random(void **state)
{
	size_t judged = 0;
	struct set s, first = { 0 };

	(void)state;
	for (uint32_t i = 0; i < SETS; i++) {
		set_make(&s, 1 + random_below(i < 10 ? 4 : RULES_MAX), false);
		s.program = first.program;
		set_load(&s);
		first.program = s.program;
		for (size_t k = 0; k < PACKETS; k++)
			compare(&s, &judged);
		s.program = NULL;
		set_free(&s);
	}
	pt_bpf_close(first.program);
	assert_in_range(judged, SETS * PACKETS * 3 / 4, SETS * PACKETS - 1);
}

/* Rules with so many combinations of ports that these have rows of their own. */
static void test_split(void **state)
{
	size_t judged = 0;
	struct set s;

	(void)state;
	set_make(&s, 4500, true);
	assert_int_equal(((const struct walk_head *)s.tables->words)->split, 1);
	set_load(&s);
	any_port = true;
	for (size_t k = 0; k < 10 * PACKETS; k++)
		compare(&s, &judged);
	any_port = false;
	set_free(&s);
	assert_in_range(judged, 7 * PACKETS, 10 * PACKETS);
}

static void test_many(void **state)
{
	size_t judged = 0;
	struct set s;

	(void)state;
	for (int split = 0; split < 2; split++) {
		struct pt_err e = { 0 };

		set_make(&s, MANY + 1500, split);
		assert_true(((const struct walk_head *)s.tables->words)->n_summary > WALK_FEW_RUNS);
		assert_true(!((const struct walk_head *)s.tables->words)->split == !split);
		must(pt_bpf_load(s.tables->n_words * sizeof(uint64_t), &s.program, &e), &e, &s);
		set_load(&s);
		any_port = split;
		for (size_t k = 0; k < 5 * PACKETS; k++)
			compare(&s, &judged);
		any_port = false;
		set_free(&s);
	}
	assert_in_range(judged, 7 * PACKETS, 10 * PACKETS);
}

/* Without tables, or on a device that they do not know, a packet stays as it came. */
static void test_not_judged(void **state)
{
	struct pt_err e = { 0 };
	struct made m;
	struct set s;

	(void)state;
	set_make(&s, 3, false);
	do
		random_frame(&m);
	while (!m.judged);
	must(pt_bpf_load(1 << 20, &s.program, &e), &e, &s);
	assert_int_equal(run(&s, &m), FOREIGN);
	set_load(&s);
	assert_int_not_equal(run(&s, &m), FOREIGN);
	/* The device of the tables is number 1 and no other. */
	lab_ip("link add a0 type veth peer name a1\n");
	{
		struct __sk_buff before = { .ifindex = LO_INDEX + 1, .priority = FOREIGN }, after = { 0 };
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = m.frame, .data_size_in = (uint32_t)m.n,
			    .ctx_in = &before, .ctx_size_in = sizeof(before), .ctx_out = &after,
			    .ctx_size_out = sizeof(after));

		assert_int_equal(bpf_prog_test_run_opts(pt_bpf_fd(s.program), &opts), 0);
		assert_int_equal(after.priority, FOREIGN);
	}
	set_free(&s);
}

/* The tables in use have a digest by which equal ones are known. */
static void test_in_use(void **state)
{
	char name[PT_BPF_TABLES_NAME];
	uint64_t want, have;
	struct pt_err e = { 0 };
	struct pt_bpf *again;
	struct set s;

	(void)state;
	set_make(&s, 40, false);
	must(pt_bpf_load(1 << 20, &s.program, &e), &e, &s);
	must(pt_bpf_tables_in_use(s.program, &have, &e), &e, &s);
	assert_int_equal(have, 0);
	pt_bpf_tables_name(have, name);
	assert_string_equal(name, "");
	set_load(&s);
	must(pt_bpf_open(pt_bpf_id(s.program), &again, &e), &e, &s);
	must(pt_bpf_tables_in_use(again, &have, &e), &e, &s);
	want = pt_bpf_tables_digest(s.tables->words, s.tables->n_words);
	assert_true(have && have == want);
	pt_bpf_close(again);
	set_free(&s);
	assert_int_equal(pt_bpf_open(0x7ffffff0, &again, &e), -ENOENT);
	pt_err_fini(&e);
}

/* A number is changed where it stands, and the digest is that of the tables as they are then; other tables, or another number, are not. */
static void test_change(void **state)
{
	struct pt_bpf_number x = { .mask = 0xffffff };
	uint64_t digest, other, have;
	struct pt_err e = { 0 };
	uint32_t *numbers;
	struct set s;

	(void)state;
	set_make(&s, 40, false);
	must(pt_bpf_load(1 << 20, &s.program, &e), &e, &s);
	digest = 1;
	assert_int_equal(pt_bpf_tables_change(s.program, &x, &digest, &e), -ESTALE); /* there are none */
	set_load(&s);
	for (uint32_t item = 0; item < s.tables->n_rules; item += 7) {
		numbers = (uint32_t *)(void *)s.tables->words;
		digest = pt_bpf_tables_digest(s.tables->words, s.tables->n_words);
		x.at = pt_classifier_key_at(s.tables, item);
		x.from = numbers[x.at] & x.mask;
		x.to = x.from ^ 0x1234;
		other = digest + 1;
		assert_int_equal(pt_bpf_tables_change(s.program, &x, &other, &e), -ESTALE);
		x.from ^= 1;
		assert_int_equal(pt_bpf_tables_change(s.program, &x, &digest, &e), -ESTALE);
		x.from ^= 1;
		must(pt_bpf_tables_change(s.program, &x, &digest, &e), &e, &s);
		numbers[x.at] = (numbers[x.at] & ~x.mask) | x.to;
		assert_true(digest == pt_bpf_tables_digest(s.tables->words, s.tables->n_words));
		must(pt_bpf_tables_in_use(s.program, &have, &e), &e, &s);
		assert_true(have == digest);
		must(pt_bpf_tables_settle(s.program, &e), &e, &s);
		must(pt_bpf_tables_in_use(s.program, &have, &e), &e, &s);
		assert_true(have == digest);
	}
	x.at = SIZE_MAX / 8;
	assert_int_equal(pt_bpf_tables_change(s.program, &x, &digest, &e), -ESTALE);
	set_free(&s);
	pt_err_fini(&e);
}

/* Tables that were in their place before they were filled are no tables until then, and are exchanged like others
 * afterwards. */
static void test_ahead(void **state)
{
	struct pt_err e = { 0 };
	uint64_t have, first;
	struct set s;

	(void)state;
	set_make(&s, 40, false);
	must(pt_bpf_load(1 << 20, &s.program, &e), &e, &s);
	must(pt_bpf_tables_ahead(s.program, &e), &e, &s);
	must(pt_bpf_tables_in_use(s.program, &have, &e), &e, &s);
	assert_int_equal(have, 0);
	set_load(&s);
	must(pt_bpf_tables_in_use(s.program, &first, &e), &e, &s);
	assert_true(first == pt_bpf_tables_digest(s.tables->words, s.tables->n_words));
	s.tables->words[1]++;
	set_load(&s);
	s.tables->words[1]--;
	must(pt_bpf_tables_in_use(s.program, &have, &e), &e, &s);
	assert_true(have && have != first);
	set_load(&s);
	must(pt_bpf_tables_in_use(s.program, &have, &e), &e, &s);
	assert_true(have == first);
	set_free(&s);
	pt_err_fini(&e);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_not_judged),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_ahead),
	};
	const char *why = lab_lacks();

	if (why)
		return lab_skip(why);
	(void)lab_ns();
	if (argc > 1)
		rng = strtoull(argv[1], NULL, 0);
	else if (getrandom(&rng, sizeof(rng), 0) != sizeof(rng))
		return 1;
	rng |= 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	print_message("# seed %llu\n", (unsigned long long)rng);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
