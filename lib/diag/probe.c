/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes go out, numbered; each is remembered until 65,535 later ones are gone. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "diag/probe_internal.h"

#define SEND_TRIES 8 /* an error of an earlier probe waits in front of the next send */

int64_t probe_now(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint16_t probe_wire_id(uint64_t number)
{
	return (uint16_t)((number - 1) % PT_PROBE_WINDOW + 1);
}

struct probe_slot *probe_slot_of(struct pt_probe *p, uint16_t wire_id)
{
	struct probe_slot *s = wire_id ? &p->slots[wire_id - 1] : NULL;

	return s && s->number ? s : NULL;
}

static int set_ttl(struct pt_probe *p, uint8_t ttl)
{
	int rc;

	if (!ttl)
		ttl = p->ttl_of_system;
	if (ttl == p->ttl)
		return 0;
	rc = probe_is6(p) ? probe_set(p->fd_send, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl) :
			    probe_set(p->fd_send, IPPROTO_IP, IP_TTL, ttl);
	if (!rc)
		p->ttl = ttl;
	return rc;
}

/* These are told of probes that are long gone; the queue has them with all that belongs to them. */
static bool may_be_old(int error)
{
	static const int old[] = { ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPROTO, ENOPROTOOPT,
				   EOPNOTSUPP, EMSGSIZE, EHOSTDOWN, EACCES, ENONET };

	for (size_t i = 0; i < PT_ARRAY_SIZE(old); i++)
		if (old[i] == error)
			return true;
	return false;
}

static int send_bytes(struct pt_probe *p, size_t n)
{
	int error = 0, before;

	for (unsigned int i = 0; i < SEND_TRIES; i++) {
		before = error;
		if (sendto(p->fd_send, p->out, n, MSG_NOSIGNAL, (const struct sockaddr *)&p->to, p->to_len) >= 0)
			return 0;
		error = errno;
		if (error == EINTR)
			continue;
		/* The same twice without a pause is about this one. */
		if (!may_be_old(error) || before == error)
			break;
	}
	return -error;
}

int pt_probe_send(struct pt_probe *p, uint8_t ttl, uint32_t size, uint64_t tag, uint64_t *number)
{
	uint16_t wire_id = probe_wire_id(++p->sent);
	struct probe_slot *s = &p->slots[wire_id - 1];
	size_t n;
	int rc;

	*number = p->sent;
	*s = (struct probe_slot){ .number = p->sent, .tag = tag, .size = size };
	rc = set_ttl(p, ttl);
	if (rc)
		return rc;
	n = probe_packet(p, p->out, size <= PT_PROBE_SIZE_MAX ? size : PT_PROBE_SIZE_MAX, wire_id);
	s->mono = probe_now(CLOCK_MONOTONIC);
	s->real = probe_now(CLOCK_REALTIME);
	rc = send_bytes(p, n);
	if (rc)
		s->number = 0; /* nothing can answer it */
	return rc;
}

nfds_t pt_probe_fds(const struct pt_probe *p, struct pollfd fds[PT_PROBE_FDS])
{
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = p->fd_send, .events = POLLIN };
	if (p->fd_icmp >= 0)
		fds[n++] = (struct pollfd){ .fd = p->fd_icmp, .events = POLLIN };
	return n;
}
