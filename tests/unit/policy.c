/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From rules to the IR: each case is a rule and the one line that each IR rule is printed as here. Mistakes
 * in rules are in policy_errors.c, what the rules do to packets in eval.c.
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

#include "policy_make.h"

/* ---- the IR as text ---- */

static void put_set(struct pt_buf *b, enum pt_af af, const struct pt_iset *s, const char **comma)
{
	assert_false(s->dirty);
	for (size_t i = 0; i < s->n; i++) {
		pt_buf_str(b, *comma);
		pt_range_fmt(b, af, s->v[i].lo, s->v[i].hi);
		*comma = ",";
	}
}

static void put_ifref(struct pt_buf *b, const struct pt_pol_ifref *r)
{
	static const char *const mods[] = { "", ":network", ":broadcast", ":peer" };

	pt_buf_fmt(b, "(%s%s%s)", r->device, mods[r->mod], r->no_alias ? ":0" : "");
}

static void put_side(struct pt_buf *b, const struct pt_policy *p, const char *word, const struct pt_pol_addr *a)
{
	const char *comma = "";

	if (a->kind == PT_REF_ANY)
		return;
	pt_buf_fmt(b, " %s %s", word, a->neg ? "! " : "");
	if (a->kind == PT_REF_SELF)
		pt_buf_str(b, "self");
	if (a->kind == PT_REF_IF)
		put_ifref(b, &p->ifrefs.v[a->ref]);
	if (a->kind == PT_REF_TABLE)
		pt_buf_fmt(b, "<%s>", p->tables.v[a->ref].conf->name);
	if (a->kind == PT_REF_OUTSIDE)
		pt_buf_fmt(b, "%s%s", p->outside.v[a->ref].kind == PT_OUTSIDE_COUNTRY ? "geoip " : "",
			   p->outside.v[a->ref].key);
	if (a->kind == PT_REF_SET) {
		put_set(b, PT_AF_INET, &a->v4, &comma);
		put_set(b, PT_AF_INET6, &a->v6, &comma);
	}
}

static void put_numbers(struct pt_buf *b, const char *word, const struct pt_iset *s, unsigned int base)
{
	for (size_t i = 0; i < s->n; i++) {
		unsigned int lo = (unsigned int)s->v[i].lo, hi = (unsigned int)s->v[i].hi;

		pt_buf_fmt(b, i ? "," : " %s ", word);
		pt_buf_fmt(b, base == 16 ? "%04x" : "%u", lo);
		if (lo != hi)
			pt_buf_fmt(b, base == 16 ? "-%04x" : "-%u", hi);
	}
	assert_false(s->dirty);
}

static void put_nat(struct pt_buf *b, const struct pt_policy *p, const struct pt_pol_nat *n)
{
	pt_buf_fmt(b, " %s ", n->kind == PT_NAT_SRC ? "snat" : "dnat");
	if (n->target == PT_REF_IF)
		put_ifref(b, &p->ifrefs.v[n->ref]);
	else
		pt_range_fmt(b, n->af, n->lo, n->hi);
	if (n->one_to_one) {
		pt_buf_str(b, " one-to-one ");
		pt_range_fmt(b, n->af, n->from_lo, n->from_lo);
	}
	if (n->has_port)
		pt_buf_fmt(b, " port %u-%u", n->port_lo, n->port_hi);
	if (n->port_offset)
		pt_buf_fmt(b, " from %u-%u", n->match_lo, n->match_hi);
	pt_buf_fmt(b, "%s/%d", n->static_port ? " static" : "", n->af);
}

static void put_devices(struct pt_buf *b, const struct pt_pol_rule *r)
{
	if (r->if_any) {
		assert_false(r->if_neg);
		return;
	}
	pt_buf_str(b, r->if_neg ? " on ! " : " on ");
	for (size_t i = 0; i < r->devices.n; i++)
		pt_buf_fmt(b, "%s%s", i ? "," : "", r->devices.v[i]);
}

static void put_rule(struct pt_buf *b, const struct pt_policy *p, const struct pt_pol_rule *r)
{
	static const char *const actions[] = { "pass", "block", "match" };
	static const char *const rets[] = { "", " return", " rst", " icmp" };
	static const char *const families[] = { "-", "4", "6", "46" };

	pt_buf_fmt(b, "%s%s", actions[r->action], rets[r->ret]);
	if (r->ret == PT_RET_RETURN || r->ret == PT_RET_ICMP)
		pt_buf_fmt(b, "(%d,%d)", r->code4, r->code6);
	pt_buf_fmt(b, " %s%s%s%s", r->dir == PT_IN ? "in" : "out", r->quick ? " quick" : "", r->log ? " log" : "",
		   r->keep_state ? " state" : "");
	put_devices(b, r);
	pt_buf_fmt(b, " %s", families[r->af]);
	for (size_t i = 0; i < r->protos.n; i++)
		pt_buf_fmt(b, "%s%u", i ? "," : " proto ", r->protos.v[i]);
	assert_int_equal(r->proto_any, !r->protos.n);
	put_side(b, p, "from", &r->src);
	put_numbers(b, "sport", &r->sport, 10);
	put_side(b, p, "to", &r->dst);
	put_numbers(b, "dport", &r->dport, 10);
	put_numbers(b, "icmp", &r->icmp, 16);
	if (r->flags_mask)
		pt_buf_fmt(b, " flags %02x/%02x", r->flags_set, r->flags_mask);
	if (r->tag)
		pt_buf_fmt(b, " tag %s", p->tags.v[r->tag - 1]);
	if (r->tagged)
		pt_buf_fmt(b, " tagged %s%s", r->tagged_neg ? "!" : "", p->tags.v[r->tagged - 1]);
	if (r->nat)
		put_nat(b, p, &p->nats.v[r->nat - 1]);
	pt_buf_chr(b, '\n');
}

/* What is true of the rules of any policy. */
static void check_rule(const struct pt_policy *p, size_t i)
{
	const struct pt_pol_rule *r = &p->rules.v[i], *before = i ? r - 1 : NULL;

	assert_int_equal(r->index, i);
	assert_int_not_equal(r->id, 0);
	assert_true(r->dir == PT_IN || r->dir == PT_OUT);
	assert_in_range(r->af, 1, 3);
	assert_true(r->nat <= p->nats.n);
	if (before && before->ast == r->ast && r->ast != PT_POL_BUILTIN) {
		assert_int_equal(before->id, r->id);
		assert_string_equal(before->name, r->name);
	} else if (before && r->ast != PT_POL_BUILTIN) {
		assert_int_not_equal(before->id, r->id);
	}
	if (r->src.kind == PT_REF_SET)
		assert_int_equal((r->src.v4.n ? 1 : 0) | (r->src.v6.n ? 2 : 0), r->af);
	if (r->dst.kind == PT_REF_SET)
		assert_int_equal((r->dst.v4.n ? 1 : 0) | (r->dst.v6.n ? 2 : 0), r->af);
	for (size_t k = 1; k < r->protos.n; k++)
		assert_true(r->protos.v[k - 1] < r->protos.v[k]);
}

static char *dump(const struct pt_policy *p)
{
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < p->rules.n; i++) {
		check_rule(p, i);
		put_rule(&b, p, &p->rules.v[i]);
	}
	assert_int_equal(b.err, 0);
	return b.s;
}

struct shape {
	const char *rule, *ir;
};

static void shapes(const struct shape *s, size_t n)
{
	struct pt_buf rule = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct built b;
		char *text;

		rule.n = 0;
		pt_buf_fmt(&rule, "\"%s\"", s[i].rule);
		build_good(&b, rule.s);
		text = dump(b.policy);
		if (strcmp(text, s[i].ir) != 0)
			print_error("%s\n", s[i].rule);
		assert_string_equal(text, s[i].ir);
		free(text);
		drop(&b);
	}
	pt_buf_fini(&rule);
}

#define SHAPES(...)                                                 \
	do {                                                        \
		static const struct shape list[] = { __VA_ARGS__ }; \
		(void)state;                                        \
		shapes(list, PT_ARRAY_SIZE(list));                  \
	} while (0)

/* ---- the cases ---- */

static void actions(void **state)
{
	SHAPES({ "pass", "pass in state 46 flags 02/12\npass out state 46 flags 02/12\n" },
	       { "pass in no state", "pass in 46\n" },
	       { "pass in keep state", "pass in state 46 flags 02/12\n" },
	       { "block out", "block out 46\n" },
	       { "block drop in log quick", "block in quick log 46\n" },
	       { "block return in", "block return(3,4) in 46\n" },
	       { "block return-rst in", "block rst in 46\n" },
	       { "block return-icmp in", "block icmp(3,4) in 46\n" },
	       { "block return-icmp(13) in", "block icmp(13,4) in 46\n" },
	       { "block return-icmp(13, 1) in", "block icmp(13,1) in 46\n" },
	       { "block return-icmp(net-unr, admin-unr) in", "block icmp(0,1) in 46\n" },
	       { "block return-icmp6(3) in", "block icmp(-1,3) in 46\n" },
	       { "block return-icmp6 in", "block icmp(-1,4) in 46\n" },
	       { "match log", "match in log 46\nmatch out log 46\n" }, );
}

static void interfaces(void **state)
{
	SHAPES({ "block in on lan", "block in on lan0 46\n" },
	       { "block in on lan0", "block in on lan0 46\n" },
	       { "block in on lo", "block in on lo 46\n" },
	       { "block in on ! lan", "block in on ! lan0 46\n" },
	       { "block in on inside", "block in on dmz0,lan0,six0 46\n" },
	       { "block in on ! inside", "block in on ! dmz0,lan0,six0 46\n" },
	       { "block in on { wan, lan, wan0 }", "block in on lan0,wan0 46\n" },
	       { "block in on { inside, outside }", "block in on dmz0,lan0,six0,wan0 46\n" },
	       /* a list is a union: whatever is not both of them, and whatever is not lan but dmz */
	       { "block in on { ! lan, ! dmz }", "block in 46\n" },
	       { "block in on { ! inside, ! outside }", "block in on ! six0 46\n" },
	       { "block in on { ! inside, dmz }", "block in on ! lan0,six0 46\n" },
	       { "block in on { ! lan, lan }", "block in 46\n" }, );
}

static void constants(void **state)
{
	SHAPES({ "block in from 10.0.0.0/8", "block in 4 from 10.0.0.0/8\n" },
	       { "block in from fd00::/8 to fd00::1", "block in 6 from fd00::/8 to fd00::1\n" },
	       { "block in to { 10.0.0.0/8, fd00::/8 }", "block in 46 to 10.0.0.0/8,fd00::/8\n" },
	       { "block in inet to { 10.0.0.0/8, fd00::/8 }", "block in 4 to 10.0.0.0/8\n" },
	       { "block in from 10.1.1.1 to { 10.0.0.0/8, fd00::/8 }", "block in 4 from 10.1.1.1 to 10.0.0.0/8\n" },
	       { "block in to { 10.0.0.0, 10.0.0.1, 10.0.0.2 - 10.0.0.4 }", "block in 4 to 10.0.0.0-10.0.0.4\n" },
	       { "block in to { 10.0.0.0/9, 10.128.0.0/9 }", "block in 4 to 10.0.0.0/8\n" },
	       { "block in from 0.0.0.0/0", "block in 4\n" },
	       { "block in from { 0.0.0.0/1, 128.0.0.0/1, ::/0 }", "block in 46\n" },
	       { "block in from { any, 10.0.0.1 }", "block in 46\n" },
	       { "block in from ! 10.0.0.0/8", "block in 4 from 0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255\n" },
	       { "block in from ! ::/1", "block in 6 from 8000::/1\n" },
	       { "block in from ! 255.255.255.255", "block in 4 from 0.0.0.0-255.255.255.254\n" },
	       { "block in from ! 0.0.0.0", "block in 4 from 0.0.0.1-255.255.255.255\n" },
	       /* as pf expands them: either is enough */
	       { "block in from { ! 10.0.0.1, ! 10.0.0.2 }", "block in 4\n" },
	       { "block in from { 10.0.0.0/8, ! 10.1.0.0/16 }", "block in 4\n" },
	       { "block in from { ! 10.0.0.0/8, fd00::1 }",
		 "block in 46 from 0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255,fd00::1\n" }, );
}

static void written_addresses(void **state)
{
	SHAPES({ "block in from lan", "block in 46 from 192.168.1.1,fd00:1::1\n" },
	       { "block in inet6 from lan", "block in 6 from fd00:1::1\n" },
	       { "block in from lan:network", "block in 46 from 192.168.1.0/24,fd00:1::/64\n" },
	       { "block in from lan0:network", "block in 46 from 192.168.1.0/24,fd00:1::/64\n" },
	       { "block in from lan:broadcast", "block in 4 from 192.168.1.255\n" },
	       { "block in from dmz", "block in 4 from 10.0.5.1,10.0.5.9,10.0.6.1\n" },
	       { "block in from dmz:0", "block in 4 from 10.0.5.1,10.0.6.1\n" },
	       { "block in from dmz:network:0", "block in 4 from 10.0.5.0-10.0.6.3\n" },
	       { "block in from dmz:broadcast", "block in 4 from 10.0.5.255,10.0.6.3\n" },
	       { "block in from inside:broadcast", "block in 4 from 10.0.5.255,10.0.6.3,192.168.1.255\n" },
	       /* the interface has no IPv6 address in the file: the rule is not about IPv6 */
	       { "block in from ! dmz:network",
		 "block in 4 from 0.0.0.0-10.0.4.255,10.0.6.4-255.255.255.255\n" },
	       { "block in from ! six", "block in 6 from ::-fd00:6::,fd00:6::2-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n" },
	       { "block in from ! lan:network",
		 "block in 46 from 0.0.0.0-192.168.0.255,192.168.2.0-255.255.255.255,"
		 "::-fd00:0:ffff:ffff:ffff:ffff:ffff:ffff,fd00:1:0:1::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n" }, );
}

static void references(void **state)
{
	SHAPES({ "block in from self", "block in 46 from self\n" },
	       { "block in from ! self", "block in 46 from ! self\n" },
	       { "block in from (lan)", "block in 46 from (lan0)\n" },
	       { "block in from wan", "block in 46 from (wan0)\n" },
	       { "block in from ! (wan:network:0)", "block in 46 from ! (wan0:network:0)\n" },
	       { "block in from lo", "block in 46 from (lo)\n" },
	       { "block in from lan:peer", "block in 46 from (lan0:peer)\n" },
	       { "block in from <bad> to ! <good>", "block in 46 from <bad> to ! <good>\n" },
	       { "block in inet6 from <four>", "block in 6 from <four>\n" },
	       { "block in from { <bad>, 10.0.0.1, 10.0.0.0 } to { self, <good> }",
		 "block in 46 from <bad> to self\nblock in 46 from <bad> to <good>\n"
		 "block in 4 from 10.0.0.0/31 to self\nblock in 4 from 10.0.0.0/31 to <good>\n" },
	       { "block in from { <bad>, <bad>, ! <bad>, wan, (wan), wan0 }",
		 "block in 46 from <bad>\nblock in 46 from ! <bad>\nblock in 46 from (wan0)\n" },
	       { "block in from outside", "block in 46 from (wan0)\nblock in 6 from fd00:6::1\n" },
	       { "block in from (inside:network) to 10.0.0.1",
		 "block in 4 from (lan0:network) to 10.0.0.1\nblock in 4 from (dmz0:network) to 10.0.0.1\n"
		 "block in 4 from (six0:network) to 10.0.0.1\n" }, );
}

static void protocols(void **state)
{
	SHAPES({ "block in proto { udp, tcp, 17 }", "block in 46 proto 6,17\n" },
	       { "block in proto icmp", "block in 46 proto 1\n" },
	       { "block in proto icmp icmp-type echoreq", "block in 4 proto 1 icmp 0800-08ff\n" },
	       { "block in proto icmp icmp-type { echorep, 3 code 1, 8 }", "block in 4 proto 1 icmp 0000-00ff,0301,0800-08ff\n" },
	       { "block in proto icmp6 icmp6-type { 128, 129 }", "block in 6 proto 58 icmp 8000-81ff\n" },
	       { "block in proto tcp to any port 22", "block in 46 proto 6 dport 22\n" },
	       { "block in proto tcp to any port != 22", "block in 46 proto 6 dport 0-21,23-65535\n" },
	       { "block in proto tcp from any port < 22", "block in 46 proto 6 sport 0-21\n" },
	       { "block in proto tcp from any port <= 22 to any port >= 22",
		 "block in 46 proto 6 sport 0-22 dport 22-65535\n" },
	       { "block in proto tcp to any port > 22", "block in 46 proto 6 dport 23-65535\n" },
	       { "block in proto udp to any port 22:25", "block in 46 proto 17 dport 22-25\n" },
	       { "block in proto udp to any port 22 >< 25", "block in 46 proto 17 dport 23-24\n" },
	       { "block in proto udp to any port 22 <> 25", "block in 46 proto 17 dport 0-21,26-65535\n" },
	       { "block in proto sctp to any port { 80, 22, 23:79, domain }", "block in 46 proto 132 dport 22-80\n" },
	       { "pass in proto tcp", "pass in state 46 proto 6 flags 02/12\n" },
	       { "pass in proto { udp, gre }", "pass in state 46 proto 17,47\n" },
	       { "pass in proto tcp flags any", "pass in state 46 proto 6\n" },
	       { "pass in flags S/SAFR", "pass in state 46 flags 02/17\n" },
	       { "pass in proto tcp flags S/SA no state", "pass in 46 proto 6 flags 02/12\n" },
	       { "block in proto tcp flags /S", "block in 46 proto 6 flags 00/02\n" },
	       { "match in proto tcp", "match in 46 proto 6\n" }, );
}

static void tags(void **state)
{
	struct built b;

	SHAPES({ "match in tag RED", "match in 46 tag RED\n" },
	       { "block out tagged RED", "block out 46 tagged RED\n" },
	       { "pass out no state ! tagged RED tag BLUE", "pass out 46 tag BLUE tagged !RED\n" }, );
	build_good(&b, "\"block in tag A\", \"block in tag B\", \"block out tagged A\"");
	assert_int_equal(b.policy->tags.n, 2);
	assert_int_equal(b.policy->rules.v[0].tag, b.policy->rules.v[2].tagged);
	assert_int_not_equal(b.policy->rules.v[0].tag, b.policy->rules.v[1].tag);
	drop(&b);
}

static void source_translation(void **state)
{
	SHAPES({ "match out nat-to 203.0.113.9", "match out 4 snat 203.0.113.9/1\n" },
	       { "match out nat-to 2001:db8::9", "match out 6 snat 2001:db8::9/2\n" },
	       { "match out on wan nat-to (wan)", "match out on wan0 46 snat (wan0)/3\n" },
	       { "match out on wan inet nat-to (wan)", "match out on wan0 4 snat (wan0)/1\n" },
	       { "match out on wan nat-to wan", "match out on wan0 46 snat (wan0)/3\n" },
	       { "match out on wan nat-to lan",
		 "match out on wan0 4 snat 192.168.1.1/1\nmatch out on wan0 6 snat fd00:1::1/2\n" },
	       { "match out on wan nat-to (lan)", "match out on wan0 46 snat (lan0)/3\n" },
	       { "match out from lan:network nat-to (wan:0)",
		 "match out 46 from 192.168.1.0/24,fd00:1::/64 snat (wan0:0)/3\n" },
	       { "match out from lan:network nat-to 203.0.113.9", "match out 4 from 192.168.1.0/24 snat 203.0.113.9/1\n" },
	       { "pass out nat-to 203.0.113.8/29", "pass out state 4 flags 02/12 snat 203.0.113.8/29/1\n" },
	       { "pass out nat-to 203.0.113.9 - 203.0.113.11", "pass out state 4 flags 02/12 snat 203.0.113.9-203.0.113.11/1\n" },
	       { "match out proto udp nat-to 203.0.113.9 static-port", "match out 4 proto 17 snat 203.0.113.9 static/1\n" },
	       { "match out proto udp nat-to 203.0.113.9 port 5000:5999", "match out 4 proto 17 snat 203.0.113.9 port 5000-5999/1\n" }, );
}

static void destination_translation(void **state)
{
	SHAPES({ "match in to self rdr-to 10.0.0.1", "match in 4 to self dnat 10.0.0.1/1\n" },
	       { "match in to self rdr-to (lan)", "match in 46 to self dnat (lan0)/3\n" },
	       { "pass in proto tcp to (wan) port { 80, 443 } rdr-to fd00::1 port 8080",
		 "pass in state 6 proto 6 to (wan0) dport 80,443 flags 02/12 dnat fd00::1 port 8080-8080/2\n" },
	       { "match in proto udp to any port 2000:2099 rdr-to 10.0.0.1 port 3000:*",
		 "match in 4 proto 17 dport 2000-2099 dnat 10.0.0.1 port 3000-3099 from 2000-2099/1\n" },
	       { "match in proto udp to any port 2000:2099 rdr-to 10.0.0.1 port 3000:3099",
		 "match in 4 proto 17 dport 2000-2099 dnat 10.0.0.1 port 3000-3099 from 2000-2099/1\n" },
	       { "match in proto udp to any port { 2000:2050, 2051:2099 } rdr-to 10.0.0.1 port 3000",
		 "match in 4 proto 17 dport 2000-2099 dnat 10.0.0.1 port 3000-3000/1\n" },
	       { "match in proto udp to any port 65000:65535 rdr-to 10.0.0.1 port 65000:*",
		 "match in 4 proto 17 dport 65000-65535 dnat 10.0.0.1 port 65000-65535 from 65000-65535/1\n" }, );
}

static void one_to_one(void **state)
{
	SHAPES({ "match from 10.0.0.5 binat-to 203.0.113.5",
		 "match out 4 from 10.0.0.5 snat 203.0.113.5 static/1\nmatch in 4 to 203.0.113.5 dnat 10.0.0.5/1\n" },
	       { "match on wan from 10.0.0.0/24 to <bad> binat-to 203.0.113.0/24",
		 "match out on wan0 4 from 10.0.0.0/24 to <bad> snat 203.0.113.0/24 one-to-one 10.0.0.0 static/1\n"
		 "match in on wan0 4 from <bad> to 203.0.113.0/24 dnat 10.0.0.0/24 one-to-one 203.0.113.0/1\n" },
	       { "pass proto tcp from fd00::4/126 port 80 to { fd01::1, 10.9.9.9 } port 1024:2000 binat-to 2001:db8::8/126",
		 "pass out state 6 proto 6 from fd00::4/126 sport 80 to fd01::1 dport 1024-2000 flags 02/12"
		 " snat 2001:db8::8/126 one-to-one fd00::4 static/2\n"
		 "pass in state 6 proto 6 from fd01::1 sport 1024-2000 to 2001:db8::8/126 dport 80 flags 02/12"
		 " dnat fd00::4/126 one-to-one 2001:db8::8/2\n" },
	       { "match from six binat-to 2001:db8::1",
		 "match out 6 from fd00:6::1 snat 2001:db8::1 static/2\nmatch in 6 to 2001:db8::1 dnat fd00:6::1/2\n" }, );
}

static void equal_translations_are_one(void **state)
{
	struct built b;

	(void)state;
	build_good(&b, "\"match out on lan nat-to 1.2.3.4\", \"match out on wan nat-to 1.2.3.4\","
		       "\"match out on dmz nat-to 1.2.3.4 static-port\", \"match out nat-to (wan)\", \"pass out nat-to (wan)\"");
	assert_int_equal(b.policy->nats.n, 3);
	assert_int_equal(b.policy->rules.v[0].nat, b.policy->rules.v[1].nat);
	assert_int_equal(b.policy->ifrefs.n, 1);
	assert_string_equal(b.policy->ifrefs.v[0].ifname, "wan");
	drop(&b);
	build_good(&b, "\"match out inet nat-to (wan)\", \"match out inet6 nat-to (wan)\", \"match in rdr-to (wan)\"");
	assert_int_equal(b.policy->nats.n, 3);
	drop(&b);
}

static void tables_in_use(void **state)
{
	struct built b;

	(void)state;
	build_good(&b, "\"block in from <bad>\", \"block out to { ! <four> }\"");
	assert_int_equal(b.policy->tables.n, 4);
	for (size_t i = 0; i < 4; i++) {
		const char *name = b.policy->tables.v[i].conf->name;

		assert_int_equal(b.policy->tables.v[i].used, !strcmp(name, "bad") || !strcmp(name, "four"));
	}
	drop(&b);
}

/* ---- built-in rules ---- */

static void builtin_rules(void **state)
{
	static const char *const names[] = {
		"builtin-loopback", "builtin-neighbour-in", "builtin-neighbour-out", "builtin-router-in", "builtin-router-out",
		"builtin-mld", "builtin-icmp-error",
		"builtin-icmp6-error", "builtin-dhcp-reply", "builtin-dhcp-request", "builtin-dhcp6-reply", "builtin-dhcp6-request",
	};
	struct pt_err e = { 0 };
	struct built b;
	size_t n = 0;
	char *text;

	(void)state;
	build_with(&b, "", "\"block\"");
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.policy->rules.n, b.policy->n_builtin + 2);
	for (size_t i = 0; i < b.policy->n_builtin; i++) {
		const struct pt_pol_rule *r = &b.policy->rules.v[i];
		struct pt_rule_ctx ctx = { .arena = b.policy->arena };
		struct pt_ast_rule *again;

		if (!i || strcmp(r->name, r[-1].name) != 0)
			assert_string_equal(r->name, names[n++]);
		assert_true(r->ast == PT_POL_BUILTIN && !r->loc.line && r->quick && !r->keep_state && r->action == PT_PASS);
		assert_int_equal(pt_rule_parse(&ctx, r->text, strlen(r->text), &again, &e), 0);
	}
	assert_int_equal(n, PT_ARRAY_SIZE(names));
	text = dump(b.policy);
	assert_string_equal(text,
			    "pass in quick on lo 46\npass out quick on lo 46\n"
			    "pass in quick 6 proto 58 to self icmp 8700-88ff\npass in quick 6 proto 58 to ff02::/16 icmp 8700-88ff\n"
			    "pass out quick 6 proto 58 from self icmp 8700-88ff\npass out quick 6 proto 58 from :: icmp 8700-88ff\n"
			    "pass in quick 6 proto 58 to self icmp 8500-86ff\npass in quick 6 proto 58 to ff02::/16 icmp 8500-86ff\n"
			    "pass out quick 6 proto 58 from self icmp 8500-86ff\npass out quick 6 proto 58 from :: icmp 8500-86ff\n"
			    "pass in quick 6 proto 58 from ::,fe80::/10 icmp 8200-84ff,8f00-8fff\n"
			    "pass out quick 6 proto 58 from ::,fe80::/10 icmp 8200-84ff,8f00-8fff\n"
			    "pass out quick 4 proto 1 from self icmp 0300-03ff,0b00-0cff\n"
			    "pass out quick 6 proto 58 from self icmp 0100-04ff\n"
			    "pass in quick on ppp0,wan0 4 proto 17 sport 67 to self dport 68\n"
			    "pass in quick on ppp0,wan0 4 proto 17 sport 67 to 255.255.255.255 dport 68\n"
			    "pass out quick on ppp0,wan0 4 proto 17 from self sport 68 dport 67\n"
			    "pass out quick on ppp0,wan0 4 proto 17 from 0.0.0.0 sport 68 dport 67\n"
			    "pass in quick on ppp0,wan0 6 proto 17 from fe80::/10 sport 547 to fe80::/10 dport 546\n"
			    "pass out quick on ppp0,wan0 6 proto 17 from fe80::/10 sport 546 dport 547\n"
			    "block in 46\nblock out 46\n");
	free(text);
	pt_err_fini(&e);
	drop(&b);
	build_good(&b, "\"block\"");
	assert_int_equal(b.policy->n_builtin, 0);
	drop(&b);
}

static void no_dhcp_no_dhcp_rules(void **state)
{
	static const char text[] = "interface lan { address = { \"10.0.0.1/8\" } }\nfirewall { rules = { \"block\" } }\n";
	struct pt_err e = { 0 };
	struct pt_policy *p;
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse("t", text, sizeof(text) - 1, &c, &e), 0);
	assert_int_equal(pt_policy_build(c, &p, &e), 0);
	for (size_t i = 0; i < p->rules.n; i++)
		assert_null(strstr(p->rules.v[i].name, "dhcp"));
	pt_policy_free(p);
	pt_conf_free(c);
	pt_err_fini(&e);
}

static void nothing_at_all(void **state)
{
	static const char text[] = "firewall { builtin = false }\n";
	struct pt_err e = { 0 };
	struct pt_policy *p;
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse("t", text, sizeof(text) - 1, &c, &e), 0);
	assert_int_equal(pt_policy_build(c, &p, &e), 0);
	assert_int_equal(p->rules.n, 0);
	pt_policy_free(p);
	pt_policy_free(NULL);
	pt_conf_free(c);
	pt_err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(constants),
		cmocka_unit_test(written_addresses),
		cmocka_unit_test(references),
		cmocka_unit_test(protocols),
		cmocka_unit_test(tags),
		cmocka_unit_test(source_translation),
		cmocka_unit_test(destination_translation),
		cmocka_unit_test(one_to_one),
		cmocka_unit_test(equal_translations_are_one),
		cmocka_unit_test(tables_in_use),
		cmocka_unit_test(builtin_rules),
		cmocka_unit_test(no_dhcp_no_dhcp_rules),
		cmocka_unit_test(nothing_at_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
