/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct - the kernel's states over ctnetlink.
 *
 * Patronus writes the 128-bit connection label once, when a judgement makes a state (see nft.h):
 * words 1 and 2 name the rules.
 */
#ifndef PATRONUS_CT_H
#define PATRONUS_CT_H

#include <patronus/addr.h>
#include <patronus/nl.h>

struct pt_ct_tuple {
	struct pt_addr src, dst;
	uint16_t sport, dport;  /* or ICMP: sport = id, dport = type << 8 | code */
};

struct pt_ct_entry {
	uint8_t proto;
	uint8_t tcp_state;      /* enum tcp_conntrack of the kernel; 0 for other protocols */
	struct pt_ct_tuple orig, reply;
	uint32_t status;        /* IPS_* */
	uint32_t timeout;       /* seconds left */
	uint32_t mark, id;
	uint16_t zone;          /* 0 unless something else made zones */
	uint32_t label[4];      /* zero without labels */
	bool has_label;         /* it has room for one: only states made after the first rule that asks for labels have */
	uint64_t packets[2], bytes[2]; /* orig, reply; zero without accounting */
	bool has_counters;
};

typedef int (*pt_ct_cb)(const struct pt_ct_entry *ct, void *arg);

/* Streams every state of both families at constant memory. A filter on the kernel's side where possible. */
PT_API int pt_ct_dump(struct pt_nl *nf, pt_ct_cb cb, void *arg, struct pt_err *e) PT_MUST;
PT_API int pt_ct_count(struct pt_nl *nf, uint64_t *n, uint64_t *max, struct pt_err *e) PT_MUST;
/* Ends one state (matched by tuple and id, so a successor is safe). -ENOENT: already gone. */
PT_API int pt_ct_delete(struct pt_nl *nf, const struct pt_ct_entry *ct) PT_MUST;
/* Makes an established TCP state from ORIG, REPLY, LABEL and TIMEOUT of CT; its window is not known, so that it
 * is not checked. -EEXIST: the tuple has a state already. */
PT_API int pt_ct_create_tcp(struct pt_nl *nf, const struct pt_ct_entry *ct) PT_MUST;
/* Exposed for fuzzing: one message into an entry; -EBADMSG. */
PT_API int pt_ct_parse(const struct nlmsghdr *nlh, struct pt_ct_entry *ct) PT_MUST;
PT_API const char *pt_ct_tcp_state_name(uint8_t st);

#endif
