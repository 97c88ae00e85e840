/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FNV-1a: identities of rules are made from it, so it must never change. */
#include <patronus/base.h>

uint32_t pt_hash32(const void *p, size_t n)
{
	const unsigned char *c = p;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * 16777619u;
	return h;
}

uint64_t pt_hash64(const void *p, size_t n)
{
	const unsigned char *c = p;
	uint64_t h = 14695981039346656037ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * 1099511628211ull;
	return h;
}
