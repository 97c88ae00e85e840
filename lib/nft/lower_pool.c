/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools: one of several addresses, chosen once a connection. A number is drawn - the next one, any, or a hash of
 * the source - and becomes an address: by a map, or in a prefix as its host part.
 *
 * The address that a source keeps (sticky-address) stands in a map which the rules themselves write. Behind the
 * translation each packet of such a connection puts what it got there, or begins its hour anew. A prefix is remembered
 * even before it translates, so that of two first connections at once both get the same. A list is not: nft(8) of
 * Debian 12 aborts when it lists a rule that puts what it took from one map into another, and the administrator's
 * look at the rules is worth more than two connections in the same microsecond.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "nft/lower.h"

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

#define STICKY_SECONDS 3600
#define STICKY_SOURCES 262144 /* that one map remembers; others are not kept */
#define PRIO_STICKY_IN (-99) /* behind the translations */
#define PRIO_STICKY_OUT 101

/* ---- expressions, from and to any register ---- */

static void e_payload(struct nft_lower *l, uint32_t offset, uint32_t len, uint32_t dreg)
{
	struct nftnl_expr *x = nft_expr_new(l, "payload");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, dreg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
}

static void e_numgen(struct nft_lower *l, uint32_t type, uint32_t modulus, uint32_t dreg)
{
	struct nftnl_expr *x = nft_expr_new(l, "numgen");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_DREG, dreg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_TYPE, type);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_MODULUS, modulus);
}

static void e_hash(struct nft_lower *l, uint32_t sreg, uint32_t len, uint32_t modulus, uint32_t seed, uint32_t dreg)
{
	struct nftnl_expr *x = nft_expr_new(l, "hash");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SREG, sreg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_DREG, dreg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_MODULUS, modulus);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SEED, seed);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
}

static void e_byteorder(struct nft_lower *l, uint32_t op, uint32_t reg, uint32_t len)
{
	struct nftnl_expr *x = nft_expr_new(l, "byteorder");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SREG, reg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_DREG, reg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, op);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, 4);
}

/* The number in REG, in the order of the host, into the low bits of BASE, which are zero. */
static void e_host_part(struct nft_lower *l, uint32_t reg, uint32_t base)
{
	const uint32_t ones = UINT32_MAX, be = htonl(base);
	struct nftnl_expr *x;

	e_byteorder(l, NFT_BYTEORDER_HTON, reg, 4);
	x = nft_expr_new(l, "bitwise");
	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, reg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, reg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, 4);
	if (nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, &ones, 4) < 0 || nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, &be, 4) < 0)
		nft_lower_fail(l, -ENOMEM);
}

static void e_map(struct nft_lower *l, const char *set, uint32_t sreg, uint32_t dreg)
{
	struct nftnl_expr *x = nft_expr_new(l, "lookup");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, sreg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, dreg);
	if (!set || nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set) < 0)
		nft_lower_fail(l, -ENOMEM);
}

/* The key in register 2 and the value in 1; what has the key already keeps its value, and its time begins anew. */
static void e_remember(struct nft_lower *l, const char *set)
{
	struct nftnl_expr *x = nft_expr_new(l, "dynset");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_DATA, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	if (!set || nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, set) < 0)
		nft_lower_fail(l, -ENOMEM);
}

static void e_ct_address(struct nft_lower *l, uint32_t key, uint8_t dir, uint32_t dreg)
{
	struct nftnl_expr *x = nft_expr_new(l, "ct");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, dir);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, dreg);
}

/* ---- an address ---- */

static uint32_t address_len(const struct pt_pol_nat *nat)
{
	return nat->af == PT_AF_INET ? 4 : 16;
}

static void load_source(struct nft_lower *l, const struct pt_pol_nat *nat, uint32_t dreg)
{
	bool six = nat->af == PT_AF_INET6;

	e_payload(l, six ? 8 : 12, six ? 16 : 4, dreg); /* RFC 8200 section 3, RFC 791 section 3.1 */
}

static void draw(struct nft_lower *l, const struct pt_pol_nat *nat, uint32_t n, uint32_t dreg)
{
	if (nat->way != PT_POOL_SOURCE_HASH) {
		e_numgen(l, nat->way == PT_POOL_RANDOM ? NFT_NG_RANDOM : NFT_NG_INCREMENTAL, n, dreg);
		return;
	}
	load_source(l, nat, NFT_REG_2);
	e_hash(l, NFT_REG_2, address_len(nat), n, nat->seed, dreg);
}

/* From numbers to addresses. */
static const char *pool_map(struct nft_lower *l, const struct pt_pol_nat *nat)
{
	struct nft_set set = { .role = NFT_SET_PMAP,
			       .key_len = 4,
			       .key_type = NFT_TYPE_MARK,
			       .data_type = nat->af == PT_AF_INET ? NFT_TYPE_IPADDR : NFT_TYPE_IP6ADDR,
			       .data_len = address_len(nat) };
	char name[NFT_SETNAME_MAX];

	nft_name(name, "pool.%016llx.%c", (unsigned long long)pt_hash64(nat->pool, nat->n_pool * sizeof(*nat->pool)),
		 nat->af == PT_AF_INET ? '4' : '6');
	set.name = name;
	for (uint32_t i = 0; i < nat->n_pool && !l->rc; i++) {
		struct nft_map_elem el = { .key_len = sizeof(i), .data_len = (uint8_t)set.data_len };

		memcpy(el.key, &i, sizeof(i));
		nft_bytes(el.data, nat->pool[i], set.data_len);
		if (pt_vec_push(l->arena, &set.map, el))
			nft_lower_fail(l, -ENOMEM);
	}
	return nft_set_map(l, &set);
}

static void load_from_prefix(struct nft_lower *l, const struct pt_pol_nat *nat)
{
	bool six = nat->af == PT_AF_INET6;
	uint32_t last = six ? NFT_REG32_03 : NFT_REG_1; /* the last four bytes of register 1 */
	pt_u128 top = nat->hi - nat->lo;
	uint8_t bytes[16];

	if (six) {
		nft_bytes(bytes, nat->lo, sizeof(bytes));
		nft_e_imm(l, NFT_REG_1, bytes, sizeof(bytes));
	}
	draw(l, nat, top >= PT_POOL_INDEX_MAX ? PT_POOL_INDEX_MAX : (uint32_t)top + 1, last);
	e_host_part(l, last, (uint32_t)nat->lo);
}

static void load_choice(struct nft_lower *l, const struct pt_pol_nat *nat, struct nft_nat_args *a)
{
	if (nat->pool) {
		draw(l, nat, nat->n_pool, NFT_REG_1);
		e_map(l, pool_map(l, nat), NFT_REG_1, NFT_REG_1);
	} else {
		load_from_prefix(l, nat);
	}
	a->addr_max = NFT_REG_1;
}

/* ---- what sources keep ---- */

/* Its name is that of the translation: a changed pool has another one, and nobody is held to an old address. */
static const char *sticky_map(struct nft_lower *l, const struct pt_pol_nat *nat)
{
	bool six = nat->af == PT_AF_INET6;
	struct nft_set set = { .role = NFT_SET_PMAP,
			       .af = nat->af,
			       .key_len = (uint8_t)address_len(nat),
			       .key_type = six ? NFT_TYPE_IP6ADDR : NFT_TYPE_IPADDR,
			       .data_type = six ? NFT_TYPE_IP6ADDR : NFT_TYPE_IPADDR,
			       .data_len = address_len(nat),
			       .has_timeout = true,
			       .timeout = STICKY_SECONDS,
			       .dynamic = true,
			       .keep = true,
			       .size = STICKY_SOURCES };
	char name[NFT_SETNAME_MAX];

	nft_name(name, "sticky.%016llx", (unsigned long long)nft_nat_hash(l, nat, 0));
	set.name = name;
	return nft_set_map(l, &set);
}

static void load_kept(struct nft_lower *l, const struct pt_pol_nat *nat, struct nft_nat_args *a)
{
	load_source(l, nat, NFT_REG_2);
	e_map(l, sticky_map(l, nat), NFT_REG_2, NFT_REG_1);
	a->addr_max = NFT_REG_1;
}

static void remember_choice(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat)
{
	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_NFPROTO, nat->af == PT_AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	load_from_prefix(l, nat);
	load_source(l, nat, NFT_REG_2);
	e_remember(l, sticky_map(l, nat));
	nft_rule_close(l, NULL);
}

void nft_pool_emit(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat)
{
	if (nat->sticky)
		nft_nat_rule(l, chain, nat, nat->af, load_kept);
	if (nat->sticky && !nat->pool) {
		remember_choice(l, chain, nat);
		nft_nat_rule(l, chain, nat, nat->af, load_kept);
	}
	/* With sticky-address: of a list, or when the map is full. */
	nft_nat_rule(l, chain, nat, nat->af, load_choice);
}

/* ---- as long as packets come ---- */

/* A packet of a translated connection: what it got is what its source has, even if the map forgot it. */
static void keep_chain(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat)
{
	bool six = nat->af == PT_AF_INET6, src = nat->kind == PT_NAT_SRC;
	const uint32_t done = src ? IPS_SRC_NAT : IPS_DST_NAT, zero = 0;

	nft_rule_open(l, chain);
	nft_e_ct(l, NFT_CT_STATUS);
	nft_e_bitwise(l, &done, &zero, sizeof(done));
	nft_e_cmp(l, NFT_CMP_NEQ, &zero, sizeof(zero));
	nft_t_u8(l, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	e_ct_address(l, six ? NFT_CT_SRC_IP6 : NFT_CT_SRC_IP, IP_CT_DIR_ORIGINAL, NFT_REG_2);
	if (src)
		e_ct_address(l, six ? NFT_CT_DST_IP6 : NFT_CT_DST_IP, IP_CT_DIR_REPLY, NFT_REG_1);
	else
		e_ct_address(l, six ? NFT_CT_SRC_IP6 : NFT_CT_SRC_IP, IP_CT_DIR_REPLY, NFT_REG_1);
	e_remember(l, sticky_map(l, nat));
	nft_rule_close(l, NULL);
}

/* In chain BASE, which has but this rule: a map goes to a chain and does not come back. */
static void keep_rule(struct nft_lower *l, size_t base, const char *map, enum pt_nat_kind kind)
{
	const uint8_t original = IP_CT_DIR_ORIGINAL;

	if (!map)
		return;
	nft_rule_open(l, base);
	nft_e_ct(l, NFT_CT_DIRECTION);
	nft_e_cmp(l, NFT_CMP_EQ, &original, 1);
	nft_nat_go(l, kind, map);
	nft_rule_close(l, NULL);
}

void nft_pool_hooks(struct nft_lower *l)
{
	static const struct nft_nat_chains chains = { "keep-in", "keep-out", "keep", true, keep_chain };
	const char *in = nft_nat_map(l, PT_NAT_DST, &chains), *out = nft_nat_map(l, PT_NAT_SRC, &chains);
	size_t chain;

	if (in) {
		chain = nft_base_chain(l, "keep-in", "filter", NF_INET_PRE_ROUTING, PRIO_STICKY_IN);
		keep_rule(l, chain, in, PT_NAT_DST);
	}
	if (!out)
		return;
	chain = nft_base_chain(l, "keep-out", "filter", NF_INET_POST_ROUTING, PRIO_STICKY_OUT);
	keep_rule(l, chain, out, PT_NAT_SRC);
}
