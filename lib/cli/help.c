/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help, out of the tables of commands and options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

#ifndef PT_VERSION
#define PT_VERSION "unknown"
#endif

#define WIDTH 80 /* of a line, for those that are too long */
#define LEFT  34 /* of a command or an option, before what it does */

/* S in words, in lines that begin in column INDENT; the first one has USED columns already. A word longer than a line stays whole. */
static void wrapped(const char *s, size_t used, int indent)
{
	bool begun = false;

	while (*s) {
		size_t n = strcspn(s, " ");

		if (begun && used + 1 + n > WIDTH) {
			printf("\n%*s", indent, "");
			used = (size_t)indent;
		} else if (begun) {
			putchar(' ');
			used++;
		}
		printf("%.*s", (int)n, s);
		used += n;
		begun = true;
		s += n + strspn(s + n, " ");
	}
}

/* To be freed. */
static char *synopsis(const struct pt_cli_cmd *cmd)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%s%s%s%s%s", cmd->object, cmd->command ? " " : "", cmd->command ? cmd->command : "", cmd->args ? " " : "",
		   cmd->args ? cmd->args : "");
	if (b.err)
		pt_buf_fini(&b);
	return b.s;
}

/* What a command does, next to it or, where it is long, below. */
static void list_command(const struct pt_cli_cmd *cmd)
{
	char *left = synopsis(cmd);

	if (left && strlen(left) > LEFT) {
		printf("  ");
		wrapped(left, 2, 6);
		printf("\n%*s", LEFT + 3, "");
	} else {
		printf("  %-*s ", LEFT, left ? left : cmd->object);
	}
	wrapped(cmd->help, LEFT + 3, LEFT + 3);
	putchar('\n');
	free(left);
}

static void list_more(const struct pt_cli_tool *t, const struct pt_cli_cmd *of)
{
	for (const struct pt_cli_more *m = t->more; m && m->object; m++)
		if (!strcmp(m->object, of->object) && (!m->command || (of->command && !strcmp(m->command, of->command))))
			printf("\n%s\n", m->text);
}

static void list_words(const struct pt_cli_tool *t, const struct pt_cli_cmd *of)
{
	const struct pt_cli_grammar *g = cli_grammar(t, of);

	if (g)
		printf("\nWords, in any order:\n");
	for (const struct pt_cli_word *w = g ? g->words : NULL; w && w->name; w++) {
		int n = printf("  %s%s%s", w->name, w->arg ? " " : "", w->arg ? w->arg : "");

		n += printf("%*s ", n < LEFT + 2 ? LEFT + 2 - n : 0, "");
		wrapped(w->help, (size_t)n, LEFT + 3);
		putchar('\n');
	}
}

static void list_options(unsigned int bits)
{
	for (const struct cli_option *o = cli_options; o->help; o++) {
		char left[64], letter[3] = { '-', o->letter, '\0' };

		if (!(o->bit & bits))
			continue;
		snprintf(left, sizeof(left), "%s%s%s%s%s%s", o->letter ? letter : "", o->letter && o->name ? ", " : "",
			 o->name ? "--" : "", o->name ? o->name : "", o->arg && o->arg[0] != '[' ? " " : "",
			 o->arg ? o->arg : "");
		printf("  %-*s ", LEFT, left);
		wrapped(o->help, LEFT + 3, LEFT + 3);
		putchar('\n');
	}
}

void cli_version(const struct pt_cli_tool *t)
{
	printf("%s (Patronus) %s\n", t->name, PT_VERSION);
}

static void usage(const struct pt_cli_tool *t, const struct pt_cli_cmd *of, bool one)
{
	struct pt_buf head = { 0 };
	char *words;

	if (!of) {
		printf("%s: %s\n\nUsage: %s [OPTIONS] OBJECT [COMMAND] [ARGUMENTS]\n\n", t->name, t->summary,
		       t->name);
		return;
	}
	words = synopsis(of);
	pt_buf_fmt(&head, "Usage: %s [OPTIONS] %s%s", t->name, one && words ? words : of->object, one ? "" : " [COMMAND] [ARGUMENTS]");
	if (!head.err)
		wrapped(head.s, 0, 8);
	printf("\n\n");
	pt_buf_fini(&head);
	free(words);
}

void cli_help(const struct pt_cli_tool *t, const struct pt_cli_cmd *of, bool one)
{
	unsigned int bits = PT_CLI_ALWAYS;

	one = one || (of && !of->command);
	usage(t, of, one);
	for (const struct pt_cli_cmd *cmd = t->cmds; cmd->object; cmd++) {
		if (of && (one ? cmd != of : strcmp(cmd->object, of->object) != 0))
			continue;
		list_command(cmd);
		bits |= cmd->options;
	}
	if (one) {
		list_words(t, of);
		list_more(t, of);
	}
	printf("\nOptions%s:\n", one ? "" : " (each command refuses those that it has no use for)");
	list_options(bits);
	if (of)
		return;
	printf("\nWords may be shortened while they are unambiguous. See %s(8).\n", t->name);
	if (t->notes)
		printf("%s\n", t->notes);
}
