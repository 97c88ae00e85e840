/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Translations: the judgement left a number in the connection's label, a map in the nat hook
 * turns it into the chain that translates. So the verdict and the translation are always of
 * the same rule.
 *
 * A packet that reaches the end of such a chain could not be translated (its interface has no
 * address, say). It is dropped: leaving with its inner address would be worse.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_nat.h>

static void load_port(struct nft_lower *l, uint32_t reg, uint16_t port)
{
	const uint16_t be = htons(port);

	nft_e_imm(l, reg, &be, sizeof(be));
}

/* "port 3000:*": new port by old one, as a map. */
static const char *port_map(struct nft_lower *l, const struct pt_pol_nat *nat)
{
	struct nft_set set = { .role = NFT_SET_PMAP,
			       .key_len = 2,
			       .key_type = NFT_TYPE_INET_SERVICE,
			       .data_type = NFT_TYPE_INET_SERVICE,
			       .data_len = 2 };
	const uint16_t key[3] = { nat->match_lo, nat->match_hi, nat->port_lo };
	char name[NFT_SETNAME_MAX];

	nft_name(name, "p.%016llx", (unsigned long long)pt_hash64(key, sizeof(key)));
	set.name = name;
	for (uint32_t port = nat->match_lo; port <= nat->match_hi && !l->rc; port++) {
		struct nft_map_elem el = { .key_len = 2, .data_len = 2 };

		nft_bytes(el.key, port, 2);
		nft_bytes(el.data, nat->port_lo + port - nat->match_lo, 2);
		if (pt_vec_push(l->arena, &set.map, el))
			nft_lower_fail(l, -ENOMEM);
	}
	return nft_set_map(l, &set);
}

static void load_mapped_port(struct nft_lower *l, const struct pt_pol_nat *nat)
{
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	nft_e_map(l, port_map(l, nat), NFT_REG_3);
}

/* Puts the new ports into registers 3 and 4 and says so in A. */
static void load_ports(struct nft_lower *l, const struct pt_pol_nat *nat, struct nft_nat_args *a)
{
	uint16_t lo = nat->port_lo, hi = nat->port_hi;

	if (!nat->has_port && nat->kind == PT_NAT_SRC && !nat->static_port && !nat->one_to_one) {
		lo = PT_NAT_PORT_LO;
		hi = PT_NAT_PORT_HI;
	} else if (!nat->has_port) {
		return;
	}
	a->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	a->port_min = a->port_max = NFT_REG_3;
	if (nat->port_offset && nat->match_lo != nat->match_hi) {
		load_mapped_port(l, nat);
		return;
	}
	load_port(l, NFT_REG_3, lo);
	if (lo == hi || nat->port_offset)
		return;
	load_port(l, NFT_REG_4, hi);
	a->port_max = NFT_REG_4;
	a->flags |= NF_NAT_RANGE_PROTO_RANDOM_FULLY;
}

static void load_addresses(struct nft_lower *l, enum pt_af af, pt_u128 lo, pt_u128 hi,
			   struct nft_nat_args *a)
{
	uint32_t len = af == PT_AF_INET ? 4 : 16;
	uint8_t bytes[16];

	nft_bytes(bytes, lo, len);
	nft_e_imm(l, NFT_REG_1, bytes, len);
	a->addr_max = NFT_REG_1;
	if (lo == hi)
		return;
	nft_bytes(bytes, hi, len);
	nft_e_imm(l, NFT_REG_2, bytes, len);
	a->addr_max = NFT_REG_2;
}

/* One address, or a prefix in which the host is kept. */
static void load_fixed(struct nft_lower *l, const struct pt_pol_nat *nat, struct nft_nat_args *a)
{
	if (nat->lo != nat->hi)
		a->flags |= NF_NAT_RANGE_NETMAP;
	load_addresses(l, nat->af, nat->lo, nat->hi, a);
}

/* The address that an interface has at the moment. */
static void load_interface(struct nft_lower *l, const struct pt_pol_nat *nat, struct nft_nat_args *a)
{
	enum pt_af af = a->family == NFPROTO_IPV4 ? PT_AF_INET : PT_AF_INET6;
	struct pt_addr now = pt_ifref_address(&l->policy->ifrefs.v[nat->ref], l->host, af);

	load_addresses(l, af, now.v, now.v, a);
}

void nft_nat_rule(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat, enum pt_af af, nft_nat_load load)
{
	struct nft_nat_args a = {
		.type = nat->kind == PT_NAT_SRC ? NFT_NAT_SNAT : NFT_NAT_DNAT,
		.family = af == PT_AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
	};

	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_NFPROTO, (uint8_t)a.family);
	/* Ports first: their map reads register 1. */
	load_ports(l, nat, &a);
	load(l, nat, &a);
	nft_e_nat(l, &a);
	nft_rule_close(l, NULL);
}

/* On the interface itself the kernel knows the address of the moment. */
static void to_own_device(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat,
			  const char *device)
{
	struct nft_nat_args a = { 0 };
	bool src = nat->kind == PT_NAT_SRC;

	nft_rule_open(l, chain);
	nft_t_device(l, src ? NFT_META_OIFNAME : NFT_META_IIFNAME, device, false);
	load_ports(l, nat, &a);
	if (src)
		nft_e_masq(l, &a);
	else
		nft_e_redir(l, &a);
	nft_rule_close(l, NULL);
}

/* Are packets translated by NAT on other interfaces too than DEVICE? */
static bool used_elsewhere(const struct nft_lower *l, uint32_t nat, const char *device)
{
	for (size_t i = 0; i < l->policy->rules.n; i++) {
		const struct pt_pol_rule *r = &l->policy->rules.v[i];

		if (r->nat == nat && (r->if_any || r->if_neg || r->devices.n != 1 ||
				      strcmp(r->devices.v[0], device) != 0))
			return true;
	}
	return false;
}

static void to_interface(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat)
{
	static const enum pt_af families[] = { PT_AF_INET, PT_AF_INET6 };
	const struct pt_pol_ifref *r = &l->policy->ifrefs.v[nat->ref];

	to_own_device(l, chain, nat, r->device);
	if (!used_elsewhere(l, (uint32_t)(nat - l->policy->nats.v) + 1, r->device))
		return;
	for (size_t i = 0; i < PT_ARRAY_SIZE(families); i++) {
		struct pt_addr a;

		if (!(nat->af & families[i]))
			continue;
		a = pt_ifref_address(r, l->host, families[i]);
		if (a.af != PT_AF_NONE)
			nft_nat_rule(l, chain, nat, families[i], load_interface);
	}
}

static void nat_chain(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat)
{
	if (nat->target == PT_REF_IF)
		to_interface(l, chain, nat);
	else if (nat->way == PT_POOL_NONE || nat->way == PT_POOL_BITMASK)
		nft_nat_rule(l, chain, nat, nat->af, load_fixed);
	else
		nft_pool_emit(l, chain, nat);
	nft_rule_open(l, chain);
	nft_e_counter(l);
	nft_e_verdict(l, NF_DROP, NULL);
	nft_rule_close(l, NULL);
}

const char *nft_nat_map(struct nft_lower *l, enum pt_nat_kind kind, const struct nft_nat_chains *c)
{
	struct nft_set set = { .name = kind == PT_NAT_SRC ? c->out : c->in,
			       .role = NFT_SET_VMAP,
			       .key_len = 16,
			       .key_type = NFT_TYPE_INTEGER,
			       .data_type = NFT_TYPE_VERDICT };

	for (uint32_t i = 0; i < l->policy->nats.n && !l->rc; i++) {
		const struct pt_pol_nat *nat = &l->policy->nats.v[i];
		const uint32_t number = l->nat_numbers[i];
		const uint32_t label[4] = { [3] = kind == PT_NAT_SRC ? number << 16 : number };
		struct nft_map_elem el = { .key_len = sizeof(label) };
		char chain[NFT_SETNAME_MAX];

		if (nat->kind != kind || (c->sticky && !nat->sticky))
			continue;
		nft_name(chain, "%s.%u", c->prefix, number);
		memcpy(el.key, label, sizeof(label));
		el.chain = pt_arena_strdup(l->arena, chain);
		if (!el.chain || pt_vec_push(l->arena, &set.map, el))
			nft_lower_fail(l, -ENOMEM);
		c->emit(l, nft_chain_new(l, chain), nat);
	}
	return set.map.n ? nft_set_map(l, &set) : NULL;
}

void nft_nat_go(struct nft_lower *l, enum pt_nat_kind kind, const char *map)
{
	static const uint32_t zero[4];
	const uint32_t mask[4] = { [3] = kind == PT_NAT_SRC ? 0xffff0000u : 0x0000ffffu };

	nft_e_ct(l, NFT_CT_LABELS);
	nft_e_bitwise(l, mask, zero, sizeof(mask));
	nft_e_map(l, map, NFT_REG_VERDICT);
}

static void nat_hook(struct nft_lower *l, const char *chain, enum pt_nat_kind kind)
{
	static const struct nft_nat_chains chains = { "nat-in", "nat-out", "nat", false, nat_chain };
	const char *map = nft_nat_map(l, kind, &chains);

	if (!map)
		return;
	nft_rule_open(l, nft_chain_find(l, chain));
	nft_nat_go(l, kind, map);
	nft_rule_close(l, NULL);
}

/* ---- numbers ---- */

uint64_t nft_nat_hash(const struct nft_lower *l, const struct pt_pol_nat *n, uint32_t attempt)
{
	const struct pt_pol_ifref *r = n->target == PT_REF_IF ? &l->policy->ifrefs.v[n->ref] : NULL;
	const uint64_t what[] = {
		n->kind, n->target, n->one_to_one, n->af, n->has_port, n->port_lo, n->port_hi, n->port_offset,
		n->match_lo, n->match_hi, n->static_port, (uint64_t)(n->lo >> 64), (uint64_t)n->lo,
		(uint64_t)(n->hi >> 64), (uint64_t)n->hi, (uint64_t)(n->from_lo >> 64), (uint64_t)n->from_lo,
		r ? pt_hash64(r->device, strlen(r->device)) : 0, attempt,
	};
	const uint64_t one = pt_hash64(what, sizeof(what));
	const uint64_t pool[] = { one, n->way, n->sticky, n->seed,
				  n->pool ? pt_hash64(n->pool, n->n_pool * sizeof(*n->pool)) : 0 };

	return n->way == PT_POOL_NONE ? one : pt_hash64(pool, sizeof(pool));
}

/* The number of a translation is a hash of it: that of a translation which stays does not depend on the others, so
 * neither its rules change with them, nor do packets under way come to another one's chain. */
static uint16_t hash_number(const struct nft_lower *l, const struct pt_pol_nat *n, uint32_t attempt)
{
	uint16_t number = (uint16_t)nft_nat_hash(l, n, attempt);

	return number ? number : 1; /* 0: none */
}

void nft_nat_number(struct nft_lower *l)
{
	size_t n = l->policy->nats.n;
	bool *taken;

	if (n > UINT16_MAX) {
		pt_err_add(
			l->e, PT_ERROR, NULL,
			"translate to prefixes instead of many single addresses",
			"the rules have %zu different translations, a connection's label has room "
			"for %d",
			n, UINT16_MAX);
		nft_lower_fail(l, -EINVAL);
		return;
	}
	if (!n)
		return;
	taken = pt_arena_alloc(l->arena, (UINT16_MAX + 1) * sizeof(*taken));
	l->nat_numbers = pt_arena_alloc(l->arena, n * sizeof(*l->nat_numbers));
	if (!taken || !l->nat_numbers) {
		nft_lower_fail(l, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint16_t number;

		for (uint32_t attempt = 0;; attempt++) {
			number = hash_number(l, &l->policy->nats.v[i], attempt);
			if (!taken[number])
				break;
		}
		taken[number] = true;
		l->nat_numbers[i] = number;
	}
}

void nft_nat_emit(struct nft_lower *l)
{
	nat_hook(l, "dstnat", PT_NAT_DST);
	nat_hook(l, "srcnat", PT_NAT_SRC);
	nft_pool_hooks(l);
}
