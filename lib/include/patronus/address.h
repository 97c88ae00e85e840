/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * address - addresses of links: what the kernel has, what somebody wants, and the difference.
 *
 * An address that we set carries our protocol number (IFA_PROTO, Linux 5.18), and only such a one is ever taken away.
 */
#ifndef PATRONUS_ADDRESS_H
#define PATRONUS_ADDRESS_H

#include <patronus/link.h>

#define PT_NET_PROTOCOL 80 /* `patronus` in rt_protos: of addresses, routes, rules and neighbours */
#define PT_HAND_PROTOCOL 4 /* `static`: of routes, rules and neighbours made by hand */

struct pt_address {
	char device[PT_LINK_NAME];
	uint32_t index;          /* of the link; 0: not known */
	struct pt_prefix prefix; /* the address and the length of its network */
	struct pt_addr peer;     /* af NONE: none */

	/* of the kernel only */
	struct pt_addr broadcast;
	uint8_t protocol;        /* who set it, 0: not told */
	uint8_t scope;           /* RT_SCOPE_* */
	uint32_t flags;          /* IFA_F_* */

	/* seconds left, UINT32_MAX: for ever; wanted also: 0 is for ever */
	uint32_t valid, preferred;

	/* wanted only */
	bool by_hand;            /* it does not carry our number */
	const struct pt_loc *loc;
};

struct pt_addresses {
	struct pt_arena *arena;
	PT_VEC(struct pt_address) v; /* in the kernel's order; wanted ones in that of the file */
};

/* Of ROUTE's network namespace; LINKS gives the names. */
PT_API int pt_addresses_read(struct pt_nl *route, const struct pt_links *links, struct pt_arena *a, struct pt_addresses *out,
			     struct pt_err *e) PT_MUST;
/* One RTM_NEWADDR into OUT; other messages are left out. */
PT_API int pt_addresses_parse(struct pt_addresses *out, const struct nlmsghdr *nlh) PT_MUST;

struct pt_address_change {
	bool add;                /* else it is deleted */
	bool renews;             /* it is there, and gets its time anew */
	struct pt_address a;
};
typedef PT_VEC(struct pt_address_change) pt_address_changes;
/* What leads from HAVE to WANT: ours that nobody wants go, then come those that are missing, and those whose time is another; their index is 0 where LINKS has not the
 * link. -ENOMEM or 0. */
PT_API int pt_addresses_diff(const struct pt_addresses *want, const struct pt_addresses *have, const struct pt_links *links,
			     struct pt_arena *a, pt_address_changes *out) PT_MUST;
/* Puts the message of one change into the line. -ENOENT: its link is not known yet, and nothing was put. */
PT_API int pt_address_put(struct pt_nl_stream *s, const struct pt_address_change *c, uint64_t cookie) PT_MUST;
/* "192.0.2.1/24 dev eth0". */
PT_API void pt_address_print(struct pt_buf *b, const struct pt_address *a);

#endif
