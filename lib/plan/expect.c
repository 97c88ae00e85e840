/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests: statements about all packets of a kind, proved with sets of packets instead of tried with some. A statement that
 * does not hold comes with a packet for which it does not, and that packet is judged once more by the evaluator: the two must
 * agree, or nothing that is said here is worth anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/space.h>

#include "plan/possible.h"

struct statement {
	const struct pt_conf_test *test;
	pt_pol_rules rules; /* one a direction, a family … */
};

struct prover {
	struct pt_plan *plan;
	struct pt_arena *arena, *scratch; /* of all, of one statement */
	struct pt_policy *view;
	struct pt_host host;
	struct pt_eval *eval;
	struct pt_space *space;
	struct plan_possible *possible;
	PT_VEC(struct statement) statements;
	const struct pt_conf_test *test; /* being read */
	uint64_t now;
	int (*fn)(const struct pt_expectation *x, void *arg);
	void *arg;
	struct pt_err *e;
};

/* ---- statements ---- */

static int take_statement(void *arg, const struct pt_conf *c, uint32_t index, const struct pt_ast_rule *tree)
{
	struct prover *x = arg;
	struct statement s = { .test = x->test };
	int rc = pt_policy_statement(x->view, tree, x->now, &s.rules, x->e);

	(void)c;
	(void)index;
	return rc ? rc : pt_vec_push(x->arena, &x->statements, s);
}

static int unknown_test(const struct prover *x, const char *name)
{
	const struct pt_conf *c = x->plan->conf;
	const char **names = pt_arena_alloc(x->arena, (c->tests.n + 1) * sizeof(*names));
	struct pt_buf hint = { 0 };
	const char *near = NULL;

	for (size_t i = 0; names && i < c->tests.n; i++)
		names[i] = c->tests.v[i].name;
	if (names)
		near = pt_nearest(name, names, c->tests.n);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	pt_err_add(x->e, PT_ERROR, NULL, hint.s, "%s has no test '%s'", c->path, name);
	pt_buf_fini(&hint);
	return -ENOENT;
}

/* Those of the test NAME, or all. Each that is wrong is told. */
static int read_statements(struct prover *x, const char *name)
{
	const struct pt_conf *c = x->plan->conf;
	bool found = !name;
	int rc = 0, one;

	for (size_t i = 0; rc != -ENOMEM && i < c->tests.n; i++) {
		x->test = &c->tests.v[i];
		if (name && strcmp(x->test->name, name) != 0)
			continue;
		found = true;
		one = pt_conf_test_rules(c, x->test, take_statement, x, x->e);
		rc = one ? one : rc;
	}
	return !rc && !found ? unknown_test(x, name) : rc;
}

/* ---- proofs ---- */

/* Before their first judgement nobody has tagged packets. */
static int untagged(struct prover *x, const struct pt_pol_rule *r, const struct pt_box *b, struct pt_box *out)
{
	struct pt_box first = { .af = b->af };
	struct pt_iset none = { 0 };
	int rc;

	*out = *b;
	if (r->dir != PT_IN)
		return 1;
	rc = pt_iset_add(x->scratch, &none, 0, 0);
	if (!rc)
		rc = pt_box_set(x->space, x->scratch, &first, PT_DIM_TAG, &none);
	return rc ? rc : pt_box_intersect(x->scratch, b, &first, out);
}

/* What packets can be. `pass` is about those that begin something; what Linux itself drops is blocked. */
static int narrow(struct prover *x, const struct pt_pol_rule *r, const struct pt_box *b, struct pt_expectation *e, pt_boxes *out)
{
	pt_boxes possible = { 0 };
	struct pt_box one;
	int rc = untagged(x, r, b, &one);

	if (rc <= 0)
		return rc;
	if (r->action == PT_BLOCK)
		e->result = PT_EXPECT_HOLDS;
	rc = plan_possible(x->possible, x->scratch, r->dir, &one, r->action == PT_PASS,
			   r->action == PT_BLOCK ? out : &possible);
	for (size_t i = 0; !rc && i < possible.n; i++)
		rc = pt_space_begins(x->space, x->scratch, &possible.v[i], out);
	return rc;
}

static int boxes_of(struct prover *x, const struct pt_pol_rule *r, struct pt_expectation *e, pt_boxes *out)
{
	pt_boxes all = { 0 };
	int rc = pt_space_boxes(x->space, r, x->scratch, &all);

	for (size_t i = 0; !rc && i < all.n; i++)
		rc = narrow(x, r, &all.v[i], e, out);
	return rc;
}

/* One written rule may be several. */
static bool same_rule(const struct pt_pol_rule *a, const struct pt_pol_rule *b)
{
	return a && b ? a->id == b->id : a == b;
}

/* The evaluator has the last word. */
static int show_packet(struct prover *x, const struct pt_point *at, const struct pt_region *by, struct pt_expectation *out)
{
	struct pt_buf words = { 0 };

	pt_space_packet(x->space, at, &out->packet, &out->device);
	pt_evaluate(x->eval, &out->packet, out->dir, out->device, &out->decision);
	pt_space_print_point(x->space, out->dir, at, &words);
	out->words = words.s ? pt_arena_strdup(x->scratch, words.s) : NULL;
	pt_buf_fini(&words);
	if (!out->words)
		return -ENOMEM;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): pt_space_find() has found it */
	if (out->decision.pass == by->pass && out->decision.pass != out->pass && same_rule(out->decision.rule, by->rule))
		return 0;
	pt_err_add(x->e, PT_ERROR, &out->loc, "this is a mistake in Patronus: please report it together with the file",
		   "the proof and the evaluator do not agree about %s", out->words);
	return -EPROTO;
}

/* 1: it does not hold. */
static int prove_rule(struct prover *x, const struct pt_pol_rule *r, struct pt_expectation *out)
{
	const struct pt_region *by = NULL;
	struct pt_point at = { 0 };
	pt_boxes boxes = { 0 };
	int rc = boxes_of(x, r, out, &boxes), shown;

	for (size_t i = 0; !rc && i < boxes.n; i++) {
		out->result = PT_EXPECT_HOLDS; /* it says something */
		/* what built-in rules let in for the network itself is not what rules are written about */
		rc = pt_space_find_written(x->space, x->scratch, r->dir, &boxes.v[i], !out->pass, &at, &by);
	}
	if (rc <= 0)
		return rc;
	out->result = PT_EXPECT_FAILS;
	out->dir = r->dir;
	shown = show_packet(x, &at, by, out);
	return shown ? shown : 1;
}

static int prove(struct prover *x, const struct statement *s)
{
	const struct pt_pol_rule *first = &s->rules.v[0];
	struct pt_expectation out = { .test = s->test, .text = first->text, .loc = first->loc, .pass = first->action == PT_PASS,
				      .result = PT_EXPECT_NOTHING };
	int rc = 0;

	pt_arena_reset(x->scratch);
	for (size_t i = 0; !rc && i < s->rules.n; i++)
		rc = prove_rule(x, &s->rules.v[i], &out);
	if (rc == -E2BIG)
		pt_err_add(x->e, PT_ERROR, &out.loc, "split it into several of fewer packets", "the statement is too wide to be proved");
	if (rc == -E2BIG || rc == -EPROTO)
		pt_conf_show_source(x->plan->conf, &out.loc, x->e);
	return rc < 0 ? rc : x->fn(&out, x->arg);
}

/* ---- what is needed ---- */

static int prepare(struct prover *x, const char *name)
{
	struct pt_plan *p = x->plan;
	const struct pt_policy *both[1];
	int rc = -ENOMEM;

	x->now = (uint64_t)time(NULL);
	x->arena = pt_arena_new();
	x->scratch = pt_arena_new();
	if (x->arena && x->scratch)
		rc = pt_policy_view(p->policy, &x->view, x->e);
	if (!rc)
		rc = read_statements(x, name);
	if (rc)
		return rc;
	both[0] = x->view;
	rc = pt_space_host(p->host, both, 1, x->arena, &x->host);
	return rc ? rc : pt_eval_new(x->view, &x->host, &x->eval, x->e);
}

static bool asks_routes(const struct pt_pol_rule *r)
{
	return r->src.kind == PT_REF_NO_ROUTE || r->src.kind == PT_REF_URPF || r->dst.kind == PT_REF_NO_ROUTE;
}

static bool statements_ask_routes(const struct prover *x)
{
	for (size_t i = 0; i < x->statements.n; i++)
		for (size_t k = 0; k < x->statements.v[i].rules.n; k++)
			if (asks_routes(&x->statements.v[i].rules.v[k]))
				return true;
	return false;
}

static int prove_all(struct prover *x, struct pt_nl *route)
{
	int rc = pt_space_new(x->view, &x->host, x->eval, PT_SPACE_NOW, &x->space, x->e);

	if (!rc)
		rc = plan_possible_new(x->view, &x->host, x->space, pt_world_asks_routes(x->view) || statements_ask_routes(x), route,
				       x->arena, &x->possible, x->e);
	for (size_t i = 0; !rc && i < x->statements.n; i++)
		rc = prove(x, &x->statements.v[i]);
	return rc;
}

static int read_machine(struct pt_plan *p, struct pt_nl *route, struct pt_err *e)
{
	int rc;

	if (p->host)
		return 0;
	rc = pt_net_read(route, &p->host, e);
	return rc ? rc : plan_outside(p, PLAN_ASK_READ, NULL, e);
}

int pt_expect_load(const char *path, struct pt_nl *nf, struct pt_nl *route, struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	rc = path ? pt_policy_load(path, &p->conf, &p->policy, e) : pt_plan_applied(nf, p, e);
	if (!rc)
		rc = read_machine(p, route, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

int pt_expect_run(struct pt_plan *p, enum pt_expect_tables tables, struct pt_nl *nf, struct pt_nl *route, const char *name,
		  int (*fn)(const struct pt_expectation *x, void *arg), void *arg, struct pt_err *e)
{
	struct prover x = { .plan = p, .fn = fn, .arg = arg, .e = e };
	size_t errors = e->n_errors;
	int rc = 0;

	if (p->conf->tests.n || name) {
		rc = read_machine(p, route, e);
		if (!rc)
			rc = prepare(&x, name);
		if (!rc)
			rc = plan_tables_learn(x.view, x.eval, tables, nf, e);
		if (!rc)
			rc = prove_all(&x, route);
	}
	pt_space_free(x.space);
	pt_eval_free(x.eval);
	pt_policy_free(x.view);
	pt_arena_free(x.scratch);
	pt_arena_free(x.arena);
	return rc == -ENOMEM && e->n_errors == errors ? pt_err_sys(e, rc, "proving the tests") : rc;
}
