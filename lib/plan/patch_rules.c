/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules that come, read and compiled in a file that has no others but the one before and the one behind them: so the file's own reading
 * finds what is wrong between them. Rules that depend on others, or that others depend on, are left to the apply of all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/patch.h"

/* ---- the text ---- */

static void put_rule(struct pt_buf *b, const struct patch *x, size_t i)
{
	const struct plan_rule *r = &x->rules.v[i];

	pt_buf_add(b, x->old + r->at - 1, r->len + 2);
}

/* The copy with MIDDLE in the place of all rules but the neighbours of those that go. */
static int parse(const struct patch *x, const char *middle, size_t len, struct pt_conf **conf, struct pt_policy **policy)
{
	const struct plan_rules_head *h = &x->rules.head;
	struct pt_conf_more more = { .files = true };
	struct pt_err unseen = { 0 };
	struct pt_buf b = { 0 };
	int rc;

	pt_buf_add(&b, x->old, h->begin);
	if (x->first > x->lead)
		put_rule(&b, x, x->first - x->lead - 1);
	pt_buf_add(&b, middle, len);
	if (x->first + x->n_old + x->trail < h->n)
		put_rule(&b, x, x->first + x->n_old + x->trail);
	pt_buf_add(&b, x->old + h->end, x->old_len - h->end);
	rc = b.err ? b.err : pt_policy_parse_more(x->path, b.s, b.n, &more, conf, policy, &unseen);
	if (!rc && (unseen.list.n || (*conf)->sources.n != 1)) /* it may have been told of the rules that are not there */
		rc = -ERANGE;
	pt_buf_fini(&b);
	pt_err_fini(&unseen);
	return rc;
}

/* ---- one rule ---- */

/* What the written rule number AST became: one rule of arriving packets that needs nothing else. NULL: more than that. */
static const struct pt_pol_rule *only_rule(const struct pt_policy *p, size_t ast)
{
	const struct pt_pol_rule *found = NULL;

	for (size_t i = p->n_builtin; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->ast != ast)
			continue;
		if (found || r->dir != PT_IN || r->action > PT_BLOCK || r->ret != PT_RET_DROP || r->states || r->tag || r->tagged ||
		    r->log || r->more || r->nat || r->set || r->anchor)
			return NULL;
		found = r;
	}
	return found;
}

/* Whether both are asked at the same point, and ask the same: of rules of the classifier, whose records hold all of that. */
static bool same_conditions(const struct pt_pol_rule *a, const struct pt_pol_rule *b)
{
	struct pt_buf x = { 0 }, y = { 0 };
	bool same;

	plan_item_put(&x, a);
	plan_item_put(&y, b);
	same = a->quick == b->quick && !x.err && !y.err && x.n == y.n && !memcmp(x.s, y.s, x.n);
	pt_buf_fini(&x);
	pt_buf_fini(&y);
	return same;
}

/* ---- beside the others ---- */

static bool goes(const struct patch *x, uint32_t id)
{
	for (size_t i = 0; i < x->n_old; i++)
		if (x->rules.v[x->first + i].id == id)
			return true;
	return false;
}

/* The name and the identity of a rule that comes would be the same among all: no rule that stays has that identity, nor does one that
 * comes before it. (A name with a number says that there is another of the same text.) */
static bool is_own_name(const struct patch *x, size_t i)
{
	const struct pt_pol_rule *r = x->v[i].rule;

	for (size_t k = 0; k < i; k++)
		if (x->v[k].rule->id == r->id)
			return false;
	return !strchr(r->name, '#') && r->id == pt_hash32(r->name, strlen(r->name)) &&
	       (goes(x, r->id) || !plan_rules_has_id(&x->rules, r->id));
}

/* No rule has a number because this one has the name without. */
static bool is_alone(const struct patch *x, const struct pt_pol_rule *old)
{
	char second[80];
	int n = snprintf(second, sizeof(second), "%s#2", old->name);

	return n > 0 && (size_t)n < sizeof(second) && !plan_rules_has_id(&x->rules, pt_hash32(second, (size_t)n));
}

/* Chains for packets that can make no state are there as long as any rule passes some. */
static bool keeps_passing(const struct patch *x)
{
	uint32_t n = x->rules.head.n_pass;

	for (size_t i = 0; i < x->n_old; i++)
		n -= x->rules.v[x->first + i].pass;
	for (size_t i = 0; i < x->n_new; i++)
		n += x->v[i].rule->action == PT_PASS;
	return !n == !x->rules.head.n_pass;
}

/* ---- all of them ---- */

static int read_new(struct patch *x)
{
	struct pt_plan *p = x->plan;
	int rc = parse(x, x->text + x->from, x->new_to - x->from, &p->conf, &p->policy);

	for (size_t i = 0; !rc && i < x->n_new; i++) {
		x->v[i].rule = only_rule(p->policy, x->base + i);
		if (!x->v[i].rule || !is_own_name(x, i))
			rc = -ERANGE;
	}
	return rc ? rc : keeps_passing(x) ? 0 : -ERANGE;
}

/* Whoever has its name and does what R did, under KEY, keeps its element and its counters, as with an apply of all. */
static void keep_key(struct patch *x, const struct pt_pol_rule *r, uint32_t key)
{
	for (size_t i = 0; i < x->n_new; i++) {
		const struct pt_pol_rule *new = x->v[i].rule;

		if (new->id == r->id && new->action == r->action && new->keep_state == r->keep_state)
			x->v[i].kept = key;
	}
}

static int read_old(struct patch *x)
{
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	int rc = parse(x, x->old + x->from, x->old_to - x->from, &conf, &policy);

	for (size_t i = 0; !rc && i < x->n_old; i++) {
		const struct plan_rule *w = &x->rules.v[x->first + i];
		const struct pt_pol_rule *r = only_rule(policy, x->base + i);

		if (!r || !w->id || r->id != w->id || w->item >= x->rules.head.n_items || !is_alone(x, r))
			rc = -ERANGE;
		else
			snprintf(x->names[i], sizeof(x->names[i]), "%s", r->name);
		if (!rc)
			keep_key(x, r, w->key);
		if (!rc && x->n_old == 1 && x->n_new == 1)
			x->same = same_conditions(r, x->v[0].rule);
	}
	pt_policy_free(policy);
	pt_conf_free(conf);
	return rc;
}

/* Which items of the small program they are. */
static int find_items(struct patch *x)
{
	const struct pt_order *order = pt_nft_prog_order(x->plan->prog);
	size_t found = 0;
	uint32_t item = 0, key;

	for (size_t i = 0; i < order->items.n; i++) {
		size_t n = order->items.v[i].rule->ast - x->base;

		if (n < x->n_new && order->items.v[i].kind != PT_ORDER_CONST)
			return -ERANGE;
		if (n < x->n_new) {
			x->v[n].item = item;
			found += pt_nft_patchable(x->plan->prog, item, &key);
		}
		item += order->items.v[i].kind == PT_ORDER_CONST;
	}
	return found == x->n_new ? 0 : -ERANGE;
}

static int compile(struct patch *x)
{
	struct pt_nft_source from = { .policy = x->plan->policy, .host = x->plan->host, .path = x->path, .digest = x->digest,
				      .engine = PT_ENGINE_BPF };
	struct pt_err unseen = { 0 };
	int rc = pt_nft_compile(&from, &x->plan->prog, &unseen);

	pt_err_fini(&unseen);
	return rc ? rc : find_items(x);
}

int patch_read(struct patch *x)
{
	int rc;

	x->base = (x->first > x->lead) + x->lead;
	rc = read_new(x);
	if (!rc)
		rc = read_old(x);
	return rc ? rc : compile(x);
}
