/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes without a network: what ICMP messages say, cut and wrong ones, and statistics of known series. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diag/probe_internal.h"
#include "lib/scarce.h"

/* ---- statistics ---- */

static void near(double got, double wanted, double within)
{
	if (!(fabs(got - wanted) <= within))
		fail_msg("%f instead of %f", got, wanted);
}

static void test_stats(void **state)
{
	/* 1..100 ms, once up: mean 50.5, deviation sqrt((100^2 - 1) / 12), each 1 ms from the one before it. */
	struct pt_probe_histogram *h = calloc(1, sizeof(*h));
	struct pt_probe_stats s = { .sent = 125 };

	(void)state;
	assert_non_null(h);
	assert_int_equal(pt_probe_percentile(h, 50), 0);
	for (uint64_t i = 1; i <= 100; i++) {
		pt_probe_stats_add(&s, i * 1000000);
		pt_probe_histogram_add(h, i * 1000000);
	}
	assert_int_equal(s.received, 100);
	assert_int_equal(s.min, 1000000);
	assert_int_equal(s.max, 100000000);
	assert_int_equal(s.last, 100000000);
	near(s.mean, 50.5e6, 1);
	near(pt_probe_stats_deviation(&s), 28866070.0477, 1);
	near(pt_probe_stats_jitter(&s), 1e6, 1);
	near(pt_probe_stats_loss(&s), 20, 1e-9);
	assert_in_range(pt_probe_percentile(h, 50), 50000000 * 127ull / 128, 50000000 * 129ull / 128);
	assert_in_range(pt_probe_percentile(h, 90), 90000000 * 127ull / 128, 90000000 * 129ull / 128);
	assert_in_range(pt_probe_percentile(h, 99), 99000000 * 127ull / 128, 99000000 * 129ull / 128);
	free(h);
}

static void test_stats_edges(void **state)
{
	struct pt_probe_histogram *h = calloc(1, sizeof(*h));
	struct pt_probe_stats s = { 0 };
	const uint64_t times[] = { 5, 3, 9, 9 }; /* differences 2, 6, 0 */

	(void)state;
	assert_non_null(h);
	near(pt_probe_stats_deviation(&s) + pt_probe_stats_jitter(&s) + pt_probe_stats_loss(&s), 0, 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(times); i++)
		pt_probe_stats_add(&s, times[i]);
	near(s.mean, 6.5, 1e-9);
	near(pt_probe_stats_deviation(&s), 2.5980762114, 1e-9);
	near(pt_probe_stats_jitter(&s), 8.0 / 3, 1e-9);
	/* More answers than probes: a hostile host must not make a loss below nothing. */
	s.sent = 1;
	near(pt_probe_stats_loss(&s), 0, 0);
	/* Every magnitude has a bucket of its own, near to it. */
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t v = ((uint64_t)1 << bit) + ((uint64_t)1 << bit >> 2), got;

		memset(h, 0, sizeof(*h));
		pt_probe_histogram_add(h, v);
		got = pt_probe_percentile(h, 100);
		assert_true((got > v ? got - v : v - got) <= v / 128);
	}
	memset(h, 0, sizeof(*h));
	pt_probe_histogram_add(h, UINT64_MAX);
	assert_true(pt_probe_percentile(h, 1) > UINT64_MAX / 128 * 127);
	free(h);
}

/* ---- messages ---- */

/* An IPv4 packet of UDP 10.0.0.1:0x1234 > 10.0.0.2:0x829a, as a router quotes it. */
#define QUOTE4                                                                                                                \
	0x45, 0, 0, 60, 1, 2, 0x40, 0, 1, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0x82, 0x9a, 0, 40, 0xbe, 0xef

static const uint8_t time_exceeded[] = { 11, 0, 0, 0, 0, 0, 0, 0, QUOTE4, 'd', 'a', 't', 'a' };

/* In memory of exactly its size, so that sanitizers see a byte too many. */
static int parse(enum pt_af af, const uint8_t *p, size_t n, struct pt_icmp *out)
{
	uint8_t *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = pt_icmp_parse(af, copy, n, out);
	if (!rc && out->about.n)
		assert_memory_equal(out->about.data, p + (out->about.data - copy), out->about.n);
	free(copy);
	return rc;
}

static void test_error4(void **state)
{
	struct pt_icmp m;

	(void)state;
	assert_int_equal(parse(PT_AF_INET, time_exceeded, sizeof(time_exceeded), &m), 0);
	assert_true(m.error && m.about.has_transport);
	assert_int_equal(m.type, 11);
	assert_int_equal(m.about.protocol, 17);
	assert_int_equal((uint32_t)m.about.to.v, 0x0a000002);
	assert_int_equal(m.about.sport, 0x1234);
	assert_int_equal(m.about.dport, 0x829a);
	assert_int_equal(m.about.checksum, 0xbeef);
	assert_int_equal(m.about.n, 4);
	assert_int_equal(m.n_labels, 0);
	for (size_t n = 0; n < sizeof(time_exceeded); n++)
		assert_int_equal(parse(PT_AF_INET, time_exceeded, n, &m), n < 28 ? -EBADMSG : 0);
	assert_false(parse(PT_AF_INET, time_exceeded, 35, &m) || m.about.has_transport);
}

static void test_too_big(void **state)
{
	uint8_t four[] = { 3, 4, 0, 0, 0, 0, 0x05, 0x14, QUOTE4 };
	uint8_t six[8 + 48] = { 2, 0, 0, 0, 0, 0, 0x05, 0x78, 0x60, [8 + 6] = 58, [8 + 40] = 128, [8 + 44] = 0xab, 0xcd, 0, 7 };
	struct pt_icmp m;

	(void)state;
	assert_int_equal(parse(PT_AF_INET, four, sizeof(four), &m), 0);
	assert_int_equal(m.mtu, 1300);
	assert_int_equal(parse(PT_AF_INET6, six, sizeof(six), &m), 0);
	assert_int_equal(m.mtu, 1400);
	assert_int_equal(m.about.type, 128);
	assert_int_equal(m.about.id, 0xabcd);
	assert_int_equal(m.about.seq, 7);
	/* A fragment that is not the first has no ports. */
	six[8 + 6] = 44;
	six[8 + 40] = 17;
	six[8 + 42] = 0x01;
	assert_int_equal(parse(PT_AF_INET6, six, sizeof(six), &m), 0);
	assert_false(m.about.has_transport);
}

static void test_echo(void **state)
{
	const uint8_t reply[] = { 0, 0, 0, 0, 0x12, 0x34, 0, 9, 'x' };
	struct pt_icmp m;

	(void)state;
	assert_int_equal(parse(PT_AF_INET, reply, sizeof(reply), &m), 0);
	assert_false(m.error);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.seq, 9);
	assert_int_equal(m.n, 1);
	assert_int_equal(parse(PT_AF_INET6, reply, sizeof(reply), &m), -EBADMSG);
	assert_int_equal(parse(PT_AF_INET, reply, 7, &m), -EBADMSG);
}

/* ---- label stacks ---- */

#define LABEL(label, class, bottom, ttl) \
	(label) >> 12, (label) >> 4 & 0xff, ((label) & 15) << 4 | (class) << 1 | (bottom), ttl

static void build_labels(uint8_t *p, size_t told)
{
	static const uint8_t stack[] = { 0x20, 0, 0, 0, 0, 12, 1, 1, LABEL(16001, 2, 0, 254), LABEL(24, 0, 1, 1) };

	memset(p, 0, 8 + 128 + sizeof(stack));
	memcpy(p, time_exceeded, sizeof(time_exceeded));
	p[5] = (uint8_t)(told / 4);
	memcpy(p + 8 + 128, stack, sizeof(stack));
}
#define WITH_LABELS (8 + 128 + 16)

static void test_labels(void **state)
{
	uint8_t p[WITH_LABELS];
	struct pt_icmp m;

	(void)state;
	for (size_t told = 0; told <= 128; told += 128) { /* before and after RFC 4884 */
		build_labels(p, told);
		assert_int_equal(parse(PT_AF_INET, p, sizeof(p), &m), 0);
		assert_int_equal(m.n_labels, 2);
		assert_int_equal(m.labels[0].label, 16001);
		assert_int_equal(m.labels[0].traffic_class, 2);
		assert_int_equal(m.labels[0].ttl, 254);
		assert_false(m.labels[0].bottom);
		assert_int_equal(m.labels[1].label, 24);
		assert_true(m.labels[1].bottom);
		assert_int_equal(m.about.dport, 0x829a);
		for (size_t n = 28; n < sizeof(p); n++)
			assert_int_equal(parse(PT_AF_INET, p, n, &m), 0);
	}
	p[8 + 128 + 2] = 0x77; /* a checksum that is wrong */
	assert_false(parse(PT_AF_INET, p, sizeof(p), &m) || m.n_labels);
	build_labels(p, 128);
	p[8 + 128 + 5] = 0; /* an object without a length */
	assert_false(parse(PT_AF_INET, p, sizeof(p), &m) || m.n_labels);
	p[8 + 128 + 4] = 0xff; /* longer than the message */
	assert_false(parse(PT_AF_INET, p, sizeof(p), &m) || m.n_labels);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(pt_icmp_words(PT_AF_INET, 3, 13), "administratively prohibited");
	assert_string_equal(pt_icmp_mark(PT_AF_INET, 3, 13), "!X");
	assert_string_equal(pt_icmp_mark(PT_AF_INET6, 1, 3), "!H");
	assert_string_equal(pt_icmp_mark(PT_AF_INET, 11, 0), "");
	assert_null(pt_icmp_words(PT_AF_INET, 3, 200));
	assert_string_equal(pt_icmp_mark(PT_AF_INET, 3, 200), "!?");
}

/* ---- probes are one flow ---- */

static struct pt_addr address(const char *s)
{
	struct pt_addr a;

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static uint32_t pseudo(const struct pt_probe *p, uint8_t protocol, size_t n)
{
	uint8_t a[32];
	size_t each = p->source.af == PT_AF_INET6 ? 16 : 4;

	pt_addr_to_bytes(p->source, a);
	pt_addr_to_bytes(p->o.to, a + each);
	return probe_sum(protocol + (uint32_t)n, a, 2 * each);
}

/* The checksum that the kernel puts into a UDP probe is the probe's number. */
static void test_udp_checksum(void **state)
{
	struct pt_probe p = { .o = { .how = PT_PROBE_UDP, .port = 33434 }, .id = 40000, .magic = { 1, 2, 3, 4 } };
	static const char *const pairs[][2] = { { "10.0.0.1", "10.0.0.2" }, { "2001:db8::1", "2001:db8:ffff::2" } };
	uint8_t data[64];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (uint32_t id = 1; id <= 65535; id += 13) {
			size_t n = 8 + id % 50;
			uint32_t sum;

			p.source = address(pairs[i][0]);
			p.o.to = address(pairs[i][1]);
			assert_int_equal(probe_packet(&p, data, (uint32_t)n, (uint16_t)id), n);
			sum = probe_sum(pseudo(&p, 17, n + 8) + p.id + p.o.port + (uint32_t)n + 8, data, n);
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			sum = (uint16_t)~sum;
			assert_int_equal(sum ? sum : 0xffff, id);
		}
}

static void test_echo_checksum(void **state)
{
	struct pt_probe p = { .o = { .how = PT_PROBE_ICMP, .to = address("10.0.0.2") }, .source = address("10.0.0.1"), .id = 77 };
	uint8_t first[72], other[72];

	(void)state;
	assert_int_equal(probe_packet(&p, first, 56, 1), 64);
	for (uint32_t id = 1; id <= 65535; id += 11) {
		assert_int_equal(probe_packet(&p, other, 56, (uint16_t)id), 64);
		assert_memory_equal(first, other, 6); /* type, code, checksum, id */
		assert_true(pt_icmp_checksum_ok(other, 64));
	}
}

static void test_syn(void **state)
{
	struct pt_probe p = { .o = { .how = PT_PROBE_TCP, .to = address("2001:db8::2"), .port = 443 }, .source = address("2001:db8::1"), .id = 77,
			      .base = 0xfffffff0 };
	uint8_t s[64];
	size_t n = probe_packet(&p, s, 0, 0x20);
	uint32_t sum = probe_sum(pseudo(&p, 6, n), s, n);

	(void)state;
	assert_int_equal(sum, 0xffff);
	assert_int_equal(probe_get32(s + 4), 0x10);
	assert_int_equal(s[13], 2);
}

/* ---- memory that runs out ---- */

static int on_ping(enum pt_ping_event event, const struct pt_probe_answer *a, bool reordered, int error, void *arg)
{
	(void)a;
	(void)reordered;
	(void)error;
	*(unsigned int *)arg += event == PT_PING_ANSWER;
	return 0;
}

static int on_hop(const struct pt_trace_hop *h, void *arg)
{
	*(unsigned int *)arg += h->queries[0].answered;
	return 0;
}

/* Two answers of loopback and one hop: 3 where all went well, else -errno. */
static int ask_loopback(enum pt_probe_how how, struct pt_err *e)
{
	struct pt_probe_options o = { .how = how, .to = address("127.0.0.1"), .tos = -1, .port = 33434 };
	struct pt_ping_options ping = { .count = 2, .interval = 1, .timeout = 2000000, .stop_fd = -1 };
	struct pt_trace_options trace = { .probe = o, .first = 1, .max = 1, .queries = 1, .parallel = 1, .size = 32, .timeout = 2000000,
					  .stop_fd = -1, .names = pt_probe_names_open() };
	struct pt_ping_result result = { 0 };
	unsigned int answers = 0;
	const struct pt_ping_listener listener = { on_ping, &answers };
	enum pt_trace_end end;
	struct pt_probe *p;
	uint32_t mtu;
	int rc = pt_probe_open(&o, &p, e);

	if (!rc)
		rc = pt_ping_run(p, &ping, &listener, &result, e);
	if (!rc)
		rc = pt_trace_run(p, &trace, on_hop, &answers, &end, &mtu, e);
	pt_probe_close(p);
	pt_probe_names_close(trace.names);
	return rc ? rc : (int)answers;
}

static void test_memory(void **state)
{
	struct pt_err e = { 0 };
	int rc = ask_loopback(PT_PROBE_ICMP, &e);
	struct pt_mtr *m;

	(void)state;
	pt_err_fini(&e);
	if (rc == -EPERM)
		skip();
	assert_int_equal(rc, 3);
	for (long n = 0; ; n++) {
		e = (struct pt_err){ 0 };
		memory_ran_out = false;
		allocations_left = n;
		rc = ask_loopback(PT_PROBE_ICMP, &e);
		allocations_left = -1;
		assert_true(rc == -ENOMEM || rc == 3); /* without names it goes on */
		assert_true(rc == 3 || e.n_errors);
		pt_err_fini(&e);
		if (!memory_ran_out)
			break;
	}
	for (long n = 0; n < 8; n++) {
		struct pt_mtr_options o = { .probe = { .how = PT_PROBE_ICMP, .to = address("127.0.0.1"), .tos = -1 }, .first = 1, .max = 1 };

		allocations_left = n;
		rc = pt_mtr_open(&o, &m, NULL);
		allocations_left = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
		pt_mtr_close(m);
	}
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const uint8_t answer[] = "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\1" "1\1" "2\1" "0\3" "192\7in-addr\4arpa\0\0\x0c\0\1"
					"\xc0\x0c\0\x0c\0\1\0\0\0\x3c\0\x09\3bad\3" "\x1b[m\0";
	char name[1025];

	(void)state;
	assert_int_equal(pt_probe_names_parse(answer, sizeof(answer) - 1, 0x1234, address("192.0.2.1"), name, sizeof(name)), 0);
	assert_string_equal(name, "bad.\\027[m");
	assert_int_equal(pt_probe_names_parse(answer, sizeof(answer) - 1, 0x1235, address("192.0.2.1"), name, sizeof(name)), -EBADMSG);
	assert_int_equal(pt_probe_names_parse(answer, sizeof(answer) - 1, 0x1234, address("192.0.2.2"), name, sizeof(name)), -EBADMSG);
	for (size_t n = 0; n < sizeof(answer) - 1; n++)
		assert_int_not_equal(pt_probe_names_parse(answer, n, 0x1234, address("192.0.2.1"), name, sizeof(name)), 0);
}

static void test_hosts(void **state)
{
	static const char *const wrong[] = { "; reboot", "-oProxyCommand=x", "a\nb", "", "a..b", ".a", "a b", "\xc3\xa4.example", "10.0.0.1%eth0",
					     "fe80::1%nosuchdevice0", "$(id)", "a/b" };
	struct pt_err e = { 0 };
	struct pt_addr a;
	uint32_t zone;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++)
		assert_true(pt_probe_host(wrong[i], PT_AF_NONE, &a, &zone, &e) < 0);
	assert_int_equal(e.n_errors, PT_ARRAY_SIZE(wrong));
	assert_int_equal(pt_probe_host("fe80::1%lo", PT_AF_NONE, &a, &zone, &e), 0);
	assert_int_not_equal(zone, 0);
	assert_int_equal(pt_probe_host("192.0.2.1", PT_AF_INET6, &a, &zone, &e), -EINVAL);
	pt_err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stats),	    cmocka_unit_test(test_stats_edges), cmocka_unit_test(test_error4),
		cmocka_unit_test(test_too_big),	    cmocka_unit_test(test_echo),	cmocka_unit_test(test_labels),
		cmocka_unit_test(test_words),	    cmocka_unit_test(test_udp_checksum), cmocka_unit_test(test_echo_checksum),
		cmocka_unit_test(test_syn),	    cmocka_unit_test(test_names),	cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
