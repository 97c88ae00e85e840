/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of reach. */
#ifndef PLAN_REACH_PARTS_H
#define PLAN_REACH_PARTS_H

#include <patronus/reach.h>

/* Addresses with a meaning of their own to Linux, by family. */
struct reach_places {
	struct pt_iset local[2];    /* what is_local() of path.c is true of */
	struct pt_iset delivered[2]; /* what of it is in question */
	struct pt_iset loopback[2];
	struct pt_iset link_local[2];
	struct pt_iset routed[2];   /* that some route leads to */
	struct pt_iset no_route_needed[2];
};

/* One flow of many, see reach_list.c. */
struct reach_entry {
	struct pt_flow flow;
	struct pt_point witness;
};

struct reach {
	const struct pt_world *w;
	const struct pt_reach_question *q;
	struct pt_reach *out;
	struct pt_space *s;
	struct pt_arena *arena;     /* of the result */
	struct pt_arena *scratch;   /* of one set of arriving packets, then of the next */
	struct reach_places places;
	struct reach_effect {
		const struct pt_pol_rule *rule;
		pt_boxes conditions[2]; /* by family; without the tag */
	} *effects[2];              /* rules that tag, or translate and go on, by direction and in order */
	size_t n_effects[2];
	PT_VEC(struct reach_entry) list; /* reach_list.c */
	struct pt_iset arrivals;    /* devices in question */
	const struct pt_iset *behind; /* only packets that get one of these ports by translation; NULL: all in question */
	size_t pieces;
	bool too_many;
};

/* ---- reach_box.c: memory from A ---- */

/* 1: OUT is what of X has DIM in SET; 0: nothing has. */
int reach_with(const struct reach *r, struct pt_arena *a, const struct pt_box *x, uint32_t dim, const struct pt_iset *set,
	       struct pt_box *out);
/* The same with DIM not in SET. */
int reach_without(const struct reach *r, struct pt_arena *a, const struct pt_box *x, uint32_t dim, const struct pt_iset *set,
		  struct pt_box *out);
int reach_with_value(const struct reach *r, struct pt_arena *a, const struct pt_box *x, uint32_t dim, pt_u128 v,
		     struct pt_box *out);
const struct pt_iset *reach_side(const struct pt_box *x, uint32_t dim); /* NULL: all */
/* Gives up one side. */
int reach_drop(const struct reach *r, struct pt_arena *a, struct pt_box *x, uint32_t dim);
bool reach_by_chance(const struct pt_box *x); /* some rule with a probability has to hold, or not */
int reach_drop_chance(const struct reach *r, struct pt_box *x); /* memory of R's scratch */
int reach_copy(struct pt_arena *a, const struct pt_box *x, struct pt_box *out);
uint32_t reach_device(const struct reach *r, const char *device);

/* ---- reach_move.c: translations of sets ---- */

struct reach_map {
	uint32_t addr_dim, port_dim;
	struct pt_flow_move addr, port;
};

/* What translation NAT (index+1) makes of packets that BEFORE made what they are. 0: an interface has no address. */
int reach_map_nat(const struct reach *r, struct pt_arena *a, uint32_t nat, enum pt_af af, const struct reach_map *before,
		  struct reach_map *out);
int reach_image(const struct reach *r, struct pt_arena *a, const struct reach_map *m, const struct pt_box *x,
		struct pt_box *out);
/* Of X, whose image under M holds Y: what becomes Y. 1, or 0: nothing. */
int reach_preimage(const struct reach *r, struct pt_arena *a, const struct reach_map *m, const struct pt_box *x,
		   const struct pt_box *y, struct pt_box *out);

/* ---- reach_effects.c: what a judgement does to packets beside passing them ---- */

struct reach_piece {
	struct pt_box box;
	const struct pt_pol_rule *rule; /* that passes it */
	uint8_t tag;
	uint32_t nat;
	struct reach_map map;           /* of NAT */
	/* on the way: */
	uint32_t match_nat;
	struct reach_map seen, at_match, at_rule;
};
typedef PT_VEC(struct reach_piece) reach_pieces;

int reach_effects_new(struct reach *r);
/* X, which RULE passes in direction DIR and which has tag TAG before, as pieces that get one treatment each. */
int reach_effects(struct reach *r, enum pt_dir dir, const struct pt_pol_rule *rule, const struct pt_box *x, uint8_t tag,
		  reach_pieces *out);

/* ---- reach_world.c: what Linux does ---- */

int reach_places(struct reach *r);
/* The boxes of X, which is on the devices of its side (in) or on DEVICE (out), by what routes say of them. X alone where no
 * rule asks for that. */
int reach_facts(struct reach *r, enum pt_dir dir, const struct pt_box *x, pt_boxes *out);
/* X, on the one device D, with the sources that the routes lead back to there. 1, or 0: none. */
int reach_routed(const struct reach *r, uint32_t d, const struct pt_box *x, struct pt_box *out);
/* The sources that Linux takes packets in from, on lo or on other devices. LOOPBACK: also 127.0.0.0/8. */
int reach_sources(struct reach *r, int six, bool lo, bool loopback, struct pt_iset *out);

/* ---- reach_asked.c ---- */

/* Devices that Linux treats alike. */
struct reach_arrivals {
	struct pt_iset devices;
	bool lo, loopback, forwards[2];
};

/* Only what can begin a connection, unless all is asked for: one box a kind of protocol. */
int reach_beginnings(struct reach *r, const struct pt_box *x, pt_boxes *out);
/* X with what is the same in all questions; and that no socket here sent it. */
int reach_fixed(struct reach *r, const struct pt_box *x, struct pt_box *out);
int reach_without_owner(struct reach *r, const struct pt_box *x, struct pt_box *out);
/* Where packets may arrive, by what happens to them there. */
#define REACH_ARRIVALS 16
int reach_sort_devices(struct reach *r, struct reach_arrivals out[REACH_ARRIVALS], size_t *n);

/* ---- reach_list.c: from many flows to few ---- */

/* Adds F unless there are too many; its box is copied. BASE: all packets that may be in such a flow. */
int reach_add(struct reach *r, const struct pt_flow *f, const struct pt_box *base);
int reach_finish(struct reach *r);

#endif
