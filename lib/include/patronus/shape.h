/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shape - queueing disciplines, their classes, and the way of arriving packets through a link of type ifb: what the kernel has, what
 * somebody wants, and the difference.
 *
 * Ours are, on each device, the root with handle 8000: (htb, whose classes rules name, see pt_queue_class()) or 7fff: (all others),
 * everything that hangs on it, filters of preference 81 on it, and the one at the ingress, behind the classifier's (tc.h). The kernel itself
 * gives handles from 8001: up, so neither is ever its choice.
 */
#ifndef PATRONUS_SHAPE_H
#define PATRONUS_SHAPE_H

#include <patronus/link.h>

struct pt_each;

#define PT_SHAPE_CLASSES_MAJOR 0x8000u /* PT_QUEUE_MAJOR */
#define PT_SHAPE_MAJOR 0x7fffu
#define PT_SHAPE_ROOT_CLASS 0xffffu    /* class of the shaper itself; no queue has it */
#define PT_SHAPE_PREF 81               /* the classifier's and one */

enum pt_shape_what {
	PT_SHAPE_QDISC,
	PT_SHAPE_CLASS,
	PT_SHAPE_EACH,     /* filter of a class: each host has one of the classes below it, see each.h */
	PT_SHAPE_INTO,     /* filter of a root: packets of no queue go into class v.fallback */
	PT_SHAPE_HOOK,     /* clsact, where filters for arriving packets stand */
	PT_SHAPE_REDIRECT, /* arriving packets of DEVICE to TARGET */
};

#define PT_SHAPE_PROGRAM 48 /* PT_EACH_NAME */

/* All numbers of all kinds; those that a kind does not have are 0. */
struct pt_shape_values {
	uint64_t rate, ceil;               /* bytes a second */
	uint32_t burst, cburst;            /* htb, tbf: ticks of 64 nanoseconds */
	uint32_t quantum, priority;        /* htb: of a class */
	uint32_t fallback;                 /* htb: minor number of the class for all others */
	uint32_t limit;                    /* tbf, bfifo: bytes */
	uint32_t target, interval;         /* microseconds */
	uint32_t ecn;
	uint32_t framed, mpu, cells;       /* what the link makes of packets; cells: enum pt_cells */
	int32_t overhead;
	uint32_t diffserv, flows, nat, wash, ack_filter, ingress; /* cake, as it speaks them; flows: of fq_codel, too */
	uint32_t reserved;                 /* no gap: values are compared as bytes */
};

struct pt_shape_stats {
	uint64_t bytes, packets;
	uint32_t drops, overlimits, requeues, backlog_packets, backlog_bytes;
	uint32_t marks;                    /* packets with a congestion mark */
	bool has_delay;
	uint32_t delay;                    /* microseconds that packets waited of late: cake on average, fq_codel the longest */
};

/* One of cake's classes by type of service. */
struct pt_shape_tin {
	uint64_t rate, bytes;              /* RATE: from where on it gives way */
	uint32_t packets, drops, marks, ack_drops, backlog_bytes, delay, peak;
};
#define PT_SHAPE_TINS 8

struct pt_shape {
	enum pt_shape_what what;
	char device[PT_LINK_NAME];
	uint32_t index;                    /* 0: not known */
	uint32_t handle, parent;
	char kind[PT_LINK_NAME];           /* "cake", "htb", …; of the kernel, whatever it is */
	struct pt_shape_values v;
	bool inner;                        /* a class that others have as parent: no packets wait there */
	bool member;                       /* one of those for hosts, or what hangs on it */
	char target[PT_LINK_NAME];         /* REDIRECT */
	uint32_t target_index;
	char program[PT_SHAPE_PROGRAM];    /* EACH: its name, "" where it is not ours */
	int fd;                            /* EACH: the program to be put there */
	uint32_t program_id;
	/* wanted only */
	const char *name;                  /* of the shaper or queue */
	bool force, layer3;                /* v.overhead counts from the IP header on */
	const struct pt_each *each;        /* EACH */
	const struct pt_loc *loc;
	/* of the kernel only */
	bool standing;                     /* what the kernel gave the device itself */
	struct pt_shape_stats stats;
	struct pt_shape_tin *tins;
	uint32_t n_tins;
};

struct pt_shapes {
	struct pt_arena *arena;
	PT_VEC(struct pt_shape) v;         /* wanted: roots, then classes with parents first, then leaves */
};

#define PT_SHAPE_ROOT 0xffffffffu          /* TC_H_ROOT */
static inline bool pt_shape_is_root(const struct pt_shape *s)
{
	return s->what == PT_SHAPE_QDISC && s->parent == PT_SHAPE_ROOT;
}
/* A root with one of our handles. */
PT_API bool pt_shape_is_ours(const struct pt_shape *s);

/* Queueing disciplines of all devices, classes of those with a root of ours, redirects by way of links of LINKS that we made. */
PT_API int pt_shapes_read(struct pt_nl *route, const struct pt_links *links, struct pt_arena *a, struct pt_shapes *out,
			  struct pt_err *e) PT_MUST;
/* One RTM_NEWQDISC, RTM_NEWTCLASS or RTM_NEWTFILTER into OUT; other messages are left out. For fuzzing, too. */
PT_API int pt_shapes_parse(struct pt_shapes *out, const struct nlmsghdr *nlh) PT_MUST;

enum pt_shape_op { PT_SHAPE_DELETE, PT_SHAPE_ADD, PT_SHAPE_CHANGE };
struct pt_shape_change {
	enum pt_shape_op op;
	bool again;                        /* of one root, which cannot be changed in place */
	struct pt_shape s;                 /* what is to be; of DELETE, what is */
};
typedef PT_VEC(struct pt_shape_change) pt_shape_changes;
/* What leads from HAVE to WANT: ours that nobody wants go, what hangs on it first; then the rest comes or is changed in place. What
 * is wanted on a link of ABSENT is left out. -ENOMEM or 0. */
PT_API int pt_shapes_diff(const struct pt_shapes *want, const struct pt_shapes *have, const struct pt_links *links,
			  const pt_link_list *absent, struct pt_arena *a, pt_shape_changes *out) PT_MUST;
/* What somebody else put where WANT's roots are to stand: the first one, or NULL. */
PT_API const struct pt_shape *pt_shapes_foreign(const struct pt_shapes *have, const struct pt_shape *want);
/* Puts the message of one change into the line. -ENOENT: a link is not known yet, and nothing was put. */
PT_API int pt_shape_put(struct pt_nl_stream *s, const struct pt_shape_change *c, uint64_t cookie) PT_MUST;
/* "shaper htb dev eth0 100Mbit", "queue web dev eth0 rate 20Mbit ceil 50Mbit priority 1". */
PT_API void pt_shape_print(struct pt_buf *b, const struct pt_shape *s);
/* What the kernel makes of a time of fq_codel: the shortest one that it takes for the same. */
PT_API uint32_t pt_shape_codel_time(uint32_t us);
/* BYTES at RATE as ticks, and back. */
PT_API uint32_t pt_shape_ticks(uint64_t rate, uint64_t bytes);

#endif
