/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this module share. Sets in boxes are never changed, so boxes share them freely. */
#ifndef PATRONUS_SPACE_INTERNAL_H
#define PATRONUS_SPACE_INTERNAL_H

#include <string.h>

#include <patronus/space.h>

/* ---- sets and boxes ---- */

enum space_relation { SPACE_APART, SPACE_PARTLY, SPACE_WITHIN };

/* Of X to Y; X is not empty. */
enum space_relation space_relation(const struct pt_iset *x, const struct pt_iset *y);
bool space_is_whole(const struct pt_iset *x, pt_u128 max);
const struct pt_box_side *space_side(const struct pt_box *x, uint32_t dim);
/* As pt_box_set(), but SET is not copied. */
int space_set_side(struct pt_arena *a, struct pt_box *x, uint32_t dim, const struct pt_iset *set, bool whole);

/* As pt_boxes_join(); of DISJOINT ones none is looked for within another. */
int space_join(const struct pt_space *s, struct pt_arena *a, pt_boxes *b, bool disjoint);

/* A box in the making: sides in any order. */
struct space_sides {
	const struct pt_space *s;
	enum pt_af af;
	bool never; /* nothing is in it */
	struct pt_box_side v[32];
	uint32_t n;
};
void space_put(struct space_sides *b, uint32_t dim, const struct pt_iset *set);
int space_finish(const struct space_sides *b, struct pt_arena *a, pt_boxes *out);

/* ---- a space and what it needs to be made ---- */

enum space_key_kind {
	SPACE_KEY_ADDRESS, /* an address is among contents */
	SPACE_KEY_LIMIT,   /* a rate of a rule has room */
	SPACE_KEY_PACKETS,
	SPACE_KEY_ONCE,
	SPACE_KEY_CHANCE,  /* a rule, by its identity, draws what it needs */
	SPACE_KEY_MOVED,   /* what a translation gives meets a rule's condition */
	SPACE_KEY_TARGET,  /* an interface has an address */
};

/* What a free dimension is: equal keys are the same one. */
struct space_key {
	enum space_key_kind kind;
	enum pt_ref_kind ref_kind;
	bool dst;
	uint32_t ref, nat;
};

#define SPACE_CACHE 256

struct space_made { /* sets that many rules need */
	const void *p;
	uint32_t n, extra;
	struct pt_iset set;
};

/* The boxes of all regions of one direction and family, their bounds side by side. */
struct space_index {
	size_t n;
	uint32_t *region;
	const struct pt_box **box;
	uint64_t *src_lo, *src_hi, *dst_lo, *dst_hi; /* in IPv6 the upper halves */
	uint16_t *port_lo, *port_hi;
};

struct space {
	struct pt_space pub;
	const struct pt_host *host;
	const struct pt_eval *eval;
	struct pt_iset (*tables)[2]; /* of constant ones in mode ALWAYS, where EVAL may be NULL */
	PT_VEC(struct space_key) keys; /* of pub.unknown */
	pt_boxes ct[2][3];             /* by family and enum pt_ct: disjoint */
	pt_boxes first[2];             /* by family: whole packets that may begin a connection */
	struct space_index index[2][2]; /* by direction and family */
	uint64_t now;                   /* the time to show rather than others */
};

static inline const struct space *space_of(const struct pt_space *s)
{
	return (const struct space *)s;
}

/* when.c: "schedule night"; " 2026-11-21 22:30:00" */
void space_print_times(const struct pt_space *s, const struct pt_iset *times, struct pt_buf *out);
void space_print_time(const struct pt_space *s, uint64_t t, struct pt_buf *out);
/* Does what is decided about P depend on its time? */
bool space_asks_time(const struct pt_space *s, enum pt_dir dir, const struct pt_point *p);

int space_index(struct space *s);
int space_ct(struct space *s);

/* ---- conditions ---- */

/* What later rules see instead of a field: f(x) of the field x as the packet came. */
enum space_view_kind {
	SPACE_SAME,
	SPACE_CONST,
	SPACE_MOVED,    /* FROM..FROM+SIZE becomes TO..TO+SIZE; nothing else is in the cell */
	SPACE_NOT_ZERO, /* a constant, but 0 stays 0 */
	SPACE_UNKNOWN,
};

struct space_view {
	enum space_view_kind kind;
	pt_u128 from, to, size; /* the constant is TO */
};

struct space_context {
	uint32_t nat;   /* index+1 of the last match rule's translation */
	bool tagged;    /* the tag is TAG, whatever the packet came with */
	uint8_t tag;
	struct space_view address, port; /* in: of the destination; out: of the source */
};

struct space_maker {
	const struct pt_space *s;
	struct space *own; /* may get free dimensions; NULL: it is finished */
	struct pt_arena *arena;
	struct space_made cache[SPACE_CACHE];
};

/* The boxes of R's conditions in family AF, as packets of context C are seen; disjoint. C may be NULL: as they came. */
int space_conditions(struct space_maker *m, const struct pt_pol_rule *r, enum pt_af af, const struct space_context *c,
		     pt_boxes *out);
/* The addresses of A, of which its negation has been made. -ENOENT: they change, in mode ALWAYS. */
int space_contents(struct space_maker *m, const struct pt_pol_addr *a, enum pt_af af, struct pt_iset *out);
/* The free dimension of KEY. -ENOENT: the space is finished and has none. */
int space_unknown(struct space_maker *m, const struct space_key *key, const struct pt_pol_rule *r, uint32_t *dim);

/* ---- contexts ---- */

struct space_cell {
	struct pt_box box;
	struct space_context c;
};

#define SPACE_CELLS_MAX 4096

struct space_cells {
	PT_VEC(struct space_cell) v; /* disjoint, of all packets */
};

/* What later rules can notice of rules in one direction. */
struct space_notice {
	bool tag, nat;
};

/* By rule of the direction, what those behind it notice. */
void space_notices(const struct space_maker *m, enum pt_dir dir, struct space_notice *v);
/* The address of N's interface; af NONE: it has none. In mode NOW. */
struct pt_addr space_target(const struct pt_space *s, const struct pt_pol_nat *n, enum pt_af af);
/* What R matches in CELL, added to OUT. */
int space_matching(struct space_maker *m, const struct pt_pol_rule *r, const struct space_cell *cell, pt_boxes *out);
/* The cells as they are behind R, of what later rules notice. -E2BIG with a record. */
int space_cells_after(struct space_maker *m, struct space_cells *cells, const struct pt_pol_rule *r, struct space_notice n,
		      struct pt_err *e);

/* ---- search ---- */

/* The searching of pt_box_covered(), for many questions. */
struct space_search {
	const struct pt_space *s;
	uint64_t steps; /* left */
	bool bounded;
	PT_VEC(struct pt_arena *) levels;
	struct pt_arena *parts; /* of boxes that are searched one after the other */
	const struct pt_box *asked; /* what was searched last */
	struct pt_box found;    /* of 0: nothing of it is covered; memory of the search */
};
void space_search_end(struct space_search *q);
/* 1: X is covered; 0: FOUND is not. */
int space_search(struct space_search *q, const struct pt_box *x, const struct pt_box *const *y, size_t n);
/* The same, what may begin a connection first. */
int space_search_begins(struct space_search *q, const struct pt_box *x, const struct pt_box *const *y, size_t n);
/* 1: X was cut down to what none of Y holds; 0: nothing was found, which says nothing. */
int space_probe(const struct pt_space *s, struct pt_arena *a, struct pt_box *x, const struct pt_box *const *y, size_t n);
/* The value of SET (NULL: all) to show rather than others. */
pt_u128 space_plain_value(const struct pt_space *s, enum pt_af af, uint32_t dim, const struct pt_iset *set);
/* The point of FOUND, and of what was asked beyond it, to show: in none of Y. */
int space_witness(struct space_search *q, struct pt_arena *a, const struct pt_box *const *y, size_t n, struct pt_point *out);
int space_choose(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, struct pt_point *out);

#endif
