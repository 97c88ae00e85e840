/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules do that later ones see: tags, and what match rules translate. All packets are kept in disjoint cells, each with
 * what has happened to its packets so far; a rule cuts the cells in which it matches in two. Where nobody behind a rule can
 * notice what it does, nothing is cut, so that most policies have one cell a family.
 */
#include <errno.h>

#include "space/internal.h"

static const struct pt_pol_nat *nat_of(const struct space_maker *m, uint32_t nat)
{
	return &m->s->policy->nats.v[nat - 1];
}

/* ---- what would be noticed ---- */

static bool asks_address(const struct pt_pol_addr *a)
{
	return a->kind != PT_REF_ANY && a->kind != PT_REF_NO_ROUTE && a->kind != PT_REF_URPF;
}

static bool asks_translated(const struct pt_policy *p, const struct pt_pol_rule *r)
{
	bool in = r->dir == PT_IN;

	if (asks_address(in ? &r->dst : &r->src) || (in ? r->dport.n : r->sport.n))
		return true;
	return r->action == PT_MATCH && r->nat && p->nats.v[r->nat - 1].way == PT_POOL_BITMASK;
}

/* May the translation fail, which blocks? */
static bool may_fail(const struct space_maker *m, const struct pt_pol_rule *r)
{
	const struct pt_pol_nat *n = r->nat ? nat_of(m, r->nat) : NULL;
	bool fails = false;

	if (!n || n->target != PT_REF_IF)
		return false;
	if (m->s->mode == PT_SPACE_ALWAYS)
		return true;
	for (enum pt_af af = PT_AF_INET; af <= PT_AF_INET6; af++)
		fails = fails || ((r->af & (uint8_t)af) && !space_target(m->s, n, af).af);
	return fails;
}

struct pt_addr space_target(const struct pt_space *s, const struct pt_pol_nat *n, enum pt_af af)
{
	return pt_ifref_address(&s->policy->ifrefs.v[n->ref], space_of(s)->host, af);
}

void space_notices(const struct space_maker *m, enum pt_dir dir, struct space_notice *v)
{
	const struct pt_policy *p = m->s->policy;
	struct space_notice now = { 0 };

	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].dir == dir && p->rules.v[i].action == PT_MATCH)
			now.nat = now.nat || may_fail(m, &p->rules.v[i]);
	for (size_t i = p->rules.n; i--;) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->dir != dir)
			continue;
		v[i] = now;
		now.tag = now.tag || r->tagged;
		now.nat = now.nat || asks_translated(p, r);
	}
}

/* ---- views ---- */

/* X, seen as OLD, when FROM..FROM+SIZE of that becomes TO..TO+SIZE: only such packets are in the cell. */
static struct space_view moved(const struct space_view *old, pt_u128 from, pt_u128 to, pt_u128 size)
{
	struct space_view v = { .kind = SPACE_MOVED, .from = from, .to = to, .size = size };
	pt_u128 lo, hi;

	if (old->kind == SPACE_SAME)
		return v;
	if (old->kind == SPACE_UNKNOWN)
		return *old;
	if (old->kind != SPACE_MOVED)
		return (struct space_view){ .kind = SPACE_CONST, .to = to + (old->to - from) };
	lo = from > old->to ? from : old->to;
	hi = from + size < old->to + old->size ? from + size : old->to + old->size;
	v.from = old->from + (lo - old->to);
	v.to = to + (lo - from);
	v.size = hi - lo;
	return v;
}

static struct space_view constant(pt_u128 to)
{
	return (struct space_view){ .kind = SPACE_CONST, .to = to };
}

/* Does a rule behind R treat some of the addresses that N may give otherwise than others? */
static int tells_apart(struct space_maker *m, const struct pt_pol_rule *r, const struct pt_pol_nat *n, enum pt_af af)
{
	const struct pt_policy *p = m->s->policy;
	struct pt_ival all = { n->lo, n->hi };
	const struct pt_iset range = { .v = &all, .n = 1 }, *members = n->pool ? &n->members : &range;

	for (size_t i = r->index + 1; i < p->rules.n; i++) {
		const struct pt_pol_rule *x = &p->rules.v[i];
		const struct pt_pol_addr *a = r->dir == PT_IN ? &x->dst : &x->src;
		struct pt_iset set;
		int rc;

		if (x->dir != r->dir || !(x->af & (uint8_t)af))
			continue;
		if (x->action == PT_MATCH && x->nat && nat_of(m, x->nat)->way == PT_POOL_BITMASK)
			return 1;
		if (!asks_address(a))
			continue;
		rc = space_contents(m, a, af, &set);
		if (rc)
			return rc == -ENOENT ? 1 : rc;
		if (set.n && space_relation(members, &set) == SPACE_PARTLY)
			return 1;
	}
	return 0;
}

/* PART: of the packets that R matches. */
static int pool_view(struct space_maker *m, const struct pt_pol_rule *r, const struct pt_pol_nat *n, const struct pt_box *part,
		     const struct space_view *old, struct space_view *out, struct pt_err *e)
{
	const struct pt_box_side *side = space_side(part, r->dir == PT_IN ? PT_DIM_DST : PT_DIM_SRC);
	pt_u128 host = n->hi - n->lo;
	bool chance = n->way != PT_POOL_SOURCE_HASH && n->way != PT_POOL_BITMASK;
	int rc;

	*out = constant(n->pool ? n->pool[0] : n->lo);
	if (n->way == PT_POOL_NONE || (chance && m->s->mode == PT_SPACE_NOW))
		return 0; /* the evaluator takes the first one */
	rc = tells_apart(m, r, n, part->af);
	if (rc <= 0)
		return rc;
	if (m->s->mode == PT_SPACE_ALWAYS) {
		out->kind = SPACE_UNKNOWN;
		return 0;
	}
	if (n->way == PT_POOL_BITMASK && old->kind == SPACE_CONST) {
		*out = constant(n->lo | (old->to & host));
		return 0;
	}
	if (n->way == PT_POOL_BITMASK && old->kind == SPACE_SAME && side &&
	    ((side->set.v[0].lo ^ side->set.v[side->set.n - 1].hi) & ~host) == 0) {
		*out = moved(old, side->set.v[0].lo & ~host, n->lo, host);
		return 0;
	}
	pt_err_add(e, PT_ERROR, &r->loc, "translate to one address, or let later rules ask for the whole pool",
		   "rules behind this one tell addresses of its pool apart that each source gets in a way of its own");
	return -E2BIG;
}

static int translated(struct space_maker *m, const struct pt_pol_rule *r, const struct pt_box *part, struct space_context *c,
		      struct pt_err *e)
{
	const struct pt_pol_nat *n = nat_of(m, r->nat);
	struct space_view address = c->address, port = c->port;
	struct pt_addr target;
	int rc = 0;

	c->nat = r->nat;
	memset(&c->address, 0, sizeof(c->address));
	memset(&c->port, 0, sizeof(c->port));
	if (n->target == PT_REF_IF && m->s->mode == PT_SPACE_ALWAYS) {
		c->address.kind = SPACE_UNKNOWN;
	} else if (n->target == PT_REF_IF) {
		target = space_target(m->s, n, part->af);
		if (!target.af)
			return 0;
		c->address = constant(target.v);
	} else if (n->one_to_one) {
		c->address = moved(&address, n->from_lo, n->lo, n->hi - n->lo);
	} else {
		rc = pool_view(m, r, n, part, &address, &c->address, e);
	}
	if (n->kind == PT_NAT_SRC && !n->static_port)
		c->port = (struct space_view){ .kind = m->s->mode == PT_SPACE_NOW ? SPACE_NOT_ZERO : SPACE_UNKNOWN,
					       .to = n->has_port ? n->port_lo : PT_NAT_PORT_LO };
	if (n->kind == PT_NAT_DST && n->has_port)
		c->port = n->port_offset ? moved(&port, n->match_lo, n->port_lo, n->match_hi - n->match_lo) : constant(n->port_lo);
	return rc;
}

/* ---- cells ---- */

static bool same_view(const struct space_view *x, const struct space_view *y)
{
	return x->kind == y->kind && x->from == y->from && x->to == y->to && x->size == y->size;
}

static bool same_context(const struct space_context *x, const struct space_context *y)
{
	return x->nat == y->nat && x->tagged == y->tagged && x->tag == y->tag && same_view(&x->address, &y->address) &&
	       same_view(&x->port, &y->port);
}

/* What R makes of a packet of context C, which is in PART. */
static int after(struct space_maker *m, const struct pt_pol_rule *r, struct space_notice n, const struct pt_box *part,
		 struct space_context *c, struct pt_err *e)
{
	if (n.tag && r->tag) {
		c->tagged = true;
		c->tag = r->tag;
	}
	if (n.nat && r->action == PT_MATCH && r->nat && r->nat != c->nat)
		return translated(m, r, part, c, e);
	return 0;
}

int space_matching(struct space_maker *m, const struct pt_pol_rule *r, const struct space_cell *cell, pt_boxes *out)
{
	pt_boxes all = { 0 };
	int rc = space_conditions(m, r, cell->box.af, &cell->c, &all);

	for (size_t i = 0; rc >= 0 && i < all.n; i++) {
		struct pt_box part = all.v[i];

		rc = cell->box.n ? pt_box_intersect(m->arena, &all.v[i], &cell->box, &part) : 1;
		if (rc > 0)
			rc = pt_vec_push(m->arena, out, part);
	}
	return rc;
}

static int cut_cell(struct space_maker *m, const struct space_cell *cell, const struct pt_pol_rule *r, struct space_notice n,
		    struct space_cells *to, struct pt_err *e)
{
	pt_boxes parts = { 0 }, rest = { 0 };
	const struct pt_box **v;
	int rc = space_matching(m, r, cell, &parts);

	if (rc)
		return rc;
	v = pt_arena_alloc(m->arena, (parts.n + 1) * sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < parts.n; i++) {
		struct space_cell fresh = { parts.v[i], cell->c };

		v[i] = &parts.v[i];
		rc = after(m, r, n, &parts.v[i], &fresh.c, e);
		if (!rc)
			rc = pt_vec_push(m->arena, &to->v, fresh);
	}
	if (!rc)
		rc = pt_box_subtract(m->s, m->arena, &cell->box, v, parts.n, SPACE_CELLS_MAX, &rest);
	for (size_t i = 0; !rc && i < rest.n; i++)
		rc = pt_vec_push(m->arena, &to->v, ((struct space_cell){ rest.v[i], cell->c }));
	return rc;
}

/* Cells of the same context become as few as they can be. */
static int join_cells(struct space_maker *m, struct space_cells *cells)
{
	struct space_cells old = *cells;
	int rc = 0;

	memset(cells, 0, sizeof(*cells));
	for (size_t i = 0; !rc && i < old.v.n; i++) {
		struct space_context c = old.v.v[i].c;
		pt_boxes same = { 0 };

		if (!old.v.v[i].box.af)
			continue;
		for (size_t k = i; !rc && k < old.v.n; k++) {
			if (!old.v.v[k].box.af || !same_context(&old.v.v[k].c, &c))
				continue;
			rc = pt_vec_push(m->arena, &same, old.v.v[k].box);
			old.v.v[k].box.af = PT_AF_NONE;
		}
		if (!rc)
			rc = space_join(m->s, m->arena, &same, true);
		for (size_t k = 0; !rc && k < same.n; k++)
			rc = pt_vec_push(m->arena, &cells->v, ((struct space_cell){ same.v[k], c }));
	}
	return rc;
}

int space_cells_after(struct space_maker *m, struct space_cells *cells, const struct pt_pol_rule *r, struct space_notice n,
		      struct pt_err *e)
{
	struct space_cells next = { 0 };
	int rc = 0;

	if (!(n.tag && r->tag) && !(n.nat && r->action == PT_MATCH && r->nat))
		return 0;
	if (r->action != PT_MATCH && r->quick)
		return 0; /* nobody looks at the packet any more */
	for (size_t i = 0; !rc && i < cells->v.n; i++)
		rc = cut_cell(m, &cells->v.v[i], r, n, &next, e);
	if (!rc)
		rc = join_cells(m, &next);
	if (rc == -E2BIG || (!rc && next.v.n > SPACE_CELLS_MAX)) {
		if (!e || !e->n_errors)
			pt_err_add(e, PT_ERROR, &r->loc, "tag or translate in fewer rules, or where they are more alike",
				   "what rules up to this one do to packets cuts them into more than %d kinds", SPACE_CELLS_MAX);
		return -E2BIG;
	}
	*cells = next;
	return rc;
}
