/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `TOOL complete -- WORDS`: what may stand in place of the last word, one a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

static void print_if(const char *word, void *arg)
{
	const char *begun = arg;

	if (!strncmp(word, begun, strlen(begun)))
		printf("%s\n", word);
}

static void complete_options(unsigned int bits, const char *begun)
{
	for (const struct cli_option *o = cli_options; o->help; o++) {
		char text[40];

		if (!(o->bit & bits))
			continue;
		if (o->name)
			snprintf(text, sizeof(text), "--%s", o->name);
		else
			snprintf(text, sizeof(text), "-%c", o->letter);
		print_if(text, (void *)begun);
	}
}

/* Distinct names at one level. */
static void complete_names(const struct pt_cli_tool *t, const char *object, const char *begun)
{
	const char *last = NULL;

	for (const struct pt_cli_cmd *cmd = t->cmds; cmd->object; cmd++) {
		const char *name = !object ? cmd->object : strcmp(cmd->object, object) ? NULL : cmd->command;

		if (!name || (last && !strcmp(last, name)))
			continue;
		last = name;
		print_if(name, (void *)begun);
	}
	if (!object)
		print_if("help", (void *)begun);
}

/* The words before the last one, without options. */
static size_t plain_words(const struct cli_words *all, struct cli_words *out)
{
	for (size_t i = 0; i + 1 < all->n; i++)
		if (all->v[i][0] != '-' && pt_vec_push(NULL, out, all->v[i]))
			break;
	return out->n;
}

int cli_complete(struct pt_cli *c, const struct cli_words *words)
{
	const char *begun = words->n ? words->v[words->n - 1] : "";
	struct cli_words plain = { 0 };
	const struct pt_cli_cmd *cmd = NULL;
	size_t n = plain_words(words, &plain), used = 0;

	if (n)
		cmd = cli_find(c, &plain, &used);
	if (begun[0] == '-')
		complete_options(PT_CLI_ALWAYS | (cmd ? cmd->options : ~0u), begun);
	else if (!n)
		complete_names(c->tool, NULL, begun);
	else if (cmd && cmd->command && n == 1)
		complete_names(c->tool, cmd->object, begun);
	else if (cmd && cmd->complete)
		(void)cmd->complete(c, n - used, print_if, (void *)begun);
	pt_err_fini(&c->err); /* whoever completes wants words, not errors */
	free(plain.v);
	return PT_EXIT_OK;
}
