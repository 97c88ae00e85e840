/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * edit.h - what the files of edits share: edit_map.c finds what stands where, edit_path.c reads the words, edit_text.c
 * makes the texts that come and go, edit.c decides which, edit_tell.c shows what is wrong with them.
 */
#ifndef CONF_EDIT_H
#define CONF_EDIT_H

#include "conf/internal.h"
#include <patronus/edit.h>

#define EDIT_NONE UINT32_MAX

/* ---- edit_map.c ---- */

struct edit_value {
	uint32_t tok, comma; /* the comma behind it, EDIT_NONE */
	const char *s; /* decoded */
};

/* NAME = VALUE, or NAME = { VALUE, ... } */
struct edit_option {
	const struct pt_schema *row; /* NULL: the schema does not know it */
	uint32_t name, sign, open, close; /* tokens; without braces the last two are EDIT_NONE */
	uint32_t last;
	uint32_t first_value, n_values;
};

struct edit_section {
	const struct pt_schema *row;
	const char *title; /* decoded, NULL: none */
	uint32_t name, title_tok, open, close;
	uint32_t first_option, n_options;
};

struct edit_map {
	const struct pt_conf_source *src;
	size_t source;
	struct pt_src_tok *toks;
	size_t n;
	PT_VEC(struct edit_section) sections;
	PT_VEC(struct edit_option) options;
	PT_VEC(struct edit_value) values;
	PT_VEC(uint32_t) includes; /* tokens of paths */
};

/* -EINVAL, without a record: the text is not made of sections, options and values. */
int edit_map_read(const struct pt_conf_source *src, struct pt_arena *a, struct edit_map *out) PT_MUST;
/* edit_maps.c: the map of text I, which is read when it is not the one of last time. OUT lives until the text is another one, or T ends. */
int edit_maps_get(struct pt_edit_texts *t, size_t i, struct edit_map *out) PT_MUST;
/* M, which is in A, is of what text I will be by R: A is T's from here on. */
bool edit_maps_put(struct pt_edit_texts *t, size_t i, struct pt_arena *a, const struct edit_map *m, const struct pt_edit_result *r);
void edit_maps_free(struct pt_edit_maps *m);
/* What TOK means. NULL: no memory. */
const char *edit_decode(struct pt_arena *a, const char *text, const struct pt_src_tok *tok);
size_t edit_end(const struct edit_map *m, uint32_t tok); /* offset behind it */
struct pt_loc edit_place(const struct edit_map *m, uint32_t tok); /* of what it says, inside quotes */

/* ---- edit_path.c ---- */

struct edit_line { /* the words as they are shown */
	const struct pt_edit *what;
	struct pt_err *e;
};
/* A record under word number WORD; one behind the last is the end. -EINVAL. */
int edit_blame(const struct edit_line *l, size_t word, const char *hint, const char *fmt, ...) PT_PRINTF(4, 5);
/* The words in one line; where each begins in COL (from 1, inside quotes), which has what->n entries, or is NULL. */
int edit_line_show(const struct pt_edit *what, struct pt_buf *out, uint32_t *col) PT_MUST;
int edit_path_read(const struct edit_line *l, struct pt_arena *a, struct pt_edit_path *out) PT_MUST;

/* Bytes FROM to TO become TEXT. */
struct edit_splice {
	size_t from, to;
	struct pt_buf text;
};

struct edit_job {
	const struct edit_map *map;
	PT_VEC(struct edit_splice) splices; /* in order, on the heap */
	bool nomem;
};

/* ---- edit_layout.c ---- */

void edit_job_fini(struct edit_job *j);
struct pt_buf *edit_splice(struct edit_job *j, size_t from, size_t to);
const char *edit_text_of(const struct edit_job *j);
size_t edit_off(const struct edit_job *j, uint32_t tok);
size_t edit_end_of(const struct edit_job *j, uint32_t tok);
const char *edit_line_end(const struct edit_job *j);
size_t edit_line_start(const struct edit_job *j, size_t off);
bool edit_blank(char c);
size_t edit_indent_len(const struct edit_job *j, size_t start);
bool edit_starts_line(const struct edit_job *j, uint32_t tok);
void edit_put_indent(const struct edit_job *j, struct pt_buf *b, uint32_t tok);
void edit_put_unit(const struct edit_job *j, struct pt_buf *b);
size_t edit_next_line(const struct edit_job *j, uint32_t tok);
bool edit_only_blanks(const struct edit_job *j, size_t from, size_t to);
size_t edit_above_comments(const struct edit_job *j, size_t start);

/* ---- edit_said.c ---- */

/* What comments say of an element: whole lines right above it, and what follows it in its own line, with the blanks before. */
struct edit_said {
	struct pt_buf above, behind;
};
/* Begin of the comments right above TOK, which begins its line; else where TOK's line begins. */
size_t edit_said_above(const struct edit_job *j, uint32_t tok);
/* What is said of value I of OPT is added to OUT; with OPTION, of OPT itself. */
void edit_said_of(const struct edit_job *j, const struct edit_option *opt, uint32_t i, bool option, struct edit_said *out);
void edit_said_fini(struct edit_said *s, size_t n);

/* ---- edit_text.c ---- */

/* Writes S as STYLE has its values: '"', '\'', or 0 for a bare word where that can be. */
void edit_quote(struct pt_buf *b, const char *s, char style);
void edit_put_value(struct edit_job *j, uint32_t value, const char *v); /* in place of another */
/* Behind value AFTER of its list, or before value BEFORE; one of them is EDIT_NONE. OPT has them. SAID has comments for each of V,
 * or is NULL. */
void edit_put_element(struct edit_job *j, const struct edit_option *opt, uint32_t before, uint32_t after,
		      const char *const *v, const struct edit_said *said, size_t n);
void edit_put_first(struct edit_job *j, const struct edit_option *opt, const char *const *v, size_t n);
void edit_put_option(struct edit_job *j, const struct edit_section *s, const struct pt_schema *row,
		     const char *const *v, size_t n);
void edit_put_section(struct edit_job *j, const struct pt_schema *row, const char *title,
		      const struct pt_schema *opt, const char *const *v, size_t n);
void edit_put_title(struct edit_job *j, const struct edit_section *s, const char *title);
void edit_put_comment(struct edit_job *j, uint32_t tok, const char *text);
/* ---- edit_drop.c ---- */

/* GONE[i]: value number i of OPT goes; at least one of them stays. With SAID, what edit_said_of() tells goes, too. */
void edit_drop_elements(struct edit_job *j, const struct edit_option *opt, const bool *gone, bool said);
void edit_drop_option(struct edit_job *j, const struct edit_option *opt, bool said);
void edit_drop_section(struct edit_job *j, const struct edit_section *s);

/* ---- edit_tell.c ---- */

struct edit_change { /* for records about the result */
	const struct pt_edit *what;
	const struct pt_conf_source *old, *now; /* of the text that changed */
	size_t from, old_len, new_len;
	const struct pt_edit_path *path;
	const char *const *values; /* that the words brought, joined where several make one */
	const size_t *word;        /* with which each begins */
	size_t n_values;
};
/* Gives the records of FROM, which are about the result, to E with the places that a person knows. */
int edit_tell(const struct edit_change *c, const struct pt_err *from, struct pt_arena *a, struct pt_err *e) PT_MUST;
/* The same of records about value number I alone: their columns are places in its text. */
int edit_tell_value(const struct edit_change *c, size_t i, const struct pt_err *from, struct pt_arena *a, struct pt_err *e) PT_MUST;

#endif
