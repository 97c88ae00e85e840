/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who claims an address of ours, as bytes behind the link's header. What we ask changes nobody's table: an ARP probe
 * (RFC 5227), a neighbour solicitation of the detection of duplicates (RFC 4862); neither says who asks. What is heard
 * was sent by anybody.
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>

#include "diag/finding.h"
#include "diag/probe_internal.h"

struct arp {
	uint16_t hardware, protocol;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t sender[6], sender_ip[4], target[6], target_ip[4];
} __attribute__((packed));

/* Solicitations and advertisements are alike: a message, whom it is about, options. */
struct ndp {
	struct ip6_hdr ip;
	struct icmp6_hdr icmp;
	uint8_t target[16];
};

#define HOPS 255 /* a packet that a router sent on has less */
#define LINK_ADDRESS_SIZE 8

_Static_assert(sizeof(struct arp) == 28 && sizeof(struct ndp) == FINDING_QUESTION, "as on the wire");

/* ---- questions ---- */

static size_t ask_arp(struct pt_addr a, const uint8_t mac[6], uint8_t *out, uint8_t to[6])
{
	struct arp p = { .hardware = htons(1), .protocol = htons(ETH_P_IP), .hardware_size = 6, .protocol_size = 4,
			 .operation = htons(1) };

	memcpy(p.sender, mac, sizeof(p.sender));
	pt_addr_to_bytes(a, p.target_ip);
	memset(to, 0xff, 6);
	memcpy(out, &p, sizeof(p));
	return sizeof(p);
}

/* Of the message behind an IPv6 header, with the addresses that the checksum covers: 0xffff where it is right. */
static uint16_t ndp_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = IPPROTO_ICMPV6 + (uint32_t)(n - sizeof(struct ip6_hdr));

	/* The two addresses end the header. */
	return (uint16_t)probe_sum(sum, p + 8, n - 8);
}

static size_t ask_ndp(struct pt_addr a, uint8_t *out, uint8_t to[6])
{
	static const uint8_t solicited_node[13] = { 0xff, 0x02, [11] = 1, 0xff };
	struct ndp p = { .ip = { .ip6_flow = htonl(6u << 28), .ip6_plen = htons(sizeof(p) - sizeof(p.ip)),
				 .ip6_nxt = IPPROTO_ICMPV6, .ip6_hops = HOPS },
			 .icmp = { .icmp6_type = ND_NEIGHBOR_SOLICIT } };

	pt_addr_to_bytes(a, p.target);
	memcpy(&p.ip.ip6_dst, solicited_node, sizeof(solicited_node));
	memcpy((uint8_t *)&p.ip.ip6_dst + sizeof(solicited_node), p.target + sizeof(solicited_node), 3);
	memcpy(to, "\x33\x33\xff", 3);
	memcpy(to + 3, p.target + 13, 3);
	memcpy(out, &p, sizeof(p));
	p.icmp.icmp6_cksum = htons((uint16_t)~ndp_sum(out, sizeof(p)));
	memcpy(out, &p, sizeof(p));
	return sizeof(p);
}

size_t finding_question(struct pt_addr a, const uint8_t mac[6], uint8_t out[FINDING_QUESTION], uint8_t to[6])
{
	return a.af == PT_AF_INET ? ask_arp(a, mac, out, to) : ask_ndp(a, out, to);
}

/* ---- what is heard ---- */

static enum finding_claim hear_arp(const uint8_t ours[4], const uint8_t *in, size_t n, uint8_t mac[6])
{
	static const uint8_t nobody[4];
	struct arp p;

	if (n < sizeof(p))
		return FINDING_NO_CLAIM;
	memcpy(&p, in, sizeof(p));
	if (p.hardware_size != 6 || p.protocol_size != 4 || p.protocol != htons(ETH_P_IP))
		return FINDING_NO_CLAIM;
	memcpy(mac, p.sender, 6);
	if (!memcmp(p.sender_ip, ours, 4))
		return FINDING_HAS;
	return p.operation == htons(1) && !memcmp(p.sender_ip, nobody, 4) && !memcmp(p.target_ip, ours, 4) ?
		FINDING_WANTS :
		FINDING_NO_CLAIM;
}

/* The link address among the options; false: options that make the whole message void. */
static bool read_options(const uint8_t *p, size_t n, uint8_t mac[6])
{
	while (n) {
		size_t size = n >= 2 ? (size_t)p[1] * 8 : 0;

		if (!size || size > n)
			return false;
		if (p[0] == ND_OPT_TARGET_LINKADDR && size == LINK_ADDRESS_SIZE)
			memcpy(mac, p + 2, 6);
		p += size;
		n -= size;
	}
	return true;
}

/* RFC 4861, 7.1: what does not keep to it is not listened to. */
static enum finding_claim hear_ndp(const uint8_t ours[16], const uint8_t *in, size_t n, uint8_t mac[6])
{
	static const uint8_t nobody[16];
	const struct ip6_hdr *ip;
	size_t size;
	struct ndp p;

	if (n < sizeof(p))
		return FINDING_NO_CLAIM;
	memcpy(&p, in, sizeof(p));
	ip = &p.ip;
	size = sizeof(*ip) + ntohs(ip->ip6_plen);
	if (ip->ip6_vfc >> 4 != 6 || ip->ip6_nxt != IPPROTO_ICMPV6 || ip->ip6_hops != HOPS || size < sizeof(p) ||
	    size > n)
		return FINDING_NO_CLAIM;
	if (p.icmp.icmp6_code || ndp_sum(in, size) != 0xffff || !read_options(in + sizeof(p), size - sizeof(p), mac))
		return FINDING_NO_CLAIM;
	if (p.icmp.icmp6_type != ND_NEIGHBOR_SOLICIT && p.icmp.icmp6_type != ND_NEIGHBOR_ADVERT)
		return FINDING_NO_CLAIM;
	if (!memcmp(&ip->ip6_src, ours, 16))
		return FINDING_HAS;
	if (memcmp(p.target, ours, 16) != 0)
		return FINDING_NO_CLAIM;
	if (p.icmp.icmp6_type == ND_NEIGHBOR_ADVERT)
		return FINDING_HAS;
	return memcmp(&ip->ip6_src, nobody, 16) ? FINDING_NO_CLAIM : FINDING_WANTS;
}

enum finding_claim finding_claims(struct pt_addr a, const uint8_t *p, size_t n, uint8_t mac[6])
{
	uint8_t ours[16];

	pt_addr_to_bytes(a, ours);
	return a.af == PT_AF_INET ? hear_arp(ours, p, n, mac) : hear_ndp(ours, p, n, mac);
}
