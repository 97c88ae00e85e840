/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams of a test: the time of sending in seconds and microseconds, and a number of 32 or 64 bits, all in network
 * order.
 *
 * Loss is what the numbers leave out; one that comes behind a later one was counted as lost before and is not. The
 * clocks of the two ends need not agree: jitter is of differences of differences.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <arpa/inet.h>

#include <patronus/iperf.h>

void pt_iperf_stamp(uint8_t *data, bool wide, uint64_t number, int64_t now)
{
	uint32_t head[3] = { htonl((uint32_t)(now / 1000000)), htonl((uint32_t)(now % 1000000)),
			     htonl((uint32_t)number) };
	uint64_t long_number = htobe64(number);

	memcpy(data, head, sizeof(head));
	if (wide)
		memcpy(data + 8, &long_number, sizeof(long_number));
}

static void count(struct pt_iperf_heard *h, uint64_t number)
{
	if (number > h->highest) {
		h->lost += number - 1 - h->highest;
		h->highest = number;
		return;
	}
	h->reordered++;
	if (h->lost)
		h->lost--;
}

int pt_iperf_hear(struct pt_iperf_heard *h, const uint8_t *data, size_t n, bool wide, int64_t now)
{
	uint32_t head[3];
	uint64_t number;
	int64_t transit;
	double d;

	if (n < (wide ? 16u : 12u))
		return -EPROTO;
	memcpy(head, data, sizeof(head));
	number = ntohl(head[2]);
	if (wide) {
		memcpy(&number, data + 8, sizeof(number));
		number = be64toh(number);
	}
	/* Nobody sends so many; sums of them must not overflow. */
	if (!number || number > INT64_MAX)
		return -EPROTO;
	transit = now - ((int64_t)ntohl(head[0]) * 1000000 + (int64_t)ntohl(head[1]));
	if (h->received++) {
		d = (double)(transit - h->transit) / 1e6;
		h->jitter += ((d < 0 ? -d : d) - h->jitter) / 16;
	}
	h->transit = transit;
	count(h, number);
	return 0;
}
