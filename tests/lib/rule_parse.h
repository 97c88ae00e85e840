/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rule_parse - one rule parsed, printed and judged, for the unit tests of the rule language. */
#ifndef TESTS_RULE_PARSE_H
#define TESTS_RULE_PARSE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/rule.h>

struct parsed {
	struct pt_arena *arena;
	struct pt_err err;
	struct pt_ast_rule *rule;
	int rc;
};

static const struct pt_macro *macros;
static size_t n_macros;

static inline struct parsed parse_bytes(const char *text, size_t len)
{
	struct parsed p = { .arena = pt_arena_new() };
	struct pt_rule_ctx ctx = { .arena = p.arena, .macros = macros, .n_macros = n_macros };

	assert_non_null(p.arena);
	p.rc = pt_rule_parse(&ctx, text, len, &p.rule, &p.err);
	return p;
}

static inline struct parsed parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static inline void done(struct parsed *p)
{
	pt_err_fini(&p->err);
	pt_arena_free(p->arena);
}

static inline char *print(const struct pt_ast_rule *r)
{
	struct pt_buf b = { 0 };

	pt_rule_print(&b, r);
	assert_int_equal(b.err, 0);
	return b.s;
}

static inline void expect_good(const char *what, const struct parsed *p)
{
	for (size_t i = 0; i < p->err.list.n; i++)
		print_message("# %s: %u %s\n", what, p->err.list.v[i].loc.col,
			      p->err.list.v[i].msg);
	if (p->rc || p->err.list.n || !p->rule)
		fail_msg("%s: refused", what);
}

/* Refused, with records that have places in the text and show it. */
static inline void expect_records(const char *what, const struct parsed *p, size_t len)
{
	if (p->rc != -EINVAL || p->rule || !p->err.n_errors || !p->err.list.n)
		fail_msg("%s: wanted an error, got %d", what, p->rc);
	for (size_t i = 0; i < p->err.list.n; i++) {
		const struct pt_diag *d = &p->err.list.v[i];

		if (d->loc.line != 1 || !d->loc.col || d->loc.col > len + 1 || !d->loc.len ||
		    !d->source || !d->msg || !*d->msg)
			fail_msg("%s: a record without its place: %s", what, d->msg);
	}
}

static inline struct parsed good(const char *text)
{
	struct parsed p = parse(text);

	expect_good(text, &p);
	return p;
}

#endif
