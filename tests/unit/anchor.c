/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anchors: what cannot be said of one rule is refused at its place, and rules have names of their own. That what is
 * said means what it means in pf is shown against another evaluator, in eval_ref.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

#include "policy_make.h"

/* A file with RULES among which an anchor a is asked, and with the rules INNER in it, which a program loaded. */
static void parse(struct built *b, const char *rules, const char *inner)
{
	const struct pt_conf_source loaded = { .anchor = "a", .text = inner, .len = strlen(inner) };
	struct pt_conf_more more = { .v = &loaded, .n = 1 };
	struct pt_buf text = { 0 };

	memset(b, 0, sizeof(*b));
	pt_buf_fmt(&text, PREAMBLE "anchor w { rules = { \"pass label x\" } }\nfirewall { builtin = false rules = {\n%s\n} }\n", rules);
	b->rc = pt_policy_parse_more("t.conf", text.s, text.n, &more, &b->conf, &b->policy, &b->err);
	pt_buf_fini(&text);
}

static void refused(void **state)
{
	static const struct {
		const char *rules, *inner, *file;
		uint32_t line, col;
		const char *why;
	} cases[] = {
		{ "\"anchor a from <bad>\"", "pass from 10.0.0.1", "anchor a", 1, 1, "its own addresses" },
		{ "\"anchor a from <bad>\"", "# one\npass from <good>", "anchor a", 2, 1, "its own addresses" },
		{ "\"anchor a ! tagged x\"", "pass ! tagged y", "anchor a", 1, 1, "its own tags" },
		{ "\"anchor a proto tcp flags S/SA\"", "pass proto tcp flags A/SA", "anchor a", 1, 1, "its own flags" },
		{ "\"anchor a tagged x\"", "match tag y\npass", "anchor a", 2, 1, "a rule before this one in it sets one" },
		{ "\"anchor a out from 10.0.0.1\"", "match out inet nat-to 10.0.0.9\n\npass", "anchor a", 3, 1, "translates" },
		{ "\"anchor a quick\"", "pass tag x\nblock", "anchor a", 1, 1, "decides later and sets a tag now" },
		{ "\"anchor a out quick\"", "match out inet nat-to 10.0.0.9", "anchor a", 1, 1, "a match rule that translates" },
		{ "\"anchor a quick\"", "match tag x\npass tagged x", "anchor a", 2, 1, "rules that set tags and rules that test them" },
		{ "\"anchor a\"", "pass label x\nblock label x", "anchor a", 2, 13, "given twice" },
		{ "\"anchor a\"", "pass in \\\n on nix", "anchor a", 2, 5, "unknown interface" },
		{ "\"anchor a on nix\"", "pass", "t.conf", 12, 14, "unknown interface" },
		{ "\"anchor a inet from fd00::1\"", "pass port", "anchor a", 1, 6, "'port'" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		const struct pt_diag *d;
		struct built b;

		parse(&b, cases[i].rules, cases[i].inner);
		if (b.rc != -EINVAL || !b.err.list.n)
			fail_msg("%s / %s: %d", cases[i].rules, cases[i].inner, b.rc);
		d = &b.err.list.v[0];
		if (strcmp(d->loc.file, cases[i].file) != 0 || d->loc.line != cases[i].line || d->loc.col != cases[i].col ||
		    !strstr(d->msg, cases[i].why) || !d->source)
			fail_msg("%s / %s: %s:%u:%u: %s", cases[i].rules, cases[i].inner, d->loc.file, d->loc.line, d->loc.col, d->msg);
		drop(&b);
	}
}

static void names(void **state)
{
	static const char *const want[] = { "r9c3b1d4a", "a/x", "w/x", "a#2/x", "x" };
	struct built b;

	(void)state;
	parse(&b, "\"block\", \"anchor a\", \"anchor w\", \"anchor a in\", \"anchor nix\", \"pass label x\"", "pass in label x\n");
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.policy->places.n, 4);
	for (size_t i = 0, k = 0; i < b.policy->rules.n; i++) {
		const struct pt_pol_rule *r = &b.policy->rules.v[i];

		if (i && r->id == b.policy->rules.v[i - 1].id)
			continue;
		assert_true(k < PT_ARRAY_SIZE(want));
		if (k) /* the first one's is a hash */
			assert_string_equal(r->name, want[k]);
		assert_true(!r->anchor == (k == 0 || k == 4));
		k++;
	}
	assert_int_equal(b.policy->asked[0], 1);
	assert_int_equal(b.policy->asked[1], 2);
	drop(&b);
}

/* Comments, blanks, lines that go on, the last one without its end; marks inside of strings. */
static void lines(void **state)
{
	static const char text[] = "# all\r\n\n  pass in label 'a#b' # more\r\nblock \\\r\n\tin \\\n proto tcp\n\\\n\npass out";
	static const char *const want[] = { "pass in all label \"a#b\"", "block in proto tcp all", "pass out all" };
	size_t k = 0;
	struct built b;

	(void)state;
	parse(&b, "\"anchor a\"", text);
	if (b.rc)
		fail_msg("%s", b.err.list.v[0].msg);
	for (size_t i = 0; i < b.policy->rules.n; i++) {
		assert_true(k < PT_ARRAY_SIZE(want));
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): K is below their number */
		assert_string_equal(b.policy->rules.v[i].text, want[k++]);
	}
	assert_int_equal(k, PT_ARRAY_SIZE(want));
	assert_int_equal(b.policy->rules.v[1].loc.line, 4);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(refused), cmocka_unit_test(names), cmocka_unit_test(lines) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
