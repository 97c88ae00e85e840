/* SPDX-License-Identifier: GPL-3.0-or-later */
/* edit_run.h - one change under way: edit.c has its steps, edit_set.c what they do to options and elements. */
#ifndef CONF_EDIT_RUN_H
#define CONF_EDIT_RUN_H

#include "conf/edit.h"

struct edit_run {
	struct pt_edit_texts *texts; /* as they were */
	struct pt_arena *arena;      /* of this change alone: a session has many */
	struct pt_conf_source *v;    /* as they are after the steps so far */
	struct edit_map *maps;       /* of them */
	size_t n, changed;           /* SIZE_MAX: none */
	PT_VEC(struct pt_arena *) made; /* of the maps of changed texts, in order */
	struct edit_line line;
	struct pt_edit_path path;
	struct edit_change change;
};

struct edit_spot {
	struct edit_map *map;
	struct edit_section *section; /* NULL: there is none */
};

/* An element of a list that may be given in several pieces. */
struct edit_element {
	const struct edit_option *option;
	uint32_t i; /* there */
	const char *s;
};

struct edit_elements {
	PT_VEC(struct edit_element) list;
	const struct edit_option *last; /* that the section has of the option; NULL: none */
	size_t options;
};

/* Reads the words of WHAT and the texts; whatever comes of it, it is to be ended. */
int edit_begin(struct edit_run *r, struct pt_edit_texts *t, const struct pt_edit *what, struct pt_err *e) PT_MUST;
void edit_end_run(struct edit_run *r);
/* Makes the change of J, and ends J. */
int edit_step(struct edit_run *r, struct edit_job *j) PT_MUST;
/* TITLE NULL: any. */
struct edit_spot edit_find(const struct edit_run *r, const struct pt_schema *row, const char *title);
int edit_elements_find(const struct edit_run *r, const struct edit_spot *spot, const struct pt_schema *row,
		       struct edit_elements *out) PT_MUST;

/* edit_judge.c: the title and the values that the words brought, each by itself. -EINVAL with records under the words. */
int edit_judge(struct edit_run *r) PT_MUST;

/* edit_set.c */
int edit_set(struct edit_run *r) PT_MUST;
int edit_delete(struct edit_run *r) PT_MUST;
/* What the path names is not there; the caret stands under WORD. -ENOENT. */
int edit_missing(const struct edit_run *r, size_t word) PT_MUST;

#endif
