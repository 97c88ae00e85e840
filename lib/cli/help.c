/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help, out of the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "cli/internal.h"

#ifndef PT_VERSION
#define PT_VERSION "unknown"
#endif

static void synopsis(char *out, size_t size, const struct pt_cli_cmd *cmd)
{
	snprintf(out, size, "%s%s%s%s%s", cmd->object, cmd->command ? " " : "", cmd->command ? cmd->command : "",
		 cmd->args ? " " : "", cmd->args ? cmd->args : "");
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
		printf("  %-34s %s\n", left, o->help);
	}
}

void cli_version(const struct pt_cli_tool *t)
{
	printf("%s (Patronus) %s\n", t->name, PT_VERSION);
}

static void usage(const struct pt_cli_tool *t, const struct pt_cli_cmd *of, bool one)
{
	char words[80];

	if (!of) {
		printf("%s: %s\n\nUsage: %s [OPTIONS] OBJECT [COMMAND] [ARGUMENTS]\n\n", t->name, t->summary,
		       t->name);
		return;
	}
	synopsis(words, sizeof(words), of);
	if (one)
		printf("Usage: %s [OPTIONS] %s\n\n", t->name, words);
	else
		printf("Usage: %s [OPTIONS] %s [COMMAND] [ARGUMENTS]\n\n", t->name, of->object);
}

void cli_help(const struct pt_cli_tool *t, const struct pt_cli_cmd *of, bool one)
{
	unsigned int bits = PT_CLI_ALWAYS;

	one = one || (of && !of->command);
	usage(t, of, one);
	for (const struct pt_cli_cmd *cmd = t->cmds; cmd->object; cmd++) {
		char left[80];

		if (of && (one ? cmd != of : strcmp(cmd->object, of->object) != 0))
			continue;
		synopsis(left, sizeof(left), cmd);
		printf("  %-34s %s\n", left, cmd->help);
		bits |= cmd->options;
	}
	printf("\nOptions%s:\n", one ? "" : " (each command refuses those that it has no use for)");
	list_options(bits);
	if (of)
		return;
	printf("\nWords may be shortened while they are unambiguous. See %s(8).\n", t->name);
	if (t->notes)
		printf("%s\n", t->notes);
}
