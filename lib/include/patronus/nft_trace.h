/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_trace - tables of ours that only watch.
 *
 * One marks the packets that are wanted, and the kernel then tells each rule that they meet. Such a table belongs
 * to a socket: the kernel takes it away when that closes, however its owner ends.
 */
#ifndef PATRONUS_NFT_TRACE_H
#define PATRONUS_NFT_TRACE_H

#include <patronus/nft.h>

#define PT_NFT_TRACE_HEADER 64

enum pt_nft_trace_type { PT_NFT_TRACE_POLICY = 1, PT_NFT_TRACE_RETURN, PT_NFT_TRACE_RULE }; /* the kernel's numbers */

/* One message. */
struct pt_nft_trace {
	uint8_t family;            /* of the table: NFPROTO_* */
	uint8_t nfproto;           /* of the packet, 0: not told */
	uint32_t id;
	enum pt_nft_trace_type type;
	char table[64], chain[64], target[64]; /* cut where longer */
	uint64_t handle;           /* 0: none */
	int32_t verdict;           /* NF_*, NFT_*; of POLICY the policy */
	uint32_t in, out;          /* devices' indexes, 0: not told */
	uint8_t header[PT_NFT_TRACE_HEADER]; /* from the network's on; what lies between that and the transport's may be cut */
	size_t n;                  /* 0: not told: only with the first message of a hook */
};
/* -EBADMSG: not a message of a trace, or a broken one. */
PT_API int pt_nft_trace_parse(const struct nlmsghdr *nlh, struct pt_nft_trace *t) PT_MUST;

/* Marks what the rules of FILTER match, RATE packets a second at most; TABLE is the hook's name. It ends with
 * OWNER, a socket for nothing else. READ gives the contents of the tables that FILTER asks. */
#define PT_NFT_TRACE_TABLE "patronus_trace"
#define PT_NFT_TRACE_ARRIVES "arrives"
#define PT_NFT_TRACE_LEAVES "leaves"
#define PT_NFT_TRACE_FORWARD "forward"
#define PT_NFT_TRACE_DELIVERED "delivered"
#define PT_NFT_TRACE_LEFT_END "left"
PT_API int pt_nft_trace_hook(struct pt_nl *owner, struct pt_nl *nf, const struct pt_policy *filter, const struct pt_host *host,
			     const char *table, uint32_t rate, struct pt_err *e) PT_MUST;

/* The rules in S by chain and handle. ID 0 and NULL: it belongs to none. False: S does not have it. */
struct pt_nft_place {
	uint32_t id;
	const char *name;
};
PT_API bool pt_nft_place(const struct pt_nft_state *s, const char *chain, uint64_t handle, struct pt_nft_place *out);

/* ---- flows: what is counted to learn from ---- */

#define PT_NFT_LEARN_TABLE "patronus_learn"
#define PT_NFT_LEARN_FLOWS 65536 /* that each of its sets remembers */

/* Packets of one kind in the direction that their connection has; of a judgement. */
struct pt_nft_flow {
	enum pt_dir dir;
	uint32_t device;           /* index: where they arrive, or leave */
	uint8_t proto;
	struct pt_addr src, dst;   /* as they are judged */
	uint16_t port;             /* of the destination; ICMP's type; 0 else */
	uint64_t packets, bytes;
	bool passed;               /* counted behind the judgement, else before it */
};
/* Counts all that is judged, before and behind. It ends with OWNER. */
PT_API int pt_nft_learn_hook(struct pt_nl *owner, const char *table, struct pt_err *e) PT_MUST;
typedef int (*pt_nft_flow_cb)(const struct pt_nft_flow *f, void *arg);
/* All that were counted, those before the judgement first. *FULL: a set has no room for more. */
PT_API int pt_nft_learn_read(struct pt_nl *nf, const char *table, pt_nft_flow_cb cb, void *arg, bool *full,
			     struct pt_err *e) PT_MUST;
/* Exposed for fuzzing: the flows of one message; those that are none of ours are left out. -EBADMSG, or what CB said. */
PT_API int pt_nft_flow_parse(const struct nlmsghdr *nlh, pt_nft_flow_cb cb, void *arg) PT_MUST;

#endif
