/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * out - one writer for everything shown.
 *
 * A command emits records; it never knows the format. Every record is a list
 * of (key, value) with the same keys in every format. Text from outside is
 * escaped here and nowhere else: control bytes, invalid UTF-8, bidirectional
 * and other invisible format characters become \xNN or \u{NNNN}.
 */
#ifndef PATRONUS_OUT_H
#define PATRONUS_OUT_H

#include <patronus/addr.h>
#include <patronus/base.h>

enum pt_out_fmt {
	PT_OUT_TABLE, /* aligned columns with a header line */
	PT_OUT_TEXT,  /* the record's own text form (rules, states): no header */
	PT_OUT_LINE,  /* -o: key=value on one line a record, values quoted as needed */
	PT_OUT_JSON,  /* one document {"schema":S,"KEY":[…]} */
	PT_OUT_JSONL, /* one object a line */
};

struct pt_out;

/* Where bytes go. Returns 0 or a negative errno (-EPIPE ends the output). */
typedef int (*pt_out_write)(void *arg, const char *p, size_t n);

/* SCHEMA "patronus.rule.v1" and LIST "rules" name the JSON document and its
 * array. PRETTY indents JSON. COLOUR allows SGR sequences. NULL: no memory. */
PT_API struct pt_out *pt_out_new(enum pt_out_fmt fmt, const char *schema, const char *list,
				 bool pretty, bool colour, pt_out_write w, void *arg);
/* Ends the document and frees. Returns the first error of the whole output. */
PT_API int pt_out_end(struct pt_out *o);

/* JSON members beside the list (before the first record): "generation": 12.
 * Ignored by the other formats. */
PT_API void pt_out_top_str(struct pt_out *o, const char *key, const char *s);
PT_API void pt_out_top_u64(struct pt_out *o, const char *key, uint64_t v);
/* The same of values of every kind, which the functions for records write between the two. */
PT_API void pt_out_top(struct pt_out *o);
PT_API void pt_out_top_end(struct pt_out *o);

/* Records. In PT_OUT_TABLE the first record's keys (upper-cased, _ as space) are
 * the header; later records have the same keys. Long tables stream: widths
 * are taken from the first 256 records. */
PT_API void pt_out_rec(struct pt_out *o);                        /* begins a record */
PT_API void pt_out_str(struct pt_out *o, const char *key, const char *s); /* NULL: null / - */
PT_API void pt_out_u64(struct pt_out *o, const char *key, uint64_t v);
PT_API void pt_out_i64(struct pt_out *o, const char *key, int64_t v);
/* V / 10^DIGITS, with 1..9 digits behind the point: 1250 with 2 is 12.50. */
PT_API void pt_out_decimal(struct pt_out *o, const char *key, uint64_t v, unsigned int digits);
PT_API void pt_out_bool(struct pt_out *o, const char *key, bool v);
PT_API void pt_out_addr(struct pt_out *o, const char *key, struct pt_addr a);
PT_API void pt_out_null(struct pt_out *o, const char *key);
/* An array of strings, or an object, inside a record (in tables: joined by ","). Items of an array may be objects,
 * with a NULL key: key=value key=value then. */
PT_API void pt_out_arr(struct pt_out *o, const char *key);
PT_API void pt_out_item(struct pt_out *o, const char *s);
PT_API void pt_out_arr_end(struct pt_out *o);
PT_API void pt_out_obj(struct pt_out *o, const char *key);      /* key=value become key.sub=value */
PT_API void pt_out_obj_end(struct pt_out *o);
/* The record's text form for PT_OUT_TEXT, without the final newline. Other formats
 * ignore it; PT_OUT_TEXT ignores the keys above. May hold several lines, and tabs, which stay: patch(1) wants them. */
PT_API void pt_out_text(struct pt_out *o, const char *s);
/* For very many lines that are printable by themselves (words of ours, numbers): where the text goes, to be ended with a newline;
 * NULL in other formats. */
PT_API struct pt_buf *pt_out_line(struct pt_out *o);
/* As pt_out_text(), on one line, with the N bytes from FROM on in a colour, where the output has colours. */
enum pt_out_tone { PT_OUT_GOOD, PT_OUT_BAD, PT_OUT_NOTE };
PT_API void pt_out_text_toned(struct pt_out *o, const char *s, size_t from, size_t n, enum pt_out_tone tone);
PT_API void pt_out_rec_end(struct pt_out *o);
/* The whole output fails with ERR, unless it is 0 or something failed before: for a pt_buf's err, so that
 * nothing is shown shortened. */
PT_API void pt_out_fail(struct pt_out *o, int err);
/* What went wrong so far, 0 or a negative errno: with -EPIPE nobody reads any more. Flushing first writes what
 * waits (not the first records of a table, whose widths are not known), for output that goes on for long. */
PT_API int pt_out_failed(const struct pt_out *o);
PT_API int pt_out_flush(struct pt_out *o);
PT_API enum pt_out_fmt pt_out_format(const struct pt_out *o);

/* Appends S (N bytes) so that it is safe on a terminal. */
PT_API void pt_escape(struct pt_buf *b, const char *s, size_t n);
/* The same of a line of a file, whose tabs stay. */
PT_API void pt_escape_line(struct pt_buf *b, const char *s, size_t n);
/* Appends S as a JSON string with quotes, valid UTF-8 whatever the input. */
PT_API void pt_escape_json(struct pt_buf *b, const char *s, size_t n);

#endif
