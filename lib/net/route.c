/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/route - routes as the kernel tells of them and takes them. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <patronus/route.h>

#include "net/message.h"

#define MESSAGE_MAX 4096 /* 64 hops of 36 bytes, and some */

/* ---- reading ---- */

static int get_via(const struct nlattr *via, const struct nlattr *gateway, struct pt_addr *out)
{
	out->af = PT_AF_NONE;
	return gateway ? pt_nl_get_addr(gateway, PT_AF_NONE, out) : pt_nl_get_via(via, out);
}

/* The kernel's list of next hops: headers with attributes of their own. */
static int get_hops(const struct nlattr *list, struct pt_hop *hops, uint32_t *n)
{
	const uint8_t *p = mnl_attr_get_payload(list);
	size_t left = mnl_attr_get_payload_len(list);

	for (*n = 0; left >= sizeof(struct rtnexthop) && *n < PT_ROUTE_HOPS_MAX; (*n)++) {
		const struct rtnexthop *h = (const struct rtnexthop *)p;
		const struct nlattr *tb[RTA_VIA + 1] = { 0 };
		size_t len = h->rtnh_len, at = RTNH_ALIGN(sizeof(*h));

		if (len < sizeof(*h) || len > left)
			return -EBADMSG;
		while (at + sizeof(struct nlattr) <= len) {
			const struct nlattr *attr = (const struct nlattr *)(p + at);

			if (attr->nla_len < sizeof(*attr) || attr->nla_len > len - at)
				return -EBADMSG;
			if ((attr->nla_type & NLA_TYPE_MASK) <= RTA_VIA)
				tb[attr->nla_type & NLA_TYPE_MASK] = attr;
			at += MNL_ALIGN(attr->nla_len);
		}
		hops[*n] = (struct pt_hop){ .index = (uint32_t)h->rtnh_ifindex,
					    .weight = (uint16_t)(h->rtnh_hops + 1),
					    .onlink = h->rtnh_flags & RTNH_F_ONLINK };
		if (get_via(tb[RTA_VIA], tb[RTA_GATEWAY], &hops[*n].via))
			return -EBADMSG;
		len = RTNH_ALIGN(len);
		if (len >= left) {
			(*n)++;
			break;
		}
		p += len;
		left -= len;
	}
	return 0;
}

static int get_metrics(const struct nlattr *metrics, uint32_t *mtu)
{
	const struct nlattr *tb[RTAX_MTU + 1];

	*mtu = 0;
	if (!metrics)
		return 0;
	return pt_nl_nested(metrics, tb, PT_ARRAY_SIZE(tb)) || pt_nl_get(tb[RTAX_MTU], mtu, sizeof(*mtu)) ? -EBADMSG : 0;
}

static int get_one_hop(const struct rtmsg *rtm, const struct nlattr **tb, struct pt_hop *hop, uint32_t *n)
{
	*hop = (struct pt_hop){ .weight = 1, .onlink = rtm->rtm_flags & RTNH_F_ONLINK };
	if (get_via(tb[RTA_VIA], tb[RTA_GATEWAY], &hop->via) || pt_nl_get(tb[RTA_OIF], &hop->index, sizeof(hop->index)))
		return -EBADMSG;
	/* What leads nowhere is told on the loopback in IPv6. */
	*n = rtm->rtm_type <= RTN_MULTICAST && (hop->index || hop->via.af);
	return 0;
}

int pt_route_parse(const struct nlmsghdr *nlh, struct pt_hop *hops, struct pt_route *out)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_VIA + 1];
	enum pt_af af;
	int rc;

	if (nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*rtm), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	if ((rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	af = rtm->rtm_family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	memset(out, 0, sizeof(*out));
	out->dst = (struct pt_prefix){ .addr = { .af = af }, .len = rtm->rtm_dst_len };
	out->type = rtm->rtm_type;
	out->protocol = rtm->rtm_protocol;
	out->scope = rtm->rtm_scope;
	out->table = rtm->rtm_table;
	out->hops = hops;
	if (rtm->rtm_dst_len > pt_af_bits(af) || pt_nl_get_addr(tb[RTA_DST], af, &out->dst.addr) || pt_nl_get_addr(tb[RTA_PREFSRC], af, &out->src) ||
	    pt_nl_get(tb[RTA_TABLE], &out->table, sizeof(out->table)) || pt_nl_get(tb[RTA_PRIORITY], &out->metric, sizeof(out->metric)) ||
	    get_metrics(tb[RTA_METRICS], &out->mtu))
		return -EBADMSG;
	rc = tb[RTA_MULTIPATH] ? get_hops(tb[RTA_MULTIPATH], hops, &out->n_hops) : get_one_hop(rtm, tb, hops, &out->n_hops);
	return rc ? rc : 1;
}

struct reader {
	const struct pt_route_filter *filter;
	int (*fn)(const struct pt_route *r, void *arg);
	void (*reset)(void *arg);
	void *arg;
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct reader *x = arg;
	struct pt_route r;
	int rc = pt_route_parse(nlh, x->hops, &r);

	if (rc <= 0)
		return rc;
	/* A kernel that does not filter tells all. */
	if ((x->filter->af && r.dst.addr.af != x->filter->af) || (x->filter->table && r.table != x->filter->table) ||
	    (x->filter->protocol && r.protocol != x->filter->protocol))
		return 0;
	return x->fn(&r, x->arg);
}

static void again(void *arg)
{
	struct reader *x = arg;

	if (x->reset)
		x->reset(x->arg);
}

int pt_routes_read(struct pt_nl *route, const struct pt_route_filter *filter, int (*fn)(const struct pt_route *r, void *arg),
		   void (*reset)(void *arg), void *arg, struct pt_err *e)
{
	struct reader x = { .filter = filter, .fn = fn, .reset = reset, .arg = arg };
	union net_request req;
	struct rtmsg *rtm = net_request(&req, RTM_GETROUTE, sizeof(*rtm));
	int rc;

	rtm->rtm_family = !filter->af ? AF_UNSPEC : filter->af == PT_AF_INET ? AF_INET : AF_INET6;
	rtm->rtm_protocol = filter->protocol;
	if (filter->table)
		mnl_attr_put_u32(&req.head, RTA_TABLE, filter->table);
	rc = pt_nl_dump(route, &req.head, again, take, &x);
	/* There is no table of that number, so nothing is in it. */
	if (rc == -ENOENT && filter->table)
		rc = 0;
	return rc < 0 && !e->n_errors ? pt_err_sys(e, rc, "cannot read the routes of this machine") : rc;
}

/* ---- writing ---- */

/* A next hop of the other family has an attribute of its own (RFC 5549). */
static void put_via(struct nlmsghdr *nlh, enum pt_af af, struct pt_addr via)
{
	struct {
		uint16_t family;
		uint8_t bytes[16];
	} other = { .family = via.af == PT_AF_INET ? AF_INET : AF_INET6 };

	if (!via.af)
		return;
	if (via.af == af) {
		pt_nl_put_addr(nlh, RTA_GATEWAY, via);
		return;
	}
	pt_addr_to_bytes(via, other.bytes);
	mnl_attr_put(nlh, RTA_VIA, sizeof(other.family) + pt_af_bits(via.af) / 8, &other);
}

static void put_hops(struct nlmsghdr *nlh, const struct pt_route *r)
{
	struct nlattr *list = mnl_attr_nest_start(nlh, RTA_MULTIPATH);

	list->nla_type = RTA_MULTIPATH; /* without the flag of nested attributes: it is none of these */
	for (uint32_t i = 0; i < r->n_hops; i++) {
		struct rtnexthop *h = mnl_nlmsg_get_payload_tail(nlh);

		memset(h, 0, sizeof(*h));
		h->rtnh_ifindex = (int)r->hops[i].index;
		h->rtnh_hops = (uint8_t)(r->hops[i].weight - 1);
		h->rtnh_flags = r->hops[i].onlink ? RTNH_F_ONLINK : 0;
		nlh->nlmsg_len += (uint32_t)RTNH_ALIGN(sizeof(*h));
		put_via(nlh, r->dst.addr.af, r->hops[i].via);
		h->rtnh_len = (uint16_t)((uint8_t *)mnl_nlmsg_get_payload_tail(nlh) - (uint8_t *)h);
	}
	mnl_attr_nest_end(nlh, list);
}

static void put_way(struct nlmsghdr *nlh, struct rtmsg *rtm, const struct pt_route *r)
{
	if (r->n_hops > 1) {
		put_hops(nlh, r);
		return;
	}
	if (!r->n_hops)
		return;
	if (r->hops->onlink)
		rtm->rtm_flags = RTNH_F_ONLINK;
	put_via(nlh, r->dst.addr.af, r->hops->via);
	if (r->hops->index)
		mnl_attr_put_u32(nlh, RTA_OIF, r->hops->index);
}

static void put_mtu(struct nlmsghdr *nlh, uint32_t mtu)
{
	struct nlattr *metrics;

	if (!mtu)
		return;
	metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_MTU, mtu);
	mnl_attr_nest_end(nlh, metrics);
}

int pt_route_put(struct pt_nl_stream *s, const struct pt_route_change *c, pt_route_link link, void *arg, uint64_t cookie)
{
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
	const struct pt_route *r = c->old;
	struct pt_route want;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	bool waits;
	int rc;

	if (c->want) {
		rc = pt_route_wanted(c->want, link, arg, hops, &want, &waits);
		if (rc || waits)
			return -ENOENT;
		r = &want;
	}
	nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, MESSAGE_MAX));
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	nlh->nlmsg_type = c->op == PT_ROUTE_DELETE ? RTM_DELROUTE : RTM_NEWROUTE;
	nlh->nlmsg_flags = c->op == PT_ROUTE_DELETE  ? 0 :
			   c->op == PT_ROUTE_REPLACE ? NLM_F_CREATE | NLM_F_REPLACE :
						       NLM_F_CREATE | NLM_F_EXCL;
	rtm->rtm_family = r->dst.addr.af == PT_AF_INET ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = r->dst.len;
	rtm->rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = c->by_hand ? PT_HAND_PROTOCOL : r->protocol;
	rtm->rtm_scope = r->scope;
	rtm->rtm_type = r->type;
	if (r->table >= 256)
		mnl_attr_put_u32(nlh, RTA_TABLE, r->table);
	pt_nl_put_addr(nlh, RTA_DST, r->dst.addr);
	if (r->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, r->metric);
	if (r->src.af)
		pt_nl_put_addr(nlh, RTA_PREFSRC, r->src);
	put_mtu(nlh, r->mtu);
	put_way(nlh, rtm, r);
	return pt_nl_stream_commit(s, nlh, cookie);
}
