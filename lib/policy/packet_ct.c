/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What connection tracking of Linux says of a packet that belongs to no known connection. */
#include <patronus/policy.h>

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10, URG = 0x20 };

/* nf_conntrack_proto_tcp.c: a lone SYN begins a connection, a plain ACK is picked up in the middle of one
 * (nf_conntrack_tcp_loose); combinations that no TCP sends are invalid, and so is what only ends or answers. */
static enum pt_ct tcp_ct(uint8_t flags)
{
	switch (flags & (FIN | SYN | RST | ACK | URG)) {
	case SYN:
	case SYN | URG:
	case ACK:
	case ACK | URG:
		return PT_CT_NEW;
	default:
		return PT_CT_INVALID;
	}
}

/* nf_conntrack_proto_icmp.c: only requests begin something, and only in IPv4. */
static enum pt_ct icmp_ct(enum pt_af af, uint8_t type)
{
	if (af != PT_AF_INET)
		return PT_CT_INVALID;
	return type == 8 || type == 13 || type == 15 || type == 17 ? PT_CT_NEW : PT_CT_INVALID;
}

/* nf_conntrack_proto_icmpv6.c: multicast listening (130 to 132, 143), discovery of routers and neighbours
 * (133 to 136, but not redirects) and of multicast routers (151, 152: Linux before 6.10 calls them invalid)
 * are not tracked at all. */
static enum pt_ct icmp6_ct(enum pt_af af, uint8_t type)
{
	if (af != PT_AF_INET6)
		return PT_CT_INVALID;
	if ((type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152)
		return PT_CT_UNTRACKED;
	return type == 128 || type == 139 ? PT_CT_NEW : PT_CT_INVALID;
}

enum pt_ct pt_packet_ct(const struct pt_packet *p)
{
	switch (p->proto) {
	case PT_PROTO_TCP:
		return tcp_ct(p->tcp_flags);
	case PT_PROTO_ICMP:
		return icmp_ct(p->af, p->icmp_type);
	case PT_PROTO_ICMP6:
		return icmp6_ct(p->af, p->icmp_type);
	default:
		return PT_CT_NEW;
	}
}
