/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets of a test: none of them blocks, and each is as the test wants it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "diag/iperf.h"
#include "diag/stream.h"

struct pt_addr iperf_peer(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return pt_addr_from_bytes((const uint8_t *)&v6->sin6_addr + 12, 4);
	return address_of((const struct sockaddr *)sa);
}

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

static int set_tos(int fd, int af, int tos)
{
	int rc = af == AF_INET6 ? set(fd, IPPROTO_IPV6, IPV6_TCLASS, tos) : 0;
	int old = set(fd, IPPROTO_IP, IP_TOS, tos);

	/* IPv4 in IPv6 takes it from the option of IPv4. */
	return af == AF_INET6 ? rc : old;
}

static int set_tcp(const struct iperf_run *r, int fd)
{
	const struct pt_iperf_test *t = &r->test;
	int rc = 0;

	if (t->congestion[0] &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, t->congestion, (socklen_t)strlen(t->congestion))) {
		rc = -errno;
		pt_err_add(r->e, PT_ERROR, NULL,
			   "/proc/sys/net/ipv4/tcp_allowed_congestion_control has those that everybody may use",
			   "congestion control %s: %s", t->congestion, strerror(-rc));
		return rc;
	}
	if (t->no_delay)
		rc = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (!rc && t->mss)
		rc = set(fd, IPPROTO_TCP, TCP_MAXSEG, (int)t->mss);
	return rc ? pt_err_sys(r->e, rc, "options of TCP") : 0;
}

int iperf_options(const struct iperf_run *r, int fd, int af)
{
	const struct pt_iperf_test *t = &r->test;
	int rc = 0;

	if (t->window)
		rc = set(fd, SOL_SOCKET, SO_SNDBUF, (int)t->window);
	if (!rc && t->window)
		rc = set(fd, SOL_SOCKET, SO_RCVBUF, (int)t->window);
	if (!rc && t->tos)
		rc = set_tos(fd, af, t->tos);
	if (rc)
		return pt_err_sys(r->e, rc, "options of a stream");
	return t->udp ? 0 : set_tcp(r, fd);
}

int iperf_socket(const struct iperf_run *r, int af, bool udp, int *fd)
{
	*fd = socket(af, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *fd < 0 ? pt_err_sys(r->e, -errno, "making a socket") : 0;
}
