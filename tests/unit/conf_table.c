/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables: what a set of entries stands for, from the file, from a text, from both.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/internal.h"
#include "lib/scarce.h"

/* ---- helpers ---- */

static char *show(enum pt_af af, const struct pt_iset *s)
{
	struct pt_buf b = { 0 };

	pt_buf_str(&b, "");
	for (size_t i = 0; i < s->n; i++) {
		pt_buf_str(&b, i ? " " : "");
		pt_range_fmt(&b, af, s->v[i].lo, s->v[i].hi);
	}
	assert_int_equal(b.err, 0);
	return b.s;
}

static void expect(const char *text, const char *want4, const char *want6)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_iset v4, v6;
	struct pt_err e = { 0 };
	char *got4, *got6;
	int rc = pt_table_parse("t", text, strlen(text), a, &v4, &v6, &e);

	if (rc)
		fail_msg("%s: %s", text, e.list.n ? e.list.v[0].msg : "?");
	got4 = show(PT_AF_INET, &v4);
	got6 = show(PT_AF_INET6, &v6);
	assert_string_equal(got4, want4);
	assert_string_equal(got6, want6);
	free(got4);
	free(got6);
	pt_err_fini(&e);
	pt_arena_free(a);
}

static void refuse(const char *text, uint32_t line, uint32_t col, const char *msg)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_iset v4, v6;
	struct pt_err e = { 0 };

	assert_int_equal(pt_table_parse("t", text, strlen(text), a, &v4, &v6, &e), -EINVAL);
	assert_int_equal(v4.n + v6.n, 0);
	assert_int_equal(e.list.n, 1);
	assert_int_equal(e.list.v[0].loc.line, line);
	assert_int_equal(e.list.v[0].loc.col, col);
	assert_string_equal(e.list.v[0].loc.file, "t");
	if (!strstr(e.list.v[0].msg, msg))
		fail_msg("%s: %s", text, e.list.v[0].msg);
	pt_err_fini(&e);
	pt_arena_free(a);
}

/* ---- texts ---- */

static void test_forms(void **state)
{
	(void)state;
	expect("", "", "");
	expect("# nothing\n\n  \t\n", "", "");
	expect("10.0.0.1", "10.0.0.1", "");
	expect("10.0.0.0/8 fd00::/8 # both\n1.2.3.4\r\n", "1.2.3.4 10.0.0.0/8", "fd00::/8");
	expect("10.0.0.4-10.0.0.7\n::1-::3", "10.0.0.4/30", "::1-::3");
	expect("10.0.0.1#x\n10.0.0.2", "10.0.0.1-10.0.0.2", "");
	expect("0.0.0.0/0 ::/0", "0.0.0.0/0", "::/0");
	expect("10.0.0.0/25\n10.0.0.128/25\n10.0.0.0/26", "10.0.0.0/24", "");
	expect("3.0.0.0 1.0.0.0 2.0.0.0 1.0.0.0", "1.0.0.0 2.0.0.0 3.0.0.0", "");
	expect("\xef\xbb\xbf"
	       "1.1.1.1\n# caf\xc3\xa9\n",
	       "1.1.1.1", "");
}

static void test_most_specific_wins(void **state)
{
	(void)state;
	expect("10.0.0.0/8 !10.128.0.0/9", "10.0.0.0/9", "");
	expect("!10.128.0.0/9 10.0.0.0/8", "10.0.0.0/9", "");
	expect("10.0.0.0/8 !10.0.0.0/16 10.0.0.0/24 !10.0.0.5",
	       "10.0.0.0-10.0.0.4 10.0.0.6-10.0.0.255 "
	       "10.1.0.0-10.255.255.255",
	       "");
	expect("!10.0.0.0/8", "", "");
	expect("!0.0.0.0/0 1.2.3.4", "1.2.3.4", "");
	expect("0.0.0.0/0 !255.255.255.255", "0.0.0.0-255.255.255.254", "");
	expect("0.0.0.0/0 !0.0.0.0/1", "128.0.0.0/1", "");
	expect("::/0 !ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff !::", "",
	       "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	expect("!::/0 8000::/1 !ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124 "
	       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	       "",
	       "8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffef "
	       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect("10.0.0.1-10.0.0.9 !10.0.0.3", "10.0.0.1-10.0.0.2 10.0.0.4-10.0.0.9", "");
	expect("10.0.0.0/24 !10.0.0.10-10.0.0.20 10.0.0.15",
	       "10.0.0.0-10.0.0.9 10.0.0.15 10.0.0.21-10.0.0.255", "");
	expect("10.0.0.0/8 !fd00::/8", "10.0.0.0/8", "");
	expect("!10.0.0.0/9 !10.0.0.0/9 10.0.0.0/8 10.0.0.0/8", "10.128.0.0/9", "");
}

/* Against the definition: for each address the longest prefix that holds it. */
static void test_most_specific_by_definition(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct {
			unsigned int lo, len;
			bool neg;
		} p[12];
		struct pt_arena *a = pt_arena_new();
		struct pt_buf b = { 0 };
		struct pt_iset v4, v6;
		struct pt_err e = { 0 };
		int rc;

		for (size_t i = 0; i < PT_ARRAY_SIZE(p); i++) {
			seed = seed * 1103515245 + 12345;
			p[i].len = 24 + (seed >> 16) % 9;
			p[i].lo = (seed >> 8) & 0xff & (0xffffffffu << (32 - p[i].len));
			p[i].neg = seed >> 30 & 1;
			for (size_t k = 0; k < i; k++)
				if (p[k].len == p[i].len && p[k].lo == p[i].lo)
					p[i].neg = p[k].neg;
			pt_buf_fmt(&b, "%s10.0.0.%u/%u\n", p[i].neg ? "!" : "", p[i].lo, p[i].len);
		}
		rc = pt_table_parse("t", b.s, b.n, a, &v4, &v6, &e);
		if (rc)
			fail_msg("%s%s", b.s, e.list.v[0].msg);
		for (unsigned int x = 0; x < 256; x++) {
			unsigned int best = 0;
			bool in = false;

			for (size_t i = 0; i < PT_ARRAY_SIZE(p); i++)
				if ((x & (0xffffffffu << (32 - p[i].len))) == p[i].lo &&
				    p[i].len > best) {
					best = p[i].len;
					in = !p[i].neg;
				}
			if (pt_iset_has(&v4, 0x0a000000 + x) != in)
				fail_msg("10.0.0.%u in\n%s", x, b.s);
		}
		pt_buf_fini(&b);
		pt_err_fini(&e);
		pt_arena_free(a);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	refuse("10.0.0.1/8", 1, 1, "bits set behind");
	refuse("1.1.1.1\n  fd00::1/8", 2, 3, "bits set behind");
	refuse("10.0.0.0/33", 1, 1, "cannot be read");
	refuse("10.0.0", 1, 1, "cannot be read");
	refuse("example.org", 1, 1, "cannot be read");
	refuse("example-host.org", 1, 1, "cannot be read");
	refuse("1.1.1.1, 2.2.2.2", 1, 1, "cannot be read");
	refuse("!", 1, 1, "cannot be read");
	refuse("!!1.1.1.1", 1, 1, "cannot be read");
	refuse("fe80::1%eth0", 1, 1, "cannot be read");
	refuse("1.1.1.2-1.1.1.1", 1, 1, "ends before it begins");
	refuse("1.1.1.1-::1", 1, 1, "differ in family");
	refuse("1.1.1.1-", 1, 1, "cannot be read");
	refuse("10.0.0.0/8\n !10.0.0.0/8", 2, 2, "10.0.0.0/8 is both put in and taken out");
	refuse("!fd00::/8\nfd00::/8", 1, 1, "both put in and taken out");
	refuse("# \x1b[2J", 1, 3, "control character");
	refuse("# caf\xe9", 1, 6, "not UTF-8");
	refuse("10.0.0."
	       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	       "000000000000000000000000000000",
	       1, 1, "too long");
}

static void test_all_errors(void **state)
{
	static const char text[] = "a\n1.1.1.1 b c\n\nd";
	struct pt_arena *a = pt_arena_new();
	struct pt_iset v4, v6;
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_table_parse("t", text, strlen(text), a, &v4, &v6, &e), -EINVAL);
	assert_int_equal(e.list.n, 4);
	assert_int_equal(e.list.v[2].loc.line, 2);
	assert_int_equal(e.list.v[2].loc.col, 11);
	assert_string_equal(e.list.v[2].source, "1.1.1.1 b c");
	assert_int_equal(e.list.v[3].loc.line, 4);
	pt_err_fini(&e);
	assert_int_equal(pt_table_parse("t", text, strlen(text), a, &v4, &v6, NULL), -EINVAL);
	pt_arena_free(a);
}

/* ---- with the common file ---- */

static char folder[] = "/tmp/conf_table.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static int load(const char *conf, struct pt_iset *v4, struct pt_iset *v6, struct pt_arena *a,
		struct pt_err *e)
{
	struct pt_conf *c;
	char path[256];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/main.conf", folder);
	write_file("main.conf", conf);
	assert_int_equal(pt_conf_load(path, &c, e), 0);
	assert_int_equal(c->tables.n, 1);
	rc = pt_conf_table_load(c, &c->tables.v[0], NULL, a, v4, v6, e);
	pt_conf_free(c);
	return rc;
}

static void expect_load(const char *conf, const char *want4, const char *want6)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_iset v4, v6;
	struct pt_err e = { 0 };
	char *got4, *got6;

	assert_int_equal(load(conf, &v4, &v6, a, &e), 0);
	got4 = show(PT_AF_INET, &v4);
	got6 = show(PT_AF_INET6, &v6);
	assert_string_equal(got4, want4);
	assert_string_equal(got6, want6);
	free(got4);
	free(got6);
	pt_err_fini(&e);
	pt_arena_free(a);
}

static void test_load(void **state)
{
	char conf[400];

	(void)state;
	expect_load("table t { }", "", "");
	expect_load("table t { addresses = { 10.0.0.0/8, \"! 10.0.0.0/9\", \"::1 - ::3\" } }",
		    "10.128.0.0/9", "::1-::3");
	write_file("list.txt", "10.1.0.0/16 # one\n!10.1.1.0/24\nfd00::/8\n");
	expect_load("table t { file = list.txt }", "10.1.0.0/24 10.1.2.0-10.1.255.255", "fd00::/8");
	expect_load("table t { file = \"./list.txt\" addresses = { 10.1.1.1, 9.9.9.9 } }",
		    "9.9.9.9 10.1.0.0/24 10.1.1.1 10.1.2.0-10.1.255.255", "fd00::/8");
	(void)snprintf(conf, sizeof(conf), "table t { file = \"%s/list.txt\" }", folder);
	expect_load(conf, "10.1.0.0/24 10.1.2.0-10.1.255.255", "fd00::/8");
}

static void test_load_errors(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_err e = { 0 };
	struct pt_iset v4, v6;
	char path[256];

	(void)state;
	assert_int_equal(load("table t {\n file = none.txt }", &v4, &v6, a, &e), -ENOENT);
	assert_int_equal(e.list.n, 1);
	assert_non_null(strstr(e.list.v[0].msg, "none.txt"));
	assert_int_equal(e.list.v[0].loc.line, 2);
	assert_int_equal(e.list.v[0].loc.col, 9);
	assert_string_equal(e.list.v[0].source, " file = none.txt }");
	pt_err_fini(&e);
	write_file("bad.txt", "1.1.1.1\n1.1.1\n");
	assert_int_equal(load("table t { file = bad.txt }", &v4, &v6, a, &e), -EINVAL);
	assert_int_equal(e.list.n, 1);
	(void)snprintf(path, sizeof(path), "%s/bad.txt", folder);
	assert_string_equal(e.list.v[0].loc.file, path);
	assert_int_equal(e.list.v[0].loc.line, 2);
	pt_err_fini(&e);
	assert_int_equal(
		load("table t { addresses = { 1.1.1.1,\n \"!1.1.1.1\" } }", &v4, &v6, a, &e),
		-EINVAL);
	assert_int_equal(e.list.v[0].loc.line, 2);
	assert_int_equal(e.list.v[0].loc.col, 3);
	assert_string_equal(e.list.v[0].source, " \"!1.1.1.1\" } }");
	pt_err_fini(&e);
	pt_arena_free(a);
}

/* A failure is -ENOMEM and empty sets; with wrong entries it may also be -EINVAL. */
static void fail_each(const char *text, int last)
{
	struct pt_iset v4, v6;
	bool over = false;
	int rc = 0;

	for (long i = 0; !over; i++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_err e = { 0 };

		assert_non_null(a);
		allocations_left = i;
		rc = pt_table_parse("t", text, strlen(text), a, &v4, &v6, &e);
		over = allocations_left >= 0;
		allocations_left = -1;
		if (!over && rc != last)
			assert_int_equal(rc, -ENOMEM);
		if (!over)
			assert_true(rc && e.n_errors && !v4.n && !v6.n);
		pt_err_fini(&e);
		pt_arena_free(a);
	}
	assert_int_equal(rc, last);
}

static void hostile_31_every_allocation_fails(void **state)
{
	(void)state;
	fail_each("10.0.0.0/8 1.1.1.1-1.1.1.9\nfd00::/8", 0);
	fail_each("10.0.0.0/8 !10.1.0.0-10.1.9.9\nfd00::/8 !fd00::1", 0);
	fail_each("10.0.0.1/8 x\n", -EINVAL);
	fail_each("10.0.0.0/8 !10.0.0.0/8\n", -EINVAL);
}

/* ---- hostile ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hostile_16_million_entries(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_buf b = { 0 };
	struct pt_iset v4, v6;
	uint32_t x = 1;
	double t;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		x = x * 2654435761u + 12345;
		if (i % 10)
			pt_buf_fmt(&b, "%u.%u.%u.%u\n", x >> 24, x >> 16 & 255, x >> 8 & 255,
				   x & 255);
		else
			pt_buf_fmt(&b, "2001:db8:%x:%x::/64\n", x >> 16, x & 0xffff);
	}
	t = seconds();
	assert_int_equal(pt_table_parse("t", b.s, b.n, a, &v4, &v6, NULL), 0);
	t = seconds() - t;
	print_message("# 1,000,000 entries in %.3f s\n", t);
	assert_true(v4.n > 890000 && v6.n > 99000);
	assert_true(t < 10);
	pt_arena_free(a);
	/* The same with one exception, which costs the sweep. */
	a = pt_arena_new();
	pt_buf_str(&b, "!10.0.0.0/31\n10.0.0.0/8\n");
	t = seconds();
	assert_int_equal(pt_table_parse("t", b.s, b.n, a, &v4, &v6, NULL), 0);
	print_message("# with an exception in %.3f s\n", seconds() - t);
	assert_false(pt_iset_has(&v4, 0x0a000000) && pt_iset_has(&v4, 0x0a000001));
	assert_true(pt_iset_has(&v4, 0x0a000002));
	pt_arena_free(a);
	pt_buf_fini(&b);
}

/* As a list in the common file: slow to write, but not slow to read. */
static void hostile_16_hundred_thousand_in_the_file(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_conf *c;
	double t;

	(void)state;
	pt_buf_str(&b, "table t { addresses = {\n");
	for (int i = 0; i < 100000; i++)
		pt_buf_fmt(&b, "\"10.%d.%d.%d\",\n", i >> 16, i >> 8 & 255, i & 255);
	pt_buf_str(&b, "} }\n");
	t = seconds();
	assert_int_equal(pt_conf_parse("t", b.s, b.n, &c, NULL), 0);
	t = seconds() - t;
	print_message("# 100,000 values in %.3f s\n", t);
	assert_int_equal(c->tables.v[0].addresses.n, 100000);
	assert_string_equal(c->tables.v[0].addresses.v[99999].s, "10.1.134.159");
	assert_int_equal(c->tables.v[0].addresses.v[99999].loc.line, 100001);
	assert_true(t < 5);
	pt_conf_free(c);
	pt_buf_fini(&b);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "main.conf", "list.txt", "bad.txt" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_most_specific_wins),
		cmocka_unit_test(test_most_specific_by_definition),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_errors),
		cmocka_unit_test(hostile_31_every_allocation_fails),
		cmocka_unit_test(hostile_16_million_entries),
		cmocka_unit_test(hostile_16_hundred_thousand_in_the_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
