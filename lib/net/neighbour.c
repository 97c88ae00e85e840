/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/neighbour - neighbours as the kernel tells of them and takes them, and the difference. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <patronus/neighbour.h>

#include "net/message.h"

#define MESSAGE_MAX 128

/* ---- reading ---- */

static int get_mac(const struct nlattr *attr, struct pt_neighbour *n)
{
	uint8_t bytes[6];

	/* Tunnels have addresses of other lengths: these are no MAC. */
	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(bytes))
		return 0;
	if (pt_nl_get(attr, bytes, sizeof(bytes)))
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(bytes); i++)
		n->mac = n->mac << 8 | bytes[i];
	n->has_mac = true;
	return 0;
}

static int get_fields(const struct nlattr **tb, enum pt_af af, struct pt_neighbour *n)
{
	struct nda_cacheinfo ages = { 0 };

	if (!tb[NDA_DST] || pt_nl_get_addr(tb[NDA_DST], af, &n->addr) || get_mac(tb[NDA_LLADDR], n) ||
	    pt_nl_get(tb[NDA_PROTOCOL], &n->protocol, sizeof(n->protocol)) ||
	    pt_nl_get(tb[NDA_CACHEINFO], &ages, sizeof(ages)))
		return -EBADMSG;
	n->has_ages = tb[NDA_CACHEINFO] != NULL;
	n->used = ages.ndm_used;
	n->confirmed = ages.ndm_confirmed;
	n->updated = ages.ndm_updated;
	return 0;
}

int pt_neighbours_parse(struct pt_neighbours *out, const struct nlmsghdr *nlh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_PROTOCOL + 1];
	struct pt_neighbour n = { 0 };

	if (nlh->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*ndm), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6)
		return 0;
	n.index = (uint32_t)ndm->ndm_ifindex;
	n.state = ndm->ndm_state;
	n.flags = ndm->ndm_flags;
	n.proxy = ndm->ndm_flags & NTF_PROXY;
	if (get_fields(tb, ndm->ndm_family == AF_INET ? PT_AF_INET : PT_AF_INET6, &n))
		return -EBADMSG;
	return pt_vec_push(out->arena, &out->v, n);
}

struct reader {
	struct pt_neighbours *out;
	size_t before; /* entries of the reading before this one */
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_neighbours_parse(((struct reader *)arg)->out, nlh);
}

static void forget(void *arg)
{
	struct reader *r = arg;

	r->out->v.n = r->before;
}

/* Those that are answered for are a table of their own. */
static int read_table(struct pt_nl *route, uint8_t flags, struct pt_neighbours *out)
{
	struct reader r = { out, out->v.n };
	union net_request req;
	struct ndmsg *ndm = net_request(&req, RTM_GETNEIGH, sizeof(*ndm));

	ndm->ndm_flags = flags;
	return pt_nl_dump(route, &req.head, forget, take, &r);
}

int pt_neighbours_read(struct pt_nl *route, const struct pt_links *links, struct pt_arena *a, struct pt_neighbours *out,
		       struct pt_err *e)
{
	int rc;

	*out = (struct pt_neighbours){ .arena = a };
	rc = read_table(route, 0, out);
	if (!rc)
		rc = read_table(route, NTF_PROXY, out);
	if (rc)
		return pt_err_sys(e, rc, "cannot read the neighbours of this machine");
	NET_NAME_ALL(out->v, links);
	return 0;
}

/* ---- comparing ---- */

/* Two are the same one to the kernel. */
static int by_place(const void *x, const void *y)
{
	const struct pt_neighbour *const *p = x, *const *q = y;
	const struct pt_neighbour *a = *p, *b = *q;
	int order = strcmp(a->device, b->device);

	if (order)
		return order;
	if (a->addr.af != b->addr.af)
		return a->addr.af < b->addr.af ? -1 : 1;
	if (a->addr.v != b->addr.v)
		return a->addr.v < b->addr.v ? -1 : 1;
	return (a->proxy > b->proxy) - (a->proxy < b->proxy);
}

static const struct pt_neighbour **sorted(const struct pt_neighbours *l, struct pt_arena *a)
{
	const struct pt_neighbour **v = pt_arena_alloc(a, (l->v.n + 1) * sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */

	for (size_t i = 0; v && i < l->v.n; i++)
		v[i] = &l->v.v[i];
	if (v)
		qsort(v, l->v.n, sizeof(*v), by_place); /* NOLINT(bugprone-sizeof-expression) */
	return v;
}

static const struct pt_neighbour *find(const struct pt_neighbour **v, size_t n, const struct pt_neighbour *a)
{
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	const struct pt_neighbour **at = n ? bsearch(&a, v, n, sizeof(*v), by_place) : NULL;

	return at ? *at : NULL;
}

/* Ours, or somebody else's that says the same for as long. */
static bool is_kept(const struct pt_neighbour *have, const struct pt_neighbour *want)
{
	if (want->proxy)
		return true;
	return have->state & NUD_PERMANENT && have->has_mac && have->mac == want->mac;
}

static int change(struct pt_arena *a, pt_neighbour_changes *out, enum pt_neighbour_op op, const struct pt_neighbour *n,
		  const struct pt_neighbour *old)
{
	struct pt_neighbour_change c = { .op = op, .n = *n };

	c.alone = old && old->state & NUD_PERMANENT && old->protocol != PT_NET_PROTOCOL;
	return pt_vec_push(a, out, c);
}

int pt_neighbours_diff(const struct pt_neighbours *want, const struct pt_neighbours *have, const struct pt_links *links,
		       struct pt_arena *a, pt_neighbour_changes *out)
{
	const struct pt_neighbour **wanted = sorted(want, a), **there = sorted(have, a);
	int rc = wanted && there ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < have->v.n; i++) {
		const struct pt_neighbour *h = &have->v.v[i];

		if (h->protocol == PT_NET_PROTOCOL && !find(wanted, want->v.n, h))
			rc = change(a, out, PT_NEIGHBOUR_DELETE, h, NULL);
	}
	for (size_t i = 0; !rc && i < want->v.n; i++) {
		struct pt_neighbour w = want->v.v[i];
		const struct pt_neighbour *h = find(there, have->v.n, &w);
		const struct pt_link *l = pt_links_find(links, w.device);

		if (h && is_kept(h, &w))
			continue;
		w.index = l ? l->index : 0;
		rc = change(a, out, h && h->protocol == PT_NET_PROTOCOL ? PT_NEIGHBOUR_REPLACE : PT_NEIGHBOUR_ADD, &w, h);
	}
	return rc;
}

/* ---- writing ---- */

static void put_bytes(struct nlmsghdr *nlh, const struct pt_neighbour *n)
{
	uint8_t mac[6];

	pt_nl_put_addr(nlh, NDA_DST, n->addr);
	if (!n->has_mac)
		return;
	for (size_t i = 0; i < sizeof(mac); i++)
		mac[i] = (uint8_t)(n->mac >> (40 - 8 * i));
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(mac), mac);
}

int pt_neighbour_put(struct pt_nl_stream *s, const struct pt_neighbour_change *c, uint64_t cookie)
{
	bool deletes = c->op == PT_NEIGHBOUR_DELETE;
	struct nlmsghdr *nlh;
	struct ndmsg *ndm;

	if (!c->n.index)
		return -ENOENT;
	nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, MESSAGE_MAX));
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	nlh->nlmsg_type = deletes ? RTM_DELNEIGH : RTM_NEWNEIGH;
	nlh->nlmsg_flags = deletes ? 0 : c->alone ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
	ndm->ndm_family = c->n.addr.af == PT_AF_INET ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = (int)c->n.index;
	ndm->ndm_state = c->n.proxy ? 0 : NUD_PERMANENT;
	ndm->ndm_flags = c->n.proxy ? NTF_PROXY : 0;
	put_bytes(nlh, &c->n);
	if (!deletes)
		mnl_attr_put_u8(nlh, NDA_PROTOCOL, c->n.by_hand ? PT_HAND_PROTOCOL : PT_NET_PROTOCOL);
	return pt_nl_stream_commit(s, nlh, cookie);
}

/* ---- showing ---- */

void pt_neighbour_print(struct pt_buf *b, const struct pt_neighbour *n)
{
	if (n->proxy)
		pt_buf_str(b, "proxy ");
	pt_addr_fmt(b, n->addr);
	if (n->has_mac) {
		pt_buf_str(b, " lladdr");
		for (int i = 40; i >= 0; i -= 8)
			pt_buf_fmt(b, "%c%02x", i == 40 ? ' ' : ':', (unsigned int)(n->mac >> i & 0xff));
	}
	pt_buf_fmt(b, " dev %s", n->device);
}

static const struct {
	uint16_t state;
	const char *name;
} states[] = {
	{ NUD_INCOMPLETE, "incomplete" }, { NUD_REACHABLE, "reachable" }, { NUD_STALE, "stale" },   { NUD_DELAY, "delay" },
	{ NUD_PROBE, "probe" },		  { NUD_FAILED, "failed" },	  { NUD_NOARP, "noarp" }, { NUD_PERMANENT, "permanent" },
};

const char *pt_neighbour_state(const struct pt_neighbour *n)
{
	if (n->proxy)
		return "proxy";
	for (size_t i = 0; i < PT_ARRAY_SIZE(states); i++)
		if (n->state & states[i].state)
			return states[i].name;
	return "none";
}
