/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/table - the kernel's table of states: walk it, count it, end one of it.
 *
 * A table can hold millions, so nothing is gathered here: each entry is on the stack while the
 * callback looks at it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "ct/request.h"

void ct_request_begin(union ct_request *req, uint8_t type, uint8_t family)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(req, 0, sizeof(*req));
	nlh = mnl_nlmsg_put_header(req);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | type;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
}

int ct_failed(struct pt_err *e, int code, const char *what)
{
	const char *hint = NULL;

	if (code == -EPERM)
		hint = "run it as root, or with CAP_NET_ADMIN";
	else if (code == -EOPNOTSUPP || code == -EINVAL)
		hint = "the kernel must track connections: try \"modprobe nf_conntrack_netlink\"";
	pt_err_add(e, PT_ERROR, NULL, hint, "cannot %s: %s", what, strerror(-code));
	return code;
}

/* ---- walk ---- */

struct walk {
	pt_ct_cb cb;
	void *arg;
	unsigned int starts;
	int stopped;      /* what the callback said */
};

static void start(void *arg)
{
	struct walk *w = arg;

	w->starts++;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct walk *w = arg;
	struct pt_ct_entry ct;
	int rc;

	/* What was streamed cannot be taken back, so a walk is not begun again. */
	if (w->starts > 1)
		return -EAGAIN;
	rc = pt_ct_parse(nlh, &ct);
	if (rc < 0)
		return rc;
	w->stopped = w->cb(&ct, w->arg);
	return w->stopped;
}

int pt_ct_dump(struct pt_nl *nf, pt_ct_cb cb, void *arg, struct pt_err *e)
{
	struct walk w = {.cb = cb, .arg = arg};
	union ct_request req;
	int rc;

	ct_request_begin(&req, IPCTNL_MSG_CT_GET, AF_UNSPEC);
	rc = pt_nl_dump(nf, &req.head, start, take, &w);
	if (w.stopped < 0)
		return w.stopped;
	return rc < 0 ? ct_failed(e, rc, "read the connection states") : 0;
}

/* ---- count ---- */

struct stats {
	uint32_t entries, max;
	bool has_entries, has_max;
};

static int take_stats(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[CTA_STATS_GLOBAL_MAX_ENTRIES + 1];
	struct stats *s = arg;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS))
		return 0;
	if (pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)) < 0 ||
	    pt_nl_get_be32(tb[CTA_STATS_GLOBAL_ENTRIES], &s->entries) < 0 ||
	    pt_nl_get_be32(tb[CTA_STATS_GLOBAL_MAX_ENTRIES], &s->max) < 0)
		return -EBADMSG;
	s->has_entries = tb[CTA_STATS_GLOBAL_ENTRIES];
	s->has_max = tb[CTA_STATS_GLOBAL_MAX_ENTRIES];
	return 0;
}

int pt_ct_count(struct pt_nl *nf, uint64_t *n, uint64_t *max, struct pt_err *e)
{
	struct stats s = {0};
	union ct_request req;
	int rc;

	ct_request_begin(&req, IPCTNL_MSG_CT_GET_STATS, AF_UNSPEC);
	rc = pt_nl_talk(nf, &req.head, take_stats, &s);
	if (rc == 0 && !s.has_entries)
		rc = -ENODATA;
	if (rc < 0)
		return ct_failed(e, rc, "count the connection states");
	*n = s.entries;
	/* Linux before 4.18 tells the limit in /proc only. */
	*max = s.has_max ? s.max : ct_setting("nf_conntrack_max");
	return 0;
}

/* ---- end one ---- */

static void put_proto(struct nlmsghdr *nlh, uint8_t proto, const struct pt_ct_tuple *t)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	bool v6 = proto == IPPROTO_ICMPV6;

	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	if (proto == IPPROTO_ICMP || v6) {
		mnl_attr_put_u16(nlh, v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID,
				 htons(t->sport));
		mnl_attr_put_u8(nlh, v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE,
				(uint8_t)(t->dport >> 8));
		mnl_attr_put_u8(nlh, v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE,
				(uint8_t)t->dport);
	} else {
		/* Protocols without ports ignore them. */
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
	}
	mnl_attr_nest_end(nlh, nest);
}

static void put_tuple(struct nlmsghdr *nlh, uint8_t proto, uint16_t type, const struct pt_ct_tuple *t)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type), *ip;
	bool v4 = t->src.af == PT_AF_INET;

	ip = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	pt_nl_put_addr(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, t->src);
	pt_nl_put_addr(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, t->dst);
	mnl_attr_nest_end(nlh, ip);
	put_proto(nlh, proto, t);
	mnl_attr_nest_end(nlh, nest);
}

int pt_ct_delete(struct pt_nl *nf, const struct pt_ct_entry *ct)
{
	union ct_request req;

	if (ct->orig.src.af == PT_AF_NONE || ct->orig.src.af != ct->orig.dst.af)
		return -EINVAL;
	ct_request_begin(&req, IPCTNL_MSG_CT_DELETE, ct->orig.src.af == PT_AF_INET ? AF_INET : AF_INET6);
	put_tuple(&req.head, ct->proto, CTA_TUPLE_ORIG, &ct->orig);
	mnl_attr_put_u32(&req.head, CTA_ID, htonl(ct->id));
	if (ct->zone)
		mnl_attr_put_u16(&req.head, CTA_ZONE, htons(ct->zone));
	return pt_nl_talk(nf, &req.head, NULL, NULL);
}

/* ---- make one ---- */

/* TCP's part: established, and lenient about windows that nobody has seen. */
static void put_tcp(struct nlmsghdr *nlh)
{
	static const struct nf_ct_tcp_flags liberal = { .flags = IP_CT_TCP_FLAG_BE_LIBERAL,
							.mask = IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
}

int pt_ct_create_tcp(struct pt_nl *nf, const struct pt_ct_entry *ct)
{
	union ct_request req;

	if (ct->orig.src.af == PT_AF_NONE || ct->orig.src.af != ct->orig.dst.af || ct->proto != IPPROTO_TCP)
		return -EINVAL;
	ct_request_begin(&req, IPCTNL_MSG_CT_NEW, ct->orig.src.af == PT_AF_INET ? AF_INET : AF_INET6);
	req.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	put_tuple(&req.head, ct->proto, CTA_TUPLE_ORIG, &ct->orig);
	put_tuple(&req.head, ct->proto, CTA_TUPLE_REPLY, &ct->reply);
	mnl_attr_put_u32(&req.head, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED));
	mnl_attr_put_u32(&req.head, CTA_TIMEOUT, htonl(ct->timeout));
	put_tcp(&req.head);
	mnl_attr_put(&req.head, CTA_LABELS, sizeof(ct->label), ct->label);
	return pt_nl_talk(nf, &req.head, NULL, NULL);
}

int pt_ct_label(struct pt_nl *nf, const struct pt_ct_entry *ct, const uint32_t bits[4])
{
	union ct_request req;

	if (ct->orig.src.af == PT_AF_NONE || ct->orig.src.af != ct->orig.dst.af)
		return -EINVAL;
	ct_request_begin(&req, IPCTNL_MSG_CT_NEW, ct->orig.src.af == PT_AF_INET ? AF_INET : AF_INET6);
	put_tuple(&req.head, ct->proto, CTA_TUPLE_ORIG, &ct->orig);
	if (ct->zone)
		mnl_attr_put_u16(&req.head, CTA_ZONE, htons(ct->zone));
	mnl_attr_put(&req.head, CTA_LABELS, sizeof(ct->label), bits);
	mnl_attr_put(&req.head, CTA_LABELS_MASK, sizeof(ct->label), bits);
	return pt_nl_talk(nf, &req.head, NULL, NULL);
}
