/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptconf. */
#ifndef PTCONF_H
#define PTCONF_H

#include <limits.h>

#include <patronus/change.h>
#include <patronus/cli.h>
#include <patronus/edit.h>
#include <patronus/plan.h>

/* get.c */
int cmd_get(struct pt_cli *c);
int complete_get(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* set.c */
int cmd_set(struct pt_cli *c);
int cmd_delete(struct pt_cli *c);
int complete_set(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_delete(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* edit.c */
int cmd_edit(struct pt_cli *c);
/* drift.c */
int cmd_drift(struct pt_cli *c);
/* file_lock.c: one change of C's file at a time, and none while another session holds `ptconf lock`. WHAT for the next one's
 * message. */
struct file_lock {
	int fd;
	char path[4096];
};
int file_lock_take(struct file_lock *l, struct pt_cli *c, const char *what);
void file_lock_release(struct file_lock *l);

/* lock.c */
int cmd_lock(struct pt_cli *c);
/* Who has the editor's lock, as an object KEY; null: nobody. */
void put_editor(struct pt_out *o, const char *key, const struct pt_editor *ed);
/* check.c, diff.c, apply.c, undo.c, history.c, status.c */
int cmd_check(struct pt_cli *c);
int cmd_diff(struct pt_cli *c);
int cmd_apply(struct pt_cli *c);
int cmd_confirm(struct pt_cli *c);
int cmd_rollback(struct pt_cli *c);
int cmd_history(struct pt_cli *c);
int cmd_show(struct pt_cli *c);
int cmd_compare(struct pt_cli *c);
int cmd_status(struct pt_cli *c);
int cmd_boot(struct pt_cli *c); /* boot.c */
int complete_boot(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_revision(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);

/* author.c: who runs this, and from where */
void author_of_us(struct pt_author *a);

/* common.c: what a command that changes something works with */
struct change_session {
	struct pt_cli *cli;
	char state[PATH_MAX];
	struct pt_change change;
	struct guard *guard;    /* started early, see guard.c; NULL: none */
	unsigned long long held[16]; /* the caller's signal mask */
};
/* The path of the state folder, which nobody else may write. */
int state_folder(struct pt_cli *c, char out[PATH_MAX]);
/* Sockets, author, state folder; no lock yet. */
int session_open(struct pt_cli *c, struct change_session *s);
/* The same whoever may write the folder: for the boot, which must close first, and which then takes nothing from such a folder. */
int session_open_any(struct pt_cli *c, struct change_session *s);
void session_close(struct change_session *s);
/* The lock, and what others left is finished. From here to the end no signal ends this process half-way. A window whose guard
 * died gets another. */
int session_begin(struct change_session *s);
void session_end(struct change_session *s);
/* The bytes of the file that -f names and of those that it includes, and its configuration. An exit status or errno. */
int texts_of_file(struct pt_cli *c, struct pt_texts *out);
/* Those of a configuration that is read; IS_FILE: its relative paths begin here. 0 or a negative errno. */
int texts_of_conf(const struct pt_conf *conf, bool is_file, struct pt_texts *out);
/* Of a revision by its name; what is damaged on the way is told. */
int texts_of_revision(struct pt_cli *c, const char *state, const char *name, struct pt_texts *out, uint32_t *number);
void describe_time(uint64_t t, char out[32]);
/* What is wrong at a place of the file is an error of configuration, whatever its kind. */
int plan_exit(struct pt_cli *c, int rc);

/* candidate.c: of another program that this one is part of; see tools.h. TEXTS_OF_CANDIDATE as texts_of_file(). */
bool candidate_given(void);
int texts_of_candidate(struct pt_cli *c, struct pt_texts *out);
/* Takes the lock of the file, and lets HOW replace it. */
int candidate_begin(struct pt_cli *c, struct file_lock *l, struct pt_change_how *how);
/* What RC means for whoever made the candidate. */
void candidate_end(struct pt_cli *c, struct file_lock *l, int rc);

/* compare.c: how two configurations differ, file by file; LINES counts what goes and comes */
int put_texts_diff(struct pt_out *o, const char *old_name, const struct pt_texts *old, const char *new_name,
		   const struct pt_texts *new, size_t *lines);

/* meaning.c: what changes for packets between the rules in force and the file */
int put_meaning(struct pt_cli *c, struct pt_out *o, struct pt_nl *nf, struct pt_nl *route);

/* guard.c */
struct guard;
/* Starts it, small and idle; it waits for guard_arm() and goes when its parent does without. */
int guard_start(const struct change_session *s, struct guard **out, struct pt_err *e);
int guard_arm(struct guard *g, const struct pt_window *w, struct pt_err *e);
void guard_free(struct guard *g);

/* probe.c: one question to the network */
struct probe;
int probes_parse(struct pt_cli *c, struct probe **out);
/* Asks all until each has answered, or until the deadline of CLOCK_BOOTTIME. True: all did. WHICH names one that did not. */
bool probes_run(struct probe *p, uint64_t deadline, const char **which);
void probes_free(struct probe *p);

/* common.c: the log of the machine */
void log_line(struct pt_change *c, const char *text);

#endif
