/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A packet in words: its own parts, and what UDP carries. */
#ifndef DIAG_CAPTURE_WORDS_H
#define DIAG_CAPTURE_WORDS_H

#include "diag/capture.h"

/* "tcp 192.0.2.1:4000 > 192.0.2.2:80" */
void words_ends(const struct pt_seen *s, struct pt_buf *b);

/* capture_apps.c: what UDP carries, by port and by what it begins with. */
struct words_app {
	const char *name;
	bool (*is)(const struct pt_seen *s);
	void (*say)(const struct pt_seen *s, struct pt_buf *b);
};
extern const struct words_app words_apps[];
extern const size_t n_words_apps;

#endif
