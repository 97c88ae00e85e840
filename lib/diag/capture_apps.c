/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/capture_apps - what datagrams carry: DNS, DHCP of both families, WireGuard, tunnels. */
#include <patronus/dns.h>

#include "diag/capture_words.h"

#define ANSWERS 8 /* of a message that are shown */

static bool on_port(const struct pt_seen *s, uint16_t port)
{
	return s->has_ports && s->data && (s->sport == port || s->dport == port);
}

/* ---- DNS ---- */

static bool is_dns(const struct pt_seen *s)
{
	return (on_port(s, 53) || on_port(s, 5353) || on_port(s, 5355)) && s->n_data >= 12;
}

static void dns_answers(const struct pt_dns_message *m, struct pt_buf *b)
{
	size_t n = m->section[PT_DNS_ANSWER].n;
	char type[16];

	for (size_t i = 0; i < n && i < ANSWERS; i++) {
		const struct pt_dns_record *r = &m->section[PT_DNS_ANSWER].v[i];

		pt_buf_fmt(b, "%s %s %s", i ? "," : "", pt_dns_type_name(r->type, type), r->data ? r->data : "");
	}
	if (n > ANSWERS)
		pt_buf_fmt(b, ", %zu more", n - ANSWERS);
}

static void say_dns(const struct pt_seen *s, struct pt_buf *b)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_dns_message m;
	char text[16];
	const char *why;
	int rc = a ? pt_dns_read(s->data, s->n_data, a, &m, &why) : -ENOMEM;

	if (rc == -ENOMEM) {
		b->err = -ENOMEM;
	} else {
		/* Of a broken one, what came before the damage. */
		pt_buf_fmt(b, " dns %u %s", m.id, m.flags & PT_DNS_QR ? "answer" : "question");
		if (m.name)
			pt_buf_fmt(b, " %s %s", pt_dns_type_name(m.type, text), m.name);
		if (m.flags & PT_DNS_QR && m.rcode)
			pt_buf_fmt(b, " %s", pt_dns_rcode_name(m.rcode, text));
		if (m.flags & PT_DNS_TC)
			pt_buf_str(b, " truncated");
		if (m.section[PT_DNS_ANSWER].n) {
			pt_buf_chr(b, ':');
			dns_answers(&m, b);
		}
		if (rc)
			pt_buf_str(b, s->n_data < s->data_length ? " (cut)" : " (broken)");
	}
	pt_arena_free(a);
}

/* ---- DHCP ---- */

static bool is_dhcp(const struct pt_seen *s)
{
	return (on_port(s, 67) || on_port(s, 68)) && s->n_data >= 240 && be32(s->data + 236) == 0x63825363;
}

static const char *const dhcp_types[] = { NULL,	 "discover", "offer",	"request", "decline",
					  "ack", "nak",	     "release", "inform" };

static void dhcp_option(uint8_t code, const uint8_t *p, size_t n, struct pt_buf *b)
{
	if (code == 50 && n == 4) {
		pt_buf_str(b, ", wants ");
		pt_addr_fmt(b, pt_addr_from_bytes(p, 4));
	} else if (code == 54 && n == 4) {
		pt_buf_str(b, ", server ");
		pt_addr_fmt(b, pt_addr_from_bytes(p, 4));
	} else if (code == 51 && n == 4) {
		pt_buf_fmt(b, ", for %us", be32(p));
	} else if (code == 12) {
		pt_buf_str(b, ", name ");
		pt_buf_add(b, p, n);
	}
}

static void say_dhcp(const struct pt_seen *s, struct pt_buf *b)
{
	const uint8_t *p = s->data;
	const char *type = p[0] == 1 ? "request" : "reply";
	size_t n = s->n_data, at;

	for (at = 240; at + 2 < n && p[at] != 255; at += p[at] ? 2u + p[at + 1] : 1u)
		if (p[at] == 53 && p[at + 1] == 1 && p[at + 2] < PT_ARRAY_SIZE(dhcp_types) && p[at + 2])
			type = dhcp_types[p[at + 2]];
	pt_buf_fmt(b, " dhcp %s for %02x:%02x:%02x:%02x:%02x:%02x", type, p[28], p[29], p[30], p[31], p[32], p[33]);
	if (be32(p + 16)) {
		pt_buf_str(b, ", gives ");
		pt_addr_fmt(b, pt_addr_from_bytes(p + 16, 4));
	}
	for (at = 240; at + 2 <= n && p[at] != 255; at += p[at] ? 2u + p[at + 1] : 1u)
		if (p[at] && at + 2 + p[at + 1] <= n)
			dhcp_option(p[at], p + at + 2, p[at + 1], b);
}

static bool is_dhcp6(const struct pt_seen *s)
{
	return (on_port(s, 546) || on_port(s, 547)) && s->n_data >= 4 && s->src.af == PT_AF_INET6;
}

static void say_dhcp6(const struct pt_seen *s, struct pt_buf *b)
{
	static const char *const types[] = { NULL,
					     "solicit",
					     "advertise",
					     "request",
					     "confirm",
					     "renew",
					     "rebind",
					     "reply",
					     "release",
					     "decline",
					     "reconfigure",
					     "information-request",
					     "relay-forward",
					     "relay-reply" };
	uint8_t type = s->data[0];

	if (type && type < PT_ARRAY_SIZE(types))
		pt_buf_fmt(b, " dhcp6 %s", types[type]);
	else
		pt_buf_fmt(b, " dhcp6 type %u", type);
	if (type < 12)
		pt_buf_fmt(b, " id %06x", be32(s->data) & 0xffffff);
}

/* ---- tunnels ---- */

/* Its messages have fixed sizes and three zero bytes; the port is anybody's choice. */
static bool is_wireguard(const struct pt_seen *s)
{
	static const uint32_t sizes[] = { 0, 148, 92, 64 };

	if (!s->data || s->n_data < 4 || s->data[1] || s->data[2] || s->data[3])
		return false;
	if (s->data[0] >= 1 && s->data[0] <= 3)
		return s->data_length == sizes[s->data[0]];
	return s->data[0] == 4 && s->data_length >= 32 && s->data_length % 16 == 0;
}

static void say_wireguard(const struct pt_seen *s, struct pt_buf *b)
{
	static const char *const types[] = { "", "initiation", "response", "cookie", "data" };

	pt_buf_fmt(b, " wireguard %s", s->data[0] == 4 && s->data_length == 32 ? "keepalive" : types[s->data[0]]);
	if (s->n_data >= 8)
		pt_buf_fmt(b, " %s 0x%02x%02x%02x%02x", s->data[0] == 4 ? "to" : "from", s->data[7], s->data[6],
			   s->data[5], s->data[4]);
}

static bool is_vxlan(const struct pt_seen *s)
{
	return s->dport == 4789 && s->n_data >= 8 && s->data[0] == 8;
}

static void say_vxlan(const struct pt_seen *s, struct pt_buf *b)
{
	pt_buf_fmt(b, " vxlan %u", be32(s->data + 4) >> 8);
}

static bool is_esp(const struct pt_seen *s)
{
	return on_port(s, 4500) && s->n_data >= 8 && be32(s->data);
}

static void say_esp(const struct pt_seen *s, struct pt_buf *b)
{
	pt_buf_fmt(b, " esp spi 0x%08x seq %u", be32(s->data), be32(s->data + 4));
}

const struct words_app words_apps[] = {
	{ "dns", is_dns, say_dns }, { "dhcp", is_dhcp, say_dhcp },    { "dhcp6", is_dhcp6, say_dhcp6 },
	{ "esp", is_esp, say_esp }, { "vxlan", is_vxlan, say_vxlan }, { "wireguard", is_wireguard, say_wireguard },
};
const size_t n_words_apps = PT_ARRAY_SIZE(words_apps);
