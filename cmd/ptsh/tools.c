/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of a line into what they run: a command of the console, or one of a tool, whose table says what there is. `show NAME`
 * is a shorter way to what the tools show most.
 */
#include <string.h>

#include <patronus/conf.h>

#include "ptsh.h"
#include "tools.h"

static const struct {
	const char *name;
	const struct pt_cli_tool *tool;
} tools[] = {
	{ "fw", &ptfw_tool },
	{ "net", &ptnet_tool },
	{ "conf", &ptconf_tool },
	{ "diag", &ptdiag_tool },
};

/* NAME behind `show`, and the words that it stands for. */
static const struct {
	const char *name;
	const struct pt_cli_tool *tool;
	const char *words[3], *help;
} shortcuts[] = {
	{ "addresses", &ptnet_tool, { "address", "show" }, "the addresses of the links" },
	{ "configuration", &ptconf_tool, { "show" }, "the text of the last revision" },
	{ "drift", &ptconf_tool, { "drift" }, "what others changed of what is in force" },
	{ "firewall", &ptfw_tool, { "info" }, "engine, applied file, numbers" },
	{ "history", &ptconf_tool, { "history" }, "the revisions, the last one first" },
	{ "interfaces", &ptnet_tool, { "link", "show" }, "the links: kind, state, addresses, master, traffic" },
	{ "log", &ptfw_tool, { "log", "show" }, "what rules with `log` recorded" },
	{ "nat", &ptfw_tool, { "nat", "show" }, "the translations in force" },
	{ "neighbours", &ptnet_tool, { "neighbour", "show" }, "who has which link address" },
	{ "qos", &ptnet_tool, { "qos", "show" }, "shapers and queues" },
	{ "routes", &ptnet_tool, { "route", "show" }, "the routes" },
	{ "rules", &ptfw_tool, { "rule", "show" }, "the rules in force" },
	{ "states", &ptfw_tool, { "state", "show" }, "the states" },
	{ "status", &ptconf_tool, { "status" }, "what is in force, what waits, who is at work" },
	{ "tables", &ptfw_tool, { "table", "list" }, "the tables of addresses" },
};

/* ---- one name of many ---- */

struct names {
	const char *word;
	bool strict;
	const char *found;
	size_t index;
	struct pt_buf several; /* those that it may mean */
	size_t n;
};

static void consider(struct names *n, const char *name, size_t index)
{
	size_t len = strlen(n->word);

	if (n->found && !n->found[len])
		return; /* the word itself */
	if (strncmp(name, n->word, len) != 0 || (n->strict && name[len]))
		return;
	if (!name[len])
		n->n = 0;
	pt_buf_fmt(&n->several, "%s%s", n->several.n ? ", " : "", name);
	n->found = name;
	n->index = index;
	n->n++;
}

static bool found_one(const struct names *n)
{
	return n->n == 1;
}

const struct builtin *builtin_find(const struct builtin *of, const char *word, bool strict)
{
	struct names n = { .word = word, .strict = strict };

	for (size_t i = 0; of[i].name; i++)
		consider(&n, of[i].name, i);
	pt_buf_fini(&n.several);
	return found_one(&n) ? &of[n.index] : NULL;
}

static int no_name(const struct console *c, struct names *n, struct pt_err *e)
{
	if (n->n > 1)
		pt_err_add(e, PT_ERROR, NULL, NULL, "'%s' may be %s", n->word, n->several.s ? n->several.s : "several commands");
	else
		pt_err_add(e, PT_ERROR, NULL, c->strict ? "commands are written out here; `help` lists them" : "`help` lists them, and so does ?",
			   "there is no command '%s'", n->word);
	pt_buf_fini(&n->several);
	return PT_EXIT_CONFIG;
}

/* ---- words of a tool ---- */

#define BEFORE 3 /* the tool's name, -f FILE */

/* TOOL and the words FIRST, then those of the line behind the USED ones; the console's file where the command takes one. What is
 * ours stands before what was typed: behind a "--" it would be something else, and a file that the line names wins. */
static int target_of(struct console *c, const struct pt_cli_tool *tool, const char *const *first, const pt_line_words *w, size_t used,
		     struct target *t, struct pt_err *e)
{
	const char **argv = pt_arena_alloc(c->arena, (w->n + 8) * sizeof(*argv)), **words;
	struct pt_err why = { 0 };
	size_t n = 0, name;

	if (!argv)
		return pt_err_sys(e, -ENOMEM, "reading the line");
	words = argv + BEFORE;
	for (size_t i = 0; first && first[i]; i++)
		words[n++] = first[i];
	for (size_t i = used; i < w->n; i++)
		words[n++] = w->v[i].s;
	t->tool = tool;
	t->argv = words - 1;
	t->argc = n + 1;
	t->argv[0] = tool->name;
	if (pt_cli_asks_help(tool, words, n))
		return 0; /* for everybody */
	t->cmd = pt_cli_find(tool, words, n, c->strict, &name, &why);
	t->outside = pt_cli_outside(tool, t->cmd, words, n);
	if (!t->cmd && t->outside && !strcmp(t->outside, "--batch")) { /* its commands are in there */
		pt_err_fini(&why);
		return 0;
	}
	if (!t->cmd) {
		pt_err_fini(e);
		*e = why;
		return PT_EXIT_CONFIG;
	}
	pt_err_fini(&why);
	if ((t->cmd->options & PT_CLI_FILE) && c->file) {
		t->argv = words - BEFORE;
		t->argc = n + BEFORE;
		t->argv[0] = tool->name;
		t->argv[1] = "-f";
		t->argv[2] = c->file;
	}
	return 0;
}

/* The index of a shortcut. -1, with a record where E is given. */
static ssize_t shortcut_find(const struct console *c, const char *word, struct pt_err *e)
{
	struct names n = { .word = word, .strict = c->strict };

	for (size_t i = 0; i < PT_ARRAY_SIZE(shortcuts); i++)
		consider(&n, shortcuts[i].name, i);
	if (!found_one(&n) && e)
		(void)no_name(c, &n, e);
	pt_buf_fini(&n.several);
	return found_one(&n) ? (ssize_t)n.index : -1;
}

static size_t count_builtins(const struct mode *m)
{
	size_t n = 0;

	while (m->builtins[n].name)
		n++;
	return n;
}

#define LEARNED 1000 /* from here on the tutorial's */

/* The index of the first word: of the mode's builtins, then of the tools. -1 with a record. */
static ssize_t first_word(struct console *c, const char *word, struct pt_err *e)
{
	struct names n = { .word = word, .strict = c->strict };
	size_t builtins = count_builtins(c->mode);

	for (size_t i = 0; i < builtins; i++)
		consider(&n, c->mode->builtins[i].name, i);
	for (size_t i = 0; c->mode->tools && i < PT_ARRAY_SIZE(tools); i++)
		consider(&n, tools[i].name, builtins + i);
	for (size_t i = 0; tutorial_words(c)[i].name; i++)
		consider(&n, tutorial_words(c)[i].name, LEARNED + i);
	if (!found_one(&n)) {
		if (e)
			(void)no_name(c, &n, e);
		else
			pt_buf_fini(&n.several);
		return -1;
	}
	pt_buf_fini(&n.several);
	return (ssize_t)n.index;
}

int target_find(struct console *c, const pt_line_words *w, struct target *t, struct pt_err *e)
{
	ssize_t i = first_word(c, w->v[0].s, e);
	size_t builtins = count_builtins(c->mode);

	memset(t, 0, sizeof(*t));
	if (i < 0)
		return PT_EXIT_CONFIG;
	if (i < LEARNED && (size_t)i >= builtins)
		return target_of(c, tools[(size_t)i - builtins].tool, NULL, w, 1, t, e);
	t->builtin = i < LEARNED ? &c->mode->builtins[i] : &tutorial_words(c)[i - LEARNED];
	if (c->mode->tools && !strcmp(t->builtin->name, "show") && w->n > 1) {
		t->builtin = NULL;
		i = shortcut_find(c, w->v[1].s, e);
		return i < 0 ? PT_EXIT_CONFIG : target_of(c, shortcuts[i].tool, shortcuts[i].words, w, 2, t, e);
	}
	if (w->n - 1 >= t->builtin->min_args && w->n - 1 <= t->builtin->max_args)
		return 0;
	pt_err_add(e, PT_ERROR, NULL, NULL, "usage: %s%s%s", t->builtin->name, t->builtin->args ? " " : "",
		   t->builtin->args ? t->builtin->args : "");
	return PT_EXIT_CONFIG;
}

/* ---- completion ---- */

void offer_name(const struct offers *to, const char *begun, const char *name, const char *help)
{
	if (!strncmp(name, begun, strlen(begun)))
		to->word(name, help, to->arg);
}

void shortcuts_offer(const struct offers *to)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(shortcuts); i++)
		to->word(shortcuts[i].name, shortcuts[i].help, to->arg);
}

/* What a tool offers, without what this user may not run. */
struct permitted {
	const struct console *console;
	const struct pt_cli_tool *tool;
	const char *const *words;
	size_t n;
	const struct offers *to;
};

/* An object is offered when one of its commands is. Objects may be shortened before the command that is offered. */
static bool may_run(const struct permitted *p, const char *word)
{
	size_t begun = p->n == 2 ? strlen(p->words[0]) : 0;
	bool known = false;

	for (const struct pt_cli_cmd *cmd = p->tool->cmds; cmd->object && p->n <= 2; cmd++) {
		const char *name = p->n == 1 ? cmd->object : strncmp(cmd->object, p->words[0], begun) ? NULL : cmd->command;

		if (!name || strcmp(name, word) != 0)
			continue;
		known = true;
		if (profile_allows(p->console->profile, cmd->options))
			return true;
	}
	return !known;
}

static void offer_permitted(const char *word, const char *help, void *arg)
{
	const struct permitted *p = arg;
	const char *const option[] = { word, "" };

	if (word && (!may_run(p, word) || (word[0] == '-' && p->console->profile != PROFILE_ADMIN && pt_cli_outside(p->tool, NULL, option, 2))))
		return;
	p->to->word(word, help, p->to->arg);
}

/* The tool's own answer, with FIRST before the words of the line. Where nothing can be listed, what is expected. */
static void offer_of_tool(struct console *c, const struct pt_cli_tool *tool, const char *const *first, const pt_line_words *w, size_t used,
			  const struct offers *to)
{
	struct permitted p = { .console = c, .tool = tool, .to = to };
	const char **words = pt_arena_alloc(c->arena, (w->n + 4) * sizeof(*words));
	size_t n = 0;

	if (!words)
		return;
	for (size_t i = 0; first && first[i]; i++)
		words[n++] = first[i];
	for (size_t i = used; i < w->n; i++)
		words[n++] = w->v[i].s;
	p.words = words;
	p.n = n;
	(void)pt_cli_complete(tool, words, n, offer_permitted, &p);
}

static void offer_first(struct console *c, const char *begun, const struct offers *to)
{
	for (const struct builtin *b = c->mode->builtins; b->name; b++)
		if (profile_allows(c->profile, b->options))
			offer_name(to, begun, b->name, b->help);
	for (const struct builtin *b = tutorial_words(c); b->name; b++)
		offer_name(to, begun, b->name, b->help);
	for (size_t i = 0; c->mode->tools && i < PT_ARRAY_SIZE(tools); i++)
		offer_name(to, begun, tools[i].name, tools[i].tool->summary);
}

void target_offer(struct console *c, const pt_line_words *w, const struct offers *to)
{
	size_t builtins = count_builtins(c->mode);
	const struct builtin *b;
	ssize_t i;

	if (w->n == 1) {
		offer_first(c, w->v[0].s, to);
		return;
	}
	i = first_word(c, w->v[0].s, NULL);
	if (i < 0 || i >= LEARNED)
		return;
	if ((size_t)i >= builtins) {
		offer_of_tool(c, tools[(size_t)i - builtins].tool, NULL, w, 1, to);
		return;
	}
	b = &c->mode->builtins[i];
	if (c->mode->tools && !strcmp(b->name, "show") && w->n > 2) {
		i = shortcut_find(c, w->v[1].s, NULL);
		if (i >= 0)
			offer_of_tool(c, shortcuts[i].tool, shortcuts[i].words, w, 2, to);
		return;
	}
	if (b->complete)
		b->complete(c, w, to);
}
