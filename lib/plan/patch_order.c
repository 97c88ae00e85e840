/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules that come among all others, in the order in which the classifier asks them: quick ones as they are written, then the others
 * from the last to the first. Rules that the classifier cannot ask stand between them in groups; a rule that comes or goes beside a
 * group's end could make one group of two, or two of one, so it needs another of the same group as a neighbour.
 */
#include <errno.h>
#include <string.h>

#include "plan/patch.h"

#define TURN 0x80000000u /* see patronus/nft.h */
#define GROUP(key) ((key) >> 24 & 0x7f)

/* Items as they become, in room for them. */
struct list {
	struct pt_order_item *items;
	uint32_t *keys, *written;
	uint32_t n;
};

static bool is_old(const struct patch *x, uint32_t written)
{
	size_t n = (written & ~PLAN_QUICK) - x->first;

	return n < x->n_old && x->rules.v[x->first + n].id;
}

static void push(struct list *l, const struct pt_pol_rule *rule, uint32_t key, uint32_t written)
{
	l->items[l->n] = (struct pt_order_item){ .rule = rule, .kind = PT_ORDER_CONST, .before = l->n };
	l->keys[l->n] = key;
	l->written[l->n++] = written;
}

static void push_new(struct patch *x, struct list *l, size_t i)
{
	struct patch_rule *v = &x->v[i];

	push(l, v->rule, 0, (uint32_t)(x->first + i) | (v->rule->quick ? PLAN_QUICK : 0));
}

/* Whether item I stands behind the place where rules that come stand, among those that are quick or among those that are not. */
static bool is_behind(const struct patch *x, uint32_t written, bool quick)
{
	uint32_t rule = written & ~PLAN_QUICK;

	if (quick)
		return !(written & PLAN_QUICK) || rule >= x->first + x->n_old;
	return !(written & PLAN_QUICK) && rule < x->first;
}

/* The new ones that are QUICK, or those that are not. */
static void push_all_new(struct patch *x, struct list *l, bool quick)
{
	for (size_t i = 0; i < x->n_new; i++) {
		size_t k = quick ? i : x->n_new - 1 - i;

		if (x->v[k].rule->quick == quick)
			push_new(x, l, k);
	}
}

static void merge(struct patch *x, const struct pt_order *old, struct list *l)
{
	const struct plan_rules *r = &x->rules;
	uint32_t moved = (uint32_t)(x->n_new - x->n_old);
	bool quick_done = false, slow_done = false;

	for (uint32_t i = 0; i < r->head.n_items; i++) {
		uint32_t written = r->written[i];

		if (!quick_done && is_behind(x, written, true)) {
			push_all_new(x, l, true);
			quick_done = true;
		}
		if (!slow_done && is_behind(x, written, false)) {
			push_all_new(x, l, false);
			slow_done = true;
		}
		if (is_old(x, written))
			continue;
		push(l, old->items.v[i].rule, r->keys[i],
		     (written & ~PLAN_QUICK) < x->first ? written : written + moved);
	}
	if (!quick_done)
		push_all_new(x, l, true);
	if (!slow_done)
		push_all_new(x, l, false);
}

/* ---- groups ---- */

/* A rule that goes leaves another of its group beside its place. */
static bool can_go(const struct patch *x)
{
	const struct plan_rules *r = &x->rules;

	for (uint32_t i = 0; r->head.n_groups && i < r->head.n_items; i++) {
		uint32_t group = GROUP(r->keys[i]);

		if (!is_old(x, r->written[i]))
			continue;
		if (!(i && !is_old(x, r->written[i - 1]) && GROUP(r->keys[i - 1]) == group) &&
		    !(i + 1 < r->head.n_items && !is_old(x, r->written[i + 1]) && GROUP(r->keys[i + 1]) == group))
			return false;
	}
	return true;
}

/* The group of the next item behind I that was there before. */
static uint32_t group_behind(const struct patch *x, const struct list *l, uint32_t i)
{
	while (++i < l->n)
		if (l->keys[i])
			return GROUP(l->keys[i]);
	return x->rules.head.n_groups;
}

/* One that comes takes the group of both its neighbours. */
static bool can_come(const struct patch *x, struct list *l)
{
	uint32_t turn = x->rules.head.none & TURN, before = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		if (!l->keys[i] && before != group_behind(x, l, i))
			return false;
		if (!l->keys[i])
			l->keys[i] = turn | before << 24;
		before = GROUP(l->keys[i]);
	}
	return true;
}

/* One for one in the same place: its group is that of the old one, whatever stands beside it. */
static bool takes_the_place(const struct patch *x)
{
	return x->n_old == 1 && x->n_new == 1 &&
	       !(x->rules.written[x->rules.v[x->first].item] & PLAN_QUICK) == !x->v[0].rule->quick;
}

static void keep_group(const struct patch *x, struct list *l)
{
	uint32_t item = x->rules.v[x->first].item;

	l->keys[item] = x->rules.keys[item] & ~0xffffffu;
}

/* ---- the whole ---- */

int patch_order(struct patch *x)
{
	const struct plan_rules *r = &x->rules;
	size_t room = r->head.n_items + PT_NFT_PATCH_MAX + 1;
	struct pt_order old;
	struct list l = { 0 };
	int rc;

	x->arena = pt_arena_new();
	if (!x->arena)
		return -ENOMEM;
	rc = plan_rules_items(x->have->digest, &x->rules);
	if (!rc)
		rc = plan_items_order(r->items, r->head.items_len, r->head.n_items, x->arena, &old);
	if (rc)
		return rc;
	l.items = pt_arena_alloc(x->arena, room * sizeof(*l.items));
	l.keys = pt_arena_alloc(x->arena, room * sizeof(*l.keys));
	l.written = pt_arena_alloc(x->arena, room * sizeof(*l.written));
	if (!l.items || !l.keys || !l.written)
		return -ENOMEM;
	merge(x, &old, &l);
	if (takes_the_place(x))
		keep_group(x, &l);
	else if (!can_go(x) || !can_come(x, &l))
		return -ERANGE;
	x->order.items.v = l.items;
	x->order.items.n = l.n;
	x->order.n_const = l.n;
	x->keys = l.keys;
	x->written = l.written;
	return l.n < PT_PLAN_BPF_MIN ? -ERANGE : 0;
}

size_t patch_new_item(const struct patch *x, uint32_t item)
{
	size_t n = (x->written[item] & ~PLAN_QUICK) - x->first;

	return n < x->n_new ? n : SIZE_MAX;
}

/* Those that stay, in the order in which they were. */
int patch_items(const struct patch *x, struct pt_buf *out)
{
	const struct plan_rules *r = &x->rules;
	const char *from = r->items;
	uint32_t bytes, old = 0;

	for (uint32_t i = 0; i < x->order.items.n; i++) {
		size_t n = patch_new_item(x, i);

		if (n != SIZE_MAX) {
			plan_item_put(out, x->v[n].rule);
			continue;
		}
		/* Their lengths were looked at when they were read. */
		for (memcpy(&bytes, from, sizeof(bytes)); is_old(x, r->written[old]); memcpy(&bytes, from, sizeof(bytes))) {
			from += bytes;
			old++;
		}
		pt_buf_add(out, from, bytes);
		from += bytes;
		old++;
	}
	return out->err;
}
