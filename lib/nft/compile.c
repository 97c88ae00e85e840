/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program of a policy: base chains, and in them the way of a packet.
 *
 * A packet of a known state passes at the top. What is left is judged, and what no rule
 * decides meets the explicit drop at the end of each base chain: a chain that lost its rules
 * would be closed, not open.
 */
#include <errno.h>
#include <libnftnl/rule.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nft/compile.h"
#include "nft/keys.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

/* Just before the translation of destinations at -100. */
#define PRIO_IN (-110)
#define PRIO_JUDGED (-105)
#define PRIO_DSTNAT (-100)
#define PRIO_SRCNAT 100

#define CHAIN_JUDGED "judged"

static const char *const filter_hooks[] = { "prerouting", "forward", "output" };

void nft_lower_fail(struct nft_lower *l, int rc)
{
	if (!l->rc || rc == -ENOMEM)
		l->rc = rc;
}

/* ---- chains and rules ---- */

size_t nft_name(char *out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, NFT_SETNAME_MAX, fmt, ap);
	va_end(ap);
	return n < 0 ? 0 : (size_t)n;
}

size_t nft_chain_find(const struct nft_lower *l, const char *name)
{
	for (size_t i = 0; i < l->prog->objects.chains.n; i++)
		if (!strcmp(l->prog->objects.chains.v[i].name, name))
			return i;
	return SIZE_MAX;
}

size_t nft_chain_new(struct nft_lower *l, const char *name)
{
	struct nft_chain chain = { .name = pt_arena_strdup(l->arena, name) };

	if (!chain.name || pt_vec_push(l->arena, &l->prog->objects.chains, chain)) {
		nft_lower_fail(l, -ENOMEM);
		return SIZE_MAX;
	}
	return l->prog->objects.chains.n - 1;
}

void nft_rule_open(struct nft_lower *l, size_t chain)
{
	if (l->rc)
		return;
	l->chain = chain;
	l->nlr = nftnl_rule_alloc();
	if (!l->nlr) {
		nft_lower_fail(l, -ENOMEM);
		return;
	}
	nftnl_rule_set_u32(l->nlr, NFTNL_RULE_FAMILY, NFPROTO_INET);
	if (nftnl_rule_set_str(l->nlr, NFTNL_RULE_TABLE, l->table ? l->table : PT_NFT_TABLE) ||
	    nftnl_rule_set_str(l->nlr, NFTNL_RULE_CHAIN, l->prog->objects.chains.v[chain].name))
		nft_lower_fail(l, -ENOMEM);
}

/* The file's name outlives the configuration with the program. */
static const char *copy_file(struct nft_lower *l, const char *file)
{
	if (file && file != l->file) {
		l->file_copy = pt_arena_strdup(l->arena, file);
		l->file = l->file_copy ? file : NULL;
		if (!l->file_copy)
			nft_lower_fail(l, -ENOMEM);
	}
	return file ? l->file_copy : NULL;
}

static void rule_identity(struct nft_lower *l, struct nft_rule *rule, const struct pt_pol_rule *r)
{
	rule->id = r->id;
	rule->name = pt_arena_strdup(l->arena, r->name);
	rule->loc = r->loc;
	rule->loc.file = copy_file(l, r->loc.file);
	if (!rule->name || nft_rule_set_identity(l->nlr, r->id, r->name))
		nft_lower_fail(l, -ENOMEM);
}

static void rule_add(struct nft_lower *l, struct nft_rule *rule)
{
	if (!l->rc) {
		rule->nlr = l->nlr;
		rule->digest = nft_rule_digest(l->nlr);
		if (pt_vec_push(l->arena, &l->prog->objects.chains.v[l->chain].rules, *rule))
			nft_lower_fail(l, -ENOMEM);
	}
	if (l->rc && l->nlr)
		nftnl_rule_free(l->nlr);
	l->nlr = NULL;
}

void nft_rule_close(struct nft_lower *l, const struct pt_pol_rule *r)
{
	struct nft_rule rule = { 0 };

	if (r && !l->rc)
		rule_identity(l, &rule, r);
	rule_add(l, &rule);
}

void nft_rule_close_named(struct nft_lower *l, const char *name)
{
	struct nft_rule rule = { .name = l->rc ? NULL : pt_arena_strdup(l->arena, name) };

	if (!l->rc && (!rule.name || nft_rule_set_identity(l->nlr, 0, name)))
		nft_lower_fail(l, -ENOMEM);
	rule_add(l, &rule);
}

size_t nft_base_chain(struct nft_lower *l, const char *name, const char *type, uint32_t hook, int32_t prio)
{
	size_t i = nft_chain_new(l, name);

	if (l->rc)
		return SIZE_MAX;
	l->prog->objects.chains.v[i].type = type;
	l->prog->objects.chains.v[i].hook = hook;
	l->prog->objects.chains.v[i].prio = prio;
	return i;
}

static void verdict_rule(struct nft_lower *l, size_t chain, int verdict)
{
	nft_rule_open(l, chain);
	nft_e_counter(l);
	nft_e_verdict(l, verdict, NULL);
	nft_rule_close(l, NULL);
}

static void jump_rule(struct nft_lower *l, size_t chain, const char *to)
{
	nft_rule_open(l, chain);
	nft_e_verdict(l, NFT_JUMP, to);
	nft_rule_close(l, NULL);
}

/* ---- the way of a packet ---- */

/* What one direction's judgement consists of. */
struct judgement {
	const char *builtin, *reply, *stateless, *rules; /* chains, NULL: none */
	bool keys; /* the classifier's: some packets have groups to pass before */
};

/* Whether a packet that can make no state may pass at all. */
static bool passes_any(const struct pt_policy *p, enum pt_dir dir)
{
	for (size_t i = p->n_builtin; i < p->rules.n; i++)
		if (p->rules.v[i].action == PT_PASS && p->rules.v[i].dir == dir)
			return true;
	return false;
}

/* A list in the form that the engine has for its length. */
static bool rules_emit(struct nft_lower *l, const char *base, enum pt_dir dir, enum nft_mode mode,
		       enum pt_engine engine)
{
	struct pt_order o = { 0 };

	if (engine != PT_ENGINE_LINEAR && pt_order_build(l->policy, dir, l->arena, &o))
		nft_lower_fail(l, -ENOMEM);
	if (!o.why_not && o.items.n >= l->tree_min)
		return nft_tree_emit(l, base, &o, mode);
	return nft_order_emit(l, base, dir, false, mode);
}

static struct judgement judgement_emit(struct nft_lower *l, enum pt_dir dir, enum pt_engine engine)
{
	bool in = dir == PT_IN, reply = passes_any(l->policy, dir);
	struct judgement j = { 0 };
	const char *name;

	name = in ? "in-builtin" : "out-builtin";
	if (nft_order_emit(l, name, dir, true, NFT_MODE_KEEP))
		j.builtin = name;
	if (engine == PT_ENGINE_BPF && in) {
		j.keys = nft_keys_emit(l, reply);
		j.rules = j.keys ? NFT_CHAIN_FINAL : NULL;
		j.reply = j.keys && reply ? NFT_CHAIN_REPLY_FINAL : NULL;
		return j;
	}
	name = in ? "in-reply" : "out-reply";
	if (reply && rules_emit(l, name, dir, NFT_MODE_REPLY, engine))
		j.reply = name;
	name = in ? "in" : "out";
	if (rules_emit(l, name, dir, NFT_MODE_KEEP, engine))
		j.rules = name;
	return j;
}

static void pass_known(struct nft_lower *l, size_t chain, uint8_t dir, uint32_t bit)
{
	nft_rule_open(l, chain);
	nft_t_label(l, dir, bit);
	nft_e_counter(l);
	nft_e_verdict(l, NF_ACCEPT, NULL);
	nft_rule_close(l, NULL);
}

/* Answers of our own refusals: made here, or come back to this machine over the loopback. */
static void pass_answers(struct nft_lower *l, size_t chain, bool loopback)
{
	uint32_t states = NF_CT_STATE_BIT(IP_CT_RELATED);

	nft_rule_open(l, chain);
	if (loopback)
		nft_t_device(l, NFT_META_IIFNAME, "lo", false);
	else
		states |= NF_CT_STATE_INVALID_BIT | NF_CT_STATE_BIT(IP_CT_NEW) |
			  NF_CT_STATE_UNTRACKED_BIT;
	nft_t_ct_state(l, states);
	nft_e_verdict(l, NFT_JUMP, "answers");
	nft_rule_close(l, NULL);
}

/*
 * The same rules for packets that can make no state, since the connection they belong to is begun by
 * others: answers, and errors about a packet of it. A label that they wrote would let that connection pass.
 */
static void stateless_emit(struct nft_lower *l, const char *name, struct judgement *j)
{
	size_t chain = nft_chain_new(l, name);

	if (j->reply && j->keys)
		nft_keys_turn(l, chain, true);
	if (j->reply)
		jump_rule(l, chain, j->reply);
	verdict_rule(l, chain, NF_DROP);
	j->stateless = name;
}

static void to_stateless(struct nft_lower *l, size_t chain, void (*test)(struct nft_lower *l),
			 const struct judgement *j)
{
	nft_rule_open(l, chain);
	test(l);
	nft_e_verdict(l, NFT_GOTO, j->stateless);
	nft_rule_close(l, NULL);
}

static void judge(struct nft_lower *l, size_t chain, const struct judgement *j, bool builtin)
{
	if (j->builtin && builtin)
		jump_rule(l, chain, j->builtin);
	to_stateless(l, chain, nft_t_reply, j);
	to_stateless(l, chain, nft_t_related_error, j);
	if (j->keys)
		nft_keys_turn(l, chain, false);
	if (j->rules)
		jump_rule(l, chain, j->rules);
	verdict_rule(l, chain, NF_DROP);
}

/* A process may have put anything into the mark of its socket: tags are what rules set. */
static void clear_tag(struct nft_lower *l, size_t chain)
{
	nft_rule_open(l, chain);
	nft_tag_emit(l, 0);
	nft_rule_close(l, NULL);
}

/* The built-in rules are about this machine's own packets: what it forwards is none of them. */
static void hooks_emit(struct nft_lower *l, struct judgement *in, struct judgement *out)
{
	bool answers = nft_answers_needed(l->policy);

	stateless_emit(l, "in-stateless", in);
	stateless_emit(l, "out-stateless", out);

	for (size_t i = 0; i < PT_ARRAY_SIZE(filter_hooks) && !l->rc; i++) {
		size_t chain = nft_chain_find(l, filter_hooks[i]);

		if (i == 2 && l->policy->tags.n)
			clear_tag(l, chain);
		nft_states_check(l, chain, i ? PT_OUT : PT_IN);
		nft_log_known(l, chain, i ? PT_OUT : PT_IN);
		pass_known(l, chain, IP_CT_DIR_ORIGINAL, i ? PT_LABEL_OUT : PT_LABEL_IN);
		pass_known(l, chain, IP_CT_DIR_REPLY, i ? PT_LABEL_IN : PT_LABEL_OUT);
		if (answers && i != 1)
			pass_answers(l, chain, i == 0);
		judge(l, chain, i ? out : in, i != 1);
	}
}

/* ---- the whole ---- */

static int set_cmp(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

static int map_cmp(const void *a, const void *b)
{
	const struct nft_map_elem *x = a, *y = b;

	return memcmp(x->key, y->key, x->key_len);
}

static void sort_sets(struct pt_nft_objects *o)
{
	if (o->sets.n)
		qsort(o->sets.v, o->sets.n, sizeof(*o->sets.v), set_cmp);
	for (size_t i = 0; i < o->sets.n; i++)
		if (o->sets.v[i].map.n)
			qsort(o->sets.v[i].map.v, o->sets.v[i].map.n, sizeof(*o->sets.v[i].map.v),
			      map_cmp);
}

static void base_chains(struct nft_lower *l)
{
	(void)nft_base_chain(l, "prerouting", "filter", NF_INET_PRE_ROUTING, PRIO_IN);
	if (l->prog->keys)
		(void)nft_base_chain(l, CHAIN_JUDGED, "filter", NF_INET_PRE_ROUTING, PRIO_JUDGED);
	(void)nft_base_chain(l, "forward", "filter", NF_INET_FORWARD, 0);
	(void)nft_base_chain(l, "output", "filter", NF_INET_LOCAL_OUT, 0);
	(void)nft_base_chain(l, "dstnat", "nat", NF_INET_PRE_ROUTING, PRIO_DSTNAT);
	(void)nft_base_chain(l, "srcnat", "nat", NF_INET_POST_ROUTING, PRIO_SRCNAT);
}

/* The key has done its work, and a priority means something to those behind us: whichever way a packet
 * left the judgement, it leaves without. */
static void judged_emit(struct nft_lower *l)
{
	const uint32_t zero = 0;

	nft_rule_open(l, nft_chain_find(l, CHAIN_JUDGED));
	nft_e_imm(l, NFT_REG_1, &zero, sizeof(zero));
	nft_e_meta_set(l, NFT_META_PRIORITY);
	nft_rule_close(l, NULL);
}

/* `ptfw stop`: states of before do not count, and nothing makes new ones. */
static void stop_emit(struct nft_lower *l, const struct judgement *in, const struct judgement *out,
		      bool open)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(filter_hooks) && !l->rc; i++) {
		size_t chain = nft_chain_find(l, filter_hooks[i]);
		const char *builtin = i == 0 ? in->builtin : i == 2 ? out->builtin : NULL;

		if (open)
			verdict_rule(l, chain, NF_ACCEPT);
		else if (builtin)
			jump_rule(l, chain, builtin);
		verdict_rule(l, chain, NF_DROP);
	}
}

/* The hooks come last: the first thing of conntrack's that the kernel hears of is then a label
 * being set, and no connection is tracked without room for one. */
static void lower(struct nft_lower *l, enum nft_compile_kind kind, enum pt_engine engine)
{
	struct judgement in = { 0 }, out = { 0 };

	nft_nat_number(l);
	nft_set_number(l);
	if (kind == NFT_COMPILE_RULES)
		nft_sets_tables(l);
	if (kind != NFT_COMPILE_OPEN) {
		in = judgement_emit(l, PT_IN, kind == NFT_COMPILE_RULES ? engine : PT_ENGINE_LINEAR);
		out = judgement_emit(l, PT_OUT, kind == NFT_COMPILE_RULES ? engine : PT_ENGINE_LINEAR);
		nft_action_chains(l);
	}
	base_chains(l);
	if (kind == NFT_COMPILE_RULES) {
		hooks_emit(l, &in, &out);
		nft_nat_emit(l);
		nft_set_emit(l);
		if (l->prog->keys)
			judged_emit(l);
	} else {
		stop_emit(l, &in, &out, kind == NFT_COMPILE_OPEN);
	}
	sort_sets(&l->prog->objects);
}

static struct pt_nft_prog *prog_new(const char *digest, const char *path)
{
	struct pt_arena *arena = pt_arena_new();
	struct pt_nft_prog *p = arena ? pt_arena_alloc(arena, sizeof(*p)) : NULL;

	if (!p) {
		pt_arena_free(arena);
		return NULL;
	}
	p->arena = arena;
	p->digest = pt_arena_strdup(arena, digest);
	p->path = pt_arena_strdup(arena, path);
	if (!p->digest || !p->path) {
		pt_arena_free(arena);
		return NULL;
	}
	return p;
}

int nft_compile(const struct pt_nft_source *from, enum nft_compile_kind kind, struct pt_nft_prog **out,
		struct pt_err *e)
{
	static const struct pt_host nowhere;
	struct nft_lower l = { .policy = from->policy,
			       .tree_min = from->tree_min ? from->tree_min : NFT_TREE_MIN,
			       .host = from->host ? from->host : &nowhere,
			       .e = e };
	size_t told = e ? e->n_errors : 0;

	*out = NULL;
	l.prog = prog_new(from->digest, from->path);
	if (!l.prog)
		return pt_err_sys(e, -ENOMEM, "compiling the rules");
	l.arena = l.prog->arena;
	l.reported = pt_arena_alloc(l.arena, from->policy->rules.n + 1);
	if (l.reported)
		lower(&l, kind, from->engine);
	else
		nft_lower_fail(&l, -ENOMEM);
	if (!l.rc) {
		*out = l.prog;
		return 0;
	}
	pt_nft_prog_free(l.prog);
	if (e && e->n_errors > told)
		return l.rc; /* told at its place */
	return pt_err_sys(e, l.rc, "compiling the rules");
}

int pt_nft_compile(const struct pt_nft_source *from, struct pt_nft_prog **out, struct pt_err *e)
{
	return nft_compile(from, NFT_COMPILE_RULES, out, e);
}

void pt_nft_prog_free(struct pt_nft_prog *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->objects.chains.n; i++)
		for (size_t k = 0; k < p->objects.chains.v[i].rules.n; k++)
			nftnl_rule_free(p->objects.chains.v[i].rules.v[k].nlr);
	if (p->keys && p->keys->drop)
		nftnl_rule_free(p->keys->drop);
	pt_arena_free(p->arena);
}

size_t pt_nft_prog_rules(const struct pt_nft_prog *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->objects.chains.n; i++)
		n += p->objects.chains.v[i].rules.n;
	return n;
}
