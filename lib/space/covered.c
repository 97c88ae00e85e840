/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of the search: yes or no, with a point that people can use. A packet that begins a connection says more of
 * a firewall than a stray fragment, so these are looked for first.
 */
#include <errno.h>

#include "space/internal.h"

static int parts(struct pt_arena *a, const struct pt_box *x, const pt_boxes *of, pt_boxes *out)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < of->n; i++) {
		struct pt_box part;

		rc = pt_box_intersect(a, x, &of->v[i], &part);
		if (rc > 0)
			rc = pt_vec_push(a, out, part);
	}
	return rc < 0 ? rc : 0;
}

int pt_space_begins(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, pt_boxes *out)
{
	return parts(a, x, &space_of(s)->ct[x->af == PT_AF_INET6][PT_CT_NEW], out);
}

int space_search_begins(struct space_search *q, const struct pt_box *x, const struct pt_box *const *y, size_t n)
{
	pt_boxes first = { 0 };
	int rc;

	if (!q->parts)
		q->parts = pt_arena_new();
	else
		pt_arena_reset(q->parts);
	if (!q->parts)
		return -ENOMEM;
	rc = parts(q->parts, x, &space_of(q->s)->first[x->af == PT_AF_INET6], &first);
	if (!rc)
		rc = 1;
	for (size_t i = 0; rc == 1 && i < first.n; i++)
		rc = space_search(q, &first.v[i], y, n);
	return rc;
}

int pt_box_covered(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, const struct pt_box *const *y, size_t n,
		   uint64_t steps, struct pt_point *witness)
{
	struct space_search q = { .s = s, .steps = steps, .bounded = steps != 0 };
	int rc = 1;

	for (size_t i = 0; i < n; i++)
		if (pt_box_within(x, y[i]))
			return 1;
	if (witness)
		rc = space_search_begins(&q, x, y, n);
	if (rc == 1)
		rc = space_search(&q, x, y, n);
	if (!rc && witness)
		rc = space_choose(s, a, &q.found, witness);
	space_search_end(&q);
	return rc;
}
