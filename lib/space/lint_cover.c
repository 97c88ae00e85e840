/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that need not be there. A rule decides the packets of its boxes that no rule asked before it holds. With none left
 * it never decides: it is shadowed, or where all those before do as it does, redundant. With some left it is redundant all
 * the same when each of them would be decided in the same way by the rules behind.
 *
 * Everything is asked in the space of what may be (PT_SPACE_ALWAYS): a table, an address of an interface or a rate that is
 * one thing now may be another tomorrow, and a finding has to be true then, too.
 */
#include <string.h>

#include "space/lint_work.h"

/* Is each packet of BOX, as far as none of the first E of LIST holds it, decided first by one of the others that does what
 * REGION does? LIST is in the order in which they are asked. 1, 0, -E2BIG, -ENOMEM. */
static int decided_alike(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, const uint32_t *list,
			 size_t n, size_t e)
{
	size_t alike = e;
	int rc;

	for (size_t i = 0; i < n; i++)
		if (i < e || lint_same_effect(p->region, lint_region_at(r, p, list[i])))
			r->list[1][i < e ? i : alike++] = list[i];
	if (alike == e && e < n)
		return lint_covered(r, p, box, list, e, NULL);
	rc = lint_covered(r, p, box, r->list[1], alike, NULL);
	alike = e;
	for (size_t i = e; rc == 1 && i < n; i++) {
		struct pt_box both;

		if (lint_same_effect(p->region, lint_region_at(r, p, list[i]))) {
			alike++;
			continue;
		}
		rc = pt_box_intersect(r->scratch, box, p->index->v[list[i]].box, &both);
		rc = rc > 0 ? lint_covered(r, p, &both, r->list[1], alike, NULL) : rc < 0 ? rc : 1;
	}
	return rc;
}

/* ---- rules that never decide ---- */

/* 1: it decides. */
static int part_decides(struct lint_run *r, struct lint_part *p, void *arg)
{
	uint32_t over = p->index->over[p->at];
	size_t n;
	int rc;

	(void)arg;
	if (over != UINT32_MAX && !lint_is_own(r, p, over))
		return 0;
	n = lint_before(r, p, &p->box, false, r->list[0]);
	if (!n)
		return 1;
	for (size_t i = 0; i < n; i++)
		if (pt_box_within(&p->box, p->index->v[r->list[0][i]].box))
			return 0;
	rc = lint_covered(r, p, &p->box, r->list[0], n, NULL);
	return rc < 0 ? rc : !rc;
}

struct idle {
	struct pt_finding *f;
	bool alike;                      /* those before do the same */
	bool otherwise;                  /* one of them says otherwise */
	struct lint_group *same;         /* a rule with the same packets, which says otherwise */
	bool looked;                     /* for one */
};

#define PROOF_MAX 32

/* The fewest of LIST that are found by leaving out one after the other. */
static int smallest_cover(struct lint_run *r, const struct lint_part *p, uint32_t *list, size_t *n)
{
	for (size_t i = 0; i < *n && *n <= PROOF_MAX;) {
		size_t left = 0;
		int rc;

		for (size_t k = 0; k < *n; k++)
			if (k != i)
				r->list[1][left++] = list[k];
		rc = lint_covered(r, p, &p->box, r->list[1], left, NULL);
		if (rc == -ENOMEM)
			return rc;
		if (rc == 1) {
			for (size_t k = 0; k < left; k++)
				list[k] = r->list[1][k];
			*n = left;
		} else {
			i++;
		}
	}
	return 0;
}

#define OPPOSITES_MAX 64

/* Another written rule among those before that has just the same packets, and says otherwise. */
static int find_opposite(struct lint_run *r, const struct lint_part *p, const uint32_t *list, size_t n, struct idle *idle)
{
	int rc = lint_conditions(r, p->group);

	for (size_t i = 0; !rc && !idle->same && i < n && i < OPPOSITES_MAX; i++) {
		const struct pt_region *other = lint_region_at(r, p, list[i]);
		struct lint_group *g;

		if (!other->rule || r->group_of[other->rule->index] == UINT32_MAX ||
		    (other->rule->action == PT_PASS) == (p->region->rule->action == PT_PASS))
			continue;
		g = &r->groups.v[r->group_of[other->rule->index]];
		if (g->n != p->group->n)
			continue;
		rc = lint_conditions(r, g);
		if (!rc && lint_within(g, p->group) && lint_within(p->group, g))
			idle->same = g;
	}
	return rc;
}

static bool is_builtin(const struct pt_region *x)
{
	return x->rule && x->rule->ast == PT_POL_BUILTIN;
}

static int part_idle(struct lint_run *r, struct lint_part *p, void *arg)
{
	struct idle *idle = arg;
	size_t n, whole, gone = lint_own(p, &p->box, r->list[0]);
	int rc;

	/* What its own boxes before hold they would decide, and built-in rules are before all others. */
	n = gone + lint_before(r, p, &p->box, false, r->list[0] + gone);
	while (gone < n && is_builtin(lint_region_at(r, p, r->list[0][gone])))
		gone++;
	rc = decided_alike(r, p, &p->box, r->list[0], n, gone);
	if (rc == 1 && gone == n && is_builtin(lint_region_at(r, p, r->list[0][n - 1])))
		rc = 0; /* with nobody else there */
	n = whole = lint_before(r, p, &p->box, false, r->list[0]);
	if (rc == -ENOMEM)
		return rc;
	idle->alike = idle->alike && rc == 1;
	rc = idle->looked ? 0 : find_opposite(r, p, r->list[0], n, idle);
	idle->looked = true;
	if (rc)
		return rc;
	for (size_t i = 0; i < n && whole == n; i++)
		if (pt_box_within(&p->box, p->index->v[r->list[0][i]].box))
			whole = i;
	if (whole < n) {
		r->list[0][0] = r->list[0][whole];
		n = 1;
	} else {
		rc = smallest_cover(r, p, r->list[0], &n);
		if (rc)
			return rc;
	}
	for (size_t i = 0; i < n; i++) {
		const struct pt_region *other = lint_region_at(r, p, r->list[0][i]);

		idle->otherwise = idle->otherwise || other->pass != p->region->pass;
		pt_lint_by(idle->f, other->rule);
	}
	return 0;
}

/* "a", "a and b", "a, b and 3 more" */
static const char *list_of(struct lint_run *r, const struct pt_finding *f)
{
	size_t shown = f->n_by > 4 ? 3 : f->n_by, more = f->n_by + f->more_by - shown;
	const char *s = "";

	for (size_t i = 0; s && i < shown; i++)
		s = pt_arena_printf(r->lint->arena, "%s%s%s", s, !i ? "" : i + 1 == shown && !more ? " and " : ", ",
				    lint_name(r, f->by[i]));
	if (s && more)
		s = pt_arena_printf(r->lint->arena, "%s and %zu more", s, more);
	if (!s)
		r->lint->failed = true;
	return s ? s : "";
}

/* People read a file from its beginning, and what wins often stands later in it: then say that. */
static bool are_later(const struct pt_finding *f, const struct pt_pol_rule *than)
{
	for (size_t i = 0; i < f->n_by; i++) {
		const struct pt_loc *x = &f->by[i]->loc;

		if (f->by[i]->ast == PT_POL_BUILTIN || !x->line || strcmp(x->file, than->loc.file) != 0 ||
		    x->line < than->loc.line || (x->line == than->loc.line && x->col < than->loc.col))
			return false;
	}
	return f->n_by;
}

static void say_how(struct lint_run *r, struct pt_finding *out, const struct pt_finding *f)
{
	const char *list = list_of(r, f);
	bool many = f->n_by + f->more_by > 1, later = are_later(f, out->rule);
	const char *same = f->code == PT_LINT_REDUNDANT ? many ? ", and do the same" : ", and does the same" : "";

	if (f->code == PT_LINT_CONTRADICTORY && later)
		pt_lint_say(r->lint, out, "it never decides: %s, later in the file, has the same packets, says otherwise, and wins",
			    list);
	else if (f->code == PT_LINT_CONTRADICTORY)
		pt_lint_say(r->lint, out, "it never decides: %s has the same packets, says otherwise, and is asked before", list);
	else if (later)
		pt_lint_say(r->lint, out, "it never decides: %s, later in the file, %s for all its packets%s", list,
			    many ? "win" : "wins", same);
	else
		pt_lint_say(r->lint, out, "it never decides: %s %s all its packets before%s", list, many ? "take" : "takes", same);
}

static int say_idle(struct lint_run *r, struct lint_group *g)
{
	struct pt_finding f = { .code = PT_LINT_SHADOWED, .sev = PT_LINT_WARNING }, *out;
	struct idle idle = { .f = &f, .alike = true };
	int rc = lint_parts(r, g, part_idle, &idle);

	if (rc)
		return rc;
	if (idle.same) {
		f.code = PT_LINT_CONTRADICTORY;
		f.n_by = f.more_by = 0;
		pt_lint_by(&f, idle.same->rules[0]);
	} else if (idle.alike) {
		f.code = PT_LINT_REDUNDANT;
	}
	if (idle.same || (!idle.alike && idle.otherwise))
		f.sev = PT_LINT_ERROR;
	out = pt_lint_add(r->lint, f.code, f.sev, g->rules[0], NULL);
	for (size_t i = 0; out && i < f.n_by; i++)
		pt_lint_by(out, f.by[i]);
	if (!out)
		return -ENOMEM;
	out->more_by = f.more_by;
	say_how(r, out, &f);
	return 0;
}

/* ---- rules whose packets those behind would decide in the same way ---- */

/* Of one that ends the search: what others do on the way would happen then. */
static bool held_off(const struct lint_run *r, const struct lint_part *p)
{
	const struct pt_pol_rule *rule = p->region->rule;

	for (size_t i = 0; rule->quick && i < r->effects.n; i++) {
		const struct lint_effect *x = &r->effects.v[i];

		if (x->rule->dir != rule->dir || x->rule->index < rule->index)
			continue;
		if (x->rule->nat)
			return true; /* what others see then is another packet */
		for (size_t k = 0; k < x->boxes.n; k++)
			if (pt_box_overlaps(&x->boxes.v[k], &p->box))
				return true;
	}
	return false;
}

/* 1: it is needed. */
static int part_needed(struct lint_run *r, struct lint_part *p, void *arg)
{
	size_t e, n, alike = 0;
	int rc;

	e = lint_before(r, p, &p->box, true, r->list[0]);
	n = e + lint_after(r, p, &p->box, r->list[0] + e);
	for (size_t i = e; i < n; i++)
		if (lint_same_effect(p->region, lint_region_at(r, p, r->list[0][i]))) {
			alike++;
			pt_lint_by(arg, lint_region_at(r, p, r->list[0][i])->rule);
		}
	if (alike && held_off(r, p))
		return 1;
	rc = decided_alike(r, p, &p->box, r->list[0], n, e);
	return rc < 0 ? rc : !rc;
}

/* It sets a tag on the way that others ask for, whoever decides. */
static bool tags_on_the_way(const struct lint_run *r, const struct lint_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->rules[i]->quick && g->rules[i]->tag && r->tags[g->rules[i]->tag] & 2)
			return true;
	return false;
}

/* It counts for itself: its limits are reached at another time than those of the others. */
static bool counts(const struct pt_pol_rule *r)
{
	const struct pt_pol_states *s = r->states;

	return r->log_limit.packets || (s && (s->max || s->max_src_nodes || s->max_src_states || s->max_src_conn || s->rate));
}

static int needed(struct lint_run *r, struct lint_group *g)
{
	struct pt_finding f = { 0 }, *out;
	int rc;

	if (lint_has_label(g->rules[0]) || counts(g->rules[0]))
		return 0; /* packets */
	for (size_t i = 0; i < g->n; i++)
		if (g->rules[i]->tag)
			return 0;
	rc = lint_parts(r, g, part_needed, &f);
	if (rc)
		return rc < 0 ? rc : 0;
	out = pt_lint_add(r->lint, PT_LINT_REDUNDANT, PT_LINT_WARNING, g->rules[0], NULL);
	for (size_t i = 0; out && i < f.n_by; i++)
		pt_lint_by(out, f.by[i]);
	if (out)
		out->more_by = f.more_by;
	pt_lint_say(r->lint, out, "without it nothing would be different: %s %s the same with its packets", list_of(r, &f),
		    f.n_by > 1 ? "do" : "does");
	return 0;
}

/* ---- all rules ---- */

static int not_known(struct lint_run *r, const struct lint_group *g, const char *what)
{
	pt_lint_say(r->lint, pt_lint_add(r->lint, PT_LINT_UNDECIDED, PT_LINT_NOTE, g->rules[0], NULL),
		    "not known after %llu steps: whether %s", (unsigned long long)lint_steps(r), what);
	r->undecided++;
	return 0;
}

static int look_at(struct lint_run *r, struct lint_group *g)
{
	int rc;

	if (g->never || !g->n_regions || tags_on_the_way(r, g))
		return 0;
	rc = lint_parts(r, g, part_decides, NULL);
	if (rc == -E2BIG)
		return not_known(r, g, "it ever decides");
	if (rc < 0)
		return rc;
	if (!rc) {
		g->idle = true;
		return say_idle(r, g);
	}
	rc = needed(r, g);
	if (rc == -E2BIG)
		return not_known(r, g, "it is needed");
	return rc ? rc : lint_partly(r, g);
}

static int effects(struct lint_run *r)
{
	const struct pt_policy *p = r->in->policy;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->rules.n; i++) {
		struct lint_effect x = { .rule = &p->rules.v[i] };

		if (x.rule->action != PT_MATCH && !(x.rule->tag && !x.rule->quick))
			continue;
		rc = pt_space_boxes(r->always, x.rule, r->arena, &x.boxes);
		for (enum pt_af af = PT_AF_INET; rc == -ENOENT && af <= PT_AF_INET6; af++) /* anything, as far as is known */
			if (pt_vec_push(r->arena, &x.boxes, ((struct pt_box){ .af = af })))
				return -ENOMEM;
		rc = rc == -ENOENT ? 0 : rc;
		if (!rc)
			rc = pt_vec_push(r->arena, &r->effects, x);
	}
	return rc;
}

int lint_cover(struct lint_run *r)
{
	int rc = effects(r);

	for (size_t i = 0; !rc && i < r->groups.n; i++)
		rc = look_at(r, &r->groups.v[i]);
	return rc;
}
