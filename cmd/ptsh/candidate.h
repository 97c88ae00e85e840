/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration as somebody is changing it: a copy in memory, beside the file as it was when the copy was made. */
#ifndef PTSH_CANDIDATE_H
#define PTSH_CANDIDATE_H

#include <patronus/edit.h>
#include <patronus/history.h>

#include "ptsh.h"

#define LEVELS_MAX 2 /* a section and its title */

struct candidate {
	struct pt_edit_texts base, texts; /* one arena, of TEXTS */
	char path[4096];          /* absolute */
	const char *level[LEVELS_MAX];
	size_t n_level, came_from; /* before the last `edit` */
	size_t changes;           /* since the last commit */
	/* As the files were before a commit that waits for its confirmation. */
	struct pt_conf_source *before;
	size_t n_before, before_changes;
	struct pt_conf_source *undo; /* texts before a change of many parts, as many; NULL: none is under way */
	size_t spare;             /* bytes of texts that are not needed any more */
	bool exclusive;
};

/* 0 or a negative errno with a record. */
int candidate_open(struct candidate *d, const char *path, struct pt_err *e);
void candidate_close(struct candidate *d);
/* The level and the words behind the first one of W: those of a change. NULL: no memory. */
const char **candidate_words(struct console *c, const pt_line_words *w, size_t *n);
/* One change, not judged but for its own words. */
int candidate_change(struct candidate *d, const struct pt_edit *what, struct pt_err *e);
/* Another text in the place of source I. */
int candidate_replace(struct candidate *d, size_t i, const char *text, size_t len, struct pt_err *e);
/* texts.c: LEN bytes took the place of others; what points into texts moves with them. */
void candidate_replaced(struct candidate *d, size_t len);
/* merge.c: all that FROM says, or nothing of it */
int candidate_merge(struct candidate *d, struct pt_edit_texts *from, struct pt_err *e);
bool candidate_differs(const struct candidate *d);
/* As it was when it was opened, or committed. */
void candidate_reset(struct candidate *d);
/* Judged as a whole, as an apply would. */
int candidate_check(const struct candidate *d, struct pt_err *e);
/* The file is what the candidate is; WAITS: until that is confirmed. */
void candidate_committed(struct candidate *d, bool waits);
/* When that was undone meanwhile, the file is as before, and the changes are to be committed again. */
void candidate_look(struct candidate *d);

extern const struct mode configure_mode;

/* configure.c: */
int configure_begin(struct console *c, bool exclusive);
/* What stands above the prompt. */
void configure_banner(struct console *c, struct pt_buf *b);

/* commit.c */
int run_commit(struct console *c, const pt_line_words *w);
void complete_commit(struct console *c, const pt_line_words *w, const struct offers *to);
/* looking.c: in a process of its own */
int run_config_show(struct console *c, const pt_line_words *w);
int run_compare(struct console *c, const pt_line_words *w);
int run_check(struct console *c, const pt_line_words *w);
/* Candidate's text of a file of revision NAME, NULL with a record; T is to be given back. */
int texts_of(struct console *c, const char *name, struct pt_texts *t, struct pt_err *e);
/* What may stand behind W of a change; values, too. */
void offer_path(struct console *c, enum pt_edit_op op, const pt_line_words *w, const struct offers *to);
/* The option that a value behind these N words would be of; NULL: none. */
const struct pt_schema *option_at(const char *const *words, size_t n);
/* configure.c: a change by the words of a line */
int candidate_edit(struct console *c, enum pt_edit_op op, const pt_line_words *w);
/* insert.c */
int run_insert(struct console *c, const pt_line_words *w);
void complete_insert(struct console *c, const pt_line_words *w, const struct offers *to);
/* rules.c: what may stand at the end of a rule; offered is what would replace its last word */
void offer_rule(struct console *c, const char *rule, bool statement, const struct offers *to);

#endif
