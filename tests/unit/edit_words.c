/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files as the changes that make them: made out of nothing by these, a file tells the same changes again, and is right. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <patronus/edit.h>

static int put_line(const char *const *words, size_t n, void *arg)
{
	struct pt_buf *b = arg;

	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(b, "%s%s", i ? "|" : "", words[i]);
	pt_buf_chr(b, '\n');
	return 0;
}

/* All of T, a change a line. */
static void commands_of(struct pt_edit_texts *t, struct pt_buf *b)
{
	const struct pt_edit all = { .op = PT_EDIT_GET };
	struct pt_err e = { 0 };

	assert_int_equal(pt_edit_commands(t, &all, put_line, b, &e), 0);
	assert_int_equal(b->err, 0);
	pt_err_fini(&e);
}

static int make(const char *const *words, size_t n, void *arg)
{
	struct pt_edit what = { .op = PT_EDIT_SET, .words = words, .n = n, .draft = true, .whole = true };
	struct pt_edit_texts *t = arg;
	struct pt_edit_result r;
	struct pt_err e = { 0 };
	int rc = pt_edit(t, &what, &r, &e);

	for (size_t i = 0; i < e.list.n; i++)
		print_message("# %s: %s\n", words[0], e.list.v[i].msg);
	assert_int_equal(rc, 0);
	if (r.changed)
		pt_edit_take(t, &r);
	pt_err_fini(&e);
	return 0;
}

static void round_trip(struct pt_edit_texts *t, const char *path)
{
	const struct pt_edit all = { .op = PT_EDIT_GET };
	struct pt_buf once = { 0 }, twice = { 0 };
	struct pt_edit_texts made;
	struct pt_err e = { 0 };
	struct pt_conf *conf;

	commands_of(t, &once);
	assert_non_null(once.s);
	assert_int_equal(pt_edit_text(path, "", 0, &made, &e), 0);
	assert_int_equal(pt_edit_commands(t, &all, make, &made, &e), 0);
	commands_of(&made, &twice);
	assert_string_equal(once.s, twice.s);
	assert_int_equal(pt_conf_parse(path, made.v.v[0].text, made.v.v[0].len, &conf, &e), 0);
	pt_conf_free(conf);
	pt_edit_texts_fini(&made);
	pt_buf_fini(&once);
	pt_buf_fini(&twice);
	pt_err_fini(&e);
}

static void test_examples(void **state)
{
	glob_t g;

	(void)state;
	assert_int_equal(glob("contrib/examples/*.conf", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 5);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct pt_err e = { 0 };
		struct pt_edit_texts t;

		assert_int_equal(pt_edit_load(g.gl_pathv[i], &t, &e), 0);
		round_trip(&t, g.gl_pathv[i]);
		pt_edit_texts_fini(&t);
		pt_err_fini(&e);
	}
	globfree(&g);
}

static void test_lines(void **state)
{
	static const char text[] = "# a comment\n"
				   "interface lan { device = \"eth1\" address = { \"192.0.2.1/24\", \"2001:db8::1/64\" } }\n"
				   "table t { addresses = { } persist = true }\n"
				   "firewall { rules = { \"pass\", \"block\", \"pass\" } }\n";
	static const char *const want = "interface|lan\ninterface|lan|device|eth1\ninterface|lan|address|192.0.2.1/24\n"
					"interface|lan|address|2001:db8::1/64\ntable|t\ntable|t|persist|true\nfirewall\n"
					"firewall|rules|=|pass|block|pass\n";
	const char *const path[] = { "interface", "lan", "address" };
	const struct pt_edit one = { .op = PT_EDIT_GET, .words = path, .n = 3 };
	struct pt_buf b = { 0 };
	struct pt_edit_texts t;
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_edit_text("t.conf", text, strlen(text), &t, &e), 0);
	commands_of(&t, &b);
	assert_string_equal(b.s, want);
	round_trip(&t, "t.conf");
	b.n = 0;
	assert_int_equal(pt_edit_commands(&t, &one, put_line, &b, &e), 0);
	assert_string_equal(b.s, "interface|lan|address|192.0.2.1/24\ninterface|lan|address|2001:db8::1/64\n");
	pt_buf_fini(&b);
	pt_edit_texts_fini(&t);
	pt_err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_examples),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
