/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Translations of sets. One puts a side of a box to a constant, or moves it by a distance; one of several addresses, whoever
 * chooses, is a set. What the next judgement makes of the image has to be brought back to the packets as they came.
 */
#include <errno.h>
#include <string.h>

#include "plan/reach_parts.h"

/* ---- one side ---- */

static int image_side(struct pt_arena *a, const struct pt_flow_move *m, const struct pt_iset *from, struct pt_iset *out)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (m->how == PT_FLOW_ONE_OF) {
		*out = m->to;
		return 0;
	}
	for (uint32_t i = 0; !rc && i < from->n; i++)
		rc = pt_iset_add(a, out, from->v[i].lo + m->by, from->v[i].hi + m->by);
	pt_iset_norm(out);
	return rc;
}

/* Without the side X holds all of it, which a distance cannot move: rules that do so ask for the side. */
static int set_image(const struct reach *r, struct pt_arena *a, uint32_t dim, const struct pt_flow_move *m, struct pt_box *x)
{
	const struct pt_iset *from = reach_side(x, dim);
	struct pt_iset to;
	int rc;

	if (m->how == PT_FLOW_KEPT || (m->how == PT_FLOW_SHIFTED && !from))
		return 0;
	rc = image_side(a, m, from, &to);
	return rc ? rc : pt_box_set(r->s, a, x, dim, &to);
}

int reach_image(const struct reach *r, struct pt_arena *a, const struct reach_map *m, const struct pt_box *x,
		struct pt_box *out)
{
	int rc;

	*out = *x;
	rc = set_image(r, a, m->addr_dim, &m->addr, out);
	return rc ? rc : set_image(r, a, m->port_dim, &m->port, out);
}

static int back(const struct reach *r, struct pt_arena *a, uint32_t dim, const struct pt_flow_move *m, const struct pt_box *y,
		struct pt_box *x)
{
	const struct pt_iset *to = reach_side(y, dim);
	struct pt_iset from = { 0 };
	int rc = 0;

	if (!to || m->how == PT_FLOW_ONE_OF)
		return 1;
	for (uint32_t i = 0; !rc && i < to->n; i++)
		rc = pt_iset_add(a, &from, to->v[i].lo - m->by, to->v[i].hi - m->by);
	pt_iset_norm(&from);
	return rc ? rc : reach_with(r, a, x, dim, &from, x);
}

int reach_preimage(const struct reach *r, struct pt_arena *a, const struct reach_map *m, const struct pt_box *x,
		   const struct pt_box *y, struct pt_box *out)
{
	struct pt_box rest = *y;
	int rc = 0;

	if (m->addr.how != PT_FLOW_KEPT)
		rc = reach_drop(r, a, &rest, m->addr_dim);
	if (!rc && m->port.how != PT_FLOW_KEPT)
		rc = reach_drop(r, a, &rest, m->port_dim);
	if (!rc)
		rc = pt_box_intersect(a, x, &rest, out);
	if (rc > 0 && m->addr.how != PT_FLOW_KEPT)
		rc = back(r, a, m->addr_dim, &m->addr, y, out);
	if (rc > 0 && m->port.how != PT_FLOW_KEPT)
		rc = back(r, a, m->port_dim, &m->port, y, out);
	return rc;
}

/* ---- what a rule asks for ---- */

static int one(struct pt_arena *a, struct pt_flow_move *m, pt_u128 lo, pt_u128 hi)
{
	*m = (struct pt_flow_move){ .how = PT_FLOW_ONE_OF };
	return pt_iset_add(a, &m->to, lo, hi);
}

/* BEFORE, and then by a distance. */
static int further(struct pt_arena *a, const struct pt_flow_move *before, pt_u128 by, struct pt_flow_move *out)
{
	struct pt_flow_move step = { .how = PT_FLOW_SHIFTED, .by = by };

	*out = (struct pt_flow_move){ .how = PT_FLOW_SHIFTED, .by = before->by + by };
	if (before->how != PT_FLOW_ONE_OF)
		return 0;
	out->how = PT_FLOW_ONE_OF;
	return image_side(a, &step, &before->to, &out->to);
}

static int address(const struct reach *r, struct pt_arena *a, const struct pt_pol_nat *n, enum pt_af af,
		   const struct pt_flow_move *before, struct pt_flow_move *out)
{
	struct pt_addr target;
	int rc;

	if (n->target == PT_REF_IF) {
		target = pt_ifref_address(&r->w->policy->ifrefs.v[n->ref], r->w->host, af);
		if (!target.af)
			return 0;
		rc = one(a, out, target.v, target.v);
	} else if (n->one_to_one) {
		rc = further(a, before, n->lo - n->from_lo, out);
	} else if (n->pool) {
		*out = (struct pt_flow_move){ .how = PT_FLOW_ONE_OF, .to = n->members };
		rc = 0;
	} else {
		rc = one(a, out, n->lo, n->hi);
	}
	return rc ? rc : 1;
}

int reach_map_nat(const struct reach *r, struct pt_arena *a, uint32_t nat, enum pt_af af, const struct reach_map *before,
		  struct reach_map *out)
{
	const struct pt_pol_nat *n = &r->w->policy->nats.v[nat - 1];
	bool src = n->kind == PT_NAT_SRC;
	struct reach_map m = { .addr_dim = src ? PT_DIM_SRC : PT_DIM_DST, .port_dim = src ? PT_DIM_SPORT : PT_DIM_DPORT };
	int rc = address(r, a, n, af, &before->addr, &m.addr);

	if (rc <= 0)
		return rc;
	if (n->has_port && !src && n->port_offset)
		rc = further(a, &before->port, (pt_u128)n->port_lo - n->match_lo, &m.port);
	else if (n->has_port && !src)
		rc = one(a, &m.port, n->port_lo, n->port_lo);
	else
		rc = 0;
	*out = m;
	return rc ? rc : 1;
}
