/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/hand - what is shared by what is done by hand: one line of messages, and how its refusal is told. */
#ifndef PLAN_HAND_H
#define PLAN_HAND_H

#include <patronus/hand.h>
#include <patronus/nl.h>

struct hand_line {
	struct pt_nl_stream *s;
	struct pt_nl_refusal refusal;
};

int hand_line_open(struct hand_line *l, struct pt_nl *route);
/* Sends it, unless RC is a failure already, and tells what the kernel says of WHAT: "add", "route 10.0.0.0/8 dev eth0". */
int hand_line_close(struct hand_line *l, int rc, const char *op, const char *what, struct pt_err *e);
/* -ENODEV with a record. */
int hand_no_device(const char *name, struct pt_err *e);

/* The words at work, with the kernel's links. */
struct hand_words {
	const struct pt_hand *h;
	const char *words;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_err *e;
};
int hand_words_begin(struct hand_words *w, const struct pt_hand *h, const char *words, struct pt_err *e);
int hand_words_end(struct hand_words *w, int rc, const char *doing);
/* The device that is meant; NULL: a record says that it is not there. */
const struct pt_link *hand_words_link(const struct hand_words *w, const char *name);
/* What is wrong with the words, with the place of it. */
int hand_words_fault(const struct hand_words *w, const struct pt_conf_fault *f, const char *hint);
/* One message, unless it is a dry run, and its line into what is told: "add route TEXT". TEXT is freed. */
int hand_words_write(const struct hand_words *w, enum pt_hand_op op, const char *kind, struct pt_buf *text,
		     int (*put)(struct pt_nl_stream *s, const void *arg), const void *arg);

extern const char *const hand_ops[]; /* by enum pt_hand_op */

#endif
