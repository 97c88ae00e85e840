/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables that watch and end with the socket that made them: the kernel's own flag for that, so that nothing is left
 * behind by whoever is killed. Nobody else can change such a table, and an apply does not look at it.
 *
 * What their rules test is compiled as for the rules in force, but sets cannot be shared between tables: these have
 * copies of what ours hold at this moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/elems.h"
#include "nft/encode.h"
#include "nft/owned.h"

#define OWNER 0x2 /* NFT_TABLE_F_OWNER of Linux 5.12, which old headers lack */

void nft_owned_begin(struct nft_lower *l, const struct pt_policy *policy, const struct pt_host *host, const char *table,
		     struct pt_err *e)
{
	struct pt_arena *arena = pt_arena_new();

	*l = (struct nft_lower){ .policy = policy, .host = host, .e = e, .arena = arena };
	if (arena)
		l->prog = pt_arena_alloc(arena, sizeof(*l->prog));
	if (l->prog)
		l->reported = pt_arena_alloc(arena, policy->rules.n + 1);
	if (l->reported)
		l->table = pt_arena_strdup(arena, table);
	if (l->prog)
		l->prog->arena = arena;
	if (!l->table)
		nft_lower_fail(l, -ENOMEM);
}

void nft_owned_end(struct nft_lower *l)
{
	if (l->prog)
		pt_nft_prog_free(l->prog);
	else
		pt_arena_free(l->arena);
	l->prog = NULL;
	l->arena = NULL;
}

/* ---- contents of tables ---- */

struct contents {
	struct pt_arena *arena;
	struct pt_iset set[2];
};

static int add_element(const struct pt_nft_elem *el, void *arg)
{
	struct contents *c = arg;

	return pt_iset_add(c->arena, &c->set[el->af == PT_AF_INET6], el->lo, el->hi);
}

static void learn(struct nft_lower *l, struct pt_nl *nf, const char *name)
{
	struct contents c = { .arena = l->arena };
	struct pt_err why = { 0 };
	char set[NFT_SETNAME_MAX];
	int rc = pt_nft_table_dump(nf, name, add_element, &c, &why);

	pt_err_fini(&why);
	if (rc == -ENOENT)
		return; /* not in force yet: what is written counts */
	if (rc)
		nft_lower_fail(l, rc);
	for (size_t i = 0; i < l->prog->objects.sets.n && !rc; i++) {
		struct nft_set *s = &l->prog->objects.sets.v[i];

		nft_table_set_name(set, name, s->af);
		if (s->role != NFT_SET_TABLE || strcmp(s->name, set) != 0)
			continue;
		pt_iset_norm(&c.set[s->af == PT_AF_INET6]);
		s->elems = c.set[s->af == PT_AF_INET6];
	}
}

void nft_owned_tables(struct nft_lower *l, struct pt_nl *nf)
{
	nft_sets_tables(l);
	for (size_t i = 0; i < l->policy->tables.n && !l->rc; i++)
		if (l->policy->tables.v[i].used)
			learn(l, nf, l->policy->tables.v[i].conf->name);
	/* what rules and times change in ours stays as it is here */
	for (size_t i = 0; i < l->prog->objects.sets.n && !l->rc; i++) {
		struct nft_set *s = &l->prog->objects.sets.v[i];

		s->interval = true;
		s->dynamic = s->counters = s->has_timeout = false;
		s->timeout = s->size = 0;
	}
}

/* ---- the transaction ---- */

static int put_table(struct pt_nl_batch *b, const char *table)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, 0);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	nft_put_be32(nlh, NFTA_TABLE_FLAGS, OWNER);
	return pt_nl_batch_commit(b, nlh, 1);
}

static int put_elements(struct pt_nl_batch *b, const struct nft_set *set)
{
	size_t n = set->elems.n, part;
	struct nft_elem *v;
	int rc = 0;

	if (!n)
		return 0;
	v = calloc(n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		v[i].lo = set->elems.v[i].lo;
		v[i].hi = set->elems.v[i].hi;
	}
	for (size_t at = 0; !rc && at < n; at += part) {
		part = n - at < NFT_ELEMS_PER_MESSAGE ? n - at : NFT_ELEMS_PER_MESSAGE;
		rc = nft_put_elems(b, 1, true, set, v + at, part);
	}
	free(v);
	return rc;
}

static int put_all(const struct nft_lower *l, struct pt_nl_batch *b)
{
	struct pt_nft_objects *o = &l->prog->objects;
	int rc = put_table(b, l->table);

	for (size_t i = 0; !rc && i < o->chains.n; i++) {
		o->chains.v[i].table = l->table;
		rc = nft_put_chain(b, 1, &o->chains.v[i]);
	}
	for (size_t i = 0; !rc && i < o->sets.n; i++) {
		o->sets.v[i].table = l->table;
		rc = nft_put_set(b, 1, &o->sets.v[i], o->sets.v[i].size ? o->sets.v[i].size : o->sets.v[i].elems.n);
		if (!rc)
			rc = put_elements(b, &o->sets.v[i]);
	}
	for (size_t i = 0; !rc && i < o->chains.n; i++)
		for (size_t k = 0; !rc && k < o->chains.v[i].rules.n; k++)
			rc = nft_put_rule(b, 1, o->chains.v[i].name, o->chains.v[i].rules.v[k].nlr, 0);
	return rc;
}

static int refused(struct pt_err *e, int rc, const char *what, const struct pt_nl_refusal *r)
{
	if (rc == -EPERM)
		pt_err_add(e, PT_ERROR, NULL, "run it as root, or with CAP_NET_ADMIN", "%s: not permitted", what);
	else if (rc == -EOPNOTSUPP)
		pt_err_add(e, PT_ERROR, NULL, "it needs Linux 5.12 or later",
			   "%s: this kernel has no tables that end with their program", what);
	else
		return pt_err_sys(e, rc, "%s%s%s", what, r->text[0] ? ": " : "", r->text);
	return rc;
}

int nft_owned_send(struct nft_lower *l, struct pt_nl *owner, const char *what)
{
	struct pt_nl_refusal r = { 0 };
	struct pt_nl_batch *b;
	int rc = l->rc;

	if (rc)
		return pt_err_sys(l->e, rc, "%s", what);
	b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	rc = b ? put_all(l, b) : -ENOMEM;
	if (!rc)
		rc = pt_nl_batch_send(owner, b, &r);
	pt_nl_batch_free(b);
	return rc ? refused(l->e, rc, what, &r) : 0;
}
