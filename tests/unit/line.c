/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the console: each case is written back in one form, commands apart by " ; ", words in <>, stages behind " | ". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/line.h>

static void put_words(struct pt_buf *b, const pt_line_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		pt_buf_fmt(b, "<%s>", w->v[i].s);
}

static void reads(const char *s, const char *as)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_buf b = { 0 };
	struct pt_line l;
	size_t at;

	assert_int_equal(pt_line_parse(s, strlen(s), a, &l, &at), 0);
	for (size_t i = 0; i < l.commands.n; i++) {
		pt_buf_str(&b, i ? " ; " : "");
		put_words(&b, &l.commands.v[i].words);
		for (size_t k = 0; k < l.commands.v[i].stages.n; k++) {
			pt_buf_str(&b, " | ");
			put_words(&b, &l.commands.v[i].stages.v[k]);
		}
	}
	if (l.open)
		pt_buf_fmt(&b, " open %c", l.open);
	assert_string_equal(b.s ? b.s : "", as);
	pt_buf_fini(&b);
	pt_arena_free(a);
}

static void test_words(void **state)
{
	(void)state;
	reads("", "");
	reads("  \t", "");
	reads("show rules", "<show><rules>");
	reads(" show\trules  ", "<show><rules>");
	reads("set firewall rules \"pass in on lan\"", "<set><firewall><rules><pass in on lan>");
	reads("a \"b \\\"c\\\" \\\\ \\. \\n\" d", "<a><b \"c\" \\ \\. \n><d>");
	reads("a 'b \\n \"c\"' d", "<a><b \\n \"c\"><d>");
	reads("a\"b c\"d", "<ab cd>");
	reads("\"\" ''", "<><>");
	reads("pass from <admins> to { 192.0.2.1, !10.0.0.0/8 } (max 3)", "<pass><from><<admins>><to><{><192.0.2.1,><!10.0.0.0/8><}><(max><3)>");
	reads("a # comment | x ; y", "<a>");
	reads("a#b", "<a#b>");
	reads("a \"b # c\"", "<a><b # c>");
}

static void test_commands(void **state)
{
	(void)state;
	reads("a; b ;c", "<a> ; <b> ; <c>");
	reads("a;", "<a> ; ");
	reads(";", " ; ");
	reads("a\nb # x\nc", "<a> ; <b> ; <c>");
	reads("a | match 'x|y' | count", "<a> | <match><x|y> | <count>");
	reads("a |match b |!c", "<a> | <match><b> | <!c>");
	reads("a \"\\u{202e}b\\u{e9}\" \"\\u{41}\\u{d800}\\u{}\\u{110000}\\u{12\"", "<a><\xe2\x80\xae""b\xc3\xa9><\\u{41}\\u{d800}\\u{}\\u{110000}\\u{12>");
	reads("a|b", "<a|b>");
	reads("a || b", "<a><||><b>");
	reads("a |", "<a> | ");
	reads("a \"b", "<a><b> open \"");
	reads("a '", "<a><> open '");
}

static void refused(const char *s, size_t n, int code, size_t where)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_line l;
	size_t at;

	assert_int_equal(pt_line_parse(s, n, a, &l, &at), code);
	assert_int_equal(at, where);
	pt_arena_free(a);
}

static void test_refused(void **state)
{
	char *big = calloc(1, PT_LINE_MAX + 2);

	(void)state;
	refused("| a", 3, -EINVAL, 0);
	refused("a ; | b", 7, -EINVAL, 4);
	refused("a | | b", 7, -EINVAL, 4);
	refused("a \033[31m", 7, -EINVAL, 2);
	refused("a\0b", 3, -EINVAL, 1);
	refused("a\r", 2, -EINVAL, 1);
	assert_non_null(big);
	memset(big, 'a', PT_LINE_MAX + 1);
	refused(big, PT_LINE_MAX + 1, -E2BIG, 0);
	free(big);
}

/* Places are those of the line, and a quoted word comes back. */
static void test_places_and_quotes(void **state)
{
	static const char *const words[] = { "a", "", "a b", "a\"b", "a\\b", "'", "|", "||", "|x", "what?", "\xe2\x80\xaex", "\\u{202e}", "\xf0\x9d\x85\xb3", "\xff", "a;b", "#", "a#", "\n", "\t", "a\\n", "\\" };
	const char *s = "show  \"a b\" x";
	struct pt_arena *a = pt_arena_new();
	struct pt_line l;
	size_t at;

	(void)state;
	assert_int_equal(pt_line_parse(s, strlen(s), a, &l, &at), 0);
	assert_int_equal(l.commands.v[0].words.v[1].from, 6);
	assert_int_equal(l.commands.v[0].words.v[1].to, 11);
	assert_true(l.commands.v[0].words.v[1].quoted);
	assert_false(l.blank);
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++) {
		struct pt_buf b = { 0 };

		pt_line_quote(&b, words[i]);
		pt_buf_str(&b, " ");
		assert_int_equal(pt_line_parse(b.s, b.n, a, &l, &at), 0);
		assert_int_equal(l.commands.n, 1);
		assert_int_equal(l.commands.v[0].words.n, 1);
		assert_string_equal(l.commands.v[0].words.v[0].s, words[i]);
		assert_true(l.blank);
		pt_buf_fini(&b);
	}
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_places_and_quotes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
