/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree.h - the reader of the file's structure (tree.c) and of single values (value.c).
 */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include "conf/internal.h"

struct conf_reader {
	struct conf_lexer lex;
	struct pt_src_tok tok, next; /* the token looked at and the one after it */
	bool at_end, next_at_end;
	struct pt_src_tok last; /* the newest string or word passed; len 0: none yet */
	const char *file, *text;
	struct pt_arena *arena;
	struct pt_err *e;
	struct conf_tree *tree;
	struct pt_buf value; /* scratch: the newest decoded value */
	struct pt_buf hint; /* scratch */
	uint32_t clean_line; /* of the next token of the clean text, from 1 */
	uint32_t section; /* index of the one being read */
	struct conf_includes *includes;
	size_t source; /* of FILE and TEXT */
	size_t errors;
	bool mute; /* read on for errors, write nothing to the clean text */
	bool stop; /* what follows could only be misread */
	bool nomem;
};

/* value.c */

/* Decodes TOK into r->value. False, with a record, for what no value may hold. */
bool conf_value_decode(struct conf_reader *r, const struct pt_src_tok *tok);
/* Decodes and checks TOK as a value of OPT; when right it goes to the clean text and the leaves. */
void conf_value_read(struct conf_reader *r, const struct pt_schema *opt,
		     const struct pt_src_tok *tok);
/* Place of TOK's value, the quotes left out. */
struct pt_loc conf_value_loc(const struct conf_reader *r, const struct pt_src_tok *tok);

void conf_clean_word(struct conf_reader *r, const char *word);
void conf_clean_string(struct conf_reader *r, const char *s);

/* Adds an error and counts it. */
void conf_reader_error(struct conf_reader *r, const struct pt_loc *loc, const char *hint,
		       const char *fmt, ...) PT_PRINTF(4, 5);
void conf_reader_nomem(struct conf_reader *r);

#endif
