/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rule language: places of errors, hostile bytes, limits, and memory that runs out. */
#include "lib/scarce.h"
#include "rule_parse.h"

static const struct pt_macro some_macros[] = {
	{ "if", "lan" }, { "net", "10.0.0.0" }, { "low", "1000" }, { "bad", "10.0.0.1/8" }
};

static int use_macros(void **state)
{
	(void)state;
	macros = some_macros;
	n_macros = PT_ARRAY_SIZE(some_macros);
	return 0;
}

/* ---- places ---- */

/* A rule that begins in line 7, column 20 of a file, at byte 3 of SOURCE. */
static struct pt_loc somewhere(const void *arg, size_t offset, size_t len)
{
	return (struct pt_loc){
		.file = arg, .line = 2, .col = (uint32_t)offset + 3, .len = (uint32_t)len
	};
}

static void test_places(void **state)
{
	static const char source[] = "one\n  pass in on 1x\nthree";
	struct pt_arena *a = pt_arena_new();
	struct pt_rule_ctx ctx = {
		.arena = a,
		.locate = somewhere,
		.locate_arg = "f.conf",
		.source = source,
		.source_len = strlen(source),
	};
	struct pt_err e = { 0 };
	struct pt_ast_rule *r;

	(void)state;
	assert_non_null(a);
	assert_int_equal(pt_rule_parse(&ctx, "pass in on 1x", 13, &r, &e), -EINVAL);
	assert_int_equal(e.list.n, 1);
	assert_string_equal(e.list.v[0].loc.file, "f.conf");
	assert_int_equal(e.list.v[0].loc.line, 2);
	assert_int_equal(e.list.v[0].loc.col, 14);
	assert_int_equal(e.list.v[0].loc.len, 2);
	assert_string_equal(e.list.v[0].source, "  pass in on 1x");
	pt_err_fini(&e);

	assert_int_equal(pt_rule_parse(&ctx, "pass in on x", 12, &r, NULL), 0);
	assert_string_equal(r->ifs.v[0].loc.file, "f.conf");
	assert_int_equal(r->ifs.v[0].loc.col, 14);
	assert_int_equal(pt_rule_parse(&ctx, "pass in on", 10, &r, NULL),
			 -EINVAL); /* nobody listens */
	pt_arena_free(a);
}

/* The caret of a mistake in a macro is under its whole $name, whatever is pasted around it. */
static void test_macro_places(void **state)
{
	struct parsed p = parse("pass from $net/33 to any port $low:0x to $bad");
	static const uint32_t want[][2] = { { 16, 2 }, { 31, 7 }, { 39, 2 }, { 42, 4 } };

	(void)state;
	assert_int_equal(p.err.list.n, PT_ARRAY_SIZE(want));
	for (size_t i = 0; i < PT_ARRAY_SIZE(want); i++) {
		assert_int_equal(p.err.list.v[i].loc.col, want[i][0]);
		assert_int_equal(p.err.list.v[i].loc.len, want[i][1]);
	}
	assert_non_null(strstr(p.err.list.v[3].msg, "in the text of $bad"));
	done(&p);
}

/* Overwrites what is there, without an end. */
static void put(char *at, const char *s)
{
	while (*s)
		*at++ = *s++;
}

/* ---- hostile bytes ---- */

static void expect_one(const char *text, size_t len, uint32_t col, const char *msg)
{
	struct parsed p = parse_bytes(text, len);

	expect_records(msg, &p, len);
	assert_int_equal(p.err.list.n, 1);
	assert_int_equal(p.err.list.v[0].loc.col, col);
	if (!strstr(p.err.list.v[0].msg, msg))
		fail_msg("wanted '%s', got '%s'", msg, p.err.list.v[0].msg);
	done(&p);
}

static void test_hostile_labels(void **state)
{
	static const char bad[] = "must not have";
	char text[256] = "pass label \"";

	(void)state;
	expect_one("pass label \"a\nb\"", 16, 12, bad);
	expect_one("pass label \"a\tb\"", 16, 12, bad);
	expect_one("pass label \"a\x1b[2Jb\"", 19, 12, bad);
	expect_one("pass label \"a\x7f\"", 15, 12, bad);
	expect_one("pass label \"a\xe2\x80\xae\"", 17, 12, bad);
	expect_one("pass label 'a\"b'", 16, 12, bad);
	expect_one("pass label \"a\\b\"", 16, 12, bad);
	expect_one("pass tag \"a\nb\"", 14, 10, bad);
	expect_one("pass tagged \"a\nb\"", 17, 13, bad);
	memset(text + 12, 'a', 200);
	text[212] = '"';
	expect_one(text, strlen(text), 12, "a label of 200 bytes: the limit is 63");
	put(text, "pass tag   ");
	expect_one(text, strlen(text), 12, "a tag of 200 bytes: the limit is 63");
}

static void test_hostile_bytes(void **state)
{
	(void)state;
	expect_one("pass\0in", 7, 5, "byte 0x00");
	expect_one("pass label \"a\0b\"", 16, 12, "NUL");
	expect_one("pass in \x1b[2J on lan", 18, 9, "byte 0x1b");
	expect_one("pass in \x01", 9, 9, "byte 0x01");
	expect_one("pass in \xff\xfe\xfd on lan", 18, 9, "byte 0xff");
	expect_one("\xef\xbb\xbfpass", 7, 1, "byte 0xef");
	expect_one("pass on \"a\x1b\"", 12, 9, "name of an interface");
	expect_one("pass from \"a\x1b\"", 14, 11, "not an address");
	expect_one("pass from 'lan:\x1b[2J'", 20, 11, "':?[2J' does not fit here");
	expect_one("", 0, 1, "an empty rule");
}

/* Whatever the file says, a record is short and printable. */
static void test_long_words(void **state)
{
	static const char *const before[] = {
		"",
		"pass ",
		"pass on ",
		"pass proto ",
		"pass from ",
		"pass from lan:",
		"pass from <",
		"pass from 10.0.0.0/",
		"pass to any port ",
		"pass icmp-type ",
		"pass flags ",
		"pass label x ",
		"pass nat-to ",
		"pass keep state (",
		"pass keep ",
		"pass from $",
		"pass to any port 5:",
		"pass icmp-type 3 code ",
		"block return-icmp(",
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(before); i++) {
		size_t n = strlen(before[i]);
		struct parsed p;

		memcpy(text, before[i], n);
		memset(text + n, 'a', sizeof(text) - n);
		p = parse_bytes(text, sizeof(text));
		expect_records(before[i], &p, sizeof(text));
		for (size_t k = 0; k < p.err.list.n; k++)
			if (strlen(p.err.list.v[k].msg) > 200 ||
			    (p.err.list.v[k].hint && strlen(p.err.list.v[k].hint) > 200))
				fail_msg("%s: a record of %zu bytes", before[i],
					 strlen(p.err.list.v[k].msg));
		done(&p);
	}
}

/* ---- limits ---- */

static void test_text_limit(void **state)
{
	size_t max = (size_t)64 << 10;
	char *text = malloc(max + 1);
	struct parsed p;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', max + 1);
	put(text, "pass");
	p = parse_bytes(text, max);
	expect_good("64 KiB", &p);
	done(&p);
	p = parse_bytes(text, max + 1);
	assert_int_equal(p.rc, -EINVAL);
	assert_non_null(strstr(p.err.list.v[0].msg, "longer than 64 KiB"));
	done(&p);
	free(text);
}

static struct parsed parse_with(const struct pt_macro *m, size_t n, const char *text)
{
	const struct pt_macro *old = macros;
	size_t old_n = n_macros;
	struct parsed p;

	macros = m;
	n_macros = n;
	p = parse(text);
	macros = old;
	n_macros = old_n;
	return p;
}

static void test_macro_limits(void **state)
{
	struct pt_macro chain[17];
	char names[17][16], texts[17][16], *big = calloc(1, (256 << 10) + 2);
	struct pt_macro one = { "big", big };
	struct parsed p;

	(void)state;
	assert_non_null(big);
	for (int i = 0; i < 17; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "m%d", i);
		(void)snprintf(texts[i], sizeof(texts[i]), i < 16 ? "$m%d" : "quick", i + 1);
		chain[i] = (struct pt_macro){ names[i], texts[i] };
	}
	p = parse_with(chain, 17, "pass $m1"); /* 16 deep */
	expect_good("16 macros deep", &p);
	assert_true(p.rule->quick);
	done(&p);
	p = parse_with(chain, 17, "pass $m0");
	assert_int_equal(p.rc, -EINVAL);
	assert_non_null(strstr(p.err.list.v[0].msg, "16 deep"));
	done(&p);

	memset(big, ' ', 256 << 10);
	p = parse_with(&one, 1, "pass $big");
	expect_good("256 KiB of macros", &p);
	done(&p);
	big[256 << 10] = ' ';
	p = parse_with(&one, 1, "pass $big");
	assert_int_equal(p.rc, -EINVAL);
	assert_non_null(strstr(p.err.list.v[0].msg, "256 KiB"));
	done(&p);
	free(big);
}

static void test_list_limit(void **state)
{
	char *ports = calloc(1, 65537 * 2 + 1);
	struct pt_macro m = { "ports", ports };
	struct parsed p;

	(void)state;
	assert_non_null(ports);
	for (size_t i = 0; i < 65536; i++)
		put(ports + 2 * i, "7 ");
	p = parse_with(&m, 1, "pass proto tcp to any port { $ports }");
	expect_good("65,536 entries", &p);
	assert_int_equal(p.rule->dport.n, 65536);
	done(&p);
	put(ports + 2 * 65536, "7 ");
	p = parse_with(&m, 1, "pass proto tcp to any port { $ports }");
	assert_int_equal(p.rc, -EINVAL);
	assert_int_equal(p.err.list.n, 1);
	assert_non_null(strstr(p.err.list.v[0].msg, "65536 entries"));
	done(&p);
	free(ports);
}

/* Thousands of mistakes end in PT_ERR_MAX records and a count. */
static void test_many_errors(void **state)
{
	struct pt_buf b = { 0 };
	struct parsed p;

	(void)state;
	pt_buf_str(&b, "pass from {");
	for (int i = 0; i < 2000; i++)
		pt_buf_str(&b, i % 2 ? " $zzz," : " 1.2.3.4/8,");
	pt_buf_str(&b, " }");
	p = parse(b.s);
	assert_int_equal(p.rc, -EINVAL);
	assert_int_equal(p.err.list.n, PT_ERR_MAX);
	assert_int_equal(p.err.n_errors, 2000);
	assert_int_equal(p.err.more, 2000 - PT_ERR_MAX);
	done(&p);
	pt_buf_fini(&b);
}

/* ---- memory ---- */

/* Every allocation fails in turn; the rule comes out whole, or not at all. */
static void exhaust(const char *text, bool is_good)
{
	int rc = -ENOMEM;

	for (long at = 0; at < 2000; at++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_rule_ctx ctx = { .arena = a, .macros = macros, .n_macros = n_macros };
		struct pt_err e = { 0 };
		struct pt_ast_rule *r;
		bool all;

		assert_non_null(a);
		allocations_left = at;
		rc = pt_rule_parse(&ctx, text, strlen(text), &r, &e);
		all = allocations_left >= 0;
		allocations_left = -1;
		assert_int_equal(!rc, !!r);
		assert_true(rc == 0 || rc == -ENOMEM || (rc == -EINVAL && !is_good));
		if (rc == -EINVAL)
			assert_true(e.n_errors > 0);
		pt_err_fini(&e);
		pt_arena_free(a);
		if (all)
			break;
		if (is_good)
			assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(rc, is_good ? 0 : -EINVAL);
}

static void test_no_memory(void **state)
{
	struct pt_buf big = { 0 };

	(void)state;
	exhaust("pass in log quick on { lan, ! dmz } inet proto tcp from { 10.0.0.1-10.0.0.9, "
		"$if:network:0 }"
		" port 5:7 to <t> port { ssh, 1 >< 9 } flags S/SA tag \"a b\" label 'c' rdr-to "
		"10.0.0.1 port 8:*",
		true);
	exhaust("block return-icmp(3, 1) in inet proto icmp icmp-type { 8 code 0, unreach }", true);
	exhaust("pss in porto tpc on 1x from { 10.0.0.1/8, $nosuch, lan:netwrk } to any port { 0, "
		"shh, 9:5 }"
		" icmp-type foo code 3 flags X/Y label \"\" once nat-to { a } \x01 \"open",
		false);
	pt_buf_str(&big, "pass from {"); /* enough for the arena to grow while a list does */
	for (int i = 0; i < 3000; i++)
		pt_buf_fmt(&big, " 10.0.%d.%d", i / 250, i % 250);
	pt_buf_str(&big, " }");
	assert_int_equal(big.err, 0);
	exhaust(big.s, true);
	pt_buf_fini(&big);
}

static void test_print_no_memory(void **state)
{
	struct parsed p =
		good("pass in on { lan, dmz } proto tcp from 10.0.0.0/8 to any port 22 label x");
	struct pt_buf b = { 0 };

	(void)state;
	allocations_left = 0;
	pt_rule_print(&b, p.rule);
	allocations_left = -1;
	assert_int_equal(b.err, -ENOMEM);
	pt_buf_fini(&b);
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),		cmocka_unit_test(test_macro_places),
		cmocka_unit_test(test_hostile_labels),	cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_long_words),	cmocka_unit_test(test_text_limit),
		cmocka_unit_test(test_macro_limits),	cmocka_unit_test(test_list_limit),
		cmocka_unit_test(test_many_errors),	cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_print_no_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, use_macros, NULL);
}
