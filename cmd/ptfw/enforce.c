/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply --enforce: the rules hold for the states, too. */
#include "state.h"

static int list(struct pt_cli *c, const struct pt_plan *p, const struct pt_policy *before, struct pt_nl *nf)
{
	struct state_view v = { 0 };
	size_t n;
	int rc;

	rc = state_view_begin(&v, c, before);
	if (!rc)
		rc = pt_plan_enforce(p, before, nf, show_state, &v, &n, &c->err);
	return state_view_end(&v, rc);
}

int enforce(struct pt_cli *c, const struct pt_plan *p, const struct pt_policy *before, struct pt_nl *nf)
{
	size_t n;
	int rc;

	if (c->dry)
		return list(c, p, before, nf);
	rc = pt_plan_enforce(p, before, nf, NULL, NULL, &n, &c->err);
	if ((!rc || n) && !c->json && !c->line)
		pt_cli_say(c, "%zu state%s ended\n", n, pt_plural(n));
	return rc ? pt_err_sys(&c->err, rc, "the rules are in force; ending the states that they would not admit") : 0;
}
