/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common file under the fuzzer: no input may crash or hang the reader, make it contradict
 * libconfuse, or be refused without a reason that has a place.
 */
#include "agree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what)
{
	(void)fprintf(stderr, "%s\n", what);
	abort();
}

/* Every decoded byte of a rule must lie inside the string it came from. */
static void check_places(const struct pt_conf *c)
{
	for (size_t i = 0; i < c->rules.n; i++) {
		const struct pt_conf_rule *r = &c->rules.v[i];
		struct pt_conf_str s = { .loc = { c->path, r->line, r->col, 1 }, .raw = r->raw };
		struct pt_conf_at at = { c->path, c->text, c->len, &s };
		struct pt_loc end = pt_conf_locate(&at, r->len, 1),
			      begin = pt_conf_locate(&at, 0, 1);

		if (begin.line < r->line || end.line < begin.line)
			fail("a rule ends before it begins");
	}
}

static void check_records(const struct pt_err *e, uint32_t lines)
{
	if (!e->list.n)
		fail("refused without a reason");
	for (size_t i = 0; i < e->list.n; i++) {
		const struct pt_diag *d = &e->list.v[i];

		if (d->hint && strstr(d->hint, "fault of the program"))
			fail(d->msg);
		if (!d->loc.line || d->loc.line > lines || !d->loc.col)
			fail(d->msg);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *bad;
	struct pt_conf *c = NULL;
	struct pt_err e = { 0 };
	uint32_t lines = 1;
	int rc;

	bad = agree(text, size);
	if (bad)
		fail(bad);
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	rc = pt_conf_parse("fuzz", text, size, &c, &e);
	if (!rc != !!c || (rc && rc != -22))
		fail("result and configuration disagree");
	if (rc)
		check_records(&e, lines);
	else
		check_places(c);
	pt_conf_free(c);
	pt_err_fini(&e);
	return 0;
}
