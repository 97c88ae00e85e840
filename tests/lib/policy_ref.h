/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A second evaluator of rules, to compare the first one with. It reads the syntax tree, member by member as
 * pf expands lists, and knows neither sets nor the policy: no mistake of the policy can be in both. For
 * tests only, so names that it does not know are not looked for twice.
 */
#ifndef TESTS_POLICY_REF_H
#define TESTS_POLICY_REF_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

#include "policy_make.h"

static struct pt_conf *conf;
static PT_VEC(struct pt_ast_rule *) written; /* its rules as trees; the file has their texts */
static PT_VEC(size_t) behind; /* the number of the rule behind each, and behind what is in it if it is an anchor */

/* ---- conditions ---- */

static bool inside(const char *text, struct pt_addr a)
{
	struct pt_prefix p = prefix(text);

	return p.addr.af == a.af && pt_prefix_lo(&p) <= a.v && a.v <= pt_prefix_hi(&p);
}

static bool ref_table(const char *name, struct pt_addr a)
{
	const struct pt_conf_table *t = pt_conf_find_table(conf, name);
	int best = -1;
	bool in = false;

	for (size_t i = 0; i < t->addresses.n; i++) {
		const char *s = t->addresses.v[i].s;
		bool neg = *s == '!';

		if (inside(s + neg, a) && prefix(s + neg).len > best) {
			best = prefix(s + neg).len;
			in = !neg;
		}
	}
	return in;
}

static bool ref_self(struct pt_addr a)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(machine); i++)
		if (prefix(machine[i].prefix).addr.af == a.af && prefix(machine[i].prefix).addr.v == a.v)
			return true;
	return inside("127.0.0.0/8", a);
}

static bool same(struct pt_addr x, struct pt_addr y)
{
	return x.af == y.af && x.v == y.v;
}

/* An address that the kernel knows for the interface. */
static bool ref_live(const struct pt_conf_if *i, const struct pt_ast_host *h, struct pt_addr a)
{
	for (size_t k = 0; k < PT_ARRAY_SIZE(machine); k++) {
		const struct machine_addr *m = &machine[k];

		if (strcmp(m->device, i->device) != 0 || (h->no_alias && m->secondary))
			continue;
		if (h->mod == PT_MOD_NETWORK ? inside(m->prefix, a) :
		    h->mod == PT_MOD_BROADCAST ? same(addr(m->broadcast), a) :
		    h->mod == PT_MOD_PEER ? same(addr(m->peer), a) :
					    same(prefix(m->prefix).addr, a))
			return true;
	}
	return false;
}

/* Later addresses in a network that the interface has already are the kernel's secondary ones. */
static bool ref_alias(const struct pt_conf_if *i, size_t at)
{
	const struct pt_prefix *p = &i->addresses.v[at];

	for (size_t k = 0; k < at; k++)
		if (p->addr.af == PT_AF_INET && i->addresses.v[k].addr.af == PT_AF_INET &&
		    i->addresses.v[k].len == p->len && pt_prefix_lo(&i->addresses.v[k]) == pt_prefix_lo(p))
			return true;
	return false;
}

/* An address that the file gives it; ANY of that family is what a negation is about. */
static bool ref_written(const struct pt_conf_if *i, const struct pt_ast_host *h, struct pt_addr a, bool *any)
{
	bool in = false;

	for (size_t k = 0; k < i->addresses.n; k++) {
		const struct pt_prefix *p = &i->addresses.v[k];

		if (p->addr.af != a.af || (h->no_alias && ref_alias(i, k)) ||
		    (h->mod == PT_MOD_BROADCAST && (a.af == PT_AF_INET6 || p->len > 30)))
			continue;
		*any = true;
		in = in || (h->mod == PT_MOD_NETWORK ? pt_prefix_lo(p) <= a.v && a.v <= pt_prefix_hi(p) :
			    h->mod == PT_MOD_BROADCAST ? pt_prefix_hi(p) == a.v :
							 p->addr.v == a.v);
	}
	return in;
}

static bool names_if(const struct pt_conf_if *i, const char *name)
{
	if (!strcmp(i->name, name) || !strcmp(i->device, name))
		return true;
	for (size_t g = 0; g < i->groups.n; g++)
		if (!strcmp(i->groups.v[g].s, name))
			return true;
	return false;
}

static bool ref_interface(const struct pt_ast_host *h, struct pt_addr a)
{
	for (size_t k = 0; k < conf->interfaces.n; k++) {
		const struct pt_conf_if *i = &conf->interfaces.v[k];
		bool any = false, in;

		if (!names_if(i, h->name))
			continue;
		if (h->dyn || i->dhcp || h->mod == PT_MOD_PEER)
			in = ref_live(i, h, a) != h->neg;
		else
			in = ref_written(i, h, a, &any) != h->neg && any;
		if (in)
			return true;
	}
	return false;
}

static bool ref_host(const struct pt_ast_host *h, struct pt_addr a)
{
	struct pt_prefix p = { h->lo, h->plen };

	switch (h->kind) {
	case PT_HOST_ANY:
		return true;
	case PT_HOST_SELF:
		return ref_self(a) != h->neg;
	case PT_HOST_PREFIX:
		return a.af == h->lo.af && (pt_prefix_lo(&p) <= a.v && a.v <= pt_prefix_hi(&p)) != h->neg;
	case PT_HOST_RANGE:
		return a.af == h->lo.af && (h->lo.v <= a.v && a.v <= h->hi.v) != h->neg;
	case PT_HOST_IF:
		return ref_interface(h, a);
	case PT_HOST_TABLE:
		return ref_table(h->name, a) != h->neg;
	case PT_HOST_NO_ROUTE: /* not among the rules that are compared */
	case PT_HOST_URPF:
	case PT_HOST_NAME:
	case PT_HOST_COUNTRY:
		break;
	}
	return false;
}

static bool ref_hosts(const pt_hosts *l, struct pt_addr a)
{
	for (size_t i = 0; i < l->n; i++)
		if (ref_host(&l->v[i], a))
			return true;
	return !l->n;
}

static bool ref_port(const struct pt_ast_port *o, uint16_t p)
{
	switch (o->op) {
	case PT_PORT_EQ:
		return p == o->a;
	case PT_PORT_NE:
		return p != o->a;
	case PT_PORT_LT:
		return p < o->a;
	case PT_PORT_LE:
		return p <= o->a;
	case PT_PORT_GT:
		return p > o->a;
	case PT_PORT_GE:
		return p >= o->a;
	case PT_PORT_RANGE:
		return p >= o->a && p <= o->b;
	case PT_PORT_IN:
		return p > o->a && p < o->b;
	case PT_PORT_OUT:
		return p < o->a || p > o->b;
	}
	return false;
}

static bool ref_ports(const pt_ports *l, uint16_t p)
{
	for (size_t i = 0; i < l->n; i++)
		if (ref_port(&l->v[i], p))
			return true;
	return !l->n;
}

static bool ref_on(const struct pt_ast_rule *r, const char *device)
{
	for (size_t i = 0; i < r->ifs.n; i++) {
		bool named = !strcmp(r->ifs.v[i].name, "lo") && !strcmp(device, "lo");

		for (size_t k = 0; k < conf->interfaces.n; k++)
			if (!strcmp(conf->interfaces.v[k].device, device))
				named = named || names_if(&conf->interfaces.v[k], r->ifs.v[i].name);
		if (named != r->ifs.v[i].neg)
			return true;
	}
	return !r->ifs.n;
}

static bool ref_protocol(const struct pt_ast_rule *r, const struct pt_packet *k)
{
	bool listed = !r->protos.n, tcp = listed, icmp = !r->icmp.n, keeps = r->action == PT_PASS && r->state != PT_STATE_NO;

	for (size_t i = 0; i < r->protos.n; i++) {
		listed = listed || r->protos.v[i] == k->proto;
		tcp = tcp || r->protos.v[i] == PT_PROTO_TCP;
	}
	for (size_t i = 0; i < r->icmp.n; i++)
		icmp = icmp || (r->icmp.v[i].type == k->icmp_type &&
				(r->icmp.v[i].code < 0 || r->icmp.v[i].code == k->icmp_code));
	if (!listed || !icmp || (r->icmp.n && k->af != r->icmp_af))
		return false;
	if (k->proto != PT_PROTO_TCP)
		return true;
	if (r->has_flags)
		return r->flags_any || (k->tcp_flags & r->flags_mask) == r->flags_set;
	return !keeps || !tcp || (k->tcp_flags & 0x12) == 0x02;
}

static bool ref_matches(const struct pt_ast_rule *r, const struct pt_packet *k, enum pt_dir dir, const char *device,
			const char *tag)
{
	const struct pt_ast_host *to = &r->nat.host;
	bool back = r->nat.kind == PT_NAT_BI && dir == PT_IN;

	if ((r->dir && r->dir != dir) || (r->af && r->af != k->af) || !ref_on(r, device) || !ref_protocol(r, k))
		return false;
	if (r->tagged && (tag && !strcmp(tag, r->tagged)) == r->tagged_neg)
		return false;
	if (r->nat.kind && to->kind != PT_HOST_IF && to->lo.af != k->af)
		return false;
	if (back)
		return ref_hosts(&r->dst, k->src) && ref_host(to, k->dst) && ref_ports(&r->dport, k->sport) &&
		       ref_ports(&r->sport, k->dport);
	return ref_hosts(&r->src, k->src) && ref_hosts(&r->dst, k->dst) && ref_ports(&r->sport, k->sport) &&
	       ref_ports(&r->dport, k->dport);
}

static struct pt_addr ref_target(const struct pt_ast_rule *r, enum pt_af af)
{
	struct pt_prefix p = { r->nat.host.lo, r->nat.host.plen };
	struct pt_addr a = { af, 0 }, none = { PT_AF_NONE, 0 };

	if (r->nat.host.kind != PT_HOST_IF) {
		a.v = r->nat.host.kind == PT_HOST_RANGE ? r->nat.host.lo.v : pt_prefix_lo(&p);
		return a;
	}
	for (size_t i = 0; i < conf->interfaces.n; i++)
		for (size_t k = 0; k < PT_ARRAY_SIZE(machine); k++)
			if (!strcmp(conf->interfaces.v[i].device, machine[k].device) &&
			    !strcmp(conf->interfaces.v[i].name, r->nat.host.name) && !machine[k].secondary &&
			    prefix(machine[k].prefix).addr.af == af && strncmp(machine[k].prefix, "fe80", 4) != 0)
				return prefix(machine[k].prefix).addr;
	return none;
}

/* K as R saw it into OUT, which begins as the packet that came; false when there is no address. */
static bool ref_translate(const struct pt_ast_rule *r, const struct pt_packet *k, enum pt_dir dir, struct pt_packet *out)
{
	bool ports = k->proto == PT_PROTO_TCP || k->proto == PT_PROTO_UDP || k->proto == PT_PROTO_SCTP;
	struct pt_addr to = ref_target(r, k->af);

	if (!to.af)
		return false;
	if (r->nat.kind == PT_NAT_BI && dir == PT_OUT) {
		out->src.v = to.v + (k->src.v - r->src.v[0].lo.v);
	} else if (r->nat.kind == PT_NAT_BI) {
		out->dst.v = r->src.v[0].lo.v + (k->dst.v - to.v);
	} else if (r->nat.kind == PT_NAT_SRC) {
		out->src = to;
		if (ports && !r->nat.static_port)
			out->sport = 0;
	} else {
		out->dst = to;
		if (ports && r->nat.has_port && (r->nat.port_star || r->nat.port_lo != r->nat.port_hi))
			out->dport = (uint16_t)(r->nat.port_lo + k->dport - r->dport.v[0].a);
		else if (ports && r->nat.has_port)
			out->dport = r->nat.port_lo;
	}
	return true;
}

struct ref {
	const struct pt_ast_rule *rule, *nat;
	struct pt_packet after;
	const char *tag;
	bool pass;
};

/* On the way through the rules. */
struct ref_walk {
	const struct pt_packet *pkt;
	enum pt_dir dir;
	const char *device;
	struct pt_packet seen, at_rule, at_match;
	const struct pt_ast_rule *nat;
	size_t found; /* rules that decided so far */
};

/* The rules FROM to TO-1, those in anchors when the anchor matches; true ends it all. */
static bool ref_list(struct ref_walk *w, size_t from, size_t to, struct ref *d)
{
	for (size_t i = from; i < to; i = behind.v[i]) {
		const struct pt_ast_rule *r = written.v[i];
		size_t found = w->found;

		if (!ref_matches(r, &w->seen, w->dir, w->device, d->tag))
			continue;
		if (r->tag)
			d->tag = r->tag;
		if (r->action == PT_ANCHOR) {
			if (ref_list(w, i + 1, behind.v[i], d) || (r->quick && w->found > found))
				return true;
		} else if (r->action != PT_MATCH) {
			w->found++;
			d->rule = r;
			w->at_rule = w->seen;
			if (r->quick)
				return true;
		} else if (r->nat.kind) {
			w->nat = r;
			w->at_match = w->seen;
			w->seen = *w->pkt;
			if (ref_translate(r, &w->at_match, w->dir, &w->seen) && w->pkt->sport && !w->seen.sport)
				w->seen.sport = r->nat.has_port ? r->nat.port_lo : 50001;
		}
	}
	return false;
}

static void ref_judge(const struct pt_packet *pkt, enum pt_dir dir, const char *device, const char *tag, struct ref *d)
{
	struct ref_walk w = { .pkt = pkt, .dir = dir, .device = device, .seen = *pkt, .at_rule = *pkt, .at_match = *pkt };

	memset(d, 0, sizeof(*d));
	d->tag = tag;
	d->after = *pkt;
	(void)ref_list(&w, 0, written.n, d);
	if (!d->rule || d->rule->action == PT_BLOCK)
		return;
	d->pass = pkt->ct != PT_CT_INVALID || d->rule->state == PT_STATE_NO;
	if (d->rule->state == PT_STATE_NO || pkt->ct != PT_CT_NEW)
		return;
	d->nat = d->rule->nat.kind ? d->rule : w.nat;
	if (d->nat && !ref_translate(d->nat, d->nat == w.nat ? &w.at_match : &w.at_rule, dir, &d->after))
		d->pass = false;
}

#endif
