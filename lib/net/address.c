/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/address - addresses as the kernel tells of them and takes them.
 *
 * What the kernel calls IFA_ADDRESS is the other end on a point-to-point link and the own address elsewhere; IFA_LOCAL is the own
 * address wherever it is given. The length belongs to IFA_ADDRESS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <patronus/address.h>

#include "net/message.h"

#define MESSAGE_MAX 256
#define TIME_SLACK 3 /* seconds */

/* ---- reading ---- */

static int get_ends(const struct nlattr **tb, enum pt_af af, struct pt_address *a)
{
	struct pt_addr local = { 0 }, address = { 0 };

	if (pt_nl_get_addr(tb[IFA_LOCAL], af, &local) || pt_nl_get_addr(tb[IFA_ADDRESS], af, &address) ||
	    pt_nl_get_addr(tb[IFA_BROADCAST], af, &a->broadcast))
		return -EBADMSG;
	if (!local.af)
		local = address;
	if (!local.af)
		return -EBADMSG;
	a->prefix.addr = local;
	if (address.af && address.v != local.v)
		a->peer = address;
	return 0;
}

int pt_addresses_parse(struct pt_addresses *out, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_PROTO + 1];
	struct ifa_cacheinfo times = { .ifa_valid = UINT32_MAX, .ifa_prefered = UINT32_MAX };
	struct pt_address a = { 0 };
	enum pt_af af;

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*ifa), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return 0;
	af = ifa->ifa_family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	a.index = ifa->ifa_index;
	a.prefix.len = ifa->ifa_prefixlen;
	a.scope = ifa->ifa_scope;
	a.flags = ifa->ifa_flags;
	if (ifa->ifa_prefixlen > pt_af_bits(af) || get_ends(tb, af, &a) || pt_nl_get(tb[IFA_FLAGS], &a.flags, sizeof(a.flags)) ||
	    pt_nl_get(tb[IFA_PROTO], &a.protocol, sizeof(a.protocol)) || pt_nl_get(tb[IFA_CACHEINFO], &times, sizeof(times)))
		return -EBADMSG;
	a.valid = times.ifa_valid;
	a.preferred = times.ifa_prefered;
	return pt_vec_push(out->arena, &out->v, a);
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_addresses_parse(arg, nlh);
}

static void forget(void *arg)
{
	((struct pt_addresses *)arg)->v.n = 0;
}

int pt_addresses_read(struct pt_nl *route, const struct pt_links *links, struct pt_arena *a, struct pt_addresses *out,
		      struct pt_err *e)
{
	union net_request req;
	int rc;

	*out = (struct pt_addresses){ .arena = a };
	(void)net_request(&req, RTM_GETADDR, sizeof(struct ifaddrmsg));
	rc = pt_nl_dump(route, &req.head, forget, take, out);
	if (rc)
		return pt_err_sys(e, rc, "cannot read the addresses of this machine");
	NET_NAME_ALL(out->v, links);
	return 0;
}

/* ---- comparing ---- */

/* Two addresses are the same one to the kernel. */
static int by_place(const void *x, const void *y)
{
	const struct pt_address *const *p = x, *const *q = y;
	const struct pt_address *a = *p, *b = *q;
	int order = strcmp(a->device, b->device);

	if (order)
		return order;
	if (a->prefix.addr.af != b->prefix.addr.af)
		return a->prefix.addr.af < b->prefix.addr.af ? -1 : 1;
	if (a->prefix.addr.v != b->prefix.addr.v)
		return a->prefix.addr.v < b->prefix.addr.v ? -1 : 1;
	return (a->prefix.len > b->prefix.len) - (a->prefix.len < b->prefix.len);
}

static const struct pt_address **sorted(const struct pt_addresses *l, struct pt_arena *a)
{
	const struct pt_address **v = pt_arena_alloc(a, (l->v.n + 1) * sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */

	for (size_t i = 0; v && i < l->v.n; i++)
		v[i] = &l->v.v[i];
	if (v)
		qsort(v, l->v.n, sizeof(*v), by_place); /* NOLINT(bugprone-sizeof-expression) */
	return v;
}

static const struct pt_address *find(const struct pt_address **v, size_t n, const struct pt_address *a)
{
	const struct pt_address **at = n ? bsearch(&a, v, n, sizeof(*v), by_place) : NULL; /* NOLINT(bugprone-sizeof-expression) */

	return at ? *at : NULL;
}

/* Both count down by themselves, and not at the same moment. */
static bool same_time(uint32_t want, uint32_t have)
{
	if (want == UINT32_MAX || have == UINT32_MAX)
		return want == have;
	return want > have ? want - have <= TIME_SLACK : have - want <= TIME_SLACK;
}

/* Of others' addresses nothing is changed. */
static bool wants_time(const struct pt_address *w, const struct pt_address *h)
{
	if (h->protocol != PT_NET_PROTOCOL)
		return false;
	return !same_time(w->valid ? w->valid : UINT32_MAX, h->valid) ||
	       !same_time(w->valid ? w->preferred : UINT32_MAX, h->preferred);
}

static int change(struct pt_arena *arena, pt_address_changes *out, bool add, const struct pt_address *a, uint32_t index)
{
	struct pt_address_change c = { .add = add, .a = *a };

	c.a.index = index;
	return pt_vec_push(arena, out, c);
}

int pt_addresses_diff(const struct pt_addresses *want, const struct pt_addresses *have, const struct pt_links *links,
		      struct pt_arena *a, pt_address_changes *out)
{
	const struct pt_address **wanted = sorted(want, a), **there = sorted(have, a);
	int rc = wanted && there ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < have->v.n; i++) {
		const struct pt_address *h = &have->v.v[i];

		if (h->protocol == PT_NET_PROTOCOL && !find(wanted, want->v.n, h))
			rc = change(a, out, false, h, h->index);
	}
	for (size_t i = 0; !rc && i < want->v.n; i++) {
		const struct pt_address *w = &want->v.v[i], *h = find(there, have->v.n, w);
		const struct pt_link *l = pt_links_find(links, w->device);

		if (!h || wants_time(w, h))
			rc = change(a, out, true, w, l ? l->index : 0);
		if (!rc && h && wants_time(w, h))
			out->v[out->n - 1].renews = true;
	}
	return rc;
}

/* ---- writing ---- */

/* The network's last address, where there is one beside its first and ours. */
static bool has_broadcast(const struct pt_prefix *p)
{
	return p->addr.af == PT_AF_INET && p->len < 31;
}

int pt_address_put(struct pt_nl_stream *s, const struct pt_address_change *c, uint64_t cookie)
{
	const struct pt_prefix *p = &c->a.prefix;
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;

	if (!c->a.index)
		return -ENOENT;
	nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, MESSAGE_MAX));
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	nlh->nlmsg_type = c->add ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = c->add ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	ifa->ifa_family = p->addr.af == PT_AF_INET ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = p->len;
	ifa->ifa_scope = p->addr.af == PT_AF_INET && p->addr.v >> 24 == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	ifa->ifa_index = c->a.index;
	pt_nl_put_addr(nlh, IFA_LOCAL, p->addr);
	pt_nl_put_addr(nlh, IFA_ADDRESS, c->a.peer.af ? c->a.peer : p->addr);
	if (c->add) {
		if (!c->a.by_hand)
			mnl_attr_put_u8(nlh, IFA_PROTO, PT_NET_PROTOCOL);
		if (has_broadcast(p)) {
			struct pt_addr last = { PT_AF_INET, pt_prefix_hi(p) };

			pt_nl_put_addr(nlh, IFA_BROADCAST, last);
		}
		if (c->a.valid || c->renews) {
			const struct ifa_cacheinfo times = { .ifa_valid = c->a.valid ? c->a.valid : UINT32_MAX,
							     .ifa_prefered = c->a.valid ? c->a.preferred : UINT32_MAX };

			mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(times), &times);
		}
	}
	return pt_nl_stream_commit(s, nlh, cookie);
}

void pt_address_print(struct pt_buf *b, const struct pt_address *a)
{
	pt_addr_fmt(b, a->prefix.addr);
	pt_buf_fmt(b, "/%u", a->prefix.len);
	if (a->peer.af) {
		pt_buf_str(b, " peer ");
		pt_addr_fmt(b, a->peer);
	}
	pt_buf_fmt(b, " dev %s", a->device);
}
