/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which conditions of a rule are left for the kernel, given what is known where it stands.
 *
 * After a match rule translated a packet, pf tests the rules behind it against the new
 * addresses. The packet that the kernel judges still has the old ones, so such conditions are
 * decided here, exactly or not at all: a guess would open or close something silently. Where the
 * new address is an interface's, that is the one it has now; when it changes, the rules are
 * made anew like the sets of interface addresses.
 */
#include <errno.h>
#include <string.h>

#include "nft/lower.h"

static const struct pt_pol_nat *known_nat(const struct nft_lower *l, const struct nft_known *known)
{
	return known->nat ? &l->policy->nats.v[known->nat - 1] : NULL;
}

static const struct pt_pol_rule *translator(const struct nft_lower *l, uint32_t nat)
{
	for (size_t i = 0; i < l->policy->rules.n; i++) {
		const struct pt_pol_rule *r = &l->policy->rules.v[i];

		if (r->action == PT_MATCH && r->nat == nat)
			return r;
	}
	return NULL;
}

static void undecidable(struct nft_lower *l, const struct pt_pol_rule *r,
			const struct nft_known *known, const char *what)
{
	const struct pt_pol_rule *by = translator(l, known->nat);

	if (l->reported[r->index])
		return;
	l->reported[r->index] = true;
	pt_err_add(
		l->e, PT_ERROR, &r->loc,
		"let a pass rule translate (pass ... nat-to, rdr-to), or make this rule quick and "
		"put "
		"it before the match rule",
		"cannot tell whether the %s fits \"%s\" after the translation of the match rule in "
		"line %u: it is known only when the packet is there",
		what, r->text, by ? by->loc.line : 0);
	pt_conf_show_source(l->policy->conf, &r->loc, l->e);
	nft_lower_fail(l, -EINVAL);
}

/* A translation that keeps host bits or moves a range of ports starts from what stands in the
 * packet. That is not what rule R saw where the translation FIRST came before it. */
static bool starts_elsewhere(const struct nft_lower *l, const struct pt_pol_rule *r,
			     const struct pt_pol_nat *first)
{
	const struct pt_pol_nat *n = r->nat ? &l->policy->nats.v[r->nat - 1] : NULL;

	if (!n || !first || n == first)
		return false;
	return (n->one_to_one && n->lo != n->hi) || n->way == PT_POOL_BITMASK ||
	       (n->port_offset && n->match_lo != n->match_hi && first->has_port);
}

/* ---- addresses ---- */

/* The rule's only device is the one whose addresses are meant: the kernel can tell by itself. */
static bool own_device(const struct nft_lower *l, const struct pt_pol_rule *r,
		       const struct pt_pol_addr *a)
{
	const struct pt_pol_ifref *ref = &l->policy->ifrefs.v[a->ref];

	return ref->mod == PT_MOD_NONE && !ref->no_alias && !r->if_any && !r->if_neg &&
	       r->devices.n == 1 && !strcmp(r->devices.v[0], ref->device);
}

static void side_named(struct nft_lower *l, const struct pt_pol_addr *a, uint8_t af,
		       struct nft_side *side)
{
	side->kind = NFT_SIDE_NAMED;
	for (int i = 0; i < 2; i++) {
		enum pt_af one = i ? PT_AF_INET6 : PT_AF_INET;

		if (!(af & one))
			continue;
		side->named[i] = a->kind == PT_REF_TABLE     ? nft_set_table(l, a->ref, one)
				 : a->kind == PT_REF_OUTSIDE ? nft_set_outside(l, a->ref, one)
				 : a->kind == PT_REF_IF	     ? nft_set_ifref(l, a->ref, one)
							     : nft_set_self(l, one);
	}
}

/* The address as it stands in the packet. */
static void side_live(struct nft_lower *l, const struct pt_pol_rule *r, const struct pt_pol_addr *a,
		      uint8_t af, struct nft_side *side)
{
	switch (a->kind) {
	case PT_REF_ANY:
		break;
	case PT_REF_SET:
		side->kind = NFT_SIDE_SET;
		side->set[0] = a->v4;
		side->set[1] = a->v6;
		break;
	case PT_REF_SELF:
		side->kind = NFT_SIDE_SELF;
		break;
	case PT_REF_IF:
		if (own_device(l, r, a))
			side->kind = NFT_SIDE_DEVICE;
		else
			side_named(l, a, af, side);
		break;
	case PT_REF_TABLE:
	case PT_REF_OUTSIDE:
		side_named(l, a, af, side);
		break;
	case PT_REF_NO_ROUTE:
		side->kind = NFT_SIDE_NO_ROUTE;
		break;
	case PT_REF_URPF:
		side->kind = NFT_SIDE_URPF;
		break;
	}
}

enum known_answer { NEVER, ALWAYS, TEST, UNKNOWN };

static enum known_answer in_range(const struct pt_iset *s, pt_u128 lo, pt_u128 hi)
{
	if (pt_iset_covers(s, lo, hi))
		return ALWAYS;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].lo <= hi && s->v[i].hi >= lo)
			return UNKNOWN;
	return NEVER;
}

/* The part of S that LO..HI became, moved back to where it came from. */
static enum known_answer moved_back(struct nft_lower *l, const struct pt_iset *s, pt_u128 lo,
				    pt_u128 hi, pt_u128 from, struct pt_iset *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < s->n; i++) {
		pt_u128 a = s->v[i].lo > lo ? s->v[i].lo : lo;
		pt_u128 b = s->v[i].hi < hi ? s->v[i].hi : hi;

		if (a <= b && pt_iset_add(l->arena, out, a - lo + from, b - lo + from))
			nft_lower_fail(l, -ENOMEM);
	}
	pt_iset_norm(out);
	return out->n ? TEST : NEVER;
}

/* The interface's own addresses and network hold its new one, whatever it is. */
static bool same_interface(const struct nft_lower *l, const struct pt_pol_addr *a, uint32_t ref)
{
	const struct pt_pol_ifref *to = &l->policy->ifrefs.v[ref], *r;

	if (a->kind != PT_REF_IF)
		return false;
	r = &l->policy->ifrefs.v[a->ref];
	return !strcmp(r->device, to->device) && !r->no_alias &&
	       (r->mod == PT_MOD_NONE || r->mod == PT_MOD_NETWORK);
}

/* The new address is one for each family: SIDE tests it as a constant. A family without one is
 * taken out of AF: such packets are not translated but dropped. */
static enum known_answer side_to_address(struct nft_lower *l, const struct pt_pol_addr *a,
					 const struct pt_addr to[2], uint8_t *af,
					 struct nft_side *side)
{
	for (int i = 0; i < 2; i++) {
		const struct pt_iset *s = i ? &a->v6 : &a->v4;

		if (to[i].af == PT_AF_NONE || (a->kind == PT_REF_SET && !pt_iset_has(s, to[i].v)))
			*af &= (uint8_t) ~(i ? PT_AF_INET6 : PT_AF_INET);
		side->value[i] = to[i].v;
	}
	if (!*af)
		return NEVER;
	if (a->kind == PT_REF_SET)
		return ALWAYS;
	side_named(l, a, *af, side);
	side->constant = true;
	return TEST;
}

static enum known_answer side_to_if(struct nft_lower *l, const struct pt_pol_addr *a, uint32_t ref,
				    uint8_t *af, struct nft_side *side)
{
	const struct pt_pol_ifref *r = &l->policy->ifrefs.v[ref];
	const struct pt_addr to[2] = { pt_ifref_address(r, l->host, PT_AF_INET),
				       pt_ifref_address(r, l->host, PT_AF_INET6) };

	if (a->kind == PT_REF_SELF || same_interface(l, a, ref))
		return a->neg ? NEVER : ALWAYS;
	return side_to_address(l, a, to, af, side);
}

/* Whichever address of the pool it will be. */
static enum known_answer in_pool(const struct pt_iset *s, const struct pt_pol_nat *nat)
{
	enum known_answer one, all;

	if (!nat->pool)
		return in_range(s, nat->lo, nat->hi);
	all = in_range(s, nat->members.v[0].lo, nat->members.v[0].hi);
	for (size_t i = 1; i < nat->members.n; i++) {
		one = in_range(s, nat->members.v[i].lo, nat->members.v[i].hi);
		all = one == all ? all : UNKNOWN;
	}
	return all;
}

static enum known_answer side_to_range(struct nft_lower *l, const struct pt_pol_addr *a,
				       const struct pt_pol_nat *nat, uint8_t *af,
				       struct nft_side *side)
{
	int i = nat->af == PT_AF_INET6;
	const struct pt_iset *s = i ? &a->v6 : &a->v4;
	struct pt_addr to[2] = { 0 };

	if (a->kind == PT_REF_SET && nat->one_to_one) {
		side->kind = NFT_SIDE_SET;
		return moved_back(l, s, nat->lo, nat->hi, nat->from_lo, &side->set[i]);
	}
	if (nat->lo != nat->hi)
		return a->kind == PT_REF_SET ? in_pool(s, nat) : UNKNOWN;
	to[i] = (struct pt_addr){ nat->af, nat->lo };
	return side_to_address(l, a, to, af, side);
}

/* AF: the families of the packet, fewer where only some can hold. */
static enum known_answer decide_side(struct nft_lower *l, const struct pt_pol_rule *r,
				     const struct pt_pol_addr *a, const struct pt_pol_nat *nat,
				     uint8_t *af, struct nft_side *side)
{
	memset(side, 0, sizeof(*side));
	side->neg = a->neg;
	if (a->kind == PT_REF_ANY)
		return ALWAYS;
	if (nat && a->kind == PT_REF_NO_ROUTE)
		return UNKNOWN;
	if (nat && nat->target == PT_REF_IF)
		return side_to_if(l, a, nat->ref, af, side);
	if (nat)
		return side_to_range(l, a, nat, af, side);
	side_live(l, r, a, *af, side);
	return TEST;
}

/* ---- ports ---- */

static enum known_answer decide_port(struct nft_lower *l, const struct pt_iset *want,
				     const struct pt_pol_nat *nat, struct pt_iset *out)
{
	memset(out, 0, sizeof(*out));
	if (!want->n)
		return ALWAYS;
	if (nat && nat->kind == PT_NAT_DST && nat->has_port && nat->port_offset)
		return moved_back(l, want, nat->port_lo,
				  nat->port_lo + (pt_u128)(nat->match_hi - nat->match_lo),
				  nat->match_lo, out);
	if (nat && nat->has_port)
		return in_range(want, nat->port_lo, nat->port_hi);
	if (nat && nat->kind == PT_NAT_SRC && !nat->static_port && !nat->one_to_one)
		return in_range(want, PT_NAT_PORT_LO, PT_NAT_PORT_HI);
	*out = *want;
	return TEST;
}

/* ---- the rest ---- */

static bool has_device(const struct pt_pol_rule *r, const char *device)
{
	for (size_t i = 0; i < r->devices.n; i++)
		if (!strcmp(r->devices.v[i], device))
			return true;
	return false;
}

/* Can R hold for a packet on one of the known devices? */
static bool devices_meet(const struct pt_pol_rule *r, const struct pt_pol_rule *known)
{
	if (r->if_any)
		return true;
	if (!r->if_neg && !r->devices.n)
		return false;
	if (!known)
		return true;
	for (size_t i = 0; i < known->devices.n; i++)
		if (has_device(r, known->devices.v[i]) != r->if_neg)
			return true;
	return false;
}

static bool proto_meets(const struct pt_pol_rule *r, int16_t proto)
{
	if (r->proto_any || proto < 0)
		return true;
	for (size_t i = 0; i < r->protos.n; i++)
		if (r->protos.v[i] == proto)
			return true;
	return false;
}

static bool tag_meets(const struct pt_pol_rule *r, const struct nft_known *known, bool *live)
{
	*live = r->tagged && known->tag == NFT_TAG_LIVE;
	if (!r->tagged || *live)
		return true;
	return (known->tag == (int32_t)r->tagged) != r->tagged_neg;
}

/* Families in which a constant side can hold. */
static uint8_t side_af(const struct nft_side *side, uint8_t af)
{
	if (side->kind == NFT_SIDE_SET && !side->set[0].n)
		af &= (uint8_t)~PT_AF_INET;
	if (side->kind == NFT_SIDE_SET && !side->set[1].n)
		af &= (uint8_t)~PT_AF_INET6;
	return af;
}

bool nft_match_decide(struct nft_lower *l, const struct pt_pol_rule *r,
		      const struct nft_known *known, struct nft_match *m)
{
	const struct pt_pol_nat *nat = known_nat(l, known);
	bool src = nat && nat->kind == PT_NAT_SRC, dst = nat && nat->kind == PT_NAT_DST;
	enum known_answer a[4];

	memset(m, 0, sizeof(*m));
	m->rule = r;
	m->af = r->af & known->af;
	m->tested_af = known->tested && known->af != PT_AF_BOTH;
	m->proto = known->tested ? known->proto : -1;
	if (l->rc == -ENOMEM || !m->af || !devices_meet(r, known->dev) ||
	    !proto_meets(r, known->proto) || !tag_meets(r, known, &m->live_tag))
		return false;
	a[0] = decide_side(l, r, &r->src, src ? nat : NULL, &m->af, &m->src);
	a[1] = decide_side(l, r, &r->dst, dst ? nat : NULL, &m->af, &m->dst);
	a[2] = decide_port(l, &r->sport, src ? nat : NULL, &m->sport);
	a[3] = decide_port(l, &r->dport, dst ? nat : NULL, &m->dport);
	m->af = side_af(&m->dst, side_af(&m->src, m->af));
	for (int i = 0; i < 4; i++)
		if (a[i] == NEVER || !m->af)
			return false;
	for (int i = 0; i < 4; i++)
		if (a[i] == UNKNOWN) {
			undecidable(l, r, known,
				    i == 0   ? "source address"
				    : i == 1 ? "destination"
				    : i == 2 ? "source port"
					     : "destination port");
			return false;
		}
	if (starts_elsewhere(l, r, nat)) {
		undecidable(l, r, known, "range to translate");
		return false;
	}
	return !l->rc;
}

void nft_match_learn(const struct nft_match *m, struct nft_known *known)
{
	const struct pt_pol_rule *r = m->rule;

	known->af = m->af;
	if (!r->proto_any && r->protos.n == 1)
		known->proto = r->protos.v[0];
	if (!r->if_any && !r->if_neg && (!known->dev || r->devices.n < known->dev->devices.n))
		known->dev = r;
}
