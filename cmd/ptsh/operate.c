/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operational mode: the tools' commands, and the few of the console itself. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ptsh.h"

#define WIDTH 16 /* of a name in a list */

static void list(const char *name, const char *help, void *arg)
{
	(void)arg;
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
	stages_offer(&begun, &lister);
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

	if (!strncmp(name, s->begun, strlen(s->begun)))
		s->to->word(name, help, s->to->arg);
}

static void complete_show(struct console *c, const pt_line_words *w, const struct offers *to)
{
	struct some s = { w->v[w->n - 1].s, to };
	const struct offers some = { offer_some, &s };

	(void)c;
	shortcuts_offer(&some);
}

static int run_exit(struct console *c, const pt_line_words *w)
{
	(void)w;
	c->ends = true;
	return c->status;
}

static const struct builtin builtins[] = {
	{ "exit", NULL, "leave the console", PT_CLI_VIEW | INPLACE, 0, 0, run_exit, NULL },
	{ "help", NULL, "what there is", PT_CLI_VIEW, 0, 0, run_help, NULL },
	{ "quit", NULL, "leave the console", PT_CLI_VIEW | INPLACE, 0, 0, run_exit, NULL },
	{ "show", "NAME [WORD...]", "what is looked at most, by its name", PT_CLI_VIEW, 0, UINT_MAX, run_show, complete_show },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const struct mode operate_mode = { .sign = ">", .builtins = builtins, .tools = true };
