/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/sockets - the TCP connections and listeners of this machine, over sock_diag(7). */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include <patronus/net.h>

/* TCP_ESTABLISHED and TCP_LISTEN of the kernel */
#define STATE_ESTABLISHED 1
#define STATE_LISTEN 10

struct listing {
	pt_net_socket_cb cb;
	void *arg;
	unsigned int starts;
};

static void start(void *arg)
{
	struct listing *l = arg;

	l->starts++;
}

/* Addresses come as up to four words in network order; ::ffff:a.b.c.d is IPv4 on an IPv6 socket. */
static struct pt_addr address(uint8_t family, const void *words)
{
	struct pt_addr a = pt_addr_from_bytes(words, family == AF_INET6 ? 16 : 4);

	if (a.af == PT_AF_INET6 && a.v >> 32 == 0xffff)
		a = (struct pt_addr){ .af = PT_AF_INET, .v = (uint32_t)a.v };
	return a;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct listing *l = arg;
	struct pt_net_socket s;

	if (l->starts > 1) /* what was handed out cannot be taken back */
		return -EAGAIN;
	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return 0;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return -EBADMSG;
	s.local = address(m->idiag_family, m->id.idiag_src);
	s.remote = address(m->idiag_family, m->id.idiag_dst);
	s.lport = ntohs(m->id.idiag_sport);
	s.rport = ntohs(m->id.idiag_dport);
	return l->cb(&s, l->arg);
}

static int list_family(struct pt_nl *nl, uint8_t family, unsigned int state, struct listing *l)
{
	uint8_t bytes[128] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = 1u << state;
	l->starts = 0;
	return pt_nl_dump(nl, nlh, start, take, l);
}

static int list(unsigned int state, struct listing *l, const char *what, struct pt_err *e)
{
	struct pt_nl *nl;
	int rc;

	rc = pt_nl_open(&nl, NETLINK_SOCK_DIAG, e);
	if (rc)
		return rc;
	rc = list_family(nl, AF_INET, state, l);
	if (!rc)
		rc = list_family(nl, AF_INET6, state, l);
	pt_nl_close(nl);
	return rc ? pt_err_sys(e, rc, "listing the TCP %s of this machine", what) : 0;
}

int pt_net_tcp_sockets(pt_net_socket_cb cb, void *arg, struct pt_err *e)
{
	struct listing l = { .cb = cb, .arg = arg };

	return list(STATE_ESTABLISHED, &l, "connections", e);
}

int pt_net_tcp_listeners(pt_net_socket_cb cb, void *arg, struct pt_err *e)
{
	struct listing l = { .cb = cb, .arg = arg };

	return list(STATE_LISTEN, &l, "listeners", e);
}
