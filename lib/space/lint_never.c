/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules whose conditions no packet meets, and the likely reason. */
#include "space/lint_work.h"

static int found(struct lint_run *r, struct lint_part *p, void *arg)
{
	(void)r;
	(void)p;
	(void)arg;
	return 1;
}

/* Match rules are in no region. 1: there are packets for it. */
static int any_packet(struct lint_run *r, const struct pt_pol_rule *rule)
{
	pt_boxes boxes = { 0 };
	int rc;

	pt_arena_reset(r->scratch);
	rc = pt_space_boxes(r->always, rule, r->scratch, &boxes);
	if (rc == -ENOENT)
		return 1; /* its contents may be anything */
	for (size_t i = 0; !rc && i < boxes.n; i++)
		rc = pt_box_overlaps(&boxes.v[i], &r->clip[boxes.v[i].af == PT_AF_INET6]);
	if (rc > 0 && rule->tagged && !rule->tagged_neg && !(r->tags[rule->tagged] & 1))
		rc = 0;
	return rc;
}

static bool schedule_is_over(const struct lint_run *r, const struct pt_pol_rule *rule)
{
	const struct pt_iset *times;

	if (!rule->more || !rule->more->schedule || rule->more->schedule_neg)
		return false;
	times = &r->in->policy->schedules.v[rule->more->schedule - 1].times;
	return !times->n || times->v[times->n - 1].hi < r->in->now;
}

static void say(struct lint_run *r, const struct lint_group *g)
{
	const struct pt_pol_rule *rule = g->rules[0];
	struct pt_finding *f = pt_lint_add(r->lint, PT_LINT_NEVER, PT_LINT_WARNING, rule, NULL);
	const struct pt_policy *p = r->in->policy;

	if (!rule->if_any && !rule->if_neg && !rule->devices.n)
		pt_lint_say(r->lint, f, "it never matches: no interface is in what it names");
	else if (rule->tagged && !rule->tagged_neg && !(r->tags[rule->tagged] & 1))
		pt_lint_say(r->lint, f, "it never matches: no rule sets the tag %s", p->tags.v[rule->tagged - 1]);
	else if (schedule_is_over(r, rule))
		pt_lint_say(r->lint, f, "it never matches: the schedule %s is over",
			    p->schedules.v[rule->more->schedule - 1].conf->name);
	else
		pt_lint_say(r->lint, f, "it never matches: no packet meets all its conditions");
}

int lint_never(struct lint_run *r)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->groups.n; i++) {
		struct lint_group *g = &r->groups.v[i];

		rc = lint_parts(r, g, found, NULL);
		for (size_t k = 0; !rc && k < g->n; k++)
			if (g->rules[k]->action == PT_MATCH)
				rc = any_packet(r, g->rules[k]);
		if (rc)
			continue;
		g->never = true;
		say(r, g);
	}
	return rc < 0 ? rc : 0;
}
