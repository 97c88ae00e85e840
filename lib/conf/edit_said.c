/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which comments are about an element: those that stand right above its line and those behind it in its own line. An element that
 * is moved takes them along; what cannot be told to be its own stays where it is. None is ever lost.
 */
#include <string.h>

#include "conf/edit.h"

static size_t newlines(const struct edit_job *j, uint32_t tok)
{
	size_t n = 0;

	for (size_t i = edit_off(j, tok); i < edit_end_of(j, tok); i++)
		n += edit_text_of(j)[i] == '\n';
	return n;
}

size_t edit_said_above(const struct edit_job *j, uint32_t tok)
{
	const struct pt_src_tok *toks = j->map->toks;
	size_t start = edit_line_start(j, edit_off(j, tok));

	while (edit_starts_line(j, tok) && tok-- > 0) {
		if (toks[tok].kind == PT_TOK_SPACE && newlines(j, tok) > 1)
			break; /* what stands above an empty line is about something else */
		if (toks[tok].kind == PT_TOK_SPACE)
			tok--;
		if (tok == EDIT_NONE || toks[tok].kind != PT_TOK_COMMENT || !edit_starts_line(j, tok))
			break;
		start = edit_line_start(j, edit_off(j, tok));
	}
	return start;
}

/* The comments from behind token TOK to the end of LAST's line, where nothing else follows that. */
static void add_behind(const struct edit_job *j, uint32_t tok, uint32_t last, struct pt_buf *out)
{
	const struct edit_map *m = j->map;
	size_t next = edit_next_line(j, last);

	if (next == SIZE_MAX)
		return;
	for (uint32_t i = tok + 1; i < m->n && edit_off(j, i) < next; i++) {
		bool space = m->toks[i - 1].kind == PT_TOK_SPACE;
		size_t n = m->toks[i].len;

		if (m->toks[i].kind != PT_TOK_COMMENT)
			continue;
		if (edit_text_of(j)[edit_off(j, i) + n - 1] == '\r')
			n--; /* of the end of the line */
		pt_buf_add(out, space ? edit_text_of(j) + edit_off(j, i - 1) : " ", space ? m->toks[i - 1].len : 1);
		pt_buf_add(out, edit_text_of(j) + edit_off(j, i), n);
	}
}

void edit_said_of(const struct edit_job *j, const struct edit_option *o, uint32_t i, bool option, struct edit_said *out)
{
	const struct edit_value *v = &j->map->values.v[o->first_value + i];
	uint32_t tok = option ? o->name : v->tok, last = option ? o->last : v->comma == EDIT_NONE ? v->tok : v->comma;
	size_t start = edit_line_start(j, edit_off(j, tok)), above = edit_said_above(j, tok);

	if (!edit_starts_line(j, tok))
		return;
	pt_buf_add(&out->above, edit_text_of(j) + above, start - above);
	add_behind(j, option ? o->last : v->tok, last, &out->behind);
}

void edit_said_fini(struct edit_said *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pt_buf_fini(&s[i].above);
		pt_buf_fini(&s[i].behind);
	}
}
