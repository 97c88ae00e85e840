/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/parse - one rtnetlink message into the snapshot of the machine.
 *
 * What the kernel calls IFA_ADDRESS is the other end on a point-to-point link and the own address
 * elsewhere; IFA_LOCAL is the own address wherever it is given. The prefix length belongs to
 * IFA_ADDRESS.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <patronus/net.h>

#include "net/message.h"

static struct pt_host_if *find_if(struct pt_host *h, uint32_t index)
{
	size_t i;

	/* Addresses come interface by interface: the newest is the likely one. */
	for (i = h->ifs.n; i > 0; i--)
		if (h->ifs.v[i - 1].ifindex == index)
			return &h->ifs.v[i - 1];
	return NULL;
}

/* Does its master take over what arrives? A VRF only has a say in the route. */
static int parse_port(const struct nlattr *linkinfo, bool *port)
{
	const struct nlattr *tb[IFLA_INFO_SLAVE_KIND + 1];
	char kind[16] = "";

	*port = false;
	if (!linkinfo)
		return 0;
	if (pt_nl_nested(linkinfo, tb, PT_ARRAY_SIZE(tb)) < 0 ||
	    pt_nl_get_str(tb[IFLA_INFO_SLAVE_KIND], kind, sizeof(kind)) < 0)
		return -EBADMSG;
	*port = kind[0] && strcmp(kind, "vrf") != 0;
	return 0;
}

static int parse_link(struct pt_host *h, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_LINKINFO + 1];
	struct pt_host_if add = {0}, *have;
	char name[IFNAMSIZ];

	if (pt_nl_attrs(nlh, sizeof(*info), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	/* A bridge tells of its ports in messages of another family. */
	if (info->ifi_family != AF_UNSPEC)
		return 0;
	if (!tb[IFLA_IFNAME] || info->ifi_index <= 0 ||
	    pt_nl_get_str(tb[IFLA_IFNAME], name, sizeof(name)) < 0 || !name[0] ||
	    parse_port(tb[IFLA_LINKINFO], &add.port) < 0)
		return -EBADMSG;
	add.ifindex = (uint32_t)info->ifi_index;
	add.device = pt_arena_strdup(h->arena, name);
	if (!add.device)
		return -ENOMEM;
	have = find_if(h, add.ifindex);
	if (have) {
		have->device = add.device;
		have->port = add.port;
		return 0;
	}
	return pt_vec_push(h->arena, &h->ifs, add);
}

static bool in_prefix(struct pt_addr a, struct pt_addr net, uint8_t len)
{
	struct pt_prefix p = {.addr = net, .len = len};

	return a.v >= pt_prefix_lo(&p) && a.v <= pt_prefix_hi(&p);
}

static int fill_addr(const struct nlattr **tb, enum pt_af af, uint8_t len, struct pt_host_addr *out)
{
	struct pt_addr local = { 0 }, address = { 0 };

	if (pt_nl_get_addr(tb[IFA_LOCAL], af, &local) < 0 ||
	    pt_nl_get_addr(tb[IFA_ADDRESS], af, &address) < 0 ||
	    pt_nl_get_addr(tb[IFA_BROADCAST], af, &out->broadcast) < 0)
		return -EBADMSG;
	if (local.af == PT_AF_NONE)
		local = address;
	if (local.af == PT_AF_NONE)
		return -EBADMSG;
	out->prefix.addr = local;
	out->prefix.len = len;
	if (address.af != PT_AF_NONE && address.v != local.v) {
		out->peer = address;
		/* The network is the peer's; an address outside of it is a network of its own. */
		if (!in_prefix(local, address, len))
			out->prefix.len = (uint8_t)pt_af_bits(af);
	}
	return 0;
}

static int parse_addr(struct pt_host *h, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_FLAGS + 1];
	struct pt_host_addr add = {0};
	struct pt_host_if *where;
	enum pt_af af;
	uint32_t flags;

	if (pt_nl_attrs(nlh, sizeof(*ifa), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return 0;
	af = ifa->ifa_family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	flags = ifa->ifa_flags;
	if (ifa->ifa_prefixlen > pt_af_bits(af) ||
	    pt_nl_get(tb[IFA_FLAGS], &flags, sizeof(flags)) < 0 ||
	    fill_addr(tb, af, ifa->ifa_prefixlen, &add) < 0)
		return -EBADMSG;
	add.secondary = flags & IFA_F_SECONDARY;
	where = find_if(h, ifa->ifa_index);
	/* An interface that came after the interfaces were read: not in this snapshot. */
	return where ? pt_vec_push(h->arena, &where->addrs, add) : 0;
}

static int parse_anycast(struct pt_host *h, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[IFA_ANYCAST + 1];
	struct pt_addr add;

	if (pt_nl_attrs(nlh, sizeof(struct ifaddrmsg), tb, PT_ARRAY_SIZE(tb)) < 0 || !tb[IFA_ANYCAST] ||
	    pt_nl_get_addr(tb[IFA_ANYCAST], PT_AF_INET6, &add) < 0)
		return -EBADMSG;
	return pt_vec_push(h->arena, &h->anycast, add);
}

int pt_net_parse(struct pt_host *h, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == RTM_NEWLINK)
		return parse_link(h, nlh);
	if (nlh->nlmsg_type == RTM_NEWADDR)
		return parse_addr(h, nlh);
	if (nlh->nlmsg_type == RTM_GETANYCAST) /* the kernel's answer has the question's type */
		return parse_anycast(h, nlh);
	return 0;
}
