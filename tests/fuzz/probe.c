/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What answers a probe, under the fuzzer: ICMP messages with quotes and extensions, and names out of the DNS. The first byte chooses
 * the reader and the family.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/probe.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void use(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sink += p[i];
}

static void read_message(enum pt_af af, const uint8_t *p, size_t n)
{
	struct pt_icmp m;

	sink += pt_icmp_checksum_ok(p, n);
	if (pt_icmp_parse(af, p, n, &m))
		return;
	if (m.n_labels > PT_MPLS_MAX || (m.about.has_transport && !m.error))
		abort();
	use(m.data, m.n);
	use(m.about.data, m.about.n);
	if (pt_icmp_words(af, m.type, m.code))
		sink += strlen(pt_icmp_mark(af, m.type, m.code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_mpls labels[PT_MPLS_MAX];
	char name[1025];
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size - 1 ? size - 1 : 1); /* of exactly its size */
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		read_message(PT_AF_INET, copy, size - 1);
		break;
	case 1:
		read_message(PT_AF_INET6, copy, size - 1);
		break;
	case 2:
		sink += pt_icmp_labels(copy, size - 1, labels);
		break;
	default:
		if (!pt_probe_names_parse(copy, size - 1, 0x1234, (struct pt_addr){ PT_AF_INET, 0xc0000201 }, name, sizeof(name)))
			sink += strlen(name);
	}
	free(copy);
	return 0;
}
