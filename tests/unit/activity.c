/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What /proc says of a busy machine, right and wrong: cut anywhere, every byte another one; names of processes with anything in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/activity.h>

static const char *const texts[PT_ACTIVITY_FILES] = {
	[PT_ACTIVITY_STAT] = "cpu  10 20 30 40 50 60 70 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu3 9 8 7 6 5 4 3 2 0 0\nintr 1 2\ncpux 1\nbtime 5\n",
	[PT_ACTIVITY_MEMINFO] = "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    900 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n",
	[PT_ACTIVITY_LOADAVG] = "0.52 12.05 3.99 2/345 6789\n",
	[PT_ACTIVITY_SOFTNET] = "000000ff 00000010 00000003 00000000\n000000ff 00000001 00000001 00000000\nnothing\n",
	[PT_ACTIVITY_CONNTRACK] = "123\n",
	[PT_ACTIVITY_CONNTRACK_MAX] = "456\n",
	[PT_ACTIVITY_PRESSURE] = "some avg10=1.25 avg60=0.50 avg300=100.00 total=5\nfull avg10=0.01 avg60=0.02 avg300=0.03 total=0\n",
	[PT_ACTIVITY_PRESSURE + 1] = "some avg10=1.2 avg60=0.50\n",
	[PT_ACTIVITY_PRESSURE + 2] = "",
};

static void right(void **state)
{
	struct pt_activity a = { .arena = pt_arena_new() };

	(void)state;
	for (enum pt_activity_file i = 0; i < PT_ACTIVITY_FILES; i++)
		assert_int_equal(pt_activity_parse(&a, i, texts[i]), 0);
	assert_int_equal(a.all.spent[PT_SPENT_USER], 10);
	assert_int_equal(a.all.spent[PT_SPENT_STEAL], 80);
	assert_int_equal(a.cpus.n, 2);
	assert_int_equal(a.cpus.v[1].number, 3);
	assert_int_equal(a.cpus.v[1].spent[PT_SPENT_SOFTIRQ], 3);
	assert_true(a.memory == 1000 * 1024 && a.memory_available == 900 * 1024 && a.swap == 50 * 1024 && a.swap_free == 20 * 1024);
	assert_true(a.load[0] == 52 && a.load[1] == 1205 && a.load[2] == 399);
	assert_true(a.softnet_dropped == 17 && a.softnet_squeezed == 4);
	assert_true(a.has_conntrack && a.conntrack == 123 && a.conntrack_max == 456);
	assert_true(a.pressure[0].known && a.pressure[0].some[0] == 125 && a.pressure[0].some[2] == 10000 && a.pressure[0].full[1] == 2);
	assert_false(a.pressure[1].known);
	assert_false(a.pressure[2].known);
	pt_arena_free(a.arena);
}

static void hostile(void **state)
{
	(void)state;
	for (enum pt_activity_file i = 0; i < PT_ACTIVITY_FILES; i++)
		for (size_t cut = 0; cut <= strlen(texts[i]); cut++)
			for (unsigned int other = 0; other < 256; other += 5) {
				struct pt_activity a = { .arena = pt_arena_new() };
				char *exact = test_malloc(cut + 1);

				memcpy(exact, texts[i], cut);
				exact[cut] = '\0';
				if (cut)
					exact[cut * other % cut] = (char)other;
				assert_int_equal(pt_activity_parse(&a, i, exact), 0);
				test_free(exact);
				pt_arena_free(a.arena);
			}
}

#define REST " S 1 7 7 0 -1 4194560 1 2 3 4 100 50 9 9 20 0 1 0 5000 99999 25 18446744073709551615 1 1"

static void processes(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ "42 (sshd)" REST, "sshd" },
		{ "42 (a) S 1 (b\n)" REST, "a) S 1 (b\n" },
		{ "42 ()" REST, "" },
		{ "42 (sixty bytes of a name, as threads of the kernel have them)" REST, "sixty bytes of a name, as thread" },
		{ "", NULL },
		{ "42", NULL },
		{ "42 )(" REST, NULL },
		{ "x (sshd)" REST, NULL },
		{ "42 (sshd) S 1 7 7", NULL },
		{ "42 (sshd)", NULL },
		{ "99999999999 (sshd)" REST, NULL },
	};
	struct pt_activity_process p;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(pt_activity_parse_process(cases[i].text, &p), cases[i].name != NULL);
		if (!cases[i].name)
			continue;
		assert_memory_equal(p.name, cases[i].name, strlen(cases[i].name) < sizeof(p.name) - 1 ? strlen(cases[i].name) : sizeof(p.name) - 1);
		assert_true(p.pid == 42 && p.state == 'S' && p.ticks == 150 && p.started == 5000);
		assert_int_equal(p.memory, 25 * (uint64_t)sysconf(_SC_PAGESIZE));
	}
}

/* Half of a second's ticks; a number that another process has by now; one that is new. */
static void busy(void **state)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	struct pt_activity_process old[] = { { .pid = 5, .started = 1, .ticks = 1000 }, { .pid = 9, .started = 2, .ticks = 5000 } };
	struct pt_activity before = { .when = 1000000000, .processes = { .v = old, .n = 2 } }, after = { .when = 2000000000 };
	struct pt_activity_process same = { .pid = 5, .started = 1, .ticks = 1000 + hz / 2 }, again = { .pid = 9, .started = 77, .ticks = hz / 4 },
				   later = { .pid = 11, .started = 78, .ticks = hz };

	(void)state;
	assert_int_equal(pt_activity_busy(&before, &after, &same), 500);
	assert_int_equal(pt_activity_busy(&before, &after, &again), 250);
	assert_int_equal(pt_activity_busy(&before, &after, &later), 1000);
	assert_int_equal(pt_activity_busy(&after, &after, &later), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(right), cmocka_unit_test(hostile), cmocka_unit_test(processes), cmocka_unit_test(busy) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
