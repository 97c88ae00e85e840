/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trait - what a link has beside the attributes of its own message: VLANs of the ports of bridges, other ends of a vxlan, work of the
 * hardware, settings of IP.
 *
 * VLANs and other ends belong to bridges and vxlans of ours as a whole, so what nobody wants there goes. Of the rest,
 * only what the file names is ever set.
 */
#ifndef PATRONUS_TRAIT_H
#define PATRONUS_TRAIT_H

#include <patronus/link.h>

enum pt_trait_kind {
	PT_TRAIT_VLAN,
	PT_TRAIT_REMOTE,
	PT_TRAIT_OFFLOAD,
	PT_TRAIT_SETTING,
};

/* SETTING, by NUMBER: of the link, below net/ipv6/conf or net/ipv4/conf; kept in notes, so new ones are the last. */
enum pt_trait_setting { PT_SETTING_ACCEPT_RA, PT_SETTING_PROXY_NDP, PT_SETTING_AUTOCONF, PT_SETTING_RA_DEFAULT, PT_SETTING_PROMOTE };

#define PT_VLAN_PVID 2u     /* of VALUE, as the kernel has them */
#define PT_VLAN_UNTAGGED 4u

struct pt_trait {
	enum pt_trait_kind kind;
	char device[PT_LINK_NAME];
	uint32_t index;          /* of the link; 0: not known */
	uint32_t number;         /* VLAN: its ID; OFFLOAD: see pt_offload_find(); SETTING */
	uint32_t value;          /* VLAN: PT_VLAN_*; OFFLOAD: 0 or 1; SETTING */
	struct pt_addr addr;     /* REMOTE */
	bool bridge;             /* VLAN: of the bridge itself */
	const struct pt_loc *loc; /* wanted only */
};

struct pt_traits {
	struct pt_arena *arena;
	PT_VEC(struct pt_trait) v;
};

/* The place of "tso", which has N bytes; UINT32_MAX: there is no such. */
PT_API uint32_t pt_offload_find(const char *name, size_t n);

/* What LINKS have: VLANs and other ends of ours, and of the rest what WANT names. */
PT_API int pt_traits_read(struct pt_nl *route, const struct pt_links *links, const struct pt_traits *want, struct pt_arena *a,
			  struct pt_traits *out, struct pt_err *e) PT_MUST;
/* One RTM_NEWLINK of the bridge family or RTM_NEWNEIGH; others are left out. */
PT_API int pt_traits_parse(struct pt_traits *out, const struct pt_links *links, const struct nlmsghdr *nlh) PT_MUST;

enum pt_trait_op { PT_TRAIT_DELETE, PT_TRAIT_ADD, PT_TRAIT_SET };

struct pt_trait_change {
	enum pt_trait_op op;
	struct pt_trait t;
};
typedef PT_VEC(struct pt_trait_change) pt_trait_changes;

/* What leads from HAVE to WANT; what comes is before what goes, so that a port always has a VLAN. LINKS gives indexes, WANTED is
 * what becomes of the links. -ENOMEM or 0. */
PT_API int pt_traits_diff(const struct pt_traits *want, const struct pt_traits *have, const struct pt_links *links,
			  const struct pt_links *wanted, struct pt_arena *a, pt_trait_changes *out) PT_MUST;
/* Puts the message of a change into the line, or does at once what no message can do. -ENOENT: its link is not known yet, and
 * nothing was done. */
PT_API int pt_trait_put(struct pt_nl_stream *s, const struct pt_trait_change *c, uint64_t cookie) PT_MUST;
/* The NUMBER of an OFFLOAD or SETTING is one of those above. */
PT_API bool pt_trait_known(const struct pt_trait *t);
/* "eth0 vlans 10 pvid untagged", "eth0 offload tso off". */
PT_API void pt_trait_print(struct pt_buf *b, const struct pt_trait *t);

#endif
