/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of the trace. */
#ifndef PLAN_TRACE_INTERNAL_H
#define PLAN_TRACE_INTERNAL_H

#include <patronus/trace.h>

#include "plan/internal.h"

#define TRACE_SLOTS 64 /* packets under way at once */

/* What was in force when a packet came; packets under way keep it. */
struct trace_rules {
	struct pt_explainer *explainer;
	const struct pt_world *world;
	const struct pt_plan *plan;
	size_t used; /* by packets, and once by being the newest */
};

/* A packet under way. */
struct trace_slot {
	bool used;
	uint64_t touched;            /* nanoseconds, of a clock that only goes forward */
	struct pt_traced t;
	struct pt_arena *arena;      /* of the strings in T */
	struct trace_rules *rules;
	struct pt_packet now;
	bool unclear;                /* NOW has no protocol: other headers come before it, which the kernel does not tell */
	char in[16], out[16];        /* devices */
	/* of the hook that it is in: */
	bool ours;
	char base[64];
	const struct pt_pol_rule *decider;
	bool by_key, unjudged;       /* the classifier's map was asked; its program had not been */
};

struct trace {
	const struct pt_tracer *who;
	struct pt_trace_sum *sum;
	struct pt_nl *nf, *route, *owner, *events, *changes;
	int fd_stop;
	char table[64];
	struct trace_rules *rules;   /* in force now */
	bool stale;                  /* they changed since they were read */
	uint64_t begun, ended;       /* packets */
	uint64_t clock;              /* of this turn */
	struct trace_slot slots[TRACE_SLOTS];
	struct pt_err *e;
};

/* trace_rules.c */
int trace_rules_read(struct trace *x, struct pt_err *e) PT_MUST;
void trace_rules_drop(struct trace_rules *r);
/* Which rule decided, what the kernel's words and the chain where it ended leave open asked of the evaluator. */
void trace_judged(struct trace_slot *s, const struct pt_nft_trace *m, bool pass);
/* Why a packet did not go on that no rule stopped. */
void trace_vanished(struct trace_slot *s);

/* trace_way.c */
/* One message, of whatever packet. Negative: what the caller's function said. */
int trace_take(struct trace *x, const struct pt_nft_trace *m) PT_MUST;
/* Tells the packet and forgets it. */
int trace_end(struct trace *x, struct trace_slot *s) PT_MUST;
struct pt_trace_step *trace_step(struct trace_slot *s, enum pt_trace_kind kind, enum pt_dir dir, const char *device);

#endif
