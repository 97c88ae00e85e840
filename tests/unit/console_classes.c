/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may run which command from the console. Every command of every tool stands here, with what it writes: one that is new has to
 * be thought about before this test passes, and none that writes may be called one that only shows. The same tables say what may
 * be completed: nothing of them is missing there, and nothing else is offered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/cli.h>

extern const struct pt_cli_tool ptfw_tool, ptnet_tool, ptconf_tool, ptdiag_tool;

enum who { VIEWER = PT_CLI_VIEW, OPERATOR = PT_CLI_ACT, ADMIN = 0 };
#define LIVE PT_CLI_LIVE
#define WHO (PT_CLI_VIEW | PT_CLI_ACT)

static const struct {
	const struct pt_cli_tool *tool;
	const char *name;
	const char *writes; /* to the kernel, to files or to the network; NULL: nothing */
	enum who who;
	unsigned int live;
} known[] = {
	{ &ptfw_tool, "check", NULL, VIEWER, 0 },
	{ &ptfw_tool, "lint", NULL, VIEWER, 0 },
	{ &ptfw_tool, "test", NULL, VIEWER, 0 },
	{ &ptfw_tool, "diff", NULL, VIEWER, 0 },
	{ &ptfw_tool, "apply", "rules", ADMIN, 0 },
	{ &ptfw_tool, "stop", "rules", ADMIN, 0 },
	{ &ptfw_tool, "info", NULL, VIEWER, 0 },
	{ &ptfw_tool, "explain", NULL, VIEWER, 0 },
	{ &ptfw_tool, "reach", NULL, VIEWER, 0 },
	{ &ptfw_tool, "trace", "a table beside the rules", OPERATOR, LIVE },
	{ &ptfw_tool, "learn", "a table beside the rules", OPERATOR, LIVE },
	{ &ptfw_tool, "follow", "sets of addresses", ADMIN, LIVE },
	{ &ptfw_tool, "rule show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "nat show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "anchor list", NULL, VIEWER, 0 },
	{ &ptfw_tool, "anchor show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "anchor load", "rules", ADMIN, 0 },
	{ &ptfw_tool, "anchor flush", "rules", ADMIN, 0 },
	{ &ptfw_tool, "table show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "table list", NULL, VIEWER, 0 },
	{ &ptfw_tool, "table add", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table delete", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table replace", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table test", NULL, VIEWER, 0 },
	{ &ptfw_tool, "table flush", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table zero", "counters", OPERATOR, 0 },
	{ &ptfw_tool, "table expire", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "name show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "name refresh", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "name follow", "tables", ADMIN, LIVE },
	{ &ptfw_tool, "state show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "state count", NULL, VIEWER, 0 },
	{ &ptfw_tool, "state kill", "states", OPERATOR, 0 },
	{ &ptfw_tool, "state summary", NULL, VIEWER, 0 },
	{ &ptfw_tool, "state top", NULL, VIEWER, LIVE },
	{ &ptfw_tool, "state follow", NULL, VIEWER, LIVE },
	{ &ptfw_tool, "import pf", NULL, ADMIN, 0 }, /* reads any file that is named */
	{ &ptfw_tool, "log show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "log follow", "who listens to the log", OPERATOR, LIVE },
	{ &ptfw_tool, "log summary", NULL, VIEWER, 0 },
	{ &ptfw_tool, "log record", "files", ADMIN, LIVE },

	{ &ptnet_tool, "check", NULL, VIEWER, 0 },
	{ &ptnet_tool, "diff", NULL, VIEWER, 0 },
	{ &ptnet_tool, "apply", "links, addresses, routes", ADMIN, 0 },
	{ &ptnet_tool, "watch", "links, addresses, routes", ADMIN, LIVE },
	{ &ptnet_tool, "link show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "link add", "links", ADMIN, 0 },
	{ &ptnet_tool, "link set", "links", ADMIN, 0 },
	{ &ptnet_tool, "link delete", "links", ADMIN, 0 },
	{ &ptnet_tool, "link monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "address show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "address add", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "address delete", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "address monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "route show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "route get", NULL, VIEWER, 0 },
	{ &ptnet_tool, "route add", "routes", ADMIN, 0 },
	{ &ptnet_tool, "route replace", "routes", ADMIN, 0 },
	{ &ptnet_tool, "route delete", "routes", ADMIN, 0 },
	{ &ptnet_tool, "route monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "rule show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "rule add", "rules of routing", ADMIN, 0 },
	{ &ptnet_tool, "rule delete", "rules of routing", ADMIN, 0 },
	{ &ptnet_tool, "rule monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "neighbour show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "neighbour add", "neighbours", ADMIN, 0 },
	{ &ptnet_tool, "neighbour delete", "neighbours", ADMIN, 0 },
	{ &ptnet_tool, "neighbour flush", "what was learned of neighbours", OPERATOR, 0 },
	{ &ptnet_tool, "neighbour monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "vip show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "vip add", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "vip delete", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "wol show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "wol send", "a packet", OPERATOR, 0 },
	{ &ptnet_tool, "dhcp show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "dhcp renew", "packets, addresses", OPERATOR, 0 },
	{ &ptnet_tool, "dhcp release", "packets, addresses", OPERATOR, 0 },
	{ &ptnet_tool, "dhcp watch", "addresses, routes", ADMIN, LIVE },
	{ &ptnet_tool, "qos show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "qos monitor", NULL, VIEWER, LIVE },

	{ &ptconf_tool, "check", NULL, VIEWER, 0 },
	{ &ptconf_tool, "diff", NULL, VIEWER, 0 },
	{ &ptconf_tool, "apply", "everything", ADMIN, 0 },
	{ &ptconf_tool, "confirm", "the history", OPERATOR, 0 },
	{ &ptconf_tool, "rollback", "everything", ADMIN, 0 },
	{ &ptconf_tool, "history", NULL, VIEWER, 0 },
	{ &ptconf_tool, "show", NULL, VIEWER, 0 },
	{ &ptconf_tool, "compare", NULL, VIEWER, 0 },
	{ &ptconf_tool, "status", NULL, VIEWER, 0 },
	{ &ptconf_tool, "lock", "the lock", ADMIN, 0 },
	{ &ptconf_tool, "drift", NULL, VIEWER, 0 },
	{ &ptconf_tool, "boot", "everything", ADMIN, 0 },
	{ &ptconf_tool, "get", NULL, VIEWER, 0 },
	{ &ptconf_tool, "set", "the file", ADMIN, 0 },
	{ &ptconf_tool, "delete", "the file", ADMIN, 0 },
	{ &ptconf_tool, "edit", "the file", ADMIN, LIVE },

	{ &ptdiag_tool, "ping", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "trace", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "mtr", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "capture", "files", ADMIN, LIVE }, /* others' passwords pass by */
	{ &ptdiag_tool, "dns", "packets", OPERATOR, 0 },
	{ &ptdiag_tool, "port", "packets", OPERATOR, 0 },
	{ &ptdiag_tool, "iperf", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "neighbour", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "check", "packets", OPERATOR, 0 },
	{ &ptdiag_tool, "why", "packets", OPERATOR, 0 },
	{ &ptdiag_tool, "route show", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "route get", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "socket", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "activity", NULL, VIEWER, LIVE },
	{ &ptdiag_tool, "state show", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state count", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state summary", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state top", NULL, VIEWER, LIVE },
	{ &ptdiag_tool, "state follow", NULL, VIEWER, LIVE },
};

static const struct pt_cli_tool *const tools[] = { &ptfw_tool, &ptnet_tool, &ptconf_tool, &ptdiag_tool };

static void name_of(const struct pt_cli_cmd *cmd, char *out, size_t size)
{
	(void)snprintf(out, size, "%s%s%s", cmd->object, cmd->command ? " " : "", cmd->command ? cmd->command : "");
}

static void every_command_has_its_class(void **state)
{
	size_t commands = 0, wrong = 0;

	(void)state;
	for (size_t t = 0; t < PT_ARRAY_SIZE(tools); t++)
		for (const struct pt_cli_cmd *cmd = tools[t]->cmds; cmd->object; cmd++, commands++) {
			char name[80];
			size_t i = 0;

			name_of(cmd, name, sizeof(name));
			while (i < PT_ARRAY_SIZE(known) && (known[i].tool != tools[t] || strcmp(known[i].name, name) != 0))
				i++;
			if (i < PT_ARRAY_SIZE(known) && (cmd->options & WHO) == (unsigned int)known[i].who &&
			    (cmd->options & PT_CLI_LIVE) == known[i].live)
				continue;
			print_error("%s %s: %s\n", tools[t]->name, name, i < PT_ARRAY_SIZE(known) ? "of another class" : "not thought about");
			wrong++;
		}
	assert_int_equal(wrong, 0);
	assert_int_equal(commands, PT_ARRAY_SIZE(known)); /* nothing here that is gone */
}

static void nothing_that_writes_only_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++)
		if (known[i].writes && known[i].who == VIEWER)
			fail_msg("%s %s writes %s", known[i].tool->name, known[i].name, known[i].writes);
}

/* ---- completion ---- */

#define OFFERED_MAX 200

struct offered {
	char words[OFFERED_MAX][64];
	size_t n, expected;
};

static void take(const char *word, const char *help, void *arg)
{
	struct offered *o = arg;

	if (!word || !*word) {
		assert_non_null(help); /* else nobody learns anything */
		o->expected++;
		return;
	}
	assert_true(o->n < OFFERED_MAX);
	(void)snprintf(o->words[o->n++], sizeof(o->words[0]), "%s", word);
}

static size_t times(const struct offered *o, const char *word)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++)
		n += !strcmp(o->words[i], word);
	return n;
}

/* What is offered behind WORDS is the names that the table has there, each once, and help. */
static void names_are(const struct pt_cli_tool *tool, const char *object, const char *const *words, size_t n)
{
	struct offered o = { 0 };
	size_t names = 1;
	const char *last = "";

	(void)pt_cli_complete(tool, words, n, take, &o);
	for (const struct pt_cli_cmd *cmd = tool->cmds; cmd->object; cmd++) {
		const char *name = !object ? cmd->object : strcmp(cmd->object, object) ? NULL : cmd->command;

		if (!name || !strcmp(last, name))
			continue;
		last = name;
		names++;
		if (times(&o, name) != 1)
			fail_msg("%s: %s is offered %zu times", tool->name, name, times(&o, name));
	}
	assert_int_equal(times(&o, "help"), 1);
	assert_int_equal(o.n, names);
}

static void names_are_completed_by_the_table(void **state)
{
	(void)state;
	for (size_t t = 0; t < PT_ARRAY_SIZE(tools); t++) {
		const char *const none[] = { "" };

		names_are(tools[t], NULL, none, 1);
		for (const struct pt_cli_cmd *cmd = tools[t]->cmds; cmd->object; cmd++) {
			const char *const begun[] = { cmd->object, "" };

			if (cmd->command)
				names_are(tools[t], cmd->object, begun, 2);
		}
	}
}

/* Options are offered where the command takes them, and only there, and no others. */
static const struct {
	unsigned int bit;
	const char *option;
	bool value;
} options[] = {
	{ PT_CLI_JSON, "--json", false },         { PT_CLI_JSON, "--pretty", false },    { PT_CLI_LINE, "--oneline", false },
	{ PT_CLI_BRIEF, "--brief", false },       { PT_CLI_STATS, "--statistics", false }, { PT_CLI_DETAILS, "--details", false },
	{ PT_CLI_FAMILY, "-4", false },           { PT_CLI_FAMILY, "-6", false },        { PT_CLI_DRY, "--dry-run", false },
	{ PT_CLI_FILE, "-f", true },              { PT_CLI_INPUT, "--file", true },      { PT_CLI_KERNEL, "--kernel", false },
	{ PT_CLI_OPEN, "--open", false },         { PT_CLI_TIMEOUT, "--timeout", true }, { PT_CLI_ENGINE, "--engine", true },
	{ PT_CLI_ENFORCE, "--enforce", false },   { PT_CLI_CONFIRM, "--confirm", true }, { PT_CLI_CONFIRM, "--strict", false },
	{ PT_CLI_CONFIRM, "--probe", true },      { PT_CLI_COMMENT, "--comment", true }, { PT_CLI_STATE, "--state", true },
	{ PT_CLI_LOCK, "--steal", false },        { PT_CLI_LOCK, "--release", false },   { PT_CLI_MEANING, "--meaning", false },
	{ PT_CLI_WATCH, "--watch", false },       { PT_CLI_STORE, "--store", true },     { PT_CLI_PCAP, "--pcap", true },
	{ PT_CLI_SIZE, "--size", true },          { PT_CLI_BYTES, "--bytes", true },     { PT_CLI_VERBOSE, "--verbose", false },
	{ PT_CLI_ALWAYS, "--quiet", false },      { PT_CLI_ALWAYS, "--color", false },   { PT_CLI_ALWAYS, "--numeric", false },
	{ PT_CLI_ALWAYS, "--help", false },       { PT_CLI_ALWAYS, "--version", false }, { PT_CLI_ALWAYS, "--netns", true },
	{ PT_CLI_ALWAYS, "--batch", true },       { PT_CLI_ALWAYS, "--force", false },
};

/* What stands behind an option with a value is told, or some of it is listed. */
static void value_is_told(const struct pt_cli_tool *tool, const struct pt_cli_cmd *cmd, const char *option)
{
	const char *words[] = { cmd->object, cmd->command ? cmd->command : option, cmd->command ? option : "", "" };
	struct offered o = { 0 };

	(void)pt_cli_complete(tool, words, cmd->command ? 4 : 3, take, &o);
	if (!o.n && o.expected != 1)
		fail_msg("%s %s: nothing is told of what stands behind %s", tool->name, cmd->object, option);
}

static void options_are_completed_by_the_table(void **state)
{
	(void)state;
	for (size_t t = 0; t < PT_ARRAY_SIZE(tools); t++)
		for (const struct pt_cli_cmd *cmd = tools[t]->cmds; cmd->object; cmd++) {
			const char *words[] = { cmd->object, cmd->command ? cmd->command : "-", "-" };
			struct offered o = { 0 };
			size_t there = 0;

			(void)pt_cli_complete(tools[t], words, cmd->command ? 3 : 2, take, &o);
			for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++) {
				bool takes = (cmd->options | PT_CLI_ALWAYS) & options[i].bit;

				if (times(&o, options[i].option) != takes)
					fail_msg("%s %s %s: %s is %soffered", tools[t]->name, cmd->object, cmd->command ? cmd->command : "",
						 options[i].option, times(&o, options[i].option) ? "" : "not ");
				there += takes;
				if (takes && options[i].value)
					value_is_told(tools[t], cmd, options[i].option);
			}
			if (o.n != there)
				fail_msg("%s %s %s: %zu options are offered, it takes %zu", tools[t]->name, cmd->object,
					 cmd->command ? cmd->command : "", o.n, there);
		}
}

/* Words of a command: all that its grammar has, each once; behind one with a value, the choices, or what is expected. */
static void words_are_completed_by_the_grammar(void **state)
{
	(void)state;
	for (size_t t = 0; t < PT_ARRAY_SIZE(tools); t++)
		for (const struct pt_cli_grammar *g = tools[t]->grammars; g && g->object; g++) {
			const char *words[16] = { g->object };
			size_t n = 1, names = 0;
			struct offered all = { 0 };

			if (g->command)
				words[n++] = g->command;
			for (size_t i = 0; i < g->first; i++)
				words[n++] = "x";
			words[n] = "";
			(void)pt_cli_complete(tools[t], words, n + 1, take, &all);
			for (const struct pt_cli_word *w = g->words; w->name; w++) {
				struct offered one = { 0 };

				names++;
				assert_int_equal(times(&all, w->name), 1);
				if (w->type == PT_CLI_FLAG || w->type == PT_CLI_REST || w->type == PT_CLI_DEVICE)
					continue;
				words[n] = w->name;
				words[n + 1] = "";
				(void)pt_cli_complete(tools[t], words, n + 2, take, &one);
				if (w->choices)
					assert_true(one.n > 0 && !one.expected);
				else if (one.expected != 1)
					fail_msg("%s %s %s: what is expected is told %zu times", tools[t]->name, g->object, w->name, one.expected);
				words[n] = "";
			}
			assert_int_equal(all.n, names);
		}
}

/* ---- what no table tells ---- */

static bool asks_help(const struct pt_cli_tool *tool, const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return pt_cli_asks_help(tool, words, n);
}

static void a_question_for_help_is_one_and_nothing_else(void **state)
{
	static const char *const helps[][6] = {
		{ "help" }, { "help", "apply" }, { "apply", "help" }, { "apply", "-h" }, { "-h", "apply", "-f", "x" }, { "set", "a", "b", "-h" },
	};
	static const char *const runs[][6] = {
		{ "apply", "-f", "help" }, { "apply", "-f", "-h" },      { "set", "a", "b", "help" },
		{ "set", "a", "--", "-h" }, { "set", "a", "--", "help" }, { "--batch", "help" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(helps); i++)
		assert_true(asks_help(&ptconf_tool, helps[i]));
	for (size_t i = 0; i < PT_ARRAY_SIZE(runs); i++)
		assert_false(asks_help(&ptconf_tool, runs[i]));
}

static void what_reaches_outside_is_told(void **state)
{
	static const struct {
		const char *words[4], *way;
	} cases[] = {
		{ { "check", "-f", "x" }, "-f" },         { { "check", "-fx" }, "-f" },           { { "check", "-vfx" }, "-f" },
		{ { "--batch=x" }, "--batch" },           { { "table", "add", "--file=x" }, "--file" },
		{ { "info", "--netns", "x" }, "--netns" }, { { "diff", "--meaning" }, "--meaning" }, { { "log", "--pcap", "x" }, "--pcap" },
		{ { "check", "-v" }, NULL },              { { "check", "--", "-fx" }, NULL },     { { "table", "-sj" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		size_t n = 0;
		const char *way;

		while (n < 4 && cases[i].words[n])
			n++;
		way = pt_cli_outside(&ptfw_tool, NULL, cases[i].words, n);
		if (cases[i].way)
			assert_string_equal(way, cases[i].way);
		else
			assert_null(way);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_has_its_class),
		cmocka_unit_test(nothing_that_writes_only_shows),
		cmocka_unit_test(names_are_completed_by_the_table),
		cmocka_unit_test(options_are_completed_by_the_table),
		cmocka_unit_test(words_are_completed_by_the_grammar),
		cmocka_unit_test(a_question_for_help_is_one_and_nothing_else),
		cmocka_unit_test(what_reaches_outside_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
