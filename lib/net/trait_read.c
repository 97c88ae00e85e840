/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/trait_read - traits of links as the kernel tells of them. VLANs come in messages of the bridge family, one a port; other ends of
 * a vxlan among all that bridges have learned.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/kind.h"
#include "net/message.h"
#include "net/trait.h"

struct reader {
	const struct pt_links *links;
	struct pt_traits *out;
	size_t start; /* where the list begins that is being read */
};

static struct pt_trait trait_of(const struct pt_link *l, enum pt_trait_kind kind)
{
	struct pt_trait t = { .kind = kind, .index = l->index };

	memcpy(t.device, l->name, sizeof(t.device));
	return t;
}

static bool is_our_bridge(const struct pt_link *l)
{
	return l && l->kind == PT_LINK_BRIDGE && pt_link_ours(l);
}

/* ---- VLANs ---- */

static int take_vlans(struct pt_traits *out, const struct pt_link *l, const struct nlattr *list)
{
	struct pt_trait t = trait_of(l, PT_TRAIT_VLAN);
	const struct nlattr *attr = mnl_attr_get_payload(list);
	int left = mnl_attr_get_payload_len(list);

	t.bridge = l->kind == PT_LINK_BRIDGE;
	for (; mnl_attr_ok(attr, left); left -= (int)MNL_ALIGN(attr->nla_len), attr = mnl_attr_next(attr)) {
		struct bridge_vlan_info info;

		if (mnl_attr_get_type(attr) != IFLA_BRIDGE_VLAN_INFO)
			continue;
		if (pt_nl_get(attr, &info, sizeof(info)))
			return -EBADMSG;
		t.number = info.vid;
		t.value = info.flags & (PT_VLAN_PVID | PT_VLAN_UNTAGGED);
		if (pt_vec_push(out->arena, &out->v, t))
			return -ENOMEM;
	}
	return 0;
}

static int parse_port(struct pt_traits *out, const struct pt_links *links, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_AF_SPEC + 1];
	const struct pt_link *l;

	if (pt_nl_attrs(nlh, sizeof(*info), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	l = info->ifi_family == AF_BRIDGE ? pt_links_index(links, (uint32_t)info->ifi_index) : NULL;
	if (!l || !tb[IFLA_AF_SPEC])
		return 0;
	if (!is_our_bridge(l) && !is_our_bridge(pt_links_index(links, l->master_index)))
		return 0;
	return take_vlans(out, l, tb[IFLA_AF_SPEC]);
}

/* ---- other ends ---- */

/* The one end that the link itself has is among the others. */
static bool is_remote(const struct pt_link *l, struct pt_addr a)
{
	for (size_t i = 0; i < l->settings.n; i++)
		if (!strcmp(l->settings.v[i].attr->name, "remote") && l->settings.v[i].addr.af == a.af && l->settings.v[i].addr.v == a.v)
			return true;
	return false;
}

static bool is_zero(const struct nlattr *attr)
{
	static const uint8_t zero[6];

	return attr && mnl_attr_get_payload_len(attr) == sizeof(zero) && !memcmp(mnl_attr_get_payload(attr), zero, sizeof(zero));
}

static int parse_remote(struct pt_traits *out, const struct pt_links *links, const struct nlmsghdr *nlh)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_LLADDR + 1];
	const struct pt_link *l;
	struct pt_trait t;

	if (pt_nl_attrs(nlh, sizeof(*nd), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	l = nd->ndm_family == AF_BRIDGE ? pt_links_index(links, (uint32_t)nd->ndm_ifindex) : NULL;
	if (!l || l->kind != PT_LINK_VXLAN || !pt_link_ours(l) || !tb[NDA_DST] || !is_zero(tb[NDA_LLADDR]))
		return 0;
	t = trait_of(l, PT_TRAIT_REMOTE);
	if (pt_nl_get_addr(tb[NDA_DST], PT_AF_NONE, &t.addr))
		return -EBADMSG;
	return is_remote(l, t.addr) ? 0 : pt_vec_push(out->arena, &out->v, t);
}

int pt_traits_parse(struct pt_traits *out, const struct pt_links *links, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == RTM_NEWLINK)
		return parse_port(out, links, nlh);
	return nlh->nlmsg_type == RTM_NEWNEIGH ? parse_remote(out, links, nlh) : 0;
}

/* ---- all of them ---- */

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct reader *r = arg;

	return pt_traits_parse(r->out, r->links, nlh);
}

static void forget(void *arg)
{
	const struct reader *r = arg;

	r->out->v.n = r->start;
}

static int dump_vlans(struct pt_nl *route, struct reader *r)
{
	union net_request req;
	struct ifinfomsg *info = net_request(&req, RTM_GETLINK, sizeof(*info));

	info->ifi_family = AF_BRIDGE;
	mnl_attr_put_u32(&req.head, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
	r->start = r->out->v.n;
	return pt_nl_dump(route, &req.head, forget, take, r);
}

static int dump_remotes(struct pt_nl *route, struct reader *r)
{
	union net_request req;
	struct ndmsg *nd = net_request(&req, RTM_GETNEIGH, sizeof(*nd));

	nd->ndm_family = AF_BRIDGE;
	r->start = r->out->v.n;
	return pt_nl_dump(route, &req.head, forget, take, r);
}

/* What is asked of the device itself; one that cannot tell has nothing. */
static int ask_one(struct reader *r, const struct pt_trait *want)
{
	const struct pt_link *l = pt_links_find(r->links, want->device);
	bool offload = want->kind == PT_TRAIT_OFFLOAD;
	struct pt_trait t;

	if (!l || (!offload && want->kind != PT_TRAIT_SETTING))
		return 0;
	t = trait_of(l, want->kind);
	t.number = want->number;
	if (offload ? net_offload_get(l->name, t.number, &t.value) : net_setting_get(l->name, t.number, &t.value))
		return 0;
	return pt_vec_push(r->out->arena, &r->out->v, t);
}

int pt_traits_read(struct pt_nl *route, const struct pt_links *links, const struct pt_traits *want, struct pt_arena *a,
		   struct pt_traits *out, struct pt_err *e)
{
	struct reader r = { .links = links, .out = out };
	bool bridges = false, vxlans = false;
	int rc = 0;

	*out = (struct pt_traits){ .arena = a };
	for (size_t i = 0; i < links->v.n; i++) {
		bridges = bridges || is_our_bridge(&links->v.v[i]);
		vxlans = vxlans || (links->v.v[i].kind == PT_LINK_VXLAN && pt_link_ours(&links->v.v[i]));
	}
	if (bridges)
		rc = dump_vlans(route, &r);
	if (!rc && vxlans)
		rc = dump_remotes(route, &r);
	for (size_t i = 0; !rc && i < want->v.n; i++)
		rc = ask_one(&r, &want->v.v[i]);
	return rc ? pt_err_sys(e, rc, "cannot read what the links of this machine have") : 0;
}
