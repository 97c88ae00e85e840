/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thin helpers over libnftnl's expressions, so that lowering reads like the rule it makes.
 * Registers are always the four of 16 bytes: the kernel names them so when it gives rules back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/lower.h"

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>

struct nftnl_expr *nft_expr_new(struct nft_lower *l, const char *name)
{
	struct nftnl_expr *x;

	if (l->rc)
		return NULL;
	x = nftnl_expr_alloc(name);
	if (!x) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	nftnl_rule_add_expr(l->nlr, x);
	return x;
}

static void set_data(struct nft_lower *l, struct nftnl_expr *x, uint16_t attr, const void *data,
		     uint32_t len)
{
	if (nftnl_expr_set(x, attr, data, len) < 0)
		nft_lower_fail(l, -ENOMEM);
}

static void set_str(struct nft_lower *l, struct nftnl_expr *x, uint16_t attr, const char *s)
{
	if (!s || nftnl_expr_set_str(x, attr, s) < 0)
		nft_lower_fail(l, -ENOMEM);
}

void nft_e_meta(struct nft_lower *l, uint32_t key)
{
	struct nftnl_expr *x = nft_expr_new(l, "meta");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void nft_e_meta_set(struct nft_lower *l, uint32_t key)
{
	struct nftnl_expr *x = nft_expr_new(l, "meta");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void nft_e_ct(struct nft_lower *l, uint32_t key)
{
	struct nftnl_expr *x = nft_expr_new(l, "ct");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

void nft_e_ct_set(struct nft_lower *l, uint32_t key)
{
	struct nftnl_expr *x = nft_expr_new(l, "ct");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_SREG, NFT_REG_1);
}

void nft_e_payload(struct nft_lower *l, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *x = nft_expr_new(l, "payload");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
}

void nft_e_cmp(struct nft_lower *l, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *x = nft_expr_new(l, "cmp");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
	set_data(l, x, NFTNL_EXPR_CMP_DATA, data, len);
}

void nft_e_range(struct nft_lower *l, uint32_t op, const void *from, const void *to, uint32_t len)
{
	struct nftnl_expr *x = nft_expr_new(l, "range");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_OP, op);
	set_data(l, x, NFTNL_EXPR_RANGE_FROM_DATA, from, len);
	set_data(l, x, NFTNL_EXPR_RANGE_TO_DATA, to, len);
}

static void to_network_order(struct nft_lower *l, uint32_t size)
{
	struct nftnl_expr *x = nft_expr_new(l, "byteorder");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, size);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, size);
}

void nft_e_hton(struct nft_lower *l)
{
	to_network_order(l, 4);
}

void nft_e_hton64(struct nft_lower *l)
{
	to_network_order(l, 8);
}

void nft_e_bitwise(struct nft_lower *l, const void *mask, const void * xor, uint32_t len)
{
	struct nftnl_expr *x = nft_expr_new(l, "bitwise");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	set_data(l, x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	set_data(l, x, NFTNL_EXPR_BITWISE_XOR, xor, len);
}

void nft_e_imm(struct nft_lower *l, uint32_t reg, const void *data, uint32_t len)
{
	struct nftnl_expr *x = nft_expr_new(l, "immediate");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, reg);
	set_data(l, x, NFTNL_EXPR_IMM_DATA, data, len);
}

void nft_e_lookup(struct nft_lower *l, const char *set, bool neg)
{
	struct nftnl_expr *x = nft_expr_new(l, "lookup");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	set_str(l, x, NFTNL_EXPR_LOOKUP_SET, set);
	if (neg)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void nft_e_map(struct nft_lower *l, const char *set, uint32_t dreg)
{
	struct nftnl_expr *x = nft_expr_new(l, "lookup");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, dreg);
	set_str(l, x, NFTNL_EXPR_LOOKUP_SET, set);
}

void nft_e_fib_type(struct nft_lower *l, uint32_t flags)
{
	struct nftnl_expr *x = nft_expr_new(l, "fib");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, flags);
}

void nft_e_fib_route(struct nft_lower *l, uint32_t flags)
{
	struct nftnl_expr *x = nft_expr_new(l, "fib");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, flags | NFTA_FIB_F_PRESENT);
}

void nft_e_verdict(struct nft_lower *l, int verdict, const char *chain)
{
	struct nftnl_expr *x = nft_expr_new(l, "immediate");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		set_str(l, x, NFTNL_EXPR_IMM_CHAIN, chain);
}

#define IPV4_CHECKSUM 10 /* its place in the header */

void nft_e_payload_set(struct nft_lower *l, uint32_t base, uint32_t offset, uint32_t len, bool csum)
{
	struct nftnl_expr *x = nft_expr_new(l, "payload");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, csum ? NFT_PAYLOAD_CSUM_INET : NFT_PAYLOAD_CSUM_NONE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, csum ? IPV4_CHECKSUM : 0);
}

#define TCPOPT_MSS 2 /* RFC 9293 section 3.2 */

void nft_e_mss_set(struct nft_lower *l)
{
	struct nftnl_expr *x = nft_expr_new(l, "exthdr");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_SREG, NFT_REG_1);
	nftnl_expr_set_u8(x, NFTNL_EXPR_EXTHDR_TYPE, TCPOPT_MSS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OFFSET, 2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_LEN, 2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
}

void nft_e_counter(struct nft_lower *l)
{
	nft_expr_new(l, "counter");
}

void nft_e_log(struct nft_lower *l, const struct pt_pol_rule *r)
{
	struct nftnl_expr *x = nft_expr_new(l, "log");
	char prefix[PT_POL_PREFIX_MAX];

	if (!x)
		return;
	pt_pol_prefix(prefix, r);
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, PT_NFT_LOG_GROUP);
	set_str(l, x, NFTNL_EXPR_LOG_PREFIX, prefix);
}

void nft_e_reject(struct nft_lower *l, uint32_t type, uint8_t code)
{
	struct nftnl_expr *x = nft_expr_new(l, "reject");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, type);
	if (type != NFT_REJECT_TCP_RST)
		nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, code);
}

void nft_e_nat(struct nft_lower *l, const struct nft_nat_args *a)
{
	struct nftnl_expr *x = nft_expr_new(l, "nat");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, a->type);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, a->family);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MAX, a->addr_max);
	if (a->port_min) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, a->port_min);
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MAX, a->port_max);
	}
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS, a->flags | NF_NAT_RANGE_MAP_IPS);
}

void nft_e_masq(struct nft_lower *l, const struct nft_nat_args *a)
{
	struct nftnl_expr *x = nft_expr_new(l, "masq");

	if (!x)
		return;
	if (a->port_min) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_MASQ_REG_PROTO_MIN, a->port_min);
		nftnl_expr_set_u32(x, NFTNL_EXPR_MASQ_REG_PROTO_MAX, a->port_max);
	}
	if (a->flags)
		nftnl_expr_set_u32(x, NFTNL_EXPR_MASQ_FLAGS, a->flags);
}

void nft_e_redir(struct nft_lower *l, const struct nft_nat_args *a)
{
	struct nftnl_expr *x = nft_expr_new(l, "redir");

	if (!x)
		return;
	if (a->port_min) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_REDIR_REG_PROTO_MIN, a->port_min);
		nftnl_expr_set_u32(x, NFTNL_EXPR_REDIR_REG_PROTO_MAX, a->port_max);
	}
	if (a->flags)
		nftnl_expr_set_u32(x, NFTNL_EXPR_REDIR_FLAGS, a->flags);
}

void nft_t_u8(struct nft_lower *l, uint32_t meta_key, uint8_t value)
{
	nft_e_meta(l, meta_key);
	nft_e_cmp(l, NFT_CMP_EQ, &value, 1);
}

/* Loading what an untracked or invalid packet does not have ends the rule: no match. */
void nft_t_label(struct nft_lower *l, uint8_t dir, uint32_t bit)
{
	static const uint32_t zero[4];
	const uint32_t mask[4] = { bit };

	nft_e_ct(l, NFT_CT_DIRECTION);
	nft_e_cmp(l, NFT_CMP_EQ, &dir, 1);
	nft_e_ct(l, NFT_CT_LABELS);
	nft_e_bitwise(l, mask, zero, sizeof(mask));
	nft_e_cmp(l, NFT_CMP_EQ, mask, sizeof(mask));
}

void nft_t_reply(struct nft_lower *l)
{
	const uint8_t reply = IP_CT_DIR_REPLY;

	nft_e_ct(l, NFT_CT_DIRECTION);
	nft_e_cmp(l, NFT_CMP_EQ, &reply, 1);
}

void nft_t_ct_state(struct nft_lower *l, uint32_t bits)
{
	const uint32_t zero = 0;

	nft_e_ct(l, NFT_CT_STATE);
	nft_e_bitwise(l, &bits, &zero, sizeof(bits));
	nft_e_cmp(l, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void nft_t_device(struct nft_lower *l, uint32_t meta_key, const char *device, bool neg)
{
	char name[NFT_IFNAME_LEN] = { 0 };

	memcpy(name, device, strnlen(device, sizeof(name) - 1));
	nft_e_meta(l, meta_key);
	nft_e_cmp(l, neg ? NFT_CMP_NEQ : NFT_CMP_EQ, name, sizeof(name));
}

void nft_bytes(uint8_t *out, pt_u128 v, size_t len)
{
	while (len--) {
		out[len] = (uint8_t)v;
		v >>= 8;
	}
}
