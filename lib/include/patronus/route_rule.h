/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * route_rule - which table of routes the kernel asks for which packets, and who is a neighbour without being asked.
 *
 * Ours have the protocol number PT_NET_PROTOCOL; rules stand at PT_RULE_PRIORITY_LO to PT_RULE_PRIORITY_HI. Others are never
 * changed.
 */
#ifndef PATRONUS_ROUTE_RULE_H
#define PATRONUS_ROUTE_RULE_H

#include <patronus/route.h>

/* A rule of the kernel. Names of interfaces are those of devices. */
struct pt_route_rule {
	struct pt_conf_route_rule r; /* AF is one family; TYPE where the kernel has one of those, else ACTION tells */
	uint8_t action;              /* FR_ACT_* */
	uint8_t protocol;
};

struct pt_route_rules {
	struct pt_arena *arena;
	PT_VEC(struct pt_route_rule) v; /* in the kernel's order: by family and priority */
};

PT_API int pt_route_rules_read(struct pt_nl *route, struct pt_arena *a, struct pt_route_rules *out, struct pt_err *e) PT_MUST;
PT_API int pt_route_rules_parse(struct pt_route_rules *out, const struct nlmsghdr *nlh) PT_MUST;
/* The rules of the file as the kernel is to have them: each of one family, with priorities by their places where they have none.
 * Interfaces become devices of C. -EINVAL with a record: there are more than there is room for. */
PT_API int pt_route_rules_wanted(const struct pt_conf *c, struct pt_arena *a, struct pt_route_rules *out, struct pt_err *e) PT_MUST;

struct pt_route_rule_change {
	bool add;
	const struct pt_route_rule *rule;
};
typedef PT_VEC(struct pt_route_rule_change) pt_route_rule_changes;
/* Ours among HAVE that WANT has not go, after those that are missing have come: no packet meets none of both. */
PT_API int pt_route_rules_diff(const struct pt_route_rules *want, const struct pt_route_rules *have, struct pt_arena *a,
			       pt_route_rule_changes *out) PT_MUST;
PT_API int pt_route_rule_put(struct pt_nl_stream *s, const struct pt_route_rule_change *c, uint64_t cookie) PT_MUST;
/* "20000: from 10.0.0.0/8 lookup 8001" */
PT_API void pt_route_rule_print(struct pt_buf *b, const struct pt_route_rule *r);

#endif
