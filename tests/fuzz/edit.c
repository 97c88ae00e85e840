/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of the common file under the fuzzer: the first line of the input is the change, its words parted by '|', the rest the
 * file. What comes of it is read again: it has exactly that change, and every comment and every other value.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/edit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 12

static void fail(const char *what)
{
	(void)fprintf(stderr, "%s\n", what);
	abort();
}

struct values {
	const struct pt_edit_path *leave; /* out; its values go to OWN */
	struct pt_buf others, own;
};

static bool is_at(const struct pt_edit_value *v, const struct pt_edit_path *p)
{
	return v->section == p->section && (!p->title || (v->title && !strcmp(p->title, v->title))) &&
	       (!p->option || p->option == v->option);
}

static int take(const struct pt_edit_value *v, void *arg)
{
	struct values *all = arg;
	struct pt_buf *b = all->leave && is_at(v, all->leave) ? &all->own : &all->others;

	if (!v->option || !v->loc.line)
		return 0;
	pt_buf_fmt(b, "%s %s %s=%s\n", v->section->name, v->title ? v->title : "", v->option->name, v->value);
	return 0;
}

static void read_all(const char *text, size_t len, struct values *out)
{
	struct pt_edit_texts t;

	if (pt_edit_text("fuzz", text, len, &t, NULL))
		return;
	for (const struct pt_schema *row = pt_conf_schema; row->name; row++) {
		const char *words[] = { row->name };
		struct pt_edit what = { .op = PT_EDIT_GET, .words = words, .n = 1 };
		struct pt_edit_path path;

		if (pt_edit_get(&t, &what, true, &path, take, out, NULL))
			fail("what was read before cannot be read");
	}
	pt_edit_texts_fini(&t);
}

/* The comments, one after the other. */
static void comments(const char *text, size_t len, struct pt_buf *out)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_src_tok *toks;
	size_t n;

	if (!a || pt_src_scan("fuzz", text, len, a, &toks, &n, NULL))
		fail("a result that cannot be scanned");
	for (size_t i = 0; i < n; i++)
		if (toks[i].kind == PT_TOK_COMMENT)
			pt_buf_fmt(out, "%.*s\n", (int)toks[i].len, text + toks[i].off);
	pt_arena_free(a);
}

static bool same(const struct pt_buf *a, const struct pt_buf *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->s, b->s, a->n));
}

static void check_values(const struct pt_edit *what, const struct pt_edit_path *path, const struct values *now)
{
	size_t n = what->n - path->used;

	if (what->op == PT_EDIT_DELETE && !n && now->own.n)
		fail("what was deleted is still there");
	if (what->op != PT_EDIT_SET || !path->option || path->option->type == PT_OPT_LIST || n != 1)
		return;
	if (!now->own.s || now->own.n < strlen(what->words[path->used]) + 1 ||
	    memcmp(now->own.s + now->own.n - strlen(what->words[path->used]) - 1, what->words[path->used],
		   strlen(what->words[path->used])) != 0)
		fail("what was set is not read");
}

static void check_result(const char *text, size_t len, const struct pt_edit *what, const struct pt_edit_result *r)
{
	struct values before = { 0 }, now = { 0 };
	struct pt_buf told = { 0 }, kept = { 0 };
	const struct pt_edit_path path = r->path;
	struct pt_conf *c = NULL;

	if (pt_conf_parse("fuzz", r->text, r->len, &c, NULL))
		fail("a result that is not a configuration");
	pt_conf_free(c);
	before.leave = now.leave = &path;
	read_all(text, len, &before);
	read_all(r->text, r->len, &now);
	if (what->op == PT_EDIT_SET || what->op == PT_EDIT_DELETE) {
		if (!same(&before.others, &now.others))
			fail("something else changed");
		check_values(what, &path, &now);
	}
	if (what->op == PT_EDIT_SET || what->op == PT_EDIT_RENAME) {
		comments(text, len, &told);
		comments(r->text, r->len, &kept);
		if (what->op == PT_EDIT_RENAME && !same(&told, &kept))
			fail("a rename changed comments");
		if (what->op == PT_EDIT_SET && told.n != kept.n && strcmp(what->words[path.used], "=") != 0 &&
		    what->n - path.used < 3)
			fail("a set changed comments");
	}
	pt_buf_fini(&told);
	pt_buf_fini(&kept);
	pt_buf_fini(&before.others);
	pt_buf_fini(&before.own);
	pt_buf_fini(&now.others);
	pt_buf_fini(&now.own);
}

/* A number means another element after the change. */
static bool ends_in_number(const struct pt_edit *what)
{
	const char *last = what->n ? what->words[what->n - 1] : "";

	return *last && !last[strspn(last, "0123456789")];
}

/* The same change once more changes nothing. */
static void check_again(const struct pt_edit *what, const struct pt_edit_result *r)
{
	struct pt_edit_texts t;
	struct pt_edit_result again;

	if (what->op != PT_EDIT_SET || ends_in_number(what) || pt_edit_text("fuzz", r->text, r->len, &t, NULL))
		return;
	if (pt_edit(&t, what, &again, NULL) || again.changed)
		fail("what is set already is set again");
	pt_edit_texts_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *end = size ? memchr(data, '\n', size) : NULL, *words[WORDS_MAX];
	struct pt_edit what = { .words = words };
	struct pt_edit_result r;
	struct pt_edit_texts t;
	struct pt_err e = { 0 };
	char *line, *rest, *word;
	const char *text;
	size_t len;
	int rc;

	if (!end || end == (const char *)data)
		return 0;
	what.op = (enum pt_edit_op)(PT_EDIT_SET + data[0] % 4);
	len = (size_t)(end - (const char *)data) - 1;
	line = rest = calloc(1, len + 1); /* strict checks of strings want an end behind what strndup(3) takes */
	if (line)
		memcpy(line, data + 1, len);
	while (line && what.n < WORDS_MAX && (word = strsep(&rest, "|")))
		words[what.n++] = word;
	text = end + 1;
	len = size - (size_t)(text - (const char *)data);
	if (!pt_edit_text("fuzz", text, len, &t, NULL)) {
		rc = pt_edit(&t, &what, &r, &e);
		if (rc && !e.n_errors)
			fail("refused without a reason");
		if (!rc && r.changed) {
			check_result(t.v.v[0].text, len, &what, &r);
			check_again(&what, &r);
		}
		pt_edit_texts_fini(&t);
	}
	pt_err_fini(&e);
	free(line);
	return 0;
}
