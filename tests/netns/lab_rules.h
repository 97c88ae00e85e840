/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_rules - rules into the kernel of the namespace where the caller stands, by any engine, as an apply
 * does it but without its files; and what the kernel has counted.
 */
#ifndef PATRONUS_TESTS_LAB_RULES_H
#define PATRONUS_TESTS_LAB_RULES_H

#include <patronus/bpf.h>
#include <patronus/nft.h>

struct lab_rules {
	struct pt_nl *nf, *route;
	struct pt_host *host;
	struct pt_bpf *classifier; /* attached everywhere; NULL: this kernel does not take it */
	size_t n_classified;       /* programs put in force that use it */
};

void lab_rules_open(struct lab_rules *k);
/* SMALL_TREES: lists of two rules are worth a tree. */
int lab_rules_compile(const struct lab_rules *k, const struct pt_policy *p, enum pt_engine engine, bool small_trees,
		      struct pt_nft_prog **prog, struct pt_err *e);
/* No packets may be under way. */
int lab_rules_put(struct lab_rules *k, struct pt_nft_prog *prog, struct pt_err *e);
void lab_rules_show(const struct pt_err *e);
void lab_rules_flush_states(const struct lab_rules *k);

struct lab_counts {
	struct pt_arena *arena;
	struct pt_nft_counter *v;
	size_t n;
};

void lab_rules_count(const struct lab_rules *k, struct lab_counts *c);
struct pt_nft_counter lab_rules_counter(const struct lab_counts *c, uint32_t id);

#endif
