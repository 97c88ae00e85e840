/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/each - what the program that gives hosts their classes and the library share. All of it is in network byte order where it is
 * about addresses. */
#ifndef BPF_EACH_H
#define BPF_EACH_H

#include <linux/types.h>

#define EACH_NETS 16
enum { EACH_NONE, EACH_INET, EACH_INET6 };

struct each_host {
	__u32 addr[4];
	__u32 family; /* and above EACH_LENGTH the length of the prefix that is the host */
};
#define EACH_LENGTH 8

struct each_place {
	__u64 seen;  /* nanoseconds of the monotonic clock */
	__u32 class;
	__u32 reserved;
};

struct each_slot {
	struct each_host host; /* family 0: nobody */
	__u32 class;
};

struct each_net {
	__u32 addr[4], mask[4];
	__u32 family;
};

struct each_settings {
	__u64 idle;            /* nanoseconds after which a class may be another's */
	__u32 source;          /* else destination */
	__u32 n_slots;
	__u32 rest, crowd;     /* classes: of packets that are not meant; of hosts beyond number */
	__u32 mask[2][4];      /* by family: what of an address makes a host */
	__u32 length[2];       /* the same as a number of bits */
	__u32 n_nets;          /* 0: all addresses are meant */
	struct each_net nets[EACH_NETS];
};

#endif
