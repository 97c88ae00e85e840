/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An apply of a file that differs from the one in force by a few rules that stand together. Of ten thousand the others are not read then:
 * the new ones are read and compiled in a file that has no other. Where one asks the same of packets as the one that it takes the place of
 * (it blocks now, or has a label), its key takes the place of the old one in the classifier's tables; else these are made anew, of what
 * is known of the other rules. See nft/patch.c for the rest.
 *
 * All of it rests on knowing that the kernel has what the copy of the file in force became, that nothing else has a say in that, and that
 * the machine is as it was. What is not so, or not sure, is for the apply of all, which finds whatever this one has begun.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/patch.h"

#define KEY_MASK 0xffffffu /* the bits of a key that say what happens */

/* ---- the kernel ---- */

/* What is in force, and nobody else's change since. */
static int find_in_force(struct patch *x)
{
	const struct plan_rules_head *h = &x->rules.head;
	struct pt_err unseen = { 0 };
	int rc = pt_nft_read_known(x->nf, &x->have, &unseen);

	if (!rc)
		rc = plan_rules_read(x->have->digest, &x->rules);
	if (!rc)
		rc = pt_file_read(x->path, PT_FILE_MAX, &x->text, &x->len, &unseen);
	if (!rc)
		rc = plan_store_copy(x->have->digest, &x->old, &x->old_len, &unseen);
	pt_err_fini(&unseen);
	if (rc)
		return rc;
	plan_digest(x->text, x->len, x->digest);
	return h->text_len == x->old_len && h->text_sum == plan_text_sum(x->old, x->old_len) && patch_find(x) ? 0 : -ERANGE;
}

/* The same addresses, and the classifier on all devices with the tables that go with the file in force. */
static int find_machine(struct patch *x)
{
	struct pt_plan *p = x->plan;
	struct pt_err unseen = { 0 };
	int rc = pt_net_read(x->route, &p->host, &unseen);

	if (!rc && plan_machine_digest(p->host) != x->rules.head.machine)
		rc = -ERANGE;
	if (!rc)
		p->tables = calloc(1, sizeof(*p->tables));
	if (!rc && !p->tables)
		rc = -ENOMEM;
	if (!rc) {
		p->tables->n_words = x->rules.head.n_words;
		p->tables_digest = x->rules.head.tables;
		rc = plan_ingress_observe(p, &unseen);
	}
	if (!rc && plan_ingress_writes(p->ingress))
		rc = -ERANGE;
	pt_err_fini(&unseen);
	return rc;
}

static int commit(struct patch *x, struct pt_nft_plan *p, int rc, struct pt_err *e)
{
	if (!rc)
		rc = pt_nft_commit(x->nf, p, e);
	pt_nft_plan_free(p);
	return rc;
}

/* Only the key of the one rule. */
static int change_tables(struct patch *x, struct pt_err *e)
{
	struct plan_rules_head *h = &x->rules.head;
	const struct plan_rule *w = &x->rules.v[x->first];
	struct pt_bpf_number number = { .at = h->keys_at + w->item, .mask = KEY_MASK, .from = w->key, .to = x->nft.come[0] };
	uint32_t *key = &x->rules.keys[w->item];

	*key = (*key & ~KEY_MASK) | x->nft.come[0];
	return plan_ingress_change(x->plan, &number, &h->tables, e);
}

static int build_tables(struct patch *x, struct pt_err *e)
{
	struct pt_class_input in = { .order = &x->order, .keys = x->keys, .none = x->rules.head.none };
	struct pt_class_device *devices = NULL;
	size_t n;
	int rc = plan_devices(x->plan->host, &devices, &in.n_devices, e);

	in.devices = devices;
	for (uint32_t i = 0; i < x->order.items.n; i++) {
		n = patch_new_item(x, i);
		if (n != SIZE_MAX)
			x->keys[i] |= x->nft.come[n];
	}
	if (!rc) {
		pt_classifier_free(x->plan->tables);
		rc = pt_classifier_build(&in, &x->plan->tables, e);
	}
	free(devices);
	return rc;
}

/* All of them. When it returns, no packet is under way that met an old rule. */
static int exchange_tables(struct patch *x, struct pt_err *e)
{
	struct plan_rules_head *h = &x->rules.head;
	struct pt_plan *p = x->plan;
	int rc = build_tables(x, e);

	if (!rc) {
		p->tables_digest = h->tables = pt_bpf_tables_digest(p->tables->words, p->tables->n_words);
		h->n_words = p->tables->n_words;
		h->keys_at = pt_classifier_key_at(p->tables, 0);
		rc = plan_ingress_observe(p, e);
	}
	if (!rc && plan_ingress_writes(p->ingress) != 1) /* a device has come, or the program has no room for them */
		rc = -ERANGE;
	p->have = x->have;
	if (!rc)
		rc = plan_ingress_prepare(p, e);
	if (!rc)
		rc = plan_ingress_switch(p, e);
	p->have = NULL;
	return rc;
}

static int switch_tables(struct patch *x, struct pt_err *e)
{
	if (!x->n_old && !x->n_new)
		return 0;
	return x->same ? change_tables(x, e) : exchange_tables(x, e);
}

static bool is_kept(const struct patch *x, uint32_t key)
{
	for (size_t i = 0; i < x->n_new; i++)
		if (x->v[i].kept == key)
			return true;
	return false;
}

/* The elements, the tables, the note: a packet meets the old rules or the new ones at any time. */
static int switch_over(struct patch *x)
{
	struct pt_nft_plan *p = NULL;
	struct pt_err unseen = { 0 };
	int rc;

	x->nft = (struct pt_nft_patch){ .prog = x->plan->prog, .n_come = x->n_new };
	for (size_t i = 0; i < x->n_old; i++)
		if (!is_kept(x, x->rules.v[x->first + i].key))
			x->nft.gone[x->nft.n_gone++] = x->rules.v[x->first + i].key;
	for (size_t i = 0; i < x->n_new; i++) {
		x->nft.items[i] = x->v[i].item;
		x->nft.come[i] = x->v[i].kept;
	}
	rc = pt_nft_patch_add(&x->nft, x->nf, x->have, &p, &unseen);
	rc = commit(x, p, rc, &unseen);
	if (!rc)
		rc = switch_tables(x, &unseen);
	p = NULL;
	if (!rc)
		rc = pt_nft_patch_note(&x->nft, x->have, &p, &unseen);
	rc = commit(x, p, rc, &unseen);
	pt_err_fini(&unseen);
	return rc;
}

/* Nobody was faster, and the kernel says what it was told. */
static int read_back(struct patch *x)
{
	struct pt_nft_state *now = NULL;
	struct pt_err unseen = { 0 };
	int rc = pt_nft_read_known(x->nf, &now, &unseen);

	if (!rc && strcmp(now->digest, x->digest) != 0)
		rc = -ESTALE;
	pt_nft_state_free(now);
	pt_err_fini(&unseen);
	return rc;
}

/* ---- the copy ---- */

static void store_words(struct patch *x)
{
	struct plan_names names = { .n_old = x->n_old, .n_new = x->n_new };
	const struct pt_policy *p = x->plan->policy;

	for (size_t i = 0; i < x->n_old; i++)
		names.old[i] = x->names[i];
	for (size_t i = 0; i < x->n_new; i++)
		names.new[i] = x->v[i].rule->name;
	if (x->base && p->rules.n > p->n_builtin)
		names.before = p->rules.v[p->n_builtin].name;
	plan_words_patch(x->have->digest, x->digest, &names);
}

static int store_text(struct patch *x)
{
	struct pt_err unseen = { 0 };
	int rc = plan_store_text(x->digest, x->text, x->len, &unseen);

	pt_err_fini(&unseen);
	if (!rc)
		store_words(x);
	return rc;
}

/* ---- the whole ---- */

static int put_in_force(struct patch *x)
{
	int rc = find_in_force(x);

	if (!rc)
		rc = find_machine(x);
	if (!rc)
		rc = patch_read(x);
	if (!rc && !x->in_force && !x->same && (x->n_old || x->n_new))
		rc = patch_order(x);
	if (rc || x->in_force)
		return rc;
	rc = store_text(x);
	if (!rc)
		rc = switch_over(x);
	if (!rc)
		rc = read_back(x);
	if (!rc)
		patch_store(x);
	return rc;
}

static void patch_fini(struct patch *x)
{
	plan_rules_fini(&x->rules);
	free(x->old);
	pt_nft_state_free(x->have);
	free(x->text);
	pt_arena_free(x->arena);
}

int pt_plan_patch(const char *path, enum pt_engine engine, struct pt_nl *nf, struct pt_nl *route, struct pt_plan *p,
		  struct pt_patched *out, struct pt_err *e)
{
	struct patch x = { .path = path, .nf = nf, .route = route, .plan = p };
	struct pt_err unseen = { 0 };
	int fd = -1, rc;

	memset(p, 0, sizeof(*p));
	memset(out, 0, sizeof(*out));
	p->wanted = engine;
	p->engine = PT_ENGINE_BPF;
	if (!strcmp(path, "-") || !plan_rules_any() || (engine != PT_ENGINE_AUTO && engine != PT_ENGINE_BPF))
		return 0;
	rc = plan_lock_now(&fd, &unseen);
	pt_err_fini(&unseen);
	if (rc)
		return 0;
	out->done = !put_in_force(&x);
	out->rules = x.rules.head.n + x.n_new - x.n_old;
	out->written = out->done && !x.in_force;
	if (out->done) {
		memcpy(p->digest, x.digest, sizeof(p->digest));
		rc = plan_forwarding_apply(p->conf, e);
		if (!rc)
			rc = plan_limits_apply(p, e);
	}
	pt_unlock(fd);
	patch_fini(&x);
	if (!out->done || rc)
		pt_plan_fini(p);
	return rc;
}
