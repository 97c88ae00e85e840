/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/read - the machine's links and addresses as a snapshot, and one question to its routes.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <patronus/net.h>

#include "net/ask.h"
#include "net/message.h"

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_net_parse(arg, nlh);
}

static void forget_links(void *arg)
{
	struct pt_host *h = arg;

	h->ifs.n = 0;
}

static void forget_addrs(void *arg)
{
	struct pt_host *h = arg;
	size_t i;

	for (i = 0; i < h->ifs.n; i++)
		h->ifs.v[i].addrs.n = 0;
}

static void forget_anycast(void *arg)
{
	struct pt_host *h = arg;

	h->anycast.n = 0;
}

/* Which prefixes a router answers for with their ::0 depends on more than can be guessed: forwarding of each
 * interface, the length of the prefix, memberships of processes. The kernel has the list; without IPv6 it has
 * none. */
static int read_anycast(struct pt_nl *route, struct pt_host *h)
{
	struct ifaddrmsg *ifa;
	union net_request req;
	int rc;

	ifa = net_request(&req, RTM_GETANYCAST, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	rc = pt_nl_dump(route, &req.head, forget_anycast, take, h);
	return rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT ? 0 : rc;
}

static int read_all(struct pt_nl *route, struct pt_host *h)
{
	union net_request req;
	int rc;

	(void)net_request(&req, RTM_GETLINK, sizeof(struct ifinfomsg));
	rc = pt_nl_dump(route, &req.head, forget_links, take, h);
	if (rc < 0)
		return rc;
	(void)net_request(&req, RTM_GETADDR, sizeof(struct ifaddrmsg));
	rc = pt_nl_dump(route, &req.head, forget_addrs, take, h);
	return rc < 0 ? rc : read_anycast(route, h);
}

int pt_net_read(struct pt_nl *route, struct pt_host **out, struct pt_err *e)
{
	struct pt_arena *arena = pt_arena_new();
	struct pt_host *h = NULL;
	int rc = -ENOMEM;

	*out = NULL;
	if (!arena)
		goto fail;
	h = pt_arena_alloc(arena, sizeof(*h));
	if (!h)
		goto fail;
	h->arena = arena;
	rc = read_all(route, h);
	if (rc < 0)
		goto fail;
	*out = h;
	return 0;
fail:
	pt_arena_free(arena);
	return pt_err_sys(e, rc, "cannot read the interfaces and addresses of this machine");
}

void pt_host_free(struct pt_host *h)
{
	if (h)
		pt_arena_free(h->arena);
}

static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_OIF + 1];

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*rtm), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	if (rtm->rtm_type == RTN_BLACKHOLE || rtm->rtm_type == RTN_UNREACHABLE ||
	    rtm->rtm_type == RTN_PROHIBIT)
		return 0;
	return pt_nl_get(tb[RTA_OIF], arg, sizeof(uint32_t));
}

static int take_name(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[IFLA_IFNAME + 1];

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(struct ifinfomsg), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	return tb[IFLA_IFNAME] ? pt_nl_get_str(tb[IFLA_IFNAME], arg, IFNAMSIZ) : 0;
}

/* What the kernel answers when it would not send such a packet at all. */
static bool is_no_route(int code)
{
	return code == -ENETUNREACH || code == -EHOSTUNREACH || code == -EACCES || code == -EINVAL;
}

int net_route_index(struct pt_nl *route, struct pt_addr dst, uint32_t *index)
{
	union net_request req;
	struct rtmsg *rtm;
	int rc;

	*index = 0;
	if (dst.af != PT_AF_INET && dst.af != PT_AF_INET6)
		return -EAFNOSUPPORT;
	rtm = net_request(&req, RTM_GETROUTE, sizeof(*rtm));
	rtm->rtm_family = dst.af == PT_AF_INET ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (uint8_t)pt_af_bits(dst.af);
	pt_nl_put_addr(&req.head, RTA_DST, dst);
	rc = pt_nl_talk(route, &req.head, take_route, index);
	if (rc < 0)
		*index = 0;
	return is_no_route(rc) ? 0 : rc;
}

/* By the same socket as the route: its network namespace may not be the caller's. */
int net_link_name(struct pt_nl *route, uint32_t index, char *name)
{
	union net_request req;
	struct ifinfomsg *info = net_request(&req, RTM_GETLINK, sizeof(*info));

	name[0] = '\0';
	info->ifi_index = (int)index;
	return pt_nl_talk(route, &req.head, take_name, name);
}

int pt_net_route(struct pt_nl *route, struct pt_addr dst, char *name)
{
	uint32_t index;
	int rc;

	name[0] = '\0';
	rc = net_route_index(route, dst, &index);
	return rc < 0 || !index ? rc : net_link_name(route, index, name);
}
