/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The general case and its exceptions: a rule that holds all packets of others asked before it, which say otherwise. People
 * write so on purpose; who looks for details sees what belongs together.
 */
#include "space/lint_work.h"

/* It is the default of its direction, not the general case of something. */
static bool is_everything(const struct pt_pol_rule *r)
{
	return r->if_any && r->proto_any && r->src.kind == PT_REF_ANY && r->dst.kind == PT_REF_ANY && !r->tagged;
}

static bool opposed(const struct pt_pol_rule *x, const struct pt_pol_rule *y)
{
	return (x->action == PT_PASS) != (y->action == PT_PASS);
}

#define GENERAL_MAX 256 /* rules behind that are looked at */

/* The nearest rule behind that holds all of P's rule and says otherwise, in ARG. */
static int find_general(struct lint_run *r, struct lint_part *p, void *arg)
{
	struct lint_group **general = arg;
	size_t n = lint_after(r, p, &p->box, r->list[0]);
	int rc = lint_conditions(r, p->group);

	for (size_t i = 0; !rc && i < n && i < GENERAL_MAX; i++) {
		const struct pt_pol_rule *other = lint_region_at(r, p, r->list[0][i])->rule;
		struct lint_group *g;

		if (!other || r->group_of[other->index] == UINT32_MAX || is_everything(other))
			continue;
		g = &r->groups.v[r->group_of[other->index]];
		rc = lint_conditions(r, g);
		if (rc || !lint_within(p->group, g))
			continue;
		*general = opposed(other, p->region->rule) ? g : NULL;
		break;
	}
	return rc ? rc : 1; /* it is about the whole rule: one part is enough */
}

int lint_generalises(struct lint_run *r)
{
	size_t *findings; /* of each group, its number and 1 */
	int rc = 0;

	if (!r->in->details)
		return 0;
	findings = pt_arena_alloc(r->arena, (r->groups.n + 1) * sizeof(*findings));
	if (!findings)
		return -ENOMEM;
	for (size_t i = 0; rc >= 0 && i < r->groups.n; i++) {
		struct lint_group *g = &r->groups.v[i];
		struct lint_group *general = NULL;
		struct pt_finding *f;
		size_t at;

		if (g->never || g->idle || !g->n_regions)
			continue;
		rc = lint_parts(r, g, find_general, &general);
		if (rc < 0 || !general || general->idle)
			continue;
		at = (size_t)(general - r->groups.v);
		f = findings[at] ? &r->lint->v.v[findings[at] - 1] :
				   pt_lint_add(r->lint, PT_LINT_GENERALISES, PT_LINT_NOTE, general->rules[0], NULL);
		if (!f)
			return 0; /* which pt_lint_end() tells */
		findings[at] = (size_t)(f - r->lint->v.v) + 1;
		pt_lint_by(f, g->rules[0]);
		pt_lint_say(r->lint, f, "it is the general case of %zu %s that %s otherwise", f->n_by + f->more_by,
			    f->n_by + f->more_by == 1 ? "rule asked before it" : "rules asked before it",
			    f->n_by + f->more_by == 1 ? "says" : "say");
	}
	return rc < 0 ? rc : 0;
}
