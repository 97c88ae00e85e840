/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_log - see lab_log.h. With libmnl, not with the product's netlink: it is a witness.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

#include "netns/lab.h"
#include "netns/lab_log.h"

static struct nlmsghdr *config(char *buffer, uint16_t group)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(group);
	return h;
}

int lab_log_open(uint16_t group)
{
	struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(2000), .copy_mode = NFULNL_COPY_PACKET };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	char buffer[512];
	struct nlmsghdr *h;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER);

	h = config(buffer, group);
	mnl_attr_put(h, NFULA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(1)); /* each packet at once */
	if (fd < 0 || sendto(fd, h, h->nlmsg_len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		lab_bail("cannot listen to the log");
	return fd;
}

struct message {
	const char *prefix;
	const uint8_t *ip;
	size_t n;
};

static int read_attr(const struct nlattr *a, void *arg)
{
	struct message *m = arg;

	if (mnl_attr_get_type(a) == NFULA_PREFIX)
		m->prefix = mnl_attr_get_str(a);
	if (mnl_attr_get_type(a) == NFULA_PAYLOAD) {
		m->ip = mnl_attr_get_payload(a);
		m->n = mnl_attr_get_payload_len(a);
	}
	return MNL_CB_OK;
}

void lab_log_drain(int fd, void (*fn)(const char *prefix, const uint8_t *ip, size_t n, void *arg), void *arg)
{
	char buffer[16384];
	ssize_t got;
	int left;

	while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)buffer;

		for (left = (int)got; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			struct message m = { .prefix = "" };

			if (h->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
				continue;
			mnl_attr_parse(h, sizeof(struct nfgenmsg), read_attr, &m);
			fn(m.prefix, m.ip, m.n, arg);
		}
	}
}
