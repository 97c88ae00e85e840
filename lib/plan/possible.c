/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which packets there can be at a judgement: what routes say of an address is no accident, Linux lets some sources in nowhere, and
 * what is for this machine leaves by no device. Who proves something about all packets means these. The knowledge is reach's.
 */
#include <errno.h>
#include <string.h>

#include "plan/possible.h"
#include "plan/reach_parts.h"

struct plan_possible {
	struct pt_world world;
	struct pt_reach result;
	struct reach reach;
	uint32_t lo;    /* number of the device */
	bool loopback;  /* some device takes packets from 127.0.0.0/8 */
};

static int unite(struct pt_arena *a, struct pt_iset *into, const struct pt_iset *more)
{
	struct pt_iset both;
	int rc = pt_iset_union(a, &both, into, more);

	if (!rc)
		*into = both;
	return rc;
}

/* ---- ways where nobody tells them ---- */

static struct pt_net_way *way_of(struct plan_possible *p, const char *device)
{
	struct pt_net_ways *w = &p->result.ways;
	struct pt_net_way none = { .device = device };

	for (size_t i = 0; i < w->v.n; i++)
		if (!strcmp(w->v.v[i].device, device))
			return &w->v.v[i];
	return pt_vec_push(p->reach.arena, &w->v, none) ? NULL : &w->v.v[w->v.n - 1];
}

/* Without the kernel's routes: the networks of addresses. */
static int connected(struct plan_possible *p, const struct pt_host_if *i)
{
	struct pt_net_way *w = way_of(p, i->device);
	int rc = w ? 0 : -ENOMEM;

	for (size_t k = 0; !rc && k < i->addrs.n; k++) {
		const struct pt_prefix *net = &i->addrs.v[k].prefix;

		rc = pt_iset_add(p->reach.arena, &w->dst[net->addr.af == PT_AF_INET6], pt_prefix_lo(net), pt_prefix_hi(net));
	}
	for (int six = 0; w && six < 2; six++)
		pt_iset_norm(&w->dst[six]);
	return rc;
}

/* A device that no route leads to is down, or not there yet: it is taken as the way to all that no other device has. */
static int assumed(struct plan_possible *p, const struct pt_host *h, bool all, int six)
{
	struct pt_iset known = { 0 }, rest;
	struct pt_arena *a = p->reach.arena;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->result.ways.v.n; i++)
		rc = unite(a, &known, &p->result.ways.v.v[i].dst[six]);
	if (!rc)
		rc = pt_iset_complement(a, &rest, &known, pt_af_max(six ? PT_AF_INET6 : PT_AF_INET));
	for (size_t i = 0; !rc && i < h->ifs.n; i++) {
		struct pt_net_way *w = way_of(p, h->ifs.v[i].device);

		rc = w ? 0 : -ENOMEM;
		if (w && (all || !w->dst[six].n) && strcmp(w->device, "lo") != 0)
			rc = unite(a, &w->dst[six], &rest);
	}
	return rc;
}

static int find_ways(struct plan_possible *p, const struct pt_host *h, struct pt_nl *route, struct pt_err *e)
{
	int rc = 0;

	if (route)
		rc = pt_net_ways_read(route, h, p->reach.arena, &p->result.ways, e);
	for (size_t i = 0; !route && !rc && i < h->ifs.n; i++)
		rc = connected(p, &h->ifs.v[i]);
	for (int six = 0; !rc && six < 2; six++)
		rc = assumed(p, h, !route, six);
	return rc;
}

int plan_possible_new(const struct pt_policy *v, const struct pt_host *h, struct pt_space *s, bool asks_routes,
		      struct pt_nl *route, struct pt_arena *a, struct plan_possible **out, struct pt_err *e)
{
	static const struct pt_reach_question everything = { .own = true, .groups = true };
	struct plan_possible *p = pt_arena_alloc(a, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	memset(p, 0, sizeof(*p));
	p->world = (struct pt_world){ .policy = v, .host = h, .asks_routes = asks_routes };
	p->result.arena = a;
	p->reach = (struct reach){ .w = &p->world, .q = &everything, .out = &p->result, .s = s, .arena = a, .scratch = a };
	p->lo = reach_device(&p->reach, "lo");
	for (size_t i = 0; i < h->ifs.n; i++)
		p->loopback = p->loopback || plan_takes_loopback(h->ifs.v[i].device);
	rc = pt_host_self(h, a, &p->world.self[0], &p->world.self[1]);
	if (!rc && asks_routes)
		rc = find_ways(p, h, route, e);
	if (!rc)
		rc = reach_places(&p->reach);
	*out = p;
	return rc;
}

/* ---- packets ---- */

/* X from sources that may arrive on its devices. */
static int with_source(struct plan_possible *p, const struct pt_box *x, bool lo, struct pt_box *out)
{
	struct pt_iset good;
	int rc = reach_sources(&p->reach, x->af == PT_AF_INET6, lo, p->loopback, &good);

	return rc < 0 ? rc : reach_with(&p->reach, p->reach.scratch, x, PT_DIM_SRC, &good, out);
}

static int add_facts(struct plan_possible *p, enum pt_dir dir, const struct pt_box *x, pt_boxes *out)
{
	pt_boxes known;
	int rc = reach_facts(&p->reach, dir, x, &known);

	for (size_t i = 0; !rc && i < known.n; i++)
		rc = pt_vec_push(p->reach.scratch, out, known.v[i]);
	return rc;
}

static int arriving(struct plan_possible *p, const struct pt_box *x, bool others, pt_boxes *out)
{
	const struct pt_ival one = { p->lo, p->lo };
	const struct pt_iset lo = { .v = (struct pt_ival *)&one, .n = 1 };
	struct pt_box part;
	int rc = reach_without(&p->reach, p->reach.scratch, x, PT_DIM_DEVICE, &lo, &part);

	if (rc > 0)
		rc = with_source(p, &part, false, &part);
	if (rc > 0 && others)
		rc = reach_without(&p->reach, p->reach.scratch, &part, PT_DIM_SRC, &p->world.self[x->af == PT_AF_INET6], &part);
	if (rc > 0)
		rc = add_facts(p, PT_IN, &part, out);
	if (rc >= 0)
		rc = reach_with(&p->reach, p->reach.scratch, x, PT_DIM_DEVICE, &lo, &part);
	if (rc > 0)
		rc = with_source(p, &part, true, &part);
	return rc > 0 ? add_facts(p, PT_IN, &part, out) : rc;
}

/* May packets that claim to be from this machine arrive by the devices that X was received on, and go on? IPv6 itself does not
 * look. What built-in rules pass there is for this machine. */
static int own_arrives(struct plan_possible *p, const struct pt_box *x)
{
	const struct pt_iset *self = &p->world.self[x->af == PT_AF_INET6], *received = reach_side(x, PT_DIM_RECEIVED);
	struct pt_box claim = { .af = x->af };
	const struct pt_region *by;
	pt_boxes boxes = { 0 };
	int rc = reach_with(&p->reach, p->reach.scratch, &claim, PT_DIM_SRC, self, &claim);

	if (rc > 0 && received)
		rc = reach_with(&p->reach, p->reach.scratch, &claim, PT_DIM_DEVICE, received, &claim);
	if (rc > 0)
		rc = reach_with_value(&p->reach, p->reach.scratch, &claim, PT_DIM_TAG, 0, &claim);
	if (rc > 0)
		rc = arriving(p, &claim, false, &boxes);
	for (size_t i = 0; !rc && i < boxes.n; i++)
		rc = pt_space_find_written(p->reach.s, p->reach.scratch, PT_IN, &boxes.v[i], true, NULL, &by);
	return rc;
}

static int forwarded(struct plan_possible *p, const struct pt_box *x, pt_boxes *out)
{
	bool six = x->af == PT_AF_INET6;
	struct pt_box part;
	int rc = with_source(p, x, false, &part);

	if (rc > 0 && six) {
		rc = own_arrives(p, &part);
		if (rc < 0)
			return rc;
		rc = rc ? 1 : reach_without(&p->reach, p->reach.scratch, &part, PT_DIM_SRC, &p->world.self[six], &part);
	}
	return rc > 0 ? add_facts(p, PT_OUT, &part, out) : rc;
}

static int leaving(struct plan_possible *p, const struct pt_box *x, pt_boxes *out)
{
	const struct pt_iset *self = &p->world.self[x->af == PT_AF_INET6];
	const struct pt_ival here = { p->lo, p->lo };
	const struct pt_iset lo = { .v = (struct pt_ival *)&here, .n = 1 };
	const struct pt_ival made = { p->reach.s->devices.n, p->reach.s->devices.n };
	const struct pt_iset own = { .v = (struct pt_ival *)&made, .n = 1 };
	struct pt_arena *a = p->reach.scratch;
	struct pt_box part, rest;
	int rc = reach_with(&p->reach, a, x, PT_DIM_DEVICE, &lo, &part);

	if (rc > 0)
		rc = add_facts(p, PT_OUT, &part, out);
	if (rc >= 0)
		rc = reach_without(&p->reach, a, x, PT_DIM_DEVICE, &lo, &rest);
	if (rc > 0)
		rc = reach_without(&p->reach, a, &rest, PT_DIM_DST, self, &rest);
	if (rc <= 0)
		return rc;
	rc = reach_with(&p->reach, a, &rest, PT_DIM_RECEIVED, &own, &part);
	if (rc > 0)
		rc = add_facts(p, PT_OUT, &part, out);
	if (rc >= 0)
		rc = reach_without(&p->reach, a, &rest, PT_DIM_RECEIVED, &own, &part);
	return rc > 0 ? forwarded(p, &part, out) : rc;
}

int plan_possible(struct plan_possible *p, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, bool others,
		  pt_boxes *out)
{
	int rc;

	p->reach.scratch = a;
	rc = dir == PT_IN ? arriving(p, x, others, out) : leaving(p, x, out);
	return rc < 0 ? rc : 0;
}
