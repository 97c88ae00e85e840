/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * base - what every other module stands on: memory, strings, located errors.
 *
 * Every function that can fail returns 0 or a negative errno and, where it
 * takes a struct pt_err, has added at least one record that a person can act
 * on. Nothing here prints, exits, or touches global state.
 */
#ifndef PATRONUS_BASE_H
#define PATRONUS_BASE_H

#include <errno.h> /* pt_vec_push() says -ENOMEM */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PT_API __attribute__((visibility("default")))
#define PT_MUST __attribute__((warn_unused_result))
#define PT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PT_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- arena: memory of one configuration generation, freed as a whole ---- */

struct pt_arena;

PT_API struct pt_arena *pt_arena_new(void);      /* NULL: out of memory */
PT_API void pt_arena_free(struct pt_arena *a);   /* NULL is allowed */
/* Empties the arena and keeps some of its memory: for work that repeats. */
PT_API void pt_arena_reset(struct pt_arena *a);
/* All of these return NULL when out of memory; memory is zeroed, but for strings 16-aligned. */
PT_API void *pt_arena_alloc(struct pt_arena *a, size_t size);
/* The block P of OLD bytes with SIZE bytes, moved where it must be; P may be NULL, with OLD 0. What
 * is beyond OLD is not zeroed. */
PT_API void *pt_arena_grow(struct pt_arena *a, void *p, size_t old, size_t size);
PT_API char *pt_arena_strdup(struct pt_arena *a, const char *s);
PT_API char *pt_arena_strndup(struct pt_arena *a, const char *s, size_t n);
/* N bytes whatever they are, and a NUL behind them. */
PT_API char *pt_arena_memdup(struct pt_arena *a, const void *data, size_t n);
PT_API char *pt_arena_printf(struct pt_arena *a, const char *fmt, ...) PT_PRINTF(2, 3);

/* ---- vectors: PT_VEC(struct foo) v = {0}; ---- */

#define PT_VEC(type)                                                           \
	struct {                                                               \
		type *v;                                                       \
		size_t n, cap;                                                 \
	}

/* Makes room for one more element of SIZE bytes; -ENOMEM or 0. With an arena
 * the memory belongs to it, with NULL to the caller, who frees v. */
PT_API int pt_vec_grow(struct pt_arena *a, void **v, size_t n, size_t *cap, size_t size) PT_MUST;

/* 0 or -ENOMEM. ARENA may be NULL. */
#define pt_vec_push(arena, vec, item)                                          \
	((vec)->n >= (vec)->cap && pt_vec_grow((arena), (void **)&(vec)->v, (vec)->n, \
					       &(vec)->cap, sizeof(*(vec)->v)) ?      \
		 -ENOMEM :                                                     \
		 ((vec)->v[(vec)->n++] = (item), 0))

/* ---- growing strings ---- */

/* A buffer remembers its first failure in ERR (-ENOMEM) and then ignores
 * writes, so a writer checks once, at its end. S is NUL-terminated. */
struct pt_buf {
	char *s;
	size_t n, cap;
	int err;
};

PT_API void pt_buf_fini(struct pt_buf *b);
/* Room for N bytes in all, where it is known beforehand how many will come. */
PT_API void pt_buf_room(struct pt_buf *b, size_t n);
PT_API void pt_buf_add(struct pt_buf *b, const void *p, size_t n);
PT_API void pt_buf_str(struct pt_buf *b, const char *s);
PT_API void pt_buf_chr(struct pt_buf *b, char c);
PT_API void pt_buf_uint(struct pt_buf *b, uint64_t v); /* decimal */
PT_API void pt_buf_fmt(struct pt_buf *b, const char *fmt, ...) PT_PRINTF(2, 3);
PT_API void pt_buf_vfmt(struct pt_buf *b, const char *fmt, va_list ap);

/* For lines of which there are a hundred thousand: written at P, where the caller has room, without a NUL. They answer
 * the place behind. */
PT_API char *pt_put_str(char *p, const char *s);
#define PT_UINT_MAX_TEXT 20
PT_API char *pt_put_uint(char *p, uint64_t v);

/* The ending of the word behind a number: "%zu rule%s", n, pt_plural(n). */
static inline const char *pt_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- located errors ---- */

/* A place in a text that the user wrote. Lines and columns count from 1,
 * columns in bytes; line 0 means "no place". FILE outlives the record. */
struct pt_loc {
	const char *file;
	uint32_t line, col;
	uint32_t len; /* bytes to underline, 0 as 1 */
};

enum pt_sev { PT_ERROR, PT_WARNING };

struct pt_diag {
	enum pt_sev sev;
	struct pt_loc loc;
	char *msg;    /* what was attempted, on what, why it failed */
	char *hint;   /* what to do, or NULL */
	char *source; /* the line of LOC without its newline, or NULL */
};

/* The records of one run, in the order found. PT_ERR_MAX bounds them: a file
 * of garbage must not become gigabytes of messages; MORE counts the rest. */
#define PT_ERR_MAX 200
struct pt_err {
	PT_VEC(struct pt_diag) list;
	struct pt_arena *arena; /* made on first use */
	size_t n_errors, n_warnings, more;
};

PT_API void pt_err_fini(struct pt_err *e);
/* Adds a record. LOC and HINT may be NULL. SEV PT_ERROR counts in n_errors even
 * when memory for the text is missing. A NULL E is allowed. */
PT_API void pt_err_add(struct pt_err *e, enum pt_sev sev, const struct pt_loc *loc,
		       const char *hint, const char *fmt, ...) PT_PRINTF(5, 6);
/* Adds "WHAT: strerror" and returns CODE (negative errno), for `return pt_err_sys(...)`. */
PT_API int pt_err_sys(struct pt_err *e, int code, const char *fmt, ...) PT_PRINTF(3, 4);
/* Copies the text of LOC's line out of TEXT into the newest record. */
PT_API void pt_err_source(struct pt_err *e, const char *text, size_t len);

/* The candidate nearest to WORD (edit distance at most a third of its length,
 * at least 1), or NULL. For "did you mean" hints. */
PT_API const char *pt_nearest(const char *word, const char *const *cand, size_t n);
/* The same however far it is; NULL only where there is none at all. */
PT_API const char *pt_nearest_of_all(const char *word, const char *const *cand, size_t n);

/* ---- hashing: stable over versions and machines, not for secrets ---- */

PT_API uint32_t pt_hash32(const void *p, size_t n); /* FNV-1a, 32 bits */
PT_API uint64_t pt_hash64(const void *p, size_t n); /* FNV-1a, 64 bits */

/* What tells this build of the library from all others, in hexadecimal digits. -ENOENT: nothing does. */
PT_API int pt_build_id(char *out, size_t size) PT_MUST;
/* A fingerprint of many things in no order, within one run of the machine: equal things give equal ones, others do not but by an
 * accident of one in 2^64. Begin with zero; each thing is begun, filled and added. */
struct pt_tally {
	uint64_t a, b, n; /* N: things */
};
struct pt_tally_item {
	uint64_t a, b;
};
PT_API void pt_tally_begin(struct pt_tally_item *t, uint64_t kind);
#define PT_TALLY_A 0x9e3779b97f4a7c15ull /* odd numbers without a pattern: of the golden ratio and the square root of two */
#define PT_TALLY_B 0xb504f333f9de6485ull
static inline void pt_tally_word(struct pt_tally_item *t, uint64_t word)
{
	t->a = (t->a ^ word) * PT_TALLY_A;
	t->a ^= t->a >> 32;
	t->b = (t->b + word) * PT_TALLY_B;
	t->b ^= t->b >> 29;
}
PT_API void pt_tally_bytes(struct pt_tally_item *t, const void *p, size_t n);
PT_API void pt_tally_add(struct pt_tally *sum, const struct pt_tally_item *t);

/* SHA-256 of the bytes, 64 hexadecimal digits. */
PT_API void pt_digest(const void *p, size_t n, char out[65]);

/* ---- small parsers: whole string or -EINVAL, never partial ---- */

/* Decimal, no sign, no leading zero, at most MAX (-ERANGE). */
PT_API int pt_parse_uint(const char *s, uint64_t max, uint64_t *out) PT_MUST;
/* "90", "90s", "5m", "1h", "2d", "1h30m" into seconds, 1..UINT32_MAX. */
PT_API int pt_parse_duration(const char *s, uint32_t *out) PT_MUST;
/* Writes the shortest form that pt_parse_duration() reads back. */
PT_API void pt_fmt_duration(struct pt_buf *b, uint32_t seconds);

/* "10Mbit", "1.5Gbit", "800kbit" into bytes a second; -EINVAL, -ERANGE. And back, without what is finer than three digits. */
PT_API int pt_parse_rate(const char *s, uint64_t *out) PT_MUST;
PT_API void pt_fmt_rate(struct pt_buf *b, uint64_t bytes);
/* "100ms", "500us", "1.5s" into microseconds, 1..UINT32_MAX. */
PT_API int pt_parse_microseconds(const char *s, uint32_t *out) PT_MUST;

/* ---- files ---- */

/*
 * Reads a whole configuration file safely: a regular file owned by root or
 * the caller, not writable by group or others, its folder (and each above)
 * owned by root or the caller and not writable by others unless sticky, no
 * symbolic link at any component, at most MAX bytes. PATH "-" reads standard
 * input (fd 0), bounded alike. *DATA is malloc'ed and NUL-terminated beyond
 * *LEN. Never shows the contents in an error. Errors: -ELOOP, -EPERM,
 * -EFBIG, -EISDIR, -EINVAL (not a regular file), open(2)'s.
 */
PT_API int pt_file_read(const char *path, size_t max, char **data, size_t *len,
			struct pt_err *e) PT_MUST;
#define PT_FILE_MAX ((size_t)64 << 20)

/* Replaces PATH by DATA so that a power cut leaves the old or the new bytes:
 * temporary file beside it, fsync, rename, fsync of the folder. */
PT_API int pt_file_write(const char *path, const void *data, size_t len, mode_t mode,
			 struct pt_err *e) PT_MUST;

/* Takes an exclusive lock on PATH (made when missing, mode 0600), writing pid
 * and time into it. -EWOULDBLOCK with the holder's pid and since when in E.
 * *FD holds the lock until closed. */
PT_API int pt_lock(const char *path, int *fd, struct pt_err *e) PT_MUST;

/* The same with WHO holds it, one line without its end, for the message to the next one. A holder that died with it (the
 * kernel then gave it free) is told in STALE, which may be NULL. */
PT_API int pt_lock_as(const char *path, const char *who, int *fd, struct pt_buf *stale, struct pt_err *e) PT_MUST;
/* Gives it back; -1 is allowed. */
PT_API void pt_unlock(int fd);
/* Who holds it, as in the message; false: nobody. */
PT_API bool pt_lock_holder(const char *path, struct pt_buf *who);

/* A folder of ours: owned by root or the caller, written by nobody else, sticky or not; those above it as pt_file_read() asks it of
 * those above a file; no link on the way. A descriptor of it, or a negative errno with a record. */
PT_API int pt_folder_open(const char *path, struct pt_err *e) PT_MUST;
/* The same of one that may have to be made first, with those above it, mode 0755; 0 or a negative errno with a record. */
PT_API int pt_folder_make(const char *path, struct pt_err *e) PT_MUST;
/* Others must not write into PATH, itself a folder and no link, nor own it: from now on. For those who have to go on. True: it was
 * not so before. */
PT_API bool pt_folder_take_back(const char *path);

/* When a process was started, in ticks since the boot: with its number it is that process and no later one. 0: there is none. */
PT_API uint64_t pt_process_started(int pid);
/* Somebody has stopped it (SIGSTOP, a debugger): it does nothing until it is let go on. */
PT_API bool pt_process_stopped(int pid);

/* mkdir -p of an absolute path, mode 0755 for what it makes. */
PT_API int pt_mkdirs(const char *path, struct pt_err *e) PT_MUST;

#endif
