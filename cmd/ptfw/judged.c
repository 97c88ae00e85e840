/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who finds a rule: the classifier, a group of rules that are asked after it, or the chains' own lists. The
 * classifier knows only packets that arrive, and not the built-in rules, which come before it.
 */
#include "ptfw.h"

struct judged_place {
	bool classified;
	uint32_t group; /* 0: none */
};

int judged_find(const struct pt_plan *p, struct pt_arena *a, struct judged *out)
{
	struct pt_order order = { 0 };
	int rc = 0;

	out->policy = p->policy;
	out->places = pt_arena_alloc(a, (p->policy->rules.n + 1) * sizeof(*out->places));
	if (!out->places)
		return -ENOMEM;
	if (pt_nft_engine(p->have) == PT_ENGINE_BPF)
		rc = pt_order_build(p->policy, PT_IN, a, &order);
	for (size_t i = 0; !rc && i < order.items.n; i++) {
		const struct pt_order_item *item = &order.items.v[i];
		struct judged_place *place = &out->places[item->rule->index];

		if (item->kind == PT_ORDER_CONST)
			place->classified = true;
		else if (!place->group)
			place->group = item->group;
	}
	return rc;
}

static void add(struct pt_buf *out, const char *what, uint32_t group)
{
	pt_buf_fmt(out, "%s%s", out->n ? ", " : "", what);
	if (group)
		pt_buf_fmt(out, "%u", group);
}

void judged_text(const struct judged *j, size_t i, enum pt_dir dir, struct pt_buf *out)
{
	uint32_t id = j->policy->rules.v[i].id, group = 0;
	bool classified = false, list = false;

	for (; i < j->policy->rules.n && j->policy->rules.v[i].id == id; i++) {
		const struct judged_place *place = &j->places[i];

		if (j->policy->rules.v[i].dir != dir)
			continue;
		group = group ? group : place->group;
		classified = classified || place->classified;
		list = list || (!place->group && !place->classified);
	}
	if (group)
		add(out, "group ", group);
	if (classified)
		add(out, "classifier", 0);
	if (list)
		add(out, "list", 0);
}
