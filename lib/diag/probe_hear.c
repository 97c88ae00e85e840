/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes back. Anybody may send anything to these sockets: an answer counts only where it carries the number of a
 * probe that was sent, our port or id, and comes from, or is about a packet to, the host that is asked.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "diag/probe_internal.h"

#define AT_ONCE 512 /* packets read in a row: a flood must not keep the caller from his clock */

/* ---- what comes beside a packet ---- */

void probe_beside(struct msghdr *m, struct probe_beside *b)
{
	struct timespec t;
	int ttl;

	*b = (struct probe_beside){ 0 };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(t))) {
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			b->real = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
		} else if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) &&
			   c->cmsg_len >= CMSG_LEN(sizeof(ttl))) {
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
			b->ttl = ttl > 0 && ttl < 256 ? (uint8_t)ttl : 0;
		}
	}
}

/* By the kernel's time stamp, unless the clock was set meanwhile; that cannot be longer than our own clock says. */
static uint64_t round_trip(const struct probe_slot *s, int64_t real)
{
	int64_t by_us = probe_now(CLOCK_MONOTONIC) - s->mono, by_kernel = real - s->real;

	if (real && by_kernel >= 0 && by_kernel <= by_us)
		return (uint64_t)by_kernel;
	return by_us > 0 ? (uint64_t)by_us : 0;
}

int probe_tell(struct pt_probe *p, uint16_t wire_id, int64_t real, struct pt_probe_answer *a, pt_probe_fn fn, void *arg)
{
	struct probe_slot *s = probe_slot_of(p, wire_id);

	if (!s)
		return 0;
	a->number = s->number;
	a->tag = s->tag;
	a->rtt = round_trip(s, real);
	a->local = a->kind == PT_PROBE_ERROR && a->from.af == p->source.af && a->from.v == p->source.v;
	a->duplicate = s->answered;
	s->answered = true;
	return fn(a, arg);
}

/* ---- echo replies ---- */

/* The data came back as it went out? */
static void compare_data(struct pt_probe *p, const struct pt_icmp *m, struct pt_probe_answer *a)
{
	const struct probe_slot *s = probe_slot_of(p, m->seq);
	size_t n;

	if (!s)
		return;
	probe_fill(p, p->expected, s->size, m->seq);
	n = m->n < s->size ? m->n : s->size;
	a->truncated = m->n < s->size;
	for (size_t i = 0; i < n && !a->corrupt; i++)
		if (m->data[i] != p->expected[i]) {
			a->corrupt = true;
			a->bad_at = i;
		}
	if (m->n > s->size && !a->corrupt) {
		a->corrupt = true;
		a->bad_at = s->size;
	}
}

static int on_echo(struct pt_probe *p, const struct pt_icmp *m, int64_t real, struct pt_probe_answer *a, pt_probe_fn fn,
		   void *arg)
{
	uint8_t reply = probe_is6(p) ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;

	if (p->o.how != PT_PROBE_ICMP || m->type != reply || (p->raw && m->id != p->id) || a->from.af != p->o.to.af ||
	    a->from.v != p->o.to.v)
		return 0;
	a->kind = PT_PROBE_REPLY;
	compare_data(p, m, a);
	return probe_tell(p, m->seq, real, a, fn, arg);
}

/* ---- errors, heard whole ---- */

/* The wire number of the probe that is quoted, 0: it is none of ours. */
static uint16_t quoted_id(const struct pt_probe *p, const struct pt_icmp_quote *q)
{
	static const uint8_t protocols[] = { [PT_PROBE_UDP] = IPPROTO_UDP, [PT_PROBE_TCP] = IPPROTO_TCP };
	uint8_t echo = probe_is6(p) ? ICMP6_ECHO_REQUEST : ICMP_ECHO;

	if (!q->has_transport || q->to.af != p->o.to.af || q->to.v != p->o.to.v)
		return 0;
	if (p->o.how == PT_PROBE_ICMP)
		return q->protocol == (probe_is6(p) ? IPPROTO_ICMPV6 : IPPROTO_ICMP) && q->type == echo &&
				q->id == p->id ?
			q->seq :
			0;
	if (q->protocol != protocols[p->o.how] || q->sport != p->id || q->dport != p->o.port)
		return 0;
	if (p->o.how == PT_PROBE_TCP)
		return q->sequence - p->base <= PT_PROBE_WINDOW ? (uint16_t)(q->sequence - p->base) : 0;
	/* A quoted checksum may be unfinished, where a device was to complete it. */
	if (q->n >= PROBE_DATA_MARK)
		return memcmp(q->data + 2, p->magic, sizeof(p->magic)) ? 0 : probe_get16(q->data + 6);
	return q->checksum;
}

static int on_error(struct pt_probe *p, const struct pt_icmp *m, int64_t real, struct pt_probe_answer *a,
		    pt_probe_fn fn, void *arg)
{
	uint16_t id = quoted_id(p, &m->about);

	/* Of an error whose bytes are wrong nothing is known, not even whom it is about; the kernel drops them, too. */
	if (!id || a->corrupt || !probe_has_ended(p->o.to.af, m->type))
		return 0;
	a->kind = PT_PROBE_ERROR;
	a->mtu = m->mtu;
	a->n_labels = m->n_labels;
	memcpy(a->labels, m->labels, sizeof(a->labels));
	return probe_tell(p, id, real, a, fn, arg);
}

/* IPv4's raw sockets give the IP header, too, and checksums that nobody looked at. */
static int on_icmp(struct pt_probe *p, bool raw, size_t n, const struct probe_beside *b, struct pt_addr from,
		   pt_probe_fn fn, void *arg)
{
	struct pt_probe_answer a = { .from = from, .ttl = b->ttl };
	const uint8_t *packet = p->in;
	struct pt_icmp m;
	size_t head;

	if (raw && !probe_is6(p)) {
		head = n >= 20 ? (size_t)(packet[0] & 15) * 4 : 0;
		if (head < 20 || head > n)
			return 0;
		a.ttl = packet[8];
		packet += head;
		n -= head;
	}
	if (pt_icmp_parse(p->o.to.af, packet, n, &m))
		return 0;
	a.type = m.type;
	a.code = m.code;
	a.size = n;
	if (raw && !probe_is6(p) && !pt_icmp_checksum_ok(packet, n)) {
		a.corrupt = true;
		a.bad_at = 0;
	}
	return m.error ? on_error(p, &m, b->real, &a, fn, arg) : on_echo(p, &m, b->real, &a, fn, arg);
}

/* ---- answers of the host to UDP and TCP ---- */

static int on_udp(struct pt_probe *p, size_t n, const struct probe_beside *b, struct pt_addr from, pt_probe_fn fn,
		  void *arg)
{
	struct pt_probe_answer a = { .kind = PT_PROBE_REPLY, .from = from, .ttl = b->ttl, .size = n + 8, .open = true };
	uint16_t id = probe_wire_id(p->sent);

	if (!p->sent || from.af != p->o.to.af || from.v != p->o.to.v)
		return 0;
	/* A service answers with data of its own: then it is taken for the latest probe's. */
	if (n >= PROBE_DATA_MARK && !memcmp(p->in + 2, p->magic, sizeof(p->magic)))
		id = probe_get16(p->in + 6);
	return probe_tell(p, id, b->real, &a, fn, arg);
}

static int on_tcp(struct pt_probe *p, size_t n, const struct probe_beside *b, struct pt_addr from, pt_probe_fn fn,
		  void *arg)
{
	struct pt_probe_answer a = { .kind = PT_PROBE_REPLY, .from = from, .ttl = b->ttl };
	const uint8_t *s = p->in;
	uint32_t id;

	if (!probe_is6(p)) {
		size_t head = n >= 20 ? (size_t)(s[0] & 15) * 4 : 0;

		if (head < 20 || head > n)
			return 0;
		a.ttl = s[8];
		s += head;
		n -= head;
	}
	if (n < 20 || from.af != p->o.to.af || from.v != p->o.to.v || probe_get16(s) != p->o.port ||
	    probe_get16(s + 2) != p->id)
		return 0;
	if (!(s[13] & 0x10) || !(s[13] & 0x06)) /* ACK with SYN or RST */
		return 0;
	id = probe_get32(s + 8) - 1 - p->base;
	if (!id || id > PT_PROBE_WINDOW)
		return 0;
	a.open = s[13] & 0x02;
	a.size = n;
	return probe_tell(p, (uint16_t)id, b->real, &a, fn, arg);
}

/* ---- reading ---- */

int probe_each(struct pt_probe *p, int fd, int flags, probe_message_fn each, pt_probe_fn fn, void *arg)
{
	union {
		struct cmsghdr align;
		char bytes[512];
	} control;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < AT_ONCE; i++) {
		struct sockaddr_storage sa = { 0 };
		struct iovec iov = { p->in, PROBE_BUFFER };
		struct msghdr m = { .msg_name = &sa, .msg_namelen = sizeof(sa), .msg_iov = &iov, .msg_iovlen = 1,
				    .msg_control = &control, .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &m, flags);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			continue; /* an error of a probe, told by the queue, too */
		rc = each(p, fd, &m, (size_t)n, fn, arg);
	}
	return rc;
}

static int on_packet(struct pt_probe *p, int fd, struct msghdr *m, size_t n, pt_probe_fn fn, void *arg)
{
	struct pt_addr from = address_of(m->msg_name);
	struct probe_beside b;

	probe_beside(m, &b);
	if (fd != p->fd_send)
		return on_icmp(p, true, n, &b, from, fn, arg);
	if (p->o.how == PT_PROBE_ICMP)
		return on_icmp(p, p->raw, n, &b, from, fn, arg);
	return p->o.how == PT_PROBE_UDP ? on_udp(p, n, &b, from, fn, arg) : on_tcp(p, n, &b, from, fn, arg);
}

int pt_probe_receive(struct pt_probe *p, pt_probe_fn fn, void *arg)
{
	int rc = probe_queue_receive(p, fn, arg);

	if (!rc)
		rc = probe_each(p, p->fd_send, 0, on_packet, fn, arg);
	if (!rc && p->fd_icmp >= 0)
		rc = probe_each(p, p->fd_icmp, 0, on_packet, fn, arg);
	return rc;
}
