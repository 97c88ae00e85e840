/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of before, across consoles. Read only where nobody else could have written, and replaced whole: several consoles at once
 * each add their own lines to what is there when they end.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>

#include "ptsh.h"

#define FILE_NAME ".patronus_history"
#define LINES 1000
#define BYTES_MAX ((size_t)16 << 20)

static int added; /* lines of this console, by readline's count */

static bool path_of(const struct console *c, char *out, size_t size)
{
	int n = c->home[0] ? snprintf(out, size, "%s/" FILE_NAME, c->home) : 0;

	return n > 0 && (size_t)n < size;
}

/* A file that is missing, or that is not to be believed, is an empty one. */
static char *read_text(const char *path, size_t *n)
{
	char *text = NULL;

	*n = 0;
	return pt_file_read(path, BYTES_MAX, &text, n, NULL) ? NULL : text;
}

void history_begin(const struct console *c)
{
	char path[PATH_MAX], *text, *rest, *line;
	size_t n;

	using_history();
	stifle_history(LINES);
	text = path_of(c, path, sizeof(path)) ? read_text(path, &n) : NULL;
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line && strlen(line) <= PT_LINE_MAX) /* others are no lines */
			add_history(line);
	free(text);
}

void history_add(const char *line)
{
	add_history(line);
	added++;
}

/* Where the last lines of the N bytes of S begin. */
static size_t last_lines(const char *s, size_t n)
{
	size_t lines = 0;

	while (n && (s[n - 1] != '\n' || ++lines <= LINES))
		n--;
	return n;
}

void history_end(const struct console *c)
{
	char path[PATH_MAX], *before;
	HIST_ENTRY **list = history_list();
	int first = added < history_length ? history_length - added : 0;
	struct pt_buf b = { 0 };
	size_t n, from;

	if (!added || !list || !path_of(c, path, sizeof(path)))
		return;
	before = read_text(path, &n);
	if (before)
		pt_buf_add(&b, before, n);
	for (int i = first; i < history_length; i++)
		pt_buf_fmt(&b, "%s\n", list[i]->line);
	from = b.err ? 0 : last_lines(b.s, b.n);
	if (!b.err)
		(void)!pt_file_write(path, b.s + from, b.n - from, 0600, NULL);
	free(before);
	pt_buf_fini(&b);
}
