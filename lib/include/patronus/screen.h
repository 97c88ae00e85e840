/* SPDX-License-Identifier: GPL-3.0-or-later */
/* screen - a terminal as a screen of lines and a source of keys, given back as it was found. */
#ifndef PATRONUS_SCREEN_H
#define PATRONUS_SCREEN_H

#include <patronus/base.h>
#include <stdbool.h>
#include <termios.h>

struct pt_screen {
	int fd_signals;        /* -1: none */
	bool drawn;            /* the terminal is ours */
	struct termios before;
	unsigned int rows, columns;
	struct pt_buf out;     /* of the picture that is made */
};

enum pt_screen_event { PT_SCREEN_TIME, PT_SCREEN_KEY, PT_SCREEN_AGAIN, PT_SCREEN_QUIT };

/* Standard input and output are a terminal that can be drawn on? */
PT_API bool pt_screen_possible(void);
/* 0 or a negative errno with a record; pt_screen_close() in any case, of zeros too. */
PT_API int pt_screen_open(struct pt_screen *s, struct pt_err *e);
PT_API void pt_screen_close(struct pt_screen *s);
/* A picture: lines from the top, cut at the edge; what is below the last one is empty. TEXT is shown as it is but for
 * what is not printable ASCII; REVERSE over the whole width. -errno. */
PT_API void pt_screen_begin(struct pt_screen *s);
PT_API void pt_screen_line(struct pt_screen *s, unsigned int row, const char *text, bool reverse);
PT_API int pt_screen_end(struct pt_screen *s);
/* Waits for a key or until TIMEOUT_MS is over. AGAIN: the size changed, or we were stopped and go on. QUIT: asked to
 * end by a signal or the end of the input. */
PT_API enum pt_screen_event pt_screen_wait(struct pt_screen *s, int timeout_ms, char *key);

#endif
