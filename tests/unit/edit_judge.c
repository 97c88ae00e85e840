/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drafts: what is wrong with a value by itself is told under its word; what only another section could tell waits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <patronus/edit.h>

static const char text[] = "interface lan { device = \"eth0\" }\n"
			   "macro web { value = \"80, 443\" }\n"
			   "firewall { rules = { \"block\" } }\n";

static const struct {
	const char *words[12];
	uint32_t col, len; /* 0: it is taken */
	enum pt_edit_op op;
} cases[] = {
	{ { "interface", "lan", "mtu", "1400" }, 0, 0, PT_EDIT_SET },
	{ { "interface", "lan", "mtu", "14000000" }, 23, 8, PT_EDIT_SET },
	{ { "interface.lan.mtu", "67" }, 23, 2, PT_EDIT_SET },
	{ { "interface", "new", "mtu", "x" }, 23, 1, PT_EDIT_SET },
	{ { "interface", "lan", "type", "vlann" }, 24, 5, PT_EDIT_SET },
	{ { "interface", "lan", "address", "192.0.2.1/24", "192.0.2/33" }, 40, 10, PT_EDIT_SET },
	{ { "interface", "lan", "address", "=", "192.0.2.1/24", "nowhere" }, 42, 7, PT_EDIT_SET },
	{ { "interface", "9x", "device", "eth1" }, 15, 2, PT_EDIT_SET },
	{ { "interface", "lan", "b/d" }, 22, 3, PT_EDIT_RENAME },
	{ { "interface", "lan", "inside" }, 0, 0, PT_EDIT_RENAME },
	/* an interface, a macro, a table that are not there may come */
	{ { "firewall", "rules", "pass", "in", "on", "dmz" }, 0, 0, PT_EDIT_SET },
	{ { "firewall", "rules", "pass in proto tcp to <later> port $later" }, 0, 0, PT_EDIT_SET },
	{ { "firewall", "rules", "pass in proto tcp to any port { $web }" }, 0, 0, PT_EDIT_SET },
	{ { "firewall", "rules", "pass in proto tpc to any port { $web }" }, 35, 3, PT_EDIT_SET },
	{ { "firewall", "rules", "pass", "in", "on", "lan", "prto", "tcp" }, 35, 4, PT_EDIT_SET },
	{ { "firewall", "rules", "pass", "in", "quick", "before", "1" }, 0, 0, PT_EDIT_SET },
	{ { "firewall", "rules", "=", "block", "pass inn" }, 34, 3, PT_EDIT_SET },
	{ { "firewall", "rules", "=", "pass\tinn" }, 0, 0, PT_EDIT_GET }, /* of the words; nothing is changed */
	{ { "test", "t", "expect", "pass in on lan" }, 0, 0, PT_EDIT_SET },
	{ { "test", "t", "expect", "pass in on lan label x" }, 35, 5, PT_EDIT_SET },
	{ { "firewall", "rules", "block" }, 0, 0, PT_EDIT_DELETE },
};

static void one(size_t i)
{
	struct pt_edit what = { .op = cases[i].op, .words = cases[i].words, .draft = true };
	struct pt_edit_texts t;
	struct pt_edit_result r;
	struct pt_err e = { 0 };

	while (what.n < PT_ARRAY_SIZE(cases[i].words) && what.words[what.n])
		what.n++;
	assert_int_equal(pt_edit_text("t.conf", text, strlen(text), &t, &e), 0);
	assert_int_equal(pt_edit(&t, &what, &r, &e), cases[i].col ? -EINVAL : 0);
	assert_int_equal(r.changed, !cases[i].col && cases[i].op != PT_EDIT_GET);
	if (cases[i].col) {
		assert_true(e.list.n >= 1);
		if (e.list.v[0].loc.col != cases[i].col || e.list.v[0].loc.len != cases[i].len)
			fail_msg("case %zu: %s at %u, %u bytes, and not at %u, %u", i, e.list.v[0].msg, e.list.v[0].loc.col,
				 e.list.v[0].loc.len, cases[i].col, cases[i].len);
		assert_non_null(e.list.v[0].source);
	} else {
		assert_int_equal(e.list.n, 0);
	}
	pt_edit_texts_fini(&t);
	pt_err_fini(&e);
}

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
		one(i);
}

/* Each row that has a range refuses something, and takes its own default. */
static void test_rows(void **state)
{
	const struct pt_loc loc = { "value", 1, 1, 1 };
	size_t n = 0;

	(void)state;
	for (const struct pt_schema *s = pt_conf_schema; s->name; s++)
		for (const struct pt_schema *o = s->options; o->name; o++) {
			struct pt_err e = { 0 };

			if (o->def && o->type != PT_OPT_LIST && o->type != PT_OPT_SECTION && *o->def)
				assert_int_equal(pt_conf_value_check(o, o->def, &loc, &e), 0);
			if (o->type == PT_OPT_NUMBER || o->type == PT_OPT_WORD || o->type == PT_OPT_BOOL || o->type == PT_OPT_DURATION) {
				n++;
				assert_int_equal(pt_conf_value_check(o, "no such\"", &loc, &e), -EINVAL);
				assert_int_equal(e.list.n, 1);
				assert_int_equal(pt_conf_value_check(o, "", &loc, NULL), -EINVAL);
			}
			pt_err_fini(&e);
		}
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_rows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
