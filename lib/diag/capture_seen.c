/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/capture_seen - the headers of a packet, from the link's on. Anybody may have sent it, and it may be cut
 * anywhere: nothing is believed before it is known to be there, and nothing behind what the packet itself says is its
 * end.
 */
#include <netinet/in.h>

#include "diag/capture.h"

#define ETHERNET 14
#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd
#define IP4_MIN 20
#define IP6_SIZE 40
#define TCP_MIN 20
#define UDP_SIZE 8

/* ---- transport ---- */

static void take_tcp(struct pt_seen *s)
{
	const uint8_t *p = s->transport;
	size_t n = s->n_transport, head;

	if (n < TCP_MIN)
		return;
	s->has_tcp = true;
	s->seq = be32(p + 4);
	s->ack = be32(p + 8);
	s->flags = p[13];
	s->window = be16(p + 14);
	head = (size_t)(p[12] >> 4) * 4;
	if (head < TCP_MIN || head > s->transport_length)
		return;
	s->data_length = s->transport_length - (uint32_t)head;
	if (head <= n) {
		s->data = p + head;
		s->n_data = n - head;
	}
}

static void take_udp(struct pt_seen *s)
{
	if (s->n_transport < UDP_SIZE)
		return;
	s->data_length = s->transport_length - UDP_SIZE;
	s->data = s->transport + UDP_SIZE;
	s->n_data = s->n_transport - UDP_SIZE;
}

static void take_transport(struct pt_seen *s, size_t at)
{
	if (s->fragment || at > s->n_network)
		return;
	s->transport = s->network + at;
	s->n_transport = s->n_network - at;
	s->transport_length = s->length > at ? s->length - (uint32_t)at : 0;
	if (s->n_transport < 4 || s->transport_length < s->n_transport)
		return;
	if (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP && s->proto != IPPROTO_SCTP &&
	    s->proto != IPPROTO_UDPLITE && s->proto != IPPROTO_DCCP)
		return;
	s->has_ports = true;
	s->sport = be16(s->transport);
	s->dport = be16(s->transport + 2);
	if (s->proto == IPPROTO_TCP)
		take_tcp(s);
	else if (s->proto == IPPROTO_UDP || s->proto == IPPROTO_UDPLITE)
		take_udp(s);
}

/* ---- network ---- */

static void take_ip4(struct pt_seen *s)
{
	const uint8_t *p = s->network;
	size_t head;

	if (s->n_network < IP4_MIN || p[0] >> 4 != 4)
		return;
	head = (size_t)(p[0] & 15) * 4;
	s->src = pt_addr_from_bytes(p + 12, 4);
	s->dst = pt_addr_from_bytes(p + 16, 4);
	s->length = be16(p + 2);
	if (!s->length) /* as offloading leaves it */
		s->length = (uint32_t)s->n_network;
	if (s->n_network > s->length)
		s->n_network = s->length; /* padding of the link */
	s->hops = p[8];
	s->proto = p[9];
	s->has_proto = true;
	s->id = be16(p + 4);
	s->offset = (be16(p + 6) & 0x1fffu) * 8;
	s->fragment = s->offset;
	s->more = be16(p + 6) & 0x2000;
	if (head >= IP4_MIN)
		take_transport(s, head);
}

static void take_fragment(struct pt_seen *s, const uint8_t *p)
{
	s->offset = be16(p + 2) & 0xfff8u;
	s->fragment = s->offset;
	s->more = p[3] & 1;
	s->id = be32(p + 4);
}

static void take_ip6(struct pt_seen *s)
{
	const uint8_t *p = s->network;
	size_t at = IP6_SIZE, step;
	uint8_t next;

	if (s->n_network < IP6_SIZE || p[0] >> 4 != 6)
		return;
	s->src = pt_addr_from_bytes(p + 8, 16);
	s->dst = pt_addr_from_bytes(p + 24, 16);
	s->length = (uint32_t)be16(p + 4) + IP6_SIZE;
	if (s->length == IP6_SIZE && s->n_network > IP6_SIZE && p[6] != IPPROTO_NONE) /* a jumbogram, or offloading */
		s->length = (uint32_t)s->n_network;
	if (s->n_network > s->length)
		s->n_network = s->length;
	s->hops = p[7];
	next = p[6];
	while (at + 8 <= s->n_network && !s->fragment && s->n_extensions < PT_SEEN_EXTENSIONS) {
		step = pt_log_extension_size(next, p + at);
		if (!step)
			break;
		s->extensions[s->n_extensions++] = next;
		if (next == IPPROTO_FRAGMENT)
			take_fragment(s, p + at);
		next = p[at];
		at += step;
	}
	s->proto = next;
	s->has_proto = s->fragment || !pt_log_extension_size(next, (const uint8_t[2]){ 0 });
	if (s->has_proto)
		take_transport(s, at);
}

/* ---- link ---- */

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static void take_network(struct pt_seen *s, uint16_t type, const uint8_t *p, size_t n)
{
	while (is_tag(type) && n >= 4 && s->n_vlans < PT_SEEN_VLANS) {
		s->vlans[s->n_vlans++] = be16(p) & 0xfff;
		type = be16(p + 2);
		p += 4;
		n -= 4;
	}
	s->ethertype = type;
	s->network = p;
	s->n_network = n;
	if (type == TYPE_IP4)
		take_ip4(s);
	else if (type == TYPE_IP6)
		take_ip6(s);
}

static void take_ethernet(struct pt_seen *s, const uint8_t *p, size_t n)
{
	if (n < ETHERNET)
		return;
	s->has_macs = true;
	memcpy(s->to, p, 6);
	memcpy(s->from, p + 6, 6);
	take_network(s, be16(p + 12), p + ETHERNET, n - ETHERNET);
}

static void take_raw(struct pt_seen *s, const uint8_t *p, size_t n)
{
	take_network(s, !n ? 0 : p[0] >> 4 == 6 ? TYPE_IP6 : p[0] >> 4 == 4 ? TYPE_IP4 : 0, p, n);
}

static void take_cooked(struct pt_seen *s, const uint8_t *p, size_t n)
{
	if (n >= COOKED_SIZE)
		take_network(s, be16(p + 14), p + COOKED_SIZE, n - COOKED_SIZE);
}

static void take_cooked2(struct pt_seen *s, const uint8_t *p, size_t n)
{
	if (n >= COOKED2_SIZE)
		take_network(s, be16(p), p + COOKED2_SIZE, n - COOKED2_SIZE);
}

/* Four bytes with the family as some machine numbers it, in either order: the packet itself knows better. */
static void take_null(struct pt_seen *s, const uint8_t *p, size_t n)
{
	if (n >= 4)
		take_raw(s, p + 4, n - 4);
}

static const struct {
	uint16_t link;
	void (*take)(struct pt_seen *s, const uint8_t *p, size_t n);
} links[] = {
	{ PT_LINK_ETHERNET, take_ethernet }, { PT_LINK_RAW, take_raw },       { PT_LINK_RAW_BSD, take_raw },
	{ PT_LINK_IP4, take_raw },           { PT_LINK_IP6, take_raw },       { PT_LINK_COOKED, take_cooked },
	{ PT_LINK_COOKED2, take_cooked2 },   { PT_LINK_NULL, take_null },     { PT_LINK_LOOP, take_null },
};

void pt_seen_read(uint16_t link, const uint8_t *p, size_t n, struct pt_seen *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < PT_ARRAY_SIZE(links); i++)
		if (links[i].link == link)
			links[i].take(out, p, n);
}
