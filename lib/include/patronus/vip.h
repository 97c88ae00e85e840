/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vip - virtual addresses: those beside the first one of an interface, those that it answers for, and those that are routed here;
 * whether the kernel has them, and which rules translate to them or from them.
 */
#ifndef PATRONUS_VIP_H
#define PATRONUS_VIP_H

#include <patronus/hand.h>
#include <patronus/neighbour.h>
#include <patronus/policy.h>

enum pt_vip_state {
	PT_VIP_PRESENT,
	PT_VIP_MISSING,
	PT_VIP_DUPLICATE,        /* somebody else on the link has it, or another device of this machine */
	PT_VIP_UNHELD,           /* of OTHER: nothing is to be there */
};
PT_API extern const char *const pt_vip_states[];

/* A rule that names it, once for each way. */
struct pt_vip_use {
	const struct pt_pol_rule *rule;
	const char *way;         /* "nat-to": it is among those that sources get; "rdr-to": packets to it are sent on */
};

struct pt_vip {
	const char *name;        /* NULL: it has none */
	enum pt_vip_type type;
	enum pt_vip_state state;
	const char *interface;   /* of the file; NULL: the device is none of it */
	const char *device;
	struct pt_prefix address; /* with the length of its network; of PROXY and OTHER what is held */
	bool by_hand;            /* the file does not have it */
	const char *description; /* or NULL */
	PT_VEC(struct pt_vip_use) uses;
};
typedef PT_VEC(struct pt_vip) pt_vips;

/* Those of the policy's file, and those that are there by hand. Memory from A, names from the file too. -ENOMEM or 0. */
PT_API int pt_vips_list(const struct pt_policy *p, const struct pt_addresses *addresses, const struct pt_neighbours *neighbours,
			struct pt_arena *a, pt_vips *out) PT_MUST;

/* By hand: ADDRESS, "192.0.2.10/24" or "192.0.2.10", on DEVICE; PROXY: it answers for it. */
PT_API int pt_hand_vip(const struct pt_hand *h, enum pt_hand_op op, enum pt_vip_type type, const char *address, const char *device,
		       struct pt_err *e) PT_MUST;

#endif
