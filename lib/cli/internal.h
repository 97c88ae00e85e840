/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the cli module. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include <stdio.h>

#include <patronus/cli.h>

#define CLI_FILE "/etc/patronus/patronus.conf" /* where nobody says otherwise */

struct cli_option {
	char letter;           /* 0: none */
	const char *name;      /* long form, NULL: none */
	const char *arg;       /* what it takes, NULL: nothing */
	unsigned int bit;
	const char *help;
	int (*set)(struct pt_cli *c, const char *value);
};
extern const struct cli_option cli_options[]; /* ends with a NULL help */

/* options.c: takes the options out of ARGV; WORDS gets the rest. -EINVAL with a record; 1 and 2: help
 * and version are asked for. */
struct cli_words {
	const char **v;
	size_t n, cap;
	bool ended;     /* there was a "--": … */
	size_t literal; /* … words from here on are what they are, "help" too */
};
int cli_options_parse(struct pt_cli *c, size_t argc, char **argv, struct cli_words *words);
/* The option whose value must be the word behind WORD, or NULL. */
const struct cli_option *cli_option_waits(const char *word);

/* main.c: one command line of its own or of a batch; C is what it starts from. The exit status. */
int cli_line(struct pt_cli *c, size_t argc, char **argv);

/* Takes the word "help" out, first or last, where it was not behind "--". */
bool cli_wants_help(struct cli_words *w);

/* netns.c: acts in the namespace that --netns names, if any, until it is left. */
int cli_netns_enter(struct pt_cli *c, int *home);
int cli_netns_leave(struct pt_cli *c, int home);

/* help.c: of the tool, of an object, of one command */
void cli_help(const struct pt_cli_tool *t, const struct pt_cli_cmd *of, bool one);
void cli_version(const struct pt_cli_tool *t);

/* find.c: the command that WORDS begin with; *USED words are its name. NULL with a record. */
const struct pt_cli_cmd *cli_find(struct pt_cli *c, const struct cli_words *words, size_t *used);

/* report.c */
void cli_escaped(FILE *f, const char *s, size_t n);

/* complete.c */
int cli_complete(const struct pt_cli_tool *tool, const struct cli_words *words);

/* words.c: the words behind the first arguments of a command, NULL: it has none; what may stand behind c->argv of them */
const struct pt_cli_grammar *cli_grammar(const struct pt_cli_tool *t, const struct pt_cli_cmd *cmd);
void cli_words_complete(const struct pt_cli *c, const struct pt_cli_grammar *g, void (*word)(const char *w, const char *help, void *arg), void *arg);
/* The first of ARGC arguments that is a word with the name of a file behind it, or NULL. */
const char *cli_words_path(const struct pt_cli_grammar *g, const char *const *argv, size_t argc);

/* batch.c */
int cli_batch(struct pt_cli *outer);

/* report.c: whether what goes to FD may be coloured */
bool cli_colour(const struct pt_cli *c, int fd);

#endif
