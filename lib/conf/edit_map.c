/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands where: sections, options and values as places in the tokens of one text.
 *
 * The reader of the file (tree.c) repairs and passes values on; an edit needs the tokens around them. Where the
 * structure itself is broken there is nothing to be found, and the reader tells why.
 */
#include <errno.h>
#include <string.h>

#include "conf/edit.h"

struct mapper {
	struct edit_map *m;
	struct pt_arena *arena;
	uint32_t at; /* token, a significant one; EDIT_NONE: the end */
};

size_t edit_end(const struct edit_map *m, uint32_t tok)
{
	return (size_t)m->toks[tok].off + m->toks[tok].len;
}

struct pt_loc edit_place(const struct edit_map *m, uint32_t tok)
{
	const struct pt_src_tok *t = &m->toks[tok];
	struct conf_span span = conf_span(m->src->text, t);

	return (struct pt_loc){ m->src->file, t->line, t->col + (span.quote ? 1 : 0), (uint32_t)(span.to - span.from) };
}

const char *edit_decode(struct pt_arena *a, const char *text, const struct pt_src_tok *tok)
{
	struct conf_span span = conf_span(text, tok);
	char *out = pt_arena_strndup(a, text + span.from, span.to - span.from);
	size_t n = 0;

	for (size_t i = span.from; out && i < span.to;) {
		struct conf_step s = conf_decode_step(text, i, span.to, span.quote);

		if (s.byte >= 0)
			out[n++] = (char)s.byte;
		i = s.next;
	}
	if (out)
		out[n] = '\0';
	return out;
}

static bool is_significant(const struct pt_src_tok *t)
{
	return t->kind != PT_TOK_SPACE && t->kind != PT_TOK_COMMENT;
}

static uint32_t next_of(const struct edit_map *m, uint32_t at)
{
	for (at++; at < m->n; at++)
		if (is_significant(&m->toks[at]))
			return at;
	return EDIT_NONE;
}

static void step(struct mapper *r)
{
	r->at = next_of(r->m, r->at);
}

static bool text_at(const struct mapper *r, uint32_t at)
{
	return at != EDIT_NONE && r->m->toks[at].kind != PT_TOK_PUNCT;
}

static bool punct_at(const struct mapper *r, uint32_t at, char c)
{
	return at != EDIT_NONE && r->m->toks[at].kind == PT_TOK_PUNCT && r->m->src->text[r->m->toks[at].off] == c;
}

static const char *decode_at(const struct mapper *r, uint32_t at)
{
	return edit_decode(r->arena, r->m->src->text, &r->m->toks[at]);
}

/* At a value. */
static int read_value(struct mapper *r, struct edit_option *o)
{
	struct edit_value v = { .tok = r->at, .comma = EDIT_NONE };

	if (!text_at(r, r->at))
		return -EINVAL;
	v.s = decode_at(r, r->at);
	if (!v.s)
		return -ENOMEM;
	o->n_values++;
	o->last = r->at;
	step(r);
	if (o->open != EDIT_NONE && punct_at(r, r->at, ',')) {
		v.comma = r->at;
		step(r);
	} else if (o->open != EDIT_NONE && !punct_at(r, r->at, '}')) {
		return -EINVAL;
	}
	return pt_vec_push(r->arena, &r->m->values, v);
}

/* Behind the sign. */
static int read_values(struct mapper *r, struct edit_option *o)
{
	int rc = 0;

	o->first_value = (uint32_t)r->m->values.n;
	if (!punct_at(r, r->at, '{'))
		return read_value(r, o);
	o->open = r->at;
	step(r);
	while (!rc && !punct_at(r, r->at, '}'))
		rc = read_value(r, o);
	if (rc)
		return rc;
	o->close = o->last = r->at;
	step(r);
	return 0;
}

static int read_option(struct mapper *r, const struct edit_section *s)
{
	struct edit_option o = { .name = r->at, .open = EDIT_NONE, .close = EDIT_NONE };
	const char *name;
	int rc;

	if (!text_at(r, r->at))
		return -EINVAL;
	name = decode_at(r, r->at);
	if (!name)
		return -ENOMEM;
	o.row = conf_schema_find(s->row->options, name);
	step(r);
	o.sign = r->at;
	if (!punct_at(r, r->at, '=') && !punct_at(r, r->at, '+'))
		return -EINVAL;
	step(r);
	rc = read_values(r, &o);
	return rc ? rc : pt_vec_push(r->arena, &r->m->options, o);
}

static int read_section(struct mapper *r, const struct pt_schema *row)
{
	struct edit_section s = { .row = row, .name = r->at, .title_tok = EDIT_NONE,
				  .first_option = (uint32_t)r->m->options.n };
	int rc = 0;

	step(r);
	if (row->titled) {
		if (!text_at(r, r->at))
			return -EINVAL;
		s.title_tok = r->at;
		s.title = decode_at(r, r->at);
		if (!s.title)
			return -ENOMEM;
		step(r);
	}
	if (!punct_at(r, r->at, '{'))
		return -EINVAL;
	s.open = r->at;
	step(r);
	while (!rc && r->at != EDIT_NONE && !punct_at(r, r->at, '}'))
		rc = read_option(r, &s);
	if (!rc && r->at == EDIT_NONE)
		rc = -EINVAL;
	if (rc)
		return rc;
	s.close = r->at;
	s.n_options = (uint32_t)r->m->options.n - s.first_option;
	step(r);
	return pt_vec_push(r->arena, &r->m->sections, s);
}

/* At "include", before '('. */
static int read_include(struct mapper *r)
{
	uint32_t path;

	step(r);
	step(r);
	path = r->at;
	if (!text_at(r, path))
		return -EINVAL;
	step(r);
	if (!punct_at(r, r->at, ')'))
		return -EINVAL;
	step(r);
	return pt_vec_push(r->arena, &r->m->includes, path);
}

static int read_top(struct mapper *r)
{
	const struct pt_schema *row;
	const char *name;

	if (!text_at(r, r->at))
		return -EINVAL;
	name = decode_at(r, r->at);
	if (!name)
		return -ENOMEM;
	if (!strcmp(name, "include") && punct_at(r, next_of(r->m, r->at), '('))
		return read_include(r);
	row = conf_schema_find(pt_conf_schema, name);
	return row ? read_section(r, row) : -EINVAL;
}

int edit_map_read(const struct pt_conf_source *src, struct pt_arena *a, struct edit_map *out)
{
	struct pt_err unseen = { 0 };
	struct mapper r = { .m = out, .arena = a };
	int rc;

	*out = (struct edit_map){ .src = src };
	rc = pt_src_scan(src->file, src->text, src->len, a, &out->toks, &out->n, &unseen);
	pt_err_fini(&unseen);
	r.at = out->n && is_significant(&out->toks[0]) ? 0 : next_of(out, 0);
	if (!out->n)
		r.at = EDIT_NONE;
	while (!rc && r.at != EDIT_NONE)
		rc = read_top(&r);
	return rc == -EFBIG ? -EINVAL : rc;
}
