/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does somebody else have an address of ours? Everybody is asked, and who answers has it. The kernel asks, too, but
 * only when an address of IPv6 is set, and not where it is told not to; what it was told is check_address_failed()'s.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag/finding.h"

#define ASKED_MAX 64
#define WAIT 600     /* milliseconds for all of them */
#define HEARD_MAX 512 /* packets that are looked at for one address: a flood must not keep us */

/* Nothing but solicitations and advertisements: the rest of what is received here would fill the queue. */
static int take_ndp(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct ip6_hdr, ip6_nxt)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct ip6_hdr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = PT_ARRAY_SIZE(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static struct sockaddr_ll link_of(const struct pt_address *a)
{
	return (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = (int)a->index, .sll_halen = 6,
				     .sll_protocol = htons(a->prefix.addr.af == PT_AF_INET ? ETH_P_ARP : ETH_P_IPV6) };
}

static int open_one(struct finding_look *l, const struct pt_address *a, const struct pt_link *k)
{
	struct sockaddr_ll link = link_of(a);
	struct finding_asked x = { .a = a };

	memcpy(x.mac, k->mac, sizeof(x.mac));
	x.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x.fd < 0) {
		l->cannot_ask = errno;
		return 0;
	}
	if ((a->prefix.addr.af == PT_AF_INET6 && take_ndp(x.fd)) ||
	    bind(x.fd, (struct sockaddr *)&link, sizeof(link))) {
		l->cannot_ask = errno;
		close(x.fd);
		return 0;
	}
	if (!pt_vec_push(l->arena, &l->asked, x))
		return 0;
	close(x.fd);
	return -ENOMEM;
}

int finding_open_conflict(struct finding_look *l)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->addresses.v.n && l->asked.n < ASKED_MAX; i++) {
		const struct pt_address *a = &l->addresses.v.v[i];
		const struct pt_link *k = pt_links_index(&l->links, a->index);

		if (a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) || !k || !k->running || !k->has_mac)
			continue;
		if (!(k->flags & (IFF_LOOPBACK | IFF_NOARP | IFF_POINTOPOINT)))
			rc = open_one(l, a, k);
	}
	return rc;
}

static void ask(const struct finding_asked *x)
{
	struct sockaddr_ll to = link_of(x->a);
	uint8_t question[FINDING_QUESTION];
	size_t n = finding_question(x->a->prefix.addr, x->mac, question, to.sll_addr);

	/* Lost ones are asked again. */
	(void)!sendto(x->fd, question, n, 0, (struct sockaddr *)&to, sizeof(to));
}

static bool is_ours(const struct finding_look *l, const uint8_t mac[6])
{
	for (size_t i = 0; i < l->links.v.n; i++)
		if (l->links.v.v[i].has_mac && !memcmp(l->links.v.v[i].mac, mac, 6))
			return true;
	return false;
}

/* What somebody else says of our address: that he has it counts more than that he wants it. */
static enum finding_claim hear(const struct finding_look *l, const struct finding_asked *x, uint8_t mac[6])
{
	enum finding_claim worst = FINDING_NO_CLAIM;
	uint8_t packet[2048];

	for (int i = 0; i < HEARD_MAX && worst < FINDING_HAS; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(x->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &size);
		enum finding_claim claim;
		uint8_t who[8];

		if (n < 0)
			break;
		memcpy(who, from.sll_addr, sizeof(who));
		claim = is_ours(l, who) ? FINDING_NO_CLAIM : finding_claims(x->a->prefix.addr, packet, (size_t)n, who);
		if (claim <= worst || is_ours(l, who))
			continue;
		worst = claim;
		memcpy(mac, who, 6);
	}
	return worst;
}

static int tell(struct finding_look *l, const struct pt_check *c, const struct finding_asked *x,
		enum finding_claim claim, const uint8_t m[6])
{
	bool six = x->a->prefix.addr.af == PT_AF_INET6, has = claim == FINDING_HAS;
	struct finding_say s = { .severity = has ? PT_FINDING_ERROR : PT_FINDING_WARNING, .subject = x->a->device };
	char text[64];

	finding_address(x->a->prefix.addr, text);
	(void)snprintf(s.text, sizeof(s.text),
		       has ? "somebody else on %s has the address %s of this machine, too" :
			     "somebody else on %s wants the address %s of this machine",
		       x->a->device, text);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%02x:%02x:%02x:%02x:%02x:%02x %s", m[0], m[1], m[2], m[3], m[4],
		       m[5],
		       !has ? "asks whether it is free" :
			       six ? "answers neighbour discovery for it" :
				     "answers ARP for it");
	(void)snprintf(s.next, sizeof(s.next), "ptdiag capture on %s filter %s", x->a->device, six ? "icmp6" : "arp");
	return finding_tell(l, c, &s);
}

int check_address_conflict(struct finding_look *l, const struct pt_check *c)
{
	enum finding_claim claim;
	uint8_t mac[6];
	int rc = 0;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < l->asked.n; i++)
			ask(&l->asked.v[i]);
		if (l->asked.n)
			(void)poll(NULL, 0, WAIT / 2);
	}
	for (size_t i = 0; !rc && i < l->asked.n; i++) {
		claim = hear(l, &l->asked.v[i], mac);
		if (claim)
			rc = tell(l, c, &l->asked.v[i], claim, mac);
	}
	if (!rc && l->cannot_ask)
		rc = finding_skip(l, c, "%s", l->cannot_ask == EPERM ? "needs CAP_NET_RAW" : strerror(l->cannot_ask));
	return rc;
}
