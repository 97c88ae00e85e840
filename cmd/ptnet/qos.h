/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptnet qos - what the files about shapers as the kernel has them share. */
#ifndef PTNET_QOS_H
#define PTNET_QOS_H

#include <time.h>

#include <patronus/shape.h>

#include "ptnet.h"

struct qos_picture {
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_shapes shapes;
	struct timespec at;
};

struct qos_view {
	struct pt_cli *c;
	struct pt_nl *route;
	struct pt_conf *conf;      /* for names; NULL: none can be read */
	struct qos_picture now, before;
	bool watched;              /* BEFORE is there */
	struct pt_out *o;
};

/* qos.c */
int qos_open(struct qos_view *v, struct pt_cli *c);
void qos_close(struct qos_view *v);
/* A second later again; what was now is before. */
int qos_watch(struct qos_view *v);
/* Status 3 with a record where a name that is asked for is none. */
int qos_check_asked(struct qos_view *v);
void qos_show_all(struct qos_view *v);
/* The parts of a record of S, whose leaf and whose earlier state may be NULL. */
void qos_out_head(struct qos_view *v, const char *name, const char *what, const struct pt_shape *s);
void qos_out_values(struct qos_view *v, const struct pt_shape *s, const struct pt_shape *leaf, const char *parent);
void qos_out_stats(struct qos_view *v, const struct pt_shape *s, const struct pt_shape *leaf, const struct pt_shape *old);
const struct pt_shape *qos_find(const struct pt_shapes *in, const struct pt_shape *s, enum pt_shape_what what, uint32_t parent);
const struct pt_shape *qos_same(const struct pt_shapes *in, const struct pt_shape *s);

/* qos_hosts.c: the hosts below OWNER, whose name is NAME, if it tells hosts apart. */
void qos_show_hosts(struct qos_view *v, const struct pt_shape *owner, const char *name);

#endif
