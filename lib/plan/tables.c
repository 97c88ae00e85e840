/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classifier's tables. What they ask of packets follows from the rules alone, so they are built beside the
 * chains and beside the reading of the kernel; the keys, which depend on both, are put in at the end.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include <patronus/work.h>

#include "plan/internal.h"

#define WORTH_IT 1000 /* the tables of fewer rules take less time than to begin beside them would save */

struct pt_tables_work {
	struct pt_work *work; /* NULL: at once */
	struct pt_arena *arena;
	struct pt_order order;
	struct pt_class_device *devices;
	size_t n_devices;
	struct pt_classifier *tables;
	int rc;
};

int plan_devices(const struct pt_host *h, struct pt_class_device **out, size_t *n, struct pt_err *e)
{
	struct pt_class_device *devices = calloc(h->ifs.n + 1, sizeof(*devices));

	if (!devices)
		return pt_err_sys(e, -ENOMEM, "preparing the classifier");
	*n = 0;
	for (size_t i = 0; i < h->ifs.n; i++)
		if (!h->ifs.v[i].port)
			devices[(*n)++] = (struct pt_class_device){ h->ifs.v[i].device, h->ifs.v[i].ifindex };
	*out = devices;
	return 0;
}

static int build(struct pt_tables_work *w, struct pt_err *e)
{
	const struct pt_class_input in = { .order = &w->order, .devices = w->devices, .n_devices = w->n_devices };

	return pt_classifier_build(&in, &w->tables, e);
}

static void build_beside(void *arg)
{
	struct pt_tables_work *w = arg;
	struct pt_err unseen = { 0 }; /* a failure is told by who needs the tables */

	w->rc = build(w, &unseen);
	pt_err_fini(&unseen);
}

void plan_tables_free(struct pt_tables_work *w)
{
	if (!w)
		return;
	pt_work_wait(w->work);
	pt_classifier_free(w->tables);
	pt_arena_free(w->arena);
	free(w->devices);
	free(w);
}

int plan_tables_begin(struct pt_plan *p, struct pt_err *e)
{
	struct pt_tables_work *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	plan_tables_free(p->tables_work);
	p->tables_work = w;
	if (w)
		w->arena = pt_arena_new();
	if (w && w->arena)
		rc = pt_order_build(p->policy, PT_IN, w->arena, &w->order);
	if (rc)
		return pt_err_sys(e, rc, "preparing the classifier");
	rc = plan_devices(p->host, &w->devices, &w->n_devices, e);
	if (!rc && w->order.n_const >= WORTH_IT)
		w->work = pt_work_start(build_beside, w);
	return rc;
}

/* What is wrong is found again, to be told. */
static int finish(struct pt_plan *p, struct pt_err *e)
{
	struct pt_tables_work *w = p->tables_work;
	int rc = 0;

	pt_work_wait(w->work);
	w->work = NULL;
	if (!w->tables)
		rc = build(w, e);
	p->tables = w->tables;
	p->tables_digest = 0;
	w->tables = NULL;
	plan_tables_free(w);
	p->tables_work = NULL;
	/* What else the building took goes back before the transaction is made: then an apply holds most. */
	(void)malloc_trim(0);
	return rc;
}

int plan_tables_end(struct pt_plan *p, struct pt_err *e)
{
	struct pt_err large = { 0 };
	const uint32_t *keys;
	uint32_t none = 0;
	int rc = 0;

	if (!pt_nft_prog_order(p->prog) || p->offline)
		return 0;
	if (p->tables && !p->tables->words) { /* the kernel got them */
		pt_classifier_free(p->tables);
		p->tables = NULL;
	}
	if (!p->tables && !p->tables_work)
		rc = plan_tables_begin(p, e);
	if (!p->tables && !rc)
		rc = finish(p, p->wanted == PT_ENGINE_AUTO ? &large : e);
	if (!rc) {
		keys = pt_nft_prog_keys(p->prog, &none);
		if (pt_classifier_keys(p->tables, keys, none) || !p->tables_digest)
			p->tables_digest = pt_bpf_tables_digest(p->tables->words, p->tables->n_words);
	} else if (rc == -E2BIG && p->wanted == PT_ENGINE_AUTO) {
		rc = plan_fall_back(p, "the classifier's tables would be too large", e);
	} else if (p->wanted == PT_ENGINE_AUTO) {
		rc = pt_err_sys(e, rc, "compiling the rules for the classifier");
	}
	pt_err_fini(&large);
	return rc;
}
