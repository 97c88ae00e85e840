/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace - real packets on their way through the kernel, with the names of the rules that they meet. */
#ifndef PATRONUS_TRACE_H
#define PATRONUS_TRACE_H

#include <patronus/nft_trace.h>
#include <patronus/plan.h>

#define PT_TRACE_COUNT 10   /* packets, unless told otherwise */
#define PT_TRACE_COUNT_MAX 100000
#define PT_TRACE_SECONDS 30 /* likewise */
#define PT_TRACE_SECONDS_MAX 86400

/* What the kernel told of one packet at one place; for -d. */
struct pt_trace_rule {
	const char *family, *table, *chain;
	uint64_t handle;         /* 0: the end of the chain */
	const char *rule;        /* name of the rule that it belongs to; NULL: none of ours, or of none */
	const char *verdict;     /* "accept", "drop", "continue", "jump", "goto", "return", … */
	const char *target;      /* of a jump, else NULL */
};

enum pt_trace_kind {
	PT_TRACE_BEGIN,      /* arrives on DEVICE, leaves this machine (DIR), or is about to leave by DEVICE as one that is forwarded */
	PT_TRACE_KNOWN,      /* its connection is known: it passes without being judged */
	PT_TRACE_JUDGED,
	PT_TRACE_TRANSLATED, /* PACKET is what became of BEFORE */
	PT_TRACE_LOCAL,      /* delivered to this machine */
	PT_TRACE_ROUTED,     /* forwarded, by DEVICE */
	PT_TRACE_LEFT,       /* by DEVICE, after all rules */
	PT_TRACE_DROPPED,    /* not by a rule of ours: WHY */
	PT_TRACE_KINDS,
};

struct pt_trace_step {
	enum pt_trace_kind kind;
	enum pt_dir dir;
	char device[16];
	struct pt_packet packet, before;
	bool pass;                       /* JUDGED */
	const struct pt_pol_rule *rule;  /* JUDGED: who decided; NULL: no rule matched, or it is not known */
	bool evaluated;                  /* JUDGED: RULE is what the evaluator says, the kernel told only the verdict */
	bool disagrees;                  /* JUDGED: … and that is not the evaluator's */
	const char *why;                 /* beside or instead of a rule, NULL: nothing */
};

#define PT_TRACE_STEPS 16
struct pt_traced {
	uint64_t number;             /* from 1 */
	uint64_t time;               /* nanoseconds since the epoch */
	uint32_t id;                 /* the kernel's */
	struct pt_trace_step steps[PT_TRACE_STEPS];
	size_t n;
	bool pass;                   /* it went where it was to go */
	bool ended;                  /* its end was seen */
	const struct pt_trace_step *decided; /* the last judgement; NULL: none */
	PT_VEC(struct pt_trace_rule) rules;
};

/* Who wants to see packets. PACKET's parts live until it returns; negative: no more, that is the result. */
struct pt_tracer {
	int (*packet)(const struct pt_traced *t, const struct pt_world *w, void *arg);
	int (*begun)(void *arg);   /* from now on packets are followed; may be NULL */
	void *arg;
	const char *filter;        /* words of a rule behind its action: "on wan proto tcp to port 443"; "": all packets */
	uint64_t count;            /* packets */
	uint32_t seconds;
};
struct pt_trace_sum {
	uint64_t packets;
	uint64_t lost;             /* times that the kernel told more than could be read */
	bool timed_out;            /* the time ended it */
};
/* Follows until COUNT packets were seen, the time is over or FD_STOP is readable. The verdict of no packet changes.
 * -ENOENT: no rules are in force; -EINVAL: the filter; -EPERM: see E. */
PT_API int pt_plan_trace(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_tracer *who,
			 struct pt_trace_sum *sum, struct pt_err *e) PT_MUST;

#endif
