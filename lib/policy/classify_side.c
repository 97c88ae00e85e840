/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A property by itself: sources or destinations of one family, and where tables are split, ports. Rules
 * that ask for nothing here stand in one row by themselves, so that the row of a class has only the few
 * rules that name its values.
 */
#include <errno.h>
#include <string.h>

#include "policy/classify.h"

/* Which property, one number for traits. */
#define SIDE(six, dst) ((six) * 2 + (dst))
#define PORTS(dst) (4 + (dst))

static bool is_ports(int how)
{
	return how >= PORTS(0);
}

static const struct pt_pol_addr *side_of(const struct pt_pol_rule *r, int how)
{
	return how & 1 ? &r->dst : &r->src;
}

static const struct pt_iset *set_of(const struct pt_pol_rule *r, int how)
{
	if (is_ports(how))
		return how == PORTS(1) ? policy_dst_ports(r) : &r->sport;
	return how & 2 ? &side_of(r, how)->v6 : &side_of(r, how)->v4;
}

static enum pt_af family_of(int how)
{
	return how & 2 ? PT_AF_INET6 : PT_AF_INET;
}

static bool is_any(const struct pt_pol_rule *r, int how)
{
	if (is_ports(how))
		return !set_of(r, how)->n;
	if (!(r->af & family_of(how)))
		return false;
	return side_of(r, how)->kind == PT_REF_ANY || pt_iset_covers(set_of(r, how), 0, pt_af_max(family_of(how)));
}

static bool is_specific(const struct pt_pol_rule *r, int how)
{
	return (is_ports(how) || r->af & family_of(how)) && !is_any(r, how) && set_of(r, how)->n;
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

	*value = (uint32_t)policy_row_put(&d->b->blob, &d->b->row);
	(*d->classes)++;
	return d->b->blob.rc;
}

static size_t put_any(struct policy_class_build *b, int how)
{
	size_t at;

	policy_row_clear(&b->row);
	for (uint32_t i = 0; i < b->n; i++)
		if (is_any(b->rules[i], how))
			policy_row_set(&b->row, i);
	at = policy_row_put_any(&b->blob, &b->row);
	policy_row_clear(&b->row);
	return at;
}

static int sweep(struct side *d, struct policy_sweep *s, int how)
{
	pt_u128 max = is_ports(how) ? POLICY_PORT_MAX : pt_af_max(family_of(how));
	unsigned int bits = is_ports(how) ? POLICY_PORT_BITS : pt_af_bits(family_of(how));
	size_t n = 0;

	for (uint32_t i = 0; i < d->groups.n; i++)
		n += set_of(policy_sample(d->b, &d->groups, i), how)->n;
	if (policy_sweep_room(s, n))
		return -ENOMEM;
	for (uint32_t i = 0; i < d->groups.n; i++)
		policy_sweep_add(s, i, set_of(policy_sample(d->b, &d->groups, i), how), max);
	return policy_sweep_run(s, bits);
}

/* The rows of the property and its TREE; ANY: of the rules that ask for nothing. */
static int put_side(struct policy_class_build *b, int how, uint32_t *classes, struct walk_tree *tree, walk_word *any)
{
	const struct policy_trait trait = { is_specific, hash, same, how };
	struct side d = { .b = b, .classes = classes };
	struct policy_sweep s = { .turned = turned, .found = found, .arg = &d };
	int rc;

	*any = put_any(b, how);
	rc = policy_groups_make(b, &trait, &d.groups);
	if (!rc)
		rc = sweep(&d, &s, how);
	if (!rc)
		policy_tree_put(&b->blob, &s.keys, how & 2 && !is_ports(how), tree);
	policy_sweep_fini(&s);
	policy_groups_fini(&d.groups);
	return rc ? rc : b->blob.rc;
}

int policy_class_side(struct policy_class_build *b, int six, int dst)
{
	b->part = dst ? "destinations" : "sources";
	b->head.side[six][dst].wide = six;
	return put_side(b, SIDE(six, dst), &b->c->classes[dst][six], &b->head.side[six][dst].tree,
			&b->head.side[six][dst].any);
}

int policy_class_ports(struct policy_class_build *b, int dst)
{
	b->part = "ports";
	return put_side(b, PORTS(dst), &b->c->rest, dst ? &b->head.dport : &b->head.sport,
			dst ? &b->head.any_dport : &b->head.any_sport);
}
