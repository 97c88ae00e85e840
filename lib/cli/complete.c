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

/* Those that begin so, to whoever asks. */
struct candidates {
	const char *begun;
	void (*word)(const char *w, const char *help, void *arg);
	void *arg;
	bool any; /* there was something to choose from, whether it begins so or not */
};

/* A word that is none tells what is expected. */
static void offer(struct candidates *to, const char *word, const char *help)
{
	to->any = true;
	if (!word || !*word || (!strncmp(word, to->begun, strlen(to->begun)) && is_plain(word)))
		to->word(word, help, to->arg);
}

/* Nothing can be listed: NAME of what stands here, and what it is. */
static void expect(struct candidates *to, const char *kind, const char *name, const char *help)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%s%s%s", name, help ? ": " : "", help ? help : "");
	if (!b.err)
		offer(to, kind, b.s);
	pt_buf_fini(&b);
}

static void offer_value(const char *word, void *arg)
{
	offer(arg, word, NULL);
}

static void offer_word(const char *word, const char *help, void *arg)
{
	offer(arg, word, help);
}

static void complete_options(unsigned int bits, struct candidates *to)
{
	for (const struct cli_option *o = cli_options; o->help; o++) {
		char text[40];

		if (!(o->bit & bits))
			continue;
		if (o->name)
			snprintf(text, sizeof(text), "--%s", o->name);
		else
			snprintf(text, sizeof(text), "-%c", o->letter);
		offer(to, text, o->help);
	}
}

/* Distinct names at one level. An object has the help of its only command, or none. */
static void complete_names(const struct pt_cli_tool *t, const char *object, struct candidates *to)
{
	const char *last = NULL;

	for (const struct pt_cli_cmd *cmd = t->cmds; cmd->object; cmd++) {
		const char *name = !object ? cmd->object : strcmp(cmd->object, object) ? NULL : cmd->command;

		if (!name || (last && !strcmp(last, name)))
			continue;
		last = name;
		offer(to, name, object || !cmd->command ? cmd->help : NULL);
	}
	offer(to, "help", "what there is, and what it does");
}

static void complete_netns(struct candidates *to)
{
	DIR *d = opendir("/run/netns");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			offer(to, e->d_name, NULL);
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
			if (waits->bit == PT_CLI_FILE)
				c->file = all->v[i];
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
static void complete_argument(struct pt_cli *c, const struct pt_cli_cmd *cmd, struct candidates *to)
{
	const struct pt_cli_grammar *g = cli_grammar(c->tool, cmd);
	int home;

	if (cli_netns_enter(c, &home))
		return;
	if (g && c->argc >= g->first)
		cli_words_complete(c, g, offer_word, to);
	else if (cmd->complete)
		(void)cmd->complete(c, c->argc, offer_value, to);
	(void)cli_netns_leave(c, home);
	if (!to->any && c->argc < cmd->max_args)
		expect(to, NULL, cmd->args ? cmd->args : "ARGUMENT", cmd->help);
}

/* Before a command is known: what any of them takes. */
static unsigned int options_of(const struct pt_cli_tool *t)
{
	unsigned int bits = 0;

	for (const struct pt_cli_cmd *cmd = t->cmds; cmd->object; cmd++)
		bits |= cmd->options;
	return bits;
}

/* What may stand behind N plain words, which CMD was found with. */
static void complete_word(struct pt_cli *c, const struct pt_cli_cmd *cmd, size_t n, struct candidates *to)
{
	if (to->begun[0] == '-')
		complete_options(PT_CLI_ALWAYS | (cmd ? cmd->options : options_of(c->tool)), to);
	else if (!n)
		complete_names(c->tool, NULL, to);
	else if (cmd && cmd->command && n == 1)
		complete_names(c->tool, cmd->object, to);
	else if (cmd)
		complete_argument(c, cmd, to);
}

static const char *const engines[] = { "auto", "bpf", "nft", "linear" };
#define FILES (PT_CLI_FILE | PT_CLI_INPUT | PT_CLI_STORE | PT_CLI_PCAP | PT_CLI_STATE) /* options with the name of a file or folder */

/* What may stand behind an option. */
static void complete_option(const struct cli_option *o, struct candidates *to)
{
	if (o->name && !strcmp(o->name, "netns"))
		complete_netns(to);
	for (size_t i = 0; o->bit == PT_CLI_ENGINE && i < PT_ARRAY_SIZE(engines); i++)
		offer(to, engines[i], NULL);
	if (!to->any)
		expect(to, (o->bit & FILES) || (o->name && !strcmp(o->name, "batch")) ? "" : NULL, o->arg, o->help);
}

const struct pt_cli_cmd *pt_cli_complete(const struct pt_cli_tool *tool, const char *const *words, size_t n,
					 void (*word)(const char *w, const char *help, void *arg), void *arg)
{
	struct pt_cli c = { .tool = tool, .file = CLI_FILE };
	struct candidates to = { n ? words[n - 1] : "", word, arg, false };
	struct cli_words all = { .v = (const char **)words, .n = n }, plain = { 0 };
	const struct cli_option *waits = plain_words(&c, &all, &plain);
	const struct pt_cli_cmd *cmd = NULL;
	size_t used = 0;

	if (plain.n)
		cmd = cli_find(&c, &plain, &used);
	c.cmd = cmd;
	c.argc = plain.n > used ? plain.n - used : 0;
	c.argv = plain.v ? plain.v + used : NULL;
	if (!waits)
		complete_word(&c, cmd, plain.n, &to);
	else
		complete_option(waits, &to);
	pt_err_fini(&c.err); /* whoever completes wants words, not errors */
	free(plain.v);
	return cmd;
}

/* A shell completes names of files itself, when nothing comes from here. */
static void print_word(const char *word, const char *help, void *arg)
{
	(void)help;
	(void)arg;
	if (word && *word)
		printf("%s\n", word);
}

int cli_complete(const struct pt_cli_tool *tool, const struct cli_words *words)
{
	(void)pt_cli_complete(tool, words->v, words->n, print_word, NULL);
	return PT_EXIT_OK;
}
