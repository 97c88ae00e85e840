/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files that make rules of flows. */
#ifndef PLAN_LEARN_INTERNAL_H
#define PLAN_LEARN_INTERNAL_H

#include <patronus/learn.h>

#include "plan/internal.h"

enum side_kind { SIDE_SET, SIDE_NETWORK, SIDE_OWN, SIDE_SELF, SIDE_ANY };

/* Where packets come from, or go to. */
struct side {
	enum side_kind kind;
	const struct pt_learn_if *of; /* NETWORK, OWN */
	struct pt_iset set[2];        /* SET; normal */
};

/* What becomes a rule. */
struct group {
	enum pt_dir dir;
	const char *on, *nat;
	uint8_t proto[2];
	uint8_t n_proto, af;          /* AF: mask of the families seen */
	struct pt_iset ports;         /* or ICMP types; normal */
	struct side src, dst;
	struct pt_learn_rule evidence;
};
typedef PT_VEC(struct group) groups;

struct grouping {
	const struct pt_learn_world *w;
	const struct pt_learn_flow *v;
	size_t n, n_admitted;         /* the admitted ones are first */
	bool refused;                 /* rules for these are made */
	struct pt_arena *a;
	groups groups;
	int rc;
};

/* learn_side.c */
bool side_has(const struct side *s, struct pt_addr a);
int side_cmp(const struct side *x, const struct side *y);
int iset_cmp(const struct pt_iset *x, const struct pt_iset *y);
/* Appends, to be normalised; gives S memory of its own. */
void iset_append(struct grouping *g, struct pt_iset *to, const struct pt_iset *from);
void iset_own(struct grouping *g, struct pt_iset *s);
void side_add(struct grouping *g, struct side *s, struct pt_addr a); /* to be normalised */
void side_norm(struct side *s);
uint64_t side_hosts(const struct side *s); /* of a SET; as many as PT_LEARN_TARGETS + 1 are told */
/* S, a SET of sources seen by ON, as one network or any where that is fair; else it stays. */
struct side side_sources(const struct grouping *g, const struct side *s, enum pt_dir dir, const char *on);
const struct pt_learn_if *learn_if(const struct pt_learn_world *w, const char *name);
/* Would X admit a flow that was refused? */
bool group_conflicts(const struct grouping *g, const struct group *x);

/* learn_merge.c: groups become fewer, and admit the same */
void groups_merge(struct grouping *g);

/* learn_text.c */
int groups_text(struct grouping *g, pt_learn_rules *out) PT_MUST;

#endif
