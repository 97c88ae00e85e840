/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layout of a text around a token: what begins its line, what ends it, how far in it stands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit.h"

void edit_job_fini(struct edit_job *j)
{
	for (size_t i = 0; i < j->splices.n; i++)
		pt_buf_fini(&j->splices.v[i].text);
	free(j->splices.v);
	j->splices.v = NULL;
	j->splices.n = 0;
}

/* ---- splices ---- */

struct pt_buf *edit_splice(struct edit_job *j, size_t from, size_t to)
{
	struct edit_splice s = { .from = from, .to = to };

	if (pt_vec_push(NULL, &j->splices, s)) {
		j->nomem = true;
		return NULL;
	}
	return &j->splices.v[j->splices.n - 1].text;
}

/* ---- the text around ---- */

const char *edit_text_of(const struct edit_job *j)
{
	return j->map->src->text;
}

size_t edit_off(const struct edit_job *j, uint32_t tok)
{
	return j->map->toks[tok].off;
}

size_t edit_end_of(const struct edit_job *j, uint32_t tok)
{
	return edit_end(j->map, tok);
}

/* Lines end as the first one does. */
const char *edit_line_end(const struct edit_job *j)
{
	const char *nl = j->map->src->len ? memchr(edit_text_of(j), '\n', j->map->src->len) : NULL;

	return nl && nl > edit_text_of(j) && nl[-1] == '\r' ? "\r\n" : "\n";
}

size_t edit_line_start(const struct edit_job *j, size_t off)
{
	while (off && edit_text_of(j)[off - 1] != '\n')
		off--;
	return off;
}

bool edit_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

size_t edit_indent_len(const struct edit_job *j, size_t start)
{
	size_t n = 0;

	while (start + n < j->map->src->len && (edit_text_of(j)[start + n] == ' ' || edit_text_of(j)[start + n] == '\t'))
		n++;
	return n;
}

/* Nothing but blanks before it in its line. */
bool edit_starts_line(const struct edit_job *j, uint32_t tok)
{
	size_t start = edit_line_start(j, edit_off(j, tok));

	return start + edit_indent_len(j, start) == edit_off(j, tok);
}

void edit_put_indent(const struct edit_job *j, struct pt_buf *b, uint32_t tok)
{
	size_t start = edit_line_start(j, edit_off(j, tok));

	pt_buf_add(b, edit_text_of(j) + start, edit_indent_len(j, start));
}

/* What one level more is: as the first option that stands in a line of its own. */
void edit_put_unit(const struct edit_job *j, struct pt_buf *b)
{
	for (size_t i = 0; i < j->map->options.n; i++) {
		uint32_t tok = j->map->options.v[i].name;
		size_t start = edit_line_start(j, edit_off(j, tok)), n = edit_indent_len(j, start);

		if (!n || !edit_starts_line(j, tok))
			continue;
		pt_buf_add(b, edit_text_of(j) + start, n);
		return;
	}
	pt_buf_chr(b, '\t');
}

/* The begin of the line after TOK's, where only a comment follows it in its own; SIZE_MAX: more does. */
size_t edit_next_line(const struct edit_job *j, uint32_t tok)
{
	const struct edit_map *m = j->map;

	for (uint32_t i = tok + 1; i < m->n; i++) {
		const char *p = edit_text_of(j) + m->toks[i].off;
		const char *nl = memchr(p, '\n', m->toks[i].len);

		if (m->toks[i].kind == PT_TOK_SPACE && nl)
			return (size_t)(nl - edit_text_of(j)) + 1;
		if (m->toks[i].kind != PT_TOK_SPACE && (m->toks[i].kind != PT_TOK_COMMENT || nl))
			return SIZE_MAX;
	}
	return m->src->len;
}

bool edit_only_blanks(const struct edit_job *j, size_t from, size_t to)
{
	while (from < to && (edit_blank(edit_text_of(j)[from]) || edit_text_of(j)[from] == '\n'))
		from++;
	return from == to;
}

/* Above the comments that stand right above the line that begins at START. */
size_t edit_above_comments(const struct edit_job *j, size_t start)
{
	while (start) {
		size_t before = edit_line_start(j, start - 1), n = edit_indent_len(j, before);

		if (edit_text_of(j)[before + n] != '#' && strncmp(edit_text_of(j) + before + n, "//", 2) != 0)
			break;
		start = before;
	}
	return start;
}
