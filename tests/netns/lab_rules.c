/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_rules - see lab_rules.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <patronus/classify.h>
#include <patronus/ct.h>
#include <patronus/net.h>
#include <patronus/tc.h>

#include "netns/lab.h"
#include "netns/lab_rules.h"

static void classifier_attach(struct lab_rules *k)
{
	struct pt_err e = { 0 };
	int rc;

	rc = pt_bpf_load(1 << 20, &k->classifier, &e);
	for (size_t i = 0; !rc && i < k->host->ifs.n; i++)
		rc = pt_tc_ingress_attach(k->route, k->host->ifs.v[i].ifindex, pt_bpf_fd(k->classifier), "patronus-test", &e);
	if (rc) {
		printf("# without the classifier: %s\n", e.list.n ? e.list.v[0].msg : strerror(-rc));
		pt_bpf_close(k->classifier);
		k->classifier = NULL;
	}
	pt_err_fini(&e);
}

void lab_rules_open(struct lab_rules *k)
{
	struct pt_err e = { 0 };

	memset(k, 0, sizeof(*k));
	if (pt_nl_open(&k->nf, NETLINK_NETFILTER, &e) || pt_nl_open(&k->route, NETLINK_ROUTE, &e) ||
	    pt_net_read(k->route, &k->host, &e))
		lab_bail("cannot read the machine");
	pt_err_fini(&e);
	classifier_attach(k);
}

int lab_rules_compile(const struct lab_rules *k, const struct pt_policy *p, enum pt_engine engine, bool small_trees,
		      struct pt_nft_prog **prog, struct pt_err *e)
{
	struct pt_nft_source from = { .policy = p, .host = k->host, .digest = "", .path = "test", .engine = engine,
				      .tree_min = small_trees ? 2 : 0 };

	return pt_nft_compile(&from, prog, e);
}

static int classifier_use(struct lab_rules *k, const struct pt_nft_prog *prog, struct pt_err *e)
{
	struct pt_class_device dev[16];
	struct pt_class_input in = { .order = pt_nft_prog_order(prog), .devices = dev };
	struct pt_classifier *tables = NULL;
	int fd = -1, rc;

	in.keys = pt_nft_prog_keys(prog, &in.none);
	for (; in.n_devices < k->host->ifs.n && in.n_devices < PT_ARRAY_SIZE(dev); in.n_devices++)
		dev[in.n_devices] = (struct pt_class_device){ k->host->ifs.v[in.n_devices].device,
							      k->host->ifs.v[in.n_devices].ifindex };
	rc = pt_classifier_build(&in, &tables, e);
	if (!rc)
		rc = pt_bpf_tables_new(k->classifier, tables->words, tables->n_words,
				       pt_bpf_tables_digest(tables->words, tables->n_words), &fd, e);
	if (!rc)
		rc = pt_bpf_tables_use(k->classifier, fd, e);
	if (fd >= 0)
		close(fd);
	pt_classifier_free(tables);
	k->n_classified++;
	return rc;
}

int lab_rules_put(struct lab_rules *k, struct pt_nft_prog *prog, struct pt_err *e)
{
	struct pt_nft_plan *first = NULL, *rest = NULL;
	struct pt_nft_state *have = NULL;
	int rc;

	rc = pt_nft_read(k->nf, &have, e);
	if (!rc)
		rc = pt_nft_prog_settle(prog, have);
	if (!rc)
		rc = pt_nft_diff_first(prog, have, NULL, &first, e);
	if (!rc)
		rc = pt_nft_diff_rest(prog, have, NULL, first, &rest, e);
	if (!rc)
		rc = pt_nft_commit(k->nf, first, e);
	if (!rc && pt_nft_prog_order(prog))
		rc = classifier_use(k, prog, e);
	if (!rc)
		rc = pt_nft_commit(k->nf, rest, e);
	pt_nft_plan_free(first);
	pt_nft_plan_free(rest);
	pt_nft_state_free(have);
	return rc;
}

void lab_rules_show(const struct pt_err *e)
{
	for (size_t i = 0; i < e->list.n; i++)
		printf("#   %u:%u: %s\n", e->list.v[i].loc.line, e->list.v[i].loc.col, e->list.v[i].msg);
}

/* ---- states ---- */

struct states {
	PT_VEC(struct pt_ct_entry) v;
};

static int collect_state(const struct pt_ct_entry *ct, void *arg)
{
	struct states *l = arg;

	return pt_vec_push(NULL, &l->v, *ct);
}

void lab_rules_flush_states(const struct lab_rules *k)
{
	struct pt_err e = { 0 };
	struct states l = { 0 };

	if (pt_ct_dump(k->nf, collect_state, &l, &e))
		lab_bail("cannot list the states");
	for (size_t i = 0; i < l.v.n; i++)
		if (pt_ct_delete(k->nf, &l.v.v[i]) == -EPERM) /* others have timed out meanwhile */
			lab_bail("cannot delete a state");
	free(l.v.v);
	pt_err_fini(&e);
}

/* ---- counters ---- */

void lab_rules_count(const struct lab_rules *k, struct lab_counts *c)
{
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	c->arena = pt_arena_new();
	if (!c->arena || pt_nft_read_for(k->nf, NULL, &s, &e) || pt_nft_counters(s, c->arena, &c->v, &c->n))
		lab_bail("cannot read the counters");
	pt_nft_state_free(s);
	pt_err_fini(&e);
}

struct pt_nft_counter lab_rules_counter(const struct lab_counts *c, uint32_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].id == id)
			return c->v[i];
	return (struct pt_nft_counter){ .id = id };
}
