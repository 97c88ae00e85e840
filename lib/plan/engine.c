/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How arriving packets are judged now: the engine in force, told to people. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/bpf.h>
#include <patronus/tc.h>

#include "plan/internal.h"

/* The constant rules that judge arriving packets, the others, and why this is not the classifier's work. */
static int count_rules(const struct pt_plan *p, struct pt_arena *a, struct pt_plan_engine *out)
{
	int rc = pt_order_build(p->policy, PT_IN, a, &out->order);

	if (rc)
		return rc;
	for (size_t i = 0; i < out->order.items.n; i++)
		out->n_dynamic += out->order.items.v[i].kind != PT_ORDER_CONST;
	if (out->engine == PT_ENGINE_BPF)
		return 0;
	if (out->order.n_const < PT_PLAN_BPF_MIN)
		out->why = "few constant rules judge arriving packets: chains are as fast";
	else if (out->order.why_not)
		out->why = out->order.why_not;
	else
		out->why = "another one was asked for, or the classifier could not be had: `ptfw apply` tries it again and says why";
	return 0;
}

/* The same tables as those in the kernel but for their keys, which have no part in sizes and steps. */
static int measure(const struct pt_plan *p, struct pt_plan_engine *out, struct pt_err *e)
{
	struct pt_class_input in = { .order = &out->order };
	struct pt_classifier *tables = NULL;
	struct pt_class_device *devices;
	int rc;

	rc = plan_devices(p->host, &devices, &in.n_devices, e);
	if (rc)
		return rc;
	in.devices = devices;
	rc = pt_classifier_build(&in, &tables, e);
	if (!rc) {
		out->bytes = tables->n_words * sizeof(*tables->words);
		out->steps = tables->steps;
	}
	pt_classifier_free(tables);
	free(devices);
	return rc;
}

static bool has_program(const pt_tc_filters *filters, uint32_t ifindex, const char *name)
{
	for (size_t i = 0; i < filters->n; i++)
		if (filters->v[i].ifindex == ifindex && !filters->v[i].foreign)
			return !strcmp(filters->v[i].name, name);
	return false;
}

/* A port's packets are judged on what it is a port of. */
static int sort_devices(const struct pt_plan *p, struct pt_nl *route, struct pt_arena *a, struct pt_plan_engine *out,
			struct pt_err *e)
{
	pt_tc_filters filters = { 0 };
	char name[PT_BPF_NAME];
	int rc;

	pt_bpf_name(name);
	rc = pt_tc_ingress_list(route, a, &filters, e);
	for (size_t i = 0; !rc && i < p->host->ifs.n; i++) {
		const struct pt_host_if *d = &p->host->ifs.v[i];

		if (d->port)
			continue;
		if (has_program(&filters, d->ifindex, name))
			rc = pt_vec_push(a, &out->with, d->device);
		else
			rc = pt_vec_push(a, &out->without, d->device);
	}
	return rc;
}

int pt_plan_engine(struct pt_plan *p, struct pt_nl *route, struct pt_arena *a, struct pt_plan_engine *out,
		   struct pt_err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->engine = pt_nft_engine(p->have);
	rc = count_rules(p, a, out);
	if (rc)
		return pt_err_sys(e, rc, "counting the rules of arriving packets");
	if (out->engine != PT_ENGINE_BPF)
		return 0;
	(void)pt_nft_unjudged(p->have, &out->unjudged_packets, &out->unjudged_bytes);
	if (!p->host)
		rc = pt_net_read(route, &p->host, e);
	if (!rc)
		rc = sort_devices(p, route, a, out, e);
	return rc ? rc : measure(p, out, e);
}
