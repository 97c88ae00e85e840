/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about verdicts as they are now: few rules lead to one, so that the regions before are simply gone through. */
#include <string.h>

#include "space/lint_work.h"

static int gather(struct lint_run *r, const struct lint_now *x)
{
	r->before.box.n = r->before.region.n = 0;
	return pt_space_before(r->now, x->dir, x->region, &x->box, r->arena, &r->before);
}

int lint_now_covered(struct lint_run *r, const struct lint_now *x, const pt_boxes *more, struct pt_point *witness)
{
	int rc = gather(r, x);

	for (size_t i = 0; !rc && more && i < more->n; i++)
		rc = pt_vec_push(r->arena, &r->before.box, &more->v[i]); /* NOLINT(bugprone-sizeof-expression) */
	if (rc)
		return rc;
	pt_arena_reset(r->question);
	return pt_box_covered(r->now, r->question, &x->box, r->before.box.v, r->before.box.n, lint_steps(r), witness);
}

int lint_now_left(struct lint_run *r, const struct lint_now *x, size_t limit, pt_boxes *out)
{
	int rc = gather(r, x);

	return rc ? rc : pt_box_subtract(r->now, r->scratch, &x->box, r->before.box.v, r->before.box.n, limit, out);
}

bool lint_says_family(const struct pt_pol_rule *r)
{
	const char *at = strstr(r->text, " inet");

	if (!at || (r->af != PT_AF_INET && r->af != PT_AF_INET6))
		return false;
	at += strlen(" inet");
	at += *at == '6';
	return !*at || *at == ' ';
}
