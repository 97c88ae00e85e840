/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * edit - changes of the common file that leave alone whatever they do not change.
 *
 * A change is words, as on a command line; it is made in memory, on the texts that a configuration is made of, and
 * the result is checked whole. Writing it is a step of its own. What is wrong with a word is shown under that
 * word, what is wrong elsewhere at its place in the texts as they were.
 */
#ifndef PATRONUS_EDIT_H
#define PATRONUS_EDIT_H

#include <patronus/conf.h>

/* ---- the texts: a file and those that it includes ---- */

struct pt_edit_texts {
	struct pt_arena *arena;
	PT_VEC(struct pt_conf_source) v; /* [0]: the file itself */
	bool files; /* they are files, not memory */
	struct pt_edit_maps *maps; /* what stands where in them, once somebody asked */
};

/* PATH as pt_file_read() has it, and what it includes as far as that can be read. */
PT_API int pt_edit_load(const char *path, struct pt_edit_texts *out, struct pt_err *e) PT_MUST;
/* The same, for whoever only reads: what is included and cannot be read is -EINVAL, with a record where it is named. What stands
 * in it is not known, and must not look as if it were not there. */
PT_API int pt_edit_load_whole(const char *path, struct pt_edit_texts *out, struct pt_err *e) PT_MUST;
/* Of memory: a copy of one text, which includes nothing. */
PT_API int pt_edit_text(const char *name, const char *text, size_t len, struct pt_edit_texts *out,
			struct pt_err *e) PT_MUST;
PT_API void pt_edit_texts_fini(struct pt_edit_texts *t);

/* ---- paths: "interface lan address", also "interface.lan.address" and with '/' ---- */

struct pt_edit_path {
	const struct pt_schema *section;
	const char *title;              /* NULL: the section has none, or none is given: all of its kind */
	const struct pt_schema *option; /* NULL: the section as a whole */
	size_t used;                    /* words that it consists of */
};

enum pt_edit_op {
	PT_EDIT_GET,     /* changes nothing: for pt_edit_get() */
	PT_EDIT_SET,     /* PATH VALUE...: of a list, adds what it has not; PATH: makes the section */
	PT_EDIT_DELETE,  /* PATH: takes it away; PATH ELEMENT...: these of a list */
	PT_EDIT_RENAME,  /* PATH TITLE: of a section */
	PT_EDIT_COMMENT, /* PATH TEXT...: a comment in a line of its own above it */
};

/*
 * WORDS of a set of a list may begin its values with "=": then the list has these and no others, in this order. They may end in
 * "before ELEMENT" or "after ELEMENT". An ELEMENT is its text, its number from 1, or the label of a rule. Rules may be
 * given without quotes, as long as it is one.
 */
struct pt_edit {
	enum pt_edit_op op;
	const char *const *words;
	size_t n;
	/* Judges the result, as pt_conf_parse_more(), which it is when this is NULL. */
	int (*check)(const char *name, const char *text, size_t len, struct pt_conf_more *more, void *arg,
		     struct pt_err *e);
	void *arg;
	const char *verb; /* the word that they stood behind, for messages; NULL: that of ptconf */
	bool draft; /* other changes will follow: values are judged each by itself, the result is not */
	bool whole; /* each word is a value, and no rule is many of them */
};

/* One text after a change. */
struct pt_edit_result {
	struct pt_edit_path path; /* of the words */
	bool changed;            /* else the rest is empty */
	size_t source;           /* which one of the texts */
	char *text;              /* of the texts' arena */
	size_t len;
	size_t from, old_len, new_len; /* all bytes outside of these are the same */
};

/* Makes the change. -EINVAL with records: the words or the result are wrong; -ENOENT: what is to be deleted is not there. */
PT_API int pt_edit(struct pt_edit_texts *t, const struct pt_edit *what, struct pt_edit_result *out,
		   struct pt_err *e) PT_MUST;
/* Lets T have the text of R, for the next change. */
PT_API void pt_edit_take(struct pt_edit_texts *t, const struct pt_edit_result *r);

/* ---- reading ---- */

struct pt_edit_value {
	const struct pt_schema *section, *option; /* OPTION NULL: the section itself */
	const char *title;
	const char *value;    /* what it means, escapes resolved; of a section its text as it stands there */
	struct pt_loc loc;    /* line 0: a default */
};
/* Calls CB for each value of an option, in order, or each section. WHAT's words are a path. 0 also where there is none;
 * -EINVAL with records. DEFAULTS: those of the schema, too, and each option of a section on its own behind it. */
typedef int (*pt_edit_cb)(const struct pt_edit_value *v, void *arg);
PT_API int pt_edit_get(struct pt_edit_texts *t, const struct pt_edit *what, bool defaults, struct pt_edit_path *path,
		       pt_edit_cb cb, void *arg, struct pt_err *e) PT_MUST;

/* Calls WORD for each that may stand at the end of the N words of WHAT: names of sections, titles, options, values. */
PT_API int pt_edit_complete(struct pt_edit_texts *t, const struct pt_edit *what, void (*word)(const char *w, void *arg),
			    void *arg) PT_MUST;

/*
 * The changes that would make the file out of nothing, WORDS of PT_EDIT_SET each, in order: a section, then its options; of a list
 * one a value, or all of them behind "=" where one comes twice. WHAT's words are a path, none: everything.
 */
typedef int (*pt_edit_words_cb)(const char *const *words, size_t n, void *arg);
PT_API int pt_edit_commands(struct pt_edit_texts *t, const struct pt_edit *what, pt_edit_words_cb cb, void *arg,
			    struct pt_err *e) PT_MUST;

/* ---- the file ---- */

/* Puts R's text in the place of the file that it was made from: the old or the new one is there whenever the power goes. Keeps
 * mode and owner; refuses links, files that others can write, and a file that is not T's any more (-ESTALE). */
PT_API int pt_edit_write(const struct pt_edit_texts *t, const struct pt_edit_result *r, struct pt_err *e) PT_MUST;

#endif
