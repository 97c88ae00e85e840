/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_wire - see lab_wire.h.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns/lab.h"
#include "netns/lab_wire.h"

#define MAGIC 0x70617472u /* marks our payload; the packet's number follows */

const char *const wire_devices[] = { "lan0", "wan0", "dmz0" };
const char *const wire_own4[] = { "192.168.1.1", "203.0.113.2", "10.0.5.1" };
const char *const wire_own6[] = { "fd00:1::1", "2001:db8:1::2", "fd00:5::1" };

struct pt_addr wire_address(const char *s)
{
	struct pt_addr a;

	if (pt_addr_parse(s, &a))
		lab_bail(s);
	return a;
}

int wire_destination(struct pt_addr a)
{
	static const struct {
		const char *prefix;
		int to;
	} places[] = {
		{ "192.168.1.1/32", WIRE_ROUTER }, { "192.168.1.255/32", WIRE_ROUTER },
		{ "203.0.113.2/32", WIRE_ROUTER }, { "10.0.5.1/32", WIRE_ROUTER },
		{ "10.9.0.1/32", WIRE_ROUTER },    { "fd00:1::1/128", WIRE_ROUTER },
		{ "2001:db8:1::2/128", WIRE_ROUTER }, { "fd00:5::1/128", WIRE_ROUTER },
		/* anycast, as every router has */
		{ "fd00:1::/128", WIRE_ROUTER },   { "2001:db8:1::/128", WIRE_ROUTER },
		{ "fd00:5::/128", WIRE_ROUTER },
		{ "fd00:9::1/128", WIRE_ROUTER },  { "192.168.1.0/24", WIRE_LAN },
		{ "fd00:1::/64", WIRE_LAN },       { "10.0.5.0/24", WIRE_DMZ },
		{ "fd00:5::/64", WIRE_DMZ },       { "10.9.0.2/32", WIRE_DMZ },
		{ "fd00:9::2/128", WIRE_DMZ },
	};
	struct pt_prefix p;

	for (size_t i = 0; i < PT_ARRAY_SIZE(places); i++)
		if (!pt_prefix_parse(places[i].prefix, &p) && p.addr.af == a.af && a.v >= pt_prefix_lo(&p) &&
		    a.v <= pt_prefix_hi(&p))
			return places[i].to;
	return WIRE_WAN;
}

/* ---- the lab ---- */

static void raw_listener(struct wire *w, int family, uint8_t proto)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto), on = 1, size = 8 << 20;

	if (fd < 0)
		lab_bail("cannot open a raw socket");
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	w->raw_proto[w->n_raw] = proto;
	w->raw[w->n_raw++] = fd;
}

static void make_sockets(struct wire *w)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_GRE, IPPROTO_SCTP };

	for (int i = 0; i < 2; i++) {
		for (size_t j = 0; j < PT_ARRAY_SIZE(protos); j++)
			raw_listener(w, i ? AF_INET6 : AF_INET, protos[j]);
		raw_listener(w, i ? AF_INET6 : AF_INET, i ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	}
	w->send4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	w->send6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (w->send4 < 0 || w->send6 < 0)
		lab_bail("cannot open a raw socket");
}

/* Answers come at once and each time. */
static void router_knobs(void)
{
	static const char *const knobs[][2] = {
		{ "ipv4/ip_forward", "1" },
		{ "ipv6/conf/all/forwarding", "1" },
		{ "ipv4/conf/all/send_redirects", "0" },
		{ "ipv4/conf/default/send_redirects", "0" },
		{ "ipv4/icmp_ratelimit", "0" },
		{ "ipv4/icmp_msgs_per_sec", "1000000" },
		{ "ipv4/icmp_msgs_burst", "1000000" },
		{ "ipv6/icmp/ratelimit", "0" },
		{ "ipv6/icmp/ratemask", "" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(knobs); i++)
		(void)lab_sysctl(knobs[i][0], knobs[i][1]);
}

void wire_add_point_to_point(void)
{
	lab_ip("addr add 10.9.0.1 peer 10.9.0.2/32 dev dmz0\naddr add fd00:9::1 peer fd00:9::2/128 dev dmz0 nodad\n");
}

void wire_make(struct wire *w)
{
	static const char *const peers[] = { "lan1", "wan1", "dmz1" };
	int peer_ns, router_ns;

	memset(w, 0, sizeof(*w));
	w->sender = 1;
	peer_ns = lab_ns();
	(void)lab_sysctl("ipv6/conf/default/disable_ipv6", "1");
	router_ns = lab_ns();
	router_knobs();
	for (unsigned int d = 0; d < WIRE_DEVICES; d++) {
		lab_veth(wire_devices[d], peer_ns, peers[d], d);
		/* Without address resolution every neighbour is there. */
		lab_ip("link set %s arp off\naddr add %s/24 dev %s\naddr add %s/64 dev %s nodad\n", wire_devices[d],
		       wire_own4[d], wire_devices[d], wire_own6[d], wire_devices[d]);
		lab_step(peer_ns);
		w->peer[d] = lab_packet_socket(peers[d]);
		lab_step(router_ns);
	}
	lab_ip("route add default via 203.0.113.1\nroute add ::/0 via 2001:db8:1::1\n");
	make_sockets(w);
	close(peer_ns);
	close(router_ns);
}

/* ---- packets ---- */

static uint32_t sum16(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return n & 1 ? s + (uint32_t)(p[n - 1] << 8) : s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

void wire_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint16_t wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put32(uint8_t *p, uint32_t v)
{
	wire_put16(p, (uint16_t)(v >> 16));
	wire_put16(p + 2, (uint16_t)v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)wire_get16(p) << 16 | wire_get16(p + 2);
}

size_t wire_ip_header(uint8_t *o, struct pt_addr src, struct pt_addr dst, uint8_t proto, size_t len)
{
	if (src.af == PT_AF_INET6) {
		memset(o, 0, 40);
		o[0] = 0x60;
		wire_put16(o + 4, (uint16_t)len);
		o[6] = proto;
		o[7] = 64;
		pt_addr_to_bytes(src, o + 8);
		pt_addr_to_bytes(dst, o + 24);
		return 40;
	}
	memset(o, 0, 20);
	o[0] = 0x45;
	wire_put16(o + 2, (uint16_t)(20 + len));
	o[8] = 64;
	o[9] = proto;
	pt_addr_to_bytes(src, o + 12);
	pt_addr_to_bytes(dst, o + 16);
	wire_put16(o + 10, fold(sum16(o, 20, 0)));
	return 20;
}

void wire_set_tos(uint8_t *ip, uint8_t tos)
{
	if (ip[0] >> 4 == 6) {
		ip[0] = (uint8_t)(0x60 | tos >> 4);
		ip[1] = (uint8_t)(tos << 4);
		return;
	}
	ip[1] = tos;
	wire_put16(ip + 10, 0);
	wire_put16(ip + 10, fold(sum16(ip, (ip[0] & 15) * 4u, 0)));
}

bool wire_icmp_error(const struct pt_packet *k)
{
	if (k->proto == IPPROTO_ICMP)
		return k->icmp_type == 3 || k->icmp_type == 11 || k->icmp_type == 12;
	return k->proto == IPPROTO_ICMPV6 && k->icmp_type < 128;
}

static size_t icmp_header(uint8_t *o, const struct pt_packet *k, uint32_t index)
{
	size_t n = 8;

	o[0] = k->icmp_type;
	o[1] = k->icmp_code;
	if (!wire_icmp_error(k)) {
		wire_put16(o + 4, k->sport ? k->sport : (uint16_t)(WIRE_SPORT_BASE + index));
		return n;
	}
	/* Errors quote a packet of no known state. */
	n += wire_ip_header(o + 8, k->dst, k->src, IPPROTO_UDP, 16);
	wire_put16(o + n, (uint16_t)(40000 + index));
	wire_put16(o + n + 2, 9);
	wire_put16(o + n + 4, 16);
	return n + 8;
}

static size_t transport_header(uint8_t *o, const struct pt_packet *k, uint32_t index)
{
	switch (k->proto) {
	case IPPROTO_TCP:
		wire_put16(o, k->sport);
		wire_put16(o + 2, k->dport);
		put32(o + 4, 1000 + index);
		o[12] = 0x50;
		o[13] = k->tcp_flags;
		wire_put16(o + 14, 4096);
		return 20;
	case IPPROTO_UDP:
		wire_put16(o, k->sport);
		wire_put16(o + 2, k->dport);
		wire_put16(o + 4, 16);
		return 8;
	case IPPROTO_SCTP: /* its checksum is wrong: no rule with states can pass it */
		wire_put16(o, k->sport);
		wire_put16(o + 2, k->dport);
		return 12;
	case IPPROTO_GRE:
		wire_put16(o + 2, 0x6558);
		return 4;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp_header(o, k, index);
	default:
		return 8;
	}
}

static void checksum(uint8_t *t, size_t n, const struct pt_packet *k)
{
	size_t at = k->proto == IPPROTO_TCP ? 16 : k->proto == IPPROTO_UDP ? 6 : 2;
	size_t alen = k->af == PT_AF_INET6 ? 16 : 4;
	uint8_t a[32];
	uint32_t s = 0;

	if (k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP && k->proto != IPPROTO_ICMP && k->proto != IPPROTO_ICMPV6)
		return;
	if (k->proto != IPPROTO_ICMP) {
		pt_addr_to_bytes(k->src, a);
		pt_addr_to_bytes(k->dst, a + alen);
		s = sum16(a, 2 * alen, (uint32_t)n + k->proto);
	}
	wire_put16(t + at, fold(sum16(t, n, s)));
}

size_t wire_transport(uint8_t *o, const struct pt_packet *k, uint32_t index)
{
	size_t n;

	memset(o, 0, 128);
	n = transport_header(o, k, index);
	put32(o + n, MAGIC);
	put32(o + n + 4, index);
	n += 8;
	checksum(o, n, k);
	return n;
}

size_t wire_fragment_header(uint8_t *o, const struct pt_packet *k, size_t len, uint16_t id, uint16_t field)
{
	size_t h;

	if (k->af == PT_AF_INET6) {
		h = wire_ip_header(o, k->src, k->dst, IPPROTO_FRAGMENT, len + 8);
		memset(o + h, 0, 8);
		o[h] = k->proto;
		wire_put16(o + h + 2, (uint16_t)(field << 3 | (field & 0x2000) >> 13));
		wire_put16(o + h + 6, id);
		return h + 8;
	}
	h = wire_ip_header(o, k->src, k->dst, k->proto, len);
	wire_put16(o + 4, id);
	wire_put16(o + 6, field);
	wire_put16(o + 10, 0);
	wire_put16(o + 10, fold(sum16(o, h, 0)));
	return h;
}

size_t wire_icmp_quoting(uint8_t *o, const struct pt_packet *k, const uint8_t *about, size_t n)
{
	memset(o, 0, 8);
	o[0] = k->icmp_type;
	o[1] = k->icmp_code;
	memcpy(o + 8, about, n);
	checksum(o, n + 8, k);
	return n + 8;
}

static void send_frame(const struct wire *w, int from, const uint8_t *ip, size_t n)
{
	bool six = ip[0] >> 4 == 6;
	uint8_t frame[2048] = { 2, 0, 0, 0, 0, (uint8_t)from, 2, 0, 0, 0, w->sender, (uint8_t)from,
				six ? 0x86 : 0x08, six ? 0xdd : 0x00 };

	memcpy(frame + 14, ip, n);
	if (send(w->peer[from], frame, 14 + n, 0) < 0)
		lab_bail("cannot send a frame");
}

void wire_send_ip(const struct wire *w, int from, const uint8_t *ip, size_t n)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	ssize_t rc;

	if (from != WIRE_ROUTER) {
		send_frame(w, from, ip, n);
		return;
	}
	if (ip[0] >> 4 == 6) {
		memcpy(&to6.sin6_addr, ip + 24, 16);
		rc = sendto(w->send6, ip, n, 0, (struct sockaddr *)&to6, sizeof(to6));
	} else {
		memcpy(&to4.sin_addr, ip + 16, 4);
		rc = sendto(w->send4, ip, n, 0, (struct sockaddr *)&to4, sizeof(to4));
	}
	/* EPERM is a block on the way out, the others are what an answer to ourselves leaves */
	if (rc < 0 && errno != EPERM && errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != EACCES)
		lab_bail("cannot send from the router");
}

void wire_send(const struct wire *w, int from, const struct pt_packet *k, uint32_t index)
{
	uint8_t t[160], ip[256];
	size_t n = wire_transport(t, k, index), h = wire_ip_header(ip, k->src, k->dst, k->proto, n);

	memcpy(ip + h, t, n);
	wire_set_tos(ip, k->tos);
	wire_send_ip(w, from, ip, h + n);
}

/* Two words of no operation; two headers of padding. */
static void send_options(const struct wire *w, int from, const struct pt_packet *k, uint32_t index)
{
	static const uint8_t padding[8] = { 0, 0, 1, 4 };
	bool six = k->af == PT_AF_INET6;
	size_t extra = six ? 16 : 8, n, h;
	uint8_t t[160], ip[256];

	n = wire_transport(t, k, index);
	h = wire_ip_header(ip, k->src, k->dst, six ? IPPROTO_HOPOPTS : k->proto, n + extra);
	if (six) {
		memcpy(ip + h, padding, 8);
		ip[h] = IPPROTO_DSTOPTS;
		memcpy(ip + h + 8, padding, 8);
		ip[h + 8] = k->proto;
	} else {
		memset(ip + h, 1, extra);
		ip[0] = 0x47;
		wire_put16(ip + 10, 0);
		wire_put16(ip + 10, fold(sum16(ip, h + extra, 0)));
	}
	wire_set_tos(ip, k->tos);
	memcpy(ip + h + extra, t, n);
	wire_send_ip(w, from, ip, h + extra + n);
}

static void send_parts(const struct wire *w, int from, const struct pt_packet *k, uint32_t index)
{
	uint8_t t[160] = { 0 }, ip[256];
	size_t first = (transport_header(t, k, index) + 7) / 8 * 8 + 8, n = first + 8, h;

	for (size_t at = first; at <= n; at += 8) {
		put32(t + at - 8, MAGIC);
		put32(t + at - 4, index);
	}
	if (k->proto == IPPROTO_UDP)
		wire_put16(t + 4, (uint16_t)n);
	checksum(t, n, k);
	h = wire_fragment_header(ip, k, first, (uint16_t)(index + 1), 0x2000);
	wire_set_tos(ip, k->tos);
	memcpy(ip + h, t, first);
	wire_send_ip(w, from, ip, h + first);
	h = wire_fragment_header(ip, k, n - first, (uint16_t)(index + 1), (uint16_t)(first / 8));
	wire_set_tos(ip, k->tos);
	memcpy(ip + h, t + first, n - first);
	wire_send_ip(w, from, ip, h + n - first);
}

void wire_send_shaped(const struct wire *w, int from, const struct pt_packet *k, uint32_t index, enum wire_shape shape)
{
	if (shape == WIRE_OPTIONS)
		send_options(w, from, k, index);
	else if (shape == WIRE_PARTS)
		send_parts(w, from, k, index);
	else
		wire_send(w, from, k, index);
}

/* ---- what was seen ---- */

bool wire_view(const uint8_t *ip, size_t n, struct wire_view *v)
{
	bool six = n && ip[0] >> 4 == 6;
	size_t h = six ? 40 : n ? (ip[0] & 15) * 4u : 20, alen = six ? 16 : 4, at = six ? 8 : 12;

	if (n < h + 8)
		return false;
	v->src = pt_addr_from_bytes(ip + at, alen);
	v->dst = pt_addr_from_bytes(ip + at + alen, alen);
	v->proto = ip[six ? 6 : 9];
	v->offset = six ? 0 : wire_get16(ip + 6) & 0x1fff;
	while (six && (v->proto == IPPROTO_HOPOPTS || v->proto == IPPROTO_DSTOPTS) && n >= h + 8) {
		v->proto = ip[h];
		h += 8u * (ip[h + 1] + 1u);
	}
	if (six && v->proto == IPPROTO_FRAGMENT) {
		v->proto = ip[h];
		v->offset = wire_get16(ip + h + 2) >> 3;
		h += 8;
	}
	v->t = ip + h;
	v->n = n - h;
	return n >= h + 8;
}

int wire_marked(const uint8_t *p, size_t n, size_t total)
{
	uint32_t i;

	if (n < 8 || get32(p + n - 8) != MAGIC)
		return -1;
	i = get32(p + n - 4);
	return i < total ? (int)i : -1;
}

void wire_drain_peers(const struct wire *w, wire_saw fn, void *arg)
{
	struct sockaddr_ll from = { 0 };
	uint8_t f[2048];
	socklen_t len;
	ssize_t n;

	for (int d = 0; d < WIRE_DEVICES; d++)
		for (;;) {
			len = sizeof(from);
			n = recvfrom(w->peer[d], f, sizeof(f), 0, (struct sockaddr *)&from, &len);
			if (n < 0)
				break;
			if (from.sll_pkttype != PACKET_OUTGOING && n > 14)
				fn(d, f + 14, (size_t)n - 14, arg);
		}
}

/* IPv6 raw sockets hand out the payload: put a header before it again. */
static void saw_local6(uint8_t proto, struct msghdr *m, const uint8_t *p, size_t n, wire_saw fn, void *arg)
{
	const struct sockaddr_in6 *from = m->msg_name;
	uint8_t ip[2048 + 40] = { 0x60, [6] = proto };

	memcpy(ip + 8, &from->sin6_addr, 16);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			memcpy(ip + 24, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
	memcpy(ip + 40, p, n);
	fn(WIRE_ROUTER, ip, n + 40, arg);
}

static void drain_router(const struct wire *w, wire_saw fn, void *arg)
{
	uint8_t f[2048], control[256];

	for (size_t s = 0; s < w->n_raw; s++)
		for (;;) {
			struct sockaddr_in6 from;
			struct iovec iov = { f, sizeof(f) };
			struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
					    .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
			ssize_t n = recvmsg(w->raw[s], &m, 0);

			if (n < 0)
				break;
			if (s < w->n_raw / 2)
				fn(WIRE_ROUTER, f, (size_t)n, arg);
			else
				saw_local6(w->raw_proto[s], &m, f, (size_t)n, fn, arg);
		}
}

void wire_drain(const struct wire *w, wire_saw fn, void *arg)
{
	struct timespec t = { 0, 4000000 };

	for (int i = 0; i < 3; i++) {
		nanosleep(&t, NULL);
		wire_drain_peers(w, fn, arg);
		drain_router(w, fn, arg);
	}
}
