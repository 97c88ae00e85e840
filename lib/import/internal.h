/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the readers of pf.conf(5): tokens, statements, rules in parts, and what becomes of them. */
#ifndef IMPORT_INTERNAL_H
#define IMPORT_INTERNAL_H

#include <string.h>

#include <patronus/import.h>
#include <patronus/rule.h>

#define IMP_MACRO_MAX ((size_t)256 << 10) /* bytes of one macro's value */
#define IMP_EXPAND_MAX ((size_t)64 << 20) /* bytes that macros bring to a file */
#define IMP_FILES_MAX 16		  /* includes in includes */
#define IMP_TOKENS_MAX ((size_t)1 << 20)  /* of one statement */
#define IMP_STATEMENTS_MAX ((size_t)1 << 20)
#define IMP_NEST_MAX 16
#define IMP_ROUNDS_MAX 40
#define IMP_NAMES_MAX 16384 /* macros, tables, interfaces and old translations: each is compared with each */

/* ---- tokens ---- */

enum imp_kind { IMP_WORD, IMP_STRING, IMP_MARK };

struct imp_tok {
	enum imp_kind kind;
	const char *s;	  /* of a mark: one byte, or "->" */
	uint32_t macro;	  /* index+1 of the macro that brought it whole */
	uint32_t use;	  /* which use of a macro that was */
	bool first, last; /* of that use */
	uint32_t prefix;  /* index+1 of the macro whose value is how the word begins, as in $if:network */
};

struct imp_macro {
	const char *name;
	const char *value;
	const char *shown; /* as rules have it; NULL: no rule has it as it is */
	const char *file;
	uint32_t line;
	bool clash; /* its uses do not look the same: written out */
};

struct imp_file {
	const char *name;
	const char *text;
	size_t len;
};

/* One line of the file, or more where it goes on. */
struct imp_stmt {
	const struct imp_file *file;
	uint32_t line;
	size_t from, to; /* bytes of the file */
	PT_VEC(struct imp_tok) toks;
	PT_VEC(const char *) comments; /* that stand before or behind it */
	bool opens;		       /* an anchor whose rules follow */
};

typedef PT_VEC(struct imp_macro) imp_macros;

/* ---- words to be written ---- */

struct imp_word {
	const char *s;
	const struct imp_tok *t; /* where it came from; NULL: made here */
	bool glue;		 /* no blank before it */
};

typedef PT_VEC(struct imp_word) imp_words;

/* ---- a rule in parts ---- */

enum imp_shape {
	IMP_ALONE, /* allow-opts */
	IMP_VALUE, /* tos 16; { list } and ( group ) as well */
	IMP_TAG,   /* label "x" */
	IMP_OPS,   /* user >= 1000 */
	IMP_FLAGS,
	IMP_ICMP,
	IMP_STATE, /* keep state (sub, sub) */
	IMP_POOL,  /* nat-to host [port] pool words */
	IMP_ROUTE, /* route-to (if addr) pool words */
	IMP_AF,	   /* af-to inet from a to b */
	IMP_PORT,  /* divert-packet port 700; divert-to a port b */
	IMP_SUBS,  /* scrub (sub, sub) */
	IMP_SET,   /* set prio 3, set (prio 3, tos x) */
	IMP_TAGGED,
};

struct imp_option {
	const char *word;
	enum imp_shape shape;
	bool condition;	     /* it narrows what the rule matches */
	const char *dropped; /* what is different without it; NULL: the rule means nothing without it */
};

struct imp_sub {
	imp_words w;
	size_t from, to; /* where it stands in the printed rule */
};

struct imp_opt {
	const struct imp_option *kind;
	imp_words head;
	PT_VEC(struct imp_sub) subs;
	bool paren; /* around the subs, with commas */
	size_t from, to;
};

struct imp_rule {
	const struct imp_stmt *st;
	const char *action; /* pass, block, match */
	imp_words ret, log, on, af, proto, src, sport, dst, dport;
	const char *dir; /* in, out, NULL */
	bool quick;
	bool has_src, has_dst;
	bool no; /* of an old translation: no nat, no rdr */
	PT_VEC(struct imp_opt) opts;
	size_t log_from, log_to, ret_from, ret_to;
};

/* ---- what is written ---- */

enum imp_zone {
	ZONE_TABLE,
	ZONE_DEFAULT,
	ZONE_SKIP, /* these are lists of options */
	ZONE_TIMEOUT,
	ZONE_LIMIT, /* … to here */
	ZONE_SCRUB,
	ZONE_RDR,
	ZONE_BINAT,
	ZONE_NAT,
	ZONE_RULE,
	ZONE_COUNT,
};

struct imp_item {
	const struct imp_stmt *st;
	struct imp_rule *r; /* a rule … */
	const char *text; /* … as it stands in the file, or lines of a section; NULL: only the comments are left */
	const char *judged;	  /* the same for the judge, NULL: no difference */
	const char *why;	  /* it is a comment for this reason */
	enum pt_import_kind kind; /* … of that kind */
	uint32_t line, lines;	  /* of the output */
	bool blocks;
	bool entry; /* of a list of options: its statement may have others */
};

typedef PT_VEC(struct imp_item) imp_items;

/* An anchor with rules of the file, which has a section. */
struct imp_anchor {
	const char *path;
	imp_items items;
};

struct imp_if {
	const char *name;
	const char *file;
	uint32_t line;
};

struct imp_table {
	const char *name;
	const char *file;
	uint32_t line;
	bool defined;
};

/* An anchor whose rules are being read. */
struct imp_open {
	size_t section; /* its number */
	bool dead;	/* nobody asks it */
};

/* An old translation, for what comes behind it. */
struct imp_trans {
	struct imp_rule *r;
	enum imp_zone zone;
	bool pass, tagged, guarded;
	struct pt_ast_rule *ast;
};

struct imp {
	const char *name; /* of the file */
	struct pt_arena *arena;
	const struct pt_import_env *env;
	struct pt_import *out;
	struct pt_err *e;
	int failed; /* -EINVAL: there are records */
	struct imp_lexer *lex;
	imp_macros macros;
	imp_items zone[ZONE_COUNT];
	PT_VEC(struct imp_anchor) sections;
	PT_VEC(struct imp_if) ifs;
	PT_VEC(struct imp_table) tables;
	struct imp_label {
		const char *name; /* NULL: free */
		size_t uses;
	} *labels; /* by hash, at most half full */
	size_t n_labels, room;
	PT_VEC(struct imp_open) anchors; /* outermost first */
	PT_VEC(struct imp_trans) trans;
	bool block_returns;
	bool covered[2][2], covers_by_pass; /* in and out, IPv4 and IPv6: a rule meets every packet */
	bool translates[2], tags;
	bool loopback_told;
	const struct imp_stmt *first_rule;
	size_t statements;
};

/* lex.c */
struct imp_lexer;
int imp_lex_new(struct imp *m, struct imp_lexer **out);
int imp_lex_push(struct imp_lexer *l, const char *name, const char *text, size_t len);
/* 1 and the next statement, 0 at the end, or a negative errno. What cannot be read has its record in m->e. */
int imp_lex_next(struct imp_lexer *l, struct imp_stmt **out);
bool imp_lex_open(const struct imp_lexer *l, const char *name); /* is that file being read? */
size_t imp_lex_depth(const struct imp_lexer *l);

/* pf.c */
int imp_fail(struct imp *m, const struct imp_stmt *st, const char *fmt, ...) PT_PRINTF(3, 4); /* -EINVAL */
int imp_note(struct imp *m, enum pt_import_kind kind, const struct imp_stmt *st, const char *what, const char *why,
	     const char *instead);
int imp_note_at(struct imp *m, enum pt_import_kind kind, const char *file, uint32_t line, const char *what,
		const char *why, const char *instead);
const char *imp_source(struct imp *m, const struct imp_stmt *st, bool one_line);
int imp_item(struct imp *m, enum imp_zone zone, const struct imp_stmt *st, const char *text, bool blocks,
	     struct imp_item **out);
/* The statement becomes a comment. */
int imp_leave(struct imp *m, enum imp_zone zone, const struct imp_stmt *st, enum pt_import_kind kind,
	      const char *why);
/* Records that there are too many of something; -EINVAL. */
int imp_too_many(struct imp *m, const struct imp_stmt *st, const char *what);
int imp_interface(struct imp *m, const struct imp_stmt *st, const char *name);
int imp_table_used(struct imp *m, const struct imp_stmt *st, const char *name, bool defined);

/* words.c: tokens into words */
bool imp_is(const struct imp_stmt *st, size_t at, const char *s); /* a word or mark, no string */
int imp_put(struct imp *m, imp_words *w, const char *s, const struct imp_tok *t, bool glue);
int imp_copy(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w); /* one token, or a group in marks */
int imp_hosts(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w);
int imp_ports(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w);
int imp_on(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w);
int imp_protos(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w);
const char *imp_if_name(const struct imp *m, const char *pf); /* as it is called here */
bool imp_looks_if(const char *s);
const char *imp_address(struct imp *m, const char *s, const char *len); /* written out; NULL: none */
/* With the names of macros where words are theirs. */
void imp_join(struct imp *m, struct pt_buf *b, const imp_words *w, bool fold);
int imp_macros_shown(struct imp *m, const imp_words *w);

/* rule.c: 1 and WHY where a word is not known */
int imp_rule_read(struct imp *m, const struct imp_stmt *st, size_t from, size_t to, struct imp_rule *r,
		  const char **why);
bool imp_rule_word(const struct imp_stmt *st, size_t at); /* a part of a rule begins there */
const struct imp_option *imp_option_named(const char *word);
int imp_rule_opt(struct imp *m, struct imp_rule *r, const char *word, struct imp_opt **out);
bool imp_rule_has(const struct imp_rule *r, const char *word);
int imp_rule_stmt(struct imp *m, const struct imp_stmt *st);
int imp_pool(struct imp *m, const struct imp_stmt *st, size_t *at, size_t to, struct imp_opt *o);
void imp_cover(struct imp *m, const struct imp_rule *r);

/* write.c */
void imp_rule_print(struct imp *m, struct imp_rule *r, struct pt_buf *b, bool fold);
/* Writes the rule as far as it is understood here; what is not is told. */
int imp_rule_write(struct imp *m, struct imp_rule *r, enum imp_zone zone);
/* Takes out what was printed at byte AT of the rule, for the reason WHY; 1 where the rule means nothing without it.
 */
int imp_rule_drop(struct imp *m, struct imp_rule *r, size_t at, const char *why);

/* stmt.c: everything that is no rule */
int imp_set(struct imp *m, const struct imp_stmt *st);
int imp_table(struct imp *m, const struct imp_stmt *st);
int imp_antispoof(struct imp *m, const struct imp_stmt *st);
int imp_scrub(struct imp *m, const struct imp_stmt *st, size_t from);
/* old.c: translations of the older language */
int imp_translation(struct imp *m, const struct imp_stmt *st);
int imp_translations(struct imp *m);

/* render.c */
int imp_finish(struct imp *m);

#endif
