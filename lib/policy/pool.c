/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools: the addresses that a translation chooses from. One prefix is kept as it is, however large: an address of
 * it can be computed. Anything else is written out, in the order in which the addresses take turns.
 *
 * Where the choice depends on nothing but the packet it is made here in the way of the kernel: the evaluator can
 * then name the very address.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

static struct pt_ival range_of(const struct pt_ast_host *h)
{
	struct pt_prefix p = { .addr = h->lo, .len = h->plen };

	if (h->kind == PT_HOST_RANGE)
		return (struct pt_ival){ h->lo.v, h->hi.v };
	return (struct pt_ival){ pt_prefix_lo(&p), pt_prefix_hi(&p) };
}

/* The kernel keeps host bits and computes addresses in prefixes only. */
static bool is_prefix(const struct pt_ival *i)
{
	pt_u128 host = i->lo ^ i->hi;

	return !(host & (host + 1)) && !(i->lo & host);
}

/* ---- the members ---- */

/* What a pool of the rule is made of, ranges with their weights. */
struct member {
	struct pt_ival at;
	uint16_t weight;
	bool six;
};
typedef PT_VEC(struct member) members;

static int add_table(struct policy_builder *b, const struct pt_ast_host *h, members *out)
{
	const struct pt_conf_table *t;
	struct pt_iset both[2] = { 0 };
	uint32_t index;
	int rc = policy_table(b, h, &index);

	if (rc)
		return rc;
	t = b->p->tables.v[index].conf;
	if (!t->constant)
		return policy_fail(b, &h->loc, "say `const = true` in the table's section, or write the addresses in a list",
				   "a pool of the table <%s>, which may change while the rules stand: Linux chooses by number, "
				   "and addresses that come and go have none", h->name);
	if (t->names.n || t->countries.n)
		return policy_fail(b, &h->loc, "write addresses", "a pool of the table <%s>, which has names of hosts or "
				   "countries: their addresses come and go", h->name);
	rc = pt_conf_table_load(b->conf, t, NULL, b->scratch, &both[0], &both[1], b->err);
	for (int f = 0; !rc && f < 2; f++)
		for (size_t i = 0; !rc && i < both[f].n; i++)
			rc = pt_vec_push(b->scratch, out, ((struct member){ both[f].v[i], h->weight, f == 1 }));
	if (!rc && !out->n)
		rc = policy_fail(b, &h->loc, "give it addresses", "a pool of the table <%s>, which is empty", h->name);
	b->failed = b->failed || rc;
	return rc;
}

static int add_member(struct policy_builder *b, const struct pt_ast_host *h, members *out)
{
	struct member m = { .weight = h->weight, .six = h->lo.af == PT_AF_INET6 };

	if (h->kind == PT_HOST_TABLE)
		return add_table(b, h, out);
	if (h->kind == PT_HOST_IF)
		return 0; /* alone in its rule: nat.c */
	m.at = range_of(h);
	return pt_vec_push(b->scratch, out, m);
}

/* ---- written out ---- */

static int too_large(struct policy_builder *b)
{
	return policy_fail(b, &b->ast->nat.host.loc, "write one prefix, which may have any size",
			   "a pool of more than %d addresses", PT_POOL_MAX);
}

/* Heavy addresses take as many turns more, spread over the round. */
static int write_turn(struct policy_builder *b, const members *all, bool six, uint32_t turn, bool *more)
{
	struct policy_addr_list *list = &b->pool.list[six];
	int rc = 0;

	*more = false;
	for (size_t i = 0; !rc && i < all->n; i++) {
		const struct member *m = &all->v[i];
		uint32_t weight = m->weight ? m->weight : 1;

		if (m->six != six || weight < turn)
			continue;
		*more = *more || weight > turn;
		if (m->at.hi - m->at.lo >= PT_POOL_MAX - list->n)
			return too_large(b);
		for (pt_u128 a = m->at.lo; !rc && a - m->at.lo <= m->at.hi - m->at.lo; a++)
			rc = pt_vec_push(b->arena, list, a);
	}
	return rc;
}

static int write_family(struct policy_builder *b, const members *all, bool six)
{
	struct pt_iset *s = &b->pool.members[six];
	bool more = true;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < all->n; i++)
		if (all->v[i].six == six) {
			rc = pt_iset_add(b->arena, s, all->v[i].at.lo, all->v[i].at.hi);
			n++;
		}
	pt_iset_norm(s);
	if (rc || !n || (n == 1 && is_prefix(&s->v[0])))
		return rc;
	for (uint32_t turn = 1; !rc && more; turn++)
		rc = write_turn(b, all, six, turn, &more);
	return rc;
}

int policy_pool(struct policy_builder *b)
{
	const struct pt_ast_nat *a = &b->ast->nat;
	members all = { 0 };
	int rc = 0;

	memset(&b->pool, 0, sizeof(b->pool));
	if (a->kind == PT_NAT_NONE)
		return 0;
	rc = add_member(b, &a->host, &all);
	for (size_t i = 0; !rc && i < a->more.n; i++)
		rc = add_member(b, &a->more.v[i], &all);
	for (int f = 0; !rc && f < 2; f++)
		rc = write_family(b, &all, f == 1);
	return rc;
}

/* ---- one of them ---- */

bool pt_nat_holds(const struct pt_pol_nat *n, pt_u128 a)
{
	return n->pool ? pt_iset_has(&n->members, a) : a >= n->lo && a <= n->hi;
}

#define ROTATED(x, by) ((x) << (by) | (x) >> (32 - (by)))

static uint32_t little(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bob Jenkins' hash "lookup3", which is in the public domain, as the kernel computes it of an address: the last
 * four bytes come alone, the twelve before them, of IPv6, in words of the machine. */
static uint32_t hash_address(struct pt_addr address, uint32_t seed)
{
	uint8_t bytes[16];
	uint32_t n = address.af == PT_AF_INET6 ? 16 : 4, word[3] = { 0 };
	uint32_t a = 0xdeadbeef + n + seed, b = a, c = a;

	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(address.v >> 8 * (n - 1 - i));
	if (n == 16) {
		memcpy(word, bytes, sizeof(word));
		a += word[0], b += word[1], c += word[2];
		a -= c, a ^= ROTATED(c, 4), c += b;
		b -= a, b ^= ROTATED(a, 6), a += c;
		c -= b, c ^= ROTATED(b, 8), b += a;
		a -= c, a ^= ROTATED(c, 16), c += b;
		b -= a, b ^= ROTATED(a, 19), a += c;
		c -= b, c ^= ROTATED(b, 4), b += a;
	}
	a += little(bytes + n - 4);
	c ^= b, c -= ROTATED(b, 14);
	a ^= c, a -= ROTATED(c, 11);
	b ^= a, b -= ROTATED(a, 25);
	c ^= b, c -= ROTATED(b, 16);
	a ^= c, a -= ROTATED(c, 4);
	b ^= a, b -= ROTATED(a, 14);
	c ^= b, c -= ROTATED(b, 24);
	return c;
}

bool pt_nat_choose(const struct pt_pol_nat *n, struct pt_addr src, struct pt_addr old, pt_u128 *out)
{
	pt_u128 size = n->hi - n->lo;
	uint64_t index = 0;

	*out = n->pool ? n->pool[0] : n->lo;
	if (n->one_to_one) {
		*out = n->lo + (old.v - n->from_lo);
		return true;
	}
	if (n->way == PT_POOL_BITMASK) {
		*out = n->lo | (old.v & size);
		return true;
	}
	if (n->way != PT_POOL_SOURCE_HASH)
		return n->way == PT_POOL_NONE;
	index = n->pool ? n->n_pool : size >= PT_POOL_INDEX_MAX ? PT_POOL_INDEX_MAX : (uint64_t)size + 1;
	index = (hash_address(src, n->seed) * index) >> 32;
	*out = n->pool ? n->pool[index] : n->lo + index;
	return true;
}
