/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * each - a class of a queueing discipline for each host: the BPF program that gives them away, and who has which.
 *
 * A host is the first bits of the source or the destination address of a packet. As many hosts as there are classes have one at
 * the same time; a class is free for another host when its own was not heard of for PT_EACH_IDLE seconds.
 */
#ifndef PATRONUS_EACH_H
#define PATRONUS_EACH_H

#include <patronus/addr.h>

#define PT_EACH_IDLE 60
#define PT_EACH_NETS 16
#define PT_EACH_NAME_OURS "patronus-each-" /* the beginning of the names of its filters */
#define PT_EACH_NAME 48

struct pt_each {
	bool source;                 /* else the destination */
	uint8_t len4, len6;          /* bits of an address that make a host */
	const struct pt_prefix *of;  /* at most PT_EACH_NETS; none: all addresses */
	size_t n_of;
	const uint32_t *classes;     /* handles */
	uint32_t n_classes;
	uint32_t rest;               /* class of packets that are not meant */
	uint32_t crowd;              /* the one that all hosts share for which there is no class */
};

struct pt_each_host {
	struct pt_prefix prefix;
	uint32_t class;
	uint32_t idle;               /* seconds since its last packet */
};
struct pt_each_now {
	PT_VEC(struct pt_each_host) hosts;
	uint32_t rest, crowd;        /* as in struct pt_each */
};

/* Names the program with these settings: filters with another name have another one. */
PT_API void pt_each_name(const struct pt_each *each, char out[PT_EACH_NAME]);
/* Loads it; *FD is to be closed. A record says what the kernel has against it. */
PT_API int pt_each_load(const struct pt_each *each, int *fd, struct pt_err *e) PT_MUST;
/* One that the kernel has, by its number; *FD is to be closed. -ENOENT: gone. */
PT_API int pt_each_open(uint32_t prog_id, int *fd) PT_MUST;
/* Who has which class of program PROG_ID; hosts that are idle for longer than PT_EACH_IDLE, too. Memory from A. */
PT_API int pt_each_read(uint32_t prog_id, struct pt_arena *a, struct pt_each_now *out) PT_MUST;

#endif
