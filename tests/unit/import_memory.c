/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Importing a file of pf while memory runs out at each allocation in turn: an error that says so, and nothing is lost
 * or leaked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/import.h>
#include <patronus/policy.h>

#include "lib/scarce.h"

static int check_text(void *arg, const char *text, size_t len, struct pt_err *e)
{
	struct pt_policy *p = NULL;
	struct pt_conf *c = NULL;
	int rc = pt_policy_parse("made", text, len, &c, &p, e);

	(void)arg;
	pt_policy_free(p);
	pt_conf_free(c);
	return rc;
}

static int read_file(void *arg, const char *path, char **data, size_t *len, struct pt_err *e)
{
	static const char text[] = "in = em1\n";

	(void)arg;
	(void)path;
	(void)e;
	*data = malloc(sizeof(text));
	if (!*data)
		return -ENOMEM;
	memcpy(*data, text, sizeof(text));
	*len = sizeof(text) - 1;
	return 0;
}

static const char text[] =
	"include \"more\"\n"
	"ext = \"em0\" # outside\n"
	"ports = \"{ 22 80 }\"\n"
	"set skip on lo0\nset limit states 1000\nset timeout tcp.never 5\nset debug misc\n"
	"table <bad> persist { 10/8 !10.1/16 self }\n"
	"nat on $ext from $in:network to any -> ($ext)\n"
	"no rdr on $ext proto tcp to 192.0.2.9\n"
	"rdr on $ext proto tcp to any port $ports -> 10.0.0.5 port 80\n"
	"antispoof quick for $in label spoofed\n"
	"block in log (all, to pflog1) label x\npass in proto tcp to port $ports modulate state (if-bound) label x\n"
	"pass in os \"Linux\"\npass in on wg\n"
	"anchor \"a\" in on $ext {\nblock from <other>\npass proto tcp to port 99999\n}\n";

static void every_allocation(void **state)
{
	struct pt_import_env env = { .read = read_file, .check = check_text };
	long failed = 0;
	int rc;

	(void)state;
	do {
		struct pt_import *i = NULL;
		struct pt_err e = { 0 };

		allocations_left = failed++;
		rc = pt_import_pf("t", text, strlen(text), &env, &i, &e);
		/* what was not reached stays to be counted down: then nothing failed */
		if (allocations_left >= 0) {
			allocations_left = -1;
			assert_int_equal(rc, 0);
			assert_non_null(strstr(i->text, "anchor a {"));
			assert_true(i->left >= 3);
		} else if (rc) {
			if (rc != -ENOMEM)
				fail_msg("%ld: %d %s", failed, rc, e.list.n ? e.list.v[0].msg : "");
			assert_null(i);
			assert_true(e.n_errors > 0);
			rc = 1;
		} else { /* it was not needed: a record that is only counted */
			rc = 1;
		}
		pt_import_free(i);
		pt_err_fini(&e);
	} while (rc);
	assert_true(failed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
