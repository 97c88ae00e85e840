/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/capture_words - a packet on one line, in the words of its protocols. */
#include <netinet/in.h>

#include <patronus/dns.h>
#include <patronus/probe.h>
#include <patronus/rule.h>

#include "diag/capture_words.h"

static void put_mac(struct pt_buf *b, const uint8_t *p)
{
	pt_buf_fmt(b, "%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2], p[3], p[4], p[5]);
}

static void put_address(struct pt_buf *b, const uint8_t *p, size_t n)
{
	pt_addr_fmt(b, pt_addr_from_bytes(p, n));
}

/* ---- ARP ---- */

static void arp_words(const struct pt_seen *s, struct pt_buf *b)
{
	const uint8_t *p = s->network;

	if (s->n_network < 28 || be16(p) != 1 || be16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4) {
		pt_buf_str(b, ", not of Ethernet and IPv4, or cut");
		return;
	}
	if (be16(p + 6) == 1 && !memcmp(p + 14, p + 24, 4)) {
		pt_buf_str(b, ", announces ");
		put_address(b, p + 14, 4);
		pt_buf_str(b, " is at ");
		put_mac(b, p + 8);
	} else if (be16(p + 6) == 1) {
		pt_buf_str(b, ", who has ");
		put_address(b, p + 24, 4);
		pt_buf_str(b, ", tell ");
		put_address(b, p + 14, 4);
	} else if (be16(p + 6) == 2) {
		pt_buf_str(b, ", ");
		put_address(b, p + 14, 4);
		pt_buf_str(b, " is at ");
		put_mac(b, p + 8);
	} else {
		pt_buf_fmt(b, ", operation %u", be16(p + 6));
	}
}

/* ---- ICMP ---- */

static const struct icmp_name {
	uint8_t type;
	const char *name;
} icmp4[] = {
	{ 0, "echo reply" },           { 3, "unreachable" },          { 4, "source quench" },
	{ 5, "redirect" },             { 8, "echo request" },         { 9, "router advertisement" },
	{ 10, "router solicitation" }, { 11, "time exceeded" },       { 12, "parameter problem" },
	{ 13, "timestamp request" },   { 14, "timestamp reply" },
}, icmp6[] = {
	{ 1, "unreachable" },          { 2, "packet too big" },       { 3, "time exceeded" },
	{ 4, "parameter problem" },    { 128, "echo request" },       { 129, "echo reply" },
	{ 130, "listener query" },     { 131, "listener report" },    { 132, "listener done" },
	{ 133, "router solicitation" }, { 134, "router advertisement" }, { 135, "neighbour solicitation" },
	{ 136, "neighbour advertisement" }, { 137, "redirect" },      { 143, "listener report v2" },
};

static const char *icmp_name(const struct pt_seen *s)
{
	const struct icmp_name *t = s->proto == IPPROTO_ICMPV6 ? icmp6 : icmp4;
	size_t n = s->proto == IPPROTO_ICMPV6 ? PT_ARRAY_SIZE(icmp6) : PT_ARRAY_SIZE(icmp4);

	for (size_t i = 0; i < n; i++)
		if (t[i].type == s->transport[0])
			return t[i].name;
	return NULL;
}

/* The first link-layer address among the options of neighbour discovery. */
static void nd_option(const struct pt_seen *s, size_t at, struct pt_buf *b)
{
	const uint8_t *p = s->transport;

	while (at + 8 <= s->n_transport && p[at + 1]) {
		if (p[at] == 1 || p[at] == 2) {
			pt_buf_str(b, p[at] == 1 ? ", from " : ", is at ");
			put_mac(b, p + at + 2);
			return;
		}
		at += (size_t)p[at + 1] * 8;
	}
}

static void nd_words(const struct pt_seen *s, struct pt_buf *b)
{
	const uint8_t *p = s->transport;

	switch (p[0]) {
	case 133:
		nd_option(s, 8, b);
		break;
	case 134:
		if (s->n_transport < 16)
			break;
		pt_buf_fmt(b, ", lifetime %us%s%s", be16(p + 6), p[5] & 0x80 ? ", managed" : "",
			   p[5] & 0x40 ? ", other" : "");
		nd_option(s, 16, b);
		break;
	case 135:
	case 136:
		if (s->n_transport < 24)
			break;
		pt_buf_str(b, p[0] == 135 ? ", who has " : ", ");
		put_address(b, p + 8, 16);
		if (p[0] == 136)
			pt_buf_fmt(b, "%s%s%s", p[4] & 0x80 ? ", router" : "", p[4] & 0x40 ? ", solicited" : "",
				   p[4] & 0x20 ? ", override" : "");
		nd_option(s, 24, b);
		break;
	default:
		break;
	}
}

/* The packet that an error is about. */
static void quoted_words(const struct pt_seen *s, struct pt_buf *b)
{
	struct pt_seen about;

	if (s->n_transport <= 8)
		return;
	pt_seen_read(PT_LINK_RAW, s->transport + 8, s->n_transport - 8, &about);
	if (!about.src.af)
		return;
	pt_buf_str(b, " about ");
	words_ends(&about, b);
}

static bool is_error(const struct pt_seen *s)
{
	uint8_t type = s->transport[0];

	return s->proto == IPPROTO_ICMPV6 ? type < 128
					  : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static void icmp_words(const struct pt_seen *s, struct pt_buf *b)
{
	const uint8_t *p = s->transport;
	const char *name;

	if (s->n_transport < 4)
		return;
	name = icmp_name(s);
	if (name)
		pt_buf_fmt(b, " %s", name);
	else
		pt_buf_fmt(b, " type %u code %u", p[0], p[1]);
	if (s->n_transport < 8)
		return;
	if (name && (p[0] == 128 || p[0] == 129) == (s->proto == IPPROTO_ICMPV6) && !strncmp(name, "echo", 4)) {
		pt_buf_fmt(b, " id %u seq %u", be16(p + 4), be16(p + 6));
		return;
	}
	if (is_error(s)) {
		const char *why = pt_icmp_words(s->src.af, p[0], p[1]);

		if (why)
			pt_buf_fmt(b, ": %s", why);
		if (s->proto == IPPROTO_ICMPV6 && p[0] == 2)
			pt_buf_fmt(b, ", MTU %u", be32(p + 4));
		else if (s->proto == IPPROTO_ICMP && p[0] == 3 && p[1] == 4)
			pt_buf_fmt(b, ", MTU %u", be16(p + 6));
		quoted_words(s, b);
	} else if (s->proto == IPPROTO_ICMPV6) {
		nd_words(s, b);
	}
}

/* ---- TCP and UDP ---- */

static void tcp_words(const struct pt_seen *s, struct pt_buf *b)
{
	static const char letters[] = "FSRPAUEW";

	if (!s->has_tcp)
		return;
	pt_buf_str(b, " flags ");
	if (!s->flags)
		pt_buf_chr(b, '.');
	for (size_t i = 0; i < 8; i++)
		if (s->flags & 1u << i)
			pt_buf_chr(b, letters[i]);
	pt_buf_fmt(b, " seq %u", s->seq);
	if (s->flags & 0x10)
		pt_buf_fmt(b, " ack %u", s->ack);
	pt_buf_fmt(b, " win %u", s->window);
}

static void udp_words(const struct pt_seen *s, struct pt_buf *b)
{
	for (size_t i = 0; i < n_words_apps; i++)
		if (words_apps[i].is(s)) {
			words_apps[i].say(s, b);
			return;
		}
}

static void esp_words(const struct pt_seen *s, struct pt_buf *b)
{
	if (s->n_transport >= 8)
		pt_buf_fmt(b, " spi 0x%08x seq %u", be32(s->transport), be32(s->transport + 4));
}

static void gre_words(const struct pt_seen *s, struct pt_buf *b)
{
	const uint8_t *p = s->transport;
	size_t at = 4;

	if (s->n_transport < 4)
		return;
	at += p[0] & 0x80 ? 4u : 0u;
	if (p[0] & 0x20 && s->n_transport >= at + 4)
		pt_buf_fmt(b, " key %u", be32(p + at));
	pt_buf_fmt(b, " of type 0x%04x", be16(p + 2));
}

static const struct {
	uint8_t proto;
	void (*say)(const struct pt_seen *s, struct pt_buf *b);
} transports[] = {
	{ IPPROTO_TCP, tcp_words },   { IPPROTO_UDP, udp_words }, { IPPROTO_ICMP, icmp_words },
	{ IPPROTO_ICMPV6, icmp_words }, { IPPROTO_ESP, esp_words }, { IPPROTO_GRE, gre_words },
};

/* ---- IP ---- */

static void put_end(const struct pt_seen *s, struct pt_addr a, uint16_t port, struct pt_buf *b)
{
	bool brackets = s->has_ports && a.af == PT_AF_INET6;

	if (brackets)
		pt_buf_chr(b, '[');
	pt_addr_fmt(b, a);
	if (brackets)
		pt_buf_chr(b, ']');
	if (s->has_ports)
		pt_buf_fmt(b, ":%u", port);
}

static void put_proto(const struct pt_seen *s, struct pt_buf *b)
{
	const char *name = s->has_proto ? pt_proto_name(s->proto) : NULL;

	if (name)
		pt_buf_str(b, name);
	else if (s->has_proto)
		pt_buf_fmt(b, "protocol %u", s->proto);
	else
		pt_buf_str(b, s->src.af == PT_AF_INET6 ? "ip6" : "ip");
}

void words_ends(const struct pt_seen *s, struct pt_buf *b)
{
	put_proto(s, b);
	pt_buf_chr(b, ' ');
	put_end(s, s->src, s->sport, b);
	pt_buf_str(b, " > ");
	put_end(s, s->dst, s->dport, b);
}

static void extension_words(const struct pt_seen *s, struct pt_buf *b)
{
	static const struct {
		uint8_t next;
		const char *name;
	} names[] = {
		{ IPPROTO_HOPOPTS, "hop-by-hop" }, { IPPROTO_ROUTING, "routing" }, { IPPROTO_DSTOPTS, "destination" },
		{ IPPROTO_FRAGMENT, "fragment" },  { IPPROTO_AH, "ah" },
	};

	for (size_t i = 0; i < s->n_extensions; i++)
		for (size_t j = 0; j < PT_ARRAY_SIZE(names); j++)
			if (names[j].next == s->extensions[i])
				pt_buf_fmt(b, "%s%s", i ? "," : " headers ", names[j].name);
}

static void ip_words(const struct pt_seen *s, struct pt_buf *b)
{
	words_ends(s, b);
	extension_words(s, b);
	if (s->fragment || s->more)
		pt_buf_fmt(b, " fragment id %u offset %u%s", s->id, s->offset, s->more ? " more" : " last");
	for (size_t i = 0; s->transport && i < PT_ARRAY_SIZE(transports); i++)
		if (transports[i].proto == s->proto)
			transports[i].say(s, b);
	pt_buf_fmt(b, " length %u", s->length);
	if (s->n_network < s->length)
		pt_buf_str(b, " cut");
}

void pt_seen_words(const struct pt_seen *s, struct pt_buf *b)
{
	for (size_t i = 0; i < s->n_vlans; i++)
		pt_buf_fmt(b, "vlan %u ", s->vlans[i]);
	if (s->src.af) {
		ip_words(s, b);
		return;
	}
	if (s->has_macs && s->ethertype != 0x0806) {
		put_mac(b, s->from);
		pt_buf_str(b, " > ");
		put_mac(b, s->to);
		pt_buf_chr(b, ' ');
	}
	pt_buf_str(b, pt_seen_kind(s));
	if (s->ethertype == 0x0806)
		arp_words(s, b);
	else if (s->ethertype >= 0x600)
		pt_buf_fmt(b, " type 0x%04x", s->ethertype);
	else if (s->ethertype)
		pt_buf_fmt(b, " of %u byte%s", s->ethertype, pt_plural(s->ethertype));
}

const char *pt_seen_kind(const struct pt_seen *s)
{
	static const struct {
		uint16_t type;
		const char *name;
	} types[] = {
		{ 0x0800, "broken ip" }, { 0x86dd, "broken ip6" }, { 0x0806, "arp" },	      { 0x88cc, "lldp" },
		{ 0x8863, "pppoe" },	 { 0x8864, "pppoe" },	   { 0x888e, "eapol" },	      { 0x8847, "mpls" },
		{ 0x8848, "mpls" },	 { 0x8809, "lacp" },	   { 0x0842, "wake-on-lan" },
	};
	const char *name;

	if (s->src.af) {
		for (size_t i = 0; s->proto == IPPROTO_UDP && s->data && i < n_words_apps; i++)
			if (words_apps[i].is(s))
				return words_apps[i].name;
		name = s->has_proto ? pt_proto_name(s->proto) : NULL;
		return name ? name : s->src.af == PT_AF_INET6 ? "other ip6" : "other ip";
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(types); i++)
		if (types[i].type == s->ethertype)
			return types[i].name;
	return s->ethertype && s->ethertype < 0x600 ? "llc" : s->ethertype ? "other link" : "unknown";
}
