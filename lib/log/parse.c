/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log/parse - one message of nfnetlink_log. Every attribute may be missing: output has no times, packets no devices. */
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <patronus/log.h>

static int get_time(const struct nlattr *attr, uint64_t *out)
{
	struct nfulnl_msg_packet_timestamp t;
	uint64_t sec, usec;

	if (!attr)
		return 0;
	if (pt_nl_get(attr, &t, sizeof(t)) < 0)
		return -EBADMSG;
	sec = be64toh(t.sec);
	usec = be64toh(t.usec);
	if (sec < UINT64_MAX / 1000000000u && usec < 1000000u)
		*out = sec * 1000000000u + usec * 1000u;
	return 0;
}

/* Where our rules judge: what arrives before it is routed, what leaves after. */
static int get_dir(const struct nlattr *attr, enum pt_dir *out)
{
	struct nfulnl_msg_packet_hdr h = { .hook = NF_INET_NUMHOOKS };

	if (pt_nl_get(attr, &h, sizeof(h)) < 0)
		return -EBADMSG;
	if (h.hook < NF_INET_NUMHOOKS)
		*out = h.hook == NF_INET_PRE_ROUTING || h.hook == NF_INET_LOCAL_IN ? PT_IN : PT_OUT;
	return 0;
}

/* Another program's prefix may have any length. */
static void get_prefix(const struct nlattr *attr, char *out, size_t size)
{
	const char *s;
	size_t n;

	if (!attr)
		return;
	s = mnl_attr_get_payload(attr);
	n = strnlen(s, mnl_attr_get_payload_len(attr));
	if (n >= size)
		n = size - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

int pt_log_parse(const struct nlmsghdr *nlh, struct pt_log_message *m)
{
	const struct nlattr *tb[NFULA_SEQ_GLOBAL + 1];

	memset(m, 0, sizeof(*m));
	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	if (pt_nl_get_be32(tb[NFULA_IFINDEX_INDEV], &m->in) < 0 ||
	    pt_nl_get_be32(tb[NFULA_IFINDEX_OUTDEV], &m->out) < 0 ||
	    pt_nl_get_be32(tb[NFULA_SEQ], &m->seq) < 0 || get_dir(tb[NFULA_PACKET_HDR], &m->dir) < 0 || get_time(tb[NFULA_TIMESTAMP], &m->time) < 0)
		return -EBADMSG;
	m->has_seq = tb[NFULA_SEQ];
	get_prefix(tb[NFULA_PREFIX], m->prefix, sizeof(m->prefix));
	if (tb[NFULA_PAYLOAD]) {
		m->data = mnl_attr_get_payload(tb[NFULA_PAYLOAD]);
		m->n = mnl_attr_get_payload_len(tb[NFULA_PAYLOAD]);
	}
	return 0;
}

uint32_t pt_log_lost(struct pt_log_seq *s, uint32_t seq)
{
	uint32_t lost = seq - s->next; /* the number comes round to 0 */

	s->next = seq + 1;
	return lost;
}
