/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/route_print - routes in the words of ip-route(8).
 *
 * A full table of the Internet is a million lines, and the kernel tells it faster than formats write it. So a line is put
 * together in a piece of memory that holds the longest one, and handed over at once.
 */
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <patronus/route.h>

/* The longest piece: type, destination, gateway, device, onlink, table, metric, source, MTU. */
#define PIECE_MAX 384

static char *put_named(char *p, const char *name, uint32_t v)
{
	return v ? pt_put_uint(pt_put_str(p, name), v) : p;
}

static char *put_hop(char *p, const struct pt_links *links, const struct pt_hop *h)
{
	const struct pt_link *l = links && h->index ? pt_links_index(links, h->index) : NULL;

	if (h->via.af)
		p = pt_addr_put(pt_put_str(p, " via "), h->via);
	if (l)
		p = pt_put_str(pt_put_str(p, " dev "), l->name);
	else
		p = put_named(p, " dev ", h->index);
	return h->onlink ? pt_put_str(p, " onlink") : p;
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
			p = pt_put_str(p, types[i].name);
	if (!r->dst.len && !r->dst.addr.v)
		return pt_put_str(p, "default");
	p = pt_addr_put(p, r->dst.addr);
	*p++ = '/';
	return pt_put_uint(p, r->dst.len);
}

void pt_route_print(struct pt_buf *b, const struct pt_links *links, const struct pt_route *r)
{
	char piece[PIECE_MAX], *p = put_destination(piece, r);

	if (r->n_hops == 1)
		p = put_hop(p, links, &r->hops[0]);
	if (r->table == RT_TABLE_LOCAL)
		p = pt_put_str(p, " table local");
	else if (r->table != PT_TABLE_MAIN)
		p = pt_put_uint(pt_put_str(p, " table "), r->table);
	p = put_named(p, " metric ", r->metric);
	if (r->src.af)
		p = pt_addr_put(pt_put_str(p, " src "), r->src);
	p = put_named(p, " mtu ", r->mtu);
	pt_buf_add(b, piece, (size_t)(p - piece));
	for (uint32_t i = 0; r->n_hops > 1 && i < r->n_hops; i++) {
		p = put_hop(pt_put_str(piece, " nexthop"), links, &r->hops[i]);
		p = pt_put_uint(pt_put_str(p, " weight "), r->hops[i].weight);
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
