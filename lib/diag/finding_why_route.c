/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The route: the kernel is asked what it would do, for it alone knows; the rules and tables then tell why. What it
 * answers to a question without a way is one number, so that the refusing rule or route is looked for in the order in
 * which the kernel does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "diag/finding_why.h"

#define QUESTION_MAX 256
#define NO_RULE 32766 /* priority of the rule that asks the table main, where nobody made others */

/* ---- asking the kernel ---- */

static int get_mtu(const struct nlattr *metrics, const struct nlattr *cache, struct why_way *out)
{
	const struct nlattr *tb[RTAX_MTU + 1];
	struct rta_cacheinfo info = { 0 };

	if (pt_nl_get(cache, &info, sizeof(info)))
		return -EBADMSG;
	if (metrics &&
	    (pt_nl_nested(metrics, tb, PT_ARRAY_SIZE(tb)) || pt_nl_get(tb[RTAX_MTU], &out->mtu, sizeof(out->mtu))))
		return -EBADMSG;
	/* What somebody on the way told is forgotten after a while; what a route says is not. */
	out->learned = out->mtu && info.rta_expires > 0;
	return 0;
}

int why_route_parse(const struct nlmsghdr *nlh, struct why_way *out)
{
	const struct nlattr *tb[RTA_VIA + 1];
	const struct rtmsg *rtm;
	enum pt_af af;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*rtm), tb, PT_ARRAY_SIZE(tb)))
		return -EBADMSG;
	rtm = mnl_nlmsg_get_payload(nlh);
	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return 0;
	af = rtm->rtm_family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	*out = (struct why_way){ .type = rtm->rtm_type, .table = rtm->rtm_table };
	if (pt_nl_get(tb[RTA_TABLE], &out->table, sizeof(out->table)) ||
	    pt_nl_get(tb[RTA_OIF], &out->index, sizeof(out->index)) || pt_nl_get_addr(tb[RTA_GATEWAY], af, &out->via) ||
	    pt_nl_get_addr(tb[RTA_PREFSRC], af, &out->src) || pt_nl_get_via(tb[RTA_VIA], &out->via) ||
	    get_mtu(tb[RTA_METRICS], tb[RTA_CACHEINFO], out))
		return -EBADMSG;
	return 0;
}

static int take_way(const struct nlmsghdr *nlh, void *arg)
{
	return why_route_parse(nlh, arg);
}

static int take_match(const struct nlmsghdr *nlh, void *arg)
{
	struct why_way *way = arg;
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
	int rc = pt_route_parse(nlh, hops, &way->match);

	way->has_match = way->has_match || rc > 0;
	way->match.hops = NULL;
	way->match.n_hops = 0;
	return rc < 0 ? rc : 0;
}

/* The question as a connection of this machine would put it. */
static struct nlmsghdr *question(const struct why *y, const struct why_walk *k, struct pt_addr from, uint32_t flags,
				 void *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	uint32_t index = k->zone;
	bool six = k->to.af == PT_AF_INET6;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = six ? AF_INET6 : AF_INET;
	rtm->rtm_dst_len = (uint8_t)pt_af_bits(k->to.af);
	/* IPv6 tells the table unasked, and refuses to be asked. */
	rtm->rtm_flags = six ? flags & ~(uint32_t)RTM_F_LOOKUP_TABLE : flags;
	pt_nl_put_addr(nlh, RTA_DST, k->to);
	if (from.af == k->to.af) {
		rtm->rtm_src_len = (uint8_t)pt_af_bits(from.af);
		pt_nl_put_addr(nlh, RTA_SRC, from);
	}
	if (y->o->on && pt_links_find(&y->links, y->o->on))
		index = pt_links_find(&y->links, y->o->on)->index;
	if (index)
		mnl_attr_put_u32(nlh, RTA_OIF, index);
	mnl_attr_put_u8(nlh, RTA_IP_PROTO,
			y->o->port ? y->o->udp ? IPPROTO_UDP : IPPROTO_TCP :
			six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (y->o->port)
		mnl_attr_put_u16(nlh, RTA_DPORT, htons(y->o->port));
	return nlh;
}

static int ask_way(struct why *y, struct why_walk *k, struct pt_addr from, struct why_way *out)
{
	uint8_t buf[QUESTION_MAX] __attribute__((aligned(4)));
	int rc;

	memset(out, 0, sizeof(*out));
	rc = pt_nl_talk(y->route, question(y, k, from, RTM_F_LOOKUP_TABLE, buf), take_way, out);
	if (rc == -ENOMEM || rc == -EBADMSG || rc == -ENOBUFS)
		return pt_err_sys(y->e, rc, "asking for the route");
	out->error = rc;
	if (!rc && pt_nl_talk(y->route, question(y, k, from, RTM_F_FIB_MATCH, buf), take_match, out))
		out->has_match = false;
	return 0;
}

/* A connection of IPv4 asks twice: for an address, and then, with it, for its way; rules by the source hold only
 * then. */
static int find_way(struct why *y, struct why_walk *k)
{
	struct why_way first;
	int rc = ask_way(y, k, y->o->from, &first);

	k->way = first;
	if (rc || first.error || k->to.af == PT_AF_INET6 || first.src.af == PT_AF_NONE)
		return rc;
	rc = ask_way(y, k, first.src, &k->way);
	if (!rc && k->way.src.af == PT_AF_NONE)
		k->way.src = first.src;
	return rc;
}

/* ---- why there is none ---- */

static bool within(const struct pt_prefix *p, struct pt_addr a)
{
	return !p->len || (p->addr.af == a.af && a.v >= pt_prefix_lo(p) && a.v <= pt_prefix_hi(p));
}

bool why_rule_holds(const struct why *y, const struct why_walk *k, const struct pt_route_rule *x)
{
	const struct pt_conf_route_rule *r = &x->r;
	struct pt_addr from = y->o->from.af ? y->o->from : k->way.src;
	uint8_t proto = y->o->port ? y->o->udp ? IPPROTO_UDP : IPPROTO_TCP :
			k->to.af == PT_AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	bool all = within(&r->to, k->to) && within(&r->from, from) && !r->mask && !r->tos;

	if (r->af != k->to.af)
		return false;
	all = all && (!r->iif || !strcmp(r->iif, "lo")) && (!r->oif || (y->o->on && !strcmp(r->oif, y->o->on)));
	all = all && (!r->proto || r->proto == proto) && !r->sport_hi;
	all = all && (!r->dport_hi || (y->o->port && y->o->port >= r->dport_lo && y->o->port <= r->dport_hi));
	return all != r->neg;
}

/* The longest one, of those the one with the lowest metric. */
struct best {
	struct pt_addr to;
	bool found;
	struct pt_route r;
};

static int take_best(const struct pt_route *r, void *arg)
{
	struct best *b = arg;

	if (!within(&r->dst, b->to) || r->dst.addr.af != b->to.af)
		return 0;
	if (b->found && (r->dst.len < b->r.dst.len || (r->dst.len == b->r.dst.len && r->metric >= b->r.metric)))
		return 0;
	b->found = true;
	b->r = *r;
	b->r.hops = NULL;
	b->r.n_hops = 0;
	return 0;
}

static void forget_best(void *arg)
{
	((struct best *)arg)->found = false;
}

static bool refuses(uint8_t type)
{
	return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT;
}

static int find_refusal(struct why *y, const struct why_walk *k, struct why_refusal *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < y->rules.v.n; i++) {
		const struct pt_route_rule *r = &y->rules.v.v[i];
		struct pt_route_filter in = { .af = k->to.af, .table = r->r.table };
		struct best b = { .to = k->to };
		int rc;

		if (!why_rule_holds(y, k, r))
			continue;
		if (r->action != FR_ACT_TO_TBL) {
			out->rule = r;
			return 0;
		}
		rc = pt_routes_read(y->route, &in, take_best, forget_best, &b, y->e);
		if (rc)
			return rc;
		if (b.found && refuses(b.r.type)) {
			*out = (struct why_refusal){ .rule = r, .has_route = true, .route = b.r };
			return 0;
		}
	}
	return 0;
}

/* ---- what is said ---- */

static void print_rule(const struct pt_route_rule *r, char out[128])
{
	struct pt_buf b = { 0 };

	pt_route_rule_print(&b, r);
	(void)snprintf(out, 128, "%s", b.err || !b.s ? "?" : b.s);
	pt_buf_fini(&b);
}

static void print_route(const struct why *y, const struct pt_route *r, char out[160])
{
	struct pt_buf b = { 0 };

	pt_route_print(&b, &y->links, r);
	(void)snprintf(out, 160, "%s", b.err || !b.s ? "?" : b.s);
	pt_buf_fini(&b);
}

static const char *refusal_word(int error)
{
	return error == -EINVAL ? "dropped without a word (blackhole)" :
	       error == -EACCES ? "forbidden (prohibit)" : "refused (unreachable)";
}

/* Devices that are switched off have no routes: often the reason. */
static bool say_down(const struct why *y, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < y->links.v.n; i++) {
		const struct pt_link *l = &y->links.v.v[i];

		if (!l->up && !(l->flags & IFF_LOOPBACK) && at < size)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "", l->name);
	}
	return at;
}

static void say_none(const struct why *y, const struct why_walk *k, const char *to, struct why_say *s)
{
	const char *family = k->to.af == PT_AF_INET ? "IPv4" : "IPv6";
	char down[128] = "";

	(void)snprintf(s->text, sizeof(s->text), "there is no route to %s%s%s", to, y->o->on ? " by " : "",
		       y->o->on ? y->o->on : "");
	if (say_down(y, down, sizeof(down)))
		(void)snprintf(s->seen, sizeof(s->seen),
			       "no table that is asked has a route of %s to it; switched off: %s", family, down);
	else
		(void)snprintf(s->seen, sizeof(s->seen),
			       "no table that is asked has a route of %s to it, not even a default one", family);
	(void)snprintf(s->next, sizeof(s->next), "ptnet%s route show", k->to.af == PT_AF_INET ? " -4" : " -6");
}

static void say_refused(const struct why *y, const struct why_walk *k, const struct why_refusal *r, const char *to,
			struct why_say *s)
{
	char rule[128], route[160];

	(void)snprintf(s->text, sizeof(s->text), "packets to %s are %s by a %s of this machine", to,
		       refusal_word(k->way.error), !r->rule || r->has_route ? "route" : "rule for routes");
	if (r->rule)
		print_rule(r->rule, rule);
	if (r->has_route) {
		print_route(y, &r->route, route);
		(void)snprintf(s->seen, sizeof(s->seen), "route %s of table %u, asked by rule %s", route,
			       r->route.table, rule);
	} else if (r->rule) {
		(void)snprintf(s->seen, sizeof(s->seen), "rule %s", rule);
	} else {
		(void)snprintf(s->seen, sizeof(s->seen), "the kernel says: %s", strerror(-k->way.error));
	}
	(void)snprintf(s->next, sizeof(s->next), "ptdiag route get %s", to);
}

static bool is_multicast(struct pt_addr a)
{
	return a.af == PT_AF_INET ? a.v >> 28 == 0xe : a.v >> 120 == 0xff;
}

/* What is no host, wherever the route leads. */
static bool say_no_host(const struct why_walk *k, const char *to, struct why_say *s)
{
	const char *what = !k->to.v ? "stands for no host" :
			   is_multicast(k->to) ? "is a group of hosts (multicast)" :
			   !k->way.error && k->way.type == RTN_BROADCAST ?
			   "is a broadcast address, all hosts of a link" : NULL;

	if (!what)
		return false;
	(void)snprintf(s->text, sizeof(s->text), "%s %s: nothing there can answer", to, what);
	(void)snprintf(s->seen, sizeof(s->seen), "the address itself");
	(void)snprintf(s->next, sizeof(s->next), "ask for the address of one host");
	return true;
}

static bool say_dead_link(const struct why_walk *k, struct why_say *s)
{
	const struct pt_link *l = k->link;

	if (!l || (l->up && l->running) || l->flags & IFF_LOOPBACK)
		return false;
	(void)snprintf(s->text, sizeof(s->text), "the route leaves by %s, which %s", l->name,
		       l->up ? "has no carrier: its other end is off or unplugged" : "is switched off");
	(void)snprintf(s->seen, sizeof(s->seen), "%s is %s%s", l->name, l->up ? "up" : "down",
		       l->up ? ", no carrier" : "");
	(void)snprintf(s->next, sizeof(s->next), l->up ? "ptnet -d link show %s" : "ptnet link set %s enabled yes",
		       l->name);
	return true;
}

/* By which rule its table was asked; the usual one is not worth a word. */
static void say_rule(const struct why *y, const struct why_walk *k, struct why_say *s)
{
	char text[128];

	for (size_t i = 0; i < y->rules.v.n; i++) {
		const struct pt_route_rule *r = &y->rules.v.v[i];

		if (r->r.table != k->way.table || r->action != FR_ACT_TO_TBL || !why_rule_holds(y, k, r))
			continue;
		if (r->r.priority == NO_RULE || r->r.table == RT_TABLE_LOCAL)
			return;
		print_rule(r, text);
		(void)snprintf(s->seen, sizeof(s->seen), "rule %s", text);
		return;
	}
}

static void say_way(const struct why *y, const struct why_walk *k, const char *to, struct why_say *s)
{
	const struct why_way *w = &k->way;
	char via[80] = "", src[80] = "", match[160] = "", table[32] = "";

	if (w->via.af) {
		(void)snprintf(via, sizeof(via), "via ");
		why_text(w->via, via + 4);
		(void)snprintf(via + strlen(via), sizeof(via) - strlen(via), " ");
	}
	if (w->src.af) {
		(void)snprintf(src, sizeof(src), " from ");
		why_text(w->src, src + 6);
	}
	if (w->has_match) {
		struct pt_buf b = { 0 };

		if (w->match.dst.len)
			pt_prefix_fmt(&b, w->match.dst);
		(void)snprintf(match, sizeof(match), ", route %s", w->match.dst.len && b.s && !b.err ? b.s : "default");
		pt_buf_fini(&b);
	}
	if (w->table != RT_TABLE_MAIN && w->table != RT_TABLE_LOCAL)
		(void)snprintf(table, sizeof(table), " of table %u", w->table);
	if (w->type == RTN_LOCAL)
		(void)snprintf(s->text, sizeof(s->text), "%s is an address of this machine itself", to);
	else
		(void)snprintf(s->text, sizeof(s->text), "%s%son %s%s%s%s", via, w->via.af ? "" : "directly ",
			       why_device(y, w->index), src, match, table);
	say_rule(y, k, s);
}

void why_route_say(const struct why *y, const struct why_walk *k, const struct why_refusal *r, struct why_say *s)
{
	int error = k->way.error;
	char to[64];

	why_text(k->to, to);
	s->outcome = PT_WHY_STOPPED;
	if (say_no_host(k, to, s) || (!error && say_dead_link(k, s)))
		return;
	if (!error && k->way.type == RTN_UNICAST && k->to.af == PT_AF_INET6 && k->way.src.af == PT_AF_NONE &&
	    !y->o->from.af) {
		(void)snprintf(s->text, sizeof(s->text), "no address of this machine can be used to reach %s", to);
		(void)snprintf(s->seen, sizeof(s->seen),
			       "the route leaves by %s, and the kernel finds no IPv6 address to send from",
			       why_device(y, k->way.index));
		(void)snprintf(s->next, sizeof(s->next), "ptnet address show");
		return;
	}
	if (!error) {
		s->outcome = PT_WHY_PASSED;
		say_way(y, k, to, s);
	} else if ((r->rule || error == -EINVAL || error == -EACCES || error == -EHOSTUNREACH) && error != -ENODEV) {
		say_refused(y, k, r, to, s);
	} else {
		say_none(y, k, to, s);
	}
}

/* ---- the step ---- */

static bool is_own(const struct why *y, struct pt_addr a)
{
	for (size_t i = 0; i < y->addresses.v.n; i++)
		if (y->addresses.v.v[i].prefix.addr.af == a.af && y->addresses.v.v[i].prefix.addr.v == a.v)
			return true;
	return a.af == PT_AF_INET && a.v >> 24 == 127;
}

/* What was asked for cannot be, whatever the routes say. */
static bool say_impossible(const struct why *y, struct why_say *s)
{
	const struct pt_link *l = y->o->on ? pt_links_find(&y->links, y->o->on) : NULL;
	char from[64];

	s->outcome = PT_WHY_STOPPED;
	if (y->o->on && (!l || !l->up)) {
		(void)snprintf(s->text, sizeof(s->text), l ? "the device %s is switched off" : "there is no device %s",
			       y->o->on);
		(void)snprintf(s->seen, sizeof(s->seen), l ? "%s is down" : "the kernel knows no %s", y->o->on);
		(void)snprintf(s->next, sizeof(s->next), l ? "ptnet link set %s enabled yes" : "ptnet link show",
			       y->o->on);
		return true;
	}
	if (y->o->from.af && !is_own(y, y->o->from)) {
		why_text(y->o->from, from);
		(void)snprintf(s->text, sizeof(s->text),
			       "%s is no address of this machine: nothing can be sent from it", from);
		(void)snprintf(s->seen, sizeof(s->seen), "no device has it");
		(void)snprintf(s->next, sizeof(s->next), "ptnet address show");
		return true;
	}
	return false;
}

int why_route(struct why *y, struct why_walk *k, struct why_say *s)
{
	struct why_refusal refusal = { 0 };
	int rc;

	if (say_impossible(y, s))
		return 0;
	rc = find_way(y, k);
	if (!rc && refuses(k->way.type) && !k->way.error)
		k->way.error = k->way.type == RTN_BLACKHOLE ? -EINVAL :
			       k->way.type == RTN_PROHIBIT ? -EACCES : -EHOSTUNREACH;
	if (!rc && k->way.error)
		rc = find_refusal(y, k, &refusal);
	if (rc)
		return rc;
	/* What is for this machine itself goes by the loopback, whichever device has the address. */
	if (!k->way.error && k->way.type == RTN_LOCAL && pt_links_find(&y->links, "lo"))
		k->way.index = pt_links_find(&y->links, "lo")->index;
	k->link = k->way.index ? pt_links_index(&y->links, k->way.index) : NULL;
	if (y->o->from.af)
		k->way.src = y->o->from;
	why_route_say(y, k, &refusal, s);
	return why_back(y, k);
}
