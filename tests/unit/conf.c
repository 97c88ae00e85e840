/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common file: what it means, and what is said of a wrong one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/internal.h"
#include "lib/scarce.h"

/* ---- helpers ---- */

static struct pt_conf *good(const char *text)
{
	struct pt_err e = { 0 };
	struct pt_conf *c;
	int rc = pt_conf_parse("f", text, strlen(text), &c, &e);

	for (size_t i = 0; i < e.list.n; i++)
		print_message("# %u:%u %s\n", e.list.v[i].loc.line, e.list.v[i].loc.col,
			      e.list.v[i].msg);
	assert_int_equal(rc, 0);
	assert_int_equal(e.list.n, 0);
	assert_non_null(c);
	pt_err_fini(&e);
	return c;
}

/* One expected record: place, part of the message, part of the hint (NULL: any). */
struct want {
	uint32_t line, col, len;
	const char *msg, *hint;
};

static void assert_record(const struct pt_diag *d, const struct want *w)
{
	if (d->loc.line != w->line || d->loc.col != w->col || (w->len && d->loc.len != w->len) ||
	    !strstr(d->msg, w->msg) || (w->hint && (!d->hint || !strstr(d->hint, w->hint))))
		fail_msg("wanted %u:%u+%u %s (%s), got %u:%u+%u %s (%s)", w->line, w->col, w->len,
			 w->msg, w->hint ? w->hint : "", d->loc.line, d->loc.col, d->loc.len,
			 d->msg, d->hint ? d->hint : "");
}

static void bad_n(const char *text, size_t len, const struct want *w, size_t n)
{
	struct pt_err e = { 0 };
	struct pt_conf *c = (void *)&e;

	assert_int_equal(pt_conf_parse("f", text, len, &c, &e), -EINVAL);
	assert_null(c);
	for (size_t i = 0; i < e.list.n && i < n; i++) {
		assert_record(&e.list.v[i], &w[i]);
		assert_string_equal(e.list.v[i].loc.file, "f");
		assert_non_null(e.list.v[i].source);
	}
	for (size_t i = n; i < e.list.n; i++)
		print_message("# more: %u:%u %s\n", e.list.v[i].loc.line, e.list.v[i].loc.col,
			      e.list.v[i].msg);
	assert_int_equal(e.list.n, n);
	assert_int_equal(e.n_errors, n);
	pt_err_fini(&e);
}

#define BAD(text, ...)                                                                             \
	do {                                                                                       \
		static const struct want want_[] = { __VA_ARGS__ };                                \
		bad_n((text), strlen(text), want_, PT_ARRAY_SIZE(want_));                          \
	} while (0)
#define BAD_BYTES(text, ...)                                                                       \
	do {                                                                                       \
		static const struct want want_[] = { __VA_ARGS__ };                                \
		bad_n((text), sizeof(text) - 1, want_, PT_ARRAY_SIZE(want_));                      \
	} while (0)

/* ---- meaning ---- */

static void test_empty_file(void **state)
{
	struct pt_conf *c = good("");

	(void)state;
	assert_string_equal(c->path, "f");
	assert_int_equal(c->forwarding, -1);
	assert_true(c->builtin);
	assert_null(c->system_name);
	assert_int_equal(c->interfaces.n + c->tables.n + c->macros.n + c->rules.n, 0);
	pt_conf_free(c);
}

static void test_system(void **state)
{
	struct pt_conf *c =
		good("system { name = gw.example description = 'a b' forwarding = no }");

	(void)state;
	assert_string_equal(c->system_name, "gw.example");
	assert_string_equal(c->description, "a b");
	assert_int_equal(c->forwarding, 0);
	pt_conf_free(c);
	c = good("system { forwarding = TRUE }");
	assert_int_equal(c->forwarding, 1);
	pt_conf_free(c);
}

static void test_interfaces(void **state)
{
	struct pt_conf *c =
		good("interface wan { device = eth0 address = { dhcp } }\n"
		     "interface lan { address = { \"192.168.1.1/24\", fd00::1/64 }\n"
		     " groups = { inside, trusted } description = \"office\" }\n"
		     "interface six { device = \"6in4.7\" address = { \"auto\", 10.0.0.1/31 } }");
	const struct pt_conf_if *lan = pt_conf_find_if(c, "lan"), *six = pt_conf_find_if(c, "six");

	(void)state;
	assert_int_equal(c->interfaces.n, 3);
	assert_string_equal(c->interfaces.v[0].device, "eth0");
	assert_true(c->interfaces.v[0].dhcp);
	assert_non_null(lan);
	assert_string_equal(lan->device, "lan");
	assert_false(lan->dhcp);
	assert_int_equal(lan->addresses.n, 2);
	assert_true(lan->addresses.v[0].addr.v == 0xc0a80101);
	assert_int_equal(lan->addresses.v[0].len, 24);
	assert_int_equal(lan->addresses.v[1].addr.af, PT_AF_INET6);
	assert_int_equal(lan->groups.n, 2);
	assert_string_equal(lan->groups.v[1].s, "trusted");
	assert_int_equal(lan->groups.v[1].loc.line, 3);
	assert_int_equal(lan->groups.v[1].loc.col, 21);
	assert_string_equal(lan->description, "office");
	assert_int_equal(lan->loc.line, 2);
	assert_int_equal(lan->loc.col, 11);
	assert_true(six->dhcp);
	assert_int_equal(six->addresses.n, 1);
	assert_null(pt_conf_find_if(c, "eth0"));
	pt_conf_free(c);
}

static void test_address_forms(void **state)
{
	static const char *const texts[] = {
		"interface a { address = { dhcp } }",
		"interface a { address = { \"dhcp\" } }",
		"interface a { address = dhcp }",
		"interface a { address = { auto } }",
		"interface a { }",
		"interface a { address = { } }",
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(texts); i++) {
		struct pt_conf *c = good(texts[i]);

		assert_true(c->interfaces.v[0].dhcp);
		assert_int_equal(c->interfaces.v[0].addresses.n, 0);
		pt_conf_free(c);
	}
}

static void test_tables_and_macros(void **state)
{
	struct pt_conf *c =
		good("table a { addresses = { 10.0.0.0/8, \"!10.1.0.0/16\" } }\n"
		     "table b { file = \"x.txt\" persist = on const = true counters = yes }\n"
		     "table c { timeout = 1h30m }\n"
		     "macro web { value = \"{ 80 443 }\" }\n");
	const struct pt_conf_table *t = pt_conf_find_table(c, "b");

	(void)state;
	assert_int_equal(c->tables.n, 3);
	assert_int_equal(c->tables.v[0].addresses.n, 2);
	assert_string_equal(c->tables.v[0].addresses.v[1].s, "!10.1.0.0/16");
	assert_false(c->tables.v[0].persist || c->tables.v[0].constant || c->tables.v[0].counters);
	assert_null(c->tables.v[0].file);
	assert_string_equal(t->file, "x.txt");
	assert_int_equal(t->file_loc.line, 2);
	assert_int_equal(t->file_loc.col, 19);
	assert_true(t->persist && t->constant && t->counters);
	assert_int_equal(c->tables.v[2].timeout, 5400);
	assert_null(pt_conf_find_table(c, "web"));
	assert_int_equal(c->macros.n, 1);
	assert_string_equal(c->macros.v[0].name, "web");
	assert_string_equal(c->macros.v[0].text, "{ 80 443 }");
	pt_conf_free(c);
}

static int see_rule(void *arg, const struct pt_conf *c, uint32_t index, const struct pt_ast_rule *rule)
{
	static const struct {
		enum pt_action action;
		uint32_t line, col;
	} expected[] = { { PT_BLOCK, 5, 6 }, { PT_PASS, 6, 6 }, { PT_PASS, 7, 15 } };
	uint32_t *seen = arg;

	assert_true(index < c->rules.n);
	assert_int_equal(index, (*seen)++);
	assert_int_equal(rule->action, expected[index].action);
	assert_int_equal(rule->loc.line, expected[index].line);
	assert_int_equal(rule->loc.col, expected[index].col);
	return 0;
}

static int refuse_rule(void *arg, const struct pt_conf *c, uint32_t index,
		       const struct pt_ast_rule *rule)
{
	uint32_t *seen = arg;

	(void)c;
	(void)index;
	(void)rule;
	(*seen)++;
	return -ECANCELED;
}

static void test_rules(void **state)
{
	uint32_t seen = 0;
	struct pt_conf *c =
		good("macro ssh { value = \"port 22\" }\n"
		     "firewall {\n  builtin = false\n  rules = {\n    \"block\",\n"
		     "    'pass in proto tcp to any $ssh' }\n  rules += { \"pass out\" }\n}");

	(void)state;
	assert_false(c->builtin);
	assert_int_equal(c->rules.n, 3);
	assert_int_equal(c->rules.v[2].len, 8);
	assert_memory_equal(c->rules.v[2].s, "pass out", 8);
	assert_int_equal(c->rules.v[0].line, 5);
	assert_int_equal(c->rules.v[0].col, 6);
	assert_int_equal(pt_conf_rules(c, see_rule, &seen, NULL), 0);
	assert_int_equal(seen, 3);
	assert_int_equal(pt_conf_rules(c, refuse_rule, &seen, NULL), -ECANCELED);
	assert_int_equal(seen, 4);
	pt_conf_free(c);
}

/* The text is the caller's, the configuration keeps its own. */
static void test_keeps_a_copy(void **state)
{
	char text[] = "system { name = gw }", name[] = "file";
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse(name, text, strlen(text), &c, NULL), 0);
	memset(text, 'x', sizeof(text));
	memset(name, 'x', sizeof(name));
	assert_string_equal(c->text, "system { name = gw }");
	assert_int_equal(c->len, 20);
	assert_string_equal(c->path, "file");
	assert_string_equal(c->system_name, "gw");
	pt_conf_free(c);
}

static void test_warning_is_success(void **state)
{
	static const char text[] = "table t { const = true timeout = 5m }";
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse("f", text, strlen(text), &c, &e), 0);
	assert_int_equal(e.n_errors, 0);
	assert_int_equal(e.n_warnings, 1);
	assert_int_equal(e.list.v[0].loc.col, 7);
	pt_conf_free(c);
	pt_err_fini(&e);
}

static const char *network_value(const char *option)
{
	return !strcmp(option, "routes") ? "default via 192.0.2.1"
	       : !strcmp(option, "rules") ? "lookup 1" : "192.0.2.1 lladdr 02:00:00:00:00:01 dev lan";
}

/* Every row of the schema must have its place in the model, and a section must fit the reader. */
static void test_schema_is_bound(void **state)
{
	struct conf_section section = { .title = "t" };
	struct conf_tree tree = { .sections = { &section, 1, 1 } };
	struct pt_conf *c = good("");
	struct conf_model m = { c, &tree };
	size_t rows = 0;

	(void)state;
	for (const struct pt_schema *s = pt_conf_schema; s->name; s++) {
		section.row = s;
		assert_int_equal(s->type, PT_OPT_SECTION);
		assert_non_null(s->help);
		assert_int_equal(conf_model_begin(c, &tree), 0);
		rows = 0;
		for (const struct pt_schema *o = s->options; o->name; o++, rows++) {
			struct conf_leaf leaf = { .opt = o };
			char least[24];
			const char *value = !strcmp(o->name, "limit")  ? "states 5"
					    : !strcmp(o->name, "timeout") && o->type == PT_OPT_LIST ? "udp.first 5"
					    : !strcmp(o->name, "days")	 ? "mon"
					    : !strcmp(o->name, "hours")	 ? "08:00-09:00"
					    : !strcmp(o->name, "dates")	 ? "12-24"
					    : o->type == PT_OPT_BOOL	 ? "true"
					    : o->type == PT_OPT_DURATION ? "1m"
					    : !strcmp(s->name, "network") ? network_value(o->name)
					    : o->type == PT_OPT_NUMBER	 ? least
					    : o->type == PT_OPT_WORD	 ? o->words[0]
									 : "10.0.0.1/32";

			(void)snprintf(least, sizeof(least), "%llu", (unsigned long long)o->min);
			assert_non_null(o->help);
			assert_non_null(o->range);
			assert_int_equal(conf_model_put(&m, &leaf, value), 0);
		}
		assert_true(rows > 0 && rows < CONF_MAX_OPTIONS);
	}
	pt_conf_free(c);
}

/* ---- errors ---- */

static void test_unknown_names(void **state)
{
	(void)state;
	BAD("sistem { name = x }\ninterface lan { adress = { dhcp } foo = { a, { b } } device = "
	    "eth0 }\n",
	    { 1, 1, 6, "no section \"sistem\"", "did you mean \"system\"?" },
	    { 2, 17, 6, "no option \"adress\"", "did you mean \"address\"?" },
	    { 2, 35, 3, "no option \"foo\"", "patronus.conf(5)" });
	BAD("name = x\nfirewal {\nrules = { bogus } }\nsystem|name = y",
	    { 1, 1, 4, "outside of any section", "system { ... }" },
	    { 2, 1, 7, "no section \"firewal\"", "did you mean \"firewall\"?" },
	    { 4, 1, 11, "outside of any section", NULL });
}

static void test_shape(void **state)
{
	(void)state;
	BAD("interface { }", { 1, 1, 9, "has no name", "interface NAME" });
	BAD("firewall x { }", { 1, 10, 1, "takes no name", NULL });
	BAD("table a b { }", { 1, 9, 1, "one name only", NULL });
	BAD("system { } }", { 1, 12, 1, "closes nothing", NULL });
	BAD("system {\n name = a\n", { 1, 1, 6, "section system is not closed", "}" });
	BAD("table a {\n file = x\ntable b { }\n", { 1, 7, 1, "section table is not closed", "}" });
	BAD("firewall { rules = { \"pass\", \n builtin = no }",
	    { 1, 20, 1, "list of rules is not closed", "}" });
	BAD("system { name \"a\" }", { 1, 10, 4, "equals sign is missing", "name = VALUE" });
	BAD("system { name = }", { 1, 17, 1, "value is missing", "name = VALUE" });
	BAD("system { name = { a } }", { 1, 17, 1, "one value, not a list", NULL });
	BAD("system { name += a }", { 1, 10, 4, "no list", "write =" });
	BAD("system { name = a, }", { 1, 18, 1, "name of an option", "commas" });
	BAD("system { description = my router }", { 1, 27, 6, "does not belong", "quotes" });
	BAD("table t { addresses = { 1.1.1.1 2.2.2.2 } }", { 1, 33, 7, "comma is missing", NULL });
	BAD("table t { addresses = { , } }", { 1, 25, 1, "value of the list is missing", NULL });
	BAD("include(\"x\")\nsystem { include('y') name = a+b }", { 1, 10, 1, "only a file can include", "-f" },
	    { 2, 10, 7, "no functions", NULL }, { 2, 30, 1, "outside of quotes", "quotes" },
	    { 2, 30, 3, "not a valid host name", NULL });
	BAD("system { name = \"a }\n", { 1, 17, 1, "string that is not closed", "quote" });
	BAD("system { } /* x", { 1, 12, 1, "comment that is not closed", "*/" });
}

/* A forgotten quote swaps text and quotes for the rest of the file: one record, at its cause. */
static void test_forgotten_quote(void **state)
{
	(void)state;
	BAD("firewall { rules = {\n  \"block all,\n  \"pass in\",\n  \"pass out\" } }\n",
	    { 2, 3, 1, "closing quote missing", "close it" });
}

static void test_values(void **state)
{
	(void)state;
	BAD("system { name = \"a_b\" forwarding = maybe }",
	    { 1, 18, 3, "not a valid host name", NULL },
	    { 1, 36, 5, "neither true nor false", "true or false" });
	BAD("interface a { address = { 10.0.0.1, 10.0.0.0/24, 10.0.0.255/24, 224.0.0.1/4, x } }",
	    { 1, 27, 8, "no prefix length", "length" }, { 1, 37, 11, "network's own", NULL },
	    { 1, 50, 13, "broadcast", NULL }, { 1, 65, 11, "no host can have it", NULL },
	    { 1, 78, 1, "not an address", "dhcp" });
	BAD("schedule s { days = { mon, frid, mon-xxx } hours = { 8-12, 08:00-08:00, 25:00-26:00, 24:00-01:00 } }",
	    { 1, 28, 4, "day of the week", "mon-fri" }, { 1, 34, 7, "day of the week", "mon-fri" },
	    { 1, 54, 4, "time of the day", "08:00-12:30" }, { 1, 60, 11, "time of the day", NULL },
	    { 1, 73, 11, "time of the day", NULL }, { 1, 86, 11, "time of the day", NULL });
	BAD("schedule s { dates = { 2026-02-29, 13-01, 12-24/2026-12-26, 2026-12-26/2026-12-24, today } }",
	    { 1, 24, 10, "not a date", "12-24 for every year" }, { 1, 36, 5, "not a date", NULL },
	    { 1, 43, 16, "not a date", NULL }, { 1, 61, 21, "not a date", NULL }, { 1, 84, 5, "not a date", NULL });
	BAD("schedule in { days = { mon } } schedule s { } system { timezone = ../UTC }",
	    { 1, 10, 2, "word of the rule language", NULL }, { 1, 41, 1, "says nothing about time", "days, hours or dates" },
	    { 1, 67, 6, "not the name of a time zone", "Europe/Berlin" });
	BAD("table t { timeout = 5x file = \"\" }", { 1, 21, 2, "not a length of time", "5m" },
	    { 1, 31, 0, "path is empty", NULL });
	BAD("macro m { value = \" \" }\nmacro n { }", { 1, 20, 1, "macro's value is empty", NULL },
	    { 2, 7, 1, "macro n has no value", "value =" });
	BAD("firewall { timeout = { 'tcp.frist 5', 'tcp.first', 'frag 5', 'tcp.first 0' } }",
	    { 1, 25, 11, "no time-out of this name", "tcp.first" },
	    { 1, 40, 9, "not the name of a time-out and a time", "tcp.established 24h" },
	    { 1, 53, 6, "'frag' is not possible", "ipfrag_time" }, { 1, 63, 11, "not a time", "at most a year" });
	BAD("firewall { limit = { 'state 5', 'states', 'frags 5', 'states 0', 'states x' } }",
	    { 1, 23, 7, "no limit of this name", "states" },
	    { 1, 34, 6, "not the name of a limit and a number", NULL },
	    { 1, 44, 7, "'frags' is not possible", "ipfrag_high_thresh" }, { 1, 55, 8, "not a limit", NULL },
	    { 1, 67, 8, "not a limit", "1 to 1000000000" });
	BAD("firewall { state-policy = if-bound }", { 1, 27, 8, "a state belongs to no interface", "floating" });
	BAD("firewall { timeout = { 'udp.first 5', 'udp.single 6' } }", { 1, 1, 8, "one time on Linux", NULL });
	BAD("firewall { rules = { \"\" } }", { 1, 22, 0, "rule is empty", NULL });
	BAD("system { description = \"a\\nb\" }", { 1, 25, 4, "description", "one line" });
	BAD("macro m { value = \"a\\9b \\400 \\e \\xff\" }",
	    { 1, 21, 2, "escape does not exist", NULL },
	    { 1, 25, 4, "escape does not exist", NULL },
	    { 1, 30, 2, "makes a control character", NULL });
	BAD("macro m { value = \"\\xff\" }", { 1, 20, 4, "do not make UTF-8", NULL });
	BAD("macro m { value = \"\\xc2\\x9b\" }", { 1, 20, 8, "do not make UTF-8", NULL });
}

static void test_clashes(void **state)
{
	(void)state;
	BAD("interface a { device = eth0 }\ninterface b { device = eth0 }",
	    { 2, 11, 1, "already interface a (line 1)", NULL });
	BAD("interface eth1 { device = eth0 }\ninterface lan { device = eth1 }",
	    { 2, 11, 3, "device that names the other", NULL });
	BAD("interface a { groups = { x, b } }\ninterface b { }",
	    { 1, 29, 1, "name of an interface", NULL });
	BAD("interface a { address = { 10.0.0.1/8, 10.0.0.1/9 } } interface b { }",
	    { 1, 11, 1, "same address twice", NULL });
	BAD("interface lo { device = eth0 }", { 1, 11, 2, "loopback", NULL });
}

/* Errors of every stage in one run and in the file's order; the rule's place is inside of its
 * string. */
static void test_all_errors_in_one_run(void **state)
{
	(void)state;
	BAD("firewall {\n  rules = {\n    \"pass in on\\\n  lan frobnicate\",\n    \"pass\", "
	    "\"blok all\" }\n}\n"
	    "table t { addresses = { 10.0.0.1/8 } }\nsistem { }\n",
	    { 4, 7, 10, "frobnicate", NULL }, { 5, 14, 4, "blok", NULL },
	    { 7, 25, 10, "bits set behind", "10.0.0.0/8" }, { 8, 1, 6, "no section", NULL });
}

static void test_no_echo_of_a_bad_macro(void **state)
{
	(void)state;
	BAD("macro m { valu = \"port 22\" }\nfirewall { rules = { \"pass in proto tcp to any $m\" "
	    "} }",
	    { 1, 11, 4, "no option \"valu\"", "did you mean \"value\"?" });
}

static void test_errors_are_bounded(void **state)
{
	struct pt_err e = { 0 };
	struct pt_buf b = { 0 };
	struct pt_conf *c;

	(void)state;
	for (int i = 0; i < 100000; i++)
		pt_buf_str(&b, "x y { }\n");
	assert_int_equal(pt_conf_parse("f", b.s, b.n, &c, &e), -EINVAL);
	assert_int_equal(e.list.n, PT_ERR_MAX);
	pt_err_fini(&e);
	pt_buf_fini(&b);
}

static void test_many_sections(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	for (int i = 0; i < CONF_MAX_SECTIONS; i++)
		pt_buf_fmt(&b, "table t%d { }\n", i);
	c = good(b.s);
	assert_int_equal(c->tables.n, CONF_MAX_SECTIONS);
	pt_conf_free(c);
	pt_buf_str(&b, "table last { }\n");
	assert_int_equal(pt_conf_parse("f", b.s, b.n, &c, &e), -EINVAL);
	assert_int_equal(e.list.n, 1);
	assert_int_equal(e.list.v[0].loc.line, CONF_MAX_SECTIONS + 1);
	pt_err_fini(&e);
	pt_buf_fini(&b);
}

/* ---- memory ---- */

static const char sample[] = "system { name = gw }\ninterface lan { device = eth0 address = { "
			     "10.0.0.1/8, dhcp } groups = { g } }\n"
			     "table t { addresses = { 10.0.0.0/8, !10.1.0.0/16 } timeout = 1m }\n"
			     "macro m { value = \"port 22\" }\nfirewall { rules = { \"pass in "
			     "proto tcp to any $m\", \"block\" } timeout = { 'udp.first 5' } limit = { 'states 9' } }\n";

static void hostile_31_every_allocation_fails(void **state)
{
	struct pt_err e = { 0 };
	struct pt_conf *c;
	int rc;

	(void)state;
	for (long i = 0;; i++) {
		allocations_left = i;
		rc = pt_conf_parse("f", sample, strlen(sample), &c, &e);
		if (allocations_left >= 0)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_null(c);
		assert_true(e.n_errors > 0);
		pt_err_fini(&e);
	}
	allocations_left = -1;
	assert_int_equal(rc, 0);
	pt_conf_free(c);
	pt_err_fini(&e);
}

static void hostile_31_every_allocation_fails_in_errors(void **state)
{
	static const char text[] =
		"sistem { }\nsystem { nam = x }\ntable t { addresses = { 10.0.0.1/8 } }\n"
		"firewall { rules = { \"pass bogus\" } }";
	struct pt_err e = { 0 };
	struct pt_conf *c;
	bool over;
	int rc;

	(void)state;
	for (long i = 0;; i++) {
		allocations_left = i;
		rc = pt_conf_parse("f", text, strlen(text), &c, &e);
		over = allocations_left >= 0;
		allocations_left = -1;
		assert_true(rc == -ENOMEM || rc == -EINVAL);
		assert_null(c);
		assert_true(e.n_errors > 0);
		pt_err_fini(&e);
		if (over)
			break;
	}
}

/* ---- hostile files ---- */

static void hostile_09_label(void **state)
{
	char text[400], label[201];

	(void)state;
	memset(label, 'a', 200);
	label[200] = '\0';
	(void)snprintf(text, sizeof(text), "firewall {\n rules = { \"pass label %s\" } }", label);
	BAD(text, { 2, 24, 200, "label", NULL });
	BAD("firewall { rules = { 'pass label \"a\nb\"' } }", { 1, 34, 0, "label", NULL });
	BAD("firewall { rules = { 'pass label \"a\\\\\"b\"' } }", { 1, 34, 0, "label", NULL });
}

static void hostile_10_text_that_looks_like_a_command(void **state)
{
	struct pt_conf *c = good("system { description = '\" ; flush ruleset ; \"' }\n"
				 "interface a { description = \"\\\" ; flush ruleset ; \\\"\" }");

	(void)state;
	assert_string_equal(c->description, "\" ; flush ruleset ; \"");
	assert_string_equal(c->interfaces.v[0].description, "\" ; flush ruleset ; \"");
	pt_conf_free(c);
}

static void refuse_title(const char *section, const char *title)
{
	static const struct want want[] = { { 1, 0, 0, "not a valid", NULL } };
	struct want w = want[0];
	char text[512];

	(void)snprintf(text, sizeof(text), "%s '%s' { %s }", section, title,
		       strcmp(section, "macro") ? "" : "value = x");
	w.col = (uint32_t)strlen(section) + (*title ? 3 : 2);
	bad_n(text, strlen(text), &w, 1);
}

static void hostile_11_names(void **state)
{
	static const char *const names[] = { "",    "..",   "-f", ".a", "1a",  "a b", "a;b",
					     "a/b", "a\"b", "ä",  "a*", "<a>", "a,b", "a$b" };
	static const char *const words[] = {
		"inet", "any", "self", "all", "port", "to", "no-route"
	};
	char longer[301];

	(void)state;
	memset(longer, 'a', 300);
	longer[300] = '\0';
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		refuse_title("interface", names[i]);
		refuse_title("table", names[i]);
		refuse_title("macro", names[i]);
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++) {
		refuse_title("interface", words[i]);
		refuse_title("table", words[i]);
	}
	refuse_title("macro", "a.b");
	refuse_title("macro", "a-b");
	refuse_title("interface", longer);
	refuse_title("table", longer);
	refuse_title("macro", longer);
	pt_conf_free(good("table T1_.-x { } macro a_1 { value = x } interface br-lan.7 { }"));
}

static void hostile_12_device_names(void **state)
{
	static const char *const names[] = { "a/b",  "abcdefghijklmnop",
					     "lo;x", "..",
					     ".",    "",
					     "a b",  "a:1",
					     "-x",   "eth%d",
					     "a\tb", "ä",
					     "$(x)" };
	static const struct want want[] = { { 1, 24, 0, "not a valid", NULL } };
	char text[100];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		struct want w = want[0];

		w.col += *names[i] ? 1 : 0;
		(void)snprintf(text, sizeof(text), "interface a { device = '%s' }", names[i]);
		bad_n(text, strlen(text), &w, 1);
		(void)snprintf(text, sizeof(text), "interface a { groups = '%s' }", names[i]);
		bad_n(text, strlen(text), &w, 1);
	}
	BAD("interface abcdefghijklmnop { }", { 1, 11, 16, "too long", NULL });
	pt_conf_free(good("interface a { device = abcdefghijklmno }"));
}

static void hostile_13_family_of_a_table_range(void **state)
{
	(void)state;
	BAD("table t { addresses = { \"10.0.0.1-fd00::1\" } }",
	    { 1, 26, 16, "differ in family", "both" });
}

static void hostile_14_numbers(void **state)
{
	(void)state;
	BAD("table t { timeout = 010 }", { 1, 21, 3, "not a length of time", NULL });
	BAD("table t { timeout = 0 }", { 1, 21, 1, "not a length of time", NULL });
	BAD("table t { addresses = { 010.0.0.1, 10.0.0.0/08, 1.2.3, 10.0.0.9-10.0.0.1 } }",
	    { 1, 25, 9, "not an address", NULL }, { 1, 36, 11, "not an address", NULL },
	    { 1, 49, 5, "not an address", NULL }, { 1, 56, 17, "ends before it begins", NULL });
	BAD("firewall { rules = { \"pass proto tcp to port 65536\" } }",
	    { 1, 46, 5, "65536", NULL });
	BAD("firewall { rules = { \"pass proto tcp to port 010\" } }", { 1, 46, 3, "010", NULL });
}

static void hostile_15_host_bits(void **state)
{
	(void)state;
	BAD("table t { addresses = { 10.0.0.1/8, \"!fd00::1/64\" } }",
	    { 1, 25, 10, "bits set behind", "write 10.0.0.0/8 for the network or 10.0.0.1" },
	    { 1, 38, 11, "bits set behind", "write fd00::/64 for the network or fd00::1" });
}

static void hostile_22_environment_is_not_looked_at(void **state)
{
	struct pt_conf *c;

	(void)state;
	setenv("HOME", "/environment", 1);
	setenv("LD_PRELOAD_X", "\" } firewall {", 1);
	c = good("system { description = \"${HOME} $HOME ${LD_PRELOAD_X}\" }\n"
		 "macro a { value = ${HOME} }\nmacro b { value = '${HOME}' }\n"
		 "macro c { value = \"${HOME:-x}\" }\nmacro d { value = \"a ${ b\" }\nmacro e { "
		 "value = \"}\" }\n");
	assert_string_equal(c->description, "${HOME} $HOME ${LD_PRELOAD_X}");
	assert_string_equal(c->macros.v[0].text, "${HOME}");
	assert_string_equal(c->macros.v[1].text, "${HOME}");
	assert_string_equal(c->macros.v[2].text, "${HOME:-x}");
	assert_string_equal(c->macros.v[3].text, "a ${ b");
	assert_string_equal(c->macros.v[4].text, "}");
	pt_conf_free(c);
}

static void hostile_23_bytes(void **state)
{
	struct pt_conf *c;

	(void)state;
	BAD_BYTES("system { name = \"a\0b\" }", { 1, 19, 1, "NUL byte", NULL });
	BAD_BYTES("# \0\nsystem { }\n# \0\0", { 1, 3, 1, "NUL byte", NULL },
		  { 3, 3, 1, "NUL byte", NULL });
	BAD_BYTES("system { description = \"caf\xe9\" }", { 1, 28, 1, "not UTF-8", "UTF-8" });
	BAD_BYTES("# \x1b[2J\nsystem { }", { 1, 3, 1, "control character (byte 0x1b)", NULL });
	BAD_BYTES("# \xc2\x9b", { 1, 3, 1, "control character", NULL });
	BAD_BYTES("# \xed\xa0\x80 surrogate", { 1, 3, 1, "not UTF-8", NULL });
	BAD_BYTES("system {\r}", { 1, 9, 1, "carriage return", "CR LF" });
	BAD_BYTES("system { }\r", { 1, 11, 1, "carriage return", NULL });
	c = good("\xef\xbb\xbfsystem {\r\n description = \"caf\xc3\xa9\"\r\n}\r\n"
		 "macro m { value = \"a \\\r\nb\r\nc\" }\r\n");
	assert_string_equal(c->description, "caf\xc3\xa9");
	assert_string_equal(c->macros.v[0].text, "a b\nc");
	pt_conf_free(c);
}

static void hostile_24_duplicates(void **state)
{
	(void)state;
	BAD("system { name = a\n name = b }\nsystem { }",
	    { 2, 2, 4, "given twice: first in line 1", "+=" },
	    { 3, 1, 6, "system is given twice: first in line 1", NULL });
	BAD("table a { }\ninterface a { }\ntable a { file = x }\ninterface 'a' { device = eth9 }",
	    { 3, 7, 1, "table a is given twice: first in line 1", NULL },
	    { 4, 12, 1, "interface a is given twice: first in line 2", NULL });
	BAD("firewall { rules = { pass }\n rules = { block } }", { 2, 2, 5, "given twice", "+=" });
	BAD("macro m { value = a }\nmacro m { value = b }", { 2, 7, 1, "given twice", NULL });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_file),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_address_forms),
		cmocka_unit_test(test_tables_and_macros),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_keeps_a_copy),
		cmocka_unit_test(test_warning_is_success),
		cmocka_unit_test(test_schema_is_bound),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_forgotten_quote),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_clashes),
		cmocka_unit_test(test_all_errors_in_one_run),
		cmocka_unit_test(test_no_echo_of_a_bad_macro),
		cmocka_unit_test(test_errors_are_bounded),
		cmocka_unit_test(test_many_sections),
		cmocka_unit_test(hostile_31_every_allocation_fails),
		cmocka_unit_test(hostile_31_every_allocation_fails_in_errors),
		cmocka_unit_test(hostile_09_label),
		cmocka_unit_test(hostile_10_text_that_looks_like_a_command),
		cmocka_unit_test(hostile_11_names),
		cmocka_unit_test(hostile_12_device_names),
		cmocka_unit_test(hostile_13_family_of_a_table_range),
		cmocka_unit_test(hostile_14_numbers),
		cmocka_unit_test(hostile_15_host_bits),
		cmocka_unit_test(hostile_22_environment_is_not_looked_at),
		cmocka_unit_test(hostile_23_bytes),
		cmocka_unit_test(hostile_24_duplicates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
