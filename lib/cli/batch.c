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

static int run_line(const struct pt_cli_tool *t, const char *file, size_t number, char *line)
{
	struct cli_words words = { 0 };
	int rc;

	rc = pt_vec_push(NULL, &words, t->name);
	if (!rc)
		rc = split(line, &words);
	if (rc) {
		fprintf(stderr, "%s:%zu: error: %s\n", file, number, rc == -EINVAL ? "a quote is not closed" : "out of memory");
		rc = PT_EXIT_CONFIG;
	} else if (words.n > 1) {
		rc = pt_cli_main(t, (int)words.n, (char **)words.v);
		if (rc && rc != PT_EXIT_NO)
			fprintf(stderr, "%s:%zu: this command failed\n", file, number);
	}
	free(words.v);
	return rc;
}

int cli_batch(const struct pt_cli_tool *t, const struct pt_cli *outer)
{
	struct pt_err e = { 0 };
	size_t len, number = 0;
	char *text, *line, *rest;
	int rc, worst = PT_EXIT_OK;

	rc = pt_file_read(outer->batch, PT_FILE_MAX, &text, &len, &e);
	if (rc) {
		cli_report(outer, &e);
		pt_err_fini(&e);
		return PT_EXIT_CONFIG;
	}
	for (rest = text; (line = strsep(&rest, "\n"));) {
		rc = run_line(t, outer->batch, ++number, line);
		if (rc && !worst)
			worst = rc;
		if (rc && !outer->force)
			break;
	}
	free(text);
	return worst;
}
