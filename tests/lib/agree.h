/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agree - does the scanner read a text as libconfuse's own lexer does?
 *
 * libconfuse exports its flex lexer, so the two can be compared token by token and value by value,
 * on the text itself. Shared by the unit tests (the corpus) and the fuzzer.
 */
#ifndef TESTS_AGREE_H
#define TESTS_AGREE_H

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

/* Of libconfuse's lexer.l; not in its header. */
extern int cfg_yylex(cfg_t *cfg);
extern char *cfg_yylval;
extern void cfg_scan_fp_begin(FILE *fp);
extern void cfg_scan_fp_end(void);
extern int cfg_yylex_destroy(void);

static void agree_silent(cfg_t *cfg, const char *fmt, va_list ap)
{
	(void)cfg;
	(void)fmt;
	(void)ap;
}

/* The documented differences: a byte-order mark is passed over, CR LF is LF. */
static size_t agree_strip(const char *text, size_t len, char *out)
{
	size_t i = 0, n = 0;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		i = 3;
	for (; i < len; i++)
		if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
			out[n++] = text[i];
	out[n] = '\0';
	return n;
}

/* Value of a token into OUT (room for its length + 1). False: an escape that is none. */
static bool agree_decode(const char *text, const struct pt_src_tok *tok, char *out)
{
	struct conf_span s = conf_span(text, tok);
	struct conf_step step;

	for (size_t i = s.from; i < s.to; i = step.next) {
		step = conf_decode_step(text, i, s.to, s.quote);
		if (step.esc == CONF_ESC_BAD)
			return false;
		if (step.byte >= 0)
			*out++ = (char)step.byte;
	}
	*out = '\0';
	return true;
}

static const char *agree_token(const char *text, const struct pt_src_tok *tok, cfg_t *cfg,
			       char *value, bool *over)
{
	int got;

	do
		got = cfg_yylex(cfg);
	while (got == CFGT_COMMENT);
	if (tok->kind == PT_TOK_PUNCT)
		return got == text[tok->off] ? NULL : "punctuation differs";
	if (!agree_decode(text, tok, value)) {
		*over = true;
		return got == 0 ? NULL : "libconfuse took a bad escape";
	}
	if (got != CFGT_STR)
		return "libconfuse sees no text";
	return strcmp(cfg_yylval, value) ? "the values differ" : NULL;
}

static const char *agree_tokens(const char *text, const struct pt_src_tok *toks, size_t n,
				cfg_t *cfg, char *value)
{
	const char *bad = NULL;
	bool over = false;

	for (size_t i = 0; i < n && !bad && !over; i++)
		if (toks[i].kind != PT_TOK_SPACE && toks[i].kind != PT_TOK_COMMENT)
			bad = agree_token(text, &toks[i], cfg, value, &over);
	while (!bad && !over) {
		int got = cfg_yylex(cfg);

		if (got == EOF)
			break;
		if (got != CFGT_COMMENT)
			bad = "libconfuse sees more";
	}
	return bad;
}

/* Tokens must follow each other without a gap, each at the place it names. */
static const char *agree_lossless(const char *text, size_t len, const struct pt_src_tok *toks,
				  size_t n)
{
	uint32_t line = 1, col = 1, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (toks[i].off != at || !toks[i].len || toks[i].line != line || toks[i].col != col)
			return "tokens do not follow each other";
		for (uint32_t k = 0; k < toks[i].len; k++, at++) {
			col++;
			if (text[at] == '\n') {
				line++;
				col = 1;
			}
		}
	}
	return at == len ? NULL : "tokens do not cover the text";
}

/* NULL, or how the two differ. What the scanner refuses is out of the question. */
static const char *agree(const char *text, size_t len)
{
	cfg_t cfg = { .errfunc = agree_silent };
	struct pt_arena *a = pt_arena_new();
	char *copy = malloc(len + 1), *value = malloc(len + 1);
	struct pt_src_tok *toks;
	const char *bad = NULL;
	size_t n, clean;
	FILE *f;

	if (!a || !copy || !value)
		abort();
	if (pt_src_scan("agree", text, len, a, &toks, &n, NULL))
		goto out;
	bad = agree_lossless(text, len, toks, n);
	clean = agree_strip(text, len, copy);
	if (bad || !clean || memmem(copy, clean, "${", 2))
		goto out;
	f = fmemopen(copy, clean, "r");
	if (!f)
		abort();
	cfg_scan_fp_begin(f);
	bad = agree_tokens(text, toks, n, &cfg, value);
	cfg_scan_fp_end();
	cfg_yylex_destroy();
	(void)fclose(f);
out:
	free(value);
	free(copy);
	pt_arena_free(a);
	return bad;
}

#endif
