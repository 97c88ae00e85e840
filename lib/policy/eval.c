/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one evaluator: pf's reading of the rules, first to last. explain, test and the differential tests
 * all ask it, so it stays plain; speed comes from the classifier, which is asked where there is one and only
 * replaces the search for the rule.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/classify.h>
#include <patronus/policy.h>

/* One direction's rules for looking up. */
struct lookup {
	struct pt_classifier *classes;        /* NULL: the plain walk is all there is */
	const struct pt_pol_rule **constant;  /* by the classifier's numbers */
	PT_VEC(struct pt_order_item) others;  /* effects and dynamic rules */
};

struct pt_eval {
	struct pt_arena *arena;
	const struct pt_policy *policy;
	struct pt_iset self[2];           /* [0] IPv4, [1] IPv6 */
	struct pt_iset (*ifrefs)[2];
	struct pt_iset (*tables)[2];
	struct pt_addr (*targets)[2];     /* of translations to interfaces */
	PT_VEC(const char *) devices;     /* that rules name, sorted; their indexes count from 1 */
	struct lookup lookup[2];          /* in, out */
};

/* ---- preparation ---- */

static int load(struct pt_eval *v, const struct pt_host *h, struct pt_err *e)
{
	const struct pt_policy *p = v->policy;
	int rc = pt_host_self(h, v->arena, &v->self[0], &v->self[1]);

	v->ifrefs = pt_arena_alloc(v->arena, (p->ifrefs.n + 1) * sizeof(*v->ifrefs));
	v->tables = pt_arena_alloc(v->arena, (p->tables.n + 1) * sizeof(*v->tables));
	v->targets = pt_arena_alloc(v->arena, (p->ifrefs.n + 1) * sizeof(*v->targets));
	if (!v->ifrefs || !v->tables || !v->targets)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < p->ifrefs.n; i++) {
		rc = pt_ifref_resolve(&p->ifrefs.v[i], h, v->arena, &v->ifrefs[i][0], &v->ifrefs[i][1]);
		v->targets[i][0] = pt_ifref_address(&p->ifrefs.v[i], h, PT_AF_INET);
		v->targets[i][1] = pt_ifref_address(&p->ifrefs.v[i], h, PT_AF_INET6);
	}
	for (size_t i = 0; !rc && i < p->tables.n; i++)
		rc = pt_policy_table(p, &p->tables.v[i], v->arena, &v->tables[i][0], &v->tables[i][1], e);
	return rc;
}

/* ---- the rules as classes ---- */

static int by_name(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return strcmp(*a, *b);
}

static int collect_devices(struct pt_eval *v)
{
	const struct pt_policy *p = v->policy;
	size_t n = 0;

	for (size_t i = p->n_builtin; i < p->rules.n; i++)
		for (size_t k = 0; k < p->rules.v[i].devices.n; k++)
			if (pt_vec_push(NULL, &v->devices, p->rules.v[i].devices.v[k])) /* NOLINT(bugprone-sizeof-expression) */
				return -ENOMEM;
	if (!v->devices.n)
		return 0;
	qsort(v->devices.v, v->devices.n, sizeof(*v->devices.v), by_name); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 1; i < v->devices.n; i++)
		if (strcmp(v->devices.v[i], v->devices.v[n]) != 0)
			v->devices.v[++n] = v->devices.v[i];
	v->devices.n = n + 1;
	return 0;
}

/* One more than there are names: any device that no rule names. */
static uint32_t device_index(const struct pt_eval *v, const char *device)
{
	size_t from = 0, to = v->devices.n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = strcmp(v->devices.v[mid], device);

		if (!order)
			return (uint32_t)mid + 1;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return (uint32_t)v->devices.n + 1;
}

static int split(struct pt_eval *v, const struct pt_order *o, struct lookup *l)
{
	size_t n = 0;
	int rc = 0;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	l->constant = pt_arena_alloc(v->arena, (o->n_const + 1ul) * sizeof(*l->constant));
	if (!l->constant)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < o->items.n; i++) {
		if (o->items.v[i].kind == PT_ORDER_CONST)
			l->constant[n++] = o->items.v[i].rule;
		else
			rc = pt_vec_push(v->arena, &l->others, o->items.v[i]);
	}
	return rc;
}

/* Where rules cannot be classified, or would need too much memory, the plain walk is left. */
static int classify(struct pt_eval *v, enum pt_dir dir, const struct pt_class_device *devices)
{
	struct lookup *l = &v->lookup[dir == PT_OUT];
	struct pt_class_input in = { .devices = devices, .n_devices = v->devices.n + 1 };
	struct pt_arena *a = pt_arena_new();
	struct pt_order order = { 0 };
	int rc = -ENOMEM;

	if (a)
		rc = pt_order_build(v->policy, dir, a, &order);
	if (!rc && !order.why_not) {
		in.order = &order;
		rc = split(v, &order, l);
		if (!rc)
			rc = pt_classifier_build(&in, &l->classes, NULL);
	}
	pt_arena_free(a);
	return rc == -E2BIG ? 0 : rc;
}

static int classify_both(struct pt_eval *v)
{
	struct pt_class_device *devices;
	int rc = collect_devices(v);

	if (rc)
		return rc;
	devices = pt_arena_alloc(v->arena, (v->devices.n + 1) * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i <= v->devices.n; i++)
		devices[i] = (struct pt_class_device){ i < v->devices.n ? v->devices.v[i] : "", (uint32_t)i + 1 };
	rc = classify(v, PT_IN, devices);
	return rc ? rc : classify(v, PT_OUT, devices);
}

int pt_eval_new(const struct pt_policy *p, const struct pt_host *h, struct pt_eval **out, struct pt_err *e)
{
	struct pt_arena *arena = pt_arena_new();
	struct pt_eval *v = arena ? pt_arena_alloc(arena, sizeof(*v)) : NULL;
	int rc = -ENOMEM;

	*out = NULL;
	if (v) {
		v->arena = arena;
		v->policy = p;
		rc = load(v, h, e);
		if (!rc)
			rc = classify_both(v);
	}
	if (rc) {
		if (v)
			pt_eval_free(v);
		else
			pt_arena_free(arena);
		return rc == -ENOMEM ? pt_err_sys(e, rc, "preparing the evaluator") : rc;
	}
	*out = v;
	return 0;
}

void pt_eval_free(struct pt_eval *v)
{
	if (!v)
		return;
	for (int i = 0; i < 2; i++)
		pt_classifier_free(v->lookup[i].classes);
	free(v->devices.v);
	pt_arena_free(v->arena);
}

int pt_eval_table(struct pt_eval *v, const char *name, const struct pt_iset *v4, const struct pt_iset *v6)
{
	static const struct pt_iset none;
	int rc;

	for (size_t i = 0; i < v->policy->tables.n; i++) {
		if (strcmp(v->policy->tables.v[i].conf->name, name))
			continue;
		rc = pt_iset_union(v->arena, &v->tables[i][0], v4, &none);
		return rc ? rc : pt_iset_union(v->arena, &v->tables[i][1], v6, &none);
	}
	return -ENOENT;
}

/* ---- conditions ---- */

const struct pt_iset *pt_eval_address(const struct pt_eval *v, const struct pt_pol_addr *addr, enum pt_af af)
{
	bool six = af == PT_AF_INET6;

	switch (addr->kind) {
	case PT_REF_SET:
		return six ? &addr->v6 : &addr->v4;
	case PT_REF_SELF:
		return &v->self[six];
	case PT_REF_IF:
		return &v->ifrefs[addr->ref][six];
	case PT_REF_TABLE:
		return &v->tables[addr->ref][six];
	case PT_REF_OUTSIDE:
		return &v->policy->outside.v[addr->ref].set[six];
	case PT_REF_ANY:
	case PT_REF_NO_ROUTE:
	case PT_REF_URPF:
		break; /* see side_matches() */
	}
	return NULL;
}

static bool address_matches(const struct pt_eval *v, const struct pt_pol_addr *a, struct pt_addr x)
{
	const struct pt_iset *s = pt_eval_address(v, a, x.af);

	return s ? pt_iset_has(s, x.v) != (a->kind != PT_REF_SET && a->neg) : a->kind == PT_REF_ANY;
}

/* What routes say of an address is a fact of the packet. */
static bool side_matches(const struct pt_eval *v, const struct pt_pol_addr *a, struct pt_addr x, bool no_route,
			 bool urpf_failed)
{
	if (a->kind == PT_REF_NO_ROUTE)
		return no_route != a->neg;
	if (a->kind == PT_REF_URPF)
		return urpf_failed != a->neg;
	return address_matches(v, a, x);
}

static bool device_matches(const struct pt_pol_rule *r, const char *device)
{
	if (r->if_any)
		return true;
	for (size_t i = 0; i < r->devices.n; i++)
		if (!strcmp(r->devices.v[i], device))
			return !r->if_neg;
	return r->if_neg;
}

static enum pt_condition protocol_condition(const struct pt_pol_rule *r, const struct pt_packet *k)
{
	uint32_t icmp = (uint32_t)k->icmp_type << 8 | k->icmp_code;

	if (!r->proto_any && (!r->protos.n || !memchr(r->protos.v, k->proto, r->protos.n)))
		return PT_COND_PROTO;
	if (r->sport.n && (k->no_ports || !pt_iset_has(&r->sport, k->sport)))
		return PT_COND_SPORT;
	if (r->dport.n && (k->no_ports || !pt_iset_has(&r->dport, k->dport)))
		return PT_COND_DPORT;
	if (r->icmp.n && (k->no_ports || !pt_iset_has(&r->icmp, icmp)))
		return PT_COND_ICMP;
	if (k->proto != PT_PROTO_TCP || !r->flags_mask)
		return PT_COND_HOLDS;
	return !k->no_flags && (k->tcp_flags & r->flags_mask) == r->flags_set ? PT_COND_HOLDS : PT_COND_FLAGS;
}

static bool received_matches(const struct pt_pol_received *r, const char *device)
{
	for (uint32_t i = 0; device && i < r->n; i++)
		if (!strcmp(r->v[i], device))
			return !r->neg;
	return r->neg;
}

static bool schedule_holds(const struct pt_eval *v, const struct pt_pol_more *m, uint64_t time)
{
	return !m->schedule || pt_iset_has(&v->policy->schedules.v[m->schedule - 1].times, time) != m->schedule_neg;
}

/* May the rule be asked about F? Where it is not known, *UNKNOWN tells so. */
static bool is_known(const struct pt_packet *k, enum pt_fact f, bool *unknown)
{
	if (!k->partial || k->known & f)
		return true;
	*unknown = true;
	return false;
}

bool pt_packet_drew(const struct pt_packet *k, uint32_t rule, uint32_t chance)
{
	for (uint32_t i = 0; i < k->n_draws; i++)
		if (k->draws[i].rule == rule)
			return k->drawn[i] != 0;
	return k->chance < chance;
}

/* Rates are about other packets than this one: here they always have room. */
static enum pt_condition more_condition(const struct pt_eval *v, const struct pt_pol_rule *r, const struct pt_packet *k,
					bool *unknown)
{
	const struct pt_pol_more *m = r->more;

	if (!schedule_holds(v, m, k->time))
		return PT_COND_SCHEDULE;
	if (m->has_tos && is_known(k, PT_FACT_TOS, unknown) && (k->tos & ~3) != m->tos)
		return PT_COND_TOS;
	if (m->chance && is_known(k, PT_FACT_CHANCE, unknown) && !pt_packet_drew(k, r->id, m->chance))
		return PT_COND_CHANCE;
	if (m->received.n && is_known(k, PT_FACT_RECEIVED, unknown) && !received_matches(&m->received, k->received))
		return PT_COND_RECEIVED;
	if (m->macs.n && is_known(k, PT_FACT_MAC, unknown) && (k->mac == PT_NO_MAC || !pt_iset_has(&m->macs, k->mac)))
		return PT_COND_MAC;
	if (m->uid.n && is_known(k, PT_FACT_USER, unknown) && !(k->owned && pt_iset_has(&m->uid, k->uid)))
		return PT_COND_USER;
	if (m->gid.n && is_known(k, PT_FACT_GROUP, unknown) && !(k->owned && pt_iset_has(&m->gid, k->gid)))
		return PT_COND_GROUP;
	if (m->limit.packets || m->pkt_rate.packets || m->once)
		(void)is_known(k, PT_FACT_RATES, unknown);
	return PT_COND_HOLDS;
}

/* False: what it asks routes for is not known. */
static bool routes_known(const struct pt_pol_addr *a, const struct pt_packet *k, bool *unknown)
{
	return (a->kind != PT_REF_NO_ROUTE && a->kind != PT_REF_URPF) || is_known(k, PT_FACT_ROUTES, unknown);
}

static enum pt_condition rule_condition(const struct pt_eval *v, const struct pt_pol_rule *r, const struct pt_packet *k,
					enum pt_dir dir, const char *device, uint8_t tag)
{
	enum pt_condition c;
	bool unknown = false;

	if (r->dir != dir)
		return PT_COND_DIR;
	if (!(r->af & k->af))
		return PT_COND_FAMILY;
	if (!device_matches(r, device))
		return PT_COND_DEVICE;
	c = protocol_condition(r, k);
	if (c != PT_COND_HOLDS)
		return c;
	if (r->tagged && (tag == r->tagged) == r->tagged_neg)
		return PT_COND_TAG;
	c = r->more ? more_condition(v, r, k, &unknown) : PT_COND_HOLDS;
	if (c != PT_COND_HOLDS)
		return c;
	if (routes_known(&r->src, k, &unknown) && !side_matches(v, &r->src, k->src, k->no_route_src, k->urpf_failed))
		return PT_COND_SRC;
	if (routes_known(&r->dst, k, &unknown) && !side_matches(v, &r->dst, k->dst, k->no_route_dst, false))
		return PT_COND_DST;
	return unknown ? PT_COND_UNKNOWN : PT_COND_HOLDS;
}

/* ---- translation ---- */

static bool has_ports(uint8_t proto)
{
	return proto == PT_PROTO_TCP || proto == PT_PROTO_UDP || proto == PT_PROTO_SCTP;
}

/* *EXACT: it is that one and no other of the translation's. */
static struct pt_addr nat_address(const struct pt_eval *v, const struct pt_pol_nat *n, struct pt_addr src,
				  struct pt_addr old, bool *exact)
{
	struct pt_addr a = { .af = old.af };

	*exact = true;
	if (n->target == PT_REF_IF)
		return v->targets[n->ref][old.af == PT_AF_INET6];
	*exact = pt_nat_choose(n, src, old, &a.v);
	return a;
}

/* K, the packet as it came, with translation number NAT (index+1). SEEN is what the rule saw, perhaps
 * translated already: prefixes and ranges of ports are moved from there. False when the interface has no
 * address to use. */
static bool translate(const struct pt_eval *v, uint32_t nat, const struct pt_packet *seen, struct pt_packet *k,
		      bool *exact)
{
	const struct pt_pol_nat *n = &v->policy->nats.v[nat - 1];
	struct pt_addr a = nat_address(v, n, k->src, n->kind == PT_NAT_SRC ? seen->src : seen->dst, exact);

	if (!a.af)
		return false;
	*(n->kind == PT_NAT_SRC ? &k->src : &k->dst) = a;
	if (!has_ports(k->proto) || k->no_ports)
		return true;
	if (n->kind == PT_NAT_SRC && !n->static_port)
		k->sport = 0; /* the kernel's choice */
	if (n->kind == PT_NAT_DST && n->has_port)
		k->dport = n->port_offset ? (uint16_t)(n->port_lo + (seen->dport - n->match_lo)) : n->port_lo;
	return true;
}

/* Stands for all source ports that the kernel may choose: what is compiled has no rule behind a
 * translation that tells them apart. */
static uint16_t lowest_port(const struct pt_pol_nat *n)
{
	return n->has_port ? n->port_lo : PT_NAT_PORT_LO;
}

/* ---- what rules set ---- */

/* FROM over what is there. */
static void set_over(struct pt_ast_set *s, const struct pt_ast_set *from)
{
	if (from->has_prio) {
		s->has_prio = true;
		s->prio = from->prio;
		s->prio_fast = from->prio_fast;
	}
	if (from->has_tos) {
		s->has_tos = true;
		s->tos = from->tos;
	}
	if (from->queue) {
		s->queue = from->queue;
		s->queue_fast = from->queue_fast;
	}
	s->no_df |= from->no_df;
	s->random_id |= from->random_id;
	s->min_ttl = from->min_ttl ? from->min_ttl : s->min_ttl;
	s->max_mss = from->max_mss ? from->max_mss : s->max_mss;
}

static void take_set(const struct pt_eval *v, const struct pt_pol_rule *r, struct pt_ast_set *s)
{
	if (r->set)
		set_over(s, &v->policy->sets.v[r->set - 1]);
}

/* ---- judgement ---- */

struct judgement {
	const struct pt_pol_rule *rule; /* the last pass or block that matched */
	uint32_t match_nat;
	uint8_t tag;
	bool uncertain;
	const struct pt_pol_rule *maybe; /* may have decided instead of RULE */
	struct pt_ast_set set; /* of the match rules */
	struct pt_packet at_rule, at_match; /* what RULE saw, and the match rule of MATCH_NAT */
};

/* SEEN, after the match rule R has translated PKT. */
static void see_translated(const struct pt_eval *v, const struct pt_pol_rule *r, const struct pt_packet *pkt,
			   struct judgement *j, struct pt_packet *seen)
{
	bool exact;

	if (r->nat == j->match_nat)
		return; /* the same one again: it is done once */
	j->match_nat = r->nat;
	j->at_match = *seen;
	*seen = *pkt;
	if (translate(v, r->nat, &j->at_match, seen, &exact) && pkt->sport && !seen->sport)
		seen->sport = lowest_port(&v->policy->nats.v[r->nat - 1]);
}

/* The first rule of those built in that matches: all are quick. */
static const struct pt_pol_rule *find_builtin(const struct pt_eval *v, const struct pt_packet *pkt, enum pt_dir dir,
					      const char *device)
{
	for (size_t i = 0; i < v->policy->n_builtin; i++)
		if (rule_condition(v, &v->policy->rules.v[i], pkt, dir, device, pkt->tag) == PT_COND_HOLDS)
			return &v->policy->rules.v[i];
	return NULL;
}

/* The rule that wins, by the classifier and the order; J knows the tag so far. */
static const struct pt_pol_rule *find_rule(const struct pt_eval *v, const struct lookup *l, const struct pt_packet *pkt,
					   enum pt_dir dir, const char *device, struct judgement *j)
{
	uint32_t winner = pt_classify(l->classes, pkt, device_index(v, device));

	for (size_t i = 0; i < l->others.n && l->others.v[i].before <= winner; i++) {
		const struct pt_order_item *x = &l->others.v[i];
		enum pt_condition c = rule_condition(v, x->rule, pkt, dir, device, j->tag);

		if (c == PT_COND_UNKNOWN && x->kind == PT_ORDER_DYNAMIC && !j->maybe)
			j->maybe = x->rule;
		j->uncertain |= c == PT_COND_UNKNOWN;
		if (c != PT_COND_HOLDS)
			continue;
		if (x->kind == PT_ORDER_DYNAMIC)
			return x->rule;
		if (x->rule->tag)
			j->tag = x->rule->tag;
		if (x->rule->action == PT_MATCH)
			take_set(v, x->rule, &j->set);
	}
	return winner == UINT32_MAX ? NULL : l->constant[winner];
}

/* What judge() finds, sooner. Nothing translates on the way: such lists are not classified. */
static void look_up(const struct pt_eval *v, const struct lookup *l, const struct pt_packet *pkt, enum pt_dir dir,
		    const char *device, struct judgement *j)
{
	memset(j, 0, sizeof(*j));
	j->tag = pkt->tag;
	j->at_rule = *pkt;
	j->rule = find_builtin(v, pkt, dir, device);
	if (!j->rule)
		j->rule = find_rule(v, l, pkt, dir, device, j);
	/* Tags of other rules were effects on the way. */
	if (j->rule && j->rule->quick && j->rule->tag)
		j->tag = j->rule->tag;
}

static void judge(const struct pt_eval *v, const struct pt_packet *pkt, enum pt_dir dir, const char *device,
		  void (*fn)(const struct pt_pol_rule *r, enum pt_condition first, void *arg), void *arg,
		  struct judgement *j)
{
	struct pt_packet seen = *pkt; /* with the translations of match rules so far */

	memset(j, 0, sizeof(*j));
	j->tag = pkt->tag;
	for (size_t i = 0; i < v->policy->rules.n; i++) {
		const struct pt_pol_rule *r = &v->policy->rules.v[i];
		enum pt_condition c;

		if (r->dir != dir)
			continue;
		c = rule_condition(v, r, &seen, dir, device, j->tag);
		if (c == PT_COND_UNKNOWN && r->action != PT_MATCH && !(j->maybe && j->maybe->quick))
			j->maybe = r;
		j->uncertain |= c == PT_COND_UNKNOWN && r->action == PT_MATCH;
		if (fn)
			fn(r, c, arg);
		if (c != PT_COND_HOLDS)
			continue;
		if (r->tag)
			j->tag = r->tag;
		if (r->action == PT_MATCH)
			take_set(v, r, &j->set);
		if (r->action != PT_MATCH) {
			j->rule = r;
			j->at_rule = seen;
			if (!j->maybe || !j->maybe->quick)
				j->maybe = NULL; /* overruled */
			if (r->quick)
				return;
		} else if (r->nat) {
			see_translated(v, r, pkt, j, &seen);
		}
	}
}

void pt_evaluate_walk(const struct pt_eval *v, const struct pt_packet *pkt, enum pt_dir dir, const char *device,
		      void (*fn)(const struct pt_pol_rule *r, enum pt_condition first, void *arg), void *arg)
{
	struct judgement j;

	judge(v, pkt, dir, device, fn, arg, &j);
}

static void refuse(struct pt_decision *d, const char *why)
{
	d->pass = false;
	d->ret = PT_RET_DROP;
	d->code4 = d->code6 = -1;
	d->why = why;
}

void pt_evaluate(const struct pt_eval *v, const struct pt_packet *pkt, enum pt_dir dir, const char *device,
		 struct pt_decision *out)
{
	const struct lookup *l = &v->lookup[dir == PT_OUT];
	struct judgement j;
	bool exact = true;
	uint32_t nat;

	if (l->classes)
		look_up(v, l, pkt, dir, device, &j);
	else
		judge(v, pkt, dir, device, NULL, NULL, &j);
	memset(out, 0, sizeof(*out));
	out->rule = j.rule;
	out->uncertain = j.uncertain || j.maybe;
	out->maybe = j.maybe;
	out->tag = j.tag;
	out->after = *pkt;
	out->code4 = out->code6 = -1;
	if (!j.rule)
		return;
	out->pass = j.rule->action == PT_PASS;
	out->ret = j.rule->ret;
	out->code4 = j.rule->code4;
	out->code6 = j.rule->code6;
	if (!out->pass)
		return;
	out->set = j.set;
	take_set(v, j.rule, &out->set);
	if (j.rule->keep_state && pkt->ct == PT_CT_INVALID) {
		refuse(out, PT_WHY_INVALID);
		return;
	}
	/* Translations live in states: without one there is none. */
	nat = j.rule->nat ? j.rule->nat : j.match_nat;
	if (!j.rule->keep_state || !nat)
		return;
	if (pkt->ct != PT_CT_NEW) {
		if (pt_packet_ct(pkt) != PT_CT_UNTRACKED)
			refuse(out, PT_WHY_UNTRACKED);
		return;
	}
	out->nat = nat;
	if (!translate(v, out->nat, j.rule->nat ? &j.at_rule : &j.at_match, &out->after, &exact))
		refuse(out, PT_WHY_NO_ADDRESS);
	out->any_of_pool = !exact;
}
