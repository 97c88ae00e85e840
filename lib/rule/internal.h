/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the lexer and the parsers of the rule language. */
#ifndef RULE_INTERNAL_H
#define RULE_INTERNAL_H

#include <string.h>

#include <patronus/rule.h>

#define RULE_LIST_MAX 65536
#define RULE_NEST_MAX 16
#define RULE_IF_NAME_MAX 15 /* what the kernel holds */

enum rule_tok_kind {
	TOK_END,
	TOK_WORD,   /* letters, digits and . : - _ * + and the like */
	TOK_STRING, /* "…" or '…', decoded */
	TOK_MARK,   /* one of ( ) { } < > ! = / , */
	TOK_HOLE,   /* something unknown that has its error already; nothing more is said of it */
};

struct rule_tok {
	enum rule_tok_kind kind;
	bool keyword; /* a word of the grammar */
	bool operand; /* a name or value, not a keyword or mark */
	const char *s;
	uint32_t off, len; /* where in the rule; of the $name for what a macro brought */
};

struct rule_toks {
	struct rule_tok *v;
	size_t n, cap;
};

/* A rule with its macros expanded. Bytes from AT on stand for those from OFF on, or all for $NAME.
 * Without segments the text is that of the rule. */
struct rule_seg {
	uint32_t at, off, len;
	bool macro, hole;
};

struct rule_text {
	const char *s;
	size_t n;
	struct pt_buf expanded;
	PT_VEC(struct rule_seg) segs;
};

/* What a rule says at most once. */
enum rule_group {
	GROUP_DIR,
	GROUP_LOG,
	GROUP_QUICK,
	GROUP_ON,
	GROUP_AF,
	GROUP_PROTO,
	GROUP_SRC,
	GROUP_DST,
	GROUP_FLAGS,
	GROUP_ICMP,
	GROUP_TOS,
	GROUP_PROBABILITY,
	GROUP_RECEIVED,
	GROUP_USER,
	GROUP_GROUP,
	GROUP_MAC,
	GROUP_LIMIT,
	GROUP_PKT_RATE,
	GROUP_ONCE,
	GROUP_SCHEDULE,
	GROUP_SET,
	GROUP_QUEUE,
	GROUP_SCRUB,
	GROUP_STATE,
	GROUP_LABEL,
	GROUP_TAG,
	GROUP_TAGGED,
	GROUP_NAT,
	GROUP_COUNT,
};

struct rule_parser {
	const struct pt_rule_ctx *ctx;
	const char *text;
	size_t text_len;
	const struct rule_tok *tok; /* the one to look at */
	struct pt_err *err;
	struct pt_ast_rule *r;
	size_t errors;			/* found so far, whether told or not */
	bool holes;			/* there are: what is missing or twice is not sure */
	const char *first[GROUP_COUNT]; /* the word that gave it, NULL: not yet */
	const struct rule_tok *blamed;	/* a keyword that stood where a value was missing */
	uint32_t wrong_end;		/* where the last wrong word ends */
	size_t list_entries;
};

/*
 * The parsers return 0 when they are behind what they had to read, even when its value was wrong
 * and has its error; -EINVAL when they lost their way, so that the reader goes on at the next
 * keyword; -ENOMEM.
 */

/* expand.c */
int rule_expand(const struct pt_rule_ctx *ctx, const char *text, size_t len, struct rule_text *out,
		struct pt_err *e);
void rule_text_fini(struct rule_text *t);
bool rule_hole_at(const struct rule_text *t, size_t at);
/* The place of the bytes FROM..TO in the rule as it was written; OFF and LEN of *OUT. */
void rule_place(const struct rule_text *t, size_t from, size_t to, struct rule_tok *out);
size_t rule_name_length(const char *s, size_t n); /* of a macro's name */
/* Bytes of the string that begins at S, with its quotes; 0: it is not closed. */
size_t rule_string_length(const char *s, size_t n);

/* lex.c: all tokens; the last one is TOK_END. Wrong bytes have their errors and become holes. */
int rule_lex(struct rule_parser *p, const struct rule_text *t, struct rule_toks *out);

static inline bool rule_mark(char c)
{
	switch (c) {
	case '(':
	case ')':
	case '{':
	case '}':
	case '<':
	case '>':
	case '!':
	case '=':
	case '/':
	case ',':
		return true;
	default:
		return false;
	}
}

static inline bool rule_word_char(char c)
{
	switch (c) {
	case '#':
	case '"':
	case '\'':
	case '$':
	case '\\':
		return false;
	default:
		return c > ' ' && c < 127 && !rule_mark(c);
	}
}

/* error.c */
struct pt_loc rule_locate(const struct pt_rule_ctx *ctx, uint32_t off, uint32_t len);
void rule_record(const struct pt_rule_ctx *ctx, struct pt_err *e, const char *text, size_t len,
		 const struct rule_tok *at, const char *hint, const char *msg);
/* Records an error at T and returns -EINVAL; rule_note() returns 0, for values in their right
 * place. */
int rule_fail(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt,
	      ...) PT_PRINTF(4, 5);
int rule_note(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt,
	      ...) PT_PRINTF(4, 5);
/* The word T is not WANTED; WORDS are those that could have been meant. */
int rule_unexpected(struct rule_parser *p, const struct rule_tok *t, const char *wanted,
		    const char *const *words, size_t n);
const char *rule_nearest(const char *word, const char *const *words, size_t n);

/* words.c: what is a keyword, and what a later version may know */
bool rule_keyword(const char *word);
bool rule_reserved(const char *word);	     /* of pf.conf(5), not available */
bool rule_reserved_option(const char *word); /* … and one that begins an option */
bool rule_reserved_name(const char *word);   /* … or one that nothing can have as its name */
bool rule_reserved_never(const char *word);  /* nor will it be */
const char *rule_reserved_hint(const char *word);

/* The next token is this word or mark. Most are not, and most of these differ in the first byte. */
static inline bool rule_is(const struct rule_parser *p, const char *s)
{
	return *p->tok->s == *s && (p->tok->kind == TOK_WORD || p->tok->kind == TOK_MARK) &&
	       !strcmp(p->tok->s, s);
}

/* … and is taken */
static inline bool rule_take(struct rule_parser *p, const char *s)
{
	if (!rule_is(p, s))
		return false;
	p->tok++;
	return true;
}

/* parse.c */
struct pt_loc rule_loc(const struct rule_parser *p, const struct rule_tok *t);
struct rule_tok rule_span(const struct rule_tok *from, const struct rule_tok *to);
void rule_skip_group(struct rule_parser *p); /* ( … ) or { … } with what is nested in it */

/* part.c: the keywords that begin a part of a rule, and their order */
struct rule_part {
	const char *word;
	uint8_t rank; /* parts come in rising order; options, of the highest, in any */
	enum rule_group group;
	int (*parse)(struct rule_parser *p, const struct rule_tok *t);
};
#define RULE_RANK_OPTION 9
const struct rule_part *rule_part_of(const struct rule_tok *t);
int rule_part_order(struct rule_parser *p, const struct rule_tok *t, const struct rule_part *part,
		    uint8_t rank);
/* No part begins with the next token: says so, and gives the one that was probably meant, or NULL.
 */
const struct rule_part *rule_part_unknown(struct rule_parser *p, uint8_t rank);
void rule_part_skip(struct rule_parser *p); /* to the next one */

/* list.c: one item, or a list of them in braces, nested at will */
int rule_list(struct rule_parser *p, int (*item)(struct rule_parser *p, void *arg), void *arg);

/* parse_action.c */
int rule_parse_action(struct rule_parser *p);

/* parse_anchor.c: behind the word; a part of GROUP, at T, which an anchor may not have; rules in braces */
int rule_parse_anchor(struct rule_parser *p);
int rule_anchor_part(struct rule_parser *p, const struct rule_tok *t, enum rule_group group);
int rule_anchor_braces(struct rule_parser *p);

/* parse_host.c, parse_port.c */
int rule_parse_host1(struct rule_parser *p, struct pt_ast_host *h);
int rule_parse_hosts(struct rule_parser *p, pt_hosts *hosts);
bool rule_if_name_ok(const char *s);
int rule_parse_ports(struct rule_parser *p, pt_ports *ports);
/* The word T, taken already: "5", "ssh", "5:7" or, where STAR is given, "5:*"; 1 to 65535. */
int rule_parse_range(struct rule_parser *p, const struct rule_tok *t, uint16_t *lo, uint16_t *hi,
		     bool *star);

/* parse_option.c */
int rule_parse_flags(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_icmp(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_state(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_label(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_tag(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_tagged(struct rule_parser *p, const struct rule_tok *t);
/* parse_when.c: conditions of the rarer kind */
int rule_tos_value(struct rule_parser *p, uint8_t *out); /* the word of a type of service */
int rule_parse_tos(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_probability(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_schedule(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_received(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_mac(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_once(struct rule_parser *p, const struct rule_tok *t);
/* parse_set.c */
int rule_parse_set(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_queue(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_scrub(struct rule_parser *p, const struct rule_tok *t);
void rule_print_set(struct pt_buf *b, const struct pt_ast_set *s);
/* parse_owner.c */
int rule_parse_user(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_group(struct rule_parser *p, const struct rule_tok *t);
/* parse_rate.c */
int rule_parse_limit(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_pkt_rate(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_log(struct rule_parser *p, const struct rule_tok *t);
/* print_when.c */
void rule_print_when(struct pt_buf *b, const struct pt_ast_when *w);
void rule_print_limit(struct pt_buf *b, const struct pt_ast_rate *r); /* "limit 5/second burst 10" */
/* parse_states.c: what stands in the parentheses of keep state */
int rule_parse_states(struct rule_parser *p);
/* print_states.c */
void rule_print_states(struct pt_buf *b, const struct pt_ast_states *s);
/* parse_nat.c */
int rule_parse_nat(struct rule_parser *p, const struct rule_tok *t);
int rule_parse_af_to(struct rule_parser *p, const struct rule_tok *t);
/* parse_pool.c: the options behind the target of N and its ports, static-port among them. KNOWN: the target is
 * without error, so that they can be compared with it. */
int rule_parse_pool(struct rule_parser *p, struct pt_ast_nat *n, bool known);
/* "a label" and the like: printable, no quote */
int rule_parse_name(struct rule_parser *p, const char *what, size_t max, const char **out, struct pt_loc *loc);

/* names.c */
int rule_icmp_type_parse(enum pt_af af, const char *s, uint8_t *out);
int rule_icmp_code_parse(enum pt_af af, uint8_t type, const char *s, uint8_t *out);
const char *rule_icmp_type_nearest(enum pt_af af, const char *s);
const char *rule_icmp_code_nearest(enum pt_af af, uint8_t type, const char *s);
const char *rule_proto_nearest(const char *s);
const char *rule_service_nearest(const char *s);
/* Name number I, NULL behind the last one; of a code: of this type. */
const char *rule_proto_at(size_t i);
const char *rule_service_at(size_t i);
const char *rule_icmp_type_at(enum pt_af af, size_t i);
const char *rule_icmp_code_at(enum pt_af af, const char *type, size_t i);
const char *rule_tos_at(size_t i); /* parse_when.c */

#endif
