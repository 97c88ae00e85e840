/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups of flows as rules in words. A long list becomes several rules, so that each can be read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/learn_internal.h"

#define WORDS 64 /* members of one list */

typedef PT_VEC(const char *) words;

static int add_prefix(struct pt_prefix p, void *arg)
{
	struct grouping *g = ((void **)arg)[0];
	words *out = ((void **)arg)[1];
	struct pt_buf b = { 0 };
	const char *s;

	pt_prefix_fmt(&b, p);
	s = b.err ? NULL : pt_arena_strdup(g->a, b.s);
	pt_buf_fini(&b);
	return !s ? -ENOMEM : pt_vec_push(g->a, out, s);
}

/* Hosts, and prefixes where they fill them. */
static void side_words(struct grouping *g, const struct side *s, words *out)
{
	static const enum pt_af families[] = { PT_AF_INET, PT_AF_INET6 };
	void *arg[] = { g, out };
	const char *word = NULL;

	if (s->kind == SIDE_SET) {
		for (int i = 0; i < 2; i++)
			for (uint32_t k = 0; k < s->set[i].n && !g->rc; k++)
				g->rc = pt_range_prefixes(families[i], s->set[i].v[k].lo, s->set[i].v[k].hi, add_prefix, arg);
		return;
	}
	if (s->kind == SIDE_NETWORK)
		word = pt_arena_printf(g->a, "%s:network", s->of->name);
	else if (s->kind == SIDE_OWN)
		word = pt_arena_printf(g->a, "(%s)", s->of->name);
	else
		word = s->kind == SIDE_SELF ? "self" : "any";
	if (!g->rc)
		g->rc = word ? pt_vec_push(g->a, out, word) : -ENOMEM;
}

static void port_words(struct grouping *g, const struct group *x, words *out)
{
	bool types = x->proto[0] == PT_PROTO_ICMP || x->proto[0] == PT_PROTO_ICMP6;

	for (uint32_t i = 0; i < x->ports.n && !g->rc; i++) {
		unsigned int lo = (unsigned int)x->ports.v[i].lo, hi = (unsigned int)x->ports.v[i].hi;

		/* two in a row are no range, and types have none at all */
		for (unsigned int p = lo; p <= hi && !g->rc; p++) {
			bool range = !types && hi > lo + 1;
			const char *word = range ? pt_arena_printf(g->a, "%u:%u", lo, hi) : pt_arena_printf(g->a, "%u", p);

			g->rc = word ? pt_vec_push(g->a, out, word) : -ENOMEM;
			if (range)
				break;
		}
	}
}

static void put_list(struct pt_buf *b, const words *w, size_t from)
{
	size_t n = w->n - from < WORDS ? w->n - from : WORDS;

	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(b, "%s%s", i ? ", " : n > 1 ? " { " : " ", w->v[from + i]);
	pt_buf_str(b, n > 1 ? " }" : "");
}

static void put_protos(struct pt_buf *b, const struct group *x)
{
	pt_buf_str(b, x->n_proto > 1 ? " proto { " : " proto ");
	for (uint8_t i = 0; i < x->n_proto; i++) {
		const char *name = pt_proto_name(x->proto[i]);

		pt_buf_str(b, i ? ", " : "");
		if (name)
			pt_buf_str(b, name);
		else
			pt_buf_uint(b, x->proto[i]);
	}
	pt_buf_str(b, x->n_proto > 1 ? " }" : "");
}

/* Neither side tells the family, nor the protocol does. */
static bool needs_family(const struct group *x)
{
	return x->af != PT_AF_BOTH && x->src.kind != SIDE_SET && x->dst.kind != SIDE_SET && x->proto[0] != PT_PROTO_ICMP &&
	       x->proto[0] != PT_PROTO_ICMP6;
}

static void put_rule(struct pt_buf *b, const struct group *x, const words list[3], const size_t at[3])
{
	bool icmp = x->proto[0] == PT_PROTO_ICMP || x->proto[0] == PT_PROTO_ICMP6;
	bool ports = x->proto[0] == PT_PROTO_TCP || x->proto[0] == PT_PROTO_UDP || x->proto[0] == PT_PROTO_SCTP;

	pt_buf_fmt(b, "pass %s on %s", x->dir == PT_IN ? "in" : "out", x->on);
	if (needs_family(x))
		pt_buf_str(b, x->af == PT_AF_INET ? " inet" : " inet6");
	put_protos(b, x);
	pt_buf_str(b, " from");
	put_list(b, &list[0], at[0]);
	pt_buf_str(b, " to");
	put_list(b, &list[1], at[1]);
	if (ports)
		pt_buf_str(b, " port");
	else if (icmp)
		pt_buf_str(b, x->proto[0] == PT_PROTO_ICMP ? " icmp-type" : " icmp6-type");
	if (ports || icmp)
		put_list(b, &list[2], at[2]);
	if (x->nat)
		pt_buf_fmt(b, " %s", x->nat);
}

/* As the printer of rules writes it, which proves that it is one. */
static const char *canonical(struct grouping *g, const char *text, size_t len)
{
	struct pt_rule_ctx ctx = { .arena = g->a };
	struct pt_ast_rule *rule;
	struct pt_buf b = { 0 };
	const char *s = NULL;

	g->rc = pt_rule_parse(&ctx, text, len, &rule, NULL);
	if (g->rc)
		return NULL;
	pt_rule_print(&b, rule);
	if (!b.err)
		s = pt_arena_strdup(g->a, b.s);
	pt_buf_fini(&b);
	if (!s)
		g->rc = -ENOMEM;
	return s;
}

static void add_rule(struct grouping *g, const struct group *x, const words list[3], const size_t at[3], pt_learn_rules *out)
{
	struct pt_learn_rule r = x->evidence;
	struct pt_buf b = { 0 };

	put_rule(&b, x, list, at);
	g->rc = b.err;
	if (!g->rc)
		r.text = canonical(g, b.s, b.n);
	pt_buf_fini(&b);
	r.on = x->on;
	r.dir = x->dir;
	if (!g->rc)
		g->rc = pt_vec_push(g->a, out, r);
}

static void group_text(struct grouping *g, const struct group *x, pt_learn_rules *out)
{
	words list[3] = { 0 };
	size_t at[3];

	side_words(g, &x->src, &list[0]);
	side_words(g, &x->dst, &list[1]);
	port_words(g, x, &list[2]);
	for (at[0] = 0; at[0] < list[0].n; at[0] += WORDS)
		for (at[1] = 0; at[1] < list[1].n; at[1] += WORDS)
			for (at[2] = 0; at[2] < list[2].n && !g->rc; at[2] += WORDS)
				add_rule(g, x, list, at, out);
}

static int rule_cmp(const void *a, const void *b)
{
	const struct pt_learn_rule *x = a, *y = b;
	int c = x->dir < y->dir ? -1 : x->dir > y->dir;

	if (!c)
		c = strcmp(x->on, y->on);
	if (!c)
		c = x->flows > y->flows ? -1 : x->flows < y->flows;
	return c ? c : strcmp(x->text, y->text);
}

int groups_text(struct grouping *g, pt_learn_rules *out)
{
	for (size_t i = 0; i < g->groups.n && !g->rc; i++)
		group_text(g, &g->groups.v[i], out);
	if (!g->rc && out->n)
		qsort(out->v, out->n, sizeof(*out->v), rule_cmp);
	return g->rc;
}
