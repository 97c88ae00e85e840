/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tc/shape_read - queueing disciplines, classes and redirects out of rtnetlink messages.
 *
 * What hangs on a root of somebody else is read as well: that it is there is all that is looked at. Of options that cannot be
 * understood only those of ours are an error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "tc/shape_kind.h"

bool pt_shape_is_ours(const struct pt_shape *s)
{
	return pt_shape_is_root(s) && (s->handle == PT_SHAPE_CLASSES_MAJOR << 16 || s->handle == PT_SHAPE_MAJOR << 16);
}

/* ---- statistics ---- */

static int parse_stats(const struct nlattr *attr, const struct shape_kind *kind, struct pt_arena *a, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_STATS_PKT64 + 1];
	struct {
		uint64_t bytes;
		uint32_t packets;
	} __attribute__((packed)) basic = { 0, 0 };
	struct gnet_stats_queue queue = { 0 };

	if (!attr)
		return 0;
	if (pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) || pt_nl_get(tb[TCA_STATS_BASIC], &basic, sizeof(basic)) ||
	    pt_nl_get(tb[TCA_STATS_QUEUE], &queue, sizeof(queue)))
		return -EBADMSG;
	s->stats = (struct pt_shape_stats){
		.bytes = basic.bytes,
		.packets = basic.packets,
		.drops = queue.drops,
		.overlimits = queue.overlimits,
		.requeues = queue.requeues,
		.backlog_packets = queue.qlen,
		.backlog_bytes = queue.backlog,
	};
	if (pt_nl_get(tb[TCA_STATS_PKT64], &s->stats.packets, sizeof(s->stats.packets)))
		return -EBADMSG;
	return kind && kind->stats && tb[TCA_STATS_APP] ? kind->stats(tb[TCA_STATS_APP], a, s) : 0;
}

/* ---- queueing disciplines and classes ---- */

/* Some that the device got from the kernel have no handle. */
static int parse_object(struct pt_shapes *out, const struct nlmsghdr *nlh, bool class)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_STAB + 1];
	const struct shape_kind *kind;
	struct pt_shape s = { .what = class ? PT_SHAPE_CLASS : PT_SHAPE_QDISC };
	int rc = 0;

	if (pt_nl_attrs(nlh, sizeof(*tc), tb, PT_ARRAY_SIZE(tb)) || !tb[TCA_KIND] ||
	    pt_nl_get_str(tb[TCA_KIND], s.kind, sizeof(s.kind)) || tc->tcm_ifindex <= 0)
		return -EBADMSG;
	s.index = (uint32_t)tc->tcm_ifindex;
	s.handle = tc->tcm_handle;
	s.parent = tc->tcm_parent;
	s.standing = !class && !s.handle;
	if (class && s.parent == PT_SHAPE_ROOT) /* one without a class above it, told without its root */
		s.parent = s.handle & 0xffff0000;
	if (!class && (!strcmp(s.kind, "clsact") || !strcmp(s.kind, "ingress")))
		s.what = PT_SHAPE_HOOK;
	kind = shape_kind(s.kind);
	if (class && strcmp(s.kind, "htb") != 0 && strcmp(s.kind, "fq_codel") != 0)
		return 0;
	if (kind && class && !strcmp(s.kind, "htb"))
		rc = tb[TCA_OPTIONS] ? shape_class_parse(tb[TCA_OPTIONS], &s) : -EBADMSG;
	else if (kind && !class && !s.standing)
		rc = tb[TCA_OPTIONS] ? kind->parse(tb[TCA_OPTIONS], &s) : -EBADMSG;
	if (!rc && kind && kind->table)
		rc = shape_frame_parse(tb[TCA_STAB], &s.v);
	if (!rc)
		rc = parse_stats(tb[TCA_STATS2], kind, out->arena, &s);
	return rc ? rc : pt_vec_push(out->arena, &out->v, s);
}

/* ---- filters ---- */

/* The device that an action of kind mirred sends to; 0: it is something else. */
static uint32_t target_of(const struct nlattr *actions)
{
	const struct nlattr *list[2], *act[TCA_ACT_OPTIONS + 1], *opt[TCA_MIRRED_PARMS + 1];
	struct tc_mirred m = { 0 };
	char kind[16] = "";

	if (!actions || pt_nl_nested(actions, list, PT_ARRAY_SIZE(list)) || !list[1] || pt_nl_nested(list[1], act, PT_ARRAY_SIZE(act)) ||
	    pt_nl_get_str(act[TCA_ACT_KIND], kind, sizeof(kind)) || strcmp(kind, "mirred") != 0 || !act[TCA_ACT_OPTIONS] ||
	    pt_nl_nested(act[TCA_ACT_OPTIONS], opt, PT_ARRAY_SIZE(opt)) || !opt[TCA_MIRRED_PARMS] ||
	    pt_nl_get(opt[TCA_MIRRED_PARMS], &m, sizeof(m)))
		return 0;
	return m.eaction == TCA_EGRESS_REDIR ? m.ifindex : 0;
}

/* A filter of a root of ours or of a class: who of the hosts has which class below, or where all others go. */
static int parse_inner(struct pt_shapes *out, struct pt_shape *s, const struct nlattr *options)
{
	const struct nlattr *bpf[TCA_BPF_MAX + 1], *u32[TCA_U32_CLASSID + 1];

	if (!strcmp(s->kind, "bpf") && !pt_nl_nested(options, bpf, PT_ARRAY_SIZE(bpf)) && bpf[TCA_BPF_ID]) {
		s->what = PT_SHAPE_EACH;
		if (pt_nl_get(bpf[TCA_BPF_ID], &s->program_id, sizeof(s->program_id)))
			return -EBADMSG;
		if (pt_nl_get_str(bpf[TCA_BPF_NAME], s->program, sizeof(s->program)))
			s->program[0] = '\0'; /* none, or longer than any of ours */
	} else if (!strcmp(s->kind, "u32") && !pt_nl_nested(options, u32, PT_ARRAY_SIZE(u32)) && u32[TCA_U32_CLASSID]) {
		s->what = PT_SHAPE_INTO;
		if (pt_nl_get(u32[TCA_U32_CLASSID], &s->v.fallback, sizeof(s->v.fallback)))
			return -EBADMSG;
	} else {
		return 0;
	}
	return pt_vec_push(out->arena, &out->v, *s);
}

static int parse_filter(struct pt_shapes *out, const struct nlmsghdr *nlh)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_CHAIN + 1], *opt[TCA_U32_ACT + 1];
	struct pt_shape s = { .what = PT_SHAPE_REDIRECT, .fd = -1 };

	if (pt_nl_attrs(nlh, sizeof(*tc), tb, PT_ARRAY_SIZE(tb)) || pt_nl_get_str(tb[TCA_KIND], s.kind, sizeof(s.kind)) ||
	    tc->tcm_ifindex <= 0)
		return -EBADMSG;
	if (tc->tcm_info != TC_H_MAKE((uint32_t)PT_SHAPE_PREF << 16, htons(ETH_P_ALL)) || !tb[TCA_OPTIONS])
		return 0;
	s.index = (uint32_t)tc->tcm_ifindex;
	s.handle = tc->tcm_handle;
	s.parent = tc->tcm_parent;
	if (s.parent >> 16 == PT_SHAPE_CLASSES_MAJOR)
		return parse_inner(out, &s, tb[TCA_OPTIONS]);
	if (strcmp(s.kind, "u32") != 0 || pt_nl_nested(tb[TCA_OPTIONS], opt, PT_ARRAY_SIZE(opt)))
		return 0;
	s.target_index = target_of(opt[TCA_U32_ACT]);
	return s.target_index ? pt_vec_push(out->arena, &out->v, s) : 0;
}

int pt_shapes_parse(struct pt_shapes *out, const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWQDISC:
		return parse_object(out, nlh, false);
	case RTM_NEWTCLASS:
		return parse_object(out, nlh, true);
	case RTM_NEWTFILTER:
		return parse_filter(out, nlh);
	default:
		return 0;
	}
}

/* ---- dumps ---- */

struct reading {
	struct pt_shapes *out;
	size_t first; /* of this dump */
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_shapes_parse(((struct reading *)arg)->out, nlh);
}

static void forget(void *arg)
{
	struct reading *r = arg;

	r->out->v.n = r->first;
}

static int dump(struct pt_nl *route, uint16_t type, uint32_t index, uint32_t parent, struct pt_shapes *out)
{
	union {
		struct nlmsghdr head;
		uint8_t bytes[64];
	} req = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&req);
	struct reading r = { out, out->v.n };
	struct tcmsg *tc;

	nlh->nlmsg_type = type;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_ifindex = (int)index;
	tc->tcm_parent = parent;
	return pt_nl_dump(route, nlh, forget, take, &r);
}

/* What a device that is gone has. */
static int if_there(int rc)
{
	return rc == -ENODEV || rc == -EINVAL || rc == -ENOENT ? 0 : rc;
}

/* A flow of fq_codel is told as a class: of them only the longest wait is of use. */
static void fold_flows(struct pt_shapes *out, size_t first)
{
	size_t n = first;

	for (size_t i = first; i < out->v.n; i++) {
		struct pt_shape *s = &out->v.v[i];

		if (!strcmp(s->kind, "htb")) {
			out->v.v[n++] = *s;
			continue;
		}
		for (size_t k = 0; k < first; k++) {
			struct pt_shape *q = &out->v.v[k];

			if (q->what != PT_SHAPE_QDISC || q->index != s->index || q->handle >> 16 != s->handle >> 16)
				continue;
			q->stats.has_delay = true;
			if (s->stats.delay > q->stats.delay)
				q->stats.delay = s->stats.delay;
		}
	}
	out->v.n = n;
}

/* Filters of our root on a device, and of its inner classes. */
static int read_inner(struct pt_nl *route, uint32_t index, size_t first, struct pt_shapes *out)
{
	size_t n = out->v.n;
	int rc = if_there(dump(route, RTM_GETTFILTER, index, PT_SHAPE_CLASSES_MAJOR << 16, out));

	for (size_t i = first; !rc && i < n; i++)
		if (out->v.v[i].what == PT_SHAPE_CLASS && out->v.v[i].inner)
			rc = if_there(dump(route, RTM_GETTFILTER, index, out->v.v[i].handle, out));
	return rc;
}

static const struct pt_shape *find(const struct pt_shapes *in, enum pt_shape_what what, uint32_t index, uint32_t parent)
{
	for (size_t i = in->v.n; i-- > 0;)
		if (in->v.v[i].what == what && in->v.v[i].index == index && in->v.v[i].parent == parent)
			return &in->v.v[i];
	return NULL;
}

/* Classes below one that tells hosts apart are theirs, from FIRST on. */
static void mark_members(struct pt_shapes *out, size_t first)
{
	size_t n = out->v.n;

	for (size_t i = first; i < n; i++) {
		struct pt_shape *s = &out->v.v[i];

		s->member = s->what == PT_SHAPE_CLASS && find(out, PT_SHAPE_EACH, s->index, s->parent);
	}
}

static void mark_leaves(struct pt_shapes *out)
{
	for (size_t i = 0; i < out->v.n; i++) {
		struct pt_shape *leaf = &out->v.v[i];

		if (leaf->what != PT_SHAPE_QDISC || leaf->parent >> 16 != PT_SHAPE_CLASSES_MAJOR)
			continue;
		for (size_t k = 0; k < out->v.n && !leaf->member; k++) {
			const struct pt_shape *c = &out->v.v[k];

			leaf->member = c->handle == leaf->parent && c->index == leaf->index && c->what == PT_SHAPE_CLASS && c->member;
		}
	}
}

static bool has_our_ifb(const struct pt_links *links)
{
	for (size_t i = 0; i < links->v.n; i++)
		if (links->v.v[i].kind == PT_LINK_IFB && pt_link_ours(&links->v.v[i]))
			return true;
	return false;
}

static int read_all(struct pt_nl *route, const struct pt_links *links, struct pt_shapes *out)
{
	int rc = dump(route, RTM_GETQDISC, 0, 0, out);
	size_t n = out->v.n, first;

	for (size_t i = 0; !rc && i < n; i++) {
		const struct pt_shape *s = &out->v.v[i];
		uint32_t index = s->index;

		if (!pt_shape_is_ours(s))
			continue;
		first = out->v.n;
		rc = if_there(dump(route, RTM_GETTCLASS, index, 0, out));
		fold_flows(out, first);
		if (!rc && !strcmp(out->v.v[i].kind, "htb"))
			rc = read_inner(route, index, first, out);
		mark_members(out, first);
	}
	mark_leaves(out);
	for (size_t i = 0; !rc && i < n && has_our_ifb(links); i++)
		if (out->v.v[i].what == PT_SHAPE_HOOK)
			rc = if_there(dump(route, RTM_GETTFILTER, out->v.v[i].index, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), out));
	return rc;
}

static bool copy_name(char to[PT_LINK_NAME], const struct pt_links *links, uint32_t index)
{
	const struct pt_link *l = pt_links_index(links, index);

	if (l)
		memcpy(to, l->name, PT_LINK_NAME);
	return l != NULL;
}

/* A redirect is ours when it leads to a link that we made. */
static bool keeps(struct pt_shape *s, const struct pt_links *links)
{
	const struct pt_link *target;

	if (!copy_name(s->device, links, s->index))
		return false;
	if (s->what != PT_SHAPE_REDIRECT)
		return true;
	target = pt_links_index(links, s->target_index);
	return target && pt_link_ours(target) && copy_name(s->target, links, s->target_index);
}

int pt_shapes_read(struct pt_nl *route, const struct pt_links *links, struct pt_arena *a, struct pt_shapes *out, struct pt_err *e)
{
	size_t n = 0;
	int rc;

	*out = (struct pt_shapes){ .arena = a };
	rc = read_all(route, links, out);
	if (rc == -EOPNOTSUPP) /* a kernel without any traffic control */
		rc = 0;
	if (rc)
		return pt_err_sys(e, rc, "reading the queueing disciplines");
	for (size_t i = 0; i < out->v.n; i++)
		if (keeps(&out->v.v[i], links))
			out->v.v[n++] = out->v.v[i];
	out->v.n = n;
	return 0;
}
