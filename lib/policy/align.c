/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tags are numbers in the order in which rules name them. Two policies whose packets are compared must mean the same by
 * each number, so both get the names of both.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

static int add_tag(struct pt_arena *a, struct pt_policy *p, const char *name, uint8_t *number)
{
	size_t i = 0;

	while (i < p->tags.n && strcmp(p->tags.v[i], name) != 0)
		i++;
	if (i == PT_TAGS_MAX)
		return -E2BIG;
	*number = (uint8_t)(i + 1);
	if (i < p->tags.n)
		return 0;
	name = pt_arena_strdup(a, name);
	return name ? pt_vec_push(a, &p->tags, name) : -ENOMEM; /* NOLINT(bugprone-sizeof-expression) */
}

int pt_policy_align(struct pt_policy *like, struct pt_policy *p, struct pt_err *e)
{
	struct pt_policy names = { .tags = { 0 } };
	uint8_t number[PT_TAGS_MAX + 1] = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < like->tags.n; i++)
		rc = add_tag(p->arena, &names, like->tags.v[i], &number[0]);
	for (size_t i = 0; !rc && i < p->tags.n; i++)
		rc = add_tag(p->arena, &names, p->tags.v[i], &number[i + 1]);
	for (size_t i = like->tags.n; !rc && i < names.tags.n; i++) {
		uint8_t same;

		rc = add_tag(like->arena, like, names.tags.v[i], &same);
	}
	if (rc == -E2BIG) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s and %s have more than %d different tags together", like->conf->path,
			   p->conf->path, PT_TAGS_MAX);
		return rc;
	}
	if (rc)
		return pt_err_sys(e, rc, "preparing to compare rules");
	number[0] = 0;
	p->tags.v = names.tags.v;
	p->tags.n = names.tags.n;
	p->tags.cap = names.tags.cap;
	for (size_t i = 0; i < p->rules.n; i++) {
		p->rules.v[i].tag = number[p->rules.v[i].tag];
		p->rules.v[i].tagged = number[p->rules.v[i].tagged];
	}
	return 0;
}
