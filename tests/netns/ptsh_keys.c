/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the console sends for a key, and what it keeps: over a serial line at 9600 a screen takes two seconds, so that no key may draw
 * the screen or the line anew; and a session lasts for weeks, so that a thousand commands may leave nothing behind.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/terminal.h"
#include "netns/lab.h"

#define LABELS 300
#define TABLES 60
#define LEFT "\x02"
#define CLEAR "\x05\x15" /* to the end, and all before it away */

static struct terminal t;
static char folder[] = "/tmp/ptsh_keys.XXXXXX", conf[64], program[4096];

/* ---- a router with some rules, and a console ---- */

static void write_conf(void)
{
	FILE *f;

	(void)snprintf(conf, sizeof(conf), "%s/patronus.conf", folder);
	f = fopen(conf, "we");
	assert_non_null(f);
	for (int i = 0; i < TABLES; i++)
		fprintf(f, "table a-table-with-a-long-name-%03d { persist = true }\n", i);
	fprintf(f, "firewall { rules = {\n");
	for (int i = 0; i < LABELS; i++)
		fprintf(f, "\t\"pass in proto tcp from 10.0.%d.0/24 to self port %d label rule%03d\",\n", i % 250, 1000 + i, i);
	fprintf(f, "} }\n");
	assert_int_equal(fclose(f), 0);
}

static const char *tool(const char *name)
{
	const char *build = getenv("PATRONUS_BUILD");

	(void)snprintf(program, sizeof(program), "%s/%s", build ? build : "build", name);
	return program;
}

/* Nobody writes into the words of a command line. */
static int run(const char *const *argv)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		(void)execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	write_conf();
	assert_true(lab_machine());
	assert_int_equal(setenv("HOME", folder, 1), 0);
	assert_int_equal(run((const char *[]){ tool("ptfw"), "-q", "apply", "-f", conf, NULL }), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return run((const char *[]){ "/bin/rm", "-rf", folder, NULL });
}

static void console(const char *kind)
{
	assert_int_equal(setenv("TERM", kind, 1), 0);
	assert_true(terminal_open(&t, (const char *[]){ tool("ptsh"), "-f", conf, NULL }, 24, 80));
	assert_non_null(strstr(t.out, "fw> "));
}

static void type(const char *keys)
{
	if (!terminal_type(&t, keys))
		fail_msg("no answer to %s: %s", keys, t.out);
}

/* ---- bytes ---- */

static bool draws_anew(const char *s)
{
	return strstr(s, "\033[2J") || strstr(s, "\033[H") || strstr(s, "\033[J") || strstr(s, "\033c");
}

/* One character is one character; moving is a few. */
static void keys_cost_few_bytes(void **state)
{
	static const char *const kinds[] = { "dumb", "vt100", "vt220", "xterm" };
	static const char line[] = "fw table show a-table-with-a-long-name-000 now";
	char key[2] = "";

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t all = 0;

		console(kinds[k]);
		for (const char *c = line; *c; c++) {
			key[0] = *c;
			type(key);
			all += t.bytes;
			if (t.bytes > 3 || draws_anew(t.out))
				fail_msg("%s: '%c' is %zu bytes: %s", kinds[k], *c, t.bytes, t.out);
		}
		assert_in_range(all, sizeof(line) - 1, 2 * sizeof(line));
		for (int i = 0; i < 10; i++) {
			type(LEFT);
			assert_in_range(t.bytes, 1, 8);
		}
		type("x"); /* the ten behind it move; a VT100 cannot insert, and is waited for with NULs */
		if (t.bytes > 90 || draws_anew(t.out))
			fail_msg("%s: a character in the middle is %zu bytes", kinds[k], t.bytes);
		type("\x7f");
		assert_in_range(t.bytes, 1, 90);
		type(CLEAR);
		type("fw table show a-table-with-a-long-name-00\t");
		assert_in_range(t.bytes, 0, 900); /* the typed, and ten names below, and the line once more */
		type(CLEAR "show ta");
		type("\t");
		if (t.bytes > 8 || !strstr(t.out, "bles "))
			fail_msg("%s: the rest of a word is %zu bytes: %s", kinds[k], t.bytes, t.out);
		assert_int_equal(terminal_close(&t), SIGHUP);
	}
}

/* Lines of the last answer, and the widest of them. */
static size_t lines(size_t *widest)
{
	size_t n = 0, width = 0;

	*widest = 0;
	for (const char *c = t.out; *c; c++) {
		width = *c == '\n' || *c == '\r' ? 0 : width + 1;
		n += *c == '\n';
		*widest = width > *widest ? width : *widest;
	}
	return n;
}

/* What is longer than the screen stops there, whatever size it has by now, and another key goes on with the line. */
static void lists_stop_at_each_screen(void **state)
{
	static const char ask[] = "--More--";
	size_t wide;

	(void)state;
	console("vt100");
	type("fw rule show ");
	type("?");
	assert_non_null(strstr(t.out, ask));
	assert_non_null(strstr(t.out, "rule001"));
	assert_in_range(lines(&wide), 20, 24);
	assert_in_range(wide, 1, 79);
	type(" ");
	assert_in_range(lines(&wide), 20, 24);
	type("\r");
	assert_in_range(lines(&wide), 1, 2);
	type("q");
	assert_null(strstr(t.out, ask));
	assert_non_null(strstr(t.out, "fw> fw rule show "));
	type(CLEAR "fw rule show ");
	type("\t");
	assert_non_null(strstr(t.out, ask));
	assert_in_range(lines(&wide), 20, 24);
	assert_in_range(wide, 45, 79);
	type("1"); /* none of its keys */
	assert_non_null(strstr(t.out, "fw> fw rule show 1"));
	terminal_resize(&t, 10, 40);
	type(CLEAR "fw table show ");
	type("?");
	assert_non_null(strstr(t.out, ask));
	assert_in_range(lines(&wide), 4, 10);
	type("\x03");
	type("\t");
	type("\t");
	assert_in_range(lines(&wide), 7, 10);
	assert_in_range(wide, 30, 50);
	type("q");
	type(CLEAR);
	terminal_resize(&t, 24, 80);
	type("configure\r");
	type("delete firewall rules ");
	type("?");
	assert_non_null(strstr(t.out, ask));
	assert_in_range(t.bytes, 400, 2500);
	assert_int_equal(terminal_close(&t), SIGHUP);
}

/* ---- memory and descriptors ---- */

static size_t kilobytes(void)
{
	unsigned long data = 0;
	char path[64], line[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)t.pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "VmData: %lu", &data) != 1)
		;
	(void)fclose(f);
	assert_true(data > 0);
	return data;
}

static size_t descriptors(void)
{
	struct dirent *e;
	char path[64];
	size_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)t.pid);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void again(const char *keys, int times)
{
	for (int i = 0; i < times; i++)
		type(keys);
}

static void stays_as_it_is(const char *keys, int first, int times, size_t grows)
{
	size_t data, fds;

	again(keys, first);
	data = kilobytes();
	fds = descriptors();
	again(keys, times);
	print_message("# %zu kB, then %zu; %zu descriptors\n", data, kilobytes(), descriptors());
	assert_in_range(kilobytes(), 0, data + grows);
	assert_int_equal(descriptors(), fds);
}

/* A line of ten commands is ten. All keys come at once, and the lists take theirs. */
static void a_thousand_commands_leave_nothing(void **state)
{
	static const char keys[] =
		"fw rule show rule001; fw table list | count; show nosuch; show | count; net link show; fw nosuch; help | count; show tables | json; fw state count; "
		"fw table show nosuch\r"
		"fw rule show ?q" CLEAR "fw table show \t" CLEAR "fw rule show rule01\t" CLEAR "\r";

	(void)state;
	console("vt220");
	stays_as_it_is(keys, 20, 100, 300);
	assert_int_equal(terminal_close(&t), SIGHUP);
}

/* Each change of the file makes a new text of 20 kB, each key takes it apart. */
static void a_thousand_changes_leave_nothing(void **state)
{
	static const char keys[] =
		"set firewall rules \"pass in proto udp to port 99 label new\"; set firewall state-policy floating; show firewall | count; "
		"compare; delete firewall rules new; rename table a-table-with-a-long-name-000 z; "
		"rename table z a-table-with-a-long-name-000; comment firewall x; discard; set nosuch\r"
		"set firewall rules \"pass in from <a\t" CLEAR "delete firewall rules ?q" CLEAR "edit firewall\rtop\r";

	(void)state;
	console("vt220");
	type("configure\r");
	stays_as_it_is(keys, 40, 100, 8192);
	assert_int_equal(terminal_close(&t), SIGHUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_cost_few_bytes),
		cmocka_unit_test(lists_stop_at_each_screen),
		cmocka_unit_test(a_thousand_commands_leave_nothing),
		cmocka_unit_test(a_thousand_changes_leave_nothing),
	};

	return lab_run("keys of the console", tests, begin, end);
}
