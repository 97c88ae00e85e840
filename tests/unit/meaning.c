/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The difference of two policies: what is told, that nothing is told of rules that mean the same, and, with random rules, that
 * it is all and only what the evaluator judges otherwise.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <patronus/plan.h>
#include <patronus/space.h>

#include "policy_random.h"

static struct pt_host *host;

static void begin(struct pt_plan *p, const char *rules, struct pt_err *e)
{
	struct pt_buf text = { 0 };
	int rc;

	memset(p, 0, sizeof(*p));
	pt_buf_fmt(&text, PREAMBLE "firewall { builtin = false rules = {\n%s\n} }\n", rules);
	rc = pt_policy_parse("t.conf", text.s, text.n, &p->conf, &p->policy, e);
	if (rc)
		print_error("%s\n%s\n", rules, e->list.n ? e->list.v[0].msg : "");
	assert_int_equal(rc, 0);
	p->host = host;
	pt_buf_fini(&text);
}

static void end(struct pt_plan *p)
{
	p->host = NULL;
	pt_plan_fini(p);
}

/* ---- what is told ---- */

struct told {
	struct pt_buf text;
	size_t n, exceptions, translations;
};

static int tell(const struct pt_meaning *m, void *arg)
{
	static const char *const kinds[] = { "", "nat ", "unknown " };
	struct told *t = arg;

	pt_buf_fmt(&t->text, "%s%s %s>%s ", kinds[m->kind], m->dir == PT_IN ? "in" : "out", m->by[0]->pass ? "pass" : "block",
		   m->by[1]->pass ? "pass" : "block");
	for (size_t i = 0; i < m->boxes.n; i++) {
		pt_buf_str(&t->text, i ? " | " : "");
		pt_space_print(m->space, &m->boxes.v[i], &t->text);
	}
	pt_buf_fmt(&t->text, "%s\n", m->except ? " except" : "");
	t->n++;
	t->exceptions += m->except > 0;
	t->translations += m->kind == PT_MEANING_TRANSLATION;
	return 0;
}

static void compare(const char *old, const char *new, struct told *t)
{
	struct pt_plan a, b;
	struct pt_err e = { 0 };
	int rc;

	memset(t, 0, sizeof(*t));
	begin(&a, old, &e);
	begin(&b, new, &e);
	rc = pt_plan_meaning(&a, PT_EXPECT_WRITTEN, &b, PT_EXPECT_WRITTEN, NULL, tell, t, &e);
	if (rc)
		print_error("%s\n", e.list.n ? e.list.v[0].msg : "");
	assert_int_equal(rc, 0);
	end(&a);
	end(&b);
	pt_err_fini(&e);
}

static const struct {
	const char *old, *new;
	const char *told; /* NULL: nothing */
} cases[] = {
	{ "'block', 'pass in on lan'", "'block', 'pass in on lan'", NULL },
	/* each rule with a probability draws for itself, in both files the same */
	{ "'pass in', 'block in inet proto 47 probability 50%'", "'pass in', 'block in inet proto 47 probability 50%'", NULL },
	{ "'pass in quick inet proto 47 probability 50%', 'block in quick inet proto 47 probability 50%', 'pass in'",
	  "'pass in quick inet proto 47 probability 50%', 'pass in'", "block>pass" },
	{ "'pass in', 'block in inet proto 47 probability 50%'",
	  "'pass in', 'block in inet proto 47 probability 50%', 'block in inet proto 47 to 10.0.0.0/8 probability 40%'", "pass>block" },
	/* written otherwise */
	{ "'block', 'pass in on lan proto tcp to any port 80', 'pass in on lan proto tcp to any port 443'",
	  "'block', 'pass in on lan proto tcp to any port { 443, 80 }'", NULL },
	{ "'block', 'pass in from 10.0.0.0/9', 'pass in from 10.128.0.0/9'", "'block', 'pass in from 10.0.0.0/8'", NULL },
	{ "'block', 'pass in on lan', 'pass in on wan'", "'block', 'pass in on wan', 'pass in on lan'", NULL },
	{ "'block', 'pass in on inside'", "'block', 'pass in on { lan, dmz, six }'", NULL },
	{ "'block', 'pass in on lan', 'block in on lan from <bad>'", "'block', 'block in quick on lan from <bad>', 'pass in on lan'", NULL },
	{ "'pass', 'block out from <four>'", "'pass', 'block out from 10.0.0.0/8'", NULL },
	{ "'block', 'match in on lan tag A', 'pass in tagged A'", "'block', 'pass in on lan'", NULL },
	{ "'block', 'pass out tagged B', 'pass out tagged A'", "'block', 'pass out tagged A', 'pass out tagged B'", NULL },
	{ "'pass', 'pass out from <none>'", "'pass', 'block out from <none>'", NULL },
	{ "'block log'", "'block return label no'", NULL },
	/* a change */
	{ "'block', 'pass in on lan inet proto tcp to any port 80'", "'block', 'pass in on lan inet proto tcp to any port 80:81'",
	  "in block>pass on lan inet proto tcp from any to any port 81 flags S" },
	{ "'block', 'pass in on lan inet proto udp'", "'block', 'pass in on lan inet proto udp', 'block in on lan inet proto udp to <four>'",
	  "in pass>block on lan inet proto udp from any to 10.0.0.0/8" },
	{ "'pass', 'block in inet proto 47'", "'pass'", "in block>pass inet proto gre" },
	/* the same rules in another order that matters */
	{ "'pass in inet proto 47', 'block in inet proto 47 from 10.0.0.0/8'", "'block in inet proto 47 from 10.0.0.0/8', 'pass in inet proto 47'",
	  "in block>pass inet proto gre from 10.0.0.0/8" },
	{ "'block', 'pass out inet proto 47 tagged A'", "'block', 'pass out inet proto 47 tagged B'", "tagged A" },
	/* nobody has tagged what comes in */
	{ "'block', 'pass in tagged A'", "'block'", NULL },
	/* translations */
	{ "'pass out', 'pass out on wan inet proto udp nat-to 203.0.113.2'", "'pass out', 'pass out on wan inet proto udp nat-to 203.0.113.3'",
	  "nat out pass>pass on wan inet proto udp" },
};

static void what_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct told t;
		bool good;

		compare(cases[i].old, cases[i].new, &t);
		good = cases[i].told ? t.text.s && strstr(t.text.s, cases[i].told) != NULL : !t.n;
		if (!good)
			print_error("%s\n%s\nwanted %s, told:\n%s\n", cases[i].old, cases[i].new, cases[i].told ? cases[i].told : "nothing",
				    t.text.s ? t.text.s : "nothing");
		assert_true(good);
		pt_buf_fini(&t.text);
	}
}

/* ---- random rules ---- */

#define SETS 300
#define PACKETS 300
#define SETS_MAX_RULES 10

struct check {
	const struct pt_space *space;
	struct pt_arena *arena;
	PT_VEC(struct pt_meaning) found;
};

static int copy_box(struct pt_arena *a, const struct pt_box *from, struct pt_box *to)
{
	*to = *from;
	to->v = pt_arena_alloc(a, (from->n + 1ul) * sizeof(*to->v));
	if (!to->v)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n; i++) {
		static const struct pt_iset none;

		to->v[i] = (struct pt_box_side){ .dim = from->v[i].dim };
		if (pt_iset_union(a, &to->v[i].set, &from->v[i].set, &none))
			return -ENOMEM;
	}
	return 0;
}

static int gather(const struct pt_meaning *m, void *arg)
{
	struct check *c = arg;
	struct pt_meaning copy = *m;

	memset(&copy.boxes, 0, sizeof(copy.boxes));
	for (size_t i = 0; i < m->boxes.n; i++) {
		struct pt_box b;

		assert_int_equal(copy_box(c->arena, &m->boxes.v[i], &b), 0);
		assert_int_equal(pt_vec_push(c->arena, &copy.boxes, b), 0);
	}
	assert_int_equal(pt_vec_push(c->arena, &c->found, copy), 0);
	assert_int_not_equal(m->kind, PT_MEANING_UNKNOWN);
	return 0;
}

/* The difference that tells of a packet; several where one has exceptions. */
static const struct pt_meaning *told_of(const struct check *c, enum pt_dir dir, const struct pt_point *at, bool exactly, size_t *n)
{
	const struct pt_meaning *found = NULL;

	*n = 0;
	for (size_t i = 0; i < c->found.n; i++) {
		const struct pt_meaning *m = &c->found.v[i];

		for (size_t k = 0; m->dir == dir && m->kind == PT_MEANING_VERDICT && k < m->boxes.n; k++)
			if (pt_box_has(&m->boxes.v[k], at) && (!exactly || !m->except)) {
				found = m;
				++*n;
			}
	}
	return found;
}

struct both {
	struct pt_plan plan[2];
	struct pt_eval *eval[2];
	struct pt_space *space[2];
	struct pt_host host;
	struct check check;
	struct pt_err e;
};

static void open_both(struct both *b, const char *old, const char *new)
{
	const struct pt_policy *policies[2];
	struct pt_meaning_side sides[2];

	memset(b, 0, sizeof(*b));
	begin(&b->plan[0], old, &b->e);
	begin(&b->plan[1], new, &b->e);
	b->check.arena = pt_arena_new();
	assert_int_equal(pt_policy_align(b->plan[0].policy, b->plan[1].policy, &b->e), 0);
	for (int i = 0; i < 2; i++)
		policies[i] = b->plan[i].policy;
	assert_int_equal(pt_space_host(host, policies, 2, b->check.arena, &b->host), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pt_eval_new(policies[i], &b->host, &b->eval[i], &b->e), 0);
		assert_int_equal(pt_space_new_like(policies[i], &b->host, b->eval[i], PT_SPACE_NOW, b->space[0], &b->space[i],
						   &b->e), 0);
		sides[i] = (struct pt_meaning_side){ b->space[i], b->eval[i] };
	}
	assert_int_equal(pt_meaning_compare(&sides[0], &sides[1], gather, &b->check, &b->e), 0);
}

static void close_both(struct both *b)
{
	for (int i = 0; i < 2; i++) {
		pt_space_free(b->space[i]);
		pt_eval_free(b->eval[i]);
		end(&b->plan[i]);
	}
	pt_arena_free(b->check.arena);
	pt_err_fini(&b->e);
}

static void check_packet(struct both *b, const char *old, const char *new, size_t *changed)
{
	enum pt_dir dir = rnd(2) ? PT_IN : PT_OUT;
	const char *device = PICK(random_devices);
	struct pt_decision d[2];
	struct pt_point at;
	struct pt_packet k;
	const struct pt_meaning *m;
	size_t n;
	bool good;

	random_packet(&k, dir, (uint32_t)b->plan[0].policy->tags.n);
	for (int i = 0; i < 2; i++)
		pt_evaluate(b->eval[i], &k, dir, device, &d[i]);
	assert_int_equal(pt_space_point(b->space[1], b->check.arena, &k, device, &at), 0);
	*changed += d[0].pass != d[1].pass;
	m = told_of(&b->check, dir, &at, d[0].pass == d[1].pass, &n);
	good = d[0].pass == d[1].pass ? !n : n >= 1 && (m->except || (n == 1 && m->by[0]->pass == d[0].pass));
	if (good)
		return;
	print_error("%s\nbecame\n%s\n", old, new);
	print_error("%s proto %u dport %u on %s: %s > %s, told %zu times\n", dir == PT_IN ? "in" : "out", k.proto, k.dport, device,
		    d[0].pass ? "pass" : "block", d[1].pass ? "pass" : "block", n);
	fail();
}

/* Rules as lines of a file; -1: all of them, else one is left out; SWAP: two are exchanged. */
static void assemble(struct pt_buf *out, char *const *rules, size_t n, size_t leave_out, size_t swap)
{
	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = i == swap ? i + 1 : i == swap + 1 ? swap : i;

		if (i != leave_out)
			pt_buf_fmt(out, "\"%s\",\n", rules[at]);
	}
	if (!out->n)
		pt_buf_str(out, "\"block\",\n");
	out->s[out->n - 2] = '\n'; /* no comma behind the last */
}

static void differences_are_exact(void **state)
{
	size_t changed = 0, told = 0, nothing = 0;

	(void)state;
	seed_random();
	for (int set = 0; set < SETS; set++) {
		size_t n = 2 + rnd(SETS_MAX_RULES - 2);
		char *rules[SETS_MAX_RULES], *other = one_rule(random_rule);
		struct pt_buf old = { 0 }, new = { 0 };
		struct both b;

		for (size_t i = 0; i < n; i++)
			rules[i] = one_rule(random_rule);
		assemble(&old, rules, n, SIZE_MAX, SIZE_MAX - 1);
		if (set % 3 == 0) {
			assemble(&new, rules, n, rnd((uint32_t)n), SIZE_MAX - 1);
		} else if (set % 3 == 1) {
			assemble(&new, rules, n, SIZE_MAX, rnd((uint32_t)n - 1));
		} else {
			char **at = &rules[rnd((uint32_t)n)], *was = *at;

			*at = other;
			other = was;
			assemble(&new, rules, n, SIZE_MAX, SIZE_MAX - 1);
		}
		open_both(&b, old.s, new.s);
		for (int i = 0; i < PACKETS; i++)
			check_packet(&b, old.s, new.s, &changed);
		told += b.check.found.n;
		nothing += !b.check.found.n;
		close_both(&b);
		pt_buf_fini(&old);
		pt_buf_fini(&new);
		for (size_t i = 0; i < n; i++)
			free(rules[i]);
		free(other);
	}
	printf("# %zu differences, %zu of %d packets judged otherwise, %zu changes that change nothing\n", told, changed, SETS * PACKETS,
	       nothing);
	assert_true(told > SETS / 3 && changed > SETS / 4 && nothing > 10);
}

/* ---- a shadowed rule can go ---- */

/* Is every region of the rule number AST covered by those before? */
static bool is_shadowed(const struct pt_space *s, uint32_t ast)
{
	struct pt_arena *a = pt_arena_new();
	bool shadowed = true;

	for (int side = 0; side < 2; side++) {
		const struct pt_space_dir *l = &s->dir[side];

		for (size_t i = 0; shadowed && i < l->v.n; i++) {
			const struct pt_region *r = &l->v.v[i];

			for (size_t k = 0; shadowed && r->rule && r->rule->ast == ast && k < r->boxes.n; k++) {
				struct pt_space_hits hits = { 0 };
				int rc = pt_space_before(s, side ? PT_OUT : PT_IN, i, &r->boxes.v[k], a, &hits);

				assert_int_equal(rc, 0);
				rc = pt_box_covered(s, a, &r->boxes.v[k], hits.box.v, hits.box.n, 0, NULL);
				assert_true(rc >= 0);
				shadowed = rc > 0;
			}
		}
	}
	pt_arena_free(a);
	return shadowed;
}

static void shadowed_rules_can_go(void **state)
{
	size_t shadowed = 0, asked = 0;

	(void)state;
	seed_random();
	for (int set = 0; set < SETS; set++) {
		size_t n = 3 + rnd(SETS_MAX_RULES - 3), which = rnd((uint32_t)n);
		char *rules[SETS_MAX_RULES];
		struct pt_buf all = { 0 }, less = { 0 };
		struct both b;

		for (size_t i = 0; i < n; i++)
			rules[i] = one_rule(random_rule);
		if (which < n - 1 && rnd(3) == 0) { /* chance alone shadows few */
			free(rules[n - 1]);
			rules[n - 1] = strdup(rules[which]);
		}
		assemble(&all, rules, n, SIZE_MAX, SIZE_MAX - 1);
		assemble(&less, rules, n, which, SIZE_MAX - 1);
		if (!strncmp(rules[which], "match", 5))
			goto next; /* it decides nothing */
		open_both(&b, all.s, less.s);
		asked++;
		if (!strstr(rules[which], " tag ") && is_shadowed(b.space[0], (uint32_t)which)) {
			shadowed++;
			if (b.check.found.n)
				print_error("%s\n%s is shadowed\n", all.s, rules[which]);
			assert_int_equal(b.check.found.n, 0);
		}
		close_both(&b);
next:
		pt_buf_fini(&all);
		pt_buf_fini(&less);
		for (size_t i = 0; i < n; i++)
			free(rules[i]);
	}
	printf("# %zu of %zu rules are shadowed\n", shadowed, asked);
	assert_true(shadowed > SETS / 20);
}

/* ---- many rules ---- */

#define MANY 10000

/* Rule number I of many, which overlap a little. */
static void add_many(struct pt_buf *out, unsigned int i, bool other)
{
	pt_buf_fmt(out, "'%s in%s inet proto %s from 10.%u.%u.0/24 to 192.168.%u.%u port %u',\n", (i % 3 != 0) != other ? "pass" : "block",
		   i % 5 ? "" : " on lan", i % 2 ? "tcp" : "udp", i % 200, i % 7, i % 11, i % 250, i % 4 ? i % 1000 + 1 : 53);
}

static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void many_rules(void **state)
{
	struct pt_buf old = { 0 }, new = { 0 }, moved = { 0 };
	struct told t;
	double from;

	(void)state;
	pt_buf_str(&old, "'block',\n");
	pt_buf_str(&new, "'block',\n");
	pt_buf_str(&moved, "'block',\n");
	for (unsigned int i = 0; i < MANY; i++) {
		add_many(&old, i, false);
		add_many(&new, i, i == 5000);
		add_many(&moved, i == 5000 ? 5001 : i == 5001 ? 5000 : i, false);
	}
	old.s[old.n - 2] = new.s[new.n - 2] = moved.s[moved.n - 2] = '\n';
	from = seconds();
	compare(old.s, new.s, &t);
	printf("# one of %d rules changed: %.2f s\n", MANY, seconds() - from);
	assert_int_equal(t.n, 1);
	pt_buf_fini(&t.text);
	from = seconds();
	compare(old.s, moved.s, &t);
	printf("# two exchanged: %.2f s\n", seconds() - from);
	assert_int_equal(t.n, 0);
	pt_buf_fini(&t.text);
	pt_buf_fini(&old);
	pt_buf_fini(&new);
	pt_buf_fini(&moved);
}

/* Too many words for what is left of the rest: told as all of it, less what comes before. */
static void exceptions(void **state)
{
	struct pt_buf old = { 0 }, new = { 0 };
	struct told t;

	(void)state;
	for (unsigned int i = 0; i < 400; i++)
		pt_buf_fmt(&new, "'block in quick inet proto udp from 10.0.%u.%u to 10.%u.0.0/16 port %u',\n", i % 16, i % 256, i % 9, i + 1);
	pt_buf_add(&old, new.s, new.n);
	pt_buf_str(&old, "'block in inet'\n");
	pt_buf_str(&new, "'pass in inet'\n");
	compare(old.s, new.s, &t);
	if (t.n != 1 || t.exceptions != 1)
		print_error("%s\n", t.text.s);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.exceptions, 1);
	pt_buf_fini(&t.text);
	pt_buf_fini(&old);
	pt_buf_fini(&new);
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
		cmocka_unit_test(what_is_told), cmocka_unit_test(differences_are_exact), cmocka_unit_test(shadowed_rules_can_go),
		cmocka_unit_test(many_rules), cmocka_unit_test(exceptions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_machine, free_machine);
}
