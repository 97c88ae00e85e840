/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the program that makes frames and the one that runs it share. */
#ifndef BENCH_OFFER_H
#define BENCH_OFFER_H

#include <linux/types.h>

/* Ethernet, IPv6, TCP without options; an IPv4 packet has padding behind it. */
#define OFFER_FRAME 74

/* An IPv4 packet carries its number in its identification, an IPv6 packet in its flow label. */
#define OFFER_NUMBERS 65536

struct offer_header {
	__u8 src[16]; /* an IPv4 address in the first four bytes */
	__u8 dst[16];
	__u16 sport; /* as on the wire */
	__u16 dport;
	__u8 proto;
	__u8 family; /* 4 or 6 */
	__u16 number; /* 0: not counted one by one */
};

enum offer_mode { OFFER_RANDOM, OFFER_ONCE, OFFER_NONE };

/* What the next frames are; set between runs. */
struct offer_control {
	__u32 mode;
	__u32 headers; /* how many of them are offered */
	__u32 next; /* of OFFER_ONCE */
};

#endif
