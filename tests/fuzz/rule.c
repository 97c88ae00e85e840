/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rule language under the fuzzer. No input may crash or hang the parser or be refused without a
 * reason that has a place; what is accepted prints to a text that parses to the same tree and
 * prints to the same text again. Lines after the first are the texts of the macros $a, $b, …
 */
#include <stdio.h>
#include <stdlib.h>

#include "rule_tree.h"

#define MACROS_MAX 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *text)
{
	(void)fprintf(stderr, "%s: %s\n", what, text ? text : "");
	abort();
}

static void check_text(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			fail("a message with a strange byte", s);
}

static void check_records(const struct pt_err *e, size_t len)
{
	if (!e->list.n)
		fail("refused without a reason", NULL);
	for (size_t i = 0; i < e->list.n; i++) {
		const struct pt_diag *d = &e->list.v[i];

		check_text(d->msg);
		check_text(d->hint);
		if (d->loc.line != 1 || !d->loc.col || d->loc.col > len + 1 || !d->loc.len ||
		    d->loc.col - 1 + d->loc.len > len + 1)
			fail("a record without a place", d->msg);
	}
}

static char *print(const struct pt_ast_rule *r)
{
	struct pt_buf b = { 0 };

	pt_rule_print(&b, r);
	if (b.err)
		fail("no memory", NULL);
	check_text(b.s);
	return b.s;
}

static void check_fixpoint(struct pt_arena *a, const struct pt_ast_rule *r)
{
	struct pt_rule_ctx plain = { .arena = a };
	struct pt_ast_rule *again = NULL;
	struct pt_err e = { 0 };
	char *text = print(r), *text2;

	if (strlen(text) <= 65536) { /* an expanded rule may be longer than one may be written */
		if (pt_rule_parse(&plain, text, strlen(text), &again, &e))
			fail("what was printed is refused", text);
		if (tree_differs(r, again))
			fail(tree_differs(r, again), text);
		text2 = print(again);
		if (strcmp(text, text2) != 0)
			fail("printed in two ways", text);
		free(text2);
	}
	pt_err_fini(&e);
	free(text);
}

/* Splits off the lines behind the first. */
static size_t split(char *text, size_t *len, struct pt_macro *m)
{
	static const char *const names[MACROS_MAX] = { "a", "b", "c", "d", "e", "f" };
	char *line = memchr(text, '\n', *len);
	size_t n = 0;

	if (!line)
		return 0;
	*len = (size_t)(line - text);
	while (line && n < MACROS_MAX) {
		*line++ = '\0';
		m[n] = (struct pt_macro){ names[n], line };
		line = strchr(line, '\n');
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_macro m[MACROS_MAX];
	struct pt_ast_rule *r = NULL;
	struct pt_err e = { 0 };
	char *text = malloc(size + 1);
	size_t len = size;
	int rc;

	if (!a || !text)
		fail("no memory", NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';

	struct pt_rule_ctx ctx = { .arena = a, .macros = m, .n_macros = split(text, &len, m) };

	rc = pt_rule_parse(&ctx, text, len, &r, &e);
	if (!rc != !!r || (rc && rc != -EINVAL) || (!rc && e.list.n))
		fail("result and tree disagree", text);
	if (rc)
		check_records(&e, len);
	else
		check_fixpoint(a, r);
	pt_err_fini(&e);
	pt_arena_free(a);
	free(text);
	return 0;
}
