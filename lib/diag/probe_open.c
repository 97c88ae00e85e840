/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of the engine. All that needs a privilege happens here, so that a caller can give it away afterwards.
 *
 * Echo requests go by a datagram socket where the kernel lets us (net.ipv4.ping_group_range), else by a raw one. UDP
 * needs nothing to be sent; its errors are heard whole by a raw ICMP socket where that is allowed, else by the error
 * queue, as far as routers quote the data. SYNs without a connection need a raw socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>

#include "diag/probe_internal.h"

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IPV6_RECVERR_RFC4884
#define IPV6_RECVERR_RFC4884 31
#endif

bool probe_is6(const struct pt_probe *p)
{
	return p->o.to.af == PT_AF_INET6;
}

int probe_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* ---- what every socket is told ---- */

/* Where packets go and where from; needs a privilege for a mark, and on old kernels for a device. */
static int set_way(const struct pt_probe *p, int fd, struct pt_err *e)
{
	const struct pt_probe_options *o = &p->o;

	if (o->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->device, (socklen_t)strlen(o->device)))
		return pt_err_sys(e, -errno, "binding to the device %s", o->device);
	if (o->marked && probe_set(fd, SOL_SOCKET, SO_MARK, (int)o->mark))
		return pt_err_sys(e, -errno, "setting the mark %u%s", o->mark,
				  errno == EPERM ? ", which needs CAP_NET_ADMIN" : "");
	if (o->tos >= 0 &&
	    (probe_is6(p) ? probe_set(fd, IPPROTO_IPV6, IPV6_TCLASS, o->tos) :
			    probe_set(fd, IPPROTO_IP, IP_TOS, o->tos)))
		return pt_err_sys(e, -errno, "setting the type of service %d", o->tos);
	return 0;
}

static int set_fragmenting(const struct pt_probe *p, int fd)
{
	int how = p->o.probe_mtu ? IP_PMTUDISC_PROBE : p->o.df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
	int rc;

	if (!probe_is6(p))
		return probe_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, how);
	if (how == IP_PMTUDISC_DONT)
		return 0; /* IPv6 fragments at its source, to the path MTU */
	rc = probe_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, how);
	return rc ? rc : probe_set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
}

/* Time and distance of what comes; neither is worth failing for. */
static void set_hearing(const struct pt_probe *p, int fd)
{
	(void)probe_set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	(void)probe_set(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	if (probe_is6(p))
		(void)probe_set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	else
		(void)probe_set(fd, IPPROTO_IP, IP_RECVTTL, 1);
}

static int set_errors(const struct pt_probe *p, int fd)
{
	if (probe_is6(p)) {
		(void)probe_set(fd, IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 1);
		return probe_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	}
	(void)probe_set(fd, IPPROTO_IP, IP_RECVERR_RFC4884, 1);
	return probe_set(fd, IPPROTO_IP, IP_RECVERR, 1);
}

static int new_socket(const struct pt_probe *p, int type, int protocol)
{
	int fd = socket(probe_is6(p) ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}

/* ---- the way to the host, before anything is sent ---- */

static int bind_to(const struct pt_probe *p, int fd, struct pt_addr from, struct pt_err *e)
{
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of(from, 0, p->o.zone, &sa);
	struct pt_buf text = { 0 };
	int rc;

	if (!bind(fd, (const struct sockaddr *)&sa, len))
		return 0;
	rc = -errno;
	pt_addr_fmt(&text, from);
	rc = pt_err_sys(e, rc, "binding to the address %s", text.s ? text.s : "");
	pt_buf_fini(&text);
	return rc;
}

/* A host is one: who sends to nobody, or to many, gets no answer that a connected socket would hear. */
static const char *no_host(const struct pt_probe *p)
{
	uint8_t b[16] = { 0 };
	size_t n = probe_is6(p) ? 16 : 4, used = 0;

	pt_addr_to_bytes(p->o.to, b);
	for (size_t i = 0; i < n; i++)
		used += b[i] != 0;
	if (!used)
		return "no host has this address";
	if (n == 16 ? b[0] == 0xff : b[0] >> 4 == 0xe)
		return "this is a multicast address: probes go to one host";
	if (n == 16 && b[0] == 0xfe && b[1] >> 6 == 2 && !p->o.zone && !p->o.device)
		return "such addresses are on every link: say which one, as in fe80::1%eth0";
	return NULL;
}

/* The kernel says no to a broadcast address in the words of a route that prohibits; with the leave to broadcast it does
 * not. */
static bool is_broadcast(const struct pt_probe *p)
{
	return !probe_is6(p) && !probe_set(p->fd_route, SOL_SOCKET, SO_BROADCAST, 1) &&
	       !connect(p->fd_route, (const struct sockaddr *)&p->to, p->to_len);
}

/* What the kernel says, in the words of who made the route. An address of ours that cannot go there is EINVAL, too. */
static const char *no_route(const struct pt_probe *p, int code)
{
	if (code == -EACCES)
		return "a route of this machine prohibits it";
	if (code == -EHOSTUNREACH)
		return "a route of this machine says that it cannot be reached";
	return code == -EINVAL && p->o.from.af == PT_AF_NONE ?
		"a route of this machine drops what goes there (blackhole)" :
		NULL;
}

static int say_no_way(const struct pt_probe *p, int code, struct pt_err *e)
{
	struct pt_buf text = { 0 }, hint = { 0 };
	const char *words = no_route(p, code), *to;

	pt_addr_fmt(&text, p->o.to);
	to = text.s ? text.s : "it";
	pt_buf_fmt(&hint, "`ptdiag route get %s` shows it", to);
	if (code == -EACCES && is_broadcast(p)) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s is a broadcast address: probes go to one host", to);
		code = -EINVAL;
	} else if (words) {
		pt_err_add(e, PT_ERROR, NULL, hint.s, "%s: %s", to, words);
		code = -EHOSTUNREACH;
	} else {
		code = pt_err_sys(e, code, "finding the way to %s", to);
	}
	pt_buf_fini(&text);
	pt_buf_fini(&hint);
	return code;
}

static int check_host(const struct pt_probe *p, struct pt_err *e)
{
	const char *words = no_host(p);
	struct pt_buf text = { 0 };

	if (!words)
		return 0;
	pt_addr_fmt(&text, p->o.to);
	pt_err_add(e, PT_ERROR, NULL, NULL, "%s: %s", text.s ? text.s : "it", words);
	pt_buf_fini(&text);
	return -EINVAL;
}

/* A socket that is connected and silent tells which address we have there. */
static int find_way(struct pt_probe *p, struct pt_err *e)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	int rc = check_host(p, e);

	if (rc)
		return rc;
	p->fd_route = new_socket(p, SOCK_DGRAM, 0);
	if (p->fd_route < 0)
		return pt_err_sys(e, p->fd_route, "opening a socket");
	rc = set_way(p, p->fd_route, e);
	if (!rc && p->o.from.af != PT_AF_NONE)
		rc = bind_to(p, p->fd_route, p->o.from, e);
	if (rc)
		return rc;
	p->to_len = sockaddr_of(p->o.to, 9, p->o.zone, &p->to);
	if (connect(p->fd_route, (const struct sockaddr *)&p->to, p->to_len))
		return say_no_way(p, -errno, e);
	if (getsockname(p->fd_route, (struct sockaddr *)&sa, &len))
		return pt_err_sys(e, -errno, "asking for our address");
	p->source = address_of((const struct sockaddr *)&sa);
	return 0;
}

/* ---- one socket for each way of asking ---- */

static int filter_icmp(const struct pt_probe *p, int fd)
{
	static const uint8_t types6[] = { ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED,
					  ICMP6_PARAM_PROB, ICMP6_ECHO_REPLY };
	struct icmp6_filter f6;
	struct icmp_filter f4 = { .data = ~(1u << ICMP_ECHOREPLY | 1u << ICMP_DEST_UNREACH | 1u << ICMP_SOURCE_QUENCH |
					    1u << ICMP_TIME_EXCEEDED | 1u << ICMP_PARAMETERPROB) };

	if (!probe_is6(p))
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &f4, sizeof(f4)) ? -errno : 0;
	ICMP6_FILTER_SETBLOCKALL(&f6);
	for (size_t i = 0; i < PT_ARRAY_SIZE(types6); i++)
		ICMP6_FILTER_SETPASS(types6[i], &f6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f6, sizeof(f6)) ? -errno : 0;
}

/* A descriptor, or -errno without a record: the caller may know another way. */
static int open_raw_icmp(const struct pt_probe *p)
{
	int fd = new_socket(p, SOCK_RAW, probe_is6(p) ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	int rc = fd < 0 ? fd : filter_icmp(p, fd);

	if (rc < 0 && fd >= 0)
		close(fd);
	if (rc >= 0)
		set_hearing(p, fd);
	return rc < 0 ? rc : fd;
}

static int needs_raw(int rc, const char *what, struct pt_err *e)
{
	bool forbidden = rc == -EPERM || rc == -EACCES;

	return pt_err_sys(e, forbidden ? -EPERM : rc, "opening a raw socket for %s%s", what,
			  forbidden ? " needs CAP_NET_RAW" : "");
}

static int open_icmp(struct pt_probe *p, struct pt_err *e)
{
	int datagram = p->o.whole ? -EACCES : new_socket(p, SOCK_DGRAM, probe_is6(p) ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	int rc;

	p->fd_send = datagram >= 0 ? datagram : open_raw_icmp(p);
	p->raw = datagram < 0;
	if (p->fd_send < 0 && p->o.whole) { /* without the rest of the message, then */
		rc = p->fd_send;
		p->fd_send = new_socket(p, SOCK_DGRAM, probe_is6(p) ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		p->raw = false;
		if (p->fd_send < 0)
			p->fd_send = rc;
	}
	return p->fd_send < 0 ? needs_raw(p->fd_send, "ICMP", e) : 0;
}

static int open_udp(struct pt_probe *p, struct pt_err *e)
{
	p->fd_send = new_socket(p, SOCK_DGRAM, 0);
	if (p->fd_send < 0)
		return pt_err_sys(e, p->fd_send, "opening a socket for UDP");
	p->fd_icmp = open_raw_icmp(p);
	if (p->fd_icmp < 0)
		p->fd_icmp = -1;
	return 0;
}

/* Only answers to us: a busy machine has many other segments. */
static int filter_tcp(const struct pt_probe *p)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, p->o.port, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, p->id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = PT_ARRAY_SIZE(code), .filter = code };

	if (probe_is6(p)) /* its raw sockets begin behind the IP header */
		code[0] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0);
	return setsockopt(p->fd_send, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int ask_port(struct pt_probe *p, int fd, struct pt_err *e)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, (struct sockaddr *)&sa, &len))
		return pt_err_sys(e, -errno, "asking for our port");
	p->id = ntohs(sa.sin6_port); /* in the same place in both families */
	return 0;
}

/* A port that nobody else gets meanwhile: that of a socket that never connects. */
static int hold_port(struct pt_probe *p, struct pt_err *e)
{
	int rc;

	close(p->fd_route);
	p->fd_route = new_socket(p, SOCK_STREAM, 0);
	if (p->fd_route < 0)
		return pt_err_sys(e, p->fd_route, "opening a socket for TCP");
	rc = bind_to(p, p->fd_route, p->source, e);
	return rc ? rc : ask_port(p, p->fd_route, e);
}

static int open_tcp(struct pt_probe *p, struct pt_err *e)
{
	int rc = hold_port(p, e);

	if (rc)
		return rc;
	p->raw = true;
	p->fd_send = new_socket(p, SOCK_RAW, IPPROTO_TCP);
	if (p->fd_send < 0)
		return needs_raw(p->fd_send, "TCP", e);
	p->fd_icmp = open_raw_icmp(p);
	if (p->fd_icmp < 0)
		return needs_raw(p->fd_icmp, "ICMP", e);
	rc = filter_tcp(p);
	return rc ? pt_err_sys(e, rc, "filtering the answers") : 0;
}

static int open_by_way(struct pt_probe *p, struct pt_err *e)
{
	static int (*const openers[])(struct pt_probe *p, struct pt_err *e) = {
		[PT_PROBE_UDP] = open_udp, [PT_PROBE_ICMP] = open_icmp, [PT_PROBE_TCP] = open_tcp,
	};
	int rc = openers[p->o.how](p, e);

	if (!rc)
		rc = set_way(p, p->fd_send, e);
	/* Bound in any case: the checksums are those of this address, whatever becomes of the routes. */
	if (!rc)
		rc = bind_to(p, p->fd_send, p->source, e);
	if (!rc && (set_fragmenting(p, p->fd_send) || set_errors(p, p->fd_send)))
		rc = pt_err_sys(e, -errno, "preparing the socket");
	if (rc)
		return rc;
	set_hearing(p, p->fd_send);
	if (!p->raw)
		rc = ask_port(p, p->fd_send, e);
	p->to_len = sockaddr_of(p->o.to, p->o.how == PT_PROBE_UDP ? p->o.port : 0, p->o.zone, &p->to);
	return rc;
}

static int ttl_of_system(const struct pt_probe *p)
{
	int ttl = 64;
	socklen_t len = sizeof(ttl);

	if (probe_is6(p))
		(void)getsockopt(p->fd_send, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, &len);
	else
		(void)getsockopt(p->fd_send, IPPROTO_IP, IP_TTL, &ttl, &len);
	return ttl > 0 && ttl < 256 ? ttl : 64;
}

int pt_probe_open(const struct pt_probe_options *o, struct pt_probe **out, struct pt_err *e)
{
	struct pt_probe *p = calloc(1, sizeof(*p));
	int rc = 0;

	*out = NULL;
	if (!p)
		return pt_err_sys(e, -ENOMEM, "preparing the probes");
	p->fd_send = p->fd_icmp = p->fd_route = -1;
	p->o = *o;
	p->slots = calloc(PT_PROBE_WINDOW, sizeof(*p->slots));
	p->out = malloc(PROBE_BUFFER);
	p->in = malloc(PROBE_BUFFER);
	p->expected = malloc(PROBE_BUFFER);
	if (!p->slots || !p->out || !p->in || !p->expected)
		rc = pt_err_sys(e, -ENOMEM, "preparing the probes");
	else if (getrandom(p->magic, sizeof(p->magic), 0) != sizeof(p->magic) ||
		 getrandom(&p->base, sizeof(p->base), 0) != sizeof(p->base) ||
		 getrandom(&p->id, sizeof(p->id), 0) != sizeof(p->id))
		rc = pt_err_sys(e, -errno, "drawing random numbers");
	if (!rc && o->from.af != PT_AF_NONE && o->from.af != o->to.af) {
		pt_err_add(e, PT_ERROR, NULL, "-4 and -6 choose the family of a name's address",
			   "the source address is not of the same family as the host's");
		rc = -EINVAL;
	}
	if (!rc)
		rc = find_way(p, e);
	if (!rc)
		rc = open_by_way(p, e);
	if (rc) {
		pt_probe_close(p);
		return rc;
	}
	p->ttl = p->ttl_of_system = (uint8_t)ttl_of_system(p);
	*out = p;
	return 0;
}

void pt_probe_close(struct pt_probe *p)
{
	if (!p)
		return;
	if (p->fd_send >= 0)
		close(p->fd_send);
	if (p->fd_icmp >= 0)
		close(p->fd_icmp);
	if (p->fd_route >= 0)
		close(p->fd_route);
	free(p->slots);
	free(p->out);
	free(p->in);
	free(p->expected);
	free(p);
}

struct pt_addr pt_probe_source(const struct pt_probe *p)
{
	return p->source;
}

uint32_t pt_probe_mtu(const struct pt_probe *p)
{
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (p->local_mtu)
		return p->local_mtu;
	if (probe_is6(p) ? getsockopt(p->fd_route, IPPROTO_IPV6, IPV6_MTU, &mtu, &len) :
			   getsockopt(p->fd_route, IPPROTO_IP, IP_MTU, &mtu, &len))
		return 0;
	return mtu > 0 ? (uint32_t)mtu : 0;
}
