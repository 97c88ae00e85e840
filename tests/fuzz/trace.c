/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells of packets that are followed and of flows that are counted, under the fuzzer.
 *
 * The input is messages in a row, as a socket has them; what is in their headers anybody on the network chose. The committed
 * seeds are those of a real kernel.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <patronus/log.h>
#include <patronus/nft_trace.h>

#include "nl/seam.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void use_trace(const struct pt_nft_trace *t)
{
	uint8_t *header = malloc(t->n ? t->n : 1);
	struct pt_log_packet p;

	if (t->n > sizeof(t->header) || t->type < PT_NFT_TRACE_POLICY || t->type > PT_NFT_TRACE_RULE)
		abort();
	sink += strlen(t->table) + strlen(t->chain) + strlen(t->target);
	if (!header)
		return;
	memcpy(header, t->header, t->n);
	pt_log_packet(header, t->n, &p);
	if (p.src.af != p.dst.af)
		abort();
	free(header);
}

static int on_flow(const struct pt_nft_flow *f, void *arg)
{
	(void)arg;
	if (f->src.af != f->dst.af || (f->dir != PT_IN && f->dir != PT_OUT))
		abort();
	sink += f->packets + f->port;
	return 0;
}

/* In memory of exactly its size. */
static void read_one(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = malloc(size);
	struct pt_nft_trace t;

	if (!nlh)
		return;
	memcpy(nlh, data, size);
	if (!pt_nft_trace_parse(nlh, &t))
		use_trace(&t);
	if (pt_nft_flow_parse(nlh, on_flow, NULL))
		sink++;
	free(nlh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr head;
	size_t step;

	while (size >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		if (!nl_ok(&head, (int)size))
			break;
		read_one(data, head.nlmsg_len);
		step = MNL_ALIGN(head.nlmsg_len);
		if (step >= size)
			break;
		data += step;
		size -= step;
	}
	return 0;
}
