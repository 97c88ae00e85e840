/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that are asked about instead of obeyed: statements of tests, and filters. They name what rules name, and must not
 * change the policy by it: a table that only a test mentions is not to be made in the kernel. So they belong to a view, a
 * copy of all but the rules.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

#define COPY(a, to, from) copy_list((a), &(to)->v, &(to)->cap, (from)->v, (from)->n, sizeof(*(from)->v))

/* Lists grow in the arena of their owner. */
static int copy_list(struct pt_arena *a, void *to, size_t *cap, const void *from, size_t n, size_t size)
{
	void *v = pt_arena_alloc(a, (n + 1) * size);

	if (!v)
		return -ENOMEM;
	if (n)
		memcpy(v, from, n * size);
	memcpy(to, &v, sizeof(v)); /* of whatever type */
	*cap = n + 1;
	return 0;
}

int pt_policy_view(const struct pt_policy *p, struct pt_policy **out, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_policy *v = a ? pt_arena_alloc(a, sizeof(*v)) : NULL;
	int rc = v ? 0 : -ENOMEM;

	*out = NULL;
	if (!rc) {
		*v = *p;
		v->arena = a;
		rc = COPY(a, &v->ifrefs, &p->ifrefs);
	}
	if (!rc)
		rc = COPY(a, &v->tables, &p->tables);
	if (!rc)
		rc = COPY(a, &v->outside, &p->outside);
	if (!rc)
		rc = COPY(a, &v->schedules, &p->schedules);
	if (!rc)
		rc = COPY(a, &v->tags, &p->tags);
	if (!rc)
		rc = COPY(a, &v->nats, &p->nats);
	if (!rc)
		rc = COPY(a, &v->sets, &p->sets);
	if (rc) {
		pt_arena_free(a);
		return pt_err_sys(e, rc, "preparing to ask about the rules");
	}
	*out = v;
	return 0;
}

/* ---- what only the statement mentions ---- */

/* The same one with the other meaning of not being known. */
static const struct pt_pol_outside *twin_of(const struct pt_policy *p, size_t n, const struct pt_pol_outside *o)
{
	for (size_t i = 0; i < n; i++)
		if (p->outside.v[i].kind == o->kind && !strcmp(p->outside.v[i].key, o->key))
			return &p->outside.v[i];
	return NULL;
}

static int fill_outside(struct policy_builder *b, size_t had)
{
	struct pt_policy *p = b->p;
	int rc = 0;

	for (size_t i = had; !rc && i < p->outside.n; i++) {
		struct pt_pol_outside *o = &p->outside.v[i];
		const struct pt_pol_outside *twin = twin_of(p, i, o);

		if (!twin) {
			rc = policy_fail(b, &o->loc, "name it in a table, and the table here",
					 "no rule and no table asks for %s, so that its addresses are not known", o->key);
			continue;
		}
		o->known = twin->known;
		for (int f = 0; !rc && f < 2; f++) {
			o->set[f] = twin->set[f];
			if (!o->known && o->hold) {
				o->set[f] = (struct pt_iset){ 0 };
				rc = pt_iset_add(p->arena, &o->set[f], 0, pt_af_max(f ? PT_AF_INET6 : PT_AF_INET));
			}
		}
	}
	return rc;
}

static bool mentions_new(const struct pt_policy *from, const struct pt_policy *p)
{
	for (size_t i = 0; i < p->schedules.n; i++)
		if (p->schedules.v[i].used && !from->schedules.v[i].times.n)
			return true;
	return false;
}

int pt_policy_statement(struct pt_policy *view, const struct pt_ast_rule *tree, uint64_t now, pt_pol_rules *out,
			struct pt_err *e)
{
	struct pt_policy work = *view, before = *view;
	struct policy_builder b = { .conf = view->conf, .p = &work, .arena = view->arena, .err = e };
	size_t outside = view->outside.n;
	int rc = -ENOMEM;

	memset(&work.rules, 0, sizeof(work.rules));
	memset(out, 0, sizeof(*out));
	b.scratch = pt_arena_new();
	if (b.scratch)
		rc = policy_add_rule(&b, tree, 0);
	if (!rc && mentions_new(&before, &work))
		rc = policy_fill_schedules(&work, now, e);
	if (!rc)
		rc = fill_outside(&b, outside);
	if (!rc && b.failed)
		rc = -EINVAL;
	pt_buf_fini(&b.text);
	policy_names_fini(&b.names);
	pt_arena_free(b.scratch);
	out->v = work.rules.v;
	out->n = work.rules.n;
	out->cap = work.rules.cap;
	work.rules = before.rules;
	*view = work;
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading a statement") : rc;
}
