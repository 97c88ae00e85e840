/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptconf. */
#ifndef PTCONF_H
#define PTCONF_H

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
/* Judges a text as an apply would, without the kernel; fits struct pt_edit. */
int check_text(const char *name, const char *text, size_t len, struct pt_conf_more *more, void *arg, struct pt_err *e);
/* edit.c */
int cmd_edit(struct pt_cli *c);
/* file_lock.c: one change of a file at a time. WHO for the next one's message. */
struct file_lock {
	int fd;
	char path[4096];
};
int file_lock_take(struct file_lock *l, const char *file, const char *who, struct pt_err *e);
void file_lock_release(struct file_lock *l);

#endif
