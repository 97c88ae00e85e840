/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of lint. */
#ifndef SPACE_LINT_WORK_H
#define SPACE_LINT_WORK_H

#include <patronus/lint.h>
#include <patronus/space.h>

/* ---- which boxes may meet a box: lint_index.c ---- */

#define LINT_AXES 4

struct lint_box {
	const struct pt_box *box;
	uint32_t region;
};

/* By one bound along one dimension: the first K in that order as a set of bits, for every STEP-th K. */
struct lint_bound {
	uint32_t *order;
	pt_u128 *value;
	uint64_t *marks;
};

/* The boxes of one direction and family, in the order in which they are asked. */
struct lint_index {
	struct lint_box *v;
	uint32_t *first; /* of each region, and one more: where its boxes begin */
	size_t n, words, step;
	struct lint_axis {
		uint32_t dim;
		struct lint_bound lo, hi;
	} axis[LINT_AXES];
	uint64_t *live;          /* those that are in no box before them: the others hold nothing that is not held */
	uint32_t *over;          /* of the others, a live one that holds it */
	uint32_t *under, *next;  /* of each, the first one that it holds so; of those, the next one; UINT32_MAX: none */
	uint64_t *found, *bits;  /* scratch */
};

int lint_index_build(struct lint_index *x, const struct pt_space_dir *d, enum pt_af af, struct pt_arena *a);
/* The places FROM to TO-1 of those that are live and overlap BOX, into LIST, which has room for all; their number. */
size_t lint_index_find(struct lint_index *x, const struct pt_box *box, size_t from, size_t to, uint32_t *list);

/* ---- one run ---- */

/* A written rule: all that came of it, wherever its anchor is asked. */
struct lint_group {
	const struct pt_pol_rule **rules;
	size_t n;
	struct lint_place {
		uint32_t region;
		uint8_t dir;
	} *regions; /* those of its rules */
	size_t n_regions;
	pt_boxes boxes;  /* lint_conditions() */
	bool boxed;
	bool never;      /* no packet meets its conditions */
	bool idle;       /* it never decides */
};

struct lint_run {
	struct pt_lint *lint;
	const struct pt_lint_input *in;
	struct pt_err *err;
	struct pt_arena *arena;      /* of the run */
	struct pt_arena *scratch;    /* of one box */
	struct pt_arena *question;   /* of one question about it */
	struct pt_space *always, *now;
	struct lint_index index[2][2]; /* of ALWAYS, by direction and family */
	uint32_t *group_of;          /* of each rule */
	PT_VEC(struct lint_group) groups;
	uint8_t tags[PT_TAGS_MAX + 1]; /* 1: some rule sets it, 2: some rule asks for it */
	struct pt_box clip[2];       /* by family: what there is of tags and of time */
	uint32_t *list[2];           /* room for the boxes of an index */
	const struct pt_box **cover;
	size_t undecided;
	PT_VEC(struct lint_effect) effects;
	struct pt_space_hits before; /* of NOW */
};

/* A rule that acts without deciding: match rules, tags on the way. */
struct lint_effect {
	const struct pt_pol_rule *rule;
	pt_boxes boxes;
};

/* One box of a written rule, where it is asked. */
struct lint_part {
	struct lint_group *group;
	struct lint_index *index;
	const struct pt_region *region;
	enum pt_dir dir;
	size_t from, to; /* its region's boxes in the index: what is before FROM is asked before it */
	size_t at;       /* its own place */
	struct pt_box box; /* clipped */
};
/* Calls FN for each box of G that can hold packets, until it says other than 0, which is the result. */
typedef int (*lint_part_fn)(struct lint_run *r, struct lint_part *p, void *arg);
int lint_parts(struct lint_run *r, struct lint_group *g, lint_part_fn fn, void *arg);
/* The boxes asked before P, or after it, that overlap BOX, in LIST; OWN: with those of its own rule. */
size_t lint_before(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, bool own, uint32_t *list);
bool lint_is_own(struct lint_run *r, const struct lint_part *p, uint32_t at);
/* Those of its own rule before it, live or not. */
size_t lint_own(const struct lint_part *p, const struct pt_box *box, uint32_t *list);
size_t lint_after(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, uint32_t *list);
/* Is BOX covered by the N of LIST? As pt_box_covered(); the witness lives until the next one. */
int lint_covered(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, const uint32_t *list, size_t n,
		 struct pt_point *witness);
const struct pt_region *lint_region_at(struct lint_run *r, const struct lint_part *p, uint32_t at);

int lint_groups(struct lint_run *r);
/* The conditions of all its rules, into g->boxes: regions have them in other pieces, by what states are for. */
int lint_conditions(struct lint_run *r, struct lint_group *g);
/* Each box of X is in one of Y, in the same direction. */
bool lint_within(const struct lint_group *x, const struct lint_group *y);
/* The steps that a question may take: fewer when many came to nothing. */
uint64_t lint_steps(const struct lint_run *r);
const char *lint_name(struct lint_run *r, const struct pt_pol_rule *rule);
bool lint_same_effect(const struct pt_region *x, const struct pt_region *y);
bool lint_has_label(const struct pt_pol_rule *r);
const char *lint_point(struct lint_run *r, const struct pt_space *s, enum pt_dir dir, const struct pt_point *p);

/* ---- what is so now: lint_now.c ---- */

/* One box of NOW, in the order of the rules. */
struct lint_now {
	enum pt_dir dir;
	size_t region;
	struct pt_box box;
};
/* Is the box covered by the regions before its own and those of MORE (may be NULL)? As pt_box_covered(), memory from
 * r->question. */
int lint_now_covered(struct lint_run *r, const struct lint_now *x, const pt_boxes *more, struct pt_point *witness);
/* What of it is in no region before its own, added to OUT. As pt_box_subtract(), memory from r->scratch. */
int lint_now_left(struct lint_run *r, const struct lint_now *x, size_t limit, pt_boxes *out);
/* "inet" or "inet6" is written in it. */
bool lint_says_family(const struct pt_pol_rule *r);

/* Each adds the findings of its kind. */
int lint_never(struct lint_run *r);
int lint_cover(struct lint_run *r);
/* Of a rule that decides, the parts that do not. */
int lint_partly(struct lint_run *r, struct lint_group *g);
int lint_generalises(struct lint_run *r);
int lint_wide(struct lint_run *r);
int lint_twin(struct lint_run *r);
int lint_unused(struct lint_run *r);

#endif
