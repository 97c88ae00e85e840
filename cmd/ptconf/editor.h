/* SPDX-License-Identifier: GPL-3.0-or-later */
/* editor.h - the editor that somebody wants, and its run beneath signals that would end us. */
#ifndef PTCONF_EDITOR_H
#define PTCONF_EDITOR_H

#include <poll.h>
#include <signal.h>

#include <patronus/cli.h>

#define EDITOR_WORDS_MAX 16

struct editor {
	size_t n;
	char command[1024];               /* taken apart in place */
	char *argv[EDITOR_WORDS_MAX + 2]; /* its words, the file, NULL */
	char program[4096];
};

/* By VISUAL, EDITOR, or what the machine has. An exit status with a record. */
int editor_find(struct pt_cli *c, struct editor *ed);
/* Runs it on FILE, to its end, or to ours: see editor_ended(). An exit status or a negative errno with a record. */
int editor_run(struct pt_cli *c, struct editor *ed, char *file);

/* Between begin and end SIGHUP and SIGTERM are noticed where we wait, and nowhere else. */
void editor_begin(void);
void editor_end(void);
/* The signal that was to end us; 0: none was. */
int editor_ended(void);
/* poll(2) without a time-out, which those signals end. */
int editor_wait(struct pollfd *fd);

#endif
