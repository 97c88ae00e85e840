/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_wire - a router whose neighbours are nothing but wires: what it forwards is seen there as it
 * left, and nobody answers. For tests that make every packet themselves.
 *
 *      lan1 ==== lan0 [          ] wan0 ==== wan1
 *                     [  router  ]                    peers: no stack, packet sockets only
 *      dmz1 ==== dmz0 [          ]
 *
 * The router's addresses are those of lab.h, with a route to everywhere else by wan0.
 */
#ifndef PATRONUS_TESTS_LAB_WIRE_H
#define PATRONUS_TESTS_LAB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <patronus/policy.h>

enum { WIRE_LAN, WIRE_WAN, WIRE_DMZ, WIRE_DEVICES, WIRE_ROUTER = WIRE_DEVICES };
enum wire_answer { WIRE_NO_ANSWER, WIRE_RST, WIRE_UNREACH };

#define WIRE_SPORT_BASE 10000

extern const char *const wire_devices[WIRE_DEVICES];
extern const char *const wire_own4[WIRE_DEVICES], *const wire_own6[WIRE_DEVICES];

struct wire {
	int peer[WIRE_DEVICES]; /* packet sockets */
	int raw[16];            /* of the router, IPv4 ones first */
	uint8_t raw_proto[16];
	size_t n_raw;
	int send4, send6;
	uint8_t sender; /* in the hardware address of what peers send: 02:00:00:00:SENDER:DEVICE */
};

/* The caller stands in the router afterwards. */
void wire_make(struct wire *w);
/* A point-to-point link on dmz0: 10.9.0.1 peer 10.9.0.2, fd00:9::1 peer fd00:9::2. */
void wire_add_point_to_point(void);
struct pt_addr wire_address(const char *s);
/* Where a packet to A goes. */
int wire_destination(struct pt_addr a);

/* ---- packets ---- */

size_t wire_ip_header(uint8_t *o, struct pt_addr src, struct pt_addr dst, uint8_t proto, size_t len);
void wire_set_tos(uint8_t *ip, uint8_t tos);
/* Of a part of a packet. FIELD as in an IPv4 header: offset in eights, 0x2000 if more parts follow. */
size_t wire_fragment_header(uint8_t *o, const struct pt_packet *k, size_t len, uint16_t id, uint16_t field);
/* An ICMP error of K's type about the IP packet ABOUT, of N bytes. */
size_t wire_icmp_quoting(uint8_t *o, const struct pt_packet *k, const uint8_t *about, size_t n);
/* Transport header, and a payload that says the packet's number; 160 bytes at most. The number of an echo is
 * the source port, or a number of its own. */
size_t wire_transport(uint8_t *o, const struct pt_packet *k, uint32_t index);
bool wire_icmp_error(const struct pt_packet *k);
/* From the peer of a device, or WIRE_ROUTER. */
void wire_send_ip(const struct wire *w, int from, const uint8_t *ip, size_t n);
/* All of it: K with the number INDEX. */
void wire_send(const struct wire *w, int from, const struct pt_packet *k, uint32_t index);
enum wire_shape {
	WIRE_PLAIN,
	WIRE_OPTIONS, /* with IP options, or extension headers of IPv6 */
	WIRE_PARTS,   /* in two fragments: the ports in the first, the number in both */
};
/* The same in another shape, from the peer of a device. */
void wire_send_shaped(const struct wire *w, int from, const struct pt_packet *k, uint32_t index, enum wire_shape shape);

/* ---- what was seen ---- */

/* An IP packet that arrived at AT. */
typedef void (*wire_saw)(int at, const uint8_t *ip, size_t n, void *arg);
void wire_drain_peers(const struct wire *w, wire_saw fn, void *arg);
/* All that is under way, peers and router. */
void wire_drain(const struct wire *w, wire_saw fn, void *arg);
/* What stands where in it. */
struct wire_view {
	struct pt_addr src, dst;
	uint8_t proto;
	uint16_t offset; /* of a later part of the packet, in eights */
	const uint8_t *t;
	size_t n;
};

bool wire_view(const uint8_t *ip, size_t n, struct wire_view *v);
/* Number at the end of the packet, or -1. */
int wire_marked(const uint8_t *p, size_t n, size_t total);

void wire_put16(uint8_t *p, uint16_t v);
uint16_t wire_get16(const uint8_t *p);

#endif
