/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sums by host, rates between two looks, and which states come first: against sums, rates and orders that are
 * worked out here one by one, on states by the thousand; and without memory at every place.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include <patronus/ct.h>

#include "lib/scarce.h"

#define SECOND 1000000000ull
#define MANY 5000

/* ---- states ---- */

/* Numbered: 100 sources, 7 destinations, both families. */
static struct pt_ct_entry numbered(uint32_t i)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE };
	enum pt_af af = i % 2 ? PT_AF_INET6 : PT_AF_INET;
	struct pt_ct_entry ct = { .proto = protos[i % 4], .id = i + 1, .has_counters = true, .timeout = i % 997 };

	ct.orig.src = (struct pt_addr){ af, 1000 + i % 100 };
	ct.orig.dst = (struct pt_addr){ af, 2000 + i % 7 };
	ct.orig.sport = (uint16_t)i;
	ct.orig.dport = 80;
	ct.reply = (struct pt_ct_tuple){ ct.orig.dst, ct.orig.src, 80, (uint16_t)i };
	ct.packets[0] = i;
	ct.packets[1] = 2 * i;
	ct.bytes[0] = 100 * i;
	ct.bytes[1] = 1000 * i;
	ct.start = i % 3 ? (i + 1) * SECOND : 0;
	return ct;
}

/* ---- hosts ---- */

static void test_hosts(void **state)
{
	struct pt_ct_hosts *h = pt_ct_hosts_new(false);
	uint64_t bytes[2] = { 0 }, total = 0;
	const struct pt_ct_host *v, *all;
	size_t n, uncounted;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		const struct pt_ct_entry ct = numbered(i);

		assert_int_equal(pt_ct_hosts_add(h, &ct), 0);
		if (i % 100 == 42) {
			bytes[0] += ct.bytes[0];
			bytes[1] += ct.bytes[1];
		}
		total += ct.bytes[0];
	}
	all = pt_ct_hosts_all(h, &n, &uncounted);
	assert_int_equal(n, 100);
	assert_int_equal(uncounted, 0);
	assert_int_equal(all->states, MANY);
	assert_int_equal(all->bytes[0], total);
	assert_int_equal(all->of[PT_CT_TCP] + all->of[PT_CT_UDP] + all->of[PT_CT_ICMP] + all->of[PT_CT_OTHER], MANY);
	v = pt_ct_hosts_sorted(h, PT_CT_HOST_ADDRESS);
	assert_int_equal(v[21].addr.v, 1042); /* IPv4 first: the even ones */
	assert_int_equal(v[21].states, MANY / 100);
	assert_int_equal(v[21].bytes[0], bytes[0]);
	assert_int_equal(v[21].bytes[1], bytes[1]);
	v = pt_ct_hosts_sorted(h, PT_CT_HOST_BYTES);
	for (size_t i = 1; i < n; i++)
		assert_true(v[i - 1].bytes[0] + v[i - 1].bytes[1] >= v[i].bytes[0] + v[i].bytes[1]);
	/* After an order was made, one that is there already is found, and another one added. */
	for (uint32_t i = 0; i < 2; i++) {
		struct pt_ct_entry ct = numbered(42);

		ct.orig.src.v += 5000 * i;
		ct.has_counters = false;
		assert_int_equal(pt_ct_hosts_add(h, &ct), 0);
	}
	(void)pt_ct_hosts_all(h, &n, &uncounted);
	assert_int_equal(n, 101);
	assert_int_equal(uncounted, 2);
	v = pt_ct_hosts_sorted(h, PT_CT_HOST_STATES);
	assert_int_equal(v[0].addr.v, 1042);
	assert_int_equal(v[100].states, 1);
	pt_ct_hosts_free(h);
}

static void test_targets(void **state)
{
	struct pt_ct_hosts *h = pt_ct_hosts_new(true);
	struct pt_ct_entry ct = numbered(1);
	const struct pt_ct_host *v;

	(void)state;
	ct.reply.src.v = 4711; /* redirected */
	assert_int_equal(pt_ct_hosts_add(h, &ct), 0);
	v = pt_ct_hosts_sorted(h, PT_CT_HOST_BYTES);
	assert_int_equal(v->addr.v, 4711);
	assert_int_equal(v->bytes[0], 1000); /* what it sent are the replies */
	assert_int_equal(v->packets[1], 1);
	pt_ct_hosts_free(h);
}

/* ---- rates ---- */

static void test_rates(void **state)
{
	struct pt_ct_rates *r = pt_ct_rates_new();
	struct pt_ct_rate rate;
	struct pt_ct_turn turn;
	struct pt_ct_entry ct;

	(void)state;
	assert_int_equal(pt_ct_rates_begin(r, 5 * SECOND), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		ct = numbered(i);
		assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0);
		assert_false(rate.known);
	}
	pt_ct_rates_turn(r, &turn);
	assert_int_equal(turn.states, MANY);
	assert_int_equal(turn.came + turn.went, 0);
	assert_false(turn.rate.known);
	/* Two seconds later the first 100 are gone, 50 came, and each has sent as many bytes as its number. */
	assert_int_equal(pt_ct_rates_begin(r, 7 * SECOND), 0);
	for (uint32_t i = 100; i < MANY + 50; i++) {
		ct = numbered(i);
		ct.bytes[1] += i;
		ct.packets[0] += 4;
		assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0);
		assert_true(rate.known);
		if (i < MANY) {
			assert_int_equal(rate.bytes, i / 2);
			assert_int_equal(rate.packets, 2);
		} else {
			assert_int_equal(rate.bytes, 1101ull * i / 2); /* all that it has */
		}
	}
	pt_ct_rates_turn(r, &turn);
	assert_int_equal(turn.states, MANY - 50);
	assert_int_equal(turn.came, 50);
	assert_int_equal(turn.went, 100);
	assert_true(turn.rate.known);
	pt_ct_rates_free(r);
}

static void test_odd_rates(void **state)
{
	struct pt_ct_rates *r = pt_ct_rates_new();
	struct pt_ct_entry ct = numbered(1000), other = numbered(1001);
	struct pt_ct_rate rate;
	struct pt_ct_turn turn;

	(void)state;
	assert_int_equal(pt_ct_rates_begin(r, SECOND), 0);
	assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0);
	assert_int_equal(pt_ct_rates_begin(r, 2 * SECOND), 0);
	ct.bytes[0] = ct.bytes[1] = 50; /* somebody set them to zero meanwhile */
	assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0);
	assert_int_equal(rate.bytes, 100);
	assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0); /* twice in one dump */
	assert_false(rate.known);
	other.has_counters = false;
	assert_int_equal(pt_ct_rates_add(r, &other, &rate), 0);
	assert_false(rate.known);
	pt_ct_rates_turn(r, &turn);
	assert_int_equal(turn.states, 2);
	assert_int_equal(turn.rate.bytes, 100);
	/* A successor with the same tuple is another state. */
	assert_int_equal(pt_ct_rates_begin(r, 3 * SECOND), 0);
	ct.id++;
	assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0);
	pt_ct_rates_turn(r, &turn);
	assert_int_equal(turn.came, 1);
	assert_int_equal(turn.went, 2);
	/* A clock that stands still gives no rates. */
	assert_int_equal(pt_ct_rates_begin(r, 3 * SECOND), 0);
	assert_int_equal(pt_ct_rates_add(r, &ct, &rate), 0);
	assert_false(rate.known);
	pt_ct_rates_free(r);
}

/* ---- the first ones ---- */

static struct pt_ct_rate rate_of(uint32_t i)
{
	return (struct pt_ct_rate){ .bytes = (uint64_t)i * 7919 % 1013, .packets = i % 5, .known = true };
}

static uint64_t value(enum pt_ct_order o, const struct pt_ct_row *r)
{
	switch (o) {
	case PT_CT_BY_RATE:
		return UINT64_MAX - r->rate.bytes;
	case PT_CT_BY_BYTES:
		return UINT64_MAX - r->ct.bytes[0] - r->ct.bytes[1];
	case PT_CT_BY_PACKETS:
		return UINT64_MAX - r->ct.packets[0] - r->ct.packets[1];
	case PT_CT_BY_AGE:
		return r->ct.start ? r->ct.start : UINT64_MAX;
	case PT_CT_BY_EXPIRY:
		return r->ct.timeout;
	case PT_CT_BY_SOURCE:
		return (uint64_t)r->ct.orig.src.af << 32 | (uint64_t)r->ct.orig.src.v;
	default:
		return (uint64_t)r->ct.orig.dst.af << 32 | (uint64_t)r->ct.orig.dst.v;
	}
}

/* The first 20 of thousands are in order, none that was left out is before the last of them, and another
 * order of coming changes nothing. */
static void test_rank(void **state)
{
	(void)state;
	for (enum pt_ct_order o = 0; o < PT_CT_ORDERS; o++) {
		struct pt_ct_rank k[2] = { { .order = o, .max = 20 }, { .order = o, .max = 20 } };
		size_t before = 0;

		for (uint32_t i = 0; i < MANY; i++) {
			const struct pt_ct_entry ct[2] = { numbered(i), numbered(MANY - 1 - i) };
			const struct pt_ct_rate rate[2] = { rate_of(i), rate_of(MANY - 1 - i) };

			for (int turn = 0; turn < 2; turn++)
				assert_int_equal(pt_ct_rank_add(&k[turn], &ct[turn], &rate[turn]), 0);
		}
		assert_int_equal(k[0].rows.n, 20);
		for (size_t i = 0; i < 20; i++) {
			assert_int_equal(k[0].rows.v[i].ct.id, k[1].rows.v[i].ct.id);
			if (i)
				assert_true(value(o, &k[0].rows.v[i - 1]) <= value(o, &k[0].rows.v[i]));
		}
		for (uint32_t i = 0; i < MANY; i++) {
			const struct pt_ct_row row = { numbered(i), rate_of(i) };

			before += value(o, &row) < value(o, &k[0].rows.v[19]);
		}
		assert_true(before < 20);
		for (int turn = 0; turn < 2; turn++)
			free(k[turn].rows.v);
	}
}

static void test_few(void **state)
{
	struct pt_ct_rank k = { .order = PT_CT_BY_RATE, .max = 0 };
	const struct pt_ct_entry ct = numbered(1);
	const struct pt_ct_rate rate = rate_of(1);

	(void)state;
	assert_int_equal(pt_ct_rank_add(&k, &ct, &rate), 0);
	assert_int_equal(k.rows.n, 0);
	k.max = 1;
	assert_int_equal(pt_ct_rank_add(&k, &ct, &rate), 0);
	assert_int_equal(pt_ct_rank_add(&k, &ct, &rate), 0);
	assert_int_equal(k.rows.n, 1);
	free(k.rows.v);
}

/* ---- without memory ---- */

static int all_of_it(void)
{
	struct pt_ct_hosts *h = pt_ct_hosts_new(false);
	struct pt_ct_rates *r = pt_ct_rates_new();
	struct pt_ct_rank k = { .max = 30 };
	int rc = h && r ? pt_ct_rates_begin(r, SECOND) : -ENOMEM;

	for (uint32_t i = 0; !rc && i < MANY; i++) {
		struct pt_ct_entry ct = numbered(i);
		struct pt_ct_rate rate = { 0 };

		ct.orig.src.v += i; /* many hosts */
		rc = pt_ct_hosts_add(h, &ct);
		if (!rc)
			rc = pt_ct_rates_add(r, &ct, &rate);
		if (!rc)
			rc = pt_ct_rank_add(&k, &ct, &rate);
	}
	free(k.rows.v);
	pt_ct_rates_free(r);
	pt_ct_hosts_free(h);
	return rc;
}

static void test_without_memory(void **state)
{
	long n = 0;
	int rc;

	(void)state;
	do {
		allocations_left = n++;
		rc = all_of_it();
		assert_true(rc == 0 || rc == -ENOMEM);
	} while (rc);
	allocations_left = -1;
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_odd_rates),
		cmocka_unit_test(test_rank),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_without_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rates and sums of states", tests, NULL, NULL);
}
