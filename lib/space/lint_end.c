/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people say about findings in the file itself, where the next reader sees it too: `# lint: wide` on the line of a
 * rule, or above it, tells that this one is meant. What is told of nothing is a finding.
 */
#include <stdlib.h>
#include <string.h>

#include "space/lint_work.h"

#define SIGN "lint:"

/* One word of one comment. */
struct allowed {
	enum pt_lint_code code;
	struct pt_loc loc;   /* of the word */
	uint32_t line;       /* that it is about */
	bool used;
};

struct reading {
	struct pt_lint *lint;
	const struct pt_conf_source *source;
	struct pt_arena *arena;
	PT_VEC(struct allowed) v;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\n';
}

/* The words of a comment after the sign, up to anything else: "lint: wide, twin (guests only)". */
static int read_words(struct reading *r, const struct pt_src_tok *t, size_t at, uint32_t line)
{
	const char *s = r->source->text + t->off;
	int rc = 0;

	while (!rc && at < t->len) {
		struct allowed a = { .line = line };
		size_t n = 0;

		while (at < t->len && blank(s[at]))
			at++;
		while (at + n < t->len && s[at + n] >= 'a' && s[at + n] <= 'z')
			n++;
		if (!n)
			break;
		a.loc = (struct pt_loc){ r->source->file, t->line, t->col + (uint32_t)at, (uint32_t)n };
		if (!pt_lint_code_find(s + at, n, &a.code))
			rc = pt_vec_push(r->arena, &r->v, a);
		else
			pt_lint_say(r->lint, pt_lint_add(r->lint, PT_LINT_ALLOWED, PT_LINT_WARNING, NULL, &a.loc),
				    "no finding is called %.*s", (int)n, s + at);
		at += n;
	}
	return rc;
}

/* Where the words of a comment begin that is for us; 0: it is not. */
static size_t sign_of(const struct reading *r, const struct pt_src_tok *t)
{
	const char *s = r->source->text + t->off;
	size_t at = 0;

	while (at < t->len && (s[at] == '#' || s[at] == '/' || s[at] == '*' || blank(s[at])))
		at++;
	if (t->len - at < strlen(SIGN) || memcmp(s + at, SIGN, strlen(SIGN)) != 0)
		return 0;
	return at + strlen(SIGN);
}

/* With nothing before it on its line a comment is about what comes next. */
static uint32_t line_of(const struct pt_src_tok *v, size_t n, size_t i)
{
	for (size_t k = i; k-- > 0 && v[k].line == v[i].line;)
		if (v[k].kind != PT_TOK_SPACE && v[k].kind != PT_TOK_COMMENT)
			return v[i].line;
	for (size_t k = i + 1; k < n; k++)
		if (v[k].kind != PT_TOK_SPACE && v[k].kind != PT_TOK_COMMENT)
			return v[k].line;
	return v[i].line;
}

static int read_source(struct reading *r)
{
	struct pt_src_tok *toks;
	struct pt_err e = { 0 };
	size_t n;
	int rc;

	if (!memmem(r->source->text, r->source->len, SIGN, strlen(SIGN)))
		return 0;
	rc = pt_src_scan(r->source->file, r->source->text, r->source->len, r->arena, &toks, &n, &e);
	pt_err_fini(&e);
	if (rc)
		return rc == -ENOMEM ? rc : 0; /* rules that a program loaded need not be of this syntax */
	for (size_t i = 0; !rc && i < n; i++) {
		size_t at = toks[i].kind == PT_TOK_COMMENT ? sign_of(r, &toks[i]) : 0;

		if (at)
			rc = read_words(r, &toks[i], at, line_of(toks, n, i));
	}
	return rc;
}

static bool same_file(const char *x, const char *y)
{
	return x == y || (x && y && !strcmp(x, y));
}

/* ---- what is left ---- */

static int by_line(const void *x, const void *y)
{
	const struct allowed *a = x, *b = y;
	int order = same_file(a->loc.file, b->loc.file) ? 0 : strcmp(a->loc.file, b->loc.file);

	return order ? order : a->line < b->line ? -1 : a->line > b->line;
}

/* What is said of the line of F; marks it as used. */
static bool is_allowed(struct reading *r, const struct pt_finding *f)
{
	struct allowed key = { .loc = f->loc, .line = f->loc.line };
	size_t from = 0, to = r->v.n;
	bool found = false;

	while (f->loc.file && from < to) {
		size_t mid = from + (to - from) / 2;

		if (by_line(&r->v.v[mid], &key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	for (; from < r->v.n && f->loc.file && !by_line(&r->v.v[from], &key); from++)
		if (r->v.v[from].code == f->code)
			r->v.v[from].used = found = true;
	return found;
}

static void drop_allowed(struct reading *r)
{
	size_t n = 0;

	if (r->v.n)
		qsort(r->v.v, r->v.n, sizeof(*r->v.v), by_line);
	for (size_t i = 0; i < r->lint->v.n; i++)
		if (!is_allowed(r, &r->lint->v.v[i]))
			r->lint->v.v[n++] = r->lint->v.v[i];
	r->lint->v.n = n;
	for (size_t k = 0; k < r->v.n; k++)
		if (!r->v.v[k].used)
			pt_lint_say(r->lint, pt_lint_add(r->lint, PT_LINT_ALLOWED, PT_LINT_NOTE, NULL, &r->v.v[k].loc),
				    "there is nothing here that is %s", pt_lint_code_name(r->v.v[k].code));
}

static int by_place(const void *x, const void *y)
{
	const struct pt_finding *a = x, *b = y;
	int order = same_file(a->loc.file, b->loc.file) ? 0 : strcmp(a->loc.file, b->loc.file);

	if (order)
		return order;
	if (a->loc.line != b->loc.line)
		return a->loc.line < b->loc.line ? -1 : 1;
	if (a->loc.col != b->loc.col)
		return a->loc.col < b->loc.col ? -1 : 1;
	return a->code != b->code ? (a->code < b->code ? -1 : 1) : strcmp(a->message, b->message);
}

int pt_lint_end(struct pt_lint *l, const struct pt_policy *p, struct pt_err *e)
{
	struct reading r = { .lint = l, .arena = pt_arena_new() };
	int rc = r.arena ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < p->conf->sources.n; i++) {
		r.source = &p->conf->sources.v[i];
		rc = read_source(&r);
	}
	if (!rc)
		drop_allowed(&r);
	if (!rc && l->v.n)
		qsort(l->v.v, l->v.n, sizeof(*l->v.v), by_place);
	pt_arena_free(r.arena);
	if (!rc && l->failed)
		rc = -ENOMEM;
	return rc ? pt_err_sys(e, rc, "gathering what was found") : 0;
}
