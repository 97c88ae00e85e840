/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of a question, the same in words and in JSON. */
#ifndef PLAN_QUESTION_H
#define PLAN_QUESTION_H

#include "plan/internal.h"

/* A question that is being read. */
struct asked {
	const struct pt_world *world;
	uint64_t now;
	struct pt_question *q;
	uint32_t given;          /* bits of ASKED_* */
	const char *hint;        /* beside what a setter says is wrong; NULL: none */
};

/* In the order of asked_fields. */
enum asked_field {
	ASKED_DIR, ASKED_ON, ASKED_AF, ASKED_PROTO, ASKED_SRC, ASKED_SPORT, ASKED_DST, ASKED_DPORT,
	ASKED_FLAGS, ASKED_TYPE, ASKED_CODE, ASKED_TAG, ASKED_TOS, ASKED_MAC, ASKED_USER, ASKED_GROUP, ASKED_AT, ASKED_STATE,
	ASKED_RECEIVED,
	ASKED_FIELDS,
};
#define ASKED_WORDS ASKED_FLAGS /* those from here on may follow the addresses */

struct asked_setter {
	const char *name;
	/* NULL, or what is wrong with VALUE. */
	const char *(*set)(struct asked *a, const char *value);
};
extern const struct asked_setter asked_setters[ASKED_FIELDS];

void asked_begin(struct asked *a, const struct pt_world *w, uint64_t now, struct pt_question *q);
/* NULL, or what is wrong with VALUE or with saying it now. */
const char *asked_set(struct asked *a, enum asked_field f, const char *value);
/* What was left out gets its usual value; NULL, or what is wrong; *FIELD is about what. */
const char *asked_end(struct asked *a, enum asked_field *field);
bool asked_has_ports(uint8_t proto);

/* time.c: "sat 22:30", "22:30", "2026-11-21 22:30", seconds since the epoch; of ZONE (NULL: the machine's); the week and day of NOW. NULL, or
 * what is wrong. */
const char *question_time(const char *zone, uint64_t now, const char *text, uint64_t *out);

#endif
