/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of packets against the evaluator: random rules of the whole language, and points where boxes begin and end. The
 * region found first must be the evaluator's rule, with its verdict and reason; every answer with a packet is judged, and
 * every answer without one is tried.
 *
 *   space_eval.t               a fixed seed
 *   PATRONUS_SEED=0x…          another one
 *   PATRONUS_SETS=N            more sets of rules
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/space.h>

#include "policy_make.h"

#define SETS 600
#define POINTS 300
#define MAX_RULES 12

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

/* ---------------- random rules ---------------- */

static const char sections[] =
	"schedule always { days = { \"mon-sun\" } }\n"
	"schedule past { dates = { \"2020-01-01/2020-12-31\" } }\n"
	"schedule night { days = { \"mon-fri\" } hours = { \"22:00-06:00\" } }\n";

static void gen_member(struct pt_buf *b, int af)
{
	static const char *const hosts4[] = {
		"192.168.1.1", "192.168.1.77", "192.168.1.0/24", "192.168.1.64/26", "198.51.100.0/26", "10.0.5.0/24", "0.0.0.0/0",
		"10.0.5.9", "192.168.1.60 - 192.168.1.80", "203.0.113.60", "255.255.255.255", "0.0.0.0/1", "203.0.113.48/30",
	};
	static const char *const hosts6[] = {
		"fd00:1::1", "fd00:1::/64", "2001:db8:2::/48", "::/0", "fd00:6::1", "fd00:1::10 - fd00:1::77", "fe80::/10",
		"8000::/1", "2001:db8:1::50",
	};
	static const char *const named[] = {
		"self", "(wan)", "(lan)", "(wan:network)", "(wan:0)", "(ppp:peer)", "lan", "lan:network", "dmz", "six:network",
		"<bad>", "<good>", "<four>", "<none>", "(dmz:0)",
	};

	pt_buf_str(b, rnd(4) ? "" : "! ");
	pt_buf_str(b, rnd(5) < 2 ? PICK(named) : af == 6 || (!af && rnd(2)) ? PICK(hosts6) : PICK(hosts4));
}

static void gen_hosts(struct pt_buf *b, int af)
{
	uint32_t n = rnd(3) ? 1 : 2 + rnd(3);

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

static void gen_port(struct pt_buf *b)
{
	static const char *const one[] = { "22", "80", "{ 22, 80 }", "20:90", "!= 80", "> 80", "< 23", ">= 443", "22 >< 80",
					   "22 <> 443", "{ 1:79, 81:90 }", ">= 0", "8000:8010", "> 50000", "50001" };

	pt_buf_fmt(b, " port %s", PICK(one));
}

static void gen_mapped(struct pt_buf *b)
{
	static const char *const rules[] = {
		"match inet from 10.0.5.16/29 to any binat-to 203.0.113.48/29",
		"match on wan inet from 10.0.5.20 to any binat-to 203.0.113.50",
		"match inet6 from fd00:6::/124 to any binat-to 2001:db8:1::50/124",
		"pass inet from 203.0.113.48/30 to any binat-to 10.0.5.16/30",
		"match inet from 203.0.113.48/30 to any binat-to 192.168.1.64/30",
		"match in inet proto { tcp, udp } from any to any port 8000:8010 rdr-to 10.0.5.20 port 3000:*",
		"match in inet proto { tcp, udp } from any to any port 3003:3010 rdr-to 10.0.5.20 port 20:*",
		"match in inet6 proto udp from any to self port 20:90 rdr-to fd00:6::20 port 8000:*",
		"match out on wan from { lan:network, <four> } to any nat-to (wan)",
		"match out inet from any to any nat-to 203.0.113.60 static-port",
		"match out inet proto tcp to port 80 nat-to 203.0.113.60 port 80:90",
		"match in proto tcp from any to (wan) port { 22, 80 } rdr-to 192.168.1.77 port 80",
		"match in inet6 from any to self rdr-to fd00:1::10",
		"match out inet to 10.0.0.0/8 nat-to 192.168.1.64/26 bitmask",
		"match out inet from 10.0.5.64/26 nat-to 192.168.1.64/26 bitmask",
		"match out inet from 10.0.5.0/24 nat-to { 192.168.1.77, 192.168.1.80 } random",
		"match out from any to any nat-to (ppp)",
		"pass out from any to any nat-to (ppp)",
		"pass out quick proto udp nat-to (ppp)",
	};

	pt_buf_str(b, PICK(rules));
}

static void gen_rare(struct pt_buf *b, uint32_t dir)
{
	static const char *const any[] = { " tos lowdelay", " tos ef", " probability 50%", " probability 0.0000001%",
					   " limit 5/second", " schedule always", " ! schedule past", " schedule night",
					   " ! schedule night tos ef", " once" };
	static const char *const in[] = { " mac 02:00:00:00:01:00", " mac ! 02:00:00:00:01:01",
					  " mac { 02:00:00:00:01:01, 02:00:00:00:02:00 } tos 0" };
	static const char *const out[] = { " received-on lan", " ! received-on wan", " received-on inside", " ! received-on inside",
					   " user root", " user != root", " user > 100 group 7", " group root", " user root group 0" };

	pt_buf_str(b, dir == 1 && rnd(2) ? PICK(in) : dir == 2 && rnd(2) ? PICK(out) : PICK(any));
}

static void gen_options(struct pt_buf *b, bool pass, bool match, uint32_t dir, int af, uint32_t proto)
{
	static const char *const flags[] = { "S/SA", "any", "A/A", "S/SAFR", "/SF", "SA/SA", "FSRPAU/FSRPAU" };
	static const char *const tags[] = { "RED", "BLUE", "GREEN" };
	static const char *const t4[] = { "echoreq", "{ echoreq, unreach }", "unreach code 1", "3 code 0", "timex" };
	static const char *const t6[] = { "echoreq", "{ 128, unreach }", "unreach code 3", "neighbrsol" };
	bool no_state = pass && rnd(4) == 0;

	if (proto == 4 && rnd(2))
		pt_buf_fmt(b, " icmp-type %s", PICK(t4));
	if (proto == 5 && rnd(2))
		pt_buf_fmt(b, " icmp6-type %s", PICK(t6));
	if (proto < 2 && rnd(3) == 0)
		pt_buf_fmt(b, " flags %s", PICK(flags));
	if (rnd(4) == 0)
		gen_rare(b, dir);
	pt_buf_str(b, no_state ? " no state" : "");
	if (rnd(6) == 0)
		pt_buf_fmt(b, " tag %s", PICK(tags));
	if (rnd(6) == 0)
		pt_buf_fmt(b, " %stagged %s", rnd(2) ? "" : "! ", PICK(tags));
	if (!(pass || match) || no_state || !dir || rnd(3))
		return;
	if (dir == 2)
		pt_buf_fmt(b, " nat-to %s", af == 6 ? "2001:db8:1::50" : rnd(2) ? "203.0.113.60" : "(wan)");
	else
		pt_buf_fmt(b, " rdr-to %s%s", af == 6 ? "fd00:6::20" : "10.0.5.20",
			   proto >= 1 && proto <= 3 && rnd(2) ? " port 8005" : "");
}

static void gen_rule(struct pt_buf *b)
{
	static const char *const blocks[] = { "block", "block return", "block return-rst" };
	static const char *const protos[] = { "", " proto tcp", " proto udp", " proto { tcp, udp, sctp }", " proto icmp",
					      " proto icmp6", " proto gre", " proto { udp, gre, tcp }" };
	static const char *const on[] = { "", "", "", " on lan", " on ! lan", " on wan0", " on inside", " on ! inside",
					  " on { lan, wan }", " on { ! lan, dmz }", " on lo" };
	static const char *const sources[] = { "no-route", "urpf-failed", "! urpf-failed", "{ urpf-failed, 192.168.1.0/24 }" };
	uint32_t kind = rnd(10), proto = rnd(PT_ARRAY_SIZE(protos)), dir = rnd(3);
	int af = (int[]){ 0, 4, 6 }[rnd(3)];
	bool pass = kind < 6, match = kind == 9;

	if (rnd(7) == 0) {
		gen_mapped(b);
		return;
	}
	pt_buf_fmt(b, "%s%s", pass ? "pass" : match ? "match" : PICK(blocks), dir == 1 ? " in" : dir == 2 ? " out" : "");
	pt_buf_fmt(b, "%s%s%s", !match && !rnd(5) ? " quick" : "", PICK(on), af == 4 ? " inet" : af == 6 ? " inet6" : "");
	pt_buf_fmt(b, "%s from ", protos[proto]);
	if (dir == 1 && !rnd(8))
		pt_buf_str(b, PICK(sources));
	else
		gen_hosts(b, af);
	if (proto >= 1 && proto <= 3 && rnd(4) == 0)
		gen_port(b);
	pt_buf_str(b, " to ");
	gen_hosts(b, af);
	if (proto >= 1 && proto <= 3 && rnd(2))
		gen_port(b);
	gen_options(b, pass, match, dir, af, proto);
}

static void gen_base(struct pt_buf *b)
{
	static const char *const bases[] = { "pass", "block return", "pass no state", "pass flags any", "pass in flags any tag RED",
					     "match tag BLUE", "pass out inet", "pass inet6 flags any" };

	pt_buf_str(b, PICK(bases));
}

/* ---------------- a set of rules ---------------- */

struct set {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_eval *eval;
	struct pt_space *space;
	char *text;
};

static int load(struct set *s, const char *rules, const char *builtin)
{
	struct pt_err e = { 0 };
	struct pt_buf b = { 0 };
	int rc;

	memset(s, 0, sizeof(*s));
	pt_buf_fmt(&b, "%s" PREAMBLE "firewall { builtin = %s rules = {\n%s\n} }\n", sections, builtin, rules);
	s->text = b.s;
	rc = pt_conf_parse("t.conf", b.s, b.n, &s->conf, &e);
	if (!rc)
		rc = pt_policy_build(s->conf, &s->policy, &e);
	if (!rc)
		rc = pt_policy_outside(s->policy, NULL, 1800000000, false, &e);
	if (!rc)
		assert_int_equal(pt_eval_new(s->policy, host, &s->eval, &e), 0);
	pt_err_fini(&e);
	return rc;
}

static void unload(struct set *s)
{
	pt_space_free(s->space);
	pt_eval_free(s->eval);
	pt_policy_free(s->policy);
	pt_conf_free(s->conf);
	free(s->text);
}

/* Rules that our own checks refuse are left out. */
static void gen_set(struct pt_buf *rules)
{
	uint32_t n = 1 + rnd(MAX_RULES);

	for (uint32_t i = 0; i < n; i++) {
		struct pt_buf one = { 0 }, quoted = { 0 };
		struct set s;

		if (!i && rnd(4))
			gen_base(&one);
		else
			gen_rule(&one);
		pt_buf_fmt(&quoted, "%s\"%s\",\n", rules->n ? rules->s : "", one.s);
		if (!load(&s, quoted.s, "false"))
			pt_buf_fmt(rules, "\"%s\",\n", one.s);
		unload(&s);
		pt_buf_fini(&one);
		pt_buf_fini(&quoted);
	}
	if (!rules->n)
		pt_buf_str(rules, "\"pass\"");
}

/* ---------------- points ---------------- */

typedef PT_VEC(pt_u128) values;

/* Where sides begin and end, by family and dimension. */
struct edges {
	struct pt_arena *a;
	values v[2][PT_DIM_FREE];
};

static void add_edges(const struct pt_space *s, struct edges *e, const struct pt_box *x)
{
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t k = 0; k < x->v[i].set.n && x->v[i].dim < PT_DIM_FREE; k++) {
			const struct pt_ival *r = &x->v[i].set.v[k];
			values *v = &e->v[x->af == PT_AF_INET6][x->v[i].dim];

			assert_int_equal(pt_vec_push(e->a, v, r->lo), 0);
			assert_int_equal(pt_vec_push(e->a, v, r->hi), 0);
			if (r->lo)
				assert_int_equal(pt_vec_push(e->a, v, r->lo - 1), 0);
			if (r->hi < pt_space_max(s, x->v[i].dim, x->af))
				assert_int_equal(pt_vec_push(e->a, v, r->hi + 1), 0);
		}
}

static void find_edges(const struct pt_space *s, struct edges *e)
{
	for (int d = 0; d < 2; d++)
		for (size_t i = 0; i < s->dir[d].v.n; i++)
			for (size_t k = 0; k < s->dir[d].v.v[i].boxes.n; k++)
				add_edges(s, e, &s->dir[d].v.v[i].boxes.v[k]);
}

static pt_u128 any_value(const struct pt_space *s, uint32_t dim, enum pt_af af)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 132, 47, 1, 58 };
	static const uint32_t types[] = { 8 << 8, 128 << 8, 0, 3 << 8 | 1, 135 << 8, 131 << 8, 13 << 8 };
	static const uint16_t ports[] = { 0, 1, 22, 80, 443, 8000, 8005, 50001, 65535, 3000, 3005, 20 };
	pt_u128 max = pt_space_max(s, dim, af), v = rnd(UINT32_MAX);

	switch (dim) {
	case PT_DIM_PROTO:
		return PICK(protos);
	case PT_DIM_ICMP:
		return PICK(types);
	case PT_DIM_SPORT:
	case PT_DIM_DPORT:
		return PICK(ports);
	case PT_DIM_FLAGS:
		return rnd(2) ? 2 : rnd(64);
	case PT_DIM_SHORT:
		return rnd(8) ? 0 : rnd(3);
	default:
		if (max == UINT64_MAX)
			return 1800000000 + rnd(600000);
		return max < UINT32_MAX ? v % (max + 1) : rnd(4) ? v : max;
	}
}

static void random_point(const struct pt_space *s, const struct edges *e, const struct pt_box *in, struct pt_point *p)
{
	for (uint32_t dim = 0; dim < p->n; dim++) {
		const values *v = dim < PT_DIM_FREE ? &e->v[p->af == PT_AF_INET6][dim] : NULL;
		bool edge = v && v->n && rnd(dim == PT_DIM_PROTO || dim == PT_DIM_SHORT ? 6 : 4);

		p->v[dim] = edge ? v->v[rnd((uint32_t)v->n)] : any_value(s, dim, p->af);
	}
	for (uint32_t i = 0; in && i < in->n; i++) {
		const struct pt_iset *set = &in->v[i].set;
		const struct pt_ival *r = &set->v[rnd(set->n)];

		if (pt_iset_has(set, p->v[in->v[i].dim]) && rnd(2))
			continue;
		p->v[in->v[i].dim] = rnd(3) == 0 ? r->lo : rnd(2) ? r->hi : r->lo + (r->hi - r->lo) / 2;
	}
}

static const struct pt_box *random_box(const struct pt_space *s, int d)
{
	for (;;) {
		const struct pt_region *r = &s->dir[d].v.v[rnd((uint32_t)s->dir[d].v.n)];

		if (r->boxes.n)
			return &r->boxes.v[rnd((uint32_t)r->boxes.n)];
	}
}

static void show(const struct set *s, enum pt_dir dir, const struct pt_point *p)
{
	const struct pt_region *r = pt_space_decide(s->space, dir, p);
	struct pt_decision d;
	struct pt_packet k;
	struct pt_buf b = { 0 };
	const char *device;

	pt_space_packet(s->space, p, &k, &device);
	pt_evaluate(s->eval, &k, dir, device, &d);
	pt_space_print_point(s->space, dir, p, &b);
	printf("%s\n# %s\n#", s->text, b.s);
	for (uint32_t i = 0; i < p->n; i++)
		printf(" %u:%llx", i, (unsigned long long)p->v[i]);
	printf("\n# evaluator: %s by %s (%s)\n", d.pass ? "pass" : "block", d.rule ? d.rule->text : "default", d.why ? d.why : "");
	if (r)
		printf("# region: %s by %s (%s)\n", r->pass ? "pass" : "block", r->rule ? r->rule->text : "default",
		       r->why ? r->why : "");
	pt_buf_fini(&b);
}

struct counts {
	size_t points, passed, blocked, by_default, refused, invalid, found, none, too_large, now, always;
};

static bool same_text(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool judge(const struct set *s, enum pt_dir dir, const struct pt_point *p, struct pt_decision *d)
{
	struct pt_packet k;
	const char *device;

	pt_space_packet(s->space, p, &k, &device);
	pt_evaluate(s->eval, &k, dir, device, d);
	return d->pass;
}

static void compare(const struct set *s, enum pt_dir dir, const struct pt_point *p, struct counts *n)
{
	const struct pt_region *r = pt_space_decide(s->space, dir, p);
	struct pt_decision d;

	(void)judge(s, dir, p, &d);
	if (!r || r->rule != d.rule || r->pass != d.pass || !same_text(r->why, d.why)) {
		show(s, dir, p);
		fail();
	}
	n->points++;
	n->passed += d.pass;
	n->blocked += d.rule && !d.pass;
	n->by_default += !d.rule;
	n->refused += d.why && !strcmp(d.why, PT_WHY_NO_ADDRESS);
	n->invalid += d.why && !strcmp(d.why, PT_WHY_INVALID);
}

/* ---------------- questions ---------------- */

/* A box of some sides of two others. */
static struct pt_box question(const struct pt_space *s, struct pt_arena *a, int d)
{
	const struct pt_box *x = random_box(s, d);
	struct pt_box q = { .af = x->af };

	for (int t = 0; t < 2; t++) {
		for (uint32_t i = 0; i < x->n; i++)
			if (rnd(3) == 0 && x->v[i].dim != PT_DIM_SHORT)
				assert_int_equal(pt_box_set(s, a, &q, x->v[i].dim, &x->v[i].set), 0);
		do
			x = random_box(s, d);
		while (x->af != q.af);
	}
	return q;
}

static void ask(const struct set *s, const struct edges *e, enum pt_dir dir, bool pass, struct counts *n)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_box q = question(s->space, a, dir == PT_OUT);
	const struct pt_region *by = NULL;
	struct pt_decision d;
	struct pt_point w;
	int rc = pt_space_find(s->space, a, dir, &q, pass, &w, &by);

	assert_in_range(rc, 0, 1);
	if (rc) {
		if (judge(s, dir, &w, &d) != pass || !pt_box_has(&q, &w) || by != pt_space_decide(s->space, dir, &w)) {
			show(s, dir, &w);
			fail();
		}
		n->found++;
	}
	for (int i = 0; !rc && i < 40; i++) {
		w = (struct pt_point){ .af = q.af, .n = pt_space_dims(s->space) };
		w.v = pt_arena_alloc(a, w.n * sizeof(*w.v));
		random_point(s->space, e, &q, &w);
		assert_true(pt_box_has(&q, &w));
		if (judge(s, dir, &w, &d) == pass) {
			show(s, dir, &w);
			fail();
		}
	}
	n->none += !rc;
	pt_arena_free(a);
}

struct passing {
	struct pt_arena *a;
	PT_VEC(struct pt_box) v;
};

static int keep(const struct pt_region *by, const struct pt_box *b, void *arg)
{
	struct passing *p = arg;

	assert_true(by->pass);
	return pt_vec_push(p->a, &p->v, *b);
}

/* What passes is in just one of the boxes. */
static void ask_all(const struct set *s, const struct edges *e, enum pt_dir dir)
{
	struct passing all = { .a = pt_arena_new() };
	struct pt_box q = question(s->space, all.a, dir == PT_OUT);
	struct pt_decision d;

	assert_int_equal(pt_space_passed(s->space, all.a, dir, &q, keep, &all), 0);
	for (int i = 0; i < 40; i++) {
		struct pt_point w = { .af = q.af, .n = pt_space_dims(s->space) };
		size_t n = 0;

		w.v = pt_arena_alloc(all.a, w.n * sizeof(*w.v));
		random_point(s->space, e, &q, &w);
		for (size_t k = 0; k < all.v.n; k++)
			n += pt_box_has(&all.v.v[k], &w);
		if (n != judge(s, dir, &w, &d)) {
			show(s, dir, &w);
			fail();
		}
	}
	pt_arena_free(all.a);
}

/* ---------------- whatever contents are ---------------- */

/* Is all that the rule matches decided before it? */
static bool never_decides(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_pol_rule *rule)
{
	const struct pt_space_dir *d = &s->dir[dir == PT_OUT];
	int rc = 1;

	for (size_t i = 0; i < d->v.n; i++)
		for (size_t k = 0; rc == 1 && d->v.v[i].rule == rule && !d->v.v[i].why && k < d->v.v[i].boxes.n; k++) {
			struct pt_space_hits hits = { 0 };

			assert_int_equal(pt_space_before(s, dir, i, &d->v.v[i].boxes.v[k], a, &hits), 0);
			while (hits.box.n && d->v.v[hits.region.v[hits.box.n - 1]].rule == rule)
				hits.box.n--; /* what is refused of this one */
			rc = pt_box_covered(s, a, &d->v.v[i].boxes.v[k], hits.box.v, hits.box.n, 0, NULL);
		}
	assert_in_range(rc, 0, 1);
	return rc;
}

/* A cover that holds always holds now. */
static void ask_always(const struct set *s, struct counts *n)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_space *always = NULL;
	struct pt_err e = { 0 };
	int rc = pt_space_new(s->policy, host, s->eval, PT_SPACE_ALWAYS, &always, &e);

	assert_true(!rc || rc == -E2BIG);
	for (size_t i = 0; !rc && i < s->policy->rules.n; i++) {
		const struct pt_pol_rule *r = &s->policy->rules.v[i];
		bool now;

		if (r->action == PT_MATCH)
			continue;
		now = never_decides(s->space, a, r->dir, r);
		n->now += now;
		if (!never_decides(always, a, r->dir, r))
			continue;
		n->always++;
		if (!now) {
			printf("%s\n# %s\n", s->text, r->text);
			fail();
		}
	}
	pt_err_fini(&e);
	pt_space_free(always);
	pt_arena_free(a);
}

/* ---------------- the whole ---------------- */

static void try_points(const struct set *s, struct counts *n)
{
	struct edges e = { .a = pt_arena_new() };
	struct pt_point p = { .n = pt_space_dims(s->space) };

	p.v = pt_arena_alloc(e.a, p.n * sizeof(*p.v));
	find_edges(s->space, &e);
	for (int i = 0; i < POINTS; i++) {
		enum pt_dir dir = rnd(2) ? PT_IN : PT_OUT;
		const struct pt_box *in = rnd(2) ? random_box(s->space, dir == PT_OUT) : NULL;

		p.af = in ? in->af : rnd(2) ? PT_AF_INET : PT_AF_INET6;
		random_point(s->space, &e, in, &p);
		compare(s, dir, &p, n);
	}
	for (int i = 0; i < 8; i++)
		ask(s, &e, rnd(2) ? PT_IN : PT_OUT, i & 1, n);
	ask_all(s, &e, rnd(2) ? PT_IN : PT_OUT);
	pt_arena_free(e.a);
}

static void one_set(struct counts *n)
{
	struct pt_buf rules = { 0 };
	struct pt_err e = { 0 };
	struct set s;
	int rc;

	gen_set(&rules);
	assert_int_equal(load(&s, rules.s, rnd(4) ? "false" : "true"), 0);
	rc = pt_space_new(s.policy, host, s.eval, PT_SPACE_NOW, &s.space, &e);
	if (rc == -E2BIG) {
		assert_true(e.n_errors);
		n->too_large++;
	} else {
		assert_int_equal(rc, 0);
		try_points(&s, n);
		ask_always(&s, n);
	}
	pt_err_fini(&e);
	unload(&s);
	pt_buf_fini(&rules);
}

static void evaluator_agrees(void **state)
{
	const char *seed = getenv("PATRONUS_SEED"), *sets = getenv("PATRONUS_SETS");
	unsigned long count = sets ? strtoul(sets, NULL, 0) : SETS;
	struct counts n = { 0 };

	(void)state;
	rng = seed ? strtoull(seed, NULL, 0) | 1 : 0x70617473u;
	printf("# seed 0x%llx\n", (unsigned long long)rng);
	host = make_host();
	for (unsigned long i = 0; i < count; i++)
		one_set(&n);
	printf("# %zu points: %zu passed, %zu blocked, %zu by default, %zu without an address, %zu invalid\n", n.points, n.passed,
	       n.blocked, n.by_default, n.refused, n.invalid);
	printf("# %zu rules never decide now, %zu of them whatever contents are\n", n.now, n.always);
	printf("# %zu questions with an answer, %zu without; %zu sets too large\n", n.found, n.none, n.too_large);
	assert_true(n.passed > count && n.blocked > count && n.by_default > count && n.found > count && n.none > count);
	assert_true(n.refused > count / 10 && n.invalid > count && n.too_large < count / 10);
	assert_true(n.now > n.always && n.always > count / 10);
	pt_arena_free(host->arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(evaluator_agrees) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
