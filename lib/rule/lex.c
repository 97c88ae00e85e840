/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words, strings and marks of a rule. $name is replaced here, as pf does, by the text of the macro, so that
 * a macro may hold any part of a rule; what it brings has the place of the $name.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

#define TEXT_MAX ((size_t)64 << 10)
#define EXPANSION_MAX ((size_t)256 << 10)
#define MACRO_DEPTH 16

struct lexer {
	const struct pt_rule_ctx *ctx;
	const char *text;   /* of the rule, for carets */
	size_t text_len;
	struct rule_toks *out;
	struct pt_err *err;
	size_t expanded;    /* bytes that macros brought so far */
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool word_char(char c)
{
	return c > ' ' && c < 127 && !strchr("(){}<>!=/#,\"'$\\", c);
}

static int push(struct lexer *l, enum rule_tok_kind kind, const char *s, size_t n, uint32_t off, uint32_t len)
{
	struct rule_tok t = { .kind = kind, .off = off, .len = len };

	t.s = pt_arena_strndup(l->ctx->arena, s, n);
	if (!t.s)
		return -ENOMEM;
	return pt_vec_push(l->ctx->arena, l->out, t);
}

static int fail(struct lexer *l, uint32_t off, uint32_t len, const char *hint, const char *msg)
{
	return rule_error(l->ctx, l->err, l->text, l->text_len, off, len, hint, "%s", msg);
}

static int lex_text(struct lexer *l, const char *s, size_t n, const struct rule_tok *at, int depth);

static const struct pt_macro *find_macro(const struct pt_rule_ctx *ctx, const char *name)
{
	for (size_t i = 0; i < ctx->n_macros; i++)
		if (!strcmp(ctx->macros[i].name, name))
			return &ctx->macros[i];
	return NULL;
}

static int unknown_macro(struct lexer *l, const char *name, const struct rule_tok *at)
{
	struct pt_buf hint = { 0 };
	PT_VEC(const char *) names = { 0 };
	const char *near;
	int rc = 0;

	for (size_t i = 0; !rc && i < l->ctx->n_macros; i++)
		rc = pt_vec_push(l->ctx->arena, &names, l->ctx->macros[i].name);
	near = pt_nearest(name, names.v, names.n);
	if (near)
		pt_buf_fmt(&hint, "did you mean '$%s'?", near);
	else
		pt_buf_fmt(&hint, "define it: macro %s { value = \"...\" }", name);
	rule_error(l->ctx, l->err, l->text, l->text_len, at->off, at->len, hint.s, "unknown macro '$%s'", name);
	pt_buf_fini(&hint);
	return rc ? rc : -EINVAL;
}

/* AT is the place of the outermost $name, or of this one. */
static int expand(struct lexer *l, const char *name, const struct rule_tok *at, int depth)
{
	const struct pt_macro *m = find_macro(l->ctx, name);
	size_t n;

	if (!m)
		return unknown_macro(l, name, at);
	n = strlen(m->text);
	if (depth >= MACRO_DEPTH)
		return fail(l, at->off, at->len, "a macro must not use itself", "macros are nested more than 16 deep");
	if (n > EXPANSION_MAX - l->expanded)
		return fail(l, at->off, at->len, NULL, "macros expand to more than 256 KiB");
	l->expanded += n;
	return lex_text(l, m->text, n, at, depth + 1);
}

/* "…" with \" and \\; returns the bytes read, or 0 after an error. */
static size_t lex_string(struct lexer *l, const char *s, size_t n, uint32_t off, uint32_t len, int *rc)
{
	struct pt_buf b = { 0 };
	size_t i = 1;

	pt_buf_add(&b, "", 0);
	while (i < n && s[i] != '"') {
		if (s[i] == '\\' && i + 1 < n)
			i++;
		pt_buf_chr(&b, s[i++]);
	}
	if (i >= n)
		*rc = fail(l, off, len, "close it with \"", "a string is not closed");
	else if (b.err)
		*rc = b.err;
	else
		*rc = push(l, TOK_STRING, b.s, b.n, off, len ? len : (uint32_t)i + 1);
	pt_buf_fini(&b);
	return *rc ? 0 : i + 1;
}

static size_t mark_length(const char *s, size_t n)
{
	static const char *const pairs[] = { "!=", "<=", ">=", "><", "<>" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(pairs); i++)
		if (n >= 2 && !memcmp(s, pairs[i], 2))
			return 2;
	return strchr("(){}<>!=/,", *s) ? 1 : 0;
}

static size_t word_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && word_char(s[i]))
		i++;
	return i;
}

static size_t name_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			 (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
		i++;
	return i;
}

/* One token at S; the bytes it took, 0 with *RC on failure. */
static size_t lex_one(struct lexer *l, const char *s, size_t n, const struct rule_tok *at, uint32_t off,
		      int depth, int *rc)
{
	uint32_t place = at ? at->off : off;
	size_t k;

	if (*s == '"')
		return lex_string(l, s, n, place, at ? at->len : 0, rc);
	if (*s == '$') {
		struct rule_tok here = { .off = place };
		char *name;

		k = name_length(s + 1, n - 1);
		here.len = at ? at->len : (uint32_t)k + 1;
		name = pt_arena_strndup(l->ctx->arena, s + 1, k);
		*rc = !name ? -ENOMEM :
		      !k ? fail(l, place, 1, "write $name", "'$' without the name of a macro") :
			   expand(l, name, &here, depth);
		return *rc ? 0 : k + 1;
	}
	k = word_length(s, n);
	if (k) {
		*rc = push(l, TOK_WORD, s, k, place, at ? at->len : (uint32_t)k);
		return *rc ? 0 : k;
	}
	k = *s ? mark_length(s, n) : 0;
	if (k) {
		*rc = push(l, TOK_PUNCT, s, k, place, at ? at->len : (uint32_t)k);
		return *rc ? 0 : k;
	}
	*rc = rule_error(l->ctx, l->err, l->text, l->text_len, place, 1, NULL,
			 (unsigned char)*s > 32 && (unsigned char)*s < 127 ? "'%c' has no meaning in a rule" :
									     "byte 0x%02x has no meaning in a rule",
			 (unsigned char)*s);
	return 0;
}

static int lex_text(struct lexer *l, const char *s, size_t n, const struct rule_tok *at, int depth)
{
	size_t i = 0;
	int rc = 0;

	while (i < n) {
		size_t k;

		if (blank(s[i])) {
			i++;
			continue;
		}
		k = lex_one(l, s + i, n - i, at, (uint32_t)i, depth, &rc);
		if (!k)
			return rc;
		i += k;
	}
	return 0;
}

int rule_lex(const struct pt_rule_ctx *ctx, const char *text, size_t len, struct rule_toks *out,
	     struct pt_err *e)
{
	struct lexer l = { .ctx = ctx, .text = text, .text_len = len, .out = out, .err = e };
	int rc;

	if (len > TEXT_MAX)
		return rule_error(ctx, e, text, 0, 0, 1, "use a table for long lists of addresses",
				  "a rule of %zu bytes: the limit is 64 KiB", len);
	rc = lex_text(&l, text, len, NULL, 0);
	if (rc)
		return rc;
	return push(&l, TOK_END, "", 0, (uint32_t)len, 1);
}
