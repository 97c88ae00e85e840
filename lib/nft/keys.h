/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys of the classifier: one for each thing that constant rules can do with a packet. The program's
 * answer travels in the packet's priority; the mark would be nearer, but other people's chains before ours
 * use it, and what they set there has to survive.
 */
#ifndef NFT_KEYS_H
#define NFT_KEYS_H

#include <patronus/classify.h>

#include "nft/lower.h"

#define NFT_KEY_TURN 0x80000000u
#define NFT_KEY_GROUP 0x7f000000u
#define NFT_KEY_GROUP_SHIFT 24
#define NFT_KEY_OURS 0x00800000u
/* What the maps look up. The rest only says when: it may change while a rule stays what it is. */
#define NFT_KEY_ACTION 0x00ffffffu

#define NFT_KEY_ATTEMPTS 16 /* so many hashes of a rule are looked for in the kernel */

/* Everything that follows from a key, as numbers, so that its bytes can be hashed. */
struct nft_key_action {
	uint32_t id, action, ret, code4, code6, log, keep_state, tag;
	uint32_t label[4];
	uint32_t attempt; /* of finding a free key */
};

/* There are thousands: what it does follows from the rule, see nft_key_action(). */
struct nft_key {
	const struct pt_pol_rule *rule;
	uint32_t low;   /* bits 23 to 0 */
	uint32_t chain; /* what it does beyond a verdict; NFT_KEY_NO_CHAIN: nothing */
	uint32_t nat;   /* number of its translation in labels, 0: none, or no state to translate */
};
#define NFT_KEY_NO_CHAIN UINT32_MAX

/* A rule that depends on the turn. */
struct nft_key_place {
	size_t chain, rule;
};

struct nft_keys {
	struct pt_order order;
	PT_VEC(struct nft_key) v;
	uint32_t *slots; /* hash of the keys: index + 1 into V, 0 free */
	size_t n_slots;
	uint32_t *index; /* of each CONST item, into V */
	uint32_t *full; /* of each CONST item: its key */
	uint32_t turn; /* 0 or 1 */
	bool reply; /* packets against the direction of their state are judged too */
	size_t groups[2]; /* chains of dynamic rules and effects: of new packets and of such; SIZE_MAX: none */
	PT_VEC(struct nft_key_place) turns, nones;
	struct nftnl_rule *drop; /* of no chain, see nft_diff_closes() */
};

/* ---- keys.c ---- */

/* Gives the CONST items of K->order their keys. */
void nft_keys_make(struct nft_lower *l, struct nft_keys *k);
/* What KEY does; its attempt is 0. */
void nft_key_action(const struct nft_key *key, struct nft_key_action *out);
/* A rule that needs more than a verdict or a label, hence rules: log, tag, translation. */
bool nft_key_has_chain(const struct nft_key *key);
/* One that keeps state and needs no more than its label. */
bool nft_key_is_plain(const struct nft_key *key);
/* ITEM as an effect of the chains. */
struct nft_effect nft_item_effect(const struct pt_order_item *item, enum nft_mode mode);
/* The maps' elements, from the keys as they are. */
void nft_keys_fill(struct nft_lower *l, struct nft_keys *k);
/* The element of KEY; in NFT_MAP_PASS where that is plain, else in NFT_MAP_ACT. */
void nft_key_elem(const struct nft_key *key, const char *chain, struct nft_map_elem *el);
uint32_t nft_key_attempt(struct nft_key_action *what, uint32_t attempt);
struct nft_key *nft_keys_find(const struct nft_keys *k, uint32_t low);
/* Enters V[I] under its present key. */
void nft_keys_enter(struct nft_keys *k, size_t i);
/* Forgets the slots that keys have left. */
void nft_keys_tidy(struct nft_keys *k);

/* ---- lower_keys.c ---- */

/* The chains and maps of arriving packets. False after a failure. */
bool nft_keys_emit(struct nft_lower *l, bool reply);
/* The rules of a base chain that send packets to the groups, if there are any. */
void nft_keys_turn(struct nft_lower *l, size_t chain, bool reply);
/* Names and rules that have the turn in them, anew. */
void nft_keys_renew(struct nft_lower *l, struct nft_keys *k);
size_t nft_key_chain_name(char out[NFT_SETNAME_MAX], uint32_t low);

#define NFT_CHAIN_FINAL "in.final"
#define NFT_CHAIN_REPLY_FINAL "in-reply.final"

#endif
