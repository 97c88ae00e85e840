/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words, strings and marks of a rule. The marks are single bytes, as in pf: which of them belong
 * together
 * (`!=`, `><`) only the grammar knows, for `<a><b>` are two tables.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

struct lexer {
	struct rule_parser *p;
	const struct rule_text *t;
	struct rule_toks *out;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool mark(char c)
{
	return c && strchr("(){}<>!=/,", c);
}

bool rule_word_char(char c)
{
	return c > ' ' && c < 127 && !strchr("(){}<>!=/,#\"'$\\", c);
}

static int push(struct lexer *l, enum rule_tok_kind kind, const char *s, size_t n, size_t from,
		size_t to)
{
	struct rule_tok t = { .kind = kind };

	rule_place(l->t, from, to, &t);
	t.s = pt_arena_strndup(l->p->ctx->arena, s, n);
	if (!t.s)
		return -ENOMEM;
	return pt_vec_push(l->p->ctx->arena, l->out, t);
}

static int push_hole(struct lexer *l, size_t from, size_t to)
{
	l->p->holes = true;
	l->p->errors++;
	return push(l, TOK_HOLE, "", 0, from, to);
}

/* Of \" \' \\ the backslash goes; elsewhere it stays, and is refused where it must not be. */
static int lex_string(struct lexer *l, size_t at, size_t n)
{
	const char *s = l->t->text.s + at;
	struct pt_buf b = { 0 };
	int rc;

	pt_buf_add(&b, "", 0);
	for (size_t i = 1; i + 1 < n; i++) {
		if (s[i] == '\\' && i + 2 < n && strchr("\"'\\", s[i + 1]))
			i++;
		pt_buf_chr(&b, s[i]);
	}
	rc = b.err ? b.err : push(l, TOK_STRING, b.s, b.n, at, at + n);
	pt_buf_fini(&b);
	return rc;
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
	const char *s = l->t->text.s + at;
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
	return blank(c) || mark(c) || rule_word_char(c) || c == '"' || c == '\'';
}

/* A run of bytes that no rule has: one error for all of them. */
static int garbage(struct lexer *l, size_t at, size_t rest, size_t *taken)
{
	const char *s = l->t->text.s + at;
	struct rule_tok t = { 0 };
	size_t n = 1;

	*taken = n;
	if (rule_seg_at(l->t, at)->hole)
		return push_hole(l, at, at + 1);
	while (n < rest && !ordinary(s[n]) && !rule_seg_at(l->t, at + n)->hole)
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
	const char *s = l->t->text.s + at;
	size_t n = 1;

	while (n < rest && rule_word_char(s[n]))
		n++;
	*taken = n;
	return push(l, TOK_WORD, s, n, at, at + n);
}

int rule_lex(struct rule_parser *p, const struct rule_text *t, struct rule_toks *out)
{
	struct lexer l = { .p = p, .t = t, .out = out };
	size_t len = t->text.n, i = 0, n;
	struct rule_tok end = { .kind = TOK_END, .s = "", .off = (uint32_t)p->text_len, .len = 1 };
	int rc = 0;

	for (; !rc && i < len; i += n) {
		char c = t->text.s[i];

		n = 1;
		if (blank(c))
			continue;
		if (mark(c))
			rc = push(&l, TOK_MARK, &c, 1, i, i + 1);
		else if (c == '"' || c == '\'')
			rc = string(&l, i, len - i, &n);
		else
			rc = rule_word_char(c) ? word(&l, i, len - i, &n)
					       : garbage(&l, i, len - i, &n);
	}
	return rc ? rc : pt_vec_push(p->ctx->arena, out, end);
}
