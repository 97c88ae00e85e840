/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rules of the file are that took few rules' places: the same but for those, one number or some bytes further on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/patch.h"

/* There is room for those that come. */
static void replace_ids(const struct patch *x, uint32_t *ids, uint32_t *n)
{
	for (size_t i = 0; i < x->n_old; i++) {
		uint32_t at = 0;

		while (ids[at] != x->rules.v[x->first + i].id)
			at++;
		ids[at] = ids[--*n];
	}
	for (size_t i = 0; i < x->n_new; i++)
		ids[(*n)++] = x->v[i].rule->id;
}

static void replace_rules(const struct patch *x, struct plan_rules *to)
{
	const struct plan_rules *r = &x->rules;
	size_t behind = x->first + x->n_old, rest = r->head.n - behind;
	uint32_t longer = (uint32_t)(x->len - x->old_len); /* or shorter */
	struct plan_rule *v = to->v;

	memcpy(v, r->v, x->first * sizeof(*v));
	for (size_t i = 0; i < x->lead; i++)
		v[x->first - x->lead + i].at = (uint32_t)x->all[i].at;
	for (size_t i = 0; i < x->n_new; i++)
		v[x->first + i] = (struct plan_rule){ .at = (uint32_t)x->v[i].at, .len = (uint32_t)x->v[i].len, .id = x->v[i].rule->id,
						      .key = x->nft.come[i], .pass = x->v[i].rule->action == PT_PASS };
	v += x->first + x->n_new;
	memcpy(v, r->v + behind, rest * sizeof(*v));
	for (size_t i = 0; i < rest; i++)
		v[i].at = i < x->trail ? (uint32_t)x->v[x->n_new + i].at : v[i].at + longer;
}

/* Where each stands among the items; without a new order, where it did. */
static void number_items(const struct patch *x, struct plan_rules *to)
{
	for (size_t i = 0; i < x->n_new; i++)
		to->v[x->first + i].item = x->rules.v[x->first + (i < x->n_old ? i : 0)].item;
	for (uint32_t i = 0; to->written && i < to->head.n_items; i++)
		to->v[to->written[i] & ~PLAN_QUICK].item = i;
}

static void count(const struct patch *x, struct plan_rules_head *h)
{
	for (size_t i = 0; i < x->n_old; i++)
		h->n_pass -= x->rules.v[x->first + i].pass;
	for (size_t i = 0; i < x->n_new; i++)
		h->n_pass += x->v[i].rule->action == PT_PASS;
	h->n += (uint32_t)(x->n_new - x->n_old);
	h->end += (uint32_t)(x->len - x->old_len);
	h->text_len = x->len;
	h->text_sum = plan_text_sum(x->text, x->len);
}

static int make(const struct patch *x, struct plan_rules *to, struct pt_buf *items)
{
	const struct plan_rules *r = &x->rules;
	size_t n_ids = r->head.n_ids + x->n_new;

	to->head = r->head;
	count(x, &to->head);
	to->v = calloc(to->head.n + 1, sizeof(*to->v));
	to->ids = calloc(n_ids + 1, sizeof(*to->ids));
	if (!to->v || !to->ids)
		return -ENOMEM;
	memcpy(to->ids, r->ids, r->head.n_ids * sizeof(*to->ids));
	replace_ids(x, to->ids, &to->head.n_ids);
	replace_rules(x, to);
	to->keys = x->keys ? x->keys : r->keys;
	if (x->keys) {
		to->written = x->written;
		to->head.n_items = (uint32_t)x->order.items.n;
		pt_buf_room(items, r->head.items_len + 1024);
		if (patch_items(x, items))
			return -ENOMEM;
		to->items = items->s;
		to->head.items_len = items->n;
	}
	number_items(x, to);
	return 0;
}

void patch_store(struct patch *x)
{
	struct plan_rules to = { 0 };
	struct pt_buf items = { 0 };

	if (!make(x, &to, &items))
		(void)!plan_rules_store(x->digest, &to, x->have->digest);
	if (strcmp(x->digest, x->have->digest) != 0)
		plan_rules_drop(x->have->digest);
	free(to.v);
	free(to.ids);
	pt_buf_fini(&items);
}
