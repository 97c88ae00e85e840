/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All packets that may pass against the way of each: random rules with translations, tags and routes, and packets where sets
 * begin and end. What pt_path_find() lets through must be in a flow of that kind, by that device and those rules; what it
 * does not must be in none.
 *
 *   reach.t                    a fixed seed
 *   PATRONUS_SEED=0x…          another one
 *   PATRONUS_SETS=N            more sets of rules
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/reach.h>

#include "lib/scarce.h"
#include "policy_make.h"

#define SETS 250
#define PACKETS 600
#define NOW 1763764200

static struct pt_host *host;
static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

#define PICK(a) ((a)[rnd((uint32_t)PT_ARRAY_SIZE(a))])

/* ---- a world ---- */

/* The longest first; no device: a route that leads nowhere. */
static const struct {
	const char *prefix, *device;
} table[] = {
	{ "10.64.0.2", "ppp0" },     { "10.0.6.0/30", "dmz0" },	    { "203.0.113.0/29", "wan0" }, { "10.0.5.64/26", "wan0" },
	{ "192.168.1.0/24", "lan0" }, { "10.0.5.0/24", "dmz0" },    { "198.51.100.0/24", "" },	  { "0.0.0.0/0", "wan0" },
	{ "fd00:1::/64", "lan0" },   { "fd00:6::/64", "six0" },	    { "2001:db8:1::/64", "wan0" }, { "2001:db8:2::/48", "" },
	{ "2001:db8::/32", "wan0" },
};

static const char *route(void *arg, struct pt_addr dst)
{
	(void)arg;
	for (size_t i = 0; i < PT_ARRAY_SIZE(table); i++) {
		struct pt_prefix p = prefix(table[i].prefix);

		if (p.addr.af == dst.af && pt_prefix_lo(&p) <= dst.v && dst.v <= pt_prefix_hi(&p))
			return table[i].device;
	}
	return "";
}

/* As the kernel's tables would give it. */
static int ways(void *arg, struct pt_arena *a, struct pt_net_ways *out, struct pt_err *e)
{
	struct pt_iset taken[2] = { { 0 }, { 0 } };

	(void)arg;
	(void)e;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < PT_ARRAY_SIZE(table); i++) {
		struct pt_prefix p = prefix(table[i].prefix);
		bool six = p.addr.af == PT_AF_INET6;
		struct pt_ival one = { pt_prefix_lo(&p), pt_prefix_hi(&p) };
		struct pt_iset all = { .v = &one, .n = 1 }, rest, sum;
		size_t k = 0;

		if (pt_iset_subtract(a, &rest, &all, &taken[six]) || pt_iset_union(a, &sum, &taken[six], &all))
			return -ENOMEM;
		taken[six] = sum;
		while (k < out->v.n && strcmp(out->v.v[k].device, table[i].device) != 0)
			k++;
		if (!*table[i].device)
			continue;
		if (k == out->v.n && pt_vec_push(a, &out->v, ((struct pt_net_way){ .device = table[i].device })))
			return -ENOMEM;
		if (pt_iset_union(a, &sum, &out->v.v[k].dst[six], &rest))
			return -ENOMEM;
		out->v.v[k].dst[six] = sum;
		out->v.v[k].by_default[six] |= !p.len;
	}
	return 0;
}

static bool forwards(void *arg, enum pt_af af, const char *device)
{
	(void)arg;
	return af == PT_AF_INET6 || strcmp(device, "ppp0") != 0;
}

static bool loopback(void *arg, const char *device)
{
	(void)arg;
	return !strcmp(device, "dmz0");
}

struct made {
	struct built b;
	struct pt_eval *eval;
	struct pt_world world;
};

static int make(struct made *m, const char *options, const char *rules)
{
	struct pt_err e = { 0 };

	memset(m, 0, sizeof(*m));
	build_with(&m->b, options, rules);
	if (m->b.rc)
		return m->b.rc;
	assert_int_equal(pt_policy_outside(m->b.policy, NULL, NOW, false, &e), 0);
	assert_int_equal(pt_eval_new(m->b.policy, host, &m->eval, &e), 0);
	m->world = (struct pt_world){ .policy = m->b.policy, .eval = m->eval, .host = host, .route = route, .ways = ways,
				      .forwards = forwards, .loopback = loopback, .arg = m };
	m->world.asks_routes = pt_world_asks_routes(m->b.policy);
	assert_int_equal(pt_host_self(host, host->arena, &m->world.self[0], &m->world.self[1]), 0);
	pt_err_fini(&e);
	return 0;
}

static void unmake(struct made *m)
{
	pt_eval_free(m->eval);
	drop(&m->b);
}

/* ---- random rules ---- */

static const char *const hosts4[] = {
	"192.168.1.1", "192.168.1.77", "192.168.1.0/24", "192.168.1.64/26", "198.51.100.0/26", "10.0.5.0/24", "10.0.5.20",
	"10.0.5.9", "192.168.1.60 - 192.168.1.80", "203.0.113.60", "255.255.255.255", "0.0.0.0/1", "203.0.113.48/30", "127.0.0.0/8",
	"224.0.0.0/4", "10.64.0.2",
};
static const char *const hosts6[] = {
	"fd00:1::1", "fd00:1::/64", "2001:db8:2::/48", "2001:db8:9::/48", "fd00:6::1", "fd00:1::10 - fd00:1::77", "fe80::/10",
	"8000::/1", "2001:db8:1::50", "fd00:6::/124",
};

static void gen_member(struct pt_buf *b, int af)
{
	static const char *const named[] = { "self", "(wan)", "(lan)", "(wan:network)", "lan:network", "dmz", "<bad>", "<good>",
					     "<four>" };

	pt_buf_str(b, rnd(4) ? "" : "! ");
	pt_buf_str(b, rnd(5) < 2 ? PICK(named) : af == 6 || (!af && rnd(2)) ? PICK(hosts6) : PICK(hosts4));
}

static void gen_hosts(struct pt_buf *b, int af)
{
	uint32_t n = rnd(3) ? 1 : 2;

	if (rnd(5) < 2) {
		pt_buf_str(b, "any");
		return;
	}
	pt_buf_str(b, n > 1 ? "{ " : "");
	for (uint32_t i = 0; i < n; i++) {
		gen_member(b, af);
		pt_buf_str(b, i + 1 < n ? ", " : n > 1 ? " }" : "");
	}
}

static void gen_mapped(struct pt_buf *b)
{
	static const char *const rules[] = {
		"match inet from 10.0.5.16/29 to any binat-to 203.0.113.48/29",
		"match on wan inet from 10.0.5.20 to any binat-to 203.0.113.50",
		"match inet6 from fd00:6::/124 to any binat-to 2001:db8:1::50/124",
		"pass inet from 203.0.113.48/30 to any binat-to 10.0.5.16/30",
		"match in inet proto { tcp, udp } from any to any port 8000:8010 rdr-to 10.0.5.20 port 3000:*",
		"pass in inet proto { tcp, udp } from any to any port 3003:3010 rdr-to 10.0.5.20 port 20:*",
		"pass in quick inet6 proto udp from any to self port 20:90 rdr-to fd00:6::20 port 8000:*",
		"match out on wan from { lan:network, <four> } to any nat-to (wan)",
		"match out inet from any to any nat-to 203.0.113.60 static-port",
		"match in proto tcp from any to (wan) port { 22, 80 } rdr-to 192.168.1.77 port 80",
		"match in inet6 from any to self rdr-to fd00:1::10",
		"pass in on wan inet proto tcp from any to any port 25 rdr-to 127.0.0.1",
		"pass in on dmz inet proto tcp from any to any port 25 rdr-to 127.0.0.1",
		"match out from any to any nat-to (ppp)",
		"match in from any to self rdr-to (wan)",
		"pass in from any to <bad> rdr-to (ppp)",
	};

	pt_buf_str(b, PICK(rules));
}

static void gen_options(struct pt_buf *b, bool decides, uint32_t dir, int af, uint32_t proto)
{
	static const char *const tags[] = { "RED", "BLUE" };
	static const char *const t4[] = { "echoreq", "{ echoreq, unreach }", "unreach code 1", "timex" };
	static const char *const t6[] = { "echoreq", "{ 128, unreach }", "neighbrsol" };
	static const char *const flags[] = { "S/SA", "any", "A/A", "S/SAFR" };
	bool no_state = decides && rnd(4) == 0;

	if (proto == 4 && rnd(2))
		pt_buf_fmt(b, " icmp-type %s", PICK(t4));
	if (proto == 5 && rnd(2))
		pt_buf_fmt(b, " icmp6-type %s", PICK(t6));
	if (proto < 2 && rnd(3) == 0)
		pt_buf_fmt(b, " flags %s", PICK(flags));
	if (dir == 2 && !rnd(4))
		pt_buf_str(b, rnd(2) ? " received-on lan" : " ! received-on inside");
	else if (!rnd(8))
		pt_buf_str(b, rnd(2) ? " tos lowdelay" : dir == 1 ? " mac 02:00:00:00:01:00" : " tos ef");
	else if (dir == 2 && !rnd(8))
		pt_buf_str(b, rnd(2) ? " user root" : " user != root");
	pt_buf_str(b, no_state ? " no state" : "");
	if (rnd(4) == 0)
		pt_buf_fmt(b, " tag %s", PICK(tags));
	if (rnd(4) == 0)
		pt_buf_fmt(b, " %stagged %s", rnd(2) ? "" : "! ", PICK(tags));
	if (!decides || no_state || !dir || rnd(3))
		return;
	if (dir == 2)
		pt_buf_fmt(b, " nat-to %s", af == 6 ? "2001:db8:1::50" : rnd(2) ? "203.0.113.60" : "(wan)");
	else
		pt_buf_fmt(b, " rdr-to %s%s", af == 6 ? "fd00:6::20" : "10.0.5.20",
			   proto >= 1 && proto <= 3 && rnd(2) ? " port 8005" : "");
}

static void gen_rule(struct pt_buf *b)
{
	static const char *const protos[] = { "", " proto tcp", " proto udp", " proto { tcp, udp, sctp }", " proto icmp",
					      " proto icmp6", " proto gre" };
	static const char *const on[] = { "", "", "", " on lan", " on ! lan", " on wan0", " on inside", " on { lan, wan }" };
	static const char *const ports[] = { "22", "{ 22, 80 }", "20:90", "!= 80", "> 8000", "8000:8010", "8005" };
	static const char *const sources[] = { "no-route", "urpf-failed", "! urpf-failed" };
	uint32_t kind = rnd(10), proto = rnd(PT_ARRAY_SIZE(protos)), dir = rnd(3);
	int af = (int[]){ 0, 4, 6 }[rnd(3)];
	bool pass = kind < 6, match = kind == 9;

	if (rnd(6) == 0) {
		gen_mapped(b);
		return;
	}
	pt_buf_fmt(b, "%s%s", pass ? "pass" : match ? "match" : "block", dir == 1 ? " in" : dir == 2 ? " out" : "");
	pt_buf_fmt(b, "%s%s%s", !match && !rnd(5) ? " quick" : "", PICK(on), af == 4 ? " inet" : af == 6 ? " inet6" : "");
	pt_buf_fmt(b, "%s from ", protos[proto]);
	if (dir == 1 && !rnd(8))
		pt_buf_str(b, PICK(sources));
	else
		gen_hosts(b, af);
	pt_buf_str(b, " to ");
	if (!rnd(12))
		pt_buf_str(b, "no-route");
	else
		gen_hosts(b, af);
	if (proto >= 1 && proto <= 3 && rnd(2))
		pt_buf_fmt(b, " port %s", PICK(ports));
	gen_options(b, pass || match, dir, af, proto);
}

static void gen_set(struct pt_buf *b)
{
	static const char *const bases[] = { "pass", "block return", "pass no state", "pass flags any", "match tag BLUE" };
	uint32_t n = 1 + rnd(9);

	pt_buf_fmt(b, "\"%s\"", PICK(bases));
	for (uint32_t i = 0; i < n; i++) {
		struct pt_err e = { 0 };
		struct pt_buf one = { 0 };
		struct built t;

		/* one at a time, so that a combination that is wrong costs one rule only */
		gen_rule(&one);
		pt_buf_fmt(&one, "%s", "");
		{
			struct pt_buf quoted = { 0 };

			pt_buf_fmt(&quoted, "\"%s\"", one.s);
			build(&t, quoted.s);
			if (!t.rc)
				pt_buf_fmt(b, ",\n%s", quoted.s);
			pt_buf_fini(&quoted);
		}
		drop(&t);
		pt_buf_fini(&one);
		pt_err_fini(&e);
	}
}

/* ---- packets ---- */

static struct pt_addr some_address(enum pt_af af)
{
	static const char *const more4[] = { "0.0.0.1", "8.8.8.8", "192.168.1.255", "203.0.113.2", "203.0.113.5", "127.0.0.1",
					     "10.0.5.70", "10.0.5.17", "169.254.1.1", "10.0.6.3" };
	static const char *const more6[] = { "fe80::9", "ff02::1", "::1", "2001:db8:1::9", "fd00:6::7", "2001:db8:1::2", "::5" };
	const char *s = af == PT_AF_INET ? (rnd(3) ? PICK(hosts4) : PICK(more4)) : rnd(3) ? PICK(hosts6) : PICK(more6);
	char text[80];
	struct pt_prefix p;
	struct pt_addr a;

	memcpy(text, s, strlen(s) + 1);
	text[strcspn(text, " ")] = '\0';
	p = prefix(text);
	a = p.addr;
	a.v = rnd(2) ? pt_prefix_lo(&p) : pt_prefix_hi(&p);
	a.v += rnd(4) ? 0 : rnd(2) ? 1 : (pt_u128)-1;
	if (!rnd(6))
		a.v += rnd(256);
	a.v &= pt_af_max(af);
	return a;
}

static void some_packet(bool all, struct pt_question *q)
{
	static const char *const devices[] = { "lan0", "wan0", "dmz0", "six0", "ppp0" };
	static const uint8_t protos[] = { PT_PROTO_TCP, PT_PROTO_TCP, PT_PROTO_UDP, PT_PROTO_SCTP, 47, PT_PROTO_ICMP, PT_PROTO_ICMP6 };
	static const uint16_t ports[] = { 1, 19, 20, 22, 25, 79, 80, 90, 443, 3003, 3010, 7999, 8000, 8005, 8010, 8011, 65535 };
	static const uint8_t types4[] = { 8, 8, 3, 11, 13 }, types6[] = { 128, 128, 135, 1, 130 }, flags[] = { 2, 2, 0x10, 0x12, 4, 0 };
	struct pt_packet *k = &q->packet;

	memset(q, 0, sizeof(*q));
	q->dir = rnd(4) ? PT_IN : PT_OUT;
	k->af = rnd(2) ? PT_AF_INET : PT_AF_INET6;
	do {
		k->proto = PICK(protos);
	} while (!all && k->proto == (k->af == PT_AF_INET ? PT_PROTO_ICMP6 : PT_PROTO_ICMP));
	k->src = some_address(k->af);
	k->dst = some_address(k->af);
	k->mac = rnd(2) ? 0x020000000100 : 0x020000000101;
	k->tos = rnd(3) ? 0 : rnd(2) ? 0x10 : 0xb8;
	k->time = NOW;
	k->known = PT_FACT_TOS | PT_FACT_MAC | PT_FACT_USER | PT_FACT_GROUP | PT_FACT_CHANCE;
	k->tcp_flags = k->proto != PT_PROTO_TCP ? 0 : all ? PICK(flags) : 2;
	if (k->proto == PT_PROTO_TCP || k->proto == PT_PROTO_UDP || k->proto == PT_PROTO_SCTP) {
		k->sport = PICK(ports);
		k->dport = PICK(ports);
	}
	if (k->proto == PT_PROTO_ICMP || k->proto == PT_PROTO_ICMP6)
		k->icmp_type = !all ? (k->af == PT_AF_INET ? 8 : 128) : k->af == PT_AF_INET ? PICK(types4) : PICK(types6);
	q->device = PICK(devices);
	if (q->dir == PT_IN)
		return;
	if (rnd(4)) { /* sockets have these */
		static const char *const own4[] = { "192.168.1.1", "203.0.113.2", "10.0.5.9" }, *const own6[] = { "fd00:1::1", "2001:db8:1::2" };

		k->src = addr(k->af == PT_AF_INET ? PICK(own4) : PICK(own6));
	}
	k->owned = rnd(4) > 0;
	k->uid = rnd(2) * 7;
	k->gid = k->uid;
}

/* ---- the comparison ---- */

static bool is_self(const struct made *m, struct pt_addr a)
{
	return pt_iset_has(&m->world.self[a.af == PT_AF_INET6], a.v);
}

/* A flow speaks of packets that this machine brings there: does it of this one? Destinations that are translated are all
 * spoken of. */
static bool speaks_of(const struct made *m, const struct pt_flow *f, const struct pt_path *p)
{
	const struct pt_packet *k = &p->steps[0].packet;
	const struct pt_step *last = &p->steps[p->n - 1];
	bool near, local;

	near = k->af == PT_AF_INET6 && (k->src.v >> 118 == 0xfe80 >> 6 || (!f->dst_nat && k->dst.v >> 118 == 0xfe80 >> 6));
	local = is_self(m, k->dst) || (k->af == PT_AF_INET ? k->dst.v >> 28 == 14 || k->dst.v == UINT32_MAX : k->dst.v >> 120 == 255);
	for (size_t i = 0; i < host->ifs.n; i++)
		for (size_t n = 0; n < host->ifs.v[i].addrs.n; n++)
			local |= k->af == PT_AF_INET && host->ifs.v[i].addrs.v[n].broadcast.af && host->ifs.v[i].addrs.v[n].broadcast.v == k->dst.v;
	if (f->kind == PT_FLOW_SENT)
		return p->steps[0].dir == PT_OUT && is_self(m, k->src) && k->src.v >> 24 != 127 && k->src.v != 1 &&
		       !strcmp(route(NULL, k->dst), f->out);
	if (p->steps[0].dir == PT_OUT)
		return false;
	/* what Linux drops after the judgement */
	if (last->kind == PT_STEP_DROPPED && (strstr(last->why, "Linux drops") || strstr(last->why, "does not forward") ||
					      strstr(last->why, "route_localnet") || strstr(last->why, "link-local")))
		return false;
	if ((k->af == PT_AF_INET && (is_self(m, k->src) || k->src.v >> 24 == 127)) || (k->af == PT_AF_INET6 && k->src.v == 1))
		return false;
	if (k->af == PT_AF_INET ? k->src.v >> 28 == 14 || k->src.v == UINT32_MAX : k->src.v >> 120 == 255)
		return false;
	if (f->kind == PT_FLOW_ARRIVES)
		return f->dst_nat || (local && (k->dst.v >> 24 != 127 || !strcmp(p->steps[0].device, "dmz0") || k->af == PT_AF_INET6));
	if (!forwards(NULL, k->af, p->steps[0].device) || near)
		return false;
	return f->dst_nat || (!local && !strcmp(route(NULL, k->dst), f->out));
}

static const struct pt_pol_rule *rule_of(const struct pt_path *p, enum pt_dir dir)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == PT_STEP_JUDGED && p->steps[i].dir == dir)
			return p->steps[i].decision.rule;
	return NULL;
}

static uint32_t nat_of(const struct pt_path *p, enum pt_dir dir)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == PT_STEP_TRANSLATED && p->steps[i].dir == dir)
			return p->steps[i].nat;
	return 0;
}

static bool same_rule(const struct pt_pol_rule *x, const struct pt_pol_rule *y)
{
	return (!x && !y) || (x && y && (x->id == y->id || x->ast == PT_POL_BUILTIN || y->ast == PT_POL_BUILTIN));
}

/* Is it what happened to the packet? */
static bool tells(const struct pt_flow *f, const struct pt_path *p)
{
	enum pt_step_kind want = f->kind == PT_FLOW_ARRIVES ? PT_STEP_LOCAL : PT_STEP_ROUTED;

	if (!p->pass || (f->kind == PT_FLOW_SENT) != (p->steps[0].dir == PT_OUT))
		return false;
	if (!same_rule(f->in_rule, rule_of(p, PT_IN)) || !same_rule(f->out_rule, rule_of(p, PT_OUT)) ||
	    f->dst_nat != nat_of(p, PT_IN) || f->src_nat != nat_of(p, PT_OUT))
		return false;
	if (f->kind == PT_FLOW_SENT)
		return !strcmp(p->steps[0].device, f->out);
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == want && (want == PT_STEP_LOCAL || !strcmp(p->steps[i].device, f->out)))
			return true;
	return false;
}

static bool in_flow(const struct made *m, const struct pt_flow *f, const struct pt_point *p)
{
	struct pt_point like = *p;

	if (!(f->families & (uint8_t)p->af))
		return false;
	if (f->to_self && !is_self(m, (struct pt_addr){ p->af, p->v[PT_DIM_DST] }))
		return false;
	like.af = f->box.af;
	return pt_box_has(&f->box, &like);
}

struct counts {
	size_t packets, passed, flows, sent, delivered, through, translated, too_large;
};

static void complain(const char *rules, const struct pt_question *q, const struct pt_path *p,
					       const struct pt_reach *r, const struct pt_flow *f)
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, q->packet.src);
	pt_buf_str(&b, " > ");
	pt_addr_fmt(&b, q->packet.dst);
	pt_buf_fmt(&b, " %s %s proto %u ports %u %u flags %u type %u: %s", q->dir == PT_IN ? "in" : "out", q->device, q->packet.proto,
		   q->packet.sport, q->packet.dport, q->packet.tcp_flags, q->packet.icmp_type, p->pass ? "pass" : "block");
	for (size_t i = 0; i < p->n; i++)
		pt_buf_fmt(&b, " [%d %s %s]", p->steps[i].kind, p->steps[i].device,
			   p->steps[i].kind == PT_STEP_JUDGED && p->steps[i].decision.rule ? p->steps[i].decision.rule->text : "");
	if (f) {
		pt_buf_fmt(&b, "\nflow %d to %s: ", f->kind, f->out ? f->out : "self");
		pt_space_print(r->space, &f->box, &b);
	}
	for (size_t i = 0; i < r->flows.n; i++) {
		pt_buf_fmt(&b, "\n# %d to %s (nats %u %u): ", r->flows.v[i].kind, r->flows.v[i].out ? r->flows.v[i].out : "self",
			   r->flows.v[i].dst_nat, r->flows.v[i].src_nat);
		pt_space_print(r->space, &r->flows.v[i].box, &b);
	}
	fprintf(stderr, "%s\n%s\n", rules, b.s);
	fail_msg("%s", f ? "a flow holds what does not pass so" : "no flow holds what passes");
}

static void compare(const struct made *m, const struct pt_reach *r, const struct pt_question *asked, const char *rules,
		    struct counts *n)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_question q = *asked;
	struct pt_point point;
	struct pt_path p;
	size_t found = 0;

	if (q.dir == PT_OUT) {
		q.device = route(NULL, q.packet.dst);
		if (!*q.device || !is_self(m, q.packet.src) || q.packet.src.v >> 24 == 127 || q.packet.src.v == 1) {
			pt_arena_free(a);
			return;
		}
	}
	pt_path_find(&m->world, &q, &p);
	assert_int_equal(pt_space_point(r->space, a, &q.packet, q.device, &point), 0);
	for (size_t i = 0; i < r->flows.n; i++) {
		const struct pt_flow *f = &r->flows.v[i];

		if (!in_flow(m, f, &point) || !speaks_of(m, f, &p))
			continue;
		if (!tells(f, &p))
			complain(rules, &q, &p, r, f);
		found++;
		n->translated += f->dst_nat || f->src_nat;
	}
	if (p.pass && !found)
		complain(rules, &q, &p, r, NULL);
	n->packets++;
	n->passed += p.pass;
	pt_arena_free(a);
}

static void check_flows(const struct made *m, const struct pt_reach *r, const char *rules, struct counts *n)
{
	for (size_t i = 0; i < r->flows.n; i++) {
		const struct pt_flow *f = &r->flows.v[i];
		struct pt_path p;

		pt_path_find(&m->world, &f->witness, &p);
		if (!p.pass || !tells(f, &p))
			complain(rules, &f->witness, &p, r, f);
		n->flows++;
		n->sent += f->kind == PT_FLOW_SENT;
		n->delivered += f->kind == PT_FLOW_ARRIVES;
		n->through += f->kind == PT_FLOW_THROUGH;
	}
}

static void one_set(struct counts *n)
{
	struct pt_reach_question q = { .families = PT_AF_BOTH, .time = NOW, .all = rnd(3) == 0, .own = true, .groups = true };
	struct pt_buf rules = { 0 };
	struct pt_err e = { 0 };
	struct pt_reach *r;
	struct made m;
	int rc;

	gen_set(&rules);
	rc = make(&m, rnd(3) ? "builtin = false" : "", rules.s);
	if (rc) { /* a combination that is refused */
		unmake(&m);
		pt_buf_fini(&rules);
		return;
	}
	rc = pt_reach_find(&m.world, &q, &r, &e);
	if (rc == -E2BIG) {
		n->too_large++;
	} else {
		if (rc)
			print_error("%s: %s\n", rules.s, e.list.n ? e.list.v[0].msg : "");
		assert_int_equal(rc, 0);
		check_flows(&m, r, rules.s, n);
		for (int i = 0; i < PACKETS; i++) {
			struct pt_question packet;

			some_packet(q.all, &packet);
			compare(&m, r, &packet, rules.s, n);
		}
		pt_reach_free(r);
	}
	pt_err_fini(&e);
	unmake(&m);
	pt_buf_fini(&rules);
}

static void test_random(void **state)
{
	const char *seed = getenv("PATRONUS_SEED"), *sets = getenv("PATRONUS_SETS");
	unsigned long count = sets ? strtoul(sets, NULL, 0) : SETS;
	struct counts n = { 0 };

	(void)state;
	rng = seed ? strtoull(seed, NULL, 0) | 1 : 0x72656163u;
	printf("# seed 0x%llx\n", (unsigned long long)rng);
	for (unsigned long i = 0; i < count; i++)
		one_set(&n);
	printf("# %zu pairs of a rule set and a packet\n", n.packets);
	printf("# %zu packets, %zu passed; %zu flows: %zu through, %zu delivered, %zu sent; %zu translated; %zu sets too large\n",
	       n.packets, n.passed, n.flows, n.through, n.delivered, n.sent, n.translated, n.too_large);
	assert_true(n.packets > count * PACKETS / 2 && n.passed > n.packets / 10 && n.passed < n.packets * 9 / 10);
	assert_true(n.through > count && n.delivered > count && n.sent > count && n.translated > count);
	assert_true(n.too_large < count / 10);
}

/* ---- questions in words ---- */

static int ask_words(const struct made *m, const char *text, struct pt_reach_question *q, struct pt_err *e)
{
	const char *words[32];
	char copy[400], *rest = copy, *word;
	size_t n = 0;

	assert_true(strlen(text) < sizeof(copy));
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, " ")))
		if (*word)
			words[n++] = word;
	/* "_" is a blank within a word */
	for (char *c = copy; c < copy + sizeof(copy); c++)
		if (c < copy + strlen(text) && *c == '_')
			*c = ' ';
	return pt_reach_words(&m->world, words, n, NOW, q, e);
}

static void tell(const struct pt_reach *r, struct pt_buf *b)
{
	for (size_t i = 0; i < r->flows.n; i++) {
		const struct pt_flow *f = &r->flows.v[i];

		pt_buf_fmt(b, "%s%s%s ", i ? "; " : "", f->kind == PT_FLOW_SENT ? "self>" : ">", f->out ? f->out : "self");
		pt_space_print(r->space, &f->box, b);
		pt_buf_fmt(b, "%s by %s %s", f->to_self ? " (self)" : "", f->in_rule ? f->in_rule->name : "-", f->out_rule ? f->out_rule->name : "-");
		if (f->dst_nat) {
			pt_buf_str(b, " to ");
			pt_range_fmt(b, f->box.af, f->dst.to.v[0].lo, f->dst.to.v[0].hi);
		}
		pt_buf_str(b, f->src_nat ? " nat" : "");
		pt_buf_str(b, f->chance ? " chance" : "");
	}
}

static void check_answer(const struct made *m, const char *text, const char *want)
{
	struct pt_reach_question q;
	struct pt_err e = { 0 };
	struct pt_buf b = { 0 };
	struct pt_reach *r;

	if (ask_words(m, text, &q, &e))
		fail_msg("%s: %s", text, e.list.v[0].msg);
	assert_int_equal(pt_reach_find(&m->world, &q, &r, &e), 0);
	tell(r, &b);
	if (strcmp(b.n ? b.s : "", want) != 0)
		fprintf(stderr, "%s\n  is   %s\n  want %s\n", text, b.n ? b.s : "", want);
	assert_string_equal(b.n ? b.s : "", want);
	pt_reach_free(r);
	pt_reach_question_fini(&q);
	pt_buf_fini(&b);
	pt_err_fini(&e);
}

#define RULES "\"block label none\", \"pass in on lan proto { tcp, udp } from lan:network to any port { 53, 80 } label lan\"," \
	"\"pass out on wan inet received-on lan nat-to (wan) label out\", \"block in on lan from any to <bad> label bad\"," \
	"\"pass in on wan inet proto tcp to (wan) port 443 rdr-to 192.168.1.20 port 8443 label web\"," \
	"\"pass out on lan proto tcp to port 8443 received-on wan label inner\", \"pass in on wan proto tcp to self port 22 label ssh\"," \
	"\"pass out on dmz proto udp from self label own\", \"pass in on six proto icmp6 icmp6-type echoreq label ping\""

static void test_questions(void **state)
{
	struct made m;

	(void)state;
	assert_int_equal(make(&m, "builtin = false", RULES), 0);
	check_answer(&m, "from lan to internet",
		     ">wan0 on lan inet proto { tcp, udp } from 192.168.1.0/24 to any port { 53, 80 } by lan out nat");
	check_answer(&m, "from lan to wan proto udp port domain",
		     ">wan0 on lan inet proto udp from 192.168.1.0/24 to any port 53 by lan out nat");
	check_answer(&m, "from internet to lan",
		     ">lan0 on wan inet proto tcp from any to 203.0.113.2/31 port 443 by web inner to 192.168.1.20");
	/* an address is asked for before and after its translation */
	check_answer(&m, "from internet to 192.168.1.20",
		     ">lan0 on wan inet proto tcp from any to 203.0.113.2/31 port 443 by web inner to 192.168.1.20");
	check_answer(&m, "from internet to 203.0.113.2 port 443",
		     ">lan0 on wan inet proto tcp from any to 203.0.113.2 port 443 by web inner to 192.168.1.20");
	check_answer(&m, "from wan to 192.168.1.21", "");
	check_answer(&m, "to self port ssh", ">self on wan inet proto tcp from any to any port 22 (self) by ssh -");
	check_answer(&m, "from self to dmz", "self>dmz0 inet proto udp from any to any by - own");
	check_answer(&m, "from <bad> to wan port 80",
		     ">wan0 on lan inet proto { tcp, udp } from 192.168.1.77 to any port 80 by lan out nat");
	check_answer(&m, "from six proto icmp6", ">self on six inet6 proto icmp6 from any to any icmp6-type { echoreq } (self) by ping -");
	/* a source is where the routes back to it lead, unless it is said where else */
	check_answer(&m, "from 8.8.8.8 to self port ssh", ">self on wan inet proto tcp from 8.8.8.8 to any port 22 (self) by ssh -");
	check_answer(&m, "from 192.168.1.5 to self port ssh", "");
	check_answer(&m, "from wan from 192.168.1.5 to self port ssh",
		     ">self on wan inet proto tcp from 192.168.1.5 to any port 22 (self) by ssh -");
	check_answer(&m, "from 192.168.1.5 from wan to self port ssh",
		     ">self on wan inet proto tcp from 192.168.1.5 to any port 22 (self) by ssh -");
	check_answer(&m, "from lan to wan to 8.8.8.8 proto udp",
		     ">wan0 on lan inet proto udp from 192.168.1.0/24 to 8.8.8.8 port { 53, 80 } by lan out nat");
	/* ports before and after translation */
	check_answer(&m, "from internet to 192.168.1.20 port 8443",
		     ">lan0 on wan inet proto tcp from any to 203.0.113.2/31 port 443 by web inner to 192.168.1.20");
	check_answer(&m, "from internet to 192.168.1.20 port 443",
		     ">lan0 on wan inet proto tcp from any to 203.0.113.2/31 port 443 by web inner to 192.168.1.20");
	check_answer(&m, "from internet to lan port 8443",
		     ">lan0 on wan inet proto tcp from any to 203.0.113.2/31 port 443 by web inner to 192.168.1.20");
	check_answer(&m, "from internet to 192.168.1.20 port 25", "");
	check_answer(&m, "from internet to 192.168.1.21 port 8443", "");
	check_answer(&m, "from 192.168.1.5 to 8.8.8.8 proto tcp port {_20:60,_http_}",
		     ">wan0 on lan inet proto tcp from 192.168.1.5 to 8.8.8.8 port { 53, 80 } by lan out nat");
	check_answer(&m, "from inside to outside port 53 proto tcp",
		     ">wan0 on lan inet proto tcp from 192.168.1.0/24 to any port 53 by lan out nat");
	check_answer(&m, "from lan0 to any port 25", "");
	unmake(&m);
}

/* What nobody asks for makes no lines: own addresses that come from outside, groups of receivers. */
static void test_uncommon(void **state)
{
	struct made m;

	(void)state;
	assert_int_equal(make(&m, "builtin = false", "\"block\", \"pass in on six inet6 proto udp from fd00:6::/64 to any label six\", "
			      "\"pass in on lan inet proto udp label lan\""), 0);
	check_answer(&m, "from six", ">self on six inet6 proto udp from fd00:6::/64 to any (self) by six -");
	check_answer(&m, "from six from fd00:6::1", ">self on six inet6 proto udp from fd00:6::1 to any (self) by six -");
	check_answer(&m, "from six to ff00::/8", ">self on six inet6 proto udp from fd00:6::/64 to ff00::/8 by six -");
	check_answer(&m, "from lan", ">self on lan inet proto udp from any to any (self) by lan -");
	check_answer(&m, "from lan to 224.0.0.1", ">self on lan inet proto udp from any to 224.0.0.1 by lan -");
	unmake(&m);
}

/* Of several targets those are told that the second judgement lets through. */
static void test_pool(void **state)
{
	struct made m;

	(void)state;
	assert_int_equal(make(&m, "builtin = false", "\"block\", \"pass in on wan proto tcp to 203.0.113.2 port 80 rdr-to "
			      "{ 192.168.1.20, 192.168.1.21, 10.0.5.20 } label web\", \"pass out on lan to 192.168.1.21 label one\""), 0);
	check_answer(&m, "from internet", ">lan0 on wan inet proto tcp from any to 203.0.113.2 port 80 by web one to 192.168.1.21");
	unmake(&m);
}

static const struct bad {
	const char *words, *message;
	uint32_t column;
} bad_words[] = {
	{ "form lan", "'form': it is not a part of a question", 1 },
	{ "from", "its value is missing", 6 },
	{ "from lan from wan", "'wan': an end that is given twice is an interface and addresses", 15 },
	{ "from 10.0.0.1 from 10.0.0.2", "'10.0.0.2': an end that is given twice is an interface and addresses", 20 },
	{ "from lan from 10.0.0.1 from wan", "'from': it is given twice", 24 },
	{ "proto tcp proto udp", "'proto': it is given twice", 11 },
	{ "from lann", "'lann': neither the file nor this machine has such an interface", 6 },
	{ "from 10.0.0.300", "'10.0.0.300'", 6 },
	{ "from <nobody>", "'<nobody>'", 6 },
	{ "from 10.0.0.1_port_5", "'10.0.0.1 port 5': neither an interface nor an address", 6 },
	{ "from ! 10.0.0.1", "'10.0.0.1': it is not a part of a question", 8 },
	{ "proto tpc", "'tpc'", 7 },
	{ "port 80_label_x", "'80 label x'", 6 },
	{ "port 80}_label_{", "'80} label {': it is no list of names and numbers", 6 },
	{ "port 99999", "'99999'", 6 },
	{ "proto gre port 5", "'5'", 16 },
	{ "at noon", "'noon'", 4 },
};

static void test_bad_words(void **state)
{
	struct made m;

	(void)state;
	assert_int_equal(make(&m, "builtin = false", RULES), 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad_words); i++) {
		struct pt_reach_question q;
		struct pt_err e = { 0 };
		int rc = ask_words(&m, bad_words[i].words, &q, &e);

		if (rc != -EINVAL || strncmp(e.list.v[0].msg, bad_words[i].message, strlen(bad_words[i].message)) != 0)
			fail_msg("%s: %d %s", bad_words[i].words, rc, e.list.n ? e.list.v[0].msg : "");
		assert_int_equal(e.list.v[0].loc.col, bad_words[i].column);
		pt_reach_question_fini(&q);
		pt_err_fini(&e);
	}
	unmake(&m);
}

static void test_limit(void **state)
{
	struct pt_reach_question q = { .families = PT_AF_BOTH, .time = NOW, .limit = 3 };
	struct pt_err e = { 0 };
	struct pt_reach *r;
	struct made m;

	(void)state;
	assert_int_equal(make(&m, "", RULES), 0);
	assert_int_equal(pt_reach_find(&m.world, &q, &r, &e), -E2BIG);
	assert_string_equal(e.list.v[0].msg, "the answer has more than 3 parts");
	assert_null(r);
	q.limit = 1000;
	assert_int_equal(pt_reach_find(&m.world, &q, &r, &e), 0);
	pt_reach_free(r);
	pt_err_fini(&e);
	unmake(&m);
}

/* Each allocation fails once: nothing leaks, nothing is said that is not so. */
static void test_memory(void **state)
{
	struct pt_reach_question q;
	struct pt_err e = { 0 };
	struct pt_reach *r = NULL;
	struct made m;
	int rc = -ENOMEM, at = 0;

	(void)state;
	assert_int_equal(make(&m, "", RULES ", \"match in on wan tag RED\", \"pass in from no-route to 10.0.0.0/8\""), 0);
	for (; rc == -ENOMEM; at++) {
		allocations_left = at;
		rc = ask_words(&m, "from internet to lan proto tcp", &q, &e);
		if (!rc)
			rc = pt_reach_find(&m.world, &q, &r, &e);
		allocations_left = -1;
		pt_reach_free(r);
		pt_reach_question_fini(&q);
		pt_err_fini(&e);
		memset(&e, 0, sizeof(e));
	}
	assert_int_equal(rc, 0);
	assert_true(at > 20);
	unmake(&m);
}

static int begin(void **state)
{
	(void)state;
	host = make_host();
	return 0;
}

static int end(void **state)
{
	(void)state;
	pt_arena_free(host->arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_questions), cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_pool),	  cmocka_unit_test(test_limit),
		cmocka_unit_test(test_uncommon),	  cmocka_unit_test(test_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
