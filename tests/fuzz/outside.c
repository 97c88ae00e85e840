/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What others write, under the fuzzer: answers of the DNS, lists of countries in both formats, descriptions of time
 * zones. The first byte chooses the reader, the rest is what it gets.
 */
#include <stdlib.h>
#include <string.h>

#include <patronus/names.h>
#include <patronus/zone.h>

#include "geoip/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const uint8_t *data, size_t size, struct pt_arena *a)
{
	struct pt_dns_answer x;
	unsigned int number = size < 2 ? 0 : (unsigned int)data[0] << 8 | data[1];
	enum pt_af af = size > 13 && data[size / 2] & 1 ? PT_AF_INET6 : PT_AF_INET;
	int rc = pt_dns_parse(data, size, (uint16_t)number, "www.example.org", af, a, &x);

	if (!rc && x.addresses.n > PT_NAME_ADDRESSES_MAX)
		abort();
	for (size_t i = 0; !rc && i < x.addresses.n; i++)
		if (x.addresses.v[i].af != af)
			abort();
	if (rc == -EXDEV && (!*x.alias || strlen(x.alias) >= sizeof(x.alias)))
		abort();
}

static void countries(const uint8_t *data, size_t size, struct pt_arena *a)
{
	struct pt_geoip_list lists[2] = { { .code = "DE" }, { .code = "FR" } };
	struct pt_err e = { 0 };
	struct geoip_reader r = { .lists = lists, .n = 2, .arena = a, .e = &e, .path = "fuzz" };
	int rc;

	r.place['D' - 'A']['E' - 'A'] = 1;
	r.place['F' - 'A']['R' - 'A'] = 2;
	rc = geoip_is_mmdb(data, size) ? geoip_mmdb(&r, data, size) : geoip_csv(&r, (const char *)data, size);
	if (rc && !e.n_errors)
		abort();
	for (int i = 0; i < 4; i++)
		pt_iset_norm(&lists[i / 2].set[i % 2]);
	pt_err_fini(&e);
}

static void zone(const uint8_t *data, size_t size, struct pt_arena *a)
{
	const int64_t from = 1767225600, to = 1893456000;
	pt_zone_spans z;
	int64_t at = from;

	if (pt_zone_parse(data, size, from, to, a, &z))
		return;
	for (size_t i = 0; i < z.n; i++) {
		if (z.v[i].from != at || z.v[i].to <= at)
			abort();
		at = z.v[i].to;
	}
	if (at != to)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *data, size_t size, struct pt_arena *a) = { answer, countries, zone };
	struct pt_arena *a = pt_arena_new();

	if (a && size)
		readers[data[0] % 3](data + 1, size - 1, a);
	pt_arena_free(a);
	return 0;
}
