/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change - one change of the whole system that can be undone: apply, confirm, undo, and what is left to do after a crash.
 *
 * Everything that the way back needs is on disk before the switch: the revision, the snapshot, the window. Whoever comes next,
 * the guard, another command or the boot, can finish what was begun. See "Files" in ptconf(8).
 */
#ifndef PATRONUS_CHANGE_H
#define PATRONUS_CHANGE_H

#include <patronus/edit.h>
#include <patronus/history.h>
#include <patronus/subsystem.h>

#define PT_WINDOW_MAX 86400      /* seconds */

/* A change that is not confirmed yet, as it is on disk: STATE/window. */
struct pt_window {
	uint64_t id;             /* of this window, never the same again */
	uint32_t revision, base; /* waits; comes back. BASE 0: what the snapshot says was in force */
	bool switching;          /* is being put in force by PID; else it waits */
	uint32_t seconds;        /* 0: nobody waits, it is confirmed when it is in force */
	uint64_t deadline;       /* nanoseconds of CLOCK_BOOTTIME, in this boot */
	char boot[40];           /* boot id of the kernel that it was made in */
	uint64_t netns;          /* inode of the network namespace */
	uint64_t time;           /* seconds since the epoch */
	int pid;                 /* who applies */
	uint64_t started;
	bool strict;
	uint64_t snapshot;       /* id of the snapshot that belongs to it */
	struct pt_author author;
};

/* 0 also where there is none: W->revision is 0 then. A damaged one is told, -EBADMSG. */
PT_API int pt_window_read(const char *state, struct pt_window *w, struct pt_err *e) PT_MUST;
/* Is it of this boot? Of another one, nothing of it is in the kernel. */
PT_API bool pt_window_here(const struct pt_window *w);
/* Nanoseconds left, negative when it is over. */
PT_API int64_t pt_window_left(const struct pt_window *w);
/* Of a network namespace that is not there any more: its rules went with it. One that only its guard is left in is gone. */
PT_API bool pt_window_gone(const char *state, const struct pt_window *w);
/* Whether a change waits, or is being made, in this network namespace and boot; W tells which. Where it cannot be known, false. */
PT_API bool pt_window_open(const char *state, struct pt_window *w);
/* A window is open in this network namespace and boot: nobody else may change the rules. -EBUSY with a record that names it.
 * For tools that are not ptconf. Where it cannot be known, 0. */
PT_API int pt_window_refuse(const char *state, struct pt_err *e) PT_MUST;
/* Nanoseconds of CLOCK_BOOTTIME: the one that runs on while the machine sleeps, and that nobody can set. */
PT_API uint64_t pt_boottime(void);

/* Process of the guard of window W by its note, 0: none is there. Alive: and nobody has stopped it. */
PT_API int pt_guard_pid(const char *state, const struct pt_window *w);
PT_API int pt_guard_alive(const char *state, const struct pt_window *w);
/* This process is the guard of W; and is it no more. */
PT_API int pt_guard_note(const char *state, const struct pt_window *w) PT_MUST;
PT_API void pt_guard_forget(const char *state, const struct pt_window *w);

/* One writer at a time over a state folder. */
struct pt_change {
	const char *state;
	struct pt_author author;
	struct pt_nl *nf, *route;
	int lock;                /* -1: not held */
	/* Called before the switch of an apply with a window; starts who guards it. NULL: nobody does. */
	int (*guard)(struct pt_change *c, const struct pt_window *w, struct pt_err *e);
	/* What is worth a line in the log: "r13 is in force …", and a step that a test may stop at. NULL: nobody hears. */
	void (*log)(struct pt_change *c, const char *text);
	void *arg;
};

/* Takes the lock: -ETIMEDOUT with a record that says who holds it for too long, since when and from where. FORCE: also against
 * an editor's lock (pt_editor_*), which is -EWOULDBLOCK else. Then finishes what others left: see pt_change_settle(). */
PT_API int pt_change_begin(struct pt_change *c, bool force, struct pt_err *e) PT_MUST;
PT_API void pt_change_end(struct pt_change *c);
/* Process that holds the lock, 0: nobody; WHO, which may be NULL, gets what the message would say. */
PT_API int pt_change_holder(const char *state, struct pt_buf *who);

/* Undoes a window that is over, or whose apply died in the switch; forgets one of another boot. DONE tells of an undo. Under
 * the lock; pt_change_begin() calls it. */
PT_API int pt_change_settle(struct pt_change *c, bool *done, struct pt_err *e) PT_MUST;

struct pt_change_how {
	const char *comment;
	uint32_t window;         /* seconds, 0: confirmed at once */
	bool strict;
	bool probes;             /* somebody will confirm it by what the network answers */
	bool force;              /* in place of a change that waits, which is not confirmed first. One that had to be confirmed
				  * from another session is followed by such a one, unless this is that other session */
	enum pt_engine engine;
	/* The author's own files, which get the texts of TO as part of the change, and come back with it: FROM is what is in them now
	 * (-ESTALE else), file by file, by absolute paths. NULL: they are none of its business. */
	const struct pt_edit_texts *from, *to;
};
/* Puts W, which is planned, in force. R is filled; R->number 0: nothing differed and nothing was done. -ECANCELED with
 * records: a subsystem refused and all are as before; -EPERM: it would confirm what must be confirmed from another session. */
PT_API int pt_change_apply(struct pt_change *c, struct pt_whole *w, const struct pt_change_how *how, struct pt_revision *r,
			   size_t *writes, struct pt_err *e) PT_MUST;
/* -ENOENT with a record: nothing waits; -EPERM: it must come from another session. */
PT_API int pt_change_confirm(struct pt_change *c, const char *by, struct pt_window *was, struct pt_err *e) PT_MUST;
/* What was before comes back. -ENOENT: nothing waits. */
PT_API int pt_change_undo(struct pt_change *c, const char *by, const char *why, struct pt_window *was, struct pt_err *e) PT_MUST;
/* Puts the last confirmed revision in force that can be read, for the boot; NUMBER tells which. -ENOENT: there is none. */
PT_API int pt_change_restore(struct pt_change *c, uint32_t *number, struct pt_err *e) PT_MUST;

/* ---- a second pair of eyes ---- */

/* For programs that run all the time: when the guard of a window died, or the state folder was removed with a change waiting, that
 * change is undone at its deadline all the same. */
struct pt_keeper;
PT_API int pt_keeper_open(const char *state, struct pt_keeper **out, struct pt_err *e) PT_MUST;
PT_API void pt_keeper_close(struct pt_keeper *k);
/* Readable when pt_keeper_look() is to be called, which is to be called once in the beginning, too. -1: of NULL. */
PT_API int pt_keeper_fd(const struct pt_keeper *k);
/* UNDONE is the revision that was undone here, 0: none had to be. What failed is tried again. */
PT_API int pt_keeper_look(struct pt_keeper *k, uint32_t *undone, struct pt_err *e) PT_MUST;
/* The same for the guard itself, which sleeps: what comes back, taken while the folder is there; whether that is gone; and what
 * comes back is put in force. */
PT_API int pt_window_texts(const char *state, const struct pt_window *w, struct pt_texts *out) PT_MUST;
PT_API bool pt_state_lost(const char *state);
PT_API int pt_change_way_back(struct pt_change *c, const struct pt_texts *texts, struct pt_err *e) PT_MUST;

/* ---- an editor's lock: of a session, for as long as it lives or until it is given back ---- */

struct pt_editor {
	struct pt_author author; /* author.user "" : nobody holds it */
	uint64_t since;
	bool alive;
};
PT_API int pt_editor_read(const char *state, struct pt_editor *out, struct pt_err *e) PT_MUST;
/* -EWOULDBLOCK with a record that names the holder. WAS: a dead one whose lock was taken over, or the one it was stolen from. */
PT_API int pt_editor_take(struct pt_change *c, bool steal, struct pt_editor *was, struct pt_err *e) PT_MUST;
PT_API int pt_editor_release(struct pt_change *c, bool force, struct pt_err *e) PT_MUST;

#endif
