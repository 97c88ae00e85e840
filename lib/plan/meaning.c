/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two configurations on one machine, compared by what their rules mean for packets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/space.h>

#include "plan/internal.h"

struct side {
	struct pt_eval *eval;
	struct pt_space *space;
};

static int prepare(struct side *s, const struct pt_plan *p, const struct pt_host *h, enum pt_expect_tables tables, struct pt_nl *nf,
		   const struct pt_space *like, struct pt_err *e)
{
	int rc = pt_eval_new(p->policy, h, &s->eval, e);

	if (!rc)
		rc = plan_tables_learn(p->policy, s->eval, tables, nf, e);
	return rc ? rc : pt_space_new_like(p->policy, h, s->eval, PT_SPACE_NOW, like, &s->space, e);
}

/* What only match rules translate to is no part of any region. */
static bool translates(const struct pt_pol_rule *r)
{
	return r->action == PT_MATCH && r->nat;
}

int pt_plan_meaning(struct pt_plan *old, enum pt_expect_tables old_tables, struct pt_plan *new, enum pt_expect_tables new_tables,
		    struct pt_nl *nf, int (*fn)(const struct pt_meaning *m, void *arg), void *arg, struct pt_err *e)
{
	const struct pt_policy *const both[] = { old->policy, new->policy };
	struct pt_arena *a = pt_arena_new();
	struct side sides[2] = { { 0 } };
	struct pt_host host;
	int rc = a ? pt_policy_align(old->policy, new->policy, e) : pt_err_sys(e, -ENOMEM, "preparing to compare rules");

	if (!rc) {
		rc = pt_space_host(new->host, both, PT_ARRAY_SIZE(both), a, &host);
		rc = rc ? pt_err_sys(e, rc, "preparing to compare rules") : rc;
	}
	if (!rc)
		rc = prepare(&sides[0], old, &host, old_tables, nf, NULL, e);
	if (!rc)
		rc = prepare(&sides[1], new, &host, new_tables, nf, sides[0].space, e);
	if (!rc) {
		const struct pt_meaning_side before = { sides[0].space, sides[0].eval }, after = { sides[1].space, sides[1].eval };

		rc = pt_meaning_compare(&before, &after, fn, arg, e);
	}
	for (int i = 0; i < 2; i++) {
		pt_space_free(sides[i].space);
		pt_eval_free(sides[i].eval);
	}
	pt_arena_free(a);
	return rc;
}

/* ---- translations of match rules ---- */

static const struct pt_pol_rule *next_of(const struct pt_policy *p, size_t *i, const struct pt_pol_rule *last)
{
	for (; *i < p->rules.n; ++*i) {
		const struct pt_pol_rule *r = &p->rules.v[*i];

		if (translates(r) && !(last && last->id == r->id))
			return r;
	}
	return NULL;
}

bool pt_plan_same_match_nat(const struct pt_plan *old, const struct pt_plan *new, const struct pt_pol_rule *out[2])
{
	const struct pt_plan *const sides[] = { old, new };
	size_t at[2] = { 0, 0 };

	out[0] = out[1] = NULL;
	do {
		for (int i = 0; i < 2; i++)
			out[i] = next_of(sides[i]->policy, &at[i], out[i]);
	} while (out[0] && out[1] && !strcmp(out[0]->text, out[1]->text));
	return !out[0] && !out[1];
}
