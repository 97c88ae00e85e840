/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A policy as regions, the first of which decides: "the last match wins, quick ends" read as in order.c of the policy.
 * Rules are looked at as they are written, for what some do is seen by those behind them, and then put into that order.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "space/internal.h"

pt_u128 pt_space_max(const struct pt_space *s, uint32_t dim, enum pt_af af)
{
	switch (dim) {
	case PT_DIM_DEVICE:
		return s->devices.n - 1;
	case PT_DIM_RECEIVED:
		return s->devices.n;
	case PT_DIM_SRC:
	case PT_DIM_DST:
		return pt_af_max(af);
	case PT_DIM_SPORT:
	case PT_DIM_DPORT:
	case PT_DIM_ICMP:
		return UINT16_MAX;
	case PT_DIM_PROTO:
	case PT_DIM_FLAGS:
	case PT_DIM_TOS:
		return UINT8_MAX;
	case PT_DIM_SHORT:
		return 2;
	case PT_DIM_TAG:
		return s->policy->tags.n;
	case PT_DIM_MAC:
		return (pt_u128)1 << 48;
	case PT_DIM_USER:
	case PT_DIM_GROUP:
		return (pt_u128)1 << 32;
	case PT_DIM_TIME:
		return UINT64_MAX;
	default:
		return 1;
	}
}

uint32_t pt_space_dims(const struct pt_space *s)
{
	return PT_DIM_FREE + (uint32_t)s->unknown.n;
}

/* ---- devices ---- */

static int by_name(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return strcmp(*a, *b);
}

static int add_names(struct pt_space *s, const char *const *v, size_t n)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		if (*v[i] && (!s->devices.n || strcmp(v[i], s->devices.v[s->devices.n - 1]) != 0))
			rc = pt_vec_push(s->arena, &s->devices, v[i]); /* NOLINT(bugprone-sizeof-expression) */
	return rc;
}

static int add_host_names(struct pt_space *s, const struct pt_host *h)
{
	int rc = 0;

	for (size_t i = 0; h && !rc && i < h->ifs.n; i++)
		rc = add_names(s, &h->ifs.v[i].device, 1);
	return rc;
}

/* Names of LIKE are copied, for it may go first. */
static int add_their_names(struct pt_space *s, const struct pt_space *like)
{
	int rc = 0;

	for (size_t i = 0; like && !rc && i < like->devices.n; i++) {
		const char *name = pt_arena_strdup(s->arena, like->devices.v[i]);

		rc = name ? add_names(s, &name, 1) : -ENOMEM;
	}
	return rc;
}

static int collect_devices(struct pt_space *s, const struct pt_host *h, const struct pt_space *like)
{
	const struct pt_policy *p = s->policy;
	size_t n = 0;
	int rc = add_host_names(s, h);

	if (!rc)
		rc = add_their_names(s, like);
	for (size_t i = 0; !rc && i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		rc = add_names(s, r->devices.v, r->devices.n);
		if (!rc && r->more)
			rc = add_names(s, r->more->received.v, r->more->received.n);
	}
	if (rc)
		return rc;
	if (s->devices.n)
		qsort(s->devices.v, s->devices.n, sizeof(*s->devices.v), by_name); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 0; i < s->devices.n; i++)
		if (!n || strcmp(s->devices.v[i], s->devices.v[n - 1]) != 0)
			s->devices.v[n++] = s->devices.v[i];
	s->devices.n = n;
	return pt_vec_push(s->arena, &s->devices, ""); /* NOLINT(bugprone-sizeof-expression) */
}

/* ---- what is drawn ---- */

static int add_draw(struct space *s, struct pt_draw draw, const char *text)
{
	const struct space_key key = { .kind = SPACE_KEY_CHANCE, .ref = draw.rule };
	const struct pt_space_unknown u = { text };

	for (size_t i = 0; i < s->pub.draws.n; i++)
		if (s->pub.draws.v[i].rule == draw.rule)
			return 0;
	if (!text || pt_vec_push(s->pub.arena, &s->keys, key) || pt_vec_push(s->pub.arena, &s->pub.unknown, u))
		return -ENOMEM;
	return pt_vec_push(s->pub.arena, &s->pub.draws, draw);
}

/* Each rule draws for itself; those of one text, which are one written rule, have one draw. Before all other unknowns. */
static int collect_draws(struct space *s, const struct pt_space *like)
{
	const struct pt_policy *p = s->pub.policy;
	int rc = 0;

	for (size_t i = 0; like && !rc && i < like->draws.n; i++)
		rc = add_draw(s, like->draws.v[i], pt_arena_strdup(s->pub.arena, like->unknown.v[i].text));
	for (size_t i = 0; !rc && i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->more && r->more->chance)
			rc = add_draw(s, (struct pt_draw){ r->id, r->more->chance },
				      pt_arena_printf(s->pub.arena, "probability of rule %s", r->name ? r->name : ""));
	}
	return rc;
}

/* ---- regions ---- */

/* The rules of one direction on their way into a space. */
struct direction {
	struct space *s;
	struct space_maker *m;
	struct pt_space_dir *out;
	enum pt_dir dir;
	pt_boxes *boxes;           /* of each rule, by its index */
	pt_boxes *refused;         /* of each rule, where its translation has no address: at a quick one */
	struct space_cells cells;
	struct pt_err *e;
};

static bool keeps_state(const struct pt_pol_rule *r)
{
	return r->action == PT_PASS && r->keep_state;
}

static int add_region(struct direction *d, const struct pt_pol_rule *r, bool pass, const char *why, const pt_boxes *boxes)
{
	const struct pt_region region = { .rule = r, .pass = pass, .why = why, .boxes = *boxes };

	return boxes->n ? pt_vec_push(d->s->pub.arena, &d->out->v, region) : 0;
}

/* What two unions share. */
static int shared(struct direction *d, const pt_boxes *x, const pt_boxes *y, pt_boxes *out)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < x->n; i++)
		for (size_t k = 0; rc >= 0 && k < y->n; k++) {
			struct pt_box b;

			rc = pt_box_intersect(d->s->pub.arena, &x->v[i], &y->v[k], &b);
			if (rc > 0)
				rc = pt_vec_push(d->s->pub.arena, out, b);
		}
	return rc < 0 ? rc : 0;
}

static int add_invalid(struct direction *d, const struct pt_pol_rule *r, const pt_boxes *boxes)
{
	pt_boxes invalid = { 0 };
	int rc = 0;

	if (!keeps_state(r))
		return 0;
	for (int six = 0; !rc && six < 2; six++)
		rc = shared(d, boxes, &d->s->ct[six][PT_CT_INVALID], &invalid);
	return rc ? rc : add_region(d, r, false, PT_WHY_INVALID, &invalid);
}

/* Does the translation of context C, which R does not replace, have no address to use? */
static bool no_address(const struct direction *d, uint32_t nat, enum pt_af af)
{
	const struct pt_pol_nat *n = nat ? &d->s->pub.policy->nats.v[nat - 1] : NULL;

	if (!n || n->target != PT_REF_IF)
		return false;
	return d->s->pub.mode == PT_SPACE_ALWAYS || !space_target(&d->s->pub, n, af).af;
}

/* The packets of X that are refused when translation NAT has no address, in mode ALWAYS when that is so. */
static int refuse(struct direction *d, const struct pt_box *x, uint32_t nat, const struct pt_pol_rule *r, pt_boxes *out)
{
	const struct space_key key = { .kind = SPACE_KEY_TARGET, .ref = d->s->pub.policy->nats.v[nat - 1].ref };
	struct pt_ival zero = { 0, 0 };
	const struct pt_iset none = { .v = &zero, .n = 1 };
	struct pt_box b = *x;
	uint32_t dim = 0;
	int rc;

	if (d->s->pub.mode == PT_SPACE_NOW)
		return pt_vec_push(d->s->pub.arena, out, b);
	rc = space_unknown(d->m, &key, r, &dim);
	if (!rc)
		rc = pt_box_set(&d->s->pub, d->s->pub.arena, &b, dim, &none);
	return rc ? rc : pt_vec_push(d->s->pub.arena, out, b);
}

/* What R passes without a translation of its own is translated as the match rules before it said, if it is quick, else all. */
static int refuse_in_cells(struct direction *d, const struct pt_pol_rule *r, pt_boxes *out)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < d->cells.v.n; i++) {
		const struct space_cell *cell = &d->cells.v.v[i];

		if (!no_address(d, cell->c.nat, cell->box.af))
			continue;
		for (size_t k = 0; rc >= 0 && k < d->boxes[r->index].n; k++) {
			struct pt_box b;

			rc = pt_box_intersect(d->s->pub.arena, &d->boxes[r->index].v[k], &cell->box, &b);
			if (rc > 0)
				rc = refuse(d, &b, cell->c.nat, r, out);
		}
	}
	return rc;
}

static int refuse_own(struct direction *d, const struct pt_pol_rule *r, pt_boxes *out)
{
	const pt_boxes *boxes = &d->boxes[r->index];
	int rc = 0;

	for (size_t i = 0; !rc && i < boxes->n; i++)
		if (no_address(d, r->nat, boxes->v[i].af))
			rc = refuse(d, &boxes->v[i], r->nat, r, out);
	return rc;
}

/* Only what begins a connection is translated. */
static int add_refused(struct direction *d, const struct pt_pol_rule *r)
{
	pt_boxes all = { 0 }, begins = { 0 };
	int rc = 0;

	if (!keeps_state(r))
		return 0;
	if (r->nat)
		rc = refuse_own(d, r, &all);
	else if (r->quick)
		all = d->refused[r->index];
	else
		rc = refuse_in_cells(d, r, &all);
	for (int six = 0; !rc && six < 2; six++)
		rc = shared(d, &all, &d->s->ct[six][PT_CT_NEW], &begins);
	return rc ? rc : add_region(d, r, false, PT_WHY_NO_ADDRESS, &begins);
}

static int add_rule(struct direction *d, const struct pt_pol_rule *r)
{
	const pt_boxes *boxes = &d->boxes[r->index];
	int rc = add_invalid(d, r, boxes);

	if (!rc)
		rc = add_refused(d, r);
	return rc ? rc : add_region(d, r, r->action == PT_PASS, NULL, boxes);
}

static bool decides(const struct pt_pol_rule *r, enum pt_dir dir, bool quick)
{
	return r->dir == dir && r->action != PT_MATCH && r->quick == quick;
}

static int add_all(struct direction *d)
{
	const struct pt_policy *p = d->s->pub.policy;
	pt_boxes all = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < p->rules.n; i++)
		if (decides(&p->rules.v[i], d->dir, true))
			rc = add_rule(d, &p->rules.v[i]);
	for (size_t i = p->rules.n; !rc && i--;)
		if (decides(&p->rules.v[i], d->dir, false))
			rc = add_rule(d, &p->rules.v[i]);
	for (enum pt_af af = PT_AF_INET; !rc && af <= PT_AF_INET6; af++)
		rc = pt_vec_push(d->s->pub.arena, &all, ((struct pt_box){ .af = af }));
	return rc ? rc : add_region(d, NULL, false, NULL, &all);
}

/* ---- what rules match, in the order of writing ---- */

static int walk_rule(struct direction *d, const struct pt_pol_rule *r, struct space_notice n)
{
	int rc = 0;

	if (r->action != PT_MATCH) {
		for (size_t i = 0; !rc && i < d->cells.v.n; i++)
			rc = space_matching(d->m, r, &d->cells.v.v[i], &d->boxes[r->index]);
		if (!rc && r->quick && keeps_state(r) && !r->nat)
			rc = refuse_in_cells(d, r, &d->refused[r->index]);
	}
	return rc ? rc : space_cells_after(d->m, &d->cells, r, n, d->e);
}

static int walk(struct direction *d, struct pt_arena *scratch)
{
	const struct pt_policy *p = d->s->pub.policy;
	struct space_notice *notices = pt_arena_alloc(scratch, (p->rules.n + 1) * sizeof(*notices));
	int rc = 0;

	d->boxes = pt_arena_alloc(scratch, (p->rules.n + 1) * sizeof(*d->boxes));
	d->refused = pt_arena_alloc(scratch, (p->rules.n + 1) * sizeof(*d->refused));
	if (!notices || !d->boxes || !d->refused)
		return -ENOMEM;
	space_notices(d->m, d->dir, notices);
	for (enum pt_af af = PT_AF_INET; !rc && af <= PT_AF_INET6; af++)
		rc = pt_vec_push(d->s->pub.arena, &d->cells.v, ((struct space_cell){ .box = { .af = af } }));
	for (size_t i = 0; !rc && i < p->rules.n; i++)
		if (p->rules.v[i].dir == d->dir)
			rc = walk_rule(d, &p->rules.v[i], notices[i]);
	return rc;
}

static int build_direction(struct space *s, enum pt_dir dir, struct pt_arena *scratch, struct pt_err *e)
{
	struct space_maker *m = pt_arena_alloc(scratch, sizeof(*m));
	struct direction d = { .s = s, .m = m, .out = &s->pub.dir[dir == PT_OUT], .dir = dir, .e = e };
	int rc;

	if (!m)
		return -ENOMEM;
	m->s = &s->pub;
	m->own = s;
	m->arena = s->pub.arena;
	rc = walk(&d, scratch);
	return rc ? rc : add_all(&d);
}

/* ---- the space ---- */

/* The written contents of constant tables, where no evaluator has them. */
static int load_tables(struct space *s, struct pt_err *e)
{
	const struct pt_policy *p = s->pub.policy;
	int rc = 0;

	if (s->eval)
		return 0;
	s->tables = pt_arena_alloc(s->pub.arena, (p->tables.n + 1) * sizeof(*s->tables));
	if (!s->tables)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < p->tables.n; i++)
		if (p->tables.v[i].conf->constant && !p->tables.v[i].outside.n)
			rc = pt_policy_table(p, &p->tables.v[i], s->pub.arena, &s->tables[i][0], &s->tables[i][1], e);
	return rc;
}

static int build(struct space *s, const struct pt_space *like, struct pt_err *e)
{
	struct pt_arena *scratch = pt_arena_new();
	int rc = scratch ? collect_devices(&s->pub, s->host, like) : -ENOMEM;

	if (!rc)
		rc = collect_draws(s, like);
	if (!rc)
		rc = load_tables(s, e);
	if (!rc)
		rc = space_ct(s);
	if (!rc)
		rc = build_direction(s, PT_IN, scratch, e);
	if (!rc)
		rc = build_direction(s, PT_OUT, scratch, e);
	if (!rc)
		rc = space_index(s);
	pt_arena_free(scratch);
	return rc;
}

int pt_space_new_like(const struct pt_policy *p, const struct pt_host *h, const struct pt_eval *v, enum pt_space_mode mode,
		      const struct pt_space *like, struct pt_space **out, struct pt_err *e)
{
	struct pt_arena *arena = pt_arena_new();
	struct space *s = arena ? pt_arena_alloc(arena, sizeof(*s)) : NULL;
	int rc = -ENOMEM;

	*out = NULL;
	if (s) {
		s->pub.arena = arena;
		s->pub.policy = p;
		s->pub.mode = mode;
		s->host = h;
		s->now = (uint64_t)time(NULL);
		s->eval = v;
		rc = build(s, like, e);
	}
	if (!rc)
		*out = &s->pub;
	else
		pt_arena_free(arena);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "the packets that rules match") : rc;
}

int pt_space_new(const struct pt_policy *p, const struct pt_host *h, const struct pt_eval *v, enum pt_space_mode mode,
		 struct pt_space **out, struct pt_err *e)
{
	return pt_space_new_like(p, h, v, mode, NULL, out, e);
}

void pt_space_free(struct pt_space *s)
{
	if (s)
		pt_arena_free(s->arena);
}
