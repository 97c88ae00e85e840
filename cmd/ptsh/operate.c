/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operational mode: the tools' commands, and the few of the console itself. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "candidate.h"

#define WIDTH 16 /* of a name in a list */

static void list(const char *name, const char *help, void *arg)
{
	(void)arg;
	if (name && *name)
		printf("  %-*s %s\n", WIDTH, name, help ? help : "");
}

static const struct offers lister = { list, NULL };

static int run_help(struct console *c, const pt_line_words *w)
{
	pt_line_words begun = { 0 };
	struct pt_line_word empty = { .s = "" };

	(void)w;
	begun.v = &empty;
	begun.n = 1;
	printf("Commands, of which any unique beginning will do; ? tells what may come next, Tab completes:\n\n");
	target_offer(c, &begun, &lister);
	printf("\nBehind `|`:\n\n");
	stages_offer(c, &begun, &lister);
	printf("\n`show NAME`:\n\n");
	shortcuts_offer(&lister);
	return PT_EXIT_OK;
}

static int run_show(struct console *c, const pt_line_words *w)
{
	(void)c;
	(void)w;
	shortcuts_offer(&lister);
	return PT_EXIT_OK;
}

struct some {
	const char *begun;
	const struct offers *to;
};

static void offer_some(const char *name, const char *help, void *arg)
{
	const struct some *s = arg;

	offer_name(s->to, s->begun, name, help);
}

static void complete_show(struct console *c, const pt_line_words *w, const struct offers *to)
{
	struct some s = { w->v[w->n - 1].s, to };
	const struct offers some = { offer_some, &s };

	(void)c;
	shortcuts_offer(&some);
}

static int run_configure(struct console *c, const pt_line_words *w)
{
	const char *how = w->n > 1 ? w->v[1].s : "private";

	if (strcmp(how, "private") != 0 && strcmp(how, "exclusive") != 0) {
		fprintf(stderr, "ptsh: error: configure, configure private or configure exclusive\n");
		return PT_EXIT_CONFIG;
	}
	return configure_begin(c, how[0] == 'e');
}

static void complete_configure(struct console *c, const pt_line_words *w, const struct offers *to)
{
	static const char *const ways[][2] = { { "exclusive", "keep others from changing it meanwhile" },
					       { "private", "a copy of one's own; the same as nothing" } };

	(void)c;
	for (size_t i = 0; w->n == 2 && i < PT_ARRAY_SIZE(ways); i++)
		offer_name(to, w->v[1].s, ways[i][0], ways[i][1]);
}

static int run_exit(struct console *c, const pt_line_words *w)
{
	(void)w;
	c->ends = true;
	return c->status;
}

static const struct builtin builtins[] = {
	{ "configure", "[private|exclusive]", "change the configuration", INPLACE, 0, 1, run_configure, complete_configure },
	{ "exit", NULL, "leave the console", PT_CLI_VIEW | INPLACE, 0, 0, run_exit, NULL },
	{ "help", NULL, "what there is", PT_CLI_VIEW, 0, 0, run_help, NULL },
	{ "quit", NULL, "leave the console", PT_CLI_VIEW | INPLACE, 0, 0, run_exit, NULL },
	{ "show", "NAME [WORD...]", "what is looked at most, by its name", PT_CLI_VIEW, 0, UINT_MAX, run_show, complete_show },
	{ "tutorial", NULL, "a guided first session", PT_CLI_VIEW | INPLACE, 0, 0, tutorial_run, NULL },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const struct mode operate_mode = { .sign = ">", .builtins = builtins, .tools = true };
