/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the other end of a test says, under the fuzzer: by its first byte what a client asks for, what an end counted, or datagrams. What is
 * taken is within its bounds, and what a client asks for is the same once it is written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include <patronus/iperf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void asked(const char *text, size_t n)
{
	struct pt_iperf_test t, again;
	struct pt_buf b = { 0 };
	const char *why;

	if (pt_iperf_test_read(text, n, &t, &why))
		return;
	if (!t.streams || t.streams > PT_IPERF_STREAMS_MAX || t.block > PT_IPERF_BLOCK_MAX || t.seconds > PT_IPERF_SECONDS_MAX)
		abort();
	t.wide = t.wide && t.udp;
	/* Doubles hold no more. */
	t.rate &= (1ull << 53) - 1;
	t.bytes &= (1ull << 53) - 1;
	pt_iperf_test_write(&b, &t);
	if (!b.err && (pt_iperf_test_read(b.s, b.n, &again, &why) || memcmp(&t, &again, sizeof(t)) != 0))
		abort();
	pt_buf_fini(&b);
}

static void counted(const char *text, size_t n)
{
	struct pt_iperf_flow flows[3] = { { .id = 1 }, { .id = 3 }, { .id = 4 } };
	const char *why;

	if (pt_iperf_results_read(text, n, flows, 3, &why))
		return;
	for (size_t i = 0; i < 3; i++)
		if (flows[i].there.bytes > INT64_MAX || !(flows[i].there.jitter >= 0) || !(flows[i].there.seconds >= 0))
			abort();
}

static void heard(const uint8_t *data, size_t n, bool wide)
{
	struct pt_iperf_heard h = { 0 };
	size_t wrong = 0;

	for (; n >= 16; data += 16, n -= 16)
		wrong += pt_iperf_hear(&h, data, 16, wide, 1700000000000000) != 0;
	if (n < 12 && !pt_iperf_hear(&h, data, n, wide, 0))
		abort();
	if (!wrong && !h.received && h.highest)
		abort();
	if (h.lost > h.highest || h.reordered > h.received || !(h.jitter >= 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] == '1')
		counted((const char *)data + 1, size - 1);
	else if (data[0] == '2' || data[0] == '3')
		heard(data + 1, size - 1, data[0] == '3');
	else
		asked((const char *)data + 1, size - 1);
	return 0;
}
