/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tc/ingress - a BPF filter on the clsact hook of devices, over rtnetlink. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <patronus/tc.h>

#define PARENT_INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define PARENT_EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define HANDLE 1

union request {
	struct nlmsghdr head;
	uint8_t bytes[512];
};

static struct tcmsg *begin(union request *req, uint16_t type, uint16_t flags, uint32_t ifindex, uint32_t parent)
{
	struct nlmsghdr *nlh;
	struct tcmsg *tc;

	memset(req, 0, sizeof(*req));
	nlh = mnl_nlmsg_put_header(req);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = parent;
	return tc;
}

static uint32_t our_info(void)
{
	return TC_H_MAKE((uint32_t)PT_TC_PREF << 16, htons(ETH_P_ALL));
}

/* ---- reading ---- */

typedef PT_VEC(uint32_t) indexes;

struct reading {
	struct pt_arena *arena;
	indexes *hooks;
	pt_tc_filters *filters;
	size_t foreign; /* filters that are not ours */
};

static void forget_hooks(void *arg)
{
	((struct reading *)arg)->hooks->n = 0;
	((struct reading *)arg)->filters->n = 0;
}

static int take_qdisc(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_INGRESS_BLOCK + 1];
	struct pt_tc_filter shared = { .ifindex = (uint32_t)tc->tcm_ifindex, .foreign = true };
	struct reading *r = arg;
	char kind[16] = "";

	if (nlh->nlmsg_type != RTM_NEWQDISC)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*tc), tb, PT_ARRAY_SIZE(tb)) ||
	    pt_nl_get_str(tb[TCA_KIND], kind, sizeof(kind)))
		return -EBADMSG;
	if (strcmp(kind, "clsact") != 0 && strcmp(kind, "ingress") != 0)
		return 0;
	if (tb[TCA_INGRESS_BLOCK]) /* filters of several devices, which takes none of one */
		return pt_vec_push(r->arena, r->filters, shared);
	return pt_vec_push(r->arena, r->hooks, (uint32_t)tc->tcm_ifindex);
}

/* Whether the kernel would refuse a filter of ours beside this one, or put it in its place. */
static bool in_the_way(const struct tcmsg *tc, const char *kind)
{
	return tc->tcm_info >> 16 == PT_TC_PREF &&
	       (tc->tcm_info != our_info() || strcmp(kind, "bpf") != 0 || tc->tcm_handle == HANDLE);
}

/* Program and name of a filter of ours; false: it is not ours. */
static bool is_ours(const struct tcmsg *tc, const char *kind, const struct nlattr *options, struct pt_tc_filter *f)
{
	const struct nlattr *opt[TCA_BPF_MAX + 1];

	return tc->tcm_info == our_info() && tc->tcm_handle == HANDLE && !strcmp(kind, "bpf") && options &&
	       !pt_nl_nested(options, opt, PT_ARRAY_SIZE(opt)) && opt[TCA_BPF_ID] && opt[TCA_BPF_NAME] &&
	       !pt_nl_get(opt[TCA_BPF_ID], &f->prog_id, sizeof(f->prog_id)) &&
	       !pt_nl_get_str(opt[TCA_BPF_NAME], f->name, sizeof(f->name)) &&
	       !strncmp(f->name, PT_TC_NAME_OURS, strlen(PT_TC_NAME_OURS));
}

static int take_filter(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_CHAIN + 1];
	struct reading *r = arg;
	struct pt_tc_filter f = { 0 };
	uint32_t chain = 0;
	char kind[16] = "";

	if (nlh->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*tc), tb, PT_ARRAY_SIZE(tb)) ||
	    pt_nl_get_str(tb[TCA_KIND], kind, sizeof(kind)) ||
	    (tb[TCA_CHAIN] && pt_nl_get(tb[TCA_CHAIN], &chain, sizeof(chain))))
		return -EBADMSG;
	if (!tc->tcm_handle)
		return 0; /* of the preference as a whole */
	if (chain || !is_ours(tc, kind, tb[TCA_OPTIONS], &f)) {
		r->foreign++;
		if (chain || !in_the_way(tc, kind))
			return 0;
		f = (struct pt_tc_filter){ .foreign = true };
	}
	f.ifindex = (uint32_t)tc->tcm_ifindex;
	return pt_vec_push(r->arena, r->filters, f);
}

/* Our filters at the hook PARENT of a device; others are counted. A dump that is repeated repeats
 * filters of ours: the last of them counts. */
static int read_filters(struct pt_nl *route, uint32_t ifindex, uint32_t parent, struct reading *r)
{
	union request req;
	int rc;

	(void)begin(&req, RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent);
	rc = pt_nl_dump(route, &req.head, NULL, take_filter, r);
	return rc == -EINVAL || rc == -ENODEV ? 0 : rc; /* gone meanwhile */
}

int pt_tc_ingress_list(struct pt_nl *route, struct pt_arena *a, pt_tc_filters *out, struct pt_err *e)
{
	indexes hooks = { 0 };
	struct reading r = { .arena = a, .hooks = &hooks, .filters = out };
	union request req;
	int rc;

	out->n = 0;
	(void)begin(&req, RTM_GETQDISC, NLM_F_DUMP, 0, 0);
	rc = pt_nl_dump(route, &req.head, forget_hooks, take_qdisc, &r);
	for (size_t i = 0; !rc && i < hooks.n; i++)
		rc = read_filters(route, hooks.v[i], PARENT_INGRESS, &r);
	return rc ? pt_err_sys(e, rc, "reading the ingress filters of the devices") : 0;
}

/* ---- changing ---- */

static int hook(struct pt_nl *route, uint16_t type, uint16_t flags, uint32_t ifindex)
{
	union request req;

	begin(&req, type, flags, ifindex, TC_H_CLSACT)->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(&req.head, TCA_KIND, "clsact");
	return pt_nl_talk(route, &req.head, NULL, NULL);
}

static int put_filter(struct pt_nl *route, uint32_t ifindex, int prog_fd, const char *name)
{
	union request req;
	struct nlattr *opt;
	struct tcmsg *tc;

	tc = begin(&req, RTM_NEWTFILTER, NLM_F_CREATE, ifindex, PARENT_INGRESS);
	tc->tcm_handle = HANDLE;
	tc->tcm_info = our_info();
	mnl_attr_put_strz(&req.head, TCA_KIND, "bpf");
	opt = mnl_attr_nest_start(&req.head, TCA_OPTIONS);
	mnl_attr_put_u32(&req.head, TCA_BPF_FD, (uint32_t)prog_fd);
	mnl_attr_put_strz(&req.head, TCA_BPF_NAME, name);
	mnl_attr_put_u32(&req.head, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(&req.head, opt);
	return pt_nl_talk(route, &req.head, NULL, NULL);
}

int pt_tc_ingress_attach(struct pt_nl *route, uint32_t ifindex, int prog_fd, const char *name, struct pt_err *e)
{
	int rc = hook(route, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex);

	if (!rc || rc == -EEXIST)
		rc = put_filter(route, ifindex, prog_fd, name);
	if (rc == -EINVAL || rc == -EEXIST || rc == -EOPNOTSUPP)
		rc = -EBUSY; /* what the kernel says of a preference of another kind or protocol, or of a shared block */
	return rc ? pt_err_sys(e, rc, "putting the classifier on device number %u", ifindex) : 0;
}

int pt_tc_ingress_unhook(struct pt_nl *route, uint32_t ifindex, struct pt_err *e)
{
	struct pt_arena *arena = pt_arena_new();
	pt_tc_filters ours = { 0 };
	struct reading r = { .arena = arena, .filters = &ours };
	int rc = arena ? 0 : -ENOMEM;

	if (!rc)
		rc = read_filters(route, ifindex, PARENT_INGRESS, &r);
	if (!rc)
		rc = read_filters(route, ifindex, PARENT_EGRESS, &r);
	if (!rc && !r.foreign && !ours.n)
		rc = hook(route, RTM_DELQDISC, 0, ifindex);
	pt_arena_free(arena);
	if (rc == -ENOENT || rc == -EINVAL || rc == -ENODEV)
		return 0;
	return rc ? pt_err_sys(e, rc, "taking the hook off device number %u", ifindex) : 0;
}

int pt_tc_ingress_detach(struct pt_nl *route, uint32_t ifindex, struct pt_err *e)
{
	union request req;
	struct tcmsg *tc = begin(&req, RTM_DELTFILTER, 0, ifindex, PARENT_INGRESS);
	int rc;

	tc->tcm_handle = HANDLE;
	tc->tcm_info = our_info();
	mnl_attr_put_strz(&req.head, TCA_KIND, "bpf");
	rc = pt_nl_talk(route, &req.head, NULL, NULL);
	if (rc == -ENOENT || rc == -EINVAL || rc == -ENODEV)
		return 0;
	return rc ? pt_err_sys(e, rc, "taking the classifier off device number %u", ifindex) : 0;
}
