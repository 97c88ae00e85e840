/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_words - the rarer words of random rules: conditions whose facts a test knows of each packet that it sends, what
 * is set on packets, options of states and of logs whose limits are never met. None of them leaves anything to chance.
 */
#ifndef PATRONUS_TESTS_LAB_WORDS_H
#define PATRONUS_TESTS_LAB_WORDS_H

#include <patronus/policy.h>

/* The rule so far. */
struct lab_words {
	uint32_t (*rnd)(uint32_t n);
	enum pt_action action;
	int dir; /* 0 both, 1 in, 2 out */
	bool tcp, udp, state; /* it can be for these, and keeps a state */
};

/* What the words need: sections of the file, before its rules. */
extern const char lab_words_sections[];
/* Types of service that packets should have. */
extern const uint8_t lab_words_tos[5];

void lab_words_log(struct pt_buf *b, const struct lab_words *w);
/* Instead of a source's address; NULL: an address. */
const char *lab_words_source(const struct lab_words *w);
void lab_words_conditions(struct pt_buf *b, const struct lab_words *w);
void lab_words_states(struct pt_buf *b, const struct lab_words *w);
void lab_words_set(struct pt_buf *b, const struct lab_words *w);

#endif
