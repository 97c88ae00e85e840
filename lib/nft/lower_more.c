/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conditions of the rarer kind as kernel expressions. */
#include <net/if_arp.h>

#include "nft/lower.h"

#include <linux/rtnetlink.h>

/* ---- routes ---- */

/* The kernel finds no way out to its own addresses either, nor to those of many: they are none of a route. */
static const char *not_routed(struct nft_lower *l)
{
	static const uint32_t types[] = { RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST };

	return nft_set_fib(l, types, PT_ARRAY_SIZE(types));
}

void nft_t_no_route(struct nft_lower *l, bool dst)
{
	uint32_t flags = dst ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR;
	const uint8_t none = 0;

	nft_e_fib_route(l, flags);
	nft_e_cmp(l, NFT_CMP_EQ, &none, 1);
	nft_e_fib_type(l, flags);
	nft_e_lookup(l, not_routed(l), true);
}

void nft_t_urpf(struct nft_lower *l, bool neg)
{
	const uint8_t none = 0;

	nft_e_fib_route(l, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF);
	nft_e_cmp(l, neg ? NFT_CMP_NEQ : NFT_CMP_EQ, &none, 1);
}

/* ---- the packet ---- */

/* The byte's place is one of its own in IPv4, and across two in IPv6. */
static void test_tos(struct nft_lower *l, uint8_t tos, enum pt_af af)
{
	const uint8_t mask4 = 0xfc, mask6[2] = { 0x0f, 0xc0 }, zero[2] = { 0 };
	const uint8_t want6[2] = { tos >> 4, (uint8_t)(tos << 4) };

	if (af == PT_AF_INET) {
		nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, 1, 1);
		nft_e_bitwise(l, &mask4, zero, 1);
		nft_e_cmp(l, NFT_CMP_EQ, &tos, 1);
	} else {
		nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, 0, 2);
		nft_e_bitwise(l, mask6, zero, 2);
		nft_e_cmp(l, NFT_CMP_EQ, want6, 2);
	}
}

static void test_mac(struct nft_lower *l, const struct pt_iset *macs)
{
	const uint16_t ether = ARPHRD_ETHER;

	nft_e_meta(l, NFT_META_IIFTYPE);
	nft_e_cmp(l, NFT_CMP_EQ, &ether, sizeof(ether));
	nft_e_payload(l, NFT_PAYLOAD_LL_HEADER, 6, 6);
	nft_t_iset(l, NFT_KIND_MAC, macs);
}

/* ---- where it comes from ---- */

static void test_owner(struct nft_lower *l, uint32_t key, const struct pt_iset *s)
{
	if (!s->n)
		return;
	nft_e_meta(l, key);
	nft_e_hton(l); /* numbers are compared byte by byte */
	nft_t_iset(l, NFT_KIND_OWNER, s);
}

/* ---- chance ---- */

static void test_chance(struct nft_lower *l, uint32_t chance)
{
	const uint32_t bound = htonl((uint32_t)(((uint64_t)chance << 32) / PT_CHANCE_ALL));

	nft_e_meta(l, NFT_META_PRANDOM);
	nft_e_hton(l);
	nft_e_cmp(l, NFT_CMP_LT, &bound, sizeof(bound));
}

/* ---- rates ---- */

#define ONCE_SECONDS 3153600000u /* a hundred years */

/* All kernel rules of one written rule share a bucket. It is another one when the rate changes. */
static void test_rate(struct nft_lower *l, const struct pt_pol_rule *r, const char *what, const struct pt_ast_rate *rate)
{
	char name[NFT_SETNAME_MAX];

	if (!rate->packets)
		return;
	nft_name(name, "%s.%08x.%u.%u.%u", what, r->id, rate->packets, rate->seconds, rate->burst);
	nft_e_bucket(l, nft_set_bucket(l, name), rate);
}

bool nft_more_by_family(const struct pt_pol_more *more)
{
	return more && more->has_tos;
}

/* Chance and rates last: they are for packets that meet all else. */
void nft_more_emit(struct nft_lower *l, const struct pt_pol_rule *r, enum pt_af af)
{
	const struct pt_pol_more *more = r->more;
	const struct pt_ast_rate once = { 1, ONCE_SECONDS, 1 };
	struct pt_ast_rate pkt_rate = more->pkt_rate;

	if (more->has_tos)
		test_tos(l, more->tos, af);
	if (more->macs.n)
		test_mac(l, &more->macs);
	if (more->received.n)
		nft_t_devices(l, NFT_META_IIFNAME, more->received.v, more->received.n, more->received.neg);
	test_owner(l, NFT_META_SKUID, &more->uid);
	test_owner(l, NFT_META_SKGID, &more->gid);
	if (more->schedule) {
		nft_e_meta(l, NFT_META_TIME_NS);
		nft_e_hton64(l);
		nft_e_lookup(l, nft_set_schedule(l, more->schedule - 1), more->schedule_neg);
	}
	if (more->chance)
		test_chance(l, more->chance);
	pkt_rate.burst = pkt_rate.packets;
	test_rate(l, r, "limit", &more->limit);
	test_rate(l, r, "rate", &pkt_rate);
	if (more->once)
		test_rate(l, r, "once", &once);
}
