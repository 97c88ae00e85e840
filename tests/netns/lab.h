/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab - network namespaces for tests with real packets. No part of the product.
 *
 *     lan host ---- lan0 [        ] wan0 ---- wan host (and what lies behind it)
 *     dmz host ---- dmz0 [ router ]
 *
 *     lan     192.168.1.10/24   fd00:1::10/64       its device is eth0, as in all hosts
 *     dmz     10.0.5.20/24      fd00:5::20/64
 *     wan     203.0.113.1/24    2001:db8:1::1/64    behind it: 198.51.100.7, 2001:db8:2::7
 *     router  192.168.1.1  10.0.5.1  203.0.113.2  fd00:1::1  fd00:5::1  2001:db8:1::2
 *
 * The namespaces have no names: each is an open descriptor, and is gone with this process. A socket
 * stays in the namespace where it was made, so one process can be all hosts at once.
 * What goes wrong while building is no test result: it ends the program with "Bail out!".
 */
#ifndef PATRONUS_TESTS_LAB_H
#define PATRONUS_TESTS_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_host { LAB_LAN, LAB_ROUTER, LAB_WAN, LAB_DMZ, LAB_HOSTS };

struct lab {
	int ns[LAB_HOSTS];
	int home; /* where the program began */
};

/* Ends the program: "Bail out! WHAT: " and what errno says. */
void lab_bail(const char *what) __attribute__((noreturn));

/* Why namespaces cannot be made here, or NULL. Nothing is left behind. */
const char *lab_lacks(void);
/* Prints the TAP plan of a skipped test and returns main's result. */
int lab_skip(const char *why);
/* The same where namespaces cannot be made; whether it did. */
bool lab_skipped(void);
/* A whole main: the group of tests, or the plan of a skipped one. */
#define lab_run(name, tests, begin, end) \
	(lab_skipped() ? 0 : (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests_name(name, tests, begin, end)))
/* Steps into a machine of its own: no devices, an empty /run and /var/lib, and the name "fw"; false: that cannot be made here. */
bool lab_machine(void);

/* The topology above, forwarding on, no duplicate address detection, no reverse path
 * filter; the caller stands in the router. */
void lab_make(struct lab *l);
void lab_free(struct lab *l); /* goes home */

/* Steps into a host; returns where it was, for lab_back(). */
int lab_enter(const struct lab *l, enum lab_host h);
void lab_back(int ns);

/* ---- building by hand, in the namespace where the caller stands ---- */

int lab_ns(void); /* makes one and steps into it */
void lab_step(int ns);
/* A veth pair, one end here and one in PEER_NS, both up: 02:00:00:00:00:ID, 02:00:00:00:01:ID. */
void lab_veth(const char *name, int peer_ns, const char *peer, unsigned int id);
/* Lines for `ip -batch`. */
void lab_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A file for `nft -f`: what others have beside our table. */
void lab_nft(const char *rules);
/* "ipv4/ip_forward" under /proc/sys/net; false: this kernel has no such knob. */
bool lab_sysctl(const char *name, const char *value);

/* ---- sockets; all non-blocking unless said ---- */

/* Sees and sends every frame of a device. */
int lab_packet_socket(const char *device);
/* Bound or connected; TYPE as SOCK_STREAM. Blocking, with a time-out of 2 s. -1: errno says why. */
int lab_bind(int type, const char *address, uint16_t port);
int lab_connect(int type, const char *address, uint16_t port, uint16_t source_port);
/* One frame within TIMEOUT_MS that FN likes: its length, 0: none came. */
size_t lab_receive(int fd, void *frame, size_t size, int timeout_ms,
		   bool (*fn)(const uint8_t *frame, size_t len, void *arg), void *arg);
/* One echo request from a raw socket, ID in host order; waits for the reply. false: none in 2 s. */
bool lab_ping(const char *address, uint16_t id);

/* Runs FN in a child as an ordinary user: its result, 0..100. */
int lab_as_nobody(int (*fn)(void *arg), void *arg);

#endif
