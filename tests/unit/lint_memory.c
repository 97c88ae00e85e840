/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lint while memory runs out at each allocation in turn: an error that says so, and nothing is lost or leaked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/plan.h>

#include "lib/scarce.h"
#include "policy_make.h"

#define ALIKE 70 /* the list of findings grows beyond what its arena has at hand */

static const char *route(void *arg, struct pt_addr dst)
{
	(void)arg;
	return dst.v >> 24 == 10 ? "dmz0" : "wan0";
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

static int run(struct pt_world *w, size_t *found)
{
	struct pt_lint_input in = { .policy = w->policy, .host = w->host, .eval = w->eval, .details = true };
	struct pt_lint_outside outside = { 0 };
	struct pt_err e = { 0 };
	struct pt_lint l;
	int rc = pt_lint_init(&l);

	if (rc)
		return rc;
	rc = pt_lint_outside(w, l.arena, &outside);
	in.outside = outside.v;
	in.n_outside = outside.n;
	if (!rc)
		rc = pt_lint_policy(&l, &in, &e);
	if (!rc)
		rc = pt_lint_forwards(&l, w, &e);
	if (!rc)
		rc = pt_lint_end(&l, w->policy, &e);
	*found = l.v.n;
	pt_lint_fini(&l);
	pt_err_fini(&e);
	return rc;
}

/* What RULES tell, whichever allocation fails. */
static void each_of(const char *rules, size_t least)
{
	struct pt_host *host = make_host();
	struct pt_world w = { .host = host, .route = route, .forwards = yes, .loopback = no };
	struct pt_eval *eval;
	size_t all = 0, found;
	struct built b;
	long at = 0;
	int rc;

	build_good(&b, rules);
	assert_int_equal(pt_eval_new(b.policy, host, &eval, &b.err), 0);
	w.policy = b.policy;
	w.eval = eval;
	assert_int_equal(pt_host_self(host, host->arena, &w.self[0], &w.self[1]), 0);
	assert_int_equal(run(&w, &all), 0);
	assert_true(all > least);
	do {
		allocations_left = at++;
		found = 0;
		rc = run(&w, &found);
		assert_true(rc == 0 || rc == -ENOMEM);
		/* what is told is all */
		if (!rc)
			assert_int_equal(found, all);
	} while (allocations_left < 0);
	allocations_left = -1;
	print_message("# %ld allocations\n", at);
	pt_eval_free(eval);
	drop(&b);
	pt_arena_free(host->arena);
}

static void each_allocation(void **state)
{
	(void)state;
	each_of("\"block in on lan\", # lint: wide\n"
		"\"pass in on lan proto tcp from <bad> to any port { 22, 80 } tag RED\", \"block out tagged BLUE\",\n"
		"\"match in on wan proto tcp to any port 25 rdr-to 10.0.5.20\", \"pass in on wan\", # lint: twin, none\n"
		"\"pass in on wan inet proto tcp to any port 8443 rdr-to 10.0.5.20 port 443\",\n"
		"\"block in on lan inet from { 10.0.0.0/25, 10.0.0.128/25 }\", \"pass in on lan proto udp\",\n"
		"\"pass in on lan proto udp\", \"block in quick on lan proto udp to any port 53\"", 10);
}

/* The list of findings grows while one of a rule that never decides is added. */
static void many_alike(void **state)
{
	struct pt_buf rules = { 0 };

	(void)state;
	for (int i = 0; i < ALIKE; i++)
		pt_buf_fmt(&rules, "%s\"pass in on lan proto udp to any port 53\"", i ? ", " : "");
	assert_int_equal(rules.err, 0);
	each_of(rules.s, ALIKE - 2);
	pt_buf_fini(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation), cmocka_unit_test(many_alike) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lint without memory", tests, NULL, NULL);
}
