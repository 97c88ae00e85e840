/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * patronus.conf(5) tells of exactly the options that the schema has, in its words: the part of the page
 * between the two marks is made from the table. With PATRONUS_UPDATE=1 the page is written anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/conf.h>

#define BEGIN_MARK ".\\\" options: made from the schema\n"
#define END_MARK ".\\\" end of options\n"

static const char *type_text(const struct pt_schema *o)
{
	switch (o->type) {
	case PT_OPT_BOOL:
		return "true | false";
	case PT_OPT_STR:
		return "string";
	case PT_OPT_LIST:
		return "{ string, ... }";
	case PT_OPT_DURATION:
		return "time";
	case PT_OPT_NUMBER:
		return "number";
	case PT_OPT_WORD:
		return "word";
	case PT_OPT_SECTION:
		break;
	}
	return "";
}

static void kinds(struct pt_buf *b, uint32_t mask)
{
	const char *gap = "For type ";

	for (size_t i = 0; pt_link_kinds[i]; i++)
		if (mask & 1u << i) {
			pt_buf_fmt(b, "%s%s", gap, pt_link_kinds[i]);
			gap = ", ";
		}
	pt_buf_str(b, ".\n");
}

static void option(struct pt_buf *b, const struct pt_schema *o)
{
	pt_buf_fmt(b, ".It Cm %s Ns = Ns Ar \"%s\"\n", o->name, type_text(o));
	pt_buf_fmt(b, "%c%s.\n", o->help[0] & ~32, o->help + 1);
	if (o->range && o->type != PT_OPT_BOOL)
		pt_buf_fmt(b, "Values: %s.\n", o->range);
	if (o->kinds)
		kinds(b, o->kinds);
	if (o->def)
		pt_buf_fmt(b, "Default:\n.Cm %s .\n", o->def);
}

static void section(struct pt_buf *b, const struct pt_schema *s)
{
	pt_buf_fmt(b, ".Ss %s%s { ... }\n", s->name, s->titled ? " NAME" : "");
	pt_buf_fmt(b, "%c%s.\n", s->help[0] & ~32, s->help + 1);
	pt_buf_str(b, ".Bl -tag -width Ds\n");
	for (const struct pt_schema *o = s->options; o->name; o++)
		option(b, o);
	pt_buf_str(b, ".El\n");
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	struct pt_buf b = { 0 };
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		pt_buf_add(&b, chunk, n);
	fclose(f);
	*len = b.n;
	return b.s;
}

static void the_page_tells_the_schema(void **state)
{
	const char *top = getenv("PATRONUS_TOP");
	char path[512], *page, *begin, *end;
	struct pt_buf want = { 0 }, whole = { 0 };
	size_t len;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/man/patronus.conf.5", top ? top : ".");
	page = slurp(path, &len);
	begin = strstr(page, BEGIN_MARK);
	end = strstr(page, END_MARK);
	assert_non_null(begin);
	assert_non_null(end);
	begin += strlen(BEGIN_MARK);
	for (const struct pt_schema *s = pt_conf_schema; s->name; s++)
		section(&want, s);
	if (getenv("PATRONUS_UPDATE")) {
		pt_buf_add(&whole, page, (size_t)(begin - page));
		pt_buf_add(&whole, want.s, want.n);
		pt_buf_str(&whole, end);
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(whole.s, 1, whole.n, f), whole.n);
		fclose(f);
		pt_buf_fini(&whole);
	} else {
		*end = '\0';
		assert_string_equal(begin, want.s);
	}
	pt_buf_fini(&want);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_page_tells_the_schema) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
