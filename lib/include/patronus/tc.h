/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tc - our filter at the ingress of devices: a BPF program that sees packets before everything else.
 *
 * On a device's clsact hook, as preference PT_TC_PREF, kind bpf, direct action, with a name that says
 * which program it is. Filters and hooks of others stay as they are.
 */
#ifndef PATRONUS_TC_H
#define PATRONUS_TC_H

#include <patronus/nl.h>

#define PT_TC_PREF 80
#define PT_TC_NAME_MAX 64
#define PT_TC_NAME_OURS "patronus-" /* the beginning of the names of ours */

struct pt_tc_filter {
	uint32_t ifindex;
	uint32_t prog_id;
	char name[PT_TC_NAME_MAX]; /* PT_TC_NAME_OURS… */
	bool foreign; /* somebody else's, where ours would have to stand; no name, no program */
};
typedef PT_VEC(struct pt_tc_filter) pt_tc_filters;

/* Our filters on all devices, and those of others that stand in their way. ROUTE is a NETLINK_ROUTE socket. */
PT_API int pt_tc_ingress_list(struct pt_nl *route, struct pt_arena *a, pt_tc_filters *out, struct pt_err *e) PT_MUST;
/* Puts the program of PROG_FD there, in one step where another one of ours is. -ENODEV: no such device,
 * -EBUSY: somebody else's filter is in the way. */
PT_API int pt_tc_ingress_attach(struct pt_nl *route, uint32_t ifindex, int prog_fd, const char *name,
				struct pt_err *e) PT_MUST;
/* Takes ours away. No filter, no device: 0. */
PT_API int pt_tc_ingress_detach(struct pt_nl *route, uint32_t ifindex, struct pt_err *e) PT_MUST;
/* Takes the hook away if nothing is on it. The kernel stops the device's queues for that, as when it makes one: for a
 * moment what leaves there is lost. */
PT_API int pt_tc_ingress_unhook(struct pt_nl *route, uint32_t ifindex, struct pt_err *e) PT_MUST;

#endif
