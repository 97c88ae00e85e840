/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * line - what is typed at the console: commands of words, and what their output goes through.
 *
 *	show states | match 192\.0\.2\. | last 20 ; exit
 *
 * Blanks part words; "..." holds them together, with \" \\ \n \t inside, and '...' does with nothing special inside. A `|` or `;`
 * on its own begins a stage or the next command, a `#` at the beginning of a word a comment. All other characters are what they
 * are: rules need no quotes for { } < > ! and ( ). Pure functions over bytes.
 */
#ifndef PATRONUS_LINE_H
#define PATRONUS_LINE_H

#include <patronus/base.h>

#define PT_LINE_MAX 65536 /* bytes of a line */

struct pt_line_word {
	const char *s;     /* without its quotes */
	uint32_t from, to; /* bytes of the line that it was */
	bool quoted;
};

typedef PT_VEC(struct pt_line_word) pt_line_words;

struct pt_line_command {
	pt_line_words words;              /* none: an empty command */
	PT_VEC(pt_line_words) stages;     /* behind each `|` */
};

struct pt_line {
	PT_VEC(struct pt_line_command) commands; /* at least one */
	char open;        /* the quote that the line ends in; 0: none */
	bool blank;       /* it ends in a blank, or is empty: a next word would be a new one */
};

/* Takes N bytes apart, into A. A quote that is not closed is no error but told in OPEN: whoever completes needs the words.
 * -EINVAL with *AT: a control character or a stage without a command; -E2BIG: longer than PT_LINE_MAX; -ENOMEM. */
PT_API int pt_line_parse(const char *s, size_t n, struct pt_arena *a, struct pt_line *out, size_t *at) PT_MUST;
/* Appends a word so that pt_line_parse() reads it back as one. */
PT_API void pt_line_quote(struct pt_buf *b, const char *word);

#endif
