/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the cli module. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include <patronus/cli.h>

struct cli_option {
	char letter;           /* 0: none */
	const char *name;      /* long form, NULL: none */
	const char *arg;       /* what it takes, NULL: nothing */
	unsigned int bit;
	const char *help;
	int (*set)(struct pt_cli *c, const char *value);
};
extern const struct cli_option cli_options[]; /* ends with a NULL help */

/* options.c: takes the options out of ARGV; WORDS gets the rest. -EINVAL with a record. */
struct cli_words {
	const char **v;
	size_t n, cap;
};
int cli_options_parse(struct pt_cli *c, size_t argc, char **argv, struct cli_words *words);

/* help.c */
void cli_help(const struct pt_cli_tool *t, const char *object);
void cli_version(const struct pt_cli_tool *t);

/* find.c: the command that WORDS begin with; *USED words are its name. NULL with a record. */
const struct pt_cli_cmd *cli_find(struct pt_cli *c, const struct cli_words *words, size_t *used);

/* report.c */
void cli_report(const struct pt_cli *c, const struct pt_err *e);

/* complete.c */
int cli_complete(struct pt_cli *c, const struct cli_words *words);

/* batch.c */
int cli_batch(const struct pt_cli_tool *t, const struct pt_cli *outer);

#endif
