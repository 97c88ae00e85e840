/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lint against all packets there are: random rules over a few addresses, ports and tags, so that a few thousand packets stand
 * for every one. A rule that lint says never decides decides none of them, and one that decides none is told; without a
 * redundant one each of them meets the same end. With tables this holds whatever is in them.
 *
 *   lint_brute.t         a fixed seed
 *   PATRONUS_SEED=0x…    another one; PATRONUS_SETS=N for so many sets of rules
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

#define RULES_MAX 7
#define SETS 600

static uint64_t rng = 0x5eed1e55u;
static size_t sets = SETS;
static struct pt_host *host;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

#define PICK(a) ((a)[rnd((uint32_t)PT_ARRAY_SIZE(a))])

/* ---- rules ---- */

static const char *const places[] = { "any", "any", "any", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.1",
				      "! 10.0.0.0/31", "{ 10.0.0.0, 10.0.0.3 }", "fd00::/127", "fd00::1", "{ 10.0.0.2, fd00:: }" };
static const char *const tabled[] = { "<t>", "! <t>", "<u>", "{ <t>, 10.0.0.1 }", "any" };

static void gen_rule(struct pt_buf *b, bool tables)
{
	static const char *const actions[] = { "pass", "pass", "pass", "pass", "block", "block", "block", "block return", "match" };
	static const char *const on[] = { "", "", " on a", " on ! a", " on { a, b }", " on b" };
	static const char *const protos[] = { "", "", " proto tcp", " proto udp", " proto { tcp, udp }", " proto gre" };
	static const char *const ports[] = { "80", "81", "80:81", "!= 80", "{ 80, 82 }", "< 81" };
	static const char *const rest[] = { "",		 "",	      " flags any", " no state", " flags any no state", " tag RED",
					    " tagged RED", " ! tagged RED", " log",	" tag RED" };
	const char *action = PICK(actions), *proto = PICK(protos), *tail = PICK(rest), *src, *dst;
	bool match = !strcmp(action, "match");

	src = tables && rnd(2) ? PICK(tabled) : PICK(places);
	dst = tables && rnd(4) == 0 ? PICK(tabled) : rnd(2) ? "any" : PICK(places);
	/* families that cannot meet are an error */
	if (strcmp(src, "any") != 0 && strcmp(dst, "any") != 0)
		dst = "any";
	pt_buf_fmt(b, "\"%s%s%s%s%s from %s to %s", action, rnd(4) ? " in" : " out", !match && !rnd(4) ? " quick" : "", PICK(on),
		   proto, src, dst);
	if (*proto && strcmp(proto, " proto gre") != 0 && rnd(2))
		pt_buf_fmt(b, " port %s", PICK(ports));
	if ((strstr(tail, "state") && strcmp(action, "pass") != 0) || (match && !strcmp(tail, " log")))
		tail = " tag RED";
	if (strstr(tail, "flags") && strcmp(proto, " proto tcp") != 0 && (*proto || strcmp(action, "pass") != 0))
		tail = "";
	pt_buf_fmt(b, "%s\"", tail);
}

struct set {
	char *rule[RULES_MAX];
	size_t n;
};

static void gen_set(struct set *s, bool tables)
{
	s->n = 2 + rnd(RULES_MAX - 1);
	for (size_t i = 0; i < s->n; i++) {
		struct pt_buf b = { 0 };

		gen_rule(&b, tables);
		assert_int_equal(b.err, 0);
		s->rule[i] = b.s;
	}
}

static void drop_set(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->rule[i]);
}

/* ---- policies ---- */

struct made {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_eval *eval;
};

/* Without rule number WITHOUT. */
static bool make(struct made *m, const struct set *s, size_t without)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	int rc;

	memset(m, 0, sizeof(*m));
	pt_buf_str(&b, "interface a { device = \"a0\" }\ninterface b { device = \"b0\" }\n"
		       "table t { persist = true }\ntable u { persist = true }\nfirewall { builtin = false rules = {\n");
	for (size_t i = 0; i < s->n; i++)
		if (i != without)
			pt_buf_fmt(&b, "%s,\n", s->rule[i]);
	pt_buf_str(&b, "} }\n");
	assert_int_equal(b.err, 0);
	rc = pt_policy_parse("t.conf", b.s, b.n, &m->conf, &m->policy, &e);
	if (!rc)
		rc = pt_eval_new(m->policy, host, &m->eval, &e);
	pt_err_fini(&e);
	pt_buf_fini(&b);
	return !rc;
}

static void unmake(struct made *m)
{
	pt_eval_free(m->eval);
	pt_policy_free(m->policy);
	pt_conf_free(m->conf);
}

/* ---- all packets ---- */

static const struct {
	uint8_t proto, flags;
	uint16_t dport;
	bool no_flags, no_ports;
} kinds[] = {
	{ 6, 2, 80, false, false },  { 6, 2, 81, false, false },  { 6, 2, 82, false, false },  { 6, 2, 9, false, false },
	{ 6, 2, 90, false, false },  { 6, 16, 80, false, false }, { 6, 16, 81, false, false }, { 6, 16, 90, false, false },
	{ 6, 18, 80, false, false }, { 6, 3, 80, false, false },  { 6, 3, 81, false, false },  { 6, 3, 90, false, false },
	{ 6, 3, 82, false, false },  { 6, 3, 9, false, false },	  { 6, 16, 82, false, false }, { 6, 16, 9, false, false },
	{ 6, 18, 81, false, false }, { 6, 18, 82, false, false }, { 6, 18, 9, false, false },  { 6, 18, 90, false, false },
	{ 6, 0, 80, true, false },   { 6, 0, 81, true, false },	  { 6, 0, 82, true, false },   { 6, 0, 9, true, false },
	{ 6, 0, 90, true, false },   { 6, 0, 0, true, true },	  { 17, 0, 80, false, false }, { 17, 0, 81, false, false },
	{ 17, 0, 82, false, false }, { 17, 0, 9, false, false },  { 17, 0, 90, false, false }, { 17, 0, 0, true, true },
	{ 47, 0, 0, false, false },  { 1, 0, 0, false, false },	  { 58, 0, 0, false, false },
};
static const char *const addresses[] = { "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "11.0.0.1",
					 "fd00::",   "fd00::1",	 "fd00::2" };
static const char *const devices[] = { "a0", "b0", "c0" };

struct one {
	struct pt_packet k;
	enum pt_dir dir;
	const char *device;
};
static struct one *packets;
static size_t n_packets;

static void add_packet(const struct pt_addr *src, const struct pt_addr *dst, size_t kind, enum pt_dir dir, const char *device,
		       uint8_t tag)
{
	struct pt_packet k = { .af = src->af, .src = *src, .dst = *dst, .proto = kinds[kind].proto, .tcp_flags = kinds[kind].flags,
			       .dport = kinds[kind].dport, .sport = kinds[kind].no_ports || !kinds[kind].dport ? 0 : 1024,
			       .no_flags = kinds[kind].no_flags && kinds[kind].proto == 6, .no_ports = kinds[kind].no_ports,
			       .tag = tag, .mac = PT_NO_MAC, .time = 1763764200 };

	if ((k.proto == 1 && k.af == PT_AF_INET6) || (k.proto == 58 && k.af == PT_AF_INET))
		return;
	if (k.proto == 1)
		k.icmp_type = 8;
	if (k.proto == 58)
		k.icmp_type = 128;
	k.ct = pt_packet_ct(&k);
	packets[n_packets++] = (struct one){ k, dir, device };
}

static void make_packets(void)
{
	struct pt_addr a[PT_ARRAY_SIZE(addresses)];

	for (size_t i = 0; i < PT_ARRAY_SIZE(addresses); i++)
		assert_int_equal(pt_addr_parse(addresses[i], &a[i]), 0);
	packets = calloc(PT_ARRAY_SIZE(a) * PT_ARRAY_SIZE(a) * PT_ARRAY_SIZE(kinds) * 12, sizeof(*packets));
	assert_non_null(packets);
	for (size_t s = 0; s < PT_ARRAY_SIZE(a); s++)
		for (size_t d = 0; d < PT_ARRAY_SIZE(a); d++)
			for (size_t k = 0; a[s].af == a[d].af && k < PT_ARRAY_SIZE(kinds); k++)
				for (uint32_t x = 0; x < 12; x++)
					add_packet(&a[s], &a[d], k, x & 1 ? PT_OUT : PT_IN, devices[x / 2 % 3], x / 6 ? 1 : 0);
}

/* ---- comparison ---- */

/* Tags are numbered as they come: with no rule setting RED, packets with it are none that there are. */
static bool red_is_set(const struct pt_policy *p)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].tag)
			return true;
	return false;
}

static bool red_is_asked(const struct pt_policy *p)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].tagged)
			return true;
	return false;
}

static void decide_all(const struct made *m, struct pt_decision *out)
{
	for (size_t i = 0; i < n_packets; i++)
		pt_evaluate(m->eval, &packets[i].k, packets[i].dir, packets[i].device, &out[i]);
}

static bool same_end(const struct pt_decision *x, const struct pt_decision *y)
{
	if (!x->rule != !y->rule)
		return false;
	return x->pass == y->pass && !x->why == !y->why && x->ret == y->ret && x->tag == y->tag &&
	       (!x->rule || (x->rule->log == y->rule->log && x->rule->keep_state == y->rule->keep_state));
}

static bool says(const struct pt_lint *l, size_t rule, enum pt_lint_code code)
{
	for (size_t i = 0; i < l->v.n; i++)
		if (l->v.v[i].code == code && l->v.v[i].rule && l->v.v[i].rule->ast == rule)
			return true;
	return false;
}

static bool says_idle(const struct pt_lint *l, size_t rule)
{
	for (size_t i = 0; i < l->v.n; i++)
		if (l->v.v[i].rule && l->v.v[i].rule->ast == rule &&
		    (l->v.v[i].code == PT_LINT_NEVER || strstr(l->v.v[i].message, "it never decides")))
			return true;
	return false;
}

static void lint(const struct made *m, struct pt_lint *l)
{
	struct pt_lint_input in = { .policy = m->policy, .host = host, .eval = m->eval };
	struct pt_err e = { 0 };

	assert_int_equal(pt_lint_init(l), 0);
	assert_int_equal(pt_lint_policy(l, &in, &e), 0);
	assert_int_equal(pt_lint_end(l, m->policy, &e), 0);
	pt_err_fini(&e);
}

static void complain(const struct set *s, size_t rule, const char *what)
{
	for (size_t i = 0; i < s->n; i++)
		print_error("%zu %s\n", i, s->rule[i]);
	fail_msg("rule %zu %s", rule, what);
}

static const struct pt_pol_rule *first_of(const struct pt_policy *p, size_t ast)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].ast == ast)
			return &p->rules.v[i];
	return NULL;
}

/* What it holds off would be another end, or lint is not sure: something acts behind a rule that ends the search. */
static bool is_excused(const struct pt_policy *p, const struct pt_pol_rule *r)
{
	for (size_t i = r->index; r->quick && i < p->rules.n; i++)
		if (p->rules.v[i].action == PT_MATCH || (p->rules.v[i].tag && !p->rules.v[i].quick))
			return true;
	return r->tag != 0;
}

struct counts {
	size_t idle, redundant, sets;
};

static bool there_is(const struct made *m, size_t packet)
{
	return !packets[packet].k.tag || red_is_set(m->policy);
}

/* Without rule R each packet meets the same end. */
static bool changes_nothing(const struct set *s, size_t r, const struct made *m, const struct pt_decision *with,
			    struct pt_decision *without)
{
	struct made less;
	bool same = true;

	if (!make(&less, s, r))
		return false;
	decide_all(&less, without);
	for (size_t i = 0; same && i < n_packets; i++)
		same = !there_is(m, i) || same_end(&with[i], &without[i]);
	unmake(&less);
	return same;
}

static void compare(const struct set *s, const struct made *m, struct pt_decision *with, struct pt_decision *without,
		    struct counts *n)
{
	bool decides[RULES_MAX] = { false };
	struct pt_lint l;

	lint(m, &l);
	decide_all(m, with);
	for (size_t i = 0; i < n_packets; i++)
		if (with[i].rule && there_is(m, i))
			decides[with[i].rule->ast] = true;
	for (size_t r = 0; r < s->n; r++) {
		const struct pt_pol_rule *rule = first_of(m->policy, r);
		bool on_the_way = rule && rule->tag && !rule->quick && red_is_asked(m->policy);

		if (!rule || rule->action == PT_MATCH)
			continue;
		if (decides[r] && says_idle(&l, r))
			complain(s, r, "decides, and lint says that it does not");
		if (!decides[r] && !says_idle(&l, r) && !on_the_way)
			complain(s, r, "does not decide, and lint does not tell");
		n->idle += !decides[r];
		if (!decides[r])
			continue;
		if (says(&l, r, PT_LINT_REDUNDANT)) {
			n->redundant++;
			if (!changes_nothing(s, r, m, with, without))
				complain(s, r, "is not redundant");
		} else if (!is_excused(m->policy, rule) && changes_nothing(s, r, m, with, without)) {
			complain(s, r, "is redundant, and lint does not tell");
		}
	}
	pt_lint_fini(&l);
}

static void all_packets(void **state)
{
	struct pt_decision *with = calloc(n_packets, sizeof(*with)), *without = calloc(n_packets, sizeof(*without));
	struct counts n = { 0 };

	(void)state;
	for (size_t i = 0; i < sets; i++) {
		struct made m;
		struct set s;

		gen_set(&s, false);
		if (make(&m, &s, SIZE_MAX)) {
			compare(&s, &m, with, without, &n);
			n.sets++;
		}
		unmake(&m);
		drop_set(&s);
	}
	print_message("# %zu sets of rules, %zu packets each: %zu rules never decide, %zu redundant ones do\n", n.sets, n_packets,
		      n.idle, n.redundant);
	assert_true(n.sets > sets / 2 && n.idle > sets / 16 && n.redundant > 0);
	free(with);
	free(without);
}

/* ---- tables ---- */

static void fill(struct made *m, const char *table)
{
	struct pt_iset v4 = { 0 }, v6 = { 0 };
	struct pt_addr a;

	for (size_t i = 0; i < PT_ARRAY_SIZE(addresses); i++) {
		if (rnd(2))
			continue;
		assert_int_equal(pt_addr_parse(addresses[i], &a), 0);
		assert_int_equal(pt_iset_add(NULL, a.af == PT_AF_INET ? &v4 : &v6, a.v, a.v), 0);
	}
	pt_iset_norm(&v4);
	pt_iset_norm(&v6);
	assert_int_equal(pt_eval_table(m->eval, table, &v4, &v6), 0);
	pt_iset_fini(&v4);
	pt_iset_fini(&v6);
}

/* What lint says holds with any contents; what decides with some is not told. */
static void any_contents(void **state)
{
	struct pt_decision *with = calloc(n_packets, sizeof(*with));
	size_t idle = 0;

	(void)state;
	for (size_t i = 0; i < sets; i++) {
		struct pt_lint l;
		struct made m;
		struct set s;

		gen_set(&s, true);
		if (!make(&m, &s, SIZE_MAX)) {
			unmake(&m);
			drop_set(&s);
			continue;
		}
		lint(&m, &l);
		for (size_t r = 0; r < s.n; r++)
			idle += says_idle(&l, r);
		for (size_t times = 0; times < 4; times++) {
			fill(&m, "t");
			fill(&m, "u");
			decide_all(&m, with);
			for (size_t k = 0; k < n_packets; k++)
				if (with[k].rule && there_is(&m, k) && says_idle(&l, with[k].rule->ast))
					complain(&s, with[k].rule->ast, "decides with other contents of a table");
		}
		pt_lint_fini(&l);
		unmake(&m);
		drop_set(&s);
	}
	print_message("# %zu rules never decide whatever tables hold\n", idle);
	assert_true(idle > 0);
	free(with);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_packets), cmocka_unit_test(any_contents) };
	const char *seed = getenv("PATRONUS_SEED"), *n = getenv("PATRONUS_SETS");
	struct pt_arena *a = pt_arena_new();
	int failed;

	if (seed)
		rng = strtoull(seed, NULL, 0) | 1;
	if (n)
		sets = strtoul(n, NULL, 10);
	host = pt_arena_alloc(a, sizeof(*host));
	host->arena = a;
	make_packets();
	print_message("# seed 0x%llx\n", (unsigned long long)rng);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("lint against all packets", tests, NULL, NULL);
	free(packets);
	pt_arena_free(a);
	return failed;
}
