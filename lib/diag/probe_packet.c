/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Probes as bytes. Routers that share load look at the addresses and the first eight bytes behind them, so these are
 * alike in all probes of a flow but for what says which probe it is: an ICMP echo has its sequence number's complement
 * in the data, which keeps the checksum as it is; a UDP probe's checksum is its number, by two bytes of data that make
 * it so; TCP has its sequence number.
 */
#include <string.h>

#include "diag/probe_internal.h"

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Addresses, protocol and length, as transport checksums cover them. */
static uint32_t pseudo_sum(const struct pt_probe *p, uint8_t protocol, size_t n)
{
	uint8_t a[32];
	size_t each = p->source.af == PT_AF_INET6 ? 16 : 4;

	pt_addr_to_bytes(p->source, a);
	pt_addr_to_bytes(p->o.to, a + each);
	return probe_sum(protocol + (uint32_t)n, a, 2 * each);
}

void probe_fill(const struct pt_probe *p, uint8_t *data, size_t n, uint16_t wire_id)
{
	if (p->o.pattern && p->o.n_pattern) {
		for (size_t i = 0; i < n; i++)
			data[i] = p->o.pattern[i % p->o.n_pattern];
		return;
	}
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)i;
	if (p->o.how == PT_PROBE_ICMP && n >= 2) {
		put16(data, (uint16_t)~wire_id);
	} else if (p->o.how == PT_PROBE_UDP && n >= PROBE_DATA_MARK) {
		uint32_t sum;

		put16(data, 0);
		memcpy(data + 2, p->magic, sizeof(p->magic));
		put16(data + 6, wire_id);
		sum = pseudo_sum(p, IPPROTO_UDP, n + 8) + p->id + p->o.port + (uint32_t)n + 8;
		sum = folded(probe_sum(folded(sum), data, n));
		put16(data, folded((uint32_t)(uint16_t)~wire_id + (uint16_t)~sum));
	}
}

static size_t echo(const struct pt_probe *p, uint8_t *out, uint32_t size, uint16_t wire_id)
{
	memset(out, 0, PROBE_ICMP_HEADER);
	out[0] = probe_is6(p) ? 128 : 8;
	put16(out + 4, p->id);
	put16(out + 6, wire_id);
	probe_fill(p, out + PROBE_ICMP_HEADER, size, wire_id);
	if (!probe_is6(p)) /* IPv6's is the kernel's work, since it has the addresses */
		put16(out + 2, (uint16_t)~probe_sum(0, out, PROBE_ICMP_HEADER + size));
	return PROBE_ICMP_HEADER + size;
}

static size_t syn(const struct pt_probe *p, uint8_t *out, uint16_t wire_id)
{
	static const uint8_t options[] = { 2, 4, 0x05, 0xb4 }; /* a segment of 1460: what a host would say */
	const size_t n = 20 + sizeof(options);

	memset(out, 0, n);
	put16(out, p->id);
	put16(out + 2, p->o.port);
	put32(out + 4, p->base + wire_id);
	out[12] = (uint8_t)(n / 4 << 4);
	out[13] = 0x02;
	put16(out + 14, 64240);
	memcpy(out + 20, options, sizeof(options));
	put16(out + 16, (uint16_t)~folded(probe_sum(folded(pseudo_sum(p, IPPROTO_TCP, n)), out, n)));
	return n;
}

size_t probe_packet(const struct pt_probe *p, uint8_t *out, uint32_t size, uint16_t wire_id)
{
	switch (p->o.how) {
	case PT_PROBE_ICMP:
		return echo(p, out, size, wire_id);
	case PT_PROBE_TCP:
		return syn(p, out, wire_id);
	default:
		probe_fill(p, out, size, wire_id);
		return size;
	}
}
