/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names and identities of rules: stable, unique, and found without comparing every pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

struct built {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_err err;
	int rc;
};

/* RULES: what stands between the braces of the list. */
static void build(struct built *b, const char *rules)
{
	struct pt_buf text = { 0 };

	memset(b, 0, sizeof(*b));
	pt_buf_fmt(&text, "firewall { builtin = false rules = {\n%s\n} }\n", rules);
	assert_int_equal(text.err, 0);
	b->rc = pt_conf_parse("t.conf", text.s, text.n, &b->conf, &b->err);
	if (!b->rc)
		b->rc = pt_policy_build(b->conf, &b->policy, &b->err);
	pt_buf_fini(&text);
}

static void drop(struct built *b)
{
	pt_policy_free(b->policy);
	pt_conf_free(b->conf);
	pt_err_fini(&b->err);
}

static void names_of_equal_texts(void **state)
{
	struct built b;
	const char *first;
	char want[64];

	(void)state;
	build(&b, "\"pass in proto tcp to port 22\", \"block in\",\n"
		  "\"pass in proto tcp to port ssh\", \"pass in proto { tcp } to any port 22\"");
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.policy->rules.n, 4);
	first = b.policy->rules.v[0].name;
	assert_int_equal(strlen(first), 9);
	assert_int_equal(first[0], 'r');
	assert_string_not_equal(b.policy->rules.v[1].name, first);
	(void)snprintf(want, sizeof(want), "%s#2", first);
	assert_string_equal(b.policy->rules.v[2].name, want);
	(void)snprintf(want, sizeof(want), "%s#3", first);
	assert_string_equal(b.policy->rules.v[3].name, want);
	drop(&b);
}

/* A rule keeps its name wherever it stands. */
static void names_do_not_depend_on_place(void **state)
{
	struct built a, b;

	(void)state;
	build(&a, "\"block in\", \"pass out\"");
	build(&b, "\"pass out\", \"match in\", \"block in\"");
	assert_int_equal(a.rc, 0);
	assert_int_equal(b.rc, 0);
	assert_string_equal(a.policy->rules.v[0].name, b.policy->rules.v[2].name);
	assert_int_equal(a.policy->rules.v[0].id, b.policy->rules.v[2].id);
	assert_string_equal(a.policy->rules.v[1].name, b.policy->rules.v[0].name);
	drop(&a);
	drop(&b);
}

static void label_twice(void **state)
{
	struct built b;

	(void)state;
	build(&b, "\"block in label web\",\n\"pass in\",\n\"pass out label web\"");
	assert_int_equal(b.rc, -EINVAL);
	assert_int_equal(b.err.n_errors, 1);
	assert_int_equal(b.err.list.v[0].loc.line, 4);
	assert_int_equal(b.err.list.v[0].loc.col, 17);
	assert_non_null(strstr(b.err.list.v[0].msg, "label 'web' is given twice"));
	assert_non_null(strstr(b.err.list.v[0].hint, "line 2"));
	drop(&b);
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Half of them equal, half with labels: every identity is one rule's, and none is 0. */
static void many_rules(void **state)
{
	enum { N = 20000 };
	struct pt_buf text = { 0 };
	static uint32_t ids[N];
	struct built b;
	char want[64];

	(void)state;
	for (unsigned int i = 0; i < N; i++) {
		if (i % 2)
			pt_buf_fmt(&text, "\"pass in label l%u\",\n", i);
		else
			pt_buf_str(&text, "\"pass in\",\n");
	}
	assert_int_equal(text.err, 0);
	build(&b, text.s);
	pt_buf_fini(&text);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.policy->rules.n, N);
	(void)snprintf(want, sizeof(want), "%s#%d", b.policy->rules.v[0].name, N / 2);
	assert_string_equal(b.policy->rules.v[N - 2].name, want);
	assert_string_equal(b.policy->rules.v[N - 1].name, "l19999");
	for (unsigned int i = 0; i < N; i++)
		ids[i] = b.policy->rules.v[i].id;
	qsort(ids, N, sizeof(ids[0]), by_id);
	assert_int_not_equal(ids[0], 0);
	for (unsigned int i = 1; i < N; i++)
		assert_int_not_equal(ids[i], ids[i - 1]);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_equal_texts),
		cmocka_unit_test(names_do_not_depend_on_place),
		cmocka_unit_test(label_twice),
		cmocka_unit_test(many_rules),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
