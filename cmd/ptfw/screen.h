/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A terminal as a screen of lines and a source of keys, given back as it was found. */
#ifndef PTFW_SCREEN_H
#define PTFW_SCREEN_H

#include <patronus/base.h>
#include <stdbool.h>
#include <termios.h>

struct screen {
	int fd_signals;        /* -1: none */
	bool drawn;            /* the terminal is ours */
	struct termios before;
	unsigned int rows, columns;
	struct pt_buf out;     /* of the picture that is made */
};

enum screen_event { SCREEN_TIME, SCREEN_KEY, SCREEN_AGAIN, SCREEN_QUIT };

/* Standard input and output are a terminal that can be drawn on? */
bool screen_possible(void);
/* 0 or a negative errno with a record; screen_close() in any case, of zeros too. */
int screen_open(struct screen *s, struct pt_err *e);
void screen_close(struct screen *s);
/* A picture: lines from the top, cut at the edge; what is below the last one is empty. TEXT is shown as it is but for
 * what is not printable ASCII; REVERSE over the whole width. -errno. */
void screen_begin(struct screen *s);
void screen_line(struct screen *s, unsigned int row, const char *text, bool reverse);
int screen_end(struct screen *s);
/* Waits for a key or until TIMEOUT_MS is over. AGAIN: the size changed, or we were stopped and go on. QUIT: asked to
 * end by a signal or the end of the input. */
enum screen_event screen_wait(struct screen *s, int timeout_ms, char *key);

#endif
