/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files in force while packets are logged. The kernel's word for a packet is the name of its rule; where that rule
 * stands is in the copy of the file that was in force then. An apply makes a new generation; the one before it is kept
 * for packets that were on their way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

static int by_name(const void *a, const void *b)
{
	const struct plan_place *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* What is needed of a policy, which itself would be many times as large. */
static int take_rules(struct plan_generation *g, const struct pt_policy *p)
{
	const char *last = NULL, *file = NULL;

	for (size_t i = p->n_builtin; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];
		struct plan_place place = { .line = r->loc.line };

		if (last && !strcmp(last, r->name)) /* another copy of the same rule */
			continue;
		if (!file || strcmp(file, r->loc.file) != 0)
			file = pt_arena_strdup(g->arena, r->loc.file ? r->loc.file : "");
		place.file = file;
		place.name = last = pt_arena_strdup(g->arena, r->name);
		if (!place.file || !place.name || pt_vec_push(g->arena, &g->places, place))
			return -ENOMEM;
	}
	if (g->places.n)
		qsort(g->places.v, g->places.n, sizeof(*g->places.v), by_name);
	return 0;
}

static int take_devices(struct plan_generation *g, const struct pt_conf *c)
{
	for (size_t i = 0; i < c->interfaces.n; i++) {
		struct plan_device d = { .device = pt_arena_strdup(g->arena, c->interfaces.v[i].device),
					 .name = pt_arena_strdup(g->arena, c->interfaces.v[i].name) };

		if (!d.device || !d.name || pt_vec_push(g->arena, &g->devices, d))
			return -ENOMEM;
	}
	return 0;
}

/* Without the copy, rules have names but no places. */
static int load(struct plan_generation *g, const struct pt_nft_state *have)
{
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	struct pt_err why = { 0 };
	int rc;

	rc = plan_copy_parse(have, &conf, &policy, &why);
	pt_err_fini(&why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	rc = take_rules(g, policy);
	if (!rc)
		rc = take_devices(g, conf);
	g->known = !rc;
	pt_policy_free(policy);
	pt_conf_free(conf);
	return rc;
}

void plan_generation_free(struct plan_generation *g)
{
	if (!g)
		return;
	pt_arena_free(g->arena);
	free(g);
}

int plan_generation_new(struct pt_nl *nf, struct plan_generation **now, struct pt_err *e)
{
	struct plan_generation *g = NULL;
	struct pt_nft_state *have;
	int rc;

	rc = pt_nft_read_applied(nf, &have, e);
	if (rc)
		return rc;
	if (*now && !strcmp((*now)->digest, have->digest))
		goto out;
	g = calloc(1, sizeof(*g));
	if (g)
		g->arena = pt_arena_new();
	rc = g && g->arena ? 0 : -ENOMEM;
	if (!rc) {
		memcpy(g->digest, have->digest, sizeof(g->digest));
		g->applied = have->applied;
	}
	if (!rc && g->digest[0])
		rc = load(g, have);
	if (rc) {
		plan_generation_free(g);
		pt_err_sys(e, rc, "reading the file in force");
	} else {
		*now = g;
	}
out:
	pt_nft_state_free(have);
	return rc;
}

const struct plan_place *plan_generation_find(const struct plan_generation *g, const char *name)
{
	const struct plan_place wanted = { .name = name };

	return g->places.n ? bsearch(&wanted, g->places.v, g->places.n, sizeof(wanted), by_name) : NULL;
}

const char *plan_generation_device(const struct plan_generation *g, const char *device)
{
	for (size_t i = 0; i < g->devices.n; i++)
		if (!strcmp(g->devices.v[i].device, device))
			return g->devices.v[i].name;
	return "";
}
