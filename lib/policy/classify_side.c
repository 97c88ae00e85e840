/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sources or destinations of one family. Rules that ask for nothing here stand in one row by
 * themselves, so that the row of a class has only the few rules that name its addresses.
 */
#include <errno.h>
#include <string.h>

#include "policy/classify.h"

/* One number for traits. */
#define SIDE(six, dst) ((six) * 2 + (dst))

static const struct pt_pol_addr *side_of(const struct pt_pol_rule *r, int how)
{
	return how & 1 ? &r->dst : &r->src;
}

static const struct pt_iset *set_of(const struct pt_pol_rule *r, int how)
{
	return how & 2 ? &side_of(r, how)->v6 : &side_of(r, how)->v4;
}

static enum pt_af family_of(int how)
{
	return how & 2 ? PT_AF_INET6 : PT_AF_INET;
}

static bool is_any(const struct pt_pol_rule *r, int how)
{
	if (!(r->af & family_of(how)))
		return false;
	return side_of(r, how)->kind == PT_REF_ANY || pt_iset_covers(set_of(r, how), 0, pt_af_max(family_of(how)));
}

static bool is_specific(const struct pt_pol_rule *r, int how)
{
	return r->af & family_of(how) && !is_any(r, how) && set_of(r, how)->n;
}

static uint64_t hash(const struct pt_pol_rule *r, int how)
{
	return policy_set_hash(0, set_of(r, how));
}

static bool same(const struct pt_pol_rule *x, const struct pt_pol_rule *y, int how)
{
	return pt_iset_equal(set_of(x, how), set_of(y, how));
}

struct side {
	struct policy_class_build *b;
	struct policy_groups groups;
	uint32_t *classes;
};

static void turned(struct policy_sweep *s, uint32_t group)
{
	struct side *d = s->arg;
	const struct policy_groups *g = &d->groups;

	for (uint32_t i = g->start[group]; i < g->start[group + 1]; i++)
		policy_row_toggle(&d->b->row, g->rules[i]);
}

static int found(struct policy_sweep *s, uint32_t *value)
{
	struct side *d = s->arg;

	*value = (uint32_t)policy_row_put(&d->b->blob, &d->b->row, false);
	(*d->classes)++;
	return d->b->blob.rc;
}

static void clear(struct policy_row *r)
{
	memset(r->words, 0, r->n_words * sizeof(*r->words));
	memset(r->summary, 0, r->n_summary * sizeof(*r->summary));
}

static size_t put_any(struct policy_class_build *b, int how)
{
	size_t at;

	clear(&b->row);
	for (uint32_t i = 0; i < b->n; i++)
		if (is_any(b->rules[i], how))
			policy_row_set(&b->row, i);
	at = policy_row_put(&b->blob, &b->row, true);
	clear(&b->row);
	return at;
}

static int sweep(struct side *d, struct policy_sweep *s, int how)
{
	enum pt_af af = family_of(how);
	size_t n = 0;

	for (uint32_t i = 0; i < d->groups.n; i++)
		n += set_of(policy_sample(d->b, &d->groups, i), how)->n;
	if (policy_sweep_room(s, n))
		return -ENOMEM;
	for (uint32_t i = 0; i < d->groups.n; i++)
		policy_sweep_add(s, i, set_of(policy_sample(d->b, &d->groups, i), how), pt_af_max(af));
	return policy_sweep_run(s, pt_af_bits(af));
}

int policy_class_side(struct policy_class_build *b, int six, int dst)
{
	const int how = SIDE(six, dst);
	const struct policy_trait trait = { is_specific, hash, same, how };
	struct side d = { .b = b, .classes = &b->c->classes[dst][six] };
	struct policy_sweep s = { .turned = turned, .found = found, .arg = &d };
	int rc;

	b->part = dst ? "destinations" : "sources";
	b->head.side[six][dst].wide = six;
	b->head.side[six][dst].any = put_any(b, how);
	rc = policy_groups_make(b, &trait, &d.groups);
	if (!rc)
		rc = sweep(&d, &s, how);
	if (!rc)
		policy_tree_put(&b->blob, &s.keys, six, &b->head.side[six][dst].tree);
	policy_sweep_fini(&s);
	policy_groups_fini(&d.groups);
	return rc ? rc : b->blob.rc;
}
