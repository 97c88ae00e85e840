/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/route_print - routes in the words of ip-route(8).
 *
 * A full table of the Internet is a million lines, and the kernel tells it faster than formats write it. So a line is put
 * together in a piece of memory that holds the longest one, and handed over at once.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <patronus/route.h>

/* The longest piece: type, destination, gateway, device, onlink, table, metric, source, MTU. */
#define PIECE_MAX 384

static char *put_text(char *p, const char *s)
{
	size_t n = strlen(s);

	memcpy(p, s, n);
	return p + n;
}

static char *put_number(char *p, uint32_t v)
{
	char digits[10]; /* of UINT32_MAX */
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	memcpy(p, digits + i, sizeof(digits) - i);
	return p + sizeof(digits) - i;
}

static char *put_addr(char *p, struct pt_addr a)
{
	uint8_t bytes[16];

	if (a.af == PT_AF_INET6) {
		pt_addr_to_bytes(a, bytes);
		return inet_ntop(AF_INET6, bytes, p, INET6_ADDRSTRLEN) ? p + strlen(p) : p;
	}
	for (int shift = 24; shift >= 0; shift -= 8) {
		unsigned int byte = (uint32_t)a.v >> shift & 0xff;

		if (byte >= 100)
			*p++ = (char)('0' + byte / 100);
		if (byte >= 10)
			*p++ = (char)('0' + byte / 10 % 10);
		*p++ = (char)('0' + byte % 10);
		*p++ = '.';
	}
	return p - 1;
}

static char *put_named(char *p, const char *name, uint32_t v)
{
	return v ? put_number(put_text(p, name), v) : p;
}

static char *put_hop(char *p, const struct pt_links *links, const struct pt_hop *h)
{
	const struct pt_link *l = links && h->index ? pt_links_index(links, h->index) : NULL;

	if (h->via.af)
		p = put_addr(put_text(p, " via "), h->via);
	if (l)
		p = put_text(put_text(p, " dev "), l->name);
	else
		p = put_named(p, " dev ", h->index);
	return h->onlink ? put_text(p, " onlink") : p;
}

static const struct {
	uint8_t type;
	const char *name;
} types[] = {
	{ RTN_LOCAL, "local " },	     { RTN_BROADCAST, "broadcast " }, { RTN_ANYCAST, "anycast " },
	{ RTN_MULTICAST, "multicast " },     { RTN_BLACKHOLE, "blackhole " }, { RTN_UNREACHABLE, "unreachable " },
	{ RTN_PROHIBIT, "prohibit " },	     { RTN_THROW, "throw " },	      { RTN_NAT, "nat " },
};

static char *put_destination(char *p, const struct pt_route *r)
{
	for (size_t i = 0; r->type != RTN_UNICAST && i < PT_ARRAY_SIZE(types); i++)
		if (types[i].type == r->type)
			p = put_text(p, types[i].name);
	if (!r->dst.len && !r->dst.addr.v)
		return put_text(p, "default");
	p = put_addr(p, r->dst.addr);
	*p++ = '/';
	return put_number(p, r->dst.len);
}

void pt_route_print(struct pt_buf *b, const struct pt_links *links, const struct pt_route *r)
{
	char piece[PIECE_MAX], *p = put_destination(piece, r);

	if (r->n_hops == 1)
		p = put_hop(p, links, &r->hops[0]);
	if (r->table == RT_TABLE_LOCAL)
		p = put_text(p, " table local");
	else if (r->table != PT_TABLE_MAIN)
		p = put_number(put_text(p, " table "), r->table);
	p = put_named(p, " metric ", r->metric);
	if (r->src.af)
		p = put_addr(put_text(p, " src "), r->src);
	p = put_named(p, " mtu ", r->mtu);
	pt_buf_add(b, piece, (size_t)(p - piece));
	for (uint32_t i = 0; r->n_hops > 1 && i < r->n_hops; i++) {
		p = put_hop(put_text(piece, " nexthop"), links, &r->hops[i]);
		p = put_number(put_text(p, " weight "), r->hops[i].weight);
		pt_buf_add(b, piece, (size_t)(p - piece));
	}
}

static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {
	{ RTPROT_REDIRECT, "redirect" }, { RTPROT_KERNEL, "kernel" },	{ RTPROT_BOOT, "boot" },   { RTPROT_STATIC, "static" },
	{ RTPROT_RA, "ra" },		 { RTPROT_DHCP, "dhcp" },	{ RTPROT_BIRD, "bird" },   { RTPROT_ZEBRA, "zebra" },
	{ RTPROT_BGP, "bgp" },		 { RTPROT_OSPF, "ospf" },	{ RTPROT_ISIS, "isis" },   { RTPROT_RIP, "rip" },
	{ RTPROT_EIGRP, "eigrp" },	 { RTPROT_BABEL, "babel" },	{ PT_NET_PROTOCOL, "patronus" },
};

const char *pt_route_protocol_name(uint8_t protocol, char text[4])
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	(void)snprintf(text, 4, "%u", protocol);
	return text;
}
