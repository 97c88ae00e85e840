/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "The last matching rule wins" as chains in which the first match ends.
 *
 * One chain holds the quick rules and the effects of the others in order, then the others'
 * verdicts in reverse. A match rule that changes what the rules behind it see (it translates, or
 * sets a tag that an earlier rule asks for) sends the packet to a chain of its own that goes on
 * behind it and knows what happened so far. Such chains are made once for each place and
 * knowledge: few files have more than a handful.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/lower.h"

#define CHAINS_MAX 1000
/* The kernel follows 16 chains from a hook: the hook's, one for packets without state, these, and one that
 * refuses. */
#define DEPTH_MAX 13

/* Under which knowledge a rule had its turn; zero where it makes no difference. */
struct seen {
	uint32_t nat;
	int32_t tag;
};

struct step {
	const char *name;
	size_t self; /* its place among the steps */
	size_t chain;
	size_t pos; /* goes on with this rule */
	struct nft_known known;
	struct seen *seen; /* of the rules before POS */
	unsigned int depth;
};

/* RULE of one chain sends packets to another one. */
struct edge {
	size_t from, to; /* steps */
	const struct pt_pol_rule *rule;
};

struct order {
	struct nft_lower *l;
	const char *base;
	enum pt_dir dir;
	enum nft_mode mode;
	bool translates; /* match rules do */
	bool tags; /* tags have to be followed */
	bool asked[PT_TAGS_MAX + 1]; /* some rule tests this tag */
	PT_VEC(const struct pt_pol_rule *) rules;
	PT_VEC(struct step) steps;
	PT_VEC(struct edge) edges;
	struct seen *now; /* of the chain being written, all rules */
};

static bool decides_last(const struct pt_pol_rule *r)
{
	return r->action != PT_MATCH && !r->quick;
}

/* An address whose host bits its translation keeps is a part of the packet that it sees, too. */
static bool sees_translation(const struct order *o, const struct pt_pol_rule *r)
{
	if (r->nat && o->l->policy->nats.v[r->nat - 1].way == PT_POOL_BITMASK)
		return true;
	if (r->dir == PT_IN)
		return r->dst.kind != PT_REF_ANY || r->dport.n;
	return r->src.kind != PT_REF_ANY || r->sport.n;
}

/* What has to be remembered for rule R, to decide its conditions later. */
static struct seen seen_by(const struct order *o, const struct pt_pol_rule *r,
			   const struct nft_known *k)
{
	struct seen s = { 0 };

	if (decides_last(r) && o->translates && sees_translation(o, r))
		s.nat = k->nat;
	if (decides_last(r) && o->tags && r->tagged)
		s.tag = k->tag;
	return s;
}

static bool same_devices(const struct pt_pol_rule *a, const struct pt_pol_rule *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->devices.n != b->devices.n)
		return false;
	for (size_t i = 0; i < a->devices.n; i++)
		if (strcmp(a->devices.v[i], b->devices.v[i]) != 0)
			return false;
	return true;
}

static bool same_known(const struct nft_known *a, const struct nft_known *b)
{
	return a->nat == b->nat && a->tag == b->tag && a->af == b->af && a->proto == b->proto &&
	       same_devices(a->dev, b->dev);
}

static struct step *step_new(struct order *o, size_t pos, const struct nft_known *k,
			     const struct seen *seen)
{
	struct nft_lower *l = o->l;
	struct step s = { .self = o->steps.n, .pos = pos, .known = *k };
	char name[NFT_SETNAME_MAX];

	nft_name(name, o->steps.n ? "%s.%zu" : "%s", o->base, o->steps.n);
	s.name = pt_arena_strdup(l->arena, name);
	s.seen = pt_arena_alloc(l->arena, (pos + 1) * sizeof(*seen));
	if (!s.name || !s.seen) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	if (pos)
		memcpy(s.seen, seen, pos * sizeof(*seen));
	s.chain = nft_chain_new(l, s.name);
	if (pt_vec_push(l->arena, &o->steps, s)) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	return &o->steps.v[o->steps.n - 1];
}

/* The chain that goes on at POS with what K and SEEN tell, where RULE of step FROM sends
 * packets; made when new. NULL after a failure. */
static const char *step_get(struct order *o, size_t from, const struct pt_pol_rule *rule,
			    size_t pos, const struct nft_known *k, const struct seen *seen)
{
	struct edge edge = { .from = from, .rule = rule };
	struct step *s = NULL;

	for (; edge.to < o->steps.n; edge.to++) {
		s = &o->steps.v[edge.to];
		if (s->pos == pos && same_known(&s->known, k) &&
		    (!pos || !memcmp(s->seen, seen, pos * sizeof(*seen))))
			break;
	}
	if (edge.to == o->steps.n)
		s = step_new(o, pos, k, seen);
	if (s && pt_vec_push(o->l->arena, &o->edges, edge))
		nft_lower_fail(o->l, -ENOMEM);
	return s ? s->name : NULL;
}

static void too_many(struct order *o, const struct pt_pol_rule *r, const char *what)
{
	struct nft_lower *l = o->l;

	pt_err_add(l->e, PT_ERROR, &r->loc,
		   "let pass rules translate, or make the rules that set tags quick",
		   "the rules up to \"%s\" translate or tag in %s", r->text, what);
	pt_conf_show_source(l->policy->conf, &r->loc, l->e);
	nft_lower_fail(l, -EINVAL);
}

/* Longest ways: each round makes them one chain longer, and no way is longer than allowed. */
static void check_depth(struct order *o)
{
	bool moved = true;

	while (moved && !o->l->rc) {
		moved = false;
		for (size_t i = 0; i < o->edges.n && !o->l->rc; i++) {
			const struct edge *x = &o->edges.v[i];
			unsigned int depth = o->steps.v[x->from].depth + 1;

			if (o->steps.v[x->to].depth >= depth)
				continue;
			o->steps.v[x->to].depth = depth;
			moved = true;
			if (depth + (o->l->limited.n > 0) >= DEPTH_MAX) /* limits of states are a chain, too */
				too_many(o, x->rule, "too many steps, one after the other");
		}
	}
}

/* What is known behind rule M when it matched but did not decide. */
static struct nft_known known_after(const struct order *o, const struct nft_match *m,
				    const struct nft_known *k)
{
	const struct pt_pol_rule *r = m->rule;
	struct nft_known after = *k;

	if (r->action == PT_MATCH && r->nat && o->mode == NFT_MODE_KEEP)
		after.nat = r->nat;
	if (o->tags && r->tag)
		after.tag = o->asked[r->tag] ? r->tag : NFT_TAG_OTHER;
	if (after.nat == k->nat && after.tag == k->tag)
		return after;
	nft_match_learn(m, &after);
	if (after.nat)
		after.af &= (uint8_t)o->l->policy->nats.v[after.nat - 1].af;
	return after;
}

/* Rule I on the way down: a quick verdict, or effects. */
static void emit_forward(struct order *o, const struct step *s, size_t i)
{
	const struct pt_pol_rule *r = o->rules.v[i];
	struct nft_effect x = { .rule = r, .mode = o->mode, .nat = s->known.nat, .tag = r->tag };
	struct nft_known after;
	struct nft_match m;

	o->now[i] = seen_by(o, r, &s->known);
	if (decides_last(r) && !r->tag)
		return;
	if (!nft_match_decide(o->l, r, &s->known, &m))
		return;
	x.decide = r->quick && r->action != PT_MATCH;
	x.count = x.decide || r->action == PT_MATCH;
	if (x.decide && r->action == PT_BLOCK)
		x.tag = 0;
	after = known_after(o, &m, &s->known);
	if (!x.decide && (after.nat != s->known.nat || after.tag != s->known.tag)) {
		if (o->steps.n >= CHAINS_MAX) {
			too_many(o, r, "too many combinations");
			return;
		}
		x.go = step_get(o, s->self, r, i + 1, &after, o->now);
	}
	nft_match_emit(o->l, s->chain, &m, nft_effect_emit, &x);
}

/* Rule I on the way up: the verdict of a rule that is not quick. Its tag is set already. */
static void emit_backward(struct order *o, const struct step *s, size_t i)
{
	const struct pt_pol_rule *r = o->rules.v[i];
	struct nft_effect x = {
		.rule = r, .mode = o->mode, .nat = s->known.nat, .decide = true, .count = true
	};
	struct nft_known k = s->known;
	struct nft_match m;

	if (!decides_last(r))
		return;
	if (o->translates)
		k.nat = o->now[i].nat;
	if (o->tags && r->tagged)
		k.tag = o->now[i].tag;
	if (nft_match_decide(o->l, r, &k, &m))
		nft_match_emit(o->l, s->chain, &m, nft_effect_emit, &x);
}

static void step_emit(struct order *o, size_t step)
{
	const struct step s = o->steps.v[step]; /* a copy: the vector grows */

	if (s.pos)
		memcpy(o->now, s.seen, s.pos * sizeof(*s.seen));
	for (size_t i = s.pos; i < o->rules.n && o->l->rc != -ENOMEM; i++)
		emit_forward(o, &s, i);
	for (size_t i = o->rules.n; i-- > 0 && o->l->rc != -ENOMEM;)
		emit_backward(o, &s, i);
}

/* ---- tags ---- */

/* The mark holds the tag of the moment, so a verdict on the way up would see tags that were
 * set after its turn: does that happen? */
static bool tags_interfere(const struct order *o)
{
	bool asked = false;

	for (size_t i = 0; i < o->rules.n; i++) {
		const struct pt_pol_rule *r = o->rules.v[i];

		asked = asked || (decides_last(r) && r->tagged);
		if (asked && r->tag && !(r->quick && r->action != PT_MATCH))
			return true;
	}
	return false;
}

/* Begins with a chain for each tag that the rules ask for, and one for all others. */
static void emit_tag_start(struct order *o)
{
	const uint32_t mask = 0xff000000u, zero = 0;
	struct nft_lower *l = o->l;
	const struct step first = o->steps.v[0];
	struct nft_known k = first.known;
	const char *go;

	for (size_t tag = 1; tag <= l->policy->tags.n; tag++) {
		const uint32_t want = (uint32_t)tag << 24;

		if (!o->asked[tag])
			continue;
		k.tag = (int32_t)tag;
		go = step_get(o, 0, o->rules.v[0], 0, &k, NULL);
		nft_rule_open(l, first.chain);
		nft_e_meta(l, NFT_META_MARK);
		nft_e_bitwise(l, &mask, &zero, sizeof(mask));
		nft_e_cmp(l, NFT_CMP_EQ, &want, sizeof(want));
		nft_e_verdict(l, NFT_GOTO, go);
		nft_rule_close(l, NULL);
	}
	k.tag = NFT_TAG_OTHER;
	go = step_get(o, 0, o->rules.v[0], 0, &k, NULL);
	nft_rule_open(l, first.chain);
	nft_e_verdict(l, NFT_GOTO, go);
	nft_rule_close(l, NULL);
}

/* ---- the list ---- */

static void collect(struct order *o, bool builtin)
{
	const struct pt_policy *p = o->l->policy;

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->dir != o->dir || (i < p->n_builtin) != builtin)
			continue;
		if (r->action == PT_MATCH && r->nat && o->mode == NFT_MODE_KEEP)
			o->translates = true;
		o->asked[r->tagged] = true;
		if (pt_vec_push(o->l->arena, &o->rules, r)) /* NOLINT(bugprone-sizeof-expression) */
			nft_lower_fail(o->l, -ENOMEM);
	}
}

bool nft_order_emit(struct nft_lower *l, const char *base, enum pt_dir dir, bool builtin,
		    enum nft_mode mode)
{
	struct order o = { .l = l, .base = base, .dir = dir, .mode = mode };
	struct nft_known start = { .tag = NFT_TAG_LIVE, .af = PT_AF_BOTH, .proto = -1 };
	size_t done = 0;

	collect(&o, builtin);
	if (l->rc || !o.rules.n)
		return false;
	o.tags = tags_interfere(&o);
	o.now = pt_arena_alloc(l->arena, o.rules.n * sizeof(*o.now));
	if (!o.now) {
		nft_lower_fail(l, -ENOMEM);
		return false;
	}
	step_new(&o, 0, &start, NULL);
	if (o.tags && o.steps.n) {
		emit_tag_start(&o);
		done = 1;
	}
	for (; done < o.steps.n && l->rc != -ENOMEM; done++)
		step_emit(&o, done);
	if (!l->rc)
		check_depth(&o);
	return !l->rc;
}
