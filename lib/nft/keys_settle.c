/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that fit to those in the kernel.
 *
 * While the tables are exchanged, packets with the old and with the new tables' keys are under way
 * together. A key must not mean one thing to the old and another to the new, so a new rule whose
 * hash is another rule's old key takes the next hash; and a rule keeps what it was given then, when
 * it is applied again. Packets of different groups' rules are told apart by the turn.
 *
 * What this does not cover: a packet that waits for its other fragments over two changes of the groups, and a change
 * of the built-in rules. Both are judged by what is in force when they come.
 */
#include <errno.h>
#include <string.h>

#include "nft/kernel.h"
#include "nft/keys.h"

struct old_keys {
	const struct nft_set *pass, *act;
	size_t pass_n, act_n;
};

static const struct nft_map_elem *find_in(const struct nft_set *set, size_t n, uint32_t low)
{
	uint8_t key[16] = { 0 };
	size_t lo = 0, hi = n;

	memcpy(key, &low, sizeof(low));
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = memcmp(set->map.v[mid].key, key, sizeof(key));

		if (!order)
			return &set->map.v[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool is_known(const struct old_keys *old, uint32_t low)
{
	return find_in(old->pass, old->pass_n, low) || find_in(old->act, old->act_n, low);
}

/* Whether the kernel has what KEY would be under LOW. */
static bool is_same(const struct pt_nft_objects *o, const struct old_keys *old,
		    const struct nft_key *key, uint32_t low)
{
	bool plain = nft_key_is_plain(key);
	const struct nft_map_elem *have =
		plain ? find_in(old->pass, old->pass_n, low) : find_in(old->act, old->act_n, low);
	struct nft_key as = *key;
	struct nft_map_elem want;
	char chain[NFT_SETNAME_MAX];
	const char *go = NULL;

	if (!have || have->retired || have->id != key->rule->id ||
	    (plain ? find_in(old->act, old->act_n, low) : find_in(old->pass, old->pass_n, low)))
		return false;
	if (nft_key_has_chain(key)) {
		nft_key_chain_name(chain, low);
		go = chain;
	} else if (key->chain != NFT_KEY_NO_CHAIN) {
		go = o->chains.v[key->chain].name;
	}
	as.low = low;
	nft_key_elem(&as, go, &want);
	return nft_map_elem_same(&want, have);
}

/* True: KEY has another hash now. */
static bool settle_key(struct nft_keys *k, const struct pt_nft_objects *o,
		       const struct old_keys *old, size_t i)
{
	struct nft_key *key = &k->v.v[i];
	struct nft_key_action what;
	uint32_t low;

	if (is_same(o, old, key, key->low))
		return false;
	nft_key_action(key, &what);
	for (uint32_t n = 0; n < NFT_KEY_ATTEMPTS; n++) {
		low = nft_key_attempt(&what, n);
		if (!nft_keys_find(k, low) && is_same(o, old, key, low))
			goto move;
	}
	if (!is_known(old, key->low))
		return false;
	for (uint32_t n = 0;; n++) {
		low = nft_key_attempt(&what, n);
		if (!nft_keys_find(k, low) && !is_known(old, low))
			break;
	}
move:
	key->low = low;
	nft_keys_enter(k, i);
	return true;
}

/* Whether the kernel's groups are the same rules in the same order. */
static bool same_rules(const struct nft_chain *want, const struct nft_chain *have)
{
	if (!want || !have)
		return !want && !have;
	if (want->rules.n != have->rules.n)
		return false;
	for (size_t i = 0; i < want->rules.n; i++)
		if (want->rules.v[i].digest != have->rules.v[i].digest)
			return false;
	return true;
}

static bool same_groups(const struct pt_nft_prog *p, const struct pt_nft_state *have, uint32_t turn)
{
	static const char *const bases[] = {"in", "in-reply"};
	char name[NFT_SETNAME_MAX];

	for (int i = 0; i < 2; i++) {
		size_t at = p->keys->groups[i];

		nft_name(name, "%s.%u", bases[i], turn);
		if (!same_rules(at == SIZE_MAX ? NULL : &p->objects.chains.v[at],
				nft_find_chain(have->objects, name)))
			return false;
	}
	return true;
}

/* The kernel's turn; UINT32_MAX: it knows no keys. */
static uint32_t turn_of(const struct pt_nft_objects *o)
{
	const struct nft_chain *final = nft_find_chain(o, NFT_CHAIN_FINAL);
	size_t n = strlen(NFT_NAME_NONE);

	for (size_t i = 0; final && i < final->rules.n; i++) {
		const char *name = final->rules.v[i].name;

		if (name && !strncmp(name, NFT_NAME_NONE, n))
			return name[n] == '1';
	}
	return UINT32_MAX;
}

int pt_nft_prog_settle(struct pt_nft_prog *p, const struct pt_nft_state *have)
{
	struct nft_lower l = { .prog = p, .arena = p->arena };
	struct nft_keys *k = p->keys;
	struct old_keys old = { 0 };
	bool moved = false;
	uint32_t turn;

	if (!k || !have->objects)
		return 0;
	turn = turn_of(have->objects);
	if (turn == UINT32_MAX)
		return 0;
	turn = same_groups(p, have, turn) ? turn : !turn;
	moved = turn != k->turn;
	k->turn = turn;
	old.pass = nft_find_set(have->objects, NFT_MAP_PASS);
	old.act = nft_find_set(have->objects, NFT_MAP_ACT);
	old.pass_n = old.pass ? old.pass->map.n : 0;
	old.act_n = old.act ? old.act->map.n : 0;
	nft_keys_tidy(k);
	for (size_t i = 0; old.pass_n + old.act_n && i < k->v.n; i++)
		moved |= settle_key(k, &p->objects, &old, i);
	if (!moved)
		return 0;
	nft_keys_renew(&l, k);
	nft_keys_fill(&l, k);
	return l.rc;
}
