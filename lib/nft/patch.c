/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few rules in the place of others: their keys get elements, and what is applied gets another note. Nothing is deleted: for that the
 * kernel waits until no packet can see what goes, which takes longer than all the rest. The old elements stay where no packet comes any
 * more, and the next apply that is more than this takes them away, with the notes. Until then they count for nobody and are no
 * difference.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/change.h"
#include "nft/keys.h"

#define QUESTION_BYTES 1024

/* ---- what was left behind ---- */

bool nft_patches_retired(const struct pt_nft_objects *o, uint32_t key)
{
	for (uint32_t i = 0; i < o->n_patches; i++)
		if (o->patches[i].gone == key)
			return true;
	return false;
}

void nft_patches_mark(const struct pt_nft_objects *o, struct nft_set *set)
{
	uint32_t key;

	for (size_t i = 0; o->n_patches && i < set->map.n; i++) {
		memcpy(&key, set->map.v[i].key, sizeof(key));
		set->map.v[i].retired = nft_patches_retired(o, key);
	}
}

bool pt_nft_patched(const struct pt_nft_state *have)
{
	return have->objects && have->objects->n_patches;
}

/* ---- the new rules' elements ---- */

bool pt_nft_patchable(const struct pt_nft_prog *p, uint32_t item, uint32_t *key)
{
	const struct nft_key *k = p->keys ? &p->keys->v.v[p->keys->index[item]] : NULL;

	if (!k || k->chain != NFT_KEY_NO_CHAIN || nft_key_has_chain(k))
		return false;
	*key = k->low;
	return true;
}

static int take_element(const struct nlmsghdr *nlh, void *arg)
{
	*(bool *)arg |= NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWSETELEM;
	return 0;
}

static int ask_element(struct pt_nl *nf, const char *set, uint32_t key, bool *there)
{
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETSETELEM, 0);
	struct nlattr *list, *element, *value;
	int rc;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	value = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(key), &key);
	mnl_attr_nest_end(nlh, value);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	rc = pt_nl_talk(nf, nlh, take_element, there);
	return rc == -ENOENT ? 0 : rc;
}

/* A key means the same in both maps. */
static int is_taken(struct pt_nl *nf, uint32_t key, bool *taken)
{
	int rc;

	*taken = false;
	rc = ask_element(nf, NFT_MAP_PASS, key, taken);
	return rc || *taken ? rc : ask_element(nf, NFT_MAP_ACT, key, taken);
}

static bool is_among(const uint32_t *v, size_t n, uint32_t key)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == key)
			return true;
	return false;
}

/* As an apply of all would find it again, see keys_settle.c. */
static int find_key(struct pt_nl *nf, struct pt_nft_patch *x, size_t i, const struct nft_key *key)
{
	struct nft_key_action what;
	bool taken = true;
	int rc = 0;

	nft_key_action(key, &what);
	for (uint32_t n = 0; !rc && taken && n < NFT_KEY_ATTEMPTS; n++) {
		x->come[i] = nft_key_attempt(&what, n);
		if (!is_among(x->come, i, x->come[i]))
			rc = is_taken(nf, x->come[i], &taken);
	}
	return rc ? rc : taken ? -ERANGE : 0;
}

static int put_element(struct pt_nft_plan *p, const struct nft_set *set, const struct nft_key *key)
{
	struct nft_map_elem el;
	uint64_t cookie;
	int rc;

	nft_key_elem(key, NULL, &el);
	rc = nft_plan_op(p, &cookie, "add", "element", NULL, "%s: 1 of the map", set->name);
	return rc ? rc : nft_put_map_elems(p->batch, cookie, true, set, &el, 1);
}

static int add_rule(struct pt_nl *nf, struct pt_nft_patch *x, size_t i, struct pt_nft_plan *p)
{
	const struct nft_keys *keys = x->prog->keys;
	struct nft_key key = keys->v.v[keys->index[x->items[i]]];
	int rc = find_key(nf, x, i, &key);

	key.low = x->come[i];
	return rc ? rc : put_element(p, nft_find_set(&x->prog->objects, nft_key_is_plain(&key) ? NFT_MAP_PASS : NFT_MAP_ACT), &key);
}

/* Notes of it: one for each pair of a rule that goes and one that comes. */
static uint32_t notes(const struct pt_nft_patch *x)
{
	size_t n = x->n_gone > x->n_come ? x->n_gone : x->n_come;

	return n ? (uint32_t)n : 1;
}

int pt_nft_patch_add(struct pt_nft_patch *x, struct pt_nl *nf, const struct pt_nft_state *have, struct pt_nft_plan **out,
		     struct pt_err *e)
{
	struct pt_nft_plan *p;
	int rc = 0;

	*out = NULL;
	if (have->objects->n_patches + notes(x) > PT_NFT_PATCHES_MAX)
		return -ERANGE;
	p = nft_plan_new(have->genid);
	if (!p)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < x->n_come; i++)
		if (!x->come[i]) {
			rc = add_rule(nf, x, i, p);
			x->n_added++;
		}
	if (!rc) {
		*out = p;
		return 0;
	}
	pt_nft_plan_free(p);
	return rc == -ERANGE ? rc : pt_err_sys(e, rc, "adding rules");
}

/* ---- what is applied now ---- */

/* The maps of keys hold more than is wanted, so nothing is noted of them. */
static void note_of(const struct nft_note *old, uint32_t genid, struct nft_note *out)
{
	uint64_t pass = pt_hash64(NFT_MAP_PASS, strlen(NFT_MAP_PASS)), act = pt_hash64(NFT_MAP_ACT, strlen(NFT_MAP_ACT));

	*out = (struct nft_note){ .genid = genid };
	for (uint32_t i = 0; i < old->n; i++)
		if (old->v[i].name != pass && old->v[i].name != act)
			out->v[out->n++] = old->v[i];
}

static int put_note(struct pt_nft_plan *p, const struct pt_nft_patch *x, uint32_t i, struct nft_applied *a)
{
	uint64_t cookie;
	int rc = nft_plan_op(p, &cookie, "add", "chain", NULL, NFT_PATCH_CHAIN "%u", a->number);

	a->patch = (struct nft_patch){ .gone = i < x->n_gone ? x->gone[i] : 0, .come = i < x->n_come ? x->come[i] : 0 };
	return rc ? rc : nft_put_applied(p->batch, cookie, a);
}

int pt_nft_patch_note(const struct pt_nft_patch *x, const struct pt_nft_state *have, struct pt_nft_plan **out, struct pt_err *e)
{
	uint32_t genid = x->n_added ? nft_next_generation(have->genid) : have->genid;
	struct nft_applied a = { .digest = x->prog->digest, .path = x->prog->path, .when = (uint64_t)time(NULL) };
	struct pt_nft_plan *p = nft_plan_new(genid);
	int rc = p ? 0 : -ENOMEM;

	*out = NULL;
	note_of(&have->objects->note, nft_next_generation(genid), &a.note);
	for (uint32_t i = 0; !rc && i < notes(x); i++) {
		a.number = have->objects->n_patches + i + 1;
		rc = put_note(p, x, i, &a);
	}
	if (!rc) {
		*out = p;
		return 0;
	}
	pt_nft_plan_free(p);
	return pt_err_sys(e, rc, "noting what is applied");
}
