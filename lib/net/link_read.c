/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/link_read - links as the kernel tells of them. Every length may be a lie, and what is not understood is left out.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include "net/kind.h"
#include "net/message.h"

#define TICKS_A_SECOND 100 /* USER_HZ, of all that Linux tells */

/* ---- settings ---- */

struct reader {
	struct pt_links *links;
	struct pt_link *l;
	const struct nlattr *top[IFLA_MAX + 1];
	const struct nlattr *data[64]; /* of the kind, or of the port */
};

static int get_u8(const struct nlattr *attr, uint64_t *out)
{
	uint8_t v = 0;
	int rc = pt_nl_get(attr, &v, sizeof(v));

	*out = v;
	return rc;
}

static int get_u16(const struct nlattr *attr, uint64_t *out)
{
	uint16_t v = 0;
	int rc = pt_nl_get(attr, &v, sizeof(v));

	*out = v;
	return rc;
}

static int get_u32(const struct nlattr *attr, uint64_t *out)
{
	uint32_t v = 0;
	int rc = pt_nl_get(attr, &v, sizeof(v));

	*out = v;
	return rc;
}

static int get_be16(const struct nlattr *attr, uint64_t *out)
{
	uint16_t v = 0;
	int rc = pt_nl_get_be16(attr, &v);

	*out = v;
	return rc;
}

static int get_ticks(const struct nlattr *attr, uint64_t *out)
{
	int rc = get_u32(attr, out);

	*out /= TICKS_A_SECOND;
	return rc;
}

static int (*const readers[])(const struct nlattr *attr, uint64_t *out) = {
	[PT_FORM_U8] = get_u8,	     [PT_FORM_U16] = get_u16,	[PT_FORM_U32] = get_u32, [PT_FORM_BE16] = get_be16,
	[PT_FORM_TICKS] = get_ticks, [PT_FORM_LINK] = get_u32,
};

static int get_addr(const struct nlattr *attr, struct pt_addr *out)
{
	int rc = pt_nl_get_addr(attr, PT_AF_NONE, out);

	if (!rc && !out->v)
		out->af = PT_AF_NONE; /* not given */
	return rc;
}

static int get_flags(const struct reader *r, uint16_t *flags)
{
	*flags = 0;
	return pt_nl_get_be16(r->data[IFLA_GRE_IFLAGS], flags);
}

/* 1: it is there; 0: it is not set. */
static int read_one(const struct reader *r, const struct pt_link_attr *row, struct pt_link_setting *s)
{
	const struct nlattr *attr = row->top ? r->top[row->type] : r->data[row->type];
	uint16_t flags;
	uint32_t key = 0;
	int rc;

	if (!attr && row->type6)
		attr = r->data[row->type6];
	if (!attr)
		return 0;
	switch (row->form) {
	case PT_FORM_ADDR:
		rc = get_addr(attr, &s->addr);
		return rc ? rc : s->addr.af != PT_AF_NONE;
	case PT_FORM_KEY:
		rc = get_flags(r, &flags);
		if (!rc)
			rc = pt_nl_get_be32(attr, &key);
		s->number = key;
		return rc ? rc : (flags & ntohs(GRE_KEY)) != 0;
	case PT_FORM_CHECKSUM:
		rc = get_flags(r, &flags);
		s->number = (flags & ntohs(GRE_CSUM)) != 0;
		return rc ? rc : 1;
	case PT_FORM_PEER: /* told as IFLA_LINK, see link_peers() */
		return 0;
	default:
		rc = readers[row->form](attr, &s->number);
		return rc ? rc : row->form != PT_FORM_LINK || s->number != 0;
	}
}

static int read_settings(struct reader *r, bool port)
{
	for (const struct pt_link_attr *row = pt_link_attrs; row->name; row++) {
		struct pt_link_setting s = { .attr = row };
		int rc;

		if (row->port != port || !(row->kinds & 1u << r->l->kind))
			continue;
		rc = read_one(r, row, &s);
		if (rc < 0)
			return rc;
		if (rc && pt_vec_push(r->links->arena, &r->l->settings, s))
			return -ENOMEM;
	}
	return 0;
}

static void no_data(struct reader *r)
{
	memset(r->data, 0, sizeof(r->data));
}

/* As the kernel numbers them. */
static const char *const bridge_states[] = { "disabled", "listening", "learning", "forwarding", "blocking" };
static const char *const bond_states[] = { "active", "backup" };

static int read_port_state(struct reader *r, bool bridge)
{
	uint8_t state = UINT8_MAX, mii = 0;

	if (pt_nl_get(r->data[bridge ? IFLA_BRPORT_STATE : IFLA_BOND_SLAVE_STATE], &state, sizeof(state)) ||
	    (!bridge && pt_nl_get(r->data[IFLA_BOND_SLAVE_MII_STATUS], &mii, sizeof(mii))))
		return -EBADMSG;
	if (bridge && state < PT_ARRAY_SIZE(bridge_states))
		r->l->port_state = bridge_states[state];
	else if (!bridge && mii)
		r->l->port_state = "down";
	else if (!bridge && state < PT_ARRAY_SIZE(bond_states))
		r->l->port_state = bond_states[state];
	return 0;
}

static int read_kind(struct reader *r)
{
	bool bridge;
	const struct nlattr *info[IFLA_INFO_SLAVE_DATA + 1] = { 0 };
	char kind[32] = "", port_of[32] = "";
	int rc;

	r->l->kernel_kind = "";
	if (!r->top[IFLA_LINKINFO])
		return 0;
	if (pt_nl_nested(r->top[IFLA_LINKINFO], info, PT_ARRAY_SIZE(info)) ||
	    pt_nl_get_str(info[IFLA_INFO_KIND], kind, sizeof(kind)) ||
	    pt_nl_get_str(info[IFLA_INFO_SLAVE_KIND], port_of, sizeof(port_of)))
		return -EBADMSG;
	r->l->kernel_kind = pt_arena_strdup(r->links->arena, kind);
	if (!r->l->kernel_kind)
		return -ENOMEM;
	r->l->kind = net_kind_find(kind);
	no_data(r);
	if (info[IFLA_INFO_DATA] && pt_nl_nested(info[IFLA_INFO_DATA], r->data, PT_ARRAY_SIZE(r->data)))
		return -EBADMSG;
	rc = r->l->kind == PT_LINK_PHYSICAL ? 0 : read_settings(r, false);
	bridge = !strcmp(port_of, "bridge");
	if (rc || (!bridge && strcmp(port_of, "bond") != 0) || !info[IFLA_INFO_SLAVE_DATA])
		return rc;
	no_data(r);
	if (pt_nl_nested(info[IFLA_INFO_SLAVE_DATA], r->data, PT_ARRAY_SIZE(r->data)) || read_port_state(r, bridge))
		return -EBADMSG;
	return bridge ? read_settings(r, true) : 0;
}

/* ---- the link ---- */

static int read_counters(const struct nlattr *attr, struct pt_link_counters *out)
{
	struct rtnl_link_stats64 s = { 0 };

	/* Older and newer kernels have shorter and longer ones; what is counted here is in all. */
	if (!attr || mnl_attr_get_payload_len(attr) < offsetof(struct rtnl_link_stats64, multicast))
		return attr ? -EBADMSG : 0;
	memcpy(&s, mnl_attr_get_payload(attr), offsetof(struct rtnl_link_stats64, multicast));
	*out = (struct pt_link_counters){ s.rx_packets, s.tx_packets, s.rx_bytes,   s.tx_bytes,
					  s.rx_errors,  s.tx_errors,  s.rx_dropped, s.tx_dropped };
	return 0;
}

static int read_texts(struct reader *r)
{
	char alias[256] = ""; /* IFALIASZ */

	if (!r->top[IFLA_IFNAME] || pt_nl_get_str(r->top[IFLA_IFNAME], r->l->name, sizeof(r->l->name)) || !r->l->name[0] ||
	    pt_nl_get_str(r->top[IFLA_IFALIAS], alias, sizeof(alias)))
		return -EBADMSG;
	r->l->alias = alias[0] ? pt_arena_strdup(r->links->arena, alias) : "";
	return r->l->alias ? 0 : -ENOMEM;
}

static int read_numbers(struct reader *r)
{
	struct pt_link *l = r->l;

	if (pt_nl_get(r->top[IFLA_MTU], &l->mtu, sizeof(l->mtu)) ||
	    pt_nl_get(r->top[IFLA_TXQLEN], &l->txqueuelen, sizeof(l->txqueuelen)) ||
	    pt_nl_get(r->top[IFLA_LINK], &l->parent, sizeof(l->parent)) ||
	    pt_nl_get(r->top[IFLA_MASTER], &l->master_index, sizeof(l->master_index)) ||
	    pt_nl_get(r->top[IFLA_CARRIER_CHANGES], &l->carrier_changes, sizeof(l->carrier_changes)) ||
	    pt_nl_get(r->top[IFLA_OPERSTATE], &l->operstate, sizeof(l->operstate)))
		return -EBADMSG;
	l->foreign_parent = r->top[IFLA_LINK_NETNSID] != NULL;
	l->has_mac = r->top[IFLA_ADDRESS] && mnl_attr_get_payload_len(r->top[IFLA_ADDRESS]) == sizeof(l->mac);
	if (l->has_mac)
		memcpy(l->mac, mnl_attr_get_payload(r->top[IFLA_ADDRESS]), sizeof(l->mac));
	return read_counters(r->top[IFLA_STATS64], &l->counters);
}

/* By index, as the kernel lists them: a new one is the last one most of the time. */
static int put(struct pt_links *links, const struct pt_link *l)
{
	struct pt_link *have = pt_links_index(links, l->index);
	size_t at;
	int rc;

	if (have) {
		*have = *l;
		return 0;
	}
	rc = pt_vec_push(links->arena, &links->v, *l);
	if (rc)
		return rc;
	for (at = links->v.n - 1; at > 0 && links->v.v[at - 1].index > l->index; at--)
		links->v.v[at] = links->v.v[at - 1];
	links->v.v[at] = *l;
	return 0;
}

int pt_links_parse(struct pt_links *links, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct pt_link l = { .kernel_kind = "", .alias = "" };
	struct reader r = { .links = links, .l = &l };
	int rc;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*info), r.top, PT_ARRAY_SIZE(r.top)))
		return -EBADMSG;
	/* A bridge tells of its ports in messages of another family. */
	if (info->ifi_family != AF_UNSPEC)
		return 0;
	if (info->ifi_index <= 0)
		return -EBADMSG;
	l.index = (uint32_t)info->ifi_index;
	l.flags = info->ifi_flags;
	l.up = info->ifi_flags & IFF_UP;
	l.running = info->ifi_flags & IFF_RUNNING;
	rc = read_texts(&r);
	if (!rc)
		rc = read_numbers(&r);
	if (!rc)
		rc = read_kind(&r);
	return rc ? rc : put(links, &l);
}

/* ---- all of them ---- */

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_links_parse(arg, nlh);
}

static void forget(void *arg)
{
	((struct pt_links *)arg)->v.n = 0;
}

/* Names for what the kernel told by index. A veth's other end is told as the link that it stands on. */
int pt_links_name(struct pt_links *links)
{
	for (size_t i = 0; i < links->v.n; i++) {
		struct pt_link *l = &links->v.v[i];
		const struct pt_link *master = pt_links_index(links, l->master_index);
		const struct pt_link *peer = l->foreign_parent ? NULL : pt_links_index(links, l->parent);

		memcpy(l->master, master ? master->name : "", master ? sizeof(l->master) : 1);
		for (size_t k = 0; k < l->settings.n; k++) {
			struct pt_link_setting *s = &l->settings.v[k];
			const struct pt_link *other = s->attr->form == PT_FORM_LINK ? pt_links_index(links, (uint32_t)s->number) : NULL;

			s->name = other && !(s->attr->top && l->foreign_parent) ? other->name : NULL;
		}
		if (l->kind == PT_LINK_VETH && peer) {
			struct pt_link_setting s = { .attr = pt_link_attr(PT_LINK_VETH, "peer"), .name = peer->name };

			if (pt_vec_push(links->arena, &l->settings, s))
				return -ENOMEM;
		}
	}
	return 0;
}

static int read_all(struct pt_nl *route, uint32_t without, struct pt_arena *a, struct pt_links *out, struct pt_err *e)
{
	union net_request req;
	int rc;

	*out = (struct pt_links){ .arena = a };
	(void)net_request(&req, RTM_GETLINK, sizeof(struct ifinfomsg));
	if (without)
		mnl_attr_put_u32(&req.head, IFLA_EXT_MASK, without);
	rc = pt_nl_dump(route, &req.head, forget, take, out);
	if (!rc)
		rc = pt_links_name(out);
	return rc ? pt_err_sys(e, rc, "cannot read the links of this machine") : 0;
}

int pt_links_read(struct pt_nl *route, struct pt_arena *a, struct pt_links *out, struct pt_err *e)
{
	return read_all(route, 0, a, out, e);
}

int pt_links_read_plain(struct pt_nl *route, struct pt_arena *a, struct pt_links *out, struct pt_err *e)
{
	return read_all(route, RTEXT_FILTER_SKIP_STATS, a, out, e);
}
