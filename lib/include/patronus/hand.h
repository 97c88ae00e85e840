/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hand - links, addresses, routes, rules and neighbours made by hand, in the words of the common file.
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

/* ---- where packets go; WORDS are those of a line of `network` in the file, but interfaces are devices ---- */

enum pt_hand_op { PT_HAND_ADD, PT_HAND_REPLACE, PT_HAND_DELETE };

struct pt_hand {
	struct pt_nl *route;
	enum pt_af af;           /* NONE: as the words say */
	bool dry;                /* only tell what would be done */
	struct pt_buf *told;     /* gets what is done, a line each: "add route 10.0.0.0/8 via 192.0.2.1" */
};

/* DELETE: WORDS say which one, of any owner. -ENODEV with a record: it, or a device, is not there; -EINVAL: the words are wrong, or
 * several are meant by them. REPLACE leaves those of the file alone: -EEXIST. */
PT_API int pt_hand_route(const struct pt_hand *h, enum pt_hand_op op, const char *words, struct pt_err *e) PT_MUST;
/* ADD, DELETE. Words that fit both families are about both. */
PT_API int pt_hand_rule(const struct pt_hand *h, enum pt_hand_op op, const char *words, struct pt_err *e) PT_MUST;
/* ADD takes the place of one that was learned; "192.0.2.1 dev eth0" is enough for DELETE. */
PT_API int pt_hand_neighbour(const struct pt_hand *h, enum pt_hand_op op, const char *words, struct pt_err *e) PT_MUST;
/* What the kernel learned of the neighbours on DEVICE is forgotten: N counts. Permanent ones stay. */
PT_API int pt_hand_flush(const struct pt_hand *h, const char *device, size_t *n, struct pt_err *e) PT_MUST;

#endif
