/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which the first match wins, printed one word an item: C, D or E (constant, dynamic, effect),
 * the rule's number, how many constant ones are before it, and its group. Then the evaluator that uses it,
 * against the rules read one after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/classify.h>

#include "lib/scarce.h"
#include "lib/scarce_arena.h"
#include "policy_make.h"

/* ---- the order ---- */

static void put_order(struct pt_buf *b, const struct pt_order *o)
{
	uint32_t n_const = 0;

	if (o->why_not) {
		pt_buf_fmt(b, "%s: %u", o->why_not, o->culprit->ast);
		return;
	}
	for (size_t i = 0; i < o->items.n; i++) {
		const struct pt_order_item *x = &o->items.v[i];

		assert_int_equal(x->before, n_const);
		n_const += x->kind == PT_ORDER_CONST;
		pt_buf_fmt(b, "%s%c%u/%u.%u", i ? " " : "", "CDE"[x->kind], x->rule->ast, x->before, x->group);
	}
	assert_int_equal(o->n_const, n_const);
	assert_int_equal(o->n_groups, o->items.n ? o->items.v[o->items.n - 1].group : 0);
}

struct ordered {
	const char *options, *rules;
	enum pt_dir dir;
	const char *order;
};

static void check(const struct ordered *x)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_buf got = { 0 };
	struct pt_order o;
	struct built b;

	build_with(&b, x->options, x->rules);
	assert_int_equal(b.rc, 0);
	assert_int_equal(pt_order_build(b.policy, x->dir, a, &o), 0);
	put_order(&got, &o);
	assert_string_equal(got.s ? got.s : "", x->order);
	pt_buf_fini(&got);
	drop(&b);
	pt_arena_free(a);
}

static void orders(void **state)
{
	static const char plain[] = "builtin = false";
	static const struct ordered list[] = {
		{ plain, "\"block out\"", PT_IN, "" },
		{ plain, "\"block\"", PT_IN, "C0/0.0" },
		{ "", "\"block\"", PT_IN, "C0/0.0" }, /* the built-in ones are not in it */
		{ plain, "\"block\", \"pass in\", \"pass out\"", PT_IN, "C1/0.0 C0/1.0" },
		{ plain, "\"block\", \"pass quick\", \"pass\", \"block quick\"", PT_OUT, "C1/0.0 C3/1.0 C2/2.0 C0/3.0" },
		{ plain, "\"pass from <bad>\", \"pass to self\", \"pass quick from (wan)\"", PT_IN, "D2/0.1 D1/0.1 D0/0.1" },
		{ plain, "\"pass from <bad>\", \"block\", \"pass from self\", \"pass quick\"", PT_IN,
		  "C3/0.0 D2/1.1 C1/1.1 D0/2.2" },
		{ plain, "\"match log\", \"block\", \"pass in from 10.0.0.1\"", PT_IN, "E0/0.1 C2/0.1 C1/1.1" },
		/* A tag takes effect on the way, a quick rule's with its verdict. */
		{ plain, "\"block\", \"pass tag A\", \"pass quick tag A\"", PT_OUT, "E1/0.1 C2/0.1 C1/1.1 C0/2.1" },
		{ plain, "\"pass from <bad> tag A\"", PT_IN, "E0/0.1 D0/0.1" },
		{ plain, "\"pass tagged A\", \"block\", \"pass quick ! tagged A\"", PT_IN, "D2/0.1 C1/0.1 D0/1.2" },
		/* Tests of tags that can be asked where they stand … */
		{ plain, "\"match tag A\", \"pass tagged A\"", PT_IN, "E0/0.1 D1/0.1" },
		{ plain, "\"pass quick tagged B\", \"match tag A\"", PT_IN, "D0/0.1 E1/0.1" },
		{ plain, "\"pass tagged A\", \"block quick tag A\"", PT_IN, "C1/0.0 D0/1.1" },
		{ plain, "\"match tagged A tag B\", \"match tagged B tag A\"", PT_IN, "E0/0.1 E1/0.1" },
		/* … and those that would come too late. */
		{ plain, "\"pass tagged A\", \"match tag A\"", PT_IN, "rules set tags behind rules that test tags: 1" },
		{ plain, "\"pass ! tagged A\", \"pass tag B\"", PT_OUT, "rules set tags behind rules that test tags: 1" },
		{ plain, "\"pass tagged A tag B\"", PT_IN, "rules set tags behind rules that test tags: 0" },
		{ plain, "\"pass in tagged A\", \"pass out tag A\"", PT_IN, "D0/0.1" },
		/* Translations. */
		{ plain, "\"pass out nat-to (wan)\", \"pass\"", PT_OUT, "C1/0.0 C0/1.0" },
		{ plain, "\"pass\", \"match out nat-to (wan)\"", PT_OUT, "match rules translate: 1" },
		{ plain, "\"pass\", \"match out nat-to (wan)\"", PT_IN, "C0/0.0" },
		{ plain, "\"pass from 10.0.5.16/29 binat-to 203.0.113.48/29\"", PT_IN, "C0/0.0" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(list); i++)
		check(&list[i]);
}

static void too_many_groups(void **state)
{
	(void)state;
	for (int n = 119; n <= 122; n++) {
		struct pt_buf rules = { 0 };
		struct pt_arena *a = pt_arena_new();
		struct pt_order o;
		struct built b;

		for (int i = 0; i < n; i++)
			pt_buf_fmt(&rules, "%s\"pass quick from <bad>\", \"block quick from 10.0.0.%d\"", i ? ", " : "", i);
		build_good(&b, rules.s);
		assert_int_equal(pt_order_build(b.policy, PT_IN, a, &o), 0);
		assert_int_equal(o.why_not != NULL, n > 120);
		if (n > 120) {
			assert_int_equal(o.culprit->ast, 240);
			assert_non_null(strstr(o.why_not, "120"));
		}
		pt_buf_fini(&rules);
		drop(&b);
		pt_arena_free(a);
	}
}

static void without_memory(void **state)
{
	struct built b;
	int rc = -ENOMEM;
	long i;

	(void)state;
	build_good(&b, "\"block\", \"pass\", \"match log\", \"pass from <bad>\", \"pass tag A\", \"pass quick\", \"pass to self\","
		       "\"block from 10.0.0.1\", \"block from 10.0.0.2\", \"block from 10.0.0.3\"");
	for (i = 0; rc; i++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_order o;

		allocations_left = i;
		rc = pt_order_build(b.policy, PT_IN, a, &o);
		allocations_left = -1;
		assert_true(!rc || rc == -ENOMEM);
		pt_arena_free(a);
	}
	assert_true(i > 2);
	drop(&b);
}

/* ---- the evaluator ---- */

static uint64_t rng = 0x70617472u;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

#define PICK(a) ((a)[rnd((uint32_t)PT_ARRAY_SIZE(a))])

static const char *const v4[] = { "192.168.1.1", "192.168.1.77", "198.51.100.9", "10.0.5.9", "10.9.9.9", "203.0.113.2" };
static const char *const v6[] = { "fd00:1::1", "fd00:1::77", "2001:db8:2::9", "fd00:6::1", "2001:db8:1::2" };

static void gen_rule(struct pt_buf *b)
{
	static const char *const verbs[] = { "pass", "pass", "pass", "block", "block return", "match", "pass no state" };
	static const char *const on[] = { "", "", "", " on lan", " on ! lan", " on inside", " on { lan, wan }" };
	static const char *const proto[] = { "", "", " proto tcp", " proto udp", " proto { tcp, udp }", " proto icmp",
					     " proto { tcp, icmp6 }" };
	static const char *const hosts[] = { "any", "any", "<bad>", "<good>", "<four>", "self", "(wan)", "192.168.1.0/24",
					     "! 192.168.1.0/26", "{ 10.0.0.0/8, fd00:1::/64 }", "fd00:1::77",
					     "{ <bad>, 10.9.9.9 }", "(lan:network)" };
	static const char *const port[] = { "", "", " port 22", " port { 22, 80:90 }", " port != 22" };
	static const char *const tags[] = { "RED", "BLUE" };
	const char *verb = PICK(verbs), *p = PICK(proto);
	bool ports = strstr(p, "tcp") && !strstr(p, "icmp"), quick = strcmp(verb, "match") && !rnd(4);

	pt_buf_fmt(b, "\"%.5s", verb);
	if (strstr(verb, "return"))
		pt_buf_str(b, " return");
	pt_buf_fmt(b, "%s%s%s from %s", quick ? " quick" : "", PICK(on), p, PICK(hosts));
	pt_buf_fmt(b, "%s to %s", ports ? PICK(port) : "", PICK(hosts));
	pt_buf_fmt(b, "%s%s", ports ? PICK(port) : "", strstr(verb, "state") ? " no state" : "");
	if (!rnd(4))
		pt_buf_fmt(b, " tag %s", PICK(tags));
	if (!rnd(6))
		pt_buf_fmt(b, " %stagged %s", rnd(2) ? "! " : "", PICK(tags));
	pt_buf_str(b, "\"");
}

/* Of a policy whose rules contradict their own families nothing can be asked. */
static bool gen_policy(struct built *b)
{
	struct pt_buf rules = { 0 };

	for (uint32_t n = 1 + rnd(14), i = 0; i < n; i++) {
		pt_buf_str(&rules, i ? ",\n" : "");
		gen_rule(&rules);
	}
	build_with(b, rnd(2) ? "builtin = false" : "", rules.s);
	pt_buf_fini(&rules);
	return !b->rc;
}

static void gen_packet(struct pt_packet *k)
{
	static const uint8_t protos[] = { 6, 6, 17, 1, 58, 47 };
	static const uint16_t ports[] = { 21, 22, 80, 90, 91 };

	memset(k, 0, sizeof(*k));
	k->af = rnd(2) ? PT_AF_INET : PT_AF_INET6;
	k->src = addr(k->af == PT_AF_INET ? PICK(v4) : PICK(v6));
	k->dst = addr(k->af == PT_AF_INET ? PICK(v4) : PICK(v6));
	k->proto = PICK(protos);
	k->sport = PICK(ports);
	k->dport = PICK(ports);
	k->icmp_type = rnd(2) ? 8 : (uint8_t)(130 + rnd(8));
	k->tcp_flags = rnd(2) ? 0x02 : (uint8_t)rnd(64);
	k->tag = (uint8_t)rnd(3);
	k->no_ports = !rnd(12);
	k->no_flags = k->no_ports || !rnd(12);
}

/* The last rule that matched, and the tag, from the plain walk. */
struct last {
	const struct pt_pol_rule *rule;
	uint8_t tag;
};

static void note(const struct pt_pol_rule *r, enum pt_condition first, void *arg)
{
	struct last *l = arg;

	if (first != PT_COND_HOLDS)
		return;
	if (r->action != PT_MATCH)
		l->rule = r;
	if (r->tag)
		l->tag = r->tag;
}

static size_t decided, tagged, by_default;

static void ask(const struct pt_eval *v)
{
	static const char *const devices[] = { "lan0", "wan0", "dmz0", "lo", "eth9" };
	enum pt_dir dir = rnd(2) ? PT_IN : PT_OUT;
	const char *device = PICK(devices);
	struct pt_decision d;
	struct pt_packet k;
	struct last want = { 0 };

	gen_packet(&k);
	want.tag = k.tag;
	pt_evaluate_walk(v, &k, dir, device, note, &want);
	pt_evaluate(v, &k, dir, device, &d);
	if (d.rule != want.rule)
		print_error("%s, not %s\n", d.rule ? d.rule->text : "-", want.rule ? want.rule->text : "-");
	assert_ptr_equal(d.rule, want.rule);
	assert_int_equal(d.tag, want.tag);
	decided += d.rule != NULL;
	by_default += !d.rule;
	tagged += d.tag != k.tag;
}

static void evaluators_agree(void **state)
{
	struct pt_host *host = make_host();
	size_t classified = 0;

	(void)state;
	for (int i = 0; i < 2500; i++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_order o;
		struct pt_eval *v;
		struct built b;

		if (gen_policy(&b)) {
			assert_int_equal(pt_order_build(b.policy, PT_IN, a, &o), 0);
			classified += !o.why_not;
			assert_int_equal(pt_eval_new(b.policy, host, &v, NULL), 0);
			for (int n = 0; n < 60; n++)
				ask(v);
			pt_eval_free(v);
		}
		drop(&b);
		pt_arena_free(a);
	}
	printf("# %zu classified, %zu decided, %zu by default, %zu tagged\n", classified, decided, by_default, tagged);
	/* A generator that no longer reaches a case would agree with anything. */
	assert_true(classified > 800 && decided > 20000 && by_default > 5000 && tagged > 2000);
	pt_arena_free(host->arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(too_many_groups),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(evaluators_agree),
	};
	const char *seed = getenv("PATRONUS_SEED");

	if (seed)
		rng = strtoull(seed, NULL, 0) | 1;
	printf("# seed 0x%llx\n", (unsigned long long)rng);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
