/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `TOOL complete -- WORDS`: what may stand in place of the last word, one a line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

/* A shell takes what is printed as it is: a word that would need escaping is none. */
static bool is_plain(const char *word)
{
	struct pt_buf b = { 0 };
	bool plain;

	pt_escape(&b, word, strlen(word));
	plain = *word && !b.err && b.s && !strcmp(b.s, word) && !strpbrk(word, " \"'\\$`");
	pt_buf_fini(&b);
	return plain;
}

static void print_if(const char *word, void *arg)
{
	const char *begun = arg;

	if (!strncmp(word, begun, strlen(begun)) && is_plain(word))
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
	print_if("help", (void *)begun);
}

static void complete_netns(const char *begun)
{
	DIR *d = opendir("/run/netns");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			print_if(e->d_name, (void *)begun);
	if (d)
		closedir(d);
}

/* The words before the last one, without options and their values. The option that the last word is the
 * value of, or NULL. */
static const struct cli_option *plain_words(struct pt_cli *c, const struct cli_words *all, struct cli_words *out)
{
	const struct cli_option *waits = NULL;

	for (size_t i = 0; i + 1 < all->n; i++) {
		if (waits) {
			if (waits->name && !strcmp(waits->name, "netns"))
				c->netns = all->v[i];
			waits = NULL;
			continue;
		}
		waits = cli_option_waits(all->v[i]);
		if (!waits && all->v[i][0] != '-' && pt_vec_push(NULL, out, all->v[i]))
			break;
	}
	return waits;
}

/* Labels and tables are those of the namespace that the command would act in. */
static void complete_argument(struct pt_cli *c, const struct pt_cli_cmd *cmd, const char *begun)
{
	const struct pt_cli_grammar *g = cli_grammar(c->tool, cmd);
	int home;

	if (cli_netns_enter(c, &home))
		return;
	if (g && c->argc >= g->first)
		cli_words_complete(c, g, print_if, (void *)begun);
	else if (cmd->complete)
		(void)cmd->complete(c, c->argc, print_if, (void *)begun);
	(void)cli_netns_leave(c, home);
}

/* What may stand behind N plain words, which CMD was found with. */
static void complete_word(struct pt_cli *c, const struct pt_cli_cmd *cmd, size_t n, const char *begun)
{
	if (begun[0] == '-')
		complete_options(PT_CLI_ALWAYS | (cmd ? cmd->options : ~0u), begun);
	else if (!n)
		complete_names(c->tool, NULL, begun);
	else if (cmd && cmd->command && n == 1)
		complete_names(c->tool, cmd->object, begun);
	else if (cmd)
		complete_argument(c, cmd, begun);
}

static const char *const engines[] = { "auto", "bpf", "nft", "linear" };

int cli_complete(struct pt_cli *c, const struct cli_words *words)
{
	const char *begun = words->n ? words->v[words->n - 1] : "";
	struct cli_words plain = { 0 };
	const struct cli_option *waits = plain_words(c, words, &plain);
	const struct pt_cli_cmd *cmd = NULL;
	size_t used = 0;

	if (plain.n)
		cmd = cli_find(c, &plain, &used);
	c->argc = plain.n > used ? plain.n - used : 0;
	c->argv = plain.v + used;
	/* A shell completes names of files itself, when nothing comes from here. */
	if (!waits)
		complete_word(c, cmd, plain.n, begun);
	else if (waits->name && !strcmp(waits->name, "netns"))
		complete_netns(begun);
	else if (waits->bit == PT_CLI_ENGINE)
		for (size_t i = 0; i < PT_ARRAY_SIZE(engines); i++)
			print_if(engines[i], (void *)begun);
	pt_err_fini(&c->err); /* whoever completes wants words, not errors */
	free(plain.v);
	return PT_EXIT_OK;
}
