/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/packet - the headers of a packet that anybody may have sent, cut where the kernel was told to cut.
 *
 * A logged packet was often blocked for being strange: nothing in it is believed before it is known to be there.
 */
#include <netinet/in.h>
#include <string.h>

#include <patronus/log.h>

#define IP4_MIN 20
#define IP6_SIZE 40
#define IP6_HEADERS_MAX 16 /* more of them are nobody's honest packet */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void take_ports(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	if (n < 4)
		return;
	out->has_ports = true;
	out->sport = be16(p);
	out->dport = be16(p + 2);
}

static void take_tcp(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	take_ports(p, n, out);
	if (n < 14)
		return;
	out->has_flags = true;
	out->flags = p[13];
}

static void take_icmp(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	if (n < 2)
		return;
	out->has_icmp = true;
	out->icmp_type = p[0];
	out->icmp_code = p[1];
}

static const struct {
	uint8_t proto;
	void (*take)(const uint8_t *p, size_t n, struct pt_log_packet *out);
} transports[] = {
	{ IPPROTO_TCP, take_tcp },     { IPPROTO_UDP, take_ports },   { IPPROTO_UDPLITE, take_ports },
	{ IPPROTO_SCTP, take_ports },  { IPPROTO_DCCP, take_ports },  { IPPROTO_ICMP, take_icmp },
	{ IPPROTO_ICMPV6, take_icmp },
};

static void take_transport(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	if (out->fragment)
		return;
	for (size_t i = 0; i < PT_ARRAY_SIZE(transports); i++)
		if (transports[i].proto == out->proto)
			transports[i].take(p, n, out);
}

static void take_ip4(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	size_t head = (size_t)(p[0] & 15) * 4;

	if (n < IP4_MIN)
		return;
	out->src = pt_addr_from_bytes(p + 12, 4);
	out->dst = pt_addr_from_bytes(p + 16, 4);
	out->length = be16(p + 2);
	out->hops = p[8];
	out->proto = p[9];
	out->has_proto = true;
	out->fragment = be16(p + 6) & 0x1fff;
	if (head >= IP4_MIN && head <= n)
		take_transport(p + head, n - head, out);
}

/* As the kernel walks them for its rules: behind a mobility header, which is a protocol there, nothing follows. */
size_t pt_log_extension_size(uint8_t next, const uint8_t *p)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return ((size_t)p[1] + 1) * 8;
	case IPPROTO_AH:
		return ((size_t)p[1] + 2) * 4;
	case IPPROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static void take_ip6(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	size_t at = IP6_SIZE, step;
	uint8_t next;

	if (n < IP6_SIZE)
		return;
	out->src = pt_addr_from_bytes(p + 8, 16);
	out->dst = pt_addr_from_bytes(p + 24, 16);
	out->length = (uint32_t)be16(p + 4) + IP6_SIZE;
	out->hops = p[7];
	next = p[6];
	for (int i = 0; i < IP6_HEADERS_MAX && at + 8 <= n && !out->fragment; i++) {
		step = pt_log_extension_size(next, p + at);
		if (!step)
			break;
		if (next == IPPROTO_FRAGMENT)
			out->fragment = be16(p + at + 2) & 0xfff8;
		next = p[at];
		at += step;
	}
	out->proto = next;
	out->has_proto = out->fragment || !pt_log_extension_size(next, (const uint8_t[2]){ 0 });
	if (out->has_proto && at <= n)
		take_transport(p + at, n - at, out);
}

void pt_log_packet(const uint8_t *p, size_t n, struct pt_log_packet *out)
{
	memset(out, 0, sizeof(*out));
	if (n && p[0] >> 4 == 4)
		take_ip4(p, n, out);
	else if (n && p[0] >> 4 == 6)
		take_ip6(p, n, out);
}
