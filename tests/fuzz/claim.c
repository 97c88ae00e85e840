/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ARP and neighbour discovery about an address of ours, under the fuzzer. The first byte chooses the family; the checksum is made
 * right where it asks for that, since no fuzzer finds it.
 */
#include <stdlib.h>
#include <string.h>

#include "diag/finding.h"
#include "diag/probe_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IP6 40

static void put_sum(uint8_t *p, size_t n)
{
	size_t size = n < 64 ? 0 : IP6 + (size_t)probe_get16(p + 4);
	uint16_t sum;

	if (size < 64 || size > n)
		return;
	memset(p + IP6 + 2, 0, 2);
	sum = (uint16_t)~probe_sum(58 + (uint32_t)(size - IP6), p + 8, size - 8);
	p[IP6 + 2] = (uint8_t)(sum >> 8);
	p[IP6 + 3] = (uint8_t)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ours[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 7 };
	bool six = size && data[0] & 1;
	uint8_t mac[6] = { 2 }, *copy;
	enum finding_claim claim;

	if (!size)
		return 0;
	copy = malloc(size - 1 ? size - 1 : 1); /* of exactly its size */
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 2)
		put_sum(copy, size - 1);
	claim = finding_claims(pt_addr_from_bytes(ours, six ? 16 : 4), copy, size - 1, mac);
	if (claim && size - 1 < (six ? 64u : 28u))
		abort();
	free(copy);
	return 0;
}
