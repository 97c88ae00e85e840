/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What links had before the file: the note, which may be damaged, and what becomes wanted of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/network.h"

static int parse(const char *text, struct pt_traits *out)
{
	char *copy = strdup(text);
	int rc;

	assert_non_null(copy);
	out->v.n = 0;
	rc = network_before_parse(copy, out);
	free(copy);
	return rc;
}

static void test_note(void **state)
{
	struct pt_traits t = { .arena = pt_arena_new() };

	(void)state;
	assert_int_equal(parse("patronus before 1\n2 0 1 7 eth0\n3 1 0 8 eth1\n", &t), 0);
	assert_int_equal(t.v.n, 2);
	assert_int_equal(t.v.v[0].kind, PT_TRAIT_OFFLOAD);
	assert_int_equal(t.v.v[0].number, 0);
	assert_int_equal(t.v.v[0].value, 1);
	assert_int_equal(t.v.v[0].index, 7);
	assert_string_equal(t.v.v[0].device, "eth0");
	assert_int_equal(t.v.v[1].kind, PT_TRAIT_SETTING);
	assert_int_equal(t.v.v[1].number, PT_SETTING_PROXY_NDP);
	assert_int_equal(parse("patronus before 1\n", &t), 0);
	assert_int_equal(t.v.n, 0);
	pt_arena_free(t.arena);
}

static void test_damaged(void **state)
{
	static const char *const bad[] = {
		"", "\n", "patronus before 2\n", "2 0 1 7 eth0\n", "patronus before 1\n2", "patronus before 1\n2 0 1 7\n",
		"patronus before 1\n2 0 1 7 eth0 more\n", "patronus before 1\n0 0 1 7 eth0\n", "patronus before 1\n1 0 1 7 eth0\n",
		"patronus before 1\n4 0 1 7 eth0\n", "patronus before 1\n2 10 1 7 eth0\n", "patronus before 1\n2 99999 1 7 eth0\n",
		"patronus before 1\n3 99 1 7 eth0\n", "patronus before 1\n3 4294967295 1 7 eth0\n", "patronus before 1\n-2 0 1 7 eth0\n",
		"patronus before 1\n2 0 4294967296 7 eth0\n", "patronus before 1\n2 0 1 7 sixteenbytesname\n",
		"patronus before 1\n2 0 1 7 eth0\nx\n",
	};
	struct pt_traits t = { .arena = pt_arena_new() };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		if (parse(bad[i], &t) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	pt_arena_free(t.arena);
}

/* eth0 is the link that was noted, eth1 another one of its name, eth2 is gone, and of eth3 the file says something itself. */
static void test_wanted(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct network want = { .traits = { .arena = a }, .before = { .arena = a } };
	struct pt_links links = { .arena = a };
	struct pt_traits out;

	(void)state;
	assert_int_equal(network_before_want(&want, &links, a, &out), 0);
	assert_int_equal(out.v.n, 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct pt_link l = { .index = i == 1 ? 20 : 10 + i };
		struct pt_trait t = { .kind = PT_TRAIT_OFFLOAD, .number = 1, .value = 1, .index = 10 + i };

		memcpy(l.name, (const char[]){ 'e', 't', 'h', (char)('0' + i), '\0' }, 5);
		memcpy(t.device, l.name, 5);
		if (i != 2)
			assert_int_equal(pt_vec_push(a, &links.v, l), 0);
		assert_int_equal(pt_vec_push(a, &want.before.v, t), 0);
		t.value = 0;
		t.index = 0;
		if (i == 3)
			assert_int_equal(pt_vec_push(a, &want.traits.v, t), 0);
	}
	assert_int_equal(network_before_want(&want, &links, a, &out), 0);
	assert_int_equal(out.v.n, 2);
	assert_string_equal(out.v.v[0].device, "eth3");
	assert_int_equal(out.v.v[0].value, 0);
	assert_string_equal(out.v.v[1].device, "eth0");
	assert_int_equal(out.v.v[1].value, 1);
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_wanted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("what links had before the file", tests, NULL, NULL);
}
