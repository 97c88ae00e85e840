/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * why - one destination, step by step in the order in which a packet to it meets them, up to the one where it stops.
 *
 * Name, route, neighbour, rules, translation, answer, size. Each step tells one sentence with what was seen; the first that fails
 * tells what is wrong and what shows more, and nothing behind it is asked: it would only fail for the same reason.
 */
#ifndef PATRONUS_WHY_H
#define PATRONUS_WHY_H

#include <patronus/addr.h>
#include <patronus/nl.h>

enum pt_why_step {
	PT_WHY_NAME,       /* what the name stands for */
	PT_WHY_ROUTE,      /* where the kernel sends packets to it, and from which address */
	PT_WHY_NEIGHBOUR,  /* whether the next one on the link answers */
	PT_WHY_RULES,      /* what the rules in force say of the packet, and of the answer */
	PT_WHY_NAT,        /* what it leaves as */
	PT_WHY_REACH,      /* whether it is answered, and who says no */
	PT_WHY_MTU,        /* whether long packets come through, too */
	PT_WHY_STEPS
};
PT_API const char *pt_why_step_name(enum pt_why_step s);

enum pt_why_outcome {
	PT_WHY_PASSED,
	PT_WHY_UNKNOWN,    /* it could not be looked at; the next step is asked all the same */
	PT_WHY_STOPPED,    /* here it ends */
};
PT_API const char *pt_why_outcome_name(enum pt_why_outcome o);

struct pt_why_said {
	enum pt_why_step step;
	enum pt_why_outcome outcome;
	struct pt_addr to;       /* which of the addresses; af NONE: the name */
	const char *text;        /* a sentence */
	const char *seen;        /* the evidence beside it; "" none */
	const char *next;        /* the command that shows more or mends it; "" of what passed */
};

#define PT_WHY_WALKS 2     /* one address of each family */

struct pt_why_end {
	size_t n;                /* addresses that were walked to; 0: the name was the end */
	bool cut;                /* STOP ended it */
	struct {
		struct pt_addr to;
		enum pt_why_outcome outcome; /* UNKNOWN: UDP without an answer, UNASKED, or CUT */
		enum pt_why_step at; /* STOPPED: where */
		bool unasked;    /* it may send nothing that would be answered: needs CAP_NET_RAW */
	} walks[PT_WHY_WALKS];
};

struct pt_why_options {
	const char *host;        /* pt_probe_host() says what may stand here */
	enum pt_af af;           /* NONE: what there is */
	uint16_t port;           /* 0: the host alone, by echo requests */
	bool udp;
	struct pt_addr from;     /* af NONE: as the route says */
	const char *on;          /* NULL: any device */
	uint32_t timeout;        /* microseconds that each answer may take */
	/* Called once, when the name has been looked for, which can be broken off: a descriptor, -1: none, that ends the walk when it can be
	 * read: CUT. May be NULL. */
	int (*stop)(void *arg);
	/* Called when nothing but sockets that are open, new ones of UDP, TCP and netlink, and files to be read is needed any more. */
	int (*confine)(void *arg);
	int (*tell)(const struct pt_why_said *s, void *arg); /* not 0: the end */
	void *arg;
};

/* Sockets are borrowed; NF may be NULL where the caller may not have it: the rules are not known then. 0, what TELL, STOP or CONFINE
 * said, or -errno with a record: -EINVAL HOST is none. */
PT_API int pt_why(const struct pt_why_options *o, struct pt_nl *nf, struct pt_nl *route, struct pt_why_end *end, struct pt_err *e) PT_MUST;

#endif
