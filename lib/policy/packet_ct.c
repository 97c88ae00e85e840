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

/* nf_conntrack_proto_icmp.c: only requests begin something. */
static enum pt_ct icmp_ct(uint8_t type)
{
	return type == 8 || type == 13 || type == 15 || type == 17 ? PT_CT_NEW : PT_CT_INVALID;
}

/* nf_conntrack_proto_icmpv6.c: discovery and multicast listening are not tracked at all. */
static enum pt_ct icmp6_ct(uint8_t type)
{
	if ((type >= 130 && type <= 137) || type == 143)
		return PT_CT_UNTRACKED;
	return type == 128 || type == 139 ? PT_CT_NEW : PT_CT_INVALID;
}

enum pt_ct pt_packet_ct(const struct pt_packet *p)
{
	if (p->proto == PT_PROTO_TCP)
		return tcp_ct(p->tcp_flags);
	if (p->proto == PT_PROTO_ICMP && p->af == PT_AF_INET)
		return icmp_ct(p->icmp_type);
	if (p->proto == PT_PROTO_ICMP6 && p->af == PT_AF_INET6)
		return icmp6_ct(p->icmp_type);
	return PT_CT_NEW;
}
