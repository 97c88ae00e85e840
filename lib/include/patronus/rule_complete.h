/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rule_complete - what may stand next in a rule that is being written. A pure function over its text so far. */
#ifndef PATRONUS_RULE_COMPLETE_H
#define PATRONUS_RULE_COMPLETE_H

#include <patronus/base.h>

/* What could come. Where it is no word of the language, the caller knows which names there are. */
enum pt_rule_place {
	PT_PLACE_WORD,
	PT_PLACE_INTERFACE, /* or a group of them */
	PT_PLACE_HOST,      /* an address or a name; the names of interfaces stand for their addresses, too */
	PT_PLACE_TARGET,    /* of a translation: an address or an interface */
	PT_PLACE_TABLE,     /* written <t> */
	PT_PLACE_DYNAMIC,   /* an interface, written (i) */
	PT_PLACE_SCHEDULE,
	PT_PLACE_QUEUE,
	PT_PLACE_ANCHOR,
	PT_PLACE_TAG,       /* one that is asked for; those that rules set are known */
	PT_PLACE_USER,
	PT_PLACE_GROUP,
	PT_PLACE_COUNTRY,
	PT_PLACE_FREE,      /* a number, a label: HELP says what, and nobody can list them */
};

/* WORD: of PT_PLACE_WORD; of others an example, or NULL. */
typedef void (*pt_rule_offer)(enum pt_rule_place place, const char *word, const char *help, void *arg);

/*
 * Calls OFFER for all that may follow the LEN bytes of TEXT. When these do not end in a blank, the last word is begun only and
 * left out: *BEGUN is where it begins. STATEMENT: this is one of a test. Behind what is no rule nothing is offered.
 */
PT_API void pt_rule_complete(const char *text, size_t len, bool statement, size_t *begun, pt_rule_offer offer, void *arg);

/* The words of the language, in order. */
PT_API const char *const *pt_rule_keywords(size_t *n);

#endif
