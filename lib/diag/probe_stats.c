/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What many round-trip times say together, in bounded memory however long it goes on. */
#include <math.h>

#include <patronus/probe.h>

#define FINE 128 /* buckets for each power of two */
#define FINE_BITS 7

void pt_probe_stats_add(struct pt_probe_stats *s, uint64_t rtt)
{
	double off = (double)rtt - s->mean;

	if (s->received)
		s->differences += rtt > s->last ? (double)(rtt - s->last) : (double)(s->last - rtt);
	s->received++;
	s->mean += off / (double)s->received;
	s->squares += off * ((double)rtt - s->mean);
	s->min = s->received == 1 || rtt < s->min ? rtt : s->min;
	s->max = rtt > s->max ? rtt : s->max;
	s->last = rtt;
}

double pt_probe_stats_deviation(const struct pt_probe_stats *s)
{
	return s->received && s->squares > 0 ? sqrt(s->squares / (double)s->received) : 0;
}

double pt_probe_stats_jitter(const struct pt_probe_stats *s)
{
	return s->received > 1 ? s->differences / (double)(s->received - 1) : 0;
}

double pt_probe_stats_loss(const struct pt_probe_stats *s)
{
	return s->sent && s->received < s->sent ? 100.0 * (double)(s->sent - s->received) / (double)s->sent : 0;
}

/* Below FINE each time has its own bucket; above, the first eight bits of it and how far they are shifted name one. */
static size_t bucket_of(uint64_t rtt)
{
	unsigned int shift;

	if (rtt < FINE)
		return (size_t)rtt;
	shift = 63u - (unsigned int)__builtin_clzll(rtt) - FINE_BITS;
	return (size_t)FINE * (shift + 1) + (size_t)((rtt >> shift) - FINE);
}

static uint64_t middle_of(size_t bucket)
{
	unsigned int shift;

	if (bucket < FINE)
		return bucket;
	shift = (unsigned int)(bucket / FINE) - 1;
	return ((uint64_t)(bucket % FINE + FINE) << shift) + (((uint64_t)1 << shift) >> 1);
}

void pt_probe_histogram_add(struct pt_probe_histogram *h, uint64_t rtt)
{
	uint32_t *count = &h->count[bucket_of(rtt)];

	if (*count == UINT32_MAX)
		return;
	++*count;
	h->n++;
}

uint64_t pt_probe_percentile(const struct pt_probe_histogram *h, unsigned int percent)
{
	uint64_t rank = (h->n * percent + 99) / 100, seen = 0;

	for (size_t i = 0; h->n && i < PT_PROBE_BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= (rank ? rank : 1))
			return middle_of(i);
	}
	return 0;
}
