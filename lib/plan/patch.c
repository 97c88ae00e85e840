/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An apply of a file that differs from the one in force by one rule. Of ten thousand nine thousand nine hundred and ninety-nine are not read
 * then. The rule is read and compiled in a file that has no other. Where it asks the same of packets as the one that it takes the place of
 * (a rule blocks now, or has a label), its key takes the place of the old one in the classifier's tables; else these are made anew, of what
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

struct patch {
	const char *path;
	struct pt_nl *nf, *route;
	struct pt_nft_state *have;
	struct plan_rules rules;
	char *old;               /* the copy of the file in force */
	size_t old_len;
	char *text;              /* the file */
	size_t len;
	char digest[65];
	size_t which;            /* the rule; rules.head.n: none, the file is in force */
	uint32_t new_len;        /* of its text */
	struct pt_plan *plan;    /* of the file without other rules */
	const struct pt_pol_rule *rule; /* in it */
	bool same;               /* it asks what the old one asks */
	char old_name[80];       /* of the rule in force */
	struct pt_nft_patch nft;
};

/* ---- what differs ---- */

static size_t common_prefix(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	for (; i + 64 <= n && !memcmp(a + i, b + i, 64); i += 64)
		;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static int by_place(const void *key, const void *element)
{
	const size_t *at = key;
	const struct plan_rule *r = element;

	/* The quotes do not belong to it, but what is put between them does. */
	return *at < r->at ? -1 : *at > r->at + (size_t)r->len;
}

/* A string that says what it shows. */
static bool is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || strchr("\"\\$\x7f", s[i]))
			return false;
	return true;
}

/* Everything in front of the rule's text and everything behind it is the same. */
static bool find_rule(struct patch *x)
{
	const struct plan_rules_head *h = &x->rules.head;
	size_t least = x->len < x->old_len ? x->len : x->old_len;
	size_t at = common_prefix(x->text, x->old, least), tail;
	const struct plan_rule *r;

	if (h->text_len != x->old_len || h->text_sum != plan_text_sum(x->old, x->old_len))
		return false;
	if (at == x->len && x->len == x->old_len) {
		x->which = h->n;
		return true;
	}
	r = bsearch(&at, x->rules.v, h->n, sizeof(*r), by_place);
	if (!r || !r->len || r->at + (size_t)r->len > x->old_len || r->item >= h->n_items)
		return false;
	tail = x->old_len - r->at - r->len;
	if (x->len < r->at + tail || memcmp(x->text + x->len - tail, x->old + x->old_len - tail, tail) != 0)
		return false;
	x->which = (size_t)(r - x->rules.v);
	x->new_len = (uint32_t)(x->len - r->at - tail);
	return is_plain(x->text + r->at, x->new_len) && is_plain(x->old + r->at, r->len);
}

/* ---- the rule alone ---- */

/* The file in force with RULE, NULL: nothing, in the place of all its rules. */
static int parse_alone(const struct patch *x, const char *rule, size_t len, struct pt_plan *p)
{
	const struct plan_rules_head *h = &x->rules.head;
	struct pt_conf_more more = { .files = true };
	struct pt_err unseen = { 0 };
	struct pt_buf b = { 0 };
	int rc;

	pt_buf_add(&b, x->old, h->begin);
	if (rule) {
		pt_buf_chr(&b, '"');
		pt_buf_add(&b, rule, len);
		pt_buf_chr(&b, '"');
	}
	pt_buf_add(&b, x->old + h->end, x->old_len - h->end);
	rc = b.err ? b.err : pt_policy_parse_more(x->path, b.s, b.n, &more, &p->conf, &p->policy, &unseen);
	if (!rc && (unseen.list.n || p->conf->sources.n != 1))
		rc = -ERANGE;
	pt_buf_fini(&b);
	pt_err_fini(&unseen);
	return rc;
}

/* What the written rule became: one rule of arriving packets, NULL: anything else. */
static const struct pt_pol_rule *only_rule(const struct pt_policy *p)
{
	const struct pt_pol_rule *r = &p->rules.v[p->n_builtin];

	if (p->rules.n != p->n_builtin + 1 || p->nats.n || p->sets.n || p->outside.n || p->places.n || r->dir != PT_IN)
		return NULL;
	if (r->action > PT_BLOCK || r->ret != PT_RET_DROP || r->states || r->tag || r->tagged || r->log || r->more)
		return NULL;
	return r;
}

static bool same_address(const struct pt_pol_addr *a, const struct pt_pol_addr *b)
{
	return a->kind == b->kind && a->kind <= PT_REF_SET && a->neg == b->neg && pt_iset_equal(&a->v4, &b->v4) &&
	       pt_iset_equal(&a->v6, &b->v6);
}

static bool same_devices(const struct pt_pol_names *a, const struct pt_pol_names *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static bool same_conditions(const struct pt_pol_rule *a, const struct pt_pol_rule *b)
{
	return a->if_any == b->if_any && a->if_neg == b->if_neg && a->af == b->af &&
	       a->proto_any == b->proto_any && a->flags_set == b->flags_set && a->flags_mask == b->flags_mask &&
	       a->protos.n == b->protos.n && (!a->protos.n || !memcmp(a->protos.v, b->protos.v, a->protos.n)) &&
	       same_devices(&a->devices, &b->devices) && same_address(&a->src, &b->src) && same_address(&a->dst, &b->dst) &&
	       pt_iset_equal(&a->sport, &b->sport) && pt_iset_equal(&a->dport, &b->dport) && pt_iset_equal(&a->icmp, &b->icmp);
}

/* Its name and its identity would be the same beside the other rules. */
static bool is_own_name(const struct patch *x, const struct pt_pol_rule *r)
{
	const struct plan_rule *old = &x->rules.v[x->which];
	uint32_t id = pt_hash32(r->name, strlen(r->name));

	return r->id == id && (id == old->id || !plan_rules_has_id(&x->rules, id));
}

/* No other rule has a number because this one has the name without. */
static bool is_alone(const struct patch *x, const struct pt_pol_rule *old)
{
	char second[80];
	int n = snprintf(second, sizeof(second), "%s#2", old->name);

	return n > 0 && (size_t)n < sizeof(second) && !plan_rules_has_id(&x->rules, pt_hash32(second, (size_t)n));
}

/* Chains for packets that can make no state are there as long as any rule passes some. */
static bool keeps_passing(const struct patch *x, const struct pt_pol_rule *r)
{
	return x->rules.head.n_pass - x->rules.v[x->which].pass > 0 || (r->action == PT_PASS && x->rules.v[x->which].pass);
}

static int read_rule(struct patch *x)
{
	const struct plan_rule *w = &x->rules.v[x->which];
	struct pt_plan old = { 0 };
	const struct pt_pol_rule *before = NULL;
	int rc = parse_alone(x, x->old + w->at, w->len, &old);

	if (!rc)
		rc = parse_alone(x, x->text + w->at, x->new_len, x->plan);
	if (!rc) {
		before = only_rule(old.policy);
		x->rule = only_rule(x->plan->policy);
		if (!before || !x->rule || before->id != w->id || before->quick != x->rule->quick || !is_own_name(x, x->rule) ||
		    !is_alone(x, before) || !keeps_passing(x, x->rule))
			rc = -ERANGE;
		else
			x->same = same_conditions(before, x->rule);
	}
	if (!rc)
		snprintf(x->old_name, sizeof(x->old_name), "%s", before->name);
	pt_plan_fini(&old);
	return rc;
}

static int compile_rule(struct patch *x)
{
	struct pt_err unseen = { 0 };
	struct pt_nft_source from = { .policy = x->plan->policy, .host = x->plan->host, .path = x->path,
				      .digest = x->digest, .engine = PT_ENGINE_BPF };
	uint32_t key;
	int rc = pt_nft_compile(&from, &x->plan->prog, &unseen);

	pt_err_fini(&unseen);
	if (rc)
		return rc == -ENOMEM ? rc : -ERANGE;
	x->nft = (struct pt_nft_patch){ .prog = x->plan->prog, .gone = x->rules.v[x->which].key };
	return pt_nft_prog_order(x->plan->prog)->n_const == 1 && pt_nft_patchable(x->plan->prog, 0, &key) ? 0 : -ERANGE;
}

/* ---- the kernel ---- */

/* What is in force, and nobody else's change since. */
static int find_in_force(struct patch *x)
{
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
	return find_rule(x) ? 0 : -ERANGE;
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

/* Only the key. */
static int change_tables(struct patch *x, struct pt_err *e)
{
	struct plan_rules_head *h = &x->rules.head;
	const struct plan_rule *w = &x->rules.v[x->which];
	struct pt_bpf_number number = { .at = h->keys_at + w->item, .mask = KEY_MASK, .from = w->key, .to = x->nft.come };

	return plan_ingress_change(x->plan, &number, &h->tables, e);
}

static int build_tables(struct patch *x, struct pt_arena *a, struct pt_err *e)
{
	struct plan_rules_head *h = &x->rules.head;
	struct pt_class_device *devices = NULL;
	struct pt_order order;
	struct pt_class_input in = { .order = &order, .keys = x->rules.keys, .none = h->none };
	int rc = plan_items_order(x->rules.items, h->items_len, h->n_items, a, &order);

	if (!rc)
		rc = plan_devices(x->plan->host, &devices, &in.n_devices, e);
	in.devices = devices;
	if (!rc) {
		order.items.v[x->rules.v[x->which].item].rule = x->rule;
		pt_classifier_free(x->plan->tables);
		rc = pt_classifier_build(&in, &x->plan->tables, e);
	}
	free(devices);
	return rc;
}

/* All of them, with the new rule. When it returns, no packet is under way that met the old one. */
static int exchange_tables(struct patch *x, struct pt_err *e)
{
	struct plan_rules_head *h = &x->rules.head;
	struct pt_arena *a = pt_arena_new();
	struct pt_plan *p = x->plan;
	int rc = a ? build_tables(x, a, e) : -ENOMEM;

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
	pt_arena_free(a);
	return rc;
}

/* The element, the key in the tables, the note: a packet meets the old rule or the new one at any time. */
static int switch_over(struct patch *x)
{
	uint32_t *key = &x->rules.keys[x->rules.v[x->which].item];
	struct pt_nft_plan *p = NULL;
	struct pt_err unseen = { 0 };
	int rc = pt_nft_patch_add(&x->nft, x->nf, x->have, &p, &unseen);

	rc = commit(x, p, rc, &unseen);
	*key = (*key & ~KEY_MASK) | x->nft.come;
	if (!rc)
		rc = x->same ? change_tables(x, &unseen) : exchange_tables(x, &unseen);
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

/* ---- the copies ---- */

static int store_text(struct patch *x)
{
	struct pt_err unseen = { 0 };
	int rc = plan_store_text(x->digest, x->text, x->len, &unseen);

	pt_err_fini(&unseen);
	if (!rc)
		plan_words_patch(x->have->digest, x->digest, x->old_name, x->rule->name);
	return rc;
}

static void move_id(struct plan_rules *r, uint32_t from, uint32_t to)
{
	size_t i = 0;

	while (r->ids[i] != from)
		i++;
	for (; i + 1 < r->head.n_ids && r->ids[i + 1] < to; i++)
		r->ids[i] = r->ids[i + 1];
	for (; i && r->ids[i - 1] > to; i--)
		r->ids[i] = r->ids[i - 1];
	r->ids[i] = to;
}

static int replace_item(struct patch *x)
{
	struct plan_rules *r = &x->rules;
	size_t at, bytes;
	int rc = plan_item_find(r->items, r->head.items_len, r->v[x->which].item, &at, &bytes);

	if (rc)
		return rc;
	pt_buf_add(&r->made, r->items, at);
	plan_item_put(&r->made, x->rule);
	pt_buf_add(&r->made, r->items + at + bytes, r->head.items_len - at - bytes);
	r->items = r->made.s;
	r->head.items_len = r->made.n;
	return r->made.err;
}

/* What the rules are from now on. Without it, the next apply is one of all. */
static void store_rules(struct patch *x)
{
	struct plan_rules *r = &x->rules;
	struct plan_rule *w = &r->v[x->which];
	uint32_t longer = x->new_len - w->len; /* or shorter */

	for (size_t i = x->which + 1; i < r->head.n; i++)
		r->v[i].at += longer;
	r->head.end += longer;
	r->head.text_len = x->len;
	r->head.text_sum = plan_text_sum(x->text, x->len);
	r->head.n_pass += (x->rule->action == PT_PASS) - w->pass;
	move_id(r, w->id, x->rule->id);
	w->len = x->new_len;
	w->id = x->rule->id;
	w->key = x->nft.come;
	w->pass = x->rule->action == PT_PASS;
	if (!replace_item(x))
		(void)!plan_rules_store(x->digest, r);
}

/* ---- the whole ---- */

static int put_in_force(struct patch *x)
{
	int rc = find_in_force(x);

	if (!rc)
		rc = find_machine(x);
	if (rc)
		return rc;
	if (x->which == x->rules.head.n)
		return parse_alone(x, NULL, 0, x->plan);
	rc = read_rule(x);
	if (!rc)
		rc = compile_rule(x);
	if (!rc)
		rc = store_text(x);
	if (!rc)
		rc = switch_over(x);
	if (!rc)
		rc = read_back(x);
	if (!rc)
		store_rules(x);
	return rc;
}

static void patch_fini(struct patch *x)
{
	plan_rules_fini(&x->rules);
	free(x->old);
	pt_nft_state_free(x->have);
	free(x->text);
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
	if (!strcmp(path, "-") || (engine != PT_ENGINE_AUTO && engine != PT_ENGINE_BPF))
		return 0;
	rc = plan_lock_now(&fd, &unseen);
	pt_err_fini(&unseen);
	if (rc)
		return 0;
	out->done = !put_in_force(&x);
	out->rules = x.rules.head.n;
	out->written = out->done && x.which < x.rules.head.n;
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
