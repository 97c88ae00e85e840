/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `?` lists in the console, of every command of every tool: what the tables of commands have, nothing missing and nothing else; and
 * in the place of each argument something, words or what is expected there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <patronus/cli.h>

#include "lib/terminal.h"
#include "netns/lab.h"

extern const struct pt_cli_tool ptfw_tool, ptnet_tool, ptconf_tool, ptdiag_tool;

static const struct {
	const char *name;
	const struct pt_cli_tool *tool;
} tools[] = { { "fw", &ptfw_tool }, { "net", &ptnet_tool }, { "conf", &ptconf_tool }, { "diag", &ptdiag_tool } };

#define WORDS_MAX 200
#define CLEAR "\x05\x15"

static struct terminal t;
static char folder[] = "/tmp/ptsh_words.XXXXXX", conf[64];

static int begin(void **state)
{
	const char *build = getenv("PATRONUS_BUILD");
	char program[4096];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(conf, sizeof(conf), "%s/patronus.conf", folder);
	f = fopen(conf, "we");
	assert_non_null(f);
	assert_true(fputs("firewall { rules = { \"pass out\" } }\n", f) > 0);
	assert_int_equal(fclose(f), 0);
	assert_true(lab_machine());
	assert_int_equal(setenv("HOME", folder, 1), 0);
	assert_int_equal(setenv("TERM", "vt220", 1), 0);
	(void)snprintf(program, sizeof(program), "%s/ptsh", build ? build : "build");
	assert_true(terminal_open(&t, (const char *[]){ program, "-f", conf, NULL }, 250, 200));
	return 0;
}

static int end(void **state)
{
	char history[64];

	(void)state;
	(void)terminal_close(&t);
	(void)snprintf(history, sizeof(history), "%s/.patronus_history", folder);
	(void)unlink(history);
	(void)unlink(conf);
	return rmdir(folder);
}

/* ---- what is listed ---- */

struct listed {
	char words[WORDS_MAX][64];
	size_t n, lines;
};

/* A line of the list begins with two blanks. What is expected is one, too, and its first word is no word. */
static void ask(const char *line, struct listed *l)
{
	char keys[300];

	memset(l, 0, sizeof(*l));
	(void)snprintf(keys, sizeof(keys), CLEAR "%s ?", line);
	if (!terminal_type(&t, keys))
		fail_msg("no answer to %s?", line);
	for (const char *s = strstr(t.out, "\n  "); s; s = strstr(s + 1, "\n  ")) {
		assert_true(l->n < WORDS_MAX);
		l->lines++;
		if (sscanf(s + 3, "%63[^ \r\n]", l->words[l->n]) == 1)
			l->n++;
	}
}

static size_t times(const struct listed *l, const char *word)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += !strcmp(l->words[i], word);
	return n;
}

static void lists(const char *line, const struct pt_cli_tool *tool, const char *object)
{
	const char *last = "";
	struct listed l;
	size_t names = 1;

	ask(line, &l);
	for (const struct pt_cli_cmd *cmd = tool->cmds; cmd->object; cmd++) {
		const char *name = !object ? cmd->object : strcmp(cmd->object, object) ? NULL : cmd->command;

		if (!name || !strcmp(last, name))
			continue;
		last = name;
		names++;
		if (times(&l, name) != 1)
			fail_msg("%s ?: %s is listed %zu times:\n%s", line, name, times(&l, name), t.out);
	}
	if (l.n != names || times(&l, "help") != 1)
		fail_msg("%s ?: %zu words, the table has %zu:\n%s", line, l.n, names, t.out);
}

static void commands_are_those_of_the_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(tools); i++) {
		const char *last = "";

		lists(tools[i].name, tools[i].tool, NULL);
		for (const struct pt_cli_cmd *cmd = tools[i].tool->cmds; cmd->object; cmd++) {
			char line[100];

			(void)snprintf(line, sizeof(line), "%s %s", tools[i].name, cmd->object);
			if (cmd->command && strcmp(last, cmd->object) != 0)
				lists(line, tools[i].tool, cmd->object);
			last = cmd->object;
		}
	}
}

static bool has_words(const struct pt_cli_tool *tool, const struct pt_cli_cmd *cmd)
{
	for (const struct pt_cli_grammar *g = tool->grammars; g && g->object; g++)
		if (!strcmp(g->object, cmd->object) && (!g->command || (cmd->command && !strcmp(g->command, cmd->command))))
			return true;
	return false;
}

/* Where an argument may stand something is told, and where none may, that nothing is known. */
static void arguments_are_told(void **state)
{
	static const char nothing[] = "nothing is known to stand here";

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(tools); i++)
		for (const struct pt_cli_cmd *cmd = tools[i].tool->cmds; cmd->object; cmd++) {
			bool takes = cmd->max_args > 0 || has_words(tools[i].tool, cmd);
			struct listed l;
			char line[100];

			(void)snprintf(line, sizeof(line), "%s %s%s%s", tools[i].name, cmd->object, cmd->command ? " " : "",
				       cmd->command ? cmd->command : "");
			ask(line, &l);
			if (!l.lines || takes != !strstr(t.out, nothing))
				fail_msg("%s ?: it takes %u arguments:\n%s", line, cmd->max_args, t.out);
		}
}

/* Each short way is one to a command that there is, and `run` of configuration mode has all of operational mode. */
static void other_ways_lead_to_them(void **state)
{
	static struct listed l, all;
	char keys[100];

	(void)state;
	ask("show", &l);
	assert_in_range(l.n, 5, WORDS_MAX);
	for (size_t i = 0; i < l.n; i++) {
		(void)snprintf(keys, sizeof(keys), CLEAR "show %s -h\r", l.words[i]);
		assert_true(terminal_type(&t, keys));
		if (!strstr(t.out, "Usage:") && !strstr(t.out, "usage:"))
			fail_msg("show %s: %s", l.words[i], t.out);
	}
	ask("", &all);
	assert_true(terminal_type(&t, CLEAR "configure\r"));
	ask("run", &l);
	assert_int_equal(l.n, all.n);
	for (size_t i = 0; i < PT_ARRAY_SIZE(tools); i++) {
		(void)snprintf(keys, sizeof(keys), "run %s", tools[i].name);
		assert_int_equal(times(&all, tools[i].name), 1);
		lists(keys, tools[i].tool, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_those_of_the_tables),
		cmocka_unit_test(arguments_are_told),
		cmocka_unit_test(other_ways_lead_to_them),
	};

	return lab_run("words of the console", tests, begin, end);
}
