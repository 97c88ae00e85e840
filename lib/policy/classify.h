/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files that build a classifier's tables (policy/walk.h says what is in them): from
 * rules to groups of equal conditions (classify_group.c), from intervals to classes (classify_sweep.c),
 * from those to rows (classify_side.c, classify_kind.c, classify_rest.c), and the words (classify_blob.c).
 */
#ifndef POLICY_CLASSIFY_H
#define POLICY_CLASSIFY_H

#include <patronus/classify.h>

#include "policy/walk.h"

/* ---- numbers as keys of sets ---- */

/* A set of numbers as the exclusive or of a random-looking value for each (Zobrist 1970): one more or one
 * less is one step, and with 128 bits two different sets do not meet. */
struct policy_hash {
	uint64_t a, b;
};

static inline uint64_t policy_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* With or without NUMBER: the other one of the two. */
static inline void policy_toggle(struct policy_hash *h, uint32_t number)
{
	h->a ^= policy_mix((number + 1ull) * 0x9e3779b97f4a7c15ull);
	h->b ^= policy_mix((number + 1ull) * 0xd1342543de82ef95ull + 0x632be59bd9b4e019ull);
}

/* What has been seen: a number for each hash, of which 96 bits do. */
struct policy_seen_slot {
	uint64_t a;
	uint32_t b;
	uint32_t value; /* WALK_NONE: free */
};

struct policy_seen {
	struct policy_seen_slot *slots;
	size_t n, cap; /* a power of two, or 0 */
};

/* Where H's number is. A new one is WALK_NONE and has to be set at once. -ENOMEM or 0. */
int policy_seen_get(struct policy_seen *s, struct policy_hash h, uint32_t **value) PT_MUST;
void policy_seen_fini(struct policy_seen *s);

/* One more word of a sequence. */
static inline void policy_hash_word(struct policy_hash *h, uint64_t word)
{
	h->a = (h->a ^ word) * 0x9fb21c651e98df25ull;
	h->a ^= h->a >> 32;
	h->b = (h->b + word * 0xd6e8feb86659fd93ull) * 0xa0761d6478bd642full;
	h->b ^= h->b >> 29;
}

struct policy_hash policy_words_hash(const uint64_t *words, size_t n);

/* ---- the words ---- */

struct policy_blob {
	uint64_t *words;
	size_t n, cap, max;
	struct policy_seen runs; /* long ones, and where they are */
	int rc; /* the first failure; then nothing is added any more */
};

/* Room for N zeroed words at a multiple of ALIGN; 0 after a failure. */
size_t policy_blob_room(struct policy_blob *b, size_t n, size_t align);
/* Room for N numbers of 32 bits (none: all 0). */
size_t policy_blob_numbers(struct policy_blob *b, const uint32_t *numbers, size_t n);

/* Forgets what was added since there were N words. */
void policy_blob_cut(struct policy_blob *b, size_t n);

/* A row of bits before it is packed. */
struct policy_row {
	uint64_t *words, *summary;
	uint32_t *runs; /* where each run was put when it was as it is now; 0: nowhere */
	size_t n_words, n_summary;
};

/* Room in one piece, all 0, to be freed with WORDS. -ENOMEM or 0. */
int policy_row_new(size_t n_words, struct policy_row *out) PT_MUST;
void policy_row_clear(struct policy_row *r);

static inline void policy_row_set(struct policy_row *r, uint32_t rule)
{
	r->words[rule / 64] |= 1ull << rule % 64;
	r->summary[rule / 4096] |= 1ull << rule / 64 % 64;
	r->runs[rule / 4096] = 0;
}

/* With or without RULE: the other one of the two. */
static inline void policy_row_toggle(struct policy_row *r, uint32_t rule)
{
	uint64_t *word = &r->words[rule / 64], bit = 1ull << rule / 64 % 64;

	r->runs[rule / 4096] = 0;
	*word ^= 1ull << rule % 64;
	if (*word)
		r->summary[rule / 4096] |= bit;
	else
		r->summary[rule / 4096] &= ~bit;
}

/* Packs the row into the tables. */
size_t policy_row_put(struct policy_blob *b, struct policy_row *r);
/* The same of what is not an address, with the place of the rules that hold for most ports. */
size_t policy_row_put_rest(struct policy_blob *b, struct policy_row *r, uint32_t any);
/* All its words, also those that are 0. */
size_t policy_row_put_any(struct policy_blob *b, const struct policy_row *r);

/* A key or an event: 128 bits, and what it is for. */
struct policy_mark {
	uint64_t high, low;
	uint32_t number;
};
typedef PT_VEC(struct policy_mark) policy_marks;

/* A tree of KEYS (at least one, the first 0) with their numbers as values. */
void policy_tree_put(struct policy_blob *b, const policy_marks *keys, bool wide, struct walk_tree *out);

/* ---- the work ---- */

struct policy_class_build {
	const struct pt_class_input *in;
	const struct pt_pol_rule **rules; /* CONST, in order */
	uint32_t n;
	struct policy_blob blob;
	struct walk_head head;
	struct policy_row row;
	struct pt_classifier *c;
	const char *part; /* what is being made: for messages */
};

/* Rules with equal conditions. */
struct policy_groups {
	uint32_t n;
	uint32_t *start; /* N + 1 places in RULES */
	uint32_t *rules; /* of group after group, each in order */
};

/* Conditions that rules are grouped by. HOW: what HASH and SAME have to look at. */
struct policy_trait {
	bool (*has)(const struct pt_pol_rule *r, int how); /* others are left out */
	uint64_t (*hash)(const struct pt_pol_rule *r, int how);
	bool (*same)(const struct pt_pol_rule *x, const struct pt_pol_rule *y, int how);
	int how;
};

int policy_groups_make(const struct policy_class_build *b, const struct policy_trait *t,
		       struct policy_groups *out) PT_MUST;
void policy_groups_fini(struct policy_groups *g);
uint64_t policy_set_hash(uint64_t h, const struct pt_iset *s);

static inline const struct pt_pol_rule *policy_sample(const struct policy_class_build *b,
						      const struct policy_groups *g, uint32_t group)
{
	return b->rules[g->rules[g->start[group]]];
}

/* ---- from intervals to classes ---- */

struct policy_sweep {
	policy_marks events;  /* where groups begin to hold and cease to */
	policy_marks keys;    /* where another class begins, and its value */
	bool keep;            /* the events are needed afterwards; else the keys take their place in memory */
	struct policy_seen seen;
	/* GROUP holds from here on, or no longer. May be NULL. */
	void (*turned)(struct policy_sweep *s, uint32_t group);
	/* Gives a new class its value. */
	int (*found)(struct policy_sweep *s, uint32_t *value);
	void *arg;
};

/* First, for all intervals that will be added. */
int policy_sweep_room(struct policy_sweep *s, size_t n_intervals) PT_MUST;
/* The group holds in SET; nothing is above MAX. */
void policy_sweep_add(struct policy_sweep *s, uint32_t group, const struct pt_iset *set, pt_u128 max);
int policy_sweep_run(struct policy_sweep *s, unsigned int bits) PT_MUST;
void policy_sweep_fini(struct policy_sweep *s);

/* ---- parts ---- */

/* Ports, and in the place of the destination's the type and code of ICMP. */
#define POLICY_PORT_MAX WALK_NO_PORT
#define POLICY_PORT_BITS 24 /* whole bytes that hold it */

static inline const struct pt_iset *policy_dst_ports(const struct pt_pol_rule *r)
{
	return r->icmp.n ? &r->icmp : &r->dport;
}

/* The side DST or source of IPv6 (SIX) or IPv4. */
int policy_class_side(struct policy_class_build *b, int six, int dst) PT_MUST;
/* The same of ports, for tables that are split. */
int policy_class_ports(struct policy_class_build *b, int dst) PT_MUST;

/* Classes of device, protocol and TCP flags together. */
struct policy_kinds {
	uint32_t n;
	struct policy_row *rows;
};
int policy_class_kinds(struct policy_class_build *b, struct policy_kinds *out) PT_MUST;
void policy_kinds_fini(struct policy_kinds *k);

/* Classes of ports, and of those with KINDS the rows. */
int policy_class_rest(struct policy_class_build *b, const struct policy_kinds *kinds) PT_MUST;

#endif
