/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/network_shape - what the files share that make queueing disciplines of shapers. */
#ifndef PLAN_NETWORK_SHAPE_H
#define PLAN_NETWORK_SHAPE_H

#include <patronus/each.h>

#include "plan/network.h"

/* A class whose packets are told apart by their hosts. */
struct network_each {
	const struct pt_conf_each *conf;
	const struct pt_conf_queue *queue; /* NULL: the shaper */
	uint32_t handle;
	struct pt_each program;
};
typedef PT_VEC(struct network_each) network_eaches;

struct network_wants {
	const struct pt_conf *c;
	const struct pt_conf_shaper *shaper;
	struct pt_arena *a;
	struct pt_shapes *out;
	network_eaches eaches;     /* of this shaper */
	char device[PT_LINK_NAME]; /* where packets wait */
};

/* network_shapers.c */
struct pt_shape network_shape_object(const struct network_wants *w, enum pt_shape_what what, const char *kind, const char *name,
				     const struct pt_loc *loc);
/* The class of Q; NULL: of the shaper. */
uint32_t network_class_of(const struct pt_conf_queue *q);
uint32_t network_burst_of(uint64_t rate, uint32_t given);
uint32_t network_quantum_of(uint64_t rate);
void network_codel_values(uint32_t rtt, bool ecn, struct pt_shape_values *v);

/* network_each.c */
/* Finds classes for the hosts of W's shaper and of its queues. -ENOMEM or 0. */
int network_each_find(struct network_wants *w);
/* That of Q, or of the shaper; NULL: its hosts are not told apart. */
const struct network_each *network_each_of(const struct network_wants *w, const struct pt_conf_queue *q);
/* Its classes, what they hang on, and who has which. */
int network_want_each(const struct network_wants *w, const struct network_each *each);
/* -EINVAL: there are more classes than the kernel has numbers. */
int network_check_each(const struct pt_conf *c, struct pt_err *e);

#endif
