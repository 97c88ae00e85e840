/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of one packet, with routes that the test makes up: what happens in which order, and what the kernel itself refuses.
 * And packets as they are asked for, in words and in JSON, the latter also from people who mean no good.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/plan.h>

#include "policy_make.h"

#define NOW 1763764200 /* Fri 2025-11-21 22:30:00 UTC */

/* ---- a world ---- */

struct made {
	struct built b;
	struct pt_eval *eval;
	struct pt_world world;
	bool forwards, loopback;
};

static struct pt_host *host;

static const char *route(void *arg, struct pt_addr dst)
{
	(void)arg;
	if (dst.af == PT_AF_INET)
		return dst.v >> 24 == 198 ? "" : dst.v >> 8 == 0xc0a801 ? "lan0" : dst.v >> 16 == 0x0a00 ? "dmz0" : "wan0";
	return dst.v >> 112 == 0xfd00 ? "lan0" : dst.v >> 112 == 0x2001 ? "wan0" : "";
}

static bool forwards(void *arg, enum pt_af af, const char *device)
{
	(void)af;
	(void)device;
	return ((struct made *)arg)->forwards;
}

static bool loopback(void *arg, const char *device)
{
	(void)device;
	return ((struct made *)arg)->loopback;
}

static void make(struct made *m, const char *rules)
{
	memset(m, 0, sizeof(*m));
	build_good(&m->b, rules);
	assert_int_equal(pt_eval_new(m->b.policy, host, &m->eval, &m->b.err), 0);
	m->forwards = true;
	m->world = (struct pt_world){ .policy = m->b.policy, .eval = m->eval, .host = host, .route = route,
				      .forwards = forwards, .loopback = loopback, .arg = m };
	m->world.asks_routes = pt_world_asks_routes(m->b.policy);
	assert_int_equal(pt_host_self(host, host->arena, &m->world.self[0], &m->world.self[1]), 0);
}

static void unmake(struct made *m)
{
	pt_eval_free(m->eval);
	drop(&m->b);
}

/* ---- words ---- */

static int ask(const struct made *m, const char *text, struct pt_question *q, struct pt_err *e)
{
	const char *words[32];
	char copy[400], *rest = copy, *word;
	size_t n = 0;

	assert_true(strlen(text) < sizeof(copy));
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, " ")))
		if (*word)
			words[n++] = word;
	return pt_question_words(&m->world, words, n, NOW, q, e);
}

/* ---- the way, as a short text ---- */

static void end_of(const struct pt_step *s, struct pt_buf *t)
{
	bool src = s->packet.sport == 0;

	pt_buf_str(t, src ? "any:" : "");
	pt_addr_fmt(t, s->packet.src);
	pt_buf_str(t, ">");
	pt_addr_fmt(t, s->packet.dst);
	pt_buf_fmt(t, ":%u", s->packet.dport);
}

static void told(const struct pt_path *p, struct pt_buf *t)
{
	static const char *const names[] = { "begin", "known", "", "nat", "local", "route", "drop" };
	static const char *const answers[] = { "silence", "reset", "unreachable" };

	for (size_t i = 0; i < p->n; i++) {
		const struct pt_step *s = &p->steps[i];

		if (s->kind == PT_STEP_JUDGED) {
			pt_buf_fmt(t, "%s:%s:", s->dir == PT_IN ? "in" : "out", s->device);
			pt_buf_fmt(t, "%s ", s->decision.rule ? s->decision.rule->name : "none");
			continue;
		}
		pt_buf_str(t, names[s->kind]);
		if (s->kind == PT_STEP_ROUTED || s->kind == PT_STEP_BEGIN)
			pt_buf_fmt(t, ":%s", s->device);
		if (s->kind == PT_STEP_TRANSLATED) {
			pt_buf_str(t, ":");
			end_of(s, t);
		}
		pt_buf_str(t, " ");
	}
	pt_buf_str(t, p->pass ? "pass" : answers[p->answer]);
	if (!p->pass && p->answer == PT_ANSWER_UNREACHABLE)
		pt_buf_fmt(t, " %u", p->code);
	pt_buf_str(t, p->uncertain ? " ?" : "");
}

static void check(struct made *m, const char *packet, const char *want)
{
	struct pt_err e = { 0 };
	struct pt_buf t = { 0 };
	struct pt_question q;
	struct pt_path p;

	if (ask(m, packet, &q, &e))
		fail_msg("%s: %s", packet, e.list.v[0].msg);
	pt_path_find(&m->world, &q, &p);
	told(&p, &t);
	if (strcmp(t.s, want) != 0)
		print_error("%s\n", packet);
	assert_string_equal(t.s, want);
	pt_buf_fini(&t);
	pt_err_fini(&e);
}

#define RULES "\"block return label none\", \"pass in on lan from lan:network label lan tag inside\"," \
	"\"match out on wan inet from lan:network nat-to (wan)\", \"pass out on wan tagged inside label out\"," \
	"\"pass in on wan inet proto tcp to (wan) port 443 rdr-to 192.168.1.20 port 8443 label web\"," \
	"\"pass out on lan received-on wan label inner\", \"block drop in on lan proto udp to any port 53 label dns\"," \
	"\"pass in on wan proto tcp to self port 22 label ssh\", \"pass out on dmz proto udp label own\""

static void test_path(void **state)
{
	struct made m;

	(void)state;
	make(&m, RULES);
	check(&m, "in lan tcp 192.168.1.5:4000 to 203.0.113.99:80",
	      "begin:lan0 in:lan0:lan route:wan0 out:wan0:out nat:any:203.0.113.2>203.0.113.99:80 pass");
	check(&m, "in lan tcp [fd00:1::5]:4000 to [2001:db8:5::1]:80", "begin:lan0 in:lan0:lan route:wan0 out:wan0:out pass");
	check(&m, "in wan tcp 8.8.8.8 to 203.0.113.2:443",
	      "begin:wan0 in:wan0:web nat:8.8.8.8>192.168.1.20:8443 route:lan0 out:lan0:inner pass");
	check(&m, "in wan tcp 8.8.8.8 to 203.0.113.2:444", "begin:wan0 in:wan0:none reset");
	check(&m, "in wan udp 8.8.8.8 to 203.0.113.2:444", "begin:wan0 in:wan0:none unreachable 3");
	check(&m, "in wan udp fd00:6::5 to 2001:db8:1::2 port 444", "begin:wan0 in:wan0:none unreachable 4");
	check(&m, "in lan udp 192.168.1.5 to 8.8.8.8:53", "begin:lan0 in:lan0:dns silence");
	check(&m, "in wan tcp 8.8.8.8 to 203.0.113.2:22", "begin:wan0 in:wan0:ssh local pass");
	check(&m, "in lan tcp 192.168.1.5 to 10.0.9.9:22", "begin:lan0 in:lan0:lan route:dmz0 out:dmz0:none reset");
	check(&m, "out dmz udp 10.0.5.1 to 10.0.5.2:53", "begin:dmz0 out:dmz0:own pass");
	check(&m, "out wan tcp 203.0.113.2 to 8.8.8.8:53", "begin:wan0 out:wan0:none reset");
	check(&m, "out wan tcp 203.0.113.2 to 8.8.8.8:53 tag inside", "begin:wan0 out:wan0:out pass");
	/* what has been let in is not judged again */
	check(&m, "in wan tcp 8.8.8.8 to 203.0.113.2:444 state established", "begin:wan0 known pass");
	unmake(&m);
}

static void test_refused_by_linux(void **state)
{
	struct made m;

	(void)state;
	make(&m, "\"block label none\", \"pass in label in\", \"pass out label out\", "
		 "\"pass in on wan inet proto tcp to any port 25 rdr-to 127.0.0.1 label self\"");
	check(&m, "in lan tcp 192.168.1.5 to 198.51.100.1:80", "begin:lan0 in:lan0:in drop unreachable 0");
	check(&m, "in lan tcp fd00:1::5 to 3000::1 port 80", "begin:lan0 in:lan0:in drop unreachable 0");
	check(&m, "in lan tcp fe80::5 to 2001:db8:5::1 port 80", "begin:lan0 in:lan0:in drop silence");
	check(&m, "in lan tcp fe80::5 to fe80::1 port 80", "begin:lan0 in:lan0:in local pass");
	check(&m, "in lan tcp 192.168.1.1 to 8.8.8.8:80", "begin:lan0 in:lan0:in drop silence");
	check(&m, "in lan tcp 127.0.0.1 to 8.8.8.8:80", "begin:lan0 in:lan0:in drop silence");
	check(&m, "in wan tcp 8.8.8.8 to 203.0.113.2:25",
	      "begin:wan0 in:wan0:self nat:8.8.8.8>127.0.0.1:25 drop silence");
	m.loopback = true;
	check(&m, "in wan tcp 8.8.8.8 to 203.0.113.2:25",
	      "begin:wan0 in:wan0:self nat:8.8.8.8>127.0.0.1:25 local pass");
	check(&m, "in lan udp 192.168.1.5 to 192.168.1.255:137", "begin:lan0 in:lan0:in local pass");
	check(&m, "in lan udp 192.168.1.5 to 255.255.255.255:67", "begin:lan0 in:lan0:in local pass");
	/* Of the network next door, too: Linux makes its route whatever the address says of its broadcast. */
	check(&m, "in lan udp 192.168.1.5 to 10.0.5.255:137", "begin:lan0 in:lan0:in local pass");
	check(&m, "in lan udp 192.168.1.5 to 224.0.0.251:5353", "begin:lan0 in:lan0:in local pass");
	check(&m, "in lan udp fe80::5 to ff02::fb port 5353", "begin:lan0 in:lan0:in local pass");
	/* what is no source of any packet: IPv6 looks before it asks the rules */
	check(&m, "in lan tcp ff05::5 to 2001:db8::9 port 80", "begin:lan0 drop silence");
	check(&m, "in lo tcp ff05::5 to ::1 port 80", "begin:lo drop silence");
	check(&m, "in lan udp 224.0.0.5 to 192.168.1.1:80", "begin:lan0 in:lan0:in drop silence");
	check(&m, "in lan udp 255.255.255.255 to 192.168.1.1:80", "begin:lan0 in:lan0:in drop silence");
	m.forwards = false;
	check(&m, "in lan tcp 192.168.1.5 to 8.8.8.8:80", "begin:lan0 in:lan0:in drop silence");
	unmake(&m);
}

static void test_invalid(void **state)
{
	struct made m;

	(void)state;
	make(&m, "\"block label none\", \"pass out received-on lan label lan\"");
	check(&m, "out wan tcp 192.168.1.5 to 8.8.8.8:53 received-on lan", "begin:wan0 out:wan0:lan pass");
	check(&m, "out wan tcp 192.168.1.5 to 8.8.8.8:53 received-on dmz", "begin:wan0 out:wan0:none silence");
	check(&m, "out wan tcp 192.168.1.5 to 8.8.8.8:53", "begin:wan0 out:wan0:none silence");
	unmake(&m);
	make(&m, "\"pass in flags any label in\"");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80 flags SA", "begin:lan0 in:lan0:in silence");
	unmake(&m);
	make(&m, "\"pass in on wan label in\"");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80", "begin:lan0 in:lan0:none silence");
	unmake(&m);
}

static void test_routes(void **state)
{
	struct made m;

	(void)state;
	make(&m, "\"pass label pass\", \"block in from urpf-failed label spoofed\", \"block in to no-route label nowhere\","
		 "\"block in from no-route label lost\"");
	check(&m, "in lan tcp 192.168.1.5 to 8.8.8.8:80", "begin:lan0 in:lan0:pass route:wan0 out:wan0:pass pass");
	check(&m, "in lan tcp 192.168.1.5 to 198.51.100.1:80", "begin:lan0 in:lan0:nowhere silence");
	check(&m, "in lan tcp 8.8.8.8 to 8.8.4.4:80", "begin:lan0 in:lan0:spoofed silence");
	check(&m, "in lan tcp 198.51.100.1 to 8.8.4.4:80", "begin:lan0 in:lan0:lost silence");
	check(&m, "in lan udp fe80::5 to ff02::fb port 5353", "begin:lan0 in:lan0:pass local pass");
	unmake(&m);
}

static void test_unknown(void **state)
{
	struct made m;

	(void)state;
	make(&m, "\"pass label pass\", \"block in tos 0x10 label tos\", \"block in mac 02:00:00:00:00:01 label mac\","
		 "\"block out user 7 label user\", \"pass in limit 5/second label rate\"");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80", "begin:lan0 in:lan0:rate local pass");
	unmake(&m);
	make(&m, "\"pass label pass\", \"block in tos 0x10 label tos\", \"block in mac 02:00:00:00:00:01 label mac\","
		 "\"block out user 7 label user\"");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80", "begin:lan0 in:lan0:pass local pass ?");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80 tos 0 mac 02:00:00:00:00:02", "begin:lan0 in:lan0:pass local pass");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80 tos 0 mac 02:00:00:00:00:01", "begin:lan0 in:lan0:mac silence");
	check(&m, "in lan tcp 192.168.1.5 to 192.168.1.1:80 tos lowdelay", "begin:lan0 in:lan0:tos silence ?");
	/* what is forwarded has no owner; what is sent has one */
	check(&m, "in lan tcp 192.168.1.5 to 8.8.8.8:80 tos 0 mac 02:00:00:00:00:02",
	      "begin:lan0 in:lan0:pass route:wan0 out:wan0:pass pass");
	check(&m, "out wan tcp 203.0.113.2 to 8.8.8.8:80", "begin:wan0 out:wan0:pass pass ?");
	check(&m, "out wan tcp 203.0.113.2 to 8.8.8.8:80 user 7", "begin:wan0 out:wan0:user silence");
	check(&m, "out wan tcp 203.0.113.2 to 8.8.8.8:80 user 8", "begin:wan0 out:wan0:pass pass");
	unmake(&m);
}

/* ---- words that are wrong ---- */

static const struct bad {
	const char *words, *message;
	uint32_t column;
} bad_words[] = {
	{ "", "the direction is missing: in or out", 2 },
	{ "through lan", "'through': it must be 'in' or 'out'", 1 },
	{ "in", "the interface is missing", 4 },
	{ "in lann tcp 10.0.0.1 to 10.0.0.2:1", "'lann': neither the file nor this machine has such an interface", 4 },
	{ "in lan tpc 10.0.0.1 to 10.0.0.2:1", "'tpc': it is not a protocol", 8 },
	{ "in lan tcp 10.0.0.1.1 to 10.0.0.2:1", "'10.0.0.1.1': it is not an address", 12 },
	{ "in lan tcp [fd00::1 to 10.0.0.2:1", "'[fd00::1': it is not an address", 12 },
	{ "in lan tcp [fd00::1]x to 10.0.0.2:1", "'[fd00::1]x': it is not an address", 12 },
	{ "in lan tcp 10.0.0.1:99999 to 10.0.0.2:1", "'10.0.0.1:99999': it is not a port", 12 },
	{ "in lan tcp 10.0.0.1 10.0.0.2:1", "'10.0.0.2:1': 'to' and the address that it goes to are expected here", 21 },
	{ "in lan tcp 10.0.0.1 to fd00::1 port 1", "'fd00::1': the addresses are not of one family", 24 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2", "'10.0.0.2': the port that it goes to is missing", 24 },
	{ "in lan tcp 10.0.0.1 to", "the address that it goes to is missing", 24 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 port 2", "'2': it is given twice", 40 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2 port", "the port is missing", 38 },
	{ "in lan icmp 10.0.0.1 to 10.0.0.2:1", "'10.0.0.2:1': only tcp, udp and sctp have ports", 25 },
	{ "in lan icmp6 10.0.0.1 to 10.0.0.2", "'icmp6': IPv4 has icmp", 8 },
	{ "in lan icmp fd00::1 to fd00::2", "'icmp': IPv6 has icmp6", 8 },
	{ "in lan udp 10.0.0.1 to 10.0.0.2:1 flags S", "'flags': only tcp has flags", 35 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 flags X", "'X': the flags are F, S, R, P, A, U, E and W", 41 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 flagz S", "'flagz': it is not a part of a packet", 35 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 flags", "its value is missing", 41 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 type echoreq", "'type': only icmp and icmp6 have types and codes", 35 },
	{ "in lan icmp 10.0.0.1 to 10.0.0.2 type 256", "'256': it is not a type of ICMP in this family", 39 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 tag insid", "'insid': no rule sets this tag or asks for it", 39 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 tos 256", "'256': it is not a type of service, such as ef or 0xb8", 39 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 mac 02:00", "'02:00': it is not a hardware address, such as 52:54:00:12:34:56", 39 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 user root", "'root': only packets that this machine sends have an owner", 40 },
	{ "out lan tcp 10.0.0.1 to 10.0.0.2:1 user nobody-has-this", "'nobody-has-this': there is no such user", 41 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 at noon", "'noon': it is no time, such as \"sat 22:30\", 22:30 or \"2026-11-21 22:30\"", 38 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 at sam 22:30", "'sam': it is no time, such as \"sat 22:30\", 22:30 or \"2026-11-21 22:30\"", 38 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 at sat 24:00", "'sat': it is no time, such as \"sat 22:30\", 22:30 or \"2026-11-21 22:30\"", 38 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 at 2025-02-29T10:00",
	  "'2025-02-29T10:00': it is no time, such as \"sat 22:30\", 22:30 or \"2026-11-21 22:30\"", 38 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 state old", "'old': it must be 'new' or 'established'", 41 },
	{ "in lan tcp 10.0.0.1 to 10.0.0.2:1 state new state new", "'new': it is given twice", 51 },
};

static void test_bad_words(void **state)
{
	struct pt_question q;
	struct made m;

	(void)state;
	make(&m, RULES);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad_words); i++) {
		struct pt_err e = { 0 };

		assert_int_equal(ask(&m, bad_words[i].words, &q, &e), -EINVAL);
		assert_int_equal(e.n_errors, 1);
		assert_string_equal(e.list.v[0].msg, bad_words[i].message);
		if (*bad_words[i].words)
			assert_int_equal(e.list.v[0].loc.col, bad_words[i].column);
		pt_err_fini(&e);
	}
	unmake(&m);
}

static void test_hint(void **state)
{
	struct pt_err e = { 0 };
	struct pt_question q;
	struct made m;

	(void)state;
	make(&m, RULES);
	assert_int_equal(ask(&m, "in lann tcp 10.0.0.1 to 10.0.0.2:1", &q, &e), -EINVAL);
	assert_string_equal(e.list.v[0].hint, "did you mean 'lan'?");
	assert_string_equal(e.list.v[0].source, "in lann tcp 10.0.0.1 to 10.0.0.2:1");
	pt_err_fini(&e);
	unmake(&m);
}

/* What each word says, and what is meant where it is not said. */
static void test_words(void **state)
{
	struct pt_err e = { 0 };
	struct pt_question q;
	struct made m;

	(void)state;
	make(&m, RULES);
	assert_int_equal(ask(&m, "in lan0 tcp from 10.0.0.1 to 10.0.0.2 port https", &q, &e), 0);
	assert_string_equal(q.device, "lan0");
	assert_int_equal(q.packet.dport, 443);
	assert_int_equal(q.packet.sport, 49152);
	assert_int_equal(q.packet.tcp_flags, 2);
	assert_int_equal(q.packet.known, 0);
	assert_true(q.packet.time == NOW);
	assert_int_equal(ask(&m, "in lan icmp6 fd00::1 to fd00::2", &q, &e), 0);
	assert_int_equal(q.packet.icmp_type, 128);
	assert_int_equal(ask(&m, "in lan icmp 10.0.0.1 to 10.0.0.2 type unreach code port-unr", &q, &e), 0);
	assert_int_equal(q.packet.icmp_type << 8 | q.packet.icmp_code, 0x303);
	assert_int_equal(ask(&m, "in lan 47 10.0.0.1 to 10.0.0.2 tos ef mac 02:00:00:00:00:0A", &q, &e), 0);
	assert_int_equal(q.packet.proto, 47);
	assert_int_equal(q.packet.tos, 0xb8);
	assert_true(q.packet.mac == 0x02000000000aull);
	assert_int_equal(q.packet.known, PT_FACT_TOS | PT_FACT_MAC);
	assert_int_equal(ask(&m, "out lan tcp 10.0.0.1:5 to 10.0.0.2:1 flags SA user 7 group 8", &q, &e), 0);
	assert_int_equal(q.packet.tcp_flags, 0x12);
	assert_true(q.packet.owned && q.packet.uid == 7 && q.packet.gid == 8);
	assert_int_equal(e.n_errors, 0);
	pt_err_fini(&e);
	unmake(&m);
}

/* In UTC, which is what a machine without a zone has. */
static void test_times(void **state)
{
	static const struct {
		const char *words;
		uint64_t want;
	} cases[] = {
		{ "at 22:30", NOW },
		{ "at 00:00:01", NOW - (22 * 60 + 30) * 60 + 1 },
		{ "at fri 22:30", NOW },
		{ "at sun 22:30", NOW + 2 * 86400 },
		{ "at mon 22:30", NOW - 4 * 86400 },
		{ "at 2025-11-21T22:30", NOW },
		{ "at 2025-11-21 22:30:05", NOW + 5 },
		{ "at 1763764200", NOW },
	};
	struct pt_err e = { 0 };
	struct pt_question q;
	struct made m;

	(void)state;
	make(&m, RULES);
	m.b.conf->timezone = "UTC";
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		char text[200] = "in lan tcp 10.0.0.1 to 10.0.0.2:1 ";

		strncat(text, cases[i].words, 100);
		assert_int_equal(ask(&m, text, &q, &e), 0);
		assert_int_equal(q.packet.time, cases[i].want);
	}
	pt_err_fini(&e);
	unmake(&m);
}

/* ---- JSON ---- */

static int json(const struct made *m, const char *line, struct pt_question *q, size_t *column, const char **why)
{
	/* a copy of just its length: reading beyond it is seen by the sanitizer */
	size_t n = strlen(line), at;
	char *copy = malloc(n + !n);
	const char *what;
	int rc;

	assert_non_null(copy);
	memcpy(copy, line, n);
	rc = pt_question_json(&m->world, copy, n, NOW, q, column ? column : &at, why ? why : &what);
	free(copy);
	return rc;
}

#define GOOD "{\"dir\":\"in\",\"on\":\"lan\",\"af\":\"inet\",\"proto\":\"tcp\",\"src\":\"192.168.1.5\",\"sport\":4000," \
	"\"dst\":\"8.8.8.8\",\"dport\":443,\"flags\":\"S\",\"tag\":\"inside\"}"

static void test_json(void **state)
{
	struct pt_question q;
	struct made m;

	(void)state;
	make(&m, RULES);
	assert_int_equal(json(&m, GOOD, &q, NULL, NULL), 0);
	assert_int_equal(q.dir, PT_IN);
	assert_string_equal(q.device, "lan0");
	assert_int_equal(q.packet.proto, 6);
	assert_int_equal(q.packet.dport, 443);
	assert_int_equal(q.packet.tag, 1);
	assert_int_equal(json(&m, " { \"dport\" : \"https\" , \"proto\":17,\"dst\":\"10.0.0.1\",\"src\":\"10.0.0.2\",\"on\":\"wan\","
			      "\"dir\":\"o\\u0075t\" , \"user\":7, \"at\":5 } \r", &q, NULL, NULL), 0);
	assert_int_equal(q.dir, PT_OUT);
	assert_int_equal(q.packet.dport, 443);
	assert_int_equal(q.packet.time, 5);
	assert_true(q.packet.owned);
	unmake(&m);
}

static const struct {
	const char *line, *why;
	size_t column; /* 0: any */
} bad_json[] = {
	{ "", "an object is expected here", 1 },
	{ "[]", "an object is expected here", 1 },
	{ "{}", "the packet is empty", 3 },
	{ "{", "a text is expected here", 2 },
	{ "{\"", "the text does not end", 3 },
	{ "{\"dir\"", "a colon is expected here", 7 },
	{ "{\"dir\":", "a text or a number is expected here", 8 },
	{ "{\"dir\":\"in\"", "a comma or the end of the object is expected here", 12 },
	{ "{\"dir\":\"in\",", "a text is expected here", 13 },
	{ "{\"dir\":\"in\",}", "a text is expected here", 13 },
	{ "{\"dir\":\"in\",\"dir\":\"in\"}", "it is given twice", 19 },
	{ "{\"dir\":\"in\"}", "the interface is missing", 13 },
	{ "{\"dir\":\"up\"}", "it must be 'in' or 'out'", 8 },
	{ "{\"colour\":\"red\"}", "a packet has no such part", 2 },
	{ "{\"dir\":null}", "a text or a number is expected here", 8 },
	{ "{\"dir\":true}", "a text or a number is expected here", 8 },
	{ "{\"dir\":{\"dir\":1}}", "a text or a number is expected here", 8 },
	{ "{\"dir\":[\"in\"]}", "a text or a number is expected here", 8 },
	{ "{\"dport\":-1}", "a text or a number is expected here", 10 },
	{ "{\"dport\":1.5}", "numbers of packets are whole, and not negative", 11 },
	{ "{\"dport\":1e3}", "numbers of packets are whole, and not negative", 11 },
	{ "{\"dport\":65536}", "it is not a port", 10 },
	{ "{\"dport\":080}", "it is not a port", 10 },
	{ "{\"dport\":99999999999999999999999999999999999999999999999999999999999999999999999}", NULL, 0 },
	{ "{\"tag\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
	  "the text is too long", 0 },
	{ "{\"tag\":\"\\n\"}", "this is no escape that a packet may have", 0 },
	{ "{\"tag\":\"\\u0000\"}", "this is no escape that a packet may have", 0 },
	{ "{\"tag\":\"\\u202e\"}", "this is no escape that a packet may have", 0 },
	{ "{\"tag\":\"\\u00\"}", "this is no escape that a packet may have", 0 },
	{ "{\"tag\":\"\\u007", "this is no escape that a packet may have", 0 },
	{ "{\"tag\":\"\\", "this is no escape that a packet may have", 0 },
	{ "{\"tag\":\"\xff\xfe\"}", "texts of packets are printable ASCII", 9 },
	{ "{\"tag\":\"\t\"}", "texts of packets are printable ASCII", 9 },
	{ GOOD "x", "one packet is a line: there is something behind it", 0 },
	{ GOOD GOOD, "one packet is a line: there is something behind it", 0 },
	{ "\xef\xbb\xbf" GOOD, "an object is expected here", 1 },
};

static void test_bad_json(void **state)
{
	struct pt_question q;
	const char *why;
	struct made m;
	size_t column;

	(void)state;
	make(&m, RULES);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad_json); i++) {
		assert_int_equal(json(&m, bad_json[i].line, &q, &column, &why), -EINVAL);
		if (bad_json[i].why)
			assert_string_equal(why, bad_json[i].why);
		if (bad_json[i].column)
			assert_int_equal(column, bad_json[i].column);
	}
	unmake(&m);
}

/* Cut short anywhere, or with any byte replaced by any other, it is a packet or an error, and nobody reads beyond it. */
static void test_broken_json(void **state)
{
	char line[] = GOOD;
	struct pt_question q;
	struct made m;
	size_t taken = 0;

	(void)state;
	make(&m, RULES);
	for (size_t n = 0; n < sizeof(line) - 1; n++) {
		char kept = line[n];

		line[n] = '\0';
		assert_int_equal(json(&m, line, &q, NULL, NULL), -EINVAL);
		for (int c = 1; c < 256; c++) {
			line[n] = (char)c;
			taken += json(&m, line, &q, NULL, NULL) == 0;
		}
		line[n] = kept;
	}
	assert_true(taken > sizeof(line)); /* itself each time, and other numbers */
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
		cmocka_unit_test(test_path),	  cmocka_unit_test(test_refused_by_linux), cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_routes),	  cmocka_unit_test(test_unknown),	   cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_hint),	  cmocka_unit_test(test_words),		   cmocka_unit_test(test_times),
		cmocka_unit_test(test_json),	  cmocka_unit_test(test_bad_json),	   cmocka_unit_test(test_broken_json),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
