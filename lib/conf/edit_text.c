/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts that come and go with a change, in the layout that is there: one element a line where they stand so, in a row where
 * they do; with the indentation, quotes, commas and line ends of the neighbours. What a change added, its opposite
 * takes away to the byte.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit.h"

/* ---- values ---- */

static bool is_bare(const char *s)
{
	if (!*s)
		return false;
	for (const char *p = s; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:", *p))
			return false;
	return true;
}

void edit_quote(struct pt_buf *b, const char *s, char style)
{
	if (!style && is_bare(s)) {
		pt_buf_str(b, s);
		return;
	}
	/* A "${NAME}" is text here, but other readers of this syntax take it from the environment. */
	if (style != '\'' && (strchr(s, '"') || strstr(s, "${")) && !strpbrk(s, "'\\\n"))
		style = '\'';
	else if (style == '\'' && strpbrk(s, "'\\\n"))
		style = '"';
	if (style != '\'')
		style = '"';
	pt_buf_chr(b, style);
	for (; *s; s++) {
		if (*s == '\n') {
			pt_buf_str(b, "\\n");
			continue;
		}
		if (style == '"' && (*s == '"' || *s == '\\' || (*s == '$' && s[1] == '{')))
			pt_buf_chr(b, '\\');
		pt_buf_chr(b, *s);
	}
	pt_buf_chr(b, style);
}

static char style_of(const struct edit_job *j, uint32_t tok)
{
	return conf_span(edit_text_of(j), &j->map->toks[tok]).quote;
}

static uint32_t value_tok(const struct edit_job *j, const struct edit_option *o, uint32_t i)
{
	return j->map->values.v[o->first_value + i].tok;
}

static uint32_t value_comma(const struct edit_job *j, const struct edit_option *o, uint32_t i)
{
	return j->map->values.v[o->first_value + i].comma;
}

void edit_put_value(struct edit_job *j, uint32_t value, const char *v)
{
	uint32_t tok = j->map->values.v[value].tok;
	struct pt_buf *b = edit_splice(j, edit_off(j, tok), edit_end_of(j, tok));

	if (b)
		edit_quote(b, v, style_of(j, tok));
}

void edit_put_title(struct edit_job *j, const struct edit_section *s, const char *title)
{
	struct pt_buf *b = edit_splice(j, edit_off(j, s->title_tok), edit_end_of(j, s->title_tok));

	if (b)
		edit_quote(b, title, style_of(j, s->title_tok));
}

/* ---- elements of lists ---- */

/* What comes into a list: values, and the comments that come with each of them, or NULL. */
struct news {
	const char *const *v;
	const struct edit_said *said;
	size_t n;
};

/* Those with comments need lines of their own, wherever they come to stand. */
static bool has_said(const struct news *w)
{
	for (size_t i = 0; w->said && i < w->n; i++)
		if (w->said[i].above.n || w->said[i].behind.n)
			return true;
	return false;
}

/* Lines of their own, each with its comma but perhaps the last. LIKE's line shows how far in. */
static void put_lines(struct edit_job *j, struct pt_buf *b, uint32_t like, const struct news *w, bool comma)
{
	for (size_t i = 0; b && i < w->n; i++) {
		const struct edit_said *said = w->said ? &w->said[i] : NULL;

		if (said && said->above.n)
			pt_buf_add(b, said->above.s, said->above.n);
		edit_put_indent(j, b, like);
		edit_quote(b, w->v[i], style_of(j, like));
		pt_buf_str(b, comma || i + 1 < w->n ? "," : "");
		if (said && said->behind.n)
			pt_buf_add(b, said->behind.s, said->behind.n);
		pt_buf_str(b, edit_line_end(j));
	}
}

/* The same within a line: what follows stands in the next one. */
static void break_line(struct edit_job *j, struct pt_buf *b, uint32_t like, const struct news *w, bool comma)
{
	pt_buf_str(b, edit_line_end(j));
	put_lines(j, b, like, w, comma);
	edit_put_indent(j, b, like);
}

/* NAME = VALUE becomes NAME = { VALUE, NEW }. */
static void put_braces(struct edit_job *j, const struct edit_option *o, bool before, const struct news *w)
{
	uint32_t tok = value_tok(j, o, 0);
	char style = style_of(j, tok);
	struct pt_buf *b;

	b = edit_splice(j, edit_off(j, tok), edit_off(j, tok));
	if (b)
		pt_buf_str(b, "{ ");
	if (b && before && has_said(w))
		break_line(j, b, tok, w, true);
	else
		for (size_t i = 0; b && before && i < w->n; i++) {
			edit_quote(b, w->v[i], style);
			pt_buf_str(b, ", ");
		}
	b = edit_splice(j, edit_end_of(j, tok), edit_end_of(j, tok));
	if (b && !before && has_said(w)) {
		pt_buf_chr(b, ',');
		break_line(j, b, tok, w, false);
	} else {
		for (size_t i = 0; b && !before && i < w->n; i++) {
			pt_buf_str(b, ", ");
			edit_quote(b, w->v[i], style);
		}
	}
	if (b)
		pt_buf_str(b, " }");
}

static void put_before(struct edit_job *j, const struct edit_option *o, uint32_t i, const struct news *w)
{
	uint32_t tok = value_tok(j, o, i);
	struct pt_buf *b;
	size_t at;

	if (edit_starts_line(j, tok)) {
		at = edit_above_comments(j, edit_line_start(j, edit_off(j, tok)));
		put_lines(j, edit_splice(j, at, at), tok, w, true);
		return;
	}
	b = edit_splice(j, edit_off(j, tok), edit_off(j, tok));
	if (b && has_said(w)) {
		break_line(j, b, tok, w, true);
		return;
	}
	for (size_t k = 0; b && k < w->n; k++) {
		edit_quote(b, w->v[k], style_of(j, tok));
		pt_buf_str(b, ", ");
	}
}

/* Behind the last one, which has no comma. */
static void put_last(struct edit_job *j, uint32_t tok, const struct news *w)
{
	bool lines = edit_starts_line(j, tok);
	size_t at = lines ? edit_next_line(j, tok) : SIZE_MAX;
	struct pt_buf *b = edit_splice(j, edit_end_of(j, tok), edit_end_of(j, tok));

	/* a comment stays in its line */
	if (at != SIZE_MAX && (has_said(w) || !edit_only_blanks(j, edit_end_of(j, tok), at))) {
		if (b)
			pt_buf_chr(b, ',');
		put_lines(j, edit_splice(j, at, at), tok, w, false);
		return;
	}
	if (b && has_said(w)) {
		pt_buf_chr(b, ',');
		break_line(j, b, tok, w, false);
		return;
	}
	for (size_t k = 0; b && k < w->n; k++) {
		pt_buf_str(b, ",");
		pt_buf_str(b, lines ? edit_line_end(j) : " ");
		if (lines)
			edit_put_indent(j, b, tok);
		edit_quote(b, w->v[k], style_of(j, tok));
	}
}

static void put_after(struct edit_job *j, const struct edit_option *o, uint32_t i, const struct news *w)
{
	uint32_t tok = value_tok(j, o, i), comma = value_comma(j, o, i);
	struct pt_buf *b;
	size_t at;

	if (comma == EDIT_NONE) {
		put_last(j, tok, w);
		return;
	}
	at = edit_starts_line(j, tok) ? edit_next_line(j, comma) : SIZE_MAX;
	if (at != SIZE_MAX) {
		put_lines(j, edit_splice(j, at, at), tok, w, true);
		return;
	}
	b = edit_splice(j, edit_end_of(j, comma), edit_end_of(j, comma));
	if (b && has_said(w)) {
		break_line(j, b, tok, w, true);
		return;
	}
	for (size_t k = 0; b && k < w->n; k++) {
		pt_buf_chr(b, ' ');
		edit_quote(b, w->v[k], style_of(j, tok));
		pt_buf_chr(b, ',');
	}
}

void edit_put_element(struct edit_job *j, const struct edit_option *o, uint32_t before, uint32_t after,
		      const char *const *v, const struct edit_said *said, size_t n)
{
	const struct news w = { v, said, n };

	if (o->open == EDIT_NONE)
		put_braces(j, o, before != EDIT_NONE, &w);
	else if (before != EDIT_NONE)
		put_before(j, o, before, &w);
	else
		put_after(j, o, after, &w);
}

static bool is_long(const struct pt_schema *row)
{
	return row->complete && !strcmp(row->complete, "rule");
}

/* The values in a row with their commas. */
static void put_row(struct pt_buf *b, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pt_buf_str(b, i ? ", " : "");
		edit_quote(b, v[i], '"');
	}
}

/* Each in a line of its own; INDENT is what stands before them. */
static void put_column(struct edit_job *j, struct pt_buf *b, const char *indent, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pt_buf_str(b, indent);
		edit_quote(b, v[i], '"');
		pt_buf_chr(b, ',');
		pt_buf_str(b, edit_line_end(j));
	}
}

/* The indentation of TOK's line and LEVELS more. B keeps it. */
static const char *deeper(struct edit_job *j, struct pt_buf *b, uint32_t tok, int levels)
{
	if (tok != EDIT_NONE)
		edit_put_indent(j, b, tok);
	while (levels--)
		edit_put_unit(j, b);
	if (b->err)
		j->nomem = true;
	return b->err || !b->s ? "" : b->s;
}

void edit_put_first(struct edit_job *j, const struct edit_option *o, const char *const *v, size_t n)
{
	size_t open = edit_end_of(j, o->open), close = edit_off(j, o->close);
	bool lines = edit_starts_line(j, o->close) || (is_long(o->row) && edit_only_blanks(j, open, close));
	struct pt_buf indent = { 0 }, *b;

	if (lines) {
		const char *in = deeper(j, &indent, o->name, 1);

		if (edit_starts_line(j, o->close)) {
			size_t at = edit_line_start(j, close);

			b = edit_splice(j, at, at);
			if (b)
				put_column(j, b, in, v, n);
		} else {
			b = edit_splice(j, open, close);
			if (b) {
				pt_buf_str(b, edit_line_end(j));
				put_column(j, b, in, v, n);
				edit_put_indent(j, b, o->name);
			}
		}
	} else {
		b = edit_splice(j, open, open);
		if (b) {
			pt_buf_chr(b, ' ');
			put_row(b, v, n);
			pt_buf_str(b, close == open ? " " : "");
		}
	}
	pt_buf_fini(&indent);
}

/* ---- options ---- */

static const struct edit_option *option_at(const struct edit_job *j, const struct edit_section *s, uint32_t i)
{
	return &j->map->options.v[s->first_option + i];
}

/* Where the signs of all options stand under each other: how far behind their names. */
static size_t aligned(const struct edit_job *j, const struct edit_section *s)
{
	size_t far = 0;

	for (uint32_t i = 0; s && i < s->n_options; i++) {
		const struct edit_option *o = option_at(j, s, i);
		size_t here = edit_off(j, o->sign) - edit_off(j, o->name);

		if (!edit_starts_line(j, o->name) || (i && here != far))
			return 0;
		far = here;
	}
	return s && s->n_options > 1 ? far : 0;
}

/* NAME = VALUES. S NULL: in a section to come. INDENT is that of its line. */
static void put_assignment(struct edit_job *j, struct pt_buf *b, const struct edit_section *s, const char *indent,
			   const struct pt_schema *row, const char *const *v, size_t n)
{
	size_t column = aligned(j, s);
	struct pt_buf inner = { 0 };

	pt_buf_str(b, row->name);
	for (size_t i = strlen(row->name); i + 1 < column; i++)
		pt_buf_chr(b, ' ');
	pt_buf_str(b, " = ");
	if (row->type != PT_OPT_LIST) {
		edit_quote(b, *v, row->type == PT_OPT_BOOL ? 0 : '"');
	} else if (is_long(row)) {
		pt_buf_str(&inner, indent);
		pt_buf_chr(b, '{');
		pt_buf_str(b, edit_line_end(j));
		put_column(j, b, deeper(j, &inner, EDIT_NONE, 1), v, n);
		pt_buf_str(b, indent);
		pt_buf_chr(b, '}');
	} else {
		pt_buf_str(b, n ? "{ " : "{");
		put_row(b, v, n);
		pt_buf_str(b, " }");
	}
	pt_buf_fini(&inner);
}

/* Into a section that has no option yet. */
static void put_only_option(struct edit_job *j, const struct edit_section *s, const struct pt_schema *row,
			    const char *const *v, size_t n)
{
	size_t open = edit_end_of(j, s->open), close = edit_off(j, s->close);
	bool lines = edit_starts_line(j, s->close);
	struct pt_buf indent = { 0 }, *b;

	if (lines || is_long(row)) {
		const char *in = deeper(j, &indent, s->name, 1);
		size_t at = lines ? edit_line_start(j, close) : close;
		bool same = !lines && edit_only_blanks(j, open, close);

		b = same ? edit_splice(j, open, close) : edit_splice(j, at, at);
		if (b) {
			pt_buf_str(b, lines ? "" : edit_line_end(j));
			pt_buf_str(b, in);
			put_assignment(j, b, s, in, row, v, n);
			pt_buf_str(b, edit_line_end(j));
			if (!lines)
				edit_put_indent(j, b, s->name);
		}
	} else {
		b = edit_splice(j, open, open);
		if (b) {
			pt_buf_chr(b, ' ');
			put_assignment(j, b, s, "", row, v, n);
			pt_buf_str(b, close == open ? " " : "");
		}
	}
	pt_buf_fini(&indent);
}

void edit_put_option(struct edit_job *j, const struct edit_section *s, const struct pt_schema *row,
		     const char *const *v, size_t n)
{
	struct pt_buf indent = { 0 }, *b;
	const struct edit_option *last;
	bool lines;
	size_t at;

	if (!s->n_options) {
		put_only_option(j, s, row, v, n);
		return;
	}
	last = option_at(j, s, s->n_options - 1);
	lines = edit_starts_line(j, last->name);
	at = lines ? edit_next_line(j, last->last) : SIZE_MAX;
	b = at == SIZE_MAX ? edit_splice(j, edit_end_of(j, last->last), edit_end_of(j, last->last)) : edit_splice(j, at, at);
	if (b) {
		const char *in = deeper(j, &indent, last->name, 0);

		if (at == SIZE_MAX)
			pt_buf_str(b, lines ? edit_line_end(j) : "  ");
		pt_buf_str(b, lines ? in : "");
		put_assignment(j, b, s, in, row, v, n);
		if (at != SIZE_MAX)
			pt_buf_str(b, edit_line_end(j));
	}
	pt_buf_fini(&indent);
}

/* ---- sections ---- */

static bool same_line(const struct edit_job *j, uint32_t from, uint32_t to)
{
	return !memchr(edit_text_of(j) + edit_off(j, from), '\n', edit_end_of(j, to) - edit_off(j, from));
}

/* A section's text, without the end of its last line. */
static void put_body(struct edit_job *j, struct pt_buf *b, const struct pt_schema *row, const char *title,
		     const struct pt_schema *opt, const char *const *v, size_t n, bool in_line)
{
	struct pt_buf indent = { 0 };

	pt_buf_str(b, row->name);
	pt_buf_chr(b, ' ');
	if (title) {
		edit_quote(b, title, 0);
		pt_buf_chr(b, ' ');
	}
	pt_buf_chr(b, '{');
	if (opt && in_line && !is_long(opt)) {
		pt_buf_chr(b, ' ');
		put_assignment(j, b, NULL, "", opt, v, n);
		pt_buf_chr(b, ' ');
	} else if (!in_line || opt) {
		const char *in = deeper(j, &indent, EDIT_NONE, 1);

		pt_buf_str(b, edit_line_end(j));
		if (opt) {
			pt_buf_str(b, in);
			put_assignment(j, b, NULL, in, opt, v, n);
			pt_buf_str(b, edit_line_end(j));
		}
	} else {
		pt_buf_chr(b, ' ');
	}
	pt_buf_chr(b, '}');
	pt_buf_fini(&indent);
}

static const struct edit_section *last_like(const struct edit_map *m, const struct pt_schema *row)
{
	for (size_t i = m->sections.n; i--;)
		if (m->sections.v[i].row == row)
			return &m->sections.v[i];
	return NULL;
}

/* The last token that is not white space; EDIT_NONE: there is none. */
static uint32_t last_token(const struct edit_map *m)
{
	for (size_t i = m->n; i--;)
		if (m->toks[i].kind != PT_TOK_SPACE)
			return (uint32_t)i;
	return EDIT_NONE;
}

static bool blank_line_at(const struct edit_job *j, size_t at)
{
	size_t len = j->map->src->len;

	while (at < len && edit_blank(edit_text_of(j)[at]))
		at++;
	return at >= len || edit_text_of(j)[at] == '\n';
}

void edit_put_section(struct edit_job *j, const struct pt_schema *row, const char *title,
		      const struct pt_schema *opt, const char *const *v, size_t n)
{
	const struct edit_section *like = last_like(j->map, row);
	bool in_line = like && same_line(j, like->name, like->close);
	uint32_t behind = like ? like->close : last_token(j->map);
	size_t len = j->map->src->len, at = behind == EDIT_NONE ? len : edit_next_line(j, behind);
	bool ended = !len || (at != SIZE_MAX && (at < len || edit_text_of(j)[len - 1] == '\n'));
	const char *nl = edit_line_end(j);
	struct pt_buf *b;

	if (at == SIZE_MAX)
		at = edit_end_of(j, behind);
	b = edit_splice(j, at, at);
	if (!b)
		return;
	if (!ended)
		pt_buf_str(b, nl);
	if (behind != EDIT_NONE && !in_line && (at >= len || blank_line_at(j, at)))
		pt_buf_str(b, nl);
	put_body(j, b, row, title, opt, v, n, in_line);
	if (ended || at < len)
		pt_buf_str(b, nl);
}

/* ---- comments ---- */

void edit_put_comment(struct edit_job *j, uint32_t tok, const char *text)
{
	bool lines = edit_starts_line(j, tok);
	size_t at = lines ? edit_line_start(j, edit_off(j, tok)) : edit_off(j, tok);
	struct pt_buf *b = edit_splice(j, at, at);

	if (!b)
		return;
	if (!lines)
		pt_buf_str(b, edit_line_end(j));
	edit_put_indent(j, b, tok);
	pt_buf_str(b, "# ");
	pt_buf_str(b, text);
	pt_buf_str(b, edit_line_end(j));
	if (!lines)
		edit_put_indent(j, b, tok);
}
