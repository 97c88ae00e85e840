/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the probe engine. */
#ifndef DIAG_PROBE_INTERNAL_H
#define DIAG_PROBE_INTERNAL_H

#include "diag/address.h"
#include <netinet/in.h>
#include <sys/socket.h>

#include <patronus/probe.h>

#define PROBE_ICMP_HEADER 8
#define PROBE_DATA_MARK 8 /* bytes of a UDP probe's data that say whose and which it is */

/* A probe that was sent. */
struct probe_slot {
	uint64_t number, tag; /* number 0: free */
	int64_t mono, real;   /* when, by two clocks: the second one is that of the kernel's time stamps */
	uint32_t size;
	bool answered;
};

struct pt_probe {
	struct pt_probe_options o;
	struct sockaddr_storage to;
	socklen_t to_len;
	struct pt_addr source;
	int fd_send;   /* what probes go out of, and answers of the host come to */
	int fd_icmp;   /* raw ICMP beside it, for UDP and TCP; -1: errors come by the error queue of FD_SEND */
	int fd_route;  /* connected, sends nothing: knows the source address and the MTU; for TCP it holds the port */
	bool raw;      /* FD_SEND is a raw socket */
	uint16_t id;   /* of echo requests; the source port */
	uint32_t base; /* of TCP sequence numbers */
	uint8_t magic[4];
	uint8_t ttl, ttl_of_system;
	uint32_t local_mtu;
	uint64_t sent;
	struct probe_slot *slots; /* PT_PROBE_WINDOW */
	uint8_t *out, *in, *expected;
};
#define PROBE_BUFFER 65536

/* The ways to say one thing to the kernel in two families. */
bool probe_is6(const struct pt_probe *p);
int probe_set(int fd, int level, int option, int value);

/* On the wire, a probe is a number of 1..65535. */
uint16_t probe_wire_id(uint64_t number);
/* The latest probe of that number that could have been sent, NULL: none is remembered. */
struct probe_slot *probe_slot_of(struct pt_probe *p, uint16_t wire_id);

/* probe_packet.c: the data of a probe; its transport header and data as they are given to the socket, the length of
 * which is returned */
void probe_fill(const struct pt_probe *p, uint8_t *data, size_t n, uint16_t wire_id);
size_t probe_packet(const struct pt_probe *p, uint8_t *out, uint32_t size, uint16_t wire_id);

/* probe_icmp.c */
uint16_t probe_get16(const uint8_t *p);
uint32_t probe_get32(const uint8_t *p);
uint32_t probe_sum(uint32_t sum, const uint8_t *p, size_t n);
bool probe_too_big(enum pt_af af, uint8_t type, uint8_t code);
/* Nothing but this will be heard of the packet that an error of TYPE is about. */
bool probe_has_ended(enum pt_af af, uint8_t type);

/* probe_queue.c: what waits in the error queue of FD_SEND */
int probe_queue_receive(struct pt_probe *p, pt_probe_fn fn, void *arg);

/* probe_hear.c: ANSWER of the slot with this wire number, seen at REAL (0: now), is told; what is known of nobody's
 * probe is not */
int probe_tell(struct pt_probe *p, uint16_t wire_id, int64_t real, struct pt_probe_answer *answer, pt_probe_fn fn,
	       void *arg);

int64_t probe_now(int clock);
/* What comes beside a packet: when it came, how far. */
struct probe_beside {
	int64_t real; /* 0: not told */
	uint8_t ttl;
};
struct msghdr;
void probe_beside(struct msghdr *m, struct probe_beside *b);
/* Messages that wait at FD, with recvmsg(2)'s FLAGS: N bytes of each lie in P->in. Stops at the first that is not 0 of EACH. */
typedef int (*probe_message_fn)(struct pt_probe *p, int fd, struct msghdr *m, size_t n, pt_probe_fn fn, void *arg);
int probe_each(struct pt_probe *p, int fd, int flags, probe_message_fn each, pt_probe_fn fn, void *arg);

#endif
