/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words, strings and marks of a rule. The marks are single bytes, as in pf: which of them belong
 * together
 * (`!=`, `><`) only the grammar knows, for `<a><b>` are two tables.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

#define USUAL_TOKENS 24

struct lexer {
	struct rule_parser *p;
	const struct rule_text *t;
	struct rule_toks *out;
	char *words; /* room for the rest of the tokens' strings */
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A token of what stands in FROM..TO of the rule; its string, of N bytes, is at the start of the
 * room for words. */
static int push(struct lexer *l, enum rule_tok_kind kind, size_t n, size_t from, size_t to)
{
	struct rule_tok t = { .kind = kind, .s = l->words };

	l->words[n] = '\0';
	l->words += n + 1;
	rule_place(l->t, from, to, &t);
	t.keyword = kind == TOK_WORD && rule_keyword(t.s);
	t.operand = kind == TOK_STRING ||
		    (kind == TOK_WORD && !t.keyword && !rule_reserved_name(t.s));
	return pt_vec_push(l->p->ctx->arena, l->out, t);
}

/* One whose string is what stands there. */
static int push_text(struct lexer *l, enum rule_tok_kind kind, size_t from, size_t to)
{
	memcpy(l->words, l->t->s + from, to - from);
	return push(l, kind, to - from, from, to);
}

static int push_hole(struct lexer *l, size_t from, size_t to)
{
	l->p->holes = true;
	l->p->errors++;
	return push(l, TOK_HOLE, 0, from, to);
}

/* Of \" \' \\ the backslash goes; elsewhere it stays, and is refused where it must not be. */
static int lex_string(struct lexer *l, size_t at, size_t n)
{
	const char *s = l->t->s + at;
	size_t len = 0;

	for (size_t i = 1; i + 1 < n; i++) {
		if (s[i] == '\\' && i + 2 < n && strchr("\"'\\", s[i + 1]))
			i++;
		l->words[len++] = s[i];
	}
	return push(l, TOK_STRING, len, at, at + n);
}

static int bad_string(struct lexer *l, size_t at, size_t n, const char *hint, const char *msg)
{
	struct rule_tok t = { 0 };

	rule_place(l->t, at, at + n, &t);
	(void)rule_fail(l->p, &t, hint, "%s", msg);
	return push_hole(l, at, at + n);
}

static int string(struct lexer *l, size_t at, size_t rest, size_t *taken)
{
	const char *s = l->t->s + at;
	size_t n = rule_string_length(s, rest);

	*taken = n ? n : rest;
	if (!n)
		return bad_string(l, at, rest, "close it with the quote that it begins with",
				  "a string is not closed");
	if (memchr(s, 0, n))
		return bad_string(l, at, n, NULL, "a string with a NUL byte");
	return lex_string(l, at, n);
}

static bool ordinary(char c)
{
	return blank(c) || rule_mark(c) || rule_word_char(c) || c == '"' || c == '\'';
}

/* A run of bytes that no rule has: one error for all of them. */
static int garbage(struct lexer *l, size_t at, size_t rest, size_t *taken)
{
	const char *s = l->t->s + at;
	struct rule_tok t = { 0 };
	size_t n = 1;

	*taken = n;
	if (rule_hole_at(l->t, at))
		return push_hole(l, at, at + 1);
	while (n < rest && !ordinary(s[n]) && !rule_hole_at(l->t, at + n))
		n++;
	*taken = n;
	rule_place(l->t, at, at + n, &t);
	if (*s == '#')
		(void)rule_fail(l->p, &t, "comments stand outside of the rule", "'#' in a rule");
	else if (*s > ' ' && *s < 127)
		(void)rule_fail(l->p, &t, NULL, "'%c' has no meaning in a rule", *s);
	else
		(void)rule_fail(l->p, &t, "rules are written in printable ASCII",
				"byte 0x%02x has no meaning in a rule", (unsigned char)*s);
	return push_hole(l, at, at + n);
}

static int word(struct lexer *l, size_t at, size_t rest, size_t *taken)
{
	const char *s = l->t->s + at;
	size_t n = 1;

	while (n < rest && rule_word_char(s[n]))
		n++;
	*taken = n;
	return push_text(l, TOK_WORD, at, at + n);
}

int rule_lex(struct rule_parser *p, const struct rule_text *t, struct rule_toks *out)
{
	struct lexer l = { .p = p, .t = t, .out = out };
	size_t len = t->n, i = 0, n;
	struct rule_tok end = { .kind = TOK_END, .s = "", .off = (uint32_t)p->text_len, .len = 1 };
	int rc = 0;

	l.words = pt_arena_alloc(p->ctx->arena, 2 * len + 1); /* each token's string and its end */
	out->v = pt_arena_alloc(p->ctx->arena, USUAL_TOKENS * sizeof(*out->v));
	if (!l.words || !out->v)
		return -ENOMEM;
	out->cap = USUAL_TOKENS;
	for (; !rc && i < len; i += n) {
		char c = t->s[i];

		n = 1;
		if (blank(c))
			continue;
		if (rule_mark(c))
			rc = push_text(&l, TOK_MARK, i, i + 1);
		else if (c == '"' || c == '\'')
			rc = string(&l, i, len - i, &n);
		else
			rc = rule_word_char(c) ? word(&l, i, len - i, &n)
					       : garbage(&l, i, len - i, &n);
	}
	return rc ? rc : pt_vec_push(p->ctx->arena, out, end);
}
