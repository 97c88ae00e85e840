/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judgement of arriving packets whose rule the classifier's program has found already.
 *
 * The key stands in the packet's priority. Rules that the program cannot ask (tables, the machine's
 * own addresses, tags) and effects of rules that do not decide come first, as ordinary rules in
 * groups: a packet passes the groups before its rule and then looks its key up.
 *
 * Packets that can make no state (they come against the direction of theirs, or are errors about it)
 * go the same way with the same keys and maps. A rule that keeps state just passes them, as the linear
 * form does: the map of labels then only says "pass".
 *
 * What the program has not judged is dropped where the maps end: a new interface, or a program
 * taken away, closes.
 */
#include <errno.h>
#include <string.h>

#include "nft/keys.h"

static void load_action(struct nft_lower *l)
{
	const uint32_t mask = NFT_KEY_ACTION, zero = 0;

	nft_e_meta(l, NFT_META_PRIORITY);
	nft_e_bitwise(l, &mask, &zero, sizeof(mask));
}

/* ---- what a key does ---- */

size_t nft_key_chain_name(char out[NFT_SETNAME_MAX], uint32_t low)
{
	return nft_name(out, "act.%06x", low);
}

static void pass_stateless(struct nft_lower *l, const struct nft_key *key, void (*test)(struct nft_lower *l))
{
	nft_rule_open(l, key->chain);
	test(l);
	nft_e_verdict(l, NF_ACCEPT, NULL);
	nft_rule_close(l, key->rule);
}

/* Named after the key: packets under way find what their rule was, not what it has become. */
static void act_chain(struct nft_lower *l, const struct nft_keys *k, struct nft_key *key)
{
	const struct nft_effect x = { .rule = key->rule, .mode = NFT_MODE_KEEP };
	struct nft_key_action what;
	char name[NFT_SETNAME_MAX];
	bool both;

	nft_key_action(key, &what);
	both = what.keep_state && k->reply;
	nft_key_chain_name(name, key->low);
	key->chain = (uint32_t)nft_chain_new(l, name);
	if (what.log && key->rule->log_limit.packets)
		nft_log_limited(l, key->chain, key->rule);
	nft_rule_open(l, key->chain);
	if (what.log && !key->rule->log_limit.packets)
		nft_e_log(l, key->rule);
	if (what.tag)
		nft_tag_emit(l, (uint8_t)what.tag);
	if (both) {
		nft_rule_close(l, key->rule);
		pass_stateless(l, key, nft_t_reply);
		pass_stateless(l, key, nft_t_related_error);
		nft_rule_open(l, key->chain);
	}
	nft_verdict_emit(l, &x);
	nft_rule_close(l, key->rule);
}

static void action_emit(struct nft_lower *l, const struct nft_keys *k, struct nft_key *key)
{
	if (nft_key_has_chain(key))
		act_chain(l, k, key);
	else if (nft_answers(key->rule))
		key->chain = (uint32_t)nft_return_chain(l, key->rule);
}

/* ---- groups ---- */

/* Packets whose rule stands before group GROUP have come to it. */
static void before_group(struct nft_lower *l, size_t chain, uint32_t group, const char *final)
{
	const uint32_t mask = htonl(NFT_KEY_GROUP), zero = 0;
	const uint32_t bound = htonl(group << NFT_KEY_GROUP_SHIFT);

	nft_rule_open(l, chain);
	nft_e_meta(l, NFT_META_PRIORITY);
	nft_e_hton(l); /* numbers are compared byte by byte */
	nft_e_bitwise(l, &mask, &zero, sizeof(mask));
	nft_e_cmp(l, NFT_CMP_LT, &bound, sizeof(bound));
	nft_e_verdict(l, NFT_GOTO, final);
	nft_rule_close(l, NULL);
}

static void item_emit(struct nft_lower *l, size_t chain, const struct pt_order_item *item,
		      enum nft_mode mode)
{
	const struct nft_known start = { .tag = NFT_TAG_LIVE, .af = PT_AF_BOTH, .proto = -1 };
	const struct nft_effect x = nft_item_effect(item, mode);
	struct nft_match m;

	if (nft_match_decide(l, item->rule, &start, &m))
		nft_match_emit(l, chain, &m, nft_effect_emit, &x);
}

static void group_chain_name(char out[NFT_SETNAME_MAX], const struct nft_keys *k, bool reply)
{
	nft_name(out, "%s.%u", reply ? "in-reply" : "in", k->turn);
}

/* A group is marked off from the one before only where a constant rule stands between. */
static void groups_emit(struct nft_lower *l, struct nft_keys *k, bool reply)
{
	const char *final = reply ? NFT_CHAIN_REPLY_FINAL : NFT_CHAIN_FINAL;
	char name[NFT_SETNAME_MAX];
	bool between = false;
	size_t chain;

	if (!k->order.n_groups)
		return;
	group_chain_name(name, k, reply);
	chain = k->groups[reply] = nft_chain_new(l, name);
	for (size_t i = 0; i < k->order.items.n && !l->rc; i++) {
		const struct pt_order_item *item = &k->order.items.v[i];

		if (item->kind == PT_ORDER_CONST) {
			between = true;
			continue;
		}
		if (between)
			before_group(l, chain, item->group, final);
		between = false;
		item_emit(l, chain, item, reply ? NFT_MODE_REPLY : NFT_MODE_KEEP);
	}
	nft_rule_open(l, chain);
	nft_e_verdict(l, NFT_GOTO, final);
	nft_rule_close(l, NULL);
}

/* ---- rules with the turn in them ---- */

static void turn_rule(struct nft_lower *l, const struct nft_keys *k, bool reply)
{
	const uint32_t mask = NFT_KEY_TURN | NFT_KEY_OURS, zero = 0;
	const uint32_t want = NFT_KEY_OURS | (k->turn ? NFT_KEY_TURN : 0);
	char chain[NFT_SETNAME_MAX];

	group_chain_name(chain, k, reply);
	nft_e_meta(l, NFT_META_PRIORITY);
	nft_e_bitwise(l, &mask, &zero, sizeof(mask));
	nft_e_cmp(l, NFT_CMP_EQ, &want, sizeof(want));
	nft_e_verdict(l, NFT_JUMP, chain);
}

static void none_rule(struct nft_lower *l)
{
	const uint32_t none = NFT_KEY_OURS;

	load_action(l);
	nft_e_cmp(l, NFT_CMP_EQ, &none, sizeof(none));
	nft_e_verdict(l, NFT_RETURN, NULL);
}

static void close_turn(struct nft_lower *l, const struct nft_keys *k, const char *what)
{
	char name[NFT_SETNAME_MAX];

	nft_name(name, "%s%u", what, k->turn);
	nft_rule_close_named(l, name);
}

static void remember(struct nft_lower *l, struct nft_keys *k, size_t chain, bool none)
{
	struct nft_key_place place = { .chain = chain };

	if (l->rc)
		return;
	place.rule = l->prog->objects.chains.v[chain].rules.n - 1;
	if (none ? pt_vec_push(l->arena, &k->nones, place)
		 : pt_vec_push(l->arena, &k->turns, place))
		nft_lower_fail(l, -ENOMEM);
}

void nft_keys_turn(struct nft_lower *l, size_t chain, bool reply)
{
	struct nft_keys *k = l->prog->keys;

	if (!k->order.n_groups)
		return;
	nft_rule_open(l, chain);
	turn_rule(l, k, reply);
	close_turn(l, k, NFT_NAME_TURN);
	remember(l, k, chain, false);
}

/* Puts the rule just made, the last of its chain, where the old one of PLACE is. */
static void put_in_place(struct nft_lower *l, const struct nft_key_place *place)
{
	struct nft_chain *chain = &l->prog->objects.chains.v[place->chain];

	if (l->rc)
		return;
	nftnl_rule_free(chain->rules.v[place->rule].nlr);
	chain->rules.v[place->rule] = chain->rules.v[--chain->rules.n];
}

static void rename_chain(struct nft_lower *l, size_t i, const char *name)
{
	struct nft_chain *chain = &l->prog->objects.chains.v[i];
	char *copy = pt_arena_strdup(l->arena, name);

	if (copy)
		chain->name = copy;
	else
		nft_lower_fail(l, -ENOMEM);
	for (size_t r = 0; copy && r < chain->rules.n; r++)
		if (nftnl_rule_set_str(chain->rules.v[r].nlr, NFTNL_RULE_CHAIN, name))
			nft_lower_fail(l, -ENOMEM);
}

void nft_keys_renew(struct nft_lower *l, struct nft_keys *k)
{
	char name[NFT_SETNAME_MAX];

	for (int reply = 0; reply < 2 && !l->rc; reply++) {
		if (k->groups[reply] == SIZE_MAX)
			continue;
		group_chain_name(name, k, reply);
		rename_chain(l, k->groups[reply], name);
	}
	for (size_t i = 0; i < k->turns.n && !l->rc; i++) {
		nft_rule_open(l, k->turns.v[i].chain);
		turn_rule(l, k, k->turns.n == 2 && !i);
		close_turn(l, k, NFT_NAME_TURN);
		put_in_place(l, &k->turns.v[i]);
	}
	for (size_t i = 0; i < k->nones.n && !l->rc; i++) {
		nft_rule_open(l, k->nones.v[i].chain);
		none_rule(l);
		close_turn(l, k, NFT_NAME_NONE);
		put_in_place(l, &k->nones.v[i]);
	}
	for (size_t i = 0; i < k->v.n && !l->rc; i++) {
		const struct nft_key *key = &k->v.v[i];

		if (!nft_key_has_chain(key))
			continue;
		nft_key_chain_name(name, key->low);
		if (strcmp(l->prog->objects.chains.v[key->chain].name, name) != 0)
			rename_chain(l, key->chain, name);
	}
}

/* ---- the maps and their rules ---- */

static void maps_emit(struct nft_lower *l)
{
	const struct nft_set pass = { .name = NFT_MAP_PASS,
				     .role = NFT_SET_PMAP,
				     .key_len = sizeof(uint32_t),
				     .key_type = NFT_TYPE_MARK,
				     .data_type = NFT_TYPE_INTEGER,
				     .data_len = 16,
				     .counters = true,
				     .keys = true};
	struct nft_set act = pass;

	act.name = NFT_MAP_ACT;
	act.role = NFT_SET_VMAP;
	act.data_type = NFT_TYPE_VERDICT;
	act.data_len = 0;
	nft_set_map(l, &pass);
	nft_set_map(l, &act);
}

static void final_chain(struct nft_lower *l, struct nft_keys *k, bool reply)
{
	size_t chain = nft_chain_new(l, reply ? NFT_CHAIN_REPLY_FINAL : NFT_CHAIN_FINAL);

	nft_rule_open(l, chain);
	load_action(l);
	nft_e_map(l, NFT_MAP_PASS, NFT_REG_1);
	if (reply) {
		nft_e_verdict(l, NF_ACCEPT, NULL);
	} else {
		nft_e_ct_set(l, NFT_CT_LABELS);
		nft_e_verdict(l, NFT_GOTO, NFT_CHAIN_PASS);
	}
	nft_rule_close(l, NULL);
	nft_rule_open(l, chain);
	load_action(l);
	nft_e_map(l, NFT_MAP_ACT, NFT_REG_VERDICT);
	nft_rule_close(l, NULL);
	nft_rule_open(l, chain);
	none_rule(l);
	close_turn(l, k, NFT_NAME_NONE);
	remember(l, k, chain, true);
	nft_rule_open(l, chain);
	nft_e_counter(l);
	nft_e_verdict(l, NF_DROP, NULL);
	nft_rule_close_named(l, NFT_NAME_UNJUDGED);
}

/* The last rule of the final chain, to be put into any other one. */
static struct nftnl_rule *drop_rule(struct nft_lower *l)
{
	struct nftnl_rule *r;

	nft_rule_open(l, nft_chain_find(l, NFT_CHAIN_FINAL));
	nft_e_counter(l);
	nft_e_verdict(l, NF_DROP, NULL);
	r = l->nlr;
	l->nlr = NULL;
	if (r)
		nftnl_rule_unset(r, NFTNL_RULE_CHAIN);
	return r;
}

static struct nft_keys *keys_new(struct nft_lower *l)
{
	struct nft_keys *k = pt_arena_alloc(l->arena, sizeof(*k));

	if (!k || pt_order_build(l->policy, PT_IN, l->arena, &k->order)) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	k->groups[0] = k->groups[1] = SIZE_MAX;
	return k;
}

static void refuse(struct nft_lower *l, const struct nft_keys *k)
{
	const struct pt_pol_rule *r = k->order.culprit;

	pt_err_add(l->e, PT_ERROR, r ? &r->loc : NULL, "choose another engine",
		   "the rules of arriving packets do not fit the classifier: %s", k->order.why_not);
	if (r)
		pt_conf_show_source(l->policy->conf, &r->loc, l->e);
	nft_lower_fail(l, -EINVAL);
}

bool nft_keys_emit(struct nft_lower *l, bool reply)
{
	struct nft_keys *k = keys_new(l);

	if (!k)
		return false;
	if (k->order.why_not) {
		refuse(l, k);
		return false;
	}
	l->prog->keys = k;
	k->reply = reply;
	nft_keys_make(l, k);
	for (size_t i = 0; i < k->v.n && !l->rc; i++)
		action_emit(l, k, &k->v.v[i]);
	for (int i = 0; i < 1 + reply && !l->rc; i++) {
		groups_emit(l, k, i);
		final_chain(l, k, i);
	}
	k->drop = drop_rule(l);
	maps_emit(l);
	nft_keys_fill(l, k);
	return !l->rc;
}
