/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a judgement does to the packets that it passes: their tag, and their translation, which may be that of a match rule. A
 * set of packets that one rule passes is cut here where other rules give them other tags or translations, in the order in
 * which the evaluator meets them.
 */
#include <errno.h>
#include <string.h>

#include "plan/reach_parts.h"

struct effects {
	struct reach *r;
	const struct pt_pol_rule *rule;
	reach_pieces *now;
};

static bool has_effect(const struct pt_pol_rule *x)
{
	return x->tag || (x->action == PT_MATCH && x->nat);
}

/* ---- a rule that matches ---- */

static int take(struct effects *e, const struct pt_pol_rule *x, struct reach_piece *p)
{
	int rc = 1;

	if (x == e->rule)
		p->at_rule = p->seen;
	if (x->tag)
		p->tag = x->tag;
	if (x->action == PT_MATCH && x->nat && x->nat != p->match_nat) {
		p->match_nat = x->nat;
		p->at_match = p->seen;
		rc = reach_map_nat(e->r, e->r->scratch, x->nat, p->box.af, &p->at_match, &p->seen);
		if (!rc)
			memset(&p->seen, 0, sizeof(p->seen)); /* no address: as it came */
	}
	return rc < 0 ? rc : 0;
}

static int keep(struct effects *e, const struct reach_piece *like, const struct pt_box *x)
{
	struct reach_piece p = *like;

	p.box = *x;
	return pt_vec_push(e->r->scratch, e->now, p);
}

/* P's box of Y, where X matches what is seen of it. */
static int split(struct effects *e, const struct pt_pol_rule *x, const struct reach_piece *p, const pt_boxes *conditions)
{
	struct pt_arena *a = e->r->scratch;
	PT_VEC(const struct pt_box *) against = { 0 };
	struct reach_piece matched;
	struct pt_box seen, shared;
	pt_boxes rest = { 0 };
	int rc = reach_image(e->r, a, &p->seen, &p->box, &seen);

	for (size_t i = 0; rc >= 0 && i < conditions->n; i++) {
		pt_boxes left = { 0 };

		/* of overlapping conditions, each takes what those before it left */
		rc = pt_box_subtract(e->r->s, a, &conditions->v[i], against.v, against.n, 0, &left);
		if (!rc)
			rc = pt_vec_push(a, &against, &conditions->v[i]); /* NOLINT(bugprone-sizeof-expression) */
		for (size_t k = 0; rc >= 0 && k < left.n; k++) {
			rc = pt_box_intersect(a, &seen, &left.v[k], &shared);
			matched = *p;
			if (rc > 0)
				rc = reach_preimage(e->r, a, &p->seen, &p->box, &shared, &matched.box);
			if (rc > 0)
				rc = take(e, x, &matched);
			else if (!rc)
				continue;
			if (!rc)
				rc = keep(e, &matched, &matched.box);
		}
	}
	if (rc >= 0)
		rc = pt_box_subtract(e->r->s, a, &seen, against.v, against.n, 0, &rest);
	for (size_t i = 0; rc >= 0 && i < rest.n; i++) {
		rc = reach_preimage(e->r, a, &p->seen, &p->box, &rest.v[i], &shared);
		if (rc > 0)
			rc = keep(e, p, &shared);
	}
	return rc < 0 ? rc : 0;
}

/* The rule that decides matches them all. */
static int decide(struct effects *e)
{
	reach_pieces before = *e->now;
	int rc = 0;

	memset(e->now, 0, sizeof(*e->now));
	for (size_t i = 0; !rc && i < before.n; i++) {
		rc = take(e, e->rule, &before.v[i]);
		if (!rc)
			rc = keep(e, &before.v[i], &before.v[i].box);
	}
	return rc;
}

static int meet(struct effects *e, const struct reach_effect *x, bool six)
{
	reach_pieces before = *e->now;
	int rc = 0;

	memset(e->now, 0, sizeof(*e->now));
	for (size_t i = 0; !rc && i < before.n; i++) {
		struct reach_piece *p = &before.v[i];

		if (x->rule->tagged && (p->tag == x->rule->tagged) == x->rule->tagged_neg)
			rc = keep(e, p, &p->box);
		else
			rc = split(e, x->rule, p, &x->conditions[six]);
	}
	return rc;
}

/* ---- the end ---- */

/* What of P is never tracked: neighbour discovery and the like. 1, or 0: nothing. */
static int untracked(struct effects *e, const struct reach_piece *p, struct pt_box *out)
{
	static const struct pt_ival types[] = { { 130 << 8, (137 << 8) - 1 }, { 143 << 8, (144 << 8) - 1 },
						{ 151 << 8, (153 << 8) - 1 } };
	const struct pt_iset set = { .v = (struct pt_ival *)types, .n = PT_ARRAY_SIZE(types) };
	int rc;

	if (p->box.af != PT_AF_INET6)
		return 0;
	rc = reach_with_value(e->r, e->r->scratch, &p->box, PT_DIM_PROTO, PT_PROTO_ICMP6, out);
	return rc > 0 ? reach_with(e->r, e->r->scratch, out, PT_DIM_ICMP, &set, out) : rc;
}

/* What is not tracked is not translated; what cannot be translated, for an interface has no address, is refused. */
static int translated(struct effects *e, const struct reach_piece *p, bool can, reach_pieces *out)
{
	struct reach_piece plain = *p, moved = *p;
	const struct pt_box *hole = &plain.box;
	pt_boxes rest = { 0 };
	int rc = untracked(e, p, &plain.box);

	if (!rc)
		return can ? pt_vec_push(e->r->scratch, out, moved) : 0;
	plain.nat = 0;
	memset(&plain.map, 0, sizeof(plain.map));
	if (rc > 0)
		rc = pt_vec_push(e->r->scratch, out, plain);
	if (!rc && can)
		rc = pt_box_subtract(e->r->s, e->r->scratch, &p->box, &hole, 1, 0, &rest);
	for (size_t i = 0; !rc && i < rest.n; i++) {
		moved.box = rest.v[i];
		rc = pt_vec_push(e->r->scratch, out, moved);
	}
	return rc;
}

static int settle(struct effects *e, reach_pieces *out)
{
	const struct pt_pol_rule *x = e->rule;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; rc >= 0 && i < e->now->n; i++) {
		struct reach_piece *p = &e->now->v[i];

		p->nat = !x->keep_state ? 0 : x->nat ? x->nat : p->match_nat;
		if (!p->nat) {
			rc = pt_vec_push(e->r->scratch, out, *p);
			continue;
		}
		rc = reach_map_nat(e->r, e->r->scratch, p->nat, p->box.af, x->nat ? &p->at_rule : &p->at_match, &p->map);
		if (rc >= 0)
			rc = translated(e, p, rc > 0, out);
	}
	return rc < 0 ? rc : 0;
}

int reach_effects(struct reach *r, enum pt_dir dir, const struct pt_pol_rule *rule, const struct pt_box *x, uint8_t tag,
		  reach_pieces *out)
{
	reach_pieces now = { 0 };
	struct effects e = { .r = r, .rule = rule, .now = &now };
	struct reach_piece first = { .box = *x, .rule = rule, .tag = tag };
	const struct reach_effect *list = r->effects[dir == PT_OUT];
	size_t n = r->n_effects[dir == PT_OUT], i = 0;
	int rc = pt_vec_push(r->scratch, &now, first);

	for (; !rc && i < n && list[i].rule->index < rule->index; i++)
		rc = meet(&e, &list[i], x->af == PT_AF_INET6);
	if (!rc)
		rc = decide(&e);
	for (; !rc && i < n && !rule->quick; i++)
		if (list[i].rule != rule)
			rc = meet(&e, &list[i], x->af == PT_AF_INET6);
	return rc ? rc : settle(&e, out);
}

/* ---- once ---- */

static int conditions_of(struct reach *r, struct reach_effect *x)
{
	pt_boxes all = { 0 };
	int rc = pt_space_boxes(r->s, x->rule, r->arena, &all);

	for (size_t i = 0; !rc && i < all.n; i++) {
		rc = reach_drop(r, r->arena, &all.v[i], PT_DIM_TAG); /* pieces know theirs */
		if (!rc)
			rc = pt_vec_push(r->arena, &x->conditions[all.v[i].af == PT_AF_INET6], all.v[i]);
	}
	return rc;
}

int reach_effects_new(struct reach *r)
{
	const struct pt_policy *p = r->w->policy;

	for (int d = 0; d < 2; d++) {
		PT_VEC(struct reach_effect) list = { 0 };
		int rc = 0;

		for (size_t i = 0; !rc && i < p->rules.n; i++) {
			struct reach_effect x = { .rule = &p->rules.v[i] };

			if (x.rule->dir != (d ? PT_OUT : PT_IN) || !has_effect(x.rule))
				continue;
			rc = conditions_of(r, &x);
			if (!rc)
				rc = pt_vec_push(r->arena, &list, x);
		}
		if (rc)
			return rc;
		r->effects[d] = list.v;
		r->n_effects[d] = list.n;
	}
	return 0;
}
