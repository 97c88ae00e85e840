/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes: an element with its comma and its line, an option, a section. The opposite of edit_text.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit.h"

static void drop(struct edit_job *j, size_t from, size_t to)
{
	/* one change after the other, each byte once */
	if (j->splices.n && j->splices.v[j->splices.n - 1].to > from)
		from = j->splices.v[j->splices.n - 1].to;
	if (from < to)
		(void)edit_splice(j, from, to);
}

static const struct edit_value *value_at(const struct edit_job *j, const struct edit_option *o, uint32_t i)
{
	return &j->map->values.v[o->first_value + i];
}

/* Where the content of the line ends that the next one begins at NEXT. */
static size_t content_end(const struct edit_job *j, size_t next)
{
	const char *t = edit_text_of(j);

	if (next && t[next - 1] == '\n')
		next--;
	return next && t[next - 1] == '\r' ? next - 1 : next;
}

/* Value I, which has a comma behind it. */
static void drop_with_comma(struct edit_job *j, const struct edit_option *o, uint32_t i, bool first)
{
	const struct edit_value *v = value_at(j, o, i);
	size_t from = edit_off(j, v->tok), to = edit_end_of(j, v->comma), next = edit_next_line(j, v->comma), stop;

	if (edit_starts_line(j, v->tok) && next != SIZE_MAX) {
		drop(j, edit_line_start(j, from), next);
		return;
	}
	if (!first && edit_only_blanks(j, edit_end_of(j, value_at(j, o, i - 1)->comma), from)) {
		drop(j, edit_end_of(j, value_at(j, o, i - 1)->comma), to);
		return;
	}
	stop = i + 1 < o->n_values ? edit_off(j, value_at(j, o, i + 1)->tok) : to;
	drop(j, from, edit_only_blanks(j, to, stop) ? stop : to);
}

static bool has_comment(const struct edit_job *j, uint32_t from, uint32_t to)
{
	while (from < to && j->map->toks[from].kind != PT_TOK_COMMENT)
		from++;
	return from < to;
}

/* The comments above value I. */
static void drop_above(struct edit_job *j, const struct edit_option *o, uint32_t i)
{
	uint32_t tok = value_at(j, o, i)->tok;

	if (edit_starts_line(j, tok))
		drop(j, edit_said_above(j, tok), edit_line_start(j, edit_off(j, tok)));
}

/* All from I on to the last one, BARE, which has no comma, behind KEPT, whose comma goes, too. */
static void drop_tail(struct edit_job *j, const struct edit_option *o, uint32_t kept, uint32_t i, uint32_t bare, bool said)
{
	uint32_t comma = value_at(j, o, kept)->comma, tok = value_at(j, o, bare)->tok;
	size_t next = edit_starts_line(j, tok) ? edit_next_line(j, tok) : SIZE_MAX, to = edit_end_of(j, tok);

	if (!has_comment(j, comma, tok)) {
		/* what is said of it in its line goes with it */
		drop(j, edit_off(j, comma), next == SIZE_MAX || edit_only_blanks(j, to, next) ? to : content_end(j, next));
		return;
	}
	drop(j, edit_off(j, comma), edit_end_of(j, comma));
	for (; i <= bare; i++) {
		const struct edit_value *v = value_at(j, o, i);
		uint32_t end = i == bare ? v->tok : v->comma;

		if (said)
			drop_above(j, o, i);
		next = edit_starts_line(j, v->tok) ? edit_next_line(j, end) : SIZE_MAX;
		if (next != SIZE_MAX)
			drop(j, edit_line_start(j, edit_off(j, v->tok)), next);
		else
			drop(j, edit_off(j, v->tok), edit_end_of(j, end));
	}
}

/* The only one, without a comma. */
static void drop_only(struct edit_job *j, uint32_t tok, bool said)
{
	size_t next = said && edit_starts_line(j, tok) ? edit_next_line(j, tok) : SIZE_MAX;

	if (next != SIZE_MAX)
		drop(j, edit_line_start(j, edit_off(j, tok)), next);
	else
		drop(j, edit_off(j, tok), edit_end_of(j, tok));
}

void edit_drop_elements(struct edit_job *j, const struct edit_option *o, const bool *gone, bool said)
{
	uint32_t last = EDIT_NONE, n = o->n_values;
	bool first = true, bare = gone[n - 1] && value_at(j, o, n - 1)->comma == EDIT_NONE;

	for (uint32_t i = 0; i < n; i++)
		if (!gone[i])
			last = i;
	for (uint32_t i = 0; i < n; i++) {
		if (!gone[i]) {
			first = false;
			continue;
		}
		if (bare && last != EDIT_NONE && i > last) {
			drop_tail(j, o, last, i, n - 1, said);
			return;
		}
		if (said)
			drop_above(j, o, i);
		if (value_at(j, o, i)->comma != EDIT_NONE)
			drop_with_comma(j, o, i, first);
		else /* nothing stays, only the braces */
			drop_only(j, value_at(j, o, i)->tok, said);
	}
}

/* From TOK to the end of LAST in their line, with the blanks before them; a line of their own goes whole. */
static void drop_tokens(struct edit_job *j, uint32_t tok, uint32_t last)
{
	size_t from = edit_off(j, tok), to = edit_end_of(j, last), next = edit_next_line(j, last);
	size_t before = from;

	if (edit_starts_line(j, tok) && next != SIZE_MAX) {
		drop(j, edit_line_start(j, from), next);
		return;
	}
	if (tok && j->map->toks[tok - 1].kind == PT_TOK_SPACE && (tok < 2 || j->map->toks[tok - 2].kind != PT_TOK_COMMENT))
		before = j->map->toks[tok - 1].off;
	if (before == 0 && to < j->map->src->len && j->map->toks[last + 1].kind == PT_TOK_SPACE)
		to = edit_end_of(j, last + 1);
	drop(j, before, to);
}

void edit_drop_option(struct edit_job *j, const struct edit_option *o, bool said)
{
	if (said && edit_starts_line(j, o->name))
		drop(j, edit_said_above(j, o->name), edit_line_start(j, edit_off(j, o->name)));
	drop_tokens(j, o->name, o->last);
}

static bool empty_line(const struct edit_job *j, size_t start)
{
	size_t n = edit_indent_len(j, start), len = j->map->src->len;
	const char *t = edit_text_of(j);

	if (start + n < len && t[start + n] == '\r')
		n++;
	return start + n >= len || t[start + n] == '\n';
}

void edit_drop_section(struct edit_job *j, const struct edit_section *s)
{
	size_t start = edit_line_start(j, edit_off(j, s->name)), next = edit_next_line(j, s->close);
	size_t len = j->map->src->len;

	if (!edit_starts_line(j, s->name) || next == SIZE_MAX) {
		drop_tokens(j, s->name, s->close);
		return;
	}
	if (start && empty_line(j, edit_line_start(j, start - 1)) && empty_line(j, next))
		start = edit_line_start(j, start - 1);
	if (start && next == len && edit_text_of(j)[len - 1] != '\n')
		start = content_end(j, start);
	if (!start && next < len && empty_line(j, next)) { /* a file does not begin with an empty line */
		const char *nl = memchr(edit_text_of(j) + next, '\n', len - next);

		next = nl ? (size_t)(nl - edit_text_of(j)) + 1 : len;
	}
	drop(j, start, next);
}
