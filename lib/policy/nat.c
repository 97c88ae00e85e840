/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Translations. Linux replaces sources where packets leave and destinations where they arrive, so nat-to
 * belongs to `out`, rdr-to to `in`, and binat-to becomes one of each.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

static bool same(const struct pt_pol_nat *x, const struct pt_pol_nat *y)
{
	return x->kind == y->kind && x->target == y->target && x->one_to_one == y->one_to_one && x->af == y->af &&
	       x->lo == y->lo && x->hi == y->hi && x->from_lo == y->from_lo && x->ref == y->ref &&
	       x->has_port == y->has_port && x->port_lo == y->port_lo && x->port_hi == y->port_hi &&
	       x->port_offset == y->port_offset && x->match_lo == y->match_lo && x->match_hi == y->match_hi &&
	       x->static_port == y->static_port && x->way == y->way && x->sticky == y->sticky && x->seed == y->seed &&
	       x->n_pool == y->n_pool && (!x->n_pool || !memcmp(x->pool, y->pool, x->n_pool * sizeof(*x->pool)));
}

int policy_share_nat(struct policy_builder *b, const struct pt_pol_nat *n, uint32_t *out)
{
	for (size_t i = 0; i < b->p->nats.n; i++)
		if (same(&b->p->nats.v[i], n)) {
			*out = (uint32_t)i + 1;
			return 0;
		}
	if (b->p->nats.n >= UINT16_MAX)
		return policy_fail(b, &b->ast->nat_loc, NULL, "more than %u different translations", UINT16_MAX);
	*out = (uint32_t)b->p->nats.n + 1;
	return pt_vec_push(b->arena, &b->p->nats, *n);
}

/* An interface that stands for what the file gives it, as in addresses: NULL for one that follows the kernel. */
static const struct pt_conf_if *written_target(const struct policy_builder *b)
{
	const struct pt_ast_host *h = &b->ast->nat.host;
	const struct pt_conf_if *i;

	if (b->ast->nat.kind == PT_NAT_NONE || h->kind != PT_HOST_IF || h->dyn)
		return NULL;
	i = policy_known_if(b->conf, h->name);
	return i && !i->dhcp ? i : NULL;
}

/* The first address of a family; NULL: it has none. */
static const struct pt_addr *written_address(const struct pt_conf_if *i, enum pt_af af)
{
	for (size_t k = 0; k < i->addresses.n; k++)
		if (i->addresses.v[k].addr.af == af)
			return &i->addresses.v[k].addr;
	return NULL;
}

bool policy_nat_by_family(const struct policy_builder *b)
{
	return written_target(b) || (b->pool.members[0].n && b->pool.members[1].n);
}

uint8_t policy_nat_af(const struct policy_builder *b)
{
	const struct pt_ast_nat *a = &b->ast->nat;
	const struct pt_conf_if *i = written_target(b);

	if (i)
		return (uint8_t)((written_address(i, PT_AF_INET) ? PT_AF_INET : 0) |
				 (written_address(i, PT_AF_INET6) ? PT_AF_INET6 : 0));
	if (a->kind == PT_NAT_NONE || a->host.kind == PT_HOST_IF)
		return PT_AF_BOTH;
	return (uint8_t)((b->pool.members[0].n ? PT_AF_INET : 0) | (b->pool.members[1].n ? PT_AF_INET6 : 0));
}

/* A key of its own, or one that is always the same: addresses must not change with an apply. */
static uint32_t hash_seed(const char *key)
{
	uint32_t seed = key ? pt_hash32(key, strlen(key)) : 1;

	return seed ? seed : 1;
}

static void set_pool(const struct policy_builder *b, struct pt_pol_nat *n, enum pt_af af)
{
	const struct pt_ast_nat *a = &b->ast->nat;
	const struct pt_iset *s = &b->pool.members[af == PT_AF_INET6];
	const struct policy_addr_list *list = &b->pool.list[af == PT_AF_INET6];

	n->target = PT_REF_SET;
	n->af = af;
	n->lo = s->v[0].lo;
	n->hi = s->v[s->n - 1].hi;
	if (n->lo == n->hi)
		return;
	if (list->n) {
		n->pool = list->v;
		n->n_pool = (uint32_t)list->n;
		n->members = *s;
	}
	n->way = a->way ? a->way : PT_POOL_ROUND_ROBIN;
	n->sticky = a->sticky;
	if (n->way == PT_POOL_SOURCE_HASH)
		n->seed = hash_seed(a->key);
}

static int target_of(struct policy_builder *b, const struct pt_ast_host *h, struct pt_pol_nat *n, enum pt_af af)
{
	const struct pt_addr *written;
	const struct pt_conf_if *i;

	if (h->kind == PT_HOST_IF) {
		if (policy_is_group(b->conf, h->name))
			return policy_fail(b, &h->loc, "name one of its interfaces", "a translation to a group of interfaces");
		i = policy_find_if(b, h->name, &h->loc);
		if (!i)
			return -EINVAL;
		if (h->mod != PT_MOD_NONE)
			return policy_fail(b, &h->loc, "write the prefix itself", "a translation to the network of an interface");
		written = written_target(b) ? written_address(i, af) : NULL;
		if (written) {
			n->target = PT_REF_SET;
			n->af = af;
			n->lo = n->hi = written->v;
			return 0;
		}
		n->target = PT_REF_IF;
		n->af = af;
		return policy_ifref(b, i, PT_MOD_NONE, h->no_alias, &n->ref);
	}
	if (b->pool.members[af == PT_AF_INET6].n)
		set_pool(b, n, af);
	return 0;
}

static int dst_ports(struct policy_builder *b, const struct pt_pol_rule *r, struct pt_pol_nat *n)
{
	const struct pt_ast_nat *a = &b->ast->nat;
	uint32_t span;

	if (!policy_only_ports(r))
		return policy_fail(b, &a->loc, "write `proto tcp` or `proto udp`", "a port belongs to tcp, udp and sctp only");
	if (!a->port_star && a->port_lo == a->port_hi)
		return 0;
	if (r->dport.n != 1)
		return policy_fail(b, &a->loc, "write the ports of the rule as one range, `port 2000:2099`",
				   "mapping a range of ports needs one range to map from");
	n->match_lo = (uint16_t)r->dport.v[0].lo;
	n->match_hi = (uint16_t)r->dport.v[0].hi;
	span = (uint32_t)n->match_hi - n->match_lo;
	n->port_hi = (uint16_t)(n->port_lo + span);
	n->port_offset = true;
	if (!a->port_star && (uint32_t)(a->port_hi - a->port_lo) != span)
		return policy_fail(b, &a->loc, "make them equally long, or write `port first:*`",
				   "%u port%s mapped to %d", span + 1, span ? "s are" : " is",
				   a->port_hi - a->port_lo + 1);
	if (n->port_lo + span > UINT16_MAX)
		return policy_fail(b, &a->loc, NULL, "the mapped ports go beyond 65535");
	return 0;
}

static int check_place(struct policy_builder *b, const struct pt_pol_rule *r)
{
	const struct pt_ast_nat *a = &b->ast->nat;

	if (a->kind == PT_NAT_SRC && r->dir != PT_OUT)
		return policy_fail(b, &a->loc, "write `out`", "nat-to: Linux replaces source addresses where packets leave");
	if (a->kind == PT_NAT_DST && r->dir != PT_IN)
		return policy_fail(b, &a->loc, "write `in`", "rdr-to: Linux replaces destination addresses where packets arrive");
	if (b->ast->action == PT_PASS && !r->keep_state)
		return policy_fail(b, &a->loc, "leave `no state` out", "a translation without a state: the answers would not find back");
	return 0;
}

int policy_nat(struct policy_builder *b, enum pt_af af, const struct pt_pol_rule *r, uint32_t *out)
{
	const struct pt_ast_nat *a = &b->ast->nat;
	struct pt_pol_nat n;
	int rc;

	*out = 0;
	if (a->kind == PT_NAT_NONE)
		return 0;
	memset(&n, 0, sizeof(n));
	n.kind = a->kind;
	n.has_port = a->has_port;
	n.port_lo = a->port_lo;
	n.port_hi = a->port_hi;
	n.static_port = a->static_port;
	rc = check_place(b, r);
	if (!rc)
		rc = target_of(b, &a->host, &n, af);
	if (!rc && a->kind == PT_NAT_DST && a->has_port)
		rc = dst_ports(b, r, &n);
	return rc ? rc : policy_share_nat(b, &n, out);
}

/* ---- binat ---- */

static const struct pt_ival *single(const struct pt_pol_addr *a, enum pt_af *af)
{
	if (a->kind != PT_REF_SET || a->v4.n + a->v6.n != 1)
		return NULL;
	*af = a->v4.n ? PT_AF_INET : PT_AF_INET6;
	return a->v4.n ? a->v4.v : a->v6.v;
}

/* The kernel keeps the host bits, so both sides must be what a prefix can say. */
static bool is_prefix(pt_u128 lo, pt_u128 hi)
{
	pt_u128 host = lo ^ hi;

	return !(host & (host + 1)) && !(lo & host);
}

static int emit_half(struct policy_builder *b, struct pt_pol_rule *r, const struct pt_pol_nat *n)
{
	int rc = policy_share_nat(b, n, &r->nat);

	r->af = (uint8_t)n->af;
	return rc ? rc : policy_emit(b, r);
}

/* Out: from A, to TARGET. In: to TARGET, back to A, with the other conditions turned around. */
int policy_binat(struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst)
{
	const struct pt_ast_nat *a = &b->ast->nat;
	struct pt_pol_rule out = b->base, in = b->base;
	enum pt_af af = PT_AF_NONE;
	const struct pt_ival *from = single(src, &af);
	struct pt_pol_nat n;
	int rc;

	if (b->ast->dir != PT_DIR_NONE)
		return policy_fail(b, &a->loc, "leave the direction out", "binat-to works in both directions");
	if (b->ast->action == PT_PASS && !b->base.keep_state)
		return policy_fail(b, &a->loc, "leave `no state` out", "a translation without a state: the answers would not find back");
	memset(&n, 0, sizeof(n));
	rc = target_of(b, &a->host, &n, a->host.kind == PT_HOST_IF ? af : a->host.lo.af);
	if (rc)
		return rc;
	n.way = PT_POOL_NONE;
	if (!from || n.target != PT_REF_SET || !is_prefix(from->lo, from->hi) || !is_prefix(n.lo, n.hi))
		return policy_fail(b, &a->loc, "write `from 10.0.0.5 binat-to 203.0.113.5`, or prefixes of equal length",
				   "binat-to needs one address or prefix on each side");
	if (n.af != af || from->hi - from->lo != n.hi - n.lo)
		return policy_fail(b, &a->loc, "both prefixes must have the same length", "binat-to between sides of unequal size");
	if (!(policy_common_af(b, src, dst) & (uint8_t)af))
		return 0;
	n.kind = PT_NAT_SRC;
	n.static_port = true;
	n.one_to_one = n.lo != n.hi;
	n.from_lo = from->lo;
	out.dir = PT_OUT;
	out.src = *src;
	out.dst = *dst;
	rc = emit_half(b, &out, &n);
	if (rc)
		return rc;
	in.dir = PT_IN;
	in.src = *dst;
	in.sport = b->base.dport;
	in.dport = b->base.sport;
	memset(&in.dst, 0, sizeof(in.dst));
	in.dst.kind = PT_REF_SET;
	rc = pt_iset_add(b->scratch, af == PT_AF_INET ? &in.dst.v4 : &in.dst.v6, n.lo, n.hi);
	n.kind = PT_NAT_DST;
	n.static_port = false;
	n.from_lo = n.lo;
	n.lo = from->lo;
	n.hi = from->hi;
	return rc ? rc : emit_half(b, &in, &n);
}
