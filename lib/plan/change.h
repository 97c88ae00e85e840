/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of a change. */
#ifndef PLAN_CHANGE_H
#define PLAN_CHANGE_H

#include <patronus/change.h>
#include <patronus/record.h>

#include "plan/internal.h"

/* STATE/NAME; -ENAMETOOLONG with a record. */
int change_path(const char *state, const char *name, char *out, size_t size, struct pt_err *e);
void change_say(struct pt_change *c, const char *fmt, ...) PT_PRINTF(2, 3);

/* window.c */
#define WINDOW_FILE "window"
#define WINDOW_NEXT "window.next"
uint64_t change_netns(void);
/* namespaces.c: a process other than EXCEPT is in that network namespace, or a name keeps it. Where it cannot be known, true. */
bool change_netns_lives(uint64_t inode, int except);
void change_boot_id(char out[40]);
void change_put_author(struct pt_buf *b, const struct pt_author *a);
void change_get_author(const struct pt_record *r, struct pt_author *out);
int window_write(const char *state, const char *name, const struct pt_window *w, struct pt_err *e);
/* WINDOW_NEXT becomes WINDOW_FILE: needs no room on the disk. */
int window_commit(const char *state, struct pt_err *e);
/* Nothing is open any more. */
int window_remove(const char *state, struct pt_err *e);

/* snapshot.c: STATE/snapshot.NAME of each subsystem */
int snapshot_take(struct pt_change *c, const struct pt_whole *planned, uint64_t id, struct pt_err *e);
/* What is damaged is left out with a warning. W is planned and in force, or has no configuration. */
int snapshot_restore(struct pt_change *c, uint64_t id, struct pt_whole *w, struct pt_err *e);
void snapshot_remove(const char *state);

/* rewrite.c: the author's files, which HOW replaces. What is not written is not touched by the way back. */
bool rewrite_wanted(const struct pt_change_how *how);
/* The note of what was in them: before anything else of the window ID. */
int rewrite_prepare(struct pt_change *c, const struct pt_change_how *how, uint64_t id, struct pt_err *e);
/* All or none of them; -ESTALE: somebody else changed one meanwhile. */
int rewrite_files(const struct pt_change_how *how, struct pt_err *e);
/* They are as before window ID (0: whichever there is a note of); those that cannot be are told as warnings. */
void rewrite_undo(struct pt_change *c, uint64_t id, struct pt_err *e);
void rewrite_forget(const char *state);

/* editor.c: nobody else is at work; -EWOULDBLOCK */
int change_editor_allows(struct pt_change *c, struct pt_err *e);

/* undo.c: BASE in force again, or an older confirmed one where that is damaged; *NUMBER tells. 0: what the snapshot says. */
int undo_to(struct pt_change *c, uint32_t base, uint64_t snapshot, uint32_t *number, struct pt_err *e);
/* W's texts, planned and in force. */
int undo_put_in_force(struct pt_whole *w, struct pt_err *e);
/* The window is over, whatever came of it: files go. */
int undo_tidy(struct pt_change *c, struct pt_err *e);

#endif
