/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logged packets: headers cut anywhere, messages damaged anywhere, comments, filters and sums. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include <patronus/log.h>

static bool same(struct pt_addr a, const char *s)
{
	struct pt_addr b;

	assert_int_equal(pt_addr_parse(s, &b), 0);
	return a.af == b.af && a.v == b.v;
}

/* ---- packets ---- */

/* TCP SYN of 10.0.0.2:40000 to 192.0.2.1:443, with an option in its IP header. */
static const uint8_t tcp4[] = { 0x46, 0x10, 0, 60, 0, 1, 0x40, 0, 63, 6, 0, 0, 10, 0, 0, 2, 192, 0, 2, 1, 1, 1, 1, 0,
				0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 1, 0, 0, 0, 0, 0 };
/* ICMPv6 unreachable of fd00::2 to fd00::1 behind hop-by-hop, routing and destination options. */
static const uint8_t icmp6[] = { 0x60, 0, 0, 0, 0, 48, 0, 64, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
				 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
				 43, 0, 5, 2, 0, 0, 1, 0, 60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				 58, 0, 1, 4, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static void test_tcp4(void **state)
{
	struct pt_log_packet p;

	(void)state;
	pt_log_packet(tcp4, sizeof(tcp4), &p);
	assert_true(same(p.src, "10.0.0.2") && same(p.dst, "192.0.2.1"));
	assert_int_equal(p.proto, IPPROTO_TCP);
	assert_true(p.has_ports && p.has_flags && !p.has_icmp && !p.fragment);
	assert_int_equal(p.sport, 40000);
	assert_int_equal(p.dport, 443);
	assert_int_equal(p.flags, 2);
	assert_int_equal(p.length, 60);
	assert_int_equal(p.hops, 63);
}

static void test_icmp6_behind_extensions(void **state)
{
	struct pt_log_packet p;

	(void)state;
	pt_log_packet(icmp6, sizeof(icmp6), &p);
	assert_true(same(p.src, "fd00::2") && same(p.dst, "fd00::1"));
	assert_true(p.has_proto && p.has_icmp && !p.has_ports);
	assert_int_equal(p.proto, IPPROTO_ICMPV6);
	assert_int_equal(p.icmp_type, 1);
	assert_int_equal(p.icmp_code, 4);
	assert_int_equal(p.length, 88);
}

static void test_fragments(void **state)
{
	uint8_t four[sizeof(tcp4)], six[64] = { 0x60, 0, 0, 0, 0, 24, 44, 64 };
	struct pt_log_packet p;

	(void)state;
	memcpy(four, tcp4, sizeof(four));
	four[7] = 1;
	pt_log_packet(four, sizeof(four), &p);
	assert_true(p.fragment && p.has_proto && !p.has_ports && !p.has_flags);
	six[40] = 17; /* UDP, at offset 8 */
	six[43] = 8;
	pt_log_packet(six, sizeof(six), &p);
	assert_true(p.fragment && p.has_proto && !p.has_ports);
	assert_int_equal(p.proto, IPPROTO_UDP);
	six[43] = 1; /* the first one, with more to come */
	pt_log_packet(six, sizeof(six), &p);
	assert_true(!p.fragment && p.has_ports);
}

/* Memory of exactly the size, so that the sanitizers see one byte too far. */
static void parse_cut(const uint8_t *packet, size_t n, struct pt_log_packet *p)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, packet, n);
	pt_log_packet(copy, n, p);
	free(copy);
}

static void test_cut_packets(void **state)
{
	struct pt_log_packet p;

	(void)state;
	for (size_t n = 0; n <= sizeof(tcp4); n++) {
		parse_cut(tcp4, n, &p);
		assert_int_equal(p.src.af != PT_AF_NONE, n >= 20);
		assert_int_equal(p.has_ports, n >= 28);
		assert_int_equal(p.has_flags, n >= 38);
	}
	for (size_t n = 0; n <= sizeof(icmp6); n++) {
		parse_cut(icmp6, n, &p);
		assert_int_equal(p.src.af != PT_AF_NONE, n >= 40);
		assert_int_equal(p.has_icmp, n >= 74);
	}
}

static void test_strange_packets(void **state)
{
	uint8_t junk[128];
	struct pt_log_packet p;

	(void)state;
	memset(junk, 0x60, sizeof(junk));
	for (int i = 0; i < 256; i++) {
		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (uint8_t)(k * 7 + (size_t)i * 13);
		junk[0] = i % 2 ? 0x45 : 0x60;
		junk[6] = (uint8_t)i;
		for (size_t n = 0; n < sizeof(junk); n += 3)
			parse_cut(junk, n, &p);
	}
	pt_log_packet((const uint8_t *)"\x45", 1, &p);
	assert_int_equal(p.src.af, PT_AF_NONE);
	pt_log_packet((const uint8_t *)"arp", 3, &p);
	assert_int_equal(p.src.af, PT_AF_NONE);
	memcpy(junk, tcp4, sizeof(tcp4)); /* a header that claims to be shorter than headers are */
	junk[0] = 0x42;
	pt_log_packet(junk, sizeof(tcp4), &p);
	assert_true(p.src.af == PT_AF_INET && !p.has_ports);
	memset(junk, 0, sizeof(junk)); /* extension headers without end */
	junk[0] = 0x60;
	pt_log_packet(junk, sizeof(junk), &p);
	assert_true(p.src.af == PT_AF_INET6 && !p.has_proto && !p.has_ports);
}

/* ---- messages ---- */

union message {
	struct nlmsghdr head;
	uint8_t bytes[1024];
};

static struct nlmsghdr *message(union message *m, const char *prefix)
{
	struct nfulnl_msg_packet_timestamp t = { .sec = htobe64(1700000000), .usec = htobe64(123456) };
	struct nfulnl_msg_packet_hdr hook = { .hook = 2 }; /* forward */
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(m, 0, sizeof(*m));
	nlh = mnl_nlmsg_put_header(m);
	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_INET;
	mnl_attr_put(nlh, NFULA_PACKET_HDR, sizeof(hook), &hook);
	mnl_attr_put(nlh, NFULA_PREFIX, strlen(prefix) + 1, prefix);
	mnl_attr_put_u32(nlh, NFULA_IFINDEX_INDEV, htonl(3));
	mnl_attr_put_u32(nlh, NFULA_SEQ, htonl(7));
	mnl_attr_put(nlh, NFULA_TIMESTAMP, sizeof(t), &t);
	mnl_attr_put(nlh, NFULA_PAYLOAD, sizeof(tcp4), tcp4);
	return nlh;
}

static void test_message(void **state)
{
	struct pt_log_message m;
	union message buf;

	(void)state;
	assert_int_equal(pt_log_parse(message(&buf, "ptfw block in web"), &m), 0);
	assert_string_equal(m.prefix, "ptfw block in web");
	assert_int_equal(m.in, 3);
	assert_int_equal(m.out, 0);
	assert_int_equal(m.dir, PT_OUT);
	assert_true(m.has_seq && m.seq == 7);
	assert_true(m.time == 1700000000123456000ull);
	assert_int_equal(m.n, sizeof(tcp4));
	assert_memory_equal(m.data, tcp4, sizeof(tcp4));
	buf.head.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8;
	assert_int_equal(pt_log_parse(&buf.head, &m), -EBADMSG);
}

static void test_foreign_prefix(void **state)
{
	char longer[300];
	struct pt_log_message m;
	union message buf;

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(pt_log_parse(message(&buf, longer), &m), 0);
	assert_int_equal(strlen(m.prefix), PT_LOG_PREFIX_MAX - 1);
}

static void test_damage(void **state)
{
	union message good;
	uint32_t len = message(&good, "ptfw pass out o")->nlmsg_len;
	struct pt_log_message m;

	(void)state;
	for (uint32_t i = sizeof(struct nlmsghdr); i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct nlmsghdr *copy = malloc(len);

			assert_non_null(copy);
			memcpy(copy, &good, len);
			((uint8_t *)copy)[i] ^= (uint8_t)(1 << bit);
			if (!pt_log_parse(copy, &m)) {
				struct pt_log_packet p;

				assert_true(strlen(m.prefix) < sizeof(m.prefix));
				pt_log_packet(m.data, m.n, &p);
			}
			free(copy);
		}
}

static void test_lost(void **state)
{
	struct pt_log_seq s = { 0 };

	(void)state;
	assert_int_equal(pt_log_lost(&s, 0), 0);
	assert_int_equal(pt_log_lost(&s, 1), 0);
	assert_int_equal(pt_log_lost(&s, 12), 10);
	s.next = UINT32_MAX;
	assert_int_equal(pt_log_lost(&s, 1), 2);
	assert_int_equal(pt_log_lost(&s, 2), 0);
}

/* ---- prefixes and comments ---- */

static void test_prefix(void **state)
{
	struct pt_pol_rule r = { .name = "a label with spaces", .action = PT_MATCH, .dir = PT_OUT };
	static const char *const others[] = { "", "ptfw", "ptfw ", "ptfw block", "ptfw block in", "ptfw block in ",
					      "ptfw drop in x", "ptfw pass up x", "web", "PTFW block in x", "ptfw  x" };
	char text[PT_POL_PREFIX_MAX];
	enum pt_action action;
	enum pt_dir dir;
	const char *name;

	(void)state;
	pt_pol_prefix(text, &r);
	assert_string_equal(text, "ptfw match out a label with spaces");
	assert_int_equal(pt_pol_prefix_parse(text, &action, &dir, &name), 0);
	assert_int_equal(action, PT_MATCH);
	assert_int_equal(dir, PT_OUT);
	assert_string_equal(name, r.name);
	for (size_t i = 0; i < PT_ARRAY_SIZE(others); i++)
		assert_int_equal(pt_pol_prefix_parse(others[i], &action, &dir, &name), -EINVAL);
}

static void back_and_forth(const struct pt_log_record *r, const char *text)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_log_record back = { .time = 0 };
	struct pt_buf b = { 0 };

	assert_non_null(a);
	pt_log_comment(&b, r);
	assert_int_equal(b.err, 0);
	assert_string_equal(b.s, text);
	assert_int_equal(pt_log_comment_parse(b.s, b.n, a, &back), 0);
	assert_string_equal(back.rule, r->rule);
	assert_string_equal(back.file, r->file);
	assert_string_equal(back.generation, r->generation);
	assert_string_equal(back.on, r->on);
	assert_string_equal(back.in, r->in);
	assert_string_equal(back.out, r->out);
	assert_int_equal(back.line, r->line);
	assert_int_equal(back.ours, r->ours);
	if (r->ours)
		assert_true(back.action == r->action && back.dir == r->dir);
	pt_buf_fini(&b);
	pt_arena_free(a);
}

static void test_comment(void **state)
{
	struct pt_log_record r = { .ours = true, .action = PT_BLOCK, .dir = PT_IN, .rule = "web", .file = "/etc/p:1.conf",
				   .line = 12, .generation = "0123456789abcdef", .in = "eth0", .out = "", .on = "wan" };
	struct pt_log_record odd = { .rule = "100% of =\x1b\xc3\xbc", .file = "", .in = "", .out = "a b", .on = "" };

	(void)state;
	back_and_forth(&r, "rule=web action=block dir=in at=/etc/p:1.conf:12 gen=0123456789abcdef on=wan in=eth0");
	back_and_forth(&odd, "prefix=100%25%20of%20=%1B%C3%BC out=a%20b");
}

static void test_comments_of_others(void **state)
{
	static const char *const others[] = { "", " ", "hello", "rule=web", "rule=web action=block", "action=drop rule=x dir=in",
					      "=", "rule", "gen=0123456789abcdef0123456789abcdef", "dir=in" };
	struct pt_arena *a = pt_arena_new();
	struct pt_log_record r;

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < PT_ARRAY_SIZE(others); i++) {
		memset(&r, 0, sizeof(r));
		assert_int_equal(pt_log_comment_parse(others[i], strlen(others[i]), a, &r), -EINVAL);
		assert_false(r.ours);
	}
	assert_int_equal(pt_log_comment_parse("prefix=%4 more=1 in=%00x", 24, a, &r), 0);
	assert_string_equal(r.rule, "%4");
	assert_string_equal(r.in, "x");
	pt_arena_free(a);
}

/* ---- filters ---- */

static struct pt_log_record sample(void)
{
	struct pt_log_record r = { .time = 1000000000000ull, .ours = true, .action = PT_BLOCK, .dir = PT_IN, .rule = "web",
				   .file = "/etc/p.conf", .line = 3, .in = "eth0", .out = "", .on = "wan", .data = tcp4,
				   .n = sizeof(tcp4), .size = 60 };

	pt_log_packet(tcp4, sizeof(tcp4), &r.packet);
	return r;
}

static const struct {
	const char *key, *value;
	int match; /* -1: refused */
} filter_cases[] = {
	{ "host", "10.0.0.2", 1 },     { "h", "192.0.2.1", 1 },        { "host", "10.0.0.3", 0 },
	{ "host", "10.0.0.0/8", -1 },  { "host", "x", -1 },            { "network", "10.0.0.0/8", 1 },
	{ "network", "::/0", 0 },      { "network", "10.0.0.1/8", -1 }, { "port", "443", 1 },
	{ "port", "https", 1 },        { "port", "40000", 1 },         { "port", "80", 0 },
	{ "port", "65536", -1 },       { "proto", "tcp", 1 },          { "proto", "udp", 0 },
	{ "proto", "tpc", -1 },        { "action", "block", 1 },       { "a", "pass", 0 },
	{ "action", "drop", -1 },      { "direction", "in", 1 },       { "dir", "out", 0 },
	{ "dir", "up", -1 },           { "interface", "eth0", 1 },     { "interface", "wan", 1 },
	{ "interface", "eth1", 0 },    { "label", "web", 1 },          { "label", "we", 0 },
	{ "p", "443", -1 },            { "l", "web", -1 },             { "", "x", -1 },
	{ "hostx", "10.0.0.2", -1 },   { "since", "10s", 1 },          { "since", "1970-01-01T00:16:40Z", 1 },
	{ "since", "1970-01-01T00:16:41Z", 0 }, { "since", "2026-13-01", -1 }, { "since", "yesterday", -1 },
	{ "last", "5", 1 },            { "last", "0", -1 },            { "last", "-1", -1 },
};

static void test_filters(void **state)
{
	const struct pt_log_record r = sample();

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(filter_cases); i++) {
		struct pt_log_filter f = { 0 };
		struct pt_err e = { 0 };
		int rc = pt_log_filter_set(&f, filter_cases[i].key, filter_cases[i].value, 1005000000000ull, &e), got;

		got = rc ? -1 : pt_log_filter_match(&f, &r);
		if (got != filter_cases[i].match)
			fail_msg("%s %s: %d", filter_cases[i].key, filter_cases[i].value, got);
		assert_int_equal(e.n_errors, rc ? 1 : 0);
		pt_err_fini(&e);
		pt_log_filter_fini(&f);
	}
}

static void test_filters_together(void **state)
{
	struct pt_log_record r = sample(), other = sample();
	struct pt_log_filter f = { 0 };
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_log_filter_set(&f, "label", "web", 0, &e), 0);
	assert_int_equal(pt_log_filter_set(&f, "host", "10.0.0.2", 0, &e), 0);
	assert_int_equal(pt_log_filter_set(&f, "host", "192.0.2.1", 0, &e), 0);
	assert_true(pt_log_filter_match(&f, &r));
	assert_int_equal(pt_log_filter_set(&f, "port", "80", 0, &e), 0);
	assert_false(pt_log_filter_match(&f, &r));
	pt_log_filter_fini(&f);
	assert_int_equal(pt_log_filter_set(&f, "action", "pass", 0, &e), 0);
	other.ours = false; /* has no action, whatever the field holds */
	other.action = PT_PASS;
	assert_false(pt_log_filter_match(&f, &other));
	f.af = PT_AF_INET6;
	f.has_action = false;
	assert_false(pt_log_filter_match(&f, &r));
	pt_log_filter_fini(&f);
	pt_err_fini(&e);
}

/* ---- sums ---- */

static void test_sum(void **state)
{
	struct pt_log_sum *s = pt_log_sum_new();
	const struct pt_log_sum_row *rows;
	struct pt_log_record r = sample();
	size_t n;

	(void)state;
	assert_non_null(s);
	for (unsigned int i = 0; i < 1000; i++) {
		r.packet.src.v = 0x0a000000 + i % 300;
		r.rule = i % 4 ? "web" : "ssh";
		r.time = (uint64_t)(i / 100) * 60000000000ull;
		r.lost = i == 7 ? 5 : 0;
		assert_int_equal(pt_log_sum_add(s, &r), 0);
	}
	assert_int_equal(pt_log_sum_packets(s), 1000);
	assert_int_equal(pt_log_sum_bytes(s), 60000);
	assert_int_equal(pt_log_sum_lost(s), 5);
	rows = pt_log_sum_rows(s, PT_LOG_SUM_RULE, &n);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].rule, "web");
	assert_int_equal(rows[0].packets, 750);
	assert_string_equal(rows[1].rule, "ssh");
	rows = pt_log_sum_rows(s, PT_LOG_SUM_SOURCE, &n);
	assert_int_equal(n, 300);
	assert_int_equal(rows[0].packets, 4);
	assert_int_equal(rows[299].packets, 3);
	rows = pt_log_sum_rows(s, PT_LOG_SUM_MINUTE, &n);
	assert_int_equal(n, 10);
	for (size_t i = 0; i < n; i++)
		assert_true(rows[i].minute == i && rows[i].packets == 100);
	r.packet.src.v = 0x0a000000; /* after it was shown in order */
	assert_int_equal(pt_log_sum_add(s, &r), 0);
	rows = pt_log_sum_rows(s, PT_LOG_SUM_SOURCE, &n);
	assert_int_equal(n, 300);
	assert_int_equal(rows[0].packets, 5);
	rows = pt_log_sum_rows(s, PT_LOG_SUM_PORT, &n);
	assert_true(n == 1 && rows[0].port == 443 && rows[0].proto == IPPROTO_TCP);
	pt_log_sum_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp4),
		cmocka_unit_test(test_icmp6_behind_extensions),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_cut_packets),
		cmocka_unit_test(test_strange_packets),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_foreign_prefix),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_comment),
		cmocka_unit_test(test_comments_of_others),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_filters_together),
		cmocka_unit_test(test_sum),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
