/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/kernel - the seam over a real netlink socket.
 *
 * libmnl opens and binds; receiving is done here because libmnl does not tell who sent a
 * datagram, and a datagram that another process sent must not pass for the kernel's word.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "nl/seam.h"

/* The kernel counts its own bookkeeping against the buffer. */
#define NL_SNDBUF_SPARE ((size_t)4 << 10)
#define NL_RCVBUF (1 << 20)
#define NL_RCVBUF_EVENTS (8 << 20)

/* FORCE needs CAP_NET_ADMIN; without it the administrator's limit rules. */
static void set_buffer(int fd, int force, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) == 0)
		return;
	/* A smaller buffer shows later, as EMSGSIZE or ENOBUFS where it matters. */
	(void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

/* A transaction is one datagram: the send buffer must hold all of it. */
static int grow_sndbuf(struct pt_nl *nl, size_t len)
{
	int got = 0;
	socklen_t size = sizeof(got);

	if (len + NL_SNDBUF_SPARE <= nl->sndbuf)
		return 0;
	if (len > (size_t)INT32_MAX / 2 - NL_SNDBUF_SPARE)
		return -EMSGSIZE;
	set_buffer(nl->fd, SO_SNDBUFFORCE, SO_SNDBUF, (int)(len + NL_SNDBUF_SPARE));
	if (getsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &got, &size) == 0 && got > 0)
		nl->sndbuf = (size_t)got;
	return 0;
}

static int kernel_send(struct pt_nl *nl, const void *data, size_t len)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	ssize_t n;
	int rc = grow_sndbuf(nl, len);

	if (rc < 0)
		return rc;
	do {
		n = sendto(nl->fd, data, len, 0, (struct sockaddr *)&to, sizeof(to));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

static int wait_input(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = poll(&p, 1, timeout_ms);

	if (n < 0)
		return -errno;
	return n == 0 ? -EAGAIN : 0;
}

static ssize_t kernel_recv(struct pt_nl *nl, int timeout_ms, uint32_t *sender)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = nl->buf, .iov_len = NL_BUF_SIZE};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;
	int rc;

	for (;;) {
		msg.msg_name = &from;
		msg.msg_namelen = sizeof(from);
		n = recvmsg(nl->fd, &msg, MSG_DONTWAIT);
		if (n >= 0)
			break;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || timeout_ms == 0)
			return -errno;
		rc = wait_input(nl->fd, timeout_ms);
		if (rc < 0)
			return rc;
	}
	if (msg.msg_namelen != sizeof(from) || (msg.msg_flags & MSG_TRUNC))
		return -EBADMSG;
	*sender = from.nl_pid;
	return n;
}

static int kernel_join(struct pt_nl *nl, unsigned int group)
{
	int g = (int)group;

	set_buffer(nl->fd, SO_RCVBUFFORCE, SO_RCVBUF, NL_RCVBUF_EVENTS);
	if (mnl_socket_setsockopt(nl->priv, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g)) < 0)
		return -errno;
	return 0;
}

static void kernel_close(struct pt_nl *nl)
{
	(void)mnl_socket_close(nl->priv);
}

static const struct nl_ops kernel_ops = {
	.send = kernel_send, .recv = kernel_recv, .join = kernel_join, .close = kernel_close,
};

/* What makes answers precise; kernels without an option only answer less precisely. */
static void set_options(struct mnl_socket *s, int bus)
{
	int on = 1;

	(void)mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &on, sizeof(on));
	if (bus == NETLINK_ROUTE)
		(void)mnl_socket_setsockopt(s, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	set_buffer(mnl_socket_get_fd(s), SO_RCVBUFFORCE, SO_RCVBUF, NL_RCVBUF);
}

static int open_failed(struct pt_err *e, int code, int bus)
{
	pt_err_add(e, PT_ERROR, NULL,
		   bus == NETLINK_NETFILTER ?
			   "the kernel must have netfilter: try \"modprobe nfnetlink\"" : NULL,
		   "cannot open a netlink socket to the kernel's %s: %s",
		   bus == NETLINK_NETFILTER ? "packet filter" : "network configuration",
		   strerror(-code));
	return code;
}

int pt_nl_open(struct pt_nl **out, int bus, struct pt_err *e)
{
	struct mnl_socket *s;
	int rc;

	*out = NULL;
	s = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!s)
		return open_failed(e, -errno, bus);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		rc = -errno;
		goto fail;
	}
	set_options(s, bus);
	rc = nl_new(out, &kernel_ops, s);
	if (rc < 0)
		goto fail;
	(*out)->fd = mnl_socket_get_fd(s);
	(*out)->portid = mnl_socket_get_portid(s);
	return 0;
fail:
	(void)mnl_socket_close(s);
	return open_failed(e, rc, bus);
}
