/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The error queue of a datagram socket: ICMP errors as the kernel took them apart, for those who may not hear ICMP
 * itself. What is quoted begins at the transport header (ICMP) or behind it (UDP). Of a raw socket, only what this
 * machine itself says is taken.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "diag/probe_internal.h"

#define IP_QUOTE 20       /* what the queue left away of a quote: the header of IPv4 (without options), of IPv6 */
#define IP6_QUOTE 40
#define EXTENSIONS_OLD 128

/* linux/errqueue.h has it as a union since 5.9. */
struct offset {
	uint16_t length;
	uint8_t flags, reserved;
};

static bool copy_error(struct msghdr *m, struct sock_extended_err *ee, struct pt_addr *from)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
		struct sockaddr_in6 sa;
		size_t n;

		if (!ours || c->cmsg_len < CMSG_LEN(sizeof(*ee)))
			continue;
		memcpy(ee, CMSG_DATA(c), sizeof(*ee));
		memset(&sa, 0, sizeof(sa));
		n = c->cmsg_len - CMSG_LEN(sizeof(*ee));
		memcpy(&sa, CMSG_DATA(c) + sizeof(*ee), n < sizeof(sa) ? n : sizeof(sa));
		*from = address_of((const struct sockaddr *)&sa);
		return true;
	}
	return false;
}

/* The wire number of the probe, by what is quoted of it. */
static uint16_t queued_id(const struct pt_probe *p, size_t n)
{
	if (p->o.how == PT_PROBE_ICMP)
		return n >= PROBE_ICMP_HEADER ? probe_get16(p->in + 6) : 0;
	if (n >= PROBE_DATA_MARK && !memcmp(p->in + 2, p->magic, sizeof(p->magic)))
		return probe_get16(p->in + 6);
	return 0;
}

/* Where extensions begin in what we have: told by the kernel, which checked them, or where they were before RFC 4884.
 */
static void read_labels(const struct pt_probe *p, const struct sock_extended_err *ee, size_t n,
			struct pt_probe_answer *a)
{
	size_t left_away = (probe_is6(p) ? IP6_QUOTE : IP_QUOTE) + (p->o.how == PT_PROBE_UDP ? 8u : 0u);
	struct offset o;

	memcpy(&o, &ee->ee_data, sizeof(o));
	if (!o.length || o.flags || o.length > n)
		o.length = (uint16_t)(EXTENSIONS_OLD - left_away);
	if (o.length < n)
		a->n_labels = pt_icmp_labels(p->in + o.length, n - o.length, a->labels);
}

static int on_error(struct pt_probe *p, const struct sock_extended_err *ee, struct pt_addr from, size_t n,
		    const struct probe_beside *b, pt_probe_fn fn, void *arg)
{
	struct pt_probe_answer a = { .kind = PT_PROBE_ERROR,
				     .from = from,
				     .ttl = b->ttl,
				     .type = ee->ee_type,
				     .code = ee->ee_code,
				     .size = n };
	uint16_t id = queued_id(p, n);

	if (ee->ee_origin == SO_EE_ORIGIN_LOCAL) {
		if (ee->ee_errno == EMSGSIZE && ee->ee_info)
			p->local_mtu = ee->ee_info;
		return 0; /* sendmsg(2) told it, too */
	}
	/* The kernel queues redirects as well. */
	if (p->raw || p->fd_icmp >= 0 || !id || from.af != p->o.to.af || !probe_has_ended(from.af, a.type))
		return 0;
	if (probe_too_big(p->o.to.af, a.type, a.code))
		a.mtu = ee->ee_info;
	read_labels(p, ee, n, &a);
	return probe_tell(p, id, b->real, &a, fn, arg);
}

static int on_message(struct pt_probe *p, int fd, struct msghdr *m, size_t n, pt_probe_fn fn, void *arg)
{
	struct sock_extended_err ee;
	struct probe_beside b;
	struct pt_addr from;

	(void)fd;
	if (!copy_error(m, &ee, &from))
		return 0;
	probe_beside(m, &b);
	return on_error(p, &ee, from, n, &b, fn, arg);
}

int probe_queue_receive(struct pt_probe *p, pt_probe_fn fn, void *arg)
{
	return probe_each(p, p->fd_send, MSG_ERRQUEUE, on_message, fn, arg);
}
