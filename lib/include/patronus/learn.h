/* SPDX-License-Identifier: GPL-3.0-or-later */
/* learn - what was seen to be admitted and refused, and the rules that would admit just that. */
#ifndef PATRONUS_LEARN_H
#define PATRONUS_LEARN_H

#include <patronus/nft_trace.h>
#include <patronus/plan.h>

/* ---- flows into rules: pure ---- */

/* Packets of one source to one destination, as one judgement met them. */
struct pt_learn_flow {
	enum pt_dir dir;
	const char *on;            /* interface, as the file calls it */
	uint8_t proto;
	struct pt_addr src, dst;
	uint16_t port;             /* of the destination; ICMP's type; 0 else */
	uint64_t packets, bytes;   /* in the direction of the connection */
	uint64_t first, last;      /* seconds since the epoch */
	bool admitted;
	const char *nat;           /* what its rule does beside: "rdr-to 192.168.1.2 port 80", "keep state (max 100)"; NULL: nothing */
};

/* An interface of the file, and what it stands for. Sets by family: [0] IPv4. */
struct pt_learn_if {
	const char *name;
	struct pt_iset network[2], own[2];
};
struct pt_learn_world {
	PT_VEC(struct pt_learn_if) ifs;
	struct pt_iset self[2];
};

/* As many hosts of one network are taken for the network, and more than as many destinations for any. */
#define PT_LEARN_HOSTS 4
#define PT_LEARN_TARGETS 16

struct pt_learn_rule {
	const char *text;          /* canonical, without a label */
	const char *on;
	enum pt_dir dir;
	size_t flows;
	uint64_t packets, bytes, first, last;
	const struct pt_learn_flow *example; /* the one with the most packets */
	bool wider;                /* it admits more hosts than were seen */
};
typedef PT_VEC(struct pt_learn_rule) pt_learn_rules;

/* Rules that admit every flow of V that was admitted and none that was refused; or, REFUSED, those that would admit the
 * refused ones. V is sorted anew, and what OUT holds belongs to A. -ENOMEM. */
PT_API int pt_learn_group(const struct pt_learn_world *w, struct pt_learn_flow *v, size_t n, bool refused, struct pt_arena *a,
			  pt_learn_rules *out) PT_MUST;

/* ---- learning ---- */

#define PT_LEARN_SECONDS_MAX (30u * 86400)

struct pt_learner {
	int (*begun)(void *arg);   /* may be NULL */
	void *arg;
	const char *on;            /* interface of the file; NULL: all */
	uint32_t seconds;
	bool refused;              /* propose rules for those, too */
};
struct pt_learned {
	struct pt_arena *arena;
	uint64_t from, to;         /* seconds since the epoch */
	PT_VEC(struct pt_learn_flow) flows;
	pt_learn_rules rules, refused;
	size_t n_admitted, n_refused;
	size_t builtin;            /* flows that built-in rules decide, which need no others: not among FLOWS */
	PT_VEC(const char *) strange; /* devices without a section in the file: their flows are not among FLOWS either */
	bool full;                 /* more flows came than can be remembered */
	uint32_t every;            /* seconds between two looks: as exact are FIRST and LAST */
	/* What the evaluator says of RULES alone, behind a `block all`: */
	size_t missed;             /* admitted flows that they would not admit */
	size_t too_wide;           /* refused ones that they would */
};
/* Counts for SECONDS or until FD_STOP is readable, then proposes. Nothing in force changes. -ENOENT: no rules are in force. */
PT_API int pt_plan_learn(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_learner *who,
			 struct pt_learned *out, struct pt_err *e) PT_MUST;
PT_API void pt_learned_fini(struct pt_learned *l);

#endif
