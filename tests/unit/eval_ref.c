/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The evaluator against a second one that was written without it (policy_ref.h). Random rule sets and random
 * packets; what differs is a mistake in the merging of lists, in negation, in families or in the order.
 *
 *   eval_ref.t            a fixed seed
 *   PATRONUS_SEED=0x…     another one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/policy.h>

#include "policy_ref.h"

#define SETS 3000
#define PACKETS 100
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

static const char *const hosts4[] = {
	"192.168.1.1", "192.168.1.77", "192.168.1.0/24", "192.168.1.64/26", "198.51.100.0/26", "10.0.5.0/24", "0.0.0.0/0",
	"10.0.5.9", "192.168.1.60 - 192.168.1.80", "198.51.100.63 - 198.51.100.64", "255.255.255.255", "0.0.0.0/1",
};
static const char *const hosts6[] = {
	"fd00:1::1", "fd00:1::/64", "2001:db8:2::/48", "::/0", "fd00:6::1", "fd00:1::10 - fd00:1::77", "fe80::/10", "8000::/1",
};
static const char *const named[] = {
	"self", "(wan)", "(lan)", "(wan:network)", "(wan:0)", "(lan:broadcast)", "(ppp:peer)", "ppp:peer", "lan", "lan:network",
	"lan:broadcast", "dmz", "dmz:0", "dmz:network", "dmz:broadcast", "six", "six:network", "wan", "wan:network",
	"<bad>", "<good>", "<four>", "<none>", "dmz0", "ppp", "(dmz:0)",
};
static const char *const groups[] = { "inside", "(inside)", "outside", "(inside:network)", "inside:network" };

static void gen_member(struct pt_buf *b, int af)
{
	bool six = af == 6 || (!af && rnd(2));

	if (rnd(12) == 0) {
		pt_buf_str(b, PICK(groups));
		return;
	}
	if (rnd(4) == 0)
		pt_buf_str(b, "! ");
	pt_buf_str(b, rnd(5) < 2 ? PICK(named) : six ? PICK(hosts6) : PICK(hosts4));
}

static void gen_hosts(struct pt_buf *b, int af)
{
	uint32_t n = rnd(3) ? 1 : 2 + rnd(3);

	if (rnd(3) == 0) {
		pt_buf_str(b, "any");
		return;
	}
	if (n > 1)
		pt_buf_str(b, "{ ");
	for (uint32_t i = 0; i < n; i++) {
		gen_member(b, af);
		pt_buf_str(b, i + 1 < n ? ", " : n > 1 ? " }" : "");
	}
}

static void gen_port(struct pt_buf *b)
{
	static const char *const one[] = { "22",	"80",	   "{ 22, 80 }",    "20:90",	      "!= 80",
					   "> 80",	"< 23",	   ">= 443",	    "<= 22",	      "22 >< 80",
					   "22 <> 443", "> 65534", "{ != 22, 22 }", "{ 1:79, 81:90 }", "{ 20 >< 23, 443 }",
					   ">= 0",	"< 2",	   "8000:8010" };

	pt_buf_fmt(b, " port %s", PICK(one));
}

static const char *const on[] = {
	"", "", "", " on lan", " on ! lan", " on wan0", " on inside", " on ! inside", " on { lan, wan }", " on { ! lan, dmz }",
	" on { ! lan, ! dmz }", " on { ! inside, six }", " on lo",
};

/* Translations that need a rule made for them. MATCH: no second one may move what the first has moved. */
static void gen_mapped(struct pt_buf *b)
{
	static const char *const rules[] = {
		"pass inet from 10.0.5.16/29 to any binat-to 203.0.113.48/29",
		"pass on wan inet from 10.0.5.20 to { 198.51.100.0/24, 2001:db8::/32 } binat-to 203.0.113.50",
		"pass proto { tcp, udp } from fd00:6::/124 port 20:90 to any binat-to 2001:db8:1::50/124",
		"pass quick on ! lan proto tcp from 10.0.5.16/30 to <bad> port 22 binat-to 203.0.113.48/30",
		"pass in inet proto { tcp, udp } from any to any port 8000:8010 rdr-to 10.0.5.20 port 3000:*",
		"pass in inet6 proto udp from any to any port 20:90 rdr-to fd00:6::20 port 1020:1090",
		"pass in quick inet proto tcp from any to self port 22 rdr-to 10.0.5.20 port 2222:*",
		"pass out proto { tcp, udp } from inside to any nat-to (wan) port 20000:20500",
		"pass out from inside:network to any nat-to (wan)",
		"match out on wan from { lan:network, <four> } to any nat-to (wan)",
		"match out on { lan, dmz } inet from any to any nat-to 203.0.113.60 static-port",
		"match in proto tcp from any to (wan) port { 22, 80 } rdr-to 192.168.1.77 port 80",
		"match in inet6 from any to self rdr-to fd00:1::10 - fd00:1::77",
		"pass out from any to any nat-to (ppp)",
	};

	pt_buf_str(b, PICK(rules));
}

static void gen_options(struct pt_buf *b, bool pass, bool match, int dir, int af, uint32_t proto)
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
	if (no_state)
		pt_buf_str(b, " no state");
	if (rnd(5) == 0)
		pt_buf_fmt(b, " tag %s", PICK(tags));
	if (rnd(5) == 0)
		pt_buf_fmt(b, " %stagged %s", rnd(2) ? "" : "! ", PICK(tags));
	if (!(pass || match) || no_state || !dir || rnd(3))
		return;
	if (dir == 2)
		pt_buf_fmt(b, " nat-to %s", af == 6 ? "2001:db8:1::50" : rnd(2) ? "203.0.113.2" : "(wan)");
	else
		pt_buf_fmt(b, " rdr-to %s%s", af == 6 ? "fd00:6::20" : "10.0.5.20",
			   proto >= 1 && proto <= 3 && rnd(2) ? " port 8005" : "");
}

/* What most packets meet first, so that the rules behind it have something to change. */
static void gen_base(struct pt_buf *b)
{
	static const char *const bases[] = { "pass", "block return", "pass no state", "pass flags any", "pass in flags any tag RED",
					     "block return-icmp(1, 2)", "match tag BLUE", "pass out inet", "pass inet6 flags any" };

	pt_buf_str(b, PICK(bases));
}

static void gen_rule(struct pt_buf *b)
{
	static const char *const blocks[] = { "block", "block return", "block return-rst", "block return-icmp(1)",
					      "block return-icmp6", "block return-icmp(2, 3)" };
	static const char *const protos[] = { "", " proto tcp", " proto udp", " proto { tcp, udp, sctp }", " proto icmp",
					      " proto icmp6", " proto gre", " proto { udp, gre, tcp }" };
	uint32_t kind = rnd(10), proto = rnd(PT_ARRAY_SIZE(protos)), dir = rnd(3);
	int af = (int[]){ 0, 4, 6 }[rnd(3)];
	bool pass = kind < 6, match = kind == 9;

	if (rnd(9) == 0) {
		gen_mapped(b);
		return;
	}
	pt_buf_fmt(b, "%s%s", pass ? "pass" : match ? "match" : PICK(blocks), dir == 1 ? " in" : dir == 2 ? " out" : "");
	pt_buf_fmt(b, "%s%s%s%s", rnd(8) ? "" : " log", !match && !rnd(6) ? " quick" : "", PICK(on),
		   af == 4 ? " inet" : af == 6 ? " inet6" : "");
	pt_buf_fmt(b, "%s from ", protos[proto]);
	gen_hosts(b, af);
	if (proto >= 1 && proto <= 3 && rnd(4) == 0)
		gen_port(b);
	pt_buf_str(b, " to ");
	gen_hosts(b, af);
	if (proto >= 1 && proto <= 3 && rnd(2))
		gen_port(b);
	gen_options(b, pass, match, (int)dir, af, proto);
}

/* ANCHOR_NAME stands for a name of its own. */
static void gen_anchor(struct pt_buf *b)
{
	static const char *const protos[] = { "", "", "", " proto tcp", " proto udp", " proto { tcp, udp, sctp }", " proto icmp6",
					      " proto { udp, gre, tcp }" };
	static const char *const tags[] = { " tagged RED", " ! tagged BLUE", "", "", "", "", "", "", "", "" };
	static const char *const afs[] = { "", "", "", " inet", " inet6" }, *const dirs[] = { "", "", " in", " out" };
	uint32_t proto = rnd(PT_ARRAY_SIZE(protos));
	const char *family = PICK(afs);
	int af = !*family ? 0 : family[5] ? 6 : 4;

	pt_buf_fmt(b, "anchor a%zu%s%s%s%s%s", conf->anchors.n, PICK(dirs), rnd(4) ? "" : " quick", rnd(2) ? "" : PICK(on), family, protos[proto]);
	if (rnd(4) == 0) {
		pt_buf_str(b, " from ");
		gen_hosts(b, af);
		if (proto >= 3 && proto <= 5 && rnd(3) == 0)
			gen_port(b);
	}
	if (rnd(4) == 0) {
		pt_buf_str(b, " to ");
		gen_hosts(b, af);
		if (proto >= 3 && proto <= 5 && rnd(2))
			gen_port(b);
	}
	if (proto == 3 && rnd(4) == 0)
		pt_buf_str(b, " flags S/SA");
	pt_buf_str(b, PICK(tags));
}

/* ---------------- random packets ---------------- */

static struct pt_addr gen_addr(enum pt_af af)
{
	static const char *const a4[] = {
		"192.168.1.1",	 "192.168.1.63", "192.168.1.64",   "192.168.1.77", "192.168.1.80",  "192.168.1.81", "192.168.1.255",
		"192.168.2.0",	 "198.51.100.0", "198.51.100.63",  "198.51.100.64", "10.0.5.1",	    "10.0.5.9",	    "10.0.5.20",
		"10.0.5.255",	 "10.0.6.1",	 "10.0.6.3",	   "203.0.113.2",  "203.0.113.3",   "203.0.113.7",  "203.0.113.8",
		"203.0.113.50",	 "10.64.0.1",	 "10.64.0.2",	   "0.0.0.0",	   "255.255.255.255", "127.0.0.1",  "127.3.2.1",
		"203.0.113.60",	 "10.0.5.18",
	};
	static const char *const a6[] = {
		"fd00:1::",   "fd00:1::1",     "fd00:1::10",	 "fd00:1::77", "fd00:1::78", "fd00:1:0:1::", "fe80::1",	   "fe80::2",
		"fd00:6::1",  "fd00:6::7",     "2001:db8:1::2",	 "fd00:6::20", "::1",	     "2001:db8:2::9", "2001:db8:3::1", "::",
		"7fff::1",    "8000::",	       "2001:db8:1::50", "2001:db8:1::57", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	};

	return addr(af == PT_AF_INET ? PICK(a4) : PICK(a6));
}

static void gen_packet(struct pt_packet *k, const struct pt_policy *p)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 132, 47, 1, 1, 58, 58 };
	static const uint16_t ports[] = { 1, 21, 22, 23, 79, 80, 81, 443, 8000, 8005, 8010, 8011, 65534, 65535, 50001 };
	static const uint8_t types[] = { 0, 1, 3, 8, 11, 13, 128, 129, 135, 137 };

	memset(k, 0, sizeof(*k));
	k->af = rnd(2) ? PT_AF_INET : PT_AF_INET6;
	k->proto = PICK(protos);
	k->src = gen_addr(k->af);
	k->dst = gen_addr(k->af);
	if (k->proto == 6 || k->proto == 17 || k->proto == 132) {
		k->sport = PICK(ports);
		k->dport = PICK(ports);
	}
	if (k->proto == 6)
		k->tcp_flags = rnd(2) ? 0x02 : (uint8_t)rnd(64);
	if (k->proto == 1 || k->proto == 58) {
		k->icmp_type = PICK(types);
		k->icmp_code = (uint8_t)rnd(4);
	}
	k->tag = (uint8_t)rnd((uint32_t)p->tags.n + 1);
	k->ct = rnd(4) ? PT_CT_NEW : pt_packet_ct(k);
}

/* ---------------- the comparison ---------------- */

struct counts {
	size_t passed, blocked, by_default, translated, tagged, refused, anchors, in_anchors, not_said;
};

static size_t open_anchor[4], n_open; /* of conf->anchors: those that rules are added to */

static void show(const struct pt_packet *k, enum pt_dir dir, const char *device, const struct pt_decision *d,
		 const struct ref *r)
{
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < written.n; i++) {
		pt_buf_fmt(&b, "# %2zu ", i);
		pt_rule_print(&b, written.v[i]);
		pt_buf_chr(&b, '\n');
	}
	pt_buf_fmt(&b, "# %s %s proto %u ", dir == PT_IN ? "in" : "out", device, k->proto);
	pt_addr_fmt(&b, k->src);
	pt_buf_fmt(&b, " %u > ", k->sport);
	pt_addr_fmt(&b, k->dst);
	pt_buf_fmt(&b, " %u flags %02x icmp %u/%u tag %u ct %d\n# evaluator: %s ", k->dport, k->tcp_flags, k->icmp_type,
		   k->icmp_code, k->tag, k->ct, d->pass ? "pass" : "block");
	pt_buf_str(&b, d->rule ? d->rule->text : "default");
	pt_buf_fmt(&b, "; tag %u; nat %u to ", d->tag, d->nat);
	pt_addr_fmt(&b, d->after.src);
	pt_buf_fmt(&b, " %u > ", d->after.sport);
	pt_addr_fmt(&b, d->after.dst);
	pt_buf_fmt(&b, " %u\n# reference: %s tag %s nat %s to ", d->after.dport, r->pass ? "pass" : "block",
		   r->tag ? r->tag : "-", r->nat ? "yes" : "no");
	pt_addr_fmt(&b, r->after.src);
	pt_buf_fmt(&b, " %u > ", r->after.sport);
	pt_addr_fmt(&b, r->after.dst);
	pt_buf_fmt(&b, " %u\n# by ", r->after.dport);
	if (r->rule)
		pt_rule_print(&b, r->rule);
	(void)fputs(b.s, stdout);
	(void)puts("");
	pt_buf_fini(&b);
}

static bool agree(const struct pt_policy *p, const struct pt_decision *d, const struct ref *r)
{
	const char *tag = d->tag ? p->tags.v[d->tag - 1] : NULL;
	const struct pt_ast_rule *by = d->rule ? written.v[d->rule->ast] : NULL;

	return d->pass == r->pass && by == r->rule && !d->nat == !r->nat && same(d->after.src, r->after.src) &&
	       same(d->after.dst, r->after.dst) && d->after.sport == r->after.sport &&
	       d->after.dport == r->after.dport && (tag ? r->tag && !strcmp(tag, r->tag) : !r->tag);
}

static void compare(const struct pt_policy *p, const struct pt_eval *v, struct counts *n)
{
	static const char *const devices[] = { "lan0", "wan0", "dmz0", "six0", "ppp0", "lo", "eth9" };
	enum pt_dir dir = rnd(2) ? PT_IN : PT_OUT;
	const char *device = PICK(devices);
	struct pt_decision d;
	struct pt_packet k;
	struct ref r;

	gen_packet(&k, p);
	pt_evaluate(v, &k, dir, device, &d);
	ref_judge(&k, dir, device, k.tag ? p->tags.v[k.tag - 1] : NULL, &r);
	if (!agree(p, &d, &r)) {
		show(&k, dir, device, &d, &r);
		fail();
	}
	n->passed += d.pass;
	n->blocked += d.rule && !d.pass;
	n->by_default += !d.rule;
	n->translated += d.nat != 0;
	n->tagged += d.tag != k.tag;
	n->in_anchors += d.rule && strchr(d.rule->name, '/');
}

static struct pt_policy *build_now(struct pt_err *e)
{
	struct pt_policy *p = NULL;
	int rc = pt_policy_build(conf, &p, e);

	assert_true(rc == 0 ? p && !e->n_errors : rc == -EINVAL && !p && e->n_errors);
	return p;
}

/* A rule that is refused must be one that no packet matches. */
static void refused(const struct pt_ast_rule *r, const struct pt_err *e)
{
	static const char *const devices[] = { "lan0", "wan0", "dmz0", "six0", "lo" };
	static const struct pt_policy no_tags;
	struct pt_packet k;

	for (int i = 0; i < 500; i++) {
		gen_packet(&k, &no_tags);
		if (!ref_matches(r, &k, PT_IN, PICK(devices), NULL) && !ref_matches(r, &k, PT_OUT, PICK(devices), NULL))
			continue;
		print_error("refused: %s\n", e->list.v[0].msg);
		fail();
	}
}

/* Adds a rule to the file; false where it was refused. */
static bool add_rule(struct pt_arena *a, void (*generate)(struct pt_buf *b))
{
	struct pt_rule_ctx ctx = { .arena = a };
	struct pt_conf_rule text = { .s = NULL };
	struct pt_ast_rule *r = NULL;
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	struct pt_policy *p;

	generate(&b);
	if (pt_rule_parse(&ctx, b.s, b.n, &r, &e))
		print_error("%s\n", b.s);
	assert_non_null(r);
	text.s = pt_arena_strdup(a, b.s);
	text.len = (uint32_t)b.n;
	assert_non_null(text.s);
	assert_int_equal(pt_vec_push(a, &written, r), 0);
	assert_int_equal(pt_vec_push(a, &behind, written.n), 0);
	if (n_open)
		assert_int_equal(pt_vec_push(a, &conf->anchors.v[open_anchor[n_open - 1]].rules, text), 0);
	else
		assert_int_equal(pt_vec_push(a, &conf->rules, text), 0);
	p = build_now(&e);
	if (!p) {
		written.n--;
		behind.n--;
		*(n_open ? &conf->anchors.v[open_anchor[n_open - 1]].rules.n : &conf->rules.n) -= 1;
		if (!n_open) /* some conditions of anchors cannot be said, though packets meet them */
			refused(r, &e);
	}
	pt_policy_free(p);
	pt_err_fini(&e);
	pt_buf_fini(&b);
	return p;
}

/* An anchor with rules in it, some of them anchors. */
static void add_anchor(struct pt_arena *a, struct counts *n)
{
	struct pt_conf_anchor anchor = { .loaded = true };
	size_t at = written.n, index = conf->anchors.n;
	struct pt_buf path = { 0 };

	for (size_t i = 0; i < n_open; i++)
		pt_buf_fmt(&path, "a%zu/", open_anchor[i]);
	pt_buf_fmt(&path, "a%zu", index);
	anchor.path = pt_arena_strdup(a, path.s);
	pt_buf_fini(&path);
	if (!add_rule(a, gen_anchor)) {
		n->refused++;
		return;
	}
	assert_int_equal(pt_vec_push(a, &conf->anchors, anchor), 0);
	n->anchors++;
	open_anchor[n_open++] = index;
	for (uint32_t i = 1 + rnd(5); i; i--) {
		if (n_open < 3 && rnd(5) == 0)
			add_anchor(a, n);
		else
			n->not_said += !add_rule(a, gen_rule);
	}
	n_open--;
	behind.v[at] = written.n;
}

static void one_set(struct counts *n)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_policy *p;
	struct pt_eval *v;
	struct pt_err e = { 0 };

	memset(&written, 0, sizeof(written));
	memset(&behind, 0, sizeof(behind));
	memset(&conf->rules, 0, sizeof(conf->rules));
	memset(&conf->anchors, 0, sizeof(conf->anchors));
	if (rnd(5))
		assert_true(add_rule(a, gen_base));
	for (uint32_t i = 1 + rnd(MAX_RULES); i; i--) {
		if (rnd(5) == 0)
			add_anchor(a, n);
		else
			n->refused += !add_rule(a, gen_rule);
	}
	p = build_now(&e);
	assert_non_null(p);
	assert_int_equal(pt_eval_new(p, host, &v, &e), 0);
	for (int i = 0; i < PACKETS; i++)
		compare(p, v, n);
	pt_eval_free(v);
	pt_policy_free(p);
	pt_err_fini(&e);
	pt_arena_free(a);
}

static void evaluators_agree(void **state)
{
	static const char file[] = PREAMBLE "firewall { builtin = false rules = { \"block\" } }\n";
	const char *seed = getenv("PATRONUS_SEED");
	struct counts n = { 0 };
	struct pt_err e = { 0 };

	(void)state;
	rng = seed ? strtoull(seed, NULL, 0) | 1 : 0x70617472u;
	printf("# seed 0x%llx\n", (unsigned long long)rng);
	host = make_host();
	assert_int_equal(pt_conf_parse("eval_ref", file, sizeof(file) - 1, &conf, &e), 0);
	for (int i = 0; i < SETS; i++)
		one_set(&n);
	printf("# %zu passed, %zu blocked, %zu by default, %zu translated, %zu tagged; %zu rules refused\n", n.passed,
	       n.blocked, n.by_default, n.translated, n.tagged, n.refused);
	printf("# %d pairs of a rule set and a packet\n", SETS * PACKETS);
	printf("# %zu anchors; %zu judged in them; %zu rules refused in them\n", n.anchors, n.in_anchors, n.not_said);
	assert_true(n.anchors > SETS && n.in_anchors > SETS && n.not_said < n.anchors);
	/* A generator that no longer reaches a case would agree with anything. */
	assert_true(n.passed > SETS && n.blocked > SETS && n.by_default > SETS && n.translated > SETS && n.tagged > SETS);
	memset(&conf->rules, 0, sizeof(conf->rules));
	memset(&conf->anchors, 0, sizeof(conf->anchors));
	pt_conf_free(conf);
	pt_arena_free(host->arena);
	pt_err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(evaluators_agree) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
