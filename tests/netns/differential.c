/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The evaluator against the kernel, and against sets of packets: random rule sets, random packets, real interfaces (the lab of
 * lab_wire.h).
 *
 * Every packet is sent as a frame on a peer (or from a raw socket of the router) and looked for on all
 * peers and, for the router itself, on raw sockets. Verdict, translated addresses and the answer of a
 * block must be what pt_evaluate() said, and what comes back to a state must arrive. A failure is shrunk
 * to the fewest rules that still show it.
 *
 * Some sets are then changed a little and tried again: what was in force before must leave nothing behind.
 *
 *   differential.t [SEED [SETS [PACKETS]]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <patronus/policy.h>
#include <patronus/space.h>

#include "netns/lab.h"
#include "netns/lab_rules.h"
#include "netns/lab_wire.h"
#include "netns/lab_words.h"

#define MAX_RULES 14
#define MAX_PACKETS 1000
#define PAIRS 100000u /* of a rule set and a packet, in every run */

enum { LAN = WIRE_LAN, WAN = WIRE_WAN, DMZ = WIRE_DMZ, N_DEV = WIRE_DEVICES, LOCAL = WIRE_ROUTER };

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): nobody asks for less than nothing */
	return (uint32_t)(rng >> 16) % n;
}

#define PICK(a) ((a)[rnd((uint32_t)PT_ARRAY_SIZE(a))])

/* ---------------- the lab ---------------- */

static struct wire wire;
static struct lab_rules kernel;

static const char *const hosts4[N_DEV][5] = {
	{ "192.168.1.10", "192.168.1.11", "192.168.1.77", "192.168.1.200", "192.168.1.12" },
	{ "198.51.100.7", "198.51.100.99", "203.0.113.1", "192.0.2.33", "203.0.113.50" },
	{ "10.0.5.20", "10.0.5.21", "10.0.5.22", "10.0.5.99", "10.0.5.18" },
};
static const char *const hosts6[N_DEV][5] = {
	{ "fd00:1::10", "fd00:1::11", "fd00:1::77", "fd00:1::200", "fd00:1::12" },
	{ "2001:db8:2::7", "2001:db8:2::99", "2001:db8:1::1", "2001:db8:3::33", "2001:db8:1::52" },
	{ "fd00:5::20", "fd00:5::21", "fd00:5::22", "fd00:5::99", "fd00:5::22" },
};

/* ---------------- random rules ---------------- */

static const char *const labels_if[] = { "lan", "wan", "dmz", "inside" };

static void gen_host4(struct pt_buf *b, bool src)
{
	static const char *const fixed[] = {
		"192.168.1.10", "192.168.1.0/24", "192.168.1.64/26", "198.51.100.0/24", "10.0.5.20",
		"10.0.5.0/24", "203.0.113.2", "192.168.1.1", "192.168.1.10 - 192.168.1.77",
		"198.51.100.7", "0.0.0.0/0", "10.0.5.20 - 10.0.5.22", "192.0.2.0/25",
	};

	(void)src;
	pt_buf_str(b, PICK(fixed));
}

static void gen_host6(struct pt_buf *b)
{
	static const char *const fixed[] = {
		"fd00:1::10", "fd00:1::/64", "fd00:1::/120", "2001:db8:2::/48", "fd00:5::20",
		"fd00:5::/64", "2001:db8:1::2", "fd00:1::1", "fd00:1::10 - fd00:1::77",
		"2001:db8:2::7", "::/0", "fd00:5::20 - fd00:5::22", "2001:db8::/32",
	};

	pt_buf_str(b, PICK(fixed));
}

/* AF: 0 unknown, 4, 6. */
static void gen_host1(struct pt_buf *b, int af, bool list)
{
	static const char *const refs[] = {
		"self", "(wan)", "(lan)", "(dmz)", "(lan:network)", "(dmz:network)", "lan:network",
		"dmz:network", "lan", "dmz", "<bad>", "<good>", "(wan:network)", "<both>",
	};
	bool six = af == 6 || (af == 0 && rnd(2));

	if (rnd(5) == 0)
		pt_buf_str(b, "! ");
	if (rnd(3) == 0 && (!list || rnd(2)))
		pt_buf_str(b, PICK(refs));
	else if (six)
		gen_host6(b);
	else
		gen_host4(b, true);
}

static void gen_host(struct pt_buf *b, int af)
{
	uint32_t n;

	switch (rnd(6)) {
	case 0:
	case 1:
		pt_buf_str(b, "any");
		break;
	case 2:
		pt_buf_str(b, "{ ");
		n = 1 + rnd(3);
		for (uint32_t i = 0; i < n; i++) {
			gen_host1(b, af, true);
			pt_buf_str(b, i + 1 < n ? ", " : " }");
		}
		break;
	default:
		gen_host1(b, af, false);
	}
}

static void gen_port(struct pt_buf *b, bool src)
{
	static const char *const dst[] = {
		"22", "80", "{ 22, 80 }", "20:90", "!= 80", "> 80", "< 100", ">= 443", "<= 22",
		"22 >< 443", "22 <> 443", "https", "{ ssh, 400:500 }", "8000:8010",
	};
	static const char *const srcs[] = {
		"10000:10099", "> 10150", "!= 10007", "10050 >< 10200", "< 10200", "{ 10000:10020, 10100:10299 }",
	};

	pt_buf_fmt(b, " port %s", src ? PICK(srcs) : PICK(dst));
}

struct gen_rule {
	int af;
	enum { P_ANY, P_TCP, P_UDP, P_TCPUDP, P_ICMP, P_ICMP6, P_GRE } proto;
	int dir; /* 0 both, 1 in, 2 out */
	bool pass, match, rdr_port;
};

static struct lab_words words(const struct gen_rule *g)
{
	return (struct lab_words){ .rnd = rnd, .dir = g->dir, .action = g->match ? PT_MATCH : g->pass ? PT_PASS : PT_BLOCK,
				   .tcp = g->proto == P_ANY || g->proto == P_TCP || g->proto == P_TCPUDP,
				   .udp = g->proto == P_ANY || g->proto == P_UDP || g->proto == P_TCPUDP };
}

static void gen_icmp(struct pt_buf *b, const struct gen_rule *g)
{
	static const char *const t4[] = { "echoreq", "{ echoreq, unreach }", "unreach code 1", "13", "echorep", "timex" };
	static const char *const t6[] = { "echoreq", "{ 128, unreach }", "echorep", "unreach code 3", "timex" };

	if (rnd(2) == 0)
		return;
	if (g->proto == P_ICMP)
		pt_buf_fmt(b, " icmp-type %s", PICK(t4));
	else if (g->proto == P_ICMP6)
		pt_buf_fmt(b, " icmp6-type %s", PICK(t6));
}

static void gen_nat(struct pt_buf *b, const struct gen_rule *g)
{
	static const char *const nat4[] = { "203.0.113.2", "203.0.113.50", "198.51.100.240/29", "(wan)", "203.0.113.60 static-port",
						  "203.0.113.64/26 source-hash", "{ 203.0.113.70, 203.0.113.72 - 203.0.113.78 } source-hash 'k'",
						  "203.0.113.64/28 bitmask", "{ 203.0.113.70, 203.0.113.71, 203.0.113.73 } random" };
	static const char *const nat6[] = { "2001:db8:1::2", "2001:db8:1::50", "(wan)", "2001:db8:1::60 static-port",
						  "2001:db8:1::/64 source-hash", "{ 2001:db8:1::70, 2001:db8:1::72/126 } source-hash",
						  "2001:db8:1:0:7::/80 bitmask", "{ 2001:db8:1::70 weight 2, 2001:db8:1::72 }" };
	static const char *const rdr4[] = { "10.0.5.20", "192.168.1.11", "10.0.5.22", "203.0.113.1",
						  "{ 10.0.5.20, 10.0.5.22, 192.168.1.11 } source-hash", "10.0.5.16/29 bitmask" };
	static const char *const rdr6[] = { "fd00:5::20", "fd00:1::11", "fd00:5::22",
						  "{ fd00:5::20, fd00:5::22 weight 2, fd00:1::11 } source-hash 0x5eed" };

	if (g->dir == 2) {
		pt_buf_fmt(b, " nat-to %s", g->af == 4 ? PICK(nat4) : PICK(nat6));
		return;
	}
	pt_buf_fmt(b, " rdr-to %s", g->af == 4 ? PICK(rdr4) : PICK(rdr6));
	if (g->proto >= P_TCP && g->proto <= P_TCPUDP && rnd(2))
		pt_buf_fmt(b, " port %u", 8000 + rnd(8));
}

static void gen_options(struct pt_buf *b, const struct gen_rule *g)
{
	static const char *const flags[] = { "S/SA", "any", "A/A", "S/SAFR", "/SF", "SA/SA" };
	static const char *const tags[] = { "RED", "BLUE" };
	struct lab_words w = words(g);

	gen_icmp(b, g);
	if ((g->proto == P_ANY || g->proto == P_TCP) && rnd(4) == 0)
		pt_buf_fmt(b, " flags %s", PICK(flags));
	lab_words_conditions(b, &w);
	if (g->pass && rnd(4) == 0)
		pt_buf_str(b, " no state");
	else
		w.state = g->pass;
	if (w.state && rnd(6) == 0)
		lab_words_states(b, &w);
	lab_words_set(b, &w);
	if (rnd(6) == 0)
		pt_buf_fmt(b, " tag %s", PICK(tags));
	if (rnd(6) == 0)
		pt_buf_fmt(b, " %stagged %s", rnd(3) ? "" : "! ", PICK(tags));
	if ((w.state || g->match) && g->dir && g->af && rnd(3) == 0)
		gen_nat(b, g);
}

/* Translations that need a rule made for them: one to one, and ranges of ports moved. */
static void gen_mapped(struct pt_buf *b)
{
	static const char *const rules[] = {
		"match inet from 10.0.5.16/29 to any binat-to 203.0.113.48/29",
		"match on wan inet from 10.0.5.20 to any binat-to 203.0.113.50",
		"pass inet from 10.0.5.18 to any binat-to 203.0.113.50",
		"match inet6 from fd00:5::20/124 to any binat-to 2001:db8:1::50/124",
		"pass on wan inet6 from fd00:5::22 to any binat-to 2001:db8:1::52",
		"pass in inet proto { tcp, udp } from any to any port 8000:8010 rdr-to 10.0.5.20 port 3000:*",
		"pass in inet6 proto { tcp, udp } from any to any port 8000:8010 rdr-to fd00:5::20 port 3000:3010",
		"match in inet proto udp from any to self port 20:90 rdr-to 10.0.5.22 port 1020:*",
		"match in inet6 proto tcp from any to self port 400:500 rdr-to fd00:1::11 port 1400:*",
		"match out on wan inet from 192.168.1.0/24 to any nat-to (wan)",
		"match out on wan inet6 from fd00:1::/64 to any nat-to (wan) port 20000:20500",
		"match out on { lan, dmz } inet from any to any nat-to 203.0.113.60 static-port",
		"pass out on dmz inet6 from any to any nat-to (dmz)",
		"match out on lan inet from any to any nat-to (dmz)",
		"pass in on wan inet proto { tcp, udp } to (wan) port 20:90 rdr-to 10.0.5.20 reflect",
		"pass in on wan inet6 proto udp to 2001:db8:1::2 rdr-to fd00:5::22 reflect",
		"match in log (limit 5/second) on wan inet proto tcp to self port 443 rdr-to 192.168.1.11 port 8000 reflect",
	};

	pt_buf_str(b, PICK(rules));
}

static void gen_rule(struct pt_buf *b)
{
	static const char *const blocks[] = { "block", "block", "block drop", "block return", "block return-rst",
					      "block return-icmp", "block return-icmp(1)", "block return-icmp6" };
	static const char *const protos[] = { "", " proto tcp", " proto udp", " proto { tcp, udp }", " proto icmp", " proto icmp6", " proto gre" };
	struct gen_rule g = { .dir = (int)rnd(3), .proto = rnd(7), .af = (int[]){ 0, 4, 6 }[rnd(3)] };
	bool ports = g.proto >= P_TCP && g.proto <= P_TCPUDP;
	uint32_t kind = rnd(10);
	struct lab_words w;
	const char *source;

	g.pass = kind < 6;
	g.match = kind == 9;
	if (g.proto == P_ICMP)
		g.af = 4;
	if (g.proto == P_ICMP6)
		g.af = 6;
	pt_buf_str(b, g.pass ? "pass" : g.match ? "match" : PICK(blocks));
	pt_buf_str(b, g.dir == 1 ? " in" : g.dir == 2 ? " out" : "");
	w = words(&g);
	if (rnd(8) == 0)
		lab_words_log(b, &w);
	if (!g.match && rnd(4) == 0)
		pt_buf_str(b, " quick");
	if (rnd(3) == 0)
		pt_buf_fmt(b, " on %s%s", rnd(5) ? "" : "! ", PICK(labels_if));
	else if (rnd(5) == 0)
		pt_buf_str(b, " on { lan, wan }");
	pt_buf_str(b, g.af == 4 ? " inet" : g.af == 6 ? " inet6" : "");
	pt_buf_str(b, protos[g.proto]);
	pt_buf_str(b, " from ");
	source = lab_words_source(&w);
	if (source)
		pt_buf_str(b, source);
	else
		gen_host(b, g.af);
	if (ports && rnd(5) == 0)
		gen_port(b, true);
	pt_buf_str(b, " to ");
	gen_host(b, g.af);
	if (ports && rnd(2))
		gen_port(b, false);
	gen_options(b, &g);
}

/* A first rule that lets much through, so that the later ones and both judgements come to bear. */
static void gen_base(struct pt_buf *b)
{
	static const char *const bases[] = { "pass", "pass no state", "pass flags any", "pass out", "pass in from any to any",
					     "pass inet", "pass inet6 flags any" };

	pt_buf_str(b, PICK(bases));
}

static const char preamble[] =
	"interface lan { device = \"lan0\" address = { \"192.168.1.1/24\", \"fd00:1::1/64\" } groups = { \"inside\" } }\n"
	"interface wan { device = \"wan0\" address = { dhcp } }\n"
	"interface dmz { device = \"dmz0\" address = { \"10.0.5.1/24\", \"fd00:5::1/64\" } groups = { \"inside\" } }\n"
	"table bad { addresses = { \"198.51.100.0/26\", \"192.168.1.77\", \"2001:db8:2::/64\", \"fd00:5::22\" } }\n"
	"table good { addresses = { \"192.168.1.0/24\", \"!192.168.1.11\", \"fd00:1::/64\", \"10.0.5.20\" } }\n"
	"table both { addresses = { \"10.0.0.0/8\", \"fd00::/16\" } }\n"
	"firewall { rules = {\n";

static char *assemble(char *const *rules, size_t n)
{
	struct pt_buf b = { 0 };

	pt_buf_str(&b, lab_words_sections);
	pt_buf_str(&b, preamble);
	for (size_t i = 0; i < n; i++)
		if (rules[i])
			pt_buf_fmt(&b, "\"%s\",\n", rules[i]);
	pt_buf_str(&b, "} }\n");
	return b.s;
}

/* ---------------- loading ---------------- */

struct loaded {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_eval *eval;
};

/* Of the rules in force, as sets; NULL: they cut the space into too many. */
static struct pt_space *space;
static size_t n_points, n_apart; /* judged by it; otherwise than by the evaluator */

static void unload(struct loaded *l)
{
	pt_space_free(space);
	space = NULL;
	pt_eval_free(l->eval);
	pt_policy_free(l->policy);
	pt_conf_free(l->conf);
	memset(l, 0, sizeof(*l));
}

/* ---- the engines: half of the rule sets are for the classifier, if they and the kernel allow it ---- */

static bool use_classifier, use_tree;
static bool classified; /* the rules in force are */
static size_t n_counters;

static int compile(const struct pt_policy *p, struct pt_nft_prog **prog, struct pt_err *e)
{
	struct pt_err no = { 0 };
	int rc = -EINVAL;

	if (kernel.classifier && use_classifier)
		rc = lab_rules_compile(&kernel, p, PT_ENGINE_BPF, false, prog, &no);
	pt_err_fini(&no);
	classified = !rc;
	/* Small trees, so that random sets of this size have several cuts. */
	return rc ? lab_rules_compile(&kernel, p, use_tree ? PT_ENGINE_NFT : PT_ENGINE_LINEAR, true, prog, e) : 0;
}

/* What was put there is all that is there: another time, nothing is to be written. */
static void show_write(const char *op, const char *kind, const char *name, void *arg)
{
	(void)arg;
	printf("#   once more: %s %s %s\n", op, kind, name);
}

static bool settled(struct pt_nft_prog *prog)
{
	struct pt_nft_state *have = NULL;
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };
	bool same;

	if (pt_nft_read(kernel.nf, &have, &e) || pt_nft_prog_settle(prog, have) || pt_nft_diff(prog, have, &plan, &e))
		lab_bail("cannot read back what was put there");
	same = pt_nft_plan_writes(plan) == 0;
	pt_nft_plan_walk(plan, show_write, NULL);
	pt_nft_plan_free(plan);
	pt_nft_state_free(have);
	pt_err_fini(&e);
	return same;
}

enum load { LOAD_OK, LOAD_REFUSED_BY_US, LOAD_FAILED };

/* Puts the text into the kernel. A text that our own checks refuse is no failure. */
static enum load load(const char *text, struct loaded *l)
{
	struct pt_nft_prog *prog = NULL;
	struct pt_err e = { 0 };
	enum load result = LOAD_REFUSED_BY_US;

	memset(l, 0, sizeof(*l));
	if (pt_conf_parse("random", text, strlen(text), &l->conf, &e) ||
	    pt_policy_build(l->conf, &l->policy, &e) || pt_eval_new(l->policy, kernel.host, &l->eval, &e) ||
	    compile(l->policy, &prog, &e))
		goto out;
	if (pt_space_new(l->policy, kernel.host, l->eval, PT_SPACE_NOW, &space, NULL) == -ENOMEM)
		lab_bail("no memory for sets of packets");
	result = LOAD_FAILED;
	if (lab_rules_put(&kernel, prog, &e)) {
		printf("# the kernel refused what was compiled:\n");
		lab_rules_show(&e);
		goto out;
	}
	if (!settled(prog))
		goto out;
	result = LOAD_OK;
out:
	if (result == LOAD_REFUSED_BY_US && getenv("DIFF_VERBOSE"))
		lab_rules_show(&e);
	pt_nft_prog_free(prog);
	pt_err_fini(&e);
	if (result != LOAD_OK)
		unload(l);
	return result;
}

/* ---------------- packets ---------------- */

struct probe {
	struct pt_packet pkt;
	int from; /* LAN, WAN, DMZ or LOCAL */
	enum wire_shape shape;
	uint8_t sender;
	/* expectation */
	struct pt_ast_set set;
	bool pass, local;
	int to;
	struct pt_packet after;
	bool answered; /* every judgement made a state, so that what comes back passes */
	uint32_t nat_out;
	bool any_out; /* of its pool */
	enum wire_answer answer;
	char why[160];
	/* observation */
	int seen;       /* times */
	int seen_at;
	struct pt_addr src, dst;
	uint16_t sport, dport;
	uint8_t tos, ttl; /* of what left */
	bool got_rst, got_icmp, got_back;
};

/* The router's, too: it answers for its prefixes. */
static const char *const anycast6[] = { "fd00:1::", "2001:db8:1::", "fd00:5::" };

/* No route leads back there. */
static const char *const nowhere[] = { "192.0.2.200", "2001:db8:4::5" };

static bool is_nowhere(struct pt_addr a)
{
	return a.v == wire_address(nowhere[a.af == PT_AF_INET6]).v;
}

static struct pt_addr random_source(int from, bool six)
{
	if (from == LOCAL)
		return wire_address(six ? wire_own6[rnd(N_DEV)] : wire_own4[rnd(N_DEV)]);
	return wire_address(six ? PICK(hosts6[from]) : PICK(hosts4[from]));
}

/* GRE without keys has nothing but addresses to tell connections apart: a second packet could belong to the first
 * one's state, or find its translated addresses taken. One of each family a set is free of that. */
static bool second_gre(const struct probe *ps, size_t index)
{
	for (size_t i = 0; i < index && ps[index].pkt.proto == 47; i++)
		if (ps[i].pkt.proto == 47 && ps[i].pkt.af == ps[index].pkt.af)
			return true;
	return false;
}

static void know_facts(struct probe *p)
{
	struct pt_packet *k = &p->pkt;

	k->mac = p->from == LOCAL ? PT_NO_MAC : 0x020000000000 | (uint64_t)p->sender << 8 | (uint64_t)p->from;
	k->owned = p->from == LOCAL; /* of this process: root's */
	k->chance = PT_CHANCE_ALL / 2;
	k->time = (uint64_t)time(NULL);
	k->no_route_src = is_nowhere(k->src);
	k->urpf_failed = p->from != LOCAL && (k->no_route_src || wire_destination(k->src) != p->from);
}

static void gen_packet(struct probe *p, size_t index)
{
	static const uint16_t ports[] = { 22, 80, 443, 53, 8000, 8005, 450, 99, 3000 };
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 1, 47 };
	static const uint8_t flags[] = { 0x02, 0x02, 0x02, 0x02, 0x10, 0x12, 0x04, 0x18, 0x11, 0x01 };
	static const uint8_t type4[] = { 8, 8, 8, 0, 3, 11, 13 }, type6[] = { 128, 128, 128, 129, 1, 3 };
	bool six = rnd(2);
	int to = (int)rnd(N_DEV + 1);

	memset(p, 0, sizeof(*p));
	p->from = (int)rnd(N_DEV + 1);
	if (p->from == LOCAL && to == LOCAL)
		to = WAN;
	p->pkt.af = six ? PT_AF_INET6 : PT_AF_INET;
	p->pkt.proto = PICK(protos);
	p->pkt.src = random_source(p->from, six);
	if (p->from != LOCAL && !rnd(12)) /* a source that belongs elsewhere, or nowhere */
		p->pkt.src = rnd(2) ? random_source((int)rnd(N_DEV), six) : wire_address(nowhere[six]);
	do
		p->pkt.dst = to == LOCAL && six && !rnd(6) ? wire_address(PICK(anycast6)) : random_source(to, six);
	while (p->pkt.dst.v == p->pkt.src.v);
	if (p->pkt.proto == 6 || p->pkt.proto == 17) {
		p->pkt.sport = (uint16_t)(WIRE_SPORT_BASE + index);
		p->pkt.dport = PICK(ports);
	}
	if (p->pkt.proto == 6)
		p->pkt.tcp_flags = PICK(flags);
	if (p->pkt.proto == 1) {
		p->pkt.icmp_type = six ? PICK(type6) : PICK(type4);
		if (p->pkt.icmp_type == 3 || p->pkt.icmp_type == 1)
			p->pkt.icmp_code = (uint8_t)(six && p->pkt.icmp_type == 3 ? 0 : rnd(4));
		if (six)
			p->pkt.proto = 58;
	}
	p->pkt.ct = pt_packet_ct(&p->pkt);
	p->pkt.tos = PICK(lab_words_tos);
	p->sender = (uint8_t)(1 + rnd(2));
	know_facts(p);
	if (p->from != LOCAL && !rnd(4))
		p->shape = rnd(2) ? WIRE_OPTIONS : WIRE_PARTS;
}

/* ---------------- expectation ---------------- */

static int expected_answer(const struct pt_decision *d, const struct pt_packet *k)
{
	bool tcp = k->proto == 6, error = wire_icmp_error(k) || is_nowhere(k->src);
	int code = k->af == PT_AF_INET ? d->code4 : d->code6;

	if (!d->rule || d->why || d->ret == PT_RET_DROP || error || (tcp && (k->tcp_flags & 4)))
		return WIRE_NO_ANSWER;
	if (tcp && (d->ret == PT_RET_RETURN || d->ret == PT_RET_RST))
		return WIRE_RST;
	if (d->ret == PT_RET_RST || code < 0)
		return WIRE_NO_ANSWER;
	return WIRE_UNREACH;
}

/* What is set is kept with the connection, in the order of the judgements. */
static void set_over(struct pt_ast_set *s, const struct pt_ast_set *from, bool tracked)
{
	if (tracked && from->has_tos) {
		s->has_tos = true;
		s->tos = from->tos;
	}
	if (tracked && from->min_ttl)
		s->min_ttl = from->min_ttl;
}

/* What is proved of all packets must hold for this one. */
static void judge_as_set(const struct pt_packet *k, enum pt_dir dir, const char *device, const struct pt_decision *d)
{
	struct pt_arena *a = pt_arena_new();
	const struct pt_region *r;
	struct pt_buf words = { 0 };
	struct pt_point at;

	if (!a || pt_space_point(space, a, k, device, &at))
		lab_bail("no memory for a point");
	r = pt_space_decide(space, dir, &at);
	n_points++;
	if (!r || r->pass != d->pass || r->rule != d->rule) {
		n_apart++;
		pt_space_print_point(space, dir, &at, &words);
		printf("# %s: the evaluator %s by %s, as a set by %s\n", words.s, d->pass ? "passes" : "blocks",
		       d->rule ? d->rule->text : "default", r && r->rule ? r->rule->text : "default");
	}
	pt_buf_fini(&words);
	pt_arena_free(a);
}

static bool judge(const struct pt_eval *v, struct probe *p, struct pt_packet *k, enum pt_dir dir, int dev)
{
	struct pt_decision d;

	pt_evaluate(v, k, dir, wire_devices[dev], &d);
	if (space && k->ct == pt_packet_ct(k))
		judge_as_set(k, dir, wire_devices[dev], &d);
	snprintf(p->why, sizeof(p->why), "%s on %s: %s by %s line %u%s%s", dir == PT_IN ? "in" : "out", wire_devices[dev],
		 d.pass ? "pass" : "block", d.rule ? d.rule->name : "default", d.rule ? d.rule->loc.line : 0,
		 d.why ? ", " : "", d.why ? d.why : "");
	if (!d.pass)
		p->answer = expected_answer(&d, k);
	if (dir == PT_OUT) {
		p->nat_out = d.nat;
		p->any_out = d.any_of_pool;
	}
	set_over(&p->set, &d.set, p->pkt.ct == PT_CT_NEW);
	p->answered = p->answered && d.pass && d.rule->keep_state;
	*k = d.after;
	k->tag = d.tag;
	k->ct = p->pkt.ct;
	return d.pass;
}

static void expect(const struct pt_eval *v, struct probe *p)
{
	struct pt_packet k = p->pkt;

	p->answer = WIRE_NO_ANSWER;
	p->pass = p->local = false;
	p->nat_out = 0;
	p->any_out = false;
	memset(&p->set, 0, sizeof(p->set));
	p->answered = p->pkt.proto == PT_PROTO_UDP && !p->pkt.urpf_failed;
	k.received = NULL;
	if (p->from != LOCAL && !judge(v, p, &k, PT_IN, p->from))
		return;
	k.received = p->from == LOCAL ? NULL : wire_devices[p->from];
	p->to = wire_destination(k.dst);
	p->local = p->to == LOCAL;
	if (!p->local && !judge(v, p, &k, PT_OUT, p->to))
		return;
	p->pass = true;
	p->after = k;
}

/* ---------------- observation ---------------- */

struct probes {
	struct probe *v;
	size_t n;
};

static void saw(struct probe *p, int at, const uint8_t *ip, const struct wire_view *v)
{
	bool six = ip[0] >> 4 == 6;

	p->seen++;
	p->seen_at = at;
	p->tos = six ? (uint8_t)(ip[0] << 4 | ip[1] >> 4) : ip[1];
	p->ttl = ip[six ? 7 : 8];
	p->src = v->src;
	p->dst = v->dst;
	p->sport = p->dport = 0;
	if (p->pkt.proto != 6 && p->pkt.proto != 17)
		return;
	p->sport = wire_get16(v->t);
	p->dport = wire_get16(v->t + 2);
}

/* A TCP reset or ICMP error on the way back to the sender of a blocked packet. */
static void saw_answer(const struct probes *ps, const struct wire_view *v)
{
	int i;

	if (v->proto == 6 && v->n >= 20 && (v->t[13] & 4)) {
		i = wire_get16(v->t + 2) - WIRE_SPORT_BASE;
		if (i >= 0 && (size_t)i < ps->n)
			ps->v[i].got_rst = true;
	}
	if (!(v->proto == 1 && v->t[0] == 3) && !(v->proto == 58 && v->t[0] == 1))
		return;
	i = wire_marked(v->t, v->n, ps->n);
	if (i >= 0)
		ps->v[i].got_icmp = true;
}

/* What came back carries the number of what it answers, beyond those of all probes. */
static bool saw_back(const struct probes *ps, int at, int i, const struct wire_view *v)
{
	struct probe *p = i >= (int)ps->n ? &ps->v[i - (int)ps->n] : NULL;

	if (p && v->proto == p->pkt.proto && at == p->from)
		p->got_back = v->src.v == p->pkt.dst.v && v->dst.v == p->pkt.src.v && wire_get16(v->t) == p->pkt.dport &&
			      wire_get16(v->t + 2) == p->pkt.sport;
	return p != NULL;
}

static void observe(int at, const uint8_t *ip, size_t n, void *arg)
{
	const struct probes *ps = arg;
	struct wire_view v;
	int i;

	if (!wire_view(ip, n, &v))
		return;
	i = wire_marked(ip, n, 2 * ps->n);
	if (saw_back(ps, at, i, &v))
		return;
	if (v.offset)
		return; /* of one of which the first fragment is seen, too */
	if (i >= 0 && ps->v[i].pkt.proto == v.proto &&
	    !((v.proto == 1 || v.proto == 58) && v.t[0] != ps->v[i].pkt.icmp_type))
		saw(&ps->v[i], at, ip, &v);
	else
		saw_answer(ps, &v);
}

static void drain(struct probe *ps, size_t total)
{
	wire_drain(&wire, observe, &(struct probes){ ps, total });
}

/* ---------------- comparison ---------------- */

/* Source address after a translation: exact, or any of the pool. */
static bool source_fits(const struct pt_policy *pol, const struct probe *p)
{
	const struct pt_pol_nat *nat;

	if (p->src.v == p->after.src.v)
		return true;
	if (!p->nat_out || !p->any_out)
		return false;
	nat = &pol->nats.v[p->nat_out - 1];
	return nat->kind == PT_NAT_SRC && nat->target == PT_REF_SET && pt_nat_holds(nat, p->src.v);
}

/* The source port: kept, or one of those that the translation may choose from. */
static bool source_port_fits(const struct pt_policy *pol, const struct probe *p)
{
	const struct pt_pol_nat *nat = p->nat_out ? &pol->nats.v[p->nat_out - 1] : NULL;

	if (!nat || nat->static_port || !p->pkt.sport)
		return p->sport == p->pkt.sport;
	if (nat->has_port)
		return p->sport >= nat->port_lo && p->sport <= nat->port_hi;
	return p->sport >= PT_NAT_PORT_LO; /* up to the highest there is */
}

/* What arrives has no way out on which something could be set. */
static const char *set_otherwise(const struct probe *p)
{
	uint8_t tos = p->pkt.tos, ttl = p->from == LOCAL ? 64 : 63;

	if (p->local)
		return NULL;
	if (p->set.has_tos)
		tos = (uint8_t)(p->set.tos | (tos & 3));
	if (p->set.min_ttl > ttl)
		ttl = p->set.min_ttl;
	if (p->tos != tos)
		return "arrived with another type of service";
	return p->ttl != ttl ? "arrived with another time to live" : NULL;
}

static const char *compare(const struct pt_policy *pol, const struct probe *p)
{
	if (p->pass && !p->seen)
		return "expected to pass, did not arrive";
	if (!p->pass && p->seen)
		return "expected to be blocked, arrived";
	if (p->pass) {
		if (p->seen_at != p->to)
			return "arrived at the wrong place";
		if (p->dst.v != p->after.dst.v || p->dport != p->after.dport)
			return "arrived with another destination";
		if (!source_fits(pol, p))
			return "arrived with another source";
		if (!source_port_fits(pol, p))
			return "arrived with another source port";
		return p->answered && !p->got_back ? "what came back did not arrive" : set_otherwise(p);
	}
	if (p->from == LOCAL) /* answers to ourselves stay on the machine */
		return NULL;
	if (p->got_rst != (p->answer == WIRE_RST))
		return p->got_rst ? "got a TCP reset, expected none" : "expected a TCP reset";
	if (p->got_icmp != (p->answer == WIRE_UNREACH))
		return p->got_icmp ? "got an ICMP error, expected none" : "expected an ICMP error";
	return NULL;
}

/* The other end answers what it saw. */
static void answer(struct probe *p, size_t number)
{
	struct pt_packet back = p->pkt;

	p->got_back = false;
	if (!p->answered || !p->seen)
		return;
	back.src = p->dst;
	back.dst = p->src;
	back.sport = p->dport;
	back.dport = p->sport;
	wire_send(&wire, p->seen_at, &back, (uint32_t)number);
}

static void run(const struct loaded *l, struct probe *ps, size_t n)
{
	lab_rules_flush_states(&kernel);
	drain(ps, 0);
	for (size_t i = 0; i < n; i++) {
		expect(l->eval, &ps[i]);
		ps[i].seen = 0;
		ps[i].got_rst = ps[i].got_icmp = false;
		wire.sender = ps[i].sender;
		wire_send_shaped(&wire, ps[i].from, &ps[i].pkt, (uint32_t)i, ps[i].shape);
		if (i % 64 == 63)
			wire_drain_peers(&wire, observe, &(struct probes){ ps, n });
	}
	drain(ps, n);
	for (size_t i = 0; i < n; i++)
		answer(&ps[i], n + i);
	drain(ps, n);
}

static void describe(const struct probe *p)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%sfrom %s proto %u flags %02x icmp %u/%u ct %d: ", p->shape == WIRE_OPTIONS ? "with options " : p->shape == WIRE_PARTS ? "fragmented " : "",
		   p->from == LOCAL ? "router" : wire_devices[p->from],
		   p->pkt.proto, p->pkt.tcp_flags, p->pkt.icmp_type, p->pkt.icmp_code, p->pkt.ct);
	pt_addr_fmt(&b, p->pkt.src);
	pt_buf_fmt(&b, " port %u -> ", p->pkt.sport);
	pt_addr_fmt(&b, p->pkt.dst);
	pt_buf_fmt(&b, " port %u; evaluator: %s, answer %d", p->pkt.dport, p->why, p->answer);
	if (p->pass) {
		pt_buf_str(&b, " as ");
		pt_addr_fmt(&b, p->after.src);
		pt_buf_str(&b, " -> ");
		pt_addr_fmt(&b, p->after.dst);
		pt_buf_fmt(&b, ":%u", p->after.dport);
	}
	if (p->seen) {
		pt_buf_fmt(&b, "; seen %d at %s as ", p->seen, p->seen_at == LOCAL ? "router" : wire_devices[p->seen_at]);
		pt_addr_fmt(&b, p->src);
		pt_buf_str(&b, " -> ");
		pt_addr_fmt(&b, p->dst);
		pt_buf_fmt(&b, ":%u", p->dport);
	}
	pt_buf_fmt(&b, "; rst %d icmp %d back %d; sender %u tos %02x, seen tos %02x ttl %u", p->got_rst, p->got_icmp,
		   p->got_back, p->sender, p->pkt.tos, p->tos, p->ttl);
	printf("#   %s\n", b.s);
	pt_buf_fini(&b);
}

/* Does this one packet still fail with these rules? It keeps its number, hence its ports. */
static bool still_fails(char *const *rules, size_t n, struct probe *ps, size_t which)
{
	char *text = assemble(rules, n);
	struct loaded l;
	bool fails = false;

	if (load(text, &l) == LOAD_OK) {
		lab_rules_flush_states(&kernel);
		drain(ps, 0);
		expect(l.eval, &ps[which]);
		ps[which].seen = 0;
		ps[which].got_rst = ps[which].got_icmp = false;
		wire.sender = ps[which].sender;
		wire_send_shaped(&wire, ps[which].from, &ps[which].pkt, (uint32_t)which, ps[which].shape);
		drain(ps, which + 1);
		answer(&ps[which], 2 * which + 1);
		drain(ps, which + 1);
		fails = compare(l.policy, &ps[which]) != NULL;
		unload(&l);
	}
	free(text);
	return fails;
}

static void shrink(char **rules, size_t n, struct probe *ps, size_t which)
{
	if (!still_fails(rules, n, ps, which)) {
		printf("#   (alone, the packet does not fail: it needs the packets before it)\n");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char *rule = rules[i];

		rules[i] = NULL;
		if (!still_fails(rules, n, ps, which))
			rules[i] = rule;
		else
			free(rule);
	}
	(void)still_fails(rules, n, ps, which);
	for (size_t i = 0; i < n; i++)
		if (rules[i])
			printf("#   %s\n", rules[i]);
	describe(&ps[which]);
}

/* ---- counters ---- */

/* What came to it between two countings: rules that stay keep their counts. */
static struct pt_nft_counter counted_since(const struct lab_counts c[2], uint32_t id)
{
	struct pt_nft_counter before = lab_rules_counter(&c[0], id), after = lab_rules_counter(&c[1], id);

	after.packets -= before.packets;
	after.bytes -= before.bytes;
	return after;
}

static void run_counting(const struct loaded *l, struct probe *ps, size_t packets, struct lab_counts c[2])
{
	lab_rules_count(&kernel, &c[0]);
	run(l, ps, packets);
	lab_rules_count(&kernel, &c[1]);
}

/* Rules for arriving packets only: what leaves counts the kernel's own too (redirects), and not always as many. */
static bool counts_exactly(const struct pt_policy *p, uint32_t id)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].id == id && p->rules.v[i].dir == PT_OUT)
			return false;
	return true;
}

/* The same packets again through a linear list: each rule must count what it counted by KEYS. */
static const struct pt_pol_rule *counted_otherwise(const char *text, struct probe *ps, size_t packets, struct loaded *l,
						   const struct lab_counts keys[2])
{
	const struct pt_pol_rule *wrong = NULL;
	struct lab_counts linear[2];

	unload(l);
	use_classifier = false;
	if (load(text, l) != LOAD_OK)
		lab_bail("loading the rules again");
	run_counting(l, ps, packets, linear);
	for (size_t i = l->policy->n_builtin; i < l->policy->rules.n && !wrong; i++) {
		const struct pt_nft_counter a = counted_since(keys, l->policy->rules.v[i].id);
		const struct pt_nft_counter b = counted_since(linear, l->policy->rules.v[i].id);

		n_counters += counts_exactly(l->policy, a.id);
		if ((a.packets == b.packets && a.bytes == b.bytes) || !counts_exactly(l->policy, a.id))
			continue;
		wrong = &l->policy->rules.v[i];
		printf("# %llu packets by the classifier, %llu by a list: %s\n", (unsigned long long)a.packets,
		       (unsigned long long)b.packets, l->policy->rules.v[i].text);
	}
	for (size_t i = 0; i < 2; i++)
		pt_arena_free(linear[i].arena);
	return wrong;
}

static char *any_rule(bool first)
{
	struct pt_buf b = { 0 };

	if (first && rnd(4))
		gen_base(&b);
	else if (rnd(5) == 0)
		gen_mapped(&b);
	else
		gen_rule(&b);
	return b.s;
}

/* A small change: most of what is in force stays. */
static void change_rules(char **rules, size_t n)
{
	size_t i = rnd((uint32_t)n), next = (i + 1) % n;
	char *was = rules[i];

	switch (rnd(3)) {
	case 0:
		rules[i] = rules[next];
		rules[next] = was;
		return;
	case 1:
		rules[i] = NULL;
		break;
	default:
		rules[i] = any_rule(false);
	}
	free(was);
}

static void count_probe(const struct probe *p, size_t *counts)
{
	counts[0] += p->pass;
	counts[1] += !p->pass;
	counts[2] += p->pass && (p->after.dst.v != p->pkt.dst.v || p->after.src.v != p->pkt.src.v);
	counts[3] += p->answer != WIRE_NO_ANSWER;
	counts[4] += p->pass && p->shape == WIRE_OPTIONS;
	counts[5] += p->pass && p->shape == WIRE_PARTS;
	counts[6] += p->got_back;
}

/* LAST: the same packets may be counted otherwise. */
static bool agree(const char *text, struct loaded *l, struct probe *ps, size_t packets, bool last, size_t *counts,
		  size_t *which, const char **wrong)
{
	struct lab_counts counted[2];
	bool same = true;

	run_counting(l, ps, packets, counted);
	for (*which = 0; *which < packets; ++*which) {
		*wrong = compare(l->policy, &ps[*which]);
		count_probe(&ps[*which], counts);
		if (*wrong)
			break;
	}
	if (!*wrong && last && classified)
		same = !counted_otherwise(text, ps, packets, l, counted);
	for (size_t i = 0; i < 2; i++)
		pt_arena_free(counted[i].arena);
	return same && !*wrong;
}

/* One text put there and tried. *REFUSED: by our own checks. */
static bool try_rules(uint64_t seed, char **rules, size_t n, struct probe *ps, size_t packets, bool last, size_t *counts,
		      bool *refused)
{
	char *text = assemble(rules, n);
	const char *wrong = NULL;
	bool good = false;
	struct loaded l;
	size_t which;
	enum load loaded;

	use_classifier = seed % 2;
	use_tree = seed & 2;
	loaded = load(text, &l);
	*refused = loaded == LOAD_REFUSED_BY_US;
	if (loaded == LOAD_OK)
		good = agree(text, &l, ps, packets, last, counts, &which, &wrong);
	if (!good && !*refused)
		printf("# seed %llu\n%s", (unsigned long long)seed, text);
	if (wrong) {
		printf("# packet %zu: %s\n", which, wrong);
		describe(&ps[which]);
	}
	unload(&l);
	if (wrong)
		shrink(rules, n, ps, which);
	free(text);
	return good || *refused;
}

/* A set, and then a few small changes of it: nothing of the one before may be left. */
static bool one_set(uint64_t seed, size_t packets, size_t *counts, bool *refused)
{
	static struct probe ps[MAX_PACKETS];
	char *rules[MAX_RULES] = { NULL };
	size_t n = 1 + rnd(MAX_RULES), changes = rnd(3);
	bool good, no;

	for (size_t i = 0; i < n; i++)
		rules[i] = any_rule(i == 0);
	for (size_t i = 0; i < packets; i++)
		do
			gen_packet(&ps[i], i);
		while (second_gre(ps, i));
	good = try_rules(seed, rules, n, ps, packets, changes == 0, counts, refused);
	for (size_t i = 1; good && !*refused && i <= changes; i++) {
		change_rules(rules, n);
		good = try_rules(seed, rules, n, ps, packets, i == changes, counts, &no);
	}
	for (size_t i = 0; i < n; i++)
		free(rules[i]);
	return good;
}

/* Sources are looked for by rules, not by the kernel. */
static void foreign_sources(void)
{
	char knob[64];

	(void)lab_sysctl("ipv4/conf/all/rp_filter", "0");
	for (int d = 0; d < N_DEV; d++) {
		snprintf(knob, sizeof(knob), "ipv4/conf/%s/rp_filter", wire_devices[d]);
		(void)lab_sysctl(knob, "0");
	}
	lab_ip("route add unreachable 192.0.2.128/25\nroute add unreachable 2001:db8:4::/48\n");
}

/* Set 0 has the seed itself, so that one number from a failure runs that very set again. */
static uint64_t set_seed(uint64_t base, uint64_t i)
{
	uint64_t z = base + i * 0x9e3779b97f4a7c15ull;

	if (i == 0)
		return base;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	return (z ^ (z >> 27)) & 0xffffffffff;
}

int main(int argc, char **argv)
{
	uint64_t base = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	size_t sets = argc > 2 ? strtoul(argv[2], NULL, 10) : 200, packets = argc > 3 ? strtoul(argv[3], NULL, 10) : 300;
	size_t good = 0, bad = 0, refused = 0, counts[7] = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0) {
		printf("1..0 # SKIP network namespaces need root\n");
		return 0;
	}
	if (packets > MAX_PACKETS)
		packets = MAX_PACKETS;
	base &= 0xffffffffff;
	printf("1..4\n# seed %llu\n", (unsigned long long)base);
	wire_make(&wire);
	foreign_sources();
	lab_rules_open(&kernel);
	for (uint64_t i = 0; good + bad < sets && i < 20 * sets; i++) {
		bool no = false;
		uint64_t seed = set_seed(base, i);

		rng = (seed * 0x9e3779b97f4a7c15ull) | 1;
		for (int j = 0; j < 8; j++)
			rnd(2);
		if (!one_set(seed, packets, counts, &no))
			bad++;
		else if (no)
			refused++;
		else
			good++;
		if (bad >= 5)
			break;
	}
	printf("# %zu times judged by the classifier (shrinking included), %zu counters compared\n", kernel.n_classified, n_counters);
	printf("# %zu rule sets (%zu more refused by the checks), %zu packets a set: %zu passed, %zu blocked, %zu translated,"
	       " %zu answered; %zu with options and %zu in fragments passed, %zu came back\n",
	       good + bad, refused, packets, counts[0], counts[1],
	       counts[2], counts[3], counts[4], counts[5], counts[6]);
	printf("%sok 1 - evaluator and kernel agree on every packet\n", bad ? "not " : "");
	printf("%sok 2 - at least %zu rule sets ran, with passes, blocks, translations and answers, options and fragments\n",
	       good >= sets && counts[0] && counts[1] && counts[2] && counts[3] && counts[4] && counts[5] && counts[6] ? "" :
															 "not ", sets);
	printf("# %zu pairs of a rule set and a packet\n", counts[0] + counts[1]);
	printf("# %zu judgements of sets, %zu of them otherwise\n", n_points, n_apart);
	printf("%sok 3 - sets of packets agree with the evaluator\n", n_apart || !n_points ? "not " : "");
	printf("%sok 4 - at least %u pairs, unless fewer were asked for\n", argc > 2 || counts[0] + counts[1] >= PAIRS ? "" : "not ",
	       PAIRS);
	return bad || n_apart;
}
