/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history - what was put in force, by whom, and what became of it: numbered revisions in a folder of plain files.
 *
 *   STATE/history/000012.conf      the bytes that were applied
 *   STATE/history/000012.1.conf …  the files that they include
 *   STATE/history/000012.1.table … the files of its tables, one file on disk for as long as they do not change
 *   STATE/history/000012.meta      time, author, source, comment, digests of the bytes (patronus/record.h)
 *   STATE/history/000012.end       what became of it
 *   STATE/confirmed                the number of the last confirmed one; replaced by a rename
 *
 * The folder is given by the caller: PT_STATE_DIR, or another one for another network namespace. It must belong to root or
 * the caller and be written by nobody else.
 */
#ifndef PATRONUS_HISTORY_H
#define PATRONUS_HISTORY_H

#include <patronus/conf.h>

#define PT_STATE_DIR "/var/lib/patronus"
#define PT_HISTORY_KEEP 50
#define PT_REVISION_MAX 999999

/* Who changes something, and from where. What is not known is "" or 0. */
struct pt_author {
	char user[65];          /* the login user, through sudo */
	char tty[65];           /* "/dev/pts/3" */
	char client[65];        /* address of the SSH client */
	uint32_t uid;           /* of the login user */
	uint32_t session;       /* of the audit, 0: none */
	int leader;             /* process that leads the session of the terminal, … */
	uint64_t leader_started; /* … see pt_process_started() */
};
/* "alice from 192.0.2.7 on pts/3" */
PT_API void pt_author_fmt(struct pt_buf *b, const struct pt_author *a);
/* WHO is in another session than A: another one of the audit where both have one, else of the terminal. */
PT_API bool pt_author_elsewhere(const struct pt_author *a, const struct pt_author *who);

enum pt_revision_state {
	PT_REVISION_PENDING,     /* waits for its confirmation, or is being put in force */
	PT_REVISION_CONFIRMED,
	PT_REVISION_UNDONE,
	PT_REVISION_UNKNOWN,     /* nothing says what became of it */
	PT_REVISION_DAMAGED,     /* PROBLEM says how */
};

struct pt_revision {
	uint32_t number;
	enum pt_revision_state state;
	uint64_t time;           /* seconds since the epoch */
	struct pt_author author; /* user, tty and client only */
	const char *source;      /* path of the file */
	const char *comment;     /* "" none */
	uint32_t window;         /* seconds for its confirmation, 0: it needed none */
	bool strict;             /* that had to come from another session */
	char digest[65];         /* of the file's bytes */
	size_t len;
	uint64_t ended;          /* when it was confirmed or undone, 0: not known */
	const char *by;          /* who did: a user, "guard", "probe", "apply", "reboot" */
	const char *why;         /* more of it, "" nothing */
	int back;                /* confirmed ones: 0 the last, 1 the one before; -1 others */
	const char *problem;
};

struct pt_history {
	struct pt_arena *arena;
	PT_VEC(struct pt_revision) list; /* by number */
	uint32_t confirmed;      /* the last confirmed one, 0: none */
};

/* The bytes of a configuration, whatever was read once. */
struct pt_texts {
	struct pt_arena *arena;
	const char *name;        /* path of the first file, which relative paths begin at */
	const char *text;
	size_t len;
	PT_VEC(struct pt_conf_source) more; /* files that it includes */
	PT_VEC(struct pt_conf_source) tables; /* files of its tables as they were, of a revision only */
};
PT_API void pt_texts_fini(struct pt_texts *t);

/* Makes the folder and what is in it where it is missing, and checks who may write there. */
PT_API int pt_history_open(const char *state, struct pt_err *e) PT_MUST;
/* The list, with what is damaged marked as such. PENDING is the number of the one that waits, 0: none. A state folder that is
 * not there is an empty history. */
PT_API int pt_history_read(const char *state, uint32_t pending, struct pt_history **out, struct pt_err *e) PT_MUST;
PT_API void pt_history_free(struct pt_history *h);
PT_API const struct pt_revision *pt_history_find(const struct pt_history *h, uint32_t number);
PT_API const struct pt_revision *pt_history_back(const struct pt_history *h, unsigned int back);
/* "1" is the confirmed revision before the last one, "r12" is number 12. -ENOENT, -EINVAL with a record. */
PT_API int pt_history_name(const struct pt_history *h, const char *name, const struct pt_revision **out, struct pt_err *e) PT_MUST;
PT_API const char *pt_revision_state_name(enum pt_revision_state s);

/* The next number. R's time, author, source, comment and window are written with the bytes of C; R gets its number. */
PT_API int pt_revision_write(const char *state, const struct pt_conf *c, struct pt_revision *r, struct pt_err *e) PT_MUST;
/* -EBADMSG with a record: its bytes are not those that were applied. */
PT_API int pt_revision_read(const char *state, uint32_t number, struct pt_texts *out, struct pt_err *e) PT_MUST;
PT_API int pt_revision_end(const char *state, uint32_t number, enum pt_revision_state how, const char *by, const char *why,
			   struct pt_err *e) PT_MUST;
/* As if it had never been: of an apply that was refused before anything changed. */
PT_API void pt_revision_remove(const char *state, uint32_t number);
/* Removes the oldest beyond PT_HISTORY_KEEP, never NUMBER, the confirmed one, or PENDING. */
PT_API void pt_history_prune(const char *state, uint32_t pending);

/* The confirmed number is replaced in two steps, so that the second needs no room on the disk: prepare writes it aside. */
PT_API int pt_confirmed_prepare(const char *state, uint32_t number, struct pt_err *e) PT_MUST;
PT_API int pt_confirmed_commit(const char *state, struct pt_err *e) PT_MUST;
/* Nothing is prepared any more; needs no room. */
PT_API int pt_confirmed_cancel(const char *state, struct pt_err *e) PT_MUST;
/* What commit would make it, 0: nothing. */
PT_API uint32_t pt_confirmed_prepared(const char *state);
/* 0: none. */
PT_API uint32_t pt_confirmed_read(const char *state);
/* Both, for whoever would take nothing for an answer. Negative: they cannot be read now, for want of memory or descriptors. */
PT_API int pt_confirmed_numbers(const char *state, uint32_t *confirmed, uint32_t *prepared, struct pt_err *e) PT_MUST;
/* The same, with what is wrong with the file, or with the revision that it names. */
PT_API int pt_confirmed_check(const char *state, uint32_t *number, struct pt_err *e) PT_MUST;

#endif
