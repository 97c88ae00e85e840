/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The links of the laboratory's hosts, by plain netlink: they stand for machines of others, which nothing of Patronus runs on, and
 * the router's own side is left to the file that the tutorial is about.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <libmnl/libmnl.h>

#include <patronus/nl.h>

#include "tutorial.h"

#define MESSAGE_MAX 1024

static struct nlmsghdr *begin(void *bytes, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return h;
}

static int send_one(struct nlmsghdr *h)
{
	struct pt_err e = { 0 };
	struct pt_nl *nl;
	int rc = pt_nl_open(&nl, NETLINK_ROUTE, &e);

	if (!rc) {
		rc = pt_nl_talk(nl, h, NULL, NULL);
		pt_nl_close(nl);
	}
	pt_err_fini(&e);
	return rc;
}

int lab_link_pair(const char *name, const char *device, pid_t pid)
{
	_Alignas(struct nlmsghdr) char bytes[MESSAGE_MAX] = { 0 };
	struct nlmsghdr *h = begin(bytes, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_str(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, device);
	mnl_attr_put_u32(h, IFLA_NET_NS_PID, (uint32_t)pid);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return send_one(h);
}

int lab_link_up(const char *device)
{
	_Alignas(struct nlmsghdr) char bytes[MESSAGE_MAX] = { 0 };
	struct nlmsghdr *h = begin(bytes, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_index = (int)if_nametoindex(device);
	m->ifi_flags = m->ifi_change = IFF_UP;
	return m->ifi_index ? send_one(h) : -ENODEV;
}

static uint8_t family_of(struct pt_addr a)
{
	return a.af == PT_AF_INET ? AF_INET : AF_INET6;
}

int lab_link_address(const char *device, const char *address, unsigned int length)
{
	_Alignas(struct nlmsghdr) char bytes[MESSAGE_MAX] = { 0 };
	struct nlmsghdr *h = begin(bytes, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	struct pt_addr a;
	int rc = pt_addr_parse(address, &a);

	if (rc)
		return rc;
	m->ifa_family = family_of(a);
	m->ifa_prefixlen = (unsigned char)length;
	m->ifa_index = if_nametoindex(device);
	m->ifa_flags = IFA_F_NODAD; /* nobody else is there, and it is usable at once */
	pt_nl_put_addr(h, IFA_LOCAL, a);
	pt_nl_put_addr(h, IFA_ADDRESS, a);
	return m->ifa_index ? send_one(h) : -EINVAL;
}

int lab_link_gateway(const char *gateway)
{
	_Alignas(struct nlmsghdr) char bytes[MESSAGE_MAX] = { 0 };
	struct nlmsghdr *h = begin(bytes, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	struct pt_addr a;
	int rc = pt_addr_parse(gateway, &a);

	if (rc)
		return rc;
	m->rtm_family = family_of(a);
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	pt_nl_put_addr(h, RTA_GATEWAY, a);
	return send_one(h);
}
