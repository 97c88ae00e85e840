/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nat, rdr and binat, which were statements of their own in older pf.
 *
 * There the first one that matches translates, before any rule is looked at, and the rules see what it made of the
 * packet. Our match rules do the same when they stand before all others, except that a later one
 * looks at the packet again, as the earlier one left it. Where it might match that, the earlier one
 * marks the packet with a tag and the later one passes tagged packets over. On the way out binat comes before nat,
 * wherever they stand.
 */
#include <errno.h>

#include "import/internal.h"

static const char *tag_of(const struct imp_trans *t)
{
	if (t->zone == ZONE_RDR)
		return "RDR_DONE";
	return t->zone == ZONE_BINAT && t->r->no ? "BINAT_DONE" : "NAT_DONE";
}

static int add_words(struct imp *m, struct imp_rule *r, const char *kind, const char *first, const char *second,
		     const char *third)
{
	const char *const words[] = { first, second, third };
	struct imp_opt *o;
	int rc = imp_rule_opt(m, r, kind, &o);

	for (size_t i = 0; i < PT_ARRAY_SIZE(words) && !rc && words[i]; i++)
		rc = imp_put(m, &o->head, words[i], NULL, false);
	return rc;
}

/* ---- may a later one match too? ---- */

static bool named_apart(const struct pt_ast_rule *a, const struct pt_ast_rule *b)
{
	if (!a->ifs.n || !b->ifs.n)
		return false;
	for (size_t i = 0; i < a->ifs.n; i++)
		for (size_t k = 0; k < b->ifs.n; k++)
			if (a->ifs.v[i].neg || b->ifs.v[k].neg || !strcmp(a->ifs.v[i].name, b->ifs.v[k].name))
				return false;
	return true;
}

static bool protos_apart(const struct pt_ast_rule *a, const struct pt_ast_rule *b)
{
	if (!a->protos.n || !b->protos.n)
		return false;
	for (size_t i = 0; i < a->protos.n; i++)
		for (size_t k = 0; k < b->protos.n; k++)
			if (a->protos.v[i] == b->protos.v[k])
				return false;
	return true;
}

static bool constant(const struct pt_ast_host *h)
{
	return !h->neg && (h->kind == PT_HOST_PREFIX || h->kind == PT_HOST_RANGE);
}

static void ends(const struct pt_ast_host *h, pt_u128 *lo, pt_u128 *hi)
{
	struct pt_prefix p = { h->lo, h->plen };

	*lo = h->kind == PT_HOST_RANGE ? h->lo.v : pt_prefix_lo(&p);
	*hi = h->kind == PT_HOST_RANGE ? h->hi.v : pt_prefix_hi(&p);
}

/* No address is in both, for sure. */
static bool host_apart(const struct pt_ast_host *a, const struct pt_ast_host *b)
{
	pt_u128 alo, ahi, blo, bhi;

	if (constant(a) && constant(b)) {
		if (a->lo.af != b->lo.af)
			return true;
		ends(a, &alo, &ahi);
		ends(b, &blo, &bhi);
		return ahi < blo || bhi < alo;
	}
	/* Different interfaces have different addresses and networks; an interface's own are not in what the file
	 * calls by numbers, unless it means just them. */
	if (a->kind == PT_HOST_IF && b->kind == PT_HOST_IF && !a->neg && !b->neg)
		return strcmp(a->name, b->name) != 0;
	return false;
}

static bool hosts_apart(const pt_hosts *a, const pt_hosts *b)
{
	if (!a->n || !b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (!host_apart(&a->v[i], &b->v[k]))
				return false;
	return true;
}

static bool port_span(const struct pt_ast_port *p, uint32_t *lo, uint32_t *hi)
{
	*lo = p->a;
	*hi = p->op == PT_PORT_RANGE ? p->b : p->a;
	return p->op == PT_PORT_EQ || p->op == PT_PORT_RANGE;
}

static bool ports_apart(const pt_ports *a, const pt_ports *b)
{
	uint32_t alo, ahi, blo, bhi;

	if (!a->n || !b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (!port_span(&a->v[i], &alo, &ahi) || !port_span(&b->v[k], &blo, &bhi) ||
			    (ahi >= blo && bhi >= alo))
				return false;
	return true;
}

/* Whether rule B can match what A matched: as it came where A leaves it alone, else as A made it. */
static bool meets(const struct pt_ast_rule *a, const struct pt_ast_rule *b)
{
	struct pt_ast_host to = a->nat.host;
	struct pt_ast_port port = { .op = PT_PORT_RANGE, .a = a->nat.port_lo, .b = a->nat.port_hi };
	pt_hosts hosts = { .v = &to, .n = 1 };
	pt_ports ports = { .v = &port, .n = 1 };
	bool src = a->nat.kind == PT_NAT_SRC || a->nat.kind == PT_NAT_BI, dst = a->nat.kind == PT_NAT_DST;

	if (a->nat.port_star)
		ports.n = 0;
	if (named_apart(a, b) || protos_apart(a, b))
		return false;
	if (hosts_apart(src ? &hosts : &a->src, &b->src) || hosts_apart(dst ? &hosts : &a->dst, &b->dst))
		return false;
	return !ports_apart(dst && a->nat.has_port ? &ports : &a->dport, &b->dport);
}

/* An interface's address behind nat against numbers: private networks that are translated do not hold it. */
static bool own_address(const struct pt_ast_rule *a, const struct pt_ast_rule *b)
{
	if (a->nat.kind != PT_NAT_SRC || a->nat.host.kind != PT_HOST_IF || !b->src.n)
		return false;
	for (size_t i = 0; i < b->src.n; i++)
		if (!constant(&b->src.v[i]) && !(b->src.v[i].kind == PT_HOST_IF && !b->src.v[i].neg &&
						 strcmp(b->src.v[i].name, a->nat.host.name) != 0))
			return false;
	return true;
}

static struct pt_ast_rule *tree(struct imp *m, struct imp_rule *r)
{
	struct pt_rule_ctx ctx = { .arena = m->arena };
	struct pt_ast_rule *ast = NULL;
	struct pt_buf b = { 0 };

	imp_rule_print(m, r, &b, false);
	if (b.err || pt_rule_parse(&ctx, b.s, b.n, &ast, NULL))
		ast = NULL;
	pt_buf_fini(&b);
	return ast;
}

/* Whether A is looked at before B, in the same search. */
static bool before(const struct imp_trans *a, const struct imp_trans *b)
{
	if (b->zone == ZONE_NAT)
		return a->zone == ZONE_NAT || (a->zone == ZONE_BINAT && !a->r->no);
	return a->zone == b->zone && (b->zone == ZONE_RDR || a->r->no);
}

/* The packet of an earlier one A is not to be translated again by B. */
static int guard(struct imp *m, struct imp_trans *a, struct imp_trans *b)
{
	int rc = 0;

	if (!a->tagged && !imp_rule_has(a->r, "tag"))
		rc = add_words(m, a->r, "tag", "tag", tag_of(a), NULL);
	a->tagged = true;
	if (!rc && !b->guarded)
		rc = add_words(m, b->r, "tagged", "!", "tagged", tag_of(a));
	b->guarded = true;
	return rc;
}

static int first_match(struct imp *m, size_t n)
{
	struct imp_trans *b = &m->trans.v[n];
	int rc = 0;

	for (size_t i = 0; i < n && !rc && !b->r->no; i++) {
		struct imp_trans *a = &m->trans.v[i];

		if (a->pass || !before(a, b) || !a->ast || !b->ast)
			continue;
		if (!meets(a->ast, b->ast) || own_address(a->ast, b->ast))
			continue;
		if ((imp_rule_has(a->r, "tag") && !a->tagged) || (imp_rule_has(b->r, "tagged") && !b->guarded) ||
		    (b->zone != ZONE_RDR && m->tags))
			return imp_note(
				m, PT_IMPORT_CHANGED, b->r->st, "the first translation that matches wins",
				"the file has tags of its own, so that the earlier one cannot mark its packets",
				"a match rule, which may translate once more");
		rc = guard(m, a, b);
	}
	return rc;
}

/* An exception that nothing had to be kept from is one of nothing. */
static int write_one(struct imp *m, struct imp_trans *t)
{
	if (t->r->no && !t->tagged)
		return imp_leave(m, t->zone, t->r->st, PT_IMPORT_NOTE, "no later translation meets these packets");
	return imp_rule_write(m, t->r, t->zone);
}

/* All of them, in the order in which pf looks at them. Tags are given before anything is written. */
int imp_translations(struct imp *m)
{
	static const enum imp_zone order[] = { ZONE_RDR, ZONE_BINAT, ZONE_NAT };
	typeof(m->trans) sorted = { 0 };
	int rc = 0;

	for (size_t z = 0; z < PT_ARRAY_SIZE(order); z++)
		for (size_t i = 0; i < m->trans.n && !rc; i++)
			if (m->trans.v[i].zone == order[z])
				rc = pt_vec_push(m->arena, &sorted, m->trans.v[i]);
	m->trans = sorted;
	for (size_t i = 0; i < sorted.n && !rc; i++)
		m->trans.v[i].ast = tree(m, m->trans.v[i].r);
	for (size_t i = 0; i < m->trans.n && !rc; i++)
		rc = first_match(m, i);
	for (size_t i = 0; i < m->trans.n && !rc; i++)
		rc = write_one(m, &m->trans.v[i]);
	return rc;
}

/* ---- the statement ---- */

static const struct kind {
	const char *word, *option, *dir;
	enum imp_zone zone;
} kinds[] = {
	{ "nat", "nat-to", "out", ZONE_NAT },
	{ "rdr", "rdr-to", "in", ZONE_RDR },
	{ "binat", "binat-to", NULL, ZONE_BINAT },
};

static const struct kind *kind_of(const struct imp_stmt *st, size_t at)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++)
		if (imp_is(st, at, kinds[i].word))
			return &kinds[i];
	return NULL;
}

static size_t find_arrow(const struct imp_stmt *st)
{
	size_t at = 0;

	while (at < st->toks.n && !imp_is(st, at, "->"))
		at++;
	return at;
}

static int target(struct imp *m, const struct imp_stmt *st, size_t at, const struct kind *kind, struct imp_rule *r)
{
	struct imp_opt o = { 0 }, *put;
	int rc = imp_put(m, &o.head, kind->option, NULL, false);

	if (!rc)
		rc = imp_pool(m, st, &at, st->toks.n, &o);
	if (!rc && at < st->toks.n)
		return 1;
	if (!rc)
		rc = imp_rule_opt(m, r, kind->option, &put);
	if (!rc) {
		put->head = o.head;
		put->subs = o.subs;
	}
	return rc;
}

/* Ports without a protocol, which a rule must not have, are of TCP and UDP. */
static int ports_of(struct imp *m, struct imp_rule *r)
{
	static const char *const words[] = { "{", "tcp", ",", "udp", "}" };
	int rc = 0;

	if (r->proto.n || (!r->sport.n && !r->dport.n))
		return 0;
	for (size_t i = 0; i < PT_ARRAY_SIZE(words) && !rc; i++)
		rc = imp_put(m, &r->proto, words[i], NULL, *words[i] == ',');
	return rc;
}

int imp_translation(struct imp *m, const struct imp_stmt *st)
{
	struct imp_rule *r = pt_arena_alloc(m->arena, sizeof(*r));
	size_t at = imp_is(st, 0, "no") ? 1 : 0, arrow = find_arrow(st);
	const struct kind *kind = kind_of(st, at);
	const char *why = NULL;
	bool pass = imp_is(st, at + 1, "pass"), no = at > 0;
	int rc;

	if (!r)
		return -ENOMEM;
	if (no && imp_is(st, 1, "scrub"))
		return imp_leave(m, ZONE_SCRUB, st, PT_IMPORT_LEFT,
				 "match rules have no exceptions: narrow the scrub rules");
	if (!kind)
		return imp_fail(m, st, "this is no statement of pf.conf(5)");
	if (!no && arrow >= st->toks.n)
		return imp_fail(m, st, "a translation without `->` and its target");
	r->action = pass ? "pass" : "match";
	r->quick = pass;
	r->dir = kind->dir;
	rc = imp_rule_read(m, st, at + 1 + pass, no ? st->toks.n : arrow, r, &why);
	if (!rc && !no)
		rc = target(m, st, arrow + 1, kind, r);
	if (rc == 1)
		return imp_leave(m, kind->zone, st, PT_IMPORT_LEFT,
				 why ? why : "the target has words that are not known here");
	if (rc)
		return rc;
	r->no = no;
	if (m->trans.n >= IMP_NAMES_MAX)
		return imp_too_many(m, st, "translations");
	rc = ports_of(m, r);
	return rc ? rc
		  : pt_vec_push(m->arena, &m->trans,
				((struct imp_trans){ .r = r, .zone = kind->zone, .pass = pass }));
}
