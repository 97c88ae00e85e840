/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * neighbour - who has which link address, and for whom this machine answers: what the kernel knows, what somebody wants, and the
 * difference.
 *
 * Ours have the protocol number PT_NET_PROTOCOL, and only such ones are taken away. What the kernel learned by itself belongs to
 * nobody, so an entry of the file takes its place.
 */
#ifndef PATRONUS_NEIGHBOUR_H
#define PATRONUS_NEIGHBOUR_H

#include <patronus/address.h>

struct pt_neighbour {
	char device[PT_LINK_NAME];
	uint32_t index;          /* of the link; 0: not known */
	struct pt_addr addr;
	uint64_t mac;            /* 48 bits */
	bool has_mac;
	bool proxy;              /* this machine answers for ADDR, which is elsewhere */

	/* of the kernel only */
	uint16_t state;          /* NUD_*, mask */
	uint8_t flags;           /* NTF_* */
	uint8_t protocol;        /* who set it, 0: the kernel */
	bool has_ages;
	uint32_t used, confirmed, updated; /* hundredths of a second ago */

	/* wanted only */
	bool by_hand;            /* it carries PT_HAND_PROTOCOL, not our number */
	const struct pt_loc *loc;
};

struct pt_neighbours {
	struct pt_arena *arena;
	PT_VEC(struct pt_neighbour) v; /* in the kernel's order; wanted ones in that of the file */
};

/* Of ROUTE's network namespace, those that this machine answers for behind the others; LINKS gives the names. */
PT_API int pt_neighbours_read(struct pt_nl *route, const struct pt_links *links, struct pt_arena *a, struct pt_neighbours *out,
			      struct pt_err *e) PT_MUST;
/* One RTM_NEWNEIGH into OUT; other messages, and those of bridges, are left out. */
PT_API int pt_neighbours_parse(struct pt_neighbours *out, const struct nlmsghdr *nlh) PT_MUST;

enum pt_neighbour_op { PT_NEIGHBOUR_DELETE, PT_NEIGHBOUR_ADD, PT_NEIGHBOUR_REPLACE };

struct pt_neighbour_change {
	enum pt_neighbour_op op;
	bool alone;              /* ADD: somebody else's permanent one is there, which the kernel is to keep: it refuses */
	struct pt_neighbour n;
};
typedef PT_VEC(struct pt_neighbour_change) pt_neighbour_changes;
/* What leads from HAVE to WANT: ours that nobody wants go, then come those that are missing; their index is 0 where LINKS has not the
 * link. -ENOMEM or 0. */
PT_API int pt_neighbours_diff(const struct pt_neighbours *want, const struct pt_neighbours *have, const struct pt_links *links,
			      struct pt_arena *a, pt_neighbour_changes *out) PT_MUST;
/* Puts the message of one change into the line. -ENOENT: its link is not known yet, and nothing was put. */
PT_API int pt_neighbour_put(struct pt_nl_stream *s, const struct pt_neighbour_change *c, uint64_t cookie) PT_MUST;
/* "192.0.2.1 lladdr 02:00:00:00:00:01 dev eth0", "proxy 192.0.2.1 dev eth0". */
PT_API void pt_neighbour_print(struct pt_buf *b, const struct pt_neighbour *n);
/* "reachable", "stale", "permanent" and so on; "proxy" of those that this machine answers for. */
PT_API const char *pt_neighbour_state(const struct pt_neighbour *n);

#endif
