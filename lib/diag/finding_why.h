/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/finding_why - what the steps on the way to one destination share. */
#ifndef PATRONUS_DIAG_FINDING_WHY_H
#define PATRONUS_DIAG_FINDING_WHY_H

#include <patronus/address.h>
#include <patronus/dial.h>
#include <patronus/dns.h>
#include <patronus/neighbour.h>
#include <patronus/plan.h>
#include <patronus/probe.h>
#include <patronus/route_rule.h>
#include <patronus/why.h>

#define WHY_TEXT 512
#define WHY_ADDRESSES 16 /* of a name that are told */

struct why_say {
	enum pt_why_outcome outcome;
	char text[WHY_TEXT], seen[WHY_TEXT], next[WHY_TEXT];
};

/* What the kernel does with packets to one address. */
struct why_way {
	int error;               /* what it says instead of a way, negative errno; 0: none */
	uint8_t type;            /* RTN_* */
	uint32_t table, index;
	uint32_t mtu;            /* 0: that of the link */
	bool learned;            /* the MTU was told by somebody on the way */
	struct pt_addr via, src; /* af NONE: on the link itself; not told */
	bool has_match;
	struct pt_route match;   /* the route that was found, as it is written; without hops */
};

/* What keeps packets from a way: the first of the rules for routes that is about them and leads to no way. */
struct why_refusal {
	const struct pt_route_rule *rule;
	bool has_route;          /* else the rule itself refuses, or nothing does */
	struct pt_route route;
};

/* Answers that would be dropped, for they arrive by another device than the one that leads back. */
struct why_back {
	const struct pt_link *arrives; /* NULL: none would be */
	uint32_t leads;          /* index; 0: there is no way at all */
	unsigned int all, own;   /* rp_filter of all devices, and of that one */
};

struct why_walk {
	struct pt_addr to;
	uint32_t zone;
	struct why_way way;
	const struct pt_link *link; /* that it leaves by; NULL: not known */
	struct pt_probe *echo, *trace; /* NULL: could not be opened */
	bool other_trace;        /* TRACE is of datagrams, for want of a privilege */
	char why_no_echo[WHY_TEXT];
	struct pt_path path;     /* over the rules in force */
	bool has_path;
	struct why_back back;
	bool answers;            /* echo requests are answered */
	uint64_t rtt;            /* of those, nanoseconds */
	struct why_say said[PT_WHY_STEPS];
	size_t n_said;           /* those from PT_WHY_ROUTE on */
	bool stopped;
	bool silent;             /* UDP had no answer */
	bool unasked;            /* nothing could be sent */
};

struct why {
	const struct pt_why_options *o;
	struct pt_nl *nf, *route;
	struct pt_err *e;
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_addresses addresses;
	struct pt_route_rules rules;
	struct pt_explainer *explainer; /* NULL: see why_no_rules */
	bool no_rules;           /* there are none in force */
	char why_no_rules[WHY_TEXT];
	int stop_fd;
	struct why_say name;
	bool literal;            /* HOST is an address: there is nothing to say of a name */
	struct why_walk walks[PT_WHY_WALKS];
	size_t n;
};

typedef int (*why_step)(struct why *y, struct why_walk *k, struct why_say *s);

/* finding_why.c */
void why_text(struct pt_addr a, char out[64]);
/* "tcp port 443", "echo requests" */
void why_what(const struct why *y, char out[32]);
const char *why_device(const struct why *y, uint32_t index);
/* Waits until one of FDS can be read; 0 when MS pass before, -ECANCELED when we are to stop. */
int why_wait(const struct why *y, struct pollfd *fds, nfds_t n, int ms);

/* finding_why_name.c: walks for what HOST stands for. -EINVAL: it can be no host. */
int why_name(struct why *y) PT_MUST;
/* Pure: which of N addresses are walked to, the first of each family, and what is said of them. */
void why_name_choose(struct why *y, const struct pt_addr *a, const uint32_t *zones, size_t n);

/* finding_why_route.c */
int why_route(struct why *y, struct why_walk *k, struct why_say *s) PT_MUST;
/* Pure: the answer of the kernel to a question about one way. */
int why_route_parse(const struct nlmsghdr *nlh, struct why_way *out) PT_MUST;
/* Pure: is rule R about what is sent to K? */
bool why_rule_holds(const struct why *y, const struct why_walk *k, const struct pt_route_rule *r);
/* Pure: what is said of it. */
void why_route_say(const struct why *y, const struct why_walk *k, const struct why_refusal *r, struct why_say *s);

/* finding_why_back.c: looks for it, and says it of an answer that did not come. */
int why_back(struct why *y, struct why_walk *k) PT_MUST;
void why_back_say(const struct why *y, const struct why_walk *k, struct why_say *s);

/* finding_why_neighbour.c */
int why_neighbour(struct why *y, struct why_walk *k, struct why_say *s) PT_MUST;

/* finding_why_rules.c */
void why_rules_load(struct why *y);
int why_rules(struct why *y, struct why_walk *k, struct why_say *s) PT_MUST;
int why_nat(struct why *y, struct why_walk *k, struct why_say *s) PT_MUST;

/* finding_why_reach.c */
int why_open(struct why *y, struct why_walk *k) PT_MUST;
int why_reach(struct why *y, struct why_walk *k, struct why_say *s) PT_MUST;

/* What became of TRIES echo requests of SIZE bytes of data, the next when one had no answer. */
struct why_echo {
	bool reply, unsent;
	int error;               /* UNSENT: why */
	bool told;               /* somebody said no: */
	struct pt_probe_answer answer;
	uint64_t rtt;
};
int why_ask(const struct why *y, const struct why_walk *k, uint32_t size, unsigned int tries, int wait_ms,
	    struct why_echo *out) PT_MUST;

/* finding_why_mtu.c */
int why_mtu(struct why *y, struct why_walk *k, struct why_say *s) PT_MUST;

#endif
