/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as text, and the algebra of interval sets against brute force: every subset of a small
 * space is written down as bits, and each operation must give what the bits give.
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

#include <patronus/addr.h>

/* ---- text ---- */

static void is_addr(const char *s, const char *again)
{
	struct pt_addr a;
	struct pt_buf b = {0};

	if (pt_addr_parse(s, &a))
		fail_msg("%s is refused", s);
	pt_addr_fmt(&b, a);
	assert_string_equal(b.s, again);
	pt_buf_fini(&b);
}

/* Each byte in each place. */
static void test_every_byte(void **state)
{
	char wanted[16];

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		(void)snprintf(wanted, sizeof(wanted), "%u.%u.%u.%u", i, i ^ 0xff, i / 3, i % 101);
		is_addr(wanted, wanted);
	}
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {
		"",	      "1",	  "1.2.3",	 "1.2.3.4.5", "256.1.1.1",
		"01.2.3.4",   "1.2.3.04", "1.2.3.4 ",	 " 1.2.3.4",  "0x1.2.3.4",
		"fe80::1%lo", ":::",	  "1::2::3",	 "12345::",   "g::",
		"1.2.3.4/8",  "[::1]",	  "::1.2.3.256", "localhost",
	};
	struct pt_addr a = {.af = PT_AF_NONE};

	(void)state;
	is_addr("0.0.0.0", "0.0.0.0");
	is_addr("255.255.255.255", "255.255.255.255");
	is_addr("::", "::");
	is_addr("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	is_addr("::ffff:1.2.3.4", "::ffff:1.2.3.4");
	is_addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		if (pt_addr_parse(bad[i], &a) != -EINVAL || a.af != PT_AF_NONE)
			fail_msg("\"%s\" is an address", bad[i]);
	assert_int_equal(pt_addr_parse("10.1.2.3", &a), 0);
	assert_int_equal(a.af, PT_AF_INET);
	assert_true(a.v == 0x0a010203);
}

static void test_bytes(void **state)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2};
	static const uint8_t v4[4] = {192, 0, 2, 7};
	uint8_t out[16];
	struct pt_addr a = pt_addr_from_bytes(v6, 16);

	(void)state;
	assert_int_equal(a.af, PT_AF_INET6);
	assert_true(a.v == ((pt_u128)0x20010db800000000ull << 64 | 0x102));
	pt_addr_to_bytes(a, out);
	assert_memory_equal(out, v6, 16);
	a = pt_addr_from_bytes(v4, 4);
	assert_int_equal(a.af, PT_AF_INET);
	assert_true(a.v == 0xc0000207);
	pt_addr_to_bytes(a, out);
	assert_memory_equal(out, v4, 4);
}

static void prefix(const char *s, const char *lo, const char *hi)
{
	struct pt_prefix p;
	struct pt_addr a, b;

	if (pt_prefix_parse(s, &p))
		fail_msg("%s is refused", s);
	assert_int_equal(pt_addr_parse(lo, &a), 0);
	assert_int_equal(pt_addr_parse(hi, &b), 0);
	if (pt_prefix_lo(&p) != a.v || pt_prefix_hi(&p) != b.v)
		fail_msg("%s is not %s to %s", s, lo, hi);
}

static void test_prefixes(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0/33", "10.0.0.0/",
		"10.0.0.0/08", "10.0.0.0/-1",
		"10.0.0/8",    "::/129",
		"/8",	       "10.0.0.0/8/9",
		"10.0.0.0/ 8", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64"};
	struct pt_prefix p;
	struct pt_buf b = {0};

	(void)state;
	prefix("10.0.0.0/8", "10.0.0.0", "10.255.255.255");
	prefix("10.1.2.3/8", "10.0.0.0",
	       "10.255.255.255"); /* host bits: kept, and no part of the range */
	prefix("10.1.2.3", "10.1.2.3", "10.1.2.3");
	prefix("0.0.0.0/0", "0.0.0.0", "255.255.255.255");
	prefix("192.0.2.1/31", "192.0.2.0", "192.0.2.1");
	prefix("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	prefix("2001:db8::/127", "2001:db8::", "2001:db8::1");
	prefix("2001:db8::/1", "::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		if (pt_prefix_parse(bad[i], &p) != -EINVAL)
			fail_msg("\"%s\" is a prefix", bad[i]);
	assert_int_equal(pt_prefix_parse("10.1.2.3/8", &p), 0);
	assert_true(p.addr.v == 0x0a010203);
	pt_prefix_fmt(&b, p);
	pt_buf_chr(&b, ' ');
	assert_int_equal(pt_prefix_parse("::1/128", &p), 0);
	pt_prefix_fmt(&b, p);
	assert_string_equal(b.s, "10.1.2.3/8 ::1");
	pt_buf_fini(&b);
}

/* ---- ranges as prefixes ---- */

struct pieces {
	enum pt_af af;
	pt_u128 next, hi; /* where the next piece must begin */
	size_t n;
	int stop_at; /* this piece answers 7; -1: none */
};

static int piece(struct pt_prefix p, void *arg)
{
	struct pieces *x = arg;

	assert_int_equal(p.addr.af, x->af);
	assert_true(p.addr.v == x->next);
	assert_true(pt_prefix_lo(&p) == p.addr.v);
	assert_true(pt_prefix_hi(&p) <= x->hi);
	x->next = pt_prefix_hi(&p) + 1;
	x->n++;
	return (int)x->n == x->stop_at ? 7 : 0;
}

/* The fewest blocks of LO..HI: dynamic search over all aligned blocks that begin at LO. */
static size_t fewest(unsigned int lo, unsigned int hi)
{
	size_t best = SIZE_MAX;

	for (unsigned int size = 1; size <= 64 && lo % size == 0 && lo + size - 1 <= hi;
	     size *= 2) {
		size_t n = lo + size - 1 == hi ? 1 : 1 + fewest(lo + size, hi);

		if (n < best)
			best = n;
	}
	return best;
}

static void test_range_prefixes(void **state)
{
	(void)state;
	for (unsigned int lo = 0; lo < 32; lo++)
		for (unsigned int hi = lo; hi < 32; hi++) {
			struct pieces x = {.af = PT_AF_INET, .next = lo, .hi = hi, .stop_at = -1};

			assert_int_equal(pt_range_prefixes(PT_AF_INET, lo, hi, piece, &x), 0);
			assert_true(x.next == (pt_u128)hi + 1);
			assert_int_equal(x.n, fewest(lo, hi));
		}
}

static void test_range_edges(void **state)
{
	const pt_u128 max6 = pt_af_max(PT_AF_INET6);
	struct pieces all4 = {.af = PT_AF_INET, .hi = UINT32_MAX};
	struct pieces all6 = {.af = PT_AF_INET6, .hi = max6};
	struct pieces most = {.af = PT_AF_INET6, .next = 1, .hi = max6 - 1};
	struct pieces last = {.af = PT_AF_INET6, .next = max6, .hi = max6};
	struct pieces stopped = {.af = PT_AF_INET, .next = 1, .hi = 100, .stop_at = 3};

	(void)state;
	assert_int_equal(pt_range_prefixes(PT_AF_INET, 0, UINT32_MAX, piece, &all4), 0);
	assert_int_equal(all4.n, 1);
	assert_int_equal(pt_range_prefixes(PT_AF_INET6, 0, max6, piece, &all6), 0);
	assert_int_equal(all6.n, 1);
	assert_int_equal(pt_range_prefixes(PT_AF_INET6, 1, max6 - 1, piece, &most), 0);
	assert_int_equal(most.n, 2 * 127); /* the worst range there is */
	assert_int_equal(pt_range_prefixes(PT_AF_INET6, max6, max6, piece, &last), 0);
	assert_int_equal(last.n, 1);
	assert_int_equal(pt_range_prefixes(PT_AF_INET, 1, 100, piece, &stopped), 7);
	assert_int_equal(stopped.n, 3);
}

static void range_text(enum pt_af af, pt_u128 lo, pt_u128 hi, const char *want)
{
	struct pt_buf b = {0};

	pt_range_fmt(&b, af, lo, hi);
	assert_string_equal(b.s, want);
	pt_buf_fini(&b);
}

static void test_range_text(void **state)
{
	(void)state;
	range_text(PT_AF_INET, 0x0a000000, 0x0affffff, "10.0.0.0/8");
	range_text(PT_AF_INET, 0x0a000003, 0x0a000009, "10.0.0.3-10.0.0.9");
	range_text(PT_AF_INET, 0x0a000001, 0x0a000001, "10.0.0.1");
	range_text(PT_AF_INET, 0, UINT32_MAX, "0.0.0.0/0");
	range_text(PT_AF_INET6, 0, pt_af_max(PT_AF_INET6), "::/0");
	range_text(PT_AF_INET6, 1, 2, "::1-::2");
}

/* ---- sets against bits ---- */

#define SPACE 6 /* numbers 0..5: 64 subsets, 4096 pairs */

static void from_bits(struct pt_iset *s, unsigned int bits, pt_u128 base)
{
	memset(s, 0, sizeof(*s));
	for (unsigned int i = 0; i < SPACE; i++)
		if (bits >> i & 1)
			assert_int_equal(pt_iset_add(NULL, s, base + i, base + i), 0);
	pt_iset_norm(s);
}

/* Bits of a set, which must also be normal. */
static unsigned int to_bits(const struct pt_iset *s, pt_u128 base)
{
	unsigned int bits = 0;

	assert_false(s->dirty);
	for (size_t i = 0; i < s->n; i++) {
		assert_true(s->v[i].lo <= s->v[i].hi);
		assert_true(i == 0 || s->v[i].lo > s->v[i - 1].hi + 1);
		for (unsigned int k = 0; k < SPACE; k++)
			if (s->v[i].lo <= base + k && base + k <= s->v[i].hi)
				bits |= 1u << k;
	}
	return bits;
}

typedef int (*operation)(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
			 const struct pt_iset *y);

static unsigned int result(operation op, const struct pt_iset *x, const struct pt_iset *y,
			   pt_u128 base)
{
	struct pt_iset out;
	unsigned int bits;

	assert_int_equal(op(NULL, &out, x, y), 0);
	bits = to_bits(&out, base);
	pt_iset_fini(&out);
	return bits;
}

static void pairs(pt_u128 base)
{
	for (unsigned int i = 0; i < 1u << SPACE; i++)
		for (unsigned int k = 0; k < 1u << SPACE; k++) {
			struct pt_iset x, y;

			from_bits(&x, i, base);
			from_bits(&y, k, base);
			assert_int_equal(to_bits(&x, base), i);
			assert_int_equal(result(pt_iset_union, &x, &y, base), i | k);
			assert_int_equal(result(pt_iset_intersect, &x, &y, base), i & k);
			assert_int_equal(result(pt_iset_subtract, &x, &y, base), i & ~k);
			assert_int_equal(pt_iset_equal(&x, &y), i == k);
			pt_iset_fini(&x);
			pt_iset_fini(&y);
		}
}

/* At both ends of the numbers too, where a step further would wrap. */
static void test_pairs(void **state)
{
	(void)state;
	pairs(0);
	pairs(1000);
	pairs(UINT32_MAX - 3);
	pairs(~(pt_u128)0 - (SPACE - 1));
}

static void test_complement(void **state)
{
	static const pt_u128 spaces[] = {SPACE - 1, SPACE - 2,
					 0}; /* the last ones cut through the set */

	(void)state;
	for (size_t m = 0; m < PT_ARRAY_SIZE(spaces); m++)
		for (unsigned int i = 0; i < 1u << SPACE; i++) {
			unsigned int all = (1u << (spaces[m] + 1)) - 1;
			struct pt_iset x, out;

			from_bits(&x, i, 0);
			assert_int_equal(pt_iset_complement(NULL, &out, &x, spaces[m]), 0);
			assert_int_equal(to_bits(&out, 0), ~i & all);
			pt_iset_fini(&x);
			pt_iset_fini(&out);
		}
}

static void test_complement_of_everything(void **state)
{
	const pt_u128 max = ~(pt_u128)0;
	struct pt_iset none = {0}, all, again;

	(void)state;
	assert_int_equal(pt_iset_complement(NULL, &all, &none, max), 0);
	assert_int_equal(all.n, 1);
	assert_true(all.v[0].lo == 0 && all.v[0].hi == max);
	assert_true(pt_iset_has(&all, max));
	assert_int_equal(pt_iset_complement(NULL, &again, &all, max), 0);
	assert_int_equal(again.n, 0);
	pt_iset_fini(&all);
	pt_iset_fini(&again);
}

static void test_membership(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1u << SPACE; i++) {
		struct pt_iset x;

		from_bits(&x, i, 1);
		assert_false(pt_iset_has(&x, 0));
		assert_false(pt_iset_has(&x, SPACE + 1));
		for (unsigned int lo = 0; lo < SPACE; lo++)
			for (unsigned int hi = lo; hi < SPACE; hi++) {
				unsigned int want = ((1u << (hi - lo + 1)) - 1) << lo;

				assert_int_equal(pt_iset_covers(&x, lo + 1, hi + 1),
						 (i & want) == want);
				if (lo == hi)
					assert_int_equal(pt_iset_has(&x, lo + 1), i >> lo & 1);
			}
		pt_iset_fini(&x);
	}
}

/* Intervals in any order, overlapping, twice, at the end of the numbers. */
static void test_norm(void **state)
{
	const pt_u128 max = ~(pt_u128)0;
	struct pt_iset s = {0};

	(void)state;
	pt_iset_norm(&s);
	assert_int_equal(s.n, 0);
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		unsigned int bits = 0;

		for (int i = 0; i < 5; i++) {
			unsigned int lo = (unsigned int)random() % SPACE,
				     hi = lo + (unsigned int)random() % (SPACE - lo);

			assert_int_equal(pt_iset_add(NULL, &s, lo, hi), 0);
			bits |= ((1u << (hi - lo + 1)) - 1) << lo;
		}
		pt_iset_norm(&s);
		assert_int_equal(to_bits(&s, 0), bits);
		pt_iset_fini(&s);
	}
	assert_int_equal(pt_iset_add(NULL, &s, max - 1, max), 0);
	assert_int_equal(pt_iset_add(NULL, &s, 0, 0), 0);
	assert_int_equal(pt_iset_add(NULL, &s, max, max), 0);
	pt_iset_norm(&s);
	assert_int_equal(s.n, 2);
	assert_true(s.v[0].hi == 0 && s.v[1].lo == max - 1 && s.v[1].hi == max);
	pt_iset_fini(&s);
}

static void test_in_arena(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_iset x = {0}, y = {0}, out;

	(void)state;
	assert_non_null(a);
	for (unsigned int i = 0; i < 10000; i++) {
		assert_int_equal(pt_iset_add(a, &x, i * 4, i * 4), 0);
		assert_int_equal(pt_iset_add(a, &y, i * 4 + 1, i * 4 + 2), 0);
	}
	assert_false(x.dirty); /* rising input needs no sorting */
	assert_int_equal(pt_iset_union(a, &out, &x, &y), 0);
	assert_int_equal(out.n, 10000);
	assert_true(out.v[9999].hi == 39998);
	assert_int_equal(pt_iset_subtract(a, &out, &x, &y), 0);
	assert_true(pt_iset_equal(&out, &x));
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_range_prefixes),
		cmocka_unit_test(test_range_edges),
		cmocka_unit_test(test_range_text),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_complement),
		cmocka_unit_test(test_complement_of_everything),
		cmocka_unit_test(test_membership),
		cmocka_unit_test(test_norm),
		cmocka_unit_test(test_in_arena),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
