/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anchors. Whoever asks the rules of an anchor only where a condition holds asks for that condition and the rule's
 * own, so the rules stand in place of the anchor rule, with its conditions added to theirs: nothing behind this
 * file knows of anchors. What cannot be said as one condition is refused, and so is what would change the
 * anchor's answer between two of its rules, as in pf it is asked once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

#define ANCHORS_ASKED_MAX 65536 /* anchors in anchors multiply */

/* ---- conditions ---- */

/* What came of two conditions: one that packets can meet, or none, or none that a rule can say. */
enum meet { MEET, NEVER, CANNOT };

static int name_cmp(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static bool named(const struct pt_pol_names *l, const char *name)
{
	return l->n && bsearch(&name, l->v, l->n, sizeof(*l->v), name_cmp); /* NOLINT(bugprone-sizeof-expression) */
}

/* Of X those that are in Y, or with NOT, that are not; with ALSO all of Y besides. */
static int pick(struct pt_arena *a, const struct pt_pol_names *x, const struct pt_pol_names *y, bool not, bool also,
		struct pt_pol_names *out)
{
	size_t n = 0;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	out->v = pt_arena_alloc(a, (x->n + (size_t)y->n + 1) * sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < x->n; i++)
		if (named(y, x->v[i]) != not)
			out->v[n++] = x->v[i];
	for (size_t i = 0; also && i < y->n; i++)
		out->v[n++] = y->v[i];
	if (also && n)
		qsort(out->v, n, sizeof(*out->v), name_cmp); /* NOLINT(bugprone-sizeof-expression) */
	out->n = (uint32_t)n;
	return 0;
}

static int meet_devices(struct policy_builder *b, struct pt_pol_rule *r, const struct pt_pol_rule *c, enum meet *m)
{
	struct pt_pol_names both;
	int rc;

	if (c->if_any)
		return 0;
	if (r->if_any) {
		r->if_any = false;
		r->if_neg = c->if_neg;
		r->devices = c->devices;
		return 0;
	}
	if (r->if_neg && !c->if_neg)
		rc = pick(b->scratch, &c->devices, &r->devices, true, false, &both);
	else
		rc = pick(b->scratch, &r->devices, &c->devices, c->if_neg, r->if_neg, &both);
	r->if_neg = r->if_neg && c->if_neg;
	r->devices = both;
	if (!rc && !r->if_neg && !both.n)
		*m = NEVER;
	return rc;
}

static int meet_protos(struct policy_builder *b, struct pt_pol_rule *r, const struct pt_pol_rule *c, enum meet *m)
{
	struct pt_pol_protos both = { 0 };

	if (c->proto_any)
		return 0;
	if (r->proto_any) {
		r->proto_any = false;
		r->protos = c->protos;
		return 0;
	}
	both.v = pt_arena_alloc(b->scratch, r->protos.n + 1ul);
	if (!both.v)
		return -ENOMEM;
	for (size_t i = 0; i < r->protos.n; i++)
		if (c->protos.n && memchr(c->protos.v, r->protos.v[i], c->protos.n))
			both.v[both.n++] = r->protos.v[i];
	r->protos = both;
	if (!both.n)
		*m = NEVER;
	return 0;
}

/* Ports and ICMP types: a set without members is any. */
static int meet_set(struct policy_builder *b, struct pt_iset *s, const struct pt_iset *c, enum meet *m)
{
	struct pt_iset both = { 0 };
	int rc;

	if (!c->n)
		return 0;
	if (!s->n) {
		*s = *c;
		return 0;
	}
	rc = pt_iset_intersect(b->scratch, &both, s, c);
	*s = both;
	if (!rc && !both.n)
		*m = NEVER;
	return rc;
}

static void meet_flags(struct pt_pol_rule *r, const struct pt_pol_rule *c, enum meet *m)
{
	if ((r->flags_set ^ c->flags_set) & r->flags_mask & c->flags_mask)
		*m = CANNOT; /* of TCP alone no packet is left */
	r->flags_set |= c->flags_set;
	r->flags_mask |= c->flags_mask;
}

static void meet_tagged(struct pt_pol_rule *r, const struct pt_pol_rule *c, enum meet *m)
{
	bool same = r->tagged == c->tagged;

	if (!c->tagged)
		return;
	if (!r->tagged || (!r->tagged_neg && !same && c->tagged_neg)) {
		if (!r->tagged) {
			r->tagged = c->tagged;
			r->tagged_neg = c->tagged_neg;
		}
		return;
	}
	if (same) {
		*m = r->tagged_neg == c->tagged_neg ? *m : NEVER;
	} else if (r->tagged_neg && c->tagged_neg) {
		*m = CANNOT;
	} else if (!c->tagged_neg && r->tagged_neg) {
		r->tagged = c->tagged;
		r->tagged_neg = false;
	} else {
		*m = NEVER;
	}
}

static int meet_side(struct policy_builder *b, struct pt_pol_addr *a, const struct pt_pol_addr *c, enum meet *m)
{
	struct pt_pol_addr both = { .kind = PT_REF_SET };
	int rc;

	if (c->kind == PT_REF_ANY)
		return 0;
	if (a->kind == PT_REF_ANY) {
		*a = *c;
		return 0;
	}
	if (a->kind != PT_REF_SET || c->kind != PT_REF_SET) {
		if (a->kind != c->kind || a->ref != c->ref)
			*m = *m == NEVER ? NEVER : CANNOT;
		else if (a->neg != c->neg)
			*m = NEVER;
		return 0;
	}
	rc = pt_iset_intersect(b->scratch, &both.v4, &a->v4, &c->v4);
	if (!rc)
		rc = pt_iset_intersect(b->scratch, &both.v6, &a->v6, &c->v6);
	*a = both;
	return rc;
}

/* One of each kind. */
static int meet_more(struct policy_builder *b, struct pt_pol_rule *r, const struct pt_pol_more *c, enum meet *m)
{
	struct pt_pol_more both;

	if (!c)
		return 0;
	if (!r->more) {
		r->more = c;
		return 0;
	}
	both = *r->more;
	if ((both.has_tos && c->has_tos) || (both.received.n && c->received.n) || (both.uid.n && c->uid.n) ||
	    (both.gid.n && c->gid.n) || (both.macs.n && c->macs.n)) {
		*m = CANNOT;
		return 0;
	}
	both.has_tos = both.has_tos || c->has_tos;
	both.tos |= c->tos;
	if (c->received.n)
		both.received = c->received;
	if (c->uid.n)
		both.uid = c->uid;
	if (c->gid.n)
		both.gid = c->gid;
	if (c->macs.n)
		both.macs = c->macs;
	r->more = policy_keep_bytes(b, &both, sizeof(both));
	return r->more ? 0 : -ENOMEM;
}

static int cannot(struct policy_builder *b, const char *what)
{
	return policy_fail(b, &b->ast->loc, "write the condition in the rules of the anchor alone, or in the anchor rule alone",
			   "no rule can have both its own %s and those of the anchor rule", what);
}

/* R with the conditions of ANCHOR but those on addresses. */
static int meet_rule(struct policy_builder *b, struct pt_pol_rule *r, const struct policy_anchor *anchor, enum meet *m)
{
	const struct pt_pol_rule *c = &anchor->cond;
	int rc;

	if (!(r->dir & anchor->dirs))
		*m = NEVER;
	r->af &= c->af;
	rc = meet_devices(b, r, c, m);
	if (!rc)
		rc = meet_protos(b, r, c, m);
	if (!rc)
		rc = meet_set(b, &r->sport, &c->sport, m);
	if (!rc)
		rc = meet_set(b, &r->dport, &c->dport, m);
	if (!rc)
		rc = meet_set(b, &r->icmp, &c->icmp, m);
	if (rc || *m == NEVER)
		return rc;
	meet_tagged(r, c, m);
	if (*m == CANNOT)
		return cannot(b, "tags");
	if (*m == MEET)
		meet_flags(r, c, m);
	if (*m == CANNOT)
		return cannot(b, "flags");
	rc = meet_more(b, r, c->more, m);
	return !rc && *m == CANNOT ? cannot(b, "tos, received-on, user, group or mac") : rc;
}

static int emit_in(struct policy_builder *b, const struct pt_pol_rule *r, const struct policy_anchor *anchor);

static int emit_sides(struct policy_builder *b, struct pt_pol_rule r, const struct policy_anchor *anchor,
		      const struct pt_pol_addr *src, const struct pt_pol_addr *dst)
{
	enum meet m = MEET;
	int rc;

	rc = meet_side(b, &r.src, src, &m);
	if (!rc)
		rc = meet_side(b, &r.dst, dst, &m);
	if (rc)
		return rc;
	r.af &= policy_addr_af(&r.src) & policy_addr_af(&r.dst);
	if (m == NEVER || !r.af)
		return 0;
	return m == CANNOT ? cannot(b, "addresses, of which one side is a table or an interface,") :
			     emit_in(b, &r, anchor->outer);
}

/* The conditions of ANCHOR and of those around it. */
static int emit_in(struct policy_builder *b, const struct pt_pol_rule *r, const struct policy_anchor *anchor)
{
	struct pt_pol_rule copy = *r;
	enum meet m = MEET;
	int rc;

	if (!anchor)
		return policy_push(b, r);
	rc = meet_rule(b, &copy, anchor, &m);
	for (size_t i = 0; !rc && m == MEET && i < anchor->src.n; i++)
		for (size_t k = 0; !rc && k < anchor->dst.n; k++)
			rc = emit_sides(b, copy, anchor, &anchor->src.v[i], &anchor->dst.v[k]);
	return rc;
}

/* ---- what pf asks once ---- */

static bool asks_addresses(const struct policy_anchor *a)
{
	return a->cond.sport.n || a->cond.dport.n || a->src.v[0].kind != PT_REF_ANY || a->dst.v[0].kind != PT_REF_ANY;
}

int policy_emit_anchored(struct policy_builder *b, const struct pt_pol_rule *r)
{
	for (const struct policy_anchor *a = b->anchor; a; a = a->outer) {
		if (a->tags && a->cond.tagged)
			return policy_fail(b, &b->ast->loc, "make the rule that sets the tag quick, or the last one",
					   "the anchor asks for a tag, and a rule before this one in it sets one");
		if (a->moves && asks_addresses(a))
			return policy_fail(b, &b->ast->loc, "let a pass rule translate (pass ... nat-to, rdr-to)",
					   "the anchor asks for addresses or ports, and a match rule before this one in it translates");
	}
	return emit_in(b, r, b->anchor);
}

void policy_anchored(struct policy_builder *b, const struct pt_ast_rule *ast)
{
	for (struct policy_anchor *a = b->anchor; a; a = a->outer) {
		a->tags = a->tags || (ast->tag && !ast->quick);
		a->moves = a->moves || (ast->action == PT_MATCH && ast->nat.kind != PT_NAT_NONE);
	}
}

/* ---- quick anchors ---- */

/* With "the first match wins" in place of "the last match wins" a rule would be asked at another moment: that
 * must not change what it sees. */
static int check_turn(struct policy_builder *b, size_t from)
{
	const char *hint = "make the rules in it quick, or the anchor not";
	bool asks = false, tags = false;

	for (size_t i = from; i < b->p->rules.n; i++) {
		const struct pt_pol_rule *r = &b->p->rules.v[i];

		if (r->quick)
			continue;
		if (r->action == PT_MATCH && r->nat)
			return policy_fail(b, &r->loc, "let a pass rule translate", "a match rule that translates in an anchor that is quick");
		if (r->action != PT_MATCH && r->tag)
			return policy_fail(b, &r->loc, hint, "a rule that decides later and sets a tag now, in an anchor that is quick");
		asks = asks || (r->action != PT_MATCH && r->tagged);
		tags = tags || r->tag;
		if (asks && tags)
			return policy_fail(b, &r->loc, hint, "rules that set tags and rules that test them in an anchor that is quick");
	}
	return 0;
}

/* "The last of these that matches, if one does, ends it all": the quick ones and what the others do on the way, then
 * the others' verdicts from the last to the first. */
static int turn(struct policy_builder *b, size_t from)
{
	size_t n = b->p->rules.n - from, at = 0;
	struct pt_pol_rule *rules = b->p->rules.v + from, *copy;
	int rc = check_turn(b, from);

	if (rc || !n)
		return rc;
	copy = malloc(n * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, rules, n * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		if (copy[i].quick || copy[i].action == PT_MATCH)
			rules[at++] = copy[i];
	for (size_t i = n; i-- > 0;) {
		if (copy[i].quick || copy[i].action == PT_MATCH)
			continue;
		rules[at] = copy[i];
		rules[at++].quick = true;
	}
	for (size_t i = 0; i < n; i++)
		rules[i].index = (uint32_t)(from + i);
	free(copy);
	return 0;
}

/* ---- which rules stand there ---- */

typedef PT_VEC(const struct pt_conf_anchor *) anchors;

static int path_cmp(const void *x, const void *y)
{
	const struct pt_conf_anchor *a = *(const struct pt_conf_anchor *const *)x;
	const struct pt_conf_anchor *b = *(const struct pt_conf_anchor *const *)y;
	int order = strcmp(a->path, b->path);

	return order ? order : (int)a->loaded - (int)b->loaded;
}

/* Those that PATH names; a star stands for one name. What is written hides what was loaded by the same name. */
static int find_all(const struct policy_builder *b, const char *path, struct pt_arena *arena, anchors *out)
{
	size_t len = strlen(path), stem = path[len - 1] == '*' ? len - 1 : len, n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < b->conf->anchors.n; i++) {
		const struct pt_conf_anchor *a = &b->conf->anchors.v[i];
		bool here = stem == len ? !strcmp(a->path, path) :
					  !strncmp(a->path, path, stem) && a->path[stem] && !strchr(a->path + stem, '/');

		if (here)
			rc = pt_vec_push(arena, out, a); /* NOLINT(bugprone-sizeof-expression) */
	}
	if (rc || !out->n)
		return rc;
	qsort(out->v, out->n, sizeof(*out->v), path_cmp); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 1; i < out->n; i++)
		if (strcmp(out->v[i]->path, out->v[n]->path) != 0)
			out->v[++n] = out->v[i];
	out->n = n + 1;
	return 0;
}

static int take_inner(void *arg, const struct pt_conf *c, uint32_t index, const struct pt_ast_rule *rule)
{
	struct policy_builder *b = arg;
	int rc = 0;

	(void)c;
	(void)index;
	if (!b->full)
		rc = policy_add_rule(b, rule, b->written++);
	b->failed = b->failed || rc;
	return rc == -ENOMEM ? rc : 0;
}

/* A second time the same rules are others: each has counters of its own. */
static const char *name_of(struct policy_builder *b, const struct pt_conf_anchor *a)
{
	uint32_t *asked = &b->p->asked[a - b->conf->anchors.v];

	if (++*asked == 1)
		return a->path;
	return pt_arena_printf(b->arena, "%s#%u", a->path, *asked);
}

static int add_one(struct policy_builder *b, struct policy_anchor *level, const struct pt_conf_anchor *a)
{
	int rc;

	if (++b->anchors > ANCHORS_ASKED_MAX) {
		b->full = true;
		return policy_fail(b, &b->ast->loc, "name them at fewer places", "anchors in anchors are asked more than %d times",
				   ANCHORS_ASKED_MAX);
	}
	level->path = pt_arena_strdup(b->arena, a->path);
	level->name = level->path ? name_of(b, a) : NULL;
	if (!level->name)
		return -ENOMEM;
	rc = pt_conf_anchor_rules(b->conf, a, take_inner, b, b->err);
	b->failed = b->failed || rc;
	return rc == -ENOMEM ? rc : 0;
}

/* ---- the anchor rule itself ---- */

static int add_place(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index, size_t *at)
{
	struct pt_pol_place p = { .loc = ast->loc, .ast = index, .quick = ast->quick };

	for (const struct policy_anchor *a = b->anchor; a; a = a->outer)
		p.depth++;
	p.anchor = b->anchor ? b->anchor->path : NULL;
	b->text.n = 0;
	pt_rule_print(&b->text, ast);
	p.text = b->text.err ? NULL : pt_arena_strndup(b->arena, b->text.s, b->text.n);
	p.path = b->anchor ? pt_arena_printf(b->arena, "%s/%s", b->anchor->path, ast->anchor) :
			     pt_arena_strdup(b->arena, ast->anchor);
	if (!p.text || !p.path)
		return -ENOMEM;
	if (!b->p->asked)
		b->p->asked = pt_arena_alloc(b->arena, (b->conf->anchors.n + 1) * sizeof(*b->p->asked));
	*at = b->p->places.n;
	return b->p->asked ? pt_vec_push(b->arena, &b->p->places, p) : -ENOMEM;
}

/* Its conditions, in memory that outlives the rules in it. */
static int conditions(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index, struct policy_anchor *level)
{
	int rc, rc2, rc3;

	b->ast = ast;
	rc = policy_set_base(b, index);
	if (rc == -ENOMEM)
		return rc;
	rc2 = policy_addrs_of(b, &ast->src, &level->src);
	rc3 = policy_addrs_of(b, &ast->dst, &level->dst);
	rc2 = rc2 ? rc2 : policy_check_side(b, &ast->src, false);
	rc3 = rc3 ? rc3 : policy_check_side(b, &ast->dst, true);
	if (rc2 == -ENOMEM || rc3 == -ENOMEM)
		return -ENOMEM;
	level->cond = b->base;
	level->dirs = ast->dir == PT_DIR_NONE ? PT_IN | PT_OUT : (uint8_t)ast->dir;
	level->outer = b->anchor;
	return rc || rc2 || rc3 ? -EINVAL : 0;
}

static int add_all(struct policy_builder *b, const struct pt_ast_rule *ast, size_t place, struct policy_anchor *level,
		   struct pt_arena *arena)
{
	size_t from = b->p->rules.n;
	anchors found = { 0 };
	int rc = find_all(b, b->p->places.v[place].path, arena, &found);

	b->anchor = level;
	for (size_t i = 0; !rc && i < found.n; i++)
		rc = add_one(b, level, found.v[i]);
	b->anchor = level->outer;
	if (!rc && ast->quick && !b->failed)
		rc = turn(b, from);
	b->p->places.v[place].end = b->written;
	return rc;
}

int policy_add_anchor(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index)
{
	struct pt_arena *scratch = b->scratch, *own = pt_arena_new();
	struct policy_anchor level = { 0 };
	size_t place = 0;
	int rc = own ? 0 : -ENOMEM;

	b->scratch = own;
	if (!rc)
		rc = add_place(b, ast, index, &place);
	if (!rc)
		rc = conditions(b, ast, index, &level);
	b->scratch = scratch;
	if (!rc)
		rc = add_all(b, ast, place, &level, own);
	pt_arena_free(own);
	return rc;
}
