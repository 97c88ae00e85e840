/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fingerprints of many things in no order: alike for the same things, for others not, whatever is swapped, doubled or one bit off. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/base.h>

#define THINGS 64

static void fill(uint64_t v[THINGS])
{
	for (size_t i = 0; i < THINGS; i++)
		v[i] = i < 8 ? i : i * 0x9e3779b97f4a7c15ull; /* small ones, too, as kernels have them */
}

static struct pt_tally of(const uint64_t *v, size_t n, size_t step)
{
	struct pt_tally sum = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct pt_tally_item t;

		pt_tally_begin(&t, 1);
		pt_tally_word(&t, v[i * step % n]);
		pt_tally_add(&sum, &t);
	}
	return sum;
}

static bool equal(struct pt_tally x, struct pt_tally y)
{
	return x.a == y.a && x.b == y.b && x.n == y.n;
}

static void order_does_not_matter(void **state)
{
	uint64_t v[THINGS];

	(void)state;
	fill(v);
	for (size_t step = 1; step < THINGS; step += 2) /* odd: all of them, in another order */
		assert_true(equal(of(v, THINGS, 1), of(v, THINGS, step)));
}

/* Both lanes tell, each by itself. */
static void every_bit_does(void **state)
{
	uint64_t v[THINGS];
	struct pt_tally all;

	(void)state;
	fill(v);
	all = of(v, THINGS, 1);
	for (size_t i = 0; i < THINGS; i++)
		for (unsigned int bit = 0; bit < 64; bit++) {
			struct pt_tally other;

			v[i] ^= 1ull << bit;
			other = of(v, THINGS, 1);
			assert_true(other.a != all.a && other.b != all.b);
			v[i] ^= 1ull << bit;
		}
}

static void two_of_a_kind_do_not_cancel(void **state)
{
	const uint64_t once[] = { 1, 2 }, twice[] = { 1, 2, 2 }, both[] = { 1, 1, 2, 2 }, none[] = { 3 };

	(void)state;
	assert_false(equal(of(once, 2, 1), of(twice, 3, 1)));
	assert_false(equal(of(twice, 3, 1), of(both, 4, 1)));
	assert_int_not_equal(of(both, 4, 1).a, 0);
	assert_false(equal(of(none, 1, 1), of(once, 2, 1)));
}

static struct pt_tally of_texts(const char *x, const char *y)
{
	struct pt_tally sum = { 0 };
	struct pt_tally_item t;

	pt_tally_begin(&t, 2);
	pt_tally_bytes(&t, x, strlen(x));
	pt_tally_bytes(&t, y, strlen(y));
	pt_tally_add(&sum, &t);
	return sum;
}

static void texts_have_ends(void **state)
{
	(void)state;
	assert_true(equal(of_texts("interface", "wan"), of_texts("interface", "wan")));
	assert_false(equal(of_texts("ab", "c"), of_texts("a", "bc")));
	assert_false(equal(of_texts("", "abcdefgh"), of_texts("abcdefgh", "")));
	assert_false(equal(of_texts("a", ""), of_texts("a\x01", "")));
	assert_false(equal(of_texts("12345678", ""), of_texts("123456789", "")));
}

static void the_build_has_a_name(void **state)
{
	char id[65] = "", small[4];

	(void)state;
	assert_int_equal(pt_build_id(id, sizeof(id)), 0);
	assert_true(strlen(id) >= 16 && strspn(id, "0123456789abcdef") == strlen(id));
	assert_int_equal(pt_build_id(small, sizeof(small)), -ENOENT); /* no room for it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_does_not_matter), cmocka_unit_test(every_bit_does), cmocka_unit_test(two_of_a_kind_do_not_cancel),
		cmocka_unit_test(texts_have_ends),	 cmocka_unit_test(the_build_has_a_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("fingerprints", tests, NULL, NULL);
}
