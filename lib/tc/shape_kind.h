/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tc/shape_kind - what the files about shaping share: the kinds and how their options are spoken. */
#ifndef PATRONUS_TC_SHAPE_KIND_H
#define PATRONUS_TC_SHAPE_KIND_H

#include <linux/netlink.h>

#include <patronus/shape.h>

struct nlattr;

struct shape_kind {
	const char *name;
	bool table;   /* the kernel counts frames by a table of sizes: the kind itself cannot */
	bool changes; /* a standing one takes other options */
	/* OPTIONS into V; 0 or -EBADMSG */
	int (*parse)(const struct nlattr *options, struct pt_shape *s);
	/* Behind TCA_OPTIONS; may be NULL: none */
	void (*put)(struct nlmsghdr *nlh, const struct pt_shape *s);
	/* TCA_STATS_APP; may be NULL */
	int (*stats)(const struct nlattr *app, struct pt_arena *a, struct pt_shape *s);
};
/* NULL: none of ours. */
const struct shape_kind *shape_kind(const char *name);

/* shape_frame.c: how long frames are, where the queueing discipline does not know. */
void shape_frame_put(struct nlmsghdr *nlh, const struct pt_shape_values *v);
int shape_frame_parse(const struct nlattr *stab, struct pt_shape_values *v);

/* The class of an htb. */
int shape_class_parse(const struct nlattr *options, struct pt_shape *s);
void shape_class_put(struct nlmsghdr *nlh, const struct pt_shape *s);

#endif
