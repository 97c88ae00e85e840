/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dump - what the kernel alone takes to tell all of something: the question of a dump, every message received, and none looked at.
 * What a command takes above that is its own.
 *
 *   dump neighbours|routes|links|sockets|states
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

/* What these commands ask, too: memory and the queue, congestion control, the state of TCP. */
#define EXTENSIONS (1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1) | 1 << (INET_DIAG_CONG - 1))

static int finish(int fd)
{
	static char buffer[1 << 15];

	for (;;) {
		ssize_t got = recv(fd, buffer, sizeof(buffer), 0);

		if (got < 0)
			return -errno;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
		}
	}
}

static int dump(int protocol, uint16_t type, const void *body, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), rc;
	struct {
		struct nlmsghdr h;
		char body[128];
	} m = { .h = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(size), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	memcpy(m.body, body, size);
	if (fd < 0 || send(fd, &m, m.h.nlmsg_len, 0) < 0)
		return -errno;
	rc = finish(fd);
	close(fd);
	return rc;
}

static int sockets(void)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(families); i++) {
		const struct inet_diag_req_v2 r = { .sdiag_family = families[i], .sdiag_protocol = IPPROTO_TCP,
						    .idiag_ext = EXTENSIONS, .idiag_states = UINT32_MAX };

		rc = dump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, &r, sizeof(r));
	}
	return rc;
}

static int ask(const char *what)
{
	const struct ndmsg neighbours = { 0 };
	const struct rtmsg routes = { .rtm_family = AF_INET };
	const struct ifinfomsg links = { 0 };
	const struct nfgenmsg states = { .version = NFNETLINK_V0 };

	if (!strcmp(what, "neighbours"))
		return dump(NETLINK_ROUTE, RTM_GETNEIGH, &neighbours, sizeof(neighbours));
	if (!strcmp(what, "routes"))
		return dump(NETLINK_ROUTE, RTM_GETROUTE, &routes, sizeof(routes));
	if (!strcmp(what, "links"))
		return dump(NETLINK_ROUTE, RTM_GETLINK, &links, sizeof(links));
	if (!strcmp(what, "states"))
		return dump(NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, &states, sizeof(states));
	return !strcmp(what, "sockets") ? sockets() : -EINVAL;
}

int main(int argc, char **argv)
{
	int rc = argc == 2 ? ask(argv[1]) : -EINVAL;

	if (rc)
		(void)fprintf(stderr, "dump: %s\n", strerror(-rc));
	return rc != 0;
}
