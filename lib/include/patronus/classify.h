/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * classify - one direction's rules in the order in which the first match wins, and the tables in which a
 * packet finds its rule in a number of steps that hardly grows with the number of rules.
 *
 * "Last match wins, quick ends" as first match: the quick rules in order, then the others in reverse. On the
 * way stand the effects of rules that do not decide (match rules; tags of rules that are not quick). A
 * deciding rule whose conditions are all constant goes into the tables; one with a table, `self` or an
 * interface's addresses is dynamic and is asked by itself, but only where no earlier constant rule matched.
 */
#ifndef PATRONUS_CLASSIFY_H
#define PATRONUS_CLASSIFY_H

#include <patronus/policy.h>

enum pt_order_kind {
	PT_ORDER_CONST,   /* decides, goes into the tables */
	PT_ORDER_DYNAMIC, /* decides, asked by itself */
	PT_ORDER_EFFECT,  /* does not decide here */
};

struct pt_order_item {
	const struct pt_pol_rule *rule;
	uint32_t before; /* number of CONST items before it */
	enum pt_order_kind kind : 8;
	uint32_t group : 24; /* DYNAMIC, EFFECT: number of the unbroken run of such items, from 1. CONST: of the last run
			  * before it, 0: none */
};

struct pt_order {
	PT_VEC(struct pt_order_item) items; /* in order */
	uint32_t n_const, n_groups;
	/* Why this direction cannot be classified: a rule that changes what later ones see. NULL: it can. */
	const char *why_not;
	const struct pt_pol_rule *culprit;
};

/* The rules of direction DIR but for the built-in ones. -ENOMEM or 0. */
PT_API int pt_order_build(const struct pt_policy *p, enum pt_dir dir, struct pt_arena *a, struct pt_order *out) PT_MUST;

/* ---- the tables ---- */

struct pt_class_device {
	const char *name;
	uint32_t index; /* of the kernel, 1 to 2^31-1 */
};

struct pt_class_input {
	const struct pt_order *order;
	const uint32_t *keys; /* what to give for each CONST item, in order; NULL: its number */
	uint32_t none;        /* what to give where none matches */
	/* Devices that packets may be judged on; others have no answer. */
	const struct pt_class_device *devices;
	size_t n_devices;
	size_t max_bytes;     /* of the tables, 0: PT_CLASS_BYTES_MAX */
};
#define PT_CLASS_BYTES_MAX (256u << 20)

struct pt_classifier {
	uint64_t *words; /* see policy/walk.h */
	size_t n_words;
	uint32_t n_rules;
	uint32_t classes[2][2]; /* of sources and destinations, by family */
	uint32_t rest;          /* classes of everything else */
	uint32_t steps;         /* reads of memory that a packet needs at most before rows are compared */
};

/* -E2BIG: the tables would be larger than allowed (a record says by what); -ENOMEM. */
PT_API int pt_classifier_build(const struct pt_class_input *in, struct pt_classifier **out, struct pt_err *e) PT_MUST;
/* Other answers than those that it was built with, of the same meaning as in its input. False: they are the same. */
PT_API bool pt_classifier_keys(struct pt_classifier *c, const uint32_t *keys, uint32_t none);
/* Which of the 32-bit numbers in the words is the answer for CONST item number ITEM. */
PT_API size_t pt_classifier_key_at(const struct pt_classifier *c, uint32_t item);
PT_API void pt_classifier_free(struct pt_classifier *c);

/* The number of the first CONST item that matches, or UINT32_MAX. DEVICE: one of the input's indexes. */
PT_API uint32_t pt_classify(const struct pt_classifier *c, const struct pt_packet *pkt, uint32_t device);

#endif
