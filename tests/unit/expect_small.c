/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A world so small that all of its packets can be asked one by one: what is said of all packets - that a statement holds, what
 * differs between two policies - must be what comes out of that. Rules here tell apart only what the packets differ in, so that
 * each stands for all that are like it.
 */
#include <errno.h>
#include <stdio.h>

#include <patronus/plan.h>
#include <patronus/space.h>

#include "policy_random.h"

#define SETS 120

static struct pt_host *host;

/* ---- rules ---- */

static void small_conditions(struct pt_buf *b)
{
	static const char *const on[] = { "", "", " on lan", " on wan", " on ! lan" };
	static const char *const protos[] = { "", " proto tcp", " proto udp", " proto { tcp, udp }", " proto icmp", " proto gre" };
	static const char *const hosts[] = { "any", "any", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.0/30", "10.0.0.1", "10.0.0.2", "! 10.0.0.3",
					     "{ 10.0.0.0, 10.0.0.3 }" };
	static const char *const ports[] = { "", "", " port 1", " port 1:2", " port != 2", " port > 2" };
	static const char *const flags[] = { "", "", "", " flags any", " flags A/A", " flags S/S" };
	uint32_t proto = rnd(PT_ARRAY_SIZE(protos));

	pt_buf_fmt(b, "%s inet%s from %s to %s", PICK(on), protos[proto], PICK(hosts), PICK(hosts));
	if (proto >= 1 && proto <= 3)
		pt_buf_str(b, PICK(ports));
	if (proto == 4 && rnd(2))
		pt_buf_str(b, rnd(2) ? " icmp-type echoreq" : " icmp-type unreach");
	if (proto == 1)
		pt_buf_str(b, PICK(flags));
}

static void small_rule(struct pt_buf *b)
{
	static const char *const dirs[] = { "", " in", " out" };
	bool pass = rnd(2);

	pt_buf_fmt(b, "%s%s%s", pass ? "pass" : "block", PICK(dirs), rnd(3) ? "" : " quick");
	small_conditions(b);
	if (pass && rnd(4) == 0)
		pt_buf_str(b, " no state");
}

static void small_statement(struct pt_buf *b)
{
	static const char *const dirs[] = { "", " in", " out" };

	pt_buf_fmt(b, "%s%s", rnd(2) ? "pass" : "block", PICK(dirs));
	small_conditions(b);
}

static char *small_rules(void)
{
	struct pt_buf rules = { 0 };

	for (uint32_t n = 1 + rnd(6); n; n--) {
		char *rule = one_rule(small_rule);

		pt_buf_fmt(&rules, "\"%s\"%s\n", rule, n > 1 ? "," : "");
		free(rule);
	}
	return rules.s;
}

/* ---- all packets ---- */

struct packet {
	enum pt_dir dir;
	const char *device;
	struct pt_packet k;
};

static PT_VEC(struct packet) all;

static void add(struct packet p)
{
	p.k.ct = pt_packet_ct(&p.k);
	for (p.dir = PT_IN; p.dir <= PT_OUT; p.dir++)
		assert_int_equal(pt_vec_push(NULL, &all, p), 0);
}

static void add_protocols(struct packet p)
{
	static const uint8_t types[] = { 0, 3, 8 }, flags[] = { 0x02, 0x10, 0x12, 0x00, 0x03 };

	p.k.proto = 47;
	add(p);
	p.k.proto = PT_PROTO_ICMP;
	for (size_t i = 0; i < PT_ARRAY_SIZE(types); i++) {
		p.k.icmp_type = types[i];
		add(p);
	}
	p.k.icmp_type = 0;
	for (p.k.dport = 1; p.k.dport <= 4; p.k.dport++) {
		p.k.proto = PT_PROTO_UDP;
		p.k.tcp_flags = 0;
		add(p);
		p.k.proto = PT_PROTO_TCP;
		for (size_t i = 0; i < PT_ARRAY_SIZE(flags); i++) {
			p.k.tcp_flags = flags[i];
			add(p);
		}
	}
}

static void list_all(void)
{
	static const char *const devices[] = { "lan0", "wan0", "dmz0" };

	for (size_t d = 0; d < PT_ARRAY_SIZE(devices); d++)
		for (unsigned int src = 0; src < 5; src++)
			for (unsigned int dst = 0; dst < 5; dst++) {
				struct packet p = { .device = devices[d],
						    .k = { .af = PT_AF_INET, .mac = PT_NO_MAC, .sport = 1000 } };

				p.k.src = (struct pt_addr){ PT_AF_INET, (10u << 24) + src };
				p.k.dst = (struct pt_addr){ PT_AF_INET, (10u << 24) + dst };
				add_protocols(p);
			}
}

/* ---- statements ---- */

static int see(const struct pt_expectation *x, void *arg)
{
	*(enum pt_expect_result *)arg = x->result;
	return 0;
}

static enum pt_expect_result proved(const char *rules, const char *statement)
{
	enum pt_expect_result result = PT_EXPECT_NOTHING;
	struct pt_buf text = { 0 };
	struct pt_plan p = { 0 };
	struct pt_err e = { 0 };

	pt_buf_fmt(&text, PREAMBLE "firewall { builtin = false rules = {\n%s\n} }\ntest t { expect = { \"%s\" } }\n", rules, statement);
	assert_int_equal(pt_policy_parse("t.conf", text.s, text.n, &p.conf, &p.policy, &e), 0);
	p.host = host;
	assert_int_equal(pt_expect_run(&p, PT_EXPECT_WRITTEN, NULL, NULL, NULL, see, &result, &e), 0);
	p.host = NULL;
	pt_plan_fini(&p);
	pt_err_fini(&e);
	pt_buf_fini(&text);
	return result;
}

/* By asking for each packet. A statement alone is a rule, which says of which packets it speaks. */
static enum pt_expect_result asked(const char *rules, const char *statement)
{
	bool pass = !strncmp(statement, "pass", 4);
	enum pt_expect_result result = PT_EXPECT_NOTHING;
	struct pt_buf quoted = { 0 };
	struct built b, one;
	struct pt_eval *v, *alone;

	pt_buf_fmt(&quoted, "\"%s\"", statement);
	build_good(&b, rules);
	build_good(&one, quoted.s);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &b.err), 0);
	assert_int_equal(pt_eval_new(one.policy, host, &alone, &one.err), 0);
	for (size_t i = 0; i < all.n && result != PT_EXPECT_FAILS; i++) {
		const struct packet *p = &all.v[i];
		struct pt_decision d;

		pt_evaluate(alone, &p->k, p->dir, p->device, &d);
		if (!d.rule || (pass && p->k.ct == PT_CT_INVALID))
			continue;
		pt_evaluate(v, &p->k, p->dir, p->device, &d);
		result = d.pass == pass ? PT_EXPECT_HOLDS : PT_EXPECT_FAILS;
	}
	pt_eval_free(v);
	pt_eval_free(alone);
	drop(&b);
	drop(&one);
	pt_buf_fini(&quoted);
	return result;
}

static void statements(void **state)
{
	size_t n[3] = { 0 };

	(void)state;
	seed_random();
	for (int set = 0; set < SETS; set++) {
		char *rules = small_rules();

		for (int i = 0; i < 4; i++) {
			char *statement = one_rule(small_statement);
			enum pt_expect_result got = proved(rules, statement), want = asked(rules, statement);

			if (got != want)
				print_error("%s%s: %d, not %d\n", rules, statement, (int)got, (int)want);
			assert_int_equal(got, want);
			n[got]++;
			free(statement);
		}
		free(rules);
	}
	printf("# of %zu packets each: %zu hold, %zu fail, %zu say nothing\n", all.n, n[PT_EXPECT_HOLDS], n[PT_EXPECT_FAILS],
	       n[PT_EXPECT_NOTHING]);
	assert_true(n[PT_EXPECT_HOLDS] > SETS / 2 && n[PT_EXPECT_FAILS] > SETS / 2);
}

/* ---- differences ---- */

struct told {
	struct pt_arena *arena;
	size_t changed;
	bool *is; /* of each packet: some difference tells of it */
};

static int tell(const struct pt_meaning *m, void *arg)
{
	struct told *t = arg;

	assert_int_equal(m->except, 0);
	for (size_t i = 0; i < all.n && m->kind == PT_MEANING_VERDICT; i++) {
		struct pt_point at;

		if (all.v[i].dir != m->dir)
			continue;
		assert_int_equal(pt_space_point(m->space, t->arena, &all.v[i].k, all.v[i].device, &at), 0);
		for (size_t k = 0; k < m->boxes.n; k++)
			if (pt_box_has(&m->boxes.v[k], &at)) {
				assert_false(t->is[i]); /* only one does */
				t->is[i] = true;
			}
	}
	return 0;
}

static void compare(const char *old, const char *new, struct told *t)
{
	struct pt_plan plans[2] = { { 0 } };
	struct built b[2];
	struct pt_eval *v[2];

	t->arena = pt_arena_new();
	t->is = pt_arena_alloc(t->arena, all.n);
	for (int i = 0; i < 2; i++) {
		build_good(&b[i], i ? new : old);
		assert_int_equal(pt_eval_new(b[i].policy, host, &v[i], &b[i].err), 0);
		plans[i] = (struct pt_plan){ .conf = b[i].conf, .policy = b[i].policy, .host = host };
	}
	assert_int_equal(pt_plan_meaning(&plans[0], PT_EXPECT_WRITTEN, &plans[1], PT_EXPECT_WRITTEN, NULL, tell, t, &b[0].err), 0);
	for (size_t i = 0; i < all.n; i++) {
		const struct packet *p = &all.v[i];
		struct pt_decision d[2];

		for (int k = 0; k < 2; k++)
			pt_evaluate(v[k], &p->k, p->dir, p->device, &d[k]);
		if ((d[0].pass != d[1].pass) != t->is[i])
			print_error("%sbecame\n%s%s proto %u: %d > %d, told %d\n", old, new, p->device, p->k.proto, d[0].pass, d[1].pass,
				    t->is[i]);
		assert_int_equal(d[0].pass != d[1].pass, t->is[i]);
		t->changed += t->is[i];
	}
	for (int i = 0; i < 2; i++) {
		pt_eval_free(v[i]);
		drop(&b[i]);
	}
	pt_arena_free(t->arena);
}

static void differences(void **state)
{
	struct told t = { 0 };

	(void)state;
	seed_random();
	for (int set = 0; set < SETS; set++) {
		char *old = small_rules(), *new = small_rules();

		compare(old, new, &t);
		free(old);
		free(new);
	}
	printf("# %zu of %zu packets judged otherwise\n", t.changed, all.n * SETS);
	assert_true(t.changed > SETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(statements), cmocka_unit_test(differences) };
	int rc;

	host = make_host();
	list_all();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(all.v);
	pt_arena_free(host->arena);
	return rc;
}
