/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * space - sets of packets, exactly: what lint, reach, test and the diff of meaning reason with.
 *
 * A packet at one judgement is a point in a space of a few dimensions (header space analysis). A rule matches a
 * union of boxes, a box is the product of one interval set a dimension. The questions are all of one kind: is this
 * box covered by those? If not, here is a point of it that is not: a witness, which pt_evaluate() judges.
 */
#ifndef PATRONUS_SPACE_H
#define PATRONUS_SPACE_H

#include <patronus/policy.h>

/* Dimensions, and what their numbers are. */
enum pt_dim {
	PT_DIM_DEVICE,   /* index into the space's devices; the last one stands for all that the rules do not name */
	PT_DIM_PROTO,    /* 0 to 255 */
	PT_DIM_SRC,      /* an address of the box's family */
	PT_DIM_DST,
	PT_DIM_SPORT,    /* 0 to 65535; of protocols with ports */
	PT_DIM_DPORT,
	PT_DIM_ICMP,     /* type << 8 | code; of icmp and icmp6 */
	PT_DIM_FLAGS,    /* 0 to 255; of tcp */
	PT_DIM_SHORT,    /* 0: whole, 1: no TCP flags, 2: no ports or types either */
	PT_DIM_TAG,      /* before the judgement; 0: none */
	PT_DIM_TOS,      /* 0 to 255 */
	PT_DIM_MAC,      /* 48 bits; 1 << 48: none */
	PT_DIM_RECEIVED, /* index into the devices; one more than there are: made here */
	PT_DIM_USER,     /* 32 bits; 1 << 32: no socket, which one of both is enough for */
	PT_DIM_GROUP,
	PT_DIM_TIME,     /* seconds since the epoch */
	PT_DIM_NO_ROUTE_SRC, /* 0 or 1: what the routes say */
	PT_DIM_NO_ROUTE_DST,
	PT_DIM_URPF,
	PT_DIM_FREE,     /* this one and all above: 0 or 1, see struct pt_space_unknown */
};

struct pt_box {
	enum pt_af af;  /* INET or INET6 */
	uint32_t n;
	struct pt_box_side {
		uint32_t dim;
		struct pt_iset set; /* normal, not empty, not the whole dimension */
	} *v;           /* by DIM; dimensions that are not here hold everything */
};
typedef PT_VEC(struct pt_box) pt_boxes; /* a union; may overlap unless told otherwise */

/* One value of each dimension. */
struct pt_point {
	enum pt_af af;
	uint32_t n;     /* of V, by dimension: those of the space */
	pt_u128 *v;
};

/* Contents that change without a reload: addresses of interfaces, tables, names, room for a rate. */
enum pt_space_mode {
	PT_SPACE_NOW,    /* what they are now, as the evaluator has it: its judgements exactly */
	PT_SPACE_ALWAYS, /* each is a dimension of its own: a cover found here holds whatever they are */
};

/* What a free dimension stands for. In mode NOW there are none but what each rule with a probability draws. */
struct pt_space_unknown {
	const char *text; /* "from <admins>", "probability of rule web": for people */
};

/* The boxes in which one rule decides if no region before it does, and what it then says. */
struct pt_region {
	const struct pt_pol_rule *rule; /* NULL: the last one of all, everything: no rule matched */
	bool pass;
	const char *why;                /* as in struct pt_decision; such regions come just before that of their rule */
	pt_boxes boxes;
};

struct pt_space {
	struct pt_arena *arena;
	const struct pt_policy *policy;
	enum pt_space_mode mode;
	PT_VEC(const char *) devices;   /* that rules or the host name, sorted; the last is "" : any other */
	PT_VEC(struct pt_space_unknown) unknown;
	PT_VEC(struct pt_draw) draws;   /* of rules with a probability: the first of UNKNOWN */
	struct pt_space_dir {
		PT_VEC(struct pt_region) v; /* the first one that holds a packet decides */
	} dir[2];                       /* [0] in, [1] out */
};

/* H, and without addresses every other device that the N files of P or their rules name, so that spaces of several policies have the
 * same devices. *OUT belongs to A and shares H's addresses. -ENOMEM or 0. */
PT_API int pt_space_host(const struct pt_host *h, const struct pt_policy *const *p, size_t n, struct pt_arena *a,
			 struct pt_host *out) PT_MUST;

/* V gives contents in mode NOW; it, P and H outlive the space. In mode ALWAYS both may be NULL. -E2BIG with a record: rules
 * that translate or tag for later rules cut the space into too many pieces. */
PT_API int pt_space_new(const struct pt_policy *p, const struct pt_host *h, const struct pt_eval *v, enum pt_space_mode mode,
			struct pt_space **out, struct pt_err *e) PT_MUST;
/* With the devices and draws of LIKE among its own, so that boxes of the one space are boxes of the other where both have the same
 * devices and no tags: of two policies, make A, then B like A, then A once more like B. */
PT_API int pt_space_new_like(const struct pt_policy *p, const struct pt_host *h, const struct pt_eval *v,
			     enum pt_space_mode mode, const struct pt_space *like, struct pt_space **out,
			     struct pt_err *e) PT_MUST;
PT_API void pt_space_free(struct pt_space *s);
PT_API uint32_t pt_space_dims(const struct pt_space *s);
/* The highest value of a dimension, in family AF. */
PT_API pt_u128 pt_space_max(const struct pt_space *s, uint32_t dim, enum pt_af af);

/* The conditions of one rule alone as boxes: a statement or a filter, parsed and built as a rule of its policy. Tags and what
 * match rules do to it are not looked at. -ENOENT in mode ALWAYS: it asks for contents that no rule of the policy asks for. */
PT_API int pt_space_boxes(const struct pt_space *s, const struct pt_pol_rule *r, struct pt_arena *a, pt_boxes *out) PT_MUST;

/* ---- algebra; memory from A, -ENOMEM or 0 unless told otherwise ---- */

/* 1: some point is in both, and *OUT is what they share; 0: none is. */
PT_API int pt_box_intersect(struct pt_arena *a, const struct pt_box *x, const struct pt_box *y, struct pt_box *out) PT_MUST;
PT_API bool pt_box_overlaps(const struct pt_box *x, const struct pt_box *y);
PT_API bool pt_box_within(const struct pt_box *x, const struct pt_box *y); /* X of Y */
PT_API bool pt_box_has(const struct pt_box *x, const struct pt_point *p);
/* Sets one side, which may be there; with the whole of the dimension it goes away. */
PT_API int pt_box_set(const struct pt_space *s, struct pt_arena *a, struct pt_box *x, uint32_t dim,
		      const struct pt_iset *set) PT_MUST;
/* What of X is in none of the N of Y, as disjoint boxes added to OUT. -E2BIG: more than LIMIT boxes (0: any number). */
PT_API int pt_box_subtract(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x,
			   const struct pt_box *const *y, size_t n, size_t limit, pt_boxes *out) PT_MUST;
/* Is X covered by the N of Y? 1: yes; 0: no, and *WITNESS (if not NULL; memory from A) is a point of X in none of them, a
 * packet that could begin a connection if there is one. -E2BIG: not known after STEPS splits (0: any number). */
PT_API int pt_box_covered(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, const struct pt_box *const *y,
			  size_t n, uint64_t steps, struct pt_point *witness) PT_MUST;
/* Joins boxes that differ in one dimension only until none do, and leaves out those within another: fewer, for people.
 * The union stays; disjoint ones stay disjoint. */
PT_API int pt_boxes_join(const struct pt_space *s, struct pt_arena *a, pt_boxes *b) PT_MUST;

/* ---- questions ---- */

/* Boxes of regions. */
struct pt_space_hits {
	PT_VEC(const struct pt_box *) box;
	PT_VEC(uint32_t) region; /* of each, its number in the direction */
};
/* The boxes of the regions before number REGION that overlap X, in their order: what X could be covered by. Sooner than
 * looking at each. OUT keeps its memory from question to question when the caller sets both N to 0. */
PT_API int pt_space_before(const struct pt_space *s, enum pt_dir dir, size_t region, const struct pt_box *x, struct pt_arena *a,
			   struct pt_space_hits *out) PT_MUST;
/* The part of X whose packets may begin a connection, as disjoint boxes added to OUT: TCP's first. */
PT_API int pt_space_begins(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, pt_boxes *out) PT_MUST;
/* The region that decides a point: the first one that holds it. */
PT_API const struct pt_region *pt_space_decide(const struct pt_space *s, enum pt_dir dir, const struct pt_point *p);

/* Is there a packet in X, in direction DIR, whose verdict is PASS (true) or block? 1: *WITNESS, and *BY decides it; 0: none.
 * One that may begin a connection comes first. */
PT_API int pt_space_find(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, bool pass,
			 struct pt_point *witness, const struct pt_region **by) PT_MUST;
/* The same, of those that a rule of the file passes, or none: what built-in rules pass is not found. */
PT_API int pt_space_find_written(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, bool pass,
			 struct pt_point *witness, const struct pt_region **by) PT_MUST;
/* All packets of X that pass, as disjoint boxes by region. FN gets memory that it may keep as long as A; non-zero ends it
 * and is the result. */
PT_API int pt_space_passed(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x,
			   int (*fn)(const struct pt_region *by, const struct pt_box *b, void *arg), void *arg) PT_MUST;

/* The point of a whole packet whose ct is pt_packet_ct(); free dimensions are 0. */
PT_API int pt_space_point(const struct pt_space *s, struct pt_arena *a, const struct pt_packet *k, const char *device,
			  struct pt_point *out) PT_MUST;
/* The packet of a point and the device it is judged on, for pt_evaluate() and for people. */
PT_API void pt_space_packet(const struct pt_space *s, const struct pt_point *p, struct pt_packet *out, const char **device);
/* "on lan proto tcp from 10.0.0.0/8 to any port 443": the words of the rule language where it has them. */
PT_API void pt_space_print(const struct pt_space *s, const struct pt_box *x, struct pt_buf *out);
/* "in lan tcp 192.168.1.5:4000 to 1.1.1.1:443 flags S": as `ptfw explain` takes it. */
PT_API void pt_space_print_point(const struct pt_space *s, enum pt_dir dir, const struct pt_point *p, struct pt_buf *out);

/* ---- what two policies say differently ---- */

enum pt_meaning_kind {
	PT_MEANING_VERDICT,     /* they are blocked instead of passed, or the other way round */
	PT_MEANING_TRANSLATION, /* they pass in both, and the rules that decide translate them differently */
	PT_MEANING_UNKNOWN,     /* there may be such packets: it would have taken too long to find out */
};

/* Packets at one judgement that one rule of the old policy and one of the new decide. */
struct pt_meaning {
	enum pt_meaning_kind kind;
	enum pt_dir dir;
	const struct pt_region *by[2];  /* [0] old, [1] new; where a written rule is several, one of them */
	const struct pt_space *space;   /* of the boxes */
	pt_boxes boxes;                 /* all such packets, disjoint if EXCEPT is 0 */
	size_t except;                  /* not 0: less what so many boxes of rules before the two decide */
	/* one of them, but of UNKNOWN: */
	struct pt_point at;
	struct pt_packet packet;
	const char *device;
	const char *words;              /* as `ptfw explain` takes it */
	struct pt_decision decision[2];
};

struct pt_meaning_side {
	const struct pt_space *space;   /* mode NOW; of both, with the same devices (pt_space_host()) and tags (pt_policy_align());
					 * the new one like the old one */
	const struct pt_eval *eval;
};

/* Gives FN the differences, the `in` judgement's first; memory is gone when it returns. Non-zero ends it and is the result.
 * -E2BIG with a record: there is more than could be compared. Translations of match rules are not compared. */
PT_API int pt_meaning_compare(const struct pt_meaning_side *old, const struct pt_meaning_side *new,
			      int (*fn)(const struct pt_meaning *m, void *arg), void *arg, struct pt_err *e) PT_MUST;

#endif
