/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ICMP messages read: pure functions over bytes that anybody may have sent. An error quotes the packet that it is
 * about, cut somewhere, perhaps followed by extensions of which the label stack is read (RFC 4884, 4950).
 */
#include <errno.h>
#include <string.h>

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "diag/probe_internal.h"

#define HEADER 8            /* of every ICMP message */
#define QUOTE_OLD 128 /* where extensions begin that came before RFC 4884, and the least room of a quote with them */
#define EXTENSION_VERSION 2
#define CLASS_MPLS 1
#define TYPE_MPLS_STACK 1
#define OBJECTS_MAX 64
#define IPV6_HEADERS_MAX 8

uint16_t probe_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t probe_get32(const uint8_t *p)
{
	return (uint32_t)probe_get16(p) << 16 | probe_get16(p + 2);
}

uint32_t probe_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2) {
		sum += probe_get16(p);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	sum += n ? (uint32_t)p[0] << 8 : 0;
	return (sum & 0xffff) + (sum >> 16);
}

bool pt_icmp_checksum_ok(const uint8_t *p, size_t n)
{
	return n >= HEADER && probe_sum(0, p, n) == 0xffff;
}

/* ---- extensions ---- */

static size_t read_stack(const uint8_t *p, size_t n, struct pt_mpls *out, size_t have)
{
	for (; n >= 4 && have < PT_MPLS_MAX; p += 4, n -= 4) {
		uint32_t v = probe_get32(p);

		out[have++] = (struct pt_mpls){ .label = v >> 12,
						.traffic_class = (uint8_t)(v >> 9 & 7),
						.bottom = v >> 8 & 1,
						.ttl = (uint8_t)v };
	}
	return have;
}

size_t pt_icmp_labels(const uint8_t *p, size_t n, struct pt_mpls out[PT_MPLS_MAX])
{
	size_t have = 0, length;

	if (n < 4 || p[0] >> 4 != EXTENSION_VERSION)
		return 0;
	if (probe_get16(p + 2) && probe_sum(0, p, n) != 0xffff)
		return 0;
	p += 4;
	n -= 4;
	for (unsigned int i = 0; n >= 4 && i < OBJECTS_MAX; i++) {
		length = probe_get16(p);
		if (length < 4 || length > n)
			break;
		if (p[2] == CLASS_MPLS && p[3] == TYPE_MPLS_STACK)
			have = read_stack(p + 4, length - 4, out, have);
		p += length;
		n -= length;
	}
	return have;
}

/* Cuts *N to the quote and reads what follows it. UNIT: what a router counts the length of its quote in. */
static void read_extensions(const uint8_t *quote, size_t *n, size_t told, struct pt_icmp *out)
{
	size_t at = told ? told : QUOTE_OLD;

	if (at < QUOTE_OLD && told)
		at = QUOTE_OLD; /* RFC 4884 section 3 asks for so much; who counts less pads all the same */
	if (at >= *n)
		return;
	out->n_labels = pt_icmp_labels(quote + at, *n - at, out->labels);
	if (told || out->n_labels)
		*n = at;
}

/* ---- the quote ---- */

static void read_transport(const uint8_t *p, size_t n, struct pt_icmp_quote *q)
{
	if (n < HEADER)
		return;
	q->has_transport = true;
	q->type = p[0];
	q->id = probe_get16(p + 4);
	q->seq = probe_get16(p + 6);
	q->sport = probe_get16(p);
	q->dport = probe_get16(p + 2);
	q->sequence = probe_get32(p + 4);
	q->checksum = probe_get16(p + 6);
	q->data = p + HEADER;
	q->n = n - HEADER;
}

static int read_quote4(const uint8_t *p, size_t n, struct pt_icmp_quote *q)
{
	size_t head;

	if (n < 20 || p[0] >> 4 != 4)
		return -EBADMSG;
	head = (size_t)(p[0] & 15) * 4;
	if (head < 20 || head > n)
		return -EBADMSG;
	q->from = pt_addr_from_bytes(p + 12, 4);
	q->to = pt_addr_from_bytes(p + 16, 4);
	q->protocol = p[9];
	if (!(probe_get16(p + 6) & 0x1fff)) /* else a later fragment */
		read_transport(p + head, n - head, q);
	return 0;
}

/* The length of an extension header of IPv6, 0 where TYPE is none; fragments that are not the first have no transport.
 */
static size_t extension_length(uint8_t type, const uint8_t *p, size_t n)
{
	if (n < 8)
		return 0;
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return ((size_t)p[1] + 1) * 8;
	case IPPROTO_FRAGMENT:
		return probe_get16(p + 2) & 0xfff8 ? 0 : 8;
	default:
		return 0;
	}
}

static int read_quote6(const uint8_t *p, size_t n, struct pt_icmp_quote *q)
{
	size_t at = 40, step;

	if (n < 40 || p[0] >> 4 != 6)
		return -EBADMSG;
	q->from = pt_addr_from_bytes(p + 8, 16);
	q->to = pt_addr_from_bytes(p + 24, 16);
	q->protocol = p[6];
	for (unsigned int i = 0; i < IPV6_HEADERS_MAX; i++) {
		step = extension_length(q->protocol, p + at, n - at);
		if (!step)
			break;
		if (step > n - at)
			return 0;
		q->protocol = p[at];
		at += step;
	}
	if (q->protocol != IPPROTO_FRAGMENT)
		read_transport(p + at, n - at, q);
	return 0;
}

/* ---- messages ---- */

static bool is_error(enum pt_af af, uint8_t type)
{
	if (af == PT_AF_INET6)
		return type >= ICMP6_DST_UNREACH && type <= ICMP6_PARAM_PROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED ||
		type == ICMP_PARAMETERPROB;
}

/* A packet that was sent elsewhere next time, or more slowly, is on its way all the same. */
bool probe_has_ended(enum pt_af af, uint8_t type)
{
	return is_error(af, type) && (af == PT_AF_INET6 || type != ICMP_SOURCE_QUENCH);
}

static bool is_echo(enum pt_af af, uint8_t type)
{
	return af == PT_AF_INET6 ? type == ICMP6_ECHO_REPLY || type == ICMP6_ECHO_REQUEST :
				   type == ICMP_ECHOREPLY || type == ICMP_ECHO;
}

bool probe_too_big(enum pt_af af, uint8_t type, uint8_t code)
{
	return af == PT_AF_INET6 ? type == ICMP6_PACKET_TOO_BIG : type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED;
}

/* The bytes of the quote, as those who send extensions tell; IPv4 counts in fours, IPv6 in eights. */
static size_t told_length(enum pt_af af, const uint8_t *p)
{
	if (af == PT_AF_INET6)
		return p[0] == ICMP6_DST_UNREACH || p[0] == ICMP6_TIME_EXCEEDED ? (size_t)p[4] * 8 : 0;
	return p[0] != ICMP_SOURCE_QUENCH ? (size_t)p[5] * 4 : 0;
}

static int parse_error(enum pt_af af, const uint8_t *p, size_t n, struct pt_icmp *out)
{
	const uint8_t *quote = p + HEADER;

	out->error = true;
	if (probe_too_big(af, out->type, out->code))
		out->mtu = af == PT_AF_INET6 ? probe_get32(p + 4) : probe_get16(p + 6);
	n -= HEADER;
	read_extensions(quote, &n, told_length(af, p), out);
	return af == PT_AF_INET6 ? read_quote6(quote, n, &out->about) : read_quote4(quote, n, &out->about);
}

int pt_icmp_parse(enum pt_af af, const uint8_t *p, size_t n, struct pt_icmp *out)
{
	memset(out, 0, sizeof(*out));
	if (n < HEADER)
		return -EBADMSG;
	out->type = p[0];
	out->code = p[1];
	if (is_error(af, out->type))
		return parse_error(af, p, n, out);
	if (!is_echo(af, out->type))
		return -EBADMSG;
	out->id = probe_get16(p + 4);
	out->seq = probe_get16(p + 6);
	out->data = p + HEADER;
	out->n = n - HEADER;
	return 0;
}
