/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Protocols and what belongs to them: ports, ICMP types, TCP flags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

#define FLAG_SYN 0x02
#define FLAG_ACK 0x10

int policy_compare(struct pt_arena *a, enum pt_port_op op, uint32_t x, uint32_t y, uint32_t max, struct pt_iset *s)
{
	uint32_t lo = x, hi = x;
	int rc = 0;

	switch (op) {
	case PT_PORT_EQ:
		break;
	case PT_PORT_NE:
	case PT_PORT_OUT: /* below the first and above the last */
		hi = op == PT_PORT_NE ? x : y;
		if (lo > 0)
			rc = pt_iset_add(a, s, 0, lo - 1);
		if (rc || hi >= max)
			return rc;
		lo = hi + 1;
		hi = max;
		break;
	case PT_PORT_LT:
		if (!lo)
			return 0;
		lo = 0;
		hi = x - 1u;
		break;
	case PT_PORT_LE:
		lo = 0;
		break;
	case PT_PORT_GT:
		if (lo >= max)
			return 0;
		lo = x + 1u;
		hi = max;
		break;
	case PT_PORT_GE:
		hi = max;
		break;
	case PT_PORT_RANGE:
		hi = y;
		break;
	case PT_PORT_IN:
		if (y - x < 2)
			return 0;
		lo = x + 1u;
		hi = y - 1u;
		break;
	}
	return pt_iset_add(a, s, lo, hi);
}

int policy_ports(struct policy_builder *b, const pt_ports *ports, struct pt_iset *out)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !rc && i < ports->n; i++)
		rc = policy_compare(b->scratch, ports->v[i].op, ports->v[i].a, ports->v[i].b, UINT16_MAX, out);
	pt_iset_norm(out);
	if (!rc && ports->n && !out->n)
		rc = policy_fail(b, &ports->v[0].loc, NULL, "no port fits this condition");
	return rc;
}

/* Every protocol of the rule is one of WANTED. */
static bool only(const struct pt_pol_rule *r, const uint8_t *wanted, size_t n)
{
	if (r->proto_any)
		return false;
	for (size_t i = 0; i < r->protos.n; i++)
		if (!memchr(wanted, r->protos.v[i], n))
			return false;
	return true;
}

bool policy_only_ports(const struct pt_pol_rule *r)
{
	static const uint8_t with_ports[] = { PT_PROTO_TCP, PT_PROTO_UDP, PT_PROTO_SCTP };

	return only(r, with_ports, sizeof(with_ports));
}

static int check_ports(struct policy_builder *b)
{
	const struct pt_ast_rule *a = b->ast;
	const pt_ports *first = a->sport.n ? &a->sport : &a->dport;

	if (!first->n || policy_only_ports(&b->base))
		return 0;
	return policy_fail(b, &first->v[0].loc, "write `proto tcp`, `proto udp` or `proto { tcp, udp }`",
			   "ports belong to tcp, udp and sctp only");
}

static int add_icmp(struct policy_builder *b)
{
	const struct pt_ast_rule *a = b->ast;
	uint8_t proto = a->icmp_af == PT_AF_INET6 ? PT_PROTO_ICMP6 : PT_PROTO_ICMP;
	int rc = 0;

	if (!a->icmp.n)
		return 0;
	if (!only(&b->base, &proto, 1))
		return policy_fail(b, &a->icmp_loc, proto == PT_PROTO_ICMP ? "write `proto icmp`" : "write `proto icmp6`",
				   "ICMP types need the protocol they belong to");
	if (!(b->base.af & a->icmp_af))
		return policy_fail(b, &a->icmp_loc, NULL, "%s in a rule for %s",
				   proto == PT_PROTO_ICMP ? "icmp-type" : "icmp6-type", a->af == PT_AF_INET ? "inet" : "inet6");
	b->base.af &= (uint8_t)a->icmp_af;
	for (size_t i = 0; !rc && i < a->icmp.n; i++) {
		uint32_t type = (uint32_t)a->icmp.v[i].type << 8;
		int code = a->icmp.v[i].code;

		rc = pt_iset_add(b->scratch, &b->base.icmp, code < 0 ? type : type | (uint32_t)code,
				 code < 0 ? type | 0xff : type | (uint32_t)code);
	}
	pt_iset_norm(&b->base.icmp);
	return rc;
}

/* Rules that make states look at the first packet of a connection, unless they say otherwise. */
static int set_flags(struct policy_builder *b)
{
	static const uint8_t tcp = PT_PROTO_TCP;
	const struct pt_ast_rule *a = b->ast;
	struct pt_pol_rule *r = &b->base;

	if (a->has_flags) {
		if (!r->proto_any && !only(r, &tcp, 1))
			return policy_fail(b, &a->flags_loc, "write `proto tcp`", "flags belong to tcp only");
		r->flags_set = a->flags_any ? 0 : a->flags_set;
		r->flags_mask = a->flags_any ? 0 : a->flags_mask;
		return 0;
	}
	if (r->keep_state && (r->proto_any || memchr(r->protos.v, PT_PROTO_TCP, r->protos.n))) {
		r->flags_set = FLAG_SYN;
		r->flags_mask = FLAG_SYN | FLAG_ACK;
	}
	return 0;
}

static int by_value(const void *x, const void *y)
{
	return *(const uint8_t *)x - *(const uint8_t *)y;
}

int policy_protocol(struct policy_builder *b)
{
	const struct pt_ast_rule *a = b->ast;
	struct pt_pol_rule *r = &b->base;
	PT_VEC(uint8_t) protos = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < a->protos.n; i++)
		if (!protos.n || !memchr(protos.v, a->protos.v[i], protos.n))
			rc = pt_vec_push(b->scratch, &protos, a->protos.v[i]);
	if (protos.n)
		qsort(protos.v, protos.n, 1, by_value);
	r->proto_any = !a->protos.n;
	r->protos = (struct pt_pol_protos){ protos.v, (uint32_t)protos.n };
	if (!rc)
		rc = check_ports(b);
	if (!rc)
		rc = policy_ports(b, &a->sport, &r->sport);
	if (!rc)
		rc = policy_ports(b, &a->dport, &r->dport);
	if (!rc)
		rc = add_icmp(b);
	return rc ? rc : set_flags(b);
}
