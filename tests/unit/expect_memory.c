/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proofs and comparisons while memory runs out at each allocation in turn: an error that says so, never another answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <patronus/plan.h>
#include <patronus/space.h>

#include "lib/scarce.h"
#include "policy_make.h"

static struct pt_host *host;

static const char old_rules[] = PREAMBLE
	"schedule day { hours = { '08:00-18:00' } }\nsystem { timezone = 'UTC' }\n"
	"firewall { rules = { 'block', 'match in on lan tag A', 'pass in to <good> tagged A', 'pass out on wan nat-to (wan)' } }\n"
	"test t { expect = { 'pass in on lan to <good>', 'block in on dmz proto tcp schedule day', 'pass out on lan', 'block in from <none>',\n"
	"'block in from <four> to (six)' } }\n";
static const char new_rules[] = PREAMBLE
	"firewall { rules = { 'block', 'pass in on lan to 192.168.1.0/24', 'pass out on wan inet tagged B nat-to 203.0.113.2' } }\n";

static struct pt_plan plan_of(const char *text)
{
	struct pt_plan p = { 0 };
	struct pt_err e = { 0 };

	if (pt_policy_parse("t.conf", text, strlen(text), &p.conf, &p.policy, &e))
		print_error("%u:%u: %s\n", e.list.v[0].loc.line, e.list.v[0].loc.col, e.list.v[0].msg);
	assert_non_null(p.policy);
	pt_err_fini(&e);
	p.host = host;
	return p;
}

static void drop_plan(struct pt_plan *p)
{
	p->host = NULL;
	pt_plan_fini(p);
}

static int take(const struct pt_expectation *x, void *arg)
{
	size_t *results = arg;

	results[x->result]++;
	return 0;
}

static int prove(size_t results[3], struct pt_err *e)
{
	struct pt_plan p;
	long at = allocations_left;
	int rc;

	allocations_left = -1;
	p = plan_of(old_rules);
	allocations_left = at;
	rc = pt_expect_run(&p, PT_EXPECT_WRITTEN, NULL, NULL, NULL, take, results, e);
	allocations_left = -1;
	drop_plan(&p);
	return rc;
}

static int tell(const struct pt_meaning *m, void *arg)
{
	size_t *n = arg;

	(void)m;
	++*n;
	return 0;
}

static int compare(size_t results[3], struct pt_err *e)
{
	struct pt_plan old, new;
	long at = allocations_left;
	int rc;

	allocations_left = -1;
	old = plan_of(old_rules);
	new = plan_of(new_rules);
	allocations_left = at;
	rc = pt_plan_meaning(&old, PT_EXPECT_WRITTEN, &new, PT_EXPECT_WRITTEN, NULL, tell, results, e);
	allocations_left = -1;
	drop_plan(&old);
	drop_plan(&new);
	return rc;
}

static void each_in_turn(int (*run)(size_t results[3], struct pt_err *e))
{
	size_t wanted[3] = { 0 }, got[3];
	struct pt_err e = { 0 };
	long at = 0;
	int rc;

	assert_int_equal(run(wanted, &e), 0);
	pt_err_fini(&e);
	for (;; at++) {
		memset(got, 0, sizeof(got));
		memset(&e, 0, sizeof(e));
		allocations_left = at;
		rc = run(got, &e);
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_true(e.n_errors > 0);
		pt_err_fini(&e);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(got[i], wanted[i]);
	pt_err_fini(&e);
	printf("# %ld allocations\n", at);
	assert_true(at > 20);
}

static void proofs(void **state)
{
	(void)state;
	each_in_turn(prove);
}

static void comparisons(void **state)
{
	(void)state;
	each_in_turn(compare);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(proofs), cmocka_unit_test(comparisons) };
	int rc;

	host = make_host();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	pt_arena_free(host->arena);
	return rc;
}
