/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Differences of texts: applied to the old text they give the new one, they are the shortest where that can be known, and
 * they say where they stand as patch(1) wants it.
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

#include <patronus/textdiff.h>

#include "lib/scarce.h"

static int print(const struct pt_textdiff_line *l, void *arg)
{
	struct pt_buf *b = arg;

	if (l->sign != '@')
		pt_buf_chr(b, l->sign);
	pt_buf_add(b, l->text, l->len);
	pt_buf_str(b, l->no_newline ? "\\\n" : "\n");
	return b->err;
}

static void shows(const char *old, const char *new, size_t context, const char *want)
{
	struct pt_buf b = { 0 };

	assert_int_equal(pt_textdiff(old, strlen(old), new, strlen(new), context, print, &b, NULL), 0);
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
}

static void test_shapes(void **state)
{
	(void)state;
	shows("", "", 3, "");
	shows("a\n", "a\n", 3, "");
	shows("", "a\nb\n", 3, "@@ -0,0 +1,2 @@\n+a\n+b\n");
	shows("a\nb\n", "", 3, "@@ -1,2 +0,0 @@\n-a\n-b\n");
	shows("a\nb\nc\n", "a\nx\nc\n", 3, "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
	shows("a\nb\nc\n", "a\nx\nc\n", 0, "@@ -2,1 +2,1 @@\n-b\n+x\n");
	shows("a\nb", "a\nb\n", 3, "@@ -1,2 +1,2 @@\n a\n-b\\\n+b\n");
	shows("a\nb\nc\nd\ne\n", "b\nc\nd\ne\nf\n", 1, "@@ -1,2 +1,1 @@\n-a\n b\n@@ -5,1 +4,2 @@\n e\n+f\n");
	/* parts that are near are one */
	shows("1\n2\n3\n4\n5\n", "x\n2\n3\n4\ny\n", 2, "@@ -1,5 +1,5 @@\n-1\n+x\n 2\n 3\n 4\n-5\n+y\n");
}

struct replay {
	const char *old, *end;
	size_t line;             /* of the old text, from 1 */
	struct pt_buf new;
};

static void copy_line(struct replay *r, bool keep)
{
	const char *nl = memchr(r->old, '\n', (size_t)(r->end - r->old));
	size_t n = nl ? (size_t)(nl - r->old) + 1 : (size_t)(r->end - r->old);

	if (keep)
		pt_buf_add(&r->new, r->old, n);
	r->old += n;
	r->line++;
}

static int replay(const struct pt_textdiff_line *l, void *arg)
{
	struct replay *r = arg;

	if (l->sign == '@')
		return 0;
	while (r->line < l->old_line && r->old < r->end)
		copy_line(r, true);
	if (l->sign != '+') {
		assert_memory_equal(r->old, l->text, l->len);
		copy_line(r, l->sign == ' ');
	} else {
		pt_buf_add(&r->new, l->text, l->len);
		if (!l->no_newline)
			pt_buf_chr(&r->new, '\n');
	}
	return 0;
}

/* What is told, done to OLD, gives NEW. Returns how many lines have a sign. */
static size_t check(const char *old, size_t old_len, const char *new, size_t new_len, size_t context)
{
	struct replay r = { .old = old, .end = old + old_len, .line = 1 };
	size_t n = 0;

	assert_int_equal(pt_textdiff(old, old_len, new, new_len, context, replay, &r, &n), 0);
	while (r.old < r.end)
		copy_line(&r, true);
	assert_int_equal(r.new.n, new_len);
	if (new_len)
		assert_memory_equal(r.new.s, new, new_len);
	pt_buf_fini(&r.new);
	return n;
}

static uint64_t seed = 1;

static unsigned int draw(unsigned int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % n;
}

/* Lines that differ on the shortest way, found out one by one. */
static size_t shortest(const char *a, size_t n, const char *b, size_t m)
{
	size_t common[21][21] = { { 0 } };

	for (size_t i = 1; i <= n; i++)
		for (size_t k = 1; k <= m; k++)
			if (a[2 * (i - 1)] == b[2 * (k - 1)])
				common[i][k] = common[i - 1][k - 1] + 1;
			else
				common[i][k] = common[i - 1][k] > common[i][k - 1] ? common[i - 1][k] : common[i][k - 1];
	return n + m - 2 * common[n][m];
}

static void test_random(void **state)
{
	char a[41], b[41];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		unsigned int n = draw(21), m = draw(21), letters = 1 + draw(4);

		for (unsigned int i = 0; i < n; i++)
			memcpy(a + 2 * (size_t)i, (char[]){ (char)('a' + draw(letters)), '\n' }, 2);
		for (unsigned int i = 0; i < m; i++)
			memcpy(b + 2 * (size_t)i, (char[]){ (char)('a' + draw(letters)), '\n' }, 2);
		assert_int_equal(check(a, 2 * n, b, 2 * m, draw(4)), shortest(a, n, b, m));
	}
}

/* Texts that have nothing in common are told in time, and a few changes in a long one are few. */
static void test_large(void **state)
{
	struct pt_buf a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		pt_buf_fmt(&a, "a %d\n", i);
		pt_buf_fmt(&b, "b %d\n", i);
		pt_buf_fmt(&c, i % 1000 == 7 ? "c %d\n" : "a %d\n", i);
	}
	assert_int_equal(check(a.s, a.n, b.s, b.n, 3), 40000);
	assert_int_equal(check(a.s, a.n, c.s, c.n, 3), 40);
	assert_int_equal(check(a.s, a.n, a.s, a.n, 3), 0);
	pt_buf_fini(&a);
	pt_buf_fini(&b);
	pt_buf_fini(&c);
}

static int stop(const struct pt_textdiff_line *l, void *arg)
{
	(void)l;
	(void)arg;
	return -EPIPE;
}

static int ignore(const struct pt_textdiff_line *l, void *arg)
{
	(void)l;
	(void)arg;
	return 0;
}

static void test_failures(void **state)
{
	static const char a[] = "1\n2\n3\n4\n5\n6\n", b[] = "2\nx\n4\n1\n6\ny\n";
	int rc = -ENOMEM;

	(void)state;
	assert_int_equal(pt_textdiff(a, strlen(a), b, strlen(b), 3, stop, NULL, NULL), -EPIPE);
	for (long n = 0; rc; n++) {
		allocations_left = n;
		rc = pt_textdiff(a, strlen(a), b, strlen(b), 3, ignore, NULL, NULL);
		allocations_left = -1;
		assert_true(!rc || rc == -ENOMEM);
		assert_true(n < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes), cmocka_unit_test(test_random), cmocka_unit_test(test_large),
		cmocka_unit_test(test_failures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
