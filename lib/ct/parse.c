/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/parse - one ctnetlink message into one entry.
 *
 * The kernel leaves out what is zero or what it does not keep (labels, counters), so
 * every attribute but the two tuples may be missing.
 *
 * A table has a hundred thousand entries, and half the work of reading one was its two tuples. So the one shape in
 * which the kernel writes those of protocols with ports is recognised as a whole; any other is read attribute by
 * attribute.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <patronus/ct.h>

static int get_addr(const struct nlattr *attr, enum pt_af af, struct pt_addr *out)
{
	return attr ? pt_nl_get_addr(attr, af, out) : -EBADMSG;
}

static int parse_ip(const struct nlattr *attr, enum pt_af af, struct pt_ct_tuple *t)
{
	const struct nlattr *tb[CTA_IP_V6_DST + 1];
	bool v4 = af == PT_AF_INET;

	if (!attr || pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	if (get_addr(tb[v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], af, &t->src) < 0)
		return -EBADMSG;
	return get_addr(tb[v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST], af, &t->dst);
}

static int parse_icmp(const struct nlattr *id, const struct nlattr *type, const struct nlattr *code,
		      struct pt_ct_tuple *t)
{
	uint8_t ty = 0, co = 0;

	if (pt_nl_get_be16(id, &t->sport) < 0 ||
	    pt_nl_get(type, &ty, 1) < 0 || pt_nl_get(code, &co, 1) < 0)
		return -EBADMSG;
	t->dport = (uint16_t)(ty << 8 | co);
	return 0;
}

static int parse_proto(const struct nlattr *attr, uint8_t *proto, struct pt_ct_tuple *t)
{
	const struct nlattr *tb[CTA_PROTO_ICMPV6_CODE + 1];

	if (!attr || pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) < 0 || !tb[CTA_PROTO_NUM] ||
	    pt_nl_get(tb[CTA_PROTO_NUM], proto, 1) < 0)
		return -EBADMSG;
	if (*proto == IPPROTO_ICMP)
		return parse_icmp(tb[CTA_PROTO_ICMP_ID], tb[CTA_PROTO_ICMP_TYPE],
				  tb[CTA_PROTO_ICMP_CODE], t);
	if (*proto == IPPROTO_ICMPV6)
		return parse_icmp(tb[CTA_PROTO_ICMPV6_ID], tb[CTA_PROTO_ICMPV6_TYPE],
				  tb[CTA_PROTO_ICMPV6_CODE], t);
	if (pt_nl_get_be16(tb[CTA_PROTO_SRC_PORT], &t->sport) < 0)
		return -EBADMSG;
	return pt_nl_get_be16(tb[CTA_PROTO_DST_PORT], &t->dport);
}

static inline bool is(const uint8_t *at, size_t payload, uint16_t type)
{
	const struct nlattr wanted = { (uint16_t)(NLA_HDRLEN + payload), type };

	return !memcmp(at, &wanted, sizeof(wanted));
}

static inline uint16_t port_at(const uint8_t *at)
{
	return (uint16_t)(at[NLA_HDRLEN] << 8 | at[NLA_HDRLEN + 1]);
}

/* Addresses of N bytes, number of the protocol, ports, and nothing else: true, and they are in T. */
static inline bool parse_with_ports(const struct nlattr *attr, size_t n, uint16_t src_type, uint16_t dst_type,
				    uint8_t *proto, struct pt_ct_tuple *t)
{
	const size_t word = NLA_HDRLEN + 4; /* a number or a port, with what fills it up */
	const uint8_t *ip = (const uint8_t *)attr + NLA_HDRLEN, *src = ip + NLA_HDRLEN, *dst = src + NLA_HDRLEN + n;
	const uint8_t *upper = dst + NLA_HDRLEN + n, *number = upper + NLA_HDRLEN;
	const uint8_t *sport = number + word, *dport = sport + word;
	uint8_t protocol;

	if (attr->nla_len != (size_t)(dport + word - (const uint8_t *)attr))
		return false;
	protocol = number[NLA_HDRLEN];
	if (!is(ip, 2 * (NLA_HDRLEN + n), CTA_TUPLE_IP | NLA_F_NESTED) || !is(src, n, src_type) ||
	    !is(dst, n, dst_type) || !is(upper, 3 * word, CTA_TUPLE_PROTO | NLA_F_NESTED) ||
	    !is(number, 1, CTA_PROTO_NUM) || !is(sport, 2, CTA_PROTO_SRC_PORT) || !is(dport, 2, CTA_PROTO_DST_PORT) ||
	    protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		return false;
	*proto = protocol;
	t->src = pt_addr_from_bytes(src + NLA_HDRLEN, n);
	t->dst = pt_addr_from_bytes(dst + NLA_HDRLEN, n);
	t->sport = port_at(sport);
	t->dport = port_at(dport);
	return true;
}

static int parse_tuple(const struct nlattr *attr, enum pt_af af, uint8_t *proto,
		       struct pt_ct_tuple *t)
{
	const struct nlattr *tb[CTA_TUPLE_ZONE + 1];

	if (attr && (af == PT_AF_INET ? parse_with_ports(attr, 4, CTA_IP_V4_SRC, CTA_IP_V4_DST, proto, t)
				      : parse_with_ports(attr, 16, CTA_IP_V6_SRC, CTA_IP_V6_DST, proto, t)))
		return 0;
	if (!attr || pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) < 0 ||
	    parse_ip(tb[CTA_TUPLE_IP], af, t) < 0)
		return -EBADMSG;
	return parse_proto(tb[CTA_TUPLE_PROTO], proto, t);
}

static int parse_counters(const struct nlattr *attr, struct pt_ct_entry *ct, unsigned int dir)
{
	const struct nlattr *tb[CTA_COUNTERS_BYTES + 1];

	if (!attr)
		return 0;
	if (pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) < 0 ||
	    pt_nl_get_be64(tb[CTA_COUNTERS_PACKETS], &ct->packets[dir]) < 0)
		return -EBADMSG;
	ct->has_counters = true;
	return pt_nl_get_be64(tb[CTA_COUNTERS_BYTES], &ct->bytes[dir]);
}

static int parse_protoinfo(const struct nlattr *attr, struct pt_ct_entry *ct)
{
	const struct nlattr *info[CTA_PROTOINFO_TCP + 1], *tcp[CTA_PROTOINFO_TCP_STATE + 1];

	if (!attr || ct->proto != IPPROTO_TCP)
		return 0;
	if (pt_nl_nested(attr, info, PT_ARRAY_SIZE(info)) < 0)
		return -EBADMSG;
	if (!info[CTA_PROTOINFO_TCP])
		return 0;
	if (pt_nl_nested(info[CTA_PROTOINFO_TCP], tcp, PT_ARRAY_SIZE(tcp)) < 0)
		return -EBADMSG;
	return pt_nl_get(tcp[CTA_PROTOINFO_TCP_STATE], &ct->tcp_state, 1);
}

/* The label's words stand in memory order; the kernel may send fewer than four. */
static int parse_labels(const struct nlattr *attr, struct pt_ct_entry *ct)
{
	size_t n;

	if (!attr)
		return 0;
	n = mnl_attr_get_payload_len(attr);
	if (n > sizeof(ct->label))
		return -EBADMSG;
	memcpy(ct->label, mnl_attr_get_payload(attr), n);
	ct->has_label = true;
	return 0;
}

static int parse_times(const struct nlattr *attr, struct pt_ct_entry *ct)
{
	const struct nlattr *tb[CTA_TIMESTAMP_STOP + 1];

	if (!attr)
		return 0;
	if (pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) < 0 ||
	    pt_nl_get_be64(tb[CTA_TIMESTAMP_START], &ct->start) < 0)
		return -EBADMSG;
	return pt_nl_get_be64(tb[CTA_TIMESTAMP_STOP], &ct->stop);
}

static int parse_rest(const struct nlattr **tb, struct pt_ct_entry *ct)
{
	if (pt_nl_get_be32(tb[CTA_STATUS], &ct->status) < 0 ||
	    pt_nl_get_be32(tb[CTA_TIMEOUT], &ct->timeout) < 0 ||
	    pt_nl_get_be32(tb[CTA_MARK], &ct->mark) < 0 ||
	    pt_nl_get_be32(tb[CTA_ID], &ct->id) < 0 ||
	    pt_nl_get_be16(tb[CTA_ZONE], &ct->zone) < 0)
		return -EBADMSG;
	if (parse_counters(tb[CTA_COUNTERS_ORIG], ct, 0) < 0 ||
	    parse_counters(tb[CTA_COUNTERS_REPLY], ct, 1) < 0 ||
	    parse_protoinfo(tb[CTA_PROTOINFO], ct) < 0 ||
	    parse_times(tb[CTA_TIMESTAMP], ct) < 0)
		return -EBADMSG;
	return parse_labels(tb[CTA_LABELS], ct);
}

int pt_ct_parse(const struct nlmsghdr *nlh, struct pt_ct_entry *ct)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[CTA_LABELS + 1];
	uint8_t reply_proto = 0;
	enum pt_af af;

	memset(ct, 0, sizeof(*ct));
	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) &&
	    nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE))
		return -EBADMSG;
	if (pt_nl_attrs(nlh, sizeof(*nfg), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	if (nfg->nfgen_family != AF_INET && nfg->nfgen_family != AF_INET6)
		return -EBADMSG;
	af = nfg->nfgen_family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	if (parse_tuple(tb[CTA_TUPLE_ORIG], af, &ct->proto, &ct->orig) < 0 ||
	    parse_tuple(tb[CTA_TUPLE_REPLY], af, &reply_proto, &ct->reply) < 0 ||
	    reply_proto != ct->proto)
		return -EBADMSG;
	return parse_rest(tb, ct);
}

const char *pt_ct_tcp_state_name(uint8_t st)
{
	/* enum tcp_conntrack, which <linux/netfilter/nf_conntrack_tcp.h> fixes as interface. */
	static const char *const name[] = {
		"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT",
		"LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
	};

	return st < PT_ARRAY_SIZE(name) ? name[st] : "UNKNOWN";
}

bool pt_ct_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP ||
	       proto == IPPROTO_UDPLITE;
}

bool pt_ct_source_translated(const struct pt_ct_entry *ct)
{
	return ct->reply.dst.v != ct->orig.src.v || (pt_ct_has_ports(ct->proto) && ct->reply.dport != ct->orig.sport);
}

bool pt_ct_target_translated(const struct pt_ct_entry *ct)
{
	return ct->reply.src.v != ct->orig.dst.v || (pt_ct_has_ports(ct->proto) && ct->reply.sport != ct->orig.dport);
}
