/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anchors that programs fill: plain lines of rules, one a line as in pf.conf(5), so that a shell script can
 * write them without the quotes and commas of the common file. A comment begins with '#', and a line that
 * ends with a backslash goes on in the next one.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define ANCHOR_RULES_MAX 65536

struct lines {
	struct pt_conf *c;
	struct pt_conf_anchor *anchor;
	const struct pt_conf_source *from;
	size_t pos;
	uint32_t line;
	struct pt_err *e;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Bytes from FROM on that belong to the rule that begins there, and to the end of its last line in ALL. A '#'
 * in a string is no comment. */
static size_t rule_length(const char *s, size_t from, size_t len, size_t *all)
{
	size_t i = from, end = SIZE_MAX;
	char quote = 0;

	for (; i < len && s[i] != '\n'; i++) {
		bool goes_on = s[i] == '\\' && i + 1 < len && (s[i + 1] == '\n' || (s[i + 1] == '\r' && i + 2 < len && s[i + 2] == '\n'));

		if (goes_on && end == SIZE_MAX)
			i += s[i + 1] == '\r' ? 2 : 1;
		else if (quote)
			quote = s[i] == quote ? 0 : quote;
		else if (end == SIZE_MAX && (s[i] == '"' || s[i] == '\''))
			quote = s[i];
		else if (end == SIZE_MAX && s[i] == '#')
			end = i;
	}
	*all = i - from;
	if (end == SIZE_MAX)
		end = i;
	while (end > from && blank(s[end - 1]))
		end--;
	return end - from;
}

/* Where lines go on, blanks stand for the ends: each byte keeps its place. */
static const char *unfolded(struct pt_arena *a, const char *s, size_t n)
{
	char *copy;

	if (!memchr(s, '\n', n))
		return s;
	copy = pt_arena_strndup(a, s, n);
	for (size_t i = 0; copy && i < n; i++) {
		if (copy[i] != '\n')
			continue;
		copy[i] = ' ';
		for (size_t k = i; k && (copy[k - 1] == '\r' || copy[k - 1] == '\\'); k--)
			copy[k - 1] = ' ';
	}
	return copy;
}

static int too_many(const struct lines *l)
{
	struct pt_loc loc = { .file = l->from->file, .line = l->line, .col = 1 };

	pt_err_add(l->e, PT_ERROR, &loc, "put addresses into a table", "more than %d rules in one anchor", ANCHOR_RULES_MAX);
	return -EINVAL;
}

static int add_rule(struct lines *l, uint32_t col, size_t n)
{
	struct pt_conf_rule r = { .len = (uint32_t)n, .raw = (uint32_t)l->pos, .line = l->line, .col = col };

	if (l->anchor->rules.n == ANCHOR_RULES_MAX)
		return too_many(l);
	r.s = unfolded(l->c->arena, l->from->text + l->pos, n);
	if (!r.s)
		return -ENOMEM;
	while (n && blank(r.s[n - 1]))
		n--;
	/* nothing on lines that go on */
	return n ? pt_vec_push(l->c->arena, &l->anchor->rules, r) : 0;
}

static int read_lines(struct lines *l)
{
	const char *s = l->from->text;
	size_t len = l->from->len, all, n;
	int rc = 0;

	while (!rc && l->pos < len) {
		size_t start = l->pos;

		while (l->pos < len && blank(s[l->pos]))
			l->pos++;
		n = rule_length(s, l->pos, len, &all);
		if (n)
			rc = add_rule(l, (uint32_t)(l->pos - start) + 1, n);
		for (size_t i = 0; i <= all && l->pos + i < len; i++)
			l->line += s[l->pos + i] == '\n';
		l->pos += all + 1;
	}
	return rc;
}

static int too_large(const struct pt_conf_source *s, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, NULL, "put addresses into a table", "anchor %s has more than %zu bytes", s->anchor,
		   PT_ANCHOR_SIZE_MAX);
	return -EINVAL;
}

static int load(struct pt_conf *c, const struct pt_conf_source *more, struct pt_err *e)
{
	struct pt_conf_anchor anchor = { .loaded = true, .source = c->sources.n };
	struct pt_conf_source s = *more;
	struct lines l = { .c = c, .anchor = &anchor, .from = &s, .line = 1, .e = e };
	size_t first = e->list.n;
	int rc = 0;

	if (s.len > PT_ANCHOR_SIZE_MAX)
		return too_large(more, e);
	s.text = pt_arena_memdup(c->arena, more->text, more->len);
	s.anchor = anchor.path = pt_arena_strdup(c->arena, more->anchor);
	s.file = more->file ? pt_arena_strdup(c->arena, more->file) : pt_arena_printf(c->arena, "anchor %s", more->anchor);
	if (!s.text || !s.anchor || !s.file)
		return -ENOMEM;
	if (conf_check_bytes(s.file, s.text, s.len, e))
		rc = -EINVAL;
	else
		rc = read_lines(&l);
	anchor.loc = (struct pt_loc){ .file = s.file };
	if (rc == -EINVAL && conf_add_sources(e, first, s.file, s.text, s.len))
		rc = -ENOMEM;
	if (!rc)
		rc = pt_vec_push(c->arena, &c->sources, s);
	return rc ? rc : pt_vec_push(c->arena, &c->anchors, anchor);
}

int conf_anchors_load(struct pt_conf *c, struct pt_conf_more *more, struct pt_err *e)
{
	int rc = more->get ? more->get(more, e) : 0, one;

	if (rc)
		return rc;
	for (size_t i = 0; rc != -ENOMEM && i < more->n; i++) {
		if (!more->v[i].anchor)
			continue;
		one = load(c, &more->v[i], e);
		rc = one ? one : rc;
	}
	return rc;
}

const struct pt_conf_anchor *pt_conf_find_anchor(const struct pt_conf *c, const char *path)
{
	for (size_t i = 0; i < c->anchors.n; i++)
		if (!strcmp(c->anchors.v[i].path, path))
			return &c->anchors.v[i];
	return NULL;
}

void pt_conf_show_source(const struct pt_conf *c, const struct pt_loc *loc, struct pt_err *e)
{
	for (size_t i = 0; loc && loc->file && i < c->sources.n; i++) {
		const struct pt_conf_source *s = &c->sources.v[i];

		if (s->file == loc->file || !strcmp(s->file, loc->file)) {
			pt_err_source(e, s->text, s->len);
			return;
		}
	}
}
