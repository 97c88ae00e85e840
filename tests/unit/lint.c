/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lint finds what it should, and nothing else. Each kind of finding is provoked, and so is what must not be one; then
 * random rules over a few addresses and ports, where every packet can be judged: what never decides there, and what may be
 * left out, is what lint says.
 *
 *   lint.t               a fixed seed
 *   PATRONUS_SEED=0x…    another one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/lint.h>
#include <patronus/plan.h>

#include "policy_make.h"

#define NOW 1763764200 /* Fri 2025-11-21 22:30:00 UTC */

static struct pt_host *host;

/* ---- one run ---- */

struct linted {
	struct built b;
	struct pt_eval *eval;
	struct pt_lint lint;
};

static const char *route(void *arg, struct pt_addr dst)
{
	(void)arg;
	if (dst.af == PT_AF_INET)
		return dst.v >> 24 == 198 ? "" : dst.v >> 8 == 0xc0a801 ? "lan0" : dst.v >> 16 == 0x0a00 ? "dmz0" : "wan0";
	return dst.v >> 112 == 0xfd00 ? "lan0" : dst.v >> 112 == 0x2001 ? "wan0" : "";
}

static bool yes(void *arg, enum pt_af af, const char *device)
{
	(void)arg;
	(void)af;
	(void)device;
	return true;
}

static bool no(void *arg, const char *device)
{
	(void)arg;
	(void)device;
	return false;
}

static void run(struct linted *l, bool details, uint64_t steps)
{
	struct pt_world w = { .policy = l->b.policy, .host = host, .route = route, .forwards = yes, .loopback = no,
			      .asks_routes = pt_world_asks_routes(l->b.policy) };
	struct pt_lint_input in = { .policy = l->b.policy, .host = host, .now = NOW, .details = details, .steps = steps };
	struct pt_lint_outside outside = { 0 };

	assert_int_equal(pt_policy_outside(l->b.policy, NULL, NOW, false, &l->b.err), 0);
	assert_int_equal(pt_eval_new(l->b.policy, host, &l->eval, &l->b.err), 0);
	in.eval = w.eval = l->eval;
	assert_int_equal(pt_host_self(host, host->arena, &w.self[0], &w.self[1]), 0);
	assert_int_equal(pt_lint_init(&l->lint), 0);
	assert_int_equal(pt_lint_outside(&w, l->lint.arena, &outside), 0);
	in.outside = outside.v;
	in.n_outside = outside.n;
	assert_int_equal(pt_lint_policy(&l->lint, &in, &l->b.err), 0);
	assert_int_equal(pt_lint_forwards(&l->lint, &w, &l->b.err), 0);
	assert_int_equal(pt_lint_end(&l->lint, l->b.policy, &l->b.err), 0);
}

static void end(struct linted *l)
{
	pt_lint_fini(&l->lint);
	pt_eval_free(l->eval);
	drop(&l->b);
}

/* "shadowed 2 < 0 1, twin 3" without what the preamble of the tests leaves unused */
static void in_words(const struct linted *l, struct pt_buf *out)
{
	for (size_t i = 0; i < l->lint.v.n; i++) {
		const struct pt_finding *f = &l->lint.v.v[i];

		if (f->code == PT_LINT_UNUSED && f->loc.line <= 9)
			continue;
		pt_buf_fmt(out, "%s%s", out->n ? ", " : "", pt_lint_code_name(f->code));
		if (f->rule)
			pt_buf_fmt(out, " %u", f->rule->ast);
		for (size_t k = 0; k < f->n_by; k++)
			if (f->by[k]->ast == PT_POL_BUILTIN)
				pt_buf_fmt(out, "%s%s", k ? " " : " < ", f->by[k]->name);
			else
				pt_buf_fmt(out, "%s%u", k ? " " : " < ", f->by[k]->ast);
	}
}

struct expected {
	const char *rules, *found;
};

static void expect(const struct expected *list, size_t n, bool details)
{
	for (size_t i = 0; i < n; i++) {
		struct pt_buf got = { 0 };
		struct linted l;

		memset(&l, 0, sizeof(l));
		build_good(&l.b, list[i].rules);
		run(&l, details, 0);
		in_words(&l, &got);
		if (strcmp(got.s ? got.s : "", list[i].found) != 0) {
			print_error("%s\n", list[i].rules);
			for (size_t k = 0; k < l.lint.v.n; k++)
				if (l.lint.v.v[k].rule)
					print_error("%s\n", l.lint.v.v[k].message);
		}
		assert_string_equal(got.s ? got.s : "", list[i].found);
		pt_buf_fini(&got);
		end(&l);
	}
}

#define EXPECT(...)                                                    \
	do {                                                           \
		static const struct expected list[] = { __VA_ARGS__ }; \
		(void)state;                                           \
		expect(list, PT_ARRAY_SIZE(list), false);              \
	} while (0)

#define LAN "\"pass in on lan inet proto tcp from 192.168.1.0/24 to any port 22\""

static void shadowed(void **state)
{
	EXPECT({ "\"block\", " LAN, "" },
	       /* asked from the last on */
	       { LAN ", \"block in on lan\"", "shadowed 0 < 1" }, { "\"block in quick on lan\", " LAN, "shadowed 1 < 0" },
	       { LAN ", \"block in on wan\"", "" }, { LAN ", \"block in on lan proto udp\"", "" },
	       { LAN ", \"block in on lan proto tcp to any port 22:23\"", "shadowed 0 < 1" },
	       { LAN ", \"block in on lan proto tcp to any port > 22\"", "" },
	       /* several together */
	       { LAN ", \"block in on lan inet from 192.168.1.0/25\", \"block in on lan inet from 192.168.1.128/25\"",
		 "shadowed 0 < 1 2" },
	       { LAN ", \"block in on lan inet from 192.168.1.0/25\", \"block in on lan inet from 192.168.1.129/32\"", "" },
	       { LAN ", \"block in on lan proto { tcp, udp } to any port != 23\"", "shadowed 0 < 1" },
	       /* the same verdict, in another way */
	       { "\"pass in log on lan from lan:network\", \"pass in on lan\"", "shadowed 0 < 1" },
	       { "\"block return in on lan proto udp\", \"block in on lan\"", "shadowed 0 < 1" },
	       /* negation and lists */
	       { "\"pass in on lan inet from { 10.0.0.0/8, 172.16.0.0/12 }\", \"block in on lan inet from ! 192.168.0.0/16\"",
		 "shadowed 0 < 1" },
	       { "\"pass in on lan inet from { 10.0.0.0/8, 192.168.7.0/24 }\", \"block in on lan inet from ! 192.168.0.0/16\"",
		 "partly 0 < 1" },
	       { "\"pass in on ! lan from 10.0.0.0/8\", \"block in on wan\"", "" },
	       { "\"pass in on wan from 10.0.0.0/8\", \"block in on ! lan\"", "shadowed 0 < 1" },
	       /* in and out */
	       { "\"pass on lan proto udp\", \"block in on lan\"", "" },
	       { "\"pass on lan proto udp\", \"block in on lan\", \"block out on lan\"", "shadowed 0 < 1 2" }, );
}

/* What may be another thing tomorrow hides nothing by what it is today. */
static void contents(void **state)
{
	EXPECT({ "\"pass in on lan from 192.168.1.77\", \"block in on lan from <bad>\"", "" },
	       { "\"pass in on lan from <bad>\", \"block in on lan from <bad>\"", "contradictory 0 < 1" },
	       { "\"pass in on lan from <bad>\", \"block in on lan from ! <bad>\"", "" },
	       { "\"pass in on lan proto udp from <bad>\", \"block in on lan from ! <bad>\", \"block in on lan from <bad>\"",
		 "shadowed 0 < 2" },
	       { "\"pass in on lan proto udp\", \"block in on lan from ! <bad>\", \"block in on lan from <bad>\"",
		 "shadowed 0 < 1 2" },
	       { "\"pass in on lan from <none>\", \"block in on lan from <bad>\"", "" },
	       { "\"pass in on wan to (wan)\", \"block in on wan to 203.0.113.2\"", "" },
	       { "\"pass in on wan to (wan)\", \"block in on wan to (wan)\"", "contradictory 0 < 1" },
	       { "\"pass in on wan to 203.0.113.2\", \"block in on wan to self\"", "" },
	       { "\"pass in on wan proto tcp from lan:network to any port 22\", \"block in on wan from 192.168.1.0/24\"",
		 "partly 0 < 1" },
	       { "\"pass in on wan inet proto tcp from lan:network to any port 22\", \"block in on wan from 192.168.1.0/24\"",
		 "shadowed 0 < 1" },
	       { "\"pass in on lan proto udp\", \"block in on lan proto udp probability 50%\"", "" },
	       /* each draws for itself */
	       { "\"pass in on lan proto udp probability 40%\", \"block in on lan proto udp probability 50%\"", "" },
	       { "\"pass in on lan proto udp\", \"block in on lan proto udp limit 5/s\"", "" }, );
}

static void redundant(void **state)
{
	EXPECT({ LAN ", \"pass in on lan\"", "redundant 0 < 1" }, { "\"pass in on lan\", " LAN, "redundant 1 < 0" },
	       { LAN ", \"block in on lan proto udp\", \"pass in on lan\"", "redundant 0 < 2, shadowed 1 < 2" },
	       { "\"pass in on lan\", \"block in on lan proto tcp\", " LAN, "" },
	       { "\"pass in on lan\", \"block in on lan proto udp\", " LAN, "redundant 2 < 0" },
	       { "\"pass in on lan inet from 192.168.1.0/25\", \"pass in on lan inet from 192.168.1.128/25\", " LAN,
		 "redundant 2 < 0 1" },
	       /* it counts for itself */
	       { "\"pass in quick on lan proto udp to any port 22 keep state (max 5)\", "
		 "\"pass in quick on lan proto udp to any port 22:23 keep state (max 5)\"", "" },
	       { "\"pass in log (limit 5/s) quick on lan proto udp to any port 22\", "
		 "\"pass in log (limit 5/s) quick on lan proto udp to any port 22:23\"", "" },
	       { "\"pass in quick on lan proto udp to any port 22 keep state (udp.single 5)\", "
		 "\"pass in quick on lan proto udp to any port 22:23 keep state (udp.single 5)\"", "redundant 0 < 1" },
	       /* it does something besides */
	       { "\"pass in on lan\", \"pass in log on lan proto tcp\"", "" },
	       { "\"pass in on lan\", \"pass in on lan proto tcp label counted\"", "" },
	       { "\"pass in on lan\", \"pass in on lan proto tcp set prio 5\"", "" },
	       { "\"pass in on lan\", \"pass in on lan proto tcp no state\"", "" },
	       { "\"pass in on lan\", \"pass in on lan proto tcp tag RED\", \"block out tagged RED\"", "" },
	       { "\"pass in on lan\", \"match in on lan proto tcp set prio 5\"", "" },
	       { "\"block\", \"block return in on lan\"", "" },
	       /* a rule that ends the search holds off the others */
	       { "\"pass in quick on lan proto tcp\", \"match in on lan set prio 5\", \"pass in on lan\"", "" },
	       { "\"pass in quick on lan proto tcp\", \"pass in on lan\"", "redundant 0 < 1" },
	       { "\"pass in quick on lan\", \"pass in quick on lan proto udp tag RED\", \"block out on lan tagged RED\"",
		 "shadowed 1 < 0" },
	       /* the default is no rule of the file */
	       { "\"block\"", "" }, { "\"block in\", \"block in on lan\"", "redundant 1 < 0" }, );
}

static void never(void **state)
{
	EXPECT({ "\"pass in on lan tagged RED\"", "never 0" }, { "\"pass in on lan tag RED\", \"pass out tagged RED\"", "" },
	       { "\"pass in on lan ! tagged RED\"", "unused" }, { "\"match in on lan tagged RED set prio 5\"", "never 0" },
	       { "\"pass in on lan proto udp\", \"block in on lan proto tcp tagged RED\"", "never 1" }, );
}

static void contradictory(void **state)
{
	EXPECT({ LAN ", \"block in on lan inet proto tcp from 192.168.1.0/24 to any port ssh flags S/SA\"",
		 "contradictory 0 < 1" },
	       { LAN ", \"block in on lan inet proto tcp from 192.168.1.0/24 to any port 22\"", "contradictory 0 < 1" },
	       { "\"block in on lan proto udp\", \"block in on wan\", \"pass in on lan proto udp\"", "contradictory 0 < 2" },
	       { "\"block quick on lan proto udp\", \"pass in on lan proto udp\"", "shadowed 1 < 0" }, );
}

static void partly(void **state)
{
	EXPECT({ "\"pass in on lan inet proto udp from 10.0.0.0/8 to any port { 53, 123, 500 }\", \"block in on lan proto udp to any port 123\"",
		 "partly 0 < 1" },
	       { "\"pass in on { lan, wan } proto udp to any port 53\", \"block in on wan\"", "partly 0 < 1" },
	       { "\"pass in on lan inet from { 10.0.0.0/8, <bad> }\", \"block in on lan from <bad>\"", "partly 0 < 1" },
	       { "\"pass in on lan proto { udp, tcp } to any port 53\", \"block in on lan proto udp\"", "partly 0 < 1" }, );
}

static void wide(void **state)
{
	EXPECT({ "\"pass in on wan\"", "wide 0" },
	       { "\"pass in\"", "wide 0" },
	       { "\"pass in on lan\"", "" },
	       { "\"pass out\"", "" },
	       { "\"pass in on wan proto tcp\"", "wide 0" }, { "\"pass in on wan proto icmp\"", "" },
	       { "\"pass in on wan proto tcp to any port 443\"", "" },
	       { "\"pass in on wan proto tcp to any port != 25\"", "wide 0" },
	       { "\"pass in on wan from 198.51.100.0/24\"", "" }, { "\"pass in on wan from ! <bad>\"", "wide 0" },
	       { "\"pass in on wan to (wan)\"", "" },
	       /* what is blocked there is not open */
	       { "\"block in quick on wan\", \"pass in\"", "" },
	       { "\"pass in on wan\", \"block in on wan\"", "contradictory 0 < 1" }, );
}

static void twin(void **state)
{
	EXPECT({ "\"pass in on lan inet proto tcp to any port 22\"", "twin 0" },
	       { "\"pass in on lan proto tcp to any port 22\"", "" },
	       { "\"pass in on lan inet proto tcp to any port 22\", \"pass in on lan inet6 proto tcp to any port 22\"", "" },
	       { "\"pass in on lan inet proto tcp to any port 22\", \"pass in on lan inet6 proto tcp to any port 22:23\"",
		 "twin 1" },
	       { "\"pass in on lan inet proto tcp to any port 22\", \"pass in on lan inet6 from fd00::/8\"", "" },
	       { "\"pass in on lan inet proto tcp to any port { 22, 80 }\", \"pass in on lan inet6 proto tcp from fd00::/8 to any port 22\"",
		 "twin 0" },
	       { "\"pass in on lan inet proto tcp to any port 22\", \"pass in on lan inet6 proto tcp to any port 22\", "
		 "\"block in quick from dmz:network\"",
		 "" },
	       /* said so */
	       { "\"pass in on lan inet proto tcp to any port 22\", \"block in quick inet6\"", "" },
	       { "\"pass in on lan inet proto tcp from 192.168.1.0/24 to any port 22\"", "" },
	       { "\"pass in on lan inet proto icmp\"", "" },
	       { "\"pass in on lan proto tcp from lan:network to any port 22\"", "" },
	       { "\"pass in on lan inet proto tcp from <four> to any port 22\"", "" },
	       { "\"pass in on lan inet proto tcp from <good> to any port 22\"", "twin 0" },
	       /* the exceptions are the same in both */
	       { "\"pass in on lan\", \"block in on lan inet proto tcp\", \"block in on lan inet6 proto tcp\"", "" },
	       { "\"pass in on lan\", \"block in on lan inet proto tcp\"", "twin 1 < 0" }, );
}

#define RDR "in on wan inet proto tcp to any port 8443 rdr-to 10.0.5.20 port 443"

static void unadmitted(void **state)
{
	EXPECT({ "\"pass " RDR "\"", "unadmitted 0" }, { "\"pass out\", \"pass " RDR "\"", "" },
	       { "\"pass out on dmz proto tcp to 10.0.5.20 port 443\", \"pass " RDR "\"", "" },
	       { "\"pass out on dmz proto tcp to 10.0.5.20 port 8443\", \"pass " RDR "\"", "unadmitted 1" },
	       { "\"pass out on lan\", \"pass " RDR "\"", "unadmitted 1" },
	       { "\"pass out\", \"match " RDR "\"", "unadmitted 1" },
	       { "\"pass out\", \"match " RDR "\", \"pass in on wan proto tcp to 10.0.5.20 port 443\"", "" },
	       { "\"pass out\", \"match " RDR "\", \"pass in on wan proto tcp to 10.0.5.20 port 8443\"", "unadmitted 1, never 2" },
	       { "\"pass in on wan inet proto tcp to any port 2222 rdr-to 127.0.0.1 port 22\"", "" },
	       /* what lets this machine's own packets out lets no others out, whichever rule takes those from there before */
	       { "\"block\", \"pass out from self\", \"pass " RDR "\"", "unadmitted 2 < 0" },
	       { "\"block\", \"pass out from self\", \"pass " RDR "\", \"block in quick on wan from { self, 127.0.0.0/8 }\"",
		 "unadmitted 2 < 0" },
	       { "\"block\", \"pass out from 198.51.100.0/24\", \"pass " RDR "\"", "" },
	       { "\"block\", \"pass out from 198.51.100.0/24\", \"pass " RDR "\", \"block in quick on wan from 198.51.100.0/24\"",
		 "unadmitted 2 < 0" },
	       { "\"block\", \"pass out on dmz user root\", \"pass " RDR "\"", "unadmitted 2 < 0" },
	       { "\"block\", \"pass out on dmz tagged RED\", \"pass " RDR " tag RED\"", "" },
	       { "\"block\", \"pass in on lan proto udp tag RED\", \"pass out on dmz tagged RED\", \"pass " RDR "\"", "unadmitted 3 < 0" },
	       { "\"block\", \"pass out on dmz received-on wan\", \"pass " RDR "\"", "" },
	       { "\"block\", \"pass out on dmz received-on lan\", \"pass " RDR "\"", "unadmitted 2 < 0" },
	       { "\"block\", \"block in quick from urpf-failed\", \"match " RDR "\"", "unadmitted 2 < 0" }, );
}

static void generalises(void **state)
{
	static const struct expected list[] = {
		{ "\"block in on lan proto tcp\", " LAN, "generalises 0 < 1" },
		{ "\"block in\", " LAN, "" }, { "\"pass in on lan\", " LAN, "redundant 1 < 0" },
		{ "\"block in on lan proto tcp\", \"pass in on lan proto tcp to any port 80\", " LAN, "generalises 0 < 1 2" },
	};

	(void)state;
	expect(list, PT_ARRAY_SIZE(list), true);
}

/* ---- names, and what is allowed ---- */

static void file_is(const char *text, const char *found)
{
	struct pt_buf got = { 0 };
	struct linted l;

	memset(&l, 0, sizeof(l));
	assert_int_equal(pt_policy_parse("t.conf", text, strlen(text), &l.b.conf, &l.b.policy, &l.b.err), 0);
	run(&l, false, 0);
	for (size_t i = 0; i < l.lint.v.n; i++)
		pt_buf_fmt(&got, "%u %s %s: %s\n", l.lint.v.v[i].loc.line, pt_lint_sev_name(l.lint.v.v[i].sev),
			   pt_lint_code_name(l.lint.v.v[i].code), l.lint.v.v[i].message);
	assert_string_equal(got.s ? got.s : "", found);
	pt_buf_fini(&got);
	end(&l);
}

static void unused(void **state)
{
	(void)state;
	file_is("interface lan { device = \"lan0\" groups = { \"inside\", \"house\" } }\n"
		"interface wan { device = \"wan0\" }\n"
		"table a { persist = true }\n"
		"table b { persist = true }\n"
		"table c { persist = true }\n"
		"macro web { value = \"80\" }\n"
		"macro mail { value = \"25\" }\n"
		"schedule night { hours = { \"22:00-06:00\" } }\n"
		"schedule day { hours = { \"06:00-22:00\" } }\n"
		"anchor used { rules = { \"pass in on lan proto udp\" } }\n"
		"anchor left { rules = { \"pass in on lan proto udp\" } }\n"
		"firewall { rules = {\n"
		"	\"anchor used\",\n"
		"	\"block in from <a>\",\n"
		"	\"pass in on inside proto tcp to any port $web schedule night keep state (max-src-conn-rate 5/30s, overload <b>)\",\n"
		"	\"pass in on lan proto tcp to any port 81 tag ODD\",\n"
		"} }\n",
		"1 note unused: group house: no rule names it\n"
		"2 note unused: interface wan: no rule names it or a group of it\n"
		"4 warning unused: table b: rules put addresses into it, and none asks for it\n"
		"5 warning unused: table c: no rule refers to it\n"
		"7 warning unused: macro mail: no rule uses it\n"
		"9 warning unused: schedule day: no rule refers to it\n"
		"11 warning unused: anchor left: no rule asks it\n"
		"16 warning unused: tag ODD: it is set, and no rule asks for it\n");
}

static void allowed(void **state)
{
	(void)state;
	file_is("interface wan { device = \"wan0\" } # lint: unused\n"
		"# lint: unused (a script fills it)\n"
		"table a { persist = true }\n"
		"/* lint: unused, never */\n"
		"table b { persist = true }\n"
		"table c { persist = true } // lint: unsued\n"
		"firewall { rules = {\n"
		"	# no lint: here\n"
		"	\"pass in\", # lint: wide\n"
		"	# lint: wide\n"
		"	# and another comment\n"
		"	\"block in proto tcp\",\n"
		"} }\n",
		"4 note allowed: there is nothing here that is never\n"
		"6 warning unused: table c: no rule refers to it\n"
		"6 warning allowed: no finding is called unsued\n"
		"10 note allowed: there is nothing here that is wide\n");
}

/* Built-in rules are before all others, and say nothing about who repeats whom. */
static void built_in(void **state)
{
	(void)state;
	file_is("interface lan { device = \"lan0\" }\n"
		"firewall { rules = {\n"
		"	\"pass in proto tcp to self port 22\",\n"
		"	\"pass in proto tcp to self port 22\",\n"
		"	\"pass in on lo proto udp from any to any port 1\",\n"
		"	\"pass out on lan\",\n"
		"} }\n",
		"3 warning redundant: it never decides: the rule of line 4, later in the file, wins for all its packets, and does the same\n"
		"4 warning redundant: without it nothing would be different: the rule of line 3 does the same with its packets\n"
		"5 warning shadowed: it never decides: rule builtin-loopback takes all its packets before\n");
}

static void schedules(void **state)
{
	(void)state;
	file_is("system { timezone = \"UTC\" }\n"
		"interface lan { device = \"lan0\" }\n"
		"schedule over { dates = { \"2025-03-01/2025-03-31\" } }\n"
		"schedule then { dates = { \"2025-12-01/2025-12-31\" } }\n"
		"firewall { rules = {\n"
		"	\"pass in on lan proto udp schedule over\",\n"
		"	\"pass in on lan proto tcp schedule then\",\n"
		"} }\n",
		"6 warning never: it never matches: the schedule over is over\n");
}

/* ---- bad will ---- */

static size_t hostile(const char *(*rule)(struct pt_buf *b, uint32_t i), uint32_t n, uint64_t steps, size_t count[PT_LINT_CODES])
{
	struct pt_buf text = { 0 };
	struct linted l;
	size_t all;

	memset(&l, 0, sizeof(l));
	memset(count, 0, PT_LINT_CODES * sizeof(*count));
	pt_buf_str(&text, "interface lan { device = \"lan0\" }\nfirewall { builtin = false rules = {\n");
	for (uint32_t i = 0; i < n; i++) {
		pt_buf_chr(&text, '"');
		rule(&text, i);
		pt_buf_str(&text, "\",\n");
	}
	pt_buf_str(&text, "} }\n");
	assert_int_equal(text.err, 0);
	assert_int_equal(pt_policy_parse("t.conf", text.s, text.n, &l.b.conf, &l.b.policy, &l.b.err), 0);
	run(&l, false, steps);
	all = l.lint.v.n;
	for (size_t i = 0; i < all; i++)
		count[l.lint.v.v[i].code]++;
	end(&l);
	pt_buf_fini(&text);
	return all;
}

static const char *equal_rule(struct pt_buf *b, uint32_t i)
{
	pt_buf_fmt(b, "%s in on lan proto udp to any port 53", i % 2 ? "pass" : "block");
	return b->s;
}

/* 10.0.0.0/8 in 10.0.0.0/7 and so on, asked from the inside out. */
static const char *nested_rule(struct pt_buf *b, uint32_t i)
{
	uint32_t len = 32 - i % 32, net = (i / 32 * 2654435761u) & (len ? ~0u << (32 - len) : 0);

	pt_buf_fmt(b, "%s in quick on lan from %u.%u.%u.%u/%u to any port 53", i % 2 ? "pass" : "block", net >> 24, net >> 16 & 255,
		   net >> 8 & 255, net & 255, len);
	/* ports are of protocols that have them */
	b->n -= strlen(" port 53");
	b->s[b->n] = '\0';
	return b->s;
}

static const char *crossing_rule(struct pt_buf *b, uint32_t i)
{
	uint32_t x = i * 2654435761u;

	pt_buf_fmt(b, "%s in quick on lan proto udp from %u.0.0.0/%u to %u.0.0.0/%u port %u:%u", x & 8 ? "pass" : "block",
		   (x >> 24) & 0xf0, 4u, (x >> 16) & 0xe0, 3u, (x >> 4) % 60000 + 1, (x >> 4) % 60000 + 1 + x % 5000);
	return b->s;
}

/* All of IPv4 in 256 squares, and a rule behind them. */
static const char *square_rule(struct pt_buf *b, uint32_t i)
{
	if (i == 256)
		pt_buf_str(b, "pass in quick on lan inet proto udp");
	else
		pt_buf_fmt(b, "block in quick on lan proto udp from %u.0.0.0/4 to %u.0.0.0/4", i & 0xf0, (i & 15) << 4);
	return b->s;
}

static const char *port_rule(struct pt_buf *b, uint32_t i)
{
	pt_buf_fmt(b, "pass in on lan proto udp to any port %u", i + 1);
	return b->s;
}

static void bad_will(void **state)
{
	size_t count[PT_LINT_CODES];

	(void)state;
	hostile(equal_rule, 10000, 0, count);
	assert_int_equal(count[PT_LINT_CONTRADICTORY] + count[PT_LINT_REDUNDANT] + count[PT_LINT_SHADOWED], 9999);
	hostile(nested_rule, 32, 0, count);
	assert_int_equal(count[PT_LINT_SHADOWED] + count[PT_LINT_REDUNDANT] + count[PT_LINT_UNDECIDED], 0);
	hostile(nested_rule, 8000, 0, count);
	assert_int_equal(count[PT_LINT_UNDECIDED], 0);
	assert_true(count[PT_LINT_SHADOWED] > 4000);
	hostile(port_rule, 65535, 0, count);
	assert_int_equal(count[PT_LINT_SHADOWED] + count[PT_LINT_REDUNDANT] + count[PT_LINT_UNDECIDED], 0);
	hostile(crossing_rule, 3000, 0, count);
	/* what takes too long is told to be unknown, and soon */
	hostile(square_rule, 257, 0, count);
	assert_int_equal(count[PT_LINT_SHADOWED], 1);
	hostile(square_rule, 257, 1, count);
	assert_int_equal(count[PT_LINT_SHADOWED], 0);
	assert_true(count[PT_LINT_UNDECIDED] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shadowed),	cmocka_unit_test(contents), cmocka_unit_test(redundant),
		cmocka_unit_test(never),	cmocka_unit_test(contradictory), cmocka_unit_test(partly),
		cmocka_unit_test(wide),		cmocka_unit_test(twin),	    cmocka_unit_test(unadmitted),
		cmocka_unit_test(generalises),	cmocka_unit_test(unused),   cmocka_unit_test(allowed),
		cmocka_unit_test(schedules),	cmocka_unit_test(built_in),
		cmocka_unit_test(bad_will),
	};
	int failed;

	host = make_host();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("lint", tests, NULL, NULL);
	pt_arena_free(host->arena);
	return failed;
}
