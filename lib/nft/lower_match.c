/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conditions of a rule as kernel expressions.
 *
 * The kernel's expressions only know "and", so a rule becomes one kernel rule a family where
 * addresses are tested, and one a class of protocols where TCP flags or ICMP types are
 * tested on some of its protocols only.
 */
#include <errno.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

/* Which of a rule's protocols one kernel rule is for. */
struct proto_class {
	bool any; /* all protocols, EXCEPT excluded */
	bool except_tcp;
	struct pt_iset protos;
	bool flags, icmp; /* tested in this one */
};

#define MAX_CLASSES 3

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static void class_proto(struct nft_lower *l, struct proto_class *c, uint8_t proto)
{
	if (pt_iset_add(l->arena, &c->protos, proto, proto))
		nft_lower_fail(l, -ENOMEM);
}

/* Sorts the listed protocols into: TCP with flags, ICMP with types, the others. */
static size_t classes_listed(struct nft_lower *l, const struct pt_pol_rule *r,
			     struct proto_class *c)
{
	struct proto_class tcp = { .flags = true }, icmp = { .icmp = true }, rest = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < r->protos.n; i++) {
		uint8_t proto = r->protos.v[i];

		if (proto == IPPROTO_TCP && r->flags_mask)
			class_proto(l, &tcp, proto);
		else if (is_icmp(proto) && r->icmp.n)
			class_proto(l, &icmp, proto);
		else
			class_proto(l, &rest, proto);
	}
	if (tcp.protos.n)
		c[n++] = tcp;
	if (icmp.protos.n)
		c[n++] = icmp;
	if (rest.protos.n)
		c[n++] = rest;
	for (size_t i = 0; i < n; i++)
		pt_iset_norm(&c[i].protos);
	return n;
}

static size_t classes(struct nft_lower *l, const struct pt_pol_rule *r, struct proto_class *c)
{
	if (!r->proto_any)
		return classes_listed(l, r, c);
	if (!r->flags_mask) {
		c[0] = (struct proto_class){ .any = true };
		return 1;
	}
	c[0] = (struct proto_class){ .flags = true };
	class_proto(l, &c[0], IPPROTO_TCP);
	c[1] = (struct proto_class){ .any = true, .except_tcp = true };
	return 2;
}

/* ---- one number against intervals ---- */

static size_t kind_len(enum nft_set_kind kind)
{
	switch (kind) {
	case NFT_KIND_V4:
	case NFT_KIND_OWNER:
	case NFT_KIND_FIB:
		return 4;
	case NFT_KIND_MAC:
		return 6;
	case NFT_KIND_TIME:
		return 8;
	case NFT_KIND_V6:
	case NFT_KIND_DEVICE:
		return 16;
	case NFT_KIND_PORT:
	case NFT_KIND_ICMP:
		return 2;
	case NFT_KIND_PROTO:
	case NFT_KIND_TYPE4:
	case NFT_KIND_TYPE6:
		break;
	}
	return 1;
}

static pt_u128 kind_max(enum nft_set_kind kind)
{
	size_t bits = 8 * kind_len(kind);

	return bits == 128 ? ~(pt_u128)0 : ((pt_u128)1 << bits) - 1;
}

static void test_interval(struct nft_lower *l, enum nft_set_kind kind, pt_u128 lo, pt_u128 hi,
			  bool neg)
{
	uint32_t len = (uint32_t)kind_len(kind);
	pt_u128 host = lo ^ hi;
	uint8_t a[16], b[16], zero[16] = { 0 };

	nft_bytes(a, lo, len);
	if (lo == hi) {
		nft_e_cmp(l, neg ? NFT_CMP_NEQ : NFT_CMP_EQ, a, len);
	} else if (len >= 4 && !(host & (host + 1)) && !(lo & host)) {
		nft_bytes(b, ~host, len);
		nft_e_bitwise(l, b, zero, len);
		nft_e_cmp(l, neg ? NFT_CMP_NEQ : NFT_CMP_EQ, a, len);
	} else {
		nft_bytes(b, hi, len);
		nft_e_range(l, neg ? NFT_RANGE_NEQ : NFT_RANGE_EQ, a, b, len);
	}
}

static bool is_all(enum nft_set_kind kind, const struct pt_iset *s)
{
	return s->n == 1 && !s->v[0].lo && s->v[0].hi == kind_max(kind);
}

/* All but one interval: what "! 10.0.0.0/8" comes to. */
static bool is_gap(enum nft_set_kind kind, const struct pt_iset *s)
{
	return s->n == 2 && !s->v[0].lo && s->v[1].hi == kind_max(kind);
}

void nft_t_iset(struct nft_lower *l, enum nft_set_kind kind, const struct pt_iset *s)
{
	if (s->n == 1)
		test_interval(l, kind, s->v[0].lo, s->v[0].hi, false);
	else if (is_gap(kind, s))
		test_interval(l, kind, s->v[0].hi + 1, s->v[1].lo - 1, true);
	else
		nft_e_lookup(l, nft_set_const(l, kind, s), false);
}

/* What else conntrack calls related begins a connection that a helper expected. */
void nft_t_related_error(struct nft_lower *l)
{
	static const uint8_t icmp[] = { IPPROTO_ICMP, IPPROTO_ICMPV6 };
	struct pt_iset set = { 0 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(icmp); i++)
		if (pt_iset_add(l->arena, &set, icmp[i], icmp[i]))
			nft_lower_fail(l, -ENOMEM);
	pt_iset_norm(&set);
	nft_t_ct_state(l, NF_CT_STATE_BIT(IP_CT_RELATED));
	nft_e_meta(l, NFT_META_L4PROTO);
	nft_e_lookup(l, nft_set_const(l, NFT_KIND_PROTO, &set), false);
}

/* ---- the conditions ---- */

void nft_t_devices(struct nft_lower *l, uint32_t key, const char **v, uint32_t n, bool neg)
{
	struct pt_iset set = { 0 };
	pt_u128 number;

	if (neg || n == 1) {
		for (uint32_t i = 0; i < n; i++)
			nft_t_device(l, key, v[i], neg);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!nft_device_number(l, v[i], &number) && pt_iset_add(l->arena, &set, number, number))
			nft_lower_fail(l, -ENOMEM);
	pt_iset_norm(&set);
	nft_e_meta(l, key);
	nft_e_lookup(l, nft_set_const(l, NFT_KIND_DEVICE, &set), false);
}

static void emit_devices(struct nft_lower *l, const struct pt_pol_rule *r)
{
	if (!r->if_any)
		nft_t_devices(l, r->dir == PT_IN ? NFT_META_IIFNAME : NFT_META_OIFNAME, r->devices.v, r->devices.n, r->if_neg);
}

static void emit_tagged(struct nft_lower *l, const struct pt_pol_rule *r)
{
	const uint32_t mask = 0xff000000u, zero = 0, want = (uint32_t)r->tagged << 24;

	nft_e_meta(l, NFT_META_MARK);
	nft_e_bitwise(l, &mask, &zero, sizeof(mask));
	nft_e_cmp(l, r->tagged_neg ? NFT_CMP_NEQ : NFT_CMP_EQ, &want, sizeof(want));
}

static bool class_has(const struct proto_class *c, int16_t proto)
{
	if (c->any)
		return !c->except_tcp || proto != IPPROTO_TCP;
	return pt_iset_has(&c->protos, (pt_u128)proto);
}

static void emit_protos(struct nft_lower *l, const struct proto_class *c, int16_t proto)
{
	static const uint8_t tcp = IPPROTO_TCP;

	if ((c->any && !c->except_tcp) || proto >= 0)
		return;
	nft_e_meta(l, NFT_META_L4PROTO);
	if (c->any)
		nft_e_cmp(l, NFT_CMP_NEQ, &tcp, 1);
	else
		nft_t_iset(l, NFT_KIND_PROTO, &c->protos);
}

const char *nft_set_fib(struct nft_lower *l, const uint32_t *types, size_t n)
{
	struct pt_iset set = { 0 };

	for (size_t i = 0; i < n; i++) {
		pt_u128 v = ntohl(types[i]); /* its bytes as they stand in a register */

		if (pt_iset_add(l->arena, &set, v, v))
			nft_lower_fail(l, -ENOMEM);
	}
	pt_iset_norm(&set);
	return nft_set_const(l, NFT_KIND_FIB, &set);
}

/* Addresses of this machine, and in IPv6 those that it shares as a router (RFC 4291 section 2.6.1). */
static const char *own_types(struct nft_lower *l)
{
	static const uint32_t types[] = { RTN_LOCAL, RTN_ANYCAST };

	return nft_set_fib(l, types, PT_ARRAY_SIZE(types));
}

static void emit_fib(struct nft_lower *l, const struct nft_match *m, const struct nft_side *side,
		     bool dst)
{
	const uint32_t local = RTN_LOCAL;
	uint32_t flags = dst ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR;

	if (side->kind == NFT_SIDE_DEVICE)
		flags |= m->rule->dir == PT_IN ? NFTA_FIB_F_IIF : NFTA_FIB_F_OIF;
	nft_e_fib_type(l, flags);
	if (side->kind == NFT_SIDE_SELF && (m->af & PT_AF_INET6))
		nft_e_lookup(l, own_types(l), side->neg);
	else
		nft_e_cmp(l, side->neg ? NFT_CMP_NEQ : NFT_CMP_EQ, &local, sizeof(local));
}

/* I: 0 IPv4, 1 IPv6. */
static void emit_address(struct nft_lower *l, const struct nft_side *side, int i, bool dst)
{
	static const uint32_t offset[2][2] = { { 12, 16 }, { 8, 24 } };
	enum nft_set_kind kind = i ? NFT_KIND_V6 : NFT_KIND_V4;
	uint32_t len = i ? 16 : 4;
	uint8_t value[16];

	if (side->kind == NFT_SIDE_SET && is_all(kind, &side->set[i]))
		return;
	if (side->constant) {
		nft_bytes(value, side->value[i], len);
		nft_e_imm(l, NFT_REG_1, value, len);
	} else {
		nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, offset[i][dst], len);
	}
	if (side->kind == NFT_SIDE_SET)
		nft_t_iset(l, kind, &side->set[i]);
	else
		nft_e_lookup(l, side->named[i], side->neg);
}

static void emit_side(struct nft_lower *l, const struct nft_match *m, const struct nft_side *side,
		      int i, bool dst)
{
	switch (side->kind) {
	case NFT_SIDE_ANY:
		break;
	case NFT_SIDE_SELF:
	case NFT_SIDE_DEVICE:
		emit_fib(l, m, side, dst);
		break;
	case NFT_SIDE_NO_ROUTE:
		nft_t_no_route(l, dst);
		break;
	case NFT_SIDE_URPF:
		nft_t_urpf(l, side->neg);
		break;
	case NFT_SIDE_SET:
	case NFT_SIDE_NAMED:
		emit_address(l, side, i, dst);
		break;
	}
}

static void emit_port(struct nft_lower *l, const struct pt_iset *s, uint32_t offset)
{
	if (!s->n || is_all(NFT_KIND_PORT, s))
		return;
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
	nft_t_iset(l, NFT_KIND_PORT, s);
}

/* Type alone where every code is meant. */
static void emit_icmp(struct nft_lower *l, uint8_t proto, const struct pt_iset *s)
{
	bool types = true;
	struct pt_iset only = { 0 };

	for (size_t i = 0; i < s->n; i++)
		types = types && !(s->v[i].lo & 0xff) && (s->v[i].hi & 0xff) == 0xff;
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 0, types ? 1 : 2);
	if (!types) {
		nft_t_iset(l, NFT_KIND_ICMP, s);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (pt_iset_add(l->arena, &only, s->v[i].lo >> 8, s->v[i].hi >> 8))
			nft_lower_fail(l, -ENOMEM);
	pt_iset_norm(&only);
	nft_t_iset(l, proto == IPPROTO_ICMP ? NFT_KIND_TYPE4 : NFT_KIND_TYPE6, &only);
}

static void emit_flags(struct nft_lower *l, const struct pt_pol_rule *r)
{
	static const uint8_t zero;

	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	nft_e_bitwise(l, &r->flags_mask, &zero, 1);
	nft_e_cmp(l, NFT_CMP_EQ, &r->flags_set, 1);
}

static bool by_family(const struct nft_side *side)
{
	return side->kind == NFT_SIDE_SET || side->kind == NFT_SIDE_NAMED;
}

/* One kernel rule: protocols of C, family AF (NONE: as the packet comes). */
static void emit_one(struct nft_lower *l, const struct nft_match *m, const struct proto_class *c,
		     enum pt_af af)
{
	const struct pt_pol_rule *r = m->rule;

	emit_devices(l, r);
	if (m->live_tag)
		emit_tagged(l, r);
	if (af != PT_AF_NONE && !m->tested_af)
		nft_t_u8(l, NFT_META_NFPROTO, af == PT_AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	emit_protos(l, c, m->proto);
	emit_side(l, m, &m->src, af == PT_AF_INET6, false);
	emit_side(l, m, &m->dst, af == PT_AF_INET6, true);
	emit_port(l, &m->sport, 0);
	emit_port(l, &m->dport, 2);
	if (c->icmp)
		emit_icmp(l, (uint8_t)c->protos.v[0].lo, &r->icmp);
	if (c->flags)
		emit_flags(l, r);
	if (r->more)
		nft_more_emit(l, r, af);
}

static void emit_family(struct nft_lower *l, size_t chain, const struct nft_match *m, enum pt_af af,
			void (*then)(struct nft_lower *l, const void *arg), const void *arg)
{
	struct proto_class c[MAX_CLASSES];
	size_t n = classes(l, m->rule, c);

	for (size_t i = 0; i < n && !l->rc; i++) {
		if (m->proto >= 0 && !class_has(&c[i], m->proto))
			continue;
		nft_rule_open(l, chain);
		emit_one(l, m, &c[i], af);
		then(l, arg);
		nft_rule_close(l, m->rule);
	}
}

void nft_match_emit(struct nft_lower *l, size_t chain, const struct nft_match *m,
		    void (*then)(struct nft_lower *l, const void *arg), const void *arg)
{
	if (m->af == PT_AF_BOTH && !by_family(&m->src) && !by_family(&m->dst) && !nft_more_by_family(m->rule->more)) {
		emit_family(l, chain, m, PT_AF_NONE, then, arg);
		return;
	}
	if (m->af & PT_AF_INET)
		emit_family(l, chain, m, PT_AF_INET, then, arg);
	if (m->af & PT_AF_INET6)
		emit_family(l, chain, m, PT_AF_INET6, then, arg);
}
