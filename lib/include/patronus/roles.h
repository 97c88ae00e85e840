/* SPDX-License-Identifier: GPL-3.0-or-later */
/* roles - what interfaces are to the rules in force: their names there, their groups, and how many rules speak of them. */
#ifndef PATRONUS_ROLES_H
#define PATRONUS_ROLES_H

#include <patronus/conf.h>
#include <patronus/nl.h>

struct pt_role {
	const struct pt_conf_if *interface;
	size_t rules;            /* that name it, its device or one of its groups, in whatever place */
};

struct pt_roles {
	struct pt_conf *conf;    /* of the file that is in force */
	PT_VEC(struct pt_role) v; /* in its order */
};

/* NF is a NETLINK_NETFILTER socket. -ENOENT and others with a record: no file is in force, or its copy cannot be read. */
PT_API int pt_roles_read(struct pt_nl *nf, struct pt_roles *out, struct pt_err *e) PT_MUST;
PT_API void pt_roles_free(struct pt_roles *r);
/* NULL: the device is none of the file. */
PT_API const struct pt_role *pt_roles_find(const struct pt_roles *r, const char *device);

#endif
