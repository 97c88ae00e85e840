/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hand - links and addresses made by hand, in the words of the common file.
 *
 * What is made so carries no mark of ours: an apply neither takes it away nor changes it, and it is gone with the next start of the
 * machine. Who wants to keep it writes it into the file.
 */
#ifndef PATRONUS_HAND_H
#define PATRONUS_HAND_H

#include <patronus/address.h>

/* A new link: WORDS are options and their values, "type" "vlan" "parent" "eth0" "id" "10"; of a list, values with ',' between.
 * Besides, "master" DEVICE or "none". */
PT_API int pt_hand_link_add(struct pt_nl *route, const char *name, const char *const *words, size_t n, struct pt_err *e) PT_MUST;
/* Changes a link in place, whoever made it: only what WORDS name. */
PT_API int pt_hand_link_set(struct pt_nl *route, const char *name, const char *const *words, size_t n, struct pt_err *e) PT_MUST;
PT_API int pt_hand_link_delete(struct pt_nl *route, const char *name, struct pt_err *e) PT_MUST;
/* "192.0.2.1/24", on DEVICE. */
PT_API int pt_hand_address(struct pt_nl *route, bool add, const char *address, const char *device, struct pt_err *e) PT_MUST;

#endif
