/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back: IPv4 may drop what arrives by another device than the one that leads back to its sender (rp_filter,
 * RFC 3704), and counts it where nobody looks. Where packets leave by a device that was asked for, or with the address
 * of another device, the answers meet that. The kernel is asked about the answer itself, as if it had arrived.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "diag/finding_why.h"

#define QUESTION_MAX 256

static int take_way(const struct nlmsghdr *nlh, void *arg)
{
	return why_route_parse(nlh, arg);
}

/* The answer as it arrives by ARRIVES; 0: what a packet to the host meets that is bound to no device. */
static int ask(struct why *y, const struct why_walk *k, uint32_t arrives, struct why_way *out)
{
	uint8_t buf[QUESTION_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = rtm->rtm_src_len = (uint8_t)pt_af_bits(PT_AF_INET);
	pt_nl_put_addr(nlh, RTA_DST, arrives ? k->way.src : k->to);
	pt_nl_put_addr(nlh, RTA_SRC, arrives ? k->to : k->way.src);
	if (arrives)
		mnl_attr_put_u32(nlh, RTA_IIF, arrives);
	mnl_attr_put_u8(nlh, RTA_IP_PROTO, !y->o->port ? IPPROTO_ICMP : y->o->udp ? IPPROTO_UDP : IPPROTO_TCP);
	if (y->o->port)
		mnl_attr_put_u16(nlh, arrives ? RTA_SPORT : RTA_DPORT, htons(y->o->port));
	return pt_nl_talk(y->route, nlh, take_way, out);
}

/* 0 where it cannot be read, too: then nothing is said of it. */
static unsigned int filter_of(const char *device)
{
	char path[64 + PT_LINK_NAME], c = '0';
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return (unsigned int)c - '0';
}

/* Kernels from 6.13 on say of every such packet that it is invalid, older ones that its way is another one. */
static int look_at(struct why *y, struct why_walk *k, uint32_t index)
{
	const struct pt_link *l = index ? pt_links_index(&y->links, index) : NULL;
	struct why_back b = { .arrives = l };
	struct why_way in = { 0 }, out = { 0 };
	bool strict;
	int rc;

	if (!l)
		return 0;
	b.all = filter_of("all");
	b.own = filter_of(l->name);
	strict = (b.own > b.all ? b.own : b.all) == 1;
	if (!b.all && !b.own)
		return 0;
	rc = ask(y, k, index, &in);
	if (rc != -EXDEV && rc != -EINVAL)
		return rc == -ENOMEM ? rc : 0;
	rc = ask(y, k, 0, &out);
	if (rc == -ENOMEM)
		return rc;
	b.leads = rc ? 0 : out.index;
	if (strict ? b.leads != index : !b.leads)
		k->back = b;
	return 0;
}

int why_back(struct why *y, struct why_walk *k)
{
	int rc;

	if (k->to.af != PT_AF_INET || k->way.error || k->way.type != RTN_UNICAST || k->way.src.af != PT_AF_INET)
		return 0;
	rc = look_at(y, k, k->way.index);
	for (size_t i = 0; !rc && !k->back.arrives && i < y->addresses.v.n; i++) {
		const struct pt_address *a = &y->addresses.v.v[i];

		if (a->prefix.addr.af == PT_AF_INET && a->prefix.addr.v == k->way.src.v && a->index != k->way.index)
			rc = look_at(y, k, a->index);
	}
	return rc ? pt_err_sys(y->e, rc, "asking for the way back") : 0;
}

void why_back_say(const struct why *y, const struct why_walk *k, struct why_say *s)
{
	const struct why_back *b = &k->back;
	char to[64], lead[64] = "nowhere", heard[WHY_TEXT];

	if (!b->arrives)
		return;
	why_text(k->to, to);
	if (b->leads)
		(void)snprintf(lead, sizeof(lead), "by %s", why_device(y, b->leads));
	(void)snprintf(s->text, sizeof(s->text), "this machine drops what %s answers by %s: its own way there leads %s",
		       to, b->arrives->name, lead);
	(void)snprintf(heard, sizeof(heard), "%s", s->seen);
	(void)snprintf(s->seen, sizeof(s->seen), "rp_filter is %s (all %u, %s %u); %.300s",
		       (b->own > b->all ? b->own : b->all) == 1 ? "strict" : "loose", b->all, b->arrives->name, b->own,
		       heard);
	if (b->leads)
		(void)snprintf(s->next, sizeof(s->next), "sysctl net.ipv4.conf.%s.rp_filter=2", b->arrives->name);
	else
		(void)snprintf(s->next, sizeof(s->next), "ptnet route get %s", to);
}
