/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fingerprint of many things in no order: whoever finds the same one later finds the same things, without a copy of them. Each thing
 * is mixed word by word in two lanes of 64 bits, and what comes of it is added up, so that the order in which the kernel tells does not
 * matter, and two of a kind do not cancel each other out.
 */
#include <string.h>

#include <patronus/base.h>

static uint64_t spread(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull; /* of MurmurHash3: each bit of H changes half of the result's */
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

void pt_tally_begin(struct pt_tally_item *t, uint64_t kind)
{
	*t = (struct pt_tally_item){ PT_TALLY_A, PT_TALLY_B };
	pt_tally_word(t, kind);
}

void pt_tally_bytes(struct pt_tally_item *t, const void *p, size_t n)
{
	uint64_t word;

	pt_tally_word(t, n); /* "ab" "c" is not "a" "bc" */
	for (size_t at = 0; at < n; at += sizeof(word)) {
		word = 0;
		memcpy(&word, (const uint8_t *)p + at, n - at < sizeof(word) ? n - at : sizeof(word));
		pt_tally_word(t, word);
	}
}

void pt_tally_add(struct pt_tally *sum, const struct pt_tally_item *t)
{
	sum->a += spread(t->a);
	sum->b += spread(t->b);
	sum->n++;
}
