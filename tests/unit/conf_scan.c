/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The source map: lossless, in agreement with libconfuse's own lexer, and able to say where a
 * byte of a value stands in the file.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agree.h"

static void expect_agree(const char *what, const char *text, size_t len)
{
	const char *bad = agree(text, len);

	if (bad)
		fail_msg("%s: %s", what, bad);
}

/* Is accepted by the scanner, so that agreement means something. */
static bool scans(const char *text, size_t len)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_src_tok *toks;
	size_t n;
	int rc;

	assert_non_null(a);
	rc = pt_src_scan("t", text, len, a, &toks, &n, NULL);
	pt_arena_free(a);
	return !rc;
}

static void test_snippets_agree(void **state)
{
	static const char *const texts[] = {
		"",
		" \t\n",
		"a",
		"a=b",
		"a+=b",
		"a += {b,c}",
		"a//b",
		"a/ /b",
		"/",
		"a/",
		"/a",
		"//",
		"///x",
		"#",
		"#a\n#b",
		"a#b",
		"a//b\n//c",
		"/**/",
		"/***/a",
		"/* * / **/b",
		"/*\n*/",
		"/*/ */x",
		"\"\"",
		"''",
		"\"a\"\"b\"",
		"\"a'b\"",
		"'a\"b'",
		"\"#\" '//' \"/*\"",
		"\"a\nb\"",
		"'a\nb'",
		"\"a\\\nb\"",
		"'a\\\nb'",
		"\"\\n\\r\\b\\f\\a\\e\\t\\v\"",
		"\"\\q\\\"\\\\\\'\"",
		"'\\n\\\\\\'\\q'",
		"\"\\1\\12\\123\\1234\"",
		"\"\\377\"",
		"\"\\400\"",
		"\"\\8\"",
		"\"\\08\"",
		"\"\\18\"",
		"\"\\x\"",
		"\"\\xg\"",
		"\"\\x4\"",
		"\"\\x4g\"",
		"\"\\x41\"",
		"\"\\x411\"",
		"\"\\0x\"",
		"a|b<c>d;e:f",
		"$",
		"$a",
		"a$",
		"{}(),=",
		"\xc3\xa4=\xc3\xb6",
		"'\xc3\xa4' \"\\\xc3\xa4\"",
		"a\r\nb",
		"\"a\r\nb\"",
		"\"a\\\r\nb\"",
		"'a\\\r\nb'",
		"#a\r\nb",
		"\xef\xbb\xbf=a",
		"a\xef\xbb\xbf",
		"'\\\\'a",
		"\"\\\\\"a",
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(texts); i++) {
		if (!scans(texts[i], strlen(texts[i])))
			fail_msg("the scanner refuses %s", texts[i]);
		expect_agree(texts[i], texts[i], strlen(texts[i]));
	}
}

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(1 << 20);

	assert_non_null(f);
	assert_non_null(data);
	*len = fread(data, 1, 1 << 20, f);
	assert_int_equal(fclose(f), 0);
	return data;
}

static size_t agree_on_folder(const char *folder, size_t *accepted)
{
	const char *top = getenv("PATRONUS_TOP");
	struct dirent *d;
	char path[4096];
	size_t n = 0, len;
	char *text;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s", top ? top : ".", folder);
	dir = opendir(path);
	assert_non_null(dir);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || d->d_type == DT_DIR)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s/%s", top ? top : ".", folder, d->d_name);
		text = read_file(path, &len);
		*accepted += scans(text, len);
		expect_agree(d->d_name, text, len);
		free(text);
		n++;
	}
	closedir(dir);
	return n;
}

static void test_corpus_agrees(void **state)
{
	size_t accepted = 0;

	(void)state;
	assert_true(agree_on_folder("tests/corpus/conf", &accepted) >= 15);
	assert_true(accepted >= 8);
	accepted = 0;
	assert_true(agree_on_folder("contrib/examples", &accepted) >= 1);
	assert_true(accepted >= 1);
}

static void test_tokens(void **state)
{
	static const char text[] = "a = {\n\t\"b\" /* c */ }";
	static const struct pt_src_tok want[] = {
		{ PT_TOK_WORD, 0, 1, 1, 1 },	 { PT_TOK_SPACE, 1, 1, 1, 2 },
		{ PT_TOK_PUNCT, 2, 1, 1, 3 },	 { PT_TOK_SPACE, 3, 1, 1, 4 },
		{ PT_TOK_PUNCT, 4, 1, 1, 5 },	 { PT_TOK_SPACE, 5, 2, 1, 6 },
		{ PT_TOK_STRING, 7, 3, 2, 2 },	 { PT_TOK_SPACE, 10, 1, 2, 5 },
		{ PT_TOK_COMMENT, 11, 7, 2, 6 }, { PT_TOK_SPACE, 18, 1, 2, 13 },
		{ PT_TOK_PUNCT, 19, 1, 2, 14 },
	};
	struct pt_arena *a = pt_arena_new();
	struct pt_src_tok *toks;
	size_t n;

	(void)state;
	assert_int_equal(pt_src_scan("t", text, strlen(text), a, &toks, &n, NULL), 0);
	assert_int_equal(n, PT_ARRAY_SIZE(want));
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(&toks[i], &want[i], sizeof(want[i]));
	pt_arena_free(a);
}

struct refusal {
	const char *text;
	size_t len;
	uint32_t line, col;
	const char *msg;
};

static void test_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ "a\n \"b", 5, 2, 2, "string" }, { "a '\\'", 5, 1, 3, "string" },
		{ "/* a *", 6, 1, 1, "comment" }, { "/*/", 3, 1, 1, "comment" },
		{ "a * b", 5, 1, 3, "quotes" },	  { "a + b", 5, 1, 3, "quotes" },
		{ "a\0b", 3, 1, 2, "NUL" },	  { "a\x01", 2, 1, 2, "control" },
		{ "\x7f", 1, 1, 1, "control" },	  { "a\rb", 3, 1, 2, "carriage" },
		{ "\xff", 1, 1, 1, "UTF-8" },	  { "\xc0\x80", 2, 1, 1, "UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_err e = { 0 };
		struct pt_src_tok *toks;
		size_t n;

		assert_int_equal(pt_src_scan("t", cases[i].text, cases[i].len, a, &toks, &n, &e),
				 -EINVAL);
		assert_int_equal(e.list.n, 1);
		assert_int_equal(e.list.v[0].loc.line, cases[i].line);
		assert_int_equal(e.list.v[0].loc.col, cases[i].col);
		assert_non_null(strstr(e.list.v[0].msg, cases[i].msg));
		pt_err_fini(&e);
		pt_arena_free(a);
	}
}

/* "${" is text: what libconfuse would look up is one word, and a string stays one string. */
static void test_dollar(void **state)
{
	static const char text[] = "${A B} \"${\" }\" ${";
	static const uint32_t lens[] = { 6, 1, 4, 1, 1, 3 };
	struct pt_arena *a = pt_arena_new();
	struct pt_src_tok *toks;
	size_t n;

	(void)state;
	assert_int_equal(pt_src_scan("t", text, strlen(text) - 3, a, &toks, &n, NULL), -EINVAL);
	assert_int_equal(pt_src_scan("t", text, 13, a, &toks, &n, NULL), 0);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(toks[i].len, lens[i]);
	pt_arena_free(a);
}

/* Each byte of the value, looked up, is that byte of the file or the escape that made it. */
static void test_locate(void **state)
{
	static const struct {
		const char *text; /* the string begins at its first quote, or first byte */
		uint32_t offset, len, line, col, out;
	} cases[] = {
		{ "\"pass in\"", 0, 4, 1, 2, 4 },  { "\"pass in\"", 5, 2, 1, 7, 2 },
		{ "'pass in'", 5, 2, 1, 7, 2 },	   { "pass", 2, 2, 1, 3, 2 },
		{ "\"a\\x41bc\"", 0, 1, 1, 2, 1 }, { "\"a\\x41bc\"", 1, 1, 1, 3, 4 },
		{ "\"a\\x41bc\"", 2, 1, 1, 7, 1 }, { "\"a\\x41bc\"", 0, 3, 1, 2, 6 },
		{ "\"a\\\"b\" ", 2, 1, 1, 5, 1 },  { "'a\\'b'", 2, 1, 1, 5, 1 },
		{ "'a\\nb'", 1, 1, 1, 3, 1 },	   { "'a\\nb'", 3, 1, 1, 5, 1 },
		{ "\"a\\\n b\"", 2, 1, 2, 2, 1 },  { "\"a\\\r\n b\"", 2, 1, 2, 2, 1 },
		{ "\"a\nbc\"", 2, 2, 2, 1, 2 },	   { "\"a\r\nbc\"", 3, 1, 2, 2, 1 },
		{ "\"abc\"", 3, 1, 1, 5, 1 },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		bool quoted = cases[i].text[0] == '"' || cases[i].text[0] == '\'';
		struct pt_conf_str str = { .s = "",
					   .loc = { "t", 1, 1 + quoted, 0 },
					   .raw = quoted };
		struct pt_conf_at at = { "t", cases[i].text, strlen(cases[i].text), &str };
		struct pt_loc loc = pt_conf_locate(&at, cases[i].offset, cases[i].len);

		if (loc.line != cases[i].line || loc.col != cases[i].col || loc.len != cases[i].out)
			fail_msg("case %zu: %u:%u+%u", i, loc.line, loc.col, loc.len);
	}
}

/* Looking a place up must not cost the length of the text each time. */
static void test_locate_is_fast(void **state)
{
	size_t n = 64 << 10;
	char *text = malloc(n + 2);
	struct pt_conf_str str = { .s = "", .loc = { "t", 1, 2, 0 }, .raw = 1 };
	struct pt_conf_at at = { "t", text, n + 2, &str };

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n + 1);
	text[0] = text[n + 1] = '"';
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pt_conf_locate(&at, i, 1).col, i + 2);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snippets_agree), cmocka_unit_test(test_corpus_agrees),
		cmocka_unit_test(test_tokens),	       cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_dollar),	       cmocka_unit_test(test_locate),
		cmocka_unit_test(test_locate_is_fast),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
