/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets with an end to their patience. None ever blocks: what does not come is waited for with poll(2) until a moment
 * of the monotonic clock, so that a server that sends a byte a second cannot hold anybody up.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "diag/stream.h"

int64_t stream_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int stream_wait(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int n;

	do {
		left = until - stream_now();
		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)((left + 999) / 1000));
	} while (!n || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static int bind_to(int fd, struct pt_addr from)
{
	struct sockaddr_storage sa;
	socklen_t n = sockaddr_of(from, 0, 0, &sa);

	return bind(fd, (struct sockaddr *)&sa, n) ? -errno : 0;
}

int stream_socket(int af, int type, struct pt_addr from, const char *on, int *fd)
{
	int one = 1, rc = 0, s = socket(af, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -errno;
	if ((af == AF_INET6 && setsockopt(s, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one))) ||
	    (af == AF_INET && setsockopt(s, IPPROTO_IP, IP_RECVERR, &one, sizeof(one))))
		rc = -errno;
	if (!rc && on && setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, on, (socklen_t)strlen(on)))
		rc = -errno;
	if (!rc && from.af != PT_AF_NONE)
		rc = bind_to(s, from);
	if (rc)
		close(s);
	else
		*fd = s;
	return rc;
}

int stream_connected(int fd, int64_t until)
{
	int error = 0, rc = stream_wait(fd, POLLOUT, until);
	socklen_t n = sizeof(error);

	if (!rc && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
		rc = -errno;
	return rc ? rc : -error;
}

ssize_t stream_read(struct stream *s, void *buf, size_t n)
{
	if (s->tls)
		return tls_read(s->tls, buf, n, s->until);
	for (;;) {
		ssize_t got = recv(s->fd, buf, n, 0);
		int rc;

		if (got >= 0)
			return got;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = stream_wait(s->fd, POLLIN, s->until);
		if (rc)
			return rc;
	}
}

int stream_write(struct stream *s, const void *buf, size_t n)
{
	const uint8_t *p = buf;

	while (n) {
		ssize_t put = s->tls ? tls_write(s->tls, p, n, s->until) : send(s->fd, p, n, MSG_NOSIGNAL);
		int rc = 0;

		if (put < 0 && s->tls)
			return (int)put;
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (put < 0)
			rc = stream_wait(s->fd, POLLOUT, s->until);
		if (rc)
			return rc;
		p += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
	return 0;
}

void stream_close(struct stream *s)
{
	if (s->tls)
		tls_end(s->tls);
	if (s->fd >= 0)
		close(s->fd);
	s->tls = NULL;
	s->fd = -1;
}

static void take_error(const struct cmsghdr *c, struct pt_dial_icmp *out, int *error)
{
	struct sock_extended_err x;

	memcpy(&x, CMSG_DATA(c), sizeof(x));
	*error = (int)x.ee_errno;
	if (x.ee_origin != SO_EE_ORIGIN_ICMP && x.ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	out->there = true;
	out->af = x.ee_origin == SO_EE_ORIGIN_ICMP6 ? PT_AF_INET6 : PT_AF_INET;
	out->type = x.ee_type;
	out->code = x.ee_code;
	if (c->cmsg_len >= CMSG_LEN(sizeof(x) + sizeof(struct sockaddr_in)))
		out->from = address_of(SO_EE_OFFENDER((const struct sock_extended_err *)CMSG_DATA(c)));
}

int icmp_read(int fd, struct pt_dial_icmp *out)
{
	_Alignas(struct cmsghdr) char control[512];
	char data[64];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int error = 0;

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			take_error(c, out, &error);
	return error;
}
