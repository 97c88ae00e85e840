/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of the common file: what comes, goes and stays, in many layouts; that a change and its opposite leave the bytes
 * as they were; where what is wrong is shown; files, included files, and memory that runs out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <patronus/edit.h>

#include "lib/scarce.h"

/* ---- one change ---- */

#define WORDS_MAX 16

struct line {
	struct pt_edit what;
	const char *words[WORDS_MAX];
	char copy[512];
};

/* "set|interface|lan|address|10.0.0.1/24" */
static void split_line(const char *text, struct line *l)
{
	static const struct {
		const char *verb;
		enum pt_edit_op op;
	} verbs[] = { { "get", PT_EDIT_GET }, { "set", PT_EDIT_SET }, { "delete", PT_EDIT_DELETE },
		      { "rename", PT_EDIT_RENAME }, { "comment", PT_EDIT_COMMENT } };
	char *rest = l->copy, *word;

	memset(&l->what, 0, sizeof(l->what));
	assert_true(strlen(text) < sizeof(l->copy));
	(void)snprintf(l->copy, sizeof(l->copy), "%s", text);
	word = strsep(&rest, "|");
	for (size_t i = 0; i < PT_ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].verb, word))
			l->what.op = verbs[i].op;
	while ((word = strsep(&rest, "|"))) {
		assert_true(l->what.n < WORDS_MAX);
		l->words[l->what.n++] = word;
	}
	l->what.words = l->words;
}

/* The text after LINE, malloc'ed; NULL with records. */
static char *change_with(const char *before, const char *line, struct pt_err *e, int *rc, bool *changed)
{
	struct pt_edit_texts t;
	struct pt_edit_result r;
	struct line l = { .what = { 0 } };
	char *out = NULL;

	split_line(line, &l);
	*rc = pt_edit_text("t.conf", before, strlen(before), &t, e);
	if (*rc)
		return NULL;
	*rc = pt_edit(&t, &l.what, &r, e);
	*changed = r.changed;
	if (!*rc)
		out = r.changed ? strndup(r.text, r.len) : strdup(before);
	if (!*rc && r.changed) {
		size_t len = strlen(before);

		/* the span tells what changed, and nothing else did */
		assert_int_equal(r.len, len - r.old_len + r.new_len);
		assert_memory_equal(r.text, before, r.from);
		assert_memory_equal(r.text + r.from + r.new_len, before + r.from + r.old_len, len - r.from - r.old_len);
	}
	pt_edit_texts_fini(&t);
	return out;
}

static char *change(const char *before, const char *line)
{
	struct pt_err e = { 0 };
	bool changed;
	char *out;
	int rc;

	out = change_with(before, line, &e, &rc, &changed);
	if (rc)
		fail_msg("%s of:\n%s: %s (%d)", line, before, e.list.n ? e.list.v[0].msg : "no record", rc);
	pt_err_fini(&e);
	return out;
}

static void expect_change(const char *before, const char *line, const char *after)
{
	char *now = change(before, line);

	if (strcmp(now, after) != 0)
		fail_msg("%s\nof:\n%s\ngives:\n%s\ninstead of:\n%s", line, before, now, after);
	free(now);
}

/* ---- layouts ---- */

#define LAN "interface lan {\n\tdevice = \"eth1\" # the inner one\n\taddress = { \"10.0.0.1/24\" }\n}\n"
#define RULES "firewall {\n\trules = {\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass out\", // all\n\t\t\"pass in on lan\",\n\t}\n}\n"

static void test_set(void **state)
{
	static const struct {
		const char *before, *line, *after;
	} cases[] = {
		/* scalars */
		{ LAN, "set|interface|lan|device|eth2",
		  "interface lan {\n\tdevice = \"eth2\" # the inner one\n\taddress = { \"10.0.0.1/24\" }\n}\n" },
		{ "interface lan { device = eth1 }\n", "set|interface|lan|device|eth2", "interface lan { device = eth2 }\n" },
		{ "interface lan { device = 'eth1' }\n", "set|interface.lan.device|eth2", "interface lan { device = 'eth2' }\n" },
		{ "interface lan { device = eth1 }\n", "set|interface|lan|description|it's mine",
		  "interface lan { device = eth1  description = \"it's mine\" }\n" },
		{ "interface lan {}\n", "set|interface/lan|description|a \"b\" ${HOME}",
		  "interface lan { description = 'a \"b\" ${HOME}' }\n" },
		{ "interface lan {}\n", "set|interface.lan|description|it's \"b\" ${X} \\",
		  "interface lan { description = \"it's \\\"b\\\" \\${X} \\\\\" }\n" },
		{ "system {\n    name       = \"a\"\n    forwarding = true\n}\n", "set|system|timezone|Europe/Berlin",
		  "system {\n    name       = \"a\"\n    forwarding = true\n    timezone   = \"Europe/Berlin\"\n}\n" },
		{ "system { # nothing yet\n}\n", "set|system.forwarding|on", "system { # nothing yet\n\tforwarding = on\n}\n" },
		/* lists */
		{ LAN, "set|interface|lan|address|fd00::1/64",
		  "interface lan {\n\tdevice = \"eth1\" # the inner one\n\taddress = { \"10.0.0.1/24\", \"fd00::1/64\" }\n}\n" },
		{ LAN, "set|interface|lan|address|10.0.0.1/24", LAN },
		{ LAN, "set|interface|lan|groups|a|b",
		  "interface lan {\n\tdevice = \"eth1\" # the inner one\n\taddress = { \"10.0.0.1/24\" }\n\tgroups = { \"a\", \"b\" }\n}\n" },
		{ "table t { addresses = { 10.0.0.1, } }", "set|table|t|addresses|10.0.0.2|10.0.0.3",
		  "table t { addresses = { 10.0.0.1, 10.0.0.2, 10.0.0.3, } }" },
		{ "table t { addresses = { \"10.0.0.1\" } }", "set|table|t|addresses|10.0.0.2|before|10.0.0.1",
		  "table t { addresses = { \"10.0.0.2\", \"10.0.0.1\" } }" },
		{ "table t { addresses = 10.0.0.1 }", "set|table|t|addresses|10.0.0.2",
		  "table t { addresses = { 10.0.0.1, 10.0.0.2 } }" },
		{ "table t { addresses = 10.0.0.1 addresses += { 10.0.0.2 } }", "set|table|t|addresses|10.0.0.3",
		  "table t { addresses = 10.0.0.1 addresses += { 10.0.0.2, 10.0.0.3 } }" },
		{ "table t {\n  addresses = {\n    '10.0.0.1', # one\n    '10.0.0.2' # two\n  }\n}\n", "set|table|t|addresses|10.0.0.3",
		  "table t {\n  addresses = {\n    '10.0.0.1', # one\n    '10.0.0.2', # two\n    '10.0.0.3'\n  }\n}\n" },
		{ "table t {\n  addresses = { '10.0.0.1',\n                '10.0.0.2' }\n}\n", "set|table|t|addresses|10.0.0.3",
		  "table t {\n  addresses = { '10.0.0.1',\n                '10.0.0.2',\n                '10.0.0.3' }\n}\n" },
		{ "table t { addresses = {} }", "set|table|t|addresses|10.0.0.3", "table t { addresses = { \"10.0.0.3\" } }" },
		{ "table t {\n\taddresses = {\n\t\t# none\n\t}\n}\n", "set|table|t|addresses|10.0.0.3",
		  "table t {\n\taddresses = {\n\t\t# none\n\t\t\"10.0.0.3\",\n\t}\n}\n" },
		{ "table t { addresses = { 10.0.0.1, 10.0.0.2, 10.0.0.3 } }", "set|table|t|addresses|=|10.0.0.1|10.0.0.9|10.0.0.3",
		  "table t { addresses = { 10.0.0.1, 10.0.0.9, 10.0.0.3 } }" },
		{ "table t { addresses = { 10.0.0.1, 10.0.0.2, 10.0.0.3 } }", "set|table|t|addresses|=|10.0.0.3",
		  "table t { addresses = { 10.0.0.3 } }" },
		{ "table t { addresses = { 10.0.0.1 } }", "set|table|t|addresses|=|10.0.0.3|10.0.0.1|10.0.0.2",
		  "table t { addresses = { 10.0.0.3, 10.0.0.1, 10.0.0.2 } }" },
		/* rules */
		{ RULES, "set|firewall|rules|pass|in|on|lan|proto|tcp",
		  "firewall {\n\trules = {\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass out\", // all\n"
		  "\t\t\"pass in on lan\",\n\t\t\"pass in on lan proto tcp\",\n\t}\n}\n" },
		{ RULES, "set|firewall|rules|pass in|after|deny",
		  "firewall {\n\trules = {\n\t\t# first\n\t\t\"block log label deny\",\n\t\t\"pass in\",\n\n\t\t\"pass out\", // all\n"
		  "\t\t\"pass in on lan\",\n\t}\n}\n" },
		{ RULES, "set|firewall|rules|pass in|before|1",
		  "firewall {\n\trules = {\n\t\t\"pass in\",\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass out\", // all\n"
		  "\t\t\"pass in on lan\",\n\t}\n}\n" },
		{ RULES, "set|firewall|rules|pass in on lan|before|deny",
		  "firewall {\n\trules = {\n\t\t\"pass in on lan\",\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass out\", // all\n\t}\n}\n" },
		{ RULES, "set|firewall|rules|pass  in on lan|after|pass out", RULES },
		{ "firewall { }\n", "set|firewall|rules|pass|out", "firewall {\n\trules = {\n\t\t\"pass out\",\n\t}\n}\n" },
		/* sections */
		{ "", "set|table|t|persist|true", "table t {\n\tpersist = true\n}\n" },
		{ "# mine\n", "set|firewall|rules|pass out", "# mine\n\nfirewall {\n\trules = {\n\t\t\"pass out\",\n\t}\n}\n" },
		{ "table a { persist = true }\nfirewall { }\n", "set|table|b|persist|true",
		  "table a { persist = true }\ntable b { persist = true }\nfirewall { }\n" },
		{ "table a {\n  persist = true\n}\n\nfirewall { }\n", "set|table|b|addresses|10.0.0.1",
		  "table a {\n  persist = true\n}\n\ntable b {\n  addresses = { \"10.0.0.1\" }\n}\n\nfirewall { }\n" },
		{ "system { }", "set|table|b", "system { }\n\ntable b {\n}" },
		{ "table b { }", "set|table|b", "table b { }" },
		/* line ends */
		{ "system {\r\n\tname = a\r\n}\r\n", "set|system|forwarding|true",
		  "system {\r\n\tname = a\r\n\tforwarding = true\r\n}\r\n" },
		/* others */
		{ "table a { }\n", "rename|table|a|c", "table c { }\n" },
		{ "table 'a' { }\n", "rename|table.a|c", "table 'c' { }\n" },
		{ LAN, "comment|interface|lan|address|two of them",
		  "interface lan {\n\tdevice = \"eth1\" # the inner one\n\t# two of them\n\taddress = { \"10.0.0.1/24\" }\n}\n" },
		{ "table a { }\n", "comment|table|a|of nobody", "# of nobody\ntable a { }\n" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
		expect_change(cases[i].before, cases[i].line, cases[i].after);
}

/* What is said of a rule goes where it goes; nothing that anybody wrote is lost on the way. */
static void test_move(void **state)
{
#define F(rules) "firewall {\n\trules = {\n" rules "\t}\n}\n"
	static const struct {
		const char *before, *line, *after;
	} cases[] = {
		{ RULES, "set|firewall|rules|pass out|before|deny",
		  F("\t\t\"pass out\", // all\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass in on lan\",\n") },
		{ F("\t\t\"block\", # a\n\t\t# of b\n\t\t# more\n\t\t\"pass out\", # b\n\t\t\"pass in\", # c\n"),
		  "set|firewall|rules|pass out|before|block",
		  F("\t\t# of b\n\t\t# more\n\t\t\"pass out\", # b\n\t\t\"block\", # a\n\t\t\"pass in\", # c\n") },
		{ F("\t\t# of a\n\t\t\"block\", # a\n\t\t\"pass out\", # b\n\t\t\"pass in\" # c\n"),
		  "set|firewall|rules|block|after|pass in",
		  F("\t\t\"pass out\", # b\n\t\t\"pass in\", # c\n\t\t# of a\n\t\t\"block\" # a\n") },
		/* the last one, without a comma, and the one that is the last then */
		{ F("\t\t\"block\", # a\n\n\t\t# of b\n\t\t\"pass out\" # b\n"), "set|firewall|rules|pass out|before|block",
		  F("\t\t# of b\n\t\t\"pass out\", # b\n\t\t\"block\" # a\n\n") },
		/* what stands above an empty line is not about it */
		{ F("\t\t\"block\",\n\t\t# all\n\n\t\t\"pass out\",\n"), "set|firewall|rules|pass out|before|block",
		  F("\t\t\"pass out\",\n\t\t\"block\",\n\t\t# all\n\n") },
		/* comments of all kinds, also before the comma and of several lines */
		{ F("\t\t\"block\",\n\t\t/* b:\n\t\t   yes */\n\t\t\"pass out\" /* x */, // y\n\t\t\"pass in\",\n"),
		  "set|firewall|rules|pass out|after|pass in",
		  F("\t\t\"block\",\n\t\t\"pass in\",\n\t\t/* b:\n\t\t   yes */\n\t\t\"pass out\", /* x */ // y\n") },
		/* several at once */
		{ F("\t\t\"block\", # a\n\t\t\"pass out\", # b\n\t\t\"pass in\", # c\n"),
		  "set|firewall|rules|pass in|pass out|before|block",
		  F("\t\t\"pass in\", # c\n\t\t\"pass out\", # b\n\t\t\"block\", # a\n") },
		/* twins become one, with what was said of both */
		{ F("\t\t\"pass out\", # b\n\t\t\"block\",\n\t\t\"pass  out\", # c\n\t\t\"pass in\",\n"), "set|firewall|rules|pass out|after|pass in",
		  F("\t\t\"block\",\n\t\t\"pass in\",\n\t\t\"pass out\", # b # c\n") },
		/* into a line that others share */
		{ "firewall { rules = { \"block\", \"pass in\",\n\t\t# of b\n\t\t\"pass out\", # b\n\t} }\n",
		  "set|firewall|rules|pass out|before|pass in",
		  "firewall { rules = { \"block\", \n\t\t# of b\n\"pass out\", # b\n\"pass in\",\n\t} }\n" },
		{ "firewall { rules = { \"block\",\n\t\t# of b\n\t\t\"pass out\", # b\n\t\t\"pass in\" } }\n",
		  "set|firewall|rules|pass out|after|pass in",
		  "firewall { rules = { \"block\",\n\t\t\"pass in\",\n\t\t# of b\n\t\t\"pass out\" # b\n\t\t } }\n" },
		/* out of one */
		{ "firewall { rules = { \"block\",\n\t\t# of b\n\t\t\"pass out\" } }\n", "set|firewall|rules|pass out|before|block",
		  "firewall { rules = { \n\t\t# of b\n\"pass out\",\n\"block\"\n\t\t } }\n" },
		/* options that are given in pieces */
		{ "firewall {\n\trules = \"block\"\n\t# of b\n\trules += \"pass out\" # b\n}\n", "set|firewall|rules|pass out|before|block",
		  "firewall {\n\trules = { \n\t# of b\n\t\"pass out\", # b\n\t\"block\" }\n}\n" },
		/* line ends */
		{ "firewall { rules = {\r\n\"block\",\r\n# of b\r\n\"pass out\", # b\r\n} }\r\n", "set|firewall|rules|pass out|before|block",
		  "firewall { rules = {\r\n# of b\r\n\"pass out\", # b\r\n\"block\",\r\n} }\r\n" },
	};
#undef F

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
		expect_change(cases[i].before, cases[i].line, cases[i].after);
}

static void test_delete(void **state)
{
	static const struct {
		const char *before, *line, *after;
	} cases[] = {
		{ LAN, "delete|interface|lan|device", "interface lan {\n\taddress = { \"10.0.0.1/24\" }\n}\n" },
		{ LAN, "delete|interface|lan|address|10.0.0.1/24", "interface lan {\n\tdevice = \"eth1\" # the inner one\n}\n" },
		{ LAN "\n# more\n", "delete|interface|lan", "# more\n" },
		{ "# top\n\n" LAN "\n# more\n", "delete|interface|lan", "# top\n\n# more\n" },
		{ RULES, "delete|firewall|rules|2",
		  "firewall {\n\trules = {\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass in on lan\",\n\t}\n}\n" },
		{ RULES, "delete|firewall|rules|deny",
		  "firewall {\n\trules = {\n\t\t# first\n\n\t\t\"pass out\", // all\n\t\t\"pass in on lan\",\n\t}\n}\n" },
		{ RULES, "delete|firewall|rules|pass|in|on|lan",
		  "firewall {\n\trules = {\n\t\t# first\n\t\t\"block log label deny\",\n\n\t\t\"pass out\", // all\n\t}\n}\n" },
		{ RULES, "delete|firewall|rules|deny|3", "firewall {\n\trules = {\n\t\t# first\n\n\t\t\"pass out\", // all\n\t}\n}\n" },
		{ RULES, "delete|firewall|rules|1|2", "firewall {\n\trules = {\n\t\t# first\n\n\t\t\"pass in on lan\",\n\t}\n}\n" },
		{ "table t { addresses = { 10.0.0.1, 10.0.0.2, 10.0.0.3 } }", "delete|table|t|addresses|10.0.0.2",
		  "table t { addresses = { 10.0.0.1, 10.0.0.3 } }" },
		{ "table t { addresses = { 10.0.0.1, 10.0.0.2, 10.0.0.3 } }", "delete|table|t|addresses|10.0.0.1",
		  "table t { addresses = { 10.0.0.2, 10.0.0.3 } }" },
		{ "table t { addresses = { 10.0.0.1, 10.0.0.2, 10.0.0.3 } }", "delete|table|t|addresses|3",
		  "table t { addresses = { 10.0.0.1, 10.0.0.2 } }" },
		{ "table t { addresses = { 10.0.0.1, /* x */ 10.0.0.2 } }", "delete|table|t|addresses|10.0.0.2",
		  "table t { addresses = { 10.0.0.1 /* x */  } }" },
		{ "table t { persist = true addresses = 10.0.0.1 addresses += 10.0.0.2 }", "delete|table|t|addresses",
		  "table t { persist = true }" },
		{ "table t { addresses = { # why\n 10.0.0.1 } }", "delete|table|t|addresses|10.0.0.1",
		  "table t { addresses = { # why\n  } }" },
		{ "table a { } table b { }", "delete|table|b", "table a { }" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
		expect_change(cases[i].before, cases[i].line, cases[i].after);
}

/* What a set adds, the same words with delete take away to the byte. */
static void test_opposites(void **state)
{
	static const char *const texts[] = {
		LAN RULES,
		RULES "\n" LAN "\ntable t { addresses = { 10.9.0.1, 10.9.0.2 } }\n",
		"table t {\n  addresses = {\n    '10.9.0.1', # one\n    '10.9.0.2' # two\n  }\n}\nfirewall { rules = { 'pass' } }",
		"table t {\n  addresses = { '10.9.0.1',\n                '10.9.0.2' }\n}\n\ninterface lan { device = eth0 }\n\n\n",
		"table t { addresses = { 10.9.0.1, 10.9.0.2, } }\r\nsystem { }\r\ninterface lan { device = eth0 } # x\r\n",
		"table t {\n\taddresses = {\n\t\t\"10.9.0.1\", \"10.9.0.2\",\n\t\t\"10.9.0.3\",\n\t}\n\n\t# end\n}\n# last",
	};
	static const char *const words[] = {
		"table|t|addresses|10.0.0.7", "table|t|addresses|10.0.0.7|10.0.0.8", "table|new", "table|t|timeout|1h",
		"interface|lan|groups|a", "firewall|rules|block in", "system|timezone|Europe/Berlin", "macro|m|value|x",
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(texts); i++)
		for (size_t k = 0; k < PT_ARRAY_SIZE(words); k++) {
			char set[128], undo[160], section[16] = "", *now, *back;
			size_t n = strcspn(words[k], "|");
			bool titled, there;

			(void)snprintf(section, sizeof(section), "%.*s ", (int)n, words[k]);
			titled = !strcmp(section, "table ") || !strcmp(section, "interface ") || !strcmp(section, "macro ");
			there = strstr(texts[i], section) && strcmp(words[k], "table|new") != 0;
			if (there && !strcmp(section, "system "))
				continue; /* braces without anything between them get blanks */
			if (there)
				n = strlen(words[k]);
			else if (titled)
				n += 1 + strcspn(words[k] + n + 1, "|");
			(void)snprintf(set, sizeof(set), "set|%s", words[k]);
			(void)snprintf(undo, sizeof(undo), "delete|%.*s", (int)n, words[k]);
			now = change(texts[i], set);
			assert_string_not_equal(now, texts[i]);
			back = change(now, undo);
			if (strcmp(back, texts[i]) != 0)
				fail_msg("%s and %s of:\n%s\ngive:\n%s\nby:\n%s", set, undo, texts[i], back, now);
			free(now);
			free(back);
		}
}

/* ---- what is wrong ---- */

static void expect_wrong(const char *before, const char *line, int code, const char *msg, const char *file, uint32_t row,
			 uint32_t col, uint32_t len, const char *hint)
{
	struct pt_err e = { 0 };
	bool changed;
	char *out;
	int rc;

	out = change_with(before, line, &e, &rc, &changed);
	assert_null(out);
	free(out);
	assert_int_equal(rc, code);
	assert_true(e.list.n >= 1);
	if (!strstr(e.list.v[0].msg, msg))
		fail_msg("%s: %s", line, e.list.v[0].msg);
	if (strcmp(e.list.v[0].loc.file, file) || e.list.v[0].loc.line != row || e.list.v[0].loc.col != col || e.list.v[0].loc.len != len)
		fail_msg("%s: %s:%u:%u+%u (%s)", line, e.list.v[0].loc.file, e.list.v[0].loc.line, e.list.v[0].loc.col,
			 e.list.v[0].loc.len, e.list.v[0].source ? e.list.v[0].source : "");
	assert_non_null(e.list.v[0].source);
	if (hint && (!e.list.v[0].hint || !strstr(e.list.v[0].hint, hint)))
		fail_msg("%s: hint %s", line, e.list.v[0].hint ? e.list.v[0].hint : "none");
	pt_err_fini(&e);
}

static void test_wrong(void **state)
{
	static const char cl[] = "command line";

	(void)state;
	expect_wrong(LAN, "set", -EINVAL, "path", cl, 1, 5, 1, "SECTION");
	expect_wrong(LAN, "set|interfac|lan", -EINVAL, "no section", cl, 1, 5, 8, "interface");
	expect_wrong(LAN, "set|interface", -EINVAL, "name of the interface", cl, 1, 15, 1, NULL);
	expect_wrong(LAN, "set|interface|lan|adress|10.0.0.1/24", -EINVAL, "no option", cl, 1, 19, 6, "address");
	expect_wrong(LAN, "set|interface|lan|address", -EINVAL, "missing", cl, 1, 27, 1, "ADDRESS/LENGTH");
	expect_wrong(LAN, "set|interface|lan|address|10.0.0.300/24", -EINVAL, "", cl, 1, 27, 13, NULL);
	expect_wrong(LAN, "set|interface|lan|device|eth1|eth2", -EINVAL, "one value", cl, 1, 31, 4, "quotes");
	expect_wrong(LAN, "set|interface|lan|description|a\033b", -EINVAL, "control", cl, 1, 31, 3, NULL);
	expect_wrong(LAN, "set|interface|1lan|device|eth0", -EINVAL, "", cl, 1, 15, 4, NULL);
	expect_wrong(RULES, "set|firewall|rules|pass|in|prot|tcp", -EINVAL, "", cl, 1, 28, 4, "proto");
	expect_wrong(RULES, "set|firewall|rules|pass in prot tcp", -EINVAL, "", cl, 1, 29, 4, "proto");
	expect_wrong(RULES, "set|firewall|rules|pass in|before|4", -ENOENT, "no such element", cl, 1, 37, 1, "1 to 3");
	expect_wrong(RULES, "delete|firewall|rules|foo", -ENOENT, "no such element", cl, 1, 23, 3, "1 to 3");
	/* one of several that is not there: none goes */
	expect_wrong(RULES, "delete|firewall|rules|deny|foo", -ENOENT, "no such element", cl, 1, 28, 3, "1 to 3");
	expect_wrong(RULES, "delete|firewall|rules|pass|in|on|wan", -ENOENT, "no such element", cl, 1, 23, 4, "1 to 3");
	/* the label "pass" and the label "out" */
	expect_wrong("firewall { rules = { \"pass out\", \"block label pass\", \"pass in label out\" } }", "delete|firewall|rules|pass|out",
		     -EINVAL, "each of them", cl, 1, 23, 4, "quotes");
	expect_wrong(LAN, "delete|interface|wan", -ENOENT, "no interface wan", cl, 1, 18, 3, "lan");
	expect_wrong(LAN, "delete|interface|lan|groups", -ENOENT, "not given", cl, 1, 22, 6, NULL);
	expect_wrong(LAN, "delete|interface|lan|address|10.0.0.2/24", -ENOENT, "no such element", cl, 1, 30, 11, "10.0.0.1/24");
	/* what was wrong before is shown where it stands, not where it would stand then */
	expect_wrong("table t { }\nsystem { forwarding = perhaps }\n", "set|table|u", -EINVAL, "true", "t.conf", 2, 23, 7, NULL);
	expect_wrong("table t {\n", "set|table|u", -EINVAL, "not closed", "t.conf", 1, 7, 1, NULL);
}

/* A file with a mistake can be mended. */
static void test_mend(void **state)
{
	(void)state;
	expect_change("system { forwarding = perhaps }\n", "set|system|forwarding|true", "system { forwarding = true }\n");
	expect_change("system { forwarding = perhaps }\n", "delete|system|forwarding", "system { }\n");
}

/* ---- reading ---- */

static int collect(const struct pt_edit_value *v, void *arg)
{
	struct pt_buf *b = arg;

	if (v->option && !v->loc.line)
		pt_buf_str(b, "default ");
	pt_buf_fmt(b, "%s@%u:%u\n", v->value, v->loc.line, v->loc.col);
	return 0;
}

static void expect_get(const char *text, const char *line, bool defaults, const char *expect)
{
	struct pt_edit_texts t;
	struct pt_edit_path path;
	struct pt_buf b = { 0 };
	struct line l = { .what = { 0 } };

	split_line(line, &l);
	assert_int_equal(pt_edit_text("t.conf", text, strlen(text), &t, NULL), 0);
	assert_int_equal(pt_edit_get(&t, &l.what, defaults, &path, collect, &b, NULL), 0);
	assert_string_equal(b.s ? b.s : "", expect);
	pt_buf_fini(&b);
	pt_edit_texts_fini(&t);
}

static void test_get(void **state)
{
	static const char two[] = "table t {\n addresses = { 10.0.0.1, '10.0.0.2' }\n addresses += 10.0.0.3\n}\ntable u { }\n";

	(void)state;
	expect_get(two, "get|table|t|addresses", false, "10.0.0.1@2:16\n10.0.0.2@2:27\n10.0.0.3@3:15\n");
	expect_get(two, "get|table|t|persist", false, "");
	expect_get(two, "get|table.t.persist", true, "default false@0:0\n");
	expect_get(two, "get|table|u", false, "table u { }@5:1\n");
	expect_get(two, "get|firewall|builtin", true, "default true@0:0\n");
	expect_get("system { name = \"a\\x62c\" }", "get|system|name", false, "abc@1:18\n");
	expect_get("interface eth0.5 { device = a }", "get|interface.eth0.5.device", false, "a@1:29\n");
}

/* What is set is what is read, whatever the bytes. */
static void test_set_get(void **state)
{
	static const char *const values[] = { "a", "a b", "'", "\"", "\\", "a\\nb", "${HOME}", "$", "#", "//", "/*", "{", "}", "=", ",",
					      "it's \"${X}\" \\", "\xc3\xa4", "a\\", "\\'", "trailing ", " ", "\\x41", "a'b\"c" };
	static const char *const texts[] = { "interface lan { description = x }", "interface lan { description = 'x' }",
					     "interface lan { description = \"x\" }", "interface lan { }" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		for (size_t k = 0; k < PT_ARRAY_SIZE(texts); k++) {
			const char *words[] = { "interface", "lan", "description", values[i] };
			struct pt_edit what = { .op = PT_EDIT_SET, .words = words, .n = 4 };
			struct pt_edit_texts t;
			struct pt_edit_result r;
			struct pt_conf *c;

			assert_int_equal(pt_edit_text("t.conf", texts[k], strlen(texts[k]), &t, NULL), 0);
			if (pt_edit(&t, &what, &r, NULL))
				fail_msg("%s into %s", values[i], texts[k]);
			assert_true(r.changed);
			assert_int_equal(pt_conf_parse("t", r.text, r.len, &c, NULL), 0);
			assert_string_equal(c->interfaces.v[0].description, values[i]);
			pt_conf_free(c);
			pt_edit_take(&t, &r);
			assert_int_equal(pt_edit(&t, &what, &r, NULL), 0);
			assert_false(r.changed);
			pt_edit_texts_fini(&t);
		}
}

static void add_word(const char *w, void *arg)
{
	pt_buf_fmt(arg, "%s ", w);
}

static void test_complete(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "set", "system interface " },
		{ "get|interface", "lan " },
		{ "set|interface|lan", "device address groups description " },
		{ "set|system|forwarding", "true false " },
		{ "delete|firewall|rules", "block log label deny pass out pass in on lan " },
		{ "set|firewall|skip", "lan " },
		{ "set|nothing", "" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_edit_texts t;
		struct pt_buf b = { 0 };
		struct line l = { .what = { 0 } };

		split_line(cases[i].line, &l);
		assert_int_equal(pt_edit_text("t.conf", LAN RULES, strlen(LAN RULES), &t, NULL), 0);
		assert_int_equal(pt_edit_complete(&t, &l.what, add_word, &b), 0);
		assert_memory_equal(b.s ? b.s : "", cases[i].words, strlen(cases[i].words));
		pt_buf_fini(&b);
		pt_edit_texts_fini(&t);
	}
}

/* ---- files ---- */

static char folder[] = "/tmp/edit.XXXXXX";

static void put_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void expect_file(const char *name, const char *text, mode_t mode)
{
	char path[128], *data;
	struct stat st;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(pt_file_read(path, 65536, &data, &len, NULL), 0);
	assert_string_equal(data, text);
	free(data);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static int edit_file(const char *line, const char *meanwhile, struct pt_err *e)
{
	struct pt_edit_texts t;
	struct pt_edit_result r;
	struct line l = { .what = { 0 } };
	char path[128];
	int rc;

	split_line(line, &l);
	(void)snprintf(path, sizeof(path), "%s/main.conf", folder);
	rc = pt_edit_load(path, &t, e);
	if (rc)
		return rc;
	rc = pt_edit(&t, &l.what, &r, e);
	if (!rc && meanwhile)
		put_file("main.conf", meanwhile, 0644);
	if (!rc)
		rc = pt_edit_write(&t, &r, e);
	pt_edit_texts_fini(&t);
	return rc;
}

static void test_file(void **state)
{
	char path[128], link_path[128];

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_file("main.conf", "include(\"more.conf\")\ntable a { }\n", 0640);
	put_file("more.conf", "# others\ntable b { addresses = 10.0.0.1 }\n", 0600);
	assert_int_equal(edit_file("set|table|b|addresses|10.0.0.2", NULL, NULL), 0);
	expect_file("main.conf", "include(\"more.conf\")\ntable a { }\n", 0640);
	expect_file("more.conf", "# others\ntable b { addresses = { 10.0.0.1, 10.0.0.2 } }\n", 0600);
	assert_int_equal(edit_file("delete|table|a", NULL, NULL), 0);
	expect_file("main.conf", "include(\"more.conf\")\n", 0640);
	/* wrong: nothing is written */
	assert_int_equal(edit_file("set|table|b|addresses|10.0.0.x/8", NULL, NULL), -EINVAL);
	/* somebody else was faster */
	assert_int_equal(edit_file("set|macro|c|value|x", "# theirs\n", NULL), -ESTALE);
	expect_file("main.conf", "# theirs\n", 0644);
	/* not through links */
	(void)snprintf(path, sizeof(path), "%s/main.conf", folder);
	(void)snprintf(link_path, sizeof(link_path), "%s/more.conf", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(link_path, path), 0);
	assert_int_equal(edit_file("set|table|c", NULL, NULL), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
}

/* ---- memory ---- */

static void test_memory(void **state)
{
	static const char *const lines[] = {
		"set|table|t|addresses|10.0.0.7|before|10.9.0.2", "set|table|t|addresses|=|10.0.0.7|10.9.0.1|10.0.0.8", "delete|table|t",
		"set|firewall|rules|pass|in|prot", "set|macro|m|value|x", "delete|table|t|addresses|10.9.0.1", "rename|table|t|u",
		"comment|table|t|x", "set|table|t|addresses|10.9.0.2|before|10.9.0.1", "delete|firewall|rules|pass|in",
	};
	static const char text[] = "table t {\n\taddresses = {\n\t\t'10.9.0.1', # one\n\t\t# two\n\t\t'10.9.0.2'\n\t}\n}\nfirewall { rules = { \"pass in\" } }\n";

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++)
		for (long n = 0;; n++) {
			struct pt_err e = { 0 };
			bool changed, done;
			char *out;
			int rc;

			allocations_left = n;
			out = change_with(text, lines[i], &e, &rc, &changed);
			done = allocations_left >= 0;
			allocations_left = -1;
			if (!done && out) /* strndup() of the test itself, or a record that was left out */
				rc = -ENOMEM;
			if (!done && rc != -ENOMEM && rc != -EINVAL)
				fail_msg("%s, allocation %ld: %d", lines[i], n, rc);
			free(out);
			pt_err_fini(&e);
			if (done)
				break;
			assert_true(n < 20000);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),	 cmocka_unit_test(test_move),
		cmocka_unit_test(test_delete),	 cmocka_unit_test(test_opposites),
		cmocka_unit_test(test_wrong),	 cmocka_unit_test(test_mend),	 cmocka_unit_test(test_get),
		cmocka_unit_test(test_set_get),	 cmocka_unit_test(test_complete), cmocka_unit_test(test_file),
		cmocka_unit_test(test_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
