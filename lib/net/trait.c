/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/trait - traits of links: the difference, its words, and its messages. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/message.h"
#include "net/trait.h"

#define MESSAGE_MAX 256

/* ---- comparing ---- */

/* What is one to the kernel: its value may differ. */
static int by_place(const void *x, const void *y)
{
	const struct pt_trait *const *p = x, *const *q = y;
	const struct pt_trait *a = *p, *b = *q;
	int order = strcmp(a->device, b->device);

	if (order)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (a->addr.af != b->addr.af)
		return a->addr.af < b->addr.af ? -1 : 1;
	return (a->addr.v > b->addr.v) - (a->addr.v < b->addr.v);
}

static const struct pt_trait **sorted(const struct pt_traits *l, struct pt_arena *a)
{
	const struct pt_trait **v = pt_arena_alloc(a, (l->v.n + 1) * sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */

	for (size_t i = 0; v && i < l->v.n; i++)
		v[i] = &l->v.v[i];
	if (v)
		qsort(v, l->v.n, sizeof(*v), by_place); /* NOLINT(bugprone-sizeof-expression) */
	return v;
}

static const struct pt_trait *find(const struct pt_trait **v, size_t n, const struct pt_trait *t)
{
	const struct pt_trait **found = n ? bsearch(&t, v, n, sizeof(*v), by_place) : NULL; /* NOLINT(bugprone-sizeof-expression) */

	return found ? *found : NULL;
}

/* Some VLAN of its device is wanted: then it has the wanted ones and no others. */
static bool has_vlans(const struct pt_trait **v, size_t n, const char *device)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = strcmp(v[mid]->device, device);

		if (!order && v[mid]->kind == PT_TRAIT_VLAN)
			return true;
		if (order < 0)
			from = mid + 1;
		else
			to = mid; /* VLANs are the first kind */
	}
	return false;
}

static bool goes(const struct pt_trait *h, const struct pt_trait **want, size_t n, const struct pt_links *wanted)
{
	const struct pt_link *l;

	if (find(want, n, h))
		return false;
	switch (h->kind) {
	case PT_TRAIT_VLAN:
		return has_vlans(want, n, h->device);
	case PT_TRAIT_REMOTE:
		l = pt_links_find(wanted, h->device);
		return l && l->kind == PT_LINK_VXLAN;
	default:
		return false;
	}
}

static int change(struct pt_arena *a, pt_trait_changes *out, enum pt_trait_op op, const struct pt_trait *t, uint32_t index)
{
	struct pt_trait_change c = { op, *t };

	c.t.index = index;
	return pt_vec_push(a, out, c);
}

int pt_traits_diff(const struct pt_traits *want, const struct pt_traits *have, const struct pt_links *links,
		   const struct pt_links *wanted, struct pt_arena *a, pt_trait_changes *out)
{
	const struct pt_trait **w = sorted(want, a), **h = sorted(have, a);
	int rc = w && h ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < want->v.n; i++) {
		const struct pt_trait *t = &want->v.v[i], *old = find(h, have->v.n, t);
		const struct pt_link *l = pt_links_find(links, t->device);
		bool is_set = t->kind == PT_TRAIT_OFFLOAD || t->kind == PT_TRAIT_SETTING || (old && t->kind == PT_TRAIT_VLAN);

		if (!old || old->value != t->value)
			rc = change(a, out, is_set ? PT_TRAIT_SET : PT_TRAIT_ADD, t, l ? l->index : 0);
	}
	for (size_t i = 0; !rc && i < have->v.n; i++)
		if (goes(&have->v.v[i], w, want->v.n, wanted))
			rc = change(a, out, PT_TRAIT_DELETE, &have->v.v[i], have->v.v[i].index);
	return rc;
}

/* ---- writing ---- */

static struct nlmsghdr *begin(struct pt_nl_stream *s, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, MESSAGE_MAX));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	return nlh;
}

static struct nlmsghdr *put_vlan(struct pt_nl_stream *s, const struct pt_trait *t, bool delete)
{
	struct bridge_vlan_info vlan = { .flags = (uint16_t)t->value, .vid = (uint16_t)t->number };
	struct nlmsghdr *nlh = begin(s, delete ? RTM_DELLINK : RTM_SETLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	struct nlattr *nest;

	info->ifi_family = AF_BRIDGE;
	info->ifi_index = (int)t->index;
	nest = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	if (t->bridge)
		mnl_attr_put_u16(nlh, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
	mnl_attr_put(nlh, IFLA_BRIDGE_VLAN_INFO, sizeof(vlan), &vlan);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

/* A vxlan has many ends for the link address that nobody has. */
static struct nlmsghdr *put_remote(struct pt_nl_stream *s, const struct pt_trait *t, bool delete)
{
	static const uint8_t zero[6];
	struct nlmsghdr *nlh = begin(s, delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? 0 : NLM_F_CREATE | NLM_F_APPEND);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = AF_BRIDGE;
	nd->ndm_ifindex = (int)t->index;
	nd->ndm_state = NUD_NOARP | NUD_PERMANENT;
	nd->ndm_flags = NTF_SELF;
	pt_nl_put_addr(nlh, NDA_DST, t->addr);
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(zero), zero);
	return nlh;
}

int pt_trait_put(struct pt_nl_stream *s, const struct pt_trait_change *c, uint64_t cookie)
{
	const struct pt_trait *t = &c->t;
	bool delete = c->op == PT_TRAIT_DELETE;

	if (!t->index)
		return -ENOENT;
	if (t->kind == PT_TRAIT_OFFLOAD)
		return net_offload_set(t->device, t->number, t->value);
	if (t->kind == PT_TRAIT_SETTING)
		return net_setting_set(t->device, t->number, t->value);
	return pt_nl_stream_commit(s, t->kind == PT_TRAIT_VLAN ? put_vlan(s, t, delete) : put_remote(s, t, delete), cookie);
}

bool pt_trait_known(const struct pt_trait *t)
{
	if (t->kind == PT_TRAIT_OFFLOAD)
		return strcmp(net_offload_name(t->number), "?") != 0;
	return t->kind != PT_TRAIT_SETTING || strcmp(net_setting_name(t->number), "?") != 0;
}

void pt_trait_print(struct pt_buf *b, const struct pt_trait *t)
{
	pt_buf_str(b, t->device);
	switch (t->kind) {
	case PT_TRAIT_VLAN:
		pt_buf_fmt(b, " vlans %u%s%s", t->number, t->value & PT_VLAN_PVID ? " pvid" : "",
			   t->value & PT_VLAN_UNTAGGED ? " untagged" : "");
		break;
	case PT_TRAIT_REMOTE:
		pt_buf_str(b, " remotes ");
		pt_addr_fmt(b, t->addr);
		break;
	case PT_TRAIT_OFFLOAD:
		pt_buf_fmt(b, " offload %s %s", net_offload_name(t->number), t->value ? "on" : "off");
		break;
	case PT_TRAIT_SETTING:
		pt_buf_fmt(b, " %s %u", net_setting_name(t->number), t->value);
		break;
	}
}
