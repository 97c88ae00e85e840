/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that open everything to the internet: they let in what arrives there, from anywhere to anywhere, of TCP or UDP to all
 * ports. Half of all addresses, or of all ports, is everything: nobody has so many. What rules before them block is not open.
 */
#include <string.h>

#include "space/lint_work.h"

static pt_u128 size_of(const struct pt_iset *s)
{
	pt_u128 n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		n += s->v[i].hi - s->v[i].lo;
	return n;
}

static bool is_wide_side(const struct lint_run *r, const struct pt_box *b, const struct pt_box_side *s)
{
	switch (s->dim) {
	case PT_DIM_SRC:
	case PT_DIM_DST:
	case PT_DIM_SPORT:
	case PT_DIM_DPORT:
		return size_of(&s->set) >= pt_space_max(r->now, s->dim, b->af) / 2;
	case PT_DIM_PROTO:
		return pt_iset_has(&s->set, PT_PROTO_TCP) || pt_iset_has(&s->set, PT_PROTO_UDP);
	case PT_DIM_DEVICE:
	case PT_DIM_FLAGS:
	case PT_DIM_SHORT:
	case PT_DIM_TIME:
		return true;
	default:
		return s->dim >= PT_DIM_FREE; /* by chance */
	}
}

static bool is_wide(const struct lint_run *r, const struct pt_box *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (!is_wide_side(r, b, &b->v[i]))
			return false;
	return true;
}

/* Devices of the space that face the internet. */
static int outside(struct lint_run *r, struct pt_iset *s)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < r->now->devices.n; i++)
		for (size_t k = 0; !rc && k < r->in->n_outside; k++)
			if (!strcmp(r->now->devices.v[i], r->in->outside[k]))
				rc = pt_iset_add(r->arena, s, i, i);
	pt_iset_norm(s);
	return rc;
}

/* Of TCP or UDP at least: ports there are. */
static int narrow(struct lint_run *r, const struct pt_box *b, const struct pt_iset *devices, struct pt_box *out)
{
	struct pt_ival both[] = { { PT_PROTO_TCP, PT_PROTO_TCP }, { PT_PROTO_UDP, PT_PROTO_UDP } };
	struct pt_iset protos = { .v = both, .n = PT_ARRAY_SIZE(both) };
	struct pt_box side = { .af = b->af }, open = { 0 };
	int rc = pt_box_set(r->now, r->scratch, &side, PT_DIM_PROTO, &protos);

	if (!rc && devices->n)
		rc = pt_box_set(r->now, r->scratch, &side, PT_DIM_DEVICE, devices);
	if (!rc)
		rc = pt_box_intersect(r->scratch, b, &side, &open);
	return rc <= 0 ? rc : pt_box_intersect(r->scratch, &open, &r->clip[b->af == PT_AF_INET6], out);
}

static int look_at(struct lint_run *r, size_t region, const struct pt_iset *devices, struct lint_group *g)
{
	const struct pt_region *x = &r->now->dir[0].v.v[region];
	struct pt_finding *f;

	for (size_t i = 0; i < x->boxes.n; i++) {
		struct lint_now now = { .dir = PT_IN, .region = region };
		struct pt_point witness;
		int rc;

		if (!is_wide(r, &x->boxes.v[i]))
			continue;
		pt_arena_reset(r->scratch);
		rc = narrow(r, &x->boxes.v[i], devices, &now.box);
		if (rc > 0) {
			rc = lint_now_covered(r, &now, NULL, &witness);
			rc = rc == -E2BIG ? 0 : rc < 0 ? rc : !rc;
		}
		if (rc < 0)
			return rc;
		if (!rc)
			continue;
		f = pt_lint_add(r->lint, PT_LINT_WIDE, PT_LINT_WARNING, g->rules[0], NULL);
		if (f)
			f->witness[0] = lint_point(r, r->now, PT_IN, &witness);
		pt_lint_say(r->lint, f, "it lets in what comes from %s, from anywhere to anywhere",
			    devices->n ? "the internet" : "every interface");
		return 1;
	}
	return 0;
}

int lint_wide(struct lint_run *r)
{
	struct pt_iset devices = { 0 };
	uint32_t last = UINT32_MAX;
	int rc = outside(r, &devices);

	for (size_t i = 0; rc >= 0 && i < r->now->dir[0].v.n; i++) {
		const struct pt_region *x = &r->now->dir[0].v.v[i];
		uint32_t group = x->rule ? r->group_of[x->rule->index] : UINT32_MAX;

		/* without a device that faces the internet, it may be any */
		if (group == UINT32_MAX || group == last || !x->pass || (!devices.n && !x->rule->if_any))
			continue;
		rc = look_at(r, i, &devices, &r->groups.v[group]);
		if (rc > 0)
			last = group;
	}
	return rc < 0 ? rc : 0;
}
