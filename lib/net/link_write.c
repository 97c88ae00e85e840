/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/link_write - one change of a link as messages of rtnetlink.
 *
 * What makes a link takes no alias and no settings of a port, so these follow in messages of their own, which name the link
 * because its index is not known yet. All of them travel in one datagram, so nobody finds a link of ours without its alias for
 * long.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include "net/kind.h"
#include "net/message.h"

#define TICKS_A_SECOND 100
#define MESSAGE_MAX 2048

struct writer {
	struct pt_nl_stream *s;
	const struct pt_links *now;
	const struct pt_link_change *c;
	uint64_t cookie;
};

/* ---- one setting ---- */

/* 0: it is not there (yet). */
static uint32_t index_of(const struct writer *w, const char *name)
{
	const struct pt_link *l = name ? pt_links_find(w->now, name) : NULL;

	return l ? l->index : 0;
}

static void put_peer(struct nlmsghdr *nlh, const struct pt_link_attr *row, const char *name)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, row->type);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	(void)info; /* zero: a link without wishes */
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_nest_end(nlh, nest);
}

static void put_setting(const struct writer *w, struct nlmsghdr *nlh, const struct pt_link_setting *s)
{
	const struct pt_link_attr *row = s->attr;
	uint32_t n = (uint32_t)s->number;

	switch (row->form) {
	case PT_FORM_U8:
		mnl_attr_put_u8(nlh, row->type, (uint8_t)n);
		break;
	case PT_FORM_U16:
		mnl_attr_put_u16(nlh, row->type, (uint16_t)n);
		break;
	case PT_FORM_U32:
		mnl_attr_put_u32(nlh, row->type, n);
		break;
	case PT_FORM_BE16:
		mnl_attr_put_u16(nlh, row->type, htons((uint16_t)n));
		break;
	case PT_FORM_TICKS:
		mnl_attr_put_u32(nlh, row->type, n * TICKS_A_SECOND);
		break;
	case PT_FORM_ADDR:
		pt_nl_put_addr(nlh, s->addr.af == PT_AF_INET6 && row->type6 ? row->type6 : row->type, s->addr);
		break;
	case PT_FORM_LINK:
		mnl_attr_put_u32(nlh, row->type, index_of(w, s->name));
		break;
	case PT_FORM_KEY:
		mnl_attr_put_u32(nlh, IFLA_GRE_IKEY, htonl(n));
		mnl_attr_put_u32(nlh, IFLA_GRE_OKEY, htonl(n));
		break;
	case PT_FORM_PEER:
		put_peer(nlh, row, s->name);
		break;
	case PT_FORM_CHECKSUM: /* see put_gre_flags() */
		break;
	}
}

/* Key and checksum share two attributes. */
static void put_gre_flags(struct nlmsghdr *nlh, const struct pt_link *want)
{
	uint16_t flags = 0;
	bool gre = false;

	for (size_t i = 0; i < want->settings.n; i++) {
		const struct pt_link_setting *s = &want->settings.v[i];

		gre = gre || s->attr->form == PT_FORM_CHECKSUM;
		if (s->attr->form == PT_FORM_KEY)
			flags |= GRE_KEY;
		if (s->attr->form == PT_FORM_CHECKSUM && s->number)
			flags |= GRE_CSUM;
	}
	if (!gre && !flags)
		return;
	mnl_attr_put_u16(nlh, IFLA_GRE_IFLAGS, flags);
	mnl_attr_put_u16(nlh, IFLA_GRE_OFLAGS, flags);
}

/* ---- messages ---- */

/* Kernels are built without some of what bridges can do: what is the default is not spoken of when they are made. */
static bool goes_unsaid(const struct pt_link *want, const struct pt_link_setting *s)
{
	return s->implied && (want->kind == PT_LINK_BRIDGE || s->attr->port);
}

static bool differs(const struct pt_link_change *c, const struct pt_link_setting *s)
{
	if (c->op == PT_LINK_CREATE)
		return !goes_unsaid(c->want, s);
	for (size_t i = 0; i < c->attrs.n; i++)
		if (c->attrs.v[i] == s->attr)
			return true;
	return false;
}

/* Some setting of the kind itself, or of the port, is to be written. */
static bool writes_any(const struct pt_link_change *c, bool port)
{
	for (size_t i = 0; i < c->want->settings.n; i++)
		if (c->want->settings.v[i].attr->port == port && differs(c, &c->want->settings.v[i]))
			return true;
	return false;
}

static void put_kind(const struct writer *w, struct nlmsghdr *nlh)
{
	const struct pt_link *want = w->c->want;
	bool whole = net_kind_whole(want->kind);
	struct nlattr *info, *data;

	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, pt_link_kinds[want->kind]);
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	for (size_t i = 0; i < want->settings.n; i++) {
		const struct pt_link_setting *s = &want->settings.v[i];

		/* A bond has no members yet when it is made. */
		if (s->attr->top || s->attr->port || (w->c->op == PT_LINK_CREATE && want->kind == PT_LINK_BOND && s->attr->form == PT_FORM_LINK))
			continue;
		if (differs(w->c, s) || (whole && w->c->op != PT_LINK_CREATE))
			put_setting(w, nlh, s);
	}
	put_gre_flags(nlh, want);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

static struct nlmsghdr *begin(const struct writer *w, uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *nlh = pt_nl_stream_room(w->s, MESSAGE_MAX);
	struct ifinfomsg *info;

	nlh = mnl_nlmsg_put_header(nlh);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	else if (w->c->have)
		info->ifi_index = (int)w->c->have->index;
	return nlh;
}

static void put_flags(struct nlmsghdr *nlh, bool up)
{
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
}

/* What all kinds of links have. */
static void put_common(struct nlmsghdr *nlh, const struct pt_link *want, uint32_t has)
{
	if (has & PT_LINK_HAS_MTU)
		mnl_attr_put_u32(nlh, IFLA_MTU, want->mtu);
	if (has & PT_LINK_HAS_MAC)
		mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(want->mac), want->mac);
	if (has & PT_LINK_HAS_QUEUE)
		mnl_attr_put_u32(nlh, IFLA_TXQLEN, want->txqueuelen);
}

static int create(const struct writer *w)
{
	const struct pt_link *want = w->c->want;
	struct nlmsghdr *nlh = begin(w, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, want->name);

	put_common(nlh, want, want->has);
	for (size_t i = 0; i < want->settings.n; i++)
		if (want->settings.v[i].attr->top)
			put_setting(w, nlh, &want->settings.v[i]);
	put_kind(w, nlh);
	return pt_nl_stream_commit(w->s, nlh, w->cookie);
}

/* Alias, master and state: HAS. The name is used where the index is not known. */
static int set(const struct writer *w, uint32_t has, bool up)
{
	const struct pt_link *want = w->c->want;
	struct nlmsghdr *nlh = begin(w, RTM_SETLINK, 0, w->c->have ? NULL : want->name);

	if (has & PT_LINK_HAS_ALIAS)
		mnl_attr_put_strz(nlh, IFLA_IFALIAS, want->alias);
	if (has & PT_LINK_HAS_MASTER)
		mnl_attr_put_u32(nlh, IFLA_MASTER, index_of(w, want->master));
	if (has & PT_LINK_HAS_UP)
		put_flags(nlh, up);
	return pt_nl_stream_commit(w->s, nlh, w->cookie);
}

static int set_kind(const struct writer *w)
{
	struct nlmsghdr *nlh = begin(w, RTM_NEWLINK, 0, NULL);

	put_kind(w, nlh);
	return pt_nl_stream_commit(w->s, nlh, w->cookie);
}

static int set_common(const struct writer *w)
{
	struct nlmsghdr *nlh = begin(w, RTM_SETLINK, 0, NULL);

	put_common(nlh, w->c->want, w->c->has);
	return pt_nl_stream_commit(w->s, nlh, w->cookie);
}

/* Of a port of a bridge: after it has become one. */
static int set_port(const struct writer *w)
{
	const struct pt_link *want = w->c->want;
	struct nlmsghdr *nlh = begin(w, RTM_NEWLINK, 0, w->c->have ? NULL : want->name);
	struct nlattr *info, *data;

	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_SLAVE_DATA);
	for (size_t i = 0; i < want->settings.n; i++)
		if (want->settings.v[i].attr->port && differs(w->c, &want->settings.v[i]))
			put_setting(w, nlh, &want->settings.v[i]);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return pt_nl_stream_commit(w->s, nlh, w->cookie);
}

static int delete(const struct writer *w)
{
	struct nlmsghdr *nlh = begin(w, RTM_DELLINK, 0, NULL);

	return pt_nl_stream_commit(w->s, nlh, w->cookie);
}

/* A bond takes links only that are down, and brings them up. Kernels differ in what they do first with a message that says both. */
static int set_master(const struct writer *w, uint32_t has)
{
	const struct pt_link *want = w->c->want, *master = pt_links_find(w->now, want->master);
	bool bond = master && master->kind == PT_LINK_BOND;
	int rc = bond && (!w->c->have || w->c->have->up) ? set(w, PT_LINK_HAS_UP, false) : 0;

	if (!rc && bond) {
		rc = set(w, has & ~PT_LINK_HAS_UP, false);
		has = want->up && !rc ? PT_LINK_HAS_UP : 0;
	}
	return rc || !has ? rc : set(w, has, want->up);
}

static int create_all(const struct writer *w)
{
	const struct pt_link *want = w->c->want;
	uint32_t rest = want->has & (PT_LINK_HAS_ALIAS | PT_LINK_HAS_MASTER | PT_LINK_HAS_UP);
	int rc = create(w);

	if (!want->master[0])
		rest &= ~PT_LINK_HAS_MASTER;
	/* The alias first: whatever fails behind it, the link is known as ours. */
	if (!rc && rest & PT_LINK_HAS_ALIAS)
		rc = set(w, PT_LINK_HAS_ALIAS, false);
	rest &= ~PT_LINK_HAS_ALIAS;
	if (!rc && rest)
		rc = set_master(w, rest);
	if (!rc && want->master[0] && writes_any(w->c, true))
		rc = set_port(w);
	return rc;
}

static int change_all(const struct writer *w)
{
	const struct pt_link_change *c = w->c;
	uint32_t common = PT_LINK_HAS_MTU | PT_LINK_HAS_MAC | PT_LINK_HAS_QUEUE;
	int rc = 0;

	if (c->has & common)
		rc = set_common(w);
	if (!rc && writes_any(c, false))
		rc = set_kind(w);
	if (!rc && c->has & PT_LINK_HAS_MASTER)
		rc = set_master(w, c->has & ~common);
	else if (!rc && c->has & ~common)
		rc = set(w, c->has & ~common, c->want->up);
	if (!rc && writes_any(c, true))
		rc = set_port(w);
	return rc;
}

/* The names that the messages will need the indexes of. */
static bool all_known(const struct writer *w)
{
	const struct pt_link_change *c = w->c;

	if (c->op == PT_LINK_DELETE)
		return true;
	if (c->want->master[0] && (c->op == PT_LINK_CREATE || c->has & PT_LINK_HAS_MASTER) && !index_of(w, c->want->master))
		return false;
	for (size_t i = 0; i < c->want->settings.n; i++) {
		const struct pt_link_setting *s = &c->want->settings.v[i];

		if (s->attr->form == PT_FORM_LINK && c->want->kind != PT_LINK_BOND && !index_of(w, s->name))
			return false;
	}
	return true;
}

int pt_link_put(struct pt_nl_stream *s, const struct pt_links *now, const struct pt_link_change *c, uint64_t cookie)
{
	const struct writer w = { s, now, c, cookie };

	if (!all_known(&w))
		return -ENOENT;
	if (c->op == PT_LINK_DELETE)
		return delete(&w);
	return c->op == PT_LINK_CREATE ? create_all(&w) : change_all(&w);
}
