/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * $name is replaced by the text of the macro before anything else is read, as pf does: so a macro
 * may hold any part of a rule, and `$if:network` or `$net/24` make one word. A map keeps where
 * every byte came from, so that an error in what a macro brought points at its $name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule/internal.h"

#define TEXT_MAX ((size_t)64 << 10)
#define EXPANSION_MAX ((size_t)256 << 10)
#define MACRO_DEPTH 16
#define NEAREST_MAX 32 /* a file full of mistakes is not worth a long search for each */

struct expander {
	const struct pt_rule_ctx *ctx;
	const char *text;
	size_t text_len;
	struct rule_text *out;
	struct pt_err *err;
	size_t expanded; /* bytes that macros brought so far */
	size_t unknown;
};

void rule_text_fini(struct rule_text *t)
{
	pt_buf_fini(&t->expanded);
	free(t->segs.v);
}

/* ---- the map ---- */

static int append(struct expander *x, const char *s, size_t n, const struct rule_tok *at,
		  bool macro)
{
	struct rule_seg seg = {
		.at = (uint32_t)x->out->expanded.n,
		.off = at->off,
		.len = at->len,
		.macro = macro,
		.hole = at->kind == TOK_HOLE,
	};

	pt_buf_add(&x->out->expanded, s, n);
	return x->out->expanded.err ? -ENOMEM : pt_vec_push(NULL, &x->out->segs, seg);
}

/* The last segment that begins at or before AT; the first one begins at 0. */
static const struct rule_seg *seg_at(const struct rule_text *t, size_t at)
{
	size_t lo = 0, hi = t->segs.n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->segs.v[mid].at <= at)
			lo = mid;
		else
			hi = mid;
	}
	return t->segs.n ? &t->segs.v[lo] : NULL;
}

bool rule_hole_at(const struct rule_text *t, size_t at)
{
	const struct rule_seg *s = seg_at(t, at);

	return s && s->hole;
}

void rule_place(const struct rule_text *t, size_t from, size_t to, struct rule_tok *out)
{
	const struct rule_seg *first, *last;
	uint32_t end = (uint32_t)to;

	out->off = (uint32_t)from;
	if (t->segs.n) {
		first = seg_at(t, from);
		last = seg_at(t, to ? to - 1 : 0);
		out->off = first->off + (first->macro ? 0 : (uint32_t)from - first->at);
		end = last->off + (last->macro ? last->len : (uint32_t)to - last->at);
	}
	out->len = end > out->off ? end - out->off : 1;
}

/* ---- macros ---- */

size_t rule_name_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			 (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
		i++;
	return i;
}

static int scan(struct expander *x, const char *s, size_t n, const struct rule_tok *at, int depth);

static int fail(struct expander *x, const struct rule_tok *at, const char *hint, const char *msg)
{
	rule_record(x->ctx, x->err, x->text, x->text_len, at, hint, msg);
	return -EINVAL;
}

static const struct pt_macro *find_macro(const struct pt_rule_ctx *ctx, const char *name)
{
	for (size_t i = 0; i < ctx->n_macros; i++)
		if (!strcmp(ctx->macros[i].name, name))
			return &ctx->macros[i];
	return NULL;
}

static int nearest_macro(struct expander *x, const char *name, const char **out)
{
	PT_VEC(const char *) names = { 0 };
	int rc = 0;

	*out = NULL;
	if (x->unknown > NEAREST_MAX)
		return 0;
	for (size_t i = 0; !rc && i < x->ctx->n_macros; i++)
		rc = pt_vec_push(NULL, &names, x->ctx->macros[i].name);
	if (!rc)
		*out = rule_nearest(name, names.v, names.n);
	free(names.v);
	return rc;
}

/* Leaves a hole, so that the rest of the rule can be looked at. */
static int unknown_macro(struct expander *x, const char *name, const struct rule_tok *at)
{
	struct rule_tok hole = { .kind = TOK_HOLE, .off = at->off, .len = at->len };
	struct pt_buf hint = { 0 }, msg = { 0 };
	const char *near;

	if (x->ctx->macros_later)
		return -ENOENT;
	x->unknown++;
	if (nearest_macro(x, name, &near))
		return -ENOMEM;
	if (near)
		pt_buf_fmt(&hint, "did you mean '$%s'?", near);
	else
		pt_buf_fmt(&hint, "define it: macro %.64s { value = \"...\" }", name);
	pt_buf_fmt(&msg, "unknown macro '$%.64s'", name);
	(void)fail(x, at, hint.s, msg.s);
	pt_buf_fini(&hint);
	pt_buf_fini(&msg);
	return append(x, "\1", 1, &hole, true);
}

/* AT is the place of the outermost $name, or of this one. */
static int expand(struct expander *x, const char *name, const struct rule_tok *at, int depth)
{
	const struct pt_macro *m = find_macro(x->ctx, name);
	size_t n;

	if (!m)
		return unknown_macro(x, name, at);
	n = strlen(m->text);
	if (depth >= MACRO_DEPTH)
		return fail(x, at, "a macro must not use itself",
			    "macros are nested more than 16 deep");
	if (n > EXPANSION_MAX - x->expanded)
		return fail(x, at, "use a table for long lists of addresses",
			    "macros expand to more than 256 KiB");
	x->expanded += n;
	return scan(x, m->text, n, at, depth + 1);
}

/* $name at S; OFF is its place unless it is inside the macro at AT. */
static int dollar(struct expander *x, const char *s, size_t k, const struct rule_tok *at,
		  uint32_t off, int depth)
{
	struct rule_tok here = { .off = off, .len = (uint32_t)k + 1 };
	char *name;

	if (at)
		here = *at;
	if (!k)
		return fail(x, &here, "write $name", "'$' without the name of a macro");
	name = pt_arena_strndup(x->ctx->arena, s + 1, k);
	return name ? expand(x, name, &here, depth) : -ENOMEM;
}

size_t rule_string_length(const char *s, size_t n)
{
	size_t i = 1;

	while (i < n && s[i] != s[0])
		i += s[i] == '\\' ? 2 : 1;
	return i < n ? i + 1 : 0;
}

/* Copies S..S+N; of a macro's text all has the macro's place. */
static int plain(struct expander *x, const char *s, size_t n, const struct rule_tok *at,
		 uint32_t off)
{
	struct rule_tok here = { .off = off, .len = (uint32_t)n };

	return n ? append(x, s, n, at ? at : &here, at) : 0;
}

static int scan(struct expander *x, const char *s, size_t n, const struct rule_tok *at, int depth)
{
	size_t i = 0, start = 0, k;
	int rc = 0;

	while (!rc && i < n) {
		if (s[i] == '"' || s[i] == '\'') {
			k = rule_string_length(s + i, n - i);
			if (!k && at)
				rc = fail(x, at, "close it with the quote that it begins with",
					  "a string is not closed in the text of this macro");
			i += k ? k : n - i; /* in the rule itself the lexer says so */
		} else if (s[i] == '$') {
			k = rule_name_length(s + i + 1, n - i - 1);
			rc = plain(x, s + start, i - start, at, (uint32_t)start);
			if (!rc)
				rc = dollar(x, s + i, k, at, (uint32_t)i, depth);
			start = i += k + 1;
		} else {
			i++;
		}
	}
	return rc ? rc : plain(x, s + start, n - start, at, (uint32_t)start);
}

int rule_expand(const struct pt_rule_ctx *ctx, const char *text, size_t len, struct rule_text *out,
		struct pt_err *e)
{
	struct expander x = { .ctx = ctx, .text = text, .text_len = len, .out = out, .err = e };
	struct rule_tok all = { .len = 1 };
	int rc;

	out->s = text;
	out->n = len;
	if (len > TEXT_MAX)
		return fail(&x, &all, "use a table for long lists of addresses",
			    "the rule is longer than 64 KiB");
	if (!len || !memchr(text, '$', len))
		return 0;
	rc = scan(&x, text, len, NULL, 0);
	out->s = out->expanded.s;
	out->n = out->expanded.n;
	return rc;
}
