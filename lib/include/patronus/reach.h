/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reach - all packets that may go from here to there, as a list of flows.
 *
 * What pt_path_find() says of one packet is said here of all of them at once: sets of packets (space.h) go through the same
 * judgements, translations and routes.
 */
#ifndef PATRONUS_REACH_H
#define PATRONUS_REACH_H

#include <patronus/plan.h>
#include <patronus/space.h>

/* One end of a question; all that is given must hold. */
struct pt_reach_end {
	bool self;                  /* this machine */
	bool bounded;               /* by ADDRESSES */
	bool place;                 /* these are all that can be there: flows do not repeat them */
	bool routed;                /* of a source: packets come from where the routes back to it lead */
	PT_VEC(const char *) devices; /* that packets arrive on or leave by; empty: any */
	struct pt_iset addresses[2];
};

struct pt_reach_question {
	struct pt_arena *arena;     /* of the rest */
	struct pt_policy *view;     /* that WHAT is of; NULL: none */
	struct pt_reach_end from, to;
	pt_pol_rules what;          /* protocols, ports: their conditions but for the ends */
	uint64_t time;              /* seconds since the epoch */
	bool all;                   /* also packets that begin no connection */
	bool own;                   /* also packets that come from outside with an address of this machine */
	bool groups;                /* also those to multicast and broadcast addresses */
	bool behind;                /* also those that a translation gives a port that is asked for */
	uint8_t families;           /* mask of PT_AF_* */
	size_t limit;               /* of flows, and of pieces on the way to them; 0: any number */
};

enum pt_flow_kind {
	PT_FLOW_THROUGH, /* from device to device */
	PT_FLOW_ARRIVES, /* to this machine */
	PT_FLOW_SENT,    /* by this machine */
};

/* What a translation makes of an address or a port. */
struct pt_flow_move {
	enum { PT_FLOW_KEPT, PT_FLOW_SHIFTED, PT_FLOW_ONE_OF } how;
	pt_u128 by;                 /* SHIFTED: added, modulo 2^128 */
	struct pt_iset to;          /* ONE_OF: which ones */
};

struct pt_flow {
	enum pt_flow_kind kind;
	/* The packets as they arrive, or are sent before their source is translated. Of them those that the routes of this machine
	 * bring to OUT, and that Linux itself does not drop, and if not ALL those that begin a connection. */
	struct pt_box box;
	uint8_t families;           /* mask of PT_AF_*: BOTH where the same holds in both, BOX is IPv4's then */
	bool to_self;               /* and of them those to addresses of this machine, no others that it takes in */
	const char *out;            /* the device they leave by; NULL: ARRIVES */
	const struct pt_pol_rule *in_rule, *out_rule; /* that admit them; NULL: not judged there */
	uint32_t dst_nat, src_nat;  /* index+1 into the policy's nats, 0: none */
	struct pt_flow_move dst, dport; /* what DST_NAT does */
	bool chance;                /* some of them by chance only */
	struct pt_question witness; /* one of them */
};
typedef PT_VEC(struct pt_flow) pt_flows;

struct pt_reach {
	struct pt_arena *arena;
	struct pt_space *space;     /* of the flows' boxes */
	struct pt_net_ways ways;
	pt_flows flows;             /* by kind, devices and rules */
};

/* -E2BIG with a record: more than the limit. */
PT_API int pt_reach_find(const struct pt_world *w, const struct pt_reach_question *q, struct pt_reach **out,
			 struct pt_err *e) PT_MUST;
PT_API void pt_reach_free(struct pt_reach *r);
/* Are all packets of a dimension in X, as far as they are in question? */
PT_API const struct pt_iset *pt_flow_side(const struct pt_flow *f, uint32_t dim); /* NULL: all of them */

/* A question in words, "from guest to lan proto tcp port 443": see ptfw(8). NOW in seconds since the epoch. -EINVAL with a record
 * that shows the word. Q must be freed in any case. */
PT_API int pt_reach_words(const struct pt_world *w, const char *const *words, size_t n, uint64_t now,
			  struct pt_reach_question *q, struct pt_err *e) PT_MUST;
PT_API void pt_reach_question_fini(struct pt_reach_question *q);
/* The words that a question may have, NULL behind the last; and those that may stand for an end. */
PT_API const char *pt_reach_word(size_t i);
PT_API const char *pt_reach_end_word(size_t i);

#endif
