/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a question is about: packets that can begin a connection, at one moment, on the devices where they may arrive. */
#include <errno.h>
#include <string.h>

#include "plan/reach_parts.h"

int reach_beginnings(struct reach *r, const struct pt_box *x, pt_boxes *out)
{
	static const struct pt_ival types4[] = { { 8 << 8, (8 << 8) + 255 }, { 13 << 8, (13 << 8) + 255 },
						 { 15 << 8, (15 << 8) + 255 }, { 17 << 8, (17 << 8) + 255 } },
				    types6[] = { { 128 << 8, (128 << 8) + 255 }, { 139 << 8, (139 << 8) + 255 } },
				    special[] = { { PT_PROTO_ICMP, PT_PROTO_ICMP }, { PT_PROTO_TCP, PT_PROTO_TCP },
						  { PT_PROTO_ICMP6, PT_PROTO_ICMP6 } };
	bool six = x->af == PT_AF_INET6;
	const struct pt_iset types = { .v = (struct pt_ival *)(six ? types6 : types4), .n = six ? 2 : 4 };
	const struct pt_iset others = { .v = (struct pt_ival *)special, .n = PT_ARRAY_SIZE(special) };
	struct pt_box b;
	int rc;

	if (r->q->all)
		return pt_vec_push(r->arena, out, *x);
	rc = reach_without(r, r->arena, x, PT_DIM_PROTO, &others, &b);
	if (rc > 0)
		rc = pt_vec_push(r->arena, out, b);
	if (rc >= 0)
		rc = reach_with_value(r, r->arena, x, PT_DIM_PROTO, PT_PROTO_TCP, &b);
	if (rc > 0)
		rc = reach_with_value(r, r->arena, &b, PT_DIM_FLAGS, 0x02, &b);
	if (rc > 0)
		rc = pt_vec_push(r->arena, out, b);
	if (rc >= 0)
		rc = reach_with_value(r, r->arena, x, PT_DIM_PROTO, six ? PT_PROTO_ICMP6 : PT_PROTO_ICMP, &b);
	if (rc > 0)
		rc = reach_with(r, r->arena, &b, PT_DIM_ICMP, &types, &b);
	return rc > 0 ? pt_vec_push(r->arena, out, b) : rc;
}

int reach_fixed(struct reach *r, const struct pt_box *x, struct pt_box *out)
{
	int rc = reach_with_value(r, r->arena, x, PT_DIM_SHORT, 0, out);

	if (rc > 0)
		rc = reach_with_value(r, r->arena, out, PT_DIM_TAG, 0, out);
	return rc > 0 ? reach_with_value(r, r->arena, out, PT_DIM_TIME, r->q->time, out) : rc;
}

int reach_without_owner(struct reach *r, const struct pt_box *x, struct pt_box *out)
{
	int rc = reach_with_value(r, r->arena, x, PT_DIM_USER, (pt_u128)1 << 32, out);

	return rc > 0 ? reach_with_value(r, r->arena, out, PT_DIM_GROUP, (pt_u128)1 << 32, out) : rc;
}

/* ---- where packets arrive ---- */

static bool may_arrive(const struct reach *r, const char *device)
{
	const struct pt_reach_end *from = &r->q->from;

	for (size_t i = 0; i < from->devices.n; i++)
		if (!strcmp(from->devices.v[i], device))
			return true;
	if (from->devices.n || !*device || !strcmp(device, "lo"))
		return false;
	for (size_t i = 0; i < r->w->host->ifs.n; i++)
		if (!strcmp(r->w->host->ifs.v[i].device, device))
			return !r->w->host->ifs.v[i].port;
	return true;
}

static bool alike(const struct reach_arrivals *x, const struct reach_arrivals *y)
{
	return x->lo == y->lo && x->loopback == y->loopback && x->forwards[0] == y->forwards[0] &&
	       x->forwards[1] == y->forwards[1];
}

int reach_sort_devices(struct reach *r, struct reach_arrivals out[REACH_ARRIVALS], size_t *n)
{
	const struct pt_world *w = r->w;
	int rc = 0;

	*n = 0;
	for (uint32_t d = 0; !rc && d < r->s->devices.n; d++) {
		const char *device = r->s->devices.v[d];
		struct reach_arrivals c = { .lo = !strcmp(device, "lo") };
		size_t i = 0;

		if (!may_arrive(r, device))
			continue;
		c.loopback = w->loopback(w->arg, device);
		c.forwards[0] = w->forwards(w->arg, PT_AF_INET, device);
		c.forwards[1] = w->forwards(w->arg, PT_AF_INET6, device);
		while (i < *n && !alike(&out[i], &c))
			i++;
		if (i == *n)
			out[(*n)++] = c;
		rc = pt_iset_add(r->arena, &out[i].devices, d, d);
		if (!rc)
			rc = pt_iset_add(r->arena, &r->arrivals, d, d);
	}
	pt_iset_norm(&r->arrivals);
	for (size_t i = 0; i < *n; i++)
		pt_iset_norm(&out[i].devices);
	return rc;
}
