/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * route - routes of the kernel, and the difference between them and those of the file.
 *
 * There may be a hundred thousand: they are compared as the kernel tells of them, one by one, and only what differs is kept.
 * Ours have the protocol number PT_NET_PROTOCOL; others are never changed.
 */
#ifndef PATRONUS_ROUTE_H
#define PATRONUS_ROUTE_H

#include <patronus/address.h>

struct pt_hop {
	struct pt_addr via;      /* af NONE: the link itself */
	uint32_t index;          /* of the link; 0: by VIA */
	uint16_t weight;         /* 1 to 256 */
	bool onlink;
};

struct pt_route {
	struct pt_prefix dst;
	uint8_t type;            /* RTN_* */
	uint8_t protocol, scope;
	uint32_t table, metric, mtu; /* MTU 0: the link's */
	struct pt_addr src;      /* af NONE: by the link */
	uint32_t n_hops;
	const struct pt_hop *hops;
};

/* What is asked for; 0: all. */
struct pt_route_filter {
	enum pt_af af;
	uint32_t table;
	uint8_t protocol;
};
/* Gives FN each route of ROUTE's network namespace, whose memory is gone when it returns; negative ends the reading. Where
 * the kernel's list changed meanwhile it is given again from the beginning, after RESET. */
PT_API int pt_routes_read(struct pt_nl *route, const struct pt_route_filter *filter, int (*fn)(const struct pt_route *r, void *arg),
			  void (*reset)(void *arg), void *arg, struct pt_err *e) PT_MUST;
/* One RTM_NEWROUTE or RTM_DELROUTE; HOPS has room for PT_ROUTE_HOPS_MAX. 1: it is in OUT; 0: it is none of these. */
PT_API int pt_route_parse(const struct nlmsghdr *nlh, struct pt_hop *hops, struct pt_route *out) PT_MUST;

enum pt_route_op { PT_ROUTE_DELETE, PT_ROUTE_ADD, PT_ROUTE_REPLACE };

struct pt_route_change {
	enum pt_route_op op;
	const struct pt_conf_route *want; /* NULL: DELETE, and the way back to OLD */
	const struct pt_route *old; /* NULL: ADD */
	bool by_hand;            /* WANT carries PT_HAND_PROTOCOL, not our number */
};
typedef PT_VEC(struct pt_route_change) pt_route_changes;

/* The index of the link of an interface of the file; 0: it is to come. -ENODEV: it is not there, and what needs it waits. */
typedef int (*pt_route_link)(void *arg, const char *name, uint32_t *index);

/* A route of the file as it is spoken of in the kernel; HOPS has room for PT_ROUTE_HOPS_MAX. *WAITS: some index is 0 that is to
 * come. -ENODEV as of LINK. */
PT_API int pt_route_wanted(const struct pt_conf_route *w, pt_route_link link, void *arg, struct pt_hop *hops, struct pt_route *out,
			   bool *waits) PT_MUST;

/* What leads from the kernel's routes of ours to the N of WANT. Memory from A. All that the kernel told is added to SEEN, unless that is
 * NULL. */
PT_API int pt_routes_diff(struct pt_nl *route, const struct pt_conf_route *want, size_t n, pt_route_link link, void *arg,
			  struct pt_arena *a, pt_route_changes *out, struct pt_tally *seen, struct pt_err *e) PT_MUST;
/* The same without anything to compare with. */
PT_API int pt_routes_tally(struct pt_nl *route, struct pt_tally *seen, struct pt_err *e) PT_MUST;
/* Puts the message of one change into the line. -ENOENT: a link of it is not known yet, and nothing was put. */
PT_API int pt_route_put(struct pt_nl_stream *s, const struct pt_route_change *c, pt_route_link link, void *arg,
			uint64_t cookie) PT_MUST;
/* What takes a change back. */
PT_API struct pt_route_change pt_route_reverse(const struct pt_route_change *c);
/* "10.0.0.0/8 via 192.0.2.1 dev eth0 metric 5", in the words of the file; LINKS for names of indexes, or NULL. */
PT_API void pt_route_print(struct pt_buf *b, const struct pt_links *links, const struct pt_route *r);
/* Names of the kernel's numbers; a decimal number where there is none, in TEXT. */
PT_API const char *pt_route_protocol_name(uint8_t protocol, char text[4]);

#endif
