/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong with a change, where a person knows it: under the word of the command line that brought it, else at the place
 * in the file as it is, since nobody has seen the one that was not written.
 */
#include <errno.h>
#include <string.h>

#include "conf/edit.h"

struct place {
	struct pt_loc loc;
	const char *text; /* that has its line */
	size_t len;
};

struct teller {
	const struct edit_change *c;
	struct edit_map map; /* of the result */
	const char *line; /* the words */
	uint32_t *col;
	size_t line_len;
};

static size_t offset_of(const struct pt_conf_source *s, const struct pt_loc *loc)
{
	const char *p = s->text, *end = p + s->len;

	for (uint32_t line = 1; line < loc->line; line++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p++)
			return s->len;
	}
	return (size_t)(p - s->text) + loc->col - 1;
}

static void locate(const struct pt_conf_source *s, size_t off, struct pt_loc *loc)
{
	loc->line = loc->col = 1;
	for (size_t i = 0; i < off && i < s->len; i++) {
		loc->col++;
		if (s->text[i] == '\n') {
			loc->line++;
			loc->col = 1;
		}
	}
}

/* Bytes of the value that TOK's text up to OFF means. */
static size_t value_bytes(const char *text, const struct pt_src_tok *tok, size_t off)
{
	struct conf_span span = conf_span(text, tok);
	size_t n = 0;

	for (size_t i = span.from; i < span.to && i < off;) {
		struct conf_step s = conf_decode_step(text, i, span.to, span.quote);

		n += s.byte >= 0;
		i = s.next;
	}
	return n;
}

/* Byte AT of the value that begins with word WORD. */
static void in_words(const struct teller *t, size_t word, size_t at, size_t len, struct place *out)
{
	const struct pt_edit *what = t->c->what;

	while (word + 1 < what->n && at > strlen(what->words[word]))
		at -= strlen(what->words[word++]) + 1;
	out->loc = (struct pt_loc){ "command line", 1, t->col[word] + (uint32_t)at, (uint32_t)len };
	if (out->loc.col > t->line_len + 1)
		out->loc.col = (uint32_t)t->line_len + 1;
	if (out->loc.col + len > t->line_len + 1)
		out->loc.len = (uint32_t)(t->line_len + 1 - out->loc.col);
	out->text = t->line;
	out->len = t->line_len;
}

/* Is OFF inside TOK, which means one of the values? */
static bool in_value(const struct teller *t, const struct pt_src_tok *tok, const char *value, size_t off, uint32_t len,
		     struct place *out)
{
	const struct edit_change *c = t->c;
	const char *text = c->now->text;
	size_t at;

	if (off < tok->off || off >= (size_t)tok->off + tok->len)
		return false;
	for (size_t i = 0; i < c->n_values; i++) {
		if (strcmp(c->values[i], value) != 0)
			continue;
		at = value_bytes(text, tok, off);
		in_words(t, c->word[i], at, value_bytes(text, tok, off + len) - at, out);
		return true;
	}
	return false;
}

static bool under_word(const struct teller *t, size_t off, uint32_t len, struct place *out)
{
	const struct pt_edit_path *path = t->c->path;

	for (size_t i = 0; i < t->map.sections.n; i++) {
		const struct edit_section *s = &t->map.sections.v[i];

		if (s->row != path->section)
			continue;
		if (s->title && path->title && !strcmp(s->title, path->title) && t->c->what->n > 1) {
			const struct pt_src_tok *tok = &t->map.toks[s->title_tok];

			if (off >= tok->off && off < (size_t)tok->off + tok->len) {
				in_words(t, path->used > 1 ? 1 : 0, 0, path->used > 1 ? strlen(path->title) : len, out);
				return true;
			}
		}
		if (s->title && in_value(t, &t->map.toks[s->title_tok], s->title, off, len, out))
			return true;
		for (uint32_t o = s->first_option; path->option && o < s->first_option + s->n_options; o++) {
			const struct edit_option *opt = &t->map.options.v[o];

			for (uint32_t k = opt->first_value; k < opt->first_value + opt->n_values; k++)
				if (in_value(t, &t->map.toks[t->map.values.v[k].tok], t->map.values.v[k].s, off, len, out))
					return true;
		}
	}
	return false;
}

static struct place place_of(const struct teller *t, const struct pt_loc *loc)
{
	const struct edit_change *c = t->c;
	size_t off = offset_of(c->now, loc);
	struct place p = { .loc = *loc, .text = c->old->text, .len = c->old->len };

	if (c->n_values || c->path->title)
		if (under_word(t, off, loc->len, &p))
			return p;
	if (off < c->from)
		return p;
	if (off >= c->from + c->new_len) {
		locate(c->old, off - c->new_len + c->old_len, &p.loc);
		return p;
	}
	in_words(t, 0, 0, t->line_len - t->col[0] + 1, &p);
	return p;
}

static void tell(const struct teller *t, const struct pt_diag *d, struct pt_err *e)
{
	bool here = d->loc.line && d->loc.file && !strcmp(d->loc.file, t->c->now->file);
	struct place p = { .loc = d->loc };

	if (here)
		p = place_of(t, &d->loc);
	/* what was there before was told before */
	if (d->sev == PT_WARNING && p.text != t->line)
		return;
	pt_err_add(e, d->sev, &p.loc, d->hint, "%s", d->msg);
	if (here)
		pt_err_source(e, p.text, p.len);
	else if (d->source && e->list.n && e->arena)
		e->list.v[e->list.n - 1].source = pt_arena_strdup(e->arena, d->source);
}

static int begin(struct teller *t, struct pt_arena *a, struct pt_buf *line)
{
	const struct pt_edit *what = t->c->what;

	t->col = pt_arena_alloc(a, (what->n + 1) * sizeof(*t->col));
	if (!t->col || edit_line_show(what, line, t->col))
		return -ENOMEM;
	t->line = line->s;
	t->line_len = line->n;
	return 0;
}

int edit_tell(const struct edit_change *c, const struct pt_err *from, struct pt_arena *a, struct pt_err *e)
{
	struct teller t = { .c = c };
	struct pt_buf line = { 0 };
	int rc;

	if (!from->list.n)
		return 0;
	rc = begin(&t, a, &line);
	if (!rc)
		rc = edit_map_read(c->now, a, &t.map);
	for (size_t i = 0; rc != -ENOMEM && i < from->list.n; i++)
		tell(&t, &from->list.v[i], e);
	pt_buf_fini(&line);
	return rc == -ENOMEM ? rc : 0;
}

int edit_tell_value(const struct edit_change *c, size_t i, const struct pt_err *from, struct pt_arena *a, struct pt_err *e)
{
	struct teller t = { .c = c };
	struct pt_buf line = { 0 };
	int rc = from->list.n ? begin(&t, a, &line) : 0;

	for (size_t k = 0; !rc && k < from->list.n; k++) {
		const struct pt_diag *d = &from->list.v[k];
		struct place p = { .loc = d->loc };

		in_words(&t, c->word[i], d->loc.col ? d->loc.col - 1 : 0, d->loc.len, &p);
		pt_err_add(e, d->sev, &p.loc, d->hint, "%s", d->msg);
		pt_err_source(e, p.text, p.len);
	}
	pt_buf_fini(&line);
	return rc;
}
