/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New rules judge new connections; those that are there go on by their states. Who wants the rules to hold
 * for them too has each state judged again: its first packet is made anew from what the kernel
 * remembers, and where the evaluator would not make the same state of it, the state ends.
 *
 * What the kernel does not remember is the device. Where the rule that made the state is unchanged and names
 * devices, it was one of those; else the one that the route to the other end tells is taken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/internal.h"

#define FLAG_SYN 0x02

/* A rule that names devices, as it was before. */
struct maker {
	uint32_t id;
	const struct pt_pol_rule *rule;
	bool several; /* sets of devices: it became rules for some and for all others */
};
typedef PT_VEC(struct maker) makers;

struct enforcement {
	const struct pt_plan *plan;
	makers makers; /* by id */
	struct pt_eval *eval;
	struct pt_nl *route, *ender;
	struct pt_net_routes *routes;
	pt_ct_cb cb;
	void *arg;
	size_t n;
	struct pt_err *e;
};

/* ---- which rules are unchanged ---- */

static int by_id(const void *x, const void *y)
{
	const struct maker *a = x, *b = y;

	return a->id < b->id ? -1 : a->id > b->id;
}

static const struct maker *maker_find(const makers *m, uint32_t id)
{
	const struct maker key = { .id = id };

	return m->n ? bsearch(&key, m->v, m->n, sizeof(*m->v), by_id) : NULL;
}

static bool same_devices(const struct pt_pol_rule *a, const struct pt_pol_rule *b)
{
	if (a->if_any != b->if_any || a->if_neg != b->if_neg || a->devices.n != b->devices.n)
		return false;
	for (size_t i = 0; i < a->devices.n; i++)
		if (strcmp(a->devices.v[i], b->devices.v[i]) != 0)
			return false;
	return true;
}

/* One of the IR rules of each written rule is enough: all have the same text, and most the same devices. */
static int makers_collect(const struct pt_policy *p, makers *out)
{
	uint32_t last = 0;

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct maker m = { p->rules.v[i].id, &p->rules.v[i], false };

		if (m.id == last && out->n && !same_devices(out->v[out->n - 1].rule, m.rule))
			out->v[out->n - 1].several = true;
		if (m.rule->if_any || m.id == last || m.rule->action == PT_MATCH)
			continue;
		last = m.id;
		if (pt_vec_push(NULL, out, m))
			return -ENOMEM;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_id);
	return 0;
}

static bool unchanged(const struct pt_pol_rule *a, const struct pt_pol_rule *b)
{
	/* an interface of the file may have got another device */
	return !strcmp(a->text, b->text) && same_devices(a, b);
}

static int makers_build(struct enforcement *x, const struct pt_policy *before)
{
	makers old = { 0 };
	size_t n = 0;
	int rc;

	if (!before)
		return 0;
	rc = makers_collect(before, &old);
	if (!rc)
		rc = makers_collect(x->plan->policy, &x->makers);
	for (size_t i = 0; !rc && i < x->makers.n; i++) {
		const struct maker *m = maker_find(&old, x->makers.v[i].id);

		if (m && !m->several && !x->makers.v[i].several && unchanged(m->rule, x->makers.v[i].rule))
			x->makers.v[n++] = x->makers.v[i];
	}
	x->makers.n = n;
	free(old.v);
	return rc;
}

/* ---- the tables after an apply ---- */

/* The others hold what the file says, which the evaluator knows: an apply sees to that. */
static int tables_load(struct enforcement *x, struct pt_nl *nf)
{
	const struct pt_policy *p = x->plan->policy;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->tables.n; i++) {
		const struct pt_conf_table *t = p->tables.v[i].conf;

		if (p->tables.v[i].used && !pt_conf_table_written(t))
			rc = plan_table_learn(x->eval, nf, t->name, x->e);
	}
	return rc;
}

/* ---- the first packet ---- */

static bool has_ports(uint8_t proto)
{
	return proto == PT_PROTO_TCP || proto == PT_PROTO_UDP || proto == PT_PROTO_SCTP;
}

static struct pt_packet first_packet(const struct pt_ct_entry *ct)
{
	struct pt_packet k = { .af = ct->orig.src.af, .proto = ct->proto, .src = ct->orig.src, .dst = ct->orig.dst,
			       .ct = PT_CT_NEW, .partial = true, .time = (uint64_t)time(NULL) };

	if (ct->proto == PT_PROTO_TCP)
		k.tcp_flags = FLAG_SYN;
	if (has_ports(ct->proto)) {
		k.sport = ct->orig.sport;
		k.dport = ct->orig.dport;
	} else if (ct->proto == PT_PROTO_ICMP || ct->proto == PT_PROTO_ICMP6) {
		k.icmp_type = (uint8_t)(ct->orig.dport >> 8);
		k.icmp_code = (uint8_t)ct->orig.dport;
	}
	return k;
}

/* ---- translation ---- */

static bool on_interface(const struct pt_host *h, const char *device, struct pt_addr a)
{
	for (size_t i = 0; i < h->ifs.n; i++) {
		const struct pt_host_if *f = &h->ifs.v[i];

		for (size_t k = 0; !strcmp(f->device, device) && k < f->addrs.n; k++)
			if (f->addrs.v[k].prefix.addr.af == a.af && f->addrs.v[k].prefix.addr.v == a.v)
				return true;
	}
	return false;
}

static bool address_fits(const struct enforcement *x, const struct pt_pol_nat *n, struct pt_addr is,
			 struct pt_addr wanted, bool any_of_pool)
{
	if (n->target == PT_REF_IF) /* the kernel may choose another one than the first */
		return on_interface(x->plan->host, x->plan->policy->ifrefs.v[n->ref].device, is);
	return any_of_pool ? pt_nat_holds(n, is.v) : is.v == wanted.v;
}

static bool port_fits(const struct pt_pol_nat *n, uint16_t is, uint16_t wanted)
{
	if (n->has_port)
		return n->port_offset ? is == wanted : is >= n->port_lo && is <= n->port_hi;
	if (n->kind == PT_NAT_SRC && !n->static_port && !n->one_to_one)
		return is >= PT_NAT_PORT_LO;
	return true;
}

/* Could the translation that D decides on have made what the state does in direction DIR? */
static bool same_translation(const struct enforcement *x, const struct pt_ct_entry *ct, enum pt_dir dir,
			     const struct pt_decision *d)
{
	bool had = dir == PT_IN ? ct->label[3] & 0xffff : ct->label[3] >> 16;
	const struct pt_pol_nat *n;
	bool src;

	if (!had || !d->nat)
		return !had && !d->nat;
	n = &x->plan->policy->nats.v[d->nat - 1];
	src = n->kind == PT_NAT_SRC;
	if (!address_fits(x, n, src ? ct->reply.dst : ct->reply.src, src ? d->after.src : d->after.dst,
			  d->any_of_pool))
		return false;
	return !has_ports(ct->proto) || port_fits(n, src ? ct->reply.dport : ct->reply.sport,
						  src ? d->after.sport : d->after.dport);
}

/* ---- judgement ---- */

/* One direction of a state. */
struct side {
	const struct pt_ct_entry *ct;
	enum pt_dir dir;
	uint32_t rule;       /* id of the one that made it, 0: none */
	struct pt_packet packet;
	struct pt_addr end;  /* the other end, by whose route the device is known */
	uint8_t tag;         /* after the judgement */
};

static bool admits_on(const struct enforcement *x, struct side *s, const char *device)
{
	struct pt_decision d;

	pt_evaluate(x->eval, &s->packet, s->dir, device, &d);
	s->tag = d.tag;
	if (d.uncertain) /* hangs on what nobody remembers of its first packet: it stays */
		return true;
	return d.pass && d.rule->keep_state && same_translation(x, s->ct, s->dir, &d);
}

static bool names(const struct maker *m, const char *device)
{
	for (size_t i = 0; i < m->rule->devices.n; i++)
		if (!strcmp(m->rule->devices.v[i], device))
			return !m->rule->if_neg;
	return m->rule->if_neg;
}

/* Link-local addresses are on every link. */
static const char *route_device(const struct enforcement *x, struct pt_addr a)
{
	return a.af == PT_AF_INET6 && a.v >> 118 == 0xfe80 >> 6 ? "" : pt_net_routes_device(x->routes, a);
}

static bool admits(const struct enforcement *x, struct side *s)
{
	const struct maker *m = s->rule ? maker_find(&x->makers, s->rule) : NULL;
	const struct pt_host *h = x->plan->host;
	const char *device = route_device(x, s->end);

	if (*device && (!m || names(m, device)))
		return admits_on(x, s, device);
	for (size_t i = 0; i < h->ifs.n; i++)
		if ((!m || names(m, h->ifs.v[i].device)) && admits_on(x, s, h->ifs.v[i].device))
			return true;
	return false;
}

/* The `in` judgement sees the packet as it came; where it made no part of the state it may still have set a tag. */
static bool admits_in(const struct enforcement *x, const struct pt_ct_entry *ct, uint8_t *tag)
{
	struct side s = { .ct = ct, .dir = PT_IN, .rule = ct->label[1], .packet = first_packet(ct), .end = ct->orig.src };
	bool pass;

	*tag = 0;
	if (!(ct->label[0] & PT_LABEL_IN) &&
	    (!x->plan->policy->tags.n || !strcmp(route_device(x, ct->orig.src), "lo")))
		return true; /* of this machine, or nobody asks */
	pass = admits(x, &s);
	*tag = s.tag;
	return pass || !(ct->label[0] & PT_LABEL_IN);
}

/* The `out` judgement comes after the destination and before the source is translated. */
static bool admits_out(const struct enforcement *x, const struct pt_ct_entry *ct, uint8_t tag)
{
	struct side s = { .ct = ct, .dir = PT_OUT, .rule = ct->label[2], .packet = first_packet(ct), .end = ct->reply.src };

	if (!(ct->label[0] & PT_LABEL_OUT))
		return true;
	s.packet.tag = tag;
	s.packet.dst = ct->reply.src;
	if (has_ports(ct->proto))
		s.packet.dport = ct->reply.sport;
	return admits(x, &s);
}

static int look(const struct pt_ct_entry *ct, void *arg)
{
	struct enforcement *x = arg;
	uint8_t tag;
	int rc;

	if (!(ct->label[0] & (PT_LABEL_IN | PT_LABEL_OUT)))
		return 0;
	if (admits_in(x, ct, &tag) && admits_out(x, ct, tag))
		return 0;
	/* The kernel finds its place in the table again when the state at which the dump stands is gone. */
	rc = x->cb ? x->cb(ct, x->arg) : pt_ct_delete(x->ender, ct);
	if (rc == -ENOENT) /* it ended by itself meanwhile */
		return 0;
	if (rc)
		return x->cb ? rc : pt_err_sys(x->e, rc, "ending a state");
	x->n++;
	return 0;
}

/* ---- the whole ---- */

static int prepare(struct enforcement *x, const struct pt_policy *before, struct pt_nl *nf)
{
	int rc;

	rc = pt_nl_open(&x->route, NETLINK_ROUTE, x->e);
	if (!rc)
		rc = pt_nl_open(&x->ender, NETLINK_NETFILTER, x->e);
	if (rc)
		return rc;
	x->routes = pt_net_routes_new(x->route);
	if (!x->routes || makers_build(x, before))
		return pt_err_sys(x->e, -ENOMEM, "preparing to judge the states");
	rc = pt_eval_new(x->plan->policy, x->plan->host, &x->eval, x->e);
	return rc ? rc : tables_load(x, nf);
}

int pt_plan_enforce(const struct pt_plan *p, const struct pt_policy *before, struct pt_nl *nf, pt_ct_cb cb, void *arg,
		    size_t *n, struct pt_err *e)
{
	struct enforcement x = { .plan = p, .cb = cb, .arg = arg, .e = e };
	int rc;

	rc = prepare(&x, before, nf);
	if (!rc)
		rc = pt_ct_dump(nf, look, &x, e);
	*n = x.n;
	pt_eval_free(x.eval);
	pt_net_routes_free(x.routes);
	free(x.makers.v);
	pt_nl_close(x.ender);
	pt_nl_close(x.route);
	return rc;
}
