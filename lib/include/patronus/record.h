/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record - small files of "key = value" lines that decide something: written as a whole, with a checksum at their end, so
 * that one which was cut or changed is told from one that holds.
 */
#ifndef PATRONUS_RECORD_H
#define PATRONUS_RECORD_H

#include <patronus/base.h>

struct pt_record_line {
	const char *key, *value;
};

struct pt_record {
	struct pt_arena *arena;
	PT_VEC(struct pt_record_line) lines;
};

/* Adds a line to B. Control bytes and '%' of VALUE become %XX; an empty value is left out. */
PT_API void pt_record_add(struct pt_buf *b, const char *key, const char *value);
PT_API void pt_record_u64(struct pt_buf *b, const char *key, uint64_t value);
/* Ends B with its checksum and writes it with pt_file_write(); B is emptied. */
PT_API int pt_record_write(const char *path, struct pt_buf *b, struct pt_err *e) PT_MUST;
/* -ENOENT: no such file, without a record. -EBADMSG with a record: it is damaged. KIND is its first line. */
PT_API int pt_record_read(const char *path, const char *kind, struct pt_record *out, struct pt_err *e) PT_MUST;
PT_API void pt_record_fini(struct pt_record *r);
/* The first value of KEY; "" and 0 where there is none or it is no number. */
PT_API const char *pt_record_get(const struct pt_record *r, const char *key);
PT_API uint64_t pt_record_number(const struct pt_record *r, const char *key);

#endif
