/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The section `boot`: what it refuses, and the rules that the block set is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/nft.h>

#define IFS "interface lan { device = \"eth1\" groups = { \"inside\" } }\n"

static struct pt_conf *parse(const char *text, struct pt_err *e)
{
	struct pt_conf *c = NULL;

	if (pt_conf_parse("x.conf", text, strlen(text), &c, e))
		assert_null(c);
	return c;
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *msg;
		unsigned int line, col;
	} cases[] = {
		{ IFS "boot { ssh-on = { \"wan\" } }\n", "there is no interface or group wan", 2, 20 },
		{ IFS "boot { ssh-from = { \"10.0.0.1/8\" } }\n", "\"10.0.0.1/8\" has bits set behind its prefix length", 2, 22 },
		{ IFS "boot { ssh-from = { \"example.org\" } }\n", "this is not an address", 2, 22 },
		{ IFS "boot { ssh-from = { \"!10.0.0.0/8\" } }\n", "this is not an address", 2, 22 },
		{ IFS "boot { ssh-on = { \"lan\" } ssh-port = 0 }\n", NULL, 2, 38 },
		{ IFS "boot { ssh-on = { \"lan\" } ssh-port = 65536 }\n", NULL, 2, 38 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pt_err e = { 0 };

		assert_null(parse(cases[i].text, &e));
		assert_int_equal(e.n_errors, 1);
		if (cases[i].msg)
			assert_string_equal(e.list.v[0].msg, cases[i].msg);
		assert_int_equal(e.list.v[0].loc.line, cases[i].line);
		assert_int_equal(e.list.v[0].loc.col, cases[i].col);
		pt_err_fini(&e);
	}
}

static void test_port_alone(void **state)
{
	struct pt_err e = { 0 };
	struct pt_conf *c = parse(IFS "boot { ssh-port = 2222 }\n", &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(e.n_warnings, 1);
	pt_conf_free(c);
	pt_err_fini(&e);
}

/* Rules of the block set that NAME begins the names of. */
static size_t rules_of(const char *text, const char *name)
{
	struct pt_err e = { 0 };
	struct pt_conf *c = parse(text, &e);
	struct pt_policy *p = NULL;
	size_t n = 0;

	assert_non_null(c);
	assert_int_equal(pt_policy_block(c, &p, &e), 0);
	assert_int_equal(p->n_builtin, p->rules.n);
	for (size_t i = 0; i < p->rules.n; i++) {
		n += !strncmp(p->rules.v[i].name, name, strlen(name));
		assert_false(p->rules.v[i].keep_state);
	}
	pt_policy_free(p);
	pt_conf_free(c);
	pt_err_fini(&e);
	return n;
}

static void test_rules(void **state)
{
	(void)state;
	assert_int_equal(rules_of(IFS, "boot-"), 0);
	assert_true(rules_of(IFS "boot { ssh-on = { \"inside\" } }\n", "boot-ssh-in") > 0);
	assert_true(rules_of(IFS "boot { ssh-from = { \"2001:db8::/32\", \"192.0.2.1\" } }\n", "boot-ssh-out") > 0);
	/* The file's own rules, and that it may do without the built-in ones, are of no importance. */
	assert_true(rules_of(IFS "firewall { builtin = false rules = { \"pass\" } }\n", "builtin-") > 0);
	assert_int_equal(rules_of(IFS "firewall { rules = { \"pass no state label boot-x\" } }\n", "boot-"), 0);
	/* DHCP where the file says so */
	assert_true(rules_of(IFS, "builtin-dhcp") > 0);
	assert_int_equal(rules_of("interface lan { address = { \"10.0.0.1/8\" } }\n", "builtin-dhcp"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_port_alone),
		cmocka_unit_test(test_rules),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
