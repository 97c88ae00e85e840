/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/route_rule - rules for routes as the kernel tells of them and takes them, and the difference. */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <patronus/route_rule.h>

#include "net/message.h"

#define MESSAGE_MAX 512

/* The actions of the types that the file has. */
static const uint8_t actions[] = { FR_ACT_TO_TBL, FR_ACT_BLACKHOLE, FR_ACT_UNREACHABLE, FR_ACT_PROHIBIT };

/* ---- reading ---- */

static int get_side(const struct nlattr *attr, uint8_t len, enum pt_af af, struct pt_prefix *out)
{
	*out = (struct pt_prefix){ .addr = { .af = af }, .len = len };
	return len > pt_af_bits(af) ? -EBADMSG : pt_nl_get_addr(attr, af, &out->addr);
}

static int get_name(struct pt_arena *a, const struct nlattr *attr, const char **out)
{
	char name[PT_LINK_NAME];

	*out = NULL;
	if (!attr)
		return 0;
	if (pt_nl_get_str(attr, name, sizeof(name)))
		return -EBADMSG;
	*out = pt_arena_strdup(a, name);
	return *out ? 0 : -ENOMEM;
}

static int get_ports(const struct nlattr *attr, uint16_t *lo, uint16_t *hi)
{
	struct fib_rule_port_range r = { 0 };
	int rc = pt_nl_get(attr, &r, sizeof(r));

	*lo = r.start;
	*hi = r.end;
	return rc;
}

static void set_type(struct pt_route_rule *x, uint8_t action)
{
	x->action = action;
	for (size_t i = 0; i < PT_ARRAY_SIZE(actions); i++)
		if (actions[i] == action)
			x->r.type = i & 3;
}

static int get_fields(struct pt_arena *a, const struct nlattr **tb, const struct fib_rule_hdr *h, struct pt_route_rule *x)
{
	struct pt_conf_route_rule *r = &x->r;
	int rc;

	r->table = h->table;
	if (get_side(tb[FRA_SRC], h->src_len, r->af, &r->from) || get_side(tb[FRA_DST], h->dst_len, r->af, &r->to) ||
	    pt_nl_get(tb[FRA_TABLE], &r->table, sizeof(r->table)) || pt_nl_get(tb[FRA_PRIORITY], &r->priority, sizeof(r->priority)) ||
	    pt_nl_get(tb[FRA_FWMARK], &r->mark, sizeof(r->mark)) || pt_nl_get(tb[FRA_FWMASK], &r->mask, sizeof(r->mask)) ||
	    pt_nl_get(tb[FRA_IP_PROTO], &r->proto, sizeof(r->proto)) || pt_nl_get(tb[FRA_PROTOCOL], &x->protocol, sizeof(x->protocol)) ||
	    get_ports(tb[FRA_SPORT_RANGE], &r->sport_lo, &r->sport_hi) || get_ports(tb[FRA_DPORT_RANGE], &r->dport_lo, &r->dport_hi))
		return -EBADMSG;
	rc = get_name(a, tb[FRA_IIFNAME], &r->iif);
	return rc ? rc : get_name(a, tb[FRA_OIFNAME], &r->oif);
}

int pt_route_rules_parse(struct pt_route_rules *out, const struct nlmsghdr *nlh)
{
	const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[FRA_DPORT_RANGE + 1];
	struct pt_route_rule x = { 0 };
	int rc;

	if (nlh->nlmsg_type != RTM_NEWRULE)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*h), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	if (h->family != AF_INET && h->family != AF_INET6)
		return 0;
	x.r.af = h->family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	x.r.neg = h->flags & FIB_RULE_INVERT;
	x.r.tos = h->tos;
	set_type(&x, h->action);
	rc = get_fields(out->arena, tb, h, &x);
	return rc ? rc : pt_vec_push(out->arena, &out->v, x);
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_route_rules_parse(arg, nlh);
}

static void forget(void *arg)
{
	((struct pt_route_rules *)arg)->v.n = 0;
}

int pt_route_rules_read(struct pt_nl *route, struct pt_arena *a, struct pt_route_rules *out, struct pt_err *e)
{
	union net_request req;
	int rc;

	*out = (struct pt_route_rules){ .arena = a };
	(void)net_request(&req, RTM_GETRULE, sizeof(struct fib_rule_hdr));
	rc = pt_nl_dump(route, &req.head, forget, take, out);
	/* A kernel without policy routing has none. */
	if (rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT)
		rc = 0;
	return rc ? pt_err_sys(e, rc, "cannot read the rules for routes of this machine") : 0;
}

/* ---- the file's ---- */

static bool is_taken(const struct pt_conf *c, uint32_t priority)
{
	for (size_t i = 0; i < c->route_rules.n; i++)
		if (c->route_rules.v[i].priority == priority)
			return true;
	return false;
}

static int want_one(const struct pt_conf *c, const struct pt_conf_route_rule *w, uint32_t priority, struct pt_route_rules *out)
{
	int rc = 0;

	for (enum pt_af af = PT_AF_INET; !rc && af <= PT_AF_INET6; af++) {
		struct pt_route_rule x = { .r = *w, .protocol = PT_NET_PROTOCOL, .action = actions[w->type] };

		if (w->af && w->af != af)
			continue;
		x.r.af = af;
		x.r.from.addr.af = x.r.to.addr.af = af;
		x.r.priority = priority;
		x.r.iif = w->iif ? pt_conf_device(c, w->iif) : NULL;
		x.r.oif = w->oif ? pt_conf_device(c, w->oif) : NULL;
		rc = pt_vec_push(out->arena, &out->v, x);
	}
	return rc;
}

int pt_route_rules_wanted(const struct pt_conf *c, struct pt_arena *a, struct pt_route_rules *out, struct pt_err *e)
{
	uint32_t next = PT_RULE_PRIORITY_LO;
	int rc = 0;

	*out = (struct pt_route_rules){ .arena = a };
	for (size_t i = 0; !rc && i < c->route_rules.n; i++) {
		const struct pt_conf_route_rule *w = &c->route_rules.v[i];

		while (!w->priority && is_taken(c, next))
			next++;
		if (!w->priority && next > PT_RULE_PRIORITY_HI) {
			pt_err_add(e, PT_ERROR, &w->loc, NULL, "there is room for %d rules for routes",
				   PT_RULE_PRIORITY_HI - PT_RULE_PRIORITY_LO + 1);
			return -EINVAL;
		}
		rc = want_one(c, w, w->priority ? w->priority : next++, out);
	}
	return rc ? pt_err_sys(e, rc, "planning the rules for routes") : 0;
}

/* ---- comparing ---- */

static bool same_prefix(const struct pt_prefix *x, const struct pt_prefix *y)
{
	return x->len == y->len && (!x->len || x->addr.v == y->addr.v);
}

static bool same_name(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool same(const struct pt_route_rule *x, const struct pt_route_rule *y)
{
	const struct pt_conf_route_rule *a = &x->r, *b = &y->r;

	return a->af == b->af && a->neg == b->neg && same_prefix(&a->from, &b->from) && same_prefix(&a->to, &b->to) &&
	       same_name(a->iif, b->iif) && same_name(a->oif, b->oif) && a->mark == b->mark && a->mask == b->mask &&
	       a->tos == b->tos && a->proto == b->proto && a->sport_lo == b->sport_lo && a->sport_hi == b->sport_hi &&
	       a->dport_lo == b->dport_lo && a->dport_hi == b->dport_hi && a->priority == b->priority && x->action == y->action &&
	       (x->action != FR_ACT_TO_TBL || a->table == b->table);
}

static bool is_in(const struct pt_route_rules *l, const struct pt_route_rule *x)
{
	for (size_t i = 0; i < l->v.n; i++)
		if (l->v.v[i].protocol == PT_NET_PROTOCOL && same(&l->v.v[i], x))
			return true;
	return false;
}

int pt_route_rules_diff(const struct pt_route_rules *want, const struct pt_route_rules *have, struct pt_arena *a,
			pt_route_rule_changes *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < want->v.n; i++) {
		struct pt_route_rule_change c = { true, &want->v.v[i] };

		if (!is_in(have, c.rule))
			rc = pt_vec_push(a, out, c);
	}
	for (size_t i = 0; !rc && i < have->v.n; i++) {
		struct pt_route_rule_change c = { false, &have->v.v[i] };

		if (c.rule->protocol == PT_NET_PROTOCOL && !is_in(want, c.rule))
			rc = pt_vec_push(a, out, c);
	}
	return rc;
}

/* ---- writing ---- */

static void put_side(struct nlmsghdr *nlh, uint16_t type, const struct pt_prefix *p)
{
	if (p->len)
		pt_nl_put_addr(nlh, type, p->addr);
}

static void put_ports(struct nlmsghdr *nlh, uint16_t type, uint16_t lo, uint16_t hi)
{
	struct fib_rule_port_range r = { lo, hi };

	if (hi)
		mnl_attr_put(nlh, type, sizeof(r), &r);
}

static void put_attributes(struct nlmsghdr *nlh, const struct pt_route_rule *x)
{
	const struct pt_conf_route_rule *r = &x->r;

	put_side(nlh, FRA_SRC, &r->from);
	put_side(nlh, FRA_DST, &r->to);
	if (r->iif)
		mnl_attr_put_strz(nlh, FRA_IIFNAME, r->iif);
	if (r->oif)
		mnl_attr_put_strz(nlh, FRA_OIFNAME, r->oif);
	if (r->mask) {
		mnl_attr_put_u32(nlh, FRA_FWMARK, r->mark);
		mnl_attr_put_u32(nlh, FRA_FWMASK, r->mask);
	}
	if (r->proto)
		mnl_attr_put_u8(nlh, FRA_IP_PROTO, r->proto);
	put_ports(nlh, FRA_SPORT_RANGE, r->sport_lo, r->sport_hi);
	put_ports(nlh, FRA_DPORT_RANGE, r->dport_lo, r->dport_hi);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, x->protocol);
	if (x->action == FR_ACT_TO_TBL)
		mnl_attr_put_u32(nlh, FRA_TABLE, r->table);
}

int pt_route_rule_put(struct pt_nl_stream *s, const struct pt_route_rule_change *c, uint64_t cookie)
{
	const struct pt_conf_route_rule *r = &c->rule->r;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, MESSAGE_MAX));
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(nlh, sizeof(*h));

	nlh->nlmsg_type = c->add ? RTM_NEWRULE : RTM_DELRULE;
	nlh->nlmsg_flags = c->add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	h->family = r->af == PT_AF_INET ? AF_INET : AF_INET6;
	h->src_len = r->from.len;
	h->dst_len = r->to.len;
	h->tos = r->tos;
	h->action = c->rule->action;
	h->table = c->rule->action == FR_ACT_TO_TBL && r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	h->flags = r->neg ? FIB_RULE_INVERT : 0;
	put_attributes(nlh, c->rule);
	/* Without one the kernel puts a new rule before all but the first. */
	if (!c->add || r->priority)
		mnl_attr_put_u32(nlh, FRA_PRIORITY, r->priority);
	return pt_nl_stream_commit(s, nlh, cookie);
}

/* ---- showing ---- */

static void print_side(struct pt_buf *b, const char *word, const struct pt_prefix *p)
{
	if (!p->len)
		return;
	pt_buf_fmt(b, " %s ", word);
	pt_addr_fmt(b, p->addr);
	pt_buf_fmt(b, "/%u", p->len);
}

static void print_ports(struct pt_buf *b, const char *word, uint16_t lo, uint16_t hi)
{
	if (hi)
		pt_buf_fmt(b, lo == hi ? " %s %u" : " %s %u-%u", word, lo, hi);
}

void pt_route_rule_print(struct pt_buf *b, const struct pt_route_rule *x)
{
	static const char *const types[] = { "lookup", "blackhole", "unreachable", "prohibit" };
	const struct pt_conf_route_rule *r = &x->r;

	pt_buf_fmt(b, "%u:%s", r->priority, r->neg ? " not" : "");
	if (!r->from.len && !r->to.len)
		pt_buf_str(b, r->af == PT_AF_INET ? " inet" : " inet6");
	print_side(b, "from", &r->from);
	print_side(b, "to", &r->to);
	if (r->iif)
		pt_buf_fmt(b, " iif %s", r->iif);
	if (r->oif)
		pt_buf_fmt(b, " oif %s", r->oif);
	if (r->mask)
		pt_buf_fmt(b, " fwmark 0x%x/0x%x", r->mark, r->mask);
	if (r->tos)
		pt_buf_fmt(b, " tos %u", r->tos);
	if (r->proto)
		pt_buf_fmt(b, " ipproto %u", r->proto);
	print_ports(b, "sport", r->sport_lo, r->sport_hi);
	print_ports(b, "dport", r->dport_lo, r->dport_hi);
	if (x->action == actions[r->type])
		pt_buf_fmt(b, " %s", types[r->type]);
	else
		pt_buf_fmt(b, " action %u", x->action);
	if (x->action == FR_ACT_TO_TBL && r->table == PT_TABLE_MAIN)
		pt_buf_str(b, " main");
	else if (x->action == FR_ACT_TO_TBL)
		pt_buf_fmt(b, r->table == RT_TABLE_LOCAL ? " local" : r->table == RT_TABLE_DEFAULT ? " default" : " %u", r->table);
}
