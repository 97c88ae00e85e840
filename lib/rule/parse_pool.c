/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How one of several addresses is chosen: what stands behind the target of nat-to and rdr-to, in any
 * order. A word that changes nothing would be believed to do something, so it is an error.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static const char *const ways[] = {
	[PT_POOL_ROUND_ROBIN] = "round-robin",
	[PT_POOL_RANDOM] = "random",
	[PT_POOL_SOURCE_HASH] = "source-hash",
	[PT_POOL_BITMASK] = "bitmask",
};

const char *pt_pool_way_name(enum pt_pool_way way)
{
	return ways[way];
}

/* The options as they stood, for errors about two of them. */
struct options {
	const struct rule_tok *way, *sticky, *fixed; /* NULL: not given */
};

static enum pt_pool_way way_of(const struct rule_tok *t)
{
	for (size_t i = PT_POOL_ROUND_ROBIN; t->kind == TOK_WORD && i < PT_ARRAY_SIZE(ways); i++)
		if (!strcmp(t->s, ways[i]))
			return (enum pt_pool_way)i;
	return PT_POOL_NONE;
}

static int key(struct rule_parser *p, struct pt_ast_nat *n)
{
	const struct rule_tok *t = p->tok;
	struct pt_loc loc;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the last token is TOK_END */
	if (!t->operand || (t->kind == TOK_WORD && rule_reserved(t->s)))
		return 0;
	return rule_parse_name(p, "a key", PT_POOL_KEY_MAX, &n->key, &loc);
}

static int set_way(struct rule_parser *p, struct pt_ast_nat *n, struct options *o, enum pt_pool_way way)
{
	const struct rule_tok *t = p->tok++;

	if (o->way && n->way == way)
		return rule_note(p, t, "leave one of them out", "'%s' is given twice", t->s);
	if (o->way)
		return rule_note(p, t, "leave one of them out", "'%s' for a pool with '%s'", t->s, ways[n->way]);
	o->way = t;
	n->way = way;
	return way == PT_POOL_SOURCE_HASH ? key(p, n) : 0;
}

static int set_flag(struct rule_parser *p, const struct rule_tok **at, bool *flag)
{
	const struct rule_tok *t = p->tok++;

	if (*at)
		return rule_note(p, t, "leave one of them out", "'%s' is given twice", t->s);
	*at = t;
	*flag = true;
	return 0;
}

/* ---- what does not go together ---- */

static bool is_pool(const struct pt_ast_nat *n)
{
	const struct pt_ast_host *h = &n->host;

	return n->more.n || h->kind == PT_HOST_TABLE || (h->kind == PT_HOST_RANGE && h->lo.v != h->hi.v) ||
	       (h->kind == PT_HOST_PREFIX && h->plen < pt_af_bits(h->lo.af));
}

static int check_pool(struct rule_parser *p, const struct pt_ast_nat *n, const struct options *o)
{
	const struct rule_tok *t = o->way ? o->way : o->sticky;

	if (t && n->kind == PT_NAT_BI)
		return rule_note(p, t, "leave it out: binat-to is one to one", "'%s' behind binat-to", t->s);
	if (t && !is_pool(n))
		return rule_note(p, t, "leave it out; a pool is a list, a prefix, a range or a table",
				 "'%s' where there is one address only", t->s);
	if (n->way == PT_POOL_BITMASK && (n->more.n || n->host.kind != PT_HOST_PREFIX))
		return rule_note(p, o->way, "write one prefix, or `round-robin`",
				 "'bitmask' of something that is not one prefix");
	if (o->sticky && (n->way == PT_POOL_SOURCE_HASH || n->way == PT_POOL_BITMASK))
		return rule_note(p, o->sticky, "leave it out",
				 "'sticky-address' with '%s', which gives a source the same address each time", ways[n->way]);
	return 0;
}

static int check_fixed(struct rule_parser *p, const struct pt_ast_nat *n, const struct options *o)
{
	if (!o->fixed)
		return 0;
	if (n->kind != PT_NAT_SRC)
		return rule_note(p, o->fixed, "leave it out", "'static-port' without nat-to");
	if (n->has_port)
		return rule_note(p, o->fixed, "leave one of them out", "'static-port' in a translation to other ports");
	return 0;
}

int rule_parse_pool(struct rule_parser *p, struct pt_ast_nat *n, bool known)
{
	struct options o = { 0 };
	enum pt_pool_way way;
	int rc = 0;

	while (!rc) {
		way = way_of(p->tok);
		if (way)
			rc = set_way(p, n, &o, way);
		else if (rule_is(p, "sticky-address"))
			rc = set_flag(p, &o.sticky, &n->sticky);
		else if (rule_is(p, "static-port"))
			rc = set_flag(p, &o.fixed, &n->static_port);
		else
			break;
	}
	if (!rc)
		rc = check_fixed(p, n, &o);
	return !rc && known ? check_pool(p, n, &o) : rc;
}
