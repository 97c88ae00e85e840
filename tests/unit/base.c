/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory, strings, located errors and small values: what every other module takes for granted,
 * also when there is no memory.
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

#include <patronus/base.h>
#include <patronus/work.h>

#include "lib/scarce.h"

/* ---- arena ---- */

static void test_arena(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 4096, 16384, 16385, 65536, 1000000};
	struct pt_arena *a = pt_arena_new();
	unsigned char *kept[PT_ARRAY_SIZE(sizes)];

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < PT_ARRAY_SIZE(sizes); i++) {
		kept[i] = pt_arena_alloc(a, sizes[i]);
		assert_non_null(kept[i]);
		assert_int_equal((uintptr_t)kept[i] % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(kept[i][k], 0);
		memset(kept[i], (int)i + 1, sizes[i]);
	}
	/* None of them lies over another. */
	for (size_t i = 0; i < PT_ARRAY_SIZE(sizes); i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(kept[i][k], i + 1);
	assert_null(pt_arena_alloc(a, SIZE_MAX));
	assert_null(pt_arena_alloc(a, SIZE_MAX / 2 + 1));
	assert_string_equal(pt_arena_strdup(a, "word"), "word");
	assert_string_equal(pt_arena_strndup(a, "word", 2), "wo");
	assert_string_equal(pt_arena_strndup(a, "word", 99), "word");
	assert_string_equal(pt_arena_printf(a, "%s-%d", "x", 7), "x-7");
	pt_arena_free(a);
	pt_arena_free(NULL);
}

/* ---- vectors ---- */

/* Of blocks that share a chunk, of one that leaves it and of one that has its own. */
static void test_arena_grows(void **state)
{
	static const size_t sizes[] = {16, 40, 4000, 16000, 17000, 70000, 3000000};
	struct pt_arena *a = pt_arena_new();
	unsigned char *p = NULL, *q;
	size_t old = 0;

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < PT_ARRAY_SIZE(sizes); old = sizes[i++]) {
		p = pt_arena_grow(a, p, old, sizes[i]);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < old; k++)
			assert_int_equal(p[k], i);
		memset(p, (int)i + 1, sizes[i]);
		q = pt_arena_alloc(a, i % 2 ? 20000 : 20); /* what is behind it stays */
		assert_non_null(q);
		memset(q, 0xff, i % 2 ? 20000 : 20);
	}
	assert_null(pt_arena_grow(a, p, old, SIZE_MAX - 8));
	pt_arena_free(a);
}

static void test_arena_resets(void **state)
{
	struct pt_arena *a = pt_arena_new();

	(void)state;
	assert_non_null(a);
	pt_arena_reset(a);
	for (size_t i = 0; i < 100; i++) {
		unsigned char *p = pt_arena_alloc(a, i * 700);

		assert_non_null(p);
		for (size_t k = 0; k < i * 700; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i * 700);
		assert_string_equal(pt_arena_printf(a, "%zu words", i + 1) + 2 + (i > 8) + (i > 98), "words");
		if (i % 3 == 2)
			pt_arena_reset(a);
	}
	pt_arena_free(a);
}

static void fill_and_check(struct pt_arena *a)
{
	PT_VEC(uint32_t) v = {0};

	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(pt_vec_push(a, &v, i * 3), 0);
	assert_int_equal(v.n, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i * 3);
	if (!a)
		free(v.v);
}

static void test_vector(void **state)
{
	struct pt_arena *a = pt_arena_new();
	size_t cap = SIZE_MAX / 8;
	void *v = NULL;

	(void)state;
	assert_non_null(a);
	fill_and_check(NULL);
	fill_and_check(a);
	/* A size that would wrap is no memory, not a small block. */
	assert_int_equal(pt_vec_grow(NULL, &v, cap, &cap, 64), -ENOMEM);
	assert_int_equal(cap, SIZE_MAX / 8);
	pt_arena_free(a);
}

/* ---- buffers ---- */

static void test_buffer(void **state)
{
	struct pt_buf b = {0};

	(void)state;
	pt_buf_str(&b, "");
	assert_string_equal(b.s, "");
	for (int i = 0; i < 5000; i++)
		pt_buf_fmt(&b, "%d,", i % 10);
	assert_int_equal(b.n, 10000);
	assert_int_equal(strlen(b.s), 10000);
	pt_buf_add(&b, "a\0b", 3);
	pt_buf_chr(&b, '!');
	assert_int_equal(b.n, 10004);
	assert_memory_equal(b.s + 10000, "a\0b!", 5); /* with its end */
	b.n = 0;
	pt_buf_uint(&b, 0);
	pt_buf_chr(&b, ' ');
	pt_buf_uint(&b, UINT64_MAX);
	assert_string_equal(b.s, "0 18446744073709551615");
	for (uint64_t v = 1; v < UINT64_MAX / 10; v *= 10) { /* each length */
		char wanted[64];

		(void)snprintf(wanted, sizeof(wanted), "%llu %llu", (unsigned long long)v, (unsigned long long)(v - 1));
		b.n = 0;
		pt_buf_uint(&b, v);
		pt_buf_chr(&b, ' ');
		pt_buf_uint(&b, v - 1);
		assert_string_equal(b.s, wanted);
	}
	pt_buf_fini(&b);
	assert_null(b.s);
	assert_int_equal(b.n, 0);
}

/* Text that just fits, that is a byte too long, and that needs more than twice the room. */
static void test_plural(void **state)
{
	(void)state;
	assert_string_equal(pt_plural(0), "s");
	assert_string_equal(pt_plural(1), "");
	assert_string_equal(pt_plural(2), "s");
	assert_string_equal(pt_plural(UINT64_MAX), "s");
}

static void test_buffer_room(void **state)
{
	(void)state;
	for (int n = 0; n < 300; n++) {
		struct pt_buf b = {0};
		char want[320];

		pt_buf_str(&b, "begin ");
		pt_buf_fmt(&b, "%0*d", n, 7);
		(void)snprintf(want, sizeof(want), "begin %0*d", n, 7);
		assert_string_equal(b.s, want);
		assert_int_equal(b.n, strlen(want));
		pt_buf_fini(&b);
	}
}

/* Room that is there beforehand changes nothing else. */
static void test_buffer_room_ahead(void **state)
{
	struct pt_buf b = {0};
	const char *at;

	(void)state;
	pt_buf_room(&b, 100);
	at = b.s;
	for (int i = 0; i < 99; i++)
		pt_buf_chr(&b, 'x');
	assert_ptr_equal(b.s, at);
	assert_int_equal(b.n, 99);
	pt_buf_room(&b, 10);
	pt_buf_str(&b, "more");
	assert_int_equal(b.n, 103);
	allocations_left = 0;
	pt_buf_room(&b, 100000);
	allocations_left = -1;
	assert_int_equal(b.err, -ENOMEM);
	assert_int_equal(b.n, 103);
	pt_buf_fini(&b);
}

static void count_up(void *arg)
{
	int *n = arg;

	for (int i = 0; i < 1000; i++)
		(*n)++;
}

/* What it did is seen by who waited, whatever thread it was. */
static void test_work(void **state)
{
	int n[3] = {0};
	struct pt_work *w[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		w[i] = pt_work_start(count_up, &n[i]);
		assert_non_null(w[i]);
	}
	for (int i = 0; i < 3; i++) {
		pt_work_wait(w[i]);
		assert_int_equal(n[i], 1000);
	}
	pt_work_wait(NULL);
	allocations_left = 0;
	assert_null(pt_work_start(count_up, &n[0]));
	allocations_left = -1;
	assert_int_equal(n[0], 1000);
}

/* After a failure nothing more is written, and what was there before can still be read. */
static void test_buffer_without_memory(void **state)
{
	struct pt_buf b = {0};
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big));
	pt_buf_str(&b, "kept");
	allocations_left = 0;
	pt_buf_add(&b, big, sizeof(big));
	allocations_left = -1;
	assert_int_equal(b.err, -ENOMEM);
	pt_buf_str(&b, "more");
	pt_buf_fmt(&b, "%d", 1);
	assert_string_equal(b.s, "kept");
	assert_int_equal(b.n, 4);
	pt_buf_fini(&b);
	pt_buf_str(&b, "kept");
	allocations_left = 0;
	pt_buf_fmt(&b, "%.*s", (int)sizeof(big), big);
	allocations_left = -1;
	assert_int_equal(b.err, -ENOMEM);
	assert_string_equal(b.s, "kept");
	assert_int_equal(b.n, 4);
	pt_buf_fini(&b);
	pt_buf_add(&b, big, SIZE_MAX - 1); /* never touches BIG */
	assert_int_equal(b.err, -ENOMEM);
	pt_buf_fini(&b);
}

/* ---- located errors ---- */

static void test_records(void **state)
{
	static const char text[] = "first\r\nsecond line\nthird";
	char file[] = "a.conf";
	struct pt_loc loc = {.file = file, .line = 2, .col = 8, .len = 4};
	struct pt_err e = {0};

	(void)state;
	pt_err_add(&e, PT_ERROR, &loc, "a hint", "reading %s: %d", "x", 5);
	pt_err_source(&e, text, strlen(text));
	memset(file, '#', sizeof(file) - 1); /* the record has its own copy */
	pt_err_add(&e, PT_WARNING, NULL, NULL, "only a warning");
	pt_err_source(&e, text, strlen(text));
	assert_int_equal(pt_err_sys(&e, -ENOENT, "opening %s", "it"), -ENOENT);
	assert_int_equal(e.n_errors, 2);
	assert_int_equal(e.n_warnings, 1);
	assert_int_equal(e.list.n, 3);
	assert_string_equal(e.list.v[0].msg, "reading x: 5");
	assert_string_equal(e.list.v[0].hint, "a hint");
	assert_string_equal(e.list.v[0].loc.file, "a.conf");
	assert_string_equal(e.list.v[0].source, "second line");
	assert_null(e.list.v[1].source);
	assert_int_equal(e.list.v[1].loc.line, 0);
	assert_string_equal(e.list.v[2].msg, "opening it: No such file or directory");
	pt_err_fini(&e);
	assert_int_equal(e.list.n, 0);
}

static void source_of(uint32_t line, const char *text, size_t len, const char *want)
{
	struct pt_loc loc = {.file = "f", .line = line, .col = 1};
	struct pt_err e = {0};

	pt_err_add(&e, PT_ERROR, &loc, NULL, "x");
	pt_err_source(&e, text, len);
	if (want)
		assert_string_equal(e.list.v[0].source, want);
	else
		assert_null(e.list.v[0].source);
	pt_err_fini(&e);
}

static void test_source_lines(void **state)
{
	struct pt_err none = {0};
	char *wide = malloc(100000);

	(void)state;
	source_of(1, "one\r\ntwo", 8, "one");
	source_of(2, "one\r\ntwo", 8, "two");
	source_of(3, "one\r\ntwo", 8, NULL); /* behind the end */
	source_of(2, "one\n", 4, "");
	source_of(1, "", 0, "");
	source_of(1, NULL, 0, NULL);
	pt_err_source(&none, "text", 4);
	pt_err_source(NULL, "text", 4);
	assert_non_null(wide);
	memset(wide, 'x', 100000);
	struct pt_loc loc = {.file = "f", .line = 1};
	pt_err_add(&none, PT_ERROR, &loc, NULL, "x");
	pt_err_source(&none, wide, 100000);
	assert_in_range(strlen(none.list.v[0].source), 100,
			1000); /* a line of a megabyte is no message */
	pt_err_fini(&none);
	free(wide);
}

static void test_too_many_records(void **state)
{
	struct pt_err e = {0};

	(void)state;
	for (int i = 0; i < PT_ERR_MAX + 50; i++)
		pt_err_add(&e, PT_ERROR, NULL, NULL, "number %d", i);
	assert_int_equal(e.list.n, PT_ERR_MAX);
	assert_int_equal(e.more, 50);
	assert_int_equal(e.n_errors, PT_ERR_MAX + 50);
	assert_string_equal(e.list.v[PT_ERR_MAX - 1].msg, "number 199");
	pt_err_fini(&e);
	pt_err_add(NULL, PT_ERROR, NULL, NULL, "nobody listens");
	assert_int_equal(pt_err_sys(NULL, -EIO, "nobody listens"), -EIO);
}

/* An error that cannot be told is still counted. */
static void test_records_without_memory(void **state)
{
	struct pt_loc loc = {.file = "f", .line = 1, .col = 1};

	(void)state;
	for (long n = 0; n < 12; n++) {
		struct pt_err e = {0};

		allocations_left = n;
		pt_err_add(&e, PT_ERROR, &loc, "hint", "message %d", 1);
		pt_err_source(&e, "line", 4);
		assert_int_equal(pt_err_sys(&e, -EIO, "a step"), -EIO);
		allocations_left = -1;
		assert_int_equal(e.n_errors, 2);
		assert_int_equal(e.list.n + e.more, 2);
		for (size_t i = 0; i < e.list.n; i++)
			assert_non_null(e.list.v[i].msg);
		pt_err_fini(&e);
	}
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"interface", "firewall", "table", "system", "macro"};

	(void)state;
#define NEAREST(word) pt_nearest(word, words, PT_ARRAY_SIZE(words))
	assert_string_equal(NEAREST("interfaec"), "interface");
	assert_string_equal(NEAREST("tabel"), "table"); /* a swap is one step */
	assert_string_equal(NEAREST("firewal"), "firewall");
	assert_string_equal(NEAREST("macros"), "macro");
	assert_string_equal(NEAREST("table"), "table");
	assert_null(NEAREST("gateway"));
	assert_null(NEAREST("tbl")); /* two steps are too many for three letters */
	assert_null(NEAREST(
		"a-word-that-is-much-longer-than-anything-a-person-would-type-by-mistake-here"));
	assert_null(pt_nearest("x", NULL, 0));
#undef NEAREST
}

/* ---- hashes ---- */

/* Identities of rules are made of these: they are the published vectors of FNV-1a, for ever. */
static void test_hash(void **state)
{
	(void)state;
	assert_int_equal(pt_hash32("", 0), 0x811c9dc5);
	assert_int_equal(pt_hash32("a", 1), 0xe40c292c);
	assert_int_equal(pt_hash32("foobar", 6), 0xbf9cf968);
	assert_true(pt_hash64("", 0) == 0xcbf29ce484222325ull);
	assert_true(pt_hash64("a", 1) == 0xaf63dc4c8601ec8cull);
	assert_true(pt_hash64("foobar", 6) == 0x85944171f73967e8ull);
}

/* ---- small values ---- */

static void test_uint(void **state)
{
	static const struct {
		const char *s;
		uint64_t max;
		int rc;
		uint64_t v;
	} cases[] = {
		{"0", 0, 0, 0},
		{"7", 7, 0, 7},
		{"65535", 65535, 0, 65535},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"65536", 65535, -ERANGE, 0},
		{"8", 7, -ERANGE, 0},
		{"1", 0, -ERANGE, 0},
		{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
		{"", 9, -EINVAL, 0},
		{"010", 99, -EINVAL, 0}, /* eight to some readers */
		{"00", 99, -EINVAL, 0},
		{"-1", 99, -EINVAL, 0},
		{"+1", 99, -EINVAL, 0},
		{" 1", 99, -EINVAL, 0},
		{"1 ", 99, -EINVAL, 0},
		{"1x", 99, -EINVAL, 0},
		{"0x1", 99, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		uint64_t v = 12345;
		int rc = pt_parse_uint(cases[i].s, cases[i].max, &v);

		if (rc != cases[i].rc || (!rc && v != cases[i].v) || (rc && v != 12345))
			fail_msg("\"%s\": %d, %llu", cases[i].s, rc, (unsigned long long)v);
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *s;
		uint32_t v; /* 0: refused */
	} cases[] = {
		{"90", 90},
		{"90s", 90},
		{"5m", 300},
		{"1h", 3600},
		{"2d", 172800},
		{"1h30m", 5400},
		{"1d1h1m1s", 90061},
		{"4294967295", UINT32_MAX},
		{"49710d", 4294944000u},
		{"4294967296", 0},
		{"49711d", 0},
		{"49710d7h", 0},
		{"", 0},
		{"0", 0},
		{"0s", 0},
		{"h", 0},
		{"1h30", 0},
		{"30m1h", 0},
		{"1h1h", 0},
		{"1w", 0},
		{"1h ", 0},
		{"-1", 0},
		{"01m", 0},
		{"1.5h", 0},
		{"99999999999999d", 0},
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		uint32_t v = 0, again = 0;
		struct pt_buf b = {0};
		int rc = pt_parse_duration(cases[i].s, &v);

		if (!rc != !!cases[i].v || v != cases[i].v)
			fail_msg("\"%s\": %d, %u", cases[i].s, rc, v);
		if (rc)
			continue;
		pt_fmt_duration(&b, v);
		assert_int_equal(pt_parse_duration(b.s, &again), 0);
		assert_int_equal(again, v);
		pt_buf_fini(&b);
	}
}

static void test_duration_text(void **state)
{
	static const struct {
		uint32_t v;
		const char *s;
	} cases[] = {{1, "1s"}, {60, "1m"}, {3600, "1h"}, {5400, "1h30m"}, {86401, "1d1s"}};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_buf b = {0};

		pt_fmt_duration(&b, cases[i].v);
		assert_string_equal(b.s, cases[i].s);
		pt_buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_grows),
		cmocka_unit_test(test_arena_resets),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_buffer), cmocka_unit_test(test_plural),
		cmocka_unit_test(test_buffer_room),
		cmocka_unit_test(test_buffer_room_ahead), cmocka_unit_test(test_work),
		cmocka_unit_test(test_buffer_without_memory),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_source_lines),
		cmocka_unit_test(test_too_many_records),
		cmocka_unit_test(test_records_without_memory),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_duration_text),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
