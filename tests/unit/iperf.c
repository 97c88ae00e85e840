/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of iperf3's protocol from an end that cannot be trusted, and what is made of numbered datagrams. Loss and order are compared
 * with a second count of known series.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <patronus/iperf.h>

static int read_test(const char *text, struct pt_iperf_test *t)
{
	const char *why;
	int rc = pt_iperf_test_read(text, strlen(text), t, &why);

	assert_true(!rc == !*why);
	return rc;
}

/* As clients of iperf3 3.12 write them. */
static void test_asked(void **state)
{
	struct pt_iperf_test t;

	(void)state;
	assert_int_equal(read_test("{\"tcp\":true,\"omit\":2,\"time\":10,\"num\":0,\"blockcount\":0,\"parallel\":3,\"reverse\":true,"
				   "\"len\":131072,\"pacing_timer\":1000,\"congestion\":\"cubic\",\"client_version\":\"3.12\"}", &t), 0);
	assert_false(t.udp);
	assert_true(t.reverse);
	assert_false(t.both);
	assert_int_equal(t.omit, 2);
	assert_int_equal(t.seconds, 10);
	assert_int_equal(t.streams, 3);
	assert_int_equal(t.block, 131072);
	assert_string_equal(t.congestion, "cubic");
	assert_int_equal(read_test("{\"udp\":true,\"time\":1,\"num\":1e+10,\"parallel\":1,\"bidirectional\":true,\"len\":1448,"
				   "\"bandwidth\":10000000000,\"TOS\":40,\"udp_counters_64bit\":1}", &t), 0);
	assert_true(t.udp && t.both && t.wide);
	assert_int_equal(t.bytes, 10000000000);
	assert_int_equal(t.rate, 10000000000);
	assert_int_equal(t.tos, 40);
}

static void test_asked_wrongly(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "{", "null", "{}", "{\"tcp\":true}", "{\"tcp\":true,\"udp\":true,\"parallel\":1,\"len\":1000}",
		"{\"sctp\":true,\"parallel\":1}", "{\"tcp\":true,\"parallel\":0}", "{\"tcp\":true,\"parallel\":129}",
		"{\"tcp\":true,\"parallel\":-1}", "{\"tcp\":true,\"parallel\":\"1\"}", "{\"tcp\":true,\"parallel\":1e300}",
		"{\"tcp\":true,\"parallel\":1,\"len\":1048577}", "{\"tcp\":true,\"parallel\":1,\"len\":-5}",
		"{\"tcp\":true,\"parallel\":1,\"len\":[]}", "{\"udp\":true,\"parallel\":1}", "{\"udp\":true,\"parallel\":1,\"len\":15}",
		"{\"udp\":true,\"parallel\":1,\"len\":65508}", "{\"tcp\":true,\"parallel\":1,\"time\":86401}",
		"{\"tcp\":true,\"parallel\":1,\"TOS\":256}", "{\"tcp\":true,\"parallel\":1,\"reverse\":true,\"bidirectional\":true}",
		"{\"tcp\":true,\"parallel\":1,\"congestion\":\"../../x\"}", "{\"tcp\":true,\"parallel\":1,\"congestion\":\"aaaaaaaaaaaaaaaa\"}",
		"{\"tcp\":true,\"parallel\":1,\"parallel\":2}", "{\"tcp\":true,\"parallel\":1} x", "{\"tcp\":true,\"parallel\":1,\"window\":1e12}",
		"{\"tcp\":true,\"parallel\":99999999999999999999999}", "{\"tcp\":true,\"parallel\":1,\"title\":\"\xff\"}",
	};
	struct pt_iperf_test t;
	char *deep;
	const char *why;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++)
		if (read_test(wrong[i], &t) != -EPROTO)
			fail_msg("taken: %s", wrong[i]);
	deep = malloc(PT_IPERF_MESSAGE_MAX + 1);
	assert_non_null(deep);
	memset(deep, '[', PT_IPERF_MESSAGE_MAX + 1);
	assert_int_equal(pt_iperf_test_read(deep, PT_IPERF_MESSAGE_MAX, &t, &why), -EPROTO);
	assert_int_equal(pt_iperf_test_read(deep, PT_IPERF_MESSAGE_MAX + 1, &t, &why), -EPROTO);
	assert_string_equal(why, "a document that is too long");
	free(deep);
}

static void test_written(void **state)
{
	struct pt_iperf_test in = { .udp = true, .both = true, .wide = true, .no_delay = true, .seconds = 7, .omit = 1, .streams = 4,
				    .block = 1000, .mss = 900, .tos = 184, .rate = 5000000000, .bytes = 1, .window = 65536,
				    .congestion = "reno" }, out;
	struct pt_buf b = { 0 };

	(void)state;
	pt_iperf_test_write(&b, &in);
	assert_int_equal(b.err, 0);
	assert_int_equal(read_test(b.s, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	pt_buf_fini(&b);
}

static int read_results(const char *text, struct pt_iperf_flow *flows)
{
	const char *why;

	memset(flows, 0, 2 * sizeof(*flows));
	flows[0].id = 1;
	flows[1].id = 3;
	return pt_iperf_results_read(text, strlen(text), flows, 2, &why);
}

#define STREAM(id) "{\"id\":" id ",\"bytes\":7,\"retransmits\":2,\"jitter\":0.5,\"errors\":1,\"packets\":9,\"start_time\":0.5,\"end_time\":2}"
static void test_results(void **state)
{
	static const char *const wrong[] = {
		"{}", "{\"streams\":{}}", "{\"streams\":[1]}", "{\"streams\":[{}]}", "{\"streams\":[" STREAM("2") "]}",
		"{\"streams\":[" STREAM("1") "," STREAM("1") "]}", "{\"streams\":[{\"id\":1,\"bytes\":-1}]}",
		"{\"streams\":[{\"id\":1,\"bytes\":\"7\"}]}", "{\"streams\":[{\"id\":1,\"packets\":1e40}]}", "{\"streams\":[" STREAM("-1") "]}",
	};
	struct pt_iperf_flow f[2];

	(void)state;
	assert_int_equal(read_results("{\"cpu_util_total\":1,\"streams\":[" STREAM("3") "]}", f), 0);
	assert_false(f[0].told);
	assert_true(f[1].told && f[1].there.resends);
	assert_int_equal(f[1].there.bytes, 7);
	assert_int_equal(f[1].there.retransmits, 2);
	assert_int_equal(f[1].there.lost, 1);
	assert_int_equal(f[1].there.packets, 9);
	assert_true(f[1].there.jitter == 0.5 && f[1].there.seconds == 1.5);
	/* What is unknown is -1, which some builds write so. */
	assert_int_equal(read_results("{\"streams\":[{\"id\":1,\"bytes\":1,\"retransmits\":18446744073709551615,\"errors\":-3,"
				      "\"jitter\":-1,\"end_time\":1e300}]}", f), 0);
	assert_false(f[0].there.resends);
	assert_int_equal(f[0].there.lost, 0);
	assert_true(f[0].there.jitter == 0 && f[0].there.seconds == 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++)
		if (read_results(wrong[i], f) != -EPROTO)
			fail_msg("taken: %s", wrong[i]);
}

static void test_results_written(void **state)
{
	const struct pt_iperf_test t = { .streams = 1, .both = true };
	const double cpu[3] = { 3, 1, 2 };
	struct pt_iperf_flow out[2], in[2] = {
		{ .id = 1, .sends = true, .here = { .bytes = 1ull << 50, .resends = true, .retransmits = 5, .seconds = 1.5 } },
		{ .id = 3, .here = { .bytes = 12, .packets = 3, .lost = 2, .jitter = 0.25, .seconds = 1 } },
	};
	struct pt_buf b = { 0 };

	(void)state;
	pt_iperf_results_write(&b, &t, in, 2, cpu);
	assert_int_equal(b.err, 0);
	assert_non_null(strstr(b.s, "\"sender_has_retransmits\":1,"));
	assert_int_equal(read_results(b.s, out), 0);
	assert_memory_equal(&out[0].there, &in[0].here, sizeof(in[0].here));
	assert_int_equal(out[1].there.bytes, 12);
	assert_int_equal(out[1].there.lost, 2);
	assert_true(out[1].there.jitter == 0.25 && !out[1].there.resends);
	pt_buf_fini(&b);
}

/* ---- memory ---- */

static long fail_at = -1;

static void *failing_malloc(size_t n)
{
	return fail_at >= 0 && fail_at-- == 0 ? NULL : malloc(n);
}

static void test_memory(void **state)
{
	static const char text[] = "{\"tcp\":true,\"parallel\":1,\"x\":[{\"y\":1.5},\"z\"]}";
	int rc = -ENOMEM;
	long at;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (at = 0; rc && at < 1000; at++) {
		struct pt_iperf_test t;
		const char *why;

		fail_at = at;
		rc = pt_iperf_test_read(text, strlen(text), &t, &why);
		/* jansson does not tell all of them from a document that is wrong. */
		assert_true(!rc || rc == -ENOMEM || rc == -EPROTO);
	}
	fail_at = -1;
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(rc, 0);
	assert_true(at > 5);
}

/* ---- datagrams ---- */

static int hear(struct pt_iperf_heard *h, uint64_t number, int64_t sent, int64_t came, bool wide)
{
	uint8_t data[PT_IPERF_DATAGRAM_MIN];

	pt_iperf_stamp(data, wide, number, sent);
	return pt_iperf_hear(h, data, sizeof(data), wide, came);
}

static void test_order(void **state)
{
	static const uint64_t numbers[] = { 1, 2, 5, 4, 6, 6, 10 };
	struct pt_iperf_heard h = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(numbers); i++)
		assert_int_equal(hear(&h, numbers[i], 1000000, 1000000, i % 2), 0);
	assert_int_equal(h.highest, 10);
	assert_int_equal(h.received, 7);
	assert_int_equal(h.reordered, 2);
	/* 3, 7, 8, 9, and one less for the duplicate, which nobody can tell from one that is late. */
	assert_int_equal(h.lost, 3);
}

static void test_jitter(void **state)
{
	static const int64_t delays[] = { 100, 100, 260, 100 };
	struct pt_iperf_heard h = { 0 };
	double jitter = 0;

	(void)state;
	/* Clocks that do not agree by a day change nothing. */
	for (size_t i = 0; i < PT_ARRAY_SIZE(delays); i++) {
		double d = i ? (double)(delays[i] - delays[i - 1]) / 1e6 : 0;

		jitter += ((d < 0 ? -d : d) - jitter) / 16;
		assert_int_equal(hear(&h, i + 1, 1700000000999999 + (int64_t)i * 7, 1700086400999999 + (int64_t)i * 7 + delays[i], true), 0);
	}
	assert_true(jitter > 0 && h.jitter > jitter * 0.999999 && h.jitter < jitter * 1.000001);
}

static void test_datagrams_wrong(void **state)
{
	struct pt_iperf_heard h = { 0 };
	uint8_t data[16];

	(void)state;
	assert_int_equal(hear(&h, 0, 0, 0, true), -EPROTO);
	assert_int_equal(hear(&h, UINT64_MAX, 0, 0, true), -EPROTO);
	pt_iperf_stamp(data, true, 1, 0);
	assert_int_equal(pt_iperf_hear(&h, data, 15, true, 0), -EPROTO);
	assert_int_equal(pt_iperf_hear(&h, data, 11, false, 0), -EPROTO);
	assert_int_equal(pt_iperf_hear(&h, data, 0, false, 0), -EPROTO);
	assert_int_equal(h.received, 0);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(pt_iperf_hear(&h, data, 12, false, INT64_MAX / 2), 0);
	assert_int_equal(h.highest, UINT32_MAX);
	assert_int_equal(hear(&h, INT64_MAX, 0, 0, true), 0);
	assert_int_equal(h.lost, (uint64_t)INT64_MAX - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),	cmocka_unit_test(test_asked_wrongly), cmocka_unit_test(test_written),
		cmocka_unit_test(test_results), cmocka_unit_test(test_results_written), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_order),	cmocka_unit_test(test_jitter),	      cmocka_unit_test(test_datagrams_wrong),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
