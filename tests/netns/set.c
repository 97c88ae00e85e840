/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * set and scrub with real packets: what leaves is looked at byte by byte, in both families and for each engine. A
 * priority is not on the wire, so a table that is not ours, behind it, writes what it sees there into the time to live.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns/lab.h"
#include "netns/lab_rules.h"
#include "netns/lab_wire.h"

static const char preamble[] =
	"interface lan { device = \"lan0\" }\ninterface wan { device = \"wan0\" }\ninterface dmz { device = \"dmz0\" }\n";

static struct lab_rules kernel;
static struct wire wire;
static unsigned int number, failed;

/* One packet and what is expected of it where it arrives. -1: as it was sent. */
struct packet {
	const char *what;
	bool reply;       /* of the packet before */
	uint8_t tos, ttl;
	bool df;
	uint16_t id;
	uint8_t flags;    /* of TCP; 0: UDP */
	uint16_t mss;     /* 0: no option */
	size_t data;
	int want_tos, want_ttl, want_df, want_mss; /* want_ttl is 100 + priority where the rules set one */
	bool new_id;
};

struct set_case {
	const char *name, *rules;
	struct packet packets[5];
	size_t n;
};

#define ASIS (-1)
#define PRIO(n) (100 + (n))
#define QUEUE_BULK 120
#define QUEUE_FAST 121

static const struct set_case cases[] = {
	{ "nothing is set", "\"pass\"", { { "as it was", .tos = 0x20, .ttl = 9, .df = true, .id = 7, .flags = TH_SYN, .mss = 9000, .want_tos = ASIS,
	  .want_ttl = ASIS, .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "a pass rule sets a priority, for both directions", "\"pass out\", \"pass in set prio 6\"",
	  { { "first", .ttl = 64, .flags = TH_SYN, .want_tos = ASIS, .want_ttl = PRIO(6), .want_df = ASIS, .want_mss = ASIS },
	    { "answer", true, .ttl = 64, .flags = TH_SYN | TH_ACK, .want_tos = ASIS, .want_ttl = PRIO(6), .want_df = ASIS, .want_mss = ASIS } }, 2 },
	{ "out replaces in, a deciding rule replaces match rules",
	  "\"match in set prio 1\", \"match out set prio 2\", \"pass in set prio 3\", \"pass out set prio 4\"",
	  { { "first", .ttl = 64, .want_tos = ASIS, .want_ttl = PRIO(4), .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "the last match rule counts", "\"match set prio 1\", \"match proto udp set prio 2\", \"match proto tcp set prio 3\", \"pass\"",
	  { { "first", .ttl = 64, .want_tos = ASIS, .want_ttl = PRIO(2), .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "things of several rules add up", "\"match set prio 1\", \"match scrub (no-df)\", \"pass set tos ef\"",
	  { { "first", .ttl = 64, .df = true, .want_tos = 0xb8, .want_ttl = PRIO(1), .want_df = 0, .want_mss = ASIS } }, 1 },
	{ "two priorities", "\"pass set prio (2, 5)\"",
	  { { "first", .ttl = 64, .flags = TH_SYN, .want_tos = ASIS, .want_ttl = PRIO(2), .want_df = ASIS, .want_mss = ASIS },
	    { "answer", true, .ttl = 64, .flags = TH_SYN | TH_ACK, .want_tos = ASIS, .want_ttl = PRIO(2), .want_df = ASIS, .want_mss = ASIS },
	    { "acknowledgement", .ttl = 64, .flags = TH_ACK, .want_tos = ASIS, .want_ttl = PRIO(5), .want_df = ASIS, .want_mss = ASIS },
	    { "data", .ttl = 64, .flags = TH_ACK, .data = 100, .want_tos = ASIS, .want_ttl = PRIO(2), .want_df = ASIS, .want_mss = ASIS },
	    { "low delay", .tos = 0x10, .ttl = 64, .flags = TH_ACK | TH_PUSH, .data = 100, .want_tos = ASIS, .want_ttl = PRIO(5), .want_df = ASIS,
	      .want_mss = ASIS } }, 5 },
	{ "queues", "\"pass set queue (bulk, fast)\"",
	  { { "first", .ttl = 64, .flags = TH_SYN, .want_tos = ASIS, .want_ttl = QUEUE_BULK, .want_df = ASIS, .want_mss = ASIS },
	    { "low delay", .tos = 0x10, .ttl = 64, .flags = TH_SYN, .want_tos = ASIS, .want_ttl = QUEUE_FAST, .want_df = ASIS, .want_mss = ASIS } }, 2 },
	{ "a queue counts, not the priority beside it", "\"pass set (prio 5, queue bulk)\"",
	  { { "first", .ttl = 64, .want_tos = ASIS, .want_ttl = QUEUE_BULK, .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "tos leaves the bits of congestion notification", "\"pass set tos af41\"",
	  { { "first", .tos = 0x21, .ttl = 64, .want_tos = 0x89, .want_ttl = ASIS, .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "a match rule without states", "\"match set tos ef\", \"pass no state\"",
	  { { "first", .ttl = 64, .want_tos = 0xb8, .want_ttl = ASIS, .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "a match rule that does not match", "\"match proto tcp set tos ef\", \"pass\"",
	  { { "first", .ttl = 64, .want_tos = ASIS, .want_ttl = ASIS, .want_df = ASIS, .want_mss = ASIS } }, 1 },
	{ "scrub, all of it", "\"match scrub (no-df, random-id, min-ttl 30, max-mss 1400)\", \"pass\"",
	  { { "first", .ttl = 9, .df = true, .id = 7, .flags = TH_SYN, .mss = 1460, .want_tos = ASIS, .want_ttl = 30, .want_df = 0, .want_mss = 1400, .new_id = true },
	    { "answer", true, .ttl = 64, .df = true, .id = 7, .flags = TH_SYN | TH_ACK, .mss = 1200, .want_tos = ASIS, .want_ttl = ASIS, .want_df = 0,
	      .want_mss = ASIS, .new_id = true } }, 2 },
};

/* ---- making and reading packets ---- */

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i < n; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static size_t put_tcp(uint8_t *t, const struct packet *p)
{
	size_t n = p->mss ? 24 : 20;

	t[12] = (uint8_t)(n / 4 << 4);
	t[13] = p->flags;
	wire_put16(t + 14, 4096);
	wire_put16(t + 6, 100); /* where the window begins: any number */
	if (p->flags & TH_ACK)
		wire_put16(t + 10, 101);
	if (!(p->flags & TH_SYN))
		wire_put16(t + 6, 101);
	if (p->mss) {
		t[20] = 2;
		t[21] = 4;
		wire_put16(t + 22, p->mss);
	}
	return n;
}

/* lan.10:1000 to dmz.20:80, or back. */
static size_t make(uint8_t *ip, const struct packet *p, bool six)
{
	struct pt_addr a = wire_address(six ? "fd00:1::a" : "192.168.1.10"), b = wire_address(six ? "fd00:5::14" : "10.0.5.20");
	struct pt_addr src = p->reply ? b : a, dst = p->reply ? a : b;
	uint8_t t[256] = { 0 }, ends[32];
	size_t n = 8, h, alen = six ? 16 : 4;
	uint8_t proto = p->flags ? IPPROTO_TCP : IPPROTO_UDP;

	wire_put16(t, p->reply ? 80 : 1000);
	wire_put16(t + 2, p->reply ? 1000 : 80);
	if (p->flags)
		n = put_tcp(t, p);
	n += p->data;
	if (!p->flags)
		wire_put16(t + 4, (uint16_t)n);
	pt_addr_to_bytes(src, ends);
	pt_addr_to_bytes(dst, ends + alen);
	wire_put16(t + (p->flags ? 16 : 6), fold(sum(t, n, sum(ends, 2 * alen, (uint32_t)n + proto))));
	h = wire_ip_header(ip, src, dst, proto, n);
	memcpy(ip + h, t, n);
	if (six) {
		ip[7] = p->ttl;
	} else {
		wire_put16(ip + 4, p->id);
		ip[6] = p->df ? 0x40 : 0;
		ip[8] = p->ttl;
		wire_put16(ip + 10, 0);
		wire_put16(ip + 10, fold(sum(ip, 20, 0)));
	}
	wire_set_tos(ip, p->tos);
	return h + n;
}

struct seen {
	int n;
	bool bad_sum;
	int tos, ttl, df, id, mss;
};

static void saw(int at, const uint8_t *ip, size_t n, void *arg)
{
	struct seen *s = arg;
	bool six = ip[0] >> 4 == 6;
	size_t h = six ? 40 : 20;
	uint8_t ends[32];
	const uint8_t *t = ip + h;
	size_t len = (six ? 40u + wire_get16(ip + 4) : wire_get16(ip + 2)) - h;
	uint8_t proto = six ? ip[6] : ip[9];

	(void)at;
	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || n < h + len)
		return;
	s->n++;
	s->tos = six ? (ip[0] & 15) << 4 | ip[1] >> 4 : ip[1];
	s->ttl = six ? ip[7] : ip[8];
	s->df = six ? 0 : ip[6] >> 6 & 1;
	s->id = six ? 0 : wire_get16(ip + 4);
	s->mss = proto == IPPROTO_TCP && t[12] >> 4 > 5 ? wire_get16(t + 22) : 0;
	memcpy(ends, six ? ip + 8 : ip + 12, six ? 32 : 8);
	s->bad_sum = (!six && fold(sum(ip, 20, 0))) || fold(sum(t, len, sum(ends, six ? 32 : 8, (uint32_t)len + proto)));
}

/* ---- a case ---- */

static bool is(const char *what, const char *field, int got, int want, int sent)
{
	if (got == (want == ASIS ? sent : want))
		return true;
	printf("# %s: %s is %d, wanted %d\n", what, field, got, want == ASIS ? sent : want);
	return false;
}

static bool check(const struct packet *p, bool six, const struct seen *s)
{
	bool good = is(p->what, "number seen", s->n, 1, 1) && is(p->what, "wrong checksum", s->bad_sum, 0, 0);

	good = good && is(p->what, "tos", s->tos, p->want_tos, p->tos);
	good = good && is(p->what, "ttl", s->ttl, p->want_ttl, p->ttl - 1);
	good = good && is(p->what, "mss", s->mss, p->want_mss, p->mss);
	if (six || !good)
		return good;
	good = is(p->what, "df", s->df, p->want_df, p->df);
	if (p->new_id && s->id == p->id) {
		printf("# %s: the identification is as it was\n", p->what);
		return false;
	}
	return good && (p->new_id || is(p->what, "identification", s->id, ASIS, p->id));
}

static bool send_packet(const struct packet *p, bool six)
{
	struct seen s = { 0 };
	uint8_t ip[512];
	size_t n = make(ip, p, six);

	wire_send_ip(&wire, p->reply ? WIRE_DMZ : WIRE_LAN, ip, n);
	for (int tries = 0; tries < 200 && !s.n; tries++) {
		usleep(1000);
		wire_drain_peers(&wire, saw, &s);
	}
	return check(p, six, &s);
}

static const char *const names[] = { "auto", "bpf", "nft", "linear" };

static bool load(const struct set_case *c, enum pt_engine engine)
{
	struct pt_nft_prog *prog = NULL;
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	struct pt_err e = { 0 };
	char *text = NULL;
	bool good = true;
	int rc;

	if (asprintf(&text, "%sfirewall { rules = { %s } }\n", preamble, c->rules) < 0)
		lab_bail("no memory");
	rc = pt_policy_parse("set", text, strlen(text), &conf, &policy, &e);
	if (!rc)
		rc = lab_rules_compile(&kernel, policy, engine, true, &prog, &e);
	if (!rc)
		rc = lab_rules_put(&kernel, prog, &e);
	if (rc) {
		lab_rules_show(&e);
		good = false;
	}
	lab_rules_flush_states(&kernel);
	pt_nft_prog_free(prog);
	pt_policy_free(policy);
	pt_conf_free(conf);
	pt_err_fini(&e);
	free(text);
	return good;
}

static void run_case(const struct set_case *c, enum pt_engine engine, bool six)
{
	bool good = load(c, engine);

	for (size_t i = 0; i < c->n && good; i++)
		good = send_packet(&c->packets[i], six);
	printf("%sok %u - %s, %s, %s\n", good ? "" : "not ", ++number, c->name, six ? "inet6" : "inet", names[engine]);
	failed += !good;
}

/* ---- chance ---- */

#define DRAWS 2000 /* of 25 %: 500 pass, and 150 more or less are nearly eight standard deviations */

static void run_chance(enum pt_engine engine, bool six)
{
	static const struct set_case rules = { .rules = "\"pass in probability 25% no state\", \"pass out no state\"" };
	struct packet p = { .ttl = 64 };
	struct seen s = { 0 };
	uint8_t ip[512];
	bool good;

	load(&rules, engine);
	for (int i = 0; i < DRAWS; i++) {
		size_t n = make(ip, &p, six);

		wire_send_ip(&wire, WIRE_LAN, ip, n);
		if (i % 50 == 49)
			wire_drain_peers(&wire, saw, &s);
	}
	usleep(100000);
	wire_drain_peers(&wire, saw, &s);
	good = s.n > 350 && s.n < 650;
	printf("%sok %u - probability 25%%: %d of %d, %s, %s\n", good ? "" : "not ", ++number, s.n, DRAWS, six ? "inet6" : "inet",
	       names[engine]);
	failed += !good;
}

/* What stands in the priority when all else is done, for everyone to see. */
static void watch(void)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "table inet watch {\nchain seen {\ntype filter hook postrouting priority 300\n");

	for (int six = 0; six < 2; six++) {
		const char *ttl = six ? "ip6 hoplimit" : "ip ttl";

		for (int prio = 1; prio < 8; prio++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "meta priority 0:%d %s set %d\n", prio, ttl, PRIO(prio));
		n += snprintf(text + n, sizeof(text) - (size_t)n, "meta priority 8000:%x %s set %d\n", pt_queue_class("bulk"), ttl, QUEUE_BULK);
		n += snprintf(text + n, sizeof(text) - (size_t)n, "meta priority 8000:%x %s set %d\n", pt_queue_class("fast"), ttl, QUEUE_FAST);
	}
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "}\n}\n");
	lab_nft(text);
}

int main(void)
{
	static const enum pt_engine engines[] = { PT_ENGINE_LINEAR, PT_ENGINE_NFT, PT_ENGINE_BPF };
	const char *why = lab_lacks();

	if (why)
		return lab_skip(why);
	setvbuf(stdout, NULL, _IOLBF, 0);
	wire_make(&wire);
	lab_rules_open(&kernel);
	watch();
	for (size_t e = 0; e < PT_ARRAY_SIZE(engines); e++)
		for (int six = 0; six < 2; six++)
			run_chance(engines[e], six);
	for (size_t e = 0; e < PT_ARRAY_SIZE(engines); e++)
		for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
			for (int six = 0; six < 2; six++)
				run_case(&cases[i], engines[e], six);
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
