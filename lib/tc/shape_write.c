/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tc/shape_write - one change of a queueing discipline, class or redirect as a message, and as words. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "tc/shape_kind.h"

#define MESSAGE_MAX 4096

static const uint16_t types[][3] = {
	[PT_SHAPE_QDISC] = { RTM_DELQDISC, RTM_NEWQDISC, RTM_NEWQDISC },
	[PT_SHAPE_CLASS] = { RTM_DELTCLASS, RTM_NEWTCLASS, RTM_NEWTCLASS },
	[PT_SHAPE_EACH] = { RTM_DELTFILTER, RTM_NEWTFILTER, RTM_NEWTFILTER },
	[PT_SHAPE_INTO] = { RTM_DELTFILTER, RTM_NEWTFILTER, RTM_NEWTFILTER },
	[PT_SHAPE_HOOK] = { RTM_DELQDISC, RTM_NEWQDISC, RTM_NEWQDISC },
	[PT_SHAPE_REDIRECT] = { RTM_DELTFILTER, RTM_NEWTFILTER, RTM_NEWTFILTER },
};

static void put_options(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	const struct shape_kind *kind = shape_kind(s->kind);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, TCA_KIND, s->kind);
	if (!kind)
		return;
	if (s->what == PT_SHAPE_QDISC && kind->table)
		shape_frame_put(nlh, &s->v);
	nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	if (s->what == PT_SHAPE_CLASS)
		shape_class_put(nlh, s);
	else
		kind->put(nlh, s);
	mnl_attr_nest_end(nlh, nest);
}

/* Every packet, of whatever protocol. */
static void put_all(struct nlmsghdr *nlh)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} all = { .sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 } };

	mnl_attr_put(nlh, TCA_U32_SEL, sizeof(all), &all);
}

static void put_redirect(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	const struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = s->target_index };
	struct nlattr *options, *actions, *action, *inner;

	mnl_attr_put_strz(nlh, TCA_KIND, "u32");
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	put_all(nlh);
	actions = mnl_attr_nest_start(nlh, TCA_U32_ACT);
	action = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, TCA_ACT_KIND, "mirred");
	inner = mnl_attr_nest_start(nlh, TCA_ACT_OPTIONS);
	mnl_attr_put(nlh, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(nlh, inner);
	mnl_attr_nest_end(nlh, action);
	mnl_attr_nest_end(nlh, actions);
	mnl_attr_nest_end(nlh, options);
}

static void put_into(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	struct nlattr *options;

	mnl_attr_put_strz(nlh, TCA_KIND, "u32");
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put_u32(nlh, TCA_U32_CLASSID, s->v.fallback);
	put_all(nlh);
	mnl_attr_nest_end(nlh, options);
}

/* What the program returns is the class. */
static void put_each(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	struct nlattr *options;

	mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put_u32(nlh, TCA_BPF_FD, (uint32_t)s->fd);
	mnl_attr_put_strz(nlh, TCA_BPF_NAME, s->program);
	mnl_attr_nest_end(nlh, options);
}

/* Where the object stands, in the words of traffic control. */
static void put_place(struct tcmsg *tc, const struct pt_shape_change *c)
{
	const struct pt_shape *s = &c->s;

	tc->tcm_ifindex = (int)s->index;
	tc->tcm_handle = s->handle;
	tc->tcm_parent = s->parent;
	if (s->what == PT_SHAPE_HOOK) {
		tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
		tc->tcm_parent = TC_H_CLSACT;
	} else if (s->what == PT_SHAPE_REDIRECT) {
		/* The whole preference is ours, whatever number the kernel gave the filter. */
		tc->tcm_handle = 0;
		tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
		tc->tcm_info = TC_H_MAKE((uint32_t)PT_SHAPE_PREF << 16, htons(ETH_P_ALL));
	} else if (s->what == PT_SHAPE_EACH || s->what == PT_SHAPE_INTO) {
		tc->tcm_handle = s->what == PT_SHAPE_EACH && c->op != PT_SHAPE_DELETE;
		tc->tcm_info = TC_H_MAKE((uint32_t)PT_SHAPE_PREF << 16, htons(ETH_P_ALL));
	}
}

static uint16_t flags_of(const struct pt_shape_change *c)
{
	if (c->op == PT_SHAPE_DELETE || (c->op == PT_SHAPE_CHANGE && (c->s.what == PT_SHAPE_CLASS || pt_shape_is_root(&c->s))))
		return 0;
	if (c->s.what == PT_SHAPE_QDISC)
		return NLM_F_CREATE | NLM_F_REPLACE;
	if (c->s.what == PT_SHAPE_EACH && c->op == PT_SHAPE_CHANGE)
		return NLM_F_CREATE; /* one program takes the place of the other between two packets */
	return NLM_F_CREATE | NLM_F_EXCL;
}

int pt_shape_put(struct pt_nl_stream *stream, const struct pt_shape_change *c, uint64_t cookie)
{
	struct nlmsghdr *nlh;
	struct pt_shape s;
	struct tcmsg *tc;

	if (!c->s.index || (c->s.what == PT_SHAPE_REDIRECT && c->op != PT_SHAPE_DELETE && !c->s.target_index))
		return -ENOENT;
	nlh = mnl_nlmsg_put_header(pt_nl_stream_room(stream, MESSAGE_MAX));
	nlh->nlmsg_type = types[c->s.what][c->op];
	nlh->nlmsg_flags = NLM_F_REQUEST | flags_of(c);
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	put_place(tc, c);
	s = c->s;
	if (c->op == PT_SHAPE_CHANGE && !strcmp(s.kind, "fq_codel"))
		s.v.flows = 0;
	if (c->op == PT_SHAPE_DELETE)
		mnl_attr_put_strz(nlh, TCA_KIND, s.kind);
	else if (s.what == PT_SHAPE_REDIRECT)
		put_redirect(nlh, &s);
	else if (s.what == PT_SHAPE_EACH)
		put_each(nlh, &s);
	else if (s.what == PT_SHAPE_INTO)
		put_into(nlh, &s);
	else
		put_options(nlh, &s);
	return pt_nl_stream_commit(stream, nlh, cookie);
}

/* ---- words ---- */

static void print_rate(struct pt_buf *b, const char *word, uint64_t rate)
{
	if (!rate)
		return;
	pt_buf_fmt(b, " %s ", word);
	pt_fmt_rate(b, rate);
}

static void print_frame(struct pt_buf *b, const struct pt_shape_values *v)
{
	static const char *const cells[] = { "", " cells atm", " cells ptm" };

	if (!v->framed)
		return;
	pt_buf_fmt(b, " overhead %d", v->overhead);
	if (v->mpu)
		pt_buf_fmt(b, " mpu %u", v->mpu);
	pt_buf_str(b, cells[v->cells]);
}

static void print_qdisc(struct pt_buf *b, const struct pt_shape *s)
{
	if (pt_shape_is_root(s)) {
		pt_buf_fmt(b, "shaper%s%s dev %s type %s", s->name ? " " : "", s->name ? s->name : "", s->device, s->kind);
		print_rate(b, "bandwidth", s->v.rate);
		print_frame(b, &s->v);
	} else {
		pt_buf_fmt(b, "leaf%s%s dev %s type %s", s->name ? " of " : "", s->name ? s->name : "", s->device, s->kind);
	}
}

/* By name, where it is known. */
static void print_class(struct pt_buf *b, const struct pt_shape *s, uint32_t class)
{
	if (s->name)
		pt_buf_fmt(b, "%s dev %s", s->name, s->device);
	else
		pt_buf_fmt(b, "%x:%x dev %s", class >> 16, class & 0xffff, s->device);
}

void pt_shape_print(struct pt_buf *b, const struct pt_shape *s)
{
	if (s->member) {
		pt_buf_str(b, s->what == PT_SHAPE_CLASS ? "classes for each host of " : "leaves for each host of ");
		print_class(b, s, s->parent);
		print_rate(b, "ceil", s->v.ceil);
		return;
	}
	switch (s->what) {
	case PT_SHAPE_QDISC:
		print_qdisc(b, s);
		break;
	case PT_SHAPE_CLASS:
		pt_buf_str(b, "queue ");
		print_class(b, s, s->handle);
		print_rate(b, "rate", s->v.rate);
		print_rate(b, "ceil", s->v.ceil);
		if (!s->inner)
			pt_buf_fmt(b, " priority %u", s->v.priority);
		break;
	case PT_SHAPE_EACH:
		pt_buf_str(b, "who is a host of ");
		print_class(b, s, s->parent);
		break;
	case PT_SHAPE_INTO:
		pt_buf_str(b, "packets of no queue into ");
		print_class(b, s, s->v.fallback);
		break;
	case PT_SHAPE_HOOK:
		pt_buf_fmt(b, "hook for arriving packets dev %s", s->device);
		break;
	case PT_SHAPE_REDIRECT:
		pt_buf_fmt(b, "redirect of arriving packets dev %s to %s", s->device, s->target);
		break;
	}
}
