/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules in force: text from the applied file, counters from the kernel, joined by identity. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

struct shown {
	struct pt_cli *c;
	struct pt_plan p;
	struct pt_arena *arena;
	struct pt_nft_counter *counters;
	size_t n_counters;
	struct pt_out *out;
	const char *label;
	struct judged judged; /* with details or for programs */
	size_t number; /* of records */
	size_t places; /* anchor rules shown so far, */
	int depth;     /* and how many of them the rule stands in */
	const char *only;   /* of these anchors; NULL: all */
};

static int by_id(const void *key, const void *item)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct pt_nft_counter *)item)->id;

	return a < b ? -1 : a > b;
}

static struct pt_nft_counter counter_of(const struct shown *s, uint32_t id)
{
	const struct pt_nft_counter *found = NULL;

	if (s->n_counters)
		found = bsearch(&id, s->counters, s->n_counters, sizeof(*found), by_id);
	return found ? *found : (struct pt_nft_counter){ .id = id };
}

static const char *action_name(const struct pt_pol_rule *r)
{
	static const char *const names[] = { "pass", "block", "match" };

	return names[r->action];
}

static void rule_text(const struct shown *s, const struct pt_pol_rule *r, const struct pt_nft_counter *n, struct pt_buf *t)
{
	int indent = 2 * s->depth;

	pt_buf_fmt(t, "%*s%s", indent, "", s->c->brief ? r->name : r->text);
	if (s->c->details) {
		if (r->loc.line)
			pt_buf_fmt(t, "\n%*s  [ %s  id %08x  %s:%u ]", indent, "", r->name, r->id, r->loc.file, r->loc.line);
		else
			pt_buf_fmt(t, "\n  [ %s  id %08x  built-in ]", r->name, r->id);
	}
	if (s->c->stats)
		pt_buf_fmt(t, "\n%*s  [ packets %llu  bytes %llu%s ]", indent, "", (unsigned long long)n->packets,
			   (unsigned long long)n->bytes, n->copies ? "" : "  not in the kernel");
}

/* "in classifier  out list", as far as the rule judges there. */
static void judged_line(const struct shown *s, const struct pt_buf *in, const struct pt_buf *out, struct pt_buf *t)
{
	pt_buf_fmt(t, "\n%*s  [ judged", 2 * s->depth, "");
	if (in->n)
		pt_buf_fmt(t, "  in: %s", in->s);
	if (out->n)
		pt_buf_fmt(t, "  out: %s", out->s);
	pt_buf_str(t, " ]");
}

static void show_judged(struct shown *s, const struct pt_pol_rule *r, struct pt_buf *t)
{
	struct pt_buf in = { 0 }, out = { 0 };

	if (!s->judged.places)
		return;
	judged_text(&s->judged, r->index, PT_IN, &in);
	judged_text(&s->judged, r->index, PT_OUT, &out);
	if (s->c->details)
		judged_line(s, &in, &out, t);
	show_key(s->out, "judged_in", &in);
	show_key(s->out, "judged_out", &out);
}

/* The addresses of a pool, so many ranges of them that a line can hold them. */
static void pool_target(const struct pt_pol_nat *n, struct pt_buf *t)
{
	const size_t most = 8;

	for (size_t i = 0; i < n->members.n && i < most; i++) {
		if (i)
			pt_buf_str(t, ", ");
		pt_range_fmt(t, n->af, n->members.v[i].lo, n->members.v[i].hi);
	}
	if (n->members.n > most)
		pt_buf_fmt(t, " and %zu more", n->members.n - most);
}

static void nat_target(const struct shown *s, const struct pt_pol_nat *n, struct pt_buf *t)
{
	if (n->target == PT_REF_IF)
		pt_buf_fmt(t, "(%s)", s->p.policy->ifrefs.v[n->ref].ifname);
	else if (n->pool)
		pool_target(n, t);
	else
		pt_range_fmt(t, n->af, n->lo, n->hi);
	if (n->has_port)
		pt_buf_fmt(t, n->port_hi != n->port_lo ? " port %u:%u" : " port %u", n->port_lo, n->port_hi);
}

/* ---- what one rule became ---- */

/* The last rule of the policy that the written rule beginning at R became. */
static const struct pt_pol_rule *last_of(const struct shown *s, const struct pt_pol_rule *r)
{
	const struct pt_policy *p = s->p.policy;

	while (r->index + 1 < p->rules.n && p->rules.v[r->index + 1].ast == r->ast)
		r = &p->rules.v[r->index + 1];
	return r;
}

/* It redirects, and has the way back with it. */
static bool is_reflected(const struct shown *s, const struct pt_pol_rule *r)
{
	const struct pt_pol_nat *nats = s->p.policy->nats.v;

	if (r->ast == PT_POL_BUILTIN || !r->nat || nats[r->nat - 1].kind != PT_NAT_DST)
		return false;
	r = last_of(s, r);
	return r->nat && nats[r->nat - 1].kind == PT_NAT_SRC && r->action == PT_MATCH;
}

/* "out on eth1: source becomes (lan)" */
static void became(const struct shown *s, const struct pt_pol_rule *r, struct pt_buf *t)
{
	const struct pt_pol_nat *n = &s->p.policy->nats.v[r->nat - 1];

	pt_buf_fmt(t, "%s", r->dir == PT_IN ? "in" : "out");
	pt_buf_str(t, r->if_any ? "" : r->if_neg ? " on any but" : " on");
	for (uint32_t i = 0; !r->if_any && i < r->devices.n; i++)
		pt_buf_fmt(t, "%s %s", i ? "," : "", r->devices.v[i]);
	if (r->action == PT_MATCH)
		pt_buf_str(t, " from its own network");
	pt_buf_fmt(t, ": %s becomes ", n->kind == PT_NAT_SRC ? "source" : "destination");
	nat_target(s, n, t);
}

/* To the end of the text T with details, and, where KEY is not NULL, as an array of that name. */
static void show_reflected(struct shown *s, const struct pt_pol_rule *r, const char *key, struct pt_buf *t)
{
	const struct pt_pol_rule *last = last_of(s, r);

	if (!is_reflected(s, r))
		return;
	if (key)
		pt_out_arr(s->out, key);
	for (; r <= last; r++) {
		struct pt_buf one = { 0 };

		became(s, r, &one);
		if (s->c->details)
			pt_buf_fmt(t, "\n%*s  [ %s ]", 2 * s->depth, "", one.s);
		pt_out_fail(s->out, one.err);
		if (key)
			pt_out_item(s->out, one.s);
		pt_buf_fini(&one);
	}
	if (key)
		pt_out_arr_end(s->out);
}

/* What tc(8) has to be told: "queue bulk is class 8000:1a2b". */
static void show_queues(struct shown *s, const struct pt_pol_rule *r, struct pt_buf *t)
{
	const struct pt_ast_set *set = r->set ? &s->p.policy->sets.v[r->set - 1] : NULL;
	const char *names[] = { set ? set->queue : NULL, set ? set->queue_fast : NULL };

	for (size_t i = 0; s->c->details && i < PT_ARRAY_SIZE(names); i++)
		if (names[i] && (!i || (names[0] && strcmp(names[0], names[1]) != 0)))
			pt_buf_fmt(t, "\n%*s  [ queue %s is class %x:%x ]", 2 * s->depth, "", names[i], PT_QUEUE_MAJOR,
				   pt_queue_class(names[i]));
}

static void show_rule(struct shown *s, const struct pt_pol_rule *r)
{
	struct pt_nft_counter n = counter_of(s, r->id);
	struct pt_buf t = { 0 };

	rule_text(s, r, &n, &t);
	pt_out_rec(s->out);
	pt_out_u64(s->out, "number", ++s->number);
	pt_out_str(s->out, "name", r->name);
	pt_out_u64(s->out, "id", r->id);
	pt_out_str(s->out, "action", action_name(r));
	pt_out_str(s->out, "rule", r->text);
	pt_out_bool(s->out, "quick", r->quick);
	pt_out_bool(s->out, "log", r->log);
	pt_out_bool(s->out, "builtin", r->ast == PT_POL_BUILTIN);
	pt_out_str(s->out, "anchor", r->anchor);
	pt_out_str(s->out, "file", r->loc.line ? r->loc.file : NULL);
	pt_out_u64(s->out, "line", r->loc.line);
	pt_out_u64(s->out, "column", r->loc.col);
	pt_out_u64(s->out, "packets", n.packets);
	pt_out_u64(s->out, "bytes", n.bytes);
	pt_out_bool(s->out, "loaded", n.copies > 0);
	show_judged(s, r, &t);
	show_queues(s, r, &t);
	show_reflected(s, r, "became", &t);
	show_text(s->out, &t);
	pt_out_rec_end(s->out);
}

/* ---- translations ---- */

static void show_nat(struct shown *s, const struct pt_pol_rule *r)
{
	const struct pt_pol_nat *n = &s->p.policy->nats.v[r->nat - 1];
	struct pt_nft_counter count = counter_of(s, r->id);
	struct pt_buf t = { 0 }, target = { 0 };

	nat_target(s, n, &target);
	rule_text(s, r, &count, &t);
	pt_out_rec(s->out);
	pt_out_str(s->out, "name", r->name);
	pt_out_str(s->out, "kind", n->kind == PT_NAT_SRC ? "source" : "destination");
	show_key(s->out, "target", &target);
	pt_out_bool(s->out, "one_to_one", n->one_to_one);
	pt_out_str(s->out, "pool", pt_pool_way_name(n->way));
	pt_out_bool(s->out, "sticky", n->sticky);
	pt_out_bool(s->out, "static_port", n->static_port);
	pt_out_str(s->out, "rule", r->text);
	pt_out_str(s->out, "file", r->loc.line ? r->loc.file : NULL);
	pt_out_u64(s->out, "line", r->loc.line);
	pt_out_u64(s->out, "packets", count.packets);
	pt_out_u64(s->out, "bytes", count.bytes);
	show_reflected(s, r, NULL, &t);
	show_text(s->out, &t);
	pt_out_rec_end(s->out);
}

/* ---- the walk over the rules as written ---- */

static bool wanted(const struct shown *s, const struct pt_pol_rule *r)
{
	if (s->only)
		return r->anchor && pt_anchor_matches(s->only, r->anchor);
	if (s->label)
		return !strcmp(r->name, s->label);
	return r->ast != PT_POL_BUILTIN || s->c->details;
}

/* The state "rule" is no rule of the language; with -d it is told so that nobody misses it. */
static void state_note(struct shown *s)
{
	if (s->c->details && !s->label && !s->only && pt_out_format(s->out) == PT_OUT_TEXT) {
		pt_out_rec(s->out);
		pt_out_text(s->out, "# packets of known states, and ICMP errors that belong to them, pass before all rules");
		pt_out_rec_end(s->out);
	}
}

/* An anchor rule is none of the policy; in its place stand the rules of the anchor. */
static void show_place(struct shown *s, const struct pt_pol_place *place)
{
	struct pt_buf t = { 0 };

	pt_buf_fmt(&t, "%*s%s", 2 * s->depth, "", s->c->brief ? place->path : place->text);
	if (s->c->details)
		pt_buf_fmt(&t, "\n%*s  [ %s:%u ]", 2 * s->depth, "", place->loc.file, place->loc.line);
	pt_out_rec(s->out);
	pt_out_u64(s->out, "number", ++s->number);
	pt_out_str(s->out, "name", place->path);
	pt_out_u64(s->out, "id", 0);
	pt_out_str(s->out, "action", "anchor");
	pt_out_str(s->out, "rule", place->text);
	pt_out_bool(s->out, "quick", place->quick);
	pt_out_bool(s->out, "log", false);
	pt_out_bool(s->out, "builtin", false);
	pt_out_str(s->out, "anchor", place->anchor);
	pt_out_str(s->out, "file", place->loc.file);
	pt_out_u64(s->out, "line", place->loc.line);
	pt_out_u64(s->out, "column", place->loc.col);
	pt_out_u64(s->out, "packets", 0);
	pt_out_u64(s->out, "bytes", 0);
	pt_out_bool(s->out, "loaded", true);
	show_text(s->out, &t);
	pt_out_rec_end(s->out);
}

int depth_in_places(const struct pt_policy *p, size_t n, uint32_t ast)
{
	int depth = 0;

	for (size_t i = 0; i < n; i++)
		depth += p->places.v[i].end > ast;
	return depth;
}

/* Anchor rules up to the written rule number AST; then how deep that stands. */
static void walk_places(struct shown *s, uint32_t ast)
{
	const struct pt_policy *p = s->p.policy;

	for (; s->places < p->places.n && p->places.v[s->places].ast < ast; s->places++) {
		s->depth = (int)p->places.v[s->places].depth;
		show_place(s, &p->places.v[s->places]);
	}
	s->depth = depth_in_places(p, s->places, ast);
}

static int by_place(const void *x, const void *y)
{
	const struct pt_pol_rule *a = *(const struct pt_pol_rule *const *)x, *b = *(const struct pt_pol_rule *const *)y;
	uint32_t m = a->ast + 1, n = b->ast + 1; /* built-in ones come first */

	return m != n ? (m < n ? -1 : 1) : a->index < b->index ? -1 : 1;
}

/* Those of a quick anchor are the other way round in the policy. */
const struct pt_pol_rule **rules_as_written(const struct pt_policy *p, struct pt_arena *a)
{
	const struct pt_pol_rule **v = pt_arena_alloc(a, (p->rules.n + 1) * sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */

	for (size_t i = 0; v && i < p->rules.n; i++)
		v[i] = &p->rules.v[i];
	if (v && p->places.n)
		qsort(v, p->rules.n, sizeof(*v), by_place); /* NOLINT(bugprone-sizeof-expression) */
	return v;
}

/* One written rule may be several of the policy, one behind the other, with one id. For programs each of its
 * translations is a record; people read it once, with what it became under it. */
static int walk(struct shown *s, bool nats, size_t *n)
{
	const struct pt_pol_rule **order = rules_as_written(s->p.policy, s->arena);
	const struct pt_policy *p = s->p.policy;
	bool places = !nats && !s->label && !s->only, each = nats && pt_out_format(s->out) != PT_OUT_TEXT;
	uint32_t last = 0;

	*n = 0;
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = order[i];

		if ((nats && !r->nat) || (!each && r->id == last) || !wanted(s, r))
			continue;
		last = r->id;
		++*n;
		if (places && r->ast != PT_POL_BUILTIN)
			walk_places(s, r->ast);
		if (nats)
			show_nat(s, r);
		else
			show_rule(s, r);
	}
	if (places)
		walk_places(s, PT_POL_BUILTIN);
	return 0;
}

static int unknown_label(struct shown *s)
{
	const struct pt_policy *p = s->p.policy;
	PT_VEC(const char *) names = { 0 };
	struct pt_buf hint = { 0 };
	const char *near;

	for (size_t i = 0; i < p->rules.n; i++)
		if (!strcmp(p->rules.v[i].name, s->label)) {
			pt_err_add(&s->c->err, PT_ERROR, NULL, NULL, "rule '%s' does not translate", s->label);
			return PT_EXIT_NO;
		}
	for (size_t i = 0; i < p->rules.n; i++)
		if (pt_vec_push(s->arena, &names, p->rules.v[i].name))
			break;
	near = pt_nearest(s->label, names.v, names.n);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	pt_err_add(&s->c->err, PT_ERROR, NULL, hint.s, "no rule in force is named '%s'", s->label);
	pt_buf_fini(&hint);
	return PT_EXIT_NO;
}

/* Nothing was shown, of what was asked for. */
static int shown_nothing(struct shown *s)
{
	if (s->only && !anchor_known(&s->p, s->only))
		return anchor_unknown(s->c, &s->p, s->only);
	if (s->only && !s->c->json && !s->c->line)
		anchor_tell_idle(s->c, &s->p, s->only);
	if (s->only)
		return 0;
	return s->label ? unknown_label(s) : 0;
}

static int show(struct pt_cli *c, bool nats, const char *only)
{
	struct shown s = { .c = c, .only = only, .label = !only && c->argc ? c->argv[0] : NULL };
	struct sockets k;
	size_t n = 0;
	int rc, end;

	rc = sockets_open(&k, &c->err);
	if (rc)
		return rc;
	s.arena = pt_arena_new();
	rc = s.arena ? pt_plan_applied(k.nf, &s.p, &c->err) : -ENOMEM;
	if (rc)
		goto out;
	rc = pt_nft_counters(s.p.have, s.arena, &s.counters, &s.n_counters);
	if (!rc && !nats && (c->details || c->json || c->line))
		rc = judged_find(&s.p, s.arena, &s.judged);
	if (!rc)
		s.out = nats ? pt_cli_out(c, PT_OUT_TEXT, "patronus.nat.v1", "translations") :
			       pt_cli_out(c, PT_OUT_TEXT, "patronus.rule.v1", "rules");
	if (!rc && !s.out)
		rc = -ENOMEM;
	if (!rc) {
		state_note(&s);
		rc = walk(&s, nats, &n);
		end = pt_cli_end(c, s.out);
		rc = rc ? rc : end ? end : n ? 0 : shown_nothing(&s);
	}
out:
	pt_plan_fini(&s.p);
	pt_arena_free(s.arena);
	sockets_close(&k);
	return rc;
}

int cmd_rule_show(struct pt_cli *c)
{
	return show(c, false, NULL);
}

int show_anchor(struct pt_cli *c, const char *pattern)
{
	return show(c, false, pattern);
}

int cmd_nat_show(struct pt_cli *c)
{
	return show(c, true, NULL);
}
