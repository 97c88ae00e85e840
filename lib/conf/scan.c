/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The source map: a lossless scanner of libconfuse 3.3's syntax.
 *
 * libconfuse keeps no place of its options and drops layout and comments. This scanner agrees with
 * its lexer token by token (tests/unit/conf_scan.c and the fuzzer hold it to that) with these
 * differences, all towards saying more:
 *
 * - "${NAME}" is text. libconfuse would put the environment there.
 * - '*' and '+' outside of words are errors. libconfuse passes over them in silence.
 * - A string or comment without its end is an error. libconfuse takes the end of the file for it.
 * - A byte-order mark at the start and a CR before LF, also inside a string, are white space.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define BOM "\xef\xbb\xbf"
#define DOLLAR_MAX 64 /* bounds the look ahead for the closing brace */

void conf_lex_init(struct conf_lexer *l, const char *file, const char *text, size_t len,
		   struct pt_err *e)
{
	*l = (struct conf_lexer){
		.file = file, .text = text, .len = len, .line = 1, .col = 1, .e = e
	};
}

static int at(const struct conf_lexer *l, size_t i)
{
	return l->pos + i < l->len ? (unsigned char)l->text[l->pos + i] : -1;
}

static void lex_error(struct conf_lexer *l, const struct pt_src_tok *tok, const char *hint,
		      const char *what)
{
	struct pt_loc loc = { l->file, tok->line, tok->col, 1 };

	l->errors++;
	pt_err_add(l->e, PT_ERROR, &loc, hint, "%s", what);
}

static size_t space_len(const struct conf_lexer *l)
{
	size_t n = 0;

	if (l->pos == 0 && l->len >= 3 && !memcmp(l->text, BOM, 3))
		n = 3;
	while (at(l, n) == ' ' || at(l, n) == '\t' || at(l, n) == '\n' || at(l, n) == '\r')
		n++;
	return n;
}

static size_t line_comment_len(const struct conf_lexer *l)
{
	const char *p = l->text + l->pos;
	const char *nl = memchr(p, '\n', l->len - l->pos);

	return nl ? (size_t)(nl - p) : l->len - l->pos;
}

static size_t block_comment_len(struct conf_lexer *l, const struct pt_src_tok *tok)
{
	const char *p = l->text + l->pos;
	const char *end = memmem(p + 2, l->len - l->pos - 2, "*/", 2);

	if (end)
		return (size_t)(end - p) + 2;
	l->open = true;
	lex_error(l, tok, "end it with */", "a comment that is not closed");
	return l->len - l->pos;
}

/* In both kinds of string a backslash takes the next byte with it. */
static size_t string_len(struct conf_lexer *l, const struct pt_src_tok *tok)
{
	const char *p = l->text;
	char quote = p[l->pos];
	const char *end = memchr(p + l->pos + 1, quote, l->len - l->pos - 1);

	if (end && !memchr(p + l->pos, '\\', (size_t)(end - p) - l->pos))
		return (size_t)(end - p) + 1 - l->pos;
	for (size_t i = l->pos + 1; i < l->len; i++) {
		if (p[i] == quote)
			return i + 1 - l->pos;
		if (p[i] == '\\')
			i++;
	}
	l->open = true;
	lex_error(l, tok, "the closing quote may be missing here or in an earlier line",
		  "a string that is not closed");
	return l->len - l->pos;
}

/* "${NAME}" as one word, as libconfuse has it, but within its line. 0: it is none. */
static size_t dollar_len(const struct conf_lexer *l)
{
	if (at(l, 0) != '$' || at(l, 1) != '{')
		return 0;
	for (size_t n = 2; n < DOLLAR_MAX; n++) {
		if (at(l, n) == '}')
			return n + 1;
		if (at(l, n) < 0 || at(l, n) == '\n')
			break;
	}
	return 0;
}

static size_t word_len(struct conf_lexer *l, const struct pt_src_tok *tok)
{
	size_t n = dollar_len(l);
	bool stray = false;

	if (n)
		return n;
	for (;; n++) {
		int c = at(l, n);

		if (c == '*' || (c == '+' && at(l, n + 1) != '='))
			stray = true; /* kept in the word, so that one mistake is one error */
		else if (c < 0 || (c && strchr(" #\"'\t\n\r={}()+,", c)))
			break;
	}
	if (stray)
		lex_error(l, tok, "put the value into quotes", "'*' or '+' outside of quotes");
	return n;
}

static enum pt_tok token_kind(const struct conf_lexer *l)
{
	int c = at(l, 0);

	if (space_len(l))
		return PT_TOK_SPACE;
	if (c == '#' || (c == '/' && (at(l, 1) == '/' || at(l, 1) == '*')))
		return PT_TOK_COMMENT;
	if (c == '"' || c == '\'')
		return PT_TOK_STRING;
	if ((c && strchr("{}()=,", c)) || (c == '+' && at(l, 1) == '='))
		return PT_TOK_PUNCT;
	return PT_TOK_WORD;
}

static size_t token_len(struct conf_lexer *l, const struct pt_src_tok *tok)
{
	switch (tok->kind) {
	case PT_TOK_SPACE:
		return space_len(l);
	case PT_TOK_COMMENT:
		return at(l, 1) == '*' && at(l, 0) == '/' ? block_comment_len(l, tok)
							  : line_comment_len(l);
	case PT_TOK_STRING:
		return string_len(l, tok);
	case PT_TOK_PUNCT:
		return at(l, 0) == '+' ? 2 : 1;
	case PT_TOK_WORD:
		break;
	}
	return word_len(l, tok);
}

static void advance(struct conf_lexer *l, size_t n)
{
	const char *p = l->text + l->pos, *end = p + n, *nl;

	l->pos += n;
	while ((nl = memchr(p, '\n', (size_t)(end - p)))) {
		l->line++;
		l->col = 1;
		p = nl + 1;
	}
	l->col += (uint32_t)(end - p);
}

bool conf_lex(struct conf_lexer *l, struct pt_src_tok *tok)
{
	if (l->pos >= l->len)
		return false;
	l->open = false;
	*tok = (struct pt_src_tok){
		.kind = token_kind(l), .off = (uint32_t)l->pos, .line = l->line, .col = l->col
	};
	tok->len = (uint32_t)token_len(l, tok);
	advance(l, tok->len);
	return true;
}

int pt_src_scan(const char *name, const char *text, size_t len, struct pt_arena *a,
		struct pt_src_tok **toks, size_t *n, struct pt_err *e)
{
	PT_VEC(struct pt_src_tok) v = { 0 };
	struct pt_src_tok tok;
	struct conf_lexer l;
	size_t bad;

	*toks = NULL;
	*n = 0;
	if (len > PT_FILE_MAX) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "reading %s: more than %zu MiB", name,
			   PT_FILE_MAX >> 20);
		return -EFBIG;
	}
	bad = conf_check_bytes(name, text, len, e);
	conf_lex_init(&l, name, text, len, e);
	while (conf_lex(&l, &tok))
		if (pt_vec_push(a, &v, tok))
			return -ENOMEM;
	if (bad || l.errors)
		return -EINVAL;
	*toks = v.v;
	*n = v.n;
	return 0;
}
