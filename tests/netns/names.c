/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of hosts against a server of the DNS that says what the test wants, well-behaved and not.
 *
 *   names.t --serve ZONE PORT    is that server, for names.sh
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/names.h>

#include "netns/lab_dns.h"

static char folder[] = "/tmp/patronus-names-XXXXXX";
static char zone[64], resolv[64], hosts[64], kept[64];
static struct pt_names_source from;
static pid_t server;
static struct pt_names *names;
static int wait_ms = 3000; /* where no answer comes, all of it is waited for */

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	char line[16] = "";
	int pipes[2];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(zone, sizeof(zone), "%s/zone", folder);
	snprintf(resolv, sizeof(resolv), "%s/resolv", folder);
	snprintf(hosts, sizeof(hosts), "%s/hosts", folder);
	snprintf(kept, sizeof(kept), "%s/names", folder);
	write_text(resolv, "# servers\nsearch example\nnameserver 127.0.0.1\n");
	write_text(hosts, "127.0.0.1 localhost\n");
	assert_int_equal(pipe(pipes), 0);
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		lab_dns_serve(zone, 0, pipes[1]);
	}
	assert_true(read(pipes[0], line, sizeof(line) - 1) > 0);
	from = (struct pt_names_source){ .hosts = hosts, .resolv = resolv, .port = (uint16_t)strtoul(line, NULL, 10) };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(zone);
	unlink(resolv);
	unlink(hosts);
	unlink(kept);
	return rmdir(folder);
}

static int begin(void **state)
{
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_names_load("/nonexistent/names", &names, &e), 0);
	assert_int_equal(e.list.n, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	pt_names_free(names);
	write_text(hosts, "127.0.0.1 localhost\n");
	return 0;
}

/* Asks for NAME at the time NOW; the addresses of then, in order: "192.0.2.1 2001:db8::1". */
static void ask(const char *name, uint64_t now, const char *want)
{
	struct pt_buf b = { 0 };
	struct pt_arena *a = pt_arena_new();
	bool changed;

	assert_int_equal(pt_names_ask(names, &name, 1, false, now, wait_ms, &from, &changed), 0);
	for (int f = 0; f < 2; f++) {
		enum pt_af af = f ? PT_AF_INET6 : PT_AF_INET;
		struct pt_iset s;

		assert_int_equal(pt_name_addresses(pt_names_find(names, name), af, now, a, &s), 0);
		for (size_t i = 0; i < s.n; i++) {
			if (b.n)
				pt_buf_chr(&b, ' ');
			pt_range_fmt(&b, af, s.v[i].lo, s.v[i].hi);
		}
	}
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
	pt_arena_free(a);
}

static enum pt_name_state state_of(const char *name, int family)
{
	return pt_names_find(names, name)->side[family].state;
}

#define T 1800000000u /* any time */

static void addresses_of_both_families(void **state)
{
	(void)state;
	write_text(zone, "www.example.org 60 192.0.2.1 192.0.2.9 2001:db8::1\nsix.example 60 2001:db8::6\n");
	ask("www.example.org", T, "192.0.2.1 192.0.2.9 2001:db8::1");
	assert_int_equal(pt_names_find(names, "www.example.org")->side[0].ttl, 60);
	ask("six.example", T, "2001:db8::6");
	assert_int_equal(state_of("six.example", 0), PT_NAME_NONE);
	assert_true(pt_name_answered(pt_names_find(names, "six.example"), PT_AF_INET));
	assert_true(pt_name_known(pt_names_find(names, "six.example")));
}

static void aliases(void **state)
{
	(void)state;
	write_text(zone, "a.example cname 300 b.example\nb.example cname 20 c.example\nc.example 60 192.0.2.1\n"
			 "o.example only 60 b.example\nturn.example circle\nlong.example only 60 long.example\n");
	ask("a.example", T, "192.0.2.1");
	assert_int_equal(pt_names_find(names, "a.example")->side[0].ttl, 20);
	ask("o.example", T, "192.0.2.1");
	wait_ms = 700;
	ask("turn.example", T, "");
	wait_ms = 3000;
	assert_int_equal(state_of("turn.example", 0), PT_NAME_FAILED);
	ask("long.example", T, "");
	assert_int_equal(state_of("long.example", 0), PT_NAME_FAILED);
}

static void an_answer_is_good_for_its_time(void **state)
{
	(void)state;
	write_text(zone, "a.example 60 192.0.2.1\n");
	ask("a.example", T, "192.0.2.1");
	write_text(zone, "a.example 100 192.0.2.2\n");
	ask("a.example", T + 59, "192.0.2.1");
	assert_int_equal(pt_name_due(pt_names_find(names, "a.example"), T + 59), T + 60);
	/* The old address stays as long as the new answer is good. */
	ask("a.example", T + 60, "192.0.2.1-192.0.2.2");
	ask("a.example", T + 159, "192.0.2.1-192.0.2.2");
	ask("a.example", T + 160, "192.0.2.2");
}

static void addresses_in_turns_do_not_flap(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++) {
		write_text(zone, i % 2 ? "a.example 30 192.0.2.1\n" : "a.example 30 192.0.2.2\n");
		ask("a.example", T + 30 * i, !i ? "192.0.2.2" : "192.0.2.1-192.0.2.2");
	}
}

static void the_last_answer_stays(void **state)
{
	(void)state;
	write_text(zone, "a.example 60 192.0.2.1 2001:db8::1\n");
	ask("a.example", T, "192.0.2.1 2001:db8::1");
	write_text(zone, "a.example rcode 2\n");
	ask("a.example", T + 60, "192.0.2.1 2001:db8::1");
	assert_int_equal(state_of("a.example", 0), PT_NAME_FAILED);
	/* Not asked again at once, later less and less often. */
	assert_int_equal(pt_name_due(pt_names_find(names, "a.example"), T + 61), T + 65);
	ask("a.example", T + 65, "192.0.2.1 2001:db8::1");
	assert_int_equal(pt_name_due(pt_names_find(names, "a.example"), T + 66), T + 75);
	ask("a.example", T + 100000000, "192.0.2.1 2001:db8::1");
	/* No such name: after five minutes it has none. */
	write_text(zone, "");
	ask("a.example", T + 200000000, "192.0.2.1 2001:db8::1");
	ask("a.example", T + 200000300, "");
	assert_int_equal(state_of("a.example", 0), PT_NAME_NONE);
	assert_false(pt_name_known(pt_names_find(names, "a.example")));
}

static void hostile_answers(void **state)
{
	static const char *const ways[] = { "id", "name", "short", "noise", "silent", "rcode 5" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(ways); i++) {
		char line[64], name[32];

		snprintf(name, sizeof(name), "way%zu.example", i);
		snprintf(line, sizeof(line), "%s %s\n", name, ways[i]);
		write_text(zone, line);
		wait_ms = 700;
		ask(name, T, "");
		wait_ms = 3000;
		assert_int_equal(state_of(name, 0), PT_NAME_FAILED);
	}
}

static void many_addresses_come_in_a_stream(void **state)
{
	struct pt_buf b = { 0 };
	const struct pt_name *n;

	(void)state;
	pt_buf_str(&b, "many.example 60");
	for (int i = 0; i < 300; i++)
		pt_buf_fmt(&b, " 10.0.%d.%d", i % 10, i);
	pt_buf_str(&b, "\nsome.example 60");
	for (int i = 0; i < 100; i++)
		pt_buf_fmt(&b, " 2001:db8::%x", 2 * i);
	pt_buf_chr(&b, '\n');
	write_text(zone, b.s);
	pt_buf_fini(&b);
	(void)!pt_names_ask(names, (const char *[]){ "many.example", "some.example" }, 2, true, T, 3000, &from, &(bool){ false });
	n = pt_names_find(names, "many.example");
	assert_true(n->side[0].addresses.n >= 200 && n->side[0].addresses.n <= PT_NAME_ADDRESSES_MAX);
	assert_int_equal(pt_names_find(names, "some.example")->side[1].addresses.n, 100);
}

static void the_file_of_hosts_comes_first(void **state)
{
	(void)state;
	write_text(zone, "a.example 60 192.0.2.1 2001:db8::1\nb.example 60 192.0.2.2\n");
	write_text(hosts, "10.0.0.1\tA.Example alias.example # b.example\n10.0.0.2 a.example\nfd00::1 six.example\n");
	ask("a.example", T, "10.0.0.1-10.0.0.2");
	ask("alias.example", T, "10.0.0.1");
	ask("six.example", T, "fd00::1");
	ask("b.example", T, "192.0.2.2");
}

static void one_slow_name_does_not_hold_up_others(void **state)
{
	enum { MANY = 200 };
	const char *list[MANY];
	struct pt_buf b = { 0 };
	size_t ok = 0;
	bool changed;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		list[i] = pt_arena_printf(names->arena, "n%d.example", i);
		pt_buf_fmt(&b, i % 10 ? "%s 60 10.1.0.%d\n" : "%s silent\n", list[i], i);
	}
	write_text(zone, b.s);
	pt_buf_fini(&b);
	assert_int_equal(pt_names_ask(names, list, MANY, false, T, 3000, &from, &changed), 0);
	assert_true(changed);
	for (int i = 0; i < MANY; i++)
		ok += state_of(list[i], 0) == PT_NAME_OK;
	assert_int_equal(ok, MANY - MANY / 10);
}

static void kept_on_disk(void **state)
{
	struct pt_err e = { 0 };
	struct pt_names *again;
	const struct pt_name *n;

	(void)state;
	write_text(zone, "a.example 60 192.0.2.1 2001:db8::1\nb.example 60 192.0.2.7\n");
	ask("a.example", T, "192.0.2.1 2001:db8::1");
	ask("b.example", T, "192.0.2.7");
	write_text(zone, "a.example 90 192.0.2.2\nb.example rcode 2\n");
	ask("a.example", T + 60, "192.0.2.1-192.0.2.2 2001:db8::1");
	ask("b.example", T + 60, "192.0.2.7");
	assert_int_equal(pt_names_store(kept, names, T + 60, &e), 0);
	assert_int_equal(pt_names_load(kept, &again, &e), 0);
	pt_names_free(names);
	names = again;
	n = pt_names_find(names, "a.example");
	assert_int_equal(n->side[0].answered, T + 60);
	assert_int_equal(n->side[0].ttl, 90);
	assert_int_equal(pt_names_find(names, "b.example")->side[0].failures, 1);
	ask("a.example", T + 100, "192.0.2.1-192.0.2.2 2001:db8::1");
	ask("a.example", T + 149, "192.0.2.1-192.0.2.2 2001:db8::1");
	ask("a.example", T + 150, "192.0.2.2 2001:db8::1");
	/* Names that nobody asks for go after a month. */
	ask("a.example", T + 2700000, "192.0.2.2");
	assert_int_equal(pt_names_store(kept, names, T + 2700000, &e), 0);
	assert_int_equal(pt_names_load(kept, &again, &e), 0);
	assert_null(pt_names_find(again, "b.example"));
	assert_non_null(pt_names_find(again, "a.example"));
	pt_names_free(again);
	assert_int_equal(e.list.n, 0);
}

static void a_damaged_file_is_no_reason_to_stop(void **state)
{
	struct pt_err e = { 0 };

	(void)state;
	write_text(kept, "# head\na.example 4 ok 5 5 60 0 192.0.2.1 2001:db8::1\nb.example 4 ok 5 5 60 0 192.0.2.1\nb.example 7 ok\n"
			 "c.example\nd.example 6 fine 1 1 1 1\ne.example 6 ok 1 1 99999999 0\nf.example 4 ok 1 1 60 0 192.0.2.9@x\n"
			 "b.example 4 ok 5 5 60 0 192.0.2.99\n\x01\x02 4 ok 1 1 1 1\ng.example 6 ok 1 1 60 0 2001:db8::7@1800000009\n");
	pt_names_free(names);
	assert_int_equal(pt_names_load(kept, &names, &e), 0);
	assert_int_equal(e.n_warnings, 1);
	assert_non_null(strstr(e.list.v[0].msg, " lines cannot be read"));
	assert_null(pt_names_find(names, "c.example"));
	assert_int_equal(pt_names_find(names, "b.example")->side[0].addresses.n, 1);
	assert_int_equal(pt_names_find(names, "g.example")->side[1].addresses.v[0].until, 1800000009);
	pt_err_fini(&e);
}

static void without_a_server(void **state)
{
	struct pt_names_source none = from;

	(void)state;
	none.resolv = "/nonexistent";
	write_text(hosts, "10.0.0.1 a.example\n");
	assert_int_equal(pt_names_ask(names, (const char *[]){ "a.example", "b.example" }, 2, true, T, 3000, &none,
				      &(bool){ false }), 0);
	assert_int_equal(state_of("a.example", 0), PT_NAME_OK);
	assert_int_equal(state_of("b.example", 0), PT_NAME_FAILED);
	none.resolv = resolv;
	none.port = 9; /* nobody listens: told at once, tried again, and over */
	assert_int_equal(pt_names_ask(names, (const char *[]){ "c.example" }, 1, true, T, 3000, &none, &(bool){ false }), 0);
	assert_int_equal(state_of("c.example", 0), PT_NAME_FAILED);
}

/* A clock that was set back must not keep answers for longer than they are good. */
static void the_clock_goes_back(void **state)
{
	(void)state;
	write_text(zone, "a.example 60 192.0.2.1\n");
	ask("a.example", T, "192.0.2.1");
	write_text(zone, "a.example 60 192.0.2.2\n");
	ask("a.example", T - 1000000, "192.0.2.1-192.0.2.2");
	ask("a.example", T - 1000000 + 60, "192.0.2.2");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_of_both_families, begin, end),
		cmocka_unit_test_setup_teardown(aliases, begin, end),
		cmocka_unit_test_setup_teardown(an_answer_is_good_for_its_time, begin, end),
		cmocka_unit_test_setup_teardown(addresses_in_turns_do_not_flap, begin, end),
		cmocka_unit_test_setup_teardown(the_last_answer_stays, begin, end),
		cmocka_unit_test_setup_teardown(hostile_answers, begin, end),
		cmocka_unit_test_setup_teardown(many_addresses_come_in_a_stream, begin, end),
		cmocka_unit_test_setup_teardown(the_file_of_hosts_comes_first, begin, end),
		cmocka_unit_test_setup_teardown(one_slow_name_does_not_hold_up_others, begin, end),
		cmocka_unit_test_setup_teardown(kept_on_disk, begin, end),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_no_reason_to_stop, begin, end),
		cmocka_unit_test_setup_teardown(without_a_server, begin, end),
		cmocka_unit_test_setup_teardown(the_clock_goes_back, begin, end),
	};

	if (argc == 4 && !strcmp(argv[1], "--serve"))
		lab_dns_serve(argv[2], (uint16_t)strtoul(argv[3], NULL, 10), STDOUT_FILENO);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
