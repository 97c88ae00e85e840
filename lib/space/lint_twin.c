/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One family forgotten: a rule that says inet, or inet6, though all that it names exists in both, and packets of the other
 * family, alike in everything but their addresses, that have another verdict. Where another rule says of its family that this
 * is so, it is meant. What translates has addresses of one family.
 */
#include <string.h>

#include "space/lint_work.h"

#define PIECES_MAX 64  /* of one region that are looked at */

struct twin {
	const struct pt_pol_rule *rule;
	struct lint_group *group;
	enum pt_af af, other;
	const char *witness[2];
	const struct pt_region *by;
	pt_boxes same; /* what some packets of the other family with the same verdict are like */
};

static bool is_of_both(const struct pt_pol_addr *a)
{
	return a->kind == PT_REF_ANY || a->kind == PT_REF_SELF || a->kind == PT_REF_IF || a->kind == PT_REF_TABLE;
}

static bool is_asked_about(const struct pt_pol_rule *r)
{
	if (r->action == PT_MATCH || !lint_says_family(r) || !is_of_both(&r->src) || !is_of_both(&r->dst) || r->icmp.n || r->nat)
		return false;
	for (uint32_t i = 0; i < r->protos.n; i++)
		if (r->protos.v[i] == PT_PROTO_ICMP || r->protos.v[i] == PT_PROTO_ICMP6)
			return false;
	return true;
}

/* B with everything but its addresses, of family AF. */
static int without_addresses(struct lint_run *r, const struct pt_box *b, enum pt_af af, struct pt_box *out)
{
	int rc = 0;

	*out = (struct pt_box){ .af = af };
	for (uint32_t i = 0; !rc && i < b->n; i++)
		if (b->v[i].dim != PT_DIM_SRC && b->v[i].dim != PT_DIM_DST)
			rc = pt_box_set(r->now, r->scratch, out, b->v[i].dim, &b->v[i].set);
	return rc;
}

/* Each family has an ICMP of its own. */
static int without_icmp(struct lint_run *r, const struct pt_box *b, struct pt_box *out)
{
	struct pt_iset protos = { .v = (struct pt_ival[]){ { 0, 0 }, { 2, 57 }, { 59, 255 } }, .n = 3 };
	struct pt_box side = { .af = b->af }, most = { 0 };
	int rc = pt_box_set(r->now, r->scratch, &side, PT_DIM_PROTO, &protos);

	if (!rc)
		rc = pt_box_intersect(r->scratch, b, &side, &most);
	return rc > 0 ? pt_box_intersect(r->scratch, &most, &r->clip[b->af == PT_AF_INET6], out) : rc;
}

/* A box of one value of each dimension of P but the addresses. */
static int like_point(struct lint_run *r, const struct pt_point *p, enum pt_af af, struct pt_box *out)
{
	int rc = 0;

	*out = (struct pt_box){ .af = af };
	for (uint32_t d = 0; !rc && d < p->n; d++) {
		struct pt_ival v = { p->v[d], p->v[d] };
		struct pt_iset set = { .v = &v, .n = 1 };

		if (d != PT_DIM_SRC && d != PT_DIM_DST)
			rc = pt_box_set(r->now, r->scratch, out, d, &set);
	}
	return rc;
}

/* Does the rule decide a packet like one of PIECE, which is of the other family? 1: both are told. */
static int compare(struct lint_run *r, struct twin *t, const struct pt_box *piece, enum pt_dir dir)
{
	struct pt_box alike, one;
	int rc = without_addresses(r, piece, t->af, &alike);

	for (size_t i = 0; !rc && i < r->now->dir[dir == PT_OUT].v.n; i++) {
		const struct pt_region *mine = &r->now->dir[dir == PT_OUT].v.v[i];

		for (size_t k = 0; mine->rule == t->rule && !mine->why && !rc && k < mine->boxes.n; k++) {
			struct lint_now now = { .dir = dir, .region = i };
			struct pt_point witness;

			rc = pt_box_intersect(r->scratch, &mine->boxes.v[k], &alike, &now.box);
			if (rc <= 0)
				continue;
			rc = lint_now_covered(r, &now, &t->same, &witness);
			if (rc) {
				rc = rc < 0 && rc != -E2BIG ? rc : 0;
				continue;
			}
			t->witness[0] = lint_point(r, r->now, dir, &witness);
			rc = like_point(r, &witness, t->other, &alike);
			if (!rc)
				rc = pt_box_intersect(r->scratch, piece, &alike, &one);
			if (rc > 0) {
				rc = pt_box_covered(r->now, r->scratch, &one, NULL, 0, 0, &witness);
				t->witness[1] = rc ? NULL : lint_point(r, r->now, dir, &witness);
				rc = rc < 0 ? rc : 1;
			}
		}
	}
	return rc;
}

/* One box of region X, of which HELD is in MIRROR. */
static int take_piece(struct lint_run *r, struct twin *t, const struct pt_region *x, const struct lint_now *held)
{
	bool same = x->pass == (t->rule->action == PT_PASS);
	pt_boxes pieces = { 0 };
	int rc = lint_now_left(r, held, PIECES_MAX, &pieces);

	rc = rc == -E2BIG ? 0 : rc; /* what was found up to there is looked at */
	for (size_t n = 0; !rc && n < pieces.n; n++) {
		struct pt_box alike;

		if (!same) {
			rc = compare(r, t, &pieces.v[n], held->dir);
			t->by = rc > 0 ? x : NULL;
			continue;
		}
		rc = without_addresses(r, &pieces.v[n], t->af, &alike);
		if (!rc)
			rc = pt_vec_push(r->scratch, &t->same, alike);
	}
	return rc;
}

/* The packets of MIRROR by who decides them: first those with the same verdict. An address that fares otherwise, as one of
 * a network that is not there, is not what tells families apart. */
static int follow(struct lint_run *r, struct twin *t, const struct pt_box *mirror, enum pt_dir dir)
{
	const struct pt_space_dir *d = &r->now->dir[dir == PT_OUT];
	int rc = 0;

	t->same = (pt_boxes){ 0 };
	for (int same = 1; !rc && same >= 0; same--)
		for (size_t i = 0; !rc && i < d->v.n; i++)
			for (size_t k = 0; !rc && k < d->v.v[i].boxes.n; k++) {
				const struct pt_region *x = &d->v.v[i];
				struct lint_now now = { .dir = dir, .region = i };

				if (x->why || (x->pass == (t->rule->action == PT_PASS)) != same)
					continue;
				if (!same && x->rule && lint_says_family(x->rule))
					continue;
				rc = pt_box_intersect(r->scratch, mirror, &x->boxes.v[k], &now.box);
				rc = rc > 0 ? take_piece(r, t, x, &now) : rc;
			}
	return rc;
}

static int look_at(struct lint_run *r, struct twin *t)
{
	struct pt_pol_rule mirror = *t->rule;
	pt_boxes boxes = { 0 };
	struct pt_box box;
	int rc;

	pt_arena_reset(r->scratch);
	mirror.af = (uint8_t)t->other;
	rc = pt_space_boxes(r->now, &mirror, r->scratch, &boxes);
	for (size_t i = 0; !rc && i < boxes.n; i++) {
		rc = without_icmp(r, &boxes.v[i], &box);
		if (rc > 0)
			rc = follow(r, t, &box, t->rule->dir);
	}
	return rc;
}

static void say(struct lint_run *r, const struct twin *t)
{
	struct pt_finding *f = pt_lint_add(r->lint, PT_LINT_TWIN, PT_LINT_WARNING, t->group->rules[0], NULL);
	const struct pt_pol_rule *by = t->by ? t->by->rule : NULL;
	bool pass = t->rule->action == PT_PASS;

	if (f) {
		f->witness[0] = t->witness[0];
		f->witness[1] = t->witness[1];
		pt_lint_by(f, by);
	}
	pt_lint_say(r->lint, f, "it %s %s, and the same of %s is %s by %s", pass ? "passes" : "blocks",
		    t->af == PT_AF_INET ? "IPv4" : "IPv6", t->af == PT_AF_INET ? "IPv6" : "IPv4", pass ? "blocked" : "passed",
		    by ? lint_name(r, by) : "default");
}

int lint_twin(struct lint_run *r)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->groups.n; i++) {
		struct lint_group *g = &r->groups.v[i];

		rc = 0;
		for (size_t k = 0; !rc && k < g->n && !g->idle && !g->never; k++) {
			struct twin t = { .rule = g->rules[k], .group = g };

			if (!is_asked_about(t.rule))
				continue;
			t.af = (enum pt_af)t.rule->af;
			t.other = t.af == PT_AF_INET ? PT_AF_INET6 : PT_AF_INET;
			rc = look_at(r, &t);
			if (rc > 0)
				say(r, &t);
		}
	}
	return rc < 0 ? rc : 0;
}
