/* SPDX-License-Identifier: GPL-3.0-or-later */
/* grammar.h - the language of rules as states and the words between them, for whoever tells what may come next. */
#ifndef RULE_GRAMMAR_H
#define RULE_GRAMMAR_H

#include <patronus/rule_complete.h>

#include "rule/internal.h"

enum grammar_state {
	AT_ACTION,
	AT_ANSWER, AT_CODES, AT_CODE, AT_CODE_END, AT_CODES6, AT_CODE6, AT_CODES_END,
	AT_ANCHOR,
	AT_PARTS, AT_NOT_PART,
	AT_LOG, AT_LOG_OPTION, AT_LOG_RATE, AT_LOG_BURST, AT_LOG_BURST_N, AT_LOG_NEXT,
	AT_ON, AT_ON_NAME,
	AT_PROTO,
	AT_SIDE, AT_SIDE_NOT, AT_COUNTRY, AT_SIDE_END,
	AT_PORT, AT_PORT_VALUE, AT_PORT_MORE, AT_PORT_END,
	AT_FLAGS,
	AT_ICMP, AT_ICMP_CODE, AT_ICMP_CODE_VALUE,
	AT_TOS, AT_PROBABILITY, AT_RECEIVED, AT_SCHEDULE,
	AT_USER, AT_USER_VALUE, AT_GROUP, AT_GROUP_VALUE, AT_ID_MORE, AT_ID_NUMBER,
	AT_MACS, AT_MAC,
	AT_RATE, AT_BURST, AT_BURST_N, AT_PACKETS,
	AT_SET, AT_SET_ITEM, AT_SET_DONE, AT_PRIO, AT_PRIO_1, AT_PRIO_2, AT_PRIO_3, AT_PRIO_END, AT_SET_TOS,
	AT_QUEUE, AT_QUEUE_1, AT_QUEUE_2, AT_QUEUE_3, AT_QUEUE_END,
	AT_SCRUB, AT_SCRUB_ITEM, AT_SCRUB_N, AT_SCRUB_NEXT,
	AT_KEEP, AT_NO, AT_KEPT, AT_STATES, AT_STATES_N, AT_STATES_RATE, AT_OVERLOAD, AT_FLUSH, AT_FLUSH_ALL, AT_TRACK, AT_STATES_NEXT,
	AT_LABEL, AT_TAG, AT_TAGGED,
	AT_TARGET, AT_WEIGHT, AT_WEIGHT_N, AT_TARGET_END, AT_TARGET_PORT, AT_POOL, AT_KEY,
	AT_END
};

enum grammar_names { NAMES_NONE, NAMES_PROTO, NAMES_SERVICE, NAMES_TYPE, NAMES_TYPE6, NAMES_CODE, NAMES_CODE6, NAMES_UNREACH, NAMES_UNREACH6, NAMES_TOS };

/* What was said before, where it decides about what may be said. */
#define FACT_PASS      (1u << 0)
#define FACT_BLOCK     (1u << 1)
#define FACT_MATCH     (1u << 2)
#define FACT_ANCHOR    (1u << 3)
#define FACT_STATEMENT (1u << 4)
#define FACT_SOURCE    (1u << 5)  /* nat-to */
#define FACT_DEST      (1u << 6)  /* rdr-to */
#define FACT_BOTH      (1u << 7)  /* binat-to */
#define FACT_MANY      (1u << 8)  /* the target is a pool, */
#define FACT_PREFIX    (1u << 9)  /* and a prefix */
#define FACT_PORT      (1u << 10)
#define FACT_WAY       (1u << 11) /* of choosing from the pool, */
#define FACT_SAME      (1u << 12) /* which gives a source the same each time */
#define FACT_STICKY    (1u << 13)
#define FACT_STATIC    (1u << 14)
#define FACT_WEIGHT    (1u << 15)
#define FACT_CONN      (1u << 16) /* max-src-conn, -rate */
#define FACT_SOURCES   (1u << 17) /* any limit of sources */
#define FACT_OWN       (1u << 18) /* one that cannot be counted over all rules */
#define FACT_GLOBAL    (1u << 19)
#define FACT_UDP       (1u << 20) /* udp.first or udp.single */
#define FACT_ICMP6     (1u << 21)
#define FACT_QUEUED    (1u << 22)
#define FACT_PAREN     (1u << 23) /* set ( */

#define EDGE_HIDDEN 1u /* understood, not offered */
#define EDGE_ONCE   2u
#define EDGE_LIST   4u /* in lists only */
#define EDGE_ALONE  8u /* in none */

/* By a word, a name of NAMES, or a value of PLACE, of which WORD is an example; by nothing where all three are missing. */
struct grammar_edge {
	enum grammar_state from;
	const char *word;
	enum pt_rule_place place;
	enum grammar_names names;
	enum grammar_state to;
	const char *help;
	uint32_t need, not, set, clear;
	unsigned int flags;
};

extern const struct grammar_edge grammar_edges[]; /* ends with AT_END */

/* Where a list of values goes on behind it; AT_END: there is no list of them. */
enum grammar_state grammar_after(enum grammar_state at);
/* With any of these facts a list may not stand there. */
uint32_t grammar_no_list(enum grammar_state at);
bool grammar_compares(enum grammar_state at);
bool grammar_encloses(enum grammar_state at);
const char *grammar_name(enum grammar_names of, const char *type, size_t i);

#endif
