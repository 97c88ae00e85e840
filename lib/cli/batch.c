/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands from a file, one a line; errors name the line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

/* Cuts LINE in place into words; "…" and '…' hold blanks together. -EINVAL: open quote. */
static int split(char *line, struct cli_words *words)
{
	char *p = line;

	for (;;) {
		char *start, *to;
		int rc;

		p += strspn(p, " \t\r");
		if (!*p || *p == '#')
			return 0;
		start = to = p;
		while (*p && !strchr(" \t\r", *p)) {
			char quote = *p == '"' || *p == '\'' ? *p++ : '\0';

			while (quote && *p && *p != quote)
				*to++ = *p++;
			if (quote && !*p)
				return -EINVAL;
			if (quote)
				p++;
			else
				*to++ = *p++;
		}
		if (*p)
			p++;
		*to = '\0';
		rc = pt_vec_push(NULL, words, start);
		if (rc)
			return rc;
	}
}

static void complain(const struct pt_cli *c, size_t number, const char *what)
{
	cli_escaped(stderr, c->batch, strlen(c->batch));
	fprintf(stderr, ":%zu: %s\n", number, what);
}

/* A line starts from nothing but where the batch acts, since a namespace has its own history, and how it shows things. */
static int run_line(const struct pt_cli *outer, size_t number, char *line)
{
	struct pt_cli c = { .tool = outer->tool, .file = outer->file, .netns = outer->netns, .quiet = outer->quiet,
			    .colour = outer->colour, .nested = true };
	struct cli_words words = { 0 };
	int rc;

	rc = pt_vec_push(NULL, &words, outer->tool->name);
	if (!rc)
		rc = split(line, &words);
	if (rc) {
		complain(outer, number, rc == -EINVAL ? "error: a quote is not closed" : "error: out of memory");
		rc = rc == -EINVAL ? PT_EXIT_CONFIG : PT_EXIT_SYSTEM;
	} else if (words.n > 1) {
		rc = cli_line(&c, words.n, (char **)words.v);
		if (rc && rc != PT_EXIT_NO)
			complain(outer, number, "this command failed");
	}
	free(words.v);
	return rc;
}

int cli_batch(struct pt_cli *outer)
{
	size_t len, number = 0;
	char *text, *line, *rest;
	int rc, worst = PT_EXIT_OK;

	rc = pt_file_read(outer->batch, PT_FILE_MAX, &text, &len, &outer->err);
	if (rc)
		return rc == -ENOMEM ? rc : PT_EXIT_CONFIG;
	if (memchr(text, '\0', len)) {
		pt_err_add(&outer->err, PT_ERROR, NULL, "write the commands as text, one a line",
			   "the batch %s has a NUL byte", outer->batch);
		free(text);
		return PT_EXIT_CONFIG;
	}
	for (rest = text; (line = strsep(&rest, "\n"));) {
		rc = run_line(outer, ++number, line);
		if (rc && !worst)
			worst = rc;
		if (rc == PT_EXIT_NO && !outer->force && rest && *rest)
			complain(outer, number, "the answer is no, and the batch ends here; --force goes on");
		if (rc && !outer->force)
			break;
	}
	free(text);
	return worst;
}
