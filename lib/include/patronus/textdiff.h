/* SPDX-License-Identifier: GPL-3.0-or-later */
/* textdiff - how two texts differ, line by line: the fewest lines, where that is not too dear to find out. */
#ifndef PATRONUS_TEXTDIFF_H
#define PATRONUS_TEXTDIFF_H

#include <patronus/base.h>

/* One line of a unified difference. */
struct pt_textdiff_line {
	char sign;               /* ' ' in both, '-' of the old text, '+' of the new one, '@' begins a part */
	const char *text;        /* without its end; '@': the line's own form "@@ -1,3 +1,4 @@" */
	size_t len;
	size_t old_line, new_line; /* from 1; where it stands, or would */
	bool no_newline;         /* the last line of its text, without an end */
};
typedef int (*pt_textdiff_cb)(const struct pt_textdiff_line *l, void *arg);

/* Tells what differs, with CONTEXT lines around it; N, which may be NULL, counts the lines with a sign. A negative value of CB ends
 * it. -ENOMEM. */
PT_API int pt_textdiff(const char *old, size_t old_len, const char *new, size_t new_len, size_t context, pt_textdiff_cb cb,
		       void *arg, size_t *n) PT_MUST;

#endif
