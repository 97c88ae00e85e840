/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules do to packets: every condition and every action in both families, order, tags, translations,
 * and what connection tracking has to say. A case is a file's rules, a packet, and the decision in words:
 * the number of the deciding rule, its tag, and the packet afterwards where it was translated.
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

static struct pt_host *host;

/* ---- packets in words: "in lan0 tcp 192.168.1.5 1000 > 10.0.0.1 80 S [RED]", for ICMP "… 8/0" ---- */

static uint8_t flags_of(const char *s)
{
	static const char letters[] = "FSRPAUEW";
	uint8_t flags = 0;

	for (; *s; s++)
		flags |= (uint8_t)(1u << (strchr(letters, *s) - letters));
	return flags;
}

static uint8_t tag_of(const struct pt_policy *p, const char *name)
{
	for (size_t i = 0; i < p->tags.n; i++)
		if (!strcmp(p->tags.v[i], name))
			return (uint8_t)(i + 1);
	return 0;
}

static void read_packet(const struct pt_policy *p, const char *text, struct pt_packet *k, enum pt_dir *dir, char *device)
{
	char way[8], proto[8], src[64], dst[64], extra[16] = "", tag[16] = "";
	unsigned int sport, dport;
	int n = sscanf(text, "%7s %15s %7s %63s %u > %63s %u %15s %15s", way, device, proto, src, &sport, dst, &dport, extra, tag);
	char *code;

	assert_true(n >= 7);
	memset(k, 0, sizeof(*k));
	*dir = !strcmp(way, "in") ? PT_IN : PT_OUT;
	assert_int_equal(pt_proto_parse(proto, &k->proto), 0);
	k->src = addr(src);
	k->dst = addr(dst);
	k->af = k->src.af;
	k->sport = (uint16_t)sport;
	k->dport = (uint16_t)dport;
	if (k->proto == PT_PROTO_TCP)
		k->tcp_flags = flags_of(extra);
	if (k->proto == PT_PROTO_ICMP || k->proto == PT_PROTO_ICMP6) {
		k->icmp_type = (uint8_t)strtoul(extra, &code, 10);
		k->icmp_code = (uint8_t)strtoul(code + 1, NULL, 10);
	}
	k->tag = tag_of(p, tag);
	k->ct = pt_packet_ct(k);
}

static void put_decision(struct pt_buf *b, const struct pt_policy *p, const struct pt_packet *k, const struct pt_decision *d)
{
	static const char *const rets[] = { "", " return", " rst", " icmp" };

	pt_buf_fmt(b, "%s%s", d->pass ? "pass" : "block", d->pass ? "" : rets[d->ret]);
	if (!d->pass && (d->ret == PT_RET_RETURN || d->ret == PT_RET_ICMP))
		pt_buf_fmt(b, "(%d,%d)", d->code4, d->code6);
	if (d->rule)
		pt_buf_fmt(b, " %u", d->rule->ast);
	else
		pt_buf_str(b, " default");
	if (d->why)
		pt_buf_str(b, " why");
	if (d->tag)
		pt_buf_fmt(b, " tag %s", p->tags.v[d->tag - 1]);
	if (!d->nat || !d->pass) {
		assert_memory_equal(k, &d->after, sizeof(*k));
		return;
	}
	pt_buf_chr(b, ' ');
	pt_addr_fmt(b, d->after.src);
	pt_buf_fmt(b, " %u > ", d->after.sport);
	pt_addr_fmt(b, d->after.dst);
	pt_buf_fmt(b, " %u", d->after.dport);
}

struct judged {
	const char *rules, *packet, *decision;
};

static void judge(const struct judged *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pt_decision d;
		struct pt_buf got = { 0 };
		struct pt_err e = { 0 };
		struct pt_packet k;
		struct pt_eval *v;
		struct built b;
		enum pt_dir dir;
		char device[16];

		build_good(&b, list[i].rules);
		assert_int_equal(pt_eval_new(b.policy, host, &v, &e), 0);
		read_packet(b.policy, list[i].packet, &k, &dir, device);
		pt_evaluate(v, &k, dir, device, &d);
		put_decision(&got, b.policy, &k, &d);
		if (strcmp(got.s, list[i].decision) != 0)
			print_error("%s\n%s\n", list[i].rules, list[i].packet);
		assert_string_equal(got.s, list[i].decision);
		pt_buf_fini(&got);
		pt_eval_free(v);
		pt_err_fini(&e);
		drop(&b);
	}
}

#define JUDGE(...)                                                   \
	do {                                                         \
		static const struct judged list[] = { __VA_ARGS__ }; \
		(void)state;                                         \
		judge(list, PT_ARRAY_SIZE(list));                    \
	} while (0)

#define SYN4 "in lan0 tcp 192.168.1.5 1000 > 10.0.0.1 80 S"
#define SYN6 "in lan0 tcp fd00:1::5 1000 > fd00:9::1 80 S"
#define OUT4 "out wan0 tcp 192.168.1.5 1000 > 10.0.0.1 80 S"
#define OUT6 "out wan0 tcp fd00:1::5 1000 > fd00:9::1 80 S"
#define PING4 "in lan0 icmp 192.168.1.5 0 > 10.0.0.1 0 8/0"
#define PING6 "in lan0 icmp6 fd00:1::5 0 > fd00:9::1 0 128/0"

/* ---- order ---- */

static void order(void **state)
{
	JUDGE({ "\"block out\"", SYN4, "block default" }, { "\"pass out\"", SYN6, "block default" },
	      { "\"block\", \"pass in\"", SYN4, "pass 1" }, { "\"pass in\", \"block\"", SYN6, "block 1" },
	      { "\"block quick\", \"pass in\"", SYN4, "block 0" }, { "\"pass in quick\", \"block\"", SYN6, "pass 0" },
	      { "\"pass in quick proto udp\", \"block\", \"pass out\"", SYN4, "block 1" },
	      { "\"block\", \"pass in\", \"block quick proto udp\", \"pass in\"", SYN6, "pass 3" },
	      { "\"match in\"", SYN4, "block default" }, { "\"pass in\", \"match log\"", SYN6, "pass 0" }, );
}

static void answers(void **state)
{
	JUDGE({ "\"block\"", SYN4, "block 0" }, { "\"block return\"", SYN4, "block return(3,4) 0" },
	      { "\"block return\"", SYN6, "block return(3,4) 0" }, { "\"block return-rst\"", SYN6, "block rst 0" },
	      { "\"block return-icmp(13)\"", SYN4, "block icmp(13,4) 0" },
	      { "\"block return-icmp(13, 1)\"", SYN6, "block icmp(13,1) 0" },
	      { "\"block return-icmp6\"", SYN4, "block icmp(-1,4) 0" },
	      /* how another rule would have answered does not matter */
	      { "\"block return\", \"block drop\"", SYN4, "block 1" }, { "\"pass\", \"block return\"", SYN6, "block return(3,4) 1" }, );
}

/* ---- conditions, each met and missed in both families ---- */

static void interfaces(void **state)
{
	JUDGE({ "\"pass in on lan\"", SYN4, "pass 0" }, { "\"pass in on wan\"", SYN4, "block default" },
	      { "\"pass in on lan0\"", SYN6, "pass 0" }, { "\"pass in on ! lan\"", SYN6, "block default" },
	      { "\"pass in on ! wan\"", SYN4, "pass 0" }, { "\"pass in on inside\"", SYN6, "pass 0" },
	      { "\"pass in on outside\"", SYN6, "block default" }, { "\"pass in on { wan, lan }\"", SYN4, "pass 0" },
	      { "\"pass on lo\"", "out lo udp ::1 5 > ::1 6", "pass 0" },
	      { "\"pass on ! lan\"", "out eth99 udp ::1 5 > ::1 6", "pass 0" }, );
}

static void families(void **state)
{
	JUDGE({ "\"pass in inet\"", SYN4, "pass 0" }, { "\"pass in inet\"", SYN6, "block default" },
	      { "\"pass in inet6\"", SYN6, "pass 0" }, { "\"pass in inet6\"", SYN4, "block default" },
	      { "\"pass in from { 192.168.1.0/24, fd00:1::/64 } to any\"", SYN4, "pass 0" },
	      { "\"pass in from { 192.168.1.0/24, fd00:1::/64 } to any\"", SYN6, "pass 0" },
	      { "\"pass in from any to 10.0.0.0/8\"", SYN6, "block default" }, );
}

static void addresses(void **state)
{
	JUDGE({ "\"pass in from 192.168.1.5\"", SYN4, "pass 0" }, { "\"pass in from 192.168.1.4\"", SYN4, "block default" },
	      { "\"pass in to fd00:9::/64\"", SYN6, "pass 0" }, { "\"pass in to fd00:8::/64\"", SYN6, "block default" },
	      { "\"pass in from 192.168.1.4 - 192.168.1.5\"", SYN4, "pass 0" },
	      { "\"pass in from fd00:1::6 - fd00:1::9\"", SYN6, "block default" },
	      { "\"pass in from ! 192.168.1.4\"", SYN4, "pass 0" }, { "\"pass in from ! 192.168.1.5\"", SYN4, "block default" },
	      /* a negated constant is about its own family */
	      { "\"pass in from ! 10.0.0.0/8\"", SYN6, "block default" }, { "\"pass in from ! fd00:2::/64\"", SYN6, "pass 0" },
	      { "\"pass in from ! dmz\"", SYN4, "pass 0" }, { "\"pass in from ! dmz\"", SYN6, "block default" },
	      { "\"pass in from ! six:network\"", SYN4, "block default" },
	      { "\"pass in from { 10.0.0.0/8, ! 192.168.0.0/16 }\"", SYN4, "block default" },
	      { "\"pass in from { ! 10.0.0.0/8, ! 192.168.0.0/16 }\"", SYN4, "pass 0" }, );
}

static void own_addresses(void **state)
{
	JUDGE({ "\"pass in to self\"", "in wan0 udp 1.1.1.1 5 > 192.168.1.1 6", "pass 0" },
	      { "\"pass in to self\"", "in wan0 udp 1.1.1.1 5 > 192.168.1.2 6", "block default" },
	      { "\"pass in to self\"", "in wan0 udp fd00::5 5 > fe80::2 6", "pass 0" },
	      { "\"pass to self\"", "in lo udp 127.0.0.1 5 > 127.0.0.53 53", "pass 0" },
	      { "\"pass in to ! self\"", SYN6, "pass 0" }, { "\"pass in to ! self\"", "in wan0 udp ::5 5 > ::1 6", "block default" },
	      /* what the kernel has, where the file says dhcp or parentheses ask for it */
	      { "\"pass in to wan\"", "in wan0 udp 1.1.1.1 5 > 203.0.113.3 6", "pass 0" },
	      { "\"pass in to (wan:0)\"", "in wan0 udp 1.1.1.1 5 > 203.0.113.3 6", "block default" },
	      { "\"pass in to (wan:0)\"", "in wan0 udp 1.1.1.1 5 > 203.0.113.2 6", "pass 0" },
	      { "\"pass in to (lan)\"", "in lan0 udp fe80::9 5 > fe80::1 6", "pass 0" },
	      { "\"pass in to lan\"", "in lan0 udp fe80::9 5 > fe80::1 6", "block default" },
	      { "\"pass in from (lan:network)\"", "in lan0 udp fe80::9 5 > fe80::1 6", "pass 0" },
	      { "\"pass in from lan:network\"", SYN6, "pass 0" }, { "\"pass in from (wan:network)\"", SYN4, "block default" },
	      { "\"pass in to (wan:broadcast)\"", "in wan0 udp 1.1.1.1 5 > 203.0.113.7 6", "pass 0" },
	      { "\"pass in to lan:broadcast\"", "in lan0 udp 1.1.1.1 5 > 192.168.1.255 6", "pass 0" },
	      { "\"pass in from ppp:peer\"", "in ppp0 udp 10.64.0.2 5 > 192.168.1.255 6", "pass 0" },
	      { "\"pass in from ppp:peer\"", "in ppp0 udp 10.64.0.1 5 > 192.168.1.255 6", "block default" },
	      { "\"pass in from ! (dmz)\"", SYN6, "pass 0" }, { "\"pass in from ! (lan:network)\"", SYN6, "block default" }, );
}

static void table_lookups(void **state)
{
	JUDGE({ "\"pass in from <good>\"", SYN4, "pass 0" }, { "\"pass in from <good>\"", SYN6, "pass 0" },
	      { "\"pass in from <bad>\"", SYN4, "block default" }, { "\"pass in from ! <bad>\"", SYN4, "pass 0" },
	      /* the most specific entry of a table wins */
	      { "\"pass in from <good>\"", "in lan0 udp 192.168.1.78 5 > 1.1.1.1 6", "block default" },
	      { "\"pass in from <good>\"", "in lan0 udp 192.168.1.77 5 > 1.1.1.1 6", "pass 0" },
	      /* what is not in a table is not in it, whatever its family */
	      { "\"pass in from ! <four>\"", SYN6, "pass 0" }, { "\"pass in from <none>\"", SYN4, "block default" },
	      { "\"pass in from ! <none>\"", SYN6, "pass 0" },
	      { "\"pass in from { <bad>, 192.168.1.5 }\"", SYN4, "pass 0" },
	      { "\"pass in from { <bad>, ! <good> }\"", SYN6, "block default" }, );
}

static void protocols(void **state)
{
	JUDGE({ "\"pass in proto tcp\"", SYN4, "pass 0" }, { "\"pass in proto udp\"", SYN6, "block default" },
	      { "\"pass in proto { udp, tcp }\"", SYN6, "pass 0" }, { "\"pass in proto gre\"", "in lan0 gre ::1 0 > ::2 0", "pass 0" },
	      { "\"pass in proto tcp to port 80\"", SYN4, "pass 0" }, { "\"pass in proto tcp to port 81\"", SYN4, "block default" },
	      { "\"pass in proto tcp from port 1000\"", SYN6, "pass 0" }, { "\"pass in proto tcp from port != 1000\"", SYN6, "block default" },
	      { "\"pass in proto tcp to port 80:81\"", SYN6, "pass 0" }, { "\"pass in proto tcp to port 80 >< 82\"", SYN6, "block default" },
	      { "\"pass in proto tcp to port 79 >< 81\"", SYN4, "pass 0" }, { "\"pass in proto tcp to port 70 <> 80\"", SYN4, "block default" },
	      { "\"pass in proto tcp to port 70 <> 79\"", SYN4, "pass 0" }, { "\"pass in proto tcp to port < 80\"", SYN6, "block default" },
	      { "\"pass in proto tcp to port <= 80\"", SYN6, "pass 0" }, { "\"pass in proto tcp to port > 80\"", SYN4, "block default" },
	      { "\"pass in proto sctp to port >= 80\"", "in lan0 sctp ::1 1 > ::2 80", "pass 0" },
	      { "\"pass in proto { tcp, udp } to port { 22, 80 }\"", "in lan0 udp ::1 1 > ::2 22", "pass 0" }, );
}

static void icmp(void **state)
{
	JUDGE({ "\"pass in proto icmp icmp-type echoreq\"", PING4, "pass 0" }, { "\"pass in proto icmp icmp-type echorep\"", PING4, "block default" },
	      { "\"pass in proto icmp6 icmp6-type echoreq\"", PING6, "pass 0" },
	      { "\"pass in proto icmp6 icmp6-type { 129, 1 }\"", PING6, "block default" },
	      { "\"pass in proto icmp icmp-type 8 code 1\"", PING4, "block default" },
	      { "\"pass in proto icmp icmp-type 8 code 0\"", PING4, "pass 0" }, { "\"pass in proto icmp\"", PING6, "block default" },
	      /* errors of no known connection */
	      { "\"pass in\"", "in lan0 icmp 1.1.1.1 0 > 2.2.2.2 0 3/1", "block 0 why" },
	      { "\"pass in no state\"", "in lan0 icmp 1.1.1.1 0 > 2.2.2.2 0 3/1", "pass 0" },
	      { "\"pass in\"", "in lan0 icmp6 ::1 0 > ::2 0 1/0", "block 0 why" },
	      /* discovery passes without a state, redirects do not */
	      { "\"pass in\"", "in lan0 icmp6 fe80::9 0 > fe80::1 0 135/0", "pass 0" },
	      { "\"pass in\"", "in lan0 icmp6 fe80::9 0 > fe80::1 0 137/0", "block 0 why" }, );
}

static void tcp_flags(void **state)
{
	JUDGE({ "\"pass in\"", "in lan0 tcp ::1 1 > ::2 2 SA", "block default" }, { "\"pass in\"", "in lan0 tcp ::1 1 > ::2 2 SPEW", "pass 0" },
	      { "\"pass in\"", "in lan0 tcp 1.1.1.1 1 > 2.2.2.2 2 A", "block default" },
	      { "\"pass in flags any\"", "in lan0 tcp 1.1.1.1 1 > 2.2.2.2 2 A", "pass 0" },
	      { "\"pass in flags any\"", "in lan0 tcp 1.1.1.1 1 > 2.2.2.2 2 SA", "block 0 why" },
	      { "\"pass in flags any\"", "in lan0 tcp ::1 1 > ::2 2 R", "block 0 why" },
	      { "\"pass in flags any\"", "in lan0 tcp ::1 1 > ::2 2 FA", "block 0 why" },
	      { "\"pass in no state\"", "in lan0 tcp ::1 1 > ::2 2 SA", "pass 0" },
	      { "\"pass in flags A/SA no state\"", "in lan0 tcp ::1 1 > ::2 2 AP", "pass 0" },
	      { "\"pass in proto tcp flags /S no state\"", "in lan0 tcp ::1 1 > ::2 2 S", "block default" },
	      { "\"block\", \"pass in flags S/SA\"", "in lan0 udp ::1 1 > ::2 2", "pass 1" },
	      { "\"pass in no state\", \"block in\"", "in lan0 tcp ::1 1 > ::2 2 SA", "block 1" }, );
}

/* ---- tags ---- */

static void tags(void **state)
{
	JUDGE({ "\"match in tag RED\", \"pass in tagged RED\"", SYN4, "pass 1 tag RED" },
	      { "\"match in proto udp tag RED\", \"pass in tagged RED\"", SYN6, "block default" },
	      /* a rule that matches sets its tag, decide who may */
	      { "\"pass in tag RED\", \"block in tagged RED\"", SYN4, "block 1 tag RED" },
	      { "\"pass in tag RED\", \"pass in tag BLUE\", \"match tagged RED tag GREEN\"", SYN6, "pass 1 tag BLUE" },
	      { "\"pass in ! tagged RED\", \"block proto udp tag RED\"", SYN4, "pass 0" },
	      { "\"pass out tagged RED\", \"block in tag RED\"", "out wan0 udp ::1 1 > ::2 2 - RED", "pass 0 tag RED" },
	      { "\"pass out ! tagged RED\", \"block in tag RED\"", "out wan0 udp ::1 1 > ::2 2 - RED", "block default tag RED" },
	      { "\"pass out ! tagged RED\", \"block in tag RED\"", "out wan0 udp ::1 1 > ::2 2", "pass 0" },
	      { "\"block in quick tag RED\", \"pass in tag BLUE\"", SYN4, "block 0 tag RED" }, );
}

/* ---- translations ---- */

static void source_translation(void **state)
{
	JUDGE({ "\"pass out nat-to 203.0.113.9\"", OUT4, "pass 0 203.0.113.9 0 > 10.0.0.1 80" },
	      /* pools: what only the kernel can tell is the first one */
	      { "\"pass out nat-to { 203.0.113.9, 203.0.113.3 }\"", OUT4, "pass 0 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to 203.0.113.8/29 random sticky-address\"", OUT4, "pass 0 203.0.113.8 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to { 203.0.113.9, 2001:db8::9 }\"", OUT6, "pass 0 2001:db8::9 0 > fd00:9::1 80" },
	      { "\"pass out nat-to { 203.0.113.9, 2001:db8::9 }\"", OUT4, "pass 0 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to 203.0.113.0/24 bitmask\"", OUT4, "pass 0 203.0.113.5 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to 2001:db8::/64 bitmask static-port\"", OUT6, "pass 0 2001:db8::5 1000 > fd00:9::1 80" },
	      /* as Linux 6.18 chose them */
	      { "\"pass out nat-to 203.0.113.0/24 source-hash\"", OUT4, "pass 0 203.0.113.240 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to 203.0.113.0/24 source-hash k\"", OUT4, "pass 0 203.0.113.94 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to 2001:db8::/64 source-hash\"", OUT6, "pass 0 2001:db8::ddab:be6 0 > fd00:9::1 80" },
	      { "\"pass out nat-to { 2001:db8::1, 2001:db8::2, 2001:db8::5 weight 9 } source-hash k\"", OUT6, "pass 0 2001:db8::2 0 > fd00:9::1 80" },
	      { "\"pass out nat-to 2001:db8::9\"", OUT6, "pass 0 2001:db8::9 0 > fd00:9::1 80" },
	      { "\"pass out nat-to 2001:db8::9\"", OUT4, "block default" },
	      { "\"pass out nat-to 203.0.113.9 static-port\"", OUT4, "pass 0 203.0.113.9 1000 > 10.0.0.1 80" },
	      { "\"pass out nat-to 203.0.113.9 port 5:9\"", OUT4, "pass 0 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to 203.0.113.8/29\"", OUT4, "pass 0 203.0.113.8 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to (wan)\"", OUT4, "pass 0 203.0.113.2 0 > 10.0.0.1 80" },
	      { "\"pass out nat-to (wan)\"", OUT6, "pass 0 2001:db8:1::2 0 > fd00:9::1 80" },
	      { "\"pass out nat-to (ppp)\"", OUT6, "block 0 why" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out\"", OUT4, "pass 1 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out nat-to 203.0.113.10\"", OUT4, "pass 1 203.0.113.10 0 > 10.0.0.1 80" },
	      { "\"match out nat-to 203.0.113.9\", \"match out nat-to 203.0.113.10\", \"pass out\"", OUT4,
		"pass 2 203.0.113.10 0 > 10.0.0.1 80" },
	      { "\"match out nat-to 203.0.113.9\", \"block out\"", OUT4, "block 1" },
	      { "\"match out nat-to 203.0.113.9\"", OUT4, "block default" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out no state\"", OUT4, "pass 1" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out flags any\"", "out wan0 tcp 1.1.1.1 1 > 2.2.2.2 2 SA", "block 1 why" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out\"", "out wan0 icmp 192.168.1.5 0 > 10.0.0.1 0 8/0",
		"pass 1 203.0.113.9 0 > 10.0.0.1 0" }, );
}

static void destination_translation(void **state)
{
	JUDGE({ "\"pass in rdr-to 10.0.0.7\"", SYN4, "pass 0 192.168.1.5 1000 > 10.0.0.7 80" },
	      { "\"pass in rdr-to fd00::7\"", SYN6, "pass 0 fd00:1::5 1000 > fd00::7 80" },
	      { "\"pass in proto tcp rdr-to 10.0.0.7 port 8080\"", SYN4, "pass 0 192.168.1.5 1000 > 10.0.0.7 8080" },
	      { "\"pass in proto tcp to any port 70:99 rdr-to fd00::7 port 1070:*\"", SYN6, "pass 0 fd00:1::5 1000 > fd00::7 1080" },
	      { "\"pass in proto tcp to any port 80:99 rdr-to fd00::7 port 9080:9099\"", SYN6, "pass 0 fd00:1::5 1000 > fd00::7 9080" },
	      { "\"pass in rdr-to 10.0.0.4/30\"", SYN4, "pass 0 192.168.1.5 1000 > 10.0.0.4 80" },
	      { "\"pass in rdr-to (wan)\"", SYN6, "pass 0 fd00:1::5 1000 > 2001:db8:1::2 80" },
	      { "\"match in proto tcp to port 80 rdr-to 10.0.0.7 port 81\", \"pass in proto tcp to 10.0.0.7 port 81\"", SYN4,
		"pass 1 192.168.1.5 1000 > 10.0.0.7 81" }, );
}

static void rules_behind_a_translation(void **state)
{
	JUDGE({ "\"match out nat-to 203.0.113.9\", \"pass out from 203.0.113.9\"", OUT4, "pass 1 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out from 192.168.1.5\"", OUT4, "block default" },
	      { "\"match in rdr-to fd00::7\", \"pass in to fd00:9::1\"", SYN6, "block default" },
	      { "\"match in rdr-to fd00::7\", \"pass in to fd00::7\"", SYN6, "pass 1 fd00:1::5 1000 > fd00::7 80" },
	      /* the rule that translates sees the packet as it is before */
	      { "\"pass out from 192.168.1.5 nat-to 203.0.113.9\", \"block out from 203.0.113.9\"", OUT4,
		"pass 0 203.0.113.9 0 > 10.0.0.1 80" },
	      /* the kernel's source ports are from 50001 on, or from those given, unless they stay */
	      { "\"match out nat-to 203.0.113.9\", \"pass out proto tcp from port >= 50001\"", OUT4, "pass 1 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"match out nat-to 203.0.113.9\", \"pass out proto tcp from port 1000\"", OUT4, "block default" },
	      { "\"match out nat-to 203.0.113.9 port 5:9\", \"pass out proto tcp from port 5:9\"", OUT4, "pass 1 203.0.113.9 0 > 10.0.0.1 80" },
	      { "\"match out nat-to 203.0.113.9 static-port\", \"pass out proto tcp from port 1000\"", OUT4,
		"pass 1 203.0.113.9 1000 > 10.0.0.1 80" },
	      /* two ranges one after the other: from 80 to 180, from there to 280 */
	      { "\"match in proto tcp to any port 80:99 rdr-to 10.0.0.7 port 180:*\", "
		"\"pass in proto tcp to any port 180:199 rdr-to 10.0.0.8 port 280:*\"", SYN4, "pass 1 192.168.1.5 1000 > 10.0.0.8 280" },
	      { "\"match in proto tcp to any port 80:99 rdr-to 10.0.0.7 port 180:*\", "
		"\"match in proto tcp to any port 180:199 rdr-to 10.0.0.8 port 280:*\", \"pass in\"", SYN4,
		"pass 2 192.168.1.5 1000 > 10.0.0.8 280" },
	      /* alternatives of one rule translate once */
	      { "\"match in proto tcp from { <good>, (lan:network) } to any port 80:199 rdr-to 10.0.0.7 port 90:*\", \"pass in\"", SYN4,
		"pass 1 192.168.1.5 1000 > 10.0.0.7 90" }, );
}

static void one_to_one(void **state)
{
	JUDGE({ "\"match from 192.168.1.5 binat-to 203.0.113.5\", \"pass\"", OUT4, "pass 1 203.0.113.5 1000 > 10.0.0.1 80" },
	      { "\"match from 192.168.1.0/24 binat-to 203.0.113.0/24\", \"pass\"", OUT4, "pass 1 203.0.113.5 1000 > 10.0.0.1 80" },
	      { "\"match from 192.168.1.0/24 binat-to 203.0.113.0/24\", \"pass\"", "in wan0 tcp 1.1.1.1 9 > 203.0.113.5 80 S",
		"pass 1 1.1.1.1 9 > 192.168.1.5 80" },
	      { "\"pass on wan from fd00:1::/64 binat-to 2001:db8:7::/64\"", "in wan0 tcp ::9 9 > 2001:db8:7::5 80 S",
		"pass 0 ::9 9 > fd00:1::5 80" },
	      { "\"pass on wan from fd00:1::/64 binat-to 2001:db8:7::/64\"", OUT6, "pass 0 2001:db8:7::5 1000 > fd00:9::1 80" },
	      { "\"pass on wan from fd00:1::/64 to fd00:8::/64 binat-to 2001:db8:7::/64\"", OUT6, "block default" }, );
}

/* ---- what connection tracking says ---- */

/* Somebody else's rules took it out of tracking: nobody would translate it. Discovery is never tracked. */
static void untracked_and_translated(void **state)
{
	static const struct {
		const char *rules, *packet;
		bool pass;
	} list[] = {
		{ "\"pass out nat-to 203.0.113.9\"", OUT4, false },
		{ "\"pass out nat-to 2001:db8::9\"", OUT6, false },
		{ "\"match out nat-to 203.0.113.9\", \"pass out\"", OUT4, false },
		{ "\"pass in rdr-to fd00::7\"", SYN6, false },
		{ "\"pass out\"", OUT4, true },
		{ "\"match out nat-to 2001:db8::9\", \"pass out no state\"", OUT6, true },
		{ "\"pass out nat-to 2001:db8::9\"", "out wan0 icmp6 fe80::9 0 > fe80::1 0 135/0", true },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(list); i++) {
		struct pt_decision d;
		struct pt_err e = { 0 };
		struct pt_packet k;
		struct pt_eval *v;
		struct built b;
		enum pt_dir dir;
		char device[16];

		build_good(&b, list[i].rules);
		assert_int_equal(pt_eval_new(b.policy, host, &v, &e), 0);
		read_packet(b.policy, list[i].packet, &k, &dir, device);
		k.ct = PT_CT_UNTRACKED;
		pt_evaluate(v, &k, dir, device, &d);
		assert_int_equal(d.pass, list[i].pass);
		assert_int_equal(d.why != NULL, !list[i].pass);
		assert_int_equal(d.nat, 0);
		pt_eval_free(v);
		drop(&b);
	}
}

/* What a router answers for is its own, too. */
static void self_is_anycast_too(void **state)
{
	const struct pt_addr router = addr("fd00:1::");
	struct pt_iset v4, v6;

	(void)state;
	assert_int_equal(pt_host_self(host, host->arena, &v4, &v6), 0);
	assert_false(pt_iset_has(&v6, router.v));
	assert_int_equal(pt_vec_push(host->arena, &host->anycast, router), 0);
	assert_int_equal(pt_host_self(host, host->arena, &v4, &v6), 0);
	assert_true(pt_iset_has(&v6, router.v));
	host->anycast.n = 0;
}

static void tracked_tcp(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct pt_packet k = { .af = PT_AF_INET, .proto = PT_PROTO_TCP, .tcp_flags = (uint8_t)flags };
		unsigned int tested = flags & 0x37; /* not PUSH, ECE, CWR */
		bool begins = tested == 0x02 || tested == 0x22 || tested == 0x10 || tested == 0x30;

		assert_int_equal(pt_packet_ct(&k), begins ? PT_CT_NEW : PT_CT_INVALID);
		k.af = PT_AF_INET6;
		assert_int_equal(pt_packet_ct(&k), begins ? PT_CT_NEW : PT_CT_INVALID);
	}
}

/* As measured on Linux 6.18 with one packet of each type. */
static void tracked_icmp(void **state)
{
	static const uint8_t new4[] = { 8, 13, 15, 17 }, new6[] = { 128, 139 },
			     untracked6[] = { 130, 131, 132, 133, 134, 135, 136, 143, 151, 152 };

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		struct pt_packet k = { .af = PT_AF_INET, .proto = PT_PROTO_ICMP, .icmp_type = (uint8_t)type };

		assert_int_equal(pt_packet_ct(&k), memchr(new4, (int)type, sizeof(new4)) ? PT_CT_NEW : PT_CT_INVALID);
		k.af = PT_AF_INET6;
		assert_int_equal(pt_packet_ct(&k), PT_CT_INVALID);
		k.proto = PT_PROTO_ICMP6;
		assert_int_equal(pt_packet_ct(&k), memchr(new6, (int)type, sizeof(new6)) ? PT_CT_NEW :
						   memchr(untracked6, (int)type, sizeof(untracked6)) ? PT_CT_UNTRACKED :
												       PT_CT_INVALID);
		k.af = PT_AF_INET;
		assert_int_equal(pt_packet_ct(&k), PT_CT_INVALID);
	}
	for (unsigned int proto = 0; proto < 256; proto++) {
		struct pt_packet k = { .af = PT_AF_INET, .proto = (uint8_t)proto };

		if (proto != PT_PROTO_TCP && proto != PT_PROTO_ICMP && proto != PT_PROTO_ICMP6)
			assert_int_equal(pt_packet_ct(&k), PT_CT_NEW);
	}
}

/* ---- tables that change, walks, interfaces that are not there ---- */

static void table_contents(void **state)
{
	struct pt_iset v4 = { 0 }, none = { 0 };
	struct pt_decision d;
	struct pt_err e = { 0 };
	struct pt_packet k;
	struct pt_eval *v;
	struct built b;
	enum pt_dir dir;
	char device[16];

	(void)state;
	build_good(&b, "\"pass in from <none>\"");
	assert_int_equal(pt_eval_new(b.policy, host, &v, &e), 0);
	read_packet(b.policy, SYN4, &k, &dir, device);
	pt_evaluate(v, &k, dir, device, &d);
	assert_false(d.pass);
	assert_int_equal(pt_iset_add(NULL, &v4, k.src.v, k.src.v), 0);
	assert_int_equal(pt_eval_table(v, "none", &v4, &none), 0);
	v4.v[0].lo = v4.v[0].hi = 0; /* it has been copied */
	pt_evaluate(v, &k, dir, device, &d);
	assert_true(d.pass);
	assert_int_equal(pt_eval_table(v, "none", &none, &none), 0);
	pt_evaluate(v, &k, dir, device, &d);
	assert_false(d.pass);
	assert_int_equal(pt_eval_table(v, "nowhere", &none, &none), -ENOENT);
	pt_iset_fini(&v4);
	pt_eval_free(v);
	drop(&b);
}

static void note(const struct pt_pol_rule *r, enum pt_condition first, void *arg)
{
	pt_buf_fmt(arg, "%u%s ", r->ast, first == PT_COND_HOLDS ? "+" : "-");
}

static void walk(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	struct pt_packet k;
	struct built p;
	struct pt_eval *v;
	enum pt_dir dir;
	char device[16];

	(void)state;
	build_good(&p, "\"block\", \"match in rdr-to 10.0.0.7\", \"pass in to 10.0.0.7\", \"pass out\", \"pass in to 10.0.0.1\","
		       "\"block in quick proto tcp\", \"pass in\"");
	assert_int_equal(pt_eval_new(p.policy, host, &v, &e), 0);
	read_packet(p.policy, SYN4, &k, &dir, device);
	pt_evaluate_walk(v, &k, dir, device, note, &b);
	assert_string_equal(b.s, "0+ 1+ 2+ 4- 5+ ");
	pt_buf_fini(&b);
	pt_eval_free(v);
	drop(&p);
}

static void no_interface(void **state)
{
	struct pt_pol_ifref r = { .ifname = "x", .device = "x0" };
	struct pt_iset v4, v6;

	(void)state;
	assert_int_equal(pt_ifref_resolve(&r, host, host->arena, &v4, &v6), 0);
	assert_int_equal(v4.n + v6.n, 0);
	assert_int_equal(pt_ifref_address(&r, host, PT_AF_INET).af, PT_AF_NONE);
	pt_eval_free(NULL);
}

/* The address of a translation: neither link-local nor secondary, unless there is no other. */
static void translation_address(void **state)
{
	static const struct {
		const char *device;
		enum pt_af af;
		const char *want;
	} list[] = {
		{ "wan0", PT_AF_INET, "203.0.113.2" }, { "wan0", PT_AF_INET6, "2001:db8:1::2" },
		{ "lan0", PT_AF_INET6, "fd00:1::1" },  { "ppp0", PT_AF_INET, "10.64.0.1" },
	};
	struct pt_host_addr only = { .prefix = prefix("fe80::7/64") };
	struct pt_host_addr four[] = { { .prefix = prefix("10.0.0.9/24"), .secondary = true }, { .prefix = prefix("10.0.0.1/24") } };
	struct pt_host_if last = { .device = "ll0" };
	struct pt_pol_ifref ll = { .device = "ll0" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(list); i++) {
		struct pt_pol_ifref r = { .device = list[i].device };
		struct pt_addr a = pt_ifref_address(&r, host, list[i].af);

		assert_true(a.af == list[i].af && a.v == addr(list[i].want).v);
	}
	assert_int_equal(pt_vec_push(host->arena, &last.addrs, only), 0);
	assert_int_equal(pt_vec_push(host->arena, &host->ifs, last), 0);
	assert_true(pt_ifref_address(&ll, host, PT_AF_INET6).v == only.prefix.addr.v);
	assert_int_equal(pt_ifref_address(&ll, host, PT_AF_INET).af, PT_AF_NONE);
	for (size_t i = 0; i < PT_ARRAY_SIZE(four); i++)
		assert_int_equal(pt_vec_push(host->arena, &host->ifs.v[host->ifs.n - 1].addrs, four[i]), 0);
	assert_true(pt_ifref_address(&ll, host, PT_AF_INET).v == four[1].prefix.addr.v);
	host->ifs.n--;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(answers),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(families),
		cmocka_unit_test(addresses),
		cmocka_unit_test(own_addresses),
		cmocka_unit_test(table_lookups),
		cmocka_unit_test(protocols),
		cmocka_unit_test(icmp),
		cmocka_unit_test(tcp_flags),
		cmocka_unit_test(tags),
		cmocka_unit_test(source_translation),
		cmocka_unit_test(destination_translation),
		cmocka_unit_test(rules_behind_a_translation),
		cmocka_unit_test(one_to_one),
		cmocka_unit_test(tracked_tcp),
		cmocka_unit_test(tracked_icmp),
		cmocka_unit_test(untracked_and_translated),
		cmocka_unit_test(self_is_anycast_too),
		cmocka_unit_test(table_contents),
		cmocka_unit_test(walk),
		cmocka_unit_test(no_interface),
		cmocka_unit_test(translation_address),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	host = make_host();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pt_arena_free(host->arena);
	return failed;
}
