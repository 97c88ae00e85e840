/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of addresses. Constant members merge into one interval set a family; what the kernel knows
 * (addresses of interfaces, tables) stays a reference and an alternative of its own. A negated member of
 * a list adds its complement, as pf's expansion into one rule for each member does. Constants have families,
 * so `! 10.0.0.0/8` is about IPv4 only; references are about both: `! <t>` is any address not in the table.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

struct merge {
	struct pt_iset v4, v6;
	bool any, some;
};

uint8_t policy_addr_af(const struct pt_pol_addr *a)
{
	if (a->kind != PT_REF_SET)
		return PT_AF_BOTH;
	return (uint8_t)((a->v4.n ? PT_AF_INET : 0) | (a->v6.n ? PT_AF_INET6 : 0));
}

/* A reference written twice would double the rules of the whole list. */
static int add_reference(struct policy_builder *b, policy_addrs *out, enum pt_ref_kind kind, uint32_t ref, bool neg)
{
	struct pt_pol_addr a = { .kind = kind, .ref = ref, .neg = neg };

	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].kind == kind && out->v[i].ref == ref && out->v[i].neg == neg)
			return 0;
	return pt_vec_push(b->scratch, out, a);
}

static int add_set(struct policy_builder *b, struct merge *m, enum pt_af af, const struct pt_iset *s)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < s->n; i++)
		rc = pt_iset_add(b->scratch, af == PT_AF_INET ? &m->v4 : &m->v6, s->v[i].lo, s->v[i].hi);
	m->some = true;
	return rc;
}

/* S, or all of the family but S. */
static int add_signed(struct policy_builder *b, struct merge *m, enum pt_af af, const struct pt_iset *s, bool neg)
{
	struct pt_iset not;
	int rc;

	if (!neg)
		return add_set(b, m, af, s);
	rc = pt_iset_complement(b->scratch, &not, s, pt_af_max(af));
	return rc ? rc : add_set(b, m, af, &not);
}

static int add_range(struct policy_builder *b, struct merge *m, const struct pt_ast_host *h)
{
	struct pt_prefix p = { .addr = h->lo, .len = h->plen };
	bool range = h->kind == PT_HOST_RANGE;
	struct pt_iset s = { 0 };
	int rc;

	rc = pt_iset_add(b->scratch, &s, range ? h->lo.v : pt_prefix_lo(&p), range ? h->hi.v : pt_prefix_hi(&p));
	return rc ? rc : add_signed(b, m, h->lo.af, &s, h->neg);
}

/* ---- interfaces ---- */

static int static_member(struct policy_builder *b, const struct pt_ast_host *h, const struct pt_prefix *p,
			 struct pt_iset *s)
{
	bool broad = h->mod == PT_MOD_BROADCAST;

	if (h->mod == PT_MOD_NETWORK)
		return pt_iset_add(b->scratch, s, pt_prefix_lo(p), pt_prefix_hi(p));
	if (broad && (p->addr.af == PT_AF_INET6 || p->len > 30))
		return 0;
	return pt_iset_add(b->scratch, s, broad ? pt_prefix_hi(p) : p->addr.v, broad ? pt_prefix_hi(p) : p->addr.v);
}

/* The kernel will call the address secondary: an earlier one has its network already. */
static bool is_alias(const struct pt_conf_if *i, size_t at)
{
	const struct pt_prefix *p = &i->addresses.v[at];

	for (size_t k = 0; p->addr.af == PT_AF_INET && k < at; k++) {
		const struct pt_prefix *q = &i->addresses.v[k];

		if (q->addr.af == PT_AF_INET && q->len == p->len && pt_prefix_lo(q) == pt_prefix_lo(p))
			return true;
	}
	return false;
}

/* The addresses that the file gives the interface. A negation is about the families that it has there. */
static int add_static(struct policy_builder *b, struct merge *m, const struct pt_ast_host *h,
		      const struct pt_conf_if *i)
{
	struct pt_iset s[2] = { { 0 } };
	int rc = 0;

	for (size_t k = 0; !rc && k < i->addresses.n; k++) {
		const struct pt_prefix *p = &i->addresses.v[k];
		struct pt_iset *set = &s[p->addr.af == PT_AF_INET6];

		if (!h->no_alias || !is_alias(i, k))
			rc = static_member(b, h, p, set);
	}
	m->some = true;
	for (int f = 0; !rc && f < 2; f++) {
		pt_iset_norm(&s[f]);
		if (s[f].n)
			rc = add_signed(b, m, f ? PT_AF_INET6 : PT_AF_INET, &s[f], h->neg);
	}
	return rc;
}

static int add_interface(struct policy_builder *b, struct merge *m, const struct pt_ast_host *h,
			 const struct pt_conf_if *i, policy_addrs *out)
{
	uint32_t ref;
	int rc;

	if (!h->dyn && !i->dhcp && h->mod != PT_MOD_PEER)
		return add_static(b, m, h, i);
	rc = policy_ifref(b, i, h->mod, h->no_alias, &ref);
	return rc ? rc : add_reference(b, out, PT_REF_IF, ref, h->neg);
}

static int add_named(struct policy_builder *b, struct merge *m, const struct pt_ast_host *h, policy_addrs *out)
{
	const struct pt_conf_if *i;
	int rc = 0;

	if (!policy_is_group(b->conf, h->name) || pt_conf_find_if(b->conf, h->name)) {
		i = policy_find_if(b, h->name, &h->loc);
		return i ? add_interface(b, m, h, i, out) : -EINVAL;
	}
	if (h->neg)
		return policy_fail(b, &h->loc, "name the interfaces one by one, or use a table",
				   "'! %s': a group cannot be negated as an address", h->name);
	for (size_t k = 0; !rc && k < b->conf->interfaces.n; k++)
		if (policy_in_group(&b->conf->interfaces.v[k], h->name))
			rc = add_interface(b, m, h, &b->conf->interfaces.v[k], out);
	return rc;
}

/* ---- tables ---- */

static int unknown_table(struct policy_builder *b, const char *name, const struct pt_loc *loc)
{
	PT_VEC(const char *) known = { 0 };
	struct pt_buf hint = { 0 };
	const char *near;
	int rc = 0;

	for (size_t i = 0; !rc && i < b->conf->tables.n; i++)
		rc = pt_vec_push(b->scratch, &known, b->conf->tables.v[i].name);
	near = pt_nearest(name, known.v, known.n);
	pt_buf_fmt(&hint, near ? "did you mean <%s>?" : "declare it: table %s { persist = true }", near ? near : name);
	policy_fail(b, loc, hint.s, "unknown table <%s>", name);
	pt_buf_fini(&hint);
	return rc ? rc : -EINVAL;
}

int policy_table(struct policy_builder *b, const struct pt_ast_host *h, uint32_t *out)
{
	for (size_t i = 0; i < b->p->tables.n; i++)
		if (!strcmp(b->p->tables.v[i].conf->name, h->name)) {
			*out = (uint32_t)i;
			return 0;
		}
	return unknown_table(b, h->name, &h->loc);
}

static int add_table(struct policy_builder *b, const struct pt_ast_host *h, policy_addrs *out)
{
	uint32_t i = 0;
	int rc = policy_table(b, h, &i);

	if (rc)
		return rc;
	b->p->tables.v[i].used = true;
	return add_reference(b, out, PT_REF_TABLE, i, h->neg);
}

/* ---- what is outside ---- */

/* `! name` in a rule that passes must match nothing while nothing is known of the name. */
static int add_outside(struct policy_builder *b, const struct pt_ast_host *h, policy_addrs *out)
{
	bool name = h->kind == PT_HOST_NAME;
	const char *key = name ? pt_host_name_plain(b->arena, h->name) : h->name;
	uint32_t ref;
	int rc;

	if (!key)
		return -ENOMEM;
	rc = policy_outside(b, name ? PT_OUTSIDE_NAME : PT_OUTSIDE_COUNTRY, key,
			    name && h->neg && b->ast->action != PT_BLOCK, &h->loc, &ref);
	if (rc)
		return rc;
	b->p->outside.v[ref].ruled = true;
	return add_reference(b, out, PT_REF_OUTSIDE, ref, h->neg);
}

/* Devices have dots in their names too, as in eth0.100: the file says which one is meant. */
static int add_dotted(struct policy_builder *b, struct merge *m, const struct pt_ast_host *h, policy_addrs *out)
{
	if (policy_known_if(b->conf, h->name) || policy_is_group(b->conf, h->name))
		return add_named(b, m, h, out);
	return add_outside(b, h, out);
}

static int add_host(struct policy_builder *b, struct merge *m, const struct pt_ast_host *h, policy_addrs *out)
{
	switch (h->kind) {
	case PT_HOST_ANY:
		m->any = true;
		return 0;
	case PT_HOST_SELF:
		return add_reference(b, out, PT_REF_SELF, 0, h->neg);
	case PT_HOST_PREFIX:
	case PT_HOST_RANGE:
		return add_range(b, m, h);
	case PT_HOST_IF:
		return add_named(b, m, h, out);
	case PT_HOST_TABLE:
		return add_table(b, h, out);
	case PT_HOST_NO_ROUTE:
		return add_reference(b, out, PT_REF_NO_ROUTE, 0, h->neg);
	case PT_HOST_URPF:
		return add_reference(b, out, PT_REF_URPF, 0, h->neg);
	case PT_HOST_NAME:
		return add_dotted(b, m, h, out);
	case PT_HOST_COUNTRY:
		return add_outside(b, h, out);
	}
	return 0;
}

int policy_addrs_of(struct policy_builder *b, const pt_hosts *hosts, policy_addrs *out)
{
	struct pt_pol_addr any = { .kind = PT_REF_ANY }, set = { .kind = PT_REF_SET };
	struct merge m = { 0 };
	int rc = 0, bad = 0;

	for (size_t i = 0; i < hosts->n; i++) {
		rc = add_host(b, &m, &hosts->v[i], out);
		if (rc == -ENOMEM)
			return rc;
		bad = rc ? rc : bad;
	}
	if (bad)
		return bad;
	if (m.any || !hosts->n) {
		out->n = 0;
		return pt_vec_push(b->scratch, out, any);
	}
	pt_iset_norm(&m.v4);
	pt_iset_norm(&m.v6);
	set.v4 = m.v4;
	set.v6 = m.v6;
	return m.some ? pt_vec_push(b->scratch, out, set) : 0;
}
