/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements of tests: what they mean, what they may not say, and whether a proof is one. For that, random rules and random
 * statements: a statement that holds must hold for every packet that is drawn, and the packet of one that does not must be one
 * that it is about.
 */
#include <errno.h>
#include <stdio.h>

#include <patronus/plan.h>

#include "policy_random.h"

static struct pt_host *host;

/* What is set while one statement is looked at. */
struct seen {
	struct pt_expectation x;
	char words[256], rule[256];
	size_t n, holds, fails, nothing;
};

static int see(const struct pt_expectation *x, void *arg)
{
	struct seen *s = arg;

	s->x = *x;
	snprintf(s->words, sizeof(s->words), "%s", x->words ? x->words : "");
	snprintf(s->rule, sizeof(s->rule), "%s", x->result == PT_EXPECT_FAILS && x->decision.rule ? x->decision.rule->text : "");
	s->n++;
	s->holds += x->result == PT_EXPECT_HOLDS;
	s->fails += x->result == PT_EXPECT_FAILS;
	s->nothing += x->result == PT_EXPECT_NOTHING;
	return 0;
}

/* RULES and STATEMENTS as in the file: quoted, with commas. */
static void begin(struct pt_plan *p, struct pt_err *e, const char *more, const char *rules, const char *statements)
{
	struct pt_buf text = { 0 };
	int rc;

	memset(p, 0, sizeof(*p));
	pt_buf_fmt(&text, PREAMBLE "%s\nfirewall { builtin = false rules = {\n%s\n} }\ntest t { expect = {\n%s\n} }\n", more, rules,
		   statements);
	assert_int_equal(text.err, 0);
	rc = pt_policy_parse("t.conf", text.s, text.n, &p->conf, &p->policy, e);
	if (rc)
		print_error("%s\n%s\n", text.s, e->list.n ? e->list.v[0].msg : "");
	assert_int_equal(rc, 0);
	p->host = host;
	pt_buf_fini(&text);
}

static void end(struct pt_plan *p)
{
	p->host = NULL; /* of all tests */
	pt_plan_fini(p);
}

static int run(const char *more, const char *rules, const char *statements, struct seen *s, struct pt_err *e)
{
	struct pt_plan p;
	int rc;

	memset(s, 0, sizeof(*s));
	begin(&p, e, more, rules, statements);
	rc = pt_expect_run(&p, PT_EXPECT_WRITTEN, NULL, NULL, NULL, see, s, e);
	end(&p);
	return rc;
}

/* ---- what they mean ---- */

static const struct {
	const char *rules, *statement;
	enum pt_expect_result result;
	const char *words, *rule; /* parts of what is told of one that fails */
} cases[] = {
	{ "'block', 'pass in on lan proto tcp to any port 443'", "pass in on lan proto tcp from lan:network to any port 443",
	  PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on lan inet proto tcp to any port 443'", "pass in on lan proto tcp to any port 443", PT_EXPECT_FAILS,
	  "in lan", "block" },
	{ "'block', 'pass in on lan proto tcp to any port 443', 'block in on lan proto tcp to 10.0.5.20'",
	  "pass in on lan proto tcp to any port 443", PT_EXPECT_FAILS, "to 10.0.5.20:443", "10.0.5.20" },
	{ "'block', 'pass in on lan proto tcp to any port 443', 'block in on lan proto tcp to 10.0.5.20'",
	  "pass in on lan proto tcp to ! 10.0.5.20 port 443", PT_EXPECT_HOLDS, NULL, NULL },
	/* no direction: both judgements */
	{ "'block', 'pass in on lan'", "pass on lan", PT_EXPECT_FAILS, "out lan", "block" },
	{ "'block', 'pass on lan'", "pass on lan", PT_EXPECT_HOLDS, NULL, NULL },
	/* pass is about what begins, block about everything */
	{ "'pass in'", "pass in proto tcp", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in'", "pass in", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in'", "pass in proto tcp flags A/SA", PT_EXPECT_FAILS, "flags A", NULL },
	{ "'pass in flags any'", "pass in proto tcp flags any", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in flags any'", "pass in proto tcp flags SA/SA", PT_EXPECT_NOTHING, NULL, NULL },
	{ "'pass in inet proto icmp'", "pass in inet proto icmp icmp-type echorep", PT_EXPECT_NOTHING, NULL, NULL },
	{ "'block in', 'pass in flags A/A no state'", "block in proto tcp flags S/SA", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block in', 'pass in flags A/A no state'", "block in proto tcp", PT_EXPECT_FAILS, "flags", "pass in" },
	/* nobody has tagged what comes in; what goes out may have any tag */
	{ "'block', 'pass in tagged RED'", "block in", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in tagged RED'", "pass in tagged RED", PT_EXPECT_NOTHING, NULL, NULL },
	{ "'block', 'match in on lan tag RED', 'pass in tagged RED'", "pass in on lan", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass out tagged RED'", "block out", PT_EXPECT_FAILS, "tag RED", "tagged RED" },
	{ "'block', 'pass out tagged RED'", "pass out tagged RED", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass out tagged RED'", "block out tagged GREEN", PT_EXPECT_HOLDS, NULL, NULL },
	/* what nothing is in */
	{ "'pass'", "pass in from <none>", PT_EXPECT_NOTHING, NULL, NULL },
	{ "'pass'", "block in from <none>", PT_EXPECT_NOTHING, NULL, NULL },
	/* names that no rule has */
	{ "'block'", "block in on dmz from (dmz:network) to <four>", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on vpn'", "block in on lan", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on lan'", "block in on vpn", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on vpn'", "pass in on vpn", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on ! lan'", "pass in on vpn", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on inside'", "pass in on dmz", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in on inside'", "pass in on outside", PT_EXPECT_FAILS, "in wan", "block" },
	/* who owns, by what it came, when */
	{ "'pass out', 'block out user 7'", "pass out user 7", PT_EXPECT_FAILS, "user 7", "user" },
	{ "'block', 'pass out received-on lan'", "pass out received-on lan", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass out received-on lan'", "pass out", PT_EXPECT_FAILS, "out", "block" },
	{ "'block', 'pass in tos ef'", "pass in tos ef", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in schedule day'", "pass in schedule day", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in schedule day'", "block in schedule night", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in schedule day'", "pass in schedule night", PT_EXPECT_FAILS, "at ", "block" },
	{ "'block', 'pass in probability 50%'", "pass in", PT_EXPECT_FAILS, NULL, "block" },
	/* each rule draws for itself */
	{ "'pass in quick probability 50%', 'block in quick probability 50%', 'pass in'", "pass in", PT_EXPECT_FAILS, NULL, "block" },
	{ "'pass in quick probability 50%', 'block in quick probability 40%', 'pass in'", "block in on lan", PT_EXPECT_FAILS, NULL,
	  "pass" },
	{ "'block in quick probability 50%', 'block in quick probability 50%', 'pass in'", "block in on lan", PT_EXPECT_FAILS, NULL,
	  "pass" },
	{ "'block', 'pass in limit 5/second'", "pass in", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in $web'", "pass in $web", PT_EXPECT_HOLDS, NULL, NULL },
	/* a translation is no obstacle; one without an address is */
	{ "'pass out', 'match out on wan inet nat-to (wan)'", "pass out on wan inet proto udp", PT_EXPECT_HOLDS, NULL, NULL },
	/* the last one decides, quick ends the search */
	{ "'pass in quick proto udp', 'block in'", "pass in proto udp to any port 53", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in proto udp', 'block in'", "pass in proto udp to any port 53", PT_EXPECT_FAILS, ":53", "block" },
	/* what routes say of an address is one thing only */
	{ "'pass in', 'block in quick from urpf-failed'", "pass in on lan from lan:network", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in', 'block in quick from urpf-failed'", "pass in on wan inet from 8.8.8.8", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in', 'block in quick from urpf-failed'", "block in on wan from lan:network", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in', 'block in quick from urpf-failed'", "block in on wan from 8.8.8.8", PT_EXPECT_FAILS, "8.8.8.8", "pass in" },
	{ "'pass in', 'block in quick from no-route'", "pass in on lan", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in'", "pass in on wan from urpf-failed to 8.8.8.8", PT_EXPECT_HOLDS, NULL, NULL },
	/* what Linux itself drops is blocked, and nobody has to say that it passes */
	{ "'pass in'", "block in on lan inet from { self, 127.0.0.1, 224.0.0.5 }", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in'", "block in on lan inet6 from { ff02::5, ::1 }", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in'", "pass in on lan inet from self", PT_EXPECT_NOTHING, NULL, NULL },
	{ "'pass in', 'block in quick on lan inet from self'", "pass in on lan", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'pass in'", "block in on lo inet from self", PT_EXPECT_FAILS, "in lo", "pass in" },
	/* what was received is not this machine's own; in IPv6 the rules must have seen to that */
	{ "'block', 'pass out from self'", "block out on lan inet received-on dmz", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass out from self'", "block out on lan received-on dmz", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in', 'pass out from self'", "block out on lan inet received-on dmz", PT_EXPECT_HOLDS, NULL, NULL },
	{ "'block', 'pass in', 'pass out from self'", "block out on lan inet6 received-on dmz", PT_EXPECT_FAILS, "out lan", "self" },
	{ "'block', 'pass in', 'block in from urpf-failed', 'pass out from self'", "block out on lan received-on dmz", PT_EXPECT_HOLDS,
	  NULL, NULL },
	{ "'block', 'pass out from self'", "block out on lan", PT_EXPECT_FAILS, "out lan", "self" },
	{ "'pass out', 'block out to self'", "pass out on lan", PT_EXPECT_HOLDS, NULL, NULL },
};

static const char more[] = "interface vpn { device = 'wg0' }\n"
			   "schedule day { hours = { '08:00-18:00' } }\nschedule night { hours = { '18:00-08:00' } }\n"
			   "macro web { value = 'proto tcp to any port { 80, 443 }' }\nsystem { timezone = 'UTC' }\n";

static void meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_buf quoted = { 0 };
		struct pt_err e = { 0 };
		struct seen s;
		int rc;

		pt_buf_fmt(&quoted, "'%s'", cases[i].statement);
		rc = run(more, cases[i].rules, quoted.s, &s, &e);
		if (rc || s.x.result != cases[i].result || (cases[i].words && !strstr(s.words, cases[i].words)) ||
		    (cases[i].rule && !strstr(s.rule, cases[i].rule)))
			print_error("%s: %s: rc %d, result %d, %s by %s; %s\n", cases[i].rules, cases[i].statement, rc, (int)s.x.result,
				    s.words, s.rule, e.list.n ? e.list.v[0].msg : "");
		assert_int_equal(rc, 0);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.x.result, cases[i].result);
		assert_true(!cases[i].words || strstr(s.words, cases[i].words));
		assert_true(!cases[i].rule || strstr(s.rule, cases[i].rule));
		pt_buf_fini(&quoted);
		pt_err_fini(&e);
	}
}

/* The packet to show is one that there may well be, and tells no time that does not matter. */
static void plain_packets(void **state)
{
	static const struct {
		const char *rules, *statement, *words, *never;
	} shown[] = {
		{ "'block'", "pass in on lan inet from lan:network", "in lan tcp 192.168.1.2:", " at " },
		{ "'block'", "pass in on dmz inet from dmz:network to 8.8.8.8", "in dmz tcp 10.0.5.2:", " at " },
		{ "'block', 'pass in on lan inet to lan:network'", "block in on lan inet to lan:network", "to 192.168.1.2:", " at " },
		{ "'block', 'pass in on dmz schedule day'", "pass in on lan", "in lan", " at " },
		{ "'block', 'pass in on lan schedule day'", "pass in on lan schedule night", " at 20", " at 1970" },
		{ "'block in schedule day', 'pass in quick proto udp', 'block in'", "pass in proto tcp", "tcp", " at 1970" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(shown); i++) {
		struct pt_buf quoted = { 0 };
		struct pt_err e = { 0 };
		struct seen s;

		pt_buf_fmt(&quoted, "'%s'", shown[i].statement);
		assert_int_equal(run(more, shown[i].rules, quoted.s, &s, &e), 0);
		if (!strstr(s.words, shown[i].words) || strstr(s.words, shown[i].never))
			print_error("%s: %s\n", shown[i].statement, s.words);
		assert_int_equal(s.x.result, PT_EXPECT_FAILS);
		assert_non_null(strstr(s.words, shown[i].words));
		assert_null(strstr(s.words, shown[i].never));
		pt_buf_fini(&quoted);
		pt_err_fini(&e);
	}
}

/* ---- what they may not say ---- */

static const struct {
	const char *statements;
	uint32_t col, len;
	const char *message;
} wrong[] = {
	{ "'pass in quick'", 9, 5, "'quick' has no meaning in a test" },
	{ "'pass in log (all)'", 9, 3, "'log' has no meaning" },
	{ "'block return in'", 7, 6, "'return' has no meaning" },
	{ "'block return-icmp6 in'", 7, 12, "'return' has no meaning" },
	{ "'block drop in'", 7, 4, "'drop' has no meaning" },
	{ "'match in'", 1, 5, "pass or are blocked" },
	{ "'anchor web'", 1, 6, "pass or are blocked" },
	{ "'pass out on wan inet nat-to (wan)'", 22, 6, "'nat-to' has no meaning" },
	{ "'pass in inet proto tcp to any port 80 rdr-to 10.0.5.20'", 39, 6, "'rdr-to' has no meaning" },
	{ "'pass in keep state (max 5)'", 9, 4, "'keep' has no meaning" },
	{ "'pass in no state'", 9, 2, "'no' has no meaning" },
	{ "'pass in set prio 3'", 9, 3, "'set' has no meaning" },
	{ "'pass in tag RED'", 9, 3, "'tag' has no meaning" },
	{ "'pass in label web'", 9, 5, "'label' has no meaning" },
	{ "'pass in probability 20%'", 9, 11, "'probability' has no meaning" },
	{ "'pass in limit 5/second'", 9, 5, "'limit' has no meaning" },
	{ "'pass in max-pkt-rate 5/10'", 9, 12, "'max-pkt-rate' has no meaning" },
	{ "'pass in once'", 9, 4, "'once' has no meaning" },
	{ "'pass inn'", 6, 3, "inn" },
	{ "'passs in'", 1, 5, "'passs' where pass or block is expected" },
	{ "'in on lan'", 1, 2, "'in' where pass or block is expected" },
	{ "''", 0, 0, "empty" },
};

static void refused_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++) {
		struct pt_conf *c = NULL;
		struct pt_buf text = { 0 };
		struct pt_err e = { 0 };

		pt_buf_fmt(&text, "test t { expect = {\n%s\n} }\nfirewall { rules = { 'block' } }\n", wrong[i].statements);
		assert_int_equal(pt_conf_parse("t.conf", text.s, text.n, &c, &e), -EINVAL);
		if (!strstr(e.list.v[0].msg, wrong[i].message) || e.list.v[0].loc.col != wrong[i].col + 1)
			print_error("%s: %u: %s\n", wrong[i].statements, e.list.v[0].loc.col, e.list.v[0].msg);
		assert_non_null(strstr(e.list.v[0].msg, wrong[i].message));
		assert_int_equal(e.list.v[0].loc.line, 2);
		assert_int_equal(e.list.v[0].loc.col, wrong[i].col + 1); /* the quote */
		assert_true(!wrong[i].len || e.list.v[0].loc.len == wrong[i].len);
		assert_non_null(e.list.v[0].source);
		pt_err_fini(&e);
		pt_buf_fini(&text);
	}
}

/* What is only known together with the rest of the file. */
static void refused_names(void **state)
{
	static const struct {
		const char *statement, *message;
	} names[] = {
		{ "pass in on lann", "unknown interface 'lann'" },	{ "pass in from <badd>", "badd" },
		{ "pass in schedule dai", "unknown schedule 'dai'" },	{ "pass in user 7", "user" },
		{ "pass in from www.example.org", "no rule and no table asks for www.example.org" },
		{ "pass in from geoip DE", "no rule and no table asks for DE" },
		{ "pass in inet from fd00:1::1", "inet" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		struct pt_buf both = { 0 };
		struct pt_err e = { 0 };
		struct seen s;

		pt_buf_fmt(&both, "'pass in', '%s'", names[i].statement);
		assert_int_equal(run(more, "'pass'", both.s, &s, &e), -EINVAL);
		if (!strstr(e.list.v[0].msg, names[i].message))
			print_error("%s: %s\n", names[i].statement, e.list.v[0].msg);
		assert_non_null(strstr(e.list.v[0].msg, names[i].message));
		assert_true(e.list.v[0].loc.line > 0);
		assert_non_null(e.list.v[0].source);
		assert_int_equal(s.n, 0); /* none is proved when one is wrong */
		pt_err_fini(&e);
		pt_buf_fini(&both);
	}
}

/* The policy itself does not hear of what tests mention. */
static void nothing_is_left(void **state)
{
	struct pt_err e = { 0 };
	struct seen s = { 0 };
	struct pt_plan p;
	size_t ifrefs, tags;

	(void)state;
	begin(&p, &e, more, "'block', 'pass out tagged RED'", "'block in from <four> to (dmz:network:0)', 'block out tagged GREEN'");
	ifrefs = p.policy->ifrefs.n;
	tags = p.policy->tags.n;
	assert_int_equal(pt_expect_run(&p, PT_EXPECT_WRITTEN, NULL, NULL, NULL, see, &s, &e), 0);
	assert_int_equal(s.holds, 2);
	assert_int_equal(p.policy->ifrefs.n, ifrefs);
	assert_int_equal(p.policy->tags.n, tags);
	for (size_t i = 0; i < p.policy->tables.n; i++)
		assert_false(p.policy->tables.v[i].used);
	assert_int_equal(pt_expect_run(&p, PT_EXPECT_WRITTEN, NULL, NULL, "tt", see, &s, &e), -ENOENT);
	assert_non_null(strstr(e.list.v[e.list.n - 1].hint, "did you mean 't'?"));
	end(&p);
	pt_err_fini(&e);
}

static void many(void **state)
{
	struct pt_buf text = { 0 };
	struct pt_err e = { 0 };
	struct seen s;

	(void)state;
	for (unsigned int i = 0; i < 10000; i++)
		pt_buf_fmt(&text, "'%s in on lan proto tcp to 10.%u.%u.%u port %u',\n", i % 3 ? "pass" : "block", i % 256, i / 256, i % 7,
			   i % 65535 + 1);
	assert_int_equal(run("", "'block', 'pass in on lan'", text.s, &s, &e), 0);
	assert_int_equal(s.n, 10000);
	assert_int_equal(s.fails, 3334);
	assert_int_equal(s.holds, 6666);
	pt_buf_fini(&text);
	pt_err_fini(&e);
}

/* ---- proofs against packets ---- */

#define SETS 150
#define STATEMENTS 8
#define PACKETS 400

/* Alone, a statement is a rule: it says of which packets it speaks. */
static void alone(const char *statement, struct built *b, struct pt_eval **v)
{
	struct pt_buf rules = { 0 };

	pt_buf_fmt(&rules, "\"%s\"", statement);
	build_good(b, rules.s);
	assert_int_equal(pt_eval_new(b->policy, host, v, &b->err), 0);
	pt_buf_fini(&rules);
}

static bool speaks_of(const struct pt_eval *v, struct pt_packet k, const struct pt_policy *from, const struct pt_policy *to,
		      enum pt_dir dir, const char *device)
{
	/* the only one that statements bring */
	const char *tag = !k.tag ? NULL : k.tag > from->tags.n ? "RED" : from->tags.v[k.tag - 1];
	struct pt_decision d;

	k.tag = 0;
	for (size_t i = 0; tag && i < to->tags.n; i++)
		if (!strcmp(to->tags.v[i], tag))
			k.tag = (uint8_t)(i + 1);
	pt_evaluate(v, &k, dir, device, &d);
	return d.rule && !d.why;
}

struct proof {
	const char *statement;
	const struct built *rules;
	const struct pt_eval *eval;
	size_t met, found;
};

static void show_failure(const struct proof *p, const struct pt_packet *k, const char *device, const char *what)
{
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < p->rules->policy->rules.n; i++)
		print_error("%s\n", p->rules->policy->rules.v[i].text);
	pt_addr_fmt(&b, k->src);
	pt_buf_str(&b, " > ");
	pt_addr_fmt(&b, k->dst);
	print_error("%s: %s: proto %u %s sport %u dport %u flags %02x tag %u tos %u on %s\n", what, p->statement, k->proto, b.s, k->sport,
		    k->dport, k->tcp_flags, k->tag, k->tos, device);
	pt_buf_fini(&b);
	fail();
}

static bool is_self(struct pt_addr a)
{
	for (size_t i = 0; i < host->ifs.n; i++)
		for (size_t n = 0; n < host->ifs.v[i].addrs.n; n++) {
			struct pt_addr b = host->ifs.v[i].addrs.v[n].prefix.addr;

			if (b.af == a.af && b.v == a.v)
				return true;
		}
	for (size_t i = 0; i < host->anycast.n; i++)
		if (host->anycast.v[i].af == a.af && host->anycast.v[i].v == a.v)
			return true;
	return false;
}

/* Is A in a network of DEVICE, or, NULL, in one of some device? */
static bool is_connected(struct pt_addr a, const char *device)
{
	for (size_t i = 0; i < host->ifs.n; i++)
		for (size_t n = 0; n < host->ifs.v[i].addrs.n; n++) {
			const struct pt_prefix *p = &host->ifs.v[i].addrs.v[n].prefix;

			if (p->addr.af == a.af && pt_prefix_lo(p) <= a.v && a.v <= pt_prefix_hi(p) &&
			    (!device || !strcmp(host->ifs.v[i].device, device)))
				return true;
		}
	return false;
}

/* What routes say where they lead to the networks of addresses, and else everywhere. */
static void ask_routes(struct pt_packet *k, enum pt_dir dir, const char *device)
{
	bool lo = !strcmp(device, "lo"), near = k->af == PT_AF_INET6 && k->src.v >> 118 == 0xfe80 >> 6;

	k->no_route_src = k->no_route_dst = false;
	if (is_self(k->src))
		k->urpf_failed = dir == PT_IN && !lo;
	else if (is_connected(k->src, NULL))
		k->urpf_failed = dir == PT_IN && !near && !is_connected(k->src, device);
	else
		k->urpf_failed = dir == PT_IN && !near && lo;
}

/* Does Linux let K be there? */
static bool possible(const struct pt_packet *k, enum pt_dir dir, const char *device, bool pass)
{
	bool four = k->af == PT_AF_INET, group = four ? k->src.v >> 28 == 14 || k->src.v == UINT32_MAX : k->src.v >> 120 == 255;

	if (!strcmp(device, "lo"))
		return dir == PT_OUT || four || !group;
	if (dir == PT_OUT && is_self(k->dst))
		return false;
	if (dir == PT_IN && !four && is_self(k->src))
		return !pass && k->src.v != 1;
	if (dir == PT_OUT && !k->received)
		return true;
	/* IPv6 takes a packet from an address of its own: the rules where it arrives say whether it comes so far */
	return !group && !is_self(k->src) && (four ? k->src.v >> 24 != 127 : k->src.v != 1);
}

static void draw(struct proof *p, const struct seen *s)
{
	struct built one;
	struct pt_eval *v;

	alone(p->statement, &one, &v);
	if (s->x.result == PT_EXPECT_FAILS && !speaks_of(v, s->x.packet, p->rules->policy, one.policy, s->x.dir, s->x.device))
		show_failure(p, &s->x.packet, s->x.device, "its packet is not one of it");
	for (int i = 0; s->x.result != PT_EXPECT_FAILS && i < PACKETS; i++) {
		enum pt_dir dir = rnd(2) ? PT_IN : PT_OUT;
		const char *device = PICK(random_devices);
		struct pt_decision d;
		struct pt_packet k;

		random_packet(&k, dir, (uint32_t)p->rules->policy->tags.n);
		ask_routes(&k, dir, device);
		if (!possible(&k, dir, device, s->x.pass))
			continue;
		if (!speaks_of(v, k, p->rules->policy, one.policy, dir, device))
			continue;
		if (s->x.result == PT_EXPECT_NOTHING)
			show_failure(p, &k, device, "it says something");
		p->met++;
		pt_evaluate(p->eval, &k, dir, device, &d);
		if (d.pass != s->x.pass)
			show_failure(p, &k, device, "it does not hold");
	}
	p->found += s->x.result == PT_EXPECT_FAILS;
	pt_eval_free(v);
	drop(&one);
}

static void proofs_hold(void **state)
{
	size_t met = 0, found = 0, holds = 0, nothing = 0;

	(void)state;
	seed_random();
	for (int i = 0; i < SETS; i++) {
		struct pt_buf rules = { 0 };
		struct built b;
		struct pt_eval *v;

		for (uint32_t n = 1 + rnd(8); n; n--) {
			char *rule = one_rule(random_rule);

			pt_buf_fmt(&rules, "\"%s\"%s\n", rule, n > 1 ? "," : "");
			free(rule);
		}
		build_good(&b, rules.s);
		assert_int_equal(pt_eval_new(b.policy, host, &v, &b.err), 0);
		for (int k = 0; k < STATEMENTS; k++) {
			char *statement = one_rule(random_statement);
			struct proof p = { statement, &b, v, 0, 0 };
			struct pt_buf quoted = { 0 };
			struct pt_err e = { 0 };
			struct seen s;
			int rc;

			pt_buf_fmt(&quoted, "\"%s\"", statement);
			rc = run("", rules.s, quoted.s, &s, &e);
			if (rc)
				print_error("%s\n%s: %s\n", rules.s, statement, e.list.n ? e.list.v[0].msg : "");
			assert_int_equal(rc, 0);
			draw(&p, &s);
			met += p.met;
			found += p.found;
			holds += s.holds;
			nothing += s.nothing;
			pt_err_fini(&e);
			pt_buf_fini(&quoted);
			free(statement);
		}
		pt_eval_free(v);
		drop(&b);
		pt_buf_fini(&rules);
	}
	printf("# %zu statements fail, %zu hold for %zu packets drawn, %zu say nothing\n", found, holds, met, nothing);
	assert_true(found > SETS && holds > SETS && met > SETS && nothing > 0);
}

static int make_machine(void **state)
{
	(void)state;
	host = make_host();
	return 0;
}

static int free_machine(void **state)
{
	(void)state;
	pt_arena_free(host->arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_words), cmocka_unit_test(refused_names), cmocka_unit_test(meaning),
		cmocka_unit_test(plain_packets),
		cmocka_unit_test(nothing_is_left), cmocka_unit_test(many), cmocka_unit_test(proofs_hold),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_machine, free_machine);
}
