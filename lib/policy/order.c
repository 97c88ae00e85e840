/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "The last match wins, quick ends" as the order in which the first match wins: down the list for the quick
 * rules and for what the others do on the way, then up again for the verdicts of those that are not quick.
 */
#include <patronus/classify.h>

/* Numbers of groups travel in seven bits of a packet's mark, some of which have other uses. */
#define GROUPS_MAX 120

static bool decides(const struct pt_pol_rule *r)
{
	return r->action != PT_MATCH;
}

static bool is_constant(const struct pt_pol_rule *r)
{
	return r->src.kind <= PT_REF_SET && r->dst.kind <= PT_REF_SET && !r->tagged && !r->more;
}

static enum pt_order_kind kind_of(const struct pt_pol_rule *r)
{
	return is_constant(r) ? PT_ORDER_CONST : PT_ORDER_DYNAMIC;
}

static void refuse(struct pt_order *o, const struct pt_pol_rule *r, const char *why)
{
	if (o->why_not)
		return;
	o->why_not = why;
	o->culprit = r;
}

static int add(struct pt_order *o, struct pt_arena *a, const struct pt_pol_rule *r, enum pt_order_kind kind)
{
	struct pt_order_item item = { .rule = r, .kind = kind, .before = o->n_const };
	const struct pt_order_item *last = o->items.n ? &o->items.v[o->items.n - 1] : NULL;

	if (kind == PT_ORDER_CONST)
		o->n_const++;
	else if (!last || last->kind == PT_ORDER_CONST)
		o->n_groups++;
	item.group = o->n_groups & 0xffffff; /* there are fewer rules */
	if (o->n_groups > GROUPS_MAX)
		refuse(o, r, "rules with tables, interfaces' addresses or tags alternate more than 120 times "
			     "with rules that have constant addresses");
	return pt_vec_push(a, &o->items, item);
}

/* A verdict on the way up sees the tag as it is at the end of the list: a rule behind it (or itself) that
 * may have changed the tag since must not exist. */
static void check_tags(struct pt_order *o, const struct pt_policy *p, enum pt_dir dir)
{
	bool asked = false;

	for (size_t i = p->n_builtin; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->dir != dir)
			continue;
		asked = asked || (decides(r) && !r->quick && r->tagged);
		if (asked && r->tag && !(decides(r) && r->quick))
			refuse(o, r, "rules set tags behind rules that test tags");
	}
}

static int down(struct pt_order *o, const struct pt_policy *p, enum pt_dir dir, struct pt_arena *a)
{
	int rc = 0;

	for (size_t i = p->n_builtin; !rc && i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->dir != dir)
			continue;
		if (!decides(r) && r->nat)
			refuse(o, r, "match rules translate");
		if (decides(r) && r->quick)
			rc = add(o, a, r, kind_of(r));
		else if (!decides(r) || r->tag)
			rc = add(o, a, r, PT_ORDER_EFFECT);
	}
	return rc;
}

static int up(struct pt_order *o, const struct pt_policy *p, enum pt_dir dir, struct pt_arena *a)
{
	int rc = 0;

	for (size_t i = p->rules.n; !rc && i-- > p->n_builtin;) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->dir == dir && decides(r) && !r->quick)
			rc = add(o, a, r, kind_of(r));
	}
	return rc;
}

int pt_order_build(const struct pt_policy *p, enum pt_dir dir, struct pt_arena *a, struct pt_order *out)
{
	int rc;

	*out = (struct pt_order){ 0 };
	rc = down(out, p, dir, a);
	if (!rc)
		rc = up(out, p, dir, a);
	check_tags(out, p, dir);
	return rc;
}
