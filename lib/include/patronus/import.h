/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * import - files of other packet filters as the common file.
 *
 * Nothing is dropped silently: what is not carried exactly has a note, and what is not carried at all stands
 * in the text as a comment. Which rules can be carried, the rule language itself decides.
 */
#ifndef PATRONUS_IMPORT_H
#define PATRONUS_IMPORT_H

#include <patronus/base.h>

enum pt_import_kind {
	PT_IMPORT_NOTE,	   /* means the same; there is something to know or to do */
	PT_IMPORT_CHANGED, /* means something else */
	PT_IMPORT_LEFT,	   /* is a comment now */
};

struct pt_import_note {
	enum pt_import_kind kind;
	const char *file;
	uint32_t line;
	const char *what, *why, *instead;
};

struct pt_import {
	struct pt_arena *arena;
	PT_VEC(struct pt_import_note) notes; /* by file and line, as they were found */
	size_t changed, left;
	const char *text; /* the common file */
	size_t len;
};

/* An interface of the foreign file and what it is called here. */
struct pt_import_device {
	const char *name, *device;
};

struct pt_import_env {
	/* Reads the file PATH that an include names into malloc'ed memory, as pt_file_read(); NULL: none can be read.
	 */
	int (*read)(void *arg, const char *path, char **data, size_t *len, struct pt_err *e);
	/* Judges the common file TEXT; what is wrong has its line in E. NULL: the rule language alone decides. */
	int (*check)(void *arg, const char *text, size_t len, struct pt_err *e);
	void *arg;
	const struct pt_import_device *devices;
	size_t n_devices;
};

/* Reads a pf.conf(5), of today's OpenBSD or of the older language that FreeBSD and pfSense have. NAME, which outlives
 * the result, stands for the file in messages. 0; -EINVAL with records for what cannot be read; -ENOMEM. */
PT_API int pt_import_pf(const char *name, const char *text, size_t len, const struct pt_import_env *env,
			struct pt_import **out, struct pt_err *e) PT_MUST;
PT_API void pt_import_free(struct pt_import *i);
PT_API const char *pt_import_kind_name(enum pt_import_kind kind);

#endif
