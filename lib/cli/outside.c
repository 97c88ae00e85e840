/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command line would do that its table of commands does not tell, for whoever lets only some commands be run: options that
 * name files, other namespaces or more commands, and words that make a line a question for help. It is the parser itself that is
 * asked, so that nobody can write a line that the two read differently.
 */
#include <stdlib.h>

#include "cli/internal.h"

/* The words behind the tool's name as the tool would read them. Below 0: it would refuse them, above: help or the version is asked. */
static int parse(struct pt_cli *c, const char *const *words, size_t n, struct cli_words *plain)
{
	const char **argv = calloc(n + 1, sizeof(*argv));
	int rc;

	if (!argv)
		return -1;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = words[i];
	rc = cli_options_parse(c, n + 1, (char **)argv, plain);
	free(argv);
	return rc;
}

static void forget(struct pt_cli *c, struct cli_words *plain)
{
	pt_err_fini(&c->err);
	free(c->probes.v);
	free(plain->v);
}

bool pt_cli_asks_help(const struct pt_cli_tool *tool, const char *const *words, size_t n)
{
	struct pt_cli c = { .tool = tool };
	struct cli_words plain = { 0 };
	int rc = parse(&c, words, n, &plain);
	struct cli_words left = plain;
	bool asks = rc > 0 || (!rc && !c.batch && (!plain.n || cli_wants_help(&left)));

	forget(&c, &plain);
	return asks;
}

const char *pt_cli_outside(const struct pt_cli_tool *tool, const struct pt_cli_cmd *cmd, const char *const *words, size_t n)
{
	struct pt_cli c = { .tool = tool };
	struct cli_words plain = { 0 };
	int rc = parse(&c, words, n, &plain);
	const struct {
		bool given;
		const char *name;
	} ways[] = {
		{ c.batch, "--batch" }, { c.file, "-f" },       { c.input, "--file" }, { c.netns, "--netns" },
		{ c.store, "--store" }, { c.pcap, "--pcap" },   { c.state, "--state" }, { c.meaning, "--meaning" },
	};
	const struct pt_cli_grammar *g = cmd ? cli_grammar(tool, cmd) : NULL;
	size_t name = cmd && cmd->command ? 2 : 1;
	const char *way = NULL;

	for (size_t i = 0; !way && i < PT_ARRAY_SIZE(ways); i++)
		way = ways[i].given ? ways[i].name : NULL;
	if (!way && !rc && g && plain.n > name)
		way = cli_words_path(g, plain.v + name, plain.n - name);
	forget(&c, &plain);
	return way;
}
