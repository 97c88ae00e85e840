/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the lexer and the parsers of the rule language. */
#ifndef RULE_INTERNAL_H
#define RULE_INTERNAL_H

#include <patronus/rule.h>

enum rule_tok_kind {
	TOK_END,
	TOK_WORD,   /* letters, digits and . : - _ * + and the like */
	TOK_STRING, /* "…", decoded */
	TOK_PUNCT,  /* ( ) { } < > ! = / , != <= >= >< <> : the bytes are the text */
};

struct rule_tok {
	enum rule_tok_kind kind;
	const char *s;
	uint32_t off, len; /* where in the rule; of the $name for what a macro brought */
};

/* lex.c: all tokens of TEXT, macros expanded; the last one is TOK_END. */
struct rule_toks {
	struct rule_tok *v;
	size_t n, cap;
};
int rule_lex(const struct pt_rule_ctx *ctx, const char *text, size_t len, struct rule_toks *out,
	     struct pt_err *e);

struct rule_parser {
	const struct pt_rule_ctx *ctx;
	const char *text;
	size_t text_len;
	const struct rule_tok *tok; /* the one to look at */
	struct pt_err *err;
	struct pt_ast_rule *r;
	bool oom;
	size_t list_entries;
};

#define RULE_LIST_MAX 65536
#define RULE_NEST_MAX 16

/* error.c */
struct pt_loc rule_locate(const struct pt_rule_ctx *ctx, uint32_t off, uint32_t len);
int rule_error(const struct pt_rule_ctx *ctx, struct pt_err *e, const char *text, size_t text_len,
	       uint32_t off, uint32_t len, const char *hint, const char *fmt, ...) PT_PRINTF(8, 9);
int rule_fail(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt, ...)
	PT_PRINTF(4, 5);
/* The word T is not one of those that may stand here. */
int rule_unexpected(struct rule_parser *p, const struct rule_tok *t, const char *wanted,
		    const char *const *words, size_t n);
bool rule_reserved(const char *word); /* a keyword of pf.conf(5) that this version lacks */

/* parse.c */
bool rule_is(const struct rule_parser *p, const char *s); /* the next token is this word or mark */
bool rule_take(struct rule_parser *p, const char *s);     /* … and is taken */
struct pt_loc rule_loc(const struct rule_parser *p, const struct rule_tok *t);
/* One item, or a list of items in braces, nested at will. ITEM returns 0 or -EINVAL/-ENOMEM. */
int rule_list(struct rule_parser *p, int (*item)(struct rule_parser *p, void *arg), void *arg);

/* parse_host.c, parse_option.c */
int rule_parse_hosts(struct rule_parser *p);
int rule_parse_host1(struct rule_parser *p, struct pt_ast_host *h);
int rule_parse_number(struct rule_parser *p, uint64_t max, const char *what, uint64_t *out);
int rule_parse_option(struct rule_parser *p); /* 1: there is none here */
bool rule_starts_option(const char *word);
/* names.c */
int rule_icmp_type_parse(enum pt_af af, const char *s, uint8_t *out);
int rule_icmp_code_parse(enum pt_af af, uint8_t type, const char *s, uint8_t *out);

#endif
