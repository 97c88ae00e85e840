/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does somebody else have an IPv4 address of ours? RFC 5227: ARP probes, whose sender has no address yet, so that nobody's table
 * changes; who answers has it. For IPv6 the kernel asks itself, and check_address_failed() tells.
 */
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "diag/finding.h"

#define ASKED_MAX 64
#define WAIT 600 /* milliseconds for all of them */

struct arp {
	uint16_t hardware, protocol;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t sender[6], sender_ip[4], target[6], target_ip[4];
} __attribute__((packed));

static int open_one(struct finding_look *l, const struct pt_address *a, const struct pt_link *k)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)k->index };
	struct finding_arp x = { .a = a };

	memcpy(x.mac, k->mac, sizeof(x.mac));
	x.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x.fd < 0)
		return 0; /* the check says so: it has none */
	if (bind(x.fd, (struct sockaddr *)&to, sizeof(to)) || pt_vec_push(l->arena, &l->arps, x))
		close(x.fd);
	return 0;
}

int finding_open_conflict(struct finding_look *l)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->addresses.v.n && l->arps.n < ASKED_MAX; i++) {
		const struct pt_address *a = &l->addresses.v.v[i];
		const struct pt_link *k = pt_links_index(&l->links, a->index);

		if (a->prefix.addr.af == PT_AF_INET && k && k->running && k->has_mac &&
		    !(k->flags & (IFF_LOOPBACK | IFF_NOARP | IFF_POINTOPOINT)))
			rc = open_one(l, a, k);
	}
	return rc;
}

static void ask(const struct finding_arp *x)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)x->a->index, .sll_halen = 6,
				  .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	struct arp p = { .hardware = htons(1), .protocol = htons(ETH_P_IP), .hardware_size = 6, .protocol_size = 4, .operation = htons(1) };

	memcpy(p.sender, x->mac, sizeof(p.sender));
	pt_addr_to_bytes(x->a->prefix.addr, p.target_ip);
	/* Lost ones are asked again. */
	(void)!sendto(x->fd, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to));
}

/* A frame of somebody else that speaks for our address. */
static bool is_other(const struct finding_arp *x, uint8_t mac[6])
{
	uint8_t ours[4];
	struct arp p;

	pt_addr_to_bytes(x->a->prefix.addr, ours);
	for (;;) {
		ssize_t n = recv(x->fd, &p, sizeof(p), 0);

		if (n < 0)
			return false;
		if (n < (ssize_t)sizeof(p) || p.hardware_size != 6 || p.protocol_size != 4 || p.protocol != htons(ETH_P_IP))
			continue;
		if (memcmp(p.sender_ip, ours, 4) != 0 || !memcmp(p.sender, x->mac, 6))
			continue;
		memcpy(mac, p.sender, 6);
		return true;
	}
}

static bool is_ours(const struct finding_look *l, const uint8_t mac[6])
{
	for (size_t i = 0; i < l->links.v.n; i++)
		if (l->links.v.v[i].has_mac && !memcmp(l->links.v.v[i].mac, mac, 6))
			return true;
	return false;
}

static int tell(struct finding_look *l, const struct pt_check *c, const struct finding_arp *x, const uint8_t m[6])
{
	struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = x->a->device };
	char text[64];

	finding_address(x->a->prefix.addr, text);
	(void)snprintf(s.text, sizeof(s.text), "somebody else on %s has the address %s of this machine, too", x->a->device, text);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%02x:%02x:%02x:%02x:%02x:%02x answers ARP for it", m[0], m[1], m[2], m[3], m[4], m[5]);
	(void)snprintf(s.next, sizeof(s.next), "ptdiag capture on %s filter arp", x->a->device);
	return finding_tell(l, c, &s);
}

int check_address_conflict(struct finding_look *l, const struct pt_check *c)
{
	uint8_t mac[6];
	int rc = 0;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < l->arps.n; i++)
			ask(&l->arps.v[i]);
		if (l->arps.n)
			(void)poll(NULL, 0, WAIT / 2);
	}
	for (size_t i = 0; !rc && i < l->arps.n; i++)
		if (is_other(&l->arps.v[i], mac) && !is_ours(l, mac))
			rc = tell(l, c, &l->arps.v[i], mac);
	return rc;
}
